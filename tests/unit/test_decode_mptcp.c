/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct mptcp_info of the lengths that kernels sent */

#include <linux/inet_diag.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static const struct {
	enum field_id id;
	unsigned at, width, factor;
	unsigned since; /* length of the first struct that had it, padding included */
} members[] = {
	{ F_mptcpi_subflows, 0, 1, 1, 48 },
	{ F_mptcpi_add_addr_signal, 1, 1, 1, 48 },
	{ F_mptcpi_add_addr_accepted, 2, 1, 1, 48 },
	{ F_mptcpi_subflows_max, 3, 1, 1, 48 },
	{ F_mptcpi_add_addr_signal_max, 4, 1, 1, 48 },
	{ F_mptcpi_add_addr_accepted_max, 5, 1, 1, 48 },
	{ F_mptcpi_flags, 8, 4, 1, 48 },
	{ F_mptcpi_token, 12, 4, 1, 48 },
	{ F_mptcpi_write_seq, 16, 8, 1, 48 },
	{ F_mptcpi_snd_una, 24, 8, 1, 48 },
	{ F_mptcpi_rcv_nxt, 32, 8, 1, 48 },
	{ F_mptcpi_local_addr_used, 40, 1, 1, 48 },
	{ F_mptcpi_local_addr_max, 41, 1, 1, 48 },
	{ F_mptcpi_retransmits, 44, 4, 1, 80 },
	{ F_mptcpi_bytes_retrans, 48, 8, 1, 80 },
	{ F_mptcpi_bytes_sent, 56, 8, 1, 80 },
	{ F_mptcpi_bytes_received, 64, 8, 1, 80 },
	{ F_mptcpi_bytes_acked, 72, 8, 1, 80 },
	{ F_mptcpi_subflows_total, 80, 1, 1, 88 },
	{ F_mptcpi_endp_laminar_max, 81, 1, 1, 96 },
	{ F_mptcpi_endp_fullmesh_max, 82, 1, 1, 96 },
	{ F_mptcpi_last_data_sent, 84, 4, 1000, 96 },
	{ F_mptcpi_last_data_recv, 88, 4, 1000, 96 },
	{ F_mptcpi_last_ack_recv, 92, 4, 1000, 96 },
};

static void open_info(struct opened *o, unsigned state, size_t len, uint8_t *info)
{
	struct built b;

	for (size_t i = 0; i < 96; i++)
		info[i] = (uint8_t)(i * 53 + 7);
	built_inet(&b, SOURCE_mptcp4, state);
	built_attr(&b, INET_DIAG_INFO, info, len);
	opened_init(o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o->error, 0);
}

/* 5.14 to 6.4, 6.5, 6.7, 6.10: zeros in a struct's padding are not the next kernel's member. */
static void test_lengths(void)
{
	static const size_t lengths[] = { 48, 80, 88, 96 };
	uint8_t info[96];

	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		struct opened o;

		open_info(&o, 1, lengths[k], info);
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
			uint64_t want = 0;

			for (unsigned j = members[i].width; j-- > 0;)
				want = want << 8 | info[members[i].at + j];
			if (lengths[k] >= members[i].since)
				EXPECT_U64(&o.r, members[i].id, want * members[i].factor);
			else
				EXPECT_ABSENT(&o.r, members[i].id);
		}
		EXPECT_BOOL(&o.r, F_mptcpi_csum_enabled, true);
		opened_deinit(&o);
	}
}

static void test_listener(void)
{
	uint8_t info[96];
	struct opened o;

	open_info(&o, 10, 96, info);
	EXPECT_TEXT(&o.r, F_netid, "mptcp");
	EXPECT_U64(&o.r, F_sk_protocol, 262);
	EXPECT_U64(&o.r, F_sk_ack_backlog, 11);
	EXPECT_ABSENT(&o.r, F_mptcpi_subflows_max);
	EXPECT_ABSENT(&o.r, F_mptcpi_token);
	opened_deinit(&o);
}

void suite_decode_mptcp(void)
{
	CU_pSuite s = CU_add_suite("MPTCP", NULL, NULL);

	CU_add_test(s, "Every length a kernel sent", test_lengths);
	CU_add_test(s, "A listener", test_listener);
}
