/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hold N TCP sockets, in a network namespace of its own, by as many processes as they need */

/*
 *   hold (parent)      LISTEN 127.0.0.1:19123, the pair 127.77.0.1:19124 <-> 127.77.0.2:19125
 *     +- hold 1        127.0.1.1:18001 <-> 127.0.1.2:(ephemeral)   up to 9900 pairs
 *     +- hold 2        127.0.2.1:18002 <-> 127.0.2.2:(ephemeral)
 *     ...
 *
 * Each process has an address pair of its own, so each has all ephemeral ports
 * to itself. An odd share is made up by keeping the process's listener.
 * Listeners that only served to make pairs are closed: N is exact.
 * Prints "ready N netns ..." on stdout and holds until stdin ends.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT_LISTEN 19123
#define PORT_PAIR_SERVER 19124
#define PORT_PAIR_CLIENT 19125
#define PORT_WORKER 18000
#define ADDR(b, c, d) (127u << 24 | (b) << 16 | (c) << 8 | (d))

enum {
	SHARE_MAX = 19800,	/* under a hard RLIMIT_NOFILE of 20000 */
	SHARE_SPARE = 32,	/* descriptors of a process that are not shares */
	WORKERS_MAX = 250,	/* the third byte of a worker's addresses */
	PARENT_SOCKETS = 3,
};

static int fail(const char *what)
{
	int r = -errno;

	fprintf(stderr, "hold: %s: %s\n", what, strerror(-r));
	return r;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static struct sockaddr_in endpoint(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(address),
	};
}

/*
 * A socket bound to the address. Linger 0 makes the end a reset: nothing stays
 * behind in TIME-WAIT, and hundreds of thousands of closes stay cheap.
 */
static int tcp_bound(uint32_t address, uint16_t port)
{
	struct sockaddr_in sa = endpoint(address, port);
	struct linger linger = { .l_onoff = 1 };
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return fail("setsockopt");
	/* The port is then chosen by connect(), which knows the whole tuple. */
	if (port == 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
		return fail("IP_BIND_ADDRESS_NO_PORT");
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return fail("bind");
	return fd;
}

static int tcp_listen(uint32_t address, uint16_t port)
{
	int fd = tcp_bound(address, port);

	if (fd < 0)
		return fd;
	if (listen(fd, 128) < 0)
		return fail("listen");
	return fd;
}

/* One pair, both ends held: established, or half closed (FIN-WAIT-2 and CLOSE-WAIT). */
static int tcp_pair(int listener, uint32_t server, uint16_t server_port, uint32_t client,
		    uint16_t client_port, bool close_wait)
{
	struct sockaddr_in sa = endpoint(server, server_port);
	int fd;

	fd = tcp_bound(client, client_port);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return fail("connect");
	if (accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
		return fail("accept");
	if (close_wait && shutdown(fd, SHUT_WR) < 0)
		return fail("shutdown");
	return 0;
}

static int worker_fill(unsigned int number, unsigned int share, unsigned int n_close_wait)
{
	uint32_t server = ADDR(0, number, 1), client = ADDR(0, number, 2);
	unsigned int n_pairs = share / 2;
	int listener, r;

	listener = tcp_listen(server, PORT_WORKER + number);
	if (listener < 0)
		return listener;
	for (unsigned int i = 0; i < n_pairs; i++) {
		r = tcp_pair(listener, server, PORT_WORKER + number, client, 0, i < n_close_wait);
		if (r < 0)
			return r;
	}
	if (share % 2 == 0)
		close(listener);
	return 0;
}

/* What the parent holds itself: the rows that a test can look for by port. */
static int parent_fill(void)
{
	int listener;

	listener = tcp_listen(ADDR(77, 0, 1), PORT_PAIR_SERVER);
	if (listener < 0)
		return listener;
	if (tcp_pair(listener, ADDR(77, 0, 1), PORT_PAIR_SERVER, ADDR(77, 0, 2), PORT_PAIR_CLIENT,
		     false) < 0)
		return -EIO;
	close(listener);
	return tcp_listen(ADDR(0, 0, 1), PORT_LISTEN) < 0 ? -EIO : 0;
}

static int netns_new(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	static const char range[] = "20000 65000";
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return fail("unshare(CLONE_NEWNET)");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail("socket");
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return fail("lo up");
	close(fd);

	/*
	 * More ports than pairs keeps connect() from searching. /proc/sys is of
	 * our own namespace now; where it is read-only the default does too.
	 */
	fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, range, sizeof(range) - 1) < 0)
			fail("ip_local_port_range");
		close(fd);
	}
	return 0;
}

/* Sockets that one process can hold. */
static unsigned int share_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur >= SHARE_MAX + SHARE_SPARE)
		return SHARE_MAX;
	return limit.rlim_cur > SHARE_SPARE ? limit.rlim_cur - SHARE_SPARE : 0;
}

/* Returns in the parent only. The child says one byte on ready_fd when it holds its share. */
static pid_t worker_start(unsigned int number, unsigned int share, unsigned int n_close_wait,
			  int ready_fd, const int hold_pipe[2])
{
	pid_t parent = getpid(), pid = fork();
	char byte = 1;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close(hold_pipe[1]);
	close(STDIN_FILENO);
	if (worker_fill(number, share, n_close_wait) < 0)
		_exit(1);
	if (write(ready_fd, &byte, 1) != 1)
		_exit(1);
	close(ready_fd);
	while (read(hold_pipe[0], &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int workers_start(unsigned int n_sockets, unsigned int n_close_wait, unsigned int n_workers,
			 int ready_fd, const int hold_pipe[2])
{
	for (unsigned int i = 0; i < n_workers; i++) {
		unsigned int left = n_workers - i;
		unsigned int share = n_sockets / left, cw = n_close_wait / left;

		/* A remainder goes to the last ones: shares differ by one. */
		if (worker_start(i + 1, share, cw, ready_fd, hold_pipe) < 0)
			return fail("fork");
		n_sockets -= share;
		n_close_wait -= cw;
	}
	return 0;
}

/* Each worker writes a byte; end of file before that means that one failed. */
static int workers_wait_ready(int ready_fd, unsigned int n_workers)
{
	char byte;

	for (unsigned int n = 0; n < n_workers;) {
		ssize_t r = read(ready_fd, &byte, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			fprintf(stderr, "hold: a process failed\n");
			return -EIO;
		}
		n++;
	}
	return 0;
}

static int hold(unsigned int n_sockets, unsigned int n_close_wait, unsigned int n_workers)
{
	int ready_pipe[2], hold_pipe[2], r;
	double start = now();
	char buf[256];

	if (pipe2(ready_pipe, O_CLOEXEC) < 0 || pipe2(hold_pipe, O_CLOEXEC) < 0)
		return fail("pipe");
	r = parent_fill();
	if (r < 0)
		return r;
	r = workers_start(n_sockets - PARENT_SOCKETS, n_close_wait, n_workers, ready_pipe[1],
			  hold_pipe);
	close(ready_pipe[1]);
	if (r >= 0)
		r = workers_wait_ready(ready_pipe[0], n_workers);
	if (r >= 0) {
		printf("ready %u netns /proc/%d/ns/net processes %u seconds %.2f\n", n_sockets,
		       getpid(), n_workers + 1, now() - start);
		fflush(stdout);
		do
			r = read(STDIN_FILENO, buf, sizeof(buf));
		while (r > 0 || (r < 0 && errno == EINTR));
		r = 0;
	}

	/* Good or bad, the workers end here: those still filling see it at their end. */
	close(hold_pipe[1]);
	close(ready_pipe[0]);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return r;
}

static int usage(FILE *f)
{
	fprintf(f, "Usage: hold [--sockets N] [--close-wait PAIRS] [--processes N] [--no-netns]\n"
		   "Holds N TCP sockets (100000) until stdin ends. PAIRS of them are\n"
		   "CLOSE-WAIT and FIN-WAIT-2, the others ESTAB but for one or more LISTEN.\n");
	return f == stdout ? EXIT_SUCCESS : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "sockets", required_argument, NULL, 's' },
		{ "close-wait", required_argument, NULL, 'c' },
		{ "processes", required_argument, NULL, 'p' },
		{ "no-netns", no_argument, NULL, 'N' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	unsigned int n_sockets = 100000, n_close_wait = 0, n_workers = 0, share, least;
	bool own_netns = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 's':
			n_sockets = strtoul(optarg, NULL, 10);
			break;
		case 'c':
			n_close_wait = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			n_workers = strtoul(optarg, NULL, 10);
			break;
		case 'N':
			own_netns = false;
			break;
		default:
			return usage(c == 'h' ? stdout : stderr);
		}
	}

	share = share_max();
	if (optind < argc || n_sockets <= PARENT_SOCKETS || share < 2)
		return usage(stderr);
	least = (n_sockets - PARENT_SOCKETS + share - 1) / share;
	if (n_workers < least)
		n_workers = least;
	if (n_workers > WORKERS_MAX || n_close_wait > n_sockets / 2 - n_workers) {
		fprintf(stderr, "hold: at most %u processes, and fewer CLOSE-WAIT than pairs\n",
			WORKERS_MAX);
		return 2;
	}
	if (own_netns && netns_new() < 0)
		return EXIT_FAILURE;
	return hold(n_sockets, n_close_wait, n_workers) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
