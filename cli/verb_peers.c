/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl peers: connections whose two ends are both on this host, a line each */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "model/words.h"
#include "query/json.h"

/* Processes of one side that are shown. */
#define PROCESSES_SHOWN_MAX 4u

/* How the two belong together. */
enum link {
	LINK_BOTH,    /* each is the other's end */
	LINK_ONE_WAY, /* datagrams: that one knows nothing of this one */
	LINK_PENDING, /* a client that the listener has not accepted yet */
};

struct pair {
	struct message a, b; /* a is the one that connected, as far as can be told */
	enum link link;
};

/* What is told of each side. */
static const enum field_id side_fields[] = { F_netid, F_state, F_local, F_local_port, F_dev, F_inode, F_cookie, F_netns,
					     F_netns_name, F_uid, F_comm, F_pid, F_fd, F_user, F_unit, F_user_unit, F_container,
					     F_activates };

struct peers {
	const struct arguments *arg;
	struct rows *rows;
	struct pair *pairs;
	size_t n, n_allocated;
	uint8_t listens[65536 / 8]; /* ports that TCP listens at */
	bool netns, units; /* there is something to say in these columns */
	struct names *names;
	struct table table;
};

static void peers_deinit(struct peers *p)
{
	free(p->pairs);
	names_free(p->names);
	table_deinit(&p->table);
}

DEFINE_CLEANUP(struct peers, peers_deinit)

static uint64_t number_of(struct record *r, enum field_id id)
{
	struct value v;

	return record_get(r, id, 0, &v) < 0 ? 0 : v.u;
}

static bool listens(const struct peers *p, uint64_t port)
{
	return port <= UINT16_MAX && p->listens[port / 8] & 1u << port % 8;
}

static bool is_named(struct record *r)
{
	struct value v;

	return record_get(r, F_local, 0, &v) >= 0 && v.kind == VALUE_ADDR && !address_is_any(&v.addr);
}

/* Whether a side is the one that was connected to: it has the name, or the port that is listened at, or the lower one. */
static bool is_server(const struct peers *p, struct record *r, struct record *other)
{
	uint64_t port, other_port;

	if (r->def->kind == KIND_UNIX)
		return is_named(r) && !is_named(other);
	port = number_of(r, F_local_port);
	other_port = number_of(other, F_local_port);
	if (listens(p, port) != listens(p, other_port))
		return listens(p, port);
	return port < other_port;
}

static bool is_same(struct record *a, struct record *b)
{
	uint64_t x = 0, y = 0;

	if (record_cookie(a, &x) == 0 && record_cookie(b, &y) == 0 && x != y)
		return false;
	return number_of(a, F_inode) == number_of(b, F_inode) && number_of(a, F_local_port) == number_of(b, F_local_port);
}

static bool has_unit(struct record *r)
{
	struct value v;

	return record_get(r, F_unit, 0, &v) >= 0 || record_get(r, F_container, 0, &v) >= 0;
}

/* Of two that neither is the server any order will do, if it is one. */
static bool goes_after(struct record *a, struct record *b)
{
	uint64_t x = number_of(a, F_cookie), y = number_of(b, F_cookie);

	return x != y ? x > y : number_of(a, F_inode) > number_of(b, F_inode);
}

static void add(struct peers *p, const struct message *a, const struct message *b, enum link link)
{
	if (p->n == p->n_allocated) {
		p->n_allocated = p->n_allocated ? p->n_allocated * 2 : 64;
		p->pairs = reallocarray(p->pairs, p->n_allocated, sizeof(*p->pairs));
		if (!p->pairs)
			message_no_memory();
	}
	p->pairs[p->n++] = (struct pair){ .a = *a, .b = *b, .link = link };
}

/* A row with its end: the pair, if it matches, and if it is not the other end's turn to tell it. */
static void look(struct peers *p, const struct message *m)
{
	struct rows *rows = p->rows;
	struct record *r = &rows->record, *end;
	struct pair_end back;
	struct message other;
	enum link link = LINK_ONE_WAY;
	bool matches, pending;

	matches = query_match(rows->query, r);
	rows->n_matched += matches;
	/* What is not accepted yet has no inode: its client tells of it. */
	if (!r->peer || (r->def->kind == KIND_UNIX && !number_of(r, F_inode)) || !pairs_find(rows->pairs, r, &other, &pending))
		return;
	end = r->peer->end;
	pairs_attach(rows->pairs, end, &back);
	if (pending)
		link = LINK_PENDING;
	else if (end->peer && is_same(end->peer->end, r))
		link = LINK_BOTH;
	if (!matches && !query_match(rows->query, end))
		return;
	/* Of two that name each other one tells; one that is its own end does. */
	if (link == LINK_BOTH && !is_same(end, r) && is_server(p, r, end))
		return;
	if (link == LINK_BOTH && !is_server(p, end, r) && goes_after(r, end))
		return;
	p->netns |= number_of(r, F_netns) != number_of(end, F_netns);
	p->units |= has_unit(r) || has_unit(end);
	add(p, m, &other, link);
}

/* Those of TCP that wait for connections tell which side of one is whose. */
static void find_listeners(struct peers *p)
{
	struct rows *rows = p->rows;

	for (size_t i = 0; i < rows->kept.n_messages; i++) {
		struct record *r = &rows->record;
		uint64_t port;

		if (record_open(r, &rows->kept.messages[i], rows->context) < 0 || record_state(r) != STATE_LISTEN ||
		    r->def->kind == KIND_UNIX)
			continue;
		port = number_of(r, F_local_port);
		if (port <= UINT16_MAX)
			p->listens[port / 8] |= (uint8_t)(1u << port % 8);
	}
}

static void find_pairs(struct peers *p)
{
	struct rows *rows = p->rows;

	rows_keep(rows);
	find_listeners(p);
	for (size_t i = 0; i < rows->kept.n_messages && p->n < p->arg->limit; i++) {
		if (!rows_again(rows, &rows->kept.messages[i]))
			rows->n_damaged++;
		else if (!dedupe_is_twin(&rows->dedupe, &rows->record))
			look(p, &rows->kept.messages[i]);
	}
}

/* nginx(812),nginx(813): each process once, however many descriptors it has. */
static void put_processes(struct peers *p, struct record *r)
{
	struct buffer *b = &p->table.row;
	unsigned n = 0, shown = 0, left_out = 0;
	uint64_t last = 0;
	struct value v;

	for (; record_get(r, F_pid, n, &v) >= 0; n++) {
		uint64_t pid = v.u;

		if (pid == last)
			continue;
		last = pid;
		if (shown == PROCESSES_SHOWN_MAX) {
			left_out++;
			continue;
		}
		if (shown++)
			buffer_char(b, ',');
		if (record_get(r, F_comm, n, &v) >= 0)
			cell_value(b, field_get(F_comm), &v, VALUE_PLAIN);
		buffer_char(b, '(');
		buffer_number(b, pid);
		buffer_char(b, ')');
	}
	if (left_out)
		buffer_printf(b, ",…+%u", left_out);
	if (n)
		table_cell_end(&p->table, 0, COLOUR_NONE);
	else
		table_cell_absent(&p->table);
}

static void put_field(struct peers *p, struct record *r, enum field_id id)
{
	if (cell_field(&p->table.row, field_get(id), r) < 0)
		table_cell_absent(&p->table);
	else
		table_cell_end(&p->table, 0, COLOUR_NONE);
}

/* Those that are made of several fields. */
static void put_column(struct peers *p, struct record *r, enum column_kind kind)
{
	const struct column c = { .kind = kind };
	size_t split;

	if (cell_write(&p->table.row, &c, r, p->names, &split) < 0)
		table_cell_absent(&p->table);
	else
		table_cell_end(&p->table, split, COLOUR_NONE);
}

static void put_side(struct peers *p, struct record *r)
{
	put_column(p, r, COLUMN_LOCAL);
	if (p->netns)
		put_column(p, r, COLUMN_NETNS);
	put_processes(p, r);
	if (p->units)
		put_column(p, r, COLUMN_WHOSE);
}

/* One word where it holds for both. */
static void put_states(struct peers *p, struct record *a, struct record *b)
{
	struct buffer *row = &p->table.row;

	if (cell_field(row, field_get(F_state), a) < 0) {
		table_cell_absent(&p->table);
		return;
	}
	if (record_state(a) != record_state(b)) {
		buffer_char(row, '/');
		cell_field(row, field_get(F_state), b);
	}
	table_cell_end(&p->table, 0, COLOUR_NONE);
}

static void put_row(struct peers *p, struct record *a, struct record *b, enum link link)
{
	static const char *const arrows[] = { [LINK_BOTH] = "↔", [LINK_ONE_WAY] = "→", [LINK_PENDING] = "→ waits for" };

	put_field(p, a, F_netid);
	put_states(p, a, b);
	put_side(p, a);
	table_cell_text(&p->table, arrows[link]);
	put_side(p, b);
	table_row_end(&p->table);
}

static void put_json(struct peers *p, struct record *a, struct record *b, enum link link)
{
	struct json_object *o = json_object_new_object(), *x = NULL, *y = NULL;

	if (!o || json_record(a, side_fields, ARRAY_SIZE(side_fields), &x) < 0 ||
	    json_record(b, side_fields, ARRAY_SIZE(side_fields), &y) < 0 || json_object_object_add(o, "a", x) < 0 ||
	    json_object_object_add(o, "b", y) < 0 ||
	    json_object_object_add(o, "pending", json_object_new_boolean(link == LINK_PENDING)) < 0 ||
	    json_object_object_add(o, "one_way", json_object_new_boolean(link == LINK_ONE_WAY)) < 0)
		message_no_memory();
	document_object(&p->table.document, o);
}

static void put_pairs(struct peers *p)
{
	struct rows *rows = p->rows;
	struct record other;

	for (size_t i = 0; i < p->n && !output_failed(&p->table.out); i++) {
		if (record_open(&rows->record, &p->pairs[i].a, rows->context) < 0 ||
		    record_open(&other, &p->pairs[i].b, rows->context) < 0)
			continue;
		if (format_is_json(p->arg->format))
			put_json(p, &rows->record, &other, p->pairs[i].link);
		else
			put_row(p, &rows->record, &other, p->pairs[i].link);
	}
}

static void add_side(const struct peers *p, struct table_column columns[TABLE_COLUMNS_MAX], size_t *n, const char *title)
{
	columns[(*n)++] = (struct table_column){ .title = title, .name = title };
	if (p->netns)
		columns[(*n)++] = (struct table_column){ .title = "Namespace", .name = "netns" };
	columns[(*n)++] = (struct table_column){ .title = "Process", .name = "process" };
	if (p->units)
		columns[(*n)++] = (struct table_column){ .title = "Unit", .name = "unit" };
}

static void init_table(struct peers *p)
{
	struct table_column columns[TABLE_COLUMNS_MAX];
	size_t n = 0;

	columns[n++] = (struct table_column){ .title = "Netid", .name = "netid" };
	columns[n++] = (struct table_column){ .title = "State", .name = "state" };
	add_side(p, columns, &n, "End");
	columns[n++] = (struct table_column){ .title = "", .name = "link" };
	add_side(p, columns, &n, "Other End");
	table_init(&p->table, p->arg, columns, n);
	table_name(&p->table, "pairs");
	if (p->arg->resolve)
		p->names = names_new();
}

static int print(struct peers *p)
{
	char footer[64];

	init_table(p);
	/* Nothing but a message where a target has none. */
	if (p->n == 0 && p->rows->has_target && !format_is_json(p->arg->format))
		return output_finish(&p->table.out);
	put_pairs(p);
	snprintf(footer, sizeof(footer), "%zu pair%s listed.", p->n, p->n == 1 ? "" : "s");
	return table_finish_reading(&p->table, footer, p->rows->context, rows_problem(p->rows));
}

int verb_peers(const struct arguments *arg)
{
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	CLEANUP(peers_deinit) struct peers p = { .arg = arg, .rows = &rows };
	struct field_set asked = { 0 };
	int r, written = 0;

	r = rows_init(&rows, arg, 0, false);
	if (r >= 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(side_fields); i++)
		field_set_add(&asked, side_fields[i]);
	field_set_add_group(&asked, GROUP_peer);
	r = rows_open(&rows, asked.ids, asked.n);
	if (r >= 0)
		return r;
	find_pairs(&p);
	if (!arg->quiet)
		written = print(&p);
	r = rows_finish(&rows);
	if (r == EXIT_OK && p.n == 0 && (rows.has_target || arg->quiet)) {
		if (!arg->quiet)
			message("the other ends of %s are not on this host, or it has none", message_safe(rows.expression));
		r = EXIT_NOT_FOUND;
	}
	return written ? written : r;
}
