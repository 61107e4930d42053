/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One event as blocks of a stream, less what its reader may not see */

#ifndef SOCKETD_BUS_EVENT_H
#define SOCKETD_BUS_EVENT_H

#include <stdint.h>

#include "decode/record.h"
#include "snapshot/arena.h"

/*
 * The blocks of an event: EVENT, PROCESS and OWNERS, TRACKS, MESSAGES. r is
 * NULL for one without a socket. For a user other than root only what the
 * kernel would have told him, and of the owners his own processes. -ENOMEM, and
 * then nothing was written; -E2BIG for a message that no block can hold.
 */
int event_write(struct arena *a, const struct event_info *e, struct record *r, uint32_t uid);

#endif
