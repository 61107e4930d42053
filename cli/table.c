/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of cells, written as they come */

#include <string.h>

#include "cli/csv.h"
#include "cli/table.h"
#include "cli/width.h"

/* Rows whose widths make the columns; a wider cell that comes later shifts its line. */
#define HELD_MAX 500
/* No column is made wider than this by a few long names. */
#define WIDTH_MAX 48

void table_init(struct table *t, const struct arguments *arg, const struct table_column *columns, size_t n)
{
	*t = (struct table){ .arg = arg };
	output_init(&t->out, arg->colours, !arg->no_pager);
	for (size_t i = 0; i < n && i < TABLE_COLUMNS_MAX; i++)
		t->columns[t->n_columns++] = columns[i];
	buffer_room(&t->row, 1); /* a row of empty cells has a text too */
	document_init(&t->document, &t->out, arg->format, "rows");
}

void table_deinit(struct table *t)
{
	output_deinit(&t->out);
	buffer_deinit(&t->row);
	buffer_deinit(&t->held);
}

void table_name(struct table *t, const char *name)
{
	t->document.name = name;
}

static struct table_cell *new_cell(struct table *t)
{
	struct table_cell *c = &t->cells[t->n_cells++]; /* callers make one for each column */
	uint32_t start = 0;

	if (t->n_cells > 1)
		start = t->cells[t->n_cells - 2].start + t->cells[t->n_cells - 2].len;
	*c = (struct table_cell){ .start = start, .len = (uint32_t)t->row.len - start };
	return c;
}

void table_cell_end(struct table *t, size_t split, enum colour colour)
{
	struct table_cell *c = new_cell(t);

	c->split = (uint16_t)(split < UINT16_MAX ? split : 0);
	c->colour = (uint8_t)colour;
}

void table_cell_absent(struct table *t)
{
	if (t->arg->format == FORMAT_TABLE)
		buffer_char(&t->row, '-');
	new_cell(t)->absent = true;
}

void table_cell_text(struct table *t, const char *text)
{
	buffer_string(&t->row, text);
	new_cell(t);
}

void table_cell_number(struct table *t, uint64_t u)
{
	buffer_number(&t->row, u);
	new_cell(t)->number = true;
}

void table_tail_begin(struct table *t)
{
	t->tail = t->row.len;
}

/* Of the part that aligns to the right, and of the rest. */
static void measure(const char *text, const struct table_cell *c, size_t *ret_left, size_t *ret_width)
{
	*ret_left = c->split ? width_of(text, c->split) : 0;
	*ret_width = width_of(text + c->split, c->len - c->split);
}

static void widen(struct table *t, const char *row, const struct table_cell *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t left, width;

		measure(row + cells[i].start, &cells[i], &left, &width);
		if (left <= WIDTH_MAX && left > t->left[i])
			t->left[i] = (uint16_t)left;
		if (width <= WIDTH_MAX && width > t->width[i])
			t->width[i] = (uint16_t)width;
	}
}

static void put_coloured(struct table *t, const char *text, const struct table_cell *c)
{
	struct buffer *b = &t->out.buffer;

	if (c->colour == COLOUR_NONE || !t->out.colours) {
		buffer_put(b, text, c->len);
		return;
	}
	buffer_string(b, colour_code(c->colour));
	buffer_put(b, text, c->len);
	buffer_put(b, COLOUR_END, sizeof(COLOUR_END) - 1);
}

/* Blanks are put off until something follows them: no line ends with one. */
static void put_aligned(struct table *t, const char *row, const struct table_cell *cells, size_t n, const char *tail,
			size_t tail_len)
{
	struct buffer *b = &t->out.buffer;
	size_t blanks = 0;

	for (size_t i = 0; i < n; i++) {
		const struct table_cell *c = &cells[i];
		size_t left, width, spare;

		measure(row + c->start, c, &left, &width);
		blanks += i > 0;
		if (t->left[i] > left)
			blanks += t->left[i] - left;
		spare = t->width[i] > width ? t->width[i] - width : 0;
		if (t->columns[i].right && !c->split) {
			blanks += spare;
			spare = 0;
		}
		if (c->len) {
			buffer_fill(b, ' ', blanks);
			put_coloured(t, row + c->start, c);
			blanks = 0;
		}
		blanks += spare;
	}
	if (tail_len && *tail != '\n') {
		/* The tail begins with a blank of its own: right behind the last cell's text, or in its place. */
		bool empty = n && cells[n - 1].len == 0;

		buffer_fill(b, ' ', empty ? blanks : 0);
		tail += empty;
		tail_len -= empty;
	}
	buffer_put(b, tail, tail_len);
	buffer_char(b, '\n');
}

static void put_header(struct table *t)
{
	struct table_cell cells[TABLE_COLUMNS_MAX] = { 0 };
	CLEANUP(buffer_deinit) struct buffer row = { 0 };

	if (t->arg->no_header || t->arg->no_legend)
		return;
	for (size_t i = 0; i < t->n_columns; i++) {
		const char *title = t->columns[i].title, *colon = strchr(title, ':');

		cells[i] = (struct table_cell){ .start = (uint32_t)row.len, .len = (uint32_t)strlen(title) };
		cells[i].split = colon ? (uint16_t)(colon - title) : 0;
		cells[i].colour = COLOUR_BOLD;
		buffer_string(&row, title);
	}
	widen(t, row.data, cells, t->n_columns);
	put_aligned(t, row.data, cells, t->n_columns, "", 0);
	output_lines(&t->out, 1);
}

/* A row that waits: this, its cells, its text. */
struct held_row {
	uint32_t text_len, tail;
	uint32_t n_cells, tail_lines;
};

static void hold(struct table *t)
{
	const struct held_row h = { (uint32_t)t->row.len, (uint32_t)t->tail, (uint32_t)t->n_cells, t->tail_lines };

	widen(t, t->row.data, t->cells, t->n_cells);
	buffer_put(&t->held, (const char *)&h, sizeof(h));
	buffer_put(&t->held, (const char *)t->cells, t->n_cells * sizeof(t->cells[0]));
	buffer_put(&t->held, t->row.data, t->row.len);
	t->n_held++;
}

/* Widths are known well enough: the rows that wait go out, and then each as it comes. */
static void release(struct table *t)
{
	const char *p = t->held.data;

	if (t->streaming)
		return;
	t->streaming = true;
	put_header(t);
	for (size_t i = 0; i < t->n_held; i++) {
		struct table_cell cells[TABLE_COLUMNS_MAX];
		struct held_row h;

		memcpy(&h, p, sizeof(h));
		p += sizeof(h);
		memcpy(cells, p, h.n_cells * sizeof(cells[0]));
		p += h.n_cells * sizeof(cells[0]);
		put_aligned(t, p, cells, h.n_cells, p + h.tail, h.text_len - h.tail);
		output_lines(&t->out, 1 + h.tail_lines);
		p += h.text_len;
	}
	buffer_deinit(&t->held);
}

/* Titles and row ends of machine formats. */
static void put_machine(struct table *t)
{
	switch (t->arg->format) {
	case FORMAT_CSV:
	case FORMAT_TSV:
		if (!t->streaming && !t->arg->no_header && !t->arg->no_legend)
			csv_header(&t->out.buffer, t->arg->format, t->columns, t->n_columns);
		csv_row(&t->out.buffer, t->arg->format, t->row.data, t->cells, t->n_cells);
		break;
	case FORMAT_KV:
		csv_pairs(&t->out.buffer, t->columns, t->row.data, t->cells, t->n_cells);
		break;
	case FORMAT_JSON:
	case FORMAT_JSON_PRETTY:
	case FORMAT_JSON_SEQ:
	case FORMAT_JSON_LINES:
		document_cells(&t->document, t->columns, t->row.data, t->cells, t->n_cells);
		break;
	case FORMAT_TABLE:
		break;
	}
	t->streaming = true;
	output_lines(&t->out, 1);
}

void table_row_end(struct table *t)
{
	if (t->tail == 0)
		t->tail = t->row.len;
	t->n_rows++;
	if (t->arg->format != FORMAT_TABLE) {
		put_machine(t);
	} else if (t->streaming) {
		put_aligned(t, t->row.data, t->cells, t->n_cells, t->row.data + t->tail, t->row.len - t->tail);
		output_lines(&t->out, 1 + t->tail_lines);
	} else {
		hold(t);
		if (t->n_held == HELD_MAX)
			release(t);
	}
	t->row.len = 0;
	t->n_cells = 0;
	t->tail = 0;
	t->tail_lines = 0;
}

int table_finish_reading(struct table *t, const char *footer, const struct context *c, const char *error)
{
	if (error && t->n_rows == 0 && !format_is_json(t->arg->format))
		return output_finish(&t->out);
	switch (t->arg->format) {
	case FORMAT_TABLE:
		release(t);
		if (footer && t->out.terminal && !t->arg->no_legend) {
			buffer_printf(&t->out.buffer, "\n%s\n", footer);
			output_lines(&t->out, 2);
		}
		break;
	case FORMAT_CSV:
	case FORMAT_TSV:
		if (!t->streaming && !t->arg->no_header && !t->arg->no_legend)
			csv_header(&t->out.buffer, t->arg->format, t->columns, t->n_columns);
		break;
	case FORMAT_KV:
		break;
	case FORMAT_JSON:
	case FORMAT_JSON_PRETTY:
	case FORMAT_JSON_SEQ:
	case FORMAT_JSON_LINES:
		document_end(&t->document, c, error);
		break;
	}
	return output_finish(&t->out);
}

int table_finish(struct table *t, const char *footer)
{
	return table_finish_reading(t, footer, NULL, NULL);
}
