/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who calls, and as whom he is answered */

#ifndef SOCKETD_BUS_CALLER_H
#define SOCKETD_BUS_CALLER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Two users in one: what a caller uses (streams, monitors, cursors, readings) is
 * counted by uid; what an answer holds is decided by sees. They differ for one
 * whom polkit lets inspect all. call_run() fills it, nobody else.
 */
struct caller {
	uint32_t uid;   /* 0 for root and for our own user; 65534 who cannot be told */
	uint32_t sees;  /* readings are made for this user; 0 sees all */
	uint32_t real_uid; /* for the log: our own user is none of root there */
	uint32_t pid;   /* 0 when it is not known; it may be gone, and another's by now */
	bool unlimited; /* ReadingsPerSecond does not hold for him */
};

/* Whether one may have what was made for the other. */
static inline bool caller_is_same(const struct caller *a, const struct caller *b)
{
	return a->uid == b->uid && a->sees == b->sees;
}

#endif
