/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets and files inside other network namespaces: by setns(2), or by the helper that may */

#include "source/netns_door.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>

#include "model/source_id.h"
#include "socketd/dbus.h"
#include "socketd/netns.h"

#define PATIENCE_SEC 1
/* More descriptors than one message of ours has; the kernel leaves out, and says so, what does not fit. */
#define RECEIVE_FDS_MAX 4

/* The helper did not answer: whichever door asked, all leave it alone, for who asks waits and does nothing else. */
static uint64_t rest_until_usec;

struct netns_door {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

int netns_door_new_at(struct netns_door **ret, const char *path)
{
	struct netns_door *d;

	if (strlen(path) >= sizeof(d->path))
		return -ENAMETOOLONG;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	strncpy(d->path, path, sizeof(d->path) - 1);
	*ret = d;
	return 0;
}

int netns_door_new(struct netns_door **ret)
{
	return netns_door_new_at(ret, SOCKETD_NETNS_SOCKET);
}

struct netns_door *netns_door_free(struct netns_door *d)
{
	free(d);
	return NULL;
}

static uint64_t now_usec(void)
{
	struct timespec ts = {};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

bool netns_is_net(int fd)
{
	struct statfs fs;

	/* The ioctl is asked of namespaces alone: its number is another's request elsewhere. */
	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

bool netns_thing_is_known(uint32_t thing, const char *name)
{
	const struct source_def *def;

	if (thing != NETNS_PROC)
		return thing >= NETNS_SOCK_DIAG && thing <= NETNS_GENERIC && !name;
	/* How many sockets there are (track/census.c). */
	if (name && (!strcmp(name, "sockstat") || !strcmp(name, "sockstat6")))
		return true;
	for (uint32_t id = 1; name && (def = source_def_get(id)); id++)
		if (def->proc[0] && !strcmp(def->proc, name))
			return true;
	return false;
}

int netns_enter_fd(const struct netns *ns)
{
	const char *path = ns->own ? "/proc/thread-self/ns/net" : ns->path;
	CLEANUP(close) int place = -1;
	char again[48];
	struct stat st;
	struct statfs fs;
	int fd;

	if (!path)
		return -EACCES;
	/* Looked at before it is opened: by now the path can lead to a device or a queue. */
	place = open(path, O_PATH | O_CLOEXEC);
	/* Of a process that ends just now the kernel says this, and the next time that it is not there (proc_ns_get_link). */
	if (place < 0 && errno == EACCES)
		place = open(path, O_PATH | O_CLOEXEC);
	if (place < 0)
		/* Processes that end, and mounts that go, say these too. */
		return errno == ESRCH || errno == ENOTDIR ? -ENOENT : -errno;
	if (fstat(place, &st) < 0 || fstatfs(place, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC || st.st_ino != ns->ino)
		return -ESTALE;
	snprintf(again, sizeof(again), "/proc/thread-self/fd/%d", place);
	fd = open(again, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!netns_is_net(fd)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int open_thing(enum netns_thing thing, const char *name)
{
	char path[64];
	int fd = -1;

	switch (thing) {
	case NETNS_SOCK_DIAG:
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
		break;
	case NETNS_ROUTE:
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
		break;
	case NETNS_GENERIC:
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
		break;
	case NETNS_PROC:
		snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		break;
	}
	return fd < 0 ? -errno : fd;
}

int netns_open_inside(int ns_fd, enum netns_thing thing, const char *name)
{
	CLEANUP(close) int back = -1;
	int fd;

	if (!netns_thing_is_known(thing, name))
		return -EINVAL;
	back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (back < 0)
		return -errno;
	if (setns(ns_fd, CLONE_NEWNET) < 0)
		return -errno;
	fd = open_thing(thing, name);
	/* In another namespace than it thinks it would tell lies from now on. */
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	return fd;
}

int netns_door_send(int fd, const void *data, size_t len, int passed_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (passed_fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &passed_fd, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* How many descriptors came; all but the first are closed. */
static unsigned int take_fds(struct msghdr *msg, int *ret_fd)
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n_fds; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n++ == 0)
				*ret_fd = fd;
			else
				close(fd);
		}
	}
	return n;
}

ssize_t netns_door_receive(int fd, void *data, size_t size, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(RECEIVE_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	CLEANUP(close) int passed = -1;
	unsigned int n_fds;
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	n_fds = take_fds(&msg, &passed);
	if (n_fds > 1 || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EBADMSG;
	*ret_fd = steal_fd(&passed);
	return n;
}

/* The helper must be root's, or ours. */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static int helper_connect(const struct netns_door *d)
{
	CLEANUP(close) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = PATIENCE_SEC };
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	memcpy(to.sun_path, d->path, sizeof(to.sun_path));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : -EHOSTDOWN;
	return is_trusted(fd) ? steal_fd(&fd) : -EHOSTDOWN;
}

static int socket_number(int fd, int option)
{
	int v;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &len) == 0 ? v : -1;
}

/* Whether it is what was asked for. Of which namespace it is the helper alone can know. */
static bool is_thing(int fd, enum netns_thing thing)
{
	static const int protocols[] = {
		[NETNS_SOCK_DIAG] = NETLINK_SOCK_DIAG,
		[NETNS_ROUTE] = NETLINK_ROUTE,
		[NETNS_GENERIC] = NETLINK_GENERIC,
	};
	struct statfs fs;

	if (thing == NETNS_PROC)
		return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
	return socket_number(fd, SO_DOMAIN) == AF_NETLINK && socket_number(fd, SO_PROTOCOL) == protocols[thing] &&
	       fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* One connection a request: nothing is left over of a request that went wrong, and the helper can end when nobody asks. */
static int helper_ask(const struct netns_door *d, int ns_fd, enum netns_thing thing, const char *name)
{
	struct socketd_netns_request request = { .version = SOCKETD_NETNS_VERSION, .thing = thing };
	struct socketd_netns_reply reply;
	CLEANUP(close) int connection = helper_connect(d), fd = -1;
	ssize_t n;
	int r;

	if (connection < 0)
		return connection;
	if (name)
		strncpy(request.name, name, sizeof(request.name) - 1);
	r = netns_door_send(connection, &request, sizeof(request), ns_fd);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r == -EPIPE || r == -ECONNRESET ? -EHOSTDOWN : r;
	n = netns_door_receive(connection, &reply, sizeof(reply), &fd);
	if (n < 0)
		return n == -EAGAIN ? -ETIMEDOUT : n == -ECONNRESET ? -EHOSTDOWN : (int)n;
	/* It is there and ends the connection: it is not for us. */
	if (n == 0)
		return -EHOSTDOWN;
	if (n != sizeof(reply) || reply.error > 0 || reply.error < -4095 || (reply.error == 0) != (fd >= 0))
		return -EBADMSG;
	if (reply.error < 0)
		return reply.error;
	return is_thing(fd, thing) ? steal_fd(&fd) : -EBADMSG;
}

static bool may_enter(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	return syscall(SYS_capget, &head, data) == 0 && data[0].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

int netns_door_open(struct netns_door *d, int ns_fd, enum netns_thing thing, const char *name)
{
	uint64_t now;
	int r;

	if (!netns_thing_is_known(thing, name))
		return -EINVAL;
	if (may_enter())
		return netns_open_inside(ns_fd, thing, name);
	now = now_usec();
	if (now < rest_until_usec)
		return -ETIMEDOUT;
	r = helper_ask(d, ns_fd, thing, name);
	if (r == -ETIMEDOUT)
		rest_until_usec = now + NETNS_DOOR_REST_USEC;
	return r;
}
