/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds which socket, as the kernel module tells it in one pass */

#include "source/module_owners.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/source_id.h"
#include "snapshot/block_rows.h"
#include "snapshot/writer.h"
#include "socketd/uapi.h"
#include "source/module.h"
#include "source/netlink.h"
#include "source/process.h"
#include "source/user_names.h"

#define FLUSH_BYTES (128 * 1024)
#define TIMEOUT_MSEC 10000 /* without a word from the kernel */

/*
 * Tasks come in the order of their numbers, so a thread with a table of its own
 * can be far from its process: all are gathered, and sorted where they need it.
 */
struct gathered {
	struct socketd_owner *owners;
	size_t n_owners, n_owners_allocated;
	struct socketd_task *tasks; /* one for each table that has sockets */
	size_t n_tasks, n_tasks_allocated;
	bool unsorted; /* a pid that is not above the one before */
	struct user_names names;
	int proc_fd;
	char cgroup[PROCESS_CGROUP_SIZE];
};

static void gathered_free(struct gathered *g)
{
	if (!g)
		return;
	if (g->proc_fd >= 0)
		close(g->proc_fd);
	free(g->owners);
	free(g->tasks);
	free(g);
}

DEFINE_CLEANUP_PTR(struct gathered, gathered_free)

static int make_room(void *rows, size_t n, size_t *n_allocated, size_t size)
{
	void **p = rows, *more;
	size_t want = *n_allocated ? *n_allocated : 256;

	while (want < n)
		want *= 2;
	if (want == *n_allocated)
		return 0;
	more = reallocarray(*p, want, size);
	if (!more)
		return -ENOMEM;
	*p = more;
	*n_allocated = want;
	return 0;
}

static int add_fds(struct gathered *g, uint32_t pid, const uint8_t *fds, size_t len)
{
	size_t n = len / sizeof(struct socketd_fd);

	if (g->n_owners + n > MODULE_OWNERS_MAX)
		return -E2BIG;
	if (make_room(&g->owners, g->n_owners + n, &g->n_owners_allocated, sizeof(*g->owners)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct socketd_fd fd;

		memcpy(&fd, fds + i * sizeof(fd), sizeof(fd));
		if (fd.inode)
			g->owners[g->n_owners++] = (struct socketd_owner){ .inode = fd.inode, .pid = pid, .fd = fd.fd };
	}
	return 0;
}

/* Several messages can be of one table: the last has the number of its descriptors. */
static int add_task(struct gathered *g, const struct socketd_task *task)
{
	struct socketd_task *last = g->n_tasks ? &g->tasks[g->n_tasks - 1] : NULL;

	if (last && last->pid == task->pid && !((last->flags ^ task->flags) & SOCKETD_TASK_THREAD)) {
		/* Two tables of threads under one process may have descriptors in common. */
		if (last->flags & SOCKETD_TASK_LAST)
			g->unsorted = true;
		*last = *task;
		return 0;
	}
	if (make_room(&g->tasks, g->n_tasks + 1, &g->n_tasks_allocated, sizeof(*g->tasks)) < 0)
		return -ENOMEM;
	if (last && task->pid <= last->pid)
		g->unsorted = true;
	g->tasks[g->n_tasks++] = *task;
	return 0;
}

/* A shorter struct of an older module ends in zeros. */
static void load_task(struct socketd_task *ret, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);

	*ret = (struct socketd_task){};
	memcpy(ret, mnl_attr_get_payload(attr), len < sizeof(*ret) ? len : sizeof(*ret));
}

static int take_message(struct gathered *g, const struct message *m)
{
	const struct nlattr *attr = (const void *)(m->data + sizeof(struct socketd_message)), *fds = NULL;
	int left = (int)m->len - (int)sizeof(struct socketd_message), r;
	struct socketd_task task = {};

	/* Messages are aligned to 4, which is less than the struct wants. */
	if (left < 0 || m->data[offsetof(struct socketd_message, kind)] != SOCKETD_KIND_TASK)
		return 0;
	for (; mnl_attr_ok(attr, left); left -= MNL_ALIGN(attr->nla_len), attr = mnl_attr_next(attr)) {
		if (mnl_attr_get_type(attr) == SOCKETD_A_TASK)
			load_task(&task, attr);
		else if (mnl_attr_get_type(attr) == SOCKETD_A_FDS)
			fds = attr;
	}
	/* One of another pid namespace has no number here, and one without sockets is nobody's owner. */
	if (task.pid == 0 || !fds)
		return 0;
	r = add_task(g, &task);
	return r < 0 ? r : add_fds(g, task.pid, mnl_attr_get_payload(fds), mnl_attr_get_payload_len(fds));
}

static int take_batch(struct gathered *g, struct arena *a)
{
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(a, &data)) > sizeof(struct socketd_block)) {
		struct block_rows rows;
		struct socketd_block head;
		struct message m;
		int r;

		memcpy(&head, data, sizeof(head));
		r = block_rows_init(&rows, &(struct block){ head.type, head.length, data + sizeof(head) });
		while (r > 0 && (r = block_rows_next(&rows, &m)) > 0) {
			int e = take_message(g, &m);

			if (e < 0)
				return e;
		}
		if (r < 0)
			return r;
		arena_consume(a, sizeof(head) + (((size_t)head.length + 7) & ~(size_t)7));
	}
	return 0;
}

static int gather(struct gathered *g, struct netlink *nl)
{
	const struct netlink_keep keep = { .source = SOURCE_module };
	_Alignas(8) uint8_t buf[MODULE_REQUEST_MAX];
	CLEANUP(arena_deinit) struct arena batches;
	int r;

	arena_init(&batches);
	r = netlink_send(nl, module_tasks_request(buf));
	while (r >= 0) {
		struct netlink_batch batch;

		r = netlink_receive(nl, &batches, &keep, &batch);
		if (r == -EAGAIN) {
			struct pollfd p = { .fd = nl->fd, .events = POLLIN };

			r = poll(&p, 1, TIMEOUT_MSEC);
			r = r < 0 && errno != EINTR ? -errno : r == 0 ? -ETIMEDOUT : 0;
			continue;
		}
		if (r < 0)
			break;
		r = take_batch(g, &batches);
		if (r >= 0 && batch.done)
			return batch.error;
	}
	return r;
}

static int compare_owners(const void *a, const void *b)
{
	const struct socketd_owner *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->fd != y->fd)
		return x->fd < y->fd ? -1 : 1;
	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* The leader's first: what is said of the process is of it. */
static int compare_tasks(const void *a, const void *b)
{
	const struct socketd_task *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (int)(x->flags & SOCKETD_TASK_THREAD) - (int)(y->flags & SOCKETD_TASK_THREAD);
}

/* By pid, each once; what a thread's table has in common with its leader's is said once. */
static void sort_gathered(struct gathered *g)
{
	size_t n = 0;

	if (!g->unsorted)
		return;
	qsort(g->owners, g->n_owners, sizeof(*g->owners), compare_owners);
	for (size_t i = 0; i < g->n_owners; i++)
		if (n == 0 || compare_owners(&g->owners[n - 1], &g->owners[i]) != 0)
			g->owners[n++] = g->owners[i];
	g->n_owners = n;
	qsort(g->tasks, g->n_tasks, sizeof(*g->tasks), compare_tasks);
	n = 0;
	for (size_t i = 0; i < g->n_tasks; i++)
		if (n == 0 || g->tasks[n - 1].pid != g->tasks[i].pid)
			g->tasks[n++] = g->tasks[i];
	g->n_tasks = n;
}

static int write_process(struct gathered *g, const struct socketd_task *t, struct arena *a)
{
	const struct user_name *u = user_names_find(&g->names, t->uid);
	struct attr_block block;
	const char *cgroup;
	size_t cgroup_len;
	char pid[12];

	attr_block_begin(&block, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&block, SOCKETD_PROCESS_PID, t->pid);
	attr_block_u32(&block, SOCKETD_PROCESS_UID, t->uid);
	if (u->name[0] != '\0')
		attr_block_string(&block, SOCKETD_PROCESS_USER, u->name);
	attr_block_bytes(&block, SOCKETD_PROCESS_COMM, t->comm, strnlen(t->comm, sizeof(t->comm)));
	if (t->start)
		attr_block_u64(&block, SOCKETD_PROCESS_START, t->start);
	attr_block_u32(&block, SOCKETD_PROCESS_N_FDS, t->n_fds);
	/* The module does not tell it, and the file is one open(2) away. */
	snprintf(pid, sizeof(pid), "%u", t->pid);
	cgroup = g->proc_fd >= 0 ? process_cgroup(g->proc_fd, pid, g->cgroup, sizeof(g->cgroup), &cgroup_len) : NULL;
	if (cgroup)
		attr_block_bytes(&block, SOCKETD_PROCESS_CGROUP, cgroup, cgroup_len);
	return attr_block_write(&block, a);
}

static int write_owners(const struct socketd_owner *owners, size_t n, struct arena *a)
{
	struct bulk_block block;
	int r = bulk_block_begin(&block, a, SOCKETD_BLOCK_OWNERS, n * sizeof(*owners));

	if (r < 0)
		return r;
	memcpy(block.payload, owners, n * sizeof(*owners));
	bulk_block_end(&block, a, n * sizeof(*owners));
	return 0;
}

/* From here on it is the module's answer that stands. */
static int write_all(struct gathered *g, struct arena *a, const struct owners_sink *sink, struct owners_result *result)
{
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < g->n_tasks; i++) {
		uint32_t pid = g->tasks[i].pid;

		if (at == g->n_owners || g->owners[at].pid != pid)
			continue;
		r = write_process(g, &g->tasks[i], a);
		while (r >= 0 && at < g->n_owners && g->owners[at].pid == pid) {
			size_t n = 1;

			while (n < OWNERS_BLOCK_MAX && at + n < g->n_owners && g->owners[at + n].pid == pid)
				n++;
			r = write_owners(g->owners + at, n, a);
			at += n;
			if (r >= 0 && sink && arena_pending(a) > FLUSH_BYTES)
				r = sink->flush(sink->ctx, a);
		}
		result->n_processes++;
	}
	result->n_owners = g->n_owners;
	if (r >= 0 && sink)
		r = sink->flush(sink->ctx, a);
	return r;
}

int module_owners_read(struct netlink *nl, struct arena *a, const struct owners_sink *sink, struct owners_result *ret)
{
	CLEANUP(gathered_free) struct gathered *g = calloc(1, sizeof(*g));
	struct owners_result result = {};
	int r;

	if (!g)
		return -ENOMEM;
	g->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = gather(g, nl);
	if (r < 0)
		return r;
	sort_gathered(g);
	/* Before the first block is written. */
	ret->by_module = true;
	result.by_module = true;
	r = write_all(g, a, sink, &result);
	if (r < 0)
		return r;
	*ret = result;
	return 0;
}

int module_owners_scan(struct arena *a, const struct owners_sink *sink, struct owners_result *ret)
{
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	int r = netlink_open(&nl, true);

	return r < 0 ? r : module_owners_read(&nl, a, sink, ret);
}
