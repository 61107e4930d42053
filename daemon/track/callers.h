/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose sockets are, as far as the kernel module's changes tell: who connects, listens, closes */

#ifndef SOCKETD_TRACK_CALLERS_H
#define SOCKETD_TRACK_CALLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "track/holders.h"
#include "track/table.h"

/*
 * Sockets whose last caller is remembered, by cookie modulo: one that is pushed
 * out lives for long, and a scan has found its holders meanwhile.
 */
#define CALLERS_MAX 16384u
/* Listeners that are known by their port; of those past it the accepted sockets' owner is told when they close. */
#define CALLERS_LISTENERS_MAX 65536u
#define CALLERS_PORTS 1024u

struct caller {
	uint32_t pid;
	char comm[16]; /* as the change had it: the process may be gone */
};

/* Starts as zeros. */
struct callers {
	struct caller_row *rows;
	struct listener_row *listeners;
	uint32_t n_listeners, n_allocated;
	uint32_t heads[CALLERS_PORTS]; /* index + 1 of the first listener of each chain */
};

void callers_deinit(struct callers *c);

/* The call of a process changed this socket. Without memory it is not remembered. */
void callers_put(struct callers *c, uint64_t cookie, uint32_t pid, const char *comm);
bool callers_find(const struct callers *c, uint64_t cookie, struct caller *ret);

/* A TCP socket listens. */
void callers_add_listener(struct callers *c, const struct track_table *t, const struct track_entry *e);

/*
 * Of an accepted socket: the one process that holds what listens at its local
 * address and port. False when nobody is known, and when several may have
 * accepted it (they share the listener, or the port by SO_REUSEPORT).
 */
bool callers_find_accepting(struct callers *c, const struct track_table *t, const struct holders *h, const struct track_entry *e,
			    struct caller *ret);

#endif
