/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holders from inside: the list of processes, and what each holds */

#ifndef SOCKETD_TRACK_HOLDERS_LIST_H
#define SOCKETD_TRACK_HOLDERS_LIST_H

#include "track/cgroup_names.h"
#include "track/holders.h"

struct held {
	uint32_t inode, fd;
};

struct holder_process {
	uint32_t pid, uid, n_fds;
	uint32_t n_held, n_allocated;
	uint64_t start;
	struct held *held; /* sorted by inode and fd */
	char *text;        /* comm, then user */
	struct cgroup_name *cgroup; /* NULL: not told; a reference to one of struct holders */
	uint8_t comm_len, user_len;
	bool has_uid;
	bool touched;   /* is read again by the next scan */
	bool touched_in_scan; /* the one under way may have read it before */
	bool mentioned; /* in the scan under way: what it has is in the new list */
};

struct holder_list {
	struct holder_process *rows; /* by pid, once whole */
	size_t n, n_allocated;
};

struct holders {
	struct holder_list now;
	struct holder_list next; /* of the scan under way; the last one is not finished yet */
	bool in_scan, unfinished;
	bool spared; /* by the scan under way, or the last one */
	uint64_t generation;
	size_t n_memory; /* of both lists, beside the rows */
	struct cgroup_names cgroups; /* of both lists */
	void (*lost)(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd);
	void *lost_ctx;
};

struct holder_process *holders_list_find(const struct holder_list *l, uint32_t pid);
void holders_list_drop(struct holders *h, struct holder_list *l);
void holders_drop_process(struct holders *h, struct holder_process *p);

#endif
