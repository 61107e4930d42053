/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arena: bytes come out as they went in, streaming does not grow, marks can be gone back to */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <string.h>

#include "snapshot/arena.h"
#include "unit/suites.h"

/* Appends a piece whose bytes tell its number. */
static void put(struct arena *a, unsigned number, size_t size)
{
	uint8_t *p = arena_reserve(a, size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL((uintptr_t)p % 8, 0);
	memset(p, (int)(number & 0xff), size);
	arena_commit(a, size);
}

/* Takes a piece and looks at it. */
static void take(struct arena *a, unsigned number, size_t size)
{
	const uint8_t *p;

	CU_ASSERT_FATAL(arena_peek(a, &p) >= size);
	CU_ASSERT_EQUAL(p[0], number & 0xff);
	CU_ASSERT_EQUAL(p[size - 1], number & 0xff);
	arena_consume(a, size);
}

static void test_queue(void)
{
	CLEANUP(arena_deinit) struct arena a;

	arena_init(&a);
	for (unsigned i = 0; i < 1000; i++)
		put(&a, i, 8 + i % 100 * 800);
	for (unsigned i = 0; i < 1000; i++)
		take(&a, i, 8 + i % 100 * 800);
	CU_ASSERT_EQUAL(arena_pending(&a), 0);
}

static void test_streaming_stays_small(void)
{
	CLEANUP(arena_deinit) struct arena a;

	arena_init(&a);
	for (unsigned i = 0; i < 20000; i++) {
		put(&a, i, 32 * 1024);
		if (i >= 4)
			take(&a, i - 4, 32 * 1024);
	}
	CU_ASSERT(a.n_mapped <= 6 * 1024 * 1024);
}

static void test_rewind(void)
{
	CLEANUP(arena_deinit) struct arena a;
	struct arena_mark mark;

	arena_init(&a);
	put(&a, 1, 64);
	mark = arena_mark(&a);
	for (unsigned i = 0; i < 50; i++)
		put(&a, 2, 100 * 1024 - 1024);
	CU_ASSERT_EQUAL(arena_rewind(&a, mark), 0);
	CU_ASSERT_EQUAL(arena_pending(&a), 64);
	put(&a, 3, 64);
	take(&a, 1, 64);
	take(&a, 3, 64);
}

static void test_rewind_after_consume(void)
{
	CLEANUP(arena_deinit) struct arena a;
	struct arena_mark mark;

	arena_init(&a);
	put(&a, 1, 64);
	mark = arena_mark(&a);
	put(&a, 2, 1024 * 1024);
	put(&a, 2, 1024 * 1024);
	take(&a, 1, 64);
	/* All before the mark is gone, nothing behind it: going back is still right. */
	CU_ASSERT_EQUAL(arena_rewind(&a, mark), 0);
	CU_ASSERT_EQUAL(arena_pending(&a), 0);
	mark = arena_mark(&a);
	put(&a, 4, 64);
	put(&a, 5, 64);
	take(&a, 4, 64);
	CU_ASSERT_EQUAL(arena_rewind(&a, mark), -ESTALE);
	take(&a, 5, 64);
}

static void test_splice(void)
{
	CLEANUP(arena_deinit) struct arena a, b;

	arena_init(&a);
	arena_init(&b);
	put(&a, 1, 64);
	put(&b, 2, 600 * 1024);
	put(&b, 3, 600 * 1024);
	take(&b, 2, 600 * 1024);
	arena_splice(&a, &b);
	CU_ASSERT_EQUAL(arena_pending(&b), 0);
	CU_ASSERT_EQUAL(arena_pending(&a), 64 + 600 * 1024);
	put(&b, 7, 64);
	put(&a, 4, 64);
	take(&a, 1, 64);
	take(&a, 3, 600 * 1024);
	take(&a, 4, 64);
	take(&b, 7, 64);
	arena_splice(&a, &b);
	CU_ASSERT_EQUAL(arena_pending(&a), 0);
}

void suite_arena(void)
{
	CU_pSuite s = CU_add_suite("arena", NULL, NULL);

	CU_add_test(s, "bytes come out as they went in", test_queue);
	CU_add_test(s, "streaming needs a few chunks, whatever flows", test_streaming_stays_small);
	CU_add_test(s, "a mark is gone back to", test_rewind);
	CU_add_test(s, "what was consumed cannot be taken back", test_rewind_after_consume);
	CU_add_test(s, "splicing moves all, and leaves the other usable", test_splice);
}
