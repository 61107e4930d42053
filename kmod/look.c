// SPDX-License-Identifier: GPL-2.0-only
/* A look at a socket: head, queues, addresses, and the copy of what stands behind a lock */

#include <linux/cred.h>
#include <linux/if_packet.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/user_namespace.h>
#include <net/af_unix.h>
#include <net/af_vsock.h>
#include <net/ipv6.h>
#include <net/udp.h>

#include "look.h"

/*
 * Device and ethertype are in a struct of net/packet's own. Its getname tells
 * both, takes nothing but RCU, and needs sock->sk to be the socket still: that
 * is so until after sock_orphan(), see copy_socket().
 */
static void copy_packet(struct socketd_look *l, struct socket *sock, const struct proto_ops *ops)
{
	struct sockaddr_storage address = {};
	struct sockaddr_ll *ll = (struct sockaddr_ll *)&address;

	/* The type of 1995, SOCK_PACKET, tells a name instead. */
	if (READ_ONCE(l->sk->sk_family) != AF_PACKET || l->sk->sk_type == SOCK_PACKET)
		return;
	if (ops->getname(sock, (struct sockaddr *)&address, 0) < (int)offsetof(struct sockaddr_ll, sll_hatype))
		return;
	if (ll->sll_ifindex > 0)
		l->packet_ifindex = ll->sll_ifindex;
	l->packet_protocol = ntohs(ll->sll_protocol);
}

static void copy_file(struct socketd_look *l, struct file *file)
{
	if (!file)
		return;
	l->has_file = true;
	l->socket.file_flags = READ_ONCE(file->f_flags);
	l->socket.file_count = file_count(file);
}

/*
 * The caller has either a reference to the file of the socket, or is in an RCU
 * read section and read-holds sk_callback_lock, with sk->sk_socket being @sock.
 * A protocol's release calls sock_orphan(), which write-locks it to clear
 * sk_socket, before __sock_release() lets go of the operations' module, of
 * sock->sk and of the inode: all of them are there until the caller lets go.
 * Only MPTCP takes its socket from its subflows without that lock. RCU keeps the
 * inode, the file and MPTCP's operations then; sock->sk may be gone.
 */
static void copy_socket(struct socketd_look *l, struct socket *sock, struct file *file)
{
	const struct proto_ops *ops = READ_ONCE(sock->ops);

	l->has_socket = true;
	l->inode = SOCK_INODE(sock)->i_ino;
	l->uid = SOCK_INODE(sock)->i_uid;
	if (ops)
		copy_packet(l, sock, ops);
	if (!l->q->admin || !(l->q->groups & (SOCKETD_GROUP_SOCKET | SOCKETD_GROUP_FLOW)))
		return;
	l->socket.state = READ_ONCE(sock->state);
	l->socket.type = sock->type;
	l->socket.flags = READ_ONCE(sock->flags);
	l->socket.wq_flags = READ_ONCE(sock->wq.flags);
	/* No barrier: it is a hint, nobody is woken by it. */
	l->socket.has_waiters = waitqueue_active(&sock->wq.wait);
	l->socket.has_fasync = READ_ONCE(sock->wq.fasync_list);
	/* Another one when this is a subflow of MPTCP: absent, for nothing keeps that. */
	if (READ_ONCE(sock->sk) == l->sk)
		l->socket.cookie = socketd_cookie(l->sk);
	copy_file(l, file);
	if (!ops)
		return;
	if (ops->owner)
		strscpy(l->socket.owner, ops->owner->name, sizeof(l->socket.owner));
	l->socket.sendmsg = ops->sendmsg;
	l->socket.recvmsg = ops->recvmsg;
	l->socket.poll = ops->poll;
}

/*
 * sk_peer_lock keeps pid and credentials there. Sockets that never had any are
 * told by the pointer: a connection that a listener made has a copy of the
 * listener's lock, perhaps of the moment when somebody held it.
 */
static void copy_peer(struct socketd_look *l)
{
	const struct socketd_query *q = l->q;
	struct sock *sk = l->sk;

	if (!q->admin || !(q->groups & SOCKETD_GROUP_SOCK) || !READ_ONCE(sk->sk_peer_pid))
		return;
	spin_lock(&sk->sk_peer_lock);
	if (sk->sk_peer_cred) {
		l->has_peer = true;
		l->peer.pid = pid_nr_ns(sk->sk_peer_pid, q->pid_ns);
		l->peer.uid = from_kuid_munged(q->user_ns, sk->sk_peer_cred->euid);
		l->peer.gid = from_kgid_munged(q->user_ns, sk->sk_peer_cred->egid);
	}
	spin_unlock(&sk->sk_peer_lock);
}

/**
 * socketd_look() - takes a look at a socket
 * @ret: filled
 * @q: for whom
 * @f: the socket, referenced by the caller until he is done with @ret
 *
 * Context: process context, no lock held.
 */
void socketd_look(struct socketd_look *ret, const struct socketd_query *q, const struct socketd_found *f)
{
	struct sock *sk = f->sk;
	struct socket *sock;

	memset(ret, 0, sizeof(*ret));
	ret->f = f;
	ret->q = q;
	ret->sk = sk;
	if (f->mini)
		return;
	if (f->sock) {
		copy_socket(ret, f->sock, f->file);
	} else {
		rcu_read_lock();
		read_lock_bh(&sk->sk_callback_lock);
		sock = READ_ONCE(sk->sk_socket);
		if (sock)
			copy_socket(ret, sock, READ_ONCE(sock->file));
		read_unlock_bh(&sk->sk_callback_lock);
		rcu_read_unlock();
	}
	copy_peer(ret);
}

static bool is_inet(const struct sock *sk)
{
	u16 family = READ_ONCE(sk->sk_family);

	return family == AF_INET || family == AF_INET6;
}

/* As the kernel's own diag modules count them: sock_diag shows the same numbers. */
static void read_queues(struct socketd_message *m, struct sock *sk)
{
	if (m->state == TCP_LISTEN) {
		m->recv_q = m->family == AF_UNIX ? skb_queue_len_lockless(&sk->sk_receive_queue) :
						   READ_ONCE(sk->sk_ack_backlog);
		m->send_q = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}
	m->recv_q = sk_rmem_alloc_get(sk);
	m->send_q = sk_wmem_alloc_get(sk);
	if (m->family == AF_UNIX) {
		/* Takes the queue's lock. Negative when it has become a listener. */
		m->recv_q = max(unix_inq_len(sk), 0L);
	} else if (is_inet(sk) && sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP) {
		const struct tcp_sock *tp = tcp_sk(sk);

		m->recv_q = max_t(int, READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq), 0);
		m->send_q = READ_ONCE(tp->write_seq) - READ_ONCE(tp->snd_una);
	} else if (is_inet(sk) && sk->sk_type == SOCK_DGRAM &&
		   (sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE)) {
		m->recv_q = udp_rqueue_get(sk);
	}
}

/**
 * socketd_read_head() - head of a socket's message
 * @ret: filled; kind is SOCKET
 * @l: the socket; of a mini one only sock_common is read
 */
void socketd_read_head(struct socketd_message *ret, const struct socketd_look *l)
{
	struct sock *sk = l->sk;

	memset(ret, 0, sizeof(*ret));
	ret->kind = SOCKETD_KIND_SOCKET;
	ret->family = READ_ONCE(sk->sk_family);
	ret->state = READ_ONCE(sk->sk_state);
	ret->holding = l->f->holding;
	ret->ifindex = READ_ONCE(sk->sk_bound_dev_if);
	ret->netns = sock_net(sk)->ns.inum;
	ret->cookie = socketd_cookie(sk);
	if (l->f->pid && l->q->tasks) {
		ret->flags |= SOCKETD_MSG_HELD;
		ret->pid = l->f->pid;
		ret->fd = l->f->fd;
	}
	if (l->f->mini) {
		/* Only TCP's tables are walked where there are such. */
		ret->flags |= SOCKETD_MSG_MINI;
		ret->type = SOCK_STREAM;
		ret->protocol = IPPROTO_TCP;
		return;
	}
	ret->type = sk->sk_type;
	ret->protocol = sk->sk_protocol;
	if (ret->family == AF_PACKET) {
		ret->protocol = l->packet_protocol;
		ret->ifindex = l->packet_ifindex;
	}
	if (l->has_socket) {
		ret->flags |= SOCKETD_MSG_UID;
		ret->uid = from_kuid_munged(l->q->user_ns, l->uid);
		ret->inode = l->inode;
	}
	read_queues(ret, sk);
}

/* connect() can change an address half-way through: a torn one is told as it was read. */
static int inet_address(const struct sock *sk, bool peer, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	__be16 port = peer ? READ_ONCE(sk->sk_dport) : htons(READ_ONCE(sk->sk_num));

#if IS_ENABLED(CONFIG_IPV6)
	if (READ_ONCE(sk->sk_family) == AF_INET6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		in6->sin6_addr = peer ? sk->sk_v6_daddr : sk->sk_v6_rcv_saddr;
		in6->sin6_scope_id = ipv6_iface_scope_id(&in6->sin6_addr, READ_ONCE(sk->sk_bound_dev_if));
		return peer && !port && ipv6_addr_any(&in6->sin6_addr) ? 0 : sizeof(*in6);
	}
#endif
	in->sin_family = AF_INET;
	in->sin_port = port;
	in->sin_addr.s_addr = peer ? READ_ONCE(sk->sk_daddr) : READ_ONCE(sk->sk_rcv_saddr);
	return peer && !port && !in->sin_addr.s_addr ? 0 : sizeof(*in);
}

/* A name is set once, filled before it is published, and lives as long as the sock. */
static int unix_address_of(struct sock *sk, struct sockaddr_storage *ret)
{
	/* Pairs with the release in unix_bind_bsd() and its like. */
	struct unix_address *address = smp_load_acquire(&unix_sk(sk)->addr);

	if (!address || address->len <= (int)sizeof(sa_family_t) || address->len > (int)sizeof(struct sockaddr_un))
		return 0;
	memcpy(ret, address->name, address->len);
	return address->len;
}

static int unix_peer_address(struct sock *sk, struct sockaddr_storage *ret)
{
	/* Takes the state lock for as long as it needs to reference the peer. */
	struct sock *other = unix_peer_get(sk);
	int len;

	if (!other)
		return 0;
	len = unix_address_of(other, ret);
	sock_put(other);
	return len;
}

static int vsock_address_of(struct sock *sk, bool peer, struct sockaddr_storage *ret)
{
	const struct vsock_sock *vsk = vsock_sk(sk);
	struct sockaddr_vm *vm = (struct sockaddr_vm *)ret;

	*vm = peer ? vsk->remote_addr : vsk->local_addr;
	if (vm->svm_port == VMADDR_PORT_ANY || (peer && vm->svm_cid == VMADDR_CID_ANY))
		return 0;
	vm->svm_family = AF_VSOCK;
	return sizeof(*vm);
}

/* net/can does not keep the protocol's number in the socket: its name is left. */
static bool is_can_named(const struct sock *sk)
{
	const char *name = sk->sk_prot_creator->name;

	return !strcmp(name, "CAN_RAW") || !strcmp(name, "CAN_ISOTP");
}

/*
 * Only these getname functions: netlink's takes a spin lock of its own, those
 * of CAN_RAW and CAN_ISOTP none. Others, CAN_J1939's for one, lock the socket.
 * The file of @l->f keeps @l->f->sock.
 */
static int ask_address(const struct socketd_look *l, bool peer, struct sockaddr_storage *ret)
{
	struct socket *sock = l->f->sock;
	const struct proto_ops *ops;
	struct sock *sk = l->sk;
	u16 family = READ_ONCE(sk->sk_family);
	int len;

	if (!sock || sock->sk != sk)
		return 0;
	if (family == AF_CAN && !is_can_named(sk))
		return 0;
	/* NETLINK_CONNECTED of net/netlink/af_netlink.c; another one sends where it likes. */
	if (family == AF_NETLINK && peer && READ_ONCE(sk->sk_state) != 1)
		return 0;
	ops = READ_ONCE(sock->ops);
	len = ops->getname(sock, (struct sockaddr *)ret, peer);
	return len < 0 ? 0 : len;
}

static int read_address(const struct socketd_look *l, bool peer, struct sockaddr_storage *ret)
{
	struct sock *sk = l->sk;

	memset(ret, 0, sizeof(*ret));
	switch (READ_ONCE(sk->sk_family)) {
	case AF_INET:
	case AF_INET6:
		return inet_address(sk, peer, ret);
	case AF_UNIX:
		return peer ? unix_peer_address(sk, ret) : unix_address_of(sk, ret);
	case AF_VSOCK:
		return vsock_address_of(sk, peer, ret);
	case AF_NETLINK:
	case AF_CAN:
		return ask_address(l, peer, ret);
	default:
		return 0;
	}
}

/**
 * socketd_read_local() - the local address
 * @l: the socket; only sock_common of a mini one is read
 * @ret: filled, zeroed behind the address
 *
 * Return: its length, 0 when there is none to tell.
 */
int socketd_read_local(const struct socketd_look *l, struct sockaddr_storage *ret)
{
	return read_address(l, false, ret);
}

/**
 * socketd_read_peer() - the peer's address
 * @l: the socket; only sock_common of a mini one is read
 * @ret: filled, zeroed behind the address
 *
 * Return: its length, 0 when there is none to tell.
 */
int socketd_read_peer(const struct socketd_look *l, struct sockaddr_storage *ret)
{
	return read_address(l, true, ret);
}
