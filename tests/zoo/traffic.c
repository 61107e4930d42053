/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What data leaves behind in struct sock: queues, counters, errors, timers, routes, hashes */

#include <errno.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define READS (READ_INET | READ_MEMORY | READ_QUIET)
#define TCP_READS (READ_INET | READ_TCP | READ_MEMORY)

static int make_udp(int family, struct sockaddr_storage *ret_ss, socklen_t *ret_len)
{
	int fd = must(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	*ret_len = make_address(family, family == AF_INET ? "127.0.0.1" : "::1", 0, ret_ss);
	must(bind(fd, (void *)ret_ss, *ret_len));
	must(getsockname(fd, (void *)ret_ss, ret_len));
	return fd;
}

/* A port that nobody listens on: that of a socket that was closed. */
static int make_refused(bool keep_errors, struct sockaddr_storage *ret_ss, socklen_t *ret_len)
{
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), other = make_udp(AF_INET, ret_ss, ret_len);

	close(other);
	if (keep_errors)
		set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	must(connect(fd, (void *)ret_ss, *ret_len));
	must(send(fd, "knock", 5, 0));
	return fd;
}

static void add_errors(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct entry *e;
	int fd;

	fd = make_refused(false, &ss, &len);
	e = zoo_add("udp", fd, READS, "sent to a closed port", "udp4-refused");
	know_u64(e, "sk_err_raw", "ICMP port unreachable came back", ECONNREFUSED);
	know_str(e, "sk_err", "ICMP port unreachable came back", "ECONNREFUSED");
	know_u64(e, "sk_error_queue", "IP_RECVERR is off", 0);

	fd = make_refused(true, &ss, &len);
	e = zoo_add("udp", fd, READS, "sent to a closed port, keeps errors", "udp4-refused-queued");
	know_u64(e, "sk_error_queue", "one ICMP message, unread", 1);
	know_u64(e, "sk_err_raw", "ICMP port unreachable came back", ECONNREFUSED);
}

static void add_datagrams(void)
{
	struct sockaddr_storage ss, to;
	socklen_t len, to_len;
	int fd, other;
	struct entry *e;

	for (size_t i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		fd = make_udp(family, &ss, &len);
		other = make_udp(family, &to, &to_len);
		must(connect(other, (void *)&ss, len));
		for (int n = 0; n < 4; n++)
			must(send(other, "datagram", 8, 0));
		e = zoo_add("udp", fd, READS, "4 datagrams unread", "udp%d-queued", i ? 6 : 4);
		know_u64(e, "sk_receive_queue", "4 were sent, none read", 4);
		know_bool(e, "sk_node", "bound", true);
		know_absent(e, "sk_dst_cache", "not connected");
		know_str(e, "socket_state", "a datagram socket stays so", "SS_UNCONNECTED");
		e = zoo_add("udp", other, READS, "connected over lo, 4 datagrams sent", "udp%d-queued-sender", i ? 6 : 4);
		know_u64(e, "sk_receive_queue", "nothing came", 0);
		know_u64(e, "sk_dst_cache", "connected over lo", if_nametoindex("lo"));
		know_str(e, "dst_dev", "connected over lo", "lo");
		know_absent(e, "dst_gateway", "the peer is local");
		know_function(e, "dst_output", i ? "net/ipv6/route.c" : "net/ipv4/route.c", i ? "ip6_output" : "ip_output");
		know_function(e, "dev_xmit", "drivers/net/loopback.c", "loopback_xmit");
		know_str(e, "dev_qdisc", "lo has no queue", "noqueue");
		know_u64(e, "sk_state", "connect(2)", 1);
	}
}

/* Send timestamps are counted, with OPT_ID. */
static void add_tskey(void)
{
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_SOFTWARE;
	struct sockaddr_storage ss, to;
	socklen_t len, to_len;
	int fd = make_udp(AF_INET, &ss, &len), other = make_udp(AF_INET, &to, &to_len);
	struct entry *e;

	must(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)));
	for (int i = 0; i < 3; i++)
		must(sendto(fd, "stamped", 7, 0, (void *)&to, to_len));
	e = zoo_add("udp", fd, READS, "3 datagrams with send timestamps", "udp4-tskey");
	know_u64(e, "sk_tskey", "3 were sent", 3);
	know_u64(e, "sk_error_queue", "each send timestamp waits there", 3);
	know_flags(e, "sk_tsflags", "set", "TX_SOFTWARE OPT_ID SOFTWARE", "RX_SOFTWARE OPT_TSONLY");
	zoo_add("udp", other, READS, "received 3 datagrams", "udp4-tskey-receiver");
}

/* The stamp of the last packet that was read; asking once switches it on. */
static void add_stamp(void)
{
	struct sockaddr_storage ss, to;
	socklen_t len, to_len;
	int fd = make_udp(AF_INET, &ss, &len), other = make_udp(AF_INET, &to, &to_len);
	struct timespec ts = {};
	struct entry *e;
	char buf[16];

	must(ioctl(fd, SIOCGSTAMPNS, &ts) < 0 && errno == ENOENT ? 0 : -1);
	must(sendto(other, "stamped", 7, 0, (void *)&ss, len));
	must(recv(fd, buf, sizeof(buf), 0));
	must(ioctl(fd, SIOCGSTAMPNS, &ts));
	e = zoo_add("udp", fd, READS, "asked for the time of its last packet", "udp4-stamp");
	know_u64(e, "sk_stamp", "SIOCGSTAMPNS", ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec);
	know_flags(e, "sk_flags", "SIOCGSTAMPNS", "SOCK_TIMESTAMP", "SOCK_RCVTSTAMP");
	know_u64(e, "sk_receive_queue", "all is read", 0);
	zoo_add("udp", other, READS, "sent one datagram", "udp4-stamp-sender");
}

static void add_filter(void)
{
	struct sock_filter all[] = {
		{ .code = BPF_LD | BPF_LEN },
		{ .code = BPF_RET | BPF_K, .k = 0xffff },
	};
	struct sock_fprog prog = { .len = 2, .filter = all };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = make_udp(AF_INET, &ss, &len);
	struct entry *e;

	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	len = 0;
	must(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &len));
	e = zoo_add("udp", fd, READS, "a classic filter of 2 instructions", "udp4-filter");
	/* What the kernel makes of it has more instructions. */
	know_op(e, "sk_filter", "SO_GET_FILTER", "min", len);
}

static void add_encap(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = make_udp(AF_INET, &ss, &len), kind = UDP_ENCAP_ESPINUDP;
	struct entry *e;

	if (setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &kind, sizeof(kind)) < 0) {
		zoo_skip("udp4-encap", errno, "no ESP in UDP in this kernel");
		close(fd);
		return;
	}
	e = zoo_add("udp", fd, READS, "takes ESP in UDP", "udp4-encap");
	know_function(e, "encap_rcv", "net/ipv4/udp.c, udp_lib_setsockopt()", "xfrm4_udp_encap_rcv");
}

/* A policy of the socket's own: what it sends stays unchanged. */
static void add_policy(void)
{
	struct xfrm_userpolicy_info policy = {
		.sel = { .family = AF_INET },
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
		.action = XFRM_POLICY_ALLOW,
		.dir = XFRM_POLICY_OUT,
	};
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = make_udp(AF_INET, &ss, &len);
	struct entry *e;

	if (setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &policy, sizeof(policy)) < 0) {
		zoo_skip("udp4-policy", errno, "no IPsec policies of sockets in this kernel");
		close(fd);
		return;
	}
	e = zoo_add("udp", fd, READS, "an IPsec policy for what it sends", "udp4-policy");
	/* Two indices, in and out; that of a socket's policy ends in 3 and the direction (xfrm_gen_index()). */
	know_json(e, "sk_policy", "IP_XFRM_POLICY, xfrm_gen_index()",
		  json_tokener_parse("{\"count\":2,\"each-mod8\":[0,4]}"));
}

static void add_tcp_queues(void)
{
	struct tcp_pair p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	struct entry *c, *s;
	char buf[100];

	write_exactly(p.client, sizeof(buf));
	must(recv(p.server, buf, sizeof(buf), MSG_WAITALL));
	write_exactly(p.server, sizeof(buf));
	must(recv(p.client, buf, sizeof(buf), MSG_WAITALL));
	c = zoo_add("tcp", p.client, TCP_READS | READ_QUIET, "data both ways, all read", "tcp4-deep-client");
	s = zoo_add("tcp", p.server, TCP_READS | READ_QUIET, "data both ways, all read", "tcp4-deep-server");
	/* On lo a packet brings its sender's hash along, and nobody computes another. */
	know_same(c, "sk_rxhash", "the peer's sk_txhash, over lo", s->cookie, "sk_txhash");
	know_same(s, "sk_rxhash", "the peer's sk_txhash, over lo", c->cookie, "sk_txhash");
	know_str(c, "socket_state", "connect(2)", "SS_CONNECTED");
	know_str(s, "socket_state", "accept(2)", "SS_CONNECTED");
	know_u64(s, "sk_rx_dst", "the last came over lo", if_nametoindex("lo"));
	know_u64(s, "sk_rx_dst_ifindex", "the last came over lo", if_nametoindex("lo"));
	know_str(s, "rx_dev", "the last came over lo", "lo");
	know_function(s, "rx_dst_input", "net/ipv4/route.c", "ip_local_deliver");
	know_u64(c, "sk_receive_queue", "all is read", 0);
	know_bool(c, "sk_bind_node", "connect(2) bound it", true);
	know_bind2(c, "connect(2) bound it", true);
	know_absent(c, "sk_timer", "no keepalive");
	know_absent(c, "sk_frag", "a task's sends use the task's page");
	know_absent(c, "sk_frag_size", "a task's sends use the task's page");
	know_u64(c, "sk_rx_dst_cookie", "IPv4 has none", 0);
	know_absent(c, "sk_filter", "no filter");
	know_flags(c, "sk_flags", "a protocol with a write queue", "SOCK_USE_WRITE_QUEUE", "SOCK_DONE");
	know_flags(c, "sk_userlocks", "connect(2) chose both", "", "SOCK_BINDADDR_LOCK SOCK_BINDPORT_LOCK");

	p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	write_exactly(p.client, 4321);
	c = zoo_add("tcp", p.client, TCP_READS | READ_QUIET, "sent what nobody reads", "tcp4-deep-unread-sender");
	s = zoo_add("tcp", p.server, TCP_READS | READ_QUIET, "4321 bytes unread", "tcp4-deep-unread");
	know_op(s, "sk_receive_queue", "bytes are unread", "min", 1);
	know_u64(c, "sk_receive_queue", "nothing came", 0);

	p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	drop_all_input(p.server);
	write_exactly(p.client, 1000);
	c = zoo_add("tcp", p.client, TCP_READS, "1000 bytes that are never acknowledged", "tcp4-deep-unacked");
	know_bool(c, "rtx_queue", "nothing is acknowledged", true);
	s = zoo_add("tcp", p.server, TCP_READS, "drops all input", "tcp4-deep-deaf");
	know_op(s, "sk_filter", "SO_ATTACH_FILTER", "min", 1);

	p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	set_nonblock(p.client);
	while (send(p.client, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
		;
	c = zoo_add("tcp", p.client, TCP_READS, "wrote until it would block", "tcp4-deep-full");
	know_op(c, "sk_write_queue", "the window is closed", "min", 1);
	know_flags(c, "socket_flags", "send(2) said EAGAIN", "SOCK_NOSPACE", "");
	zoo_add("tcp", p.server, TCP_READS, "reads nothing", "tcp4-deep-closed-window");

	p = make_tcp_pair(AF_INET6, "::1", NULL);
	c = zoo_add("tcp", p.client, TCP_READS | READ_QUIET, "connected over IPv6", "tcp6-deep-client");
	know_str(c, "socket_state", "connect(2)", "SS_CONNECTED");
	zoo_add("tcp", p.server, TCP_READS | READ_QUIET, "its other end", "tcp6-deep-server");
}

/* The first segment is dropped by its length, and so is every other but the second: that stays out of order. */
static void add_out_of_order(void)
{
	struct tcp_pair p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	/* TCP's header has 32 bytes with timestamps. */
	struct sock_filter second[] = {
		{ .code = BPF_LD | BPF_LEN },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 1, .k = 32 + 200 },
		{ .code = BPF_RET | BPF_K, .k = 0 },
		{ .code = BPF_RET | BPF_K, .k = 0xffff },
	};
	struct sock_fprog prog = { .len = 4, .filter = second };
	struct entry *e;

	must(setsockopt(p.server, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	set_int(p.client, IPPROTO_TCP, TCP_NODELAY, 1);
	write_exactly(p.client, 100);
	write_exactly(p.client, 200);
	e = zoo_add("tcp", p.server, TCP_READS, "the second segment without the first", "tcp4-deep-out-of-order");
	know_bool(e, "ooo_queue", "its filter let the second segment alone through", true);
	know_u64(e, "sk_receive_queue", "nothing is in order", 0);
	e = zoo_add("tcp", p.client, TCP_READS, "its first segment is dropped", "tcp4-deep-out-of-order-sender");
	know_bool(e, "rtx_queue", "nothing is acknowledged", true);
}

static void add_counters(void)
{
	struct tcp_pair p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	struct sockaddr_storage ss;
	socklen_t len;
	static char page[20000];
	struct entry *e;
	int fd, listener;

	set_int(p.client, SOL_SOCKET, SO_ZEROCOPY, 1);
	for (int i = 0; i < 2; i++) {
		must(send(p.client, page, sizeof(page), MSG_ZEROCOPY));
		must(recv(p.server, page, sizeof(page), MSG_WAITALL));
	}
	e = zoo_add("tcp", p.client, READ_INET | READ_TCP, "2 sends with MSG_ZEROCOPY", "tcp4-zerocopy");
	know_u64(e, "sk_zckey", "2 sends", 2);
	know_op(e, "sk_error_queue", "completions, which the kernel may join", "min", 1);
	know_flags(e, "sk_flags", "set", "SOCK_ZEROCOPY", "SOCK_DEAD");
	zoo_add("tcp", p.server, READ_INET | READ_TCP, "its other end", "tcp4-zerocopy-peer");

	/* Connected and disconnected twice; then in no table. */
	listener = listen_on(AF_INET, "127.0.0.1", 4);
	len = sizeof(ss);
	must(getsockname(listener, (void *)&ss, &len));
	fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	for (int i = 0; i < 2; i++) {
		must(connect(fd, (void *)&ss, len));
		must(connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	}
	close(listener);
	e = zoo_add("tcp", fd, READ_INET, "connected and disconnected, twice", "tcp4-disconnected");
	e->listed = LISTED_MAYBE;
	know_u64(e, "sk_disconnects", "2 connects to AF_UNSPEC", 2);
	/* What is left of the last connection: getsockname still says its port. */
	expect_json(e, "local_port", json_tokener_parse("{\"or-absent\":0}"));
	know_u64(e, "sk_num", "disconnected", 0);
	know_u64(e, "sk_portpair", "disconnected", 0);
	know_str(e, "sk_daddr", "kept", "127.0.0.1");
	know_hex(e, "sk_addrpair", "kept", 0x0100007f);
	know_bool(e, "sk_node", "in no table", false);
	know_str(e, "socket_state", "disconnected", "SS_UNCONNECTED");

	/* Nobody answers: the SYN is dropped by the client's peer, a listener whose queue is full. */
	listener = listen_on(AF_INET, "127.0.0.1", 0);
	len = sizeof(ss);
	must(getsockname(listener, (void *)&ss, &len));
	for (int i = 0; i < 2; i++) {
		fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
		must(connect(fd, (void *)&ss, len) < 0 && errno != EINPROGRESS ? -1 : 0);
		if (i == 0)
			wait_for_state(fd, 1);
		e = zoo_add("tcp", fd, READ_INET | READ_TCP | READ_NO_PEER, "connect(2) without waiting", "tcp4-connecting-%d", i);
		know_str(e, "socket_state", "connect(2) said EINPROGRESS", "SS_CONNECTING");
		/* The SYN itself, which SIOCOUTQ leaves out. */
		if (i == 1)
			expect_u64(e, "send_q", 1);
	}
	zoo_add("tcp", listener, READ_INET | READ_TCP, "its queue is full", "tcp4-connecting-to");
}

static void add_unix(void)
{
	struct entry *a, *b;
	int sv[2];

	for (size_t i = 0; i < 2; i++) {
		must(socketpair(AF_UNIX, (i ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0, sv));
		must(send(sv[0], "one", 3, 0));
		must(send(sv[0], "two", 3, 0));
		a = zoo_add(i ? "u_dgr" : "u_str", sv[0], READ_MEMORY | READ_QUIET, "sent 2 messages", "unix-deep-%s-sender",
			    i ? "dgram" : "stream");
		b = zoo_add(i ? "u_dgr" : "u_str", sv[1], READ_MEMORY | READ_QUIET, "2 messages unread", "unix-deep-%s-unread",
			    i ? "dgram" : "stream");
		know_u64(a, "peer_receive_queue", "2 were sent, none read", 2);
		know_u64(b, "peer_receive_queue", "nothing was sent back", 0);
		know_u64(b, "sk_receive_queue", "2 were sent, none read", 2);
		know_u64(a, "sk_receive_queue", "nothing came", 0);
		know_function(a, "peer_data_ready", "net/core/sock.c, sock_init_data()", "sock_def_readable");
		know_u64(a, "sk_state", "socketpair(2)", 1);
		know_str(a, "socket_state", "socketpair(2)", "SS_CONNECTED");
	}
}

/* A route with a gateway, where the machine has the device for it: see capture_payload.sh. */
static void add_gateway(void)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET, "198.51.100.9", 9, &ss);
	struct entry *e;
	int fd;

	if (!if_nametoindex("zoo0")) {
		zoo_skip("udp4-gateway", ENODEV, "no device zoo0 was made for this");
		return;
	}
	fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	must(connect(fd, (void *)&ss, len));
	e = zoo_add("udp", fd, READS, "connected through a gateway", "udp4-gateway");
	know_u64(e, "sk_dst_cache", "the route of zoo0", if_nametoindex("zoo0"));
	know_str(e, "dst_dev", "the route of zoo0", "zoo0");
	know_str(e, "dst_gateway", "the route of zoo0", "198.18.0.1");
	know_function(e, "dst_output", "net/ipv4/route.c", "ip_output");
	know_function(e, "dst_input", "net/core/dst.c: nothing comes in by it", "dst_discard");
	know_function(e, "dev_xmit", "drivers/net/dummy.c", "dummy_xmit");
	know_u64(e, "dev_tx_queue", "zoo0 has one", 0);
}

void zoo_traffic(void)
{
	add_errors();
	add_datagrams();
	add_tskey();
	add_stamp();
	add_filter();
	add_encap();
	add_policy();
	add_tcp_queues();
	add_out_of_order();
	add_counters();
	add_unix();
	add_gateway();
}
