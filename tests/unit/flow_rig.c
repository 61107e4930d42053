/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that are made of the fields that a test sets, for the flow model */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "model/words.h"
#include "socketd/uapi.h"
#include "unit/flow_rig.h"

static int fake_get(void *ctx, enum field_id id, struct value *ret)
{
	const struct fake *f = ctx;

	if (f->values[id].kind == VALUE_NONE)
		return -ENODATA;
	*ret = f->values[id];
	return 0;
}

void fake_text(struct fake *f, enum field_id id, const char *s)
{
	value_set_str(&f->values[id], s, strlen(s));
}

void fake_number(struct fake *f, enum field_id id, uint64_t u)
{
	value_set_u64(&f->values[id], u);
}

void fake_none(struct fake *f, enum field_id id)
{
	f->values[id].kind = VALUE_NONE;
}

void fake_address6(struct fake *f, enum field_id id, const char *ip)
{
	f->values[id].kind = VALUE_ADDR;
	f->values[id].addr.kind = ADDRESS_INET6;
	memcpy(f->values[id].addr.ip, ip, 16);
}

const struct flow_step *fake_step(const struct flow *f, size_t path, const char *name)
{
	for (size_t i = 0; i < f->paths[path].n_steps; i++)
		if (!strcmp(f->paths[path].steps[i].name, name))
			return &f->paths[path].steps[i];
	return NULL;
}

void fake_flow(struct flow *flow, struct fake *f)
{
	const struct flow_source s = { .get = fake_get, .ctx = f };

	memset(flow, 0x55, sizeof(*flow));
	flow_make(flow, &s);
}

/* What all sockets with an inet route have in common here. */
static void routed(struct fake *f)
{
	fake_text(f, F_dst_output, "ip_output");
	fake_text(f, F_dst_dev, "eth0");
	fake_number(f, F_dst_mtu, 1500);
	fake_text(f, F_dev_qdisc, "fq_codel");
	fake_number(f, F_dev_qdisc_qlen, 7);
	fake_number(f, F_dev_tx_queue, 2);
	fake_text(f, F_dev_xmit, "e1000_xmit_frame [e1000]");
	fake_text(f, F_rx_dev, "eth1");
	fake_text(f, F_rx_dst_input, "ip_local_deliver");
}

void fake_sock(struct fake *f)
{
	fake_text(f, F_sk_data_ready, "sock_def_readable");
	fake_number(f, F_sk_receive_queue, 3);
	fake_number(f, F_sk_write_queue, 5);
	fake_number(f, F_sk_wmem_queued, 6400);
	fake_number(f, F_sk_sndbuf, 87040);
	fake_number(f, F_sk_wmem_alloc, 4096);
	fake_number(f, F_sk_rmem_alloc, 2304);
	fake_number(f, F_sk_rcvbuf, 131072);
	fake_number(f, F_sk_backlog, 640);
	fake_number(f, F_recv_q, 321);
	fake_number(f, F_socket_wq_has_waiters, 1);
}

void fake_tcp(struct fake *f)
{
	*f = (struct fake){ 0 };
	fake_number(f, F_holding, SOCKETD_HOLDING_FILE);
	fake_text(f, F_netid, "tcp");
	fake_number(f, F_family, AF_INET);
	fake_number(f, F_state, STATE_ESTABLISHED);
	fake_text(f, F_ops_sendmsg, "inet_sendmsg");
	fake_text(f, F_ops_recvmsg, "inet_recvmsg");
	fake_text(f, F_ops_poll, "tcp_poll");
	fake_text(f, F_prot_sendmsg, "tcp_sendmsg");
	fake_text(f, F_prot_recvmsg, "tcp_recvmsg");
	fake_text(f, F_creator_sendmsg, "tcp_sendmsg");
	fake_text(f, F_creator_recvmsg, "tcp_recvmsg");
	fake_text(f, F_icsk_queue_xmit, "ip_queue_xmit");
	fake_text(f, F_proto_handler, "tcp_v4_rcv");
	fake_text(f, F_sk_backlog_rcv, "tcp_v4_do_rcv");
	fake_number(f, F_tcpi_snd_cwnd, 10);
	fake_number(f, F_rtx_queue, 1);
	routed(f);
	fake_sock(f);
}
