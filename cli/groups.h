/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counting rows by fields: show --group-by and stat --by */

#ifndef SOCKETD_CLI_GROUPS_H
#define SOCKETD_CLI_GROUPS_H

#include "cli/rows.h"

/* option: what the user wrote the list behind, for messages. An exit code. */
int groups_show(struct rows *rows, const char *option, const char *list);

#endif
