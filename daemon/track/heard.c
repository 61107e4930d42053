/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel module says of TCP sockets as it happens */

#include "track/heard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "model/words.h"
#include "source/events.h"
#include "source/host.h"
#include "track/state.h"

void heard_deinit(struct tracker *t)
{
	heard_queue_deinit(&t->heard.openings);
	heard_queue_deinit(&t->heard.closings);
	callers_deinit(&t->heard.callers);
}

bool heard_is_over(const struct track_entry *e)
{
	return e->state == STATE_CLOSE && !(e->flags & TRACK_REPORTED) && (e->source == SOURCE_tcp4 || e->source == SOURCE_tcp6);
}

/* It has sent a SYN, and listeners do not know of it. */
static bool is_unannounced(const struct track_entry *e)
{
	return e->state == STATE_SYN_SENT && !(e->flags & TRACK_REPORTED);
}

bool heard_keeps(const struct tracker *t, const struct track_entry *e)
{
	return heard_is_over(e) && t->heard.n_unsure == 0 && namespaces_at(&t->namespaces, e->netns)->destroy.fd >= 0;
}

bool heard_overrules(const struct tracker *t, const struct track_entry *e, const struct sight *s)
{
	if ((e->source != SOURCE_tcp4 && e->source != SOURCE_tcp6) || !namespaces_at(&t->namespaces, e->netns)->heard)
		return false;
	/* Bound in newer kernels' tables, or the TIME-WAIT behind it: that it was closed was told. */
	if (heard_is_over(e) && (s->is_brief || s->state == STATE_BOUND_INACTIVE))
		return true;
	return s->state != e->state && !s->is_brief && (e->flags & TRACK_REPORTED || heard_is_over(e)) &&
	       track_ticks(t->boottime_usec) - e->state_since < HEARD_ROW_TICKS;
}

void heard_listener(struct tracker *t, const struct track_entry *e)
{
	callers_add_listener(&t->heard.callers, t->table, e);
}

bool heard_owner(const struct tracker *t, const struct track_entry *e, struct caller *ret)
{
	return (e->source == SOURCE_tcp4 || e->source == SOURCE_tcp6) && callers_find(&t->heard.callers, e->cookie, ret);
}

/* The message is put together: what the module tells is no more than is remembered. */
static void put(struct tracker *t, uint32_t kind, const struct track_entry *e, uint8_t old_state, uint64_t time_nsec)
{
	_Alignas(8) uint8_t buf[SIGHT_MESSAGE_MAX];
	struct socketd_track track;
	struct message m = { .data = buf + NLMSG_HDRLEN, .source = e->source, .netns = track_table_netns(t->table, e) };
	struct event event = {
		.kind = kind,
		.old_state = old_state,
		.generation = t->status.generation,
		.inode = e->inode,
		.m = &m,
		.track = &track,
	};
	struct caller caller;

	if (!t->events.wanted)
		return;
	m.len = (uint32_t)sight_rebuild(t->table, e, buf) - NLMSG_HDRLEN;
	if (heard_owner(t, e, &caller)) {
		event.owner_pid = caller.pid;
		event.owner_uid = e->uid;
		event.owner_comm = caller.comm;
		event.is_scanned = e->owner_pid != 0;
	}
	if (time_nsec != 0)
		event.boottime_usec = time_nsec / 1000;
	tracker_fill(t, e, &track);
	events_put(&t->events, &event, host_now_usec());
}

static void announce(struct tracker *t, struct track_entry *e, uint64_t time_nsec)
{
	e->flags |= TRACK_REPORTED;
	t->status.n_opened++;
	put(t, SOCKETD_EVENT_OPENED, e, 0, time_nsec);
}

/* The destroy groups have not said anything in time, or do not say anything. It may be there for long, or be connected anew. */
static void tell_closed(struct tracker *t, struct track_entry *e)
{
	uint8_t old_state = e->state;

	e->state = STATE_CLOSE;
	e->state_since = track_ticks(t->boottime_usec);
	put(t, SOCKETD_EVENT_CLOSED, e, old_state, 0);
	e->flags &= (uint8_t)~TRACK_REPORTED;
	t->status.n_closed++;
	if (e->owner_pid != 0)
		holders_touch(t->holders, e->owner_pid);
	/* The dump under way may have read it while it was there. */
	if (t->pass.phase != PASS_NONE)
		cookie_set_add(&t->gone, e->cookie, GONE_MAX);
}

static void opening_is_due(struct tracker *t, const struct heard_waiting *w)
{
	struct track_entry *e = w->cookie != 0 ? track_table_find(t->table, w->source, w->cookie, 0) : NULL;

	if (e && is_unannounced(e))
		announce(t, e, 0);
}

static void closing_is_due(struct tracker *t, const struct heard_waiting *w)
{
	struct track_entry *e = w->cookie != 0 ? track_table_find(t->table, w->source, w->cookie, 0) : NULL;

	if (e && (e->flags & TRACK_REPORTED))
		tell_closed(t, e);
}

static void flush_queue(struct tracker *t, struct heard_queue *q, uint64_t now, void (*due)(struct tracker *, const struct heard_waiting *))
{
	struct heard_waiting w;

	while (q->n > 0 && heard_queue_due(q) <= now && heard_queue_pop(q, &w))
		due(t, &w);
}

void heard_flush(struct tracker *t, uint64_t now_usec)
{
	flush_queue(t, &t->heard.openings, now_usec, opening_is_due);
	flush_queue(t, &t->heard.closings, now_usec, closing_is_due);
}

uint64_t heard_deadline(const struct tracker *t)
{
	const struct heard *h = &t->heard;
	uint64_t opening = heard_queue_due(&h->openings), closing = heard_queue_due(&h->closings);

	return opening < closing ? opening : closing;
}

static void await(struct tracker *t, struct heard_queue *q, const struct track_entry *e, uint64_t usec,
		  void (*due)(struct tracker *, const struct heard_waiting *))
{
	struct heard_waiting w = { .cookie = e->cookie, .source = (uint8_t)e->source };
	struct heard_waiting oldest;

	if (heard_queue_push(q, e, t->step_usec + usec))
		return;
	/* Full, or memory is short. */
	if (heard_queue_pop(q, &oldest)) {
		due(t, &oldest);
		if (heard_queue_push(q, e, t->step_usec + usec))
			return;
	}
	due(t, &w);
}

/* What the table wants to know of it. False for what it does not follow by changes. */
static bool make_sight(const struct track_netns *ns, const struct state_change *c, struct sight *ret)
{
	struct sight s = {
		.cookie = c->cookie,
		.inode = (uint32_t)c->inode,
		.ifindex = c->ifindex,
		.uid = c->has_uid ? c->uid : UINT32_MAX,
		.source = c->family == AF_INET6 ? SOURCE_tcp6 : SOURCE_tcp4,
		.state = c->new_state,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
		.is_ipv6 = c->family == AF_INET6,
	};

	if (c->protocol != IPPROTO_TCP || (c->family != AF_INET && c->family != AF_INET6) || !c->has_local ||
	    c->new_state == 0 || c->new_state > STATE_CLOSING)
		return false;
	/* Numbers of another user namespace mean other users here; without an inode a socket's uid counts as not told. */
	if (ns->hides_uids) {
		s.uid = UINT32_MAX;
		s.inode = 0;
	}
	if (s.is_ipv6) {
		s.local_port = ntohs(c->local.in6.sin6_port);
		memcpy(s.pair.local, &c->local.in6.sin6_addr, 16);
		if (c->has_peer) {
			s.peer_port = ntohs(c->peer.in6.sin6_port);
			memcpy(s.pair.peer, &c->peer.in6.sin6_addr, 16);
		}
	} else {
		s.local_port = ntohs(c->local.in.sin_port);
		s.local4 = c->local.in.sin_addr.s_addr;
		if (c->has_peer) {
			s.peer_port = ntohs(c->peer.in.sin_port);
			s.peer4 = c->peer.in.sin_addr.s_addr;
		}
	}
	*ret = s;
	return true;
}

static void take_owner(struct tracker *t, const struct track_entry *e, const struct state_change *c)
{
	struct callers *callers = &t->heard.callers;
	struct caller caller;

	if (c->new_state == STATE_LISTEN)
		callers_add_listener(callers, t->table, e);
	else if (c->pid == 0 && c->old_state == STATE_SYN_RECV &&
		 callers_find_accepting(callers, t->table, t->holders, e, &caller))
		callers_put(callers, c->cookie, caller.pid, caller.comm);
}

static struct track_entry *add(struct tracker *t, const struct sight *s)
{
	struct track_entry *e = tracker_is_full(t) ? NULL :
						     track_table_add(t->table, s->source, s->cookie, 0, s->inode, s->is_ipv6 ? &s->pair : NULL);

	/* It is told by the destroy groups, as one that no pass saw. */
	if (!e)
		return NULL;
	namespaces_count_in(t->heard.ns, e);
	return e;
}

static void store(struct tracker *t, struct track_entry *e, const struct sight *s, uint64_t time_nsec)
{
	uint32_t old_inode = e->inode;

	(void)sight_store(s, t->table, e);
	e->state_since = track_ticks(time_nsec / 1000);
	e->flags &= (uint8_t)~TRACK_STATE_AGE_AT_LEAST;
	e->pass = t->pass.byte;
	e->missed = 0;
	if (e->inode != old_inode || (e->inode != 0 && e->first_seen == 0))
		scan_unowned(t, e->inode);
}

/* Its first change that was heard, or its first since it was closed. */
static void opened(struct tracker *t, struct track_entry *e, const struct state_change *c, const struct sight *s)
{
	bool is_first = c->old_state == STATE_CLOSE || c->old_state == STATE_SYN_RECV;

	if (!e)
		e = add(t, s);
	if (!e)
		return;
	store(t, e, s, c->time_nsec);
	e->first_seen = e->state_since;
	e->flags &= (uint8_t)~TRACK_AGE_AT_LEAST;
	take_owner(t, e, c);
	/* It was there before anybody looked: no opening. */
	if (!is_first && !(t->heard.ns->known & SOURCE_BIT(s->source))) {
		e->flags |= TRACK_REPORTED | TRACK_AGE_AT_LEAST;
		return;
	}
	/* connect() finds a port after it has changed the state. */
	if (c->new_state == STATE_SYN_SENT && s->local_port == 0)
		await(t, &t->heard.openings, e, HEARD_OPENING_USEC, opening_is_due);
	else
		announce(t, e, c->time_nsec);
}

static void changed(struct tracker *t, struct track_entry *e, const struct state_change *c, const struct sight *s)
{
	uint8_t old_state = e->state;

	store(t, e, s, c->time_nsec);
	take_owner(t, e, c);
	if (old_state == e->state)
		return;
	t->status.n_changed++;
	put(t, SOCKETD_EVENT_CHANGED, e, old_state, c->time_nsec);
}

static void closed(struct tracker *t, struct track_entry *e, const struct sight *s)
{
	/* Of one that nobody knows, or of a request, the destroy groups tell all. */
	if (!(e->flags & TRACK_REPORTED))
		return;
	if (s->inode != 0 && e->inode != s->inode) {
		track_table_set_inode(t->table, e, s->inode);
		scan_unowned(t, s->inode);
	}
	e->pass = t->pass.byte;
	e->missed = 0;
	if (t->heard.ns->destroy.fd >= 0)
		await(t, &t->heard.closings, e, HEARD_CLOSING_USEC, closing_is_due);
	else
		tell_closed(t, e);
}

/* A pass saw the socket in a later state before this change was read. What is bound and in no other table is in CLOSE. */
static bool is_stale(const struct track_entry *e, const struct state_change *c)
{
	if (e->state == STATE_BOUND_INACTIVE && c->old_state == STATE_CLOSE)
		return false;
	return c->old_state != e->state && track_ticks(c->time_nsec / 1000) <= e->state_since;
}

static void take_change(void *ctx, const struct state_change *c)
{
	struct tracker *t = ctx;
	struct track_entry *e;
	struct sight s;

	if (!make_sight(t->heard.ns, c, &s))
		return;
	if (c->pid != 0)
		callers_put(&t->heard.callers, c->cookie, c->pid, c->comm);
	e = track_table_find(t->table, s.source, c->cookie, 0);
	if (e && is_unannounced(e) && c->old_state == STATE_SYN_SENT) {
		if (s.local_port != 0)
			e->local_port = s.local_port;
		announce(t, e, c->time_nsec);
	}
	/* Connected anew: what waits for the kernel's last word need not wait. */
	if (e && c->old_state == STATE_CLOSE && (e->flags & TRACK_REPORTED) &&
	    (heard_queue_cancel(&t->heard.closings, c->cookie) || !is_stale(e, c)) && e->state != STATE_BOUND_INACTIVE)
		tell_closed(t, e);
	if (c->new_state == STATE_CLOSE) {
		if (e)
			closed(t, e, &s);
	} else if (!e || !(e->flags & TRACK_REPORTED)) {
		opened(t, e, c, &s);
	} else if (!is_stale(e, c)) {
		changed(t, e, c, &s);
	}
}

/* Whether the namespace belongs to an inner user namespace, whose uids the module tells. When in doubt it does. */
static bool is_of_inner_users(const struct events_source *source)
{
	CLEANUP(close) int fd = ioctl(events_source_fd(source), SIOCGSKNS), users = -1;
	struct stat own, its;

	users = fd < 0 ? -1 : ioctl(fd, NS_GET_USERNS);
	return users < 0 || fstat(users, &its) < 0 || stat("/proc/self/ns/user", &own) < 0 || own.st_ino != its.st_ino ||
	       own.st_dev != its.st_dev;
}

/* -ENOENT and the like where the module cannot be heard. */
static int open_source(struct tracker *t, struct track_netns *ns)
{
	CLEANUP(events_source_free) struct events_source *source = NULL;
	int fd = -1, r;

	if (ns->slot != 0) {
		fd = namespaces_open_thing(t, ns, NETNS_GENERIC, NULL);
		if (fd < 0)
			return fd;
	}
	r = events_source_open(&source, ns->id.ino, fd);
	if (r < 0)
		return r;
	r = namespaces_watch(t, ns, EAR_HEARD, events_source_fd(source));
	if (r < 0)
		return r;
	namespaces_note_socket(ns, SOCKET_HEARD, events_source_fd(source));
	ns->hides_uids = ns->slot != 0 && is_of_inner_users(source);
	ns->heard = STEAL_PTR(source);
	t->heard.n_open++;
	return 0;
}

/* With each pass: where a notice was dropped, what waits for one may wait for ever. The sweeps find which that is. */
static void look_at_dropped(struct tracker *t)
{
	struct heard *h = &t->heard;

	if (h->n_dropped != t->status.n_dropped)
		h->n_unsure = PASS_MISSED_MAX + 1;
	else if (h->n_unsure > 0)
		h->n_unsure--;
	h->n_dropped = t->status.n_dropped;
}

int heard_open(struct tracker *t, struct track_netns *ns)
{
	int r;

	if (ns->slot == 0)
		look_at_dropped(t);
	if (ns->heard || !t->events.wanted)
		return 0;
	/* What ours has not the others have not either. */
	if (ns->slot != 0 && t->status.heard_error != 0)
		return 0;
	r = open_source(t, ns);
	if (ns->slot == 0)
		t->status.heard_error = r;
	t->status.n_netns_heard = t->heard.n_open;
	return r == -ENOMEM ? r : 0;
}

void heard_close(struct tracker *t, struct track_netns *ns)
{
	if (!ns->heard)
		return;
	namespaces_unwatch(t, EAR_HEARD, events_source_fd(ns->heard));
	ns->heard = events_source_free(ns->heard);
	t->heard.n_open--;
	t->status.n_netns_heard = t->heard.n_open;
}

void heard_want(struct tracker *t, bool want)
{
	struct track_netns *ns;

	t->status.heard_error = want ? 0 : -ENOTCONN;
	for (unsigned int slot = 0; (ns = namespaces_next(&t->namespaces, &slot));) {
		if (want)
			(void)heard_open(t, ns);
		else
			heard_close(t, ns);
	}
	if (!want)
		heard_flush(t, UINT64_MAX);
}

/* 1 when left is used up, 0 when all was taken in, -ENOMEM. */
static int receive_some(struct tracker *t, struct track_netns *ns, unsigned int *left)
{
	t->heard.ns = ns;
	for (; *left > 0; --*left) {
		uint64_t lost = 0;
		int r = events_source_receive(ns->heard, take_change, t, &lost);

		if (r == -EAGAIN)
			return 0;
		if (r == -ENOMEM)
			return r;
		if (r == -ENOBUFS) {
			t->status.n_unheard += lost;
			events_put_lost(&t->events, lost);
		} else if (r < 0 && r != -EBADMSG) {
			/* The module is gone, or something went wrong: it is tried again with each pass. */
			heard_close(t, ns);
			if (ns->slot == 0)
				t->status.heard_error = r;
			return 0;
		}
	}
	return 1;
}

void heard_drain(struct tracker *t, struct track_netns *ns)
{
	unsigned int left = HEARD_DRAIN_MAX;

	if (ns->heard)
		(void)receive_some(t, ns, &left);
}

int heard_receive(struct tracker *t)
{
	struct track_netns *ready[NETNS_READY_MAX];
	unsigned int left = HEARD_CHANGES_MAX, n;

	if (t->heard.n_open == 0)
		return 0;
	while ((n = namespaces_ready(t, EAR_HEARD, ready)) > 0) {
		for (unsigned int i = 0; i < n; i++) {
			int r = ready[i]->heard ? receive_some(t, ready[i], &left) : 0;

			if (r != 0)
				return r;
		}
	}
	return 0;
}
