/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ends of sockets: told by the kernel's destroy groups, or found by the sweep behind a pass */

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include "source/host.h"
#include "track/batch.h"
#include "track/state.h"

static int open_groups(struct tracker *t, struct track_netns *ns)
{
	int fd;

	if (ns->id.own)
		return destroy_open(&ns->destroy);
	fd = namespaces_open_thing(t, ns, NETNS_SOCK_DIAG, NULL);
	return fd < 0 ? fd : destroy_join(&ns->destroy, fd);
}

int gone_open(struct tracker *t, struct track_netns *ns)
{
	int r;

	/* A kernel that has none is not asked again. */
	if (ns->destroy.fd >= 0 || t->status.destroy_error == -ENOENT)
		return 0;
	r = open_groups(t, ns);
	if (r >= 0) {
		namespaces_note_socket(ns, SOCKET_CLOSINGS, ns->destroy.fd);
		r = namespaces_watch(t, ns, EAR_DESTROY, ns->destroy.fd);
		if (r < 0)
			destroy_close(&ns->destroy);
	}
	if (r < 0)
		ns->destroy.fd = -1;
	if (ns->id.own)
		t->status.destroy_error = r < 0 ? r : 0;
	return r == -ENOMEM ? r : 0;
}

void gone_close(struct tracker *t, struct track_netns *ns)
{
	namespaces_unwatch(t, EAR_DESTROY, ns->destroy.fd);
	destroy_close(&ns->destroy);
	t->namespaces.n_backlog -= ns->backlog;
	ns->backlog = false;
}

/* m is the kernel's last word, or rebuilt from the entry itself. */
static void put_closed(struct tracker *t, const struct track_entry *e, const struct message *m, bool told)
{
	_Alignas(8) uint8_t buf[SIGHT_MESSAGE_MAX];
	struct socketd_track track;
	struct event event = {
		.kind = SOCKETD_EVENT_CLOSED,
		.generation = t->status.generation + (t->pass.phase == PASS_SWEPT),
		.inode = e->inode,
		.m = m,
		.track = &track,
	};
	struct caller caller;
	const uint8_t *state = m->data + 1; /* idiag_state */

	if (heard_owner(t, e, &caller)) {
		event.owner_pid = caller.pid;
		event.owner_uid = e->uid;
		event.owner_comm = caller.comm;
		event.is_scanned = e->owner_pid != 0;
	}

	if (told && sight_rebuild(t->table, e, buf) >= NLMSG_LENGTH(sizeof(*event.remembered)))
		event.remembered = (void *)(buf + NLMSG_HDRLEN);
	if (told && *state != e->state)
		event.old_state = e->state;
	tracker_fill(t, e, &track);
	events_put(&t->events, &event, host_now_usec());
}

static void put_unknown(struct tracker *t, uint32_t kind, const struct message *m)
{
	struct event event = { .kind = kind, .generation = t->status.generation, .m = m };

	events_put(&t->events, &event, host_now_usec());
}

static void forget(struct tracker *t, struct track_entry *e)
{
	if (e->flags & TRACK_REPORTED)
		t->status.n_closed++;
	if (e->owner_pid != 0)
		holders_touch(t->holders, e->owner_pid);
	namespaces_count_out(namespaces_at(&t->namespaces, e->netns), e);
	track_table_remove(t->table, e);
}

/* It came and went since the last pass. */
static void count_brief(struct tracker *t, const struct message *m)
{
	t->status.n_opened++;
	t->status.n_closed++;
	t->status.n_brief++;
	if (t->events.wanted) {
		put_unknown(t, SOCKETD_EVENT_OPENED, m);
		put_unknown(t, SOCKETD_EVENT_CLOSED, m);
	}
}

static void told_end(struct tracker *t, struct track_entry *e, const struct message *m, const struct sight *s)
{
	if (e && (e->flags & TRACK_REPORTED)) {
		if (t->events.wanted)
			put_closed(t, e, m, true);
		forget(t, e);
	} else if (t->telling->known & SOURCE_BIT(s->source)) {
		count_brief(t, m);
	}
}

/*
 * One message of the destroy groups. An entry that was not reported is of a
 * request sock, whose socket had its cookie, or of the TIME-WAIT that came after
 * it (with its cookie in newer kernels): it stays for as long as passes have it.
 */
static int told_message(void *ctx, const struct message *m, const struct sight *s)
{
	struct tracker *t = ctx;
	struct track_entry *e = tracker_find(t, s);
	struct message own = *m;

	own.source = s->source;
	own.netns = (uint32_t)t->telling->id.ino;
	/* A sweep told of it before; or the module, and this is the end of an entry that is closed. */
	if (e && heard_is_over(e))
		forget(t, e);
	else if (!cookie_set_has(&t->gone, s->cookie) || (e && (e->flags & TRACK_REPORTED)))
		told_end(t, e, &own, s);
	/* The dump under way may have read it while it was there. */
	if (t->pass.phase != PASS_NONE)
		cookie_set_add(&t->gone, s->cookie, GONE_MAX);
	return 0;
}

/*
 * Until the first pass is over nothing is new: of what comes and goes meanwhile
 * no opening and no closing is counted.
 */
static void put_dropped(struct tracker *t, struct track_netns *ns, uint64_t n)
{
	t->status.n_dropped += n;
	if (ns->n_passes > 0)
		dropped_add(&ns->dropped, n, t->pass.phase != PASS_NONE, t->events.wanted);
}

/* Of one namespace, at most max; how many that were, or -ENOMEM. */
static int receive_some(struct tracker *t, struct track_netns *ns, unsigned int max)
{
	uint64_t lost = 0;
	unsigned int n;
	int r = 0;

	for (n = 0; n < max && ns->destroy.fd >= 0; n++) {
		r = destroy_receive(&ns->destroy, &t->scratch, &lost);
		if (r == -EAGAIN || r == -ENOMEM)
			break;
		if (r == -ENOBUFS) {
			put_dropped(t, ns, lost);
		} else if (r < 0 && r != -EBADMSG) {
			/* Opened again with the next pass. */
			gone_close(t, ns);
			if (ns->id.own)
				t->status.destroy_error = r;
		}
	}
	t->telling = ns;
	/* What changed before: a socket that nobody has heard of yet was not brief. */
	heard_drain(t, ns);
	if (arena_pending(&t->scratch) > 0)
		(void)batch_walk(&t->scratch, t->table, told_message, t);
	if ((n == max) != ns->backlog) {
		ns->backlog = n == max;
		t->namespaces.n_backlog += ns->backlog ? 1 : -1;
	}
	return r == -ENOMEM ? r : (int)n;
}

/*
 * Those whose turn was over before all was received are not left to the epoll set:
 * how many notices the kernel dropped is known at the end of a queue, which may be empty by now.
 */
static unsigned int backlogged(struct tracker *t, struct track_netns *ret[static NETNS_READY_MAX])
{
	unsigned int slot = 0, n = 0;
	struct track_netns *ns;

	while (n < NETNS_READY_MAX && n < t->namespaces.n_backlog && (ns = namespaces_next(&t->namespaces, &slot)))
		if (ns->backlog)
			ret[n++] = ns;
	return n;
}

int gone_receive(struct tracker *t)
{
	struct track_netns *ready[NETNS_READY_MAX];
	unsigned int n_ready = t->namespaces.n_backlog > 0 ? backlogged(t, ready) : namespaces_ready(t, EAR_DESTROY, ready);
	unsigned int left = CLOSINGS_MAX;

	for (unsigned int i = 0; i < n_ready && left > 0; i++) {
		unsigned int share = left / (n_ready - i);
		int r = receive_some(t, ready[i], share > 0 ? share : 1);

		if (r < 0)
			return r;
		left -= (unsigned int)r < left ? (unsigned int)r : left;
	}
	/* Which ones have more is asked again when those in arrears are done. */
	return t->namespaces.n_backlog > 0 || n_ready == NETNS_READY_MAX;
}

/* Of a socket that is gone without a word of the kernel. */
static void put_swept(struct tracker *t, const struct track_entry *e)
{
	_Alignas(8) uint8_t buf[SIGHT_MESSAGE_MAX];
	size_t len = sight_rebuild(t->table, e, buf);
	struct message m = { .data = buf + NLMSG_HDRLEN, .len = (uint32_t)len - NLMSG_HDRLEN, .source = e->source,
			     .netns = (uint32_t)track_table_netns(t->table, e) };

	if (len == 0) {
		m.data = buf;
		m.len = (uint32_t)sight_rebuild_line(t->table, e, (char *)buf);
	}
	put_closed(t, e, &m, false);
}

static void swept_entry(struct tracker *t, struct track_netns *ns, struct track_entry *e)
{
	if (t->events.wanted && (e->flags & TRACK_REPORTED))
		put_swept(t, e);
	/* One that is there still, but in a namespace that is let go of, was not lost. */
	if (track_is_told(e->source) && ns->destroy.fd >= 0 && !(ns->leaving && e->pass == t->pass.byte)) {
		/* What the kernel says of it now comes too late. */
		cookie_set_add(&t->gone, e->cookie, GONE_MAX);
		if ((e->flags & TRACK_REPORTED) || heard_is_over(e))
			dropped_claim(&ns->dropped);
	}
	forget(t, e);
}

/* Of a source that was not read nothing was found gone: the next pass may. */
static void settle_dropped(struct tracker *t)
{
	uint64_t n_heard, told = 0, n_heard_in_all = 0;
	struct track_netns *ns;
	unsigned int slot = 0;

	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		told |= track_is_told((uint8_t)id) ? SOURCE_BIT(id) : 0;
	while ((ns = namespaces_next(&t->namespaces, &slot))) {
		if (told & ns->known & ~ns->read_whole)
			continue;
		t->status.n_lost += 2 * dropped_settle(&ns->dropped, &n_heard);
		n_heard_in_all += n_heard;
	}
	if (n_heard_in_all > 0)
		events_put_lost(&t->events, 2 * n_heard_in_all);
}

int gone_sweep(struct tracker *t)
{
	struct track_netns *ns;
	struct track_entry *e;

	_Static_assert(PASS_MISSED_MAX == 2, "an entry has one bit for the passes that missed it");
	if (t->pass.cursor == 0)
		cookie_set_clear(&t->gone);
	for (unsigned int n = 0; n < PASS_SWEEP; n++) {
		e = track_table_next(t->table, &t->pass.cursor);
		if (!e) {
			settle_dropped(t);
			return 0;
		}
		ns = namespaces_at(&t->namespaces, e->netns);
		if (ns->leaving)
			swept_entry(t, ns, e);
		else if (e->pass == t->pass.byte || !(ns->read_whole & SOURCE_BIT(e->source)) || heard_keeps(t, e))
			continue;
		else if (e->missed)
			swept_entry(t, ns, e);
		else
			e->missed = 1;
	}
	return 1;
}
