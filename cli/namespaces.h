/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces in answers: which one is meant, and which are missing */

#ifndef SOCKETD_CLI_NAMESPACES_H
#define SOCKETD_CLI_NAMESPACES_H

#include <stdbool.h>

#include "cli/buffer.h"
#include "query/query.h"
#include "snapshot/context.h"

/*
 * -N NAME: what the filter says of it; free() it. A name with a slash is a path that leads to the namespace, as
 * for ss. -1, or an exit code: the path leads nowhere, which was said.
 */
int namespaces_term(const char *name, char **ret);

/* Of the namespaces that the answer knows of, how many the query can find rows in. */
size_t namespaces_count(const struct query *q, const struct context *c);

/* Whether the filter demands a namespace that the answer knows nothing of; the other function says so, too. */
bool namespaces_unknown(const struct query *q, const struct context *c);
bool namespaces_say_unknown(const struct query *q, const struct context *c);

/* Says how many could not be read; false when there are some. */
bool namespaces_check(const struct context *c);

/* Where readings of a source failed, where that is not the only one that was read: " (in web, 4026532281)". */
void namespaces_of_failures(struct buffer *b, const struct context *c, enum source_id id);

/* A name that is safe to print, or the inode number. */
void namespaces_put(struct buffer *b, const struct context *c, uint64_t ino);

#endif
