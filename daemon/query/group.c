/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting rows by the values of fields */

/*
 * Groups are in a balanced tree (tsearch), not a hash table: names come from
 * anybody, and nobody can choose them so that the counting gets slow.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "model/words.h"
#include "query/sort.h"

/* A group, and what it is found by: the bytes of its values. */
struct group_entry {
	struct group group; /* first: what grouping_finish hands out */
	uint64_t last_row;  /* that counted here: once is enough */
	size_t key_len;
	const uint8_t *key;
};

struct grouping {
	enum field_id *fields;
	size_t n_fields;
	void *tree;
	struct group_entry **entries;
	size_t n_entries, n_allocated;
	uint64_t row;
	uint8_t *key; /* being put together */
	size_t key_len, key_size;
};

/* Rates last: who does not show them asks for those before. */
static const enum field_id summed[] = { F_state, F_recv_q, F_send_q, F_tx_rate, F_rx_rate, F_retrans_rate };

const enum field_id *grouping_fields(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(summed);
	return summed;
}

int grouping_new(struct grouping **ret, const enum field_id *keys, size_t n_keys)
{
	CLEANUP(grouping_free) struct grouping *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->fields = reallocarray(NULL, n_keys + 1, sizeof(*keys));
	if (!g->fields)
		return -ENOMEM;
	if (n_keys)
		memcpy(g->fields, keys, n_keys * sizeof(*keys));
	g->n_fields = n_keys;
	*ret = STEAL_PTR(g);
	return 0;
}

static void entry_free(struct group_entry *e, size_t n_fields)
{
	for (size_t i = 0; e->group.key_texts && i < n_fields; i++)
		free(e->group.key_texts[i]);
	free(e->group.key_texts);
	free((void *)e->key);
	free(e);
}

static void keep(void *node)
{
	(void)node; /* entries owns it */
}

struct grouping *grouping_free(struct grouping *g)
{
	if (!g)
		return NULL;
	tdestroy(g->tree, keep);
	for (size_t i = 0; i < g->n_entries; i++)
		entry_free(g->entries[i], g->n_fields);
	free(g->entries);
	free(g->fields);
	free(g->key);
	free(g);
	return NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct group_entry *x = a, *y = b;

	if (x->key_len != y->key_len)
		return x->key_len < y->key_len ? -1 : 1;
	return x->key_len ? memcmp(x->key, y->key, x->key_len) : 0;
}

static int key_append(struct grouping *g, const void *data, size_t len)
{
	if (g->key_len + len > g->key_size) {
		size_t size = (g->key_len + len) * 2;
		uint8_t *key = realloc(g->key, size);

		if (!key)
			return -ENOMEM;
		g->key = key;
		g->key_size = size;
	}
	if (len)
		memcpy(g->key + g->key_len, data, len);
	g->key_len += len;
	return 0;
}

/* Kind, length, bytes: what is not the same is not the same key. */
static int key_value(struct grouping *g, const struct value *v)
{
	uint8_t head[2] = { v->kind, v->kind == VALUE_ADDR ? v->addr.kind : 0 };
	const void *data = NULL;
	size_t len = 0;

	switch (v->kind) {
	case VALUE_NONE:
		break;
	case VALUE_BOOL:
	case VALUE_U64:
	case VALUE_S64:
		data = &v->u;
		len = sizeof(v->u);
		break;
	case VALUE_STR:
		data = v->str.data;
		len = v->str.len;
		break;
	case VALUE_ADDR:
		if (v->addr.kind <= ADDRESS_INET6) {
			data = v->addr.ip;
			len = v->addr.kind == ADDRESS_INET ? 4 : 16;
		} else if (v->addr.kind == ADDRESS_NUMBER) {
			data = &v->addr.number;
			len = sizeof(v->addr.number);
		} else {
			data = v->addr.name;
			len = v->addr.len;
		}
		break;
	}
	if (key_append(g, head, sizeof(head)) < 0 || key_append(g, &len, sizeof(len)) < 0)
		return -ENOMEM;
	return key_append(g, data, len);
}

static bool is_list(enum field_id field)
{
	const struct field *f = field_get(field);

	return f && field_is_list(f);
}

/* The n-th tuple of a row: lists go side by side, as pid and comm do. */
static void row_value(const struct grouping *g, struct record *r, size_t key, unsigned n, struct value *ret)
{
	if (record_get(r, g->fields[key], is_list(g->fields[key]) ? n : 0, ret) < 0)
		ret->kind = VALUE_NONE;
}

static int entry_new(struct grouping *g, struct record *r, unsigned n, struct group_entry **ret)
{
	struct group_entry *e = calloc(1, sizeof(*e));
	uint8_t *key = malloc(g->key_len + 1);
	char text[VALUE_TEXT_MAX];

	if (e)
		e->group.key_texts = calloc(g->n_fields + 1, sizeof(char *));
	if (!e || !key || !e->group.key_texts) {
		free(key);
		if (e)
			entry_free(e, 0);
		return -ENOMEM;
	}
	if (g->key_len)
		memcpy(key, g->key, g->key_len);
	e->key = key;
	e->key_len = g->key_len;
	for (size_t i = 0; i < g->n_fields; i++) {
		struct value v;

		row_value(g, r, i, n, &v);
		if (v.kind == VALUE_NONE)
			continue;
		value_format(field_get(g->fields[i]), &v, VALUE_PLAIN, text, sizeof(text));
		e->group.key_texts[i] = strdup(text);
		if (!e->group.key_texts[i]) {
			entry_free(e, g->n_fields);
			return -ENOMEM;
		}
	}
	*ret = e;
	return 0;
}

static int entry_insert(struct grouping *g, struct record *r, unsigned n, struct group_entry **ret)
{
	struct group_entry *e;
	int k;

	if (g->n_entries >= GROUPS_MAX)
		return -E2BIG;
	if (g->n_entries >= g->n_allocated) {
		size_t size = g->n_allocated ? g->n_allocated * 2 : 64;
		struct group_entry **entries = reallocarray(g->entries, size, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		g->entries = entries;
		g->n_allocated = size;
	}
	k = entry_new(g, r, n, &e);
	if (k < 0)
		return k;
	if (!tsearch(e, &g->tree, compare_keys)) {
		entry_free(e, g->n_fields);
		return -ENOMEM;
	}
	g->entries[g->n_entries++] = e;
	*ret = e;
	return 0;
}

static int find_entry(struct grouping *g, struct record *r, unsigned n, struct group_entry **ret)
{
	struct group_entry probe;
	void *found;

	g->key_len = 0;
	for (size_t i = 0; i < g->n_fields; i++) {
		struct value v;

		row_value(g, r, i, n, &v);
		if (key_value(g, &v) < 0)
			return -ENOMEM;
	}
	probe.key = g->key;
	probe.key_len = g->key_len;
	found = tfind(&probe, &g->tree, compare_keys);
	if (!found)
		return entry_insert(g, r, n, ret);
	*ret = *(struct group_entry **)found;
	return 0;
}

/* Elements of the longest list among the keys; a row counts once at least. */
static unsigned count_tuples(const struct grouping *g, struct record *r)
{
	unsigned longest = 1;
	struct value v;

	for (size_t i = 0; i < g->n_fields; i++)
		while (is_list(g->fields[i]) && record_get(r, g->fields[i], longest, &v) >= 0)
			longest++;
	return longest;
}

static uint64_t number_or_none(struct record *r, enum field_id field)
{
	struct value v;

	return record_get(r, field, 0, &v) >= 0 ? v.u : 0;
}

/* What a row adds to its groups. */
static void row_sums(struct record *r, struct group *ret)
{
	struct value v;

	*ret = (struct group){ .n_rows = 1 };
	/* A listener's queues are of connections, not of bytes. */
	if (record_state(r) != STATE_LISTEN) {
		ret->recv_q = number_or_none(r, F_recv_q);
		ret->send_q = number_or_none(r, F_send_q);
	}
	/* Rates are there together, or not at all. */
	ret->has_rates = record_get(r, F_tx_rate, 0, &v) >= 0;
	if (ret->has_rates) {
		ret->tx_rate = v.u;
		ret->rx_rate = number_or_none(r, F_rx_rate);
		ret->retrans_rate = number_or_none(r, F_retrans_rate);
	}
}

static void group_add(struct group *g, const struct group *row)
{
	g->n_rows += row->n_rows;
	g->recv_q += row->recv_q;
	g->send_q += row->send_q;
	g->tx_rate += row->tx_rate;
	g->rx_rate += row->rx_rate;
	g->retrans_rate += row->retrans_rate;
	g->has_rates |= row->has_rates;
}

int grouping_add(struct grouping *g, struct record *r)
{
	unsigned n_tuples = count_tuples(g, r);
	struct group sums;

	row_sums(r, &sums);
	g->row++;
	for (unsigned n = 0; n < n_tuples; n++) {
		struct group_entry *e;
		int k = find_entry(g, r, n, &e);

		if (k < 0)
			return k;
		if (e->last_row == g->row)
			continue;
		e->last_row = g->row;
		group_add(&e->group, &sums);
	}
	return 0;
}

static int compare_groups(const void *a, const void *b, void *arg)
{
	const struct group *x = *(const struct group *const *)a, *y = *(const struct group *const *)b;
	const struct grouping *g = arg;

	if (x->n_rows != y->n_rows)
		return x->n_rows > y->n_rows ? -1 : 1;
	for (size_t i = 0; i < g->n_fields; i++) {
		int r;

		if (!x->key_texts[i] || !y->key_texts[i]) {
			if (!x->key_texts[i] && !y->key_texts[i])
				continue;
			return x->key_texts[i] ? -1 : 1;
		}
		r = strcmp(x->key_texts[i], y->key_texts[i]);
		if (r)
			return r;
	}
	return 0;
}

const struct group *const *grouping_finish(struct grouping *g, size_t *ret_n)
{
	if (g->n_entries)
		qsort_r(g->entries, g->n_entries, sizeof(*g->entries), compare_groups, g);
	*ret_n = g->n_entries;
	return (const struct group *const *)(const void *)g->entries;
}
