/* SPDX-License-Identifier: GPL-2.0-only */
/* How each row of the groups socket and sock is read from a full socket, and which this kernel has */

#ifndef SOCKETD_ACCESS_H
#define SOCKETD_ACCESS_H

#include <linux/cgroup.h>
#include <linux/filter.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/timer.h>
#include <net/sock_reuseport.h>
#include <net/xfrm.h>

#include "look.h"

/*
 * A row NAME of the catalogue has here
 *
 *   enum { HAS_NAME = 0 or 1 }            this kernel has it
 *   bool access_NAME(l, T *ret)           *ret is set and true, or this socket has no value
 *
 * Nothing here waits for the socket's owner: no access takes the socket's lock.
 * The caller is in an RCU read section, which keeps what a __rcu pointer leads to,
 * and the module of a sk_prot that is being replaced. "l->sk" is referenced. What
 * stood behind another lock was copied by socketd_look().
 *
 * Names are pasted directly, for many of them are macros: never through a second one.
 */
#define ACCESS(has, access, type) \
	enum { has = 1 }; \
	static inline bool access(const struct socketd_look *l, type *ret)

/* What takes more than an expression: the function's body follows. */
#define ROW(name, type) ACCESS(HAS_##name, access_##name, type)

/* Every socket has a value, read in one load (or a bit field, whose neighbours its owner writes under his lock). */
#define PLAIN(name, type, expression) \
	ACCESS(HAS_##name, access_##name, type) \
	{ \
		struct sock *sk __maybe_unused = l->sk; \
		*ret = (expression); \
		return true; \
	}

/* Only some have: otherwise the field has no meaning or stands for "none". */
#define WHEN(name, type, condition, expression) \
	ACCESS(HAS_##name, access_##name, type) \
	{ \
		struct sock *sk __maybe_unused = l->sk; \
		if (!(condition)) \
			return false; \
		*ret = (expression); \
		return true; \
	}

/* One value stands for "none". Read once: it can change between two loads. */
#define UNLESS(name, type, none, expression) \
	ACCESS(HAS_##name, access_##name, type) \
	{ \
		struct sock *sk __maybe_unused = l->sk; \
		typeof(expression) value = (expression); \
		if (value == (none)) \
			return false; \
		*ret = value; \
		return true; \
	}

/* A function by its name. The pointer is read once; it is never called. */
#define FUNCTION(name, expression) \
	ACCESS(HAS_##name, access_##name, struct socketd_text) \
	{ \
		struct sock *sk __maybe_unused = l->sk; \
		return socketd_text_function(ret, (const void *)(expression)); \
	}

/* Not in this kernel, or never told. */
#define ABSENT(name, type) \
	enum { HAS_##name = 0 }; \
	static inline bool access_##name(const struct socketd_look *l, type *ret) \
	{ \
		return false; \
	}

static inline bool sock_is_family(const struct sock *sk, u16 family)
{
	return READ_ONCE(sk->sk_family) == family;
}

static inline bool sock_is_inet(const struct sock *sk)
{
	return sock_is_family(sk, AF_INET) || sock_is_family(sk, AF_INET6);
}

/* One with a struct tcp_sock: MPTCP and SMC have other protocol numbers. */
static inline bool sock_is_tcp(const struct sock *sk)
{
	return sock_is_inet(sk) && sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP;
}

/* jiffies_to_usecs() is an unsigned int: 71 minutes. TCP's keepalive timer alone has two hours. */
static inline u64 jiffies_usecs(unsigned long n)
{
	if (n >= div_u64(U64_MAX, USEC_PER_SEC))
		return U64_MAX;
	return div_u64((u64)n * USEC_PER_SEC, HZ);
}

/* Group socket: copied by socketd_look(). */
WHEN(socket_state, u32, l->has_socket, l->socket.state)
WHEN(socket_type, u16, l->has_socket, l->socket.type)
WHEN(socket_flags, u64, l->has_socket, l->socket.flags)
WHEN(socket_wq_flags, u64, l->has_socket, l->socket.wq_flags)
WHEN(socket_wq_has_waiters, bool, l->has_socket, l->socket.has_waiters)
WHEN(socket_wq_has_fasync, bool, l->has_socket, l->socket.has_fasync)
WHEN(socket_file, u32, l->has_file, l->socket.file_flags)
WHEN(socket_file_count, u32, l->has_file, l->socket.file_count)
UNLESS(socket_sk, u64, 0, l->socket.cookie)

/* Empty for what is built into the kernel. */
ROW(socket_ops, struct socketd_text)
{
	return socketd_text_name(ret, l->socket.owner);
}

/* struct sock_common. The links are followed by nobody here: only whether there is one is read. */
PLAIN(sk_node, bool, !hlist_unhashed_lockless(&sk->sk_node))
PLAIN(sk_nulls_node, bool, !hlist_unhashed_lockless(&sk->sk_node))
PLAIN(sk_bind_node, bool, !hlist_unhashed_lockless(&sk->sk_bind_node))
PLAIN(sk_refcnt, u32, refcount_read(&sk->sk_refcnt))
UNLESS(sk_tx_queue_mapping, u16, NO_QUEUE_MAPPING, READ_ONCE(sk->sk_tx_queue_mapping))
ABSENT(sk_dontcopy_begin, bool)
ABSENT(sk_dontcopy_end, bool)
/* Of a secret and the addresses. An unbound UNIX socket has bits of its own address there. */
WHEN(sk_hash, u32, sock_is_inet(sk), READ_ONCE(sk->sk_hash))

/* Other families leave ports and addresses as they were allocated, or keep something else there. */
WHEN(sk_portpair, u32, sock_is_inet(sk), (__force u32)READ_ONCE(sk->sk_portpair))
WHEN(sk_addrpair, u64, sock_is_family(sk, AF_INET), (__force u64)READ_ONCE(sk->sk_addrpair))
WHEN(sk_num, u16, sock_is_inet(sk), READ_ONCE(sk->sk_num))
WHEN(sk_dport, u16, sock_is_inet(sk), ntohs(READ_ONCE(sk->sk_dport)))

/* An IPv4 address takes the first four bytes. connect() can tear an IPv6 one: told as it was read. */
static inline bool read_inet(const struct sock *sk, u8 *ret, __be32 address)
{
	if (!sock_is_family(sk, AF_INET))
		return false;
	memset(ret, 0, 16);
	memcpy(ret, &address, 4);
	return true;
}

ROW(sk_daddr, u8)
{
	return read_inet(l->sk, ret, READ_ONCE(l->sk->sk_daddr));
}

ROW(sk_rcv_saddr, u8)
{
	return read_inet(l->sk, ret, READ_ONCE(l->sk->sk_rcv_saddr));
}

#if IS_ENABLED(CONFIG_IPV6)
static inline bool read_inet6(const struct sock *sk, u8 *ret, const struct in6_addr *address)
{
	if (!sock_is_family(sk, AF_INET6))
		return false;
	memcpy(ret, address, 16);
	return true;
}

ROW(sk_v6_daddr, u8)
{
	return read_inet6(l->sk, ret, &l->sk->sk_v6_daddr);
}

ROW(sk_v6_rcv_saddr, u8)
{
	return read_inet6(l->sk, ret, &l->sk->sk_v6_rcv_saddr);
}
#else
ABSENT(sk_v6_daddr, u8)
ABSENT(sk_v6_rcv_saddr, u8)
#endif

PLAIN(sk_family, u16, READ_ONCE(sk->sk_family))
PLAIN(sk_state, u8, READ_ONCE(sk->sk_state))
PLAIN(sk_reuse, u8, sk->sk_reuse)
PLAIN(sk_reuseport, bool, sk->sk_reuseport)
PLAIN(sk_ipv6only, bool, sk->sk_ipv6only)
PLAIN(sk_net_refcnt, bool, sk->sk_net_refcnt)
PLAIN(sk_bound_dev_if, u32, READ_ONCE(sk->sk_bound_dev_if))

/* sockmap, TLS and IPV6_ADDRFORM replace it: RCU keeps the module of the one that was read. */
ROW(sk_prot, struct socketd_text)
{
	const struct proto *prot = READ_ONCE(l->sk->sk_prot);

	return prot && socketd_text_name(ret, prot->name);
}

PLAIN(sk_net, u64, sock_net(sk)->net_cookie)

ROW(sk_cookie, u64)
{
	u32 halves[2];

	sock_diag_save_cookie(l->sk, halves);
	*ret = (u64)halves[1] << 32 | halves[0];
	return true;
}

PLAIN(sk_incoming_cpu, s32, READ_ONCE(sk->sk_incoming_cpu))
PLAIN(sk_flags, u64, READ_ONCE(sk->sk_flags))
PLAIN(sk_rxhash, u32, READ_ONCE(sk->sk_rxhash))

/* struct sock. */
PLAIN(sk_lock, bool, sock_owned_by_user_nocheck(sk))
PLAIN(sk_rcvlowat, s32, READ_ONCE(sk->sk_rcvlowat))
PLAIN(sk_error_queue, u32, skb_queue_len_lockless(&sk->sk_error_queue))
PLAIN(sk_receive_queue, u32, skb_queue_len_lockless(&sk->sk_receive_queue))
PLAIN(sk_write_queue, u32, skb_queue_len_lockless(&sk->sk_write_queue))

#ifdef CONFIG_NET_RX_BUSY_POLL
PLAIN(sk_ll_usec, u32, READ_ONCE(sk->sk_ll_usec))
PLAIN(sk_napi_id, u32, READ_ONCE(sk->sk_napi_id))
PLAIN(sk_prefer_busy_poll, bool, READ_ONCE(sk->sk_prefer_busy_poll))
PLAIN(sk_busy_poll_budget, u16, READ_ONCE(sk->sk_busy_poll_budget))
#else
ABSENT(sk_ll_usec, u32)
ABSENT(sk_napi_id, u32)
ABSENT(sk_prefer_busy_poll, bool)
ABSENT(sk_busy_poll_budget, u16)
#endif

/* A classic filter runs translated: its length is that of what was attached, as SO_GET_FILTER tells it. */
ROW(sk_filter, u32)
{
	const struct sk_filter *filter = rcu_dereference(l->sk->sk_filter);
	const struct sock_fprog_kern *classic;

	if (!filter)
		return false;
	classic = filter->prog->orig_prog;
	*ret = classic ? classic->len : filter->prog->len;
	return true;
}

PLAIN(sk_wq, bool, rcu_access_pointer(sk->sk_wq))
PLAIN(sk_wq_raw, bool, rcu_access_pointer(sk->sk_wq))

#ifdef CONFIG_XFRM
ROW(sk_policy, u32)
{
	const struct xfrm_policy *in = rcu_dereference(l->sk->sk_policy[0]);
	const struct xfrm_policy *out = rcu_dereference(l->sk->sk_policy[1]);

	if (!in && !out)
		return false;
	ret[0] = in ? in->index : 0;
	ret[1] = out ? out->index : 0;
	return true;
}
#else
ABSENT(sk_policy, u32)
#endif

/* Datagram sockets cache a receive route without its index. */
UNLESS(sk_rx_dst, u32, 0, rcu_access_pointer(sk->sk_rx_dst) ? READ_ONCE(sk->sk_rx_dst_ifindex) : 0)
WHEN(sk_rx_dst_ifindex, u32, rcu_access_pointer(sk->sk_rx_dst), READ_ONCE(sk->sk_rx_dst_ifindex))
WHEN(sk_rx_dst_cookie, u32, rcu_access_pointer(sk->sk_rx_dst), READ_ONCE(sk->sk_rx_dst_cookie))

/* A route's device is replaced, never cleared, and outlives the RCU section. */
ROW(sk_dst_cache, u32)
{
	const struct dst_entry *dst = rcu_dereference(l->sk->sk_dst_cache);

	if (!dst)
		return false;
	*ret = READ_ONCE(dst->dev)->ifindex;
	return true;
}

WHEN(sk_tsq_flags, u64, sock_is_tcp(sk), READ_ONCE(sk->sk_tsq_flags))
/* Of TCP the place is the tree of what was sent: what waits is in the queue. */
PLAIN(sk_send_head, bool,
	sock_is_tcp(sk) ? skb_queue_len_lockless(&sk->sk_write_queue) != 0 : READ_ONCE(sk->sk_send_head) != NULL)
PLAIN(sk_peek_off, s32, READ_ONCE(sk->sk_peek_off))
PLAIN(sk_write_pending, u32, READ_ONCE(sk->sk_write_pending))
PLAIN(sk_dst_pending_confirm, bool, READ_ONCE(sk->sk_dst_pending_confirm))
PLAIN(sk_pacing_status, u32, READ_ONCE(sk->sk_pacing_status))
UNLESS(sk_pacing_rate, u64, ~0UL, READ_ONCE(sk->sk_pacing_rate))
UNLESS(sk_max_pacing_rate, u64, ~0UL, READ_ONCE(sk->sk_max_pacing_rate))

static inline bool read_timeout(long timeout, u64 *ret)
{
	if (timeout == MAX_SCHEDULE_TIMEOUT)
		return false;
	*ret = jiffies_usecs(timeout);
	return true;
}

ROW(sk_sndtimeo, u64)
{
	return read_timeout(READ_ONCE(l->sk->sk_sndtimeo), ret);
}

ROW(sk_rcvtimeo, u64)
{
	return read_timeout(READ_ONCE(l->sk->sk_rcvtimeo), ret);
}

ROW(sk_timer, s64)
{
	const struct timer_list *timer = socketd_timer(l->sk);
	long left;

	if (!timer_pending(timer))
		return false;
	left = (long)(READ_ONCE(timer->expires) - jiffies);
	/* Late when negative. */
	*ret = left < 0 ? -(s64)jiffies_usecs(-left) : (s64)jiffies_usecs(left);
	return true;
}

PLAIN(sk_priority, u32, READ_ONCE(sk->sk_priority))
PLAIN(sk_mark, u32, READ_ONCE(sk->sk_mark))
WHEN(sk_frag, u32, READ_ONCE(sk->sk_frag.page), READ_ONCE(sk->sk_frag.offset))
WHEN(sk_frag_size, u32, READ_ONCE(sk->sk_frag.page), READ_ONCE(sk->sk_frag.size))
PLAIN(sk_route_caps, u64, READ_ONCE(sk->sk_route_caps))
ABSENT(sk_route_nocaps, u64)
PLAIN(sk_gso_type, u32, READ_ONCE(sk->sk_gso_type))
PLAIN(sk_gso_max_size, u32, READ_ONCE(sk->sk_gso_max_size))
PLAIN(sk_gso_max_segs, u16, READ_ONCE(sk->sk_gso_max_segs))
PLAIN(sk_allocation, u32, (__force u32)READ_ONCE(sk->sk_allocation))
PLAIN(sk_txhash, u32, READ_ONCE(sk->sk_txhash))
ABSENT(__sk_flags_offset, bool)
ABSENT(sk_padding, bool)
PLAIN(sk_kern_sock, bool, sk->sk_kern_sock)
PLAIN(sk_no_check_tx, bool, sk->sk_no_check_tx)
PLAIN(sk_no_check_rx, bool, sk->sk_no_check_rx)
PLAIN(sk_userlocks, u8, sk->sk_userlocks)
PLAIN(sk_protocol, u16, sk->sk_protocol)
PLAIN(sk_type, u16, sk->sk_type)
WHEN(sk_lingertime, u64, sock_flag(sk, SOCK_LINGER), jiffies_usecs(READ_ONCE(sk->sk_lingertime)))

/* The socket's memory is of this protocol's cache, whose module it pins. */
ROW(sk_prot_creator, struct socketd_text)
{
	return l->sk->sk_prot_creator && socketd_text_name(ret, l->sk->sk_prot_creator->name);
}

ABSENT(sk_callback_lock, bool)
PLAIN(sk_err, s32, READ_ONCE(sk->sk_err))
PLAIN(sk_err_soft, s32, READ_ONCE(sk->sk_err_soft))
PLAIN(sk_ack_backlog, u32, READ_ONCE(sk->sk_ack_backlog))
PLAIN(sk_max_ack_backlog, u32, READ_ONCE(sk->sk_max_ack_backlog))
PLAIN(sk_uid, u32, from_kuid_munged(l->q->user_ns, KUIDT_INIT(READ_ONCE(sk->sk_uid.val))))
WHEN(sk_peer_pid, u32, l->has_peer && l->peer.pid, l->peer.pid)
WHEN(sk_peer_cred, u32, l->has_peer, l->peer.uid)
WHEN(sk_peer_gid, u32, l->has_peer, l->peer.gid)

/* -1 s means never, and 0 that the first one is awaited. */
ROW(sk_stamp, s64)
{
	s64 stamp = ktime_to_ns(sock_read_timestamp(l->sk));

	if (stamp <= 0)
		return false;
	*ret = stamp;
	return true;
}

PLAIN(sk_tsflags, u32, READ_ONCE(sk->sk_tsflags))
PLAIN(sk_shutdown, u8, READ_ONCE(sk->sk_shutdown))
PLAIN(sk_tskey, u32, atomic_read(&sk->sk_tskey))
WHEN(sk_socket, u64, l->has_socket, l->inode)
PLAIN(sk_user_data, bool, READ_ONCE(sk->sk_user_data))
ABSENT(sk_security, bool)

#ifdef CONFIG_SOCK_CGROUP_DATA
/* The sock holds a reference to its cgroup. */
ROW(sk_cgrp_data, u64)
{
	const struct cgroup *cgroup = sock_cgroup_ptr(&l->sk->sk_cgrp_data);

	if (!cgroup)
		return false;
	*ret = cgroup_id(cgroup);
	return true;
}
#else
ABSENT(sk_cgrp_data, u64)
#endif

#ifdef CONFIG_CGROUP_NET_CLASSID
PLAIN(sk_classid, u32, sock_cgroup_classid(&sk->sk_cgrp_data))
#else
ABSENT(sk_classid, u32)
#endif

#ifdef CONFIG_CGROUP_NET_PRIO
PLAIN(sk_prioidx, u16, sock_cgroup_prioidx(&sk->sk_cgrp_data))
#else
ABSENT(sk_prioidx, u16)
#endif

#ifdef CONFIG_MEMCG
/* Set once, on the way from accept(); the sock holds a reference to it, and it to its cgroup. */
ROW(sk_memcg, u64)
{
	const struct mem_cgroup *memcg = READ_ONCE(l->sk->sk_memcg);

	if (!memcg)
		return false;
	*ret = cgroup_id(memcg->css.cgroup);
	return true;
}
#else
ABSENT(sk_memcg, u64)
#endif

FUNCTION(sk_state_change, READ_ONCE(sk->sk_state_change))
FUNCTION(sk_data_ready, READ_ONCE(sk->sk_data_ready))
FUNCTION(sk_write_space, READ_ONCE(sk->sk_write_space))
FUNCTION(sk_error_report, READ_ONCE(sk->sk_error_report))
FUNCTION(sk_backlog_rcv, READ_ONCE(sk->sk_backlog_rcv))
FUNCTION(sk_destruct, READ_ONCE(sk->sk_destruct))

#ifdef CONFIG_SOCK_VALIDATE_XMIT
FUNCTION(sk_validate_xmit_skb, READ_ONCE(sk->sk_validate_xmit_skb))
#else
ABSENT(sk_validate_xmit_skb, struct socketd_text)
#endif

ROW(sk_reuseport_cb, u32)
{
	const struct sock_reuseport *reuse = rcu_dereference(l->sk->sk_reuseport_cb);

	if (!reuse)
		return false;
	*ret = READ_ONCE(reuse->num_socks);
	return true;
}

ROW(reuseport_id, u32)
{
	const struct sock_reuseport *reuse = rcu_dereference(l->sk->sk_reuseport_cb);

	if (!reuse)
		return false;
	*ret = READ_ONCE(reuse->reuseport_id);
	return true;
}

ABSENT(sk_rcu, bool)
PLAIN(sk_reserved_mem, u32, READ_ONCE(sk->sk_reserved_mem))
PLAIN(sk_disconnects, u32, READ_ONCE(sk->sk_disconnects))
PLAIN(sk_gso_disabled, bool, sk->sk_gso_disabled)
PLAIN(sk_pacing_shift, u8, READ_ONCE(sk->sk_pacing_shift))
PLAIN(sk_txrehash, u8, READ_ONCE(sk->sk_txrehash))
PLAIN(sk_bind_phc, s32, READ_ONCE(sk->sk_bind_phc))
ABSENT(sk_peer_lock, bool)
PLAIN(sk_zckey, u32, atomic_read(&sk->sk_zckey))
PLAIN(sk_clockid, u8, READ_ONCE(sk->sk_clockid))
PLAIN(sk_txtime_deadline_mode, bool, sk->sk_txtime_deadline_mode)
PLAIN(sk_txtime_report_errors, bool, sk->sk_txtime_report_errors)
PLAIN(sk_use_task_frag, bool, READ_ONCE(sk->sk_use_task_frag))

#ifdef CONFIG_BPF_SYSCALL
PLAIN(sk_bpf_storage, bool, rcu_access_pointer(sk->sk_bpf_storage))
#else
ABSENT(sk_bpf_storage, bool)
#endif

#ifdef SOCKETD_HAVE_BIND2_NODE
PLAIN(sk_bind2_node, bool, !hlist_unhashed_lockless(&sk->sk_bind2_node))
#else
ABSENT(sk_bind2_node, bool)
#endif

ABSENT(sk_user_frags, bool)
UNLESS(holding, u8, SOCKETD_HOLDING_UNKNOWN, l->f->holding)

#endif
