/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting rows by fields */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/groups.h"
#include "cli/message.h"
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

static void put_group(struct table *t, const struct group *g, size_t n_keys, bool rates)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (g->key_texts[i])
			table_cell_text(t, g->key_texts[i]);
		else
			table_cell_absent(t);
	}
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
	const struct group *const *groups;
	const enum field_id *summed;
	char footer[64];
	size_t n_keys, n_columns, n_summed, n;
	bool rates = false;
	int r, written;

	r = columns_field_list(option, list, SORT_KEYS_MAX, keys, NULL, &n_keys);
	if (r >= 0)
		return r;
	if (rows->arg->quiet)
		return rows_probe(rows);
	for (size_t i = 0; i < n_keys; i++) {
		columns[i] = (struct table_column){ field_get(keys[i])->name, field_get(keys[i])->name, false };
		field_set_add(&fields, keys[i]);
		rows->asks_tracks |= field_get(keys[i])->group == GROUP_track;
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
	for (size_t i = 0; i < n; i++)
		rates |= groups[i]->has_rates;
	for (size_t i = 0; rates && i < N_RATES; i++)
		columns[n_columns++] = (struct table_column){ field_get(rate_fields[i])->name, field_get(rate_fields[i])->name, true };
	table_init(&t, rows->arg, columns, n_columns);
	table_name(&t, "groups");
	for (size_t i = 0; i < n && i < rows->arg->limit && !output_failed(&t.out); i++)
		put_group(&t, groups[i], n_keys, rates);
	snprintf(footer, sizeof(footer), "%llu sockets in %zu groups.", (unsigned long long)rows->n_matched, n);
	written = table_finish_reading(&t, footer, rows->context, rows_problem(rows));
	r = rows_finish(rows);
	return written ? written : r;
}
