/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TIPC messages: nests, and no header */

#include <sys/socket.h>

#include <linux/tipc_netlink.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_full(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tipc);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	EXPECT_TEXT(&o.r, F_netid, "tipc");
	EXPECT_U64(&o.r, F_family, AF_TIPC);
	EXPECT_U64(&o.r, F_type, SOCK_SEQPACKET);
	EXPECT_U64(&o.r, F_state, STATE_ESTABLISHED);
	EXPECT_TEXT(&o.r, F_local, "16781313");
	EXPECT_U64(&o.r, F_local_port, 3000000001u);
	EXPECT_TEXT(&o.r, F_peer, "16781314");
	EXPECT_U64(&o.r, F_peer_port, 3000000002u);
	EXPECT_U64(&o.r, F_inode, 777);
	EXPECT_U64(&o.r, F_cookie, 0x300000001ull);
	EXPECT_U64(&o.r, F_uid, 8);
	EXPECT_U64(&o.r, F_recv_q, 4);
	EXPECT_U64(&o.r, F_send_q, 5);
	EXPECT_U64(&o.r, F_tipc_ref, 3000000001u);
	EXPECT_U64(&o.r, F_tipc_con_type, 18888);
	EXPECT_U64(&o.r, F_tipc_con_inst, 17);
	EXPECT_BOOL(&o.r, F_tipc_has_publ, false);
	EXPECT_U64(&o.r, F_tipc_rcvq, 4);
	EXPECT_U64(&o.r, F_tipc_sendq, 5);
	EXPECT_U64(&o.r, F_tipc_drop, 6);
	EXPECT_BOOL(&o.r, F_tipc_link_cong, true);
	EXPECT_BOOL(&o.r, F_tipc_conn_cong, false);
	EXPECT_U64(&o.r, F_tipc_state, 1);
	EXPECT_U64(&o.r, F_tipc_group_id, 4711);
	EXPECT_U64(&o.r, F_tipc_group_instance, 9);
	EXPECT_U64(&o.r, F_tipc_group_bc_send_next, 10);
	EXPECT_U64(&o.r, F_tipc_group_scope, 2);
	opened_deinit(&o);
}

static void test_published(void)
{
	struct opened o;
	struct built b;
	size_t sock;

	built_begin(&b, SOURCE_tipc, NULL, 0);
	sock = built_nest(&b, TIPC_NLA_SOCK);
	built_u32(&b, TIPC_NLA_SOCK_TIPC_STATE, 10);
	built_attr(&b, TIPC_NLA_SOCK_HAS_PUBL, NULL, 0);
	built_nest_end(&b, sock);
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_state, STATE_LISTEN);
	EXPECT_BOOL(&o.r, F_tipc_has_publ, true);
	EXPECT_ABSENT(&o.r, F_peer);
	EXPECT_ABSENT(&o.r, F_peer_port);
	EXPECT_ABSENT(&o.r, F_local);
	EXPECT_ABSENT(&o.r, F_tipc_link_cong);
	EXPECT_ABSENT(&o.r, F_tipc_group_scope);
	opened_deinit(&o);
}

/* A message without the nest that is all of it. */
static void test_other_nest(void)
{
	struct opened o;
	struct built b;

	built_begin(&b, SOURCE_tipc, NULL, 0);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL(o.error, -EBADMSG);
	opened_deinit(&o);

	built_u32(&b, TIPC_NLA_BEARER, 1);
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL(o.error, -EBADMSG);
	opened_deinit(&o);
}

void suite_decode_tipc(void)
{
	CU_pSuite s = CU_add_suite("TIPC messages", NULL, NULL);

	CU_add_test(s, "All attributes", test_full);
	CU_add_test(s, "A published listener", test_published);
	CU_add_test(s, "Not a socket", test_other_nest);
}
