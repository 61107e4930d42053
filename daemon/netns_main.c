/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socketd-netns: opens sockets inside network namespaces for a daemon that may not enter them */

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "log.h"
#include "model/cleanup.h"
#include "socketd/dbus.h"
#include "socketd/netns.h"
#include "source/netns_door.h"

#define CONNECTIONS_MAX 64
#define IDLE_SEC 60
#define USER_DEFAULT "socketd"

#define CAPABILITIES (UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_NET_ADMIN)

struct helper {
	const char *listen_path; /* NULL: the socket is handed over */
	const char *user;
	uid_t uid;               /* who may ask, beside root; 0 for nobody else */
	bool activated;
	/* The first is the listening socket. */
	struct pollfd fds[1 + CONNECTIONS_MAX];
	size_t n_fds;
	struct log_limit strangers;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	(void)signal;
	ended = 1;
}

/* They come while poll(2) waits, and never just before it. */
static void catch_signals(void)
{
	const struct sigaction act = { .sa_handler = on_signal };
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
}

static void print_help(void)
{
	printf("Usage: socketd-netns [OPTION]...\n\n"
	       "Opens sockets inside network namespaces for socketd(8), which may not enter them.\n"
	       "systemd starts it when it is needed.\n\n"
	       "  --listen=PATH    listen at PATH, not on the socket that systemd hands over\n"
	       "                   (that is %s)\n"
	       "  --user=USER      whom to serve beside root (default %s)\n"
	       "  -h, --help       this text\n"
	       "      --version    the version\n",
	       SOCKETD_NETNS_SOCKET, USER_DEFAULT);
}

/* 1 go on, 0 done, negative: wrong usage. */
static int parse_arguments(int argc, char **argv, struct helper *h)
{
	enum { OPT_LISTEN = 256, OPT_USER, OPT_VERSION };
	static const struct option options[] = {
		{ "listen", required_argument, NULL, OPT_LISTEN },
		{ "user", required_argument, NULL, OPT_USER },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case OPT_LISTEN:
			h->listen_path = optarg;
			break;
		case OPT_USER:
			h->user = optarg;
			break;
		case 'h':
			print_help();
			return 0;
		case OPT_VERSION:
			puts("socketd-netns " SOCKETD_VERSION);
			return 0;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "socketd-netns: no arguments are taken, but there is \"%s\"; see socketd-netns --help\n", argv[optind]);
		return -EINVAL;
	}
	return 1;
}

/* -ENOENT for a user that was named and is not there; without the default one root alone is served. */
static int find_user(struct helper *h)
{
	const char *name = h->user ? h->user : USER_DEFAULT;
	const struct passwd *user = getpwnam(name);

	if (!user && h->user) {
		log_line(LOG_ERR, "--user=%s: there is no such user", h->user);
		return -ENOENT;
	}
	h->uid = user ? user->pw_uid : 0;
	return 0;
}

/*
 * Of what we may there remain two: setns(2) takes CAP_SYS_ADMIN, and a socket shows
 * marks and the like when who opened it had CAP_NET_ADMIN. The namespaces are
 * opened by who asks. Where the service manager has seen to it already nothing is
 * left to do, and capset(2) may not be allowed.
 */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};
	uint64_t has;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(CAPABILITIES & UINT64_C(1) << cap))
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	has = data[0].permitted | (uint64_t)data[1].permitted << 32;
	if ((has & ~CAPABILITIES) == 0)
		return 0;
	has &= CAPABILITIES;
	for (unsigned int i = 0; i < 2; i++) {
		data[i].permitted = data[i].effective = (uint32_t)(has >> (32 * i));
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	CLEANUP(close) int fd = -1;
	size_t len = strlen(path);
	mode_t mask;
	int r;

	if (len >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Who may ask is told by SO_PEERCRED: anybody may connect, and is refused. */
	mask = umask(0111);
	r = bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	return listen(fd, CONNECTIONS_MAX) < 0 ? -errno : steal_fd(&fd);
}

static int open_listener(struct helper *h)
{
	int n, r;

	if (h->listen_path) {
		r = listen_at(h->listen_path);
		if (r < 0)
			log_line(LOG_ERR, "--listen=%s: %s", h->listen_path, strerror(-r));
		return r;
	}
	n = sd_listen_fds(1);
	if (n != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0) {
		log_line(LOG_ERR, "no listening socket was handed over; systemd starts socketd-netns, or give --listen=");
		return n < 0 ? n : -ENOTCONN;
	}
	h->activated = true;
	return SD_LISTEN_FDS_START;
}

static bool may_ask(struct helper *h, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == h->uid)
		return true;
	log_limited(&h->strangers, LOG_WARNING, "refused: process %d of user %u asked", (int)peer.pid, (unsigned int)peer.uid);
	return false;
}

static void take_connection(struct helper *h)
{
	int fd = accept4(h->fds[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!may_ask(h, fd)) {
		close(fd);
		return;
	}
	h->fds[h->n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* The thing that is asked for, or a negative errno; -EBADMSG for what ends the connection. */
static int open_asked(const struct socketd_netns_request *q, int ns_fd)
{
	const char *name = q->name[0] ? q->name : NULL;

	if (q->version != SOCKETD_NETNS_VERSION)
		return -EPROTONOSUPPORT;
	if (q->name[sizeof(q->name) - 1] || !netns_thing_is_known(q->thing, name) || ns_fd < 0 || !netns_is_net(ns_fd))
		return -EBADMSG;
	return netns_open_inside(ns_fd, q->thing, name);
}

/* One request. Negative when the connection is over. */
static int serve_connection(int connection)
{
	struct socketd_netns_request request;
	struct socketd_netns_reply reply = {};
	CLEANUP(close) int ns_fd = -1, fd = -1;
	ssize_t n = netns_door_receive(connection, &request, sizeof(request), &ns_fd);

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	if (n != sizeof(request))
		return -EBADMSG;
	fd = open_asked(&request, ns_fd);
	if (fd == -EBADMSG)
		return fd;
	reply.error = fd < 0 ? fd : 0;
	/* Who does not take the answer needs none. */
	return netns_door_send(connection, &reply, sizeof(reply), fd);
}

static void serve_connections(struct helper *h)
{
	for (size_t i = h->n_fds; i-- > 1;) {
		if (!h->fds[i].revents || serve_connection(h->fds[i].fd) >= 0)
			continue;
		close(h->fds[i].fd);
		h->fds[i] = h->fds[--h->n_fds];
	}
}

/* Until a signal, or until nobody has asked for a while: the socket is systemd's, who starts us again. */
static int serve(struct helper *h)
{
	const struct timespec idle = { .tv_sec = IDLE_SEC };
	sigset_t none;

	sigemptyset(&none);
	while (!ended) {
		int n;

		h->fds[0].events = h->n_fds < ARRAY_SIZE(h->fds) ? POLLIN : 0;
		n = ppoll(h->fds, h->n_fds, h->activated && h->n_fds == 1 ? &idle : NULL, &none);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		serve_connections(h);
		if (h->fds[0].revents & POLLIN)
			take_connection(h);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct helper h = {};
	int r;

	r = parse_arguments(argc, argv, &h);
	if (r <= 0)
		return r < 0 ? 2 : 0;
	log_open(LOG_INFO);
	catch_signals();
	if (find_user(&h) < 0)
		return 1;
	r = open_listener(&h);
	if (r < 0)
		return 1;
	h.fds[0].fd = r;
	h.n_fds = 1;
	r = drop_capabilities();
	if (r < 0)
		log_line(LOG_ERR, "cannot give up capabilities: %s", strerror(-r));
	else
		r = serve(&h);
	if (h.listen_path)
		(void)unlink(h.listen_path);
	return r < 0 ? 1 : 0;
}
