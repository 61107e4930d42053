/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SCTP one-to-one and one-to-many with several addresses, and DCCP; skipped where the kernel has neither */

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After what they need and do not include. */
#include <linux/dccp.h>
#include <linux/sctp.h>

#include "zoo.h"

#ifndef SOL_DCCP
#define SOL_DCCP 269
#endif
#define DCCP_SERVICE_CODE 42

static void make_v4(const char *text, uint16_t port, struct sockaddr_in *ret)
{
	struct sockaddr_storage ss;

	make_address(AF_INET, text, port, &ss);
	memcpy(ret, &ss, sizeof(*ret));
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	must(getsockname(fd, (void *)&ss, &len));
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

/* A row of an association: what SCTP_STATUS says of the socket's own one. */
static void expect_status(struct entry *e, int fd, sctp_assoc_t id)
{
	struct sctp_status st = { .sstat_assoc_id = id };
	socklen_t len = sizeof(st);

	must(getsockopt(fd, IPPROTO_SCTP, SCTP_STATUS, &st, &len));
	/* The option counts states from 1 (SCTP_EMPTY is 0), the table from 0. */
	expect_u64(e, "sctpi_state_raw", st.sstat_state - 1);
	expect_u64(e, "sctpi_instrms", st.sstat_instrms);
	expect_u64(e, "sctpi_outstrms", st.sstat_outstrms);
	/* sctp_get_sctp_info() has the fragmentation point under this name, and leaves its own zero. */
	expect_u64(e, "sctpi_maxseg", st.sstat_fragmentation_point);
	expect_u64(e, "sctpi_unackdata", st.sstat_unackdata);
}

static int make_multihomed(int type, int backlog)
{
	struct sockaddr_in extra[2], first;
	int fd = must(socket(AF_INET, type | SOCK_CLOEXEC, IPPROTO_SCTP));

	make_v4("127.0.0.1", 0, &first);
	must(bind(fd, (void *)&first, sizeof(first)));
	make_v4("127.0.0.2", port_of(fd), &extra[0]);
	make_v4("127.0.0.3", port_of(fd), &extra[1]);
	must(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, extra, sizeof(extra)));
	if (backlog)
		must(listen(fd, backlog));
	return fd;
}

static void add_one_to_one(void)
{
	int listener = make_multihomed(SOCK_STREAM, 5), client, server;
	struct sockaddr_in to;
	struct entry *e;

	e = zoo_add("sctp", listener, READ_MEMORY, "one-to-one listener with three addresses", "sctp-listen");
	expect_str(e, "state", "LISTEN");
	expect_u64(e, "local_port", port_of(listener));
	expect_words(e, "sctp_local_addrs", "set", "127.0.0.1", "127.0.0.2", "127.0.0.3", NULL);

	make_v4("127.0.0.1", port_of(listener), &to);
	client = make_multihomed(SOCK_STREAM, 0);
	must(connect(client, (void *)&to, sizeof(to)));
	server = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	e = zoo_add("sctp", client, READ_MEMORY, "one-to-one association, both sides with three addresses",
		    "sctp-client");
	expect_u64(e, "local_port", port_of(client));
	expect_u64(e, "peer_port", port_of(listener));
	expect_words(e, "sctp_local_addrs", "set", "127.0.0.1", "127.0.0.2", "127.0.0.3", NULL);
	expect_words(e, "sctp_peer_addrs", "set", "127.0.0.1", "127.0.0.2", "127.0.0.3", NULL);
	expect_status(e, client, 0);
	e = zoo_add("sctp", server, READ_MEMORY, "accepted association", "sctp-server");
	expect_u64(e, "local_port", port_of(listener));
	expect_u64(e, "peer_port", port_of(client));
	expect_status(e, server, 0);
}

static void add_one_to_many(void)
{
	int server = make_multihomed(SOCK_SEQPACKET, 5), client = make_multihomed(SOCK_SEQPACKET, 0);
	struct sockaddr_in to;
	struct entry *e;
	char buf[16];

	make_v4("127.0.0.2", port_of(server), &to);
	must(sendto(client, "hello", 5, 0, (void *)&to, sizeof(to)));
	must(recv(server, buf, sizeof(buf), 0));
	/* Rows of the endpoint and of its association carry one cookie: ports tell them apart. */
	e = zoo_add("sctp", server, READ_MEMORY, "one-to-many: the endpoint", "sctp-many-server");
	expect_str(e, "state", "LISTEN");
	expect_u64(e, "local_port", port_of(server));
	e = zoo_add("sctp", client, READ_MEMORY, "one-to-many: an association made by sendto", "sctp-many-client");
	expect_u64(e, "local_port", port_of(client));
	expect_u64(e, "peer_port", port_of(server));
	expect_words(e, "sctp_peer_addrs", "set", "127.0.0.1", "127.0.0.2", "127.0.0.3", NULL);
}

static void add_v6(void)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET6, "::1", 0, &ss);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
	struct entry *e;

	if (fd < 0) {
		zoo_skip("sctp6", errno, "no SCTP over IPv6");
		return;
	}
	must(bind(fd, (void *)&ss, len));
	must(listen(fd, 3));
	e = zoo_add("sctp", fd, READ_INET | READ_ADDRESS_ONLY | READ_NO_PEER | READ_MEMORY, "IPv6 listener",
		    "sctp6-listen");
	expect_str(e, "state", "LISTEN");
}

void zoo_sctp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd < 0 || !kernel_dumps(AF_INET, IPPROTO_SCTP)) {
		zoo_skip("sctp", fd < 0 ? errno : ENOENT, "SCTP or its sock_diag is not in this kernel");
		if (fd >= 0)
			close(fd);
		return;
	}
	close(fd);
	add_one_to_one();
	add_one_to_many();
	add_v6();
}

static int make_dccp(int family)
{
	int fd = socket(family, SOCK_DCCP | SOCK_CLOEXEC, IPPROTO_DCCP);

	if (fd >= 0)
		set_int(fd, SOL_DCCP, DCCP_SOCKOPT_SERVICE, htonl(DCCP_SERVICE_CODE));
	return fd;
}

static void add_dccp(int family, const char *prefix, const char *address)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(family, address, 0, &ss);
	int listener = must(make_dccp(family)), client, server;
	unsigned reads = READ_INET | READ_MEMORY;
	struct entry *e;
	char buf[16];

	must(bind(listener, (void *)&ss, len));
	must(listen(listener, 5));
	must(getsockname(listener, (void *)&ss, &len));
	e = zoo_add("dccp", listener, reads, "a listener", "%s-listen", prefix);
	expect_str(e, "state", "LISTEN");
	client = must(make_dccp(family));
	must(connect(client, (void *)&ss, len));
	server = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	/* One packet each way: before that the client is in PARTOPEN, a state that inet_diag has no number for. */
	must(send(client, "hello", 5, 0));
	must(recv(server, buf, sizeof(buf), 0));
	must(send(server, "hello", 5, 0));
	must(recv(client, buf, sizeof(buf), 0));
	e = zoo_add("dccp", client, reads, "connected", "%s-client", prefix);
	expect_str(e, "state", "ESTAB");
	expect_str(e, "type", "dccp");
	e = zoo_add("dccp", server, reads, "accepted", "%s-server", prefix);
	expect_str(e, "state", "ESTAB");
}

void zoo_dccp(void)
{
	int fd = make_dccp(AF_INET);

	if (fd < 0 || !kernel_dumps(AF_INET, IPPROTO_DCCP)) {
		zoo_skip("dccp", fd < 0 ? errno : ENOENT, "DCCP or its sock_diag is not in this kernel");
		if (fd >= 0)
			close(fd);
		return;
	}
	close(fd);
	add_dccp(AF_INET, "dccp4", "127.0.0.1");
	add_dccp(AF_INET6, "dccp6", "::1");
}
