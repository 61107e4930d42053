/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of a call, a{sv}, as a query */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bus/error.h"
#include "bus/filter.h"
#include "model/field.h"
#include "model/words.h"
#include "quota.h"
#include "socketd/dbus.h"

/* Words in families and in states; there are fewer of either. */
#define FILTER_WORDS_MAX 64u
#define FILTER_UNIT_MAX 255u

enum filter_key { KEY_EXPRESSION, KEY_FAMILIES, KEY_STATES, KEY_NETNS, KEY_PID, KEY_UNIT, KEY_COUNT };

static const char *const keys[KEY_COUNT] = {
	[KEY_EXPRESSION] = SOCKETD_FILTER_EXPRESSION, [KEY_FAMILIES] = SOCKETD_FILTER_FAMILIES,
	[KEY_STATES] = SOCKETD_FILTER_STATES,	      [KEY_NETNS] = SOCKETD_FILTER_NETNS,
	[KEY_PID] = SOCKETD_FILTER_PID,		      [KEY_UNIT] = SOCKETD_FILTER_UNIT,
};

/* A filter being put together. */
struct draft {
	const char *expression; /* of the message; NULL for none */
	FILE *file; /* the shorthands as text */
	unsigned seen;
	bool empty;
};

void filter_deinit(struct filter *f)
{
	query_free(f->query);
	free(f->text);
	*f = (struct filter){ 0 };
}

static int parse(struct query **ret, const char *text, sd_bus_error *error)
{
	struct query_error problem;
	int r;

	r = query_parse(ret, text, strlen(text), &problem);
	if (r == -EINVAL || r == -E2BIG)
		return bus_error_invalid_filter(error, &problem);
	return r < 0 ? bus_error_from_errno(error, r, "filter") : 0;
}

/* What comes next must hold as well. */
static void draft_and(struct draft *d)
{
	if (!d->empty)
		fputs(" and ", d->file);
	d->empty = false;
}

/* Parsed alone first: columns of a mistake are those of the caller's text. */
static int read_expression(struct draft *d, sd_bus_message *m, sd_bus_error *error)
{
	CLEANUP(query_free) struct query *query = NULL;
	const char *text;
	int r;

	r = sd_bus_message_read(m, "v", "s", &text);
	if (r < 0)
		return r;
	r = parse(&query, text, error);
	if (r < 0)
		return r;
	if (text[strspn(text, " \t\r\n")])
		d->expression = text;
	return 0;
}

static int is_family(const char *word)
{
	uint64_t value;

	return words_value(&words_family, word, strlen(word), &value);
}

static int is_state(const char *word)
{
	uint32_t mask;

	return states_parse(word, strlen(word), &mask);
}

/* families and states: each word is one of the language's own. An empty list says nothing. */
static int read_words(struct draft *d, sd_bus_message *m, const char *what, const char *before, int (*check)(const char *),
		      sd_bus_error *error)
{
	const char *word;
	unsigned n = 0;
	int r;

	r = sd_bus_message_enter_container(m, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "s");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read_basic(m, 's', &word)) > 0) {
		if (check(word) < 0)
			return bus_error_invalid_args(error, "there is no %s \"%.64s\"", what, word);
		if (n == FILTER_WORDS_MAX)
			return bus_error_invalid_args(error, "more than %u words for \"%s\"", FILTER_WORDS_MAX, what);
		if (n == 0)
			draft_and(d);
		fprintf(d->file, "%s%s %s", n++ ? " or " : "(", before, word);
	}
	if (r < 0)
		return r;
	if (n)
		fputc(')', d->file);
	r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

uint64_t filter_own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) < 0 ? 0 : st.st_ino;
}

static int read_netns(struct draft *d, sd_bus_message *m)
{
	uint64_t netns;
	int r;

	r = sd_bus_message_read(m, "v", "t", &netns);
	if (r < 0)
		return r;
	draft_and(d);
	fprintf(d->file, "netns:%" PRIu64, netns);
	return 0;
}

static int read_pid(struct draft *d, sd_bus_message *m)
{
	uint32_t pid;
	int r;

	r = sd_bus_message_read(m, "v", "u", &pid);
	if (r < 0)
		return r;
	draft_and(d);
	fprintf(d->file, "pid:%" PRIu32, pid);
	return 0;
}

/* systemd.unit(5): these characters, so that no quoting is due. ":" would be read as a TARGET's. */
static int read_unit(struct draft *d, sd_bus_message *m, sd_bus_error *error)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.\\@";
	static const char *const types[] = { ".service", ".scope", ".slice", ".socket" };
	bool is_unit = false;
	const char *unit;
	size_t len;
	int r;

	r = sd_bus_message_read(m, "v", "s", &unit);
	if (r < 0)
		return r;
	len = strlen(unit);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		is_unit |= len > strlen(types[i]) && !strcmp(unit + len - strlen(types[i]), types[i]);
	if (!is_unit || len > FILTER_UNIT_MAX || unit[0] == '@' || unit[strspn(unit, allowed)])
		return bus_error_invalid_args(error, "\"%.64s\" is no name of a service, scope, slice or socket unit", unit);
	draft_and(d);
	fputs(unit, d->file);
	return 0;
}

static int read_value(struct draft *d, enum filter_key key, sd_bus_message *m, sd_bus_error *error)
{
	switch (key) {
	case KEY_EXPRESSION:
		return read_expression(d, m, error);
	case KEY_FAMILIES:
		return read_words(d, m, "family", "family =", is_family, error);
	case KEY_STATES:
		return read_words(d, m, "state", "state", is_state, error);
	case KEY_NETNS:
		return read_netns(d, m);
	case KEY_PID:
		return read_pid(d, m);
	case KEY_UNIT:
		return read_unit(d, m, error);
	case KEY_COUNT:
		break;
	}
	return -EINVAL;
}

static int read_entry(struct draft *d, sd_bus_message *m, sd_bus_error *error)
{
	const char *name;
	unsigned key = 0;
	int r;

	r = sd_bus_message_read_basic(m, 's', &name);
	if (r < 0)
		return r;
	while (key < KEY_COUNT && strcmp(keys[key], name))
		key++;
	if (key == KEY_COUNT)
		return bus_error_invalid_args(error, "there is no filter key \"%.64s\"", name);
	if (d->seen & (1u << key))
		return bus_error_invalid_args(error, "filter key \"%s\" is given twice", name);
	d->seen |= 1u << key;
	r = read_value(d, key, m, error);
	if (r == -ENXIO && !sd_bus_error_is_set(error))
		return bus_error_invalid_args(error, "\"%s\" has a value of the wrong type", name);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_dict(struct draft *d, sd_bus_message *m, sd_bus_error *error)
{
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_entry(d, m, error);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int filter_read(struct filter *ret, sd_bus_message *m, sd_bus_error *error)
{
	CLEANUP(filter_deinit) struct filter f = { 0 };
	CLEANUP(free) char *shorthands = NULL;
	struct draft d = { .empty = true };
	size_t size;
	int r;

	d.file = open_memstream(&shorthands, &size);
	if (!d.file)
		return -ENOMEM;
	r = read_dict(&d, m, error);
	if (fclose(d.file) != 0 && r >= 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (!d.expression)
		f.text = STEAL_PTR(shorthands);
	else if (d.empty)
		f.text = strdup(d.expression);
	else if (asprintf(&f.text, "(%s) and %s", d.expression, shorthands) < 0)
		f.text = NULL;
	if (!f.text)
		return -ENOMEM;
	r = parse(&f.query, f.text, error);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct filter){ 0 };
	return 0;
}

int filter_of_text(struct filter *ret, const char *text, sd_bus_error *error)
{
	CLEANUP(filter_deinit) struct filter f = { .text = strdup(text) };
	int r;

	if (!f.text)
		return -ENOMEM;
	r = parse(&f.query, text, error);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct filter){ 0 };
	return 0;
}

static int unknown_field(const char *name, sd_bus_error *error)
{
	const char *similar = field_suggest(name, strlen(name));

	return bus_error_invalid_args(error, "there is no field \"%.64s\"%s%s%s", name, similar ? "; did you mean \"" : "",
				      similar ? similar : "", similar ? "\"?" : "");
}

int filter_read_fields(sd_bus_message *m, enum field_id **ret, size_t *ret_n, sd_bus_error *error)
{
	CLEANUP(free) enum field_id *fields = calloc(LIMIT_FIELDS, sizeof(*fields));
	const char *name;
	size_t n = 0;
	int r;

	if (!fields)
		return -ENOMEM;
	r = sd_bus_message_enter_container(m, 'a', "s");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read_basic(m, 's', &name)) > 0) {
		const struct field *f = field_find(name, strlen(name));

		if (!f)
			return unknown_field(name, error);
		if (n == LIMIT_FIELDS)
			return bus_error_invalid_args(error, "more than %u fields", LIMIT_FIELDS);
		fields[n++] = f->id;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(fields);
	*ret_n = n;
	return 0;
}

int filter_check_joined(const struct query *q, uint32_t groups, sd_bus_error *error)
{
	if (!(groups & GROUP_BIT(GROUP_peer)) || !query_wants_kernel(q))
		return 0;
	return bus_error_invalid_args(error, "autobound does not go together with fields of the other end (peer_...)");
}
