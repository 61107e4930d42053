/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One network namespace after another: open while it is visited, closed after */

#ifndef SOCKETD_SOURCE_NETNS_TOUR_H
#define SOCKETD_SOURCE_NETNS_TOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/netns.h"
#include "source/netlink.h"
#include "source/netns_door.h"

struct netns_tour {
	struct netns_list *list; /* not owned; a path in it can be mended */
	struct netns_door *door;
	size_t next;             /* in the list */
	int fd;                  /* of the namespace that is visited; -1 for none */
	struct netns here;       /* the same, by that descriptor: for netlink_open_in and the like */
	char path[32];
	uint64_t searched_usec;  /* when other ways were looked for last; 0 never */
	uint32_t n_hidden;       /* that could not be entered */
};

/*
 * Makes a request's list one that can be toured: without what a user's reading has no right to (what we are let to
 * see is no measure of it), and with the own one marked, whatever the caller took for it: what is read twice would be there twice.
 * Whether the own one is to be read.
 */
bool netns_tour_plan(struct netns_list *list, uint64_t own_ino, uint32_t uid);

/* NETNS of all that are read, and of ours, in which fd is a socket. -ENOMEM. */
int netns_tour_write_list(const struct netns_list *list, uint64_t own_ino, int fd, struct arena *a);

/* All of the list but the own one. -ENOMEM. The list must outlive it. */
int netns_tour_begin(struct netns_tour *t, struct netns_list *list);
void netns_tour_end(struct netns_tour *t);
DEFINE_CLEANUP(struct netns_tour, netns_tour_end)

/* Whether there is another namespace than the own one in it. */
bool netns_tour_is_needed(const struct netns_list *list);

/*
 * To the next one: nl, which is closed, becomes a socket inside it. 1; 0 when
 * none is left. A namespace that vanished is passed over; one that cannot be entered
 * is counted. -ENOMEM.
 */
int netns_tour_next(struct netns_tour *t, struct netlink *nl);

/* LINK blocks of where we are. What keeps us from it is no error: rows then show numbers. -ENOMEM. */
int netns_tour_write_links(struct netns_tour *t, struct arena *a);

#endif
