/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a column of a socket's row says */

#include <errno.h>
#include <sys/socket.h>

#include "cli/cell.h"
#include "query/json.h"
#include "socketd/uapi.h"

/* Values of a list that are shown; a hostile recording has more, and how many is said. */
#define LIST_SHOWN_MAX 4096

void cell_value(struct buffer *b, const struct field *f, const struct value *v, enum value_style style)
{
	size_t size = VALUE_TEXT_MAX;

	if (v->kind == VALUE_U64 && style == VALUE_PLAIN && f->unit->kind == UNIT_NUMBER && f->unit->name[0] != 'h' &&
	    f->unit->scale == 1) {
		buffer_number(b, v->u);
		return;
	}
	if (v->kind == VALUE_STR)
		size = v->str.len * 4 + 1; /* each byte as \xHH */
	b->len += value_format(f, v, style, buffer_room(b, size), size);
}

void cell_rest(struct buffer *b, struct record *r, enum field_id id, unsigned n)
{
	unsigned rest = record_list_rest(r, id, n);

	if (rest)
		buffer_printf(b, ",…+%u more", rest);
}

int cell_field(struct buffer *b, const struct field *f, struct record *r)
{
	struct value v;

	if (record_get(r, f->id, 0, &v) < 0)
		return -ENODATA;
	cell_value(b, f, &v, VALUE_PLAIN);
	if (!field_is_list(f))
		return 0;
	for (unsigned n = 1; n < LIST_SHOWN_MAX && record_get(r, f->id, n, &v) >= 0; n++) {
		buffer_char(b, ',');
		cell_value(b, f, &v, VALUE_PLAIN);
	}
	cell_rest(b, r, f->id, LIST_SHOWN_MAX);
	return 0;
}

static bool is_yes(struct record *r, enum field_id id)
{
	struct value v;

	return record_get(r, id, 0, &v) >= 0 && v.u;
}

int cell_short(struct buffer *b, const struct field *f, struct record *r)
{
	struct value v;

	if (record_get(r, f->id, 0, &v) < 0)
		return -ENODATA;
	if ((f->id == F_age && is_yes(r, F_age_at_least)) || (f->id == F_state_age && is_yes(r, F_state_age_at_least)))
		buffer_char(b, '>');
	cell_value(b, f, &v, VALUE_SHORT);
	return 0;
}

static void put_address(struct buffer *b, const struct address *a)
{
	b->len += address_format(a, buffer_room(b, ADDRESS_TEXT_MAX), ADDRESS_TEXT_MAX);
}

/* 0 is any port. */
static void put_port(struct buffer *b, const struct record *r, uint64_t port, struct names *names)
{
	const char *name = NULL;

	if (port == 0) {
		buffer_char(b, '*');
		return;
	}
	if (names && port <= UINT16_MAX)
		name = names_service(names, (uint16_t)port, r->def->netid);
	if (name)
		buffer_string(b, name);
	else
		buffer_number(b, port);
}

static void put_ip(struct buffer *b, struct record *r, const struct address *a, struct names *names)
{
	struct value only;
	const char *name;

	/* Both IPv6 and IPv4 are meant, unless IPV6_V6ONLY says otherwise. */
	if (a->kind == ADDRESS_INET6 && address_is_any(a) && (record_get(r, F_ipv6only, 0, &only) < 0 || !only.u)) {
		buffer_char(b, '*');
		return;
	}
	name = names && !address_is_any(a) ? names_host(names, a) : NULL;
	if (name) {
		buffer_string(b, name);
	} else if (a->kind == ADDRESS_INET6) {
		buffer_char(b, '[');
		put_address(b, a);
		buffer_char(b, ']');
	} else {
		put_address(b, a);
	}
}

static void put_dev(struct buffer *b, struct record *r, char before)
{
	struct value dev;

	if (record_get(r, F_dev, 0, &dev) < 0)
		return;
	buffer_char(b, before);
	cell_value(b, field_get(F_dev), &dev, VALUE_PLAIN);
}

/* An IP socket: 127.0.0.1%lo:53, [::1]:22, *:80. */
static size_t put_inet(struct buffer *b, struct record *r, bool peer, struct names *names)
{
	size_t start = b->len, split;
	struct value v;

	if (record_get(r, peer ? F_peer : F_local, 0, &v) < 0)
		buffer_char(b, '*');
	else
		put_ip(b, r, &v.addr, names);
	if (!peer)
		put_dev(b, r, '%');
	split = b->len - start;
	buffer_char(b, ':');
	put_port(b, r, record_get(r, peer ? F_peer_port : F_local_port, 0, &v) < 0 ? 0 : v.u, names);
	return split;
}

/* "/run/x.sock 1234": the name, and the inode, or the peer's. Its name is known where its row is. */
static size_t put_unix(struct buffer *b, struct record *r, bool peer)
{
	size_t start = b->len, split;
	struct value v;

	if (record_get(peer && r->peer ? r->peer->end : r, peer && !r->peer ? F_peer : F_local, 0, &v) < 0)
		buffer_char(b, '*');
	else
		put_address(b, &v.addr);
	split = b->len - start;
	buffer_char(b, ' ');
	buffer_number(b, record_get(r, peer ? F_udiag_peer : F_inode, 0, &v) < 0 ? 0 : v.u);
	return split;
}

/* All other families: a word or number for the address, and what takes the place of a port. */
static size_t put_other(struct buffer *b, struct record *r, bool peer, enum message_kind shape)
{
	size_t start = b->len, split;
	bool known;
	struct value v;

	known = record_get(r, peer ? F_peer : F_local, 0, &v) >= 0;
	if (known)
		put_address(b, &v.addr);
	else
		buffer_char(b, '*');
	split = b->len - start;
	if (record_get(r, peer ? F_peer_port : F_local_port, 0, &v) >= 0) {
		buffer_char(b, ':');
		if (v.u == 0 && shape == KIND_NETLINK)
			buffer_put(b, "kernel", 6);
		else
			buffer_number(b, v.u);
	} else if (!peer && shape == KIND_PACKET) {
		size_t before = b->len;

		put_dev(b, r, ':');
		if (b->len == before)
			buffer_put(b, ":*", 2);
	}
	return split;
}

/* The shape of a row: that of its messages, or, of the kernel module's, that which its family's messages have. */
static enum message_kind shape_of(struct record *r)
{
	struct value v;

	if (r->def->kind != KIND_MODULE || record_get(r, F_family, 0, &v) < 0)
		return r->def->kind;
	switch (v.u) {
	case AF_INET:
	case AF_INET6:
		return KIND_INET;
	case AF_UNIX:
		return KIND_UNIX;
	case AF_NETLINK:
		return KIND_NETLINK;
	case AF_PACKET:
		return KIND_PACKET;
	}
	return KIND_MODULE;
}

size_t cell_endpoint(struct buffer *b, struct record *r, bool peer, struct names *names)
{
	enum message_kind shape = shape_of(r);

	switch (shape) {
	case KIND_INET:
	case KIND_PROC_INET:
	case KIND_SMC:
		return put_inet(b, r, peer, names);
	case KIND_UNIX:
		return put_unix(b, r, peer);
	case KIND_NETLINK:
	case KIND_PACKET:
	case KIND_VSOCK:
	case KIND_XDP:
	case KIND_TIPC:
	case KIND_MODULE:
	case KIND_COUNT:
		break;
	}
	return put_other(b, r, peer, shape);
}

/* A command's name between quotes: a quote in it must not end it. */
static void put_comm(struct buffer *b, const struct value *v)
{
	char name[256];
	size_t len = text_escape(name, sizeof(name), v->str.data, v->str.len);

	for (size_t i = 0; i < len; i++) {
		if (name[i] == '"')
			buffer_put(b, "\\x22", 4);
		else
			buffer_char(b, name[i]);
	}
}

/* Why no process holds it, in a word, where the row happens to have it. */
static bool put_holding(struct buffer *b, struct record *r)
{
	static const char *const words[] = {
		[SOCKETD_HOLDING_KERNEL] = "(kernel)",
		[SOCKETD_HOLDING_UNACCEPTED] = "(unaccepted)",
		[SOCKETD_HOLDING_ORPHAN] = "(orphan)",
		[SOCKETD_HOLDING_IN_FLIGHT] = "(in flight)",
	};
	struct value v;

	if (record_get(r, F_holding, 0, &v) < 0 || v.u >= ARRAY_SIZE(words) || !words[v.u])
		return false;
	buffer_string(b, words[v.u]);
	return true;
}

bool cell_users(struct buffer *b, struct record *r)
{
	struct value v;
	unsigned n;

	for (n = 0; n < LIST_SHOWN_MAX && record_get(r, F_comm, n, &v) >= 0; n++) {
		buffer_string(b, n ? ",(\"" : "users:((\"");
		put_comm(b, &v);
		buffer_put(b, "\",pid=", 6);
		if (record_get(r, F_pid, n, &v) >= 0)
			buffer_number(b, v.u);
		if (record_get(r, F_fd, n, &v) >= 0) {
			buffer_put(b, ",fd=", 4);
			buffer_number(b, v.u);
		}
		buffer_char(b, ')');
	}
	if (n == 0)
		return put_holding(b, r);
	cell_rest(b, r, F_comm, LIST_SHOWN_MAX);
	buffer_char(b, ')');
	return true;
}

/* Of a container its own name: the unit around it is made of a long number. A user's manager is told by what it runs. */
static int cell_whose(struct buffer *b, struct record *r)
{
	struct value v;

	if (cell_field(b, field_get(F_container), r) >= 0)
		return 0;
	if (cell_field(b, field_get(F_user_unit), r) < 0 && cell_field(b, field_get(F_unit), r) < 0)
		return -ENODATA;
	if (record_get(r, F_activates, 0, &v) >= 0) {
		buffer_string(b, "→");
		cell_value(b, field_get(F_activates), &v, VALUE_PLAIN);
	}
	return 0;
}

int cell_write(struct buffer *b, const struct column *c, struct record *r, struct names *names, size_t *ret_split)
{
	*ret_split = 0;
	switch (c->kind) {
	case COLUMN_FIELD:
		return cell_field(b, c->field, r);
	case COLUMN_LOCAL:
		*ret_split = cell_endpoint(b, r, false, names);
		return 0;
	case COLUMN_PEER:
		*ret_split = cell_endpoint(b, r, true, names);
		return 0;
	case COLUMN_USERS:
		cell_users(b, r);
		return 0;
	case COLUMN_WHOSE:
		return cell_whose(b, r);
	case COLUMN_NETNS:
		return cell_field(b, field_get(F_netns_name), r) < 0 ? cell_field(b, field_get(F_netns), r) : 0;
	}
	return -ENODATA;
}
