/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds a socket: two processes, a thread with a descriptor table of its own, a message in flight, nobody */

#include <errno.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zoo.h"

#define READS (READ_INET | READ_TCP | READ_MEMORY | READ_QUIET)

static pid_t children[4];
static size_t n_children;

/* keep is never 0: stdin is open. */
static void close_all_but(int keep)
{
	syscall(SYS_close_range, 0, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0u, 0);
}

/* A child that holds fd alone, under a name of its own. */
static pid_t fork_holder(int fd, const char *comm)
{
	pid_t pid = must(fork());

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, comm);
		close_all_but(fd);
		for (;;)
			pause();
	}
	children[n_children++] = pid;
	return pid;
}

static void add_forked(void)
{
	int fd = listen_on(AF_INET, "127.0.0.1", 12), sv[2];
	json_object *owner;
	struct entry *e;
	pid_t pid;

	pid = fork_holder(fd, "zoo-holder");
	e = zoo_add("tcp", fd, READS, "held by two processes", "held-by-two");
	entry_pid(e, pid);

	/* Twice in this process: one pid, two descriptors. */
	fd = listen_on(AF_INET, "127.0.0.1", 13);
	must(dup(fd));
	e = zoo_add("tcp", fd, READS, "held twice by one process", "held-by-dup");
	expect_json(e, "owners", json_tokener_parse("{\"count\":2}"));

	/* Only the child holds one end, and its command name has bytes that are not UTF-8 and an escape sequence. */
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	e = zoo_add("u_str", sv[1], READ_MEMORY, "held by a child alone; its name is hostile to terminals",
		    "held-by-child");
	pid = fork_holder(sv[1], "co\xff\n\x1b[31m\"\\");
	entry_unowned(e);
	entry_pid(e, pid);
	owner = json_object_new_object();
	json_object_object_add(owner, "comm", json_object_new_string("co\\xff\\x0a\\x1b[31m\"\\\\"));
	expect_json(e, "owners", owner);
	close(sv[1]);
	zoo_add("u_str", sv[0], READ_MEMORY, "the other end is held by a child", "held-by-child-peer");
}

static void add_in_flight(void)
{
	int fd = listen_on(AF_INET, "127.0.0.1", 14), sv[2];
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct entry *e;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	must(sendmsg(sv[0], &msg, 0));
	e = zoo_add("tcp", fd, 0, "its only descriptor is in flight (SCM_RIGHTS)", "in-flight");
	must(getsockname(fd, (void *)&ss, &len));
	expect_sockaddr(e, "local", "local_port", &ss);
	expect_str(e, "state", "LISTEN");
	expect_u64(e, "send_q", 14);
	entry_unowned(e);
	close(fd);
	zoo_add("u_str", sv[0], READ_MEMORY | READ_QUIET, "sent a descriptor", "in-flight-sender");
	zoo_add("u_str", sv[1], READ_MEMORY | READ_QUIET, "a message with a descriptor unread", "in-flight-queue");
}

/* For a thread that lives as long as the process, and what it says of its socket. */
static struct {
	pthread_barrier_t barrier;
	struct sockaddr_storage address;
	uint64_t inode;
	uint64_t cookie;
	int error;
} in_thread;

static void *hold_in_thread(void *arg)
{
	socklen_t len = sizeof(in_thread.address);
	int fd;

	(void)arg;
	/* A table of our own that has only what we put there; behind 0, 1 and 2, which must() needs. */
	if (unshare(CLONE_FILES) < 0) {
		in_thread.error = errno;
	} else {
		syscall(SYS_close_range, 3, ~0u, 0);
		fd = listen_on(AF_INET, "127.0.0.1", 15);
		in_thread.inode = socket_inode(fd);
		in_thread.cookie = socket_cookie(fd);
		must(getsockname(fd, (void *)&in_thread.address, &len));
	}
	pthread_barrier_wait(&in_thread.barrier);
	for (;;)
		pause();
	return NULL;
}

/* /proc/PID/fd does not show the socket, /proc/PID/task/TID/fd does. */
static void add_thread(void)
{
	pthread_t thread;
	struct entry *e;

	errno = pthread_barrier_init(&in_thread.barrier, NULL, 2);
	must(-errno);
	errno = pthread_create(&thread, NULL, hold_in_thread, NULL);
	must(-errno);
	pthread_barrier_wait(&in_thread.barrier);
	if (in_thread.error) {
		zoo_skip("held-by-thread", in_thread.error, "unshare of the descriptor table");
		return;
	}
	e = zoo_add("tcp", -1, 0, "held by a thread whose descriptor table is its own", "held-by-thread");
	e->inode = in_thread.inode;
	e->cookie = in_thread.cookie;
	entry_pid(e, getpid());
	expect_sockaddr(e, "local", "local_port", &in_thread.address);
	expect_str(e, "state", "LISTEN");
	expect_u64(e, "send_q", 15);
}

void zoo_holders(void)
{
	add_forked();
	add_in_flight();
	add_thread();
}

void zoo_holders_stop(void)
{
	for (size_t i = 0; i < n_children; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
}
