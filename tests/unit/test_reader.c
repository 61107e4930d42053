/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stream: what is written is read, in pieces of any size, and damage is named */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "unit/suites.h"

/* A stream of one source with n messages of growing size. */
static void write_stream(struct arena *a, unsigned n_messages)
{
	struct attr_block b;
	struct bulk_block bulk;
	struct socketd_messages head = { .source = SOURCE_tcp4 };
	size_t used = sizeof(head);

	CU_ASSERT_EQUAL_FATAL(writer_header(a), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_HOST);
	attr_block_u64(&b, SOCKETD_HOST_REALTIME, 123456789);
	attr_block_string(&b, SOCKETD_HOST_NAME, "host");
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, a), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, SOURCE_tcp4);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, a), 0);
	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&bulk, a, SOCKETD_BLOCK_MESSAGES, 65536), 0);
	memcpy(bulk.payload, &head, sizeof(head));
	for (unsigned i = 0; i < n_messages; i++) {
		struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH(i % 50), .nlmsg_type = 20 };

		memcpy(bulk.payload + used, &h, sizeof(h));
		memset(bulk.payload + used + NLMSG_HDRLEN, (int)i, NLMSG_SPACE(i % 50) - NLMSG_HDRLEN);
		used += NLMSG_SPACE(i % 50);
	}
	bulk_block_end(&bulk, a, used);
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ID, SOURCE_tcp4);
	attr_block_u64(&b, SOCKETD_SOURCE_END_MESSAGES, n_messages);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, a), 0);
	attr_block_begin(&b, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, a), 0);
}

/* The whole stream as one piece of memory, aligned as a block must be. */
static uint8_t *flatten(struct arena *a, size_t *ret_len)
{
	uint8_t *all = malloc(arena_pending(a));
	const uint8_t *p;
	size_t n = 0, len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	while ((len = arena_peek(a, &p))) {
		memcpy(all + n, p, len);
		n += len;
		arena_consume(a, len);
	}
	*ret_len = n;
	return all;
}

/* Reads to the end; returns how it ended, and how many messages there were. */
static int read_all(struct input input, unsigned *ret_n, struct context **ret_context)
{
	CLEANUP(context_free) struct context *c = NULL;
	struct reader r;
	struct messages m;
	struct message message;
	int e;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&r, input);
	messages_init(&m, &r, c);
	*ret_n = 0;
	while ((e = messages_next(&m, &message)) == 1) {
		CU_ASSERT_EQUAL(message.source, SOURCE_tcp4);
		CU_ASSERT_EQUAL(message.len, *ret_n % 50);
		for (unsigned i = 0; i < message.len; i++)
			CU_ASSERT_EQUAL(message.data[i], (uint8_t)*ret_n);
		(*ret_n)++;
	}
	CU_ASSERT_PTR_NOT_NULL(reader_problem(&r, e));
	if (ret_context)
		*ret_context = STEAL_PTR(c);
	return e;
}

static void test_round_trip(void)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(context_free) struct context *c = NULL;
	unsigned n;

	arena_init(&a);
	write_stream(&a, 300);
	CU_ASSERT_EQUAL(read_all(arena_input(&a), &n, &c), 0);
	CU_ASSERT_EQUAL(n, 300);
	CU_ASSERT_EQUAL(context_host(c)->realtime_usec, 123456789);
	CU_ASSERT_STRING_EQUAL(context_host(c)->name, "host");
	CU_ASSERT_TRUE(context_source(c, SOURCE_tcp4)->ended);
	CU_ASSERT_EQUAL(context_source(c, SOURCE_tcp4)->n_messages, 300);
	CU_ASSERT_FALSE(context_source(c, SOURCE_udp4)->seen);
}

/* Memory that is handed out a few bytes at a time, each time with room for what is left. */
struct dripping {
	const uint8_t *data;
	size_t len, given, step;
};

static int drip(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct dripping *d = ctx;

	d->data += taken;
	d->len -= taken;
	d->given -= taken;
	d->given = d->given + d->step < d->len ? d->given + d->step : d->len;
	*ret = d->data;
	*ret_len = d->given;
	return 0;
}

static void test_pieces(void)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(free) uint8_t *all = NULL;
	size_t len;

	arena_init(&a);
	write_stream(&a, 60);
	all = flatten(&a, &len);
	for (size_t step = 1; step < 100; step++) {
		struct dripping d = { .data = all, .len = len, .step = step };
		unsigned n;

		CU_ASSERT_EQUAL(read_all((struct input){ .more = drip, .ctx = &d }, &n, NULL), 0);
		CU_ASSERT_EQUAL(n, 60);
	}
}

static void test_cut_short(void)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(free) uint8_t *all = NULL;
	size_t len;

	arena_init(&a);
	write_stream(&a, 20);
	all = flatten(&a, &len);
	for (size_t cut = 0; cut < len; cut++) {
		struct memory m = { .data = all, .len = cut };
		unsigned n;

		CU_ASSERT_EQUAL(read_all(memory_input(&m), &n, NULL), -ENODATA);
	}
}

static void test_damage(void)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(free) uint8_t *all = NULL;
	size_t len;

	arena_init(&a);
	write_stream(&a, 5);
	all = flatten(&a, &len);
	/* Any one byte turned around: no crash, no endless loop, an outcome that is named. */
	for (size_t i = 0; i < len; i++) {
		CLEANUP(context_free) struct context *c = NULL;
		struct memory m = { .data = all, .len = len };
		struct messages messages;
		struct message message;
		struct reader r;
		unsigned n = 0;
		int e;

		all[i] ^= 0xff;
		CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
		reader_init(&r, memory_input(&m));
		messages_init(&messages, &r, c);
		while ((e = messages_next(&messages, &message)) == 1)
			n++;
		CU_ASSERT(e == 0 || e == -EBADMSG || e == -ENODATA || e == -EPROTONOSUPPORT);
		CU_ASSERT(n <= 5);
		if (i < 8)
			CU_ASSERT_EQUAL(e, -EBADMSG);
		if (i >= 8 && i < 10)
			CU_ASSERT_EQUAL(e, -EPROTONOSUPPORT);
		all[i] ^= 0xff;
	}
}

static void test_going_on(void)
{
	CLEANUP(arena_deinit) struct arena a, part;
	CLEANUP(context_free) struct context *c = NULL;
	struct messages messages;
	struct message message;
	struct reader r;
	unsigned n = 0;
	int e = -ENODATA;

	/* Blocks that come one at a time, with "no more" between: nothing is lost and nothing read twice. */
	arena_init(&a);
	arena_init(&part);
	write_stream(&a, 40);
	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&r, arena_input(&part));
	messages_init(&messages, &r, c);
	while (arena_pending(&a) > 0) {
		const uint8_t *p;
		size_t len = 16;
		struct socketd_block head;

		CU_ASSERT_FATAL(arena_peek(&a, &p) >= 8);
		if (a.consumed > 0) {
			memcpy(&head, p, sizeof(head));
			len = sizeof(head) + (head.length + 7) / 8 * 8;
		}
		memcpy(arena_reserve(&part, len), p, len);
		arena_commit(&part, len);
		arena_consume(&a, len);
		while ((e = messages_next(&messages, &message)) == 1)
			n++;
		CU_ASSERT_EQUAL(e, arena_pending(&a) > 0 ? -ENODATA : 0);
	}
	CU_ASSERT_EQUAL(e, 0);
	CU_ASSERT_EQUAL(n, 40);
}

static void test_not_a_stream(void)
{
	_Alignas(8) static const uint8_t text[] = "Netid State  Recv-Q Send-Q Local Address:Port";
	struct memory m = { .data = text, .len = sizeof(text) }, empty = { .data = text, .len = 0 };
	struct memory small = { .data = text, .len = 3 };
	unsigned n;

	CU_ASSERT_EQUAL(read_all(memory_input(&m), &n, NULL), -EBADMSG);
	CU_ASSERT_EQUAL(read_all(memory_input(&small), &n, NULL), -EBADMSG);
	CU_ASSERT_EQUAL(read_all(memory_input(&empty), &n, NULL), -ENODATA);
}

static void test_descriptor(void)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(fd_input_free) struct fd_input *f = NULL;
	CLEANUP(free) uint8_t *all = NULL;
	int pair[2];
	size_t len;
	unsigned n;

	arena_init(&a);
	write_stream(&a, 100);
	all = flatten(&a, &len);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL(write(pair[0], all, len), (ssize_t)len);
	close(pair[0]);
	CU_ASSERT_EQUAL_FATAL(fd_input_new(&f, pair[1]), 0);
	CU_ASSERT_EQUAL(read_all(fd_input_input(f), &n, NULL), 0);
	CU_ASSERT_EQUAL(n, 100);
}

void suite_reader(void)
{
	CU_pSuite s = CU_add_suite("reader", NULL, NULL);

	CU_add_test(s, "what is written is read", test_round_trip);
	CU_add_test(s, "in pieces of any size", test_pieces);
	CU_add_test(s, "cut at every byte", test_cut_short);
	CU_add_test(s, "damaged at every byte", test_damage);
	CU_add_test(s, "in blocks that come one at a time", test_going_on);
	CU_add_test(s, "other files", test_not_a_stream);
	CU_add_test(s, "through a descriptor", test_descriptor);
}
