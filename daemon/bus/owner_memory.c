/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker's memory of owners, for the scans of readings */

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>

#include "bus/owner_memory.h"
#include "snapshot/writer.h"
#include "track/holders.h"

static int memory_begin(void *ctx, struct owners_known *ret)
{
	struct holders *h = tracker_holders(ctx);
	int r = holders_begin(h);

	if (r < 0)
		return r;
	*ret = holders_known(h);
	return 0;
}

/* The pid of a PROCESS block that says SAME: its owners are remembered, and not in the scan. */
static bool is_same(const struct block *b, uint32_t *ret_pid)
{
	bool same = false, has_pid = false;
	size_t offset = 0, step;

	while (b->type == SOCKETD_BLOCK_PROCESS && b->length - offset >= sizeof(struct nlattr)) {
		uint32_t value = 0;
		struct nlattr a;

		memcpy(&a, b->payload + offset, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > b->length - offset)
			return false;
		if (a.nla_len == (unsigned)NLA_HDRLEN + sizeof(value))
			memcpy(&value, b->payload + offset + NLA_HDRLEN, sizeof(value));
		if (a.nla_type == SOCKETD_PROCESS_PID && value) {
			*ret_pid = value;
			has_pid = true;
		}
		same |= a.nla_type == SOCKETD_PROCESS_SAME && value;
		step = (size_t)NLA_ALIGN(a.nla_len);
		offset += step < b->length - offset ? step : b->length - offset;
	}
	return same && has_pid;
}

static int copy_block(const struct block *b, struct arena *out)
{
	struct bulk_block copy;
	int r;

	r = bulk_block_begin(&copy, out, b->type, b->length);
	if (r < 0)
		return r;
	memcpy(copy.payload, b->payload, b->length);
	bulk_block_end(&copy, out, b->length);
	return 0;
}

/* First what can be taken back: after -ENOMEM the same block comes again, and the holders must not have it twice. */
static int memory_block(void *ctx, const struct block *b, struct arena *out)
{
	struct holders *h = tracker_holders(ctx);
	struct arena_mark mark = arena_mark(out);
	uint32_t pid = 0;
	int r;

	r = is_same(b, &pid) ? holders_write(h, pid, out) : copy_block(b, out);
	if (r < 0 && r != -ENOENT)
		return r;
	r = holders_apply(h, b);
	if (r < 0)
		arena_rewind(out, mark);
	return r;
}

static void memory_end(void *ctx, int error)
{
	holders_end(tracker_holders(ctx), error);
}

void owner_memory_init(struct acquire_owners *ret, struct tracker *t)
{
	*ret = (struct acquire_owners){ .begin = memory_begin, .block = memory_block, .end = memory_end, .ctx = t };
}
