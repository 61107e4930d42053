/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting rows by fields */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/groups.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "cli/table.h"
#include "query/sort.h"

/* Columns that are there when a row has them: where a daemon remembers. */
static const enum field_id rate_fields[] = { F_tx_rate, F_rx_rate, F_retrans_rate };
#define N_RATES ARRAY_SIZE(rate_fields)

static int collect(struct rows *rows, struct grouping *g)
{
	while (rows_next(rows)) {
		int e = grouping_add(g, &rows->record);

		if (e == -E2BIG) {
			message("more than %u groups: choose fields with fewer values", GROUPS_MAX);
			return EXIT_USAGE;
		}
		if (e < 0)
			message_no_memory();
	}
	return -1;
}

/* What groups are put in order by: a key, or a sum. */
struct order {
	enum field_id field; /* F_none: how many sockets */
	size_t key;          /* SIZE_MAX: a sum */
	bool descending;
};

struct orders {
	struct order rows[SORT_KEYS_MAX];
	size_t n;
};

static uint64_t sum_of(const struct group *g, enum field_id field)
{
	switch (field) {
	case F_recv_q:
		return g->recv_q;
	case F_send_q:
		return g->send_q;
	case F_tx_rate:
		return g->tx_rate;
	case F_rx_rate:
		return g->rx_rate;
	case F_retrans_rate:
		return g->retrans_rate;
	default:
		return g->n_rows;
	}
}

static bool is_sum(enum field_id field)
{
	return field == F_recv_q || field == F_send_q || field == F_tx_rate || field == F_rx_rate || field == F_retrans_rate;
}

/* Groups that do not have the key come last, as rows do. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct group *x = *(const struct group *const *)a, *y = *(const struct group *const *)b;
	const struct orders *orders = ctx;

	for (size_t i = 0; i < orders->n; i++) {
		const struct order *o = &orders->rows[i];
		int r;

		if (o->key == SIZE_MAX) {
			uint64_t u = sum_of(x, o->field), v = sum_of(y, o->field);

			r = u < v ? -1 : u > v;
		} else {
			const char *s = x->key_texts[o->key], *t = y->key_texts[o->key];

			if (!s || !t) {
				if (!s != !t)
					return s ? -1 : 1;
				continue;
			}
			r = strverscmp(s, t);
		}
		if (r)
			return o->descending ? -r : r;
	}
	return 0;
}

/* --sort of groups: the keys, "sockets", and the sums. -1, or an exit code. */
static int parse_orders(struct orders *ret, const char *list, const enum field_id *keys, size_t n_keys)
{
	const char *word = list;

	for (;;) {
		size_t len = strcspn(word, ",");
		bool minus = len && *word == '-';
		const struct field *f = field_find(word + minus, len - minus);
		struct order o = { .field = f ? f->id : F_none, .key = SIZE_MAX, .descending = minus };
		bool counts = len - minus == strlen("sockets") && !strncmp(word + minus, "sockets", len - minus);

		for (size_t i = 0; f && i < n_keys; i++)
			if (keys[i] == f->id)
				o.key = i;
		if (!counts && o.key == SIZE_MAX && !(f && is_sum(f->id))) {
			message("--sort: %s is no column of these groups: sort by a field of --by, or by sockets, recv_q, send_q, tx_rate, "
				"rx_rate, retrans_rate", message_safe_n(word + minus, len - minus));
			return EXIT_USAGE;
		}
		if (ret->n == SORT_KEYS_MAX) {
			message("--sort: more than %d fields", SORT_KEYS_MAX);
			return EXIT_USAGE;
		}
		ret->rows[ret->n++] = o;
		if (!word[len])
			return -1;
		word += len + 1;
	}
}

/* People know namespaces by name; programs get the number, and the name as netns_name. */
static void put_key(struct table *t, const char *text, enum field_id key, const struct context *c)
{
	if (!text) {
		table_cell_absent(t);
	} else if (key == F_netns && t->arg->format == FORMAT_TABLE) {
		namespaces_put(&t->row, c, strtoull(text, NULL, 10));
		table_cell_end(t, 0, COLOUR_NONE);
	} else {
		table_cell_text(t, text);
	}
}

static void put_group(struct table *t, const struct group *g, const enum field_id *keys, size_t n_keys, bool rates,
		      const struct context *c)
{
	for (size_t i = 0; i < n_keys; i++)
		put_key(t, g->key_texts[i], keys[i], c);
	table_cell_number(t, g->n_rows);
	table_cell_number(t, g->recv_q);
	table_cell_number(t, g->send_q);
	for (size_t i = 0; rates && i < N_RATES; i++) {
		const uint64_t sums[N_RATES] = { g->tx_rate, g->rx_rate, g->retrans_rate };
		const struct value v = { .kind = VALUE_U64, .u = sums[i] };

		if (!g->has_rates) {
			table_cell_absent(t);
			continue;
		}
		cell_value(&t->row, field_get(rate_fields[i]), &v, t->arg->format == FORMAT_TABLE ? VALUE_SHORT : VALUE_PLAIN);
		table_cell_end(t, 0, COLOUR_NONE);
		t->cells[t->n_cells - 1].number = true;
	}
	table_row_end(t);
}

int groups_show(struct rows *rows, const char *option, const char *list)
{
	static const struct table_column sums[] = {
		{ "Sockets", "sockets", true }, { "Recv-Q", "recv_q", true }, { "Send-Q", "send_q", true },
	};
	struct table_column columns[SORT_KEYS_MAX + ARRAY_SIZE(sums) + N_RATES];
	CLEANUP(grouping_free) struct grouping *g = NULL;
	CLEANUP(table_deinit) struct table t = { 0 };
	struct field_set fields = { 0 };
	enum field_id keys[SORT_KEYS_MAX];
	CLEANUP(free) const struct group **sorted = NULL;
	const struct group *const *groups;
	struct orders orders = { 0 };
	const enum field_id *summed;
	char footer[64];
	size_t n_keys, n_columns, n_summed, n;
	bool rates = false;
	int r, written;

	r = columns_field_list(option, list, SORT_KEYS_MAX, keys, NULL, &n_keys);
	if (r < 0 && rows->arg->sort)
		r = parse_orders(&orders, rows->arg->sort, keys, n_keys);
	if (r >= 0)
		return r;
	if (rows->arg->quiet)
		return rows_probe(rows);
	for (size_t i = 0; i < n_keys; i++) {
		columns[i] = (struct table_column){ field_get(keys[i])->name, field_get(keys[i])->name, false };
		field_set_add(&fields, keys[i]);
		rows->asks_tracks |= field_get(keys[i])->group == GROUP_track;
		field_set_add(&rows->named, keys[i]);
		rows->asks_internals |= !rows->arg->file && decode_module_only(keys[i]);
	}
	memcpy(columns + n_keys, sums, sizeof(sums));
	n_columns = n_keys + ARRAY_SIZE(sums);
	summed = grouping_fields(&n_summed);
	for (size_t i = 0; i < n_summed; i++)
		field_set_add(&fields, summed[i]);
	if (grouping_new(&g, keys, n_keys) < 0)
		message_no_memory();
	r = rows_open(rows, fields.ids, fields.n);
	if (r < 0)
		r = collect(rows, g);
	if (r >= 0)
		return r;

	groups = grouping_finish(g, &n);
	if (orders.n && n) {
		sorted = malloc(n * sizeof(const struct group *));
		if (!sorted)
			message_no_memory();
		memcpy(sorted, groups, n * sizeof(const struct group *));
		qsort_r(sorted, n, sizeof(const struct group *), compare, &orders);
		groups = sorted;
	}
	for (size_t i = 0; i < n; i++)
		rates |= groups[i]->has_rates;
	for (size_t i = 0; rates && i < N_RATES; i++)
		columns[n_columns++] = (struct table_column){ field_get(rate_fields[i])->name, field_get(rate_fields[i])->name, true };
	table_init(&t, rows->arg, columns, n_columns);
	table_name(&t, "groups");
	for (size_t i = 0; i < n && i < rows->arg->limit && !output_failed(&t.out); i++)
		put_group(&t, groups[i], keys, n_keys, rates, rows->context);
	snprintf(footer, sizeof(footer), "%llu sockets in %zu groups.", (unsigned long long)rows->n_matched, n);
	written = table_finish_reading(&t, footer, rows->context, rows_problem(rows));
	r = rows_finish(rows);
	return written ? written : r;
}
