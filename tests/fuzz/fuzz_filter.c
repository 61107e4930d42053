/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a filter: parsed, planned, matched; what a plan leaves out must not match */

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "model/words.h"
#include "query/keys.h"
#include "snapshot/writer.h"

/* Users and services are those of no machine: the run is the same everywhere, and quick. */
int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
	(void)buf, (void)size;
	*ret = NULL;
	if (strcmp(name, "root") == 0) {
		pw->pw_uid = 0;
		*ret = pw;
	}
	return 0;
}

int getservbyname_r(const char *name, const char *proto, struct servent *service, char *buf, size_t size,
		    struct servent **ret)
{
	(void)proto, (void)buf, (void)size;
	*ret = NULL;
	if (strcmp(name, "ssh") == 0) {
		service->s_port = 22 << 8;
		*ret = service;
	}
	return 0;
}

static int find_link(const char *name, size_t len, uint32_t *ret)
{
	(void)name;
	*ret = 1;
	return len == 2 ? 0 : -1;
}

static int find_group(const char *path, size_t len, uint64_t *ret)
{
	(void)path;
	*ret = len;
	return 0;
}

struct row {
	struct inet_diag_msg msg;
	struct nlattr mark;
	uint32_t mark_value;
	struct nlattr cgroup;
	uint64_t cgroup_id;
} __attribute__((packed));

static size_t make_unix(uint8_t *buf)
{
	struct unix_diag_msg m = {
		.udiag_family = 1, .udiag_type = 1, .udiag_state = 10, .udiag_ino = 1, .udiag_cookie = { 1 }
	};
	struct nlattr name = { .nla_len = 4 + 6, .nla_type = UNIX_DIAG_NAME };

	memcpy(buf, &m, sizeof(m));
	memcpy(buf + sizeof(m), &name, 4);
	memcpy(buf + sizeof(m) + 4, "/run/x", 6);
	return sizeof(m) + 12;
}

static size_t make_inet(uint8_t *buf, unsigned family, unsigned state)
{
	struct row row = {
		.msg = { .idiag_family = (uint8_t)family,
			 .idiag_state = (uint8_t)state,
			 .id = { .idiag_sport = 22 << 8,
				 .idiag_src = { 0x0100007f },
				 .idiag_if = 1,
				 .idiag_cookie = { 1 } } },
		.mark = { 8, INET_DIAG_MARK },
		.cgroup = { 12, 21 },
		.cgroup_id = 5,
	};

	memcpy(buf, &row, sizeof(row));
	return sizeof(row);
}

static bool is_number(struct record *r, enum field_id field, uint64_t number)
{
	struct value v;

	return record_get(r, field, 0, &v) >= 0 && v.u == number;
}

static bool is_address(struct record *r, enum field_id field, const struct address *a)
{
	struct value v;

	return record_get(r, field, 0, &v) >= 0 && v.kind == VALUE_ADDR &&
	       address_in_prefix(&v.addr, a, a->kind == ADDRESS_INET ? 32 : 128);
}

static bool has_key(struct record *r, const struct query_key *k)
{
	switch (k->kind) {
	case QUERY_KEY_PORT:
		return is_number(r, F_local_port, k->number) || is_number(r, F_peer_port, k->number);
	case QUERY_KEY_ADDRESS:
		return is_address(r, F_local, &k->address) || is_address(r, F_peer, &k->address);
	case QUERY_KEY_COOKIE:
		return is_number(r, F_cookie, k->number);
	case QUERY_KEY_INODE:
		return is_number(r, F_inode, k->number);
	case QUERY_KEY_PID:
		return false; /* nobody is told to hold these */
	}
	return false;
}

/* A row that matches has one of the keys, if there are any. */
static void check_keys(const struct query *q, struct record *r)
{
	struct query_key keys[QUERY_KEYS_MAX];
	size_t n = query_keys(q, keys);
	bool found = n == 0;

	for (size_t i = 0; i < n; i++)
		found |= has_key(r, &keys[i]);
	if (!found)
		abort();
}

static void match(const struct query *q, const struct request *req, enum source_id source, const uint8_t *data,
		  size_t len)
{
	const struct message m = { .data = data, .len = (uint32_t)len, .source = (uint8_t)source };
	struct record r;

	if (record_open(&r, &m, NULL) < 0)
		abort();
	if (!query_match(q, &r))
		return;
	check_keys(q, &r);
	if (!req->sources[source].wanted || !(req->sources[source].states >> record_state(&r) & 1))
		abort();
}

static const struct netns namespaces[] = {
	{ .ino = 5, .own = true, .name = (char *)"host" },
	{ .ino = 6, .name = (char *)"blue" },
	{ .ino = 7 },
};

/* That tells of the namespaces above. */
static const struct context *known_context(void)
{
	static struct context *c;

	if (c)
		return c;
	if (context_new(&c) < 0)
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct attr_block b;
		struct block block;

		attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
		attr_block_u64(&b, SOCKETD_NETNS_INO, namespaces[i].ino);
		if (namespaces[i].name)
			attr_block_string(&b, SOCKETD_NETNS_NAME, namespaces[i].name);
		block = (struct block){ b.type, (uint32_t)b.length, b.data };
		if (context_apply(c, &block) < 0)
			abort();
	}
	return c;
}

/* What is not read of a namespace must not match there. */
static void check_netns(const struct query *q)
{
	CLEANUP(netns_list_deinit) struct netns_list known = {}, list = {};
	_Alignas(8) uint8_t data[256];
	struct message m = { .data = data, .len = (uint32_t)make_inet(data, 2, STATE_LISTEN), .source = SOURCE_tcp4 };

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (netns_list_add(&known, &namespaces[i]) < 0)
			abort();
	if (query_plan_netns(q, &known, &list) < 0 || list.n == 0)
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct record r;

		m.netns = (uint32_t)namespaces[i].ino;
		if (record_open(&r, &m, known_context()) < 0)
			abort();
		if (query_match(q, &r) && !netns_list_find(&list, namespaces[i].ino))
			abort();
	}
}

static void check(const struct query *q)
{
	static const struct plan_names names = { find_link, find_group };
	_Alignas(8) uint8_t row[256];
	struct request req;

	request_init(&req, query_groups(q));
	if (query_plan(q, &names, &req) < 0)
		abort();
	match(q, &req, SOURCE_tcp4, row, make_inet(row, 2, STATE_LISTEN));
	match(q, &req, SOURCE_tcp6, row, make_inet(row, 10, STATE_TIME_WAIT));
	match(q, &req, SOURCE_udp4, row, make_inet(row, 2, STATE_CLOSE));
	match(q, &req, SOURCE_unix, row, make_unix(row));
	check_netns(q);
	request_deinit(&req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(query_free) struct query *q = NULL;
	struct query_error e;

	if (query_parse(&q, (const char *)data, size, &e) >= 0) {
		check(q);
		return 0;
	}
	/* An error points into the text, and is fit for a terminal. */
	if (e.column > size || e.length > size - e.column || !e.message[0])
		abort();
	for (const char *c = e.message; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			abort();
	return 0;
}
