/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetSummary and ListNamespaces: how many sockets there are of what */

#ifndef SOCKETD_BUS_SUMMARY_H
#define SOCKETD_BUS_SUMMARY_H

#include <systemd/sd-bus.h>

/* Groups in a reply, and fields to group by. */
#define SUMMARY_GROUPS_MAX 4096u
#define SUMMARY_KEYS_MAX 8u

int method_get_summary(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_namespaces(sd_bus_message *m, void *userdata, sd_bus_error *error);

#endif
