/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Colours, and whether there are any */

#ifndef SOCKETD_CLI_COLOUR_H
#define SOCKETD_CLI_COLOUR_H

#include <stdbool.h>
#include <stddef.h>

enum colour_mode { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED, COLOUR_BOLD, COLOUR_DIM };

/* Ends any of them. */
#define COLOUR_END "\033[0m"

/* The sequence that begins a colour; "" for none. */
const char *colour_code(enum colour c);

/* Auto: a terminal that is not dumb, unless NO_COLOR or SYSTEMD_COLORS says otherwise. */
bool colour_wanted(enum colour_mode mode, bool terminal);

/* Of a row, by what its state means: enum tcp_state and the accept queue. */
enum colour colour_of_state(unsigned state, bool queue_full);

#endif
