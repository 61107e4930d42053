/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon remembers, added to a reading on its way out; long, for each kind of block passes through */

#include "track/annotate.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "snapshot/block_rows.h"
#include "snapshot/writer.h"
#include "socketd/uapi.h"
#include "track/holders.h"
#include "track/numbers.h"
#include "track/sight.h"

#define PAD8(n) (((n) + 7) & ~(size_t)7)

/* So many holders of the sockets in a block are looked at again; of more what was scanned last is believed. */
#define CHECK_MAX 256
#define BATCH 16     /* sights whose entries are on their way from memory */

/* A descriptor of a socket in the block. */
struct held {
	uint32_t inode, pid, fd;
};

struct annotate {
	struct tracker *tracker;
	bool tracks, owners;
	bool header_moved;

	/* Owners: */
	struct tracker_waiter waiter;
	bool waits;  /* for the end of a scan */
	bool joined; /* one that ran already: it may have passed the holder by */
	bool sought; /* one that began later: what it did not find has no holder */
	int error;   /* why there was none */
	void (*ready)(void *ctx);
	void *ready_ctx;
	struct numbers told;      /* inodes whose owners are in the stream */
	struct numbers announced; /* pids whose PROCESS is */
	struct numbers asked;     /* inodes of the block */
	struct held *held;
	size_t n_held, held_size;
};

static void on_scan_done(struct tracker_waiter *w)
{
	struct annotate *a = (struct annotate *)((char *)w - offsetof(struct annotate, waiter));

	tracker_unwait(a->tracker, w);
	a->waits = false;
	if (a->ready)
		a->ready(a->ready_ctx);
}

int annotate_new(struct annotate **ret, struct tracker *t, bool tracks, bool owners)
{
	struct annotate *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->tracker = t;
	a->tracks = tracks;
	a->owners = owners;
	a->waiter.scan_done = on_scan_done;
	*ret = a;
	return 0;
}

struct annotate *annotate_free(struct annotate *a)
{
	if (!a)
		return NULL;
	if (a->waits)
		tracker_unwait(a->tracker, &a->waiter);
	numbers_deinit(&a->told);
	numbers_deinit(&a->announced);
	numbers_deinit(&a->asked);
	free(a->held);
	free(a);
	return NULL;
}

void annotate_on_ready(struct annotate *a, void (*ready)(void *ctx), void *ctx)
{
	a->ready = ready;
	a->ready_ctx = ctx;
}

static const struct track_entry *find_entry(const struct annotate *a, const struct sight *s)
{
	const struct track_table *t = tracker_table(a->tracker);
	const struct track_entry *e;

	if (s->cookie != 0)
		return track_table_find(t, s->source, s->cookie, s->twin);
	for (e = track_table_find_inode(t, s->inode); e; e = track_table_next_of_inode(t, e))
		if (e->source == s->source)
			return e;
	return NULL;
}


static void fill_track(const struct annotate *a, uint32_t netns, const struct sight *s, struct socketd_track *ret)
{
	const struct track_entry *e = find_entry(a, s);

	*ret = (struct socketd_track){};
	if (e)
		tracker_fill(a->tracker, e, ret);
	else if (tracker_saw_all(a->tracker, s->source, netns))
		ret->flags = SOCKETD_TRACK_KNOWN; /* newer than the last pass */
}

/* A TRACKS block for the rows of one of messages. Nothing for rows that it has no room for. */
static int write_tracks(const struct annotate *a, const struct block *b, struct arena *out)
{
	const struct track_table *table = tracker_table(a->tracker);
	struct sight sights[BATCH];
	struct socketd_track *track;
	struct bulk_block bulk;
	struct message m;
	struct block_rows rows;
	size_t n = 0, done = 0;
	bool known[BATCH];
	int r;

	if (block_rows_init(&rows, b) <= 0)
		return 0;
	while ((r = block_rows_next(&rows, &m)) > 0)
		n++;
	if (r < 0)
		return r;
	if (n == 0 || n > SOCKETD_BLOCK_MAX / sizeof(*track))
		return 0;
	r = bulk_block_begin(&bulk, out, SOCKETD_BLOCK_TRACKS, n * sizeof(*track));
	if (r < 0)
		return r;
	track = (struct socketd_track *)bulk.payload;
	(void)block_rows_init(&rows, b);
	while (done < n) {
		size_t in_batch = n - done < BATCH ? n - done : BATCH;

		for (size_t i = 0; i < in_batch; i++) {
			(void)block_rows_next(&rows, &m);
			known[i] = sight_read(&m, &sights[i]) == 0;
			if (known[i])
				track_table_prefetch(table, sights[i].cookie);
		}
		for (size_t i = 0; i < in_batch; i++, track++) {
			if (known[i])
				fill_track(a, rows.netns, &sights[i], track);
			else
				*track = (struct socketd_track){};
		}
		done += in_batch;
	}
	bulk_block_end(&bulk, out, n * sizeof(*track));
	return 0;
}

/*
 * The inode of a row, and whether a scan since the socket was first seen would have found its holder.
 * The kernel module's rows can be of sockets that no pass sees, and say which of them no process holds.
 */
static int read_inode(const struct annotate *a, const struct message *m, uint32_t *ret, bool *ret_sought)
{
	const struct track_entry *e;
	struct socketd_message head = {};
	struct sight s = {};
	int r = 0;

	if (m->source == SOURCE_module) {
		if (m->len < sizeof(head))
			return -EBADMSG;
		memcpy(&head, m->data, sizeof(head));
		s.inode = (uint32_t)head.inode;
		e = track_table_find_inode(tracker_table(a->tracker), s.inode);
	} else {
		r = sight_read(m, &s);
		e = r < 0 ? NULL : find_entry(a, &s);
	}
	*ret = s.inode;
	*ret_sought = (e && e->inode == s.inode && (e->flags & TRACK_OWNER_SOUGHT)) ||
		      (m->source == SOURCE_module && head.holding != SOCKETD_HOLDING_FILE);
	return r;
}

/* The inodes of a block whose owners are not in the stream yet, and those of them that were never looked for. */
static int collect_asked(struct annotate *a, const struct block *b, struct numbers *unsought)
{
	struct message m;
	struct block_rows rows;
	int r;

	numbers_clear(&a->asked);
	if (block_rows_init(&rows, b) <= 0)
		return 0;
	while ((r = block_rows_next(&rows, &m)) > 0) {
		uint32_t inode;
		bool sought;

		if (read_inode(a, &m, &inode, &sought) < 0 || inode == 0 || numbers_has(&a->told, inode))
			continue;
		r = numbers_add(&a->asked, inode);
		if (r >= 0 && !sought)
			r = numbers_add(unsought, inode);
		if (r < 0)
			return r;
	}
	return r;
}

/* A process's descriptor, when it is of a socket in the block. */
static int keep_held(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd)
{
	struct annotate *a = ctx;

	if (!numbers_has(&a->asked, inode))
		return 0;
	if (a->n_held == a->held_size) {
		size_t size = a->held_size ? a->held_size * 2 : 64;
		struct held *more = reallocarray(a->held, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		a->held = more;
		a->held_size = size;
	}
	a->held[a->n_held++] = (struct held){ .inode = inode, .pid = pid, .fd = fd };
	return 0;
}

/* Whether the descriptor is this socket still. */
static bool is_held(const struct held *h)
{
	char path[48], link[40], want[40];
	ssize_t n;
	int len;

	snprintf(path, sizeof(path), "/proc/%u/fd/%u", h->pid, h->fd);
	len = snprintf(want, sizeof(want), "socket:[%u]", h->inode);
	n = readlink(path, link, sizeof(link));
	return n == len && memcmp(link, want, (size_t)len) == 0;
}

/* Drops those that are held no more. Whether there were some. */
static bool drop_stale(struct annotate *a)
{
	size_t kept = 0, before = a->n_held;

	if (before > CHECK_MAX)
		return false;
	for (size_t i = 0; i < before; i++)
		if (is_held(&a->held[i]))
			a->held[kept++] = a->held[i];
	a->n_held = kept;
	return kept < before;
}

/* Whether some that were never looked for are held by nobody that is known: a scan may find them. 1, 0, -ENOMEM. */
static int has_unknown(struct annotate *a, const struct numbers *unsought)
{
	struct numbers found = {};
	size_t n_missing = numbers_count(unsought);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < a->n_held; i++) {
		if (!numbers_has(unsought, a->held[i].inode))
			continue;
		r = numbers_add(&found, a->held[i].inode);
		if (r == 1)
			n_missing--;
	}
	numbers_deinit(&found);
	return r < 0 ? r : n_missing > 0;
}

/*
 * -EAGAIN when a scan is awaited; 0 when there is none to wait for. One that
 * runs already may have been at the holder before it took the socket, so after
 * it there is another.
 */
static int seek(struct annotate *a)
{
	bool runs = tracker_status(a->tracker)->in_scan;
	int r;

	if (a->sought)
		return 0;
	a->sought = !runs || a->joined;
	a->joined = true;
	if (!runs) {
		r = tracker_begin_scan(a->tracker);
		if (r < 0) {
			a->error = r;
			return 0;
		}
	}
	a->waits = true;
	tracker_wait(a->tracker, &a->waiter);
	return -EAGAIN;
}

/* Once in a stream. */
static int write_process(struct annotate *a, uint32_t pid, struct arena *out)
{
	int r = numbers_add(&a->announced, pid);

	return r > 0 ? holders_write_process(tracker_holders(a->tracker), pid, out) : r;
}

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

/* Those of one process together, as the scan writes them. */
static int write_held(struct annotate *a, struct arena *out)
{
	int r = 0;

	if (a->n_held > 1)
		qsort(a->held, a->n_held, sizeof(*a->held), compare_held);
	for (size_t i = 0, n; r >= 0 && i < a->n_held; i += n) {
		struct socketd_owner *owners;
		struct bulk_block bulk;

		for (n = 1; i + n < a->n_held && a->held[i + n].pid == a->held[i].pid && n < OWNERS_BLOCK_MAX; n++)
			;
		r = write_process(a, a->held[i].pid, out);
		if (r >= 0)
			r = bulk_block_begin(&bulk, out, SOCKETD_BLOCK_OWNERS, n * sizeof(*owners));
		if (r < 0)
			return r;
		owners = (struct socketd_owner *)bulk.payload;
		for (size_t k = 0; k < n; k++) {
			const struct held *h = &a->held[i + k];

			owners[k] = (struct socketd_owner){ .inode = h->inode, .pid = h->pid, .fd = h->fd };
		}
		bulk_block_end(&bulk, out, n * sizeof(*owners));
	}
	return r;
}

static int tell_asked(struct annotate *a)
{
	uint32_t inode;
	int r = 0;

	for (size_t cursor = 0; r >= 0 && numbers_next(&a->asked, &cursor, &inode);)
		r = numbers_add(&a->told, inode);
	return r < 0 ? r : 0;
}

/* The owners of the sockets in a block. 0, -EAGAIN when a scan is awaited, -ENOMEM, -EBADMSG. */
static int write_owners(struct annotate *a, const struct block *b, struct arena *out)
{
	CLEANUP(numbers_deinit) struct numbers unsought = {};
	bool stale;
	int r;

	r = collect_asked(a, b, &unsought);
	if (r < 0 || numbers_count(&a->asked) == 0)
		return r;
	a->n_held = 0;
	r = holders_walk(tracker_holders(a->tracker), 0, keep_held, a);
	if (r < 0)
		return r;
	stale = drop_stale(a);
	r = has_unknown(a, &unsought);
	if (r < 0)
		return r;
	if (r > 0 || stale) {
		r = seek(a);
		if (r < 0)
			return r;
	}
	r = write_held(a, out);
	return r < 0 ? r : tell_asked(a);
}

static int move_block(const struct block *b, struct arena *out)
{
	size_t size = sizeof(struct socketd_block) + PAD8(b->length);
	uint8_t *p = arena_reserve(out, size);

	if (!p)
		return -ENOMEM;
	memcpy(p, b->payload - sizeof(struct socketd_block), size);
	arena_commit(out, size);
	return 0;
}

/* END says how the owners were found, though the reading itself did not look for them. */
static int write_end(const struct annotate *a, const struct block *b, struct arena *out)
{
	const struct tracker_status *status = tracker_status(a->tracker);
	int error = a->error != 0 ? a->error : status->scan_error;
	struct attr_block block;

	attr_block_begin(&block, SOCKETD_BLOCK_END);
	for (size_t at = 0; b->length - at >= NLA_HDRLEN;) {
		struct nlattr head;

		memcpy(&head, b->payload + at, sizeof(head));
		if (head.nla_len < NLA_HDRLEN || head.nla_len > b->length - at)
			return -EBADMSG;
		if (head.nla_type != SOCKETD_END_OWNERS_ERROR && block.length + NLA_ALIGN(head.nla_len) < ATTR_BLOCK_MAX / 2)
			attr_block_bytes(&block, head.nla_type, b->payload + at + NLA_HDRLEN, head.nla_len - NLA_HDRLEN);
		at += NLA_ALIGN(head.nla_len);
		if (at > b->length)
			break;
	}
	attr_block_u32(&block, SOCKETD_END_OWNERS_ERROR, (uint32_t)(error < 0 ? -error : error));
	return attr_block_write(&block, out);
}

/* One block. Nothing is in out when it says -EAGAIN. */
static int take_block(struct annotate *a, const struct block *b, struct arena *out)
{
	int r = 0;

	switch (b->type) {
	case SOCKETD_BLOCK_MESSAGES:
	case SOCKETD_BLOCK_LINES:
		if (a->owners)
			r = write_owners(a, b, out);
		if (r >= 0 && a->tracks)
			r = write_tracks(a, b, out);
		break;
	case SOCKETD_BLOCK_END:
		if (a->owners)
			return write_end(a, b, out);
		break;
	}
	return r < 0 ? r : move_block(b, out);
}

static int move_header(struct annotate *a, struct arena *in, struct arena *out, const uint8_t *data, size_t len)
{
	size_t size = sizeof(struct socketd_stream_header);
	void *p;

	if (len < size)
		return -EBADMSG;
	p = arena_reserve(out, size);
	if (!p)
		return -ENOMEM;
	memcpy(p, data, size);
	arena_commit(out, size);
	arena_consume(in, size);
	a->header_moved = true;
	return 0;
}

int annotate_step(struct annotate *a, struct arena *in, struct arena *out)
{
	bool moved = false;
	const uint8_t *data;
	size_t len;
	int r;

	if (a->waits)
		return -EAGAIN;
	while ((len = arena_peek(in, &data)) > 0) {
		struct socketd_block head;
		struct block b;

		if (!a->header_moved) {
			r = move_header(a, in, out, data, len);
			if (r < 0)
				return r;
			moved = true;
			continue;
		}
		/* A block lies in one piece of its arena, but it is not all bytes of ours. */
		if (len < sizeof(head))
			return -EBADMSG;
		memcpy(&head, data, sizeof(head));
		if (head.length > SOCKETD_BLOCK_MAX || PAD8(head.length) > len - sizeof(head))
			return -EBADMSG;
		b = (struct block){ .type = head.type, .length = head.length, .payload = data + sizeof(head) };
		r = take_block(a, &b, out);
		if (r == -EAGAIN)
			return moved ? 1 : -EAGAIN;
		if (r < 0)
			return r;
		arena_consume(in, sizeof(head) + PAD8(head.length));
		moved = true;
		if (head.type == SOCKETD_BLOCK_MESSAGES || head.type == SOCKETD_BLOCK_LINES)
			break;
	}
	return moved;
}
