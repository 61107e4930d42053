/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of numbers, hashed into an array that is never more than half full */

#include "track/numbers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

void numbers_deinit(struct numbers *s)
{
	free(s->slots);
	*s = (struct numbers){};
}

/* Where the number is, or the free slot that it would have. */
static uint32_t *find_slot(uint32_t *slots, size_t n_slots, uint32_t number)
{
	size_t i = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (n_slots - 1);

	while (slots[i] != 0 && slots[i] != number)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int grow(struct numbers *s)
{
	size_t n_slots = s->n_slots ? s->n_slots * 2 : SLOTS_MIN;
	uint32_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i] != 0)
			*find_slot(slots, n_slots, s->slots[i]) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->n_slots = n_slots;
	return 0;
}

int numbers_add(struct numbers *s, uint32_t number)
{
	uint32_t *slot;
	int r;

	if (s->n * 2 >= s->n_slots) {
		r = grow(s);
		if (r < 0)
			return r;
	}
	slot = find_slot(s->slots, s->n_slots, number);
	if (*slot == number)
		return 0;
	*slot = number;
	s->n++;
	return 1;
}

bool numbers_has(const struct numbers *s, uint32_t number)
{
	return s->n > 0 && *find_slot(s->slots, s->n_slots, number) == number;
}

void numbers_clear(struct numbers *s)
{
	if (s->n > 0)
		memset(s->slots, 0, s->n_slots * sizeof(*s->slots));
	s->n = 0;
}

size_t numbers_count(const struct numbers *s)
{
	return s->n;
}

bool numbers_next(const struct numbers *s, size_t *cursor, uint32_t *ret)
{
	for (size_t i = *cursor; i < s->n_slots; i++) {
		if (s->slots[i] == 0)
			continue;
		*cursor = i + 1;
		*ret = s->slots[i];
		return true;
	}
	return false;
}
