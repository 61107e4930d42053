/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan of the source room alone: in this process or in its child, knowing of the repetition before or not */

#include <errno.h>
#include <getopt.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socketd/stream.h"
#include "source/host.h"
#include "source/owner_child.h"
#include "source/owners.h"

/* What an earlier scan told of the processes: pids are below 4 M on all kernels (PID_MAX_LIMIT). */
#define PIDS_MAX (4u * 1024 * 1024)

struct seen {
	uint64_t start;
	uint32_t n_fds;
};

static struct seen *seen; /* by pid; NULL unless asked for */

static void learn(const struct socketd_block *b)
{
	const uint8_t *p = (const void *)(b + 1);
	struct seen s = {};
	uint32_t pid = 0;

	for (size_t i = 0; i + NLA_HDRLEN <= b->length;) {
		const struct nlattr *a = (const void *)(p + i);

		if (a->nla_type == SOCKETD_PROCESS_PID)
			memcpy(&pid, a + 1, sizeof(pid));
		else if (a->nla_type == SOCKETD_PROCESS_START)
			memcpy(&s.start, a + 1, sizeof(s.start));
		else if (a->nla_type == SOCKETD_PROCESS_N_FDS)
			memcpy(&s.n_fds, a + 1, sizeof(s.n_fds));
		i += NLA_ALIGN(a->nla_len);
	}
	if (pid < PIDS_MAX)
		seen[pid] = s;
}

static bool is_same(const void *ctx, uint32_t pid, uint64_t start, uint32_t n_fds)
{
	(void)ctx;
	return pid < PIDS_MAX && seen[pid].start == start && seen[pid].n_fds == n_fds;
}

static const struct owners_known known = { .same = is_same };

static void drop(struct arena *a)
{
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(a, &data)) > 0) {
		for (size_t i = 0; seen && i < len;) {
			const struct socketd_block *b = (const void *)(data + i);

			if (b->type == SOCKETD_BLOCK_PROCESS)
				learn(b);
			i += sizeof(*b) + ((b->length + 7) & ~7u);
		}
		arena_consume(a, len);
	}
}

/* All is thrown away: what is measured is the scan. */
static int discard(void *ctx, struct arena *a)
{
	(void)ctx;
	drop(a);
	return 0;
}

static int scan_here(uint64_t *ret_owners)
{
	static const struct owners_sink sink = { .flush = discard };
	CLEANUP(arena_deinit) struct arena arena;
	struct owners_result result;
	int r;

	arena_init(&arena);
	r = owners_scan(0, seen ? &known : NULL, &arena, &sink, &result);
	if (r < 0)
		return r;
	*ret_owners = result.n_owners;
	return 0;
}

/* Counts the OWNERS blocks that have come, and drops them. */
static void count_blocks(struct arena *a, uint64_t *n_owners)
{
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(a, &data)) > 0) {
		for (size_t i = 0; i < len;) {
			const struct socketd_block *b = (const void *)(data + i);

			if (b->type == SOCKETD_BLOCK_OWNERS)
				*n_owners += b->length / sizeof(struct socketd_owner);
			else if (b->type == SOCKETD_BLOCK_PROCESS && seen)
				learn(b);
			i += sizeof(*b) + ((b->length + 7) & ~7u);
		}
		arena_consume(a, len);
	}
}

static int scan_child(uint64_t *ret_owners)
{
	CLEANUP(arena_deinit) struct arena arena;
	CLEANUP(owner_child_stop) struct owner_child child = { .fd = -1 };
	uint64_t n_owners = 0;
	int r;

	arena_init(&arena);
	r = owner_child_start(&child, 0, seen ? &known : NULL);
	if (r < 0)
		return r;
	while ((r = owner_child_read(&child, &arena)) != 0) {
		struct pollfd p = { .fd = child.fd, .events = POLLIN };

		if (r < 0 && r != -EAGAIN)
			return r;
		if (r == -EAGAIN)
			poll(&p, 1, -1);
		count_blocks(&arena, &n_owners);
	}
	count_blocks(&arena, &n_owners);
	*ret_owners = n_owners;
	return child.error;
}

static int run(bool in_child)
{
	uint64_t start = host_now_usec(), n_owners = 0;
	int r = in_child ? scan_child(&n_owners) : scan_here(&n_owners);

	if (r < 0)
		return r;
	printf("seconds %.6f holders %llu\n", (host_now_usec() - start) / 1e6,
	       (unsigned long long)n_owners);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "child", no_argument, NULL, 'c' },
		{ "known", no_argument, NULL, 'k' },
		{ "reps", required_argument, NULL, 'r' },
		{},
	};
	unsigned long n_reps = 1;
	bool in_child = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'c')
			in_child = true;
		else if (c == 'k')
			seen = calloc(PIDS_MAX, sizeof(*seen));
		else
			n_reps = c == 'r' ? strtoul(optarg, NULL, 10) : 0;
	}
	if (n_reps == 0 || optind < argc) {
		fprintf(stderr, "Usage: owners_bench [--child] [--known] [--reps N]\n");
		return 2;
	}
	while (n_reps-- > 0) {
		r = run(in_child);
		if (r < 0) {
			fprintf(stderr, "owners_bench: %s\n", strerror(-r));
			return EXIT_FAILURE;
		}
	}
	return EXIT_SUCCESS;
}
