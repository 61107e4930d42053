/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which network namespaces there are */

#ifndef SOCKETD_SOURCE_NETNS_H
#define SOCKETD_SOURCE_NETNS_H

#include "model/netns.h"

/*
 * Looks for namespaces: of every process (/proc/PID/ns/net), where one is mounted
 * (nsfs in /proc/self/mountinfo and, where it may be read, /proc/1/mountinfo:
 * /run/netns of ip-netns(8), /run/docker/netns), and where a process holds one by
 * a descriptor alone. Such descriptors are looked for in processes that have at most 256
 * of them, the first 512 by pid, and among 4096 in all: a big host is not scanned for them. Those of threads that left
 * their process's namespace, and those that nothing but a socket keeps, are not found
 * here: the kernel module tells of the latter's sockets. One that vanishes meanwhile is
 * no error. Names: the file's in /run/netns; else "host" for that of PID 1; else the
 * container, else the unit of the first process in it (model/unit.h).
 *
 * The path is a mount's where there is one that we can reach, else that of a process. A
 * namespace that is known by its number alone (a mount out of our sight) has none.
 *
 * Costs some 5 to 10 µs a process, and with the descriptors 10 ms at most. max: no more than so many beside the
 * own one, and of more than that those that root made first. n_hidden: those past it, and those of processes that may not be looked into and
 * whose /proc/PID/net is another than that of all processes that may. -ENOMEM; -ENOENT
 * without /proc.
 */
int netns_discover(struct netns_list *ret, size_t max);

/* The namespace of the calling thread; 0 where /proc does not tell. */
uint64_t netns_own_ino(void);

/*
 * Other processes that are in namespaces, where the first one's path led nowhere any more:
 * its process ended, others go on. In one walk for all n of them, each once: paths and pids are changed.
 * -ENOENT when there is none in the first.
 */
int netns_find_paths(struct netns *rows, size_t n);

#endif
