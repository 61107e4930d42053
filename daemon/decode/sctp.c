/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SCTP: rows of endpoints and rows of associations, which share the inode of their socket */

#include <stdint.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/sctp.h>

#include "decode/slot.h"

/* enum sctp_socket_type: net/sctp/structs.h. */
#define SCTP_SOCKET_TCP 2

/* enum sctp_state (net/sctp/constants.h) is what idiag_state of an association says: these are its TCP counterparts. */
static const uint8_t assoc_states[] = {
	STATE_CLOSE,	   /* CLOSED */
	STATE_SYN_SENT,	   /* COOKIE_WAIT: INIT sent */
	STATE_SYN_SENT,	   /* COOKIE_ECHOED */
	STATE_ESTABLISHED,
	STATE_FIN_WAIT1,   /* SHUTDOWN_PENDING */
	STATE_FIN_WAIT2,   /* SHUTDOWN_SENT */
	STATE_CLOSE_WAIT,  /* SHUTDOWN_RECEIVED */
	STATE_LAST_ACK,	   /* SHUTDOWN_ACK_SENT */
};

/* SCTP_EVENT_TIMEOUT_T3_RTX is 4, and that is another timer in TCP's numbers. */
#define TIMER_RETRANS 1

static int get_assoc_state(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned state = r->data[offsetof(struct inet_diag_msg, idiag_state)];

	(void)id, (void)n;
	if (state >= ARRAY_SIZE(assoc_states))
		return -ENODATA;
	value_set_u64(ret, assoc_states[state]);
	return 0;
}

static int get_assoc_timer(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	value_set_u64(ret, r->data[offsetof(struct inet_diag_msg, idiag_timer)] ? TIMER_RETRANS : 0);
	return 0;
}

static int get_addr(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[id == F_sctp_local_addrs ? INET_DIAG_LOCALS : INET_DIAG_PEERS];
	const uint8_t *p;
	size_t len;

	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (n >= len / sizeof(struct sockaddr_storage))
		return -ENODATA;
	return slot_value_sockaddr(ret, p + (size_t)n * sizeof(struct sockaddr_storage),
				   sizeof(struct sockaddr_storage));
}

static int get_primary(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[INET_DIAG_INFO];
	const uint8_t *p;
	size_t len;

	(void)id, (void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (len < offsetof(struct sctp_info, sctpi_p_address) + sizeof(struct sockaddr_storage))
		return -ENODATA;
	return slot_value_sockaddr(ret, p + offsetof(struct sctp_info, sctpi_p_address),
				   sizeof(struct sockaddr_storage));
}

/* One-to-one sockets are streams; the one-to-many style is SOCK_SEQPACKET. */
static int get_type(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	struct value style;

	(void)id, (void)n;
	if (record_get(r, F_sctpi_s_type, 0, &style) < 0)
		return -ENODATA;
	value_set_u64(ret, style.u == SCTP_SOCKET_TCP ? SOCK_STREAM : SOCK_SEQPACKET);
	return 0;
}

#define AT(op, member) SLOT(op, INET_DIAG_INFO, offsetof(struct sctp_info, member))
#define AT_MSEC(member) SLOT_MSEC(U32, INET_DIAG_INFO, offsetof(struct sctp_info, member))

/* sctp_get_sctp_info() leaves the other half of the struct zero: an endpoint has only these, */
static const struct slot endpoint_slots[] = {
	[F_type] = SLOT_FN(get_type),
	[F_sctpi_s_autoclose] = AT(U32, sctpi_s_autoclose),
	[F_sctpi_s_adaptation_ind] = AT(U32, sctpi_s_adaptation_ind),
	[F_sctpi_s_pd_point] = AT(U32, sctpi_s_pd_point),
	[F_sctpi_s_nodelay] = AT(BOOL, sctpi_s_nodelay),
	[F_sctpi_s_disable_fragments] = AT(BOOL, sctpi_s_disable_fragments),
	[F_sctpi_s_v4mapped] = AT(BOOL, sctpi_s_v4mapped),
	[F_sctpi_s_frag_interleave] = AT(U8, sctpi_s_frag_interleave),
	[F_sctpi_s_type] = AT(U32, sctpi_s_type),
	[F_sctp_local_addrs] = SLOT_LIST_FN(get_addr),
	[F_sk_type] = SLOT_FN(get_type),
};

/* and an association only these. Its idiag_if is the route's device, to which nothing is bound. */
static const struct slot assoc_slots[] = {
	[F_state] = SLOT_FN(get_assoc_state),
	[F_dev] = SLOT_NEVER,
	[F_idiag_timer] = SLOT_FN(get_assoc_timer),
	[F_sctpi_tag] = AT(U32, sctpi_tag),
	[F_sctpi_state] = AT(U32, sctpi_state),
	[F_sctpi_rwnd] = AT(U32, sctpi_rwnd),
	[F_sctpi_unackdata] = AT(U16, sctpi_unackdata),
	[F_sctpi_penddata] = AT(U16, sctpi_penddata),
	[F_sctpi_instrms] = AT(U16, sctpi_instrms),
	[F_sctpi_outstrms] = AT(U16, sctpi_outstrms),
	[F_sctpi_fragmentation_point] = AT(U32, sctpi_fragmentation_point),
	[F_sctpi_inqueue] = AT(U32, sctpi_inqueue),
	[F_sctpi_outqueue] = AT(U32, sctpi_outqueue),
	[F_sctpi_overall_error] = AT(U32, sctpi_overall_error),
	[F_sctpi_max_burst] = AT(U32, sctpi_max_burst),
	[F_sctpi_maxseg] = AT(U32, sctpi_maxseg),
	[F_sctpi_peer_rwnd] = AT(U32, sctpi_peer_rwnd),
	[F_sctpi_peer_tag] = AT(U32, sctpi_peer_tag),
	[F_sctpi_peer_capable] = AT(U8, sctpi_peer_capable),
	[F_sctpi_peer_sack] = AT(U8, sctpi_peer_sack),
	[F_sctpi_isacks] = AT(U64, sctpi_isacks),
	[F_sctpi_osacks] = AT(U64, sctpi_osacks),
	[F_sctpi_opackets] = AT(U64, sctpi_opackets),
	[F_sctpi_ipackets] = AT(U64, sctpi_ipackets),
	[F_sctpi_rtxchunks] = AT(U64, sctpi_rtxchunks),
	[F_sctpi_outofseqtsns] = AT(U64, sctpi_outofseqtsns),
	[F_sctpi_idupchunks] = AT(U64, sctpi_idupchunks),
	[F_sctpi_gapcnt] = AT(U64, sctpi_gapcnt),
	[F_sctpi_ouodchunks] = AT(U64, sctpi_ouodchunks),
	[F_sctpi_iuodchunks] = AT(U64, sctpi_iuodchunks),
	[F_sctpi_oodchunks] = AT(U64, sctpi_oodchunks),
	[F_sctpi_iodchunks] = AT(U64, sctpi_iodchunks),
	[F_sctpi_octrlchunks] = AT(U64, sctpi_octrlchunks),
	[F_sctpi_ictrlchunks] = AT(U64, sctpi_ictrlchunks),
	[F_sctpi_p_address] = SLOT_FN(get_primary),
	[F_sctpi_p_state] = AT(S32, sctpi_p_state),
	[F_sctpi_p_cwnd] = AT(U32, sctpi_p_cwnd),
	[F_sctpi_p_srtt] = AT_MSEC(sctpi_p_srtt),
	[F_sctpi_p_rto] = AT_MSEC(sctpi_p_rto),
	[F_sctpi_p_hbinterval] = AT_MSEC(sctpi_p_hbinterval),
	[F_sctpi_p_pathmaxrxt] = AT(U32, sctpi_p_pathmaxrxt),
	[F_sctpi_p_sackdelay] = AT_MSEC(sctpi_p_sackdelay),
	[F_sctpi_p_sackfreq] = AT(U32, sctpi_p_sackfreq),
	[F_sctpi_p_ssthresh] = AT(U32, sctpi_p_ssthresh),
	[F_sctpi_p_partial_bytes_acked] = AT(U32, sctpi_p_partial_bytes_acked),
	[F_sctpi_p_flight_size] = AT(U32, sctpi_p_flight_size),
	[F_sctpi_p_error] = AT(U16, sctpi_p_error),
	[F_sctp_local_addrs] = SLOT_LIST_FN(get_addr),
	[F_sctp_peer_addrs] = SLOT_LIST_FN(get_addr),
	[F_sk_state] = SLOT_NEVER,
	[F_sk_bound_dev_if] = SLOT_NEVER,
};

static const struct slot_table endpoint_table = SLOT_TABLE(endpoint_slots);
static const struct slot_table assoc_table = SLOT_TABLE(assoc_slots);

/* Only associations have peers (net/sctp/diag.c). */
static int sctp_open(struct record *r)
{
	size_t header = sizeof(struct inet_diag_msg);
	int k = slot_parse(r->attr, r->data + header, r->len - header);

	if (k >= 0 && r->attr[INET_DIAG_PEERS])
		r->decoder = &sctp_assoc_decoder;
	return k;
}

const struct decoder sctp_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.open = sctp_open,
	.tables = { &endpoint_table, &inet_table, &inet_listen_table, &skmeminfo_table, &owner_table },
};

const struct decoder sctp_assoc_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.tables = { &assoc_table, &inet_table, &skmeminfo_table, &owner_table },
};
