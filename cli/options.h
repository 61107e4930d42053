/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line, parsed: what every verb is handed */

#ifndef SOCKETD_CLI_OPTIONS_H
#define SOCKETD_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/colour.h"
#include "cli/selection.h"

enum format {
	FORMAT_TABLE,
	FORMAT_CSV,
	FORMAT_TSV,
	FORMAT_KV,
	FORMAT_JSON,        /* one line */
	FORMAT_JSON_PRETTY,
	FORMAT_JSON_SEQ,    /* one object a line, RS before each (RFC 7464) */
	FORMAT_JSON_LINES,  /* without RS */
};

static inline bool format_is_json(enum format f)
{
	return f >= FORMAT_JSON;
}

/* Handed to a verb, which changes nothing in it. Strings are those of argv. */
struct arguments {
	const char *file, *bus;
	bool direct, authorize;

	enum format format;
	enum colour_mode colours;
	bool no_pager, no_legend, no_header, quiet;

	struct selection selection;
	const char *netns; /* -N */
	bool as_ss;        /* a letter of ss was given: its table is expected */
	const char *columns, *template, *sort, *group_by;
	uint64_t limit; /* UINT64_MAX for none */
	bool extended, memory, info, timers, oneline, no_queues, resolve, no_owners, exists;

	const char *by; /* stat */

	bool dot; /* flow */

	bool yes, dry_run; /* kill */

	/* monitor */
	bool only_open, only_close, only_state; /* none: all kinds of events */
	bool initial;
	uint64_t count; /* UINT64_MAX for no end */

	/* How old an answer may be that others caused; UINT64_MAX when that is the daemon's to say. */
	uint64_t max_age_usec;

	char **words; /* what follows the verb */
	int n_words;
};

struct verb;

/* An option's row: parsing, --help, completion and the checks of the man page go by it. */
struct option_row {
	int key;          /* a letter, or a number above those that letters have */
	const char *name; /* long name, or NULL */
	const char *arg;  /* what its argument is called, in brackets when it may be left out; NULL for none */
	unsigned verbs;   /* mask of VERB_BIT: where it has a meaning */
	const char *help;
};

extern const struct option_row option_rows[];
extern const size_t n_option_rows;

/*
 * Parses the command line. -1 when the verb is to be run; else the exit code
 * with which all is done (--version) or wrong, which was said.
 */
int options_parse(struct arguments *ret, const struct verb **ret_verb, int argc, char **argv);

/* The words that follow the verb, joined by blanks: one filter. free() it. */
char *options_join(const struct arguments *arg, int first);

#endif
