/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SCTP endpoints and associations */

#include <arpa/inet.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/sctp.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static void add_addr(struct built *b, unsigned type, const char *text)
{
	struct sockaddr_storage all = { .ss_family = AF_INET };
	struct sockaddr_in in = { .sin_family = AF_INET };

	inet_pton(AF_INET, text, &in.sin_addr);
	memcpy(&all, &in, sizeof(in));
	built_attr(b, type, &all, sizeof(all));
}

static void test_association(void)
{
	struct sctp_info info = { .sctpi_tag = 1, .sctpi_state = 4, .sctpi_unackdata = 3, .sctpi_instrms = 10,
				  .sctpi_peer_capable = 5, .sctpi_isacks = 0x100000001ull, .sctpi_ictrlchunks = 9,
				  .sctpi_p_state = -1, .sctpi_p_srtt = 20, .sctpi_p_rto = 200, .sctpi_p_error = 2,
				  .sctpi_p_hbinterval = 30000, .sctpi_p_sackdelay = 200, .sctpi_p_cwnd = 4380 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct opened o;
	struct built b;

	inet_pton(AF_INET, "203.0.113.1", &in.sin_addr);
	memcpy(&info.sctpi_p_address, &in, sizeof(in));
	built_inet(&b, SOURCE_sctp4, 3);
	built_attr(&b, INET_DIAG_INFO, &info, sizeof(info));
	add_addr(&b, INET_DIAG_LOCALS, "192.0.2.1");
	add_addr(&b, INET_DIAG_PEERS, "203.0.113.1");
	opened_init(&o, &b, NULL);
	CU_ASSERT_EQUAL(sizeof(info), 368);
	EXPECT_TEXT(&o.r, F_netid, "sctp");
	EXPECT_U64(&o.r, F_state, STATE_ESTABLISHED);
	EXPECT_ABSENT(&o.r, F_sk_state);
	EXPECT_ABSENT(&o.r, F_sk_bound_dev_if);
	EXPECT_ABSENT(&o.r, F_type);
	EXPECT_U64(&o.r, F_sctpi_tag, 1);
	EXPECT_U64(&o.r, F_sctpi_state, 4);
	EXPECT_U64(&o.r, F_sctpi_unackdata, 3);
	EXPECT_U64(&o.r, F_sctpi_instrms, 10);
	EXPECT_U64(&o.r, F_sctpi_peer_capable, 5);
	EXPECT_U64(&o.r, F_sctpi_isacks, 0x100000001ull);
	EXPECT_U64(&o.r, F_sctpi_ictrlchunks, 9);
	EXPECT_TEXT(&o.r, F_sctpi_p_address, "203.0.113.1");
	EXPECT_S64(&o.r, F_sctpi_p_state, -1);
	EXPECT_U64(&o.r, F_sctpi_p_cwnd, 4380);
	EXPECT_U64(&o.r, F_sctpi_p_srtt, 20000);
	EXPECT_U64(&o.r, F_sctpi_p_rto, 200000);
	EXPECT_U64(&o.r, F_sctpi_p_hbinterval, 30000000);
	EXPECT_U64(&o.r, F_sctpi_p_sackdelay, 200000);
	EXPECT_U64(&o.r, F_sctpi_p_error, 2);
	EXPECT_ABSENT(&o.r, F_sctpi_s_type);
	EXPECT_TEXT(&o.r, F_sctp_local_addrs, "192.0.2.1");
	EXPECT_TEXT(&o.r, F_sctp_peer_addrs, "203.0.113.1");
	EXPECT_ABSENT_N(&o.r, F_sctp_peer_addrs, 1);
	opened_deinit(&o);
}

/* enum sctp_state, 0 to 7: closed, cookie-wait, cookie-echoed, established, shutdown-pending, -sent, -received, -ack-sent. */
static void test_association_states(void)
{
	static const unsigned want[] = { STATE_CLOSE, STATE_SYN_SENT, STATE_SYN_SENT, STATE_ESTABLISHED,
					 STATE_FIN_WAIT1, STATE_FIN_WAIT2, STATE_CLOSE_WAIT, STATE_LAST_ACK };

	for (unsigned state = 0; state < 256; state++) {
		struct opened o;
		struct built b;

		built_inet(&b, SOURCE_sctp6, state);
		b.data[2] = 4; /* SCTP_EVENT_TIMEOUT_T3_RTX */
		add_addr(&b, INET_DIAG_PEERS, "203.0.113.1");
		opened_init(&o, &b, NULL);
		if (state < 8)
			EXPECT_U64(&o.r, F_state, want[state]);
		else
			EXPECT_ABSENT(&o.r, F_state);
		EXPECT_U64(&o.r, F_idiag_timer, 1);
		EXPECT_U64(&o.r, F_idiag_expires, 1500000);
		opened_deinit(&o);
	}
}

static void test_endpoint(void)
{
	struct sctp_info info = { .sctpi_s_autoclose = 1, .sctpi_s_adaptation_ind = 2, .sctpi_s_pd_point = 3,
				  .sctpi_s_nodelay = 1, .sctpi_s_v4mapped = 1, .sctpi_s_frag_interleave = 2,
				  .sctpi_s_type = 2 };
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_sctp4, 10);
	built_attr(&b, INET_DIAG_INFO, &info, sizeof(info));
	add_addr(&b, INET_DIAG_LOCALS, "192.0.2.1");
	opened_init(&o, &b, NULL);
	EXPECT_U64(&o.r, F_state, STATE_LISTEN);
	EXPECT_U64(&o.r, F_sk_state, 10);
	EXPECT_U64(&o.r, F_sk_bound_dev_if, 3);
	EXPECT_U64(&o.r, F_sk_max_ack_backlog, 22);
	EXPECT_U64(&o.r, F_type, SOCK_STREAM);
	EXPECT_U64(&o.r, F_sctpi_s_autoclose, 1);
	EXPECT_U64(&o.r, F_sctpi_s_adaptation_ind, 2);
	EXPECT_U64(&o.r, F_sctpi_s_pd_point, 3);
	EXPECT_BOOL(&o.r, F_sctpi_s_nodelay, true);
	EXPECT_BOOL(&o.r, F_sctpi_s_disable_fragments, false);
	EXPECT_BOOL(&o.r, F_sctpi_s_v4mapped, true);
	EXPECT_U64(&o.r, F_sctpi_s_frag_interleave, 2);
	EXPECT_U64(&o.r, F_sctpi_s_type, 2);
	EXPECT_ABSENT(&o.r, F_sctpi_tag);
	EXPECT_ABSENT(&o.r, F_sctpi_p_cwnd);
	EXPECT_ABSENT(&o.r, F_sctp_peer_addrs);
	opened_deinit(&o);
}

static void test_address_lists(void)
{
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_sctp6);
	opened_init(&o, &b, NULL);
	EXPECT_TEXT_N(&o.r, F_sctp_local_addrs, 0, "203.0.113.9");
	EXPECT_TEXT_N(&o.r, F_sctp_local_addrs, 1, "fe80::9");
	EXPECT_ABSENT_N(&o.r, F_sctp_local_addrs, 2);
	EXPECT_TEXT_N(&o.r, F_sctp_peer_addrs, 1, "fe80::9");
	opened_deinit(&o);
}

void suite_decode_sctp(void)
{
	CU_pSuite s = CU_add_suite("SCTP", NULL, NULL);

	CU_add_test(s, "An association", test_association);
	CU_add_test(s, "States of associations", test_association_states);
	CU_add_test(s, "An endpoint", test_endpoint);
	CU_add_test(s, "Address lists", test_address_lists);
}
