/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ListSockets: summary rows in pages, and the cursors between them */

#ifndef SOCKETD_BUS_LIST_H
#define SOCKETD_BUS_LIST_H

#include <systemd/sd-bus.h>

#include "manager.h"

/* Rows in a reply: 1000 of them are far below 1 MiB. */
#define LIST_ROWS_MAX 1000u

/* A cursor that is not used for so long is gone. */
#define LIST_CURSOR_USEC (30 * 1000000ull)

int method_list_sockets(sd_bus_message *m, void *userdata, sd_bus_error *error);

unsigned cursors_count(const struct manager *m);

#endif
