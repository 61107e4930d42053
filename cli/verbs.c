/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs of sockctl, and --help, which is made of their table and that of the options */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "query/query.h"

const struct verb verb_rows[VERB_COUNT] = {
	[VERB_SHOW] = { "show", "[TARGET...] [FILTER...]", 0, -1, verb_show, "List sockets, or show one whole (the default)" },
	[VERB_STAT] = { "stat", "[TARGET...] [FILTER...]", 0, -1, verb_stat, "Count sockets by kind and state" },
	[VERB_MONITOR] = { "monitor", "[TARGET...] [FILTER...]", 0, -1, verb_monitor, "Print what opens, changes and closes" },
	[VERB_KILL] = { "kill", "TARGET...|FILTER...", 0, -1, verb_kill, "Have sockets destroyed, after asking" },
	[VERB_INTERNALS] = { "internals", "TARGET... [FILTER...]", 1, -1, verb_internals, "Show struct socket and struct sock of sockets" },
	[VERB_FLOW] = { "flow", "TARGET... [FILTER...]", 1, -1, verb_flow, "Draw the way of data through the kernel" },
	[VERB_PEERS] = { "peers", "[TARGET...] [FILTER...]", 0, -1, verb_peers, "List connections within the host, both ends on a line" },
	[VERB_STATUS] = { "status", "", 0, 0, verb_status, "Say how the daemon is, and what it lacks" },
	[VERB_DESCRIBE] = { "describe", "[FIELD...]", 0, -1, verb_describe, "Say what fields mean" },
	[VERB_RECORD] = { "record", "FILE [FILTER...]", 1, -1, verb_record, "Write all there is to know to a file, for --file" },
	[VERB_HELP] = { "help", "[VERB]", 0, 1, verb_help, "Show help" },
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (!strcmp(verb_rows[i].name, name))
			return &verb_rows[i];
	return NULL;
}

bool verb_is_misspelt(const char *word)
{
	CLEANUP(query_free) struct query *q = NULL;
	/* These open a clause, and are no filter alone. */
	static const char *const openers[] = { "state", "exclude", "excl", "src", "dst", "not", "has", "dev", "fwmark", "cgroup" };
	struct query_error error;

	if (word[strspn(word, "abcdefghijklmnopqrstuvwxyz-")])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++)
		if (!strcmp(openers[i], word))
			return false;
	if (field_find(word, strlen(word)))
		return false;
	return query_parse(&q, word, strlen(word), &error) == -EINVAL;
}

/* Where the explanations begin. */
#define HELP_COLUMN 30

static void print_row(struct buffer *b, const char *left, const char *help)
{
	size_t len = strlen(left);

	buffer_put(b, "  ", 2);
	buffer_put(b, left, len);
	if (len + 4 > HELP_COLUMN) {
		buffer_char(b, '\n');
		len = 0;
		buffer_fill(b, ' ', HELP_COLUMN);
	} else {
		buffer_fill(b, ' ', HELP_COLUMN - 2 - len);
	}
	buffer_string(b, help);
	buffer_char(b, '\n');
}

static void print_option(struct buffer *b, const struct option_row *row)
{
	bool optional = row->arg && row->arg[0] == '[';
	char left[64];
	int n;

	n = snprintf(left, sizeof(left), row->key < 256 ? "-%c" : "   ", row->key);
	if (row->name)
		n += snprintf(left + n, sizeof(left) - (size_t)n, "%s--%s", row->key < 256 ? ", " : " ", row->name);
	if (row->arg && optional)
		snprintf(left + n, sizeof(left) - (size_t)n, "[=%s", row->arg + 1);
	else if (row->arg)
		snprintf(left + n, sizeof(left) - (size_t)n, "%c%s", row->name ? '=' : ' ', row->arg);
	print_row(b, left, row->help);
}

static void print_options(struct buffer *b, const char *title, unsigned verbs)
{
	buffer_printf(b, "\n%s:\n", title);
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].verbs & verbs)
			print_option(b, &option_rows[i]);
}

static void print_verb(struct buffer *b, const struct verb *v)
{
	buffer_printf(b, "sockctl [OPTIONS...] %s %s\n\n%s.\n", v->name, v->args, v->help);
	print_options(b, "Options", VERB_BIT(v - verb_rows));
}

static void print_all(struct buffer *b)
{
	buffer_string(b, "sockctl [OPTIONS...] [VERB] [ARGUMENTS...]\n\nThe sockets of this host.\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_COUNT; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", verb_rows[i].name, verb_rows[i].args);
		print_row(b, left, verb_rows[i].help);
	}
	print_options(b, "Options", VERBS_ALL);
	buffer_string(b, "\nTARGET: :443  tcp:443  10.0.0.1:443  [::1]:22  /run/x.sock  @abstract  pid:123  ino:123  sk:COOKIE\n"
			 "FILTER: state established and (sport = :22 or dport = :22) and rtt > 20ms\n"
			 "See sockctl(1); sockctl describe lists the fields.\n");
}

int version_print(void)
{
	CLEANUP(output_deinit) struct output o;

	output_init(&o, COLOUR_NEVER, false);
	buffer_string(&o.buffer, "sockctl " SOCKETD_VERSION "\n");
	return output_finish(&o);
}

int help_print(const struct arguments *arg, const struct verb *v)
{
	CLEANUP(output_deinit) struct output o;

	output_init(&o, arg->colours, !arg->no_pager);
	if (v)
		print_verb(&o.buffer, v);
	else
		print_all(&o.buffer);
	output_lines_from(&o, 0);
	return output_finish(&o);
}

int verb_help(const struct arguments *arg)
{
	const struct verb *v = arg->n_words ? verb_find(arg->words[0]) : NULL;

	if (arg->n_words && !v) {
		message("no such verb: %s; see sockctl --help", message_safe(arg->words[0]));
		return EXIT_USAGE;
	}
	return help_print(arg, v);
}
