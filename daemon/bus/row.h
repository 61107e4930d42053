/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The summary row S of the D-Bus interface: (ttyuyayqayquuuus) */

#ifndef SOCKETD_BUS_ROW_H
#define SOCKETD_BUS_ROW_H

#include <systemd/sd-bus.h>

#include "decode/record.h"

/*
 * cookie, netns, family, protocol, state, local, lport, remote, rport, ifindex,
 * uid, inode, pid, comm (escaped: text_escape()). Addresses are bytes: 4 or 16
 * of IP, a path or @name of UNIX sockets as it is, a word or digits of other
 * families, empty for none. What there is not is 0, but for the uid.
 */
#define ROW_SIGNATURE "ttyuyayqayquuuus"
#define ROW_STRUCT "(" ROW_SIGNATURE ")"

#define ROW_UID_NONE UINT32_MAX

/* More than a row takes in a message: so many bytes times rows are a bound on a page. */
#define ROW_BYTES_MAX 1024u

/* The bytes of an address as they stand in a row. */
#define ROW_ADDRESS_MAX 128
size_t row_address(const struct address *a, uint8_t buf[static ROW_ADDRESS_MAX]);

/* Appends a row to a message. A negative errno: then the message must not be sent. */
int row_append(sd_bus_message *m, struct record *r);

#endif
