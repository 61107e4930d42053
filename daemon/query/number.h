/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of the filter language: digits, units, ranges */

#ifndef SOCKETD_QUERY_NUMBER_H
#define SOCKETD_QUERY_NUMBER_H

#include <sys/types.h>

#include "query/parser.h"

/* A number as typed: sign, whole part in the field's unit, and whether something is left below it. */
struct number {
	bool negative;
	bool fraction;
	uint64_t whole;
};

/* -EINVAL: no number, or not in a unit of this field; -ERANGE: more than 64 bits. */
int number_scan(const struct field *f, const char *s, size_t len, struct number *ret);

/* A number, or LO-HI for = and !=. As number_scan; -EDOM for an empty or misplaced range. */
int number_range(const struct field *f, enum op op, const char *s, size_t len, struct range *ret);

/* Digits, maybe a point and more digits: *ret_digits / *ret_scale. Returns how many bytes, or -EINVAL, -ERANGE. */
ssize_t number_decimal(const char *s, size_t len, uint64_t *ret_digits, uint64_t *ret_scale);

/* What a comparison with a number lets through; an empty range (1, 0) when that is nothing. */
struct range number_compared(enum op op, uint64_t at, bool fraction);

/* What a literal of this field looks like, for messages. */
const char *number_hint(const struct field *f);

/* Cookies are hexadecimal without 0x, as they are printed. */
bool number_is_cookie(const struct field *f);

#endif
