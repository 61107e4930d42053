/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets: names of every sort, listeners, peers */

#include <linux/unix_diag.h>
#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void begin(struct built *b, unsigned type, unsigned state, uint32_t inode)
{
	struct unix_diag_msg m = { AF_UNIX, (uint8_t)type, (uint8_t)state, 0, inode, { 5, 6 } };

	built_begin(b, SOURCE_unix, &m, sizeof(m));
}

static void test_listener(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_unix);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "u_str");
	EXPECT_U64(&o.r, F_family, AF_UNIX);
	EXPECT_U64(&o.r, F_type, SOCK_STREAM);
	EXPECT_U64(&o.r, F_state, STATE_LISTEN);
	EXPECT_TEXT(&o.r, F_local, "/run/x.sock");
	EXPECT_ABSENT(&o.r, F_local_port);
	EXPECT_ABSENT(&o.r, F_peer);
	EXPECT_ABSENT(&o.r, F_peer_port);
	EXPECT_U64(&o.r, F_inode, 88);
	EXPECT_U64(&o.r, F_cookie, 5);
	EXPECT_U64(&o.r, F_uid, 33);
	EXPECT_U64(&o.r, F_recv_q, 1);
	EXPECT_U64(&o.r, F_send_q, 128);
	EXPECT_U64(&o.r, F_sk_ack_backlog, 1);
	EXPECT_U64(&o.r, F_sk_max_ack_backlog, 128);
	EXPECT_U64(&o.r, F_sk_shutdown, 3);
	EXPECT_U64(&o.r, F_udiag_vfs_ino, 1234);
	EXPECT_U64(&o.r, F_udiag_vfs_dev, 0x801);
	EXPECT_U64(&o.r, F_udiag_peer, 99);
	EXPECT_U64_N(&o.r, F_udiag_icons, 0, 901);
	EXPECT_U64_N(&o.r, F_udiag_icons, 1, 0);
	EXPECT_U64_N(&o.r, F_udiag_icons, 2, 903);
	EXPECT_ABSENT_N(&o.r, F_udiag_icons, 3);
	EXPECT_ABSENT(&o.r, F_sk_mark);
	opened_deinit(&o);
}

static void expect_name(const char *name, size_t len, const char *want, size_t want_len)
{
	struct opened o;
	struct value v;
	struct built b;

	begin(&b, SOCK_DGRAM, 7, 1);
	built_attr(&b, UNIX_DIAG_NAME, name, len);
	opened_init(&o, &b, NULL);
	v = built_get(&o.r, F_local, 0);
	if (!want) {
		CU_ASSERT_EQUAL(v.kind, VALUE_NONE);
	} else {
		CU_ASSERT_EQUAL_FATAL(v.kind, VALUE_ADDR);
		CU_ASSERT_EQUAL(v.addr.kind, ADDRESS_UNIX);
		CU_ASSERT_EQUAL_FATAL(v.addr.len, want_len);
		CU_ASSERT_EQUAL(memcmp(v.addr.name, want, want_len), 0);
	}
	opened_deinit(&o);
}

static void test_names(void)
{
	char longest[108];

	expect_name("", 0, NULL, 0);
	expect_name("/a", 3, "/a", 2);
	expect_name("/a", 2, "/a", 2);
	expect_name("/a\0", 4, "/a\0", 3); /* one NUL is the kernel's, no more */
	expect_name("\0abc", 4, "\0abc", 4);
	expect_name("\0abc\0", 5, "\0abc\0", 5); /* of an abstract name every byte counts */
	expect_name("\0a\0b", 4, "\0a\0b", 4);
	expect_name("\0", 1, "\0", 1);
	memset(longest, 'x', sizeof(longest));
	expect_name(longest, sizeof(longest), longest, sizeof(longest));
}

static void test_kinds(void)
{
	struct opened o;
	struct built b;

	begin(&b, SOCK_DGRAM, 7, 1);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "u_dgr");
	EXPECT_U64(&o.r, F_cookie, 0x600000005ull);
	EXPECT_ABSENT(&o.r, F_local);
	EXPECT_ABSENT(&o.r, F_recv_q);
	EXPECT_ABSENT(&o.r, F_sk_ack_backlog);
	EXPECT_ABSENT(&o.r, F_udiag_peer);
	EXPECT_ABSENT(&o.r, F_uid);
	opened_deinit(&o);

	begin(&b, SOCK_SEQPACKET, 1, 1);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "u_seq");
	EXPECT_U64(&o.r, F_sk_state, 1);
	opened_deinit(&o);
}

/* A connection nobody has accepted has no inode, and so no user. */
static void test_embryo(void)
{
	struct opened o;
	struct built b;

	begin(&b, SOCK_STREAM, 1, 0);
	built_u32(&b, UNIX_DIAG_UID, 0);
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_inode);
	EXPECT_ABSENT(&o.r, F_uid);
	opened_deinit(&o);
}

void suite_decode_unix(void)
{
	CU_pSuite s = CU_add_suite("UNIX messages", NULL, NULL);

	CU_add_test(s, "A listener", test_listener);
	CU_add_test(s, "Names", test_names);
	CU_add_test(s, "Kinds of socket", test_kinds);
	CU_add_test(s, "Not accepted yet", test_embryo);
}
