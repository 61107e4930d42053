/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The call OpenMonitor */

#include <errno.h>
#include <string.h>

#include "bus/call.h"
#include "bus/error.h"
#include "bus/feed.h"
#include "bus/monitor.h"
#include "decode/record.h"
#include "query/ask.h"
#include "socketd/dbus.h"

static void request_free(struct monitor_request *req)
{
	filter_deinit(&req->filter);
	free(req->fields);
}
DEFINE_CLEANUP(struct monitor_request, request_free)

static int read_option(sd_bus_message *m, const char *key, struct monitor_request *req, const char **format, sd_bus_error *error)
{
	int flag, r;

	if (!strcmp(key, SOCKETD_OPTION_FORMAT))
		return sd_bus_message_read(m, "v", "s", format);
	if (!strcmp(key, SOCKETD_OPTION_INITIAL)) {
		r = sd_bus_message_read(m, "v", "b", &flag);
		req->initial = r >= 0 && flag;
		return r;
	}
	if (strcmp(key, SOCKETD_OPTION_FIELDS))
		return bus_error_invalid_args(error, "there is no option \"%.64s\"; there are format, fields and initial", key);
	if (req->fields)
		return bus_error_invalid_args(error, "option \"%s\" is given twice", key);
	r = sd_bus_message_enter_container(m, 'v', "as");
	if (r >= 0)
		r = filter_read_fields(m, &req->fields, &req->n_fields, error);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_options(sd_bus_message *m, struct monitor_request *req, const char **format, sd_bus_error *error)
{
	const char *key;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &key);
		if (r >= 0)
			r = read_option(m, key, req, format, error);
		if (r == -ENXIO && !sd_bus_error_is_set(error))
			return bus_error_invalid_args(error, "\"%.64s\" has a value of the wrong type", key);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* The other end would have to be looked for among all sockets. */
static int check_joined(const struct monitor_request *req, sd_bus_error *error)
{
	uint32_t groups;
	int r = feed_groups(req->filter.query, req->fields, req->n_fields, &groups);

	if (r < 0)
		return bus_error_from_errno(error, r, "the fields");
	if (!(groups & GROUP_BIT(GROUP_peer)))
		return 0;
	return bus_error_invalid_args(error, "a monitor cannot tell what is at the other end (peer_...): an event is of one socket");
}

/* Events are made of what the kernel tells of a change, and of the table: the module's fields are in neither. */
static int check_fields(const struct monitor_request *req, sd_bus_error *error)
{
	enum field_id field = query_module_field(req->filter.query);

	for (size_t i = 0; field == F_none && i < req->n_fields; i++)
		if (decode_module_only(req->fields[i]))
			field = req->fields[i];
	if (field == F_none)
		return check_joined(req, error);
	return bus_error_invalid_args(error, "a monitor cannot tell %s: only the kernel module knows it, and events do not carry it",
				      field_get(field)->name);
}

static int check_limits(const struct manager *m, uint32_t uid, sd_bus_error *error)
{
	if (monitors_count(m) >= m->config.monitors_max)
		return bus_error_too_many_monitors(error, (unsigned)m->config.monitors_max, "all");
	/* Some places are kept for root. */
	if (uid != 0 && monitors_count(m) >= manager_share(m->config.monitors_max))
		return bus_error_too_many_monitors(error, manager_share(m->config.monitors_max), "other users'");
	if (uid != 0 && monitors_count_user(m, uid) >= m->config.monitors_user_max)
		return bus_error_too_many_monitors(error, (unsigned)m->config.monitors_user_max, "your");
	return 0;
}

static int open_monitor(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	CLEANUP(request_free) struct monitor_request req = { .caller = *caller };
	const char *format = "ndjson";
	CLEANUP(close) int fd = -1;
	int r;

	r = filter_read(&req.filter, m, error);
	if (r >= 0)
		r = read_options(m, &req, &format, error);
	if (r >= 0)
		r = check_fields(&req, error);
	if (r >= 0 && stream_format_from_name(format, &req.format) < 0)
		r = bus_error_no_such_format(error, format);
	if (r >= 0)
		r = check_limits(manager, caller->uid, error);
	if (r < 0)
		return r;
	r = monitor_open(manager, &req, &fd);
	if (r == -EDQUOT)
		return bus_error_too_many_readings(error);
	if (r < 0)
		return bus_error_from_errno(error, r, "opening a monitor");
	/* Should this fail, the reader's end is closed, and that ends the monitor. */
	return sd_bus_reply_method_return(m, "h", fd);
}

int method_open_monitor(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, open_monitor, error);
}
