/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small dealings with the kernel that every house of the zoo needs */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "zoo.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

long must_(long result, const char *what, const char *file, int line)
{
	if (result < 0) {
		fprintf(stderr, "zoo: %s:%d: %s: %s\n", file, line, what, strerror(errno));
		exit(1);
	}
	return result;
}

void set_int(int fd, int level, int option, int value)
{
	must(setsockopt(fd, level, option, &value, sizeof(value)));
}

int get_int(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = 0;

	must(getsockopt(fd, level, option, &value, &len));
	return value;
}

void drop_all_input(int fd)
{
	struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog prog = { .len = 1, .filter = &drop };

	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

int set_nonblock(int fd)
{
	must(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
	return fd;
}

void wait_for_state(int fd, unsigned state)
{
	struct tcp_info info;

	for (int i = 0; i < 200; i++) {
		socklen_t len = sizeof(info);

		must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
		if (info.tcpi_state == state)
			return;
		usleep(10000);
	}
	fprintf(stderr, "zoo: waited for %s, is %s\n", state_word(state), state_word(info.tcpi_state));
	exit(1);
}

void write_exactly(int fd, size_t n)
{
	static const char zeros[65536];

	while (n > 0) {
		ssize_t r = send(fd, zeros, n < sizeof(zeros) ? n : sizeof(zeros), MSG_NOSIGNAL);

		must(r);
		n -= r;
	}
}

bool kernel_at_least(unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;
	struct utsname u;

	must(uname(&u));
	must(sscanf(u.release, "%u.%u", &a, &b) == 2 ? 0 : -1);
	return a > major || (a == major && b >= minor);
}

bool kernel_dumps(int family, int protocol)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} req = {
		.h = { .nlmsg_len = sizeof(req),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = ~0u },
	};
	union {
		struct nlmsghdr h;
		char bytes[65536];
	} *answer = malloc(sizeof(*answer));
	bool yes = false;
	ssize_t n;
	int fd;

	fd = must(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	must(send(fd, &req, sizeof(req), 0));
	n = must(recv(fd, answer, sizeof(*answer), 0));
	/* A socket, or the end: yes. An error (ENOENT: no handler), which the end may carry, too: no. */
	if (n >= (ssize_t)sizeof(answer->h)) {
		const int *error = NLMSG_DATA(&answer->h);

		yes = answer->h.nlmsg_type == SOCK_DIAG_BY_FAMILY ||
		      (answer->h.nlmsg_type == NLMSG_DONE && *error >= 0);
	}
	close(fd);
	free(answer);
	return yes;
}

socklen_t make_address(int family, const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (void *)ret;
	struct sockaddr_in *in = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = family;
	if (family == AF_INET) {
		in->sin_port = htons(port);
		must(inet_pton(AF_INET, text, &in->sin_addr) == 1 ? 0 : -1);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	must(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1 ? 0 : -1);
	return sizeof(*in6);
}

int listen_on(int family, const char *address, int backlog)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(family, address, 0, &ss);
	int fd = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));

	must(bind(fd, (void *)&ss, len));
	must(listen(fd, backlog));
	return fd;
}

uint64_t socket_inode(int fd)
{
	struct stat st;

	must(fstat(fd, &st));
	return st.st_ino;
}

uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

struct tcp_pair make_tcp_pair(int family, const char *address, void (*prepare)(int fd, bool listener))
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(family, address, 0, &ss);
	struct tcp_pair p;

	p.listener = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	p.client = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (prepare) {
		prepare(p.listener, true);
		prepare(p.client, false);
	}
	must(bind(p.listener, (void *)&ss, len));
	must(listen(p.listener, 8));
	must(getsockname(p.listener, (void *)&ss, &len));
	must(connect(p.client, (void *)&ss, len));
	p.server = must(accept4(p.listener, NULL, NULL, SOCK_CLOEXEC));
	close(p.listener);
	p.listener = -1;
	return p;
}
