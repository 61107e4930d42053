/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ListSockets: summary rows in pages, and the cursors between them */

#include <errno.h>
#include <sys/random.h>

#include "bus/error.h"
#include "bus/feed.h"
#include "bus/kernel_module.h"
#include "bus/list.h"
#include "bus/readings.h"
#include "bus/row.h"
#include "bus/survey.h"

_Static_assert(LIST_ROWS_MAX * ROW_BYTES_MAX <= 1024u * 1024u, "a page is at most 1 MiB");

struct list {
	struct manager *manager;
	sd_bus_message *reply; /* while a page is put together */
	unsigned n_rows, limit;
	uint64_t cursor; /* 0 while a page is put together */
	struct survey *survey;
	sd_event_source *expiry;
};

static const struct survey_ops list_ops;

static void list_free(void *state)
{
	struct list *l = state;

	sd_event_source_disable_unref(l->expiry);
	sd_bus_message_unref(l->reply);
	free(l);
}

static int begin_page(struct list *l, sd_bus_message *call, unsigned limit)
{
	int r;

	l->n_rows = 0;
	l->limit = limit;
	r = sd_bus_message_new_method_return(call, &l->reply);
	return r < 0 ? r : sd_bus_message_open_container(l->reply, 'a', ROW_STRUCT);
}

static int list_row(void *state, struct record *r)
{
	struct list *l = state;
	int e = row_append(l->reply, r);

	if (e < 0)
		return e;
	return ++l->n_rows >= l->limit;
}

/* Cursors in use: of all, of those who are not root, of this user; and this user's oldest, the last of the list. */
struct census {
	unsigned n_all, n_others, n_mine;
	struct survey *oldest;
};

static struct census count_cursors(const struct manager *m, uint32_t uid)
{
	struct census c = { 0 };

	for (struct survey *s = *readings_surveys(m->readings); s; s = survey_next(s)) {
		const struct list *l = survey_state(s, &list_ops);

		if (!l || !l->cursor)
			continue;
		c.n_all++;
		c.n_others += survey_caller(s)->uid != 0;
		if (survey_caller(s)->uid == uid) {
			c.n_mine++;
			c.oldest = s;
		}
	}
	return c;
}

unsigned cursors_count(const struct manager *m)
{
	return count_cursors(m, 0).n_all;
}

/* A user's own oldest cursor makes room for the next: most are left behind by callers who have seen enough. */
static int make_place(struct manager *m, uint32_t uid)
{
	unsigned max = (unsigned)m->config.cursors_max, share = max / 4 ? max / 4 : 1;
	struct census c = count_cursors(m, uid);
	bool full = c.n_all >= max || (uid && (c.n_mine >= share || c.n_others >= manager_share(max)));

	if (!full)
		return 0;
	if (!c.oldest)
		return -EUSERS;
	survey_free(c.oldest);
	return 0;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct list *l = userdata;

	(void)source, (void)usec;
	survey_free(l->survey);
	return 0;
}

/* Nobody can guess another's. */
static int new_cursor(struct list *l)
{
	uint64_t cursor;

	do {
		if (getrandom(&cursor, sizeof(cursor), 0) != sizeof(cursor))
			return -EIO;
	} while (cursor == 0);
	l->expiry = sd_event_source_disable_unref(l->expiry);
	if (sd_event_add_time_relative(l->manager->event, &l->expiry, CLOCK_MONOTONIC, LIST_CURSOR_USEC, 0, on_expiry, l) < 0)
		return -ENOMEM;
	l->cursor = cursor;
	return 0;
}

static uint64_t generation(struct manager *m)
{
	struct tracker *t = manager_tracker(m);

	return t ? tracker_status(t)->generation : 0;
}

static int list_end(void *state, struct survey *s, bool more, sd_bus_error *error)
{
	struct list *l = state;
	int r = 0;

	if (more) {
		r = make_place(l->manager, survey_caller(s)->uid);
		if (r == -EUSERS)
			return bus_error_limits(error, "all %u cursors are in use; use OpenSockets, or try again in half a minute",
						(unsigned)l->manager->config.cursors_max);
		l->survey = s;
		r = new_cursor(l);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(l->reply);
	if (r >= 0)
		r = sd_bus_message_append(l->reply, "tt", l->cursor, generation(l->manager));
	if (r >= 0)
		r = sd_bus_message_send(l->reply);
	l->reply = sd_bus_message_unref(l->reply);
	if (r < 0)
		return r;
	return more ? SURVEY_KEEP : SURVEY_OVER;
}

static const struct survey_ops list_ops = {
	.row = list_row,
	.end = list_end,
	.free = list_free,
};

static int begin(sd_bus_message *m, struct manager *manager, const struct caller *caller, struct filter *filter, unsigned limit,
		 sd_bus_error *error)
{
	static const enum field_id fields[] = { F_cookie, F_pid };
	struct survey_ask ask = { .filter = filter, .caller = *caller };
	struct list *l;
	int r;

	r = feed_groups(filter->query, fields, ARRAY_SIZE(fields), &ask.groups);
	if (r >= 0)
		r = filter_check_joined(filter->query, ask.groups, error);
	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->manager = manager;
	r = begin_page(l, m, limit);
	if (r < 0) {
		list_free(l);
		return r;
	}
	return survey_start(manager, m, &ask, &list_ops, l, error);
}

static struct survey *find_cursor(struct manager *m, uint64_t cursor, const struct caller *caller)
{
	for (struct survey *s = *readings_surveys(m->readings); s; s = survey_next(s)) {
		const struct list *l = survey_state(s, &list_ops);

		if (l && l->cursor == cursor && caller_is_same(survey_caller(s), caller))
			return s;
	}
	return NULL;
}

static int go_on(sd_bus_message *m, struct survey *s, unsigned limit)
{
	struct list *l = survey_state(s, &list_ops);
	int r;

	l->cursor = 0;
	l->expiry = sd_event_source_disable_unref(l->expiry);
	r = begin_page(l, m, limit);
	if (r >= 0)
		r = survey_resume(s, m);
	if (r < 0)
		survey_free(s);
	return r;
}

static int list_sockets(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	CLEANUP(filter_deinit) struct filter filter = { 0 };
	struct survey *s;
	uint64_t cursor;
	uint32_t limit;
	int r;

	r = filter_read(&filter, m, error);
	if (r >= 0)
		r = sd_bus_message_read(m, "tu", &cursor, &limit);
	if (r < 0)
		return r;
	if (limit == 0 || limit > LIST_ROWS_MAX)
		limit = LIST_ROWS_MAX;
	r = kernel_module_check_filter(manager, filter.query, error);
	if (r < 0)
		return r;
	if (cursor == 0)
		return begin(m, manager, caller, &filter, limit, error);
	/* The filter is the first call's: what stands in this one was only checked. */
	s = find_cursor(manager, cursor, caller);
	return s ? go_on(m, s, limit) : bus_error_cursor_expired(error);
}

int method_list_sockets(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, list_sockets, error);
}
