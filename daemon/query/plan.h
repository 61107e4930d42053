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
	uint32_t uid, groups; /* of the request */
	/* Of SOURCE_module, which has no family of its own: */
	uint16_t family;
	bool unlisted; /* only what no other source lists is asked for */
};

/* Keys of one socket, as far as the leaves give them that must all hold. */
struct plan_keys {
	uint64_t cookie, inode, token, local_port, peer_port, ifindex, pid;
	const struct address *local, *peer;
};

void plan_find_keys(const struct plan *p, node_ref ref, struct plan_keys *k);

/* What a tree comes to by what is known of its leaves. */
enum truth truth_of_tree(const struct query *q, node_ref ref, enum truth (*leaf)(const void *ctx, const struct node *n), const void *ctx);

/* Of a tree, for p->source. */
enum truth plan_truth(const struct plan *p, node_ref ref);
/* States that rows can have for which the tree (or its negation) can hold. */
uint32_t plan_states(const struct plan *p, node_ref ref, bool negated);

/* Of a leaf, its invert included. */
enum truth plan_leaf(const struct plan *p, const struct node *n);

/* Whether a leaf says that its field is one number, and which. */
bool plan_is_number(const struct node *n, uint64_t *ret);

/* Narrows what the kernel module is asked, and whether it is. */
void plan_module(const struct query *q, const struct plan_number *numbers, struct request *req);
/* What plan_leaf() knows of its rows, by p->family. */
enum truth plan_module_netid(const struct plan *p, const struct node *n);
bool plan_module_address(const struct plan *p, enum address_kind kind);
/* Whether it is asked for a field that it adds to the rows of others; whether rows of its own have a field. */
bool plan_module_tells(const struct plan *p, enum field_id field);
bool plan_module_has(const struct plan *p, enum field_id field);
/* Whether the module is asked about sockets that p->source lists: read or not, they are no rows of the module's. */
bool plan_module_doubles(const struct plan *p);

/*
 * The inet bytecode of the whole tree for p->source, freed by the caller; what
 * the kernel cannot decide is left open. *ret_len is 0 when nothing can be left
 * out, or too little room. 0 or -ENOMEM.
 */
int bytecode_build(const struct plan *p, uint8_t **ret, uint16_t *ret_len);

#endif
