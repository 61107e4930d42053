/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The details of -e -i -m -o, in the words of ss */

#ifndef SOCKETD_CLI_DETAIL_H
#define SOCKETD_CLI_DETAIL_H

#include "cli/buffer.h"
#include "cli/columns.h"
#include "cli/options.h"
#include "decode/record.h"

/* The fields that these options show. */
void detail_fields(const struct arguments *arg, struct field_set *s);

/* What goes on the socket's own line; each item begins with a blank. */
void detail_first(struct buffer *b, struct record *r, const struct arguments *arg);

/* What goes on a line of its own: memory, and what the protocol tells. */
void detail_second(struct buffer *b, struct record *r, const struct arguments *arg);

#endif
