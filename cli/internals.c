/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only the kernel module tells */

#include "cli/internals.h"
#include "query/json.h"
#include "query/tree.h"

bool internals_in_query(const struct query *q)
{
	for (size_t i = 1; i < q->n_nodes; i++) {
		const struct node *n = tree_node(q, (node_ref)i);

		if (decode_module_only(n->field) || (n->kind == LEAF_RATIO && decode_module_only(n->divisor)))
			return true;
	}
	return false;
}

bool internals_present(const struct context *c)
{
	const struct source_state *s = context_source(c, SOURCE_module);

	return s->seen && !(s->error && source_is_absent(s->error));
}
