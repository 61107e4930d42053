/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an answer's blocks come from */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bus/feed.h"
#include "bus/owner_memory.h"
#include "bus/readings.h"
#include "bus/socket_units.h"
#include "query/ask.h"
#include "source/acquire.h"
#include "source/host.h"
#include "source/names.h"
#include "source/netns.h"
#include "track/annotate.h"
#include "track/narrow.h"

/* Copied from a kept reading in one step. */
#define COPY_STEP (128u * 1024)

/*
 * Calls go first: all that wakes feeds has a lower priority. So that a flood of
 * calls does not stop them for ever, a timer that has the same priority as the
 * calls wakes them too, this much later.
 */
#define PATIENCE_USEC 100000u

/* Three things wake a feed: the kernel or the owner scan speaks (input), they do not (timer), or it is its turn. */
struct feed {
	struct manager *manager;
	struct feed_ask ask;
	struct arena *out;
	void (*wake)(void *ctx);
	void *ctx;
	sd_event_source *input, *timer, *turn;

	struct acquire *acquire; /* NULL when it is complete */
	struct acquire_owners owners;
	struct annotate *annotate; /* NULL: acquire writes to out itself */
	struct arena between;

	struct reading *reading; /* or it comes from here */
	struct reading_waiter waiter;
	struct reading_walk *walk;
	bool reading_ended, acquire_waits;
	int reading_error;
};

struct feed *feed_free(struct feed *f)
{
	if (!f)
		return NULL;
	sd_event_source_disable_unref(f->input);
	sd_event_source_disable_unref(f->timer);
	sd_event_source_disable_unref(f->turn);
	acquire_free(f->acquire);
	annotate_free(f->annotate);
	arena_deinit(&f->between);
	reading_walk_free(f->walk);
	if (f->reading)
		reading_put(f->reading, &f->waiter);
	free(f);
	return NULL;
}

int feed_groups(const struct query *q, const enum field_id *fields, size_t n_fields, uint32_t *ret)
{
	static const struct plan_names names = { 0 };
	struct request req;
	int r;

	r = ask_request(q, fields, n_fields, 0, &names, &req);
	if (r < 0)
		return r;
	*ret = req.groups;
	request_deinit(&req);
	return 0;
}

/* From within others' work: the step itself comes from the loop. */
static void on_ready(void *ctx)
{
	struct feed *f = ctx;

	sd_event_source_set_enabled(f->turn, SD_EVENT_ONESHOT);
}

static int add_annotate(struct feed *f, struct tracker *t, struct request *req, bool narrowed)
{
	bool tracks = req->groups & GROUP_BIT(GROUP_track), owners = false;
	int r;

	/* What is remembered of owners is what root may see. */
	if (narrowed && req->uid == 0 && (req->groups & GROUP_BIT(GROUP_owner))) {
		req->groups &= ~GROUP_BIT(GROUP_owner);
		owners = true;
	}
	if (!tracks && !owners)
		return 0;
	r = annotate_new(&f->annotate, t, tracks, owners);
	if (r >= 0)
		annotate_on_ready(f->annotate, on_ready, f);
	return r;
}

/* Namespaces that the query can find rows in. */
static int choose_netns(const struct feed *f, struct netns_list *known, struct request *req)
{
	if (!(req->groups & GROUP_BIT(GROUP_peer)))
		return query_plan_netns(f->ask.query, known, &req->netns);
	/* The other end may be in any. */
	req->netns = *known;
	*known = (struct netns_list){};
	return 0;
}

static int plan(const struct feed *f, struct netns_list *known, struct request *req)
{
	struct plan_names names = { .cgroup = names_cgroup };
	int r = 0;

	request_init(req, f->ask.groups | query_groups(f->ask.query));
	req->uid = f->ask.caller.sees;
	if (known->n > 0)
		r = choose_netns(f, known, req);
	if (r < 0)
		return r;
	/* Elsewhere the same name is another device's. */
	if (req->netns.n == 0 || (req->netns.n == 1 && req->netns.rows[0].own))
		names.ifindex = names_ifindex;
	return query_plan(f->ask.query, &names, req);
}

/*
 * Only root sees other namespaces than ours; with NamespacesMax=0 nobody does, and then nothing is hidden. A daemon
 * that an ordinary user started for himself is that user: what he may not see is no part that is missing.
 */
static bool sees_others(const struct feed *f)
{
	if (f->manager->stdio && geteuid() != 0)
		return false;
	return f->ask.caller.sees == 0 && f->manager->config.namespaces_max > 0;
}

/*
 * What is remembered serves a point query, and then nobody looks for namespaces, which takes its time among many
 * processes. 1 when it does; not before all namespaces were read once, nor where some cannot be.
 */
static int plan_by_table(const struct feed *f, struct tracker *t, struct request *req)
{
	CLEANUP(netns_list_deinit) struct netns_list known = {};
	struct tracker_netns ns;
	unsigned int cursor = 0;
	int r = 0;

	if (sees_others(f) && tracker_status(t)->n_netns_hidden > 0)
		return 0;
	while (sees_others(f) && r >= 0 && tracker_netns_next(t, &cursor, &ns))
		r = netns_list_add(&known, ns.id);
	if (r < 0)
		return r;
	r = plan(f, &known, req);
	if (r >= 0)
		r = narrow_request(t, f->ask.query, f->ask.table_age_usec, req);
	/* Not narrowed: it is planned anew. */
	if (r <= 0) {
		request_deinit(req);
		*req = (struct request){};
	}
	return r;
}

/* Where /proc does not tell of namespaces ours is all. t may be NULL. 1 where the table serves. */
static int plan_by_kernel(const struct feed *f, struct tracker *t, struct request *req)
{
	CLEANUP(netns_list_deinit) struct netns_list known = {};
	int r = 0;

	if (sees_others(f))
		r = netns_discover(&known, f->manager->config.namespaces_max);
	if (r >= 0 || r == -ENOENT)
		r = plan(f, &known, req);
	return r < 0 || !t ? r : narrow_request(t, f->ask.query, f->ask.table_age_usec, req);
}

static int start_acquire(struct feed *f)
{
	struct tracker *t = manager_tracker(f->manager);
	const struct acquire_owners *owners = NULL;
	struct request req = {};
	int r = t ? plan_by_table(f, t, &req) : 0;

	if (r == 0)
		r = plan_by_kernel(f, t, &req);
	if (r >= 0 && t) {
		r = add_annotate(f, t, &req, r == 1);
		if (req.uid == 0) {
			owner_memory_init(&f->owners, t);
			owners = &f->owners;
		}
	}
	if (r >= 0)
		r = acquire_new(&f->acquire, &req, f->annotate ? &f->between : f->out, owners);
	/* Behind the head of the stream, which acquire_new() has written. */
	if (r >= 0 && req.groups & GROUP_BIT(GROUP_unit))
		r = socket_units_write(f->manager, f->annotate ? &f->between : f->out);
	request_deinit(&req);
	if (r >= 0)
		acquire_limit_held(f->acquire, LIMIT_STREAM_HELD);
	return r;
}

static void on_reading(struct reading_waiter *w, struct reading *reading, int error)
{
	struct feed *f = (struct feed *)((char *)w - offsetof(struct feed, waiter));

	(void)reading;
	f->reading_ended = true;
	f->reading_error = error;
	if (error)
		f->reading = NULL;
	on_ready(f);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct feed *f = userdata;

	(void)source, (void)fd, (void)revents;
	f->wake(f->ctx);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct feed *f = userdata;

	(void)source, (void)usec;
	f->wake(f->ctx);
	return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct feed *f = userdata;

	(void)source;
	f->wake(f->ctx);
	return 0;
}

static int add_event_sources(struct feed *f)
{
	int r;

	r = sd_event_add_defer(f->manager->event, &f->turn, on_turn, f);
	if (r >= 0)
		r = sd_event_source_set_enabled(f->turn, SD_EVENT_ONESHOT);
	if (r >= 0)
		r = sd_event_source_set_priority(f->turn, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_add_time_relative(f->manager->event, &f->timer, CLOCK_MONOTONIC, 0, 0, on_timer, f);
	return r < 0 ? r : sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
}

int feed_new(struct feed **ret, struct manager *m, const struct feed_ask *ask, struct arena *out, void (*wake)(void *ctx),
	     void *ctx)
{
	CLEANUP(feed_free) struct feed *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	*f = (struct feed){ .manager = m, .ask = *ask, .out = out, .wake = wake, .ctx = ctx };
	arena_init(&f->between);
	r = add_event_sources(f);
	if (r < 0)
		return r;
	if (ask->text) {
		struct reading_ask kept = {
			.filter = ask->text,
			.query = ask->query,
			.groups = ask->groups,
			.caller = ask->caller,
			.max_age_usec = ask->max_age_usec,
			.table_age_usec = ask->table_age_usec,
		};

		f->waiter.done = on_reading;
		r = readings_get(m->readings, &kept, &f->waiter, &f->reading);
	} else {
		r = start_acquire(f);
	}
	if (r < 0)
		return r;
	*ret = STEAL_PTR(f);
	return 0;
}

/* Blocks of the reading, whole ones, until a step's worth is copied. */
static int copy_step(struct feed *f)
{
	const uint8_t *run;
	size_t len;
	uint8_t *to;
	int r;

	if (!f->walk) {
		r = reading_walk_new(&f->walk, f->reading);
		if (r < 0)
			return r;
	}
	len = reading_walk_run(f->walk, COPY_STEP, &run);
	if (len == 0)
		return FEED_DONE;
	to = arena_reserve(f->out, len);
	if (!to)
		return -ENOMEM;
	memcpy(to, run, len);
	arena_commit(f->out, len);
	return FEED_MORE;
}

static int reading_step(struct feed *f)
{
	int r;

	if (!f->reading_ended)
		return FEED_WAIT;
	if (!f->reading_error)
		return f->ask.joined ? FEED_DONE : copy_step(f);
	if (f->reading_error != -E2BIG || f->ask.joined)
		return f->reading_error;
	/* Too much to be kept: then it is read for this caller alone, and never held as a whole. */
	r = start_acquire(f);
	if (r < 0)
		return r;
	f->reading_ended = false;
	return FEED_MORE;
}

static int acquire_work(struct feed *f)
{
	int r;

	if (!f->acquire)
		return FEED_DONE;
	r = acquire_step(f->acquire);
	if (r == ACQUIRE_DONE) {
		/* Before its descriptor is closed. */
		f->input = sd_event_source_disable_unref(f->input);
		f->acquire = acquire_free(f->acquire);
		return f->annotate ? FEED_MORE : FEED_DONE;
	}
	f->acquire_waits = r == ACQUIRE_WAIT;
	return r == ACQUIRE_MORE ? FEED_MORE : r == ACQUIRE_WAIT ? FEED_WAIT : r;
}

struct reading *feed_reading(struct feed *f)
{
	return f->reading;
}

int feed_step(struct feed *f)
{
	int r;

	if (f->ask.text && !f->acquire && (f->reading || f->reading_ended))
		return reading_step(f);
	f->acquire_waits = false;
	if (!f->annotate)
		return acquire_work(f);
	r = annotate_step(f->annotate, &f->between, f->out);
	if (r == 1)
		return FEED_MORE;
	if (r == 0)
		return acquire_work(f);
	if (r != -EAGAIN)
		return r;
	/* It waits for a scan; the kernel's answer can be taken in meanwhile, within bounds. */
	if (!f->acquire || arena_pending(&f->between) > LIMIT_STREAM_HELD)
		return FEED_WAIT;
	r = acquire_work(f);
	return r == FEED_DONE ? FEED_WAIT : r;
}

/* The descriptor changes from the netlink socket to the owner scan's pipe and back. */
static int watch_input(struct feed *f)
{
	int fd = acquire_fd(f->acquire), r;

	if (!f->input) {
		r = sd_event_add_io(f->manager->event, &f->input, fd, EPOLLIN, on_input, f);
		return r < 0 ? r : sd_event_source_set_priority(f->input, SD_EVENT_PRIORITY_IDLE);
	}
	r = sd_event_source_set_enabled(f->input, SD_EVENT_OFF);
	if (r >= 0 && sd_event_source_get_io_fd(f->input) != fd)
		r = sd_event_source_set_io_fd(f->input, fd);
	return r < 0 ? r : sd_event_source_set_enabled(f->input, SD_EVENT_ON);
}

static int arm_timer(struct feed *f, uint64_t usec)
{
	int r;

	r = sd_event_source_set_time_relative(f->timer, usec);
	return r < 0 ? r : sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

int feed_arm(struct feed *f, enum feed_wait wait)
{
	uint64_t patience = PATIENCE_USEC, due;
	int r = 0;

	if (wait == FEED_INPUT && f->acquire && f->acquire_waits) {
		r = watch_input(f);
		due = acquire_timeout_usec(f->acquire);
		patience = due < patience ? due : patience;
	} else if (f->input) {
		r = sd_event_source_set_enabled(f->input, SD_EVENT_OFF);
	}
	/* Of what it waits for else it is told by on_ready(), which may have come already. */
	if (r >= 0 && wait == FEED_TURN)
		r = sd_event_source_set_enabled(f->turn, SD_EVENT_ONESHOT);
	return r < 0 ? r : arm_timer(f, patience);
}

uint64_t feed_clock_usec(void)
{
	return host_now_usec();
}
