/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_XDP: struct xdp_diag_msg */

#include <linux/sock_diag.h>
#include <linux/xdp_diag.h>
#include <sys/socket.h>

#include "decode/slot.h"

#define HEAD(op, member) SLOT(op, SLOT_HEADER, offsetof(struct xdp_diag_msg, member))
#define INFO(member) SLOT(U32, XDP_DIAG_INFO, offsetof(struct xdp_diag_info, member))
#define RING(attr) SLOT(U32, attr, offsetof(struct xdp_diag_ring, entries))
#define UMEM(op, member) SLOT(op, XDP_DIAG_UMEM, offsetof(struct xdp_diag_umem, member))
#define STATS(member) SLOT(U64, XDP_DIAG_STATS, offsetof(struct xdp_diag_stats, member))

static int get_dev(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	struct value index, name;

	(void)n;
	if (record_get(r, F_xdiag_ifindex, 0, &index) < 0)
		return -ENODATA;
	if (id == F_dev)
		return slot_value_dev(r, (uint32_t)index.u, ret);

	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_NUMBER;
	ret->addr.number = (uint32_t)index.u;
	if (slot_value_dev(r, (uint32_t)index.u, &name) >= 0) {
		ret->addr.kind = ADDRESS_WORD;
		ret->addr.name = name.str.data;
		ret->addr.len = name.str.len;
	}
	return 0;
}

static const struct slot xdp_slots[] = {
	[F_family] = SLOT_VALUE(AF_XDP),
	[F_type] = HEAD(U8, xdiag_type),
	[F_state] = SLOT_VALUE(STATE_CLOSE), /* its bound and unbound are not told by diag, and nothing connects */
	[F_local] = SLOT_FN(get_dev),
	[F_local_port] = INFO(queue_id),
	[F_inode] = HEAD(NZ32, xdiag_ino),
	[F_cookie] = HEAD(COOKIE, xdiag_cookie),
	[F_uid] = SLOT(UID, XDP_DIAG_UID, 0),
	[F_recv_q] = SLOT(U32, XDP_DIAG_MEMINFO, 4 * SK_MEMINFO_RMEM_ALLOC),
	[F_send_q] = SLOT(U32, XDP_DIAG_MEMINFO, 4 * SK_MEMINFO_WMEM_ALLOC),
	[F_dev] = SLOT_FN(get_dev),
	[F_xdiag_ifindex] = INFO(ifindex),
	[F_xdiag_queue_id] = INFO(queue_id),
	[F_xdiag_rx_entries] = RING(XDP_DIAG_RX_RING),
	[F_xdiag_tx_entries] = RING(XDP_DIAG_TX_RING),
	[F_xdiag_fr_entries] = RING(XDP_DIAG_UMEM_FILL_RING),
	[F_xdiag_cr_entries] = RING(XDP_DIAG_UMEM_COMPLETION_RING),
	[F_xdu_size] = UMEM(U64, size),
	[F_xdu_id] = UMEM(U32, id),
	[F_xdu_num_pages] = UMEM(U32, num_pages),
	[F_xdu_chunk_size] = UMEM(U32, chunk_size),
	[F_xdu_headroom] = UMEM(U32, headroom),
	[F_xdu_ifindex] = UMEM(U32, ifindex),
	[F_xdu_queue_id] = UMEM(U32, queue_id),
	[F_xdu_flags] = UMEM(U32, flags),
	[F_xdu_refs] = UMEM(U32, refs),
	[F_xds_rx_dropped] = STATS(n_rx_dropped),
	[F_xds_rx_invalid] = STATS(n_rx_invalid),
	[F_xds_rx_full] = STATS(n_rx_full),
	[F_xds_fill_ring_empty] = STATS(n_fill_ring_empty),
	[F_xds_tx_invalid] = STATS(n_tx_invalid),
	[F_xds_tx_ring_empty] = STATS(n_tx_ring_empty),
	[F_sk_family] = SLOT_VALUE(AF_XDP),
	[F_sk_cookie] = HEAD(COOKIE, xdiag_cookie),
	[F_sk_type] = HEAD(U8, xdiag_type),
	[F_sk_socket] = HEAD(NZ32, xdiag_ino),
};

static const struct slot_table xdp_table = SLOT_TABLE(xdp_slots);

const struct decoder xdp_decoder = {
	.header = sizeof(struct xdp_diag_msg),
	.skmeminfo = XDP_DIAG_MEMINFO,
	.tables = { &xdp_table, &skmeminfo_table, &owner_table },
};
