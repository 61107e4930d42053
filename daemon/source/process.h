/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small facts of one process, out of its directory in /proc */

#ifndef SOCKETD_SOURCE_PROCESS_H
#define SOCKETD_SOURCE_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads the beginning of a file of the process; pid is the name of its directory. Length, or a negative errno. */
ssize_t process_read(int proc_fd, const char *pid, const char *file, char *buf, size_t size);

/* Room for the lines of a dozen trees of v1 before it, none of them very long. */
#define PROCESS_CGROUP_SIZE (16 * 1024)

/*
 * Its path of cgroup v2, out of the file cgroup, which is read into buf: points into that, and is no string. NULL when
 * it cannot be told: the process is gone, or there is no such tree.
 */
const char *process_cgroup(int proc_fd, const char *pid, char *buf, size_t size, size_t *ret_len);

/* Ticks from boot to its start: the twentieth field behind the name in stat. 0 when it cannot be told. */
uint64_t process_start(int proc_fd, const char *pid);

/* The numbers behind a heading ("\nUid:") in the text of its status, at most four. How many there are. */
unsigned int process_numbers(const char *status, const char *heading, int base, unsigned long long ret[4]);

#endif
