/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line, parsed: the table of options, getopt by it, and what does not go together */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/message.h"
#include "cli/option_values.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "model/cleanup.h"

#define SHOW VERB_BIT(VERB_SHOW)
#define STAT VERB_BIT(VERB_STAT)
#define MONITOR VERB_BIT(VERB_MONITOR)
#define INTERNALS VERB_BIT(VERB_INTERNALS)
#define FLOW VERB_BIT(VERB_FLOW)
#define PEERS VERB_BIT(VERB_PEERS)
#define READING (SHOW | STAT | INTERNALS | FLOW | PEERS | VERB_BIT(VERB_RECORD))
#define KILL VERB_BIT(VERB_KILL)
#define FEED (READING | MONITOR | KILL)
#define STATUS VERB_BIT(VERB_STATUS)
#define HELP VERB_BIT(VERB_HELP)
#define RECORD VERB_BIT(VERB_RECORD)

const struct option_row option_rows[] = {
	{ 'h', "help", NULL, VERBS_ALL, "Show this help" },
	{ 'V', "version", NULL, VERBS_ALL, "Show the version" },
	{ KEY_FILE, "file", "FILE", FEED & ~KILL, "Answer from a recording (\"-\" is standard input)" },
	{ KEY_DIRECT, "direct", NULL, READING | KILL, "Ask the kernel, not a daemon" },
	{ KEY_BUS, "bus", "ADDRESS", FEED | STATUS, "Where the daemon is: system, session, or an address" },
	{ KEY_AUTHORIZE, "authorize", NULL, FEED, "Ask polkit for the right to see all, and yourself for a password" },
	{ KEY_NO_PAGER, "no-pager", NULL, VERBS_ALL, "Never start a pager" },
	{ KEY_NO_LEGEND, "no-legend", NULL, VERBS_ALL & ~(HELP | RECORD), "Neither header nor footer" },
	{ KEY_COLOR, "color", "WHEN", VERBS_ALL, "Colours: auto, always, never" },
	{ KEY_JSON, "json", "[MODE]", VERBS_ALL & ~(HELP | RECORD), "JSON: short, pretty, seq, off" },
	{ 'j', NULL, NULL, VERBS_ALL & ~(HELP | RECORD), "JSON: pretty on a terminal, else short" },
	{ 'q', "quiet", NULL, (FEED & ~KILL) | STATUS, "Print no rows; status 1 when nothing matches" },

	{ 't', "tcp", NULL, FEED, "TCP sockets" },
	{ 'u', "udp", NULL, FEED, "UDP sockets" },
	{ 'x', "unix", NULL, FEED, "UNIX sockets" },
	{ 'w', "raw", NULL, FEED, "Raw IP sockets" },
	{ '0', "packet", NULL, FEED, "Packet sockets" },
	{ 'S', "sctp", NULL, FEED, "SCTP sockets" },
	{ 'M', "mptcp", NULL, FEED, "MPTCP sockets" },
	{ 'd', "dccp", NULL, FEED, "DCCP sockets" },
	{ KEY_VSOCK, "vsock", NULL, FEED, "VSOCK sockets" },
	{ KEY_TIPC, "tipc", NULL, FEED, "TIPC sockets" },
	{ KEY_XDP, "xdp", NULL, FEED, "XDP sockets" },
	{ 'l', "listening", NULL, FEED, "Listening and unconnected sockets" },
	{ 'a', "all", NULL, FEED, "All states, also with letters of a family" },
	{ 'B', "bound-inactive", NULL, FEED, "TCP sockets that are bound and neither listen nor connect" },
	{ '4', "ipv4", NULL, FEED, "IPv4 sockets" },
	{ '6', "ipv6", NULL, FEED, "IPv6 sockets" },
	{ 'f', "family", "FAMILY", FEED, "inet, inet6, link, unix, netlink, vsock, tipc, xdp, smc" },
	{ 'A', "query", "LIST", FEED, "Tables as ss names them: tcp,udp,unix_dgram,...; !NAME leaves out" },
	{ 'N', "net", "NETNS", FEED, "Network namespace: its name, or a path to it" },
	{ 'n', "numeric", NULL, SHOW | MONITOR | INTERNALS | FLOW | PEERS, "Numbers, not names (the default)" },
	{ 'r', "resolve", NULL, SHOW | MONITOR | INTERNALS | FLOW | PEERS, "Names of hosts and services" },
	{ 'p', "processes", NULL, SHOW, "Owners (the default)" },
	{ 'T', "threads", NULL, SHOW, "As -p: owners are told by process" },
	{ 'e', "extended", NULL, SHOW, "Details: uid, inode, cookie, cgroup, mark, shutdown" },
	{ 'm', "memory", NULL, SHOW, "Details: socket memory" },
	{ 'i', "info", NULL, SHOW, "Details: what the protocol tells of itself" },
	{ 'o', "options", NULL, SHOW, "Details: timers" },
	{ 'O', "oneline", NULL, SHOW, "Details on the socket's own line" },
	{ 'H', "no-header", NULL, SHOW | STAT | PEERS, "No header" },
	{ 'Q', "no-queues", NULL, SHOW, "No columns Recv-Q and Send-Q" },
	{ 's', "summary", NULL, SHOW | STAT, "The same as the verb stat" },
	{ 'K', "kill", NULL, SHOW, "The same as the verb kill" },
	{ KEY_YES, "yes", NULL, KILL | SHOW, "Do not ask before sockets are killed" },
	{ KEY_DRY_RUN, "dry-run", NULL, KILL | SHOW, "Only list what would be killed" },
	{ 'C', "columns", "LIST", SHOW | MONITOR, "Columns: NAME,... instead of the usual, +NAME and -NAME change them; help" },
	{ KEY_SORT, "sort", "FIELDS", SHOW | STAT, "Sort by FIELD[,-FIELD]; - is descending (of stat: with --by)" },
	{ KEY_GROUP_BY, "group-by", "FIELDS", SHOW | STAT, "Count by FIELD[,FIELD]" },
	{ KEY_LIMIT, "limit", "N", SHOW | PEERS, "At most N rows" },
	{ KEY_OUTPUT, "output", "FORMAT", SHOW | STAT | VERB_BIT(VERB_DESCRIBE) | VERB_BIT(VERB_STATUS),
	  "table, csv, tsv, kv, json, json-pretty, json-seq" },
	{ KEY_FORMAT, "format", "TEXT", SHOW, "A line for each socket, with {FIELD} in it" },
	{ KEY_EXISTS, "exists", NULL, SHOW, "Status 1 when nothing matches" },
	{ KEY_NO_OWNERS, "no-owners", NULL, SHOW, "Do not look for owners" },
	{ KEY_BY, "by", "FIELDS", STAT, "Count by FIELD[,FIELD]; sum up queues and rates" },
	{ KEY_FRESH, "fresh", NULL, READING, "Read the kernel anew, and all of it" },
	{ KEY_MAX_AGE, "max-age", "TIME", READING, "An answer may be as old as this: 500ms, 5s" },
	{ KEY_OPEN, "open", NULL, MONITOR, "Sockets that open" },
	{ KEY_CLOSE, "close", NULL, MONITOR, "Sockets that close" },
	{ KEY_STATE, "state", NULL, MONITOR, "Changes of state" },
	{ KEY_INITIAL, "initial", NULL, MONITOR, "First the sockets that are there" },
	{ KEY_COUNT, "count", "N", MONITOR, "End after N events" },
	{ KEY_DOT, "dot", NULL, FLOW, "For Graphviz: sockctl flow --dot :443 | dot -Tsvg" },
};

const size_t n_option_rows = ARRAY_SIZE(option_rows);

/* Second names that ss has for the same. */
static const struct {
	const char *name;
	int key;
} synonyms[] = {
	{ "socket", 'A' },
	{ "colour", KEY_COLOR },
};

static const struct option_row *row_find(int key)
{
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].key == key)
			return &option_rows[i];
	return NULL;
}

#define LONG_MAX_ROWS (ARRAY_SIZE(option_rows) + ARRAY_SIZE(synonyms) + 1)

static int argument_kind(const struct option_row *row)
{
	return !row->arg ? no_argument : row->arg[0] == '[' ? optional_argument : required_argument;
}

/* The tables of getopt_long out of ours. */
static void make_getopt(struct option longs[LONG_MAX_ROWS], char shorts[LONG_MAX_ROWS * 2 + 2])
{
	size_t n = 0, m = 0;

	shorts[m++] = ':'; /* a missing argument is told apart */
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->name)
			longs[n++] = (struct option){ row->name, argument_kind(row), NULL, row->key };
		if (row->key < 256) {
			shorts[m++] = (char)row->key;
			if (row->arg)
				shorts[m++] = ':';
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++)
		longs[n++] = (struct option){ synonyms[i].name, argument_kind(row_find(synonyms[i].key)), NULL,
					      synonyms[i].key };
	longs[n] = (struct option){ 0 };
	shorts[m] = '\0';
}

/* getopt refused: '?' unknown, ':' without its argument. */
static int refuse(int c, char **argv)
{
	const char *word = argv[optind - 1];

	if (optopt && optopt < 256 && c == ':')
		message("-%c needs an argument; see sockctl --help", optopt);
	else if (optopt && optopt < 256)
		message("no such option: -%s; see sockctl --help", message_safe_n((const char[]){ (char)optopt }, 1));
	else if (c == ':')
		message("%s needs an argument; see sockctl --help", message_safe(word));
	else if (optopt)
		message("%s takes no argument; see sockctl --help", message_safe(word));
	else
		message("no such option, or not the only one that begins so: %s; see sockctl --help", message_safe(word));
	return EXIT_USAGE;
}

static bool is_given(uint64_t given, int key)
{
	return given & UINT64_C(1) << (row_find(key) - option_rows);
}

/* Options of which one would be left out of account. */
static int refuse_contrary(uint64_t given)
{
	static const int pairs[][2] = {
		{ KEY_JSON, KEY_OUTPUT },
		{ 'j', KEY_OUTPUT },
		{ KEY_FORMAT, KEY_OUTPUT },
		{ KEY_FORMAT, KEY_JSON },
		{ KEY_FORMAT, 'j' },
		{ KEY_FORMAT, 'C' },
		{ KEY_FILE, KEY_DIRECT },
		{ KEY_FILE, KEY_BUS },
		{ KEY_FILE, KEY_FRESH },
		{ KEY_FILE, KEY_MAX_AGE },
		{ KEY_DIRECT, KEY_BUS },
		{ KEY_AUTHORIZE, KEY_FILE },
		{ KEY_AUTHORIZE, KEY_DIRECT },
		{ 'K', KEY_FILE },
		{ 'K', 's' },
		{ 'K', 'q' },
		{ 'K', KEY_GROUP_BY },
		{ KEY_YES, KEY_DRY_RUN },
		{ KEY_GROUP_BY, 'C' },
		{ KEY_GROUP_BY, KEY_SORT },
		{ KEY_GROUP_BY, KEY_FORMAT },
		{ 's', 'C' },
		{ 's', KEY_SORT },
		{ 's', KEY_FORMAT },
		{ 's', KEY_GROUP_BY },
		{ KEY_BY, KEY_GROUP_BY },
		{ KEY_FRESH, KEY_MAX_AGE },
		{ KEY_DOT, KEY_JSON },
		{ KEY_DOT, 'j' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct option_row *a = row_find(pairs[i][0]), *b = row_find(pairs[i][1]);

		if (!is_given(given, a->key) || !is_given(given, b->key))
			continue;
		message("%s%s and --%s do not go together; see sockctl --help", a->name ? "--" : "-",
			a->name ? a->name : (char[]){ (char)a->key, '\0' }, b->name ? b->name : "json");
		return EXIT_USAGE;
	}
	return -1;
}

/* The verb, and whether what was given fits it. */
static int settle_verb(struct arguments *a, const struct verb **ret, uint64_t given)
{
	const struct verb *v = &verb_rows[VERB_SHOW];

	if (a->n_words) {
		const struct verb *named = verb_find(a->words[0]);

		if (named) {
			v = named;
			a->words++;
			a->n_words--;
		} else if (verb_is_misspelt(a->words[0])) {
			message("no such verb: %s; see sockctl --help. To list sockets: sockctl show", message_safe(a->words[0]));
			return EXIT_USAGE;
		}
		/* Else it begins a filter: "sockctl :443" and "sockctl -tan state close-wait" are what fingers type. */
	}
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		if (!(given & (UINT64_C(1) << i)) || row->verbs & VERB_BIT(v - verb_rows))
			continue;
		message("%s%s: not an option of the verb %s; see sockctl help %s", row->name ? "--" : "-",
			row->name ? row->name : (char[]){ (char)row->key, '\0' }, v->name, v->name);
		return EXIT_USAGE;
	}
	if (a->n_words < v->min || (v->max >= 0 && a->n_words > v->max)) {
		message("%s takes %s%s; see sockctl help %s", v->name, a->n_words < v->min ? "an argument: " : "no more than: ",
			*v->args ? v->args : "nothing", v->name);
		return EXIT_USAGE;
	}
	*ret = v;
	return -1;
}

int options_parse(struct arguments *ret, const struct verb **ret_verb, int argc, char **argv)
{
	struct arguments a = { .limit = UINT64_MAX, .count = UINT64_MAX, .max_age_usec = UINT64_MAX };
	struct option longs[LONG_MAX_ROWS];
	char shorts[LONG_MAX_ROWS * 2 + 2];
	bool help = false, summary = false;
	uint64_t given = 0;
	int c, r;

	_Static_assert(ARRAY_SIZE(option_rows) <= 64, "given is a mask of rows");
	make_getopt(longs, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return refuse(c, argv);
		if (c == 'V')
			return version_print();
		help = help || c == 'h';
		summary = summary || c == 's';
		given |= UINT64_C(1) << (row_find(c) - option_rows);
		r = option_apply(&a, c, optarg);
		if (r >= 0)
			return r;
	}
	a.words = argv + optind;
	a.n_words = argc - optind;
	if (help)
		return help_print(&a, a.n_words ? verb_find(a.words[0]) : NULL);
	r = settle_verb(&a, ret_verb, given);
	if (r < 0)
		r = refuse_contrary(given);
	if (r >= 0)
		return r;
	if (*ret_verb == &verb_rows[VERB_SHOW] && !is_given(given, 'K') && (a.yes || a.dry_run)) {
		message("--yes and --dry-run are of the verb kill, and of show with -K; see sockctl help kill");
		return EXIT_USAGE;
	}
	if (is_given(given, 'K'))
		*ret_verb = &verb_rows[VERB_KILL];
	if (summary)
		*ret_verb = &verb_rows[VERB_STAT];
	*ret = a;
	return -1;
}

char *options_join(const struct arguments *a, int first)
{
	size_t len = 1;
	char *text, *end;

	for (int i = first; i < a->n_words; i++)
		len += strlen(a->words[i]) + 1;
	text = end = malloc(len);
	if (!text)
		message_no_memory();
	for (int i = first; i < a->n_words; i++) {
		if (i > first)
			*end++ = ' ';
		end = stpcpy(end, a->words[i]);
	}
	*end = '\0';
	return text;
}
