/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /org/socketd1/socket/_COOKIE, the interface org.socketd1.Socket: an object that is there when it is asked for */

#ifndef SOCKETD_BUS_SOCKET_OBJECT_H
#define SOCKETD_BUS_SOCKET_OBJECT_H

#include <systemd/sd-bus.h>

#include "manager.h"

int socket_object_add(sd_bus *bus, struct manager *m);

#endif
