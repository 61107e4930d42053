/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages made by hand, and what a test expects of their fields */

#ifndef SOCKETD_TESTS_BUILD_MESSAGE_H
#define SOCKETD_TESTS_BUILD_MESSAGE_H

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decode/record.h"
#include "model/words.h"

struct built {
	_Alignas(8) uint8_t data[8192];
	size_t len;
	enum source_id source;
};

void built_begin(struct built *b, enum source_id source, const void *header, size_t len);
void built_attr(struct built *b, unsigned type, const void *data, size_t len);
void built_u8(struct built *b, unsigned type, uint8_t v);
void built_u16(struct built *b, unsigned type, uint16_t v);
void built_u32(struct built *b, unsigned type, uint32_t v);
void built_u64(struct built *b, unsigned type, uint64_t v);
void built_str(struct built *b, unsigned type, const char *s); /* with its NUL */
size_t built_nest(struct built *b, unsigned type);
void built_nest_end(struct built *b, size_t nest);
void built_line(struct built *b, enum source_id source, const char *line);

/* An inet message: an established row of port 443 to 5000 with inode 77, cookie 0x200000001, uid 1000; raw ones of protocol 58. */
void built_inet(struct built *b, enum source_id source, unsigned state);

/* One message of each source, with every attribute that its family can have. */
void built_full(struct built *b, enum source_id source);

/* Opens a message in memory of exactly its length, so that a sanitizer sees a read behind it. */
struct opened {
	struct record r;
	uint8_t *copy;
	int error;
};

void opened_init(struct opened *o, const struct built *b, const struct context *c);
void opened_deinit(struct opened *o);

struct value built_get(struct record *r, enum field_id id, unsigned n); /* VALUE_NONE when absent */
const char *built_text(struct record *r, enum field_id id, unsigned n); /* of a string or an address, or "" */

#define EXPECT_ABSENT_N(r, id, n)                                          \
	do {                                                               \
		struct value v_ = { .kind = VALUE_NONE };                  \
		CU_ASSERT_EQUAL(record_get(r, id, n, &v_), -ENODATA);      \
		CU_ASSERT_EQUAL(v_.kind, VALUE_NONE);                      \
	} while (0)
#define EXPECT_ABSENT(r, id) EXPECT_ABSENT_N(r, id, 0)
#define EXPECT_KIND_N(r, id, n, k, member, want)                   \
	do {                                                       \
		struct value v_ = built_get(r, id, n);             \
		CU_ASSERT_EQUAL(v_.kind, k);                       \
		CU_ASSERT_EQUAL(v_.member, (want));                \
	} while (0)
#define EXPECT_U64_N(r, id, n, want) EXPECT_KIND_N(r, id, n, VALUE_U64, u, (uint64_t)(want))
#define EXPECT_U64(r, id, want) EXPECT_U64_N(r, id, 0, want)
#define EXPECT_S64(r, id, want) EXPECT_KIND_N(r, id, 0, VALUE_S64, s, (int64_t)(want))
#define EXPECT_BOOL(r, id, want) EXPECT_KIND_N(r, id, 0, VALUE_BOOL, u, (uint64_t)(want))
#define EXPECT_TEXT_N(r, id, n, want) CU_ASSERT_STRING_EQUAL(built_text(r, id, n), want)
#define EXPECT_TEXT(r, id, want) EXPECT_TEXT_N(r, id, 0, want)

#endif
