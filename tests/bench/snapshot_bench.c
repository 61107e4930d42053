/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reading of TCP with all extensions, kept in an arena, and an index by cookie built over it */

#include <errno.h>
#include <linux/inet_diag.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/messages.h"
#include "source/acquire.h"
#include "source/host.h"

/* Open addressing: what a lookup of a socket by its identity needs. */
struct index {
	struct slot {
		uint64_t cookie;
		uint64_t row; /* from 1; 0 is an empty slot */
	} *slots;
	size_t n_slots; /* a power of two */
	uint64_t n_rows;
};

static void index_deinit(struct index *x)
{
	free(x->slots);
}

DEFINE_CLEANUP(struct index, index_deinit)

static struct slot *index_find(const struct index *x, uint64_t cookie)
{
	size_t i = (cookie * UINT64_C(0x9e3779b97f4a7c15)) >> 32;

	while (x->slots[i & (x->n_slots - 1)].row != 0 && x->slots[i & (x->n_slots - 1)].cookie != cookie)
		i++;
	return &x->slots[i & (x->n_slots - 1)];
}

static int index_grow(struct index *x)
{
	struct index larger = { .n_slots = x->n_slots > 0 ? 4 * x->n_slots : 16384, .n_rows = x->n_rows };

	larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_slots; i++)
		if (x->slots[i].row != 0)
			*index_find(&larger, x->slots[i].cookie) = x->slots[i];
	free(x->slots);
	*x = larger;
	return 0;
}

static int index_add(struct index *x, const struct message *m)
{
	const struct inet_diag_msg *msg = (const void *)m->data;
	uint64_t cookie;

	if (m->len < sizeof(*msg))
		return -EBADMSG;
	if (2 * x->n_rows >= x->n_slots) {
		int r = index_grow(x);

		if (r < 0)
			return r;
	}
	cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
	*index_find(x, cookie) = (struct slot){ .cookie = cookie, .row = ++x->n_rows };
	return 0;
}

static int acquire_all(const struct request *req, struct arena *arena)
{
	CLEANUP(acquire_free) struct acquire *a = NULL;
	int r;

	r = acquire_new(&a, req, arena, NULL);
	if (r < 0)
		return r;
	while ((r = acquire_step(a)) > 0) {
		struct pollfd p = { .fd = acquire_fd(a), .events = POLLIN };

		if (r == ACQUIRE_WAIT)
			poll(&p, 1, acquire_timeout_usec(a) / 1000 + 1);
	}
	return r;
}

static int run(const struct request *req)
{
	CLEANUP(context_free) struct context *context = NULL;
	CLEANUP(index_deinit) struct index index = {};
	CLEANUP(arena_deinit) struct arena arena;
	uint64_t start = host_now_usec(), read;
	struct messages messages;
	struct message message;
	struct reader reader;
	size_t n_bytes;
	int r;

	arena_init(&arena);
	r = acquire_all(req, &arena);
	if (r < 0)
		return r;
	read = host_now_usec();
	n_bytes = arena_pending(&arena);

	r = context_new(&context);
	if (r < 0)
		return r;
	reader_init(&reader, arena_input(&arena));
	messages_init(&messages, &reader, context);
	while ((r = messages_next(&messages, &message)) > 0) {
		r = index_add(&index, &message);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	printf("seconds %.6f sockets %llu bytes %zu index %.6f\n", (host_now_usec() - start) / 1e6,
	       (unsigned long long)index.n_rows, n_bytes, (host_now_usec() - read) / 1e6);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n_reps = argc == 1 ? 1 : 0;
	struct request req;
	int r = 0;

	if (argc == 3 && strcmp(argv[1], "--reps") == 0)
		n_reps = strtoul(argv[2], NULL, 10);
	if (n_reps == 0) {
		fprintf(stderr, "Usage: snapshot_bench [--reps N]\n");
		return 2;
	}
	/* All eight extensions, as the reference asks for, and TCP alone. */
	request_init(&req, ~GROUP_BIT(GROUP_owner) & ~GROUP_BIT(GROUP_bpf));
	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		req.sources[id].wanted = id == SOURCE_tcp4 || id == SOURCE_tcp6;
	while (n_reps-- > 0 && r >= 0)
		r = run(&req);
	request_deinit(&req);
	if (r < 0) {
		fprintf(stderr, "snapshot_bench: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
