/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Socket objects */

/*
 * There is no table of objects: any cookie has a path, and the kernel is asked
 * for the socket when somebody asks the object. That takes a reading, and
 * sd-bus wants a property's value at once from its getter. So Get and GetAll are
 * taken by a handler before the vtable, and answered when the reading is there;
 * the vtable serves introspection and the method. A node enumerator would make
 * `busctl tree` ask for the XML of every socket.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/call.h"
#include "bus/describe.h"
#include "bus/error.h"
#include "bus/kernel_module.h"
#include "bus/row.h"
#include "bus/socket_object.h"
#include "socketd/dbus.h"

/* What is 0 or empty in a property may be absent: Describe tells the two apart. */
#define PROPERTIES(P) \
	P("Cookie", "t", F_cookie) \
	P("Netns", "t", F_netns) \
	P("Family", "s", F_family) \
	P("Protocol", "s", F_protocol) \
	P("State", "s", F_state) \
	P("LocalAddress", "ay", F_local) \
	P("LocalPort", "u", F_local_port) \
	P("RemoteAddress", "ay", F_peer) \
	P("RemotePort", "u", F_peer_port) \
	P("InterfaceIndex", "u", F_sk_bound_dev_if) \
	P("Uid", "u", F_uid) \
	P("Inode", "t", F_inode) \
	P("Pids", "au", F_pid) \
	P("Comm", "as", F_comm)

static const struct property {
	const char *name, *type;
	enum field_id field;
} properties[] = {
#define PROPERTY(name, type, field) { name, type, field },
	PROPERTIES(PROPERTY)
#undef PROPERTY
};

/* As many as a process table could hold are not told; the beginning is. */
#define LIST_MAX 1024u

static int cookie_of(const char *path, uint64_t *ret)
{
	static const char prefix[] = SOCKETD_SOCKET_PATH "/_";
	unsigned long long cookie;
	char *end;

	if (strncmp(path, prefix, sizeof(prefix) - 1))
		return -ENOENT;
	path += sizeof(prefix) - 1;
	if (path[0] < '1' || path[0] > '9')
		return -ENOENT;
	errno = 0;
	cookie = strtoull(path, &end, 10);
	if (errno || *end)
		return -ENOENT;
	*ret = cookie;
	return 0;
}

static int append_list(sd_bus_message *m, struct record *r, const struct property *p)
{
	struct value v;
	int e = sd_bus_message_open_container(m, 'a', p->type + 1);

	for (unsigned n = 0; e >= 0 && n < LIST_MAX && record_get(r, p->field, n, &v) == 0; n++) {
		char text[VALUE_TEXT_MAX] = "";
		uint32_t u = (uint32_t)v.u;

		if (p->type[1] == 'u') {
			e = sd_bus_message_append_basic(m, 'u', &u);
		} else {
			if (v.kind != VALUE_NONE)
				value_format(field_get(p->field), &v, VALUE_PLAIN, text, sizeof(text));
			e = sd_bus_message_append_basic(m, 's', text);
		}
	}
	return e < 0 ? e : sd_bus_message_close_container(m);
}

static int append_property(sd_bus_message *m, struct record *r, const struct property *p)
{
	uint8_t address[ROW_ADDRESS_MAX];
	char text[VALUE_TEXT_MAX] = "";
	uint64_t absent = p->field == F_uid ? ROW_UID_NONE : 0;
	struct value v;
	bool there;
	size_t len;

	if (p->type[0] == 'a' && p->type[1] != 'y')
		return append_list(m, r, p);
	there = record_get(r, p->field, 0, &v) == 0;
	switch (p->type[0]) {
	case 'a':
		len = there && v.kind == VALUE_ADDR ? row_address(&v.addr, address) : 0;
		return sd_bus_message_append_array(m, 'y', address, len);
	case 's':
		if (there)
			value_format(field_get(p->field), &v, VALUE_PLAIN, text, sizeof(text));
		return sd_bus_message_append_basic(m, 's', text);
	case 'u':
		return sd_bus_message_append(m, "u", there ? (uint32_t)v.u : (uint32_t)absent);
	default:
		return sd_bus_message_append(m, "t", there ? v.u : absent);
	}
}

static const struct property *find_property(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		if (!strcmp(properties[i].name, name))
			return &properties[i];
	return NULL;
}

static int fill_one(struct describe *d, sd_bus_message *reply, struct record *r)
{
	const struct property *p = find_property(d->property);
	int e;

	e = sd_bus_message_open_container(reply, 'v', p->type);
	if (e >= 0)
		e = append_property(reply, r, p);
	return e < 0 ? e : sd_bus_message_close_container(reply);
}

static int fill_all(struct describe *d, sd_bus_message *reply, struct record *r)
{
	int e;

	(void)d;
	e = sd_bus_message_open_container(reply, 'a', "{sv}");
	for (size_t i = 0; e >= 0 && i < ARRAY_SIZE(properties); i++) {
		const struct property *p = &properties[i];

		e = sd_bus_message_open_container(reply, 'e', "sv");
		if (e >= 0)
			e = sd_bus_message_append_basic(reply, 's', p->name);
		if (e >= 0)
			e = sd_bus_message_open_container(reply, 'v', p->type);
		if (e >= 0)
			e = append_property(reply, r, p);
		if (e >= 0)
			e = sd_bus_message_close_container(reply);
		if (e >= 0)
			e = sd_bus_message_close_container(reply);
	}
	return e < 0 ? e : sd_bus_message_close_container(reply);
}

/* Takes the fields of the properties over into d. */
static int set_fields(struct describe *d)
{
	d->fields = calloc(ARRAY_SIZE(properties), sizeof(*d->fields));
	if (!d->fields)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		const struct property *p = &properties[i];

		/* Group "sock" is the module's; the rest of it comes with every message. */
		if (p->field != F_sk_bound_dev_if && (!d->property || !strcmp(d->property, p->name)))
			d->fields[d->n_fields++] = p->field;
	}
	return 0;
}

static int get_property(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	struct describe d = { .fill = fill_one };
	const struct property *p;
	const char *name;
	int r;

	r = cookie_of(sd_bus_message_get_path(m), &d.cookie);
	if (r >= 0)
		r = sd_bus_message_read(m, "ss", NULL, &name);
	if (r < 0)
		return r;
	p = find_property(name);
	if (!p)
		return bus_error_set(error, SD_BUS_ERROR_UNKNOWN_PROPERTY, "there is no property \"%.64s\"", name);
	d.property = p->name;
	r = set_fields(&d);
	return r < 0 ? r : describe_start(m, manager, caller, &d, error);
}

static int get_all(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	struct describe d = { .fill = fill_all };
	int r;

	r = cookie_of(sd_bus_message_get_path(m), &d.cookie);
	if (r >= 0)
		r = set_fields(&d);
	return r < 0 ? r : describe_start(m, manager, caller, &d, error);
}

/* Get and GetAll of our interface; all else is the vtable's. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	bool one = sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Get") > 0;
	bool all = sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "GetAll") > 0;
	const char *interface;
	uint64_t cookie;

	if (!one && !all)
		return 0;
	if (sd_bus_message_has_signature(m, one ? "ss" : "s") <= 0 || cookie_of(sd_bus_message_get_path(m), &cookie) < 0)
		return 0;
	if (sd_bus_message_read(m, "s", &interface) < 0 || sd_bus_message_rewind(m, 1) < 0)
		return -EBADMSG;
	if (*interface && strcmp(interface, SOCKETD_SOCKET_INTERFACE))
		return 0;
	return call_run(m, userdata, one ? get_property : get_all, error);
}

static int describe(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	struct describe d = { .fill = describe_fill_fields };
	int r;

	r = cookie_of(sd_bus_message_get_path(m), &d.cookie);
	if (r >= 0)
		r = describe_read_fields(m, &d, error);
	if (r >= 0)
		r = kernel_module_check_fields(manager, d.fields, d.n_fields, error);
	if (r < 0)
		free(d.fields);
	return r < 0 ? r : describe_start(m, manager, caller, &d, error);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, describe, error);
}

/* on_message() was there before. */
static int property_never(sd_bus *bus, const char *path, const char *interface, const char *property,
			  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)reply, (void)userdata, (void)error;
	return -EOPNOTSUPP;
}

static int find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found, sd_bus_error *error)
{
	uint64_t cookie;

	(void)bus, (void)interface, (void)error;
	if (cookie_of(path, &cookie) < 0)
		return 0;
	*ret_found = userdata;
	return 1;
}

/* Documented for callers in docs/org.socketd1.5.scd. */
static const sd_bus_vtable socket_vtable[] = {
	SD_BUS_VTABLE_START(0),
#define PROPERTY(name, type, field) SD_BUS_PROPERTY(name, type, property_never, 0, 0),
	PROPERTIES(PROPERTY)
#undef PROPERTY
	SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("as", fields), SD_BUS_RESULT("a{sv}", values), method_describe,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

int socket_object_add(sd_bus *bus, struct manager *m)
{
	int r;

	r = sd_bus_add_fallback(bus, NULL, SOCKETD_SOCKET_PATH, on_message, m);
	if (r < 0)
		return r;
	return sd_bus_add_fallback_vtable(bus, NULL, SOCKETD_SOCKET_PATH, SOCKETD_SOCKET_INTERFACE, socket_vtable, find, m);
}
