/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of the tracker, decoded once and handed to all who listen */

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "bus/hub.h"
#include "bus/queue.h"
#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "source/host.h"

/* A look at all devices costs a microsecond each, and one that is gone stays unknown. */
#define LINKS_EVERY_USEC (1000 * 1000u)

struct hub {
	struct tracker *tracker;
	uint64_t next_links_usec; /* CLOCK_MONOTONIC: not before */
	uint64_t netns;
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

int hub_preamble(uint32_t uid, struct arena *out)
{
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t netns = 0;
	int r;

	if (fd < 0)
		return -errno;
	r = writer_header(out);
	if (r >= 0)
		r = host_write(out, uid);
	if (r >= 0)
		r = host_write_netns(out, fd, &netns);
	if (r >= 0)
		r = host_write_links(out, netns);
	return r < 0 ? r : write_sources(out, netns);
}

int hub_learn(struct context *c)
{
	CLEANUP(arena_deinit) struct arena preamble;
	struct reader reader;
	struct block b;
	int r;

	arena_init(&preamble);
	r = hub_preamble(0, &preamble);
	if (r < 0)
		return r;
	reader_init(&reader, arena_input(&preamble));
	while ((r = reader_next(&reader, &b)) > 0) {
		r = context_apply(c, &b);
		if (r < 0)
			return r;
	}
	return r == -ENODATA ? 0 : r; /* it has no END */
}

/* Of a LINK block that is ours. */
static bool link_of(const struct block *b, uint32_t *ret_ifindex, const char **ret_name, size_t *ret_len)
{
	*ret_ifindex = 0;
	*ret_len = 0;
	for (size_t at = 0; b->length - at >= NLA_HDRLEN;) {
		const uint8_t *value = b->payload + at + NLA_HDRLEN;
		struct nlattr a;

		memcpy(&a, b->payload + at, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > b->length - at)
			return false;
		if (a.nla_type == SOCKETD_LINK_IFINDEX && a.nla_len == NLA_HDRLEN + sizeof(*ret_ifindex))
			memcpy(ret_ifindex, value, sizeof(*ret_ifindex));
		if (a.nla_type == SOCKETD_LINK_NAME) {
			*ret_name = (const char *)value;
			*ret_len = strnlen(*ret_name, a.nla_len - NLA_HDRLEN);
		}
		if ((size_t)NLA_ALIGN(a.nla_len) >= b->length - at)
			break;
		at += NLA_ALIGN(a.nla_len);
	}
	return *ret_ifindex && *ret_len;
}

/* Takes a device in when it is new or has another name, and puts its block to those that are to be told. */
static int take_link(struct hub *h, const struct block *b, struct queue *news)
{
	size_t size = sizeof(struct socketd_block) + ((size_t)b->length + 7) / 8 * 8, len;
	const char *known, *name = NULL;
	uint32_t ifindex;
	int r;

	if (b->type != SOCKETD_BLOCK_LINK || !link_of(b, &ifindex, &name, &len))
		return 0;
	known = context_link_name(h->context, ifindex);
	if (known && strlen(known) == len && !memcmp(known, name, len))
		return 0;
	r = queue_append(news, b->payload - sizeof(struct socketd_block), size);
	return r < 0 ? r : context_apply(h->context, b);
}

void hub_look_at_links(struct hub *h)
{
	CLEANUP(arena_deinit) struct arena links = { 0 };
	CLEANUP(queue_deinit) struct queue news = { 0 };
	uint64_t now = host_now_usec();
	struct reader reader;
	struct block b;

	if (!h->listeners || now < h->next_links_usec)
		return;
	h->next_links_usec = now + LINKS_EVERY_USEC;
	/* Without, events show numbers. */
	if (host_write_links(&links, h->netns) < 0)
		return;
	reader_init(&reader, arena_input(&links));
	reader.header_seen = true;
	while (reader_next(&reader, &b) > 0)
		if (take_link(h, &b, &news) < 0)
			return;
	for (struct hub_listener *l = h->listeners; l && queue_pending(&news); l = l->next)
		if (l->links)
			l->links(l, news.data + news.start, queue_pending(&news));
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
		r = hub_learn(h->context);
	if (r < 0)
		return r;
	h->netns = context_source(h->context, SOURCE_tcp4)->netns;
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

void hub_add(struct hub *h, struct hub_listener *l)
{
	if (!h->listeners)
		tracker_want_events(h->tracker, true);
	l->next = h->listeners;
	h->listeners = l;
	/* Devices that came since: this listener knows them, the others are told. */
	hub_look_at_links(h);
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

/* Whether the socket is bound to a device that came since we looked. */
static bool has_unknown_link(const struct hub *h, struct record *r)
{
	struct value v;

	return record_get(r, F_sk_bound_dev_if, 0, &v) == 0 && v.u && !context_link_name(h->context, (uint32_t)v.u);
}

static void tell(struct hub *h, const struct event_info *e, struct record *r)
{
	if (r && has_unknown_link(h, r))
		hub_look_at_links(h);
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
