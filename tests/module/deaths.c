/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is dumped dies meanwhile: processes, threads with their own descriptors, network namespaces */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"

static void open_some(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct sockaddr_in address = { .sin_family = AF_INET };
		int fd = socket(i % 3 ? AF_INET : AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);

		if (i % 3 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && i % 2)
			listen(fd, 5);
	}
}

static void *own_table(void *unused)
{
	(void)unused;
	if (unshare(CLONE_FILES) == 0)
		open_some(6);
	return NULL;
}

/* Forks children that open, and die at once: by themselves, killed, or with threads at work. */
static void storm(void)
{
	for (unsigned int i = 0;; i++) {
		pid_t child = fork();

		if (child == 0) {
			pthread_t thread;

			open_some(4);
			if (i % 4 == 0 && pthread_create(&thread, NULL, own_table, NULL) == 0 && i % 8)
				pthread_join(thread, NULL);
			if (i % 5 == 0)
				raise(SIGKILL);
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
}

/* usage: forks DUMPS */
int run_forks(int argc, char **argv)
{
	unsigned int n = argc > 1 ? strtoul(argv[1], NULL, 0) : 300, bad = 0, tasks = 0, held = 0;
	pid_t storms[3];
	struct ask a;

	if (ask_open(&a) < 0)
		return !say(false, "forks: cannot start");
	for (int i = 0; i < 3; i++) {
		storms[i] = fork();
		if (storms[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			storm();
		}
	}
	for (unsigned int i = 0; i < n; i++) {
		struct answer answer = { .admin = true, .tasks = true };
		int r;

		if (i % 2)
			r = ask_dump(&a, SOCKETD_WHAT_TASKS, 0, 0, 0, &answer);
		else
			r = ask_dump(&a, SOCKETD_WHAT_SOCKETS, SOCKETD_WALKS_ALL, SOCKETD_GROUPS_ALL, 0, &answer);
		if (r < 0 && bad++ < 3)
			say(false, "forks: dump %u: %s %s", i, strerror(-r), answer.fault);
		tasks += answer.n_tasks;
		held += answer.n_held;
	}
	for (int i = 0; i < 3; i++) {
		kill(storms[i], SIGKILL);
		waitpid(storms[i], NULL, 0);
	}
	say(!bad && tasks && held, "forks: %u dumps, %u tasks, %u held sockets", n, tasks, held);
	ask_close(&a);
	return 0;
}

static bool new_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return true;
}

/* A child's life: its namespace dies with it, in the middle of its own dump, or after the rest of one. */
static void live(unsigned int i)
{
	struct answer answer = { .admin = true, .tasks = true };
	uint8_t buffer[256] __attribute__((aligned(8)));
	int home = open("/proc/self/ns/net", O_RDONLY), r;
	struct nlmsghdr *nlh;
	struct ask a;

	if (!new_namespace() || ask_open(&a) < 0)
		_exit(1);
	open_some(40);
	nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALKS_ALL, SOCKETD_GROUPS_ALL, i % 2 ? SOCKETD_FLAG_ALL_NETNS : 0);
	if (ask_send(&a, nlh, nlh->nlmsg_len) < 0)
		_exit(2);
	r = ask_receive_some(&a, &answer, 0);
	if (r < 0)
		_exit(3);
	if (i % 3 == 0)
		_exit(0);
	if (i % 3 == 1) {
		/* Nothing but the dump's own socket is left in the namespace. */
		if (setns(home, CLONE_NEWNET) < 0)
			_exit(4);
		for (int fd = 3; fd < 60; fd++)
			if (fd != a.fd)
				close(fd);
	}
	/* The answer may have ended with the first part. */
	if (r == 0)
		r = ask_receive(&a, &answer, 0);
	_exit(r < 0 || answer.fault[0] ? 5 : 0);
}

/* usage: namespaces COUNT: each dies while others are dumped, and all of them from here. */
int run_namespaces(int argc, char **argv)
{
	unsigned int n = argc > 1 ? strtoul(argv[1], NULL, 0) : 200, bad = 0, dumps = 0, failed[6] = { 0 };
	struct ask a;

	if (ask_open(&a) < 0)
		return !say(false, "namespaces: cannot start");
	for (unsigned int i = 0; i < n; i += 4) {
		struct answer answer = { .admin = true, .tasks = true };
		pid_t children[4];
		int r;

		for (unsigned int k = 0; k < 4; k++) {
			children[k] = fork();
			if (children[k] == 0)
				live(i + k);
		}
		for (unsigned int k = 0; k < 2; k++, dumps++) {
			answer = (struct answer){ .admin = true, .tasks = true };
			r = ask_dump(&a, SOCKETD_WHAT_SOCKETS, k ? SOCKETD_WALK_TABLES : SOCKETD_WALKS_ALL, SOCKETD_GROUPS_ALL,
				     SOCKETD_FLAG_ALL_NETNS, &answer);
			if (r < 0 && bad++ < 3)
				say(false, "namespaces: dump %u: %s %s", dumps, strerror(-r), answer.fault);
		}
		for (unsigned int k = 0; k < 4; k++) {
			int status = 0;

			waitpid(children[k], &status, 0);
			failed[WIFEXITED(status) && WEXITSTATUS(status) < 6 ? WEXITSTATUS(status) : 5]++;
		}
	}
	say(!bad && failed[0] == n, "namespaces: %u died, %u dumps of all; children: %u ok, %u no namespace, %u/%u no dump, "
	    "%u no return, %u bad answers", n, dumps, failed[0], failed[1], failed[2], failed[3], failed[4], failed[5]);
	ask_close(&a);
	return 0;
}
