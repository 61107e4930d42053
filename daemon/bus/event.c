/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One event as blocks of a stream, less what its reader may not see */

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <string.h>

#include "bus/event.h"
#include "snapshot/writer.h"

/* Holders of one socket that are told; more share one only where somebody made it so. */
#define OWNERS_MAX 1024

static int write_event(struct arena *a, const struct event_info *e)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, e->kind);
	if (e->realtime_usec)
		attr_block_u64(&b, SOCKETD_EVENT_TIME, e->realtime_usec);
	if (e->generation)
		attr_block_u64(&b, SOCKETD_EVENT_GENERATION, e->generation);
	if (e->old_state)
		attr_block_u32(&b, SOCKETD_EVENT_OLD_STATE, e->old_state);
	if (e->n_lost)
		attr_block_u64(&b, SOCKETD_EVENT_LOST, e->n_lost);
	return attr_block_write(&b, a);
}

static int write_process(struct arena *a, const struct process *p)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, p->pid);
	attr_block_u32(&b, SOCKETD_PROCESS_UID, p->uid);
	attr_block_bytes(&b, SOCKETD_PROCESS_COMM, p->comm, p->comm_len);
	if (p->user)
		attr_block_string(&b, SOCKETD_PROCESS_USER, p->user);
	return attr_block_write(&b, a);
}

/* Processes in order of pid, each before its descriptors. */
static int write_owners(struct arena *a, struct record *r, uint32_t uid)
{
	struct socketd_owner owners[OWNERS_MAX];
	const struct process *p = NULL;
	struct bulk_block b;
	uint32_t pid, fd, last = 0;
	size_t n = 0;
	uint64_t inode;
	int e;

	if (!r->context)
		return 0;
	if (record_inode(r, &inode) < 0)
		inode = 0;
	for (unsigned i = 0; n < OWNERS_MAX && context_owner(r->context, inode, i, &p, &pid, &fd); i++) {
		if (uid != 0 && (!p || p->uid != uid))
			continue;
		if (p && pid != last) {
			e = write_process(a, p);
			if (e < 0)
				return e;
			last = pid;
		}
		owners[n++] = (struct socketd_owner){ .inode = inode, .pid = pid, .fd = fd };
	}
	if (n == 0)
		return 0;
	e = bulk_block_begin(&b, a, SOCKETD_BLOCK_OWNERS, n * sizeof(*owners));
	if (e < 0)
		return e;
	memcpy(b.payload, owners, n * sizeof(*owners));
	bulk_block_end(&b, a, n * sizeof(*owners));
	return 0;
}

static int write_track(struct arena *a, const struct socketd_track *t)
{
	struct bulk_block b;
	int r;

	r = bulk_block_begin(&b, a, SOCKETD_BLOCK_TRACKS, sizeof(*t));
	if (r < 0)
		return r;
	memcpy(b.payload, t, sizeof(*t));
	bulk_block_end(&b, a, sizeof(*t));
	return 0;
}

/*
 * Whether the kernel tells an attribute to any user (net/ipv4/inet_diag.c,
 * net/packet/diag.c: those under net_admin and may_report_filterinfo are not
 * here). What is new is not known to be harmless, so it is not.
 */
static bool is_public(const struct record *r, unsigned type)
{
	if (r->def->kind == KIND_PACKET)
		return type != PACKET_DIAG_FILTER;
	if (r->def->kind != KIND_INET)
		return true;
	switch (type) {
	case INET_DIAG_MEMINFO:
	case INET_DIAG_INFO:
	case INET_DIAG_VEGASINFO:
	case INET_DIAG_CONG:
	case INET_DIAG_TOS:
	case INET_DIAG_TCLASS:
	case INET_DIAG_SKMEMINFO:
	case INET_DIAG_SHUTDOWN:
	case INET_DIAG_DCTCPINFO:
	case INET_DIAG_PROTOCOL:
	case INET_DIAG_SKV6ONLY:
	case INET_DIAG_BBRINFO:
	case INET_DIAG_CGROUP_ID:
	case INET_DIAG_SOCKOPT:
	case INET_DIAG_LOCALS:
	case INET_DIAG_PEERS:
		return true;
	}
	return false;
}

static size_t header_size(const struct record *r)
{
	return r->def->kind == KIND_INET ? sizeof(struct inet_diag_msg) : sizeof(struct packet_diag_msg);
}

/* Copies a message without the attributes that are not for all. Returns its new length. */
static size_t copy_public(uint8_t *to, const struct record *r)
{
	size_t at = NLMSG_ALIGN(header_size(r)), len = at;

	memcpy(to, r->data, at);
	while (r->len - at >= NLA_HDRLEN) {
		struct nlattr head;
		size_t space;

		memcpy(&head, r->data + at, sizeof(head));
		if (head.nla_len < NLA_HDRLEN || head.nla_len > r->len - at)
			break;
		if (is_public(r, head.nla_type & NLA_TYPE_MASK)) {
			memcpy(to + len, r->data + at, head.nla_len);
			memset(to + len + head.nla_len, 0, NLA_ALIGN(head.nla_len) - head.nla_len);
			len += NLA_ALIGN(head.nla_len);
		}
		space = NLA_ALIGN(head.nla_len);
		if (space > r->len - at)
			break;
		at += space;
	}
	return len;
}

static int write_message(struct arena *a, const struct record *r, uint32_t uid)
{
	const struct socketd_messages head = { .source = r->source, .netns = r->netns };
	bool lines = r->def->kind == KIND_PROC_INET, cut;
	struct nlmsghdr h = { .nlmsg_type = 20 /* SOCK_DIAG_BY_FAMILY */ };
	size_t len = r->len, size = sizeof(head) + sizeof(h) + NLMSG_ALIGN(r->len) + NLA_ALIGNTO;
	struct bulk_block b;
	uint8_t *p;
	int e;

	if (size > SOCKETD_BLOCK_MAX)
		return -E2BIG;
	e = bulk_block_begin(&b, a, lines ? SOCKETD_BLOCK_LINES : SOCKETD_BLOCK_MESSAGES, size);
	if (e < 0)
		return e;
	memcpy(b.payload, &head, sizeof(head));
	p = b.payload + sizeof(head) + (lines ? 0 : sizeof(h));
	cut = uid != 0 && (r->def->kind == KIND_INET || r->def->kind == KIND_PACKET) && r->len >= header_size(r);
	if (cut)
		len = copy_public(p, r);
	else
		memcpy(p, r->data, len);
	if (lines) {
		p[len++] = '\n';
	} else {
		h.nlmsg_len = (uint32_t)(sizeof(h) + len);
		memcpy(p - sizeof(h), &h, sizeof(h));
	}
	bulk_block_end(&b, a, (size_t)(p - b.payload) + len);
	return 0;
}

int event_write(struct arena *a, const struct event_info *e, struct record *r, uint32_t uid)
{
	struct arena_mark mark = arena_mark(a);
	int err;

	err = write_event(a, e);
	if (err == 0 && r)
		err = write_owners(a, r, uid);
	if (err == 0 && r && r->track)
		err = write_track(a, r->track);
	if (err == 0 && r)
		err = write_message(a, r, uid);
	if (err < 0)
		arena_rewind(a, mark); /* nothing of it was consumed, so this cannot fail */
	return err;
}
