/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message after another out of a stream */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "snapshot/messages.h"

void messages_init(struct messages *m, struct reader *r, struct context *c)
{
	memset(m, 0, sizeof(*m));
	m->reader = r;
	m->context = c;
	m->module = context_module(c);
}

void messages_share_module(struct messages *m, struct context *other)
{
	m->module = context_module(other);
}

static bool event_is_bare(const struct context *c)
{
	const struct event_info *e = context_event(c);

	return e && (e->kind == SOCKETD_EVENT_OVERFLOW || e->kind == SOCKETD_EVENT_SYNCED);
}

/* The kernel module's messages wait for the others; in a stream of events each is a row at once. */
static bool is_kept(const struct messages *m, const struct block *b)
{
	struct block_rows rows;

	return !context_event(m->context) && block_rows_init(&rows, b) > 0 && rows.source == SOURCE_module;
}

static int apply_block(struct messages *m, const struct block *b)
{
	size_t n_tracks;

	/* They are in the other context already. */
	if (b->type == SOCKETD_BLOCK_MESSAGES && m->module != context_module(m->context)) {
		context_take_tracks(m->context, &n_tracks);
		return 0;
	}
	return context_apply(m->context, b);
}

/* Goes to the next block with messages, and takes in those on the way. 2 at an event that has none. */
static int next_block(struct messages *m)
{
	struct block block;
	struct block_rows rows;
	int r;

	/* Whatever ends this, -EAGAIN of the input too, the old block is read. */
	m->rows = (struct block_rows){};
	for (;;) {
		r = reader_next(m->reader, &block);
		if (r <= 0)
			return r;
		if ((block.type == SOCKETD_BLOCK_MESSAGES || block.type == SOCKETD_BLOCK_LINES) && !is_kept(m, &block))
			break;
		r = apply_block(m, &block);
		if (r < 0)
			return r;
		if (block.type == SOCKETD_BLOCK_EVENT && event_is_bare(m->context))
			return 2;
	}
	m->tracks = context_take_tracks(m->context, &m->n_tracks);
	r = block_rows_init(&rows, &block);
	/* A source of a newer version: its messages are skipped like an unknown block. */
	if (r <= 0)
		return r < 0 ? r : 1;
	if (!context_source(m->context, rows.source)->seen)
		return -EBADMSG;
	if ((source_def_get(rows.source)->kind == KIND_PROC_INET) != rows.lines)
		return -EBADMSG;
	m->rows = rows;
	return 1;
}

/* What is remembered of the message that is next; it is the next one's turn then. */
static const struct socketd_track *next_track(struct messages *m)
{
	if (m->n_tracks == 0)
		return NULL;
	m->n_tracks--;
	return m->tracks++;
}

/* From here on the module's messages are complete. */
static int make_marks(struct messages *m)
{
	int r;

	if (m->marks || m->module->n == 0)
		return 0;
	r = module_rows_index(m->module);
	if (r < 0)
		return r;
	m->marks = context_marks(m->context, m->module->n);
	return m->marks ? 0 : -ENOMEM;
}

/* What the module told of the same socket goes with it. */
static int join(struct messages *m, struct message *ret)
{
	const struct module_row *row;
	struct identity id;
	ssize_t i;
	int r;

	r = make_marks(m);
	if (r < 0 || !m->marks || identity_read(ret, &id) < 0)
		return r;
	i = module_rows_find(m->module, &id);
	if (i < 0)
		return 0;
	m->marks[i] = 1;
	row = &m->module->rows[i];
	if (!row->mini) {
		ret->module = row->data;
		ret->module_len = row->len;
	}
	return 0;
}

/*
 * Whether another source has listed all such sockets of the namespace, so that one it lacks was
 * closed in between: the owner scan's own socket, mostly.
 */
static bool is_closed(const struct messages *m, const struct module_row *row)
{
	return row->bound_netlink && context_source_is_whole(m->context, SOURCE_netlink, row->netns);
}

/* At the end: those of the module that found no row. */
static int next_module_row(struct messages *m, struct message *ret)
{
	int r = make_marks(m);

	if (r < 0)
		return r;
	while (m->next_module < m->module->n) {
		const struct module_row *row = &m->module->rows[m->next_module];

		if (m->marks[m->next_module++] || row->twin || row->mini || is_closed(m, row))
			continue;
		*ret = (struct message){
			.data = row->data, .len = row->len, .source = SOURCE_module, .netns = row->netns, .track = row->track,
		};
		return 1;
	}
	return 0;
}

int messages_next(struct messages *m, struct message *ret)
{
	int r;

	while (m->rows.rest == 0) {
		r = next_block(m);
		if (r == 0)
			return next_module_row(m, ret);
		if (r < 0)
			return r;
		if (r == 2) {
			*ret = (struct message){ .data = (const uint8_t *)"", .source = SOURCE_none };
			return 1;
		}
	}
	r = block_rows_next(&m->rows, ret);
	if (r <= 0)
		return r;
	ret->track = next_track(m);
	r = join(m, ret);
	return r < 0 ? r : 1;
}
