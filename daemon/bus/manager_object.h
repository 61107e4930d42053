/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /org/socketd1, the interface org.socketd1.Manager */

#ifndef SOCKETD_BUS_MANAGER_OBJECT_H
#define SOCKETD_BUS_MANAGER_OBJECT_H

#include <systemd/sd-bus.h>

#include "manager.h"

int manager_object_add(sd_bus *bus, struct manager *m);

#endif
