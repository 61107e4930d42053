/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors on the bus */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bus/error.h"
#include "socketd/dbus.h"

int bus_error_from_errno(sd_bus_error *e, int error, const char *doing)
{
	const char *name;

	switch (-error) {
	case ENOMEM:
		return sd_bus_error_set(e, SD_BUS_ERROR_NO_MEMORY, "socketd is out of memory; try a narrower filter");
	case EMFILE:
	case ENFILE:
		name = SD_BUS_ERROR_LIMITS_EXCEEDED;
		break;
	case EPERM:
	case EACCES:
		name = SD_BUS_ERROR_ACCESS_DENIED;
		break;
	case EOPNOTSUPP:
		name = SD_BUS_ERROR_NOT_SUPPORTED;
		break;
	default:
		name = SD_BUS_ERROR_FAILED;
		break;
	}
	return sd_bus_error_setf(e, name, "%s: %s", doing, strerror(-error));
}

int bus_error_invalid_filter(sd_bus_error *e, const struct query_error *problem)
{
	return sd_bus_error_setf(e, SOCKETD_ERROR_INVALID_FILTER, "filter, column %zu: %s", problem->column + 1,
				 problem->message);
}

int bus_error_invalid_args(sd_bus_error *e, const char *format, ...)
{
	char message[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, message);
}

int bus_error_too_many_streams(sd_bus_error *e, unsigned limit, const char *whose)
{
	return sd_bus_error_setf(e, SOCKETD_ERROR_TOO_MANY_STREAMS,
				 "%s %u streams are open already; close one and try again", whose, limit);
}
