/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan of one reading: its child, and the memory that it feeds */

#include "source/reading_owners.h"

#include <errno.h>

#include "source/acquire.h"

#define OWNERS_TIMEOUT_USEC (30u * 1000 * 1000) /* without a block from the child */

/* Once for each begin: the memory's scan is over, whichever way. */
static void end_feeding(struct reading_owners *o, int error)
{
	const struct acquire_owners *memory = STEAL_PTR(o->memory);

	o->child.sink = NULL;
	if (memory)
		memory->end(memory->ctx, error);
}

void reading_owners_begin(struct reading_owners *o, uint32_t uid, const struct acquire_owners *memory, uint64_t now)
{
	struct owners_known known = {};
	int r;

	o->wanted = true;
	o->deadline_usec = now + OWNERS_TIMEOUT_USEC;
	if (memory && uid == 0 && memory->begin(memory->ctx, &known) == 0) {
		o->memory = memory;
		o->sink = (struct owner_sink){ .block = memory->block, .ctx = memory->ctx };
	}
	r = owner_child_start(&o->child, uid, o->memory ? &known : NULL);
	if (r >= 0)
		o->child.sink = o->memory ? &o->sink : NULL;
	o->runs = r >= 0;
	o->error = r < 0 ? r : 0;
	if (r < 0)
		end_feeding(o, r);
}

void reading_owners_stop(struct reading_owners *o, int error)
{
	owner_child_stop(&o->child);
	o->error = error;
	o->runs = false;
	end_feeding(o, error ? error : -ECANCELED);
}

int reading_owners_step(struct reading_owners *o, struct arena *out, uint64_t now)
{
	int r = owner_child_read(&o->child, out);

	if (r > 0) {
		o->deadline_usec = now + OWNERS_TIMEOUT_USEC;
	} else if (r == 0) {
		o->error = o->child.error;
		o->runs = false;
		end_feeding(o, o->error);
		r = 1;
	} else if (r == -EAGAIN && now >= o->deadline_usec) {
		reading_owners_stop(o, -ETIMEDOUT);
		r = 1;
	}
	return r;
}

void reading_owners_put(const struct reading_owners *o, struct attr_block *end)
{
	if (!o->wanted)
		return;
	attr_block_u32(end, SOCKETD_END_OWNERS_ERROR, -o->error);
	attr_block_u32(end, SOCKETD_END_HIDDEN_PIDS, o->child.n_hidden);
	attr_block_u32(end, SOCKETD_END_OWNERS_MODULE, o->child.by_module);
}
