/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The .socket units of systemd that a stream tells of */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/cleanup.h"
#include "snapshot/unit_table.h"

static void row_deinit(struct socket_unit *u)
{
	free((char *)u->unit);
	free((char *)u->service);
	free((char *)u->listen);
}

void unit_table_deinit(struct unit_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		row_deinit(&t->rows[i]);
	free(t->rows);
	free(t->by_listen);
	*t = (struct unit_table){};
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int c = len ? memcmp(a, b, len) : 0;

	return c ? c : a_len < b_len ? -1 : a_len > b_len;
}

static int compare_listen(const struct socket_unit *u, const char *name, size_t len)
{
	return compare_bytes(u->listen, u->listen_len, name, len);
}

/* The first row that is not before the unit and address. */
static size_t find_place(const struct unit_table *t, const char *unit, size_t len, const char *listen, size_t listen_len)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct socket_unit *u = &t->rows[middle];
		int c = compare_bytes(u->unit, strlen(u->unit), unit, len);

		if (c == 0)
			c = compare_listen(u, listen, listen_len);
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct unit_table *t, size_t at)
{
	if (t->n >= UNIT_TABLE_MAX)
		return -E2BIG;
	if (t->n == t->n_allocated) {
		size_t n = t->n_allocated ? t->n_allocated * 2 : 16;
		struct socket_unit *more = reallocarray(t->rows, n, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->rows = more;
		t->n_allocated = n;
	}
	memmove(t->rows + at + 1, t->rows + at, (t->n - at) * sizeof(*t->rows));
	t->rows[at] = (struct socket_unit){};
	t->n++;
	return 0;
}

int unit_table_put(struct unit_table *t, const struct socket_unit *u)
{
	CLEANUP(free) char *unit = strdup(u->unit), *service = NULL, *listen = NULL;
	size_t at = find_place(t, u->unit, strlen(u->unit), u->listen, u->listen_len);
	int r;

	if (u->service)
		service = strdup(u->service);
	if (u->listen_len) {
		listen = malloc(u->listen_len);
		if (listen)
			memcpy(listen, u->listen, u->listen_len);
	}
	if (!unit || (u->service && !service) || (u->listen_len && !listen))
		return -ENOMEM;
	if (at == t->n || strcmp(t->rows[at].unit, unit) != 0 || compare_listen(&t->rows[at], u->listen, u->listen_len) != 0) {
		r = insert(t, at);
		if (r < 0)
			return r;
		free(t->by_listen);
		t->by_listen = NULL;
	}
	row_deinit(&t->rows[at]);
	t->rows[at] = (struct socket_unit){
		.unit = STEAL_PTR(unit), .service = STEAL_PTR(service), .listen = STEAL_PTR(listen), .listen_len = u->listen_len,
	};
	return 0;
}

const struct socket_unit *unit_table_find(const struct unit_table *t, const char *unit, size_t len)
{
	size_t at = find_place(t, unit, len, NULL, 0);

	if (at == t->n || compare_bytes(t->rows[at].unit, strlen(t->rows[at].unit), unit, len) != 0)
		return NULL;
	return &t->rows[at];
}

static int compare_places(const void *a, const void *b, void *rows)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct socket_unit *x = (const struct socket_unit *)rows + i, *y = (const struct socket_unit *)rows + k;
	int c = compare_listen(x, y->listen, y->listen_len);

	return c ? c : i < k ? -1 : i > k;
}

/* The order by address is made when it is asked for. False when memory is short: nothing is found then. */
static bool order(struct unit_table *t)
{
	if (t->by_listen || t->n == 0)
		return t->by_listen;
	t->by_listen = reallocarray(NULL, t->n, sizeof(*t->by_listen));
	if (!t->by_listen)
		return false;
	t->n_by_listen = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].listen_len)
			t->by_listen[t->n_by_listen++] = (uint32_t)i;
	qsort_r(t->by_listen, t->n_by_listen, sizeof(*t->by_listen), compare_places, t->rows);
	return true;
}

const struct socket_unit *unit_table_find_listen(const struct unit_table *table, const char *name, size_t len)
{
	struct unit_table *t = (struct unit_table *)table; /* the order is made when it is first used */
	size_t low = 0, high;

	if (len == 0 || !order(t))
		return NULL;
	high = t->n_by_listen;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_listen(&t->rows[t->by_listen[middle]], name, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == t->n_by_listen || compare_listen(&t->rows[t->by_listen[low]], name, len) != 0)
		return NULL;
	return &t->rows[t->by_listen[low]];
}
