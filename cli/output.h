/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Standard output: buffered, and through a pager when the answer is longer than the screen */

#ifndef SOCKETD_CLI_OUTPUT_H
#define SOCKETD_CLI_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/buffer.h"
#include "cli/colour.h"

struct output {
	struct buffer buffer; /* callers append here, then say output_lines */
	int fd;
	int error;      /* errno of the first write that failed */
	bool terminal;  /* a person reads */
	bool colours;
	bool undecided; /* everything is kept until the screen is full: then comes the pager */
	unsigned n_lines, screen_lines;
	pid_t pager;    /* 0 when there is none */
};

void output_init(struct output *o, enum colour_mode colours, bool use_pager);
void output_deinit(struct output *o);
DEFINE_CLEANUP(struct output, output_deinit)

/* The buffer ends with n more whole lines: now it may be written. */
void output_lines(struct output *o, unsigned n);

/* The same of all that stands in the buffer from this place on. */
void output_lines_from(struct output *o, size_t place);

/* Width of the screen, or 0 when nobody looks. */
unsigned output_columns(const struct output *o);

/* Writes what there is: for who prints as things happen. */
void output_flush(struct output *o);

/* Nobody reads any more, or the disk is full: rows need not be made. */
static inline bool output_failed(const struct output *o)
{
	return o->error != 0;
}

/*
 * Writes the rest and waits for the pager. An exit code. Where the reader of a
 * pipe has gone (head), ends the program with SIGPIPE as other filters end,
 * without a word; leaving the pager is not a failure.
 */
int output_finish(struct output *o);

#endif
