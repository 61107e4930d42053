/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A JSON document that is written row by row */

#ifndef SOCKETD_CLI_DOCUMENT_H
#define SOCKETD_CLI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"
#include "cli/output.h"
#include "decode/record.h"

/*
 * {"schema":"socketd/1","NAME":[rows],...what the reading says of itself}
 * in FORMAT_JSON and FORMAT_JSON_PRETTY; in FORMAT_JSON_LINES a row a line and
 * {"reading":{...}} last, in FORMAT_JSON_SEQ the same with RS before each.
 */
struct document {
	struct output *out;
	enum format format;
	const char *name; /* of the array */
	uint64_t n_rows;
};

struct json_object;
struct table_column;
struct table_cell;

void document_init(struct document *d, struct output *out, enum format format, const char *name);

/* A socket; fields NULL is every one that it has. */
void document_record(struct document *d, struct record *r, const enum field_id *fields, size_t n_fields);

/* A row that was made elsewhere; it is taken over. */
void document_object(struct document *d, struct json_object *o);

/* A row of the catalogue. */
void document_field(struct document *d, const struct field *f);

/* A row of a table: absent cells are left out. */
void document_cells(struct document *d, const struct table_column *columns, const char *row,
		    const struct table_cell *cells, size_t n);

/* c: what was read, for the members behind the array; NULL without. error: why it is not whole, or NULL. */
void document_end(struct document *d, const struct context *c, const char *error);

#endif
