/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of a filter: what the parser builds, and matching and planning walk */

#ifndef SOCKETD_QUERY_TREE_H
#define SOCKETD_QUERY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/value.h"
#include "query/glob.h"
#include "query/query.h"

enum node_kind {
	NODE_NONE,
	NODE_ALL, /* an empty text */
	NODE_AND, /* n-ary: chains do not nest */
	NODE_OR,
	NODE_NOT,
	LEAF_STATE,
	LEAF_HAS,       /* the field is there */
	LEAF_TRUTH,     /* bool true, number not 0, else there */
	LEAF_NUMBER,    /* in one of the ranges */
	LEAF_MASKED,    /* (number & mask) == value */
	LEAF_TEXT,      /* compare with text */
	LEAF_GLOB,      /* text or address like a pattern */
	LEAF_ADDRESS,   /* compare with an address, or in its prefix */
	LEAF_RATIO,     /* field / divisor compared with a number */
	LEAF_COMPONENT, /* text has this component between slashes; of F_cgroup, an owner's where the socket has none */
	LEAF_AUTOBOUND,
};

enum compare { COMPARE_EQ, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

/* Both ends included. Of a signed field the sign bit is flipped, so that order is that of uint64_t. */
struct range {
	uint64_t lo, hi;
};

#define ORDINAL_SIGN (UINT64_C(1) << 63)

/* In LEAF_STATE's mask: a row without a state, or with a number beyond STATES_ALL. */
#define STATE_NONE_BIT UINT32_C(1)

/* Index of a node; 0 is none. */
typedef uint16_t node_ref;
#define NODES_MAX 16384

struct node {
	uint8_t kind;    /* enum node_kind */
	uint8_t compare; /* enum compare */
	bool invert;     /* of leaves: there, and no value of it matches */
	bool target;     /* made by sk: or ino: */
	node_ref next;   /* sibling */
	node_ref child;  /* first one */
	uint16_t field, divisor;
	union {
		uint32_t states;
		struct {
			struct range *ranges; /* sorted, apart from each other */
			size_t n_ranges;
		};
		struct {
			uint64_t value, mask;
		};
		struct {
			const char *text;
			size_t len;
		};
		struct glob *glob;
		struct {
			struct address address;
			uint8_t bits; /* of an IP address: the prefix's length */
		};
		double ratio;
	};
};

struct query {
	struct node *nodes;
	size_t n_nodes, n_allocated;
	node_ref root;
	uint32_t groups;
	bool has_state, has_target, wants_kernel;
	struct tree_chunk *chunks; /* memory of texts, ranges and patterns */
};

static inline const struct node *tree_node(const struct query *q, node_ref i)
{
	return &q->nodes[i];
}

/* A new node. -ENOMEM, -E2BIG. The pointer is valid until the next one is made. */
int tree_add(struct query *q, enum node_kind kind, enum field_id field, node_ref *ret);

/* Memory that lives as long as the query. NULL when there is none. */
void *tree_alloc(struct query *q, size_t size);
char *tree_copy(struct query *q, const char *text, size_t len);

/* A growing row of nodes that become one: AND or OR, or the only one itself. */
struct node_list {
	node_ref first, last;
};

void tree_append(struct query *q, struct node_list *l, node_ref node);
int tree_join(struct query *q, enum node_kind kind, const struct node_list *l, node_ref *ret);

/* Sorts ranges and merges what touches; returns how many are left. */
size_t tree_normalise(struct range *ranges, size_t n);

bool tree_in_ranges(const struct node *n, uint64_t ordinal);

/* Of LEAF_COMPONENT. */
bool tree_has_component(const struct node *n, const char *path, size_t len);

/* Whether the field's numbers are signed: its ranges are shifted then. */
bool tree_is_signed(enum field_id field);

/* Whether one value of a leaf's field satisfies it, invert not regarded. Not for LEAF_STATE, LEAF_RATIO,
 * LEAF_AUTOBOUND. */
bool tree_value_matches(const struct node *n, const struct value *v);

#endif
