/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an option sets, and the reading of its argument */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/buffer.h"
#include "cli/exit.h"
#include "cli/message.h"
#include "cli/option_values.h"
#include "model/cleanup.h"
#include "model/words.h"
#include "query/number.h"

/* One of a list of words, by its place; -1 is none of them, and said. */
static int word_index(const char *option, const char *value, const char *const *words, size_t n_words)
{
	char list[256];
	size_t n = 0;

	for (size_t i = 0; i < n_words; i++)
		if (!strcmp(value, words[i]))
			return (int)i;
	for (size_t i = 0; i < n_words; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", words[i]);
	message("%s: \"%s\" is none of %s", option, message_safe(value), list);
	return -1;
}

static int parse_json(struct arguments *a, const char *mode)
{
	static const char *const words[] = { "short", "pretty", "seq", "off" };
	static const enum format formats[] = { FORMAT_JSON, FORMAT_JSON_PRETTY, FORMAT_JSON_LINES, FORMAT_TABLE };
	int i = mode ? word_index("--json", mode, words, ARRAY_SIZE(words)) : 0;

	if (i < 0)
		return EXIT_USAGE;
	a->format = formats[i];
	return -1;
}

static int parse_output(struct arguments *a, const char *format)
{
	/* In the order of enum format. */
	static const char *const words[] = { "table", "csv", "tsv", "kv", "json", "json-pretty", "json-seq" };
	int i = word_index("--output", format, words, ARRAY_SIZE(words));

	if (i < 0)
		return EXIT_USAGE;
	a->format = (enum format)i;
	return -1;
}

static int parse_color(struct arguments *a, const char *when)
{
	static const char *const words[] = { "auto", "always", "never" };
	int i = word_index("--color", when, words, ARRAY_SIZE(words));

	if (i < 0)
		return EXIT_USAGE;
	a->colours = (enum colour_mode)i;
	return -1;
}

/* What strtoull also takes is none: blanks and signs before the digits. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_number(const char *option, const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (errno || *end || !is_digit(*text)) {
		message("%s: \"%s\" is not a number", option, message_safe(text));
		return EXIT_USAGE;
	}
	return -1;
}

/* A time as filters have it ("500ms", "1m"); digits alone are seconds. */
static int parse_max_age(struct arguments *a, const char *text)
{
	const struct field *usec = field_get(F_age);
	struct number n;
	char *end;

	errno = 0;
	a->max_age_usec = strtoull(text, &end, 10);
	if (!errno && !*end && is_digit(*text) && a->max_age_usec < UINT64_MAX / 1000000) {
		a->max_age_usec *= 1000000;
		return -1;
	}
	if (number_scan(usec, text, strlen(text), &n) < 0 || n.negative || n.whole == UINT64_MAX) {
		message("--max-age: \"%s\" is not a time, such as 500ms or 5s", message_safe(text));
		return EXIT_USAGE;
	}
	a->max_age_usec = n.whole;
	return -1;
}

static int parse_query(struct arguments *a, const char *list)
{
	const char *bad;
	size_t len;

	if (selection_add_query(&a->selection, list, &bad, &len) == 0)
		return -1;
	message("-A: \"%s\" is none of: %s", message_safe_n(bad, len), selection_query_names);
	return EXIT_USAGE;
}

static int parse_family(struct arguments *a, const char *family)
{
	CLEANUP(buffer_deinit) struct buffer names = { 0 };

	if (selection_add_family(&a->selection, family) == 0)
		return -1;
	for (size_t i = 0; i < words_family.n_rows; i++)
		buffer_printf(&names, " %s", words_family.rows[i].word);
	message("-f: \"%s\" is none of: link%.*s", message_safe(family), (int)names.len, names.data);
	return EXIT_USAGE;
}

/* What a letter of ss selects; 0 for other options. */
static uint32_t kinds_of(int key)
{
	switch (key) {
	case 't':
		return SELECT_BIT(tcp);
	case 'u':
		return SELECT_BIT(udp);
	case 'x':
		return SELECT_UNIX;
	case 'w':
		return SELECT_BIT(raw);
	case '0':
		return SELECT_PACKET;
	case 'S':
		return SELECT_BIT(sctp);
	case 'M':
		return SELECT_BIT(mptcp);
	case 'd':
		return SELECT_BIT(dccp);
	case KEY_VSOCK:
		return SELECT_VSOCK;
	case KEY_TIPC:
		return SELECT_BIT(tipc);
	case KEY_XDP:
		return SELECT_BIT(xdp);
	}
	return 0;
}

/* Options that set one flag. */
static bool *flag_of(struct arguments *a, int key)
{
	switch (key) {
	case KEY_DIRECT:
		return &a->direct;
	case KEY_NO_PAGER:
		return &a->no_pager;
	case KEY_NO_LEGEND:
		return &a->no_legend;
	case 'q':
		return &a->quiet;
	case '4':
		return &a->selection.inet4;
	case '6':
		return &a->selection.inet6;
	case 'r':
		return &a->resolve;
	case 'e':
		return &a->extended;
	case 'm':
		return &a->memory;
	case 'i':
		return &a->info;
	case 'o':
		return &a->timers;
	case 'O':
		return &a->oneline;
	case 'H':
		return &a->no_header;
	case 'Q':
		return &a->no_queues;
	case KEY_EXISTS:
		return &a->exists;
	case KEY_NO_OWNERS:
		return &a->no_owners;
	case KEY_OPEN:
		return &a->only_open;
	case KEY_CLOSE:
		return &a->only_close;
	case KEY_STATE:
		return &a->only_state;
	case KEY_INITIAL:
		return &a->initial;
	case KEY_DOT:
		return &a->dot;
	case KEY_AUTHORIZE:
		return &a->authorize;
	case KEY_YES:
		return &a->yes;
	case KEY_DRY_RUN:
		return &a->dry_run;
	}
	return NULL;
}

/* Options that keep a text. */
static const char **text_of(struct arguments *a, int key)
{
	switch (key) {
	case KEY_FILE:
		return &a->file;
	case KEY_BUS:
		return &a->bus;
	case 'C':
		return &a->columns;
	case KEY_SORT:
		return &a->sort;
	case KEY_GROUP_BY:
		return &a->group_by;
	case KEY_FORMAT:
		return &a->template;
	case KEY_BY:
		return &a->by;
	case 'N':
		return &a->netns;
	}
	return NULL;
}

int option_apply(struct arguments *a, int key, const char *value)
{
	bool *flag = flag_of(a, key);
	const char **text = text_of(a, key);

	/* Those that ss has as well and that are about what a row says; -n is what we do anyway. */
	a->as_ss |= key < 256 && strchr("tuxw0SMdlaB46fApTemioOHQ", key);
	if (flag) {
		*flag = true;
		return -1;
	}
	if (text) {
		*text = value;
		return -1;
	}
	a->selection.kinds |= kinds_of(key);
	switch (key) {
	case KEY_COLOR:
		return parse_color(a, value);
	case KEY_JSON:
		return parse_json(a, value);
	case 'j':
		a->format = isatty(STDOUT_FILENO) ? FORMAT_JSON_PRETTY : FORMAT_JSON;
		return -1;
	case KEY_OUTPUT:
		return parse_output(a, value);
	case KEY_LIMIT:
		return parse_number("--limit", value, &a->limit);
	case KEY_COUNT:
		return parse_number("--count", value, &a->count);
	case KEY_FRESH:
		a->max_age_usec = 0;
		return -1;
	case KEY_MAX_AGE:
		return parse_max_age(a, value);
	case 'l':
		a->selection.states = STATES_SHOW_LISTENING;
		return -1;
	case 'a':
		a->selection.states = STATES_SHOW_ALL;
		return -1;
	case 'B':
		a->selection.states = STATES_SHOW_BOUND;
		return -1;
	case 'f':
		return parse_family(a, value);
	case 'A':
		return parse_query(a, value);
	}
	return -1;
}
