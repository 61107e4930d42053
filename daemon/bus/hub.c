/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of the tracker, decoded once and handed to all who listen */

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "bus/hub.h"
#include "bus/queue.h"
#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "source/host.h"

struct hub {
	struct tracker *tracker;
	struct hub_listener *listeners;
	struct reader reader;
	struct messages messages;
	struct context *context;
	struct record record;
};

static int write_sources(struct arena *out, uint64_t netns)
{
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		const struct source_def *def = source_def_get(id);
		struct attr_block b;

		if (!def)
			continue;
		attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
		attr_block_u32(&b, SOCKETD_SOURCE_ID, id);
		attr_block_string(&b, SOCKETD_SOURCE_NAME, def->name);
		attr_block_u32(&b, SOCKETD_SOURCE_FAMILY, def->family);
		attr_block_u32(&b, SOCKETD_SOURCE_PROTOCOL, def->protocol);
		attr_block_u64(&b, SOCKETD_SOURCE_NETNS, netns);
		if (attr_block_write(&b, out) < 0)
			return -ENOMEM;
	}
	return 0;
}

int hub_preamble(struct tracker *t, uint32_t uid, struct arena *out)
{
	int r;

	r = writer_header(out);
	if (r >= 0)
		r = host_write(out, uid);
	if (r >= 0)
		r = tracker_write_namespaces(t, uid == 0, out);
	return r < 0 ? r : write_sources(out, tracker_own_netns(t));
}

/* Blocks of an arena into a context, all or an error. */
static int learn(struct context *c, struct arena *a, bool header_seen)
{
	struct reader reader;
	struct block b;
	int r;

	reader_init(&reader, arena_input(a));
	reader.header_seen = header_seen;
	while ((r = reader_next(&reader, &b)) > 0) {
		r = context_apply(c, &b);
		if (r < 0)
			return r;
	}
	return r == -ENODATA ? 0 : r; /* it has no END */
}

int hub_learn(struct tracker *t, struct context *c)
{
	CLEANUP(arena_deinit) struct arena preamble;
	int r;

	arena_init(&preamble);
	r = hub_preamble(t, 0, &preamble);
	return r < 0 ? r : learn(c, &preamble, false);
}

/* The namespace that a NETNS or LINK block is of; 0 when it does not say. */
static uint64_t netns_of(const struct block *b)
{
	const uint16_t wanted = b->type == SOCKETD_BLOCK_LINK ? SOCKETD_LINK_NETNS : SOCKETD_NETNS_INO;
	uint64_t ino = 0;

	for (size_t at = 0; at < b->length && b->length - at >= NLA_HDRLEN;) {
		struct nlattr a;

		memcpy(&a, b->payload + at, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > b->length - at)
			return 0;
		if (a.nla_type == wanted && a.nla_len == NLA_HDRLEN + sizeof(ino))
			memcpy(&ino, b->payload + at + NLA_HDRLEN, sizeof(ino));
		at += NLA_ALIGN(a.nla_len);
	}
	return ino;
}

/* Namespaces and devices that came or have another name. What finds no room is shown as a number. */
static void tell_news(struct hub *h)
{
	CLEANUP(queue_deinit) struct queue all = { 0 }, own = { 0 };
	struct reader reader;
	struct hub_news news;
	struct block b;

	if (arena_pending(tracker_news(h->tracker)) == 0)
		return;
	reader_init(&reader, arena_input(tracker_news(h->tracker)));
	reader.header_seen = true;
	while (reader_next(&reader, &b) > 0) {
		size_t size = sizeof(struct socketd_block) + ((size_t)b.length + 7) / 8 * 8;

		(void)context_apply(h->context, &b);
		(void)queue_append(&all, b.payload - sizeof(struct socketd_block), size);
		if (netns_of(&b) == tracker_own_netns(h->tracker))
			(void)queue_append(&own, b.payload - sizeof(struct socketd_block), size);
	}
	news = (struct hub_news){ .all = all.data + all.start, .all_len = queue_pending(&all),
				  .own = own.data + own.start, .own_len = queue_pending(&own) };
	for (struct hub_listener *l = h->listeners; l; l = l->next)
		if (l->news)
			l->news(l, &news);
}

void hub_tell(struct hub *h, const void *blocks, size_t len)
{
	const struct hub_news news = { .all = blocks, .all_len = len, .own = blocks, .own_len = len };
	const uint8_t *p = blocks;

	for (size_t at = 0; at < len;) {
		struct socketd_block head;

		memcpy(&head, p + at, sizeof(head));
		/* Without memory they go without it: events are told all the same. */
		(void)context_apply(h->context, &(struct block){ head.type, head.length, p + at + sizeof(head) });
		at += sizeof(head) + ((size_t)head.length + 7) / 8 * 8;
	}
	for (struct hub_listener *l = h->listeners; l; l = l->next)
		if (l->news)
			l->news(l, &news);
}

static void begin_reading(struct hub *h)
{
	reader_init(&h->reader, arena_input(tracker_events(h->tracker)));
	h->reader.header_seen = true; /* the tracker writes none */
	messages_init(&h->messages, &h->reader, h->context);
}

int hub_new(struct hub **ret, struct tracker *t)
{
	CLEANUP(hub_free) struct hub *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->tracker = t;
	r = context_new(&h->context);
	if (r >= 0)
		r = hub_learn(t, h->context);
	/* Until somebody listens devices need not be kept. */
	tracker_want_events(t, false);
	if (r < 0)
		return r;
	begin_reading(h);
	*ret = STEAL_PTR(h);
	return 0;
}

struct hub *hub_free(struct hub *h)
{
	if (!h)
		return NULL;
	while (h->listeners) {
		struct hub_listener *l = h->listeners;

		hub_remove(h, l);
		l->ended(l);
	}
	context_free(h->context);
	free(h);
	return NULL;
}

/* Namespaces came and went while nobody listened. Without memory what is new is shown as numbers. */
static void learn_again(struct hub *h)
{
	CLEANUP(arena_deinit) struct arena now;

	arena_init(&now);
	if (tracker_write_namespaces(h->tracker, true, &now) >= 0)
		(void)learn(h->context, &now, true);
}

void hub_add(struct hub *h, struct hub_listener *l)
{
	if (!h->listeners) {
		tracker_want_events(h->tracker, true);
		learn_again(h);
	}
	l->next = h->listeners;
	h->listeners = l;
}

void hub_take(struct hub *h, struct arena *blocks)
{
	(void)learn(h->context, blocks, true);
	for (const uint8_t *data; arena_pending(blocks) > 0;)
		arena_consume(blocks, arena_peek(blocks, &data));
}

void hub_remove(struct hub *h, struct hub_listener *l)
{
	for (struct hub_listener **p = &h->listeners; *p; p = &(*p)->next) {
		if (*p == l) {
			*p = l->next;
			break;
		}
	}
	if (!h->listeners)
		tracker_want_events(h->tracker, false);
}

struct hub_listener *hub_listeners(const struct hub *h)
{
	return h ? h->listeners : NULL;
}

static void tell(struct hub *h, const struct event_info *e, struct record *r)
{
	for (struct hub_listener *l = h->listeners; l; l = l->next)
		l->event(l, e, r);
}

/*
 * What cannot be read (memory is short) is dropped, and said to be lost; how
 * many events it was is not known, so at least one.
 */
static void drop(struct hub *h)
{
	const struct event_info lost = { .kind = SOCKETD_EVENT_OVERFLOW, .n_lost = 1 };
	struct arena *a = tracker_events(h->tracker);
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(a, &data)) > 0)
		arena_consume(a, len);
	begin_reading(h);
	tell(h, &lost, NULL);
}

void hub_drain(struct hub *h)
{
	struct message m;
	bool told = false;
	int r;

	tell_news(h);
	while ((r = messages_next(&h->messages, &m)) > 0) {
		const struct event_info *e = context_event(h->context);

		if (!e || !h->listeners)
			continue;
		told = true;
		if (m.len == 0)
			tell(h, e, NULL);
		else if (record_open(&h->record, &m, h->context) == 0)
			tell(h, e, &h->record);
	}
	if (r != -ENODATA) {
		drop(h);
		told = true;
	}
	if (!told)
		return;
	for (struct hub_listener *l = h->listeners, *next; l; l = next) {
		next = l->next;
		l->flush(l);
	}
}
