/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events on their way to listeners */

#include "track/events.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <time.h>

#include "snapshot/writer.h"

#define OVERFLOW_SIZE 128 /* an EVENT block without a message, and some */

/* An event in held: the block EVENT, then, unless it has owners already, a gap for them, then the rest. */
struct held {
	uint32_t event_size, rest_size; /* bytes behind this head */
	uint32_t inode; /* its holders are written when it goes; 0 for none, or none any more */
	uint32_t scan;  /* the scan that it waits for; 0 for none */
	uint64_t deadline_usec;
};

void events_init(struct events *e, const struct holders *h, size_t max)
{
	*e = (struct events){ .holders = h, .max = max };
	arena_init(&e->held);
	arena_init(&e->out);
	arena_init(&e->piece);
}

void events_deinit(struct events *e)
{
	arena_deinit(&e->held);
	arena_deinit(&e->out);
	arena_deinit(&e->piece);
	former_deinit(&e->former);
}

void events_want(struct events *e, bool want)
{
	if (e->wanted && !want) {
		events_deinit(e);
		e->n_lost_now = 0;
	}
	e->wanted = want;
}

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static uint64_t realtime_usec(void)
{
	return clock_usec(CLOCK_REALTIME);
}

/* What is in the future, by a clock that was read earlier, is now. */
static uint64_t event_time(const struct event *event)
{
	uint64_t now = event->boottime_usec != 0 ? clock_usec(CLOCK_BOOTTIME) : 0;

	return realtime_usec() - (event->boottime_usec < now ? now - event->boottime_usec : 0);
}

static int write_event(struct arena *a, const struct event *event)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, event->kind);
	attr_block_u64(&b, SOCKETD_EVENT_TIME, event_time(event));
	if (event->old_state != 0)
		attr_block_u32(&b, SOCKETD_EVENT_OLD_STATE, event->old_state);
	attr_block_u64(&b, SOCKETD_EVENT_GENERATION, event->generation);
	return attr_block_write(&b, a);
}

static int write_track(struct arena *a, const struct socketd_track *track)
{
	struct bulk_block b;
	int r = bulk_block_begin(&b, a, SOCKETD_BLOCK_TRACKS, sizeof(*track));

	if (r < 0)
		return r;
	memcpy(b.payload, track, sizeof(*track));
	bulk_block_end(&b, a, sizeof(*track));
	return 0;
}

static void patch_message(uint8_t *data, size_t len, const struct event *event)
{
	struct inet_diag_msg *msg = (void *)data;

	if (len < sizeof(*msg))
		return;
	msg->id = event->remembered->id;
	msg->idiag_inode = event->remembered->idiag_inode;
	msg->idiag_uid = event->remembered->idiag_uid;
}

static int write_message(struct arena *a, const struct event *event)
{
	const struct message *m = event->m;
	bool is_line = source_def_get(m->source)->kind == KIND_PROC_INET;
	size_t size = sizeof(struct socketd_messages) + (is_line ? m->len + 1 : NLMSG_SPACE(m->len));
	struct socketd_messages head = { .source = m->source, .netns = m->netns };
	struct bulk_block b;
	uint8_t *p;
	int r = bulk_block_begin(&b, a, is_line ? SOCKETD_BLOCK_LINES : SOCKETD_BLOCK_MESSAGES, size);

	if (r < 0)
		return r;
	memcpy(b.payload, &head, sizeof(head));
	p = b.payload + sizeof(head);
	if (is_line) {
		memcpy(p, m->data, m->len);
		p[m->len] = '\n';
	} else {
		struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH(m->len), .nlmsg_type = SOCK_DIAG_BY_FAMILY };

		memset(p, 0, NLMSG_SPACE(m->len));
		memcpy(p, &h, sizeof(h));
		memcpy(p + NLMSG_HDRLEN, m->data, m->len);
		if (event->remembered)
			patch_message(p + NLMSG_HDRLEN, m->len, event);
	}
	bulk_block_end(&b, a, size);
	return 0;
}

/* A process that no scan has met has the name that the module told, and its uid is taken for that of the socket. */
static int write_told_process(struct arena *a, const struct events *e, const struct event *event)
{
	struct attr_block b;
	struct holder known;

	if (holders_process(e->holders, event->owner_pid, &known) && known.comm_len == strlen(event->owner_comm) &&
	    memcmp(known.comm, event->owner_comm, known.comm_len) == 0)
		return holders_write_process(e->holders, event->owner_pid, a);
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, event->owner_pid);
	if (event->owner_uid != UINT32_MAX)
		attr_block_u32(&b, SOCKETD_PROCESS_UID, event->owner_uid);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, event->owner_comm);
	return attr_block_write(&b, a);
}

/* The one that the module told of. 1 or -ENOMEM. */
static int write_told_owner(struct arena *a, const struct events *e, const struct event *event)
{
	struct bulk_block b;
	int r = write_told_process(a, e, event);

	if (r >= 0)
		r = bulk_block_begin(&b, a, SOCKETD_BLOCK_OWNERS, sizeof(struct socketd_owner));
	if (r < 0)
		return r;
	*(struct socketd_owner *)b.payload =
		(struct socketd_owner){ .inode = event->inode, .pid = event->owner_pid, .fd = SOCKETD_OWNER_NO_FD };
	bulk_block_end(&b, a, sizeof(struct socketd_owner));
	return 1;
}

/* PROCESS and OWNERS of those who hold the inode. How many descriptors that are, or -ENOMEM. */
static int write_owners(struct arena *a, const struct events *e, uint32_t inode)
{
	const struct holders *holders = e->holders;
	struct holder found[EVENTS_OWNERS_MAX];
	unsigned int n = holders_find_all(holders, inode, found, EVENTS_OWNERS_MAX);
	unsigned int end;

	if (n == 0)
		return former_write(&e->former, holders, inode, a);
	for (unsigned int i = 0; i < n; i = end) {
		struct bulk_block b;
		int r = holders_write_process(holders, found[i].pid, a);

		if (r < 0)
			return r;
		for (end = i + 1; end < n && found[end].pid == found[i].pid;)
			end++;
		r = bulk_block_begin(&b, a, SOCKETD_BLOCK_OWNERS, (end - i) * sizeof(struct socketd_owner));
		if (r < 0)
			return r;
		for (unsigned int k = i; k < end; k++)
			((struct socketd_owner *)b.payload)[k - i] =
				(struct socketd_owner){ .inode = inode, .pid = found[k].pid, .fd = found[k].fd };
		bulk_block_end(&b, a, (end - i) * sizeof(struct socketd_owner));
	}
	return n;
}

static void lose(struct events *e, uint64_t n)
{
	e->n_lost_now += n;
	e->n_lost += n;
}

static size_t pending(const struct events *e)
{
	return arena_pending(&e->held) + arena_pending(&e->out);
}

/* Ordered as what was lost: behind all that is there, so into held while something is. */
static int put_overflow(struct events *e)
{
	struct arena *a = &e->out;
	struct held *head = NULL;
	struct attr_block b;
	int r;

	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, SOCKETD_EVENT_OVERFLOW);
	attr_block_u64(&b, SOCKETD_EVENT_TIME, realtime_usec());
	attr_block_u64(&b, SOCKETD_EVENT_LOST, e->n_lost_now);
	if (arena_pending(&e->held) > 0) {
		a = &e->held;
		head = arena_reserve(a, sizeof(*head) + OVERFLOW_SIZE);
		if (!head)
			return -ENOMEM;
		*head = (struct held){ .event_size = sizeof(struct socketd_block) + ((b.length + 7) & ~(size_t)7) };
		arena_commit(a, sizeof(*head));
	}
	r = attr_block_write(&b, a);
	if (r >= 0)
		e->n_lost_now = 0;
	return r;
}

static bool has_room(const struct events *e, size_t size)
{
	return pending(e) + size <= e->max;
}

/* How many descriptors that are, or -ENOMEM. */
static int write_event_owners(struct arena *a, const struct events *e, const struct event *event)
{
	int n = 0;

	if (event->inode != 0 && (event->is_scanned || event->owner_pid == 0))
		n = write_owners(a, e, event->inode);
	return n == 0 && event->owner_pid != 0 ? write_told_owner(a, e, event) : n;
}

/* All of one event, or nothing of it. */
static int put_direct(struct events *e, const struct event *event)
{
	struct arena_mark mark = arena_mark(&e->out);
	int r;

	r = write_event(&e->out, event);
	if (r >= 0)
		r = write_event_owners(&e->out, e, event);
	if (r >= 0 && event->track)
		r = write_track(&e->out, event->track);
	if (r >= 0)
		r = write_message(&e->out, event);
	if (r < 0)
		(void)arena_rewind(&e->out, mark);
	return r;
}

/* Into a piece by itself: held's records must not span chunks. */
static int compose(struct events *e, const struct event *event, struct held *head)
{
	struct arena *a = &e->piece;
	int n = 0, r;

	r = write_event(a, event);
	head->event_size = (uint32_t)arena_pending(a);
	/*
	 * Of one that does not wait the owners are written now: the scan behind
	 * which it waits may find them gone.
	 */
	if (r >= 0 && !event->waits)
		r = n = write_event_owners(a, e, event);
	if (r >= 0 && event->track)
		r = write_track(a, event->track);
	if (r >= 0)
		r = write_message(a, event);
	head->rest_size = (uint32_t)arena_pending(a) - head->event_size;
	head->inode = n == 0 ? event->inode : 0;
	head->scan = event->waits ? e->scans_begun + 1 : 0;
	return r;
}

static int put_held(struct events *e, const struct event *event, uint64_t now_usec)
{
	struct held head = { .deadline_usec = now_usec + EVENTS_WAIT_USEC };
	const uint8_t *data;
	size_t size;
	uint8_t *room = NULL;
	int r = compose(e, event, &head);

	size = arena_peek(&e->piece, &data);
	if (r >= 0 && size == arena_pending(&e->piece))
		room = arena_reserve(&e->held, sizeof(head) + size);
	if (room) {
		memcpy(room, &head, sizeof(head));
		memcpy(room + sizeof(head), data, size);
		arena_commit(&e->held, sizeof(head) + size);
	}
	while ((size = arena_peek(&e->piece, &data)) > 0)
		arena_consume(&e->piece, size);
	return room ? 0 : -ENOMEM;
}

void events_put(struct events *e, const struct event *event, uint64_t now_usec)
{
	/* Twice: what is said when there was an overflow before must fit as well. */
	size_t size = 2 * OVERFLOW_SIZE + event->m->len + 512;
	bool hold = event->waits || arena_pending(&e->held) > 0;

	if (!e->wanted)
		return;
	if (!has_room(e, size) || (e->n_lost_now > 0 && put_overflow(e) < 0) ||
	    (hold ? put_held(e, event, now_usec) : put_direct(e, event)) < 0)
		lose(e, 1);
}

void events_put_lost(struct events *e, uint64_t n)
{
	if (!e->wanted)
		return;
	e->n_lost_now += n;
	if (has_room(e, OVERFLOW_SIZE))
		(void)put_overflow(e);
}

static int release(struct events *e, const struct held *head)
{
	struct arena_mark mark = arena_mark(&e->out);
	const uint8_t *data = (const uint8_t *)(head + 1);
	uint8_t *room = arena_reserve(&e->out, head->event_size);
	int r = 0;

	if (!room)
		return -ENOMEM;
	memcpy(room, data, head->event_size);
	arena_commit(&e->out, head->event_size);
	if (head->inode != 0)
		r = write_owners(&e->out, e, head->inode);
	room = r >= 0 && head->rest_size > 0 ? arena_reserve(&e->out, head->rest_size) : NULL;
	if (room) {
		memcpy(room, data + head->event_size, head->rest_size);
		arena_commit(&e->out, head->rest_size);
		return 0;
	}
	if (head->rest_size == 0)
		return r;
	(void)arena_rewind(&e->out, mark);
	return -ENOMEM;
}

static const struct held *first_held(const struct events *e)
{
	const uint8_t *data;

	return arena_peek(&e->held, &data) > 0 ? (const struct held *)data : NULL;
}

bool events_flush(struct events *e, uint64_t now_usec)
{
	const struct held *head;
	unsigned int n = 0;

	for (; n < EVENTS_RELEASES && (head = first_held(e)); n++) {
		size_t size = sizeof(*head) + head->event_size + head->rest_size;

		if (head->scan > e->scans_ended && now_usec < head->deadline_usec)
			break;
		if (release(e, head) < 0)
			lose(e, 1);
		arena_consume(&e->held, size);
	}
	if (e->n_lost_now > 0 && pending(e) <= e->max / 2)
		(void)put_overflow(e);
	return n == EVENTS_RELEASES;
}

uint64_t events_deadline(const struct events *e)
{
	const struct held *head = first_held(e);

	return head ? head->deadline_usec : UINT64_MAX;
}
