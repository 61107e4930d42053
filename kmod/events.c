// SPDX-License-Identifier: GPL-2.0-only
/* State changes as they happen: from the tracepoint inet_sock_set_state to a generic netlink group */

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sock_diag.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/mptcp.h>
#include <net/netns/generic.h>
#include <net/tcp.h>

#include "socketd.h"

/*
 * The probe runs wherever a state is set: in a call of a process, a softirq, a timer,
 * with the socket's lock or its spinlock held, always with preemption off. So nothing
 * here sleeps or takes a lock, and that is an RCU section too. sk->sk_state is still
 * the old one; the socket lives, for the caller works on it.
 *
 * A listener's copy that becomes a connection is LISTEN -> SYN_RECV when neither its
 * addresses nor its cookie are its own yet: that is no change of any socket, and is
 * counted but not told. The change that follows it is told. A connection that goes
 * into TIME-WAIT is told as going to CLOSE: what waits is another object.
 */

/*
 * With PREEMPT_RT the allocator and netlink's locks sleep, which a probe must not: there changes
 * are counted but not told, and there is no family, so that nobody waits for them.
 */
#define EVENTS_TOLD (!IS_ENABLED(CONFIG_PREEMPT_RT))

struct events_net {
	atomic64_t lost;
};

static unsigned int events_net_id __read_mostly;
static struct tracepoint *events_tracepoint;
static DEFINE_PER_CPU(unsigned long, generation);

static const struct genl_multicast_group events_groups[] = {
	{ .name = SOCKETD_GENL_GROUP, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static struct genl_family events_family __ro_after_init = {
	.name = SOCKETD_GENL_NAME,
	.version = SOCKETD_GENL_VERSION,
	.netnsok = true,
	.module = THIS_MODULE,
	.mcgrps = events_groups,
	.n_mcgrps = ARRAY_SIZE(events_groups),
};

void socketd_generation_bump(void)
{
	this_cpu_inc(generation);
}

/**
 * socketd_generation - sum of what all CPUs have counted
 *
 * Not atomic against them; a change that has ended before the call is in it, which
 * is all that a dump asks. It wraps where long has 32 bits: compare for equality.
 *
 * Return: the generation.
 */
u64 socketd_generation(void)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(&generation, cpu));
	return sum;
}

/*
 * Whether the change is made by a call of the process that runs, not by a segment or
 * a timer that only happens to run in it. in_task() alone does not tell:
 *
 *  - release_sock() lets whoever holds the socket's lock work off the segments that
 *    came meanwhile (the backlog) and the timers that were put off: sk_lock is owned
 *  - a process that polls a device's queue, or writes to a tun device, delivers
 *    segments itself: sk_lock is not owned, for an owned socket queues them
 *
 * So the socket must be owned, and the change one that neither of them makes:
 *
 *   change                    made by                            and besides by
 *   CLOSE      -> SYN_SENT    connect(), sendto(MSG_FASTOPEN)    -
 *   CLOSE      -> LISTEN      listen()                           -
 *   LISTEN     -> CLOSE       close(), shutdown(), connect(AF_UNSPEC), destroy; a copy
 *                             that fails was SYN_RECV before     -
 *   CLOSE_WAIT -> LAST_ACK    close(), shutdown()                -
 *   ESTABLISHED-> FIN_WAIT1,  close(), shutdown()                the segment that completes a
 *   SYN_RECV   -> FIN_WAIT1                                      connection shut down before (a)
 *   SYN_SENT, ESTABLISHED,    close() of what has unread data, no a reset, a timeout (b)
 *   CLOSE_WAIT -> CLOSE       linger time or no answer yet
 *   SYN_SENT   -> SYN_RECV    -                                  segment
 *   SYN_SENT   -> ESTABLISHED -                                  segment, often in the backlog
 *   SYN_RECV   -> ESTABLISHED -                                  segment
 *   SYN_RECV   -> CLOSE       close() of the listener            reset, timeout: not told apart
 *   ESTABLISHED-> CLOSE_WAIT  -                                  segment
 *   FIN_WAIT1  -> FIN_WAIT2, CLOSING, CLOSE                      segment, timer
 *   FIN_WAIT2, CLOSING, LAST_ACK -> CLOSE                        segment, timer; disconnecting
 *                                                                calls are not told apart
 *
 * (a) Only with a segment at work, and while the backlog is worked off its length is
 *     not nought. A call that finds segments queued is so left unnamed, too: rare.
 * (b) close() has set both halves of sk_shutdown and then comes here at once. A socket
 *     in these states has them otherwise only when shut down before it was connected;
 *     a reset or a timeout then has set sk_err, and (a) holds as well.
 *
 * Other protocols reuse the numbers of the states: of them only the first three. The
 * subflows of MPTCP are moved by whoever holds the connection's lock: these three, too.
 * close() is also the end of a process, and the last of several holders; a worker that
 * does it for one is a kernel thread and not named.
 */
static bool made_by_call(const struct sock *sk, int old, int new)
{
	if (!in_task() || current->flags & PF_KTHREAD || !sock_owned_by_user_nocheck(sk))
		return false;
	if (old == TCP_CLOSE)
		return new == TCP_SYN_SENT || new == TCP_LISTEN;
	if (old == TCP_LISTEN)
		return new == TCP_CLOSE;
	if (sk->sk_protocol != IPPROTO_TCP || sk_is_mptcp(sk))
		return false;
	if (old == TCP_CLOSE_WAIT && new == TCP_LAST_ACK)
		return true;
	if (READ_ONCE(sk->sk_backlog.len))
		return false;
	if (old == TCP_ESTABLISHED || old == TCP_SYN_RECV)
		if (new == TCP_FIN_WAIT1)
			return true;
	if (old == TCP_SYN_SENT || old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT)
		return new == TCP_CLOSE && READ_ONCE(sk->sk_shutdown) == SHUTDOWN_MASK && !READ_ONCE(sk->sk_err);
	return false;
}

/* No lock: the struct socket is freed after a grace period, and its inode's number is for life. */
static u64 inode_of(const struct sock *sk)
{
	struct socket *sock = READ_ONCE(sk->sk_socket);

	return sock ? SOCK_INODE(sock)->i_ino : 0;
}

/* The ports of inet_sock: that of sock_common is given back before the change to CLOSE is told. */
static int put_ipv4(struct sk_buff *skb, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct sockaddr_in local = { .sin_family = AF_INET }, peer = { .sin_family = AF_INET };

	local.sin_port = READ_ONCE(inet->inet_sport);
	local.sin_addr.s_addr = READ_ONCE(sk->sk_rcv_saddr);
	peer.sin_port = READ_ONCE(sk->sk_dport);
	peer.sin_addr.s_addr = READ_ONCE(sk->sk_daddr);
	if (nla_put(skb, SOCKETD_CHANGE_LOCAL, sizeof(local), &local))
		return -EMSGSIZE;
	if (!peer.sin_port && !peer.sin_addr.s_addr)
		return 0;
	return nla_put(skb, SOCKETD_CHANGE_PEER, sizeof(peer), &peer);
}

#if IS_ENABLED(CONFIG_IPV6)
static __u32 scope_of(const struct sock *sk, const struct in6_addr *address)
{
	return __ipv6_addr_needs_scope_id(ipv6_addr_type(address)) ? READ_ONCE(sk->sk_bound_dev_if) : 0;
}

static int put_ipv6(struct sk_buff *skb, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct sockaddr_in6 local = { .sin6_family = AF_INET6 }, peer = { .sin6_family = AF_INET6 };

	local.sin6_port = READ_ONCE(inet->inet_sport);
	local.sin6_addr = sk->sk_v6_rcv_saddr;
	local.sin6_scope_id = scope_of(sk, &local.sin6_addr);
	peer.sin6_port = READ_ONCE(sk->sk_dport);
	peer.sin6_addr = sk->sk_v6_daddr;
	peer.sin6_scope_id = scope_of(sk, &peer.sin6_addr);
	if (nla_put(skb, SOCKETD_CHANGE_LOCAL, sizeof(local), &local))
		return -EMSGSIZE;
	if (!peer.sin6_port && ipv6_addr_any(&peer.sin6_addr))
		return 0;
	return nla_put(skb, SOCKETD_CHANGE_PEER, sizeof(peer), &peer);
}
#endif

static int put_addresses(struct sk_buff *skb, const struct sock *sk, u16 family)
{
	switch (family) {
	case AF_INET:
		return put_ipv4(skb, sk);
#if IS_ENABLED(CONFIG_IPV6)
	case AF_INET6:
		return put_ipv6(skb, sk);
#endif
	}
	return 0;
}

/* The name is that of the process, as /proc/PID/comm has it; the leader outlives its threads. */
static int put_process(struct sk_buff *skb)
{
	char comm[TASK_COMM_LEN];

	memcpy(comm, current->group_leader->comm, sizeof(comm));
	comm[sizeof(comm) - 1] = '\0';
	if (nla_put_u32(skb, SOCKETD_CHANGE_PID, task_tgid_nr(current)))
		return -EMSGSIZE;
	return nla_put_string(skb, SOCKETD_CHANGE_COMM, comm);
}

static size_t change_size(void)
{
	return 5 * nla_total_size_64bit(sizeof(u64)) +
	       3 * nla_total_size(sizeof(u32)) +
	       2 * nla_total_size(sizeof(u16)) +
	       2 * nla_total_size(sizeof(u8)) +
	       2 * nla_total_size(sizeof(struct sockaddr_in6)) +
	       nla_total_size(TASK_COMM_LEN);
}

static int put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, SOCKETD_CHANGE_PAD);
}

static int fill_change(struct sk_buff *skb, struct sock *sk, int old, int new, u64 lost)
{
	const struct net *net = sock_net(sk);
	u16 family = READ_ONCE(sk->sk_family);
	int ifindex = READ_ONCE(sk->sk_bound_dev_if);
	u64 inode = inode_of(sk);

	if (put_u64(skb, SOCKETD_CHANGE_TIME, ktime_get_boottime_ns()) ||
	    put_u64(skb, SOCKETD_CHANGE_COOKIE, socketd_cookie(sk)) ||
	    (inode && put_u64(skb, SOCKETD_CHANGE_INODE, inode)) ||
	    nla_put_u16(skb, SOCKETD_CHANGE_FAMILY, family) ||
	    nla_put_u16(skb, SOCKETD_CHANGE_PROTOCOL, sk->sk_protocol) ||
	    nla_put_u8(skb, SOCKETD_CHANGE_OLD_STATE, old) ||
	    nla_put_u8(skb, SOCKETD_CHANGE_NEW_STATE, new) ||
	    put_addresses(skb, sk, family) ||
	    (ifindex && nla_put_u32(skb, SOCKETD_CHANGE_IFINDEX, ifindex)) ||
	    nla_put_u32(skb, SOCKETD_CHANGE_UID, from_kuid_munged(net->user_ns, sk->sk_uid)) ||
	    put_u64(skb, SOCKETD_CHANGE_LOST, lost))
		return -EMSGSIZE;
	/* Who rules a namespace of an inner user namespace is nobody to hear of the host's processes. */
	if (net->user_ns == &init_user_ns && made_by_call(sk, old, new))
		return put_process(skb);
	return 0;
}

static int tell_change(struct net *net, struct sock *sk, int old, int new, u64 lost)
{
	struct sk_buff *skb;
	void *head;
	int r;

	skb = genlmsg_new(change_size(), GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	head = genlmsg_put(skb, 0, 0, &events_family, 0, SOCKETD_CMD_STATE);
	if (!head || fill_change(skb, sk, old, new, lost)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	r = genlmsg_multicast_netns(&events_family, net, skb, 0, 0, GFP_ATOMIC);
	/* There are listeners, but in other namespaces. */
	return r == -ESRCH ? 0 : r;
}

/* The tracepoint says const; a cookie is made when the socket has none yet, which is atomic. */
static void probe_set_state(void *data, const struct sock *sk, const int old, const int new)
{
	struct net *net = sock_net(sk);
	struct events_net *en;

	if (old == new)
		return;
	socketd_generation_bump();
	if (old == TCP_LISTEN && new != TCP_CLOSE)
		return;
	if (!EVENTS_TOLD || !genl_has_listeners(&events_family, net, 0))
		return;
	en = net_generic(net, events_net_id);
	/* ENOBUFS is told here only by a listener that set NETLINK_BROADCAST_ERROR. */
	if (tell_change(net, (struct sock *)sk, old, new, atomic64_read(&en->lost)) < 0)
		atomic64_inc(&en->lost);
}

static void __net_exit events_net_exit(struct net *net)
{
	socketd_generation_bump();
}

static struct pernet_operations events_net_ops = {
	.exit = events_net_exit,
	.id = &events_net_id,
	.size = sizeof(struct events_net),
};

static void __init find_tracepoint(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "inet_sock_set_state"))
		events_tracepoint = tp;
}

int __init socketd_events_init(void)
{
	int r;

	r = register_pernet_subsys(&events_net_ops);
	if (r)
		return r;
	r = EVENTS_TOLD ? genl_register_family(&events_family) : 0;
	if (r)
		goto no_family;
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	if (!events_tracepoint) {
		pr_notice("socketd_diag: no tracepoint inet_sock_set_state: state changes are not told\n");
		return 0;
	}
	r = tracepoint_probe_register(events_tracepoint, probe_set_state, NULL);
	if (r)
		goto no_probe;
	return 0;

no_probe:
	if (EVENTS_TOLD)
		genl_unregister_family(&events_family);
no_family:
	unregister_pernet_subsys(&events_net_ops);
	return r;
}

void socketd_events_exit(void)
{
	if (events_tracepoint) {
		tracepoint_probe_unregister(events_tracepoint, probe_set_state, NULL);
		/* A probe may still run on another CPU. */
		tracepoint_synchronize_unregister();
	}
	if (EVENTS_TOLD)
		genl_unregister_family(&events_family);
	unregister_pernet_subsys(&events_net_ops);
}
