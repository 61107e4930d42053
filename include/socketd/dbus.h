/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names on the bus, and where the daemon's private socket is */

#ifndef SOCKETD_DBUS_H
#define SOCKETD_DBUS_H

#define SOCKETD_BUS_NAME "org.socketd1"
#define SOCKETD_OBJECT_PATH "/org/socketd1"
#define SOCKETD_MANAGER_INTERFACE "org.socketd1.Manager"

/* Errors of ours; all others are the standard ones of org.freedesktop.DBus. */
#define SOCKETD_ERROR_INVALID_FILTER "org.socketd1.InvalidFilter"
#define SOCKETD_ERROR_TOO_MANY_STREAMS "org.socketd1.TooManyStreams"

/* Keys of the filter and of the options of OpenSockets. */
#define SOCKETD_FILTER_EXPRESSION "expression"
#define SOCKETD_OPTION_FORMAT "format"
#define SOCKETD_OPTION_FIELDS "fields"

#endif
