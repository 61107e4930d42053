/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /org/socketd1 */

#include <errno.h>
#include <string.h>

#include "bus/announce.h"
#include "bus/call.h"
#include "bus/describe.h"
#include "bus/destroy_call.h"
#include "bus/error.h"
#include "bus/feed.h"
#include "bus/filter.h"
#include "bus/list.h"
#include "bus/log_control.h"
#include "bus/lookup.h"
#include "bus/manager_object.h"
#include "bus/monitor.h"
#include "bus/row.h"
#include "bus/socket_object.h"
#include "bus/status.h"
#include "bus/subscribe.h"
#include "bus/summary.h"
#include "socketd/dbus.h"

/* What OpenSockets was given. */
struct open_arguments {
	struct filter filter;
	const char *format;
	enum field_id *fields;
	size_t n_fields;
	uint64_t max_age_usec;
};

static void open_arguments_deinit(struct open_arguments *a)
{
	filter_deinit(&a->filter);
	free(a->fields);
}
DEFINE_CLEANUP(struct open_arguments, open_arguments_deinit)

static int read_option(sd_bus_message *m, const char *key, struct open_arguments *a, sd_bus_error *error)
{
	int r;

	if (!strcmp(key, SOCKETD_OPTION_FORMAT))
		return sd_bus_message_read(m, "v", "s", &a->format);
	if (!strcmp(key, SOCKETD_OPTION_MAX_AGE))
		return sd_bus_message_read(m, "v", "t", &a->max_age_usec);
	if (strcmp(key, SOCKETD_OPTION_FIELDS))
		return bus_error_invalid_args(error, "there is no option \"%.64s\"", key);
	if (a->fields)
		return bus_error_invalid_args(error, "option \"%s\" is given twice", key);
	r = sd_bus_message_enter_container(m, 'v', "as");
	if (r >= 0)
		r = filter_read_fields(m, &a->fields, &a->n_fields, error);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Keys that are not known are refused. */
static int read_options(sd_bus_message *m, struct open_arguments *a, sd_bus_error *error)
{
	const char *key;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &key);
		if (r >= 0)
			r = read_option(m, key, a, error);
		if (r == -ENXIO && !sd_bus_error_is_set(error))
			return bus_error_invalid_args(error, "\"%.64s\" has a value of the wrong type", key);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int open_sockets(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	CLEANUP(open_arguments_deinit) struct open_arguments a = { .format = "ndjson", .max_age_usec = UINT64_MAX };
	struct stream_request req = { .manager = manager, .caller = *caller };
	CLEANUP(close) int fd = -1;
	uint32_t groups;
	int r;

	r = filter_read(&a.filter, m, error);
	if (r >= 0)
		r = read_options(m, &a, error);
	if (r >= 0)
		r = feed_groups(a.filter.query, a.fields, a.n_fields, &groups);
	if (r >= 0)
		r = filter_check_joined(a.filter.query, groups, error);
	if (r < 0)
		return r;
	if (stream_format_from_name(a.format, &req.format) < 0)
		return bus_error_no_such_format(error, a.format);
	req.query = a.filter.query;
	req.text = a.filter.text;
	req.fields = a.fields;
	req.n_fields = a.n_fields;
	req.max_age_usec = a.max_age_usec;
	r = manager_open_stream(manager, &req, &fd);
	a.filter.query = req.query; /* NULL when the stream has it now */
	if (r == -EUSERS)
		return bus_error_too_many_streams(error, (unsigned)manager->config.streams_max, "all");
	if (r == -EDQUOT)
		return bus_error_too_many_streams(error, (unsigned)manager->config.streams_user_max, "your");
	if (r == -EBUSY)
		return bus_error_too_many_readings(error);
	if (r < 0)
		return bus_error_from_errno(error, r, "opening a stream");
	return sd_bus_reply_method_return(m, "h", fd);
}

static int method_open_sockets(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, open_sockets, error);
}

static int method_list_fields(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	int r;

	(void)userdata;
	(void)error;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(sssu)");
	for (unsigned id = 1; r >= 0 && id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		if (f)
			r = sd_bus_message_append(reply, "(sssu)", f->name, field_wire_name(f->wire), f->unit->name, f->access);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	/* Never send what was not put together whole: the bus would disconnect us. */
	return r < 0 ? r : sd_bus_message_send(reply);
}

/* Anybody may ask: callers share a pass, and what it costs is made up for by a longer interval. */
static int method_refresh(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	uint64_t generation;
	int r;

	r = manager_start_tracking(manager);
	if (r >= 0)
		r = refresh_now(manager->refresh, &generation);
	if (r < 0)
		return bus_error_from_errno(error, r, "beginning a pass");
	return sd_bus_reply_method_return(m, "t", generation);
}

static int reload(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	char mistake[CONFIG_ERROR_MAX];
	int r;

	(void)caller;
	r = manager_reload(manager, mistake);
	if (r == -EINVAL)
		return bus_error_invalid_args(error, "%s", mistake);
	if (r < 0)
		return bus_error_from_errno(error, r, "reading the configuration");
	return sd_bus_reply_method_return(m, NULL);
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run_right(m, userdata, &call_right_manage, reload, error);
}

/*
 * Documented for callers in docs/org.socketd1.5.scd. All methods are for
 * everybody as far as sd-bus is concerned: it would wait for the bus to say who
 * calls. call_run() does not, and the handlers decide.
 */
#define ALL SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", status_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Features", "as", status_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("KernelModule", "s", status_kernel_module, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PollIntervalUSec", "t", status_interval, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Generation", "t", status_number, 0, 0),
	SD_BUS_PROPERTY("NSockets", "t", status_number, 0, 0),
	SD_BUS_PROPERTY("NStreams", "u", status_number, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("ListSockets", SD_BUS_ARGS("a{sv}", filter, "t", cursor, "u", limit),
				SD_BUS_RESULT("a" ROW_STRUCT, sockets, "t", next, "t", generation), method_list_sockets, ALL),
	SD_BUS_METHOD_WITH_ARGS("OpenSockets", SD_BUS_ARGS("a{sv}", filter, "a{sv}", options),
				SD_BUS_RESULT("h", stream), method_open_sockets, ALL),
	SD_BUS_METHOD_WITH_ARGS("OpenMonitor", SD_BUS_ARGS("a{sv}", filter, "a{sv}", options),
				SD_BUS_RESULT("h", stream), method_open_monitor, ALL),
	SD_BUS_METHOD_WITH_ARGS("GetSocket", SD_BUS_ARGS("t", cookie),
				SD_BUS_RESULT("o", socket), method_get_socket, ALL),
	SD_BUS_METHOD_WITH_ARGS("DescribeSocket", SD_BUS_ARGS("t", cookie, "as", fields),
				SD_BUS_RESULT("a{sv}", values), method_describe_socket, ALL),
	SD_BUS_METHOD_WITH_ARGS("LookupSocket", SD_BUS_ARGS("a{sv}", tuple),
				SD_BUS_RESULT("t", cookie), method_lookup_socket, ALL),
	SD_BUS_METHOD_WITH_ARGS("GetSummary", SD_BUS_ARGS("a{sv}", filter, "as", group_by),
				SD_BUS_RESULT("aa{sv}", groups), method_get_summary, ALL),
	SD_BUS_METHOD_WITH_ARGS("ListNamespaces", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(tsu)", namespaces), method_list_namespaces, ALL),
	SD_BUS_METHOD_WITH_ARGS("ListFields", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(sssu)", fields), method_list_fields, ALL),
	SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a{sv}", status, "aa{sv}", sources), method_get_status, ALL),
	SD_BUS_METHOD_WITH_ARGS("Subscribe", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_subscribe, ALL),
	SD_BUS_METHOD_WITH_ARGS("Unsubscribe", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_unsubscribe, ALL),
	SD_BUS_METHOD_WITH_ARGS("Refresh", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", generation), method_refresh, ALL),
	SD_BUS_METHOD_WITH_ARGS("DestroySocket", SD_BUS_ARGS("t", netns, "t", cookie), SD_BUS_NO_RESULT,
				method_destroy_socket, ALL),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, ALL),
	SD_BUS_SIGNAL_WITH_ARGS("SocketsChanged",
				SD_BUS_ARGS("t", generation, "a" ROW_STRUCT, added, "a" ROW_STRUCT, changed, "a(tt)", removed,
					    "t", lost), 0),
	SD_BUS_SIGNAL_WITH_ARGS("NamespaceAdded", SD_BUS_ARGS("t", netns), 0),
	SD_BUS_SIGNAL_WITH_ARGS("NamespaceRemoved", SD_BUS_ARGS("t", netns), 0),
	SD_BUS_VTABLE_END
};

int manager_object_add(sd_bus *bus, struct manager *m)
{
	int r;

	r = sd_bus_add_object_vtable(bus, NULL, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE, manager_vtable, m);
	if (r >= 0)
		r = socket_object_add(bus, m);
	if (r >= 0)
		r = log_control_add(bus, m);
	return r < 0 ? r : announce_add(bus, m);
}
