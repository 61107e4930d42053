/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One socket whole: every field it has, by groups, with units */

#ifndef SOCKETD_CLI_WHOLE_H
#define SOCKETD_CLI_WHOLE_H

#include "cli/names.h"
#include "cli/output.h"
#include "decode/record.h"

/* first: no empty line before it. */
void whole_write(struct output *o, struct record *r, struct names *names, bool first);

#endif
