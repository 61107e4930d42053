/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One socket whole: every field it has, by groups, with units */

#ifndef SOCKETD_CLI_WHOLE_H
#define SOCKETD_CLI_WHOLE_H

#include <stdint.h>

#include "cli/names.h"
#include "cli/output.h"
#include "decode/record.h"

/* One line: tcp ESTAB 127.0.0.1:22 → 127.0.0.1:4242 users:(...) */
void whole_title(struct buffer *b, bool colours, struct record *r, struct names *names);

/* groups: mask of GROUP_BIT. hidden: owners of other users are not told. first: no empty line before it. */
void whole_write(struct output *o, struct record *r, struct names *names, uint32_t groups, bool hidden, bool first);

#endif
