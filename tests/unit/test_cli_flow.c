/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli/flow*.c: the way of data for each kind of socket */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "model/cleanup.h"
#include "model/words.h"
#include "socketd/uapi.h"
#include "unit/flow_rig.h"
#include "unit/suites.h"

/* A path in one line: *read from a table, [queue], (side way), <beyond>, {device}. */
static const char *line_of(const struct flow_path *p)
{
	static const struct {
		const char *open, *close;
	} marks[] = { [FLOW_SYSCALL] = { "", "" },
		      [FLOW_FUNCTION] = { "", "" },
		      [FLOW_QUEUE] = { "[", "]" },
		      [FLOW_DEVICE] = { "{", "}" },
		      [FLOW_BEYOND] = { "<", ">" } };
	static char buf[4096];
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->n_steps; i++) {
		const struct flow_step *s = &p->steps[i];
		bool table = s->kind == FLOW_FUNCTION && s->field;

		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s%s%s%s%s%s", i ? " " : "", s->when ? "(" : "",
				      table ? "*" : "", marks[s->kind].open, s->name, marks[s->kind].close, s->when ? ")" : "");
		CU_ASSERT_FATAL(n < sizeof(buf));
	}
	return buf;
}

#define EXPECT_PATH(f, i, want) expect_path(f, i, want, __LINE__)

static void expect_path(const struct flow *f, size_t i, const char *want, int line)
{
	CU_ASSERT_FATAL(i < f->n_paths);
	if (strcmp(line_of(&f->paths[i]), want))
		printf("\n%s:%d\n  is   %s\n  want %s\n", __FILE__, line, line_of(&f->paths[i]), want);
	CU_ASSERT_STRING_EQUAL(line_of(&f->paths[i]), want);
}

#define DOWN "[fq_codel] *e1000_xmit_frame [e1000] {eth0}"
#define UP "{eth1} __netif_receive_skb "
#define TO_RECV "*sock_def_readable [socket.wq] (*tcp_poll) "
#define TCP_DOWN "tcp_write_xmit ([tcp_rtx_queue]) *ip_queue_xmit ip_local_out *ip_output __dev_queue_xmit " DOWN
#define TCP_UP                                                                                                               \
	UP "ip_rcv *ip_local_deliver *tcp_v4_rcv ([sk_backlog]) (*tcp_v4_do_rcv) tcp_rcv_established tcp_data_queue "         \
	   "([out_of_order_queue]) [sk_receive_queue] "

static void test_tcp(void)
{
	struct flow flow;
	struct fake f;
	const struct flow_step *s;

	fake_tcp(&f);
	fake_flow(&flow, &f);
	CU_ASSERT_STRING_EQUAL(flow.kind, "tcp");
	CU_ASSERT_PTR_NULL(flow.note);
	CU_ASSERT_EQUAL(flow.n_paths, 2);
	CU_ASSERT_EQUAL(flow.paths[0].direction, FLOW_SEND);
	CU_ASSERT_EQUAL(flow.paths[1].direction, FLOW_RECEIVE);
	EXPECT_PATH(&flow, 0, "send(2) sock_sendmsg *inet_sendmsg *tcp_sendmsg [sk_write_queue] " TCP_DOWN);
	EXPECT_PATH(&flow, 1, TCP_UP TO_RECV "*tcp_recvmsg *inet_recvmsg sock_recvmsg recv(2)");

	s = fake_step(&flow, 0, "sk_write_queue");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->field, F_sk_write_queue);
	CU_ASSERT_EQUAL_FATAL(s->n_values, 3);
	CU_ASSERT_EQUAL(s->values[0].value.u, 5);
	CU_ASSERT_EQUAL(s->values[1].field, F_sk_wmem_queued);
	CU_ASSERT_EQUAL(s->values[1].value.u, 6400);
	s = fake_step(&flow, 0, "fq_codel");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->field, F_dev_qdisc);
	CU_ASSERT_EQUAL(s->values[0].value.u, 7);
	s = fake_step(&flow, 1, "sk_backlog");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->values[0].value.u, 640);
	CU_ASSERT_STRING_EQUAL(s->when, "while a process holds the lock");
	s = fake_step(&flow, 0, "inet_sendmsg");
	CU_ASSERT_EQUAL(s->field, F_ops_sendmsg);
	s = fake_step(&flow, 0, "sock_sendmsg");
	CU_ASSERT_EQUAL(s->field, F_none);
}

/* What the socket does not tell is left out, not made up. */
static void test_absent(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	for (unsigned id = 1; id < FIELD_COUNT; id++)
		if (id != F_netid && id != F_family && id != F_state)
			fake_none(&f, id);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg [sk_write_queue] tcp_write_xmit ([tcp_rtx_queue]) ip_queue_xmit ip_local_out <route> __dev_queue_xmit");
	EXPECT_PATH(&flow, 1,
		    "__netif_receive_skb ip_rcv ip_local_deliver tcp_v4_rcv ([sk_backlog]) tcp_rcv_established tcp_data_queue "
		    "([out_of_order_queue]) [sk_receive_queue] [socket.wq] sock_recvmsg recv(2)");
	for (size_t i = 0; i < flow.n_paths; i++) {
		for (size_t k = 0; k < flow.paths[i].n_steps; k++) {
			CU_ASSERT_EQUAL(flow.paths[i].steps[k].n_values, 0);
			CU_ASSERT_EQUAL(flow.paths[i].steps[k].field, F_none);
		}
	}
}

static void test_filter_and_shutdown(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_number(&f, F_sk_filter, 4);
	fake_number(&f, F_sk_shutdown, 2);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "sk_filter"));
	CU_ASSERT_EQUAL(fake_step(&flow, 1, "sk_filter")->values[0].value.u, 4);
	CU_ASSERT_PTR_NULL(fake_step(&flow, 0, "sk_filter"));
	CU_ASSERT_STRING_EQUAL(flow.paths[0].note, "shut down: send(2) is EPIPE");
	CU_ASSERT_PTR_NULL(flow.paths[1].note);
	fake_number(&f, F_sk_shutdown, 3);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL(flow.paths[1].note);
}

static void test_ip6(void)
{
	static const char mapped[16] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1";
	static const char loopback[16] = { [15] = 1 };
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_number(&f, F_family, AF_INET6);
	fake_address6(&f, F_local, loopback);
	fake_address6(&f, F_peer, loopback);
	fake_none(&f, F_icsk_queue_xmit);
	fake_none(&f, F_proto_handler);
	fake_none(&f, F_rx_dst_input);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 0, "inet6_csk_xmit"));
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 0, "ip6_xmit"));
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "ipv6_rcv"));
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "tcp_v6_rcv"));
	/* IPv4 on the wire. */
	fake_address6(&f, F_local, mapped);
	fake_address6(&f, F_peer, mapped);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 0, "ip_local_out"));
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "ip_rcv"));
	CU_ASSERT_PTR_NULL(fake_step(&flow, 1, "ipv6_rcv"));
}

static void test_tls(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_text(&f, F_icsk_ulp, "tls");
	fake_text(&f, F_prot_sendmsg, "tls_sw_sendmsg [tls]");
	fake_text(&f, F_prot_recvmsg, "tls_sw_recvmsg [tls]");
	fake_text(&f, F_sk_data_ready, "tls_data_ready [tls]");
	fake_text(&f, F_sk_validate_xmit_skb, "tls_validate_xmit_skb");
	fake_flow(&flow, &f);
	CU_ASSERT_STRING_EQUAL(flow.kind, "tls");
	CU_ASSERT_STRING_EQUAL(fake_step(&flow, 1, "tls_sw_recvmsg [tls]")->note, "decrypts");
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *inet_sendmsg *tls_sw_sendmsg [tls] *tcp_sendmsg [sk_write_queue] tcp_write_xmit ([tcp_rtx_queue]) "
		    "*ip_queue_xmit ip_local_out *ip_output __dev_queue_xmit [fq_codel] *tls_validate_xmit_skb *e1000_xmit_frame [e1000] {eth0}");
	/* TLS reads TCP's queue itself: tcp_recvmsg is not on the way. */
	EXPECT_PATH(&flow, 1,
		    TCP_UP "*tls_data_ready [tls] [socket.wq] (*tcp_poll) *tls_sw_recvmsg [tls] *inet_recvmsg sock_recvmsg recv(2)");
	/* For sending only. */
	fake_text(&f, F_prot_recvmsg, "tcp_recvmsg");
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NULL(fake_step(&flow, 1, "tcp_recvmsg")->note);
	/* A sockmap has no name of its own, and asks TCP. */
	fake_none(&f, F_icsk_ulp);
	fake_text(&f, F_prot_sendmsg, "tcp_bpf_sendmsg");
	fake_text(&f, F_prot_recvmsg, "tcp_bpf_recvmsg");
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 0, "tcp_sendmsg"));
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "tcp_recvmsg"));
}

static void test_listener(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_number(&f, F_state, STATE_LISTEN);
	fake_number(&f, F_syn_queue, 2);
	fake_number(&f, F_sk_ack_backlog, 3);
	fake_number(&f, F_sk_max_ack_backlog, 128);
	fake_flow(&flow, &f);
	CU_ASSERT_EQUAL(flow.n_paths, 1);
	CU_ASSERT_EQUAL(flow.paths[0].direction, FLOW_ACCEPT);
	EXPECT_PATH(&flow, 0,
		    UP "ip_rcv *ip_local_deliver *tcp_v4_rcv tcp_v4_do_rcv tcp_rcv_state_process tcp_v4_conn_request [SYN queue] "
		       "tcp_check_req [accept queue] " TO_RECV "inet_csk_accept inet_accept accept(2)");
	CU_ASSERT_EQUAL(fake_step(&flow, 0, "SYN queue")->values[0].value.u, 2);
	CU_ASSERT_PTR_NULL(flow.note);
	CU_ASSERT_EQUAL(fake_step(&flow, 0, "accept queue")->values[0].value.u, 3);
	CU_ASSERT_EQUAL(fake_step(&flow, 0, "accept queue")->values[1].value.u, 128);
}

/* The TCP listener that stands behind an MPTCP one. */
static void test_subflow_listener(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_number(&f, F_state, STATE_LISTEN);
	fake_text(&f, F_sk_data_ready, "subflow_data_ready");
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NULL(fake_step(&flow, 0, "accept(2)"));
	CU_ASSERT_STRING_EQUAL(flow.paths[0].steps[flow.paths[0].n_steps - 1].name, "MPTCP listener");
}

static void test_no_path(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_number(&f, F_state, STATE_TIME_WAIT);
	fake_flow(&flow, &f);
	CU_ASSERT_EQUAL(flow.n_paths, 0);
	CU_ASSERT_PTR_NOT_NULL(flow.note);
	fake_tcp(&f);
	fake_number(&f, F_holding, SOCKETD_HOLDING_MINI);
	fake_flow(&flow, &f);
	CU_ASSERT_EQUAL(flow.n_paths, 0);
}

/* inet_diag calls a request sock SYN-RECV, and a TIME-WAIT sock what it stands for; of neither the module tells. */
static void test_no_path_in_disguise(void)
{
	static const unsigned states[] = { STATE_SYN_RECV, STATE_FIN_WAIT2 };
	struct flow flow;
	struct fake f;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		fake_tcp(&f);
		fake_number(&f, F_state, states[i]);
		fake_none(&f, F_holding);
		fake_none(&f, F_inode);
		fake_flow(&flow, &f);
		CU_ASSERT_EQUAL(flow.n_paths, 0);
		CU_ASSERT_PTR_NOT_NULL(flow.note);
		/* Somebody holds it, or the module has found it. */
		fake_number(&f, F_inode, 5);
		fake_flow(&flow, &f);
		CU_ASSERT_EQUAL(flow.n_paths, 2);
		fake_none(&f, F_inode);
		fake_number(&f, F_holding, SOCKETD_HOLDING_ORPHAN);
		fake_flow(&flow, &f);
		CU_ASSERT_EQUAL(flow.n_paths, 2);
	}
}

static void test_holding(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_number(&f, F_holding, SOCKETD_HOLDING_UNACCEPTED);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(flow.note);
	CU_ASSERT_PTR_NOT_NULL(strstr(flow.note, "accepted"));
	fake_number(&f, F_holding, SOCKETD_HOLDING_KERNEL);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NULL(fake_step(&flow, 0, "send(2)"));
	CU_ASSERT_STRING_EQUAL(flow.paths[0].steps[1].name, "kernel_sendmsg");
	CU_ASSERT_PTR_NULL(fake_step(&flow, 1, "recv(2)"));
}

static void test_mptcp(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_text(&f, F_netid, "mptcp");
	fake_text(&f, F_prot_sendmsg, "mptcp_sendmsg");
	fake_text(&f, F_prot_recvmsg, "mptcp_recvmsg");
	fake_none(&f, F_creator_sendmsg);
	fake_none(&f, F_creator_recvmsg);
	fake_number(&f, F_mptcpi_subflows, 2);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *inet_sendmsg *mptcp_sendmsg [rtx_queue] __mptcp_push_pending mptcp_sendmsg_frag <TCP subflows>");
	EXPECT_PATH(&flow, 1,
		    "<TCP subflows> subflow_data_ready mptcp_data_ready [sk_receive_queue] " TO_RECV
		    "*mptcp_recvmsg *inet_recvmsg sock_recvmsg recv(2)");
	/* The subflow: not to a process but to its connection. */
	fake_tcp(&f);
	fake_text(&f, F_icsk_ulp, "mptcp");
	fake_text(&f, F_sk_data_ready, "subflow_data_ready");
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0, "<MPTCP connection> mptcp_sendmsg_frag [sk_write_queue] " TCP_DOWN);
	EXPECT_PATH(&flow, 1, TCP_UP "*subflow_data_ready mptcp_data_ready <MPTCP connection>");
}

static void test_udp(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_text(&f, F_netid, "udp");
	fake_text(&f, F_ops_poll, "udp_poll");
	fake_text(&f, F_prot_sendmsg, "udp_sendmsg");
	fake_text(&f, F_prot_recvmsg, "udp_recvmsg");
	fake_text(&f, F_creator_sendmsg, "udp_sendmsg");
	fake_text(&f, F_creator_recvmsg, "udp_recvmsg");
	fake_text(&f, F_proto_handler, "udp_rcv");
	fake_text(&f, F_encap_rcv, "vxlan_rcv [vxlan]");
	fake_number(&f, F_sk_write_queue, 0);
	fake_number(&f, F_sk_drops, 9);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *inet_sendmsg *udp_sendmsg udp_send_skb [sk_wmem_alloc] ip_send_skb *ip_output __dev_queue_xmit " DOWN);
	EXPECT_PATH(&flow, 1,
		    UP "ip_rcv *ip_local_deliver *udp_rcv udp_queue_rcv_skb *vxlan_rcv [vxlan] __udp_enqueue_schedule_skb [sk_receive_queue] "
		       "*sock_def_readable [socket.wq] (*udp_poll) *udp_recvmsg *inet_recvmsg sock_recvmsg recv(2)");
	CU_ASSERT_EQUAL(fake_step(&flow, 1, "sk_receive_queue")->n_values, 4);
	/* Corked. */
	fake_number(&f, F_sk_write_queue, 1);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fake_step(&flow, 0, "sk_write_queue"));
	CU_ASSERT_STRING_EQUAL(fake_step(&flow, 0, "sk_write_queue")->when, "while corked");
}

static void test_sctp_and_raw(void)
{
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_text(&f, F_netid, "sctp");
	fake_text(&f, F_prot_sendmsg, "sctp_sendmsg [sctp]");
	fake_text(&f, F_prot_recvmsg, "sctp_recvmsg [sctp]");
	fake_none(&f, F_creator_sendmsg);
	fake_none(&f, F_creator_recvmsg);
	fake_text(&f, F_proto_handler, "sctp_rcv [sctp]");
	fake_text(&f, F_sk_backlog_rcv, "sctp_backlog_rcv [sctp]");
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *inet_sendmsg *sctp_sendmsg [sctp] [outqueue] sctp_outq_flush sctp_packet_transmit sctp_v4_xmit "
		    "ip_local_out *ip_output __dev_queue_xmit " DOWN);
	EXPECT_PATH(&flow, 1,
		    UP "ip_rcv *ip_local_deliver *sctp_rcv [sctp] ([sk_backlog]) (*sctp_backlog_rcv [sctp]) sctp_inq_push sctp_ulpq_tail_event "
		       "[sk_receive_queue] " TO_RECV "*sctp_recvmsg [sctp] *inet_recvmsg sock_recvmsg recv(2)");
	fake_tcp(&f);
	fake_text(&f, F_netid, "raw");
	fake_none(&f, F_creator_sendmsg);
	fake_none(&f, F_creator_recvmsg);
	fake_text(&f, F_prot_sendmsg, "raw_sendmsg");
	fake_number(&f, F_inet_hdrincl, 1);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0, "send(2) sock_sendmsg *inet_sendmsg *raw_sendmsg raw_send_hdrinc *ip_output __dev_queue_xmit " DOWN);
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "raw_local_deliver"));
	CU_ASSERT_PTR_NULL(fake_step(&flow, 1, "tcp_v4_rcv"));
}

static void local(struct fake *f, unsigned family, const char *netid, const char *send, const char *receive)
{
	*f = (struct fake){ 0 };
	fake_number(f, F_family, family);
	fake_text(f, F_netid, netid);
	fake_text(f, F_ops_sendmsg, send);
	fake_text(f, F_ops_recvmsg, receive);
	fake_sock(f);
}

#define LOCAL_UP "*sock_def_readable [socket.wq] "

static void test_local(void)
{
	struct flow flow;
	struct fake f;

	local(&f, AF_UNIX, "u_str", "unix_stream_sendmsg", "unix_stream_recvmsg");
	fake_number(&f, F_state, STATE_ESTABLISHED);
	fake_number(&f, F_peer_receive_queue, 4);
	fake_text(&f, F_peer_data_ready, "sock_def_readable");
	fake_number(&f, F_udiag_peer, 4711);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *unix_stream_sendmsg [sk_wmem_alloc] [peer's sk_receive_queue] *sock_def_readable <peer>");
	EXPECT_PATH(&flow, 1, "<peer> [sk_receive_queue] " LOCAL_UP "*unix_stream_recvmsg sock_recvmsg recv(2)");
	CU_ASSERT_EQUAL(fake_step(&flow, 0, "peer's sk_receive_queue")->values[0].value.u, 4);
	CU_ASSERT_EQUAL(fake_step(&flow, 0, "peer")->values[0].value.u, 4711);
	fake_number(&f, F_state, STATE_LISTEN);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0, "<peer> unix_stream_connect [sk_receive_queue] " LOCAL_UP "unix_accept accept(2)");

	local(&f, AF_NETLINK, "nl", "netlink_sendmsg", "netlink_recvmsg");
	fake_text(&f, F_protocol, "route");
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *netlink_sendmsg netlink_unicast (rtnetlink_rcv) <the kernel, or the receiver's queue>");
	EXPECT_PATH(&flow, 1,
		    "<the kernel, or a sender> netlink_unicast [sk_receive_queue] " LOCAL_UP "*netlink_recvmsg sock_recvmsg recv(2)");

	local(&f, AF_PACKET, "p_raw", "packet_sendmsg", "packet_recvmsg");
	fake_text(&f, F_dev, "eth0");
	fake_number(&f, F_sk_filter, 12);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0, "send(2) sock_sendmsg *packet_sendmsg packet_snd [sk_wmem_alloc] __dev_queue_xmit {eth0}");
	EXPECT_PATH(&flow, 1,
		    "{eth0} __netif_receive_skb packet_rcv sk_filter [sk_receive_queue] " LOCAL_UP "*packet_recvmsg sock_recvmsg recv(2)");
	fake_text(&f, F_pdr_rx_ring, "ring");
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "tpacket_rcv"));
	CU_ASSERT_PTR_NOT_NULL(fake_step(&flow, 1, "receive ring"));
}

static void test_smc_and_others(void)
{
	struct flow flow;
	struct fake f;

	local(&f, AF_SMC, "smc", "smc_sendmsg [smc]", "smc_recvmsg [smc]");
	fake_number(&f, F_state, STATE_ESTABLISHED);
	fake_number(&f, F_smc_mode, 1);
	fake_flow(&flow, &f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(flow.note);
	CU_ASSERT_PTR_NOT_NULL(strstr(flow.note, "in fallback"));
	EXPECT_PATH(&flow, 0, "send(2) sock_sendmsg *smc_sendmsg [smc] <TCP socket inside>");
	fake_number(&f, F_smc_mode, 0);
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0,
		    "send(2) sock_sendmsg *smc_sendmsg [smc] smc_tx_sendmsg [send buffer] smc_tx_sndbuf_nonempty <RDMA device>");
	/* A family that nothing is known of: only what the socket says. */
	local(&f, 999, "?", "odd_sendmsg", "odd_recvmsg");
	fake_flow(&flow, &f);
	CU_ASSERT_STRING_EQUAL(flow.kind, "other");
	EXPECT_PATH(&flow, 0, "send(2) sock_sendmsg *odd_sendmsg [sk_write_queue]");
	EXPECT_PATH(&flow, 1, "[sk_receive_queue] " LOCAL_UP "*odd_recvmsg sock_recvmsg recv(2)");
	fake_text(&f, F_ops_sendmsg, "sock_no_sendmsg");
	fake_flow(&flow, &f);
	EXPECT_PATH(&flow, 0, "send(2) sock_sendmsg *sock_no_sendmsg");
	CU_ASSERT_PTR_NOT_NULL(flow.paths[0].note);
}

/* A socket of one kind after the other, of which only that is known; and what was asked of it. */
struct asking {
	bool asked[FIELD_COUNT];
	size_t turn;
};

static int asking_get(void *ctx, enum field_id id, struct value *ret)
{
	static const char *const netids[] = { "tcp", "udp", "udplite", "raw", "icmp", "sctp", "dccp", "mptcp" };
	static const unsigned families[] = { AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_XDP, 43, AF_TIPC, AF_CAN, AF_ALG, 999 };
	struct asking *a = ctx;
	size_t kind = a->turn / 2, n = ARRAY_SIZE(netids);

	a->asked[id] = true;
	if (id == F_netid) {
		value_set_str(ret, kind < n ? netids[kind] : "x", kind < n ? strlen(netids[kind]) : 1);
		return 0;
	}
	if (id != F_family && id != F_state && id != F_smc_mode)
		return -ENODATA;
	value_set_u64(ret, id == F_state  ? (a->turn % 2 ? STATE_LISTEN : STATE_ESTABLISHED) :
			   id == F_family ? (kind < n ? AF_INET : families[(kind - n) % ARRAY_SIZE(families)]) : 0);
	return 0;
}

static void test_fields_are_asked_for(void)
{
	struct asking a = { 0 };
	const struct flow_source s = { .get = asking_get, .ctx = &a };
	bool listed[FIELD_COUNT] = { 0 };
	struct flow flow;
	unsigned n = 0;

	for (a.turn = 0; a.turn < 40; a.turn++)
		flow_make(&flow, &s);
	for (size_t i = 0; i < n_flow_fields; i++)
		listed[flow_fields[i]] = true;
	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		if (a.asked[id] && !listed[id])
			printf("\n%s is looked at and not asked for\n", field_get(id)->name);
		CU_ASSERT(!a.asked[id] || listed[id]);
		n += a.asked[id];
	}
	CU_ASSERT(n > 40);
}

void suite_cli_flow(void)
{
	CU_pSuite s = CU_add_suite("cli_flow", NULL, NULL);

	CU_add_test(s, "TCP", test_tcp);
	CU_add_test(s, "absent values are left out", test_absent);
	CU_add_test(s, "a filter, and what is shut down", test_filter_and_shutdown);
	CU_add_test(s, "IPv6, and IPv4 in it", test_ip6);
	CU_add_test(s, "kernel TLS and sockmap", test_tls);
	CU_add_test(s, "a listener", test_listener);
	CU_add_test(s, "the TCP listener of an MPTCP one", test_subflow_listener);
	CU_add_test(s, "TIME-WAIT has no path", test_no_path);
	CU_add_test(s, "no path, and a state that does not say it", test_no_path_in_disguise);
	CU_add_test(s, "unaccepted and kernel sockets", test_holding);
	CU_add_test(s, "MPTCP and its subflows", test_mptcp);
	CU_add_test(s, "UDP", test_udp);
	CU_add_test(s, "SCTP and raw", test_sctp_and_raw);
	CU_add_test(s, "UNIX, netlink, packet", test_local);
	CU_add_test(s, "SMC, and families that nothing is known of", test_smc_and_others);
	CU_add_test(s, "what it looks at is asked for", test_fields_are_asked_for);
}
