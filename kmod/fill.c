// SPDX-License-Identifier: GPL-2.0-only
/* Netlink messages: what was found, as include/socketd/uapi.h says */

#include <linux/module.h>
#include <linux/sock_diag.h>
#include <linux/socket.h>
#include <net/netlink.h>

#include "look.h"

/* The head is copied: what follows an odd number of words is not aligned for its u64. */
static struct nlmsghdr *message_begin(struct sk_buff *skb, u32 portid, u32 seq, u16 flags,
				      const struct socketd_message *head)
{
	struct nlmsghdr *nlh = nlmsg_put(skb, portid, seq, SOCK_DIAG_BY_FAMILY, sizeof(*head), flags);

	if (nlh)
		memcpy(nlmsg_data(nlh), head, sizeof(*head));
	return nlh;
}

/* All or nothing. */
static int message_end(struct sk_buff *skb, struct nlmsghdr *nlh, int r)
{
	if (r < 0) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/* Zeroed room for an attribute, filled in place. */
static void *attr_reserve(struct sk_buff *skb, int type, int len)
{
	struct nlattr *attr = nla_reserve(skb, type, len);

	return attr ? memset(nla_data(attr), 0, len) : NULL;
}

/**
 * socketd_fill_meta() - first message of a dump
 * @skb: appended to
 * @q: the query
 * @portid: of the caller
 * @seq: of his request
 *
 * Return: 0, or -EMSGSIZE.
 */
int socketd_fill_meta(struct sk_buff *skb, const struct socketd_query *q, u32 portid, u32 seq)
{
	struct socketd_message head = { .kind = SOCKETD_KIND_META, .netns = q->net->ns.inum };
	struct socketd_meta meta = {
		.version = SOCKETD_UAPI_VERSION,
		.flags = (q->admin ? SOCKETD_META_ADMIN : 0) | (q->tasks ? SOCKETD_META_TASKS : 0),
		.generation = socketd_generation(),
		.netns_cookie = q->net->net_cookie,
	};
	struct nlmsghdr *nlh = message_begin(skb, portid, seq, NLM_F_MULTI, &head);

	if (!nlh)
		return -EMSGSIZE;
	strscpy(meta.module_version, SOCKETD_KMOD_VERSION, sizeof(meta.module_version));
	socketd_kernel_fields(meta.fields);
	return message_end(skb, nlh, nla_put(skb, SOCKETD_A_META, sizeof(meta), &meta));
}

/**
 * socketd_fill_progress() - word that the walk goes on
 * @skb: appended to
 * @portid: of the caller
 * @seq: of his request
 *
 * Return: 0, or -EMSGSIZE.
 */
int socketd_fill_progress(struct sk_buff *skb, u32 portid, u32 seq)
{
	struct socketd_message head = { .kind = SOCKETD_KIND_PROGRESS };
	struct nlmsghdr *nlh = message_begin(skb, portid, seq, NLM_F_MULTI, &head);

	return nlh ? message_end(skb, nlh, 0) : -EMSGSIZE;
}

/**
 * socketd_fill_totals() - last message of a dump
 * @skb: appended to
 * @t: what it says
 * @portid: of the caller
 * @seq: of his request
 *
 * Return: 0, or -EMSGSIZE.
 */
int socketd_fill_totals(struct sk_buff *skb, const struct socketd_totals *t, u32 portid, u32 seq)
{
	struct socketd_message head = { .kind = SOCKETD_KIND_TOTALS };
	struct nlmsghdr *nlh = message_begin(skb, portid, seq, NLM_F_MULTI, &head);

	if (!nlh)
		return -EMSGSIZE;
	return message_end(skb, nlh, nla_put(skb, SOCKETD_A_TOTALS, sizeof(*t), t));
}

/**
 * socketd_fill_task() - a process and descriptors of it
 * @skb: appended to
 * @t: the process
 * @portid: of the caller
 * @seq: of his request
 *
 * Return: 0, or -EMSGSIZE.
 */
int socketd_fill_task(struct sk_buff *skb, const struct socketd_found_task *t, u32 portid, u32 seq)
{
	struct socketd_message head = { .kind = SOCKETD_KIND_TASK };
	struct nlmsghdr *nlh = message_begin(skb, portid, seq, NLM_F_MULTI, &head);
	int r;

	if (!nlh)
		return -EMSGSIZE;
	r = nla_put(skb, SOCKETD_A_TASK, sizeof(t->task), &t->task);
	if (r == 0 && t->n_fds)
		r = nla_put(skb, SOCKETD_A_FDS, t->n_fds * sizeof(*t->fds), t->fds);
	return message_end(skb, nlh, r);
}

static int put_addresses(struct sk_buff *skb, const struct socketd_look *l)
{
	struct sockaddr_storage address;
	int len, r = 0;

	len = socketd_read_local(l, &address);
	if (len)
		r = nla_put(skb, SOCKETD_A_LOCAL, len, &address);
	if (r)
		return r;
	len = socketd_read_peer(l, &address);
	if (len)
		r = nla_put(skb, SOCKETD_A_PEER, len, &address);
	return r;
}

static int put_groups(struct sk_buff *skb, const struct socketd_look *l)
{
	u32 groups = l->q->groups;
	void *room;
	int r;

	if (groups & SOCKETD_GROUP_SKMEM) {
		r = sock_diag_put_meminfo(l->sk, skb, SOCKETD_A_SKMEMINFO);
		if (r)
			return r;
	}
	if (groups & SOCKETD_GROUP_SOCKET) {
		room = attr_reserve(skb, SOCKETD_A_SOCKET, sizeof(struct socketd_socket_fields));
		if (!room)
			return -EMSGSIZE;
		socketd_read_socket(room, l);
	}
	if (groups & SOCKETD_GROUP_SOCK) {
		room = attr_reserve(skb, SOCKETD_A_SOCK, sizeof(struct socketd_sock_fields));
		if (!room)
			return -EMSGSIZE;
		socketd_read_sock(room, l);
	}
	if (groups & SOCKETD_GROUP_FLOW) {
		room = attr_reserve(skb, SOCKETD_A_FLOW, sizeof(struct socketd_flow_fields));
		if (!room)
			return -EMSGSIZE;
		socketd_read_flow(room, l);
	}
	return 0;
}

static int put_name(void *ctx, u16 id, const char *text)
{
	return nla_put(ctx, id, strlen(text), text);
}

static int put_names(struct sk_buff *skb, const struct socketd_look *l)
{
	struct nlattr *nest;
	int r;

	if (!(l->q->groups & SOCKETD_GROUP_NAMES))
		return 0;
	nest = nla_nest_start(skb, SOCKETD_A_NAMES);
	if (!nest)
		return -EMSGSIZE;
	r = socketd_read_names(l, put_name, skb);
	if (r)
		return r;
	if (nla_data(nest) == skb_tail_pointer(skb))
		nla_nest_cancel(skb, nest);
	else
		nla_nest_end(skb, nest);
	return 0;
}

/**
 * socketd_fill_socket() - a socket
 * @skb: appended to
 * @q: the query
 * @f: what the walk found, referenced by it
 * @portid: of the caller
 * @seq: of his request
 * @nlmsg_flags: NLM_F_MULTI in a dump
 *
 * Context: process context, no lock held.
 * Return: 0, or -EMSGSIZE.
 */
int socketd_fill_socket(struct sk_buff *skb, const struct socketd_query *q, const struct socketd_found *f,
			u32 portid, u32 seq, u16 nlmsg_flags)
{
	struct socketd_message head;
	struct socketd_look look;
	struct nlmsghdr *nlh;
	int r;

	socketd_look(&look, q, f);
	socketd_read_head(&head, &look);
	nlh = message_begin(skb, portid, seq, nlmsg_flags, &head);
	if (!nlh)
		return -EMSGSIZE;
	r = put_addresses(skb, &look);
	if (r == 0 && !f->mini)
		r = put_groups(skb, &look);
	if (r == 0 && !f->mini)
		r = put_names(skb, &look);
	return message_end(skb, nlh, r);
}
