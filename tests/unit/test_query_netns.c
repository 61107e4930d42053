/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Namespaces, units and containers in filters: what is read, and what matches */

#include <stdio.h>
#include <sys/socket.h>

#include "query_rows.h"
#include "snapshot/writer.h"
#include "suites.h"

#define HOST 4026531840u
#define BLUE 4026532201u
#define BARE 4026532301u
#define ODD 4026532401u
#define DOCKER 4026532501u

static const struct netns namespaces[] = {
	{ .ino = HOST, .own = true, .name = (char *)"host" },
	{ .ino = BLUE, .name = (char *)"blue" },
	{ .ino = BARE },
	{ .ino = ODD, .name = (char *)"o d'd\\\xff" },
	{ .ino = DOCKER, .name = (char *)"docker:0123456789ab" },
};

/* As bits, in the order above. */
enum { H = 1, B = 2, N = 4, O = 8, D = 16, ALL = 31 };

static unsigned plan(const char *filter, uint32_t n_hidden, uint32_t *ret_hidden)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);
	CLEANUP(netns_list_deinit) struct netns_list known = { .n_hidden = n_hidden }, list = {};
	unsigned got = 0;

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		CU_ASSERT_EQUAL_FATAL(netns_list_add(&known, &namespaces[i]), 0);
	CU_ASSERT_EQUAL_FATAL(query_plan_netns(q, &known, &list), 0);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (netns_list_find(&list, namespaces[i].ino))
			got |= 1u << i;
	*ret_hidden = list.n_hidden;
	return got;
}

/* What the matching of a row of each namespace says, where all the rest of the row decides nothing. */
static unsigned match(const char *filter)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);
	CLEANUP(context_free) struct context *c = rows_context();
	const struct row row = { .source = SOURCE_tcp4, .state = STATE_LISTEN, .local_port = 80, .inode = 1 };
	unsigned got = 0;
	struct built b;

	row_build(&b, &row);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		const struct netns *ns = &namespaces[i];
		struct attr_block a;
		struct block block;

		attr_block_begin(&a, SOCKETD_BLOCK_NETNS);
		attr_block_u64(&a, SOCKETD_NETNS_INO, ns->ino);
		if (ns->name)
			attr_block_string(&a, SOCKETD_NETNS_NAME, ns->name);
		block = (struct block){ a.type, (uint32_t)a.length, a.data };
		CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct opened o;

		opened_init(&o, &b, c);
		CU_ASSERT_EQUAL_FATAL(o.error, 0);
		o.r.netns = (uint32_t)namespaces[i].ino;
		if (query_match(q, &o.r))
			got |= 1u << i;
		opened_deinit(&o);
	}
	return got;
}

/* want: those that a row can match in. Where nothing else decides, rows of just these match. */
static void expect(const char *filter, unsigned want, bool decided)
{
	uint32_t hidden;
	unsigned planned = plan(filter, 0, &hidden), matched = match(filter);
	unsigned read = want ? want : H; /* an empty list would be the own one, too */

	if (planned != read || (decided && matched != want))
		printf("\n  %s: plans %x and matches %x, not %x\n", filter, planned, matched, want);
	CU_ASSERT_EQUAL(planned, read);
	CU_ASSERT_EQUAL(matched & ~planned, 0);
	if (decided)
		CU_ASSERT_EQUAL(matched, want);
}

static void test_plan(void)
{
	expect("", ALL, true);
	expect("netns:blue", B, true);
	expect("netns = blue", B, true);
	expect("netns = 4026532201", B, true);
	expect("netns:4026532301", N, true);
	expect("netns:docker:0123456789ab", D, true);
	expect("netns in (blue, 4026531840)", H | B, true);
	expect("netns != host", ALL & ~H, true);
	expect("netns != (host, blue)", ALL & ~(H | B), true);
	expect("netns not in (4026532201, host)", ALL & ~(H | B), true);
	expect("not netns = host", ALL & ~H, true);
	expect("not netns != host", H, true);
	expect("netns ~ 'docker:*'", D, true);
	expect("netns !~ 'docker:*'", ALL & ~D, true);
	expect("netns_name = blue", B, true);
	expect("netns_name != blue", H | O | D, true); /* of an absent field nothing holds */
	expect("has netns_name", ALL & ~N, true);
	expect("not has netns_name", N, true);
	expect("netns > 4026532301", O | D, true);
	expect("netns:nosuch", 0, true);
	expect("netns:blue netns:host", H | B, true);
	expect("netns = blue and netns = host", 0, true);
	expect("netns:blue :80", B, true);
	expect(":80 netns:blue netns:host", H | B, true);
	expect("netns:blue :81", B, false);
	expect("netns:blue and tcp", B, true);
	expect("netns:blue or tcp", ALL, true);
	expect("netns:blue or sport = 81", ALL, false);
	expect("(netns:blue and sport = 81) or netns = host", H | B, false);
	expect("not (netns:blue or sport = 81)", ALL & ~B, false);
	expect("not (netns:blue and sport = 81)", ALL, false);
	expect("state listen and netns = blue", B, true);
	expect("sport/dport > 1 and netns = blue", B, false);
	expect("autobound and netns = blue", B, false);
	/* Any bytes, as they are printed. */
	expect("netns = \"o d'd\\\\\\xff\"", O, true);
	expect("'netns:o d\\x27d\\\\\\xff'", O, true);
}

/* A name of digits is a name in quotes; a number without. */
static void test_digits(void)
{
	expect("netns = '4026532201'", 0, true);
	expect("netns_name = 4026532201", 0, true);
	expect("netns = 4026532100-4026532299", B, true);
	expect("'netns:4026532201'", B, true); /* the quotes are the whole TARGET's */
}

static void test_hidden(void)
{
	static const struct {
		const char *filter;
		uint32_t hidden;
	} rows[] = { { "", 3 }, { "tcp", 3 }, { "netns != host", 3 }, { "netns:blue", 0 }, { "netns:nosuch", 0 },
		     { "netns = 4026532201", 0 }, { "netns:blue or udp", 3 }, { "not has netns_name", 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t hidden;

		plan(rows[i].filter, 3, &hidden);
		if (hidden != rows[i].hidden)
			printf("\n  %s: %u hidden\n", rows[i].filter, hidden);
		CU_ASSERT_EQUAL(hidden, rows[i].hidden);
	}
}

static void put_process(struct context *c, uint32_t pid, const char *cgroup)
{
	struct attr_block a;
	struct block block;

	attr_block_begin(&a, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&a, SOCKETD_PROCESS_PID, pid);
	attr_block_string(&a, SOCKETD_PROCESS_COMM, "x");
	attr_block_string(&a, SOCKETD_PROCESS_CGROUP, cgroup);
	block = (struct block){ a.type, (uint32_t)a.length, a.data };
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
}

static void expect_row(struct context *c, const struct built *b, const char *filter, bool want)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);
	struct opened o;
	bool is;

	opened_init(&o, b, c);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	is = query_match(q, &o.r);
	opened_deinit(&o);
	if (is != want)
		printf("\n  %s: %s\n", filter, is ? "matches" : "does not match");
	CU_ASSERT_EQUAL(is, want);
}

#define MATCHES(c, b, ...) expect_rows(c, b, (const char *const[]){ __VA_ARGS__, NULL }, true)
#define MATCHES_NOT(c, b, ...) expect_rows(c, b, (const char *const[]){ __VA_ARGS__, NULL }, false)

static void expect_rows(struct context *c, const struct built *b, const char *const *filters, bool want)
{
	for (; *filters; filters++)
		expect_row(c, b, *filters, want);
}

/* Of a UNIX socket the kernel tells no group: its owners have one. */
static void test_units(void)
{
	_Alignas(8) static const struct socketd_owner owners[] = { { 300, 500, 3 }, { 301, 501, 3 }, { 302, 502, 3 } };
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(owners), (const uint8_t *)owners };
	CLEANUP(context_free) struct context *c = rows_context();
	const struct row tcp = { .source = SOURCE_tcp4, .state = STATE_LISTEN, .local_port = 80, .inode = 77, .cgroup = 5 };
	struct built b;

	put_process(c, 500, "/system.slice/web.slice/web@1.service/worker");
	put_process(c, 501, "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope");
	put_process(c, 502, "/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service");
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, "/run/w", 6, 300);
	MATCHES(c, &b, "web@1.service", "unit:web@1.service", "system.slice", "web.slice", "unit:worker", "unit = web@1.service",
		"slice = web.slice", "unit ~ 'web@*'", "unix web@1.service");
	MATCHES_NOT(c, &b, "web.service", "user.slice", "unit:web", "cgroup = /system.slice", "unit = web.slice", "has cgroup",
		    "has container", "unit != web@1.service");
	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, "/run/d", 6, 301);
	MATCHES(c, &b, "container:docker:0123456789ab", "container:0123456789ab",
		"container:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "container = docker:0123456789ab",
		"container:docker:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"container ~ docker:*", "has container");
	MATCHES_NOT(c, &b, "container:0123456789abcdef", "container:docker", "container:web", "container:0123456789a");
	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, "/run/p", 6, 302);
	MATCHES(c, &b, "pipewire.service", "user@1000.service", "app.slice", "user_unit = pipewire.service");
	/* The socket's own group comes before its owners'. */
	row_build(&b, &tcp);
	MATCHES(c, &b, "nginx.service", "system.slice");
	MATCHES_NOT(c, &b, "web@1.service", "container:web");
	/* Nobody's. */
	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, "/run/n", 6, 999);
	MATCHES_NOT(c, &b, "nginx.service", "system.slice", "container:web", "has unit");
}

/* A unit is looked for in all sources, and groups are no bytecode: rows may match by their owners'. */
static void test_unit_plan(void)
{
	static const char *const filters[] = { "nginx.service", "unit:nginx.service", "unit = nginx.service", "container:web" };

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		CLEANUP(query_free) struct query *q = rows_query(filters[i]);
		struct request req;

		CU_ASSERT_EQUAL(query_groups(q) & (GROUP_BIT(GROUP_unit) | GROUP_BIT(GROUP_owner) | GROUP_BIT(GROUP_base)),
				GROUP_BIT(GROUP_unit) | GROUP_BIT(GROUP_owner) | GROUP_BIT(GROUP_base));
		request_init(&req, query_groups(q));
		CU_ASSERT_EQUAL_FATAL(query_plan(q, &rows_names, &req), 0);
		CU_ASSERT_TRUE(req.sources[SOURCE_unix].wanted);
		CU_ASSERT_TRUE(req.sources[SOURCE_netlink].wanted);
		CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].wanted);
		CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].bytecode_len, 0);
		request_deinit(&req);
	}
}

void suite_query_netns(void)
{
	CU_pSuite s = CU_add_suite("query: namespaces and units", NULL, NULL);

	CU_add_test(s, "which namespaces are read", test_plan);
	CU_add_test(s, "numbers and names of digits", test_digits);
	CU_add_test(s, "those that are hidden", test_hidden);
	CU_add_test(s, "units and containers", test_units);
	CU_add_test(s, "what is asked for a unit", test_unit_plan);
}
