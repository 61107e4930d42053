/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl show: sockets as a list, or one whole */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cell.h"
#include "cli/columns.h"
#include "cli/detail.h"
#include "cli/exit.h"
#include "cli/groups.h"
#include "cli/internals.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "cli/other_end.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/template.h"
#include "cli/verbs.h"
#include "cli/whole.h"
#include "model/words.h"
#include "query/sort.h"

enum view_kind {
	VIEW_TABLE,    /* CSV and its like too */
	VIEW_DOCUMENT, /* JSON */
	VIEW_TEMPLATE,
	VIEW_WHOLE,
};

/* How rows are shown. The table's output serves all kinds. */
struct view {
	enum view_kind kind;
	const struct arguments *arg;
	struct columns columns;
	struct template template;
	struct field_set fields;
	bool all_fields; /* every one that a row has */
	uint32_t groups; /* of VIEW_WHOLE */
	bool details;
	bool ends; /* of exactly named sockets the other ends are asked for */
	struct names *names; /* -r */
	struct table table;
	uint64_t n_rows;
	bool internals; /* the verb of this name */
	bool hidden;   /* owners of other users are not told */
	bool withheld; /* the kernel module told only what is public */

	struct sort_key keys[SORT_KEYS_MAX];
	size_t n_keys;
};

static void view_deinit(struct view *v)
{
	template_deinit(&v->template);
	names_free(v->names);
	table_deinit(&v->table);
}

DEFINE_CLEANUP(struct view, view_deinit)

static int init_sort(struct view *v)
{
	enum field_id ids[SORT_KEYS_MAX];
	bool descending[SORT_KEYS_MAX];
	int r;

	if (!v->arg->sort)
		return -1;
	r = columns_field_list("--sort", v->arg->sort, SORT_KEYS_MAX, ids, descending, &v->n_keys);
	for (size_t i = 0; i < v->n_keys; i++)
		v->keys[i] = (struct sort_key){ ids[i], descending[i] };
	return r;
}

/* Which view it is. internals: the verb of this name. */
static int init_kind(struct view *v, const struct rows *rows, bool internals)
{
	const struct arguments *arg = v->arg;
	int r;

	v->internals = internals;
	v->groups = internals ? GROUPS_INTERNAL : UINT32_MAX;
	if (internals) {
		v->kind = format_is_json(arg->format) ? VIEW_DOCUMENT : VIEW_WHOLE;
		return -1;
	}
	v->details = arg->extended || arg->memory || arg->info || arg->timers;
	columns_default(&v->columns, arg);
	if (arg->columns) {
		r = columns_change(&v->columns, arg->columns);
		if (r >= 0)
			return r;
	}
	if (arg->template) {
		v->kind = VIEW_TEMPLATE;
		return template_init(&v->template, arg->template);
	}
	if (format_is_json(arg->format)) {
		v->kind = VIEW_DOCUMENT;
		v->all_fields = !arg->columns && !arg->no_owners;
	} else if (rows->is_exact && !arg->columns && !v->details && !arg->sort && arg->format == FORMAT_TABLE) {
		v->kind = VIEW_WHOLE;
		v->all_fields = !arg->no_owners;
	}
	return -1;
}

static void add_groups(struct field_set *s, uint32_t groups)
{
	for (unsigned g = 0; g < GROUP_COUNT; g++)
		if (groups & GROUP_BIT(g))
			field_set_add_group(s, g);
}

/* What has to be asked for. One socket whole has what the kernel module tells of it, too. */
static void init_fields(struct view *v, const struct rows *rows, bool internals)
{
	const struct columns *c = v->kind == VIEW_TEMPLATE ? &v->template.fields : &v->columns;
	bool columns = v->kind == VIEW_TABLE || v->kind == VIEW_TEMPLATE || v->arg->columns;

	if (internals)
		add_groups(&v->fields, GROUPS_INTERNAL | GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_owner));
	else if (!columns)
		add_groups(&v->fields, (rows->is_exact ? GROUPS_DETAIL | GROUPS_INTERNAL : GROUPS_DETAIL) &
					       ~(v->arg->no_owners ? GROUP_BIT(GROUP_owner) : 0));
	if (v->ends)
		field_set_add_group(&v->fields, GROUP_peer);
	for (size_t i = 0; columns && !internals && i < c->n; i++)
		columns_fields(&c->rows[i], v->kind != VIEW_DOCUMENT, &v->fields);
	if (v->kind == VIEW_TABLE && v->details)
		detail_fields(v->arg, &v->fields);
}

static void init_table(struct view *v)
{
	struct table_column columns[COLUMNS_MAX];

	for (size_t i = 0; i < v->columns.n; i++) {
		const struct column *c = &v->columns.rows[i];
		bool number = c->field && c->field->wire <= WIRE_s64 && c->field->unit->kind == UNIT_NUMBER;

		columns[i] = (struct table_column){ c->title, c->name, number && c->title == c->field->name };
	}
	table_init(&v->table, v->arg, columns, v->columns.n);
	table_name(&v->table, "sockets");
}

/* Of one socket whole its other end is shown. Without a daemon, and from a file, all is read in any case. */
static int ask_ends(struct view *v, const struct rows *rows)
{
	bool columns = v->kind == VIEW_TABLE || v->kind == VIEW_TEMPLATE || v->arg->columns;

	v->ends = rows->is_exact && !columns && !v->internals;
	if (!v->ends || v->arg->file || v->arg->direct || v->arg->quiet || v->arg->group_by)
		return -1;
	return other_end_ask(v->arg, &v->ends);
}

static int view_init(struct view *v, const struct rows *rows, bool internals)
{
	int r;

	*v = (struct view){ .arg = rows->arg };
	r = init_sort(v);
	if (r < 0)
		r = init_kind(v, rows, internals);
	if (r < 0)
		r = ask_ends(v, rows);
	if (r >= 0)
		return r;
	init_fields(v, rows, internals);
	if (rows->arg->resolve)
		v->names = names_new();
	return -1;
}

/* What sorting needs is asked for, but not shown. */
static void request_fields(const struct view *v, struct field_set *s)
{
	*s = v->fields;
	for (size_t i = 0; i < v->n_keys; i++)
		field_set_add(s, v->keys[i].field);
	field_set_add(s, F_state);
}

static bool is_track(enum field_id id)
{
	return field_get(id)->group == GROUP_track;
}

/* Fields of a kind were named. */
static bool names(const struct view *v, bool (*is_such)(enum field_id))
{
	const struct columns *c = v->kind == VIEW_TEMPLATE ? &v->template.fields : &v->columns;

	for (size_t i = 0; i < v->n_keys; i++)
		if (is_such(v->keys[i].field))
			return true;
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].kind == COLUMN_FIELD && is_such(c->rows[i].field->id))
			return true;
	return false;
}

/* A table of endpoints calls a UNIX socket's peer by its name. */
static bool shows_peer(const struct view *v)
{
	if (v->kind != VIEW_TABLE || v->arg->format != FORMAT_TABLE)
		return false;
	for (size_t i = 0; i < v->columns.n; i++)
		if (v->columns.rows[i].kind == COLUMN_PEER)
			return true;
	return false;
}

/* Those that the user named. */
static void name_fields(const struct view *v, struct field_set *s)
{
	const struct columns *c = v->kind == VIEW_TEMPLATE ? &v->template.fields : &v->columns;

	for (size_t i = 0; i < v->n_keys; i++)
		field_set_add(s, v->keys[i].field);
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].kind == COLUMN_FIELD)
			field_set_add(s, c->rows[i].field->id);
}

static bool is_queue_full(struct record *r)
{
	struct value waiting, limit;

	return record_get(r, F_recv_q, 0, &waiting) >= 0 && record_get(r, F_send_q, 0, &limit) >= 0 && waiting.u > 0 &&
	       waiting.u >= limit.u;
}

static enum colour cell_colour(const struct column *c, struct record *r)
{
	uint32_t state;

	if (!c->field || (c->field->id != F_state && c->field->id != F_recv_q))
		return COLOUR_NONE;
	state = record_state(r);
	if (c->field->id == F_recv_q)
		return state == STATE_LISTEN && is_queue_full(r) ? COLOUR_RED : COLOUR_NONE;
	return colour_of_state(state, state == STATE_LISTEN && is_queue_full(r));
}

static void put_details(struct view *v, struct record *r)
{
	struct table *t = &v->table;
	size_t before;

	table_tail_begin(t);
	detail_first(&t->row, r, v->arg);
	before = t->row.len;
	if (!v->arg->oneline)
		buffer_put(&t->row, "\n\t", 2);
	detail_second(&t->row, r, v->arg);
	if (!v->arg->oneline && t->row.len == before + 2)
		t->row.len = before;
	else if (!v->arg->oneline)
		t->tail_lines = 1;
}

static void put_table_row(struct view *v, struct record *r)
{
	struct table *t = &v->table;

	for (size_t i = 0; i < v->columns.n; i++) {
		const struct column *c = &v->columns.rows[i];
		bool track = c->kind == COLUMN_FIELD && c->field->group == GROUP_track && v->arg->format == FORMAT_TABLE;
		size_t split = 0;

		if ((track ? cell_short(&t->row, c->field, r) : cell_write(&t->row, c, r, v->names, &split)) < 0)
			table_cell_absent(t);
		else
			table_cell_end(t, split, t->out.colours ? cell_colour(c, r) : COLOUR_NONE);
	}
	if (v->details && v->arg->format == FORMAT_TABLE)
		put_details(v, r);
	table_row_end(t);
}

static void view_row(struct view *v, struct record *r)
{
	switch (v->kind) {
	case VIEW_TABLE:
		put_table_row(v, r);
		break;
	case VIEW_DOCUMENT:
		v->withheld |= v->internals && internals_withheld(r, v->arg->file);
		document_record(&v->table.document, r, v->all_fields ? NULL : v->fields.ids, v->fields.n);
		break;
	case VIEW_TEMPLATE:
		template_write(&v->template, &v->table.out.buffer, r, v->names);
		output_lines(&v->table.out, 1);
		break;
	case VIEW_WHOLE:
		v->withheld |= internals_withheld(r, v->arg->file);
		whole_write(&v->table.out, r, v->names, v->groups, v->hidden, v->n_rows == 0);
		break;
	}
	v->n_rows++;
}

/* A row after the other, as they come. */
static void stream(struct view *v, struct rows *rows)
{
	while (v->n_rows < v->arg->limit && !output_failed(&v->table.out) && rows_next(rows))
		view_row(v, &rows->record);
	/* A document says how the reading ended: it is read to its end. */
	while (v->kind == VIEW_DOCUMENT && !output_failed(&v->table.out) && !rows->at_end && rows_next(rows))
		;
}

static void sorted(struct view *v, struct rows *rows)
{
	CLEANUP(store_deinit) struct store s;

	store_init(&s);
	while (rows_next(rows))
		if (store_add(&s, &rows->message) < 0)
			message_no_memory();
	if (sort_joined(&s, rows->context, rows->pairs, v->keys, v->n_keys) < 0)
		message_no_memory();
	for (size_t i = 0; i < s.n_messages && v->n_rows < v->arg->limit && !output_failed(&v->table.out); i++)
		if (rows_again(rows, &s.messages[i]))
			view_row(v, &rows->record);
}

static int finish(struct view *v, struct rows *rows)
{
	char footer[96];

	snprintf(footer, sizeof(footer), "%llu socket%s listed.%s", (unsigned long long)v->n_rows,
		 v->n_rows == 1 ? "" : "s", v->n_rows == v->arg->limit ? " There may be more (--limit)." : "");
	switch (v->kind) {
	case VIEW_TABLE:
		/* Nothing but a message where a target is not there. */
		if (v->n_rows == 0 && (rows->has_target || namespaces_unknown(rows->query, rows->context)))
			return output_finish(&v->table.out);
		return table_finish_reading(&v->table, footer, rows->context, rows_problem(rows));
	case VIEW_DOCUMENT:
		return table_finish_reading(&v->table, NULL, rows->context, rows_problem(rows));
	case VIEW_TEMPLATE:
	case VIEW_WHOLE:
		break;
	}
	return output_finish(&v->table.out);
}

static int show(const struct arguments *arg, bool internals)
{
	CLEANUP(view_deinit) struct view v = { 0 };
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	struct field_set asked;
	int r, written;

	if (arg->columns && !strcmp(arg->columns, "help"))
		return columns_help(arg);
	r = rows_init(&rows, arg, 0, true);
	if (r >= 0)
		return r;
	if (arg->group_by)
		return groups_show(&rows, "--group-by", arg->group_by);
	r = view_init(&v, &rows, internals);
	if (r >= 0)
		return r;
	rows.needs_internals = internals;
	if (arg->quiet)
		return rows_probe(&rows);
	request_fields(&v, &asked);
	if (!internals)
		name_fields(&v, &rows.named);
	rows.asks_tracks = names(&v, is_track);
	/* A recording has what it has. */
	rows.asks_internals = !internals && !arg->file && names(&v, decode_module_only);
	rows.wants_internals = v.kind == VIEW_WHOLE;
	rows.names_unix = shows_peer(&v);
	r = rows_open(&rows, v.all_fields && !rows.is_exact ? NULL : asked.ids, asked.n);
	if (r >= 0)
		return r;
	columns_settle(&v.columns, rows.query, rows.context);
	init_table(&v);
	v.hidden = context_host(rows.context)->uid != 0 || (!arg->file && geteuid() != 0);
	if (v.n_keys)
		sorted(&v, &rows);
	else
		stream(&v, &rows);
	written = finish(&v, &rows);
	if (v.withheld && arg->file && internals)
		message_note("struct sock and struct socket are not in this recording; record the socket alone: sockctl record FILE sk:COOKIE");
	if (v.withheld && !arg->file)
		message_note("most of struct sock and struct socket is told to CAP_NET_ADMIN only: run as root");
	r = rows_finish(&rows);
	return written ? written : r;
}

int verb_show(const struct arguments *arg)
{
	return show(arg, false);
}

int verb_internals(const struct arguments *arg)
{
	return show(arg, true);
}
