/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only the kernel module tells */

#include "cli/internals.h"
#include "query/json.h"
#include "socketd/uapi.h"

bool internals_present(const struct context *c)
{
	const struct source_state *s = context_source(c, SOURCE_module);

	return s->seen && !(s->error && source_is_absent(s->error));
}

bool internals_withheld(struct record *r, bool recorded)
{
	struct value holding, v;

	if (record_get(r, F_sk_rcvlowat, 0, &v) >= 0)
		return false;
	if (record_get(r, F_holding, 0, &holding) < 0)
		return recorded;
	return holding.u != SOCKETD_HOLDING_MINI;
}
