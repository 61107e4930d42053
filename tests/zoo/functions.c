/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which functions a socket's tables hold, as the kernel's source sets them for its family, type and protocol */

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "reading.h"
#include "zoo.h"

#define ANY (-1)
#define AF_XDP_ 44

/*
 * Names between "|" are those of different kernels; "" is a pointer that is not
 * set; NULL is not compared. The place in the source is in the last column.
 */
static const struct functions {
	int family, type, protocol;
	const char *prot;
	const char *ops_sendmsg, *ops_recvmsg, *ops_poll;
	const char *prot_sendmsg, *prot_recvmsg, *backlog_rcv;
	const char *data_ready, *write_space, *destruct;
	const char *handler;
	const char *module; /* that ops belong to; "" built in */
	const char *via;
} table[] = {
#define READABLE "sock_def_readable"
#define WRITABLE "sock_def_write_space"
	{ AF_INET, SOCK_STREAM, IPPROTO_TCP, "TCP", "inet_sendmsg", "inet_recvmsg", "tcp_poll", "tcp_sendmsg", "tcp_recvmsg",
	  "tcp_v4_do_rcv", READABLE, "sk_stream_write_space", "inet_sock_destruct", "tcp_v4_rcv", "",
	  "net/ipv4/tcp_ipv4.c, af_inet.c" },
	{ AF_INET6, SOCK_STREAM, IPPROTO_TCP, "TCPv6", "inet6_sendmsg", "inet6_recvmsg", "tcp_poll", "tcp_sendmsg",
	  "tcp_recvmsg", "tcp_v6_do_rcv", READABLE, "sk_stream_write_space", "inet6_sock_destruct", "tcp_v6_rcv", "",
	  "net/ipv6/tcp_ipv6.c, af_inet6.c" },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDP, "UDP", "inet_sendmsg", "inet_recvmsg", "udp_poll", "udp_sendmsg", "udp_recvmsg",
	  "", READABLE, WRITABLE, "udp_destruct_sock", "udp_rcv", "", "net/ipv4/udp.c, af_inet.c" },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP, "UDPv6", "inet6_sendmsg", "inet6_recvmsg", "udp_poll", "udpv6_sendmsg",
	  "udpv6_recvmsg", "", READABLE, WRITABLE, "udpv6_destruct_sock", "udpv6_rcv", "", "net/ipv6/udp.c, af_inet6.c" },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, "UDP-Lite", "inet_sendmsg", "inet_recvmsg", "udp_poll", "udp_sendmsg",
	  "udp_recvmsg", "", READABLE, WRITABLE, "udp_destruct_sock", "udplite_rcv", "", "net/ipv4/udplite.c" },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE, "UDPLITEv6", "inet6_sendmsg", "inet6_recvmsg", "udp_poll", "udpv6_sendmsg",
	  "udpv6_recvmsg", "", READABLE, WRITABLE, "udpv6_destruct_sock", "udplitev6_rcv", "", "net/ipv6/udplite.c" },
	{ AF_INET, SOCK_RAW, ANY, "RAW", "inet_sendmsg", "inet_recvmsg|sock_common_recvmsg", "datagram_poll", "raw_sendmsg",
	  "raw_recvmsg", "raw_rcv_skb", READABLE, WRITABLE, "inet_sock_destruct", NULL, "", "net/ipv4/raw.c, af_inet.c" },
	{ AF_INET6, SOCK_RAW, ANY, "RAWv6", "inet_sendmsg|inet6_sendmsg", "sock_common_recvmsg|inet6_recvmsg",
	  "datagram_poll", "rawv6_sendmsg", "rawv6_recvmsg", "rawv6_rcv_skb", READABLE, WRITABLE, "inet6_sock_destruct", NULL,
	  "", "net/ipv6/raw.c" },
	{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "PING", "inet_sendmsg", "inet_recvmsg", "datagram_poll", "ping_v4_sendmsg",
	  "ping_recvmsg", "ping_queue_rcv_skb", READABLE, WRITABLE, "inet_sock_destruct", "icmp_rcv", "", "net/ipv4/ping.c" },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "PINGv6", "inet_sendmsg|inet6_sendmsg", "sock_common_recvmsg|inet6_recvmsg",
	  "datagram_poll", "ping_v6_sendmsg", "ping_recvmsg", "ping_queue_rcv_skb", READABLE, WRITABLE,
	  "inet6_sock_destruct", "icmpv6_rcv", "", "net/ipv6/ping.c" },
	{ AF_INET, ANY, IPPROTO_SCTP, "SCTP", "inet_sendmsg", "inet_recvmsg", "sctp_poll", "sctp_sendmsg", "sctp_recvmsg",
	  "sctp_backlog_rcv", "sctp_data_ready", "sctp_write_space", "sctp_destruct_sock", "sctp_rcv|sctp4_rcv", "sctp",
	  "net/sctp/socket.c, protocol.c" },
	{ AF_INET6, ANY, IPPROTO_SCTP, "SCTPv6", "inet_sendmsg|inet6_sendmsg", "inet_recvmsg|inet6_recvmsg", "sctp_poll",
	  "sctp_sendmsg", "sctp_recvmsg", "sctp_backlog_rcv", "sctp_data_ready", "sctp_write_space", "sctp_v6_destruct_sock", "sctp6_rcv",
	  "sctp", "net/sctp/socket.c, ipv6.c" },
	{ AF_INET, SOCK_STREAM, 262, "MPTCP", "inet_sendmsg", "inet_recvmsg", "mptcp_poll", "mptcp_sendmsg", "mptcp_recvmsg",
	  NULL, NULL, NULL, NULL, NULL, "", "net/mptcp/protocol.c" },
	{ AF_INET6, SOCK_STREAM, 262, "MPTCPv6", "inet6_sendmsg", "inet6_recvmsg", "mptcp_poll", "mptcp_sendmsg",
	  "mptcp_recvmsg", NULL, NULL, NULL, NULL, NULL, "", "net/mptcp/protocol.c" },
	{ AF_UNIX, SOCK_STREAM, ANY, "UNIX-STREAM|UNIX", "unix_stream_sendmsg", "unix_stream_recvmsg", "unix_poll", "", NULL,
	  "", READABLE, "unix_write_space", "unix_sock_destructor", "", "", "net/unix/af_unix.c" },
	{ AF_UNIX, SOCK_DGRAM, ANY, "UNIX|UNIX-DGRAM", "unix_dgram_sendmsg", "unix_dgram_recvmsg", "unix_dgram_poll", "",
	  NULL, "", READABLE, "unix_write_space", "unix_sock_destructor", "", "", "net/unix/af_unix.c" },
	{ AF_UNIX, SOCK_SEQPACKET, ANY, "UNIX|UNIX-DGRAM", "unix_seqpacket_sendmsg", "unix_seqpacket_recvmsg",
	  "unix_dgram_poll", "", NULL, "", READABLE, "unix_write_space", "unix_sock_destructor", "", "", "net/unix/af_unix.c" },
	{ AF_NETLINK, ANY, ANY, "NETLINK", "netlink_sendmsg", "netlink_recvmsg", "datagram_poll", "", "", "", READABLE,
	  WRITABLE, "netlink_sock_destruct", "", "", "net/netlink/af_netlink.c" },
	{ AF_PACKET, SOCK_PACKET, ANY, "PACKET", "packet_sendmsg_spkt", "packet_recvmsg", "datagram_poll", "", "", "", READABLE,
	  WRITABLE, "packet_sock_destruct", "", "", "net/packet/af_packet.c" },
	{ AF_PACKET, ANY, ANY, "PACKET", "packet_sendmsg", "packet_recvmsg", "packet_poll", "", "", "", READABLE, WRITABLE,
	  "packet_sock_destruct", "", "", "net/packet/af_packet.c" },
	{ AF_XDP_, ANY, ANY, "XDP", "xsk_sendmsg", "xsk_recvmsg", "xsk_poll", "", "", "", READABLE, WRITABLE, "xsk_destruct",
	  "", "", "net/xdp/xsk.c" },
	{ AF_VSOCK, SOCK_STREAM, ANY, "AF_VSOCK", "vsock_connectible_sendmsg", "vsock_connectible_recvmsg", "vsock_poll", "",
	  NULL, NULL, READABLE, WRITABLE, "vsock_sk_destruct", "", "vsock", "net/vmw_vsock/af_vsock.c" },
	{ AF_TIPC, SOCK_SEQPACKET, ANY, "TIPC", "tipc_send_packet", "tipc_recvmsg", "tipc_poll", "", "", "tipc_sk_backlog_rcv",
	  "tipc_data_ready", "tipc_write_space", "tipc_sock_destruct", "", "tipc", "net/tipc/socket.c" },
	{ AF_TIPC, SOCK_STREAM, ANY, "TIPC", "tipc_sendstream", "tipc_recvstream", "tipc_poll", "", "", "tipc_sk_backlog_rcv",
	  "tipc_data_ready", "tipc_write_space", "tipc_sock_destruct", "", "tipc", "net/tipc/socket.c" },
	{ AF_TIPC, ANY, ANY, "TIPC", "tipc_sendmsg", "tipc_recvmsg", "tipc_poll", "", "", "tipc_sk_backlog_rcv",
	  "tipc_data_ready", "tipc_write_space", "tipc_sock_destruct", "", "tipc", "net/tipc/socket.c" },
	{ AF_INET, SOCK_DCCP, ANY, "DCCP", "inet_sendmsg", "sock_common_recvmsg|inet_recvmsg", "dccp_poll", "dccp_sendmsg",
	  "dccp_recvmsg", "dccp_v4_do_rcv", NULL, "dccp_write_space", NULL, "dccp_v4_rcv", NULL, "net/dccp/ipv4.c" },
	{ AF_INET6, SOCK_DCCP, ANY, "DCCPv6", "inet_sendmsg|inet6_sendmsg", "sock_common_recvmsg|inet6_recvmsg", "dccp_poll",
	  "dccp_sendmsg", "dccp_recvmsg", "dccp_v6_do_rcv", NULL, "dccp_write_space", NULL, "dccp_v6_rcv", NULL,
	  "net/dccp/ipv6.c" },
#undef READABLE
#undef WRITABLE
};

static const struct functions *find(int family, int type, int protocol)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].family == family && (table[i].type == ANY || table[i].type == type) &&
		    (table[i].protocol == ANY || table[i].protocol == protocol))
			return &table[i];
	return NULL;
}

static void know(struct entry *e, const char *field, const struct functions *f, const char *names)
{
	if (names)
		know_function(e, field, f->via, names);
}

/* A connection over IPv4 of an IPv6 socket has the other family's ways out and in. */
static bool is_mapped(int fd)
{
	struct sockaddr_in6 peer = {};
	socklen_t len = sizeof(peer);

	return getpeername(fd, (void *)&peer, &len) == 0 && peer.sin6_family == AF_INET6 &&
	       IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr);
}

static void read_tcp_functions(struct entry *e, int family)
{
	const char *via = family == AF_INET ? "net/ipv4/tcp_ipv4.c, route.c" : "net/ipv6/tcp_ipv6.c, route.c";
	bool mapped = is_mapped(e->fd);
	struct tcp_info info;
	socklen_t len = sizeof(info);

	must(getsockopt(e->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	if (mapped) {
		know_function(e, "sk_backlog_rcv", via, "tcp_v4_do_rcv");
		know_function(e, "prot_backlog_rcv", via, "tcp_v6_do_rcv");
		family = AF_INET;
	}
	know_function(e, "icsk_queue_xmit", via, family == AF_INET ? "ip_queue_xmit" : "inet6_csk_xmit");
	know_absent(e, "icsk_ulp", "TCP_ULP was not set");
	/* As with read_deep.c's routes. */
	if ((info.tcpi_state != 1 && info.tcpi_state != 8) || !(e->reads & READ_QUIET))
		return;
	know_function(e, "dst_output", via, family == AF_INET ? "ip_output" : "ip6_output");
	know_function(e, "dst_input", via, family == AF_INET ? "ip_local_deliver" : "ip6_input");
	/* SKB_GSO_TCPV4, SKB_GSO_TCPV6 (include/linux/skbuff.h) */
	know_u64(e, "sk_gso_type", via, family == AF_INET ? 1 : 16);
	know_op(e, "sk_route_caps", "lo scatters (NETIF_F_SG)", "bits", 1);
}

void read_functions(struct entry *e)
{
	int family = 0, type = 0, protocol = 0;
	const struct functions *f;

	if (!try_get_int(e->fd, SOL_SOCKET, SO_DOMAIN, &family) || !try_get_int(e->fd, SOL_SOCKET, SO_TYPE, &type))
		return;
	try_get_int(e->fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
	know_function(e, "sk_state_change", "net/core/sock.c, sock_init_data()", "sock_def_wakeup");
	know_function(e, "sk_error_report", "net/core/sock.c, sock_init_data()", "sock_def_error_report");
	know_absent(e, "sk_validate_xmit_skb", "no device encrypts here");
	f = find(family, type, protocol);
	if (!f)
		return;
	if ((family == AF_INET || family == AF_INET6) && type == SOCK_STREAM && protocol == IPPROTO_TCP)
		read_tcp_functions(e, family);
	know(e, "sk_prot", f, f->prot);
	know(e, "sk_prot_creator", f, f->prot);
	know(e, "ops_sendmsg", f, f->ops_sendmsg);
	know(e, "ops_recvmsg", f, f->ops_recvmsg);
	know(e, "ops_poll", f, f->ops_poll);
	know(e, "prot_sendmsg", f, f->prot_sendmsg);
	know(e, "prot_recvmsg", f, f->prot_recvmsg);
	know(e, "creator_sendmsg", f, f->prot_sendmsg);
	know(e, "creator_recvmsg", f, f->prot_recvmsg);
	/* TIPC sets that of the socket alone. */
	know(e, "prot_backlog_rcv", f, family == AF_TIPC ? "" : f->backlog_rcv);
	know(e, "sk_backlog_rcv", f, f->backlog_rcv);
	know(e, "sk_data_ready", f, f->data_ready);
	know(e, "sk_write_space", f, f->write_space);
	know(e, "sk_destruct", f, f->destruct);
	know(e, "proto_handler", f, f->handler);
	know(e, "socket_ops", f, f->module);
	if (protocol == IPPROTO_UDP && type == SOCK_DGRAM)
		know_absent(e, "encap_rcv", "UDP_ENCAP was not set");
}
