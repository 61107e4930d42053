/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_NETLINK: struct netlink_diag_msg */

#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "decode/slot.h"

#define MSG(member) offsetof(struct netlink_diag_msg, member)
#define HEAD(op, member) SLOT(op, SLOT_HEADER, MSG(member))

static int get_protocol(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned protocol = r->data[MSG(ndiag_protocol)];

	(void)n;
	if (id == F_local)
		return slot_value_address_word(r, &words_netlink, protocol, ret);
	return slot_value_word(r, &words_netlink, protocol, ret);
}

/* A socket begins as TCP_CLOSE; connect() to nobody leaves NETLINK_UNCONNECTED, which is 0 (net/netlink/af_netlink.c). */
static int get_state(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned state = r->data[MSG(ndiag_state)];

	(void)id, (void)n;
	value_set_u64(ret, state ? state : STATE_CLOSE);
	return 0;
}

/* A peer is there once connect() has chosen a port or a group. */
static int get_peer(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	uint32_t portid = slot_u32(r->data + MSG(ndiag_dst_portid));

	(void)n;
	if (!portid && !slot_u32(r->data + MSG(ndiag_dst_group)))
		return -ENODATA;
	if (id == F_peer_port) {
		value_set_u64(ret, portid);
		return 0;
	}
	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_WORD;
	ret->addr.number = 0;
	ret->addr.name = "*";
	ret->addr.len = 1;
	return 0;
}

/* A bitmap of unsigned long; the n-th bit that is set. The first bit is group 1. */
static int get_group(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[NETLINK_DIAG_GROUPS];
	uint64_t first = 1;
	const uint8_t *p;
	size_t len;

	(void)id;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	while (len >= 4) {
		size_t size = len >= sizeof(unsigned long) ? sizeof(unsigned long) : 4;
		uint64_t bits = size == 8 ? slot_u64(p) : slot_u32(p);

		for (; bits; bits &= bits - 1)
			if (n-- == 0) {
				value_set_u64(ret, first + (unsigned)__builtin_ctzll(bits));
				return 0;
			}
		first += size * 8;
		p += size;
		len -= size;
	}
	return -ENODATA;
}

static const struct slot netlink_slots[] = {
	[F_family] = SLOT_VALUE(AF_NETLINK),
	[F_type] = HEAD(U8, ndiag_type),
	[F_protocol] = SLOT_FN(get_protocol),
	[F_state] = SLOT_FN(get_state),
	[F_local] = SLOT_FN(get_protocol),
	[F_local_port] = HEAD(U32, ndiag_portid),
	[F_peer] = SLOT_FN(get_peer),
	[F_peer_port] = SLOT_FN(get_peer),
	[F_inode] = HEAD(NZ32, ndiag_ino),
	[F_cookie] = HEAD(COOKIE, ndiag_cookie),
	[F_recv_q] = SLOT(U32, NETLINK_DIAG_MEMINFO, 4 * SK_MEMINFO_RMEM_ALLOC),
	[F_send_q] = SLOT(U32, NETLINK_DIAG_MEMINFO, 4 * SK_MEMINFO_WMEM_ALLOC),
	[F_ndiag_groups] = SLOT_LIST_FN(get_group),
	[F_ndiag_flags] = SLOT(U32, NETLINK_DIAG_FLAGS, 0),
	[F_sk_family] = SLOT_VALUE(AF_NETLINK),
	[F_sk_state] = HEAD(U8, ndiag_state),
	[F_sk_cookie] = HEAD(COOKIE, ndiag_cookie),
	[F_sk_protocol] = HEAD(U8, ndiag_protocol),
	[F_sk_type] = HEAD(U8, ndiag_type),
	[F_sk_socket] = HEAD(NZ32, ndiag_ino),
};

static const struct slot_table netlink_table = SLOT_TABLE(netlink_slots);

const struct decoder netlink_decoder = {
	.header = sizeof(struct netlink_diag_msg),
	.skmeminfo = NETLINK_DIAG_MEMINFO,
	.tables = { &netlink_table, &skmeminfo_table, &owner_table },
};
