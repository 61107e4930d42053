/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which columns a list has */

#ifndef SOCKETD_CLI_COLUMNS_H
#define SOCKETD_CLI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/buffer.h"
#include "cli/options.h"
#include "model/field.h"
#include "query/query.h"
#include "snapshot/context.h"

enum column_kind {
	COLUMN_FIELD,
	COLUMN_LOCAL, /* local:port, as ss writes an endpoint */
	COLUMN_PEER,
	COLUMN_USERS, /* users:(("nginx",pid=1,fd=6)) */
	COLUMN_WHOSE, /* container, else unit and what it activates */
	COLUMN_NETNS, /* name of the namespace, else its number */
};

struct column {
	enum column_kind kind;
	const struct field *field; /* of COLUMN_FIELD */
	const char *name;          /* as in -C, CSV and {} */
	const char *title;         /* for people */
	bool added;                /* by -C */
};

#define COLUMNS_MAX 128

struct columns {
	struct column rows[COLUMNS_MAX];
	size_t n;
	bool usual; /* the default set, maybe changed by +a,-b */
};

/* A set of fields, for a feed's request. */
struct field_set {
	enum field_id ids[FIELD_COUNT];
	size_t n;
};

void field_set_add(struct field_set *s, enum field_id id);
void field_set_add_group(struct field_set *s, enum field_group g);

/* The set of a table (as ss) or, for machines, of CSV and its like. */
void columns_default(struct columns *c, const struct arguments *arg);

/*
 * What the default table has depends on what the answer is of, which its first blocks tell: a
 * column Unit where the host has units, a column Netns for rows of several namespaces. Without a
 * context neither.
 */
void columns_settle(struct columns *c, const struct query *q, const struct context *context);

/*
 * -C: "a,b" replaces the set, "+a,-b" changes it. -1, or the exit code of a
 * mistake, which was said.
 */
int columns_change(struct columns *c, const char *list);

/* A column by name: a field or its alias, or one of ours. false when there is none. */
bool columns_lookup(const char *name, size_t len, struct column *ret);

/* The fields that a column is made of; all those that it looks at, or only those that it says. */
void columns_fields(const struct column *c, bool all, struct field_set *s);

/* A list of field names for --sort and its like; a "-" before a name sets its place in descending, if that is not NULL. */
int columns_field_list(const char *option, const char *list, size_t max, enum field_id *ret_ids, bool *ret_descending,
		       size_t *ret_n);

/* Says that there is no such column or field, and which one might be meant. */
void columns_unknown(const char *option, const char *name, size_t len);

/* -C help: all of them, with what they mean. An exit code. */
int columns_help(const struct arguments *arg);

#endif
