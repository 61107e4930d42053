/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl flow: the way of data through the kernel, drawn for the sockets that match */

#include <json-c/json.h>
#include <stdio.h>
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
	bool emptied[FLOW_SOCKETS_MAX]; /* of those kept: only what is public is told of it */
	size_t n_emptied;
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
 * A picture without a function of the socket's own would say nothing: it is not for this user, or not
 * in this recording, which is one of a listing. A socket that the module has not found is drawn without.
 */
static void find_emptied(struct canvas *c, struct rows *rows, const struct store *kept)
{
	for (size_t i = 0; i < kept->n_messages; i++) {
		if (record_open(&rows->record, &kept->messages[i], rows->context) < 0 ||
		    !internals_withheld(&rows->record, c->arg->file))
			continue;
		make(c, &rows->record);
		c->emptied[i] = c->flow.n_paths > 0;
		c->n_emptied += c->emptied[i];
	}
}

/* Says that pictures are missing. The exit code: that of others that are there is EXIT_PARTIAL. */
static int say_emptied(const struct arguments *arg, size_t n_emptied, size_t n_kept)
{
	char some[80] = "";

	if (n_emptied == 0)
		return EXIT_OK;
	if (n_emptied < n_kept)
		snprintf(some, sizeof(some), "%zu of %zu sockets not drawn: ", n_emptied, n_kept);
	if (arg->file)
		message("%sstruct sock and struct socket are not in this recording; record the socket alone: sockctl record FILE sk:COOKIE",
			some);
	else
		message("%sthe kernel module tells functions and queues to CAP_NET_ADMIN only: run as root", some);
	return *some ? EXIT_PARTIAL : arg->file ? EXIT_UNREACHABLE : EXIT_DENIED;
}

/* -q: whether there is one that could be drawn. */
static int probe(struct rows *rows)
{
	static const enum field_id fields[] = { F_state, F_holding, F_sk_rcvlowat };
	bool withheld = false;
	int r = rows_open(rows, fields, ARRAY_SIZE(fields));

	if (r >= 0)
		return r;
	while (rows_next(rows)) {
		if (!internals_withheld(&rows->record, rows->arg->file))
			return rows_finish(rows);
		withheld = true;
	}
	return rows->error < 0 || !withheld ? rows_finish(rows) : say_emptied(rows->arg, 1, 1);
}

static int draw_all(struct canvas *c, struct rows *rows, const struct store *kept)
{
	if (c->arg->dot)
		flow_dot_begin(&c->out.buffer);
	for (size_t i = 0; i < kept->n_messages; i++)
		if (!c->emptied[i] && record_open(&rows->record, &kept->messages[i], rows->context) == 0)
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
	int r, written, emptied;

	store_init(&kept);
	r = rows_init(&rows, arg, 0, true);
	if (r >= 0)
		return r;
	rows.needs_internals = true;
	if (arg->quiet)
		return probe(&rows);
	for (size_t i = 0; i < n_flow_fields; i++)
		field_set_add(&asked, flow_fields[i]);
	for (size_t i = 0; i < ARRAY_SIZE(title_fields); i++)
		field_set_add(&asked, title_fields[i]);
	/* Not drawn: internals_withheld looks at it. */
	field_set_add(&asked, F_sk_rcvlowat);
	r = rows_open(&rows, asked.ids, asked.n);
	if (r < 0)
		r = keep(&rows, &kept);
	if (r >= 0)
		return r;
	if (kept.n_messages == 0)
		return rows_finish(&rows);
	canvas_init(&c, arg);
	find_emptied(&c, &rows, &kept);
	emptied = say_emptied(arg, c.n_emptied, kept.n_messages);
	if (c.n_emptied == kept.n_messages)
		return emptied;
	written = draw_all(&c, &rows, &kept);
	r = rows_finish(&rows);
	return written ? written : r ? r : emptied;
}
