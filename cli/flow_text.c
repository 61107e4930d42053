/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A flow as text: a line a step, the process above, the device below */

#include <string.h>

#include "cli/cell.h"
#include "cli/flow_draw.h"
#include "cli/width.h"

/* Between two paths that stand side by side. */
#define GAP 4
/* Names longer than this are not waited for. */
#define NAME_WIDTH_MAX 34

/* The queue of a listener has fields of its own: by_state is bytes here. */
static bool is_small_size(const struct field *f, const struct value *v)
{
	if (v->kind != VALUE_U64 || v->u >= 100000)
		return !strcmp(f->unit->name, "by_state");
	return !strcmp(f->unit->name, "bytes") || !strcmp(f->unit->name, "by_state");
}

void flow_value_write(struct buffer *b, const struct flow_step *s, const struct flow_value *v)
{
	const struct field *f = field_get(v->field);

	if (strcmp(s->name, f->name)) {
		buffer_string(b, f->name);
		buffer_char(b, ' ');
	}
	/* An MTU is 65535, not 64 KiB. */
	if (is_small_size(f, &v->value)) {
		buffer_number(b, v->value.u);
		buffer_string(b, " B");
		return;
	}
	cell_value(b, f, &v->value, VALUE_HUMAN);
	if (!strcmp(f->unit->name, "packets"))
		buffer_string(b, " packets");
}

static void put_name(struct buffer *b, const struct flow_step *s)
{
	char name[4 * FLOW_NAME_MAX + 1];
	size_t len = text_escape(name, sizeof(name), s->name, strlen(s->name));

	buffer_put(b, name, len);
}

/* Whether a step of a side way has a mark of its own. */
static bool has_mark(const struct flow_step *s)
{
	return s->kind == FLOW_QUEUE || s->field;
}

/* With its marks. */
static size_t name_width(const struct flow_step *s)
{
	char name[4 * FLOW_NAME_MAX + 1];
	size_t len = text_escape(name, sizeof(name), s->name, strlen(s->name));

	return width_of(name, len) + (!s->when ? 2 : has_mark(s) ? 6 : 4);
}

/* One line: its bytes, and how much room they take. From detail on it may be broken off; 0 for nowhere. */
struct line {
	struct buffer text;
	size_t width, detail;
};

/* A path as lines from the top of the screen to its bottom. */
struct drawing {
	const struct flow_path *path;
	struct line lines[FLOW_STEPS_MAX];
	size_t n_lines, width, name_width;
};

static void drawing_deinit(struct drawing *d)
{
	for (size_t i = 0; i < d->n_lines; i++)
		buffer_deinit(&d->lines[i].text);
}

DEFINE_CLEANUP(struct drawing, drawing_deinit)

static bool goes_up(const struct flow_path *p)
{
	return p->direction != FLOW_SEND;
}

/* Where the data is in the end. */
static const struct flow_step *last_of(const struct flow_path *p)
{
	for (size_t i = p->n_steps; i > 0; i--)
		if (!p->steps[i - 1].when)
			return &p->steps[i - 1];
	return NULL;
}

static const char *mark_of(const struct flow_path *p, const struct flow_step *s)
{
	if (s == last_of(p))
		return goes_up(p) ? "▲" : "▼";
	if (s == p->steps)
		return "○";
	if (s->kind == FLOW_QUEUE)
		return "▒";
	return s->kind == FLOW_FUNCTION && s->field ? "●" : "│";
}

/* What stands in the kernel's source only stays in the background. */
static enum colour colour_of(const struct flow_step *s)
{
	switch (s->kind) {
	case FLOW_QUEUE:
		return COLOUR_YELLOW;
	case FLOW_FUNCTION:
		return s->field ? COLOUR_GREEN : COLOUR_DIM;
	case FLOW_SYSCALL:
	case FLOW_DEVICE:
		return COLOUR_BOLD;
	case FLOW_BEYOND:
		return COLOUR_NONE;
	}
	return COLOUR_NONE;
}

/* Whether this step tells when its side way is taken: the first of the way, as it is drawn. */
static bool says_when(const struct flow_path *p, const struct flow_step *s)
{
	const struct flow_step *above = goes_up(p) ? s + 1 : s - 1;

	return s->when && (above < p->steps || above >= p->steps + p->n_steps || above->when != s->when);
}

static void put_detail(struct buffer *b, const struct flow_path *p, const struct flow_step *s)
{
	for (size_t i = 0; i < s->n_values; i++) {
		buffer_string(b, i ? ", " : "  ");
		flow_value_write(b, s, &s->values[i]);
	}
	if (says_when(p, s))
		buffer_printf(b, "  (%s)", s->when);
	if (s->note)
		buffer_printf(b, "  (%s)", s->note);
}

static void draw_step(struct drawing *d, const struct flow_step *s, bool colours)
{
	struct line *l = &d->lines[d->n_lines++];
	struct buffer *b = &l->text;
	const char *mark = mark_of(d->path, s);
	size_t len;

	buffer_string(b, s->when ? "│ ├╴" : "");
	if (colours)
		buffer_string(b, colour_code(colour_of(s)));
	if (!s->when || has_mark(s)) {
		buffer_string(b, mark);
		buffer_char(b, ' ');
	}
	put_name(b, s);
	if (colours && colour_of(s) != COLOUR_NONE)
		buffer_string(b, COLOUR_END);
	l->width = name_width(s);
	if (s->n_values || s->note || says_when(d->path, s)) {
		if (l->width < d->name_width) {
			buffer_fill(b, ' ', d->name_width - l->width);
			l->width = d->name_width;
		}
		len = b->len;
		l->detail = len;
		put_detail(b, d->path, s);
		l->width += width_of(b->data + len, b->len - len);
	}
	if (l->width > d->width)
		d->width = l->width;
}

static void draw(struct drawing *d, const struct flow_path *p, bool colours)
{
	*d = (struct drawing){ .path = p };
	for (size_t i = 0; i < p->n_steps; i++) {
		size_t w = name_width(&p->steps[i]);

		if (w > d->name_width && w <= NAME_WIDTH_MAX)
			d->name_width = w;
	}
	for (size_t i = 0; i < p->n_steps; i++)
		draw_step(d, &p->steps[goes_up(p) ? p->n_steps - 1 - i : i], colours);
}

static size_t put_heading(struct output *o, const struct flow_path *p)
{
	static const char *const titles[] = { "Send ↓", "Receive ↑", "Accept ↑" };
	struct buffer *b = &o->buffer;
	size_t start = b->len, width;

	buffer_string(b, titles[p->direction]);
	if (p->note)
		buffer_printf(b, " (%s)", p->note);
	width = width_of(b->data + start, b->len - start);
	if (o->colours) {
		char *text = strndup(b->data + start, b->len - start);

		b->len = start;
		buffer_string(b, colour_code(COLOUR_BOLD));
		buffer_string(b, text ? text : "");
		buffer_string(b, COLOUR_END);
		free(text);
	}
	return width;
}

static void end_line(struct output *o)
{
	buffer_char(&o->buffer, '\n');
	output_lines(o, 1);
}

/* Where the screen is narrow, what stands beside a step stands below it. */
static void put_broken(struct output *o, const struct line *l)
{
	size_t len = l->detail;

	while (len > 0 && l->text.data[len - 1] == ' ')
		len--;
	buffer_put(&o->buffer, l->text.data, len);
	end_line(o);
	buffer_string(&o->buffer, "  │   ");
	buffer_put(&o->buffer, l->text.data + l->detail, l->text.len - l->detail);
}

static void put_below(struct output *o, const struct drawing *d, unsigned columns)
{
	put_heading(o, d->path);
	end_line(o);
	for (size_t i = 0; i < d->n_lines; i++) {
		const struct line *l = &d->lines[i];

		buffer_string(&o->buffer, "  ");
		if (columns && l->detail && l->width + 2 > columns)
			put_broken(o, l);
		else
			buffer_put(&o->buffer, l->text.data, l->text.len);
		end_line(o);
	}
}

/* The i-th of n lines: a shorter path is stretched before its last line, so that the devices stand at one height. */
static size_t put_stretched(struct output *o, const struct drawing *d, size_t i, size_t n)
{
	size_t line = i;

	if (d->n_lines < n && i + 1 >= d->n_lines)
		line = i + 1 == n ? d->n_lines - 1 : d->n_lines;
	buffer_string(&o->buffer, "  ");
	if (line == d->n_lines) {
		buffer_string(&o->buffer, "│");
		return 3;
	}
	buffer_put(&o->buffer, d->lines[line].text.data, d->lines[line].text.len);
	return d->lines[line].width + 2;
}

static void put_beside(struct output *o, const struct drawing *left, const struct drawing *right)
{
	size_t n = left->n_lines > right->n_lines ? left->n_lines : right->n_lines;
	size_t column = left->width + 2 + GAP, width;

	width = put_heading(o, left->path);
	buffer_fill(&o->buffer, ' ', width < column ? column - width : 1);
	put_heading(o, right->path);
	end_line(o);
	for (size_t i = 0; i < n; i++) {
		width = put_stretched(o, left, i, n);
		buffer_fill(&o->buffer, ' ', column - width);
		put_stretched(o, right, i, n);
		end_line(o);
	}
}

void flow_text_write(struct output *o, const struct flow *f, unsigned columns)
{
	CLEANUP(drawing_deinit) struct drawing first = { 0 };
	CLEANUP(drawing_deinit) struct drawing second = { 0 };

	if (f->note) {
		buffer_printf(&o->buffer, "%s\n", f->note);
		output_lines(o, 1);
	}
	if (f->n_paths == 0)
		return;
	end_line(o);
	draw(&first, &f->paths[0], o->colours);
	if (f->n_paths > 1)
		draw(&second, &f->paths[1], o->colours);
	if (f->n_paths > 1 && first.width + second.width + 4 + GAP <= columns) {
		put_beside(o, &first, &second);
		return;
	}
	put_below(o, &first, columns);
	if (f->n_paths > 1) {
		end_line(o);
		put_below(o, &second, columns);
	}
}

void flow_text_legend(struct output *o)
{
	buffer_string(&o->buffer, "\n● a function that this socket's own tables hold   │ between them, by the kernel's source   ▒ where data waits\n"
				  "○ where the way begins   ├╴ a side way, and when it is taken\n");
	output_lines(o, 3);
}
