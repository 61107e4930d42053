/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who held which socket when /proc was last read */

#include "track/holders.h"

#include <errno.h>

#include "snapshot/writer.h"
#include "track/holders_list.h"

int holders_new(struct holders **ret)
{
	struct holders *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*ret = h;
	return 0;
}

void holders_drop_process(struct holders *h, struct holder_process *p)
{
	h->n_memory -= p->n_allocated * sizeof(*p->held) + p->comm_len + p->user_len;
	free(p->held);
	free(p->text);
	cgroup_names_put(&h->cgroups, p->cgroup);
	*p = (struct holder_process){ .pid = p->pid };
}

void holders_list_drop(struct holders *h, struct holder_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		holders_drop_process(h, &l->rows[i]);
	free(l->rows);
	*l = (struct holder_list){};
}

struct holders *holders_free(struct holders *h)
{
	if (!h)
		return NULL;
	holders_list_drop(h, &h->now);
	holders_list_drop(h, &h->next);
	free(h);
	return NULL;
}

void holders_on_lost(struct holders *h, void (*lost)(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd), void *ctx)
{
	h->lost = lost;
	h->lost_ctx = ctx;
}

bool holders_was_spared(const struct holders *h)
{
	return h->spared;
}

uint64_t holders_generation(const struct holders *h)
{
	return h->generation;
}

struct holder_process *holders_list_find(const struct holder_list *l, uint32_t pid)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (l->rows[middle].pid == pid)
			return &l->rows[middle];
		if (l->rows[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_same(const void *ctx, uint32_t pid, uint64_t start, uint32_t n_fds)
{
	const struct holders *h = ctx;
	const struct holder_process *p = holders_list_find(&h->now, pid);

	return p && !p->touched && start != 0 && p->start == start && p->n_fds == n_fds;
}

struct owners_known holders_known(const struct holders *h)
{
	return (struct owners_known){ .same = is_same, .ctx = h };
}

void holders_touch(struct holders *h, uint32_t pid)
{
	struct holder_process *p = holders_list_find(&h->now, pid);

	if (p) {
		p->touched = true;
		p->touched_in_scan = h->in_scan;
	}
	p = holders_list_find(&h->next, pid);
	if (p)
		p->touched = true;
}

static void fill_process(const struct holder_process *p, struct holder *ret)
{
	*ret = (struct holder){ .pid = p->pid, .uid = p->uid, .start = p->start, .comm = p->text, .comm_len = p->comm_len };
	if (p->cgroup) {
		ret->cgroup = p->cgroup->text;
		ret->cgroup_len = p->cgroup->len;
	}
}

/* The first of the inode's descriptors in a process, or n_held. */
static size_t search(const struct holder_process *p, uint32_t inode)
{
	size_t low = 0, high = p->n_held;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (p->held[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Skips some and fills the rest, as many as there is room for. */
static unsigned int find_some(const struct holders *h, uint32_t inode, unsigned int skip, struct holder *ret, unsigned int max)
{
	unsigned int n = 0;

	if (inode == 0)
		return 0;
	for (size_t i = 0; i < h->now.n && n < max; i++) {
		const struct holder_process *p = &h->now.rows[i];

		for (size_t k = search(p, inode); k < p->n_held && p->held[k].inode == inode && n < max; k++) {
			if (skip > 0) {
				skip--;
				continue;
			}
			fill_process(p, &ret[n]);
			ret[n++].fd = p->held[k].fd;
		}
	}
	return n;
}

bool holders_find(const struct holders *h, uint32_t inode, unsigned int n, struct holder *ret)
{
	return find_some(h, inode, n, ret, 1) == 1;
}

unsigned int holders_find_all(const struct holders *h, uint32_t inode, struct holder *ret, unsigned int max)
{
	return find_some(h, inode, 0, ret, max);
}

bool holders_process(const struct holders *h, uint32_t pid, struct holder *ret)
{
	const struct holder_process *p = holders_list_find(&h->now, pid);

	if (p)
		fill_process(p, ret);
	return p != NULL;
}

static int walk_process(const struct holder_process *p, int (*each)(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd), void *ctx)
{
	int r = 0;

	for (size_t i = 0; i < p->n_held && r == 0; i++)
		r = each(ctx, p->pid, p->held[i].inode, p->held[i].fd);
	return r;
}

int holders_walk(const struct holders *h, uint32_t pid, int (*each)(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd), void *ctx)
{
	int r = 0;

	if (pid != 0) {
		const struct holder_process *p = holders_list_find(&h->now, pid);

		return p ? walk_process(p, each, ctx) : 0;
	}
	for (size_t i = 0; i < h->now.n && r == 0; i++)
		r = walk_process(&h->now.rows[i], each, ctx);
	return r;
}

static int write_process(const struct holder_process *p, struct arena *a)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, p->pid);
	if (p->has_uid)
		attr_block_u32(&b, SOCKETD_PROCESS_UID, p->uid);
	if (p->comm_len > 0)
		attr_block_bytes(&b, SOCKETD_PROCESS_COMM, p->text, p->comm_len);
	if (p->user_len > 0)
		attr_block_bytes(&b, SOCKETD_PROCESS_USER, p->text + p->comm_len, p->user_len);
	attr_block_u64(&b, SOCKETD_PROCESS_START, p->start);
	attr_block_u32(&b, SOCKETD_PROCESS_N_FDS, p->n_fds);
	if (p->cgroup)
		attr_block_bytes(&b, SOCKETD_PROCESS_CGROUP, p->cgroup->text, p->cgroup->len);
	return attr_block_write(&b, a);
}

int holders_write_process(const struct holders *h, uint32_t pid, struct arena *a)
{
	const struct holder_process *p = holders_list_find(&h->now, pid);

	return p ? write_process(p, a) : -ENOENT;
}

int holders_write(const struct holders *h, uint32_t pid, struct arena *a)
{
	const struct holder_process *p = holders_list_find(&h->now, pid);
	struct arena_mark mark = arena_mark(a);
	int r;

	if (!p)
		return -ENOENT;
	r = write_process(p, a);
	for (size_t i = 0; i < p->n_held && r >= 0;) {
		size_t n = p->n_held - i < OWNERS_BLOCK_MAX ? p->n_held - i : OWNERS_BLOCK_MAX;
		struct bulk_block b;

		r = bulk_block_begin(&b, a, SOCKETD_BLOCK_OWNERS, n * sizeof(struct socketd_owner));
		if (r < 0)
			break;
		for (size_t k = 0; k < n; k++)
			((struct socketd_owner *)b.payload)[k] = (struct socketd_owner){
				.inode = p->held[i + k].inode, .pid = p->pid, .fd = p->held[i + k].fd };
		bulk_block_end(&b, a, n * sizeof(struct socketd_owner));
		i += n;
	}
	if (r < 0)
		(void)arena_rewind(a, mark);
	return r;
}

size_t holders_memory(const struct holders *h)
{
	return sizeof(*h) + (h->now.n_allocated + h->next.n_allocated) * sizeof(struct holder_process) + h->n_memory +
	       h->cgroups.n_memory;
}

size_t holders_count(const struct holders *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->now.n; i++)
		n += h->now.rows[i].n_held;
	return n;
}
