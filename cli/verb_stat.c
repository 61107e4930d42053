/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl stat: how many sockets there are, by kind and state */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/groups.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "model/words.h"

/* More kinds than there are names for. */
#define KINDS_MAX 64
#define STATE_COUNT (STATE_BOUND_INACTIVE + 1)

struct kind {
	char netid[16];
	uint64_t total, inet, inet6;
	uint64_t states[STATE_COUNT]; /* 0: none that is known */
};

struct counts {
	struct kind kinds[KINDS_MAX];
	size_t n;
	struct kind total;
};

static struct kind *kind_of(struct counts *c, struct record *r)
{
	char netid[16] = "?";
	struct value v;

	if (record_get(r, F_netid, 0, &v) >= 0)
		text_escape(netid, sizeof(netid), v.str.data, v.str.len);
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->kinds[i].netid, netid))
			return &c->kinds[i];
	if (c->n == KINDS_MAX)
		return &c->kinds[KINDS_MAX - 1];
	memcpy(c->kinds[c->n].netid, netid, sizeof(netid));
	return &c->kinds[c->n++];
}

static void count(struct kind *k, uint64_t family, uint32_t state)
{
	k->total++;
	k->states[state]++;
	k->inet += family == AF_INET;
	k->inet6 += family == AF_INET6;
}

static void count_row(struct counts *c, struct record *r)
{
	uint32_t state = record_state(r);
	struct value v;
	uint64_t family = record_get(r, F_family, 0, &v) < 0 ? AF_UNSPEC : v.u;

	count(kind_of(c, r), family, state);
	count(&c->total, family, state);
}

/* Netid, total, by IP version, and a column for each state that some socket is in. */
static size_t make_columns(const struct counts *c, struct table_column *columns, unsigned *states)
{
	static const struct table_column first[] = {
		{ "Netid", "netid", false },
		{ "Total", "total", true },
		{ "IPv4", "inet", true },
		{ "IPv6", "inet6", true },
	};
	size_t n = ARRAY_SIZE(first);

	memcpy(columns, first, sizeof(first));
	for (unsigned s = 1; s < STATE_COUNT; s++) {
		if (!c->total.states[s])
			continue;
		states[n] = s;
		columns[n].title = columns[n].name = words_find(&words_state, s);
		columns[n++].right = true;
	}
	return n;
}

static void put_kind(struct table *t, const struct kind *k, size_t n_columns, const unsigned *states)
{
	table_cell_text(t, k->netid);
	table_cell_number(t, k->total);
	if (k->inet + k->inet6) {
		table_cell_number(t, k->inet);
		table_cell_number(t, k->inet6);
	} else {
		table_cell_absent(t);
		table_cell_absent(t);
	}
	for (size_t i = 4; i < n_columns; i++)
		table_cell_number(t, k->states[states[i]]);
	table_row_end(t);
}

static int show_counts(const struct rows *rows, struct counts *c)
{
	struct table_column columns[4 + STATE_COUNT];
	unsigned states[4 + STATE_COUNT] = { 0 };
	CLEANUP(table_deinit) struct table t = { 0 };
	size_t n;

	n = make_columns(c, columns, states);
	table_init(&t, rows->arg, columns, n);
	table_name(&t, "counts");
	for (size_t i = 0; i < c->n; i++)
		put_kind(&t, &c->kinds[i], n, states);
	/* For programs every row is of one sort. */
	memcpy(c->total.netid, "total", sizeof("total"));
	if (rows->arg->format == FORMAT_TABLE && (c->n || !rows_problem(rows)))
		put_kind(&t, &c->total, n, states);
	return table_finish_reading(&t, NULL, rows->context, rows_problem(rows));
}

static int count_all(struct rows *rows)
{
	static const enum field_id fields[] = { F_netid, F_family, F_state };
	struct counts c = { 0 };
	int r, written = EXIT_OK;

	r = rows_open(rows, fields, ARRAY_SIZE(fields));
	if (r >= 0)
		return r;
	while (rows_next(rows))
		count_row(&c, &rows->record);
	/* Nothing but a message where the namespace is not there. */
	if (!rows->arg->quiet &&
	    (format_is_json(rows->arg->format) || c.n || !namespaces_unknown(rows->query, rows->context)))
		written = show_counts(rows, &c);
	r = rows_finish(rows);
	return written ? written : r;
}

int verb_stat(const struct arguments *arg)
{
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	int r;

	r = rows_init(&rows, arg, 0, false);
	if (r >= 0)
		return r;
	if (arg->sort && !arg->by) {
		message("stat: --sort orders the groups of --by");
		return EXIT_USAGE;
	}
	if (arg->by)
		return groups_show(&rows, "--by", arg->by);
	return arg->group_by ? groups_show(&rows, "--group-by", arg->group_by) : count_all(&rows);
}
