/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that are kept */

#include <errno.h>
#include <string.h>

#include "snapshot/store.h"

void store_init(struct store *s)
{
	memset(s, 0, sizeof(*s));
	arena_init(&s->arena);
}

void store_deinit(struct store *s)
{
	arena_deinit(&s->arena);
	free(s->messages);
	memset(s, 0, sizeof(*s));
}

int store_add(struct store *s, const struct message *m)
{
	size_t padded = ((size_t)m->len + 7) & ~(size_t)7;
	size_t size = padded + (m->track ? sizeof(*m->track) : 0);
	struct message *kept;
	uint8_t *copy;

	if (s->n_messages == s->n_allocated) {
		size_t n = s->n_allocated ? s->n_allocated * 2 : 256;
		struct message *more = reallocarray(s->messages, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->messages = more;
		s->n_allocated = n;
	}
	copy = arena_reserve(&s->arena, size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, m->data, m->len);
	kept = &s->messages[s->n_messages++];
	*kept = *m;
	kept->data = copy;
	if (m->track)
		kept->track = memcpy(copy + padded, m->track, sizeof(*m->track));
	arena_commit(&s->arena, size);
	return 0;
}
