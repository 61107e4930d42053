/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitors: callers who are told of events over a stream; long, for what was there and what happens go through one queue */

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "bus/event.h"
#include "bus/eyes.h"
#include "bus/hub.h"
#include "bus/monitor.h"
#include "bus/queue.h"
#include "bus/readings.h"
#include "bus/socket_units.h"
#include "query/dedupe.h"
#include "query/json.h"

/* Bytes of what was there at the beginning that wait for the reader. */
#define INITIAL_PENDING_MAX (64u * 1024)
/* Rows of it that are made before the event loop has its turn. */
#define INITIAL_STEP 128
/* The kernel's part of the queue; part of what a monitor may cost. */
#define SOCKET_BUFFER (256 * 1024)
/* So much of the queue is sent without waiting for the end of a batch of events: a quarter. */
#define SEND_EARLY_SHARE 4

/* What was there when the monitor began, on its way. */
struct initial {
	struct reading *reading;
	struct reading_waiter waiter;
	struct reading_walk *walk; /* NULL until the reading is complete */
	struct dedupe dedupe;
	struct monitor *monitor;
};

struct monitor {
	struct hub_listener listener; /* first: listeners are found by it */
	struct manager *manager;
	struct filter filter;
	enum field_id *fields;
	size_t n_fields;
	enum stream_format format;
	struct caller caller;
	int fd;
	sd_event_source *output, *turn, *stall_timer;
	bool stalled; /* the timer runs */
	bool progress; /* something was sent since the last pump */

	struct queue out;  /* next to be sent */
	struct queue live; /* events that wait behind what was there at the beginning */
	uint64_t n_lost;   /* events that found no room */
	struct initial *initial;

	struct eyes eyes;  /* the caller's */
	struct arena scratch;
	struct record record;
};

static void initial_free(struct initial *i)
{
	if (!i)
		return;
	reading_walk_free(i->walk);
	if (i->reading)
		reading_put(i->reading, &i->waiter);
	free(i);
}

static struct monitor *monitor_free(struct monitor *m)
{
	if (!m)
		return NULL;
	initial_free(m->initial);
	sd_event_source_disable_unref(m->output);
	sd_event_source_disable_unref(m->turn);
	sd_event_source_disable_unref(m->stall_timer);
	filter_deinit(&m->filter);
	queue_deinit(&m->out);
	queue_deinit(&m->live);
	eyes_deinit(&m->eyes);
	arena_deinit(&m->scratch);
	free(m->fields);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
	return NULL;
}
DEFINE_CLEANUP_PTR(struct monitor, monitor_free)

static void monitor_close(struct monitor *m)
{
	struct manager *manager = m->manager;

	hub_remove(manager->hub, &m->listener);
	monitor_free(m);
	manager_maybe_exit(manager);
}

static void on_ended(struct hub_listener *l)
{
	monitor_free((struct monitor *)l);
}

static uint64_t now_realtime_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static size_t pending(const struct monitor *m)
{
	return queue_pending(&m->out) + queue_pending(&m->live);
}

static int append_json(struct monitor *m, struct queue *q, const struct event_info *e, struct record *r)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *socket = NULL;
	size_t before = queue_pending(q), len;
	const char *text;
	int err = 0;

	if (r)
		err = json_record(r, m->fields, m->n_fields, &socket);
	if (err == 0)
		err = json_event(e, socket, &o);
	if (err < 0)
		return err;
	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (!text)
		return -ENOMEM;
	if (m->format == STREAM_JSON_SEQ)
		err = queue_append(q, "\x1e", 1);
	if (err == 0)
		err = queue_append(q, text, len);
	if (err == 0)
		err = queue_append(q, "\n", 1);
	if (err < 0)
		q->end = q->start + before;
	return err;
}

static int append(struct monitor *m, struct queue *q, const struct event_info *e, struct record *r)
{
	int err;

	if (m->format != STREAM_PACKED)
		return append_json(m, q, e, r);
	err = event_write(&m->scratch, e, r, m->caller.sees);
	return err < 0 ? err : queue_append_arena(q, &m->scratch);
}

static struct queue *live_queue(struct monitor *m)
{
	return m->initial ? &m->live : &m->out;
}

/* Where events were left out and there is room again, that is said before the next one. */
static void say_lost(struct monitor *m)
{
	const struct event_info e = { .kind = SOCKETD_EVENT_OVERFLOW, .realtime_usec = now_realtime_usec(), .n_lost = m->n_lost };

	if (m->n_lost && pending(m) <= m->manager->config.monitor_queue_max / 2 && append(m, live_queue(m), &e, NULL) == 0)
		m->n_lost = 0;
}

static int send_pending(struct monitor *m, bool *ret_progress)
{
	while (queue_pending(&m->out)) {
		ssize_t n = send(m->fd, m->out.data + m->out.start, queue_pending(&m->out), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		*ret_progress = true;
		queue_consume(&m->out, (size_t)n);
	}
	return 0;
}

static void append_live(struct monitor *m, const struct event_info *e, struct record *r)
{
	/* A pass can bring more at once than the queue holds: what the reader can take now need not wait in it. */
	if (queue_pending(&m->out) >= m->manager->config.monitor_queue_max / SEND_EARLY_SHARE)
		send_pending(m, &m->progress);
	say_lost(m);
	if (m->n_lost || pending(m) >= m->manager->config.monitor_queue_max || append(m, live_queue(m), e, r) < 0)
		m->n_lost++;
}

static void on_event(struct hub_listener *l, const struct event_info *e, struct record *r)
{
	struct monitor *m = (struct monitor *)l;

	if (!r) {
		m->n_lost += e->n_lost;
		say_lost(m);
		return;
	}
	if (!eyes_may(&m->eyes, r))
		return;
	r = eyes_see(&m->eyes, e, r);
	if (!r)
		m->n_lost++;
	else if (eyes_want(&m->eyes, m->filter.query, e, r))
		append_live(m, e, r);
}

/* What finds no room is shown as a number. */
static void on_news(struct hub_listener *l, const struct hub_news *news)
{
	struct monitor *m = (struct monitor *)l;
	const void *blocks = m->caller.sees == 0 ? news->all : news->own;
	size_t len = m->caller.sees == 0 ? news->all_len : news->own_len;

	if (len == 0)
		return;
	eyes_learn_more(&m->eyes, blocks, len);
	if (m->format == STREAM_PACKED && pending(m) < m->manager->config.monitor_queue_max)
		queue_append(live_queue(m), blocks, len);
}

/* What was there. */

static int append_present(struct monitor *m)
{
	struct initial *i = m->initial;
	const struct context *c = reading_walk_context(i->walk);
	struct event_info e = { .kind = SOCKETD_EVENT_PRESENT, .realtime_usec = context_host(c)->realtime_usec };
	struct message message;
	int r;

	for (unsigned n = 0; n < INITIAL_STEP && queue_pending(&m->out) < INITIAL_PENDING_MAX; n++) {
		r = reading_walk_next(i->walk, &message);
		if (r <= 0)
			return r;
		if (record_open(&m->record, &message, c) < 0 || !query_match(m->filter.query, &m->record) ||
		    dedupe_is_twin(&i->dedupe, &m->record))
			continue;
		r = append(m, &m->out, &e, &m->record);
		if (r < 0)
			return r;
	}
	return 1;
}

/* A piece of what was there, or its end; what has happened since comes behind. 0 or a negative errno. */
static int step_initial(struct monitor *m)
{
	struct event_info e = { .kind = SOCKETD_EVENT_SYNCED, .realtime_usec = now_realtime_usec() };
	int r;

	if (!m->initial || !m->initial->walk)
		return 0;
	r = append_present(m);
	if (r != 0)
		return r < 0 ? r : 0;
	r = append(m, &m->out, &e, NULL);
	if (r == 0)
		r = queue_append(&m->out, m->live.data + m->live.start, queue_pending(&m->live));
	if (r < 0)
		return r;
	queue_deinit(&m->live);
	initial_free(m->initial);
	m->initial = NULL;
	return 0;
}

/* The clock of a reader who takes nothing though there is too much for him. */
static int watch_stall(struct monitor *m, bool progress)
{
	bool full = queue_pending(&m->out) && (m->n_lost || m->initial);
	int r = 0;

	if (m->stalled && (progress || !full)) {
		m->stalled = false;
		r = sd_event_source_set_enabled(m->stall_timer, SD_EVENT_OFF);
	}
	if (r >= 0 && full && !m->stalled) {
		m->stalled = true;
		r = sd_event_source_set_time_relative(m->stall_timer, m->manager->config.stream_stall_usec);
		if (r >= 0)
			r = sd_event_source_set_enabled(m->stall_timer, SD_EVENT_ONESHOT);
	}
	return r;
}

static int pump(struct monitor *m)
{
	bool progress = m->progress, full;
	int r;

	m->progress = false;
	r = step_initial(m);
	if (r < 0)
		return r;
	r = send_pending(m, &progress);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (m->n_lost) {
		say_lost(m);
		r = send_pending(m, &progress);
		if (r < 0 && r != -EAGAIN)
			return r;
	}
	full = r == -EAGAIN;
	r = watch_stall(m, progress);
	/* EPOLLHUP and EPOLLERR come anyhow: a reader that hangs up is noticed at once. */
	if (r >= 0)
		r = sd_event_source_set_io_events(m->output, full ? EPOLLOUT : 0);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(m->turn, !full && m->initial && m->initial->walk ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void drive(struct monitor *m)
{
	if (pump(m) < 0)
		monitor_close(m);
}

static void on_flush(struct hub_listener *l)
{
	drive((struct monitor *)l);
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd;
	if (revents & (EPOLLHUP | EPOLLERR))
		monitor_close(userdata);
	else
		drive(userdata);
	return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
	(void)source;
	drive(userdata);
	return 0;
}

static int on_stall_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	monitor_close(userdata);
	return 0;
}

/* Before the first pass the preamble has our namespace alone, and the reading has rows of all. */
static int append_places(struct monitor *m, const struct reading *reading)
{
	int r = m->format == STREAM_PACKED ? reading_write_places(reading, &m->scratch) : 0;

	return r < 0 ? r : queue_append_arena(&m->out, &m->scratch);
}

static void on_reading(struct reading_waiter *w, struct reading *reading, int error)
{
	struct initial *i = (struct initial *)((char *)w - offsetof(struct initial, waiter));
	struct monitor *m = i->monitor;

	if (error < 0)
		i->reading = NULL; /* it is let go of already */
	/* Without SYNCED the reader knows that he was not told all: the stream just ends. */
	if (error < 0 || append_places(m, reading) < 0 || reading_walk_new(&i->walk, reading) < 0 ||
	    sd_event_source_set_enabled(m->turn, SD_EVENT_ONESHOT) < 0)
		monitor_close(m);
}

static uint32_t groups_of(const struct monitor *m)
{
	uint32_t groups = GROUP_BIT(GROUP_base) | query_groups(m->filter.query);

	if (!m->fields)
		return GROUPS_DETAIL | groups;
	for (size_t i = 0; i < m->n_fields; i++)
		groups |= decode_groups(m->fields[i]);
	return groups;
}

static int begin_initial(struct monitor *m)
{
	struct initial *i = calloc(1, sizeof(*i));
	const struct reading_ask ask = {
		.filter = m->filter.text,
		.query = m->filter.query,
		.groups = groups_of(m),
		.caller = m->caller,
	};

	if (!i)
		return -ENOMEM;
	i->monitor = m;
	i->waiter.done = on_reading;
	dedupe_init(&i->dedupe);
	m->initial = i;
	return readings_get(m->manager->readings, &ask, &i->waiter, &i->reading);
}

static int add_event_sources(struct monitor *m)
{
	sd_event *event = m->manager->event;
	int r;

	r = sd_event_add_io(event, &m->output, m->fd, 0, on_output, m);
	if (r >= 0)
		r = sd_event_add_defer(event, &m->turn, on_turn, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->turn, SD_EVENT_OFF);
	/* Calls of other clients go first. */
	if (r >= 0)
		r = sd_event_source_set_priority(m->turn, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &m->stall_timer, CLOCK_MONOTONIC, 0, 0, on_stall_timer, m);
	return r < 0 ? r : sd_event_source_set_enabled(m->stall_timer, SD_EVENT_OFF);
}

/* A packed stream begins with what its events refer to; so do the eyes of one who sees less. */
static int begin_context(struct monitor *m)
{
	int r;

	if (m->format != STREAM_PACKED && m->caller.sees == 0)
		return 0;
	r = hub_preamble(manager_tracker(m->manager), m->caller.sees, &m->scratch);
	if (r >= 0)
		r = socket_units_write(m->manager, &m->scratch);
	if (r >= 0)
		r = queue_append_arena(&m->out, &m->scratch);
	if (r >= 0)
		r = eyes_learn(&m->eyes, m->out.data, queue_pending(&m->out));
	if (m->format != STREAM_PACKED)
		queue_consume(&m->out, queue_pending(&m->out));
	return r;
}

static int open_socket(struct monitor *m, int *ret_theirs)
{
	int pair[2], size = SOCKET_BUFFER;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	m->fd = pair[0];
	*ret_theirs = pair[1];
	setsockopt(m->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* a hint; the kernel's own default works too */
	shutdown(pair[1], SHUT_WR); /* the reader has nothing to say to us */
	return 0;
}

static unsigned count(const struct manager *m, bool all, uint32_t uid)
{
	unsigned n = 0;

	for (struct hub_listener *l = hub_listeners(m->hub); l; l = l->next)
		n += l->event == on_event && (all || ((struct monitor *)l)->caller.uid == uid);
	return n;
}

unsigned monitors_count(const struct manager *m)
{
	return count(m, true, 0);
}

unsigned monitors_count_user(const struct manager *m, uint32_t uid)
{
	return count(m, false, uid);
}

int monitor_open(struct manager *manager, struct monitor_request *req, int *ret_fd)
{
	CLEANUP(monitor_free) struct monitor *m = calloc(1, sizeof(*m));
	CLEANUP(close) int theirs = -1;
	int r;

	if (!m)
		return -ENOMEM;
	m->listener = (struct hub_listener){ .event = on_event, .news = on_news, .flush = on_flush, .ended = on_ended };
	m->manager = manager;
	m->filter = req->filter;
	req->filter = (struct filter){ 0 };
	m->fields = STEAL_PTR(req->fields);
	m->n_fields = req->n_fields;
	m->format = req->format;
	m->caller = req->caller;
	m->fd = -1;
	arena_init(&m->scratch);
	eyes_init(&m->eyes, req->caller.sees);
	r = manager_start_tracking(manager);
	if (r >= 0)
		r = open_socket(m, &theirs);
	if (r >= 0)
		r = begin_context(m);
	if (r >= 0)
		r = add_event_sources(m);
	if (r < 0)
		return r;
	hub_add(manager->hub, &m->listener);
	/* Of units that listen, for those who are handed the hub's own records. */
	if (socket_units_write(manager, &m->scratch) >= 0)
		hub_take(manager->hub, &m->scratch);
	/* First to listen, then to look: what happens in between is told twice rather than never. */
	if (req->initial)
		r = begin_initial(m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->turn, SD_EVENT_ONESHOT);
	if (r < 0) {
		hub_remove(manager->hub, &m->listener);
		return r;
	}
	STEAL_PTR(m);
	*ret_fd = steal_fd(&theirs);
	return 0;
}
