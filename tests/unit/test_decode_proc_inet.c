/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of /proc/net/tcp and its kin, as kernels print them */

#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void open_line(struct opened *o, enum source_id source, const char *line)
{
	struct built b;

	built_line(&b, source, line);
	opened_init(o, &b, NULL);
}

static void test_tcp(void)
{
	struct opened o;

	open_line(&o, SOURCE_proc_tcp,
		  "   7: 0100007F:1F90 0200007F:C001 01 0000000A:00000014 02:00000064 00000003  1000        5 31337 3"
		  " 00000000a1b2c3d4 20 4 30 10 -1");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, "tcp");
	EXPECT_TEXT(&o.r, F_source, "proc_tcp");
	EXPECT_U64(&o.r, F_family, AF_INET);
	EXPECT_U64(&o.r, F_type, SOCK_STREAM);
	EXPECT_TEXT(&o.r, F_protocol, "tcp");
	EXPECT_U64(&o.r, F_state, STATE_ESTABLISHED);
	EXPECT_TEXT(&o.r, F_local, "127.0.0.1");
	EXPECT_U64(&o.r, F_local_port, 8080);
	EXPECT_TEXT(&o.r, F_peer, "127.0.0.2");
	EXPECT_U64(&o.r, F_peer_port, 49153);
	EXPECT_U64(&o.r, F_send_q, 10);
	EXPECT_U64(&o.r, F_recv_q, 20);
	EXPECT_U64(&o.r, F_idiag_timer, 2);
	EXPECT_U64(&o.r, F_idiag_expires, 1000000); /* 0x64 ticks of 10 ms */
	EXPECT_U64(&o.r, F_idiag_retrans, 3);
	EXPECT_U64(&o.r, F_uid, 1000);
	EXPECT_U64(&o.r, F_inode, 31337);
	EXPECT_U64(&o.r, F_sk_refcnt, 3);
	EXPECT_ABSENT(&o.r, F_sk_drops);
	EXPECT_ABSENT(&o.r, F_cookie);
	EXPECT_TEXT(&o.r, F_sk_rcv_saddr, "127.0.0.1");
	opened_deinit(&o);
}

static void test_tcp6_listen(void)
{
	struct opened o;

	open_line(&o, SOURCE_proc_tcp6,
		  "   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A"
		  " 00000000:00000002 00:00000000 00000000     0        0 1666 1 0000000000000000 100 0 0 10 0");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_U64(&o.r, F_family, AF_INET6);
	EXPECT_U64(&o.r, F_state, STATE_LISTEN);
	EXPECT_TEXT(&o.r, F_local, "::1");
	EXPECT_TEXT(&o.r, F_peer, "::");
	EXPECT_U64(&o.r, F_local_port, 22);
	EXPECT_U64(&o.r, F_uid, 0);
	EXPECT_U64(&o.r, F_recv_q, 2);
	EXPECT_U64(&o.r, F_sk_ack_backlog, 2);
	EXPECT_ABSENT(&o.r, F_send_q); /* the file does not tell the limit */
	EXPECT_U64(&o.r, F_idiag_timer, 0);
	EXPECT_ABSENT(&o.r, F_idiag_expires);
	EXPECT_TEXT(&o.r, F_sk_v6_rcv_saddr, "::1");
	EXPECT_ABSENT(&o.r, F_sk_rcv_saddr);
	opened_deinit(&o);
}

static void test_time_wait(void)
{
	struct opened o;

	open_line(&o, SOURCE_proc_tcp,
		  "   1: 0100007F:1F90 0100007F:C002 06 00000000:00000000 03:00001770 00000000     0        0 0 3"
		  " 0000000000000000");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_U64(&o.r, F_state, STATE_TIME_WAIT);
	EXPECT_U64(&o.r, F_idiag_timer, 3);
	EXPECT_U64(&o.r, F_idiag_expires, 60000000);
	EXPECT_ABSENT(&o.r, F_uid);
	EXPECT_ABSENT(&o.r, F_inode);
	opened_deinit(&o);
}

static void test_udp_raw_icmp(void)
{
	struct opened o;

	open_line(&o, SOURCE_proc_udp,
		  " 2051: 00000000:0044 00000000:0000 07 00000000:00000300 00:00000000 00000000   998        0 19000 2"
		  " 00000000deadbeef 17");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, "udp");
	EXPECT_U64(&o.r, F_type, SOCK_DGRAM);
	EXPECT_U64(&o.r, F_local_port, 68);
	EXPECT_U64(&o.r, F_recv_q, 768);
	EXPECT_U64(&o.r, F_send_q, 0);
	EXPECT_U64(&o.r, F_sk_drops, 17);
	opened_deinit(&o);

	open_line(&o, SOURCE_proc_raw6,
		  "   58: 00000000000000000000000000000000:003A 00000000000000000000000000000000:0000 07"
		  " 00000000:00000000 00:00000000 00000000     0        0 20000 2 ffff888100000000 4294967295");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, "raw");
	EXPECT_U64(&o.r, F_type, SOCK_RAW);
	EXPECT_TEXT(&o.r, F_protocol, "ipv6-icmp");
	EXPECT_U64(&o.r, F_sk_protocol, 58);
	EXPECT_U64(&o.r, F_sk_drops, 4294967295u);
	opened_deinit(&o);

	open_line(&o, SOURCE_proc_icmp,
		  "   33: 0100007F:0021 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21000 2"
		  " 0000000000000000 0");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, "icmp");
	EXPECT_U64(&o.r, F_type, SOCK_DGRAM);
	EXPECT_TEXT(&o.r, F_protocol, "icmp");
	EXPECT_U64(&o.r, F_local_port, 33);
	opened_deinit(&o);
}

static void test_bad_lines(void)
{
	static const char *const lines[] = {
		"",
		" ",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
		"1: 0100007F:0016",
		"1: 0100007F:0016 0100007F:0016 01",
		"1: 0100007:0016 0100007F:0016 01 00000000:00000000 00:00000000 00000000 0 0 1 1 0 0", /* 7 digits */
		"1: 0100007F:10016 0100007F:0016 01 00000000:00000000 00:00000000 00000000 0 0 1 1 0 0",
		"1: 0100007F:0016 0100007F:0016 01 100000000:00000000 00:00000000 00000000 0 0 1 1 0 0",
		"1: 0100007F:0016 0100007F:0016 01 00000000-00000000 00:00000000 00000000 0 0 1 1 0 0",
		"1: 0100007F:0016 0100007F:0016 01 00000000:00000000 00:00000000 00000000 -1 0 1 1 0 0",
		"1: 0100007F:0016 0100007F:0016 01 00000000:00000000 00:00000000 00000000 0 0",
		"1: 0100007F:0016 0100007F:0016 01 00000000:00000000 00:00000000 00000000 0 0 99999999999999999999 1",
		"1 0100007F:0016 0100007F:0016 01 00000000:00000000 00:00000000 00000000 0 0 1 1 0 0",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct opened o;

		open_line(&o, SOURCE_proc_udp, lines[i]);
		CU_ASSERT_EQUAL(o.error, -EBADMSG);
		opened_deinit(&o);
	}
}

/* A timer that is overdue is printed as a negative long by kernels that do not clamp it. */
static void test_overdue(void)
{
	struct opened o;

	open_line(&o, SOURCE_proc_tcp,
		  "   7: 0100007F:1F90 0200007F:C001 01 00000000:00000000 01:FFFFFFFFFFFFFFF0 00000000     0        0 3 1"
		  " 0 0");
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_U64(&o.r, F_idiag_expires, 0);
	opened_deinit(&o);
}

void suite_decode_proc_inet(void)
{
	CU_pSuite s = CU_add_suite("Lines of /proc/net", NULL, NULL);

	CU_add_test(s, "tcp", test_tcp);
	CU_add_test(s, "tcp6, a listener", test_tcp6_listen);
	CU_add_test(s, "TIME-WAIT", test_time_wait);
	CU_add_test(s, "udp, raw6, icmp", test_udp_raw_icmp);
	CU_add_test(s, "Lines that are none", test_bad_lines);
	CU_add_test(s, "An overdue timer", test_overdue);
}
