/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_UNIX: struct unix_diag_msg */

#include <linux/unix_diag.h>
#include <sys/socket.h>

#include "decode/slot.h"

#define HEAD(op, member) SLOT(op, SLOT_HEADER, offsetof(struct unix_diag_msg, member))

static int get_netid(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned type = r->data[offsetof(struct unix_diag_msg, udiag_type)];

	(void)id, (void)n;
	value_set_str(ret, type == SOCK_STREAM ? "u_str" : type == SOCK_SEQPACKET ? "u_seq" : "u_dgr", 5);
	return 0;
}

/* A path comes with the NUL behind it; of an abstract name every byte counts. */
static int get_local(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct nlattr *a = r->attr[UNIX_DIAG_NAME];
	const uint8_t *p;
	size_t len;

	(void)id, (void)n;
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	if (len > 1 && p[0] && !p[len - 1])
		len--;
	if (!len)
		return -ENODATA;

	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_UNIX;
	ret->addr.number = 0;
	ret->addr.name = (const char *)p;
	ret->addr.len = len;
	return 0;
}

static int get_backlog(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)n;
	if (r->data[offsetof(struct unix_diag_msg, udiag_state)] != STATE_LISTEN)
		return -ENODATA;
	return record_get(r, id == F_sk_ack_backlog ? F_recv_q : F_send_q, 0, ret);
}

#define RQLEN(member) SLOT(U32, UNIX_DIAG_RQLEN, offsetof(struct unix_diag_rqlen, member))
#define VFS(member) SLOT(U32, UNIX_DIAG_VFS, offsetof(struct unix_diag_vfs, member))

static const struct slot unix_slots[] = {
	[F_netid] = SLOT_FN(get_netid),
	[F_family] = SLOT_VALUE(AF_UNIX),
	[F_type] = HEAD(U8, udiag_type),
	[F_state] = HEAD(NZ8, udiag_state),
	[F_local] = SLOT_FN(get_local),
	[F_inode] = HEAD(NZ32, udiag_ino),
	[F_cookie] = HEAD(COOKIE, udiag_cookie),
	[F_uid] = SLOT(UID, UNIX_DIAG_UID, 0),
	[F_recv_q] = RQLEN(udiag_rqueue),
	[F_send_q] = RQLEN(udiag_wqueue),
	[F_udiag_vfs_ino] = VFS(udiag_vfs_ino),
	[F_udiag_vfs_dev] = VFS(udiag_vfs_dev),
	[F_udiag_peer] = SLOT(NZ32, UNIX_DIAG_PEER, 0),
	[F_udiag_icons] = SLOT(U32_LIST, UNIX_DIAG_ICONS, 0),
	[F_sk_family] = SLOT_VALUE(AF_UNIX),
	[F_sk_state] = HEAD(NZ8, udiag_state),
	[F_sk_cookie] = HEAD(COOKIE, udiag_cookie),
	[F_sk_type] = HEAD(U8, udiag_type),
	[F_sk_ack_backlog] = SLOT_FN(get_backlog),
	[F_sk_max_ack_backlog] = SLOT_FN(get_backlog),
	[F_sk_shutdown] = SLOT(U8, UNIX_DIAG_SHUTDOWN, 0),
	[F_sk_socket] = HEAD(NZ32, udiag_ino),
};

static const struct slot_table unix_table = SLOT_TABLE(unix_slots);

const struct decoder unix_decoder = {
	.header = sizeof(struct unix_diag_msg),
	.skmeminfo = UNIX_DIAG_MEMINFO,
	.tables = { &unix_table, &skmeminfo_table, &owner_table },
};
