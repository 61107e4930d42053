/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of memory chunks that blocks are written into and read out of */

#ifndef SOCKETD_SNAPSHOT_ARENA_H
#define SOCKETD_SNAPSHOT_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"

/*
 * Bytes are appended at the end and consumed at the start. What one reserve
 * gave stays in one piece, so a block never spans two chunks. A chunk that was
 * consumed is used again: streaming needs one or two, keeping needs all.
 */
struct arena_chunk;

struct arena {
	struct arena_chunk *first, *last, *spare;
	size_t n_mapped;              /* memory held */
	uint64_t committed, consumed; /* bytes, ever */
};

/* Largest reserve. */
#define ARENA_RESERVE_MAX (1100u * 1024u)

void arena_init(struct arena *a);
void arena_deinit(struct arena *a);

/* Room for size bytes at the end, in one piece, aligned to 8. NULL when memory is short. */
void *arena_reserve(struct arena *a, size_t size);

/* The first size bytes of the last reserve are now part of the queue; size is a multiple of 8. */
void arena_commit(struct arena *a, size_t size);

/* Bytes at the start that lie in one piece; 0 when the queue is empty. */
size_t arena_peek(const struct arena *a, const uint8_t **ret);

/* Drops bytes at the start; at most what arena_peek gave. */
void arena_consume(struct arena *a, size_t size);

/* A place in the queue, to go back to. */
struct arena_mark {
	struct arena_chunk *chunk;
	size_t end;
	uint64_t committed;
};

struct arena_mark arena_mark(const struct arena *a);

/* Takes back all that was committed since. -ESTALE when some of it was consumed: then nothing changes. */
int arena_rewind(struct arena *a, struct arena_mark mark);

/* Moves all of from's content behind to's, without a copy. */
void arena_splice(struct arena *to, struct arena *from);

/* Bytes committed and not consumed. */
static inline size_t arena_pending(const struct arena *a)
{
	return (size_t)(a->committed - a->consumed);
}

DEFINE_CLEANUP(struct arena, arena_deinit)

#endif
