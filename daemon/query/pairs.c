/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both ends joined: two hashes over the rows, by the UNIX inode and by the addresses */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "model/words.h"
#include "query/pairs.h"

#define NOBODY UINT32_MAX

/*
 * Rows of one key that are looked at: a host can have as many namespaces with the same addresses, a
 * made-up recording more of anything. Past it nobody is said to be the other end.
 */
#define CANDIDATES_MAX 1024u

/* A row. Its bytes are borrowed. */
struct end {
	const uint8_t *data, *module;
	uint64_t key;
	uint32_t len, module_len;
	uint32_t netns; /* 0 where the reading does not say */
	uint32_t next;  /* of the same bucket, NOBODY at its end */
	uint8_t source; /* enum source_id */
	bool time_wait;
};

/* A client that waits for accept(2), and whose it is. */
struct icon {
	uint64_t key;
	uint32_t listener; /* index of its end */
	uint32_t next;
};

/* First ones of the chains of an array; as many as a power of two. */
struct buckets {
	uint32_t *first;
	size_t n;
};

struct pairs {
	const struct context *context; /* of all rows */
	uint64_t seed; /* so that nobody can choose ports that make one long chain */
	struct end *ends;
	size_t n_ends, n_ends_allocated;
	struct icon *icons;
	size_t n_icons, n_icons_allocated;
	struct buckets end_buckets, icon_buckets;
};

/* Both ends of a connection as a row tells them; IPv4 as mapped into IPv6, which is one to the wire. */
struct tuple {
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port;
	uint32_t protocol;
};

int pairs_new(struct pairs **ret)
{
	struct pairs *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	/* Without randomness it works as well. */
	if (getrandom(&p->seed, sizeof(p->seed), GRND_NONBLOCK) < 0)
		p->seed = (uintptr_t)p;
	*ret = p;
	return 0;
}

struct pairs *pairs_free(struct pairs *p)
{
	if (!p)
		return NULL;
	free(p->ends);
	free(p->icons);
	free(p->end_buckets.first);
	free(p->icon_buckets.first);
	free(p);
	return NULL;
}

size_t pairs_memory(const struct pairs *p)
{
	if (!p)
		return 0;
	return sizeof(*p) + p->n_ends_allocated * sizeof(*p->ends) + p->n_icons_allocated * sizeof(*p->icons) +
	       (p->end_buckets.n + p->icon_buckets.n) * sizeof(uint32_t);
}

/* splitmix64's finalizer. */
static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash ^= v;
	hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
	return hash ^ hash >> 31;
}

static uint64_t unix_key(const struct pairs *p, uint64_t inode)
{
	return mix(mix(p->seed, AF_UNIX), inode);
}

static uint64_t tuple_key(const struct pairs *p, const struct tuple *t)
{
	uint64_t words[sizeof(*t) / 8], hash = p->seed;

	_Static_assert(sizeof(*t) == 40, "no holes, which would be hashed");
	memcpy(words, t, sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		hash = mix(hash, words[i]);
	return hash;
}

static uint64_t number_of(struct record *r, enum field_id id)
{
	struct value v;

	return record_get(r, id, 0, &v) < 0 ? 0 : v.u;
}

static bool get_ip(struct record *r, enum field_id id, uint8_t ret[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct value v;

	if (record_get(r, id, 0, &v) < 0 || v.kind != VALUE_ADDR || address_is_any(&v.addr))
		return false;
	switch (v.addr.kind) {
	case ADDRESS_INET:
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + sizeof(mapped), v.addr.ip, 4);
		return true;
	case ADDRESS_INET6:
		memcpy(ret, v.addr.ip, 16);
		return true;
	case ADDRESS_UNIX:
	case ADDRESS_WORD:
	case ADDRESS_NUMBER:
		break;
	}
	return false;
}

/* False for what is no end: neither listeners nor what is bound to a wildcard have a connection. */
static bool get_tuple(struct record *r, struct tuple *ret)
{
	struct tuple t = { 0 };

	if (!source_has_tuple(r->def))
		return false;
	t.peer_port = (uint16_t)number_of(r, F_peer_port);
	if (!t.peer_port || !get_ip(r, F_peer, t.peer) || !get_ip(r, F_local, t.local))
		return false;
	t.local_port = (uint16_t)number_of(r, F_local_port);
	t.protocol = r->def->protocol;
	*ret = t;
	return true;
}

static struct tuple reverse(const struct tuple *t)
{
	struct tuple back = { .local_port = t->peer_port, .peer_port = t->local_port, .protocol = t->protocol };

	memcpy(back.local, t->peer, sizeof(back.local));
	memcpy(back.peer, t->local, sizeof(back.peer));
	return back;
}

/* Addresses that every namespace, or every link, has anew: across namespaces they say nothing. */
static bool is_of_one_namespace(const uint8_t ip[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, loopback[16] = { [15] = 1 };

	if (!memcmp(ip, mapped, sizeof(mapped)))
		return ip[12] == 127 || (ip[12] == 169 && ip[13] == 254);
	return !memcmp(ip, loopback, sizeof(loopback)) || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}

/* Twice as many buckets, and those that are there hung anew: each is moved twice at most, by and large. */
static int grow_buckets(struct buckets *b, size_t n_items)
{
	size_t n = b->n ? b->n * 2 : 1024;
	uint32_t *first;

	if (n_items < b->n)
		return 0;
	first = reallocarray(b->first, n, sizeof(*first));
	if (!first)
		return -ENOMEM;
	memset(first, 0xff, n * sizeof(*first));
	b->first = first;
	b->n = n;
	return 1;
}

static void hang(struct buckets *b, uint64_t key, uint32_t index, uint32_t *next)
{
	uint32_t *first = &b->first[key & (b->n - 1)];

	*next = *first;
	*first = index;
}

static uint32_t first_of(const struct buckets *b, uint64_t key)
{
	return b->n ? b->first[key & (b->n - 1)] : NOBODY;
}

/* Room for one more. */
static int grow(void **array, size_t *n_allocated, size_t n, size_t size)
{
	size_t more = *n_allocated ? *n_allocated * 2 : 256;
	void *moved;

	if (n >= PAIRS_MAX)
		return -E2BIG;
	if (n < *n_allocated)
		return 0;
	moved = reallocarray(*array, more, size);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*n_allocated = more;
	return 0;
}

static int add_end(struct pairs *p, struct record *r, const struct message *m, uint64_t key)
{
	int k = grow((void **)&p->ends, &p->n_ends_allocated, p->n_ends, sizeof(*p->ends));

	if (k < 0)
		return k;
	k = grow_buckets(&p->end_buckets, p->n_ends);
	if (k < 0)
		return k;
	for (size_t i = 0; k == 1 && i < p->n_ends; i++)
		hang(&p->end_buckets, p->ends[i].key, (uint32_t)i, &p->ends[i].next);
	p->ends[p->n_ends] = (struct end){
		.data = m->data,
		.len = m->len,
		.module = m->module,
		.module_len = m->module_len,
		.key = key,
		.netns = (uint32_t)number_of(r, F_netns),
		.source = m->source,
		.time_wait = record_state(r) == STATE_TIME_WAIT,
	};
	hang(&p->end_buckets, key, (uint32_t)p->n_ends, &p->ends[p->n_ends].next);
	p->n_ends++;
	return 0;
}

static int add_icon(struct pairs *p, uint64_t key, uint32_t listener)
{
	int k = grow((void **)&p->icons, &p->n_icons_allocated, p->n_icons, sizeof(*p->icons));

	if (k < 0)
		return k;
	k = grow_buckets(&p->icon_buckets, p->n_icons);
	if (k < 0)
		return k;
	for (size_t i = 0; k == 1 && i < p->n_icons; i++)
		hang(&p->icon_buckets, p->icons[i].key, (uint32_t)i, &p->icons[i].next);
	p->icons[p->n_icons] = (struct icon){ .key = key, .listener = listener };
	hang(&p->icon_buckets, key, (uint32_t)p->n_icons, &p->icons[p->n_icons].next);
	p->n_icons++;
	return 0;
}

static int add_unix(struct pairs *p, struct record *r, const struct message *m)
{
	uint64_t inode = number_of(r, F_inode);
	struct value icon;
	int k;

	/* What is not accepted yet has none: its client's end is the listener. */
	if (!inode)
		return 0;
	k = add_end(p, r, m, unix_key(p, inode));
	for (unsigned n = 0; k >= 0 && record_get(r, F_udiag_icons, n, &icon) >= 0; n++)
		if (icon.u)
			k = add_icon(p, unix_key(p, icon.u), (uint32_t)p->n_ends - 1);
	return k;
}

int pairs_add(struct pairs *p, struct record *r, const struct message *m)
{
	struct tuple t;

	p->context = r->context;
	if (r->def->kind == KIND_UNIX)
		return add_unix(p, r, m);
	return get_tuple(r, &t) ? add_end(p, r, m, tuple_key(p, &t)) : 0;
}

static struct message message_of(const struct end *e)
{
	return (struct message){ .data = e->data, .len = e->len, .source = e->source, .netns = e->netns,
				 .module = e->module, .module_len = e->module_len };
}

static bool open_end(const struct pairs *p, const struct end *e, struct record *ret)
{
	const struct message m = message_of(e);

	return record_open(ret, &m, p->context) == 0;
}

/* A dump may bring a row twice. */
static bool is_twin(const struct pairs *p, const struct end *a, const struct end *b)
{
	struct record x, y;
	uint64_t cookie, other;

	return open_end(p, a, &x) && open_end(p, b, &y) && record_cookie(&x, &cookie) == 0 && record_cookie(&y, &other) == 0 &&
	       cookie == other && number_of(&x, F_inode) == number_of(&y, F_inode);
}

/* Those of a key: in one namespace, and in all others. Of more than one no more is known than that. */
struct candidates {
	const struct end *here, *there;
	unsigned n_here, n_there;
};

static void take(const struct pairs *p, const struct end *e, const struct end **one, unsigned *n)
{
	if (*n && (*one)->time_wait != e->time_wait) {
		/* What stays of an older connection of the same ports does not compete. */
		if (!e->time_wait) {
			*one = e;
			*n = 1;
		}
		return;
	}
	if (*n && is_twin(p, *one, e))
		return;
	*one = e;
	++*n;
}

static struct candidates find_candidates(const struct pairs *p, uint64_t key, uint32_t netns)
{
	struct candidates c = { 0 };
	unsigned looked = 0;

	for (uint32_t i = first_of(&p->end_buckets, key); i != NOBODY; i = p->ends[i].next) {
		const struct end *e = &p->ends[i];

		if (e->key != key)
			continue;
		if (++looked > CANDIDATES_MAX)
			return (struct candidates){ .n_here = 2 };
		if (e->netns == netns && c.n_here < 2)
			take(p, e, &c.here, &c.n_here);
		else if (e->netns != netns && c.n_there < 2)
			take(p, e, &c.there, &c.n_there);
		if (c.n_here == 2)
			break;
	}
	return c;
}

static const struct end *find_inet(const struct pairs *p, struct record *r, const struct tuple *t)
{
	uint32_t netns = (uint32_t)number_of(r, F_netns);
	struct tuple back = reverse(t), other;
	struct candidates c = find_candidates(p, tuple_key(p, &back), netns);
	const struct end *e = NULL;
	struct record x;

	if (c.n_here) {
		e = c.n_here == 1 ? c.here : NULL;
	} else if (c.n_there == 1 && !is_of_one_namespace(t->local) && !is_of_one_namespace(t->peer)) {
		struct candidates own = find_candidates(p, tuple_key(p, t), netns);

		/* Another of the same addresses could be that one's end as well. */
		e = own.n_here <= 1 && own.n_there == 0 ? c.there : NULL;
	}
	/* Keys are hashes. */
	if (!e || !open_end(p, e, &x) || !get_tuple(&x, &other) || memcmp(&other, &back, sizeof(back)))
		return NULL;
	return e;
}

/* By inode. Numbers of inodes come again after 2^32: of two the one is meant that means us. */
static const struct end *find_inode(const struct pairs *p, uint64_t inode, uint64_t own)
{
	uint64_t key = unix_key(p, inode);
	const struct end *one = NULL, *back = NULL;
	unsigned n = 0, n_back = 0, looked = 0;

	for (uint32_t i = first_of(&p->end_buckets, key); i != NOBODY; i = p->ends[i].next) {
		const struct end *e = &p->ends[i];
		struct record x;

		if (e->key == key && ++looked > CANDIDATES_MAX)
			return NULL;
		if (e->key != key || !open_end(p, e, &x) || x.def->kind != KIND_UNIX || number_of(&x, F_inode) != inode ||
		    (one && is_twin(p, one, e)))
			continue;
		one = e;
		n++;
		if (number_of(&x, F_udiag_peer) == own) {
			back = e;
			n_back++;
		}
	}
	return n == 1 ? one : n_back == 1 ? back : NULL;
}

/* The listener that a client waits for. */
static const struct end *find_listener(const struct pairs *p, uint64_t inode)
{
	uint64_t key = unix_key(p, inode);

	for (uint32_t i = first_of(&p->icon_buckets, key); i != NOBODY; i = p->icons[i].next)
		if (p->icons[i].key == key)
			return &p->ends[p->icons[i].listener];
	return NULL;
}

bool pairs_find(const struct pairs *p, struct record *r, struct message *ret, bool *ret_pending)
{
	const struct end *e = NULL;
	bool pending = false;
	struct tuple t;

	if (r->def->kind == KIND_UNIX) {
		uint64_t peer = number_of(r, F_udiag_peer), inode = number_of(r, F_inode);

		if (peer)
			e = find_inode(p, peer, inode);
		else if (inode)
			e = find_listener(p, inode);
		pending = e && !peer;
	} else if (get_tuple(r, &t)) {
		e = find_inet(p, r, &t);
	}
	if (!e)
		return false;
	*ret = message_of(e);
	*ret_pending = pending;
	return true;
}

void pairs_attach(const struct pairs *p, struct record *r, struct pair_end *e)
{
	struct message m;
	bool pending;

	r->peer = NULL;
	if (!p || !pairs_find(p, r, &m, &pending) || record_open(&e->record, &m, p->context) < 0)
		return;
	e->peer = (struct record_peer){ .end = &e->record, .pending = pending };
	r->peer = &e->peer;
}

static void widen(struct request *req, enum source_id first, enum source_id second)
{
	const enum source_id ids[] = { first, second };

	if (!req->sources[first].wanted && !req->sources[second].wanted)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct source_request *s = &req->sources[ids[i]];

		free(s->bytecode);
		free(s->gets);
		*s = (struct source_request){ .wanted = true, .states = STATES_ALL };
	}
}

void pairs_widen(struct request *req)
{
	if (!(req->groups & GROUP_BIT(GROUP_peer)))
		return;
	/* A socket of IPv6 can have an end of IPv4. */
	widen(req, SOURCE_unix, SOURCE_unix);
	widen(req, SOURCE_tcp4, SOURCE_tcp6);
	widen(req, SOURCE_udp4, SOURCE_udp6);
	widen(req, SOURCE_udplite4, SOURCE_udplite6);
	widen(req, SOURCE_dccp4, SOURCE_dccp6);
	widen(req, SOURCE_mptcp4, SOURCE_mptcp6);
	req->module.cookie = req->module.inode = 0;
	req->module.pid = 0;
}
