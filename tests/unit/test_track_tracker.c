/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes over sockets that we make: cookies, states, inodes and owners against the kernel's own word; rates, bounds, memory */

#include <CUnit/CUnit.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>

#include "source/owner_child.h"
#include "track/holders.h"
#include "track/state.h"
#include "unit/suites.h"
#include "unit/track_rig.h"

static void test_first_pass(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct socketd_track track;

	for (unsigned int i = 0; i < 2; i++) {
		struct track_entry *e;
		int fds[2], udp;

		rig_begin(true);
		rig_open_listener(families[i]);
		rig_open_pair(fds);
		udp = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);
		CU_ASSERT_EQUAL(setsockopt(udp, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
		CU_ASSERT_EQUAL(bind(udp, families[i] == AF_INET ? (void *)&(struct sockaddr_in){ .sin_family = AF_INET } :
						(void *)&(struct sockaddr_in6){ .sin6_family = AF_INET6 },
				     families[i] == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)), 0);
		rig_run_pass(false);
		CU_ASSERT_EQUAL(rig_status()->destroy_error, 0);
		rig_check_entry(SOURCE_tcp4 + i, rig_listener, TCP_LISTEN);
		rig_check_entry(SOURCE_tcp4 + i, fds[0], rig_tcp_state_of(fds[0]));
		rig_check_entry(SOURCE_tcp4 + i, fds[1], TCP_ESTABLISHED);
		rig_check_entry(SOURCE_udp4 + i, udp, TCP_CLOSE);
		CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_tcp4 + i].n_sockets, 3);
		CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_tcp6 - i].n_sockets, 0);
		CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_udp4 + i].n_sockets, 1);
		CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_udp4 + i].error, 0);

		e = rig_entry_of(SOURCE_tcp4 + i, fds[0]);
		tracker_fill(rig_tracker, e, &track);
		CU_ASSERT_EQUAL(track.flags, SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_AGE_AT_LEAST | SOCKETD_TRACK_STATE_AGE_AT_LEAST);
		CU_ASSERT_EQUAL(!!(e->flags & TRACK_IPV6), families[i] == AF_INET6);
		/* What was there is not opened. */
		rig_take_events();
		CU_ASSERT_EQUAL(rig_n_told, 0);
		CU_ASSERT_EQUAL(rig_status()->n_opened, 0);
		close(fds[0]);
		close(fds[1]);
		close(udp);
		rig_finish();
	}
}

/* A socket that another process takes over has that one as its owner. */
static void test_owner_changes(void)
{
	int fds[2], go[2], status_word = 0;
	const struct track_entry *e;
	char byte;
	pid_t child;

	rig_begin(false);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
	rig_run_pass(false);
	e = rig_entry_of(SOURCE_unix, fds[1]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->owner_pid, (uint32_t)getpid());
	child = fork();
	CU_ASSERT_TRUE_FATAL(child >= 0);
	if (child == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	close(fds[1]);
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	rig_settle();
	CU_ASSERT_EQUAL(e->owner_pid, (uint32_t)child);
	close(go[0]);
	close(go[1]);
	CU_ASSERT_EQUAL(waitpid(child, &status_word, 0), child);
	CU_ASSERT_EQUAL(status_word, 0);
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	rig_settle();
	CU_ASSERT_EQUAL(e->owner_pid, 0);
	CU_ASSERT_TRUE(e->flags & TRACK_OWNER_SOUGHT);
	CU_ASSERT_EQUAL(rig_status()->scan_error, 0);
	/* One more where another process was left out. */
	CU_ASSERT_TRUE(rig_status()->n_scans >= 3);
	close(fds[0]);
	rig_finish();
}

/* Descriptors that a scan read before a pass met the sockets, of a process that the next scan leaves out. */
static void test_owner_known_before(void)
{
	static int fds[2 * OWNERS_SAME_MIN];
	const struct track_entry *e;
	struct holder found;

	rig_begin(false);
	rig_run_pass(false);
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i += 2)
		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds + i), 0);
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	rig_settle();
	CU_ASSERT_PTR_NULL(rig_entry_of(SOURCE_unix, fds[0]));
	CU_ASSERT_TRUE(holders_find(tracker_holders(rig_tracker), rig_inode_of(fds[0]), 0, &found));
	CU_ASSERT_EQUAL(found.pid, (uint32_t)getpid());
	rig_run_pass(false);
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++) {
		e = rig_entry_of(SOURCE_unix, fds[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->owner_pid, (uint32_t)getpid());
		close(fds[i]);
	}
	rig_finish();
}

/* As many descriptors as before, one of them another: the process seems the same, and what it opened has an owner. */
static void test_owner_seems_the_same(void)
{
	static int fds[OWNERS_SAME_MIN + 8];
	const struct track_entry *e;
	int socket_fd;

	rig_begin(false);
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dup(STDIN_FILENO);
	/* Only what holds a socket is remembered. */
	socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rig_run_pass(false);
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	rig_settle();
	close(fds[0]);
	fds[0] = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rig_run_pass(false);
	e = rig_entry_of(SOURCE_unix, fds[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->owner_pid, (uint32_t)getpid());
	for (unsigned int i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	close(socket_fd);
	rig_finish();
}

static void test_rates(void)
{
	struct timespec pause = { .tv_nsec = 300 * 1000000 };
	static char data[100000];
	struct socketd_track track;
	uint64_t first, second;
	size_t n_read = 0;
	int fds[2];

	rig_begin(false);
	rig_open_listener(AF_INET);
	rig_open_pair(fds);
	rig_run_pass(true);
	first = rig_status()->begin_boottime_usec;
	tracker_fill(rig_tracker, rig_entry_of(SOURCE_tcp4, fds[0]), &track);
	CU_ASSERT_FALSE(track.flags & SOCKETD_TRACK_RATES);
	CU_ASSERT_EQUAL(write(fds[0], data, sizeof(data)), sizeof(data));
	while (n_read < sizeof(data)) {
		ssize_t n = read(fds[1], data, sizeof(data));

		CU_ASSERT_TRUE_FATAL(n > 0);
		n_read += n;
	}
	nanosleep(&pause, NULL);
	rig_run_pass(false); /* leaves the counters alone */
	rig_run_pass(true);
	second = rig_status()->begin_boottime_usec;
	tracker_fill(rig_tracker, rig_entry_of(SOURCE_tcp4, fds[0]), &track);
	CU_ASSERT_TRUE(track.flags & SOCKETD_TRACK_RATES);
	CU_ASSERT_DOUBLE_EQUAL((double)track.tx_rate, 1e6 * sizeof(data) / (second - first), 0.03 * track.tx_rate);
	CU_ASSERT_EQUAL(track.rx_rate, 0);
	CU_ASSERT_TRUE(track.tx_segs_rate > 0);
	tracker_fill(rig_tracker, rig_entry_of(SOURCE_tcp4, fds[1]), &track);
	CU_ASSERT_DOUBLE_EQUAL((double)track.rx_rate, 1e6 * sizeof(data) / (second - first), 0.03 * track.rx_rate);
	CU_ASSERT_TRUE(track.rx_segs_rate > 0);
	nanosleep(&pause, NULL);
	rig_run_pass(true);
	tracker_fill(rig_tracker, rig_entry_of(SOURCE_tcp4, fds[1]), &track);
	CU_ASSERT_TRUE(track.flags & SOCKETD_TRACK_RATES);
	CU_ASSERT_EQUAL(track.rx_rate, 0);
	close(fds[0]);
	close(fds[1]);
	rig_finish();
}

/* The bound holds, and what it leaves out is counted and costs nothing else. */
static void test_memory_max(void)
{
	struct tracker_limits small = rig_limits;
	size_t memory;
	uint64_t n;
	int fds[2];

	rig_begin(false);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	n = rig_status()->n_sockets;
	memory = rig_status()->table_memory + rig_status()->holders_memory;
	small.memory_max = memory;
	tracker_set_limits(rig_tracker, &small);
	rig_open_pair(fds);
	rig_run_pass(false);
	CU_ASSERT_EQUAL(rig_status()->n_sockets, n);
	CU_ASSERT_EQUAL(rig_status()->n_unremembered, 2);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 0);
	tracker_set_limits(rig_tracker, &rig_limits);
	rig_run_pass(false);
	CU_ASSERT_EQUAL(rig_status()->n_sockets, n + 2);
	CU_ASSERT_EQUAL(rig_status()->n_unremembered, 0);
	close(fds[0]);
	close(fds[1]);
	rig_finish();
}

static void test_memory_is_flat(void)
{
	static int fds[100][2];
	size_t early = 0;

	rig_begin(false);
	rig_open_listener(AF_INET6);
	for (unsigned int i = 0; i < 200; i++) {
		for (unsigned int k = 0; k < 100; k++)
			rig_open_pair(fds[k]);
		rig_run_pass(i % 4 == 0);
		for (unsigned int k = 0; k < 100; k++) {
			/* A reset, so that no TIME-WAIT is left. */
			struct linger linger = { .l_onoff = 1 };

			CU_ASSERT_EQUAL(setsockopt(fds[k][0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
			close(fds[k][0]);
			close(fds[k][1]);
		}
		if (i == 10)
			early = rig_status()->table_memory;
	}
	rig_settle_closings(200 * 200);
	rig_run_pass(false);
	CU_ASSERT_EQUAL(rig_status()->table_memory, early);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 199 * 200);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 200 * 200);
	CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_tcp6].n_sockets, 1);
	rig_finish();
}

/* Where no scan may begin for long, the list of those that want one is of the sockets that are there. */
static void test_unowned_are_those_there(void)
{
	enum { N = 4 * SCAN_UNOWNED_MAX, THERE = 100 };
	const struct unowned *u;

	rig_begin(false);
	u = &rig_tracker->scan.unowned;
	for (uint32_t i = 1; i <= N; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(track_table_add(rig_tracker->table, SOURCE_unix, i, 0, i, NULL));
		scan_unowned(rig_tracker, i);
		if (i > THERE)
			track_table_remove(rig_tracker->table, track_table_find_inode(rig_tracker->table, i - THERE));
	}
	CU_ASSERT_FALSE(u->all);
	CU_ASSERT_TRUE(u->n_allocated <= 512);
	CU_ASSERT_TRUE_FATAL(u->n >= THERE);
	for (unsigned int i = 0; i < THERE; i++)
		CU_ASSERT_EQUAL(u->inodes[u->n - THERE + i], N - THERE + 1 + i);

	/* Of too many no list is kept. */
	for (uint32_t i = N + 1; i <= N + SCAN_UNOWNED_MAX; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(track_table_add(rig_tracker->table, SOURCE_unix, i, 0, i, NULL));
		scan_unowned(rig_tracker, i);
	}
	CU_ASSERT_TRUE(u->all);
	CU_ASSERT_EQUAL(u->n_allocated, 0);
	rig_finish();
}

static struct waiter {
	struct tracker_waiter w;
	unsigned int n;
} waiters[3];

static void woken(struct tracker_waiter *w)
{
	struct waiter *me = (void *)w;

	me->n++;
	/* The second takes the third along. */
	if (me == &waiters[1]) {
		tracker_unwait(rig_tracker, &waiters[1].w);
		tracker_unwait(rig_tracker, &waiters[0].w);
	}
}

static void test_waiters(void)
{
	rig_begin(false);
	for (unsigned int i = 0; i < 3; i++) {
		waiters[i] = (struct waiter){ .w.scan_done = woken };
		tracker_wait(rig_tracker, &waiters[i].w);
	}
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	CU_ASSERT_TRUE(rig_status()->in_scan);
	rig_settle();
	CU_ASSERT_FALSE(rig_status()->in_scan);
	CU_ASSERT_EQUAL(waiters[2].n, 1);
	CU_ASSERT_EQUAL(waiters[1].n, 1);
	CU_ASSERT_EQUAL(waiters[0].n, 0);
	tracker_unwait(rig_tracker, &waiters[2].w);
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	rig_settle();
	CU_ASSERT_EQUAL(waiters[2].n, 1);
	rig_finish();
}

/* Freed at any point: in a pass, in a scan, with events that wait. */
static void test_free_under_way(void)
{
	for (unsigned int steps = 0; steps < 12; steps++) {
		int fds[2];

		rig_begin(true);
		rig_open_listener(AF_INET);
		rig_run_pass(false);
		rig_open_pair(fds);
		CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(rig_tracker, false), 0);
		for (unsigned int i = 0; i < 2 * steps; i++)
			CU_ASSERT_TRUE(tracker_step(rig_tracker) >= 0);
		close(fds[0]);
		close(fds[1]);
		rig_finish();
	}
	/* No child is left behind: those that were stopped are dead in a moment. */
	for (unsigned int i = 0; i < 100 && owner_child_reap() > 0; i++)
		(void)poll(NULL, 0, 10);
	CU_ASSERT_EQUAL(owner_child_reap(), 0);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
}

void suite_track_tracker(void)
{
	CU_pSuite s = CU_add_suite("track/tracker", NULL, NULL);

	CU_add_test(s, "a first pass, against getsockopt", test_first_pass);
	CU_add_test(s, "an owner that changes", test_owner_changes);
	CU_add_test(s, "an owner that was known before", test_owner_known_before);
	CU_add_test(s, "an owner that seems the same", test_owner_seems_the_same);
	CU_add_test(s, "rates", test_rates);
	CU_add_test(s, "the bound on memory", test_memory_max);
	CU_add_test(s, "memory over 200 passes", test_memory_is_flat);
	CU_add_test(s, "who wants an owner is there", test_unowned_are_those_there);
	CU_add_test(s, "those who wait for a scan", test_waiters);
	CU_add_test(s, "freed under way", test_free_under_way);
}
