/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as one user may see them, and whether a filter wants them */

#include <errno.h>

#include "bus/event.h"
#include "bus/eyes.h"
#include "snapshot/messages.h"

void eyes_init(struct eyes *e, uint32_t uid)
{
	e->uid = uid;
	arena_init(&e->scratch);
}

void eyes_deinit(struct eyes *e)
{
	queue_deinit(&e->seen);
	queue_deinit(&e->old);
	arena_deinit(&e->scratch);
	context_free(e->context);
}

static int learn(struct eyes *e, const void *blocks, size_t len, bool header_seen)
{
	struct memory memory = { blocks, len };
	struct reader reader;
	struct block b;
	int r;

	reader_init(&reader, memory_input(&memory));
	reader.header_seen = header_seen;
	while ((r = reader_next(&reader, &b)) > 0) {
		r = context_apply(e->context, &b);
		if (r < 0)
			return r;
	}
	return r == -ENODATA ? 0 : r; /* it has no END */
}

int eyes_learn(struct eyes *e, const void *preamble, size_t len)
{
	int r;

	if (e->uid == 0)
		return 0;
	r = context_new(&e->context);
	if (r >= 0)
		r = learn(e, preamble, len, false);
	if (r >= 0)
		e->own_netns = context_source(e->context, SOURCE_tcp4)->netns;
	return r;
}

int eyes_learn_more(struct eyes *e, const void *blocks, size_t len)
{
	return e->uid == 0 ? 0 : learn(e, blocks, len, true);
}

bool eyes_may(const struct eyes *e, struct record *r)
{
	struct value netns;

	if (e->uid == 0)
		return true;
	/* Where /proc does not tell there is one namespace, and it has no number. */
	return record_get(r, F_netns, 0, &netns) < 0 ? e->own_netns == 0 : netns.u == e->own_netns;
}

/* Written for the user, and read again: whatever is looked at then, filters too, cannot tell what was left out. */
struct record *eyes_see(struct eyes *e, const struct event_info *event, struct record *r)
{
	struct messages messages;
	struct message message;
	struct reader reader;
	struct memory memory;

	if (e->uid == 0)
		return r;
	queue_consume(&e->seen, queue_pending(&e->seen));
	if (event_write(&e->scratch, event, r, e->uid) < 0 || queue_append_arena(&e->seen, &e->scratch) < 0)
		return NULL;
	memory = (struct memory){ e->seen.data, queue_pending(&e->seen) };
	reader_init(&reader, memory_input(&memory));
	reader.header_seen = true;
	messages_init(&messages, &reader, e->context);
	if (messages_next(&messages, &message) <= 0 || record_open(&e->record, &message, e->context) < 0)
		return NULL;
	return &e->record;
}

/* The same socket in the state it was in before. */
static bool matched_before(struct eyes *e, const struct query *q, const struct event_info *event, const struct record *r)
{
	size_t at = r->def->kind == KIND_UNIX ? 2 : 1; /* udiag_state, idiag_state */
	struct message copy = { .len = r->len, .source = (uint8_t)r->source, .netns = r->netns, .track = r->track };

	if ((r->def->kind != KIND_INET && r->def->kind != KIND_UNIX) || r->len <= at)
		return false;
	queue_consume(&e->old, queue_pending(&e->old));
	if (queue_append(&e->old, r->data, r->len) < 0)
		return false;
	e->old.data[at] = (uint8_t)event->old_state;
	copy.data = e->old.data;
	return record_open(&e->old_record, &copy, r->context) == 0 && query_match(q, &e->old_record);
}

bool eyes_want(struct eyes *e, const struct query *q, const struct event_info *event, struct record *r)
{
	if (query_match(q, r))
		return true;
	return event->kind != SOCKETD_EVENT_OPENED && event->old_state && query_has_state(q) && matched_before(e, q, event, r);
}
