/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compact table: against a plain list of what should be in it, and within its bytes */

#include "track/table.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <string.h>

#include "unit/suites.h"

/* Repeats from run to run, so that a failure does, too. */
static uint32_t random_state = 1;

static uint32_t roll(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

static struct track_entry *add(struct track_table *t, uint64_t cookie, uint32_t inode)
{
	return track_table_add(t, SOURCE_tcp4, cookie, 0, inode, NULL);
}

static void test_identity(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct track_entry *a, *b, *c, *d;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	a = add(t, 100, 7);
	b = track_table_add(t, SOURCE_udp4, 100, 0, 8, NULL);
	c = track_table_add(t, SOURCE_mptcp4, 100, 5, 9, NULL);
	d = track_table_add(t, SOURCE_proc_udp, 0, 0, 10, NULL);
	CU_ASSERT_EQUAL(track_table_count(t), 4);
	CU_ASSERT_PTR_EQUAL(track_table_find(t, SOURCE_tcp4, 100, 0), a);
	CU_ASSERT_PTR_EQUAL(track_table_find(t, SOURCE_udp4, 100, 0), b);
	CU_ASSERT_PTR_EQUAL(track_table_find(t, SOURCE_mptcp4, 100, 5), c);
	CU_ASSERT_PTR_NULL(track_table_find(t, SOURCE_mptcp4, 100, 0));
	CU_ASSERT_PTR_NULL(track_table_find(t, SOURCE_tcp6, 100, 0));
	CU_ASSERT_PTR_NULL(track_table_find(t, SOURCE_tcp4, UINT64_C(1) << 32 | 100, 0));
	CU_ASSERT_PTR_EQUAL(track_table_find_inode(t, 10), d);
	CU_ASSERT_EQUAL(a->uid, UINT32_MAX);
	track_table_set_inode(t, a, 70);
	CU_ASSERT_PTR_NULL(track_table_find_inode(t, 7));
	CU_ASSERT_PTR_EQUAL(track_table_find_inode(t, 70), a);
	track_table_set_inode(t, a, 0);
	CU_ASSERT_PTR_NULL(track_table_find_inode(t, 70));
	CU_ASSERT_PTR_EQUAL(track_table_find(t, SOURCE_tcp4, 100, 0), a);
	track_table_remove(t, a);
	track_table_remove(t, d);
	CU_ASSERT_PTR_NULL(track_table_find(t, SOURCE_tcp4, 100, 0));
	CU_ASSERT_PTR_NULL(track_table_find_inode(t, 10));
	CU_ASSERT_PTR_EQUAL(track_table_find(t, SOURCE_udp4, 100, 0), b);
	CU_ASSERT_EQUAL(track_table_count(t), 2);
}

/*
 * One inode of many: subflows are all found by it; of associations there is one,
 * and removing thousands of them is no walk over all.
 */
static void test_shared_inode(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	const struct track_entry *e;
	unsigned n = 0;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		add(t, cookie, 77);
	for (e = track_table_find_inode(t, 77); e; e = track_table_next_of_inode(t, e))
		n++;
	CU_ASSERT_EQUAL(n, 5);
	for (uint32_t twin = 1; twin <= 50000; twin++)
		CU_ASSERT_PTR_NOT_NULL(track_table_add(t, SOURCE_sctp4, 9, twin, 88, NULL));
	e = track_table_find_inode(t, 88);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_PTR_NULL(track_table_next_of_inode(t, e));
	for (uint32_t twin = 1; twin <= 50000; twin++) {
		struct track_entry *assoc = track_table_find(t, SOURCE_sctp4, 9, twin);

		CU_ASSERT_PTR_NOT_NULL_FATAL(assoc);
		track_table_remove(t, assoc);
	}
	CU_ASSERT_PTR_NULL(track_table_find_inode(t, 88));
	CU_ASSERT_EQUAL(track_table_count(t), 5);
}

static void test_ipv6(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct track_entry *e[3000], *plain;
	struct track_pair6 pair = {};

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	plain = add(t, 1, 1);
	CU_ASSERT_PTR_NULL(track_table_pair6(t, plain));
	for (unsigned i = 0; i < ARRAY_SIZE(e); i++) {
		memcpy(pair.local, &i, sizeof(i));
		e[i] = track_table_add(t, SOURCE_tcp6, i + 2, 0, 0, &pair);
		CU_ASSERT_TRUE(e[i]->flags & TRACK_IPV6);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(e); i += 2)
		track_table_remove(t, e[i]);
	memset(&pair, 0xee, sizeof(pair));
	CU_ASSERT_EQUAL(track_table_set_pair6(t, plain, &pair), 0);
	CU_ASSERT_EQUAL(track_table_set_pair6(t, e[1], &pair), 0);
	CU_ASSERT_EQUAL(memcmp(track_table_pair6(t, plain), &pair, sizeof(pair)), 0);
	CU_ASSERT_EQUAL(memcmp(track_table_pair6(t, e[1]), &pair, sizeof(pair)), 0);
	for (unsigned i = 3; i < ARRAY_SIZE(e); i += 2)
		CU_ASSERT_EQUAL(memcmp(track_table_pair6(t, e[i])->local, &i, sizeof(i)), 0);
}

#define SHADOW 6000

/* What should be there: by number, the entry and its inode. */
struct shadow {
	struct track_entry *entry[SHADOW];
	uint32_t inode[SHADOW];
	unsigned n;
};

static void shadow_step(struct track_table *t, struct shadow *s)
{
	uint32_t i = roll(SHADOW), inode = 1 + roll(4000000);

	if (!s->entry[i]) {
		s->entry[i] = add(t, i + 1, inode);
		s->inode[i] = inode;
		s->n++;
	} else if (roll(4) == 0) {
		track_table_set_inode(t, s->entry[i], inode);
		s->inode[i] = inode;
	} else {
		track_table_remove(t, s->entry[i]);
		s->entry[i] = NULL;
		s->n--;
	}
}

static bool shadow_agrees(struct track_table *t, const struct shadow *s)
{
	size_t cursor = 0, n = 0;
	const struct track_entry *e;

	while ((e = track_table_next(t, &cursor))) {
		if (e->cookie == 0 || e->cookie > SHADOW || s->entry[e->cookie - 1] != e)
			return false;
		n++;
	}
	if (n != s->n || track_table_count(t) != n)
		return false;
	for (unsigned i = 0; i < SHADOW; i++) {
		if (track_table_find(t, SOURCE_tcp4, i + 1, 0) != s->entry[i])
			return false;
		if (!s->entry[i])
			continue;
		e = track_table_find_inode(t, s->inode[i]);
		while (e && e != s->entry[i])
			e = track_table_next_of_inode(t, e);
		if (!e || e->inode != s->inode[i])
			return false;
	}
	return true;
}

static void test_random(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	static struct shadow s;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned k = 0; k < 3000; k++)
			shadow_step(t, &s);
		CU_ASSERT_TRUE(shadow_agrees(t, &s));
	}
}

static void test_remove_in_walk(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct track_entry *e;
	size_t cursor = 0;
	unsigned n = 0;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (uint32_t i = 1; i <= 20000; i++)
		add(t, i, i);
	while ((e = track_table_next(t, &cursor))) {
		n++;
		if (e->cookie % 100 != 0)
			track_table_remove(t, e);
	}
	CU_ASSERT_EQUAL(n, 20000);
	CU_ASSERT_EQUAL(track_table_count(t), 200);
	for (uint32_t i = 100; i <= 20000; i += 100)
		CU_ASSERT_PTR_NOT_NULL(track_table_find(t, SOURCE_tcp4, i, 0));
}

/* Memory of this process as the kernel counts it: what the table says of itself must be that. */
static size_t resident(void)
{
	CLEANUP(fclose) FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, pages = 0;

	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		return 0;
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_memory(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	size_t before = resident(), grown;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (uint32_t i = 1; i <= 400000; i++)
		CU_ASSERT_PTR_NOT_NULL_FATAL(add(t, i, i + 5));
	grown = resident() - before;
	CU_ASSERT_TRUE(track_table_memory(t) <= UINT64_C(128) * 400000);
#ifndef __SANITIZE_ADDRESS__ /* has memory of its own */
	CU_ASSERT_TRUE(grown <= track_table_memory(t) + (4u << 20));
#endif
	CU_ASSERT_TRUE(grown + (4u << 20) >= track_table_memory(t));
	for (uint32_t i = 1; i <= 400000; i++)
		track_table_remove(t, track_table_find(t, SOURCE_tcp4, i, 0));
	CU_ASSERT_TRUE(track_table_memory(t) < 512 * 1024);
}

static void test_memory_is_flat(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	enum { N = 20000 };
	static uint64_t cookies[N];
	uint64_t next = 0;
	size_t after_50 = 0;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (unsigned i = 0; i < N; i++) {
		cookies[i] = ++next;
		add(t, next, (uint32_t)next);
	}
	for (unsigned round = 1; round <= 1000; round++) {
		for (unsigned k = 0; k < N / 10; k++) {
			unsigned i = roll(N);

			track_table_remove(t, track_table_find(t, SOURCE_tcp4, cookies[i], 0));
			cookies[i] = ++next;
			add(t, next, (uint32_t)next);
		}
		if (round == 50)
			after_50 = track_table_memory(t);
	}
	CU_ASSERT_EQUAL(track_table_count(t), N);
	CU_ASSERT_TRUE(track_table_memory(t) <= after_50 + after_50 / 50);
	CU_ASSERT_TRUE(track_table_memory(t) <= UINT64_C(128) * N + 4 * 1024 * 104);
}

static void test_rates(void)
{
	double worst = 0;

	CU_ASSERT_EQUAL(track_rate_pack(0), 0);
	CU_ASSERT_EQUAL(track_rate_pack(-1), 0);
	CU_ASSERT_EQUAL(track_rate_pack(NAN), 0);
	CU_ASSERT_EQUAL(track_rate_unpack(0), 0);
	CU_ASSERT_EQUAL(track_rate_pack(1e-9), 1);
	CU_ASSERT_EQUAL(track_rate_pack(1e300), UINT16_MAX);
	CU_ASSERT_EQUAL(track_rate_pack(INFINITY), UINT16_MAX);
	for (double rate = 1e-4; rate < 1.6e12; rate *= 1.000973) {
		double error = fabs(track_rate_unpack(track_rate_pack(rate)) / rate - 1);

		if (error > worst)
			worst = error;
	}
	CU_ASSERT_TRUE(worst < 0.0003);
	CU_ASSERT_TRUE(worst > 0.0001); /* or the loop looked at nothing */
	for (unsigned v = 0; v <= UINT16_MAX; v++)
		CU_ASSERT_EQUAL(track_rate_pack(track_rate_unpack((uint16_t)v)), v);
}

void suite_track_table(void)
{
	CU_pSuite s = CU_add_suite("track table", NULL, NULL);

	CU_add_test(s, "who is who", test_identity);
	CU_add_test(s, "many of one inode", test_shared_inode);
	CU_add_test(s, "IPv6 addresses", test_ipv6);
	CU_add_test(s, "as a plain list has it", test_random);
	CU_add_test(s, "removal in a walk", test_remove_in_walk);
	CU_add_test(s, "bytes a socket", test_memory);
	CU_add_test(s, "memory over a thousand rounds", test_memory_is_flat);
	CU_add_test(s, "rates in 16 bits", test_rates);
}
