/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bounded set of numbers: cookies of sockets that are gone, inodes that want an owner */

#ifndef SOCKETD_TRACK_COOKIE_SET_H
#define SOCKETD_TRACK_COOKIE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"

/* Starts as zeros. 0 is no member: no cookie and no inode is. */
struct cookie_set {
	uint64_t *slots;
	size_t n_slots; /* a power of two, at most half of them taken */
	size_t n;
	bool overflowed; /* something was not taken in: what is not found may belong to it */
};

void cookie_set_deinit(struct cookie_set *s);
DEFINE_CLEANUP(struct cookie_set, cookie_set_deinit)

/* Empties it; memory that is not small is given back. */
void cookie_set_clear(struct cookie_set *s);

/* Adds at most max members; past that, and when memory is short, the set is marked as overflowed. */
void cookie_set_add(struct cookie_set *s, uint64_t cookie, size_t max);
bool cookie_set_has(const struct cookie_set *s, uint64_t cookie);

#endif
