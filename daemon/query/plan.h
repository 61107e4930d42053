/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What planning knows of one source, for plan.c and bytecode.c */

#ifndef SOCKETD_QUERY_PLAN_H
#define SOCKETD_QUERY_PLAN_H

#include "query/tree.h"

/* What a source's rows make of a leaf before one of them is seen. */
enum truth { TRUTH_NO, TRUTH_YES, TRUTH_MAYBE };

/* A name that was looked up, one for each node. */
struct plan_number {
	bool known;
	uint64_t number;
};

struct plan {
	const struct query *q;
	const struct plan_number *numbers; /* by node: of LEAF_TEXT on dev and cgroup */
	const struct source_def *def;
	enum source_id source;
	uint32_t uid;
};

/* Of a leaf, its invert included. */
enum truth plan_leaf(const struct plan *p, const struct node *n);

/* Whether a leaf says that its field is one number, and which. */
bool plan_is_number(const struct node *n, uint64_t *ret);

/*
 * The inet bytecode of the whole tree for p->source, freed by the caller; what
 * the kernel cannot decide is left open. *ret_len is 0 when nothing can be left
 * out, or too little room. 0 or -ENOMEM.
 */
int bytecode_build(const struct plan *p, uint8_t **ret, uint16_t *ret_len);

#endif
