/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of an answer, one after another, and how whole it was */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/internals.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "cli/rows.h"
#include "cli/withheld.h"
#include "query/ask.h"
#include "query/json.h"

/* typed: by the user, to be shown a mistake in; else it is what was typed, which is right, with letters before it. */
static int parse_text(struct query **ret, const char *text, bool typed)
{
	struct query_error e = { 0 };
	size_t len = strlen(text);
	int r;

	r = query_parse(ret, text, len, &e);
	if (r == -ENOMEM)
		message_no_memory();
	if (r < 0 && !typed) {
		message("the filter is too much together with the letters that were given: %s", e.message);
		return EXIT_USAGE;
	}
	if (r < 0) {
		message("the filter: %s", e.message);
		message_point(text, len, e.column, e.length);
		return EXIT_USAGE;
	}
	return -1;
}

/* Letters in parentheses and text in parentheses: one language does it all. */
static char *join_texts(const char *letters, const char *text)
{
	char *all;

	if (!*letters || !*text)
		all = strdup(*letters ? letters : text);
	else if (asprintf(&all, "%s and (%s)", letters, text) < 0)
		all = NULL;
	if (!all)
		message_no_memory();
	return all;
}

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\n")];
}

int rows_init(struct rows *r, const struct arguments *arg, int first, bool default_states)
{
	CLEANUP(free) char *text = options_join(arg, first), *netns = NULL, *first_terms = NULL;
	CLEANUP(query_free) struct query *typed = NULL;
	char letters[SELECTION_TEXT_MAX];
	int e;

	*r = (struct rows){ .arg = arg };
	store_init(&r->kept);
	/* The text alone first: a mistake is shown in what was typed. */
	e = parse_text(&typed, text, true);
	if (e >= 0)
		return e;
	if (arg->file && query_wants_kernel(typed)) {
		message("autobound: only the running kernel knows; a recording does not tell");
		return EXIT_USAGE;
	}
	r->has_target = query_has_target(typed);
	r->is_exact = query_is_exact(typed);
	selection_text(&arg->selection, default_states && !query_has_state(typed) && !r->has_target, letters);
	if (arg->netns) {
		e = namespaces_term(arg->netns, &netns);
		if (e >= 0)
			return e;
	}
	if (!*letters && !netns) {
		r->query = STEAL_PTR(typed);
		r->expression = is_blank(text) ? strdup("") : STEAL_PTR(text);
		if (!r->expression)
			message_no_memory();
		return -1;
	}
	first_terms = join_texts(netns ? netns : "", letters);
	r->expression = join_texts(first_terms, is_blank(text) ? "" : text);
	return parse_text(&r->query, r->expression, false);
}

void rows_deinit(struct rows *r)
{
	query_free(r->query);
	free(r->expression);
	pairs_free(r->pairs);
	store_deinit(&r->kept);
	if (r->context)
		context_free(r->context);
	if (r->feed)
		feed_free(r->feed);
	*r = (struct rows){ 0 };
}

int rows_exit_code(const struct arguments *arg, int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return EXIT_DENIED;
	case -EINVAL:
	case -E2BIG:
		return EXIT_USAGE;
	}
	return arg->file ? EXIT_USAGE : EXIT_UNREACHABLE;
}

/* Whether what the answer needs is there, which its first blocks tell. -1, or an exit code. */
static int check_means(const struct rows *r)
{
	enum field_id id = query_module_field(r->query);

	if ((id || r->needs_internals) && !internals_present(r->context)) {
		if (id && r->arg->file)
			message("the filter needs %s, and the recording was made without the kernel module socketd_diag",
				field_get(id)->name);
		else if (id)
			message("the filter needs the kernel module, for %s: modprobe socketd_diag", field_get(id)->name);
		else if (r->arg->file)
			message("struct sock and struct socket are not in this recording: it was made without the kernel module socketd_diag");
		else
			message("struct sock and struct socket need the kernel module: modprobe socketd_diag");
		return EXIT_UNREACHABLE;
	}
	id = withheld_by_rights(r->context, r->arg, r->feed) ? withheld_in_query(r->query, r->context) : F_none;
	if (id) {
		message("the filter needs %s, which is told to CAP_NET_ADMIN only: run as root", field_get(id)->name);
		return EXIT_DENIED;
	}
	return -1;
}

/*
 * Whether other ends are asked for, and whether they can be: which sockets are autobound the kernel
 * says by leaving out the others, and an event is of one socket. -1, or an exit code.
 */
static int check_joins(struct rows *r, const enum field_id *fields, size_t n_fields)
{
	r->joins = ask_wants_pairs(r->query, fields, n_fields);
	if (!r->joins || !(r->events || query_wants_kernel(r->query)))
		return -1;
	if (r->events)
		message("monitor: an event is of one socket, and tells nothing of its other end (peer_...); sockctl peers lists pairs");
	else
		message("autobound does not go together with fields of the other end (peer_...)");
	return EXIT_USAGE;
}

/* What comes before the first row is read, too. */
static int look_ahead(struct rows *r)
{
	r->ahead = messages_next(&r->messages, &r->message);
	r->has_ahead = true;
	return r->ahead < 0 ? -1 : check_means(r);
}

int rows_open(struct rows *r, const enum field_id *fields, size_t n_fields)
{
	const struct feed_request req = {
		.file = r->arg->file,
		.direct = r->arg->direct,
		.bus = r->arg->bus,
		.expression = r->expression,
		.fields = fields,
		.n_fields = n_fields,
		.max_age_usec = r->arg->max_age_usec,
		.events = r->events,
		.initial = r->arg->initial,
		.authorize = r->arg->authorize,
	};
	char text[FEED_MESSAGE_MAX] = "";
	const char *note;
	int e;

	e = check_joins(r, fields, n_fields);
	if (e >= 0)
		return e;
	e = feed_open(&r->feed, &req, text);
	if (e < 0) {
		message("%s", *text ? text : strerror(-e));
		return rows_exit_code(r->arg, e);
	}
	note = feed_note(r->feed);
	if (note && !r->arg->quiet)
		message_note("%s", note);
	if (context_new(&r->context) < 0)
		message_no_memory();
	reader_init(&r->reader, feed_input(r->feed));
	messages_init(&r->messages, &r->reader, r->context);
	return r->events ? -1 : look_ahead(r);
}

static int read_message(struct rows *r)
{
	int e = r->has_ahead ? r->ahead : messages_next(&r->messages, &r->message);

	r->has_ahead = false;
	return e;
}

/* Whether the message waits until all are read: any can be the other end of any. */
static bool is_to_be_kept(const struct rows *r)
{
	return r->joins || (r->names_unix && r->message.source == SOURCE_unix);
}

/* 0, -E2BIG. */
static int keep(struct rows *r)
{
	int e = r->pairs ? 0 : pairs_new(&r->pairs);

	if (e < 0 || store_add(&r->kept, &r->message) < 0)
		message_no_memory();
	r->message = r->kept.messages[r->kept.n_messages - 1];
	r->has_tracks |= r->message.track != NULL;
	r->lacks_tracks |= r->message.track == NULL;
	if (record_open(&r->record, &r->message, r->context) < 0)
		return 0;
	e = pairs_add(r->pairs, &r->record, &r->message);
	if (e == -ENOMEM)
		message_no_memory();
	return e;
}

/* Reads up to one that need not be kept: 1, or 0 at the end, whichever it is. */
static int read_on(struct rows *r)
{
	while (!r->read_out) {
		int e = read_message(r);

		if (e > 0 && !is_to_be_kept(r))
			return 1;
		if (e > 0)
			e = keep(r);
		else
			r->read_out = true;
		if (e < 0)
			r->read_out = true;
		r->kept_end = e;
	}
	return 0;
}

void rows_keep(struct rows *r)
{
	if (!r->pairs && pairs_new(&r->pairs) < 0)
		message_no_memory();
	read_on(r);
	r->error = r->kept_end;
	r->at_end = r->kept_end == 0;
}

static int next_message(struct rows *r)
{
	if (read_on(r))
		return 1;
	if (r->next_kept == r->kept.n_messages)
		return r->kept_end;
	r->message = r->kept.messages[r->next_kept++];
	return 1;
}

bool rows_again(struct rows *r, const struct message *m)
{
	if (record_open(&r->record, m, r->context) < 0)
		return false;
	pairs_attach(r->pairs, &r->record, &r->other);
	return true;
}

bool rows_next(struct rows *r)
{
	int e;

	for (;;) {
		e = next_message(r);
		if (e <= 0) {
			r->error = e;
			r->at_end = e == 0;
			return false;
		}
		r->has_tracks |= r->message.track != NULL;
		r->lacks_tracks |= r->message.track == NULL;
		if (!rows_again(r, &r->message)) {
			r->n_damaged++;
			continue;
		}
		if (query_match(r->query, &r->record) && !dedupe_is_twin(&r->dedupe, &r->record)) {
			r->n_matched++;
			return true;
		}
	}
}

int rows_probe(struct rows *r)
{
	/* What the kernel module has to be asked for. */
	const enum field_id fields[] = { F_state, F_holding };
	int e = rows_open(r, fields, r->needs_internals ? 2 : 1);

	if (e >= 0)
		return e;
	rows_next(r);
	return rows_finish(r);
}

static const char *origin(const struct arguments *arg)
{
	return arg->file ? message_safe(arg->file) : "the answer";
}

const char *rows_problem(const struct rows *r)
{
	if (r->error < 0)
		return reader_problem(&r->reader, r->error);
	return r->n_damaged ? "some rows are damaged and left out" : NULL;
}

static int finish_error(const struct rows *r)
{
	message("%s: %s, at byte %llu, after %llu sockets", origin(r->arg), rows_problem(r),
		(unsigned long long)r->reader.offset, (unsigned long long)r->n_matched);
	if (r->n_matched)
		return EXIT_PARTIAL;
	return r->arg->file ? EXIT_USAGE : EXIT_UNREACHABLE;
}

static bool check_source(const struct rows *r, enum source_id id)
{
	const struct source_state *s = context_source(r->context, id);
	const char *name = source_def_get(id)->name;
	CLEANUP(buffer_deinit) struct buffer where = { 0 };

	if (!s->seen)
		return true;
	namespaces_of_failures(&where, r->context, id);
	if (!s->ended)
		message("%s: its reading was not finished: sockets may be missing", name);
	else if (s->error == EAGAIN)
		message("%s%.*s: the table changed while it was read, %u times: sockets may be missing; ask again", name,
			(int)where.len, where.len ? where.data : "", s->interrupted);
	else if (s->error && !source_is_absent(s->error))
		message("%s%.*s: %s: sockets may be missing", name, (int)where.len, where.len ? where.data : "", strerror(s->error));
	else
		return true;
	return false;
}

/* Nothing was found because the kernel has no way to tell: an empty table would say that there is nothing. */
static void say_no_handlers(const struct rows *r)
{
	const char *name = NULL;
	unsigned n_absent = 0;

	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		const struct source_state *s = context_source(r->context, id);

		if (!s->seen)
			continue;
		if (!s->error || !source_is_absent(s->error))
			return;
		n_absent++;
		/* The kernel module stands in for any: whose handler is missing says the other. */
		if (id != SOURCE_module)
			name = source_def_get(id)->name;
	}
	if (n_absent == 0 || r->arg->quiet)
		return;
	if (name)
		message("%s: this kernel has no handler for such sockets (a module may be missing): none can be listed", name);
	else
		message("no handler of this kernel lists such sockets; the kernel module does: modprobe socketd_diag");
}

static void say_table_age(const struct rows *r)
{
	uint64_t tenths = (context_host(r->context)->table_age_usec + 99999) / 100000;

	if (tenths > 0 && !r->arg->quiet)
		message_note("TCP connections opened in the last %llu.%llu s are not in this answer; --fresh reads all",
			     (unsigned long long)tenths / 10, (unsigned long long)tenths % 10);
}

/*
 * Whether what is remembered was there where it was asked for. Columns without it are empty, a
 * filter on it is not answered. A recording has what it has; a daemon's answer without a row does
 * not tell whether it remembers.
 */
static bool check_tracks(const struct rows *r)
{
	bool is_filtered = query_groups(r->query) & GROUP_BIT(GROUP_track);

	if (r->has_tracks || r->arg->file || !(r->lacks_tracks || r->arg->direct))
		return true;
	if (is_filtered)
		message("ages and rates need a running socketd (socketd &, or systemctl start socketd): the filter cannot be answered");
	else if (r->asks_tracks && !r->arg->quiet)
		message_note("ages and rates need a running socketd: socketd &, or systemctl start socketd");
	return !is_filtered;
}

/* Whether fields were told that only the kernel module tells, if such were asked for. */
static bool check_internals(const struct rows *r)
{
	if (!(r->asks_internals || r->wants_internals) || internals_present(r->context))
		return true;
	if (r->asks_internals)
		message("struct sock and struct socket need the kernel module: modprobe socketd_diag");
	else if (!r->arg->quiet && !r->arg->file && r->n_matched)
		message_note("struct sock and struct socket need the kernel module: modprobe socketd_diag");
	return !r->asks_internals;
}

static bool check_owners(const struct rows *r)
{
	uint32_t hidden = 0;
	int error = 0;

	if (!context_owners_known(r->context, &error, &hidden))
		return true;
	if (error) {
		message("owners: %s: some are missing", strerror(error));
		return false;
	}
	/* A user is told of what he may not see in one note for all (withheld.h). */
	if (hidden && isatty(STDERR_FILENO) && !r->arg->quiet && !withheld_by_rights(r->context, r->arg, r->feed))
		message_note("%u process%s could not be looked into", hidden, hidden == 1 ? "" : "es");
	return true;
}

int rows_finish(struct rows *r)
{
	bool whole = true;

	if (r->error < 0)
		return finish_error(r);
	if (r->at_end || r->n_matched) {
		say_table_age(r);
		if (!check_tracks(r) || !check_internals(r))
			return EXIT_UNREACHABLE;
		if (!r->arg->quiet && withheld_by_rights(r->context, r->arg, r->feed))
			withheld_note(&r->named, r->context, r->arg);
	}
	if (r->at_end) {
		for (unsigned id = 1; id < SOURCE_COUNT; id++)
			whole &= check_source(r, id);
		whole &= check_owners(r);
		whole &= namespaces_check(r->context);
		if (!r->n_matched)
			say_no_handlers(r);
	}
	if (r->n_damaged) {
		message("%s: %llu rows are damaged and left out", origin(r->arg), (unsigned long long)r->n_damaged);
		whole = false;
	}
	if (r->n_matched && r->arg->quiet)
		return EXIT_OK;
	if (!whole)
		return EXIT_PARTIAL;
	if (r->n_matched)
		return EXIT_OK;
	if (r->at_end && !r->arg->quiet && namespaces_say_unknown(r->query, r->context))
		return EXIT_NOT_FOUND;
	if (r->has_target && !r->arg->quiet)
		message("no socket matches %s%s", message_safe(r->expression),
			withheld_by_rights(r->context, r->arg, r->feed) ?
				" among what is told to you: root also sees other users' owners and other network namespaces" : "");
	return r->has_target || r->arg->exists || r->arg->quiet ? EXIT_NOT_FOUND : EXIT_OK;
}
