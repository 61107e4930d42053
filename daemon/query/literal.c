/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Literals: numbers with units, words of enumerations and flags, names, ports, users */

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/words.h"
#include "query/number.h"
#include "query/parser.h"

int literal_number_leaf(struct parser *p, enum field_id field, uint64_t lo, uint64_t hi, node_ref *ret)
{
	struct range *range;
	int r;

	r = tree_add(p->q, LEAF_NUMBER, field, ret);
	if (r < 0)
		return parse_tree_error(p, &p->token, r);
	range = tree_alloc(p->q, sizeof(*range));
	if (!range)
		return parse_tree_error(p, &p->token, -ENOMEM);
	*range = (struct range){ lo, hi };
	p->q->nodes[*ret].ranges = range;
	p->q->nodes[*ret].n_ranges = lo <= hi;
	return 0;
}

static int number_error(struct parser *p, const struct field *f, const struct token *t, int error)
{
	char shown[TOKEN_SHOWN_MAX];

	if (error == -ERANGE)
		return parse_fail(p, t, "%s is out of range for %s", parse_shown(t, shown), f->name);
	if (error == -EDOM)
		return parse_fail(p, t, "%s: a range is LOW-HIGH, and goes with = != in", parse_shown(t, shown));
	if (number_is_cookie(f))
		return parse_fail(p, t, "expected a cookie in hexadecimal, not %s", parse_shown(t, shown));
	return parse_fail(p, t, "expected %s for %s, not %s", number_hint(f), f->name, parse_shown(t, shown));
}

static int range_leaf(struct parser *p, const struct field *f, enum op op, struct range range, node_ref *ret)
{
	int r = literal_number_leaf(p, f->id, range.lo, range.hi, ret);

	if (r < 0)
		return r;
	p->q->nodes[*ret].invert = op == OP_NE;
	return 0;
}

static int number_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	struct range range;
	int r = number_range(f, op, t->text, t->len, &range);

	return r < 0 ? number_error(p, f, t, r) : range_leaf(p, f, op, range, ret);
}

/* A list of a table's words, cut to the room. */
static void list_words(const struct words *w, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < w->n_rows && n + strlen(w->rows[i].word) + 2 < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", w->rows[i].word);
}

/* A word of an enumeration or a bit of flags; a number is taken too. */
static int word_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	const struct words *w = f->unit->words;
	char shown[TOKEN_SHOWN_MAX], list[160];
	struct range range;
	uint64_t value;
	int r;

	if (words_value(w, t->text, t->len, &value) < 0) {
		if (number_range(f, op, t->text, t->len, &range) >= 0)
			return range_leaf(p, f, op, range, ret);
		list_words(w, list, sizeof(list));
		return parse_fail(p, t, "%s is no word of %s: %s", parse_shown(t, shown), f->name, list);
	}
	if (op != OP_EQ && op != OP_NE)
		return parse_fail(p, t, "words have no order: compare %s by = or !=, or with a number", f->name);
	if (f->unit->kind == UNIT_ENUM || value == 0)
		return range_leaf(p, f, op,
				  number_compared(OP_EQ, value ^ (tree_is_signed(f->id) ? ORDINAL_SIGN : 0), false),
				  ret);
	r = tree_add(p->q, LEAF_MASKED, f->id, ret);
	if (r < 0)
		return parse_tree_error(p, t, r);
	p->q->nodes[*ret].value = p->q->nodes[*ret].mask = value;
	p->q->nodes[*ret].invert = op == OP_NE;
	return 0;
}

static int state_literal(struct parser *p, enum op op, const struct token *t, node_ref *ret)
{
	char shown[TOKEN_SHOWN_MAX];
	uint32_t states;
	int r;

	if (op != OP_EQ && op != OP_NE)
		return parse_fail(p, t, "states have no order: compare by = or !=");
	if (states_parse(t->text, t->len, &states) < 0)
		return parse_fail(p, t, "%s is no state: say listen, established, close-wait, connected, all, ...",
				  parse_shown(t, shown));
	if (states == STATES_ALL)
		states |= STATE_NONE_BIT;
	r = tree_add(p->q, LEAF_STATE, F_state, ret);
	if (r < 0)
		return parse_tree_error(p, t, r);
	/* A row without a state matches no comparison. */
	p->q->nodes[*ret].states = op == OP_EQ ? states : STATES_ALL & ~states;
	p->q->has_state = true;
	return 0;
}

static int bool_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	static const char *const words[] = { "no", "false", "off", "0", "yes", "true", "on", "1" };
	char shown[TOKEN_SHOWN_MAX];

	if (op != OP_EQ && op != OP_NE)
		return parse_fail(p, t, "%s is yes or no: compare it by = or !=", f->name);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		uint64_t value = i >= ARRAY_SIZE(words) / 2;

		if (strcasecmp(t->text, words[i]) == 0)
			return range_leaf(p, f, op, (struct range){ value, value }, ret);
	}
	return parse_fail(p, t, "expected yes or no for %s, not %s", f->name, parse_shown(t, shown));
}

static int user_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	char buf[4096], shown[TOKEN_SHOWN_MAX];
	struct passwd pw, *found = NULL;

	if (t->len == 0 || (t->text[0] >= '0' && t->text[0] <= '9'))
		return number_literal(p, f, op, t, ret);
	if (op != OP_EQ && op != OP_NE)
		return parse_fail(p, t, "user names have no order: compare %s by = or !=, or with a number", f->name);
	if (getpwnam_r(t->text, &pw, buf, sizeof(buf), &found) != 0 || !found)
		return parse_fail(p, t, "there is no user %s", parse_shown(t, shown));
	return range_leaf(p, f, op, (struct range){ pw.pw_uid, pw.pw_uid }, ret);
}

int literal_ports(struct parser *p, const struct token *t, enum field_id field, enum op op, const char *text,
		  size_t len, node_ref *ret)
{
	const struct field *f = field_get(field);
	char buf[4096], name[64], shown[TOKEN_SHOWN_MAX];
	struct servent service, *found = NULL;
	struct range range;
	int r;

	if (len > 0 && text[0] == ':') {
		text++;
		len--;
	}
	r = number_range(f, op, text, len, &range);
	if (r == -EINVAL && len > 0 && len < sizeof(name)) {
		memcpy(name, text, len);
		name[len] = 0;
		if (getservbyname_r(name, NULL, &service, buf, sizeof(buf), &found) == 0 && found) {
			range = number_compared(op, ntohs((uint16_t)service.s_port), false);
			r = 0;
		}
	}
	if (r == -EINVAL)
		return parse_fail(p, t, "expected a port in %s: a number, 8000-8100, or the name of a service",
				  parse_shown(t, shown));
	return r < 0 ? number_error(p, f, t, r) : range_leaf(p, f, op, range, ret);
}

int literal_text_leaf(struct parser *p, const struct token *t, enum field_id field, const char *text, size_t len,
		      node_ref *ret)
{
	char shown[TOKEN_SHOWN_MAX];
	char *copy;
	int r;

	copy = tree_copy(p->q, text, len);
	r = copy ? tree_add(p->q, LEAF_TEXT, field, ret) : -ENOMEM;
	if (r < 0)
		return parse_tree_error(p, t, r);
	if (text_unescape(copy, len, &len) < 0)
		return parse_fail(p, t, "bad escape in %s: a byte is \\xHH, a backslash \\\\", parse_shown(t, shown));
	p->q->nodes[*ret].text = copy;
	p->q->nodes[*ret].len = len;
	return 0;
}

static enum compare op_compare(enum op op)
{
	switch (op) {
	case OP_LT:
		return COMPARE_LT;
	case OP_LE:
		return COMPARE_LE;
	case OP_GT:
		return COMPARE_GT;
	case OP_GE:
		return COMPARE_GE;
	case OP_NONE:
	case OP_EQ:
	case OP_NE:
	case OP_GLOB:
	case OP_NOT_GLOB:
	case OP_IN:
	case OP_NOT_IN:
		break;
	}
	return COMPARE_EQ;
}

/* Paths of groups are kept from the root of the hierarchy on; people paste them with the mount before. */
static void strip_cgroup_mount(const char **text, size_t *len)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified/", "/sys/fs/cgroup/" };

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		size_t n = strlen(mounts[i]) - 1;

		if (*len >= n && memcmp(*text, mounts[i], n) == 0 && (*len == n || (*text)[n] == '/')) {
			*text += n;
			*len -= n;
			break;
		}
	}
	while (*len > 1 && (*text)[*len - 1] == '/')
		(*len)--;
	if (*len == 0) {
		*text = "/";
		*len = 1;
	}
}

static int text_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	const char *text = t->text;
	size_t len = t->len;
	int r;

	if (f->id == F_cgroup && len > 0)
		strip_cgroup_mount(&text, &len);
	r = literal_text_leaf(p, t, f->id, text, len, ret);
	if (r < 0)
		return r;
	p->q->nodes[*ret].compare = op_compare(op);
	p->q->nodes[*ret].invert = op == OP_NE;
	return 0;
}

static int glob_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	char shown[TOKEN_SHOWN_MAX];
	struct glob *g = tree_alloc(p->q, glob_size(t->len));
	int r;

	r = g ? tree_add(p->q, LEAF_GLOB, f->id, ret) : -ENOMEM;
	if (r < 0)
		return parse_tree_error(p, t, r);
	if (glob_compile(g, t->text, t->len) < 0)
		return parse_fail(p, t, "bad pattern %s: [ needs its ], a byte is \\xHH", parse_shown(t, shown));
	p->q->nodes[*ret].glob = g;
	p->q->nodes[*ret].invert = op == OP_NOT_GLOB;
	return 0;
}

static int address_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	char shown[TOKEN_SHOWN_MAX];
	struct host h;
	int r;

	if (host_split(t->text, t->len, &h) < 0 || !h.has_address || h.port || h.dev)
		return parse_fail(p, t, "expected an address, such as 10.0.0.1, 10.0.0.0/8 or ::1, not %s",
				  parse_shown(t, shown));
	r = host_nodes(p, t, &h, f->id, ret);
	if (r < 0)
		return r;
	p->q->nodes[*ret].compare = op_compare(op);
	p->q->nodes[*ret].invert = op == OP_NE;
	return 0;
}

/* fwmark = V/MASK */
static int masked_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	const char *slash = memchr(t->text, '/', t->len);
	struct number value, mask;
	int r;

	r = number_scan(f, t->text, (size_t)(slash - t->text), &value);
	if (r >= 0)
		r = number_scan(f, slash + 1, t->len - (size_t)(slash - t->text) - 1, &mask);
	if (r < 0 || value.negative || mask.negative || value.whole > UINT32_MAX || mask.whole > UINT32_MAX)
		return number_error(p, f, t, r < 0 ? r : -ERANGE);
	r = tree_add(p->q, LEAF_MASKED, f->id, ret);
	if (r < 0)
		return parse_tree_error(p, t, r);
	p->q->nodes[*ret].value = value.whole;
	p->q->nodes[*ret].mask = mask.whole;
	p->q->nodes[*ret].invert = op == OP_NE;
	return 0;
}

/*
 * A namespace is named by its inode number, and by its name: what is no number,
 * or in quotes. Many have none: "!= host" is meant of these, too, so that it is not the
 * comparison of an absent field.
 */
static int netns_literal(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	const struct field *name = field_get(F_netns_name);
	struct node_list both = {};
	struct range range;
	node_ref known, not;
	int r;

	if (op != OP_GLOB && op != OP_NOT_GLOB && !t->quoted) {
		r = number_range(f, op, t->text, t->len, &range);
		if (r != -EINVAL || (op != OP_EQ && op != OP_NE))
			return r < 0 ? number_error(p, f, t, r) : range_leaf(p, f, op, range, ret);
	}
	if (op == OP_GLOB || op == OP_NOT_GLOB)
		r = glob_literal(p, name, OP_GLOB, t, ret);
	else
		r = text_literal(p, name, op == OP_NE ? OP_EQ : op, t, ret);
	if (r < 0 || (op != OP_NE && op != OP_NOT_GLOB))
		return r;
	r = tree_add(p->q, LEAF_HAS, F_netns, &known);
	if (r >= 0)
		r = tree_add(p->q, NODE_NOT, F_none, &not);
	if (r < 0)
		return parse_tree_error(p, t, r);
	p->q->nodes[not].child = *ret;
	tree_append(p->q, &both, known);
	tree_append(p->q, &both, not);
	r = tree_join(p->q, NODE_AND, &both, ret);
	return r < 0 ? parse_tree_error(p, t, r) : 0;
}

int literal_parse(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret)
{
	bool is_name =
		f->wire == WIRE_str || f->wire == WIRE_addr || f->wire == WIRE_str_list || f->wire == WIRE_addr_list;

	if (f->id == F_netns)
		return netns_literal(p, f, op, t, ret);
	if (op == OP_GLOB || op == OP_NOT_GLOB) {
		if (!is_name)
			return parse_fail(p, t, "%s is a number: patterns (~) are for names and addresses", f->name);
		return glob_literal(p, f, op, t, ret);
	}
	if (f->id == F_local || f->id == F_peer)
		return host_parse(p, f->id, op, t, ret);
	if (f->id == F_local_port || f->id == F_peer_port)
		return literal_ports(p, t, f->id, op, t->text, t->len, ret);
	if (f->id == F_state)
		return state_literal(p, op, t, ret);
	if (f->id == F_sk_mark && (op == OP_EQ || op == OP_NE) && memchr(t->text, '/', t->len))
		return masked_literal(p, f, op, t, ret);
	if (f->wire == WIRE_addr || f->wire == WIRE_addr_list)
		return address_literal(p, f, op, t, ret);
	if (is_name)
		return text_literal(p, f, op, t, ret);
	if (f->wire == WIRE_bool)
		return bool_literal(p, f, op, t, ret);
	if (f->unit->words)
		return word_literal(p, f, op, t, ret);
	if (!strcmp(f->unit->name, "uid"))
		return user_literal(p, f, op, t, ret);
	return number_literal(p, f, op, t, ret);
}

int literal_ratio(struct parser *p, const struct token *t, double *ret)
{
	size_t len = t->len;
	uint64_t digits, scale;
	bool percent = len > 1 && t->text[len - 1] == '%';
	char shown[TOKEN_SHOWN_MAX];

	if (percent)
		len--;
	if (number_decimal(t->text, len, &digits, &scale) != (ssize_t)len)
		return parse_fail(p, t, "expected a number or a percentage such as 1%%, not %s", parse_shown(t, shown));
	*ret = (double)digits / (double)scale / (percent ? 100 : 1);
	return 0;
}
