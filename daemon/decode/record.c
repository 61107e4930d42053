/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening a message and getting its fields: the slot of a field says where its bytes are */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "decode/slot.h"

static int get_netns(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	uint64_t netns = record_netns(r);

	(void)id, (void)n;
	if (!netns)
		return -ENODATA;
	value_set_u64(ret, netns);
	return 0;
}

static int get_netns_name(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct netns_info *ns = r->context ? context_netns(r->context, record_netns(r)) : NULL;

	(void)id, (void)n;
	if (!ns || !ns->name)
		return -ENODATA;
	value_set_str(ret, ns->name, strlen(ns->name));
	return 0;
}

static int get_source(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	const char *name = r->def->name;

	/* The joined reading is a way to ask, not another table: its rows are those of the two. */
	if (r->source == SOURCE_tcp)
		name = source_def_get(r->data[0] == AF_INET6 ? SOURCE_tcp6 : SOURCE_tcp4)->name;
	value_set_str(ret, name, strlen(name));
	return 0;
}

static int get_netid(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	value_set_str(ret, r->def->netid, strlen(r->def->netid));
	return 0;
}

static const struct slot common_slots[] = {
	[F_netid] = SLOT_FN(get_netid), /* where it is the same for all rows of a source */
	[F_netns] = SLOT_FN(get_netns),
	[F_netns_name] = SLOT_FN(get_netns_name),
	[F_source] = SLOT_FN(get_source),
};

/* What every source has, asked last. */
static const struct slot_table common_table = SLOT_TABLE(common_slots);

static const struct decoder *decoder_of(const struct source_def *def)
{
	switch ((enum message_kind)def->kind) {
	case KIND_INET:
		switch (def->protocol) {
		case IPPROTO_TCP:
		case IPPROTO_DCCP: /* dccp_get_info fills a struct tcp_info */
			return &inet_tcp_decoder;
		case IPPROTO_SCTP:
			return &sctp_decoder;
		case PROTOCOL_MPTCP:
			return &mptcp_decoder;
		}
		return &inet_dgram_decoder;
	case KIND_UNIX:
		return &unix_decoder;
	case KIND_NETLINK:
		return &netlink_decoder;
	case KIND_PACKET:
		return &packet_decoder;
	case KIND_VSOCK:
		return &vsock_decoder;
	case KIND_XDP:
		return &xdp_decoder;
	case KIND_SMC:
		return &smc_decoder;
	case KIND_TIPC:
		return &tipc_decoder;
	case KIND_PROC_INET:
		return &proc_inet_decoder;
	case KIND_MODULE:
		return &module_decoder;
	case KIND_COUNT:
		break;
	}
	return NULL;
}

int record_open(struct record *ret, const struct message *m, const struct context *c)
{
	const struct source_def *def = source_def_get(m->source);
	const struct decoder *d = def ? decoder_of(def) : NULL;

	if (!d || m->len < d->header)
		return -EBADMSG;

	ret->data = m->data;
	ret->len = m->len;
	ret->source = m->source;
	ret->netns = m->netns;
	ret->def = def;
	ret->decoder = d;
	ret->context = c;
	ret->track = m->track && m->track->flags & SOCKETD_TRACK_KNOWN ? m->track : NULL;
	ret->peer = NULL;
	memset(ret->attr, 0, sizeof(ret->attr));
	module_join(ret, m->module, m->module_len);

	if (d->open)
		return d->open(ret);
	return slot_parse(ret->attr, m->data + d->header, m->len - d->header);
}

static const struct slot *table_slot(const struct slot_table *t, enum field_id id)
{
	return (size_t)id < t->n && t->slots[id].op ? &t->slots[id] : NULL;
}

static const struct slot *decoder_slot(const struct decoder *d, enum field_id id)
{
	const struct slot_table *const *t;
	const struct slot *s;

	for (t = d->tables; *t; t++) {
		s = table_slot(*t, id);
		if (s)
			return s;
	}
	s = table_slot(&common_table, id);
	if (!s)
		s = table_slot(&track_table, id);
	if (!s)
		s = table_slot(&unit_table, id);
	return s ? s : table_slot(&peer_table, id);
}

/* The bytes that a slot's offset counts in; NULL when the attribute is not there. */
static const uint8_t *slot_bytes(const struct record *r, const struct slot *s, size_t *ret_len)
{
	unsigned attr = s->attr;
	const uint8_t *p;

	switch (attr) {
	case SLOT_HEADER:
		*ret_len = r->decoder->header;
		return r->data;
	case SLOT_PROC:
		*ret_len = sizeof(r->proc);
		return (const uint8_t *)&r->proc;
	case SLOT_SKMEM:
		attr = r->decoder->skmeminfo;
		break;
	}

	if (!r->attr[attr])
		return NULL;
	p = slot_payload(r->attr[attr], ret_len);
	for (unsigned i = 0; i < ARRAY_SIZE(s->nest) && s->nest[i] != SLOT_FLAT; i++) {
		const struct nlattr *a = slot_find(p, *ret_len, s->nest[i]);

		if (!a)
			return NULL;
		p = slot_payload(a, ret_len);
	}
	return p;
}

/* Whether the attribute that a flag is nested in is there: only then does the flag's absence say "no". */
static int get_flag(const struct record *r, const struct slot *s, struct value *ret)
{
	struct slot outer = *s;
	size_t len;

	outer.nest[s->nest[1] != SLOT_FLAT] = SLOT_FLAT;
	if (!slot_bytes(r, &outer, &len))
		return -ENODATA;
	value_set_bool(ret, slot_bytes(r, s, &len));
	return 0;
}

static int set_nonzero(struct value *ret, uint64_t v)
{
	if (!v)
		return -ENODATA;
	value_set_u64(ret, v);
	return 0;
}

static int set_uid(struct record *r, uint32_t uid, struct value *ret)
{
	uint64_t inode;

	if (!uid && record_inode(r, &inode) < 0)
		return -ENODATA;
	value_set_u64(ret, uid);
	return 0;
}

static int set_cookie(struct value *ret, const uint8_t *p)
{
	uint64_t cookie = slot_u32(p) | (uint64_t)slot_u32(p + 4) << 32;

	if (cookie == UINT64_MAX)
		return -ENODATA;
	return set_nonzero(ret, cookie);
}

static int set_text(struct value *ret, const uint8_t *p, size_t len)
{
	len = strnlen((const char *)p, len);
	if (!len)
		return -ENODATA;
	value_set_str(ret, (const char *)p, len);
	return 0;
}

/* Bytes a slot of fixed width needs. */
static const uint8_t slot_width[] = {
	[SLOT_BOOL] = 1, [SLOT_U8] = 1,	  [SLOT_U16] = 2,  [SLOT_U32] = 4,  [SLOT_U64] = 8,
	[SLOT_S32] = 4,	 [SLOT_PORT] = 2, [SLOT_NZ8] = 1,  [SLOT_NZ32] = 4, [SLOT_NZ64] = 8,
	[SLOT_BIT] = 1,	 [SLOT_BITS] = 1, [SLOT_COOKIE] = 8, [SLOT_UID] = 4, [SLOT_GET_LIST] = 0,
};

/* A value of a slot that is a place in the bytes. */
static int get_bytes(struct record *r, const struct slot *s, unsigned n, struct value *ret)
{
	size_t len;
	const uint8_t *p = slot_bytes(r, s, &len);

	if (!p || (size_t)s->offset + slot_width[s->op] > len)
		return -ENODATA;
	p += s->offset;
	len -= s->offset;

	switch ((enum slot_op)s->op) {
	case SLOT_BOOL:
		value_set_bool(ret, *p);
		return 0;
	case SLOT_U8:
		value_set_u64(ret, *p);
		return 0;
	case SLOT_U16:
		value_set_u64(ret, slot_u16(p));
		return 0;
	case SLOT_U32:
		value_set_u64(ret, (uint64_t)slot_u32(p) * s->mul);
		return 0;
	case SLOT_U64:
		value_set_u64(ret, slot_u64(p));
		return 0;
	case SLOT_S32:
		value_set_s64(ret, (int32_t)slot_u32(p));
		return 0;
	case SLOT_PORT:
		value_set_u64(ret, ntohs(slot_u16(p)));
		return 0;
	case SLOT_NZ8:
		return set_nonzero(ret, *p);
	case SLOT_NZ32:
		return set_nonzero(ret, slot_u32(p));
	case SLOT_NZ64:
		return set_nonzero(ret, slot_u64(p));
	case SLOT_BIT:
		value_set_bool(ret, *p & s->mask);
		return 0;
	case SLOT_BITS:
		value_set_u64(ret, (*p & s->mask) >> __builtin_ctzll(s->mask));
		return 0;
	case SLOT_COOKIE:
		return set_cookie(ret, p);
	case SLOT_UID:
		return set_uid(r, slot_u32(p), ret);
	case SLOT_STR:
		return set_text(ret, p, len);
	case SLOT_CHARS:
		return len < s->mul ? -ENODATA : set_text(ret, p, s->mul);
	case SLOT_U32_LIST:
		if (n >= len / 4)
			return -ENODATA;
		value_set_u64(ret, slot_u32(p + (size_t)n * 4));
		return 0;
	case SLOT_UNKNOWN:
	case SLOT_HIDDEN:
	case SLOT_FLAG:
	case SLOT_CONST:
	case SLOT_GET:
	case SLOT_GET_LIST:
	case SLOT_PACKED:
		break;
	}
	return -ENODATA;
}

static int get_slot(struct record *r, const struct slot *s, enum field_id id, unsigned n, struct value *ret)
{
	if (!s)
		return -ENODATA;
	if (n > 0 && s->op != SLOT_GET_LIST && s->op != SLOT_U32_LIST && s->op != SLOT_PACKED)
		return -ENODATA;

	switch (s->op) {
	case SLOT_GET:
	case SLOT_GET_LIST:
		return s->get(r, id, n, ret);
	case SLOT_FLAG:
		return get_flag(r, s, ret);
	case SLOT_CONST:
		value_set_u64(ret, s->mul);
		return 0;
	case SLOT_HIDDEN:
		return -ENODATA;
	case SLOT_PACKED:
		return module_get_packed(r, s, id, n, ret);
	}
	return get_bytes(r, s, n, ret);
}

/* What the module adds to rows of other sources. */
static const struct slot *module_slot(enum field_id id)
{
	const struct slot *s = table_slot(&module_head_table, id);

	return s ? s : table_slot(&module_group_table, id);
}

int record_get(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	int k = get_slot(r, decoder_slot(r->decoder, id), id, n, ret);

	if (k != -ENODATA || !r->module || r->decoder == &module_decoder)
		return k;
	/* A list is of one origin: its end is no reason to go on with the other's. */
	if (n > 0 && get_slot(r, decoder_slot(r->decoder, id), id, 0, &(struct value){}) >= 0)
		return -ENODATA;
	return get_slot(r, module_slot(id), id, n, ret);
}

static int get_u64(struct record *r, enum field_id id, uint64_t *ret)
{
	struct value v;
	int k = record_get(r, id, 0, &v);

	if (k < 0)
		return k;
	*ret = v.u;
	return 0;
}

uint64_t record_netns(const struct record *r)
{
	return r->netns || !r->context ? r->netns : context_source(r->context, r->source)->netns;
}

uint32_t record_state(struct record *r)
{
	uint64_t state;

	if (get_u64(r, F_state, &state) < 0 || state > STATE_BOUND_INACTIVE)
		return 0;
	return (uint32_t)state;
}

int record_cookie(struct record *r, uint64_t *ret)
{
	return get_u64(r, F_cookie, ret);
}

int record_inode(struct record *r, uint64_t *ret)
{
	return get_u64(r, F_inode, ret);
}

static bool decoder_has(const struct decoder *d, enum field_id id)
{
	const struct slot *s = decoder_slot(d, id);

	return s && s->op != SLOT_HIDDEN;
}

bool decode_module_adds(enum field_id id)
{
	return module_slot(id);
}

bool decode_module_only(enum field_id id)
{
	if (!decode_module_adds(id))
		return false;
	for (unsigned source = 1; source < SOURCE_COUNT; source++)
		if (source != SOURCE_module && decode_source_has(source, id))
			return false;
	return true;
}

/* Lines of /proc are read where a dump cannot be made, with a few exceptions: they do not count. */
static bool is_in_dumps(enum field_id id)
{
	for (unsigned source = 1; source < SOURCE_COUNT; source++)
		if (source != SOURCE_module && source_def_get(source)->kind != KIND_PROC_INET && decode_source_has(source, id))
			return true;
	return false;
}

uint32_t decode_groups(enum field_id id)
{
	const struct field *f = field_get(id);
	uint32_t group = f ? GROUP_BIT(f->group) : 0;

	if (group & GROUP_BIT(GROUP_peer))
		return peer_groups(id);
	/* What the kernel tells of no socket's group is its owner's. */
	if (group & GROUP_BIT(GROUP_unit))
		return group | GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_owner);
	if (!(group & GROUPS_INTERNAL))
		return group;
	if (is_in_dumps(id))
		return GROUP_BIT(GROUP_base);
	return f->wire == WIRE_str ? group | GROUP_NAMES : group;
}

bool decode_source_has(enum source_id source, enum field_id id)
{
	const struct source_def *def = source_def_get(source);
	const struct decoder *d = def ? decoder_of(def) : NULL;

	if (!d)
		return false;
	switch (id) {
	case F_sk_daddr:
	case F_sk_rcv_saddr:
		if (def->family == AF_INET6)
			return false;
		break;
	case F_sk_v6_daddr:
	case F_sk_v6_rcv_saddr:
	case F_sk_ipv6only:
	case F_ipv6only:
	case F_tclass:
		if (def->family == AF_INET)
			return false;
		break;
	case F_tx_rate:
	case F_rx_rate:
	case F_tx_segs_rate:
	case F_rx_segs_rate:
	case F_retrans_rate:
		return track_has_rates(source);
	case F_peer_inode:
	case F_peer_cookie:
	case F_peer_netns:
	case F_peer_name:
	case F_peer_pid:
	case F_peer_comm:
	case F_peer_unit:
	case F_peer_pending:
		return peer_is_possible(source, id);
	default:
		break;
	}
	return decoder_has(d, id) || (d == &sctp_decoder && decoder_has(&sctp_assoc_decoder, id));
}
