/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What listeners are told of namespaces: blocks of the stream */

#ifndef SOCKETD_TRACK_NETNS_BLOCKS_H
#define SOCKETD_TRACK_NETNS_BLOCKS_H

#include "snapshot/arena.h"
#include "track/namespaces.h"

/* NETNS of one. -ENOMEM. */
int netns_blocks_write(const struct track_netns *ns, struct arena *a);

#endif
