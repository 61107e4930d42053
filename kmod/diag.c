// SPDX-License-Identifier: GPL-2.0-only
/* NETLINK_SOCK_DIAG for AF_UNSPEC: dumps in chunks, and the get of one descriptor */

#include <linux/jiffies.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "socketd.h"

/* The largest message fits; a reader with a larger buffer gets chunks up to 32 KiB, as with any dump. */
#define CHUNK_MIN 8192u
/* The longest that one read walks. */
#define PAUSE_AFTER msecs_to_jiffies(10)

enum phase {
	PHASE_META,
	PHASE_WALK,
	PHASE_TOTALS,
};

/* A dump under way; it belongs to the netlink callback, whose mutex serialises all use of it. */
struct dump {
	struct socketd_query query;
	struct socketd_cursor cursor;
	enum phase phase;
};

/* A message that goes to one place. */
struct sink {
	const struct socketd_query *query;
	struct sk_buff *skb;
	u32 portid;
	u32 seq;
	u16 flags;
};

static int emit_socket(void *ctx, const struct socketd_found *f)
{
	struct sink *s = ctx;

	return socketd_fill_socket(s->skb, s->query, f, s->portid, s->seq, s->flags);
}

static int emit_task(void *ctx, const struct socketd_found_task *t)
{
	struct sink *s = ctx;

	return socketd_fill_task(s->skb, t, s->portid, s->seq);
}

static void dump_free(struct dump *d)
{
	socketd_cursor_free(&d->cursor);
	socketd_query_free(&d->query);
	kfree(d);
}

/*
 * The first chunk is meta alone: Linux 6.1 makes it with a mutex held that all
 * users of sock_diag share. The work is done when the caller reads.
 */
static int dump_meta(struct sk_buff *skb, struct netlink_callback *cb, struct dump *d)
{
	int r = socketd_fill_meta(skb, &d->query, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq);

	if (r)
		return r;
	d->phase = PHASE_WALK;
	return skb->len;
}

/* 0 is the end; a length that there is more. What is in @skb is sent in either case. */
static int dump_totals(struct sk_buff *skb, struct netlink_callback *cb, struct dump *d)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)skb_tail_pointer(skb);
	int r = socketd_fill_totals(skb, &d->cursor.totals, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq);

	if (r == -EMSGSIZE && skb->len)
		return skb->len;
	if (r)
		return r;
	/* NLMSG_DONE gets the flag from two sequences that differ, here by hand. */
	if (d->cursor.uncertain) {
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
		cb->prev_seq = 1;
		cb->seq = 2;
	}
	return 0;
}

static int diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = cb->data;
	struct sink sink = {
		.query = &d->query,
		.skb = skb,
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
	};
	const struct socketd_emitter emitter = { .socket = emit_socket, .task = emit_task, .ctx = &sink };
	int r;

	if (d->phase == PHASE_META)
		return dump_meta(skb, cb, d);
	if (d->phase == PHASE_WALK) {
		d->cursor.pauses = true;
		d->cursor.paused = false;
		d->cursor.pause_at = jiffies + PAUSE_AFTER;
		r = socketd_walk(&d->cursor, &d->query, &emitter);
		if (r < 0)
			return r;
		if (r && !skb->len && d->cursor.paused)
			socketd_fill_progress(skb, sink.portid, sink.seq);
		/* One message that is larger than a chunk would be tried for ever. */
		if (r)
			return skb->len ?: -EMSGSIZE;
		d->phase = PHASE_TOTALS;
	}
	return dump_totals(skb, cb, d);
}

/* From here on the callback owns the dump, and done() ends it. */
static int diag_start(struct netlink_callback *cb)
{
	struct dump **from = cb->data;

	cb->data = *from;
	*from = NULL;
	return 0;
}

static int diag_done(struct netlink_callback *cb)
{
	dump_free(cb->data);
	cb->data = NULL;
	return 0;
}

static int request_dump(struct sk_buff *skb, struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	struct dump *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	struct netlink_dump_control control = {
		.start = diag_start,
		.dump = diag_dump,
		.done = diag_done,
		.data = &d,
		.min_dump_alloc = CHUNK_MIN,
	};
	int r;

	if (!d)
		return -ENOMEM;
	r = socketd_query_parse(&d->query, skb, nlh, extack);
	if (r) {
		kfree(d);
		return r;
	}
	socketd_cursor_init(&d->cursor);
	r = netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb, nlh, &control);
	/* Not taken over: another dump of the same socket is under way, or there was no memory. */
	if (d)
		dump_free(d);
	return r;
}

static int answer_get(const struct socketd_query *q, struct sk_buff *skb, const struct nlmsghdr *nlh)
{
	struct sink sink = {
		.query = q,
		.portid = NETLINK_CB(skb).portid,
		.seq = nlh->nlmsg_seq,
	};
	const struct socketd_emitter emitter = { .socket = emit_socket, .task = emit_task, .ctx = &sink };
	int r;

	sink.skb = nlmsg_new(CHUNK_MIN, GFP_KERNEL);
	if (!sink.skb)
		return -ENOMEM;
	r = socketd_find_fd(q, &emitter);
	if (r) {
		nlmsg_free(sink.skb);
		return r;
	}
	return nlmsg_unicast(sock_net(skb->sk)->diag_nlsk, sink.skb, sink.portid);
}

static int request_get(struct sk_buff *skb, struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	struct socketd_query q;
	int r;

	r = socketd_query_parse(&q, skb, nlh, extack);
	if (r)
		return r;
	if (q.what != SOCKETD_WHAT_SOCKETS || !q.pid || q.fd < 0) {
		NL_SET_ERR_MSG(extack, "without NLM_F_DUMP: only by pid and fd");
		r = -EOPNOTSUPP;
	} else {
		r = answer_get(&q, skb, nlh);
	}
	socketd_query_free(&q);
	return r;
}

/*
 * A request. sock_diag hands no extended acknowledgement to its handlers, so an error that
 * has one is acknowledged here; -EINTR tells netlink that the answer is given.
 */
static int diag_request(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct netlink_ext_ack extack = {};
	int r;

	if ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		r = request_dump(skb, nlh, &extack);
	else
		r = request_get(skb, nlh, &extack);
	if (r >= 0 || r == -EINTR || !(extack._msg || extack.bad_attr))
		return r;
	netlink_ack(skb, nlh, r, &extack);
	return -EINTR;
}

static const struct sock_diag_handler diag_handler = {
	SOCKETD_DIAG_OWNER
	.family = AF_UNSPEC,
	.dump = diag_request,
};

/**
 * socketd_diag_init() - take requests
 *
 * Return: 0, -EBUSY.
 */
int socketd_diag_init(void)
{
	int r = sock_diag_register(&diag_handler);

	if (r == -EBUSY)
		pr_err("socketd_diag: another module answers sock_diag for AF_UNSPEC already\n");
	else if (r)
		pr_err("socketd_diag: sock_diag does not take AF_UNSPEC: %d\n", r);
	return r;
}

/**
 * socketd_diag_exit() - no more requests
 *
 * None is under way then: a dump holds a reference to the module.
 */
void socketd_diag_exit(void)
{
	sock_diag_unregister(&diag_handler);
}
