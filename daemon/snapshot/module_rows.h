/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module's messages of a reading: kept until the rows that they are about have come */

#ifndef SOCKETD_SNAPSHOT_MODULE_ROWS_H
#define SOCKETD_SNAPSHOT_MODULE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/arena.h"
#include "snapshot/identity.h"

/* Bytes of messages, and what is kept with each; past it a stream is refused with -E2BIG. */
#define MODULE_ROWS_MAX (512u * 1024 * 1024)

struct module_row {
	const uint8_t *data; /* struct socketd_message and its attributes */
	const struct socketd_track *track;
	uint64_t cookie, inode;
	uint32_t len, netns;
	bool mini; /* TIME-WAIT or request sock */
	bool twin; /* of one before: the module may tell a socket twice */
	bool bound_netlink; /* such as netlink_diag lists all */
};

struct module_rows {
	struct arena arena;
	struct module_row *rows; /* as they came */
	uint32_t *by_cookie, *by_inode;
	size_t n, n_allocated, n_bytes;
	bool indexed; /* then none can be added */
};

void module_rows_deinit(struct module_rows *m);

/*
 * Copies a message, with its track. What is no message of a socket is left out.
 * -E2BIG past MODULE_ROWS_MAX; -EBADMSG once it is indexed: they come before
 * the messages of other sources. -ENOMEM.
 */
int module_rows_add(struct module_rows *m, const struct message *message);

/* Makes ready for module_rows_find, and marks twins. 0 or -ENOMEM. */
int module_rows_index(struct module_rows *m);

/* The place of what the module told of the socket, or -ENOENT. */
ssize_t module_rows_find(const struct module_rows *m, const struct identity *id);

#endif
