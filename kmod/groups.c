// SPDX-License-Identifier: GPL-2.0-only
/* The packed groups of a socket, and the rows that this kernel has, expanded from the catalogue */

#include "access.h"
#include "flow.h"

/*
 * READ_WIRE(place, access, bit, may): a row of that wire. Rows that are text have
 * no place in the struct and go into SOCKETD_A_NAMES; their bit stays 0.
 */
#define READ_scalar(type, place, access, bit, may) \
	if (may) { \
		type value; \
		if (access(l, &value)) { \
			place = value; \
			ret->present[(bit) / 64] |= 1ull << (bit) % 64; \
		} \
	}
#define READ_array(type, place, access, bit, may) \
	if (may) { \
		type value[sizeof(place) / sizeof(type)]; \
		if (access(l, value)) { \
			memcpy(place, value, sizeof(place)); \
			ret->present[(bit) / 64] |= 1ull << (bit) % 64; \
		} \
	}
#define READ_bool(...) READ_scalar(bool, __VA_ARGS__)
#define READ_u8(...) READ_scalar(u8, __VA_ARGS__)
#define READ_u16(...) READ_scalar(u16, __VA_ARGS__)
#define READ_u32(...) READ_scalar(u32, __VA_ARGS__)
#define READ_u64(...) READ_scalar(u64, __VA_ARGS__)
#define READ_s32(...) READ_scalar(s32, __VA_ARGS__)
#define READ_s64(...) READ_scalar(s64, __VA_ARGS__)
#define READ_addr(...) READ_array(u8, __VA_ARGS__)
#define READ_u32_list(...) READ_array(u32, __VA_ARGS__)
#define READ_str(...)

#define MAY_public true
#define MAY_privileged admin

/**
 * socketd_read_socket() - fields of struct socket
 * @ret: zeroed memory
 * @l: a full socket
 */
void socketd_read_socket(struct socketd_socket_fields *ret, const struct socketd_look *l)
{
	bool admin = l->q->admin;

	rcu_read_lock();
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, READ_##wire(ret->x_##name, access_##name, SOCKETD_BIT_##name, MAY_##access))
#include "socketd/fields.def"
	rcu_read_unlock();
}

/**
 * socketd_read_sock() - fields of struct sock
 * @ret: zeroed memory
 * @l: a full socket
 */
void socketd_read_sock(struct socketd_sock_fields *ret, const struct socketd_look *l)
{
	bool admin = l->q->admin;

	rcu_read_lock();
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, sock, READ_##wire(ret->x_##name, access_##name, SOCKETD_BIT_##name, MAY_##access))
#include "socketd/fields.def"
	rcu_read_unlock();
}

/**
 * socketd_read_flow() - the way of data, as far as it is numbers
 * @ret: zeroed memory
 * @l: a full socket
 */
void socketd_read_flow(struct socketd_flow_fields *ret, const struct socketd_look *l)
{
	bool admin = l->q->admin;

	rcu_read_lock();
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, flow, READ_##wire(ret->x_##name, access_##name, SOCKETD_BIT_##name, MAY_##access))
#include "socketd/fields.def"
	rcu_read_unlock();
}

#define TELL(id, has) \
	ret[(id) / 64] |= (u64)(has) << (id) % 64;

/**
 * socketd_kernel_fields() - rows of the catalogue that this kernel has
 * @ret: a bit for each id
 *
 * Only of the module's groups: the others are the kernel's own to tell.
 */
void socketd_kernel_fields(u64 ret[16])
{
	memset(ret, 0, 16 * sizeof(*ret));
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, TELL(id, HAS_##name)) \
	SOCKETD_ONLY(group, sock, TELL(id, HAS_##name)) \
	SOCKETD_ONLY(group, flow, TELL(id, HAS_##name))
#include "socketd/fields.def"
}
