/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers with units: 20ms, 64KiB, 10mbit, 0x1f, 8000-8100, exact in integers */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "query/number.h"

/* A unit of literals: one of it is mul/div of the field's. */
struct unit {
	const char *suffix;
	uint64_t mul, div;
};

/* Times in ns. "m" is a minute: a metre or a million is no time. */
static const struct unit time_units[] = {
	{ "ns", 1, 1 },
	{ "us", 1000, 1 },
	{ "\xc2\xb5s", 1000, 1 }, /* micro sign */
	{ "\xce\xbcs", 1000, 1 }, /* Greek mu */
	{ "ms", 1000 * 1000, 1 },
	{ "s", UINT64_C(1000) * 1000 * 1000, 1 },
	{ "m", UINT64_C(60) * 1000 * 1000 * 1000, 1 },
	{ "min", UINT64_C(60) * 1000 * 1000 * 1000, 1 },
	{ "h", UINT64_C(3600) * 1000 * 1000 * 1000, 1 },
	{ "d", UINT64_C(86400) * 1000 * 1000 * 1000, 1 },
	{},
};

#define KIB UINT64_C(1024)

static const struct unit byte_units[] = {
	{ "B", 1, 1 },
	{ "K", KIB, 1 },
	{ "KiB", KIB, 1 },
	{ "KB", 1000, 1 },
	{ "M", KIB *KIB, 1 },
	{ "MiB", KIB *KIB, 1 },
	{ "MB", 1000 * 1000, 1 },
	{ "G", KIB *KIB *KIB, 1 },
	{ "GiB", KIB *KIB *KIB, 1 },
	{ "GB", 1000 * 1000 * 1000, 1 },
	{ "T", KIB *KIB *KIB *KIB, 1 },
	{ "TiB", KIB *KIB *KIB *KIB, 1 },
	{ "TB", UINT64_C(1000) * 1000 * 1000 * 1000, 1 },
	{},
};

static const struct unit bit_units[] = {
	{ "bit", 1, 8 },
	{ "kbit", 1000, 8 },
	{ "mbit", 1000 * 1000, 8 },
	{ "gbit", 1000 * 1000 * 1000, 8 },
	{ "bps", 1, 8 },
	{ "kbps", 1000, 8 },
	{ "mbps", 1000 * 1000, 8 },
	{ "gbps", 1000 * 1000 * 1000, 8 },
	{},
};

/* Binary units and time are written in one way, decimal bytes and bits in any case. */
static const struct unit *unit_find(const struct unit *units, const char *suffix, size_t len, bool any_case)
{
	for (; units->suffix; units++)
		if (strlen(units->suffix) == len &&
		    (any_case ? strncasecmp(units->suffix, suffix, len) : strncmp(units->suffix, suffix, len)) == 0)
			return units;
	return NULL;
}

/* Of a literal's suffix, for a field. False when the field's unit does not know it; *hint says what it knows. */
static bool unit_of(const struct field *f, const char *suffix, size_t len, struct unit *ret, const char **hint)
{
	const char *unit = f->unit->name;
	const struct unit *found;

	*ret = (struct unit){ .mul = 1, .div = 1 };
	if (!strcmp(unit, "usec") || !strcmp(unit, "nsec")) {
		*hint = "a time, such as 20ms (ns us ms s m h d; alone, in the field's own unit)";
		found = unit_find(time_units, suffix, len, false);
		if (found)
			*ret = *found;
		if (found && unit[0] == 'u')
			ret->div *= 1000;
		return found || len == 0;
	}
	if (!strcmp(unit, "bytes") || !strcmp(unit, "by_state")) {
		*hint = "a size, such as 64KiB (B K KiB KB M MiB MB G GiB GB)";
		found = unit_find(byte_units, suffix, len, true);
	} else if (!strcmp(unit, "bytes_per_second")) {
		*hint = "a rate, such as 10mbit or 2MB/s (bit kbit mbit gbit, B/s KB/s MB/s; alone, bytes a second)";
		found = unit_find(bit_units, suffix, len, true);
		if (!found && len > 2 && memcmp(suffix + len - 2, "/s", 2) == 0)
			len -= 2;
		if (!found)
			found = unit_find(byte_units, suffix, len, true);
	} else if (!strcmp(unit, "per_second")) {
		*hint = "a number of them a second, such as 0.5 or 12/s";
		found = NULL;
		if (len == 2 && memcmp(suffix, "/s", 2) == 0)
			len = 0;
		ret->mul = f->unit->scale;
	} else {
		*hint = "a number";
		found = NULL;
	}
	if (found)
		*ret = *found;
	return found || len == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int scan_hex(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (hex_value(s[i]) < 0)
			return -EINVAL;
		if (v >> 60)
			return -ERANGE;
		v = v << 4 | (unsigned)hex_value(s[i]);
	}
	*ret = v;
	return 0;
}

ssize_t number_decimal(const char *s, size_t len, uint64_t *ret_digits, uint64_t *ret_scale)
{
	uint64_t v = 0, scale = 1;
	bool point = false;
	size_t i;

	for (i = 0; i < len && (is_digit(s[i]) || (s[i] == '.' && !point)); i++) {
		if (s[i] == '.') {
			point = true;
			if (i == 0 || i + 1 >= len || !is_digit(s[i + 1]))
				return -EINVAL;
			continue;
		}
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (unsigned)(s[i] - '0'), &v) ||
		    (point && __builtin_mul_overflow(scale, 10u, &scale)))
			return -ERANGE;
	}
	if (i == 0)
		return -EINVAL;
	*ret_digits = v;
	*ret_scale = scale;
	return (ssize_t)i;
}

bool number_is_cookie(const struct field *f)
{
	return f->id == F_cookie || f->id == F_sk_cookie || f->id == F_socket_sk;
}

int number_scan(const struct field *f, const char *s, size_t len, struct number *ret)
{
	struct number n = {};
	uint64_t digits, scale;
	unsigned __int128 product;
	struct unit unit;
	const char *hint;
	ssize_t used;
	int r;

	if (len > 1 && s[0] == '-') {
		n.negative = true;
		s++;
		len--;
	}
	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		r = scan_hex(s + 2, len - 2, &n.whole);
	else if (number_is_cookie(f))
		r = scan_hex(s, len, &n.whole);
	else
		r = 1;
	if (r == 0 && __builtin_mul_overflow(n.whole, (uint64_t)f->unit->scale, &n.whole))
		r = -ERANGE;
	if (r < 0)
		return r;
	if (r == 0) {
		*ret = n;
		return 0;
	}
	used = number_decimal(s, len, &digits, &scale);
	if (used < 0)
		return (int)used;
	if (!unit_of(f, s + used, len - (size_t)used, &unit, &hint))
		return -EINVAL;
	if (__builtin_mul_overflow(scale, unit.div, &unit.div))
		return -ERANGE;
	product = (unsigned __int128)digits * unit.mul;
	if (product / unit.div > UINT64_MAX)
		return -ERANGE;
	n.whole = (uint64_t)(product / unit.div);
	n.fraction = product % unit.div != 0;
	*ret = n;
	return 0;
}

/* The place of a number in the order of the field's ranges. False when it is below or above all of them. */
static bool number_ordinal(const struct field *f, const struct number *n, uint64_t *ret)
{
	bool is_signed = tree_is_signed(f->id);

	if (!is_signed && n->negative && n->whole)
		return false;
	if (is_signed && n->whole >= ORDINAL_SIGN)
		return false;
	*ret = !is_signed ? n->whole : (n->negative ? -n->whole : n->whole) ^ ORDINAL_SIGN;
	return true;
}

struct range number_compared(enum op op, uint64_t at, bool fraction)
{
	static const struct range empty = { 1, 0 };

	switch (op) {
	case OP_LT:
		return fraction ? (struct range){ 0, at } : at ? (struct range){ 0, at - 1 } : empty;
	case OP_LE:
		return (struct range){ 0, at };
	case OP_GT:
		return at < UINT64_MAX ? (struct range){ at + 1, UINT64_MAX } : empty;
	case OP_GE:
		return !fraction         ? (struct range){ at, UINT64_MAX }
		       : at < UINT64_MAX ? (struct range){ at + 1, UINT64_MAX }
					 : empty;
	case OP_EQ:
	case OP_NE:
		return fraction ? empty : (struct range){ at, at };
	case OP_NONE:
	case OP_GLOB:
	case OP_NOT_GLOB:
	case OP_IN:
	case OP_NOT_IN:
		break;
	}
	return empty;
}

int number_range(const struct field *f, enum op op, const char *s, size_t len, struct range *ret)
{
	const char *dash = len > 1 ? memchr(s + 1, '-', len - 1) : NULL;
	struct number lo, hi;
	uint64_t first, last;
	int r;

	if (!dash) {
		r = number_scan(f, s, len, &lo);
		if (r < 0)
			return r;
		if ((lo.negative && lo.fraction) || !number_ordinal(f, &lo, &first))
			return -ERANGE;
		*ret = number_compared(op, first, lo.fraction);
		return 0;
	}
	r = number_scan(f, s, (size_t)(dash - s), &lo);
	if (r >= 0)
		r = number_scan(f, dash + 1, len - (size_t)(dash - s) - 1, &hi);
	if (r < 0)
		return r;
	if (lo.fraction || hi.fraction || !number_ordinal(f, &lo, &first) || !number_ordinal(f, &hi, &last))
		return -ERANGE;
	if (first > last || (op != OP_EQ && op != OP_NE))
		return -EDOM;
	*ret = (struct range){ first, last };
	return 0;
}

const char *number_hint(const struct field *f)
{
	const char *hint;
	struct unit unit;

	unit_of(f, "", 0, &unit, &hint);
	return hint;
}
