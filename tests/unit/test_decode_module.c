/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the kernel module: heads by family, packed groups, texts, and rows of others that they add to */

#include <arpa/inet.h>
#include <linux/can.h>
#include <linux/if_alg.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "socketd/uapi.h"
#include "unit/build_message.h"
#include "unit/suites.h"

static struct socketd_message head_of(unsigned family, unsigned type, unsigned protocol)
{
	return (struct socketd_message){
		.family = (uint8_t)family, .kind = SOCKETD_KIND_SOCKET, .state = 7, .type = (uint16_t)type,
		.protocol = (uint16_t)protocol, .cookie = 0x1a2b, .inode = 77,
	};
}

static void begin(struct built *b, const struct socketd_message *head)
{
	built_begin(b, SOURCE_module, head, sizeof(*head));
}

static void test_head(void)
{
	struct built b;
	struct opened o;

	built_full(&b, SOURCE_module);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, "tcp");
	EXPECT_TEXT(&o.r, F_source, "module");
	EXPECT_TEXT(&o.r, F_protocol, "tcp");
	EXPECT_TEXT(&o.r, F_local, "192.0.2.1");
	EXPECT_TEXT(&o.r, F_peer, "198.51.100.2");
	EXPECT_U64(&o.r, F_family, AF_INET);
	EXPECT_U64(&o.r, F_type, SOCK_STREAM);
	EXPECT_U64(&o.r, F_state, 1);
	EXPECT_U64(&o.r, F_local_port, 443);
	EXPECT_U64(&o.r, F_peer_port, 5000);
	EXPECT_U64(&o.r, F_inode, 77);
	EXPECT_U64(&o.r, F_cookie, 0x200000001);
	EXPECT_U64(&o.r, F_uid, 1000);
	EXPECT_U64(&o.r, F_recv_q, 11);
	EXPECT_U64(&o.r, F_send_q, 22);
	EXPECT_U64(&o.r, F_netns, 4026531840);
	EXPECT_U64(&o.r, F_holding, SOCKETD_HOLDING_FILE);
	EXPECT_U64(&o.r, F_sk_rmem_alloc, 1);
	EXPECT_S64(&o.r, F_sk_forward_alloc, 5);
	EXPECT_U64(&o.r, F_sk_drops, 9);
	EXPECT_ABSENT(&o.r, F_dev); /* no context knows its name */
	EXPECT_ABSENT(&o.r, F_tcpi_rtt);
	opened_deinit(&o);
}

static void expect_words(unsigned family, unsigned type, unsigned protocol, const char *netid, const char *word)
{
	struct socketd_message head = head_of(family, type, protocol);
	struct built b;
	struct opened o;

	begin(&b, &head);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, netid);
	EXPECT_TEXT(&o.r, F_protocol, word);
	opened_deinit(&o);
}

static void test_words(void)
{
	expect_words(AF_INET, SOCK_DGRAM, IPPROTO_UDP, "udp", "udp");
	expect_words(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, "raw", "ipv6-icmp");
	expect_words(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "icmp", "icmp");
	expect_words(AF_INET6, SOCK_STREAM, PROTOCOL_MPTCP, "mptcp", "mptcp");
	expect_words(AF_INET, SOCK_STREAM, IPPROTO_SCTP, "sctp", "sctp");
	expect_words(AF_INET, SOCK_DGRAM, 115, "inet", "l2tp");
	expect_words(AF_UNIX, SOCK_SEQPACKET, 1, "u_seq", "");
	expect_words(AF_NETLINK, SOCK_RAW, 0, "nl", "route");
	expect_words(AF_PACKET, SOCK_RAW, 3, "p_raw", "all");
	expect_words(AF_PACKET, SOCK_DGRAM, 0x0800, "p_dgr", "ip");
	expect_words(AF_VSOCK, SOCK_STREAM, 0, "v_str", "");
	expect_words(AF_CAN, SOCK_RAW, CAN_RAW, "can", "raw");
	expect_words(AF_CAN, SOCK_DGRAM, CAN_BCM, "can", "bcm");
	expect_words(AF_BLUETOOTH, SOCK_STREAM, 3, "bt", "rfcomm");
	expect_words(AF_ALG, SOCK_SEQPACKET, 0, "alg", "");
	expect_words(AF_XDP, SOCK_RAW, 0, "xdp", "");
	expect_words(12, SOCK_DGRAM, 5, "12", "5"); /* a family that nobody has a word for */
}

static void expect_ends(struct built *b, const char *local, const char *peer, uint64_t local_port)
{
	struct opened o;

	opened_init(&o, b, NULL);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_local, local);
	EXPECT_TEXT(&o.r, F_peer, peer);
	if (local_port == UINT64_MAX)
		EXPECT_ABSENT(&o.r, F_local_port);
	else
		EXPECT_U64(&o.r, F_local_port, local_port);
	opened_deinit(&o);
}

static void test_ends(void)
{
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_addr = { { { [15] = 1 } } } };
	const struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_port = 1024, .svm_cid = 2 };
	const struct sockaddr_vm vm_any = { .svm_family = AF_VSOCK, .svm_port = VMADDR_PORT_ANY, .svm_cid = VMADDR_CID_ANY };
	const struct { uint16_t family, pad; uint32_t pid, groups; } nl = { AF_NETLINK, 0, 4711, 0 }, nl_peer = { AF_NETLINK, 0, 0, 1 };
	const struct sockaddr_can can = { .can_family = AF_CAN, .can_ifindex = 3 };
	const struct sockaddr_alg alg = { .salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256" };
	struct sockaddr_un path = { AF_UNIX, "/run/x" }, abstract = { AF_UNIX, "\0ab" };
	struct socketd_message head;
	struct built b;

	head = head_of(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &v6, sizeof(v6));
	expect_ends(&b, "::1", "", 53);
	/* An address that is cut short is none. */
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &v6, sizeof(v6) - 8);
	expect_ends(&b, "", "", 53);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &v6, 2);
	expect_ends(&b, "", "", UINT64_MAX);

	head = head_of(AF_UNIX, SOCK_STREAM, 0);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &path, offsetof(struct sockaddr_un, sun_path) + 7);
	built_attr(&b, SOCKETD_A_PEER, &abstract, offsetof(struct sockaddr_un, sun_path) + 3);
	expect_ends(&b, "/run/x", "@ab", UINT64_MAX);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &path, offsetof(struct sockaddr_un, sun_path));
	expect_ends(&b, "", "", UINT64_MAX);

	head = head_of(AF_VSOCK, SOCK_STREAM, 0);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &vm, sizeof(vm));
	built_attr(&b, SOCKETD_A_PEER, &vm_any, sizeof(vm_any));
	expect_ends(&b, "host", "*", 1024);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &vm_any, sizeof(vm_any));
	expect_ends(&b, "*", "", UINT64_MAX);

	head = head_of(AF_NETLINK, SOCK_RAW, 0);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &nl, sizeof(nl));
	built_attr(&b, SOCKETD_A_PEER, &nl_peer, sizeof(nl_peer));
	expect_ends(&b, "route", "*", 4711);

	head = head_of(AF_CAN, SOCK_RAW, CAN_RAW);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &can, sizeof(can));
	expect_ends(&b, "3", "", UINT64_MAX);

	head = head_of(AF_ALG, SOCK_SEQPACKET, 0);
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_LOCAL, &alg, sizeof(alg));
	expect_ends(&b, "hash:sha256", "", UINT64_MAX);
}

static uint64_t state_of(unsigned family, unsigned state)
{
	struct socketd_message head = head_of(family, SOCK_STREAM, 0);
	struct built b;
	struct opened o;
	uint64_t got;

	head.state = (uint8_t)state;
	begin(&b, &head);
	opened_init(&o, &b, NULL);
	got = record_state(&o.r);
	opened_deinit(&o);
	return got;
}

static void test_states(void)
{
	CU_ASSERT_EQUAL(state_of(AF_INET, 10), STATE_LISTEN);
	CU_ASSERT_EQUAL(state_of(AF_NETLINK, 0), STATE_CLOSE);
	CU_ASSERT_EQUAL(state_of(AF_NETLINK, 1), STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(state_of(AF_BLUETOOTH, 1), STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(state_of(AF_BLUETOOTH, 4), STATE_LISTEN);
	CU_ASSERT_EQUAL(state_of(AF_BLUETOOTH, 9), STATE_CLOSE);
	CU_ASSERT_EQUAL(state_of(43, 2), STATE_CLOSE); /* SMC_INIT */
	CU_ASSERT_EQUAL(state_of(AF_PACKET, 0), STATE_CLOSE);
	CU_ASSERT_EQUAL(state_of(AF_CAN, 0), 0);
}

/* Of the row that a field has in its group only that field is told, and with its value; the compiler says where it is. */
#define PUT_bool(x) (x) = 1
#define PUT_u8(x) (x) = 0xa5
#define PUT_u16(x) (x) = 0xa5a6
#define PUT_u32(x) (x) = 0xa5a6a7a8
#define PUT_u64(x) (x) = 0xa5a6a7a8a9aaabac
#define PUT_s32(x) (x) = -12345
#define PUT_s64(x) (x) = -1234567890123
#define PUT_addr(x) memcpy((x), "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16)
#define PUT_u32_list(x) ((x)[0] = 8, (x)[1] = 9)

static void check_value(struct record *r, enum field_id id)
{
	switch ((enum field_wire)field_get(id)->wire) {
	case WIRE_bool:
		EXPECT_BOOL(r, id, 1);
		break;
	case WIRE_u8:
		EXPECT_U64(r, id, 0xa5);
		break;
	case WIRE_u16:
		EXPECT_U64(r, id, 0xa5a6);
		break;
	case WIRE_u32:
		EXPECT_U64(r, id, 0xa5a6a7a8);
		break;
	case WIRE_u64:
		EXPECT_U64(r, id, 0xa5a6a7a8a9aaabac);
		break;
	case WIRE_s32:
		EXPECT_S64(r, id, -12345);
		break;
	case WIRE_s64:
		EXPECT_S64(r, id, -1234567890123);
		break;
	case WIRE_addr:
		/* Only its first four bytes where the field is of IPv4. */
		EXPECT_TEXT(r, id, id == F_sk_daddr || id == F_sk_rcv_saddr ? "32.1.13.184" : "2001:db8::7");
		break;
	case WIRE_u32_list:
		EXPECT_U64_N(r, id, 0, 8);
		EXPECT_U64_N(r, id, 1, 9);
		EXPECT_ABSENT_N(r, id, 2);
		break;
	case WIRE_str:
	case WIRE_str_list:
	case WIRE_addr_list:
		CU_FAIL("no number");
		break;
	}
}

/* bit: only of this one; extra: bytes of a newer module behind ours; less: those that an older one lacks. */
static void check_row(enum field_id id, unsigned attr, void *group, size_t size, size_t end, unsigned bit)
{
	struct socketd_message head = head_of(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	uint64_t *present = group;
	uint8_t longer[4096] = { 0 };
	struct built b;
	struct opened o;

	for (unsigned variant = 0; variant < 4; variant++) {
		size_t len = size;

		/* As it is; without its bit; longer; cut in its last byte. */
		if (variant == 1)
			present[bit / 64] &= ~(UINT64_C(1) << bit % 64);
		else
			present[bit / 64] |= UINT64_C(1) << bit % 64;
		memcpy(longer, group, size);
		if (variant == 2)
			len += 16;
		if (variant == 3)
			len = end - 1;
		begin(&b, &head);
		built_attr(&b, attr, longer, len);
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL_FATAL(o.error, 0);
		if (variant == 1 || variant == 3)
			EXPECT_ABSENT(&o.r, id);
		else
			check_value(&o.r, id);
		for (unsigned other = 1; other < FIELD_COUNT; other++) {
			const struct field *f = field_get(other);

			/* The group that the control group's id of the base is taken from is no other. */
			if (f && other != id && GROUP_BIT(f->group) & GROUPS_INTERNAL)
				EXPECT_ABSENT(&o.r, other);
		}
		opened_deinit(&o);
	}
}

#define CHECK(id, name, put, group, attr)                                                             \
	do {                                                                                          \
		struct socketd_##group##_fields g = { 0 };                                            \
                                                                                                      \
		put(g.x_##name);                                                                      \
		check_row(id, attr, &g, sizeof(g), offsetof(struct socketd_##group##_fields, x_##name) + \
			  sizeof(g.x_##name), SOCKETD_BIT_##name);                                    \
	} while (0);

#define CHECK_bool(...) CHECK(__VA_ARGS__)
#define CHECK_u8(...) CHECK(__VA_ARGS__)
#define CHECK_u16(...) CHECK(__VA_ARGS__)
#define CHECK_u32(...) CHECK(__VA_ARGS__)
#define CHECK_u64(...) CHECK(__VA_ARGS__)
#define CHECK_s32(...) CHECK(__VA_ARGS__)
#define CHECK_s64(...) CHECK(__VA_ARGS__)
#define CHECK_addr(...) CHECK(__VA_ARGS__)
#define CHECK_u32_list(...) CHECK(__VA_ARGS__)
#define CHECK_str(...)
#define CHECK_NOT_HOLDING(id, ...) if ((id) != F_holding) { __VA_ARGS__ }

static void test_groups(void)
{
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, CHECK_##wire(id, name, PUT_##wire, socket, SOCKETD_A_SOCKET))
#include "socketd/fields.def"
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, sock, CHECK_NOT_HOLDING(id, CHECK_##wire(id, name, PUT_##wire, sock, SOCKETD_A_SOCK)))
#include "socketd/fields.def"
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, flow, CHECK_##wire(id, name, PUT_##wire, flow, SOCKETD_A_FLOW))
#include "socketd/fields.def"
}

static void test_names(void)
{
	struct socketd_message head = head_of(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	struct built b;
	struct opened o;
	size_t nest;

	begin(&b, &head);
	nest = built_nest(&b, SOCKETD_A_NAMES);
	built_attr(&b, F_sk_data_ready, "sock_def_readable", 17);
	built_attr(&b, F_sk_prot, "TCP\0x", 5);
	built_attr(&b, F_socket_ops, "", 0);
	built_attr(&b, F_sk_rcvlowat, "12", 2); /* no text: not here */
	built_attr(&b, 4000, "later", 5);
	built_nest_end(&b, nest);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_sk_data_ready, "sock_def_readable");
	EXPECT_TEXT(&o.r, F_sk_prot, "TCP");
	EXPECT_ABSENT(&o.r, F_socket_ops);
	EXPECT_ABSENT(&o.r, F_sk_rcvlowat);
	EXPECT_ABSENT(&o.r, F_sk_write_space);
	EXPECT_ABSENT_N(&o.r, F_sk_data_ready, 1);
	opened_deinit(&o);
}

static void test_gateway(void)
{
	struct socketd_message head = head_of(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	struct socketd_flow_fields flow = { .present = { UINT64_MAX }, .x_dst_gateway = { 192, 0, 2, 254 } };
	struct built b;
	struct opened o;

	begin(&b, &head);
	built_attr(&b, SOCKETD_A_FLOW, &flow, sizeof(flow));
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_dst_gateway, "192.0.2.254");
	opened_deinit(&o);
}

/* What the module says of itself is no socket. */
static void test_kinds(void)
{
	for (unsigned kind = 0; kind < 256; kind++) {
		struct socketd_message head = head_of(AF_INET, SOCK_STREAM, IPPROTO_TCP);
		struct built b;
		struct opened o;

		head.kind = (uint8_t)kind;
		begin(&b, &head);
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL(o.error, kind == SOCKETD_KIND_SOCKET ? 0 : -EBADMSG);
		opened_deinit(&o);
	}
}

/* Rows of other sources take what they lack. */
static void test_join(void)
{
	struct socketd_message head = head_of(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	struct socketd_sock_fields sock = { .present = { UINT64_MAX, UINT64_MAX }, .x_sk_rcvlowat = 5, .x_sk_mark = 9,
					    .x_sk_state = 11, .x_sk_policy = { 3, 4 } };
	struct built tcp, b;
	struct message m;
	struct record r;

	head.holding = SOCKETD_HOLDING_ORPHAN;
	begin(&b, &head);
	built_attr(&b, SOCKETD_A_SOCK, &sock, sizeof(sock));
	built_inet(&tcp, SOURCE_tcp4, STATE_ESTABLISHED);
	m = (struct message){ .data = tcp.data, .len = (uint32_t)tcp.len, .source = SOURCE_tcp4, .module = b.data,
			      .module_len = (uint32_t)b.len };
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	EXPECT_S64(&r, F_sk_rcvlowat, 5);
	EXPECT_U64(&r, F_sk_mark, 9);
	EXPECT_U64(&r, F_holding, SOCKETD_HOLDING_ORPHAN);
	EXPECT_U64_N(&r, F_sk_policy, 1, 4);
	/* Its own stays: both are of another moment. */
	EXPECT_U64(&r, F_sk_state, STATE_ESTABLISHED);
	EXPECT_TEXT(&r, F_source, "tcp4");
	EXPECT_U64(&r, F_uid, 1000);
	EXPECT_ABSENT(&r, F_sk_data_ready);
	EXPECT_ABSENT(&r, F_sk_rmem_alloc); /* groups of its own sources are not added to */

	/* What is damaged, or no socket, adds nothing, and the row stays. */
	m.module_len = (uint32_t)b.len - 8;
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	EXPECT_ABSENT(&r, F_sk_rcvlowat);
	m.module_len = sizeof(head) - 1;
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	EXPECT_ABSENT(&r, F_holding);
	b.data[offsetof(struct socketd_message, kind)] = SOCKETD_KIND_TASK;
	m.module_len = (uint32_t)b.len;
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	EXPECT_ABSENT(&r, F_sk_rcvlowat);
	EXPECT_U64(&r, F_uid, 1000);
}

/* Why nobody holds it: the module knows, where the others can only guess. */
static void test_no_owner(void)
{
	static const struct {
		unsigned holding;
		const char *begins;
	} rows[] = {
		{ SOCKETD_HOLDING_UNKNOWN, "no process found: in flight in a message" }, /* as without the module */
		{ SOCKETD_HOLDING_FILE, "no process found: its file is open" },
		{ SOCKETD_HOLDING_KERNEL, "kernel socket" },
		{ SOCKETD_HOLDING_UNACCEPTED, "not accepted yet" },
		{ SOCKETD_HOLDING_ORPHAN, "orphan" },
		{ SOCKETD_HOLDING_IN_FLIGHT, "in flight" },
	};
	const struct block none = { .type = SOCKETD_BLOCK_OWNERS }; /* known, and nobody */
	CLEANUP(context_free) struct context *c = NULL;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &none), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct socketd_message head = head_of(AF_INET, SOCK_STREAM, IPPROTO_TCP);
		struct built tcp;
		struct message m;
		struct record r;
		const char *text;

		head.holding = (uint8_t)rows[i].holding;
		built_inet(&tcp, SOURCE_tcp4, STATE_ESTABLISHED);
		m = (struct message){ .data = tcp.data, .len = (uint32_t)tcp.len, .source = SOURCE_tcp4,
				      .module = (const uint8_t *)&head, .module_len = sizeof(head) };
		CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, c), 0);
		text = built_text(&r, F_no_owner, 0);
		CU_ASSERT_EQUAL(strncmp(text, rows[i].begins, strlen(rows[i].begins)), 0);
	}
}

static void test_has(void)
{
	CU_ASSERT_TRUE(decode_source_has(SOURCE_module, F_sk_reuse));
	CU_ASSERT_TRUE(decode_source_has(SOURCE_module, F_local_port));
	CU_ASSERT_TRUE(decode_source_has(SOURCE_module, F_sk_rcvbuf));
	CU_ASSERT_TRUE(decode_source_has(SOURCE_module, F_pid));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_module, F_tcpi_rtt));
	CU_ASSERT_TRUE(decode_module_adds(F_sk_mark));
	CU_ASSERT_TRUE(decode_module_adds(F_holding));
	CU_ASSERT_FALSE(decode_module_adds(F_local_port));
	CU_ASSERT_FALSE(decode_module_adds(F_sk_rcvbuf));
	CU_ASSERT_TRUE(decode_module_only(F_sk_reuse));
	CU_ASSERT_TRUE(decode_module_only(F_ops_sendmsg));
	CU_ASSERT_FALSE(decode_module_only(F_sk_mark)); /* INET_DIAG_MARK */
	CU_ASSERT_FALSE(decode_module_only(F_state));
	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		if (f)
			CU_ASSERT_EQUAL(decode_module_adds(id), (GROUP_BIT(f->group) & GROUPS_INTERNAL) != 0);
	}
}

void suite_decode_module(void)
{
	CU_pSuite s = CU_add_suite("decode/module", NULL, NULL);

	CU_add_test(s, "head", test_head);
	CU_add_test(s, "kind and protocol, by family", test_words);
	CU_add_test(s, "ends, by family", test_ends);
	CU_add_test(s, "states, by family", test_states);
	CU_add_test(s, "every row of the packed groups, alone", test_groups);
	CU_add_test(s, "texts", test_names);
	CU_add_test(s, "a gateway's family", test_gateway);
	CU_add_test(s, "other kinds of message", test_kinds);
	CU_add_test(s, "rows of other sources", test_join);
	CU_add_test(s, "why there is no owner", test_no_owner);
	CU_add_test(s, "who has what", test_has);
}
