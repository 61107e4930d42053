/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a field is found in a message: one slot a field, one table a file, one decoder a kind of message */

#ifndef SOCKETD_DECODE_SLOT_H
#define SOCKETD_DECODE_SLOT_H

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decode/record.h"
#include "model/address.h"
#include "model/cleanup.h"
#include "model/words.h"

enum slot_op {
	SLOT_UNKNOWN, /* this table does not have the field: the next one is asked */
	SLOT_HIDDEN,  /* nor has any table behind this one */
	SLOT_BOOL,    /* u8, 0 or not */
	SLOT_U8,
	SLOT_U16,
	SLOT_U32,
	SLOT_U64,
	SLOT_S32,
	SLOT_PORT,     /* big-endian u16 */
	SLOT_NZ8,      /* as U8, U32 and U64, but 0 says that there is none */
	SLOT_NZ32,
	SLOT_NZ64,
	SLOT_BIT,      /* bool: a bit of a byte, by mask */
	SLOT_BITS,     /* number: bits of a byte, by mask */
	SLOT_STR,      /* the whole attribute, up to a NUL */
	SLOT_CHARS,    /* mul bytes, up to a NUL; empty is absent */
	SLOT_FLAG,     /* bool: the innermost attribute is there; absent when what it is nested in is not */
	SLOT_CONST,    /* mul itself: what every message of the kind has */
	SLOT_COOKIE,   /* u32[2], low half first; all ones is none (INET_DIAG_NOCOOKIE) */
	SLOT_UID,      /* u32; 0 without an inode was not told by the kernel (sock_i_uid of an orphan) */
	SLOT_U32_LIST, /* the whole attribute as u32 */
	SLOT_GET,      /* derived: the function */
	SLOT_GET_LIST, /* derived, with n-th element */
	SLOT_PACKED,   /* a row of a group of the kernel module: nest[0] is its wire, mul its bit (decode/module_groups.c) */
};

/* Where the bytes are, in place of an attribute's number. */
#define SLOT_HEADER 0xff  /* the family's header */
#define SLOT_PROC 0xfe    /* struct proc_words */
#define SLOT_SKMEM 0xfd   /* the attribute that decoder->skmeminfo names */
#define SLOT_FLAT 0xff    /* in nest[]: no (further) nesting */

typedef int slot_get(struct record *r, enum field_id id, unsigned n, struct value *ret);

struct slot {
	uint8_t op;      /* enum slot_op */
	uint8_t attr;
	uint8_t nest[2]; /* attribute within attr, attribute within that */
	uint16_t offset;
	uint16_t mul;    /* factor to the unit of the catalogue; at most 1000, so 32 bits times it fit */
	union {
		uint64_t mask;
		slot_get *get;
	};
};

/* Rows of a table: [F_tcpi_rtt] = SLOT(U32, INET_DIAG_INFO, offsetof(struct tcp_info, tcpi_rtt)) */
#define SLOT_AT(o, a, n0, n1, off, m) \
	{ .op = SLOT_##o, .attr = (a), .nest = { (n0), (n1) }, .offset = (off), .mul = (m) }
#define SLOT(o, a, off) SLOT_AT(o, a, SLOT_FLAT, SLOT_FLAT, off, 1)
#define SLOT_MSEC(o, a, off) SLOT_AT(o, a, SLOT_FLAT, SLOT_FLAT, off, 1000)
#define SLOT_IN(o, a, n0) SLOT_AT(o, a, n0, SLOT_FLAT, 0, 1)
#define SLOT_IN_IN(o, a, n0, n1) SLOT_AT(o, a, n0, n1, 0, 1)
#define SLOT_MASK(o, a, off, bits)                                                                  \
	{ .op = SLOT_##o, .attr = (a), .nest = { SLOT_FLAT, SLOT_FLAT }, .offset = (off), .mul = 1, \
	  .mask = (bits) }
#define SLOT_VALUE(v) SLOT_AT(CONST, SLOT_HEADER, SLOT_FLAT, SLOT_FLAT, 0, v)
#define SLOT_FN(fn) { .op = SLOT_GET, .get = (fn) }
#define SLOT_LIST_FN(fn) { .op = SLOT_GET_LIST, .get = (fn) }
#define SLOT_NEVER { .op = SLOT_HIDDEN }

struct slot_table {
	const struct slot *slots; /* by field id */
	size_t n;
};

#define SLOT_TABLE(rows) { (rows), ARRAY_SIZE(rows) }

#define DECODER_TABLES 8

/* A kind of message. */
struct decoder {
	uint16_t header;   /* bytes before the attributes; a shorter message is damaged */
	uint8_t skmeminfo; /* attribute with SK_MEMINFO_*, when skmeminfo_table is among the tables */
	/* Reads what record_open cannot: NULL when the attributes behind the header are all there is. */
	int (*open)(struct record *r);
	const struct slot_table *tables[DECODER_TABLES]; /* in the order of search, ended by NULL */
};

extern const struct decoder inet_tcp_decoder, inet_dgram_decoder, mptcp_decoder, sctp_decoder,
	sctp_assoc_decoder, unix_decoder, netlink_decoder, packet_decoder, vsock_decoder, xdp_decoder,
	smc_decoder, tipc_decoder, proc_inet_decoder, module_decoder;

extern const struct slot_table inet_table, inet_listen_table, inet_cong_table, tcp_info_table,
	tcp_info_listen_table, ulp_table, skmeminfo_table, owner_table, track_table, peer_table, unit_table;

/* What the kernel module's message of a socket adds to its row: the head's, then the groups'. */
extern const struct slot_table module_head_table, module_group_table;

/*
 * Fills attr[] (cleared before) from a row of attributes; numbers of
 * RECORD_ATTR_MAX and more are left out. -EBADMSG when one overruns the row.
 */
int slot_parse(const struct nlattr **attr, const uint8_t *data, size_t len);

/* The first attribute of a type in a row, or NULL. Stops quietly at damage: what is behind is absent. */
const struct nlattr *slot_find(const uint8_t *data, size_t len, unsigned type);

/* The next attribute of a row and what follows it; NULL at its end or at damage. */
const struct nlattr *slot_next(const uint8_t **data, size_t *len);

/* Whether rows of a source can have rates. */
bool track_has_rates(enum source_id source);

/* Whether rows of a source can have another end that is found, with this field of group peer; the groups that it is asked for with. */
bool peer_is_possible(enum source_id source, enum field_id id);
uint32_t peer_groups(enum field_id id);

/* The module's message of the socket that the record is of; NULL for none. A damaged one is none. */
void module_join(struct record *r, const uint8_t *data, size_t len);
/* As record_get, of a slot of SLOT_PACKED. */
int module_get_packed(struct record *r, const struct slot *s, enum field_id id, unsigned n, struct value *ret);

/* enum smc_state in TCP's numbers; what has no counterpart keeps its own. */
unsigned smc_tcp_state(unsigned state);
void vsock_value_cid(struct value *ret, uint32_t cid);

/* Makers of values; all return 0 or -ENODATA. */
int slot_value_ip(struct value *ret, unsigned family, const uint8_t *ip);
int slot_value_sockaddr(struct value *ret, const uint8_t *data, size_t len);
int slot_value_word(struct record *r, const struct words *w, uint64_t number, struct value *ret);
int slot_value_address_word(struct record *r, const struct words *w, uint64_t number, struct value *ret);
int slot_value_dev(const struct record *r, uint32_t ifindex, struct value *ret);

/* Payload of an attribute. Streams may hold it unaligned, so its head is copied. */
static inline const uint8_t *slot_payload(const struct nlattr *a, size_t *ret_len)
{
	struct nlattr head;

	memcpy(&head, a, sizeof(head));
	*ret_len = head.nla_len - NLA_HDRLEN;
	return (const uint8_t *)a + NLA_HDRLEN;
}

static inline unsigned slot_type(const struct nlattr *a)
{
	struct nlattr head;

	memcpy(&head, a, sizeof(head));
	return head.nla_type & NLA_TYPE_MASK;
}

static inline uint16_t slot_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t slot_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t slot_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
