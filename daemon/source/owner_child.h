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

/*
 * The child writes PROCESS and OWNERS blocks into a pipe, and an END block with
 * SOCKETD_END_OWNERS_ERROR and _HIDDEN_PIDS last. What comes is checked as if it
 * were a stranger's: it does not last longer than the scan of a damaged host.
 */
struct owner_child {
	pid_t pid; /* 0 when it is reaped */
	int fd;    /* -1 when it ended */
	uint8_t *buffer;
	size_t n_buffered;
	bool ended;
	/* Valid once ended: */
	int error; /* negative errno of the scan, 0 when all was read */
	uint32_t n_hidden;
};

/* Largest block that is taken from the child; it makes none over 64 KiB and a little. */
#define OWNER_CHILD_BLOCK_MAX (128u * 1024)

/* Forks. Errors of pipe2 and fork, -ENOMEM. */
int owner_child_start(struct owner_child *ret, uint32_t uid);

/* As owner_child_start, over the reading end of a pipe and a child of ours that writes to it. Both are taken. */
int owner_child_adopt(struct owner_child *ret, pid_t pid, int fd);

/*
 * Takes what is there, one buffer at most, into the arena. 1 when there was
 * something; 0 when the child ended (it is reaped, error and n_hidden say how
 * it went); -EAGAIN when nothing is there yet; -ENOMEM.
 */
int owner_child_read(struct owner_child *c, struct arena *out);

/* Kills and reaps it if it still runs. */
void owner_child_stop(struct owner_child *c);
DEFINE_CLEANUP(struct owner_child, owner_child_stop)

#endif
