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

struct direct {
	struct arena arena;
	struct acquire *acquire; /* NULL when all is read */
};

int direct_open(struct direct **ret, const struct feed_request *req, char ret_message[FEED_MESSAGE_MAX])
{
	static const struct plan_names names = { .ifindex = names_ifindex, .cgroup = names_cgroup };
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
	/* Uid 0: nothing is withheld from ourselves; what we may not see the kernel does not tell. */
	r = ask_request(q, req->fields, req->n_fields, 0, &names, &request);
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
