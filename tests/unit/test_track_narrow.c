/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Point queries over a table: by hand, and against what the kernel says with and without */

#include "track/narrow.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "source/acquire.h"
#include "source/process.h"
#include "track/holders.h"
#include "track/sight.h"
#include "unit/suites.h"

static struct track_entry *add(struct track_table *t, uint64_t cookie, uint8_t state, uint16_t local, uint16_t peer)
{
	struct track_entry *e = track_table_add(t, SOURCE_tcp4, cookie, 0, (uint32_t)cookie + 1000, NULL);

	e->state = state;
	e->local_port = local;
	e->peer_port = peer;
	e->addr.local4 = htonl(0x7f000001);
	e->addr.peer4 = htonl(0x0a000000 + (uint32_t)cookie);
	return e;
}

static struct query_key port_key(uint16_t port)
{
	return (struct query_key){ .kind = QUERY_KEY_PORT, .number = port };
}

static struct query_key address_key(const char *text)
{
	struct query_key k = { .kind = QUERY_KEY_ADDRESS };

	CU_ASSERT_EQUAL_FATAL(address_parse_ip(text, strlen(text), &k.address), 0);
	return k;
}

static void request_tcp(struct request *req, uint32_t states)
{
	request_init(req, 0);
	for (unsigned id = 0; id < SOURCE_COUNT; id++)
		req->sources[id].wanted = id == SOURCE_tcp4 || id == SOURCE_tcp6;
	req->sources[SOURCE_tcp4].states = req->sources[SOURCE_tcp6].states = states;
}

static bool gets_have(const struct request *req, uint8_t source, uint64_t cookie)
{
	for (unsigned i = 0; i < req->sources[source].n_gets; i++)
		if (req->sources[source].gets[i].cookie == cookie)
			return true;
	return false;
}

/* How many gets there are; -1 when the request was left as it was. */
static int narrowed(const struct track_table *t, const struct query_key *keys, size_t n_keys, struct request *req)
{
	int r = narrow_by_keys(t, NULL, keys, n_keys, req);

	CU_ASSERT_TRUE(r == 0 || r == 1);
	CU_ASSERT_EQUAL(req->sources[SOURCE_tcp4].by_gets, r == 1);
	return r == 1 ? (int)(req->sources[SOURCE_tcp4].n_gets + req->sources[SOURCE_tcp6].n_gets) : -1;
}

static int narrow_once(const struct track_table *t, const struct query_key *keys, size_t n_keys, uint32_t states)
{
	struct request req;
	int n;

	request_tcp(&req, states);
	n = narrowed(t, keys, n_keys, &req);
	request_deinit(&req);
	return n;
}

static void test_keys(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct query_key keys[3] = { port_key(443) };
	struct request req;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	add(t, 1, STATE_LISTEN, 443, 0);
	add(t, 2, STATE_ESTABLISHED, 443, 50000);
	add(t, 3, STATE_ESTABLISHED, 50001, 443);
	add(t, 4, STATE_TIME_WAIT, 50002, 80);
	track_table_add(t, SOURCE_udp4, 5, 0, 1005, NULL)->local_port = 443;
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrowed(t, keys, 1, &req), 2);
	CU_ASSERT_TRUE(gets_have(&req, SOURCE_tcp4, 2) && gets_have(&req, SOURCE_tcp4, 3));
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].gets[0].local_port + req.sources[SOURCE_tcp4].gets[0].peer_port, 50443);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].gets[0].local[0], 127);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].gets[0].may_end || req.sources[SOURCE_tcp4].gets[1].may_end);
	request_deinit(&req);

	/* A TIME-WAIT may be over when it is asked for. */
	keys[0] = port_key(80);
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrowed(t, keys, 1, &req), 1);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].gets[0].may_end);
	request_deinit(&req);

	keys[0] = address_key("10.0.0.4");
	CU_ASSERT_EQUAL(narrow_once(t, keys, 1, STATES_ALL), 1);
	keys[0] = address_key("10.0.0.77");
	CU_ASSERT_EQUAL(narrow_once(t, keys, 1, STATES_ALL), 0);
	keys[0] = (struct query_key){ .kind = QUERY_KEY_COOKIE, .number = 3 };
	CU_ASSERT_EQUAL(narrow_once(t, keys, 1, STATES_ALL), 1);
	keys[1] = (struct query_key){ .kind = QUERY_KEY_INODE, .number = 1003 };
	CU_ASSERT_EQUAL(narrow_once(t, keys, 2, STATES_ALL), 1);
	keys[2] = port_key(80);
	CU_ASSERT_EQUAL(narrow_once(t, keys, 3, STATES_ALL), 2);
	/* A cookie or an inode that the table does not know may be of a new socket; one of another family is no TCP's. */
	keys[0].number = 99;
	CU_ASSERT_EQUAL(narrow_once(t, keys, 3, STATES_ALL), -1);
	keys[0].number = 5;
	CU_ASSERT_EQUAL(narrow_once(t, keys, 1, STATES_ALL), 0);
	keys[0] = (struct query_key){ .kind = QUERY_KEY_INODE, .number = UINT64_C(0x100000000) + 1003 };
	CU_ASSERT_EQUAL(narrow_once(t, keys, 1, STATES_ALL), -1);
	/* No keys; a pid, with nobody who knows what it holds. */
	CU_ASSERT_EQUAL(narrow_once(t, keys, 0, STATES_ALL), -1);
	keys[0] = (struct query_key){ .kind = QUERY_KEY_PID, .number = 1 };
	CU_ASSERT_EQUAL(narrow_once(t, keys, 1, STATES_ALL), -1);
}

/* In the kernel's bytecode too an IPv4 address is also the IPv6 one that maps it. */
static void test_mapped(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct track_pair6 pair = { .local = { [10] = 0xff, 0xff, 10, 0, 0, 9 }, .peer = { 0x20, 1, [15] = 1 } };
	struct query_key key = address_key("10.0.0.9");
	struct request req;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	track_table_add(t, SOURCE_tcp6, 7, 0, 7, &pair)->state = STATE_ESTABLISHED;
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrowed(t, &key, 1, &req), 1);
	CU_ASSERT_TRUE(gets_have(&req, SOURCE_tcp6, 7));
	CU_ASSERT_EQUAL(memcmp(req.sources[SOURCE_tcp6].gets[0].local, pair.local, 16), 0);
	CU_ASSERT_EQUAL(memcmp(req.sources[SOURCE_tcp6].gets[0].peer, pair.peer, 16), 0);
	request_deinit(&req);
	key = address_key("2001::1");
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATES_ALL), 1);
	key = address_key("2001::2");
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATES_ALL), 0);
	key = address_key("::ffff:10.0.0.9");
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATES_ALL), 1);
}

static void feed(struct holders *h, uint32_t pid, uint64_t start, uint32_t first_inode, unsigned n)
{
	_Alignas(8) struct socketd_owner owners[8];
	struct attr_block process;
	struct block b = { .payload = process.data };

	attr_block_begin(&process, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&process, SOCKETD_PROCESS_PID, pid);
	attr_block_bytes(&process, SOCKETD_PROCESS_COMM, "holder", 6);
	attr_block_u64(&process, SOCKETD_PROCESS_START, start);
	b.type = process.type;
	b.length = (uint32_t)process.length;
	CU_ASSERT_EQUAL(holders_apply(h, &b), 0);
	for (unsigned i = 0; i < n; i++)
		owners[i] = (struct socketd_owner){ .inode = first_inode + i, .pid = pid, .fd = 3 + i };
	b = (struct block){ SOCKETD_BLOCK_OWNERS, n * (uint32_t)sizeof(owners[0]), (const uint8_t *)owners };
	CU_ASSERT_EQUAL(holders_apply(h, &b), 0);
}

/* What a process holds, and what nobody has looked for the holder of. */
static void test_pid(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	CLEANUP(holders_free) struct holders *h = NULL;
	struct query_key key = { .kind = QUERY_KEY_PID, .number = (uint64_t)getpid() };
	CLEANUP(close) int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t start;
	struct request req;
	char name[12];

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
	for (unsigned i = 1; i <= 6; i++)
		add(t, i, STATE_ESTABLISHED, 443, (uint16_t)i)->flags |= TRACK_OWNER_SOUGHT;
	CU_ASSERT_EQUAL_FATAL(holders_begin(h), 0);
	snprintf(name, sizeof(name), "%d", getpid());
	start = process_start(proc_fd, name);
	CU_ASSERT_TRUE(start > 0);
	feed(h, (uint32_t)getpid(), start, 1002, 2);
	feed(h, (uint32_t)getpid() + 1, start, 1004, 1);
	holders_end(h, 0);
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrow_by_keys(t, h, &key, 1, &req), 1);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].n_gets, 2);
	CU_ASSERT_TRUE(gets_have(&req, SOURCE_tcp4, 2) && gets_have(&req, SOURCE_tcp4, 3));
	request_deinit(&req);
	track_table_find(t, SOURCE_tcp4, 6, 0)->flags = 0;
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrow_by_keys(t, h, &key, 1, &req), 1);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].n_gets, 3);
	CU_ASSERT_TRUE(gets_have(&req, SOURCE_tcp4, 6));
	request_deinit(&req);
	/* What others hold is not told to a user, not by the choice of rows either. */
	request_tcp(&req, STATES_ALL);
	req.uid = 65534;
	CU_ASSERT_EQUAL(narrow_by_keys(t, h, &key, 1, &req), 0);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].by_gets);
	request_deinit(&req);
	/* One that has an owner was looked for. */
	track_table_find(t, SOURCE_tcp4, 6, 0)->owner_pid = 1;
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrow_by_keys(t, h, &key, 1, &req), 1);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].n_gets, 2);
	request_deinit(&req);
}

/* A process that no scan has seen can hold anything, by inheritance; so can one that has the pid of a former one. */
static void test_unknown_pid(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	CLEANUP(holders_free) struct holders *h = NULL;
	struct query_key key = { .kind = QUERY_KEY_PID, .number = (uint64_t)getpid() };
	struct request req;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	CU_ASSERT_EQUAL_FATAL(holders_new(&h), 0);
	add(t, 1, STATE_ESTABLISHED, 443, 1)->owner_pid = 1;
	for (unsigned i = 0; i < 2; i++) {
		request_tcp(&req, STATES_ALL);
		CU_ASSERT_EQUAL(narrow_by_keys(t, h, &key, 1, &req), 0);
		request_deinit(&req);
		CU_ASSERT_EQUAL_FATAL(holders_begin(h), 0);
		feed(h, (uint32_t)getpid(), 1, 1001, 1);
		holders_end(h, 0);
	}
}

/* What costs little is asked of the kernel, which knows the sockets of this moment. */
static void test_small_table(void)
{
	CLEANUP(tracker_free) struct tracker *t = NULL;
	CLEANUP(query_free) struct query *q = NULL;
	struct tracker_limits limits = { .memory_max = 64u << 20, .events_max = 1u << 20 };
	struct query_error error;
	struct request req;

	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	CU_ASSERT_EQUAL_FATAL(query_parse(&q, ":443", 4, &error), 0);
	request_tcp(&req, STATES_ALL);
	CU_ASSERT_EQUAL(narrow_request(t, q, UINT64_MAX, &req), 0);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].by_gets);
	CU_ASSERT_EQUAL(req.table_age_usec, 0);
	request_deinit(&req);
}

static void test_limits(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct query_key key = port_key(443);
	struct request req;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (unsigned i = 1; i <= REQUEST_GETS_MAX; i++)
		add(t, i, i % 2 ? STATE_ESTABLISHED : STATE_CLOSE_WAIT, 443, (uint16_t)(10000 + i));
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATES_ALL), REQUEST_GETS_MAX);
	/* Few are all asked for: the state that the table saw may be another by now. */
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATE_BIT(STATE_CLOSE_WAIT)), REQUEST_GETS_MAX);
	add(t, 9999, STATE_ESTABLISHED, 443, 9999);
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATES_ALL), -1);
	CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATE_BIT(STATE_CLOSE_WAIT)), REQUEST_GETS_MAX / 2);

	/* A family that is not wanted, and a socket that the kernel finds by itself. */
	key = port_key(9999);
	request_tcp(&req, STATES_ALL);
	req.sources[SOURCE_tcp4].wanted = false;
	CU_ASSERT_EQUAL(narrow_by_keys(t, NULL, &key, 1, &req), 1);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].by_gets);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp6].by_gets);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp6].n_gets, 0);
	request_deinit(&req);
	request_tcp(&req, STATES_ALL);
	req.sources[SOURCE_tcp6].wanted = false;
	req.sources[SOURCE_tcp4].exact = true;
	req.sources[SOURCE_tcp4].local_port = 443;
	CU_ASSERT_EQUAL(narrow_by_keys(t, NULL, &key, 1, &req), 0);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].by_gets);
	request_deinit(&req);
}

/* Real sockets from here on. Rows are kept by cookie, with their states. */
struct row {
	uint64_t cookie, state;
};

struct rows {
	struct row row[64];
	unsigned n;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

/* A reading, with each row told. The port is what it is filtered by here, as the query would. */
static void read_sockets(const struct request *req, uint16_t port, struct track_table *t, struct rows *ret)
{
	CLEANUP(arena_deinit) struct arena arena;
	CLEANUP(acquire_free) struct acquire *a = NULL;
	CLEANUP(context_free) struct context *c = NULL;
	struct messages messages;
	struct reader reader;
	struct message m;
	int r;

	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, req, &arena, NULL), 0);
	while ((r = acquire_step(a)) != ACQUIRE_DONE) {
		CU_ASSERT_TRUE_FATAL(r >= 0);
		if (r == ACQUIRE_WAIT)
			poll(&(struct pollfd){ .fd = acquire_fd(a), .events = POLLIN }, 1, 1000);
	}
	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&reader, arena_input(&arena));
	messages_init(&messages, &reader, c);
	ret->n = 0;
	while ((r = messages_next(&messages, &m)) > 0) {
		struct sight s;

		CU_ASSERT_EQUAL_FATAL(sight_read(&m, &s), 0);
		if (t && !track_table_find(t, s.source, s.cookie, s.twin))
			CU_ASSERT_EQUAL(sight_store(&s, t, track_table_add(t, s.source, s.cookie, s.twin, s.inode, NULL)), 0);
		if ((s.local_port == port || s.peer_port == port) && ret->n < ARRAY_SIZE(ret->row))
			ret->row[ret->n++] = (struct row){ s.cookie, s.state };
	}
	CU_ASSERT_EQUAL(r, 0);
	qsort(ret->row, ret->n, sizeof(ret->row[0]), compare_rows);
}

static int listener(int family, uint16_t *ret_port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *addr = family == AF_INET6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = family == AF_INET6 ? sizeof(in6) : sizeof(in);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, addr, len), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 8), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, addr, &len), 0);
	*ret_port = ntohs(family == AF_INET6 ? in6.sin6_port : in.sin_port);
	return fd;
}

static int dial(int listen_fd, int family, int *ret_accepted)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(getsockname(listen_fd, (struct sockaddr *)&addr, &len), 0);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&addr, len), 0);
	*ret_accepted = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	return fd;
}

static unsigned count_state(const struct rows *rows, uint64_t state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rows->n; i++)
		n += rows->row[i].state == state;
	return n;
}

/* The acknowledgement of its FIN may take a while, and would come between two readings. */
static void await_fin_wait2(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	for (unsigned i = 0; i < 1000 && info.tcpi_state != STATE_FIN_WAIT2; i++) {
		usleep(1000);
		CU_ASSERT_EQUAL_FATAL(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	}
	CU_ASSERT_EQUAL(info.tcpi_state, STATE_FIN_WAIT2);
}

/* Established, closing and TIME-WAIT connections and their listener: by single gets they are the same as by a dump. */
static void test_kernel(int family)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct rows whole, single;
	struct query_key key;
	struct request req;
	uint16_t port;
	int server, fds[6];
	char byte;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	server = listener(family, &port);
	for (unsigned i = 0; i < 6; i += 2)
		fds[i] = dial(server, family, &fds[i + 1]);
	/* The client closes first, so its end waits; the last one only half. */
	close(fds[2]);
	CU_ASSERT_EQUAL(read(fds[3], &byte, 1), 0);
	close(fds[3]);
	shutdown(fds[4], SHUT_WR);
	CU_ASSERT_EQUAL(read(fds[5], &byte, 1), 0);
	await_fin_wait2(fds[4]);

	request_tcp(&req, STATES_ALL);
	read_sockets(&req, port, t, &whole);
	CU_ASSERT_EQUAL(whole.n, 6);
	CU_ASSERT_EQUAL(count_state(&whole, STATE_TIME_WAIT), 1);
	CU_ASSERT_EQUAL(count_state(&whole, STATE_LISTEN), 1);
	CU_ASSERT_EQUAL(count_state(&whole, STATE_CLOSE_WAIT), 1);
	key = port_key(port);
	CU_ASSERT_EQUAL(narrowed(t, &key, 1, &req), 5);
	read_sockets(&req, port, NULL, &single);
	CU_ASSERT_EQUAL(single.n, whole.n);
	CU_ASSERT_EQUAL(memcmp(single.row, whole.row, whole.n * sizeof(whole.row[0])), 0);
	request_deinit(&req);
	close(fds[0]), close(fds[1]), close(fds[4]), close(fds[5]), close(server);
}

static void test_kernel4(void)
{
	test_kernel(AF_INET);
}

static void test_kernel6(void)
{
	test_kernel(AF_INET6);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The least that a walk can do, in memory of the entries' size: looks at both ports of each. */
static unsigned count_port(const struct track_entry *entries, size_t n, uint16_t port)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		found += entries[i].local_port == port || entries[i].peer_port == port;
	return found;
}

/* Against the bare loop on the same machine, at the same load, with a good deal of room. */
static void test_walk_is_quick(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	CLEANUP(free) struct track_entry *entries = calloc(400000, sizeof(*entries));
	struct query_key key = port_key(443);
	double walk = 60, loop = 60;

	CU_ASSERT_PTR_NOT_NULL_FATAL(entries);
	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (uint32_t i = 1; i <= 400000; i++)
		entries[i - 1] = *add(t, i, STATE_ESTABLISHED, (uint16_t)(1024 + i % 30000), (uint16_t)(32768 + i % 20000));
	for (unsigned k = 0; k < 10; k++) {
		double begin = cpu_seconds(), middle, end;

		CU_ASSERT_EQUAL(narrow_once(t, &key, 1, STATES_ALL), 0);
		middle = cpu_seconds();
		CU_ASSERT_EQUAL(count_port(entries, 400000, 443), 0);
		end = cpu_seconds();
		walk = middle - begin < walk ? middle - begin : walk;
		loop = end - middle < loop ? end - middle : loop;
	}
	if (walk >= 20 * loop)
		printf("\n    %.3f ms, the bare loop %.3f ms\n", walk * 1e3, loop * 1e3);
	CU_ASSERT_TRUE(walk < 20 * loop);
}

/* The same ports in three namespaces: the gets are of those that are asked, and say which. */
static void test_namespaces(void)
{
	static const struct netns rows[] = {
		{ .ino = 4026531840, .own = true }, { .ino = 4026532001 }, { .ino = 4026532002 }, { .ino = 4026532003 },
	};
	static const struct {
		unsigned int asked; /* bits of rows */
		unsigned int found; /* bits of the sockets' slots */
	} cases[] = { { 0, 1 }, { 1, 1 }, { 2, 2 }, { 4, 4 }, { 3, 3 }, { 6, 6 }, { 7, 7 }, { 8, 0 }, { 15, 7 } };
	struct query_key key = port_key(80);
	struct track_table *t;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	for (uint16_t slot = 0; slot < 3; slot++) {
		add(t, slot + 1u, STATE_ESTABLISHED, 80, 4000)->netns = slot;
		CU_ASSERT_EQUAL(track_table_set_netns(t, slot, rows[slot].ino), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request req;

		request_tcp(&req, STATES_ALL);
		for (unsigned int k = 0; k < ARRAY_SIZE(rows); k++)
			if (cases[i].asked & 1u << k)
				CU_ASSERT_EQUAL(netns_list_add(&req.netns, &rows[k]), 0);
		CU_ASSERT_EQUAL(narrowed(t, &key, 1, &req), __builtin_popcount(cases[i].found));
		for (unsigned int slot = 0; slot < 3; slot++)
			CU_ASSERT_EQUAL(gets_have(&req, SOURCE_tcp4, slot + 1), !!(cases[i].found & 1u << slot));
		for (unsigned int k = 0; k < req.sources[SOURCE_tcp4].n_gets; k++) {
			const struct exact_key *get = &req.sources[SOURCE_tcp4].gets[k];

			CU_ASSERT_EQUAL(get->netns, get->cookie == 1 ? 0 : rows[get->cookie - 1].ino);
		}
		request_deinit(&req);
	}
	track_table_free(t);
}

void suite_track_narrow(void)
{
	CU_pSuite s = CU_add_suite("track narrow", NULL, NULL);

	CU_add_test(s, "keys of each kind", test_keys);
	CU_add_test(s, "IPv4 addresses in IPv6", test_mapped);
	CU_add_test(s, "by the process that holds them", test_pid);
	CU_add_test(s, "by a process that was not scanned", test_unknown_pid);
	CU_add_test(s, "not worth it", test_small_table);
	CU_add_test(s, "too many, and what is left alone", test_limits);
	CU_add_test(s, "the kernel by gets and by dump, IPv4", test_kernel4);
	CU_add_test(s, "the kernel by gets and by dump, IPv6", test_kernel6);
	CU_add_test(s, "a walk over many", test_walk_is_quick);
	CU_add_test(s, "network namespaces", test_namespaces);
}
