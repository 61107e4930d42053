/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of the tracker, decoded once and handed to all who listen */

#ifndef SOCKETD_BUS_HUB_H
#define SOCKETD_BUS_HUB_H

#include <stdint.h>

#include "decode/record.h"
#include "model/cleanup.h"
#include "snapshot/context.h"
#include "track/tracker.h"

struct hub;

/* Blocks, aligned to 8: of all network namespaces, which root sees, and of our own alone. */
struct hub_news {
	const void *all, *own;
	size_t all_len, own_len;
};

struct hub_listener {
	/* An event. The record is NULL for an overflow. Both are valid during the call. Must not add or remove listeners. */
	void (*event)(struct hub_listener *l, const struct event_info *e, struct record *r);
	/* NETNS and LINK blocks: what is new or has another name, before the events that name it. May be NULL. */
	void (*news)(struct hub_listener *l, const struct hub_news *news);
	/* All events of the moment were handed out: time to send. May remove itself. */
	void (*flush)(struct hub_listener *l);
	/* The hub is no more; the listener is removed from it already. */
	void (*ended)(struct hub_listener *l);
	struct hub_listener *next;
};

int hub_new(struct hub **ret, struct tracker *t);
struct hub *hub_free(struct hub *h);
DEFINE_CLEANUP_PTR(struct hub, hub_free)

/* Events are made while somebody listens, and only then. */
void hub_add(struct hub *h, struct hub_listener *l);
void hub_remove(struct hub *h, struct hub_listener *l);

/* Blocks that belong to what events refer to, beside the preamble's: for the records that listeners are handed. Consumed. */
void hub_take(struct hub *h, struct arena *blocks);

/* The listeners, for whoever looks for its own by their functions. NULL h: none. */
struct hub_listener *hub_listeners(const struct hub *h);

/* Hands out what the tracker has. Called after its steps. */
void hub_drain(struct hub *h);

/* Blocks that the tracker knows nothing of (UNIT), whole ones and aligned to 8, for the hub and all who listen. */
void hub_tell(struct hub *h, const void *blocks, size_t len);

/*
 * The blocks that a stream of events begins with: header, HOST (made for uid), NETNS and
 * LINK of all namespaces (but for root: of ours), and SOURCE of all, as of ours. -ENOMEM.
 */
int hub_preamble(struct tracker *t, uint32_t uid, struct arena *out);

/* Takes these blocks, as root's, into a context. -ENOMEM. */
int hub_learn(struct tracker *t, struct context *c);

#endif
