/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which socket a message is about */

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/smc_diag.h>
#include <linux/tipc_netlink.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "model/source_id.h"
#include "model/words.h"
#include "snapshot/identity.h"

/* INET_DIAG_NOCOOKIE in both words. */
#define NO_COOKIE UINT64_MAX

/* Columns of a line of /proc/net/tcp and its kin before the inode. */
#define INODE_COLUMN 9

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* u32[2], low half first. */
static uint64_t load_cookie(const uint8_t *p)
{
	uint64_t cookie = load32(p) | (uint64_t)load32(p + 4) << 32;

	return cookie == NO_COOKIE ? 0 : cookie;
}

/* A message with both at fixed places. */
static int read_fixed(const struct message *m, size_t header, size_t cookie, size_t inode, struct identity *id)
{
	if (m->len < header)
		return -ENODATA;
	id->cookie = load_cookie(m->data + cookie);
	id->inode = load32(m->data + inode);
	return 0;
}

#define FIXED(m, type, cookie, inode, id) \
	read_fixed(m, sizeof(struct type), offsetof(struct type, cookie), offsetof(struct type, inode), id)

static int read_inet(const struct message *m, struct identity *id)
{
	unsigned state;
	int r = FIXED(m, inet_diag_msg, id.idiag_cookie, idiag_inode, id);

	if (r < 0)
		return r;
	id->shares_cookie = id->protocol == PROTOCOL_MPTCP || id->protocol == IPPROTO_SCTP;
	if (id->inode)
		return 0;
	/* A TIME-WAIT sock can say FIN-WAIT-2, a request sock SYN-RECV (inet_diag.c). */
	state = m->data[offsetof(struct inet_diag_msg, idiag_state)];
	id->is_mini = state == STATE_TIME_WAIT || state == STATE_NEW_SYN_RECV;
	id->may_be_mini = id->is_mini || state == STATE_FIN_WAIT2 || state == STATE_SYN_RECV;
	return 0;
}

const uint8_t *identity_find_attr(const uint8_t *at, size_t left, unsigned type, size_t *ret_len)
{
	while (left >= NLA_HDRLEN) {
		struct nlattr head;
		size_t step;

		memcpy(&head, at, sizeof(head));
		if (head.nla_len < NLA_HDRLEN || head.nla_len > left)
			return NULL;
		if ((head.nla_type & NLA_TYPE_MASK) == type) {
			*ret_len = head.nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		step = NLA_ALIGN((size_t)head.nla_len);
		if (step > left)
			step = left;
		at += step;
		left -= step;
	}
	return NULL;
}

static int read_tipc(const struct message *m, struct identity *id)
{
	size_t sock_len, len;
	const uint8_t *sock = identity_find_attr(m->data, m->len, TIPC_NLA_SOCK, &sock_len), *p;

	if (!sock)
		return -ENODATA;
	p = identity_find_attr(sock, sock_len, TIPC_NLA_SOCK_COOKIE, &len);
	if (p && len >= 8)
		id->cookie = load_cookie(p);
	p = identity_find_attr(sock, sock_len, TIPC_NLA_SOCK_INO, &len);
	if (p && len >= 4)
		id->inode = load32(p);
	return 0;
}

static int read_line(const struct message *m, struct identity *id)
{
	const char *at = (const char *)m->data, *end = at + m->len;

	for (unsigned i = 0;; i++) {
		while (at < end && *at == ' ')
			at++;
		if (i == INODE_COLUMN)
			break;
		while (at < end && *at != ' ')
			at++;
	}
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		id->inode = id->inode * 10 + (uint64_t)(*at - '0');
	return 0;
}

static int read_kind(const struct message *m, const struct source_def *def, struct identity *id)
{
	switch ((enum message_kind)def->kind) {
	case KIND_INET:
		return read_inet(m, id);
	case KIND_UNIX:
		return FIXED(m, unix_diag_msg, udiag_cookie, udiag_ino, id);
	case KIND_NETLINK:
		return FIXED(m, netlink_diag_msg, ndiag_cookie, ndiag_ino, id);
	case KIND_PACKET:
		return FIXED(m, packet_diag_msg, pdiag_cookie, pdiag_ino, id);
	case KIND_VSOCK:
		return FIXED(m, vsock_diag_msg, vdiag_cookie, vdiag_ino, id);
	case KIND_XDP:
		return FIXED(m, xdp_diag_msg, xdiag_cookie, xdiag_ino, id);
	case KIND_SMC:
		return FIXED(m, smc_diag_msg, id.idiag_cookie, diag_inode, id); /* 64 bits, of which sockfs uses 32 */
	case KIND_TIPC:
		return read_tipc(m, id);
	case KIND_PROC_INET:
		return read_line(m, id);
	case KIND_MODULE:
	case KIND_COUNT:
		break;
	}
	return -ENODATA;
}

int identity_read(const struct message *m, struct identity *ret)
{
	const struct source_def *def = source_def_get(m->source);
	struct identity id = {};
	int r;

	if (!def)
		return -ENODATA;
	id.family = def->family;
	id.protocol = def->protocol;
	r = read_kind(m, def, &id);
	if (r < 0 || (!id.cookie && !id.inode))
		return -ENODATA;
	*ret = id;
	return 0;
}
