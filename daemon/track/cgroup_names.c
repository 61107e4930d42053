/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of cgroups, each kept once for all the processes in it */

#include "track/cgroup_names.h"

#include <stdlib.h>
#include <string.h>

static int compare(const struct cgroup_name *name, const char *text, size_t len)
{
	int r = memcmp(name->text, text, name->len < len ? name->len : len);

	return r ? r : name->len < len ? -1 : name->len > len;
}

/* Where the path is, or would be. */
static size_t place(const struct cgroup_names *names, const char *text, size_t len)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare(names->rows[middle], text, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct cgroup_names *names)
{
	size_t want = names->n_allocated ? names->n_allocated * 2 : 32;
	void *more;

	if (names->n < names->n_allocated)
		return 0;
	more = reallocarray(names->rows, want, sizeof(*names->rows));
	if (!more)
		return -1;
	names->n_memory += (want - names->n_allocated) * sizeof(*names->rows);
	names->rows = more;
	names->n_allocated = want;
	return 0;
}

struct cgroup_name *cgroup_names_get(struct cgroup_names *names, const char *text, size_t len)
{
	size_t at = place(names, text, len);
	struct cgroup_name *name;

	if (at < names->n && compare(names->rows[at], text, len) == 0) {
		names->rows[at]->n_refs++;
		return names->rows[at];
	}
	if (make_room(names) < 0)
		return NULL;
	name = malloc(sizeof(*name) + len);
	if (!name)
		return NULL;
	name->n_refs = 1;
	name->len = (uint32_t)len;
	memcpy(name->text, text, len);
	memmove(names->rows + at + 1, names->rows + at, (names->n - at) * sizeof(*names->rows));
	names->rows[at] = name;
	names->n++;
	names->n_memory += sizeof(*name) + len;
	return name;
}

void cgroup_names_put(struct cgroup_names *names, struct cgroup_name *name)
{
	size_t at;

	if (!name || --name->n_refs > 0)
		return;
	at = place(names, name->text, name->len);
	names->n--;
	names->n_memory -= sizeof(*name) + name->len;
	memmove(names->rows + at, names->rows + at + 1, (names->n - at) * sizeof(*names->rows));
	free(name);
	if (names->n > 0)
		return;
	free(names->rows);
	*names = (struct cgroup_names){};
}
