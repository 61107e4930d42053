/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small facts of one process, out of its directory in /proc */

#include "source/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t process_read(int proc_fd, const char *pid, const char *file, char *buf, size_t size)
{
	char path[48];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pid, file);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

const char *process_cgroup(int proc_fd, const char *pid, char *buf, size_t size, size_t *ret_len)
{
	ssize_t n = process_read(proc_fd, pid, "cgroup", buf, size);

	/* Names have no newlines (cgroup_mkdir in kernel/cgroup/cgroup.c). A line for each tree; that of v2 is number 0. */
	for (char *line = buf, *end; n > 0 && line < buf + n; line = end + 1) {
		size_t left = (size_t)(buf + n - line);

		end = memchr(line, '\n', left);
		if (!end)
			return NULL; /* it is cut */
		if (end - line >= 4 && !memcmp(line, "0::/", 4)) {
			*ret_len = (size_t)(end - line - 3);
			return line + 3;
		}
	}
	return NULL;
}

uint64_t process_start(int proc_fd, const char *pid)
{
	char stat[1024], *p;
	ssize_t n = process_read(proc_fd, pid, "stat", stat, sizeof(stat) - 1);

	if (n <= 0)
		return 0;
	stat[n] = '\0';
	/* The name can hold anything; the fields behind it hold no ")". */
	p = strrchr(stat, ')');
	for (unsigned int i = 0; p && i < 20; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

unsigned int process_numbers(const char *status, const char *heading, int base, unsigned long long ret[4])
{
	const char *p = strstr(status, heading);
	unsigned int n = 0;

	if (!p)
		return 0;
	for (p += strlen(heading); n < 4; n++) {
		char *end;

		while (*p == '\t' || *p == ' ')
			p++;
		if (*p == '\n' || *p == '\0')
			break;
		ret[n] = strtoull(p, &end, base);
		if (end == p)
			break;
		p = end;
	}
	return n;
}
