/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only the kernel module tells: whether it was asked for, and whether it was there */

#ifndef SOCKETD_CLI_INTERNALS_H
#define SOCKETD_CLI_INTERNALS_H

#include <stdbool.h>

#include "query/query.h"
#include "snapshot/context.h"

/* The filter names such a field. */
bool internals_in_query(const struct query *q);

/* The module answered, be it with an error of its own. Once the answer has begun. */
bool internals_present(const struct context *c);

#endif
