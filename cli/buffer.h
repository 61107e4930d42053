/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text that grows; writing to it does no checks but one for room */

#ifndef SOCKETD_CLI_BUFFER_H
#define SOCKETD_CLI_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/cleanup.h"
#include "model/value.h"

struct buffer {
	char *data;
	size_t len, size;
};

void buffer_deinit(struct buffer *b);
DEFINE_CLEANUP(struct buffer, buffer_deinit)

/* Makes room for n bytes more. Exits the program when memory is short: nothing of the answer could be told then. */
void buffer_grow(struct buffer *b, size_t n);

/* Where the next n bytes go; buffer_used says how many they were. */
static inline char *buffer_room(struct buffer *b, size_t n)
{
	if (b->size - b->len <= n) /* there is memory even for nothing */
		buffer_grow(b, n);
	return b->data + b->len;
}

/* All up to end was written. */
static inline void buffer_used(struct buffer *b, const char *end)
{
	b->len = (size_t)(end - b->data);
}

static inline void buffer_put(struct buffer *b, const char *text, size_t len)
{
	memcpy(buffer_room(b, len), text, len);
	b->len += len;
}

static inline void buffer_string(struct buffer *b, const char *text)
{
	buffer_put(b, text, strlen(text));
}

static inline void buffer_char(struct buffer *b, char c)
{
	*buffer_room(b, 1) = c;
	b->len++;
}

static inline void buffer_fill(struct buffer *b, char c, size_t n)
{
	memset(buffer_room(b, n), c, n);
	b->len += n;
}

static inline void buffer_number(struct buffer *b, uint64_t u)
{
	b->len += text_u64(buffer_room(b, 20), u);
}

/* For what is rare: anything printf can. */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
