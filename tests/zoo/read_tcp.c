/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What TCP_INFO, TCP_CC_INFO and MPTCP_INFO tell of a live descriptor */

#include <linux/inet_diag.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "reading.h"
#include "zoo.h"

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define MPTCP_INFO_OPTION 1

/* A member: when it can be compared, and its factor to microseconds where the kernel says milliseconds. */
enum when {
	ALWAYS, /* fixed once the connection has its state */
	QUIET,  /* fixed when no segment and no timer is under way */
};

struct member {
	const char *name;
	size_t offset;
	size_t size;
	enum when when;
	unsigned factor;
};

/*
 * Of a listener the kernel fills these and leaves the others zero
 * (tcp_get_info()): they say nothing, and are absent from the answer.
 */
static bool is_filled_for_listener(const char *name)
{
	static const char *const names[] = { "tcpi_unacked",	  "tcpi_sacked",      "tcpi_snd_cwnd",
					     "tcpi_reordering",	  "tcpi_pacing_rate", "tcpi_max_pacing_rate" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

#define TCP(name, when)                                                                               \
	{                                                                                             \
#name, offsetof(struct tcp_info, name), sizeof(((struct tcp_info *)0)->name), when, 1 \
	}
/* Behind the tcp_info of the headers at hand (Linux 6.1), counted from its last member. */
#define LATER(name, n, size, when, factor)                                                   \
	{                                                                                    \
#name, offsetof(struct tcp_info, tcpi_snd_wnd) + 4 + (n), size, when, factor \
	}

static const struct member tcp_members[] = {
	TCP(tcpi_retransmits, QUIET),
	TCP(tcpi_probes, QUIET),
	TCP(tcpi_backoff, QUIET),
	TCP(tcpi_rto, QUIET),
	TCP(tcpi_ato, QUIET),
	TCP(tcpi_snd_mss, ALWAYS),
	TCP(tcpi_rcv_mss, ALWAYS),
	TCP(tcpi_unacked, QUIET),
	TCP(tcpi_sacked, QUIET),
	TCP(tcpi_lost, QUIET),
	TCP(tcpi_retrans, QUIET),
	TCP(tcpi_fackets, QUIET),
	TCP(tcpi_pmtu, ALWAYS),
	TCP(tcpi_rcv_ssthresh, QUIET),
	TCP(tcpi_rtt, QUIET),
	TCP(tcpi_rttvar, QUIET),
	TCP(tcpi_snd_ssthresh, QUIET),
	TCP(tcpi_snd_cwnd, QUIET),
	TCP(tcpi_advmss, ALWAYS),
	TCP(tcpi_reordering, QUIET),
	TCP(tcpi_rcv_rtt, QUIET),
	TCP(tcpi_rcv_space, QUIET),
	TCP(tcpi_total_retrans, QUIET),
	TCP(tcpi_pacing_rate, QUIET),
	TCP(tcpi_max_pacing_rate, ALWAYS),
	TCP(tcpi_bytes_acked, ALWAYS),
	TCP(tcpi_bytes_received, ALWAYS),
	TCP(tcpi_segs_out, QUIET),
	TCP(tcpi_segs_in, QUIET),
	TCP(tcpi_notsent_bytes, QUIET),
	TCP(tcpi_min_rtt, QUIET),
	TCP(tcpi_data_segs_in, QUIET),
	TCP(tcpi_data_segs_out, QUIET),
	TCP(tcpi_delivery_rate, QUIET),
	TCP(tcpi_busy_time, QUIET),
	TCP(tcpi_rwnd_limited, QUIET),
	TCP(tcpi_sndbuf_limited, QUIET),
	TCP(tcpi_delivered, QUIET),
	TCP(tcpi_delivered_ce, QUIET),
	TCP(tcpi_bytes_sent, QUIET),
	TCP(tcpi_bytes_retrans, QUIET),
	TCP(tcpi_dsack_dups, QUIET),
	TCP(tcpi_reord_seen, QUIET),
	TCP(tcpi_rcv_ooopack, QUIET),
	TCP(tcpi_snd_wnd, QUIET),
	LATER(tcpi_rcv_wnd, 0, 4, QUIET, 1),
	LATER(tcpi_rehash, 4, 4, QUIET, 1),
	LATER(tcpi_total_rto, 8, 2, QUIET, 1),
	LATER(tcpi_total_rto_recoveries, 10, 2, QUIET, 1),
	LATER(tcpi_total_rto_time, 12, 4, QUIET, 1000),
	LATER(tcpi_received_ce, 16, 4, QUIET, 1),
	LATER(tcpi_delivered_e1_bytes, 20, 4, QUIET, 1),
	LATER(tcpi_delivered_e0_bytes, 24, 4, QUIET, 1),
	LATER(tcpi_delivered_ce_bytes, 28, 4, QUIET, 1),
	LATER(tcpi_received_e1_bytes, 32, 4, QUIET, 1),
	LATER(tcpi_received_e0_bytes, 36, 4, QUIET, 1),
	LATER(tcpi_received_ce_bytes, 40, 4, QUIET, 1),
	LATER(tcpi_accecn, 44, 4, QUIET, 1),
};

/* The headers at hand may have the first half only (Linux 5.16); offsets are ABI. */
#define MPTCP(name, offset, size, when)      \
	{                                    \
#name, offset, size, when, 1 \
	}

static const struct member mptcp_members[] = {
	MPTCP(mptcpi_subflows, 0, 1, ALWAYS),
	MPTCP(mptcpi_add_addr_signal, 1, 1, ALWAYS),
	MPTCP(mptcpi_add_addr_accepted, 2, 1, ALWAYS),
	MPTCP(mptcpi_subflows_max, 3, 1, ALWAYS),
	MPTCP(mptcpi_add_addr_signal_max, 4, 1, ALWAYS),
	MPTCP(mptcpi_add_addr_accepted_max, 5, 1, ALWAYS),
	MPTCP(mptcpi_flags_raw, 8, 4, ALWAYS),
	MPTCP(mptcpi_token, 12, 4, ALWAYS),
	MPTCP(mptcpi_write_seq, 16, 8, QUIET),
	MPTCP(mptcpi_snd_una, 24, 8, QUIET),
	MPTCP(mptcpi_rcv_nxt, 32, 8, QUIET),
	MPTCP(mptcpi_local_addr_used, 40, 1, ALWAYS),
	MPTCP(mptcpi_local_addr_max, 41, 1, ALWAYS),
	MPTCP(mptcpi_bytes_retrans, 48, 8, QUIET),
	MPTCP(mptcpi_bytes_sent, 56, 8, QUIET),
	MPTCP(mptcpi_bytes_received, 64, 8, QUIET),
	MPTCP(mptcpi_bytes_acked, 72, 8, QUIET),
	MPTCP(mptcpi_subflows_total, 80, 1, ALWAYS),
};

static void expect_members(struct entry *to, const struct member *list, size_t n, const void *data, size_t len,
			   bool quiet, bool listener)
{
	for (size_t i = 0; i < n; i++) {
		const struct member *m = &list[i];
		const char *at = (const char *)data + m->offset;
		uint64_t v64;
		uint32_t v32;
		uint16_t v16;

		if (m->offset + m->size > len || (m->when == QUIET && !quiet))
			continue;
		if (listener && !is_filled_for_listener(m->name)) {
			expect_absent(to, m->name);
			continue;
		}
		switch (m->size) {
		case 1:
			v64 = *(const uint8_t *)at;
			break;
		case 2:
			memcpy(&v16, at, sizeof(v16));
			v64 = v16;
			break;
		case 4:
			memcpy(&v32, at, sizeof(v32));
			v64 = v32;
			break;
		default:
			memcpy(&v64, at, sizeof(v64));
		}
		expect_u64(to, m->name, v64 * m->factor);
	}
}

/* inet_diag tells the algorithm's own figures of states before TIME-WAIT only (inet_sk_diag_fill()). */
static void read_congestion(struct entry *e, struct entry *to, bool told)
{
	union tcp_cc_info cc = {};
	socklen_t len = sizeof(cc);
	char name[17] = "";

	len = sizeof(name) - 1;
	if (getsockopt(e->fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) < 0)
		return;
	expect_str(to, "icsk_ca_ops", name);
	len = sizeof(cc);
	if (!told || !(e->reads & READ_QUIET) || getsockopt(e->fd, IPPROTO_TCP, TCP_CC_INFO, &cc, &len) < 0)
		return;
	if (!strcmp(name, "bbr") && len >= sizeof(cc.bbr)) {
		expect_u64(to, "bbr_bw", (uint64_t)cc.bbr.bbr_bw_hi << 32 | cc.bbr.bbr_bw_lo);
		expect_u64(to, "bbr_min_rtt", cc.bbr.bbr_min_rtt);
		expect_u64(to, "bbr_pacing_gain", cc.bbr.bbr_pacing_gain);
		expect_u64(to, "bbr_cwnd_gain", cc.bbr.bbr_cwnd_gain);
	} else if (!strcmp(name, "dctcp") && len >= sizeof(cc.dctcp)) {
		expect_u64(to, "dctcp_enabled", cc.dctcp.dctcp_enabled);
		expect_u64(to, "dctcp_ce_state", cc.dctcp.dctcp_ce_state);
		expect_u64(to, "dctcp_alpha", cc.dctcp.dctcp_alpha);
		expect_u64(to, "dctcp_ab_ecn", cc.dctcp.dctcp_ab_ecn);
		expect_u64(to, "dctcp_ab_tot", cc.dctcp.dctcp_ab_tot);
	} else if (!strcmp(name, "vegas") && len >= sizeof(cc.vegas)) {
		expect_u64(to, "tcpv_enabled", cc.vegas.tcpv_enabled);
		expect_u64(to, "tcpv_rttcnt", cc.vegas.tcpv_rttcnt);
		expect_u64(to, "tcpv_rtt", cc.vegas.tcpv_rtt);
		expect_u64(to, "tcpv_minrtt", cc.vegas.tcpv_minrtt);
	}
}

/*
 * The kernel's table counts a FIN that was received and not read as one byte
 * (rcv_nxt - copied_seq); SIOCINQ leaves it out.
 */
static void read_queues(struct entry *e, struct entry *to, const struct tcp_info *info)
{
	bool fin_received = info->tcpi_state == 8 || info->tcpi_state == 9 || info->tcpi_state == 11;
	int in = 0, out = 0;

	if (info->tcpi_state == 10) {
		expect_u64(to, "recv_q", info->tcpi_unacked);
		expect_u64(to, "send_q", info->tcpi_sacked);
		expect_u64(to, "sk_ack_backlog", info->tcpi_unacked);
		expect_u64(to, "sk_max_ack_backlog", info->tcpi_sacked);
		return;
	}
	must(ioctl(e->fd, SIOCINQ, &in));
	must(ioctl(e->fd, SIOCOUTQ, &out));
	expect_u64(to, "recv_q", in + fin_received);
	expect_u64(to, "send_q", out);
	expect_absent(to, "sk_ack_backlog");
}

void read_tcp(struct entry *e, struct entry *to)
{
	union {
		struct tcp_info info;
		char bytes[1024];
	} t = {};
	socklen_t len = sizeof(t);
	bool quiet = e->reads & READ_QUIET, listener;

	must(getsockopt(e->fd, IPPROTO_TCP, TCP_INFO, &t, &len));
	listener = t.info.tcpi_state == 10;
	expect_str(to, "state", state_word(t.info.tcpi_state));
	expect_u64(to, "state_raw", t.info.tcpi_state);
	expect_u64(to, "tcpi_state_raw", t.info.tcpi_state);
	if (!listener) {
		expect_u64(to, "tcpi_options_raw", t.info.tcpi_options);
		expect_u64(to, "tcpi_snd_wscale", t.info.tcpi_snd_wscale);
		expect_u64(to, "tcpi_rcv_wscale", t.info.tcpi_rcv_wscale);
	}
	if (quiet && !listener) {
		expect_u64(to, "tcpi_ca_state_raw", t.info.tcpi_ca_state);
		expect_bool(to, "tcpi_delivery_rate_app_limited", t.info.tcpi_delivery_rate_app_limited);
		expect_u64(to, "tcpi_fastopen_client_fail_raw", t.info.tcpi_fastopen_client_fail);
	}
	expect_members(to, tcp_members, sizeof(tcp_members) / sizeof(tcp_members[0]), &t, len, quiet, listener);
	read_congestion(e, to, t.info.tcpi_state < 6);
	read_queues(e, to, &t.info);
	expect_bool(to, "inet_is_icsk", true);
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

void read_mptcp(struct entry *e, struct entry *to)
{
	_Alignas(8) char bytes[512] = {};
	socklen_t len = sizeof(bytes);

	/* Of a listener mptcp_diag sends the structure without filling it. */
	if (is_listening(e->fd)) {
		expect_absent(to, "mptcpi_token");
		return;
	}
	if (getsockopt(e->fd, SOL_MPTCP, MPTCP_INFO_OPTION, bytes, &len) < 0)
		return;
	expect_bool(to, "mptcpi_csum_enabled", bytes[42] != 0);
	/* In the structure of Linux before 6.5 its place is padding. */
	if (len > 48 && (e->reads & READ_QUIET))
		expect_u64(to, "mptcpi_retransmits", *(const uint32_t *)(bytes + 44));
	expect_members(to, mptcp_members, sizeof(mptcp_members) / sizeof(mptcp_members[0]), bytes, len,
		       e->reads & READ_QUIET, false);
}
