/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes and their memory, and what a single value makes of a leaf */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decode/record.h"
#include "model/words.h"
#include "query/sort.h"
#include "query/tree.h"

struct tree_chunk {
	struct tree_chunk *next;
	_Alignas(8) uint8_t data[];
};

void *tree_alloc(struct query *q, size_t size)
{
	struct tree_chunk *c = malloc(sizeof(*c) + size);

	if (!c)
		return NULL;
	c->next = q->chunks;
	q->chunks = c;
	return c->data;
}

char *tree_copy(struct query *q, const char *text, size_t len)
{
	char *copy = tree_alloc(q, len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = 0;
	return copy;
}

struct query *query_free(struct query *q)
{
	if (!q)
		return NULL;
	while (q->chunks) {
		struct tree_chunk *next = q->chunks->next;

		free(q->chunks);
		q->chunks = next;
	}
	free(q->nodes);
	free(q);
	return NULL;
}

int tree_add(struct query *q, enum node_kind kind, enum field_id field, node_ref *ret)
{
	/* Number 0 stays unused: it says "none". */
	if (q->n_nodes == 0)
		q->n_nodes = 1;
	if (q->n_nodes >= NODES_MAX)
		return -E2BIG;
	if (q->n_nodes >= q->n_allocated) {
		size_t n = q->n_allocated ? q->n_allocated * 2 : 16;
		struct node *nodes = realloc(q->nodes, n * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		q->nodes = nodes;
		q->n_allocated = n;
	}
	memset(&q->nodes[q->n_nodes], 0, sizeof(struct node));
	q->nodes[q->n_nodes].kind = kind;
	q->nodes[q->n_nodes].field = field;
	q->groups |= decode_groups(field);
	*ret = q->n_nodes++;
	return 0;
}

void tree_append(struct query *q, struct node_list *l, node_ref node)
{
	if (l->last)
		q->nodes[l->last].next = node;
	else
		l->first = node;
	l->last = node;
}

int tree_join(struct query *q, enum node_kind kind, const struct node_list *l, node_ref *ret)
{
	int r;

	if (l->first == l->last) {
		*ret = l->first;
		return 0;
	}
	r = tree_add(q, kind, F_none, ret);
	if (r < 0)
		return r;
	q->nodes[*ret].child = l->first;
	return 0;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

size_t tree_normalise(struct range *ranges, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < n; i++) {
		struct range *last = kept ? &ranges[kept - 1] : NULL;

		if (last && (last->hi == UINT64_MAX || ranges[i].lo <= last->hi + 1)) {
			if (ranges[i].hi > last->hi)
				last->hi = ranges[i].hi;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

bool tree_in_ranges(const struct node *n, uint64_t ordinal)
{
	size_t lo = 0, hi = n->n_ranges;

	while (lo < hi) {
		size_t middle = (lo + hi) / 2;

		if (n->ranges[middle].hi < ordinal)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < n->n_ranges && n->ranges[lo].lo <= ordinal;
}

bool tree_is_signed(enum field_id field)
{
	const struct field *f = field_get(field);

	return f && (f->wire == WIRE_s32 || f->wire == WIRE_s64);
}

/* Place of a number in the order of its field's ranges; decoders may give either kind. */
static bool value_ordinal(const struct node *n, const struct value *v, uint64_t *ret)
{
	bool is_signed = tree_is_signed(n->field);

	switch (v->kind) {
	case VALUE_BOOL:
	case VALUE_U64:
		*ret = !is_signed ? v->u : v->u < ORDINAL_SIGN ? v->u ^ ORDINAL_SIGN : UINT64_MAX;
		return true;
	case VALUE_S64:
		*ret = (uint64_t)v->s ^ (is_signed ? ORDINAL_SIGN : 0);
		return is_signed || v->s >= 0;
	case VALUE_NONE:
	case VALUE_STR:
	case VALUE_ADDR:
		break;
	}
	return false;
}

static bool compare_holds(enum compare c, int order)
{
	switch (c) {
	case COMPARE_EQ:
		return order == 0;
	case COMPARE_LT:
		return order < 0;
	case COMPARE_LE:
		return order <= 0;
	case COMPARE_GT:
		return order > 0;
	case COMPARE_GE:
		return order >= 0;
	}
	return false;
}

static bool address_matches(const struct node *n, const struct address *a)
{
	const struct address *want = &n->address;

	if (n->compare != COMPARE_EQ)
		return a->kind == want->kind && compare_holds(n->compare, address_compare(a, want));
	switch (want->kind) {
	case ADDRESS_INET:
	case ADDRESS_INET6:
		return address_in_prefix(a, want, n->bits);
	case ADDRESS_WORD:
		return a->kind == ADDRESS_WORD && a->len == want->len &&
		       strncasecmp(a->name, want->name, want->len) == 0;
	case ADDRESS_UNIX:
	case ADDRESS_NUMBER:
		break;
	}
	return a->kind == want->kind && address_compare(a, want) == 0;
}

/* A UNIX name as a pattern sees it: its bytes, with "@" for the NUL of an abstract one. */
static bool glob_address(const struct glob *g, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];
	size_t len;

	if (a->kind != ADDRESS_UNIX) {
		len = address_format(a, text, sizeof(text));
		return glob_match(g, text, len);
	}
	len = a->len < sizeof(text) ? a->len : sizeof(text);
	if (len == 0)
		return false;
	memcpy(text, a->name, len);
	if (text[0] == 0)
		text[0] = '@';
	return glob_match(g, text, len);
}

bool tree_has_component(const struct node *n, const char *path, size_t len)
{
	for (size_t start = 0; start <= len;) {
		const char *slash = start < len ? memchr(path + start, '/', len - start) : NULL;
		size_t end = slash ? (size_t)(slash - path) : len;

		if (end - start == n->len && memcmp(path + start, n->text, n->len) == 0)
			return true;
		start = end + 1;
	}
	return false;
}

/* "kubernetes:POD/ID" is found by all of it, by what is behind the runtime's name, and by each part of that. */
static bool container_matches(const struct node *n, const char *text, size_t len)
{
	const char *colon = len ? memchr(text, ':', len) : NULL;
	size_t behind = colon ? (size_t)(colon - text) + 1 : 0;

	if (len == n->len && memcmp(text, n->text, len) == 0)
		return true;
	if (len - behind == n->len && memcmp(text + behind, n->text, n->len) == 0)
		return true;
	return tree_has_component(n, text + behind, len - behind);
}

bool tree_value_matches(const struct node *n, const struct value *v)
{
	struct value want;
	uint64_t ordinal;

	switch ((enum node_kind)n->kind) {
	case LEAF_HAS:
		return true;
	case LEAF_TRUTH:
		return v->kind == VALUE_STR || v->kind == VALUE_ADDR || v->u != 0;
	case LEAF_NUMBER:
		return value_ordinal(n, v, &ordinal) && tree_in_ranges(n, ordinal);
	case LEAF_MASKED:
		return v->kind <= VALUE_S64 && (v->u & n->mask) == n->value;
	case LEAF_TEXT:
		value_set_str(&want, n->text, n->len);
		return v->kind == VALUE_STR && compare_holds(n->compare, value_compare(v, &want));
	case LEAF_GLOB:
		return v->kind == VALUE_STR ? glob_match(n->glob, v->str.data, v->str.len)
					    : v->kind == VALUE_ADDR && glob_address(n->glob, &v->addr);
	case LEAF_ADDRESS:
		return v->kind == VALUE_ADDR && address_matches(n, &v->addr);
	case LEAF_COMPONENT:
		if (v->kind != VALUE_STR)
			return false;
		return n->field == F_container ? container_matches(n, v->str.data, v->str.len)
					       : tree_has_component(n, v->str.data, v->str.len);
	case NODE_NONE:
	case NODE_ALL:
	case NODE_AND:
	case NODE_OR:
	case NODE_NOT:
	case LEAF_STATE:
	case LEAF_RATIO:
	case LEAF_AUTOBOUND:
		break;
	}
	return false;
}
