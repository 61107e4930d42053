/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a live descriptor tells of its socket, independent of sock_diag: getsockopt, getsockname, ioctl, fstat */

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif

const char *state_word(unsigned state)
{
	static const char *const words[] = {
		"0",      "ESTAB",      "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",   "TIME-WAIT",
		"UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",   "CLOSING",    "NEW-SYN-RECV", "BOUND-INACTIVE",
	};

	return state < sizeof(words) / sizeof(words[0]) ? words[state] : "?";
}

bool try_get_int(int fd, int level, int option, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, level, option, ret, &len) == 0;
}

static const char *family_word(int family)
{
	switch (family) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_VSOCK:
		return "vsock";
	case 43:
		return "smc";
	case 44:
		return "xdp";
	case 30:
		return "tipc";
	}
	return NULL;
}

static const char *type_word(int type)
{
	static const char *const words[] = {
		[SOCK_STREAM] = "stream", [SOCK_DGRAM] = "dgram",         [SOCK_RAW] = "raw",
		[SOCK_RDM] = "rdm",       [SOCK_SEQPACKET] = "seqpacket", [SOCK_DCCP] = "dccp",
	};

	return type > 0 && type < (int)(sizeof(words) / sizeof(words[0])) ? words[type] : NULL;
}

static bool is_option(int fd, int option, int wanted)
{
	int value;

	return try_get_int(fd, SOL_SOCKET, option, &value) && value == wanted;
}

static void read_identity(struct entry *e, struct entry *to)
{
	const char *word;
	struct stat st;
	int value;

	must(stat("/proc/self/ns/net", &st));
	expect_u64(to, "netns", st.st_ino);
	if (e->inode)
		expect_u64(to, "inode", e->inode);
	if (e->cookie && !(e->reads & READ_NO_DIAG))
		expect_hex(to, "cookie", e->cookie);
	if (e->fd < 0)
		return;
	word = try_get_int(e->fd, SOL_SOCKET, SO_DOMAIN, &value) ? family_word(value) : NULL;
	if (word)
		expect_str(to, "family", word);
	word = try_get_int(e->fd, SOL_SOCKET, SO_TYPE, &value) ? type_word(value) : NULL;
	/* The row of an SCTP association does not tell the type; that of the endpoint does. */
	if (word && !(is_option(e->fd, SO_PROTOCOL, IPPROTO_SCTP) && is_option(e->fd, SO_ACCEPTCONN, 0)))
		expect_str(to, "type", word);
	if (e->uid_known) {
		must(fstat(e->fd, &st));
		expect_u64(to, "uid", st.st_uid);
	}
}

static void read_memory(struct entry *e, struct entry *to)
{
	static const char *const names[] = {
		[SK_MEMINFO_RMEM_ALLOC] = "sk_rmem_alloc",
		[SK_MEMINFO_RCVBUF] = "sk_rcvbuf",
		[SK_MEMINFO_WMEM_ALLOC] = "sk_wmem_alloc",
		[SK_MEMINFO_SNDBUF] = "sk_sndbuf",
		[SK_MEMINFO_FWD_ALLOC] = "sk_forward_alloc",
		[SK_MEMINFO_WMEM_QUEUED] = "sk_wmem_queued",
		[SK_MEMINFO_OPTMEM] = "sk_omem_alloc",
		[SK_MEMINFO_BACKLOG] = "sk_backlog",
		[SK_MEMINFO_DROPS] = "sk_drops",
	};
	uint32_t m[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(m);

	if (getsockopt(e->fd, SOL_SOCKET, SO_MEMINFO, m, &len) < 0)
		return;
	for (size_t i = 0; i < len / sizeof(m[0]); i++) {
		bool still = i == SK_MEMINFO_RCVBUF || i == SK_MEMINFO_SNDBUF;

		if (!still && !(e->reads & READ_QUIET))
			continue;
		expect_s64(to, names[i], i == SK_MEMINFO_FWD_ALLOC ? (int32_t)m[i] : (int64_t)m[i]);
	}
}

uint32_t read_meminfo(int fd, int which)
{
	uint32_t m[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(m);

	must(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, m, &len));
	return m[which];
}

static void read_addresses(struct entry *e, struct entry *to)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(e->fd, (void *)&ss, &len) == 0)
		expect_sockaddr(to, "local", "local_port", &ss);
	len = sizeof(ss);
	if (!(e->reads & READ_NO_PEER) && getpeername(e->fd, (void *)&ss, &len) == 0)
		expect_sockaddr(to, "peer", "peer_port", &ss);
}

static void read_inet_flags(struct entry *e, struct entry *to)
{
	static const struct {
		const char *name;
		int option;
	} flags[] = {
		{ "inet_recverr", IP_RECVERR },
		{ "inet_freebind", IP_FREEBIND },
		{ "inet_hdrincl", IP_HDRINCL },
		{ "inet_mc_loop", IP_MULTICAST_LOOP },
		{ "inet_transparent", IP_TRANSPARENT },
		{ "inet_mc_all", IP_MULTICAST_ALL },
		{ "inet_nodefrag", IP_NODEFRAG },
		{ "inet_bind_address_no_port", IP_BIND_ADDRESS_NO_PORT },
		{ "inet_recverr_rfc4884", IP_RECVERR_RFC4884 },
	};
	int value;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (try_get_int(e->fd, IPPROTO_IP, flags[i].option, &value))
			expect_bool(to, flags[i].name, value);
}

/* The cgroup2 directory of this process: its inode number is the id that sockets made here carry. */
uint64_t own_cgroup(bool *ret_is_root)
{
	char line[4096], path[4096] = "", mount[4096] = "", whole[8192];
	struct stat st;
	FILE *f;

	f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "0::%4095[^\n]", path) == 1)
			break;
	if (f)
		fclose(f);
	f = fopen("/proc/self/mounts", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cgroup2 %4095s cgroup2", mount) == 1)
			break;
	if (f)
		fclose(f);
	*ret_is_root = !strcmp(path, "/");
	if (!path[0] || !mount[0])
		return 0;
	snprintf(whole, sizeof(whole), "%s%s", mount, path);
	return stat(whole, &st) == 0 ? st.st_ino : 0;
}

static void read_inet(struct entry *e, struct entry *to)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char dev[IFNAMSIZ] = "";
	static uint64_t cgroup;
	int value, family = 0;
	bool is_root;

	read_addresses(e, to);
	if (e->reads & (READ_ADDRESS_ONLY | READ_NO_DIAG))
		return;
	try_get_int(e->fd, SOL_SOCKET, SO_DOMAIN, &family);
	if (getuid() == 0 && try_get_int(e->fd, SOL_SOCKET, SO_MARK, &value))
		expect_u64(to, "sk_mark", (uint32_t)value);
	len = sizeof(dev);
	if (getsockopt(e->fd, SOL_SOCKET, SO_BINDTODEVICE, dev, &len) == 0 && dev[0]) {
		expect_str(to, "dev", dev);
		expect_u64(to, "sk_bound_dev_if", if_nametoindex(dev));
	} else {
		expect_absent(to, "dev");
	}
	if (try_get_int(e->fd, IPPROTO_IP, IP_TOS, &value))
		expect_u64(to, "tos", value);
	if (family == AF_INET6) {
		if (try_get_int(e->fd, IPPROTO_IPV6, IPV6_TCLASS, &value))
			expect_u64(to, "tclass", value);
		/* Told for LISTEN and CLOSE alone (inet_diag_msg_attrs_fill); a raw socket's peer has no port to tell. */
		len = sizeof(ss);
		if (!is_option(e->fd, SO_TYPE, SOCK_RAW) && getpeername(e->fd, (void *)&ss, &len) < 0 && errno == ENOTCONN &&
		    try_get_int(e->fd, IPPROTO_IPV6, IPV6_V6ONLY, &value) && !(e->reads & READ_NO_PEER))
			expect_bool(to, "ipv6only", value);
	}
	read_inet_flags(e, to);
	if (!cgroup)
		cgroup = own_cgroup(&is_root);
	if (cgroup)
		expect_u64(to, "cgroup_id", cgroup);
}

void entry_read(struct entry *e)
{
	struct entry to = { .expect = json_object_new_object() };

	if (e->kind)
		expect_str(&to, "netid", e->kind);
	read_identity(e, &to);
	if (e->fd >= 0) {
		if (e->reads & READ_INET)
			read_inet(e, &to);
		if (e->reads & READ_TCP)
			read_tcp(e, &to);
		if (e->reads & READ_MPTCP)
			read_mptcp(e, &to);
		if (e->reads & READ_MEMORY && !(e->reads & READ_NO_DIAG))
			read_memory(e, &to);
		if (!(e->reads & READ_SHALLOW)) {
			read_deep(e);
			read_functions(e);
		}
	}
	/* What the maker said stands over what is read. */
	json_object_object_foreach(to.expect, field, value) if (!json_object_object_get_ex(e->expect, field, NULL))
		expect_json(e, field, json_object_get(value));
	json_object_put(to.expect);
}
