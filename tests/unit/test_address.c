/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: text, parsing, prefixes; inet_ntop(3) is the reference */

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <string.h>

#include "model/address.h"
#include "unit/suites.h"

static struct address ip(const char *text)
{
	struct address a = { 0 };

	CU_ASSERT_EQUAL(address_parse_ip(text, strlen(text), &a), 0);
	return a;
}

static const char *format(struct address a)
{
	static char text[ADDRESS_TEXT_MAX];

	CU_ASSERT_EQUAL(address_format(&a, text, sizeof(text)), strlen(text));
	return text;
}

static struct address unix_name(const char *name, size_t len)
{
	return (struct address){ .kind = ADDRESS_UNIX, .name = name, .len = len };
}

static void test_ip(void)
{
	static const char *const texts[] = { "0.0.0.0", "127.0.0.1", "255.255.255.255", "10.20.30.40", "::", "::1",
					     "fe80::1", "2001:db8::8:800:200c:417a", "::ffff:10.0.0.1" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_STRING_EQUAL(format(ip(texts[i])), texts[i]);
}

static void test_bad_ip(void)
{
	static const char *const texts[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":::", "[::1]", "1.2.3.4/8", "fe80::1%lo",
					     "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000" };
	struct address a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT(address_parse_ip(texts[i], strlen(texts[i]), &a) < 0);
}

static void test_unix(void)
{
	CU_ASSERT_STRING_EQUAL(format(unix_name("/run/x.sock", 11)), "/run/x.sock");
	CU_ASSERT_STRING_EQUAL(format(unix_name("\0name", 5)), "@name");
	CU_ASSERT_STRING_EQUAL(format(unix_name("\0a\0b", 4)), "@a\\x00b");
	CU_ASSERT_STRING_EQUAL(format(unix_name("", 0)), "*");
	/* A path with @ in front is not taken for an abstract name. */
	CU_ASSERT_STRING_EQUAL(format(unix_name("@path", 5)), "./@path");
}

static bool in(const char *a, const char *prefix, unsigned bits)
{
	struct address x = ip(a), y = ip(prefix);

	return address_in_prefix(&x, &y, bits);
}

static void test_prefix(void)
{
	CU_ASSERT_TRUE(in("10.1.2.3", "10.0.0.0", 8));
	CU_ASSERT_FALSE(in("11.1.2.3", "10.0.0.0", 8));
	CU_ASSERT_TRUE(in("10.1.2.3", "10.1.2.2", 31));
	CU_ASSERT_FALSE(in("10.1.2.4", "10.1.2.2", 31));
	CU_ASSERT_TRUE(in("1.2.3.4", "0.0.0.0", 0));
	CU_ASSERT_TRUE(in("fe80::1", "fe80::", 10));
	CU_ASSERT_FALSE(in("2001:db8::1", "fe80::", 10));
	/* As in the kernel: v4-mapped is in the IPv4 prefix, and not the other way round. */
	CU_ASSERT_TRUE(in("::ffff:10.1.2.3", "10.0.0.0", 8));
	CU_ASSERT_FALSE(in("::fffe:10.1.2.3", "10.0.0.0", 8));
	CU_ASSERT_FALSE(in("10.1.2.3", "::ffff:10.0.0.0", 104));
	CU_ASSERT_FALSE(in("10.1.2.3", "10.0.0.0", 33));
}

static void test_compare(void)
{
	struct address a = ip("10.0.0.1"), b = ip("10.0.0.2"), c = ip("::1");
	struct address x = unix_name("/a", 2), y = unix_name("/ab", 3);

	CU_ASSERT(address_compare(&a, &b) < 0);
	CU_ASSERT(address_compare(&b, &a) > 0);
	CU_ASSERT(address_compare(&a, &a) == 0);
	CU_ASSERT(address_compare(&a, &c) * address_compare(&c, &a) < 0);
	CU_ASSERT(address_compare(&x, &y) < 0);
}

static void test_any(void)
{
	struct address a = ip("0.0.0.0"), b = ip("::"), c = ip("::1"), d = unix_name("", 0);

	CU_ASSERT_TRUE(address_is_any(&a));
	CU_ASSERT_TRUE(address_is_any(&b));
	CU_ASSERT_FALSE(address_is_any(&c));
	CU_ASSERT_TRUE(address_is_any(&d));
}

void suite_address(void)
{
	CU_pSuite s = CU_add_suite("address", NULL, NULL);

	CU_add_test(s, "IP addresses there and back", test_ip);
	CU_add_test(s, "what is no IP address is refused", test_bad_ip);
	CU_add_test(s, "UNIX names", test_unix);
	CU_add_test(s, "prefixes, as the kernel's bytecode has them", test_prefix);
	CU_add_test(s, "a total order", test_compare);
	CU_add_test(s, "wildcards", test_any);
}
