/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A value as text */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/cleanup.h"
#include "model/value.h"
#include "model/words.h"

size_t text_u64(char *buf, uint64_t u)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
		"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
		"8081828384858687888990919293949596979899";
	char tmp[20];
	size_t i = sizeof(tmp);

	while (u >= 100) {
		i -= 2;
		memcpy(tmp + i, pairs + 2 * (u % 100), 2);
		u /= 100;
	}
	if (u >= 10) {
		i -= 2;
		memcpy(tmp + i, pairs + 2 * u, 2);
	} else {
		tmp[--i] = (char)('0' + u);
	}
	memcpy(buf, tmp + i, sizeof(tmp) - i);
	return sizeof(tmp) - i;
}

/* Length of the valid UTF-8 sequence at data, 0 when there is none (RFC 3629: no surrogates, no overlong forms). */
static size_t utf8_length(const unsigned char *data, size_t len)
{
	size_t n = data[0] < 0xc2 ? 0 : data[0] < 0xe0 ? 2 : data[0] < 0xf0 ? 3 : data[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((data[i] & 0xc0) != 0x80)
			return 0;
	if ((data[0] == 0xe0 && data[1] < 0xa0) || (data[0] == 0xed && data[1] >= 0xa0) ||
	    (data[0] == 0xf0 && data[1] < 0x90) || (data[0] == 0xf4 && data[1] >= 0x90))
		return 0;
	/* C1 controls act on terminals; U+2028 and U+2029 break lines; U+200E.. and U+202A.. turn text around. */
	if ((data[0] == 0xc2 && data[1] < 0xa0) ||
	    (data[0] == 0xe2 && data[1] == 0x80 && ((data[2] >= 0x8e && data[2] <= 0x8f) || (data[2] >= 0xa8 && data[2] <= 0xae))) ||
	    (data[0] == 0xe2 && data[1] == 0x81 && data[2] >= 0xa6 && data[2] <= 0xa9))
		return 0;
	return n;
}

size_t text_escape(char *buf, size_t size, const char *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *in = (const unsigned char *)data;
	size_t n = 0;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < len;) {
		size_t utf8;

		if (in[i] >= 0x20 && in[i] < 0x7f && in[i] != '\\') {
			if (n + 1 >= size)
				break;
			buf[n++] = (char)in[i++];
		} else if (in[i] == '\\') {
			if (n + 2 >= size)
				break;
			buf[n++] = '\\';
			buf[n++] = '\\';
			i++;
		} else if ((utf8 = utf8_length(in + i, len - i))) {
			if (n + utf8 >= size)
				break;
			memcpy(buf + n, in + i, utf8);
			n += utf8;
			i += utf8;
		} else {
			if (n + 4 >= size)
				break;
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = hex[in[i] >> 4];
			buf[n++] = hex[in[i] & 15];
			i++;
		}
	}
	buf[n] = '\0';
	return n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_unescape(char *text, size_t len, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\\') {
			text[n++] = text[i];
		} else if (i + 1 < len && text[i + 1] == '\\') {
			text[n++] = '\\';
			i++;
		} else if (i + 3 < len && text[i + 1] == 'x' && hex_digit(text[i + 2]) >= 0 && hex_digit(text[i + 3]) >= 0) {
			text[n++] = (char)(hex_digit(text[i + 2]) << 4 | hex_digit(text[i + 3]));
			i += 3;
		} else {
			return -EINVAL;
		}
	}
	*ret_len = n;
	return 0;
}

static size_t append(char *buf, size_t size, size_t n, const char *text, size_t len)
{
	if (n + len >= size)
		len = size - 1 - n;
	memcpy(buf + n, text, len);
	buf[n + len] = '\0';
	return n + len;
}

static size_t format_flags(const struct words *w, uint64_t flags, char *buf, size_t size)
{
	size_t n = 0;
	char rest[24];

	buf[0] = '\0';
	for (size_t i = 0; i < w->n_rows; i++) {
		if ((flags & w->rows[i].value) != w->rows[i].value)
			continue;
		flags &= ~w->rows[i].value;
		if (n)
			n = append(buf, size, n, ",", 1);
		n = append(buf, size, n, w->rows[i].word, strlen(w->rows[i].word));
	}
	if (flags) {
		int len = snprintf(rest, sizeof(rest), "%s0x%llx", n ? "," : "", (unsigned long long)flags);

		n = append(buf, size, n, rest, (size_t)len);
	}
	if (n == 0)
		n = append(buf, size, 0, "none", 4);
	return n;
}

/* Of a number held in parts of one, as exact as it is: 12.3. Room for 24 bytes. */
static size_t format_parts(char *buf, uint64_t u, unsigned scale)
{
	size_t n = text_u64(buf, u / scale);
	uint64_t rest = u % scale;

	if (rest)
		buf[n++] = '.';
	while (rest) {
		rest *= 10;
		buf[n++] = (char)('0' + rest / scale);
		rest %= scale;
	}
	return n;
}

/* A time of a minute and more in its two largest units: 1m 30s, 3h 12m, 2d 4h. */
static size_t format_long_time(uint64_t seconds, const char *gap, char *buf, size_t size)
{
	static const struct {
		unsigned seconds;
		char large, small;
		unsigned part;
	} units[] = { { 86400, 'd', 'h', 3600 }, { 3600, 'h', 'm', 60 }, { 60, 'm', 's', 1 } };
	unsigned i = 0;

	while (i + 1 < ARRAY_SIZE(units) && seconds < units[i].seconds)
		i++;
	return (size_t)snprintf(buf, size, "%llu%c%s%llu%c", (unsigned long long)(seconds / units[i].seconds), units[i].large,
				gap, (unsigned long long)(seconds % units[i].seconds / units[i].part), units[i].small);
}

/* Three digits or so, and the unit that makes them so. */
static size_t format_human(const struct field_unit *unit, uint64_t u, const char *gap, char *buf, size_t size)
{
	static const char *const time_units[] = { "µs", "ms", "s" };
	static const char *const byte_units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)u;
	char parts[24];
	unsigned i = 0;

	if (!strcmp(unit->name, "usec")) {
		if (u >= 60 * 1000 * 1000)
			return format_long_time(u / (1000 * 1000), gap, buf, size);
		while (i + 1 < ARRAY_SIZE(time_units) && v >= 1000) {
			v /= 1000;
			i++;
		}
		return (size_t)snprintf(buf, size, "%.4g%s%s", v, gap, time_units[i]);
	}
	if (!strcmp(unit->name, "per_second"))
		return (size_t)snprintf(buf, size, "%.*s%s", (int)format_parts(parts, u, unit->scale), parts, unit->suffix);
	if (!strcmp(unit->name, "bytes") || !strcmp(unit->name, "bytes_per_second")) {
		if (u == UINT64_MAX && unit->name[5])
			return (size_t)snprintf(buf, size, "unlimited");
		while (i + 1 < ARRAY_SIZE(byte_units) && v >= 1024) {
			v /= 1024;
			i++;
		}
		if (i == 0)
			return (size_t)snprintf(buf, size, "%llu%s%s%s", (unsigned long long)u, gap, byte_units[0],
						unit->name[5] ? "/s" : "");
		return (size_t)snprintf(buf, size, "%.4g%s%s%s", v, gap, byte_units[i], unit->name[5] ? "/s" : "");
	}
	return 0;
}

static size_t format_unsigned(const struct field *f, uint64_t u, enum value_style style, char *buf, size_t size)
{
	const struct field_unit *unit = f->unit;
	const char *word;
	char digits[24];
	size_t n;

	switch (unit->kind) {
	case UNIT_ENUM:
		word = words_find(unit->words, u);
		if (word)
			return append(buf, size, 0, word, strlen(word));
		break;
	case UNIT_FLAGS:
		return format_flags(unit->words, u, buf, size);
	case UNIT_NUMBER:
		if (unit->name[0] == 'h') { /* hex */
			n = (size_t)snprintf(buf, size, f->id == F_cookie ? "%llx" : "0x%llx", (unsigned long long)u);
			return n < size ? n : size - 1;
		}
		if (style != VALUE_PLAIN) {
			n = format_human(unit, u, style == VALUE_SHORT ? "" : " ", buf, size);
			if (n)
				return n < size ? n : size - 1;
		}
		break;
	}
	n = unit->scale > 1 ? format_parts(digits, u, unit->scale) : text_u64(digits, u);
	return n < size ? append(buf, size, 0, digits, n) : append(buf, size, 0, "", 0);
}

size_t value_format(const struct field *f, const struct value *v, enum value_style style, char *buf, size_t size)
{
	size_t n;

	if (size == 0)
		return 0;
	buf[0] = '\0';
	switch (v->kind) {
	case VALUE_NONE:
		return 0;
	case VALUE_BOOL:
		return append(buf, size, 0, v->u ? "yes" : "no", v->u ? 3 : 2);
	case VALUE_U64:
		return format_unsigned(f, v->u, style, buf, size);
	case VALUE_S64:
		if (v->s >= 0)
			return format_unsigned(f, (uint64_t)v->s, style, buf, size);
		n = append(buf, size, 0, "-", 1);
		return n + format_unsigned(f, -(uint64_t)v->s, style, buf + n, size - n);
	case VALUE_STR:
		return text_escape(buf, size, v->str.data, v->str.len);
	case VALUE_ADDR:
		return address_format(&v->addr, buf, size);
	}
	return 0;
}
