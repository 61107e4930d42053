/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of a file of /proc/net, as blocks */

#ifndef SOCKETD_SOURCE_PROCFS_H
#define SOCKETD_SOURCE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/netns.h"
#include "snapshot/arena.h"

struct netns_door;

/* Longest line; those of the kernel are 128 to 200 bytes. */
#define PROCFS_LINE_MAX 1024
/* Bytes that one read adds to the arena. */
#define PROCFS_SLICE (64u * 1024)

struct procfs {
	int fd;
	uint32_t source;
	uint32_t netns; /* inode number for the blocks' heads; 0 for that of the SOURCE block */
	bool header_seen;
	size_t n_carry; /* a line that the last read cut */
	char carry[PROCFS_LINE_MAX];
};

/* Opens a file of /proc/net by its name there ("udp6"), in the calling thread's namespace. -ENOENT when there is none. */
int procfs_open(struct procfs *ret, const char *name, uint32_t source);

/* The same inside a namespace, whose number the blocks then say; errors as of netlink_open_in(). */
int procfs_open_in(struct procfs *ret, struct netns_door *d, const struct netns *ns, const char *name, uint32_t source);

/* The same over a descriptor, which is taken. */
void procfs_init(struct procfs *p, int fd, uint32_t source);
void procfs_close(struct procfs *p);
DEFINE_CLEANUP(struct procfs, procfs_close)

/*
 * Reads a slice into a LINES block, whole lines without the file's heading.
 * 1 when there is more, 0 at the end; *ret_n_lines counts the slice's. -EBADMSG
 * for a line longer than PROCFS_LINE_MAX; errors of read(2); -ENOMEM.
 */
int procfs_read(struct procfs *p, struct arena *a, uint32_t *ret_n_lines);

#endif
