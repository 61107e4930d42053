/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wire between the daemon and socketd-netns(8): sockets from inside network namespaces */

#ifndef SOCKETD_NETNS_H
#define SOCKETD_NETNS_H

#include <stdint.h>

/*
 * A SOCK_SEQPACKET socket at SOCKETD_NETNS_SOCKET (socketd/dbus.h). A request
 * carries one descriptor (SCM_RIGHTS): the namespace's, of /proc/PID/ns/net or of a
 * mount. The answer carries the thing, or an error and no descriptor. What is
 * not so ends the connection. Numbers in the host's byte order.
 */
#define SOCKETD_NETNS_VERSION 1
#define SOCKETD_NETNS_NAME_MAX 16

struct socketd_netns_request {
	uint32_t version;
	uint32_t thing; /* enum netns_thing of source/netns_door.h */
	char name[SOCKETD_NETNS_NAME_MAX]; /* of a file of /proc/net, else zeros; ends in one */
};

struct socketd_netns_reply {
	int32_t error; /* 0 or a negative errno */
};

#endif
