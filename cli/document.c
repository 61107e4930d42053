/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A JSON document that is written row by row */

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli/document.h"
#include "cli/message.h"
#include "cli/table.h"
#include "query/json.h"

void document_init(struct document *d, struct output *out, enum format format, const char *name)
{
	*d = (struct document){ .out = out, .format = format, .name = name };
}

static bool is_pretty(const struct document *d)
{
	return d->format == FORMAT_JSON_PRETTY;
}

/* No document around the rows. */
static bool is_lines(const struct document *d)
{
	return d->format == FORMAT_JSON_SEQ || d->format == FORMAT_JSON_LINES;
}

/* RFC 7464: after a row that was cut short, the next one is found by it. */
static void put_separator(struct document *d)
{
	if (d->format == FORMAT_JSON_SEQ)
		buffer_char(&d->out->buffer, '\x1e');
}

/* Text of a value; json-c breaks lines in strings into \n, so every line end is of the layout. */
static void put_value(struct document *d, struct json_object *o, unsigned indent)
{
	const int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
			  (is_pretty(d) ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN);
	struct buffer *b = &d->out->buffer;
	size_t len;
	const char *text = json_object_to_json_string_length(o, flags, &len);

	if (!text)
		message_no_memory();
	if (!is_pretty(d)) {
		buffer_put(b, text, len);
		return;
	}
	for (;;) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		buffer_put(b, text, line);
		if (!end)
			break;
		buffer_char(b, '\n');
		buffer_fill(b, ' ', indent);
		output_lines(d->out, 1);
		text = end + 1;
		len -= line + 1;
	}
}

static void begin(struct document *d)
{
	struct buffer *b = &d->out->buffer;

	if (is_lines(d))
		return;
	if (is_pretty(d))
		buffer_printf(b, "{\n  \"schema\": \"" JSON_SCHEMA "\",\n  \"%s\": [", d->name);
	else
		buffer_printf(b, "{\"schema\":\"" JSON_SCHEMA "\",\"%s\":[", d->name);
}

/* Takes the object over. */
static void put_row(struct document *d, struct json_object *o)
{
	CLEANUP_JSON struct json_object *owned = o;
	struct buffer *b = &d->out->buffer;

	if (!owned)
		message_no_memory();
	if (d->n_rows++ == 0)
		begin(d);
	else if (!is_lines(d))
		buffer_char(b, ',');
	if (is_pretty(d)) {
		buffer_string(b, "\n    ");
		put_value(d, owned, 4);
		output_lines(d->out, 1);
		return;
	}
	put_separator(d);
	put_value(d, owned, 0);
	if (is_lines(d))
		buffer_char(b, '\n');
	output_lines(d->out, is_lines(d));
}

void document_object(struct document *d, struct json_object *o)
{
	put_row(d, o);
}

void document_record(struct document *d, struct record *r, const enum field_id *fields, size_t n_fields)
{
	struct json_object *o = NULL;

	if (json_record(r, fields, n_fields, &o) < 0)
		message_no_memory();
	put_row(d, o);
}

void document_field(struct document *d, const struct field *f)
{
	struct json_object *o = NULL;

	if (json_field(f, &o) < 0)
		message_no_memory();
	put_row(d, o);
}

/* Digits, of thousandths with a point among them. */
static struct json_object *new_number(const char *text, size_t len)
{
	char copy[32];
	uint64_t u = 0;

	if (memchr(text, '.', len) && len < sizeof(copy)) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		return json_object_new_double_s(strtod(copy, NULL), copy);
	}
	for (size_t k = 0; k < len; k++)
		u = u * 10 + (uint64_t)(text[k] - '0');
	return json_object_new_uint64(u);
}

void document_cells(struct document *d, const struct table_column *columns, const char *row,
		    const struct table_cell *cells, size_t n)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		message_no_memory();
	for (size_t i = 0; i < n; i++) {
		const char *text = row + cells[i].start;
		struct json_object *value;

		if (cells[i].absent)
			continue;
		if (cells[i].number) {
			value = new_number(text, cells[i].len);
		} else {
			value = json_object_new_string_len(text, (int)cells[i].len);
		}
		if (!value || json_object_object_add(o, columns[i].name, value) < 0)
			message_no_memory();
	}
	put_row(d, o);
}

static void put_members(struct document *d, struct json_object *reading)
{
	struct buffer *b = &d->out->buffer;

	json_object_object_foreach(reading, key, value)
	{
		buffer_printf(b, is_pretty(d) ? ",\n  \"%s\": " : ",\"%s\":", key);
		put_value(d, value, 2);
		if (is_pretty(d))
			output_lines(d->out, 1);
	}
}

void document_end(struct document *d, const struct context *c, const char *error)
{
	CLEANUP_JSON struct json_object *reading = NULL;
	struct buffer *b = &d->out->buffer;

	if (c && json_reading(c, error, &reading) < 0)
		message_no_memory();
	if (is_lines(d)) {
		if (reading) {
			put_separator(d);
			buffer_string(b, "{\"reading\":");
			put_value(d, reading, 0);
			buffer_string(b, "}\n");
		}
		return;
	}
	if (d->n_rows == 0)
		begin(d);
	buffer_string(b, is_pretty(d) && d->n_rows ? "\n  ]" : "]");
	if (reading)
		put_members(d, reading);
	buffer_string(b, is_pretty(d) ? "\n}\n" : "}\n");
	output_lines(d->out, 2);
}
