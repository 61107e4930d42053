/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows for other programs: CSV (RFC 4180), tab-separated, name=value */

#ifndef SOCKETD_CLI_CSV_H
#define SOCKETD_CLI_CSV_H

#include "cli/buffer.h"
#include "cli/table.h"

/* FORMAT_CSV or FORMAT_TSV. */
void csv_header(struct buffer *b, enum format format, const struct table_column *columns, size_t n);
void csv_row(struct buffer *b, enum format format, const char *row, const struct table_cell *cells, size_t n);

/* FORMAT_KV: absent ones are left out. */
void csv_pairs(struct buffer *b, const struct table_column *columns, const char *row, const struct table_cell *cells,
	       size_t n);

#endif
