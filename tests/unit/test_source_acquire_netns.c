/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readings of many namespaces: each socket once and in its own, whichever come and go meanwhile */

#include "source/acquire.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "snapshot/identity.h"
#include "snapshot/messages.h"
#include "source/host.h"
#include "source/netns.h"
#include "unit/netns_rig.h"
#include "unit/suites.h"

#define N_NETNS 10
#define N_SOCKETS 7 /* in each */
#define PORT 7001

static struct place {
	int fd; /* of the namespace; -1 when we do not keep it */
	uint64_t ino;
	int sockets[N_SOCKETS];
	uint64_t cookies[N_SOCKETS];
} places[N_NETNS];

static struct request req;
static struct memory stream; /* the whole answer */
static struct context *context;

/* The rows of the answer. */
static struct row {
	uint64_t cookie, netns;
	uint8_t source;
} rows[65536];
static unsigned int n_rows;

/* The same ends in each namespace: nothing but the namespace tells them apart. */
static void open_sockets(struct place *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in client = { .sin_family = AF_INET, .sin_port = htons(PORT + 1), .sin_addr = in.sin_addr };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "\0the same everywhere" };
	int *s = p->sockets, on = 1;

	s[0] = rig_socket_in(p->fd, AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(s[0], (void *)&in, sizeof(in)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(s[0], 5), 0);
	s[1] = rig_socket_in(p->fd, AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(s[1], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	CU_ASSERT_EQUAL_FATAL(bind(s[1], (void *)&client, sizeof(client)), 0);
	CU_ASSERT_EQUAL_FATAL(connect(s[1], (void *)&in, sizeof(in)), 0);
	s[2] = accept4(s[0], NULL, NULL, SOCK_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(s[2] >= 0);
	s[3] = rig_socket_in(p->fd, AF_INET6, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(s[3], (void *)&in6, sizeof(in6)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(s[3], 5), 0);
	s[4] = rig_socket_in(p->fd, AF_INET, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(s[4], (void *)&in, sizeof(in)), 0);
	s[5] = rig_socket_in(p->fd, AF_UNIX, SOCK_DGRAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(s[5], (void *)&un, sizeof(un)), 0);
	s[6] = rig_socket_in(p->fd, AF_PACKET, SOCK_DGRAM, htons(ETH_P_LOOP));
	for (unsigned int i = 0; i < N_SOCKETS; i++)
		p->cookies[i] = rig_socket_cookie(s[i]);
}

static void close_sockets(struct place *p)
{
	for (unsigned int i = 0; i < N_SOCKETS; i++)
		close(p->sockets[i]);
}

static void add_netns(uint64_t ino, uint32_t pid, bool own, const char *path)
{
	char copy[64];
	struct netns ns = { .ino = ino, .pid = pid, .own = own, .path = path ? copy : NULL };

	if (path)
		snprintf(copy, sizeof(copy), "%s", path);
	CU_ASSERT_EQUAL_FATAL(netns_list_add(&req.netns, &ns), 0);
}

static void add_place(const struct place *p)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	add_netns(p->ino, 0, false, path);
}

static void want_only(uint64_t source_bits)
{
	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		req.sources[id].wanted = (source_bits & SOURCE_BIT(id)) != 0;
}

#define SOURCES_OF_OURS (SOURCE_BIT(SOURCE_tcp4) | SOURCE_BIT(SOURCE_tcp6) | SOURCE_BIT(SOURCE_udp4) | \
			 SOURCE_BIT(SOURCE_unix) | SOURCE_BIT(SOURCE_packet))

static void begin(void)
{
	request_init(&req, GROUP_BIT(GROUP_base));
	want_only(SOURCES_OF_OURS);
	for (unsigned int i = 0; i < N_NETNS; i++) {
		places[i].fd = rig_netns_new();
		places[i].ino = rig_ino(places[i].fd);
		open_sockets(&places[i]);
	}
}

static void forget_answer(void)
{
	context = context_free(context);
	free((void *)stream.data);
	stream = (struct memory){};
}

static void finish(void)
{
	for (unsigned int i = 0; i < N_NETNS; i++) {
		close_sockets(&places[i]);
		if (places[i].fd >= 0)
			close(places[i].fd);
	}
	forget_answer();
	request_deinit(&req);
}

/* Takes in what was written; what is read of it later is read from memory. */
static void take(struct arena *a)
{
	uint8_t *data = malloc(arena_pending(a));
	const uint8_t *piece;
	size_t len, n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	while ((len = arena_peek(a, &piece)) > 0) {
		memcpy(data + n, piece, len);
		n += len;
		arena_consume(a, len);
	}
	stream = (struct memory){ .data = data, .len = n };
}

static void read_rows(void)
{
	struct memory m = stream;
	struct messages messages;
	struct message message;
	struct reader reader;
	int r;

	n_rows = 0;
	CU_ASSERT_EQUAL_FATAL(context_new(&context), 0);
	reader_init(&reader, memory_input(&m));
	messages_init(&messages, &reader, context);
	while ((r = messages_next(&messages, &message)) > 0) {
		struct identity id = {};

		CU_ASSERT_TRUE_FATAL(n_rows < ARRAY_SIZE(rows));
		(void)identity_read(&message, &id);
		rows[n_rows++] = (struct row){ .cookie = id.cookie, .netns = message.netns, .source = message.source };
	}
	CU_ASSERT_EQUAL_FATAL(r, 0);
}

/* The reading; between is called once, when `after` namespaces beside the own one were begun. */
static void read_with(void (*between)(void), unsigned int after)
{
	CLEANUP(acquire_free) struct acquire *a = NULL;
	CLEANUP(arena_deinit) struct arena arena;
	unsigned int n_fds = rig_n_fds(), n_steps = 0;
	int r;

	forget_answer();
	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
	while ((r = acquire_step(a)) > 0) {
		struct pollfd p = { .fd = acquire_fd(a), .events = POLLIN };

		if (between && ++n_steps > after) {
			between();
			between = NULL;
		}
		if (r == ACQUIRE_WAIT)
			CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 20000), 1);
	}
	CU_ASSERT_EQUAL(r, ACQUIRE_DONE);
	a = acquire_free(a);
	if (!between && after == 0)
		CU_ASSERT_EQUAL(rig_n_fds(), n_fds);
	take(&arena);
	read_rows();
}

static void read_all(void)
{
	read_with(NULL, 0);
}

static unsigned int count_cookie(uint64_t cookie, uint64_t netns)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_rows; i++)
		n += rows[i].cookie == cookie && (netns == 0 || rows[i].netns == netns);
	return n;
}

static unsigned int count_netns(uint64_t netns)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_rows; i++)
		n += rows[i].netns == netns;
	return n;
}

static void check_place(const struct place *p)
{
	for (unsigned int i = 0; i < N_SOCKETS; i++) {
		CU_ASSERT_EQUAL(count_cookie(p->cookies[i], p->ino), 1);
		CU_ASSERT_EQUAL(count_cookie(p->cookies[i], 0), 1);
	}
	CU_ASSERT_EQUAL(count_netns(p->ino), N_SOCKETS);
}

/* Blocks of a type about a source (0: any) and a namespace (0: any, in blocks that say none as well). */
static unsigned int count_blocks(uint32_t type, uint32_t source, uint64_t netns)
{
	struct memory m = stream;
	struct reader reader;
	struct block b;
	unsigned int n = 0;

	reader_init(&reader, memory_input(&m));
	while (reader_next(&reader, &b) > 0) {
		uint64_t ino = 0;
		uint32_t id = 0;

		/* Attributes: u16 length and type, as netlink's. */
		for (size_t at = 0; b.type == type && at + 4 <= b.length;) {
			uint16_t head[2];

			memcpy(head, b.payload + at, sizeof(head));
			if (head[1] == (type == SOCKETD_BLOCK_NETNS ? SOCKETD_NETNS_INO :
					type == SOCKETD_BLOCK_SOURCE ? SOCKETD_SOURCE_NETNS : SOCKETD_SOURCE_END_NETNS) &&
			    head[0] == 12)
				memcpy(&ino, b.payload + at + 4, 8);
			else if (head[1] == SOCKETD_SOURCE_ID && head[0] == 8)
				memcpy(&id, b.payload + at + 4, 4);
			at += (head[0] + 3u) & ~3u;
			if (head[0] < 4)
				break;
		}
		n += b.type == type && (!netns || netns == ino) && (!source || source == id);
	}
	return n;
}

static void test_ten_namespaces(void)
{
	int mine = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint32_t hidden = 99;

	begin();
	CU_ASSERT_EQUAL(listen(mine, 1), 0);
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < N_NETNS; i++)
		add_place(&places[i]);
	read_all();
	for (unsigned int i = 0; i < N_NETNS; i++) {
		check_place(&places[i]);
		CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_NETNS, 0, places[i].ino), 1);
		CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE, SOURCE_tcp, places[i].ino), 1);
		CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE_END, SOURCE_tcp, places[i].ino), 1);
		CU_ASSERT_STRING_EQUAL(context_link_name(context, places[i].ino, 1), "lo");
	}
	CU_ASSERT_EQUAL(count_cookie(rig_socket_cookie(mine), netns_own_ino()), 1);
	CU_ASSERT_EQUAL(count_cookie(rig_socket_cookie(mine), 0), 1);
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_NETNS, 0, 0), N_NETNS + 1);
	CU_ASSERT_TRUE(context_hidden_netns(context, &hidden));
	CU_ASSERT_EQUAL(hidden, 0);
	CU_ASSERT_EQUAL(context_netns_own(context), netns_own_ino());
	close(mine);
	finish();
}

/* Found as a daemon finds them. */
static void test_all_that_are_found(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(netns_discover(&req.netns, NETNS_MAX), 0);
	read_all();
	for (unsigned int i = 0; i < N_NETNS; i++)
		check_place(&places[i]);
	CU_ASSERT_TRUE(count_netns(netns_own_ino()) > 0);
	finish();
}

static void test_one_namespace_alone(void)
{
	begin();
	add_place(&places[3]);
	read_all();
	check_place(&places[3]);
	CU_ASSERT_EQUAL(n_rows, N_SOCKETS);
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE, 0, netns_own_ino()), 0);
	finish();
}

static void test_own_is_read_once(void)
{
	int mine = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	begin();
	CU_ASSERT_EQUAL(listen(mine, 1), 0);
	/* Whatever the list says of it. */
	add_netns(netns_own_ino(), 0, true, NULL);
	add_netns(netns_own_ino(), 0, false, "/proc/self/ns/net");
	add_place(&places[0]);
	read_all();
	CU_ASSERT_EQUAL(count_cookie(rig_socket_cookie(mine), 0), 1);
	check_place(&places[0]);
	close(mine);
	finish();
}

static pid_t sleepers[3];

static void vanish(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sleepers); i++)
		rig_process_end(sleepers[i]);
	/* One that nobody has any more: its number may be used again, by one that appears. */
	close_sockets(&places[9]);
	open_sockets(&places[8]);
}

/*
 * 9 goes with its process and its sockets; 8 is reached by the first of two processes, of which one
 * goes; the others stay.
 */
static void test_vanishing(void)
{
	uint64_t gone[N_SOCKETS];
	pid_t survivor;
	char path[48];
	uint32_t hidden = 99;

	begin();
	memcpy(gone, places[9].cookies, sizeof(gone));
	close_sockets(&places[8]);
	for (unsigned int i = 0; i < 3; i++)
		sleepers[i] = rig_process_in(places[i == 0 ? 8 : 9].fd);
	survivor = rig_process_in(places[8].fd);
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < 8; i++)
		add_place(&places[i]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)sleepers[0]);
	add_netns(places[8].ino, (uint32_t)sleepers[0], false, path);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)sleepers[1]);
	add_netns(places[9].ino, (uint32_t)sleepers[1], false, path);
	close(places[9].fd);
	places[9].fd = -1;

	read_with(vanish, 8);
	for (unsigned int i = 0; i < 9; i++)
		check_place(&places[i]);
	for (unsigned int i = 0; i < N_SOCKETS; i++)
		CU_ASSERT_EQUAL(count_cookie(gone[i], 0), 0);
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE, 0, places[9].ino), 0);
	CU_ASSERT_TRUE(context_hidden_netns(context, &hidden));
	CU_ASSERT_EQUAL(hidden, 0);
	rig_process_end(survivor);
	/* Closed by vanish() already. */
	memset(places[9].sockets, -1, sizeof(places[9].sockets));
	finish();
}

/* A path that leads to another namespace by now. */
static void test_path_of_another(void)
{
	char path[48];
	uint32_t hidden = 99;

	begin();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", places[1].fd);
	add_netns(1, 0, false, path);
	add_netns(2, 0, false, "/dev/null");
	add_netns(3, 0, false, "/nowhere");
	add_place(&places[0]);
	read_all();
	check_place(&places[0]);
	CU_ASSERT_EQUAL(n_rows, N_SOCKETS);
	CU_ASSERT_TRUE(context_hidden_netns(context, &hidden));
	CU_ASSERT_EQUAL(hidden, 0);
	finish();
}

static void test_without_a_path(void)
{
	uint32_t hidden = 99;

	begin();
	req.netns.n_hidden = 5;
	add_netns(1, 0, false, NULL);
	add_place(&places[0]);
	read_all();
	check_place(&places[0]);
	CU_ASSERT_TRUE(context_hidden_netns(context, &hidden));
	CU_ASSERT_EQUAL(hidden, 6);
	finish();
}

/* As the service, whose helper is not there: the own namespace is read, the others are counted. */
static int without_sys_admin(void *ctx)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint32_t hidden = 0;

	(void)ctx;
	if (syscall(SYS_capget, &head, data) < 0)
		return 100;
	data[0].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	data[0].permitted = data[0].effective;
	if (syscall(SYS_capset, &head, data) < 0)
		return 101;
	read_all();
	if (count_netns(netns_own_ino()) == 0 || count_netns(places[0].ino) != 0)
		return 102;
	return context_hidden_netns(context, &hidden) ? (int)hidden : 103;
}

static void test_that_may_not_be_entered(void)
{
	begin();
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < N_NETNS; i++)
		add_place(&places[i]);
	/* Where a helper is installed it does what it is for. */
	if (access("/run/socketd-netns", F_OK) < 0)
		CU_ASSERT_EQUAL(rig_in_child(without_sys_admin, NULL), N_NETNS);
	finish();
}

static void test_users_see_their_own(void)
{
	uint32_t hidden;

	begin();
	req.uid = 1000;
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < N_NETNS; i++)
		add_place(&places[i]);
	read_all();
	CU_ASSERT_TRUE(count_netns(netns_own_ino()) > 0);
	CU_ASSERT_EQUAL(count_netns(netns_own_ino()), n_rows);
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_NETNS, 0, 0), 1);
	CU_ASSERT_FALSE(context_hidden_netns(context, &hidden));
	/* Nor where none but others are asked for. */
	netns_list_deinit(&req.netns);
	add_place(&places[0]);
	read_all();
	CU_ASSERT_EQUAL(count_netns(netns_own_ino()), n_rows);
	finish();
}

/* A family that the kernel lacks is a fact of the kernel: it is said once. */
static void test_lacking_family(void)
{
	unsigned int n;

	begin();
	want_only(SOURCE_BIT(SOURCE_dccp4) | SOURCE_BIT(SOURCE_udp4));
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < N_NETNS; i++)
		add_place(&places[i]);
	read_all();
	n = context_source(context, SOURCE_dccp4)->error ? 1 : N_NETNS + 1;
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE, SOURCE_dccp4, 0), n);
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE_END, SOURCE_dccp4, 0), n);
	CU_ASSERT_EQUAL(count_blocks(SOCKETD_BLOCK_SOURCE, SOURCE_udp4, 0), N_NETNS + 1);
	finish();
}

/* Of lines of /proc the block's head says where they are from, as of messages. */
static void test_lines(void)
{
	unsigned int n[N_NETNS] = {};
	int more[N_NETNS];

	begin();
	want_only(SOURCE_BIT(SOURCE_proc_udp));
	for (unsigned int i = 0; i < N_NETNS; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT + i + 1) };

		more[i] = rig_socket_in(places[i].fd, AF_INET, SOCK_DGRAM, 0);
		CU_ASSERT_EQUAL(bind(more[i], (void *)&in, sizeof(in)), 0);
		add_place(&places[i]);
	}
	close(more[4]);
	read_all();
	for (unsigned int k = 0; k < n_rows; k++)
		for (unsigned int i = 0; i < N_NETNS; i++)
			n[i] += rows[k].netns == places[i].ino;
	for (unsigned int i = 0; i < N_NETNS; i++) {
		CU_ASSERT_EQUAL(n[i], i == 4 ? 1 : 2);
		if (i != 4)
			close(more[i]);
	}
	finish();
}

static void add_get(const struct place *p, uint64_t cookie)
{
	struct source_request *s = &req.sources[SOURCE_tcp4];
	const uint32_t loopback = htonl(INADDR_LOOPBACK);
	struct exact_key *k = &s->gets[s->n_gets++];

	memset(k, 0, sizeof(*k));
	k->cookie = cookie;
	k->local_port = PORT + 1;
	k->peer_port = PORT;
	memcpy(k->local, &loopback, 4);
	memcpy(k->peer, &loopback, 4);
	k->netns = (uint32_t)p->ino;
}

/* Each of the gets goes where it belongs: elsewhere the same ends are another socket's. */
static void test_gets(void)
{
	struct source_request *s = &req.sources[SOURCE_tcp4];

	begin();
	want_only(SOURCE_BIT(SOURCE_tcp4));
	s->by_gets = true;
	s->states = STATES_ALL & ~STATE_BIT(STATE_LISTEN);
	s->gets = calloc(REQUEST_GETS_MAX, sizeof(s->gets[0]));
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < N_NETNS; i++)
		add_place(&places[i]);
	for (unsigned int i = 1; i < N_NETNS; i += 2)
		add_get(&places[i], places[i].cookies[1]);
	read_all();
	CU_ASSERT_EQUAL(n_rows, N_NETNS / 2);
	for (unsigned int i = 0; i < N_NETNS; i++)
		CU_ASSERT_EQUAL(count_cookie(places[i].cookies[1], places[i].ino), i % 2);

	/* One that is not there any more: that namespace is dumped, and no other. */
	s->gets[2].cookie = 1;
	read_all();
	for (unsigned int i = 0; i < N_NETNS; i++)
		CU_ASSERT_EQUAL(count_cookie(places[i].cookies[1], places[i].ino), i % 2);
	CU_ASSERT_EQUAL(count_cookie(places[5].cookies[2], places[5].ino), 1);
	CU_ASSERT_EQUAL(n_rows, N_NETNS / 2 + 1);
	finish();
}

static void test_freed_anywhere(void)
{
	unsigned int n_fds;

	begin();
	add_netns(netns_own_ino(), 0, true, NULL);
	for (unsigned int i = 0; i < N_NETNS; i++)
		add_place(&places[i]);
	n_fds = rig_n_fds();
	for (unsigned int n = 0; n < 60; n++) {
		CLEANUP(arena_deinit) struct arena arena;
		struct acquire *a = NULL;

		arena_init(&arena);
		CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
		for (unsigned int i = 0; i < n; i++)
			CU_ASSERT_TRUE(acquire_step(a) >= 0);
		/* A handful at a time, however many namespaces there are. */
		CU_ASSERT_TRUE(rig_n_fds() <= n_fds + 6);
		acquire_free(a);
		CU_ASSERT_EQUAL(rig_n_fds(), n_fds);
	}
	finish();
}

void suite_source_acquire_netns(void)
{
	CU_pSuite s = CU_add_suite("readings of many namespaces", NULL, NULL);

	CU_add_test(s, "ten with the same addresses", test_ten_namespaces);
	CU_add_test(s, "all that are found", test_all_that_are_found);
	CU_add_test(s, "one of them alone", test_one_namespace_alone);
	CU_add_test(s, "our own is read once", test_own_is_read_once);
	CU_add_test(s, "some vanish, and one goes on without the process it was known by", test_vanishing);
	CU_add_test(s, "a path leads elsewhere by now", test_path_of_another);
	CU_add_test(s, "one without a path is hidden", test_without_a_path);
	CU_add_test(s, "those that may not be entered are hidden", test_that_may_not_be_entered);
	CU_add_test(s, "users see their own", test_users_see_their_own);
	CU_add_test(s, "what the kernel lacks is asked once", test_lacking_family);
	CU_add_test(s, "lines of /proc", test_lines);
	CU_add_test(s, "single gets go where they belong", test_gets);
	CU_add_test(s, "freed anywhere, no descriptor is left", test_freed_anywhere);
}
