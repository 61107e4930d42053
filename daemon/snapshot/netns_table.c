/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network namespaces that a stream tells of */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/cleanup.h"
#include "snapshot/netns_table.h"

void netns_table_deinit(struct netns_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free((char *)t->rows[i].name);
	free(t->rows);
	*t = (struct netns_table){};
}

/* The first row whose number is not below. */
static size_t find_place(const struct netns_table *t, uint64_t ino)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rows[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct netns_table *t, size_t at)
{
	if (t->n >= NETNS_TABLE_MAX)
		return -E2BIG;
	if (t->n == t->n_allocated) {
		size_t n = t->n_allocated ? t->n_allocated * 2 : 4;
		struct netns_info *more = reallocarray(t->rows, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->rows = more;
		t->n_allocated = n;
	}
	memmove(t->rows + at + 1, t->rows + at, (t->n - at) * sizeof(*t->rows));
	t->rows[at] = (struct netns_info){};
	t->n++;
	return 0;
}

int netns_table_put(struct netns_table *t, const struct netns_info *ns, const char *name, size_t len)
{
	size_t at = find_place(t, ns->ino);
	CLEANUP(free) char *copy = NULL;
	uint64_t whole;
	int r;

	if (name) {
		copy = strndup(name, len);
		if (!copy)
			return -ENOMEM;
	}
	if (at == t->n || t->rows[at].ino != ns->ino) {
		r = insert(t, at);
		if (r < 0)
			return r;
	}
	whole = t->rows[at].whole;
	free((char *)t->rows[at].name);
	t->rows[at] = *ns;
	t->rows[at].whole = whole;
	t->rows[at].name = STEAL_PTR(copy);
	if (ns->own && t->own != ns->ino) {
		struct netns_info *before = netns_table_find(t, t->own);

		/* The first was taken for the own one, until it is said which is. */
		if (before && before != &t->rows[at])
			before->own = false;
		t->own = ns->ino;
	}
	return 0;
}

struct netns_info *netns_table_find(const struct netns_table *t, uint64_t ino)
{
	size_t at = find_place(t, ino);

	return at < t->n && t->rows[at].ino == ino ? &t->rows[at] : NULL;
}

uint64_t netns_table_drop_one(struct netns_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		uint64_t ino = t->rows[i].ino;

		if (ino == t->own)
			continue;
		free((char *)t->rows[i].name);
		memmove(t->rows + i, t->rows + i + 1, (t->n - i - 1) * sizeof(*t->rows));
		t->n--;
		return ino;
	}
	return 0;
}
