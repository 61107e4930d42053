/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the block stream: every length is checked before it is used */

#ifndef SOCKETD_SNAPSHOT_READER_H
#define SOCKETD_SNAPSHOT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"
#include "socketd/stream.h"

struct block {
	uint32_t type;
	uint32_t length;
	const uint8_t *payload; /* aligned to 8; valid until the next call on the same reader */
};

/*
 * Where a reader's bytes come from. Of the piece that more() gave last, the
 * first `taken` bytes are done with; it gives a piece that begins with the rest
 * and is longer, or as long as the rest at the end of the input. Returns 0 or a
 * negative errno; then too the piece is set if it has moved.
 */
struct input {
	int (*more)(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len);
	void *ctx;
};

struct reader {
	struct input input;
	const uint8_t *data;
	size_t len;
	size_t taken;    /* bytes before data, of the input's last piece */
	uint64_t offset; /* of data in the stream: for messages about damage */
	bool header_seen;
	bool ended; /* END block seen */
};

void reader_init(struct reader *r, struct input input);

/*
 * The next block. 1 with *ret; 0 at the end of a whole stream. -EBADMSG bytes
 * that break the format (reader_problem() tells which rule); -EPROTONOSUPPORT
 * another major version or byte order; -ENODATA cut short: no END block; others
 * from the input.
 */
int reader_next(struct reader *r, struct block *ret);

/* What was wrong when reader_next failed, for people; static text. */
const char *reader_problem(const struct reader *r, int error);

/* Input from a descriptor, blocking or not (then -EAGAIN comes through). Owns fd and its buffer. */
struct fd_input;
int fd_input_new(struct fd_input **ret, int fd);
struct fd_input *fd_input_free(struct fd_input *f);
struct input fd_input_input(struct fd_input *f);
DEFINE_CLEANUP_PTR(struct fd_input, fd_input_free)

/* Input from an arena, which it does not own: blocks that were read are consumed. */
struct input arena_input(struct arena *a);

/* Input from memory, which must be aligned to 8. */
struct memory {
	const uint8_t *data;
	size_t len;
};
struct input memory_input(struct memory *m);

#endif
