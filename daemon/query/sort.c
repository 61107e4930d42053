/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kept rows in order: keys are decoded once, and most comparisons are of one number */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query/pairs.h"
#include "query/sort.h"
#include "snapshot/arena.h"

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Numbers of either sign in one order. */
static int compare_numbers(const struct value *a, const struct value *b)
{
	bool a_negative = a->kind == VALUE_S64 && a->s < 0, b_negative = b->kind == VALUE_S64 && b->s < 0;

	if (a_negative != b_negative)
		return a_negative ? -1 : 1;
	/* Of one sign, two's complement is in order. */
	return compare_u64(a->u, b->u);
}

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_BOOL || v->kind == VALUE_U64 || v->kind == VALUE_S64;
}

int value_compare(const struct value *a, const struct value *b)
{
	size_t n;
	int r;

	if (is_number(a) && is_number(b))
		return compare_numbers(a, b);
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == VALUE_ADDR)
		return address_compare(&a->addr, &b->addr);
	if (a->kind != VALUE_STR)
		return 0;
	n = a->str.len < b->str.len ? a->str.len : b->str.len;
	r = n ? memcmp(a->str.data, b->str.data, n) : 0;
	return r ? r : compare_u64(a->str.len, b->str.len);
}

/* A row: the start of its first key, and its place. */
struct entry {
	uint64_t prefix;
	uint32_t index;
};

struct sorter {
	const struct sort_key *keys;
	size_t n_keys;
	struct value *values; /* n_keys a row */
	struct arena texts;   /* of values that would not outlive their record */
};

#define PREFIX_ABSENT UINT64_MAX

/* In the order of value_compare, or the same where the whole values have to be looked at. */
static uint64_t value_prefix(const struct value *v)
{
	uint64_t prefix = 0;

	switch (v->kind) {
	case VALUE_BOOL:
	case VALUE_U64:
		return v->u >> 1 | UINT64_C(1) << 63;
	case VALUE_S64:
		return v->s < 0 ? (v->u & INT64_MAX) >> 1 : v->u >> 1 | UINT64_C(1) << 63;
	case VALUE_STR:
		for (size_t i = 0; i < 8; i++)
			prefix = prefix << 8 | (i < v->str.len ? (unsigned char)v->str.data[i] : 0);
		return prefix;
	case VALUE_ADDR:
		if (v->addr.kind > ADDRESS_INET6)
			return (uint64_t)v->addr.kind << 60;
		for (size_t i = 0; i < (v->addr.kind == ADDRESS_INET ? 4 : 7); i++)
			prefix = prefix << 8 | v->addr.ip[i];
		return (uint64_t)v->addr.kind << 60 | prefix;
	case VALUE_NONE:
		break;
	}
	return 0;
}

static uint64_t entry_prefix(const struct value *v, bool descending)
{
	uint64_t prefix = value_prefix(v);

	if (v->kind == VALUE_NONE)
		return PREFIX_ABSENT;
	if (descending)
		prefix = ~prefix;
	return prefix < PREFIX_ABSENT ? prefix : PREFIX_ABSENT - 1;
}

static int compare_rows(const struct sorter *s, const struct entry *a, const struct entry *b)
{
	const struct value *x = &s->values[a->index * s->n_keys], *y = &s->values[b->index * s->n_keys];

	for (size_t i = 0; i < s->n_keys; i++) {
		int r;

		if (x[i].kind == VALUE_NONE || y[i].kind == VALUE_NONE) {
			if (x[i].kind == y[i].kind)
				continue;
			return x[i].kind == VALUE_NONE ? 1 : -1;
		}
		r = value_compare(&x[i], &y[i]);
		if (r)
			return s->keys[i].descending ? -r : r;
	}
	return 0;
}

static bool goes_after(const struct sorter *s, const struct entry *a, const struct entry *b)
{
	if (a->prefix != b->prefix)
		return a->prefix > b->prefix;
	return compare_rows(s, a, b) > 0;
}

/* Merges sorted runs of growing width; equal rows stay as they were. Returns which array holds the result. */
static struct entry *merge_sort(const struct sorter *s, struct entry *from, struct entry *to, size_t n)
{
	for (size_t width = 1; width < n; width *= 2) {
		struct entry *sorted = to;

		for (size_t start = 0; start < n; start += 2 * width) {
			size_t middle = start + width < n ? start + width : n;
			size_t end = middle + width < n ? middle + width : n;
			size_t i = start, j = middle;

			for (size_t k = start; k < end; k++)
				to[k] = i < middle && (j >= end || !goes_after(s, &from[i], &from[j])) ? from[i++]
												       : from[j++];
		}
		to = from;
		from = sorted;
	}
	return from;
}

/* Keeps a value beyond its record: texts made in the record itself are copied. */
static int keep_value(struct sorter *s, const struct record *r, struct value *v)
{
	const char **text;
	size_t len;
	void *copy;

	if (v->kind == VALUE_STR) {
		text = &v->str.data;
		len = v->str.len;
	} else if (v->kind == VALUE_ADDR && v->addr.kind >= ADDRESS_UNIX && v->addr.kind <= ADDRESS_WORD) {
		text = &v->addr.name;
		len = v->addr.len;
	} else {
		return 0;
	}
	if (len == 0 || (uintptr_t)*text < (uintptr_t)r || (uintptr_t)*text >= (uintptr_t)(r + 1))
		return 0;
	copy = arena_reserve(&s->texts, (len + 7) & ~(size_t)7);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, *text, len);
	arena_commit(&s->texts, (len + 7) & ~(size_t)7);
	*text = copy;
	return 0;
}

static int decode_keys(struct sorter *s, const struct store *store, const struct context *c, const struct pairs *p)
{
	for (size_t i = 0; i < store->n_messages; i++) {
		struct value *values = &s->values[i * s->n_keys];
		struct pair_end end;
		struct record r;
		bool damaged = record_open(&r, &store->messages[i], c) < 0;

		if (!damaged)
			pairs_attach(p, &r, &end);
		for (size_t k = 0; k < s->n_keys; k++) {
			values[k].kind = VALUE_NONE;
			if (damaged)
				continue;
			if (record_get(&r, s->keys[k].field, 0, &values[k]) < 0)
				values[k].kind = VALUE_NONE;
			else if (keep_value(s, &r, &values[k]) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int sort_joined(struct store *s, const struct context *c, const struct pairs *p, const struct sort_key *keys, size_t n_keys)
{
	CLEANUP(free) struct message *messages = NULL;
	CLEANUP(free) struct entry *entries = NULL;
	CLEANUP(free) struct value *values = NULL;
	struct sorter sorter = { .keys = keys, .n_keys = n_keys };
	size_t n = s->n_messages;
	struct entry *sorted;
	int r;

	if (n < 2 || n_keys == 0)
		return 0;
	values = reallocarray(NULL, n, n_keys * sizeof(*values));
	entries = reallocarray(NULL, n, 2 * sizeof(*entries));
	messages = reallocarray(NULL, n, sizeof(*messages));
	if (!values || !entries || !messages || n > UINT32_MAX)
		return -ENOMEM;

	sorter.values = values;
	arena_init(&sorter.texts);
	r = decode_keys(&sorter, s, c, p);
	if (r >= 0) {
		for (size_t i = 0; i < n; i++)
			entries[i] =
				(struct entry){ entry_prefix(&values[i * n_keys], keys[0].descending), (uint32_t)i };
		sorted = merge_sort(&sorter, entries, entries + n, n);
		for (size_t i = 0; i < n; i++)
			messages[i] = s->messages[sorted[i].index];
		memcpy(s->messages, messages, n * sizeof(*messages));
	}
	arena_deinit(&sorter.texts);
	return r;
}

int sort_messages(struct store *s, const struct context *c, const struct sort_key *keys, size_t n_keys)
{
	return sort_joined(s, c, NULL, keys, n_keys);
}
