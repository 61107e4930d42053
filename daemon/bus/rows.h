/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a reading in an arena to JSON text, a slice at a time */

#ifndef SOCKETD_BUS_ROWS_H
#define SOCKETD_BUS_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/cleanup.h"
#include "model/field.h"
#include "query/query.h"
#include "snapshot/arena.h"

struct rows;

/* Borrows the arena and the query; copies the fields. -ENOMEM. */
int rows_new(struct rows **ret, struct arena *in, const struct query *q, const enum field_id *fields, size_t n_fields,
	     bool record_separator);
struct rows *rows_free(struct rows *r);
DEFINE_CLEANUP_PTR(struct rows, rows_free)

/*
 * For rows with their other ends, which are in a reading that is kept: the rows come from there,
 * not from the arena. It must live as long. -ENOMEM.
 */
struct reading;
int rows_take_reading(struct rows *r, struct reading *reading);

/*
 * Decodes some rows. 1 there may be more; 0 all was decoded and the closing
 * object is in the text; -EAGAIN the arena is empty; -ENOMEM; -EBADMSG.
 */
int rows_step(struct rows *r);

/* The text that waits; rows_sent says how much of it went. */
const char *rows_text(const struct rows *r, size_t *ret_len);
void rows_sent(struct rows *r, size_t n);

#endif
