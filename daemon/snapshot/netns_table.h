/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network namespaces that a stream tells of */

#ifndef SOCKETD_SNAPSHOT_NETNS_TABLE_H
#define SOCKETD_SNAPSHOT_NETNS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Twice what a reader reads (NETNS_MAX). */
#define NETNS_TABLE_MAX 8192u

struct netns_info {
	uint64_t ino;
	uint64_t cookie;  /* 0 when it is not told */
	uint64_t whole;   /* SOURCE_BIT of those that were read here to their end */
	const char *name; /* any bytes; NULL for none */
	uint32_t pid;     /* a process in it; 0 when none is known */
	bool own;         /* the reader's */
};

/* Sorted by inode number. All zero is empty. */
struct netns_table {
	struct netns_info *rows;
	size_t n, n_allocated;
	uint64_t own; /* inode number of the reader's */
};

void netns_table_deinit(struct netns_table *t);

/*
 * In the place of what was said of the same one before, but for what was read
 * there. The name (of len bytes, up to a NUL; NULL for none) is copied. -E2BIG past NETNS_TABLE_MAX, -ENOMEM.
 */
int netns_table_put(struct netns_table *t, const struct netns_info *ns, const char *name, size_t len);

/* NULL when there is none. */
struct netns_info *netns_table_find(const struct netns_table *t, uint64_t ino);

/* One makes room: not the own. Its inode number, 0 when there was none to go. */
uint64_t netns_table_drop_one(struct netns_table *t);

#endif
