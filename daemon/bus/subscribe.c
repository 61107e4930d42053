/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subscribers: connections that get the signal SocketsChanged; long, for they are followed on a bus and without one */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/call.h"
#include "bus/error.h"
#include "bus/event.h"
#include "bus/hub.h"
#include "bus/queue.h"
#include "bus/subscribe.h"
#include "snapshot/messages.h"
#include "socketd/dbus.h"

/* Messages that wait to be written to a connection: past it the reader is slow, and told later how much it missed. */
#define WRITES_MAX 64

/*
 * Who subscribed on a message bus. sd_bus_track would do, but it waits for the
 * bus to say that a caller is there (sd_bus_get_name_creds()), and all wait with it.
 */
struct sender {
	struct sender *next;
	struct subscription *subscription;
	sd_bus_slot *gone, *check;
	char name[];
};

/* A connection with subscribers. */
struct subscription {
	struct subscription *next;
	struct subscribers *subscribers;
	sd_bus *bus;
	bool all; /* a private peer that is root: told of all network namespaces, others of ours alone */
	struct sender *senders; /* of a message bus: who subscribed; NULL for a private peer */
	uint64_t n_lost;        /* rows that were not sent to it */
};

/* There is one as long as somebody subscribes. */
struct subscribers {
	struct hub_listener listener; /* first: it is found by it */
	struct manager *manager;
	struct subscription *first;
	sd_event_source *timer;
	bool armed;
	uint64_t next_usec; /* CLOCK_MONOTONIC: not before */

	/* Events that wait, as blocks. */
	struct arena scratch;
	struct queue events;
	unsigned n_events;
	uint64_t n_lost; /* those that found no place */
	/* For a message bus, where signals go to whoever listens: a context that knows of no processes. */
	struct context *context, *blind;
	struct record record;
};

static void sender_free(struct sender *s)
{
	sd_bus_slot_unref(s->gone);
	sd_bus_slot_unref(s->check);
	free(s);
}

static void subscription_free(struct subscription *s)
{
	for (struct sender *i; (i = s->senders); sender_free(i))
		s->senders = i->next;
	sd_bus_unref(s->bus);
	free(s);
}

static struct subscribers *subscribers_free(struct subscribers *s)
{
	struct subscription *next;

	if (!s)
		return NULL;
	for (struct subscription *i = s->first; i; i = next) {
		next = i->next;
		subscription_free(i);
	}
	sd_event_source_disable_unref(s->timer);
	arena_deinit(&s->scratch);
	queue_deinit(&s->events);
	context_free(s->context);
	context_free(s->blind);
	free(s);
	return NULL;
}
DEFINE_CLEANUP_PTR(struct subscribers, subscribers_free)

static void on_ended(struct hub_listener *l)
{
	subscribers_free((struct subscribers *)l);
}

/* Takes a connection off the list; with the last one all ends. */
static void subscription_drop(struct subscription *gone)
{
	struct subscribers *s = gone->subscribers;

	for (struct subscription **p = &s->first; *p; p = &(*p)->next) {
		if (*p == gone) {
			*p = gone->next;
			break;
		}
	}
	subscription_free(gone);
	if (!s->first) {
		hub_remove(s->manager->hub, &s->listener);
		subscribers_free(s);
	}
}

/* Rows of the signal. */

/* A cursor over the events that wait, from the first one. */
struct walk {
	struct memory memory;
	struct reader reader;
	struct messages messages;
	unsigned left;
	bool blind, all; /* of the subscription */
	uint64_t own_netns;
};

/* For a subscription; NULL: to go over what was sent to all. */
static void walk_init(struct walk *w, struct subscribers *s, const struct subscription *to, unsigned n)
{
	w->blind = to && to->senders;
	w->all = !to || to->all;
	w->own_netns = tracker_own_netns(manager_tracker(s->manager));
	w->memory = (struct memory){ s->events.data + s->events.start, queue_pending(&s->events) };
	reader_init(&w->reader, memory_input(&w->memory));
	w->reader.header_seen = true; /* events only */
	messages_init(&w->messages, &w->reader, s->context);
	w->left = n;
}

/* What signals on a message bus say anybody may read. */
static bool may_see(const struct walk *w, const struct message *m)
{
	return w->all || m->netns == 0 || m->netns == w->own_netns;
}

/* The next event of a kind into s->record. false at the end. */
static bool walk_next(struct walk *w, struct subscribers *s, uint32_t kind)
{
	struct message m;

	while (w->left > 0 && messages_next(&w->messages, &m) > 0) {
		w->left--;
		if (context_event(s->context)->kind == kind && may_see(w, &m) &&
		    record_open(&s->record, &m, w->blind ? s->blind : s->context) == 0)
			return true;
	}
	return false;
}

static int append_rows(sd_bus_message *m, struct subscribers *s, const struct subscription *to, uint32_t kind, unsigned n)
{
	struct walk w;
	int r;

	walk_init(&w, s, to, n);
	r = sd_bus_message_open_container(m, 'a', ROW_STRUCT);
	while (r >= 0 && walk_next(&w, s, kind))
		r = row_append(m, &s->record);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_removed(sd_bus_message *m, struct subscribers *s, const struct subscription *to, unsigned n)
{
	struct walk w;
	int r;

	walk_init(&w, s, to, n);
	r = sd_bus_message_open_container(m, 'a', "(tt)");
	while (r >= 0 && walk_next(&w, s, SOCKETD_EVENT_CLOSED)) {
		struct value netns;
		uint64_t cookie = 0;

		record_cookie(&s->record, &cookie);
		r = sd_bus_message_append(m, "(tt)", record_get(&s->record, F_netns, 0, &netns) < 0 ? UINT64_C(0) : netns.u, cookie);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int send_signal(struct subscribers *s, struct subscription *to, unsigned n, uint64_t n_lost)
{
	CLEANUP(sd_bus_message_unref) sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_signal(to->bus, &m, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE, "SocketsChanged");
	if (r >= 0)
		r = sd_bus_message_append(m, "t", tracker_status(manager_tracker(s->manager))->generation);
	if (r >= 0)
		r = append_rows(m, s, to, SOCKETD_EVENT_OPENED, n);
	if (r >= 0)
		r = append_rows(m, s, to, SOCKETD_EVENT_CHANGED, n);
	if (r >= 0)
		r = append_removed(m, s, to, n);
	if (r >= 0)
		r = sd_bus_message_append(m, "t", n_lost);
	/* Never send what was not put together whole: the bus would disconnect us. */
	return r < 0 ? r : sd_bus_send(to->bus, m, NULL);
}

/* Whether there is something for it among the first n events. */
static bool has_rows(struct subscribers *s, const struct subscription *to, unsigned n)
{
	struct message m;
	struct walk w;

	if (to->all || n == 0)
		return n > 0;
	walk_init(&w, s, to, n);
	while (w.left-- > 0 && messages_next(&w.messages, &m) > 0)
		if (may_see(&w, &m))
			return true;
	return false;
}

/* The signal to all connections that can take it; the others are told later how many rows they missed. */
static void send_all(struct subscribers *s)
{
	unsigned n = s->n_events < SUBSCRIBE_SIGNAL_ROWS ? s->n_events : SUBSCRIBE_SIGNAL_ROWS;
	struct walk w;

	for (struct subscription *i = s->first; i; i = i->next) {
		uint64_t waiting = 0, n_lost = s->n_lost + i->n_lost;

		if (n_lost == 0 && !has_rows(s, i, n))
			continue;
		if (sd_bus_get_n_queued_write(i->bus, &waiting) < 0 || waiting > WRITES_MAX || send_signal(s, i, n, n_lost) < 0)
			i->n_lost = n_lost + n;
		else
			i->n_lost = 0;
	}
	s->n_lost = 0;
	walk_init(&w, s, NULL, n);
	while (walk_next(&w, s, 0))
		;
	queue_consume(&s->events, w.reader.offset);
	s->n_events -= n;
	/* Memory is short: where the next event begins is not known. */
	if (w.left > 0) {
		s->n_lost = s->n_events + w.left;
		s->n_events = 0;
		queue_consume(&s->events, queue_pending(&s->events));
	}
}

/* A peer that went away without a word. */
static bool drop_closed(struct subscribers *s)
{
	for (struct subscription *i = s->first, *next; i; i = next) {
		bool last = i == s->first && !i->next;

		next = i->next;
		if (sd_bus_is_open(i->bus) > 0)
			continue;
		subscription_drop(i);
		if (last)
			return true;
	}
	return false;
}

static bool has_news(const struct subscribers *s)
{
	if (s->n_events || s->n_lost)
		return true;
	for (const struct subscription *i = s->first; i; i = i->next)
		if (i->n_lost)
			return true;
	return false;
}

static void arm(struct subscribers *s)
{
	if (s->armed || !has_news(s))
		return;
	if (sd_event_source_set_time(s->timer, s->next_usec) >= 0 && sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT) >= 0)
		s->armed = true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct subscribers *s = userdata;
	uint64_t now = usec;

	(void)source;
	s->armed = false;
	if (drop_closed(s))
		return 0;
	sd_event_now(s->manager->event, CLOCK_MONOTONIC, &now);
	s->next_usec = now + SUBSCRIBE_TICK_USEC;
	send_all(s);
	arm(s);
	return 0;
}

/* Events. */

/* Whether some subscription is told of it. */
static bool is_wanted(const struct subscribers *s, const struct record *r)
{
	if (r->netns == 0 || r->netns == tracker_own_netns(manager_tracker(s->manager)))
		return true;
	for (const struct subscription *i = s->first; i; i = i->next)
		if (i->all)
			return true;
	return false;
}

static void on_event(struct hub_listener *l, const struct event_info *e, struct record *r)
{
	struct subscribers *s = (struct subscribers *)l;

	if (r && !is_wanted(s, r))
		return;
	if (!r)
		s->n_lost += e->n_lost;
	else if (s->n_events >= SUBSCRIBE_WAITING_ROWS || event_write(&s->scratch, e, r, 0) < 0 ||
		 queue_append_arena(&s->events, &s->scratch) < 0)
		s->n_lost++;
	else
		s->n_events++;
}

static void on_flush(struct hub_listener *l)
{
	arm((struct subscribers *)l);
}

/* Who subscribes. */

static struct subscribers *subscribers_find(const struct manager *m)
{
	for (struct hub_listener *l = hub_listeners(m->hub); l; l = l->next)
		if (l->event == on_event)
			return (struct subscribers *)l;
	return NULL;
}

static struct subscription *subscription_find(const struct manager *m, sd_bus *bus)
{
	struct subscribers *s = subscribers_find(m);

	for (struct subscription *i = s ? s->first : NULL; i; i = i->next)
		if (i->bus == bus)
			return i;
	return NULL;
}

unsigned subscribers_count(const struct manager *m)
{
	struct subscribers *s = subscribers_find(m);
	unsigned n = 0;

	for (struct subscription *i = s ? s->first : NULL; i; i = i->next) {
		n += !i->senders;
		for (struct sender *k = i->senders; k; k = k->next)
			n++;
	}
	return n;
}

void subscribe_forget(struct manager *m, sd_bus *bus)
{
	struct subscription *s = subscription_find(m, bus);

	if (s)
		subscription_drop(s);
}

static int learn(struct subscribers *s)
{
	int r;

	r = context_new(&s->context);
	if (r >= 0)
		r = context_new(&s->blind);
	if (r >= 0)
		r = hub_learn(manager_tracker(s->manager), s->context);
	return r < 0 ? r : hub_learn(manager_tracker(s->manager), s->blind);
}

static int begin(struct subscribers **ret, struct manager *m)
{
	CLEANUP(subscribers_free) struct subscribers *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->listener = (struct hub_listener){ .event = on_event, .flush = on_flush, .ended = on_ended };
	s->manager = m;
	arena_init(&s->scratch);
	r = manager_start_tracking(m);
	if (r >= 0)
		r = learn(s);
	if (r >= 0)
		r = sd_event_add_time(m->event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	hub_add(m->hub, &s->listener);
	*ret = STEAL_PTR(s);
	return 0;
}

static struct sender *sender_find(const struct subscription *s, sd_bus_message *m)
{
	const char *name = sd_bus_message_get_sender(m);

	for (struct sender *i = s->senders; i; i = i->next)
		if (name && !strcmp(i->name, name))
			return i;
	return NULL;
}

/* With the last one of a bus its subscription ends. */
static void sender_drop(struct sender *gone)
{
	struct subscription *s = gone->subscription;
	struct sender **p = &s->senders;

	while (*p != gone)
		p = &(*p)->next;
	*p = gone->next;
	sender_free(gone);
	if (!s->senders)
		subscription_drop(s);
}

/* A unique name changes its owner once; or it had none any more before the bus was to tell of it. */
static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	(void)error;
	if (sd_bus_message_is_signal(m, NULL, NULL) > 0 || sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER) > 0)
		sender_drop(userdata);
	return 0;
}

static int sender_add(struct subscription *to, sd_bus_message *m)
{
	const char *name = sd_bus_message_get_sender(m);
	size_t len = name ? strlen(name) : 0;
	struct sender *s = len > 0 ? calloc(1, sizeof(*s) + len + 1) : NULL;
	char match[512];
	int r;

	if (!s && !to->senders)
		subscription_drop(to);
	if (!s)
		return -ENOMEM;
	memcpy(s->name, name, len + 1);
	s->subscription = to;
	s->next = to->senders;
	to->senders = s;
	snprintf(match, sizeof(match), "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		 "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'", name);
	r = sd_bus_add_match_async(to->bus, &s->gone, match, on_owner, NULL, s);
	if (r >= 0)
		r = sd_bus_call_method_async(to->bus, &s->check, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					     "org.freedesktop.DBus", "GetNameOwner", on_owner, s, "s", name);
	if (r < 0)
		sender_drop(s);
	return r;
}

static int add(struct manager *m, sd_bus_message *message, const struct caller *caller)
{
	struct subscribers *s = subscribers_find(m);
	sd_bus *bus = sd_bus_message_get_bus(message);
	struct subscription *i = calloc(1, sizeof(*i));
	int r = 0;

	if (!i)
		return -ENOMEM;
	if (!s)
		r = begin(&s, m);
	if (r < 0) {
		free(i);
		return r;
	}
	i->subscribers = s;
	i->bus = sd_bus_ref(bus);
	i->all = sd_bus_is_bus_client(bus) <= 0 && caller->sees == 0;
	i->next = s->first;
	s->first = i;
	return sd_bus_is_bus_client(bus) > 0 ? sender_add(i, message) : 0;
}

static int subscribe(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	struct subscription *s = subscription_find(manager, sd_bus_message_get_bus(m));
	bool is_new = !s || (s->senders && !sender_find(s, m));
	/* Some places are kept for root. */
	uint64_t max = caller->uid == 0 ? manager->config.subscribers_max : manager_share(manager->config.subscribers_max);
	int r = 0;

	if (is_new && subscribers_count(manager) >= max)
		return bus_error_limits(error, "%llu have subscribed already; try OpenMonitor", (unsigned long long)max);
	if (!s)
		r = add(manager, m, caller);
	else if (is_new)
		r = sender_add(s, m);
	if (r < 0)
		return bus_error_from_errno(error, r, "subscribing");
	return sd_bus_reply_method_return(m, NULL);
}

int method_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, subscribe, error);
}

int method_unsubscribe(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct subscription *s = subscription_find(userdata, sd_bus_message_get_bus(m));

	if (!s || (s->senders && !sender_find(s, m)))
		return bus_error_invalid_args(error, "this connection has not subscribed");
	if (s->senders)
		sender_drop(sender_find(s, m));
	else
		subscription_drop(s);
	return sd_bus_reply_method_return(m, NULL);
}
