/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module's packed groups: a presence bit and a place for each row of the catalogue */

#include <sys/socket.h>

#include "decode/slot.h"
#include "socketd/uapi.h"

/* Where a row of a group is; text stands elsewhere. */
#define AT_bool(group, name) offsetof(struct socketd_##group##_fields, x_##name)
#define AT_u8 AT_bool
#define AT_u16 AT_bool
#define AT_u32 AT_bool
#define AT_u64 AT_bool
#define AT_s32 AT_bool
#define AT_s64 AT_bool
#define AT_addr AT_bool
#define AT_u32_list AT_bool
#define AT_str(group, name) 0

#define PACKED(attribute, at, wire, bit) \
	{ .op = SLOT_PACKED, .attr = (attribute), .nest = { (wire), SLOT_FLAT }, .offset = (at), .mul = (bit) }

static const struct slot group_slots[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, [F_##name] = PACKED(SOCKETD_A_SOCKET, AT_##wire(socket, name), WIRE_##wire, SOCKETD_BIT_##name),)
#include "socketd/fields.def"
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, sock, [F_##name] = PACKED(SOCKETD_A_SOCK, AT_##wire(sock, name), WIRE_##wire, SOCKETD_BIT_##name),)
#include "socketd/fields.def"
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, flow, [F_##name] = PACKED(SOCKETD_A_FLOW, AT_##wire(flow, name), WIRE_##wire, SOCKETD_BIT_##name),)
#include "socketd/fields.def"
};

const struct slot_table module_group_table = SLOT_TABLE(group_slots);

static int set_text(const struct record *r, enum field_id id, struct value *ret)
{
	const struct nlattr *a = r->module_attr[SOCKETD_A_NAMES];
	const uint8_t *p;
	size_t len;

	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	a = slot_find(p, len, id);
	if (!a)
		return -ENODATA;
	p = slot_payload(a, &len);
	len = strnlen((const char *)p, len);
	if (len == 0)
		return -ENODATA;
	value_set_str(ret, (const char *)p, len);
	return 0;
}

/* An IPv4 address is the first four bytes. Only of a gateway the field does not say which it is. */
static int set_address(struct value *ret, enum field_id id, const uint8_t *p)
{
	static const uint8_t zeros[12];
	bool is_ipv6 = id == F_sk_v6_daddr || id == F_sk_v6_rcv_saddr ||
		       (id == F_dst_gateway && memcmp(p + 4, zeros, sizeof(zeros)) != 0);

	return slot_value_ip(ret, is_ipv6 ? AF_INET6 : AF_INET, p);
}

static const uint8_t wire_size[] = {
	[WIRE_bool] = 1, [WIRE_u8] = 1,	 [WIRE_u16] = 2, [WIRE_u32] = 4,   [WIRE_u64] = 8,
	[WIRE_s32] = 4,	 [WIRE_s64] = 8, [WIRE_str] = 0, [WIRE_addr] = 16, [WIRE_u32_list] = 8,
};

/* The row's place, when its bit is set and the group, which an older module makes shorter, reaches so far. */
static const uint8_t *packed_bytes(const struct record *r, const struct slot *s, size_t size)
{
	const struct nlattr *a = r->module_attr[s->attr];
	size_t len, word = s->mul / 64u * 8u;
	const uint8_t *p;

	if (!a)
		return NULL;
	p = slot_payload(a, &len);
	if (len < word + 8 || len < s->offset + size || !(slot_u64(p + word) & UINT64_C(1) << s->mul % 64u))
		return NULL;
	return p + s->offset;
}

int module_get_packed(struct record *r, const struct slot *s, enum field_id id, unsigned n, struct value *ret)
{
	enum field_wire wire = s->nest[0];
	const uint8_t *p;

	if (!r->module || n >= (wire == WIRE_u32_list ? 2u : 1u))
		return -ENODATA;
	if (wire == WIRE_str)
		return set_text(r, id, ret);
	p = packed_bytes(r, s, wire_size[wire]);
	if (!p)
		return -ENODATA;
	switch (wire) {
	case WIRE_bool:
		value_set_bool(ret, *p);
		return 0;
	case WIRE_u8:
		value_set_u64(ret, *p);
		return 0;
	case WIRE_u16:
		value_set_u64(ret, slot_u16(p));
		return 0;
	case WIRE_u32:
		value_set_u64(ret, slot_u32(p));
		return 0;
	case WIRE_u64:
		value_set_u64(ret, slot_u64(p));
		return 0;
	case WIRE_s32:
		value_set_s64(ret, (int32_t)slot_u32(p));
		return 0;
	case WIRE_s64:
		value_set_s64(ret, (int64_t)slot_u64(p));
		return 0;
	case WIRE_addr:
		return set_address(ret, id, p);
	case WIRE_u32_list:
		value_set_u64(ret, slot_u32(p + (size_t)n * 4));
		return 0;
	case WIRE_str:
	case WIRE_str_list:
	case WIRE_addr_list:
		break;
	}
	return -ENODATA;
}
