/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network namespace of a test's own, in which nobody else opens or closes a socket */

#ifndef SOCKETD_TESTS_NETNS_H
#define SOCKETD_TESTS_NETNS_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Into a new one, with its loopback up. What to give netns_leave; below 0 where that is not allowed. */
static inline int netns_enter(void)
{
	int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), s;
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (back < 0 || unshare(CLONE_NEWNET) < 0) {
		if (back >= 0)
			close(back);
		return -1;
	}
	/* Not one of the families that are looked at here: the kernel tells of their closing, and late. */
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)ioctl(s, SIOCSIFFLAGS, &lo);
	close(s);
	return back;
}

static inline void netns_leave(int back)
{
	(void)setns(back, CLONE_NEWNET);
	close(back);
}

#endif
