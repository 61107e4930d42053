/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /org/freedesktop/LogControl1 */

/*
 * sd-bus asks the bus who sets a property, and waits for the answer. So Set is
 * taken by a handler before the vtable, which finds out without waiting.
 */

#include <errno.h>
#include <string.h>

#include "bus/call.h"
#include "bus/error.h"
#include "bus/log_control.h"
#include "log.h"
#include "socketd/dbus.h"

static int set_value(const char *name, const char *value, sd_bus_error *error)
{
	int level, r;

	if (!strcmp(name, "LogLevel")) {
		r = log_level_from_name(value, &level);
		if (r >= 0)
			log_set_level(level);
	} else if (!strcmp(name, "LogTarget")) {
		r = log_set_target(value);
		if (r == -ENOENT)
			return sd_bus_error_setf(error, SD_BUS_ERROR_NOT_SUPPORTED, "no journal listens");
	} else if (!strcmp(name, "SyslogIdentifier")) {
		return sd_bus_error_setf(error, SD_BUS_ERROR_PROPERTY_READ_ONLY, "%s is read-only", name);
	} else {
		return bus_error_set(error, SD_BUS_ERROR_UNKNOWN_PROPERTY, "there is no property \"%.64s\"", name);
	}
	return r < 0 ? bus_error_invalid_args(error, "%s cannot be \"%.64s\"", name, value) : 0;
}

static int set(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	const char *name, *value;
	int r;

	(void)manager, (void)caller;
	r = sd_bus_message_read(m, "ssv", NULL, &name, "s", &value);
	if (r == -ENXIO)
		return bus_error_invalid_args(error, "the value is no string");
	if (r >= 0)
		r = set_value(name, value, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *interface;

	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Set") <= 0 ||
	    sd_bus_message_has_signature(m, "ssv") <= 0)
		return 0;
	if (sd_bus_message_read(m, "s", &interface) < 0 || sd_bus_message_rewind(m, 1) < 0)
		return -EBADMSG;
	return strcmp(interface, SOCKETD_LOG_INTERFACE) ? 0 : call_run_right(m, userdata, &call_right_manage, set, error);
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
	       void *userdata, sd_bus_error *error)
{
	const char *value = "socketd";

	(void)bus, (void)path, (void)interface, (void)userdata, (void)error;
	if (!strcmp(property, "LogLevel"))
		value = log_level_name(log_level());
	else if (!strcmp(property, "LogTarget"))
		value = log_target();
	return sd_bus_message_append(reply, "s", value);
}

/* on_message() was there before. */
static int set_never(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *value,
		     void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)value, (void)userdata;
	return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "not in this way");
}

static const sd_bus_vtable log_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get, set_never, 0, 0),
	SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get, set_never, 0, 0),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get, 0, 0),
	SD_BUS_VTABLE_END
};

int log_control_add(sd_bus *bus, struct manager *m)
{
	int r;

	r = sd_bus_add_object(bus, NULL, SOCKETD_LOG_PATH, on_message, m);
	if (r < 0)
		return r;
	return sd_bus_add_object_vtable(bus, NULL, SOCKETD_LOG_PATH, SOCKETD_LOG_INTERFACE, log_vtable, m);
}
