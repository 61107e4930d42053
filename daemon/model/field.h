/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The field catalogue in C: what a field is, and finding one */

#ifndef SOCKETD_MODEL_FIELD_H
#define SOCKETD_MODEL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* F_sk_rcvbuf and so on; the number is the catalogue's id. */
enum field_id {
	F_none = 0,
#define FIELD(id, name, wire, group, access, source, unit, doc) F_##name = id,
#include "socketd/fields.def"
	FIELD_COUNT /* one more than the largest id: the last row has it */
};

enum field_wire {
	WIRE_bool,
	WIRE_u8,
	WIRE_u16,
	WIRE_u32,
	WIRE_u64,
	WIRE_s32,
	WIRE_s64,
	WIRE_str,
	WIRE_addr,
	WIRE_u32_list,
	WIRE_str_list,
	WIRE_addr_list,
};

/* What is asked of a source together. A request is a mask of these. */
enum field_group {
	GROUP_base,
	GROUP_owner,
	GROUP_skmem,
	GROUP_meminfo,
	GROUP_tos,
	GROUP_inet,
	GROUP_tcp_info,
	GROUP_cong,
	GROUP_ulp,
	GROUP_bpf,
	GROUP_mptcp_info,
	GROUP_sctp_info,
	GROUP_af_unix,
	GROUP_af_netlink,
	GROUP_af_packet,
	GROUP_af_vsock,
	GROUP_af_xdp,
	GROUP_af_smc,
	GROUP_af_tipc,
	GROUP_socket,
	GROUP_sock,
	GROUP_track,
	GROUP_flow,
	GROUP_unit,
	GROUP_peer,
	GROUP_COUNT
};

#define GROUP_BIT(g) (UINT32_C(1) << (g))
/* What only the kernel module tells. A listing asks for it by name; a socket shown whole has it. */
#define GROUPS_INTERNAL (GROUP_BIT(GROUP_socket) | GROUP_BIT(GROUP_sock) | GROUP_BIT(GROUP_flow))
/* Beside the groups in a mask: the text fields of GROUPS_INTERNAL, which cost the kernel as much as all the rest. */
#define GROUP_NAMES (UINT32_C(1) << 31)
/*
 * Everything but what must be asked for by name: it needs more rights, costs more (the other end of
 * each socket is looked for among all) or repeats another group.
 */
#define GROUPS_DETAIL \
	(((UINT32_C(1) << GROUP_COUNT) - 1) & ~GROUP_BIT(GROUP_bpf) & ~GROUP_BIT(GROUP_meminfo) & ~GROUPS_INTERNAL & \
	 ~GROUP_BIT(GROUP_peer))

enum field_access { ACCESS_public, ACCESS_owner, ACCESS_privileged };

struct words;

enum field_unit_kind { UNIT_NUMBER, UNIT_ENUM, UNIT_FLAGS };

/* A unit: how a number is read by people. */
struct field_unit {
	const char *name;   /* as in fields.def */
	const char *suffix; /* "µs", "B", "/s"; "" when there is none */
	enum field_unit_kind kind;
	const struct words *words; /* of UNIT_ENUM and UNIT_FLAGS */
	/* A number of it is held as so many parts of one: 1000 for thousandths, else 1. value_format() divides. */
	unsigned scale;
};

struct field {
	const char *name;
	const char *source;
	const char *doc;
	const struct field_unit *unit;
	uint16_t id;
	uint8_t wire;   /* enum field_wire */
	uint8_t group;  /* enum field_group */
	uint8_t access; /* enum field_access */
};

/* The row of an id, or NULL. */
const struct field *field_get(enum field_id id);

/* By name or by alias ("rtt" for tcpi_rtt), any case; NULL when there is none. name need not end at len. */
const struct field *field_find(const char *name, size_t len);

/* The catalogue's name that is most alike, for "did you mean"; NULL when none is. */
const char *field_suggest(const char *name, size_t len);

/* The alias that stands for a field, or NULL. For help texts. */
const char *field_alias(enum field_id id);

const char *field_group_name(enum field_group g);
const char *field_group_title(enum field_group g); /* heading of a detailed listing */
const char *field_wire_name(enum field_wire w);
const char *field_access_name(enum field_access a);

static inline bool field_is_list(const struct field *f)
{
	return f->wire >= WIRE_u32_list;
}

#endif
