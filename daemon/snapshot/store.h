/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that are kept: for sorting, grouping, and looking up by cookie */

#ifndef SOCKETD_SNAPSHOT_STORE_H
#define SOCKETD_SNAPSHOT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/messages.h"

struct store {
	struct arena arena;
	struct message *messages;
	size_t n_messages, n_allocated;
};

void store_init(struct store *s);
void store_deinit(struct store *s);
DEFINE_CLEANUP(struct store, store_deinit)

/* Copies a message. 0 or -ENOMEM. */
int store_add(struct store *s, const struct message *m);

#endif
