/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When passes begin: the interval of a cost, a real tracker on a real loop, passes that are asked for */

#include <CUnit/CUnit.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "refresh.h"
#include "unit/suites.h"

#define MS 1000ull
#define SECOND 1000000ull

static struct config config_of(uint64_t min, uint64_t max, uint64_t quota)
{
	struct config c;

	config_defaults(&c);
	c.interval_min_usec = min;
	c.interval_max_usec = max;
	c.cpu_quota = quota;
	return c;
}

static void test_interval(void)
{
	struct config c = config_of(SECOND, 300 * SECOND, 20);

	CU_ASSERT_EQUAL(refresh_interval_of(&c, 0), SECOND);
	CU_ASSERT_EQUAL(refresh_interval_of(&c, 20 * MS), SECOND);      /* 20 ms at 2 % */
	CU_ASSERT_EQUAL(refresh_interval_of(&c, 420 * MS), 21 * SECOND); /* a pass over 400 000 sockets */
	CU_ASSERT_EQUAL(refresh_interval_of(&c, 6 * SECOND), 300 * SECOND);
	CU_ASSERT_EQUAL(refresh_interval_of(&c, 7 * SECOND), 300 * SECOND);
	CU_ASSERT_EQUAL(refresh_interval_of(&c, UINT64_MAX), 300 * SECOND);
	c.cpu_quota = 1;
	CU_ASSERT_EQUAL(refresh_interval_of(&c, 20 * MS), 20 * SECOND);
	c.cpu_quota = 1000;
	CU_ASSERT_EQUAL(refresh_interval_of(&c, 3 * SECOND), 3 * SECOND);
}

struct watch {
	struct refresh_listener listener;
	struct refresh *refresh;
	unsigned n_passed, n_stepped, n_counters;
	uint64_t begins[64], intervals[64]; /* of each pass; what it said of the time until the next */
};

static void on_stepped(struct refresh_listener *l)
{
	((struct watch *)((char *)l - offsetof(struct watch, listener)))->n_stepped++;
}

static void on_passed(struct refresh_listener *l)
{
	struct watch *w = (struct watch *)((char *)l - offsetof(struct watch, listener));
	const struct tracker_status *s = tracker_status(refresh_tracker(w->refresh));

	if (w->n_passed < 64) {
		w->begins[w->n_passed] = s->begin_boottime_usec;
		w->intervals[w->n_passed] = refresh_interval_usec(w->refresh);
	}
	w->n_passed++;
	w->n_counters += s->had_counters;
}

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static void run(sd_event *event, uint64_t usec)
{
	uint64_t end = now(CLOCK_BOOTTIME) + usec, t;

	while ((t = now(CLOCK_BOOTTIME)) < end)
		CU_ASSERT_TRUE(sd_event_run(event, end - t) >= 0);
}

/* A busy machine takes longer; what never comes fails. */
static void run_until(sd_event *event, const struct watch *w, unsigned n_passed, uint64_t usec)
{
	uint64_t end = now(CLOCK_BOOTTIME) + usec, t;

	while (w->n_passed < n_passed && (t = now(CLOCK_BOOTTIME)) < end)
		CU_ASSERT_TRUE(sd_event_run(event, end - t) >= 0);
	CU_ASSERT_TRUE(w->n_passed >= n_passed);
}

static void begin(struct watch *w, sd_event **ret_event, const struct config *c)
{
	*w = (struct watch){ .listener = { .stepped = on_stepped, .passed = on_passed } };
	CU_ASSERT_EQUAL_FATAL(sd_event_new(ret_event), 0);
	CU_ASSERT_EQUAL_FATAL(refresh_new(&w->refresh, *ret_event, c, &w->listener), 0);
}

static void test_passes(void)
{
	struct config c = config_of(100 * MS, 300 * SECOND, 1000);
	uint64_t late = 30 * SECOND, took;
	sd_event *event = NULL;
	struct watch w;

	c.counters_interval_usec = 500 * MS;
	begin(&w, &event, &c);
	run_until(event, &w, 11, 30 * SECOND);
	/*
	 * One at once, then one every 100 ms. A busy machine may make some of them late. The tracker looks at its clock
	 * a moment after the refresh has: where that is long, the next gap is as much shorter, their sum is not.
	 */
	for (unsigned i = 1; i < w.n_passed && i < 64; i++) {
		uint64_t gap = w.begins[i] - w.begins[i - 1];

		CU_ASSERT(gap >= 50 * MS);
		if (gap < w.intervals[i - 1] + late)
			late = gap > w.intervals[i - 1] ? gap - w.intervals[i - 1] : 0;
	}
	CU_ASSERT(late < 50 * MS);
	/* 11 passes take a second. */
	took = w.begins[10] - w.begins[0];
	CU_ASSERT(took >= 950 * MS);
	CU_ASSERT(w.n_counters >= 2 && w.n_counters <= 1 + took / (500 * MS));
	CU_ASSERT(w.n_stepped >= w.n_passed);
	/* The interval that is asked about is the one that holds. */
	CU_ASSERT_EQUAL(refresh_interval_usec(w.refresh), 100 * MS);
	refresh_free(w.refresh);
	sd_event_unref(event);
}

/* Whatever passes and scans cost, over a time that is longer than the debt of the first one they cost the quota. */
static void test_quota(void)
{
	struct config c = config_of(100 * MS, 300 * SECOND, 20);
	int pairs[400][2];
	sd_event *event = NULL;
	uint64_t cpu, begin_usec, took;
	struct watch w;

	for (unsigned i = 0; i < 400; i++)
		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
	begin(&w, &event, &c);
	run(event, 300 * MS);
	begin_usec = now(CLOCK_BOOTTIME);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	run(event, 2 * SECOND);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	took = now(CLOCK_BOOTTIME) - begin_usec;
	/* A fifth above, and one pass that may fall inside by its beginning only. */
	CU_ASSERT(cpu <= took / 1000 * 24 + tracker_status(refresh_tracker(w.refresh))->cpu_usec + 10 * MS);
	if (cpu > took / 1000 * 24 + tracker_status(refresh_tracker(w.refresh))->cpu_usec + 10 * MS)
		printf("\n    %llu ms of CPU in %llu ms", (unsigned long long)cpu / 1000, (unsigned long long)took / 1000);
	refresh_free(w.refresh);
	sd_event_unref(event);
	for (unsigned i = 0; i < 400; i++) {
		close(pairs[i][0]);
		close(pairs[i][1]);
	}
}

static void test_asked(void)
{
	struct config c = config_of(100 * MS, 300 * SECOND, 1);
	uint64_t first = 0, second = 0;
	sd_event *event = NULL;
	struct watch w;
	unsigned n;

	begin(&w, &event, &c);
	run(event, 300 * MS);
	n = w.n_passed;
	CU_ASSERT(n >= 1);
	/* At 0.1 % the next one is far away; two who ask share one that comes soon. */
	CU_ASSERT_EQUAL(refresh_now(w.refresh, &first), 0);
	CU_ASSERT_EQUAL(refresh_now(w.refresh, &second), 0);
	CU_ASSERT_EQUAL(first, second);
	CU_ASSERT(first > tracker_status(refresh_tracker(w.refresh))->generation);
	for (unsigned i = 0; i < 150 && tracker_status(refresh_tracker(w.refresh))->generation < first; i++)
		run(event, 100 * MS);
	CU_ASSERT(tracker_status(refresh_tracker(w.refresh))->generation >= first);
	/* The configuration changes: the next pass comes by the new one. */
	c.cpu_quota = 1000;
	n = w.n_passed;
	refresh_config_changed(w.refresh);
	run_until(event, &w, n + 3, 10 * SECOND);
	refresh_free(w.refresh);
	sd_event_unref(event);
}

void suite_refresh(void)
{
	CU_pSuite s = CU_add_suite("refresh", NULL, NULL);

	CU_add_test(s, "the interval of a cost", test_interval);
	CU_add_test(s, "passes on a loop", test_passes);
	CU_add_test(s, "the quota holds", test_quota);
	CU_add_test(s, "a pass that is asked for", test_asked);
}
