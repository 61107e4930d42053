/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl kill: has sockets destroyed, the very ones that were listed */

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/inet_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "query/json.h"
#include "source/kill.h"

/* What a socket is known by from the listing to the deed. */
struct victim {
	uint64_t cookie, netns; /* 0 where it has none */
	uint16_t protocol;
	size_t message_len; /* 0: not of a kind that can be destroyed */
	_Alignas(8) uint8_t message[sizeof(struct inet_diag_msg)];
	size_t text, text_len; /* netid and ends, in texts */
	struct json_object *json; /* of JSON formats */
};

struct victims {
	const struct arguments *arg;
	struct table table;
	struct columns columns;
	struct field_set fields;
	struct buffer texts;
	struct victim *rows;
	size_t n, n_allocated;
	/* --direct, or no daemon answers: */
	int fd;
	uint64_t fd_netns;
	unsigned n_killed, n_gone, n_denied;
};

static void victims_deinit(struct victims *v)
{
	for (size_t i = 0; i < v->n; i++)
		json_object_put(v->rows[i].json);
	free(v->rows);
	buffer_deinit(&v->texts);
	table_deinit(&v->table);
	if (v->fd >= 0)
		close(v->fd);
}
DEFINE_CLEANUP(struct victims, victims_deinit)

static void victims_init(struct victims *v, const struct arguments *arg)
{
	*v = (struct victims){ .arg = arg, .fd = -1 };
	columns_default(&v->columns, arg);
	for (size_t i = 0; i < v->columns.n; i++)
		columns_fields(&v->columns.rows[i], !format_is_json(arg->format), &v->fields);
	field_set_add(&v->fields, F_state);
	field_set_add(&v->fields, F_cookie);
	field_set_add(&v->fields, F_netns);
}

/* Once the answer has begun: it decides about columns. */
static void victims_begin(struct victims *v, const struct rows *rows)
{
	struct table_column columns[COLUMNS_MAX];

	columns_settle(&v->columns, rows->query, rows->context);
	for (size_t i = 0; i < v->columns.n; i++)
		columns[i] = (struct table_column){ v->columns.rows[i].title, v->columns.rows[i].name, false };
	table_init(&v->table, v->arg, columns, v->columns.n);
	table_name(&v->table, "sockets");
}

/* Collecting. */

static void add_text(struct victims *v, struct victim *to, struct record *r)
{
	struct buffer *b = &v->texts;

	to->text = b->len;
	cell_field(b, field_get(F_netid), r);
	buffer_char(b, ' ');
	cell_endpoint(b, r, false, NULL);
	buffer_char(b, ' ');
	cell_endpoint(b, r, true, NULL);
	to->text_len = b->len - to->text;
	/* The next one's place is behind it, whatever that leaves there. */
	buffer_char(b, '\n');
}

static void add(struct victims *v, struct record *r)
{
	struct victim *to;
	struct value value;

	if (v->n == v->n_allocated) {
		v->n_allocated = v->n_allocated ? v->n_allocated * 2 : 64;
		v->rows = reallocarray(v->rows, v->n_allocated, sizeof(*v->rows));
		if (!v->rows)
			message_no_memory();
	}
	to = &v->rows[v->n++];
	*to = (struct victim){ 0 };
	if (record_cookie(r, &to->cookie) < 0)
		to->cookie = 0;
	if (record_get(r, F_netns, 0, &value) >= 0)
		to->netns = value.u;
	if (r->def->kind == KIND_INET && r->len >= sizeof(to->message)) {
		to->protocol = r->def->protocol;
		to->message_len = sizeof(to->message);
		memcpy(to->message, r->data, to->message_len);
	}
	add_text(v, to, r);
	if (format_is_json(v->arg->format) && json_record(r, v->fields.ids, v->fields.n, &to->json) < 0)
		message_no_memory();
}

static void list_row(struct victims *v, struct record *r)
{
	struct table *t = &v->table;

	for (size_t i = 0; i < v->columns.n; i++) {
		size_t split = 0;

		if (cell_write(&t->row, &v->columns.rows[i], r, NULL, &split) < 0)
			table_cell_absent(t);
		else
			table_cell_end(t, split, COLOUR_NONE);
	}
	table_row_end(t);
}

/* All that match, and the list of them where a person is to see it before. */
static int collect(struct victims *v, struct rows *rows)
{
	bool shown = v->arg->format == FORMAT_TABLE && !v->arg->yes;
	int r;

	r = rows_open(rows, v->fields.ids, v->fields.n);
	if (r >= 0)
		return r;
	victims_begin(v, rows);
	while (rows_next(rows)) {
		add(v, &rows->record);
		if (shown)
			list_row(v, &rows->record);
	}
	if (shown && v->n) {
		r = table_finish_reading(&v->table, NULL, rows->context, rows_problem(rows));
		if (r)
			return r;
	}
	return -1;
}

static bool confirm(size_t n)
{
	char line[16];

	if (n == 1)
		fprintf(stderr, "Kill this socket? [y/N] ");
	else
		fprintf(stderr, "Kill these %zu sockets? [y/N] ", n);
	fflush(stderr);
	return fgets(line, sizeof(line), stdin) && (!strcmp(line, "y\n") || !strcmp(line, "Y\n") || !strcmp(line, "yes\n"));
}

/* The deed. */

/* In the words of DestroySocket's errors; *ret_why is static or message's. */
static int kill_directly(struct victims *v, const struct victim *to, char why[FEED_MESSAGE_MAX])
{
	int r;

	if (!to->message_len)
		return -EOPNOTSUPP;
	if (v->fd < 0 || v->fd_netns != to->netns) {
		if (v->fd >= 0)
			close(v->fd);
		v->fd = kill_open(to->netns);
		v->fd_netns = to->netns;
		if (v->fd < 0)
			return v->fd;
	}
	r = kill_socket(v->fd, to->protocol, to->message, to->message_len);
	if (r == -EADDRINUSE) {
		snprintf(why, FEED_MESSAGE_MAX, "the kernel does not find it by its ends: it is closed but for its descriptor, or others stand before it");
		return -EOPNOTSUPP;
	}
	return r;
}

static int kill_one(struct victims *v, struct client *client, const struct victim *to, char why[FEED_MESSAGE_MAX])
{
	why[0] = '\0';
	if (to->cookie == 0)
		return -EOPNOTSUPP;
	return client ? client_destroy(client, to->netns, to->cookie, why) : kill_directly(v, to, why);
}

static const char *result_word(int result)
{
	switch (result) {
	case 0:
		return "killed";
	case -EOPNOTSUPP:
		return "not supported";
	case -ENOENT:
		return "gone";
	case -EACCES:
	case -EPERM:
		return "denied";
	}
	return "failed";
}

/* What the word alone does not say. */
static const char *result_reason(int result, const char *why)
{
	switch (result) {
	case 0:
		return "";
	case -EOPNOTSUPP:
		return *why ? why : "the kernel destroys TCP, UDP and raw IP sockets alone, when it is built with CONFIG_INET_DIAG_DESTROY";
	case -ENOENT:
		return "it closed, or changed, meanwhile";
	case -EACCES:
	case -EPERM:
		return *why ? why : "it takes root (CAP_NET_ADMIN)";
	}
	return *why ? why : strerror(-result);
}

static void tell(struct victims *v, struct victim *to, int result, const char *why)
{
	const char *reason = result_reason(result, why);
	struct output *o = &v->table.out;

	v->n_killed += result == 0;
	v->n_gone += result == -ENOENT;
	v->n_denied += result == -EACCES || result == -EPERM;
	if (to->json) {
		json_object_object_add(to->json, "result", json_object_new_string(result_word(result)));
		if (*reason)
			json_object_object_add(to->json, "reason", json_object_new_string(reason));
		document_object(&v->table.document, STEAL_PTR(to->json));
		return;
	}
	buffer_printf(&o->buffer, "%-13s  %.*s", result_word(result), (int)to->text_len, v->texts.data + to->text);
	if (to->cookie)
		buffer_printf(&o->buffer, "  sk:%" PRIx64, to->cookie);
	buffer_printf(&o->buffer, "%s%s\n", *reason ? ": " : "", reason);
	output_lines(o, 1);
}

/* A password that was not given for one is not asked for again. */
static void kill_all(struct victims *v, struct client *client)
{
	char why[FEED_MESSAGE_MAX];
	int denied = 0;

	for (size_t i = 0; i < v->n; i++) {
		int r = denied ? denied : kill_one(v, client, &v->rows[i], why);

		if (r == -EACCES)
			denied = r;
		tell(v, &v->rows[i], r, why);
	}
}

static int exit_code(const struct victims *v)
{
	/* One end of a connection that is killed takes the other with it. */
	if (v->n_killed + v->n_gone == v->n)
		return v->n_killed ? EXIT_OK : EXIT_NOT_FOUND;
	return v->n_denied && !v->n_killed ? EXIT_DENIED : EXIT_PARTIAL;
}

/* A word without anything in it is a variable that was not set; an empty filter would be all sockets. */
static bool has_words(const struct arguments *arg)
{
	for (int i = 0; i < arg->n_words; i++)
		if (arg->words[i][strspn(arg->words[i], " \t\n")] == '\0')
			return false;
	return arg->n_words > 0;
}

static int refuse(const struct arguments *arg)
{
	if (!has_words(arg)) {
		message("kill: say which sockets, by a TARGET or a FILTER that is not empty; letters alone are too many. See sockctl help kill");
		return EXIT_USAGE;
	}
	if (!arg->yes && !arg->dry_run && (!isatty(STDIN_FILENO) || format_is_json(arg->format))) {
		message("kill: nobody is there to be asked: --yes does it without, --dry-run only lists");
		return EXIT_USAGE;
	}
	return -1;
}

/* Those that would be. */
static int list_only(struct victims *v, const struct rows *rows)
{
	if (v->arg->format == FORMAT_TABLE)
		return output_finish(&v->table.out);
	for (size_t i = 0; i < v->n; i++)
		document_object(&v->table.document, STEAL_PTR(v->rows[i].json));
	return table_finish_reading(&v->table, NULL, rows->context, rows_problem(rows));
}

static int finish(struct victims *v, const struct rows *rows)
{
	if (v->arg->format == FORMAT_TABLE)
		return output_finish(&v->table.out);
	return table_finish_reading(&v->table, NULL, rows->context, rows_problem(rows));
}

int verb_kill(const struct arguments *arg)
{
	struct arguments own = *arg;
	CLEANUP(victims_deinit) struct victims v = { .fd = -1 };
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	int r, read, written;

	r = refuse(arg);
	if (r >= 0)
		return r;
	/* What is to be destroyed is looked up now, and is on the screen when it is asked for. */
	own.max_age_usec = 0;
	own.no_pager = true;
	r = rows_init(&rows, &own, 0, true);
	if (r >= 0)
		return r;
	victims_init(&v, &own);
	r = collect(&v, &rows);
	if (r >= 0)
		return r;
	read = rows_finish(&rows);
	if (own.dry_run || v.n == 0) {
		written = list_only(&v, &rows);
		return written ? written : read;
	}
	if (!own.yes && !confirm(v.n)) {
		message_note("nothing was killed");
		return EXIT_OK;
	}
	kill_all(&v, feed_client(rows.feed));
	written = finish(&v, &rows);
	r = exit_code(&v);
	return written ? written : r ? r : read;
}
