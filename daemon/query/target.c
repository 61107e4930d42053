/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TARGETs: what people type to name a socket, as in ":443", "pid:1", "nginx.service" */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "query/parser.h"

#define FAMILY_SMC 43 /* its addresses are IP addresses; newer than some C libraries */

static int join(struct parser *p, const struct token *t, enum node_kind kind, const struct node_list *l, node_ref *ret)
{
	int r = tree_join(p->q, kind, l, ret);

	return r < 0 ? parse_tree_error(p, t, r) : 0;
}

static int both(struct parser *p, const struct token *t, enum node_kind kind, node_ref a, node_ref b, node_ref *ret)
{
	struct node_list l = {};

	tree_append(p->q, &l, a);
	tree_append(p->q, &l, b);
	return join(p, t, kind, &l, ret);
}

/* At either end. */
static int either_host(struct parser *p, const struct token *t, const struct host *h, node_ref *ret)
{
	node_ref local, peer;
	int r;

	r = host_nodes(p, t, h, F_local, &local);
	if (r >= 0)
		r = host_nodes(p, t, h, F_peer, &peer);
	return r < 0 ? r : both(p, t, NODE_OR, local, peer, ret);
}

/* A port of 65535 at most: others have numbers like it (a netlink port is a pid). */
static int check_port(struct parser *p, const struct token *t, const struct host *h)
{
	char shown[TOKEN_SHOWN_MAX];
	uint64_t port = 0;

	for (size_t i = 0; i < h->port_len; i++) {
		port = h->port[i] >= '0' && h->port[i] <= '9' ? port * 10 + (unsigned)(h->port[i] - '0') : 0;
		if (port > UINT16_MAX)
			return parse_fail(p, t, "%s: a port is at most 65535", parse_shown(t, shown));
	}
	return 0;
}

/* Ports alone could be of any family: only IP's are meant. */
static int ip_families(struct parser *p, node_ref *ret)
{
	struct range *ranges = tree_alloc(p->q, 3 * sizeof(*ranges));
	node_ref node;
	int r;

	r = ranges ? tree_add(p->q, LEAF_NUMBER, F_family, &node) : -ENOMEM;
	if (r < 0)
		return parse_tree_error(p, &p->token, r);
	ranges[0] = (struct range){ AF_INET, AF_INET };
	ranges[1] = (struct range){ AF_INET6, AF_INET6 };
	ranges[2] = (struct range){ FAMILY_SMC, FAMILY_SMC };
	p->q->nodes[node].ranges = ranges;
	p->q->nodes[node].n_ranges = 3;
	*ret = node;
	return 0;
}

static int host_target(struct parser *p, const struct token *t, const struct host *h, node_ref *ret)
{
	node_ref family = 0, ends;
	int r;

	r = check_port(p, t, h);
	if (r >= 0)
		r = either_host(p, t, h, &ends);
	if (r < 0)
		return r;
	if (h->has_address) {
		*ret = ends;
		return 0;
	}
	r = ip_families(p, &family);
	return r < 0 ? r : both(p, t, NODE_AND, family, ends, ret);
}

/* The local name itself, no pattern. */
static int unix_target(struct parser *p, const struct token *t, const char *text, node_ref *ret)
{
	struct token name = *t;

	name.text = text;
	name.len = t->len - (size_t)(text - t->text);
	name.quoted = true;
	return host_parse(p, F_local, OP_EQ, &name, ret);
}

/* FIELD:VALUE */
static const struct prefix {
	const char *word;
	enum field_id field;
} prefixes[] = {
	{ "pid", F_pid }, { "ino", F_inode },   { "sk", F_cookie },     { "uid", F_uid },
	{ "dev", F_dev }, { "netns", F_netns }, { "cgroup", F_cgroup },
};

static int prefix_target(struct parser *p, const struct token *t, const struct prefix *x, const char *value,
			 node_ref *ret)
{
	struct token literal = *t;
	struct node *n;
	int r;

	literal.text = value;
	literal.len = t->len - (size_t)(value - t->text);
	/* What stands in quotes is the target; a name of digits alone is netns_name = '7'. */
	literal.quoted = false;
	if (literal.len == 0)
		return parse_fail(p, t, "expected a value behind %s:", x->word);
	r = literal_parse(p, field_get(x->field), OP_EQ, &literal, ret);
	if (r < 0)
		return r;
	n = &p->q->nodes[*ret];
	n->target =
		(x->field == F_cookie || x->field == F_inode) && n->n_ranges == 1 && n->ranges[0].lo == n->ranges[0].hi;
	return 1;
}

/* tcp:443, tcp:10.0.0.1:443, unix:/run/x.sock */
static int kind_target(struct parser *p, const struct token *t, const char *colon, node_ref *ret)
{
	const char *rest = colon + 1;
	size_t len = t->len - (size_t)(rest - t->text);
	char shown[TOKEN_SHOWN_MAX];
	enum term_class class;
	node_ref kind, ends;
	struct host h = {};
	int r;

	r = term_kind(p, t->text, (size_t)(colon - t->text), &class, &kind);
	if (r <= 0)
		return r;
	if (len > 0 && (rest[0] == '/' || rest[0] == '@')) {
		r = unix_target(p, t, rest, &ends);
	} else {
		if (host_split(rest, len, &h) < 0) {
			h = (struct host){ .port = rest, .port_len = len };
			if (len == 0 || memchr(rest, ':', len))
				return parse_fail(p, t, "expected a port or an address behind the colon of %s",
						  parse_shown(t, shown));
		}
		r = check_port(p, t, &h);
		if (r >= 0)
			r = either_host(p, t, &h, &ends);
	}
	if (r >= 0)
		r = both(p, t, NODE_AND, kind, ends, ret);
	return r < 0 ? r : 1;
}

static const char unit_prefix[] = "unit:", container_prefix[] = "container:";

static bool ends_in_unit_type(const struct token *t)
{
	static const char *const types[] = { ".service", ".scope", ".slice", ".socket" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t n = strlen(types[i]);

		if (t->len > n && memcmp(t->text + t->len - n, types[i], n) == 0 && !memchr(t->text, '/', t->len))
			return true;
	}
	return false;
}

/* A leaf of text, of which a name is all (LEAF_TEXT) or a part (LEAF_COMPONENT). */
static int add_name(struct parser *p, struct node_list *l, enum node_kind kind, enum field_id field, const char *name,
		    size_t len)
{
	node_ref node;
	int r = tree_add(p->q, kind, field, &node);

	if (r < 0)
		return r;
	p->q->nodes[node].text = name;
	p->q->nodes[node].len = len;
	tree_append(p->q, l, node);
	return 0;
}

/*
 * Units are groups: the name is a component of the path, that of the socket or, where the kernel
 * tells none, of a process that holds it. What PID 1 holds for others is of a .socket unit, and of
 * the service that it starts. Names hold \x2d for a "-" as it is, so only a name with \\ was
 * printed by us.
 */
static int unit_target(struct parser *p, const struct token *t, node_ref *ret)
{
	static const enum field_id fields[] = { F_unit, F_slice, F_user_unit, F_activates };
	char *name = tree_copy(p->q, t->text, t->len);
	struct node_list any = {};
	size_t len = t->len;
	int r;

	if (name && strstr(name, "\\\\") && text_unescape(name, len, &len) < 0)
		return parse_fail(p, t, "bad escape: a byte is \\xHH, a backslash \\\\");
	r = name ? add_name(p, &any, LEAF_COMPONENT, F_cgroup, name, len) : -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++)
		r = add_name(p, &any, LEAF_TEXT, fields[i], name, len);
	if (r >= 0)
		r = tree_join(p->q, NODE_OR, &any, ret);
	return r < 0 ? parse_tree_error(p, t, r) : 1;
}

/* Digits of an id that are shown (model/unit.h), and of a whole one. */
#define ID_SHOWN 12
#define ID_WHOLE 64

/* container:NAME: as it is shown ("docker:0123456789ab"), or a part of it; an id can be whole, too. */
static int container_target(struct parser *p, const struct token *t, node_ref *ret)
{
	const size_t prefix = strlen(container_prefix);
	char *name = tree_copy(p->q, t->text + prefix, t->len - prefix);
	struct node_list one = {};
	size_t len = t->len - prefix;
	int r;

	if (len == 0)
		return parse_fail(p, t, "expected the name of a container behind container:, such as docker:3f2a09c1d5e7 or web");
	if (name && text_unescape(name, len, &len) < 0)
		return parse_fail(p, t, "bad escape: a byte is \\xHH, a backslash \\\\");
	/* The id is what stands behind the runtime's name, if that is there. */
	if (name && len >= ID_WHOLE && strspn(name + len - ID_WHOLE, "0123456789abcdef") == ID_WHOLE &&
	    (len == ID_WHOLE || strchr(":/", name[len - ID_WHOLE - 1])))
		len -= ID_WHOLE - ID_SHOWN;
	r = name ? add_name(p, &one, LEAF_COMPONENT, F_container, name, len) : -ENOMEM;
	if (r < 0)
		return parse_tree_error(p, t, r);
	*ret = one.first;
	return 1;
}

/* unit:NAME, for a name that looks like something else: foo@host:1.service. */
static int unit_prefix_target(struct parser *p, const struct token *t, node_ref *ret)
{
	const size_t n = strlen(unit_prefix);
	struct token name = *t;

	name.text += n;
	name.len -= n;
	if (name.len == 0 || memchr(name.text, '/', name.len))
		return parse_fail(p, t, "expected the name of a unit behind unit:, such as nginx.service");
	return unit_target(p, &name, ret);
}

static int parse_target(struct parser *p, const struct token *t, node_ref *ret)
{
	const char *colon = memchr(t->text, ':', t->len);
	char shown[TOKEN_SHOWN_MAX];
	struct host h;
	int r;

	if (t->text[0] == '/' || t->text[0] == '@' || (t->len > 2 && memcmp(t->text, "./@", 3) == 0)) {
		r = unix_target(p, t, t->text, ret);
		return r < 0 ? r : 1;
	}
	if (t->len >= strlen(unit_prefix) && strncasecmp(t->text, unit_prefix, strlen(unit_prefix)) == 0)
		return unit_prefix_target(p, t, ret);
	if (t->len >= strlen(container_prefix) && strncasecmp(t->text, container_prefix, strlen(container_prefix)) == 0)
		return container_target(p, t, ret);
	for (size_t i = 0; colon && i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].word);

		if ((size_t)(colon - t->text) == n && strncasecmp(t->text, prefixes[i].word, n) == 0)
			return prefix_target(p, t, &prefixes[i], colon + 1, ret);
	}
	/* Something of an address must be there: "*" and "1.5" are none. */
	if (host_split(t->text, t->len, &h) >= 0 && (h.has_address || h.port)) {
		r = host_target(p, t, &h, ret);
		return r < 0 ? r : 1;
	}
	if (colon) {
		r = kind_target(p, t, colon, ret);
		if (r != 0)
			return r;
		return parse_fail(
			p, t,
			"%s is no TARGET: say :443, tcp:443, 10.0.0.1:443, [::1]:22, pid:1, ino:123, sk:1a2b, "
			"uid:0, dev:lo, netns:NAME, cgroup:/path, unit:NAME, container:NAME",
			parse_shown(t, shown));
	}
	if (ends_in_unit_type(t))
		return unit_target(p, t, ret);
	return 0;
}

int target_parse(struct parser *p, const struct token *t, node_ref *ret)
{
	int r = t->len > 0 ? parse_target(p, t, ret) : 0;

	if (r > 0)
		p->q->has_target = true;
	return r;
}
