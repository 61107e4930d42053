/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A point query: the table says which TCP sockets to ask the kernel for */

#ifndef SOCKETD_TRACK_NARROW_H
#define SOCKETD_TRACK_NARROW_H

#include "model/request.h"
#include "query/keys.h"
#include "track/tracker.h"

/* A walk over the kernel's table that costs less than this is made: its answer is of now. */
#define NARROW_WALK_MIN_USEC 10000u
/* Of so few sockets a walk is cheap, whatever the last one was measured to cost on a busy machine. */
#define NARROW_SOCKETS_MIN 4096u

/*
 * Turns the dumps of TCP in a planned request into single gets for the sockets
 * of the table that can match, and a dump of the listeners. Only where that
 * pays, and only when the table is not older than max_age_usec (UINT64_MAX: any
 * age will do). Connections that were opened since the last pass are then not
 * found; req->table_age_usec says how old it is. 1 when the request was
 * narrowed, 0 when it was left as it was, -ENOMEM.
 */
int narrow_request(struct tracker *t, const struct query *q, uint64_t max_age_usec, struct request *req);

/* The same by a table, without a look at whether it pays or is too old. holders may be NULL: then a pid narrows nothing. */
int narrow_by_keys(const struct track_table *t, const struct holders *h, const struct query_key *keys, size_t n_keys,
		   struct request *req);

#endif
