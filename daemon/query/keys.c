/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a row must have to match, out of the tree of a filter */

#include <string.h>

#include "query/keys.h"
#include "query/tree.h"

/* Keys of which every row that matches a part of the tree has one. None at all: no row matches it. */
struct key_set {
	struct query_key keys[QUERY_KEYS_MAX];
	size_t n;
};

/* From the one that leaves fewest rows on. */
static unsigned telling(enum query_key_kind kind)
{
	static const unsigned places[] = {
		[QUERY_KEY_COOKIE] = 0, [QUERY_KEY_INODE] = 1,	 [QUERY_KEY_PID] = 2,
		[QUERY_KEY_PORT] = 3,	[QUERY_KEY_ADDRESS] = 4,
	};

	return places[kind];
}

static bool key_equal(const struct query_key *a, const struct query_key *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == QUERY_KEY_ADDRESS ? address_compare(&a->address, &b->address) == 0 : a->number == b->number;
}

static bool add_key(struct key_set *s, const struct query_key *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (key_equal(&s->keys[i], key))
			return true;
	if (s->n == QUERY_KEYS_MAX)
		return false;
	s->keys[s->n++] = *key;
	return true;
}

/* The kind of key that a number of a field is. */
static bool kind_of(enum field_id field, enum query_key_kind *ret)
{
	switch (field) {
	case F_cookie:
	case F_sk_cookie:
		*ret = QUERY_KEY_COOKIE;
		return true;
	case F_inode:
		*ret = QUERY_KEY_INODE;
		return true;
	case F_pid:
		*ret = QUERY_KEY_PID;
		return true;
	case F_local_port:
	case F_peer_port:
		*ret = QUERY_KEY_PORT;
		return true;
	default:
		return false;
	}
}

static bool add_numbers(struct key_set *s, const struct node *n)
{
	struct query_key key = { 0 };

	if (n->invert || !kind_of(n->field, &key.kind))
		return false;
	for (size_t i = 0; i < n->n_ranges; i++) {
		if (n->ranges[i].hi - n->ranges[i].lo >= QUERY_KEYS_MAX)
			return false;
		for (uint64_t d = 0; d <= n->ranges[i].hi - n->ranges[i].lo; d++) {
			key.number = n->ranges[i].lo + d;
			if (!add_key(s, &key))
				return false;
		}
	}
	return true;
}

static bool add_address(struct key_set *s, const struct node *n)
{
	struct query_key key = { .kind = QUERY_KEY_ADDRESS, .address = n->address };

	if (n->invert || n->compare != COMPARE_EQ || (n->field != F_local && n->field != F_peer))
		return false;
	switch (n->address.kind) {
	case ADDRESS_INET:
		return n->bits == 32 && add_key(s, &key);
	case ADDRESS_INET6:
		return n->bits == 128 && add_key(s, &key);
	case ADDRESS_UNIX:
	case ADDRESS_WORD:
	case ADDRESS_NUMBER:
		break;
	}
	return false;
}

/* The set whose least telling key tells more; of such the smaller one. */
static bool tells_more(const struct key_set *a, const struct key_set *b)
{
	unsigned worst_a = 0, worst_b = 0;

	if (a->n == 0 || b->n == 0)
		return a->n < b->n;
	for (size_t i = 0; i < a->n; i++)
		if (telling(a->keys[i].kind) > worst_a)
			worst_a = telling(a->keys[i].kind);
	for (size_t i = 0; i < b->n; i++)
		if (telling(b->keys[i].kind) > worst_b)
			worst_b = telling(b->keys[i].kind);
	return worst_a != worst_b ? worst_a < worst_b : a->n < b->n;
}

/* False when rows without any of a small set of keys can match. */
static bool find_keys(const struct query *q, node_ref ref, struct key_set *ret)
{
	const struct node *n = tree_node(q, ref);
	struct key_set part;
	bool found = false;

	ret->n = 0;
	switch ((enum node_kind)n->kind) {
	case NODE_AND:
		for (node_ref c = n->child; c; c = tree_node(q, c)->next) {
			if (!find_keys(q, c, &part) || (found && !tells_more(&part, ret)))
				continue;
			*ret = part;
			found = true;
		}
		return found;
	case NODE_OR:
		for (node_ref c = n->child; c; c = tree_node(q, c)->next) {
			if (!find_keys(q, c, &part))
				return false;
			for (size_t i = 0; i < part.n; i++)
				if (!add_key(ret, &part.keys[i]))
					return false;
		}
		return true;
	case LEAF_NUMBER:
		return add_numbers(ret, n);
	case LEAF_ADDRESS:
		return add_address(ret, n);
	case NODE_NONE:
	case NODE_ALL:
	case NODE_NOT:
	case LEAF_STATE:
	case LEAF_HAS:
	case LEAF_TRUTH:
	case LEAF_MASKED:
	case LEAF_TEXT:
	case LEAF_GLOB:
	case LEAF_RATIO:
	case LEAF_COMPONENT:
	case LEAF_AUTOBOUND:
		break;
	}
	return false;
}

size_t query_keys(const struct query *q, struct query_key ret[static QUERY_KEYS_MAX])
{
	struct key_set set;

	if (!find_keys(q, q->root, &set))
		return 0;
	memcpy(ret, set.keys, set.n * sizeof(*ret));
	return set.n;
}
