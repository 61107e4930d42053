/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds which socket: a scan of /proc, written as PROCESS and OWNERS blocks */

#ifndef SOCKETD_SOURCE_OWNERS_H
#define SOCKETD_SOURCE_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/arena.h"

/* Owners that go into one block; one of 64 KiB fits a pipe well. */
#define OWNERS_BLOCK_MAX 4096

/* Threads of a process whose descriptor tables are compared with the leader's; those beyond count as sharing it. */
#define OWNERS_THREADS_MAX 4096

struct owners_result {
	uint64_t n_processes; /* that hold sockets */
	uint64_t n_owners;
	uint32_t n_hidden; /* processes whose descriptors could not be read, or were not for this user */
	bool by_module;    /* the kernel module told them (source/module_owners.h) */
};

/*
 * Where the blocks go on the way: called after a process when a good deal has
 * gathered in the arena. Consumes what it takes. A negative errno ends the scan.
 */
struct owners_sink {
	int (*flush)(void *ctx, struct arena *a);
	void *ctx;
};

/*
 * What is remembered of an earlier scan. A process of more than
 * OWNERS_SAME_MIN descriptors that is still the same (start time) with as many
 * descriptors as then may be left out: its PROCESS block says SAME, and no
 * OWNERS follow. Smaller ones are always read: they cost little, and a count says
 * little; so are those with a thread that has a table of its own. Needs the size of
 * /proc/PID/fd (Linux 6.2); without it all are read. Only scans for root use it.
 */
#define OWNERS_SAME_MIN 256
struct owners_known {
	bool (*same)(const void *ctx, uint32_t pid, uint64_t start, uint32_t n_fds); /* NULL: nothing is known */
	const void *ctx;
};

/*
 * Scans all processes. For uid 0 all that may be read; for another user only
 * those that the kernel would let this user's processes read (__ptrace_may_access
 * in kernel/ptrace.c): dumpable, all user ids his, all group ids his login group,
 * and no capability. A process that exits meanwhile is no error. sink may be
 * NULL: all stays in the arena.
 *
 * Threads nearly always share one table. Of a process with more than one, each
 * thread is compared with the leader by kcmp(2), which costs a microsecond; a
 * table of its own is read as well, under the process's pid, and what it has in
 * common with the leader's is left out. Where kcmp is not there, the sizes of the
 * fd directories (Linux 6.2) are compared instead.
 */
int owners_scan(uint32_t uid, const struct owners_known *known, struct arena *a, const struct owners_sink *sink,
		struct owners_result *ret);

#endif
