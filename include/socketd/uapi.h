/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* What the kernel module and userspace say to each other */

#ifndef SOCKETD_UAPI_H
#define SOCKETD_UAPI_H

#include <linux/types.h>

/*
 * The module answers NETLINK_SOCK_DIAG for family AF_UNSPEC, "all families":
 *
 *   request  := nlmsghdr(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST [| NLM_F_DUMP])
 *               struct socketd_request  SOCKETD_REQ_*...
 *   dump     := meta (socket | task | progress)* totals NLMSG_DONE
 *   get      := socket                           (without NLM_F_DUMP: by pid and fd only)
 *   meta     := struct socketd_message(META)     SOCKETD_A_META
 *   socket   := struct socketd_message(SOCKET)   SOCKETD_A_LOCAL? SOCKETD_A_PEER?
 *               SOCKETD_A_SKMEMINFO? SOCKETD_A_SOCKET? SOCKETD_A_SOCK? SOCKETD_A_FLOW?
 *               SOCKETD_A_NAMES?
 *   task     := struct socketd_message(TASK)     SOCKETD_A_TASK SOCKETD_A_FDS?
 *   progress := struct socketd_message(PROGRESS)
 *   totals   := struct socketd_message(TOTALS)   SOCKETD_A_TOTALS
 *
 * Every message is of type SOCK_DIAG_BY_FAMILY and starts with struct
 * socketd_message, whose kind says which it is. Attributes are netlink's,
 * aligned to 4, integers in host order, addresses and their ports as in a struct
 * sockaddr. Unknown attributes and kinds of a reply are skipped by whoever reads.
 *
 * Compatibility: structs and groups only grow at the end; what a shorter one
 * lacks is absent, what a longer one has more is skipped. The version changes
 * when that is not enough. In a request everything unknown is refused, with an
 * extended acknowledgement that names it.
 *
 * Errors: ENOENT the module is not loaded (the kernel's own answer); EINVAL,
 * in later kernels ERANGE where a length or a value is out of range;
 * EPROTONOSUPPORT another version; EPERM; ESRCH no such process; ENOENT with
 * pid and fd, that descriptor is not a socket; ESTALE it is, with another
 * cookie; EOPNOTSUPP.
 *
 * Who may ask: everybody, for the sockets of his network namespace and the
 * fields that the catalogue calls public. CAP_NET_ADMIN over the namespace, of
 * sender and opener both, for the others; together with CAP_SYS_PTRACE in the
 * initial user namespace, for tasks, pids and descriptors. SOCKETD_FLAG_ALL_NETNS
 * takes CAP_NET_ADMIN in the initial user namespace. No pointer, no key and no
 * payload ever leaves.
 *
 * A dump is no atomic picture. A socket may be told twice: cookie and inode say
 * so. A reader needs a buffer of at least 8 KiB.
 */

#define SOCKETD_UAPI_MAGIC 0x736f6b64u
#define SOCKETD_UAPI_VERSION 1

/* What is asked for. */
enum socketd_what {
	SOCKETD_WHAT_SOCKETS = 1,
	SOCKETD_WHAT_TASKS = 2, /* who holds which socket: one pass over all descriptor tables */
};

struct socketd_request {
	__u8 sdiag_family;   /* AF_UNSPEC */
	__u8 sdiag_protocol; /* 0 */
	__u8 version;        /* SOCKETD_UAPI_VERSION */
	__u8 what;           /* enum socketd_what */
	__u32 magic;         /* SOCKETD_UAPI_MAGIC */
	__u32 walks;         /* SOCKETD_WALK_*, of WHAT_SOCKETS; 0 only with pid and fd, or for meta and totals alone */
	__u32 groups;        /* SOCKETD_GROUP_*, of WHAT_SOCKETS */
	__u32 states;        /* 1 << sk_state (TCP_*); SOCKETD_STATES_ALL for all */
	__u32 flags;         /* SOCKETD_FLAG_* */
};

#define SOCKETD_STATES_ALL 0xffffffffu

/*
 * By the protocols' tables: TCP, UDP, UDP-Lite, raw, UNIX and packet sockets,
 * those without a descriptor too. By the tasks' descriptor tables: every family.
 * With both, the second leaves out what the first has found.
 */
#define SOCKETD_WALK_TABLES 1u
#define SOCKETD_WALK_TASKS 2u
#define SOCKETD_WALKS_ALL 3u

/* Groups: an attribute each. Local and peer are always there where they can be told. */
#define SOCKETD_GROUP_SKMEM 1u   /* SOCKETD_A_SKMEMINFO */
#define SOCKETD_GROUP_SOCKET 2u  /* SOCKETD_A_SOCKET */
#define SOCKETD_GROUP_SOCK 4u    /* SOCKETD_A_SOCK */
#define SOCKETD_GROUP_FLOW 8u    /* SOCKETD_A_FLOW, and with NAMES its functions */
#define SOCKETD_GROUP_NAMES 16u  /* SOCKETD_A_NAMES: the text fields of the groups that are asked for */
#define SOCKETD_GROUPS_DEFAULT SOCKETD_GROUP_SKMEM
#define SOCKETD_GROUPS_ALL 31u

#define SOCKETD_FLAG_ALL_NETNS 1u /* of every network namespace */
/*
 * Only what the kernel's own diag modules do not list, as far as the socket
 * itself tells: of TCP, UDP, UDP-Lite and raw the unhashed ones; no UNIX and
 * packet sockets; of other families all.
 */
#define SOCKETD_FLAG_UNLISTED 2u
#define SOCKETD_FLAGS_ALL 3u

enum socketd_req_attr {
	SOCKETD_REQ_UNSPEC,
	SOCKETD_REQ_FAMILIES,    /* u64: 1 << AF_*; all when absent */
	SOCKETD_REQ_COOKIES,     /* u64 array, 1 to SOCKETD_KEYS_MAX: only these */
	SOCKETD_REQ_INODES,      /* u64 array, likewise */
	SOCKETD_REQ_PID,         /* u32: thread group in the caller's pid namespace; only what it holds */
	SOCKETD_REQ_FD,          /* u32, with PID: only this descriptor */
	SOCKETD_REQ_ACTIVE_MSEC, /* u32: TCP sockets that sent or received data within; others have no such clock and pass */
	__SOCKETD_REQ_MAX
};

#define SOCKETD_REQ_MAX (__SOCKETD_REQ_MAX - 1)
#define SOCKETD_KEYS_MAX 512

enum socketd_message_kind {
	SOCKETD_KIND_META = 1,
	SOCKETD_KIND_SOCKET,
	SOCKETD_KIND_TASK,
	SOCKETD_KIND_TOTALS,
	SOCKETD_KIND_PROGRESS, /* nothing was found for some milliseconds: the reader need not wait longer in one call */
};

/* Head of every reply. What a kind or a socket does not have is 0. */
struct socketd_message {
	__u8 family;     /* sk_family */
	__u8 kind;       /* enum socketd_message_kind */
	__u8 state;      /* sk_state */
	__u8 holding;    /* enum socketd_holding */
	__u16 type;      /* sk_type */
	__u16 protocol;  /* sk_protocol; of netlink its family, of packet sockets the ethertype in host order */
	__u32 flags;     /* SOCKETD_MSG_* */
	__u32 ifindex;   /* sk_bound_dev_if */
	__u32 uid;       /* in the caller's user namespace; with SOCKETD_MSG_UID */
	__u32 netns;     /* inode of the network namespace */
	__u32 recv_q;    /* bytes to read; on a listener connections to accept */
	__u32 send_q;    /* bytes not acknowledged or not sent; on a listener the queue's limit */
	__u32 pid;       /* that it was found with, in the caller's pid namespace; with SOCKETD_MSG_HELD */
	__u32 fd;
	__u64 cookie;
	__u64 inode;     /* in sockfs; 0 when it has none */
};

#define SOCKETD_MSG_UID 1u       /* uid is known */
#define SOCKETD_MSG_HELD 2u      /* pid and fd are told */
#define SOCKETD_MSG_MINI 4u      /* TIME-WAIT or request sock: it has no fields but these */

/* Why a socket need not have a descriptor. */
enum socketd_holding {
	SOCKETD_HOLDING_UNKNOWN,
	SOCKETD_HOLDING_FILE,       /* it has an open file; it may be held by no process: io_uring, or sent in a message */
	SOCKETD_HOLDING_KERNEL,     /* made by the kernel for itself */
	SOCKETD_HOLDING_UNACCEPTED, /* in a listener's queue */
	SOCKETD_HOLDING_ORPHAN,     /* closed by its process; the kernel finishes the connection */
	SOCKETD_HOLDING_IN_FLIGHT,  /* its descriptor is in an SCM_RIGHTS message (told of UNIX sockets only) */
	SOCKETD_HOLDING_MINI,       /* TIME-WAIT or request sock: never has one */
};

enum socketd_attr {
	SOCKETD_A_UNSPEC,
	SOCKETD_A_META,      /* struct socketd_meta */
	SOCKETD_A_TOTALS,    /* struct socketd_totals */
	SOCKETD_A_TASK,      /* struct socketd_task */
	SOCKETD_A_FDS,       /* struct socketd_fd, an array */
	SOCKETD_A_LOCAL,     /* struct sockaddr of the family */
	SOCKETD_A_PEER,      /* likewise */
	SOCKETD_A_SKMEMINFO, /* u32 array, SK_MEMINFO_* of linux/sock_diag.h */
	SOCKETD_A_SOCKET,    /* struct socketd_socket_fields */
	SOCKETD_A_SOCK,      /* struct socketd_sock_fields */
	SOCKETD_A_FLOW,      /* struct socketd_flow_fields */
	SOCKETD_A_NAMES,     /* nested: type is a field's id in the catalogue, payload its text without a NUL */
	__SOCKETD_A_MAX
};

#define SOCKETD_A_MAX (__SOCKETD_A_MAX - 1)

/*
 * The module and this kernel. fields has a bit for each id of the catalogue that
 * this kernel can tell: fields[id / 64] & 1 << id % 64. The generation counts the
 * state changes and the dead namespaces that the module saw: when that of totals
 * is another, the tables changed during the dump.
 */
struct socketd_meta {
	__u32 version;    /* SOCKETD_UAPI_VERSION */
	__u32 flags;      /* SOCKETD_META_* */
	__u64 generation;
	__u64 netns_cookie;
	char module_version[16];
	__u64 fields[16];
};

#define SOCKETD_META_ADMIN 1u /* privileged fields are told */
#define SOCKETD_META_TASKS 2u /* so are tasks, pids and descriptors */

struct socketd_totals {
	__u64 generation;
	__u64 n_sockets; /* or, of tasks, descriptors that are sockets */
	__u64 n_tasks;   /* looked at */
	__u64 n_twins;   /* left out as told before in the same dump */
	__u32 flags;     /* SOCKETD_TOTALS_* */
	__u32 reserved;
};

#define SOCKETD_TOTALS_TWINS 1u /* memory for telling twins ended: from there on some may be doubled */

/*
 * A process with its descriptors that are sockets; several messages when there
 * are many. A thread with a descriptor table of its own is told under its process.
 */
struct socketd_task {
	__u32 pid;   /* thread group in the caller's pid namespace */
	__u32 uid;   /* effective, in the caller's user namespace */
	__u64 start; /* clock ticks since boot, as in /proc/PID/stat of the initial time namespace */
	__u32 n_fds; /* descriptors of the table, sockets or not; in the table's last message */
	__u32 flags; /* SOCKETD_TASK_* */
	char comm[16];
};

#define SOCKETD_TASK_LAST 1u   /* of this table */
#define SOCKETD_TASK_THREAD 2u /* the table is a thread's own */

struct socketd_fd {
	__u64 inode;
	__u64 cookie;
	__u32 fd;
	__u32 reserved;
};

/*
 * Groups of the catalogue, packed: a presence bit for each row of the group in
 * the order of the catalogue, then the rows that are numbers or addresses in the
 * width that their wire says. Text rows go into NAMES; their bit stays 0.
 * An address takes 16 bytes, of IPv4 the first four. A list of u32 has two.
 * Names are prefixed, for in the kernel many of them are macros.
 */
#define SOCKETD_WIRE_bool(n) __u8 n;
#define SOCKETD_WIRE_u8(n) __u8 n;
#define SOCKETD_WIRE_u16(n) __u16 n;
#define SOCKETD_WIRE_u32(n) __u32 n;
#define SOCKETD_WIRE_u64(n) __u64 n;
#define SOCKETD_WIRE_s32(n) __s32 n;
#define SOCKETD_WIRE_s64(n) __s64 n;
#define SOCKETD_WIRE_addr(n) __u8 n[16];
#define SOCKETD_WIRE_u32_list(n) __u32 n[2];
#define SOCKETD_WIRE_str(n)
#define SOCKETD_WIRE_str_list(n)
#define SOCKETD_WIRE_addr_list(n)

/*
 * SOCKETD_ONLY(group, sock, x) in a row macro is x for rows of group sock, and nothing
 * for the others. A group that the catalogue gains needs its SOCKETD_PICK here.
 */
#define SOCKETD_ONLY(row_group, mine, ...) SOCKETD_PICK_##row_group(mine, __VA_ARGS__)

#define SOCKETD_PICK_base(mine, ...)
#define SOCKETD_PICK_owner(mine, ...)
#define SOCKETD_PICK_skmem(mine, ...)
#define SOCKETD_PICK_meminfo(mine, ...)
#define SOCKETD_PICK_tos(mine, ...)
#define SOCKETD_PICK_inet(mine, ...)
#define SOCKETD_PICK_tcp_info(mine, ...)
#define SOCKETD_PICK_cong(mine, ...)
#define SOCKETD_PICK_ulp(mine, ...)
#define SOCKETD_PICK_bpf(mine, ...)
#define SOCKETD_PICK_mptcp_info(mine, ...)
#define SOCKETD_PICK_sctp_info(mine, ...)
#define SOCKETD_PICK_af_unix(mine, ...)
#define SOCKETD_PICK_af_netlink(mine, ...)
#define SOCKETD_PICK_af_packet(mine, ...)
#define SOCKETD_PICK_af_vsock(mine, ...)
#define SOCKETD_PICK_af_xdp(mine, ...)
#define SOCKETD_PICK_af_smc(mine, ...)
#define SOCKETD_PICK_af_tipc(mine, ...)
#define SOCKETD_PICK_track(mine, ...)
#define SOCKETD_PICK_unit(mine, ...)
#define SOCKETD_PICK_peer(mine, ...)
#define SOCKETD_PICK_socket(mine, ...) SOCKETD_SOCKET_ROW_##mine(__VA_ARGS__)
#define SOCKETD_PICK_sock(mine, ...) SOCKETD_SOCK_ROW_##mine(__VA_ARGS__)
#define SOCKETD_PICK_flow(mine, ...) SOCKETD_FLOW_ROW_##mine(__VA_ARGS__)
#define SOCKETD_SOCKET_ROW_socket(...) __VA_ARGS__
#define SOCKETD_SOCKET_ROW_sock(...)
#define SOCKETD_SOCKET_ROW_flow(...)
#define SOCKETD_SOCK_ROW_socket(...)
#define SOCKETD_SOCK_ROW_sock(...) __VA_ARGS__
#define SOCKETD_SOCK_ROW_flow(...)
#define SOCKETD_FLOW_ROW_socket(...)
#define SOCKETD_FLOW_ROW_sock(...)
#define SOCKETD_FLOW_ROW_flow(...) __VA_ARGS__

/* Which bit of present a row has: SOCKETD_BIT_sk_flags. */
enum {
#define FIELD(id, name, wire, group, access, source, unit, doc) SOCKETD_ONLY(group, socket, SOCKETD_BIT_##name,)
#include "socketd/fields.def"
	SOCKETD_SOCKET_ROWS
};

enum {
#define FIELD(id, name, wire, group, access, source, unit, doc) SOCKETD_ONLY(group, sock, SOCKETD_BIT_##name,)
#include "socketd/fields.def"
	SOCKETD_SOCK_ROWS
};

enum {
#define FIELD(id, name, wire, group, access, source, unit, doc) SOCKETD_ONLY(group, flow, SOCKETD_BIT_##name,)
#include "socketd/fields.def"
	SOCKETD_FLOW_ROWS
};

struct socketd_socket_fields {
	__u64 present[1];
#define FIELD(id, name, wire, group, access, source, unit, doc) SOCKETD_ONLY(group, socket, SOCKETD_WIRE_##wire(x_##name))
#include "socketd/fields.def"
} __attribute__((packed));

struct socketd_sock_fields {
	__u64 present[4];
#define FIELD(id, name, wire, group, access, source, unit, doc) SOCKETD_ONLY(group, sock, SOCKETD_WIRE_##wire(x_##name))
#include "socketd/fields.def"
} __attribute__((packed));

struct socketd_flow_fields {
	__u64 present[1];
#define FIELD(id, name, wire, group, access, source, unit, doc) SOCKETD_ONLY(group, flow, SOCKETD_WIRE_##wire(x_##name))
#include "socketd/fields.def"
} __attribute__((packed));

/*
 * State changes of TCP, SCTP, DCCP and MPTCP sockets (inet_sock_set_state), by generic
 * netlink: family SOCKETD_GENL_NAME, multicast group SOCKETD_GENL_GROUP, command
 * SOCKETD_CMD_STATE with SOCKETD_CHANGE_*. A listener hears of its own network
 * namespace and needs CAP_NET_ADMIN over it. Not with PREEMPT_RT. One whose queue is full is told by ENOBUFS.
 */
#define SOCKETD_GENL_NAME "socketd"
#define SOCKETD_GENL_VERSION 1
#define SOCKETD_GENL_GROUP "state"

enum socketd_cmd {
	SOCKETD_CMD_UNSPEC,
	SOCKETD_CMD_STATE,
};

enum socketd_change_attr {
	SOCKETD_CHANGE_UNSPEC,
	SOCKETD_CHANGE_PAD,
	SOCKETD_CHANGE_TIME,      /* u64: ns, CLOCK_BOOTTIME */
	SOCKETD_CHANGE_COOKIE,    /* u64 */
	SOCKETD_CHANGE_INODE,     /* u64; absent when it has none (yet, or any more) */
	SOCKETD_CHANGE_FAMILY,    /* u16: AF_* */
	SOCKETD_CHANGE_PROTOCOL,  /* u16: IPPROTO_* */
	SOCKETD_CHANGE_OLD_STATE, /* u8: TCP_* */
	SOCKETD_CHANGE_NEW_STATE, /* u8 */
	SOCKETD_CHANGE_LOCAL,     /* struct sockaddr_in or sockaddr_in6 */
	SOCKETD_CHANGE_PEER,      /* likewise; absent while it has none */
	SOCKETD_CHANGE_IFINDEX,   /* u32; absent when not bound to a device */
	SOCKETD_CHANGE_UID,       /* u32, in the namespace's user namespace */
	/*
	 * The process whose call made the change; absent where another context did: a segment, a timer,
	 * a worker; and in namespaces of other user namespaces than the initial one.
	 */
	SOCKETD_CHANGE_PID,       /* u32: thread group, in the initial pid namespace */
	SOCKETD_CHANGE_COMM,      /* string */
	SOCKETD_CHANGE_LOST,      /* u64: changes of this namespace that could not be told to anybody so far */
	__SOCKETD_CHANGE_MAX
};

#define SOCKETD_CHANGE_MAX (__SOCKETD_CHANGE_MAX - 1)

#endif
