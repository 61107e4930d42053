/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The readings that there are: which family and protocol each covers, and how its bytes are decoded */

#ifndef SOCKETD_MODEL_SOURCE_ID_H
#define SOCKETD_MODEL_SOURCE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_MPTCP 262 /* IPPROTO_MPTCP; Debian 12's libc lacks it */

/* The shape of a source's messages: what picks the decoder. */
enum message_kind {
	KIND_INET,      /* struct inet_diag_msg; protocol decides what INET_DIAG_INFO is */
	KIND_UNIX,      /* struct unix_diag_msg */
	KIND_NETLINK,   /* struct netlink_diag_msg */
	KIND_PACKET,    /* struct packet_diag_msg */
	KIND_VSOCK,     /* struct vsock_diag_msg */
	KIND_XDP,       /* struct xdp_diag_msg */
	KIND_SMC,       /* struct smc_diag_msg */
	KIND_TIPC,      /* TIPC_NLA_SOCK behind a genl-less header */
	KIND_PROC_INET, /* a line of /proc/net/{tcp,udp,udplite,raw,icmp}[6] */
	KIND_MODULE,    /* struct socketd_message of the kernel module: any family */
	KIND_COUNT
};

/*
 * SOURCE(id, name, kind, family, protocol, netid, proc, fallback)
 * proc      file under /proc/net for KIND_PROC_INET, else ""
 * fallback  source that is read when the kernel has no handler for this one
 * tcp is tcp4 and tcp6 in one walk over the kernel's table: never asked for, but
 * taken in their place when both are wanted and asked the same (source/acquire.c).
 * module is our kernel module, read before the others: its messages add to their rows
 * what they lack, and are rows themselves where no other has one (snapshot/messages.c).
 * Ids are in streams: append only, at most 63.
 */
#define SOURCES(SOURCE)                                                                     \
	SOURCE(1, tcp4, KIND_INET, AF_INET, IPPROTO_TCP, "tcp", "", proc_tcp)               \
	SOURCE(2, tcp6, KIND_INET, AF_INET6, IPPROTO_TCP, "tcp", "", proc_tcp6)             \
	SOURCE(3, udp4, KIND_INET, AF_INET, IPPROTO_UDP, "udp", "", proc_udp)               \
	SOURCE(4, udp6, KIND_INET, AF_INET6, IPPROTO_UDP, "udp", "", proc_udp6)             \
	SOURCE(5, udplite4, KIND_INET, AF_INET, IPPROTO_UDPLITE, "udplite", "", proc_udplite) \
	SOURCE(6, udplite6, KIND_INET, AF_INET6, IPPROTO_UDPLITE, "udplite", "", proc_udplite6) \
	SOURCE(7, raw4, KIND_INET, AF_INET, IPPROTO_RAW, "raw", "", proc_raw)               \
	SOURCE(8, raw6, KIND_INET, AF_INET6, IPPROTO_RAW, "raw", "", proc_raw6)             \
	SOURCE(9, dccp4, KIND_INET, AF_INET, IPPROTO_DCCP, "dccp", "", none)                \
	SOURCE(10, dccp6, KIND_INET, AF_INET6, IPPROTO_DCCP, "dccp", "", none)              \
	SOURCE(11, sctp4, KIND_INET, AF_INET, IPPROTO_SCTP, "sctp", "", none)               \
	SOURCE(12, sctp6, KIND_INET, AF_INET6, IPPROTO_SCTP, "sctp", "", none)              \
	SOURCE(13, mptcp4, KIND_INET, AF_INET, PROTOCOL_MPTCP, "mptcp", "", none)           \
	SOURCE(14, mptcp6, KIND_INET, AF_INET6, PROTOCOL_MPTCP, "mptcp", "", none)          \
	SOURCE(15, unix, KIND_UNIX, AF_UNIX, 0, "", "", none)                               \
	SOURCE(16, netlink, KIND_NETLINK, AF_NETLINK, 0, "nl", "", none)                    \
	SOURCE(17, packet, KIND_PACKET, AF_PACKET, 0, "", "", none)                         \
	SOURCE(18, vsock, KIND_VSOCK, AF_VSOCK, 0, "", "", none)                            \
	SOURCE(19, xdp, KIND_XDP, AF_XDP, 0, "xdp", "", none)                               \
	SOURCE(20, smc, KIND_SMC, AF_SMC, 0, "smc", "", none)                               \
	SOURCE(21, tipc, KIND_TIPC, AF_TIPC, 0, "tipc", "", none)                           \
	SOURCE(22, proc_tcp, KIND_PROC_INET, AF_INET, IPPROTO_TCP, "tcp", "tcp", none)      \
	SOURCE(23, proc_tcp6, KIND_PROC_INET, AF_INET6, IPPROTO_TCP, "tcp", "tcp6", none)   \
	SOURCE(24, proc_udp, KIND_PROC_INET, AF_INET, IPPROTO_UDP, "udp", "udp", none)      \
	SOURCE(25, proc_udp6, KIND_PROC_INET, AF_INET6, IPPROTO_UDP, "udp", "udp6", none)   \
	SOURCE(26, proc_udplite, KIND_PROC_INET, AF_INET, IPPROTO_UDPLITE, "udplite", "udplite", none) \
	SOURCE(27, proc_udplite6, KIND_PROC_INET, AF_INET6, IPPROTO_UDPLITE, "udplite", "udplite6", none) \
	SOURCE(28, proc_raw, KIND_PROC_INET, AF_INET, IPPROTO_RAW, "raw", "raw", none)      \
	SOURCE(29, proc_raw6, KIND_PROC_INET, AF_INET6, IPPROTO_RAW, "raw", "raw6", none)   \
	SOURCE(30, proc_icmp, KIND_PROC_INET, AF_INET, IPPROTO_ICMP, "icmp", "icmp", none)  \
	SOURCE(31, proc_icmp6, KIND_PROC_INET, AF_INET6, IPPROTO_ICMPV6, "icmp", "icmp6", none) \
	SOURCE(32, tcp, KIND_INET, AF_UNSPEC, IPPROTO_TCP, "tcp", "", none)                 \
	SOURCE(33, module, KIND_MODULE, AF_UNSPEC, 0, "", "", none)

enum source_id {
	SOURCE_none = 0,
#define SOURCE_ENUM(id, name, kind, family, protocol, netid, proc, fallback) SOURCE_##name = id,
	SOURCES(SOURCE_ENUM)
#undef SOURCE_ENUM
	SOURCE_COUNT
};

#define SOURCE_BIT(id) (UINT64_C(1) << (id))

struct source_def {
	const char *name;  /* "tcp4" */
	const char *netid; /* "" when it depends on the row's type */
	const char *proc;
	uint8_t kind; /* enum message_kind */
	uint8_t fallback;
	uint16_t family;
	uint16_t protocol;
};

/* NULL for a number that is no source. */
const struct source_def *source_def_get(uint32_t id);

/* Whether two addresses and two ports say which connection a socket has: TCP, UDP and their like. */
bool source_has_tuple(const struct source_def *def);

#endif
