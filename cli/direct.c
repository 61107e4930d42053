/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reading that sockctl takes itself */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/direct.h"
#include "query/ask.h"
#include "source/acquire.h"
#include "source/names.h"
#include "source/netns.h"

struct direct {
	struct arena arena;
	struct acquire *acquire; /* NULL when all is read */
};

/* Namespaces that the query can find rows in, or their other ends: only root can look into others than ours. */
static int find_netns(const struct query *q, const struct feed_request *req, struct netns_list *ret)
{
	CLEANUP(netns_list_deinit) struct netns_list known = {};
	int r;

	if (geteuid() != 0)
		return 0;
	r = netns_discover(&known, NETNS_MAX);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!ask_wants_pairs(q, req->fields, req->n_fields))
		return query_plan_netns(q, &known, ret);
	*ret = known;
	known = (struct netns_list){};
	return 0;
}

static int plan(const struct query *q, const struct feed_request *req, struct request *ret)
{
	CLEANUP(netns_list_deinit) struct netns_list list = {};
	struct plan_names names = { .cgroup = names_cgroup };
	int r = find_netns(q, req, &list);

	if (r < 0)
		return r;
	/* Elsewhere the same name is another device's. */
	if (list.n == 0 || (list.n == 1 && list.rows[0].own))
		names.ifindex = names_ifindex;
	/* Uid 0: nothing is withheld from ourselves; what we may not see the kernel does not tell. */
	r = ask_request(q, req->fields, req->n_fields, 0, &names, ret);
	if (r < 0)
		return r;
	ret->netns = list;
	list = (struct netns_list){};
	return 0;
}

int direct_open(struct direct **ret, const struct feed_request *req, char ret_message[FEED_MESSAGE_MAX])
{
	CLEANUP(direct_free) struct direct *d = calloc(1, sizeof(*d));
	CLEANUP(query_free) struct query *q = NULL;
	struct query_error problem;
	struct request request;
	int r;

	if (!d)
		return -ENOMEM;
	arena_init(&d->arena);
	r = query_parse(&q, req->expression, strlen(req->expression), &problem);
	if (r == -EINVAL || r == -E2BIG)
		snprintf(ret_message, FEED_MESSAGE_MAX, "filter: %s", problem.message);
	if (r < 0)
		return r;
	r = plan(q, req, &request);
	if (r < 0)
		return r;
	r = acquire_new(&d->acquire, &request, &d->arena, NULL);
	request_deinit(&request);
	if (r < 0) {
		snprintf(ret_message, FEED_MESSAGE_MAX, "cannot read the kernel's sockets (NETLINK_SOCK_DIAG): %s", strerror(-r));
		return r;
	}
	*ret = STEAL_PTR(d);
	return 0;
}

struct direct *direct_free(struct direct *d)
{
	if (!d)
		return NULL;
	acquire_free(d->acquire);
	arena_deinit(&d->arena);
	free(d);
	return NULL;
}

/* Reads on until something may be shown. */
static int read_more(struct direct *d)
{
	while (d->acquire && arena_pending(&d->arena) == 0) {
		int r = acquire_step(d->acquire);

		if (r < 0)
			return r;
		if (r == ACQUIRE_DONE) {
			d->acquire = acquire_free(d->acquire);
		} else if (r == ACQUIRE_WAIT) {
			struct pollfd p = { .fd = acquire_fd(d->acquire), .events = POLLIN };
			uint64_t usec = acquire_timeout_usec(d->acquire);
			/* A call that a signal ends is made again by the loop. */
			(void)poll(&p, 1, usec > INT32_MAX ? INT32_MAX / 1000 : (int)(usec / 1000) + 1);
		}
	}
	return 0;
}

static int direct_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct direct *d = ctx;
	int r;

	arena_consume(&d->arena, taken);
	r = read_more(d);
	if (r < 0)
		return r;
	*ret_len = arena_peek(&d->arena, ret);
	return 0;
}

struct input direct_input(struct direct *d)
{
	return (struct input){ .more = direct_more, .ctx = d };
}
