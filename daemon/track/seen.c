/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message of a pass goes into the table: what is new, what changed, how fast it moves */

#include <errno.h>
#include <unistd.h>

#include "source/host.h"
#include "track/state.h"

/*
 * When an entry's counters were read, in the 16 bits that it has for this: which
 * of the last 32 passes with counters, and how far into that pass in steps of 4 ms.
 * A dump takes the better part of a second: pass times alone would not do.
 */
#define READ_OFFSET_BITS 11
#define READ_OFFSET_USEC 4096
#define READ_OFFSET_MAX ((1u << READ_OFFSET_BITS) - 1)

static uint16_t reading_pack(const struct pass *p, uint64_t now)
{
	uint64_t offset = (now - p->begin_usec) / READ_OFFSET_USEC;

	return (uint16_t)(p->counters_number % COUNTER_PASSES << READ_OFFSET_BITS |
			  (offset < READ_OFFSET_MAX ? offset : READ_OFFSET_MAX));
}

static uint64_t reading_usec(const struct pass *p, uint16_t packed)
{
	return p->counters_begin_usec[packed >> READ_OFFSET_BITS] +
	       (uint64_t)(packed & READ_OFFSET_MAX) * READ_OFFSET_USEC;
}

static void store_counters(struct track_entry *e, const struct sight *s)
{
	e->tcp.bytes_acked = s->bytes_acked;
	e->tcp.bytes_received = s->bytes_received;
	e->tcp.segs_out = s->segs_out;
	e->tcp.segs_in = s->segs_in;
	e->tcp.retrans = s->retrans;
}

static void take_counters(struct tracker *t, struct track_entry *e, const struct sight *s, uint64_t now)
{
	uint16_t reading = reading_pack(&t->pass, now);
	uint64_t before = e->flags & TRACK_COUNTERS ? reading_usec(&t->pass, e->tcp.reading) : 0;
	double seconds = ((double)reading_usec(&t->pass, reading) - (double)before) / 1e6;

	/* Twice in one pass: a row that the dump met again. */
	if ((e->flags & TRACK_COUNTERS) && seconds < 0.05)
		return;
	if (!(e->flags & TRACK_COUNTERS)) {
		e->flags |= TRACK_COUNTERS;
	} else if (s->bytes_acked < e->tcp.bytes_acked || s->bytes_received < e->tcp.bytes_received) {
		/* Never, unless the socket was connected anew: it begins again. */
		e->flags &= ~TRACK_RATES;
	} else {
		e->flags |= TRACK_RATES;
		e->tcp.tx = track_rate_pack((double)(s->bytes_acked - e->tcp.bytes_acked) / seconds);
		e->tcp.rx = track_rate_pack((double)(s->bytes_received - e->tcp.bytes_received) / seconds);
		e->tcp.tx_segs = track_rate_pack((uint32_t)(s->segs_out - e->tcp.segs_out) / seconds);
		e->tcp.rx_segs = track_rate_pack((uint32_t)(s->segs_in - e->tcp.segs_in) / seconds);
		e->tcp.retrans_rate = track_rate_pack((uint32_t)(s->retrans - e->tcp.retrans) / seconds);
	}
	store_counters(e, s);
	e->tcp.reading = reading;
}

static void put(struct tracker *t, uint32_t kind, const struct track_entry *e, const struct message *m, uint8_t old_state,
		uint64_t now)
{
	struct socketd_track track;
	struct message own = *m;
	struct caller caller;
	struct event event = {
		.kind = kind,
		.old_state = old_state,
		.generation = t->status.generation + 1,
		.inode = e->inode,
		.waits = kind == SOCKETD_EVENT_OPENED && e->inode != 0 && e->owner_pid == 0,
		.m = &own,
		.track = &track,
	};

	if (heard_owner(t, e, &caller)) {
		event.owner_pid = caller.pid;
		event.owner_uid = e->uid;
		event.owner_comm = caller.comm;
		event.is_scanned = e->owner_pid != 0;
		event.waits = false;
	}
	own.source = e->source;
	own.netns = (uint32_t)track_table_netns(t->table, e);
	tracker_fill(t, e, &track);
	events_put(&t->events, &event, now);
}

static void opened(struct tracker *t, struct track_entry *e, const struct message *m, uint64_t now)
{
	/* A listener who begins to listen makes us open some, of which nobody wants to hear. */
	if (e->source == SOURCE_netlink && namespaces_is_ours(t->pass.ns, e->inode))
		return;
	e->flags |= TRACK_REPORTED;
	/* What was there before we looked was not opened. */
	if (!(t->pass.ns->known & SOURCE_BIT(e->source)))
		return;
	t->status.n_opened++;
	if (t->events.wanted)
		put(t, SOCKETD_EVENT_OPENED, e, m, 0, now);
}

/* Its end was told while the dump that still has it was on its way. */
static bool was_told_gone(const struct tracker *t, const struct sight *s)
{
	return track_is_told(s->source) && !s->is_brief && (t->gone.overflowed || cookie_set_has(&t->gone, s->cookie));
}

static void add(struct tracker *t, const struct message *m, const struct sight *s, uint64_t now)
{
	struct track_entry *e;

	if (was_told_gone(t, s))
		return;
	e = tracker_is_full(t) ? NULL :
				 track_table_add(t->table, s->source, s->cookie, s->twin, s->inode, s->is_ipv6 ? &s->pair : NULL);
	if (!e) {
		t->pass.n_unremembered++;
		return;
	}
	(void)sight_store(s, t->table, e);
	namespaces_count_in(t->pass.ns, e);
	e->pass = t->pass.byte;
	e->first_seen = e->state_since = track_ticks(t->boottime_usec);
	if (!(t->pass.ns->known & SOURCE_BIT(s->source)))
		e->flags |= TRACK_AGE_AT_LEAST | TRACK_STATE_AGE_AT_LEAST;
	if (s->has_counters)
		take_counters(t, e, s, now);
	if (s->state == STATE_LISTEN)
		heard_listener(t, e);
	if (s->inode != 0)
		scan_unowned(t, s->inode);
	if (!s->is_brief)
		opened(t, e, m, now);
}

static void changed(struct tracker *t, struct track_entry *e, const struct message *m, uint8_t old_state, uint64_t now)
{
	e->state_since = track_ticks(t->boottime_usec);
	e->flags &= ~TRACK_STATE_AGE_AT_LEAST;
	if (!(e->flags & TRACK_REPORTED))
		return;
	t->status.n_changed++;
	if (t->events.wanted)
		put(t, SOCKETD_EVENT_CHANGED, e, m, old_state, now);
}

/*
 * Whether it keeps its namespace in view: a process beside us holds it. What has no owner after a
 * scan is the kernel's, or of nobody; of one that no scan looked for yet it is not known. Netlink sockets do
 * not count: two daemons that listen in a namespace would keep it for each other for ever.
 */
static bool is_held(const struct tracker *t, const struct track_entry *e)
{
	if (e->inode == 0 || e->source == SOURCE_netlink || e->owner_pid == (uint32_t)getpid())
		return false;
	return e->owner_pid != 0 || (!(e->flags & TRACK_OWNER_SOUGHT) && t->status.scan_error == 0);
}

int seen_message(void *ctx, const struct message *m, const struct sight *s)
{
	struct tracker *t = ctx;
	uint64_t now = t->step_usec;
	struct track_entry *e = tracker_find(t, s);
	uint32_t old_inode;
	uint8_t old_state;

	t->pass.n_seen[s->source]++;
	if (!e) {
		add(t, m, s, now);
		return 0;
	}
	/*
	 * A TIME-WAIT that has the cookie of its socket, whose end is about to be
	 * told (or found, when the kernel lost it): the row is not that socket any more.
	 */
	if (s->is_brief ? (e->flags & TRACK_REPORTED) : !(e->flags & TRACK_REPORTED) && was_told_gone(t, s))
		return 0;
	if (heard_overrules(t, e, s)) {
		e->pass = t->pass.byte;
		e->missed = 0;
		return 0;
	}
	old_state = e->state;
	old_inode = e->inode;
	e->pass = t->pass.byte;
	e->missed = 0;
	if (!t->pass.ns->found)
		t->pass.ns->n_held += is_held(t, e);
	/* Without memory an IPv6 socket keeps its old addresses. */
	(void)sight_store(s, t->table, e);
	if (e->inode != old_inode) {
		e->owner_pid = 0;
		e->flags &= ~TRACK_OWNER_SOUGHT;
		scan_unowned(t, e->inode);
	}
	if (e->state != old_state && e->state == STATE_LISTEN)
		heard_listener(t, e);
	if (e->state != old_state)
		changed(t, e, m, old_state, now);
	/* A request sock that became a socket. */
	if (!(e->flags & TRACK_REPORTED) && !s->is_brief)
		opened(t, e, m, now);
	if (s->has_counters)
		take_counters(t, e, s, now);
	return 0;
}
