/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_SMC: struct smc_diag_msg, whose identity is that of the TCP socket behind it */

#include <sys/socket.h>

#include <linux/smc_diag.h>

#include "decode/slot.h"

#define MSG(member) offsetof(struct smc_diag_msg, member)
#define ID(member) (MSG(id) + offsetof(struct inet_diag_sockid, member))
#define HEAD(op, member) SLOT(op, SLOT_HEADER, MSG(member))
#define HEAD_ID(op, member) SLOT(op, SLOT_HEADER, ID(member))

/* enum smc_state (net/smc/smc.h), where it differs from TCP's numbers. */
enum {
	SMC_INIT = 2,
	SMC_PEERCLOSEWAIT1 = 20,
	SMC_PEERCLOSEWAIT2 = 21,
	SMC_APPCLOSEWAIT1 = 22,
	SMC_APPCLOSEWAIT2 = 23,
};

unsigned smc_tcp_state(unsigned state)
{
	switch (state) {
	case SMC_INIT:
		return STATE_CLOSE; /* neither connected nor listening */
	case SMC_PEERCLOSEWAIT1:
		return STATE_FIN_WAIT1;
	case SMC_PEERCLOSEWAIT2:
		return STATE_FIN_WAIT2;
	case SMC_APPCLOSEWAIT1:
	case SMC_APPCLOSEWAIT2:
		return STATE_CLOSE_WAIT;
	}
	return state;
}

static int get_state(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned state = r->data[MSG(diag_state)];

	(void)id, (void)n;
	if (state == 0)
		return -ENODATA;
	value_set_u64(ret, smc_tcp_state(state));
	return 0;
}

/*
 * diag_family is AF_SMC for both kinds of address, and an IPv4 one fills only
 * the first word: so what has any other word is IPv6. A listener on :: looks
 * like one on 0.0.0.0.
 */
static unsigned ip_family(const struct record *r)
{
	static const uint8_t zeros[12];
	unsigned family = r->data[MSG(diag_family)];

	if (family == AF_INET || family == AF_INET6)
		return family;
	if (memcmp(r->data + ID(idiag_src) + 4, zeros, sizeof(zeros)) ||
	    memcmp(r->data + ID(idiag_dst) + 4, zeros, sizeof(zeros)))
		return AF_INET6;
	return AF_INET;
}

static int get_address(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)n;
	return slot_value_ip(ret, ip_family(r), r->data + (id == F_local ? ID(idiag_src) : ID(idiag_dst)));
}

static int get_dev(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	return slot_value_dev(r, slot_u32(r->data + ID(idiag_if)), ret);
}

#define CONN(member) SLOT(U32, SMC_DIAG_CONNINFO, offsetof(struct smc_diag_conninfo, member))
#define LGR(op, member) SLOT(op, SMC_DIAG_LGRINFO, offsetof(struct smc_diag_lgrinfo, member))
#define LGR_CHARS(member)                                                                  \
	SLOT_AT(CHARS, SMC_DIAG_LGRINFO, SLOT_FLAT, SLOT_FLAT,                             \
		offsetof(struct smc_diag_lgrinfo, lnk[0].member),                          \
		sizeof(((struct smc_diag_linkinfo *)NULL)->member))
#define DMB(op, member) SLOT(op, SMC_DIAG_DMBINFO, offsetof(struct smcd_diag_dmbinfo, member))

static const struct slot smc_slots[] = {
	[F_family] = SLOT_VALUE(AF_SMC),
	[F_type] = SLOT_VALUE(SOCK_STREAM),
	[F_state] = SLOT_FN(get_state),
	[F_local] = SLOT_FN(get_address),
	[F_local_port] = HEAD_ID(PORT, idiag_sport),
	[F_peer] = SLOT_FN(get_address),
	[F_peer_port] = HEAD_ID(PORT, idiag_dport),
	[F_inode] = HEAD(NZ64, diag_inode),
	[F_cookie] = HEAD_ID(COOKIE, idiag_cookie),
	[F_uid] = HEAD(UID, diag_uid),
	[F_dev] = SLOT_FN(get_dev),
	[F_smc_mode] = HEAD(U8, diag_mode),
	[F_smc_fallback_reason] = SLOT(U32, SMC_DIAG_FALLBACK, offsetof(struct smc_diag_fallback, reason)),
	[F_smc_peer_diagnosis] = SLOT(U32, SMC_DIAG_FALLBACK, offsetof(struct smc_diag_fallback, peer_diagnosis)),
	[F_smc_token] = CONN(token),
	[F_smc_sndbuf_size] = CONN(sndbuf_size),
	[F_smc_rmbe_size] = CONN(rmbe_size),
	[F_smc_peer_rmbe_size] = CONN(peer_rmbe_size),
	[F_smc_lgr_role] = LGR(U8, role),
	[F_smc_lgr_ibname] = LGR_CHARS(ibname),
	[F_smc_lgr_ibport] = LGR(U8, lnk[0].ibport),
	[F_smc_lgr_gid] = LGR_CHARS(gid),
	[F_smc_lgr_peer_gid] = LGR_CHARS(peer_gid),
	[F_smc_dmb_linkid] = DMB(U32, linkid),
	[F_smc_dmb_my_gid] = DMB(U64, my_gid),
	[F_smc_dmb_peer_gid] = DMB(U64, peer_gid),
	[F_smc_dmb_token] = DMB(U64, token),
	[F_smc_dmb_peer_token] = DMB(U64, peer_token),
	[F_sk_family] = HEAD(U8, diag_family),
	[F_sk_state] = HEAD(NZ8, diag_state),
	[F_sk_cookie] = HEAD_ID(COOKIE, idiag_cookie),
	[F_sk_type] = SLOT_VALUE(SOCK_STREAM),
	[F_sk_shutdown] = SLOT(U8, SMC_DIAG_SHUTDOWN, 0),
	[F_sk_socket] = HEAD(NZ64, diag_inode),
};

static const struct slot_table smc_table = SLOT_TABLE(smc_slots);

const struct decoder smc_decoder = {
	.header = sizeof(struct smc_diag_msg),
	.tables = { &smc_table, &owner_table },
};
