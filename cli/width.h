/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many columns of a terminal a text takes */

#ifndef SOCKETD_CLI_WIDTH_H
#define SOCKETD_CLI_WIDTH_H

#include <stddef.h>

/* Of valid UTF-8 without control characters, as text_escape leaves it. */
size_t width_of(const char *text, size_t len);

#endif
