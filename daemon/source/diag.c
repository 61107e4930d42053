/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests of NETLINK_SOCK_DIAG, one builder for each family */

#include "source/diag.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/smc_diag.h>
#include <linux/sock_diag.h>
#include <linux/tipc_sockets_diag.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <linux/xdp_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "source/module.h"

#define EXT_BIT(e) (1u << ((e) - 1))
#define NO_COOKIE UINT64_MAX /* INET_DIAG_NOCOOKIE in both words: any */

/* Numbers above 8 bits go into an attribute of their own (MPTCP). */
static bool protocol_is_wide(const struct source_def *def)
{
	return def->protocol > UINT8_MAX;
}

static bool asks(const struct request *req, uint32_t group_bits)
{
	return (req->groups & group_bits) != 0;
}

/* INET_DIAG_INFO is one bit, but what comes back differs from protocol to protocol. */
static bool asks_info(const struct source_def *def, const struct request *req)
{
	switch (def->protocol) {
	case IPPROTO_SCTP:
		return asks(req, GROUP_BIT(GROUP_sctp_info));
	case PROTOCOL_MPTCP:
		return asks(req, GROUP_BIT(GROUP_mptcp_info) | GROUP_BIT(GROUP_ulp));
	default:
		return asks(req, GROUP_BIT(GROUP_tcp_info) | GROUP_BIT(GROUP_ulp));
	}
}

static uint8_t inet_ext(const struct source_def *def, const struct request *req)
{
	uint8_t ext = 0;

	if (asks(req, GROUP_BIT(GROUP_skmem)))
		ext |= EXT_BIT(INET_DIAG_SKMEMINFO);
	if (asks(req, GROUP_BIT(GROUP_meminfo)))
		ext |= EXT_BIT(INET_DIAG_MEMINFO);
	if (asks_info(def, req))
		ext |= EXT_BIT(INET_DIAG_INFO);
	if (asks(req, GROUP_BIT(GROUP_cong)))
		ext |= EXT_BIT(INET_DIAG_CONG) | EXT_BIT(INET_DIAG_VEGASINFO);
	if (asks(req, GROUP_BIT(GROUP_tos)))
		ext |= EXT_BIT(INET_DIAG_TOS) | EXT_BIT(INET_DIAG_TCLASS);
	return ext;
}

/*
 * A request for one half of SYN-RECV gets both: they are one state to people.
 * TCP sockets that are bound and nothing else are found by a bit of their own
 * since Linux 6.8, but their rows say CLOSE.
 */
static uint32_t inet_states(uint32_t states)
{
	if (states & STATE_BIT(STATE_CLOSE))
		states |= STATE_BIT(STATE_BOUND_INACTIVE);
	if (states & (STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV)))
		states |= STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV);
	return states;
}

static void cookie_put(uint32_t ret[2], uint64_t cookie)
{
	ret[0] = (uint32_t)cookie;
	ret[1] = (uint32_t)(cookie >> 32);
}

static void inet_put_key(struct inet_diag_req_v2 *r, const struct source_def *def, const struct exact_key *key)
{
	size_t size = def->family == AF_INET6 ? 16 : 4;

	memcpy(r->id.idiag_src, key->local, size);
	memcpy(r->id.idiag_dst, key->peer, size);
	r->id.idiag_sport = htons(key->local_port);
	r->id.idiag_dport = htons(key->peer_port);
	r->id.idiag_if = key->ifindex;
	cookie_put(r->id.idiag_cookie, key->cookie != 0 ? key->cookie : NO_COOKIE);
}

static void inet_put_exact(struct inet_diag_req_v2 *r, const struct source_def *def,
			   const struct source_request *s)
{
	struct exact_key key = {
		.cookie = s->cookie,
		.local_port = s->local_port,
		.peer_port = s->peer_port,
		.ifindex = s->ifindex,
	};

	if (protocol_is_wide(def)) {
		/* mptcp_diag_dump_one() takes the token from here and looks at nothing else. */
		r->id.idiag_cookie[0] = s->token;
		return;
	}
	memcpy(key.local, s->local, sizeof(key.local));
	memcpy(key.peer, s->peer, sizeof(key.peer));
	inet_put_key(r, def, &key);
}

/* The kernel looks at who sends, not at who opened: users get none. */
static bool asks_storages(const struct request *req)
{
	return asks(req, GROUP_BIT(GROUP_bpf)) && req->uid == 0;
}

static void put_inet(struct nlmsghdr *h, const struct source_def *def, const struct request *req,
		     const struct source_request *s, enum diag_form form)
{
	struct inet_diag_req_v2 *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = def->family;
	r->sdiag_protocol = protocol_is_wide(def) ? IPPROTO_RAW : def->protocol;
	r->idiag_ext = inet_ext(def, req);
	r->idiag_states = inet_states(s->states);
	if (form == DIAG_EXACT)
		inet_put_exact(r, def, s);
	if (protocol_is_wide(def))
		mnl_attr_put_u32(h, INET_DIAG_REQ_PROTOCOL, def->protocol);
	if (form == DIAG_DUMP && s->bytecode_len > 0)
		mnl_attr_put(h, INET_DIAG_REQ_BYTECODE, s->bytecode_len, s->bytecode);
	/* An empty nest asks for all maps. */
	if (form != DIAG_DUMP_WIDE && asks_storages(req))
		mnl_attr_nest_end(h, mnl_attr_nest_start(h, INET_DIAG_REQ_SK_BPF_STORAGES));
}

/*
 * The request of Linux before 3.3, which ss uses to this day: it alone walks the
 * TCP table once for both address families (inet_diag_rcv_msg_compat()).
 */
static void put_tcp_both(struct nlmsghdr *h, const struct source_def *def, const struct request *req,
			 const struct source_request *s, enum diag_form form)
{
	struct inet_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	h->nlmsg_type = TCPDIAG_GETSOCK;
	r->idiag_family = AF_INET; /* not looked at */
	r->idiag_ext = inet_ext(def, req);
	r->idiag_states = inet_states(s->states);
	if (form == DIAG_DUMP && s->bytecode_len > 0)
		mnl_attr_put(h, INET_DIAG_REQ_BYTECODE, s->bytecode_len, s->bytecode);
	if (form != DIAG_DUMP_WIDE && asks_storages(req))
		mnl_attr_nest_end(h, mnl_attr_nest_start(h, INET_DIAG_REQ_SK_BPF_STORAGES));
}

static void put_unix(struct nlmsghdr *h, const struct request *req, const struct source_request *s,
		     enum diag_form form)
{
	struct unix_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = AF_UNIX;
	r->udiag_states = s->states;
	r->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;
	if (asks(req, GROUP_BIT(GROUP_af_unix)))
		r->udiag_show |= UDIAG_SHOW_VFS | UDIAG_SHOW_ICONS;
	if (asks(req, GROUP_BIT(GROUP_skmem)))
		r->udiag_show |= UDIAG_SHOW_MEMINFO;
	if (form == DIAG_EXACT) {
		r->udiag_ino = s->inode;
		cookie_put(r->udiag_cookie, s->cookie != 0 ? s->cookie : NO_COOKIE);
	}
}

static void put_netlink(struct nlmsghdr *h)
{
	struct netlink_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = AF_NETLINK;
	r->sdiag_protocol = NDIAG_PROTO_ALL;
	/* The queues are part of the memory figures: no row without them. */
	r->ndiag_show = NDIAG_SHOW_MEMINFO | NDIAG_SHOW_GROUPS | NDIAG_SHOW_FLAGS;
}

static void put_packet(struct nlmsghdr *h, const struct request *req)
{
	struct packet_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = AF_PACKET;
	/* Device and queues are in these two. */
	r->pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO;
	if (asks(req, GROUP_BIT(GROUP_af_packet)))
		r->pdiag_show |= PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT |
				 PACKET_SHOW_FILTER;
}

static void put_vsock(struct nlmsghdr *h, const struct source_request *s)
{
	struct vsock_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = AF_VSOCK;
	r->vdiag_states = s->states;
}

static void put_xdp(struct nlmsghdr *h)
{
	struct xdp_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = AF_XDP;
	r->xdiag_show = XDP_SHOW_INFO | XDP_SHOW_RING_CFG | XDP_SHOW_UMEM | XDP_SHOW_MEMINFO |
			XDP_SHOW_STATS;
}

static void put_smc(struct nlmsghdr *h, const struct source_def *def)
{
	struct smc_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->diag_family = def->family; /* Debian 12's libc has no AF_SMC */
	r->diag_ext = EXT_BIT(SMC_DIAG_CONNINFO) | EXT_BIT(SMC_DIAG_LGRINFO) |
		      EXT_BIT(SMC_DIAG_DMBINFO);
}

static void put_tipc(struct nlmsghdr *h, const struct source_request *s)
{
	struct tipc_sock_diag_req *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	r->sdiag_family = AF_TIPC;
	r->tidiag_states = s->states;
}

enum diag_form diag_first_form(enum source_id id, const struct request *req)
{
	const struct source_request *s = &req->sources[id];
	const struct source_def *def = source_def_get(id);

	if (!s->exact)
		return DIAG_DUMP;
	if (def->kind == KIND_UNIX)
		return s->inode != 0 ? DIAG_EXACT : DIAG_DUMP;
	/* The others answer EOPNOTSUPP without NLM_F_DUMP, and SMC nothing at all. */
	if (def->kind != KIND_INET)
		return DIAG_DUMP;
	if (protocol_is_wide(def))
		return s->token != 0 ? DIAG_EXACT : DIAG_DUMP;
	return s->local_port != 0 || s->peer_port != 0 ? DIAG_EXACT : DIAG_DUMP;
}

struct nlmsghdr *diag_request(void *buf, enum source_id id, const struct request *req, enum diag_form form)
{
	const struct source_request *s = &req->sources[id];
	const struct source_def *def = source_def_get(id);
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	/* An acknowledgement ends an exact answer, so that a kernel that finds nothing to say says so. */
	h->nlmsg_flags = NLM_F_REQUEST | (form == DIAG_EXACT ? NLM_F_ACK : NLM_F_DUMP);

	switch ((enum message_kind)def->kind) {
	case KIND_INET:
		if (id == SOURCE_tcp)
			put_tcp_both(h, def, req, s, form);
		else
			put_inet(h, def, req, s, form);
		return h;
	case KIND_UNIX:
		put_unix(h, req, s, form);
		return h;
	case KIND_NETLINK:
		put_netlink(h);
		return h;
	case KIND_PACKET:
		put_packet(h, req);
		return h;
	case KIND_VSOCK:
		put_vsock(h, s);
		return h;
	case KIND_XDP:
		put_xdp(h);
		return h;
	case KIND_SMC:
		put_smc(h, def);
		return h;
	case KIND_TIPC:
		put_tipc(h, s);
		return h;
	case KIND_MODULE:
		module_put_request(h, &req->module, form == DIAG_DUMP_WIDE);
		return h;
	case KIND_PROC_INET:
	case KIND_COUNT:
		break;
	}
	return NULL;
}

struct nlmsghdr *diag_get(void *buf, enum source_id id, const struct request *req, const struct exact_key *key)
{
	const struct source_def *def = source_def_get(id);
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *r;

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->sdiag_family = def->family;
	r->sdiag_protocol = def->protocol;
	r->idiag_ext = inet_ext(def, req);
	inet_put_key(r, def, key);
	if (asks_storages(req))
		mnl_attr_nest_end(h, mnl_attr_nest_start(h, INET_DIAG_REQ_SK_BPF_STORAGES));
	return h;
}

bool diag_asks_storages(enum source_id id, const struct request *req)
{
	return source_def_get(id)->kind == KIND_INET && asks_storages(req);
}

bool diag_can_have_md5(enum source_id id, const struct request *req)
{
	const struct source_def *def = source_def_get(id);

	/* The kernel adds the keys to INET_DIAG_INFO whether or not ULP was meant. */
	return def->kind == KIND_INET && asks_info(def, req);
}
