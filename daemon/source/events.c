/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State changes that the kernel module tells as they happen: one multicast group, one socket a namespace */

#include "source/events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/sock_diag.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/family.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socketd/uapi.h"
#include "source/multicast.h"

/* A change is 260 bytes at most, and one message. */
#define MESSAGE_MAX 8192
/* What the kernel may queue: at about 770 bytes a change, 40 000 of them. */
#define EVENTS_BUFFER (32 * 1024 * 1024)
/* Answers come while the request is sent; this is for a kernel that goes wrong. */
#define ANSWER_SEC 1

struct events_source {
	struct nl_sock *socket; /* NULL for an adopted descriptor */
	int fd;
	uint64_t netns;
	uint16_t family;      /* type of the messages */
	bool host_pids;       /* pids of the changes are those of our /proc */
	struct multicast group;
	bool has_lost;
	bool tells_lost;      /* the change that is told says it */
	uint64_t lost_known;  /* SOCKETD_CHANGE_LOST as far as it is accounted for */
	char comm[16];        /* of the change that is told */
};

struct events_source *events_source_free(struct events_source *e)
{
	if (!e)
		return NULL;
	if (e->socket)
		nl_socket_free(e->socket); /* and closes its descriptor */
	else if (e->fd >= 0)
		close(e->fd);
	free(e);
	return NULL;
}

int events_source_fd(const struct events_source *e)
{
	return e->fd;
}

/* The kernel tells pids of the initial namespace: in another one they are others', or nobody's. */
static bool is_host_pid_namespace(void)
{
	static const char host[] = "pid:[4026531836]"; /* PROC_PID_INIT_INO: linux/proc_ns.h */
	char link[sizeof(host) + 1];
	ssize_t n = readlink("/proc/self/ns/pid", link, sizeof(link));

	return n == sizeof(host) - 1 && memcmp(link, host, sizeof(host) - 1) == 0;
}

/* What libnl says, in the words of the rest of the room. */
static int errno_of(int error)
{
	switch (-error) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_BAD_SOCK:
		return -EBADF;
	case NLE_PROTO_MISMATCH:
		return -EPROTONOSUPPORT;
	}
	return -EIO;
}

/* Both are owned by e, or closed. One that was opened for us elsewhere has no port yet. */
static int take_socket(struct events_source *e, int fd)
{
	struct timeval answer = { .tv_sec = ANSWER_SEC };
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int r;

	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	e->fd = fd;
	/* The port of one that has one stays. */
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 && errno != EINVAL)
		return -errno;
	if (fcntl(fd, F_SETFL, 0) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &answer, sizeof(answer)) < 0)
		return -errno;
	e->socket = nl_socket_alloc();
	if (!e->socket)
		return -ENOMEM;
	r = nl_socket_set_fd(e->socket, NETLINK_GENERIC, fd);
	if (r < 0) {
		nl_socket_free(e->socket);
		e->socket = NULL;
	}
	return r < 0 ? errno_of(r) : 0;
}

/*
 * Looked for in the list of all families: to ask for one by its name has the
 * kernel run modprobe(8) where there is none, at each pass.
 */
static int resolve(struct nl_sock *socket, uint16_t *ret_family, int *ret_group)
{
	struct genl_family *family;
	struct nl_cache *cache;
	int id = 0, r;

	r = genl_ctrl_alloc_cache(socket, &cache);
	if (r < 0)
		return errno_of(r);
	family = genl_ctrl_search_by_name(cache, SOCKETD_GENL_NAME);
	if (family) {
		id = genl_family_get_id(family);
		genl_family_put(family);
	}
	nl_cache_free(cache);
	if (id == 0)
		return -ENOENT;
	r = genl_ctrl_resolve_grp(socket, SOCKETD_GENL_NAME, SOCKETD_GENL_GROUP);
	if (r < 0)
		return errno_of(r);
	*ret_family = (uint16_t)id;
	*ret_group = r;
	return 0;
}

static int join(struct events_source *e)
{
	int group = 0, news = GENL_ID_CTRL, on = 1, size = EVENTS_BUFFER, r;

	r = resolve(e->socket, &e->family, &group);
	if (r < 0)
		return r;
	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* The module counts in LOST what did not fit into our queue. */
	(void)setsockopt(e->fd, SOL_NETLINK, NETLINK_BROADCAST_ERROR, &on, sizeof(on));
	/* The controller's group has its own number: it says when the family goes. */
	if (setsockopt(e->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &news, sizeof(news)) < 0 ||
	    setsockopt(e->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	return fcntl(e->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int source_new(struct events_source **ret, uint64_t netns)
{
	struct events_source *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->fd = -1;
	e->netns = netns;
	e->host_pids = is_host_pid_namespace();
	*ret = e;
	return 0;
}

int events_source_open(struct events_source **ret, uint64_t netns, int fd)
{
	CLEANUP(events_source_free) struct events_source *e = NULL;
	int r;

	r = source_new(&e, netns);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = take_socket(e, fd);
	if (r >= 0)
		r = join(e);
	if (r < 0)
		return r;
	multicast_init(&e->group, e->fd);
	*ret = STEAL_PTR(e);
	return 0;
}

int events_source_adopt(struct events_source **ret, uint64_t netns, int fd, uint16_t family)
{
	struct events_source *e;
	int r = source_new(&e, netns);

	if (r < 0) {
		close(fd);
		return r;
	}
	e->fd = fd;
	e->family = family;
	e->host_pids = true;
	*ret = e;
	return 0;
}

/* The shortest that each may be. A longer one is of a later module. */
static const uint16_t sizes[SOCKETD_CHANGE_MAX + 1] = {
	[SOCKETD_CHANGE_TIME] = 8,
	[SOCKETD_CHANGE_COOKIE] = 8,
	[SOCKETD_CHANGE_INODE] = 8,
	[SOCKETD_CHANGE_FAMILY] = 2,
	[SOCKETD_CHANGE_PROTOCOL] = 2,
	[SOCKETD_CHANGE_OLD_STATE] = 1,
	[SOCKETD_CHANGE_NEW_STATE] = 1,
	[SOCKETD_CHANGE_LOCAL] = sizeof(struct sockaddr_in),
	[SOCKETD_CHANGE_PEER] = sizeof(struct sockaddr_in),
	[SOCKETD_CHANGE_IFINDEX] = 4,
	[SOCKETD_CHANGE_UID] = 4,
	[SOCKETD_CHANGE_PID] = 4,
	[SOCKETD_CHANGE_LOST] = 8,
};

/* False for an address that is not one of the socket's family. */
static bool take_address(const struct nlattr *a, uint16_t family, void *ret)
{
	size_t size = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	sa_family_t own;

	if (!a || (family != AF_INET && family != AF_INET6) || (size_t)nla_len(a) < size)
		return false;
	memcpy(&own, nla_data(a), sizeof(own));
	if (own != family)
		return false;
	memcpy(ret, nla_data(a), size);
	return true;
}

static void take_process(struct events_source *e, struct nlattr *const *tb, struct state_change *c)
{
	const struct nlattr *comm = tb[SOCKETD_CHANGE_COMM];
	size_t len;

	e->comm[0] = '\0';
	c->comm = e->comm;
	if (!tb[SOCKETD_CHANGE_PID] || !e->host_pids)
		return;
	c->pid = nla_get_u32(tb[SOCKETD_CHANGE_PID]);
	if (!comm)
		return;
	len = strnlen(nla_data(comm), (size_t)nla_len(comm));
	if (len >= sizeof(e->comm))
		len = sizeof(e->comm) - 1;
	memcpy(e->comm, nla_data(comm), len);
	e->comm[len] = '\0';
}

static int parse_change(struct events_source *e, struct nlmsghdr *h, struct state_change *ret)
{
	struct nlattr *tb[SOCKETD_CHANGE_MAX + 1] = {};
	struct state_change c = { .netns = e->netns };

	if (nla_parse(tb, SOCKETD_CHANGE_MAX, genlmsg_attrdata(nlmsg_data(h), 0), genlmsg_attrlen(nlmsg_data(h), 0), NULL) < 0)
		return -EBADMSG;
	for (unsigned int i = 0; i <= SOCKETD_CHANGE_MAX; i++)
		if (tb[i] && nla_len(tb[i]) < sizes[i])
			return -EBADMSG;
	if (!tb[SOCKETD_CHANGE_COOKIE] || !tb[SOCKETD_CHANGE_FAMILY] || !tb[SOCKETD_CHANGE_PROTOCOL] ||
	    !tb[SOCKETD_CHANGE_OLD_STATE] || !tb[SOCKETD_CHANGE_NEW_STATE])
		return -EBADMSG;
	c.cookie = nla_get_u64(tb[SOCKETD_CHANGE_COOKIE]);
	c.family = nla_get_u16(tb[SOCKETD_CHANGE_FAMILY]);
	c.protocol = nla_get_u16(tb[SOCKETD_CHANGE_PROTOCOL]);
	c.old_state = nla_get_u8(tb[SOCKETD_CHANGE_OLD_STATE]);
	c.new_state = nla_get_u8(tb[SOCKETD_CHANGE_NEW_STATE]);
	if (c.cookie == 0)
		return -EBADMSG;
	c.time_nsec = tb[SOCKETD_CHANGE_TIME] ? nla_get_u64(tb[SOCKETD_CHANGE_TIME]) : 0;
	c.inode = tb[SOCKETD_CHANGE_INODE] ? nla_get_u64(tb[SOCKETD_CHANGE_INODE]) : 0;
	c.ifindex = tb[SOCKETD_CHANGE_IFINDEX] ? nla_get_u32(tb[SOCKETD_CHANGE_IFINDEX]) : 0;
	e->tells_lost = tb[SOCKETD_CHANGE_LOST];
	c.n_lost = e->tells_lost ? nla_get_u64(tb[SOCKETD_CHANGE_LOST]) : 0;
	c.has_uid = tb[SOCKETD_CHANGE_UID];
	c.uid = c.has_uid ? nla_get_u32(tb[SOCKETD_CHANGE_UID]) : 0;
	c.has_local = take_address(tb[SOCKETD_CHANGE_LOCAL], c.family, &c.local);
	c.has_peer = take_address(tb[SOCKETD_CHANGE_PEER], c.family, &c.peer);
	take_process(e, tb, &c);
	*ret = c;
	return 0;
}

/* Whether the controller says that our family goes. Others come and go, too. */
static bool is_farewell(const struct events_source *e, struct nlmsghdr *h)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1] = {};

	if (!genlmsg_valid_hdr(h, 0) || ((struct genlmsghdr *)nlmsg_data(h))->cmd != CTRL_CMD_DELFAMILY ||
	    nla_parse(tb, CTRL_ATTR_MAX, genlmsg_attrdata(nlmsg_data(h), 0), genlmsg_attrlen(nlmsg_data(h), 0), NULL) < 0)
		return false;
	return tb[CTRL_ATTR_FAMILY_ID] && nla_len(tb[CTRL_ATTR_FAMILY_ID]) >= 2 &&
	       nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]) == e->family;
}

/*
 * LOST counts what our queue had no room for, which its own counter has told of
 * already, and what the module had no memory for. How many are new.
 */
static uint64_t count_told_lost(struct events_source *e, const struct state_change *c)
{
	uint64_t lost = 0;

	if (!e->tells_lost)
		return 0;
	if (!e->has_lost) {
		/* What was lost before we listened was not for us. */
		e->has_lost = true;
		e->lost_known = c->n_lost;
		return 0;
	}
	if (c->n_lost > e->lost_known) {
		lost = c->n_lost - e->lost_known;
		e->lost_known = c->n_lost;
	}
	return lost;
}

typedef void (*change_fn)(void *ctx, const struct state_change *c);

/* 1; -EBADMSG; -ENOENT; -ENOBUFS. */
static int take_message(struct events_source *e, struct nlmsghdr *h, change_fn change, void *ctx, uint64_t *ret_lost)
{
	struct state_change c;
	uint64_t lost;
	int r;

	if (h->nlmsg_type == GENL_ID_CTRL)
		return is_farewell(e, h) ? -ENOENT : 1;
	if (h->nlmsg_type != e->family || !genlmsg_valid_hdr(h, 0))
		return -EBADMSG;
	/* Of a later module. */
	if (((struct genlmsghdr *)nlmsg_data(h))->cmd != SOCKETD_CMD_STATE)
		return 1;
	r = parse_change(e, h, &c);
	if (r < 0)
		return r;
	lost = count_told_lost(e, &c);
	change(ctx, &c);
	if (lost == 0)
		return 1;
	*ret_lost = lost;
	return -ENOBUFS;
}

static int take_datagram(struct events_source *e, uint8_t *data, size_t len, change_fn change, void *ctx, uint64_t *ret_lost)
{
	struct nlmsghdr *h = (struct nlmsghdr *)data;
	int left = (int)len, result = -EBADMSG;

	for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		uint64_t lost = 0;
		int r = take_message(e, h, change, ctx, &lost);

		if (r == -ENOENT || r == -EBADMSG)
			return r;
		if (r == -ENOBUFS)
			*ret_lost = (result == -ENOBUFS ? *ret_lost : 0) + lost;
		if (result != -ENOBUFS)
			result = r;
	}
	return left > 0 ? -EBADMSG : result;
}

int events_source_receive(struct events_source *e, change_fn change, void *ctx, uint64_t *ret_lost)
{
	_Alignas(8) uint8_t buf[MESSAGE_MAX];
	ssize_t n = multicast_receive(&e->group, e->fd, buf, sizeof(buf), ret_lost);

	/* Before the first change it is not known where LOST begins: what is lost until then is in it. */
	if (n == -ENOBUFS)
		e->lost_known += e->has_lost ? *ret_lost : 0;
	if (n < 0)
		return (int)n;
	/* Netlink has no end; what tests listen to has. */
	if (n == 0)
		return -ENOENT;
	return take_datagram(e, buf, (size_t)n, change, ctx, ret_lost);
}
