/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes that wait in one piece */

#include <errno.h>
#include <string.h>

#include "bus/queue.h"

#define QUEUE_MIN 4096
/* What an empty queue may keep for the next bytes. */
#define QUEUE_KEEP (64u * 1024)

void queue_deinit(struct queue *q)
{
	free(q->data);
	*q = (struct queue){ 0 };
}

int queue_append(struct queue *q, const void *data, size_t len)
{
	size_t pending = queue_pending(q), want = q->size ? q->size : QUEUE_MIN;

	if (q->size - q->end < len && q->start) {
		memmove(q->data, q->data + q->start, pending);
		q->start = 0;
		q->end = pending;
	}
	if (q->size - q->end < len) {
		uint8_t *more;

		while (want - q->end < len)
			want *= 2;
		more = realloc(q->data, want);
		if (!more)
			return -ENOMEM;
		q->data = more;
		q->size = want;
	}
	if (len)
		memcpy(q->data + q->end, data, len);
	q->end += len;
	return 0;
}

int queue_append_arena(struct queue *q, struct arena *a)
{
	size_t before = queue_pending(q), len;
	const uint8_t *data;
	int r = 0;

	while ((len = arena_peek(a, &data)) > 0) {
		if (r == 0)
			r = queue_append(q, data, len);
		arena_consume(a, len);
	}
	if (r < 0)
		q->end = q->start + before;
	return r;
}

void queue_consume(struct queue *q, size_t len)
{
	q->start += len;
	if (q->start < q->end)
		return;
	q->start = q->end = 0;
	if (q->size > QUEUE_KEEP)
		queue_deinit(q);
}
