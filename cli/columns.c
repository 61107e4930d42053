/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which columns a list has */

#include <string.h>
#include <strings.h>

#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "cli/table.h"
#include "model/cleanup.h"

/* Columns that are made of several fields. */
static const struct {
	enum column_kind kind;
	const char *name, *title, *help;
} own[] = {
	{ COLUMN_LOCAL, "local:port", "Local Address:Port", "Local endpoint as ss writes it" },
	{ COLUMN_PEER, "peer:port", "Peer Address:Port", "Peer endpoint as ss writes it" },
	{ COLUMN_USERS, "users", "Process", "Owners as ss writes them" },
	{ COLUMN_WHOSE, "unit:container", "Unit", "Container, else unit of systemd, and what a .socket unit activates" },
	{ COLUMN_NETNS, "netns:name", "Netns", "Network namespace by name, else by inode number" },
};

void field_set_add(struct field_set *s, enum field_id id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ids[i] == id)
			return;
	if (s->n < FIELD_COUNT)
		s->ids[s->n++] = id;
}

void field_set_add_group(struct field_set *s, enum field_group g)
{
	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		if (f && f->group == g)
			field_set_add(s, id);
	}
}

/* Titles that fingers and scripts know; all other columns are called as their fields are. */
static const char *field_title(const struct field *f)
{
	switch (f->id) {
	case F_netid:
		return "Netid";
	case F_state:
		return "State";
	case F_recv_q:
		return "Recv-Q";
	case F_send_q:
		return "Send-Q";
	}
	return f->name;
}

bool columns_lookup(const char *name, size_t len, struct column *ret)
{
	const struct field *f;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (strlen(own[i].name) == len && !strncasecmp(own[i].name, name, len)) {
			*ret = (struct column){ .kind = own[i].kind, .name = own[i].name, .title = own[i].title };
			return true;
		}
	}
	f = field_find(name, len);
	if (!f)
		return false;
	*ret = (struct column){ .kind = COLUMN_FIELD, .field = f, .name = f->name, .title = field_title(f) };
	return true;
}

static void add_name(struct columns *c, const char *name)
{
	columns_lookup(name, strlen(name), &c->rows[c->n++]);
}

void columns_default(struct columns *c, const struct arguments *arg)
{
	static const char *const table[] = { "netid",     "state", "recv_q",         "send_q", "local:port",
					     "peer:port", "users", "unit:container", "netns:name" };
	static const char *const machine[] = { "netid", "state", "recv_q", "send_q", "local", "local_port", "peer",
					       "peer_port", "inode", "cookie", "uid", "pid", "fd", "comm", "netns" };
	const char *const *names = arg->format == FORMAT_TABLE ? table : machine;
	size_t n = arg->format == FORMAT_TABLE ? ARRAY_SIZE(table) : ARRAY_SIZE(machine);

	c->n = 0;
	c->usual = arg->format == FORMAT_TABLE;
	for (size_t i = 0; i < n; i++) {
		struct column *added = &c->rows[c->n];
		bool queue, owner, whose;

		add_name(c, names[i]);
		queue = added->field && (added->field->id == F_recv_q || added->field->id == F_send_q);
		owner = added->kind == COLUMN_USERS || (added->field && added->field->group == GROUP_owner);
		/* Fingers and scripts know the table that ss's letters give. */
		whose = added->kind == COLUMN_WHOSE && (arg->as_ss || arg->no_owners);
		if ((queue && arg->no_queues) || (owner && arg->no_owners) || whose)
			c->n--;
	}
}

void columns_unknown(const char *option, const char *name, size_t len)
{
	const char *like = field_suggest(name, len);

	if (like)
		message("%s: no such field: %s; did you mean %s? (sockctl describe lists all)", option,
			message_safe_n(name, len), like);
	else
		message("%s: no such field: %s; sockctl describe lists all", option, message_safe_n(name, len));
}

static bool same(const struct column *a, const struct column *b)
{
	return a->kind == b->kind && a->field == b->field;
}

/* Whether it was there. */
static bool remove_column(struct columns *c, const struct column *gone)
{
	size_t n = 0, before = c->n;

	for (size_t i = 0; i < c->n; i++)
		if (!same(&c->rows[i], gone))
			c->rows[n++] = c->rows[i];
	c->n = n;
	return n < before;
}

void columns_settle(struct columns *c, const struct query *q, const struct context *context)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n && c->usual; i++) {
		bool added = c->rows[i].added;

		if (!added && c->rows[i].kind == COLUMN_WHOSE && !(context && context_has_units(context)))
			continue;
		if (!added && c->rows[i].kind == COLUMN_NETNS && !(context && namespaces_count(q, context) > 1))
			continue;
		c->rows[n++] = c->rows[i];
	}
	if (c->usual)
		c->n = n;
}

/* Some column that the answer does not decide about. */
static bool has_certain(const struct columns *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->rows[i].added || (c->rows[i].kind != COLUMN_WHOSE && c->rows[i].kind != COLUMN_NETNS))
			return true;
	return false;
}

int columns_change(struct columns *c, const char *list)
{
	const char *word = list;

	if (*list != '+' && *list != '-') {
		c->n = 0;
		c->usual = false;
	}
	for (;;) {
		size_t len = strcspn(word, ",");
		bool sign = len && (*word == '+' || *word == '-');
		struct column column;

		if (!columns_lookup(word + sign, len - sign, &column)) {
			columns_unknown("-C", word + sign, len - sign);
			return EXIT_USAGE;
		}
		if (sign && *word == '-') {
			if (!remove_column(c, &column)) {
				message("-C: %s is no column of this table; the owners' is called users, and -C help lists all",
					message_safe_n(word + 1, len - 1));
				return EXIT_USAGE;
			}
		} else if (c->n == COLUMNS_MAX) {
			message("-C: more than %d columns", COLUMNS_MAX);
			return EXIT_USAGE;
		} else {
			column.added = true;
			c->rows[c->n++] = column;
		}
		if (!word[len])
			break;
		word += len + 1;
	}
	if (!has_certain(c)) {
		message("-C %s: no column is left", message_safe(list));
		return EXIT_USAGE;
	}
	return -1;
}

void columns_fields(const struct column *c, bool all, struct field_set *s)
{
	/* The first n_said of a row are what it says, the others how. */
	static const struct {
		enum field_id ids[6];
		size_t n_said;
	} rows[] = {
		[COLUMN_LOCAL] = { { F_local, F_local_port, F_dev, F_ipv6only, F_inode, F_family }, 2 },
		[COLUMN_PEER] = { { F_peer, F_peer_port, F_udiag_peer, F_ipv6only, F_family }, 2 },
		[COLUMN_USERS] = { { F_comm, F_pid, F_fd }, 3 },
		[COLUMN_WHOSE] = { { F_container, F_unit, F_user_unit, F_activates }, 4 },
		[COLUMN_NETNS] = { { F_netns_name, F_netns }, 2 },
	};

	if (c->kind == COLUMN_FIELD) {
		field_set_add(s, c->field->id);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows[0].ids); i++)
		if (rows[c->kind].ids[i] && (all || i < rows[c->kind].n_said))
			field_set_add(s, rows[c->kind].ids[i]);
}

int columns_field_list(const char *option, const char *list, size_t max, enum field_id *ret_ids, bool *ret_descending,
		       size_t *ret_n)
{
	const char *word = list;
	size_t n = 0;

	for (;;) {
		size_t len = strcspn(word, ",");
		bool minus = ret_descending && len && *word == '-';
		const struct field *f = field_find(word + minus, len - minus);

		if (!f) {
			columns_unknown(option, word + minus, len - minus);
			return EXIT_USAGE;
		}
		if (n == max) {
			message("%s: more than %zu fields", option, max);
			return EXIT_USAGE;
		}
		if (ret_descending)
			ret_descending[n] = minus;
		ret_ids[n++] = f->id;
		if (!word[len])
			break;
		word += len + 1;
	}
	*ret_n = n;
	return -1;
}

int columns_help(const struct arguments *arg)
{
	static const struct table_column columns[] = {
		{ "Column", "column", false },
		{ "Alias", "alias", false },
		{ "Meaning", "meaning", false },
	};
	CLEANUP(table_deinit) struct table t = { 0 };

	table_init(&t, arg, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		table_cell_text(&t, own[i].name);
		table_cell_text(&t, "");
		table_cell_text(&t, own[i].help);
		table_row_end(&t);
	}
	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		if (!f)
			continue;
		table_cell_text(&t, f->name);
		table_cell_text(&t, field_alias(id) ? field_alias(id) : "");
		table_cell_text(&t, f->doc);
		table_row_end(&t);
	}
	return table_finish(&t, NULL);
}
