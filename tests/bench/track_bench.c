/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tracking passes over the sockets of this namespace: seconds and memory of each */

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/host.h"
#include "track/holders.h"
#include "track/tracker.h"

static int usage(void)
{
	fprintf(stderr, "Usage: track_bench [--passes N] [--counters] [--owners] [--churn N]\n"
			"The first pass fills the table; each pass reads all sources. --churn holds N sockets\n"
			"more, a tenth of them new in each pass, and tells the memory as it goes.\n");
	return 2;
}

static uint64_t tcp_sockets(const struct tracker_status *s)
{
	return s->sources[SOURCE_tcp4].n_sockets + s->sources[SOURCE_tcp6].n_sockets;
}

static unsigned long rss_kib(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

/* The curve, and its end. */
static void tell_memory(unsigned long pass, unsigned long n_passes)
{
	static const unsigned long points[] = { 50, 100, 200, 500, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		if (pass == points[i])
			printf("rss_%lu_kib %lu\n", pass, rss_kib());
	if (pass == n_passes)
		printf("rss_last_kib %lu\n", rss_kib());
}

/* Sockets of all kinds that tables are made of; every tenth is another one from now on. */
static int churn(int *fds, unsigned long n, unsigned long pass)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };

	for (unsigned long i = pass % 10; i < n; i += 10) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = socket(families[i % ARRAY_SIZE(families)], (i / 10) % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
		if (fds[i] < 0)
			return -errno;
		/* A TCP or UDP socket is in the kernel's tables when it has a port. */
		if (i % ARRAY_SIZE(families) != 2 &&
		    (bind(fds[i], (struct sockaddr *)&(struct sockaddr_in6){ .sin6_family = (sa_family_t)families[i % 3] },
			  i % 3 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) < 0 ||
		     ((i / 10) % 2 && listen(fds[i], 1) < 0)))
			return -errno;
	}
	return 0;
}

static double seconds_of(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec / 1e6;
}

/* Until the pass is over, and with owners the scan too. */
static int run_pass(struct tracker *t, bool counters, bool owners)
{
	const struct tracker_status *s = tracker_status(t);
	uint64_t generation = s->generation, start = host_now_usec(), worst = 0;
	struct rusage before, after;
	int r;

	getrusage(RUSAGE_SELF, &before);
	r = tracker_begin_pass(t, counters);
	while (r >= 0 && (s->generation == generation || (owners && s->in_scan))) {
		struct pollfd p = { .fd = tracker_fd(t), .events = POLLIN };
		uint64_t step = host_now_usec();

		r = tracker_step(t);
		step = host_now_usec() - step;
		worst = step > worst ? step : worst;
		if (r != TRACKER_MORE && r >= 0 && (s->generation == generation || (owners && s->in_scan)))
			poll(&p, 1, tracker_timeout_usec(t) / 1000 + 1);
	}
	if (r < 0)
		return r;
	start = host_now_usec() - start;
	getrusage(RUSAGE_SELF, &after);
	s = tracker_status(t);
	printf("seconds %.6f user %.6f sys %.6f cpu %.6f tcp %.6f worst_step %.6f sockets %llu tcp_sockets %llu"
	       " table_bytes %zu holders_bytes %zu counters %d\n",
	       start / 1e6, seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
	       seconds_of(after.ru_stime) - seconds_of(before.ru_stime), s->cpu_usec / 1e6, s->tcp_cpu_usec / 1e6, worst / 1e6,
	       (unsigned long long)s->n_sockets, (unsigned long long)tcp_sockets(s), s->table_memory, s->holders_memory,
	       s->had_counters);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "passes", required_argument, NULL, 'p' },
		{ "counters", no_argument, NULL, 'c' },
		{ "owners", no_argument, NULL, 'o' },
		{ "churn", required_argument, NULL, 'h' },
		{},
	};
	/* Without owners no scan is ever due: none but the first may begin. */
	struct tracker_limits limits = { .memory_max = 1ull << 32, .events_max = 1 << 20, .scan_share = 1 };
	CLEANUP(tracker_free) struct tracker *t = NULL;
	unsigned long n_passes = 3, n_churn = 0;
	CLEANUP(free) int *fds = NULL;
	bool counters = false, owners = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'p')
			n_passes = strtoul(optarg, NULL, 10);
		else if (c == 'c')
			counters = true;
		else if (c == 'o')
			owners = true;
		else if (c == 'h')
			n_churn = strtoul(optarg, NULL, 10);
		else
			return usage();
	}
	if (optind < argc || n_passes == 0)
		return usage();
	fds = malloc((n_churn + 1) * sizeof(*fds));
	if (!fds)
		return EXIT_FAILURE;
	for (unsigned long i = 0; i < n_churn; i++)
		fds[i] = -1;
	r = tracker_new(&t, &limits);
	for (unsigned long pass = 1; r >= 0 && pass <= n_passes; pass++) {
		r = churn(fds, n_churn, pass);
		if (r >= 0)
			r = run_pass(t, counters, owners);
		if (n_churn > 0)
			tell_memory(pass, n_passes);
	}
	if (r < 0) {
		fprintf(stderr, "track_bench: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
