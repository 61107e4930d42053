/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compact table */

#include "track/table.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

_Static_assert(sizeof(struct track_entry) <= 104, "with the hashes a socket takes 128 bytes");
_Static_assert(SOURCE_COUNT <= 64, "a source has six bits");

/* So many items of 104 and of 32 bytes are whole pages of 4 KiB. */
#define CHUNK_ITEMS 1024u
#define HEADS_MIN 1024u

#define RATE_STEPS 1200 /* an octave */
#define RATE_LOWEST -14 /* octaves */

uint16_t track_rate_pack(double per_second)
{
	double v;

	if (!(per_second > 0))
		return 0;
	v = round((log2(per_second) - RATE_LOWEST) * RATE_STEPS) + 1;
	if (v < 1)
		return 1;
	return v > UINT16_MAX ? UINT16_MAX : (uint16_t)v;
}

double track_rate_unpack(uint16_t packed)
{
	return packed == 0 ? 0 : exp2((packed - 1) / (double)RATE_STEPS + RATE_LOWEST);
}

/*
 * Items in chunks that never move. A free item holds the next free one of its
 * chunk; new ones take the lowest chunk with room, so that those above get empty
 * and are given back.
 */
struct chunk {
	uint8_t *items; /* NULL when it was given back */
	uint16_t n_used;
	uint16_t n_fresh; /* items from here on were never used: their pages are not touched */
	uint16_t free;    /* index + 1 of the first free one below n_fresh */
};

struct pool {
	size_t item_size;
	struct chunk *chunks;
	uint32_t n_chunks, n_mapped;
	uint32_t lowest; /* no chunk below has room */
	size_t n_used;
};

static void *pool_item(const struct pool *p, uint32_t index)
{
	return p->chunks[index / CHUNK_ITEMS].items + (index % CHUNK_ITEMS) * p->item_size;
}

static void pool_deinit(struct pool *p)
{
	for (uint32_t i = 0; i < p->n_chunks; i++)
		if (p->chunks[i].items)
			munmap(p->chunks[i].items, CHUNK_ITEMS * p->item_size);
	free(p->chunks);
}

/* The lowest chunk with room. -ENOMEM. */
static int pool_find_room(struct pool *p, uint32_t *ret)
{
	uint32_t i = p->lowest;
	struct chunk *c;

	while (i < p->n_chunks && p->chunks[i].items && p->chunks[i].n_used == CHUNK_ITEMS)
		i++;
	p->lowest = i;
	if (i == p->n_chunks) {
		if (i == UINT32_MAX / CHUNK_ITEMS)
			return -ENOMEM;
		c = reallocarray(p->chunks, i + 1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		p->chunks = c;
		p->chunks[p->n_chunks++] = (struct chunk){};
	}
	c = &p->chunks[i];
	if (!c->items) {
		void *items = mmap(NULL, CHUNK_ITEMS * p->item_size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (items == MAP_FAILED)
			return -ENOMEM;
		*c = (struct chunk){ .items = items };
		p->n_mapped++;
	}
	*ret = i;
	return 0;
}

/* An item, zeroed. -ENOMEM. */
static int pool_take(struct pool *p, uint32_t *ret)
{
	uint32_t n, index;
	struct chunk *c;
	int r;

	r = pool_find_room(p, &n);
	if (r < 0)
		return r;
	c = &p->chunks[n];
	index = n * CHUNK_ITEMS;
	if (c->free != 0) {
		index += c->free - 1u;
		memcpy(&c->free, pool_item(p, index), sizeof(c->free));
	} else {
		index += c->n_fresh++;
	}
	c->n_used++;
	p->n_used++;
	memset(pool_item(p, index), 0, p->item_size);
	*ret = index;
	return 0;
}

static void pool_give_back(struct pool *p, uint32_t index)
{
	uint32_t n = index / CHUNK_ITEMS;
	struct chunk *c = &p->chunks[n];

	memset(pool_item(p, index), 0, p->item_size);
	memcpy(pool_item(p, index), &c->free, sizeof(c->free));
	c->free = (uint16_t)(index % CHUNK_ITEMS + 1);
	c->n_used--;
	p->n_used--;
	/* An empty chunk is kept while there is little other room: one socket more and less must not map and unmap. */
	if (c->n_used == 0 && (size_t)p->n_mapped * CHUNK_ITEMS - p->n_used >= 2 * CHUNK_ITEMS) {
		munmap(c->items, CHUNK_ITEMS * p->item_size);
		*c = (struct chunk){};
		p->n_mapped--;
		while (p->n_chunks > 0 && !p->chunks[p->n_chunks - 1].items)
			p->n_chunks--;
	}
	if (n < p->lowest)
		p->lowest = n < p->n_chunks ? n : p->n_chunks;
	if (p->lowest > p->n_chunks)
		p->lowest = p->n_chunks;
}

static size_t pool_memory(const struct pool *p)
{
	return p->n_mapped * CHUNK_ITEMS * p->item_size + p->n_chunks * sizeof(p->chunks[0]);
}

struct track_table {
	struct pool entries, pairs;
	uint32_t *by_cookie, *by_inode; /* index + 1 of the first entry of each chain */
	uint32_t n_heads;		/* of each; a power of two */
	uint64_t seed;
	uint64_t *netns; /* inode numbers, by slot */
	uint32_t n_netns;
};

static struct track_entry *entry_at(const struct track_table *t, uint32_t index)
{
	return pool_item(&t->entries, index);
}

/* Nobody can choose cookies or inodes freely, and the seed hides which of them meet. */
static uint32_t hash(const struct track_table *t, uint64_t key)
{
	key = (key ^ t->seed) * UINT64_C(0x9e3779b97f4a7c15);
	key ^= key >> 32;
	key *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(key >> 32) & (t->n_heads - 1);
}

/* Thousands of sockets can share a cookie: the twin goes in. */
static uint32_t *cookie_head(const struct track_table *t, uint64_t cookie, uint32_t twin)
{
	return &t->by_cookie[hash(t, cookie ^ (uint64_t)twin << 32)];
}

static uint32_t *inode_head(const struct track_table *t, uint32_t inode)
{
	return &t->by_inode[hash(t, inode)];
}

static void link_cookie(struct track_table *t, struct track_entry *e, uint32_t index)
{
	uint32_t *head = cookie_head(t, e->cookie, e->twin);

	e->next_by_cookie = *head;
	*head = index + 1;
}

/*
 * Associations of one SCTP endpoint share its inode, and anyone can have many:
 * a chain of theirs would make each removal a walk over all. So the first is in
 * the chain and the others are not.
 */
static void link_inode(struct track_table *t, struct track_entry *e, uint32_t index)
{
	uint32_t *head = inode_head(t, e->inode);

	if (e->twin != 0 && track_table_find_inode(t, e->inode))
		return;
	e->next_by_inode = *head;
	*head = index + 1;
}

/* Index + 1, or 0 when it was not in the chain. */
static uint32_t unlink_cookie(struct track_table *t, struct track_entry *e)
{
	uint32_t *p = cookie_head(t, e->cookie, e->twin), link;

	while ((link = *p) != 0 && entry_at(t, link - 1) != e)
		p = &entry_at(t, link - 1)->next_by_cookie;
	if (link != 0)
		*p = e->next_by_cookie;
	return link;
}

static uint32_t unlink_inode(struct track_table *t, struct track_entry *e)
{
	uint32_t *p = inode_head(t, e->inode), link;

	while ((link = *p) != 0 && entry_at(t, link - 1) != e)
		p = &entry_at(t, link - 1)->next_by_inode;
	if (link != 0)
		*p = e->next_by_inode;
	return link;
}

static void link_all(struct track_table *t)
{
	size_t cursor = 0;
	struct track_entry *e;

	while ((e = track_table_next(t, &cursor))) {
		e->next_by_inode = 0;
		if (e->cookie != 0)
			link_cookie(t, e, (uint32_t)cursor - 1);
		if (e->inode != 0)
			link_inode(t, e, (uint32_t)cursor - 1);
	}
}

/* 0 or -ENOMEM; then all is as it was. */
static int resize(struct track_table *t, uint32_t n_heads)
{
	uint32_t *cookies = calloc(n_heads, sizeof(*cookies)), *inodes = calloc(n_heads, sizeof(*inodes));

	if (!cookies || !inodes) {
		free(cookies);
		free(inodes);
		return -ENOMEM;
	}
	free(t->by_cookie);
	free(t->by_inode);
	t->by_cookie = cookies;
	t->by_inode = inodes;
	t->n_heads = n_heads;
	link_all(t);
	return 0;
}

int track_table_new(struct track_table **ret)
{
	CLEANUP(track_table_free) struct track_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->entries.item_size = sizeof(struct track_entry);
	t->pairs.item_size = sizeof(struct track_pair6);
	/* Early in the boot there may be none to have: a table without a secret is better than none. */
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) < 0)
		t->seed = (uintptr_t)t;
	r = resize(t, HEADS_MIN);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(t);
	return 0;
}

struct track_table *track_table_free(struct track_table *t)
{
	if (!t)
		return NULL;
	pool_deinit(&t->entries);
	pool_deinit(&t->pairs);
	free(t->by_cookie);
	free(t->by_inode);
	free(t->netns);
	free(t);
	return NULL;
}

struct track_entry *track_table_find(const struct track_table *t, uint8_t source, uint64_t cookie, uint32_t twin)
{
	uint32_t link = *cookie_head(t, cookie, twin);

	while (link != 0) {
		struct track_entry *e = entry_at(t, link - 1);

		if (e->cookie == cookie && e->twin == twin && e->source == source)
			return e;
		link = e->next_by_cookie;
	}
	return NULL;
}

static struct track_entry *find_in_chain(const struct track_table *t, uint32_t link, uint32_t inode)
{
	while (link != 0) {
		struct track_entry *e = entry_at(t, link - 1);

		if (e->inode == inode)
			return e;
		link = e->next_by_inode;
	}
	return NULL;
}

struct track_entry *track_table_find_inode(const struct track_table *t, uint32_t inode)
{
	return find_in_chain(t, *inode_head(t, inode), inode);
}

struct track_entry *track_table_next_of_inode(const struct track_table *t, const struct track_entry *e)
{
	return find_in_chain(t, e->next_by_inode, e->inode);
}

int track_table_set_pair6(struct track_table *t, struct track_entry *e, const struct track_pair6 *pair)
{
	uint32_t index = e->addr.pair6;
	int r;

	if (!(e->flags & TRACK_IPV6)) {
		r = pool_take(&t->pairs, &index);
		if (r < 0)
			return r;
		memset(&e->addr, 0, sizeof(e->addr));
		e->addr.pair6 = index;
		e->flags |= TRACK_IPV6;
	}
	memcpy(pool_item(&t->pairs, index), pair, sizeof(*pair));
	return 0;
}

const struct track_pair6 *track_table_pair6(const struct track_table *t, const struct track_entry *e)
{
	return e->flags & TRACK_IPV6 ? pool_item(&t->pairs, e->addr.pair6) : NULL;
}

struct track_entry *track_table_add(struct track_table *t, uint8_t source, uint64_t cookie, uint32_t twin, uint32_t inode,
				    const struct track_pair6 *pair)
{
	struct track_entry *e;
	uint32_t index;

	assert(source != SOURCE_none && (cookie != 0 || inode != 0));
	/* When it cannot grow, the chains do. */
	if (t->entries.n_used >= t->n_heads && t->n_heads < UINT32_C(1) << 31)
		resize(t, t->n_heads * 2);
	if (pool_take(&t->entries, &index) < 0)
		return NULL;
	e = entry_at(t, index);
	if (pair && track_table_set_pair6(t, e, pair) < 0) {
		pool_give_back(&t->entries, index);
		return NULL;
	}
	e->source = source;
	e->cookie = cookie;
	e->twin = twin;
	e->inode = inode;
	e->uid = UINT32_MAX;
	if (cookie != 0)
		link_cookie(t, e, index);
	if (inode != 0)
		link_inode(t, e, index);
	return e;
}

void track_table_remove(struct track_table *t, struct track_entry *e)
{
	uint32_t by_cookie = 0, by_inode = 0;

	if (e->cookie != 0)
		by_cookie = unlink_cookie(t, e);
	if (e->inode != 0)
		by_inode = unlink_inode(t, e);
	assert(by_cookie != 0 || by_inode != 0);
	if (e->flags & TRACK_IPV6)
		pool_give_back(&t->pairs, e->addr.pair6);
	pool_give_back(&t->entries, (by_cookie != 0 ? by_cookie : by_inode) - 1);
	if (t->n_heads > HEADS_MIN && t->entries.n_used < t->n_heads / 8)
		resize(t, t->n_heads / 4);
}

void track_table_set_inode(struct track_table *t, struct track_entry *e, uint32_t inode)
{
	uint32_t link;

	if (e->inode == inode)
		return;
	assert(e->cookie != 0);
	/* Its place is known by the other chain. */
	link = unlink_cookie(t, e);
	if (e->inode != 0)
		unlink_inode(t, e);
	e->inode = inode;
	e->next_by_inode = 0;
	link_cookie(t, e, link - 1);
	if (inode != 0)
		link_inode(t, e, link - 1);
}

int track_table_set_netns(struct track_table *t, uint16_t slot, uint64_t ino)
{
	if (slot >= t->n_netns) {
		uint32_t n = t->n_netns > 0 ? t->n_netns : 8;
		uint64_t *more;

		while (n <= slot)
			n *= 2;
		more = reallocarray(t->netns, n, sizeof(*more));
		if (!more)
			return -ENOMEM;
		memset(more + t->n_netns, 0, (n - t->n_netns) * sizeof(*more));
		t->netns = more;
		t->n_netns = n;
	}
	t->netns[slot] = ino;
	return 0;
}

uint64_t track_table_netns(const struct track_table *t, const struct track_entry *e)
{
	return e->netns < t->n_netns ? t->netns[e->netns] : 0;
}

struct track_entry *track_table_next(const struct track_table *t, size_t *cursor)
{
	const struct pool *p = &t->entries;

	for (size_t i = *cursor; i / CHUNK_ITEMS < p->n_chunks; i++) {
		const struct chunk *c = &p->chunks[i / CHUNK_ITEMS];
		struct track_entry *e;

		if (i % CHUNK_ITEMS >= c->n_fresh) {
			i |= CHUNK_ITEMS - 1;
			continue;
		}
		e = (struct track_entry *)(c->items + i % CHUNK_ITEMS * sizeof(*e));
		if (e->source != SOURCE_none) {
			*cursor = i + 1;
			return e;
		}
	}
	return NULL;
}

void track_table_prefetch(const struct track_table *t, uint64_t cookie)
{
	__builtin_prefetch(cookie_head(t, cookie, 0));
}

size_t track_table_count(const struct track_table *t)
{
	return t->entries.n_used;
}

size_t track_table_memory(const struct track_table *t)
{
	return sizeof(*t) + pool_memory(&t->entries) + pool_memory(&t->pairs) + 2 * sizeof(uint32_t) * (size_t)t->n_heads +
	       t->n_netns * sizeof(*t->netns);
}
