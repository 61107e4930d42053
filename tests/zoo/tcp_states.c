/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP in every state that can be held, over IPv4 and IPv6 */

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "zoo.h"

/* Numbers of states (include/net/tcp_states.h). */
enum {
	ESTAB = 1,
	SYN_SENT,
	SYN_RECV,
	FIN_WAIT1,
	FIN_WAIT2,
	TIME_WAIT,
	CLOSED,
	CLOSE_WAIT,
	LAST_ACK,
	LISTEN,
	CLOSING,
};

/* idiag_timer */
enum { TIMER_RETRANS = 1, TIMER_KEEPALIVE, TIMER_TIMEWAIT, TIMER_PROBE0 };

#define READS (READ_INET | READ_TCP | READ_MEMORY)

/* The two families that every state is held in. */
static const struct {
	int family;
	const char *prefix;
	const char *address;
} ways[] = {
	{ AF_INET, "tcp4", "127.0.0.1" },
	{ AF_INET6, "tcp6", "::1" },
};

static int connect_nowait(int family, int listener)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = must(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));

	must(getsockname(listener, (void *)&ss, &len));
	must(connect(fd, (void *)&ss, len) < 0 && errno != EINPROGRESS ? -1 : 0);
	return fd;
}

/* A row that only its four-tuple names: the ends of fd, seen from the other side. */
static struct entry *add_other_end(const char *why, const char *prefix, const char *name, int n, int fd, int listener)
{
	struct entry *e = zoo_add("tcp", -1, 0, why, "%s-%s-%d", prefix, name, n);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	must(getsockname(fd, (void *)&ss, &len));
	expect_sockaddr(e, "peer", "peer_port", &ss);
	len = sizeof(ss);
	must(getsockname(listener, (void *)&ss, &len));
	expect_sockaddr(e, "local", "local_port", &ss);
	expect_str(e, "family", ss.ss_family == AF_INET ? "inet" : "inet6");
	expect_absent(e, "inode");
	return e;
}

static void add_listeners(int family, const char *prefix, const char *address)
{
	int fd = listen_on(family, address, 7), client;
	struct entry *e;

	e = zoo_add("tcp", fd, READS | READ_QUIET, "a listener that nobody called; backlog 7", "%s-listen", prefix);
	expect_u64(e, "send_q", 7);
	expect_u64(e, "recv_q", 0);
	expect_str(e, "state", "LISTEN");

	fd = listen_on(family, address, 5);
	for (int i = 0; i < 3; i++) {
		client = connect_nowait(family, fd);
		wait_for_state(client, ESTAB);
		zoo_add("tcp", client, READS | READ_QUIET, "connected, not accepted by the other side",
			"%s-client-of-pending-%d", prefix, i);
		e = add_other_end("completed, waits for accept: no inode, no owner", prefix, "pending", i, client, fd);
		expect_str(e, "state", "ESTAB");
		know_str(e, "holding", "connected, accept(2) was not called", "unaccepted");
		know_absent(e, "sk_socket", "accept(2) was not called");
	}
	e = zoo_add("tcp", fd, READS | READ_QUIET, "3 clients wait, backlog 5", "%s-listen-pending", prefix);
	expect_u64(e, "recv_q", 3);
	expect_u64(e, "send_q", 5);
	expect_u64(e, "sk_ack_backlog", 3);
	expect_u64(e, "sk_max_ack_backlog", 5);
}

static void add_syn(int family, const char *prefix, const char *address)
{
	int fd = listen_on(family, address, 0), client;
	struct sockaddr_storage ss;
	socklen_t len;
	struct entry *e;

	/* backlog 0 holds one; the next SYN is dropped without an answer */
	client = connect_nowait(family, fd);
	wait_for_state(client, ESTAB);
	zoo_add("tcp", client, READS | READ_QUIET, "fills an accept queue of backlog 0", "%s-client-of-full", prefix);
	/* Not quiet: each SYN that is sent again is one more drop. */
	e = zoo_add("tcp", fd, READS, "the accept queue is full", "%s-listen-full", prefix);
	expect_u64(e, "recv_q", 1);
	expect_u64(e, "send_q", 0);

	client = connect_nowait(family, fd);
	e = zoo_add("tcp", client, READS | READ_NO_PEER, "connect to a full accept queue: the SYN is never answered",
		    "%s-syn-sent", prefix);
	expect_str(e, "state", "SYN-SENT");
	len = sizeof(ss);
	must(getsockname(fd, (void *)&ss, &len));
	expect_sockaddr(e, "peer", "peer_port", &ss);
	expect_u64(e, "send_q", 1); /* the SYN itself, which SIOCOUTQ leaves out */
	expect_u64(e, "idiag_timer_raw", TIMER_RETRANS);

	/* The client drops the SYN-ACK before its TCP sees it, so neither side gets further. */
	fd = listen_on(family, address, 8);
	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 127);
	client = must(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	drop_all_input(client);
	len = sizeof(ss);
	must(getsockname(fd, (void *)&ss, &len));
	must(connect(client, (void *)&ss, len) < 0 && errno != EINPROGRESS ? -1 : 0);
	e = zoo_add("tcp", client, READS | READ_NO_PEER, "drops every SYN-ACK", "%s-syn-sent-deaf", prefix);
	expect_sockaddr(e, "peer", "peer_port", &ss);
	expect_u64(e, "send_q", 1);
	e = add_other_end("answered a SYN, waits for the ACK", prefix, "syn-recv", 0, client, fd);
	expect_str(e, "state", "SYN-RECV");
	expect_u64(e, "idiag_timer_raw", TIMER_RETRANS);
	e = zoo_add("tcp", fd, READS, "has one half-open connection, which is not in the accept queue", "%s-listen-syn",
		    prefix);
	expect_u64(e, "recv_q", 0);
	know_u64(e, "syn_queue", "one SYN was answered, no ACK came", 1);
}

static void add_established(int family, const char *prefix, const char *address)
{
	struct tcp_pair p = make_tcp_pair(family, address, NULL);
	struct entry *e;
	char buf[1000];

	/* Traffic in both ways, all of it read. */
	write_exactly(p.client, 1000);
	must(recv(p.server, buf, 1000, MSG_WAITALL));
	write_exactly(p.server, 300);
	must(recv(p.client, buf, 300, MSG_WAITALL));
	e = zoo_add("tcp", p.client, READS | READ_QUIET, "quiet after 1000 bytes out, 300 in", "%s-established-client",
		    prefix);
	expect_u64(e, "tcpi_bytes_received", 300);
	expect_u64(e, "tcpi_bytes_acked", 1001); /* the SYN counts */
	expect_u64(e, "recv_q", 0);
	expect_u64(e, "send_q", 0);
	expect_shutdown(e, 0);
	e = zoo_add("tcp", p.server, READS | READ_QUIET, "quiet, accepted", "%s-established-server", prefix);
	expect_u64(e, "tcpi_bytes_received", 1000);
	expect_u64(e, "tcpi_bytes_acked", 300);

	p = make_tcp_pair(family, address, NULL);
	write_exactly(p.client, 4321);
	e = zoo_add("tcp", p.server, READS | READ_QUIET, "4321 bytes that nobody reads", "%s-unread", prefix);
	expect_u64(e, "recv_q", 4321);
	zoo_add("tcp", p.client, READS | READ_QUIET, "sent 4321 bytes, all acknowledged", "%s-unread-sender", prefix);

	p = make_tcp_pair(family, address, NULL);
	drop_all_input(p.server);
	write_exactly(p.client, 12345);
	e = zoo_add("tcp", p.client, READS, "12345 bytes that the other side never acknowledges", "%s-unacked", prefix);
	expect_u64(e, "send_q", 12345);
	expect_u64(e, "idiag_timer_raw", TIMER_RETRANS);
	zoo_add("tcp", p.server, READS, "drops all input", "%s-deaf", prefix);

	p = make_tcp_pair(family, address, NULL);
	set_nonblock(p.client);
	while (send(p.client, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
		;
	e = zoo_add("tcp", p.client, READS, "wrote until it would block", "%s-zero-window-sender", prefix);
	expect_min(e, "send_q", 1000);
	e = zoo_add("tcp", p.server, READS, "reads nothing, window closed", "%s-zero-window", prefix);
	expect_min(e, "recv_q", 1000);
}

static void add_half_closed(int family, const char *prefix, const char *address)
{
	struct tcp_pair p = make_tcp_pair(family, address, NULL);
	struct entry *e;

	must(shutdown(p.client, SHUT_WR));
	wait_for_state(p.client, FIN_WAIT2);
	e = zoo_add("tcp", p.client, READS, "closed for writing, acknowledged", "%s-fin-wait-2", prefix);
	expect_str(e, "state", "FIN-WAIT-2");
	expect_shutdown(e, 2);
	e = zoo_add("tcp", p.server, READS, "the other side has closed, this one has not", "%s-close-wait", prefix);
	expect_str(e, "state", "CLOSE-WAIT");
	expect_shutdown(e, 1);
	expect_u64(e, "recv_q", 1);

	p = make_tcp_pair(family, address, NULL);
	must(shutdown(p.client, SHUT_RD));
	e = zoo_add("tcp", p.client, READS | READ_QUIET, "closed for reading: nothing is sent for that",
		    "%s-shutdown-read", prefix);
	expect_str(e, "state", "ESTAB");
	expect_shutdown(e, 1);
	zoo_add("tcp", p.server, READS | READ_QUIET, "does not know that the other side stopped reading",
		"%s-shutdown-read-peer", prefix);

	p = make_tcp_pair(family, address, NULL);
	drop_all_input(p.server);
	must(shutdown(p.client, SHUT_WR));
	e = zoo_add("tcp", p.client, READS, "its FIN is never acknowledged", "%s-fin-wait-1", prefix);
	expect_str(e, "state", "FIN-WAIT-1");
	expect_shutdown(e, 2);
	expect_u64(e, "send_q", 1);
	zoo_add("tcp", p.server, READS, "never sees the FIN", "%s-fin-wait-1-peer", prefix);

	p = make_tcp_pair(family, address, NULL);
	must(shutdown(p.client, SHUT_WR));
	wait_for_state(p.server, CLOSE_WAIT);
	drop_all_input(p.client);
	must(shutdown(p.server, SHUT_WR));
	e = zoo_add("tcp", p.server, READS | READ_NO_PEER, "closed second, its FIN is never acknowledged",
		    "%s-last-ack", prefix);
	expect_str(e, "state", "LAST-ACK");
	expect_shutdown(e, 3);

	/* Both close at once: the server hears nothing, so its FIN does not acknowledge the client's. */
	p = make_tcp_pair(family, address, NULL);
	drop_all_input(p.server);
	must(shutdown(p.client, SHUT_WR));
	must(shutdown(p.server, SHUT_WR));
	wait_for_state(p.client, CLOSING);
	e = zoo_add("tcp", p.client, READS | READ_NO_PEER, "both sides closed at once", "%s-closing", prefix);
	expect_str(e, "state", "CLOSING");
	expect_shutdown(e, 3);
	e = zoo_add("tcp", p.server, READS, "both sides closed at once, hears nothing", "%s-closing-peer", prefix);
	expect_str(e, "state", "FIN-WAIT-1");
}

static void add_inactive(int family, const char *prefix, const char *address)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(family, address, 0, &ss);
	struct entry *e;
	int fd;

	fd = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must(bind(fd, (void *)&ss, len));
	e = zoo_add("tcp", fd, READ_INET | READ_MEMORY, "bound, neither listening nor connected", "%s-bound-inactive",
		    prefix);
	know_bool(e, "sk_bind_node", "bound", true);
	know_bool(e, "sk_node", "in no table of connections", false);
	know_str(e, "socket_state", "not connected", "SS_UNCONNECTED");
	/* inet_diag dumps these since 6.8; their state in struct sock is CLOSE. */
	e->listed = kernel_at_least(6, 8) ? LISTED_YES : LISTED_MAYBE;
	expect_words(e, "state", "any", "BOUND-INACTIVE", "UNCONN", NULL);

	fd = must(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	e = zoo_add("tcp", fd, READ_INET, "made and left alone: in no table of TCP", "%s-closed", prefix);
	e->listed = LISTED_MAYBE;
	expect_str(e, "state", "UNCONN");
	expect_json(e, "local_port", json_tokener_parse("{\"or-absent\":0}"));
}

void zoo_tcp_states(void)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		add_listeners(ways[i].family, ways[i].prefix, ways[i].address);
		add_syn(ways[i].family, ways[i].prefix, ways[i].address);
		add_established(ways[i].family, ways[i].prefix, ways[i].address);
		add_half_closed(ways[i].family, ways[i].prefix, ways[i].address);
		add_inactive(ways[i].family, ways[i].prefix, ways[i].address);
	}
}

/* An entry for a descriptor that is closed right after: what is to be known is read before. */
static struct entry *add_lingering(int fd, const char *state, const char *why, const char *prefix, const char *name)
{
	struct entry *e = zoo_add("tcp", fd, 0, why, "%s-%s", prefix, name);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	must(getsockname(fd, (void *)&ss, &len));
	expect_sockaddr(e, "local", "local_port", &ss);
	len = sizeof(ss);
	must(getpeername(fd, (void *)&ss, &len));
	expect_sockaddr(e, "peer", "peer_port", &ss);
	expect_str(e, "state", state);
	expect_str(e, "family", ss.ss_family == AF_INET ? "inet" : "inet6");
	entry_closed(e);
	return e;
}

void zoo_tcp_closing(void)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct tcp_pair p;
		struct entry *e;

		/* 120 s: the first 60 as a socket without an owner, then as a TIME-WAIT socket */
		p = make_tcp_pair(ways[i].family, ways[i].address, NULL);
		set_int(p.client, IPPROTO_TCP, TCP_LINGER2, 120);
		add_lingering(p.client, "FIN-WAIT-2", "closed by its owner, the other side stays", ways[i].prefix,
			      "fin-wait-2-orphan");
		close(p.client);
		zoo_add("tcp", p.server, READS, "the other side is an orphan", "%s-orphan-peer", ways[i].prefix);

		p = make_tcp_pair(ways[i].family, ways[i].address, NULL);
		drop_all_input(p.server);
		write_exactly(p.client, 77);
		e = add_lingering(p.client, "FIN-WAIT-1", "closed by its owner with 77 bytes to be acknowledged",
				  ways[i].prefix, "fin-wait-1-orphan");
		expect_u64(e, "send_q", 78);
		know_str(e, "holding", "close(2) with data unacknowledged", "orphan");
		know_flags(e, "sk_flags", "close(2)", "SOCK_DEAD", "SOCK_KEEPOPEN");
		know_absent(e, "sk_socket", "close(2)");
		know_absent(e, "socket_state", "close(2)");
		know_bool(e, "sk_wq", "close(2)", false);
		know_bool(e, "rtx_queue", "nothing is acknowledged", true);
		know_u64(e, "sk_shutdown_raw", "close(2)", 3);
		know_hex(e, "sk_cookie", "SO_COOKIE before close(2)", e->cookie);
		close(p.client);
		zoo_add("tcp", p.server, READS, "hears nothing of the end", "%s-fin-wait-1-orphan-peer",
			ways[i].prefix);

		p = make_tcp_pair(ways[i].family, ways[i].address, NULL);
		e = add_lingering(p.client, "TIME-WAIT", "closed by both sides, this one first", ways[i].prefix,
				  "time-wait");
		expect_u64(e, "idiag_timer_raw", TIMER_TIMEWAIT);
		must(shutdown(p.client, SHUT_WR));
		wait_for_state(p.server, CLOSE_WAIT);
		close(p.server);
		close(p.client);
	}
}
