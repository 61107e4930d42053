/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes and what they hold, as a stream tells them */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/process_table.h"

void process_table_clear(struct process_table *t)
{
	for (size_t i = 0; i < t->n_processes; i++) {
		free((char *)t->processes[i].comm);
		free((char *)t->processes[i].user);
		free((char *)t->processes[i].cgroup);
	}
	t->n_processes = t->n_owners = 0;
	t->told = t->indexed = false;
}

void process_table_deinit(struct process_table *t)
{
	process_table_clear(t);
	free(t->processes);
	free(t->owners);
	*t = (struct process_table){};
}

int process_table_add(struct process_table *t, const struct process *p)
{
	if (t->n_processes >= PROCESS_TABLE_MAX)
		return -E2BIG;
	if (t->n_processes == t->n_processes_allocated) {
		size_t n = t->n_processes_allocated ? t->n_processes_allocated * 2 : 64;
		struct process *more = reallocarray(t->processes, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->processes = more;
		t->n_processes_allocated = n;
	}
	t->processes[t->n_processes++] = *p;
	t->told = true;
	t->indexed = false;
	return 0;
}

int process_table_add_owners(struct process_table *t, const void *owners, size_t n)
{
	size_t want = t->n_owners_allocated ? t->n_owners_allocated : 1024;

	if (t->n_owners + n > OWNER_TABLE_MAX)
		return -E2BIG;
	while (want < t->n_owners + n)
		want *= 2;
	if (want > t->n_owners_allocated) {
		void *more = reallocarray(t->owners, want, sizeof(*t->owners));

		if (!more)
			return -ENOMEM;
		t->owners = more;
		t->n_owners_allocated = want;
	}
	if (n)
		memcpy(t->owners + t->n_owners, owners, n * sizeof(*t->owners));
	t->n_owners += n;
	t->told = true;
	t->indexed = false;
	return 0;
}

static int compare_owners(const void *a, const void *b)
{
	const struct socketd_owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

static int compare_processes(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Sorted arrays rather than a hash: 16 bytes an owner, built once, and hostile inodes cost no more than others. */
static void build_index(struct process_table *t)
{
	if (t->n_owners)
		qsort(t->owners, t->n_owners, sizeof(*t->owners), compare_owners);
	if (t->n_processes)
		qsort(t->processes, t->n_processes, sizeof(*t->processes), compare_processes);
	t->indexed = true;
}

bool process_table_owner(const struct process_table *table, uint64_t inode, unsigned n, const struct process **ret_process,
			 uint32_t *ret_pid, uint32_t *ret_fd)
{
	struct process_table *t = (struct process_table *)table; /* the index is made when it is first used */
	struct process want;
	size_t low = 0, high = t->n_owners;

	if (!t->indexed)
		build_index(t);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->owners[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	if (n >= t->n_owners - low || t->owners[low + n].inode != inode)
		return false;
	want.pid = t->owners[low + n].pid;
	*ret_pid = want.pid;
	*ret_fd = t->owners[low + n].fd;
	*ret_process = t->n_processes ? bsearch(&want, t->processes, t->n_processes, sizeof(want), compare_processes) : NULL;
	return true;
}
