/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which socket a message is about: cookie and inode, from fixed places */

#ifndef SOCKETD_SNAPSHOT_IDENTITY_H
#define SOCKETD_SNAPSHOT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/block_rows.h"

struct identity {
	uint64_t cookie; /* 0 in lines of /proc */
	uint64_t inode;  /* 0 when it has none */
	uint16_t family; /* of the source */
	uint16_t protocol;
	bool shares_cookie; /* such sockets can have the cookie of another (MPTCP: their listener's; SCTP: their endpoint's) */
	bool may_be_mini;   /* TIME-WAIT or request sock, or a socket without a descriptor that looks like one */
	bool is_mini;       /* certainly */
};

/* 0; -ENODATA when a message has neither, or is too short to tell. Not for messages of the kernel module. */
int identity_read(const struct message *m, struct identity *ret);

/* The payload of the first attribute of a type in a row; NULL when it is not there, or behind damage. */
const uint8_t *identity_find_attr(const uint8_t *at, size_t left, unsigned type, size_t *ret_len);

#endif
