/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Having the kernel destroy a socket: SOCK_DESTROY of sock_diag */

#ifndef SOCKETD_SOURCE_KILL_H
#define SOCKETD_SOURCE_KILL_H

#include <stddef.h>
#include <stdint.h>

/*
 * A sock_diag socket of a network namespace, by its inode number; 0 is our own.
 * The caller's to close. -ENOENT there is no such namespace (any more); those of
 * netns_door_open() for another than our own.
 */
int kill_open(uint64_t netns);

/*
 * Destroys the very socket that a message is of: its struct inet_diag_msg, as
 * sock_diag sent it, with the cookie. Its process has ECONNABORTED from the next
 * call on it, its peer a reset; no descriptor is closed. The kernel acts before
 * the call returns, so there is nothing to wait for.
 *
 * 0; -EOPNOTSUPP a family, protocol or state that the kernel cannot destroy, or a
 * kernel without CONFIG_INET_DIAG_DESTROY; -ENOENT it is gone; -EPERM; -EINVAL no
 * exact cookie; -EBADMSG no such message; -EADDRINUSE it is there, but the kernel
 * looks sockets up by their ends, and does not come to it: others stand before it, or
 * it is neither connected nor listening any more.
 */
int kill_socket(int fd, uint16_t protocol, const void *message, size_t len);

#endif
