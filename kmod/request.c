// SPDX-License-Identifier: GPL-2.0-only
/* From a request, or an open file, to a query: what is asked for and what its caller may know */

#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <net/netlink.h>
#include <net/tcp.h>

#include "socketd.h"

#define FAMILIES_ALL ((1ULL << AF_MAX) - 1)
#define KEYS_SIZE_MAX (SOCKETD_KEYS_MAX * sizeof(u64))

/* Not const: Linux 6.1 points at them with a plain pointer. */
static struct netlink_range_validation range_families = { .min = 1, .max = FAMILIES_ALL };
static struct netlink_range_validation range_pid = { .min = 1, .max = S32_MAX };
static struct netlink_range_validation range_fd = { .min = 0, .max = S32_MAX };

static const struct nla_policy request_policy[SOCKETD_REQ_MAX + 1] = {
	[SOCKETD_REQ_FAMILIES] = NLA_POLICY_FULL_RANGE(NLA_U64, &range_families),
	[SOCKETD_REQ_COOKIES] = NLA_POLICY_RANGE(NLA_BINARY, sizeof(u64), KEYS_SIZE_MAX),
	[SOCKETD_REQ_INODES] = NLA_POLICY_RANGE(NLA_BINARY, sizeof(u64), KEYS_SIZE_MAX),
	[SOCKETD_REQ_PID] = NLA_POLICY_FULL_RANGE(NLA_U32, &range_pid),
	[SOCKETD_REQ_FD] = NLA_POLICY_FULL_RANGE(NLA_U32, &range_fd),
	[SOCKETD_REQ_ACTIVE_MSEC] = NLA_POLICY_MIN(NLA_U32, 1),
};

static int compare_keys(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static bool has_key(const u64 *keys, u32 n, u64 key)
{
	u32 low = 0, high = n;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (keys[middle] == key)
			return true;
		if (keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int parse_keys(u64 **ret_keys, u32 *ret_n, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	u64 *keys;

	if (!attr)
		return 0;
	if (nla_len(attr) % sizeof(u64)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "keys are of 8 bytes each");
		return -EINVAL;
	}
	keys = kmemdup(nla_data(attr), nla_len(attr), GFP_KERNEL_ACCOUNT);
	if (!keys)
		return -ENOMEM;
	*ret_n = nla_len(attr) / sizeof(u64);
	sort(keys, *ret_n, sizeof(u64), compare_keys, NULL);
	*ret_keys = keys;
	return 0;
}

/* The fixed part: what is not known to this version is refused by name. */
static int parse_head(struct socketd_query *q, const struct socketd_request *req, struct netlink_ext_ack *extack)
{
	if (req->magic != SOCKETD_UAPI_MAGIC) {
		NL_SET_ERR_MSG(extack, "magic: not a request of socketd");
		return -EINVAL;
	}
	if (req->version != SOCKETD_UAPI_VERSION) {
		SOCKETD_REFUSE_BITS(extack, NULL, "version: this module has another", req->version);
		return -EPROTONOSUPPORT;
	}
	if (req->sdiag_protocol) {
		SOCKETD_REFUSE_BITS(extack, NULL, "sdiag_protocol: not 0", req->sdiag_protocol);
		return -EINVAL;
	}
	if (req->what != SOCKETD_WHAT_SOCKETS && req->what != SOCKETD_WHAT_TASKS) {
		SOCKETD_REFUSE_BITS(extack, NULL, "what: unknown", req->what);
		return -EINVAL;
	}
	if (req->walks & ~SOCKETD_WALKS_ALL) {
		SOCKETD_REFUSE_BITS(extack, NULL, "walks: unknown bits", req->walks & ~SOCKETD_WALKS_ALL);
		return -EINVAL;
	}
	if (req->groups & ~SOCKETD_GROUPS_ALL) {
		SOCKETD_REFUSE_BITS(extack, NULL, "groups: unknown bits", req->groups & ~SOCKETD_GROUPS_ALL);
		return -EINVAL;
	}
	if (req->flags & ~SOCKETD_FLAGS_ALL) {
		SOCKETD_REFUSE_BITS(extack, NULL, "flags: unknown bits", req->flags & ~SOCKETD_FLAGS_ALL);
		return -EINVAL;
	}
	q->what = req->what;
	q->walks = req->walks;
	q->groups = req->groups;
	q->states = req->states;
	q->flags = req->flags;
	return 0;
}

static int parse_attrs(struct socketd_query *q, struct nlattr *tb[], struct netlink_ext_ack *extack)
{
	int r;

	if (tb[SOCKETD_REQ_FAMILIES])
		q->families = nla_get_u64(tb[SOCKETD_REQ_FAMILIES]);
	if (tb[SOCKETD_REQ_PID])
		q->pid = nla_get_u32(tb[SOCKETD_REQ_PID]);
	if (tb[SOCKETD_REQ_FD]) {
		if (!q->pid) {
			NL_SET_ERR_MSG_ATTR(extack, tb[SOCKETD_REQ_FD], "a descriptor is asked for with its pid");
			return -EINVAL;
		}
		q->fd = nla_get_u32(tb[SOCKETD_REQ_FD]);
	}
	if (tb[SOCKETD_REQ_ACTIVE_MSEC])
		q->active_msec = nla_get_u32(tb[SOCKETD_REQ_ACTIVE_MSEC]);
	r = parse_keys(&q->cookies, &q->n_cookies, tb[SOCKETD_REQ_COOKIES], extack);
	if (!r)
		r = parse_keys(&q->inodes, &q->n_inodes, tb[SOCKETD_REQ_INODES], extack);
	/* No table says who holds a socket: what a process holds, its descriptors say. */
	if (q->pid)
		q->walks = SOCKETD_WALK_TASKS;
	return r;
}

static bool is_process(const struct socketd_query *q)
{
	bool found;

	rcu_read_lock();
	found = pid_task(find_pid_ns(q->pid, q->pid_ns), PIDTYPE_TGID);
	rcu_read_unlock();
	return found;
}

/*
 * Decides what the caller may know. The capabilities are those of the sender and of
 * who opened the socket, both, so that neither a passed descriptor nor a
 * privileged writer can be made use of.
 */
static int decide(struct socketd_query *q, struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	q->admin = netlink_net_capable(skb, CAP_NET_ADMIN);
	q->tasks = q->admin && netlink_ns_capable(skb, &init_user_ns, CAP_SYS_PTRACE);

	if ((q->flags & SOCKETD_FLAG_ALL_NETNS) && !netlink_capable(skb, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack, "all network namespaces: CAP_NET_ADMIN in the initial user namespace is needed");
		return -EPERM;
	}
	if ((q->what == SOCKETD_WHAT_TASKS || q->pid) && !q->tasks) {
		NL_SET_ERR_MSG(extack, "tasks and pids: CAP_NET_ADMIN, and CAP_SYS_PTRACE in the initial user namespace, are needed");
		return -EPERM;
	}
	/* Only now: who may not ask for tasks does not learn which there are. */
	if (q->pid && !is_process(q)) {
		NL_SET_ERR_MSG(extack, "pid: no such process");
		return -ESRCH;
	}
	return 0;
}

/**
 * socketd_query_parse() - check a request and decide its caller's privilege
 * @q: filled; on success socketd_query_free() it
 * @skb: the request, in the context of its sender
 * @nlh: its header
 * @extack: says what was refused
 *
 * Return: 0, -EINVAL, -EPROTONOSUPPORT, -EPERM, -ESRCH, -ENOMEM.
 */
int socketd_query_parse(struct socketd_query *q, struct sk_buff *skb, const struct nlmsghdr *nlh,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[SOCKETD_REQ_MAX + 1];
	int r;

	memset(q, 0, sizeof(*q));
	q->net = sock_net(NETLINK_CB(skb).sk);
	q->families = FAMILIES_ALL;
	q->fd = -1;

	if (nlmsg_len(nlh) < (int)sizeof(struct socketd_request)) {
		NL_SET_ERR_MSG(extack, "shorter than a request");
		return -EINVAL;
	}
	r = parse_head(q, nlmsg_data(nlh), extack);
	if (r)
		return r;
	r = nlmsg_parse(nlh, sizeof(struct socketd_request), tb, SOCKETD_REQ_MAX, request_policy, extack);
	if (r)
		return r == -ERANGE ? -EINVAL : r;

	q->user_ns = get_user_ns(sk_user_ns(NETLINK_CB(skb).sk));
	q->pid_ns = get_pid_ns(task_active_pid_ns(current));
	r = parse_attrs(q, tb, extack);
	if (!r)
		r = decide(q, skb, extack);
	if (r)
		socketd_query_free(q);
	return r;
}

/**
 * socketd_query_init_proc() - everything of a namespace, for whoever opened a file of it
 * @q: filled; socketd_query_free() it
 * @net: held by the file
 * @file: of procfs; its opener's credentials decide, whoever reads
 */
void socketd_query_init_proc(struct socketd_query *q, struct net *net, const struct file *file)
{
	*q = (struct socketd_query){
		.net = net,
		.user_ns = get_user_ns(file->f_cred->user_ns),
		.pid_ns = get_pid_ns(proc_pid_ns(file_inode(file)->i_sb)),
		.what = SOCKETD_WHAT_SOCKETS,
		.walks = SOCKETD_WALKS_ALL,
		.groups = SOCKETD_GROUPS_DEFAULT,
		.states = SOCKETD_STATES_ALL,
		.families = FAMILIES_ALL,
		.fd = -1,
		.admin = file_ns_capable(file, net->user_ns, CAP_NET_ADMIN),
	};
	q->tasks = q->admin && file_ns_capable(file, &init_user_ns, CAP_SYS_PTRACE);
}

/**
 * socketd_query_free() - drop what a query holds
 * @q: as the two above filled it; process context
 */
void socketd_query_free(struct socketd_query *q)
{
	kfree(q->cookies);
	kfree(q->inodes);
	put_pid_ns(q->pid_ns);
	put_user_ns(q->user_ns);
	memset(q, 0, sizeof(*q));
}

/* TCP keeps the times of the last data; 0 is never. Plain reads, as those of tcp_get_info(). */
static bool is_active(const struct sock *sk, u32 msec)
{
	u32 now = tcp_jiffies32;
	u32 sent, received;

	if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM || READ_ONCE(sk->sk_state) == TCP_LISTEN)
		return true;
	if (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)
		return true;
	sent = READ_ONCE(tcp_sk(sk)->lsndtime);
	received = READ_ONCE(inet_csk(sk)->icsk_ack.lrcvtime);
	return (sent && now - sent <= msecs_to_jiffies(msec)) ||
	       (received && now - received <= msecs_to_jiffies(msec));
}

/**
 * socketd_query_wants() - whether a socket is asked for
 * @q: the query
 * @sk: referenced, or under the lock that keeps it in its table
 *
 * Of a TIME-WAIT or request sock it reads sock_common only. Never makes a cookie:
 * one that nobody was told cannot be asked for.
 *
 * Context: any; takes sk_callback_lock for reading when inodes are asked for.
 */
bool socketd_query_wants(const struct socketd_query *q, struct sock *sk)
{
	unsigned int state = READ_ONCE(sk->sk_state);

	if (!(q->flags & SOCKETD_FLAG_ALL_NETNS) && !net_eq(sock_net(sk), q->net))
		return false;
	if (!(q->families & 1ULL << READ_ONCE(sk->sk_family)))
		return false;
	if (q->states != SOCKETD_STATES_ALL && (state > 31 || !(q->states & 1U << state)))
		return false;
	if (q->n_cookies && !has_key(q->cookies, q->n_cookies, atomic64_read(&sk->sk_cookie)))
		return false;
	if (socketd_is_mini(sk))
		return !q->n_inodes;
	if (q->n_inodes && !has_key(q->inodes, q->n_inodes, sock_i_ino(sk)))
		return false;
	return !q->active_msec || is_active(sk, q->active_msec);
}
