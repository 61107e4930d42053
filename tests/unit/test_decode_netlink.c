/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink sockets: protocols, groups, peers */

#include <linux/netlink_diag.h>
#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_bound(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_netlink);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "nl");
	EXPECT_U64(&o.r, F_family, AF_NETLINK);
	EXPECT_U64(&o.r, F_type, SOCK_RAW);
	EXPECT_TEXT(&o.r, F_protocol, "route");
	EXPECT_TEXT(&o.r, F_local, "route");
	EXPECT_U64(&o.r, F_local_port, 4321);
	EXPECT_ABSENT(&o.r, F_peer);
	EXPECT_ABSENT(&o.r, F_peer_port);
	EXPECT_U64(&o.r, F_state, STATE_CLOSE);
	EXPECT_U64(&o.r, F_inode, 66);
	EXPECT_U64(&o.r, F_cookie, 6);
	EXPECT_U64(&o.r, F_recv_q, 101);
	EXPECT_U64(&o.r, F_send_q, 103);
	EXPECT_U64(&o.r, F_ndiag_flags, 0x21);
	EXPECT_U64_N(&o.r, F_ndiag_groups, 0, 1);
	EXPECT_U64_N(&o.r, F_ndiag_groups, 1, 5);
	EXPECT_U64_N(&o.r, F_ndiag_groups, 2, 64);
	EXPECT_U64_N(&o.r, F_ndiag_groups, 3, 66);
	EXPECT_ABSENT_N(&o.r, F_ndiag_groups, 4);
	EXPECT_U64(&o.r, F_sk_protocol, 0);
	EXPECT_ABSENT(&o.r, F_uid);
	opened_deinit(&o);
}

static void expect_message(struct netlink_diag_msg m, unsigned state, const char *local, bool has_peer)
{
	struct opened o;
	struct built b;

	built_begin(&b, SOURCE_netlink, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_state, state);
	EXPECT_U64(&o.r, F_sk_state, m.ndiag_state);
	EXPECT_TEXT(&o.r, F_local, local);
	EXPECT_TEXT(&o.r, F_protocol, local);
	if (has_peer) {
		EXPECT_TEXT(&o.r, F_peer, "*");
		EXPECT_U64(&o.r, F_peer_port, m.ndiag_dst_portid);
	} else {
		EXPECT_ABSENT(&o.r, F_peer);
		EXPECT_ABSENT(&o.r, F_peer_port);
	}
	EXPECT_ABSENT(&o.r, F_recv_q);
	EXPECT_ABSENT(&o.r, F_ndiag_groups);
	opened_deinit(&o);
}

static void test_states(void)
{
	struct netlink_diag_msg m = { .ndiag_family = AF_NETLINK, .ndiag_protocol = 16, .ndiag_state = 1,
				      .ndiag_dst_portid = 12 };

	expect_message(m, STATE_ESTABLISHED, "genl", true);
	m.ndiag_dst_portid = 0;
	m.ndiag_dst_group = 1;
	expect_message(m, STATE_ESTABLISHED, "genl", true);
	m.ndiag_dst_group = 0;
	m.ndiag_state = 0;
	m.ndiag_protocol = 200; /* a number without a name */
	expect_message(m, STATE_CLOSE, "200", false);
}

/* 32-bit kernels send a single 32-bit word. */
static void test_narrow_groups(void)
{
	struct netlink_diag_msg m = { .ndiag_family = AF_NETLINK, .ndiag_state = 7 };
	struct opened o;
	struct built b;

	built_begin(&b, SOURCE_netlink, &m, sizeof(m));
	built_u32(&b, NETLINK_DIAG_GROUPS, 0x80000001u);
	opened_init(&o, &b, NULL);
	EXPECT_U64_N(&o.r, F_ndiag_groups, 0, 1);
	EXPECT_U64_N(&o.r, F_ndiag_groups, 1, 32);
	EXPECT_ABSENT_N(&o.r, F_ndiag_groups, 2);
	opened_deinit(&o);
}

void suite_decode_netlink(void)
{
	CU_pSuite s = CU_add_suite("Netlink messages", NULL, NULL);

	CU_add_test(s, "A bound socket", test_bound);
	CU_add_test(s, "States and peers", test_states);
	CU_add_test(s, "Groups in 32 bits", test_narrow_groups);
}
