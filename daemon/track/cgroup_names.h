/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of cgroups, each kept once for all the processes in it */

#ifndef SOCKETD_TRACK_CGROUP_NAMES_H
#define SOCKETD_TRACK_CGROUP_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct cgroup_name {
	uint32_t n_refs;
	uint32_t len;
	char text[]; /* not ended by a NUL */
};

struct cgroup_names {
	struct cgroup_name **rows; /* by their bytes */
	size_t n, n_allocated;
	size_t n_memory;
};

/* A reference to the path, which the caller gives back by cgroup_names_put(). NULL when memory is short. */
struct cgroup_name *cgroup_names_get(struct cgroup_names *names, const char *text, size_t len);

/* The last reference to it takes the path away. name may be NULL. */
void cgroup_names_put(struct cgroup_names *names, struct cgroup_name *name);

#endif
