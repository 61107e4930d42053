/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_PACKET: struct packet_diag_msg */

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "decode/slot.h"

#define MSG(member) offsetof(struct packet_diag_msg, member)
#define HEAD(op, member) SLOT(op, SLOT_HEADER, MSG(member))
#define INFO(op, member) SLOT(op, PACKET_DIAG_INFO, offsetof(struct packet_diag_info, member))

static int get_netid(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned type = r->data[MSG(pdiag_type)];

	(void)id, (void)n;
	value_set_str(ret, type == SOCK_RAW ? "p_raw" : "p_dgr", 5);
	return 0;
}

/* packet_diag has turned the ethertype into host order. */
static int get_protocol(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned ethertype = slot_u16(r->data + MSG(pdiag_num));

	(void)n;
	if (id == F_local)
		return slot_value_address_word(r, &words_ethertype, ethertype, ret);
	return slot_value_word(r, &words_ethertype, ethertype, ret);
}

static int get_dev(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	struct value index;

	(void)id, (void)n;
	if (record_get(r, F_pdi_index, 0, &index) < 0)
		return -ENODATA;
	return slot_value_dev(r, (uint32_t)index.u, ret);
}

/* enum tpacket_versions counts from 0, its names from V1. */
static int get_version(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[PACKET_DIAG_INFO];
	const uint8_t *p;
	size_t len;

	(void)id, (void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (len < offsetof(struct packet_diag_info, pdi_version) + 4)
		return -ENODATA;
	value_set_u64(ret, (uint64_t)slot_u32(p + offsetof(struct packet_diag_info, pdi_version)) + 1);
	return 0;
}

static const char *membership_word(unsigned type)
{
	switch (type) {
	case PACKET_MR_MULTICAST:
		return "multicast";
	case PACKET_MR_PROMISC:
		return "promisc";
	case PACKET_MR_ALLMULTI:
		return "allmulti";
	case PACKET_MR_UNICAST:
		return "unicast";
	}
	return NULL;
}

/* Text is put together in r->scratch, which has room for the longest of both kinds. */
static size_t append(struct record *r, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static size_t append(struct record *r, size_t at, const char *format, ...)
{
	va_list args;
	int k;

	va_start(args, format);
	k = vsnprintf(r->scratch + at, sizeof(r->scratch) - at, format, args);
	va_end(args);
	if (k < 0)
		return at;
	at += (size_t)k;
	return at < sizeof(r->scratch) ? at : sizeof(r->scratch) - 1;
}

static int get_membership(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[PACKET_DIAG_MCLIST];
	struct packet_diag_mclist m;
	const char *word;
	const uint8_t *p;
	size_t len, at;

	(void)id;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (n >= len / sizeof(m))
		return -ENODATA;
	memcpy(&m, p + (size_t)n * sizeof(m), sizeof(m));

	at = append(r, 0, "ifindex %u count %u ", m.pdmc_index, m.pdmc_count);
	word = membership_word(m.pdmc_type);
	at = word ? append(r, at, "%s", word) : append(r, at, "type %u", m.pdmc_type);
	for (unsigned i = 0; i < m.pdmc_alen && i < sizeof(m.pdmc_addr); i++)
		at = append(r, at, "%c%02x", i ? ':' : ' ', m.pdmc_addr[i]);
	value_set_str(ret, r->scratch, at);
	return 0;
}

static int get_ring(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[id == F_pdr_rx_ring ? PACKET_DIAG_RX_RING : PACKET_DIAG_TX_RING];
	struct packet_diag_ring ring;
	const uint8_t *p;
	size_t len, at;

	(void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (len < sizeof(ring))
		return -ENODATA;
	memcpy(&ring, p, sizeof(ring));

	at = append(r, 0, "blocks %ux%u frames %ux%u timeout %ums", ring.pdr_block_nr, ring.pdr_block_size,
		    ring.pdr_frame_nr, ring.pdr_frame_size, ring.pdr_retire_tmo);
	if (ring.pdr_sizeof_priv)
		at = append(r, at, " private %u", ring.pdr_sizeof_priv);
	if (ring.pdr_features)
		at = append(r, at, " features 0x%x", ring.pdr_features);
	value_set_str(ret, r->scratch, at);
	return 0;
}

/* An empty attribute says that we may not see the filter; none, that there is none. */
static int get_filter_len(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[PACKET_DIAG_FILTER];
	size_t len;

	(void)id, (void)n;
	if (!a)
		return -ENODATA;
	slot_payload(a, &len);
	if (len < sizeof(struct sock_filter))
		return -ENODATA;
	value_set_u64(ret, len / sizeof(struct sock_filter));
	return 0;
}

static const struct slot packet_slots[] = {
	[F_netid] = SLOT_FN(get_netid),
	[F_family] = SLOT_VALUE(AF_PACKET),
	[F_type] = HEAD(U8, pdiag_type),
	[F_protocol] = SLOT_FN(get_protocol),
	[F_state] = SLOT_VALUE(STATE_CLOSE), /* packet sockets have no other */
	[F_local] = SLOT_FN(get_protocol),
	[F_inode] = HEAD(NZ32, pdiag_ino),
	[F_cookie] = HEAD(COOKIE, pdiag_cookie),
	[F_uid] = SLOT(UID, PACKET_DIAG_UID, 0),
	[F_recv_q] = SLOT(U32, PACKET_DIAG_MEMINFO, 4 * SK_MEMINFO_RMEM_ALLOC),
	[F_send_q] = SLOT(U32, PACKET_DIAG_MEMINFO, 4 * SK_MEMINFO_WMEM_ALLOC),
	[F_dev] = SLOT_FN(get_dev),
	[F_pdi_index] = INFO(U32, pdi_index),
	[F_pdi_version] = SLOT_FN(get_version),
	[F_pdi_reserve] = INFO(U32, pdi_reserve),
	[F_pdi_copy_thresh] = INFO(U32, pdi_copy_thresh),
	[F_pdi_tstamp] = INFO(U32, pdi_tstamp),
	[F_pdi_flags] = INFO(U32, pdi_flags),
	[F_pdm_entries] = SLOT_LIST_FN(get_membership),
	[F_pdr_rx_ring] = SLOT_FN(get_ring),
	[F_pdr_tx_ring] = SLOT_FN(get_ring),
	[F_pdiag_fanout] = SLOT(U32, PACKET_DIAG_FANOUT, 0),
	[F_pdiag_filter_len] = SLOT_FN(get_filter_len),
	[F_sk_family] = SLOT_VALUE(AF_PACKET),
	[F_sk_cookie] = HEAD(COOKIE, pdiag_cookie),
	[F_sk_type] = HEAD(U8, pdiag_type),
	[F_sk_socket] = HEAD(NZ32, pdiag_ino),
};

static const struct slot_table packet_table = SLOT_TABLE(packet_slots);

const struct decoder packet_decoder = {
	.header = sizeof(struct packet_diag_msg),
	.skmeminfo = PACKET_DIAG_MEMINFO,
	.tables = { &packet_table, &skmeminfo_table, &owner_table },
};
