/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cgroup of a process: read out of all that /proc can say, by a scan, and kept by holders, each path once */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "snapshot/writer.h"
#include "source/cgroups.h"
#include "source/owners.h"
#include "source/process.h"
#include "track/cgroup_names.h"
#include "track/holders.h"
#include "unit/suites.h"

static struct arena arena;
static struct holders *h;

/* What a file of these bytes says, or "none". */
static const char *parse(const char *text, size_t len, size_t size)
{
	static char found[8192];
	char folder[] = "/tmp/socketd-cgroup-XXXXXX", path[64];
	CLEANUP(close) int dir = -1, file = -1;
	CLEANUP(free) char *buf = malloc(size);
	size_t n = 0;
	const char *p;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/7", folder);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file = openat(dir, "7/cgroup", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL_FATAL(write(file, text, len), (ssize_t)len);
	p = process_cgroup(dir, "7", buf, size, &n);
	CU_ASSERT(n < sizeof(found));
	snprintf(found, sizeof(found), "%.*s", p ? (int)n : 4, p ? p : "none");
	unlinkat(dir, "7/cgroup", 0);
	unlinkat(dir, "7", AT_REMOVEDIR);
	rmdir(folder);
	return found;
}

static void test_lines(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "0::/system.slice/a.service\n", "/system.slice/a.service" },
		{ "0::/\n", "/" },
		/* Trees of v1 beside it, and alone. */
		{ "12:pids:/user\n9:name=systemd:/x\n0::/y\n", "/y" },
		{ "12:pids:/user\n1:name=systemd:/x\n", "none" },
		{ "10::/x\n", "none" },
		{ "1:name=0::/x:/y\n", "none" },
		{ "0::/a b\\x2d\xff\n", "/a b\\x2d\xff" },
		/* Of a namespace that we are not below. */
		{ "0::/../x.slice\n", "/../x.slice" },
		{ "0::x\n", "none" },
		{ "0::\n", "none" },
		{ "0:", "none" },
		{ "", "none" },
		{ "\n\n0::/z\n", "/z" },
		/* Cut: whose end is not seen says nothing. */
		{ "0::/half", "none" },
	};
	static char longest[4200] = "0::/";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_STRING_EQUAL(parse(rows[i].text, strlen(rows[i].text), PROCESS_CGROUP_SIZE), rows[i].want);
	memset(longest + 4, 'x', 4095);
	longest[4099] = '\n';
	CU_ASSERT_EQUAL(strlen(parse(longest, 4100, PROCESS_CGROUP_SIZE)), 4096);
	CU_ASSERT_STRING_EQUAL(parse(longest, 4100, 4099), "none");
	CU_ASSERT_EQUAL(process_cgroup(-1, "7", longest, sizeof(longest), &(size_t){ 0 }), NULL);
}

/* A group of our own in the real tree, or -1 where we may make none. */
static int make_group(int root, const char *name)
{
	return mkdirat(root, name, 0755) < 0 ? -1 : openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void move_to(int group, pid_t pid)
{
	CLEANUP(close) int fd = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	CU_ASSERT(dprintf(fd, "%d", pid) > 0);
}

/* Feeds all that the arena has to the holders, as a scan of its own. */
static void take_in(void)
{
	const uint8_t *data;
	size_t len;

	CU_ASSERT_EQUAL(holders_begin(h), 0);
	while ((len = arena_peek(&arena, &data)) > 0) {
		for (size_t i = 0; i < len;) {
			const struct socketd_block *head = (const void *)(data + i);
			struct block b = { .type = head->type, .length = head->length, .payload = (const void *)(head + 1) };

			CU_ASSERT_EQUAL(holders_apply(h, &b), 0);
			i += sizeof(*head) + ((head->length + 7) & ~7u);
		}
		arena_consume(&arena, len);
	}
	holders_end(h, 0);
}

static bool is_in(uint32_t pid, const char *want)
{
	struct holder p;

	return holders_process(h, pid, &p) && p.cgroup && p.cgroup_len == strlen(want) && !memcmp(p.cgroup, want, p.cgroup_len);
}

/* With more descriptors than OWNERS_SAME_MIN, so that a scan leaves it out when nothing changes. */
static pid_t start_holder(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned i = 0; i < OWNERS_SAME_MIN + 20; i++)
			(void)socket(AF_UNIX, SOCK_DGRAM, 0);
		if (write(ready[1], "x", 1) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void scan(void)
{
	struct owners_known known = holders_known(h);
	struct owners_result result;

	CU_ASSERT_EQUAL(owners_scan(0, &known, &arena, NULL, &result), 0);
	take_in();
}

static void test_scan(void)
{
	CLEANUP(close) int root = cgroups_open_root(), one = -1, two = -1;
	char first[64], second[64];
	pid_t pid;

	snprintf(first, sizeof(first), "/socketd-a%d.slice", getpid());
	snprintf(second, sizeof(second), "/socketd-b%d.slice", getpid());
	one = root < 0 ? -1 : make_group(root, first + 1);
	two = root < 0 ? -1 : make_group(root, second + 1);
	if (two < 0) /* not allowed here */
		return;
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
	pid = start_holder();
	move_to(one, pid);
	scan();
	CU_ASSERT(is_in((uint32_t)pid, first));
	CU_ASSERT_FALSE(is_in((uint32_t)getpid(), first));
	/* Its descriptors are as they were; it is somewhere else for all that. */
	move_to(two, pid);
	scan();
	CU_ASSERT(is_in((uint32_t)pid, second));
	holders_touch(h, (uint32_t)pid);
	move_to(one, pid);
	scan();
	CU_ASSERT(is_in((uint32_t)pid, first));
	/* Written again, and read. */
	CU_ASSERT_EQUAL(holders_write(h, (uint32_t)pid, &arena), 0);
	h = holders_free(h);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
	take_in();
	CU_ASSERT(is_in((uint32_t)pid, first));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlinkat(root, first + 1, AT_REMOVEDIR);
	unlinkat(root, second + 1, AT_REMOVEDIR);
	h = holders_free(h);
	arena_deinit(&arena);
}

static void put_process(uint32_t pid, const char *cgroup)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, pid);
	if (cgroup)
		attr_block_string(&b, SOCKETD_PROCESS_CGROUP, cgroup);
	CU_ASSERT_EQUAL(attr_block_write(&b, &arena), 0);
}

static void scan_thousand(const char *path)
{
	for (uint32_t pid = 1; pid <= 1000; pid++)
		put_process(pid, path);
	take_in();
}

/* A thousand processes of one unit cost one path; when they are gone, nothing. */
static void test_memory(void)
{
	char path[600];
	size_t without, with;

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
	scan_thousand(NULL);
	scan_thousand(NULL);
	without = holders_memory(h);
	scan_thousand(path);
	with = holders_memory(h);
	CU_ASSERT(with > without);
	CU_ASSERT(with < without + sizeof(path) + 600);
	CU_ASSERT(is_in(1000, path));
	/* A failed scan keeps what was. */
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	holders_end(h, -EIO);
	CU_ASSERT(is_in(1000, path));
	scan_thousand(NULL);
	CU_ASSERT_FALSE(is_in(1000, path));
	CU_ASSERT_EQUAL(holders_memory(h), without);
	scan_thousand(path);
	/* All are gone. */
	take_in();
	CU_ASSERT(holders_memory(h) <= without);
	h = holders_free(h);
	arena_deinit(&arena);
}

/* Against the bytes themselves, in any order of coming and going. */
static void test_names(void)
{
	struct cgroup_name *held[64] = {};
	struct cgroup_names names = {};
	unsigned seed = 7, n = 0;

	for (unsigned round = 0; round < 4000; round++) {
		unsigned i = (unsigned)rand_r(&seed) % ARRAY_SIZE(held), which = (unsigned)rand_r(&seed) % 40;
		char text[16];
		int len = snprintf(text, sizeof(text), "/%u%s", which / 2, which % 2 ? "/sub" : "");

		cgroup_names_put(&names, held[i]);
		held[i] = rand_r(&seed) % 3 ? cgroup_names_get(&names, text, (size_t)len) : NULL;
		if (held[i])
			CU_ASSERT(held[i]->len == (size_t)len && !memcmp(held[i]->text, text, (size_t)len));
		n = 0;
		for (unsigned k = 0; k < names.n; k++)
			n += names.rows[k]->n_refs;
		for (unsigned k = 0; k < ARRAY_SIZE(held); k++)
			n -= held[k] != NULL;
		CU_ASSERT_EQUAL_FATAL(n, 0);
		CU_ASSERT(names.n <= 40);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(held); i++)
		cgroup_names_put(&names, held[i]);
	CU_ASSERT_EQUAL(names.n, 0);
	CU_ASSERT_EQUAL(names.n_memory, 0);
	CU_ASSERT_PTR_NULL(names.rows);
}

void suite_owners_cgroup(void)
{
	CU_pSuite s = CU_add_suite("owners_cgroup", NULL, NULL);

	CU_add_test(s, "what /proc/PID/cgroup can say", test_lines);
	CU_add_test(s, "a process that is moved", test_scan);
	CU_add_test(s, "each path once", test_names);
	CU_add_test(s, "memory", test_memory);
}
