/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of an answer, one after another, and how whole it was */

#ifndef SOCKETD_CLI_ROWS_H
#define SOCKETD_CLI_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/columns.h"
#include "cli/feed.h"
#include "cli/options.h"
#include "decode/record.h"
#include "query/dedupe.h"
#include "query/pairs.h"
#include "query/query.h"
#include "snapshot/messages.h"
#include "snapshot/store.h"

struct rows {
	const struct arguments *arg;
	struct query *query; /* letters and text: what is asked and matched */
	char *expression;    /* the same as text */
	bool has_target, is_exact; /* of the text alone */
	struct feed *feed;
	struct context *context;
	struct reader reader;
	struct messages messages;
	struct message message; /* of the row that rows_next gave */
	int ahead; /* what messages_next gave for it, if has_ahead */
	bool has_ahead;
	struct record record;
	/*
	 * Where the other ends are asked for, all is read before the first row. Where only UNIX peers are
	 * to be called by their names, UNIX sockets wait and come last.
	 */
	bool joins;
	bool names_unix; /* set before rows_open */
	struct pairs *pairs; /* NULL while nothing was kept */
	struct store kept;
	size_t next_kept;
	bool read_out;
	int kept_end; /* what messages_next said behind the last of them */
	struct pair_end other; /* of record */
	struct dedupe dedupe;
	uint64_t n_matched, n_damaged;
	int error;    /* what ended the answer early */
	bool at_end;  /* all was read */
	bool events;      /* a stream of events: set before rows_open */
	bool asks_tracks; /* ages or rates are to be shown: set before rows_finish */
	bool asks_internals;  /* so are fields that only the kernel module tells: without it that is a failure */
	bool needs_internals; /* nothing else is shown: without the module no row is. Set before rows_open, as the next */
	struct field_set named; /* fields that the user named, beside those of the filter */
	bool wants_internals; /* they are shown where they are there */
	bool has_tracks, lacks_tracks; /* the answer has rows with them, and without */
};

/*
 * Reads the filter: the words of the command line from first on, and the
 * letters of ss. default_states: letters of families alone mean the states that
 * ss lists. -1, or an exit code; then what is wrong was said.
 */
int rows_init(struct rows *r, const struct arguments *arg, int first, bool default_states);
void rows_deinit(struct rows *r);
DEFINE_CLEANUP(struct rows, rows_deinit)

/*
 * Asks; fields as in struct feed_request. -1, or an exit code: also where the
 * filter cannot be answered, for want of the kernel module or of rights.
 */
int rows_open(struct rows *r, const enum field_id *fields, size_t n_fields);

/* The next row that matches is in r->record until the next call. */
bool rows_next(struct rows *r);

/* Where other ends are asked for: reads all there is, matching or not, into r->kept and r->pairs. */
void rows_keep(struct rows *r);

/* A row that came before, as rows_next() gave it. */
bool rows_again(struct rows *r, const struct message *m);

/* -q: opens them; the first that matches says it all. An exit code. */
int rows_probe(struct rows *r);

/* Why rows are missing that were to be read from the feed, or NULL: for people, static text. */
const char *rows_problem(const struct rows *r);

/*
 * Says on stderr what is missing, and gives the exit code of the whole: a
 * damaged answer, sources that could not be read, a TARGET that is not there.
 */
int rows_finish(struct rows *r);

/* The exit code that stands for an errno of a feed. */
int rows_exit_code(const struct arguments *arg, int error);

#endif
