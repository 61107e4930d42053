/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of a call, a{sv}, as a query */

#ifndef SOCKETD_BUS_FILTER_H
#define SOCKETD_BUS_FILTER_H

#include <systemd/sd-bus.h>

#include "model/cleanup.h"
#include "query/query.h"

/*
 * The text of a filter with shorthands is longer than the caller's expression:
 * one that leaves no room for them within QUERY_TEXT_MAX is refused.
 */
struct filter {
	char *text; /* the expression and the shorthands in one: equal texts are equal filters */
	struct query *query;
};

void filter_deinit(struct filter *f);
DEFINE_CLEANUP(struct filter, filter_deinit)

/*
 * Reads the a{sv} that is next in a message: "expression" (s) and the shorthands
 * "families" (as), "states" (as), "netns" (t), "pid" (u), "unit" (s), all of
 * which must hold. An unknown key, a wrong type, a key twice are errors. Returns
 * a negative errno with the D-Bus error filled.
 */
int filter_read(struct filter *ret, sd_bus_message *m, sd_bus_error *error);

/* The same of an expression alone, which is ours. */
int filter_of_text(struct filter *ret, const char *text, sd_bus_error *error);

/* The inode number of our network namespace; 0 where /proc does not tell. */
uint64_t filter_own_netns(void);

/* Names of fields, as. n_fields 0 for an empty list. *ret is the caller's to free. */
int filter_read_fields(sd_bus_message *m, enum field_id **ret, size_t *ret_n, sd_bus_error *error);

/*
 * Refuses what cannot be answered together: fields of the other end need a reading that is not
 * narrowed, autobound one that the kernel narrows. groups: of the whole request.
 */
int filter_check_joined(const struct query *q, uint32_t groups, sd_bus_error *error);

#endif
