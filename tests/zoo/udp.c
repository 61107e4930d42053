/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP and UDP-Lite: bound, connected, with datagrams unread, half shut, with drops */

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define READS (READ_INET | READ_MEMORY | READ_QUIET)

struct way {
	int family;
	int protocol;
	const char *kind;
	const char *prefix;
	const char *address;
};

static int make_bound(const struct way *w, struct sockaddr_storage *ret_ss, socklen_t *ret_len)
{
	int fd = must(socket(w->family, SOCK_DGRAM | SOCK_CLOEXEC, w->protocol));

	*ret_len = make_address(w->family, w->address, 0, ret_ss);
	must(bind(fd, (void *)ret_ss, *ret_len));
	must(getsockname(fd, (void *)ret_ss, ret_len));
	return fd;
}

/* Recv-Q of UDP is the memory of the queue (sk_rmem_alloc), not the bytes. */
static void expect_queues(struct entry *e)
{
	expect_u64(e, "recv_q", read_meminfo(e->fd, SK_MEMINFO_RMEM_ALLOC));
	expect_u64(e, "send_q", read_meminfo(e->fd, SK_MEMINFO_WMEM_ALLOC));
}

static void add_way(const struct way *w)
{
	struct sockaddr_storage ss, to;
	socklen_t len, to_len;
	int fd, other;
	struct entry *e;

	fd = make_bound(w, &ss, &len);
	e = zoo_add(w->kind, fd, READS, "bound, not connected", "%s-bound", w->prefix);
	expect_str(e, "state", "UNCONN");
	expect_u64(e, "recv_q", 0);
	expect_shutdown(e, 0);
	expect_bool(e, "inet_is_icsk", false);

	fd = make_bound(w, &ss, &len);
	other = make_bound(w, &to, &to_len);
	must(connect(fd, (void *)&to, to_len));
	must(connect(other, (void *)&ss, len));
	e = zoo_add(w->kind, fd, READS, "connected", "%s-connected", w->prefix);
	expect_str(e, "state", "ESTAB");
	for (int i = 0; i < 3; i++)
		must(send(fd, "datagram", 8, 0));
	e = zoo_add(w->kind, other, READS, "3 datagrams unread", "%s-unread", w->prefix);
	expect_str(e, "state", "ESTAB");
	expect_queues(e);
	expect_min(e, "sk_rmem_alloc", 24);

	for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
		static const char *const names[] = { "read", "write", "both" };

		fd = make_bound(w, &ss, &len);
		must(connect(fd, (void *)&to, to_len));
		must(shutdown(fd, how));
		e = zoo_add(w->kind, fd, READS, "shut down", "%s-shutdown-%s", w->prefix, names[how]);
		expect_shutdown(e, how + 1);
		expect_str(e, "state", "ESTAB");
	}

	/* A receive buffer that holds one or two, and 20 datagrams: the rest is counted as dropped. */
	fd = make_bound(w, &ss, &len);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 1);
	other = make_bound(w, &to, &to_len);
	for (int i = 0; i < 20; i++)
		must(sendto(other, "datagram", 8, 0, (void *)&ss, len));
	e = zoo_add(w->kind, fd, READS, "a receive queue that overflows", "%s-drops", w->prefix);
	expect_queues(e);
	must(read_meminfo(fd, SK_MEMINFO_DROPS) > 0 ? 0 : -1);
	expect_u64(e, "sk_drops", read_meminfo(fd, SK_MEMINFO_DROPS));
	zoo_add(w->kind, other, READS, "sends without being connected", "%s-sender", w->prefix);
}

static void add_options(const struct way *w)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct entry *e;
	int fd;

	fd = must(socket(w->family, SOCK_DGRAM | SOCK_CLOEXEC, w->protocol));
	len = make_address(w->family, w->family == AF_INET ? "0.0.0.0" : "::", 0, &ss);
	must(bind(fd, (void *)&ss, len));
	set_int(fd, SOL_SOCKET, SO_MARK, 0x77);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 33333);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 44444);
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	set_int(fd, IPPROTO_IP, IP_TOS, 0x20);
	if (w->family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x40);
	e = zoo_add(w->kind, fd, READS, "wildcard, mark, buffers, device, traffic class, no multicast loop",
		    "%s-options", w->prefix);
	expect_u64(e, "sk_mark", 0x77);
	expect_u64(e, "tos", 0x20);
	expect_str(e, "dev", "lo");
	expect_bool(e, "inet_mc_loop", false);
	expect_u64(e, "sk_rcvbuf", 66666);
	expect_u64(e, "sk_sndbuf", 88888);
	expect_str(e, "local", w->family == AF_INET ? "0.0.0.0" : "::");

	if (w->family == AF_INET6) {
		fd = must(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, w->protocol));
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		len = make_address(AF_INET6, "::", 0, &ss);
		must(bind(fd, (void *)&ss, len));
		e = zoo_add(w->kind, fd, READS, "IPV6_V6ONLY", "%s-v6only", w->prefix);
		expect_bool(e, "ipv6only", true);
	}
	for (int i = 0; i < 2; i++) {
		fd = must(socket(w->family, SOCK_DGRAM | SOCK_CLOEXEC, w->protocol));
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		if (i == 0)
			len = make_address(w->family, w->address, 0, &ss);
		must(bind(fd, (void *)&ss, len));
		must(getsockname(fd, (void *)&ss, &len));
		zoo_add(w->kind, fd, READS, "two sockets on one port (SO_REUSEPORT)", "%s-reuseport-%d", w->prefix, i);
	}
	fd = must(socket(w->family, SOCK_DGRAM | SOCK_CLOEXEC, w->protocol));
	e = zoo_add(w->kind, fd, 0, "made and left alone: in no table of UDP", "%s-closed", w->prefix);
	e->listed = LISTED_MAYBE;
}

void zoo_udp(void)
{
	static const struct way ways[] = {
		{ AF_INET, IPPROTO_UDP, "udp", "udp4", "127.0.0.1" },
		{ AF_INET6, IPPROTO_UDP, "udp", "udp6", "::1" },
		{ AF_INET, IPPROTO_UDPLITE, "udplite", "udplite4", "127.0.0.1" },
		{ AF_INET6, IPPROTO_UDPLITE, "udplite", "udplite6", "::1" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd = socket(ways[i].family, SOCK_DGRAM | SOCK_CLOEXEC, ways[i].protocol);

		if (fd < 0) {
			zoo_skip(ways[i].prefix, errno, "not in this kernel");
			continue;
		}
		close(fd);
		add_way(&ways[i]);
		add_options(&ways[i]);
	}
}
