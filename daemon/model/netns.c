/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of network namespaces */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/netns.h"

void netns_list_deinit(struct netns_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].name);
		free(l->rows[i].path);
	}
	free(l->rows);
	*l = (struct netns_list){};
}

int netns_list_add(struct netns_list *l, const struct netns *ns)
{
	CLEANUP(free) char *name = NULL, *path = NULL;
	struct netns *rows;

	if (l->n >= NETNS_MAX)
		return -E2BIG;
	if (ns->name) {
		name = strdup(ns->name);
		if (!name)
			return -ENOMEM;
	}
	if (ns->path) {
		path = strdup(ns->path);
		if (!path)
			return -ENOMEM;
	}
	/* Powers of two: doubled when the last place is taken. */
	if ((l->n & (l->n - 1)) == 0) {
		rows = reallocarray(l->rows, l->n ? l->n * 2 : 1, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		l->rows = rows;
	}
	l->rows[l->n] = *ns;
	l->rows[l->n].name = STEAL_PTR(name);
	l->rows[l->n].path = STEAL_PTR(path);
	l->n++;
	return 0;
}

int netns_list_copy(struct netns_list *ret, const struct netns_list *l)
{
	CLEANUP(netns_list_deinit) struct netns_list copy = { .n_hidden = l->n_hidden };

	for (size_t i = 0; i < l->n; i++) {
		int r = netns_list_add(&copy, &l->rows[i]);

		if (r < 0)
			return r;
	}
	*ret = copy;
	copy = (struct netns_list){};
	return 0;
}

const struct netns *netns_list_find(const struct netns_list *l, uint64_t ino)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].ino == ino)
			return &l->rows[i];
	return NULL;
}
