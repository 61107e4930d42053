/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds what: against a model of scans made at random, against our own descriptors, and blocks that lie */

#include "track/holders.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "snapshot/writer.h"
#include "unit/suites.h"

#define PIDS 12
#define INODES 40

static struct arena arena;
static struct holders *h;

static void begin(void)
{
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
}

static void finish(void)
{
	h = holders_free(h);
	arena_deinit(&arena);
}

/* Feeds what the arena has. The first error. */
static int feed(void)
{
	const uint8_t *data;
	size_t len;
	int r = 0;

	while ((len = arena_peek(&arena, &data)) > 0) {
		for (size_t i = 0; i < len && r == 0;) {
			const struct socketd_block *head = (const void *)(data + i);
			struct block b = { .type = head->type, .length = head->length, .payload = (const void *)(head + 1) };

			r = holders_apply(h, &b);
			i += sizeof(*head) + ((head->length + 7) & ~7u);
		}
		arena_consume(&arena, len);
	}
	return r;
}

static int put_process(uint32_t pid, uint32_t n_fds, bool same)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, pid);
	attr_block_u32(&b, SOCKETD_PROCESS_UID, 1000 + pid);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, "holder");
	attr_block_string(&b, SOCKETD_PROCESS_USER, "user");
	attr_block_u64(&b, SOCKETD_PROCESS_START, 7 * pid);
	attr_block_u32(&b, SOCKETD_PROCESS_N_FDS, n_fds);
	if (same)
		attr_block_u32(&b, SOCKETD_PROCESS_SAME, 1);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &arena), 0);
	return feed();
}

static int put_owners(const struct socketd_owner *o, size_t n)
{
	struct bulk_block b;

	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &arena, SOCKETD_BLOCK_OWNERS, n * sizeof(*o)), 0);
	memcpy(b.payload, o, n * sizeof(*o));
	bulk_block_end(&b, &arena, n * sizeof(*o));
	return feed();
}

static int put_owner(uint32_t pid, uint64_t inode, uint32_t fd)
{
	struct socketd_owner o = { .inode = inode, .pid = pid, .fd = fd };

	return put_owners(&o, 1);
}

/* The model: how often a process has an inode; its descriptor k of inode i is 10 * k + pid * 1000 - i, so not in order. */
static unsigned int now[PIDS][INODES], before[PIDS][INODES], lost[PIDS][INODES];

static uint32_t fd_of(unsigned int pid, unsigned int inode, unsigned int k)
{
	return 10000 * pid + 100 * k + INODES - inode;
}

static void note_lost(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd)
{
	struct holder found;

	CU_ASSERT_PTR_EQUAL(ctx, lost);
	CU_ASSERT_TRUE_FATAL(pid < PIDS && inode < INODES);
	CU_ASSERT_EQUAL((fd - INODES + inode) % 100, 0);
	CU_ASSERT_TRUE(holders_process(h, pid, &found));
	CU_ASSERT_EQUAL(found.start, 7 * pid);
	CU_ASSERT_EQUAL(found.comm_len, 6);
	lost[pid][inode]++;
}

static void scan_process(unsigned int pid)
{
	unsigned int n = 0;

	for (unsigned int i = 1; i < INODES; i++)
		n += now[pid][i];
	if (n == 0)
		return;
	CU_ASSERT_EQUAL(put_process(pid, n, false), 0);
	for (unsigned int i = 1; i < INODES; i++)
		for (unsigned int k = now[pid][i]; k-- > 0;)
			CU_ASSERT_EQUAL(put_owner(pid, i, fd_of(pid, i, k)), 0);
}

static int count_one(void *ctx, uint32_t pid, uint32_t inode, uint32_t fd)
{
	(void)pid;
	(void)inode;
	(void)fd;
	++*(unsigned int *)ctx;
	return 0;
}

static void check_model(void)
{
	unsigned int n_all = 0, walked = 0;

	for (unsigned int i = 1; i < INODES; i++) {
		struct holder found, all[64];
		unsigned int n = 0;

		for (unsigned int pid = 1; pid < PIDS; pid++) {
			for (unsigned int k = 0; k < now[pid][i]; k++, n++) {
				CU_ASSERT_TRUE_FATAL(holders_find(h, i, n, &found));
				CU_ASSERT_EQUAL(found.pid, pid);
				CU_ASSERT_EQUAL(found.uid, 1000 + pid);
				CU_ASSERT_EQUAL(found.fd, fd_of(pid, i, k));
			}
			CU_ASSERT_EQUAL(lost[pid][i], before[pid][i] > 0 && now[pid][i] == 0 ? before[pid][i] : 0);
		}
		CU_ASSERT_FALSE(holders_find(h, i, n, &found));
		CU_ASSERT_EQUAL(holders_find_all(h, i, all, 64), n);
		n_all += n;
	}
	CU_ASSERT_EQUAL(holders_count(h), n_all);
	CU_ASSERT_EQUAL(holders_walk(h, 0, count_one, &walked), 0);
	CU_ASSERT_EQUAL(walked, n_all);
}

static void test_model(void)
{
	unsigned int seed = 1;

	begin();
	holders_on_lost(h, note_lost, lost);
	memset(now, 0, sizeof(now));
	for (unsigned int round = 0; round < 60; round++) {
		memcpy(before, now, sizeof(before));
		memset(lost, 0, sizeof(lost));
		CU_ASSERT_EQUAL(holders_begin(h), 0);
		CU_ASSERT_EQUAL(holders_begin(h), -EBUSY);
		for (unsigned int pid = 1; pid < PIDS; pid++) {
			bool gone = rand_r(&seed) % 5 == 0, same = rand_r(&seed) % 4 == 0;

			for (unsigned int i = 1; !same && i < INODES; i++) {
				if (gone)
					now[pid][i] = 0;
				else if (rand_r(&seed) % 8 == 0)
					now[pid][i] = (unsigned int)rand_r(&seed) % 4;
			}
			if (!same || !holders_process(h, pid, &(struct holder){}))
				scan_process(pid);
			else
				CU_ASSERT_EQUAL(put_process(pid, 0, true), 0);
		}
		holders_end(h, 0);
		CU_ASSERT_EQUAL(holders_generation(h), round + 1);
		check_model();
	}
	finish();
}

/* What was read again counts; what was not read is not forgotten. */
static void test_failed_scan(void)
{
	struct holder found;

	begin();
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(put_process(3, 1, false) + put_owner(3, 30, 5), 0);
	CU_ASSERT_EQUAL(put_process(4, 1, false) + put_owner(4, 40, 5), 0);
	CU_ASSERT_EQUAL(put_process(5, 1, false) + put_owner(5, 50, 5), 0);
	holders_end(h, 0);
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(put_process(3, 1, false) + put_owner(3, 31, 5), 0);
	CU_ASSERT_EQUAL(put_process(4, 1, false) + put_owner(4, 41, 5), 0);
	holders_end(h, -EIO);
	CU_ASSERT_TRUE(holders_find(h, 31, 0, &found));
	CU_ASSERT_FALSE(holders_find(h, 30, 0, &found));
	/* The one that was being read is as it was. */
	CU_ASSERT_TRUE(holders_find(h, 40, 0, &found));
	CU_ASSERT_FALSE(holders_find(h, 41, 0, &found));
	CU_ASSERT_TRUE(holders_find(h, 50, 0, &found));
	CU_ASSERT_EQUAL(holders_count(h), 3);
	finish();
}

static bool same(uint32_t pid, uint64_t start, uint32_t n_fds)
{
	struct owners_known known = holders_known(h);

	return known.same(known.ctx, pid, start, n_fds);
}

static void test_known(void)
{
	begin();
	CU_ASSERT_FALSE(same(3, 21, 400));
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(put_process(3, 400, false) + put_owner(3, 30, 5), 0);
	holders_end(h, 0);
	CU_ASSERT_TRUE(same(3, 21, 400));
	CU_ASSERT_FALSE(same(3, 22, 400));
	CU_ASSERT_FALSE(same(3, 21, 401));
	CU_ASSERT_FALSE(same(4, 21, 400));
	holders_touch(h, 3);
	CU_ASSERT_FALSE(same(3, 21, 400));
	/* Touched again while it is read: what was read may be old. */
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	holders_touch(h, 3);
	CU_ASSERT_EQUAL(put_process(3, 400, false) + put_owner(3, 30, 5), 0);
	holders_end(h, 0);
	CU_ASSERT_FALSE(same(3, 21, 400));
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(put_process(3, 400, false) + put_owner(3, 30, 5), 0);
	holders_end(h, 0);
	CU_ASSERT_TRUE(same(3, 21, 400));
	finish();
}

static void test_lies(void)
{
	struct block cut = { .type = SOCKETD_BLOCK_OWNERS, .length = 15, .payload = (const uint8_t[16]){} };
	struct holder found;

	begin();
	CU_ASSERT_EQUAL(put_process(3, 1, false), -EBADMSG);
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(put_owner(3, 30, 5), -EBADMSG);
	CU_ASSERT_EQUAL(put_process(0, 1, false), -EBADMSG);
	CU_ASSERT_EQUAL(put_process(9, 1, true), -EBADMSG);
	CU_ASSERT_EQUAL(put_process(3, 1, false), 0);
	CU_ASSERT_EQUAL(put_owner(4, 30, 5), -EBADMSG);
	CU_ASSERT_EQUAL(holders_apply(h, &cut), -EBADMSG);
	CU_ASSERT_EQUAL(put_owner(3, UINT64_C(1) << 40 | 30, 5), 0);
	CU_ASSERT_EQUAL(put_owner(3, 0, 5), 0);
	CU_ASSERT_EQUAL(put_owner(3, 31, 5), 0);
	CU_ASSERT_EQUAL(put_process(3, 1, false), -EBADMSG);
	CU_ASSERT_EQUAL(put_process(2, 1, false), -EBADMSG);
	holders_end(h, 0);
	CU_ASSERT_EQUAL(holders_count(h), 1);
	CU_ASSERT_FALSE(holders_find(h, 30, 0, &found));
	CU_ASSERT_FALSE(holders_find(h, 0, 0, &found));
	CU_ASSERT_TRUE(holders_find(h, 31, 0, &found));
	holders_end(h, 0);
	CU_ASSERT_EQUAL(holders_count(h), 1);
	finish();
}

/* What is written is what a scan would have said: it makes the same holders again. */
static void test_write(void)
{
	struct holder found;

	begin();
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(put_process(3, 5000, false), 0);
	for (uint32_t i = 0; i < 5000; i++)
		CU_ASSERT_EQUAL_FATAL(put_owner(3, 1 + i * 7919 % 5000, i), 0);
	holders_end(h, 0);
	CU_ASSERT_EQUAL(holders_write(h, 4, &arena), -ENOENT);
	CU_ASSERT_EQUAL(holders_write(h, 3, &arena), 0);
	h = holders_free(h);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(feed(), 0);
	holders_end(h, 0);
	CU_ASSERT_EQUAL(holders_count(h), 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		CU_ASSERT_TRUE_FATAL(holders_find(h, 1 + i * 7919 % 5000, 0, &found));
		CU_ASSERT_EQUAL(found.fd, i);
	}
	CU_ASSERT_EQUAL(found.uid, 1003);
	CU_ASSERT_TRUE(found.comm_len == 6 && memcmp(found.comm, "holder", 6) == 0);
	CU_ASSERT_TRUE(same(3, 21, 5000));
	finish();
}

/* 8 bytes a descriptor, and none for those that are gone. */
static void test_memory(void)
{
	enum { N = 100000 };
	static struct socketd_owner o[1000];
	size_t empty;

	begin();
	empty = holders_memory(h);
	for (unsigned int round = 0; round < 4; round++) {
		CU_ASSERT_EQUAL(holders_begin(h), 0);
		CU_ASSERT_EQUAL(put_process(3, N, false), 0);
		for (unsigned int i = 0; i < N; i++) {
			o[i % 1000] = (struct socketd_owner){ .inode = N + round - i, .pid = 3, .fd = i };
			if (i % 1000 == 999)
				CU_ASSERT_EQUAL_FATAL(put_owners(o, 1000), 0);
		}
		holders_end(h, 0);
		CU_ASSERT_EQUAL(holders_count(h), N);
		CU_ASSERT_TRUE(holders_memory(h) < empty + 8 * N + 1000);
	}
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	holders_end(h, 0);
	CU_ASSERT_TRUE(holders_memory(h) < empty + 1000);
	finish();
}

/* A scan of /proc, against fstat of our own descriptors. */
static void test_own(void)
{
	struct owners_result result;
	struct holder found;
	struct stat st;
	int fds[2], copy;

	begin();
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	copy = dup(fds[0]);
	CU_ASSERT_EQUAL_FATAL(fstat(fds[0], &st), 0);
	CU_ASSERT_EQUAL_FATAL(owners_scan(0, NULL, &arena, NULL, &result), 0);
	CU_ASSERT_EQUAL(holders_begin(h), 0);
	CU_ASSERT_EQUAL(feed(), 0);
	holders_end(h, 0);
	CU_ASSERT_EQUAL(holders_count(h), result.n_owners);
	CU_ASSERT_TRUE_FATAL(holders_find(h, st.st_ino, 0, &found));
	CU_ASSERT_EQUAL(found.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(found.uid, geteuid());
	CU_ASSERT_EQUAL(found.fd, (uint32_t)fds[0]);
	CU_ASSERT_TRUE_FATAL(holders_find(h, st.st_ino, 1, &found));
	CU_ASSERT_EQUAL(found.fd, (uint32_t)copy);
	CU_ASSERT_FALSE(holders_find(h, st.st_ino, 2, &found));
	close(fds[0]);
	close(fds[1]);
	close(copy);
	finish();
}

void suite_track_holders(void)
{
	CU_pSuite s = CU_add_suite("track/holders", NULL, NULL);

	CU_add_test(s, "scans at random, against a model", test_model);
	CU_add_test(s, "a scan that fails", test_failed_scan);
	CU_add_test(s, "what a scan may leave out", test_known);
	CU_add_test(s, "blocks that lie", test_lies);
	CU_add_test(s, "written and read again", test_write);
	CU_add_test(s, "memory", test_memory);
	CU_add_test(s, "our own descriptors", test_own);
}
