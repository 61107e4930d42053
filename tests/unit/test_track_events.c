/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens to sockets that we make is told: once, in order, with what the kernel last said of them */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "track/state.h"
#include "unit/suites.h"
#include "unit/track_rig.h"

#define SHORT 2000

static void test_opened_and_closed(void)
{
	const struct track_entry *left;
	uint64_t cookies[2], listening;
	uint32_t inodes[2];
	int fds[2];

	rig_begin(true);
	rig_open_listener(AF_INET);
	listening = rig_cookie_of(rig_listener);
	rig_run_pass(false);
	rig_open_pair(fds);
	for (unsigned int i = 0; i < 2; i++) {
		cookies[i] = rig_cookie_of(fds[i]);
		inodes[i] = rig_inode_of(fds[i]);
	}
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 2);
	for (unsigned int i = 0; i < 2; i++) {
		const struct rig_told *e = rig_find_told(SOCKETD_EVENT_OPENED, cookies[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->source, SOURCE_tcp4);
		CU_ASSERT_EQUAL(e->inode, inodes[i]);
		CU_ASSERT_EQUAL(e->pid, (uint32_t)getpid());
		CU_ASSERT_EQUAL(e->fd, (uint32_t)fds[i]);
		CU_ASSERT_EQUAL(e->generation, 2);
		CU_ASSERT_EQUAL(e->track.flags, SOCKETD_TRACK_KNOWN);
		CU_ASSERT_TRUE(e->track.age < 5000000);
	}

	rig_n_told = 0;
	close(fds[0]);
	close(fds[1]);
	rig_settle_closings(2);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 2);
	for (unsigned int i = 0; i < 2; i++) {
		const struct rig_told *e = rig_find_told(SOCKETD_EVENT_CLOSED, cookies[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->inode, inodes[i]);
		CU_ASSERT_EQUAL(e->pid, (uint32_t)getpid());
		CU_ASSERT_EQUAL(e->old_state, TCP_ESTABLISHED);
		CU_ASSERT_EQUAL(e->state, TCP_CLOSE);
		/* Newer kernels give its cookie to the TIME-WAIT that comes after it. */
		left = track_table_find(tracker_table(rig_tracker), SOURCE_tcp4, cookies[i], 0);
		CU_ASSERT_TRUE(!left || (left->state == TCP_TIME_WAIT && !(left->flags & TRACK_REPORTED)));
	}
	CU_ASSERT_PTR_NOT_NULL(track_table_find(tracker_table(rig_tracker), SOURCE_tcp4, listening, 0));
	CU_ASSERT_EQUAL(rig_status()->n_opened, 2);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2);
	CU_ASSERT_EQUAL(rig_status()->n_brief, 0);
	CU_ASSERT_EQUAL(rig_status()->n_lost, 0);
	rig_finish();
}

static void test_changed(void)
{
	const struct rig_told *e;
	uint64_t cookies[2];
	int fds[2];

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_open_pair(fds);
	cookies[0] = rig_cookie_of(fds[0]);
	cookies[1] = rig_cookie_of(fds[1]);
	rig_run_pass(false);
	CU_ASSERT_EQUAL(shutdown(fds[0], SHUT_WR), 0);
	CU_ASSERT_EQUAL(rig_tcp_state_of(fds[1]), TCP_CLOSE_WAIT);
	for (unsigned int i = 0; i < 200 && rig_tcp_state_of(fds[0]) != TCP_FIN_WAIT2; i++)
		(void)poll(NULL, 0, 10);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 2);
	e = rig_find_told(SOCKETD_EVENT_CHANGED, cookies[1]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->old_state, TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(e->state, TCP_CLOSE_WAIT);
	CU_ASSERT_EQUAL(e->pid, (uint32_t)getpid());
	/* Older than we know, but for a known time in this state. */
	CU_ASSERT_EQUAL(e->track.flags, SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_AGE_AT_LEAST);
	e = rig_find_told(SOCKETD_EVENT_CHANGED, cookies[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->state, TCP_FIN_WAIT2);
	CU_ASSERT_EQUAL(rig_status()->n_changed, 2);
	close(fds[0]);
	close(fds[1]);
	rig_finish();
}

/*
 * A closed socket in FIN-WAIT-2 is soon a TIME-WAIT that says FIN-WAIT-2 (tw_substate), with the
 * cookie of the socket whose end was told: no opening.
 */
static void test_fin_wait_2(void)
{
	uint64_t cookie;
	int fds[2];

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	/* One that a pass saw, and one that lives between two. */
	for (unsigned int i = 0; i < 2; i++) {
		rig_open_pair(fds);
		cookie = rig_cookie_of(fds[0]);
		if (i == 0)
			rig_run_pass(false);
		close(fds[0]);
		rig_settle_closings(i + 1);
		rig_run_pass(false);
		rig_run_pass(false);
		rig_take_events();
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, cookie), 1);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, cookie), 1);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CHANGED, cookie), 0);
		/* The other end is in CLOSE-WAIT, and stays. */
	}
	rig_finish();
}

/* A request sock has no event; the socket that it becomes has its cookie, and one. */
static void test_request_sock(void)
{
	struct pollfd p = { .events = POLLIN };
	int client, server;
	uint64_t brief = 0;
	size_t cursor = 0;
	const struct track_entry *e;

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	/* Until there is data, the kernel keeps the request. */
	CU_ASSERT_EQUAL(setsockopt(rig_listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){ 30 }, sizeof(int)), 0);
	client = rig_open_client();
	rig_run_pass(false);
	while ((e = track_table_next(tracker_table(rig_tracker), &cursor)))
		if (e->source == SOURCE_tcp4 && e->cookie != rig_cookie_of(rig_listener) && e->cookie != rig_cookie_of(client))
			brief = e->cookie;
	CU_ASSERT_NOT_EQUAL(brief, 0);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 1);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, rig_cookie_of(client)), 1);
	CU_ASSERT_EQUAL(send(client, "x", 1, 0), 1);
	p.fd = rig_listener;
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	server = rig_accept_one();
	CU_ASSERT_EQUAL(rig_cookie_of(server), brief);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 2);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, brief), 1);
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_OPENED, brief)->inode, rig_inode_of(server));
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_OPENED, brief)->pid, (uint32_t)getpid());
	close(client);
	close(server);
	rig_finish();
}

/* Each opened before it closed, each once. */
static void check_lives(void)
{
	for (unsigned int i = 0; i < rig_n_told; i++) {
		unsigned int n_before = 0;

		if (rig_told[i].kind != SOCKETD_EVENT_CLOSED)
			continue;
		for (unsigned int k = i > 64 ? i - 64 : 0; k < i; k++)
			n_before += rig_told[k].kind == SOCKETD_EVENT_OPENED && rig_told[k].cookie == rig_told[i].cookie;
		CU_ASSERT_EQUAL(n_before, 1);
	}
}

/*
 * As the kernel counts them in this namespace: mostly one end of a connection is
 * one, but both after a close at the same time, and none where its port was used again.
 */
static unsigned int count_time_wait(void)
{
	FILE *f = fopen("/proc/thread-self/net/sockstat", "re");
	unsigned int n = 0;
	char line[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "TCP: inuse %*u orphan %*u tw %u", &n) == 1)
			break;
	fclose(f);
	return n;
}

static void test_short_connections(void)
{
	unsigned int n_time_wait;

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	for (unsigned int i = 0; i < SHORT; i++) {
		int fds[2];

		rig_open_pair(fds);
		close(fds[0]);
		close(fds[1]);
	}
	rig_settle_closings(2 * SHORT);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_status()->n_lost, 0);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 2 * SHORT);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2 * SHORT);
	CU_ASSERT_EQUAL(rig_status()->n_brief, 2 * SHORT);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, 0), 2 * SHORT);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, 0), 2 * SHORT);
	CU_ASSERT_EQUAL(rig_n_told, 4 * SHORT);
	check_lives();
	/* What is TIME-WAIT now is remembered, and told of no more. */
	n_time_wait = count_time_wait();
	CU_ASSERT_TRUE(n_time_wait >= SHORT / 2);
	CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_tcp4].n_sockets, n_time_wait + 1);
	CU_ASSERT_TRUE(rig_status()->n_sockets >= n_time_wait + 1);
	rig_finish();
}

/* Sockets open and close while the pass reads: in the end opened less closed is what is there. */
static void test_churn_in_a_pass(void)
{
	enum { N = 600 };
	static int fds[N][2];
	uint64_t n_opened = 0;
	size_t n_there = 0, cursor = 0;
	const struct track_entry *e;
	unsigned int next = 0;
	int r = 1;

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	for (unsigned int i = 0; i < N; i++)
		rig_open_pair(fds[i]);
	/* Those of a first half go while they are read, by ones; each step may meet them before or after. */
	for (unsigned int pass = 0; pass < 2; pass++) {
		CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(rig_tracker, false), 0);
		while ((r = tracker_step(rig_tracker)) > 0) {
			for (unsigned int i = 0; i < 20 && next < (pass + 1) * N / 4; i++, next++) {
				close(fds[next][0]);
				close(fds[next][1]);
			}
			if (r == TRACKER_WAIT)
				(void)poll(NULL, 0, 1);
		}
		CU_ASSERT_EQUAL(r, TRACKER_IDLE);
	}
	/* Met by a pass or known from their end only: all of them were opened. */
	rig_settle_closings(2 * (uint64_t)next);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(next, N / 2);
	n_opened = rig_status()->n_opened;
	CU_ASSERT_EQUAL(n_opened, 2 * N);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2 * (uint64_t)next);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, 0), n_opened);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, 0), 2 * next);
	while ((e = track_table_next(tracker_table(rig_tracker), &cursor)))
		n_there += e->source == SOURCE_tcp4 && (e->flags & TRACK_REPORTED);
	CU_ASSERT_EQUAL(n_there, 1 + n_opened - rig_status()->n_closed);
	for (unsigned int i = next; i < N; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
	rig_finish();
}

/* The kernel says nothing of their end: two passes without them do. */
static void test_unix_pair(void)
{
	const struct track_entry *e;
	uint64_t cookies[2];
	uint32_t inodes[2];
	int fds[2];

	rig_begin(true);
	rig_run_pass(false);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	for (unsigned int i = 0; i < 2; i++) {
		cookies[i] = rig_cookie_of(fds[i]);
		inodes[i] = rig_inode_of(fds[i]);
	}
	rig_run_pass(false);
	rig_check_entry(SOURCE_unix, fds[0], TCP_ESTABLISHED);
	close(fds[0]);
	close(fds[1]);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, cookies[0]), 1);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, cookies[1]), 1);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, 0), 0);
	/* Nobody holds them now, but who did is told. */
	CU_ASSERT_EQUAL(tracker_begin_scan(rig_tracker), 0);
	rig_settle();
	e = track_table_find(tracker_table(rig_tracker), SOURCE_unix, cookies[0], 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->owner_pid, 0);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 4);
	for (unsigned int i = 0; i < 2; i++) {
		const struct rig_told *closed = rig_find_told(SOCKETD_EVENT_CLOSED, cookies[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(closed);
		CU_ASSERT_EQUAL(closed->source, SOURCE_unix);
		CU_ASSERT_EQUAL(closed->inode, inodes[i]);
		CU_ASSERT_EQUAL(closed->pid, (uint32_t)getpid());
		CU_ASSERT_EQUAL(closed->state, TCP_ESTABLISHED);
	}
	rig_finish();
}

/*
 * Where the kernel does not tell of ends, or dropped what it told, passes find
 * them, though newer kernels go on to show a TIME-WAIT of the same cookie.
 */
static void test_without_destroy_groups(void)
{
	uint64_t cookies[2];
	int fds[2];

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	destroy_close(rig_destroy());
	rig_tracker->status.destroy_error = -ENOENT;
	rig_open_pair(fds);
	cookies[0] = rig_cookie_of(fds[0]);
	cookies[1] = rig_cookie_of(fds[1]);
	rig_run_pass(false);
	/* The client's end becomes the TIME-WAIT. */
	close(fds[0]);
	close(fds[1]);
	(void)poll(NULL, 0, 20);
	for (unsigned int i = 0; i < 5; i++)
		rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_destroy()->fd, -1);
	CU_ASSERT_EQUAL(rig_n_told, 4);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, cookies[i]), 1);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, cookies[i]), 1);
	}
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2);
	CU_ASSERT_EQUAL(rig_status()->sources[SOURCE_tcp4].n_sockets, 2);
	rig_finish();
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 a = {};
	socklen_t len = sizeof(a);

	CU_ASSERT_EQUAL(getsockname(fd, (void *)&a, &len), 0);
	return ntohs(a.sin6_port);
}

/* The kernel clears the ends of a socket that it resets before it tells of it: what was remembered is told. */
static void test_reset(void)
{
	static const struct linger reset = { .l_onoff = 1 };
	static const int families[] = { AF_INET, AF_INET6 };

	for (unsigned int i = 0; i < 2; i++) {
		uint64_t cookies[2];
		uint32_t inodes[2];
		uint16_t ports[2];
		int fds[2];

		rig_begin(true);
		rig_open_listener(families[i]);
		rig_open_pair(fds);
		for (unsigned int k = 0; k < 2; k++) {
			cookies[k] = rig_cookie_of(fds[k]);
			inodes[k] = rig_inode_of(fds[k]);
			ports[k] = port_of(fds[k]);
		}
		rig_run_pass(false);
		CU_ASSERT_EQUAL(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		close(fds[0]);
		close(fds[1]);
		rig_settle_closings(2);
		rig_take_events();
		CU_ASSERT_EQUAL(rig_n_told, 2);
		for (unsigned int k = 0; k < 2; k++) {
			const struct rig_told *e = rig_find_told(SOCKETD_EVENT_CLOSED, cookies[k]);

			CU_ASSERT_PTR_NOT_NULL_FATAL(e);
			CU_ASSERT_EQUAL(e->local_port, ports[k]);
			CU_ASSERT_EQUAL(e->peer_port, ports[1 - k]);
			CU_ASSERT_EQUAL(e->inode, inodes[k]);
			CU_ASSERT_EQUAL(e->uid, geteuid());
			CU_ASSERT_EQUAL(e->old_state, TCP_ESTABLISHED);
		}
		rig_finish();
	}
}

/* A connection that waits to be accepted has no user: none is made up at its end. */
static void test_uid_is_not_told(void)
{
	const struct track_entry *entry;
	const struct rig_told *e;
	uint64_t cookie = 0;
	size_t cursor = 0;
	int client;

	rig_begin(true);
	rig_open_listener(AF_INET);
	client = rig_open_client();
	rig_run_pass(false);
	while ((entry = track_table_next(tracker_table(rig_tracker), &cursor)))
		if (entry->source == SOURCE_tcp4 && entry->peer_port == port_of(client) && entry->uid == UINT32_MAX)
			cookie = entry->cookie;
	CU_ASSERT_NOT_EQUAL(cookie, 0);
	close(steal_fd(&rig_listener));
	close(client);
	rig_settle_closings(3);
	rig_take_events();
	e = rig_find_told(SOCKETD_EVENT_CLOSED, cookie);
	CU_ASSERT_PTR_NOT_NULL(e);
	if (e)
		CU_ASSERT_EQUAL(e->uid, 0);
	rig_finish();
}

/* Sockets that only /proc/net tells of close as others do. */
static void test_lines(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd, range;

	rig_begin(true);
	rig_run_pass(false);
	range = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(range >= 0);
	CU_ASSERT_EQUAL(write(range, "0 0", 3), 3);
	close(range);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(bind(fd, (void *)&in, sizeof(in)), 0);
	rig_run_pass(false);
	close(fd);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL_FATAL(rig_n_told, 2);
	CU_ASSERT_EQUAL(rig_told[0].kind, SOCKETD_EVENT_OPENED);
	CU_ASSERT_EQUAL(rig_told[1].kind, SOCKETD_EVENT_CLOSED);
	CU_ASSERT_EQUAL(rig_told[1].source, SOURCE_proc_icmp);
	CU_ASSERT_EQUAL(rig_told[1].pid, (uint32_t)getpid());
	rig_finish();
}

/* Events that waited for a scan are let go a few at a time, in order, and none is forgotten. */
static void test_release_in_slices(void)
{
	enum { N = 2 * EVENTS_RELEASES };
	struct events *e;

	rig_begin(true);
	e = &rig_tracker->events;
	for (unsigned int i = 0; i < N; i++) {
		struct message m = { .data = (const uint8_t *)"0123456789abcdef", .len = 16, .source = SOURCE_unix };
		struct event event = { .kind = SOCKETD_EVENT_OPENED, .generation = i, .waits = true, .m = &m };

		events_put(e, &event, 0);
	}
	CU_ASSERT_TRUE(events_flush(e, EVENTS_WAIT_USEC));
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, EVENTS_RELEASES);
	while (events_flush(e, EVENTS_WAIT_USEC))
		;
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, N);
	for (unsigned int i = 0; i < rig_n_told; i++)
		CU_ASSERT_EQUAL(rig_told[i].generation, i);
	rig_finish();
}

/* Where the kernel tells of no ends, what passes found gone holds up nothing that is new. */
static void test_many_gone_without_destroy_groups(void)
{
	int fds[2];

	rig_begin(true);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	destroy_close(rig_destroy());
	rig_tracker->status.destroy_error = -ENOENT;
	for (uint64_t i = 1; i <= GONE_MAX + 1; i++)
		track_table_add(rig_tracker->table, SOURCE_tcp4, i << 40, 0, 0, NULL);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_open_pair(fds);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, rig_cookie_of(fds[0])), 1);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, rig_cookie_of(fds[1])), 1);
	close(fds[0]);
	close(fds[1]);
	rig_finish();
}

/* Nobody takes them: memory stays bounded, and told and lost make up the whole. */
static void test_events_max(void)
{
	struct tracker_limits small = rig_limits;
	uint64_t lost = 0;

	rig_begin(true);
	small.events_max = 64 << 10;
	tracker_set_limits(rig_tracker, &small);
	rig_open_listener(AF_INET);
	rig_run_pass(false);
	for (unsigned int i = 0; i < 300; i++) {
		int fds[2];

		rig_open_pair(fds);
		close(fds[0]);
		close(fds[1]);
	}
	rig_settle_closings(600);
	CU_ASSERT_TRUE(arena_pending(tracker_events(rig_tracker)) <= small.events_max);
	CU_ASSERT_TRUE(rig_status()->n_events_lost > 0);
	rig_take_events();
	rig_settle();
	rig_take_events();
	for (unsigned int i = 0; i < rig_n_told; i++)
		lost += rig_told[i].lost;
	CU_ASSERT_EQUAL(lost, rig_status()->n_events_lost);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OVERFLOW, 0), 1);
	CU_ASSERT_EQUAL(rig_told[rig_n_told - 1].kind, SOCKETD_EVENT_OVERFLOW);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, 0) + rig_count_told(SOCKETD_EVENT_CLOSED, 0) + lost, 1200);
	rig_finish();
}

void suite_track_events(void)
{
	CU_pSuite s = CU_add_suite("track/events", NULL, NULL);

	CU_add_test(s, "opened and closed", test_opened_and_closed);
	CU_add_test(s, "a change of state", test_changed);
	CU_add_test(s, "FIN-WAIT-2 of a closed socket", test_fin_wait_2);
	CU_add_test(s, "a request sock becomes a socket", test_request_sock);
	CU_add_test(s, "short connections between two passes", test_short_connections);
	CU_add_test(s, "churn while a pass reads", test_churn_in_a_pass);
	CU_add_test(s, "UNIX sockets, whose end the kernel does not tell", test_unix_pair);
	CU_add_test(s, "without destroy groups", test_without_destroy_groups);
	CU_add_test(s, "a reset, whose ends the kernel clears", test_reset);
	CU_add_test(s, "a user that was never told", test_uid_is_not_told);
	CU_add_test(s, "lines of /proc", test_lines);
	CU_add_test(s, "let go in slices", test_release_in_slices);
	CU_add_test(s, "many that are gone, without destroy groups", test_many_gone_without_destroy_groups);
	CU_add_test(s, "the bound on events", test_events_max);
}
