/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LookupSocket: the one socket of a tuple */

#ifndef SOCKETD_BUS_LOOKUP_H
#define SOCKETD_BUS_LOOKUP_H

#include <systemd/sd-bus.h>

int method_lookup_socket(sd_bus_message *m, void *userdata, sd_bus_error *error);

#endif
