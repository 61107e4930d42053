/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words: there and back, and the numbers against the system's own headers */

#include <CUnit/CUnit.h>
#include <linux/netlink.h>
#include <linux/net_tstamp.h>
#include <linux/tcp.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "model/words.h"
#include "unit/suites.h"

static const struct words *const tables[] = {
	&words_family, &words_type, &words_state, &words_timer, &words_tcp_ca_state, &words_tcp_fastopen_fail,
	&words_tcpi_options, &words_tls_version, &words_tls_cipher, &words_tls_conf, &words_mptcp_subflow, &words_mptcpi,
	&words_sctp_state, &words_sctp_path, &words_sctp_type, &words_ndiag, &words_pdi, &words_shutdown, &words_xdu,
	&words_smc_mode, &words_tipc_scope, &words_ss, &words_socket, &words_open, &words_sk, &words_tsq, &words_pacing,
	&words_userlocks, &words_tsflags, &words_errno, &words_event, &words_netlink, &words_ethertype, &words_ipproto,
};

static void test_round_trip(void)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (size_t i = 0; i < tables[t]->n_rows; i++) {
			const struct word *row = &tables[t]->rows[i];
			uint64_t value;

			CU_ASSERT_PTR_EQUAL(words_find(tables[t], row->value), row->word);
			CU_ASSERT_EQUAL(words_value(tables[t], row->word, strlen(row->word), &value), 0);
			CU_ASSERT_EQUAL(value, row->value);
		}
		CU_ASSERT_PTR_NULL(words_find(tables[t], UINT64_C(0xdeadbeefcafe)));
	}
}

static void test_numbers(void)
{
	CU_ASSERT_STRING_EQUAL(words_find(&words_family, AF_INET6), "inet6");
	CU_ASSERT_STRING_EQUAL(words_find(&words_family, AF_VSOCK), "vsock");
	CU_ASSERT_STRING_EQUAL(words_find(&words_family, AF_XDP), "xdp");
	CU_ASSERT_STRING_EQUAL(words_find(&words_type, SOCK_SEQPACKET), "seqpacket");
	CU_ASSERT_STRING_EQUAL(words_find(&words_netlink, NETLINK_KOBJECT_UEVENT), "uevent");
	CU_ASSERT_STRING_EQUAL(words_find(&words_netlink, NETLINK_GENERIC), "genl");
	CU_ASSERT_STRING_EQUAL(words_find(&words_ethertype, ETHERTYPE_ARP), "arp");
	CU_ASSERT_STRING_EQUAL(words_find(&words_ipproto, IPPROTO_UDPLITE), "udplite");
	CU_ASSERT_STRING_EQUAL(words_find(&words_tcp_ca_state, TCP_CA_Loss), "loss");
	CU_ASSERT_STRING_EQUAL(words_find(&words_tcpi_options, TCPI_OPT_SYN_DATA), "fastopen-syn-data");
	CU_ASSERT_STRING_EQUAL(words_find(&words_tsflags, SOF_TIMESTAMPING_OPT_TSONLY), "OPT_TSONLY");
	CU_ASSERT_STRING_EQUAL(words_find(&words_state, 1), "ESTAB");
}

static uint32_t states(const char *word)
{
	uint32_t mask = 0;

	CU_ASSERT_EQUAL(states_parse(word, strlen(word), &mask), 0);
	return mask;
}

static void test_states(void)
{
	uint32_t mask;

	CU_ASSERT_EQUAL(states("established"), STATE_BIT(STATE_ESTABLISHED));
	CU_ASSERT_EQUAL(states("ESTAB"), states("established"));
	CU_ASSERT_EQUAL(states("listen"), states("listening"));
	CU_ASSERT_EQUAL(states("close_wait"), STATE_BIT(STATE_CLOSE_WAIT));
	CU_ASSERT_EQUAL(states("Fin-Wait-1"), STATE_BIT(STATE_FIN_WAIT1));
	CU_ASSERT_EQUAL(states("UNCONN"), states("closed"));
	/* The sets of ss(8). */
	CU_ASSERT(states("connected") & STATE_BIT(STATE_TIME_WAIT));
	CU_ASSERT(states("connected") & STATE_BIT(STATE_SYN_RECV));
	CU_ASSERT_FALSE(states("connected") & STATE_BIT(STATE_LISTEN));
	CU_ASSERT_EQUAL(states("synchronized"), states("connected") & ~STATE_BIT(STATE_SYN_SENT));
	CU_ASSERT_EQUAL(states("big") | states("bucket"), states("all"));
	CU_ASSERT_EQUAL(states("big") & states("bucket"), 0);
	CU_ASSERT(states_parse("estab", 3, &mask) < 0);
	CU_ASSERT(states_parse("", 0, &mask) < 0);
	CU_ASSERT(states_parse("listening!", 10, &mask) < 0);
}

void suite_words(void)
{
	CU_pSuite s = CU_add_suite("words", NULL, NULL);

	CU_add_test(s, "every word there and back", test_round_trip);
	CU_add_test(s, "numbers against the system's headers", test_numbers);
	CU_add_test(s, "states by all their names", test_states);
}
