/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values as text: numbers, words, and bytes that must not reach a terminal */

#include <CUnit/CUnit.h>
#include <string.h>

#include "model/value.h"
#include "unit/suites.h"

static const char *format(enum field_id id, struct value v, enum value_style style)
{
	static char text[VALUE_TEXT_MAX];

	CU_ASSERT_EQUAL(value_format(field_get(id), &v, style, text, sizeof(text)), strlen(text));
	return text;
}

static struct value u64(uint64_t u)
{
	return (struct value){ .kind = VALUE_U64, .u = u };
}

static const char *escape(const char *data, size_t len)
{
	static char text[256];

	CU_ASSERT_EQUAL(text_escape(text, sizeof(text), data, len), strlen(text));
	return text;
}

static void test_numbers(void)
{
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_rtt, u64(20400), VALUE_PLAIN), "20400");
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_rtt, u64(20400), VALUE_HUMAN), "20.4 ms");
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_rtt, u64(999), VALUE_HUMAN), "999 µs");
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_last_data_sent, u64(UINT64_C(7384) * 1000000), VALUE_HUMAN), "2h 3m");
	CU_ASSERT_STRING_EQUAL(format(F_sk_rcvbuf, u64(212992), VALUE_HUMAN), "208 KiB");
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_max_pacing_rate, u64(UINT64_MAX), VALUE_HUMAN), "unlimited");
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_bytes_sent, u64(UINT64_MAX), VALUE_PLAIN), "18446744073709551615");
	CU_ASSERT_STRING_EQUAL(format(F_inode, u64(0), VALUE_PLAIN), "0");
	CU_ASSERT_STRING_EQUAL(format(F_cookie, u64(0x1a2b), VALUE_PLAIN), "1a2b");
	CU_ASSERT_STRING_EQUAL(format(F_sk_mark, u64(0x1a2b), VALUE_PLAIN), "0x1a2b");
	CU_ASSERT_STRING_EQUAL(format(F_sk_forward_alloc, (struct value){ .kind = VALUE_S64, .s = -4096 }, VALUE_PLAIN), "-4096");
	CU_ASSERT_STRING_EQUAL(format(F_sk_forward_alloc, (struct value){ .kind = VALUE_S64, .s = INT64_MIN }, VALUE_PLAIN),
			       "-9223372036854775808");
}

static void test_long_times(void)
{
	static const struct {
		uint64_t seconds;
		const char *human, *cell;
	} rows[] = {
		{ 1, "1 s", "1s" }, { 59, "59 s", "59s" }, { 60, "1m 0s", "1m0s" }, { 90, "1m 30s", "1m30s" },
		{ 3599, "59m 59s", "59m59s" }, { 3600, "1h 0m", "1h0m" }, { 11520, "3h 12m", "3h12m" },
		{ 86399, "23h 59m", "23h59m" }, { 86400, "1d 0h", "1d0h" }, { 187200, "2d 4h", "2d4h" },
		{ 400 * 86400, "400d 0h", "400d0h" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_STRING_EQUAL(format(F_age, u64(rows[i].seconds * 1000000), VALUE_HUMAN), rows[i].human);
		CU_ASSERT_STRING_EQUAL(format(F_state_age, u64(rows[i].seconds * 1000000), VALUE_SHORT), rows[i].cell);
	}
	CU_ASSERT_STRING_EQUAL(format(F_age, u64(90000000), VALUE_PLAIN), "90000000");
	CU_ASSERT_STRING_EQUAL(format(F_age, u64(59999999), VALUE_SHORT), "60s");
	CU_ASSERT_STRING_EQUAL(format(F_tcpi_rtt, u64(20400), VALUE_SHORT), "20.4ms");
	CU_ASSERT_STRING_EQUAL(format(F_age, u64(UINT64_MAX), VALUE_SHORT), "213503982d8h");
}

static void test_rates(void)
{
	static const struct {
		uint64_t thousandths;
		const char *plain, *human;
	} rows[] = {
		{ 0, "0", "0/s" }, { 1, "0.001", "0.001/s" }, { 10, "0.01", "0.01/s" }, { 750, "0.75", "0.75/s" },
		{ 1000, "1", "1/s" }, { 12300, "12.3", "12.3/s" }, { 12345, "12.345", "12.345/s" }, { 100000, "100", "100/s" },
		{ UINT64_MAX, "18446744073709551.615", "18446744073709551.615/s" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_STRING_EQUAL(format(F_retrans_rate, u64(rows[i].thousandths), VALUE_PLAIN), rows[i].plain);
		CU_ASSERT_STRING_EQUAL(format(F_retrans_rate, u64(rows[i].thousandths), VALUE_HUMAN), rows[i].human);
		CU_ASSERT_STRING_EQUAL(format(F_retrans_rate, u64(rows[i].thousandths), VALUE_SHORT), rows[i].human);
	}
	CU_ASSERT_STRING_EQUAL(format(F_tx_rate, u64(1536), VALUE_HUMAN), "1.5 KiB/s");
	CU_ASSERT_STRING_EQUAL(format(F_tx_rate, u64(1536), VALUE_SHORT), "1.5KiB/s");
	CU_ASSERT_STRING_EQUAL(format(F_tx_rate, u64(7), VALUE_SHORT), "7B/s");
	CU_ASSERT_STRING_EQUAL(format(F_tx_rate, u64(1536), VALUE_PLAIN), "1536");
}

static void test_text_u64(void)
{
	char text[21];

	for (uint64_t u = 1, i = 0; i < 20; i++, u *= 10) {
		char want[24];

		for (int d = -1; d <= 1; d++) {
			snprintf(want, sizeof(want), "%llu", (unsigned long long)(u + (uint64_t)d));
			text[text_u64(text, u + (uint64_t)d)] = '\0';
			CU_ASSERT_STRING_EQUAL(text, want);
		}
	}
}

static void test_words(void)
{
	CU_ASSERT_STRING_EQUAL(format(F_state, u64(10), VALUE_PLAIN), "LISTEN");
	CU_ASSERT_STRING_EQUAL(format(F_state, u64(77), VALUE_PLAIN), "77");
	CU_ASSERT_STRING_EQUAL(format(F_sk_shutdown, u64(3), VALUE_PLAIN), "RCV_SHUTDOWN,SEND_SHUTDOWN");
	CU_ASSERT_STRING_EQUAL(format(F_sk_shutdown, u64(0), VALUE_PLAIN), "none");
	CU_ASSERT_STRING_EQUAL(format(F_sk_shutdown, u64(0x81), VALUE_PLAIN), "RCV_SHUTDOWN,0x80");
}

static void test_escape(void)
{
	CU_ASSERT_STRING_EQUAL(escape("plain", 5), "plain");
	CU_ASSERT_STRING_EQUAL(escape("a\x1b[31mb", 7), "a\\x1b[31mb");
	CU_ASSERT_STRING_EQUAL(escape("\n\t\r\x7f\0", 5), "\\x0a\\x09\\x0d\\x7f\\x00");
	CU_ASSERT_STRING_EQUAL(escape("back\\slash", 10), "back\\\\slash");
	CU_ASSERT_STRING_EQUAL(escape("grün €", 9), "grün €");
	CU_ASSERT_STRING_EQUAL(escape("\xff\xfe", 2), "\\xff\\xfe");
	CU_ASSERT_STRING_EQUAL(escape("\xc3", 1), "\\xc3");
	CU_ASSERT_STRING_EQUAL(escape("\xc0\x80", 2), "\\xc0\\x80");
	CU_ASSERT_STRING_EQUAL(escape("\xed\xa0\x80", 3), "\\xed\\xa0\\x80");
	/* C1 CSI, line separator, right-to-left override */
	CU_ASSERT_STRING_EQUAL(escape("\xc2\x9b", 2), "\\xc2\\x9b");
	CU_ASSERT_STRING_EQUAL(escape("\xe2\x80\xa8", 3), "\\xe2\\x80\\xa8");
	CU_ASSERT_STRING_EQUAL(escape("\xe2\x80\xae", 3), "\\xe2\\x80\\xae");
}

static void test_escape_cuts_whole(void)
{
	char text[8];

	CU_ASSERT_EQUAL(text_escape(text, sizeof(text), "abcde\x1b", 6), 5);
	CU_ASSERT_EQUAL(text_escape(text, sizeof(text), "abcdef€", 9), 6);
	CU_ASSERT_EQUAL(text_escape(text, 1, "a", 1), 0);
	CU_ASSERT_EQUAL(text[0], '\0');
}

static void test_unescape(void)
{
	char text[16] = "a\\x1b\\\\b", bad[4][8] = { "\\", "\\x1", "\\xzz", "\\n" };
	size_t len;

	CU_ASSERT_EQUAL(text_unescape(text, strlen(text), &len), 0);
	CU_ASSERT_EQUAL(len, 4);
	CU_ASSERT_EQUAL(memcmp(text, "a\x1b\\b", 4), 0);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT(text_unescape(bad[i], strlen(bad[i]), &len) < 0);
}

static void test_round_trip(void)
{
	for (unsigned a = 0; a < 256; a++) {
		char data[3] = { 'x', (char)a, (char)(a * 7) }, text[64];
		size_t len;

		len = text_escape(text, sizeof(text), data, sizeof(data));
		CU_ASSERT_EQUAL(text_unescape(text, len, &len), 0);
		CU_ASSERT_EQUAL(len, sizeof(data));
		CU_ASSERT_EQUAL(memcmp(text, data, sizeof(data)), 0);
	}
}

static void test_small_buffers(void)
{
	for (size_t size = 0; size < 40; size++) {
		char text[41];
		struct value values[] = {
			u64(UINT64_MAX), u64(12345), u64(UINT64_MAX), u64(3), { .kind = VALUE_BOOL, .u = 1 }, { .kind = VALUE_STR, .str = { "\x01longer text here", 17 } },
			{ .kind = VALUE_ADDR, .addr = { .kind = ADDRESS_INET6, .ip = { 0xfe, 0x80, [15] = 1 } } },
		};
		enum field_id ids[] = { F_tcpi_bytes_sent, F_retrans_rate, F_age, F_sk_shutdown, F_ipv6only, F_netid, F_local };

		for (unsigned i = 0; i < 7; i++) {
			for (enum value_style style = VALUE_PLAIN; style <= VALUE_SHORT; style++) {
				memset(text, 'Z', sizeof(text));
				CU_ASSERT(value_format(field_get(ids[i]), &values[i], style, text, size) <= size);
				CU_ASSERT_EQUAL(text[size], 'Z');
			}
		}
	}
}

void suite_value(void)
{
	CU_pSuite s = CU_add_suite("value", NULL, NULL);

	CU_add_test(s, "numbers, plain and for people", test_numbers);
	CU_add_test(s, "times of a minute and more", test_long_times);
	CU_add_test(s, "thousandths and bytes a second", test_rates);
	CU_add_test(s, "digits at every power of ten", test_text_u64);
	CU_add_test(s, "enumerations and flags", test_words);
	CU_add_test(s, "nothing acts on a terminal", test_escape);
	CU_add_test(s, "a short buffer cuts at whole characters", test_escape_cuts_whole);
	CU_add_test(s, "escapes are undone", test_unescape);
	CU_add_test(s, "any bytes survive there and back", test_round_trip);
	CU_add_test(s, "a buffer's end is respected", test_small_buffers);
}
