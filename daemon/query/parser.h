/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the parser share: grammar (parse.c), terms, targets, literals */

#ifndef SOCKETD_QUERY_PARSER_H
#define SOCKETD_QUERY_PARSER_H

#include "query/lexer.h"
#include "query/tree.h"

struct parser {
	struct query *q;
	struct lexer lexer;
	struct token token; /* the one to look at next */
	struct query_error *error;
	unsigned depth, n_terms;
};

/* What a term is for runs of neighbours without an operator: those of a class are a union. */
enum term_class {
	TERM_OTHER,
	TERM_STATE, /* state X, exclude X */
	TERM_TARGET,
	TERM_NETNS,  /* the TARGET netns:NAME: where the others are looked for */
	TERM_NETID,  /* tcp, u_str */
	TERM_FAMILY, /* inet, inet6 */
};

struct term {
	enum term_class class;
	node_ref node;
	uint32_t states; /* of TERM_STATE */
	bool exclude;
};

enum op { OP_NONE, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_GLOB, OP_NOT_GLOB, OP_IN, OP_NOT_IN };

/* The next token becomes the one to look at. */
int parse_advance(struct parser *p);

/* Fills the error from a token and a message, in which %s stands for the token's text, and returns -EINVAL. */
int parse_fail(struct parser *p, const struct token *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* -EINVAL, -E2BIG, or -ENOMEM, with the error filled, from an error of tree.h. */
int parse_tree_error(struct parser *p, const struct token *at, int error);

/* A token for people: its text, cut, in quotes, nothing in it acts on a terminal. */
#define TOKEN_SHOWN_MAX 48
const char *parse_shown(const struct token *t, char buf[static TOKEN_SHOWN_MAX]);

/* A term at p->token; what follows it is looked at next. */
int term_parse(struct parser *p, struct term *ret);

/* A TARGET. 0 when the token does not look like one, 1 with *ret. */
int target_parse(struct parser *p, const struct token *t, node_ref *ret);

/* A leaf that compares a field with a literal. Not for OP_NONE, OP_IN, OP_NOT_IN. */
int literal_parse(struct parser *p, const struct field *f, enum op op, const struct token *t, node_ref *ret);

/* A ratio's literal: a number or a percentage. */
int literal_ratio(struct parser *p, const struct token *t, double *ret);

/* [FAMILY:]ADDR[/PFX][:PORT] at one end. */
int host_parse(struct parser *p, enum field_id field, enum op op, const struct token *t, node_ref *ret);

/* The same, as one piece of text. host_split: -EINVAL when it is no IP address, with or without a port. */
struct host {
	bool has_address;
	struct address address;
	unsigned bits;
	const char *port, *dev; /* NULL when there is none */
	size_t port_len, dev_len;
};

int host_split(const char *text, size_t len, struct host *ret);

/* The nodes of a host at one end. */
int host_nodes(struct parser *p, const struct token *t, const struct host *h, enum field_id field, node_ref *ret);

/* Leaves of known kinds. */
int literal_number_leaf(struct parser *p, enum field_id field, uint64_t lo, uint64_t hi, node_ref *ret);
int literal_text_leaf(struct parser *p, const struct token *t, enum field_id field, const char *text, size_t len,
		      node_ref *ret);
int literal_ports(struct parser *p, const struct token *t, enum field_id field, enum op op, const char *text,
		  size_t len, node_ref *ret);

/* The leaf of a word such as tcp or inet6: 0 when it is none, 1 with *ret. */
int term_kind(struct parser *p, const char *word, size_t len, enum term_class *ret_class, node_ref *ret);

#endif
