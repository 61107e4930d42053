/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who held which socket when /proc was last read */

#ifndef SOCKETD_TRACK_HOLDERS_H
#define SOCKETD_TRACK_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"
#include "snapshot/reader.h"
#include "source/owners.h"

/*
 * Fed with the PROCESS and OWNERS blocks of every scan for root; 8 bytes a
 * descriptor, sorted by inode within each process. A process whose descriptors changed since (another count, a
 * socket of it closed, another start time) is read again by the next scan.
 */
struct holders;

int holders_new(struct holders **ret);
struct holders *holders_free(struct holders *h);
DEFINE_CLEANUP_PTR(struct holders, holders_free)

/* A scan begins: what it does not mention until holders_end is forgotten then. -EBUSY when one is under way. */
int holders_begin(struct holders *h);
/* Takes in a PROCESS or OWNERS block of the scan. -ENOMEM, -EBADMSG. */
int holders_apply(struct holders *h, const struct block *b);
/* The scan is over; error as in END. A scan that failed forgets nothing. */
void holders_end(struct holders *h, int error);

/* What the scan may leave out: a view for owner_child_start(). Valid until the next call that changes h. */
struct owners_known holders_known(const struct holders *h);

/*
 * Called back, during holders_apply and holders_end, for each inode that a
 * process had in the scan before and has no more; the process is still known as
 * it was then.
 */
void holders_on_lost(struct holders *h, void (*lost)(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd), void *ctx);

/* Whether the last scan left out processes: one of them can hold what it did not find. */
bool holders_was_spared(const struct holders *h);

/* Grows with each scan that ended. */
uint64_t holders_generation(const struct holders *h);

/* A socket of this process closed, so its descriptors are others now. */
void holders_touch(struct holders *h, uint32_t pid);

struct holder {
	uint32_t pid, uid, fd;
	uint64_t start;
	const char *comm;
	size_t comm_len;
	const char *cgroup; /* its path of cgroup v2, as comm no string; NULL when it is not known */
	size_t cgroup_len;
};

/* The n-th holder of an inode, in order of pid and fd. Cost: a search in each process, 0.1 µs each. */
bool holders_find(const struct holders *h, uint32_t inode, unsigned n, struct holder *ret);

/* The first holders of an inode, at most max, in one go. How many there are. */
unsigned int holders_find_all(const struct holders *h, uint32_t inode, struct holder *ret, unsigned int max);

/* A process by its pid; fd is not set. */
bool holders_process(const struct holders *h, uint32_t pid, struct holder *ret);

/* Calls back for each descriptor of a process, or of all (pid 0), until it returns other than 0, which is returned. */
int holders_walk(const struct holders *h, uint32_t pid, int (*each)(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd), void *ctx);

/* Writes the PROCESS and OWNERS blocks of a process as the scan would have. -ENOENT, -ENOMEM. */
int holders_write(const struct holders *h, uint32_t pid, struct arena *a);

/* Only the PROCESS block. */
int holders_write_process(const struct holders *h, uint32_t pid, struct arena *a);

size_t holders_memory(const struct holders *h);
size_t holders_count(const struct holders *h); /* descriptors */

#endif
