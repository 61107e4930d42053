/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One reading: the sources of a request one after another, written as a block stream */

#ifndef SOCKETD_SOURCE_ACQUIRE_H
#define SOCKETD_SOURCE_ACQUIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/request.h"
#include "snapshot/arena.h"
#include "snapshot/reader.h"
#include "source/owners.h"

/*
 * The reading is a state machine that a loop drives: acquire_step() does a
 * bounded piece of work (one receive, one file, one slice of a copy) and never
 * blocks. The owner scan runs in a child process at the same time as the dumps;
 * its blocks go before the messages, which wait in the arena until it is done.
 *
 * Of the namespaces of a request ours is read first, then each of the others by
 * sockets that are opened inside when its turn comes and closed after: as long as
 * a reading stands still, it keeps the one where it is. One that vanished is passed
 * over; one that cannot be entered is counted in END.
 */
struct acquire;

/*
 * A memory of owners that the scan for root feeds and is spared by. begin: what
 * may be left out, or -EBUSY when another scan feeds it now (then all is
 * scanned, and it is not fed). block: as owner_sink. end: once when begin said 0,
 * -ECANCELED where the scan was not awaited to its end.
 */
struct acquire_owners {
	int (*begin)(void *ctx, struct owners_known *ret);
	int (*block)(void *ctx, const struct block *b, struct arena *out);
	void (*end)(void *ctx, int error);
	void *ctx;
};

/*
 * Copies the request. The arena is not owned, nor are owners, which may be NULL
 * and are told of an end before acquire_free returns at the latest. The stream's
 * header and HOST block are written at once. -ENOMEM, -E2BIG for a request with
 * too much, and errors of opening netlink.
 */
int acquire_new(struct acquire **ret, const struct request *req, struct arena *out,
		const struct acquire_owners *owners);

/*
 * Bounds the memory in which messages wait for the owners: past max bytes the
 * dumps pause, in the kernel, until the scan is over. 0, the default, is no bound.
 */
void acquire_limit_held(struct acquire *a, size_t max);

/* Ends the child, closes everything. */
struct acquire *acquire_free(struct acquire *a);
DEFINE_CLEANUP_PTR(struct acquire, acquire_free)

enum acquire_result {
	ACQUIRE_DONE = 0,  /* END was written */
	ACQUIRE_MORE = 1,  /* call again when you like */
	ACQUIRE_WAIT = 2,  /* call again when the descriptor is readable, or after acquire_timeout_usec */
};

/*
 * A piece of work. enum acquire_result, or -ENOMEM. What goes wrong with one
 * source ends in its SOURCE_END block and the reading goes on.
 */
int acquire_step(struct acquire *a);

/* The descriptor to wait for with ACQUIRE_WAIT. It can change from step to step. */
int acquire_fd(const struct acquire *a);

/* Microseconds after which a step is due though the descriptor is silent: a source that does not answer is given up. */
uint64_t acquire_timeout_usec(const struct acquire *a);

#endif
