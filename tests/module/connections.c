/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many short TCP connections between processes, and a list of whose socket had which cookie */

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* So often a process makes one connection and ends, without a close(). */
#define BRIEF_EVERY 10
#define RESET_EVERY 7 /* of those that the server ends first, by a reset */

struct end {
	uint64_t cookie;
	uint32_t pid;
};

/* Shared with the processes that end. */
struct list {
	struct sockaddr_in address;
	struct end listener;
	uint32_t n_accepted;
	struct {
		struct end client, server;
	} rows[];
};

static struct list *list;

static struct end end_of(int fd)
{
	struct end e = { .pid = (uint32_t)getpid() };
	socklen_t len = sizeof(e.cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &e.cookie, &len) < 0)
		perror("SO_COOKIE");
	return e;
}

/* Accepts, waits for the end of the other, closes. Some it closes with unread data: the other gets a reset. */
static void serve(int listening, unsigned int n, int ready)
{
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (unsigned int i = 0; i < n; i++) {
		int fd = accept(listening, NULL, NULL);
		char byte;

		if (fd < 0)
			_exit(1);
		list->rows[i].server = end_of(fd);
		__atomic_store_n(&list->n_accepted, i + 1, __ATOMIC_RELEASE);
		if (i % RESET_EVERY == RESET_EVERY - 1)
			(void)recv(fd, &byte, 1, MSG_PEEK);
		else
			while (recv(fd, &byte, 1, 0) > 0)
				;
		close(fd);
	}
	/* The listener's end is the process's. */
	_exit(0);
}

static pid_t start_server(unsigned int n)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		socklen_t len = sizeof(list->address);
		int fd;

		prctl(PR_SET_NAME, "e-server");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		list->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		if (fd < 0 || bind(fd, (struct sockaddr *)&list->address, sizeof(list->address)) < 0 || listen(fd, 128) < 0 ||
		    getsockname(fd, (struct sockaddr *)&list->address, &len) < 0)
			_exit(1);
		list->listener = end_of(fd);
		serve(fd, n, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		pid = -1;
	close(ends[0]);
	return pid;
}

/* One at a time: the server accepts them in this order. */
static int connect_one(unsigned int i)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&list->address, sizeof(list->address)) < 0)
		return -1;
	list->rows[i].client = end_of(fd);
	if (i % RESET_EVERY == RESET_EVERY - 1) {
		/* Two bytes, of which none is read there; the reset wakes this recv(). */
		if (send(fd, "ab", 2, MSG_NOSIGNAL) != 2)
			return -1;
		(void)recv(fd, &byte, 1, 0);
	}
	return fd;
}

static bool connect_all(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		int fd;

		if (i % BRIEF_EVERY == BRIEF_EVERY - 1) {
			pid_t pid = fork();
			int status = 1;

			if (pid == 0) {
				prctl(PR_SET_NAME, "e-brief");
				_exit(connect_one(i) < 0);
			}
			if (waitpid(pid, &status, 0) < 0 || status != 0)
				return false;
		} else {
			fd = connect_one(i);
			if (fd < 0)
				return false;
			close(fd);
		}
	}
	return true;
}

static void print_list(unsigned int n)
{
	printf("%llu %u e-server listener\n", (unsigned long long)list->listener.cookie, list->listener.pid);
	for (unsigned int i = 0; i < n; i++) {
		printf("%llu %u %s client\n", (unsigned long long)list->rows[i].client.cookie, list->rows[i].client.pid,
		       i % BRIEF_EVERY == BRIEF_EVERY - 1 ? "e-brief" : "e-client");
		printf("%llu %u e-server server\n", (unsigned long long)list->rows[i].server.cookie, list->rows[i].server.pid);
	}
}

static bool lo_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

	close(fd);
	return ok;
}

/* usage: module_connections N [netns]; with netns in a new one, once a line came from standard input */
int main(int argc, char **argv)
{
	unsigned int n = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	size_t size = sizeof(*list) + n * sizeof(list->rows[0]);
	int status = 1;
	pid_t server;

	if (n == 0) {
		fputs("usage: module_connections N [netns]\n", stderr);
		return 2;
	}
	if (argc > 2 && (unshare(CLONE_NEWNET) < 0 || !lo_up() || getchar() == EOF)) {
		perror("a namespace");
		return 1;
	}
	list = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (list == MAP_FAILED)
		return 1;
	prctl(PR_SET_NAME, "e-client");
	server = start_server(n);
	if (server < 0 || !connect_all(n)) {
		perror("connections");
		return 1;
	}
	if (waitpid(server, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "the server: status %d after %u\n", status, list->n_accepted);
		return 1;
	}
	print_list(n);
	return 0;
}
