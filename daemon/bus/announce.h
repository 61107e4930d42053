/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PropertiesChanged of the Manager: the interval and the kernel module, when they have become others */

#ifndef SOCKETD_BUS_ANNOUNCE_H
#define SOCKETD_BUS_ANNOUNCE_H

#include <systemd/sd-bus.h>

#include "manager.h"

/* For as long as the connection lives. */
int announce_add(sd_bus *bus, struct manager *m);

/* KernelModule is another, on all connections. */
void announce_module(struct manager *m);
/* NamespaceAdded and NamespaceRemoved, on all connections. */
void announce_netns(struct manager *m, uint64_t ino, bool added);

#endif
