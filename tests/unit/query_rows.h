/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows made by hand for the tests of queries, and the names that go with them */

#ifndef SOCKETD_TESTS_QUERY_ROWS_H
#define SOCKETD_TESTS_QUERY_ROWS_H

#include "build_message.h"
#include "query/query.h"

/* An inet row. Zero cookie, inode or cgroup: the row has none. */
struct row {
	enum source_id source;
	unsigned state;
	const char *local, *peer; /* IP addresses of the source's family; NULL is unspecified */
	uint16_t local_port, peer_port;
	uint32_t ifindex, inode, uid, mark, recv_q, send_q;
	uint64_t cookie, cgroup;
	const void *info; /* struct tcp_info */
	size_t info_len;
};

/* Every row has a mark, as root sees it. */
void row_build(struct built *b, const struct row *row);

void row_build_unix(struct built *b, unsigned type, unsigned state, const char *name, size_t len, uint32_t inode);

/*
 * Devices 1 lo and 2 eth0; groups 5 /system.slice/nginx.service and 6
 * /user.slice; inode 77 is held by 100 "curl" (root, 3 and 4) and 200 "wget 2",
 * inode 88 by 200.
 */
struct context *rows_context(void);

/* A callback for each name above. */
extern const struct plan_names rows_names;

/* Parses, or fails the test. */
struct query *rows_query(const char *text);

#endif
