/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar: not binds tighter than and, and tighter than or */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/words.h"
#include "query/parser.h"

int parse_fail(struct parser *p, const struct token *at, const char *format, ...)
{
	va_list ap;

	p->error->column = at->column;
	p->error->length = at->length;
	va_start(ap, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, ap);
	va_end(ap);
	return -EINVAL;
}

const char *parse_shown(const struct token *t, char buf[static TOKEN_SHOWN_MAX])
{
	const size_t room = TOKEN_SHOWN_MAX - sizeof("'...'");
	char whole[4 * TOKEN_SHOWN_MAX];
	bool cut;
	size_t n;

	if (t->kind == TOKEN_END)
		return "the end";
	cut = t->len > room || text_escape(whole, sizeof(whole), t->text, t->len) > room;
	buf[0] = '\'';
	n = 1 + text_escape(buf + 1, room + 1, t->text, t->len);
	memcpy(buf + n, cut ? "...'" : "'", cut ? sizeof("...'") : sizeof("'"));
	return buf;
}

int parse_tree_error(struct parser *p, const struct token *at, int error)
{
	if (error == -E2BIG) {
		parse_fail(p, at, "too many values: a filter can hold about %d", NODES_MAX);
	} else if (error == -ENOMEM) {
		parse_fail(p, at, "out of memory");
	}
	return error;
}

int parse_advance(struct parser *p)
{
	return lexer_next(&p->lexer, &p->token, p->error);
}

static bool at_and(const struct parser *p)
{
	return p->token.kind == TOKEN_AND || lexer_is(&p->token, "and");
}

static bool at_or(const struct parser *p)
{
	return p->token.kind == TOKEN_OR || lexer_is(&p->token, "or");
}

static bool at_not(const struct parser *p)
{
	return p->token.kind == TOKEN_NOT || lexer_is(&p->token, "not");
}

static int enter(struct parser *p)
{
	if (++p->depth > QUERY_DEPTH_MAX) {
		parse_fail(p, &p->token, "too deep: parentheses and not nest up to %d", QUERY_DEPTH_MAX);
		return -E2BIG;
	}
	return 0;
}

static int parse_or(struct parser *p, node_ref *ret);

static int parse_parentheses(struct parser *p, node_ref *ret)
{
	struct token open = p->token;
	char shown[TOKEN_SHOWN_MAX];
	int r;

	r = parse_advance(p);
	if (r < 0)
		return r;
	if (p->token.kind == TOKEN_CLOSE)
		return parse_fail(p, &p->token, "nothing between the parentheses");
	r = parse_or(p, ret);
	if (r < 0)
		return r;
	if (p->token.kind == TOKEN_END)
		return parse_fail(p, &open, "this parenthesis is not closed");
	if (p->token.kind != TOKEN_CLOSE)
		return parse_fail(p, &p->token, "expected and, or, or ')' before %s", parse_shown(&p->token, shown));
	return parse_advance(p);
}

static int parse_not(struct parser *p, node_ref *ret);

static int parse_unary(struct parser *p, struct term *ret)
{
	int r;

	ret->class = TERM_OTHER;
	if (at_not(p) || p->token.kind == TOKEN_OPEN) {
		r = enter(p);
		if (r < 0)
			return r;
		r = at_not(p) ? parse_not(p, &ret->node) : parse_parentheses(p, &ret->node);
		p->depth--;
		return r;
	}
	if (++p->n_terms > QUERY_TERMS_MAX) {
		parse_fail(p, &p->token, "too many terms: at most %d", QUERY_TERMS_MAX);
		return -E2BIG;
	}
	return term_parse(p, ret);
}

static int parse_not(struct parser *p, node_ref *ret)
{
	struct token not = p->token;
	struct term t = {};
	node_ref node;
	int r;

	r = parse_advance(p);
	if (r < 0)
		return r;
	r = parse_unary(p, &t);
	if (r < 0)
		return r;
	r = tree_add(p->q, NODE_NOT, F_none, &node);
	if (r < 0)
		return parse_tree_error(p, &not, r);
	p->q->nodes[node].child = t.node;
	*ret = node;
	return 0;
}

/* Neighbours of one class, with no operator between them. */
struct run {
	enum term_class class;
	struct node_list nodes;
	uint32_t wanted, excluded;
};

static void run_add(struct parser *p, struct run *run, const struct term *t)
{
	run->class = t->class;
	if (t->class == TERM_STATE) {
		/* The first one's leaf stands for all. */
		*(t->exclude ? &run->excluded : &run->wanted) |= t->states;
		if (run->nodes.first)
			return;
	}
	tree_append(p->q, &run->nodes, t->node);
}

/* As in ss, "state A state B" is both and "exclude C" takes away from what was named, or from all. */
static int run_end(struct parser *p, struct run *run, struct node_list *all)
{
	uint32_t wanted = run->wanted ? run->wanted : STATES_ALL | STATE_NONE_BIT;
	node_ref node;
	int r;

	if (!run->nodes.first)
		return 0;
	if (run->class == TERM_STATE)
		p->q->nodes[run->nodes.first].states = wanted & ~run->excluded;
	r = tree_join(p->q, NODE_OR, &run->nodes, &node);
	if (r < 0)
		return parse_tree_error(p, &p->token, r);
	tree_append(p->q, all, node);
	*run = (struct run){};
	return 0;
}

static int parse_and(struct parser *p, node_ref *ret)
{
	struct node_list all = {};
	struct run run = {};
	int r;

	for (;;) {
		struct term t = {};
		bool adjacent = true;

		if (at_and(p)) {
			/* At the start of a row parse_unary says what is wrong with it. */
			if (run.nodes.first) {
				adjacent = false;
				r = parse_advance(p);
				if (r < 0)
					return r;
			}
		} else if (run.nodes.first &&
			   (at_or(p) || p->token.kind == TOKEN_END || p->token.kind == TOKEN_CLOSE)) {
			break;
		}
		r = parse_unary(p, &t);
		if (r < 0)
			return r;
		if (!adjacent || t.class == TERM_OTHER || t.class != run.class) {
			r = run_end(p, &run, &all);
			if (r < 0)
				return r;
		}
		run_add(p, &run, &t);
	}
	r = run_end(p, &run, &all);
	if (r < 0)
		return r;
	r = tree_join(p->q, NODE_AND, &all, ret);
	return r < 0 ? parse_tree_error(p, &p->token, r) : 0;
}

static int parse_or(struct parser *p, node_ref *ret)
{
	struct node_list all = {};
	node_ref node;
	int r;

	for (;;) {
		r = parse_and(p, &node);
		if (r < 0)
			return r;
		tree_append(p->q, &all, node);
		if (!at_or(p))
			break;
		r = parse_advance(p);
		if (r < 0)
			return r;
	}
	r = tree_join(p->q, NODE_OR, &all, ret);
	return r < 0 ? parse_tree_error(p, &p->token, r) : 0;
}

static bool is_autobound(const struct query *q, node_ref ref)
{
	const struct node *n = tree_node(q, ref);

	return n->kind == LEAF_AUTOBOUND || (n->kind == NODE_NOT && is_autobound(q, n->child));
}

/* Turns "not autobound" into the leaf itself, so that a leaf's invert is all there is to regard. */
static void fold_autobound(struct query *q, node_ref ref)
{
	struct node *n = &q->nodes[ref];
	bool invert = false;

	while (n->kind == NODE_NOT) {
		invert = !invert;
		n = &q->nodes[n->child];
	}
	q->nodes[ref].kind = LEAF_AUTOBOUND;
	q->nodes[ref].field = F_none;
	q->nodes[ref].child = 0;
	q->nodes[ref].invert = invert;
}

/* autobound is the kernel's to decide, and it can where nothing but "and" is around it (match.c). */
static size_t settle_autobound(struct query *q, node_ref ref)
{
	const struct node *n = tree_node(q, ref);
	size_t settled = 0;

	if (is_autobound(q, ref)) {
		fold_autobound(q, ref);
		return 1;
	}
	if (n->kind == NODE_AND)
		for (node_ref c = n->child; c; c = tree_node(q, c)->next)
			settled += settle_autobound(q, c);
	return settled;
}

static int check_autobound(struct parser *p, const struct token *whole)
{
	size_t n = 0, settled;

	for (size_t i = 1; i < p->q->n_nodes; i++)
		n += p->q->nodes[i].kind == LEAF_AUTOBOUND;
	if (n == 0)
		return 0;
	settled = settle_autobound(p->q, p->q->root);
	if (settled < n)
		return parse_fail(p, whole, "autobound is known to the kernel alone: join it to the rest by and");
	p->q->wants_kernel = true;
	return 0;
}

static int parse_all(struct parser *p)
{
	const struct token whole = { .length = p->lexer.len };
	char shown[TOKEN_SHOWN_MAX];
	int r;

	r = parse_advance(p);
	if (r < 0)
		return r;
	if (p->token.kind == TOKEN_END) {
		r = tree_add(p->q, NODE_ALL, F_none, &p->q->root);
		return r < 0 ? parse_tree_error(p, &p->token, r) : 0;
	}
	r = parse_or(p, &p->q->root);
	if (r < 0)
		return r;
	if (p->token.kind == TOKEN_CLOSE)
		return parse_fail(p, &p->token, "this parenthesis was never opened");
	if (p->token.kind != TOKEN_END)
		return parse_fail(p, &p->token, "expected and, or, or the end before %s",
				  parse_shown(&p->token, shown));
	return check_autobound(p, &whole);
}

int query_parse(struct query **ret, const char *text, size_t len, struct query_error *ret_error)
{
	CLEANUP(query_free) struct query *q = calloc(1, sizeof(*q));
	CLEANUP(free) char *words = NULL;
	struct query_error e = {};
	struct parser p = { .q = q, .error = &e };
	int r;

	if (len > QUERY_TEXT_MAX) {
		const struct token rest = { .column = QUERY_TEXT_MAX, .length = len - QUERY_TEXT_MAX };

		parse_fail(&p, &rest, "too long: a filter has at most %d bytes, this one %zu", QUERY_TEXT_MAX, len);
		*ret_error = e;
		return -E2BIG;
	}
	words = malloc(2 * len + 2);
	if (!q || !words)
		return -ENOMEM;
	p.lexer = (struct lexer){ .text = text, .len = len, .words = words };
	r = parse_all(&p);
	if (r < 0) {
		*ret_error = e;
		return r;
	}
	*ret = STEAL_PTR(q);
	return 0;
}

bool query_has_state(const struct query *q)
{
	return q->has_state;
}

bool query_has_target(const struct query *q)
{
	return q->has_target;
}

bool query_is_exact(const struct query *q)
{
	return tree_node(q, q->root)->target;
}

bool query_wants_kernel(const struct query *q)
{
	return q->wants_kernel;
}

uint32_t query_groups(const struct query *q)
{
	return q->groups | GROUP_BIT(GROUP_base);
}
