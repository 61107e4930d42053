/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink sockets: protocols, groups, options, unread messages */

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static int make_bound(int protocol, struct sockaddr_nl *ret)
{
	socklen_t len = sizeof(*ret);
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -1;
	*ret = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
	must(bind(fd, (void *)ret, len));
	must(getsockname(fd, (void *)ret, &len));
	return fd;
}

/* The socket's inode has a user, but netlink_diag does not tell it. */
static struct entry *add(int fd, unsigned reads, const struct sockaddr_nl *nl, const char *why, const char *name)
{
	struct entry *e = zoo_add("nl", fd, reads, why, "%s", name);

	e->uid_known = false;
	expect_u64(e, "local_port", nl->nl_pid);
	return e;
}

static void add_groups(void)
{
	static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_ND_USEROPT, 33 };
	json_object *list = json_object_new_array();
	struct sockaddr_nl nl;
	int fd = must(make_bound(NETLINK_ROUTE, &nl));
	uint32_t joined[4] = {};
	socklen_t len = sizeof(joined);
	struct entry *e;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])) < 0)
			zoo_skip("netlink-group", errno, "group above 32");
	/* What the kernel says was joined, bit 0 being group 1. */
	must(getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, joined, &len));
	for (unsigned g = 1; g <= 128; g++)
		if (joined[(g - 1) / 32] & 1u << (g - 1) % 32)
			json_object_array_add(list, json_object_new_uint64(g));
	/* Not quiet: other programs may change links. */
	e = add(fd, READ_MEMORY, &nl, "groups joined, one above 32", "netlink-route-groups");
	expect_json(e, "ndiag_groups", list);
	expect_str(e, "local", "route");
	expect_str(e, "protocol", "route");
}

static void add_flags(void)
{
	/* NDIAG_FLAG_* (linux/netlink_diag.h) */
	static const struct {
		int option;
		unsigned flag;
		const char *word;
	} options[] = {
		{ NETLINK_PKTINFO, 0x02, "pktinfo" },       { NETLINK_BROADCAST_ERROR, 0x04, "broadcast-error" },
		{ NETLINK_NO_ENOBUFS, 0x08, "no-enobufs" }, { NETLINK_LISTEN_ALL_NSID, 0x10, "listen-all-nsid" },
		{ NETLINK_CAP_ACK, 0x20, "cap-ack" },
	};
	struct sockaddr_nl nl;
	struct entry *e;
	char name[64];
	int fd;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		fd = must(make_bound(NETLINK_ROUTE, &nl));
		set_int(fd, SOL_NETLINK, options[i].option, 1);
		snprintf(name, sizeof(name), "netlink-flag-%s", options[i].word);
		e = add(fd, READ_MEMORY | READ_QUIET, &nl, "one option that is a flag", name);
		expect_u64(e, "ndiag_flags_raw", options[i].flag);
		expect_words(e, "ndiag_flags", NULL, options[i].word, NULL);
		expect_str(e, "local", "route");
	}
}

static void add_unread(void)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} req = {
		.h = { .nlmsg_len = sizeof(req), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.g = { .rtgen_family = AF_UNSPEC },
	};
	struct sockaddr_nl nl;
	int fd = must(make_bound(NETLINK_ROUTE, &nl));
	struct entry *e;

	set_int(fd, SOL_SOCKET, SO_RCVBUF, 50000);
	must(send(fd, &req, sizeof(req), 0));
	e = add(fd, READ_MEMORY | READ_QUIET, &nl, "the answer to a dump request unread", "netlink-route-unread");
	expect_min(e, "recv_q", 100);
	expect_u64(e, "recv_q", read_meminfo(fd, SK_MEMINFO_RMEM_ALLOC));
	expect_u64(e, "sk_rcvbuf", 100000);
	expect_str(e, "type", "raw");
}

void zoo_netlink(void)
{
	/* NETLINK_x of the headers, but uevent and genl, which go by the names of ss */
	static const struct {
		int protocol;
		const char *word;
		unsigned groups;
	} protocols[] = {
		{ NETLINK_GENERIC, "genl", 0 },        { NETLINK_KOBJECT_UEVENT, "uevent", 1 },
		{ NETLINK_SOCK_DIAG, "sock_diag", 0 }, { NETLINK_USERSOCK, "usersock", 0 },
		{ NETLINK_AUDIT, "audit", 0 },         { NETLINK_XFRM, "xfrm", 0 },
		{ NETLINK_NETFILTER, "netfilter", 0 }, { NETLINK_CRYPTO, "crypto", 0 },
		{ NETLINK_CONNECTOR, "connector", 0 },
	};
	struct sockaddr_nl nl;
	struct entry *e;
	char name[64];
	int fd;

	if (!kernel_dumps(AF_NETLINK, 255)) {
		zoo_skip("netlink", ENOENT, "the kernel has no netlink_diag");
		return;
	}
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		snprintf(name, sizeof(name), "netlink-%s", protocols[i].word);
		fd = make_bound(protocols[i].protocol, &nl);
		if (fd < 0) {
			zoo_skip(name, errno, "the kernel has no such protocol");
			continue;
		}
		if (protocols[i].groups)
			set_int(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, protocols[i].groups);
		e = add(fd, READ_MEMORY, &nl, "bound, a port of the kernel's choice", name);
		expect_str(e, "local", protocols[i].word);
		expect_str(e, "protocol", protocols[i].word);
		if (protocols[i].groups)
			expect_json(e, "ndiag_groups", json_tokener_parse("[1]"));
	}
	add_groups();
	add_flags();
	add_unread();
}
