/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows for Graphviz */

#include <stdio.h>
#include <string.h>

#include "cli/flow_draw.h"

/* Between double quotes: what text_escape leaves of any bytes, with quotes and backslashes of the language's own escaped. */
static void put_quoted(struct buffer *b, const char *text, size_t len)
{
	char safe[1024];

	len = text_escape(safe, sizeof(safe), text, len);
	for (size_t i = 0; i < len; i++) {
		if (safe[i] == '"' || safe[i] == '\\')
			buffer_char(b, '\\');
		buffer_char(b, safe[i]);
	}
}

static const char *shape_of(const struct flow_step *s)
{
	switch (s->kind) {
	case FLOW_SYSCALL:
		return "shape=oval, style=bold";
	case FLOW_FUNCTION:
		return s->field ? "shape=box, style=bold, color=darkgreen" : "shape=box, style=dashed, color=gray50, fontcolor=gray30";
	case FLOW_QUEUE:
		return "shape=cylinder, style=filled, fillcolor=lightyellow";
	case FLOW_DEVICE:
		return "shape=component, style=bold";
	case FLOW_BEYOND:
		return "shape=note";
	}
	return "";
}

/* Where a name came from: the kernel's expression. */
static void put_node(struct buffer *b, const struct flow_step *s, const char *id)
{
	size_t start;

	buffer_printf(b, "\t\t\t%s [label=\"", id);
	put_quoted(b, s->name, strlen(s->name));
	for (size_t i = 0; i < s->n_values; i++) {
		char value[512];

		start = b->len;
		flow_value_write(b, s, &s->values[i]);
		snprintf(value, sizeof(value), "%.*s", (int)(b->len - start), b->data + start);
		b->len = start;
		buffer_string(b, "\\n");
		put_quoted(b, value, strlen(value));
	}
	if (s->note) {
		buffer_string(b, "\\n");
		put_quoted(b, s->note, strlen(s->note));
	}
	buffer_printf(b, "\", %s", shape_of(s));
	if (s->field) {
		buffer_string(b, ", tooltip=\"");
		put_quoted(b, field_get(s->field)->source, strlen(field_get(s->field)->source));
		buffer_char(b, '"');
	}
	buffer_string(b, "];\n");
}

/* The screen's top is the process: an edge of a path that goes up is drawn from its end. */
static void put_edge(struct buffer *b, const struct flow_path *p, const char *prefix, size_t from, size_t to)
{
	const char *when = p->steps[to].when;
	bool up = p->direction != FLOW_SEND;

	buffer_printf(b, "\t\t\t%s%zu -> %s%zu [", prefix, up ? to : from, prefix, up ? from : to);
	if (up)
		buffer_string(b, "dir=back");
	if (when || p->steps[from].when)
		buffer_string(b, up ? ", style=dashed" : "style=dashed");
	if (when && p->steps[from].when != when) {
		buffer_string(b, ", label=\"");
		put_quoted(b, when, strlen(when));
		buffer_char(b, '"');
	}
	buffer_string(b, "];\n");
}

/* A side way leaves the main one at its last step before, and comes back at the next one. */
static void put_edges(struct buffer *b, const struct flow_path *p, const char *prefix)
{
	size_t main_step = SIZE_MAX;

	for (size_t i = 0; i < p->n_steps; i++) {
		bool side = p->steps[i].when;

		if (i > 0 && (p->steps[i - 1].when || side))
			put_edge(b, p, prefix, side && p->steps[i - 1].when != p->steps[i].when && main_step != SIZE_MAX ? main_step : i - 1, i);
		if (!side && main_step != SIZE_MAX)
			put_edge(b, p, prefix, main_step, i);
		if (!side)
			main_step = i;
	}
}

void flow_dot_begin(struct buffer *b)
{
	buffer_string(b, "digraph flow {\n\tgraph [fontname=\"monospace\", newrank=true];\n\tnode [fontname=\"monospace\", fontsize=10];\n"
			 "\tedge [fontname=\"monospace\", fontsize=9];\n");
}

void flow_dot_write(struct buffer *b, const struct flow *f, const char *title, size_t n)
{
	buffer_printf(b, "\tsubgraph cluster_%zu {\n\t\tlabel=\"", n);
	put_quoted(b, title, strlen(title));
	if (f->note) {
		buffer_string(b, "\\n");
		put_quoted(b, f->note, strlen(f->note));
	}
	buffer_string(b, "\";\n");
	if (f->n_paths == 0)
		buffer_printf(b, "\t\tf%zu [label=\"no path\", shape=plaintext];\n", n);
	for (size_t i = 0; i < f->n_paths; i++) {
		const struct flow_path *p = &f->paths[i];
		char prefix[48], id[72];

		snprintf(prefix, sizeof(prefix), "f%zu_%s_", n, flow_direction_name(p->direction));
		buffer_printf(b, "\t\tsubgraph cluster_%zu_%zu {\n\t\t\tlabel=\"%s", n, i, flow_direction_name(p->direction));
		if (p->note) {
			buffer_string(b, "\\n");
			put_quoted(b, p->note, strlen(p->note));
		}
		buffer_string(b, "\";\n");
		for (size_t k = 0; k < p->n_steps; k++) {
			snprintf(id, sizeof(id), "%s%zu", prefix, k);
			put_node(b, &p->steps[k], id);
		}
		put_edges(b, p, prefix);
		buffer_string(b, "\t\t}\n");
	}
	buffer_string(b, "\t}\n");
}

void flow_dot_end(struct buffer *b)
{
	buffer_string(b, "}\n");
}
