/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets whose opening or closing waits a moment to be told */

#include "track/heard_queue.h"

#include <stdlib.h>

#define QUEUE_FIRST 64u

void heard_queue_deinit(struct heard_queue *q)
{
	free(q->rows);
	*q = (struct heard_queue){};
}

static struct heard_waiting *row_at(const struct heard_queue *q, size_t i)
{
	return &q->rows[(q->first + i) & (q->n_allocated - 1)];
}

static bool queue_grow(struct heard_queue *q)
{
	size_t n = q->n_allocated > 0 ? 2 * q->n_allocated : QUEUE_FIRST;
	struct heard_waiting *rows;

	if (n > HEARD_QUEUE_MAX)
		return false;
	rows = calloc(n, sizeof(*rows));
	if (!rows)
		return false;
	for (size_t i = 0; i < q->n; i++)
		rows[i] = *row_at(q, i);
	free(q->rows);
	q->rows = rows;
	q->first = 0;
	q->n_allocated = n;
	return true;
}

bool heard_queue_pop(struct heard_queue *q, struct heard_waiting *ret)
{
	if (q->n == 0)
		return false;
	*ret = *row_at(q, 0);
	q->first++;
	q->n--;
	return true;
}

bool heard_queue_push(struct heard_queue *q, const struct track_entry *e, uint64_t due_usec)
{
	if (q->n == q->n_allocated && !queue_grow(q))
		return false;
	*row_at(q, q->n++) = (struct heard_waiting){ .cookie = e->cookie, .due_usec = due_usec, .source = (uint8_t)e->source };
	return true;
}

bool heard_queue_cancel(struct heard_queue *q, uint64_t cookie)
{
	for (size_t i = 0; i < q->n; i++) {
		if (row_at(q, i)->cookie != cookie)
			continue;
		row_at(q, i)->cookie = 0;
		return true;
	}
	return false;
}

uint64_t heard_queue_due(const struct heard_queue *q)
{
	return q->n > 0 ? row_at(q, 0)->due_usec : UINT64_MAX;
}
