/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the daemon is: GetStatus, and the properties of the Manager */

#ifndef SOCKETD_BUS_STATUS_H
#define SOCKETD_BUS_STATUS_H

#include <systemd/sd-bus.h>

#include "manager.h"

int method_get_status(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Getters of the vtable; userdata is the manager. */
int status_version(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		   void *userdata, sd_bus_error *error);
int status_features(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		    void *userdata, sd_bus_error *error);
int status_kernel_module(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error);
int status_interval(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		    void *userdata, sd_bus_error *error);
int status_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
		  void *userdata, sd_bus_error *error);

#endif
