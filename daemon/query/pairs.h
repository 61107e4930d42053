/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both ends joined: which socket of this host is at the other end of which */

#ifndef SOCKETD_QUERY_PAIRS_H
#define SOCKETD_QUERY_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/record.h"
#include "model/cleanup.h"
#include "model/request.h"
#include "snapshot/messages.h"

/*
 * Filled with every row of a reading that holds all that can be an end (UNIX, TCP,
 * UDP; not narrowed by the filter of whoever asks), then asked. UNIX sockets are
 * joined by the peer's inode; a client that is not accepted yet by the inodes
 * that its listener tells (UNIX_DIAG_ICONS). TCP and connected UDP by their
 * addresses and ports, in the same namespace or, where the address is of no
 * other, across namespaces; where two sockets could be the other end, none is said
 * to be. Rows are borrowed: they must stay where they are.
 */
struct pairs;

int pairs_new(struct pairs **ret);
struct pairs *pairs_free(struct pairs *p);
DEFINE_CLEANUP_PTR(struct pairs, pairs_free)

/* Bounds: -E2BIG past it. */
#define PAIRS_MAX (4u * 1024 * 1024)

/* A row; r is open, and its context has the owners of all. -ENOMEM, -E2BIG. Rows that can be no end are passed over. */
int pairs_add(struct pairs *p, struct record *r, const struct message *m);

/* The other end of a row: its message, and whether the row waits for accept(2) there. False when there is none, or not one alone. */
bool pairs_find(const struct pairs *p, struct record *r, struct message *ret, bool *ret_pending);

/* Room for the end of one row: where its record points as long as it is looked at. */
struct pair_end {
	struct record record;
	struct record_peer peer;
};

/* Sets r->peer, so that record_get() has the fields of group peer. p may be NULL: then there are none. */
void pairs_attach(const struct pairs *p, struct record *r, struct pair_end *e);

/* Bytes that it takes beside the rows. */
size_t pairs_memory(const struct pairs *p);

/* Groups that a reading needs for it, and the sources' families: what a caller asks for beside his own. */
#define PAIRS_GROUPS (GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_af_unix) | GROUP_BIT(GROUP_peer))

/* A request that has GROUP_peer among its groups reads all that can be an end of what it reads; the rest stays as it is. */
void pairs_widen(struct request *req);

#endif
