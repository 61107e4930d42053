/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names by number */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/context.h"
#include "snapshot/name_table.h"

void name_table_deinit(struct name_table *t)
{
	for (size_t i = 0; i < t->n_rows; i++)
		free(t->rows[i].text);
	free(t->rows);
}

int name_table_add(struct name_table *t, uint64_t key, const char *text, size_t len)
{
	char *copy;

	if (t->n_rows >= CONTEXT_NAMES_MAX)
		return -E2BIG;
	if (t->n_rows == t->n_allocated) {
		size_t n = t->n_allocated ? t->n_allocated * 2 : 64;
		struct name *more = reallocarray(t->rows, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->rows = more;
		t->n_allocated = n;
	}
	copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	t->rows[t->n_rows++] = (struct name){ .key = key, .text = copy, .order = t->n_added++ };
	t->sorted = false;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void sort(struct name_table *t)
{
	size_t kept = 0;

	if (t->n_rows)
		qsort(t->rows, t->n_rows, sizeof(*t->rows), compare_names);
	for (size_t i = 0; i < t->n_rows; i++) {
		if (i + 1 < t->n_rows && t->rows[i + 1].key == t->rows[i].key) {
			free(t->rows[i].text);
			continue;
		}
		t->rows[kept++] = t->rows[i];
	}
	t->n_rows = kept;
	t->sorted = true;
}

/* The first row whose key is not below. */
static size_t find_place(const struct name_table *table, uint64_t key)
{
	struct name_table *t = (struct name_table *)table; /* sorting changes the order, not what is in it */
	size_t low = 0, high;

	if (!t->sorted)
		sort(t);
	high = t->n_rows;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rows[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void name_table_drop(struct name_table *t, uint64_t low, uint64_t high)
{
	size_t first = find_place(t, low), end = first;

	for (; end < t->n_rows && t->rows[end].key <= high; end++)
		free(t->rows[end].text);
	if (end > first)
		memmove(t->rows + first, t->rows + end, (t->n_rows - end) * sizeof(*t->rows));
	t->n_rows -= end - first;
}

const char *name_table_find(const struct name_table *t, uint64_t key)
{
	size_t at = find_place(t, key);

	return at < t->n_rows && t->rows[at].key == key ? t->rows[at].text : NULL;
}

int name_table_replace(struct name_table *t, uint64_t key, const char *text, size_t len)
{
	size_t at = find_place(t, key);
	struct name added;
	int r;

	r = name_table_add(t, key, text, len);
	if (r < 0)
		return r;
	added = t->rows[--t->n_rows];
	t->sorted = true;
	if (at < t->n_rows && t->rows[at].key == key) {
		free(t->rows[at].text);
	} else {
		memmove(t->rows + at + 1, t->rows + at, (t->n_rows - at) * sizeof(*t->rows));
		t->n_rows++;
	}
	t->rows[at] = added;
	return 0;
}
