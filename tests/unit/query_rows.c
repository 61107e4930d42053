/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows made by hand for the tests of queries */

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>

#include "query_rows.h"
#include "snapshot/writer.h"

#define ATTR_CGROUP_ID 21 /* INET_DIAG_CGROUP_ID */

static void put_address(uint16_t family, const char *text, __be32 *ret)
{
	if (text)
		CU_ASSERT_EQUAL_FATAL(inet_pton(family, text, ret), 1);
}

void row_build(struct built *b, const struct row *row)
{
	const struct source_def *def = source_def_get(row->source);
	struct inet_diag_msg m = {
		.idiag_family = (uint8_t)def->family,
		.idiag_state = (uint8_t)row->state,
		.idiag_rqueue = row->recv_q,
		.idiag_wqueue = row->send_q,
		.idiag_uid = row->uid,
		.idiag_inode = row->inode,
		.id.idiag_sport = htons(row->local_port),
		.id.idiag_dport = htons(row->peer_port),
		.id.idiag_if = row->ifindex,
		.id.idiag_cookie = { (uint32_t)row->cookie, (uint32_t)(row->cookie >> 32) },
	};

	put_address(def->family, row->local, m.id.idiag_src);
	put_address(def->family, row->peer, m.id.idiag_dst);
	built_begin(b, row->source, &m, sizeof(m));
	built_u32(b, INET_DIAG_MARK, row->mark);
	if (row->cgroup)
		built_u64(b, ATTR_CGROUP_ID, row->cgroup);
	if (row->info)
		built_attr(b, INET_DIAG_INFO, row->info, row->info_len);
}

void row_build_unix(struct built *b, unsigned type, unsigned state, const char *name, size_t len, uint32_t inode)
{
	struct unix_diag_msg m = { .udiag_family = AF_UNIX,
				   .udiag_type = (uint8_t)type,
				   .udiag_state = (uint8_t)state,
				   .udiag_ino = inode,
				   .udiag_cookie = { inode, 0 } };

	built_begin(b, SOURCE_unix, &m, sizeof(m));
	if (len)
		built_attr(b, UNIX_DIAG_NAME, name, len);
}

static void apply(struct context *c, const struct attr_block *b)
{
	struct block block = { b->type, (uint32_t)b->length, b->data };

	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
}

static const struct {
	uint32_t ifindex;
	const char *name;
} links[] = { { 1, "lo" }, { 2, "eth0" } };

static const struct {
	uint64_t id;
	const char *path;
} groups[] = { { 5, "/system.slice/nginx.service" }, { 6, "/user.slice" } };

struct context *rows_context(void)
{
	static const struct {
		uint32_t pid, uid;
		const char *comm, *user;
	} processes[] = { { 100, 0, "curl", "root" }, { 200, 1000, "wget 2", "user" } };
	_Alignas(8) static const struct socketd_owner owners[] = {
		{ 77, 100, 3 }, { 77, 100, 4 }, { 77, 200, 9 }, { 88, 200, 5 }
	};
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(owners), (const uint8_t *)owners };
	struct context *c = NULL;
	struct attr_block b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		attr_block_begin(&b, SOCKETD_BLOCK_LINK);
		attr_block_u32(&b, SOCKETD_LINK_IFINDEX, links[i].ifindex);
		attr_block_string(&b, SOCKETD_LINK_NAME, links[i].name);
		apply(c, &b);
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		attr_block_begin(&b, SOCKETD_BLOCK_CGROUP);
		attr_block_u64(&b, SOCKETD_CGROUP_ID, groups[i].id);
		attr_block_string(&b, SOCKETD_CGROUP_PATH, groups[i].path);
		apply(c, &b);
	}
	for (size_t i = 0; i < ARRAY_SIZE(processes); i++) {
		attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
		attr_block_u32(&b, SOCKETD_PROCESS_PID, processes[i].pid);
		attr_block_u32(&b, SOCKETD_PROCESS_UID, processes[i].uid);
		attr_block_string(&b, SOCKETD_PROCESS_COMM, processes[i].comm);
		attr_block_string(&b, SOCKETD_PROCESS_USER, processes[i].user);
		apply(c, &b);
	}
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
	return c;
}

static int find_link(const char *name, size_t len, uint32_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (strlen(links[i].name) == len && !memcmp(links[i].name, name, len)) {
			*ret = links[i].ifindex;
			return 0;
		}
	}
	return -ENODEV;
}

static int find_group(const char *path, size_t len, uint64_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (strlen(groups[i].path) == len && !memcmp(groups[i].path, path, len)) {
			*ret = groups[i].id;
			return 0;
		}
	}
	return -ENOENT;
}

const struct plan_names rows_names = { .ifindex = find_link, .cgroup = find_group };

struct query *rows_query(const char *text)
{
	struct query_error e = { .message = "" };
	struct query *q = NULL;
	int r = query_parse(&q, text, strlen(text), &e);

	if (r < 0)
		printf("\n  %s\n    %s\n", text, e.message);
	CU_ASSERT_EQUAL_FATAL(r, 0);
	return q;
}
