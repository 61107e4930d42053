/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A caller of OpenSockets for the tests: any address, any filter, any option */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "socketd/dbus.h"

/*
 * call ADDRESS [--peer] [--hold N] [--option KEY=VALUE] [--option-u64 KEY=NUMBER] [--number KEY] [--filter-key KEY] [--field NAME]... [EXPRESSION]
 * Copies the stream to standard output. --hold opens N streams, reads none,
 * prints how many it got, and waits for the end of its input.
 * Fails with 1 and "NAME: MESSAGE" of the D-Bus error on standard error.
 */
struct arguments {
	const char *address, *expression, *filter_key;
	bool peer;
	int hold;
	const char *options[8], *u64s[8], *numbers[8], *fields[8];
	unsigned n_options, n_u64s, n_numbers, n_fields;
};

static int append(sd_bus_message *m, const struct arguments *a)
{
	int r;

	r = sd_bus_message_append(m, "a{sv}", 1, a->filter_key, "s", a->expression);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	for (unsigned i = 0; r >= 0 && i < a->n_options; i++) {
		const char *equals = strchr(a->options[i], '=');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(equals - a->options[i]), a->options[i]);
		r = sd_bus_message_append(m, "{sv}", key, "s", equals + 1);
	}
	for (unsigned i = 0; r >= 0 && i < a->n_u64s; i++) {
		const char *equals = strchr(a->u64s[i], '=');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(equals - a->u64s[i]), a->u64s[i]);
		r = sd_bus_message_append(m, "{sv}", key, "t", (uint64_t)strtoull(equals + 1, NULL, 0));
	}
	for (unsigned i = 0; r >= 0 && i < a->n_numbers; i++)
		r = sd_bus_message_append(m, "{sv}", a->numbers[i], "u", 1);
	if (r >= 0 && a->n_fields > 0) {
		r = sd_bus_message_open_container(m, 'e', "sv");
		if (r >= 0)
			r = sd_bus_message_append(m, "s", SOCKETD_OPTION_FIELDS);
		if (r >= 0)
			r = sd_bus_message_open_container(m, 'v', "as");
		if (r >= 0)
			r = sd_bus_message_open_container(m, 'a', "s");
		for (unsigned i = 0; r >= 0 && i < a->n_fields; i++)
			r = sd_bus_message_append(m, "s", a->fields[i]);
		for (unsigned i = 0; r >= 0 && i < 3; i++)
			r = sd_bus_message_close_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r;
}

static int open_stream(sd_bus *bus, const struct arguments *a, int *ret)
{
	sd_bus_message *call = NULL, *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r, fd;

	r = sd_bus_message_new_method_call(bus, &call, a->peer ? NULL : SOCKETD_BUS_NAME, SOCKETD_OBJECT_PATH,
					   SOCKETD_MANAGER_INTERFACE, "OpenSockets");
	if (r >= 0)
		r = append(call, a);
	if (r >= 0)
		r = sd_bus_call(bus, call, 0, &error, &reply);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", error.name ? error.name : "-", error.message ? error.message : strerror(-r));
	else
		r = sd_bus_message_read(reply, "h", &fd);
	if (r >= 0)
		*ret = dup(fd);
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	sd_bus_message_unref(reply);
	return r;
}

static int copy(int fd)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (fwrite(buffer, 1, (size_t)n, stdout) != (size_t)n)
			return -EIO;
	return n < 0 ? -errno : fflush(stdout) ? -errno : 0;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (!strcmp(argv[i], "--peer"))
			a->peer = true;
		else if (!strcmp(argv[i], "--hold") && more)
			a->hold = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--option") && more && a->n_options < 8 && strchr(argv[i + 1], '='))
			a->options[a->n_options++] = argv[++i];
		else if (!strcmp(argv[i], "--option-u64") && more && a->n_u64s < 8 && strchr(argv[i + 1], '='))
			a->u64s[a->n_u64s++] = argv[++i];
		else if (!strcmp(argv[i], "--number") && more && a->n_numbers < 8)
			a->numbers[a->n_numbers++] = argv[++i];
		else if (!strcmp(argv[i], "--filter-key") && more)
			a->filter_key = argv[++i];
		else if (!strcmp(argv[i], "--field") && more && a->n_fields < 8)
			a->fields[a->n_fields++] = argv[++i];
		else if (!a->address)
			a->address = argv[i];
		else
			a->expression = argv[i];
	}
	return a->address ? 0 : -EINVAL;
}

static int run(sd_bus *bus, const struct arguments *a)
{
	int fd, r, n = 0;

	if (a->hold == 0) {
		r = open_stream(bus, a, &fd);
		return r < 0 ? r : copy(fd);
	}
	for (r = 0; n < a->hold && r >= 0; n += r >= 0)
		r = open_stream(bus, a, &fd);
	printf("%d\n", n);
	fflush(stdout);
	while (read(STDIN_FILENO, &fd, sizeof(fd)) > 0)
		;
	return r;
}

int main(int argc, char **argv)
{
	struct arguments a = { .expression = "", .filter_key = SOCKETD_FILTER_EXPRESSION };
	sd_bus *bus = NULL;
	int r;

	if (parse(argc, argv, &a) < 0) {
		fprintf(stderr, "usage: call ADDRESS [OPTION]... [EXPRESSION]\n");
		return 2;
	}
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, a.address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, !a.peer);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = run(bus, &a);
	else
		fprintf(stderr, "-: cannot connect: %s\n", strerror(-r));
	sd_bus_flush_close_unref(bus);
	return r < 0 ? 1 : 0;
}
