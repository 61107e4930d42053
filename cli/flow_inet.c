/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of data through the kernel for the sockets of IP: what net/ipv4, net/ipv6, net/sctp and net/mptcp do in between */

#include <string.h>

#include "cli/flow_build.h"
#include "model/cleanup.h"
#include "model/words.h"

static bool is_subflow(const struct flow_build *b)
{
	return !strcmp(b->ulp, "mptcp");
}

static void tcp_send(struct flow_build *b)
{
	struct flow_step *s;

	if (is_subflow(b)) {
		flow_step(b, FLOW_BEYOND, "MPTCP connection");
		flow_fixed(b, "mptcp_sendmsg_frag");
	} else if (!flow_enter(b)) {
		return;
	}
	flow_write_queue(b);
	s = flow_fixed(b, "tcp_write_xmit");
	flow_add(b, s, F_tcpi_snd_cwnd);
	s = flow_queue(b, "tcp_rtx_queue", F_rtx_queue, F_tcpi_unacked);
	s->when = "until it is acknowledged";
	flow_table_or(b, F_icsk_queue_xmit, b->ip6 ? "inet6_csk_xmit" : "ip_queue_xmit");
	flow_ip_output(b, "ip_local_out", "ip6_xmit");
}

static void tcp_receive(struct flow_build *b)
{
	struct flow_step *s;

	flow_ip_input(b, "tcp_v4_rcv", "tcp_v6_rcv");
	flow_filter(b);
	flow_backlog(b);
	flow_fixed(b, b->state == STATE_ESTABLISHED ? "tcp_rcv_established" : "tcp_rcv_state_process");
	flow_fixed(b, "tcp_data_queue");
	s = flow_queue(b, "out_of_order_queue", F_ooo_queue);
	s->when = "while what is before it is missing";
	flow_receive_queue(b);
	if (is_subflow(b)) {
		flow_table_or(b, F_sk_data_ready, "subflow_data_ready");
		flow_fixed(b, "mptcp_data_ready");
		flow_step(b, FLOW_BEYOND, "MPTCP connection");
		return;
	}
	flow_to_process(b);
}

static void accept_end(struct flow_build *b, const char *prot, const char *ops)
{
	flow_fixed(b, prot);
	flow_fixed(b, ops);
	flow_step(b, FLOW_SYSCALL, "accept(2)");
}

static void tcp_accept(struct flow_build *b)
{
	flow_ip_input(b, "tcp_v4_rcv", "tcp_v6_rcv");
	flow_filter(b);
	/* Without the listener's lock: no backlog. */
	flow_fixed(b, b->ip6 ? "tcp_v6_do_rcv" : "tcp_v4_do_rcv");
	flow_fixed(b, "tcp_rcv_state_process");
	flow_fixed(b, b->ip6 ? "tcp_v6_conn_request" : "tcp_v4_conn_request");
	flow_queue(b, "SYN queue", F_syn_queue);
	flow_fixed(b, "tcp_check_req")->note = "on the last segment of the handshake";
	if (flow_text_is(b, F_sk_data_ready, "subflow_data_ready")) {
		flow_queue(b, "accept queue", F_sk_ack_backlog, F_sk_max_ack_backlog);
		flow_table(b, F_sk_data_ready);
		flow_step(b, FLOW_BEYOND, "MPTCP listener")->note = "its accept(2) takes them from here";
		return;
	}
	flow_accept_queue(b);
	accept_end(b, "inet_csk_accept", "inet_accept");
}

static void dccp_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	flow_write_queue(b);
	flow_fixed(b, "dccp_write_xmit");
	flow_table_or(b, F_icsk_queue_xmit, b->ip6 ? "inet6_csk_xmit" : "ip_queue_xmit");
	flow_ip_output(b, "ip_local_out", "ip6_xmit");
}

static void dccp_receive(struct flow_build *b)
{
	flow_ip_input(b, "dccp_v4_rcv", "dccp_v6_rcv");
	flow_filter(b);
	flow_backlog(b);
	flow_fixed(b, b->state == STATE_ESTABLISHED ? "dccp_rcv_established" : "dccp_rcv_state_process");
	flow_receive_queue(b);
	flow_to_process(b);
}

static void dccp_accept(struct flow_build *b)
{
	flow_ip_input(b, "dccp_v4_rcv", "dccp_v6_rcv");
	flow_filter(b);
	flow_backlog(b);
	flow_fixed(b, b->ip6 ? "dccp_v6_conn_request" : "dccp_v4_conn_request");
	flow_queue(b, "request queue", F_syn_queue);
	flow_fixed(b, "dccp_check_req");
	flow_accept_queue(b);
	accept_end(b, "inet_csk_accept", "inet_accept");
}

static void mptcp_send(struct flow_build *b)
{
	struct flow_step *s;

	if (!flow_enter(b))
		return;
	flow_queue(b, "rtx_queue", F_sk_wmem_queued, F_sk_sndbuf)->note = "of struct mptcp_sock: sent or not, until acknowledged";
	flow_fixed(b, "__mptcp_push_pending");
	flow_fixed(b, "mptcp_sendmsg_frag");
	s = flow_step(b, FLOW_BEYOND, "TCP subflows");
	s->note = "TCP sockets of their own, with ulp mptcp";
	flow_add(b, s, F_mptcpi_subflows);
}

static void mptcp_receive(struct flow_build *b)
{
	struct flow_step *s = flow_step(b, FLOW_BEYOND, "TCP subflows");

	s->note = "TCP sockets of their own, with ulp mptcp";
	flow_add(b, s, F_mptcpi_subflows);
	flow_fixed(b, "subflow_data_ready");
	flow_fixed(b, "mptcp_data_ready");
	flow_receive_queue(b);
	flow_to_process(b);
}

static void mptcp_accept(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "TCP listener")->note = "a TCP socket of its own: SYN and accept queue are there";
	flow_fixed(b, "subflow_data_ready");
	flow_wake(b);
	accept_end(b, "inet_csk_accept", "mptcp_stream_accept");
}

static void sctp_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	flow_queue(b, "outqueue", F_sk_wmem_queued, F_sk_wmem_alloc, F_sk_sndbuf)->note = "of the association";
	flow_fixed(b, "sctp_outq_flush");
	flow_fixed(b, "sctp_packet_transmit");
	flow_fixed(b, b->ip6 ? "sctp_v6_xmit" : "sctp_v4_xmit");
	flow_ip_output(b, "ip_local_out", "ip6_xmit");
}

static void sctp_input(struct flow_build *b)
{
	flow_ip_input(b, "sctp_rcv", "sctp6_rcv");
	flow_filter(b);
	flow_backlog(b);
	flow_fixed(b, "sctp_inq_push");
}

static void sctp_receive(struct flow_build *b)
{
	sctp_input(b);
	flow_fixed(b, "sctp_ulpq_tail_event");
	flow_receive_queue(b);
	flow_to_process(b);
}

static void sctp_accept(struct flow_build *b)
{
	sctp_input(b);
	flow_fixed(b, "sctp_sf_do_5_1D_ce");
	flow_accept_queue(b);
	accept_end(b, "sctp_accept", "inet_accept");
}

/* While data is held back by MSG_MORE or UDP_CORK. */
static void corked(struct flow_build *b)
{
	uint64_t n;

	if (flow_number(b, F_sk_write_queue, &n) && n > 0)
		flow_queue(b, "sk_write_queue", F_sk_write_queue)->when = "while corked";
}

static void udp_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	corked(b);
	flow_fixed(b, b->ip6 ? "udp_v6_send_skb" : "udp_send_skb");
	flow_queue(b, "sk_wmem_alloc", F_sk_wmem_alloc, F_sk_sndbuf)->note = "no queue of its own: until the device has sent it";
	flow_ip_output(b, "ip_send_skb", "ip6_send_skb");
}

static void udp_receive(struct flow_build *b)
{
	struct flow_step *s;

	flow_ip_input(b, !strcmp(b->netid, "udplite") ? "udplite_rcv" : "udp_rcv",
		      !strcmp(b->netid, "udplite") ? "udplitev6_rcv" : "udpv6_rcv");
	flow_fixed(b, b->ip6 ? "udpv6_queue_rcv_skb" : "udp_queue_rcv_skb");
	s = flow_table(b, F_encap_rcv);
	if (s)
		s->note = "takes the packet, or hands it back";
	flow_filter(b);
	flow_fixed(b, "__udp_enqueue_schedule_skb");
	flow_datagram_queue(b);
	flow_to_process(b);
}

static void raw_send(struct flow_build *b)
{
	uint64_t own_header;

	if (!flow_enter(b))
		return;
	if (flow_number(b, F_inet_hdrincl, &own_header) && own_header)
		flow_ip_output(b, "raw_send_hdrinc", "rawv6_send_hdrinc");
	else
		flow_ip_output(b, "ip_push_pending_frames", "ip6_push_pending_frames");
}

static void raw_receive(struct flow_build *b)
{
	flow_device_input(b, F_rx_dev);
	flow_fixed(b, b->ip6 ? "ipv6_rcv" : "ip_rcv");
	flow_table_or(b, F_rx_dst_input, b->ip6 ? "ip6_input" : "ip_local_deliver");
	flow_fixed(b, b->ip6 ? "raw6_local_deliver" : "raw_local_deliver")->note = "a copy; the protocol's own function gets the packet too";
	flow_fixed(b, b->ip6 ? "rawv6_rcv" : "raw_rcv");
	flow_filter(b);
	flow_fixed(b, "sock_queue_rcv_skb_reason");
	flow_datagram_queue(b);
	flow_to_process(b);
}

static void ping_send(struct flow_build *b)
{
	if (flow_enter(b))
		flow_ip_output(b, "ip_push_pending_frames", "ip6_push_pending_frames");
}

static void ping_receive(struct flow_build *b)
{
	flow_ip_input(b, "icmp_rcv", "icmpv6_rcv");
	flow_fixed(b, "ping_rcv");
	flow_filter(b);
	flow_datagram_queue(b);
	flow_to_process(b);
}

const struct flow_way flow_inet_ways[] = {
	{ "tcp", "tcp", 0, tcp_send, tcp_receive, tcp_accept },
	{ "udp", "udp", 0, udp_send, udp_receive, NULL },
	{ "udplite", "udplite", 0, udp_send, udp_receive, NULL },
	{ "raw", "raw", 0, raw_send, raw_receive, NULL },
	{ "ping", "icmp", 0, ping_send, ping_receive, NULL },
	{ "sctp", "sctp", 0, sctp_send, sctp_receive, sctp_accept },
	{ "dccp", "dccp", 0, dccp_send, dccp_receive, dccp_accept },
	{ "mptcp", "mptcp", 0, mptcp_send, mptcp_receive, mptcp_accept },
};

const size_t n_flow_inet_ways = ARRAY_SIZE(flow_inet_ways);
