/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what a caller asks to what the kernel is asked: used by the daemon and by --direct */

#ifndef SOCKETD_QUERY_ASK_H
#define SOCKETD_QUERY_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query/query.h"

/*
 * A request for the rows of a query with these fields (NULL: all that a listing
 * can show, and of one socket's query the kernel module's too), made for a user.
 * 0, and request_deinit is due; or -ENOMEM, and it is not.
 */
int ask_request(const struct query *q, const enum field_id *fields, size_t n_fields, uint32_t uid,
		const struct plan_names *names, struct request *ret);

/*
 * Whether the other ends of sockets are asked for, by the filter or by fields (NULL: none by them): then
 * all is read that can be one (query/pairs.h), in all namespaces, and joined when it is there.
 */
bool ask_wants_pairs(const struct query *q, const enum field_id *fields, size_t n_fields);

/* The first field of a filter that only the kernel module tells, F_none where there is none. */
enum field_id query_module_field(const struct query *q);

#endif
