/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stream of several namespaces tells: names, devices and outcomes of each, units; and what hostile ones say */

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "query_rows.h"
#include "snapshot/context.h"
#include "snapshot/writer.h"
#include "suites.h"

#define HOST 4026531840u
#define BLUE 4026532201u
#define RED 4026532301u

static int apply(struct context *c, const struct attr_block *b)
{
	struct block block = { .type = b->type, .length = (uint32_t)b->length, .payload = b->data };

	return context_apply(c, &block);
}

static int put_netns(struct context *c, uint64_t ino, const char *name, bool own)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_u64(&b, SOCKETD_NETNS_INO, ino);
	if (name)
		attr_block_string(&b, SOCKETD_NETNS_NAME, name);
	if (own)
		attr_block_u32(&b, SOCKETD_NETNS_OWN, 1);
	return apply(c, &b);
}

static int put_link(struct context *c, uint64_t netns, uint32_t ifindex, const char *name)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_LINK);
	attr_block_u32(&b, SOCKETD_LINK_IFINDEX, ifindex);
	attr_block_string(&b, SOCKETD_LINK_NAME, name);
	if (netns)
		attr_block_u64(&b, SOCKETD_LINK_NETNS, netns);
	return apply(c, &b);
}

static int put_source(struct context *c, uint32_t id, uint64_t netns)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, id);
	attr_block_u64(&b, SOCKETD_SOURCE_NETNS, netns);
	return apply(c, &b);
}

static int put_end(struct context *c, uint32_t id, uint64_t netns, uint32_t error, uint32_t interrupted, uint64_t messages)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ID, id);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ERROR, error);
	attr_block_u32(&b, SOCKETD_SOURCE_END_INTERRUPTED, interrupted);
	attr_block_u64(&b, SOCKETD_SOURCE_END_MESSAGES, messages);
	if (netns)
		attr_block_u64(&b, SOCKETD_SOURCE_END_NETNS, netns);
	return apply(c, &b);
}

static int put_event(struct context *c)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, SOCKETD_EVENT_SYNCED);
	return apply(c, &b);
}

static int put_unit(struct context *c, const char *unit, const char *service, const void *listen, size_t len)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_UNIT);
	if (unit)
		attr_block_string(&b, SOCKETD_UNIT_SOCKET, unit);
	if (service)
		attr_block_string(&b, SOCKETD_UNIT_SERVICE, service);
	if (len)
		attr_block_bytes(&b, SOCKETD_UNIT_LISTEN, listen, len);
	return apply(c, &b);
}

static void test_namespaces(void)
{
	CLEANUP(context_free) struct context *c = NULL;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_EQUAL(context_n_netns(c), 0);
	CU_ASSERT_EQUAL(context_netns_own(c), 0);
	CU_ASSERT_PTR_NULL(context_netns(c, 0));
	CU_ASSERT_PTR_NULL(context_netns_at(c, 0));
	/* The first is the own one until another says so. */
	CU_ASSERT_EQUAL(put_netns(c, RED, NULL, false), 0);
	CU_ASSERT_EQUAL(context_netns_own(c), RED);
	CU_ASSERT_EQUAL(put_netns(c, HOST, "host", true), 0);
	CU_ASSERT_EQUAL(put_netns(c, BLUE, "blue\x1b[0m\xff", false), 0);
	CU_ASSERT_EQUAL(context_netns_own(c), HOST);
	CU_ASSERT_FALSE(context_netns(c, RED)->own);
	CU_ASSERT_TRUE(context_netns(c, HOST)->own);
	CU_ASSERT_EQUAL(context_n_netns(c), 3);
	CU_ASSERT_STRING_EQUAL(context_netns(c, BLUE)->name, "blue\x1b[0m\xff");
	CU_ASSERT_PTR_NULL(context_netns(c, RED)->name);
	CU_ASSERT_PTR_NULL(context_netns(c, RED + 1));
	CU_ASSERT_EQUAL(context_netns_at(c, 0)->ino, HOST);
	CU_ASSERT_EQUAL(context_netns_at(c, 2)->ino, RED);
	CU_ASSERT_PTR_NULL(context_netns_at(c, 3));
	/* Told again, it is another one of the number, or has another name. */
	CU_ASSERT_EQUAL(put_netns(c, RED, "red", false), 0);
	CU_ASSERT_EQUAL(context_n_netns(c), 3);
	CU_ASSERT_STRING_EQUAL(context_netns(c, RED)->name, "red");
}

static void test_links(void)
{
	CLEANUP(context_free) struct context *c = NULL;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_EQUAL(put_netns(c, HOST, "host", true), 0);
	CU_ASSERT_EQUAL(put_netns(c, BLUE, "blue", false), 0);
	CU_ASSERT_EQUAL(put_link(c, BLUE, 2, "veth-blue"), 0);
	CU_ASSERT_EQUAL(put_link(c, HOST, 2, "eth0"), 0);
	CU_ASSERT_EQUAL(put_link(c, 0, 3, "old"), 0); /* of a reader whose /proc told no number */
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 2), "eth0");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, HOST, 2), "eth0");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, BLUE, 2), "veth-blue");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, HOST, 3), "old");
	CU_ASSERT_PTR_NULL(context_link_name(c, BLUE, 3));
	CU_ASSERT_PTR_NULL(context_link_name(c, RED, 2));
	/* No number of a namespace: neither told nor mixed up with one. */
	CU_ASSERT_EQUAL(put_link(c, ((uint64_t)7 << 32) | BLUE, 9, "far"), 0);
	CU_ASSERT_PTR_NULL(context_link_name(c, ((uint64_t)7 << 32) | BLUE, 9));
	CU_ASSERT_PTR_NULL(context_link_name(c, ((uint64_t)7 << 32) | BLUE, 2));
	CU_ASSERT_PTR_NULL(context_link_name(c, BLUE, 9));
}

/* The same row, in three namespaces. */
static void test_decode(void)
{
	static const struct {
		uint32_t netns;
		const char *name, *dev;
	} rows[] = { { HOST, "host", "eth0" }, { BLUE, "blue", "veth-blue" }, { RED, "", "" }, { 0, "host", "eth0" } };
	const struct row row = { .source = SOURCE_tcp6, .state = STATE_LISTEN, .local = "fe80::1", .local_port = 22, .ifindex = 2 };
	CLEANUP(context_free) struct context *c = NULL;
	struct built b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	put_netns(c, HOST, "host", true);
	put_netns(c, BLUE, "blue", false);
	put_netns(c, RED, NULL, false);
	put_link(c, BLUE, 2, "veth-blue");
	put_link(c, HOST, 2, "eth0");
	put_source(c, SOURCE_tcp6, HOST);
	row_build(&b, &row);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct opened o;

		opened_init(&o, &b, c);
		CU_ASSERT_EQUAL_FATAL(o.error, 0);
		o.r.netns = rows[i].netns;
		EXPECT_U64(&o.r, F_netns, rows[i].netns ? rows[i].netns : HOST);
		CU_ASSERT_EQUAL(record_netns(&o.r), rows[i].netns ? rows[i].netns : HOST);
		/* Where there is none the text is empty. */
		EXPECT_TEXT(&o.r, F_netns_name, rows[i].name);
		EXPECT_TEXT(&o.r, F_dev, rows[i].dev);
		opened_deinit(&o);
	}
}

static void test_sources(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	const struct source_failure *failures;
	const struct source_state *s;
	uint32_t hidden = 77;
	struct attr_block b;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	put_netns(c, HOST, "host", true);
	put_netns(c, BLUE, "blue", false);
	put_netns(c, RED, "red", false);
	CU_ASSERT_EQUAL(put_source(c, SOURCE_udp4, HOST), 0);
	CU_ASSERT_EQUAL(put_end(c, SOURCE_udp4, HOST, 0, 0, 10), 0);
	s = context_source(c, SOURCE_udp4);
	CU_ASSERT_TRUE(s->ended);
	CU_ASSERT_TRUE(context_source_is_whole(c, SOURCE_udp4, 0));
	CU_ASSERT_FALSE(context_source_is_whole(c, SOURCE_udp4, BLUE));
	CU_ASSERT_EQUAL(put_source(c, SOURCE_udp4, BLUE), 0);
	CU_ASSERT_FALSE(s->ended);
	CU_ASSERT_EQUAL(s->netns, BLUE);
	CU_ASSERT_EQUAL(put_end(c, SOURCE_udp4, 0, ENOENT, 1, 0), 0); /* of the last SOURCE's namespace */
	CU_ASSERT_EQUAL(s->error, ENOENT);
	CU_ASSERT_EQUAL(put_source(c, SOURCE_udp4, RED), 0);
	CU_ASSERT_EQUAL(put_end(c, SOURCE_udp4, RED, EAGAIN, 4, 5), 0);
	CU_ASSERT_TRUE(s->ended);
	CU_ASSERT_EQUAL(s->error, EAGAIN); /* a lack of ours comes before one of the kernel's */
	CU_ASSERT_EQUAL(s->interrupted, 5);
	CU_ASSERT_EQUAL(s->n_messages, 15);
	/* What went well afterwards does not mend it. */
	CU_ASSERT_EQUAL(put_source(c, SOURCE_udp4, RED), 0);
	CU_ASSERT_EQUAL(put_end(c, SOURCE_udp4, RED, 0, 0, 1), 0);
	CU_ASSERT_EQUAL(s->error, EAGAIN);
	CU_ASSERT_EQUAL(put_end(c, SOURCE_udp4, HOST, EIO, 0, 1), 0);
	CU_ASSERT_EQUAL(s->error, EAGAIN);
	CU_ASSERT_TRUE(context_source_is_whole(c, SOURCE_udp4, HOST));
	CU_ASSERT_FALSE(context_source_is_whole(c, SOURCE_udp4, BLUE));
	failures = context_failures(c, &n);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_EQUAL(failures[0].netns, RED);
	CU_ASSERT_EQUAL(failures[0].source, SOURCE_udp4);
	CU_ASSERT_EQUAL(failures[0].error, EAGAIN);
	CU_ASSERT_EQUAL(failures[1].netns, HOST);
	for (unsigned i = 0; i < CONTEXT_FAILURES_MAX + 100; i++)
		CU_ASSERT_EQUAL(put_end(c, SOURCE_udp4, i + 1, EPERM, 0, 0), 0);
	context_failures(c, &n);
	CU_ASSERT_EQUAL(n, CONTEXT_FAILURES_MAX);

	CU_ASSERT_FALSE(context_hidden_netns(c, &hidden));
	attr_block_begin(&b, SOCKETD_BLOCK_END);
	attr_block_u32(&b, SOCKETD_END_NETNS_HIDDEN, 3);
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_TRUE(context_hidden_netns(c, &hidden));
	CU_ASSERT_EQUAL(hidden, 3);
}

static void test_units(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	const struct socket_unit *u;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_PTR_NULL(context_socket_unit(c, "/run/x", 6));
	CU_ASSERT_PTR_NULL(context_unit(c, "x.socket", 8));
	CU_ASSERT_EQUAL(put_unit(c, "ssh.socket", "ssh.service", NULL, 0), 0);
	CU_ASSERT_EQUAL(put_unit(c, "x.socket", "x.service", "/run/x", 6), 0);
	CU_ASSERT_EQUAL(put_unit(c, "x.socket", "x.service", "\0x", 2), 0);
	CU_ASSERT_EQUAL(put_unit(c, "a.socket", NULL, "/run/xy", 7), 0);
	u = context_socket_unit(c, "/run/x", 6);
	CU_ASSERT_PTR_NOT_NULL_FATAL(u);
	CU_ASSERT_STRING_EQUAL(u->unit, "x.socket");
	CU_ASSERT_STRING_EQUAL(u->service, "x.service");
	CU_ASSERT_PTR_NOT_NULL(context_socket_unit(c, "\0x", 2));
	CU_ASSERT_PTR_NULL(context_socket_unit(c, "\0x", 1));
	CU_ASSERT_PTR_NULL(context_socket_unit(c, "x", 1));
	CU_ASSERT_PTR_NULL(context_socket_unit(c, "", 0));
	CU_ASSERT_PTR_NULL(context_socket_unit(c, "/run/xy", 7)->service);
	CU_ASSERT_STRING_EQUAL(context_unit(c, "ssh.socket", 10)->service, "ssh.service");
	CU_ASSERT_STRING_EQUAL(context_unit(c, "x.socket and more", 8)->service, "x.service");
	CU_ASSERT_PTR_NULL(context_unit(c, "ssh.socke", 9));
	/* Told again: what it starts is another. The order by address is made anew for a new one. */
	CU_ASSERT_EQUAL(put_unit(c, "x.socket", "y.service", "/run/x", 6), 0);
	CU_ASSERT_STRING_EQUAL(context_socket_unit(c, "/run/x", 6)->service, "y.service");
	CU_ASSERT_EQUAL(put_unit(c, "b.socket", "b.service", "/run/b", 6), 0);
	CU_ASSERT_STRING_EQUAL(context_socket_unit(c, "/run/b", 6)->unit, "b.socket");
	CU_ASSERT_STRING_EQUAL(context_socket_unit(c, "/run/x", 6)->service, "y.service");
	CU_ASSERT_EQUAL(put_unit(c, NULL, "b.service", "/run/b", 6), -EBADMSG);
}

static void test_processes(void)
{
	_Alignas(8) static const struct socketd_owner owners[] = { { 5, 10, 3 }, { 6, 11, 3 } };
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(owners), (const uint8_t *)owners };
	CLEANUP(context_free) struct context *c = NULL;
	const struct process *p;
	struct attr_block b;
	uint32_t pid, fd;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, 11);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, "init");
	attr_block_string(&b, SOCKETD_PROCESS_CGROUP, "/");
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_FALSE(context_has_units(c));
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, 10);
	attr_block_string(&b, SOCKETD_PROCESS_CGROUP, "/system.slice/a.service");
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_TRUE(context_has_units(c));
	CU_ASSERT_EQUAL(context_apply(c, &block), 0);
	CU_ASSERT_TRUE(context_owner(c, 5, 0, &p, &pid, &fd));
	CU_ASSERT_STRING_EQUAL(p->cgroup, "/system.slice/a.service");
	CU_ASSERT_EQUAL(p->comm_len, 0);
	CU_ASSERT_TRUE(context_owner(c, 6, 0, &p, &pid, &fd));
	CU_ASSERT_STRING_EQUAL(p->cgroup, "/");
}

/* What is over a bound ends a reading, and not a stream of events, which goes on for months. */
static void test_bounds(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	uint64_t i = 0;
	int r = 0;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_EQUAL(put_netns(c, HOST, "host", true), 0);
	CU_ASSERT_EQUAL(put_link(c, 100, 1, "of the first"), 0);
	/* From the end: the worst order to keep sorted. */
	for (i = 1; i < NETNS_TABLE_MAX && r == 0; i++)
		r = put_netns(c, 100 + NETNS_TABLE_MAX - 1 - i, "x", false);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(context_n_netns(c), NETNS_TABLE_MAX);
	CU_ASSERT_EQUAL(put_netns(c, 5, "x", false), -E2BIG);
	CU_ASSERT_EQUAL(put_netns(c, 100, "again", false), 0);
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 100, 1), "of the first");
	CU_ASSERT_EQUAL(put_event(c), 0);
	CU_ASSERT_EQUAL(put_netns(c, 5, "late", false), 0);
	CU_ASSERT_EQUAL(context_n_netns(c), NETNS_TABLE_MAX);
	CU_ASSERT_STRING_EQUAL(context_netns(c, 5)->name, "late");
	CU_ASSERT_PTR_NULL(context_netns(c, 100));
	CU_ASSERT_PTR_NULL(context_link_name(c, 100, 1)); /* it went with its namespace */
	CU_ASSERT_PTR_NOT_NULL(context_netns(c, HOST));
	/* Each makes room for the next, and the own one stays. */
	for (i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(put_netns(c, 10 + i, NULL, false), 0);
	CU_ASSERT_PTR_NOT_NULL(context_netns(c, HOST));

	for (i = 0, r = 0; i < UNIT_TABLE_MAX && r == 0; i++) {
		char name[32];

		snprintf(name, sizeof(name), "/run/%05u", (unsigned)(UNIT_TABLE_MAX - i));
		r = put_unit(c, "many.socket", "many.service", name, strlen(name));
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(put_unit(c, "one.socket", NULL, "/run/one", 8), -E2BIG);
	CU_ASSERT_STRING_EQUAL(context_socket_unit(c, "/run/00077", 10)->unit, "many.socket");
}

static void test_hostile(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	struct attr_block b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_string(&b, SOCKETD_NETNS_NAME, "of no number");
	CU_ASSERT_EQUAL(apply(c, &b), -EBADMSG);
	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_u32(&b, SOCKETD_NETNS_INO, 5); /* of the wrong size */
	CU_ASSERT_EQUAL(apply(c, &b), -EBADMSG);
	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_u64(&b, SOCKETD_NETNS_INO, UINT64_MAX);
	attr_block_bytes(&b, SOCKETD_NETNS_NAME, "", 0);
	attr_block_u64(&b, SOCKETD_NETNS_OWN, 1); /* likewise */
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_STRING_EQUAL(context_netns(c, UINT64_MAX)->name, "");
	/* All at once the own one: the last word counts, and one is left. */
	CU_ASSERT_EQUAL(put_netns(c, 1, NULL, true), 0);
	CU_ASSERT_EQUAL(put_netns(c, 2, NULL, true), 0);
	CU_ASSERT_EQUAL(context_netns_own(c), 2);
	CU_ASSERT_EQUAL(context_netns(c, 1)->own + context_netns(c, 2)->own + context_netns(c, UINT64_MAX)->own, 1);
	CU_ASSERT_PTR_NULL(context_link_name(c, UINT64_MAX, 1));
	/* Ends without beginnings, and more of them than there were. */
	CU_ASSERT_EQUAL(put_end(c, SOURCE_unix, 1, 0, 0, 0), -EBADMSG);
	CU_ASSERT_EQUAL(put_source(c, SOURCE_unix, 1), 0);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(put_end(c, SOURCE_unix, 1, UINT32_MAX, UINT32_MAX, UINT64_MAX), 0);
	CU_ASSERT_TRUE(context_source(c, SOURCE_unix)->ended);
	CU_ASSERT_EQUAL(context_source(c, SOURCE_unix)->error, EIO);
}

void suite_context_netns(void)
{
	CU_pSuite s = CU_add_suite("context of several namespaces", NULL, NULL);

	CU_add_test(s, "namespaces by number", test_namespaces);
	CU_add_test(s, "devices of each", test_links);
	CU_add_test(s, "fields of a row in each", test_decode);
	CU_add_test(s, "outcomes add up", test_sources);
	CU_add_test(s, "units that listen", test_units);
	CU_add_test(s, "groups of processes", test_processes);
	CU_add_test(s, "bounds", test_bounds);
	CU_add_test(s, "blocks that are not right", test_hostile);
}
