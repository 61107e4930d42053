/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a column of a socket's row says */

#ifndef SOCKETD_CLI_CELL_H
#define SOCKETD_CLI_CELL_H

#include "cli/buffer.h"
#include "cli/columns.h"
#include "cli/names.h"
#include "decode/record.h"

/*
 * Appends the text of a column. 0, or -ENODATA when the socket has no such
 * value: then nothing was appended. names: NULL for numbers. *ret_split: bytes
 * of an endpoint's address, the rest being ":port".
 */
int cell_write(struct buffer *b, const struct column *c, struct record *r, struct names *names, size_t *ret_split);

/* The pieces of it that others need too. */
size_t cell_endpoint(struct buffer *b, struct record *r, bool peer, struct names *names);
bool cell_users(struct buffer *b, struct record *r); /* false: neither owners nor a word in their place */

/* A field's value, of a list all of them joined by commas. -ENODATA. */
int cell_field(struct buffer *b, const struct field *f, struct record *r);

/*
 * A field's value for the eye, short and with its unit; an age behind ">" where
 * it is no more than a lower bound. -ENODATA: nothing was appended.
 */
int cell_short(struct buffer *b, const struct field *f, struct record *r);

/* Behind the first n values of a list: ",…+N more" for those that are left out. */
void cell_rest(struct buffer *b, struct record *r, enum field_id id, unsigned n);

/* A value that was got already. */
void cell_value(struct buffer *b, const struct field *f, const struct value *v, enum value_style style);

#endif
