/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of the kernel */

#include <stdlib.h>
#include <string.h>

#include "model/request.h"

void request_init(struct request *r, uint32_t groups)
{
	memset(r, 0, sizeof(*r));
	r->groups = groups;
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		struct source_request *s = &r->sources[id];

		s->states = STATES_ALL;
		s->wanted = true;
	}
	r->sources[SOURCE_tcp].wanted = false;
	/* What it is asked for is the plan's to say (query/plan.c). */
	r->sources[SOURCE_module].wanted = false;
	/* A fallback is read in the place of its parent, not beside it. */
	for (unsigned id = 1; id < SOURCE_COUNT; id++)
		r->sources[source_def_get(id)->fallback].wanted = false;
}

void request_deinit(struct request *r)
{
	for (unsigned id = 0; id < SOURCE_COUNT; id++) {
		free(r->sources[id].bytecode);
		r->sources[id].bytecode = NULL;
		r->sources[id].bytecode_len = 0;
		free(r->sources[id].gets);
		r->sources[id].gets = NULL;
		r->sources[id].n_gets = 0;
	}
	netns_list_deinit(&r->netns);
}
