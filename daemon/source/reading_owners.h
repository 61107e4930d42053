/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan of one reading: its child, and the memory that it feeds */

#ifndef SOCKETD_SOURCE_READING_OWNERS_H
#define SOCKETD_SOURCE_READING_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/arena.h"
#include "snapshot/writer.h"
#include "source/owner_child.h"

struct acquire_owners;

struct reading_owners {
	bool wanted, runs;
	struct owner_child child;            /* child.fd is to be waited for while it runs */
	const struct acquire_owners *memory; /* NULL when none is fed, or no more */
	struct owner_sink sink;              /* into it */
	uint64_t deadline_usec;
	int error;
};

/*
 * Begins, for a user; memory may be NULL. Whatever keeps the scan from running, the sockets are still
 * read: then it does not run, and has an error.
 */
void reading_owners_begin(struct reading_owners *o, uint32_t uid, const struct acquire_owners *memory, uint64_t now);
/* Not awaited to its end: error is what it ends with for readers, 0 where nobody misses it. */
void reading_owners_stop(struct reading_owners *o, int error);

/*
 * What the child says goes to out. 1 when it said something or ended (then it does not run any more),
 * -EAGAIN when it is silent, -ENOMEM.
 */
int reading_owners_step(struct reading_owners *o, struct arena *out, uint64_t now);

/* What END says of it. */
void reading_owners_put(const struct reading_owners *o, struct attr_block *end);

#endif
