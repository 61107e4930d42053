/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of entry_read() that are files of their own */

#ifndef SOCKETD_TESTS_ZOO_READING_H
#define SOCKETD_TESTS_ZOO_READING_H

#include <stdbool.h>
#include <stdint.h>

struct entry;

/* From e's descriptor into the expectations of to. */
void read_tcp(struct entry *e, struct entry *to);
void read_mptcp(struct entry *e, struct entry *to);

/* Into e->deep: options and descriptor (read_deep.c), functions (functions.c). */
void read_deep(struct entry *e);
void read_functions(struct entry *e);
/* The inode of the cgroup2 directory of this process, 0 when there is none; whether it is the root. */
uint64_t own_cgroup(bool *ret_is_root);

bool try_get_int(int fd, int level, int option, int *ret);
/* One of SO_MEMINFO (SK_MEMINFO_*). */
uint32_t read_meminfo(int fd, int which);

#endif
