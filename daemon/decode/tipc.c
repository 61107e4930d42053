/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_TIPC: no header, and all attributes nested in TIPC_NLA_SOCK */

#include <sys/socket.h>

#include <linux/tipc.h>
#include <linux/tipc_netlink.h>

#include "decode/slot.h"

static const struct nlattr *nested(const struct record *r, unsigned attr, unsigned nest, size_t size)
{
	const struct nlattr *a = r->attr[attr];
	const uint8_t *p;
	size_t len;

	if (!a)
		return NULL;
	p = slot_payload(a, &len);
	a = slot_find(p, len, nest);
	if (!a)
		return NULL;
	slot_payload(a, &len);
	return len >= size ? a : NULL;
}

/* A node's address; the port goes with it as in local_port and peer_port. */
static int get_address(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = id == F_peer ? nested(r, TIPC_NLA_SOCK_CON, TIPC_NLA_CON_NODE, 4) :
						r->attr[TIPC_NLA_SOCK_ADDR];
	const uint8_t *p;
	size_t len;

	(void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (len < 4)
		return -ENODATA;
	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_NUMBER;
	ret->addr.number = slot_u32(p);
	return 0;
}

static int get_scope(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	if (nested(r, TIPC_NLA_SOCK_GROUP, TIPC_NLA_SOCK_GROUP_NODE_SCOPE, 0))
		value_set_u64(ret, TIPC_NODE_SCOPE);
	else if (nested(r, TIPC_NLA_SOCK_GROUP, TIPC_NLA_SOCK_GROUP_CLUSTER_SCOPE, 0))
		value_set_u64(ret, TIPC_CLUSTER_SCOPE);
	else
		return -ENODATA;
	return 0;
}

/* Flags of the socket itself stand in no further nest: the record is what they are in. */
static int get_has_publ(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	value_set_bool(ret, r->attr[TIPC_NLA_SOCK_HAS_PUBL]);
	return 0;
}

#define SOCK(op, name) SLOT(op, TIPC_NLA_SOCK_##name, 0)
#define CON(op, name) SLOT_IN(op, TIPC_NLA_SOCK_CON, TIPC_NLA_CON_##name)
#define STAT(op, name) SLOT_IN(op, TIPC_NLA_SOCK_STAT, TIPC_NLA_SOCK_STAT_##name)
#define GROUP(op, name) SLOT_IN(op, TIPC_NLA_SOCK_GROUP, TIPC_NLA_SOCK_GROUP_##name)

static const struct slot tipc_slots[] = {
	[F_family] = SLOT_VALUE(AF_TIPC),
	[F_type] = SOCK(U32, TYPE),
	[F_state] = SOCK(NZ32, TIPC_STATE), /* enum tipc_sk states are TCP's numbers (net/tipc/socket.c) */
	[F_local] = SLOT_FN(get_address),
	[F_local_port] = SOCK(U32, REF),
	[F_peer] = SLOT_FN(get_address),
	[F_peer_port] = CON(U32, SOCK),
	[F_inode] = SOCK(NZ32, INO),
	[F_cookie] = SOCK(COOKIE, COOKIE),
	[F_uid] = SOCK(UID, UID),
	[F_recv_q] = STAT(U32, RCVQ), /* messages, as ss shows them: TIPC does not tell bytes */
	[F_send_q] = STAT(U32, SENDQ),
	[F_tipc_ref] = SOCK(U32, REF),
	[F_tipc_con_type] = CON(U32, TYPE),
	[F_tipc_con_inst] = CON(U32, INST),
	[F_tipc_has_publ] = SLOT_FN(get_has_publ),
	[F_tipc_rcvq] = STAT(U32, RCVQ),
	[F_tipc_sendq] = STAT(U32, SENDQ),
	[F_tipc_link_cong] = STAT(FLAG, LINK_CONG),
	[F_tipc_conn_cong] = STAT(FLAG, CONN_CONG),
	[F_tipc_drop] = STAT(U32, DROP),
	[F_tipc_state] = SOCK(U32, TIPC_STATE),
	[F_tipc_group_id] = GROUP(U32, ID),
	[F_tipc_group_instance] = GROUP(U32, INSTANCE),
	[F_tipc_group_bc_send_next] = GROUP(U32, BC_SEND_NEXT),
	[F_tipc_group_scope] = SLOT_FN(get_scope),
	[F_sk_family] = SLOT_VALUE(AF_TIPC),
	[F_sk_state] = SOCK(U32, TIPC_STATE),
	[F_sk_cookie] = SOCK(COOKIE, COOKIE),
	[F_sk_type] = SOCK(U32, TYPE),
	[F_sk_drops] = STAT(U32, DROP),
	[F_sk_socket] = SOCK(NZ32, INO),
};

static const struct slot_table tipc_table = SLOT_TABLE(tipc_slots);

static int tipc_open(struct record *r)
{
	const struct nlattr *outer[RECORD_ATTR_MAX] = { NULL };
	const uint8_t *p;
	size_t len;
	int k = slot_parse(outer, r->data, r->len);

	if (k < 0)
		return k;
	if (!outer[TIPC_NLA_SOCK])
		return -EBADMSG;
	p = slot_payload(outer[TIPC_NLA_SOCK], &len);
	return slot_parse(r->attr, p, len);
}

const struct decoder tipc_decoder = {
	.header = 0,
	.open = tipc_open,
	.tables = { &tipc_table, &owner_table },
};
