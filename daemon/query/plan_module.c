/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel module is asked: the fields that it alone has, or the sockets that nobody else lists */

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "query/plan.h"
#include "socketd/uapi.h"

/* Families of words_family and what is between: the module refuses bits beyond its kernel's AF_MAX, 46 since Linux 5.15. */
#define FAMILIES_END 46
/* Debian 12's libc knows all families but this one (include/linux/socket.h). */
#ifndef AF_SMC
#define AF_SMC 43
#endif
#define FAMILIES_ALL UINT64_MAX
#define FAMILY_BIT(f) (UINT64_C(1) << (f))
#define FAMILIES_INET (FAMILY_BIT(AF_INET) | FAMILY_BIT(AF_INET6))
/* What SOCKETD_FLAG_UNLISTED leaves out anyway. */
#define FAMILIES_LISTED (FAMILY_BIT(AF_UNIX) | FAMILY_BIT(AF_PACKET))

enum truth plan_module_netid(const struct plan *p, const struct node *n)
{
	const char *word = module_netid(p->family, 0);
	char number[24];
	struct value v;
	bool holds;

	/* A family without a word is told by its number. */
	if (!word) {
		value_set_str(&v, number, text_u64(number, p->family));
		return tree_value_matches(n, &v) != n->invert ? TRUTH_YES : TRUTH_NO;
	}
	value_set_str(&v, word, strlen(word));
	holds = tree_value_matches(n, &v) != n->invert;
	for (unsigned i = 1; (word = module_netid(p->family, i)); i++) {
		value_set_str(&v, word, strlen(word));
		if ((tree_value_matches(n, &v) != n->invert) != holds)
			return TRUTH_MAYBE;
	}
	return holds ? TRUTH_YES : TRUTH_NO;
}

bool plan_module_address(const struct plan *p, enum address_kind kind)
{
	switch (p->family) {
	case AF_INET:
		return kind == ADDRESS_INET;
	case AF_INET6:
		return kind == ADDRESS_INET || kind == ADDRESS_INET6;
	case AF_UNIX:
		return kind == ADDRESS_UNIX;
	case AF_NETLINK:
	case AF_PACKET:
	case AF_VSOCK:
	case AF_XDP:
	case AF_TIPC:
	case AF_CAN:
	case AF_ALG:
		return kind == ADDRESS_WORD || kind == ADDRESS_NUMBER;
	case AF_SMC:
		return kind == ADDRESS_INET || kind == ADDRESS_INET6;
	}
	return false;
}

bool plan_module_tells(const struct plan *p, enum field_id field)
{
	const struct field *f = field_get(field);

	return f && decode_module_adds(field) && (p->groups & GROUPS_INTERNAL & GROUP_BIT(f->group));
}

/*
 * Whether a field of rows that nobody else lists is worth looking for.
 * Sockets without an end are looked for where no end is asked: a walk over all
 * descriptors is no price for a point query. What is missed so is a TCP socket
 * that is bound and does not listen (before Linux 6.8), and families whose own diag
 * module is missing.
 */
static bool unlisted_has(const struct plan *p, enum field_id field)
{
	switch (field) {
	case F_local_port:
	case F_peer_port:
		return false;
	case F_local:
	case F_peer:
		return p->family == AF_CAN || p->family == AF_ALG;
	default:
		return true;
	}
}

bool plan_module_has(const struct plan *p, enum field_id field)
{
	if (p->unlisted && !unlisted_has(p, field))
		return false;
	/* It is found by its number, which is in a group. */
	if (field == F_cgroup || field == F_cgroup_id)
		field = F_sk_cgrp_data;
	return decode_module_adds(field) ? plan_module_tells(p, field) : decode_source_has(SOURCE_module, field);
}

/* The families that rows can be of for which the query holds. */
static uint64_t plan_families(struct plan *p)
{
	uint64_t families = 0;
	uint32_t states;

	for (p->family = 1; p->family < FAMILIES_END; p->family++) {
		if (p->unlisted && (FAMILIES_LISTED & FAMILY_BIT(p->family)))
			continue;
		states = plan_states(p, p->q->root, false);
		/* What is in no table is closed. */
		if (p->unlisted && (FAMILIES_INET & FAMILY_BIT(p->family)))
			states &= STATE_BIT(STATE_CLOSE);
		if (states && plan_truth(p, p->q->root) != TRUTH_NO)
			families |= FAMILY_BIT(p->family);
	}
	return families;
}

bool plan_module_doubles(const struct plan *p)
{
	if (p->def->kind == KIND_MODULE)
		return false;
	if (p->groups & GROUPS_INTERNAL)
		return true;
	/* These SOCKETD_FLAG_UNLISTED leaves out. */
	switch (p->def->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_RAW:
		return false;
	}
	return !(FAMILIES_LISTED & FAMILY_BIT(p->def->family));
}

/* The families of the sources that are read: what the module tells of their sockets joins their rows. */
static uint64_t joined_families(const struct request *req)
{
	uint64_t families = 0;

	for (unsigned id = 1; id < SOURCE_COUNT; id++)
		if (req->sources[id].wanted && id != SOURCE_module)
			families |= FAMILY_BIT(source_def_get(id)->family);
	return families;
}

/*
 * Whether the rows of a source say sk_state. Those of SCTP are associations, whose endpoint goes on
 * listening; others have names of their own for what they are in.
 */
static bool has_sk_state(const struct source_def *def)
{
	return def->kind == KIND_UNIX || (def->kind == KIND_INET && def->protocol != IPPROTO_SCTP && def->protocol != PROTOCOL_MPTCP);
}

/* The states of the rows that are joined; all where one of the sources counts otherwise than sk_state. */
static uint32_t joined_states(const struct request *req)
{
	uint32_t states = 0;

	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		if (!req->sources[id].wanted || id == SOURCE_module)
			continue;
		states |= has_sk_state(source_def_get(id)) ? req->sources[id].states : STATES_ALL;
	}
	return states;
}

/* families: of rows of the module's own. Of those below alone sk_state is what our rows say. */
static uint32_t states_of(struct plan *p, uint64_t families, uint32_t joined)
{
	uint32_t states = joined;
	const uint32_t syn_recv = STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV);

	if (families & ~(FAMILIES_INET | FAMILY_BIT(AF_UNIX)))
		return SOCKETD_STATES_ALL;
	for (p->family = 1; p->family < FAMILIES_END; p->family++)
		if (families & FAMILY_BIT(p->family))
			states |= plan_states(p, p->q->root, false);
	states &= STATES_ALL;
	if (states & syn_recv)
		states |= syn_recv;
	return states == STATES_ALL ? SOCKETD_STATES_ALL : states;
}

static uint32_t groups_of(const struct plan *p, uint32_t groups)
{
	uint32_t module = 0;

	if (groups & GROUP_BIT(GROUP_skmem))
		module |= SOCKETD_GROUP_SKMEM;
	if (p->unlisted)
		return module;
	if (groups & GROUP_BIT(GROUP_socket))
		module |= SOCKETD_GROUP_SOCKET;
	if (groups & GROUP_BIT(GROUP_sock))
		module |= SOCKETD_GROUP_SOCK;
	/* Nearly all of it is text. */
	if (groups & GROUP_BIT(GROUP_flow))
		module |= SOCKETD_GROUP_FLOW | SOCKETD_GROUP_NAMES;
	if (groups & GROUP_NAMES)
		module |= SOCKETD_GROUP_NAMES;
	return module;
}

void plan_module(const struct query *q, const struct plan_number *numbers, struct request *req)
{
	struct plan p = {
		.q = q,
		.numbers = numbers,
		.source = SOURCE_module,
		.def = source_def_get(SOURCE_module),
		.uid = req->uid,
		.groups = req->groups,
		.unlisted = !(req->groups & GROUPS_INTERNAL),
	};
	struct module_request *m = &req->module;
	struct plan_keys k = {};
	uint64_t own = plan_families(&p);

	m->families = own | (p.unlisted ? 0 : joined_families(req));
	if (!m->families)
		return;
	m->states = states_of(&p, own, p.unlisted ? 0 : joined_states(req));
	req->sources[SOURCE_module].wanted = true;
	if (m->families == FAMILY_BIT(FAMILIES_END) - 2)
		m->families = FAMILIES_ALL;
	m->groups = groups_of(&p, req->groups);
	m->walks = p.unlisted ? SOCKETD_WALK_TASKS : SOCKETD_WALKS_ALL;
	m->flags = p.unlisted ? SOCKETD_FLAG_UNLISTED : 0;
	p.family = AF_UNSPEC;
	plan_find_keys(&p, q->root, &k);
	m->cookie = k.cookie;
	m->inode = k.inode;
	/* Others' processes are not told to users; who asks for his own is told by /proc. */
	m->pid = req->uid == 0 && k.pid <= INT32_MAX ? (uint32_t)k.pid : 0;
}
