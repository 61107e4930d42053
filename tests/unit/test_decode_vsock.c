/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VSOCK messages */

#include <sys/socket.h>

#include <linux/vm_sockets_diag.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_connected(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_vsock);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "v_str");
	EXPECT_U64(&o.r, F_family, AF_VSOCK);
	EXPECT_U64(&o.r, F_state, STATE_ESTABLISHED);
	EXPECT_TEXT(&o.r, F_local, "42");
	EXPECT_U64(&o.r, F_local_port, 1024);
	EXPECT_TEXT(&o.r, F_peer, "host");
	EXPECT_U64(&o.r, F_peer_port, 9999);
	EXPECT_U64(&o.r, F_inode, 44);
	EXPECT_U64(&o.r, F_cookie, 8);
	EXPECT_U64(&o.r, F_vdiag_shutdown, 1);
	EXPECT_U64(&o.r, F_sk_shutdown, 1);
	EXPECT_ABSENT(&o.r, F_recv_q);
	EXPECT_ABSENT(&o.r, F_uid);
	opened_deinit(&o);
}

static void test_words(void)
{
	static const struct {
		uint32_t cid;
		const char *text;
	} rows[] = { { ~0u, "*" }, { 0, "hypervisor" }, { 1, "local" }, { 2, "host" }, { 3, "3" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vsock_diag_msg m = { .vdiag_family = AF_VSOCK, .vdiag_type = SOCK_SEQPACKET, .vdiag_state = 10,
					    .vdiag_src_cid = rows[i].cid, .vdiag_src_port = 5, .vdiag_dst_cid = ~0u,
					    .vdiag_dst_port = ~0u };
		struct opened o;
		struct built b;

		built_begin(&b, SOURCE_vsock, &m, sizeof(m));
		opened_init(&o, &b, NULL);
		EXPECT_TEXT(&o.r, F_netid, "v_seq");
		EXPECT_TEXT(&o.r, F_local, rows[i].text);
		EXPECT_TEXT(&o.r, F_peer, "*");
		EXPECT_U64(&o.r, F_local_port, 5);
		EXPECT_ABSENT(&o.r, F_peer_port);
		EXPECT_ABSENT(&o.r, F_inode);
		EXPECT_ABSENT(&o.r, F_cookie);
		opened_deinit(&o);
	}
}

void suite_decode_vsock(void)
{
	CU_pSuite s = CU_add_suite("VSOCK messages", NULL, NULL);

	CU_add_test(s, "A connection", test_connected);
	CU_add_test(s, "Addresses with a meaning", test_words);
}
