/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who connects to a port: a service in C that has socketd tell it what opens and closes, org.socketd1(5) */

/*
 *	cc -o watch_port watch_port.c $(pkg-config --cflags --libs libsystemd json-c)
 *	./watch_port 443
 *
 * The events come from a descriptor, a line of JSON each: a reader that is slow
 * is told how many it missed, and costs the daemon a bounded queue.
 */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static int connect_bus(sd_bus **ret)
{
	const char *address = getenv("SOCKETD_BUS"); /* for buses other than the system's */
	int r;

	if (!address)
		return sd_bus_open_system(ret);
	r = sd_bus_new(ret);
	if (r >= 0)
		r = sd_bus_set_address(*ret, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(*ret, 1);
	return r < 0 ? r : sd_bus_start(*ret);
}

/* A descriptor from which events come; it is the caller's. */
static int open_monitor(sd_bus *bus, const char *expression, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	int r, fd;

	r = sd_bus_call_method(bus, "org.socketd1", "/org/socketd1", "org.socketd1.Manager", "OpenMonitor", error, &reply,
			       "a{sv}a{sv}", 1, "expression", "s", expression, 2, "format", "s", "ndjson", "fields", "as", 5, "peer",
			       "peer_port", "comm", "state", "cookie");
	if (r >= 0)
		r = sd_bus_message_read(reply, "h", &fd);
	/* The message's own descriptor goes with it. */
	if (r >= 0)
		r = dup(fd);
	sd_bus_message_unref(reply);
	return r;
}

static const char *text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "-";
}

/* The first process that holds it. */
static const char *owner(struct json_object *socket)
{
	struct json_object *owners;

	if (!json_object_object_get_ex(socket, "owners", &owners) || json_object_array_length(owners) == 0)
		return "-";
	return text(json_object_array_get_idx(owners, 0), "comm");
}

static void print_event(const char *line)
{
	struct json_object *event = json_tokener_parse(line), *socket = NULL;

	if (event && json_object_object_get_ex(event, "socket", &socket))
		printf("%-8s %s port %s, %s, %s\n", text(event, "event"), text(socket, "peer"), text(socket, "peer_port"),
		       text(socket, "state"), owner(socket));
	else if (event)
		printf("%-8s %s events\n", text(event, "event"), text(event, "lost"));
	fflush(stdout);
	json_object_put(event);
}

int main(int argc, char **argv)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *bus = NULL;
	char expression[64], *line = NULL;
	size_t size = 0;
	FILE *events;
	int r;

	if (argc != 2 || strspn(argv[1], "0123456789") != strlen(argv[1])) {
		fprintf(stderr, "usage: watch_port PORT\n");
		return 2;
	}
	snprintf(expression, sizeof(expression), "tcp and local_port = %.5s", argv[1]);
	r = connect_bus(&bus);
	if (r >= 0)
		r = open_monitor(bus, expression, &error);
	if (r < 0) {
		fprintf(stderr, "watch_port: %s\n", error.message ? error.message : strerror(-r));
		return 1;
	}
	events = fdopen(r, "r");
	while (events && getline(&line, &size, events) > 0)
		print_event(line);
	return 1; /* The daemon ended, or closed the stream of a reader that took nothing. */
}
