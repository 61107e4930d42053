/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of an arena, a batch at a time */

#include "track/batch.h"

#include "snapshot/block_rows.h"
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

/* The message is in its place. */
static int batch_add(struct batch *b)
{
	struct sight *s = &b->sights[b->n];

	if (sight_read(&b->messages[b->n], s) < 0)
		return 0;
	if (s->cookie != 0)
		track_table_prefetch(b->table, s->cookie);
	return ++b->n == BATCH ? batch_end(b) : 0;
}

static int walk_block(struct batch *b, const struct block *block)
{
	struct block_rows rows;
	int r = 0;

	if (block_rows_init(&rows, block) <= 0)
		return 0;
	while (r >= 0 && block_rows_next(&rows, &b->messages[b->n]) > 0)
		r = batch_add(b);
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
			const struct socketd_block *head = (const void *)(data + at);
			struct block block = { .type = head->type, .length = head->length, .payload = (const uint8_t *)(head + 1) };

			at += sizeof(*head) + ((head->length + 7) & ~(size_t)7);
			if (block.type == SOCKETD_BLOCK_MESSAGES || block.type == SOCKETD_BLOCK_LINES)
				r = walk_block(&b, &block);
		}
		/* Before what it points into is consumed. */
		if (r >= 0)
			r = batch_end(&b);
		arena_consume(a, len);
	}
	return r;
}
