/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What BPF leaves behind in struct sock: a program as filter, storage, a place in a sockmap */

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define READS (READ_INET | READ_MEMORY | READ_QUIET)

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int make_udp(void)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(AF_INET, "127.0.0.1", 0, &ss);
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	must(bind(fd, (void *)&ss, len));
	return fd;
}

/* Two instructions, which nothing rewrites: the length in the kernel is the same. */
static void add_program(void)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0xffff },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)program,
		.insn_cnt = 2,
		.license = (uintptr_t) "GPL",
	};
	int prog = bpf(BPF_PROG_LOAD, &attr), fd;
	struct entry *e;

	if (prog < 0) {
		zoo_skip("udp4-bpf-filter", errno, "no BPF programs here");
		return;
	}
	fd = make_udp();
	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)));
	e = zoo_add("udp", fd, READS, "a BPF program of 2 instructions as filter", "udp4-bpf-filter");
	know_u64(e, "sk_filter", "SO_ATTACH_BPF", 2);
	close(prog);
}

/* Type 1: an int of 32 bits, the key and the value of the storage. */
static int load_btf(void)
{
	struct {
		struct btf_header header;
		struct btf_type type;
		uint32_t encoding;
		char strings[5];
	} __attribute__((packed)) data = {
		.header = {
			.magic = BTF_MAGIC,
			.version = BTF_VERSION,
			.hdr_len = sizeof(struct btf_header),
			.type_len = sizeof(struct btf_type) + 4,
			.str_off = sizeof(struct btf_type) + 4,
			.str_len = 5,
		},
		.type = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.strings = "\0int",
	};
	union bpf_attr attr = { .btf = (uintptr_t)&data, .btf_size = sizeof(data) };

	return bpf(BPF_BTF_LOAD, &attr);
}

static void add_storage(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_SK_STORAGE,
		.key_size = 4,
		.value_size = 4,
		.map_flags = BPF_F_NO_PREALLOC,
		.btf_key_type_id = 1,
		.btf_value_type_id = 1,
	};
	int btf = load_btf(), map, fd, value = 7;
	struct entry *e;

	attr.btf_fd = btf;
	map = btf < 0 ? -1 : bpf(BPF_MAP_CREATE, &attr);
	if (map < 0) {
		zoo_skip("udp4-bpf-storage", errno, "no BPF socket storage here");
		if (btf >= 0)
			close(btf);
		return;
	}
	fd = make_udp();
	attr = (union bpf_attr){ .map_fd = map, .key = (uintptr_t)&fd, .value = (uintptr_t)&value };
	must(bpf(BPF_MAP_UPDATE_ELEM, &attr));
	e = zoo_add("udp", fd, READS, "has a value in a socket storage map", "udp4-bpf-storage");
	know_bool(e, "sk_bpf_storage", "BPF_MAP_UPDATE_ELEM", true);
	/* The map stays open: without it the value would go. */
	close(btf);
}

static void add_sockmap(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4, .max_entries = 1 };
	int map = bpf(BPF_MAP_CREATE, &attr), index = 0;
	struct tcp_pair p;
	struct entry *e;

	if (map < 0) {
		zoo_skip("tcp4-sockmap", errno, "no sockmap here");
		return;
	}
	p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
	attr = (union bpf_attr){ .map_fd = map, .key = (uintptr_t)&index, .value = (uintptr_t)&p.client };
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0) {
		zoo_skip("tcp4-sockmap", errno, "the sockmap refuses the socket");
		close(map);
		close(p.client);
		close(p.server);
		return;
	}
	/* The map's memory is on the socket's account: READ_QUIET would compare what does not stand still. */
	e = zoo_add("tcp", p.client, READ_INET, "in a sockmap", "tcp4-sockmap");
	know_bool(e, "sk_user_data", "the sockmap keeps its state there", true);
	know_function(e, "prot_recvmsg", "net/ipv4/tcp_bpf.c", "tcp_bpf_recvmsg|tcp_bpf_recvmsg_parser");
	know_function(e, "creator_recvmsg", "net/ipv4/tcp_ipv4.c", "tcp_recvmsg");
	zoo_add("tcp", p.server, READ_INET, "its other end", "tcp4-sockmap-peer");
}

void zoo_bpf(void)
{
	add_program();
	add_storage();
	add_sockmap();
}
