/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request of one reading: a copy of its own, with both families of TCP in one where they can be */

#include "source/reading_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether both families of TCP are asked the same, so that one walk of the table serves them. */
static bool can_join_tcp(const struct request *req)
{
	const struct source_request *v4 = &req->sources[SOURCE_tcp4], *v6 = &req->sources[SOURCE_tcp6];

	return v4->wanted && v6->wanted && !v4->exact && !v6->exact && !v4->by_gets && !v6->by_gets &&
	       v4->states == v6->states && v4->bytecode_len == v6->bytecode_len &&
	       (v4->bytecode_len == 0 || memcmp(v4->bytecode, v6->bytecode, v4->bytecode_len) == 0);
}

bool reading_is_by_gets(const struct request *req, unsigned int id)
{
	const struct source_request *s = &req->sources[id];

	return (id == SOURCE_tcp4 || id == SOURCE_tcp6) && s->wanted && s->by_gets && !s->exact;
}

/* Bytecode and gets of a source. */
static int copy_lists(struct source_request *ret, const struct source_request *s)
{
	if (s->bytecode_len > REQUEST_BYTECODE_MAX || s->n_gets > REQUEST_GETS_MAX)
		return -E2BIG;
	if (s->bytecode_len > 0) {
		ret->bytecode = malloc(s->bytecode_len);
		if (!ret->bytecode)
			return -ENOMEM;
		memcpy(ret->bytecode, s->bytecode, s->bytecode_len);
	}
	if (s->n_gets > 0) {
		ret->gets = calloc(s->n_gets, sizeof(s->gets[0]));
		if (!ret->gets)
			return -ENOMEM;
		memcpy(ret->gets, s->gets, s->n_gets * sizeof(s->gets[0]));
	}
	return 0;
}

int reading_request_copy(struct request *ret, const struct request *req)
{
	*ret = *req;
	for (unsigned int id = 0; id < SOURCE_COUNT; id++) {
		ret->sources[id].bytecode = NULL;
		ret->sources[id].gets = NULL;
	}
	ret->netns = (struct netns_list){};
	for (unsigned int id = 0; id < SOURCE_COUNT; id++) {
		int r = copy_lists(&ret->sources[id], &req->sources[id]);

		if (r < 0)
			return r;
	}
	if (req->netns.n > 0) {
		int r = netns_list_copy(&ret->netns, &req->netns);

		if (r < 0)
			return r;
	}
	if (can_join_tcp(ret)) {
		/* The lists change hands: tcp4 is read only where the joined reading cannot be. */
		ret->sources[SOURCE_tcp] = ret->sources[SOURCE_tcp4];
		ret->sources[SOURCE_tcp4].bytecode = NULL;
		ret->sources[SOURCE_tcp4].bytecode_len = 0;
		ret->sources[SOURCE_tcp4].gets = NULL;
		ret->sources[SOURCE_tcp4].n_gets = 0;
	}
	return 0;
}
