/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scan's child: its blocks, its end, and what is not taken from it */

#include "source/owner_child.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "snapshot/writer.h"
#include "source/host.h"
#include "unit/suites.h"

static struct arena arena;

/* Reads to the end; how long it takes is bounded. */
static void read_to_end(struct owner_child *c)
{
	int r;

	while ((r = owner_child_read(c, &arena)) != 0) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };

		CU_ASSERT_TRUE_FATAL(r == 1 || r == -EAGAIN);
		if (r == -EAGAIN)
			CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 10000), 1);
	}
}

/* No child of ours is left, running or dead; one that was killed may take a while. */
static void expect_reaped(void)
{
	for (unsigned int i = 0; i < 2000 && owner_child_reap() > 0; i++)
		usleep(1000);
	CU_ASSERT_EQUAL(owner_child_reap(), 0);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	CU_ASSERT_EQUAL(errno, ECHILD);
}

static bool arena_has_owner(uint64_t inode, uint32_t pid, uint32_t fd)
{
	const struct socketd_owner wanted = { .inode = inode, .pid = pid, .fd = fd };
	const uint8_t *data;
	bool found = false;
	size_t len;

	while ((len = arena_peek(&arena, &data)) > 0) {
		found |= memmem(data, len, &wanted, sizeof(wanted)) != NULL;
		arena_consume(&arena, len);
	}
	return found;
}

static void test_whole_scan(void)
{
	struct owner_child c;
	sigset_t blocked, before;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* As in a program whose event loop takes SIGCHLD by a descriptor. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(owner_child_start(&c, 0, NULL), 0);
	read_to_end(&c);
	CU_ASSERT_TRUE(c.ended);
	CU_ASSERT_EQUAL(c.error, 0);
	CU_ASSERT_EQUAL(c.fd, -1);
	CU_ASSERT_EQUAL(owner_child_read(&c, &arena), 0);
	CU_ASSERT_TRUE(arena_has_owner(st.st_ino, getpid(), fd));
	CU_ASSERT_EQUAL(c.by_module, access("/sys/module/socketd_diag", F_OK) == 0);
	CU_ASSERT_EQUAL(owner_child_last_by_module(), c.by_module);
	owner_child_stop(&c);
	expect_reaped();
	sigprocmask(SIG_SETMASK, &before, NULL);
	arena_deinit(&arena);
	close(fd);
}

/* The child holds the descriptors it was born with only until it closes them: no socket of ours is its own. */
static void test_child_keeps_nothing_open(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), r;
	struct owner_child c;
	struct stat st;
	pid_t pid;

	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(owner_child_start(&c, 0, NULL), 0);
	pid = c.pid;
	read_to_end(&c);
	r = arena_has_owner(st.st_ino, pid, fd);
	CU_ASSERT_FALSE(r);
	owner_child_stop(&c);
	arena_deinit(&arena);
	close(fd);
}

static void test_stopped_early(void)
{
	struct owner_child c;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(owner_child_start(&c, 0, NULL), 0);
	pid = c.pid;
	owner_child_stop(&c);
	expect_reaped();
	CU_ASSERT_EQUAL(kill(pid, 0), -1);
	CU_ASSERT_EQUAL(errno, ESRCH);
	owner_child_stop(&c);
}

/*
 * A child that SIGKILL does not end: the first process of a pid namespace cannot
 * leave before all others there are reaped, and we do not reap them. In a process
 * of its own, whose children are in that namespace. Its exit status.
 */
static int stop_a_child_that_hangs(void)
{
	struct owner_child c, next;
	uint64_t start;
	pid_t pid, second;
	int fds[2];

	alarm(10);
	if (unshare(CLONE_NEWPID) < 0 || pipe(fds) < 0)
		return 77;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
	}
	second = fork();
	if (second == 0)
		pause();
	if (owner_child_adopt(&c, pid, fds[0]) < 0)
		return 1;
	start = host_now_usec();
	owner_child_stop(&c);
	if (host_now_usec() - start > 100000 || c.pid != 0)
		return 2;
	usleep(20000);
	if (owner_child_reap() != 1)
		return 3;
	/* The next one is not kept from its work; no process starts in a namespace whose first one dies, though. */
	if (owner_child_start(&next, 0, NULL) != -ENOMEM)
		return 4;
	if (waitpid(second, NULL, 0) != second)
		return 5;
	for (unsigned int i = 0; i < 2000 && owner_child_reap() > 0; i++)
		usleep(1000);
	return owner_child_reap() == 0 && waitpid(-1, NULL, WNOHANG) < 0 ? 0 : 6;
}

static void test_stop_does_not_wait(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(stop_a_child_that_hangs());
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}

/* One that is stopped does not answer, and is ended all the same. */
static void test_stopped_child(void)
{
	struct owner_child c;
	uint64_t start;

	CU_ASSERT_EQUAL_FATAL(owner_child_start(&c, 0, NULL), 0);
	kill(c.pid, SIGSTOP);
	start = host_now_usec();
	owner_child_stop(&c);
	CU_ASSERT_TRUE(host_now_usec() - start < 100000);
	expect_reaped();
}

static void test_children_are_bounded(void)
{
	static struct owner_child c[OWNER_CHILDREN_MAX + 1];

	for (unsigned int i = 0; i < OWNER_CHILDREN_MAX; i++)
		CU_ASSERT_EQUAL_FATAL(owner_child_start(&c[i], 65534, NULL), 0);
	CU_ASSERT_EQUAL(owner_child_start(&c[OWNER_CHILDREN_MAX], 0, NULL), -EBUSY);
	for (unsigned int i = 0; i < OWNER_CHILDREN_MAX; i++)
		owner_child_stop(&c[i]);
	expect_reaped();
	CU_ASSERT_EQUAL(owner_child_start(&c[0], 0, NULL), 0);
	owner_child_stop(&c[0]);
	expect_reaped();
}

static void test_sigchld_ignored(void)
{
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);
	struct owner_child c;

	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(owner_child_start(&c, 0, NULL), 0);
	read_to_end(&c);
	CU_ASSERT_EQUAL(c.error, 0);
	owner_child_stop(&c);
	arena_deinit(&arena);
	signal(SIGCHLD, before);
}

/* What a child without a mind would write. It then exits so, or is killed for a status below 0. */
static void start_writing(struct owner_child *c, const void *data, size_t len, int status)
{
	int fds[2];
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		if (len > 0 && write(fds[1], data, len) != (ssize_t)len)
			_exit(1);
		if (status < 0)
			raise(SIGKILL);
		_exit(status);
	}
	close(fds[1]);
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(owner_child_adopt(c, pid, fds[0]), 0);
}

static void expect_outcome(const void *data, size_t len, int status, int error, size_t n_kept)
{
	struct owner_child c;

	start_writing(&c, data, len, status);
	read_to_end(&c);
	CU_ASSERT_TRUE(c.ended);
	CU_ASSERT_EQUAL(c.error, error);
	CU_ASSERT_EQUAL(arena_pending(&arena), n_kept);
	owner_child_stop(&c);
	expect_reaped();
	arena_deinit(&arena);
}

static struct {
	struct socketd_block process;
	uint8_t process_data[16];
	struct socketd_block owners;
	struct socketd_owner owner[2];
	struct socketd_block end;
	struct nlattr error;
	uint32_t error_value;
	struct nlattr hidden;
	uint32_t hidden_value;
} stream;

static const size_t n_end = offsetof(typeof(stream), end);

static void fill_stream(void)
{
	memset(&stream, 0, sizeof(stream));
	stream.process = (struct socketd_block){ SOCKETD_BLOCK_PROCESS, 12 };
	stream.owners = (struct socketd_block){ SOCKETD_BLOCK_OWNERS, sizeof(stream.owner) };
	stream.end = (struct socketd_block){ SOCKETD_BLOCK_END, 16 };
	stream.error = (struct nlattr){ .nla_len = 8, .nla_type = SOCKETD_END_OWNERS_ERROR };
	stream.hidden = (struct nlattr){ .nla_len = 8, .nla_type = SOCKETD_END_HIDDEN_PIDS };
	stream.hidden_value = 5;
}

static void test_ends_of_all_kinds(void)
{
	struct owner_child c;

	fill_stream();
	start_writing(&c, &stream, sizeof(stream), 0);
	read_to_end(&c);
	CU_ASSERT_EQUAL(c.error, 0);
	CU_ASSERT_EQUAL(c.n_hidden, 5);
	CU_ASSERT_EQUAL(arena_pending(&arena), n_end);
	owner_child_stop(&c);
	arena_deinit(&arena);

	stream.error_value = EMFILE;
	expect_outcome(&stream, sizeof(stream), 0, -EMFILE, n_end);
	stream.error_value = 1000000;
	expect_outcome(&stream, sizeof(stream), 0, -EIO, n_end);
	/* Killed, exited, or cut off before its end. */
	fill_stream();
	expect_outcome(NULL, 0, -1, -EIO, 0);
	expect_outcome(&stream, n_end, 0, -EIO, n_end);
	expect_outcome(&stream, n_end, -1, -EIO, n_end);
	expect_outcome(&stream, n_end - 3, 0, -EIO, offsetof(typeof(stream), owners));
	expect_outcome(&stream, n_end + 4, 1, -EIO, n_end);
}

/* What the child took of the processor, by its own clock: 60 ms, and what it is to come and go. */
static void test_cost(void)
{
	struct owner_child c;
	struct timespec cpu;
	int fds[2];
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		do
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
		while (cpu.tv_nsec < 60000000 && cpu.tv_sec == 0);
		_exit(0);
	}
	close(fds[1]);
	CU_ASSERT_EQUAL_FATAL(owner_child_adopt(&c, pid, fds[0]), 0);
	arena_init(&arena);
	read_to_end(&c);
	CU_ASSERT_TRUE(c.cpu_usec >= 59000 && c.cpu_usec < 120000);
	expect_reaped();
}

/* Notes what it is given; refuses the second block once. */
static struct {
	unsigned int n_calls, n_blocks;
	uint32_t type[8], length[8];
	int refusal;
} noted;

static int note_block(void *ctx, const struct block *b, struct arena *out)
{
	CU_ASSERT_PTR_EQUAL(ctx, &noted);
	CU_ASSERT_PTR_EQUAL(out, &arena);
	CU_ASSERT_EQUAL((uintptr_t)b->payload % 8, 0);
	if (++noted.n_calls == 2)
		return noted.refusal;
	noted.type[noted.n_blocks] = b->type;
	noted.length[noted.n_blocks++] = b->length;
	return 0;
}

static void test_sink(void)
{
	static const struct owner_sink sink = { .block = note_block, .ctx = &noted };
	struct owner_child c;
	int r;

	fill_stream();
	memset(&noted, 0, sizeof(noted));
	noted.refusal = -ENOMEM;
	start_writing(&c, &stream, sizeof(stream), 0);
	c.sink = &sink;
	do
		r = owner_child_read(&c, &arena);
	while (r == -EAGAIN);
	CU_ASSERT_EQUAL(r, -ENOMEM);
	CU_ASSERT_EQUAL(noted.n_blocks, 1);
	read_to_end(&c);
	CU_ASSERT_EQUAL(c.error, 0);
	CU_ASSERT_EQUAL(c.n_hidden, 5);
	CU_ASSERT_EQUAL(noted.n_blocks, 2);
	CU_ASSERT_EQUAL(noted.n_calls, 3);
	CU_ASSERT_EQUAL(noted.type[0], SOCKETD_BLOCK_PROCESS);
	CU_ASSERT_EQUAL(noted.type[1], SOCKETD_BLOCK_OWNERS);
	CU_ASSERT_EQUAL(noted.length[1], sizeof(stream.owner));
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
	owner_child_stop(&c);
	arena_deinit(&arena);

	memset(&noted, 0, sizeof(noted));
	noted.refusal = -EBADMSG;
	start_writing(&c, &stream, sizeof(stream), 0);
	c.sink = &sink;
	read_to_end(&c);
	CU_ASSERT_TRUE(c.ended);
	CU_ASSERT_EQUAL(c.error, -EBADMSG);
	CU_ASSERT_EQUAL(noted.n_calls, 2);
	owner_child_stop(&c);
	expect_reaped();
	arena_deinit(&arena);
}

static void test_what_is_not_taken(void)
{
	static uint8_t twice[2 * sizeof(stream)];

	fill_stream();
	stream.owners.length = OWNER_CHILD_BLOCK_MAX + 1;
	expect_outcome(&stream, sizeof(stream), 0, -EBADMSG, offsetof(typeof(stream), owners));
	stream.owners.length = UINT32_MAX;
	expect_outcome(&stream, sizeof(stream), 0, -EBADMSG, offsetof(typeof(stream), owners));
	fill_stream();
	stream.owners.length = sizeof(stream.owner) - 1;
	expect_outcome(&stream, sizeof(stream), 0, -EBADMSG, offsetof(typeof(stream), owners));
	fill_stream();
	stream.process.type = SOCKETD_BLOCK_MESSAGES;
	expect_outcome(&stream, sizeof(stream), 0, -EBADMSG, 0);
	/* Something after the end. */
	fill_stream();
	memcpy(twice, &stream, sizeof(stream));
	memcpy(twice + sizeof(stream), &stream, sizeof(stream));
	expect_outcome(twice, sizeof(twice), 0, -EBADMSG, n_end);
}

void suite_source_owner_child(void)
{
	CU_pSuite s = CU_add_suite("source/owner_child", NULL, NULL);

	CU_add_test(s, "a whole scan, with SIGCHLD blocked", test_whole_scan);
	CU_add_test(s, "the child keeps none of our descriptors", test_child_keeps_nothing_open);
	CU_add_test(s, "stopped early it is killed and reaped", test_stopped_early);
	CU_add_test(s, "a child that cannot die yet is not waited for", test_stop_does_not_wait);
	CU_add_test(s, "a child that is stopped", test_stopped_child);
	CU_add_test(s, "children are bounded", test_children_are_bounded);
	CU_add_test(s, "what it cost", test_cost);
	CU_add_test(s, "blocks go to a sink, each once", test_sink);
	CU_add_test(s, "with SIGCHLD ignored", test_sigchld_ignored);
	CU_add_test(s, "ends of all kinds", test_ends_of_all_kinds);
	CU_add_test(s, "what is not taken from the child", test_what_is_not_taken);
}
