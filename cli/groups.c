/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting rows by fields */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/groups.h"
#include "cli/message.h"
#include "cli/table.h"
#include "query/sort.h"

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

static void put_group(struct table *t, const struct group *g, size_t n_keys)
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
	table_row_end(t);
}

int groups_show(struct rows *rows, const char *option, const char *list)
{
	static const struct table_column sums[] = {
		{ "Sockets", "sockets", true }, { "Recv-Q", "recv_q", true }, { "Send-Q", "send_q", true },
	};
	struct table_column columns[SORT_KEYS_MAX + ARRAY_SIZE(sums)];
	CLEANUP(grouping_free) struct grouping *g = NULL;
	CLEANUP(table_deinit) struct table t = { 0 };
	struct field_set fields = { 0 };
	enum field_id keys[SORT_KEYS_MAX];
	const struct group *const *groups;
	char footer[64];
	size_t n_keys, n;
	int r, written;

	r = columns_field_list(option, list, SORT_KEYS_MAX, keys, NULL, &n_keys);
	if (r >= 0)
		return r;
	if (rows->arg->quiet)
		return rows_probe(rows);
	for (size_t i = 0; i < n_keys; i++) {
		columns[i] = (struct table_column){ field_get(keys[i])->name, field_get(keys[i])->name, false };
		field_set_add(&fields, keys[i]);
	}
	memcpy(columns + n_keys, sums, sizeof(sums));
	field_set_add(&fields, F_recv_q);
	field_set_add(&fields, F_send_q);
	field_set_add(&fields, F_state);
	if (grouping_new(&g, keys, n_keys) < 0)
		message_no_memory();
	r = rows_open(rows, fields.ids, fields.n);
	if (r < 0)
		r = collect(rows, g);
	if (r >= 0)
		return r;

	groups = grouping_finish(g, &n);
	table_init(&t, rows->arg, columns, n_keys + ARRAY_SIZE(sums));
	table_name(&t, "groups");
	for (size_t i = 0; i < n && i < rows->arg->limit && !output_failed(&t.out); i++)
		put_group(&t, groups[i], n_keys);
	snprintf(footer, sizeof(footer), "%llu sockets in %zu groups.", (unsigned long long)rows->n_matched, n);
	written = table_finish_reading(&t, footer, rows->context, rows_problem(rows));
	r = rows_finish(rows);
	return written ? written : r;
}
