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
	case EDQUOT:
	case EUSERS:
		name = SD_BUS_ERROR_LIMITS_EXCEEDED;
		break;
	case ETIMEDOUT:
		name = SD_BUS_ERROR_TIMEOUT;
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

/*
 * What a message quotes is cut at a length, maybe in the middle of a character;
 * sd-bus sends no text that is not UTF-8, and the caller would wait for ever.
 * The rest of such a character becomes "?".
 */
static void mend_utf8(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		unsigned want = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4, n = 1;

		while (n < want && (p[n] & 0xc0) == 0x80)
			n++;
		if (n < want || (*p & 0xc0) == 0x80)
			memset(p, '?', n);
		p += n;
	}
}

static int set_formatted(sd_bus_error *e, const char *name, const char *format, va_list ap)
{
	char message[512];

	vsnprintf(message, sizeof(message), format, ap);
	mend_utf8(message);
	return sd_bus_error_set(e, name, message);
}

int bus_error_set(sd_bus_error *e, const char *name, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = set_formatted(e, name, format, ap);
	va_end(ap);
	return r;
}

int bus_error_invalid_filter(sd_bus_error *e, const struct query_error *problem)
{
	return bus_error_set(e, SOCKETD_ERROR_INVALID_FILTER, "filter, column %zu: %s", problem->column + 1,
			     problem->message);
}

int bus_error_invalid_args(sd_bus_error *e, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = set_formatted(e, SD_BUS_ERROR_INVALID_ARGS, format, ap);
	va_end(ap);
	return r;
}

int bus_error_limits(sd_bus_error *e, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = set_formatted(e, SD_BUS_ERROR_LIMITS_EXCEEDED, format, ap);
	va_end(ap);
	return r;
}

int bus_error_too_many_readings(sd_bus_error *e)
{
	bus_error_limits(e, "too many readings in a second (ReadingsPerSecond); wait, or ask for more at a time");
	return -EDQUOT;
}

int bus_error_no_such_socket(sd_bus_error *e, const char *what)
{
	return sd_bus_error_setf(e, SOCKETD_ERROR_NO_SUCH_SOCKET, "there is no socket %s", what);
}

int bus_error_kernel_module_missing(sd_bus_error *e, const char *field)
{
	return sd_bus_error_setf(e, SOCKETD_ERROR_KERNEL_MODULE_MISSING,
				 "%s is told by the kernel module alone, which is not loaded: modprobe socketd_diag", field);
}

int bus_error_cursor_expired(sd_bus_error *e)
{
	return sd_bus_error_set(e, SOCKETD_ERROR_CURSOR_EXPIRED,
				"there is no such cursor, or not any more: each is good for one call within 30 s; begin again with 0");
}

int bus_error_no_such_format(sd_bus_error *e, const char *name)
{
	return bus_error_invalid_args(e, "there is no format \"%.64s\"; there are packed, ndjson and json-seq", name);
}

int bus_error_too_many_monitors(sd_bus_error *e, unsigned limit, const char *whose)
{
	return sd_bus_error_setf(e, SOCKETD_ERROR_TOO_MANY_STREAMS,
				 "%s %u monitors are open already; close one and try again", whose, limit);
}

int bus_error_too_many_streams(sd_bus_error *e, unsigned limit, const char *whose)
{
	return sd_bus_error_setf(e, SOCKETD_ERROR_TOO_MANY_STREAMS,
				 "%s %u streams are open already; close one and try again", whose, limit);
}
