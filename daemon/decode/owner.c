/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds the socket, from the context; and why nobody does */

#include <netinet/in.h>

#include "decode/slot.h"
#include "socketd/uapi.h"

enum reason {
	REASON_TIME_WAIT,
	REASON_NOT_ACCEPTED,
	REASON_NOT_ACCEPTED_OR_CLOSED,
	REASON_ORPHAN,
	REASON_KERNEL,
	REASON_SUBFLOW,
	REASON_NOT_FOUND,
	REASON_FILE,
	REASON_IN_FLIGHT,
};

static const char *const reasons[] = {
	[REASON_TIME_WAIT] = "time-wait: no process holds it any more",
	[REASON_NOT_ACCEPTED] = "not accepted yet",
	[REASON_NOT_ACCEPTED_OR_CLOSED] = "not accepted yet, or closed by its process",
	[REASON_ORPHAN] = "orphan: closed by its process, the kernel finishes it",
	[REASON_KERNEL] = "kernel socket",
	[REASON_SUBFLOW] = "subflow: its MPTCP connection is what a process holds",
	[REASON_NOT_FOUND] = "no process found: in flight in a message, held by the kernel, or hidden",
	[REASON_FILE] = "no process found: its file is open, held by the kernel (io_uring), in flight in a message, or hidden",
	[REASON_IN_FLIGHT] = "in flight: its descriptor is in a message that nobody has received yet",
};

static bool find_owner(struct record *r, unsigned n, const struct process **ret_process, uint32_t *ret_pid,
		       uint32_t *ret_fd)
{
	uint64_t inode;

	/* An event's owner is known of sockets, too, that have no inode yet. */
	if (record_inode(r, &inode) < 0)
		inode = 0;
	return r->context && context_owner(r->context, inode, n, ret_process, ret_pid, ret_fd);
}

/*
 * The four lists run side by side. A process without a block in the stream
 * keeps its place in them: with an empty name.
 */
static int get_owner(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct process *p = NULL;
	uint32_t pid, fd;

	if (!find_owner(r, n, &p, &pid, &fd))
		return -ENODATA;

	switch (id) {
	case F_pid:
		value_set_u64(ret, pid);
		return 0;
	case F_fd:
		if (fd == SOCKETD_OWNER_NO_FD)
			return -ENODATA;
		value_set_u64(ret, fd);
		return 0;
	case F_comm:
		value_set_str(ret, p ? p->comm : "", p ? p->comm_len : 0);
		return 0;
	case F_user:
		if (p && p->user)
			value_set_str(ret, p->user, strlen(p->user));
		else
			value_set_str(ret, r->scratch, p ? text_u64(r->scratch, p->uid) : 0);
		return 0;
	default:
		return -ENODATA;
	}
}

/* A TCP socket that close() left without an inode is in one of the closing states; the others wait for accept(). */
static enum reason reason_without_inode(struct record *r)
{
	switch (record_state(r)) {
	case STATE_TIME_WAIT:
		return REASON_TIME_WAIT;
	case STATE_SYN_RECV:
	case STATE_NEW_SYN_RECV:
		return REASON_NOT_ACCEPTED;
	case STATE_ESTABLISHED:
	case STATE_CLOSE_WAIT:
		return REASON_NOT_ACCEPTED_OR_CLOSED;
	case STATE_LISTEN:
		return REASON_KERNEL;
	default:
		return REASON_ORPHAN;
	}
}

/* What the kernel module saw. Of its own, that a subflow is the kernel's says less than whose it is. */
static bool told_reason(struct record *r, enum reason *ret)
{
	struct value v;

	if (!r->module || record_get(r, F_holding, 0, &v) < 0)
		return false;
	switch ((enum socketd_holding)v.u) {
	case SOCKETD_HOLDING_FILE:
		*ret = REASON_FILE;
		return true;
	case SOCKETD_HOLDING_KERNEL:
		*ret = REASON_KERNEL;
		return true;
	case SOCKETD_HOLDING_UNACCEPTED:
		*ret = REASON_NOT_ACCEPTED;
		return true;
	case SOCKETD_HOLDING_ORPHAN:
		*ret = REASON_ORPHAN;
		return true;
	case SOCKETD_HOLDING_IN_FLIGHT:
		*ret = REASON_IN_FLIGHT;
		return true;
	case SOCKETD_HOLDING_UNKNOWN:
	case SOCKETD_HOLDING_MINI:
		break;
	}
	return false;
}

static enum reason find_reason(struct record *r)
{
	enum reason told;
	struct value v;
	uint64_t inode;

	if (r->def->kind == KIND_NETLINK && record_get(r, F_local_port, 0, &v) >= 0 && v.u == 0)
		return REASON_KERNEL;
	if (record_get(r, F_ulp_name, 0, &v) >= 0 && v.str.len == 5 && !memcmp(v.str.data, "mptcp", 5))
		return REASON_SUBFLOW;
	if (told_reason(r, &told))
		return told;
	if (record_inode(r, &inode) >= 0)
		return REASON_NOT_FOUND;
	return reason_without_inode(r);
}

static int get_no_owner(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct process *p;
	uint32_t pid, fd;
	const char *text;

	(void)id, (void)n;
	if (!r->context || !context_has_owners(r->context) || find_owner(r, 0, &p, &pid, &fd))
		return -ENODATA;
	text = reasons[find_reason(r)];
	value_set_str(ret, text, strlen(text));
	return 0;
}

static const struct slot owner_slots[] = {
	[F_pid] = SLOT_LIST_FN(get_owner),
	[F_fd] = SLOT_LIST_FN(get_owner),
	[F_comm] = SLOT_LIST_FN(get_owner),
	[F_user] = SLOT_LIST_FN(get_owner),
	[F_no_owner] = SLOT_FN(get_no_owner),
};

const struct slot_table owner_table = SLOT_TABLE(owner_slots);
