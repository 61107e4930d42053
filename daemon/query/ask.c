/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what a caller asks to what the kernel is asked */

#include "decode/record.h"
#include "query/ask.h"
#include "query/tree.h"

static uint32_t groups_of(const struct query *q, const enum field_id *fields, size_t n_fields)
{
	uint32_t groups = GROUP_BIT(GROUP_base);

	/* One socket is shown whole; of a listing the internals would be a flood. */
	if (!fields)
		return query_is_exact(q) ? GROUPS_DETAIL | GROUPS_INTERNAL | GROUP_NAMES : GROUPS_DETAIL;
	for (size_t i = 0; i < n_fields; i++)
		groups |= decode_groups(fields[i]);
	return groups;
}

int ask_request(const struct query *q, const enum field_id *fields, size_t n_fields, uint32_t uid,
		const struct plan_names *names, struct request *ret)
{
	int r;

	request_init(ret, groups_of(q, fields, n_fields) | query_groups(q));
	ret->uid = uid;
	r = query_plan(q, names, ret);
	if (r < 0)
		request_deinit(ret);
	return r;
}

bool ask_wants_pairs(const struct query *q, const enum field_id *fields, size_t n_fields)
{
	uint32_t groups = query_groups(q);

	for (size_t i = 0; fields && i < n_fields; i++)
		groups |= decode_groups(fields[i]);
	return groups & GROUP_BIT(GROUP_peer);
}

enum field_id query_module_field(const struct query *q)
{
	for (size_t i = 1; i < q->n_nodes; i++) {
		const struct node *n = tree_node(q, (node_ref)i);

		if (decode_module_only(n->field))
			return n->field;
		if (n->kind == LEAF_RATIO && decode_module_only(n->divisor))
			return n->divisor;
	}
	return F_none;
}
