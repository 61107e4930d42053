/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The message that the kernel would have sent of a socket, put together from what is remembered */

#include "track/sight.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tipc_sockets_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/smc_diag.h>
#include <linux/tipc_netlink.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>

#include "track/foreign_state.h"

/* A message that is put together. */
struct draft {
	uint8_t *buf;
	size_t len;
};

static void put(struct draft *d, const void *data, size_t len)
{
	memcpy(d->buf + d->len, data, len);
	d->len += len;
}

/* The payload is padded to a multiple of 4. */
static void put_attr(struct draft *d, unsigned int type, const void *data, size_t len)
{
	struct nlattr head = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = (uint16_t)type };

	put(d, &head, sizeof(head));
	if (len > 0)
		put(d, data, len);
	memset(d->buf + d->len, 0, NLA_ALIGN(len) - len);
	d->len += NLA_ALIGN(len) - len;
}

static void put_u32(struct draft *d, unsigned int type, uint32_t v)
{
	put_attr(d, type, &v, sizeof(v));
}

static void split_cookie(uint32_t ret[2], uint64_t cookie)
{
	ret[0] = (uint32_t)cookie;
	ret[1] = (uint32_t)(cookie >> 32);
}

static void make_sockid(const struct track_table *t, const struct track_entry *e, struct inet_diag_sockid *ret)
{
	const struct track_pair6 *pair = track_table_pair6(t, e);

	memset(ret, 0, sizeof(*ret));
	ret->idiag_sport = htons(e->local_port);
	ret->idiag_dport = htons(e->peer_port);
	ret->idiag_if = e->ifindex;
	split_cookie(ret->idiag_cookie, e->cookie);
	if (pair) {
		memcpy(ret->idiag_src, pair->local, 16);
		memcpy(ret->idiag_dst, pair->peer, 16);
	} else {
		ret->idiag_src[0] = e->addr.local4;
		ret->idiag_dst[0] = e->addr.peer4;
	}
}

/* An association is told by its list of peers, and its state has SCTP's number. */
static void put_association(struct draft *d, const struct track_entry *e, const struct inet_diag_msg *m)
{
	struct sockaddr_storage peer = {};

	if (e->flags & TRACK_IPV6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&peer;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = m->id.idiag_dport;
		memcpy(&in6->sin6_addr, m->id.idiag_dst, 16);
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)&peer;

		in->sin_family = AF_INET;
		in->sin_port = m->id.idiag_dport;
		memcpy(&in->sin_addr, m->id.idiag_dst, 4);
	}
	put_attr(d, INET_DIAG_PEERS, &peer, sizeof(peer));
}

static void put_inet(struct draft *d, const struct track_table *t, const struct track_entry *e)
{
	const struct source_def *def = source_def_get(e->source);
	struct inet_diag_msg m = { .idiag_family = (uint8_t)def->family, .idiag_state = e->state, .idiag_inode = e->inode };
	bool is_assoc = def->protocol == IPPROTO_SCTP && e->twin != 0;

	m.idiag_uid = e->uid == UINT32_MAX ? 0 : e->uid;
	make_sockid(t, e, &m.id);
	if (is_assoc)
		m.idiag_state = foreign_state_to_sctp(e->state);
	put(d, &m, sizeof(m));
	if (is_assoc)
		put_association(d, e, &m);
	if (def->protocol == IPPROTO_RAW && e->protocol != e->local_port)
		put_attr(d, INET_DIAG_PROTOCOL, &(uint8_t){ (uint8_t)e->protocol }, 1);
}

/* A path has its NUL again, for the decoder would take the last byte of a name that is cut for one otherwise. */
static void put_unix(struct draft *d, const struct track_entry *e)
{
	struct unix_diag_msg m = { .udiag_family = AF_UNIX, .udiag_type = e->type, .udiag_state = e->state,
				   .udiag_ino = e->inode };
	char name[sizeof(e->name) + 1] = {};

	split_cookie(m.udiag_cookie, e->cookie);
	put(d, &m, sizeof(m));
	memcpy(name, e->name, e->name_len);
	if (e->name_len > 0)
		put_attr(d, UNIX_DIAG_NAME, name, e->name_len + (name[0] != '\0'));
	if (e->addr.peer_inode != 0)
		put_u32(d, UNIX_DIAG_PEER, e->addr.peer_inode);
	if (e->uid != UINT32_MAX)
		put_u32(d, UNIX_DIAG_UID, e->uid);
}

static void put_netlink(struct draft *d, const struct track_entry *e)
{
	struct netlink_diag_msg m = { .ndiag_family = AF_NETLINK, .ndiag_type = e->type,
				      .ndiag_protocol = (uint8_t)e->protocol, .ndiag_state = e->state,
				      .ndiag_portid = e->wide.local_port, .ndiag_dst_portid = e->wide.peer_port,
				      .ndiag_dst_group = e->wide.peer, .ndiag_ino = e->inode };

	split_cookie(m.ndiag_cookie, e->cookie);
	put(d, &m, sizeof(m));
}

static void put_packet(struct draft *d, const struct track_entry *e)
{
	struct packet_diag_msg m = { .pdiag_family = AF_PACKET, .pdiag_type = e->type, .pdiag_num = e->protocol,
				     .pdiag_ino = e->inode };
	struct packet_diag_info info = { .pdi_index = e->ifindex };

	split_cookie(m.pdiag_cookie, e->cookie);
	put(d, &m, sizeof(m));
	put_attr(d, PACKET_DIAG_INFO, &info, sizeof(info));
	if (e->uid != UINT32_MAX)
		put_u32(d, PACKET_DIAG_UID, e->uid);
}

static void put_vsock(struct draft *d, const struct track_entry *e)
{
	struct vsock_diag_msg m = { .vdiag_family = AF_VSOCK, .vdiag_type = e->type, .vdiag_state = e->state,
				    .vdiag_src_cid = e->wide.local, .vdiag_src_port = e->wide.local_port,
				    .vdiag_dst_cid = e->wide.peer, .vdiag_dst_port = e->wide.peer_port,
				    .vdiag_ino = e->inode };

	split_cookie(m.vdiag_cookie, e->cookie);
	put(d, &m, sizeof(m));
}

static void put_xdp(struct draft *d, const struct track_entry *e)
{
	struct xdp_diag_msg m = { .xdiag_family = AF_XDP, .xdiag_type = e->type, .xdiag_ino = e->inode };
	struct xdp_diag_info info = { .ifindex = e->ifindex, .queue_id = e->wide.local_port };

	split_cookie(m.xdiag_cookie, e->cookie);
	put(d, &m, sizeof(m));
	put_attr(d, XDP_DIAG_INFO, &info, sizeof(info));
	if (e->uid != UINT32_MAX)
		put_u32(d, XDP_DIAG_UID, e->uid);
}

static void put_smc(struct draft *d, const struct track_table *t, const struct track_entry *e)
{
	struct smc_diag_msg m;

	memset(&m, 0, sizeof(m));
	m.diag_family = (uint8_t)source_def_get(e->source)->family;
	m.diag_inode = e->inode;
	m.diag_uid = e->uid == UINT32_MAX ? 0 : e->uid;
	make_sockid(t, e, &m.id);
	m.diag_state = foreign_state_to_smc(e->state);
	put(d, &m, sizeof(m));
}

/* Returns where a nest begins, for nest_end. */
static size_t nest_begin(struct draft *d, unsigned int type)
{
	put_attr(d, type, NULL, 0);
	return d->len - NLA_HDRLEN;
}

static void nest_end(struct draft *d, size_t begin)
{
	uint16_t len = (uint16_t)(d->len - begin);

	memcpy(d->buf + begin + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

static void put_tipc(struct draft *d, const struct track_entry *e)
{
	size_t sock = nest_begin(d, TIPC_NLA_SOCK), con;
	uint32_t cookie[2];

	split_cookie(cookie, e->cookie);
	put_u32(d, TIPC_NLA_SOCK_TYPE, e->type);
	put_u32(d, TIPC_NLA_SOCK_TIPC_STATE, e->state);
	put_u32(d, TIPC_NLA_SOCK_INO, e->inode);
	put_u32(d, TIPC_NLA_SOCK_ADDR, e->wide.local);
	put_u32(d, TIPC_NLA_SOCK_REF, e->wide.local_port);
	if (e->uid != UINT32_MAX)
		put_u32(d, TIPC_NLA_SOCK_UID, e->uid);
	put_attr(d, TIPC_NLA_SOCK_COOKIE, cookie, sizeof(cookie));
	if (e->wide.peer != 0 || e->wide.peer_port != 0) {
		con = nest_begin(d, TIPC_NLA_SOCK_CON);
		put_u32(d, TIPC_NLA_CON_NODE, e->wide.peer);
		put_u32(d, TIPC_NLA_CON_SOCK, e->wide.peer_port);
		nest_end(d, con);
	}
	nest_end(d, sock);
}

size_t sight_rebuild(const struct track_table *t, const struct track_entry *e, uint8_t buf[static SIGHT_MESSAGE_MAX])
{
	struct nlmsghdr head = { .nlmsg_type = SOCK_DIAG_BY_FAMILY };
	struct draft d = { .buf = buf, .len = NLMSG_HDRLEN };

	switch ((enum message_kind)source_def_get(e->source)->kind) {
	case KIND_INET:
		put_inet(&d, t, e);
		break;
	case KIND_UNIX:
		put_unix(&d, e);
		break;
	case KIND_NETLINK:
		put_netlink(&d, e);
		break;
	case KIND_PACKET:
		put_packet(&d, e);
		break;
	case KIND_VSOCK:
		put_vsock(&d, e);
		break;
	case KIND_XDP:
		put_xdp(&d, e);
		break;
	case KIND_SMC:
		put_smc(&d, t, e);
		break;
	case KIND_TIPC:
		put_tipc(&d, e);
		break;
	case KIND_PROC_INET:
	case KIND_MODULE:
	case KIND_COUNT:
		return 0;
	}
	/* Blocks end at multiples of 8; an attribute that nobody knows is skipped. */
	if (d.len % 8 != 0)
		put_attr(&d, NLA_TYPE_MASK, NULL, 0);
	head.nlmsg_len = (uint32_t)d.len;
	memcpy(buf, &head, sizeof(head));
	return d.len;
}

/* "0100007F:0016", as /proc/net has it: words in the byte order of the host. */
static size_t put_line_end(char *buf, size_t size, const uint8_t *ip, size_t len, uint16_t port)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, ip + i, sizeof(word));
		n += (size_t)snprintf(buf + n, size - n, "%08X", word);
	}
	return n + (size_t)snprintf(buf + n, size - n, ":%04X ", port);
}

size_t sight_rebuild_line(const struct track_table *t, const struct track_entry *e, char buf[static SIGHT_MESSAGE_MAX])
{
	const struct track_pair6 *pair = track_table_pair6(t, e);
	const uint8_t *local = pair ? pair->local : (const uint8_t *)&e->addr.local4;
	const uint8_t *peer = pair ? pair->peer : (const uint8_t *)&e->addr.peer4;
	size_t len = pair ? 16 : 4, n;

	if (source_def_get(e->source)->kind != KIND_PROC_INET)
		return 0;
	n = (size_t)snprintf(buf, SIGHT_MESSAGE_MAX, "0: ");
	n += put_line_end(buf + n, SIGHT_MESSAGE_MAX - n, local, len, e->local_port);
	n += put_line_end(buf + n, SIGHT_MESSAGE_MAX - n, peer, len, e->peer_port);
	n += (size_t)snprintf(buf + n, SIGHT_MESSAGE_MAX - n, "%02X 00000000:00000000 00:00000000 00000000 %u 0 %u", e->state,
			      e->uid == UINT32_MAX ? 0 : e->uid, e->inode);
	return n;
}
