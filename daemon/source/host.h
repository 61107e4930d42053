/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where and when a reading is made: host, network namespace and its devices, as blocks */

#ifndef SOCKETD_SOURCE_HOST_H
#define SOCKETD_SOURCE_HOST_H

#include <stdint.h>

#include "model/netns.h"
#include "snapshot/arena.h"

/* CLOCK_MONOTONIC in microseconds. */
uint64_t host_now_usec(void);

/* HOST: the clocks, the names of host and kernel, and for whom the reading is made. */
int host_write(struct arena *a, uint32_t uid);
/* The same of a reading that finds TCP connections in a table of this age (SOCKETD_HOST_TABLE_AGE). */
int host_write_of_table(struct arena *a, uint32_t uid, uint64_t table_age_usec);

/* NETNS of a namespace; fd is any socket in it, -1 for none: its cookie is then not known. */
int host_write_netns_of(struct arena *a, const struct netns *ns, int fd);

/* NETNS of the calling thread; fd is any socket in it. *ret_ino is 0 where /proc does not tell. */
int host_write_netns(struct arena *a, int fd, uint64_t *ret_ino);

/* LINK of each device. Without a list of them there are none: rows then show numbers. */
int host_write_links(struct arena *a, uint64_t netns_ino);

#endif
