/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets whose opening or closing waits a moment to be told: in the order that they go, for all wait equally long */

#ifndef SOCKETD_TRACK_HEARD_QUEUE_H
#define SOCKETD_TRACK_HEARD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "track/table.h"

#define HEARD_QUEUE_MAX 65536u /* past it the oldest waits no longer */

struct heard_waiting {
	uint64_t cookie; /* 0: it waits no more */
	uint64_t due_usec;
	uint8_t source;
};

/* Starts as zeros. */
struct heard_queue {
	struct heard_waiting *rows;
	size_t first, n, n_allocated; /* allocated: a power of two */
};

void heard_queue_deinit(struct heard_queue *q);

/* False when there is no room, or memory is short. */
bool heard_queue_push(struct heard_queue *q, const struct track_entry *e, uint64_t due_usec);
bool heard_queue_pop(struct heard_queue *q, struct heard_waiting *ret);

/* Whether it waited. All are searched: only when a socket is connected anew. */
bool heard_queue_cancel(struct heard_queue *q, uint64_t cookie);

/* Of the first; UINT64_MAX for none. */
uint64_t heard_queue_due(const struct heard_queue *q);

#endif
