/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ages and rates: there when the daemon knows them, and for TCP alone the rates */

#include "model/value.h"
#include "unit/build_message.h"
#include "unit/suites.h"

static const enum field_id ages[] = { F_age, F_age_at_least, F_state_age, F_state_age_at_least };
static const enum field_id rates[] = { F_tx_rate, F_rx_rate, F_tx_segs_rate, F_rx_segs_rate, F_retrans_rate };

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void open_tracked(struct record *r, struct built *b, enum source_id source, const struct socketd_track *t)
{
	struct message m;

	built_full(b, source);
	m = (struct message){ .data = b->data, .len = (uint32_t)b->len, .source = (uint8_t)source, .track = t };
	memset(r, 0xa5, sizeof(*r));
	CU_ASSERT_EQUAL_FATAL(record_open(r, &m, NULL), 0);
}

static void expect_absent(struct record *r, const enum field_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		EXPECT_ABSENT(r, ids[i]);
}

static void test_whole(void)
{
	const struct socketd_track t = {
		.age = 5000000, .state_age = 3000000, .tx_rate = UINT64_C(1) << 40, .rx_rate = 77, .tx_segs_rate = 1500,
		.rx_segs_rate = 250, .retrans_rate = 4, .flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES | SOCKETD_TRACK_AGE_AT_LEAST,
	};
	struct record r;
	struct built b;

	open_tracked(&r, &b, SOURCE_tcp6, &t);
	EXPECT_U64(&r, F_age, 5000000);
	EXPECT_BOOL(&r, F_age_at_least, true);
	EXPECT_U64(&r, F_state_age, 3000000);
	EXPECT_BOOL(&r, F_state_age_at_least, false);
	EXPECT_U64(&r, F_tx_rate, UINT64_C(1) << 40);
	EXPECT_U64(&r, F_rx_rate, 77);
	EXPECT_U64(&r, F_tx_segs_rate, 1500);
	EXPECT_U64(&r, F_rx_segs_rate, 250);
	EXPECT_U64(&r, F_retrans_rate, 4);
	EXPECT_ABSENT_N(&r, F_age, 1);
	EXPECT_ABSENT_N(&r, F_tx_rate, 1);
}

static void test_flags(void)
{
	struct socketd_track t = { .age = 1, .flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_STATE_AGE_AT_LEAST };
	struct record r;
	struct built b;

	/* Zero is a rate, no rate is none. */
	open_tracked(&r, &b, SOURCE_tcp4, &t);
	EXPECT_U64(&r, F_age, 1);
	EXPECT_BOOL(&r, F_age_at_least, false);
	EXPECT_BOOL(&r, F_state_age_at_least, true);
	expect_absent(&r, rates, N(rates));
	t.flags |= SOCKETD_TRACK_RATES;
	for (size_t i = 0; i < N(rates); i++)
		EXPECT_U64(&r, rates[i], 0);
	/* Nothing is remembered of this row, whatever else the stream says. */
	t.flags = (uint32_t)~SOCKETD_TRACK_KNOWN;
	open_tracked(&r, &b, SOURCE_tcp4, &t);
	expect_absent(&r, ages, N(ages));
	expect_absent(&r, rates, N(rates));
	open_tracked(&r, &b, SOURCE_tcp4, NULL);
	expect_absent(&r, ages, N(ages));
	expect_absent(&r, rates, N(rates));
}

/* What plans go by agrees with what rows give. */
static void test_sources(void)
{
	const struct socketd_track t = { .age = 1, .flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES };

	for (unsigned source = 1; source < SOURCE_COUNT; source++) {
		bool tcp = source == SOURCE_tcp4 || source == SOURCE_tcp6 || source == SOURCE_tcp;
		struct record r;
		struct built b;

		open_tracked(&r, &b, source, &t);
		for (size_t i = 0; i < N(ages); i++) {
			CU_ASSERT_NOT_EQUAL(built_get(&r, ages[i], 0).kind, VALUE_NONE);
			CU_ASSERT_TRUE(decode_source_has(source, ages[i]));
		}
		for (size_t i = 0; i < N(rates); i++) {
			CU_ASSERT_EQUAL(built_get(&r, rates[i], 0).kind != VALUE_NONE, tcp);
			CU_ASSERT_EQUAL(decode_source_has(source, rates[i]), tcp);
		}
	}
}

void suite_decode_track(void)
{
	CU_pSuite s = CU_add_suite("decode: track", NULL, NULL);

	CU_add_test(s, "all of it", test_whole);
	CU_add_test(s, "what the flags say is not there", test_flags);
	CU_add_test(s, "every source", test_sources);
}
