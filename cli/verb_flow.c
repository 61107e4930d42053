/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl flow: the way of data through the kernel, drawn for the sockets that match */

#include <json-c/json.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/document.h"
#include "cli/exit.h"
#include "cli/flow_draw.h"
#include "cli/internals.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "cli/whole.h"
#include "query/json.h"
#include "snapshot/store.h"

/* Pictures of more sockets nobody looks at. */
#define FLOW_SOCKETS_MAX 16

/* What says in JSON which socket it is. */
static const enum field_id title_fields[] = { F_netid, F_state, F_local, F_local_port, F_peer, F_peer_port, F_inode,
					      F_cookie, F_dev, F_udiag_peer, F_ipv6only, F_comm, F_pid, F_fd };

struct canvas {
	const struct arguments *arg;
	struct output out;
	struct document document;
	struct names *names;
	struct flow flow; /* of the socket that is being drawn */
	size_t n_drawn;
};

static void canvas_init(struct canvas *c, const struct arguments *arg)
{
	*c = (struct canvas){ .arg = arg };
	output_init(&c->out, arg->colours, !arg->no_pager);
	document_init(&c->document, &c->out, arg->format, "flows");
	if (arg->resolve)
		c->names = names_new();
}

static void canvas_deinit(struct canvas *c)
{
	output_deinit(&c->out);
	names_free(c->names);
}

DEFINE_CLEANUP(struct canvas, canvas_deinit)

static int get_field(void *ctx, enum field_id id, struct value *ret)
{
	return record_get(ctx, id, 0, ret);
}

static void draw_json(struct canvas *c, struct record *r)
{
	struct json_object *socket = NULL, *o = NULL;

	if (json_record(r, title_fields, ARRAY_SIZE(title_fields), &socket) < 0 || flow_json(&c->flow, socket, &o) < 0)
		message_no_memory();
	document_object(&c->document, o);
}

static void draw_dot(struct canvas *c, struct record *r)
{
	CLEANUP(buffer_deinit) struct buffer title = { 0 };

	whole_title(&title, false, r, c->names);
	title.data[title.len - 1] = '\0'; /* its line end */
	flow_dot_write(&c->out.buffer, &c->flow, title.data, c->n_drawn);
}

static void draw_text(struct canvas *c, struct record *r)
{
	if (c->n_drawn) {
		buffer_char(&c->out.buffer, '\n');
		output_lines(&c->out, 1);
	}
	whole_title(&c->out.buffer, c->out.colours, r, c->names);
	output_lines(&c->out, 1);
	flow_text_write(&c->out, &c->flow, output_columns(&c->out));
}

/* What the module told of a socket. */
static bool is_told(struct record *r)
{
	struct value v;

	return record_get(r, F_holding, 0, &v) >= 0;
}

/* Whether functions were; true where there is nothing to tell. */
static bool has_functions(const struct flow *f)
{
	for (size_t i = 0; i < f->n_paths; i++)
		for (size_t k = 0; k < f->paths[i].n_steps; k++)
			if (f->paths[i].steps[k].kind == FLOW_FUNCTION && f->paths[i].steps[k].field)
				return true;
	return false;
}

static void make(struct canvas *c, struct record *r)
{
	const struct flow_source source = { .get = get_field, .ctx = r };

	flow_make(&c->flow, &source);
}

static void draw(struct canvas *c, struct record *r)
{
	make(c, r);
	if (c->arg->dot)
		draw_dot(c, r);
	else if (format_is_json(c->arg->format))
		draw_json(c, r);
	else
		draw_text(c, r);
	c->n_drawn++;
}

/*
 * Pictures without a function of any socket's own would say nothing. -1, or an exit code: they are
 * not for this user, or not in this recording, which is one of a listing.
 */
static int check_told(struct canvas *c, struct rows *rows, const struct store *kept)
{
	for (size_t i = 0; i < kept->n_messages; i++) {
		if (record_open(&rows->record, &kept->messages[i], rows->context) < 0)
			continue;
		make(c, &rows->record);
		/* Live, a socket that the module has not found is drawn without. */
		if (c->flow.n_paths == 0 || has_functions(&c->flow) || (!c->arg->file && !is_told(&rows->record)))
			return -1;
	}
	if (c->arg->file) {
		message("struct sock and struct socket are not in this recording; record the socket alone: sockctl record FILE sk:COOKIE");
		return EXIT_UNREACHABLE;
	}
	message("the kernel module tells functions and queues to CAP_NET_ADMIN only: run as root");
	return EXIT_DENIED;
}

static int draw_all(struct canvas *c, struct rows *rows, const struct store *kept)
{
	if (c->arg->dot)
		flow_dot_begin(&c->out.buffer);
	for (size_t i = 0; i < kept->n_messages; i++)
		if (record_open(&rows->record, &kept->messages[i], rows->context) == 0)
			draw(c, &rows->record);
	if (c->arg->dot) {
		flow_dot_end(&c->out.buffer);
		output_lines_from(&c->out, 0);
	} else if (format_is_json(c->arg->format)) {
		document_end(&c->document, rows->context, rows_problem(rows));
	} else if (c->n_drawn && !c->arg->no_legend) {
		flow_text_legend(&c->out);
	}
	return output_finish(&c->out);
}

/* All sockets that match, if they are not too many to look at. -1, or an exit code. */
static int keep(struct rows *rows, struct store *kept)
{
	while (rows_next(rows)) {
		if (!internals_present(rows->context))
			continue; /* rows_finish says it */
		if (kept->n_messages == FLOW_SOCKETS_MAX) {
			message("flow: more than %d sockets match: name one by its cookie (sk:, which -e prints), or by port and state",
				FLOW_SOCKETS_MAX);
			return EXIT_USAGE;
		}
		if (store_add(kept, &rows->message) < 0)
			message_no_memory();
	}
	return -1;
}

int verb_flow(const struct arguments *arg)
{
	CLEANUP(canvas_deinit) struct canvas c = { 0 };
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	CLEANUP(store_deinit) struct store kept;
	struct field_set asked = { 0 };
	int r, written;

	store_init(&kept);
	r = rows_init(&rows, arg, 0, true);
	if (r >= 0)
		return r;
	if (arg->quiet)
		return rows_probe(&rows);
	for (size_t i = 0; i < n_flow_fields; i++)
		field_set_add(&asked, flow_fields[i]);
	for (size_t i = 0; i < ARRAY_SIZE(title_fields); i++)
		field_set_add(&asked, title_fields[i]);
	rows.asks_internals = true;
	r = rows_open(&rows, asked.ids, asked.n);
	if (r < 0)
		r = keep(&rows, &kept);
	if (r >= 0)
		return r;
	if (kept.n_messages == 0)
		return rows_finish(&rows);
	canvas_init(&c, arg);
	r = check_told(&c, &rows, &kept);
	if (r >= 0)
		return r;
	written = draw_all(&c, &rows, &kept);
	r = rows_finish(&rows);
	return written ? written : r;
}
