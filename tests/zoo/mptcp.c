/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MPTCP: listener, connection, data, and a connection that fell back to TCP */

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "zoo.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define READS (READ_INET | READ_ADDRESS_ONLY | READ_MPTCP | READ_MEMORY)

/* The TCP socket below, which the kernel made; it shows the inode of the one above, and so its owner. */
static void add_subflow(int fd, const char *prefix)
{
	static const char via[] = "net/mptcp/subflow.c";
	struct entry *e = zoo_add("tcp", -1, 0, "the TCP connection of an MPTCP socket", "%s-client-subflow", prefix);

	e->inode = socket_inode(fd);
	entry_pid(e, getpid());
	expect_str(e, "state", "ESTAB");
	know_str(e, "holding", via, "kernel");
	know_bool(e, "sk_kern_sock", via, true);
	know_str(e, "icsk_ulp", via, "mptcp");
	know_function(e, "sk_data_ready", via, "subflow_data_ready");
	know_function(e, "sk_state_change", via, "subflow_state_change");
	know_function(e, "sk_write_space", via, "subflow_write_space");
	know_function(e, "prot_sendmsg", via, "tcp_sendmsg");
}

static void add_family(int family, const char *prefix, const char *address)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(family, address, 0, &ss);
	int fd, client, server;
	struct entry *e;

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
	if (fd < 0) {
		zoo_skip(prefix, errno, "MPTCP is not in this kernel, or net.mptcp.enabled is 0");
		return;
	}
	must(bind(fd, (void *)&ss, len));
	must(listen(fd, 11));
	must(getsockname(fd, (void *)&ss, &len));
	e = zoo_add("mptcp", fd, READS, "a listener of MPTCP", "%s-listen", prefix);
	expect_str(e, "state", "LISTEN");

	client = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
	must(connect(client, (void *)&ss, len));
	server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	e = zoo_add("mptcp", client, READS | READ_QUIET, "connected, 700 bytes sent", "%s-client", prefix);
	expect_str(e, "state", "ESTAB");
	add_subflow(client, prefix);
	write_exactly(client, 700);
	e = zoo_add("mptcp", server, READS | READ_QUIET, "700 bytes unread", "%s-server", prefix);
	expect_str(e, "state", "ESTAB");
	/* the memory of the queue, as MPTCP has it in its row */
	expect_min(e, "recv_q", 700);

	/* A plain TCP client: the server's socket stays one of MPTCP, without a second path. */
	client = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
	must(connect(client, (void *)&ss, len));
	server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	zoo_add("tcp", client, READ_INET | READ_TCP | READ_MEMORY | READ_QUIET, "plain TCP to an MPTCP listener",
		"%s-fallback-client", prefix);
	/* Since 4.x kernels hand out a plain TCP socket for such a client, or an MPTCP one in fallback. */
	len = sizeof(ss);
	must(getpeername(server, (void *)&ss, &len));
	if (get_int(server, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_MPTCP) {
		e = zoo_add("mptcp", server, READ_INET | READ_ADDRESS_ONLY,
			    "fell back to TCP: it may have left MPTCP's table", "%s-fallback-server", prefix);
		e->listed = LISTED_MAYBE;
	} else {
		e = zoo_add("tcp", server, READ_INET | READ_TCP | READ_MEMORY | READ_QUIET,
			    "accepted by an MPTCP listener as plain TCP", "%s-fallback-server", prefix);
	}
}

void zoo_mptcp(void)
{
	add_family(AF_INET, "mptcp4", "127.0.0.1");
	add_family(AF_INET6, "mptcp6", "::1");
}
