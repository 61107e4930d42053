/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree against a row, with short circuits: a field is decoded when the answer hangs on it */

#include <netinet/in.h>
#include <string.h>

#include "model/words.h"
#include "query/tree.h"

/* SOCK_BINDPORT_LOCK (include/uapi/linux/socket.h has only the buffers'). */
#define BINDPORT_LOCK 8

/* A number of a field as a double, for ratios: whole ones, whatever parts it is held in. */
static bool get_number(struct record *r, enum field_id field, double *ret)
{
	struct value v;

	if (record_get(r, field, 0, &v) < 0)
		return false;
	switch (v.kind) {
	case VALUE_BOOL:
	case VALUE_U64:
		*ret = (double)v.u / field_get(field)->unit->scale;
		return true;
	case VALUE_S64:
		*ret = (double)v.s / field_get(field)->unit->scale;
		return true;
	case VALUE_NONE:
	case VALUE_STR:
	case VALUE_ADDR:
		break;
	}
	return false;
}

/* Nothing divided by nothing is not known: no comparison holds. */
static bool match_ratio(const struct node *n, struct record *r)
{
	double field, divisor;
	bool holds = false;

	if (!get_number(r, n->field, &field) || !get_number(r, n->divisor, &divisor) || divisor == 0)
		return false;
	switch ((enum compare)n->compare) {
	case COMPARE_EQ:
		holds = field == n->ratio * divisor;
		break;
	case COMPARE_LT:
		holds = field < n->ratio * divisor;
		break;
	case COMPARE_LE:
		holds = field <= n->ratio * divisor;
		break;
	case COMPARE_GT:
		holds = field > n->ratio * divisor;
		break;
	case COMPARE_GE:
		holds = field >= n->ratio * divisor;
		break;
	}
	return holds != n->invert;
}

static bool match_state(const struct node *n, struct record *r)
{
	uint32_t state = record_state(r);

	return n->states & (state <= STATE_BOUND_INACTIVE ? STATE_BIT(state) : STATE_NONE_BIT);
}

/*
 * No attribute tells whether the kernel chose the port, so the plan has the
 * kernel leave the other rows out (the parser lets autobound stand only where
 * that can be done), and a row that came is taken at its word, whichever way it
 * was asked for. A row that did not pass the kernel's filter is not autobound.
 */
static bool match_autobound(const struct node *n, struct record *r)
{
	struct value v;

	if (record_get(r, F_sk_userlocks, 0, &v) >= 0)
		return !(v.u & BINDPORT_LOCK) != n->invert;
	if (r->def->kind == KIND_INET && r->def->protocol != IPPROTO_SCTP)
		return true;
	return n->invert;
}

static bool match_value(const struct node *n, struct record *r)
{
	struct value v;
	unsigned i;

	for (i = 0; record_get(r, n->field, i, &v) >= 0; i++)
		if (tree_value_matches(n, &v))
			return !n->invert;
	return i > 0 && n->invert;
}

/* Of a UNIX socket, and of most other families, the kernel tells no group: those that hold it have one. */
static bool match_component(const struct node *n, struct record *r)
{
	const struct process *p;
	uint32_t pid, fd;
	uint64_t inode;
	struct value v;

	if (n->field != F_cgroup || record_get(r, F_cgroup, 0, &v) >= 0)
		return match_value(n, r);
	if (!r->context)
		return false;
	/* An event's owner is known of sockets, too, that have no inode yet. */
	if (record_inode(r, &inode) < 0)
		inode = 0;
	for (unsigned i = 0; context_owner(r->context, inode, i, &p, &pid, &fd); i++)
		if (p && p->cgroup && tree_has_component(n, p->cgroup, strlen(p->cgroup)))
			return true;
	return false;
}

static bool match_node(const struct query *q, node_ref ref, struct record *r)
{
	const struct node *n = tree_node(q, ref);

	switch ((enum node_kind)n->kind) {
	case NODE_ALL:
		return true;
	case NODE_AND:
		for (node_ref c = n->child; c; c = tree_node(q, c)->next)
			if (!match_node(q, c, r))
				return false;
		return true;
	case NODE_OR:
		for (node_ref c = n->child; c; c = tree_node(q, c)->next)
			if (match_node(q, c, r))
				return true;
		return false;
	case NODE_NOT:
		return !match_node(q, n->child, r);
	case LEAF_STATE:
		return match_state(n, r);
	case LEAF_RATIO:
		return match_ratio(n, r);
	case LEAF_AUTOBOUND:
		return match_autobound(n, r);
	case LEAF_HAS:
	case LEAF_TRUTH:
	case LEAF_NUMBER:
	case LEAF_MASKED:
	case LEAF_TEXT:
	case LEAF_GLOB:
	case LEAF_ADDRESS:
		return match_value(n, r);
	case LEAF_COMPONENT:
		return match_component(n, r);
	case NODE_NONE:
		break;
	}
	return false;
}

bool query_match(const struct query *q, struct record *r)
{
	return match_node(q, q->root, r);
}
