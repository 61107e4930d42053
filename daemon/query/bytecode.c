/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree as inet_diag bytecode, which leaves rows out in the kernel */

/*
 * Operations with two offsets forward (net/ipv4/inet_diag.c, inet_diag_bc_run
 * and inet_diag_bc_audit): "yes" is always the operation's own length, "no"
 * leads to another operation. A row is taken when the program runs off its end
 * exactly, and left out when it jumps 4 bytes beyond.
 *
 * Each piece keeps to that for itself, so pieces go together like this:
 *	a and b		[a][b], a's jumps beyond its end moved to beyond b's
 *	a or b		[a][jump to the end][b]: beyond a's end is where b begins
 *	not op		[op][jump beyond the end]: beyond op's end is the end
 */

#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "query/plan.h"

#define REJECT 4 /* behind the end of a piece */

enum weak { WEAK_NO, WEAK_YES, WEAK_CODE };

struct builder {
	const struct plan *plan;
	uint8_t code[REQUEST_BYTECODE_MAX];
	size_t len;
	bool full;
};

#define PORTS 65536u

/* The ports that a leaf takes, as ranges that stand apart; room for one more than the leaf has. */
static size_t port_ranges(const struct node *n, bool negated, struct range *ret)
{
	size_t count = 0;
	uint64_t from = 0;

	if (n->invert == negated) {
		for (size_t i = 0; i < n->n_ranges && n->ranges[i].lo < PORTS; i++) {
			ret[count] = n->ranges[i];
			if (ret[count].hi >= PORTS)
				ret[count].hi = PORTS - 1;
			count++;
		}
		return count;
	}
	for (size_t i = 0; i < n->n_ranges && n->ranges[i].lo < PORTS; i++) {
		if (n->ranges[i].lo > from)
			ret[count++] = (struct range){ from, n->ranges[i].lo - 1 };
		from = n->ranges[i].hi < PORTS ? n->ranges[i].hi + 1 : PORTS;
	}
	if (from < PORTS)
		ret[count++] = (struct range){ from, PORTS - 1 };
	return count;
}

static bool is_port(const struct node *n)
{
	return n->kind == LEAF_NUMBER && (n->field == F_local_port || n->field == F_peer_port);
}

static bool is_mark(const struct builder *b, const struct node *n)
{
	/* Others than root get EPERM for it. */
	if (n->field != F_sk_mark || b->plan->uid != 0)
		return false;
	return n->kind == LEAF_MASKED || (n->kind == LEAF_NUMBER && n->n_ranges == 1 &&
					  n->ranges[0].lo == n->ranges[0].hi && n->ranges[0].lo <= UINT32_MAX);
}

/* One leaf: whether the kernel can tell, in this polarity, without leaving out a row that matches. */
static enum weak weaken_leaf(const struct builder *b, node_ref ref, bool negated)
{
	const struct node *n = tree_node(b->plan->q, ref);
	bool known = b->plan->numbers[ref].known;
	uint64_t group;

	if (is_port(n) || n->kind == LEAF_AUTOBOUND)
		return WEAK_CODE;
	if (n->kind == LEAF_ADDRESS && n->compare == COMPARE_EQ && (n->field == F_local || n->field == F_peer) &&
	    (n->address.kind == ADDRESS_INET || n->address.kind == ADDRESS_INET6))
		return WEAK_CODE;
	/* A row that is bound to no device has none, and matches neither = nor !=. */
	if (n->kind == LEAF_TEXT && n->field == F_dev && n->compare == COMPARE_EQ && known && !(n->invert && negated))
		return WEAK_CODE;
	/* A group whose path is not known (any more) has none: only "is that group" is safe. */
	if (n->kind == LEAF_TEXT && n->field == F_cgroup && n->compare == COMPARE_EQ && known && !n->invert && !negated)
		return WEAK_CODE;
	if (n->field == F_cgroup_id && !negated && plan_is_number(n, &group))
		return WEAK_CODE;
	if (is_mark(b, n) && !(n->invert && negated))
		return WEAK_CODE;
	return WEAK_YES;
}

static enum weak weaken(const struct builder *b, node_ref ref, bool negated)
{
	const struct node *n = tree_node(b->plan->q, ref);
	bool both = (n->kind == NODE_AND) != negated;
	enum weak absorbing = both ? WEAK_NO : WEAK_YES, result = both ? WEAK_YES : WEAK_NO;
	enum truth t;

	switch ((enum node_kind)n->kind) {
	case NODE_ALL:
		return negated ? WEAK_NO : WEAK_YES;
	case NODE_NOT:
		return weaken(b, n->child, !negated);
	case NODE_AND:
	case NODE_OR:
		for (node_ref c = n->child; c; c = tree_node(b->plan->q, c)->next) {
			enum weak w = weaken(b, c, negated);

			if (w == absorbing)
				return w;
			if (w == WEAK_CODE)
				result = WEAK_CODE;
		}
		return result;
	default:
		t = plan_leaf(b->plan, n);
		if (t == TRUTH_MAYBE)
			return weaken_leaf(b, ref, negated);
		return (t == TRUTH_YES) != negated ? WEAK_YES : WEAK_NO;
	}
}

/* Appends an operation and what follows it; both offsets say "take what is left of this piece". */
static void emit(struct builder *b, unsigned op, const void *data, size_t len)
{
	struct inet_diag_bc_op head = {
		.code = (uint8_t)op,
		.yes = (uint8_t)(sizeof(head) + len),
		.no = (uint16_t)(sizeof(head) + len + REJECT),
	};

	if (b->len + sizeof(head) + len > sizeof(b->code)) {
		b->full = true;
		return;
	}
	memcpy(b->code + b->len, &head, sizeof(head));
	if (len)
		memcpy(b->code + b->len + sizeof(head), data, len);
	b->len += sizeof(head) + len;
}

static void set_no(struct builder *b, size_t at, size_t no)
{
	uint16_t v = (uint16_t)no;

	memcpy(b->code + at + offsetof(struct inet_diag_bc_op, no), &v, sizeof(v));
}

static size_t get_no(const struct builder *b, size_t at)
{
	uint16_t v;

	memcpy(&v, b->code + at + offsetof(struct inet_diag_bc_op, no), sizeof(v));
	return v;
}

/* A jump takes its "no"; its "yes" only keeps the audit going. */
static void emit_jump(struct builder *b, size_t no)
{
	size_t at = b->len;

	emit(b, INET_DIAG_BC_JMP, NULL, 0);
	if (b->len > at)
		set_no(b, at, no);
}

static void emit_not(struct builder *b)
{
	emit_jump(b, sizeof(struct inet_diag_bc_op) + REJECT);
}

/* The piece from start to middle left a row out; now it does so behind what follows middle. */
static void join_and(struct builder *b, size_t start, size_t middle)
{
	for (size_t at = start; at < middle; at += b->code[at + offsetof(struct inet_diag_bc_op, yes)])
		if (at + get_no(b, at) == middle + REJECT)
			set_no(b, at, b->len + REJECT - at);
}

/* The jumps of an "or" are chained through their offsets until the end is known. */
static void join_or(struct builder *b, size_t jump)
{
	while (jump) {
		size_t before = get_no(b, jump - 1);

		set_no(b, jump - 1, b->len - (jump - 1));
		jump = before;
	}
}

static void emit_port(struct builder *b, unsigned op, uint64_t port)
{
	struct inet_diag_bc_op operand = { .no = (uint16_t)port };

	emit(b, op, &operand, sizeof(operand));
}

static void emit_port_range(struct builder *b, bool local, const struct range *range)
{
	size_t start = b->len, middle;

	if (range->lo == range->hi) {
		emit_port(b, local ? INET_DIAG_BC_S_EQ : INET_DIAG_BC_D_EQ, range->lo);
		return;
	}
	if (range->lo > 0)
		emit_port(b, local ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE, range->lo);
	middle = b->len;
	/* All ports: a comparison that always holds. */
	if (range->hi < PORTS - 1 || range->lo == 0)
		emit_port(b, local ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE, range->hi);
	if (middle > start && b->len > middle)
		join_and(b, start, middle);
}

static void emit_ports(struct builder *b, const struct node *n, bool negated)
{
	bool local = n->field == F_local_port;
	struct range *ranges = malloc((n->n_ranges + 1) * sizeof(*ranges));
	size_t count, jump = 0;

	if (!ranges) {
		b->full = true;
		return;
	}
	count = port_ranges(n, negated, ranges);
	for (size_t i = 0; i < count && !b->full; i++) {
		if (i > 0) {
			emit_jump(b, jump);
			jump = b->len - sizeof(struct inet_diag_bc_op) + 1;
		}
		emit_port_range(b, local, &ranges[i]);
	}
	/* No port at all. */
	if (count == 0)
		emit_not(b);
	if (!b->full)
		join_or(b, jump);
	free(ranges);
}

static void emit_address(struct builder *b, const struct node *n)
{
	bool is_v4 = n->address.kind == ADDRESS_INET;
	const struct inet_diag_hostcond cond = {
		.family = is_v4 ? AF_INET : AF_INET6, .prefix_len = n->bits, .port = -1, /* any */
	};
	uint8_t data[sizeof(cond) + 16];

	memcpy(data, &cond, sizeof(cond));
	memcpy(data + sizeof(cond), n->address.ip, 16);
	emit(b, n->field == F_local ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND, data, sizeof(cond) + (is_v4 ? 4 : 16));
}

static void emit_leaf(struct builder *b, node_ref ref, bool negated)
{
	const struct node *n = tree_node(b->plan->q, ref);
	uint64_t number = b->plan->numbers[ref].number;
	struct inet_diag_markcond mark = { .mask = UINT32_MAX };
	uint32_t ifindex = (uint32_t)number;

	switch (n->field) {
	case F_local_port:
	case F_peer_port:
		emit_ports(b, n, negated);
		return;
	case F_local:
	case F_peer:
		emit_address(b, n);
		break;
	case F_dev:
		emit(b, INET_DIAG_BC_DEV_COND, &ifindex, sizeof(ifindex));
		break;
	case F_sk_mark:
		mark.mark = (uint32_t)(n->kind == LEAF_MASKED ? n->value : n->ranges[0].lo);
		if (n->kind == LEAF_MASKED)
			mark.mask = (uint32_t)n->mask;
		emit(b, INET_DIAG_BC_MARK_COND, &mark, sizeof(mark));
		break;
	case F_cgroup_id:
		plan_is_number(n, &number);
		emit(b, INET_DIAG_BC_CGROUP_COND, &number, sizeof(number));
		break;
	case F_cgroup:
		emit(b, INET_DIAG_BC_CGROUP_COND, &number, sizeof(number));
		break;
	case F_none: /* autobound */
		emit(b, INET_DIAG_BC_AUTO, NULL, 0);
		break;
	}
	if (n->invert != negated)
		emit_not(b);
}

/* A node of which weaken says WEAK_CODE. */
static void emit_node(struct builder *b, node_ref ref, bool negated)
{
	const struct node *n = tree_node(b->plan->q, ref);
	bool both = (n->kind == NODE_AND) != negated;
	size_t start = b->len, jump = 0;

	if (n->kind == NODE_NOT) {
		emit_node(b, n->child, !negated);
		return;
	}
	if (n->kind != NODE_AND && n->kind != NODE_OR) {
		emit_leaf(b, ref, negated);
		return;
	}
	for (node_ref c = n->child; c && !b->full; c = tree_node(b->plan->q, c)->next) {
		size_t middle = b->len;

		if (weaken(b, c, negated) != WEAK_CODE)
			continue;
		if (middle > start && !both) {
			emit_jump(b, jump);
			jump = b->len - sizeof(struct inet_diag_bc_op) + 1;
		}
		emit_node(b, c, negated);
		if (middle > start && both && !b->full)
			join_and(b, start, middle);
	}
	if (!b->full)
		join_or(b, jump);
}

/* What does not fit is left out whole, but for autobound, which nobody else can decide. */
static void emit_autobound_alone(struct builder *b, node_ref ref)
{
	const struct node *n = tree_node(b->plan->q, ref);
	size_t start = b->len;

	if (n->kind == LEAF_AUTOBOUND)
		emit_leaf(b, ref, false);
	if (n->kind != NODE_AND)
		return;
	for (node_ref c = n->child; c; c = tree_node(b->plan->q, c)->next) {
		size_t middle = b->len;

		emit_autobound_alone(b, c);
		if (middle > start && b->len > middle)
			join_and(b, start, middle);
	}
}

int bytecode_build(const struct plan *p, uint8_t **ret, uint16_t *ret_len)
{
	CLEANUP(free) struct builder *b = malloc(sizeof(*b));
	uint8_t *code;

	if (!b)
		return -ENOMEM;
	b->plan = p;
	b->len = 0;
	b->full = false;
	if (weaken(b, p->q->root, false) == WEAK_CODE)
		emit_node(b, p->q->root, false);
	if (b->full) {
		b->len = 0;
		b->full = false;
		emit_autobound_alone(b, p->q->root);
	}
	if (b->len == 0)
		return 0;
	code = malloc(b->len);
	if (!code)
		return -ENOMEM;
	memcpy(code, b->code, b->len);
	*ret = code;
	*ret_len = (uint16_t)b->len;
	return 0;
}
