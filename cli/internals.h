/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only the kernel module tells: whether it was asked for, and whether it was there */

#ifndef SOCKETD_CLI_INTERNALS_H
#define SOCKETD_CLI_INTERNALS_H

#include <stdbool.h>

#include "decode/record.h"
#include "snapshot/context.h"

/* The module answered, be it with an error of its own. Once the answer has begun. */
bool internals_present(const struct context *c);

/*
 * The module told of a socket only what is public. sk_rcvlowat says so: every struct sock has it, and it
 * is for CAP_NET_ADMIN. It has to be asked for. recorded: or it was not asked, as for a recorded listing;
 * live, what it has not told of it has not found.
 */
bool internals_withheld(struct record *r, bool recorded);

#endif
