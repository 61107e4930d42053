/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names by number: devices by index, groups by id */

#ifndef SOCKETD_SNAPSHOT_NAME_TABLE_H
#define SOCKETD_SNAPSHOT_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
	uint64_t key;
	char *text;
	uint64_t order; /* of coming */
};

/* Kept sorted on demand: names come in any order, and are few. All zero is empty. */
struct name_table {
	struct name *rows;
	size_t n_rows, n_allocated;
	uint64_t n_added;
	bool sorted;
};

void name_table_deinit(struct name_table *t);

/* Copied, up to a NUL; of one key the last counts. -ENOMEM, -E2BIG past CONTEXT_NAMES_MAX. */
int name_table_add(struct name_table *t, uint64_t key, const char *text, size_t len);

/* The same, at once in the place of what was said of the key before: no more rows than keys. */
int name_table_replace(struct name_table *t, uint64_t key, const char *text, size_t len);

/* Forgets those from low to high, both included. */
void name_table_drop(struct name_table *t, uint64_t low, uint64_t high);

/* NULL when there is none. */
const char *name_table_find(const struct name_table *t, uint64_t key);

#endif
