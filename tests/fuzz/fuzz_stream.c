/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes the stream's reader, what it tells of the host, and the rows that come out of it */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decode/record.h"
#include "snapshot/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rows of one stream whose fields are all read: the others only cost time. */
#define ROWS_MAX 64

static void read_row(const struct message *m, const struct context *c)
{
	static struct record record;
	struct value v;
	char text[VALUE_TEXT_MAX];

	if (record_open(&record, m, c) < 0)
		return;
	for (unsigned id = 1; id < FIELD_COUNT; id++)
		for (unsigned n = 0; n < 3 && record_get(&record, (enum field_id)id, n, &v) == 0; n++)
			value_format(field_get((enum field_id)id), &v, VALUE_HUMAN, text, sizeof(text));
}

/* An event without a socket is a message that no decoder takes. */
static void check_event(const struct message *m, const struct context *c)
{
	const struct event_info *event = context_event(c);
	struct record record;

	if (m->source != SOURCE_none)
		return;
	if (!event || (event->kind != SOCKETD_EVENT_OVERFLOW && event->kind != SOCKETD_EVENT_SYNCED) || m->len || m->track ||
	    record_open(&record, m, c) != -EBADMSG)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(context_free) struct context *c = NULL;
	CLEANUP(free) uint8_t *copy = NULL;
	CLEANUP(store_deinit) struct store store = { 0 };
	struct memory memory;
	struct messages messages;
	struct message m;
	struct reader r;
	const struct process *p;
	uint32_t pid, fd;
	unsigned n = 0;
	int e;

	/* A copy of its own size: the sanitizer sees one byte too far. */
	copy = malloc(size + !size);
	if (!copy || context_new(&c) < 0)
		return 0;
	store_init(&store);
	memcpy(copy, data, size);
	memory = (struct memory){ .data = copy, .len = size };
	reader_init(&r, memory_input(&memory));
	messages_init(&messages, &r, c);
	while ((e = messages_next(&messages, &m)) == 1)
		if (n++ < ROWS_MAX) {
			read_row(&m, c);
			check_event(&m, c);
			if (store_add(&store, &m) < 0)
				return 0;
		}
	/* What was kept is still there. */
	for (size_t i = 0; i < store.n_messages; i++)
		read_row(&store.messages[i], c);
	if (e != 0 && e != -EBADMSG && e != -ENODATA && e != -EPROTONOSUPPORT && e != -E2BIG && e != -ENOMEM)
		abort();
	reader_problem(&r, e);
	context_owner(c, 1, 0, &p, &pid, &fd);
	context_link_name(c, 0, 1);
	for (size_t i = 0; context_netns_at(c, i); i++)
		if (context_netns(c, context_netns_at(c, i)->ino) != context_netns_at(c, i) ||
		    (context_netns_at(c, i)->own && context_netns_at(c, i)->ino != context_netns_own(c)))
			abort();
	context_socket_unit(c, "/run/dbus", 9);
	context_unit(c, "dbus.socket", 11);
	context_cgroup_path(c, 1);
	return 0;
}
