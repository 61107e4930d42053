/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single sockets asked of the real kernel: those that are named come, others do not, and what is missed is dumped */

#include "source/gets.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "snapshot/messages.h"
#include "source/acquire.h"
#include "source/destroy.h"
#include "source/dump.h"
#include "unit/netns.h"
#include "unit/suites.h"

#define N_PAIRS 50

static struct arena arena;
static struct request req;
static struct context *context;

/* The rows that were read. */
static struct {
	uint64_t cookie;
	uint8_t source, state;
} rows[4096];
static unsigned int n_rows;

/* A listener and both ends of connections to it. */
static struct {
	int listener, client[N_PAIRS], server[N_PAIRS];
} pairs;

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	CU_ASSERT_EQUAL(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

/* Listens on all addresses, of both families for AF_INET6; the clients are of the family that is told. */
static void pairs_open(int family, int client_family)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *address = family == AF_INET ? (void *)&in : (void *)&in6;
	socklen_t len = family == AF_INET ? sizeof(in) : sizeof(in6);
	in_port_t port;

	pairs.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(pairs.listener, address, len), 0);
	CU_ASSERT_EQUAL_FATAL(listen(pairs.listener, N_PAIRS), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(pairs.listener, address, &len), 0);
	port = family == AF_INET ? in.sin_port : in6.sin6_port;
	in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		int fd = socket(client_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		/* Some are bound to a device: the kernel's lookup then asks for it. */
		if (i % 4 == 0)
			CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
		if (client_family == AF_INET) {
			CU_ASSERT_EQUAL_FATAL(connect(fd, (void *)&in, sizeof(in)), 0);
		} else {
			CU_ASSERT_EQUAL_FATAL(connect(fd, (void *)&in6, sizeof(in6)), 0);
		}
		pairs.client[i] = fd;
		pairs.server[i] = accept4(pairs.listener, NULL, NULL, SOCK_CLOEXEC);
		CU_ASSERT_TRUE_FATAL(pairs.server[i] >= 0);
	}
}

static void pairs_close(void)
{
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		close(pairs.client[i]);
		close(pairs.server[i]);
	}
	close(pairs.listener);
}

static uint16_t endpoint(const struct sockaddr_storage *s, uint8_t ret[16])
{
	const struct sockaddr_in6 *in6 = (const void *)s;
	const struct sockaddr_in *in = (const void *)s;

	if (s->ss_family == AF_INET6) {
		memcpy(ret, &in6->sin6_addr, 16);
		return ntohs(in6->sin6_port);
	}
	memcpy(ret, &in->sin_addr, 4);
	return ntohs(in->sin_port);
}

/* Adds a socket to those that are asked for, by what the kernel tells its holder of it. */
static void add_get(enum source_id id, int fd)
{
	struct source_request *s = &req.sources[id];
	struct exact_key *k = &s->gets[s->n_gets++];
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	memset(k, 0, sizeof(*k));
	k->cookie = cookie_of(fd);
	CU_ASSERT_EQUAL(getsockname(fd, (void *)&a, &len), 0);
	k->local_port = endpoint(&a, k->local);
	len = sizeof(a);
	CU_ASSERT_EQUAL(getpeername(fd, (void *)&a, &len), 0);
	k->peer_port = endpoint(&a, k->peer);
	len = sizeof(k->ifindex);
	CU_ASSERT_EQUAL(getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &k->ifindex, &len), 0);
}

/* TCP of both families by gets, of which there are none yet. */
static void begin(uint32_t groups)
{
	arena_init(&arena);
	request_init(&req, groups);
	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		req.sources[id].wanted = id == SOURCE_tcp4 || id == SOURCE_tcp6;
	for (unsigned int id = SOURCE_tcp4; id <= SOURCE_tcp6; id++) {
		req.sources[id].by_gets = true;
		req.sources[id].gets = calloc(REQUEST_GETS_MAX, sizeof(struct exact_key));
	}
	req.table_age_usec = 1234567;
}

static void finish(void)
{
	context = context_free(context);
	request_deinit(&req);
	arena_deinit(&arena);
}

static void read_all(void)
{
	CLEANUP(acquire_free) struct acquire *a = NULL;
	struct messages messages;
	struct message m;
	struct reader reader;
	int r;

	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
	while ((r = acquire_step(a)) > 0) {
		struct pollfd p = { .fd = acquire_fd(a), .events = POLLIN };

		if (r == ACQUIRE_WAIT)
			CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	}
	CU_ASSERT_EQUAL(r, ACQUIRE_DONE);
	n_rows = 0;
	CU_ASSERT_EQUAL_FATAL(context_new(&context), 0);
	reader_init(&reader, arena_input(&arena));
	messages_init(&messages, &reader, context);
	while ((r = messages_next(&messages, &m)) > 0) {
		const struct inet_diag_msg *msg = (const void *)m.data;

		CU_ASSERT_TRUE_FATAL(n_rows < sizeof(rows) / sizeof(rows[0]));
		rows[n_rows].cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
		rows[n_rows].state = msg->idiag_state;
		rows[n_rows++].source = m.source;
	}
	CU_ASSERT_EQUAL(r, 0);
	for (unsigned int id = SOURCE_tcp4; id <= SOURCE_tcp6; id++) {
		unsigned int n = 0;

		for (unsigned int i = 0; i < n_rows; i++)
			n += rows[i].source == id;
		CU_ASSERT_EQUAL(context_source(context, id)->seen, req.sources[id].wanted);
		CU_ASSERT_EQUAL(context_source(context, id)->ended, req.sources[id].wanted);
		CU_ASSERT_EQUAL(context_source(context, id)->error, 0);
		CU_ASSERT_EQUAL(context_source(context, id)->n_messages, n);
	}
	CU_ASSERT_FALSE(context_source(context, SOURCE_tcp)->seen);
}

static unsigned int count_rows(enum source_id id, int fd)
{
	uint64_t cookie = cookie_of(fd);
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_rows; i++)
		n += rows[i].cookie == cookie && rows[i].source == id;
	return n;
}

/* More than go into one request, of both ends, and every other one only. */
static void named_of(enum source_id client, enum source_id server)
{
	begin(GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_tcp_info));
	for (unsigned int i = 0; i < N_PAIRS; i += 2) {
		add_get(client, pairs.client[i]);
		add_get(server, pairs.server[i]);
	}
	read_all();
	CU_ASSERT_EQUAL(context_host(context)->table_age_usec, 1234567);
	CU_ASSERT_EQUAL(n_rows, 1 + N_PAIRS);
	CU_ASSERT_EQUAL(count_rows(server, pairs.listener), 1);
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		CU_ASSERT_EQUAL(count_rows(client, pairs.client[i]), i % 2 == 0);
		CU_ASSERT_EQUAL(count_rows(server, pairs.server[i]), i % 2 == 0);
	}
	finish();
}

static void test_named_sockets_come(void)
{
	int back = netns_enter();

	if (back < 0)
		return;
	pairs_open(AF_INET, AF_INET);
	named_of(SOURCE_tcp4, SOURCE_tcp4);
	pairs_close();
	pairs_open(AF_INET6, AF_INET6);
	named_of(SOURCE_tcp6, SOURCE_tcp6);
	pairs_close();
	/* Accepted of a client of the other family: the address is v4-mapped. */
	pairs_open(AF_INET6, AF_INET);
	named_of(SOURCE_tcp4, SOURCE_tcp6);
	pairs_close();
	netns_leave(back);
}

static void test_listeners_alone(void)
{
	int back = netns_enter();

	if (back < 0)
		return;
	pairs_open(AF_INET6, AF_INET);
	begin(GROUP_BIT(GROUP_base));
	read_all();
	CU_ASSERT_EQUAL(n_rows, 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp6, pairs.listener), 1);
	finish();

	/* Other states than LISTEN: the named alone; and nobody named, nothing. */
	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].states = req.sources[SOURCE_tcp6].states = STATE_BIT(STATE_ESTABLISHED);
	add_get(SOURCE_tcp4, pairs.client[7]);
	read_all();
	CU_ASSERT_EQUAL(n_rows, 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, pairs.client[7]), 1);
	finish();

	/* One family so, the other by its dump. */
	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].by_gets = false;
	read_all();
	CU_ASSERT_EQUAL(n_rows, 1 + N_PAIRS);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, pairs.client[3]), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp6, pairs.server[3]), 0);
	CU_ASSERT_EQUAL(context_host(context)->table_age_usec, 1234567);
	finish();
	/* And none: the age is nobody's then. */
	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].wanted = false;
	req.sources[SOURCE_tcp6].by_gets = false;
	read_all();
	CU_ASSERT_EQUAL(n_rows, 1 + N_PAIRS);
	CU_ASSERT_EQUAL(context_host(context)->table_age_usec, 0);
	finish();
	pairs_close();
	netns_leave(back);
}

/* The whole dump, of the states that were asked for: twins of those that were found before are allowed. */
static void expect_dump(unsigned int closed, bool with_listener)
{
	for (unsigned int i = 0; i < N_PAIRS; i++)
		if (i != closed)
			CU_ASSERT_TRUE(count_rows(SOURCE_tcp4, pairs.client[i]) >= 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, pairs.listener) > 0, with_listener);
}

static void test_a_miss_makes_a_dump(void)
{
	static const struct linger reset = { .l_onoff = 1 };
	int back = netns_enter();

	if (back < 0)
		return;
	pairs_open(AF_INET, AF_INET);
	begin(GROUP_BIT(GROUP_base));
	for (unsigned int i = 0; i < 40; i++)
		add_get(SOURCE_tcp4, pairs.client[i]);
	setsockopt(pairs.client[20], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(pairs.client[20]);
	pairs.client[20] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	read_all();
	CU_ASSERT_TRUE(n_rows > 2 * N_PAIRS - 2);
	expect_dump(20, true);
	finish();

	/* Its ports with another cookie: another socket. */
	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].states = STATE_BIT(STATE_ESTABLISHED);
	add_get(SOURCE_tcp4, pairs.client[1]);
	req.sources[SOURCE_tcp4].gets[0].cookie++;
	read_all();
	CU_ASSERT_EQUAL(n_rows, 2 * (N_PAIRS - 1));
	expect_dump(20, false);
	finish();

	/* Found, but of the other family than the source. */
	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].wanted = false;
	req.sources[SOURCE_tcp6].states = STATE_BIT(STATE_ESTABLISHED);
	add_get(SOURCE_tcp6, pairs.client[1]);
	memcpy(req.sources[SOURCE_tcp6].gets[0].local, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	memcpy(req.sources[SOURCE_tcp6].gets[0].peer, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	read_all();
	CU_ASSERT_EQUAL(n_rows, 0);
	finish();
	pairs_close();
	netns_leave(back);
}

/* One that waited for its end only may have met it: that it is not found is the answer. */
static void test_an_end_makes_no_dump(void)
{
	static const struct linger reset = { .l_onoff = 1 };
	int back = netns_enter();

	if (back < 0)
		return;
	pairs_open(AF_INET, AF_INET);
	begin(GROUP_BIT(GROUP_base));
	for (unsigned int i = 0; i < 40; i++)
		add_get(SOURCE_tcp4, pairs.client[i]);
	req.sources[SOURCE_tcp4].gets[20].may_end = true;
	/* And one whose ports another socket has by now. */
	req.sources[SOURCE_tcp4].gets[7].may_end = true;
	req.sources[SOURCE_tcp4].gets[7].cookie++;
	setsockopt(pairs.client[20], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(pairs.client[20]);
	pairs.client[20] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	read_all();
	CU_ASSERT_EQUAL(n_rows, 1 + 38);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, pairs.listener), 1);
	for (unsigned int i = 0; i < 40; i++)
		CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, pairs.client[i]), i != 7 && i != 20);
	finish();
	pairs_close();
	netns_leave(back);
}

/* Answers that do not fit the receive buffer: a miss, and the next request is answered by another socket. */
static void test_overrun(void)
{
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	int back = netns_enter(), small = 1, r;
	struct gets gets;
	struct dump dump;

	if (back < 0)
		return;
	pairs_open(AF_INET, AF_INET);
	begin(GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_tcp_info));
	for (unsigned int i = 0; i < 40; i++)
		add_get(SOURCE_tcp4, pairs.client[i]);
	CU_ASSERT_EQUAL_FATAL(netlink_open(&nl, true), 0);
	CU_ASSERT_EQUAL(setsockopt(nl.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	gets_begin(&gets, SOURCE_tcp4, &req, &nl, 0, 0);
	while ((r = gets_step(&gets, &arena, 0)) > 0)
		;
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_TRUE(gets.missed);
	CU_ASSERT_EQUAL(nl.generation, 1);
	dump_begin(&dump, SOURCE_tcp4, &req, &nl, &arena, 0);
	while ((r = dump_step(&dump, &arena, 0)) > 0)
		;
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(dump.error, 0);
	CU_ASSERT_EQUAL(dump.n_messages, 2 * N_PAIRS + 1);
	finish();
	pairs_close();
	netns_leave(back);
}

/* The kernel drops what this socket gets beside its dump and says ENOBUFS: the dump is read again, once, from another. */
static void test_a_dump_survives_enobufs(void)
{
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	CLEANUP(destroy_close) struct destroy witness = { .fd = -1 };
	int back = netns_enter(), small = 1, group = SKNLGRP_INET_UDP_DESTROY, r;
	unsigned int n_witnessed = 0;
	struct dump dump;
	uint64_t lost;

	if (back < 0)
		return;
	pairs_open(AF_INET, AF_INET);
	begin(GROUP_BIT(GROUP_base));
	CU_ASSERT_EQUAL_FATAL(netlink_open(&nl, true), 0);
	CU_ASSERT_EQUAL_FATAL(destroy_open(&witness), 0);
	CU_ASSERT_EQUAL(setsockopt(nl.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	CU_ASSERT_EQUAL(setsockopt(nl.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	dump_begin(&dump, SOURCE_tcp4, &req, &nl, &arena, 0);
	for (unsigned int i = 0; i < 100; i++)
		close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	while (n_witnessed < 100) {
		struct pollfd p = { .fd = witness.fd, .events = POLLIN };

		CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
		n_witnessed += destroy_receive(&witness, &arena, &lost) == 1;
	}
	arena_deinit(&arena);
	dump.start = arena_mark(&arena);
	while ((r = dump_step(&dump, &arena, 0)) > 0)
		;
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(dump.error, 0);
	CU_ASSERT_EQUAL(dump.n_overruns, 1);
	CU_ASSERT_EQUAL(nl.generation, 1);
	CU_ASSERT_EQUAL(dump.n_messages, 2 * N_PAIRS + 1);
	finish();
	pairs_close();
	netns_leave(back);
}

void suite_source_gets(void)
{
	CU_pSuite s = CU_add_suite("source/gets", NULL, NULL);

	CU_add_test(s, "those that are named come, and no others", test_named_sockets_come);
	CU_add_test(s, "nobody named, listeners only", test_listeners_alone);
	CU_add_test(s, "one that is not found makes a dump", test_a_miss_makes_a_dump);
	CU_add_test(s, "one that may have ended makes none", test_an_end_makes_no_dump);
	CU_add_test(s, "answers that did not fit", test_overrun);
	CU_add_test(s, "a dump that ENOBUFS interrupts is read again", test_a_dump_survives_enobufs);
}
