/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network namespace, and a list of them */

#ifndef SOCKETD_MODEL_NETNS_H
#define SOCKETD_MODEL_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"

/* ip-netns(8) names are file names; a container's can be longer and is cut. */
#define NETNS_NAME_MAX 256
/* Where it can be opened: /proc/PID/ns/net, a bind mount, /proc/PID/fd/N. */
#define NETNS_PATH_MAX 512
/* Namespaces that are read at most; those past it count as hidden (NamespacesMax of socketd.conf is lower). */
#define NETNS_MAX 4096u

struct netns {
	uint64_t ino;  /* of /proc/PID/ns/net: the kernel's ns.inum */
	uint32_t pid;  /* a process in it; 0 when none is known */
	bool own;      /* the reader's */
	char *name;    /* as SOCKETD_NETNS_NAME; NULL for none */
	char *path;    /* that leads to it; NULL for the own one, and where none does */
};

struct netns_list {
	struct netns *rows; /* the own one first, then by inode number */
	size_t n;
	uint32_t n_hidden;  /* that are known of and cannot be told: over a bound, or not to be looked into */
};

void netns_list_deinit(struct netns_list *l);
DEFINE_CLEANUP(struct netns_list, netns_list_deinit)

/* A copy of its own at the end of the list. -ENOMEM, -E2BIG past NETNS_MAX. */
int netns_list_add(struct netns_list *l, const struct netns *ns);
int netns_list_copy(struct netns_list *ret, const struct netns_list *l);

/* By inode number; NULL when it is not in it. The list need not be sorted. */
const struct netns *netns_list_find(const struct netns_list *l, uint64_t ino);

#endif
