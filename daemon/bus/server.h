/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections: the message bus, the private socket, and the parent of --stdio */

#ifndef SOCKETD_BUS_SERVER_H
#define SOCKETD_BUS_SERVER_H

#include "manager.h"

/*
 * Connects to the bus of m->bus_address and takes the name, now and again with
 * back-off whenever the bus goes away; a bus that is not there yet is waited
 * for. -EINVAL for an address that cannot be one.
 */
int server_open_bus(struct manager *m);

/* Listens at path (mode 0600). -EADDRINUSE when a living daemon is there already. */
int server_open_private(struct manager *m, const char *path);

/* Serves one peer on descriptors 0 and 1, and ends with it. */
int server_open_stdio(struct manager *m);

/* Closes all connections, and unlinks the private socket. */
void server_close(struct manager *m);

#endif
