/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan in a process of its own, so that it runs beside the dumps */

#ifndef SOCKETD_SOURCE_OWNER_CHILD_H
#define SOCKETD_SOURCE_OWNER_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"
#include "snapshot/reader.h"
#include "source/owners.h"

/* Each block of the scan, once; it writes to out what goes on. -ENOMEM, -EBADMSG. */
struct owner_sink {
	int (*block)(void *ctx, const struct block *b, struct arena *out);
	void *ctx;
};

/*
 * The child asks the kernel module, for root, and scans /proc where that does not
 * answer. It writes PROCESS and OWNERS blocks into a pipe, and an END block with
 * SOCKETD_END_OWNERS_ERROR, _HIDDEN_PIDS and _OWNERS_MODULE last. What comes is checked as if it
 * were a stranger's: it does not last longer than the scan of a damaged host.
 */
struct owner_child {
	pid_t pid; /* 0 when it is reaped */
	int fd;    /* -1 when it ended */
	uint8_t *buffer;
	size_t n_buffered;
	bool ended;
	const struct owner_sink *sink; /* NULL: blocks go to the arena as they are */
	/* Valid once ended: */
	int error; /* negative errno of the scan, 0 when all was read */
	uint32_t n_hidden;
	bool for_root;  /* only then the kernel module is asked */
	bool by_module; /* it told the owners, not /proc */
	uint64_t cpu_usec; /* that the child took; also after owner_child_stop */
};

/* Children of ours at a time, those that were killed and are not dead yet among them. */
#define OWNER_CHILDREN_MAX 64

/* Largest block that is taken from the child; it makes none over 64 KiB and a little. */
#define OWNER_CHILD_BLOCK_MAX (128u * 1024)

/* Forks. known may be NULL. Errors of pipe2 and fork, -ENOMEM; -EBUSY past OWNER_CHILDREN_MAX. */
int owner_child_start(struct owner_child *ret, uint32_t uid, const struct owners_known *known);

/* As owner_child_start, over the reading end of a pipe and a child of ours that writes to it. Both are taken. */
int owner_child_adopt(struct owner_child *ret, pid_t pid, int fd);

/*
 * Takes what is there, one buffer at most, into the arena. 1 when there was
 * something; 0 when the child ended (error, n_hidden and cpu_usec say how it
 * went); -EAGAIN when nothing is there yet; -ENOMEM, from the sink too: the
 * block that it refused is given again. -EBADMSG from the sink ends the child.
 */
int owner_child_read(struct owner_child *c, struct arena *out);

/*
 * Kills it if it still runs, and never waits: a child can hang in the kernel
 * (a file system that does not answer) and die only later.
 */
void owner_child_stop(struct owner_child *c);

/* How the last scan of this program that came to its end was made: -ENODATA when there was none, 1 by the module, 0 from /proc. */
int owner_child_last_by_module(void);

/* Reaps what was stopped and is dead by now; so does the next start and stop. How many are left. */
unsigned int owner_child_reap(void);
DEFINE_CLEANUP(struct owner_child, owner_child_stop)

#endif
