/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct tcp_info: it only grows at its end, so a field is there when it lies wholly inside the attribute */

#include <linux/inet_diag.h>
#include <linux/tcp.h>

#include "decode/slot.h"

/*
 * Members behind tcpi_snd_wnd are newer than the headers of Linux 6.1: their
 * places are ABI (include/uapi/linux/tcp.h of Linux 6.18).
 */
enum {
	TCPI_RCV_WND = 232,	       /* 6.2 */
	TCPI_REHASH = 236,	       /* 6.2 */
	TCPI_TOTAL_RTO = 240,	       /* 6.7, u16 */
	TCPI_TOTAL_RTO_RECOVERIES = 242, /* 6.7, u16 */
	TCPI_TOTAL_RTO_TIME = 244,     /* 6.7, ms */
	TCPI_RECEIVED_CE = 248,	       /* 6.18 from here on */
	TCPI_DELIVERED_E1_BYTES = 252,
	TCPI_DELIVERED_E0_BYTES = 256,
	TCPI_DELIVERED_CE_BYTES = 260,
	TCPI_RECEIVED_E1_BYTES = 264,
	TCPI_RECEIVED_E0_BYTES = 268,
	TCPI_RECEIVED_CE_BYTES = 272,
	TCPI_ACCECN = 276,
};

_Static_assert(offsetof(struct tcp_info, tcpi_snd_wnd) == 228, "tcp_info is ABI");

#define AT(op, member) SLOT(op, INET_DIAG_INFO, offsetof(struct tcp_info, member))
#define AT_MSEC(member) SLOT_MSEC(U32, INET_DIAG_INFO, offsetof(struct tcp_info, member))
#define BEHIND(op, offset) SLOT(op, INET_DIAG_INFO, offset)

/* Bit-fields have no offset: they are bytes 6 and 7. */
#define BITS(op, offset, mask) SLOT_MASK(op, INET_DIAG_INFO, offset, mask)

static const struct slot tcp_info_slots[] = {
	[F_tcpi_state] = AT(U8, tcpi_state),
	[F_tcpi_ca_state] = AT(U8, tcpi_ca_state),
	[F_tcpi_retransmits] = AT(U8, tcpi_retransmits),
	[F_tcpi_probes] = AT(U8, tcpi_probes),
	[F_tcpi_backoff] = AT(U8, tcpi_backoff),
	[F_tcpi_options] = AT(U8, tcpi_options),
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	[F_tcpi_snd_wscale] = BITS(BITS, 6, 0x0f),
	[F_tcpi_rcv_wscale] = BITS(BITS, 6, 0xf0),
	[F_tcpi_delivery_rate_app_limited] = BITS(BIT, 7, 0x01),
	[F_tcpi_fastopen_client_fail] = BITS(BITS, 7, 0x06),
#else
	[F_tcpi_snd_wscale] = BITS(BITS, 6, 0xf0),
	[F_tcpi_rcv_wscale] = BITS(BITS, 6, 0x0f),
	[F_tcpi_delivery_rate_app_limited] = BITS(BIT, 7, 0x80),
	[F_tcpi_fastopen_client_fail] = BITS(BITS, 7, 0x60),
#endif
	[F_tcpi_rto] = AT(U32, tcpi_rto),
	[F_tcpi_ato] = AT(U32, tcpi_ato),
	[F_tcpi_snd_mss] = AT(U32, tcpi_snd_mss),
	[F_tcpi_rcv_mss] = AT(U32, tcpi_rcv_mss),
	[F_tcpi_unacked] = AT(U32, tcpi_unacked),
	[F_tcpi_sacked] = AT(U32, tcpi_sacked),
	[F_tcpi_lost] = AT(U32, tcpi_lost),
	[F_tcpi_retrans] = AT(U32, tcpi_retrans),
	[F_tcpi_fackets] = AT(U32, tcpi_fackets),
	[F_tcpi_last_data_sent] = AT_MSEC(tcpi_last_data_sent),
	[F_tcpi_last_ack_sent] = AT_MSEC(tcpi_last_ack_sent),
	[F_tcpi_last_data_recv] = AT_MSEC(tcpi_last_data_recv),
	[F_tcpi_last_ack_recv] = AT_MSEC(tcpi_last_ack_recv),
	[F_tcpi_pmtu] = AT(U32, tcpi_pmtu),
	[F_tcpi_rcv_ssthresh] = AT(U32, tcpi_rcv_ssthresh),
	[F_tcpi_rtt] = AT(U32, tcpi_rtt),
	[F_tcpi_rttvar] = AT(U32, tcpi_rttvar),
	[F_tcpi_snd_ssthresh] = AT(U32, tcpi_snd_ssthresh),
	[F_tcpi_snd_cwnd] = AT(U32, tcpi_snd_cwnd),
	[F_tcpi_advmss] = AT(U32, tcpi_advmss),
	[F_tcpi_reordering] = AT(U32, tcpi_reordering),
	[F_tcpi_rcv_rtt] = AT(U32, tcpi_rcv_rtt),
	[F_tcpi_rcv_space] = AT(U32, tcpi_rcv_space),
	[F_tcpi_total_retrans] = AT(U32, tcpi_total_retrans),
	[F_tcpi_pacing_rate] = AT(U64, tcpi_pacing_rate),
	[F_tcpi_max_pacing_rate] = AT(U64, tcpi_max_pacing_rate),
	[F_tcpi_bytes_acked] = AT(U64, tcpi_bytes_acked),
	[F_tcpi_bytes_received] = AT(U64, tcpi_bytes_received),
	[F_tcpi_segs_out] = AT(U32, tcpi_segs_out),
	[F_tcpi_segs_in] = AT(U32, tcpi_segs_in),
	[F_tcpi_notsent_bytes] = AT(U32, tcpi_notsent_bytes),
	[F_tcpi_min_rtt] = AT(U32, tcpi_min_rtt),
	[F_tcpi_data_segs_in] = AT(U32, tcpi_data_segs_in),
	[F_tcpi_data_segs_out] = AT(U32, tcpi_data_segs_out),
	[F_tcpi_delivery_rate] = AT(U64, tcpi_delivery_rate),
	[F_tcpi_busy_time] = AT(U64, tcpi_busy_time),
	[F_tcpi_rwnd_limited] = AT(U64, tcpi_rwnd_limited),
	[F_tcpi_sndbuf_limited] = AT(U64, tcpi_sndbuf_limited),
	[F_tcpi_delivered] = AT(U32, tcpi_delivered),
	[F_tcpi_delivered_ce] = AT(U32, tcpi_delivered_ce),
	[F_tcpi_bytes_sent] = AT(U64, tcpi_bytes_sent),
	[F_tcpi_bytes_retrans] = AT(U64, tcpi_bytes_retrans),
	[F_tcpi_dsack_dups] = AT(U32, tcpi_dsack_dups),
	[F_tcpi_reord_seen] = AT(U32, tcpi_reord_seen),
	[F_tcpi_rcv_ooopack] = AT(U32, tcpi_rcv_ooopack),
	[F_tcpi_snd_wnd] = AT(U32, tcpi_snd_wnd),
	[F_tcpi_rcv_wnd] = BEHIND(U32, TCPI_RCV_WND),
	[F_tcpi_rehash] = BEHIND(U32, TCPI_REHASH),
	[F_tcpi_total_rto] = BEHIND(U16, TCPI_TOTAL_RTO),
	[F_tcpi_total_rto_recoveries] = BEHIND(U16, TCPI_TOTAL_RTO_RECOVERIES),
	[F_tcpi_total_rto_time] = SLOT_MSEC(U32, INET_DIAG_INFO, TCPI_TOTAL_RTO_TIME),
	[F_tcpi_received_ce] = BEHIND(U32, TCPI_RECEIVED_CE),
	[F_tcpi_delivered_e1_bytes] = BEHIND(U32, TCPI_DELIVERED_E1_BYTES),
	[F_tcpi_delivered_e0_bytes] = BEHIND(U32, TCPI_DELIVERED_E0_BYTES),
	[F_tcpi_delivered_ce_bytes] = BEHIND(U32, TCPI_DELIVERED_CE_BYTES),
	[F_tcpi_received_e1_bytes] = BEHIND(U32, TCPI_RECEIVED_E1_BYTES),
	[F_tcpi_received_e0_bytes] = BEHIND(U32, TCPI_RECEIVED_E0_BYTES),
	[F_tcpi_received_ce_bytes] = BEHIND(U32, TCPI_RECEIVED_CE_BYTES),
	[F_tcpi_accecn] = BEHIND(U32, TCPI_ACCECN),
};

const struct slot_table tcp_info_table = SLOT_TABLE(tcp_info_slots);

/* tcp_get_info() fills these for a listener and leaves the others zero: zero would be a lie. */
static const struct slot listen_slots[] = {
	[F_tcpi_state] = AT(U8, tcpi_state),
	[F_tcpi_unacked] = AT(U32, tcpi_unacked),
	[F_tcpi_sacked] = AT(U32, tcpi_sacked),
	[F_tcpi_snd_cwnd] = AT(U32, tcpi_snd_cwnd),
	[F_tcpi_reordering] = AT(U32, tcpi_reordering),
	[F_tcpi_pacing_rate] = AT(U64, tcpi_pacing_rate),
	[F_tcpi_max_pacing_rate] = AT(U64, tcpi_max_pacing_rate),
};

const struct slot_table tcp_info_listen_table = SLOT_TABLE(listen_slots);
