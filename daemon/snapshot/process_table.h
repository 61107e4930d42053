/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes and what they hold, as a stream tells them */

#ifndef SOCKETD_SNAPSHOT_PROCESS_TABLE_H
#define SOCKETD_SNAPSHOT_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socketd/stream.h"

/* Past them -E2BIG. */
#define PROCESS_TABLE_MAX (4u * 1024 * 1024)
#define OWNER_TABLE_MAX (64u * 1024 * 1024)

struct process {
	uint32_t pid;
	uint32_t uid;
	const char *comm; /* any bytes */
	size_t comm_len;
	const char *user;   /* NULL when the uid has no name */
	const char *cgroup; /* its path of cgroup v2; NULL when it is not known */
};

/* All zero is empty. */
struct process_table {
	struct process *processes;
	size_t n_processes, n_processes_allocated;
	struct socketd_owner *owners;
	size_t n_owners, n_owners_allocated;
	bool indexed; /* processes by pid, owners by inode, pid, fd */
	bool told;    /* of a process or an owner, if only that there is none */
};

/* Forgets all, and keeps the memory for what comes next. */
void process_table_clear(struct process_table *t);
void process_table_deinit(struct process_table *t);

/* The strings of p are taken when it succeeds. -ENOMEM, -E2BIG. */
int process_table_add(struct process_table *t, const struct process *p);

/* Copied. -ENOMEM, -E2BIG. */
int process_table_add_owners(struct process_table *t, const void *owners, size_t n);

/* As context_owner(). */
bool process_table_owner(const struct process_table *t, uint64_t inode, unsigned n, const struct process **ret_process,
			 uint32_t *ret_pid, uint32_t *ret_fd);

#endif
