/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Families with sock_diag that few kernels have: VSOCK, SMC, TIPC */

#include <errno.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zoo.h"

#ifndef AF_SMC
#define AF_SMC 43
#endif
#define SMCPROTO_SMC 0
#define SMCPROTO_SMC6 1

#define TIPC_TYPE 18888

/* cid 1 is the loopback of this machine (VMADDR_CID_LOCAL). */
static void expect_cid(struct entry *e, const char *field, unsigned cid)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", cid);
	expect_words(e, field, "any", number, cid == VMADDR_CID_ANY ? "*" : "local", NULL);
}

static struct entry *add_vsock_end(int fd, enum entry_listed listed, const char *why, const char *name)
{
	struct entry *e = zoo_add("v_str", fd, 0, why, "%s", name);
	struct sockaddr_vm vm;
	socklen_t len = sizeof(vm);

	e->uid_known = false;
	e->listed = listed;
	must(getsockname(fd, (void *)&vm, &len));
	expect_cid(e, "local", vm.svm_cid);
	expect_u64(e, "local_port", vm.svm_port);
	len = sizeof(vm);
	if (getpeername(fd, (void *)&vm, &len) == 0) {
		expect_cid(e, "peer", vm.svm_cid);
		expect_u64(e, "peer_port", vm.svm_port);
	}
	expect_str(e, "type", "stream");
	return e;
}

static void add_vsock_connection(int listener, unsigned port, enum entry_listed listed)
{
	struct sockaddr_vm to = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = port };
	int fd = must(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct timeval patience = { .tv_sec = 1 };
	struct entry *e;

	must(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience)));
	if (connect(fd, (void *)&to, sizeof(to)) < 0) {
		zoo_skip("vsock-loopback", errno, "vsock_loopback is not in this kernel");
		close(fd);
		return;
	}
	must(shutdown(fd, SHUT_WR));
	e = add_vsock_end(fd, listed, "connected over loopback, shut down for writing", "vsock-client");
	expect_str(e, "state", "ESTAB");
	expect_u64(e, "vdiag_shutdown_raw", 2);
	expect_words(e, "vdiag_shutdown", NULL, "SEND_SHUTDOWN", NULL);
	fd = must(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	e = add_vsock_end(fd, listed, "accepted", "vsock-server");
	expect_str(e, "state", "ESTAB");
}

void zoo_vsock(void)
{
	struct sockaddr_vm any = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY };
	struct sockaddr_vm own;
	socklen_t len = sizeof(own);
	enum entry_listed listed;
	struct entry *e;
	int fd;

	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		zoo_skip("vsock", errno, "AF_VSOCK is not in this kernel");
		return;
	}
	listed = kernel_dumps(AF_VSOCK, 0) ? LISTED_YES : LISTED_MAYBE;
	must(bind(fd, (void *)&any, sizeof(any)));
	must(listen(fd, 4));
	must(getsockname(fd, (void *)&own, &len));
	e = add_vsock_end(fd, listed, "listener, any cid", "vsock-listen");
	expect_str(e, "state", "LISTEN");
	add_vsock_connection(fd, own.svm_port, listed);

	fd = socket(AF_VSOCK, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		zoo_skip("vsock-dgram", errno, "only the VMCI transport has datagrams");
		return;
	}
	e = zoo_add("v_dgr", fd, 0, "made and left alone", "vsock-dgram");
	e->uid_known = false;
	e->listed = LISTED_MAYBE;
}

/* Without RDMA or ISM devices every connection falls back to TCP. */
void zoo_smc(void)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET, "127.0.0.1", 0, &ss);
	enum entry_listed listed;
	int fd, client, server;
	struct entry *e;

	fd = socket(AF_SMC, SOCK_STREAM | SOCK_CLOEXEC, SMCPROTO_SMC);
	if (fd < 0) {
		zoo_skip("smc", errno, "AF_SMC is not in this kernel");
		return;
	}
	listed = kernel_dumps(AF_SMC, 0) ? LISTED_YES : LISTED_MAYBE;
	must(bind(fd, (void *)&ss, len));
	must(listen(fd, 4));
	must(getsockname(fd, (void *)&ss, &len));
	e = zoo_add("smc", fd, READ_INET | READ_ADDRESS_ONLY, "listener", "smc-listen");
	e->listed = listed;
	expect_str(e, "state", "LISTEN");
	client = must(socket(AF_SMC, SOCK_STREAM | SOCK_CLOEXEC, SMCPROTO_SMC));
	must(connect(client, (void *)&ss, len));
	server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	write_exactly(client, 10);
	for (int i = 0; i < 2; i++) {
		e = zoo_add("smc", i ? server : client, READ_INET | READ_ADDRESS_ONLY, "connected over loopback",
			    i ? "smc-server" : "smc-client");
		e->listed = listed;
		/* After a fallback the descriptor leads to the TCP socket inside, but for its inode. */
		e->cookie = 0;
		e->reads |= READ_SHALLOW;
		expect_str(e, "family", "smc");
		/* SMC_DIAG_MODE_FALLBACK_TCP 1, or SMC-D 2 where the kernel has a loopback device of its own */
		expect_json(e, "smc_mode_raw", json_tokener_parse("{\"any\":[1,2]}"));
	}
}

void zoo_tipc(void)
{
	struct sockaddr_tipc service = {
		.family = AF_TIPC,
		.addrtype = TIPC_SERVICE_RANGE,
		.scope = TIPC_NODE_SCOPE,
		.addr.nameseq = { .type = TIPC_TYPE, .lower = 17, .upper = 17 },
	};
	struct sockaddr_tipc to = {
		.family = AF_TIPC, .addrtype = TIPC_SERVICE_ADDR,
		.addr.name.name = { .type = TIPC_TYPE, .instance = 17 },
	}, own;
	socklen_t len = sizeof(own);
	enum entry_listed listed;
	int fd, client, server;
	struct entry *e;

	fd = socket(AF_TIPC, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		zoo_skip("tipc", errno, "AF_TIPC is not in this kernel");
		return;
	}
	listed = kernel_dumps(AF_TIPC, 0) ? LISTED_YES : LISTED_MAYBE;
	must(bind(fd, (void *)&service, sizeof(service)));
	must(listen(fd, 0));
	must(getsockname(fd, (void *)&own, &len));
	e = zoo_add("tipc", fd, 0, "bound to a service, listens", "tipc-listen");
	e->listed = listed;
	expect_bool(e, "tipc_has_publ", true);
	expect_u64(e, "tipc_ref", own.addr.id.ref);
	expect_u64(e, "local_port", own.addr.id.ref);
	expect_str(e, "state", "LISTEN");

	/* connect() returns when the other side has accepted */
	client = must(socket(AF_TIPC, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	must(connect(client, (void *)&to, sizeof(to)) < 0 && errno != EINPROGRESS ? -1 : 0);
	server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	must(send(client, "hello", 5, 0));
	for (int i = 0; i < 2; i++) {
		len = sizeof(own);
		must(getsockname(i ? server : client, (void *)&own, &len));
		e = zoo_add("tipc", i ? server : client, 0, "connected to a service",
			    i ? "tipc-server" : "tipc-client");
		e->listed = listed;
		expect_u64(e, "tipc_ref", own.addr.id.ref);
		expect_u64(e, "local_port", own.addr.id.ref);
		expect_str(e, "type", "seqpacket");
		expect_str(e, "state", "ESTAB");
		/* The peer is probed each hour. TCP has another timer for that. */
		know_range(e, "sk_timer", "net/tipc/socket.c, CONN_PROBING_INTV", INT64_C(3300000000), INT64_C(3600100000));
	}
	/* of the accepted end: one message unread */
	expect_u64(e, "tipc_rcvq", 1);

	fd = must(socket(AF_TIPC, SOCK_RDM | SOCK_CLOEXEC, 0));
	service.addr.nameseq.lower = service.addr.nameseq.upper = 18;
	must(bind(fd, (void *)&service, sizeof(service)));
	e = zoo_add("tipc", fd, 0, "reliable datagrams, bound to a service", "tipc-rdm");
	e->listed = listed;
	expect_str(e, "type", "rdm");
	expect_bool(e, "tipc_has_publ", true);
}
