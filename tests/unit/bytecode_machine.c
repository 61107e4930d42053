/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's machine for inet_diag bytecode */

#include <linux/inet_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "bytecode_machine.h"

static struct inet_diag_bc_op op_at(const uint8_t *code, long at)
{
	struct inet_diag_bc_op op;

	memcpy(&op, code + at, sizeof(op));
	return op;
}

/* Least length of an operation with its arguments; 0 when it is not allowed. */
static long audit_op(const uint8_t *code, long at, long len)
{
	struct inet_diag_bc_op op = op_at(code, at);
	struct inet_diag_hostcond cond;
	long size;

	switch (op.code) {
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		if (len < (long)(sizeof(op) + sizeof(cond)))
			return 0;
		memcpy(&cond, code + at + sizeof(op), sizeof(cond));
		size = cond.family == AF_INET ? 4 : cond.family == AF_INET6 ? 16 : cond.family == AF_UNSPEC ? 0 : -1;
		return size >= 0 && cond.prefix_len <= 8 * size ? (long)(sizeof(op) + sizeof(cond)) + size : 0;
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
	case INET_DIAG_BC_D_EQ:
	case INET_DIAG_BC_DEV_COND:
		return 8;
	case INET_DIAG_BC_MARK_COND:
	case INET_DIAG_BC_CGROUP_COND:
		return 12;
	case INET_DIAG_BC_AUTO:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_NOP:
		return 4;
	}
	return 0;
}

/* valid_cc: the target is one that the chain of "yes" meets. */
static bool on_chain(const uint8_t *code, long len, long target)
{
	for (long at = 0; at <= len;) {
		uint8_t yes;

		if (at == target)
			return true;
		if (at >= len)
			return false;
		yes = op_at(code, at).yes;
		if (yes < 4 || yes & 3)
			return false;
		at += yes;
	}
	return false;
}

bool machine_audit(const uint8_t *code, long len)
{
	long at = 0;

	if (len < 4)
		return false;
	while (at < len) {
		struct inet_diag_bc_op op = op_at(code, at);
		long left = len - at, min = audit_op(code, at, left);

		if (min == 0 || min > left)
			return false;
		if (op.code != INET_DIAG_BC_NOP) {
			if (op.no < min || op.no > left + 4 || op.no & 3)
				return false;
			if (op.no < left && !on_chain(code, len, at + op.no))
				return false;
		}
		if (op.yes < min || op.yes > left + 4 || op.yes & 3)
			return false;
		at += op.yes;
	}
	return at == len;
}

static bool bits_match(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool run_host(const uint8_t *args, const struct machine_entry *e, bool local)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *addr = local ? e->saddr : e->daddr, *want = args + sizeof(struct inet_diag_hostcond);
	struct inet_diag_hostcond cond;

	memcpy(&cond, args, sizeof(cond));
	if (cond.port != -1 && cond.port != (local ? e->sport : e->dport))
		return false;
	if (cond.family != AF_UNSPEC && cond.family != e->family)
		return e->family == AF_INET6 && cond.family == AF_INET && !memcmp(addr, mapped, 12) &&
		       bits_match(addr + 12, want, cond.prefix_len);
	return bits_match(addr, want, cond.prefix_len);
}

static bool run_op(const struct inet_diag_bc_op *op, const uint8_t *args, const struct machine_entry *e)
{
	uint16_t port;
	uint32_t word, mask;
	uint64_t group;

	memcpy(&port, args + 2, op->code == INET_DIAG_BC_JMP || op->code == INET_DIAG_BC_AUTO ? 0 : 2);
	switch (op->code) {
	case INET_DIAG_BC_JMP:
		return false;
	case INET_DIAG_BC_S_EQ:
		return e->sport == port;
	case INET_DIAG_BC_S_GE:
		return e->sport >= port;
	case INET_DIAG_BC_S_LE:
		return e->sport <= port;
	case INET_DIAG_BC_D_EQ:
		return e->dport == port;
	case INET_DIAG_BC_D_GE:
		return e->dport >= port;
	case INET_DIAG_BC_D_LE:
		return e->dport <= port;
	case INET_DIAG_BC_AUTO:
		return !e->port_locked;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		return run_host(args, e, op->code == INET_DIAG_BC_S_COND);
	case INET_DIAG_BC_DEV_COND:
		memcpy(&word, args, 4);
		return word == e->ifindex;
	case INET_DIAG_BC_MARK_COND:
		memcpy(&word, args, 4);
		memcpy(&mask, args + 4, 4);
		return (e->mark & mask) == word;
	case INET_DIAG_BC_CGROUP_COND:
		memcpy(&group, args, 8);
		return group == e->cgroup;
	}
	return true;
}

bool machine_run(const uint8_t *code, long len, const struct machine_entry *e)
{
	long at = 0;

	while (at < len) {
		struct inet_diag_bc_op op = op_at(code, at);

		at += run_op(&op, code + at + 4, e) ? op.yes : op.no;
	}
	return at == len;
}
