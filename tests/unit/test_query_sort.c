/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Order and groups of kept rows */

#include <stdio.h>

#include "model/words.h"
#include "query/sort.h"
#include "query_rows.h"
#include "suites.h"

static void add(struct store *s, const struct built *b)
{
	struct message m = { .data = b->data, .len = (uint32_t)b->len, .source = (uint8_t)b->source };

	CU_ASSERT_EQUAL_FATAL(store_add(s, &m), 0);
}

static const struct row rows[] = {
	{ .source = SOURCE_tcp4,
	  .state = STATE_LISTEN,
	  .local = "10.0.0.2",
	  .local_port = 80,
	  .inode = 77,
	  .cookie = 1,
	  .recv_q = 5,
	  .send_q = 128 },
	{ .source = SOURCE_tcp4,
	  .state = STATE_ESTABLISHED,
	  .local = "9.0.0.1",
	  .local_port = 443,
	  .inode = 88,
	  .cookie = 2,
	  .ifindex = 2,
	  .recv_q = 10,
	  .send_q = 1 },
	{ .source = SOURCE_tcp6,
	  .state = STATE_ESTABLISHED,
	  .local = "::1",
	  .local_port = 80,
	  .inode = 99,
	  .cookie = 3,
	  .ifindex = 1,
	  .recv_q = 20,
	  .send_q = 2 },
	{ .source = SOURCE_udp4,
	  .state = STATE_CLOSE,
	  .local = "10.0.0.2",
	  .local_port = 53,
	  .inode = 77,
	  .cookie = 4 },
	{ .source = SOURCE_tcp4, .state = STATE_TIME_WAIT, .local = "10.0.0.10", .local_port = 80, .cookie = 5 },
};

static void fill(struct store *s)
{
	struct built b;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		row_build(&b, &rows[i]);
		add(s, &b);
	}
	/* What cannot be opened is last, and is not lost. */
	b.len = 10;
	add(s, &b);
}

/* The cookies in order, "-" for a damaged row. */
static void expect_order(const char *want, const struct sort_key *keys, size_t n_keys)
{
	CLEANUP(context_free) struct context *c = rows_context();
	CLEANUP(store_deinit) struct store s;
	char is[64] = "";
	size_t n = 0;

	store_init(&s);
	fill(&s);
	CU_ASSERT_EQUAL(sort_messages(&s, c, keys, n_keys), 0);
	for (size_t i = 0; i < s.n_messages; i++) {
		struct record r;
		uint64_t cookie;

		if (record_open(&r, &s.messages[i], c) < 0 || record_cookie(&r, &cookie) < 0)
			is[n++] = '-';
		else
			is[n++] = (char)('0' + cookie);
	}
	is[n] = 0;
	CU_ASSERT_STRING_EQUAL(is, want);
}

#define EXPECT_ORDER(want, ...)                                      \
	expect_order(want, (const struct sort_key[]){ __VA_ARGS__ }, \
		     sizeof((const struct sort_key[]){ __VA_ARGS__ }) / sizeof(struct sort_key))

static void test_order(void)
{
	EXPECT_ORDER("12345-", { F_cookie, false });
	EXPECT_ORDER("54321-", { F_cookie, true });
	/* Stable, and stable when descending too. */
	EXPECT_ORDER("41352-", { F_local_port, false });
	EXPECT_ORDER("21354-", { F_local_port, true });
	EXPECT_ORDER("45312-", { F_local_port, false }, { F_cookie, true });
	EXPECT_ORDER("23541-", { F_state, false }, { F_cookie, false }, { F_netid, false });
	/* Absent is last, whichever way. */
	EXPECT_ORDER("23145-", { F_dev, false });
	EXPECT_ORDER("32145-", { F_dev, true });
	EXPECT_ORDER("14235-", { F_inode, false });
	EXPECT_ORDER("32145-", { F_inode, true });
	/* Addresses by their bytes, not by their text; IPv4 first. */
	EXPECT_ORDER("21453-", { F_local, false });
	EXPECT_ORDER("35142-", { F_local, true });
	EXPECT_ORDER("12354-", { F_netid, false });
	/* Lists by their first value. */
	EXPECT_ORDER("14235-", { F_pid, false });
	EXPECT_ORDER("21435-", { F_comm, true });
}

static void test_compare(void)
{
	struct value a, b;

	value_set_s64(&a, -1);
	value_set_u64(&b, 0);
	CU_ASSERT_TRUE(value_compare(&a, &b) < 0);
	CU_ASSERT_TRUE(value_compare(&b, &a) > 0);
	value_set_s64(&b, INT64_MIN);
	CU_ASSERT_TRUE(value_compare(&a, &b) > 0);
	value_set_u64(&a, UINT64_MAX);
	value_set_s64(&b, INT64_MAX);
	CU_ASSERT_TRUE(value_compare(&a, &b) > 0);
	value_set_u64(&b, UINT64_MAX);
	CU_ASSERT_EQUAL(value_compare(&a, &b), 0);
	value_set_str(&a, "ab", 2);
	value_set_str(&b, "abc", 3);
	CU_ASSERT_TRUE(value_compare(&a, &b) < 0);
	value_set_str(&b, "aB", 2);
	CU_ASSERT_TRUE(value_compare(&a, &b) > 0);
	value_set_str(&b, "\xff", 1);
	CU_ASSERT_TRUE(value_compare(&a, &b) < 0);
}

/* Against a sort that is too simple to be wrong: values near each other, near the ends, and strings with common starts.
 */
static void test_against_simple(void)
{
	static const uint64_t numbers[] = { 0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	CLEANUP(store_deinit) struct store s;
	static const struct sort_key keys[] = { { F_inode, true }, { F_sk_mark, false }, { F_uid, true } };
	struct value last[3];
	struct built b;
	unsigned state = 1;

	store_init(&s);
	for (unsigned i = 0; i < 3000; i++) {
		struct row row = { .source = SOURCE_tcp4, .state = 1, .cookie = i + 1 };

		state = state * 1103515245 + 12345;
		row.inode = (uint32_t)numbers[state >> 16 & 7];
		row.mark = (uint32_t)numbers[state >> 20 & 7];
		row.uid = (uint32_t)numbers[state >> 24 & 7];
		row_build(&b, &row);
		add(&s, &b);
	}
	CU_ASSERT_EQUAL(sort_messages(&s, NULL, keys, 3), 0);
	for (size_t i = 0; i < s.n_messages; i++) {
		struct value now[3], cookie;
		static uint64_t last_cookie;
		struct record r;
		int order = 0;

		CU_ASSERT_EQUAL_FATAL(record_open(&r, &s.messages[i], NULL), 0);
		for (unsigned k = 0; k < 3; k++)
			if (record_get(&r, keys[k].field, 0, &now[k]) < 0)
				now[k].kind = VALUE_NONE;
		CU_ASSERT_EQUAL(record_get(&r, F_cookie, 0, &cookie), 0);
		for (unsigned k = 0; i > 0 && k < 3 && order == 0; k++) {
			if (last[k].kind == VALUE_NONE || now[k].kind == VALUE_NONE)
				order = (last[k].kind == VALUE_NONE) - (now[k].kind == VALUE_NONE);
			else
				order = (last[k].u > now[k].u) - (last[k].u < now[k].u);
			if (keys[k].descending && last[k].kind != VALUE_NONE && now[k].kind != VALUE_NONE)
				order = -order;
		}
		CU_ASSERT_TRUE(order <= 0);
		if (i > 0 && order == 0)
			CU_ASSERT_TRUE(last_cookie < cookie.u);
		last_cookie = cookie.u;
		memcpy(last, now, sizeof(last));
	}
}

static void expect_groups(const enum field_id *keys, size_t n_keys, const char *want)
{
	CLEANUP(context_free) struct context *c = rows_context();
	CLEANUP(grouping_free) struct grouping *g = NULL;
	CLEANUP(store_deinit) struct store s;
	const struct group *const *groups;
	char is[1024] = "";
	size_t n = 0, n_groups;

	store_init(&s);
	fill(&s);
	CU_ASSERT_EQUAL_FATAL(grouping_new(&g, keys, n_keys), 0);
	for (size_t i = 0; i < s.n_messages; i++) {
		struct record r;

		if (record_open(&r, &s.messages[i], c) >= 0)
			CU_ASSERT_EQUAL(grouping_add(g, &r), 0);
	}
	groups = grouping_finish(g, &n_groups);
	for (size_t i = 0; i < n_groups; i++) {
		for (size_t k = 0; k < n_keys; k++)
			n += (size_t)snprintf(is + n, sizeof(is) - n, "%s,",
					      groups[i]->key_texts[k] ? groups[i]->key_texts[k] : "-");
		n += (size_t)snprintf(is + n, sizeof(is) - n, "%u:%u/%u ", (unsigned)groups[i]->n_rows,
				      (unsigned)groups[i]->recv_q, (unsigned)groups[i]->send_q);
	}
	if (strcmp(is, want))
		printf("\n  is   %s\n  want %s\n", is, want);
	CU_ASSERT_STRING_EQUAL(is, want);
}

static void test_groups(void)
{
	static const enum field_id netid[] = { F_netid }, state[] = { F_netid, F_state }, dev[] = { F_dev },
				   pid[] = { F_pid }, owners[] = { F_pid, F_comm }, local[] = { F_local };

	expect_groups(NULL, 0, "5:30/3 ");
	/* A listener's queues are not bytes. */
	expect_groups(netid, 1, "tcp,4:30/3 udp,1:0/0 ");
	expect_groups(state, 2, "tcp,ESTAB,2:30/3 tcp,LISTEN,1:0/0 tcp,TIME-WAIT,1:0/0 udp,UNCONN,1:0/0 ");
	expect_groups(dev, 1, "-,3:0/0 eth0,1:10/1 lo,1:20/2 ");
	/* Two descriptors of one process are one owner; a row of two processes counts for each. */
	expect_groups(pid, 1, "200,3:10/1 100,2:0/0 -,2:20/2 ");
	expect_groups(owners, 2, "200,wget 2,3:10/1 100,curl,2:0/0 -,-,2:20/2 ");
	expect_groups(local, 1, "10.0.0.2,2:0/0 10.0.0.10,1:0/0 9.0.0.1,1:10/1 ::1,1:20/2 ");
}

static void add_rates(struct grouping *g, enum source_id source, uint16_t port, const struct socketd_track *t)
{
	const struct row row = { .source = source, .state = STATE_ESTABLISHED, .local_port = port, .cookie = 1 };
	struct message m;
	struct record r;
	struct built b;

	row_build(&b, &row);
	m = (struct message){ .data = b.data, .len = (uint32_t)b.len, .source = (uint8_t)source, .track = t };
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	CU_ASSERT_EQUAL(grouping_add(g, &r), 0);
}

static void test_rates(void)
{
	static const enum field_id key = F_local_port;
	const struct socketd_track with = { .tx_rate = 1000, .rx_rate = 5, .retrans_rate = 1500,
					    .flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES };
	const struct socketd_track zero = { .flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES };
	const struct socketd_track without = { .tx_rate = 7, .flags = SOCKETD_TRACK_KNOWN };
	CLEANUP(grouping_free) struct grouping *g = NULL;
	const struct group *const *groups;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(grouping_new(&g, &key, 1), 0);
	for (unsigned i = 0; i < 5; i++)
		add_rates(g, SOURCE_tcp4, 80, i < 3 ? &with : i < 4 ? &without : NULL);
	for (unsigned i = 0; i < 4; i++)
		add_rates(g, SOURCE_udp4, 53, &with);
	for (unsigned i = 0; i < 3; i++)
		add_rates(g, SOURCE_tcp6, 443, &without);
	add_rates(g, SOURCE_tcp6, 22, &zero);
	groups = grouping_finish(g, &n);
	CU_ASSERT_EQUAL_FATAL(n, 4);
	CU_ASSERT_STRING_EQUAL(groups[0]->key_texts[0], "80");
	CU_ASSERT_EQUAL(groups[0]->n_rows, 5);
	CU_ASSERT_TRUE(groups[0]->has_rates);
	CU_ASSERT_EQUAL(groups[0]->tx_rate, 3000);
	CU_ASSERT_EQUAL(groups[0]->rx_rate, 15);
	CU_ASSERT_EQUAL(groups[0]->retrans_rate, 4500);
	for (unsigned i = 1; i < 3; i++) {
		CU_ASSERT_FALSE(groups[i]->has_rates);
		CU_ASSERT_EQUAL(groups[i]->tx_rate, 0);
	}
	CU_ASSERT_STRING_EQUAL(groups[3]->key_texts[0], "22");
	CU_ASSERT_TRUE(groups[3]->has_rates);
	CU_ASSERT_EQUAL(groups[3]->tx_rate, 0);
}

static void test_many_groups(void)
{
	CLEANUP(grouping_free) struct grouping *g = NULL;
	static const enum field_id key = F_cookie;
	const struct group *const *groups;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(grouping_new(&g, &key, 1), 0);
	groups = grouping_finish(g, &n);
	CU_ASSERT_EQUAL(n, 0);
	(void)groups;
	for (unsigned i = 0; i < 20000; i++) {
		struct row row = { .source = SOURCE_tcp4, .state = 1, .cookie = i % 10000 + 1 };
		struct opened o;
		struct built b;

		row_build(&b, &row);
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL(grouping_add(g, &o.r), 0);
		opened_deinit(&o);
	}
	groups = grouping_finish(g, &n);
	CU_ASSERT_EQUAL(n, 10000);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(groups[i]->n_rows, 2);
}

void suite_query_sort(void)
{
	CU_pSuite s = CU_add_suite("query: sort and group", NULL, NULL);

	CU_add_test(s, "comparing values", test_compare);
	CU_add_test(s, "order", test_order);
	CU_add_test(s, "order against a simple check", test_against_simple);
	CU_add_test(s, "groups", test_groups);
	CU_add_test(s, "sums of rates", test_rates);
	CU_add_test(s, "many groups", test_many_groups);
}
