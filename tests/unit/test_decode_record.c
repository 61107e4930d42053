/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening and getting: damage of every sort, and what holds for all sources */

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <stdlib.h>

#include "unit/build_message.h"
#include "unit/suites.h"

#define LIST_MAX 40

static enum value_kind kind_of_wire(uint8_t wire)
{
	switch ((enum field_wire)wire) {
	case WIRE_bool:
		return VALUE_BOOL;
	case WIRE_u8:
	case WIRE_u16:
	case WIRE_u32:
	case WIRE_u64:
	case WIRE_u32_list:
		return VALUE_U64;
	case WIRE_s32:
	case WIRE_s64:
		return VALUE_S64;
	case WIRE_str:
	case WIRE_str_list:
		return VALUE_STR;
	case WIRE_addr:
	case WIRE_addr_list:
		return VALUE_ADDR;
	}
	return VALUE_NONE;
}

static uint64_t wire_max(uint8_t wire)
{
	switch ((enum field_wire)wire) {
	case WIRE_bool:
		return 1;
	case WIRE_u8:
		return UINT8_MAX;
	case WIRE_u16:
		return UINT16_MAX;
	case WIRE_u32:
	case WIRE_u32_list:
		return UINT32_MAX;
	default:
		return UINT64_MAX;
	}
}

/* Every value is of the kind and in the range that the catalogue promises, and decode_source_has knows of it. */
static void test_kinds(void)
{
	for (unsigned source = 1; source < SOURCE_COUNT; source++) {
		unsigned n_present = 0;
		struct opened o;
		struct built b;

		built_full(&b, source);
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL_FATAL(o.error, 0);
		for (unsigned id = 1; id < FIELD_COUNT; id++) {
			const struct field *f = field_get(id);
			struct value v = built_get(&o.r, id, 0);

			if (v.kind == VALUE_NONE)
				continue;
			n_present++;
			CU_ASSERT_PTR_NOT_NULL_FATAL(f);
			CU_ASSERT_EQUAL(v.kind, kind_of_wire(f->wire));
			if (v.kind == VALUE_U64)
				CU_ASSERT(v.u <= wire_max(f->wire));
			CU_ASSERT(decode_source_has(source, id));
			if (!field_is_list(f))
				EXPECT_ABSENT_N(&o.r, id, 1);
			EXPECT_ABSENT_N(&o.r, id, 1000);
		}
		CU_ASSERT(n_present >= 15);
		opened_deinit(&o);
	}
}

/* A message cut anywhere: refused, or what is still there is what was there, and nothing is new. */
static void check_cut(const struct built *whole, size_t len)
{
	struct built cut = *whole;
	struct opened o, full;

	cut.len = len;
	opened_init(&full, whole, NULL);
	opened_init(&o, &cut, NULL);
	if (o.error < 0)
		CU_ASSERT_EQUAL(o.error, -EBADMSG);
	for (unsigned id = 1; o.error == 0 && id < FIELD_COUNT; id++) {
		struct value got = built_get(&o.r, id, 0), want = built_get(&full.r, id, 0);
		char a[VALUE_TEXT_MAX], b[VALUE_TEXT_MAX];

		/* Rows of /proc are text: a number cut short is another number. SCTP without peers is an endpoint. */
		if (got.kind == VALUE_NONE || full.r.def->kind == KIND_PROC_INET || full.r.def->protocol == 132)
			continue;
		CU_ASSERT_EQUAL(got.kind, want.kind);
		if (got.kind != want.kind)
			continue;
		value_format(field_get(id), &got, VALUE_PLAIN, a, sizeof(a));
		value_format(field_get(id), &want, VALUE_PLAIN, b, sizeof(b));
		CU_ASSERT_STRING_EQUAL(a, b);
	}
	opened_deinit(&o);
	opened_deinit(&full);
}

static void test_truncated(void)
{
	for (unsigned source = 1; source < SOURCE_COUNT; source++) {
		struct built b;

		built_full(&b, source);
		for (size_t len = 0; len < b.len; len++)
			check_cut(&b, len);
	}
}

static void test_short_header(void)
{
	static const struct {
		enum source_id source;
		size_t header;
	} rows[] = {
		{ SOURCE_tcp4, 72 },   { SOURCE_udp6, 72 },   { SOURCE_mptcp4, 72 }, { SOURCE_sctp4, 72 }, { SOURCE_unix, 16 },
		{ SOURCE_netlink, 28 }, { SOURCE_packet, 16 }, { SOURCE_vsock, 32 },  { SOURCE_xdp, 16 },   { SOURCE_smc, 64 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct opened o;
		struct built b;

		built_full(&b, rows[i].source);
		b.len = rows[i].header;
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL(o.error, 0);
		opened_deinit(&o);

		b.len--;
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL(o.error, -EBADMSG);
		opened_deinit(&o);
	}
}

static void test_unknown_source(void)
{
	uint8_t data[128] = { 0 };
	struct message m = { .data = data, .len = sizeof(data) };
	struct record r;

	CU_ASSERT_EQUAL(record_open(&r, &m, NULL), -EBADMSG);
	m.source = 200;
	CU_ASSERT_EQUAL(record_open(&r, &m, NULL), -EBADMSG);
	CU_ASSERT_FALSE(decode_source_has(SOURCE_none, F_state));
	CU_ASSERT_FALSE(decode_source_has(200, F_state));
}

/* Opens an established TCP row with one more attribute head behind it. */
static int open_with(uint16_t len, uint16_t type, size_t payload)
{
	struct nlattr a = { len, type };
	struct opened o;
	struct built b;
	int error;

	built_inet(&b, SOURCE_tcp4, 1);
	memcpy(b.data + b.len, &a, sizeof(a));
	b.len += sizeof(a) + payload;
	opened_init(&o, &b, NULL);
	error = o.error;
	if (error == 0)
		for (unsigned id = 1; id < FIELD_COUNT; id++)
			for (unsigned n = 0; n < LIST_MAX && built_get(&o.r, id, n).kind != VALUE_NONE; n++)
				;
	opened_deinit(&o);
	return error;
}

static void test_bad_lengths(void)
{
	CU_ASSERT_EQUAL(open_with(8, INET_DIAG_MARK, 4), 0);
	CU_ASSERT_EQUAL(open_with(0, INET_DIAG_MARK, 4), -EBADMSG);
	CU_ASSERT_EQUAL(open_with(3, INET_DIAG_MARK, 4), -EBADMSG);
	CU_ASSERT_EQUAL(open_with(9, INET_DIAG_MARK, 4), -EBADMSG);
	CU_ASSERT_EQUAL(open_with(0xffff, INET_DIAG_MARK, 4), -EBADMSG);
	CU_ASSERT_EQUAL(open_with(8, INET_DIAG_MARK, 5), -EBADMSG); /* a byte that begins no attribute */
	CU_ASSERT_EQUAL(open_with(7, INET_DIAG_MARK, 3), 0);	    /* the last one without its padding */
	for (unsigned type = 0; type < 64; type++) {
		CU_ASSERT_EQUAL(open_with(4, (uint16_t)type, 0), 0);
		CU_ASSERT_EQUAL(open_with(5, (uint16_t)type, 1), 0);
	}
}

/* Fields of attributes that are shorter than their type say are absent, one by one. */
static void test_zero_length_attributes(void)
{
	static const enum field_id fields[] = { F_sk_mark, F_tos, F_sk_shutdown, F_cgroup_id, F_icsk_ca_ops,
						F_sk_rcvbuf, F_tcpi_rtt, F_inet_recverr, F_ulp_name, F_md5sig_peers };
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	for (unsigned type = 1; type < 32; type++)
		built_attr(&b, type, NULL, 0);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		EXPECT_ABSENT(&o.r, fields[i]);
	EXPECT_U64(&o.r, F_local_port, 443);
	opened_deinit(&o);
}

static void test_duplicates_and_unknown(void)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	built_u32(&b, INET_DIAG_MARK, 1);
	built_u32(&b, INET_DIAG_MARK, 2);
	built_u32(&b, INET_DIAG_CLASS_ID | NLA_F_NET_BYTEORDER, 3);
	built_u32(&b, 31, 4);
	built_u32(&b, 32, 5);
	built_u32(&b, 0x3fff, 6);
	built_u8(&b, INET_DIAG_TOS, 7);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_U64(&o.r, F_sk_mark, 1);
	EXPECT_U64(&o.r, F_class_id, 3);
	EXPECT_U64(&o.r, F_tos, 7);
	opened_deinit(&o);
}

/* Nested attributes that lie about their length end the nest, not the message. */
static void test_nested_garbage(void)
{
	struct opened o;
	struct built b;
	size_t nest;

	for (uint16_t lie = 0; lie < 300; lie++) {
		built_inet(&b, SOURCE_tcp4, 1);
		nest = built_nest(&b, INET_DIAG_ULP_INFO);
		built_str(&b, 1, "tls");
		memcpy(b.data + b.len, &lie, sizeof(lie));
		b.len += 4;
		built_nest_end(&b, nest);
		nest = built_nest(&b, INET_DIAG_SK_BPF_STORAGES);
		memcpy(b.data + b.len, &lie, sizeof(lie));
		b.len += 4;
		built_nest_end(&b, nest);
		opened_init(&o, &b, NULL);
		CU_ASSERT_EQUAL_FATAL(o.error, 0);
		EXPECT_TEXT(&o.r, F_ulp_name, "tls");
		EXPECT_ABSENT(&o.r, F_tls_version);
		EXPECT_ABSENT(&o.r, F_bpf_map_ids);
		opened_deinit(&o);
	}
}

/* A stream may hold a message anywhere. */
static void test_unaligned(void)
{
	struct message m = { .source = SOURCE_tcp4 };
	uint8_t *room;
	struct record r;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	room = malloc(b.len + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(room);
	memcpy(room + 1, b.data, b.len);
	m.data = room + 1;
	m.len = (uint32_t)b.len;
	CU_ASSERT_EQUAL(record_open(&r, &m, NULL), 0);
	EXPECT_U64(&r, F_cgroup_id, 4242);
	EXPECT_U64(&r, F_tls_version, 0x0304);
	EXPECT_TEXT(&r, F_local, "192.0.2.1");
	free(room);
}

static void test_shortcuts(void)
{
	uint64_t v = 12345;
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 6);
	memset(b.data + offsetof(struct inet_diag_msg, idiag_inode), 0, 4);
	memset(b.data + offsetof(struct inet_diag_msg, id.idiag_cookie), 0xff, 8);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL(record_state(&o.r), STATE_TIME_WAIT);
	CU_ASSERT_EQUAL(record_cookie(&o.r, &v), -ENODATA);
	CU_ASSERT_EQUAL(record_inode(&o.r, &v), -ENODATA);
	CU_ASSERT_EQUAL(v, 12345);
	opened_deinit(&o);

	built_inet(&b, SOURCE_tcp4, 200);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL(record_state(&o.r), 0);
	EXPECT_U64(&o.r, F_state, 200);
	CU_ASSERT_EQUAL(record_cookie(&o.r, &v), 0);
	CU_ASSERT_EQUAL(v, 0x200000001ull);
	CU_ASSERT_EQUAL(record_inode(&o.r, &v), 0);
	CU_ASSERT_EQUAL(v, 77);
	opened_deinit(&o);
}

static void test_source_has(void)
{
	CU_ASSERT(decode_source_has(SOURCE_tcp4, F_tcpi_rtt));
	CU_ASSERT(decode_source_has(SOURCE_dccp6, F_tcpi_rtt));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_udp4, F_tcpi_rtt));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_tcp4, F_tclass));
	CU_ASSERT(decode_source_has(SOURCE_tcp6, F_tclass));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_tcp6, F_sk_daddr));
	CU_ASSERT(decode_source_has(SOURCE_sctp4, F_sctpi_tag));
	CU_ASSERT(decode_source_has(SOURCE_sctp4, F_sctpi_s_type));
	CU_ASSERT(decode_source_has(SOURCE_mptcp4, F_mptcpi_token));
	CU_ASSERT(decode_source_has(SOURCE_unix, F_udiag_peer));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_unix, F_sk_mark));
	CU_ASSERT(decode_source_has(SOURCE_vsock, F_pid));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_vsock, F_recv_q));
	CU_ASSERT_FALSE(decode_source_has(SOURCE_tcp4, F_sk_reuse)); /* the module's */
	for (unsigned source = 1; source < SOURCE_COUNT; source++) {
		CU_ASSERT(decode_source_has(source, F_netid));
		CU_ASSERT(decode_source_has(source, F_source));
		CU_ASSERT(decode_source_has(source, F_state));
		CU_ASSERT(decode_source_has(source, F_inode));
	}
}

void suite_decode_record(void)
{
	CU_pSuite s = CU_add_suite("Records", NULL, NULL);

	CU_add_test(s, "Values are of the catalogue's kind", test_kinds);
	CU_add_test(s, "A message cut at any byte", test_truncated);
	CU_add_test(s, "A header that is a byte short", test_short_header);
	CU_add_test(s, "A source that is none", test_unknown_source);
	CU_add_test(s, "Attributes with bad lengths", test_bad_lengths);
	CU_add_test(s, "Empty attributes", test_zero_length_attributes);
	CU_add_test(s, "Duplicate and unknown attributes", test_duplicates_and_unknown);
	CU_add_test(s, "Garbage in nests", test_nested_garbage);
	CU_add_test(s, "A message at an odd address", test_unaligned);
	CU_add_test(s, "State, cookie and inode", test_shortcuts);
	CU_add_test(s, "What a source can have", test_source_has);
}
