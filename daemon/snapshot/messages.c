/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message after another out of a stream */

#include <errno.h>
#include <linux/netlink.h>
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
	struct socketd_messages head;
	struct block block;
	int r;

	/* Whatever ends this, -EAGAIN of the input too, the old block is read. */
	m->block.length = m->offset = 0;
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
	m->block = block;
	m->tracks = context_take_tracks(m->context, &m->n_tracks);
	if (m->block.length < sizeof(head))
		return -EBADMSG;
	memcpy(&head, m->block.payload, sizeof(head));
	if (!source_def_get(head.source)) {
		/* A source of a newer version: its messages are skipped like an unknown block. */
		m->offset = m->block.length;
		return 1;
	}
	if (!context_source(m->context, head.source)->seen)
		return -EBADMSG;
	if ((source_def_get(head.source)->kind == KIND_PROC_INET) != (m->block.type == SOCKETD_BLOCK_LINES))
		return -EBADMSG;
	m->source = (uint8_t)head.source;
	m->offset = sizeof(head);
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

static int next_line(struct messages *m, struct message *ret)
{
	const uint8_t *p = m->block.payload + m->offset;
	size_t rest = m->block.length - m->offset;
	const uint8_t *end = memchr(p, '\n', rest);
	size_t len = end ? (size_t)(end - p) : rest;

	*ret = (struct message){ .data = p, .len = (uint32_t)len, .source = m->source, .track = next_track(m) };
	m->offset += end ? len + 1 : len;
	return 1;
}

static int next_netlink(struct messages *m, struct message *ret)
{
	const uint8_t *p = m->block.payload + m->offset;
	size_t rest = m->block.length - m->offset;
	struct nlmsghdr h;

	if (rest < sizeof(h))
		return -EBADMSG;
	memcpy(&h, p, sizeof(h));
	if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > rest)
		return -EBADMSG;
	*ret = (struct message){ .data = p + NLMSG_HDRLEN, .len = h.nlmsg_len - NLMSG_HDRLEN, .source = m->source,
				 .track = next_track(m) };
	m->offset += NLMSG_ALIGN(h.nlmsg_len) < rest ? NLMSG_ALIGN(h.nlmsg_len) : rest;
	return 1;
}

int messages_next(struct messages *m, struct message *ret)
{
	while (m->offset >= m->block.length) {
		int r = next_block(m);

		if (r <= 0)
			return r;
		if (r == 2) {
			*ret = (struct message){ .data = (const uint8_t *)"", .source = SOURCE_none };
			return 1;
		}
	}
	return m->block.type == SOCKETD_BLOCK_LINES ? next_line(m, ret) : next_netlink(m, ret);
}
