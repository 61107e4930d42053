/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A walk over the rows of a filter, for a typed reply: in slices, from a reading that is kept */

#ifndef SOCKETD_BUS_SURVEY_H
#define SOCKETD_BUS_SURVEY_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "bus/call.h"
#include "bus/filter.h"
#include "decode/record.h"

struct survey;

enum survey_end {
	SURVEY_OVER = 0,  /* it was replied */
	SURVEY_KEEP = 1,  /* it was replied; the walk goes on with survey_resume() */
	SURVEY_AGAIN = 2, /* nothing was found, and the table is not new: look at all sockets */
};

/* What is done with the rows; state is the owner's. */
struct survey_ops {
	/* A row that matches, each once. 0 go on, 1 no more for now, or a negative errno, which ends the call. */
	int (*row)(void *state, struct record *r);
	/* No more rows, or (more) none for now: sends the reply. enum survey_end, or a negative errno, with or without the error. */
	int (*end)(void *state, struct survey *s, bool more, sd_bus_error *error);
	/* A slice is done, before there is room for others. 0, or as row. May be NULL. */
	int (*slice)(void *state, sd_bus_error *error);
	void (*free)(void *state);
};

struct survey_ask {
	struct filter *filter; /* taken over */
	uint32_t groups;
	struct caller caller;
	uint64_t table_age_usec; /* as in struct reading_ask */
};

/*
 * Begins, as the answer to a call; state is taken over in any case. Returns 0,
 * or a negative errno with the error filled.
 */
int survey_start(struct manager *m, sd_bus_message *call, const struct survey_ask *ask, const struct survey_ops *ops,
		 void *state, sd_bus_error *error);

/* Goes on, as the answer to another call. 0, or -ENOMEM: then it is as before. */
int survey_resume(struct survey *s, sd_bus_message *call);

/* The call that is to be replied to. */
sd_bus_message *survey_message(const struct survey *s);

struct survey *survey_next(const struct survey *s);
/* The state of a survey with these ops, else NULL. */
void *survey_state(const struct survey *s, const struct survey_ops *ops);
const struct caller *survey_caller(const struct survey *s);
/* Whether it was the tracker's table that said which connections there are. */
bool survey_is_narrowed(const struct survey *s);

/* The call that waits for it, if one does, has no reply. */
void survey_free(struct survey *s);

#endif
