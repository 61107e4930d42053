/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --format: a line for each socket, as the user wants it */

#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/message.h"
#include "cli/template.h"

void template_deinit(struct template *t)
{
	free(t->text);
	*t = (struct template){ 0 };
}

static int mistake(const char *format, size_t column, size_t length, const char *what)
{
	message("--format: %s", what);
	message_point(format, strlen(format), column, length);
	return EXIT_USAGE;
}

/* "{name}" at p; *ret_len is its length. */
static int add_field(struct template *t, const char *format, const char *p, size_t *ret_len)
{
	const char *end = strchr(p, '}');
	struct column c;

	if (!end)
		return mistake(format, (size_t)(p - format), 1, "this { has no }; a { itself is {{");
	if (t->fields.n == COLUMNS_MAX)
		return mistake(format, (size_t)(p - format), 1, "too many fields");
	if (!columns_lookup(p + 1, (size_t)(end - p - 1), &c)) {
		columns_unknown("--format", p + 1, (size_t)(end - p - 1));
		message_point(format, strlen(format), (size_t)(p + 1 - format), (size_t)(end - p - 1));
		return EXIT_USAGE;
	}
	t->fields.rows[t->fields.n++] = c;
	*ret_len = (size_t)(end + 1 - p);
	return -1;
}

int template_init(struct template *t, const char *format)
{
	const char *p = format;
	char *out;
	int r;

	*t = (struct template){ .text = malloc(strlen(format) + 1) };
	if (!t->text)
		message_no_memory();
	out = t->text;
	while (*p) {
		size_t *piece = &t->piece_len[t->fields.n], len;

		if ((p[0] == '{' && p[1] == '{') || (p[0] == '}' && p[1] == '}')) {
			*out++ = *p;
			p += 2;
		} else if (*p == '{') {
			r = add_field(t, format, p, &len);
			if (r >= 0)
				return r;
			p += len;
			continue;
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n' || p[1] == '\\')) {
			*out++ = p[1] == 't' ? '\t' : p[1] == 'n' ? '\n' : '\\';
			p += 2;
		} else {
			*out++ = *p++;
		}
		++*piece;
	}
	return -1;
}

void template_write(const struct template *t, struct buffer *b, struct record *r, struct names *names)
{
	const char *text = t->text;
	size_t split;

	for (size_t i = 0; i <= t->fields.n; i++) {
		buffer_put(b, text, t->piece_len[i]);
		text += t->piece_len[i];
		if (i < t->fields.n && cell_write(b, &t->fields.rows[i], r, names, &split) < 0)
			buffer_char(b, '-');
	}
	buffer_char(b, '\n');
}
