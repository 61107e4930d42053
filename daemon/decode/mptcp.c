/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MPTCP connections: struct mptcp_info behind an inet message */

#include <linux/inet_diag.h>
#include <linux/mptcp.h>

#include "decode/slot.h"

/*
 * Members behind mptcpi_csum_enabled are newer than the headers of Linux 6.1:
 * their places are ABI (include/uapi/linux/mptcp.h of Linux 6.18). Two of them
 * stand where an older kernel's struct had padding at its end, so they are
 * there only when the next member is, too.
 */
enum {
	MPTCPI_RETRANSMITS = 44,    /* 6.5; padding of the 48 bytes before */
	MPTCPI_BYTES_RETRANS = 48,  /* 6.5 */
	MPTCPI_BYTES_SENT = 56,	    /* 6.5 */
	MPTCPI_BYTES_RECEIVED = 64, /* 6.5 */
	MPTCPI_BYTES_ACKED = 72,    /* 6.5 */
	MPTCPI_SUBFLOWS_TOTAL = 80, /* 6.7 */
	MPTCPI_ENDP_LAMINAR_MAX = 81,
	MPTCPI_ENDP_FULLMESH_MAX = 82,
	MPTCPI_LAST_DATA_SENT = 84, /* 6.10; padding of the 88 bytes before */
	MPTCPI_LAST_DATA_RECV = 88, /* 6.10 */
	MPTCPI_LAST_ACK_RECV = 92,  /* 6.10 */
	MPTCPI_SIZE = 96,
};

_Static_assert(offsetof(struct mptcp_info, mptcpi_csum_enabled) == 42, "mptcp_info is ABI");

#define AT(op, member) SLOT(op, INET_DIAG_INFO, offsetof(struct mptcp_info, member))
#define BEHIND(op, offset) SLOT(op, INET_DIAG_INFO, offset)

/* Where an older struct had its padding. */
static int get_padded(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[INET_DIAG_INFO];
	const uint8_t *p;
	size_t len;

	(void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	switch (id) {
	case F_mptcpi_retransmits:
		if (len < MPTCPI_BYTES_RETRANS + 8)
			return -ENODATA;
		value_set_u64(ret, slot_u32(p + MPTCPI_RETRANSMITS));
		return 0;
	case F_mptcpi_last_data_sent:
		if (len < MPTCPI_SIZE)
			return -ENODATA;
		value_set_u64(ret, (uint64_t)slot_u32(p + MPTCPI_LAST_DATA_SENT) * 1000);
		return 0;
	/* Zero in the padding of 6.7 to 6.17, and that is also how many such endpoints those have. */
	case F_mptcpi_endp_laminar_max:
	case F_mptcpi_endp_fullmesh_max:
		if (len < MPTCPI_SIZE)
			return -ENODATA;
		value_set_u64(ret, p[id == F_mptcpi_endp_laminar_max ? MPTCPI_ENDP_LAMINAR_MAX :
								       MPTCPI_ENDP_FULLMESH_MAX]);
		return 0;
	default:
		return -ENODATA;
	}
}

static const struct slot mptcp_slots[] = {
	[F_mptcpi_subflows] = AT(U8, mptcpi_subflows),
	[F_mptcpi_add_addr_signal] = AT(U8, mptcpi_add_addr_signal),
	[F_mptcpi_add_addr_accepted] = AT(U8, mptcpi_add_addr_accepted),
	[F_mptcpi_subflows_max] = AT(U8, mptcpi_subflows_max),
	[F_mptcpi_add_addr_signal_max] = AT(U8, mptcpi_add_addr_signal_max),
	[F_mptcpi_add_addr_accepted_max] = AT(U8, mptcpi_add_addr_accepted_max),
	[F_mptcpi_flags] = AT(U32, mptcpi_flags),
	[F_mptcpi_token] = AT(U32, mptcpi_token),
	[F_mptcpi_write_seq] = AT(U64, mptcpi_write_seq),
	[F_mptcpi_snd_una] = AT(U64, mptcpi_snd_una),
	[F_mptcpi_rcv_nxt] = AT(U64, mptcpi_rcv_nxt),
	[F_mptcpi_local_addr_used] = AT(U8, mptcpi_local_addr_used),
	[F_mptcpi_local_addr_max] = AT(U8, mptcpi_local_addr_max),
	[F_mptcpi_csum_enabled] = AT(BOOL, mptcpi_csum_enabled),
	[F_mptcpi_retransmits] = SLOT_FN(get_padded),
	[F_mptcpi_bytes_retrans] = BEHIND(U64, MPTCPI_BYTES_RETRANS),
	[F_mptcpi_bytes_sent] = BEHIND(U64, MPTCPI_BYTES_SENT),
	[F_mptcpi_bytes_received] = BEHIND(U64, MPTCPI_BYTES_RECEIVED),
	[F_mptcpi_bytes_acked] = BEHIND(U64, MPTCPI_BYTES_ACKED),
	[F_mptcpi_subflows_total] = BEHIND(U8, MPTCPI_SUBFLOWS_TOTAL),
	[F_mptcpi_endp_laminar_max] = SLOT_FN(get_padded),
	[F_mptcpi_endp_fullmesh_max] = SLOT_FN(get_padded),
	[F_mptcpi_last_data_sent] = SLOT_FN(get_padded),
	[F_mptcpi_last_data_recv] = SLOT_MSEC(U32, INET_DIAG_INFO, MPTCPI_LAST_DATA_RECV),
	[F_mptcpi_last_ack_recv] = SLOT_MSEC(U32, INET_DIAG_INFO, MPTCPI_LAST_ACK_RECV),
};

static const struct slot_table mptcp_table = SLOT_TABLE(mptcp_slots);

static const struct decoder mptcp_listen_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.tables = { &inet_table, &inet_listen_table, &skmeminfo_table, &inet_cong_table, &owner_table },
};

/* mptcp_diag_fill_info() leaves the struct of a listener zero: that is nothing to show. */
static int mptcp_open(struct record *r)
{
	size_t header = sizeof(struct inet_diag_msg);

	if (r->data[offsetof(struct inet_diag_msg, idiag_state)] == STATE_LISTEN)
		r->decoder = &mptcp_listen_decoder;
	return slot_parse(r->attr, r->data + header, r->len - header);
}

const struct decoder mptcp_decoder = {
	.header = sizeof(struct inet_diag_msg),
	.skmeminfo = INET_DIAG_SKMEMINFO,
	.open = mptcp_open,
	.tables = { &inet_table, &mptcp_table, &inet_listen_table, &skmeminfo_table, &inet_cong_table,
		    &owner_table },
};
