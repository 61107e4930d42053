/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages made by hand: one of each source with all that it can have */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/smc_diag.h>
#include <linux/tipc_netlink.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>

#include "socketd/uapi.h"
#include "unit/build_message.h"

void built_begin(struct built *b, enum source_id source, const void *header, size_t len)
{
	memset(b, 0, sizeof(*b));
	b->source = source;
	if (len)
		memcpy(b->data, header, len);
	b->len = len;
}

size_t built_nest(struct built *b, unsigned type)
{
	struct nlattr a = { NLA_HDRLEN, (uint16_t)type };
	size_t at = b->len;

	if (at + NLA_HDRLEN > sizeof(b->data))
		abort();
	memcpy(b->data + at, &a, sizeof(a));
	b->len += NLA_HDRLEN;
	return at;
}

void built_nest_end(struct built *b, size_t nest)
{
	uint16_t len = (uint16_t)(b->len - nest);

	memcpy(b->data + nest, &len, sizeof(len));
}

void built_attr(struct built *b, unsigned type, const void *data, size_t len)
{
	size_t at = built_nest(b, type);

	if (b->len + NLA_ALIGN(len) > sizeof(b->data))
		abort();
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	built_nest_end(b, at);
	b->len = NLA_ALIGN(b->len);
}

void built_u8(struct built *b, unsigned type, uint8_t v)
{
	built_attr(b, type, &v, sizeof(v));
}

void built_u16(struct built *b, unsigned type, uint16_t v)
{
	built_attr(b, type, &v, sizeof(v));
}

void built_u32(struct built *b, unsigned type, uint32_t v)
{
	built_attr(b, type, &v, sizeof(v));
}

void built_u64(struct built *b, unsigned type, uint64_t v)
{
	built_attr(b, type, &v, sizeof(v));
}

void built_str(struct built *b, unsigned type, const char *s)
{
	built_attr(b, type, s, strlen(s) + 1);
}

void built_line(struct built *b, enum source_id source, const char *line)
{
	built_begin(b, source, line, strlen(line));
}

static void sockid(struct inet_diag_sockid *id, bool v6)
{
	id->idiag_sport = htons(443);
	id->idiag_dport = htons(5000);
	inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? "2001:db8::1" : "192.0.2.1", id->idiag_src);
	inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? "2001:db8::2" : "198.51.100.2", id->idiag_dst);
	id->idiag_if = 3;
	id->idiag_cookie[0] = 1;
	id->idiag_cookie[1] = 2;
}

void built_inet(struct built *b, enum source_id source, unsigned state)
{
	const struct source_def *def = source_def_get(source);
	struct inet_diag_msg m = {
		.idiag_family = (uint8_t)def->family,
		.idiag_state = (uint8_t)state,
		.idiag_timer = 1,
		.idiag_retrans = 2,
		.idiag_expires = 1500,
		.idiag_rqueue = 11,
		.idiag_wqueue = 22,
		.idiag_uid = 1000,
		.idiag_inode = 77,
	};

	sockid(&m.id, def->family == AF_INET6);
	if (def->protocol == IPPROTO_RAW) /* whose port is the protocol */
		m.id.idiag_sport = htons(58);
	built_begin(b, source, &m, sizeof(m));
}

static void add_skmeminfo(struct built *b, unsigned type)
{
	uint32_t mem[9] = { 101, 102, 103, 104, (uint32_t)-5, 106, 107, 108, 109 };

	built_attr(b, type, mem, sizeof(mem));
}

static void add_bytes(struct built *b, unsigned type, size_t len)
{
	uint8_t bytes[512];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i + 1);
	built_attr(b, type, bytes, len);
}

static void add_sockaddrs(struct built *b, unsigned type)
{
	uint8_t all[2 * 128] = { 0 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(7) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(7) };

	inet_pton(AF_INET, "203.0.113.9", &in.sin_addr);
	inet_pton(AF_INET6, "fe80::9", &in6.sin6_addr);
	memcpy(all, &in, sizeof(in));
	memcpy(all + 128, &in6, sizeof(in6));
	built_attr(b, type, all, sizeof(all));
}

static void add_ulp(struct built *b)
{
	size_t ulp = built_nest(b, INET_DIAG_ULP_INFO | NLA_F_NESTED), nest;

	built_str(b, INET_ULP_INFO_NAME, "tls");
	nest = built_nest(b, INET_ULP_INFO_TLS | NLA_F_NESTED);
	built_u16(b, 1, 0x0304); /* version */
	built_u16(b, 2, 51);	 /* cipher */
	built_u16(b, 3, 1);	 /* txconf */
	built_u16(b, 4, 2);	 /* rxconf */
	built_attr(b, 5, NULL, 0); /* zc_ro_tx */
	built_u16(b, 7, 16384);	 /* tx_max_payload_len */
	built_nest_end(b, nest);
	nest = built_nest(b, INET_ULP_INFO_MPTCP | NLA_F_NESTED);
	built_u32(b, 1, 0xaaaa0001);
	built_u32(b, 2, 0xbbbb0002);
	built_u32(b, 3, 3);
	built_u64(b, 4, 0x400000004ull);
	built_u32(b, 5, 5);
	built_u32(b, 6, 6);
	built_u16(b, 7, 7);
	built_u32(b, 8, 0x81);
	built_u8(b, 9, 9);
	built_u8(b, 10, 10);
	built_nest_end(b, nest);
	built_nest_end(b, ulp);
}

static void add_md5sig(struct built *b)
{
	uint8_t peers[200] = { 0 };

	peers[0] = AF_INET;
	peers[1] = 32;
	peers[2] = 6;
	inet_pton(AF_INET, "192.0.2.77", peers + 4);
	memcpy(peers + 20, "secret", 6);
	peers[100] = AF_INET6;
	peers[101] = 128;
	inet_pton(AF_INET6, "2001:db8::77", peers + 104);
	built_attr(b, INET_DIAG_MD5SIG, peers, sizeof(peers));
}

static void add_bpf(struct built *b)
{
	size_t all = built_nest(b, INET_DIAG_SK_BPF_STORAGES | NLA_F_NESTED);

	for (uint32_t i = 0; i < 2; i++) {
		size_t one = built_nest(b, 1 | NLA_F_NESTED);

		built_u32(b, 2, 500 + i); /* MAP_ID */
		built_u64(b, 3, 0);	  /* MAP_VALUE */
		built_nest_end(b, one);
	}
	built_nest_end(b, all);
}

static void full_inet(struct built *b, enum source_id source)
{
	uint32_t mem[4] = { 31, 32, 33, 34 };
	uint8_t options[2] = { 0x52, 0x05 };

	built_inet(b, source, 1);
	built_attr(b, INET_DIAG_MEMINFO, mem, sizeof(mem));
	/* tcp_info of 6.18 is 280 bytes, mptcp_info 96, sctp_info 368. */
	if (source == SOURCE_sctp4 || source == SOURCE_sctp6) {
		add_bytes(b, INET_DIAG_INFO, 368);
		add_sockaddrs(b, INET_DIAG_LOCALS);
		add_sockaddrs(b, INET_DIAG_PEERS);
	} else if (source == SOURCE_mptcp4 || source == SOURCE_mptcp6) {
		add_bytes(b, INET_DIAG_INFO, 96);
	} else {
		add_bytes(b, INET_DIAG_INFO, 280);
	}
	add_bytes(b, INET_DIAG_VEGASINFO, 16);
	add_bytes(b, INET_DIAG_DCTCPINFO, 16);
	add_bytes(b, INET_DIAG_BBRINFO, 20);
	built_str(b, INET_DIAG_CONG, "cubic");
	built_u8(b, INET_DIAG_TOS, 0x10);
	built_u32(b, INET_DIAG_CLASS_ID, 0x10001);
	add_skmeminfo(b, INET_DIAG_SKMEMINFO);
	built_u8(b, INET_DIAG_SHUTDOWN, 2);
	built_u8(b, INET_DIAG_PROTOCOL, 58);
	if (source_def_get(source)->family == AF_INET6) {
		built_u8(b, INET_DIAG_TCLASS, 0x20);
		built_u8(b, INET_DIAG_SKV6ONLY, 1);
	}
	built_u32(b, INET_DIAG_MARK, 0xfeed);
	add_md5sig(b);
	add_ulp(b);
	add_bpf(b);
	built_u64(b, INET_DIAG_CGROUP_ID, 4242);
	built_attr(b, INET_DIAG_SOCKOPT, options, sizeof(options));
}

static void full_unix(struct built *b)
{
	struct unix_diag_msg m = { AF_UNIX, SOCK_STREAM, 10, 0, 88, { 5, 0 } };
	uint32_t vfs[2] = { 1234, 0x801 }, icons[3] = { 901, 0, 903 }, rqlen[2] = { 1, 128 };

	built_begin(b, SOURCE_unix, &m, sizeof(m));
	built_attr(b, UNIX_DIAG_NAME, "/run/x.sock", 12);
	built_attr(b, UNIX_DIAG_VFS, vfs, sizeof(vfs));
	built_u32(b, UNIX_DIAG_PEER, 99);
	built_attr(b, UNIX_DIAG_ICONS, icons, sizeof(icons));
	built_attr(b, UNIX_DIAG_RQLEN, rqlen, sizeof(rqlen));
	add_skmeminfo(b, UNIX_DIAG_MEMINFO);
	built_u8(b, UNIX_DIAG_SHUTDOWN, 3);
	built_u32(b, UNIX_DIAG_UID, 33);
}

static void full_netlink(struct built *b)
{
	struct netlink_diag_msg m = { AF_NETLINK, SOCK_RAW, 0, 7, 4321, 0, 0, 66, { 6, 0 } };
	uint64_t groups[2] = { 1ull << 0 | 1ull << 4 | 1ull << 63, 1ull << 1 };

	built_begin(b, SOURCE_netlink, &m, sizeof(m));
	add_skmeminfo(b, NETLINK_DIAG_MEMINFO);
	built_attr(b, NETLINK_DIAG_GROUPS, groups, sizeof(groups));
	built_u32(b, NETLINK_DIAG_FLAGS, 0x21);
}

static void full_packet(struct built *b)
{
	struct packet_diag_msg m = { AF_PACKET, SOCK_RAW, 0x0806, 55, { 7, 0 } };
	struct packet_diag_info info = { 1, 2, 16, 256, 1, 0x0b };
	struct packet_diag_mclist list[2] = { { 1, 2, 0, 6, { 0x33, 0x33, 0, 0, 0, 1 } }, { 4, 1, 1, 0, { 0 } } };
	struct packet_diag_ring rx = { 4096, 4, 2048, 8, 60, 0, 0 }, tx = { 8192, 1, 1024, 8, 0, 32, 5 };
	uint64_t filter[3] = { 1, 2, 3 };

	built_begin(b, SOURCE_packet, &m, sizeof(m));
	built_attr(b, PACKET_DIAG_INFO, &info, sizeof(info));
	built_attr(b, PACKET_DIAG_MCLIST, list, sizeof(list));
	built_attr(b, PACKET_DIAG_RX_RING, &rx, sizeof(rx));
	built_attr(b, PACKET_DIAG_TX_RING, &tx, sizeof(tx));
	built_u32(b, PACKET_DIAG_FANOUT, 0x20007);
	built_u32(b, PACKET_DIAG_UID, 0);
	add_skmeminfo(b, PACKET_DIAG_MEMINFO);
	built_attr(b, PACKET_DIAG_FILTER, filter, sizeof(filter));
}

static void full_vsock(struct built *b)
{
	struct vsock_diag_msg m = { AF_VSOCK, SOCK_STREAM, 1, 1, 42, 1024, 2, 9999, 44, { 8, 0 } };

	built_begin(b, SOURCE_vsock, &m, sizeof(m));
}

static void full_xdp(struct built *b)
{
	struct xdp_diag_msg m = { AF_XDP, SOCK_RAW, 0, 33, { 9, 0 } };
	uint32_t info[2] = { 2, 5 };
	struct xdp_diag_umem umem = { 0x100000000ull, 1, 2, 4096, 256, 2, 5, 1, 3 };
	uint64_t stats[6] = { 21, 22, 23, 24, 25, 26 };

	built_begin(b, SOURCE_xdp, &m, sizeof(m));
	built_attr(b, XDP_DIAG_INFO, info, sizeof(info));
	built_u32(b, XDP_DIAG_UID, 7);
	built_u32(b, XDP_DIAG_RX_RING, 2048);
	built_u32(b, XDP_DIAG_TX_RING, 1024);
	built_attr(b, XDP_DIAG_UMEM, &umem, sizeof(umem));
	built_u32(b, XDP_DIAG_UMEM_FILL_RING, 512);
	built_u32(b, XDP_DIAG_UMEM_COMPLETION_RING, 256);
	add_skmeminfo(b, XDP_DIAG_MEMINFO);
	built_attr(b, XDP_DIAG_STATS, stats, sizeof(stats));
}

static void full_smc(struct built *b)
{
	struct smc_diag_msg m = { .diag_family = AF_SMC, .diag_state = 1, .diag_uid = 12, .diag_inode = 0x100000022ull };
	struct smc_diag_conninfo conn = { .token = 1, .sndbuf_size = 2, .rmbe_size = 3, .peer_rmbe_size = 4 };
	struct smc_diag_lgrinfo lgr = { .lnk = { { 1, "mlx5_0", 2, "fe80::1", "fe80::2" } }, .role = 1 };
	struct smcd_diag_dmbinfo dmb = { 1, 2, 3, 4, 5 };
	uint32_t fallback[2] = { 0x03010000, 0x05000000 };

	sockid(&m.id, false);
	built_begin(b, SOURCE_smc, &m, sizeof(m));
	built_u8(b, SMC_DIAG_SHUTDOWN, 1);
	built_attr(b, SMC_DIAG_FALLBACK, fallback, sizeof(fallback));
	built_attr(b, SMC_DIAG_CONNINFO, &conn, sizeof(conn));
	built_attr(b, SMC_DIAG_LGRINFO, &lgr, sizeof(lgr));
	built_attr(b, SMC_DIAG_DMBINFO, &dmb, sizeof(dmb));
}

static void full_tipc(struct built *b)
{
	size_t sock, nest;

	built_begin(b, SOURCE_tipc, NULL, 0);
	sock = built_nest(b, TIPC_NLA_SOCK);
	built_u32(b, TIPC_NLA_SOCK_REF, 3000000001u);
	built_u32(b, TIPC_NLA_SOCK_ADDR, 0x01001001);
	nest = built_nest(b, TIPC_NLA_SOCK_CON);
	built_u32(b, TIPC_NLA_CON_NODE, 0x01001002);
	built_u32(b, TIPC_NLA_CON_SOCK, 3000000002u);
	built_attr(b, TIPC_NLA_CON_FLAG, NULL, 0);
	built_u32(b, TIPC_NLA_CON_TYPE, 18888);
	built_u32(b, TIPC_NLA_CON_INST, 17);
	built_nest_end(b, nest);
	built_u32(b, TIPC_NLA_SOCK_TYPE, SOCK_SEQPACKET);
	built_u32(b, TIPC_NLA_SOCK_TIPC_STATE, 1);
	built_u32(b, TIPC_NLA_SOCK_INO, 777);
	built_u32(b, TIPC_NLA_SOCK_UID, 8);
	built_u64(b, TIPC_NLA_SOCK_COOKIE, 0x300000001ull);
	nest = built_nest(b, TIPC_NLA_SOCK_STAT);
	built_u32(b, TIPC_NLA_SOCK_STAT_RCVQ, 4);
	built_u32(b, TIPC_NLA_SOCK_STAT_SENDQ, 5);
	built_u32(b, TIPC_NLA_SOCK_STAT_DROP, 6);
	built_attr(b, TIPC_NLA_SOCK_STAT_LINK_CONG, NULL, 0);
	built_nest_end(b, nest);
	nest = built_nest(b, TIPC_NLA_SOCK_GROUP);
	built_u32(b, TIPC_NLA_SOCK_GROUP_ID, 4711);
	built_u32(b, TIPC_NLA_SOCK_GROUP_INSTANCE, 9);
	built_u32(b, TIPC_NLA_SOCK_GROUP_BC_SEND_NEXT, 10);
	built_attr(b, TIPC_NLA_SOCK_GROUP_CLUSTER_SCOPE, NULL, 0);
	built_nest_end(b, nest);
	built_nest_end(b, sock);
}

static void full_proc(struct built *b, enum source_id source)
{
	if (source_def_get(source)->family == AF_INET6)
		built_line(b, source,
			   "  12: B80D0120000000000000000001000000:01BB B80D0120000000000000000002000000:1388 01"
			   " 00000016:0000000B 01:00000096 00000002  1000        0 77 2 0000000000000000 9");
	else
		built_line(b, source,
			   "  12: 010200C0:01BB 026433C6:1388 01 00000016:0000000B 01:00000096 00000002"
			   "  1000        0 77 2 0000000000000000 9");
}

/* Bytes that make every number another one, and no bit of presence is missing. */
static void fill_group(void *group, size_t size, size_t present)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)group)[i] = i < present ? 0xff : (uint8_t)(1 + i % 100);
}

static void full_module(struct built *b)
{
	const struct socketd_message head = {
		.family = AF_INET, .kind = SOCKETD_KIND_SOCKET, .state = 1, .holding = SOCKETD_HOLDING_FILE, .type = SOCK_STREAM,
		.protocol = IPPROTO_TCP, .flags = SOCKETD_MSG_UID | SOCKETD_MSG_HELD, .ifindex = 2, .uid = 1000, .netns = 4026531840,
		.recv_q = 11, .send_q = 22, .pid = 42, .fd = 7, .cookie = 0x200000001, .inode = 77,
	};
	const struct sockaddr_in local = { AF_INET, htons(443), { htonl(0xc0000201) }, { 0 } };
	const struct sockaddr_in peer = { AF_INET, htons(5000), { htonl(0xc6336402) }, { 0 } };
	const uint32_t skmem[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct socketd_socket_fields socket_fields;
	struct socketd_sock_fields sock_fields;
	struct socketd_flow_fields flow_fields;
	size_t names;

	built_begin(b, SOURCE_module, &head, sizeof(head));
	built_attr(b, SOCKETD_A_LOCAL, &local, sizeof(local));
	built_attr(b, SOCKETD_A_PEER, &peer, sizeof(peer));
	built_attr(b, SOCKETD_A_SKMEMINFO, skmem, sizeof(skmem));
	fill_group(&socket_fields, sizeof(socket_fields), sizeof(socket_fields.present));
	built_attr(b, SOCKETD_A_SOCKET, &socket_fields, sizeof(socket_fields));
	fill_group(&sock_fields, sizeof(sock_fields), sizeof(sock_fields.present));
	built_attr(b, SOCKETD_A_SOCK, &sock_fields, sizeof(sock_fields));
	fill_group(&flow_fields, sizeof(flow_fields), sizeof(flow_fields.present));
	built_attr(b, SOCKETD_A_FLOW, &flow_fields, sizeof(flow_fields));
	names = built_nest(b, SOCKETD_A_NAMES);
	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		if (f && f->wire == WIRE_str && GROUP_BIT(f->group) & GROUPS_INTERNAL)
			built_attr(b, id, f->name, strlen(f->name));
	}
	built_nest_end(b, names);
}

void built_full(struct built *b, enum source_id source)
{
	switch ((enum message_kind)source_def_get(source)->kind) {
	case KIND_INET:
		full_inet(b, source);
		break;
	case KIND_UNIX:
		full_unix(b);
		break;
	case KIND_NETLINK:
		full_netlink(b);
		break;
	case KIND_PACKET:
		full_packet(b);
		break;
	case KIND_VSOCK:
		full_vsock(b);
		break;
	case KIND_XDP:
		full_xdp(b);
		break;
	case KIND_SMC:
		full_smc(b);
		break;
	case KIND_TIPC:
		full_tipc(b);
		break;
	case KIND_PROC_INET:
		full_proc(b, source);
		break;
	case KIND_MODULE:
		full_module(b);
		break;
	case KIND_COUNT:
		abort();
	}
}

void opened_init(struct opened *o, const struct built *b, const struct context *c)
{
	struct message m = { .len = (uint32_t)b->len, .source = (uint8_t)b->source };

	o->copy = malloc(b->len ? b->len : 1);
	if (!o->copy)
		abort();
	memcpy(o->copy, b->data, b->len);
	m.data = o->copy;
	/* What a decoder forgets to set must not look like zero. */
	memset(&o->r, 0xa5, sizeof(o->r));
	o->error = record_open(&o->r, &m, c);
}

void opened_deinit(struct opened *o)
{
	free(o->copy);
	o->copy = NULL;
}

struct value built_get(struct record *r, enum field_id id, unsigned n)
{
	struct value v = { .kind = VALUE_NONE };

	if (record_get(r, id, n, &v) < 0)
		v.kind = VALUE_NONE;
	return v;
}

const char *built_text(struct record *r, enum field_id id, unsigned n)
{
	static char text[1024];
	struct value v = built_get(r, id, n);

	text[0] = '\0';
	if (v.kind == VALUE_STR && v.str.len < sizeof(text)) {
		memcpy(text, v.str.data, v.str.len);
		text[v.str.len] = '\0';
	} else if (v.kind == VALUE_ADDR) {
		address_format(&v.addr, text, sizeof(text));
	}
	return text;
}
