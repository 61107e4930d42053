/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct tcp_info of every length that kernels sent, and every length between */

#include <linux/inet_diag.h>

#include "unit/build_message.h"
#include "unit/suites.h"

/*
 * The members behind the 8 bytes of small ones, in order, with their widths:
 * the struct of Linux 6.18 written out, so that places come from adding up.
 */
#define MEMBERS(M)                                                                                        \
	M(rto, 4, 1) M(ato, 4, 1) M(snd_mss, 4, 1) M(rcv_mss, 4, 1) M(unacked, 4, 1) M(sacked, 4, 1)      \
	M(lost, 4, 1) M(retrans, 4, 1) M(fackets, 4, 1) M(last_data_sent, 4, 1000) M(last_ack_sent, 4, 1000) \
	M(last_data_recv, 4, 1000) M(last_ack_recv, 4, 1000) M(pmtu, 4, 1) M(rcv_ssthresh, 4, 1)          \
	M(rtt, 4, 1) M(rttvar, 4, 1) M(snd_ssthresh, 4, 1) M(snd_cwnd, 4, 1) M(advmss, 4, 1)              \
	M(reordering, 4, 1) M(rcv_rtt, 4, 1) M(rcv_space, 4, 1) M(total_retrans, 4, 1)                    \
	M(pacing_rate, 8, 1) M(max_pacing_rate, 8, 1) M(bytes_acked, 8, 1) M(bytes_received, 8, 1)        \
	M(segs_out, 4, 1) M(segs_in, 4, 1) M(notsent_bytes, 4, 1) M(min_rtt, 4, 1) M(data_segs_in, 4, 1)  \
	M(data_segs_out, 4, 1) M(delivery_rate, 8, 1) M(busy_time, 8, 1) M(rwnd_limited, 8, 1)            \
	M(sndbuf_limited, 8, 1) M(delivered, 4, 1) M(delivered_ce, 4, 1) M(bytes_sent, 8, 1)              \
	M(bytes_retrans, 8, 1) M(dsack_dups, 4, 1) M(reord_seen, 4, 1) M(rcv_ooopack, 4, 1)               \
	M(snd_wnd, 4, 1) M(rcv_wnd, 4, 1) M(rehash, 4, 1) M(total_rto, 2, 1)                              \
	M(total_rto_recoveries, 2, 1) M(total_rto_time, 4, 1000) M(received_ce, 4, 1)                     \
	M(delivered_e1_bytes, 4, 1) M(delivered_e0_bytes, 4, 1) M(delivered_ce_bytes, 4, 1)               \
	M(received_e1_bytes, 4, 1) M(received_e0_bytes, 4, 1) M(received_ce_bytes, 4, 1) M(accecn, 4, 1)

static const struct {
	enum field_id id;
	unsigned width, factor;
} members[] = {
#define MEMBER_ROW(name, width, factor) { F_tcpi_##name, width, factor },
	MEMBERS(MEMBER_ROW)
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static void open_info(struct opened *o, unsigned state, const uint8_t *info, size_t len)
{
	struct built b;

	built_inet(&b, SOURCE_tcp4, state);
	built_attr(&b, INET_DIAG_INFO, info, len);
	opened_init(o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o->error, 0);
}

static uint64_t bytes_at(const uint8_t *p, unsigned width)
{
	uint64_t v = 0;

	for (unsigned i = width; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* Each member is there just when it lies wholly inside, with its own bytes as its value. */
static void check_length(size_t len)
{
	uint8_t info[288];
	size_t at = 8;
	struct opened o;

	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(i * 37 + 11);
	open_info(&o, 1, info, len);
	for (size_t i = 0; i < N_MEMBERS; i++) {
		if (at + members[i].width <= len)
			EXPECT_U64(&o.r, members[i].id, bytes_at(info + at, members[i].width) * members[i].factor);
		else
			EXPECT_ABSENT(&o.r, members[i].id);
		at += members[i].width;
	}
	CU_ASSERT_EQUAL(at, 280);
	opened_deinit(&o);
}

static void test_historic_lengths(void)
{
	/* From Linux 2.6 to 6.18, each behind the members that came together. */
	static const size_t lengths[] = { 104, 120, 136, 144, 160, 168, 192, 200, 216, 224, 232, 240, 248, 280 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		check_length(lengths[i]);
}

static void test_every_length(void)
{
	for (size_t len = 0; len <= 288; len++)
		check_length(len);
}

static void test_small_members(void)
{
	static const enum field_id ids[] = { F_tcpi_state, F_tcpi_ca_state, F_tcpi_retransmits, F_tcpi_probes,
					     F_tcpi_backoff, F_tcpi_options };
	uint8_t info[8] = { 1, 2, 3, 4, 5, 6, 0xa7, 0xfd };
	struct opened o;

	for (size_t len = 0; len <= sizeof(info); len++) {
		open_info(&o, 1, info, len);
		for (size_t i = 0; i < 6; i++) {
			if (i < len)
				EXPECT_U64(&o.r, ids[i], i + 1);
			else
				EXPECT_ABSENT(&o.r, ids[i]);
		}
		if (len > 6) {
			EXPECT_U64(&o.r, F_tcpi_snd_wscale, 7);
			EXPECT_U64(&o.r, F_tcpi_rcv_wscale, 10);
		} else {
			EXPECT_ABSENT(&o.r, F_tcpi_snd_wscale);
			EXPECT_ABSENT(&o.r, F_tcpi_rcv_wscale);
		}
		if (len > 7) {
			EXPECT_BOOL(&o.r, F_tcpi_delivery_rate_app_limited, true);
			EXPECT_U64(&o.r, F_tcpi_fastopen_client_fail, 2);
		} else {
			EXPECT_ABSENT(&o.r, F_tcpi_delivery_rate_app_limited);
			EXPECT_ABSENT(&o.r, F_tcpi_fastopen_client_fail);
		}
		opened_deinit(&o);
	}
}

/* Times that the kernel counts in ms do not overflow on their way to µs. */
static void test_large_times(void)
{
	uint8_t info[280];
	struct opened o;

	memset(info, 0xff, sizeof(info));
	open_info(&o, 1, info, sizeof(info));
	EXPECT_U64(&o.r, F_tcpi_last_data_sent, 4294967295000ull);
	EXPECT_U64(&o.r, F_tcpi_total_rto_time, 4294967295000ull);
	EXPECT_U64(&o.r, F_tcpi_rtt, UINT32_MAX);
	EXPECT_U64(&o.r, F_tcpi_pacing_rate, UINT64_MAX);
	opened_deinit(&o);
}

/* The kernel fills seven members for a listener; the others' zeros are not values. */
static void test_listener(void)
{
	uint8_t info[280] = { 10 };
	unsigned n_present = 0;
	struct opened o;

	info[24] = 3;	/* unacked */
	info[28] = 128; /* sacked */
	info[80] = 10;	/* snd_cwnd */
	info[88] = 3;	/* reordering */
	open_info(&o, 10, info, sizeof(info));
	for (unsigned id = F_tcpi_state; id <= F_tcpi_accecn; id++)
		n_present += built_get(&o.r, id, 0).kind != VALUE_NONE;
	CU_ASSERT_EQUAL(n_present, 7);
	EXPECT_U64(&o.r, F_tcpi_state, 10);
	EXPECT_U64(&o.r, F_tcpi_unacked, 3);
	EXPECT_U64(&o.r, F_tcpi_sacked, 128);
	EXPECT_U64(&o.r, F_tcpi_snd_cwnd, 10);
	EXPECT_U64(&o.r, F_tcpi_reordering, 3);
	EXPECT_ABSENT(&o.r, F_tcpi_rtt);
	opened_deinit(&o);
}

/* Other protocols' INFO is not a tcp_info. */
static void test_other_protocols(void)
{
	uint8_t info[280] = { 1 };
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_udp4, 1);
	built_attr(&b, INET_DIAG_INFO, info, sizeof(info));
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_tcpi_state);
	EXPECT_ABSENT(&o.r, F_tcpi_rtt);
	opened_deinit(&o);

	built_inet(&b, SOURCE_dccp4, 1);
	built_attr(&b, INET_DIAG_INFO, info, sizeof(info));
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_tcpi_state, 1);
	opened_deinit(&o);
}

void suite_decode_tcp_info(void)
{
	CU_pSuite s = CU_add_suite("struct tcp_info", NULL, NULL);

	CU_add_test(s, "Every length a kernel sent", test_historic_lengths);
	CU_add_test(s, "Every length there is", test_every_length);
	CU_add_test(s, "Bytes and bit-fields", test_small_members);
	CU_add_test(s, "Large times", test_large_times);
	CU_add_test(s, "A listener", test_listener);
	CU_add_test(s, "Other protocols", test_other_protocols);
}
