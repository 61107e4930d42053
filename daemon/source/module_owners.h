/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds which socket, as the kernel module tells it in one pass */

#ifndef SOCKETD_SOURCE_MODULE_OWNERS_H
#define SOCKETD_SOURCE_MODULE_OWNERS_H

#include "source/owners.h"

/* Descriptors that are kept until the pass is over (16 bytes each); past them /proc is scanned. */
#define MODULE_OWNERS_MAX (32u * 1024 * 1024)

struct netlink;

/*
 * As owners_scan() for root, from the module: PROCESS and OWNERS blocks, by pid.
 * Nothing is written before the module has told all; ret->by_module is set then,
 * whatever comes after. Without it the scan of /proc can be made instead: -ENOENT it is not there; -EPERM we lack
 * CAP_NET_ADMIN or CAP_SYS_PTRACE; -EPROTONOSUPPORT; -E2BIG; -ENOMEM; errors of netlink.
 */
int module_owners_scan(struct arena *a, const struct owners_sink *sink, struct owners_result *ret);

/* The same over a socket that is there. */
int module_owners_read(struct netlink *nl, struct arena *a, const struct owners_sink *sink, struct owners_result *ret);

#endif
