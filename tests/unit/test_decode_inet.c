/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inet message: both address families, every state, every shared attribute */

#include <linux/inet_diag.h>
#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_base_v4(void)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "tcp");
	EXPECT_TEXT(&o.r, F_source, "tcp4");
	EXPECT_U64(&o.r, F_family, AF_INET);
	EXPECT_U64(&o.r, F_type, SOCK_STREAM);
	EXPECT_TEXT(&o.r, F_protocol, "tcp");
	EXPECT_U64(&o.r, F_state, 1);
	EXPECT_TEXT(&o.r, F_local, "192.0.2.1");
	EXPECT_U64(&o.r, F_local_port, 443);
	EXPECT_TEXT(&o.r, F_peer, "198.51.100.2");
	EXPECT_U64(&o.r, F_peer_port, 5000);
	EXPECT_U64(&o.r, F_inode, 77);
	EXPECT_U64(&o.r, F_cookie, 0x200000001ull);
	EXPECT_U64(&o.r, F_uid, 1000);
	EXPECT_U64(&o.r, F_recv_q, 11);
	EXPECT_U64(&o.r, F_send_q, 22);
	EXPECT_U64(&o.r, F_idiag_timer, 1);
	EXPECT_U64(&o.r, F_idiag_expires, 1500000);
	EXPECT_U64(&o.r, F_idiag_retrans, 2);
	EXPECT_U64(&o.r, F_sk_num, 443);
	EXPECT_U64(&o.r, F_sk_dport, 5000);
	EXPECT_TEXT(&o.r, F_sk_rcv_saddr, "192.0.2.1");
	EXPECT_TEXT(&o.r, F_sk_daddr, "198.51.100.2");
	EXPECT_ABSENT(&o.r, F_sk_v6_rcv_saddr);
	EXPECT_ABSENT(&o.r, F_sk_v6_daddr);
	EXPECT_U64(&o.r, F_sk_family, AF_INET);
	EXPECT_U64(&o.r, F_sk_state, 1);
	EXPECT_U64(&o.r, F_sk_bound_dev_if, 3);
	EXPECT_U64(&o.r, F_sk_cookie, 0x200000001ull);
	EXPECT_U64(&o.r, F_sk_protocol, 6);
	EXPECT_U64(&o.r, F_sk_type, 1);
	EXPECT_U64(&o.r, F_sk_socket, 77);
	EXPECT_ABSENT(&o.r, F_sk_uid);
	EXPECT_ABSENT(&o.r, F_sk_ack_backlog);
	EXPECT_ABSENT(&o.r, F_sk_max_ack_backlog);
	EXPECT_ABSENT(&o.r, F_dev);
	EXPECT_ABSENT(&o.r, F_netns);
	EXPECT_ABSENT(&o.r, F_cgroup);
	EXPECT_ABSENT(&o.r, F_pid);
	EXPECT_ABSENT(&o.r, F_no_owner);
	opened_deinit(&o);
}

static void test_base_v6(void)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_udp6, 7);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "udp");
	EXPECT_U64(&o.r, F_family, AF_INET6);
	EXPECT_U64(&o.r, F_type, SOCK_DGRAM);
	EXPECT_TEXT(&o.r, F_protocol, "udp");
	EXPECT_TEXT(&o.r, F_local, "2001:db8::1");
	EXPECT_TEXT(&o.r, F_peer, "2001:db8::2");
	EXPECT_TEXT(&o.r, F_sk_v6_rcv_saddr, "2001:db8::1");
	EXPECT_TEXT(&o.r, F_sk_v6_daddr, "2001:db8::2");
	EXPECT_ABSENT(&o.r, F_sk_rcv_saddr);
	EXPECT_ABSENT(&o.r, F_sk_daddr);
	opened_deinit(&o);
}

/* An address family that the kernel does not send gives no address, not a wrong one. */
static void test_odd_family(void)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	b.data[0] = 77;
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_local);
	EXPECT_ABSENT(&o.r, F_peer);
	opened_deinit(&o);
}

static void test_listen(void)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 10);
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_recv_q, 11);
	EXPECT_U64(&o.r, F_send_q, 22);
	EXPECT_U64(&o.r, F_sk_ack_backlog, 11);
	EXPECT_U64(&o.r, F_sk_max_ack_backlog, 22);
	opened_deinit(&o);

	built_inet(&b, SOURCE_udp4, 10);
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_sk_ack_backlog);
	opened_deinit(&o);
}

/* What inet_twsk_diag_fill() and inet_req_diag_fill() send: uid and inode are 0 and say nothing. */
static void test_minisocks(void)
{
	static const unsigned states[] = { STATE_TIME_WAIT, STATE_SYN_RECV, STATE_NEW_SYN_RECV };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct opened o;
		struct built b;

		built_inet(&b, SOURCE_tcp4, states[i]);
		memset(b.data + offsetof(struct inet_diag_msg, idiag_uid), 0, 8);
		opened_init(&o, &b, NULL);
		EXPECT_U64(&o.r, F_state, states[i]);
		EXPECT_ABSENT(&o.r, F_uid);
		EXPECT_ABSENT(&o.r, F_inode);
		EXPECT_ABSENT(&o.r, F_sk_socket);
		EXPECT_ABSENT(&o.r, F_tcpi_rtt);
		EXPECT_ABSENT(&o.r, F_sk_rcvbuf);
		EXPECT_ABSENT(&o.r, F_cgroup_id);
		EXPECT_TEXT(&o.r, F_peer, "198.51.100.2");
		opened_deinit(&o);
	}
}

/* Uid 0 is root's when the socket has an inode, and any other is told even without one. */
static void test_uid(void)
{
	struct inet_diag_msg m;
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	memcpy(&m, b.data, sizeof(m));
	m.idiag_uid = 0;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_uid, 0);
	opened_deinit(&o);

	m.idiag_uid = 1000;
	m.idiag_inode = 0;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_uid, 1000);
	EXPECT_ABSENT(&o.r, F_inode);
	opened_deinit(&o);
}

static void test_timer(void)
{
	struct inet_diag_msg m;
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	memcpy(&m, b.data, sizeof(m));
	m.idiag_timer = 0;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_idiag_timer, 0);
	EXPECT_ABSENT(&o.r, F_idiag_expires);
	opened_deinit(&o);

	/* Overdue by 3 ms. */
	m.idiag_timer = 3;
	m.idiag_expires = (uint32_t)-3;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_idiag_expires, 0);
	opened_deinit(&o);

	/* A keepalive of the longest: 32767 s. */
	m.idiag_expires = 32767000;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_idiag_expires, 32767000000ull);
	opened_deinit(&o);
}

static void test_cookie(void)
{
	struct inet_diag_msg m;
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	memcpy(&m, b.data, sizeof(m));
	m.id.idiag_cookie[0] = m.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_cookie);
	EXPECT_ABSENT(&o.r, F_sk_cookie);
	opened_deinit(&o);

	m.id.idiag_cookie[1] = 0;
	built_begin(&b, SOURCE_tcp4, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_cookie, 0xffffffffu);
	opened_deinit(&o);
}

static void test_attributes(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp6);
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_idiag_rmem, 31);
	EXPECT_U64(&o.r, F_idiag_wmem, 32);
	EXPECT_U64(&o.r, F_idiag_fmem, 33);
	EXPECT_U64(&o.r, F_idiag_tmem, 34);
	EXPECT_U64(&o.r, F_tos, 0x10);
	EXPECT_U64(&o.r, F_tclass, 0x20);
	EXPECT_U64(&o.r, F_class_id, 0x10001);
	EXPECT_U64(&o.r, F_sk_shutdown, 2);
	EXPECT_U64(&o.r, F_sk_mark, 0xfeed);
	EXPECT_U64(&o.r, F_cgroup_id, 4242);
	EXPECT_U64(&o.r, F_sk_cgrp_data, 4242);
	EXPECT_BOOL(&o.r, F_ipv6only, true);
	EXPECT_BOOL(&o.r, F_sk_ipv6only, true);
	/* 0x52 = is_icsk, mc_loop, mc_all; 0x05 = bind_address_no_port, defer_connect */
	EXPECT_BOOL(&o.r, F_inet_recverr, false);
	EXPECT_BOOL(&o.r, F_inet_is_icsk, true);
	EXPECT_BOOL(&o.r, F_inet_freebind, false);
	EXPECT_BOOL(&o.r, F_inet_hdrincl, false);
	EXPECT_BOOL(&o.r, F_inet_mc_loop, true);
	EXPECT_BOOL(&o.r, F_inet_transparent, false);
	EXPECT_BOOL(&o.r, F_inet_mc_all, true);
	EXPECT_BOOL(&o.r, F_inet_nodefrag, false);
	EXPECT_BOOL(&o.r, F_inet_bind_address_no_port, true);
	EXPECT_BOOL(&o.r, F_inet_recverr_rfc4884, false);
	EXPECT_BOOL(&o.r, F_inet_defer_connect, true);
	opened_deinit(&o);
}

/* struct inet_diag_sockopt as the compiler lays it out. */
static void test_sockopt_layout(void)
{
	struct inet_diag_sockopt opt = { .hdrincl = 1, .nodefrag = 1, .recverr_rfc4884 = 1 };
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_raw4, 7);
	built_attr(&b, INET_DIAG_SOCKOPT, &opt, sizeof(opt));
	opened_init(&o, &b, NULL);
	EXPECT_BOOL(&o.r, F_inet_recverr, false);
	EXPECT_BOOL(&o.r, F_inet_is_icsk, false);
	EXPECT_BOOL(&o.r, F_inet_hdrincl, true);
	EXPECT_BOOL(&o.r, F_inet_nodefrag, true);
	EXPECT_BOOL(&o.r, F_inet_recverr_rfc4884, true);
	EXPECT_BOOL(&o.r, F_inet_defer_connect, false);
	opened_deinit(&o);
}

static void test_congestion(void)
{
	struct tcpvegas_info vegas = { 1, 2, 3, 4 };
	struct tcp_dctcp_info dctcp = { 1, 2, 3, 4, 5 };
	struct tcp_bbr_info bbr = { .bbr_bw_lo = 7, .bbr_bw_hi = 9, .bbr_min_rtt = 10, .bbr_pacing_gain = 11,
				    .bbr_cwnd_gain = 12 };
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	built_str(&b, INET_DIAG_CONG, "bbr");
	built_attr(&b, INET_DIAG_VEGASINFO, &vegas, sizeof(vegas));
	built_attr(&b, INET_DIAG_DCTCPINFO, &dctcp, sizeof(dctcp));
	built_attr(&b, INET_DIAG_BBRINFO, &bbr, sizeof(bbr));
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_icsk_ca_ops, "bbr");
	EXPECT_U64(&o.r, F_tcpv_enabled, 1);
	EXPECT_U64(&o.r, F_tcpv_rttcnt, 2);
	EXPECT_U64(&o.r, F_tcpv_rtt, 3);
	EXPECT_U64(&o.r, F_tcpv_minrtt, 4);
	EXPECT_U64(&o.r, F_dctcp_enabled, 1);
	EXPECT_U64(&o.r, F_dctcp_ce_state, 2);
	EXPECT_U64(&o.r, F_dctcp_alpha, 3);
	EXPECT_U64(&o.r, F_dctcp_ab_ecn, 4);
	EXPECT_U64(&o.r, F_dctcp_ab_tot, 5);
	EXPECT_U64(&o.r, F_bbr_bw, 0x900000007ull);
	EXPECT_U64(&o.r, F_bbr_min_rtt, 10);
	EXPECT_U64(&o.r, F_bbr_pacing_gain, 11);
	EXPECT_U64(&o.r, F_bbr_cwnd_gain, 12);
	opened_deinit(&o);
}

/* A name without its NUL ends where the attribute does. */
static void test_name_without_end(void)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	built_attr(&b, INET_DIAG_CONG, "cubic", 5);
	b.len -= 3;
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_icsk_ca_ops, "cubic");
	opened_deinit(&o);
}

/* One source reads the raw sockets of all protocols: the attribute tells which, or else the port. */
static void test_raw(void)
{
	struct inet_diag_msg m;
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_raw6, 7);
	memcpy(&m, b.data, sizeof(m));
	m.id.idiag_sport = __builtin_bswap16(58);
	built_begin(&b, SOURCE_raw6, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "raw");
	EXPECT_U64(&o.r, F_type, SOCK_RAW);
	EXPECT_TEXT(&o.r, F_protocol, "ipv6-icmp");
	EXPECT_U64(&o.r, F_sk_protocol, 58);
	opened_deinit(&o);

	built_u8(&b, INET_DIAG_PROTOCOL, 253);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_protocol, "253");
	EXPECT_U64(&o.r, F_sk_protocol, 253);
	opened_deinit(&o);
}

static void test_netids(void)
{
	static const struct {
		enum source_id source;
		const char *netid;
		unsigned type;
	} rows[] = {
		{ SOURCE_tcp6, "tcp", SOCK_STREAM },	  { SOURCE_udplite4, "udplite", SOCK_DGRAM },
		{ SOURCE_dccp4, "dccp", 6 },		  { SOURCE_mptcp6, "mptcp", SOCK_STREAM },
		{ SOURCE_udplite6, "udplite", SOCK_DGRAM }, { SOURCE_raw4, "raw", SOCK_RAW },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct opened o;
		struct built b;

		built_inet(&b, rows[i].source, 7);
		opened_init(&o, &b, NULL);
		EXPECT_TEXT(&o.r, F_netid, rows[i].netid);
		EXPECT_U64(&o.r, F_type, rows[i].type);
		opened_deinit(&o);
	}
}

void suite_decode_inet(void)
{
	CU_pSuite s = CU_add_suite("Inet messages", NULL, NULL);

	CU_add_test(s, "IPv4", test_base_v4);
	CU_add_test(s, "IPv6", test_base_v6);
	CU_add_test(s, "Neither of them", test_odd_family);
	CU_add_test(s, "A listener's queues", test_listen);
	CU_add_test(s, "TIME-WAIT and SYN-RECV", test_minisocks);
	CU_add_test(s, "Users", test_uid);
	CU_add_test(s, "Timers", test_timer);
	CU_add_test(s, "Cookies", test_cookie);
	CU_add_test(s, "Attributes", test_attributes);
	CU_add_test(s, "Options as the compiler lays them out", test_sockopt_layout);
	CU_add_test(s, "Congestion control", test_congestion);
	CU_add_test(s, "A name without its NUL", test_name_without_end);
	CU_add_test(s, "Raw sockets", test_raw);
	CU_add_test(s, "Kinds of socket", test_netids);
}
