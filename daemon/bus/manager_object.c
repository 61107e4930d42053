/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /org/socketd1 */

#include <errno.h>
#include <string.h>

#include "bus/error.h"
#include "bus/manager_object.h"
#include "model/field.h"
#include "socketd/dbus.h"

/*
 * Who calls: over a bus the bus tells, over a private socket the kernel. A
 * sender's capabilities are not delivered, so root and our own user are the
 * privileged ones; a sender that cannot be told is nobody.
 */
static uint32_t caller_uid(sd_bus_message *call)
{
	sd_bus_creds *creds = NULL;
	uid_t uid = (uid_t)-2;

	if (sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds) < 0 || sd_bus_creds_get_euid(creds, &uid) < 0)
		uid = (uid_t)-2;
	sd_bus_creds_unref(creds);
	return uid == geteuid() ? 0 : uid;
}

/* What OpenSockets was given. */
struct open_arguments {
	const char *expression;
	const char *format;
	enum field_id *fields;
	size_t n_fields;
};

static void open_arguments_deinit(struct open_arguments *a)
{
	free(a->fields);
}
DEFINE_CLEANUP(struct open_arguments, open_arguments_deinit)

static int unknown_field(const char *name, sd_bus_error *error)
{
	const char *similar = field_suggest(name, strlen(name));

	return bus_error_invalid_args(error, "there is no field \"%.64s\"%s%s%s", name, similar ? "; did you mean \"" : "",
				      similar ? similar : "", similar ? "\"?" : "");
}

static int read_fields(sd_bus_message *m, struct open_arguments *a, sd_bus_error *error)
{
	const char *name;
	int r;

	if (a->fields)
		return bus_error_invalid_args(error, "option \"%s\" is given twice", SOCKETD_OPTION_FIELDS);
	a->fields = calloc(LIMIT_FIELDS, sizeof(*a->fields));
	if (!a->fields)
		return -ENOMEM;
	r = sd_bus_message_enter_container(m, 'a', "s");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read_basic(m, 's', &name)) > 0) {
		const struct field *f = field_find(name, strlen(name));

		if (!f)
			return unknown_field(name, error);
		if (a->n_fields == LIMIT_FIELDS)
			return bus_error_invalid_args(error, "more than %u fields", LIMIT_FIELDS);
		a->fields[a->n_fields++] = f->id;
	}
	if (r < 0)
		return r;
	return sd_bus_message_exit_container(m);
}

/* One a{sv}; each key that is known is read by its place in the call, others are refused. */
static int read_dict(sd_bus_message *m, bool is_filter, struct open_arguments *a, sd_bus_error *error)
{
	const char *key;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &key);
		if (r < 0)
			return r;
		if (is_filter && !strcmp(key, SOCKETD_FILTER_EXPRESSION)) {
			r = sd_bus_message_read(m, "v", "s", &a->expression);
		} else if (!is_filter && !strcmp(key, SOCKETD_OPTION_FORMAT)) {
			r = sd_bus_message_read(m, "v", "s", &a->format);
		} else if (!is_filter && !strcmp(key, SOCKETD_OPTION_FIELDS)) {
			r = sd_bus_message_enter_container(m, 'v', "as");
			if (r >= 0)
				r = read_fields(m, a, error);
			if (r >= 0)
				r = sd_bus_message_exit_container(m);
		} else {
			return bus_error_invalid_args(error, "there is no %s \"%.64s\"", is_filter ? "filter key" : "option", key);
		}
		if (sd_bus_error_is_set(error))
			return r;
		if (r == -ENXIO)
			return bus_error_invalid_args(error, "\"%.64s\" has a value of the wrong type", key);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	return sd_bus_message_exit_container(m);
}

static int format_from_name(const char *name, enum stream_format *ret)
{
	static const struct {
		const char *name;
		enum stream_format format;
	} formats[] = {
		{ "packed", STREAM_PACKED },
		{ "ndjson", STREAM_NDJSON },
		{ "json-seq", STREAM_JSON_SEQ },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!strcmp(formats[i].name, name)) {
			*ret = formats[i].format;
			return 0;
		}
	}
	return -EINVAL;
}

static int method_open_sockets(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	CLEANUP(open_arguments_deinit) struct open_arguments a = { .expression = "", .format = "ndjson" };
	CLEANUP(query_free) struct query *query = NULL;
	CLEANUP(close) int fd = -1;
	struct stream_request req = { 0 };
	struct query_error problem;
	int r;

	r = read_dict(m, true, &a, error);
	if (r >= 0)
		r = read_dict(m, false, &a, error);
	if (r < 0)
		return r;
	if (format_from_name(a.format, &req.format) < 0)
		return bus_error_invalid_args(error, "there is no format \"%.64s\"; there are packed, ndjson and json-seq", a.format);
	r = query_parse(&query, a.expression, strlen(a.expression), &problem);
	if (r == -EINVAL || r == -E2BIG)
		return bus_error_invalid_filter(error, &problem);
	if (r < 0)
		return bus_error_from_errno(error, r, "filter");
	req.query = query;
	req.fields = a.fields;
	req.n_fields = a.n_fields;
	req.uid = caller_uid(m);
	r = manager_open_stream(userdata, &req, &fd);
	query = req.query; /* NULL when the stream has it now */
	if (r == -EUSERS)
		return bus_error_too_many_streams(error, LIMIT_STREAMS, "all");
	if (r == -EDQUOT)
		return bus_error_too_many_streams(error, LIMIT_STREAMS_USER, "your");
	if (r < 0)
		return bus_error_from_errno(error, r, "opening a stream");
	return sd_bus_reply_method_return(m, "h", fd);
}

static int method_list_fields(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
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
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

static int property_version(sd_bus *bus, const char *path, const char *interface, const char *property,
			    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", SOCKETD_VERSION);
}

/* Documented for callers in docs/org.socketd1.5.scd. */
static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", property_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_METHOD_WITH_ARGS("OpenSockets", SD_BUS_ARGS("a{sv}", filter, "a{sv}", options),
				SD_BUS_RESULT("h", stream), method_open_sockets, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListFields", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssu)", fields), method_list_fields,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

int manager_object_add(sd_bus *bus, struct manager *m)
{
	return sd_bus_add_object_vtable(bus, NULL, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE, manager_vtable, m);
}
