/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of numbers: inodes, pids */

#ifndef SOCKETD_TRACK_NUMBERS_H
#define SOCKETD_TRACK_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"

/* Begins zeroed. 0 cannot be in it. */
struct numbers {
	uint32_t *slots; /* 0 for a free one */
	size_t n_slots;  /* a power of two */
	size_t n;
};

void numbers_deinit(struct numbers *s);
DEFINE_CLEANUP(struct numbers, numbers_deinit)

/* 1 it is in the set now, 0 it was already, -ENOMEM. */
int numbers_add(struct numbers *s, uint32_t number);
bool numbers_has(const struct numbers *s, uint32_t number);
void numbers_clear(struct numbers *s);
size_t numbers_count(const struct numbers *s);

/* Walks all, in no order: *cursor is 0 first. */
bool numbers_next(const struct numbers *s, size_t *cursor, uint32_t *ret);

#endif
