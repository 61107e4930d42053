/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readings that are kept for a moment */

#include <errno.h>
#include <string.h>

#include "bus/feed.h"
#include "bus/reading.h"
#include "bus/survey.h"
#include "query/pairs.h"

/* Readings under way at one time: each has a netlink socket, and maybe a child. Others wait for their turn. */
#define READINGS_RUNNING_MAX 8u

/* Bytes that gather before they are laid down in one piece. */
#define PIECE_MIN (512u * 1024)

/* Users whose rate is remembered; the one who was longest quiet makes room. */
#define RATES_MAX 64u

struct rate {
	uint32_t uid;
	uint64_t last_usec;
	double tokens;
};

struct readings {
	struct manager *manager;
	struct reading *first; /* oldest last */
	unsigned n_running;
	struct survey *surveys;
	sd_event_source *teller; /* tells waiters */
	struct rate rates[RATES_MAX];
};

static int on_tell(sd_event_source *source, void *userdata);

int readings_new(struct readings **ret, struct manager *m)
{
	CLEANUP(readings_free) struct readings *rs = calloc(1, sizeof(*rs));
	int r;

	if (!rs)
		return -ENOMEM;
	rs->manager = m;
	r = sd_event_add_defer(m->event, &rs->teller, on_tell, rs);
	if (r >= 0)
		r = sd_event_source_set_enabled(rs->teller, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(rs);
	return 0;
}

struct survey **readings_surveys(struct readings *rs)
{
	return &rs->surveys;
}

static uint64_t now_usec(const struct readings *rs)
{
	uint64_t now = 0;

	sd_event_now(rs->manager->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void reading_stop(struct reading *r)
{
	if (r->state == READING_RUNNING)
		r->owner->n_running--;
	r->feed = feed_free(r->feed);
	r->joiner = reading_walk_free(r->joiner);
	arena_deinit(&r->arena);
}

static void reading_free(struct reading *r)
{
	for (struct reading **p = &r->owner->first; *p; p = &(*p)->next) {
		if (*p == r) {
			*p = r->next;
			break;
		}
	}
	reading_stop(r);
	sd_event_source_disable_unref(r->keeper);
	for (size_t i = 0; i < r->n_pieces; i++)
		free(r->pieces[i].data);
	free(r->pieces);
	pairs_free(r->pairs);
	context_free(r->context);
	query_free(r->query);
	free(r->filter);
	free(r);
}

struct readings *readings_free(struct readings *rs)
{
	if (!rs)
		return NULL;
	while (rs->surveys)
		survey_free(rs->surveys);
	while (rs->first)
		reading_free(rs->first);
	sd_event_source_disable_unref(rs->teller);
	free(rs);
	return NULL;
}

static size_t reading_memory(const struct reading *r)
{
	return r->size + arena_pending(&r->arena) + pairs_memory(r->pairs);
}

size_t readings_memory(const struct readings *rs)
{
	size_t sum = 0;

	for (const struct reading *r = rs->first; r; r = r->next)
		sum += reading_memory(r);
	return sum;
}

/* Root has the whole; the others together three quarters, each of them one. */
static bool is_over(const struct readings *rs, uint32_t uid)
{
	uint64_t all = 0, others = 0, mine = 0, max = rs->manager->config.reading_memory_max;

	for (const struct reading *r = rs->first; r; r = r->next) {
		all += reading_memory(r);
		others += r->caller.uid ? reading_memory(r) : 0;
		mine += r->caller.uid == uid ? reading_memory(r) : 0;
	}
	return all > max || (uid && (others > max - max / 4 || mine > max / 4));
}

/* Room for a reading that grows: those that nobody holds go first. */
static int make_room(struct readings *rs, uint32_t uid)
{
	while (is_over(rs, uid)) {
		struct reading *oldest = NULL;

		for (struct reading *r = rs->first; r; r = r->next)
			if (r->state == READING_DONE && r->n_refs == 0)
				oldest = r;
		if (!oldest)
			return -E2BIG;
		reading_free(oldest);
	}
	return 0;
}

/* Lays down what has gathered, and takes in what it tells beside the messages. */
static int lay_down(struct reading *r, size_t min)
{
	while (arena_pending(&r->arena) >= min) {
		const uint8_t *data;
		size_t len = arena_peek(&r->arena, &data);
		int e;

		if (len == 0)
			return 0;
		e = reading_add_piece(r, data, len);
		if (e < 0)
			return e;
		arena_consume(&r->arena, len);
	}
	return 0;
}

static void start_queued(struct readings *rs);

static void reading_ended(struct reading *r, int error)
{
	struct readings *rs = r->owner;

	reading_stop(r);
	r->state = error ? READING_FAILED : READING_DONE;
	r->error = error;
	sd_event_source_set_enabled(rs->teller, SD_EVENT_ONESHOT);
	start_queued(rs);
}

/* What is to be done when the feed has given all: where other ends are asked for, they are joined. */
static int join_step(struct reading *r)
{
	int e = r->groups & GROUP_BIT(GROUP_peer) ? reading_join_step(r) : 0;

	return e == 1 ? FEED_MORE : e;
}

static int run_slice(struct reading *r)
{
	uint64_t end = feed_clock_usec() + FEED_SLICE_USEC;

	do {
		int e, step = r->joiner ? FEED_DONE : feed_step(r->feed);

		if (step < 0)
			return step;
		e = lay_down(r, step == FEED_DONE ? 1 : PIECE_MIN);
		if (e >= 0 && step == FEED_DONE)
			e = step = join_step(r);
		if (e >= 0)
			e = make_room(r->owner, r->caller.uid);
		if (e < 0)
			return e;
		if (step == FEED_DONE)
			return FEED_DONE;
		if (step == FEED_WAIT)
			return feed_arm(r->feed, FEED_INPUT) < 0 ? -ENOMEM : FEED_WAIT;
	} while (feed_clock_usec() < end);
	return feed_arm(r->feed, FEED_TURN) < 0 ? -ENOMEM : FEED_MORE;
}

static void on_wake(void *ctx)
{
	struct reading *r = ctx;
	int e = run_slice(r);

	if (e <= 0)
		reading_ended(r, e);
}

static bool is_same(const struct reading *r, const char *filter, uint32_t groups, const struct caller *caller)
{
	return r->groups == groups && caller_is_same(&r->caller, caller) && !strcmp(r->filter, filter);
}

/* While another of the same is under way, this one would only read what that one reads. */
static bool may_start(const struct reading *r)
{
	if (r->owner->n_running >= READINGS_RUNNING_MAX)
		return false;
	for (const struct reading *o = r->owner->first; o; o = o->next)
		if (o->state == READING_RUNNING && is_same(o, r->filter, r->groups, &r->caller))
			return false;
	return true;
}

static int reading_start(struct reading *r)
{
	const struct feed_ask ask = {
		.query = r->query,
		.groups = r->groups,
		.caller = r->caller,
		.table_age_usec = r->table_age_usec,
	};
	int e;

	r->begin_usec = now_usec(r->owner);
	e = feed_new(&r->feed, r->owner->manager, &ask, &r->arena, on_wake, r);
	if (e < 0)
		return e;
	r->state = READING_RUNNING;
	r->owner->n_running++;
	return 0;
}

static void start_queued(struct readings *rs)
{
	for (;;) {
		struct reading *next = NULL;
		int e;

		/* Oldest last. */
		for (struct reading *r = rs->first; r; r = r->next)
			if (r->state == READING_QUEUED && may_start(r))
				next = r;
		if (!next)
			return;
		e = reading_start(next);
		if (e < 0) {
			next->state = READING_FAILED;
			next->error = e;
			sd_event_source_set_enabled(rs->teller, SD_EVENT_ONESHOT);
		}
	}
}

/* Waiters may get and put readings when they are told: after each of them, look again. */
static int on_tell(sd_event_source *source, void *userdata)
{
	struct readings *rs = userdata;
	struct reading *r;

	(void)source;
	for (r = rs->first; r;) {
		struct reading_waiter *w = r->waiters;
		int error = r->error;

		if (!w || (r->state != READING_DONE && r->state != READING_FAILED)) {
			r = r->next;
			continue;
		}
		r->waiters = w->next;
		w->next = NULL;
		if (error && --r->n_refs == 0) {
			reading_free(r);
			r = NULL;
		}
		w->done(w, r, error);
		r = rs->first;
	}
	return 0;
}

bool readings_take_token(struct readings *rs, const struct caller *caller)
{
	double per_second = (double)rs->manager->config.readings_user_rate;
	uint64_t now = now_usec(rs);
	struct rate *mine = NULL, *oldest = &rs->rates[0];

	if (caller->uid == 0 || caller->unlimited)
		return true;
	for (struct rate *x = rs->rates; x < rs->rates + RATES_MAX && !mine; x++) {
		if (x->last_usec && x->uid == caller->uid)
			mine = x;
		if (x->last_usec < oldest->last_usec)
			oldest = x;
	}
	if (!mine) {
		mine = oldest;
		*mine = (struct rate){ .uid = caller->uid, .last_usec = now, .tokens = per_second };
	}
	mine->tokens += (double)(now - mine->last_usec) * per_second / 1e6;
	if (mine->tokens > per_second)
		mine->tokens = per_second;
	mine->last_usec = now;
	if (mine->tokens < 1)
		return false;
	mine->tokens--;
	return true;
}

static struct reading *find_young(struct readings *rs, const struct reading_ask *ask)
{
	uint64_t now = now_usec(rs);

	for (struct reading *r = rs->first; r; r = r->next) {
		if (!is_same(r, ask->filter, ask->groups, &ask->caller) || r->state == READING_FAILED ||
		    r->table_age_usec > ask->table_age_usec)
			continue;
		if (r->state == READING_QUEUED || (ask->max_age_usec && now - r->begin_usec <= ask->max_age_usec))
			return r;
	}
	return NULL;
}

static int reading_new(struct reading **ret, struct readings *rs, const struct reading_ask *ask)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct query_error problem;
	int e;

	if (!r)
		return -ENOMEM;
	*r = (struct reading){
		.owner = rs,
		.next = rs->first,
		.groups = ask->groups,
		.caller = ask->caller,
		.table_age_usec = ask->table_age_usec,
		.filter = strdup(ask->filter),
	};
	rs->first = r;
	arena_init(&r->arena);
	/* The caller's own may be gone before the reading is. */
	e = r->filter ? query_parse(&r->query, ask->filter, strlen(ask->filter), &problem) : -ENOMEM;
	if (e >= 0)
		e = context_new(&r->context);
	if (e >= 0 && may_start(r))
		e = reading_start(r);
	if (e < 0) {
		reading_free(r);
		return e;
	}
	*ret = r;
	return 0;
}

int readings_get(struct readings *rs, const struct reading_ask *ask, struct reading_waiter *w, struct reading **ret)
{
	struct reading *r = find_young(rs, ask);
	struct reading_waiter **last;
	int e;

	if (!r) {
		if (!readings_take_token(rs, &ask->caller))
			return -EDQUOT;
		e = reading_new(&r, rs, ask);
		if (e < 0)
			return e;
	}
	r->keeper = sd_event_source_disable_unref(r->keeper);
	r->n_refs++;
	for (last = &r->waiters; *last; last = &(*last)->next)
		;
	w->next = NULL;
	*last = w;
	if (r->state == READING_DONE)
		sd_event_source_set_enabled(rs->teller, SD_EVENT_ONESHOT);
	*ret = r;
	return 0;
}

static int on_keeper(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	reading_free(userdata);
	return 0;
}

void reading_put(struct reading *r, struct reading_waiter *w)
{
	struct readings *rs = r->owner;

	for (struct reading_waiter **p = &r->waiters; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	if (--r->n_refs > 0)
		return;
	/* What nobody waits for is not read to its end. */
	if (r->state != READING_DONE ||
	    sd_event_add_time_relative(rs->manager->event, &r->keeper, CLOCK_MONOTONIC, READING_KEEP_USEC, 0, on_keeper, r) < 0) {
		reading_free(r);
		start_queued(rs);
	}
}
