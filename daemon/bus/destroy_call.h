/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DestroySocket: one socket, by its exact cookie, and a line in the journal for each attempt */

#ifndef SOCKETD_BUS_DESTROY_CALL_H
#define SOCKETD_BUS_DESTROY_CALL_H

#include <systemd/sd-bus.h>

/* DestroySocket(t netns, t cookie); a handler for the vtable, userdata is the manager. */
int method_destroy_socket(sd_bus_message *m, void *userdata, sd_bus_error *error);

#endif
