/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of an arena, a batch at a time, while the table's entries of the batch are on their way to the cache */

#ifndef SOCKETD_TRACK_BATCH_H
#define SOCKETD_TRACK_BATCH_H

#include "snapshot/arena.h"
#include "track/sight.h"
#include "track/table.h"

typedef int (*batch_each)(void *ctx, const struct message *m, const struct sight *s);

/*
 * Consumes the MESSAGES and LINES blocks of the arena. What names no identity
 * or is too short is left out. Ends with what `each` returns below 0.
 */
int batch_walk(struct arena *a, const struct track_table *table, batch_each each, void *ctx);

#endif
