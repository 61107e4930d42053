/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is at the other end: fields of another row, which who joins ends has found (record.peer) */

#include "decode/slot.h"

/* What is asked of the other end's row. */
static enum field_id field_of_end(enum field_id id)
{
	switch (id) {
	case F_peer_inode:
		return F_inode;
	case F_peer_cookie:
		return F_cookie;
	case F_peer_netns:
		return F_netns;
	case F_peer_pid:
		return F_pid;
	case F_peer_comm:
		return F_comm;
	case F_peer_unit:
		return F_unit;
	default:
		return F_none;
	}
}

/* Text that the other record made goes into ours, and is as valid as any. */
static void own_text(struct record *r, struct value *v)
{
	const char *end = (const char *)r->peer->end;

	if (v->kind != VALUE_STR || v->str.data < end || v->str.data >= end + sizeof(*r->peer->end))
		return;
	if (v->str.len > sizeof(r->scratch))
		v->str.len = sizeof(r->scratch);
	memcpy(r->scratch, v->str.data, v->str.len);
	v->str.data = r->scratch;
}

static int get_of_end(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	int k = r->peer ? record_get(r->peer->end, field_of_end(id), n, ret) : -ENODATA;

	if (k >= 0)
		own_text(r, ret);
	return k;
}

static size_t put_unix_name(char *buf, size_t size, const struct address *a)
{
	size_t len = a->len < size ? a->len : size;

	memcpy(buf, a->name, len);
	if (len && !buf[0])
		buf[0] = '@';
	return len;
}

/* "127.0.0.1:80", "[::1]:22" */
static size_t put_ip_name(char *buf, size_t size, const struct address *a, uint64_t port)
{
	bool brackets = a->kind == ADDRESS_INET6;
	size_t len = 0;

	if (brackets)
		buf[len++] = '[';
	len += address_format(a, buf + len, size - len);
	if (brackets)
		buf[len++] = ']';
	buf[len++] = ':';
	return len + text_u64(buf + len, port);
}

/* The bytes of a UNIX name as they are, of an abstract one behind "@". An accepted socket has its listener's. */
static int get_name(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	struct value v, port;
	size_t len;

	(void)id, (void)n;
	if (!r->peer || record_get(r->peer->end, F_local, 0, &v) < 0 || v.kind != VALUE_ADDR)
		return -ENODATA;
	_Static_assert(RECORD_SCRATCH >= ADDRESS_TEXT_MAX + 24, "an address, brackets, and a port");
	if (v.addr.kind == ADDRESS_UNIX) {
		len = put_unix_name(r->scratch, sizeof(r->scratch), &v.addr);
	} else if (v.addr.kind == ADDRESS_INET || v.addr.kind == ADDRESS_INET6) {
		if (record_get(r->peer->end, F_local_port, 0, &port) < 0)
			return -ENODATA;
		len = put_ip_name(r->scratch, ADDRESS_TEXT_MAX, &v.addr, port.u);
	} else {
		return -ENODATA;
	}
	if (!len)
		return -ENODATA;
	value_set_str(ret, r->scratch, len);
	return 0;
}

static int get_pending(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	if (!r->peer || r->def->kind != KIND_UNIX)
		return -ENODATA;
	value_set_bool(ret, r->peer->pending);
	return 0;
}

bool peer_is_possible(enum source_id source, enum field_id id)
{
	const struct source_def *def = source_def_get(source);

	if (!def)
		return false;
	if (def->kind == KIND_UNIX)
		return true;
	return id != F_peer_pending && source_has_tuple(def);
}

uint32_t peer_groups(enum field_id id)
{
	enum field_id other = field_of_end(id);
	uint32_t groups = GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_af_unix) | GROUP_BIT(GROUP_peer);

	return other ? groups | decode_groups(other) : groups;
}

static const struct slot peer_slots[] = {
	[F_peer_inode] = SLOT_FN(get_of_end),
	[F_peer_cookie] = SLOT_FN(get_of_end),
	[F_peer_netns] = SLOT_FN(get_of_end),
	[F_peer_name] = SLOT_FN(get_name),
	[F_peer_pid] = SLOT_LIST_FN(get_of_end),
	[F_peer_comm] = SLOT_LIST_FN(get_of_end),
	[F_peer_unit] = SLOT_FN(get_of_end),
	[F_peer_pending] = SLOT_FN(get_pending),
};

const struct slot_table peer_table = SLOT_TABLE(peer_slots);
