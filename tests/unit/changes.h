/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as the kernel module's generic netlink group tells them, written by hand */

#ifndef SOCKETD_TESTS_CHANGES_H
#define SOCKETD_TESTS_CHANGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define CHANGES_FAMILY 29 /* what the kernel may have given it */

struct change_message {
	_Alignas(8) uint8_t data[1024];
	size_t len;
};

struct change {
	uint64_t cookie, inode, lost;
	uint8_t old_state, new_state;
	uint16_t protocol; /* 0: TCP */
	const struct sockaddr *local, *peer; /* of the same family */
	uint32_t uid, pid; /* pid 0: no attribute */
	const char *comm;
};

void change_begin(struct change_message *m, uint16_t type, uint8_t cmd);
void change_attr(struct change_message *m, uint16_t type, const void *data, size_t len);
void change_u64(struct change_message *m, uint16_t type, uint64_t value);
/* All attributes in the module's order; the time is now. */
void change_build(struct change_message *m, const struct change *c);

#endif
