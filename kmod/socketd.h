/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the module: what is asked, where a walk stands, what it found, and who does what with it */

#ifndef SOCKETD_KMOD_H
#define SOCKETD_KMOD_H

#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "compat.h"
#include "socketd/uapi.h"

/*
 *                    ┌─ tables.c ─┐
 *   diag.c ─ request ┤            ├─ found ─► fill.c ─ groups.c ─ access.h ─► netlink message
 *   proc.c ──────────┴─ tasks.c ──┘                    └──────────────────► a line of text
 *   events.c: tracepoint inet_sock_set_state ─► generic netlink
 */

/**
 * struct socketd_query - what one caller asks for, checked
 * @net: namespace of the request's socket; that socket (or the open file) holds it
 * @user_ns: the caller's user namespace, for uids; referenced
 * @pid_ns: the caller's pid namespace, for pids; referenced
 * @what: enum socketd_what
 * @walks: SOCKETD_WALK_*
 * @groups: SOCKETD_GROUP_*
 * @states: 1 << sk_state
 * @flags: SOCKETD_FLAG_*
 * @families: 1 << AF_*
 * @active_msec: TCP: sent or received within; 0 for any
 * @pid: thread group in @pid_ns, 0 for all
 * @fd: with @pid, or -1
 * @admin: privileged fields may be told
 * @tasks: tasks, pids and descriptors may be told
 * @n_cookies: elements of @cookies; 0 for any
 * @n_inodes: likewise
 * @cookies: owned, sorted
 * @inodes: owned, sorted
 *
 * All of it is decided once, in start(): whoever calls recvmsg() later need not
 * be who asked.
 */
struct socketd_query {
	struct net *net;
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
	u8 what;
	u32 walks;
	u32 groups;
	u32 states;
	u32 flags;
	u64 families;
	u32 active_msec;
	u32 pid;
	int fd;
	bool admin;
	bool tasks;
	u32 n_cookies;
	u32 n_inodes;
	u64 *cookies;
	u64 *inodes;
};

/* request.c */
int socketd_query_parse(struct socketd_query *q, struct sk_buff *skb, const struct nlmsghdr *nlh,
			struct netlink_ext_ack *extack);
void socketd_query_init_proc(struct socketd_query *q, struct net *net, const struct file *file);
void socketd_query_free(struct socketd_query *q);
/* Whether a socket that a walk came by is asked for: namespace, family, state, keys, activity. Any context. */
bool socketd_query_wants(const struct socketd_query *q, struct sock *sk);

/*
 * TIME-WAIT and request socks, which have no more than sock_common. sk_fullsock() alone is not
 * enough: other families have states of their own with the same numbers (Bluetooth, IUCV).
 */
static inline bool socketd_is_mini(const struct sock *sk)
{
	u16 family = READ_ONCE(sk->sk_family);

	return (family == AF_INET || family == AF_INET6) && !sk_fullsock(sk);
}

/**
 * struct socketd_found - a socket that a walk came by
 * @sk: referenced by the walk until the emitter returns; only sock_common of a @mini one may be read
 * @sock: the struct socket when it was found by a descriptor: then @file keeps it; else NULL, see access.h
 * @file: referenced likewise, or NULL
 * @pid: thread group in the caller's pid namespace, 0 when not found by a descriptor (or not to be told)
 * @fd: descriptor
 * @holding: enum socketd_holding
 * @mini: TIME-WAIT or request sock
 */
struct socketd_found {
	struct sock *sk;
	struct socket *sock;
	struct file *file;
	u32 pid;
	u32 fd;
	u8 holding;
	bool mini;
};

/* A process or a thread with its own table, and a run of its descriptors that are sockets. */
struct socketd_found_task {
	struct socketd_task task;
	const struct socketd_fd *fds;
	unsigned int n_fds;
};

/**
 * struct socketd_emitter - where found things go
 * @socket: 0, or -EMSGSIZE when there is no room: the walk stops and tells the same socket again when
 *	called next. May sleep; no lock is held.
 * @task: likewise
 * @ctx: the emitter's
 */
struct socketd_emitter {
	int (*socket)(void *ctx, const struct socketd_found *f);
	int (*task)(void *ctx, const struct socketd_found_task *t);
	void *ctx;
};

/* The most that is referenced under one bucket's lock, and the most that is looked at. */
#define SOCKETD_BATCH 16
#define SOCKETD_LOOK_MAX 1024
/*
 * Entries of the set of inodes that tells twins, 32 neighbours each (16 where long has 32 bits); past
 * them twins are told again.
 */
#define SOCKETD_TWINS_MAX (256u * 1024)
/* Descriptors in one message of a task. */
#define SOCKETD_RUN_MAX 256

/* Descriptors of a task that are found and not told yet. */
struct socketd_run {
	struct socketd_task head;
	bool is_told; /* a run before this one is */
	bool is_over; /* it is the task's last */
	unsigned int n;
	struct socketd_fd fds[SOCKETD_RUN_MAX];
};

/**
 * struct socketd_cursor - where a walk stands between two messages
 * @net: namespace that the table walk is in; with ALL_NETNS referenced
 * @table: index of the table, in protocols.c
 * @bucket: of the table
 * @index: sockets of the bucket that are done
 * @last: the last of these, referenced, if any: the walk goes on behind it. When it has left the
 *	bucket meanwhile the place is that of @index, and not certain
 * @nr: pid number, in the caller's pid namespace, of the task that is next or under way
 * @start: when that task was started; 0 when it is not under way
 * @pid: its thread group
 * @fd: descriptor of it that is next
 * @n_fds: its descriptors seen so far
 * @run: of WHAT_TASKS: allocated with the first task
 * @tables_done: the first walk is over
 * @uncertain: a bucket changed while the walk stood in it
 * @twins: set of inodes of sockets that the descriptor walk has told
 * @n_twins: entries of @twins
 * @totals: what goes into the last message
 * @pause_at: jiffies when the walk is to pause; with @pauses
 * @pauses: it may pause: whoever walks can say so to his reader
 * @paused: it has, for no other reason
 */
struct socketd_cursor {
	struct net *net;
	unsigned int table;
	unsigned int bucket;
	unsigned int index;
	struct sock *last;
	int nr;
	u64 start;
	u32 pid;
	unsigned int fd;
	u32 n_fds;
	struct socketd_run *run;
	bool tables_done;
	bool uncertain;
	struct xarray twins;
	u32 n_twins;
	struct socketd_totals totals;
	unsigned long pause_at;
	bool pauses;
	bool paused;
};

/* walk.c */
void socketd_cursor_init(struct socketd_cursor *c);
void socketd_cursor_free(struct socketd_cursor *c);
/* 0 all is told; 1 the emitter had no room, call again; a negative errno. Process context, may sleep. */
int socketd_walk(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e);
u64 socketd_cookie(struct sock *sk);
/* Whether a socket is in a table that the first walk goes through; of a full socket. */
bool socketd_in_tables(const struct sock *sk);
/* A place to be rescheduled, no lock held: 0; -EMSGSIZE to pause; -EINTR when the caller is being killed. */
int socketd_breathe(struct socketd_cursor *c);
/* Sockets that the descriptor walk has told already; what cannot be remembered is said in the totals. */
bool socketd_twin_told(const struct socketd_cursor *c, u64 inode);
void socketd_twin_add(struct socketd_cursor *c, u64 inode);
u8 socketd_holding_of(struct sock *sk, const struct file *file);

/* tables.c, tasks.c: the two walks, as socketd_walk() */
int socketd_walk_tables(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e);
int socketd_walk_tasks(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e);
/* One descriptor: calls the emitter once. -ESRCH, -ENOENT, -ESTALE (cookie), or what the emitter says. */
int socketd_find_fd(const struct socketd_query *q, const struct socketd_emitter *e);

/* look.h has what reads a socket: look.c, groups.c, names.c with access.h and flow.h. */
/* groups.c. Bits of the catalogue that this kernel can tell. */
void socketd_kernel_fields(u64 ret[16]);

/* fill.c: netlink messages; -EMSGSIZE when there is no room, and nothing is left behind */
int socketd_fill_meta(struct sk_buff *skb, const struct socketd_query *q, u32 portid, u32 seq);
int socketd_fill_progress(struct sk_buff *skb, u32 portid, u32 seq);
int socketd_fill_totals(struct sk_buff *skb, const struct socketd_totals *t, u32 portid, u32 seq);
int socketd_fill_socket(struct sk_buff *skb, const struct socketd_query *q, const struct socketd_found *f,
			u32 portid, u32 seq, u16 nlmsg_flags);
int socketd_fill_task(struct sk_buff *skb, const struct socketd_found_task *t, u32 portid, u32 seq);

/* events.c */
u64 socketd_generation(void);
void socketd_generation_bump(void);

/* The staircase of main.c. */
int socketd_events_init(void);
void socketd_events_exit(void);
int socketd_proc_init(void);
void socketd_proc_exit(void);
int socketd_diag_init(void);
void socketd_diag_exit(void);

#endif
