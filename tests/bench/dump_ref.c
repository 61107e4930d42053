/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reference: an inet_diag dump of TCP, v4 and v6, received into one buffer and thrown away */

#include <errno.h>
#include <getopt.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct count {
	uint64_t n_sockets;
	uint64_t n_bytes;
	uint64_t n_recvs;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double seconds_of(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec / 1e6;
}

static int request(int fd, uint8_t family, uint8_t ext)
{
	struct {
		struct nlmsghdr nlh;
		struct inet_diag_req_v2 req;
	} msg = {
		.nlh = {
			.nlmsg_len = sizeof(msg),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_ext = ext,
			.idiag_states = ~0u,
		},
	};

	return send(fd, &msg, sizeof(msg), 0) < 0 ? -errno : 0;
}

/* One dump to its end. The headers are looked at to count and to find the end, the rest is not. */
static int dump(int fd, uint8_t family, uint8_t ext, struct count *count)
{
	static char buf[65536] __attribute__((aligned(8)));
	int r = request(fd, family, ext);

	while (r >= 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int left = n;

		if (n < 0)
			return -errno;
		count->n_bytes += n;
		count->n_recvs++;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned int)left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			count->n_sockets++;
		}
	}
	return r;
}

static int run(uint8_t ext)
{
	struct count count = {};
	struct rusage before, after;
	double start;
	int fd, r;

	getrusage(RUSAGE_SELF, &before);
	start = now();
	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -errno;
	r = dump(fd, AF_INET, ext, &count);
	if (r >= 0)
		r = dump(fd, AF_INET6, ext, &count);
	close(fd);
	if (r < 0)
		return r;
	start = now() - start;
	getrusage(RUSAGE_SELF, &after);
	printf("seconds %.6f user %.6f sys %.6f sockets %llu bytes %llu recvs %llu\n", start,
	       seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
	       seconds_of(after.ru_stime) - seconds_of(before.ru_stime),
	       (unsigned long long)count.n_sockets, (unsigned long long)count.n_bytes,
	       (unsigned long long)count.n_recvs);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ext", required_argument, NULL, 'e' },
		{ "reps", required_argument, NULL, 'r' },
		{},
	};
	unsigned long n_reps = 1;
	uint8_t ext = 0xff;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'e' && strcmp(optarg, "all") == 0)
			ext = 0xff;
		else if (c == 'e' && strcmp(optarg, "info") == 0)
			ext = 1 << (INET_DIAG_INFO - 1);
		else if (c == 'e' && strcmp(optarg, "none") == 0)
			ext = 0;
		else if (c == 'r')
			n_reps = strtoul(optarg, NULL, 10);
		else
			n_reps = 0;
	}
	if (n_reps == 0 || optind < argc) {
		fprintf(stderr, "Usage: dump_ref [--ext all|info|none] [--reps N]\n");
		return 2;
	}
	while (n_reps-- > 0) {
		r = run(ext);
		if (r < 0) {
			fprintf(stderr, "dump_ref: %s\n", strerror(-r));
			return EXIT_FAILURE;
		}
	}
	return EXIT_SUCCESS;
}
