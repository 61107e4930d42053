/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sock_diag socket: sending a request, receiving batches straight into an arena */

#include "source/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "snapshot/writer.h"
#include "socketd/uapi.h"
#include "source/netns_door.h"

#define RECEIVE_BUFFER (4 * 1024 * 1024)

static int capabilities_get(struct __user_cap_data_struct ret[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, ret) < 0 ? -errno : 0;
}

static int capabilities_set(const struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int socket_open(struct mnl_socket **ret)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (!s)
		return -errno;
	*ret = s;
	return 0;
}

/* The credentials that count are those of the moment of socket(2): netlink_net_capable() reads the file's. */
static int socket_open_unprivileged(struct mnl_socket **ret)
{
	struct __user_cap_data_struct saved[2], without[2];
	struct mnl_socket *s = NULL;
	int r, back;

	r = capabilities_get(saved);
	if (r < 0)
		return r;
	if (!(saved[0].effective & CAP_TO_MASK(CAP_NET_ADMIN)))
		return socket_open(ret);

	memcpy(without, saved, sizeof(without));
	without[0].effective &= ~CAP_TO_MASK(CAP_NET_ADMIN);
	r = capabilities_set(without);
	if (r < 0)
		return r;
	r = socket_open(&s);
	back = capabilities_set(saved);
	if (r >= 0 && back < 0) {
		mnl_socket_close(s);
		r = back;
	}
	if (r >= 0)
		*ret = s;
	return r;
}

/* Binds it and sets it up; s is taken. */
static int socket_ready(struct netlink *ret, struct mnl_socket *s, bool privileged)
{
	int fd, on = 1, size = RECEIVE_BUFFER;

	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		mnl_socket_close(s);
		return r;
	}
	fd = mnl_socket_get_fd(s);

	/* Kernels that know neither of the first two still answer; a smaller buffer is enough, too. */
	(void)mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));

	*ret = (struct netlink){
		.socket = s,
		.fd = fd,
		.portid = mnl_socket_get_portid(s),
		.privileged = privileged,
	};
	return 0;
}

int netlink_open(struct netlink *ret, bool privileged)
{
	struct mnl_socket *s = NULL;
	int r = privileged ? socket_open(&s) : socket_open_unprivileged(&s);

	return r < 0 ? r : socket_ready(ret, s, privileged);
}

static int socket_open_in(struct mnl_socket **ret, struct netns_door *d, const struct netns *ns)
{
	CLEANUP(close) int ns_fd = netns_enter_fd(ns), fd = -1;

	if (ns_fd < 0)
		return ns_fd;
	fd = netns_door_open(d, ns_fd, NETNS_SOCK_DIAG, NULL);
	if (fd < 0)
		return fd;
	*ret = mnl_socket_fdopen(fd);
	if (!*ret)
		return -errno;
	(void)steal_fd(&fd);
	return 0;
}

int netlink_open_in(struct netlink *ret, struct netns_door *d, const struct netns *ns)
{
	CLEANUP(free) char *path = NULL;
	struct mnl_socket *s = NULL;
	struct netlink nl;
	int r;

	if (ns->own) {
		r = netlink_open(&nl, true);
	} else {
		path = strdup(ns->path ? ns->path : "");
		if (!path)
			return -ENOMEM;
		r = socket_open_in(&s, d, ns);
		if (r >= 0)
			r = socket_ready(&nl, s, true);
	}
	if (r < 0)
		return r;
	nl.netns = (uint32_t)ns->ino;
	nl.door = ns->own ? NULL : d;
	nl.path = STEAL_PTR(path);
	*ret = nl;
	return 0;
}

int netlink_adopt(struct netlink *ret, int fd, uint32_t portid)
{
	struct mnl_socket *s = mnl_socket_fdopen(fd);

	if (!s) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret = (struct netlink){ .socket = s, .fd = fd, .portid = portid };
	return 0;
}

static void socket_close(struct netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
	nl->fd = -1;
}

void netlink_close(struct netlink *nl)
{
	socket_close(nl);
	free(nl->path);
	nl->path = NULL;
	nl->door = NULL;
	nl->netns = 0;
}

/* Where it fails, path and door stay: never is another namespace's socket taken for this one's. */
int netlink_reopen(struct netlink *nl)
{
	const struct netns ns = { .ino = nl->netns, .path = nl->path };
	struct netlink fresh;
	int r;

	socket_close(nl);
	nl->generation++;
	r = nl->door ? netlink_open_in(&fresh, nl->door, &ns) : netlink_open(&fresh, nl->privileged);
	if (r < 0)
		return nl->door && r == -ENOENT ? -ESTALE : r;
	fresh.seq = nl->seq;
	fresh.generation = nl->generation;
	fresh.netns = nl->netns;
	free(nl->path);
	*nl = fresh;
	return 0;
}

int netlink_send(struct netlink *nl, struct nlmsghdr *request)
{
	return netlink_send_all(nl, request, request->nlmsg_len);
}

int netlink_send_all(struct netlink *nl, void *requests, size_t len)
{
	if (nl->fd < 0)
		return -ENOTCONN;
	/* 0 is what the kernel puts into messages of its own accord. */
	if (++nl->seq == 0)
		nl->seq = 1;
	for (size_t i = 0; i < len;) {
		struct nlmsghdr *h = (struct nlmsghdr *)((uint8_t *)requests + i);

		h->nlmsg_seq = nl->seq;
		h->nlmsg_pid = 0;
		i += NLMSG_ALIGN(h->nlmsg_len);
	}
	/*
	 * Without an address, which is the kernel's then. With one (as libmnl
	 * sends) the kernel takes the rights of the moment for enough and does not
	 * look at those of the one who opened (NETLINK_SKB_DST, net/netlink/af_netlink.c).
	 */
	return send(nl->fd, requests, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* One datagram. Its length, 0 for one that is not from the kernel, or a negative errno. */
static ssize_t receive(struct netlink *nl, void *buf, size_t size)
{
	struct sockaddr_nl from = {};
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do
		n = recvmsg(nl->fd, &msg, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (msg.msg_namelen >= sizeof(from) && from.nl_pid != 0)
		return 0;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	/* A netlink datagram has a message; none is the other side gone. */
	return n > 0 ? n : -EBADMSG;
}

/* tcp_diag_put_md5sig in net/ipv4/tcp_diag.c writes them, along with INET_DIAG_INFO. */
void netlink_wipe_md5_keys(struct nlmsghdr *h)
{
	size_t offset = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct inet_diag_msg));
	uint8_t *base = (uint8_t *)h;

	while (offset + NLA_HDRLEN <= h->nlmsg_len) {
		struct nlattr *attr = (struct nlattr *)(base + offset);
		size_t len = attr->nla_len;

		if (len < NLA_HDRLEN || len > h->nlmsg_len - offset)
			return;
		if ((attr->nla_type & NLA_TYPE_MASK) == INET_DIAG_MD5SIG) {
			struct tcp_diag_md5sig *sig = (void *)((uint8_t *)attr + NLA_HDRLEN);
			size_t left = len - NLA_HDRLEN;

			for (; left >= sizeof(*sig); left -= sizeof(*sig), sig++) {
				sig->tcpm_keylen = 0;
				memset(sig->tcpm_key, 0, sizeof(sig->tcpm_key));
			}
			/* Not the struct that we know: nothing of it can be trusted to be no key. */
			if (left > 0)
				memset((uint8_t *)attr + NLA_HDRLEN, 0, len - NLA_HDRLEN);
		}
		offset += NLA_ALIGN(len);
	}
}

/* NLMSG_DONE and NLMSG_ERROR both begin with an int: 0 or a negative errno. */
static int message_error(const struct nlmsghdr *h)
{
	int error;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
		return h->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	memcpy(&error, NLMSG_DATA(h), sizeof(error));
	return error > 0 || error < -4095 ? -EBADMSG : error;
}

static bool is_module_socket(const struct nlmsghdr *h)
{
	const uint8_t *m = NLMSG_DATA(h);

	return h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct socketd_message)) &&
	       m[offsetof(struct socketd_message, kind)] == SOCKETD_KIND_SOCKET;
}

/*
 * Goes through a batch and closes it up over messages that are not ours.
 * Returns how many bytes stay, or -EBADMSG. In a batch of a dump nothing moves.
 */
static ssize_t batch_walk(struct netlink *nl, uint8_t *data, size_t len,
			  const struct netlink_keep *keep, struct netlink_batch *batch)
{
	size_t in = 0, out = 0;

	while (in + NLMSG_HDRLEN <= len) {
		struct nlmsghdr *h = (struct nlmsghdr *)(data + in);
		size_t aligned = NLMSG_ALIGN(h->nlmsg_len);

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > len - in)
			return -EBADMSG;
		/* The last message of a datagram may lack its padding. */
		if (aligned > len - in)
			aligned = len - in;
		in += aligned;

		if (h->nlmsg_seq != nl->seq || h->nlmsg_pid != nl->portid)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			batch->interrupted = true;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			batch->done = true;
			batch->error = message_error(h);
			return out;
		}
		/* TCPDIAG_GETSOCK: of the joined reading of TCP. */
		if ((h->nlmsg_type != SOCK_DIAG_BY_FAMILY && h->nlmsg_type != TCPDIAG_GETSOCK) || h->nlmsg_len <= NLMSG_HDRLEN)
			continue;
		if (keep->family != 0 && *(uint8_t *)NLMSG_DATA(h) != keep->family)
			continue;
		if (keep->module_sockets && !is_module_socket(h))
			continue;
		if (keep->wipe_md5_keys)
			netlink_wipe_md5_keys(h);
		if (data + out != (uint8_t *)h)
			memmove(data + out, h, aligned);
		out += aligned;
		batch->n_messages++;
	}
	return in == len ? (ssize_t)out : -EBADMSG;
}

int netlink_receive(struct netlink *nl, struct arena *a, const struct netlink_keep *keep,
		    struct netlink_batch *ret)
{
	struct socketd_messages head = { .source = keep->source, .netns = keep->netns };
	struct netlink_batch batch = {};
	struct bulk_block block;
	ssize_t n;
	int r;

	if (nl->fd < 0)
		return -ENOTCONN;
	r = bulk_block_begin(&block, a, SOCKETD_BLOCK_MESSAGES, sizeof(head) + NETLINK_BATCH_MAX);
	if (r < 0)
		return r;
	n = receive(nl, block.payload + sizeof(head), NETLINK_BATCH_MAX);
	if (n > 0)
		n = batch_walk(nl, block.payload + sizeof(head), n, keep, &batch);
	if (n <= 0 || batch.n_messages == 0) {
		bulk_block_end(&block, a, 0);
		if (n < 0)
			return n;
	} else {
		memcpy(block.payload, &head, sizeof(head));
		bulk_block_end(&block, a, sizeof(head) + n);
	}
	*ret = batch;
	return 0;
}
