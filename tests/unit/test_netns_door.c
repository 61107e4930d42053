/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Things from inside namespaces: by ourselves, by socketd-netns, and what either side makes of the other's nonsense */

#include "source/netns_door.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "socketd/netns.h"
#include "source/netns.h"
#include "unit/netns_rig.h"
#include "unit/suites.h"

#define NOBODY 65534
#define STRANGER 65533
#define PORT 7001

static char folder[32], place[64]; /* of the helper's socket */

static struct sockaddr_un address(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", place);
	return a;
}

static void make_place(void)
{
	snprintf(folder, sizeof(folder), "/tmp/netns-door.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	CU_ASSERT_EQUAL(chmod(folder, 0755), 0);
	snprintf(place, sizeof(place), "%s/socket", folder);
}

static void remove_place(void)
{
	(void)unlink(place);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static int connect_there(void)
{
	const struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (connect(fd, (const void *)&a, sizeof(a)) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* The real one, and ready. listener: of systemd's kind, handed over as its descriptor 3; -1: it makes its own. */
static pid_t start_helper(const char *user, int listener)
{
	pid_t pid = fork();

	CU_ASSERT_TRUE_FATAL(pid >= 0);
	if (pid == 0) {
		char listen_at[80], user_is[40], me[24];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(listen_at, sizeof(listen_at), "--listen=%s", place);
		snprintf(user_is, sizeof(user_is), "--user=%s", user);
		if (listener < 0) {
			execl(SOCKETD_NETNS_PROGRAM, "socketd-netns", listen_at, user_is, NULL);
		} else if (dup2(listener, 3) == 3) {
			snprintf(me, sizeof(me), "%d", (int)getpid());
			setenv("LISTEN_PID", me, 1);
			setenv("LISTEN_FDS", "1", 1);
			execl(SOCKETD_NETNS_PROGRAM, "socketd-netns", user_is, NULL);
		}
		_exit(127);
	}
	for (unsigned int i = 0; i < 2000; i++) {
		int fd = connect_there();

		if (fd >= 0) {
			close(fd);
			return pid;
		}
		usleep(5000);
	}
	CU_FAIL_FATAL("the helper does not listen");
	return pid;
}

static void stop_helper(pid_t pid)
{
	int status = 0;

	CU_ASSERT_EQUAL(kill(pid, SIGTERM), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What may be of a namespace: 0, or what was wrong. Neither asserts nor ends: it runs in children, too. */
static int check_things(struct netns_door *d, int ns_fd)
{
	static const struct {
		enum netns_thing thing;
		int protocol;
	} sockets[] = { { NETNS_SOCK_DIAG, NETLINK_SOCK_DIAG }, { NETNS_ROUTE, NETLINK_ROUTE }, { NETNS_GENERIC, NETLINK_GENERIC } };
	uint64_t inside, before = netns_own_ino(), cookie;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int known = rig_socket_in(ns_fd, AF_INET, SOCK_DGRAM, 0), fd, protocol;
	char text[4096] = "";
	socklen_t len;
	ssize_t n;

	inside = rig_netns_cookie(known);
	if (bind(known, (void *)&in, sizeof(in)) < 0)
		return 10;
	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
		fd = netns_door_open(d, ns_fd, sockets[i].thing, NULL);
		if (fd < 0)
			return 11;
		len = sizeof(protocol);
		if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0 || protocol != sockets[i].protocol)
			return 12;
		cookie = rig_netns_cookie(fd);
		if (cookie != inside || !(fcntl(fd, F_GETFL) & O_NONBLOCK) || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			return 13;
		close(fd);
	}
	fd = netns_door_open(d, ns_fd, NETNS_PROC, "udp");
	if (fd < 0)
		return 14;
	n = read(fd, text, sizeof(text) - 1);
	/* 7001 in hexadecimal digits, and no other line. */
	if (n <= 0 || !strstr(text, ":1B59 ") || strchr(strchr(text, '\n') + 1, '\n')[1])
		return 15;
	close(fd);
	close(known);
	return netns_own_ino() == before ? 0 : 16;
}

static void test_in_process(void)
{
	CLEANUP(netns_door_free) struct netns_door *d = NULL;
	int ns_fd = rig_netns_new();
	unsigned int n_fds = rig_n_fds();

	CU_ASSERT_EQUAL_FATAL(netns_door_new(&d), 0);
	CU_ASSERT_EQUAL(check_things(d, ns_fd), 0);
	CU_ASSERT_EQUAL(rig_n_fds(), n_fds);
	close(ns_fd);
}

static void test_unknown_things(void)
{
	static const struct {
		unsigned int thing;
		const char *name;
	} wrong[] = {
		{ 0, NULL }, { 5, NULL }, { ~0u, NULL }, { NETNS_SOCK_DIAG, "tcp" }, { NETNS_PROC, NULL }, { NETNS_PROC, "" },
		{ NETNS_PROC, "../1/environ" }, { NETNS_PROC, "snmp" }, { NETNS_PROC, "tcp " }, { NETNS_ROUTE, "" },
	};
	CLEANUP(netns_door_free) struct netns_door *d = NULL;
	int ns_fd = rig_netns_new(), mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint64_t own = netns_own_ino();

	CU_ASSERT_EQUAL_FATAL(netns_door_new(&d), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CU_ASSERT_EQUAL(netns_door_open(d, ns_fd, wrong[i].thing, wrong[i].name), -EINVAL);
	CU_ASSERT_EQUAL(netns_door_open(d, mnt, NETNS_SOCK_DIAG, NULL), -EINVAL);
	CU_ASSERT_EQUAL(netns_door_open(d, file, NETNS_SOCK_DIAG, NULL), -EINVAL);
	CU_ASSERT_EQUAL(netns_door_open(d, -1, NETNS_SOCK_DIAG, NULL), -EBADF);
	CU_ASSERT_TRUE(netns_is_net(ns_fd));
	CU_ASSERT_FALSE(netns_is_net(mnt));
	CU_ASSERT_FALSE(netns_is_net(file));
	CU_ASSERT_FALSE(netns_is_net(-1));
	CU_ASSERT_EQUAL(netns_own_ino(), own);
	close(ns_fd);
	close(mnt);
	close(file);
}

static int lose_sys_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	data[0].permitted &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	data[0].effective = data[0].permitted;
	return (int)syscall(SYS_capset, &head, data);
}

struct caller {
	uid_t uid; /* 0: root without the capability */
	int ns_fd, known, mnt_fd;
};

/* What the helper hands over, without a namespace ever being entered here. */
static int check_by_helper(void *ctx)
{
	CLEANUP(netns_door_free) struct netns_door *d = NULL;
	const struct caller *c = ctx;
	char text[4096] = "";
	int fd;

	if (lose_sys_admin() < 0 || (c->uid && setresuid(c->uid, c->uid, c->uid) < 0) || netns_door_new_at(&d, place) < 0)
		return 1;
	for (unsigned int thing = NETNS_SOCK_DIAG; thing <= NETNS_GENERIC; thing++) {
		fd = netns_door_open(d, c->ns_fd, thing, NULL);
		if (fd < 0)
			return fd == -EHOSTDOWN ? 100 : 2;
		if (rig_netns_cookie(fd) != rig_netns_cookie(c->known) || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			return 3;
		close(fd);
	}
	fd = netns_door_open(d, c->ns_fd, NETNS_PROC, "udp");
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || !strstr(text, ":1B59 "))
		return 4;
	/* No namespace of the network; and it goes on after that. */
	if (netns_door_open(d, c->mnt_fd, NETNS_SOCK_DIAG, NULL) >= 0)
		return 5;
	return netns_door_open(d, c->ns_fd, NETNS_SOCK_DIAG, NULL) >= 0 ? 0 : 6;
}

static void test_by_helper(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct caller c = { .ns_fd = rig_netns_new(), .mnt_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC) };
	pid_t helper;

	make_place();
	helper = start_helper("nobody", -1);
	c.known = rig_socket_in(c.ns_fd, AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(c.known, (void *)&in, sizeof(in)), 0);
	CU_ASSERT_EQUAL(rig_in_child(check_by_helper, &c), 0);
	c.uid = NOBODY;
	CU_ASSERT_EQUAL(rig_in_child(check_by_helper, &c), 0);
	c.uid = STRANGER;
	CU_ASSERT_EQUAL(rig_in_child(check_by_helper, &c), 100);
	stop_helper(helper);
	CU_ASSERT_EQUAL(access(place, F_OK), -1);
	close(c.ns_fd);
	close(c.mnt_fd);
	close(c.known);
	remove_place();
}

/* As systemd starts it: the socket is there before, and stays. */
static void test_activated(void)
{
	struct caller c = { .ns_fd = rig_netns_new(), .mnt_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct sockaddr_un a;
	int listener;
	pid_t helper;

	make_place();
	a = address();
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(listener, (void *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(listener, 16), 0);
	c.known = rig_socket_in(c.ns_fd, AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(c.known, (void *)&in, sizeof(in)), 0);
	helper = start_helper("nobody", listener);
	CU_ASSERT_EQUAL(rig_in_child(check_by_helper, &c), 0);
	stop_helper(helper);
	CU_ASSERT_EQUAL(access(place, F_OK), 0);
	close(listener);
	close(c.ns_fd);
	close(c.mnt_fd);
	close(c.known);
	remove_place();
}

static unsigned int fds_of(pid_t pid)
{
	char path[32];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* When it has closed what was closed on it. */
static unsigned int fds_at_rest(pid_t pid)
{
	unsigned int least = fds_of(pid);

	for (unsigned int i = 0; i < 50; i++) {
		unsigned int n;

		usleep(4000);
		n = fds_of(pid);
		least = n < least ? n : least;
	}
	return least;
}

/* A message with descriptors, all the same. */
static void send_any(int to, const void *data, size_t len, int fd, unsigned int n_fds)
{
	static union {
		struct cmsghdr head;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
		for (unsigned int i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &fd, sizeof(int));
	}
	(void)sendmsg(to, &msg, MSG_NOSIGNAL);
}

/* 0: it ended the connection; else the error that it answered, 1 for a descriptor. */
static int answer_to(const void *data, size_t len, int fd, unsigned int n_fds)
{
	int connection = connect_there(), got = -1, r;
	struct socketd_netns_reply reply = {};
	struct pollfd p = { .fd = connection, .events = POLLIN };
	ssize_t n;

	CU_ASSERT_TRUE_FATAL(connection >= 0);
	send_any(connection, data, len, fd, n_fds);
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	n = netns_door_receive(connection, &reply, sizeof(reply), &got);
	r = n <= 0 ? 0 : got >= 0 ? 1 : reply.error;
	if (got >= 0)
		close(got);
	close(connection);
	return r;
}

static void test_nonsense_for_the_helper(void)
{
	const struct socketd_netns_request good = { .version = SOCKETD_NETNS_VERSION, .thing = NETNS_SOCK_DIAG };
	struct socketd_netns_request q;
	int ns_fd = rig_netns_new(), file = open("/dev/null", O_RDONLY | O_CLOEXEC), many[80];
	unsigned char noise[4096];
	unsigned int n_fds, seed = 7;
	pid_t helper;

	make_place();
	helper = start_helper("nobody", -1);
	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good), ns_fd, 1), 1);
	n_fds = fds_at_rest(helper);

	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good), -1, 0), 0);
	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good), file, 1), 0);
	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good), ns_fd, 2), 0);
	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good), ns_fd, 253), 0);
	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good) - 1, ns_fd, 1), 0);
	q = good;
	q.version = 2;
	CU_ASSERT_EQUAL(answer_to(&q, sizeof(q), ns_fd, 1), -EPROTONOSUPPORT);
	q = good;
	q.thing = NETNS_PROC;
	CU_ASSERT_EQUAL(answer_to(&q, sizeof(q), ns_fd, 1), 0);
	memset(q.name, 'x', sizeof(q.name));
	CU_ASSERT_EQUAL(answer_to(&q, sizeof(q), ns_fd, 1), 0);
	snprintf(q.name, sizeof(q.name), "../1/environ");
	CU_ASSERT_EQUAL(answer_to(&q, sizeof(q), ns_fd, 1), 0);
	memset(q.name, 0, sizeof(q.name));
	snprintf(q.name, sizeof(q.name), "udplite6");
	/* A family can be missing; then it says so. */
	CU_ASSERT_NOT_EQUAL(answer_to(&q, sizeof(q), ns_fd, 1), 0);
	for (unsigned int i = 0; i < 300; i++) {
		size_t len = (size_t)(rand_r(&seed) % sizeof(noise)) + 1;

		for (size_t k = 0; k < len; k++)
			noise[k] = (unsigned char)rand_r(&seed);
		if (i % 3 == 0)
			memcpy(noise, &good, 4);
		CU_ASSERT_TRUE(answer_to(noise, i % 2 ? sizeof(q) : len, i % 4 ? ns_fd : -1, i % 4) <= 0);
	}

	/* More than it serves: the rest waits, and has its turn. */
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = connect_there();
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		close(many[i]);
	CU_ASSERT_EQUAL(answer_to(&good, sizeof(good), ns_fd, 1), 1);
	CU_ASSERT_EQUAL(fds_at_rest(helper), n_fds);
	stop_helper(helper);
	close(ns_fd);
	close(file);
	remove_place();
}

/* Of its rights two are left. */
static void test_rights_of_the_helper(void)
{
	const uint64_t two = UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_NET_ADMIN;
	static const char *const sets[] = { "CapPrm", "CapEff", "CapBnd" };
	char path[32], text[4096] = "";
	pid_t helper;
	FILE *f;

	make_place();
	helper = start_helper("nobody", -1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)helper);
	f = fopen(path, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const char *at = strstr(text, sets[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(at);
		CU_ASSERT_EQUAL(strtoull(at + 8, NULL, 16), two);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "NoNewPrivs:\t1"));
	stop_helper(helper);
	remove_place();
}

static uint64_t now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Nobody there; then somebody who never answers. */
static int check_silence(void *ctx)
{
	CLEANUP(netns_door_free) struct netns_door *d = NULL;
	int ns_fd = *(int *)ctx, listener;
	const struct sockaddr_un a = address();
	uint64_t begin;

	if (lose_sys_admin() < 0 || netns_door_new_at(&d, place) < 0)
		return 1;
	if (netns_door_open(d, ns_fd, NETNS_SOCK_DIAG, NULL) != -EHOSTDOWN)
		return 2;
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(listener, (const void *)&a, sizeof(a)) < 0 || listen(listener, 4) < 0)
		return 3;
	begin = now_msec();
	if (netns_door_open(d, ns_fd, NETNS_SOCK_DIAG, NULL) != -ETIMEDOUT || now_msec() - begin < 900)
		return 4;
	/* Others do not wait as long for it once more. */
	begin = now_msec();
	if (netns_door_open(d, ns_fd, NETNS_SOCK_DIAG, NULL) != -ETIMEDOUT || now_msec() - begin > 500)
		return 5;
	return 0;
}

static void test_silence(void)
{
	int ns_fd = rig_netns_new();

	make_place();
	CU_ASSERT_EQUAL(rig_in_child(check_silence, &ns_fd), 0);
	close(ns_fd);
	remove_place();
}

/* An answer of our making, and what the door makes of it. */
struct answer {
	const void *data;
	size_t len;
	int fd;
	unsigned int n_fds;
	int expected;
	int ns_fd;
};

static int check_answer(void *ctx)
{
	const struct answer *w = ctx;
	CLEANUP(netns_door_free) struct netns_door *d = NULL;
	const struct sockaddr_un a = address();
	struct socketd_netns_request q;
	unsigned int n_fds;
	int listener, r, status;
	pid_t pid;

	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)unlink(place);
	if (bind(listener, (const void *)&a, sizeof(a)) < 0 || listen(listener, 4) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		int c = accept4(listener, NULL, NULL, SOCK_CLOEXEC), got = -1;

		if (netns_door_receive(c, &q, sizeof(q), &got) != sizeof(q) || got < 0)
			_exit(1);
		send_any(c, w->data, w->len, w->fd, w->n_fds);
		_exit(0);
	}
	if (lose_sys_admin() < 0 || netns_door_new_at(&d, place) < 0)
		return 2;
	n_fds = rig_n_fds();
	r = netns_door_open(d, w->ns_fd, NETNS_SOCK_DIAG, NULL);
	if (waitpid(pid, &status, 0) != pid || status)
		return 3;
	if (r >= 0 && w->expected == 0)
		return 0;
	return r == w->expected && rig_n_fds() == n_fds ? 0 : 4;
}

static void test_nonsense_from_the_helper(void)
{
	const struct socketd_netns_reply good = {}, failed = { .error = -EMFILE }, wrong = { .error = 7 }, far = { .error = INT32_MIN };
	const char longer[64] = {};
	int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
	int blocking = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC), ns_fd = rig_netns_new();
	struct answer answers[] = {
		{ &good, sizeof(good), diag, 1, 0, ns_fd },
		{ &good, sizeof(good), route, 1, -EBADMSG, ns_fd },
		{ &good, sizeof(good), blocking, 1, -EBADMSG, ns_fd },
		{ &good, sizeof(good), file, 1, -EBADMSG, ns_fd },
		{ &good, sizeof(good), -1, 0, -EBADMSG, ns_fd },
		{ &good, sizeof(good), diag, 2, -EBADMSG, ns_fd },
		{ &good, sizeof(good), diag, 200, -EBADMSG, ns_fd },
		{ &good, 3, diag, 1, -EBADMSG, ns_fd },
		{ longer, sizeof(longer), diag, 1, -EBADMSG, ns_fd },
		{ &failed, sizeof(failed), -1, 0, -EMFILE, ns_fd },
		{ &failed, sizeof(failed), diag, 1, -EBADMSG, ns_fd },
		{ &wrong, sizeof(wrong), -1, 0, -EBADMSG, ns_fd },
		{ &far, sizeof(far), -1, 0, -EBADMSG, ns_fd },
	};

	make_place();
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		CU_ASSERT_EQUAL(rig_in_child(check_answer, &answers[i]), 0);
	close(route);
	close(diag);
	close(blocking);
	close(file);
	close(ns_fd);
	remove_place();
}

void suite_netns_door(void)
{
	CU_pSuite s = CU_add_suite("the door into namespaces", NULL, NULL);

	CU_add_test(s, "by ourselves", test_in_process);
	CU_add_test(s, "unknown things", test_unknown_things);
	CU_add_test(s, "by socketd-netns, for whom it serves", test_by_helper);
	CU_add_test(s, "by one that is activated", test_activated);
	CU_add_test(s, "its rights", test_rights_of_the_helper);
	CU_add_test(s, "nonsense for it", test_nonsense_for_the_helper);
	CU_add_test(s, "nobody there, and nobody who answers", test_silence);
	CU_add_test(s, "nonsense from it", test_nonsense_from_the_helper);
}
