/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct inet_diag_msg and the attributes that every protocol above IP shares */

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>

#include "decode/slot.h"

#define MSG(member) offsetof(struct inet_diag_msg, member)
#define ID(member) (MSG(id) + offsetof(struct inet_diag_sockid, member))
#define HEAD(op, member) SLOT(op, SLOT_HEADER, MSG(member))
#define HEAD_ID(op, member) SLOT(op, SLOT_HEADER, ID(member))

/* kernel: enum sock_type, and SOCK_DCCP, which C libraries do not all have. */
#define TYPE_DCCP 6
static int get_address(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned family = r->data[MSG(idiag_family)];
	const uint8_t *src = r->data + ID(idiag_src), *dst = r->data + ID(idiag_dst);

	(void)n;
	switch (id) {
	case F_local:
		return slot_value_ip(ret, family, src);
	case F_peer:
		return slot_value_ip(ret, family, dst);
	case F_sk_rcv_saddr:
		return family == AF_INET ? slot_value_ip(ret, family, src) : -ENODATA;
	case F_sk_daddr:
		return family == AF_INET ? slot_value_ip(ret, family, dst) : -ENODATA;
	case F_sk_v6_rcv_saddr:
		return family == AF_INET6 ? slot_value_ip(ret, family, src) : -ENODATA;
	case F_sk_v6_daddr:
		return family == AF_INET6 ? slot_value_ip(ret, family, dst) : -ENODATA;
	default:
		return -ENODATA;
	}
}

/* Every protocol but SCTP has one type; SCTP's is in its sctp_info. */
static int get_type(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned type;

	(void)id, (void)n;
	switch (r->def->protocol) {
	case IPPROTO_TCP:
	case PROTOCOL_MPTCP:
		type = SOCK_STREAM;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		type = SOCK_DGRAM;
		break;
	case IPPROTO_RAW:
		type = SOCK_RAW;
		break;
	case IPPROTO_DCCP:
		type = TYPE_DCCP;
		break;
	default:
		return -ENODATA;
	}
	value_set_u64(ret, type);
	return 0;
}

/* The source of raw sockets is one for all protocols: the socket's own is in an attribute, and in the port. */
static uint32_t protocol_of(const struct record *r)
{
	const struct nlattr *a = r->attr[INET_DIAG_PROTOCOL];
	const uint8_t *p;
	size_t len;

	if (r->def->protocol != IPPROTO_RAW)
		return r->def->protocol;
	if (a) {
		p = slot_payload(a, &len);
		if (len >= 1)
			return *p;
	}
	return ntohs(slot_u16(r->data + ID(idiag_sport)));
}

static int get_protocol(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	uint32_t protocol = protocol_of(r);

	(void)n;
	if (id == F_protocol)
		return slot_value_word(r, &words_ipproto, protocol, ret);
	value_set_u64(ret, protocol);
	return 0;
}

static int get_dev(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	return slot_value_dev(r, slot_u32(r->data + ID(idiag_if)), ret);
}

/* Older kernels let a timer that is overdue wrap below zero: it fires now. */
static int get_expires(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	int32_t msec = (int32_t)slot_u32(r->data + MSG(idiag_expires));

	(void)id, (void)n;
	if (!r->data[MSG(idiag_timer)])
		return -ENODATA;
	value_set_u64(ret, msec > 0 ? (uint64_t)msec * 1000 : 0);
	return 0;
}

static int get_cgroup(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	struct value group;
	const char *path;

	(void)id, (void)n;
	if (!r->context || record_get(r, F_cgroup_id, 0, &group) < 0)
		return -ENODATA;
	path = context_cgroup_path(r->context, group.u);
	if (!path)
		return -ENODATA;
	value_set_str(ret, path, strlen(path));
	return 0;
}

/* The two options bytes are bit-fields, from the lowest bit on little-endian hosts and from the highest elsewhere. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OPTION(byte, bit) SLOT_MASK(BIT, INET_DIAG_SOCKOPT, byte, 1u << (bit))
#else
#define OPTION(byte, bit) SLOT_MASK(BIT, INET_DIAG_SOCKOPT, byte, 0x80u >> (bit))
#endif
#define MEMINFO(member) SLOT(U32, INET_DIAG_MEMINFO, offsetof(struct inet_diag_meminfo, member))

static const struct slot inet_slots[] = {
	[F_family] = HEAD(U8, idiag_family),
	[F_type] = SLOT_FN(get_type),
	[F_protocol] = SLOT_FN(get_protocol),
	[F_state] = HEAD(NZ8, idiag_state),
	[F_local] = SLOT_FN(get_address),
	[F_local_port] = HEAD_ID(PORT, idiag_sport),
	[F_peer] = SLOT_FN(get_address),
	[F_peer_port] = HEAD_ID(PORT, idiag_dport),
	[F_inode] = HEAD(NZ32, idiag_inode),
	[F_cookie] = HEAD_ID(COOKIE, idiag_cookie),
	[F_uid] = HEAD(UID, idiag_uid),
	[F_recv_q] = HEAD(U32, idiag_rqueue),
	[F_send_q] = HEAD(U32, idiag_wqueue),
	[F_dev] = SLOT_FN(get_dev),
	[F_cgroup_id] = SLOT(U64, INET_DIAG_CGROUP_ID, 0),
	[F_cgroup] = SLOT_FN(get_cgroup),
	[F_idiag_timer] = HEAD(U8, idiag_timer),
	[F_idiag_expires] = SLOT_FN(get_expires),
	[F_idiag_retrans] = HEAD(U8, idiag_retrans),

	[F_idiag_rmem] = MEMINFO(idiag_rmem),
	[F_idiag_wmem] = MEMINFO(idiag_wmem),
	[F_idiag_fmem] = MEMINFO(idiag_fmem),
	[F_idiag_tmem] = MEMINFO(idiag_tmem),

	[F_tos] = SLOT(U8, INET_DIAG_TOS, 0),
	[F_tclass] = SLOT(U8, INET_DIAG_TCLASS, 0),
	[F_class_id] = SLOT(U32, INET_DIAG_CLASS_ID, 0),

	[F_inet_recverr] = OPTION(0, 0),
	[F_inet_is_icsk] = OPTION(0, 1),
	[F_inet_freebind] = OPTION(0, 2),
	[F_inet_hdrincl] = OPTION(0, 3),
	[F_inet_mc_loop] = OPTION(0, 4),
	[F_inet_transparent] = OPTION(0, 5),
	[F_inet_mc_all] = OPTION(0, 6),
	[F_inet_nodefrag] = OPTION(0, 7),
	[F_inet_bind_address_no_port] = OPTION(1, 0),
	[F_inet_recverr_rfc4884] = OPTION(1, 1),
	[F_inet_defer_connect] = OPTION(1, 2),
	[F_ipv6only] = SLOT(BOOL, INET_DIAG_SKV6ONLY, 0),

	/* The same bytes under the names that struct sock gives them. */
	[F_sk_num] = HEAD_ID(PORT, idiag_sport),
	[F_sk_dport] = HEAD_ID(PORT, idiag_dport),
	[F_sk_daddr] = SLOT_FN(get_address),
	[F_sk_rcv_saddr] = SLOT_FN(get_address),
	[F_sk_v6_daddr] = SLOT_FN(get_address),
	[F_sk_v6_rcv_saddr] = SLOT_FN(get_address),
	[F_sk_family] = HEAD(U8, idiag_family),
	[F_sk_state] = HEAD(NZ8, idiag_state),
	[F_sk_ipv6only] = SLOT(BOOL, INET_DIAG_SKV6ONLY, 0),
	[F_sk_bound_dev_if] = HEAD_ID(U32, idiag_if),
	[F_sk_cookie] = HEAD_ID(COOKIE, idiag_cookie),
	[F_sk_protocol] = SLOT_FN(get_protocol),
	[F_sk_type] = SLOT_FN(get_type),
	[F_sk_shutdown] = SLOT(U8, INET_DIAG_SHUTDOWN, 0),
	[F_sk_socket] = HEAD(NZ32, idiag_inode),
	[F_sk_mark] = SLOT(U32, INET_DIAG_MARK, 0),
	[F_sk_cgrp_data] = SLOT(U64, INET_DIAG_CGROUP_ID, 0),
};

const struct slot_table inet_table = SLOT_TABLE(inet_slots);

/* On a listener the two queues count connections (tcp_diag_get_info and its like). */
static int get_backlog(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	size_t offset = id == F_sk_ack_backlog ? MSG(idiag_rqueue) : MSG(idiag_wqueue);

	(void)n;
	if (r->data[MSG(idiag_state)] != STATE_LISTEN)
		return -ENODATA;
	value_set_u64(ret, slot_u32(r->data + offset));
	return 0;
}

static const struct slot listen_slots[] = {
	[F_sk_ack_backlog] = SLOT_FN(get_backlog),
	[F_sk_max_ack_backlog] = SLOT_FN(get_backlog),
};

const struct slot_table inet_listen_table = SLOT_TABLE(listen_slots);

static int get_bbr_bw(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[INET_DIAG_BBRINFO];
	const uint8_t *p;
	size_t len;

	(void)id, (void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (len < 8)
		return -ENODATA;
	value_set_u64(ret, slot_u32(p + offsetof(struct tcp_bbr_info, bbr_bw_lo)) |
				   (uint64_t)slot_u32(p + offsetof(struct tcp_bbr_info, bbr_bw_hi)) << 32);
	return 0;
}

#define VEGAS(member) SLOT(U32, INET_DIAG_VEGASINFO, offsetof(struct tcpvegas_info, member))
#define DCTCP(op, member) SLOT(op, INET_DIAG_DCTCPINFO, offsetof(struct tcp_dctcp_info, member))
#define BBR(member) SLOT(U32, INET_DIAG_BBRINFO, offsetof(struct tcp_bbr_info, member))

static const struct slot cong_slots[] = {
	[F_icsk_ca_ops] = SLOT(STR, INET_DIAG_CONG, 0),
	[F_tcpv_enabled] = VEGAS(tcpv_enabled),
	[F_tcpv_rttcnt] = VEGAS(tcpv_rttcnt),
	[F_tcpv_rtt] = VEGAS(tcpv_rtt),
	[F_tcpv_minrtt] = VEGAS(tcpv_minrtt),
	[F_dctcp_enabled] = DCTCP(U16, dctcp_enabled),
	[F_dctcp_ce_state] = DCTCP(U16, dctcp_ce_state),
	[F_dctcp_alpha] = DCTCP(U32, dctcp_alpha),
	[F_dctcp_ab_ecn] = DCTCP(U32, dctcp_ab_ecn),
	[F_dctcp_ab_tot] = DCTCP(U32, dctcp_ab_tot),
	[F_bbr_bw] = SLOT_FN(get_bbr_bw),
	[F_bbr_min_rtt] = BBR(bbr_min_rtt),
	[F_bbr_pacing_gain] = BBR(bbr_pacing_gain),
	[F_bbr_cwnd_gain] = BBR(bbr_cwnd_gain),
};

const struct slot_table inet_cong_table = SLOT_TABLE(cong_slots);

static const struct decoder tcp_listen_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.tables = { &inet_table, &tcp_info_listen_table, &skmeminfo_table, &inet_listen_table,
		    &inet_cong_table, &ulp_table, &owner_table },
};

static int tcp_open(struct record *r)
{
	size_t header = sizeof(struct inet_diag_msg);

	if (r->data[MSG(idiag_state)] == STATE_LISTEN && r->def->protocol == IPPROTO_TCP)
		r->decoder = &tcp_listen_decoder;
	return slot_parse(r->attr, r->data + header, r->len - header);
}

const struct decoder inet_tcp_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.open = tcp_open,
	.tables = { &inet_table, &tcp_info_table, &skmeminfo_table, &inet_listen_table, &inet_cong_table,
		    &ulp_table, &owner_table },
};

/* UDP, UDP-Lite and raw. */
const struct decoder inet_dgram_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.tables = { &inet_table, &skmeminfo_table, &owner_table },
};
