/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row after another out of a MESSAGES or LINES block */

#ifndef SOCKETD_SNAPSHOT_BLOCK_ROWS_H
#define SOCKETD_SNAPSHOT_BLOCK_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/reader.h"

struct socketd_track;

/* A netlink message (from its payload on: the family's header) or a line without its end. */
struct message {
	const uint8_t *data;
	uint32_t len;
	uint8_t source; /* enum source_id */
	uint32_t netns; /* inode number of its namespace; 0: that of its source */
	const struct socketd_track *track; /* NULL when the stream says nothing of it */
	/* The kernel module's message of the same socket, in the context; NULL when it has none. */
	const uint8_t *module;
	uint32_t module_len;
};

struct block_rows {
	const uint8_t *at;
	size_t rest; /* bytes; 0 at the end */
	uint8_t source;
	uint32_t netns;
	bool lines;
};

/* 1; 0 when its source is one of a newer version, so that nothing is known of its rows; -EBADMSG when it is too short. */
int block_rows_init(struct block_rows *ret, const struct block *b);

/* The next row, without a track. 1, 0 at the end, -EBADMSG for a message that overruns its block. */
int block_rows_next(struct block_rows *r, struct message *ret);

#endif
