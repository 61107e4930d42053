/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text that grows */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/buffer.h"
#include "cli/message.h"

void buffer_deinit(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ 0 };
}

void buffer_grow(struct buffer *b, size_t n)
{
	size_t size = b->size ? b->size : 1024;
	char *data;

	while (size - b->len <= n)
		size *= 2;
	data = realloc(b->data, size);
	if (!data)
		message_no_memory();
	b->data = data;
	b->size = size;
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n > 0) {
		vsnprintf(buffer_room(b, (size_t)n + 1), (size_t)n + 1, format, again);
		b->len += (size_t)n;
	}
	va_end(again);
}
