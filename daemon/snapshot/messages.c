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
}

static bool event_is_bare(const struct context *c)
{
	const struct event_info *e = context_event(c);

	return e && (e->kind == SOCKETD_EVENT_OVERFLOW || e->kind == SOCKETD_EVENT_SYNCED);
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
		if (block.type == SOCKETD_BLOCK_MESSAGES || block.type == SOCKETD_BLOCK_LINES)
			break;
		r = context_apply(m->context, &block);
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

int messages_next(struct messages *m, struct message *ret)
{
	int r;

	while (m->rows.rest == 0) {
		r = next_block(m);
		if (r <= 0)
			return r;
		if (r == 2) {
			*ret = (struct message){ .data = (const uint8_t *)"", .source = SOURCE_none };
			return 1;
		}
	}
	r = block_rows_next(&m->rows, ret);
	if (r > 0)
		ret->track = next_track(m);
	return r;
}
