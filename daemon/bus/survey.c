/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A walk over the rows of a filter, for a typed reply */

#include <errno.h>
#include <string.h>

#include "bus/error.h"
#include "bus/readings.h"
#include "bus/survey.h"
#include "query/dedupe.h"

/* Messages looked at before others have their turn: a millisecond at most. */
#define SURVEY_STEP 256u

struct survey {
	struct survey *next;
	struct manager *manager;
	struct call *call; /* NULL while nobody waits */
	struct filter filter;
	uint32_t groups;
	struct caller caller;
	uint64_t table_age_usec;
	const struct survey_ops *ops;
	void *state;
	struct reading *reading;
	struct reading_waiter waiter;
	struct reading_walk *walk;
	struct dedupe dedupe;
	struct record record;
	sd_event_source *turn;
};

void survey_free(struct survey *s)
{
	if (!s)
		return;
	for (struct survey **p = readings_surveys(s->manager->readings); *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	sd_event_source_disable_unref(s->turn);
	s->ops->free(s->state);
	reading_walk_free(s->walk);
	if (s->reading)
		reading_put(s->reading, &s->waiter);
	call_end(s->call);
	filter_deinit(&s->filter);
	free(s);
}

static int fill_error(int r, sd_bus_error *error)
{
	if (sd_bus_error_is_set(error))
		return r;
	if (r == -EDQUOT)
		return bus_error_too_many_readings(error);
	if (r == -E2BIG)
		return bus_error_limits(error, "there is too much to keep for a typed reply (ReadingMemoryMax); "
					       "use OpenSockets, or a narrower filter");
	return bus_error_from_errno(error, r, "reading the sockets");
}

static void survey_fail(struct survey *s, int r, sd_bus_error *error)
{
	fill_error(r, error);
	call_fail(STEAL_PTR(s->call), r, error);
	survey_free(s);
}

static void on_reading(struct reading_waiter *w, struct reading *reading, int error);

static int begin_reading(struct survey *s)
{
	const struct reading_ask ask = {
		.filter = s->filter.text,
		.query = s->filter.query,
		.groups = s->groups,
		.caller = s->caller,
		.table_age_usec = s->table_age_usec,
	};

	dedupe_init(&s->dedupe);
	s->waiter.done = on_reading;
	return readings_get(s->manager->readings, &ask, &s->waiter, &s->reading);
}

/* What the table led to is let go of; all sockets are read. */
static int begin_again(struct survey *s)
{
	s->walk = reading_walk_free(s->walk);
	reading_put(STEAL_PTR(s->reading), &s->waiter);
	s->table_age_usec = 0;
	return begin_reading(s);
}

static void survey_end(struct survey *s, bool more)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = s->ops->end(s->state, s, more, &error);
	if (r == SURVEY_AGAIN) {
		r = begin_again(s);
		if (r >= 0)
			return;
	}
	if (r < 0) {
		survey_fail(s, r, &error);
	} else if (r == SURVEY_KEEP) {
		call_end(STEAL_PTR(s->call));
	} else {
		survey_free(s);
	}
}

/* 0 the end, 1 a row or more was looked at, 2 enough for now. */
static int survey_rows(struct survey *s)
{
	for (unsigned i = 0; i < SURVEY_STEP; i++) {
		struct message m;
		int r;

		r = reading_walk_next(s->walk, &m);
		if (r <= 0)
			return r;
		if (record_open(&s->record, &m, reading_walk_context(s->walk)) < 0)
			continue;
		reading_walk_attach(s->walk, &s->record);
		if (!query_match(s->filter.query, &s->record) || dedupe_is_twin(&s->dedupe, &s->record))
			continue;
		r = s->ops->row(s->state, &s->record);
		if (r != 0)
			return r < 0 ? r : 2;
	}
	return 1;
}

static void survey_run(struct survey *s)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = survey_rows(s);
	if (r == 1 && s->ops->slice) {
		int e = s->ops->slice(s->state, &error);

		r = e < 0 ? e : r;
	}
	if (r == 1)
		r = sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT) < 0 ? -ENOMEM : 1;
	if (r < 0)
		survey_fail(s, r, &error);
	else if (r != 1)
		survey_end(s, r == 2);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	(void)source;
	survey_run(userdata);
	return 0;
}

static void on_reading(struct reading_waiter *w, struct reading *reading, int error)
{
	struct survey *s = (struct survey *)((char *)w - offsetof(struct survey, waiter));
	CLEANUP(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = error;

	if (error)
		s->reading = NULL;
	else
		r = reading_walk_new(&s->walk, reading);
	/* Many may wait for one reading: each has its turn from the loop. */
	if (r >= 0)
		r = sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT);
	if (r < 0)
		survey_fail(s, r, &e);
}

static int add_turn(struct survey *s)
{
	int r;

	r = sd_event_add_defer(s->manager->event, &s->turn, on_turn, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->turn, SD_EVENT_OFF);
	return r;
}

int survey_start(struct manager *m, sd_bus_message *call, const struct survey_ask *ask, const struct survey_ops *ops,
		 void *state, sd_bus_error *error)
{
	struct survey *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		ops->free(state);
		return -ENOMEM;
	}
	*s = (struct survey){
		.next = *readings_surveys(m->readings),
		.manager = m,
		.filter = *ask->filter,
		.groups = ask->groups,
		.caller = ask->caller,
		.table_age_usec = ask->table_age_usec,
		.ops = ops,
		.state = state,
	};
	*ask->filter = (struct filter){ 0 };
	*readings_surveys(m->readings) = s;
	r = add_turn(s);
	if (r >= 0)
		r = begin_reading(s);
	if (r >= 0) {
		s->call = call_begin(call, m);
		r = s->call ? 0 : -ENOMEM;
	}
	if (r < 0) {
		survey_free(s);
		return fill_error(r, error);
	}
	return 0;
}

int survey_resume(struct survey *s, sd_bus_message *call)
{
	int r;

	s->call = call_begin(call, s->manager);
	if (!s->call)
		return -ENOMEM;
	r = sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT);
	if (r < 0)
		call_end(STEAL_PTR(s->call));
	return r < 0 ? r : 0;
}

sd_bus_message *survey_message(const struct survey *s)
{
	return call_message(s->call);
}

struct survey *survey_next(const struct survey *s)
{
	return s->next;
}

void *survey_state(const struct survey *s, const struct survey_ops *ops)
{
	return s->ops == ops ? s->state : NULL;
}

const struct caller *survey_caller(const struct survey *s)
{
	return &s->caller;
}

bool survey_is_narrowed(const struct survey *s)
{
	return s->reading && reading_table_age_usec(s->reading) > 0;
}
