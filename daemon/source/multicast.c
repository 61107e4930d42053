/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One receive from a netlink multicast group, and how much of it the kernel dropped */

#include "source/multicast.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

/*
 * Messages that the kernel dropped at our socket since it was made: what the
 * Drops column of /proc/net/netlink shows, without the file, which is that of
 * the namespace that one is in.
 */
static int read_drops(int fd, uint32_t *ret)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return -errno;
	if (len <= SK_MEMINFO_DROPS * sizeof(info[0]))
		return -ENODATA;
	*ret = info[SK_MEMINFO_DROPS];
	return 0;
}

void multicast_init(struct multicast *ret, int fd)
{
	*ret = (struct multicast){};
	(void)read_drops(fd, &ret->drops_known);
}

/* What was dropped since it was last looked at, and at least `least`. */
static uint64_t count_dropped(struct multicast *m, int fd, uint64_t least)
{
	uint32_t drops = m->drops_known;
	uint64_t lost = least;

	if (read_drops(fd, &drops) >= 0 && (uint32_t)(drops - m->drops_known) > least)
		lost = (uint32_t)(drops - m->drops_known);
	m->drops_known = drops;
	return lost;
}

ssize_t multicast_receive(struct multicast *m, int fd, void *buf, size_t size, uint64_t *ret_lost)
{
	struct sockaddr_nl from = {};
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
	uint64_t lost;
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ENOBUFS) {
		m->congested = true;
		*ret_lost = count_dropped(m, fd, 1);
		return -ENOBUFS;
	}
	if (n < 0 && errno == EAGAIN && m->congested) {
		/* The kernel said it once, and went on dropping until the queue was empty, which it is only now. */
		m->congested = false;
		lost = count_dropped(m, fd, 0);
		if (lost == 0)
			return -EAGAIN;
		*ret_lost = lost;
		return -ENOBUFS;
	}
	if (n < 0)
		return -errno;
	/* Who has CAP_NET_ADMIN can send to the group as well. */
	if (n > 0 && ((msg.msg_namelen >= sizeof(from) && from.nl_pid != 0) || (msg.msg_flags & MSG_TRUNC)))
		return -EBADMSG;
	return n;
}
