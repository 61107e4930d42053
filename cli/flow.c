/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of data through the kernel, by kind of socket: which paths there are, and what is to be known of them */

#include <string.h>
#include <sys/socket.h>

#include "cli/flow_build.h"
#include "model/cleanup.h"
#include "model/words.h"
#include "socketd/uapi.h"

#define SENDING F_ops_sendmsg, F_prot_sendmsg, F_creator_sendmsg, F_icsk_queue_xmit, F_dst_output, F_dst_dev, F_dst_mtu, \
		F_dst_gateway, F_dev_xmit, F_dev_qdisc, F_dev_qdisc_qlen, F_dev_tx_queue, F_sk_validate_xmit_skb
#define RECEIVING F_ops_recvmsg, F_prot_recvmsg, F_creator_recvmsg, F_ops_poll, F_proto_handler, F_encap_rcv, F_rx_dst_input, \
		  F_rx_dev, F_sk_backlog_rcv, F_sk_data_ready, F_sk_filter, F_socket_wq_has_waiters, F_socket_wq_has_fasync, \
		  F_sk_lock
#define QUEUES F_sk_write_queue, F_sk_wmem_queued, F_sk_sndbuf, F_sk_wmem_alloc, F_sk_receive_queue, F_recv_q, F_send_q, \
	       F_sk_rmem_alloc, F_sk_rcvbuf, F_sk_backlog, F_sk_drops, F_syn_queue, F_rtx_queue, F_ooo_queue, F_sk_ack_backlog, \
	       F_sk_max_ack_backlog, F_peer_receive_queue, F_peer_data_ready, F_tcpi_snd_cwnd, F_tcpi_unacked
#define KINDS F_netid, F_family, F_type, F_protocol, F_state, F_holding, F_icsk_ulp, F_ulp_name, F_local, F_local_port, F_peer, \
	      F_peer_port, F_inode, F_dev, F_sk_shutdown, F_udiag_peer, F_mptcpi_subflows, F_smc_mode, F_smc_sndbuf_size, \
	      F_smc_rmbe_size, F_pdr_rx_ring, F_inet_hdrincl

const enum field_id flow_fields[] = { KINDS, SENDING, RECEIVING, QUEUES };
const size_t n_flow_fields = ARRAY_SIZE(flow_fields);

const char *flow_direction_name(enum flow_direction d)
{
	static const char *const names[] = { "send", "receive", "accept" };

	return names[d];
}

const char *flow_kind_name(enum flow_kind k)
{
	static const char *const names[] = { "syscall", "function", "queue", "device", "beyond" };

	return names[k];
}

/* By netid, else by family. */
static const struct flow_way *find_way(struct flow_build *b)
{
	uint64_t family = AF_UNSPEC;
	size_t i;

	for (i = 0; i < n_flow_inet_ways; i++)
		if (!strcmp(flow_inet_ways[i].netid, b->netid))
			return &flow_inet_ways[i];
	flow_number(b, F_family, &family);
	for (i = 0; i < n_flow_other_ways - 1 && flow_other_ways[i].family != family; i++)
		;
	return &flow_other_ways[i];
}

/* Why no data goes this way, or how it differs. Bits of sk_shutdown: 1 receiving, 2 sending. */
static void note_path(struct flow_build *b, uint64_t shut)
{
	struct flow_path *p = b->path;

	if (p->note)
		return;
	if (p->direction == FLOW_SEND && shut & 2)
		p->note = "shut down: send(2) is EPIPE";
	else if (p->direction == FLOW_RECEIVE && shut & 1)
		p->note = "shut down: recv(2) ends with what is queued";
}

static const char *note_flow(struct flow_build *b, const struct flow_way *w)
{
	switch (b->holding) {
	case SOCKETD_HOLDING_UNACCEPTED:
		return "in a listener's queue: no process can send or receive until it is accepted";
	case SOCKETD_HOLDING_ORPHAN:
		return "closed by its process: what is queued is still sent, nothing is read";
	}
	if (b->holding == SOCKETD_HOLDING_UNKNOWN && !strcmp(w->kind, "smc"))
		return "the kernel module has not found it: in fallback its descriptor leads to the TCP socket inside";
	if (b->holding == SOCKETD_HOLDING_UNKNOWN)
		return "the kernel module has not found it: only what the kernel's source says is drawn";
	if (!strcmp(b->ulp, "mptcp"))
		return "a subflow of an MPTCP connection";
	if (w->accept && b->state == STATE_CLOSE && strcmp(w->kind, "unix") && strcmp(w->kind, "sctp"))
		return "not connected: the way that data would take";
	return NULL;
}

/*
 * A TIME-WAIT sock or a request sock. inet_diag.c shows it as FIN-WAIT-2 or SYN-RECV too: a socket in these
 * states that no descriptor leads to is in the tables, so the module has found it.
 */
static bool is_mini(struct flow_build *b)
{
	uint64_t inode;

	if (b->holding == SOCKETD_HOLDING_MINI || b->state == STATE_TIME_WAIT || b->state == STATE_NEW_SYN_RECV)
		return true;
	if (b->holding != SOCKETD_HOLDING_UNKNOWN || (strcmp(b->netid, "tcp") && strcmp(b->netid, "dccp")))
		return false;
	return (b->state == STATE_FIN_WAIT2 || b->state == STATE_SYN_RECV) && !flow_number(b, F_inode, &inode);
}

void flow_make(struct flow *ret, const struct flow_source *s)
{
	struct flow_build b;
	const struct flow_way *w;
	uint64_t shut = 0;

	*ret = (struct flow){ 0 };
	flow_build_init(&b, ret, s);
	w = find_way(&b);
	ret->kind = !strcmp(b.ulp, "tls") ? "tls" : w->kind;
	if (is_mini(&b)) {
		ret->note = "no struct sock stands behind it (TIME-WAIT or a handshake): no data goes through it";
		return;
	}
	flow_number(&b, F_sk_shutdown, &shut);
	if (w->accept && b.state == STATE_LISTEN) {
		flow_path_begin(&b, FLOW_ACCEPT);
		w->accept(&b);
		return;
	}
	ret->note = note_flow(&b, w);
	flow_path_begin(&b, FLOW_SEND);
	w->send(&b);
	note_path(&b, shut);
	flow_path_begin(&b, FLOW_RECEIVE);
	w->receive(&b);
	note_path(&b, shut);
}
