/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The devices of a network namespace: a cache of libnl-route-3, kept current by events */

#include "source/links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "snapshot/writer.h"

#define EVENTS_BUFFER (256 * 1024)
#define EVENTS_AT_ONCE 256   /* of one links_receive() */
#define DRAIN_MAX 65536      /* events that are thrown away for a refill */
#define ANSWER_SEC 2         /* the kernel makes a dump as it is read: it does not wait */

struct links {
	uint64_t netns;
	struct nl_sock *request, *events;
	struct nl_cache *cache;
	bool stale;   /* events were lost, and what is there was not read again since */
	bool changed; /* by an event of the links_receive() under way */
};

static int errno_of(int nl_error)
{
	switch (nl_error < 0 ? -nl_error : nl_error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_INVAL:
		return -EINVAL;
	}
	return -EIO;
}

static void nl_socket_free_cleanup(struct nl_sock **s)
{
	if (*s)
		nl_socket_free(*s);
}

/* Takes fd, also on failure; -1: a new one in our namespace. */
static int open_socket(struct nl_sock **ret, int taken)
{
	CLEANUP(close) int fd = taken >= 0 ? taken : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	CLEANUP(nl_socket_free) struct nl_sock *s = NULL;
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int r;

	if (fd < 0)
		return -errno;
	/* The kernel chooses its number now, and libnl reads it: not one of libnl's choice, which may be taken there. */
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 && errno != EINVAL)
		return -errno;
	s = nl_socket_alloc();
	if (!s)
		return -ENOMEM;
	r = nl_socket_set_fd(s, NETLINK_ROUTE, fd);
	if (r < 0)
		return errno_of(r);
	(void)steal_fd(&fd);
	*ret = STEAL_PTR(s);
	return 0;
}

static int open_request(struct nl_sock **ret, int fd)
{
	const struct timeval patience = { .tv_sec = ANSWER_SEC };
	struct nl_sock *s;
	int r, flags;

	r = open_socket(&s, fd);
	if (r < 0)
		return r;
	flags = fcntl(nl_socket_get_fd(s), F_GETFL);
	if (flags < 0 || fcntl(nl_socket_get_fd(s), F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
		r = -errno;
		nl_socket_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* The ports of a bridge are told once more, as such, and so is that they are none any more. */
static bool is_of_device(const struct nlmsghdr *head)
{
	const struct ifinfomsg *info = nlmsg_data(head);

	return (head->nlmsg_type == RTM_NEWLINK || head->nlmsg_type == RTM_DELLINK) &&
	       nlmsg_datalen(head) >= (int)sizeof(*info) && info->ifi_family == AF_UNSPEC;
}

static void apply_object(struct nl_object *object, void *ctx)
{
	struct rtnl_link *link = (struct rtnl_link *)object, *before;
	struct links *l = ctx;
	bool gone = nl_object_get_msgtype(object) == RTM_DELLINK;
	const char *name = rtnl_link_get_name(link), *old;

	before = rtnl_link_get(l->cache, rtnl_link_get_ifindex(link));
	old = before ? rtnl_link_get_name(before) : NULL;
	if (gone ? old != NULL : !old || (name && strcmp(name, old) != 0))
		l->changed = true;
	rtnl_link_put(before);
	/* What cannot be kept is as an event that was lost. */
	if (nl_cache_include(l->cache, object, NULL, NULL) < 0)
		l->stale = true;
}

static int on_event(struct nl_msg *msg, void *ctx)
{
	struct links *l = ctx;

	if (is_of_device(nlmsg_hdr(msg)) && nl_msg_parse(msg, apply_object, l) < 0)
		l->stale = true;
	return NL_OK;
}

static int open_events(struct links *l, int fd)
{
	int r = open_socket(&l->events, fd);

	if (r < 0)
		return r;
	nl_socket_disable_seq_check(l->events);
	r = nl_socket_set_nonblocking(l->events);
	if (r >= 0)
		r = nl_socket_modify_cb(l->events, NL_CB_VALID, NL_CB_CUSTOM, on_event, l);
	if (r >= 0)
		r = nl_socket_add_membership(l->events, RTNLGRP_LINK);
	if (r < 0)
		return errno_of(r);
	/* As much as it may have. */
	(void)nl_socket_set_buffer_size(l->events, EVENTS_BUFFER, 0);
	return 0;
}

/* A new cache in the place of the old one, which stays where that fails. */
static int fill(struct links *l)
{
	struct nl_cache *cache;
	int r = rtnl_link_alloc_cache(l->request, AF_UNSPEC, &cache);

	if (r < 0)
		return errno_of(r);
	if (l->cache)
		nl_cache_free(l->cache);
	l->cache = cache;
	return 0;
}

int links_new(struct links **ret, uint64_t netns_ino, int request_fd, int event_fd)
{
	CLEANUP(links_free) struct links *l = calloc(1, sizeof(*l));
	CLEANUP(close) int request = request_fd, event = event_fd;
	int r;

	if (!l)
		return -ENOMEM;
	l->netns = netns_ino;
	r = open_request(&l->request, steal_fd(&request));
	/* Listening first: what changes while the cache is filled is told as well. */
	if (r >= 0)
		r = open_events(l, steal_fd(&event));
	if (r >= 0)
		r = fill(l);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(l);
	return 0;
}

struct links *links_free(struct links *l)
{
	if (!l)
		return NULL;
	if (l->cache)
		nl_cache_free(l->cache);
	if (l->events)
		nl_socket_free(l->events);
	if (l->request)
		nl_socket_free(l->request);
	free(l);
	return NULL;
}

int links_fd(const struct links *l)
{
	return nl_socket_get_fd(l->events);
}

/*
 * What is queued goes unread: an event from before the loss, behind a cache from
 * after it, would bring back a device whose end was among what was lost.
 */
static int refill(struct links *l)
{
	char byte;
	int r;

	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(links_fd(l), &byte, sizeof(byte), MSG_DONTWAIT) < 0 && errno != ENOBUFS && errno != EINTR)
			break;
	l->stale = true;
	r = fill(l);
	if (r < 0)
		return r;
	l->stale = false;
	l->changed = true;
	return 0;
}

int links_receive(struct links *l)
{
	int r = 0;

	l->changed = false;
	for (int i = 0; i < EVENTS_AT_ONCE && !l->stale && r >= 0; i++)
		r = nl_recvmsgs_default(l->events);
	/* ENOBUFS is NLE_NOMEM to libnl; whatever else it finds wrong, what it was about is not in the cache. */
	if (l->stale || (r < 0 && r != -NLE_AGAIN)) {
		r = refill(l);
		if (r < 0)
			return r;
	}
	return l->changed;
}

static int write_cache(struct nl_cache *cache, uint64_t netns, struct arena *a)
{
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_link *link = (struct rtnl_link *)o;
		struct attr_block b;
		int r;

		if (!rtnl_link_get_name(link))
			continue;
		attr_block_begin(&b, SOCKETD_BLOCK_LINK);
		attr_block_u32(&b, SOCKETD_LINK_IFINDEX, (uint32_t)rtnl_link_get_ifindex(link));
		attr_block_string(&b, SOCKETD_LINK_NAME, rtnl_link_get_name(link));
		attr_block_u64(&b, SOCKETD_LINK_NETNS, netns);
		r = attr_block_write(&b, a);
		if (r < 0)
			return r;
	}
	return 0;
}

int links_write(const struct links *l, struct arena *a)
{
	return write_cache(l->cache, l->netns, a);
}

const char *links_name(const struct links *l, uint32_t ifindex)
{
	struct rtnl_link *link = ifindex <= INT32_MAX ? rtnl_link_get(l->cache, (int)ifindex) : NULL;
	const char *name = link ? rtnl_link_get_name(link) : NULL;

	/* The cache has it still. */
	rtnl_link_put(link);
	return name;
}

uint32_t links_ifindex(const struct links *l, const char *name)
{
	return (uint32_t)rtnl_link_name2i(l->cache, name);
}

int links_write_once(struct arena *a, uint64_t netns_ino, int request_fd)
{
	CLEANUP(nl_socket_free) struct nl_sock *request = NULL;
	struct nl_cache *cache;
	int r = open_request(&request, request_fd);

	if (r < 0)
		return r;
	r = rtnl_link_alloc_cache(request, AF_UNSPEC, &cache);
	if (r < 0)
		return errno_of(r);
	r = write_cache(cache, netns_ino, a);
	nl_cache_free(cache);
	return r;
}
