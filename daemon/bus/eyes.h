/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as one user may see them, and whether a filter wants them */

#ifndef SOCKETD_BUS_EYES_H
#define SOCKETD_BUS_EYES_H

#include "bus/queue.h"
#include "decode/record.h"
#include "query/query.h"

struct eyes {
	uint32_t uid;
	uint64_t own_netns;
	struct context *context; /* of who sees less than root; knows only what was in the preamble, and the owners of the event */
	struct arena scratch;
	struct queue seen, old;
	struct record record, old_record;
};

void eyes_init(struct eyes *e, uint32_t uid);
void eyes_deinit(struct eyes *e);
DEFINE_CLEANUP(struct eyes, eyes_deinit)

/* Takes in the preamble of a stream (hub_preamble). Not needed for root. -ENOMEM, -EBADMSG. */
int eyes_learn(struct eyes *e, const void *preamble, size_t len);

/* The same of blocks that came later, aligned to 8. */
int eyes_learn_more(struct eyes *e, const void *blocks, size_t len);

/* Whether the user is told of the socket at all: of those in other network namespaces root alone is. */
bool eyes_may(const struct eyes *e, struct record *r);

/* The event's socket as the user sees it, until the next call; for root that is the record itself. NULL when memory is short. */
struct record *eyes_see(struct eyes *e, const struct event_info *event, struct record *r);

/*
 * Whether a filter wants an event: the socket matches as it is or, when it
 * changed or closed and the filter names states, as it was.
 */
bool eyes_want(struct eyes *e, const struct query *q, const struct event_info *event, struct record *r);

#endif
