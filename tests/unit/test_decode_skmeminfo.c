/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Socket memory: the same in every family */

#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/unix_diag.h>
#include <linux/xdp_diag.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static const enum field_id ids[9] = { F_sk_rmem_alloc, F_sk_rcvbuf, F_sk_wmem_alloc, F_sk_sndbuf, F_sk_forward_alloc,
				      F_sk_wmem_queued, F_sk_omem_alloc, F_sk_backlog, F_sk_drops };

static void expect_first(struct record *r, size_t n)
{
	for (size_t i = 0; i < 9; i++) {
		if (i >= n)
			EXPECT_ABSENT(r, ids[i]);
		else if (ids[i] == F_sk_forward_alloc)
			EXPECT_S64(r, ids[i], -5);
		else
			EXPECT_U64(r, ids[i], 101 + i);
	}
}

static void test_families(void)
{
	static const enum source_id sources[] = { SOURCE_tcp4, SOURCE_udp6, SOURCE_sctp4, SOURCE_mptcp4,
						  SOURCE_unix, SOURCE_netlink, SOURCE_packet, SOURCE_xdp };

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct opened o;
		struct built b;

		built_full(&b, sources[i]);
		opened_init(&o, &b, NULL);
		expect_first(&o.r, 9);
		opened_deinit(&o);
	}
}

/* Older kernels knew fewer: backlog and drops came later. */
static void test_lengths(void)
{
	uint32_t mem[9] = { 101, 102, 103, 104, (uint32_t)-5, 106, 107, 108, 109 };

	for (size_t len = 0; len <= sizeof(mem); len++) {
		struct opened o;
		struct built b;

		built_inet(&b, SOURCE_tcp4, 1);
		built_attr(&b, INET_DIAG_SKMEMINFO, mem, len);
		opened_init(&o, &b, NULL);
		expect_first(&o.r, len / 4);
		opened_deinit(&o);
	}
}

void suite_decode_skmeminfo(void)
{
	CU_pSuite s = CU_add_suite("Socket memory", NULL, NULL);

	CU_add_test(s, "Every family", test_families);
	CU_add_test(s, "Every length", test_lengths);
}
