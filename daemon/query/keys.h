/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a row must have to match: ports, addresses, cookies, inodes, pids that a table can be looked up by */

#ifndef SOCKETD_QUERY_KEYS_H
#define SOCKETD_QUERY_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "query/query.h"

enum query_key_kind {
	QUERY_KEY_PORT,    /* local or peer port is this */
	QUERY_KEY_ADDRESS, /* local or peer IP address is this one, whole; an IPv4 address is the IPv4-mapped IPv6 one too */
	QUERY_KEY_COOKIE,
	QUERY_KEY_INODE,
	QUERY_KEY_PID,     /* this process holds it */
};

struct query_key {
	enum query_key_kind kind;
	uint64_t number;
	struct address address;
};

#define QUERY_KEYS_MAX 16

/*
 * Keys of which every row that matches has at least one. 0 when there is no such
 * small set: the query has to look at all rows. Of an AND the part with the
 * most telling keys is taken (cookie, inode, pid, port, address in this order),
 * of an OR all parts must have some; a NOT has none.
 */
size_t query_keys(const struct query *q, struct query_key ret[static QUERY_KEYS_MAX]);

#endif
