/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows that a dump brings twice are told from rows that only look alike */

#include <CUnit/CUnit.h>
#include <linux/inet_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "query/dedupe.h"
#include "unit/suites.h"

static struct record record;

/* A row of inet_diag with these marks of identity. */
static struct record *row(uint32_t cookie, uint32_t inode, uint16_t port, uint32_t dst)
{
	static struct inet_diag_msg msg;
	struct message m = { .data = (const uint8_t *)&msg, .len = sizeof(msg), .source = SOURCE_tcp4 };

	memset(&msg, 0, sizeof(msg));
	msg.idiag_family = AF_INET;
	msg.idiag_state = 1;
	msg.id.idiag_sport = port;
	msg.id.idiag_dst[0] = dst;
	msg.id.idiag_cookie[0] = cookie;
	msg.idiag_inode = inode;
	CU_ASSERT_EQUAL_FATAL(record_open(&record, &m, NULL), 0);
	return &record;
}

static void test_twins(void)
{
	static struct dedupe d;

	dedupe_init(&d);
	CU_ASSERT_FALSE(dedupe_is_twin(&d, row(1, 10, 80, 7)));
	CU_ASSERT_TRUE(dedupe_is_twin(&d, row(1, 10, 80, 7)));
	CU_ASSERT_FALSE(dedupe_is_twin(&d, row(2, 10, 80, 7)));
	/* Accepted by an MPTCP listener: its cookie, another inode. */
	CU_ASSERT_FALSE(dedupe_is_twin(&d, row(1, 11, 80, 7)));
	/* An SCTP association: its endpoint's cookie and inode, another peer. */
	CU_ASSERT_FALSE(dedupe_is_twin(&d, row(1, 10, 80, 8)));
	CU_ASSERT_TRUE(dedupe_is_twin(&d, row(1, 10, 80, 7)));
	/* Nothing to know it by. */
	CU_ASSERT_FALSE(dedupe_is_twin(&d, row(0, 0, 80, 7)));
	CU_ASSERT_FALSE(dedupe_is_twin(&d, row(0, 0, 80, 7)));
}

static void test_no_row_is_lost(void)
{
	static struct dedupe d;
	unsigned n_twins = 0;

	dedupe_init(&d);
	for (uint32_t i = 1; i < 400000; i++)
		n_twins += dedupe_is_twin(&d, row(i, i + 5, (uint16_t)i, i / 7));
	CU_ASSERT_EQUAL(n_twins, 0);
}

static void test_lines(void)
{
	static const char line[] = "    1: 0100007F:1267 00000000:0000 07 00000000:00000000 00:00000000 00000000"
				   "     0        0 14973320 2 000000001e44b175 0";
	static const char line6[] = "    1: 00000000000000000000000000000000:1267 00000000000000000000000000000000:0000 07 "
				    "00000000:00000000 00:00000000 00000000     0        0 14973320 2 000000001e44b175 0";
	struct message m = { .data = (const uint8_t *)line, .len = sizeof(line) - 1, .source = SOURCE_proc_icmp };
	struct message m6 = { .data = (const uint8_t *)line6, .len = sizeof(line6) - 1, .source = SOURCE_proc_icmp6 };
	static struct dedupe d;

	/* The kernel's list of IPv6 has an IPv4 socket in it. */
	dedupe_init(&d);
	CU_ASSERT_EQUAL_FATAL(record_open(&record, &m, NULL), 0);
	CU_ASSERT_FALSE(dedupe_is_twin(&d, &record));
	CU_ASSERT_EQUAL_FATAL(record_open(&record, &m6, NULL), 0);
	CU_ASSERT_TRUE(dedupe_is_twin(&d, &record));
}

void suite_query_dedupe(void)
{
	CU_pSuite s = CU_add_suite("query: dedupe", NULL, NULL);

	CU_add_test(s, "twins, and rows that only look alike", test_twins);
	CU_add_test(s, "no row of many is lost", test_no_row_is_lost);
	CU_add_test(s, "a socket in the list of the other family", test_lines);
}
