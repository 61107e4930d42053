/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices of a network namespace: a cache of libnl-route-3, kept current by events */

#ifndef SOCKETD_SOURCE_LINKS_H
#define SOCKETD_SOURCE_LINKS_H

#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"

struct links;

/*
 * Fills the cache and goes on listening (RTNLGRP_LINK). fds are two sockets of
 * NETLINK_ROUTE inside the namespace (netns_door_open), one for requests and one
 * for events; both are taken, also on failure; -1 and -1 for the caller's own.
 */
int links_new(struct links **ret, uint64_t netns_ino, int request_fd, int event_fd);
struct links *links_free(struct links *l);
DEFINE_CLEANUP_PTR(struct links, links_free)

/* Readable when there are events. */
int links_fd(const struct links *l);

/* Takes in what there is, never blocks. 1 when a name or a device is another, 0; where events were lost all is read again. */
int links_receive(struct links *l);

/* LINK of each device. -ENOMEM. */
int links_write(const struct links *l, struct arena *a);

/* Of devices by number and by name; NULL and 0 when there is none. */
const char *links_name(const struct links *l, uint32_t ifindex);
uint32_t links_ifindex(const struct links *l, const char *name);

/* Once, for a reading that keeps none: the LINK blocks of the namespace that request_fd (taken; -1 the own) is in. */
int links_write_once(struct arena *a, uint64_t netns_ino, int request_fd);

#endif
