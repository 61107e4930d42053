/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many sockets that change while they are dumped, a few that do not, and a reader that stops in the middle */

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"

#define N_STABLE 600

struct stable {
	uint64_t cookies[N_STABLE]; /* sorted */
	bool seen[N_STABLE];
	unsigned int n_seen;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void see(const struct socketd_message *m, void *ctx)
{
	struct stable *s = ctx;
	uint64_t cookie = m->cookie;
	const uint64_t *found = bsearch(&cookie, s->cookies, N_STABLE, sizeof(cookie), compare);

	if (found && !s->seen[found - s->cookies]) {
		s->seen[found - s->cookies] = true;
		s->n_seen++;
	}
}

static void raise_limit(void)
{
	struct rlimit limit = { .rlim_cur = 100000, .rlim_max = 100000 };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		say(false, "RLIMIT_NOFILE: %m");
}

static int listener(struct sockaddr_in *ret)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)ret, &len) < 0)
		return -1;
	return fd;
}

/* A pair of connected sockets, of a kind that its number says; many addresses, for the ports of one end. */
static int make_pair(int fds[2], unsigned int kind, int listening, const struct sockaddr_in *to)
{
	struct sockaddr_in address = *to, bound = { .sin_family = AF_INET };
	socklen_t len = sizeof(bound);

	if (kind % 4 == 0)
		return socketpair(AF_UNIX, kind % 8 ? SOCK_STREAM : SOCK_DGRAM, 0, fds);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + kind / 7 % 100);
	if (kind % 4 == 1) {
		fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
		fds[1] = socket(AF_INET, SOCK_DGRAM, 0);
		bound.sin_addr = address.sin_addr;
		return bind(fds[0], (struct sockaddr *)&bound, sizeof(bound)) < 0 ||
		       getsockname(fds[0], (struct sockaddr *)&bound, &len) < 0 ||
		       connect(fds[1], (struct sockaddr *)&bound, sizeof(bound)) < 0 ? -1 : 0;
	}
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	fds[1] = accept(listening, NULL, NULL);
	return fds[1] < 0 ? -1 : 0;
}

static void end_pair(int fds[2], unsigned int kind)
{
	struct linger at_once = { .l_onoff = 1 };

	/* Every other connection leaves a TIME-WAIT behind. */
	if (kind % 4 == 3)
		setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fds[0]);
	close(fds[1]);
}

/* Makes n sockets, tells how many by the pipe, then closes and opens until it is killed. */
static void change(unsigned int n, int ready)
{
	struct sockaddr_in to;
	int listening = listener(&to), (*pairs)[2] = calloc(n / 2, sizeof(*pairs));
	unsigned int kind = 0, made = 0, changes = 0;

	if (listening < 0 || !pairs)
		_exit(1);
	for (; made < n / 2; made++)
		if (make_pair(pairs[made], kind++, listening, &to) < 0)
			break;
	if (write(ready, &made, sizeof(made)) != sizeof(made))
		_exit(1);
	for (;;) {
		unsigned int i = changes * 7919 % made;

		end_pair(pairs[i], kind);
		if (make_pair(pairs[i], kind++, listening, &to) < 0)
			break;
		if (++changes % 100 == 0 && write(ready, &changes, sizeof(changes)) != sizeof(changes))
			break;
	}
	fprintf(stderr, "churn: after %u changes: %m\n", changes);
	_exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* The walks in turn, with other groups each time; the descriptor walk must find all that stays as it is. */
static void dumps(struct ask *a, struct stable *s, unsigned int wanted, double seconds)
{
	static const uint32_t walks[] = { SOCKETD_WALK_TABLES, SOCKETD_WALK_TASKS, SOCKETD_WALKS_ALL, SOCKETD_WALK_TABLES };
	unsigned int sockets = 0, missed_tables = 0, missed = 0, silent = 0;
	unsigned int bad = 0, uneven = 0, interrupted = 0, least = ~0u, n = 0;
	double start = now();

	for (; n < wanted && now() - start < seconds; n++) {
		struct answer answer = { .admin = true, .tasks = true, .socket = see, .ctx = s };
		uint32_t walk = walks[n % 4], groups = n % 10 == 9 ? SOCKETD_GROUPS_ALL : n % 2 ? SOCKETD_GROUPS_DEFAULT : 0;
		int r;

		memset(s->seen, 0, sizeof(s->seen));
		s->n_seen = 0;
		r = ask_dump(a, SOCKETD_WHAT_SOCKETS, walk, groups, 0, &answer);
		if (r < 0 && bad++ < 3)
			say(false, "churn: dump %u: %s %s", n, strerror(-r), answer.fault);
		uneven += answer.last.n_sockets != answer.n_sockets;
		interrupted += answer.interrupted;
		sockets += answer.n_sockets;
		if (answer.n_sockets < least)
			least = answer.n_sockets;
		/* The second walk leaves out what is in a table: with both, the first one decides. */
		*(walk == SOCKETD_WALK_TASKS ? &missed : &missed_tables) += N_STABLE - s->n_seen;
		silent += s->n_seen < N_STABLE && !answer.interrupted && answer.first.generation == answer.last.generation;
	}
	say(!bad && n >= wanted / 4, "churn: %u dumps of %u in %.0f s, %u sockets in all, at least %u, %u marked as interrupted", n, wanted,
	    now() - start, sockets, least, interrupted);
	say(!missed, "churn: sockets that stay, by descriptors: %u missed", missed);
	say(missed_tables <= n * N_STABLE / 1000 && !silent, "churn: sockets that stay, by tables: %u missed of %u, %u dumps that do not tell it",
	    missed_tables, n / 4 * 3 * N_STABLE, silent);
	say(!uneven, "churn: totals differ from what came in %u dumps", uneven);
}

/* usage: churn SOCKETS DUMPS SECONDS: fewer dumps when the time is over, but a quarter of them */
int run_churn(int argc, char **argv)
{
	unsigned int n = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000, n_dumps = argc > 2 ? strtoul(argv[2], NULL, 0) : 200;
	unsigned int made = 0, changes = 0, got, seconds = argc > 3 ? strtoul(argv[3], NULL, 0) : 1000;
	static struct stable s;
	struct sockaddr_in to;
	struct ask a;
	int ready[2], listening;
	double start = now(), between;
	pid_t child;

	raise_limit();
	listening = listener(&to);
	for (int i = 0; i < N_STABLE; i += 2) {
		int fds[2];
		socklen_t len = sizeof(s.cookies[0]);

		if (make_pair(fds, i / 2, listening, &to) < 0)
			return !say(false, "churn: a pair: %m");
		getsockopt(fds[0], SOL_SOCKET, SO_COOKIE, &s.cookies[i], &len);
		getsockopt(fds[1], SOL_SOCKET, SO_COOKIE, &s.cookies[i + 1], &len);
	}
	qsort(s.cookies, N_STABLE, sizeof(s.cookies[0]), compare);
	if (pipe(ready) < 0 || ask_open(&a) < 0)
		return !say(false, "churn: %m");
	child = fork();
	if (child == 0) {
		close(ready[0]);
		change(n, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &made, sizeof(made)) != sizeof(made))
		made = 0;
	say(made == n / 2, "churn: %u pairs in %.1f s", made, now() - start);
	between = now();
	dumps(&a, &s, n_dumps, seconds);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(ready[0], &got, sizeof(got)) == sizeof(got))
		changes = got;
	say(changes >= n_dumps / 4, "churn: %u pairs changed during the dumps, %.1f s", changes, now() - between);
	ask_close(&a);
	return 0;
}

/* usage: hold: reads the first part of a dump and stays; whoever calls it kills it. */
int run_hold(int argc, char **argv)
{
	struct answer answer = { .admin = true, .tasks = true };
	uint8_t buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;
	struct ask a;

	(void)argc;
	(void)argv;
	/* More than two messages of them: the kernel prepares one ahead of the reader. */
	for (int i = 0; i < 800; i++)
		socket(AF_UNIX, SOCK_STREAM, 0);
	if (ask_open(&a) < 0)
		return 1;
	nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALKS_ALL, SOCKETD_GROUPS_ALL, 0);
	if (ask_send(&a, nlh, nlh->nlmsg_len) < 0 || ask_receive_some(&a, &answer, 0) != 0)
		return !say(false, "hold: no dump in the middle: error %d %s", answer.error, answer.fault);
	puts("holding");
	fflush(stdout);
	pause();
	return 0;
}
