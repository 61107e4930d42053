/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of data through the kernel for the sockets that are not of IP */

#include <string.h>
#include <sys/socket.h>

#include "cli/flow_build.h"
#include "model/cleanup.h"

static void unix_send(struct flow_build *b)
{
	struct flow_step *s;

	if (!flow_enter(b))
		return;
	flow_queue(b, "sk_wmem_alloc", F_sk_wmem_alloc, F_sk_sndbuf)->note = "of this socket: until the peer has read it";
	s = flow_queue(b, "peer's sk_receive_queue", F_peer_receive_queue);
	flow_table(b, F_peer_data_ready);
	s = flow_step(b, FLOW_BEYOND, "peer");
	flow_add(b, s, F_udiag_peer);
	if (!s->n_values)
		s->note = "the one that is connected, or that the message names";
}

static void unix_receive(struct flow_build *b)
{
	struct flow_step *s = flow_step(b, FLOW_BEYOND, "peer");

	flow_add(b, s, F_udiag_peer);
	s->note = "its send(2) does all until the queue: no device, no softirq";
	flow_filter(b);
	flow_add(b, flow_queue(b, "sk_receive_queue", F_sk_receive_queue, F_recv_q, F_sk_rmem_alloc), F_sk_rcvbuf);
	flow_to_process(b);
}

static void unix_accept(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "peer")->note = "its connect(2) does all until the queue";
	flow_fixed(b, "unix_stream_connect");
	flow_queue(b, "sk_receive_queue", F_sk_receive_queue, F_sk_max_ack_backlog)->note = "holds the connections";
	flow_wake(b);
	flow_fixed(b, "unix_accept");
	flow_step(b, FLOW_SYSCALL, "accept(2)");
}

static void netlink_send(struct flow_build *b)
{
	/* Who reads what is sent to port 0, by the protocol's word. */
	static const struct {
		const char *protocol, *input;
	} inputs[] = {
		{ "route", "rtnetlink_rcv" },	    { "sock_diag", "sock_diag_rcv" }, { "genl", "genl_rcv" },
		{ "uevent", "uevent_net_rcv" },	    { "netfilter", "nfnetlink_rcv" }, { "audit", "audit_receive" },
		{ "connector", "cn_rx_skb" },	    { "xfrm", "xfrm_netlink_rcv" },   { "fiblookup", "nl_fib_input" },
		{ "crypto", "crypto_netlink_rcv" },
	};
	char protocol[32] = "";

	if (!flow_enter(b))
		return;
	flow_fixed(b, "netlink_unicast");
	flow_text(b, F_protocol, protocol, sizeof(protocol));
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
		if (!strcmp(protocol, inputs[i].protocol))
			flow_fixed(b, inputs[i].input)->when = "to the kernel, port 0";
	flow_step(b, FLOW_BEYOND, "the kernel, or the receiver's queue");
}

static void netlink_receive(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "the kernel, or a sender");
	flow_fixed(b, "netlink_unicast")->note = "netlink_broadcast for groups";
	flow_filter(b);
	flow_datagram_queue(b);
	flow_to_process(b);
}

static void packet_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	flow_fixed(b, "packet_snd");
	flow_queue(b, "sk_wmem_alloc", F_sk_wmem_alloc, F_sk_sndbuf)->note = "no queue of its own: until the device has sent it";
	flow_device_output(b, F_dev);
}

static void packet_receive(struct flow_build *b)
{
	bool ring;
	char text[16];

	flow_device_input(b, F_dev);
	ring = flow_text(b, F_pdr_rx_ring, text, sizeof(text));
	flow_fixed(b, ring ? "tpacket_rcv" : "packet_rcv")->note = "a copy; the packet goes on to its protocol";
	flow_filter(b);
	if (ring) {
		flow_queue(b, "receive ring", F_sk_drops)->note = "mapped into the process: no recv(2) is needed";
		flow_to_mapping(b);
	} else {
		flow_datagram_queue(b);
		flow_to_process(b);
	}
}

static void vsock_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	flow_step(b, FLOW_BEYOND, "vsock transport")->note = "virtio, vhost, VMCI, Hyper-V or loopback";
}

static void vsock_receive(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "vsock transport")->note = "keeps the queue; sk_receive_queue is of datagrams";
	flow_backlog(b);
	flow_receive_queue(b);
	flow_to_process(b);
}

static void vsock_accept(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "vsock transport");
	flow_fixed(b, "vsock_enqueue_accept");
	flow_accept_queue(b);
	flow_fixed(b, "vsock_accept");
	flow_step(b, FLOW_SYSCALL, "accept(2)");
}

static void xdp_send(struct flow_build *b)
{
	flow_queue(b, "TX ring", F_sk_sndbuf)->note = "mapped into the process";
	if (!flow_enter(b))
		return;
	flow_fixed(b, "xsk_generic_xmit")->note = "with a driver's zero copy: ndo_xsk_wakeup";
	flow_device_output(b, F_dev);
}

static void xdp_receive(struct flow_build *b)
{
	flow_device_input(b, F_dev);
	flow_step(b, FLOW_BEYOND, "XDP program")->note = "its bpf_redirect_map() brings the packet here";
	flow_fixed(b, "xsk_rcv");
	flow_queue(b, "RX ring", F_sk_drops)->note = "mapped into the process: no recv(2) is needed";
	flow_to_mapping(b);
}

enum smc_mode { SMC_RDMA, SMC_FALLBACK, SMC_ISM };

static void smc_send(struct flow_build *b)
{
	uint64_t mode;

	if (!flow_enter(b) || !flow_number(b, F_smc_mode, &mode))
		return;
	if (mode == SMC_FALLBACK) {
		flow_step(b, FLOW_BEYOND, "TCP socket inside")->note = "the peer or the host has no SMC: all goes by TCP";
		return;
	}
	flow_fixed(b, "smc_tx_sendmsg");
	flow_queue(b, "send buffer", F_smc_sndbuf_size);
	flow_fixed(b, "smc_tx_sndbuf_nonempty");
	flow_step(b, FLOW_BEYOND, mode == SMC_RDMA ? "RDMA device" : "ISM device")->note = "writes into the peer's memory: no IP, no qdisc";
}

static void smc_receive(struct flow_build *b)
{
	uint64_t mode;
	struct flow_step *s;

	if (!flow_number(b, F_smc_mode, &mode)) {
		flow_to_process(b);
		return;
	}
	if (mode == SMC_FALLBACK) {
		flow_step(b, FLOW_BEYOND, "TCP socket inside")->note = "the peer or the host has no SMC: all comes by TCP";
	} else {
		flow_step(b, FLOW_BEYOND, mode == SMC_RDMA ? "RDMA device" : "ISM device");
		s = flow_queue(b, "receive buffer", F_smc_rmbe_size);
		s->note = "the peer writes into it";
		flow_fixed(b, "smc_cdc_msg_recv");
	}
	flow_to_process(b);
}

static void smc_accept(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "TCP listener inside");
	flow_fixed(b, "smc_tcp_listen_work");
	flow_accept_queue(b);
	flow_fixed(b, "smc_accept");
	flow_step(b, FLOW_SYSCALL, "accept(2)");
}

static void tipc_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	flow_fixed(b, "tipc_node_xmit");
	flow_step(b, FLOW_BEYOND, "TIPC link");
}

static void tipc_receive(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "TIPC link");
	flow_fixed(b, "tipc_sk_rcv");
	flow_backlog(b);
	flow_receive_queue(b);
	flow_to_process(b);
}

static void can_send(struct flow_build *b)
{
	if (!flow_enter(b))
		return;
	flow_fixed(b, "can_send");
	flow_device_output(b, F_dev);
}

static void can_receive(struct flow_build *b)
{
	flow_device_input(b, F_dev);
	flow_fixed(b, "can_rcv");
	flow_filter(b);
	flow_receive_queue(b);
	flow_to_process(b);
}

/* The kernel's crypto: what comes back is what was sent, transformed. */
static void alg_send(struct flow_build *b)
{
	if (flow_enter(b))
		flow_step(b, FLOW_BEYOND, "crypto API");
}

static void alg_receive(struct flow_build *b)
{
	flow_step(b, FLOW_BEYOND, "crypto API");
	flow_leave(b);
}

static void other_send(struct flow_build *b)
{
	uint64_t n;

	if (flow_enter(b) && flow_number(b, F_sk_write_queue, &n))
		flow_write_queue(b);
}

static void other_receive(struct flow_build *b)
{
	flow_filter(b);
	flow_receive_queue(b);
	flow_to_process(b);
}

/* The last row is of all others. */
const struct flow_way flow_other_ways[] = {
	{ "unix", NULL, AF_UNIX, unix_send, unix_receive, unix_accept },
	{ "netlink", NULL, AF_NETLINK, netlink_send, netlink_receive, NULL },
	{ "packet", NULL, AF_PACKET, packet_send, packet_receive, NULL },
	{ "vsock", NULL, AF_VSOCK, vsock_send, vsock_receive, vsock_accept },
	{ "xdp", NULL, AF_XDP, xdp_send, xdp_receive, NULL },
	{ "smc", NULL, AF_SMC, smc_send, smc_receive, smc_accept },
	{ "tipc", NULL, AF_TIPC, tipc_send, tipc_receive, NULL },
	{ "can", NULL, AF_CAN, can_send, can_receive, NULL },
	{ "alg", NULL, AF_ALG, alg_send, alg_receive, NULL },
	{ "other", NULL, AF_UNSPEC, other_send, other_receive, NULL },
};

const size_t n_flow_other_ways = ARRAY_SIZE(flow_other_ways);
