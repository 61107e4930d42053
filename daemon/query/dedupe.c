/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows that a dump brings twice */

#include <linux/inet_diag.h>
#include <stddef.h>
#include <string.h>

#include "model/cleanup.h"
#include "query/dedupe.h"

void dedupe_init(struct dedupe *d)
{
	memset(d, 0, sizeof(*d));
}

/* splitmix64's finalizer: every bit of the input moves half of the output's. */
static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash ^= v;
	hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
	return hash ^ hash >> 31;
}

/* Ports, addresses, device and cookie of an inet row, as they stand in the message. */
static uint64_t mix_endpoints(uint64_t hash, const struct record *r)
{
	uint64_t words[sizeof(struct inet_diag_sockid) / 8];

	if (r->def->kind != KIND_INET)
		return hash;
	/* record_open() saw to it that the message has them. */
	memcpy(words, r->data + offsetof(struct inet_diag_msg, id), sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		hash = mix(hash, words[i]);
	return hash;
}

bool dedupe_is_twin(struct dedupe *d, struct record *r)
{
	uint64_t cookie = 0, inode = 0, hash;
	bool has_cookie = record_cookie(r, &cookie) == 0, has_inode = record_inode(r, &inode) == 0;
	uint64_t *place;

	if (!has_cookie && !has_inode)
		return false;
	/*
	 * Lines of /proc have no cookie, and ping_get_next() forgets to look at the
	 * family: a socket of one family can stand in the list of the other as well.
	 */
	hash = has_cookie ? mix_endpoints(mix(mix(mix(1, r->source), cookie), inode), r) : mix(2, inode);
	/* Two rows with one hash are one in 2^52 at worst: far rarer than what a dump misses by itself. */
	hash += hash == 0;
	place = &d->seen[hash % DEDUPE_ROWS];
	if (*place == hash)
		return true;
	*place = hash;
	return false;
}
