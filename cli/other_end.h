/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a socket can have its other end on this host */

#ifndef SOCKETD_CLI_OTHER_END_H
#define SOCKETD_CLI_OTHER_END_H

#include <stdbool.h>

#include "cli/options.h"

/*
 * To find an end all sockets are read, which is long where there are very many. This asks for the
 * sockets of the command line alone, and looks whether it is worth it. -1 and the answer, or an
 * exit code; then what is wrong was said.
 */
int other_end_ask(const struct arguments *arg, bool *ret_possible);

#endif
