/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where an errno or a refusal becomes a D-Bus error */

#ifndef SOCKETD_BUS_ERROR_H
#define SOCKETD_BUS_ERROR_H

#include <systemd/sd-bus.h>

#include "model/cleanup.h"
#include "query/query.h"

DEFINE_CLEANUP(sd_bus_error, sd_bus_error_free)
DEFINE_CLEANUP_PTR(sd_bus_message, sd_bus_message_unref)

/* Fills the error for an errno (negative) with what was being done. Returns a negative errno for the handler to return. */
int bus_error_from_errno(sd_bus_error *e, int error, const char *doing);

/* Any error, with a message that may quote what the caller sent. */
int bus_error_set(sd_bus_error *e, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* org.socketd1.InvalidFilter, with the column. */
int bus_error_invalid_filter(sd_bus_error *e, const struct query_error *problem);

/* org.freedesktop.DBus.Error.InvalidArgs with a message. */
int bus_error_invalid_args(sd_bus_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* org.freedesktop.DBus.Error.LimitsExceeded with a message. */
int bus_error_limits(sd_bus_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, of a user who is over ReadingsPerSecond. Returns -EDQUOT: call_run() asks polkit whether that holds for him. */
int bus_error_too_many_readings(sd_bus_error *e);

/* org.socketd1.NoSuchSocket: "there is no socket ..." */
int bus_error_no_such_socket(sd_bus_error *e, const char *what);

/* org.socketd1.KernelModuleMissing, for a field that nobody else has */
int bus_error_kernel_module_missing(sd_bus_error *e, const char *field);

/* org.socketd1.CursorExpired */
int bus_error_cursor_expired(sd_bus_error *e);

/* InvalidArgs of a name that is none of enum stream_format. */
int bus_error_no_such_format(sd_bus_error *e, const char *name);

/* org.socketd1.TooManyStreams */
int bus_error_too_many_streams(sd_bus_error *e, unsigned limit, const char *whose);
int bus_error_too_many_monitors(sd_bus_error *e, unsigned limit, const char *whose);

#endif
