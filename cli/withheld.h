/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told to CAP_NET_ADMIN only, and whether this answer is without */

#ifndef SOCKETD_CLI_WITHHELD_H
#define SOCKETD_CLI_WITHHELD_H

#include <stdbool.h>

#include "cli/columns.h"
#include "cli/feed.h"
#include "cli/options.h"
#include "query/query.h"
#include "snapshot/context.h"

/* The answer's reader has no rights. Once the answer has begun; of a recording only where it says so. */
bool withheld_by_rights(const struct context *c, const struct arguments *arg, const struct feed *feed);

/* Such an answer is without this field. */
bool withheld_field(enum field_id id, const struct context *c);

/* The first such field that the filter names, or F_none. */
enum field_id withheld_in_query(const struct query *q, const struct context *c);

/*
 * Says once what root would see more: of the fields those that are not told, if any; else, to
 * people, that owners of other users' sockets and other namespaces are missing.
 */
void withheld_note(const struct field_set *fields, const struct context *c, const struct arguments *arg);

#endif
