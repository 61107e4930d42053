/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module's messages find their rows: which one takes which, and what is left at the end */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <linux/xdp_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "decode/record.h"
#include "model/words.h"
#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "socketd/uapi.h"
#include "unit/suites.h"

struct stream {
	struct arena arena;
	struct context *context;
	struct reader reader;
	struct messages messages;
};

static void put_source(struct stream *s, enum source_id source)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, source);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s->arena), 0);
}

static void put_block(struct stream *s, uint32_t type)
{
	struct attr_block b;

	attr_block_begin(&b, type);
	if (type == SOCKETD_BLOCK_EVENT)
		attr_block_u32(&b, SOCKETD_EVENT_KIND, SOCKETD_EVENT_PRESENT);
	CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s->arena), 0);
}

static void begin(struct stream *s)
{
	static const enum source_id sources[] = { SOURCE_module, SOURCE_tcp4, SOURCE_mptcp4, SOURCE_sctp4, SOURCE_unix,
						  SOURCE_xdp, SOURCE_proc_tcp, SOURCE_proc_raw };

	arena_init(&s->arena);
	CU_ASSERT_EQUAL_FATAL(writer_header(&s->arena), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		put_source(s, sources[i]);
	CU_ASSERT_EQUAL_FATAL(context_new(&s->context), 0);
	reader_init(&s->reader, arena_input(&s->arena));
	messages_init(&s->messages, &s->reader, s->context);
}

static void finish(struct stream *s)
{
	context_free(s->context);
	arena_deinit(&s->arena);
}

/* A block with one message. */
static void put_message(struct stream *s, enum source_id source, const void *payload, size_t len)
{
	const struct socketd_messages head = { .source = source };
	const struct nlmsghdr h = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(len) };
	size_t size = sizeof(head) + NLMSG_SPACE(len);
	struct bulk_block b;

	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &s->arena, SOCKETD_BLOCK_MESSAGES, size), 0);
	memset(b.payload, 0, size);
	memcpy(b.payload, &head, sizeof(head));
	memcpy(b.payload + sizeof(head), &h, sizeof(h));
	memcpy(b.payload + sizeof(head) + NLMSG_HDRLEN, payload, len);
	bulk_block_end(&b, &s->arena, size);
}

/* What the module says of a socket; its receive queue tells which it was. */
static void put_module(struct stream *s, uint64_t cookie, uint64_t inode, uint32_t flags, uint32_t mark)
{
	const struct socketd_message m = {
		.family = AF_INET, .kind = SOCKETD_KIND_SOCKET, .state = 1, .protocol = IPPROTO_TCP, .type = SOCK_STREAM,
		.flags = flags, .recv_q = mark, .cookie = cookie, .inode = inode,
	};

	put_message(s, SOURCE_module, &m, sizeof(m));
}

static void put_inet(struct stream *s, enum source_id source, uint64_t cookie, uint32_t inode, uint8_t state)
{
	const struct inet_diag_msg m = {
		.idiag_family = AF_INET, .idiag_state = state, .idiag_inode = inode,
		.id.idiag_cookie = { (uint32_t)cookie, (uint32_t)(cookie >> 32) },
	};

	put_message(s, source, &m, sizeof(m));
}

static void put_line(struct stream *s, enum source_id source, unsigned inode)
{
	const struct socketd_messages head = { .source = source };
	struct bulk_block b;
	char line[200];
	int n = snprintf(line, sizeof(line), "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %u 1\n", inode);

	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &s->arena, SOCKETD_BLOCK_LINES, sizeof(head) + (size_t)n), 0);
	memcpy(b.payload, &head, sizeof(head));
	memcpy(b.payload + sizeof(head), line, (size_t)n);
	bulk_block_end(&b, &s->arena, sizeof(head) + (size_t)n);
}

/* The mark of what goes with the next message; 0 for none. */
static uint32_t next_mark(struct stream *s, enum source_id source)
{
	struct socketd_message head;
	struct message m = { 0 };

	CU_ASSERT_EQUAL_FATAL(messages_next(&s->messages, &m), 1);
	CU_ASSERT_EQUAL(m.source, source);
	if (source == SOURCE_module) {
		CU_ASSERT_PTR_NULL(m.module);
		m.module = m.data;
		m.module_len = m.len;
	}
	if (!m.module)
		return 0;
	CU_ASSERT_EQUAL_FATAL(m.module_len, sizeof(head));
	memcpy(&head, m.module, sizeof(head));
	return head.recv_q;
}

static void expect_end(struct stream *s)
{
	struct message m;

	CU_ASSERT_EQUAL(messages_next(&s->messages, &m), 0);
	CU_ASSERT_EQUAL(messages_next(&s->messages, &m), 0);
	finish(s);
}

static void test_cookie(void)
{
	struct stream s;

	begin(&s);
	put_module(&s, 0x300000001, 10, 0, 1);
	put_module(&s, 2, 20, 0, 2);
	put_module(&s, 3, 30, 0, 3);
	put_module(&s, 4, 0, 0, 4);
	put_inet(&s, SOURCE_tcp4, 3, 30, 1);
	put_inet(&s, SOURCE_tcp4, 0x300000001, 10, 1);
	put_inet(&s, SOURCE_tcp4, 5, 50, 1);
	put_inet(&s, SOURCE_tcp4, UINT64_MAX, 20, 1); /* no cookie: by inode */
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 3);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 2);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 4);
	expect_end(&s);
}

/* Between the two readings it was accepted, or closed. */
static void test_inode_changes(void)
{
	struct stream s;

	begin(&s);
	put_module(&s, 1, 0, 0, 1);
	put_module(&s, 2, 20, 0, 2);
	put_module(&s, 3, 30, 0, 3);
	put_inet(&s, SOURCE_tcp4, 1, 10, 1);
	put_inet(&s, SOURCE_tcp4, 2, 0, 4);
	put_inet(&s, SOURCE_tcp4, 3, 31, 1); /* never */
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 2);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 3);
	expect_end(&s);
}

/* What an MPTCP listener accepts has its cookie; an association of SCTP has both of its endpoint. */
static void test_shared_cookies(void)
{
	struct stream s;

	begin(&s);
	put_module(&s, 1, 10, 0, 1);
	put_module(&s, 1, 11, 0, 2);
	put_module(&s, 7, 70, 0, 3);
	put_module(&s, 1, 13, 0, 4);
	put_module(&s, 1, 11, 0, 5); /* told twice */
	put_module(&s, 9, 0, 0, 6);
	put_inet(&s, SOURCE_mptcp4, 1, 11, 1);
	put_inet(&s, SOURCE_mptcp4, 1, 10, 10);
	put_inet(&s, SOURCE_mptcp4, 1, 0, 1);
	put_inet(&s, SOURCE_mptcp4, 1, 12, 1);
	put_inet(&s, SOURCE_mptcp4, 1, 13, 1);
	put_inet(&s, SOURCE_sctp4, 7, 70, 10);
	put_inet(&s, SOURCE_sctp4, 7, 70, 1);
	put_inet(&s, SOURCE_mptcp4, 9, 90, 1); /* another that was not accepted then */
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_mptcp4), 2);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_mptcp4), 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_mptcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_mptcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_mptcp4), 4);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_sctp4), 3);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_sctp4), 3);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_mptcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 6);
	expect_end(&s);
}

/* A TIME-WAIT sock has the cookie of the socket that it stands for, which somebody may hold still. */
static void test_time_wait(void)
{
	struct stream s;

	begin(&s);
	put_module(&s, 1, 0, SOCKETD_MSG_MINI, 1);
	put_module(&s, 2, 20, 0, 2);
	put_module(&s, 3, 0, SOCKETD_MSG_MINI, 3);
	put_module(&s, 4, 0, 0, 4);
	put_module(&s, 5, 0, SOCKETD_MSG_MINI, 5); /* nobody else has it: it is no row */
	put_inet(&s, SOURCE_tcp4, 1, 0, STATE_TIME_WAIT);
	put_inet(&s, SOURCE_tcp4, 2, 0, STATE_TIME_WAIT);
	put_inet(&s, SOURCE_tcp4, 3, 0, STATE_FIN_WAIT2);
	put_inet(&s, SOURCE_tcp4, 4, 0, STATE_FIN_WAIT2); /* an orphan */
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 4);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 2);
	expect_end(&s);
}

static void test_lines(void)
{
	struct stream s;

	begin(&s);
	put_module(&s, 1, 10, 0, 1);
	put_module(&s, 2, 20, 0, 2);
	put_line(&s, SOURCE_proc_tcp, 20);
	put_line(&s, SOURCE_proc_tcp, 0);
	put_line(&s, SOURCE_proc_raw, 10); /* whatever its protocol is */
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_proc_tcp), 2);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_proc_tcp), 0);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_proc_raw), 1);
	expect_end(&s);
}

/* Told twice, with a descriptor each; without cookies there are no twins. */
static void test_twins(void)
{
	struct stream s;

	begin(&s);
	put_module(&s, 1, 10, 0, 1);
	put_module(&s, 2, 20, 0, 2);
	put_module(&s, 1, 10, 0, 3);
	put_module(&s, 0, 0, 0, 4);
	put_module(&s, 0, 0, 0, 5);
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 2);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 4);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 5);
	expect_end(&s);
}

/* In a stream of events each is a row at once. */
static void test_events(void)
{
	struct stream s;
	struct message m;

	begin(&s);
	put_block(&s, SOCKETD_BLOCK_EVENT);
	put_module(&s, 1, 10, 0, 1);
	put_block(&s, SOCKETD_BLOCK_EVENT);
	put_inet(&s, SOURCE_tcp4, 1, 10, 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(messages_next(&s.messages, &m), -ENODATA);
	finish(&s);
}

static void test_tracks(void)
{
	const struct socketd_track track = { .age = 4711, .flags = SOCKETD_TRACK_KNOWN };
	struct stream s;
	struct bulk_block b;
	struct message m;

	begin(&s);
	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &s.arena, SOCKETD_BLOCK_TRACKS, sizeof(track)), 0);
	memcpy(b.payload, &track, sizeof(track));
	bulk_block_end(&b, &s.arena, sizeof(track));
	put_module(&s, 1, 10, 0, 1);
	put_module(&s, 2, 20, 0, 2);
	put_inet(&s, SOURCE_tcp4, 3, 30, 1);
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL_FATAL(messages_next(&s.messages, &m), 1);
	CU_ASSERT_PTR_NULL(m.track);
	CU_ASSERT_EQUAL_FATAL(messages_next(&s.messages, &m), 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m.track);
	CU_ASSERT_EQUAL(m.track->age, 4711);
	CU_ASSERT_EQUAL_FATAL(messages_next(&s.messages, &m), 1);
	CU_ASSERT_PTR_NULL(m.track);
	expect_end(&s);
}

/* It comes before the others, and of nothing that says it does not. */
static void test_order(void)
{
	struct stream s;
	struct message m;

	begin(&s);
	put_module(&s, 1, 10, 0, 1);
	put_inet(&s, SOURCE_tcp4, 3, 30, 1);
	put_module(&s, 2, 20, 0, 2);
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_tcp4), 0);
	CU_ASSERT_EQUAL(messages_next(&s.messages, &m), -EBADMSG);
	finish(&s);

	arena_init(&s.arena);
	CU_ASSERT_EQUAL_FATAL(writer_header(&s.arena), 0);
	CU_ASSERT_EQUAL_FATAL(context_new(&s.context), 0);
	reader_init(&s.reader, arena_input(&s.arena));
	messages_init(&s.messages, &s.reader, s.context);
	put_module(&s, 1, 10, 0, 1);
	CU_ASSERT_EQUAL(messages_next(&s.messages, &m), -EBADMSG);
	finish(&s);
}

/* A reader of another context finds what that one keeps, each reader for itself. */
static void test_shared(void)
{
	struct stream s, other;

	begin(&s);
	put_module(&s, 1, 10, 0, 1);
	put_module(&s, 2, 20, 0, 2);
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 1);

	begin(&other);
	messages_share_module(&other.messages, s.context);
	put_module(&other, 1, 10, 0, 9); /* taken in already: passed over */
	put_inet(&other, SOURCE_tcp4, 1, 10, 1);
	put_block(&other, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&other, SOURCE_tcp4), 1);
	CU_ASSERT_EQUAL(next_mark(&other, SOURCE_module), 2);
	expect_end(&other);

	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 2);
	expect_end(&s);
}

/* Of netlink sockets netlink_diag lists those that have a port: where it was read, the others are left. */
static void test_netlink(void)
{
	struct { struct socketd_message head; struct nlattr attr; struct sockaddr_nl local; } m = {
		.head = { .family = AF_NETLINK, .kind = SOCKETD_KIND_SOCKET, .recv_q = 1, .cookie = 1, .inode = 10 },
		.attr = { .nla_len = NLA_HDRLEN + sizeof(struct sockaddr_nl), .nla_type = SOCKETD_A_LOCAL },
		.local = { .nl_family = AF_NETLINK, .nl_pid = 4711 },
	};

	for (unsigned read = 0; read < 2; read++) {
		struct stream s;
		struct attr_block b;
		struct message row;

		begin(&s);
		m.head.cookie = 1;
		m.local.nl_pid = 4711;
		put_message(&s, SOURCE_module, &m, sizeof(m));
		m.head.cookie = 2;
		m.local.nl_pid = 0;
		put_message(&s, SOURCE_module, &m, sizeof(m));
		put_source(&s, SOURCE_netlink);
		attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
		attr_block_u32(&b, SOCKETD_SOURCE_END_ID, SOURCE_netlink);
		attr_block_u32(&b, SOCKETD_SOURCE_END_ERROR, read ? 0 : ENOENT);
		CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s.arena), 0);
		put_block(&s, SOCKETD_BLOCK_END);
		for (unsigned i = read; i < 2; i++) {
			struct record r;
			struct value v;

			CU_ASSERT_EQUAL_FATAL(messages_next(&s.messages, &row), 1);
			CU_ASSERT_EQUAL_FATAL(record_open(&r, &row, s.context), 0);
			CU_ASSERT_EQUAL_FATAL(record_get(&r, F_local_port, 0, &v), 0);
			CU_ASSERT_EQUAL(v.u, i ? 0 : 4711);
		}
		expect_end(&s);
	}
}

/* In each namespace for itself: of one where it was not read, or failed, the module's rows are all there are. */
static void test_netlink_in_namespaces(void)
{
	struct { struct socketd_message head; struct nlattr attr; struct sockaddr_nl local; } m = {
		.head = { .family = AF_NETLINK, .kind = SOCKETD_KIND_SOCKET },
		.attr = { .nla_len = NLA_HDRLEN + sizeof(struct sockaddr_nl), .nla_type = SOCKETD_A_LOCAL },
		.local = { .nl_family = AF_NETLINK, .nl_pid = 4711 },
	};
	struct stream s;

	begin(&s);
	for (uint32_t netns = 5; netns < 7; netns++) {
		struct attr_block b;

		attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
		attr_block_u64(&b, SOCKETD_NETNS_INO, netns);
		CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s.arena), 0);
	}
	for (uint32_t netns = 5; netns < 8; netns++) {
		m.head.cookie = m.head.inode = m.head.netns = netns;
		put_message(&s, SOURCE_module, &m, sizeof(m));
	}
	for (uint32_t netns = 5; netns < 7; netns++) {
		struct attr_block b;

		put_source(&s, SOURCE_netlink);
		attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
		attr_block_u32(&b, SOCKETD_SOURCE_END_ID, SOURCE_netlink);
		attr_block_u32(&b, SOCKETD_SOURCE_END_ERROR, netns == 6 ? EIO : 0);
		attr_block_u64(&b, SOCKETD_SOURCE_END_NETNS, netns);
		CU_ASSERT_EQUAL_FATAL(attr_block_write(&b, &s.arena), 0);
	}
	put_block(&s, SOCKETD_BLOCK_END);
	for (uint32_t netns = 6; netns < 8; netns++) {
		struct message row;
		struct record r;

		CU_ASSERT_EQUAL_FATAL(messages_next(&s.messages, &row), 1);
		CU_ASSERT_EQUAL(row.netns, netns);
		CU_ASSERT_EQUAL_FATAL(record_open(&r, &row, s.context), 0);
		CU_ASSERT_EQUAL(record_netns(&r), netns);
	}
	expect_end(&s);
}

/* xsk_diag lists them all, the module tells them too: a row each, and the module's where xsk_diag is not there. */
static void test_xdp(void)
{
	const struct socketd_message told[] = {
		{ .family = AF_XDP, .kind = SOCKETD_KIND_SOCKET, .type = SOCK_RAW, .recv_q = 1, .cookie = 0x100000002, .inode = 10 },
		{ .family = AF_XDP, .kind = SOCKETD_KIND_SOCKET, .type = SOCK_RAW, .recv_q = 2, .cookie = 3, .inode = 11 },
	};
	const struct xdp_diag_msg listed = { .xdiag_family = AF_XDP, .xdiag_type = SOCK_RAW, .xdiag_ino = 10, .xdiag_cookie = { 2, 1 } };
	struct stream s;

	begin(&s);
	put_message(&s, SOURCE_module, &told[0], sizeof(told[0]));
	put_message(&s, SOURCE_module, &told[1], sizeof(told[1]));
	put_message(&s, SOURCE_xdp, &listed, sizeof(listed));
	put_block(&s, SOCKETD_BLOCK_END);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_xdp), 1);
	CU_ASSERT_EQUAL(next_mark(&s, SOURCE_module), 2);
	expect_end(&s);
}

static void test_bounds(void)
{
	const struct socketd_message socket = { .kind = SOCKETD_KIND_SOCKET }, meta = { .kind = SOCKETD_KIND_META };
	struct message m = { .data = (const uint8_t *)&socket, .len = sizeof(socket), .source = SOURCE_module };
	struct module_rows rows = {};

	arena_init(&rows.arena);
	rows.n_bytes = MODULE_ROWS_MAX - sizeof(socket);
	CU_ASSERT_EQUAL(module_rows_add(&rows, &m), -E2BIG);
	CU_ASSERT_EQUAL(rows.n, 0);
	rows.n_bytes = 0;
	m.len--;
	CU_ASSERT_EQUAL(module_rows_add(&rows, &m), 0);
	m = (struct message){ .data = (const uint8_t *)&meta, .len = sizeof(meta), .source = SOURCE_module };
	CU_ASSERT_EQUAL(module_rows_add(&rows, &m), 0);
	CU_ASSERT_EQUAL(rows.n, 0);
	CU_ASSERT_EQUAL(module_rows_index(&rows), 0);
	module_rows_deinit(&rows);
}

static uint64_t number(struct record *r, enum field_id id)
{
	struct value v;

	return record_get(r, id, 0, &v) < 0 ? UINT64_MAX : v.u;
}

/*
 * A recording of Linux 6.1 with the module: what it says of a socket is what the
 * socket's own diag module says, where both say it. The module's word is taken
 * from the message that went with the row.
 */
static void expect_agreement(const struct message *m, struct record *r)
{
	struct message alone = { .data = m->module, .len = m->module_len, .source = SOURCE_module };
	static const enum field_id same[] = { F_cookie, F_inode, F_family, F_type, F_state };
	struct record of_module;

	CU_ASSERT_EQUAL_FATAL(record_open(&of_module, &alone, r->context), 0);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		CU_ASSERT_EQUAL(number(r, same[i]), number(&of_module, same[i]));
	CU_ASSERT_EQUAL(number(r, F_local_port), number(&of_module, F_local_port));
	CU_ASSERT_EQUAL(number(&of_module, F_sk_cookie), number(r, F_cookie));
	CU_ASSERT_EQUAL(number(&of_module, F_sk_family), number(r, F_family));
	CU_ASSERT_EQUAL(number(&of_module, F_sk_type), number(r, F_type));
	if (r->def->kind == KIND_INET && r->def->protocol == IPPROTO_TCP)
		CU_ASSERT_EQUAL(number(&of_module, F_sk_num), number(r, F_local_port));
	if (number(r, F_sk_rcvbuf) != UINT64_MAX && number(&of_module, F_sk_rcvbuf) != UINT64_MAX)
		CU_ASSERT_EQUAL(number(r, F_sk_rcvbuf), number(&of_module, F_sk_rcvbuf));
}

static void expect_text(struct record *r, enum field_id id, const char *want)
{
	struct value v;

	CU_ASSERT_EQUAL_FATAL(record_get(r, id, 0, &v), 0);
	CU_ASSERT_TRUE(v.kind == VALUE_STR && v.str.len == strlen(want) && !memcmp(v.str.data, want, v.str.len));
}

static void test_recording(void)
{
	CLEANUP(fd_input_free) struct fd_input *f = NULL;
	CLEANUP(context_free) struct context *c = NULL;
	unsigned n_joined = 0, n_established = 0;
	struct messages messages;
	struct reader reader;
	struct message m;
	int fd = open(SOCKETD_FIXTURES "/module/linux-6.1.skd", O_RDONLY | O_CLOEXEC), k;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fd_input_new(&f, fd), 0);
	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&reader, fd_input_input(f));
	messages_init(&messages, &reader, c);
	while ((k = messages_next(&messages, &m)) > 0) {
		struct record r;

		CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, c), 0);
		if (!m.module)
			continue;
		n_joined++;
		expect_agreement(&m, &r);
		if (r.def->protocol != IPPROTO_TCP || number(&r, F_state) != STATE_ESTABLISHED)
			continue;
		n_established++;
		CU_ASSERT_TRUE(number(&r, F_local_port) == 8080 || number(&r, F_peer_port) == 8080);
		CU_ASSERT_EQUAL(number(&r, F_holding), SOCKETD_HOLDING_FILE);
		CU_ASSERT_EQUAL(number(&r, F_sk_rcvlowat), 1);
		expect_text(&r, F_sk_data_ready, "sock_def_readable");
		expect_text(&r, F_prot_sendmsg, "tcp_sendmsg");
		expect_text(&r, F_sk_prot, number(&r, F_family) == AF_INET6 ? "TCPv6" : "TCP");
	}
	CU_ASSERT_EQUAL(k, 0);
	CU_ASSERT_EQUAL(context_source(c, SOURCE_module)->error, 0);
	CU_ASSERT_TRUE(n_joined > 4);
	CU_ASSERT_EQUAL(n_established, 2);
}

void suite_module_rows(void)
{
	CU_pSuite s = CU_add_suite("snapshot/module_rows", NULL, NULL);

	CU_add_test(s, "by cookie, and the rest at the end", test_cookie);
	CU_add_test(s, "accepted or closed meanwhile", test_inode_changes);
	CU_add_test(s, "sockets that share a cookie", test_shared_cookies);
	CU_add_test(s, "TIME-WAIT", test_time_wait);
	CU_add_test(s, "lines of /proc, by inode", test_lines);
	CU_add_test(s, "twins", test_twins);
	CU_add_test(s, "events", test_events);
	CU_add_test(s, "tracks", test_tracks);
	CU_add_test(s, "order of the stream", test_order);
	CU_add_test(s, "two readers of one reading", test_shared);
	CU_add_test(s, "netlink sockets that are gone", test_netlink);
	CU_add_test(s, "netlink sockets in namespaces", test_netlink_in_namespaces);
	CU_add_test(s, "XDP sockets", test_xdp);
	CU_add_test(s, "bounds", test_bounds);
	CU_add_test(s, "a recording of Linux 6.1", test_recording);
}
