/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which namespaces a query can find rows in, as far as their numbers and names tell */

#include <errno.h>
#include <string.h>

#include "query/plan.h"

static enum truth certain(bool holds)
{
	return holds ? TRUTH_YES : TRUTH_NO;
}

static enum truth leaf_truth(const void *ctx, const struct node *n)
{
	const struct netns *ns = ctx;
	struct value v;

	switch ((enum node_kind)n->kind) {
	case LEAF_STATE:
	case LEAF_RATIO:
	case LEAF_AUTOBOUND:
		return TRUTH_MAYBE;
	default:
		break;
	}
	switch (n->field) {
	case F_netns:
		/* Where /proc does not tell the own one's. */
		if (ns->ino == 0)
			return TRUTH_MAYBE;
		value_set_u64(&v, ns->ino);
		break;
	case F_netns_name:
		/* Of an absent field nothing holds, not even "!=". */
		if (!ns->name)
			return TRUTH_NO;
		value_set_str(&v, ns->name, strlen(ns->name));
		break;
	default:
		return TRUTH_MAYBE;
	}
	return certain(tree_value_matches(n, &v) != n->invert);
}

static enum truth netns_truth(const struct query *q, node_ref ref, const struct netns *ns)
{
	return truth_of_tree(q, ref, leaf_truth, ns);
}

int query_plan_netns(const struct query *q, const struct netns_list *known, struct netns_list *ret)
{
	/* One that is hidden has a number and a name that nobody asked for. */
	static const struct netns hidden = { .ino = UINT64_MAX };
	CLEANUP(netns_list_deinit) struct netns_list list = {};
	int r;

	if (netns_truth(q, q->root, &hidden) != TRUTH_NO)
		list.n_hidden = known->n_hidden;
	for (size_t i = 0; i < known->n; i++) {
		if (netns_truth(q, q->root, &known->rows[i]) == TRUTH_NO)
			continue;
		r = netns_list_add(&list, &known->rows[i]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < known->n && list.n == 0; i++) {
		if (!known->rows[i].own)
			continue;
		r = netns_list_add(&list, &known->rows[i]);
		if (r < 0)
			return r;
	}
	*ret = list;
	list = (struct netns_list){};
	return 0;
}
