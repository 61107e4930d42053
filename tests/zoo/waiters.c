/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads asleep in a call, sockets that nobody holds, groups of sockets, sockets of another cgroup */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define READS (READ_INET | READ_MEMORY)
#define BUSY (READ_INET | READ_MEMORY | READ_BUSY)

static char cgroup_dir[64], net_cgroup_dir[96];
static pid_t net_child;

struct sleeper {
	int fd;
	enum { IN_RECV, IN_SEND, IN_ACCEPT } call;
	pid_t tid;
};

static struct sleeper sleepers[8];
static size_t n_sleepers;

static void *sleep_in_call(void *arg)
{
	static char buf[65536];
	struct sleeper *s = arg;

	__atomic_store_n(&s->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;) {
		ssize_t r = s->call == IN_ACCEPT ? accept4(s->fd, NULL, NULL, SOCK_CLOEXEC) :
			    s->call == IN_SEND   ? send(s->fd, buf, sizeof(buf), MSG_NOSIGNAL) :
						   recv(s->fd, buf, sizeof(buf), 0);

		if (r < 0 && errno != EINTR)
			return NULL;
	}
}

/* Waits until the thread sleeps, as its state in /proc says. */
static void start_sleeper(int fd, int call)
{
	struct sleeper *s = &sleepers[n_sleepers++];
	char path[64], line[256], state = 0;
	pthread_t thread;

	must(n_sleepers <= sizeof(sleepers) / sizeof(sleepers[0]) ? 0 : -1);
	s->fd = fd;
	s->call = call;
	errno = pthread_create(&thread, NULL, sleep_in_call, s);
	must(-errno);
	for (int i = 0; i < 200 && state != 'S'; i++) {
		pid_t tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE);
		FILE *f;

		usleep(10000);
		if (!tid)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		f = fopen(path, "re");
		if (f && fgets(line, sizeof(line), f) && strrchr(line, ')'))
			state = strrchr(line, ')')[2];
		if (f)
			fclose(f);
	}
	must(state == 'S' ? 0 : -1);
}

static void know_sleeper(struct entry *e, const char *via)
{
	know_bool(e, "socket_wq_has_waiters", via, true);
	know_bool(e, "sk_lock", "who sleeps lets the lock go", false);
}

static void add_sleepers(void)
{
	struct tcp_pair p;
	struct entry *e;
	int sv[2], fd;

	p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	/* The bit that says so is kept for those who asked for signals. */
	must(fcntl(p.client, F_SETFL, fcntl(p.client, F_GETFL) | O_ASYNC));
	start_sleeper(p.client, IN_RECV);
	e = zoo_add("tcp", p.client, BUSY, "a thread sleeps in recv(2)", "tcp4-sleeps-in-recv");
	know_sleeper(e, "a thread is asleep in recv(2)");
	know_flags(e, "socket_wq_flags", "asleep in recv(2), with O_ASYNC", "SOCKWQ_ASYNC_WAITDATA", "SOCKWQ_ASYNC_NOSPACE");
	zoo_add("tcp", p.server, READS, "its other end is asleep", "tcp4-sleeps-in-recv-peer");

	p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	set_int(p.server, SOL_SOCKET, SO_RCVBUF, 10000);
	start_sleeper(p.client, IN_SEND);
	e = zoo_add("tcp", p.client, BUSY, "a thread sleeps in send(2)", "tcp4-sleeps-in-send");
	know_sleeper(e, "a thread is asleep in send(2)");
	know_u64(e, "sk_write_pending", "one thread is asleep in send(2)", 1);
	know_op(e, "sk_write_queue", "the window is closed", "min", 1);
	know_flags(e, "socket_flags", "send(2) waits for room", "SOCK_NOSPACE", "");
	zoo_add("tcp", p.server, READS, "reads nothing", "tcp4-sleeps-in-send-peer");

	fd = listen_on(AF_INET, "127.0.0.1", 2);
	start_sleeper(fd, IN_ACCEPT);
	e = zoo_add("tcp", fd, BUSY | READ_TCP, "a thread sleeps in accept(2)", "tcp4-sleeps-in-accept");
	know_sleeper(e, "a thread is asleep in accept(2)");

	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv));
	start_sleeper(sv[0], IN_RECV);
	e = zoo_add("u_dgr", sv[0], READ_MEMORY | READ_BUSY, "a thread sleeps in recv(2)", "unix-sleeps-in-recv");
	know_sleeper(e, "a thread is asleep in recv(2)");
	zoo_add("u_dgr", sv[1], READ_MEMORY, "its other end is asleep", "unix-sleeps-in-recv-peer");
}

/* Sends fd through a socket pair; nobody receives it. */
static void send_away(int through, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	must(sendmsg(through, &msg, 0));
}

static void add_in_flight(void)
{
	int carrier[2], sv[2];
	struct entry *e;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, carrier));
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	e = zoo_add("u_str", sv[1], READ_MEMORY, "its only descriptor is in flight (SCM_RIGHTS)", "unix-in-flight");
	know_str(e, "holding", "sent by SCM_RIGHTS, not received", "in-flight");
	send_away(carrier[0], sv[1]);
	close(sv[1]);
	entry_unowned(e);
	zoo_add("u_str", sv[0], READ_MEMORY, "its other end is in flight", "unix-in-flight-peer");
	zoo_add("u_str", carrier[0], READ_MEMORY, "sent a descriptor", "unix-in-flight-sender");
	zoo_add("u_str", carrier[1], READ_MEMORY, "a message with a descriptor unread", "unix-in-flight-queue");
}

static void add_reuseport(void)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET, "127.0.0.1", 0, &ss);
	uint64_t first = 0;

	for (int i = 0; i < 3; i++) {
		int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		struct entry *e;

		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		must(bind(fd, (void *)&ss, len));
		must(getsockname(fd, (void *)&ss, &len));
		must(listen(fd, 5));
		e = zoo_add("tcp", fd, READ_INET | READ_TCP | READ_MEMORY | READ_QUIET, "one of 3 listeners on a port",
			    "tcp4-reuseport-%d", i);
		know_u64(e, "sk_reuseport_cb", "3 listen on the port", 3);
		first = first ? first : e->cookie;
		know_same(e, "reuseport_id", "the others of the group", first, "reuseport_id");
		know_bool(e, "sk_reuseport", "set", true);
	}
}

static bool write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	bool good;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		return false;
	good = fputs(text, f) >= 0;
	return fclose(f) == 0 && good;
}

/* A cgroup of our own, charged for its memory: only where ZOO_GUEST says that the machine is ours. */
static void add_cgroup(void)
{
	static const char root[] = "/sys/fs/cgroup";
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET, "127.0.0.1", 0, &ss);
	int fd, reserve = 8192;
	struct entry *e;
	struct stat st;

	if (!getenv("ZOO_GUEST")) {
		zoo_skip("cgroup", EPERM, "the machine is not ours (ZOO_GUEST)");
		return;
	}
	snprintf(cgroup_dir, sizeof(cgroup_dir), "%s/zoo", root);
	if (!write_file(root, "cgroup.subtree_control", "+memory") || mkdir(cgroup_dir, 0755) < 0 ||
	    !write_file(cgroup_dir, "cgroup.procs", "0")) {
		zoo_skip("cgroup", errno, "no cgroup2 with a memory controller");
		return;
	}
	must(stat(cgroup_dir, &st));
	fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must(bind(fd, (void *)&ss, len));
	must(listen(fd, 3));
	if (setsockopt(fd, SOL_SOCKET, SO_RESERVE_MEM, &reserve, sizeof(reserve)) < 0) {
		zoo_skip("reserve-mem", errno, "SO_RESERVE_MEM");
		reserve = 0;
	}
	must(write_file(root, "cgroup.procs", "0") ? 0 : -1);
	e = zoo_add("tcp", fd, READ_INET | READ_TCP, "made in another cgroup", "tcp4-cgroup");
	expect_u64(e, "cgroup_id", st.st_ino);
	know_u64(e, "sk_cgrp_data", "inode of the cgroup2 directory", st.st_ino);
	know_u64(e, "sk_memcg", "inode of the cgroup2 directory", st.st_ino);
	know_u64(e, "sk_reserved_mem", "set", reserve);
}

/*
 * Controllers of cgroup v1 that mark a process's sockets; capture_payload.sh
 * mounts them. They mark them again when the process moves: a child stays there.
 */
static void add_net_cgroup(void)
{
	const char *root = getenv("ZOO_NET_CGROUP");
	struct { uint64_t inode, cookie; uint32_t prioidx; } told = {};
	int report[2];
	struct entry *e;
	char path[128];
	FILE *f;

	if (!root) {
		zoo_skip("net-cgroup", EPERM, "the machine is not ours (ZOO_NET_CGROUP)");
		return;
	}
	snprintf(net_cgroup_dir, sizeof(net_cgroup_dir), "%s/zoo", root);
	if (mkdir(net_cgroup_dir, 0755) < 0 || !write_file(net_cgroup_dir, "net_cls.classid", "0x1000a")) {
		zoo_skip("net-cgroup", errno, "no net_cls in this kernel");
		return;
	}
	must(pipe2(report, O_CLOEXEC));
	net_child = must(fork());
	if (net_child == 0) {
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_close_range, 3, report[1] - 1, 0);
		must(write_file(net_cgroup_dir, "tasks", "0") ? 0 : -1);
		snprintf(path, sizeof(path), "%s/net_prio.prioidx", net_cgroup_dir);
		f = fopen(path, "re");
		if (f) {
			if (fscanf(f, "%u", &told.prioidx) != 1)
				told.prioidx = 0;
			fclose(f);
		}
		fd = must(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		told.inode = socket_inode(fd);
		told.cookie = socket_cookie(fd);
		must(write(report[1], &told, sizeof(told)));
		for (;;)
			pause();
	}
	close(report[1]);
	must(read(report[0], &told, sizeof(told)) == sizeof(told) ? 0 : -1);
	close(report[0]);
	e = zoo_add("u_dgr", -1, 0, "made in another class", "unix-net-cgroup");
	e->inode = told.inode;
	e->cookie = told.cookie;
	entry_pid(e, net_child);
	know_u64(e, "sk_classid", "net_cls.classid", 0x1000a);
	if (told.prioidx)
		know_u64(e, "sk_prioidx", "net_prio.prioidx", told.prioidx);
}

void zoo_waiters(void)
{
	add_sleepers();
	add_in_flight();
	add_reuseport();
	add_cgroup();
	add_net_cgroup();
}

/* The sleeping threads end with the process. */
void zoo_waiters_stop(void)
{
	if (net_child > 0) {
		kill(net_child, SIGKILL);
		waitpid(net_child, NULL, 0);
	}
	if (net_cgroup_dir[0])
		rmdir(net_cgroup_dir);
	if (cgroup_dir[0])
		rmdir(cgroup_dir);
}
