/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reference: readdir and readlinkat of every descriptor in /proc, counting the sockets */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct count {
	uint64_t n_processes;
	uint64_t n_descriptors;
	uint64_t n_sockets;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double seconds_of(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec / 1e6;
}

/* A process that is gone or not ours to look at counts as one without descriptors. */
static void scan_process(int proc_fd, const char *pid, struct count *count)
{
	char path[300], link[64];
	struct dirent *de;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%s/fd", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	count->n_processes++;
	while ((de = readdir(dir))) {
		ssize_t n;

		if (de->d_name[0] == '.')
			continue;
		n = readlinkat(fd, de->d_name, link, sizeof(link));
		if (n < 0)
			continue;
		count->n_descriptors++;
		if (n > 8 && memcmp(link, "socket:[", 8) == 0)
			count->n_sockets++;
	}
	closedir(dir);
}

static int run(void)
{
	struct rusage before, after;
	struct count count = {};
	struct dirent *de;
	double start;
	DIR *dir;

	getrusage(RUSAGE_SELF, &before);
	start = now();
	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while ((de = readdir(dir)))
		if (isdigit((unsigned char)de->d_name[0]))
			scan_process(dirfd(dir), de->d_name, &count);
	closedir(dir);
	start = now() - start;
	getrusage(RUSAGE_SELF, &after);
	printf("seconds %.6f user %.6f sys %.6f processes %llu descriptors %llu sockets %llu\n",
	       start, seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
	       seconds_of(after.ru_stime) - seconds_of(before.ru_stime),
	       (unsigned long long)count.n_processes, (unsigned long long)count.n_descriptors,
	       (unsigned long long)count.n_sockets);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long n_reps = argc == 1 ? 1 : 0;
	int r;

	if (argc == 3 && strcmp(argv[1], "--reps") == 0)
		n_reps = strtoul(argv[2], NULL, 10);
	if (n_reps == 0) {
		fprintf(stderr, "Usage: proc_ref [--reps N]\n");
		return 2;
	}
	while (n_reps-- > 0) {
		r = run();
		if (r < 0) {
			fprintf(stderr, "proc_ref: %s\n", strerror(-r));
			return EXIT_FAILURE;
		}
	}
	return EXIT_SUCCESS;
}
