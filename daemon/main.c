/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socketd: options and wiring */

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "bus/server.h"
#include "log.h"
#include "manager.h"

#define LARGE_ALLOCATION (64 * 1024)

struct arguments {
	const char *bus;          /* "system", "session", an address, "none" */
	const char *private_path; /* "" for none */
	struct manager_options manager;
	bool print_config;
};

static void print_help(void)
{
	printf("Usage: socketd [OPTION]...\n\n"
	       "The socket table of this host, as a service. Ask it with sockctl(1).\n\n"
	       "  --config=FILE    read FILE and FILE.d/*.conf, not %s and its drop-ins\n"
	       "  --print-config   print the configuration that holds, and end\n"
	       "  --bus=BUS        serve on \"system\" (the default), \"session\", an address, or \"none\"\n"
	       "  --private=PATH   listen at PATH (default %s; \"none\" for nowhere)\n"
	       "  --stdio          serve one peer on standard input and output, and end with it\n"
	       "  -v, --verbose    say more\n"
	       "  -h, --help       this text\n"
	       "      --version    the version\n",
	       CONFIG_FILE, SOCKETD_PRIVATE_SOCKET);
}

/* 1 go on, 0 done, negative: wrong usage. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	enum { OPT_BUS = 256, OPT_PRIVATE, OPT_STDIO, OPT_VERSION, OPT_CONFIG, OPT_PRINT_CONFIG };
	static const struct option options[] = {
		{ "bus", required_argument, NULL, OPT_BUS },	 { "private", required_argument, NULL, OPT_PRIVATE },
		{ "stdio", no_argument, NULL, OPT_STDIO },	 { "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },		 { "version", no_argument, NULL, OPT_VERSION },
		{ "config", required_argument, NULL, OPT_CONFIG }, { "print-config", no_argument, NULL, OPT_PRINT_CONFIG },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "vh", options, NULL)) >= 0) {
		switch (c) {
		case OPT_BUS:
			a->bus = optarg;
			break;
		case OPT_PRIVATE:
			a->private_path = optarg;
			break;
		case OPT_STDIO:
			a->manager.stdio = true;
			break;
		case OPT_CONFIG:
			a->manager.config_path = optarg;
			break;
		case OPT_PRINT_CONFIG:
			a->print_config = true;
			break;
		case 'v':
			a->manager.verbose = true;
			break;
		case 'h':
			print_help();
			return 0;
		case OPT_VERSION:
			puts("socketd " SOCKETD_VERSION);
			return 0;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "socketd: no arguments are taken, but there is \"%s\"; see socketd --help\n", argv[optind]);
		return -EINVAL;
	}
	return 1;
}

static void print_line(void *ctx, const char *text)
{
	(void)ctx;
	puts(text);
}

static int print_config(const char *path)
{
	char error[CONFIG_ERROR_MAX];
	struct config config;
	int r = config_load(&config, path, error);

	if (r < 0) {
		log_line(LOG_ERR, "%s", r == -EINVAL ? error : strerror(-r));
		return 1;
	}
	config_print(&config, print_line, NULL);
	return fflush(stdout) ? 1 : 0;
}

static int serve(struct manager *m, const struct arguments *a)
{
	int r;

	if (a->manager.stdio) {
		r = server_open_stdio(m);
		if (r < 0)
			log_line(LOG_ERR, "--stdio: standard input is no socket to a client: %s", strerror(-r));
		return r;
	}
	if (strcmp(a->private_path, "none")) {
		r = server_open_private(m, a->private_path);
		if (r == -EADDRINUSE)
			log_line(LOG_ERR, "%s: another socketd listens there; stop it, or give --private=", a->private_path);
		else if (r == -EEXIST)
			log_line(LOG_ERR, "%s is there and is no socket; it is left alone, give another --private=", a->private_path);
		else if (r < 0)
			log_line(LOG_ERR, "cannot listen at %s: %s", a->private_path, strerror(-r));
		if (r < 0)
			return r;
		log_line(LOG_INFO, "listening at %s", a->private_path);
	}
	if (strcmp(a->bus, "none") && strcmp(a->bus, "system") && strcmp(a->bus, "session") && !strchr(a->bus, ':')) {
		log_line(LOG_ERR, "--bus=%s: it is neither system, session or none, nor an address such as unix:path=/run/bus", a->bus);
		return -EINVAL;
	}
	if (strcmp(a->bus, "none")) {
		m->bus_address = a->bus;
		r = server_open_bus(m);
		if (r < 0)
			log_line(LOG_ERR, "--bus=%s: %s", a->bus,
				 r == -EDESTADDRREQ ? "DBUS_SESSION_BUS_ADDRESS is not set" : strerror(-r));
		if (r < 0)
			return r;
	}
	sd_notify(0, "READY=1");
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments a = { .bus = "system", .private_path = SOCKETD_PRIVATE_SOCKET };
	CLEANUP(manager_free) struct manager *m = NULL;
	int r;

	/* A fixed threshold: what is large goes back to the kernel when it is freed, for as long as we run. */
	mallopt(M_MMAP_THRESHOLD, LARGE_ALLOCATION);

	r = parse_arguments(argc, argv, &a);
	if (r <= 0)
		return r < 0 ? 2 : 0;
	log_open(a.manager.verbose ? LOG_DEBUG : LOG_INFO);
	if (a.print_config)
		return print_config(a.manager.config_path);
	r = manager_new(&m, &a.manager);
	if (r >= 0)
		r = serve(m, &a);
	else if (r != -EBADMSG) /* a mistake in the configuration is told already */
		log_line(LOG_ERR, "cannot start: %s", strerror(-r));
	if (r < 0)
		return 1;
	r = sd_event_loop(m->event);
	sd_notify(0, "STOPPING=1");
	if (r < 0)
		log_line(LOG_ERR, "the event loop failed: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}
