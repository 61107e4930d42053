/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of an arena, a batch at a time */

#include "track/batch.h"

#include <linux/netlink.h>
#include <string.h>

#include "socketd/stream.h"

/* Enough to hide the latency of memory, few enough that batch and sights stay in the first cache. */
#define BATCH 32

struct batch {
	const struct track_table *table;
	batch_each each;
	void *ctx;
	unsigned int n;
	struct message messages[BATCH];
	struct sight sights[BATCH];
};

static int batch_end(struct batch *b)
{
	int r = 0;

	for (unsigned int i = 0; i < b->n && r >= 0; i++)
		r = b->each(b->ctx, &b->messages[i], &b->sights[i]);
	b->n = 0;
	return r;
}

static int batch_add(struct batch *b, const uint8_t *data, uint32_t len, uint8_t source)
{
	struct message *m = &b->messages[b->n];

	*m = (struct message){ .data = data, .len = len, .source = source };
	if (sight_read(m, &b->sights[b->n]) < 0)
		return 0;
	if (b->sights[b->n].cookie != 0)
		track_table_prefetch(b->table, b->sights[b->n].cookie);
	return ++b->n == BATCH ? batch_end(b) : 0;
}

static int walk_messages(struct batch *b, const uint8_t *p, size_t rest, uint8_t source)
{
	int r = 0;

	while (rest >= NLMSG_HDRLEN && r >= 0) {
		const struct nlmsghdr *h = (const void *)p;
		size_t aligned = NLMSG_ALIGN(h->nlmsg_len);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > rest)
			break;
		r = batch_add(b, p + NLMSG_HDRLEN, h->nlmsg_len - NLMSG_HDRLEN, source);
		if (aligned > rest)
			break;
		p += aligned;
		rest -= aligned;
	}
	return r;
}

static int walk_lines(struct batch *b, const uint8_t *p, size_t rest, uint8_t source)
{
	int r = 0;

	while (rest > 0 && r >= 0) {
		const uint8_t *end = memchr(p, '\n', rest);
		size_t len = end ? (size_t)(end - p) : rest;

		r = batch_add(b, p, (uint32_t)len, source);
		len += end ? 1 : 0;
		p += len;
		rest -= len;
	}
	return r;
}

int batch_walk(struct arena *a, const struct track_table *table, batch_each each, void *ctx)
{
	struct batch b; /* 5 KiB that are not worth zeroing at each receive */
	const uint8_t *data;
	size_t len;
	int r = 0;

	b.table = table;
	b.each = each;
	b.ctx = ctx;
	b.n = 0;
	while (r >= 0 && (len = arena_peek(a, &data)) > 0) {
		for (size_t at = 0; at < len && r >= 0;) {
			const struct socketd_block *block = (const void *)(data + at);
			const struct socketd_messages *head = (const void *)(block + 1);
			const uint8_t *payload = (const uint8_t *)(head + 1);

			at += sizeof(*block) + ((block->length + 7) & ~(size_t)7);
			if (block->length < sizeof(*head))
				continue;
			if (block->type == SOCKETD_BLOCK_MESSAGES)
				r = walk_messages(&b, payload, block->length - sizeof(*head), (uint8_t)head->source);
			else if (block->type == SOCKETD_BLOCK_LINES)
				r = walk_lines(&b, payload, block->length - sizeof(*head), (uint8_t)head->source);
		}
		/* Before what it points into is consumed. */
		if (r >= 0)
			r = batch_end(&b);
		arena_consume(a, len);
	}
	return r;
}
