// SPDX-License-Identifier: GPL-2.0-only
/* The walk by the tasks' descriptor tables: sockets of every family, and who holds them */

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/in.h>
#include <linux/math64.h>
#include <linux/net.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>

#include "socketd.h"

/* Bounds of one RCU section. */
#define TASKS_IN_A_ROW 64
#define FDS_IN_A_ROW 64
/* Threads that are asked whether they share a table; behind them it may be told twice. */
#define THREADS_LOOKED_AT 64

/*
 * Whether a task stands for its descriptor table: the first thread of its group that has it.
 * That is the leader nearly always; threads after unshare(CLONE_FILES) have their own, and
 * where the leader has exited the others live on. Pointers are compared, not followed.
 */
static bool stands_for_table(struct task_struct *task)
{
	const struct files_struct *files = READ_ONCE(task->files);
	struct task_struct *thread;
	unsigned int n = 0;

	/* A thread of the kernel shares the kernel's table, in which there is nothing. */
	if (!files || (READ_ONCE(task->flags) & PF_KTHREAD))
		return false;
	for_each_thread(task, thread) {
		if (READ_ONCE(thread->files) == files)
			return thread == task;
		if (++n == THREADS_LOOKED_AT)
			return true;
	}
	return false;
}

static void leave_task(struct socketd_cursor *c)
{
	c->start = 0;
	c->fd = 0;
	c->n_fds = 0;
	if (c->run) {
		c->run->n = 0;
		c->run->is_told = false;
		c->run->is_over = false;
	}
}

/* What is said of a task; in the RCU section that found it, so that its leader is there. */
static void fill_head(struct socketd_task *head, const struct socketd_query *q, u32 pid, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	memset(head, 0, sizeof(*head));
	head->pid = pid;
	head->uid = from_kuid_munged(q->user_ns, task_euid(leader));
	head->start = div_u64(leader->start_boottime, NSEC_PER_SEC / USER_HZ);
	if (task != leader && READ_ONCE(leader->files))
		head->flags = SOCKETD_TASK_THREAD;
	get_task_comm(head->comm, leader);
}

/* The task with this pid, when its table is to be walked: then the cursor is on it. RCU read side. */
static bool enter_task(struct socketd_cursor *c, const struct socketd_query *q, struct task_struct *task)
{
	pid_t tgid = task_tgid_nr_ns(task, q->pid_ns);
	u64 start = max_t(u64, task->start_boottime, 1);

	if (!tgid || (q->pid && q->pid != tgid) || !stands_for_table(task))
		return false;
	/* Between two messages the pid may have come to another task. */
	if (c->start != start) {
		leave_task(c);
		c->start = start;
		c->pid = tgid;
		c->totals.n_tasks++;
		if (q->fd >= 0)
			c->fd = q->fd;
		if (c->run)
			fill_head(&c->run->head, q, tgid, task);
	}
	return true;
}

/* The next task with a table of its own, referenced; NULL past the last, or an error pointer. */
static struct task_struct *following_task(struct socketd_cursor *c, const struct socketd_query *q)
{
	int r;

	do {
		unsigned int i;

		rcu_read_lock();
		for (i = 0; i < TASKS_IN_A_ROW; i++) {
			struct pid *pid = find_ge_pid(c->nr, q->pid_ns);
			struct task_struct *task;
			int nr;

			if (!pid) {
				rcu_read_unlock();
				return NULL;
			}
			nr = pid_nr_ns(pid, q->pid_ns);
			if (nr != c->nr)
				leave_task(c);
			c->nr = nr;
			task = pid_task(pid, PIDTYPE_PID);
			if (task && enter_task(c, q, task)) {
				get_task_struct(task);
				rcu_read_unlock();
				return task;
			}
			leave_task(c);
			c->nr++;
		}
		rcu_read_unlock();
		r = socketd_breathe(c);
	} while (!r);
	return ERR_PTR(r);
}

static void next_fd(struct socketd_cursor *c)
{
	c->fd++;
	c->n_fds++;
}

/*
 * The socket at or after the cursor's descriptor, which is moved to it. Its file is
 * referenced, and keeps both struct socket and sock. NULL past the last, or an error pointer.
 */
static struct file *next_socket(struct socketd_cursor *c, const struct socketd_query *q, struct task_struct *task)
{
	int r;

	do {
		unsigned int i;

		rcu_read_lock();
		for (i = 0; i < FDS_IN_A_ROW; i++) {
			struct file *file = socketd_next_file(task, &c->fd);
			struct socket *sock;

			if (!file || (q->fd >= 0 && c->fd != q->fd)) {
				rcu_read_unlock();
				if (file)
					fput(file);
				return NULL;
			}
			sock = sock_from_file(file);
			if (sock && READ_ONCE(sock->sk)) {
				rcu_read_unlock();
				return file;
			}
			fput(file);
			next_fd(c);
		}
		rcu_read_unlock();
		r = socketd_breathe(c);
	} while (!r);
	return ERR_PTR(r);
}

/* Whether the kernel's own diag modules list a socket, as uapi.h says it. */
static bool is_listed(const struct sock *sk)
{
	switch (READ_ONCE(sk->sk_family)) {
	case AF_UNIX:
	case AF_PACKET:
		return true;
	case AF_INET:
	case AF_INET6:
		return sk_hashed(sk) && (sk->sk_type == SOCK_RAW || sk->sk_protocol == IPPROTO_TCP ||
					 sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE);
	default:
		return false;
	}
}

/* One socket of a walk of sockets: 0 told or left out. */
static int tell_socket(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e,
		       struct file *file)
{
	struct socket *sock = sock_from_file(file);
	struct socketd_found f = {
		.sk = READ_ONCE(sock->sk),
		.sock = sock,
		.file = file,
		.pid = q->tasks ? c->pid : 0,
		.fd = q->tasks ? c->fd : 0,
		.holding = SOCKETD_HOLDING_FILE,
	};
	/* Not the cookie: what an MPTCP listener accepts has the listener's. */
	u64 inode = SOCK_INODE(sock)->i_ino;
	int r;

	if (!socketd_query_wants(q, f.sk) || ((q->flags & SOCKETD_FLAG_UNLISTED) && is_listed(f.sk)))
		return 0;
	if (((q->walks & SOCKETD_WALK_TABLES) && socketd_in_tables(f.sk)) || socketd_twin_told(c, inode)) {
		c->totals.n_twins++;
		return 0;
	}
	r = e->socket(e->ctx, &f);
	if (r)
		return r;
	socketd_twin_add(c, inode);
	c->totals.n_sockets++;
	return 0;
}

static int tell_run(struct socketd_cursor *c, const struct socketd_emitter *e)
{
	struct socketd_run *run = c->run;
	struct socketd_found_task t = { .task = run->head, .fds = run->fds, .n_fds = run->n };
	int r;

	if (run->is_over) {
		t.task.flags |= SOCKETD_TASK_LAST;
		t.task.n_fds = c->n_fds;
	}
	r = e->task(e->ctx, &t);
	if (r)
		return r;
	run->n = 0;
	run->is_told = true;
	return 0;
}

/* One socket of a walk of tasks. The run has room. */
static void add_to_run(struct socketd_cursor *c, const struct socketd_query *q, struct file *file)
{
	struct socketd_run *run = c->run;
	struct sock *sk = READ_ONCE(sock_from_file(file)->sk);

	if (!socketd_query_wants(q, sk))
		return;
	run->fds[run->n++] = (struct socketd_fd){
		.inode = file_inode(file)->i_ino,
		.cookie = socketd_cookie(sk),
		.fd = c->fd,
	};
	c->totals.n_sockets++;
}

/* A full run has to be told before another is begun, the last one before the task is left. */
static int walk_task(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e,
		     struct task_struct *task)
{
	struct file *file;
	int r;

	for (;;) {
		if (c->run && c->run->n == SOCKETD_RUN_MAX) {
			r = tell_run(c, e);
			if (r)
				return r;
		}
		file = next_socket(c, q, task);
		if (IS_ERR(file))
			return PTR_ERR(file);
		if (!file)
			break;
		r = 0;
		if (c->run)
			add_to_run(c, q, file);
		else
			r = tell_socket(c, q, e, file);
		fput(file);
		if (r)
			return r;
		next_fd(c);
		r = socketd_breathe(c);
		if (r)
			return r;
	}
	if (c->run && (c->run->n || c->run->is_told || (q->flags & SOCKETD_FLAG_ALL_NETNS))) {
		c->run->is_over = true;
		return tell_run(c, e);
	}
	return 0;
}

/* What found no room in the last message, before the task of it is looked at again: it may be gone. */
static int tell_rest(struct socketd_cursor *c, const struct socketd_emitter *e)
{
	int r = 0;

	if (c->run && (c->run->n == SOCKETD_RUN_MAX || c->run->is_over))
		r = tell_run(c, e);
	if (!r && c->run && c->run->is_over) {
		leave_task(c);
		c->nr++;
	}
	return r;
}

/**
 * socketd_walk_tasks() - what the tasks of the caller's pid namespace hold open
 * @c: the cursor
 * @q: the query: with WHAT_TASKS tasks are told, else sockets
 * @e: where they go
 *
 * Context: process. One task and one file are referenced at a time, RCU sections are of
 *	FDS_IN_A_ROW descriptors or TASKS_IN_A_ROW tasks. The last reference to a file may be
 *	the walk's own: then that socket is closed when the caller returns to userspace.
 * Return: as socketd_walk().
 */
int socketd_walk_tasks(struct socketd_cursor *c, const struct socketd_query *q, const struct socketd_emitter *e)
{
	struct task_struct *task;
	int r;

	if (q->what == SOCKETD_WHAT_TASKS && !c->run) {
		c->run = kzalloc(sizeof(*c->run), GFP_KERNEL_ACCOUNT);
		if (!c->run)
			return -ENOMEM;
	}
	r = tell_rest(c, e);
	while (!r) {
		task = following_task(c, q);
		r = PTR_ERR_OR_ZERO(task);
		if (r || !task)
			break;
		r = walk_task(c, q, e, task);
		put_task_struct(task);
		if (r)
			break;
		leave_task(c);
		c->nr++;
	}
	return r == -EMSGSIZE ? 1 : r;
}

/* The socket behind a descriptor of any table of the group; a reference to its file, or an error pointer. */
static struct file *find_file(const struct socketd_query *q)
{
	struct socketd_query any = *q;
	struct task_struct *leader, *thread;
	struct file *file = NULL;
	int r = -ENOENT;

	any.n_cookies = 0;
	rcu_read_lock();
	leader = pid_task(find_pid_ns(q->pid, q->pid_ns), PIDTYPE_TGID);
	if (!leader) {
		rcu_read_unlock();
		return ERR_PTR(-ESRCH);
	}
	for_each_thread(leader, thread) {
		unsigned int fd = q->fd;
		struct socket *sock;
		struct sock *sk;

		if (!stands_for_table(thread))
			continue;
		file = socketd_next_file(thread, &fd);
		if (!file)
			continue;
		sock = fd == q->fd ? sock_from_file(file) : NULL;
		sk = sock ? READ_ONCE(sock->sk) : NULL;
		if (sk && socketd_query_wants(q, sk))
			break;
		if (sk && socketd_query_wants(&any, sk))
			r = -ESTALE;
		fput(file);
		file = NULL;
	}
	rcu_read_unlock();
	return file ?: ERR_PTR(r);
}

/**
 * socketd_find_fd() - one descriptor
 * @q: with pid and fd
 * @e: called once
 *
 * Context: process.
 * Return: 0; -ESRCH no such process; -ENOENT no such descriptor, or it is no socket that
 *	is asked for; -ESTALE it is, with another cookie; or what the emitter says.
 */
int socketd_find_fd(const struct socketd_query *q, const struct socketd_emitter *e)
{
	struct file *file = find_file(q);
	struct socketd_found f = {
		.file = file,
		.pid = q->pid,
		.fd = q->fd,
		.holding = SOCKETD_HOLDING_FILE,
	};
	int r;

	if (IS_ERR(file))
		return PTR_ERR(file);
	f.sock = sock_from_file(file);
	f.sk = READ_ONCE(f.sock->sk);
	r = e->socket(e->ctx, &f);
	fput(file);
	return r;
}
