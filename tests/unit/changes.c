/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as the kernel module's generic netlink group tells them, written by hand */

#include "unit/changes.h"

#include <CUnit/CUnit.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "socketd/uapi.h"

static void set_len(struct change_message *m)
{
	struct nlmsghdr *h = (void *)m->data;

	h->nlmsg_len = (uint32_t)m->len;
}

void change_begin(struct change_message *m, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr h = { .nlmsg_type = type };
	struct genlmsghdr g = { .cmd = cmd };

	memset(m, 0, sizeof(*m));
	memcpy(m->data, &h, sizeof(h));
	memcpy(m->data + NLMSG_HDRLEN, &g, sizeof(g));
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
	set_len(m);
}

void change_attr(struct change_message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };

	CU_ASSERT_TRUE_FATAL(m->len + NLA_HDRLEN + NLA_ALIGN(len) <= sizeof(m->data));
	memcpy(m->data + m->len, &a, sizeof(a));
	memcpy(m->data + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
	set_len(m);
}

void change_u64(struct change_message *m, uint16_t type, uint64_t value)
{
	change_attr(m, type, &value, sizeof(value));
}

static uint64_t boottime_nsec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void change_build(struct change_message *m, const struct change *c)
{
	uint16_t family = c->local->sa_family, protocol = c->protocol ? c->protocol : IPPROTO_TCP;
	size_t size = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	change_begin(m, CHANGES_FAMILY, SOCKETD_CMD_STATE);
	change_u64(m, SOCKETD_CHANGE_TIME, boottime_nsec());
	change_u64(m, SOCKETD_CHANGE_COOKIE, c->cookie);
	if (c->inode)
		change_u64(m, SOCKETD_CHANGE_INODE, c->inode);
	change_attr(m, SOCKETD_CHANGE_FAMILY, &family, sizeof(family));
	change_attr(m, SOCKETD_CHANGE_PROTOCOL, &protocol, sizeof(protocol));
	change_attr(m, SOCKETD_CHANGE_OLD_STATE, &c->old_state, 1);
	change_attr(m, SOCKETD_CHANGE_NEW_STATE, &c->new_state, 1);
	change_attr(m, SOCKETD_CHANGE_LOCAL, c->local, size);
	if (c->peer)
		change_attr(m, SOCKETD_CHANGE_PEER, c->peer, size);
	change_attr(m, SOCKETD_CHANGE_UID, &c->uid, sizeof(c->uid));
	change_u64(m, SOCKETD_CHANGE_LOST, c->lost);
	if (!c->pid)
		return;
	change_attr(m, SOCKETD_CHANGE_PID, &c->pid, sizeof(c->pid));
	change_attr(m, SOCKETD_CHANGE_COMM, c->comm, strlen(c->comm) + 1);
}
