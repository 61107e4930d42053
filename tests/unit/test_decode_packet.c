/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packet sockets: ethertypes, memberships, rings, filters */

#include <linux/packet_diag.h>
#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_full(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_packet);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "p_raw");
	EXPECT_U64(&o.r, F_family, AF_PACKET);
	EXPECT_U64(&o.r, F_type, SOCK_RAW);
	EXPECT_TEXT(&o.r, F_protocol, "arp");
	EXPECT_TEXT(&o.r, F_local, "arp");
	EXPECT_ABSENT(&o.r, F_local_port);
	EXPECT_ABSENT(&o.r, F_peer);
	EXPECT_U64(&o.r, F_state, STATE_CLOSE);
	EXPECT_U64(&o.r, F_inode, 55);
	EXPECT_U64(&o.r, F_uid, 0);
	EXPECT_U64(&o.r, F_recv_q, 101);
	EXPECT_U64(&o.r, F_pdi_index, 1);
	EXPECT_U64(&o.r, F_pdi_version, 3); /* TPACKET_V3 is the kernel's 2 */
	EXPECT_U64(&o.r, F_pdi_reserve, 16);
	EXPECT_U64(&o.r, F_pdi_copy_thresh, 256);
	EXPECT_U64(&o.r, F_pdi_tstamp, 1);
	EXPECT_U64(&o.r, F_pdi_flags, 0x0b);
	EXPECT_TEXT_N(&o.r, F_pdm_entries, 0, "ifindex 1 count 2 multicast 33:33:00:00:00:01");
	EXPECT_TEXT_N(&o.r, F_pdm_entries, 1, "ifindex 4 count 1 promisc");
	EXPECT_ABSENT_N(&o.r, F_pdm_entries, 2);
	EXPECT_TEXT(&o.r, F_pdr_rx_ring, "blocks 4x4096 frames 8x2048 timeout 60ms");
	EXPECT_TEXT(&o.r, F_pdr_tx_ring, "blocks 1x8192 frames 8x1024 timeout 0ms private 32 features 0x5");
	EXPECT_U64(&o.r, F_pdiag_fanout, 0x20007);
	EXPECT_U64(&o.r, F_pdiag_filter_len, 3);
	EXPECT_ABSENT(&o.r, F_dev); /* no context to name it */
	opened_deinit(&o);
}

static void test_bare(void)
{
	struct packet_diag_msg m = { AF_PACKET, SOCK_DGRAM, 0x1234, 0, { ~0u, ~0u } };
	struct opened o;
	struct built b;

	built_begin(&b, SOURCE_packet, &m, sizeof(m));
	built_attr(&b, PACKET_DIAG_FILTER, NULL, 0);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "p_dgr");
	EXPECT_TEXT(&o.r, F_protocol, "4660");
	EXPECT_TEXT(&o.r, F_local, "4660");
	EXPECT_ABSENT(&o.r, F_cookie);
	EXPECT_ABSENT(&o.r, F_inode);
	EXPECT_ABSENT(&o.r, F_recv_q);
	EXPECT_ABSENT(&o.r, F_pdi_index);
	EXPECT_ABSENT(&o.r, F_pdi_version);
	EXPECT_ABSENT(&o.r, F_pdr_rx_ring);
	EXPECT_ABSENT(&o.r, F_pdm_entries);
	EXPECT_ABSENT(&o.r, F_pdiag_filter_len); /* we may not see it */
	opened_deinit(&o);
}

/* Lengths and kinds inside a membership are the kernel's, and yet not believed. */
static void test_odd_membership(void)
{
	struct packet_diag_msg m = { .pdiag_family = AF_PACKET };
	struct packet_diag_mclist list = { 0xffffffff, 0xffffffff, 0xffff, 0xffff, { 0 } };
	const char *text;
	struct opened o;
	struct built b;

	memset(list.pdmc_addr, 0xee, sizeof(list.pdmc_addr));
	built_begin(&b, SOURCE_packet, &m, sizeof(m));
	built_attr(&b, PACKET_DIAG_MCLIST, &list, sizeof(list));
	opened_init(&o, &b, NULL);
	text = built_text(&o.r, F_pdm_entries, 0);
	CU_ASSERT_EQUAL(strncmp(text, "ifindex 4294967295 count 4294967295 type 65535 ee:ee", 52), 0);
	CU_ASSERT_EQUAL(strlen(text), 46 + 32 * 3);
	opened_deinit(&o);
}

void suite_decode_packet(void)
{
	CU_pSuite s = CU_add_suite("Packet messages", NULL, NULL);

	CU_add_test(s, "All attributes", test_full);
	CU_add_test(s, "No attributes", test_bare);
	CU_add_test(s, "An odd membership", test_odd_membership);
}
