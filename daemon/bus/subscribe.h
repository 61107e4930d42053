/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subscribers: connections that get the signal SocketsChanged */

#ifndef SOCKETD_BUS_SUBSCRIBE_H
#define SOCKETD_BUS_SUBSCRIBE_H

#include <systemd/sd-bus.h>

#include "bus/row.h"
#include "manager.h"

/* At most one signal in this time. */
#define SUBSCRIBE_TICK_USEC 250000ull
/* Rows in a signal, and rows that wait for the next ones; past it they are counted in "lost". */
#define SUBSCRIBE_SIGNAL_ROWS 500u
#define SUBSCRIBE_WAITING_ROWS 5000u

/* generation, added, changed, removed (netns, cookie), lost */
#define SOCKETS_CHANGED_SIGNATURE "ta" ROW_STRUCT "a" ROW_STRUCT "a(tt)t"

/* Subscribe() and Unsubscribe(); handlers for the vtable, userdata is the manager. */
int method_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_unsubscribe(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* A connection is about to be closed: its subscribers are forgotten. */
void subscribe_forget(struct manager *m, sd_bus *bus);

unsigned subscribers_count(const struct manager *m);

#endif
