/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets and files inside other network namespaces: by setns(2), or by the helper that may */

#ifndef SOCKETD_SOURCE_NETNS_DOOR_H
#define SOCKETD_SOURCE_NETNS_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/cleanup.h"
#include "model/netns.h"

/*
 * A netlink socket that was opened inside a namespace goes on answering for it
 * wherever it is used. Who has CAP_SYS_ADMIN enters the namespace for the time of
 * one socket(2); who has not (the service) asks socketd-netns(8) at
 * SOCKETD_NETNS_SOCKET, which is handed the namespace's descriptor and hands back
 * the socket. What the kernel lets such a socket see is decided by who opened it:
 * the door is for readings on behalf of root alone.
 */
struct netns_door;

/* -ENOMEM; the helper is looked for when it is needed first. */
int netns_door_new(struct netns_door **ret);
/* The same with the helper at another path. */
int netns_door_new_at(struct netns_door **ret, const char *path);
struct netns_door *netns_door_free(struct netns_door *d);
DEFINE_CLEANUP_PTR(struct netns_door, netns_door_free)

/* What can be had through it: the wire of the helper, numbers stay. */
enum netns_thing {
	NETNS_SOCK_DIAG = 1, /* an unbound AF_NETLINK socket of NETLINK_SOCK_DIAG, nonblocking */
	NETNS_ROUTE,         /* of NETLINK_ROUTE */
	NETNS_GENERIC,       /* of NETLINK_GENERIC */
	NETNS_PROC,          /* a file of /proc/net, by its name there: of those that are sources (model/source_id.h), sockstat and sockstat6 */
};

/*
 * A descriptor of the namespace itself, to be closed soon: it keeps it. -ESTALE
 * when the path leads to another one by now, -ENOENT when it is gone, -EACCES.
 */
int netns_enter_fd(const struct netns *ns);

/*
 * A thing inside the namespace of ns_fd; name is of NETNS_PROC, else NULL. The
 * descriptor is the caller's. -EHOSTDOWN: neither CAP_SYS_ADMIN nor a helper;
 * -ETIMEDOUT: the helper did not answer within a second, and is left alone by all doors
 * of this process for NETNS_DOOR_REST_USEC; -EBADMSG: what it sent is not what was asked for; errors of
 * setns, socket and open.
 */
#define NETNS_DOOR_REST_USEC (60u * 1000 * 1000)
int netns_door_open(struct netns_door *d, int ns_fd, enum netns_thing thing, const char *name);

/* The same in this process, which has CAP_SYS_ADMIN: what the helper runs. It ends when it cannot come back. */
int netns_open_inside(int ns_fd, enum netns_thing thing, const char *name);

/* What both sides of the helper's wire check: that a descriptor is a network namespace, that a thing with this name is known. */
bool netns_is_net(int fd);
bool netns_thing_is_known(uint32_t thing, const char *name);

/*
 * A message with at most one descriptor (-1 for none). Receiving: the length, 0 at
 * the end; -EBADMSG for a longer one, or for more descriptors, which are closed.
 */
int netns_door_send(int fd, const void *data, size_t len, int passed_fd);
ssize_t netns_door_receive(int fd, void *data, size_t size, int *ret_fd);

#endif
