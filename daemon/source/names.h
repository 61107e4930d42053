/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that a query may hold, looked up in the running kernel */

#ifndef SOCKETD_SOURCE_NAMES_H
#define SOCKETD_SOURCE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Index of a device of this namespace. -ENODEV. */
int names_ifindex(const char *name, size_t len, uint32_t *ret);

/* Id of a cgroup by its path below the cgroup2 mount ("/system.slice"). -ENOENT. */
int names_cgroup(const char *path, size_t len, uint64_t *ret);

#endif
