/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows that a dump brings twice */

#ifndef SOCKETD_QUERY_DEDUPE_H
#define SOCKETD_QUERY_DEDUPE_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/record.h"

/*
 * Dumps are not atomic: a chain that grows between two batches brings its last
 * rows again, and netlink_diag tells every socket with groups twice. Such
 * twins come close together, so remembering the last few thousand rows is
 * enough, and a listing of any length costs no more.
 */
#define DEDUPE_ROWS 4096

struct dedupe {
	uint64_t seen[DEDUPE_ROWS]; /* hash of a row's identity, at a place that the hash says */
};

void dedupe_init(struct dedupe *d);

/*
 * Whether a row of the same source, cookie, inode and endpoints was just there;
 * remembers this one. Rows without cookie and inode are never twins. A cookie
 * alone is not enough: what an MPTCP listener accepts has its cookie, and an
 * SCTP association shares cookie and inode with its endpoint.
 */
bool dedupe_is_twin(struct dedupe *d, struct record *r);

#endif
