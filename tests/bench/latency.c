/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long small calls take at a daemon's private socket while another client is served */

/*
 * latency PATH --seconds N -- COMMAND...: runs COMMAND again and again with its
 * output thrown away, and asks for a property meanwhile, ten milliseconds apart.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "socketd/dbus.h"

#define CALLS_MAX 100000
#define PAUSE_NSEC 10000000

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t start_load(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/dev/null", O_RDWR);

		dup2(fd, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int connect_to(sd_bus **ret, const char *path)
{
	char address[256];
	sd_bus *bus = NULL;
	int r;

	snprintf(address, sizeof(address), "unix:path=%s", path);
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		sd_bus_unref(bus);
	else
		*ret = bus;
	return r;
}

static int call(sd_bus *bus)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t generation;
	int r;

	r = sd_bus_get_property_trivial(bus, NULL, SOCKETD_OBJECT_PATH, SOCKETD_MANAGER_INTERFACE, "Generation", &error, 't',
					&generation);
	if (r < 0)
		fprintf(stderr, "latency: %s\n", error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	return r;
}

int main(int argc, char **argv)
{
	static double times[CALLS_MAX];
	size_t n = 0, n_listings = 0;
	sd_bus *bus;
	double end;
	pid_t load;
	int r, status;

	if (argc < 6 || strcmp(argv[2], "--seconds") || strcmp(argv[4], "--")) {
		fprintf(stderr, "Usage: latency PATH --seconds N -- COMMAND...\n");
		return 2;
	}
	r = connect_to(&bus, argv[1]);
	if (r < 0) {
		fprintf(stderr, "latency: %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	end = now() + atof(argv[3]);
	load = start_load(argv + 5);
	while (load > 0 && n < CALLS_MAX && now() < end) {
		double begin = now();

		r = call(bus);
		if (r < 0)
			break;
		times[n++] = now() - begin;
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NSEC }, NULL);
		if (waitpid(load, &status, WNOHANG) == load) {
			if (status != 0) {
				fprintf(stderr, "latency: the other client failed\n");
				r = -EIO;
				load = 0;
				break;
			}
			n_listings++;
			load = start_load(argv + 5);
		}
	}
	if (load > 0) {
		kill(load, SIGKILL);
		waitpid(load, &status, 0);
	}
	sd_bus_flush_close_unref(bus);
	if (r < 0 || n == 0)
		return 1;
	qsort(times, n, sizeof(times[0]), compare);
	printf("seconds %f calls %zu listings %zu p50 %f p99 %f max %f\n", atof(argv[3]), n, n_listings, times[n / 2],
	       times[n * 99 / 100], times[n - 1]);
	return 0;
}
