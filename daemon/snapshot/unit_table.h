/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The .socket units of systemd that a stream tells of, by what they listen on and by name */

#ifndef SOCKETD_SNAPSHOT_UNIT_TABLE_H
#define SOCKETD_SNAPSHOT_UNIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses of all units together. */
#define UNIT_TABLE_MAX 16384u

struct socket_unit {
	const char *unit;    /* "ssh.socket" */
	const char *service; /* that it starts; NULL when that is not told */
	const char *listen;  /* name of a UNIX socket as the kernel has it, listen_len bytes; NULL for none */
	size_t listen_len;
};

/* All zero is empty. */
struct unit_table {
	struct socket_unit *rows; /* by unit, then address */
	uint32_t *by_listen;      /* those with an address; NULL until it is asked for */
	size_t n, n_allocated, n_by_listen;
};

void unit_table_deinit(struct unit_table *t);

/* Copied; in the place of what was said of the same unit and address before. -E2BIG past UNIT_TABLE_MAX, -ENOMEM. */
int unit_table_put(struct unit_table *t, const struct socket_unit *u);

/* NULL when there is none. The name is as of struct socket_unit. */
const struct socket_unit *unit_table_find(const struct unit_table *t, const char *unit, size_t len);
const struct socket_unit *unit_table_find_listen(const struct unit_table *t, const char *name, size_t len);

#endif
