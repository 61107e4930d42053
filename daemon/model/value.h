/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A value of a field: typed, and as text */

#ifndef SOCKETD_MODEL_VALUE_H
#define SOCKETD_MODEL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "model/field.h"

enum value_kind {
	VALUE_NONE,
	VALUE_BOOL, /* u: 0 or 1 */
	VALUE_U64,  /* u */
	VALUE_S64,  /* s */
	VALUE_STR,  /* str: any bytes, not ended by a NUL; borrowed from the record */
	VALUE_ADDR, /* addr */
};

struct value {
	enum value_kind kind;
	union {
		uint64_t u;
		int64_t s;
		struct {
			const char *data;
			size_t len;
		} str;
		struct address addr;
	};
};

static inline void value_set_u64(struct value *v, uint64_t u)
{
	v->kind = VALUE_U64;
	v->u = u;
}

static inline void value_set_bool(struct value *v, bool b)
{
	v->kind = VALUE_BOOL;
	v->u = b;
}

static inline void value_set_s64(struct value *v, int64_t s)
{
	v->kind = VALUE_S64;
	v->s = s;
}

static inline void value_set_str(struct value *v, const char *data, size_t len)
{
	v->kind = VALUE_STR;
	v->str.data = data;
	v->str.len = len;
}

/* Long enough for any value but a long string or a long set of flags, which are cut with "…". */
#define VALUE_TEXT_MAX 512

/* How numbers are written. */
enum value_style {
	VALUE_PLAIN, /* digits only, of thousandths with a point: tables, CSV */
	VALUE_HUMAN, /* with a unit, large ones scaled: 20.4 ms, 1.2 MiB, 3h 12m */
	VALUE_SHORT, /* the same in one word, for a column of a table: 20.4ms, 3h12m */
};

/*
 * Writes a value as text that is safe on a terminal: enums and flags as words,
 * odd bytes escaped (text_escape). Ends it with a NUL and returns its length,
 * at most size - 1.
 */
size_t value_format(const struct field *f, const struct value *v, enum value_style style, char *buf, size_t size);

/*
 * Copies bytes so that nothing in them can act on a terminal or break UTF-8:
 * C0, DEL, C1 and invalid UTF-8 become \xHH, a backslash \\. Cut at a whole
 * character when size is short. Ends with a NUL, returns the length.
 */
size_t text_escape(char *buf, size_t size, const char *data, size_t len);

/* Undoes text_escape in place (filters quote names as we print them). -EINVAL on a bad escape. Returns the length. */
int text_unescape(char *text, size_t len, size_t *ret_len);

/* Decimal digits of u at buf (20 bytes are enough), not ended; returns the count. */
size_t text_u64(char *buf, uint64_t u);

#endif
