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

struct hub_listener {
	/* An event. The record is NULL for an overflow. Both are valid during the call. Must not add or remove listeners. */
	void (*event)(struct hub_listener *l, const struct event_info *e, struct record *r);
	/* LINK blocks of devices that are new or have another name, before the events that name them. May be NULL. */
	void (*links)(struct hub_listener *l, const void *blocks, size_t len);
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

/* The listeners, for whoever looks for its own by their functions. NULL h: none. */
struct hub_listener *hub_listeners(const struct hub *h);

/* Tells of devices that came or have another name. Called after passes; an event of an unknown one asks for it by itself. */
void hub_look_at_links(struct hub *h);

/* Hands out what the tracker has. Called after its steps. */
void hub_drain(struct hub *h);

/* The blocks that a stream of events begins with: header, HOST (made for uid), NETNS, LINK, and SOURCE of all. -ENOMEM. */
int hub_preamble(uint32_t uid, struct arena *out);

/* Takes these blocks, as root's, into a context. -ENOMEM. */
int hub_learn(struct context *c);

#endif
