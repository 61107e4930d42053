/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The .socket units that PID 1 listens for, as it tells over the bus */

#ifndef SOCKETD_BUS_SOCKET_UNITS_H
#define SOCKETD_BUS_SOCKET_UNITS_H

#include <systemd/sd-bus.h>

#include "manager.h"
#include "snapshot/arena.h"

/*
 * Asked without waiting: when the bus is there, and when somebody wants units
 * and what is known is older than SOCKET_UNITS_EVERY_USEC or systemd said that
 * there are others. Without systemd, without a bus, and on a session's bus
 * (where a user's manager answers) nothing is known.
 */
struct socket_units;

#define SOCKET_UNITS_MAX 256u           /* units that are asked about */
#define SOCKET_UNITS_ADDRESSES_MAX 1024u /* of all of them */
#define SOCKET_UNITS_EVERY_USEC (30 * 1000000ull)

int socket_units_new(struct socket_units **ret, struct manager *m);
struct socket_units *socket_units_free(struct socket_units *u);

/* The bus that m->bus_address names is there, and before it is closed. */
int socket_units_attach(struct socket_units *u, sd_bus *bus);
void socket_units_detach(struct socket_units *u, const sd_bus *bus);

/* Writes the UNIT blocks of what is known, and has it looked at again when that is due. -ENOMEM. */
int socket_units_write(struct manager *m, struct arena *a);

#endif
