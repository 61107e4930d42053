/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rides on TCP: kernel TLS, MPTCP subflows; and TCP MD5 peers and BPF storage */

#include <linux/inet_diag.h>
#include <linux/mptcp.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/tls.h>

#include "decode/slot.h"

/* include/uapi/linux/tls.h of Linux 7.1. */
#define TLS_TX_MAX_PAYLOAD_LEN 7

/* The key stands behind the address in each element; it is never looked at. */
static int get_md5sig_peer(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[INET_DIAG_MD5SIG];
	struct value address;
	const uint8_t *p;
	size_t len, size;
	unsigned prefix;
	int e;

	(void)id;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (n >= len / sizeof(struct tcp_diag_md5sig))
		return -ENODATA;
	p += (size_t)n * sizeof(struct tcp_diag_md5sig);
	e = slot_value_ip(&address, p[offsetof(struct tcp_diag_md5sig, tcpm_family)],
			  p + offsetof(struct tcp_diag_md5sig, tcpm_addr));
	if (e < 0)
		return e;
	prefix = p[offsetof(struct tcp_diag_md5sig, tcpm_prefixlen)];
	size = address_format(&address.addr, r->scratch, sizeof(r->scratch));
	if (prefix < (address.addr.kind == ADDRESS_INET ? 32 : 128)) {
		r->scratch[size++] = '/';
		size += text_u64(r->scratch + size, prefix);
	}
	value_set_str(ret, r->scratch, size);
	return 0;
}

static int get_bpf_map_id(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[INET_DIAG_SK_BPF_STORAGES];
	const uint8_t *p;
	size_t len;

	(void)id;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	while ((a = slot_next(&p, &len))) {
		const uint8_t *inner;
		size_t inner_len;

		if (slot_type(a) != SK_DIAG_BPF_STORAGE)
			continue;
		inner = slot_payload(a, &inner_len);
		a = slot_find(inner, inner_len, SK_DIAG_BPF_STORAGE_MAP_ID);
		if (!a)
			continue;
		inner = slot_payload(a, &inner_len);
		if (inner_len < 4 || n-- > 0)
			continue;
		value_set_u64(ret, slot_u32(inner));
		return 0;
	}
	return -ENODATA;
}

#define TLS(op, type) SLOT_IN_IN(op, INET_DIAG_ULP_INFO, INET_ULP_INFO_TLS, type)
#define SUBFLOW(op, type) SLOT_IN_IN(op, INET_DIAG_ULP_INFO, INET_ULP_INFO_MPTCP, MPTCP_SUBFLOW_ATTR_##type)

static const struct slot ulp_slots[] = {
	[F_ulp_name] = SLOT_IN(STR, INET_DIAG_ULP_INFO, INET_ULP_INFO_NAME),
	[F_tls_version] = TLS(U16, TLS_INFO_VERSION),
	[F_tls_cipher] = TLS(U16, TLS_INFO_CIPHER),
	[F_tls_txconf] = TLS(U16, TLS_INFO_TXCONF),
	[F_tls_rxconf] = TLS(U16, TLS_INFO_RXCONF),
	[F_tls_zc_ro_tx] = TLS(FLAG, TLS_INFO_ZC_RO_TX),
	[F_tls_rx_no_pad] = TLS(FLAG, TLS_INFO_RX_NO_PAD),
	[F_tls_tx_max_payload] = TLS(U16, TLS_TX_MAX_PAYLOAD_LEN),
	[F_mptcp_token_rem] = SUBFLOW(U32, TOKEN_REM),
	[F_mptcp_token_loc] = SUBFLOW(U32, TOKEN_LOC),
	[F_mptcp_relwrite_seq] = SUBFLOW(U32, RELWRITE_SEQ),
	[F_mptcp_map_seq] = SUBFLOW(U64, MAP_SEQ),
	[F_mptcp_map_sfseq] = SUBFLOW(U32, MAP_SFSEQ),
	[F_mptcp_ssn_offset] = SUBFLOW(U32, SSN_OFFSET),
	[F_mptcp_map_datalen] = SUBFLOW(U16, MAP_DATALEN),
	[F_mptcp_flags] = SUBFLOW(U32, FLAGS),
	[F_mptcp_id_rem] = SUBFLOW(U8, ID_REM),
	[F_mptcp_id_loc] = SUBFLOW(U8, ID_LOC),
	[F_md5sig_peers] = SLOT_LIST_FN(get_md5sig_peer),
	[F_bpf_map_ids] = SLOT_LIST_FN(get_bpf_map_id),
};

const struct slot_table ulp_table = SLOT_TABLE(ulp_slots);
