/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line on stderr */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/message.h"
#include "cli/width.h"
#include "model/value.h"

/* Much of a text that stands in a message; the rest is cut. */
#define SAFE_MAX 512
#define LINE_SIZE 2048

/*
 * The last gate: whatever was not made safe before it was put into the message
 * is made so here. What was has only backslashes that may not be doubled.
 */
static void print_safe(const char *line)
{
	char safe[4 * LINE_SIZE];

	for (;;) {
		size_t len = strcspn(line, "\\");

		text_escape(safe, sizeof(safe), line, len);
		fputs(safe, stderr);
		if (!line[len])
			break;
		fputc('\\', stderr);
		line += len + 1;
	}
}

static void print_line(const char *format, va_list args)
{
	char line[LINE_SIZE];

	vsnprintf(line, sizeof(line), format, args);
	fputs("sockctl: ", stderr);
	print_safe(line);
	fputc('\n', stderr);
}

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

void message_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

const char *message_safe_n(const char *text, size_t len)
{
	static char buffers[4][SAFE_MAX];
	static unsigned turn;
	char *buf = buffers[turn++ % 4];

	text_escape(buf, SAFE_MAX, text, len);
	return buf;
}

const char *message_safe(const char *text)
{
	return message_safe_n(text, strlen(text));
}

void message_no_memory(void)
{
	message("out of memory");
	exit(EXIT_PARTIAL);
}

void message_point(const char *text, size_t len, size_t column, size_t length)
{
	/* Every byte can become \xHH. */
	char *safe = malloc(len * 4 + 1);
	size_t before, width;

	if (!safe)
		return;
	if (column > len)
		column = len;
	if (length > len - column)
		length = len - column;
	before = width_of(safe, text_escape(safe, len * 4 + 1, text, column));
	width = width_of(safe, text_escape(safe, len * 4 + 1, text + column, length));
	text_escape(safe, len * 4 + 1, text, len);
	fprintf(stderr, "    %s\n    %*s", safe, (int)before, "");
	for (size_t i = 0; i < (width ? width : 1); i++)
		fputc('^', stderr);
	fputc('\n', stderr);
	free(safe);
}
