/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An address of any family: text, parsing, and prefixes */

#ifndef SOCKETD_MODEL_ADDRESS_H
#define SOCKETD_MODEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum address_kind {
	ADDRESS_INET,   /* ip[0..3] */
	ADDRESS_INET6,  /* ip[0..15] */
	ADDRESS_UNIX,   /* name, len: as in sun_path; an abstract one begins with NUL; len 0 is unnamed */
	ADDRESS_WORD,   /* name, len: a word, such as a netlink family or an ethertype */
	ADDRESS_NUMBER, /* number: a vsock cid, a TIPC node */
};

struct address {
	enum address_kind kind;
	uint32_t number;
	union {
		uint8_t ip[16];
		struct {
			const char *name; /* borrowed */
			size_t len;
		};
	};
};

/* 108 bytes of a UNIX path, each escaped, and the NUL. */
#define ADDRESS_TEXT_MAX 448

/*
 * Text of an address: IPv6 as RFC 5952 has it, without brackets; "@name" for
 * an abstract UNIX name; "*" for an unnamed one; vsock "*", "host" and "local"
 * where the number has such a meaning is the decoder's work (ADDRESS_WORD).
 * Ends with a NUL, returns the length.
 */
size_t address_format(const struct address *a, char *buf, size_t size);

/* Parses IPv4 or IPv6 text (no brackets, no prefix). -EINVAL when it is neither. */
int address_parse_ip(const char *text, size_t len, struct address *ret);

/* 0.0.0.0, ::, or no name. */
bool address_is_any(const struct address *a);

/*
 * Whether an IP address lies in prefix/bits. As in the kernel's bytecode
 * (inet_diag_bc_run), an IPv4 prefix also takes in IPv4-mapped IPv6 addresses.
 */
bool address_in_prefix(const struct address *a, const struct address *prefix, unsigned bits);

/* <0, 0, >0; total order over all kinds, for sorting. */
int address_compare(const struct address *a, const struct address *b);

#endif
