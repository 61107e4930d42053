/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs of sockctl */

#ifndef SOCKETD_CLI_VERBS_H
#define SOCKETD_CLI_VERBS_H

#include <stddef.h>

#include "cli/options.h"

enum verb_id {
	VERB_SHOW,
	VERB_STAT,
	VERB_MONITOR,
	VERB_KILL,
	VERB_INTERNALS,
	VERB_FLOW,
	VERB_PEERS,
	VERB_STATUS,
	VERB_DESCRIBE,
	VERB_RECORD,
	VERB_HELP,
	VERB_COUNT
};

#define VERB_BIT(v) (1u << (v))
#define VERBS_ALL (VERB_BIT(VERB_COUNT) - 1)

struct verb {
	const char *name;
	const char *args; /* for --help */
	int min, max;     /* words that follow; max -1 is any number */
	int (*run)(const struct arguments *arg); /* an exit code */
	const char *help;
};

/* By enum verb_id. */
extern const struct verb verb_rows[VERB_COUNT];

/* NULL when there is none of this name. */
const struct verb *verb_find(const char *name);

/* Whether a word was meant as a verb: letters only, and neither a word of the filter language nor a field. */
bool verb_is_misspelt(const char *word);

int verb_show(const struct arguments *arg);
int verb_stat(const struct arguments *arg);
int verb_monitor(const struct arguments *arg);
int verb_kill(const struct arguments *arg);
int verb_internals(const struct arguments *arg);
int verb_flow(const struct arguments *arg);
int verb_peers(const struct arguments *arg);
int verb_status(const struct arguments *arg);
int verb_describe(const struct arguments *arg);
int verb_record(const struct arguments *arg);
int verb_help(const struct arguments *arg);

int version_print(void);

/* All verbs and options. */
int help_print(const struct arguments *arg, const struct verb *v);

#endif
