/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module: struct socketd_message, of any family, and the packed groups of the catalogue */

#include <linux/can.h>
#include <linux/if_alg.h>
#include <linux/if_xdp.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "decode/slot.h"
#include "socketd/uapi.h"

/* Debian 12's libc knows all families but this one (include/linux/socket.h). */
#ifndef AF_SMC
#define AF_SMC 43
#endif

#define MSG(member) offsetof(struct socketd_message, member)
#define HEAD(op, member) SLOT(op, SLOT_HEADER, MSG(member))

#define UNIX_NAME offsetof(struct sockaddr_un, sun_path)

_Static_assert(SOCKETD_A_MAX < RECORD_ATTR_MAX, "all attributes of a message have a place in a record");

static unsigned family_of(const struct record *r)
{
	return r->module[MSG(family)];
}

static unsigned type_of(const struct record *r)
{
	return slot_u16(r->module + MSG(type));
}

static unsigned protocol_of(const struct record *r)
{
	return slot_u16(r->module + MSG(protocol));
}

/* include/uapi/linux/can.h and include/net/bluetooth/bluetooth.h: numbers that mean something in their family only. */
static const struct word can_rows[] = { { 1, "raw" }, { 2, "bcm" }, { 6, "isotp" }, { 7, "j1939" } };
static const struct words can_protocols = { "can", can_rows, ARRAY_SIZE(can_rows) };
static const struct word bluetooth_rows[] = { { 0, "l2cap" }, { 1, "hci" },  { 2, "sco" },  { 3, "rfcomm" },
					      { 4, "bnep" },  { 5, "cmtp" }, { 6, "hidp" }, { 7, "avdtp" },
					      { 8, "iso" } };
static const struct words bluetooth_protocols = { "bluetooth", bluetooth_rows, ARRAY_SIZE(bluetooth_rows) };
static const struct words no_protocols = { "", NULL, 0 };

static const struct words *protocol_words(unsigned family)
{
	switch (family) {
	case AF_INET:
	case AF_INET6:
	case AF_SMC:
		return &words_ipproto;
	case AF_NETLINK:
		return &words_netlink;
	case AF_PACKET:
		return &words_ethertype;
	case AF_CAN:
		return &can_protocols;
	case AF_BLUETOOTH:
		return &bluetooth_protocols;
	}
	return &no_protocols;
}

/* Of the others the number says nothing: 0, or that of the family itself. */
static int get_protocol(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct words *w = protocol_words(family_of(r));

	(void)id, (void)n;
	if (w == &no_protocols && (protocol_of(r) == 0 || family_of(r) == AF_UNIX))
		return -ENODATA;
	return slot_value_word(r, w, protocol_of(r), ret);
}

static const char *inet_netid(unsigned type, unsigned protocol)
{
	if (type == SOCK_RAW)
		return "raw";
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_DCCP:
		return "dccp";
	case IPPROTO_SCTP:
		return "sctp";
	case PROTOCOL_MPTCP:
		return "mptcp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	}
	return "inet";
}

static const char *by_type(unsigned type, const char *stream, const char *seqpacket, const char *dgram)
{
	return type == SOCK_STREAM ? stream : type == SOCK_SEQPACKET ? seqpacket : dgram;
}

/* As the sources of these families call them; the others have their family's word, or a shorter one. */
static const char *netid_of(unsigned family, unsigned type, unsigned protocol)
{
	switch (family) {
	case AF_INET:
	case AF_INET6:
		return inet_netid(type, protocol);
	case AF_UNIX:
		return by_type(type, "u_str", "u_seq", "u_dgr");
	case AF_VSOCK:
		return by_type(type, "v_str", "v_seq", "v_dgr");
	case AF_PACKET:
		return type == SOCK_RAW ? "p_raw" : "p_dgr";
	case AF_NETLINK:
		return "nl";
	case AF_BLUETOOTH:
		return "bt";
	case AF_IEEE802154:
		return "wpan";
	case AF_QIPCRTR:
		return "qrtr";
	}
	return words_find(&words_family, family);
}

static int get_netid(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const char *word = netid_of(family_of(r), type_of(r), protocol_of(r));

	(void)id, (void)n;
	if (word)
		value_set_str(ret, word, strlen(word));
	else
		value_set_str(ret, r->scratch, text_u64(r->scratch, family_of(r)));
	return 0;
}

const char *module_netid(unsigned family, unsigned i)
{
	static const struct {
		unsigned type, protocol;
	} kinds[] = {
		{ SOCK_STREAM, IPPROTO_TCP },  { SOCK_DGRAM, IPPROTO_UDP },	   { SOCK_DGRAM, IPPROTO_UDPLITE },
		{ SOCK_RAW, IPPROTO_RAW },     { SOCK_DCCP, IPPROTO_DCCP },	   { SOCK_SEQPACKET, IPPROTO_SCTP },
		{ SOCK_STREAM, PROTOCOL_MPTCP }, { SOCK_DGRAM, IPPROTO_ICMP },	   { SOCK_DGRAM, 115 },
	};

	/* Whatever the family: all types that make a difference are among these. */
	return i < ARRAY_SIZE(kinds) ? netid_of(family, kinds[i].type, kinds[i].protocol) : NULL;
}

/* enum bt_sock_state (include/net/bluetooth/bluetooth.h): other numbers than TCP's. */
static unsigned bluetooth_state(unsigned state)
{
	switch (state) {
	case 1: /* BT_CONNECTED */
		return STATE_ESTABLISHED;
	case 4: /* BT_LISTEN */
		return STATE_LISTEN;
	case 5: /* BT_CONNECT */
	case 6: /* BT_CONNECT2 */
	case 7: /* BT_CONFIG */
		return STATE_SYN_SENT;
	case 8: /* BT_DISCONN */
		return STATE_CLOSING;
	}
	return STATE_CLOSE;
}

/* As TCP would call it, and as the family's own source does. */
static int get_state(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned state = r->module[MSG(state)];

	(void)id, (void)n;
	switch (family_of(r)) {
	case AF_PACKET:
	case AF_XDP:
		state = STATE_CLOSE;
		break;
	case AF_NETLINK:
		state = state ? state : STATE_CLOSE;
		break;
	case AF_BLUETOOTH:
		state = bluetooth_state(state);
		break;
	case AF_SMC:
		state = smc_tcp_state(state);
		break;
	}
	if (!state)
		return -ENODATA;
	value_set_u64(ret, state);
	return 0;
}

/* The sockaddr of one end, when it is at least so long and of a family (0: any). */
static const uint8_t *sockaddr_of(const struct record *r, bool peer, unsigned family, size_t size, size_t *ret_len)
{
	const struct nlattr *a = r->module_attr[peer ? SOCKETD_A_PEER : SOCKETD_A_LOCAL];
	const uint8_t *p;
	size_t len;

	if (!a)
		return NULL;
	p = slot_payload(a, &len);
	if (len < size || len < sizeof(uint16_t) || (family && slot_u16(p) != family))
		return NULL;
	*ret_len = len;
	return p;
}

static int set_word(struct value *ret, const char *word, size_t len, uint32_t number)
{
	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_WORD;
	ret->addr.number = number;
	ret->addr.name = word;
	ret->addr.len = len;
	return 0;
}

/* A path comes with or without the NUL behind it; of an abstract name every byte counts. */
static int set_unix(struct value *ret, const uint8_t *p, size_t len)
{
	const char *name = (const char *)p + UNIX_NAME;

	len -= UNIX_NAME;
	if (len > 0 && name[0])
		len = strnlen(name, len);
	if (len == 0)
		return -ENODATA;
	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_UNIX;
	ret->addr.number = 0;
	ret->addr.name = name;
	ret->addr.len = len;
	return 0;
}

static int set_dev(struct record *r, uint32_t ifindex, struct value *ret)
{
	struct value name;

	if (!ifindex)
		return set_word(ret, "*", 1, 0);
	if (slot_value_dev(r, ifindex, &name) >= 0)
		return set_word(ret, name.str.data, name.str.len, ifindex);
	ret->kind = VALUE_ADDR;
	ret->addr.kind = ADDRESS_NUMBER;
	ret->addr.number = ifindex;
	return 0;
}

/* "skcipher:cbc(aes)": what bind() was given (struct sockaddr_alg). */
static int set_alg(struct record *r, const uint8_t *p, struct value *ret)
{
	const char *type = (const char *)p + offsetof(struct sockaddr_alg, salg_type);
	const char *name = (const char *)p + offsetof(struct sockaddr_alg, salg_name);
	int type_len = (int)strnlen(type, sizeof(((struct sockaddr_alg *)NULL)->salg_type));
	int name_len = (int)strnlen(name, sizeof(((struct sockaddr_alg *)NULL)->salg_name));
	int len = snprintf(r->scratch, sizeof(r->scratch), "%.*s:%.*s", type_len, type, name_len, name);

	return len > 1 ? set_word(ret, r->scratch, (size_t)len, 0) : -ENODATA;
}

/* Of these two the local address is the protocol, as their own sources show it. */
static int set_protocol_address(struct record *r, bool peer, struct value *ret)
{
	const uint8_t *p;
	size_t len;

	if (!peer)
		return slot_value_address_word(r, protocol_words(family_of(r)), protocol_of(r), ret);
	/* struct sockaddr_nl: family, padding, portid, groups. */
	p = sockaddr_of(r, true, AF_NETLINK, sizeof(struct sockaddr_nl), &len);
	if (!p || (slot_u32(p + 4) == 0 && slot_u32(p + 8) == 0))
		return -ENODATA;
	return set_word(ret, "*", 1, 0);
}

static int get_address(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	bool peer = id == F_peer;
	const uint8_t *p;
	size_t len;

	(void)n;
	if (family_of(r) == AF_NETLINK || family_of(r) == AF_PACKET)
		return set_protocol_address(r, peer, ret);
	p = sockaddr_of(r, peer, 0, 0, &len);
	if (!p)
		return -ENODATA;
	switch (slot_u16(p)) {
	case AF_INET:
	case AF_INET6:
		return slot_value_sockaddr(ret, p, len);
	case AF_UNIX:
		return len > UNIX_NAME ? set_unix(ret, p, len) : -ENODATA;
	case AF_VSOCK:
		if (len < sizeof(struct sockaddr_vm))
			return -ENODATA;
		vsock_value_cid(ret, slot_u32(p + offsetof(struct sockaddr_vm, svm_cid)));
		return 0;
	case AF_CAN:
		return len < offsetof(struct sockaddr_can, can_addr) ? -ENODATA :
			set_dev(r, slot_u32(p + offsetof(struct sockaddr_can, can_ifindex)), ret);
	case AF_XDP:
		return len < sizeof(struct sockaddr_xdp) ? -ENODATA :
			set_dev(r, slot_u32(p + offsetof(struct sockaddr_xdp, sxdp_ifindex)), ret);
	case AF_TIPC:
		if (len < sizeof(struct sockaddr_tipc))
			return -ENODATA;
		ret->kind = VALUE_ADDR;
		ret->addr.kind = ADDRESS_NUMBER;
		ret->addr.number = slot_u32(p + offsetof(struct sockaddr_tipc, addr.id.node));
		return 0;
	case AF_ALG:
		return len < sizeof(struct sockaddr_alg) ? -ENODATA : set_alg(r, p, ret);
	}
	return -ENODATA;
}

static int get_port(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	size_t len, offset, size = 4;
	uint32_t port;
	const uint8_t *p = sockaddr_of(r, id == F_peer_port, 0, 0, &len);

	(void)n;
	if (!p)
		return -ENODATA;
	switch (slot_u16(p)) {
	case AF_INET:
	case AF_INET6:
		offset = offsetof(struct sockaddr_in, sin_port);
		size = 2;
		break;
	case AF_NETLINK:
		offset = 4; /* nl_pid */
		break;
	case AF_VSOCK:
		offset = offsetof(struct sockaddr_vm, svm_port);
		break;
	case AF_XDP:
		offset = offsetof(struct sockaddr_xdp, sxdp_queue_id);
		break;
	case AF_TIPC:
		offset = offsetof(struct sockaddr_tipc, addr.id.ref);
		break;
	default:
		return -ENODATA;
	}
	if (len < offset + size)
		return -ENODATA;
	port = size == 2 ? (uint32_t)p[offset] << 8 | p[offset + 1] : slot_u32(p + offset);
	if (port == VMADDR_PORT_ANY && slot_u16(p) == AF_VSOCK)
		return -ENODATA;
	value_set_u64(ret, port);
	return 0;
}

static int get_uid(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	if (!(slot_u32(r->module + MSG(flags)) & SOCKETD_MSG_UID))
		return -ENODATA;
	value_set_u64(ret, slot_u32(r->module + MSG(uid)));
	return 0;
}

static int get_dev(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	return slot_value_dev(r, slot_u32(r->module + MSG(ifindex)), ret);
}

/* The group's name is asked of the context, as for rows of inet_diag. */
static int get_cgroup(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const char *path;
	struct value v;

	(void)n;
	if (record_get(r, F_sk_cgrp_data, 0, &v) < 0 || v.u == 0)
		return -ENODATA;
	if (id == F_cgroup_id) {
		*ret = v;
		return 0;
	}
	path = r->context ? context_cgroup_path(r->context, v.u) : NULL;
	if (!path)
		return -ENODATA;
	value_set_str(ret, path, strlen(path));
	return 0;
}

static const struct slot module_slots[] = {
	[F_netid] = SLOT_FN(get_netid),
	[F_family] = HEAD(U8, family),
	[F_type] = HEAD(U16, type),
	[F_protocol] = SLOT_FN(get_protocol),
	[F_state] = SLOT_FN(get_state),
	[F_local] = SLOT_FN(get_address),
	[F_local_port] = SLOT_FN(get_port),
	[F_peer] = SLOT_FN(get_address),
	[F_peer_port] = SLOT_FN(get_port),
	[F_inode] = HEAD(NZ64, inode),
	[F_cookie] = HEAD(NZ64, cookie),
	[F_uid] = SLOT_FN(get_uid),
	[F_recv_q] = HEAD(U32, recv_q),
	[F_send_q] = HEAD(U32, send_q),
	[F_dev] = SLOT_FN(get_dev),
	[F_cgroup_id] = SLOT_FN(get_cgroup),
	[F_cgroup] = SLOT_FN(get_cgroup),
};

static const struct slot_table module_table = SLOT_TABLE(module_slots);

/* It stands in the group as well, which need not be asked for. */
static int get_holding(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	if (r->module[MSG(holding)] == SOCKETD_HOLDING_UNKNOWN)
		return -ENODATA;
	value_set_u64(ret, r->module[MSG(holding)]);
	return 0;
}

/* Before the groups: what stands in the head too. */
static const struct slot head_slots[] = {
	[F_holding] = SLOT_FN(get_holding),
};

const struct slot_table module_head_table = SLOT_TABLE(head_slots);

static bool is_socket(const uint8_t *data, size_t len)
{
	return len >= sizeof(struct socketd_message) && data[MSG(kind)] == SOCKETD_KIND_SOCKET;
}

void module_join(struct record *r, const uint8_t *data, size_t len)
{
	r->module = NULL;
	if (!data || !is_socket(data, len))
		return;
	memset(r->module_attr, 0, sizeof(r->module_attr));
	/* What it adds is not worth the row: where it is damaged it adds nothing. */
	if (slot_parse(r->module_attr, data + sizeof(struct socketd_message), len - sizeof(struct socketd_message)) >= 0)
		r->module = data;
}

static int module_open(struct record *r)
{
	if (!is_socket(r->data, r->len))
		return -EBADMSG;
	module_join(r, r->data, r->len);
	if (!r->module)
		return -EBADMSG;
	memcpy(r->attr, r->module_attr, sizeof(r->attr));
	/* With all namespaces asked for, each message says its own. */
	if (slot_u32(r->module + MSG(netns)))
		r->netns = slot_u32(r->module + MSG(netns));
	return 0;
}

const struct decoder module_decoder = {
	.header = sizeof(struct socketd_message),
	.skmeminfo = SOCKETD_A_SKMEMINFO,
	.open = module_open,
	.tables = { &module_table, &module_head_table, &module_group_table, &skmeminfo_table, &owner_table },
};
