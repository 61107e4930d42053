/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a live descriptor tells of the fields of struct sock and struct socket: getsockopt, fcntl, fstat, /proc */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <linux/socket.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

/* Later than the headers at hand. */
#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

/* include/net/tcp_states.h */
enum { ESTAB = 1, CLOSED = 7, CLOSE_WAIT = 8, LISTEN = 10 };

enum kind { NUMBER, SIGNED, BOOL };

/* Options whose answer is the field itself (net/core/sock.c, sk_getsockopt()). */
static const struct {
	const char *field;
	int option;
	enum kind kind;
	const char *via;
} plain[] = {
	{ "sk_type", SO_TYPE, NUMBER, "SO_TYPE" },
	{ "sk_protocol", SO_PROTOCOL, NUMBER, "SO_PROTOCOL" },
	{ "sk_family", SO_DOMAIN, NUMBER, "SO_DOMAIN" },
	{ "socket_type_raw", SO_TYPE, NUMBER, "SO_TYPE" },
	{ "sk_priority", SO_PRIORITY, NUMBER, "SO_PRIORITY" },
	{ "sk_mark", SO_MARK, NUMBER, "SO_MARK" },
	{ "sk_rcvlowat", SO_RCVLOWAT, SIGNED, "SO_RCVLOWAT" },
	{ "sk_reuse", SO_REUSEADDR, NUMBER, "SO_REUSEADDR" },
	{ "sk_reuseport", SO_REUSEPORT, BOOL, "SO_REUSEPORT" },
	{ "sk_bound_dev_if", SO_BINDTOIFINDEX, NUMBER, "SO_BINDTOIFINDEX" },
	{ "sk_ll_usec", SO_BUSY_POLL, NUMBER, "SO_BUSY_POLL" },
	{ "sk_prefer_busy_poll", SO_PREFER_BUSY_POLL, BOOL, "SO_PREFER_BUSY_POLL" },
	{ "sk_no_check_tx", SO_NO_CHECK, BOOL, "SO_NO_CHECK" },
	{ "sk_txrehash", SO_TXREHASH, NUMBER, "SO_TXREHASH" },
	{ "sk_reserved_mem", SO_RESERVE_MEM, NUMBER, "SO_RESERVE_MEM" },
	{ "sk_peek_off", SO_PEEK_OFF, SIGNED, "SO_PEEK_OFF" },
};

/* Bits of sk_flags that getsockopt tells one by one. */
static const struct {
	const char *word;
	int option;
} flag_options[] = {
	{ "SOCK_DBG", SO_DEBUG },
	{ "SOCK_LOCALROUTE", SO_DONTROUTE },
	{ "SOCK_BROADCAST", SO_BROADCAST },
	{ "SOCK_KEEPOPEN", SO_KEEPALIVE },
	{ "SOCK_URGINLINE", SO_OOBINLINE },
	{ "SOCK_RXQ_OVFL", SO_RXQ_OVFL },
	{ "SOCK_WIFI_STATUS", SO_WIFI_STATUS },
	{ "SOCK_NOFCS", SO_NOFCS },
	{ "SOCK_FILTER_LOCKED", SO_LOCK_FILTER },
	{ "SOCK_SELECT_ERR_QUEUE", SO_SELECT_ERR_QUEUE },
	{ "SOCK_ZEROCOPY", SO_ZEROCOPY },
	{ "SOCK_RCVMARK", SO_RCVMARK },
};

static void read_plain(struct entry *e)
{
	int value;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!try_get_int(e->fd, SOL_SOCKET, plain[i].option, &value))
			continue;
		if (plain[i].kind == BOOL)
			know_bool(e, plain[i].field, plain[i].via, value);
		else if (plain[i].kind == SIGNED)
			know_s64(e, plain[i].field, plain[i].via, value);
		else
			know_u64(e, plain[i].field, plain[i].via, (uint32_t)value);
	}
	/* The CPU of the last packet: fixed where none is under way, as segments that are sent again. */
	if (e->reads & READ_QUIET && try_get_int(e->fd, SOL_SOCKET, SO_INCOMING_CPU, &value))
		know_s64(e, "sk_incoming_cpu", "SO_INCOMING_CPU", value);
	if (try_get_int(e->fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &value)) {
		/* Told as 0 when it is a CPU's number and not that of a NAPI instance, which start behind those. */
		if (value)
			know_u64(e, "sk_napi_id", "SO_INCOMING_NAPI_ID", value);
		else
			know_op(e, "sk_napi_id", "SO_INCOMING_NAPI_ID", "max", sysconf(_SC_NPROCESSORS_CONF));
	}
	if (try_get_int(e->fd, IPPROTO_IPV6, IPV6_V6ONLY, &value))
		know_bool(e, "sk_ipv6only", "IPV6_V6ONLY", value);
}

static void append(char *list, size_t size, const char *word)
{
	size_t n = strlen(list);

	snprintf(list + n, size - n, "%s%s", n ? " " : "", word);
}

static bool has_option(int fd, int option)
{
	int value = 0;

	return try_get_int(fd, SOL_SOCKET, option, &value) && value;
}

static void read_flags(struct entry *e)
{
	struct linger linger = {};
	socklen_t len = sizeof(linger);
	char has[512] = "", lacks[512] = "SOCK_DEAD";
	bool nsec, usec;
	int value;

	for (size_t i = 0; i < sizeof(flag_options) / sizeof(flag_options[0]); i++)
		if (try_get_int(e->fd, SOL_SOCKET, flag_options[i].option, &value))
			append(value ? has : lacks, sizeof(has), flag_options[i].word);
	/* Four options, three bits; one option at most says yes (sk_getsockopt()). */
	nsec = has_option(e->fd, SO_TIMESTAMPNS_OLD) || has_option(e->fd, SO_TIMESTAMPNS_NEW);
	usec = has_option(e->fd, SO_TIMESTAMP_OLD) || has_option(e->fd, SO_TIMESTAMP_NEW);
	append(nsec || usec ? has : lacks, sizeof(has), "SOCK_RCVTSTAMP");
	append(nsec ? has : lacks, sizeof(has), "SOCK_RCVTSTAMPNS");
	if (getsockopt(e->fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0)
		append(linger.l_onoff ? has : lacks, sizeof(has), "SOCK_LINGER");
	value = fcntl(e->fd, F_GETFL);
	append(value & O_ASYNC ? has : lacks, sizeof(has), "SOCK_FASYNC");
	know_flags(e, "sk_flags", "SO_* one by one", has, lacks);
	if (linger.l_onoff)
		know_u64(e, "sk_lingertime", "SO_LINGER", linger.l_linger * UINT64_C(1000000));
	else
		know_absent(e, "sk_lingertime", "SO_LINGER");

	has[0] = lacks[0] = 0;
	if (try_get_int(e->fd, SOL_SOCKET, SO_PASSCRED, &value))
		append(value ? has : lacks, sizeof(has), "SOCK_PASSCRED");
	if (try_get_int(e->fd, SOL_SOCKET, SO_PASSSEC, &value))
		append(value ? has : lacks, sizeof(has), "SOCK_PASSSEC");
	if (try_get_int(e->fd, SOL_SOCKET, SO_PASSPIDFD, &value))
		append(value ? has : lacks, sizeof(has), "SOCK_PASSPIDFD");
	/* Bits of the wait queue share the numbers, not the word. */
	append(lacks, sizeof(lacks), "SOCKWQ_ASYNC_NOSPACE SOCKWQ_ASYNC_WAITDATA");
	know_flags(e, "socket_flags", "SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD", has, lacks);
	if (!(e->reads & READ_BUSY))
		know_u64(e, "socket_wq_flags_raw", "nobody waits", 0);

	has[0] = lacks[0] = 0;
	if (try_get_int(e->fd, SOL_SOCKET, SO_BUF_LOCK, &value)) {
		append(value & SOCK_SNDBUF_LOCK ? has : lacks, sizeof(has), "SOCK_SNDBUF_LOCK");
		append(value & SOCK_RCVBUF_LOCK ? has : lacks, sizeof(has), "SOCK_RCVBUF_LOCK");
		know_flags(e, "sk_userlocks", "SO_BUF_LOCK", has, lacks);
	}
}

static void read_timeout(struct entry *e, const char *field, int option, const char *via)
{
	struct timeval tv;
	socklen_t len = sizeof(tv);

	if (getsockopt(e->fd, SOL_SOCKET, option, &tv, &len) < 0)
		return;
	if (tv.tv_sec || tv.tv_usec)
		know_u64(e, field, via, tv.tv_sec * UINT64_C(1000000) + tv.tv_usec);
	else
		know_absent(e, field, via);
}

/* Options that are wider than an int. */
static void read_wide(struct entry *e)
{
	struct { int flags, bind_phc; } ts = {};
	struct sock_txtime tx = {};
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(e->fd, SOL_SOCKET, SO_MAX_PACING_RATE, &value, &len) == 0 && len == sizeof(value)) {
		if (value == UINT64_MAX)
			know_absent(e, "sk_max_pacing_rate", "SO_MAX_PACING_RATE");
		else
			know_u64(e, "sk_max_pacing_rate", "SO_MAX_PACING_RATE", value);
	}
	len = sizeof(value);
	if (getsockopt(e->fd, SOL_SOCKET, SO_NETNS_COOKIE, &value, &len) == 0)
		know_hex(e, "sk_net", "SO_NETNS_COOKIE", value);
	len = sizeof(ts);
	if (getsockopt(e->fd, SOL_SOCKET, SO_TIMESTAMPING, &ts, &len) == 0) {
		know_u64(e, "sk_tsflags_raw", "SO_TIMESTAMPING", (uint32_t)ts.flags);
		if (len == sizeof(ts))
			know_s64(e, "sk_bind_phc", "SO_TIMESTAMPING", ts.bind_phc);
	}
	len = sizeof(tx);
	if (getsockopt(e->fd, SOL_SOCKET, SO_TXTIME, &tx, &len) == 0) {
		know_u64(e, "sk_clockid", "SO_TXTIME", tx.clockid);
		know_bool(e, "sk_txtime_deadline_mode", "SO_TXTIME", tx.flags & SOF_TXTIME_DEADLINE_MODE);
		know_bool(e, "sk_txtime_report_errors", "SO_TXTIME", tx.flags & SOF_TXTIME_REPORT_ERRORS);
	}
	read_timeout(e, "sk_rcvtimeo", SO_RCVTIMEO, "SO_RCVTIMEO");
	read_timeout(e, "sk_sndtimeo", SO_SNDTIMEO, "SO_SNDTIMEO");
}

static void read_peer_credentials(struct entry *e)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(e->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return;
	if (peer.pid) {
		know_u64(e, "sk_peer_pid", "SO_PEERCRED", peer.pid);
		know_u64(e, "sk_peer_cred", "SO_PEERCRED", peer.uid);
		know_u64(e, "sk_peer_gid", "SO_PEERCRED", peer.gid);
	} else {
		know_absent(e, "sk_peer_pid", "SO_PEERCRED");
		know_absent(e, "sk_peer_cred", "SO_PEERCRED");
	}
}

static void read_descriptor(struct entry *e)
{
	int value = fcntl(e->fd, F_GETFL), value2;
	static uint64_t cgroup;
	static bool is_root;
	struct stat st;

	must(value);
	know_u64(e, "socket_file_raw", "F_GETFL", value);
	know_bool(e, "socket_wq_has_fasync", "F_GETFL", value & O_ASYNC);
	know_str(e, "holding", "a descriptor of this process", "file");
	know_op(e, "socket_file_count", "a descriptor of this process", "min", 1);
	know_op(e, "sk_refcnt", "an open socket has one", "min", 1);
	know_bool(e, "sk_net_refcnt", "made by socket(2) or accept(2)", true);
	know_bool(e, "sk_kern_sock", "made by socket(2) or accept(2)", false);
	know_bool(e, "sk_wq", "an open socket has one", true);
	know_bool(e, "sk_wq_raw", "an open socket has one", true);
	know_bool(e, "sk_use_task_frag", "net/core/sock.c, sock_init_data()", true);
	know_u64(e, "sk_pacing_shift", "net/core/sock.c, sock_init_data()", 10);
	/* UNIX sockets and some others are charged for, which is one more bit (__GFP_ACCOUNT), another in each kernel. */
	if (!strcmp(e->kind ? e->kind : "", "tcp") || !strcmp(e->kind ? e->kind : "", "udp"))
		know_u64(e, "sk_allocation", "net/core/sock.c, sock_init_data(): GFP_KERNEL", 0xcc0);
	else
		know_op(e, "sk_allocation", "net/core/sock.c, sock_init_data(): GFP_KERNEL", "bits", 0xcc0);
	know_bool(e, "sk_no_check_rx", "only tunnels of the kernel set it", false);
	know_bool(e, "sk_user_data", "no kernel user took it", false);
	if (!(e->reads & READ_BUSY)) {
		know_bool(e, "sk_lock", "nobody is in a call", false);
		know_bool(e, "socket_wq_has_waiters", "nobody waits", false);
		know_u64(e, "sk_write_pending", "nobody is in a call", 0);
	}
	if (e->reads & READ_QUIET) {
		know_u64(e, "sk_err_raw", "no error was caused", 0);
		know_u64(e, "sk_err_soft_raw", "no error was caused", 0);
	}
	must(fstat(e->fd, &st));
	know_u64(e, "sk_socket", "fstat", st.st_ino);
	/* Accepted sockets of families without a diag handler need not have an owner of their own. */
	if (e->uid_known)
		know_u64(e, "sk_uid", "fstat", st.st_uid);
	if (e->cookie) {
		know_hex(e, "sk_cookie", "SO_COOKIE", e->cookie);
		know_hex(e, "socket_sk", "SO_COOKIE", e->cookie);
	}
	if (!cgroup)
		cgroup = own_cgroup(&is_root);
	if (cgroup)
		know_u64(e, "sk_cgrp_data", "inode of the cgroup2 directory", cgroup);
	if (cgroup && is_root)
		know_absent(e, "sk_memcg", "the root cgroup is not charged");
	if (try_get_int(e->fd, SOL_SOCKET, SO_ACCEPTCONN, &value2) && value2)
		know_flags(e, "sk_flags", "SO_ACCEPTCONN", "", "SOCK_DEAD SOCK_DONE");
}

static void know_address(struct entry *e, const char *field4, const char *field6, const char *port, const char *via,
			 const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in = (const void *)ss;
	char text[INET6_ADDRSTRLEN];

	if (ss->ss_family == AF_INET) {
		know_str(e, field4, via, inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)));
		know_u64(e, port, via, ntohs(in->sin_port));
	} else if (ss->ss_family == AF_INET6) {
		know_str(e, field6, via, inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)));
		know_u64(e, port, via, ntohs(in6->sin6_port));
	}
}

/* struct sock_common has the peer's half first, in network order; the number of the local port is in host order. */
static void know_pairs(struct entry *e, const struct sockaddr_storage *local, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in *from = (const void *)local, *to = (const void *)peer;
	struct { uint16_t to, from; } ports = { to->sin_port, ntohs(from->sin_port) };
	struct { uint32_t to, from; } addresses = { to->sin_addr.s_addr, from->sin_addr.s_addr };
	uint32_t portpair;
	uint64_t addrpair;

	/* Family and port have the same place in IPv6. */
	memcpy(&portpair, &ports, sizeof(portpair));
	know_u64(e, "sk_portpair", "getsockname, getpeername", portpair);
	memcpy(&addrpair, &addresses, sizeof(addrpair));
	if (local->ss_family == AF_INET)
		know_hex(e, "sk_addrpair", "getsockname, getpeername", addrpair);
}

/* Of TCP and UDP; a raw socket keeps its protocol where the port is. */
static void read_inet_deep(struct entry *e, int family, int protocol)
{
	bool connected, has_ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
	struct sockaddr_storage ss = {}, peer = {};
	socklen_t len = sizeof(ss);
	int mtu;

	if (!has_ports)
		return;
	if (getsockname(e->fd, (void *)&ss, &len) == 0)
		know_address(e, "sk_rcv_saddr", "sk_v6_rcv_saddr", "sk_num", "getsockname", &ss);
	len = sizeof(peer);
	connected = getpeername(e->fd, (void *)&peer, &len) == 0;
	if (!(e->reads & READ_NO_PEER))
		know_pairs(e, &ss, &peer);
	if (connected && !(e->reads & READ_NO_PEER))
		know_address(e, "sk_daddr", "sk_v6_daddr", "sk_dport", "getpeername", &peer);
	if (!(e->reads & READ_QUIET))
		connected = false;
	if (connected && family == AF_INET && try_get_int(e->fd, IPPROTO_IP, IP_MTU, &mtu))
		know_u64(e, "dst_mtu", "IP_MTU", mtu);
	else if (connected && family == AF_INET6 && try_get_int(e->fd, IPPROTO_IPV6, IPV6_MTU, &mtu))
		know_u64(e, "dst_mtu", "IPV6_MTU", mtu);
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		know_op(e, "sk_hash", "udp_port_hash shares its place: the port", "low16",
			ntohs(((struct sockaddr_in *)&ss)->sin_port));
}

/*
 * Every TCP connection of the zoo goes over lo. The route to the peer is dropped
 * when segments are sent again; that of the peer is there only when a segment
 * came while nobody was in a call: what waits in the backlog has lost its own.
 */
static void know_loopback(struct entry *e, bool quiet)
{
	unsigned lo = if_nametoindex("lo");

	know_op(e, "sk_rx_dst_ifindex", "all came over lo", "or-absent", lo);
	know_op(e, "sk_rx_dst", "all came over lo", "or-absent", lo);
	know_bool(e, "sk_node", "in the table of connections", true);
	know_bool(e, "sk_nulls_node", "in the table of connections", true);
	know_op(e, "sk_txhash", "net/ipv4/tcp_output.c: never 0 once connected", "min", 1);
	know_range(e, "sk_gso_max_size", "lo: 65536 less the largest header", 65536 - 512, 65536);
	know_u64(e, "sk_gso_max_segs", "lo: GSO_MAX_SEGS", 65535);
	if (!quiet)
		return;
	know_u64(e, "sk_dst_cache", "goes over lo", lo);
	know_str(e, "dst_dev", "goes over lo", "lo");
	know_absent(e, "dst_gateway", "the peer is local");
	know_function(e, "dev_xmit", "drivers/net/loopback.c", "loopback_xmit");
	know_str(e, "dev_qdisc", "lo has no queue", "noqueue");
	know_u64(e, "dev_qdisc_qlen", "lo has no queue", 0);
	know_u64(e, "dev_tx_queue", "lo has one", 0);
}

static void read_tcp_deep(struct entry *e)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	bool quiet = e->reads & READ_QUIET, connected;

	must(getsockopt(e->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	connected = info.tcpi_state == ESTAB || info.tcpi_state == CLOSE_WAIT;
	know_u64(e, "sk_state", "TCP_INFO", info.tcpi_state);
	if (quiet && info.tcpi_state != LISTEN && info.tcpi_state != CLOSED) {
		if (info.tcpi_pacing_rate != UINT64_MAX)
			know_u64(e, "sk_pacing_rate", "TCP_INFO", info.tcpi_pacing_rate);
		know_bool(e, "rtx_queue", "TCP_INFO: tcpi_unacked", info.tcpi_unacked > 0);
		know_bool(e, "ooo_queue", "nothing was lost", false);
		know_u64(e, "sk_write_queue", "all is sent", 0);
		know_bool(e, "sk_send_head", "all is sent", false);
		know_u64(e, "sk_error_queue", "no error was caused", 0);
		know_u64(e, "sk_tsq_flags_raw", "nothing is under way", 0);
	}
	if (info.tcpi_state == LISTEN) {
		know_u64(e, "sk_ack_backlog", "TCP_INFO", info.tcpi_unacked);
		know_u64(e, "sk_max_ack_backlog", "TCP_INFO", info.tcpi_sacked);
		know_u64(e, "sk_receive_queue", "a listener receives nothing", 0);
	} else {
		know_u64(e, "sk_ack_backlog", "no listener", 0);
	}
	if (connected)
		know_loopback(e, quiet);
}

void read_deep(struct entry *e)
{
	int family = 0, protocol = -1, type = 0;

	try_get_int(e->fd, SOL_SOCKET, SO_DOMAIN, &family);
	try_get_int(e->fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
	try_get_int(e->fd, SOL_SOCKET, SO_TYPE, &type);
	read_plain(e);
	read_flags(e);
	read_wide(e);
	read_peer_credentials(e);
	read_descriptor(e);
	if (family == AF_INET || family == AF_INET6) {
		read_inet_deep(e, family, type == SOCK_RAW ? -1 : protocol);
		if (protocol == IPPROTO_TCP && type == SOCK_STREAM)
			read_tcp_deep(e);
	}
}
