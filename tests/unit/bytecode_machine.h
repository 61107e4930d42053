/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's machine for inet_diag bytecode, written again from what net/ipv4/inet_diag.c does */

#ifndef SOCKETD_TESTS_BYTECODE_MACHINE_H
#define SOCKETD_TESTS_BYTECODE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel knows of a socket when it runs the program. */
struct machine_entry {
	uint8_t family;
	uint8_t saddr[16], daddr[16];
	uint16_t sport, dport;
	uint32_t ifindex, mark;
	uint64_t cgroup;
	bool port_locked;
};

/* inet_diag_bc_audit: whether the kernel takes the program. */
bool machine_audit(const uint8_t *code, long len);

/* inet_diag_bc_run: whether the program takes the socket. */
bool machine_run(const uint8_t *code, long len, const struct machine_entry *e);

#endif
