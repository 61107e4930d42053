/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adding steps to a path, and the layers that many protocols share */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/flow_build.h"
#include "model/words.h"
#include "socketd/uapi.h"

bool flow_number(struct flow_build *b, enum field_id id, uint64_t *ret)
{
	struct value v;

	if (b->source->get(b->source->ctx, id, &v) < 0 || (v.kind != VALUE_U64 && v.kind != VALUE_BOOL))
		return false;
	*ret = v.u;
	return true;
}

bool flow_text(struct flow_build *b, enum field_id id, char *buf, size_t size)
{
	struct value v;
	size_t len;

	if (b->source->get(b->source->ctx, id, &v) < 0 || v.kind != VALUE_STR || v.str.len == 0)
		return false;
	len = v.str.len < size - 1 ? v.str.len : size - 1;
	memcpy(buf, v.str.data, len);
	buf[len] = '\0';
	return true;
}

bool flow_text_is(struct flow_build *b, enum field_id id, const char *text)
{
	char buf[FLOW_NAME_MAX];

	return flow_text(b, id, buf, sizeof(buf)) && !strcmp(buf, text);
}

/* ::ffff:0:0/96 is IPv4 on the wire. */
static bool is_mapped(const struct address *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return a->kind == ADDRESS_INET6 && !memcmp(a->ip, prefix, sizeof(prefix));
}

static bool is_ip6(struct flow_build *b)
{
	struct value v;
	uint64_t family;

	if (!flow_number(b, F_family, &family) || family != AF_INET6)
		return false;
	if (b->source->get(b->source->ctx, F_peer, &v) == 0 && v.kind == VALUE_ADDR && is_mapped(&v.addr))
		return false;
	return b->source->get(b->source->ctx, F_local, &v) < 0 || v.kind != VALUE_ADDR || !is_mapped(&v.addr);
}

void flow_build_init(struct flow_build *b, struct flow *f, const struct flow_source *s)
{
	uint64_t u;

	*b = (struct flow_build){ .flow = f, .source = s };
	flow_text(b, F_netid, b->netid, sizeof(b->netid));
	if (!flow_text(b, F_icsk_ulp, b->ulp, sizeof(b->ulp)))
		flow_text(b, F_ulp_name, b->ulp, sizeof(b->ulp));
	b->state = flow_number(b, F_state, &u) ? (uint32_t)u : 0;
	b->holding = flow_number(b, F_holding, &u) ? (uint32_t)u : SOCKETD_HOLDING_UNKNOWN;
	b->ip6 = is_ip6(b);
}

void flow_path_begin(struct flow_build *b, enum flow_direction d)
{
	b->path = &b->flow->paths[b->flow->n_paths++];
	b->path->direction = d;
}

struct flow_step *flow_step(struct flow_build *b, enum flow_kind kind, const char *name)
{
	struct flow_path *p = b->path;
	struct flow_step *s = &p->steps[p->n_steps < FLOW_STEPS_MAX ? p->n_steps++ : FLOW_STEPS_MAX - 1];

	*s = (struct flow_step){ .kind = kind };
	snprintf(s->name, sizeof(s->name), "%s", name);
	return s;
}

struct flow_step *flow_fixed(struct flow_build *b, const char *function)
{
	return flow_step(b, FLOW_FUNCTION, function);
}

struct flow_step *flow_table(struct flow_build *b, enum field_id id)
{
	char name[FLOW_NAME_MAX];
	struct flow_step *s;

	if (!flow_text(b, id, name, sizeof(name)))
		return NULL;
	s = flow_step(b, FLOW_FUNCTION, name);
	s->field = id;
	return s;
}

struct flow_step *flow_table_or(struct flow_build *b, enum field_id id, const char *function)
{
	struct flow_step *s = flow_table(b, id);

	return s || !function ? s : flow_fixed(b, function);
}

void flow_add(struct flow_build *b, struct flow_step *s, enum field_id id)
{
	struct value v;

	if (s->n_values == FLOW_VALUES_MAX || b->source->get(b->source->ctx, id, &v) < 0)
		return;
	/* Text would be borrowed. */
	if (v.kind == VALUE_STR || (v.kind == VALUE_ADDR && v.addr.kind != ADDRESS_INET && v.addr.kind != ADDRESS_INET6))
		return;
	s->values[s->n_values++] = (struct flow_value){ id, v };
}

struct flow_step *flow_queue_ids(struct flow_build *b, const char *name, const enum field_id *ids)
{
	struct flow_step *s = flow_step(b, FLOW_QUEUE, name);

	for (; *ids != F_none; ids++)
		flow_add(b, s, *ids);
	s->field = s->n_values ? s->values[0].field : F_none;
	return s;
}

static bool is_kernel(const struct flow_build *b)
{
	return b->holding == SOCKETD_HOLDING_KERNEL;
}

bool flow_enter(struct flow_build *b)
{
	char prot[FLOW_NAME_MAX] = "", creator[FLOW_NAME_MAX] = "";
	struct flow_step *s;

	if (is_kernel(b)) {
		flow_step(b, FLOW_BEYOND, "the kernel itself");
		flow_fixed(b, "kernel_sendmsg");
	} else {
		flow_step(b, FLOW_SYSCALL, "send(2)");
	}
	flow_fixed(b, "sock_sendmsg");
	s = flow_table(b, F_ops_sendmsg);
	if (s && !strncmp(s->name, "sock_no_", 8)) {
		b->path->note = "this socket refuses to send: EOPNOTSUPP";
		return false;
	}
	flow_table(b, F_prot_sendmsg);
	flow_text(b, F_prot_sendmsg, prot, sizeof(prot));
	/* What has replaced the protocol's own function hands on to it: kernel TLS, sockmap. */
	if (flow_text(b, F_creator_sendmsg, creator, sizeof(creator)) && strcmp(prot, creator)) {
		s = flow_table(b, F_creator_sendmsg);
		s->note = !strcmp(b->ulp, "tls") ? "of the protocol below, encrypted" : "of the protocol below";
	}
	return true;
}

void flow_leave(struct flow_build *b)
{
	char creator[FLOW_NAME_MAX] = "";
	bool is_tls = !strcmp(b->ulp, "tls"), is_replaced;
	struct flow_step *s;

	is_replaced = flow_text(b, F_creator_recvmsg, creator, sizeof(creator)) && !flow_text_is(b, F_prot_recvmsg, creator);
	/* TLS takes records from TCP's queue itself; sockmap asks TCP when its own queue is empty. */
	if (is_replaced && !is_tls) {
		s = flow_table(b, F_creator_recvmsg);
		s->note = "of the protocol below";
	}
	s = flow_table(b, F_prot_recvmsg);
	if (s && is_replaced && is_tls)
		s->note = "decrypts";
	s = flow_table(b, F_ops_recvmsg);
	if (s && !strncmp(s->name, "sock_no_", 8))
		b->path->note = "this socket refuses to receive: EOPNOTSUPP";
	flow_fixed(b, "sock_recvmsg");
	if (is_kernel(b)) {
		flow_fixed(b, "kernel_recvmsg");
		flow_step(b, FLOW_BEYOND, "the kernel itself");
	} else {
		flow_step(b, FLOW_SYSCALL, "recv(2)");
	}
}

void flow_wake(struct flow_build *b)
{
	struct flow_step *s;

	flow_table(b, F_sk_data_ready);
	flow_queue(b, "socket.wq", F_socket_wq_has_waiters, F_socket_wq_has_fasync);
	s = flow_table(b, F_ops_poll);
	if (s)
		s->when = "for poll(2) and epoll(7)";
}

void flow_receive_queue(struct flow_build *b)
{
	flow_queue(b, "sk_receive_queue", F_sk_receive_queue, F_recv_q, F_sk_rmem_alloc, F_sk_rcvbuf);
}

/* Where bytes to read are told by sk_rmem_alloc only, and what does not fit is dropped. */
void flow_datagram_queue(struct flow_build *b)
{
	flow_queue(b, "sk_receive_queue", F_sk_receive_queue, F_sk_rmem_alloc, F_sk_rcvbuf, F_sk_drops);
}

void flow_write_queue(struct flow_build *b)
{
	flow_queue(b, "sk_write_queue", F_sk_write_queue, F_sk_wmem_queued, F_sk_sndbuf);
}

/* Packets that wait for whoever holds the socket's lock. */
void flow_backlog(struct flow_build *b)
{
	static const char when[] = "while a process holds the lock";
	struct flow_step *s;

	flow_queue(b, "sk_backlog", F_sk_backlog, F_sk_lock)->when = when;
	s = flow_table(b, F_sk_backlog_rcv);
	if (s)
		s->when = when;
}

void flow_to_mapping(struct flow_build *b)
{
	flow_table(b, F_sk_data_ready);
	flow_queue(b, "socket.wq", F_socket_wq_has_waiters, F_socket_wq_has_fasync);
	flow_table(b, F_ops_poll);
	flow_step(b, FLOW_SYSCALL, "poll(2)");
}

void flow_to_process(struct flow_build *b)
{
	flow_wake(b);
	flow_leave(b);
}

/* A listener: handshakes, and connections for accept(2). */
void flow_accept_queue(struct flow_build *b)
{
	flow_queue(b, "accept queue", F_sk_ack_backlog, F_sk_max_ack_backlog);
	flow_wake(b);
}

void flow_filter(struct flow_build *b)
{
	uint64_t n;
	struct flow_step *s;

	if (!flow_number(b, F_sk_filter, &n))
		return;
	s = flow_fixed(b, "sk_filter");
	s->note = "instructions of the attached filter";
	flow_add(b, s, F_sk_filter);
}

void flow_device_output(struct flow_build *b, enum field_id device)
{
	char name[FLOW_NAME_MAX];
	struct flow_step *s;

	flow_fixed(b, "__dev_queue_xmit");
	if (flow_text(b, F_dev_qdisc, name, sizeof(name))) {
		s = flow_queue(b, name, F_dev_qdisc_qlen, F_dev_tx_queue);
		s->field = F_dev_qdisc;
	}
	flow_table(b, F_sk_validate_xmit_skb);
	flow_table(b, F_dev_xmit);
	if (flow_text(b, device, name, sizeof(name))) {
		s = flow_step(b, FLOW_DEVICE, name);
		s->field = device;
	}
}

void flow_device_input(struct flow_build *b, enum field_id device)
{
	char name[FLOW_NAME_MAX];

	if (flow_text(b, device, name, sizeof(name)))
		flow_step(b, FLOW_DEVICE, name)->field = device;
	flow_fixed(b, "__netif_receive_skb");
}

void flow_ip_output(struct flow_build *b, const char *out4, const char *out6)
{
	struct flow_step *s;

	flow_fixed(b, b->ip6 ? out6 : out4);
	s = flow_table(b, F_dst_output);
	if (!s) {
		s = flow_step(b, FLOW_BEYOND, "route");
		s->note = "looked up when a packet is sent";
	} else {
		flow_add(b, s, F_dst_mtu);
		flow_add(b, s, F_dst_gateway);
	}
	flow_device_output(b, F_dst_dev);
}

void flow_ip_input(struct flow_build *b, const char *handler4, const char *handler6)
{
	flow_device_input(b, F_rx_dev);
	flow_fixed(b, b->ip6 ? "ipv6_rcv" : "ip_rcv");
	flow_table_or(b, F_rx_dst_input, b->ip6 ? "ip6_input" : "ip_local_deliver");
	flow_table_or(b, F_proto_handler, b->ip6 ? handler6 : handler4);
}
