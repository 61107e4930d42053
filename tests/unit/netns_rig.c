/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces of a test's own */

#include "unit/netns_rig.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/netns.h"

int rig_netns_new(void)
{
	int back = netns_enter(), fd;

	CU_ASSERT_TRUE_FATAL(back >= 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	netns_leave(back);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	return fd;
}

uint64_t rig_ino(int ns_fd)
{
	struct stat st = {};

	CU_ASSERT_EQUAL_FATAL(fstat(ns_fd, &st), 0);
	return st.st_ino;
}

static uint64_t number_of(int fd, int option)
{
	uint64_t v = 0;
	socklen_t len = sizeof(v);

	CU_ASSERT_EQUAL(getsockopt(fd, SOL_SOCKET, option, &v, &len), 0);
	return v;
}

uint64_t rig_netns_cookie(int socket_fd)
{
	return number_of(socket_fd, SO_NETNS_COOKIE);
}

uint64_t rig_socket_cookie(int socket_fd)
{
	return number_of(socket_fd, SO_COOKIE);
}

int rig_socket_in(int ns_fd, int family, int type, int protocol)
{
	int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	CU_ASSERT_EQUAL_FATAL(setns(ns_fd, CLONE_NEWNET), 0);
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	netns_leave(back);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	return fd;
}

pid_t rig_process_of(int ns_fd, uid_t uid)
{
	int ready[2];
	char byte;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	CU_ASSERT_TRUE_FATAL(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setns(ns_fd, CLONE_NEWNET) < 0 || setresuid(uid, uid, uid) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		/* Nothing of the parent's: its descriptors are not what keeps a namespace. */
		close_range(0, ~0u, 0);
		for (;;)
			pause();
	}
	close(ready[1]);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
	/* And then its descriptors are closed. */
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

pid_t rig_process_in(int ns_fd)
{
	return rig_process_of(ns_fd, 0);
}

void rig_process_end(pid_t pid)
{
	kill(pid, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

int rig_in_child(int (*fn)(void *ctx), void *ctx)
{
	pid_t pid = fork();
	int status = 0;

	CU_ASSERT_TRUE_FATAL(pid >= 0);
	if (pid == 0)
		_exit(fn(ctx));
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

unsigned int rig_n_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	/* ".", "..", and the directory itself. */
	return n - 3;
}
