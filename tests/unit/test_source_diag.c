/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests: what is asked of each family, bit by bit, and that this kernel takes them */

#include "source/diag.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/packet_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "source/dump.h"
#include "unit/suites.h"

static _Alignas(8) uint8_t buf[DIAG_REQUEST_MAX];
static struct request req;

static const struct inet_diag_req_v2 *inet(enum source_id id, enum diag_form form)
{
	return NLMSG_DATA(diag_request(buf, id, &req, form));
}

/* An attribute of the inet request that was built last; NULL when there is none. */
static const struct nlattr *attribute(uint16_t type)
{
	const struct nlmsghdr *h = (const void *)buf;
	size_t i = NLMSG_SPACE(sizeof(struct inet_diag_req_v2));

	while (i + NLA_HDRLEN <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)(buf + i);

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		i += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

/* The bits are (1 << (attribute - 1)) of include/uapi/linux/inet_diag.h, written out. */
static void test_groups_to_extensions(void)
{
	static const struct { enum field_group group; enum source_id id; uint8_t ext; } cases[] = {
		{ GROUP_base, SOURCE_tcp4, 0 },
		{ GROUP_owner, SOURCE_tcp4, 0 },
		{ GROUP_inet, SOURCE_tcp4, 0 },
		{ GROUP_meminfo, SOURCE_tcp4, 0x01 },
		{ GROUP_tcp_info, SOURCE_tcp4, 0x02 },
		{ GROUP_tcp_info, SOURCE_dccp6, 0x02 },
		{ GROUP_ulp, SOURCE_tcp6, 0x02 },
		{ GROUP_mptcp_info, SOURCE_tcp6, 0 },
		{ GROUP_mptcp_info, SOURCE_mptcp4, 0x02 },
		{ GROUP_tcp_info, SOURCE_mptcp4, 0 },
		{ GROUP_sctp_info, SOURCE_sctp6, 0x02 },
		{ GROUP_sctp_info, SOURCE_tcp4, 0 },
		{ GROUP_cong, SOURCE_tcp4, 0x04 | 0x08 },
		{ GROUP_tos, SOURCE_udp4, 0x10 | 0x20 },
		{ GROUP_skmem, SOURCE_udp6, 0x40 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		request_init(&req, GROUP_BIT(cases[i].group));
		CU_ASSERT_EQUAL(inet(cases[i].id, DIAG_DUMP)->idiag_ext, cases[i].ext);
		CU_ASSERT_EQUAL(diag_can_have_md5(cases[i].id, &req), (cases[i].ext & 2) != 0);
		request_deinit(&req);
	}
}

static void test_protocols(void)
{
	request_init(&req, GROUP_BIT(GROUP_base));
	CU_ASSERT_EQUAL(inet(SOURCE_tcp6, DIAG_DUMP)->sdiag_family, AF_INET6);
	CU_ASSERT_EQUAL(inet(SOURCE_tcp6, DIAG_DUMP)->sdiag_protocol, 6);
	CU_ASSERT_EQUAL(inet(SOURCE_udplite4, DIAG_DUMP)->sdiag_protocol, 136);
	CU_ASSERT_EQUAL(inet(SOURCE_raw4, DIAG_DUMP)->sdiag_protocol, 255);
	CU_ASSERT_EQUAL(inet(SOURCE_raw4, DIAG_DUMP)->pad, 0);
	CU_ASSERT_PTR_NULL(attribute(INET_DIAG_REQ_PROTOCOL));
	inet(SOURCE_mptcp4, DIAG_DUMP);
	CU_ASSERT_PTR_NOT_NULL_FATAL(attribute(INET_DIAG_REQ_PROTOCOL));
	CU_ASSERT_EQUAL(*(const uint32_t *)(attribute(INET_DIAG_REQ_PROTOCOL) + 1), 262);
	CU_ASSERT_PTR_NULL(diag_request(buf, SOURCE_proc_tcp, &req, DIAG_DUMP));
	request_deinit(&req);
}

static void test_states(void)
{
	request_init(&req, GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].states = 1u << 3;
	CU_ASSERT_EQUAL(inet(SOURCE_tcp4, DIAG_DUMP)->idiag_states, 1u << 3 | 1u << 12);
	req.sources[SOURCE_tcp4].states = 1u << 12;
	CU_ASSERT_EQUAL(inet(SOURCE_tcp4, DIAG_DUMP)->idiag_states, 1u << 3 | 1u << 12);
	req.sources[SOURCE_tcp4].states = 1u << 7;
	CU_ASSERT_EQUAL(inet(SOURCE_tcp4, DIAG_DUMP)->idiag_states, 1u << 7 | 1u << 13);
	req.sources[SOURCE_tcp4].states = 1u << 10;
	CU_ASSERT_EQUAL(inet(SOURCE_tcp4, DIAG_DUMP)->idiag_states, 1u << 10);
	request_deinit(&req);
}

static void test_bytecode_and_storages(void)
{
	static const uint8_t code[8] = { INET_DIAG_BC_JMP, 4, 8, 0 };
	struct source_request *s = &req.sources[SOURCE_tcp4];

	request_init(&req, GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_bpf));
	s->bytecode = malloc(sizeof(code));
	s->bytecode_len = sizeof(code);
	memcpy(s->bytecode, code, sizeof(code));
	inet(SOURCE_tcp4, DIAG_DUMP);
	CU_ASSERT_PTR_NOT_NULL_FATAL(attribute(INET_DIAG_REQ_BYTECODE));
	CU_ASSERT_EQUAL(attribute(INET_DIAG_REQ_BYTECODE)->nla_len, NLA_HDRLEN + sizeof(code));
	CU_ASSERT_EQUAL(memcmp(attribute(INET_DIAG_REQ_BYTECODE) + 1, code, sizeof(code)), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(attribute(INET_DIAG_REQ_SK_BPF_STORAGES));
	CU_ASSERT_EQUAL(attribute(INET_DIAG_REQ_SK_BPF_STORAGES)->nla_len, NLA_HDRLEN);
	inet(SOURCE_tcp4, DIAG_DUMP_WIDE);
	CU_ASSERT_PTR_NULL(attribute(INET_DIAG_REQ_BYTECODE));
	req.uid = 1000;
	inet(SOURCE_tcp4, DIAG_DUMP);
	CU_ASSERT_PTR_NULL(attribute(INET_DIAG_REQ_SK_BPF_STORAGES));
	request_deinit(&req);
}

static void test_longest_request_fits(void)
{
	struct source_request *s = &req.sources[SOURCE_mptcp6];

	request_init(&req, UINT32_MAX);
	s->bytecode = calloc(1, REQUEST_BYTECODE_MAX);
	s->bytecode_len = REQUEST_BYTECODE_MAX;
	CU_ASSERT_TRUE(diag_request(buf, SOURCE_mptcp6, &req, DIAG_DUMP)->nlmsg_len <= sizeof(buf));
	request_deinit(&req);
}

static void test_exact_requests(void)
{
	const struct inet_diag_req_v2 *r;
	const struct unix_diag_req *u;
	struct source_request *s;

	request_init(&req, GROUP_BIT(GROUP_base));
	s = &req.sources[SOURCE_tcp4];
	s->exact = true;
	CU_ASSERT_EQUAL(diag_first_form(SOURCE_tcp4, &req), DIAG_DUMP);
	memcpy(s->local, "\x7f\0\0\1", 4);
	memcpy(s->peer, "\x0a\1\2\3", 4);
	s->local_port = 0x1234;
	s->peer_port = 0x5678;
	s->ifindex = 7;
	CU_ASSERT_EQUAL(diag_first_form(SOURCE_tcp4, &req), DIAG_EXACT);
	r = inet(SOURCE_tcp4, DIAG_EXACT);
	CU_ASSERT_EQUAL(((struct nlmsghdr *)buf)->nlmsg_flags & NLM_F_DUMP, 0);
	CU_ASSERT_EQUAL(memcmp(&r->id.idiag_sport, "\x12\x34\x56\x78", 4), 0);
	CU_ASSERT_EQUAL(memcmp(r->id.idiag_src, "\x7f\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 16), 0);
	CU_ASSERT_EQUAL(memcmp(r->id.idiag_dst, "\x0a\1\2\3", 4), 0);
	CU_ASSERT_EQUAL(r->id.idiag_if, 7);
	CU_ASSERT_EQUAL(r->id.idiag_cookie[0], UINT32_MAX);
	CU_ASSERT_EQUAL(r->id.idiag_cookie[1], UINT32_MAX);
	s->cookie = 0x1122334455667788;
	r = inet(SOURCE_tcp4, DIAG_EXACT);
	CU_ASSERT_EQUAL(r->id.idiag_cookie[0], 0x55667788);
	CU_ASSERT_EQUAL(r->id.idiag_cookie[1], 0x11223344);

	req.sources[SOURCE_mptcp4].exact = true;
	req.sources[SOURCE_mptcp4].token = 0xdeadbeef;
	CU_ASSERT_EQUAL(diag_first_form(SOURCE_mptcp4, &req), DIAG_EXACT);
	CU_ASSERT_EQUAL(inet(SOURCE_mptcp4, DIAG_EXACT)->id.idiag_cookie[0], 0xdeadbeef);

	req.sources[SOURCE_unix].exact = true;
	req.sources[SOURCE_unix].inode = 4242;
	CU_ASSERT_EQUAL(diag_first_form(SOURCE_unix, &req), DIAG_EXACT);
	u = NLMSG_DATA(diag_request(buf, SOURCE_unix, &req, DIAG_EXACT));
	CU_ASSERT_EQUAL(u->udiag_ino, 4242);
	CU_ASSERT_EQUAL(u->udiag_show, 0x55); /* NAME PEER RQLEN UID */
	req.groups = GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_af_unix);
	u = NLMSG_DATA(diag_request(buf, SOURCE_unix, &req, DIAG_EXACT));
	CU_ASSERT_EQUAL(u->udiag_show, 0x5f); /* and VFS ICONS */

	req.sources[SOURCE_packet].exact = true;
	CU_ASSERT_EQUAL(diag_first_form(SOURCE_packet, &req), DIAG_DUMP);
	request_deinit(&req);
}

/* All groups of all sources: either rows or a handler that is not there, never a request that is refused. */
static void test_this_kernel_takes_them(void)
{
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	CLEANUP(arena_deinit) struct arena arena;

	arena_init(&arena);
	request_init(&req, UINT32_MAX & ~(geteuid() == 0 ? 0 : GROUP_BIT(GROUP_bpf)));
	CU_ASSERT_EQUAL_FATAL(netlink_open(&nl, true), 0);
	for (unsigned int id = 1; id < SOURCE_COUNT; id++) {
		struct dump dump;

		if (source_def_get(id)->kind == KIND_PROC_INET)
			continue;
		dump_begin(&dump, id, &req, &nl, &arena, 0);
		while (dump_step(&dump, &arena, 0) > 0)
			;
		CU_ASSERT_TRUE(dump.error == 0 || dump.error == -ENOENT);
		if (id == SOURCE_netlink)
			CU_ASSERT_TRUE(dump.n_messages > 0);
	}
	request_deinit(&req);
}

void suite_source_diag(void)
{
	CU_pSuite s = CU_add_suite("source/diag", NULL, NULL);

	CU_add_test(s, "groups become extension bits, by protocol", test_groups_to_extensions);
	CU_add_test(s, "protocol numbers, above 255 too", test_protocols);
	CU_add_test(s, "both halves of SYN-RECV are asked together", test_states);
	CU_add_test(s, "bytecode, and BPF storages for root only", test_bytecode_and_storages);
	CU_add_test(s, "the longest request fits its buffer", test_longest_request_fits);
	CU_add_test(s, "requests for one socket", test_exact_requests);
	CU_add_test(s, "this kernel refuses none of them", test_this_kernel_takes_them);
}
