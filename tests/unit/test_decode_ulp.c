/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel TLS, MPTCP subflows, TCP MD5 peers, BPF storage */

#include <linux/inet_diag.h>
#include <string.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void test_tls(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_ulp_name, "tls");
	EXPECT_U64(&o.r, F_tls_version, 0x0304);
	EXPECT_U64(&o.r, F_tls_cipher, 51);
	EXPECT_U64(&o.r, F_tls_txconf, 1);
	EXPECT_U64(&o.r, F_tls_rxconf, 2);
	EXPECT_BOOL(&o.r, F_tls_zc_ro_tx, true);
	EXPECT_BOOL(&o.r, F_tls_rx_no_pad, false);
	EXPECT_U64(&o.r, F_tls_tx_max_payload, 16384);
	opened_deinit(&o);
}

static void test_subflow(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_mptcp_token_rem, 0xaaaa0001);
	EXPECT_U64(&o.r, F_mptcp_token_loc, 0xbbbb0002);
	EXPECT_U64(&o.r, F_mptcp_relwrite_seq, 3);
	EXPECT_U64(&o.r, F_mptcp_map_seq, 0x400000004ull);
	EXPECT_U64(&o.r, F_mptcp_map_sfseq, 5);
	EXPECT_U64(&o.r, F_mptcp_ssn_offset, 6);
	EXPECT_U64(&o.r, F_mptcp_map_datalen, 7);
	EXPECT_U64(&o.r, F_mptcp_flags, 0x81);
	EXPECT_U64(&o.r, F_mptcp_id_rem, 9);
	EXPECT_U64(&o.r, F_mptcp_id_loc, 10);
	opened_deinit(&o);
}

/* Without the nest of TLS its flags are not known; with an empty one they are "no". */
static void test_flags(void)
{
	struct opened o;
	struct built b;
	size_t ulp;

	built_inet(&b, SOURCE_tcp4, 1);
	ulp = built_nest(&b, INET_DIAG_ULP_INFO);
	built_str(&b, INET_ULP_INFO_NAME, "espintcp");
	built_nest_end(&b, ulp);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT(&o.r, F_ulp_name, "espintcp");
	EXPECT_ABSENT(&o.r, F_tls_zc_ro_tx);
	EXPECT_ABSENT(&o.r, F_tls_rx_no_pad);
	EXPECT_ABSENT(&o.r, F_mptcp_flags);
	opened_deinit(&o);

	built_inet(&b, SOURCE_tcp4, 1);
	ulp = built_nest(&b, INET_DIAG_ULP_INFO);
	built_attr(&b, INET_ULP_INFO_TLS, NULL, 0);
	built_nest_end(&b, ulp);
	opened_init(&o, &b, NULL);
	EXPECT_ABSENT(&o.r, F_ulp_name);
	EXPECT_BOOL(&o.r, F_tls_zc_ro_tx, false);
	EXPECT_BOOL(&o.r, F_tls_rx_no_pad, false);
	EXPECT_ABSENT(&o.r, F_tls_version);
	opened_deinit(&o);
}

/* The peers are told, and no value of any field holds a byte of the key. */
static void test_md5sig(void)
{
	char text[VALUE_TEXT_MAX];
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT_N(&o.r, F_md5sig_peers, 0, "192.0.2.77");
	EXPECT_TEXT_N(&o.r, F_md5sig_peers, 1, "2001:db8::77");
	EXPECT_ABSENT_N(&o.r, F_md5sig_peers, 2);
	for (unsigned id = 1; id < FIELD_COUNT; id++)
		for (unsigned n = 0; n < 4; n++) {
			struct value v = built_get(&o.r, id, n);

			if (v.kind == VALUE_NONE)
				break;
			value_format(field_get(id), &v, VALUE_PLAIN, text, sizeof(text));
			CU_ASSERT_PTR_NULL(strstr(text, "secret"));
		}
	opened_deinit(&o);
}

static void test_bpf(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, NULL);
	EXPECT_U64_N(&o.r, F_bpf_map_ids, 0, 500);
	EXPECT_U64_N(&o.r, F_bpf_map_ids, 1, 501);
	EXPECT_ABSENT_N(&o.r, F_bpf_map_ids, 2);
	opened_deinit(&o);
}

void suite_decode_ulp(void)
{
	CU_pSuite s = CU_add_suite("Protocols on TCP", NULL, NULL);

	CU_add_test(s, "Kernel TLS", test_tls);
	CU_add_test(s, "MPTCP subflow", test_subflow);
	CU_add_test(s, "Flags that are not there", test_flags);
	CU_add_test(s, "MD5 peers, and never the key", test_md5sig);
	CU_add_test(s, "BPF storage", test_bpf);
}
