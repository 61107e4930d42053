/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /org/freedesktop/LogControl1, for systemctl service-log-level (org.freedesktop.LogControl1(5)) */

#ifndef SOCKETD_BUS_LOG_CONTROL_H
#define SOCKETD_BUS_LOG_CONTROL_H

#include <systemd/sd-bus.h>

#include "manager.h"

int log_control_add(sd_bus *bus, struct manager *m);

#endif
