/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message after another out of a stream, with the context that goes with it */

#ifndef SOCKETD_SNAPSHOT_MESSAGES_H
#define SOCKETD_SNAPSHOT_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot/context.h"
#include "snapshot/reader.h"
#include "snapshot/block_rows.h"

struct messages {
	struct reader *reader;
	struct context *context;
	struct block_rows rows; /* of the block */
	const struct socketd_track *tracks; /* of the block's messages from the next one on, in the context */
	size_t n_tracks;
	struct module_rows *module; /* where the kernel module's messages are: in the context, or in another */
	uint8_t *marks;             /* of those, in the context: which have found their row; NULL before the first other */
	size_t next_module;         /* at the end: to be looked at next */
};

void messages_init(struct messages *m, struct reader *r, struct context *c);

/* The kernel module's messages were taken in by another context already, which outlives this. */
void messages_share_module(struct messages *m, struct context *other);

/*
 * The next message. What the kernel module told of the same socket comes with
 * it, and the module's messages that no other source's was about come as
 * messages of their own at the end (TIME-WAIT and request socks are of the other sources alone). In a stream of events context_event() tells what happened
 * to it; an event without a socket (overflow, synced) comes as a message of
 * length 0. 1, or 0 at the end; errors of reader_next and context_apply;
 * -EBADMSG for a source that was not announced, or a message that overruns its
 * block. The message is valid until the next call.
 */
int messages_next(struct messages *m, struct message *ret);

#endif
