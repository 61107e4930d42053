/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readings that are kept for a moment: for typed replies, pages, and callers who take what is not too old */

#ifndef SOCKETD_BUS_READINGS_H
#define SOCKETD_BUS_READINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/caller.h"
#include "manager.h"
#include "model/cleanup.h"
#include "query/query.h"
#include "snapshot/messages.h"

/* Freed so long after the last one let go of it. */
#define READING_KEEP_USEC (2 * 1000000ull)

struct readings;
struct reading;

int readings_new(struct readings **ret, struct manager *m);
struct readings *readings_free(struct readings *r);
DEFINE_CLEANUP_PTR(struct readings, readings_free)

struct reading_ask {
	const char *filter; /* text; with groups and caller it says whether two ask for the same */
	const struct query *query;
	uint32_t groups;
	struct caller caller;
	uint64_t max_age_usec; /* 0: a new one, or one that began after the call came in */
	/* TCP connections may be found in the tracker's table when it is not older than this; 0: they are read. */
	uint64_t table_age_usec;
};

/* Whom to tell. */
struct reading_waiter {
	/* The reading is complete (error 0), or failed: -ENOMEM, -E2BIG over ReadingMemoryMax, and those of acquire. Then it is let go of. */
	void (*done)(struct reading_waiter *w, struct reading *r, int error);
	struct reading_waiter *next;
};

/*
 * A reading of the same text, groups and caller that is young enough, else a new
 * one: while one that is too old for this caller is under way, the next, which
 * all such callers share. done comes from the event loop, never from within. 0
 * and a reference; -EDQUOT over ReadingsPerSecond of this user; errors of acquire_new.
 */
int readings_get(struct readings *rs, const struct reading_ask *ask, struct reading_waiter *w, struct reading **ret);

/* One more reading of this caller now: false over ReadingsPerSecond. Root may always, and whom polkit lets. */
bool readings_take_token(struct readings *rs, const struct caller *caller);

/* Lets go; the waiter is not called any more. */
void reading_put(struct reading *r, struct reading_waiter *w);

/* How old the tracker's table was that its TCP connections were found in; 0 when they were read. */
uint64_t reading_table_age_usec(const struct reading *r);

/* A walk over a complete reading, from its beginning; many can walk at once. The reading is held by the caller as long. */
struct reading_walk;
int reading_walk_new(struct reading_walk **ret, struct reading *r);
struct reading_walk *reading_walk_free(struct reading_walk *w);
DEFINE_CLEANUP_PTR(struct reading_walk, reading_walk_free)
/* NETNS and LINK blocks of a complete reading: what its rows name, for who is handed rows alone. -ENOMEM. */
int reading_write_places(const struct reading *r, struct arena *out);
/* As messages_next. */
int reading_walk_next(struct reading_walk *w, struct message *ret);
/* Gives an open record of it its other end, until the next call; nothing in readings without GROUP_peer. */
void reading_walk_attach(struct reading_walk *w, struct record *r);
/* What records are opened with: the whole reading's, one for all walks. */
const struct context *reading_walk_context(const struct reading_walk *w);
/* Instead of messages: the blocks as they are, whole ones, about max bytes and one block at least; 0 at the end. */
size_t reading_walk_run(struct reading_walk *w, size_t max, const uint8_t **ret);
/* The same for a reader. */
struct input reading_walk_input(struct reading_walk *w);

/* The typed replies that walk over readings, ended with them (bus/survey.h). */
struct survey;
struct survey **readings_surveys(struct readings *r);

size_t readings_memory(const struct readings *r);

#endif
