/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XDP messages */

#include <linux/xdp_diag.h>
#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_full(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_xdp);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "xdp");
	EXPECT_U64(&o.r, F_family, AF_XDP);
	EXPECT_U64(&o.r, F_type, SOCK_RAW);
	EXPECT_U64(&o.r, F_state, STATE_CLOSE);
	EXPECT_TEXT(&o.r, F_local, "2");
	EXPECT_U64(&o.r, F_local_port, 5);
	EXPECT_U64(&o.r, F_inode, 33);
	EXPECT_U64(&o.r, F_cookie, 9);
	EXPECT_U64(&o.r, F_uid, 7);
	EXPECT_U64(&o.r, F_recv_q, 101);
	EXPECT_U64(&o.r, F_xdiag_ifindex, 2);
	EXPECT_U64(&o.r, F_xdiag_queue_id, 5);
	EXPECT_U64(&o.r, F_xdiag_rx_entries, 2048);
	EXPECT_U64(&o.r, F_xdiag_tx_entries, 1024);
	EXPECT_U64(&o.r, F_xdiag_fr_entries, 512);
	EXPECT_U64(&o.r, F_xdiag_cr_entries, 256);
	EXPECT_U64(&o.r, F_xdu_size, 0x100000000ull);
	EXPECT_U64(&o.r, F_xdu_id, 1);
	EXPECT_U64(&o.r, F_xdu_num_pages, 2);
	EXPECT_U64(&o.r, F_xdu_chunk_size, 4096);
	EXPECT_U64(&o.r, F_xdu_headroom, 256);
	EXPECT_U64(&o.r, F_xdu_ifindex, 2);
	EXPECT_U64(&o.r, F_xdu_queue_id, 5);
	EXPECT_U64(&o.r, F_xdu_flags, 1);
	EXPECT_U64(&o.r, F_xdu_refs, 3);
	EXPECT_U64(&o.r, F_xds_rx_dropped, 21);
	EXPECT_U64(&o.r, F_xds_rx_invalid, 22);
	EXPECT_U64(&o.r, F_xds_rx_full, 23);
	EXPECT_U64(&o.r, F_xds_fill_ring_empty, 24);
	EXPECT_U64(&o.r, F_xds_tx_invalid, 25);
	EXPECT_U64(&o.r, F_xds_tx_ring_empty, 26);
	opened_deinit(&o);
}

static void test_bare(void)
{
	struct xdp_diag_msg m = { .xdiag_family = AF_XDP, .xdiag_type = SOCK_RAW };
	struct opened o;
	struct built b;

	built_begin(&b, SOURCE_xdp, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_local);
	EXPECT_ABSENT(&o.r, F_local_port);
	EXPECT_ABSENT(&o.r, F_dev);
	EXPECT_ABSENT(&o.r, F_xdu_size);
	EXPECT_ABSENT(&o.r, F_xds_rx_dropped);
	opened_deinit(&o);
}

void suite_decode_xdp(void)
{
	CU_pSuite s = CU_add_suite("XDP messages", NULL, NULL);

	CU_add_test(s, "All attributes", test_full);
	CU_add_test(s, "No attributes", test_bare);
}
