/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One kept reading: what readings.c, which has them made, and reading.c, which walks over them, share */

#ifndef SOCKETD_BUS_READING_H
#define SOCKETD_BUS_READING_H

#include "bus/readings.h"
#include "snapshot/arena.h"
#include "snapshot/context.h"

struct feed;
struct pairs;

enum reading_state { READING_QUEUED, READING_RUNNING, READING_DONE, READING_FAILED };

/* Whole blocks; the first piece begins with the stream's header. */
struct reading_piece {
	uint8_t *data;
	size_t len;
};

struct reading {
	struct readings *owner;
	struct reading *next;
	char *filter;
	struct query *query;
	uint32_t groups;
	struct caller caller; /* who had it made */
	uint64_t table_age_usec; /* that was allowed */
	uint64_t begin_usec;     /* CLOCK_MONOTONIC */
	enum reading_state state;
	int error;
	unsigned n_refs;
	struct reading_waiter *waiters;
	sd_event_source *keeper; /* while nobody holds it */
	struct feed *feed;       /* while it is under way */
	struct arena arena;
	struct reading_piece *pieces;
	size_t n_pieces, size;
	struct context *context;
	struct pairs *pairs;         /* of a reading with GROUP_peer, when it is complete */
	struct reading_walk *joiner; /* over the rows that are not in it yet */
};

/* Takes in a run of whole blocks. -ENOMEM, -EBADMSG; -E2BIG of context_apply(). */
int reading_add_piece(struct reading *r, const uint8_t *data, size_t len);

/* When all pieces are there: joins the ends of some rows. 1 there are more, 0, -ENOMEM, -E2BIG, -EBADMSG. */
int reading_join_step(struct reading *r);

#endif
