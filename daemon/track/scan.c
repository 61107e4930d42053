/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan of the tracker: a child reads /proc, and the table's sockets get their owners */

#include <errno.h>
#include <string.h>

#include "source/host.h"
#include "track/state.h"

#define UNOWNED_FIRST 256 /* places of a list at first; they double */

/*
 *   child -> OWNERS block -> holders
 *                        '-> table, at once: nearly all owners of a first scan
 *   end of the scan -> what is still without one is looked for in all holders:
 *                      in processes that were not read again, or found after they were read
 *   and still without one, though processes were left out -> another scan, of all
 */

static void unowned_drop(struct unowned *u)
{
	free(u->inodes);
	*u = (struct unowned){};
}

static bool unowned_grow(struct unowned *u)
{
	size_t n = u->n_allocated > 0 ? 2 * u->n_allocated : UNOWNED_FIRST;
	uint32_t *larger = realloc(u->inodes, n * sizeof(*larger));

	if (!larger)
		return false;
	u->inodes = larger;
	u->n_allocated = n;
	return true;
}

/* Without memory a socket has no owner until its process is read again. */
static void unowned_add(struct unowned *u, uint32_t inode)
{
	if (u->n < u->n_allocated || unowned_grow(u))
		u->inodes[u->n++] = inode;
}

/* Keeps of some the sockets that are still there and without an owner: they go to n. Where they end. */
static size_t unowned_keep(struct unowned *u, const struct tracker *t, size_t from, size_t end, size_t n)
{
	for (; from < end; from++) {
		const struct track_entry *e = track_table_find_inode(t->table, u->inodes[from]);

		if (e && e->owner_pid == 0)
			u->inodes[n++] = u->inodes[from];
	}
	return n;
}

/*
 * A list that is full is rid of those that are gone meanwhile: the next scan may
 * be far off. It grows when more than half are left, and past the bound the table tells them.
 */
static void unowned_add_tidy(struct unowned *u, const struct tracker *t, uint32_t inode)
{
	if (u->all)
		return;
	if (u->n > 0 && u->n == u->n_allocated) {
		u->n = unowned_keep(u, t, 0, u->n, 0);
		if (u->n > u->n_allocated / 2 && u->n_allocated >= SCAN_UNOWNED_MAX) {
			unowned_drop(u);
			u->all = true;
			return;
		}
		/* Without memory it is looked through more often. */
		if (u->n > u->n_allocated / 2)
			(void)unowned_grow(u);
	}
	unowned_add(u, inode);
}

void scan_unowned(struct tracker *t, uint32_t inode)
{
	unowned_add_tidy(&t->scan.unowned, t, inode);
}

void scan_lost(struct tracker *t, uint32_t inode)
{
	struct scan *s = &t->scan;

	unowned_add_tidy(s->phase == SCAN_READ ? &s->sought : &s->unowned, t, inode);
}

static void assign(struct tracker *t, uint32_t pid, uint32_t inode)
{
	struct track_entry *e = track_table_find_inode(t->table, inode);

	if (e && e->owner_pid == 0)
		e->owner_pid = pid;
}

static int take_block(void *ctx, const struct block *b, struct arena *out)
{
	struct tracker *t = ctx;
	int r;

	(void)out;
	r = holders_apply(t->holders, b);
	if (r < 0 || b->type != SOCKETD_BLOCK_OWNERS)
		return r;
	for (size_t i = 0; i < b->length / sizeof(struct socketd_owner); i++) {
		const struct socketd_owner *o = (const struct socketd_owner *)b->payload + i;

		if (o->inode <= UINT32_MAX)
			assign(t, o->pid, (uint32_t)o->inode);
	}
	return 0;
}

static struct owner_sink sink_of(struct tracker *t)
{
	return (struct owner_sink){ .block = take_block, .ctx = t };
}

/* Those that were found until now are looked for at the end of the scan. */
static void begin_sought(struct scan *s, bool is_own, uint32_t ticks)
{
	unowned_drop(&s->sought);
	s->sought = s->unowned;
	s->unowned = (struct unowned){};
	s->is_own = is_own;
	s->begin_ticks = ticks;
}

int scan_begin(struct tracker *t, uint64_t now)
{
	struct owners_known known;
	struct scan *s = &t->scan;
	int r;

	r = holders_begin(t->holders);
	if (r < 0)
		return r;
	known = s->whole ? (struct owners_known){} : holders_known(t->holders);
	r = owner_child_start(&s->child, 0, &known);
	if (r >= 0) {
		r = tracker_watch(t, s->child.fd);
		if (r < 0)
			owner_child_stop(&s->child);
	}
	if (r < 0) {
		holders_end(t->holders, r);
		return r;
	}
	s->sink = sink_of(t);
	s->child.sink = &s->sink;
	begin_sought(s, true, track_ticks(t->boottime_usec));
	s->phase = SCAN_READ;
	s->wanted = s->whole = false;
	s->deadline_usec = now + SCAN_TIMEOUT_USEC;
	t->events.scans_begun++;
	t->status.in_scan = true;
	return 0;
}

static void tell_waiters(struct tracker *t)
{
	for (struct tracker_waiter *w = t->waiters; w; w = t->next_waiter) {
		t->next_waiter = w->next;
		w->scan_done(w);
	}
	t->next_waiter = NULL;
}

static void scan_over(struct tracker *t)
{
	t->status.in_scan = false;
	t->events.scans_ended = t->events.scans_begun;
	tell_waiters(t);
}

/* Whether somebody waits for owners. */
static bool is_awaited(const struct tracker *t)
{
	return t->waiters || events_deadline(&t->events) != UINT64_MAX;
}

void scan_maybe_begin(struct tracker *t, uint64_t now)
{
	struct scan *s = &t->scan;
	int r;

	if (!s->wanted || s->phase != SCAN_NONE)
		return;
	if (now < s->next_usec && !is_awaited(t))
		return;
	r = scan_begin(t, now);
	/* A reading feeds the holders now: what it brings is looked at when it is over. */
	if (r >= 0 || r == -EBUSY)
		return;
	t->status.scan_error = r;
	s->wanted = false;
	s->next_usec = now + SCAN_TIMEOUT_USEC;
	scan_over(t);
}

static void account(struct tracker *t, uint64_t now)
{
	struct scan *s = &t->scan;
	uint32_t share = t->limits.scan_share;

	t->status.scan_boottime_usec = t->boottime_usec;
	t->status.scan_cpu_usec = s->child.cpu_usec;
	t->status.scan_error = s->child.error;
	t->status.n_scans++;
	s->next_usec = share > 0 ? now + s->child.cpu_usec * 1000 / share : 0;
}

static void begin_filter(struct scan *s)
{
	s->filter_at = s->filter_n = 0;
	s->phase = SCAN_FILTER;
}

static int step_read(struct tracker *t, uint64_t now)
{
	struct scan *s = &t->scan;
	int r = owner_child_read(&s->child, &s->out);

	if (r > 0) {
		s->deadline_usec = now + SCAN_TIMEOUT_USEC;
		return 1;
	}
	if (r == -EAGAIN && now < s->deadline_usec)
		return 0;
	/* Hung, or memory is short: what is known stays. */
	if (r < 0) {
		owner_child_stop(&s->child);
		s->child.error = r == -EAGAIN ? -ETIMEDOUT : r;
	}
	holders_end(t->holders, s->child.error);
	s->holders_seen = holders_generation(t->holders);
	s->spared = holders_was_spared(t->holders);
	s->error = s->child.error;
	account(t, now);
	begin_filter(s);
	return 1;
}

/* Keeps of those sought the ones that are still there and without an owner. True when all were looked at. */
static bool filter_kept(struct tracker *t)
{
	struct scan *s = &t->scan;
	size_t end = s->filter_at + SCAN_SLICE;

	if (end > s->sought.n)
		end = s->sought.n;
	s->filter_n = unowned_keep(&s->sought, t, s->filter_at, end, s->filter_n);
	s->filter_at = end;
	if (s->filter_at < s->sought.n)
		return false;
	s->sought.n = s->filter_n;
	return true;
}

/* Takes them out of the table. */
static bool filter_table(struct tracker *t)
{
	struct unowned found = t->scan.sought;
	struct scan *s = &t->scan;

	found.all = false;
	for (unsigned int n = 0; n < SCAN_SLICE; n++) {
		const struct track_entry *e = track_table_next(t->table, &s->filter_at);

		if (!e) {
			s->sought = found;
			return true;
		}
		if (e->inode == 0 || e->owner_pid != 0 || (e->flags & TRACK_OWNER_SOUGHT))
			continue;
		if (e->first_seen >= s->begin_ticks)
			scan_unowned(t, e->inode);
		else
			unowned_add(&found, e->inode);
	}
	s->sought = found;
	s->sought.all = true;
	return false;
}

static void step_filter(struct tracker *t)
{
	struct scan *s = &t->scan;

	if (!(s->sought.all ? filter_table(t) : filter_kept(t)))
		return;
	for (size_t i = 0; i < s->sought.n; i++)
		cookie_set_add(&s->inodes, s->sought.inodes[i], SIZE_MAX);
	s->phase = SCAN_ASSIGN;
}

static int assign_held(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd)
{
	struct tracker *t = ctx;

	(void)fd;
	if (cookie_set_has(&t->scan.inodes, inode))
		assign(t, pid, inode);
	return 0;
}

static void step_assign(struct tracker *t)
{
	struct scan *s = &t->scan;

	if (s->sought.n > 0)
		(void)holders_walk(t->holders, 0, assign_held, t);
	for (size_t i = 0; i < s->sought.n; i++) {
		struct track_entry *e = track_table_find_inode(t->table, s->sought.inodes[i]);

		if (!e || e->owner_pid != 0)
			continue;
		/* A reading's scan may have begun before the socket was there. */
		if (s->is_own && s->error >= 0 && !s->spared) {
			e->flags |= TRACK_OWNER_SOUGHT;
			continue;
		}
		/* A process with as many descriptors as before can have another one among them. */
		s->whole |= s->is_own && s->error >= 0;
		scan_unowned(t, e->inode);
	}
	cookie_set_clear(&s->inodes);
	unowned_drop(&s->sought);
	s->phase = SCAN_NONE;
	s->wanted |= s->whole;
	/* Those who wait are told when the whole one is over, too. */
	if (t->status.in_scan && !(s->whole && is_awaited(t)))
		scan_over(t);
}

int scan_step(struct tracker *t, uint64_t now)
{
	struct scan *s = &t->scan;

	switch (s->phase) {
	case SCAN_NONE:
		/* A reading brought owners. */
		if ((s->unowned.n > 0 || s->unowned.all) && holders_generation(t->holders) != s->holders_seen && !t->pass.phase) {
			s->holders_seen = holders_generation(t->holders);
			begin_sought(s, false, 0);
			begin_filter(s);
			return 1;
		}
		return 0;
	case SCAN_READ:
		return step_read(t, now);
	case SCAN_FILTER:
		step_filter(t);
		return 1;
	case SCAN_ASSIGN:
		step_assign(t);
		return 1;
	}
	return 0;
}

void scan_stop(struct tracker *t)
{
	struct scan *s = &t->scan;

	if (s->phase == SCAN_READ) {
		owner_child_stop(&s->child);
		holders_end(t->holders, -ECANCELED);
	}
	unowned_drop(&s->unowned);
	unowned_drop(&s->sought);
	cookie_set_deinit(&s->inodes);
	arena_deinit(&s->out);
}
