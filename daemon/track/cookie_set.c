/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bounded set of numbers, by open addressing */

#include "track/cookie_set.h"

#include <string.h>

#define SLOTS_FIRST 1024 /* is kept when the set is emptied */

void cookie_set_deinit(struct cookie_set *s)
{
	free(s->slots);
	*s = (struct cookie_set){};
}

void cookie_set_clear(struct cookie_set *s)
{
	if (s->n_slots > SLOTS_FIRST) {
		cookie_set_deinit(s);
		return;
	}
	if (s->n > 0)
		memset(s->slots, 0, s->n_slots * sizeof(*s->slots));
	s->n = 0;
	s->overflowed = false;
}

static uint64_t *find(const struct cookie_set *s, uint64_t cookie)
{
	size_t i = (cookie * UINT64_C(0x9e3779b97f4a7c15)) >> 32;

	for (;; i++) {
		uint64_t *slot = &s->slots[i & (s->n_slots - 1)];

		if (*slot == cookie || *slot == 0)
			return slot;
	}
}

static bool grow(struct cookie_set *s)
{
	struct cookie_set larger = { .n_slots = s->n_slots > 0 ? 4 * s->n_slots : SLOTS_FIRST, .n = s->n };

	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i] != 0)
			*find(&larger, s->slots[i]) = s->slots[i];
	larger.overflowed = s->overflowed;
	free(s->slots);
	*s = larger;
	return true;
}

void cookie_set_add(struct cookie_set *s, uint64_t cookie, size_t max)
{
	uint64_t *slot;

	if (cookie == 0)
		return;
	if (s->n >= max || (2 * s->n >= s->n_slots && !grow(s))) {
		s->overflowed = true;
		return;
	}
	slot = find(s, cookie);
	s->n += *slot == 0;
	*slot = cookie;
}

bool cookie_set_has(const struct cookie_set *s, uint64_t cookie)
{
	return s->n > 0 && cookie != 0 && *find(s, cookie) == cookie;
}
