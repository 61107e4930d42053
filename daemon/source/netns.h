/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which network namespaces there are */

#ifndef SOCKETD_SOURCE_NETNS_H
#define SOCKETD_SOURCE_NETNS_H

#include "model/netns.h"

/*
 * Looks for namespaces: of every process (/proc/PID/ns/net), where one is mounted
 * (nsfs in /proc/self/mountinfo and, where it may be read, /proc/1/mountinfo:
 * /run/netns of ip-netns(8), /run/docker/netns), and where a process holds one by
 * a descriptor alone. One that vanishes meanwhile is no error. Names: the file's
 * in /run/netns; else "host" for that of PID 1; else the container, else the unit
 * of the first process in it (model/unit.h).
 *
 * Costs about 4 µs a process. max: no more than so many beside the own one, the
 * rest is counted in n_hidden. -ENOMEM; -ENOENT without /proc.
 */
int netns_discover(struct netns_list *ret, size_t max);

/* The namespace of the calling thread; 0 where /proc does not tell. */
uint64_t netns_own_ino(void);

#endif
