/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One end of a socket as ss writes it: [FAMILY:]ADDR[/PFX][:PORT] */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "query/parser.h"

#define MAPPED_BITS 96 /* of ::ffff:0:0/96 */

/* 10/8 and 192.168/16 leave zeros out. */
static int parse_short_ip(const char *text, size_t len, struct address *ret)
{
	char whole[11 + sizeof(".0.0.0")];
	unsigned dots = 0;

	if (len == 0 || len > 11)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		dots += text[i] == '.';
	memcpy(whole, text, len);
	for (; dots < 3; dots++, len += 2)
		memcpy(whole + len, ".0", 2);
	return address_parse_ip(whole, len, ret);
}

static int parse_bits(const char *text, size_t len, unsigned *ret)
{
	unsigned bits = 0;

	if (len == 0 || len > 3)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		bits = bits * 10 + (unsigned)(text[i] - '0');
	}
	*ret = bits;
	return 0;
}

/* An address with its %device, and the prefix's length when bits is not NULL. */
static int split_address(const char *text, size_t len, const char *bits, size_t bits_len, struct host *h)
{
	const char *percent = memchr(text, '%', len);
	unsigned max;
	int r;

	if (percent) {
		h->dev = percent + 1;
		h->dev_len = len - (size_t)(h->dev - text);
		if (h->dev_len == 0)
			return -EINVAL;
		len = (size_t)(percent - text);
	}
	r = address_parse_ip(text, len, &h->address);
	if (r < 0 && bits)
		r = parse_short_ip(text, len, &h->address);
	if (r < 0)
		return r;
	h->has_address = true;
	max = h->address.kind == ADDRESS_INET ? 32 : 128;
	h->bits = max;
	if (bits && (parse_bits(bits, bits_len, &h->bits) < 0 || h->bits > max))
		return -EINVAL;

	/* An IPv4-mapped address means the IPv4 address: that one matches both ways of writing. */
	if (max == 128 && h->bits >= MAPPED_BITS && memcmp(h->address.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
		h->address.kind = ADDRESS_INET;
		memmove(h->address.ip, h->address.ip + 12, 4);
		memset(h->address.ip + 4, 0, 12);
		h->bits -= MAPPED_BITS;
	}
	return 0;
}

/* What is behind an address: [/bits][:port]. */
static int split_tail(const char *text, size_t len, const char **bits, size_t *bits_len, struct host *h)
{
	if (len > 0 && text[0] == '/') {
		const char *colon = memchr(text, ':', len);

		*bits = text + 1;
		*bits_len = (colon ? (size_t)(colon - text) : len) - 1;
		len -= *bits_len + 1;
		text += *bits_len + 1;
	}
	if (len == 0)
		return 0;
	if (text[0] != ':' || len == 1)
		return -EINVAL;
	if (len == 2 && text[1] == '*')
		return 0;
	h->port = text + 1;
	h->port_len = len - 1;
	return 0;
}

int host_split(const char *text, size_t len, struct host *ret)
{
	const char *end = text + len, *stop, *bits = NULL, *slash, *colon;
	struct host h = {};
	size_t bits_len = 0;
	int r;

	if (len > 0 && text[0] == '[') {
		stop = memchr(text, ']', len);
		if (!stop)
			return -EINVAL;
		r = split_tail(stop + 1, (size_t)(end - stop) - 1, &bits, &bits_len, &h);
		if (r < 0)
			return r;
		r = split_address(text + 1, (size_t)(stop - text) - 1, bits, bits_len, &h);
		if (r < 0)
			return r;
		*ret = h;
		return 0;
	}

	slash = memchr(text, '/', len);
	colon = memrchr(text, ':', len);
	/* Without brackets a colon may be of the address; the whole is tried first. */
	stop = slash ? slash : end;
	if (!slash && colon && split_address(text, len, NULL, 0, &(struct host){}) < 0)
		stop = colon;
	r = split_tail(stop, (size_t)(end - stop), &bits, &bits_len, &h);
	if (r < 0)
		return r;
	if (stop > text && !(stop == text + 1 && text[0] == '*' && !bits)) {
		r = split_address(text, (size_t)(stop - text), bits, bits_len, &h);
		if (r < 0)
			return r;
	} else if (bits || len == 0) {
		return -EINVAL;
	}
	*ret = h;
	return 0;
}

static int add_leaf(struct parser *p, const struct token *t, enum node_kind kind, enum field_id field, node_ref *ret)
{
	int r = tree_add(p->q, kind, field, ret);

	return r < 0 ? parse_tree_error(p, t, r) : 0;
}

static int add_address(struct parser *p, const struct token *t, enum field_id field, const struct address *a,
		       unsigned bits, struct node_list *l)
{
	node_ref node;
	int r = add_leaf(p, t, LEAF_ADDRESS, field, &node);

	if (r < 0)
		return r;
	p->q->nodes[node].address = *a;
	p->q->nodes[node].bits = (uint8_t)bits;
	tree_append(p->q, l, node);
	return 0;
}

static enum field_id port_of(enum field_id field)
{
	return field == F_local ? F_local_port : F_peer_port;
}

static int add_port(struct parser *p, const struct token *t, enum field_id field, const char *port, size_t len,
		    struct node_list *l)
{
	node_ref node;
	int r = literal_ports(p, t, port_of(field), OP_EQ, port, len, &node);

	if (r < 0)
		return r;
	tree_append(p->q, l, node);
	return 0;
}

static int add_dev(struct parser *p, const struct token *t, const char *dev, size_t len, struct node_list *l)
{
	node_ref node;
	int r = literal_text_leaf(p, t, F_dev, dev, len, &node);

	if (r < 0)
		return r;
	tree_append(p->q, l, node);
	return 0;
}

static int add_host(struct parser *p, const struct token *t, const struct host *h, enum field_id field,
		    struct node_list *l)
{
	node_ref node;
	int r;

	if (h->has_address) {
		r = add_address(p, t, field, &h->address, h->bits, l);
		if (r < 0)
			return r;
	}
	if (h->port) {
		r = add_port(p, t, field, h->port, h->port_len, l);
		if (r < 0)
			return r;
	}
	if (h->dev)
		return add_dev(p, t, h->dev, h->dev_len, l);
	if (l->first)
		return 0;
	r = add_leaf(p, t, LEAF_HAS, field, &node);
	if (r < 0)
		return r;
	tree_append(p->q, l, node);
	return 0;
}

static int join(struct parser *p, const struct token *t, const struct node_list *l, node_ref *ret)
{
	int r = tree_join(p->q, NODE_AND, l, ret);

	return r < 0 ? parse_tree_error(p, t, r) : 0;
}

int host_nodes(struct parser *p, const struct token *t, const struct host *h, enum field_id field, node_ref *ret)
{
	struct node_list l = {};
	int r = add_host(p, t, h, field, &l);

	return r < 0 ? r : join(p, t, &l, ret);
}

/* A UNIX name: a pattern, or the name itself with its escapes undone. */
static int add_unix(struct parser *p, const struct token *t, enum field_id field, const char *text, size_t len,
		    bool glob, struct node_list *l)
{
	struct address a = { .kind = ADDRESS_UNIX };
	char shown[TOKEN_SHOWN_MAX];
	node_ref node;
	char *name;
	int r;

	if (glob) {
		const struct token pattern = { .column = t->column, .length = t->length, .text = text, .len = len };

		r = literal_parse(p, field_get(field), OP_GLOB, &pattern, &node);
		if (r < 0)
			return r;
		tree_append(p->q, l, node);
		return 0;
	}
	/* A path that begins with @ is printed so. */
	if (len > 2 && memcmp(text, "./@", 3) == 0) {
		text += 2;
		len -= 2;
		name = tree_copy(p->q, text, len);
	} else {
		name = tree_copy(p->q, text, len);
		if (name && len > 0 && name[0] == '@')
			name[0] = 0;
	}
	if (!name)
		return parse_tree_error(p, t, -ENOMEM);
	if (text_unescape(name, len, &len) < 0)
		return parse_fail(p, t, "bad escape in %s: a byte is \\xHH, a backslash \\\\", parse_shown(t, shown));
	a.name = name;
	a.len = len;
	return add_address(p, t, field, &a, 0, l);
}

/* NAME[:REST] of the families whose addresses are words or numbers. */
static int add_word(struct parser *p, const struct token *t, enum field_id field, const char *text, size_t len,
		    const char **rest, size_t *rest_len, struct node_list *l)
{
	const char *colon = memchr(text, ':', len);
	struct address a = { .kind = ADDRESS_NUMBER };
	uint64_t number = 0;
	size_t i;

	*rest = colon ? colon + 1 : text + len;
	*rest_len = len - (size_t)(*rest - text);
	len = colon ? (size_t)(colon - text) : len;
	if (len == 0 || (len == 1 && text[0] == '*'))
		return 0;
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9' && number <= UINT32_MAX; i++)
		number = number * 10 + (unsigned)(text[i] - '0');
	if (i == len && number <= UINT32_MAX) {
		a.number = (uint32_t)number;
		return add_address(p, t, field, &a, 0, l);
	}
	if (glob_has_wildcard(text, len))
		return add_unix(p, t, field, text, len, true, l);
	a.kind = ADDRESS_WORD;
	a.name = tree_copy(p->q, text, len);
	a.len = len;
	return a.name ? add_address(p, t, field, &a, 0, l) : parse_tree_error(p, t, -ENOMEM);
}

/* AF_VSOCK and AF_TIPC of the libc are as old as the libc. */
static const struct family {
	const char *word;
	unsigned family;
} families[] = {
	{ "unix", AF_UNIX },     { "inet", AF_INET },       { "inet6", AF_INET6 }, { "link", AF_PACKET },
	{ "packet", AF_PACKET }, { "netlink", AF_NETLINK }, { "vsock", 40 },       { "tipc", 30 },
};

/* The family before a colon, or NULL. */
static const struct family *family_prefix(const char **text, size_t *len)
{
	const char *colon = memchr(*text, ':', *len);

	for (size_t i = 0; colon && i < ARRAY_SIZE(families); i++) {
		size_t n = strlen(families[i].word);

		if ((size_t)(colon - *text) != n || strncasecmp(*text, families[i].word, n) != 0)
			continue;
		*len -= n + 1;
		*text += n + 1;
		return &families[i];
	}
	return NULL;
}

static int host_error(struct parser *p, const struct token *t)
{
	char shown[TOKEN_SHOWN_MAX];

	return parse_fail(p, t,
			  "%s is no address: say 10.0.0.1, 10.0.0.0/8:443, [::1]:22, :443, /run/x.sock, @name or "
			  "FAMILY:ADDR; host names are not looked up",
			  parse_shown(t, shown));
}

static int add_family(struct parser *p, const struct token *t, const struct family *f, enum field_id field,
		      const char *text, size_t len, struct node_list *l)
{
	const char *rest;
	size_t rest_len;
	node_ref node;
	int r;

	r = literal_number_leaf(p, F_family, f->family, f->family, &node);
	if (r < 0)
		return r;
	tree_append(p->q, l, node);
	if (len == 0 || (len == 1 && text[0] == '*'))
		return 0;
	if (f->family == AF_UNIX)
		return add_unix(p, t, field, text, len, true, l);
	if (f->family == AF_INET || f->family == AF_INET6) {
		struct host h;

		return host_split(text, len, &h) < 0 ? host_error(p, t) : add_host(p, t, &h, field, l);
	}
	r = add_word(p, t, field, text, len, &rest, &rest_len, l);
	if (r < 0 || rest_len == 0 || (rest_len == 1 && rest[0] == '*'))
		return r;
	if (f->family == AF_PACKET)
		return add_dev(p, t, rest, rest_len, l);
	return add_port(p, t, field, rest, rest_len, l);
}

/* "!=": the end is there, and it is not that. */
static int invert(struct parser *p, const struct token *t, enum field_id field, node_ref node, node_ref *ret)
{
	struct node_list l = {};
	node_ref has, not ;
	int r;

	if (p->q->nodes[node].kind > NODE_NOT && p->q->nodes[node].kind != LEAF_HAS) {
		p->q->nodes[node].invert = true;
		*ret = node;
		return 0;
	}
	r = add_leaf(p, t, LEAF_HAS, field, &has);
	if (r >= 0)
		r = add_leaf(p, t, NODE_NOT, F_none, &not );
	if (r < 0)
		return r;
	p->q->nodes[not ].child = node;
	tree_append(p->q, &l, has);
	tree_append(p->q, &l, not );
	return join(p, t, &l, ret);
}

static enum compare order_of(enum op op)
{
	return op == OP_LT ? COMPARE_LT : op == OP_LE ? COMPARE_LE : op == OP_GT ? COMPARE_GT : COMPARE_GE;
}

int host_parse(struct parser *p, enum field_id field, enum op op, const struct token *t, node_ref *ret)
{
	const char *text = t->text;
	size_t len = t->len;
	const struct family *f = family_prefix(&text, &len);
	struct node_list l = {};
	struct host h;
	node_ref node;
	int r;

	if (f)
		r = add_family(p, t, f, field, text, len, &l);
	else if (len > 0 && (text[0] == '/' || text[0] == '@' || (len > 2 && memcmp(text, "./@", 3) == 0)))
		r = add_unix(p, t, field, text, len, !t->quoted && glob_has_wildcard(text, len), &l);
	else
		r = host_split(text, len, &h) < 0 ? host_error(p, t) : add_host(p, t, &h, field, &l);
	if (r >= 0)
		r = join(p, t, &l, &node);
	if (r < 0)
		return r;
	if (op == OP_NE)
		return invert(p, t, field, node, ret);
	if (op != OP_EQ) {
		if (p->q->nodes[node].kind != LEAF_ADDRESS)
			return parse_fail(p, t, "order is for a single address");
		p->q->nodes[node].compare = order_of(op);
	}
	*ret = node;
	return 0;
}
