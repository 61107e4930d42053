/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of a filter: those that are expected, and no row that matches without one */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "query/keys.h"
#include "query_rows.h"
#include "suites.h"

/* The keys of a filter as text, in their order. */
static const char *keys_text(const char *filter)
{
	static const char *const kinds[] = { "port", "address", "cookie", "inode", "pid" };
	CLEANUP(query_free) struct query *q = rows_query(filter);
	struct query_key keys[QUERY_KEYS_MAX];
	static char text[1024];
	size_t n_keys = query_keys(q, keys), n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n_keys; i++) {
		char address[ADDRESS_TEXT_MAX];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:", i ? " " : "", kinds[keys[i].kind]);
		if (keys[i].kind == QUERY_KEY_ADDRESS) {
			address_format(&keys[i].address, address, sizeof(address));
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", address);
		} else {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%llx", (unsigned long long)keys[i].number);
		}
	}
	return text;
}

static void expect(const char *filter, const char *want)
{
	const char *is = keys_text(filter);

	if (strcmp(is, want))
		printf("\n  %s\n    is   %s\n    want %s\n", filter, is, want);
	CU_ASSERT_STRING_EQUAL(is, want);
}

static void test_expected(void)
{
	/* Ports in hexadecimal here. */
	expect(":443", "port:1bb");
	expect("tcp:443", "port:1bb");
	expect("sport = 443", "port:1bb");
	expect("sport in (80, 443)", "port:50 port:1bb");
	expect("dport = 8000-8003", "port:1f40 port:1f41 port:1f42 port:1f43");
	expect("sport = 80 or dport = 80", "port:50");
	expect("sk:1a2b", "cookie:1a2b");
	expect("ino:77", "inode:4d");
	expect("pid:100", "pid:64");
	expect("pid = 100 or pid = 200", "pid:64 pid:c8");
	expect("10.0.0.1", "address:10.0.0.1");
	expect("dst ::ffff:10.0.0.1", "address:10.0.0.1");
	expect("dst ::1", "address:::1");
	/* The most telling part of an AND. */
	expect(":443 and sk:1a2b", "cookie:1a2b");
	expect("sk:1a2b and ino:77 and pid:1", "cookie:1a2b");
	expect("pid:1 and ino:77", "inode:4d");
	expect("dst 10.0.0.1 and sport = 443", "port:1bb");
	expect("10.0.0.1:443", "port:1bb");
	expect("pid:1 and :443 and state listen", "pid:1");
	expect("sport in (1, 2, 3) and dport = 9", "port:9");
	/* One part of it without a key does no harm; of an OR it does. */
	expect("tcp and state established and rtt > 1ms and dport = 5", "port:5");
	expect("dport = 5 or state listen", "");
	expect("sk:1 or (tcp and ino:2)", "cookie:1 inode:2");
	expect("(sk:1 or :80) and (pid:3 or pid:4)", "pid:3 pid:4");
	/* What is no small set. */
	expect("", "");
	expect("not :443", "");
	expect("not not sport = 443", "");
	expect("sport != 443", "");
	expect("sport > 443", "");
	expect("sport = 1-16", "port:1 port:2 port:3 port:4 port:5 port:6 port:7 port:8 port:9 port:a port:b port:c port:d "
			       "port:e port:f port:10");
	expect("sport = 1-17", "");
	expect("sport = 0-65535", "");
	expect("inode >= 0", "");
	expect("dst 10.0.0.0/8", "");
	expect("dst != 10.0.0.1", "");
	expect("dst > 10.0.0.1", "");
	expect("local ~ '10.*'", "");
	expect("pid > 5", "");
	expect("pid != 5", "");
	expect("uid = 0", "");
	expect("nginx.service", "");
	expect("/run/x.sock", "");
	expect("sport/dport = 1", "");
	/* Nothing can match: no key, and beside an OR's other part none is missing. */
	expect("sport < 0 and pid:1", "");
	expect("sport < 0 or pid:1", "pid:1");
}

static void test_too_many(void)
{
	char filter[512] = "";
	size_t n = 0;

	for (unsigned i = 1; i <= QUERY_KEYS_MAX + 1; i++) {
		CLEANUP(query_free) struct query *q = NULL;
		struct query_key keys[QUERY_KEYS_MAX];

		n += (size_t)snprintf(filter + n, sizeof(filter) - n, "%spid:%u", i > 1 ? " or " : "", i);
		q = rows_query(filter);
		CU_ASSERT_EQUAL(query_keys(q, keys), i <= QUERY_KEYS_MAX ? i : 0);
	}
}

/* Rows and filters of few values, so that filters often match. */
static const char *const addresses4[] = { "10.0.0.1", "10.0.0.2", "0.0.0.0" };
static const char *const addresses6[] = { "::1", "fe80::2", "::ffff:10.0.0.1", "::" };
static const uint32_t inodes[] = { 0, 77, 88, 99 };

static unsigned pick(unsigned n)
{
	return (unsigned)random() % n;
}

static void random_row(struct row *row)
{
	static const enum source_id sources[] = { SOURCE_tcp4, SOURCE_tcp6, SOURCE_udp4, SOURCE_udp6 };

	*row = (struct row){ .source = sources[pick(4)], .state = 1 + pick(11) };
	if (source_def_get(row->source)->family == AF_INET) {
		row->local = addresses4[pick(3)];
		row->peer = addresses4[pick(3)];
	} else {
		row->local = addresses6[pick(4)];
		row->peer = addresses6[pick(4)];
	}
	row->local_port = (uint16_t)(79 + pick(4));
	row->peer_port = (uint16_t)(79 + pick(4));
	row->inode = inodes[pick(4)];
	row->cookie = 1 + pick(4);
}

static void random_term(char *text, size_t size)
{
	static const char *const ports[] = { "sport", "dport" }, *const ops[] = { "=", "!=", "<", ">=" };
	static const char *const ends[] = { "src", "dst", "local =", "peer !=" };
	static const char *const others[] = { "tcp", "inet6", "state listen", "has inode", "dst 10.0.0.0/31" };

	switch (pick(9)) {
	case 0:
		snprintf(text, size, "%s %s %u", ports[pick(2)], ops[pick(4)], 79 + pick(4));
		break;
	case 1:
		snprintf(text, size, "%s in (%u, %u)", ports[pick(2)], 79 + pick(4), 79 + pick(4));
		break;
	case 2:
		snprintf(text, size, ":%u", 79 + pick(4));
		break;
	case 3:
		snprintf(text, size, "%s %s", ends[pick(4)], addresses4[pick(3)]);
		break;
	case 4:
		snprintf(text, size, "%s %s", ends[pick(4)], addresses6[pick(4)]);
		break;
	case 5:
		snprintf(text, size, "cookie %s %u", ops[pick(4)], 1 + pick(4));
		break;
	case 6:
		snprintf(text, size, "ino:%u", inodes[pick(4)]);
		break;
	case 7:
		snprintf(text, size, "pid %s %u", ops[pick(4)], 100 * (1 + pick(3)));
		break;
	default:
		snprintf(text, size, "%s", others[pick(5)]);
		break;
	}
}

static void random_filter(char *text, size_t size, unsigned depth)
{
	char a[2048], b[2048];

	if (depth == 0 || pick(4) == 0) {
		random_term(text, size);
		return;
	}
	random_filter(a, sizeof(a), depth - 1);
	random_filter(b, sizeof(b), depth - 1);
	switch (pick(5)) {
	case 0:
		snprintf(text, size, "not (%.1000s)", a);
		break;
	case 1:
	case 2:
		snprintf(text, size, "(%.1000s) or (%.1000s)", a, b);
		break;
	default:
		snprintf(text, size, "(%.1000s) and (%.1000s)", a, b);
		break;
	}
}

/* An address as IPv6, where IPv4 is a part of it. */
static void as_inet6(const char *text, uint8_t ret[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, text, ret) == 1)
		return;
	memcpy(ret, mapped, sizeof(mapped));
	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET, text, ret + 12), 1);
}

static bool is_address(const char *text, const struct address *want)
{
	uint8_t is[16], key[16];
	char key_text[INET6_ADDRSTRLEN];

	inet_ntop(want->kind == ADDRESS_INET ? AF_INET : AF_INET6, want->ip, key_text, sizeof(key_text));
	as_inet6(text, is);
	as_inet6(key_text, key);
	return memcmp(is, key, 16) == 0;
}

/* By what the row was made of, not by what is decoded of it; owners are those of rows_context(). */
static bool has_key(const struct row *row, const struct query_key *k)
{
	switch (k->kind) {
	case QUERY_KEY_PORT:
		return row->local_port == k->number || row->peer_port == k->number;
	case QUERY_KEY_ADDRESS:
		return is_address(row->local, &k->address) || is_address(row->peer, &k->address);
	case QUERY_KEY_COOKIE:
		return row->cookie == k->number;
	case QUERY_KEY_INODE:
		return row->inode == k->number;
	case QUERY_KEY_PID:
		return (row->inode == 77 && (k->number == 100 || k->number == 200)) ||
		       (row->inode == 88 && k->number == 200);
	}
	return false;
}

#define ROWS 60
#define FILTERS 4000

static void test_random(void)
{
	CLEANUP(context_free) struct context *c = rows_context();
	unsigned n_keyed = 0, n_matched = 0, n_left_out = 0;
	static struct built built[ROWS];
	struct row rows[ROWS];

	srandom(7);
	for (unsigned i = 0; i < ROWS; i++) {
		random_row(&rows[i]);
		row_build(&built[i], &rows[i]);
	}
	for (unsigned f = 0; f < FILTERS; f++) {
		CLEANUP(query_free) struct query *q = NULL;
		struct query_key keys[QUERY_KEYS_MAX];
		char filter[2048];
		size_t n_keys;

		random_filter(filter, sizeof(filter), 3);
		q = rows_query(filter);
		n_keys = query_keys(q, keys);
		CU_ASSERT_FATAL(n_keys <= QUERY_KEYS_MAX);
		if (!n_keys)
			continue;
		n_keyed++;
		for (unsigned i = 0; i < ROWS; i++) {
			bool matches, found = false;
			struct opened o;

			opened_init(&o, &built[i], c);
			matches = query_match(q, &o.r);
			opened_deinit(&o);
			for (size_t k = 0; k < n_keys; k++)
				found |= has_key(&rows[i], &keys[k]);
			if (matches && !found)
				printf("\n  %s: row %u matches and has none of the keys\n", filter, i);
			CU_ASSERT(!matches || found);
			n_matched += matches;
			n_left_out += !found;
		}
	}
	/* The test has looked at something, and the keys leave something out. */
	CU_ASSERT(n_keyed > FILTERS / 5);
	CU_ASSERT(n_matched > 1000);
	CU_ASSERT(n_left_out > 1000);
}

void suite_query_keys(void)
{
	CU_pSuite s = CU_add_suite("query: keys", NULL, NULL);

	CU_add_test(s, "those that are expected", test_expected);
	CU_add_test(s, "too many are none", test_too_many);
	CU_add_test(s, "random filters against all rows", test_random);
}
