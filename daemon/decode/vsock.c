/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_VSOCK: struct vsock_diag_msg, which is all there is */

#include <sys/socket.h>

#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>

#include "decode/slot.h"

#define MSG(member) offsetof(struct vsock_diag_msg, member)
#define HEAD(op, member) SLOT(op, SLOT_HEADER, MSG(member))

static int get_netid(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned type = r->data[MSG(vdiag_type)];

	(void)id, (void)n;
	value_set_str(ret, type == SOCK_STREAM ? "v_str" : type == SOCK_SEQPACKET ? "v_seq" : "v_dgr", 5);
	return 0;
}

static const char *cid_word(uint32_t cid)
{
	switch (cid) {
	case VMADDR_CID_ANY:
		return "*";
	case VMADDR_CID_HYPERVISOR:
		return "hypervisor";
	case VMADDR_CID_LOCAL:
		return "local";
	case VMADDR_CID_HOST:
		return "host";
	}
	return NULL;
}

void vsock_value_cid(struct value *ret, uint32_t cid)
{
	const char *word = cid_word(cid);

	ret->kind = VALUE_ADDR;
	ret->addr.kind = word ? ADDRESS_WORD : ADDRESS_NUMBER;
	ret->addr.number = cid;
	ret->addr.name = word;
	ret->addr.len = word ? strlen(word) : 0;
}

static int get_address(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)n;
	vsock_value_cid(ret, slot_u32(r->data + (id == F_local ? MSG(vdiag_src_cid) : MSG(vdiag_dst_cid))));
	return 0;
}

static int get_port(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	uint32_t port = slot_u32(r->data + (id == F_local_port ? MSG(vdiag_src_port) : MSG(vdiag_dst_port)));

	(void)n;
	if (port == VMADDR_PORT_ANY)
		return -ENODATA;
	value_set_u64(ret, port);
	return 0;
}

static const struct slot vsock_slots[] = {
	[F_netid] = SLOT_FN(get_netid),
	[F_family] = SLOT_VALUE(AF_VSOCK),
	[F_type] = HEAD(U8, vdiag_type),
	[F_state] = HEAD(NZ8, vdiag_state),
	[F_local] = SLOT_FN(get_address),
	[F_local_port] = SLOT_FN(get_port),
	[F_peer] = SLOT_FN(get_address),
	[F_peer_port] = SLOT_FN(get_port),
	[F_inode] = HEAD(NZ32, vdiag_ino),
	[F_cookie] = HEAD(COOKIE, vdiag_cookie),
	[F_vdiag_shutdown] = HEAD(U8, vdiag_shutdown),
	[F_sk_family] = SLOT_VALUE(AF_VSOCK),
	[F_sk_state] = HEAD(NZ8, vdiag_state),
	[F_sk_cookie] = HEAD(COOKIE, vdiag_cookie),
	[F_sk_type] = HEAD(U8, vdiag_type),
	[F_sk_shutdown] = HEAD(U8, vdiag_shutdown),
	[F_sk_socket] = HEAD(NZ32, vdiag_ino),
};

static const struct slot_table vsock_table = SLOT_TABLE(vsock_slots);

const struct decoder vsock_decoder = {
	.header = sizeof(struct vsock_diag_msg),
	.tables = { &vsock_table, &owner_table },
};
