/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filters that are wrong: what is said, which column it points at, and the bounds */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "query/query.h"
#include "suites.h"

static void expect_error(const char *filter, int error, size_t column, size_t length, const char *part)
{
	struct query *q = (void *)1;
	struct query_error e = { .message = "" };
	int r = query_parse(&q, filter, strlen(filter), &e);
	bool ok = r == error && q == (void *)1 && e.column == column && e.length == length && strstr(e.message, part);

	if (!ok)
		printf("\n  %s\n    is   %d at %zu+%zu: %s\n    want %d at %zu+%zu: %s\n", filter, r, e.column,
		       e.length, e.message, error, column, length, part);
	CU_ASSERT_TRUE(ok);
	for (const char *c = e.message; *c; c++)
		CU_ASSERT_TRUE((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void test_errors(void)
{
	expect_error("rttt > 1", -EINVAL, 0, 4, "did you mean rtt?");
	expect_error("tcp and sk_rcvbuff > 1", -EINVAL, 8, 10, "sk_rcvbuf");
	expect_error("tcp and", -EINVAL, 7, 0, "missing at the end");
	expect_error("tcp or", -EINVAL, 6, 0, "missing at the end");
	expect_error("and tcp", -EINVAL, 0, 3, "before 'and'");
	expect_error("tcp and and udp", -EINVAL, 8, 3, "before 'and'");
	expect_error("tcp or or udp", -EINVAL, 7, 2, "before 'or'");
	expect_error("not", -EINVAL, 3, 0, "missing at the end");
	expect_error("()", -EINVAL, 1, 1, "nothing between");
	expect_error("(tcp", -EINVAL, 0, 1, "not closed");
	expect_error("tcp)", -EINVAL, 3, 1, "never opened");
	expect_error("tcp , udp", -EINVAL, 4, 1, "before ','");
	expect_error("= 1", -EINVAL, 0, 1, "expected a term before '='");
	expect_error("sport =", -EINVAL, 7, 0, "expected a value of local_port, not the end");
	expect_error("sport = = 1", -EINVAL, 8, 1, "expected a value");
	expect_error("sport = nosuchservice", -EINVAL, 8, 13, "expected a port");
	expect_error("sport = 20-10", -EINVAL, 8, 5, "LOW-HIGH");
	expect_error("sport > 10-20", -EINVAL, 8, 5, "LOW-HIGH");
	expect_error("sport in (1, 2", -EINVAL, 9, 1, "not closed");
	expect_error("sport in (1 2)", -EINVAL, 12, 1, "expected ',' or ')'");
	expect_error("sport in ()", -EINVAL, 10, 1, "expected a value");
	expect_error("sport in (1,)", -EINVAL, 12, 1, "expected a value");
	expect_error("sport ~ 80*", -EINVAL, 8, 3, "is a number");
	expect_error(":70000", -EINVAL, 0, 6, "at most 65535");
	expect_error("tcp:", -EINVAL, 0, 4, "behind the colon");
	expect_error("443", -EINVAL, 0, 3, "A port is :443, a process pid:443");
	expect_error("listen", -EINVAL, 0, 6, "state listen");
	expect_error("state nosuch", -EINVAL, 6, 6, "expected a state");
	expect_error("state = nosuch", -EINVAL, 8, 6, "no state");
	expect_error("exclude", -EINVAL, 7, 0, "expected a state");
	expect_error("state > listen", -EINVAL, 8, 6, "no order");
	expect_error("rtt > 20x", -EINVAL, 6, 3, "a time, such as 20ms");
	expect_error("retrans_rate > 5/m", -EINVAL, 15, 3, "a second, such as 0.5 or 12/s");
	expect_error("retrans_rate > 5ms", -EINVAL, 15, 3, "a second, such as 0.5 or 12/s");
	expect_error("retrans_rate > 18446744073709552", -EINVAL, 15, 17, "out of range");
	expect_error("unit:", -EINVAL, 0, 5, "the name of a unit");
	expect_error("unit:a/b", -EINVAL, 0, 8, "the name of a unit");
	expect_error("rcvbuf > 20ms", -EINVAL, 9, 4, "a size, such as 64KiB");
	expect_error("tcpi_delivery_rate > 1ms", -EINVAL, 21, 3, "a rate");
	expect_error("lost > 1k", -EINVAL, 7, 2, "a number");
	expect_error("rtt = 99999999999999999999", -EINVAL, 6, 20, "out of range");
	expect_error("rtt = 999999999999999999d", -EINVAL, 6, 19, "out of range");
	expect_error("rtt = -1", -EINVAL, 6, 2, "out of range");
	expect_error("rtt = 1.", -EINVAL, 6, 2, "a time");
	expect_error("rtt = .5", -EINVAL, 6, 2, "a time");
	expect_error("sk = xyz", -EINVAL, 5, 3, "hexadecimal");
	expect_error("sk:", -EINVAL, 0, 3, "behind sk:");
	expect_error("pid:abc", -EINVAL, 0, 7, "a number for pid");
	expect_error("netns:", -EINVAL, 0, 6, "behind netns:");
	expect_error("netns < blue", -EINVAL, 8, 4, "a number for netns");
	expect_error("netns = 99999999999999999999", -EINVAL, 8, 20, "out of range");
	expect_error("netns:a\\q", -EINVAL, 0, 9, "bad escape");
	expect_error("container:", -EINVAL, 0, 10, "the name of a container");
	expect_error("container:a\\q", -EINVAL, 0, 13, "bad escape");
	expect_error("fd:1", -EINVAL, 0, 4, "no TARGET");
	expect_error("uid = nosuchuser", -EINVAL, 6, 10, "no user");
	expect_error("dst = localhost", -EINVAL, 6, 9, "no address");
	expect_error("dst = aaaaaaaaaaa/8", -EINVAL, 6, 13, "no address");
	expect_error("dst = aaaaaaaaaaaa/8", -EINVAL, 6, 14, "no address");
	expect_error("dst = 10.0.0.0/33", -EINVAL, 6, 11, "no address");
	expect_error("dst = ::/129", -EINVAL, 6, 6, "no address");
	expect_error("dst = [::1", -EINVAL, 6, 4, "no address");
	expect_error("dst < 10.0.0.0:80", -EINVAL, 6, 11, "single address");
	expect_error("tcpi_ca_state = lost", -EINVAL, 16, 4, "open disorder cwr recovery loss");
	expect_error("tcpi_ca_state > loss", -EINVAL, 16, 4, "no order");
	expect_error("inet_freebind = maybe", -EINVAL, 16, 5, "yes or no");
	expect_error("inet_freebind > 0", -EINVAL, 16, 1, "yes or no");
	expect_error("comm = 'abc", -EINVAL, 7, 4, "no end");
	expect_error("comm = 'a\\'", -EINVAL, 7, 4, "no end");
	expect_error("comm = 'a\\q'", -EINVAL, 7, 5, "bad escape");
	expect_error("comm ~ 'a['", -EINVAL, 7, 4, "bad pattern");
	expect_error("'tcp'", -EINVAL, 0, 5, "expected a field");
	expect_error("has", -EINVAL, 3, 0, "a field behind has");
	expect_error("has nosuchfield", -EINVAL, 4, 11, "nosuchfield");
	expect_error("comm/pid > 1", -EINVAL, 0, 8, "two numbers");
	expect_error("retrans/segs_out", -EINVAL, 16, 0, "1%");
	expect_error("retrans/segs_out > x", -EINVAL, 19, 1, "percentage");
	expect_error("autobound or tcp", -EINVAL, 0, 16, "kernel alone");
	expect_error("tcp and not (autobound and udp)", -EINVAL, 0, 31, "kernel alone");
	/* Nothing of a text reaches a terminal raw. */
	expect_error("\x1b[31m", -EINVAL, 0, 1, "control character");
	expect_error("a\x01", -EINVAL, 1, 1, "control character");
	expect_error("comm = 'a\x1b'", -EINVAL, 9, 1, "control character");
	expect_error("\xff\xfe", -EINVAL, 0, 2, "\\xff\\xfe");
	expect_error("\xc2\x9b", -EINVAL, 0, 2, "\\xc2\\x9b");
}

static void test_bounds(void)
{
	char text[QUERY_TEXT_MAX + 2];
	struct query_error e;
	struct query *q = NULL;
	size_t n;

	/* 4 KiB of text and no more. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "tcp", 3);
	CU_ASSERT_EQUAL(query_parse(&q, text, QUERY_TEXT_MAX, &e), 0);
	q = query_free(q);
	CU_ASSERT_EQUAL(query_parse(&q, text, QUERY_TEXT_MAX + 1, &e), -E2BIG);
	CU_ASSERT_EQUAL(e.column, QUERY_TEXT_MAX);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "4096"));

	/* Terms. */
	for (n = 0; n < QUERY_TERMS_MAX; n++)
		memcpy(text + n * 4, "tcp ", 4);
	CU_ASSERT_EQUAL(query_parse(&q, text, n * 4, &e), 0);
	q = query_free(q);
	memcpy(text + n * 4, "udp ", 4);
	CU_ASSERT_EQUAL(query_parse(&q, text, n * 4 + 4, &e), -E2BIG);
	CU_ASSERT_EQUAL(e.column, n * 4);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "64"));

	/* Depth, of parentheses, of "not", of "!", and of all together. */
	for (unsigned how = 0; how < 3; how++) {
		static const char *const opens[] = { "(", "!", "not " };
		size_t width = strlen(opens[how]);

		for (unsigned depth = QUERY_DEPTH_MAX; depth <= QUERY_DEPTH_MAX + 1; depth++) {
			for (n = 0; n < depth; n++)
				memcpy(text + n * width, opens[how], width);
			memcpy(text + n * width, "tcp", 3);
			memset(text + n * width + 3, how == 0 ? ')' : ' ', depth);
			CU_ASSERT_EQUAL(query_parse(&q, text, n * width + 3 + depth, &e),
					depth > QUERY_DEPTH_MAX ? -E2BIG : 0);
			if (depth > QUERY_DEPTH_MAX) {
				CU_ASSERT_EQUAL(e.column, QUERY_DEPTH_MAX * width);
				CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "32"));
			}
			q = query_free(q);
		}
	}
	/* Side by side is not deep. */
	for (n = 0; n < 2 * (QUERY_DEPTH_MAX / 2 + 1); n++)
		memcpy(text + n * 6, "!(tcp)", 6);
	CU_ASSERT_EQUAL(query_parse(&q, text, n * 6, &e), 0);
	q = query_free(q);
	memset(text, '(', QUERY_TEXT_MAX);
	CU_ASSERT_EQUAL(query_parse(&q, text, QUERY_TEXT_MAX, &e), -E2BIG);
	memset(text, '!', QUERY_TEXT_MAX);
	CU_ASSERT_EQUAL(query_parse(&q, text, QUERY_TEXT_MAX, &e), -E2BIG);

	/* The longest list there can be. */
	n = (size_t)snprintf(text, sizeof(text), "comm = (");
	while (n + 2 < QUERY_TEXT_MAX) {
		memcpy(text + n, "a,", 2);
		n += 2;
	}
	text[n - 1] = ')';
	CU_ASSERT_EQUAL(query_parse(&q, text, n, &e), 0);
	q = query_free(q);
	CU_ASSERT_PTR_NULL(q);
}

void suite_query_errors(void)
{
	CU_pSuite s = CU_add_suite("query: errors", NULL, NULL);

	CU_add_test(s, "errors and their columns", test_errors);
	CU_add_test(s, "bounds", test_bounds);
}
