/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place where an errno or a refusal becomes a D-Bus error */

#ifndef SOCKETD_BUS_ERROR_H
#define SOCKETD_BUS_ERROR_H

#include <systemd/sd-bus.h>

#include "query/query.h"

/* Fills the error for an errno (negative) with what was being done. Returns a negative errno for the handler to return. */
int bus_error_from_errno(sd_bus_error *e, int error, const char *doing);

/* org.socketd1.InvalidFilter, with the column. */
int bus_error_invalid_filter(sd_bus_error *e, const struct query_error *problem);

/* org.freedesktop.DBus.Error.InvalidArgs with a message. */
int bus_error_invalid_args(sd_bus_error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* org.socketd1.TooManyStreams */
int bus_error_too_many_streams(sd_bus_error *e, unsigned limit, const char *whose);

#endif
