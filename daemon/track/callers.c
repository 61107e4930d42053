/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose sockets are, as far as the kernel module's changes tell */

#include "track/callers.h"

#include <stdlib.h>
#include <string.h>

#include "model/words.h"

#define LISTENERS_FIRST 64u
#define HOLDERS_MAX 16 /* of one listener that are looked at: with more it is shared anyway */

struct caller_row {
	uint64_t cookie;
	struct caller caller;
};

struct listener_row {
	uint64_t cookie;
	uint64_t scanned; /* holders_generation() + 1 when they were looked at; 0 never */
	uint32_t next;    /* index + 1 in the chain of its port */
	uint8_t source;
	bool is_shared;
	bool is_known;    /* caller is the one that holds it */
	struct caller caller;
};

void callers_deinit(struct callers *c)
{
	free(c->rows);
	free(c->listeners);
	*c = (struct callers){};
}

void callers_put(struct callers *c, uint64_t cookie, uint32_t pid, const char *comm)
{
	struct caller_row *row;
	size_t len = strnlen(comm, sizeof(row->caller.comm) - 1);

	if (!c->rows)
		c->rows = calloc(CALLERS_MAX, sizeof(*c->rows));
	if (!c->rows)
		return;
	row = &c->rows[cookie % CALLERS_MAX];
	*row = (struct caller_row){ .cookie = cookie, .caller.pid = pid };
	memcpy(row->caller.comm, comm, len);
}

bool callers_find(const struct callers *c, uint64_t cookie, struct caller *ret)
{
	const struct caller_row *row = c->rows ? &c->rows[cookie % CALLERS_MAX] : NULL;

	if (!row || row->cookie != cookie || row->caller.pid == 0)
		return false;
	*ret = row->caller;
	return true;
}

static const struct track_entry *listening_entry(const struct track_table *t, const struct listener_row *row)
{
	const struct track_entry *e = track_table_find(t, row->source, row->cookie, 0);

	return e && e->state == STATE_LISTEN ? e : NULL;
}

static uint32_t *head_of(struct callers *c, uint16_t port)
{
	return &c->heads[port % CALLERS_PORTS];
}

/* Leaves out those that listen no more. */
static void purge(struct callers *c, const struct track_table *t)
{
	uint32_t n = 0;

	memset(c->heads, 0, sizeof(c->heads));
	for (uint32_t i = 0; i < c->n_listeners; i++) {
		const struct track_entry *e = listening_entry(t, &c->listeners[i]);
		uint32_t *head;

		if (!e)
			continue;
		head = head_of(c, e->local_port);
		c->listeners[n] = c->listeners[i];
		c->listeners[n].next = *head;
		*head = ++n;
	}
	c->n_listeners = n;
}

/* Room for one more. */
static bool make_room(struct callers *c, const struct track_table *t)
{
	uint32_t n = c->n_allocated > 0 ? 2 * c->n_allocated : LISTENERS_FIRST;
	struct listener_row *more;

	if (c->n_listeners < c->n_allocated)
		return true;
	purge(c, t);
	if (c->n_listeners < c->n_allocated / 2)
		return true;
	if (n > CALLERS_LISTENERS_MAX)
		return c->n_listeners < c->n_allocated;
	more = reallocarray(c->listeners, n, sizeof(*more));
	if (!more)
		return c->n_listeners < c->n_allocated;
	c->listeners = more;
	c->n_allocated = n;
	return true;
}

static struct listener_row *find_listener(struct callers *c, const struct track_entry *e)
{
	for (uint32_t i = *head_of(c, e->local_port); i != 0; i = c->listeners[i - 1].next)
		if (c->listeners[i - 1].cookie == e->cookie)
			return &c->listeners[i - 1];
	return NULL;
}

void callers_add_listener(struct callers *c, const struct track_table *t, const struct track_entry *e)
{
	struct listener_row *row = find_listener(c, e);
	uint32_t *head = head_of(c, e->local_port);

	if (!row) {
		if (!make_room(c, t))
			return;
		row = &c->listeners[c->n_listeners++];
		*row = (struct listener_row){ .cookie = e->cookie, .source = (uint8_t)e->source, .next = *head };
		*head = c->n_listeners;
	}
	/* Its caller would be pushed out by those of its connections. */
	if (callers_find(c, e->cookie, &row->caller)) {
		row->is_known = true;
		row->is_shared = false;
		row->scanned = 0;
	}
}

/* What the last scan found of a listener. That of an activated service is held by PID 1 as well, which does not accept. */
static void look_at_holders(struct listener_row *row, const struct holders *h, uint32_t inode)
{
	struct holder found[HOLDERS_MAX];
	unsigned int n = holders_find_all(h, inode, found, HOLDERS_MAX);
	const struct holder *one = NULL;
	size_t len;

	row->scanned = holders_generation(h) + 1;
	if (n == 0)
		return;
	row->is_shared = false;
	for (unsigned int i = 0; i < n; i++) {
		if (one && found[i].pid != one->pid && one->pid != 1) {
			row->is_shared = true;
			return;
		}
		if (!one || one->pid == 1)
			one = &found[i];
	}
	len = one->comm_len < sizeof(row->caller.comm) - 1 ? one->comm_len : sizeof(row->caller.comm) - 1;
	row->caller = (struct caller){ .pid = one->pid };
	if (len > 0)
		memcpy(row->caller.comm, one->comm, len);
	row->is_known = true;
}

static bool is_any(const void *address, size_t size)
{
	static const uint8_t zeros[16];

	return memcmp(address, zeros, size) == 0;
}

/* How well a listener fits: 0 not at all, 2 at the very address. */
static unsigned int fit(const struct track_table *t, const struct track_entry *listener, const struct track_entry *e)
{
	const struct track_pair6 *own, *its;

	if (listener->source != e->source || listener->netns != e->netns || listener->local_port != e->local_port)
		return 0;
	if (listener->ifindex != 0 && listener->ifindex != e->ifindex)
		return 0;
	if (!(e->flags & TRACK_IPV6)) {
		if (listener->addr.local4 == e->addr.local4)
			return 2;
		return listener->addr.local4 == 0;
	}
	own = track_table_pair6(t, e);
	its = track_table_pair6(t, listener);
	if (!own || !its)
		return 0;
	if (memcmp(own->local, its->local, sizeof(own->local)) == 0)
		return 2;
	return is_any(its->local, sizeof(its->local));
}

bool callers_find_accepting(struct callers *c, const struct track_table *t, const struct holders *h, const struct track_entry *e,
			    struct caller *ret)
{
	unsigned int best = 0;
	bool found = false;

	for (uint32_t i = *head_of(c, e->local_port); i != 0; i = c->listeners[i - 1].next) {
		struct listener_row *row = &c->listeners[i - 1];
		const struct track_entry *listener = listening_entry(t, row);
		unsigned int now = listener ? fit(t, listener, e) : 0;

		if (now == 0 || now < best)
			continue;
		if (row->scanned != holders_generation(h) + 1)
			look_at_holders(row, h, listener->inode);
		if (now > best) {
			found = row->is_known && !row->is_shared;
			if (found)
				*ret = row->caller;
		} else {
			found = found && row->is_known && !row->is_shared && row->caller.pid == ret->pid;
		}
		best = now;
	}
	return found;
}
