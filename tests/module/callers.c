/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may ask for what: root, nobody, the root of a user namespace, and those who borrow a descriptor */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"

#define NOBODY 65534

/* What a socket's message must not say to somebody of another namespace. */
struct place {
	uint32_t netns; /* 0: any */
	unsigned int foreign;
	unsigned int with_uid;
};

static void look(const struct socketd_message *m, void *ctx)
{
	struct place *p = ctx;

	if (p->netns && m->netns != p->netns)
		p->foreign++;
	if (m->flags & SOCKETD_MSG_UID)
		p->with_uid++;
}

static uint32_t netns_inode(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) < 0 ? 0 : st.st_ino;
}

static int ask_pid(struct ask *a, struct answer *ret)
{
	uint8_t buffer[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALK_TASKS, 0, 0);
	uint32_t pid = 1;

	ask_put(nlh, SOCKETD_REQ_PID, &pid, sizeof(pid));
	return ask(a, nlh, ret);
}

/* Everything that one without a right to it may not have; admin: privileged fields of his own namespace he may. */
static void refused(struct ask *a, const char *who, bool admin)
{
	struct answer answer = { .admin = admin };
	int r;

	r = ask_dump(a, SOCKETD_WHAT_TASKS, 0, 0, 0, &answer);
	say(r == -EPERM && !answer.n_tasks, "%s: tasks: %s: %s", who, strerror(-r), answer.text);
	answer = (struct answer){ .admin = admin };
	r = ask_pid(a, &answer);
	say(r == -EPERM && !answer.n_sockets, "%s: by pid: %s: %s", who, strerror(-r), answer.text);
	answer = (struct answer){ .admin = admin };
	r = ask_dump(a, SOCKETD_WHAT_SOCKETS, SOCKETD_WALK_TABLES, 0, SOCKETD_FLAG_ALL_NETNS, &answer);
	say(r == -EPERM && !answer.n_sockets, "%s: all namespaces: %s: %s", who, strerror(-r), answer.text);
}

static void allowed(struct ask *a, const char *who, bool admin, unsigned int at_least)
{
	static const uint32_t walks[] = { SOCKETD_WALK_TABLES, SOCKETD_WALK_TASKS, SOCKETD_WALKS_ALL };

	for (int i = 0; i < 3; i++) {
		struct place place = { .netns = netns_inode() };
		struct answer answer = { .admin = admin, .socket = look, .ctx = &place };
		int r = ask_dump(a, SOCKETD_WHAT_SOCKETS, walks[i], SOCKETD_GROUPS_ALL, 0, &answer);

		say(r == 0 && !answer.fault[0] && !place.foreign && (answer.n_sockets >= at_least || walks[i] == SOCKETD_WALK_TASKS) &&
		    answer.first.flags == (admin ? SOCKETD_META_ADMIN : 0),
		    "%s: walks %u: %s, %u sockets, %u with uid, %u of other namespaces, flags %u %s", who, walks[i],
		    r ? strerror(-r) : "answered", answer.n_sockets, place.with_uid, place.foreign, answer.first.flags, answer.fault);
	}
}

static bool become_nobody(void)
{
	/* Else /proc/self belongs to root and no map can be written. */
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
	       prctl(PR_SET_DUMPABLE, 1) == 0;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static bool become_inner_root(int flags)
{
	return become_nobody() && unshare(CLONE_NEWUSER | flags) == 0 && put("/proc/self/setgroups", "deny") &&
	       put("/proc/self/uid_map", "0 65534 1\n") && put("/proc/self/gid_map", "0 65534 1\n") && getuid() == 0;
}

static void nobody(void)
{
	struct ask a;

	if (!become_nobody() || ask_open(&a) < 0) {
		say(false, "nobody: %m");
		return;
	}
	allowed(&a, "nobody", false, 10);
	refused(&a, "nobody", false);
}

static void inner_root(void)
{
	struct ask a;

	if (!become_inner_root(0) || ask_open(&a) < 0) {
		say(false, "root of a user namespace: %m");
		return;
	}
	allowed(&a, "root of a user namespace", false, 10);
	refused(&a, "root of a user namespace", false);
}

static void inner_root_at_home(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct ask a;

	if (!become_inner_root(CLONE_NEWNET) || ask_open(&a) < 0) {
		say(false, "root of a namespace: %m");
		return;
	}
	for (int i = 0; i < 5; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		address.sin_port = 0;
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
			say(false, "a listener: %m");
	}
	allowed(&a, "root of a namespace", true, 5);
	refused(&a, "root of a namespace", true);
}

/* Root opened it: nobody, who sends, gains nothing by that. */
static void borrowed(void)
{
	struct ask a;

	if (ask_open(&a) < 0 || !become_nobody()) {
		say(false, "borrowed descriptor: %m");
		return;
	}
	allowed(&a, "root's descriptor with nobody", false, 10);
	refused(&a, "root's descriptor with nobody", false);
}

static void in_child(void (*what)(void))
{
	unsigned int before = n_failed;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		what();
		_exit(n_failed - before > 100 ? 100 : n_failed - before);
	}
	waitpid(child, &status, 0);
	n_failed += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int run_callers(int argc, char **argv)
{
	int fds[20];

	(void)argc;
	(void)argv;
	/* Sockets of root's, to be seen or not. */
	for (int i = 0; i < 20; i++) {
		struct sockaddr_in address = { .sin_family = AF_INET };

		fds[i] = socket(AF_INET, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
		if (bind(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0 || (i % 2 && listen(fds[i], 1) < 0))
			say(false, "a socket: %m");
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	}
	in_child(nobody);
	in_child(inner_root);
	in_child(inner_root_at_home);
	in_child(borrowed);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	return 0;
}
