/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State changes that the kernel module tells as they happen: its generic netlink group, by libnl-genl-3 */

#ifndef SOCKETD_SOURCE_EVENTS_H
#define SOCKETD_SOURCE_EVENTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/cleanup.h"

struct events_source;

/* One change (SOCKETD_CMD_STATE of socketd/uapi.h); comm is valid until the next receive. */
struct state_change {
	uint64_t netns;  /* of the listener */
	uint64_t time_nsec, cookie;
	uint64_t inode;  /* 0 for none (yet, or any more) */
	uint16_t family, protocol;
	uint8_t old_state, new_state; /* TCP_* */
	bool has_local, has_peer, has_uid;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} local, peer;
	uint32_t ifindex, uid;
	uint32_t pid;    /* 0: not a process's call */
	const char *comm;
	uint64_t n_lost; /* in the kernel, of this namespace so far */
};

/*
 * Joins the group. fd is a NETLINK_GENERIC socket inside the namespace (taken,
 * also on failure; -1: a new one in our own). -ENOENT: the module is not there,
 * or has no such family (PREEMPT_RT); -EPERM without CAP_NET_ADMIN.
 */
int events_source_open(struct events_source **ret, uint64_t netns, int fd);
/* Over a descriptor that brings such messages, of type `family`: for tests. Takes fd, also on failure. */
int events_source_adopt(struct events_source **ret, uint64_t netns, int fd, uint16_t family);
struct events_source *events_source_free(struct events_source *e);
DEFINE_CLEANUP_PTR(struct events_source, events_source_free)
int events_source_fd(const struct events_source *e);

/*
 * Takes what one receive brings, each change to the callback. 1 when there was
 * something; -EAGAIN; -ENOBUFS: the queue was full, or the module had no memory:
 * *ret_lost changes were not told, go on receiving; -ENOENT: the module is gone;
 * -EBADMSG for a message that is none (it is dropped).
 */
int events_source_receive(struct events_source *e, void (*change)(void *ctx, const struct state_change *c), void *ctx,
			  uint64_t *ret_lost);

#endif
