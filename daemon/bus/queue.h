/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes that wait in one piece: appended at the end, taken from the start */

#ifndef SOCKETD_BUS_QUEUE_H
#define SOCKETD_BUS_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"

struct queue {
	uint8_t *data; /* aligned to 8 */
	size_t start, end, size;
};

void queue_deinit(struct queue *q);
DEFINE_CLEANUP(struct queue, queue_deinit)

/* -ENOMEM: then nothing was appended. */
int queue_append(struct queue *q, const void *data, size_t len);

/* Appends all that an arena holds, which is consumed in either case. */
int queue_append_arena(struct queue *q, struct arena *a);

/* Takes len bytes off the start. An empty queue holds little memory. */
void queue_consume(struct queue *q, size_t len);

static inline size_t queue_pending(const struct queue *q)
{
	return q->end - q->start;
}

#endif
