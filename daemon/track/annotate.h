/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon remembers, added to a reading on its way out */

#ifndef SOCKETD_TRACK_ANNOTATE_H
#define SOCKETD_TRACK_ANNOTATE_H

#include <stdbool.h>

#include "snapshot/arena.h"
#include "track/tracker.h"

/*
 * A stage between the arena that a reading is written to and the one that it is
 * sent from. It moves whole blocks, and puts TRACKS before each MESSAGES and
 * LINES block (tracks), and PROCESS and OWNERS of the sockets in it (owners).
 * Owners are those that are remembered, each looked at once more in /proc
 * when there are few; when a socket's holder is not known a scan is made first,
 * for which the stage waits.
 */
struct annotate;

int annotate_new(struct annotate **ret, struct tracker *t, bool tracks, bool owners);
struct annotate *annotate_free(struct annotate *a);
DEFINE_CLEANUP_PTR(struct annotate, annotate_free)

/*
 * Moves what is there, at most one block of messages. 1 it moved something; 0 in
 * is empty; -EAGAIN it waits for a scan; -ENOMEM; -EBADMSG. in and out are the
 * same arenas from call to call.
 */
int annotate_step(struct annotate *a, struct arena *in, struct arena *out);

/* Called when a step that said -EAGAIN is worth another try. */
void annotate_on_ready(struct annotate *a, void (*ready)(void *ctx), void *ctx);

#endif
