/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One receive from a netlink multicast group, and how much of it the kernel dropped */

#ifndef SOCKETD_SOURCE_MULTICAST_H
#define SOCKETD_SOURCE_MULTICAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct multicast {
	uint32_t drops_known; /* the kernel's counter of what it dropped at our socket, when it was last looked at */
	bool congested;       /* it may be dropping more, of which it does not say anything */
};

/* From here on drops count. */
void multicast_init(struct multicast *ret, int fd);

/*
 * One datagram of the kernel's: its length, 0 at an end (tests listen to what has
 * one). -EAGAIN nothing there; -ENOBUFS the kernel dropped messages: *ret_lost is
 * how many since the last time (SO_MEMINFO, Linux 4.12; else 1 for one or more).
 * Once -EAGAIN has been seen, what was received and lost is all that there was.
 * -EBADMSG for one that was cut, or that another process sent.
 */
ssize_t multicast_receive(struct multicast *m, int fd, void *buf, size_t size, uint64_t *ret_lost);

#endif
