/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a tree to a request: what is read, and what the kernel leaves out */

/*
 * For each source the tree is evaluated with what all its rows have in common,
 * and what is left of it becomes a set of states, bytecode, and the keys of an
 * exact lookup. Whatever is not certain stays in: the answer is a superset of
 * what query_match will keep.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/words.h"
#include "query/pairs.h"
#include "query/plan.h"

static bool source_has(const struct plan *p, enum field_id field)
{
	if (p->def->kind == KIND_MODULE)
		return plan_module_has(p, field);
	/* The kernel module may add it, if it is there. */
	if (plan_module_tells(p, field))
		return true;
	return decode_source_has(p->source, field) || (p->def->fallback && decode_source_has(p->def->fallback, field));
}

static enum truth certain(bool holds)
{
	return holds ? TRUTH_YES : TRUTH_NO;
}

static enum truth text_truth(const struct node *n, const char *text)
{
	struct value v;

	value_set_str(&v, text, strlen(text));
	return certain(tree_value_matches(n, &v) != n->invert);
}

/* Where the kind of socket in one word depends on the row: what it can be (decode/). */
static enum truth netid_truth(const struct plan *p, const struct node *n)
{
	static const char *const words[KIND_COUNT][3] = {
		[KIND_UNIX] = { "u_str", "u_dgr", "u_seq" },
		[KIND_PACKET] = { "p_raw", "p_dgr" },
		[KIND_VSOCK] = { "v_str", "v_dgr", "v_seq" },
	};
	const char *const *candidates = words[p->def->kind];
	enum truth t;

	if (p->def->kind == KIND_MODULE)
		return plan_module_netid(p, n);
	if (p->def->netid[0])
		return text_truth(n, p->def->netid);
	if (!candidates[0])
		return TRUTH_MAYBE;
	t = text_truth(n, candidates[0]);
	for (unsigned i = 1; i < 3 && candidates[i]; i++)
		if (text_truth(n, candidates[i]) != t)
			return TRUTH_MAYBE;
	return t;
}

/*
 * A row may come from the source itself or from its fallback. And where it is not
 * read, the module's message of the socket would be a row, of source "module".
 */
static enum truth source_truth(const struct plan *p, const struct node *n)
{
	const struct source_def *fallback = source_def_get(p->def->fallback);
	enum truth t = text_truth(n, p->def->name);

	if (fallback && text_truth(n, fallback->name) != t)
		return TRUTH_MAYBE;
	if (plan_module_doubles(p) && text_truth(n, source_def_get(SOURCE_module)->name) != t)
		return TRUTH_MAYBE;
	return t;
}

static enum truth protocol_truth(const struct plan *p, const struct node *n)
{
	const char *word = words_find(&words_ipproto, p->def->protocol);

	if ((p->def->kind != KIND_INET && p->def->kind != KIND_PROC_INET) || p->def->protocol == IPPROTO_RAW || !word)
		return TRUTH_MAYBE;
	return text_truth(n, word);
}

/* Whether a source can have addresses of a kind at all; IPv4 ones can stand in IPv6 sockets. */
static bool can_have_address(const struct plan *p, enum address_kind kind)
{
	switch ((enum message_kind)p->def->kind) {
	case KIND_INET:
	case KIND_PROC_INET:
		return kind == ADDRESS_INET || (kind == ADDRESS_INET6 && p->def->family == AF_INET6);
	case KIND_SMC:
		return kind == ADDRESS_INET || kind == ADDRESS_INET6;
	case KIND_UNIX:
		return kind == ADDRESS_UNIX;
	case KIND_NETLINK:
	case KIND_PACKET:
	case KIND_VSOCK:
	case KIND_XDP:
	case KIND_TIPC:
		return kind == ADDRESS_WORD || kind == ADDRESS_NUMBER;
	case KIND_MODULE:
		return plan_module_address(p, kind);
	case KIND_COUNT:
		break;
	}
	return true;
}

static bool has_bytecode(const struct source_def *def)
{
	/* SCTP takes bytecode and does not run it. */
	return def->kind == KIND_INET && def->protocol != IPPROTO_SCTP;
}

enum truth plan_leaf(const struct plan *p, const struct node *n)
{
	bool is_module = p->def->kind == KIND_MODULE;
	struct value family = { .kind = VALUE_U64, .u = is_module ? p->family : p->def->family };

	if (n->kind == LEAF_STATE)
		return TRUTH_MAYBE;
	/* A row of any kind can be its owner's. */
	if (n->kind == LEAF_COMPONENT)
		return TRUTH_MAYBE;
	if (n->kind == LEAF_AUTOBOUND)
		return has_bytecode(p->def) || (is_module && !p->unlisted) ? TRUTH_MAYBE : certain(n->invert);
	/* Of an absent field nothing holds, not even "!=". */
	if (!source_has(p, n->field) || (n->kind == LEAF_RATIO && !source_has(p, n->divisor)))
		return TRUTH_NO;
	switch (n->field) {
	case F_family:
		return certain(tree_value_matches(n, &family) != n->invert);
	case F_netid:
		return netid_truth(p, n);
	case F_source:
		return source_truth(p, n);
	case F_protocol:
		return protocol_truth(p, n);
	case F_local:
	case F_peer:
		if (n->kind == LEAF_ADDRESS && !n->invert && !can_have_address(p, n->address.kind))
			return TRUTH_NO;
		break;
	}
	return TRUTH_MAYBE;
}

enum truth truth_of_tree(const struct query *q, node_ref ref, enum truth (*leaf)(const void *ctx, const struct node *n), const void *ctx)
{
	const struct node *n = tree_node(q, ref);
	enum truth absorbing = n->kind == NODE_AND ? TRUTH_NO : TRUTH_YES;
	enum truth result = n->kind == NODE_AND ? TRUTH_YES : TRUTH_NO;

	switch ((enum node_kind)n->kind) {
	case NODE_ALL:
		return TRUTH_YES;
	case NODE_NOT:
		result = truth_of_tree(q, n->child, leaf, ctx);
		return result == TRUTH_MAYBE ? TRUTH_MAYBE : certain(result == TRUTH_NO);
	case NODE_AND:
	case NODE_OR:
		for (node_ref c = n->child; c; c = tree_node(q, c)->next) {
			enum truth t = truth_of_tree(q, c, leaf, ctx);

			if (t == absorbing)
				return t;
			if (t == TRUTH_MAYBE)
				result = TRUTH_MAYBE;
		}
		return result;
	default:
		return leaf(ctx, n);
	}
}

static enum truth leaf_of_plan(const void *ctx, const struct node *n)
{
	return plan_leaf(ctx, n);
}

enum truth plan_truth(const struct plan *p, node_ref ref)
{
	return truth_of_tree(p->q, ref, leaf_of_plan, p);
}

uint32_t plan_states(const struct plan *p, node_ref ref, bool negated)
{
	const uint32_t all = STATES_ALL | STATE_NONE_BIT;
	const struct node *n = tree_node(p->q, ref);
	bool both = (n->kind == NODE_AND) != negated;
	uint32_t states = both ? all : 0;
	enum truth t;

	switch ((enum node_kind)n->kind) {
	case NODE_NOT:
		return plan_states(p, n->child, !negated);
	case NODE_AND:
	case NODE_OR:
		for (node_ref c = n->child; c; c = tree_node(p->q, c)->next) {
			uint32_t more = plan_states(p, c, negated);

			states = both ? states & more : states | more;
		}
		return states;
	case LEAF_STATE:
		return negated ? all & ~n->states : n->states;
	case NODE_ALL:
		return negated ? 0 : all;
	default:
		t = plan_leaf(p, n);
		return t == TRUTH_MAYBE || (t == TRUTH_YES) != negated ? all : 0;
	}
}

bool plan_is_number(const struct node *n, uint64_t *ret)
{
	if (n->kind != LEAF_NUMBER || n->invert || n->n_ranges != 1 || n->ranges[0].lo != n->ranges[0].hi)
		return false;
	*ret = n->ranges[0].lo;
	return true;
}

static bool is_whole_address(const struct plan *p, const struct node *n)
{
	if (n->kind != LEAF_ADDRESS || n->invert || n->compare != COMPARE_EQ)
		return false;
	return p->def->family == AF_INET ? n->address.kind == ADDRESS_INET && n->bits == 32
					 : n->address.kind == ADDRESS_INET6 && n->bits == 128;
}

void plan_find_keys(const struct plan *p, node_ref ref, struct plan_keys *k)
{
	const struct node *n = tree_node(p->q, ref);

	if (n->kind == NODE_AND) {
		for (node_ref c = n->child; c; c = tree_node(p->q, c)->next)
			plan_find_keys(p, c, k);
		return;
	}
	switch (n->field) {
	case F_cookie:
	case F_sk_cookie:
		plan_is_number(n, &k->cookie);
		break;
	case F_inode:
		plan_is_number(n, &k->inode);
		break;
	case F_mptcpi_token:
		plan_is_number(n, &k->token);
		break;
	case F_pid:
		plan_is_number(n, &k->pid);
		break;
	case F_local_port:
		plan_is_number(n, &k->local_port);
		break;
	case F_peer_port:
		plan_is_number(n, &k->peer_port);
		break;
	case F_sk_bound_dev_if:
		plan_is_number(n, &k->ifindex);
		break;
	case F_dev:
		if (!n->invert && p->numbers[ref].known)
			k->ifindex = p->numbers[ref].number;
		break;
	case F_local:
		if (is_whole_address(p, n))
			k->local = &n->address;
		break;
	case F_peer:
		if (is_whole_address(p, n))
			k->peer = &n->address;
		break;
	}
}

/*
 * UDP is not looked up: the kernel picks a socket by score (a SO_REUSEPORT
 * group has many), and that need not be the one whose cookie is asked for. A
 * TCP lookup that names no device does not find a socket that is bound to one
 * (inet_bound_dev_eq()): it answers ENOENT or ESTALE, and a dump is made.
 */
static void plan_exact(const struct plan *p, struct source_request *s)
{
	struct plan_keys k = {};

	plan_find_keys(p, p->q->root, &k);
	switch (p->def->kind) {
	case KIND_UNIX:
		s->exact = k.inode && k.inode <= UINT32_MAX;
		if (s->exact) {
			s->inode = (uint32_t)k.inode;
			s->cookie = k.cookie;
		}
		break;
	case KIND_INET:
		if (p->def->protocol == PROTOCOL_MPTCP) {
			s->exact = k.token && k.token <= UINT32_MAX;
			s->token = s->exact ? (uint32_t)k.token : 0;
		}
		if (p->def->protocol != IPPROTO_TCP || !k.cookie || !k.local || !k.peer ||
		    !k.local_port || !k.peer_port || k.local_port > UINT16_MAX || k.peer_port > UINT16_MAX ||
		    k.ifindex > UINT32_MAX)
			break;
		s->exact = true;
		s->cookie = k.cookie;
		memcpy(s->local, k.local->ip, sizeof(s->local));
		memcpy(s->peer, k.peer->ip, sizeof(s->peer));
		s->local_port = (uint16_t)k.local_port;
		s->peer_port = (uint16_t)k.peer_port;
		s->ifindex = (uint32_t)k.ifindex;
		break;
	}
}

/* Which kinds' dumps take a set of states, and have the states' numbers in their rows. */
static bool takes_states(const struct source_def *def)
{
	return has_bytecode(def) || def->kind == KIND_UNIX || def->kind == KIND_VSOCK;
}

static int plan_source(const struct plan *p, struct source_request *s)
{
	enum truth t = plan_truth(p, p->q->root);
	uint32_t states = plan_states(p, p->q->root, false);
	const uint32_t syn_recv = STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV);

	if (takes_states(p->def))
		states &= STATES_ALL;
	/* One state to whoever looks from outside. */
	if (states & syn_recv)
		states |= syn_recv;
	if (t == TRUTH_NO || states == 0) {
		s->wanted = false;
		return 0;
	}
	if (takes_states(p->def))
		s->states = states;
	plan_exact(p, s);
	if (t == TRUTH_YES || !has_bytecode(p->def))
		return 0;
	return bytecode_build(p, &s->bytecode, &s->bytecode_len);
}

/* Names are looked up once, not once for each source. */
static void look_up(const struct query *q, const struct plan_names *names, struct plan_number *numbers)
{
	for (size_t i = 1; names && i < q->n_nodes; i++) {
		const struct node *n = &q->nodes[i];
		uint32_t ifindex;

		if (n->kind != LEAF_TEXT || n->compare != COMPARE_EQ)
			continue;
		if (n->field == F_dev && names->ifindex && names->ifindex(n->text, n->len, &ifindex) >= 0 && ifindex) {
			numbers[i].known = true;
			numbers[i].number = ifindex;
		}
		if (n->field == F_cgroup && names->cgroup)
			numbers[i].known = names->cgroup(n->text, n->len, &numbers[i].number) >= 0;
	}
}

int query_plan(const struct query *q, const struct plan_names *names, struct request *req)
{
	CLEANUP(free) struct plan_number *numbers = calloc(q->n_nodes, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	look_up(q, names, numbers);
	/* Fallbacks are read in their parents' place; request_init marks them so, and they stay so. */
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		struct plan p = {
			.q = q, .numbers = numbers, .source = id, .def = source_def_get(id), .uid = req->uid,
			.groups = req->groups
		};
		int r;

		if (!p.def || !req->sources[id].wanted || id == SOURCE_module)
			continue;
		r = plan_source(&p, &req->sources[id]);
		if (r < 0)
			return r;
	}
	plan_module(q, numbers, req);
	pairs_widen(req);
	return 0;
}
