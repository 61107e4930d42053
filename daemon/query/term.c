/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Terms: states, the words of ss, fields and what they are compared with */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "decode/record.h"
#include "model/words.h"
#include "query/parser.h"

static int add_leaf(struct parser *p, const struct token *t, enum node_kind kind, enum field_id field, node_ref *ret)
{
	int r = tree_add(p->q, kind, field, ret);

	return r < 0 ? parse_tree_error(p, t, r) : 0;
}

/* Words that are terms alone: by the printed kind of socket, or by family. */
static const struct kind {
	const char *word;
	const char *netid; /* NULL: family */
	unsigned family;
} kinds[] = {
	{ "tcp", "tcp", 0 },
	{ "udp", "udp", 0 },
	{ "udplite", "udplite", 0 },
	{ "raw", "raw", 0 },
	{ "icmp", "icmp", 0 },
	{ "dccp", "dccp", 0 },
	{ "sctp", "sctp", 0 },
	{ "mptcp", "mptcp", 0 },
	{ "u_str", "u_str", 0 },
	{ "u_dgr", "u_dgr", 0 },
	{ "u_seq", "u_seq", 0 },
	{ "p_raw", "p_raw", 0 },
	{ "p_dgr", "p_dgr", 0 },
	{ "v_str", "v_str", 0 },
	{ "v_dgr", "v_dgr", 0 },
	{ "v_seq", "v_seq", 0 },
	{ "nl", NULL, AF_NETLINK },
	{ "netlink", NULL, AF_NETLINK },
	{ "unix", NULL, AF_UNIX },
	{ "packet", NULL, AF_PACKET },
	{ "vsock", NULL, 40 },
	{ "xdp", NULL, 44 },
	{ "smc", NULL, 43 },
	{ "tipc", NULL, 30 },
	{ "inet", NULL, AF_INET },
	{ "inet6", NULL, AF_INET6 },
};

int term_kind(struct parser *p, const char *word, size_t len, enum term_class *ret_class, node_ref *ret)
{
	const struct kind *k = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !k; i++)
		if (strlen(kinds[i].word) == len && strncasecmp(kinds[i].word, word, len) == 0)
			k = &kinds[i];
	if (!k)
		return 0;
	if (k->netid)
		r = literal_text_leaf(p, &p->token, F_netid, k->netid, strlen(k->netid), ret);
	else
		r = literal_number_leaf(p, F_family, k->family, k->family, ret);
	if (r < 0)
		return r;
	/* "inet6 tcp" is one of the other; "tcp unix" can only be meant as both. */
	*ret_class = k->family == AF_INET || k->family == AF_INET6 ? TERM_FAMILY : TERM_NETID;
	return 1;
}

static int expected_term(struct parser *p)
{
	char shown[TOKEN_SHOWN_MAX];

	if (p->token.kind == TOKEN_END)
		return parse_fail(p, &p->token, "something is missing at the end: expected a term");
	return parse_fail(p, &p->token, "expected a term before %s", parse_shown(&p->token, shown));
}

static bool at_word(const struct parser *p)
{
	return p->token.kind == TOKEN_WORD;
}

/* Whether the word before stands alone: what follows begins another term, or ends this one. */
static bool at_boundary(const struct parser *p)
{
	return !at_word(p) || lexer_is(&p->token, "and") || lexer_is(&p->token, "or") || lexer_is(&p->token, "not");
}

static int parse_state(struct parser *p, struct term *ret)
{
	char shown[TOKEN_SHOWN_MAX];
	int r;

	if (!at_word(p) || states_parse(p->token.text, p->token.len, &ret->states) < 0)
		return parse_fail(p, &p->token,
				  "expected a state, such as listen, established, close-wait, connected or all, "
				  "not %s",
				  parse_shown(&p->token, shown));
	if (ret->states == STATES_ALL)
		ret->states |= STATE_NONE_BIT;
	ret->class = TERM_STATE;
	p->q->has_state = true;
	r = add_leaf(p, &p->token, LEAF_STATE, F_state, &ret->node);
	if (r < 0)
		return r;
	p->q->nodes[ret->node].states = ret->exclude ? (STATES_ALL | STATE_NONE_BIT) & ~ret->states : ret->states;
	return parse_advance(p);
}

/* A comparison at p->token, symbol or word. OP_NONE when there is none. */
static int parse_op(struct parser *p, enum op *ret)
{
	static const struct {
		const char *word;
		enum op op;
	} words[] = {
		{ "eq", OP_EQ },  { "ne", OP_NE }, { "neq", OP_NE }, { "lt", OP_LT },  { "le", OP_LE },
		{ "leq", OP_LE }, { "gt", OP_GT }, { "ge", OP_GE },  { "geq", OP_GE }, { "in", OP_IN },
	};
	static const enum op symbols[] = {
		[TOKEN_EQ] = OP_EQ,   [TOKEN_NE] = OP_NE, [TOKEN_LT] = OP_LT,     [TOKEN_LE] = OP_LE,
		[TOKEN_GT] = OP_GT,   [TOKEN_GE] = OP_GE, [TOKEN_GLOB] = OP_GLOB, [TOKEN_NOT_GLOB] = OP_NOT_GLOB,
		[TOKEN_OR] = OP_NONE,
	};
	struct lexer mark = p->lexer;
	struct token token = p->token;
	int r;

	*ret = symbols[p->token.kind];
	for (size_t i = 0; i < ARRAY_SIZE(words) && *ret == OP_NONE; i++)
		if (lexer_is(&p->token, words[i].word))
			*ret = words[i].op;
	if (*ret != OP_NONE)
		return parse_advance(p);
	if (!lexer_is(&p->token, "not"))
		return 0;
	/* "not in" is one operator; any other "not" begins the next term. */
	r = parse_advance(p);
	if (r < 0)
		return r;
	if (lexer_is(&p->token, "in")) {
		*ret = OP_NOT_IN;
		return parse_advance(p);
	}
	p->lexer = mark;
	p->token = token;
	return 0;
}

/* What a list is made of: number ranges of one field become one leaf, other values a leaf each. */
struct values {
	struct node_list nodes;
	struct range *ranges;
	size_t n_ranges, n_allocated;
	node_ref numbers; /* the leaf that the ranges will be of */
};

static int values_add(struct parser *p, const struct token *t, struct values *v, node_ref node)
{
	struct node *n = &p->q->nodes[node];

	if (n->kind != LEAF_NUMBER) {
		tree_append(p->q, &v->nodes, node);
		return 0;
	}
	if (v->n_ranges + n->n_ranges > v->n_allocated) {
		size_t size = v->n_allocated ? v->n_allocated * 2 : 16;
		struct range *ranges = realloc(v->ranges, size * sizeof(*ranges));

		if (!ranges)
			return parse_tree_error(p, t, -ENOMEM);
		v->ranges = ranges;
		v->n_allocated = size;
	}
	for (size_t i = 0; i < n->n_ranges; i++)
		v->ranges[v->n_ranges++] = n->ranges[i];
	if (!v->numbers)
		v->numbers = node;
	return 0;
}

static int values_finish(struct parser *p, const struct token *t, struct values *v, bool invert, node_ref *ret)
{
	struct range *ranges;
	int r;

	if (v->numbers) {
		v->n_ranges = tree_normalise(v->ranges, v->n_ranges);
		ranges = tree_alloc(p->q, v->n_ranges * sizeof(*ranges));
		if (!ranges)
			return parse_tree_error(p, t, -ENOMEM);
		if (v->n_ranges)
			memcpy(ranges, v->ranges, v->n_ranges * sizeof(*ranges));
		p->q->nodes[v->numbers].ranges = ranges;
		p->q->nodes[v->numbers].n_ranges = v->n_ranges;
		tree_append(p->q, &v->nodes, v->numbers);
	}
	/* "!= (a, b)" is neither. */
	r = tree_join(p->q, invert ? NODE_AND : NODE_OR, &v->nodes, ret);
	return r < 0 ? parse_tree_error(p, t, r) : 0;
}

static int parse_list(struct parser *p, const struct field *f, bool invert, node_ref *ret)
{
	char shown[TOKEN_SHOWN_MAX];
	struct token open = p->token;
	CLEANUP(free) struct range *ranges = NULL;
	struct values v = {};
	node_ref node;
	int r;

	do {
		r = parse_advance(p);
		if (r >= 0 && !at_word(p))
			r = parse_fail(p, &p->token, "expected a value of %s, not %s", f->name,
				       parse_shown(&p->token, shown));
		if (r >= 0)
			r = literal_parse(p, f, invert ? OP_NE : OP_EQ, &p->token, &node);
		if (r >= 0)
			r = values_add(p, &p->token, &v, node);
		ranges = v.ranges;
		if (r >= 0)
			r = parse_advance(p);
		if (r < 0)
			return r;
	} while (p->token.kind == TOKEN_COMMA);
	if (p->token.kind == TOKEN_END)
		return parse_fail(p, &open, "this list is not closed");
	if (p->token.kind != TOKEN_CLOSE)
		return parse_fail(p, &p->token, "expected ',' or ')' before %s", parse_shown(&p->token, shown));
	r = parse_advance(p);
	return r < 0 ? r : values_finish(p, &open, &v, invert, ret);
}

static int parse_comparison(struct parser *p, const struct field *f, enum op op, node_ref *ret)
{
	bool invert = op == OP_NE || op == OP_NOT_IN;
	char shown[TOKEN_SHOWN_MAX];
	int r;

	if (op == OP_IN || op == OP_NOT_IN || op == OP_EQ || op == OP_NE) {
		if (p->token.kind == TOKEN_OPEN)
			return parse_list(p, f, invert, ret);
		op = invert ? OP_NE : OP_EQ;
	}
	if (!at_word(p))
		return parse_fail(p, &p->token, "expected a value of %s, not %s", f->name,
				  parse_shown(&p->token, shown));
	r = literal_parse(p, f, op, &p->token, ret);
	return r < 0 ? r : parse_advance(p);
}

static int parse_ratio(struct parser *p, const struct field *f, const struct field *divisor, const struct token *at,
		       node_ref *ret)
{
	static const enum compare compares[] = {
		[OP_EQ] = COMPARE_EQ, [OP_NE] = COMPARE_EQ, [OP_LT] = COMPARE_LT,
		[OP_LE] = COMPARE_LE, [OP_GT] = COMPARE_GT, [OP_GE] = COMPARE_GE,
	};
	char shown[TOKEN_SHOWN_MAX];
	double ratio;
	enum op op;
	int r;

	if (f->wire > WIRE_s64 || divisor->wire > WIRE_s64)
		return parse_fail(p, at, "a ratio is of two numbers: %s is none",
				  f->wire > WIRE_s64 ? f->name : divisor->name);
	r = parse_op(p, &op);
	if (r < 0)
		return r;
	if (op == OP_NONE || op >= OP_GLOB)
		return parse_fail(p, &p->token, "expected = != < <= > or >= and a value, such as 1%%, before %s",
				  parse_shown(&p->token, shown));
	if (!at_word(p))
		return parse_fail(p, &p->token, "expected a number or a percentage, not %s",
				  parse_shown(&p->token, shown));
	r = literal_ratio(p, &p->token, &ratio);
	if (r >= 0)
		r = add_leaf(p, at, LEAF_RATIO, f->id, ret);
	if (r < 0)
		return r;
	p->q->nodes[*ret].divisor = divisor->id;
	p->q->nodes[*ret].compare = compares[op];
	p->q->nodes[*ret].invert = op == OP_NE;
	p->q->nodes[*ret].ratio = ratio;
	p->q->groups |= decode_groups(divisor->id);
	return parse_advance(p);
}

/* sport = inet:22 or sport = :22: ss lets a port look like an address without one. */
static int parse_ss_port(struct parser *p, const struct field *f, enum op op, node_ref *ret)
{
	struct token t = p->token, family;
	enum term_class class;
	struct node_list l = {};
	const char *colon;
	node_ref node;
	int r;

	colon = at_word(p) ? memchr(t.text, ':', t.len) : NULL;
	if (!colon || op == OP_GLOB || op == OP_NOT_GLOB)
		return parse_comparison(p, f, op, ret);
	family = t;
	family.len = (size_t)(colon - t.text);
	p->token.text = colon + 1;
	p->token.len = t.len - family.len - 1;
	if (family.len > 0) {
		r = term_kind(p, family.text, family.len, &class, &node);
		if (r <= 0)
			return r < 0 ? r : parse_fail(p, &t, "expected a family and a port, such as inet:22");
		tree_append(p->q, &l, node);
		if (p->token.len > 0 && p->token.text[0] == ':') {
			p->token.text++;
			p->token.len--;
		}
	}
	r = parse_comparison(p, f, op, &node);
	if (r < 0)
		return r;
	tree_append(p->q, &l, node);
	r = tree_join(p->q, NODE_AND, &l, ret);
	return r < 0 ? parse_tree_error(p, &t, r) : 0;
}

/* The words that ss follows with a value without an operator. */
static bool takes_bare_value(const struct token *t)
{
	static const char *const words[] = { "src", "dst", "sport", "dport", "dev", "fwmark", "cgroup" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (lexer_is(t, words[i]))
			return true;
	return false;
}

static int parse_field(struct parser *p, const struct field *f, const struct token *word, node_ref *ret)
{
	enum op op;
	int r = parse_op(p, &op);

	if (r < 0)
		return r;
	if (op == OP_NONE && takes_bare_value(word) && !at_boundary(p))
		op = OP_EQ;
	if (op == OP_NONE)
		return add_leaf(p, word, LEAF_TRUTH, f->id, ret);
	if (f->id == F_local_port || f->id == F_peer_port)
		return parse_ss_port(p, f, op, ret);
	return parse_comparison(p, f, op, ret);
}

static int unknown_word(struct parser *p, const struct token *t)
{
	const char *suggestion = field_suggest(t->text, t->len);
	char shown[TOKEN_SHOWN_MAX];
	uint32_t states;
	size_t digits = strspn(t->text, "0123456789");

	parse_shown(t, shown);
	if (t->len > 0 && digits == t->len)
		return parse_fail(p, t, "what is %s? A port is :%.20s, a process pid:%.20s", shown, t->text, t->text);
	if (states_parse(t->text, t->len, &states) >= 0)
		return parse_fail(p, t, "a state needs the word before it: state %.20s", t->text);
	if (suggestion)
		return parse_fail(p, t, "unknown field or word %s: did you mean %s?", shown, suggestion);
	return parse_fail(p, t, "unknown field or word %s ('sockctl describe' lists the fields)", shown);
}

/* FIELD/FIELD in one word. */
static bool find_ratio(const struct token *t, const struct field **ret, const struct field **ret_divisor)
{
	const char *slash = memchr(t->text, '/', t->len);

	if (!slash)
		return false;
	*ret = field_find(t->text, (size_t)(slash - t->text));
	*ret_divisor = field_find(slash + 1, t->len - (size_t)(slash - t->text) - 1);
	return *ret && *ret_divisor;
}

static int parse_field_word(struct parser *p, const struct token *t, node_ref *ret)
{
	const struct field *f, *divisor;
	struct token slash;
	int r;

	if (find_ratio(t, &f, &divisor))
		return parse_ratio(p, f, divisor, t, ret);
	f = field_find(t->text, t->len);
	if (!f)
		return unknown_word(p, t);
	if (!at_word(p) || p->token.quoted || strcmp(p->token.text, "/") != 0)
		return parse_field(p, f, t, ret);
	/* FIELD / FIELD with blanks. */
	slash = p->token;
	r = parse_advance(p);
	if (r < 0)
		return r;
	divisor = at_word(p) ? field_find(p->token.text, p->token.len) : NULL;
	if (!divisor)
		return parse_fail(p, &slash, "expected a field on both sides of /");
	r = parse_advance(p);
	return r < 0 ? r : parse_ratio(p, f, divisor, t, ret);
}

static int parse_has(struct parser *p, node_ref *ret)
{
	const struct field *f = at_word(p) && !p->token.quoted ? field_find(p->token.text, p->token.len) : NULL;
	char shown[TOKEN_SHOWN_MAX];
	int r;

	if (!f) {
		if (at_word(p) && !p->token.quoted)
			return unknown_word(p, &p->token);
		return parse_fail(p, &p->token, "expected a field behind has, not %s", parse_shown(&p->token, shown));
	}
	r = add_leaf(p, &p->token, LEAF_HAS, f->id, ret);
	return r < 0 ? r : parse_advance(p);
}

int term_parse(struct parser *p, struct term *ret)
{
	struct token t = p->token;
	char shown[TOKEN_SHOWN_MAX];
	int r;

	if (!at_word(p) || at_boundary(p))
		return expected_term(p);
	if (!t.quoted) {
		/* p->token is the word itself here: a leaf's errors point at it. */
		r = term_kind(p, t.text, t.len, &ret->class, &ret->node);
		if (r != 0)
			return r < 0 ? r : parse_advance(p);
	}
	r = target_parse(p, &t, &ret->node);
	if (r > 0) {
		enum field_id field = p->q->nodes[ret->node].field;

		ret->class = field == F_netns || field == F_netns_name ? TERM_NETNS : TERM_TARGET;
		return parse_advance(p);
	}
	if (r < 0)
		return r;
	if (t.quoted)
		return parse_fail(p, &t, "expected a field or a word, not the name %s", parse_shown(&t, shown));
	r = parse_advance(p);
	if (r < 0)
		return r;
	if (lexer_is(&t, "state") && !at_boundary(p) && !lexer_is(&p->token, "in") && !lexer_is(&p->token, "eq") &&
	    !lexer_is(&p->token, "ne") && !lexer_is(&p->token, "neq"))
		return parse_state(p, ret);
	if (lexer_is(&t, "exclude") || lexer_is(&t, "excl")) {
		ret->exclude = true;
		return parse_state(p, ret);
	}
	if (lexer_is(&t, "has"))
		return parse_has(p, &ret->node);
	if (lexer_is(&t, "autobound"))
		return add_leaf(p, &t, LEAF_AUTOBOUND, F_none, &ret->node);
	return parse_field_word(p, &t, &ret->node);
}
