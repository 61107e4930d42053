/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scan is taken in: its blocks become a new list, which is joined with the old one at its end */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

#include "track/holders_list.h"

#define TEXT_MAX 255 /* of a name, kept in 8 bits */

int holders_begin(struct holders *h)
{
	if (h->in_scan)
		return -EBUSY;
	h->in_scan = true;
	h->unfinished = h->spared = false;
	return 0;
}

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

/* One pass of a radix sort over eleven bits of the inode; stable. */
static void sort_bits(const struct held *from, struct held *to, size_t n, unsigned int shift)
{
	uint32_t starts[2048] = {}, at = 0;

	for (size_t i = 0; i < n; i++)
		starts[(from[i].inode >> shift) & 2047]++;
	for (unsigned int i = 0; i < 2048; i++) {
		uint32_t count = starts[i];

		starts[i] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++)
		to[starts[(from[i].inode >> shift) & 2047]++] = from[i];
}

/*
 * A scan gives them by fd. A process of some 100 000 descriptors is sorted in
 * a millisecond this way, where qsort takes ten times as long.
 */
static int sort_held(struct holder_process *p)
{
	struct held *other;
	size_t n = 1;

	while (n < p->n_held && compare_held(&p->held[n - 1], &p->held[n]) <= 0)
		n++;
	if (n >= p->n_held)
		return 0;
	if (p->n_held < 4096) {
		qsort(p->held, p->n_held, sizeof(*p->held), compare_held);
		return 0;
	}
	other = malloc(p->n_allocated * sizeof(*other));
	if (!other)
		return -ENOMEM;
	sort_bits(p->held, other, p->n_held, 0);
	sort_bits(other, p->held, p->n_held, 11);
	sort_bits(p->held, other, p->n_held, 22);
	free(p->held);
	p->held = other;
	return 0;
}

/* Tells the inodes of before that after has not; after NULL has none. */
static void tell_lost(struct holders *h, const struct holder_process *before, const struct holder_process *after)
{
	size_t n_after = after ? after->n_held : 0;

	if (!h->lost)
		return;
	for (size_t i = 0, k = 0; i < before->n_held; i++) {
		while (k < n_after && after->held[k].inode < before->held[i].inode)
			k++;
		if (k == n_after || after->held[k].inode != before->held[i].inode)
			h->lost(h->lost_ctx, before->pid, before->held[i].inode, before->held[i].fd);
	}
}

static int resize_held(struct holders *h, struct holder_process *p, uint32_t n)
{
	struct held *larger = realloc(p->held, n * sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	h->n_memory += (n - (size_t)p->n_allocated) * sizeof(*larger);
	p->held = larger;
	p->n_allocated = n;
	return 0;
}

/* All of the last process's descriptors were told. */
static int finish_process(struct holders *h)
{
	struct holder_process *p, *before;

	if (!h->unfinished)
		return 0;
	h->unfinished = false;
	p = &h->next.rows[h->next.n - 1];
	if (p->n_held > 0 && p->n_allocated > p->n_held && resize_held(h, p, p->n_held) < 0)
		return -ENOMEM;
	if (sort_held(p) < 0)
		return -ENOMEM;
	before = holders_list_find(&h->now, p->pid);
	if (!before)
		return 0;
	before->mentioned = true;
	tell_lost(h, before, p);
	return 0;
}

static int list_add(struct holder_list *l, struct holder_process **ret)
{
	if (l->n == l->n_allocated) {
		size_t n = l->n_allocated > 0 ? 2 * l->n_allocated : 64;
		struct holder_process *larger = realloc(l->rows, n * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		l->rows = larger;
		l->n_allocated = n;
	}
	*ret = &l->rows[l->n++];
	**ret = (struct holder_process){};
	return 0;
}

struct told {
	struct holder_process p;
	const struct nlattr *comm, *user, *cgroup;
	bool same;
};

static void told_attr(struct told *t, const struct nlattr *attr)
{
	uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);

	if (type == SOCKETD_PROCESS_COMM) {
		t->comm = attr;
	} else if (type == SOCKETD_PROCESS_USER) {
		t->user = attr;
	} else if (type == SOCKETD_PROCESS_CGROUP) {
		t->cgroup = attr;
	} else if (type == SOCKETD_PROCESS_START && len == sizeof(uint64_t)) {
		memcpy(&t->p.start, mnl_attr_get_payload(attr), sizeof(uint64_t));
	} else if (len == sizeof(uint32_t)) {
		uint32_t v = mnl_attr_get_u32(attr);

		if (type == SOCKETD_PROCESS_PID)
			t->p.pid = v;
		else if (type == SOCKETD_PROCESS_N_FDS)
			t->p.n_fds = v;
		else if (type == SOCKETD_PROCESS_SAME)
			t->same = v != 0;
		else if (type == SOCKETD_PROCESS_UID) {
			t->p.uid = v;
			t->p.has_uid = true;
		}
	}
}

static uint8_t text_len(const struct nlattr *attr)
{
	uint16_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	return len < TEXT_MAX ? len : TEXT_MAX;
}

static int copy_text(struct told *t)
{
	t->p.comm_len = text_len(t->comm);
	t->p.user_len = text_len(t->user);
	if (t->p.comm_len + t->p.user_len == 0)
		return 0;
	t->p.text = malloc((size_t)t->p.comm_len + t->p.user_len);
	if (!t->p.text)
		return -ENOMEM;
	if (t->p.comm_len > 0)
		memcpy(t->p.text, mnl_attr_get_payload(t->comm), t->p.comm_len);
	if (t->p.user_len > 0)
		memcpy(t->p.text + t->p.comm_len, mnl_attr_get_payload(t->user), t->p.user_len);
	return 0;
}

/* *ret is NULL when the scan says nothing of it. */
static int get_cgroup(struct holders *h, const struct told *t, struct cgroup_name **ret)
{
	struct cgroup_name *name = NULL;

	if (t->cgroup && mnl_attr_get_payload_len(t->cgroup) > 0) {
		name = cgroup_names_get(&h->cgroups, mnl_attr_get_payload(t->cgroup), mnl_attr_get_payload_len(t->cgroup));
		if (!name)
			return -ENOMEM;
	}
	*ret = name;
	return 0;
}

/* One whose descriptors are as they were stays where it is until the end, when the lists are joined. */
static int apply_same(struct holders *h, const struct told *t)
{
	struct holder_process *before = holders_list_find(&h->now, t->p.pid);
	struct cgroup_name *cgroup;

	if (!before)
		return -EBADMSG;
	/* It may have been moved to another cgroup for all that. */
	if (get_cgroup(h, t, &cgroup) < 0)
		return -ENOMEM;
	cgroup_names_put(&h->cgroups, before->cgroup);
	before->cgroup = cgroup;
	before->mentioned = h->spared = true;
	return 0;
}

static int apply_process(struct holders *h, const struct block *b)
{
	const struct nlattr *attr = (const void *)b->payload;
	struct holder_process *added;
	struct told t = {};
	int left = b->length, r;

	r = finish_process(h);
	if (r < 0)
		return r;
	for (; mnl_attr_ok(attr, left); attr = mnl_attr_next(attr)) {
		told_attr(&t, attr);
		left -= MNL_ALIGN(attr->nla_len);
	}
	/* In order of pid, as /proc has them: then the new list is sorted. */
	if (t.p.pid == 0 || (h->next.n > 0 && h->next.rows[h->next.n - 1].pid >= t.p.pid))
		return -EBADMSG;
	if (t.same)
		return apply_same(h, &t);
	r = list_add(&h->next, &added);
	if (r < 0)
		return r;
	r = get_cgroup(h, &t, &t.p.cgroup);
	if (r >= 0)
		r = copy_text(&t);
	if (r < 0) {
		cgroup_names_put(&h->cgroups, t.p.cgroup);
		h->next.n--;
		return r;
	}
	*added = t.p;
	h->n_memory += added->comm_len + added->user_len;
	h->unfinished = true;
	return 0;
}

static int apply_owners(struct holders *h, const struct block *b)
{
	const struct socketd_owner *o = (const void *)b->payload;
	size_t n = b->length / sizeof(*o);
	struct holder_process *p;

	if (!h->unfinished || b->length % sizeof(*o) != 0)
		return -EBADMSG;
	p = &h->next.rows[h->next.n - 1];
	if (n > UINT32_MAX / 4 - p->n_held)
		return -EBADMSG;
	if (p->n_held + n > p->n_allocated) {
		uint32_t want = p->n_held + n;
		int r = resize_held(h, p, p->n_allocated > 0 ? want + want / 2 : want);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		if (o[i].pid != p->pid)
			return -EBADMSG;
		/* sockfs has numbers of 32 bits (get_next_ino()). */
		if (o[i].inode != 0 && o[i].inode <= UINT32_MAX)
			p->held[p->n_held++] = (struct held){ .inode = (uint32_t)o[i].inode, .fd = o[i].fd };
	}
	return 0;
}

int holders_apply(struct holders *h, const struct block *b)
{
	if (!h->in_scan)
		return -EBADMSG;
	if (b->type == SOCKETD_BLOCK_PROCESS)
		return apply_process(h, b);
	if (b->type == SOCKETD_BLOCK_OWNERS)
		return apply_owners(h, b);
	return 0;
}

/* Both lists become one, by pid. New ones come in the place of those before; of the others only those stay that are kept. */
static int join(struct holders *h, bool keep_all)
{
	struct holder_list joined = {};
	size_t i = 0, k = 0;

	joined.n_allocated = h->now.n + h->next.n;
	if (joined.n_allocated == 0)
		return 0;
	joined.rows = malloc(joined.n_allocated * sizeof(*joined.rows));
	if (!joined.rows)
		return -ENOMEM;
	while (i < h->now.n || k < h->next.n) {
		struct holder_process *before = i < h->now.n ? &h->now.rows[i] : NULL;
		struct holder_process *after = k < h->next.n ? &h->next.rows[k] : NULL;

		if (after && (!before || after->pid <= before->pid)) {
			if (before && before->pid == after->pid) {
				after->touched |= before->touched_in_scan;
				holders_drop_process(h, before);
				i++;
			}
			joined.rows[joined.n++] = *after;
			k++;
			continue;
		}
		i++;
		if (!before->mentioned && !keep_all) {
			tell_lost(h, before, NULL);
			holders_drop_process(h, before);
			continue;
		}
		before->mentioned = before->touched_in_scan = false;
		joined.rows[joined.n++] = *before;
	}
	free(h->now.rows);
	free(h->next.rows);
	h->now = joined;
	h->next = (struct holder_list){};
	return 0;
}

void holders_end(struct holders *h, int error)
{
	if (!h->in_scan)
		return;
	h->in_scan = false;
	if (h->unfinished && (error < 0 || finish_process(h) < 0)) {
		/* Its descriptors are not all there. */
		holders_drop_process(h, &h->next.rows[--h->next.n]);
		h->unfinished = false;
		error = error < 0 ? error : -ENOMEM;
	}
	if (join(h, error < 0) < 0)
		holders_list_drop(h, &h->next);
	for (size_t i = 0; i < h->now.n; i++)
		h->now.rows[i].mentioned = h->now.rows[i].touched_in_scan = false;
	h->generation++;
}
