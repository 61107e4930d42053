/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages with what goes with them: tracks, and events */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "decode/record.h"
#include "snapshot/store.h"
#include "snapshot/writer.h"
#include "unit/suites.h"

struct stream {
	struct arena arena;
	struct context *context;
	struct reader reader;
	struct messages messages;
};

static void put_source(struct arena *a, enum source_id source)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, source);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, a), 0);
}

static void begin(struct stream *s)
{
	arena_init(&s->arena);
	CU_ASSERT_EQUAL_FATAL(writer_header(&s->arena), 0);
	put_source(&s->arena, SOURCE_tcp4);
	put_source(&s->arena, SOURCE_proc_tcp);
	CU_ASSERT_EQUAL_FATAL(context_new(&s->context), 0);
	reader_init(&s->reader, arena_input(&s->arena));
	messages_init(&s->messages, &s->reader, s->context);
}

static void finish(struct stream *s)
{
	context_free(s->context);
	arena_deinit(&s->arena);
}

static void put_bytes(struct stream *s, uint32_t type, const void *data, size_t len)
{
	struct bulk_block b;

	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &s->arena, type, len), 0);
	memcpy(b.payload, data, len);
	bulk_block_end(&b, &s->arena, len);
}

/* n messages of one byte, first, first + 1 and so on. */
static void put_messages(struct stream *s, unsigned n, uint8_t first)
{
	_Alignas(8) uint8_t data[4096] = { 0 };
	const struct socketd_messages head = { .source = SOURCE_tcp4 };
	size_t used = sizeof(head);

	memcpy(data, &head, sizeof(head));
	for (unsigned i = 0; i < n; i++) {
		const struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH(1) };

		memcpy(data + used, &h, sizeof(h));
		data[used + NLMSG_HDRLEN] = (uint8_t)(first + i);
		used += NLMSG_SPACE(1);
	}
	put_bytes(s, SOCKETD_BLOCK_MESSAGES, data, used);
}

static void put_lines(struct stream *s, const char *lines)
{
	uint8_t data[256] = { 0 };
	const struct socketd_messages head = { .source = SOURCE_proc_tcp };

	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), lines, strlen(lines));
	put_bytes(s, SOCKETD_BLOCK_LINES, data, sizeof(head) + strlen(lines));
}

/* Tracks with the ages first, first + 1 and so on. */
static void put_tracks(struct stream *s, unsigned n, uint64_t first)
{
	struct socketd_track tracks[64] = { 0 };

	for (unsigned i = 0; i < n; i++)
		tracks[i] = (struct socketd_track){ .age = first + i, .flags = SOCKETD_TRACK_KNOWN };
	put_bytes(s, SOCKETD_BLOCK_TRACKS, tracks, n * sizeof(tracks[0]));
}

static void put_event(struct stream *s, uint32_t kind, uint64_t time)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, kind);
	attr_block_u64(&b, SOCKETD_EVENT_TIME, time);
	if (kind == SOCKETD_EVENT_CHANGED)
		attr_block_u32(&b, SOCKETD_EVENT_OLD_STATE, 1);
	if (kind == SOCKETD_EVENT_OVERFLOW)
		attr_block_u64(&b, SOCKETD_EVENT_LOST, 17);
	attr_block_u64(&b, SOCKETD_EVENT_GENERATION, 3);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s->arena), 0);
}

static void put_owner(struct stream *s, uint32_t pid, const char *comm, uint64_t inode)
{
	const struct socketd_owner owner = { .inode = inode, .pid = pid, .fd = 3 };
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, pid);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, comm);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s->arena), 0);
	put_bytes(s, SOCKETD_BLOCK_OWNERS, &owner, sizeof(owner));
}

static void put_end(struct stream *s)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s->arena), 0);
}

/* The next message is this one, with this age; 0 for no track. */
static void expect_message(struct stream *s, uint8_t byte, uint64_t age)
{
	struct message m = { 0 };

	CU_ASSERT_EQUAL_FATAL(messages_next(&s->messages, &m), 1);
	CU_ASSERT_EQUAL_FATAL(m.len, 1);
	CU_ASSERT_EQUAL(m.data[0], byte);
	CU_ASSERT_EQUAL(m.track != NULL, age != 0);
	if (m.track)
		CU_ASSERT_EQUAL(m.track->age, age);
}

static void expect_end(struct stream *s, int error)
{
	struct message m;

	CU_ASSERT_EQUAL(messages_next(&s->messages, &m), error);
}

static void test_tracks(void)
{
	struct stream s;

	begin(&s);
	put_messages(&s, 1, 1);
	put_tracks(&s, 3, 100);
	put_messages(&s, 3, 10);
	/* Not of the block behind. */
	put_messages(&s, 2, 20);
	/* Too few, too many. */
	put_tracks(&s, 1, 200);
	put_messages(&s, 2, 30);
	put_tracks(&s, 9, 300);
	put_messages(&s, 2, 40);
	put_messages(&s, 1, 50);
	/* The last one before the messages counts. */
	put_tracks(&s, 1, 400);
	put_tracks(&s, 1, 500);
	put_tracks(&s, 2, 600);
	put_lines(&s, "x\ny\nz");
	put_end(&s);
	expect_message(&s, 1, 0);
	for (unsigned i = 0; i < 3; i++)
		expect_message(&s, (uint8_t)(10 + i), 100 + i);
	expect_message(&s, 20, 0);
	expect_message(&s, 21, 0);
	expect_message(&s, 30, 200);
	expect_message(&s, 31, 0);
	expect_message(&s, 40, 300);
	expect_message(&s, 41, 301);
	expect_message(&s, 50, 0);
	expect_message(&s, 'x', 600);
	expect_message(&s, 'y', 601);
	expect_message(&s, 'z', 0);
	expect_end(&s, 0);
	finish(&s);
}

static void test_bad_tracks(void)
{
	static const uint8_t zeros[200];

	for (size_t len = 1; len <= sizeof(zeros); len++) {
		struct stream s;

		begin(&s);
		put_bytes(&s, SOCKETD_BLOCK_TRACKS, zeros, len);
		put_messages(&s, 1, 1);
		put_end(&s);
		if (len % sizeof(struct socketd_track))
			expect_end(&s, -EBADMSG);
		else
			expect_end(&s, 1);
		finish(&s);
	}
}

/* As long as a block can be. */
static void test_long_tracks(void)
{
	const size_t n = SOCKETD_BLOCK_MAX / sizeof(struct socketd_track);
	struct bulk_block b;
	struct stream s;

	begin(&s);
	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &s.arena, SOCKETD_BLOCK_TRACKS, n * sizeof(struct socketd_track)), 0);
	memset(b.payload, 1, n * sizeof(struct socketd_track));
	bulk_block_end(&b, &s.arena, n * sizeof(struct socketd_track));
	put_messages(&s, 2, 1);
	put_end(&s);
	expect_message(&s, 1, UINT64_C(0x0101010101010101));
	expect_message(&s, 2, UINT64_C(0x0101010101010101));
	expect_end(&s, 0);
	finish(&s);
}

/* What is kept outlives the reader's memory, its track too. */
static void test_store(void)
{
	struct store store;
	struct message m;
	struct stream s;

	store_init(&store);
	begin(&s);
	put_tracks(&s, 20, 1);
	put_messages(&s, 40, 1);
	put_end(&s);
	while (messages_next(&s.messages, &m) == 1)
		CU_ASSERT_EQUAL(store_add(&store, &m), 0);
	finish(&s);
	CU_ASSERT_EQUAL_FATAL(store.n_messages, 40);
	for (unsigned i = 0; i < 40; i++) {
		CU_ASSERT_EQUAL(store.messages[i].data[0], i + 1);
		CU_ASSERT_EQUAL(store.messages[i].track != NULL, i < 20);
		if (store.messages[i].track)
			CU_ASSERT_EQUAL(store.messages[i].track->age, i + 1);
	}
	/* 8 bytes a message, and 48 only where there is a track. */
	CU_ASSERT_EQUAL(store.arena.committed, 40 * 8 + 20 * sizeof(struct socketd_track));
	store_deinit(&store);
}

/* An event without a socket: length 0, and no decoder takes it. */
static void expect_bare(struct stream *s, uint32_t kind)
{
	struct message m = { .data = NULL, .len = 1 };
	struct record r;

	CU_ASSERT_EQUAL_FATAL(messages_next(&s->messages, &m), 1);
	CU_ASSERT_EQUAL(m.len, 0);
	CU_ASSERT_PTR_NOT_NULL(m.data);
	CU_ASSERT_PTR_NULL(m.track);
	CU_ASSERT_EQUAL(record_open(&r, &m, s->context), -EBADMSG);
	CU_ASSERT_EQUAL(context_event(s->context)->kind, kind);
}

static void test_events(void)
{
	const struct process *p;
	const struct event_info *e;
	uint32_t pid, fd;
	struct stream s;

	begin(&s);
	put_event(&s, SOCKETD_EVENT_PRESENT, 10);
	put_owner(&s, 100, "curl", 77);
	put_tracks(&s, 1, 5);
	put_messages(&s, 1, 1);
	put_event(&s, SOCKETD_EVENT_SYNCED, 11);
	put_event(&s, SOCKETD_EVENT_CHANGED, 12);
	put_owner(&s, 200, "wget", 88);
	put_messages(&s, 1, 2);
	put_event(&s, SOCKETD_EVENT_OVERFLOW, 13);
	put_event(&s, SOCKETD_EVENT_CLOSED, 14);
	put_tracks(&s, 1, 9);
	put_event(&s, SOCKETD_EVENT_OPENED, 15); /* what was before is not of this one */
	put_messages(&s, 1, 3);
	put_end(&s);

	CU_ASSERT_PTR_NULL(context_event(s.context));
	expect_message(&s, 1, 5);
	e = context_event(s.context);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->kind, SOCKETD_EVENT_PRESENT);
	CU_ASSERT_EQUAL(e->realtime_usec, 10);
	CU_ASSERT_EQUAL(e->generation, 3);
	CU_ASSERT_EQUAL(e->old_state, 0);
	CU_ASSERT_EQUAL(e->n_lost, 0);
	CU_ASSERT_TRUE(context_owner(s.context, 77, 0, &p, &pid, &fd));
	CU_ASSERT_EQUAL(pid, 100);
	expect_bare(&s, SOCKETD_EVENT_SYNCED);
	CU_ASSERT_FALSE(context_owner(s.context, 77, 0, &p, &pid, &fd));
	CU_ASSERT_FALSE(context_has_owners(s.context));
	expect_message(&s, 2, 0);
	e = context_event(s.context);
	CU_ASSERT_EQUAL(e->kind, SOCKETD_EVENT_CHANGED);
	CU_ASSERT_EQUAL(e->old_state, 1);
	CU_ASSERT_FALSE(context_owner(s.context, 77, 0, &p, &pid, &fd));
	CU_ASSERT_TRUE(context_owner(s.context, 88, 0, &p, &pid, &fd));
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL(memcmp(p->comm, "wget", 4), 0);
	expect_bare(&s, SOCKETD_EVENT_OVERFLOW);
	e = context_event(s.context);
	CU_ASSERT_EQUAL(e->n_lost, 17);
	CU_ASSERT_EQUAL(e->old_state, 0);
	expect_message(&s, 3, 0);
	CU_ASSERT_EQUAL(context_event(s.context)->kind, SOCKETD_EVENT_OPENED);
	CU_ASSERT_EQUAL(context_event(s.context)->realtime_usec, 15);
	expect_end(&s, 0);
	finish(&s);
}

/* A monitor's stream comes in pieces: between them there is no more, and no event is told twice. */
static void test_events_in_pieces(void)
{
	struct stream s;

	begin(&s);
	for (unsigned i = 0; i < 50; i++) {
		expect_end(&s, -ENODATA);
		put_event(&s, SOCKETD_EVENT_OVERFLOW, i);
		expect_bare(&s, SOCKETD_EVENT_OVERFLOW);
		CU_ASSERT_EQUAL(context_event(s.context)->realtime_usec, i);
		put_event(&s, SOCKETD_EVENT_OPENED, i);
		expect_end(&s, -ENODATA);
		put_tracks(&s, 1, i + 1);
		expect_end(&s, -ENODATA);
		put_messages(&s, 1, (uint8_t)i);
		expect_message(&s, (uint8_t)i, i + 1);
	}
	finish(&s);
}

/* Every byte of a stream of events turned around: it ends, and what it gives can be looked at. */
static void test_hostile(void)
{
	size_t size = 1;

	for (size_t at = 0; at < size; at++) {
		uint8_t all[2048];
		const uint8_t *p;
		struct message m;
		struct record r;
		struct stream s;
		unsigned n = 0;
		int e;

		begin(&s);
		put_event(&s, SOCKETD_EVENT_CHANGED, 1);
		put_owner(&s, 100, "curl", 77);
		put_tracks(&s, 2, 5);
		put_messages(&s, 2, 1);
		put_event(&s, SOCKETD_EVENT_OVERFLOW, 2);
		put_event(&s, SOCKETD_EVENT_SYNCED, 3);
		put_end(&s);
		size = arena_peek(&s.arena, &p);
		CU_ASSERT_FATAL(size == arena_pending(&s.arena) && size <= sizeof(all));
		memcpy(all, p, size);
		all[at] ^= 0xff;
		memcpy((uint8_t *)p, all, size);
		while ((e = messages_next(&s.messages, &m)) == 1) {
			(void)record_open(&r, &m, s.context);
			CU_ASSERT_FATAL(n++ < 6);
		}
		CU_ASSERT(e == 0 || e == -EBADMSG || e == -ENODATA || e == -EPROTONOSUPPORT);
		finish(&s);
	}
	CU_ASSERT(size > 300);
}

void suite_messages(void)
{
	CU_pSuite s = CU_add_suite("messages", NULL, NULL);

	CU_add_test(s, "tracks go with the next block", test_tracks);
	CU_add_test(s, "tracks of other lengths", test_bad_tracks);
	CU_add_test(s, "as many tracks as a block holds", test_long_tracks);
	CU_add_test(s, "kept with their tracks", test_store);
	CU_add_test(s, "events", test_events);
	CU_add_test(s, "events that come one at a time", test_events_in_pieces);
	CU_add_test(s, "damaged at every byte", test_hostile);
}
