/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzing what a pass reads of messages: it must agree with the decoders, and a rebuilt message with itself */

#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode/record.h"
#include "track/sight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct message *m, const struct sight *s)
{
	struct record r;
	uint64_t n;

	/*
	 * Damage behind what a pass looks at is the decoder's to find; and TIPC's
	 * identity is in attributes, which no kernel tells twice, but a fuzzer does.
	 */
	if (record_open(&r, m, NULL) < 0 || source_def_get(m->source)->kind == KIND_TIPC)
		return;
	if (record_cookie(&r, &n) == 0 && n != s->cookie)
		abort();
	if (record_inode(&r, &n) == 0 && (uint32_t)n != s->inode)
		abort();
	record_state(&r);
}

static void check_rebuilt(const struct sight *s)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	_Alignas(8) uint8_t buf[SIGHT_MESSAGE_MAX];
	struct track_entry *e;
	struct message m;
	struct sight again;
	size_t len;

	if (track_table_new(&t) < 0)
		return;
	e = track_table_add(t, s->source, s->cookie, s->twin, s->inode, s->is_ipv6 ? &s->pair : NULL);
	if (!e)
		return;
	if (sight_store(s, t, e) < 0)
		return;
	len = sight_rebuild(t, e, buf);
	if (len == 0)
		return;
	m = (struct message){ .data = buf + NLMSG_HDRLEN, .len = (uint32_t)(len - NLMSG_HDRLEN), .source = s->source };
	if (sight_read(&m, &again) < 0 || again.cookie != s->cookie || again.inode != s->inode || again.twin != s->twin ||
	    again.local_port != s->local_port || again.peer_port != s->peer_port || again.source != s->source)
		abort();
}

/* The first byte picks the source, the rest is its message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	struct sight s;

	if (size < 1)
		return 0;
	m = (struct message){ .data = data + 1, .len = (uint32_t)size - 1, .source = (uint8_t)(1 + data[0] % (SOURCE_COUNT - 1)) };
	if (sight_read(&m, &s) < 0)
		return 0;
	check_record(&m, &s);
	/* A source's messages are of its family; only such are remembered and told again. */
	if (source_def_get(m.source)->kind != KIND_INET || m.data[0] == source_def_get(s.source)->family)
		check_rebuilt(&s);
	return 0;
}
