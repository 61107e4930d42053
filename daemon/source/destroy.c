/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel says by itself: TCP and UDP sockets that are destroyed */

#include "source/destroy.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "model/source_id.h"
#include "snapshot/writer.h"
#include "source/netlink.h"

#define MESSAGE_MAX (16u * 1024)

/* Takes the socket. */
static int join(struct destroy *ret, struct mnl_socket *s)
{
	static const int groups[] = {
		SKNLGRP_INET_TCP_DESTROY,
		SKNLGRP_INET_UDP_DESTROY,
		SKNLGRP_INET6_TCP_DESTROY,
		SKNLGRP_INET6_UDP_DESTROY,
	};
	int r = 0, size = DESTROY_BUFFER;

	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	if (r >= 0 && setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(groups); i++)
		if (mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i], sizeof(groups[i])) < 0)
			r = errno == EINVAL ? -ENOENT : -errno;
	if (r < 0) {
		mnl_socket_close(s);
		return r;
	}
	*ret = (struct destroy){
		.socket = s,
		.fd = mnl_socket_get_fd(s),
		.portid = mnl_socket_get_portid(s),
	};
	return 0;
}

int destroy_open(struct destroy *ret)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return s ? join(ret, s) : -errno;
}

int destroy_join(struct destroy *ret, int fd)
{
	struct mnl_socket *s = mnl_socket_fdopen(fd);
	int r = s ? 0 : -errno;

	if (!s)
		close(fd);
	return s ? join(ret, s) : r;
}

int destroy_adopt(struct destroy *ret, int fd, uint32_t portid)
{
	struct mnl_socket *s = mnl_socket_fdopen(fd);

	if (!s) {
		int r = -errno;

		close(fd);
		return r;
	}
	/* It may have lost some in its former life. */
	*ret = (struct destroy){ .socket = s, .fd = fd, .portid = portid };
	multicast_init(&ret->group, fd);
	return 0;
}

void destroy_close(struct destroy *d)
{
	if (d->socket)
		mnl_socket_close(d->socket);
	d->socket = NULL;
	d->fd = -1;
}

/* The protocol is in an attribute: inet_diag_msg has none. SOURCE_none for a family or protocol that is not ours. */
static enum source_id source_of(const struct nlmsghdr *h)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(h);
	unsigned int protocol = 0;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, h, sizeof(*msg))
		if (mnl_attr_get_type(attr) == INET_DIAG_PROTOCOL && mnl_attr_get_payload_len(attr) >= 1)
			protocol = mnl_attr_get_u8(attr);
	for (unsigned int id = SOURCE_tcp4; id <= SOURCE_udplite6; id++) {
		const struct source_def *def = source_def_get(id);

		if (def->family == msg->idiag_family && def->protocol == protocol)
			return id;
	}
	return SOURCE_none;
}

static int take_message(struct nlmsghdr *h, struct arena *a)
{
	struct socketd_messages head = {};
	struct bulk_block block;
	size_t size = NLMSG_ALIGN(h->nlmsg_len);
	int r;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return -EBADMSG;
	head.source = source_of(h);
	if (head.source == SOURCE_none)
		return -EBADMSG;
	netlink_wipe_md5_keys(h);
	r = bulk_block_begin(&block, a, SOCKETD_BLOCK_MESSAGES, sizeof(head) + size);
	if (r < 0)
		return r;
	memcpy(block.payload, &head, sizeof(head));
	memset(block.payload + sizeof(head) + h->nlmsg_len, 0, size - h->nlmsg_len);
	memcpy(block.payload + sizeof(head), h, h->nlmsg_len);
	bulk_block_end(&block, a, sizeof(head) + size);
	return 0;
}

/* What one receive brings; the kernel puts one message into it. 1 or a negative errno. */
static int take_datagram(uint8_t *data, size_t len, struct arena *a)
{
	struct nlmsghdr *h = (struct nlmsghdr *)data;
	int left = len, r = -EBADMSG;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		r = take_message(h, a);
		if (r < 0)
			return r;
	}
	return left > 0 || r < 0 ? -EBADMSG : 1;
}

int destroy_receive(struct destroy *d, struct arena *a, uint64_t *ret_lost)
{
	_Alignas(8) uint8_t buf[MESSAGE_MAX];
	ssize_t n = multicast_receive(&d->group, d->fd, buf, sizeof(buf), ret_lost);

	if (n == -ENOBUFS)
		d->n_lost += *ret_lost;
	if (n < 0)
		return (int)n;
	return take_datagram(buf, n, a);
}
