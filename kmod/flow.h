/* SPDX-License-Identifier: GPL-2.0-only */
/* How each row of the group flow is read: what the tables of this very socket, its route and its device lead to */

#ifndef SOCKETD_FLOW_H
#define SOCKETD_FLOW_H

#include <linux/ipv6_route.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/af_unix.h>
#include <net/dst.h>
#include <net/inet_connection_sock.h>
#include <net/ip6_fib.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/sch_generic.h>

#include "access.h"

/*
 * As access.h: in an RCU read section. It keeps routes, devices, queueing
 * disciplines and the modules of the operations, all of which the kernel frees
 * a grace period after it has taken them out of use.
 */

static inline bool sock_is_udp(const struct sock *sk)
{
	return sock_is_inet(sk) && sk->sk_type == SOCK_DGRAM &&
	       (sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE);
}

static inline const struct dst_entry *send_route(const struct sock *sk)
{
	return rcu_dereference(sk->sk_dst_cache);
}

/* A route that is taken out of use gets a stand-in, so there is always a device. */
static inline struct net_device *send_device(const struct sock *sk)
{
	const struct dst_entry *dst = send_route(sk);

	return dst ? READ_ONCE(dst->dev) : NULL;
}

/* socket->ops, copied by socketd_look(). */
FUNCTION(ops_sendmsg, l->socket.sendmsg)
FUNCTION(ops_recvmsg, l->socket.recvmsg)
FUNCTION(ops_poll, l->socket.poll)

FUNCTION(prot_sendmsg, READ_ONCE(sk->sk_prot)->sendmsg)
FUNCTION(prot_recvmsg, READ_ONCE(sk->sk_prot)->recvmsg)
FUNCTION(prot_backlog_rcv, READ_ONCE(sk->sk_prot)->backlog_rcv)
FUNCTION(creator_sendmsg, sk->sk_prot_creator->sendmsg)
FUNCTION(creator_recvmsg, sk->sk_prot_creator->recvmsg)

ROW(icsk_ulp, struct socketd_text)
{
	const struct tcp_ulp_ops *ops;

	if (!sock_is_tcp(l->sk))
		return false;
	ops = READ_ONCE(inet_csk(l->sk)->icsk_ulp_ops);
	return ops && socketd_text_name(ret, ops->name);
}

ROW(icsk_queue_xmit, struct socketd_text)
{
	const struct inet_connection_sock_af_ops *ops;

	if (!sock_is_tcp(l->sk))
		return false;
	ops = READ_ONCE(inet_csk(l->sk)->icsk_af_ops);
	return ops && socketd_text_function(ret, ops->queue_xmit);
}

/* MPTCP's number is above the table: what arrives for it goes to its subflows. */
ROW(proto_handler, struct socketd_text)
{
	u16 protocol = l->sk->sk_protocol;

	if (protocol >= MAX_INET_PROTOS)
		return false;
	if (sock_is_family(l->sk, AF_INET)) {
		const struct net_protocol *p = rcu_dereference(inet_protos[protocol]);

		return p && socketd_text_function(ret, p->handler);
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (sock_is_family(l->sk, AF_INET6)) {
		const struct inet6_protocol *p = rcu_dereference(inet6_protos[protocol]);

		return p && socketd_text_function(ret, p->handler);
	}
#endif
	return false;
}

FUNCTION(encap_rcv, sock_is_udp(sk) ? READ_ONCE(udp_sk(sk)->encap_rcv) : NULL)

ROW(dst_output, struct socketd_text)
{
	const struct dst_entry *dst = send_route(l->sk);

	return dst && socketd_text_function(ret, READ_ONCE(dst->output));
}

ROW(dst_input, struct socketd_text)
{
	const struct dst_entry *dst = send_route(l->sk);

	return dst && socketd_text_function(ret, READ_ONCE(dst->input));
}

ROW(rx_dst_input, struct socketd_text)
{
	const struct dst_entry *dst = rcu_dereference(l->sk->sk_rx_dst);

	return dst && socketd_text_function(ret, READ_ONCE(dst->input));
}

/* Somebody who renames a device at this moment can tear its name. */
ROW(dst_dev, struct socketd_text)
{
	const struct net_device *dev = send_device(l->sk);

	return dev && socketd_text_name(ret, dev->name);
}

ROW(dst_mtu, u32)
{
	const struct dst_entry *dst = send_route(l->sk);

	if (!dst || !dst->ops->mtu)
		return false;
	*ret = dst_mtu(dst);
	return true;
}

/*
 * An address is told in the width of the socket's family: of an IPv6 socket that
 * talks IPv4 as mapped. IPv4 by a next hop that is IPv6 has no width to fit: absent.
 */
ROW(dst_gateway, u8)
{
	const struct dst_entry *dst = send_route(l->sk);

	if (!dst)
		return false;
	memset(ret, 0, 16);
	if (dst->ops->family == AF_INET) {
		const struct rtable *rt = (const struct rtable *)dst;
		__be32 gateway = rt->rt_gw4;

		if (rt->rt_gw_family != AF_INET)
			return false;
		if (sock_is_family(l->sk, AF_INET6)) {
			memset(ret + 10, 0xff, 2);
			memcpy(ret + 12, &gateway, 4);
		} else {
			memcpy(ret, &gateway, 4);
		}
		return true;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (dst->ops->family == AF_INET6) {
		const struct rt6_info *rt = (const struct rt6_info *)dst;

		if (!(rt->rt6i_flags & RTF_GATEWAY))
			return false;
		memcpy(ret, &rt->rt6i_gateway, 16);
		return true;
	}
#endif
	return false;
}

ROW(dev_xmit, struct socketd_text)
{
	const struct net_device *dev = send_device(l->sk);

	return dev && socketd_text_function(ret, dev->netdev_ops->ndo_start_xmit);
}

/* The queue that the socket last sent by, else the first; the device may have fewer by now. */
static inline struct netdev_queue *send_queue(const struct sock *sk, u16 *ret_index)
{
	struct net_device *dev = send_device(sk);
	int index = sk_tx_queue_get(sk);

	if (!dev || !dev->num_tx_queues || !dev->_tx)
		return NULL;
	if (index < 0 || index >= dev->num_tx_queues)
		index = 0;
	*ret_index = index;
	return netdev_get_tx_queue(dev, index);
}

static inline const struct Qdisc *send_qdisc(const struct sock *sk)
{
	u16 index;
	struct netdev_queue *queue = send_queue(sk, &index);

	return queue ? rcu_dereference(queue->qdisc) : NULL;
}

ROW(dev_qdisc, struct socketd_text)
{
	const struct Qdisc *qdisc = send_qdisc(l->sk);

	return qdisc && socketd_text_name(ret, qdisc->ops->id);
}

ROW(dev_qdisc_qlen, u32)
{
	const struct Qdisc *qdisc = send_qdisc(l->sk);

	if (!qdisc)
		return false;
	*ret = qdisc_qlen_sum(qdisc);
	return true;
}

ROW(dev_tx_queue, u16)
{
	u16 index;

	if (!send_queue(l->sk, &index))
		return false;
	*ret = index;
	return true;
}

ROW(rx_dev, struct socketd_text)
{
	int ifindex = rcu_access_pointer(l->sk->sk_rx_dst) ? READ_ONCE(l->sk->sk_rx_dst_ifindex) : 0;
	const struct net_device *dev = ifindex ? dev_get_by_index_rcu(sock_net(l->sk), ifindex) : NULL;

	return dev && socketd_text_name(ret, dev->name);
}

/* unix_peer_get() takes the state lock for as long as it needs to reference the peer. */
ROW(peer_receive_queue, u32)
{
	struct sock *peer = sock_is_family(l->sk, AF_UNIX) ? unix_peer_get(l->sk) : NULL;

	if (!peer)
		return false;
	*ret = skb_queue_len_lockless(&peer->sk_receive_queue);
	sock_put(peer);
	return true;
}

ROW(peer_data_ready, struct socketd_text)
{
	struct sock *peer = sock_is_family(l->sk, AF_UNIX) ? unix_peer_get(l->sk) : NULL;
	bool told;

	if (!peer)
		return false;
	told = socketd_text_function(ret, READ_ONCE(peer->sk_data_ready));
	sock_put(peer);
	return told;
}

static inline bool sock_is_tcp_listener(const struct sock *sk)
{
	return sock_is_tcp(sk) && READ_ONCE(sk->sk_state) == TCP_LISTEN;
}

WHEN(syn_queue, u32, sock_is_tcp_listener(sk), reqsk_queue_len(&inet_csk(sk)->icsk_accept_queue))
WHEN(rtx_queue, bool, sock_is_tcp(sk), !RB_EMPTY_ROOT(&sk->tcp_rtx_queue))
WHEN(ooo_queue, bool, sock_is_tcp(sk), !RB_EMPTY_ROOT(&tcp_sk(sk)->out_of_order_queue))

#endif
