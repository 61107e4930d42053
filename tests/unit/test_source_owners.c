/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan against processes whose sockets are known, and against what the kernel allows a user */

#include "source/owners.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <grp.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "socketd/stream.h"
#include "unit/suites.h"

#define FIRST_FD 40
#define N_SOCKETS 5000 /* more than one block holds */
#define USER 65534

static struct arena arena;
static struct owners_result result;

/* A process with sockets at known descriptors. It says the first one's inode through a pipe. */
struct holder {
	pid_t pid;
	int ready_fd, hold_fd;
	uint64_t inode; /* of descriptor FIRST_FD */
};

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static uint64_t socket_at(int fd)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (dup2(s, fd) < 0 || close(s) < 0)
		_exit(1);
	return inode_of(fd);
}

/* In the new process: become what the case wants. */
typedef void (*become)(void);

static void holder_start(struct holder *h, become become)
{
	int ready[2], hold[2];

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(hold), 0);
	h->pid = fork();
	if (h->pid == 0) {
		uint64_t inode = socket_at(FIRST_FD);
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(hold[1]);
		if (become)
			become();
		if (write(ready[1], &inode, sizeof(inode)) < 0)
			_exit(1);
		_exit(read(hold[0], &byte, 1) < 0);
	}
	close(ready[1]);
	close(hold[0]);
	h->ready_fd = ready[0];
	h->hold_fd = hold[1];
	CU_ASSERT_EQUAL_FATAL(read(h->ready_fd, &h->inode, sizeof(h->inode)), sizeof(h->inode));
}

static void holder_stop(struct holder *h)
{
	close(h->hold_fd);
	close(h->ready_fd);
	waitpid(h->pid, NULL, 0);
}

static int scan(uint32_t uid)
{
	arena_deinit(&arena);
	return owners_scan(uid, NULL, &arena, NULL, &result);
}

/* A memory of one process; it notes what it is asked. */
static struct {
	uint32_t pid, n_fds;
	uint64_t start;
	unsigned int n_asked, n_asked_small;
} known;

static bool known_same(const void *ctx, uint32_t pid, uint64_t start, uint32_t n_fds)
{
	CU_ASSERT_PTR_EQUAL(ctx, &known);
	known.n_asked_small += n_fds <= OWNERS_SAME_MIN;
	if (pid != known.pid)
		return false;
	known.n_asked++;
	return start == known.start && n_fds == known.n_fds;
}

static int scan_known(uint32_t uid)
{
	static const struct owners_known k = { .same = known_same, .ctx = &known };

	arena_deinit(&arena);
	known.n_asked = 0;
	return owners_scan(uid, &k, &arena, NULL, &result);
}

/* Calls back for each block of what was scanned, and drops it. */
static void each_block(void (*fn)(const struct socketd_block *b, void *ctx), void *ctx)
{
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(&arena, &data)) > 0) {
		for (size_t i = 0; i < len;) {
			const struct socketd_block *b = (const void *)(data + i);

			fn(b, ctx);
			i += sizeof(*b) + ((b->length + 7) & ~7u);
		}
		arena_consume(&arena, len);
	}
}

/* What is looked for, and what was found. */
struct find {
	uint32_t pid;
	bool announced; /* its PROCESS block came */
	unsigned int n_before; /* owners that came before it */
	unsigned int n;
	uint64_t inode[N_SOCKETS + 64];
	uint32_t fd[N_SOCKETS + 64];
	uint32_t uid;
	uint64_t start;
	uint32_t n_fds, same;
	char comm[64];
	size_t comm_len;
	char user[64];
};

static struct find find;

static void find_in_process(const struct socketd_block *b)
{
	const uint8_t *p = (const void *)(b + 1);
	uint32_t pid = 0, uid = UINT32_MAX;
	uint32_t n_fds = UINT32_MAX, same = 0;
	uint64_t start = 0;
	const struct nlattr *comm = NULL, *user = NULL;

	for (size_t i = 0; i < b->length;) {
		const struct nlattr *a = (const void *)(p + i);

		if (a->nla_type == SOCKETD_PROCESS_PID)
			memcpy(&pid, a + 1, 4);
		if (a->nla_type == SOCKETD_PROCESS_UID)
			memcpy(&uid, a + 1, 4);
		if (a->nla_type == SOCKETD_PROCESS_START)
			memcpy(&start, a + 1, 8);
		if (a->nla_type == SOCKETD_PROCESS_N_FDS)
			memcpy(&n_fds, a + 1, 4);
		if (a->nla_type == SOCKETD_PROCESS_SAME)
			memcpy(&same, a + 1, 4);
		if (a->nla_type == SOCKETD_PROCESS_COMM)
			comm = a;
		if (a->nla_type == SOCKETD_PROCESS_USER)
			user = a;
		i += NLA_ALIGN(a->nla_len);
	}
	if (pid != find.pid)
		return;
	find.announced = true;
	find.uid = uid;
	find.start = start;
	find.n_fds = n_fds;
	find.same = same;
	if (comm) {
		find.comm_len = comm->nla_len - NLA_HDRLEN;
		memcpy(find.comm, comm + 1, find.comm_len);
	}
	if (user)
		memcpy(find.user, user + 1, user->nla_len - NLA_HDRLEN);
}

static void find_in_block(const struct socketd_block *b, void *ctx)
{
	const struct socketd_owner *o = (const void *)(b + 1);

	(void)ctx;
	CU_ASSERT_TRUE(b->type == SOCKETD_BLOCK_PROCESS || b->type == SOCKETD_BLOCK_OWNERS);
	if (b->type == SOCKETD_BLOCK_PROCESS) {
		find_in_process(b);
		return;
	}
	for (size_t i = 0; i < b->length / sizeof(*o); i++) {
		if (o[i].pid != find.pid)
			continue;
		find.n_before += !find.announced;
		if (find.n < sizeof(find.fd) / sizeof(find.fd[0])) {
			find.inode[find.n] = o[i].inode;
			find.fd[find.n] = o[i].fd;
		}
		find.n++;
	}
}

static void find_pid(uint32_t pid)
{
	memset(&find, 0, sizeof(find));
	find.pid = pid;
	each_block(find_in_block, NULL);
	CU_ASSERT_EQUAL(find.n_before, 0);
}

static bool found_socket(uint32_t fd, uint64_t inode)
{
	for (unsigned int i = 0; i < find.n; i++)
		if (find.fd[i] == fd && find.inode[i] == inode)
			return true;
	return false;
}

static void become_odd(void)
{
	/* A newline at the end, bytes that are not UTF-8, and an escape sequence. */
	prctl(PR_SET_NAME, "a\xff\x1b[31m b\n");
}

static void test_known_sockets(void)
{
	struct holder h;

	holder_start(&h, become_odd);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	CU_ASSERT_TRUE(find.announced);
	CU_ASSERT_EQUAL(find.n, 1);
	CU_ASSERT_TRUE(found_socket(FIRST_FD, h.inode));
	CU_ASSERT_EQUAL(find.uid, geteuid());
	CU_ASSERT_EQUAL(find.comm_len, 10);
	CU_ASSERT_EQUAL(memcmp(find.comm, "a\xff\x1b[31m b\n", 10), 0);
	if (geteuid() == 0)
		CU_ASSERT_STRING_EQUAL(find.user, "root");
	CU_ASSERT_TRUE(result.n_processes >= 1);
	CU_ASSERT_TRUE(result.n_owners >= 1);

	holder_stop(&h);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	CU_ASSERT_FALSE(find.announced);
	CU_ASSERT_EQUAL(find.n, 0);
}

static void become_many(void)
{
	for (int i = 1; i < N_SOCKETS; i++)
		if (dup2(FIRST_FD, FIRST_FD + i) < 0)
			_exit(1);
}

static void test_more_than_a_block(void)
{
	static bool seen[FIRST_FD + N_SOCKETS];
	unsigned int n_seen = 0;
	struct holder h;

	holder_start(&h, become_many);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	CU_ASSERT_EQUAL(find.n, N_SOCKETS);
	for (unsigned int i = 0; i < N_SOCKETS; i++) {
		CU_ASSERT_TRUE_FATAL(find.fd[i] < FIRST_FD + N_SOCKETS);
		CU_ASSERT_EQUAL(find.inode[i], h.inode);
		n_seen += !seen[find.fd[i]];
		seen[find.fd[i]] = true;
	}
	CU_ASSERT_EQUAL(n_seen, N_SOCKETS);
	holder_stop(&h);
}

/* What readdir(3) lists, and what the kernel says of the size. */
static unsigned int count_fds(pid_t pid, long *ret_size)
{
	struct dirent *d;
	unsigned int n = 0;
	struct stat st;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	*ret_size = st.st_size;
	dir = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((d = readdir(dir)))
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Its age by the clock, a second about; the field is in ticks since boot. */
static bool started_just_now(uint64_t start)
{
	struct timespec now;
	uint64_t ticks;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ticks = now.tv_sec * sysconf(_SC_CLK_TCK);
	return start + 3 * sysconf(_SC_CLK_TCK) > ticks && start < ticks + 3 * sysconf(_SC_CLK_TCK);
}

static void become_many_odd(void)
{
	become_many();
	prctl(PR_SET_NAME, "a) R 1 2 (b) 3");
}

static void test_what_is_known_is_left_out(void)
{
	struct holder h;
	unsigned int n;
	long size;

	holder_start(&h, become_many_odd);
	n = count_fds(h.pid, &size);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	CU_ASSERT_TRUE(started_just_now(find.start));
	CU_ASSERT_EQUAL(find.n, N_SOCKETS);
	CU_ASSERT_EQUAL(find.same, 0);
	/* Linux 6.2. */
	CU_ASSERT_EQUAL(find.n_fds, size > 0 ? n : 0);
	known.pid = h.pid;
	known.start = find.start;
	known.n_fds = find.n_fds;
	known.n_asked_small = 0;
	if (size > 0) {
		CU_ASSERT_EQUAL(scan_known(0), 0);
		find_pid(h.pid);
		CU_ASSERT_EQUAL(known.n_asked, 1);
		CU_ASSERT_EQUAL(find.same, 1);
		CU_ASSERT_EQUAL(find.n, 0);
		CU_ASSERT_EQUAL(find.start, known.start);
		CU_ASSERT_EQUAL(find.n_fds, n);
		CU_ASSERT_EQUAL(find.comm_len, 14);
	}
	/* Another number, another time: read. */
	known.n_fds++;
	CU_ASSERT_EQUAL(scan_known(0), 0);
	find_pid(h.pid);
	CU_ASSERT_EQUAL(find.same, 0);
	CU_ASSERT_EQUAL(find.n, N_SOCKETS);
	known.n_fds--;
	known.start++;
	CU_ASSERT_EQUAL(scan_known(0), 0);
	find_pid(h.pid);
	CU_ASSERT_EQUAL(find.n, N_SOCKETS);
	CU_ASSERT_EQUAL(known.n_asked_small, 0);
	holder_stop(&h);
}

/* Few are always read: nobody is asked. */
static void test_small_ones_are_read(void)
{
	struct holder h;

	holder_start(&h, NULL);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	CU_ASSERT_TRUE(started_just_now(find.start));
	known.pid = h.pid;
	known.start = find.start;
	known.n_fds = find.n_fds;
	CU_ASSERT_EQUAL(scan_known(0), 0);
	find_pid(h.pid);
	CU_ASSERT_EQUAL(known.n_asked, 0);
	CU_ASSERT_EQUAL(find.n, 1);
	holder_stop(&h);
}

static uint64_t thread_inode;

static void *run_thread(void *own_table)
{
	if (own_table) {
		unshare(CLONE_FILES);
		__atomic_store_n(&thread_inode, socket_at(FIRST_FD + 1), __ATOMIC_RELEASE);
	}
	pause();
	return NULL;
}

/* Three threads: one that shares the table, one with its own. Its copy of FIRST_FD is the process's, too. */
static void become_threaded(void)
{
	pthread_t sharing, own;

	thread_inode = 0;
	pthread_create(&sharing, NULL, run_thread, NULL);
	pthread_create(&own, NULL, run_thread, &thread_inode);
	while (__atomic_load_n(&thread_inode, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
}

static void become_many_threaded(void)
{
	become_many();
	become_threaded();
}

/* The number of the leader's descriptors does not tell of a thread's own: such a process is always read. */
static void test_known_with_a_table_of_a_thread(void)
{
	struct holder h;

	holder_start(&h, become_many_threaded);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	known.pid = h.pid;
	known.start = find.start;
	known.n_fds = find.n_fds;
	CU_ASSERT_EQUAL(scan_known(0), 0);
	find_pid(h.pid);
	CU_ASSERT_EQUAL(find.same, 0);
	CU_ASSERT_EQUAL(find.n, N_SOCKETS + 1);
	holder_stop(&h);
}

static void test_thread_with_its_own_table(void)
{
	struct holder h;
	unsigned int n_first = 0, n_own = 0;

	holder_start(&h, become_threaded);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	for (unsigned int i = 0; i < find.n; i++) {
		n_first += find.fd[i] == FIRST_FD && find.inode[i] == h.inode;
		n_own += find.fd[i] == FIRST_FD + 1 && find.inode[i] != h.inode;
	}
	/* Two tables have it, at the same number: one owner. */
	CU_ASSERT_EQUAL(n_first, 1);
	CU_ASSERT_EQUAL(n_own, 1);
	holder_stop(&h);
}

/* Short-lived processes come and go while /proc is read. */
static void test_processes_that_exit_meanwhile(void)
{
	pid_t parent = fork();
	struct holder h;

	if (parent == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			if (fork() == 0) {
				socket_at(FIRST_FD);
				_exit(0);
			}
		}
	}
	holder_start(&h, NULL);
	for (unsigned int i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(scan(0), 0);
		find_pid(h.pid);
		CU_ASSERT_TRUE(found_socket(FIRST_FD, h.inode));
	}
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	holder_stop(&h);
}

static void set_ids(gid_t gid, uid_t r, uid_t e, uid_t s, int dumpable)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(r, e, s) < 0 ||
	    prctl(PR_SET_DUMPABLE, dumpable) < 0)
		_exit(1);
}

static gid_t user_gid(void)
{
	const struct passwd *pw = getpwuid(USER);

	return pw ? pw->pw_gid : USER;
}

static void become_user(void) { set_ids(user_gid(), USER, USER, USER, 1); }
static void become_undumpable(void) { set_ids(user_gid(), USER, USER, USER, 0); }
static void become_other_group(void) { set_ids(user_gid() + 1, USER, USER, USER, 1); }
static void become_saved_root(void) { set_ids(user_gid(), USER, USER, 0, 1); }
static void become_real_root(void) { set_ids(user_gid(), 0, USER, USER, 1); }
static void become_other_user(void) { set_ids(user_gid(), USER - 1, USER - 1, USER - 1, 1); }

static void become_capable(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	set_ids(user_gid(), USER, USER, USER, 1);
}

static void become_many_of_user(void)
{
	become_many();
	become_user();
}

/* What root was shown is nothing to a user: his own processes are read for him each time. */
static void test_a_user_is_told_all_he_may_know(void)
{
	struct holder h;

	if (geteuid() != 0)
		return;
	holder_start(&h, become_many_of_user);
	CU_ASSERT_EQUAL(scan(0), 0);
	find_pid(h.pid);
	known.pid = h.pid;
	known.start = find.start;
	known.n_fds = find.n_fds;
	CU_ASSERT_EQUAL(scan_known(USER), 0);
	find_pid(h.pid);
	CU_ASSERT_EQUAL(known.n_asked, 0);
	CU_ASSERT_EQUAL(find.same, 0);
	CU_ASSERT_EQUAL(find.n, N_SOCKETS);
	holder_stop(&h);
}

/* The truth: whether the kernel lets a process of the user read the link. */
static bool kernel_lets_user(pid_t pid)
{
	char path[64], link[64];
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, FIRST_FD);
	child = fork();
	if (child == 0) {
		become_user();
		_exit(readlink(path, link, sizeof(link)) > 0);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status) == 1;
}

static void test_a_user_sees_what_the_kernel_shows_him(void)
{
	static const struct { become become; bool visible; } cases[] = {
		{ become_user, true },        { become_undumpable, false },
		{ become_other_group, false }, { become_saved_root, false },
		{ become_real_root, false },  { become_other_user, false },
		{ become_capable, false },    { NULL, false },
	};

	if (geteuid() != 0)
		return;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct holder h;

		holder_start(&h, cases[i].become);
		CU_ASSERT_EQUAL(kernel_lets_user(h.pid), cases[i].visible);
		CU_ASSERT_EQUAL(scan(USER), 0);
		CU_ASSERT_TRUE(result.n_hidden >= 1);
		find_pid(h.pid);
		CU_ASSERT_EQUAL(find.announced, cases[i].visible);
		CU_ASSERT_EQUAL(found_socket(FIRST_FD, h.inode), cases[i].visible);
		holder_stop(&h);
	}
}

static int cleanup(void)
{
	arena_deinit(&arena);
	return 0;
}

void suite_source_owners(void)
{
	CU_pSuite s = CU_add_suite("source/owners", NULL, cleanup);

	CU_add_test(s, "a process's sockets, name, and user", test_known_sockets);
	CU_add_test(s, "more sockets than a block holds", test_more_than_a_block);
	CU_add_test(s, "a thread with a descriptor table of its own", test_thread_with_its_own_table);
	CU_add_test(s, "a process that is known is left out", test_what_is_known_is_left_out);
	CU_add_test(s, "a small one is read all the same", test_small_ones_are_read);
	CU_add_test(s, "and one with a thread's own table", test_known_with_a_table_of_a_thread);
	CU_add_test(s, "processes that exit meanwhile", test_processes_that_exit_meanwhile);
	CU_add_test(s, "what root was shown is not known for a user", test_a_user_is_told_all_he_may_know);
	CU_add_test(s, "a user sees what the kernel would show him", test_a_user_sees_what_the_kernel_shows_him);
}
