/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single TCP sockets that are asked for by name, many in one request */

#include "source/gets.h"

#include <errno.h>

#include "source/diag.h"

static const struct source_request *asked(const struct gets *g)
{
	return &g->req->sources[g->id];
}

static bool is_here(const struct gets *g, const struct exact_key *key)
{
	uint32_t here = g->nl->netns ? g->nl->netns : g->own_netns;

	return (key->netns ? key->netns : g->own_netns) == here;
}

/* The first key of this namespace from a place on; there is one. */
static uint32_t key_from(const struct gets *g, uint32_t at)
{
	while (at < asked(g)->n_gets && !is_here(g, &asked(g)->gets[at]))
		at++;
	return at;
}

static int send_more(struct gets *g, uint64_t now_usec)
{
	_Alignas(8) uint8_t buf[GETS_AT_ONCE * DIAG_GET_MAX];
	uint32_t left = g->n_asked - g->n_sent, n = left < GETS_AT_ONCE ? left : GETS_AT_ONCE;
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++) {
		g->next = key_from(g, g->next);
		len += diag_get(buf + len, g->id, g->req, &asked(g)->gets[g->next++])->nlmsg_len;
	}
	g->deadline_usec = now_usec + GETS_TIMEOUT_USEC;
	g->n_sent += n;
	return netlink_send_all(g->nl, buf, len);
}

void gets_begin(struct gets *g, enum source_id id, const struct request *req, struct netlink *nl, uint32_t own_netns,
		uint64_t now_usec)
{
	*g = (struct gets){
		.id = id,
		.req = req,
		.nl = nl,
		.own_netns = own_netns,
		.keep = {
			.source = id,
			.netns = nl->netns,
			/* A lookup of a v4-mapped address can find a socket of the other family. */
			.family = source_def_get(id)->family,
			.wipe_md5_keys = diag_can_have_md5(id, req),
		},
	};
	for (uint32_t i = 0; i < asked(g)->n_gets; i++)
		g->n_asked += is_here(g, &asked(g)->gets[i]);
	g->answering = key_from(g, 0);
	g->missed = g->n_asked > 0 && send_more(g, now_usec) < 0;
}

/* The answers that are still to come would be taken for those of the next request: it gets another socket. */
static int give_up(struct gets *g)
{
	g->missed = true;
	(void)netlink_reopen(g->nl);
	return 0;
}

int gets_step(struct gets *g, struct arena *a, uint64_t now_usec)
{
	struct netlink_batch batch;
	bool is_gone;
	int r;

	if (g->missed || g->n_answered == g->n_asked)
		return 0;
	r = netlink_receive(g->nl, a, &g->keep, &batch);
	if (r == -ENOMEM || (r == -EAGAIN && now_usec < g->deadline_usec))
		return r;
	if (r < 0)
		return give_up(g);
	g->n_messages += batch.n_messages;
	g->has_row |= batch.n_messages > 0;
	if (!batch.done)
		return 1;

	is_gone = batch.error == -ENOENT || batch.error == -ESTALE;
	g->missed = is_gone ? !asked(g)->gets[g->answering].may_end : batch.error != 0 || !g->has_row;
	g->has_row = false;
	g->n_answered++;
	g->answering = key_from(g, g->answering + 1);
	/* The rest of the answers has this request's number, so the next one leaves it lying. */
	if (g->missed || g->n_answered == g->n_asked)
		return 0;
	if (g->n_answered == g->n_sent && send_more(g, now_usec) < 0)
		return give_up(g);
	return 1;
}
