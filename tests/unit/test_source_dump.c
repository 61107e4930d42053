/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One source's dump against a kernel that interrupts, refuses, and falls silent */

#include "source/dump.h"

#include <netinet/in.h>

#include "unit/fake_kernel.h"
#include "unit/suites.h"

#define NOW 1000000u

static struct kernel kernel; /* too large for a stack */
static struct arena arena;
static struct request req;
static struct dump dump;
static uint32_t inodes[16];

/* What was asked last. */
static struct {
	struct nlmsghdr h;
	union {
		struct inet_diag_req_v2 inet;
		uint8_t bytes[DIAG_REQUEST_MAX];
	};
} asked;

static void begin(void)
{
	kernel_start(&kernel);
	arena_init(&arena);
	request_init(&req, GROUP_BIT(GROUP_base));
}

static void finish(void)
{
	request_deinit(&req);
	arena_deinit(&arena);
	kernel_stop(&kernel);
}

/* Whether there is a request, as a dump or not. */
static void expect_request(bool is_dump)
{
	CU_ASSERT_TRUE_FATAL(kernel_request(&kernel, &asked, sizeof(asked)) > 0);
	CU_ASSERT_EQUAL(asked.h.nlmsg_type, SOCK_DIAG_BY_FAMILY);
	CU_ASSERT_EQUAL((asked.h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP, is_dump);
	CU_ASSERT_EQUAL(asked.h.nlmsg_seq, kernel.nl.seq);
}

static void expect_no_request(void)
{
	CU_ASSERT_EQUAL(kernel_request(&kernel, &asked, sizeof(asked)), 0);
}

static int step(void)
{
	return dump_step(&dump, &arena, NOW);
}

static void test_whole_dump(void)
{
	begin();
	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	expect_request(true);
	CU_ASSERT_EQUAL(step(), -EAGAIN);
	kernel_put_row(&kernel, 0, 1);
	kernel_put_row(&kernel, 0, 2);
	kernel_send(&kernel);
	kernel_put_row(&kernel, 0, 3);
	kernel_put_done(&kernel, 0, 0);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(step(), 1);
	CU_ASSERT_EQUAL(step(), 0);
	CU_ASSERT_EQUAL(dump.error, 0);
	CU_ASSERT_EQUAL(dump.n_messages, 3);
	CU_ASSERT_EQUAL(dump.n_interrupted, 0);
	CU_ASSERT_FALSE(dump_is_unsupported(&dump));
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 3);
	finish();
}

static void answer_interrupted(uint32_t inode)
{
	expect_request(true);
	kernel_put_row(&kernel, 0, inode);
	kernel_put_row(&kernel, NLM_F_DUMP_INTR, inode + 1);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(step(), 1);
	kernel_put_done(&kernel, 0, 0);
	kernel_send(&kernel);
}

static void test_interrupted_dump_is_read_again(void)
{
	begin();
	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	answer_interrupted(10);
	CU_ASSERT_EQUAL(step(), 1);
	answer_interrupted(20);
	CU_ASSERT_EQUAL(step(), 1);
	expect_request(true);
	kernel_put_row(&kernel, 0, 30);
	kernel_put_done(&kernel, 0, 0);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(step(), 0);
	CU_ASSERT_EQUAL(dump.error, 0);
	CU_ASSERT_EQUAL(dump.n_interrupted, 2);
	CU_ASSERT_EQUAL(dump.n_messages, 1);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 1);
	CU_ASSERT_EQUAL(inodes[0], 30);
	finish();
}

static void test_retries_are_bounded(void)
{
	begin();
	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	for (unsigned int i = 1; i <= DUMP_INTERRUPTIONS_MAX; i++) {
		answer_interrupted(10 * i);
		CU_ASSERT_EQUAL(step(), 1);
	}
	answer_interrupted(90);
	CU_ASSERT_EQUAL(step(), 0);
	expect_no_request();
	CU_ASSERT_EQUAL(dump.error, -EAGAIN);
	CU_ASSERT_EQUAL(dump.n_interrupted, DUMP_INTERRUPTIONS_MAX + 1);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 2);
	CU_ASSERT_EQUAL(inodes[0], 90);
	finish();
}

/* What was handed on cannot be taken back: it stays, and is said to be interrupted. */
static void test_sent_rows_are_not_read_again(void)
{
	begin();
	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	answer_interrupted(10);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 2);
	CU_ASSERT_EQUAL(step(), 0);
	expect_no_request();
	CU_ASSERT_EQUAL(dump.error, -EAGAIN);
	CU_ASSERT_EQUAL(dump.n_messages, 2);

	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	dump_keep(&dump);
	answer_interrupted(10);
	CU_ASSERT_EQUAL(step(), 0);
	CU_ASSERT_EQUAL(dump.error, -EAGAIN);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 2);
	finish();
}

static void test_missing_handlers(void)
{
	static const int errors[] = { -ENOENT, -EOPNOTSUPP, -EPROTONOSUPPORT, -EINVAL };

	begin();
	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		dump_begin(&dump, SOURCE_raw4, &req, &kernel.nl, &arena, NOW);
		expect_request(true);
		if (i % 2 == 0)
			kernel_put_done(&kernel, 0, errors[i]);
		else
			kernel_put_error(&kernel, errors[i]);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(step(), 0);
		CU_ASSERT_EQUAL(dump.error, errors[i]);
		CU_ASSERT_TRUE(dump_is_unsupported(&dump));
	}
	/* A dump that broke off is something else, whatever the number. */
	dump_begin(&dump, SOURCE_raw4, &req, &kernel.nl, &arena, NOW);
	expect_request(true);
	kernel_put_row(&kernel, 0, 1);
	kernel_put_done(&kernel, 0, -ENOENT);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(step(), 0);
	CU_ASSERT_FALSE(dump_is_unsupported(&dump));
	finish();
}

static void test_exact_falls_back_to_dump(void)
{
	static const int errors[] = { -ENOENT, -ESTALE, 0 };
	struct source_request *s = &req.sources[SOURCE_tcp6];

	begin();
	s->exact = true;
	s->local_port = 443;
	s->states = STATE_BIT(STATE_LISTEN);
	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		dump_begin(&dump, SOURCE_tcp6, &req, &kernel.nl, &arena, NOW);
		/* There is nothing to take back, so it does not matter that nothing could be. */
		if (i == 1)
			dump_keep(&dump);
		expect_request(false);
		CU_ASSERT_EQUAL(asked.inet.id.idiag_sport, htons(443));
		/* 0: only a row of the other family was found, which is not what this source is for. */
		if (errors[i] == 0)
			kernel_put_row(&kernel, 0, 1);
		kernel_put_error(&kernel, errors[i]);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(step(), 1);
		expect_request(true);
		CU_ASSERT_EQUAL(asked.inet.idiag_states, STATE_BIT(STATE_LISTEN));
		CU_ASSERT_EQUAL(asked.inet.id.idiag_sport, 0);
		kernel_put_row(&kernel, 0, 2);
		kernel_put_done(&kernel, 0, 0);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(step(), 0);
		CU_ASSERT_EQUAL(dump.error, 0);
		CU_ASSERT_EQUAL(dump.n_messages, 1);
		CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 1);
		CU_ASSERT_EQUAL(inodes[0], 2);
	}
	finish();
}

static void test_exact_unix_without_a_row(void)
{
	static const struct { int kernel, outcome; } cases[] = {
		{ -ENOENT, 0 }, { -ESTALE, 0 }, { -EINVAL, -EINVAL },
	};

	begin();
	req.sources[SOURCE_unix].exact = true;
	req.sources[SOURCE_unix].inode = 77;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		dump_begin(&dump, SOURCE_unix, &req, &kernel.nl, &arena, NOW);
		expect_request(false);
		kernel_put_error(&kernel, cases[i].kernel);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(step(), 0);
		expect_no_request();
		CU_ASSERT_EQUAL(dump.error, cases[i].outcome);
		CU_ASSERT_EQUAL(dump.n_messages, 0);
	}
	finish();
}

static void test_refused_bytecode_is_left_out(void)
{
	static const int errors[] = { -EINVAL, -EPERM };
	struct source_request *s = &req.sources[SOURCE_tcp4];
	size_t with;

	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		begin();
		s->bytecode_len = 8;
		s->bytecode = calloc(1, 8);
		dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
		expect_request(true);
		with = asked.h.nlmsg_len;
		kernel_put_error(&kernel, errors[i]);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(step(), 1);
		expect_request(true);
		CU_ASSERT_EQUAL(asked.h.nlmsg_len, with - NLA_HDRLEN - 8);
		kernel_put_error(&kernel, errors[i]);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(step(), 0);
		CU_ASSERT_EQUAL(dump.error, errors[i]);
		finish();
	}
}

static void test_silence(void)
{
	begin();
	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	kernel_put_row(&kernel, 0, 1);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(dump_step(&dump, &arena, NOW + DUMP_TIMEOUT_USEC - 1), 1);
	/* It counts from the last word. */
	CU_ASSERT_EQUAL(dump_step(&dump, &arena, NOW + DUMP_TIMEOUT_USEC + 1), -EAGAIN);
	CU_ASSERT_EQUAL(dump.deadline_usec, NOW + 2 * DUMP_TIMEOUT_USEC - 1);
	CU_ASSERT_EQUAL(kernel.nl.generation, 0);
	CU_ASSERT_EQUAL(dump_step(&dump, &arena, NOW + 2 * DUMP_TIMEOUT_USEC), 0);
	CU_ASSERT_EQUAL(dump.error, -ETIMEDOUT);
	CU_ASSERT_EQUAL(dump.n_messages, 1);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 1);

	/* The socket is another one: a real one, which answers. */
	CU_ASSERT_EQUAL(kernel.nl.generation, 1);
	dump_begin(&dump, SOURCE_unix, &req, &kernel.nl, &arena, NOW);
	while (step() > 0)
		;
	CU_ASSERT_EQUAL(dump.error, 0);
	CU_ASSERT_TRUE(dump.n_messages > 0);
	finish();
}

static void test_broken_batch_ends_the_source(void)
{
	begin();
	dump_begin(&dump, SOURCE_tcp4, &req, &kernel.nl, &arena, NOW);
	kernel_put_row(&kernel, 0, 1);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(step(), 1);
	kernel_put_row(&kernel, 0, 2)->nlmsg_len = 3;
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(step(), 0);
	CU_ASSERT_EQUAL(dump.error, -EBADMSG);
	CU_ASSERT_EQUAL(dump.n_messages, 1);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, 16), 1);
	finish();
}

/*
 * As the tracking pass has it: of the real kernel, what a step brings is looked
 * at and dropped at once, so that memory does not grow with the table.
 */
static void test_through_one_buffer(void)
{
	enum { PAIRS = 2000, PASSES = 8 };
	static int fds[PAIRS][2];
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	unsigned int n_rows = 0, n_steps = 0;
	size_t most = 0, sum = 0;
	int r;

	for (unsigned int i = 0; i < PAIRS; i++)
		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds[i]), 0);
	CU_ASSERT_EQUAL_FATAL(netlink_open(&nl, true), 0);
	arena_init(&arena);
	request_init(&req, GROUP_BIT(GROUP_base));
	for (unsigned int pass = 0; pass < PASSES; pass++) {
		n_rows = 0;
		dump_begin(&dump, SOURCE_unix, &req, &nl, &arena, NOW);
		dump_keep(&dump);
		do {
			const uint8_t *data;
			size_t len;

			r = dump_step(&dump, &arena, NOW);
			CU_ASSERT_TRUE_FATAL(r >= 0);
			n_steps++;
			while ((len = arena_peek(&arena, &data)) > 0) {
				const struct socketd_block *b = (const void *)data;
				size_t end = sizeof(*b) + b->length;

				for (size_t i = sizeof(*b) + sizeof(struct socketd_messages); i < end; n_rows++)
					i += NLMSG_ALIGN(((const struct nlmsghdr *)(data + i))->nlmsg_len);
				sum += end;
				arena_consume(&arena, (end + 7) & ~(size_t)7);
			}
			most = arena.n_mapped > most ? arena.n_mapped : most;
		} while (r > 0);
		CU_ASSERT_EQUAL(dump.error, 0);
		CU_ASSERT_EQUAL(dump.n_messages, n_rows);
		CU_ASSERT_TRUE(n_rows >= 2 * PAIRS);
	}
	CU_ASSERT_TRUE(n_steps > PASSES * 5);
	CU_ASSERT_TRUE(sum > 2 * most);
	CU_ASSERT_TRUE(most <= 1024 * 1024);
	CU_ASSERT_EQUAL(nl.generation, 0);
	for (unsigned int i = 0; i < PAIRS; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	request_deinit(&req);
	arena_deinit(&arena);
}

void suite_source_dump(void)
{
	CU_pSuite s = CU_add_suite("source/dump", NULL, NULL);

	CU_add_test(s, "a dump in two batches", test_whole_dump);
	CU_add_test(s, "an interrupted dump is taken back and read again", test_interrupted_dump_is_read_again);
	CU_add_test(s, "interruptions without end: the last reading stands, marked", test_retries_are_bounded);
	CU_add_test(s, "rows that were handed on are not read again", test_sent_rows_are_not_read_again);
	CU_add_test(s, "missing handlers are told from broken dumps", test_missing_handlers);
	CU_add_test(s, "an inet lookup that finds nothing becomes a dump", test_exact_falls_back_to_dump);
	CU_add_test(s, "a UNIX lookup that finds nothing is no error", test_exact_unix_without_a_row);
	CU_add_test(s, "bytecode that is refused is left out", test_refused_bytecode_is_left_out);
	CU_add_test(s, "silence is given up on, and the next source is answered", test_silence);
	CU_add_test(s, "a broken batch ends its source only", test_broken_batch_ends_the_source);
	CU_add_test(s, "a dump through one buffer", test_through_one_buffer);
}
