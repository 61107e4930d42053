/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket table from pass to pass */

#include "track/tracker.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "source/host.h"
#include "track/state.h"

#define BACKLOG_STEPS_MAX 8 /* that a pass waits for the destroy groups to be empty */

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint64_t tracker_boottime_usec(void)
{
	return clock_usec(CLOCK_BOOTTIME);
}

int tracker_watch(struct tracker *t, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	/* One that was closed left the set by itself. */
	return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

struct track_entry *tracker_find(struct tracker *t, const struct sight *s)
{
	struct track_entry *e;

	if (s->cookie != 0)
		return track_table_find(t->table, s->source, s->cookie, s->twin);
	e = track_table_find_inode(t->table, s->inode);
	return e && e->source == s->source ? e : NULL;
}

bool tracker_is_full(const struct tracker *t)
{
	return track_table_memory(t->table) + holders_memory(t->holders) >= t->limits.memory_max;
}

/* A process lost a socket, which another may hold. */
static void holder_lost(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd)
{
	struct tracker *t = ctx;
	struct track_entry *e = track_table_find_inode(t->table, inode);

	if (!e || e->owner_pid != pid)
		return;
	if (t->events.wanted)
		former_add(&t->events.former, t->holders, pid, inode, fd);
	e->owner_pid = 0;
	e->flags &= (uint8_t)~TRACK_OWNER_SOUGHT;
	scan_lost(t, inode);
}

int tracker_new(struct tracker **ret, const struct tracker_limits *limits)
{
	CLEANUP(tracker_free) struct tracker *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->epoll_fd = t->pass.procfs.fd = t->scan.child.fd = -1;
	arena_init(&t->scratch);
	arena_init(&t->scan.out);
	r = track_table_new(&t->table);
	if (r < 0)
		return r;
	r = holders_new(&t->holders);
	if (r < 0)
		return r;
	holders_on_lost(t->holders, holder_lost, t);
	events_init(&t->events, t->holders, 0);
	tracker_set_limits(t, limits);
	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll_fd < 0)
		return -errno;
	r = namespaces_init(t);
	if (r < 0)
		return r;
	t->boottime_usec = tracker_boottime_usec();
	*ret = STEAL_PTR(t);
	return 0;
}

struct tracker *tracker_free(struct tracker *t)
{
	if (!t)
		return NULL;
	if (t->holders) {
		holders_on_lost(t->holders, NULL, NULL);
		scan_stop(t);
	}
	pass_stop(t);
	request_deinit(&t->pass.req);
	namespaces_deinit(t);
	heard_deinit(t);
	events_deinit(&t->events);
	cookie_set_deinit(&t->gone);
	arena_deinit(&t->scratch);
	track_table_free(t->table);
	holders_free(t->holders);
	if (t->epoll_fd >= 0)
		close(t->epoll_fd);
	free(t);
	return NULL;
}

void tracker_set_limits(struct tracker *t, const struct tracker_limits *limits)
{
	t->limits = *limits;
	t->events.max = limits->events_max;
}

int tracker_begin_pass(struct tracker *t, bool counters)
{
	int r;

	if (t->pass.phase != PASS_NONE)
		return -EBUSY;
	t->boottime_usec = tracker_boottime_usec();
	r = gone_open(t, namespaces_at(&t->namespaces, 0));
	if (r < 0)
		return r;
	return pass_begin(t, counters, host_now_usec());
}

int tracker_begin_scan(struct tracker *t)
{
	int r;

	t->scan.wanted = true;
	if (t->scan.phase != SCAN_NONE)
		return 0;
	r = scan_begin(t, host_now_usec());
	return r == -EBUSY ? 0 : r;
}

/*
 * What the kernel told of is taken in before more of a pass is read, so that it
 * is not met again as new; but not for ever.
 */
static int step_pass(struct tracker *t, uint64_t now, bool backlog)
{
	uint64_t begin, taken;
	bool is_tcp;
	int r;

	if (backlog && ++t->n_backlog_steps < BACKLOG_STEPS_MAX)
		return 1;
	t->n_backlog_steps = 0;
	begin = clock_usec(CLOCK_THREAD_CPUTIME_ID);
	is_tcp = pass_reads_tcp(&t->pass);
	r = pass_step(t, now);
	/* The kernel fills the first buffer while it takes the request. */
	is_tcp |= pass_reads_tcp(&t->pass);
	taken = clock_usec(CLOCK_THREAD_CPUTIME_ID) - begin;
	t->pass.cpu_usec += taken;
	t->pass.tcp_cpu_usec += is_tcp ? taken : 0;
	if (t->pass.phase == PASS_NONE) {
		t->status.cpu_usec = t->pass.cpu_usec;
		t->status.tcp_cpu_usec = t->pass.tcp_cpu_usec;
	}
	return r;
}

int tracker_step(struct tracker *t)
{
	uint64_t now = host_now_usec();
	int heard, closings, scanned, passed = 0;
	bool flushed;

	t->boottime_usec = tracker_boottime_usec();
	t->step_usec = now;
	heard = heard_receive(t);
	if (heard < 0)
		return heard;
	closings = heard > 0 ? 1 : gone_receive(t);
	if (closings < 0)
		return closings;
	if (t->pass.phase != PASS_NONE) {
		passed = step_pass(t, now, closings > 0);
		if (passed < 0 && passed != -EAGAIN)
			return passed;
	}
	scanned = scan_step(t, now);
	if (scanned < 0)
		return scanned;
	scan_maybe_begin(t, now);
	/* Behind what was read: a device is known before a socket that is bound to it is told. */
	if (t->events.wanted)
		namespaces_receive_links(t);
	/* What is still to be taken in may be what they wait for. */
	if (heard == 0 && closings == 0)
		heard_flush(t, now);
	flushed = events_flush(&t->events, now);
	if (closings > 0 || passed > 0 || scanned > 0 || flushed)
		return TRACKER_MORE;
	if (passed == -EAGAIN || t->scan.phase != SCAN_NONE || t->scan.wanted || events_deadline(&t->events) != UINT64_MAX ||
	    heard_deadline(t) != UINT64_MAX)
		return TRACKER_WAIT;
	return TRACKER_IDLE;
}

int tracker_fd(const struct tracker *t)
{
	return t->epoll_fd;
}

uint64_t tracker_timeout_usec(const struct tracker *t)
{
	uint64_t now = host_now_usec(), due = events_deadline(&t->events);

	if (heard_deadline(t) < due)
		due = heard_deadline(t);
	if (t->pass.phase == PASS_DUMP && t->pass.dump.deadline_usec < due)
		due = t->pass.dump.deadline_usec;
	if (t->scan.phase == SCAN_READ && t->scan.deadline_usec < due)
		due = t->scan.deadline_usec;
	/* One that is held up by a reading is tried again a little later. */
	if (t->scan.phase == SCAN_NONE && t->scan.wanted) {
		uint64_t next = t->scan.next_usec > now ? t->scan.next_usec : now + TRACK_TICK_USEC;

		if (next < due)
			due = next;
	}
	if (due == UINT64_MAX)
		return UINT64_MAX;
	return due > now ? due - now : 0;
}

const struct tracker_status *tracker_status(const struct tracker *t)
{
	struct tracker_status *s = (struct tracker_status *)&t->status;

	s->n_sockets = track_table_count(t->table);
	s->table_memory = track_table_memory(t->table);
	s->holders_memory = holders_memory(t->holders);
	s->n_events_lost = t->events.n_lost;
	s->n_netns = t->namespaces.n;
	s->n_netns_hidden = t->namespaces.n_hidden;
	s->netns_error = t->namespaces.error;
	return s;
}

void tracker_want_events(struct tracker *t, bool want)
{
	unsigned int slot = 0;
	struct track_netns *ns;

	while (!want && (ns = namespaces_next(&t->namespaces, &slot)))
		dropped_unhear(&ns->dropped);
	namespaces_want_links(t, want);
	if (!want)
		arena_deinit(&t->namespaces.news);
	events_want(&t->events, want);
	heard_want(t, want);
}

struct arena *tracker_events(struct tracker *t)
{
	return &t->events.out;
}

void tracker_wait(struct tracker *t, struct tracker_waiter *w)
{
	w->next = t->waiters;
	t->waiters = w;
}

void tracker_unwait(struct tracker *t, struct tracker_waiter *w)
{
	if (t->next_waiter == w)
		t->next_waiter = w->next;
	for (struct tracker_waiter **p = &t->waiters; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			return;
		}
	}
}

const struct track_table *tracker_table(const struct tracker *t)
{
	return t->table;
}

struct holders *tracker_holders(struct tracker *t)
{
	return t->holders;
}

static uint64_t age_usec(uint64_t now, uint32_t ticks)
{
	uint64_t since = (uint64_t)ticks * TRACK_TICK_USEC;

	return now > since ? now - since : 0;
}

static uint32_t thousandths(uint16_t packed)
{
	double v = track_rate_unpack(packed) * 1000;

	return v < UINT32_MAX ? (uint32_t)(v + 0.5) : UINT32_MAX;
}

void tracker_fill(const struct tracker *t, const struct track_entry *e, struct socketd_track *ret)
{
	uint64_t now = tracker_boottime_usec();

	(void)t;
	*ret = (struct socketd_track){
		.age = age_usec(now, e->first_seen),
		.state_age = age_usec(now, e->state_since),
		.flags = SOCKETD_TRACK_KNOWN,
	};
	if (e->flags & TRACK_AGE_AT_LEAST)
		ret->flags |= SOCKETD_TRACK_AGE_AT_LEAST;
	if (e->flags & TRACK_STATE_AGE_AT_LEAST)
		ret->flags |= SOCKETD_TRACK_STATE_AGE_AT_LEAST;
	if (!(e->flags & TRACK_RATES))
		return;
	ret->flags |= SOCKETD_TRACK_RATES;
	ret->tx_rate = (uint64_t)(track_rate_unpack(e->tcp.tx) + 0.5);
	ret->rx_rate = (uint64_t)(track_rate_unpack(e->tcp.rx) + 0.5);
	ret->tx_segs_rate = thousandths(e->tcp.tx_segs);
	ret->rx_segs_rate = thousandths(e->tcp.rx_segs);
	ret->retrans_rate = thousandths(e->tcp.retrans_rate);
}
