/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control groups of the host, as blocks: id and path of each */

#ifndef SOCKETD_SOURCE_CGROUPS_H
#define SOCKETD_SOURCE_CGROUPS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"

#define CGROUPS_MAX 16384
#define CGROUPS_DEPTH_MAX 32
#define CGROUPS_PATH_MAX 4096
#define CGROUPS_SLICE 256 /* groups of one step */

/* A walk through the cgroup2 tree that can be left and gone on with. */
struct cgroups {
	unsigned int depth; /* directories that are open */
	struct {
		DIR *dir;
		size_t path_len; /* of its path */
	} level[CGROUPS_DEPTH_MAX];
	unsigned int n_groups;
	char path[CGROUPS_PATH_MAX]; /* from the root of the mount, without the last "/" */
};

/* The root of the first cgroup2 mount, which the caller closes; -ENOENT when there is none. */
int cgroups_open_root(void);

/* Begins at the first cgroup2 mount. Where there is none the walk is empty. */
int cgroups_open(struct cgroups *ret, struct arena *a);
void cgroups_close(struct cgroups *c);
DEFINE_CLEANUP(struct cgroups, cgroups_close)

/* Writes a CGROUP block for each of the next groups. 1 when there are more, 0 at the end, -ENOMEM. */
int cgroups_step(struct cgroups *c, struct arena *a);

#endif
