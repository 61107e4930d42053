/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole readings of this machine: order of the stream, sockets that we made, owners, fallbacks */

#include "socketd/uapi.h"
#include "source/acquire.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "source/dump.h"
#include "source/owner_child.h"
#include "unit/suites.h"

static struct arena arena;
static struct request req;
static struct context *context;

/* Inodes of the rows that were read, by source. */
static struct {
	uint64_t inode;
	uint8_t source;
	char line[160];
} rows[65536];
static unsigned int n_rows;

static void begin(uint32_t groups)
{
	arena_init(&arena);
	request_init(&req, groups);
}

static void want_only(uint64_t source_bits)
{
	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		req.sources[id].wanted = (source_bits & SOURCE_BIT(id)) != 0;
}

static void finish(void)
{
	context = context_free(context);
	request_deinit(&req);
	arena_deinit(&arena);
}

static uint64_t row_inode(const struct message *m)
{
	struct inet_diag_msg inet;
	struct unix_diag_msg un;

	switch (source_def_get(m->source)->kind) {
	case KIND_INET:
		memcpy(&inet, m->data, sizeof(inet));
		return inet.idiag_inode;
	case KIND_UNIX:
		memcpy(&un, m->data, sizeof(un));
		return un.udiag_ino;
	default:
		return 0;
	}
}

static void step_to_end(struct acquire *a)
{
	int r;

	while ((r = acquire_step(a)) > 0) {
		struct pollfd p = { .fd = acquire_fd(a), .events = POLLIN };

		if (r != ACQUIRE_WAIT)
			continue;
		CU_ASSERT_TRUE(acquire_timeout_usec(a) <= 30000000);
		CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 20000), 1);
	}
	CU_ASSERT_EQUAL(r, ACQUIRE_DONE);
}

/* Reads what the arena has: messages_next refuses a stream that is out of order. */
static void read_stream(void)
{
	struct messages messages;
	struct message m;
	struct reader reader;
	int r;

	n_rows = 0;
	CU_ASSERT_EQUAL_FATAL(context_new(&context), 0);
	reader_init(&reader, arena_input(&arena));
	messages_init(&messages, &reader, context);
	while ((r = messages_next(&messages, &m)) > 0) {
		CU_ASSERT_TRUE_FATAL(n_rows < sizeof(rows) / sizeof(rows[0]));
		rows[n_rows].inode = row_inode(&m);
		rows[n_rows].source = m.source;
		memset(rows[n_rows].line, 0, sizeof(rows[n_rows].line));
		if (source_def_get(m.source)->kind == KIND_PROC_INET)
			memcpy(rows[n_rows].line, m.data,
			       m.len < sizeof(rows[0].line) ? m.len : sizeof(rows[0].line) - 1);
		n_rows++;
	}
	CU_ASSERT_EQUAL(r, 0);
	for (unsigned int id = 1; id < SOURCE_COUNT; id++) {
		const struct source_state *s = context_source(context, id);
		uint64_t n = 0;

		for (unsigned int i = 0; i < n_rows; i++)
			n += rows[i].source == id;
		CU_ASSERT_EQUAL(s->seen, s->ended);
		CU_ASSERT_EQUAL(s->n_messages, n);
	}
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void read_all(void)
{
	CLEANUP(acquire_free) struct acquire *a = NULL;

	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
	step_to_end(a);
	CU_ASSERT_EQUAL(acquire_step(a), ACQUIRE_DONE);
	read_stream();
}

static unsigned int count_rows(enum source_id id, uint64_t inode)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_rows; i++)
		n += rows[i].source == id && rows[i].inode == inode;
	return n;
}

/* No child of ours is left, running or dead; one that was killed may take a while. */
static void expect_reaped(void)
{
	for (unsigned int i = 0; i < 2000 && owner_child_reap() > 0; i++)
		usleep(1000);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	CU_ASSERT_EQUAL(errno, ECHILD);
}

static void test_sockets_of_ours(void)
{
	CLEANUP(close) int tcp = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP(close) int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CLEANUP(close) int un = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const struct process *process;
	const struct host_info *host;
	uint32_t pid, fd, hidden;
	char name[256];
	int error = -1;

	CU_ASSERT_EQUAL(listen(tcp, 1), 0);
	CU_ASSERT_EQUAL(bind(udp, (struct sockaddr *)&sin, sizeof(sin)), 0);
	begin(GROUPS_DETAIL);
	read_all();
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp, inode_of(tcp)), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_udp4, inode_of(udp)), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_unix, inode_of(un)), 1);

	CU_ASSERT_TRUE(context_owners_known(context, &error, &hidden));
	CU_ASSERT_EQUAL(error, 0);
	CU_ASSERT_TRUE_FATAL(context_owner(context, inode_of(tcp), 0, &process, &pid, &fd));
	CU_ASSERT_EQUAL(pid, getpid());
	CU_ASSERT_EQUAL(fd, tcp);
	CU_ASSERT_PTR_NOT_NULL_FATAL(process);
	CU_ASSERT_EQUAL(process->uid, geteuid());
	CU_ASSERT_FALSE(context_owner(context, inode_of(tcp), 1, &process, &pid, &fd));

	host = context_host(context);
	CU_ASSERT_EQUAL(gethostname(name, sizeof(name)), 0);
	CU_ASSERT_STRING_EQUAL(host->name, name);
	CU_ASSERT_EQUAL(strlen(host->boot_id), 36);
	CU_ASSERT_TRUE(host->realtime_usec > UINT64_C(1600000000000000));
	CU_ASSERT_STRING_EQUAL(context_link_name(context, 0, 1), "lo");
	finish();
	expect_reaped();
}

static void test_no_owners_asked(void)
{
	int error;
	uint32_t hidden;

	begin(GROUPS_DETAIL & ~GROUP_BIT(GROUP_owner));
	want_only(SOURCE_BIT(SOURCE_unix));
	read_all();
	CU_ASSERT_FALSE(context_has_owners(context));
	CU_ASSERT_FALSE(context_owners_known(context, &error, &hidden));
	CU_ASSERT_TRUE(context_source(context, SOURCE_unix)->seen);
	CU_ASSERT_FALSE(context_source(context, SOURCE_tcp4)->seen);
	finish();
}

static void test_states_and_exact(void)
{
	CLEANUP(close) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP(close) int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP(close) int un = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct source_request *s;
	socklen_t len = sizeof(sin);

	CU_ASSERT_EQUAL(bind(listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	CU_ASSERT_EQUAL(listen(listener, 1), 0);
	CU_ASSERT_EQUAL(getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	CU_ASSERT_EQUAL(connect(client, (struct sockaddr *)&sin, sizeof(sin)), 0);

	begin(GROUP_BIT(GROUP_base));
	want_only(SOURCE_BIT(SOURCE_tcp4));
	req.sources[SOURCE_tcp4].states = STATE_BIT(STATE_LISTEN);
	read_all();
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, inode_of(listener)), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, inode_of(client)), 0);
	finish();

	begin(GROUP_BIT(GROUP_base));
	want_only(SOURCE_BIT(SOURCE_tcp4) | SOURCE_BIT(SOURCE_unix));
	s = &req.sources[SOURCE_tcp4];
	s->exact = true;
	s->peer_port = ntohs(sin.sin_port);
	memcpy(s->local, &sin.sin_addr, 4);
	memcpy(s->peer, &sin.sin_addr, 4);
	len = sizeof(sin);
	CU_ASSERT_EQUAL(getsockname(client, (struct sockaddr *)&sin, &len), 0);
	s->local_port = ntohs(sin.sin_port);
	req.sources[SOURCE_unix].exact = true;
	req.sources[SOURCE_unix].inode = inode_of(un);
	read_all();
	CU_ASSERT_EQUAL(n_rows, 2);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, inode_of(client)), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_unix, inode_of(un)), 1);
	finish();
}

/* Whichever way this kernel tells of raw sockets, ours is there once. */
static void test_fallback(void)
{
	CLEANUP(close) int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 253);
	unsigned int n = 0;
	char inode[32];

	if (raw < 0)
		return;
	snprintf(inode, sizeof(inode), " %llu ", (unsigned long long)inode_of(raw));
	begin(GROUPS_DETAIL);
	want_only(SOURCE_BIT(SOURCE_raw4));
	read_all();
	for (unsigned int i = 0; i < n_rows; i++)
		n += rows[i].inode == inode_of(raw) || strstr(rows[i].line, inode) != NULL;
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(context_source(context, SOURCE_proc_raw)->seen,
			context_source(context, SOURCE_raw4)->error == ENOENT);
	finish();
}

/* Without rows nobody's owners are looked for to the end. */
static void test_nothing_found(void)
{
	uint32_t hidden;
	int error = -1;

	begin(GROUPS_DETAIL);
	want_only(SOURCE_BIT(SOURCE_unix));
	req.sources[SOURCE_unix].exact = true;
	req.sources[SOURCE_unix].inode = UINT32_MAX;
	read_all();
	CU_ASSERT_EQUAL(n_rows, 0);
	CU_ASSERT_EQUAL(context_source(context, SOURCE_unix)->error, 0);
	CU_ASSERT_TRUE(context_owners_known(context, &error, &hidden));
	CU_ASSERT_EQUAL(error, 0);
	finish();
	expect_reaped();
}

/* It is asked before all others; where it is not, that is an answer, and the rest is read. */
static void test_module_first(void)
{
	struct block b;
	struct reader reader;
	CLEANUP(acquire_free) struct acquire *a = NULL;
	unsigned int first = 0, n_ended = 0;

	begin(GROUP_BIT(GROUP_base));
	want_only(SOURCE_BIT(SOURCE_module) | SOURCE_BIT(SOURCE_tcp4) | SOURCE_BIT(SOURCE_unix));
	req.module = (struct module_request){ .walks = SOCKETD_WALK_TASKS, .states = UINT32_MAX, .families = UINT64_MAX };
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
	step_to_end(a);
	CU_ASSERT_EQUAL_FATAL(context_new(&context), 0);
	reader_init(&reader, arena_input(&arena));
	while (reader_next(&reader, &b) > 0) {
		CU_ASSERT_EQUAL(context_apply(context, &b), 0);
		if (b.type == SOCKETD_BLOCK_SOURCE && !first)
			first = context_source(context, SOURCE_module)->seen ? SOURCE_module : SOURCE_tcp4;
		n_ended += b.type == SOCKETD_BLOCK_SOURCE_END;
	}
	CU_ASSERT_EQUAL(first, SOURCE_module);
	CU_ASSERT_EQUAL(n_ended, 3);
	CU_ASSERT_TRUE(context_source(context, SOURCE_module)->error == ENOENT || access("/sys/module/socketd_diag", F_OK) == 0);
	CU_ASSERT_EQUAL(context_source(context, SOURCE_unix)->error, 0);
	finish();
}

static void test_freed_in_the_middle(void)
{
	for (unsigned int n_steps = 0; n_steps < 40; n_steps += 3) {
		struct acquire *a = NULL;

		begin(GROUPS_DETAIL);
		CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
		for (unsigned int i = 0; i < n_steps; i++)
			CU_ASSERT_TRUE(acquire_step(a) >= 0);
		CU_ASSERT_PTR_NULL(acquire_free(a));
		finish();
		expect_reaped();
	}
}

/* A dump that waits for the owners waits in the kernel: nothing is lost, and memory stays bounded. */
static void test_held_is_bounded(void)
{
	enum { PAIRS = 2000, MAX = 4096 };
	static int fds[PAIRS][2];
	struct acquire *a = NULL;
	unsigned int n_found = 0, n_waits = 0;
	size_t before = 0, most = 0;
	int r;

	for (unsigned int i = 0; i < PAIRS; i++)
		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
	begin(GROUPS_DETAIL);
	want_only(SOURCE_BIT(SOURCE_unix));
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
	acquire_limit_held(a, MAX);
	while ((r = acquire_step(a)) > 0) {
		struct pollfd p = { .fd = acquire_fd(a), .events = POLLIN };
		size_t now = arena_pending(&arena);

		/* What waited comes into the arena in one step. */
		most = now - before > most ? now - before : most;
		before = now;
		if (r != ACQUIRE_WAIT)
			continue;
		n_waits++;
		CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 20000), 1);
	}
	CU_ASSERT_EQUAL(r, ACQUIRE_DONE);
	CU_ASSERT_TRUE(n_waits > 0 && n_waits < 1000); /* it waited, and was not woken for nothing */
	CU_ASSERT_TRUE(arena_pending(&arena) > 384 * 1024);
	CU_ASSERT_TRUE(most < 256 * 1024);
	acquire_free(a);
	read_stream();
	for (unsigned int i = 0; i < PAIRS; i++) {
		n_found += count_rows(SOURCE_unix, inode_of(fds[i][0])) + count_rows(SOURCE_unix, inode_of(fds[i][1]));
		close(fds[i][0]);
		close(fds[i][1]);
	}
	CU_ASSERT_EQUAL(n_found, 2 * PAIRS);
	finish();
}

/* One walk for both families of TCP when they are asked the same, and one each when they are not. */
static void test_tcp_is_read_once(void)
{
	CLEANUP(close) int v4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP(close) int v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL(listen(v4, 1), 0);
	CU_ASSERT_EQUAL(listen(v6, 1), 0);
	begin(GROUP_BIT(GROUP_base));
	read_all();
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp, inode_of(v4)), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp, inode_of(v6)), 1);
	CU_ASSERT_FALSE(context_source(context, SOURCE_tcp4)->seen);
	CU_ASSERT_FALSE(context_source(context, SOURCE_tcp6)->seen);
	finish();

	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp6].states = STATE_BIT(STATE_ESTABLISHED);
	read_all();
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp4, inode_of(v4)), 1);
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp6, inode_of(v6)), 0);
	CU_ASSERT_FALSE(context_source(context, SOURCE_tcp)->seen);
	finish();

	begin(GROUP_BIT(GROUP_base));
	req.sources[SOURCE_tcp4].wanted = false;
	read_all();
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp6, inode_of(v6)), 1);
	CU_ASSERT_FALSE(context_source(context, SOURCE_tcp)->seen);
	finish();
}

/* A memory of owners that counts how it is called, and says that it knows one process. */
static struct {
	unsigned int n_begin, n_blocks, n_end;
	int begin_result, end_error;
	uint32_t known_pid;
} memory;

static bool memory_same(const void *ctx, uint32_t pid, uint64_t start, uint32_t n_fds)
{
	(void)ctx;
	return pid == memory.known_pid && start != 0 && n_fds > 0;
}

static int memory_begin(void *ctx, struct owners_known *ret)
{
	CU_ASSERT_PTR_EQUAL(ctx, &memory);
	memory.n_begin++;
	*ret = (struct owners_known){ .same = memory_same };
	return memory.begin_result;
}

/* What goes on: of the known process one owner that it alone can have made up. */
static int memory_block(void *ctx, const struct block *b, struct arena *out)
{
	struct socketd_owner owner = { .inode = UINT64_C(0xabcdef0123), .pid = memory.known_pid, .fd = 77 };
	struct bulk_block bulk;

	CU_ASSERT_PTR_EQUAL(ctx, &memory);
	CU_ASSERT_EQUAL(memory.n_end, 0);
	if (memory.n_blocks++ > 0 || b->type != SOCKETD_BLOCK_PROCESS)
		return 0;
	if (bulk_block_begin(&bulk, out, SOCKETD_BLOCK_OWNERS, sizeof(owner)) < 0)
		return -ENOMEM;
	memcpy(bulk.payload, &owner, sizeof(owner));
	bulk_block_end(&bulk, out, sizeof(owner));
	return 0;
}

static void memory_end(void *ctx, int error)
{
	CU_ASSERT_PTR_EQUAL(ctx, &memory);
	memory.n_end++;
	memory.end_error = error;
}

static const struct acquire_owners memory_owners = {
	.begin = memory_begin,
	.block = memory_block,
	.end = memory_end,
	.ctx = &memory,
};

static void begin_memory(int begin_result)
{
	memset(&memory, 0, sizeof(memory));
	memory.begin_result = begin_result;
	memory.known_pid = getpid();
	begin(GROUPS_DETAIL);
	want_only(SOURCE_BIT(SOURCE_unix));
}

static void read_with_memory(void)
{
	CLEANUP(acquire_free) struct acquire *a = NULL;

	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, &memory_owners), 0);
	step_to_end(a);
	a = acquire_free(a);
	read_stream();
}

static void test_memory_of_owners(void)
{
	CLEANUP(close) int un = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct process *process;
	uint32_t pid, fd;

	/* Fed: all blocks go there, and what it writes is what the reading says. */
	begin_memory(0);
	read_with_memory();
	CU_ASSERT_EQUAL(memory.n_begin, 1);
	CU_ASSERT_TRUE(memory.n_blocks > 0);
	CU_ASSERT_EQUAL(memory.n_end, 1);
	CU_ASSERT_EQUAL(memory.end_error, 0);
	CU_ASSERT_TRUE(context_owner(context, UINT64_C(0xabcdef0123), 0, &process, &pid, &fd));
	CU_ASSERT_FALSE(context_owner(context, inode_of(un), 0, &process, &pid, &fd));
	finish();

	/* Busy: the reading has its owners, and the memory nothing. */
	begin_memory(-EBUSY);
	read_with_memory();
	CU_ASSERT_EQUAL(memory.n_begin, 1);
	CU_ASSERT_EQUAL(memory.n_blocks + memory.n_end, 0);
	CU_ASSERT_TRUE(context_owner(context, inode_of(un), 0, &process, &pid, &fd));
	CU_ASSERT_EQUAL(pid, getpid());
	finish();

	/* Not asked for a user, nor without owners. */
	begin_memory(0);
	req.uid = 65534;
	read_with_memory();
	CU_ASSERT_EQUAL(memory.n_begin + memory.n_blocks + memory.n_end, 0);
	finish();
	begin_memory(0);
	req.groups = GROUP_BIT(GROUP_base);
	read_with_memory();
	CU_ASSERT_EQUAL(memory.n_begin + memory.n_blocks + memory.n_end, 0);
	finish();
}

static void test_memory_is_told_of_an_early_end(void)
{
	struct acquire *a = NULL;

	begin_memory(0);
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, &memory_owners), 0);
	CU_ASSERT_TRUE(acquire_step(a) >= 0);
	CU_ASSERT_EQUAL(memory.n_begin, 1);
	CU_ASSERT_EQUAL(memory.n_end, 0);
	acquire_free(a);
	CU_ASSERT_EQUAL(memory.n_end, 1);
	CU_ASSERT_EQUAL(memory.end_error, -ECANCELED);
	finish();

	/* Nothing was found, so the scan is not awaited: the memory must not take it for whole. */
	begin_memory(0);
	req.sources[SOURCE_unix].exact = true;
	req.sources[SOURCE_unix].inode = UINT32_MAX;
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, &memory_owners), 0);
	step_to_end(a);
	CU_ASSERT_EQUAL(memory.n_end, 1);
	CU_ASSERT_TRUE(memory.end_error == -ECANCELED || memory.end_error == 0);
	acquire_free(a);
	CU_ASSERT_EQUAL(memory.n_end, 1);
	finish();
	expect_reaped();
}

/* The sock_diag socket of the reading that is open now: the only one with its protocol. */
static int find_diag_socket(void)
{
	for (int fd = 3; fd < 256; fd++) {
		int protocol = -1, domain = 0;
		socklen_t len = sizeof(int);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_NETLINK &&
		    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 && protocol == NETLINK_SOCK_DIAG)
			return fd;
	}
	return -1;
}

/* Answers a request with a row and an end, both interrupted. Whether there was a request. */
static bool answer_interrupted(int fd, uint32_t portid, uint32_t inode)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_msg msg;
		struct nlmsghdr done;
		int error;
	} answer = { .msg = { .idiag_family = AF_INET, .idiag_state = 1, .idiag_inode = inode } };
	_Alignas(8) uint8_t request[8192];
	ssize_t n = recv(fd, request, sizeof(request), MSG_DONTWAIT);

	if (n <= 0)
		return false;
	answer.h = (struct nlmsghdr){
		.nlmsg_len = sizeof(answer.h) + sizeof(answer.msg),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_MULTI | NLM_F_DUMP_INTR,
		.nlmsg_seq = ((struct nlmsghdr *)request)->nlmsg_seq,
		.nlmsg_pid = portid,
	};
	answer.done = answer.h;
	answer.done.nlmsg_len = sizeof(answer.done) + sizeof(answer.error);
	answer.done.nlmsg_type = NLMSG_DONE;
	CU_ASSERT_EQUAL(send(fd, &answer, sizeof(answer), 0), sizeof(answer));
	return true;
}

/* A kernel that never gets through a dump undisturbed, in the place of the real one: bounded, and said. */
static void test_interrupted_for_ever(void)
{
	struct sockaddr_nl name;
	socklen_t len = sizeof(name);
	struct acquire *a = NULL;
	unsigned int n_requests = 0;
	int fds[2], fd, r;

	begin(GROUP_BIT(GROUP_base));
	want_only(SOURCE_BIT(SOURCE_udp4));
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, &arena, NULL), 0);
	fd = find_diag_socket();
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(getsockname(fd, (void *)&name, &len), 0);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL(dup2(fds[0], fd), fd);
	close(fds[0]);
	while ((r = acquire_step(a)) > 0)
		if (answer_interrupted(fds[1], name.nl_pid, n_requests + 1))
			CU_ASSERT_TRUE_FATAL(++n_requests < 100);
	CU_ASSERT_EQUAL(r, ACQUIRE_DONE);
	CU_ASSERT_EQUAL(n_requests, DUMP_INTERRUPTIONS_MAX + 1);
	acquire_free(a);
	close(fds[1]);
	read_stream();
	/* The last reading stands. */
	CU_ASSERT_EQUAL(n_rows, 1);
	CU_ASSERT_EQUAL(rows[0].inode, DUMP_INTERRUPTIONS_MAX + 1);
	CU_ASSERT_EQUAL(context_source(context, SOURCE_udp4)->error, EAGAIN);
	CU_ASSERT_EQUAL(context_source(context, SOURCE_udp4)->interrupted, DUMP_INTERRUPTIONS_MAX + 1);
	finish();
}

/* Another user's reading: his name for root's sockets is nobody's, and HOST says whose it is. */
static void test_for_a_user(void)
{
	CLEANUP(close) int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct process *process;
	uint32_t pid, fd, hidden = 0;
	int error;

	if (geteuid() != 0)
		return;
	CU_ASSERT_EQUAL(listen(tcp, 1), 0);
	begin(GROUPS_DETAIL);
	req.uid = 65534;
	read_all();
	CU_ASSERT_EQUAL(count_rows(SOURCE_tcp, inode_of(tcp)), 1);
	CU_ASSERT_FALSE(context_owner(context, inode_of(tcp), 0, &process, &pid, &fd));
	CU_ASSERT_TRUE(context_owners_known(context, &error, &hidden));
	CU_ASSERT_TRUE(hidden > 0);
	CU_ASSERT_EQUAL(context_host(context)->uid, 65534);
	finish();
}

void suite_source_acquire(void)
{
	CU_pSuite s = CU_add_suite("source/acquire", NULL, NULL);

	CU_add_test(s, "what waits for the owners is bounded", test_held_is_bounded);
	CU_add_test(s, "TCP is read once when it can be", test_tcp_is_read_once);
	CU_add_test(s, "sockets of ours, with their owners", test_sockets_of_ours);
	CU_add_test(s, "no owners unless asked", test_no_owners_asked);
	CU_add_test(s, "states and exact requests reach the kernel", test_states_and_exact);
	CU_add_test(s, "raw sockets, with or without a handler", test_fallback);
	CU_add_test(s, "a reading that finds nothing ends at once", test_nothing_found);
	CU_add_test(s, "the kernel module is asked first", test_module_first);
	CU_add_test(s, "freed in the middle", test_freed_in_the_middle);
	CU_add_test(s, "for a user who is not root", test_for_a_user);
	CU_add_test(s, "a memory of owners is fed, and used", test_memory_of_owners);
	CU_add_test(s, "and told once when a scan ends early", test_memory_is_told_of_an_early_end);
	CU_add_test(s, "a dump that is interrupted for ever ends", test_interrupted_for_ever);
}
