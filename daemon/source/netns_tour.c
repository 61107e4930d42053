/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One network namespace after another: open while it is visited, closed after */

#include "source/netns_tour.h"

#include <errno.h>
#include <stdio.h>

#include "source/host.h"
#include "source/links.h"
#include "source/netns.h"

/* Each is a walk over all processes, and finds the ways into all that are still to be visited. */
#define SEARCH_EVERY_USEC 1000000

bool netns_tour_plan(struct netns_list *list, uint64_t own_ino, uint32_t uid)
{
	bool reads_own;

	if (uid != 0)
		netns_list_deinit(list);
	reads_own = list->n == 0;
	for (size_t i = 0; i < list->n; i++) {
		list->rows[i].own = list->rows[i].ino == own_ino;
		reads_own |= list->rows[i].own;
	}
	return reads_own;
}

int netns_tour_write_list(const struct netns_list *list, uint64_t own_ino, int fd, struct arena *a)
{
	const struct netns *own = netns_list_find(list, own_ino);
	uint64_t ino;
	int r = own ? host_write_netns_of(a, own, fd) : host_write_netns(a, fd, &ino);

	for (size_t i = 0; r >= 0 && i < list->n; i++)
		if (!list->rows[i].own)
			r = host_write_netns_of(a, &list->rows[i], -1);
	return r;
}

bool netns_tour_is_needed(const struct netns_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->rows[i].own)
			return true;
	return false;
}

int netns_tour_begin(struct netns_tour *t, struct netns_list *list)
{
	*t = (struct netns_tour){ .list = list, .fd = -1 };
	return netns_tour_is_needed(list) ? netns_door_new(&t->door) : 0;
}

static void leave(struct netns_tour *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->here = (struct netns){};
}

void netns_tour_end(struct netns_tour *t)
{
	leave(t);
	t->door = netns_door_free(t->door);
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ESTALE;
}

/* The process by which it was known can have ended while others are still in it. */
static int enter(struct netns_tour *t, struct netns *ns)
{
	int fd = netns_enter_fd(ns);
	uint64_t now;

	if (!is_gone(fd))
		return fd;
	now = host_now_usec();
	if (t->searched_usec != 0 && now - t->searched_usec < SEARCH_EVERY_USEC)
		return fd;
	t->searched_usec = now;
	return netns_find_paths(ns, t->list->n - (size_t)(ns - t->list->rows)) < 0 ? fd : netns_enter_fd(ns);
}

static int visit(struct netns_tour *t, struct netns *ns, struct netlink *nl)
{
	t->fd = enter(t, ns);
	if (t->fd < 0)
		return t->fd;
	/* It stays the same for as long as we are there, whatever becomes of its path. */
	snprintf(t->path, sizeof(t->path), "/proc/thread-self/fd/%d", t->fd);
	t->here = (struct netns){ .ino = ns->ino, .pid = ns->pid, .path = t->path };
	return netlink_open_in(nl, t->door, &t->here);
}

int netns_tour_next(struct netns_tour *t, struct netlink *nl)
{
	leave(t);
	while (t->next < t->list->n) {
		struct netns *ns = &t->list->rows[t->next++];
		int r;

		if (ns->own)
			continue;
		r = visit(t, ns, nl);
		if (r >= 0)
			return 1;
		leave(t);
		if (r == -ENOMEM)
			return r;
		t->n_hidden += !is_gone(r);
	}
	return 0;
}

int netns_tour_write_links(struct netns_tour *t, struct arena *a)
{
	int fd = netns_door_open(t->door, t->fd, NETNS_ROUTE, NULL), r;

	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	r = links_write_once(a, t->here.ino, fd);
	return r == -ENOMEM ? r : 0;
}
