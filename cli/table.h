/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of cells, written as they come: an aligned table, CSV and its like, or JSON */

#ifndef SOCKETD_CLI_TABLE_H
#define SOCKETD_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/document.h"
#include "cli/options.h"
#include "cli/output.h"

#define TABLE_COLUMNS_MAX 128

struct table_column {
	const char *title; /* for people */
	const char *name;  /* for machines */
	bool right;        /* numbers stand at the right */
};

struct table_cell {
	uint32_t start, len; /* in the row's text */
	uint16_t split;      /* what is left of it is right-aligned, as the address in address:port; 0 for none */
	uint8_t colour;      /* enum colour */
	bool absent;         /* no value: "-" for people, nothing for machines */
	bool number;         /* JSON: not a string */
};

struct table {
	const struct arguments *arg;
	struct output out;
	struct document document; /* of the JSON formats */
	struct table_column columns[TABLE_COLUMNS_MAX];
	size_t n_columns;

	/* The row that is being made: cells, and behind them the tail, which runs on over lines of its own. */
	struct buffer row;
	struct table_cell cells[TABLE_COLUMNS_MAX];
	size_t n_cells;
	size_t tail;         /* where it begins */
	unsigned tail_lines; /* line ends in it */

	/* Rows wait until there are enough of them to know the columns' widths. */
	struct buffer held;
	size_t n_held;
	bool streaming;
	uint16_t left[TABLE_COLUMNS_MAX], width[TABLE_COLUMNS_MAX];
	uint64_t n_rows;
};

/* Columns are copied, their strings are not. */
void table_init(struct table *t, const struct arguments *arg, const struct table_column *columns, size_t n);
void table_deinit(struct table *t);
DEFINE_CLEANUP(struct table, table_deinit)

/* What the array of a JSON document is called; "rows" if not said. Before the first row. */
void table_name(struct table *t, const char *name);

/* The cell's text was appended to t->row. */
void table_cell_end(struct table *t, size_t split, enum colour colour);
void table_cell_absent(struct table *t);
void table_cell_text(struct table *t, const char *text); /* safe to print */
void table_cell_number(struct table *t, uint64_t u);

/* All cells are there; what is appended to t->row from now on is the tail. */
void table_tail_begin(struct table *t);
void table_row_end(struct table *t);

/*
 * The rest, a line for people behind it (NULL for none; only on a terminal),
 * and for JSON what the reading says of itself (NULL without). error: why rows
 * are missing (NULL: none are); then a header without rows is not printed. An
 * exit code.
 */
int table_finish(struct table *t, const char *footer);
int table_finish_reading(struct table *t, const char *footer, const struct context *c, const char *error);

#endif
