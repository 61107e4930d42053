/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ends of sockets: told by the kernel's destroy groups, or found by the sweep behind a pass */

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include "source/host.h"
#include "track/batch.h"
#include "track/state.h"

int gone_open(struct tracker *t)
{
	int r;

	if (t->destroy_opened && t->destroy.fd >= 0)
		return 0;
	/* Without them the sweeps find what is gone. A kernel that has none is not asked again. */
	if (t->destroy_opened && t->status.destroy_error == -ENOENT)
		return 0;
	t->destroy_opened = true;
	r = destroy_open(&t->destroy);
	if (r >= 0) {
		r = tracker_watch(t, t->destroy.fd);
		if (r < 0)
			destroy_close(&t->destroy);
	}
	if (r < 0)
		t->destroy.fd = -1;
	t->status.destroy_error = r < 0 ? r : 0;
	return r == -ENOMEM ? r : 0;
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
	const uint8_t *state = m->data + 1; /* idiag_state */

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
	/* A sweep told of it before. */
	if (cookie_set_has(&t->gone, s->cookie))
		return 0;
	if (e && (e->flags & TRACK_REPORTED)) {
		if (t->events.wanted)
			put_closed(t, e, &own, true);
		forget(t, e);
	} else if (t->pass.known[s->source]) {
		count_brief(t, &own);
	}
	/* The dump under way may have read it while it was there. */
	if (t->pass.phase != PASS_NONE)
		cookie_set_add(&t->gone, s->cookie, GONE_MAX);
	return 0;
}

/*
 * Until the first pass is over nothing is new: of what comes and goes meanwhile
 * no opening and no closing is counted.
 */
static void put_dropped(struct tracker *t, uint64_t n)
{
	t->status.n_dropped += n;
	if (t->status.generation > 0)
		dropped_add(&t->dropped, n, t->pass.phase != PASS_NONE, t->events.wanted);
}

int gone_receive(struct tracker *t)
{
	uint64_t lost = 0;
	unsigned int n;
	int r = 0;

	for (n = 0; n < CLOSINGS_MAX && t->destroy.fd >= 0; n++) {
		r = destroy_receive(&t->destroy, &t->scratch, &lost);
		if (r == -EAGAIN || r == -ENOMEM)
			break;
		if (r == -ENOBUFS) {
			put_dropped(t, lost);
		} else if (r < 0 && r != -EBADMSG) {
			/* Opened again with the next pass. */
			destroy_close(&t->destroy);
			t->destroy.fd = -1;
			t->status.destroy_error = r;
		}
	}
	if (arena_pending(&t->scratch) > 0)
		(void)batch_walk(&t->scratch, t->table, told_message, t);
	if (r == -ENOMEM)
		return r;
	return n == CLOSINGS_MAX;
}

/* Of a socket that is gone without a word of the kernel. */
static void put_swept(struct tracker *t, const struct track_entry *e)
{
	_Alignas(8) uint8_t buf[SIGHT_MESSAGE_MAX];
	size_t len = sight_rebuild(t->table, e, buf);
	struct message m = { .data = buf + NLMSG_HDRLEN, .len = (uint32_t)len - NLMSG_HDRLEN, .source = e->source };

	if (len == 0) {
		m.data = buf;
		m.len = (uint32_t)sight_rebuild_line(t->table, e, (char *)buf);
	}
	put_closed(t, e, &m, false);
}

static void swept_entry(struct tracker *t, struct track_entry *e)
{
	if (t->events.wanted && (e->flags & TRACK_REPORTED))
		put_swept(t, e);
	if (track_is_told(e->source) && t->destroy.fd >= 0) {
		/* What the kernel says of it now comes too late. */
		cookie_set_add(&t->gone, e->cookie, GONE_MAX);
		if (e->flags & TRACK_REPORTED)
			dropped_claim(&t->dropped);
	}
	forget(t, e);
}

/* Of a source that was not read nothing was found gone: the next pass may. */
static void settle_dropped(struct tracker *t)
{
	uint64_t n_heard;

	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		if (track_is_told(id) && t->pass.known[id] && !t->pass.read_whole[id])
			return;
	t->status.n_lost += 2 * dropped_settle(&t->dropped, &n_heard);
	if (n_heard > 0)
		events_put_lost(&t->events, 2 * n_heard);
}

int gone_sweep(struct tracker *t)
{
	struct track_entry *e = NULL;

	if (t->pass.cursor == 0)
		cookie_set_clear(&t->gone);
	for (unsigned int n = 0; n < PASS_SWEEP; n++) {
		e = track_table_next(t->table, &t->pass.cursor);
		if (!e) {
			settle_dropped(t);
			return 0;
		}
		if (e->pass == t->pass.byte || !t->pass.read_whole[e->source])
			continue;
		if (++e->missed >= PASS_MISSED_MAX)
			swept_entry(t, e);
	}
	return 1;
}
