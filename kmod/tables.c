// SPDX-License-Identifier: GPL-2.0-only
/* The walk by the protocols' tables: a few sockets referenced under a bucket's lock, told outside of it */

#include <linux/rculist.h>
#include <net/net_namespace.h>
#include <net/tcp.h>

#include "protocols.h"

/* Buckets that are found empty before others may run. */
#define BUCKETS_IN_A_ROW 4096

/*
 * What one hold of a bucket's lock brings. Where sockets of several namespaces are told,
 * each comes with a reference of its own: a TIME-WAIT or a socket of the kernel holds none.
 */
struct batch {
	unsigned int n;
	struct sock *sk[SOCKETD_BATCH];
	struct net *net[SOCKETD_BATCH];
	unsigned int index[SOCKETD_BATCH]; /* sockets of the bucket that are done with it */
	struct sock *mark;                 /* the last looked at, referenced, when there are more */
	unsigned int done;                 /* sockets of the bucket up to the mark */
	bool more;
};

/* References the socket when it is asked for; the bucket is locked. */
static void take(struct batch *b, const struct socketd_table *t, const struct socketd_query *q, bool pin,
		 struct sock *sk)
{
	unsigned int state = READ_ONCE(sk->sk_state);
	struct net *net = NULL;

	if (!(t->states & 1u << state) || (t->unhashed && sk_hashed(sk)) || !socketd_query_wants(q, sk))
		return;
	if (pin) {
		net = maybe_get_net(sock_net(sk));
		if (!net)
			return;
	}
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		if (net)
			put_net(net);
		return;
	}
	b->sk[b->n] = sk;
	b->net[b->n] = net;
	b->index[b->n++] = b->done;
}

/* Where in the bucket to go on; the bucket is locked. */
static struct sock *resume(struct socketd_cursor *c, const struct socketd_table *t, struct net *net)
{
	unsigned int bucket = c->bucket;
	struct sock *sk, *last = c->last;
	unsigned int i;

	if (!c->index)
		return t->first(net, bucket);
	if (last && t->holds && t->holds(net, bucket, last))
		return t->next(net, bucket, last);
	if (last && !t->holds)
		for (sk = t->first(net, bucket); sk; sk = t->next(net, bucket, sk))
			if (sk == last)
				return t->next(net, bucket, sk);

	c->uncertain = true;
	sk = t->first(net, bucket);
	for (i = 0; sk && i < c->index; i++)
		sk = t->next(net, bucket, sk);
	return sk;
}

static void collect(struct batch *b, struct socketd_cursor *c, const struct socketd_table *t,
		    const struct socketd_query *q, struct net *net, bool pin)
{
	unsigned int looked = 0;
	struct sock *sk;

	b->n = 0;
	b->mark = NULL;
	b->more = false;
	b->done = c->index;

	t->lock(net, c->bucket);
	for (sk = resume(c, t, net); sk; sk = t->next(net, c->bucket, sk)) {
		if (b->n == SOCKETD_BATCH || looked == SOCKETD_LOOK_MAX) {
			b->more = true;
			break;
		}
		looked++;
		b->done++;
		b->mark = sk;
		take(b, t, q, pin, sk);
	}
	/* A mark that is just being freed cannot be kept: then the index alone says where. */
	if (!b->more || (b->mark && !refcount_inc_not_zero(&b->mark->sk_refcnt)))
		b->mark = NULL;
	t->unlock(net, c->bucket);
}

/* The reference goes over to the cursor. */
static void stand(struct socketd_cursor *c, struct sock *sk, unsigned int index)
{
	if (c->last)
		sock_gen_put(c->last);
	c->last = sk;
	c->index = index;
}

static int tell(struct batch *b, struct socketd_cursor *c, const struct socketd_emitter *e)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < b->n; i++) {
		struct socketd_found f = { .sk = b->sk[i] };

		if (!r) {
			f.mini = socketd_is_mini(f.sk);
			f.holding = f.mini ? SOCKETD_HOLDING_MINI : socketd_holding_of(f.sk, NULL);
			r = e->socket(e->ctx, &f);
		}
		if (!r) {
			c->totals.n_sockets++;
			stand(c, f.sk, b->index[i]);
		} else {
			sock_gen_put(f.sk);
		}
		if (b->net[i])
			put_net(b->net[i]);
	}
	if (!r && b->more)
		stand(c, b->mark, b->done);
	else if (b->mark)
		sock_gen_put(b->mark);
	return r;
}

static int walk_bucket(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e,
		       const struct socketd_table *t, struct net *net, bool pin)
{
	struct batch b;
	int r;

	do {
		collect(&b, c, t, q, net, pin);
		r = tell(&b, c, e);
		if (!r)
			r = socketd_breathe(c);
	} while (!r && b.more);
	return r;
}

static int walk_table(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e,
		      const struct socketd_table *t, struct net *net)
{
	/* A table of this namespace alone has no sockets of others. */
	bool pin = (q->flags & SOCKETD_FLAG_ALL_NETNS) && t->is_shared(net);
	unsigned int n = t->n_buckets(net);
	int r;

	for (; c->bucket < n; c->bucket++) {
		if (!t->is_empty(net, c->bucket))
			r = walk_bucket(c, q, e, t, net, pin);
		else
			r = c->bucket % BUCKETS_IN_A_ROW ? 0 : socketd_breathe(c);
		if (r)
			return r;
		stand(c, NULL, 0);
	}
	return 0;
}

static bool is_asked_for(const struct socketd_table *t, const struct socketd_query *q, const struct net *net)
{
	if (!(t->families & q->families) || !(t->states & q->states))
		return false;
	if ((q->flags & SOCKETD_FLAG_UNLISTED) && !t->unhashed)
		return false;
	/* One table of all namespaces is walked once. */
	return !(q->flags & SOCKETD_FLAG_ALL_NETNS) || net_eq(net, &init_net) || !t->is_shared(net);
}

static int walk_net(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e,
		    struct net *net)
{
	int r;

	for (; c->table < socketd_n_tables; c->table++) {
		const struct socketd_table *t = &socketd_tables[c->table];

		if (is_asked_for(t, q, net)) {
			r = walk_table(c, q, e, t, net);
			if (r)
				return r;
		}
		c->bucket = 0;
	}
	c->table = 0;
	return 0;
}

/* The namespace after @net, or the first, with a reference; NULL after the last. Dying ones are passed over. */
static struct net *next_net(struct net *net)
{
	struct list_head *at = net ? &net->list : &net_namespace_list;
	struct net *next;

	rcu_read_lock();
	do {
		next = list_next_or_null_rcu(&net_namespace_list, at, struct net, list);
		at = next ? &next->list : NULL;
	} while (next && !maybe_get_net(next));
	rcu_read_unlock();
	return next;
}

/*
 * The reader comes again when he likes, or never. What the cursor stands on until then must not
 * be what keeps a namespace that the caller has no say in, nor a socket of the kernel, which is
 * to be gone before its namespace. Then the index alone says where.
 */
static bool may_wait_on(const struct sock *sk, const struct socketd_query *q)
{
	if (net_eq(sock_net(sk), q->net))
		return true;
	return (q->flags & SOCKETD_FLAG_ALL_NETNS) && (socketd_is_mini(sk) || sk->sk_net_refcnt);
}

static int pause_walk(struct socketd_cursor *c, const struct socketd_query *q)
{
	if (c->last && !may_wait_on(c->last, q))
		stand(c, NULL, c->index);
	return 1;
}

/**
 * socketd_walk_tables() - sockets of the protocols' tables, those without a descriptor too
 * @c: the cursor
 * @q: the query
 * @e: where they go
 *
 * Context: process; takes a bucket's lock for SOCKETD_BATCH sockets at a time, or for looking at
 *	SOCKETD_LOOK_MAX. No socket's lock.
 * Return: as socketd_walk().
 */
int socketd_walk_tables(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e)
{
	struct net *next;
	int r = 0;

	if (!(q->flags & SOCKETD_FLAG_ALL_NETNS)) {
		r = walk_net(c, q, e, q->net);
		return r == -EMSGSIZE ? pause_walk(c, q) : r;
	}
	if (!c->net)
		c->net = next_net(NULL);
	while (c->net) {
		r = walk_net(c, q, e, c->net);
		if (r)
			break;
		next = next_net(c->net);
		put_net(c->net);
		c->net = next;
	}
	return r == -EMSGSIZE ? pause_walk(c, q) : r;
}
