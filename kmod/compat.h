/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels; Kbuild probes the headers and sets SOCKETD_HAVE_* */

#ifndef SOCKETD_COMPAT_H
#define SOCKETD_COMPAT_H

#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/sock_diag.h>
#include <net/af_unix.h>
#include <net/genetlink.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

/* Early 6.1.y has no owner: there sock_diag's mutex alone keeps a request and the unloading apart. */
#ifdef SOCKETD_HAVE_DIAG_OWNER
#define SOCKETD_DIAG_OWNER .owner = THIS_MODULE,
#else
#define SOCKETD_DIAG_OWNER
#endif

/*
 * Refuses a request: what is a literal that names it, bits are what is unknown
 * of it. Before Linux 6.2 a message of an acknowledgement cannot be formatted.
 */
#ifdef SOCKETD_HAVE_EXTACK_FMT
#define SOCKETD_REFUSE_BITS(extack, attr, what, bits) \
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr, what ": %#llx", (unsigned long long)(bits))
#else
#define SOCKETD_REFUSE_BITS(extack, attr, what, bits) \
	do { (void)(bits); NL_SET_ERR_MSG_ATTR(extack, attr, what); } while (0)
#endif

/* The flag of a multicast group that takes CAP_NET_ADMIN was called as that of an operation. */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN GENL_UNS_ADMIN_PERM
#endif

/**
 * socketd_next_file() - next open file of a task
 * @task: referenced, or found in the same RCU section
 * @fd: where to begin; then where it was found
 *
 * Context: RCU read side. Takes the task's alloc_lock and drops it.
 * Return: the file with a reference, for fput(); NULL past the last.
 */
static inline struct file *socketd_next_file(struct task_struct *task, unsigned int *fd)
{
#ifdef SOCKETD_HAVE_NEXT_FDGET
	return task_lookup_next_fdget_rcu(task, fd);
#else
	struct file *file;

	/* A file whose count has reached 0 is on its way out of the table: try the next descriptor. */
	for (; (file = task_lookup_next_fd_rcu(task, fd)); (*fd)++)
		if (get_file_rcu(file))
			return file;
	return NULL;
#endif
}

static inline struct udp_table *socketd_udp_table(const struct net *net)
{
#ifdef SOCKETD_HAVE_NET_UDP_TABLE
	return net->ipv4.udp_table;
#else
	return &udp_table;
#endif
}

/*
 * A bhash2 bucket's sockets, under the lock of its head: through a node of their own in
 * Linux 6.1, which keeps TIME-WAITs apart; later through sk_bind_node, and TIME-WAITs are
 * among them.
 */
static inline struct sock *socketd_bound_entry(struct hlist_node *node)
{
#ifdef SOCKETD_HAVE_BIND2_NODE
	return hlist_entry_safe(node, struct sock, sk_bind2_node);
#else
	return hlist_entry_safe(node, struct sock, sk_bind_node);
#endif
}

static inline struct hlist_node *socketd_bound_node(struct sock *sk)
{
#ifdef SOCKETD_HAVE_BIND2_NODE
	return &sk->sk_bind2_node;
#else
	return &sk->sk_bind_node;
#endif
}

/* Whether a descriptor of a UNIX socket is in a message that nobody has received; a hint, without a lock. */
static inline bool socketd_unix_in_flight(struct sock *sk)
{
#ifdef SOCKETD_HAVE_UNIX_VERTEX
	return READ_ONCE(unix_sk(sk)->vertex);
#else
	return atomic_long_read(&unix_sk(sk)->inflight);
#endif
}

/*
 * The timer of a socket, of TCP that of keepalive: in sk_timer, until TCP got its own (Linux 6.18,
 * and ported back). Of a full socket.
 */
static inline const struct timer_list *socketd_timer(const struct sock *sk)
{
#ifdef SOCKETD_HAVE_KEEPALIVE_TIMER
	if ((sk->sk_family == AF_INET || sk->sk_family == AF_INET6) && sk->sk_type == SOCK_STREAM &&
	    sk->sk_protocol == IPPROTO_TCP)
		return &inet_csk(sk)->icsk_keepalive_timer;
#endif
	return &sk->sk_timer;
}

#endif
