/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of memory chunks */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "snapshot/arena.h"

/*
 * The first chunk serves streams and small readings; the next ones are as large
 * as a huge page, so that a reading of 200 MB costs a hundred faults and not
 * fifty thousand (measured: a fifth of the reading's time).
 */
#define CHUNK_SMALL (512u * 1024)
#define CHUNK_LARGE (2u * 1024 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of the mapping */
	size_t start, end; /* offsets in data */
	_Alignas(8) uint8_t data[];
};

static size_t capacity(const struct arena_chunk *c)
{
	return c->size - sizeof(*c);
}

static struct arena_chunk *map_chunk(size_t size)
{
	size_t align = size >= CHUNK_LARGE ? CHUNK_LARGE : 0, slack;
	struct arena_chunk *c;
	uint8_t *p;

	p = mmap(NULL, size + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (align) {
		slack = (align - (uintptr_t)p % align) % align;
		if (slack)
			munmap(p, slack);
		if (align - slack)
			munmap(p + slack + size, align - slack);
		p += slack;
		madvise(p, size, MADV_HUGEPAGE); /* a hint: without it all still works */
	}
	c = (struct arena_chunk *)p;
	c->size = size;
	return c;
}

void arena_init(struct arena *a)
{
	memset(a, 0, sizeof(*a));
}

static void unmap_chunk(struct arena *a, struct arena_chunk *c)
{
	a->n_mapped -= c->size;
	munmap(c, c->size);
}

static void unmap_chunks(struct arena *a, struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		unmap_chunk(a, c);
		c = next;
	}
}

void arena_deinit(struct arena *a)
{
	unmap_chunks(a, a->first);
	if (a->spare)
		unmap_chunk(a, a->spare);
	arena_init(a);
}

static struct arena_chunk *append_chunk(struct arena *a, size_t size)
{
	size_t want = a->first ? CHUNK_LARGE : CHUNK_SMALL;
	struct arena_chunk *c;

	while (want < size + sizeof(*c))
		want *= 2;
	if (a->spare && a->spare->size >= size + sizeof(*c)) {
		c = a->spare;
		a->spare = NULL;
	} else {
		c = map_chunk(want);
		if (!c)
			return NULL;
		a->n_mapped += c->size;
	}
	c->next = NULL;
	c->start = c->end = 0;
	if (a->last)
		a->last->next = c;
	else
		a->first = c;
	a->last = c;
	return c;
}

void *arena_reserve(struct arena *a, size_t size)
{
	struct arena_chunk *c = a->last;

	assert(size <= ARENA_RESERVE_MAX);
	if (c && c->start == c->end && c == a->first)
		c->start = c->end = 0;
	if (!c || capacity(c) - c->end < size)
		c = append_chunk(a, size);
	return c ? c->data + c->end : NULL;
}

void arena_commit(struct arena *a, size_t size)
{
	assert(size % 8 == 0 && a->last && capacity(a->last) - a->last->end >= size);
	a->last->end += size;
	a->committed += size;
}

size_t arena_peek(const struct arena *a, const uint8_t **ret)
{
	for (const struct arena_chunk *c = a->first; c; c = c->next) {
		if (c->end > c->start) {
			*ret = c->data + c->start;
			return c->end - c->start;
		}
	}
	return 0;
}

/* A chunk that was read is kept for the next reserve; one is enough. */
static void drop_first(struct arena *a)
{
	struct arena_chunk *c = a->first;

	a->first = c->next;
	if (!a->first)
		a->last = NULL;
	if (a->spare && a->spare->size >= c->size) {
		unmap_chunk(a, c);
		return;
	}
	if (a->spare)
		unmap_chunk(a, a->spare);
	a->spare = c;
}

void arena_consume(struct arena *a, size_t size)
{
	while (a->first && a->first->start == a->first->end && a->first != a->last)
		drop_first(a);
	assert(size == 0 || (a->first && a->first->end - a->first->start >= size));
	if (size == 0)
		return;
	a->first->start += size;
	a->consumed += size;
	if (a->first->start == a->first->end && a->first != a->last)
		drop_first(a);
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){
		.chunk = a->last,
		.end = a->last ? a->last->end : 0,
		.committed = a->committed,
	};
}

int arena_rewind(struct arena *a, struct arena_mark mark)
{
	if (a->consumed > mark.committed)
		return -ESTALE;
	if (a->consumed == mark.committed) {
		/* All before the mark is gone, and maybe the mark's chunk with it. */
		unmap_chunks(a, a->first);
		a->first = a->last = NULL;
	} else {
		/* Bytes before the mark wait still, so its chunk is there. */
		unmap_chunks(a, mark.chunk->next);
		mark.chunk->next = NULL;
		mark.chunk->end = mark.end;
		a->last = mark.chunk;
	}
	a->committed = mark.committed;
	return 0;
}

void arena_splice(struct arena *to, struct arena *from)
{
	size_t pending = arena_pending(from);

	if (from->spare) {
		unmap_chunk(from, from->spare);
		from->spare = NULL;
	}
	if (from->first) {
		if (to->last)
			to->last->next = from->first;
		else
			to->first = from->first;
		to->last = from->last;
	}
	to->n_mapped += from->n_mapped;
	to->committed += pending;
	arena_init(from);
}
