/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the kernel drops notices, each opening and each closing is told once or counted as lost */

#include <CUnit/CUnit.h>
#include <netinet/in.h>
#include <poll.h>

#include "track/state.h"
#include "unit/suites.h"
#include "unit/track_rig.h"

/* Hears all that the tracker may miss: when it was told of an end, so was the tracker, or never will be. */
static struct destroy witness;

/* The kernel drops what does not fit: a few of many. */
static void begin_deaf(bool events)
{
	rig_begin(events);
	CU_ASSERT_EQUAL_FATAL(destroy_open(&witness), 0);
	rig_run_pass(false);
	CU_ASSERT_EQUAL(setsockopt(rig_destroy()->fd, SOL_SOCKET, SO_RCVBUF, &(int){ 8192 }, sizeof(int)), 0);
}

static void finish_deaf(void)
{
	destroy_close(&witness);
	rig_finish();
}

static int open_udp(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (void *)&in, sizeof(in)), 0);
	return fd;
}

/* Closes these, and as many that no pass saw; returns when the kernel has told of all of them. */
static void close_unheard(const int *fds, unsigned int n_seen, unsigned int n_unseen)
{
	struct pollfd p = { .fd = witness.fd, .events = POLLIN };
	struct arena arena;
	uint64_t lost = 0;

	for (unsigned int i = 0; i < n_seen; i++)
		close(fds[i]);
	for (unsigned int i = 0; i < n_unseen; i++)
		close(open_udp());
	arena_init(&arena);
	for (unsigned int n = 0; n < n_seen + n_unseen;) {
		int r = destroy_receive(&witness, &arena, &lost);

		CU_ASSERT_TRUE_FATAL(r == 1 || (r == -EAGAIN && poll(&p, 1, 5000) == 1));
		n += r == 1;
	}
	arena_deinit(&arena);
	CU_ASSERT_EQUAL(lost, 0);
	/* The tracker's turn can come after the witness's. */
	(void)poll(NULL, 0, 5);
}

static uint64_t sum_lost(void)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < rig_n_told; i++)
		lost += rig_told[i].kind == SOCKETD_EVENT_OVERFLOW ? rig_told[i].lost : 0;
	return lost;
}

/* Each opening and each closing is told or counted as lost, for those who listen and in the status. */
static void check_sum(uint64_t sum)
{
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, 0) + rig_count_told(SOCKETD_EVENT_CLOSED, 0) + sum_lost(), sum);
	CU_ASSERT_EQUAL(rig_status()->n_opened + rig_status()->n_closed + rig_status()->n_lost, sum);
}

enum { DEAF_SEEN = 200, DEAF_UNSEEN = 100 };

static void test_dropped(void)
{
	static int fds[DEAF_SEEN];
	static uint64_t cookies[DEAF_SEEN];

	/* What no pass saw alone, what passes saw alone, both. */
	for (unsigned int kinds = 1; kinds <= 3; kinds++) {
		unsigned int n_unseen = kinds & 1 ? DEAF_UNSEEN : 0, n_seen = kinds & 2 ? DEAF_SEEN : 0, n_heard;
		uint64_t sum = 2 * n_seen + 2 * n_unseen;

		begin_deaf(true);
		for (unsigned int i = 0; i < n_seen; i++)
			cookies[i] = rig_cookie_of(fds[i] = open_udp());
		rig_run_pass(false);
		close_unheard(fds, n_seen, n_unseen);
		rig_settle();
		n_heard = (unsigned int)rig_status()->n_closed;
		CU_ASSERT_TRUE(n_heard > 0 && n_heard < 50);
		CU_ASSERT_EQUAL(rig_destroy()->n_lost + n_heard, n_seen + n_unseen);
		rig_run_pass(false);
		CU_ASSERT_EQUAL(rig_status()->n_lost, 0);
		rig_run_pass(false);
		check_sum(sum);
		for (unsigned int i = 0; i < 3; i++)
			rig_run_pass(false);
		check_sum(sum);
		for (unsigned int i = 0; i < n_seen; i++) {
			CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, cookies[i]), 1);
			CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, cookies[i]), 1);
		}
		/* Of those seen none is lost, and of the others both. */
		CU_ASSERT_TRUE(sum_lost() <= 2 * n_unseen && sum_lost() % 2 == 0);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OVERFLOW, 0), n_unseen > 0);
		CU_ASSERT_EQUAL(sum_lost(), rig_status()->n_lost);
		finish_deaf();
	}
}

/* The pass under way read them before they closed: two passes later they are found, and not before. */
static void test_dropped_in_a_pass(void)
{
	static int fds[DEAF_SEEN];
	int r = 1;

	begin_deaf(true);
	for (unsigned int i = 0; i < DEAF_SEEN; i++)
		fds[i] = open_udp();
	CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(rig_tracker, false), 0);
	while (rig_tracker->pass.source <= SOURCE_udplite6 && r > 0)
		r = tracker_step(rig_tracker);
	CU_ASSERT_TRUE(r > 0);
	CU_ASSERT_EQUAL(rig_tracker->pass.n_seen[SOURCE_udp4], DEAF_SEEN);
	close_unheard(fds, DEAF_SEEN, DEAF_UNSEEN);
	rig_settle();
	CU_ASSERT_TRUE(rig_destroy()->n_lost > DEAF_SEEN);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(sum_lost(), 0);
	rig_run_pass(false);
	check_sum(2 * DEAF_SEEN + 2 * DEAF_UNSEEN);
	/* More, before and after the sweep that settles those before. */
	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int k = 0; k < 50; k++)
			fds[k] = open_udp();
		rig_run_pass(false);
		close_unheard(fds, 50, 10);
		rig_settle();
	}
	for (unsigned int i = 0; i < 3; i++)
		rig_run_pass(false);
	check_sum(2 * DEAF_SEEN + 2 * DEAF_UNSEEN + 3 * (2 * 50 + 2 * 10));
	finish_deaf();
}

/* Who listens later did not miss it; what was there before the first pass was over was never new. */
static void test_dropped_unheard(void)
{
	begin_deaf(false);
	close_unheard(NULL, 0, DEAF_UNSEEN);
	rig_settle();
	tracker_want_events(rig_tracker, true);
	for (unsigned int i = 0; i < 4; i++)
		rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 0);
	CU_ASSERT_EQUAL(rig_status()->n_opened + rig_status()->n_closed + rig_status()->n_lost, 2 * DEAF_UNSEEN);
	finish_deaf();

	rig_begin(true);
	CU_ASSERT_EQUAL_FATAL(destroy_open(&witness), 0);
	CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(rig_tracker, false), 0);
	CU_ASSERT_EQUAL(setsockopt(rig_destroy()->fd, SOL_SOCKET, SO_RCVBUF, &(int){ 8192 }, sizeof(int)), 0);
	close_unheard(NULL, 0, DEAF_UNSEEN);
	rig_settle();
	for (unsigned int i = 0; i < 4; i++)
		rig_run_pass(false);
	CU_ASSERT_TRUE(rig_destroy()->n_lost > 0);
	check_sum(0);
	finish_deaf();
}

void suite_track_dropped(void)
{
	CU_pSuite s = CU_add_suite("track/dropped", NULL, NULL);

	CU_add_test(s, "seen by passes, unseen, both", test_dropped);
	CU_add_test(s, "while a pass reads", test_dropped_in_a_pass);
	CU_add_test(s, "while nobody listens", test_dropped_unheard);
}
