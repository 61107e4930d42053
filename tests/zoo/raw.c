/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Raw IP sockets and ping sockets; where the kernel has no raw_diag, /proc/net is what shows them */

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define PING_RANGE "/proc/sys/net/ipv4/ping_group_range"
/* For experiments (RFC 3692): nobody else on the host reads it. */
#define PROTOCOL 253

struct way {
	int family;
	const char *suffix;
	const char *address;
	const char *any;
};

static const struct way ways[] = {
	{ AF_INET, "4", "127.0.0.1", "0.0.0.0" },
	{ AF_INET6, "6", "::1", "::" },
};

static void add_raw(const struct way *w)
{
	bool dumped = kernel_dumps(w->family, IPPROTO_RAW);
	unsigned reads = READ_INET | READ_MEMORY | READ_QUIET | (dumped ? 0 : READ_NO_DIAG);
	struct sockaddr_storage ss;
	socklen_t len = make_address(w->family, w->address, 0, &ss);
	struct entry *e;
	int fd;

	fd = socket(w->family, SOCK_RAW | SOCK_CLOEXEC, PROTOCOL);
	if (fd < 0) {
		zoo_skip("raw", errno, "no raw sockets");
		return;
	}
	drop_all_input(fd);
	e = zoo_add("raw", fd, reads, "wildcard, protocol 253", "raw%s-any", w->suffix);
	expect_str(e, "local", w->any);
	expect_u64(e, "local_port", PROTOCOL);
	expect_str(e, "state", "UNCONN");
	expect_u64(e, "recv_q", 0);

	fd = must(socket(w->family, SOCK_RAW | SOCK_CLOEXEC, PROTOCOL));
	must(bind(fd, (void *)&ss, len));
	must(connect(fd, (void *)&ss, len));
	must(send(fd, "unread raw packet", 17, 0));
	e = zoo_add("raw", fd, reads, "bound and connected to itself, one packet unread", "raw%s-unread", w->suffix);
	expect_u64(e, "local_port", PROTOCOL);
	expect_str(e, "state", "ESTAB");
	expect_str(e, "peer", w->address); /* getpeername wants a port */
	expect_min(e, "recv_q", 17);
	if (dumped) {
		expect_shutdown(e, 0);
		expect_u64(e, "sk_protocol", PROTOCOL);
		expect_u64(e, "recv_q", read_meminfo(fd, SK_MEMINFO_RMEM_ALLOC));
	}

	fd = must(socket(w->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
	e = zoo_add("raw", fd, reads, "IPPROTO_RAW: sends whole headers", "raw%s-hdrincl", w->suffix);
	expect_u64(e, "local_port", IPPROTO_RAW);
	if (dumped)
		expect_bool(e, "inet_hdrincl", true);
}

static int make_echo(int family, void *buf)
{
	if (family == AF_INET) {
		struct icmphdr *h = memset(buf, 0, sizeof(*h));

		h->type = ICMP_ECHO;
		h->un.echo.sequence = htons(1);
		return sizeof(*h);
	} else {
		struct icmp6_hdr *h = memset(buf, 0, sizeof(*h));

		h->icmp6_type = ICMP6_ECHO_REQUEST;
		h->icmp6_seq = htons(1);
		return sizeof(*h);
	}
}

static void add_ping(const struct way *w)
{
	int protocol = w->family == AF_INET ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	unsigned reads = READ_INET | READ_NO_DIAG;
	struct sockaddr_storage ss;
	socklen_t len = make_address(w->family, w->address, 4711, &ss);
	struct entry *e;
	char name[16], buf[64];
	int fd;

	fd = socket(w->family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
	if (fd < 0) {
		snprintf(name, sizeof(name), "ping%s", w->suffix);
		zoo_skip(name, errno, "no ping sockets, or net.ipv4.ping_group_range shuts us out");
		return;
	}
	must(bind(fd, (void *)&ss, len));
	e = zoo_add("icmp", fd, reads, "bound, identifier 4711", "ping%s-bound", w->suffix);
	expect_u64(e, "local_port", 4711);
	expect_str(e, "state", "UNCONN");

	fd = must(socket(w->family, SOCK_DGRAM | SOCK_CLOEXEC, protocol));
	((struct sockaddr_in *)&ss)->sin_port = 0;
	must(connect(fd, (void *)&ss, len));
	must(send(fd, buf, make_echo(w->family, buf), 0));
	must(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 1000) == 1 ? 0 : -1);
	e = zoo_add("icmp", fd, reads, "connected, the answer to an echo request unread", "ping%s-unread", w->suffix);
	expect_u64(e, "recv_q", read_meminfo(fd, SK_MEMINFO_RMEM_ALLOC));
	expect_str(e, "peer", w->address);
	expect_str(e, "state", "ESTAB");
}

/* Opens ping sockets to root for the moment in which ours are made: only socket() looks at it. */
static void add_pings(void)
{
	char before[64] = "";
	ssize_t n = 0;
	int fd;

	fd = open(PING_RANGE, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, before, sizeof(before));
		if (pwrite(fd, "0 0", 3, 0) < 0)
			n = 0;
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		add_ping(&ways[i]);
	if (n > 0)
		must(pwrite(fd, before, n, 0));
	if (fd >= 0)
		close(fd);
}

void zoo_raw(void)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		add_raw(&ways[i]);
	add_pings();
}
