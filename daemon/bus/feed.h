/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an answer's blocks come from: the kernel, with what is remembered added, or a reading that is kept */

#ifndef SOCKETD_BUS_FEED_H
#define SOCKETD_BUS_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/caller.h"
#include "manager.h"
#include "model/cleanup.h"
#include "query/query.h"
#include "snapshot/arena.h"

struct feed;
struct reading;

struct feed_ask {
	const struct query *query; /* lives as long as the feed */
	uint32_t groups;
	struct caller caller;
	/* TCP connections may be found in the tracker's table when it is not older than this. */
	uint64_t table_age_usec;
	/* Not NULL: the filter as text, and a kept reading that is not older than max_age_usec will do. */
	const char *text;
	uint64_t max_age_usec;
	bool joined; /* with text: nothing goes out, all is looked up in the reading itself, which has the other ends */
};

/* The groups that rows of a query with these fields (NULL: all that a listing can show) need. -ENOMEM. */
int feed_groups(const struct query *q, const enum field_id *fields, size_t n_fields, uint32_t *ret);

/*
 *	kernel -> acquire -> [annotate ->] out
 *
 * wake is called from the event loop when it is worth to step, as feed_arm()
 * said. Errors as acquire_new, and -EDQUOT of readings_get.
 */
int feed_new(struct feed **ret, struct manager *m, const struct feed_ask *ask, struct arena *out, void (*wake)(void *ctx),
	     void *ctx);
struct feed *feed_free(struct feed *f);
DEFINE_CLEANUP_PTR(struct feed, feed_free)

enum feed_result {
	FEED_DONE = 0, /* all is in out, END too */
	FEED_MORE = 1,
	FEED_WAIT = 2, /* nothing can be done now */
};

/* A bounded piece of work; never blocks. enum feed_result or a negative errno. */
int feed_step(struct feed *f);

/* After FEED_DONE of a joined one: the reading, which lives as long as the feed. */
struct reading *feed_reading(struct feed *f);

enum feed_wait {
	FEED_NOTHING, /* the caller waits for something else */
	FEED_TURN,    /* when it is our turn again: calls of other clients go first */
	FEED_INPUT,   /* after FEED_WAIT */
};
int feed_arm(struct feed *f, enum feed_wait wait);

/* A slice of work for one caller ends after this time: others wait meanwhile. CLOCK_MONOTONIC. */
#define FEED_SLICE_USEC 3000u
uint64_t feed_clock_usec(void);

#endif
