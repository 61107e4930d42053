/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dump of one source: asked, received, and asked again where the kernel says so */

#ifndef SOCKETD_SOURCE_DUMP_H
#define SOCKETD_SOURCE_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "model/request.h"
#include "snapshot/arena.h"
#include "source/diag.h"
#include "source/netlink.h"

#define DUMP_TIMEOUT_USEC (10u * 1000 * 1000) /* without a word from the kernel */
#define DUMP_INTERRUPTIONS_MAX 3              /* dumps that are read again */
#define DUMP_OVERRUNS_MAX 1                   /* receive buffers that may overflow */

struct dump {
	enum source_id id;
	const struct request *req;
	struct netlink *nl;
	enum diag_form form;
	struct netlink_keep keep;
	struct arena_mark start; /* what was read since is taken back for another try */
	bool rewindable;
	bool interrupted_now; /* in this try */
	unsigned int n_overruns;
	uint64_t deadline_usec;
	/* The outcome, once dump_step returned 0: */
	uint64_t n_messages;
	uint32_t n_interrupted;
	int error; /* negative errno, -EAGAIN when the last try was interrupted too; 0 when all was read */
};

/*
 * Begins: sends the request. A failure to send is the first step's outcome.
 * Arena, request and socket must outlive the dump; now is CLOCK_MONOTONIC.
 */
void dump_begin(struct dump *d, enum source_id id, const struct request *req, struct netlink *nl,
		struct arena *a, uint64_t now_usec);

/* What is in the arena can no longer be taken back: it was moved. */
void dump_keep(struct dump *d);

/*
 * One receive. 1 when there is more to do; 0 when it ended; -EAGAIN when the
 * kernel has to be waited for, until d->deadline_usec; -ENOMEM.
 */
int dump_step(struct dump *d, struct arena *a, uint64_t now_usec);

/* Whether an outcome means that this kernel has no handler for the source. */
bool dump_is_unsupported(const struct dump *d);

#endif
