/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows for other programs */

#include <string.h>

#include "cli/csv.h"

/* Cells hold no control characters: a tab or a line end in a name came as \x09 or \x0a. */
static void put_quoted(struct buffer *b, const char *text, size_t len, char escape)
{
	buffer_char(b, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			buffer_char(b, escape);
		buffer_char(b, text[i]);
	}
	buffer_char(b, '"');
}

static void put_field(struct buffer *b, enum format format, const char *text, size_t len)
{
	if (format == FORMAT_CSV && (memchr(text, ',', len) || memchr(text, '"', len)))
		put_quoted(b, text, len, '"');
	else
		buffer_put(b, text, len);
}

void csv_header(struct buffer *b, enum format format, const struct table_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buffer_char(b, format == FORMAT_CSV ? ',' : '\t');
		put_field(b, format, columns[i].name, strlen(columns[i].name));
	}
	buffer_char(b, '\n');
}

void csv_row(struct buffer *b, enum format format, const char *row, const struct table_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buffer_char(b, format == FORMAT_CSV ? ',' : '\t');
		put_field(b, format, row + cells[i].start, cells[i].len);
	}
	buffer_char(b, '\n');
}

static bool needs_quotes(const char *text, size_t len)
{
	return len == 0 || memchr(text, ' ', len) || memchr(text, '"', len) || memchr(text, '=', len);
}

void csv_pairs(struct buffer *b, const struct table_column *columns, const char *row, const struct table_cell *cells,
	       size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const char *text = row + cells[i].start;

		if (cells[i].absent)
			continue;
		if (any)
			buffer_char(b, ' ');
		any = true;
		buffer_string(b, columns[i].name);
		buffer_char(b, '=');
		if (needs_quotes(text, cells[i].len))
			put_quoted(b, text, cells[i].len, '\\');
		else
			buffer_put(b, text, cells[i].len);
	}
	buffer_char(b, '\n');
}
