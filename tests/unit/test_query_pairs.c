/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both ends joined: who is whose other end, and where nobody is said to be */

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/words.h"
#include "query/pairs.h"
#include "query/query.h"
#include "query_rows.h"
#include "snapshot/store.h"
#include "suites.h"

/* Rows that were added, in their order. */
struct rig {
	struct store store;
	struct pairs *pairs;
	struct context *context;
};

static void rig_init(struct rig *g)
{
	*g = (struct rig){ .context = rows_context() };
	store_init(&g->store);
	CU_ASSERT_EQUAL_FATAL(pairs_new(&g->pairs), 0);
}

static void rig_deinit(struct rig *g)
{
	store_deinit(&g->store);
	pairs_free(g->pairs);
	context_free(g->context);
}

static void add(struct rig *g, const struct built *b, uint32_t netns)
{
	struct message m = { .data = b->data, .len = (uint32_t)b->len, .source = (uint8_t)b->source, .netns = netns };
	struct record r;

	CU_ASSERT_EQUAL_FATAL(store_add(&g->store, &m), 0);
	m = g->store.messages[g->store.n_messages - 1];
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, g->context), 0);
	CU_ASSERT_EQUAL_FATAL(pairs_add(g->pairs, &r, &m), 0);
}

/* An inet row; its inode is its cookie. */
static void add_inet(struct rig *g, uint32_t netns, enum source_id source, unsigned state, const char *local, uint16_t local_port,
		     const char *peer, uint16_t peer_port, uint32_t inode)
{
	const struct row row = { .source = source, .state = state, .local = local, .local_port = local_port, .peer = peer,
				 .peer_port = peer_port, .inode = inode, .cookie = inode };
	struct built b;

	row_build(&b, &row);
	add(g, &b, netns);
}

/* A UNIX row; peer 0 says that the kernel told of one without an inode, as it does of a pending client. */
static void add_unix(struct rig *g, uint32_t netns, const char *name, uint32_t inode, uint32_t peer, const uint32_t *icons,
		     size_t n_icons)
{
	struct built b;

	row_build_unix(&b, SOCK_STREAM, n_icons ? STATE_LISTEN : STATE_ESTABLISHED, name, name ? strlen(name) : 0, inode);
	built_u32(&b, UNIX_DIAG_PEER, peer);
	if (n_icons)
		built_attr(&b, UNIX_DIAG_ICONS, icons, n_icons * sizeof(*icons));
	add(g, &b, netns);
}

#define NONE 0

/* The inode of the other end of the i-th row. */
static uint64_t other(const struct rig *g, size_t i, bool *ret_pending)
{
	struct record r, end;
	struct message m;
	uint64_t inode = UINT64_MAX;

	*ret_pending = false;
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &g->store.messages[i], g->context), 0);
	if (!pairs_find(g->pairs, &r, &m, ret_pending))
		return NONE;
	CU_ASSERT_EQUAL_FATAL(record_open(&end, &m, g->context), 0);
	record_inode(&end, &inode);
	return inode;
}

static void expect(const struct rig *g, size_t i, uint64_t inode)
{
	bool pending;

	CU_ASSERT_EQUAL(other(g, i, &pending), inode);
	CU_ASSERT_FALSE(pending);
}

static void test_unix(void)
{
	static const uint32_t icons[] = { 13, 0, 14 };
	struct rig g;
	bool pending;

	rig_init(&g);
	add_unix(&g, 0, NULL, 10, 11, NULL, 0); /* 0: a pair */
	add_unix(&g, 0, NULL, 11, 10, NULL, 0);
	add_unix(&g, 0, "/run/x", 12, 0, icons, 3); /* 2: a listener with two that wait, one of which it cannot name */
	add_unix(&g, 0, NULL, 13, 0, NULL, 0);
	add_unix(&g, 0, NULL, 14, 0, NULL, 0);
	add_unix(&g, 0, NULL, 15, 0, NULL, 0);  /* 5: connected to nobody */
	add_unix(&g, 0, NULL, 16, 99, NULL, 0); /* 6: to whom the reading does not have */
	add_unix(&g, 9, NULL, 17, 12, NULL, 0); /* 7: a datagram's, from another namespace; that one knows nothing of it */
	add_unix(&g, 0, "/run/x", 0, 13, NULL, 0); /* 8: what the listener has not accepted */
	expect(&g, 0, 11);
	expect(&g, 1, 10);
	expect(&g, 2, NONE);
	CU_ASSERT_EQUAL(other(&g, 3, &pending), 12);
	CU_ASSERT_TRUE(pending);
	CU_ASSERT_EQUAL(other(&g, 4, &pending), 12);
	CU_ASSERT_TRUE(pending);
	expect(&g, 5, NONE);
	expect(&g, 6, NONE);
	expect(&g, 7, 12);
	expect(&g, 8, 13);
	rig_deinit(&g);
}

/* Inode numbers come again. */
static void test_unix_twice(void)
{
	struct rig g;

	rig_init(&g);
	add_unix(&g, 0, NULL, 10, 11, NULL, 0);
	add_unix(&g, 0, NULL, 11, 10, NULL, 0);
	add_unix(&g, 7, "/other", 11, 12, NULL, 0);
	((uint8_t *)g.store.messages[2].data)[offsetof(struct unix_diag_msg, udiag_cookie)] = 77;
	add_unix(&g, 0, NULL, 20, 11, NULL, 0); /* 3: whom neither means */
	expect(&g, 0, 11);
	expect(&g, 3, NONE);
	rig_deinit(&g);
}

static void test_inet(void)
{
	struct rig g;

	rig_init(&g);
	add_inet(&g, 1, SOURCE_tcp4, STATE_LISTEN, "127.0.0.1", 80, NULL, 0, 10);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "127.0.0.1", 80, "127.0.0.1", 5000, 11);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "127.0.0.1", 5000, "127.0.0.1", 80, 12);
	add_inet(&g, 1, SOURCE_tcp6, STATE_ESTABLISHED, "::ffff:127.0.0.1", 81, "::ffff:127.0.0.1", 5001, 13);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "127.0.0.1", 5001, "127.0.0.1", 81, 14);
	add_inet(&g, 1, SOURCE_udp4, STATE_ESTABLISHED, "127.0.0.1", 5001, "127.0.0.1", 81, 15); /* 5: of another protocol */
	add_inet(&g, 1, SOURCE_udp4, STATE_CLOSE, "127.0.0.1", 81, NULL, 0, 16);
	add_inet(&g, 1, SOURCE_tcp6, STATE_ESTABLISHED, "fe80::1", 82, "fe80::2", 83, 17);
	add_inet(&g, 1, SOURCE_tcp6, STATE_FIN_WAIT2, "fe80::2", 83, "fe80::1", 82, 18);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "127.0.0.1", 90, "127.0.0.1", 90, 19); /* 9: connected to itself */
	expect(&g, 0, NONE);
	expect(&g, 1, 12);
	expect(&g, 2, 11);
	expect(&g, 3, 14);
	expect(&g, 4, 13);
	expect(&g, 5, NONE);
	expect(&g, 6, NONE);
	expect(&g, 7, 18);
	expect(&g, 8, 17);
	expect(&g, 9, 19);
	rig_deinit(&g);
}

/* Of two none; but what a dump brings twice is one, and what is left of an older connection does not count. */
static void test_ambiguous(void)
{
	struct rig g;

	rig_init(&g);
	add_inet(&g, 1, SOURCE_udp4, STATE_ESTABLISHED, "10.0.0.1", 53, "10.0.0.2", 5000, 10);
	add_inet(&g, 1, SOURCE_udp4, STATE_ESTABLISHED, "10.0.0.1", 53, "10.0.0.2", 5000, 11);
	add_inet(&g, 1, SOURCE_udp4, STATE_ESTABLISHED, "10.0.0.2", 5000, "10.0.0.1", 53, 12);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.0.0.1", 80, "10.0.0.2", 5000, 13);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.0.0.1", 80, "10.0.0.2", 5000, 13);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.0.0.2", 5000, "10.0.0.1", 80, 14);
	add_inet(&g, 1, SOURCE_tcp4, STATE_TIME_WAIT, "10.0.0.1", 81, "10.0.0.2", 5000, 0);
	add_inet(&g, 1, SOURCE_tcp4, STATE_NEW_SYN_RECV, "10.0.0.1", 81, "10.0.0.2", 5000, 15);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.0.0.2", 5000, "10.0.0.1", 81, 16);
	expect(&g, 2, NONE);
	expect(&g, 0, 12);
	expect(&g, 5, 13);
	expect(&g, 8, 15);
	rig_deinit(&g);
}

static void test_namespaces(void)
{
	struct rig g;

	rig_init(&g);
	/* One connection, through a pair of devices. */
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.0.0.1", 80, "10.0.0.2", 5000, 10);
	add_inet(&g, 2, SOURCE_tcp4, STATE_ESTABLISHED, "10.0.0.2", 5000, "10.0.0.1", 80, 11);
	/* 2: the same addresses in two namespaces: each has its own. */
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.1.0.1", 80, "10.1.0.1", 5000, 12);
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.1.0.1", 5000, "10.1.0.1", 80, 13);
	add_inet(&g, 2, SOURCE_tcp4, STATE_ESTABLISHED, "10.1.0.1", 80, "10.1.0.1", 5000, 14);
	add_inet(&g, 2, SOURCE_tcp4, STATE_ESTABLISHED, "10.1.0.1", 5000, "10.1.0.1", 80, 15);
	/* 6: two connections of the same addresses between four namespaces: which is which nobody can tell. */
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "10.2.0.1", 80, "10.2.0.2", 5000, 16);
	add_inet(&g, 2, SOURCE_tcp4, STATE_ESTABLISHED, "10.2.0.2", 5000, "10.2.0.1", 80, 17);
	add_inet(&g, 3, SOURCE_tcp4, STATE_ESTABLISHED, "10.2.0.1", 80, "10.2.0.2", 5000, 18);
	/* 9: the loopback is of each namespace alone, and a link's addresses of the link. */
	add_inet(&g, 1, SOURCE_tcp4, STATE_ESTABLISHED, "127.0.0.1", 80, "127.0.0.1", 5000, 19);
	add_inet(&g, 2, SOURCE_tcp4, STATE_ESTABLISHED, "127.0.0.1", 5000, "127.0.0.1", 80, 20);
	add_inet(&g, 1, SOURCE_tcp6, STATE_ESTABLISHED, "fe80::1", 80, "fe80::2", 5000, 21);
	add_inet(&g, 2, SOURCE_tcp6, STATE_ESTABLISHED, "fe80::2", 5000, "fe80::1", 80, 22);
	add_inet(&g, 1, SOURCE_tcp6, STATE_ESTABLISHED, "::1", 80, "::1", 5000, 23);
	add_inet(&g, 2, SOURCE_tcp6, STATE_ESTABLISHED, "::1", 5000, "::1", 80, 24);
	expect(&g, 0, 11);
	expect(&g, 1, 10);
	expect(&g, 2, 13);
	expect(&g, 3, 12);
	expect(&g, 4, 15);
	expect(&g, 5, 14);
	for (size_t i = 6; i < 15; i++)
		expect(&g, i, NONE);
	rig_deinit(&g);
}

/* The fields, and filters on them. */
static void test_fields(void)
{
	CLEANUP(query_free) struct query *q = rows_query("peer_comm = curl and peer_name = \"[::1]:22\"");
	CLEANUP(query_free) struct query *no = rows_query("has peer_pid");
	static const uint32_t icons[] = { 77 };
	struct pair_end end;
	struct record r;
	struct rig g;

	rig_init(&g);
	add_inet(&g, 5, SOURCE_tcp6, STATE_ESTABLISHED, "::1", 22, "::1", 5000, 77);
	add_inet(&g, 5, SOURCE_tcp6, STATE_ESTABLISHED, "::1", 5000, "::1", 22, 12);
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &g.store.messages[1], g.context), 0);
	EXPECT_ABSENT(&r, F_peer_inode);
	CU_ASSERT_FALSE(query_match(no, &r));
	pairs_attach(g.pairs, &r, &end);
	EXPECT_U64(&r, F_peer_inode, 77);
	EXPECT_U64(&r, F_peer_cookie, 77);
	EXPECT_U64(&r, F_peer_netns, 5);
	EXPECT_TEXT(&r, F_peer_name, "[::1]:22");
	EXPECT_U64_N(&r, F_peer_pid, 0, 100);
	EXPECT_U64_N(&r, F_peer_pid, 2, 200);
	EXPECT_TEXT_N(&r, F_peer_comm, 2, "wget 2");
	EXPECT_ABSENT_N(&r, F_peer_pid, 3);
	EXPECT_ABSENT(&r, F_peer_pending);
	CU_ASSERT_TRUE(query_match(q, &r));
	CU_ASSERT_TRUE(query_match(no, &r));
	rig_deinit(&g);

	rig_init(&g);
	add_unix(&g, 0, "@x", 12, 0, icons, 1);
	((uint8_t *)g.store.messages[0].data)[sizeof(struct unix_diag_msg) + 4] = '\0'; /* abstract */
	add_unix(&g, 0, NULL, 77, 0, NULL, 0);
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &g.store.messages[1], g.context), 0);
	pairs_attach(g.pairs, &r, &end);
	EXPECT_TEXT(&r, F_peer_name, "@x");
	EXPECT_BOOL(&r, F_peer_pending, true);
	EXPECT_ABSENT(&r, F_peer_pid);
	rig_deinit(&g);
}

/* What is asked for with them: the sources that can have an end are read whole, the others as before. */
static void test_request(void)
{
	CLEANUP(query_free) struct query *plain = rows_query("sport = :22 or ino:5");
	CLEANUP(query_free) struct query *peer = rows_query("peer_pid = 100 and (sport = :22 or ino:5)");
	CLEANUP(query_free) struct query *port = rows_query("sport = :22");
	struct request req;

	CU_ASSERT_EQUAL(decode_groups(F_peer_name), PAIRS_GROUPS);
	CU_ASSERT_EQUAL(decode_groups(F_peer_pid), PAIRS_GROUPS | GROUP_BIT(GROUP_owner));
	CU_ASSERT_TRUE(decode_groups(F_peer_unit) & GROUP_BIT(GROUP_unit));
	CU_ASSERT_FALSE(query_groups(plain) & GROUP_BIT(GROUP_peer));
	request_init(&req, query_groups(peer));
	CU_ASSERT_EQUAL_FATAL(query_plan(peer, &rows_names, &req), 0);
	CU_ASSERT_TRUE(req.sources[SOURCE_unix].wanted && !req.sources[SOURCE_unix].exact);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].wanted && req.sources[SOURCE_tcp6].wanted);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].bytecode_len, 0);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].states, STATES_ALL);
	CU_ASSERT_FALSE(req.sources[SOURCE_netlink].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_raw4].wanted);
	request_deinit(&req);
	request_init(&req, query_groups(port) | GROUP_BIT(GROUP_peer));
	CU_ASSERT_EQUAL_FATAL(query_plan(port, &rows_names, &req), 0);
	CU_ASSERT_TRUE(req.sources[SOURCE_raw4].bytecode_len > 0);
	CU_ASSERT_EQUAL(req.sources[SOURCE_udp6].bytecode_len, 0);
	request_deinit(&req);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Many of them: all are found; SOCKETD_PAIRS_ROWS=396000 measures. */
static void test_many(void)
{
	const char *text = getenv("SOCKETD_PAIRS_ROWS");
	unsigned n = text ? (unsigned)strtoul(text, NULL, 10) : 20000, found = 0;
	double begin, added, end;
	struct message m;
	struct record r;
	struct rig g;
	bool pending;

	rig_init(&g);
	for (unsigned i = 0; i < n; i++) {
		char address[32];
		struct row row = { .source = SOURCE_tcp4, .state = STATE_ESTABLISHED, .local = "10.9.9.9", .peer = address,
				   .local_port = 80, .peer_port = (uint16_t)(1024 + i / 2 % 60000), .inode = i + 1, .cookie = i + 1 };
		struct message one = { .source = SOURCE_tcp4 };
		struct built b;

		snprintf(address, sizeof(address), "10.0.%u.%u", i / 2 / 60000 / 250, i / 2 / 60000 % 250 + 1);
		if (i % 2) {
			row.local = address;
			row.local_port = row.peer_port;
			row.peer = "10.9.9.9";
			row.peer_port = 80;
		}
		row_build(&b, &row);
		one.data = b.data;
		one.len = (uint32_t)b.len;
		CU_ASSERT_EQUAL_FATAL(store_add(&g.store, &one), 0);
	}
	begin = now();
	for (unsigned i = 0; i < n; i++)
		if (record_open(&r, &g.store.messages[i], g.context) < 0 || pairs_add(g.pairs, &r, &g.store.messages[i]) < 0)
			CU_FAIL_FATAL("add");
	added = now();
	for (unsigned i = 0; i < n; i++) {
		const struct inet_diag_msg *a = (const void *)g.store.messages[i].data, *b;

		if (record_open(&r, &g.store.messages[i], g.context) < 0 || !pairs_find(g.pairs, &r, &m, &pending))
			continue;
		b = (const void *)m.data;
		found += b->idiag_inode == (i % 2 ? i : i + 2) && a->id.idiag_sport == b->id.idiag_dport;
	}
	end = now();
	CU_ASSERT_EQUAL(found, n);
	if (text)
		printf("\n%u rows: added in %.3f s, found in %.3f s, %.1f MiB\n", n, added - begin, end - added,
		       (double)pairs_memory(g.pairs) / 1048576);
	rig_deinit(&g);
}

void suite_query_pairs(void)
{
	CU_pSuite s = CU_add_suite("query_pairs", NULL, NULL);

	CU_add_test(s, "UNIX ends, and clients that wait", test_unix);
	CU_add_test(s, "an inode number that is there twice", test_unix_twice);
	CU_add_test(s, "TCP and UDP within a namespace", test_inet);
	CU_add_test(s, "of two none", test_ambiguous);
	CU_add_test(s, "across namespaces", test_namespaces);
	CU_add_test(s, "fields and filters", test_fields);
	CU_add_test(s, "what is asked for", test_request);
	CU_add_test(s, "many", test_many);
}
