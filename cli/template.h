/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --format: a line for each socket, as the user wants it */

#ifndef SOCKETD_CLI_TEMPLATE_H
#define SOCKETD_CLI_TEMPLATE_H

#include "cli/cell.h"
#include "cli/columns.h"

/* Text between fields, and the fields: text[0] field[0] text[1] ... text[n]. */
struct template {
	char *text; /* all pieces, one after another */
	size_t piece_len[COLUMNS_MAX + 1];
	struct columns fields;
};

/* -1, or an exit code with what is wrong said. */
int template_init(struct template *t, const char *format);
void template_deinit(struct template *t);
DEFINE_CLEANUP(struct template, template_deinit)

/* A field that is absent is "-". */
void template_write(const struct template *t, struct buffer *b, struct record *r, struct names *names);

#endif
