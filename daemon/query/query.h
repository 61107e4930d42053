/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter language: text to tree, tree to plan, tree against rows */

#ifndef SOCKETD_QUERY_QUERY_H
#define SOCKETD_QUERY_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/record.h"
#include "model/cleanup.h"
#include "model/request.h"

/* Bounds of a filter; each has its own message. */
#define QUERY_TEXT_MAX 4096
#define QUERY_TERMS_MAX 64
#define QUERY_DEPTH_MAX 32

struct query;

/* What was wrong with a text, and where: column counts bytes from 0. */
struct query_error {
	size_t column, length;
	char message[256];
};

/*
 * Parses a filter; an empty text matches all. -EINVAL with *ret_error filled
 * (safe to print), -E2BIG over a bound (filled too), -ENOMEM.
 */
int query_parse(struct query **ret, const char *text, size_t len, struct query_error *ret_error);
struct query *query_free(struct query *q);
DEFINE_CLEANUP_PTR(struct query, query_free)

/* Whether a row matches. The record's scratch is used. */
bool query_match(const struct query *q, struct record *r);

/* Facts about a query that a front end needs. */
bool query_has_state(const struct query *q);  /* it speaks of states: no default set applies */
bool query_has_target(const struct query *q); /* it names a TARGET (":443", "pid:1"): nothing found is an error */
bool query_is_exact(const struct query *q);   /* it is one "sk:" or "ino:" target: one socket is meant */
bool query_wants_kernel(const struct query *q); /* it has autobound, which only a live reading can decide */

/* Groups of fields that matching needs. */
uint32_t query_groups(const struct query *q);

/*
 * Narrows a request (initialised with request_init, groups set) to what the
 * query can match: sources, states, inet bytecode, exact lookups. Names of
 * devices and cgroups are looked up by the callbacks; NULL leaves them to
 * query_match. 0 or -ENOMEM.
 */
struct plan_names {
	int (*ifindex)(const char *name, size_t len, uint32_t *ret);
	int (*cgroup)(const char *path, size_t len, uint64_t *ret);
};

int query_plan(const struct query *q, const struct plan_names *names, struct request *req);

/*
 * Of the namespaces that there are (known, the own one among them), those in which a row can match;
 * where there is none the own one alone, which is soon read and matches nothing: an empty
 * list would be the same to a request. *ret is filled anew, with copies; n_hidden is
 * that of known where the query can find rows in such. -ENOMEM.
 */
int query_plan_netns(const struct query *q, const struct netns_list *known, struct netns_list *ret);

#endif
