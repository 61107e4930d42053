/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of /proc/net files: whole ones only, whatever the slices */

#include "source/procfs.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "socketd/stream.h"
#include "unit/suites.h"

static struct arena arena;
static struct procfs procfs;
static char got[512 * 1024];

static void open_text(const char *text, size_t len)
{
	int fd = memfd_create("lines", MFD_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(write(fd, text, len), (ssize_t)len);
	lseek(fd, 0, SEEK_SET);
	procfs_init(&procfs, fd, 24);
	arena_init(&arena);
}

static void finish(void)
{
	procfs_close(&procfs);
	arena_deinit(&arena);
}

/* Reads to the end and joins the blocks into got. The length; lines and blocks are counted, an error is handed on. */
static size_t read_all(int *ret_error, unsigned int *ret_lines, unsigned int *ret_blocks)
{
	const uint8_t *data;
	size_t len, n = 0;
	int r;

	*ret_lines = *ret_blocks = 0;
	do {
		uint32_t n_lines = 0;

		r = procfs_read(&procfs, &arena, &n_lines);
		*ret_lines += n_lines;
	} while (r > 0);
	*ret_error = r;
	while ((len = arena_peek(&arena, &data)) > 0) {
		const struct socketd_block *b = (const void *)data;
		const struct socketd_messages *head = (const void *)(b + 1);

		CU_ASSERT_EQUAL(b->type, SOCKETD_BLOCK_LINES);
		CU_ASSERT_EQUAL(head->source, 24);
		CU_ASSERT_TRUE_FATAL(n + b->length <= sizeof(got));
		memcpy(got + n, head + 1, b->length - sizeof(*head));
		n += b->length - sizeof(*head);
		CU_ASSERT_EQUAL(got[n - 1], '\n');
		(*ret_blocks)++;
		arena_consume(&arena, sizeof(*b) + ((b->length + 7) & ~7u));
	}
	return n;
}

static void expect(const char *text, const char *kept, unsigned int n_lines)
{
	unsigned int lines, blocks;
	size_t n;
	int r;

	open_text(text, strlen(text));
	n = read_all(&r, &lines, &blocks);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(lines, n_lines);
	CU_ASSERT_EQUAL(blocks, kept[0] != '\0');
	CU_ASSERT_EQUAL(n, strlen(kept));
	CU_ASSERT_EQUAL(memcmp(got, kept, n), 0);
	finish();
}

static void test_headings_and_ends(void)
{
	expect("", "", 0);
	expect("heading", "", 0);
	expect("heading\n", "", 0);
	expect("heading\n1\n22\n", "1\n22\n", 2);
	expect("heading\n1\n\n22", "1\n\n", 2);
}

/* Lines of growing length, so that slices cut them everywhere. */
static void test_long_files(void)
{
	static char text[400 * 1024];
	size_t n = 0, kept_from, n_kept;
	unsigned int lines, blocks, n_lines = 0;
	int r;

	n += snprintf(text, sizeof(text), "  sl  local_address\n");
	kept_from = n;
	while (n + PROCFS_LINE_MAX < sizeof(text)) {
		size_t len = n_lines % (PROCFS_LINE_MAX - 1);

		memset(text + n, 'a' + n_lines % 26, len);
		text[n + len] = '\n';
		n += len + 1;
		n_lines++;
	}
	open_text(text, n);
	n_kept = read_all(&r, &lines, &blocks);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(lines, n_lines);
	CU_ASSERT_TRUE(blocks >= 6);
	CU_ASSERT_EQUAL(n_kept, n - kept_from);
	CU_ASSERT_EQUAL(memcmp(got, text + kept_from, n_kept), 0);
	finish();
}

static void test_a_line_without_end(void)
{
	static char text[80 * 1024];
	unsigned int lines, blocks;
	int r;

	memset(text, 'x', sizeof(text));
	text[8] = '\n';
	open_text(text, sizeof(text));
	read_all(&r, &lines, &blocks);
	CU_ASSERT_EQUAL(r, -EBADMSG);
	CU_ASSERT_EQUAL(blocks, 0);
	finish();
}

static void test_the_real_files(void)
{
	CLEANUP(close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr sa = { .sa_family = AF_INET };
	unsigned int lines, blocks;
	char inode[64], link[64] = "";
	size_t n;
	int r;

	CU_ASSERT_EQUAL(bind(fd, &sa, sizeof(sa)), 0);
	snprintf(inode, sizeof(inode), "/proc/self/fd/%d", fd);
	CU_ASSERT_TRUE(readlink(inode, link, sizeof(link) - 1) > 0);
	snprintf(inode, sizeof(inode), " %lu ", strtoul(link + strlen("socket:["), NULL, 10));

	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(procfs_open(&procfs, "udp", 24), 0);
	n = read_all(&r, &lines, &blocks);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_TRUE(lines >= 1);
	CU_ASSERT_PTR_NOT_NULL(memmem(got, n, inode, strlen(inode)));
	CU_ASSERT_PTR_NULL(memmem(got, n, "local_address", strlen("local_address")));
	procfs_close(&procfs);
	CU_ASSERT_EQUAL(procfs_open(&procfs, "no such file", 24), -ENOENT);
	finish();
}

void suite_source_procfs(void)
{
	CU_pSuite s = CU_add_suite("source/procfs", NULL, NULL);

	CU_add_test(s, "the heading and a line that is cut are left out", test_headings_and_ends);
	CU_add_test(s, "slices join to the whole file", test_long_files);
	CU_add_test(s, "a line that does not end is refused", test_a_line_without_end);
	CU_add_test(s, "/proc/net/udp has a socket of ours", test_the_real_files);
}
