/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP sockets with every option that the kernel's table shows */

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zoo.h"

#define READS (READ_INET | READ_TCP | READ_MEMORY)
#define OTHER_UID 12345

static void prepare_buffers(int fd, bool listener)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUF, listener ? 60000 : 400000);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, listener ? 30000 : 50000);
}

static void prepare_marks(int fd, bool listener)
{
	set_int(fd, SOL_SOCKET, SO_MARK, listener ? 0xbeef : 0x1234abcd);
	set_int(fd, SOL_SOCKET, SO_PRIORITY, 6);
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	set_int(fd, IPPROTO_IP, IP_TOS, 0x48);
}

static void prepare_marks6(int fd, bool listener)
{
	set_int(fd, SOL_SOCKET, SO_MARK, listener ? 0xffffffff : 0x80000000);
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 0xb8);
}

static void prepare_maxseg(int fd, bool listener)
{
	set_int(fd, IPPROTO_TCP, TCP_MAXSEG, listener ? 1100 : 1200);
	set_int(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 10000000);
}

static void prepare_keepalive(int fd, bool listener)
{
	(void)listener;
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 3000);
}

static void add_pairs(int family, const char *prefix, const char *address)
{
	static const struct {
		const char *name;
		void (*prepare)(int fd, bool listener);
		int family; /* 0: both */
		const char *why;
	} kinds[] = {
		{ "buffers", prepare_buffers, 0, "SO_RCVBUF and SO_SNDBUF differ on the two sides" },
		{ "marks", prepare_marks, AF_INET, "SO_MARK, SO_PRIORITY, SO_BINDTODEVICE lo, IP_TOS" },
		{ "marks", prepare_marks6, AF_INET6, "SO_MARK, SO_BINDTODEVICE lo, IPV6_TCLASS" },
		{ "maxseg", prepare_maxseg, 0, "TCP_MAXSEG and SO_MAX_PACING_RATE" },
		{ "keepalive", prepare_keepalive, 0, "the keepalive timer runs" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct tcp_pair p;
		struct entry *c, *s;
		char buf[5000];

		if (kinds[i].family && kinds[i].family != family)
			continue;
		p = make_tcp_pair(family, address, kinds[i].prepare);
		write_exactly(p.client, sizeof(buf));
		must(recv(p.server, buf, sizeof(buf), MSG_WAITALL));
		c = zoo_add("tcp", p.client, READS | READ_QUIET, kinds[i].why, "%s-%s-client", prefix, kinds[i].name);
		s = zoo_add("tcp", p.server, READS | READ_QUIET, kinds[i].why, "%s-%s-server", prefix, kinds[i].name);
		if (kinds[i].prepare == prepare_marks) {
			expect_u64(c, "sk_mark", 0x1234abcd);
			expect_u64(c, "tos", 0x48);
			expect_str(c, "dev", "lo");
			expect_u64(c, "class_id", get_int(p.client, SOL_SOCKET, SO_PRIORITY));
			expect_str(s, "dev", "lo");
		} else if (kinds[i].prepare == prepare_marks6) {
			expect_u64(c, "sk_mark", 0x80000000);
			expect_u64(c, "tclass", 0xb8);
			expect_str(c, "dev", "lo");
		} else if (kinds[i].prepare == prepare_maxseg) {
			expect_u64(c, "tcpi_max_pacing_rate", 10000000);
		} else if (kinds[i].prepare == prepare_keepalive) {
			expect_u64(c, "idiag_timer_raw", 2);
		}
	}
}

/* Options that are bits of struct inet_sock: a socket for each, so that a bit in the wrong place shows. */
static void add_bits(void)
{
	static const struct {
		const char *name;
		int level;
		int option;
		int value;
		const char *field;
	} bits[] = {
		{ "recverr", IPPROTO_IP, IP_RECVERR, 1, "inet_recverr" },
		{ "recverr-rfc4884", IPPROTO_IP, 26, 1, "inet_recverr_rfc4884" },
		{ "freebind", IPPROTO_IP, IP_FREEBIND, 1, "inet_freebind" },
		{ "transparent", IPPROTO_IP, IP_TRANSPARENT, 1, "inet_transparent" },
		{ "bind-address-no-port", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, "inet_bind_address_no_port" },
		{ "no-mc-all", IPPROTO_IP, IP_MULTICAST_ALL, 0, "inet_mc_all" },
	};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		struct sockaddr_storage ss;
		socklen_t len = make_address(AF_INET, "127.0.0.1", 0, &ss);
		int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		struct entry *e;

		if (setsockopt(fd, bits[i].level, bits[i].option, &bits[i].value, sizeof(int)) < 0) {
			zoo_skip(bits[i].name, errno, "the kernel refuses the option");
			close(fd);
			continue;
		}
		if (bits[i].option != IP_BIND_ADDRESS_NO_PORT)
			must(bind(fd, (void *)&ss, len));
		must(listen(fd, 4));
		e = zoo_add("tcp", fd, READS | READ_QUIET, "one option that is a bit of struct inet_sock", "tcp4-%s",
			    bits[i].name);
		expect_bool(e, bits[i].field, bits[i].value);
	}
}

static void add_dual_stack(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int v6only[] = { 0, 1 }, fd, client, server;
	struct entry *e;

	for (size_t i = 0; i < 2; i++) {
		fd = must(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only[i]);
		len = make_address(AF_INET6, "::", 0, &ss);
		must(bind(fd, (void *)&ss, len));
		must(listen(fd, 9));
		e = zoo_add("tcp", fd, READS | READ_QUIET, "IPV6_V6ONLY on a wildcard listener", "tcp6-%s",
			    v6only[i] ? "v6only" : "dual");
		expect_bool(e, "ipv6only", v6only[i]);
		expect_str(e, "local", "::");
		if (v6only[i])
			continue;
		/* An IPv4 client of the dual-stack listener: mapped addresses on its side. */
		must(getsockname(fd, (void *)&ss, &len));
		len = make_address(AF_INET, "127.0.0.1", ntohs(((struct sockaddr_in6 *)&ss)->sin6_port), &ss);
		client = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		must(connect(client, (void *)&ss, len));
		server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
		zoo_add("tcp", client, READS | READ_QUIET, "IPv4 client of an IPv6 listener", "tcp4-to-dual");
		e = zoo_add("tcp", server, READS | READ_QUIET, "IPv4 client, seen by the IPv6 listener", "tcp6-mapped");
		expect_str(e, "local", "::ffff:127.0.0.1");
		expect_str(e, "peer", "::ffff:127.0.0.1");
		expect_str(e, "family", "inet6");
	}
}

static void add_congestion(void)
{
	static const char *const names[] = { "cubic", "reno", "bbr", "dctcp", "vegas", "htcp", "westwood" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct tcp_pair p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
		char buf[30000], skip[64];
		struct entry *e;

		if (setsockopt(p.client, IPPROTO_TCP, TCP_CONGESTION, names[i], strlen(names[i])) < 0) {
			snprintf(skip, sizeof(skip), "tcp4-%s", names[i]);
			zoo_skip(skip, errno, "congestion control is not in this kernel");
			close(p.client);
			close(p.server);
			continue;
		}
		for (int k = 0; k < 4; k++) {
			write_exactly(p.client, sizeof(buf));
			must(recv(p.server, buf, sizeof(buf), MSG_WAITALL));
		}
		e = zoo_add("tcp", p.client, READS | READ_QUIET, "TCP_CONGESTION set, 120000 bytes sent", "tcp4-%s",
			    names[i]);
		/* Without ECN on the way dctcp steps back to a Reno of its own name: TCP_CONGESTION tells. */
		if (strcmp(names[i], "dctcp"))
			expect_str(e, "icsk_ca_ops", names[i]);
		zoo_add("tcp", p.server, READS | READ_QUIET, "read 120000 bytes", "tcp4-%s-peer", names[i]);
	}
}

static void add_reuseport(void)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET, "127.0.0.1", 0, &ss);

	for (int i = 0; i < 2; i++) {
		int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		struct entry *e;

		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		must(bind(fd, (void *)&ss, len));
		must(getsockname(fd, (void *)&ss, &len));
		must(listen(fd, 10 + i));
		e = zoo_add("tcp", fd, READS | READ_QUIET, "two listeners on one port (SO_REUSEPORT)",
			    "tcp4-reuseport-%d", i);
		expect_u64(e, "send_q", 10 + i);
		expect_u64(e, "sk_num", ntohs(((struct sockaddr_in *)&ss)->sin_port));
	}
}

static void add_owned_by_other(void)
{
	int fd = listen_on(AF_INET, "127.0.0.1", 3);
	struct entry *e;

	if (fchown(fd, OTHER_UID, -1) < 0) {
		zoo_skip("tcp4-chowned", errno, "fchown of a socket");
		close(fd);
		return;
	}
	e = zoo_add("tcp", fd, READS | READ_QUIET, "given to another user by fchown", "tcp4-chowned");
	expect_u64(e, "uid", OTHER_UID);
}

static void add_urgent(void)
{
	struct tcp_pair p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	struct entry *e;

	write_exactly(p.client, 10);
	must(send(p.client, "!", 1, MSG_OOB));
	/* SIOCINQ stops at the urgent byte; the kernel's table counts it. */
	e = zoo_add("tcp", p.server, READS | READ_QUIET, "10 bytes and one urgent byte unread", "tcp4-urgent");
	expect_u64(e, "recv_q", 11);
	zoo_add("tcp", p.client, READS | READ_QUIET, "sent an urgent byte", "tcp4-urgent-sender");
}

void zoo_tcp_options(void)
{
	add_pairs(AF_INET, "tcp4", "127.0.0.1");
	add_pairs(AF_INET6, "tcp6", "::1");
	add_bits();
	add_dual_stack();
	add_congestion();
	add_reuseport();
	add_owned_by_other();
	add_urgent();
}
