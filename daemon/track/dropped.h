/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends of sockets whose notice the kernel dropped: found by a sweep after all, or lost */

#ifndef SOCKETD_TRACK_DROPPED_H
#define SOCKETD_TRACK_DROPPED_H

#include <stdbool.h>
#include <stdint.h>

#define PASS_MISSED_MAX 2 /* passes in a row without a socket that mean its end */

/*
 * How many were dropped is known, but not which. Those that a pass had seen are
 * found gone by the sweeps of the next PASS_MISSED_MAX passes, and claimed: their
 * ends are told then. The others never were seen: of each an opening and a
 * closing are lost. Starts as zeros.
 *
 * There is one for each namespace, of which there is one socket that drops: a
 * sweep behind a pass in which one namespace could not be read settles the others. A claim
 * is of the namespace that the socket was in, so that the sum over all is exact.
 */
struct dropped {
	struct {
		uint64_t n;
		uint64_t n_heard; /* of those: while somebody listened */
	} by_age[PASS_MISSED_MAX + 1]; /* in sweeps of passes that began since */
};

/* In a pass: what it has read already can be of a socket whose notice was dropped. */
void dropped_add(struct dropped *d, uint64_t n, bool in_pass, bool heard);

/* A sweep found one gone of which the kernel should have told. */
void dropped_claim(struct dropped *d);

/* A sweep is over. How many are lost that no other can find. */
uint64_t dropped_settle(struct dropped *d, uint64_t *ret_n_heard);

/* No sweep comes any more. How many are lost. */
uint64_t dropped_finish(const struct dropped *d, uint64_t *ret_n_heard);

/* Nobody listens any more. */
void dropped_unhear(struct dropped *d);

#endif
