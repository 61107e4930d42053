/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SMC messages */

#include <arpa/inet.h>
#include <sys/socket.h>

#include <linux/smc_diag.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_full(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_smc);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_netid, "smc");
	EXPECT_U64(&o.r, F_family, AF_SMC);
	EXPECT_U64(&o.r, F_type, SOCK_STREAM);
	EXPECT_U64(&o.r, F_state, STATE_ESTABLISHED);
	EXPECT_TEXT(&o.r, F_local, "192.0.2.1");
	EXPECT_U64(&o.r, F_local_port, 443);
	EXPECT_TEXT(&o.r, F_peer, "198.51.100.2");
	EXPECT_U64(&o.r, F_peer_port, 5000);
	EXPECT_U64(&o.r, F_inode, 0x100000022ull); /* 64 bits here alone */
	EXPECT_U64(&o.r, F_sk_socket, 0x100000022ull);
	EXPECT_U64(&o.r, F_uid, 12);
	EXPECT_U64(&o.r, F_smc_mode, 0);
	EXPECT_U64(&o.r, F_sk_shutdown, 1);
	EXPECT_U64(&o.r, F_smc_fallback_reason, 0x03010000);
	EXPECT_U64(&o.r, F_smc_peer_diagnosis, 0x05000000);
	EXPECT_U64(&o.r, F_smc_token, 1);
	EXPECT_U64(&o.r, F_smc_sndbuf_size, 2);
	EXPECT_U64(&o.r, F_smc_rmbe_size, 3);
	EXPECT_U64(&o.r, F_smc_peer_rmbe_size, 4);
	EXPECT_U64(&o.r, F_smc_lgr_role, 1);
	EXPECT_TEXT(&o.r, F_smc_lgr_ibname, "mlx5_0");
	EXPECT_U64(&o.r, F_smc_lgr_ibport, 2);
	EXPECT_TEXT(&o.r, F_smc_lgr_gid, "fe80::1");
	EXPECT_TEXT(&o.r, F_smc_lgr_peer_gid, "fe80::2");
	EXPECT_U64(&o.r, F_smc_dmb_linkid, 1);
	EXPECT_U64(&o.r, F_smc_dmb_peer_gid, 2);
	EXPECT_U64(&o.r, F_smc_dmb_my_gid, 3);
	EXPECT_U64(&o.r, F_smc_dmb_token, 4);
	EXPECT_U64(&o.r, F_smc_dmb_peer_token, 5);
	opened_deinit(&o);
}

static void test_addresses(void)
{
	struct smc_diag_msg m = { .diag_family = AF_SMC, .diag_state = 10 };
	struct opened o;
	struct built b;

	inet_pton(AF_INET6, "::1", m.id.idiag_src);
	built_begin(&b, SOURCE_smc, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_local, "::1");
	EXPECT_TEXT(&o.r, F_peer, "::");
	opened_deinit(&o);

	memset(&m.id, 0, sizeof(m.id));
	built_begin(&b, SOURCE_smc, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_local, "0.0.0.0");
	opened_deinit(&o);

	m.diag_family = AF_INET6; /* IPPROTO_SMC */
	built_begin(&b, SOURCE_smc, &m, sizeof(m));
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_local, "::");
	opened_deinit(&o);
}

/* net/smc/smc.h: enum smc_state */
static void test_states(void)
{
	static const struct {
		unsigned smc, state;
	} rows[] = { { 1, STATE_ESTABLISHED }, { 2, STATE_CLOSE },	 { 7, STATE_CLOSE },	  { 10, STATE_LISTEN },
		     { 20, STATE_FIN_WAIT1 },  { 21, STATE_FIN_WAIT2 }, { 22, STATE_CLOSE_WAIT }, { 23, STATE_CLOSE_WAIT },
		     { 24, 24 },	       { 27, 27 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smc_diag_msg m = { .diag_family = AF_SMC, .diag_state = (uint8_t)rows[i].smc };
		struct opened o;
		struct built b;

		built_begin(&b, SOURCE_smc, &m, sizeof(m));
		opened_init(&o, &b, NULL);
		EXPECT_U64(&o.r, F_state, rows[i].state);
		EXPECT_U64(&o.r, F_sk_state, rows[i].smc);
		CU_ASSERT_EQUAL(record_state(&o.r), rows[i].state > STATE_BOUND_INACTIVE ? 0 : rows[i].state);
		EXPECT_ABSENT(&o.r, F_inode);
		EXPECT_ABSENT(&o.r, F_uid);
		opened_deinit(&o);
	}
}

void suite_decode_smc(void)
{
	CU_pSuite s = CU_add_suite("SMC messages", NULL, NULL);

	CU_add_test(s, "All attributes", test_full);
	CU_add_test(s, "Both kinds of address", test_addresses);
	CU_add_test(s, "States", test_states);
}
