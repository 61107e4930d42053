/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module's messages of a reading */

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/cleanup.h"
#include "snapshot/module_rows.h"
#include "socketd/stream.h"
#include "socketd/uapi.h"

void module_rows_deinit(struct module_rows *m)
{
	arena_deinit(&m->arena);
	free(m->rows);
	free(m->by_cookie);
	free(m->by_inode);
	*m = (struct module_rows){};
}

static int grow(struct module_rows *m)
{
	size_t n = m->n_allocated ? m->n_allocated * 2 : 64;
	struct module_row *more;

	if (m->n < m->n_allocated)
		return 0;
	more = reallocarray(m->rows, n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->rows = more;
	m->n_allocated = n;
	return 0;
}

/* Of AF_NETLINK, with a port. */
static bool is_bound_netlink(const struct message *m, const struct socketd_message *head)
{
	size_t left = m->len - sizeof(*head), len;
	const uint8_t *p;
	uint32_t portid;

	if (head->family != AF_NETLINK)
		return false;
	p = identity_find_attr(m->data + sizeof(*head), left, SOCKETD_A_LOCAL, &len);
	if (!p || len < sizeof(struct sockaddr_nl))
		return false;
	memcpy(&portid, p + offsetof(struct sockaddr_nl, nl_pid), sizeof(portid));
	return portid != 0;
}

int module_rows_add(struct module_rows *m, const struct message *message)
{
	size_t padded = ((size_t)message->len + 7) & ~(size_t)7;
	size_t size = padded + (message->track ? sizeof(*message->track) : 0);
	struct socketd_message head;
	struct module_row *row;
	uint8_t *copy;

	if (m->indexed)
		return -EBADMSG;
	if (message->len < sizeof(head))
		return 0;
	memcpy(&head, message->data, sizeof(head));
	if (head.kind != SOCKETD_KIND_SOCKET)
		return 0;
	if (m->n_bytes + size + sizeof(*row) > MODULE_ROWS_MAX)
		return -E2BIG;
	if (grow(m) < 0)
		return -ENOMEM;
	copy = arena_reserve(&m->arena, size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, message->data, message->len);
	row = &m->rows[m->n++];
	*row = (struct module_row){
		.data = copy,
		.len = message->len,
		.netns = head.netns ? head.netns : message->netns,
		.cookie = head.cookie,
		.inode = head.inode,
		.mini = head.flags & SOCKETD_MSG_MINI,
		.bound_netlink = is_bound_netlink(message, &head),
	};
	if (message->track)
		row->track = memcpy(copy + padded, message->track, sizeof(*message->track));
	arena_commit(&m->arena, size);
	m->n_bytes += size + sizeof(*row);
	return 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* By cookie, inode, kind, and as they came. */
static int compare_by_cookie(const void *a, const void *b, void *rows)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct module_row *x = (const struct module_row *)rows + i, *y = (const struct module_row *)rows + k;
	int c = compare_numbers(x->cookie, y->cookie);

	if (c == 0)
		c = compare_numbers(x->inode, y->inode);
	if (c == 0)
		c = (int)x->mini - (int)y->mini;
	return c ? c : compare_numbers(i, k);
}

static int compare_by_inode(const void *a, const void *b, void *rows)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct module_row *x = (const struct module_row *)rows + i, *y = (const struct module_row *)rows + k;
	int c = compare_numbers(x->inode, y->inode);

	return c ? c : compare_numbers(i, k);
}

/* Sorted arrays rather than a hash: hostile cookies cost no more than others. */
int module_rows_index(struct module_rows *m)
{
	if (m->indexed)
		return 0;
	if (m->n > 0) {
		CLEANUP(free) uint32_t *by_cookie = NULL, *by_inode = NULL;

		by_cookie = reallocarray(NULL, m->n, sizeof(*by_cookie));
		by_inode = reallocarray(NULL, m->n, sizeof(*by_inode));
		if (!by_cookie || !by_inode)
			return -ENOMEM;
		for (size_t i = 0; i < m->n; i++)
			by_cookie[i] = by_inode[i] = (uint32_t)i;
		qsort_r(by_cookie, m->n, sizeof(*by_cookie), compare_by_cookie, m->rows);
		qsort_r(by_inode, m->n, sizeof(*by_inode), compare_by_inode, m->rows);
		m->by_cookie = STEAL_PTR(by_cookie);
		m->by_inode = STEAL_PTR(by_inode);
	}
	for (size_t i = 1; i < m->n; i++) {
		const struct module_row *before = &m->rows[m->by_cookie[i - 1]];
		struct module_row *row = &m->rows[m->by_cookie[i]];

		row->twin = row->cookie && row->cookie == before->cookie && row->inode == before->inode && row->mini == before->mini;
	}
	m->indexed = true;
	return 0;
}

/* The first place in an order whose cookie (or inode) is not below. */
static size_t lower_bound(const struct module_rows *m, bool by_inode, uint64_t key)
{
	const uint32_t *order = by_inode ? m->by_inode : m->by_cookie;
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct module_row *row = &m->rows[order[middle]];

		if ((by_inode ? row->inode : row->cookie) < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * How well what has the same cookie fits; 0 not at all. A socket's inode does not change but for
 * accept() and close(), between the two readings maybe: from none, and to none. What shares
 * cookies is not given another's fields for that. A TIME-WAIT sock has the cookie of the socket that
 * it stands for, and that one may be held still.
 */
static unsigned fit(const struct module_row *row, const struct identity *id)
{
	if (row->mini)
		return id->may_be_mini ? 4 : 0;
	if (id->is_mini)
		return 0;
	if (row->inode == id->inode)
		return 3;
	if (row->inode == 0)
		return id->shares_cookie ? 0 : 2;
	return id->inode == 0 && !id->shares_cookie && !id->may_be_mini;
}

static ssize_t find_cookie(const struct module_rows *m, const struct identity *id)
{
	ssize_t found = -ENOENT;
	unsigned best = 0;

	for (size_t i = lower_bound(m, false, id->cookie); i < m->n; i++) {
		const struct module_row *row = &m->rows[m->by_cookie[i]];
		unsigned f;

		if (row->cookie != id->cookie)
			break;
		f = row->twin ? 0 : fit(row, id);
		if (f > best) {
			best = f;
			found = m->by_cookie[i];
		}
	}
	return found;
}

/* Subflows have the inode of their MPTCP connection: the protocol tells. */
static ssize_t find_inode(const struct module_rows *m, const struct identity *id)
{
	for (size_t i = lower_bound(m, true, id->inode); i < m->n; i++) {
		const struct module_row *row = &m->rows[m->by_inode[i]];
		struct socketd_message head;

		if (row->inode != id->inode)
			break;
		memcpy(&head, row->data, sizeof(head));
		if (!row->twin && head.family == id->family && (head.protocol == id->protocol || id->protocol == IPPROTO_RAW))
			return m->by_inode[i];
	}
	return -ENOENT;
}

ssize_t module_rows_find(const struct module_rows *m, const struct identity *id)
{
	if (!m->indexed)
		return -ENOENT;
	return id->cookie ? find_cookie(m, id) : find_inode(m, id);
}
