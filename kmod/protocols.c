// SPDX-License-Identifier: GPL-2.0-only
/* Each protocol's table of sockets: its buckets, what keeps them still, and how to go through one */

#include <linux/in.h>
#include <linux/rcupdate.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/raw.h>
#include <net/tcp.h>
#include <net/udp.h>
#include <net/udplite.h>
#if IS_BUILTIN(CONFIG_IPV6)
#include <net/rawv6.h>
#endif

#include "protocols.h"

#define INET_FAMILIES (1ULL << AF_INET | 1ULL << AF_INET6)

/* Chains of sk_nulls_node: under their lock the end is an end. */
static struct sock *nulls_entry(struct hlist_nulls_node *node)
{
	return is_a_nulls(node) ? NULL : hlist_nulls_entry(node, struct sock, sk_nulls_node);
}

static struct sock *nulls_next(struct net *net, unsigned int bucket, struct sock *sk)
{
	return nulls_entry(sk->sk_nulls_node.next);
}

/* Chains of sk_node, under their lock. */
static struct sock *chain_next(struct net *net, unsigned int bucket, struct sock *sk)
{
	return sk_next(sk);
}

/* Likewise, under RCU; also from a socket that has just left, for its node keeps its next. */
static struct sock *rcu_first(struct hlist_head *head)
{
	return hlist_entry_safe(rcu_dereference(hlist_first_rcu(head)), struct sock, sk_node);
}

static struct sock *rcu_next(struct net *net, unsigned int bucket, struct sock *sk)
{
	return hlist_entry_safe(rcu_dereference(hlist_next_rcu(&sk->sk_node)), struct sock, sk_node);
}

static void rcu_lock(struct net *net, unsigned int bucket)
	__acquires(RCU)
{
	rcu_read_lock();
}

static void rcu_unlock(struct net *net, unsigned int bucket)
	__releases(RCU)
{
	rcu_read_unlock();
}

static bool is_pernet(const struct net *net)
{
	return false;
}

/* TCP: three tables of one inet_hashinfo. */
static struct inet_hashinfo *tcp_tables(const struct net *net)
{
	return net->ipv4.tcp_death_row.hashinfo;
}

/* A namespace with an ehash of its own shares the other two all the same. */
#define TCP_TABLE_SHARED(prefix, member)						\
static bool prefix##_shared(const struct net *net)					\
{											\
	return tcp_tables(net)->member == tcp_tables(&init_net)->member;		\
}

TCP_TABLE_SHARED(listening, lhash2)
TCP_TABLE_SHARED(connected, ehash)
TCP_TABLE_SHARED(bound, bhash2)

static unsigned int listening_buckets(const struct net *net)
{
	return tcp_tables(net)->lhash2_mask + 1;
}

static bool listening_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_nulls_empty(&tcp_tables(net)->lhash2[bucket].nulls_head);
}

static void listening_lock(struct net *net, unsigned int bucket)
	__acquires(lhash2)
{
	spin_lock_bh(&tcp_tables(net)->lhash2[bucket].lock);
}

static void listening_unlock(struct net *net, unsigned int bucket)
	__releases(lhash2)
{
	spin_unlock_bh(&tcp_tables(net)->lhash2[bucket].lock);
}

static struct sock *listening_first(struct net *net, unsigned int bucket)
{
	return nulls_entry(tcp_tables(net)->lhash2[bucket].nulls_head.first);
}

static unsigned int connected_buckets(const struct net *net)
{
	return tcp_tables(net)->ehash_mask + 1;
}

static bool connected_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_nulls_empty(&tcp_tables(net)->ehash[bucket].chain);
}

static void connected_lock(struct net *net, unsigned int bucket)
	__acquires(ehash)
{
	spin_lock_bh(inet_ehash_lockp(tcp_tables(net), bucket));
}

static void connected_unlock(struct net *net, unsigned int bucket)
	__releases(ehash)
{
	spin_unlock_bh(inet_ehash_lockp(tcp_tables(net), bucket));
}

static struct sock *connected_first(struct net *net, unsigned int bucket)
{
	return nulls_entry(tcp_tables(net)->ehash[bucket].chain.first);
}

/*
 * bhash2: a bucket is a chain of addresses and ports, each with the sockets that are bound to
 * it, those of the other two tables too: of a busy server all its connections in one.
 */
static unsigned int bound_buckets(const struct net *net)
{
	return tcp_tables(net)->bhash_size;
}

static bool bound_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_empty(&tcp_tables(net)->bhash2[bucket].chain);
}

static void bound_lock(struct net *net, unsigned int bucket)
	__acquires(bhash2)
{
	spin_lock_bh(&tcp_tables(net)->bhash2[bucket].lock);
}

static void bound_unlock(struct net *net, unsigned int bucket)
	__releases(bhash2)
{
	spin_unlock_bh(&tcp_tables(net)->bhash2[bucket].lock);
}

/* First socket of the address that @node is of, or of the next that has one. */
static struct sock *bound_from(struct hlist_node *node)
{
	for (; node; node = node->next) {
		struct inet_bind2_bucket *tb = hlist_entry(node, struct inet_bind2_bucket, node);

		if (!hlist_empty(&tb->owners))
			return socketd_bound_entry(tb->owners.first);
	}
	return NULL;
}

static struct sock *bound_first(struct net *net, unsigned int bucket)
{
	return bound_from(tcp_tables(net)->bhash2[bucket].chain.first);
}

static struct inet_bind2_bucket *bound_address(struct sock *sk)
{
	if (READ_ONCE(sk->sk_state) == TCP_TIME_WAIT)
		return READ_ONCE(inet_twsk(sk)->tw_tb2);
	return READ_ONCE(inet_csk(sk)->icsk_bind2_hash);
}

static struct sock *bound_next(struct net *net, unsigned int bucket, struct sock *sk)
{
	struct hlist_node *node = socketd_bound_node(sk)->next;

	return node ? socketd_bound_entry(node) : bound_from(bound_address(sk)->node.next);
}

/* What the socket points at is written under this bucket's lock, unless it is in another. */
static bool bound_holds(struct net *net, unsigned int bucket, struct sock *sk)
{
	struct inet_bind2_bucket *address = bound_address(sk);
	struct hlist_node *node;

	for (node = tcp_tables(net)->bhash2[bucket].chain.first; address && node; node = node->next)
		if (hlist_entry(node, struct inet_bind2_bucket, node) == address)
			return true;
	return false;
}

/* UDP, UDP-Lite: by local port. */
static bool udp_shared(const struct net *net)
{
	return socketd_udp_table(net) == socketd_udp_table(&init_net);
}

static bool is_shared(const struct net *net)
{
	return true;
}

#define UDP_TABLE(prefix, table)							\
static unsigned int prefix##_buckets(const struct net *net)				\
{											\
	return (table)->mask + 1;							\
}											\
static bool prefix##_is_empty(struct net *net, unsigned int bucket)			\
{											\
	return hlist_empty(&(table)->hash[bucket].head);				\
}											\
static void prefix##_lock(struct net *net, unsigned int bucket)				\
	__acquires(hslot)								\
{											\
	spin_lock_bh(&(table)->hash[bucket].lock);					\
}											\
static void prefix##_unlock(struct net *net, unsigned int bucket)			\
	__releases(hslot)								\
{											\
	spin_unlock_bh(&(table)->hash[bucket].lock);					\
}											\
static struct sock *prefix##_first(struct net *net, unsigned int bucket)		\
{											\
	return sk_head(&(table)->hash[bucket].head);					\
}											\
static bool prefix##_holds(struct net *net, unsigned int bucket, struct sock *sk)	\
{											\
	return sk_hashed(sk) &&								\
	       udp_hashfn(sock_net(sk), udp_sk(sk)->udp_port_hash, (table)->mask) == bucket; \
}

UDP_TABLE(udp, socketd_udp_table(net))
UDP_TABLE(udplite, &udplite_table)

/* Raw: by protocol, RCU. */
static unsigned int raw4_buckets(const struct net *net)
{
	return RAW_HTABLE_SIZE;
}

static bool raw4_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_empty(&raw_v4_hashinfo.ht[bucket]);
}

static struct sock *raw4_first(struct net *net, unsigned int bucket)
{
	return rcu_first(&raw_v4_hashinfo.ht[bucket]);
}

#if IS_BUILTIN(CONFIG_IPV6)
static unsigned int raw6_buckets(const struct net *net)
{
	return RAW_HTABLE_SIZE;
}

static bool raw6_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_empty(&raw_v6_hashinfo.ht[bucket]);
}

static struct sock *raw6_first(struct net *net, unsigned int bucket)
{
	return rcu_first(&raw_v6_hashinfo.ht[bucket]);
}
#endif

#if IS_ENABLED(CONFIG_UNIX)
/* UNIX: by name, and the unbound. As a module that is not loaded it has no table. */
static unsigned int unix_buckets(const struct net *net)
{
	return net->unx.table.buckets && net->unx.table.locks ? UNIX_HASH_SIZE : 0;
}

static bool unix_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_empty(&net->unx.table.buckets[bucket]);
}

static void unix_lock(struct net *net, unsigned int bucket)
	__acquires(unix)
{
	spin_lock(&net->unx.table.locks[bucket]);
}

static void unix_unlock(struct net *net, unsigned int bucket)
	__releases(unix)
{
	spin_unlock(&net->unx.table.locks[bucket]);
}

static struct sock *unix_first(struct net *net, unsigned int bucket)
{
	return sk_head(&net->unx.table.buckets[bucket]);
}
#endif

/* Packet: one list, RCU. */
static unsigned int packet_buckets(const struct net *net)
{
	return 1;
}

static bool packet_is_empty(struct net *net, unsigned int bucket)
{
	return hlist_empty(&net->packet.sklist);
}

static struct sock *packet_first(struct net *net, unsigned int bucket)
{
	return rcu_first(&net->packet.sklist);
}

#define ROW(prefix, locker, ...) {		\
	.n_buckets = prefix##_buckets,		\
	.is_empty = prefix##_is_empty,		\
	.lock = locker##_lock,			\
	.unlock = locker##_unlock,		\
	.first = prefix##_first,		\
	__VA_ARGS__				\
}

/* The order is that in which they are walked. */
const struct socketd_table socketd_tables[] = {
	ROW(listening, listening, .families = INET_FAMILIES, .states = TCPF_LISTEN, .is_shared = listening_shared,
	    .next = nulls_next),
	ROW(connected, connected, .families = INET_FAMILIES, .states = ~TCPF_LISTEN, .is_shared = connected_shared,
	    .next = nulls_next),
	ROW(bound, bound, .families = INET_FAMILIES, .states = TCPF_CLOSE, .unhashed = true, .is_shared = bound_shared,
	    .next = bound_next, .holds = bound_holds),
	ROW(udp, udp, .families = INET_FAMILIES, .states = ~0u, .is_shared = udp_shared,
	    .next = chain_next, .holds = udp_holds),
	ROW(udplite, udplite, .families = INET_FAMILIES, .states = ~0u, .is_shared = is_shared,
	    .next = chain_next, .holds = udplite_holds),
	ROW(raw4, rcu, .families = 1ULL << AF_INET, .states = ~0u, .is_shared = is_shared, .next = rcu_next),
#if IS_BUILTIN(CONFIG_IPV6)
	ROW(raw6, rcu, .families = 1ULL << AF_INET6, .states = ~0u, .is_shared = is_shared, .next = rcu_next),
#endif
#if IS_ENABLED(CONFIG_UNIX)
	ROW(unix, unix, .families = 1ULL << AF_UNIX, .states = ~0u, .is_shared = is_pernet, .next = chain_next),
#endif
	ROW(packet, rcu, .families = 1ULL << AF_PACKET, .states = ~0u, .is_shared = is_pernet, .next = rcu_next),
};

const unsigned int socketd_n_tables = ARRAY_SIZE(socketd_tables);
