/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of sockets that protocols keep, as rows of one kind */

#ifndef SOCKETD_PROTOCOLS_H
#define SOCKETD_PROTOCOLS_H

#include "socketd.h"

/**
 * struct socketd_table - one protocol's table of sockets
 * @families: of the sockets in it
 * @states: their states, 1 << sk_state
 * @unhashed: only its sockets that are in no other table are meant; the kernel's diag modules
 *	list these only when asked, or not at all
 * @is_shared: one of all namespaces; that of the initial one is it
 * @n_buckets: of the namespace's table, 0 when it has none
 * @is_empty: a glance without the lock
 * @lock: what keeps a bucket's sockets in their places, or RCU
 * @unlock: its end
 * @first: socket of a bucket, locked; or NULL
 * @next: after one that is in the bucket; or NULL
 * @holds: whether a referenced socket is in the bucket: where a bucket can be long. Without it the
 *	bucket is searched
 */
struct socketd_table {
	u64 families;
	u32 states;
	bool unhashed;
	bool (*is_shared)(const struct net *net);
	unsigned int (*n_buckets)(const struct net *net);
	bool (*is_empty)(struct net *net, unsigned int bucket);
	void (*lock)(struct net *net, unsigned int bucket);
	void (*unlock)(struct net *net, unsigned int bucket);
	struct sock *(*first)(struct net *net, unsigned int bucket);
	struct sock *(*next)(struct net *net, unsigned int bucket, struct sock *sk);
	bool (*holds)(struct net *net, unsigned int bucket, struct sock *sk);
};

extern const struct socketd_table socketd_tables[];
extern const unsigned int socketd_n_tables;

#endif
