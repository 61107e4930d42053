// SPDX-License-Identifier: GPL-2.0-only
/* A walk over all sockets: first the protocols' tables, then the tasks' descriptors; and what both ask */

#include <linux/in.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <net/inet_connection_sock.h>
#include <net/inet_sock.h>

#include "socketd.h"

/* Inodes in one entry of the set: an entry keeps a bit less than a long. The numbers are nearly consecutive. */
#define TWIN_SHIFT (BITS_PER_LONG > 32 ? 5 : 4)
#define TWIN_MASK ((1u << TWIN_SHIFT) - 1)

/**
 * socketd_cursor_init() - to the beginning
 * @c: zeroed and made ready; socketd_cursor_free() it
 */
void socketd_cursor_init(struct socketd_cursor *c)
{
	memset(c, 0, sizeof(*c));
	xa_init_flags(&c->twins, XA_FLAGS_ACCOUNT);
}

/**
 * socketd_cursor_free() - drop the references of a walk, over or not
 * @c: the cursor; process context
 */
void socketd_cursor_free(struct socketd_cursor *c)
{
	if (c->last)
		sock_gen_put(c->last);
	c->last = NULL;
	if (c->net)
		put_net(c->net);
	c->net = NULL;
	kfree(c->run);
	c->run = NULL;
	xa_destroy(&c->twins);
	c->n_twins = 0;
}

/**
 * socketd_cookie() - identity of a socket
 * @sk: referenced; its cookie is made when it has none yet, which is atomic: any context
 */
u64 socketd_cookie(struct sock *sk)
{
	u32 halves[2];

	sock_diag_save_cookie(sk, halves);
	return (u64)halves[1] << 32 | halves[0];
}

/**
 * socketd_breathe() - let others run, between two locked or RCU sections
 * @c: the cursor; what it stands on is told
 *
 * A filter that nothing passes would otherwise keep the caller in one system call for the
 * whole walk: an event loop, or one that is being killed.
 *
 * Return: 0; -EMSGSIZE when it is time to pause; -EINTR when the caller is being killed.
 */
int socketd_breathe(struct socketd_cursor *c)
{
	cond_resched();
	if (fatal_signal_pending(current))
		return -EINTR;
	c->paused = c->pauses && time_after_eq(jiffies, c->pause_at);
	return c->paused ? -EMSGSIZE : 0;
}

/**
 * socketd_twin_told() - whether the descriptor walk has told a socket
 * @c: the cursor, of one walker
 * @inode: of its sockfs file
 */
bool socketd_twin_told(const struct socketd_cursor *c, u64 inode)
{
	/* xa_load() takes no const, and only reads. */
	void *entry = xa_load((struct xarray *)&c->twins, inode >> TWIN_SHIFT);

	return entry && (xa_to_value(entry) & 1ul << (inode & TWIN_MASK));
}

/**
 * socketd_twin_add() - remember a socket that was told
 * @c: the cursor, of one walker
 * @inode: of its sockfs file
 *
 * What cannot be remembered, for the bound or for want of memory, is told again when it
 * is met again, and the totals say so.
 */
void socketd_twin_add(struct socketd_cursor *c, u64 inode)
{
	unsigned long key = inode >> TWIN_SHIFT;
	void *entry = xa_load(&c->twins, key);
	unsigned long bits = entry ? xa_to_value(entry) : 0;

	/* Where a long has 32 bits some inodes have no key of their own. */
	if (key == inode >> TWIN_SHIFT && (entry || c->n_twins < SOCKETD_TWINS_MAX) &&
	    !xa_is_err(xa_store(&c->twins, key, xa_mk_value(bits | 1ul << (inode & TWIN_MASK)),
				GFP_KERNEL_ACCOUNT))) {
		c->n_twins += !entry;
		return;
	}
	c->totals.flags |= SOCKETD_TOTALS_TWINS;
}

/**
 * socketd_in_tables() - whether the walk of the tables comes by a socket
 * @sk: a full socket, referenced
 *
 * Without the tables' locks, so of now: a socket that is bound or connected between the
 * two walks may be told by neither. The generation says that something changed.
 */
bool socketd_in_tables(const struct sock *sk)
{
	switch (READ_ONCE(sk->sk_family)) {
	case AF_UNIX:
	case AF_PACKET:
		return sk_hashed(sk);
	case AF_INET:
	case AF_INET6:
		break;
	default:
		return false;
	}
	if (sk->sk_type == SOCK_RAW)
		return sk_hashed(sk) && (sk->sk_family == AF_INET || IS_BUILTIN(CONFIG_IPV6));
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
		return sk_hashed(sk) || READ_ONCE(inet_csk(sk)->icsk_bind2_hash);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return sk_hashed(sk);
	default:
		return false;
	}
}

/**
 * socketd_holding_of() - why a socket exists
 * @sk: a full socket, referenced
 * @file: that it was found by, or NULL
 *
 * Context: takes sk_callback_lock for reading, under which sk_socket stays.
 */
u8 socketd_holding_of(struct sock *sk, const struct file *file)
{
	struct socket *sock;
	bool has_file;

	if (file)
		return SOCKETD_HOLDING_FILE;
	if (sk->sk_kern_sock || !sk->sk_net_refcnt)
		return SOCKETD_HOLDING_KERNEL;
	if (sock_flag(sk, SOCK_DEAD))
		return SOCKETD_HOLDING_ORPHAN;

	/* MPTCP takes the socket from a subflow without this lock: RCU keeps its memory. */
	rcu_read_lock();
	read_lock_bh(&sk->sk_callback_lock);
	sock = READ_ONCE(sk->sk_socket);
	has_file = sock && READ_ONCE(sock->file);
	read_unlock_bh(&sk->sk_callback_lock);
	rcu_read_unlock();
	if (!sock)
		return sock_flag(sk, SOCK_DEAD) ? SOCKETD_HOLDING_ORPHAN : SOCKETD_HOLDING_UNACCEPTED;
	if (READ_ONCE(sk->sk_family) == AF_UNIX && socketd_unix_in_flight(sk))
		return SOCKETD_HOLDING_IN_FLIGHT;
	return has_file ? SOCKETD_HOLDING_FILE : SOCKETD_HOLDING_UNKNOWN;
}

/**
 * socketd_walk() - go on where the cursor stands
 * @c: the cursor
 * @q: the query; the same at each call
 * @e: where found things go
 *
 * Context: process, no lock held; sleeps where it can.
 * Return: 0 when all is told; 1 when the emitter had no room, or at a pause: call again; -EINTR, or what
 *	else the emitter said.
 */
int socketd_walk(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e)
{
	int r = 0;

	if (q->what == SOCKETD_WHAT_SOCKETS && (q->walks & SOCKETD_WALK_TABLES) && !c->tables_done) {
		r = socketd_walk_tables(c, q, e);
		if (r)
			return r;
		c->tables_done = true;
	}
	if (q->what == SOCKETD_WHAT_TASKS || (q->walks & SOCKETD_WALK_TASKS))
		r = socketd_walk_tasks(c, q, e);
	if (!r)
		c->totals.generation = socketd_generation();
	return r;
}
