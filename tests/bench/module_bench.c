/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A dump of the kernel module beside one of tcp_diag, and owners by it: received with libmnl, counted, thrown away */

#include <errno.h>
#include <getopt.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "socketd/uapi.h"

/*
 * What is dumped. tcp_diag's is what ss -tim asks for; the module's are TCP by its
 * table walk: what a listing has, one group each more, all of it, and the owners.
 */
enum what { TCP_DIAG, MODULE, OWNERS };

static const struct kind {
	const char *name;
	enum what what;
	uint32_t groups;
} kinds[] = {
	{ "tcp_diag", TCP_DIAG, 0 },
	{ "default", MODULE, SOCKETD_GROUPS_DEFAULT },
	{ "sock", MODULE, SOCKETD_GROUPS_DEFAULT | SOCKETD_GROUP_SOCKET | SOCKETD_GROUP_SOCK },
	{ "numbers", MODULE, SOCKETD_GROUPS_ALL & ~SOCKETD_GROUP_NAMES },
	{ "all", MODULE, SOCKETD_GROUPS_ALL },
	{ "owners", OWNERS, 0 },
};

struct count {
	uint64_t n_messages;
	uint64_t n_bytes;
	uint64_t n_fds;
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

static void put_tcp_diag(struct nlmsghdr *nlh, uint8_t family)
{
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = ~0u;
	req->idiag_ext = 1 << (INET_DIAG_MEMINFO - 1) | 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1) |
			 1 << (INET_DIAG_SKMEMINFO - 1);
}

static void put_module(struct nlmsghdr *nlh, uint8_t what, uint32_t groups)
{
	struct socketd_request *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	req->version = SOCKETD_UAPI_VERSION;
	req->magic = SOCKETD_UAPI_MAGIC;
	req->what = what;
	req->states = SOCKETD_STATES_ALL;
	if (what == SOCKETD_WHAT_SOCKETS) {
		req->walks = SOCKETD_WALK_TABLES;
		req->groups = groups;
		mnl_attr_put_u64(nlh, SOCKETD_REQ_FAMILIES, UINT64_C(1) << AF_INET | UINT64_C(1) << AF_INET6);
	}
}

static int count_message(const struct nlmsghdr *nlh, void *data)
{
	const struct socketd_message *m = mnl_nlmsg_get_payload(nlh);
	struct count *c = data;
	const struct nlattr *a;

	/* tcp_diag's messages start with the family, too: kinds are told apart by who asked. */
	c->n_messages++;
	if (!c->n_fds || m->kind != SOCKETD_KIND_TASK)
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*m))
		if (mnl_attr_get_type(a) == SOCKETD_A_FDS)
			c->n_fds += mnl_attr_get_payload_len(a) / sizeof(struct socketd_fd);
	return MNL_CB_OK;
}

/* One dump to its end. */
static int dump(struct mnl_socket *nl, const struct kind *k, uint8_t family, struct count *c)
{
	static char buf[65536] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	unsigned int seq = 1, portid = mnl_socket_get_portid(nl);
	ssize_t n;
	int r = MNL_CB_OK;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	if (k->what == TCP_DIAG)
		put_tcp_diag(nlh, family);
	else
		put_module(nlh, k->what == OWNERS ? SOCKETD_WHAT_TASKS : SOCKETD_WHAT_SOCKETS, k->groups);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		c->n_bytes += n;
		r = mnl_cb_run(buf, n, seq, portid, count_message, c);
	}
	return r < 0 ? -errno : 0;
}

static int run(const struct kind *k)
{
	/* One too many from the start says that descriptors are to be counted. */
	struct count c = { .n_fds = k->what == OWNERS };
	struct rusage before, after;
	struct mnl_socket *nl;
	double start;
	int r;

	getrusage(RUSAGE_SELF, &before);
	start = now();
	nl = mnl_socket_open(NETLINK_SOCK_DIAG);
	if (!nl)
		return -errno;
	r = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (r >= 0)
		r = dump(nl, k, AF_INET, &c);
	if (r >= 0 && k->what == TCP_DIAG)
		r = dump(nl, k, AF_INET6, &c);
	mnl_socket_close(nl);
	if (r < 0)
		return r;
	start = now() - start;
	getrusage(RUSAGE_SELF, &after);
	/* Of the module's messages two are its first and last word. */
	printf("%s seconds %.6f user %.6f sys %.6f sockets %llu bytes %llu\n", k->name, start,
	       seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
	       seconds_of(after.ru_stime) - seconds_of(before.ru_stime),
	       (unsigned long long)(k->what == OWNERS ? c.n_fds - 1 : k->what == MODULE ? c.n_messages - 2 : c.n_messages),
	       (unsigned long long)c.n_bytes);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "reps", required_argument, NULL, 'r' },
		{},
	};
	unsigned long n_reps = 1;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		n_reps = c == 'r' ? strtoul(optarg, NULL, 10) : 0;
	if (n_reps == 0 || optind < argc) {
		fprintf(stderr, "Usage: module_bench [--reps N]\n");
		return 2;
	}
	/* In turns, so that what else the machine does meets all alike. */
	while (n_reps-- > 0) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			r = run(&kinds[i]);
			if (r < 0) {
				fprintf(stderr, "module_bench: %s: %s\n", kinds[i].name, strerror(-r));
				return EXIT_FAILURE;
			}
		}
	}
	return EXIT_SUCCESS;
}
