/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stream tells beside the messages: owners, names, and blocks that are not right */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <string.h>

#include "snapshot/context.h"
#include "snapshot/writer.h"
#include "unit/suites.h"

static int apply(struct context *c, const struct attr_block *b)
{
	struct block block = { .type = b->type, .length = (uint32_t)b->length, .payload = b->data };

	return context_apply(c, &block);
}

static void add_process(struct context *c, uint32_t pid, const char *comm, size_t len, const char *user)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, pid);
	attr_block_bytes(&b, SOCKETD_PROCESS_COMM, comm, len);
	if (user)
		attr_block_string(&b, SOCKETD_PROCESS_USER, user);
	CU_ASSERT_EQUAL(apply(c, &b), 0);
}

static void test_owners(void)
{
	_Alignas(8) static const struct socketd_owner owners[] = {
		{ 900, 30, 7 }, { 100, 20, 3 }, { 900, 10, 5 }, { 900, 10, 4 }, { 500, 99, 1 },
	};
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(owners), (const uint8_t *)owners };
	CLEANUP(context_free) struct context *c = NULL;
	const struct process *p;
	uint32_t pid, fd;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_FALSE(context_has_owners(c));
	add_process(c, 30, "thirty", 6, NULL);
	add_process(c, 10, "t\xff\x1bn", 4, "root");
	CU_ASSERT_EQUAL(context_apply(c, &block), 0);
	CU_ASSERT_TRUE(context_has_owners(c));
	CU_ASSERT_TRUE(context_owner(c, 900, 0, &p, &pid, &fd));
	CU_ASSERT_EQUAL(pid, 10);
	CU_ASSERT_EQUAL(fd, 4);
	CU_ASSERT_EQUAL(p->comm_len, 4);
	CU_ASSERT_EQUAL(memcmp(p->comm, "t\xff\x1bn", 4), 0);
	CU_ASSERT_STRING_EQUAL(p->user, "root");
	CU_ASSERT_TRUE(context_owner(c, 900, 1, &p, &pid, &fd));
	CU_ASSERT_EQUAL(fd, 5);
	CU_ASSERT_TRUE(context_owner(c, 900, 2, &p, &pid, &fd));
	CU_ASSERT_EQUAL(pid, 30);
	CU_ASSERT_PTR_NULL(p->user);
	CU_ASSERT_FALSE(context_owner(c, 900, 3, &p, &pid, &fd));
	CU_ASSERT_FALSE(context_owner(c, 901, 0, &p, &pid, &fd));
	/* An owner whose process was not told of. */
	CU_ASSERT_TRUE(context_owner(c, 500, 0, &p, &pid, &fd));
	CU_ASSERT_EQUAL(pid, 99);
	CU_ASSERT_PTR_NULL(p);
}

static void test_names(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	struct attr_block b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	for (uint32_t i = 50; i > 0; i--) {
		char name[16];

		snprintf(name, sizeof(name), "eth%u", i);
		attr_block_begin(&b, SOCKETD_BLOCK_LINK);
		attr_block_u32(&b, SOCKETD_LINK_IFINDEX, i);
		attr_block_string(&b, SOCKETD_LINK_NAME, name);
		CU_ASSERT_EQUAL(apply(c, &b), 0);
	}
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 1), "eth1");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 50), "eth50");
	CU_ASSERT_PTR_NULL(context_link_name(c, 0, 51));
	/* Of what is told twice the last counts. */
	for (uint32_t i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "new%u", i);
		attr_block_begin(&b, SOCKETD_BLOCK_LINK);
		attr_block_u32(&b, SOCKETD_LINK_IFINDEX, 7 + i % 2);
		attr_block_string(&b, SOCKETD_LINK_NAME, name);
		CU_ASSERT_EQUAL(apply(c, &b), 0);
	}
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 7), "new38");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 8), "new39");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 9), "eth9");
	CU_ASSERT_PTR_NULL(context_cgroup_path(c, 1));
	attr_block_begin(&b, SOCKETD_BLOCK_CGROUP);
	attr_block_u64(&b, SOCKETD_CGROUP_ID, 4242);
	attr_block_string(&b, SOCKETD_CGROUP_PATH, "/system.slice");
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_STRING_EQUAL(context_cgroup_path(c, 4242), "/system.slice");
}

static void test_bad_blocks(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	_Alignas(8) uint8_t bytes[24] = { 0 };
	struct attr_block b;
	struct block block = { SOCKETD_BLOCK_OWNERS, 15, bytes };

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_EQUAL(context_apply(c, &block), -EBADMSG); /* not whole owners */
	block = (struct block){ SOCKETD_BLOCK_HOST, 3, bytes };
	CU_ASSERT_EQUAL(context_apply(c, &block), -EBADMSG); /* shorter than an attribute's head */
	block = (struct block){ SOCKETD_BLOCK_HOST, 8, bytes };
	CU_ASSERT_EQUAL(context_apply(c, &block), -EBADMSG); /* an attribute of length 0 */
	bytes[0] = 200;
	CU_ASSERT_EQUAL(context_apply(c, &block), -EBADMSG); /* one that overruns */
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ID, SOURCE_udp4);
	CU_ASSERT_EQUAL(apply(c, &b), -EBADMSG); /* of a source that did not begin */
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	CU_ASSERT_EQUAL(apply(c, &b), -EBADMSG); /* without an id */
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, 60);
	CU_ASSERT_EQUAL(apply(c, &b), 0); /* a newer version's */
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, 1);
	attr_block_u32(&b, SOCKETD_PROCESS_SAME, 1);
	CU_ASSERT_EQUAL(apply(c, &b), -EBADMSG); /* a note of the scan's that should have stayed there */
	attr_block_begin(&b, 4711);
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_HOST);
	attr_block_u32(&b, SOCKETD_HOST_REALTIME, 5); /* of the wrong size: as good as absent */
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_EQUAL(context_host(c)->realtime_usec, 0);
}

static void test_event(void)
{
	_Alignas(8) static const struct socketd_owner owner = { 900, 30, 7 };
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(owner), (const uint8_t *)&owner };
	CLEANUP(context_free) struct context *c = NULL;
	const struct process *p;
	struct attr_block b;
	uint32_t pid, fd;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_PTR_NULL(context_event(c));
	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	CU_ASSERT_EQUAL(apply(c, &b), -EBADMSG); /* of no kind */
	CU_ASSERT_PTR_NULL(context_event(c));
	add_process(c, 30, "thirty", 6, NULL);
	CU_ASSERT_EQUAL(context_apply(c, &block), 0);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, SOCKETD_EVENT_CLOSED);
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_EQUAL(context_event(c)->kind, SOCKETD_EVENT_CLOSED);
	CU_ASSERT_FALSE(context_owner(c, 900, 0, &p, &pid, &fd));
	CU_ASSERT_FALSE(context_has_owners(c));
	/* An owner whose process was forgotten has none. */
	CU_ASSERT_EQUAL(context_apply(c, &block), 0);
	CU_ASSERT_TRUE(context_owner(c, 900, 0, &p, &pid, &fd));
	CU_ASSERT_PTR_NULL(p);
	CU_ASSERT_FALSE(context_owner(c, 900, 1, &p, &pid, &fd));
	/* Known, and nobody. */
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	block.length = 0;
	CU_ASSERT_EQUAL(context_apply(c, &block), 0);
	CU_ASSERT_TRUE(context_has_owners(c));
	CU_ASSERT_FALSE(context_owner(c, 900, 0, &p, &pid, &fd));
	/* A number of a newer version goes through. */
	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, 4711);
	attr_block_u32(&b, SOCKETD_EVENT_TIME, 5); /* of the wrong size */
	CU_ASSERT_EQUAL(apply(c, &b), 0);
	CU_ASSERT_EQUAL(context_event(c)->kind, 4711);
	CU_ASSERT_EQUAL(context_event(c)->realtime_usec, 0);
}

/* A stream of events goes on for months: names are told again, and the last word counts. */
static void test_names_again(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	struct attr_block b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 40; i++) {
			char name[16];

			snprintf(name, sizeof(name), "r%u-%u", round, i * 7 % 40);
			attr_block_begin(&b, SOCKETD_BLOCK_LINK);
			attr_block_u32(&b, SOCKETD_LINK_IFINDEX, i * 7 % 40 + round);
			attr_block_string(&b, SOCKETD_LINK_NAME, name);
			CU_ASSERT_EQUAL(apply(c, &b), 0);
		}
		attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
		attr_block_u32(&b, SOCKETD_EVENT_KIND, SOCKETD_EVENT_SYNCED);
		CU_ASSERT_EQUAL(apply(c, &b), 0);
	}
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 0), "r0-0");
	CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, 1), "r1-0");
	for (uint32_t i = 2; i < 42; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r2-%u", i - 2);
		CU_ASSERT_STRING_EQUAL(context_link_name(c, 0, i), name);
	}
	CU_ASSERT_PTR_NULL(context_link_name(c, 0, 42));
}

void suite_context(void)
{
	CU_pSuite s = CU_add_suite("context", NULL, NULL);

	CU_add_test(s, "owners by inode, in order", test_owners);
	CU_add_test(s, "names by number", test_names);
	CU_add_test(s, "blocks that are not right", test_bad_blocks);
	CU_add_test(s, "an event forgets owners", test_event);
	CU_add_test(s, "names told again", test_names_again);
}
