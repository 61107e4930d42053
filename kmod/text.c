// SPDX-License-Identifier: GPL-2.0-only
/* A socket as a line of text: name=value, the rows of the catalogue by their names */

#include <linux/can.h>
#include <linux/ctype.h>
#include <linux/in6.h>
#include <linux/netlink.h>
#include <linux/un.h>
#include <linux/vm_sockets.h>
#include <net/tcp_states.h>

#include "text.h"

/**
 * socketd_page_printf() - append to a page
 * @page: appended to; @page->full when there was no room
 * @format: as printf()'s
 */
void socketd_page_printf(struct socketd_page *page, const char *format, ...)
{
	size_t room = page->size - page->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(page->buf + page->len, room, format, args);
	va_end(args);
	if (n >= room) {
		page->full = true;
		return;
	}
	page->len += n;
}

/* A word, or in quotes; a byte that cannot be printed as \xNN. */
static void put_text(struct socketd_page *page, const char *text, size_t len, bool quoted)
{
	size_t i;

	if (!quoted) {
		socketd_page_printf(page, "%.*s", (int)len, text);
		return;
	}
	socketd_page_printf(page, "\"");
	for (i = 0; i < len; i++) {
		unsigned char c = text[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			socketd_page_printf(page, "\\x%02x", c);
		else
			socketd_page_printf(page, "%c", c);
	}
	socketd_page_printf(page, "\"");
}

static bool is_word(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isgraph(text[i]) || !isascii(text[i]) || text[i] == '"' || text[i] == '\\')
			return false;
	return len > 0;
}

#define WORD(value) [value] = #value

static const char *const families[] = {
	WORD(AF_UNIX), WORD(AF_INET), WORD(AF_AX25), WORD(AF_IPX), WORD(AF_APPLETALK), WORD(AF_NETROM),
	WORD(AF_X25), WORD(AF_INET6), WORD(AF_ROSE), WORD(AF_KEY), WORD(AF_NETLINK), WORD(AF_PACKET),
	WORD(AF_RDS), WORD(AF_PPPOX), WORD(AF_LLC), WORD(AF_IB), WORD(AF_MPLS), WORD(AF_CAN), WORD(AF_TIPC),
	WORD(AF_BLUETOOTH), WORD(AF_IUCV), WORD(AF_RXRPC), WORD(AF_ISDN), WORD(AF_PHONET),
	WORD(AF_IEEE802154), WORD(AF_CAIF), WORD(AF_ALG), WORD(AF_NFC), WORD(AF_VSOCK), WORD(AF_KCM),
	WORD(AF_QIPCRTR), WORD(AF_SMC), WORD(AF_XDP), WORD(AF_MCTP),
};

static const char *const types[] = {
	WORD(SOCK_STREAM), WORD(SOCK_DGRAM), WORD(SOCK_RAW), WORD(SOCK_RDM), WORD(SOCK_SEQPACKET),
	WORD(SOCK_DCCP), WORD(SOCK_PACKET),
};

static const char *const states[] = {
	WORD(TCP_ESTABLISHED), WORD(TCP_SYN_SENT), WORD(TCP_SYN_RECV), WORD(TCP_FIN_WAIT1),
	WORD(TCP_FIN_WAIT2), WORD(TCP_TIME_WAIT), WORD(TCP_CLOSE), WORD(TCP_CLOSE_WAIT), WORD(TCP_LAST_ACK),
	WORD(TCP_LISTEN), WORD(TCP_CLOSING), WORD(TCP_NEW_SYN_RECV),
};

static const char *const holdings[] = {
	[SOCKETD_HOLDING_FILE] = "file", [SOCKETD_HOLDING_KERNEL] = "kernel",
	[SOCKETD_HOLDING_UNACCEPTED] = "unaccepted", [SOCKETD_HOLDING_ORPHAN] = "orphan",
	[SOCKETD_HOLDING_IN_FLIGHT] = "in-flight", [SOCKETD_HOLDING_MINI] = "mini",
};

/* The kernel's name of a number, or the number. */
static void put_word(struct socketd_page *page, const char *name, const char *const *words, size_t n,
		     unsigned int value)
{
	if (value < n && words[value])
		socketd_page_printf(page, "%s=%s", name, words[value]);
	else
		socketd_page_printf(page, "%s=%u", name, value);
}

/* An abstract name begins with @; a path that does with \x40. */
static void put_unix(struct socketd_page *page, const char *path, size_t len)
{
	bool quoted;

	if (path[0]) {
		len = strnlen(path, len);
		quoted = !is_word(path, len);
		if (path[0] == '@' && !quoted) {
			socketd_page_printf(page, "\\x40");
			path++;
			len--;
		}
		put_text(page, path, len, quoted);
		return;
	}
	quoted = !is_word(path + 1, len - 1);
	socketd_page_printf(page, "@");
	put_text(page, path + 1, len - 1, quoted);
}

static void put_address(struct socketd_page *page, const char *name, const struct sockaddr_storage *address, int len)
{
	const struct sockaddr_nl *nl = (const struct sockaddr_nl *)address;
	const struct sockaddr_vm *vm = (const struct sockaddr_vm *)address;

	if (len <= (int)sizeof(sa_family_t))
		return;
	socketd_page_printf(page, " %s=", name);
	switch (address->ss_family) {
	case AF_INET:
	case AF_INET6:
		/* Bytes 24 to 27 of an IPv6 one are its scope; of IPv4 they are 0. */
		socketd_page_printf(page, ((const struct sockaddr_in6 *)address)->sin6_scope_id ? "%pISpsc" : "%pISpc",
				    address);
		break;
	case AF_UNIX:
		put_unix(page, ((const struct sockaddr_un *)address)->sun_path, len - sizeof(sa_family_t));
		break;
	case AF_NETLINK:
		socketd_page_printf(page, "%u/%#x", nl->nl_pid, nl->nl_groups);
		break;
	case AF_VSOCK:
		socketd_page_printf(page, "%u:%u", vm->svm_cid, vm->svm_port);
		break;
	case AF_CAN:
		socketd_page_printf(page, "%u", ((const struct sockaddr_can *)address)->can_ifindex);
		break;
	}
}

/* Families that count their states as TCP does. Others begin with TCP_CLOSE too, and go on by numbers of their own. */
static bool has_tcp_states(u8 family)
{
	switch (family) {
	case AF_INET:
	case AF_INET6:
	case AF_UNIX:
	case AF_NETLINK:
	case AF_PACKET:
	case AF_TIPC:
	case AF_VSOCK:
		return true;
	default:
		return false;
	}
}

static void put_head(struct socketd_page *page, const struct socketd_look *l)
{
	struct sockaddr_storage address;
	struct socketd_message m;
	int len;

	socketd_read_head(&m, l);
	put_word(page, "family", families, ARRAY_SIZE(families), m.family);
	put_word(page, " type", types, ARRAY_SIZE(types), m.type);
	socketd_page_printf(page, " protocol=%u", m.protocol);
	put_word(page, " state", states, has_tcp_states(m.family) ? ARRAY_SIZE(states) : 0, m.state);
	socketd_page_printf(page, " cookie=%#llx", m.cookie);
	if (m.inode)
		socketd_page_printf(page, " inode=%llu", m.inode);
	if (m.flags & SOCKETD_MSG_UID)
		socketd_page_printf(page, " uid=%u", m.uid);
	socketd_page_printf(page, " netns=%u", m.netns);
	if (m.ifindex)
		socketd_page_printf(page, " ifindex=%u", m.ifindex);
	len = socketd_read_local(l, &address);
	put_address(page, "local", &address, len);
	len = socketd_read_peer(l, &address);
	put_address(page, "peer", &address, len);
	if (!(m.flags & SOCKETD_MSG_MINI))
		socketd_page_printf(page, " recv_q=%u send_q=%u", m.recv_q, m.send_q);
	/* Of a full socket it is a row. */
	if (m.flags & SOCKETD_MSG_MINI)
		put_word(page, " holding", holdings, ARRAY_SIZE(holdings), m.holding);
	if (m.flags & SOCKETD_MSG_HELD)
		socketd_page_printf(page, " pid=%u fd=%u", m.pid, m.fd);
}

enum wire {
	WIRE_BOOL,
	WIRE_U8,
	WIRE_U16,
	WIRE_U32,
	WIRE_U64,
	WIRE_S32,
	WIRE_S64,
	WIRE_ADDR,
	WIRE_U32_LIST,
};

/* A row that is a number or an address. */
struct row {
	const char *name;
	const char *unit;
	u16 offset;
	u8 bit;
	u8 wire;
};

#define ROW_of(which, title, units, place, number) \
	{ .name = title, .unit = units, .offset = place, .bit = number, .wire = which },
#define ROW_bool(...) ROW_of(WIRE_BOOL, __VA_ARGS__)
#define ROW_u8(...) ROW_of(WIRE_U8, __VA_ARGS__)
#define ROW_u16(...) ROW_of(WIRE_U16, __VA_ARGS__)
#define ROW_u32(...) ROW_of(WIRE_U32, __VA_ARGS__)
#define ROW_u64(...) ROW_of(WIRE_U64, __VA_ARGS__)
#define ROW_s32(...) ROW_of(WIRE_S32, __VA_ARGS__)
#define ROW_s64(...) ROW_of(WIRE_S64, __VA_ARGS__)
#define ROW_addr(...) ROW_of(WIRE_ADDR, __VA_ARGS__)
#define ROW_u32_list(...) ROW_of(WIRE_U32_LIST, __VA_ARGS__)
#define ROW_str(...)

static const struct row socket_rows[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, \
		     ROW_##wire(#name, #unit, offsetof(struct socketd_socket_fields, x_##name), SOCKETD_BIT_##name))
#include "socketd/fields.def"
};

static const struct row sock_rows[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, sock, \
		     ROW_##wire(#name, #unit, offsetof(struct socketd_sock_fields, x_##name), SOCKETD_BIT_##name))
#include "socketd/fields.def"
};

static const struct row flow_rows[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, flow, \
		     ROW_##wire(#name, #unit, offsetof(struct socketd_flow_fields, x_##name), SOCKETD_BIT_##name))
#include "socketd/fields.def"
};

/* Names of the text rows, by id. */
#define TITLE_bool(...)
#define TITLE_u8(...)
#define TITLE_u16(...)
#define TITLE_u32(...)
#define TITLE_u64(...)
#define TITLE_s32(...)
#define TITLE_s64(...)
#define TITLE_addr(...)
#define TITLE_u32_list(...)
#define TITLE_str(id, title) [id] = title,

static const char *const titles[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, TITLE_##wire(id, #name)) \
	SOCKETD_ONLY(group, sock, TITLE_##wire(id, #name)) \
	SOCKETD_ONLY(group, flow, TITLE_##wire(id, #name))
#include "socketd/fields.def"
};

/* @value: in host order, in the width of the wire, anywhere in memory. */
static void put_value(struct socketd_page *page, const struct row *row, const u8 *value, u16 family)
{
	bool hex = !strcmp(row->unit, "hex") || !strncmp(row->unit, "flags_", 6);
	u32 list[2];
	u64 wide;
	u32 word;
	u16 half;

	switch ((enum wire)row->wire) {
	case WIRE_ADDR:
		socketd_page_printf(page, family == AF_INET ? "%pI4" : "%pI6c", value);
		return;
	case WIRE_U32_LIST:
		memcpy(list, value, sizeof(list));
		socketd_page_printf(page, "%u,%u", list[0], list[1]);
		return;
	case WIRE_S32:
		memcpy(&word, value, sizeof(word));
		socketd_page_printf(page, "%d", (s32)word);
		return;
	case WIRE_S64:
		memcpy(&wide, value, sizeof(wide));
		socketd_page_printf(page, "%lld", (s64)wide);
		return;
	case WIRE_BOOL:
	case WIRE_U8:
		wide = *value;
		break;
	case WIRE_U16:
		memcpy(&half, value, sizeof(half));
		wide = half;
		break;
	case WIRE_U32:
		memcpy(&word, value, sizeof(word));
		wide = word;
		break;
	case WIRE_U64:
		memcpy(&wide, value, sizeof(wide));
		break;
	}
	socketd_page_printf(page, hex ? "%#llx" : "%llu", wide);
}

static void put_rows(struct socketd_page *page, const struct row *rows, size_t n, const void *fields, u16 family)
{
	/* Each group begins with these words. */
	const __u64 *present = fields;
	const u8 *value;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!(present[rows[i].bit / 64] >> rows[i].bit % 64 & 1))
			continue;
		value = (const u8 *)fields + rows[i].offset;
		if (!strcmp(rows[i].unit, "enum_holding")) {
			put_word(page, " holding", holdings, ARRAY_SIZE(holdings), *value);
			continue;
		}
		socketd_page_printf(page, " %s=", rows[i].name);
		put_value(page, &rows[i], value, family);
	}
}

static int put_name(void *ctx, u16 id, const char *text)
{
	size_t len = strlen(text);

	socketd_page_printf(ctx, " %s=", titles[id]);
	put_text(ctx, text, len, !is_word(text, len));
	return 0;
}

/**
 * socketd_text_line() - tell a socket
 * @page: appended to; the line is worthless when it is full then
 * @l: the socket
 * @room: of the caller
 */
void socketd_text_line(struct socketd_page *page, const struct socketd_look *l, struct socketd_text_room *room)
{
	u16 family = READ_ONCE(l->sk->sk_family);

	put_head(page, l);
	if (!l->f->mini) {
		memset(room, 0, sizeof(*room));
		socketd_read_socket(&room->socket, l);
		put_rows(page, socket_rows, ARRAY_SIZE(socket_rows), &room->socket, family);
		memset(room, 0, sizeof(*room));
		socketd_read_sock(&room->sock, l);
		put_rows(page, sock_rows, ARRAY_SIZE(sock_rows), &room->sock, family);
		memset(room, 0, sizeof(*room));
		socketd_read_flow(&room->flow, l);
		put_rows(page, flow_rows, ARRAY_SIZE(flow_rows), &room->flow, family);
		socketd_read_names(l, put_name, page);
	}
	socketd_page_printf(page, "\n");
}
