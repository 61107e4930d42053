/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who held a socket before a scan found that nobody does: for the event of its end */

#ifndef SOCKETD_TRACK_FORMER_H
#define SOCKETD_TRACK_FORMER_H

#include "snapshot/arena.h"
#include "track/holders.h"

/* Remembered at one time, by inode modulo: one that is pushed out closes without an owner. */
#define FORMER_MAX 8192

/* Starts as zeros. */
struct former {
	struct former_row *rows;
};

void former_deinit(struct former *f);

/* During the callback of holders_on_lost(), while the process is still known. */
void former_add(struct former *f, const struct holders *h, uint32_t pid, uint32_t inode, uint32_t fd);

/* Writes PROCESS and OWNERS. 1, 0 when nobody is remembered, -ENOMEM. */
int former_write(const struct former *f, const struct holders *h, uint32_t inode, struct arena *a);

#endif
