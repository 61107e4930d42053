/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message as the table sees it: fixed places in the header, and few attributes */

#include "track/sight.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sctp.h>
#include <linux/tcp.h>
#include <linux/tipc_sockets_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/smc_diag.h>
#include <linux/tipc_netlink.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>

#include "decode/record.h"
#include "model/words.h"
#include "track/foreign_state.h"

#define TYPE_DCCP 6 /* SOCK_DCCP, which C libraries do not all have */
#define TIMER_TIME_WAIT 3 /* idiag_timer of a TIME-WAIT, whose state can be FIN_WAIT2 (tw_diag_fill()) */
#define SCTP_SOCKET_TCP 2 /* enum sctp_socket_type: net/sctp/structs.h */

/* Attributes, one after another; at damage the row ends. */
struct attrs {
	const uint8_t *at;
	size_t len;
	/* The one that next_attr gave: */
	unsigned int type;
	const uint8_t *data;
	size_t size;
};

static bool next_attr(struct attrs *a)
{
	struct nlattr head;
	size_t step;

	if (a->len < NLA_HDRLEN)
		return false;
	memcpy(&head, a->at, sizeof(head));
	if (head.nla_len < NLA_HDRLEN || head.nla_len > a->len)
		return false;
	a->type = head.nla_type & NLA_TYPE_MASK;
	a->data = a->at + NLA_HDRLEN;
	a->size = head.nla_len - NLA_HDRLEN;
	step = NLA_ALIGN(head.nla_len);
	if (step > a->len)
		step = a->len;
	a->at += step;
	a->len -= step;
	return true;
}

static uint32_t u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t attr_u32(const struct attrs *a)
{
	return a->size >= 4 ? u32_at(a->data) : 0;
}

/* All ones is INET_DIAG_NOCOOKIE. */
static uint64_t make_cookie(const uint32_t words[2])
{
	uint64_t cookie = words[0] | (uint64_t)words[1] << 32;

	return cookie == UINT64_MAX ? 0 : cookie;
}

static void set_endpoints(struct sight *s, const struct inet_diag_sockid *id, bool is_ipv6)
{
	s->cookie = make_cookie(id->idiag_cookie);
	s->local_port = ntohs(id->idiag_sport);
	s->peer_port = ntohs(id->idiag_dport);
	s->ifindex = id->idiag_if;
	s->is_ipv6 = is_ipv6;
	if (is_ipv6) {
		memcpy(s->pair.local, id->idiag_src, 16);
		memcpy(s->pair.peer, id->idiag_dst, 16);
	} else {
		s->local4 = id->idiag_src[0];
		s->peer4 = id->idiag_dst[0];
	}
}

/* A uid of 0 without an inode was not told: the kernel has none for an orphan (sock_i_uid). */
static void set_uid(struct sight *s, uint32_t uid)
{
	s->uid = uid != 0 || s->inode != 0 ? uid : UINT32_MAX;
}

/* struct tcp_info only grows at its end; Linux before 4.6 has no counters of both directions. */
static void read_counters(struct sight *s, const struct attrs *a)
{
	if (a->size < offsetof(struct tcp_info, tcpi_segs_in) + 4)
		return;
	s->has_counters = true;
	s->retrans = u32_at(a->data + offsetof(struct tcp_info, tcpi_total_retrans));
	s->bytes_acked = u64_at(a->data + offsetof(struct tcp_info, tcpi_bytes_acked));
	s->bytes_received = u64_at(a->data + offsetof(struct tcp_info, tcpi_bytes_received));
	s->segs_out = u32_at(a->data + offsetof(struct tcp_info, tcpi_segs_out));
	s->segs_in = u32_at(a->data + offsetof(struct tcp_info, tcpi_segs_in));
}

/* TCP and DCCP. Request socks say SYN_RECV, as do the sockets of them that wait for accept() after a Fast Open. */
static void read_tcp(struct sight *s, const struct inet_diag_msg *m, struct attrs *a)
{
	bool is_request = (s->state == STATE_SYN_RECV || s->state == STATE_NEW_SYN_RECV) && s->inode == 0;

	s->is_brief = s->state == STATE_TIME_WAIT || m->idiag_timer == TIMER_TIME_WAIT || is_request;
	if (s->protocol == IPPROTO_DCCP) {
		s->type = TYPE_DCCP;
		return;
	}
	s->type = SOCK_STREAM;
	s->source = m->idiag_family == AF_INET6 ? SOURCE_tcp6 : SOURCE_tcp4;
	if (s->is_brief || s->state == STATE_LISTEN)
		return;
	while (next_attr(a)) {
		if (a->type != INET_DIAG_INFO)
			continue;
		read_counters(s, a);
		break;
	}
}

/* Only associations have peers (net/sctp/diag.c), and their device is the route's. */
static void read_sctp(struct sight *s, struct attrs *a)
{
	size_t style = offsetof(struct sctp_info, sctpi_s_type);
	bool is_assoc = false, has_style = false;

	while (next_attr(a)) {
		if (a->type == INET_DIAG_PEERS)
			is_assoc = true;
		if (a->type == INET_DIAG_INFO && a->size >= style + 4) {
			has_style = true;
			s->type = u32_at(a->data + style) == SCTP_SOCKET_TCP ? SOCK_STREAM : SOCK_SEQPACKET;
		}
	}
	if (!is_assoc)
		return;
	if (has_style)
		s->type = 0; /* of an association those bytes are something else */
	s->ifindex = 0;
	s->state = foreign_state_of_sctp(s->state);
}

/* The port of a raw socket is its protocol; newer kernels tell it by itself, too. */
static void read_raw(struct sight *s, struct attrs *a)
{
	s->type = SOCK_RAW;
	s->protocol = s->local_port;
	while (next_attr(a)) {
		if (a->type != INET_DIAG_PROTOCOL || a->size < 1)
			continue;
		s->protocol = a->data[0];
		break;
	}
}

static int read_inet(const struct message *msg, const struct source_def *def, struct sight *s)
{
	struct inet_diag_msg m;
	struct attrs a;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	a = (struct attrs){ .at = msg->data + sizeof(m), .len = msg->len - sizeof(m) };
	s->state = m.idiag_state;
	s->inode = m.idiag_inode;
	s->protocol = def->protocol;
	set_uid(s, m.idiag_uid);
	set_endpoints(s, &m.id, m.idiag_family == AF_INET6);
	switch (def->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_DCCP:
		read_tcp(s, &m, &a);
		break;
	case IPPROTO_SCTP:
		read_sctp(s, &a);
		break;
	case PROTOCOL_MPTCP:
		s->type = SOCK_STREAM;
		break;
	case IPPROTO_RAW:
		read_raw(s, &a);
		break;
	default:
		s->type = SOCK_DGRAM;
	}
	s->twin = sight_twin(s);
	return 0;
}

/* A path comes with the NUL behind it; of an abstract name every byte counts. */
static void set_name(struct sight *s, const struct attrs *a)
{
	size_t len = a->size;

	if (len > 1 && a->data[0] != '\0' && a->data[len - 1] == '\0')
		len--;
	s->name = (const char *)a->data;
	s->name_len = len > UINT8_MAX ? UINT8_MAX : (uint8_t)len;
}

static int read_unix(const struct message *msg, struct sight *s)
{
	struct unix_diag_msg m;
	struct attrs a;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	a = (struct attrs){ .at = msg->data + sizeof(m), .len = msg->len - sizeof(m) };
	s->type = m.udiag_type;
	s->state = m.udiag_state;
	s->inode = m.udiag_ino;
	s->cookie = make_cookie(m.udiag_cookie);
	while (next_attr(&a)) {
		if (a.type == UNIX_DIAG_NAME && !s->name)
			set_name(s, &a);
		else if (a.type == UNIX_DIAG_PEER)
			s->peer_inode = attr_u32(&a);
		else if (a.type == UNIX_DIAG_UID && a.size >= 4)
			set_uid(s, attr_u32(&a));
	}
	return 0;
}

/* connect() to nobody leaves NETLINK_UNCONNECTED, which is 0. */
static int read_netlink(const struct message *msg, struct sight *s)
{
	struct netlink_diag_msg m;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	s->type = m.ndiag_type;
	s->protocol = m.ndiag_protocol;
	s->state = m.ndiag_state != 0 ? m.ndiag_state : STATE_CLOSE;
	s->inode = m.ndiag_ino;
	s->cookie = make_cookie(m.ndiag_cookie);
	s->wide.local_port = m.ndiag_portid;
	s->wide.peer_port = m.ndiag_dst_portid;
	s->wide.peer = m.ndiag_dst_group;
	return 0;
}

static int read_packet(const struct message *msg, struct sight *s)
{
	struct packet_diag_msg m;
	struct attrs a;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	a = (struct attrs){ .at = msg->data + sizeof(m), .len = msg->len - sizeof(m) };
	s->type = m.pdiag_type;
	s->protocol = m.pdiag_num;
	s->state = STATE_CLOSE;
	s->inode = m.pdiag_ino;
	s->cookie = make_cookie(m.pdiag_cookie);
	while (next_attr(&a)) {
		if (a.type == PACKET_DIAG_INFO && a.size >= sizeof(struct packet_diag_info))
			s->ifindex = u32_at(a.data + offsetof(struct packet_diag_info, pdi_index));
		else if (a.type == PACKET_DIAG_UID && a.size >= 4)
			set_uid(s, attr_u32(&a));
	}
	return 0;
}

static int read_vsock(const struct message *msg, struct sight *s)
{
	struct vsock_diag_msg m;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	s->type = m.vdiag_type;
	s->state = m.vdiag_state;
	s->inode = m.vdiag_ino;
	s->cookie = make_cookie(m.vdiag_cookie);
	s->wide = (struct track_wide){ .local = m.vdiag_src_cid, .peer = m.vdiag_dst_cid,
				       .local_port = m.vdiag_src_port, .peer_port = m.vdiag_dst_port };
	return 0;
}

static int read_xdp(const struct message *msg, struct sight *s)
{
	struct xdp_diag_msg m;
	struct attrs a;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	a = (struct attrs){ .at = msg->data + sizeof(m), .len = msg->len - sizeof(m) };
	s->type = m.xdiag_type;
	s->state = STATE_CLOSE;
	s->inode = m.xdiag_ino;
	s->cookie = make_cookie(m.xdiag_cookie);
	while (next_attr(&a)) {
		if (a.type == XDP_DIAG_INFO && a.size >= sizeof(struct xdp_diag_info)) {
			s->ifindex = u32_at(a.data + offsetof(struct xdp_diag_info, ifindex));
			s->wide.local_port = u32_at(a.data + offsetof(struct xdp_diag_info, queue_id));
		} else if (a.type == XDP_DIAG_UID && a.size >= 4) {
			set_uid(s, attr_u32(&a));
		}
	}
	return 0;
}

/* diag_family is AF_SMC for both kinds of address, and an IPv4 one fills the first word only. */
static int read_smc(const struct message *msg, struct sight *s)
{
	static const uint8_t zeros[12];
	struct smc_diag_msg m;
	bool is_ipv6;

	if (msg->len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, msg->data, sizeof(m));
	is_ipv6 = m.diag_family == AF_INET6 ||
		  (m.diag_family != AF_INET && (memcmp(&m.id.idiag_src[1], zeros, sizeof(zeros)) != 0 ||
						memcmp(&m.id.idiag_dst[1], zeros, sizeof(zeros)) != 0));
	s->type = SOCK_STREAM;
	s->state = foreign_state_of_smc(m.diag_state);
	s->inode = m.diag_inode;
	set_uid(s, m.diag_uid);
	set_endpoints(s, &m.id, is_ipv6);
	return 0;
}

static void read_tipc_peer(struct sight *s, const struct attrs *con)
{
	struct attrs a = { .at = con->data, .len = con->size };

	while (next_attr(&a)) {
		if (a.type == TIPC_NLA_CON_NODE)
			s->wide.peer = attr_u32(&a);
		else if (a.type == TIPC_NLA_CON_SOCK)
			s->wide.peer_port = attr_u32(&a);
	}
}

/* No header: all is nested in TIPC_NLA_SOCK. */
static int read_tipc(const struct message *msg, struct sight *s)
{
	struct attrs a = { .at = msg->data, .len = msg->len };
	uint32_t words[2];
	bool has_uid = false;
	uint32_t uid = 0;

	do {
		if (!next_attr(&a))
			return -EBADMSG;
	} while (a.type != TIPC_NLA_SOCK);
	a = (struct attrs){ .at = a.data, .len = a.size };
	while (next_attr(&a)) {
		switch (a.type) {
		case TIPC_NLA_SOCK_ADDR:
			s->wide.local = attr_u32(&a);
			break;
		case TIPC_NLA_SOCK_REF:
			s->wide.local_port = attr_u32(&a);
			break;
		case TIPC_NLA_SOCK_CON:
			read_tipc_peer(s, &a);
			break;
		case TIPC_NLA_SOCK_TYPE:
			s->type = (uint8_t)attr_u32(&a);
			break;
		case TIPC_NLA_SOCK_TIPC_STATE:
			s->state = (uint8_t)attr_u32(&a);
			break;
		case TIPC_NLA_SOCK_INO:
			s->inode = attr_u32(&a);
			break;
		case TIPC_NLA_SOCK_UID:
			has_uid = a.size >= 4;
			uid = attr_u32(&a);
			break;
		case TIPC_NLA_SOCK_COOKIE:
			if (a.size < sizeof(words))
				break;
			memcpy(words, a.data, sizeof(words));
			s->cookie = make_cookie(words);
			break;
		}
	}
	if (has_uid)
		set_uid(s, uid);
	return 0;
}

/* Where the kernel has no diag handler the decoder's parser is what there is: these are few and slow anyway. */
static int read_line(const struct message *msg, const struct source_def *def, struct sight *s)
{
	struct record r;
	int k = record_open(&r, msg, NULL);

	if (k < 0)
		return k;
	s->state = (uint8_t)r.proc.state;
	s->inode = (uint32_t)r.proc.inode;
	s->protocol = def->protocol == IPPROTO_RAW ? r.proc.local_port : def->protocol;
	s->type = def->protocol == IPPROTO_TCP ? SOCK_STREAM : def->protocol == IPPROTO_RAW ? SOCK_RAW : SOCK_DGRAM;
	s->local_port = r.proc.local_port;
	s->peer_port = r.proc.peer_port;
	set_uid(s, r.proc.uid);
	s->is_ipv6 = def->family == AF_INET6;
	if (s->is_ipv6) {
		memcpy(s->pair.local, r.proc.local, 16);
		memcpy(s->pair.peer, r.proc.peer, 16);
	} else {
		memcpy(&s->local4, r.proc.local, 4);
		memcpy(&s->peer4, r.proc.peer, 4);
	}
	s->is_brief = def->protocol == IPPROTO_TCP && s->inode == 0;
	return 0;
}

static int read_kind(const struct message *m, const struct source_def *def, struct sight *s)
{
	switch ((enum message_kind)def->kind) {
	case KIND_INET:
		return read_inet(m, def, s);
	case KIND_UNIX:
		return read_unix(m, s);
	case KIND_NETLINK:
		return read_netlink(m, s);
	case KIND_PACKET:
		return read_packet(m, s);
	case KIND_VSOCK:
		return read_vsock(m, s);
	case KIND_XDP:
		return read_xdp(m, s);
	case KIND_SMC:
		return read_smc(m, s);
	case KIND_TIPC:
		return read_tipc(m, s);
	case KIND_PROC_INET:
		return read_line(m, def, s);
	case KIND_MODULE:
	case KIND_COUNT:
		break;
	}
	return -EBADMSG;
}

int sight_read(const struct message *m, struct sight *ret)
{
	const struct source_def *def = source_def_get(m->source);
	struct sight s = { .source = m->source, .uid = UINT32_MAX };
	int r;

	if (!def)
		return -EBADMSG;
	r = read_kind(m, def, &s);
	if (r < 0)
		return r;
	if (s.cookie == 0 && s.inode == 0)
		return -ENODATA;
	*ret = s;
	return 0;
}
