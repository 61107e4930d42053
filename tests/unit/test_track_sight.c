/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as the table sees them: the decoder must say the same of them, and of what is put together again */

#include "track/sight.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "unit/build_message.h"
#include "unit/suites.h"

static unsigned n_kinds[KIND_COUNT], n_counters;

static uint64_t number_or(struct record *r, enum field_id id, uint64_t absent)
{
	struct value v = built_get(r, id, 0);

	return v.kind == VALUE_U64 ? v.u : absent;
}

static void expect_ip(struct record *r, enum field_id id, const struct sight *s, const void *ip4, const uint8_t *ip6)
{
	struct value v = built_get(r, id, 0);

	CU_ASSERT_EQUAL_FATAL(v.kind, VALUE_ADDR);
	CU_ASSERT_EQUAL(v.addr.kind, s->is_ipv6 ? ADDRESS_INET6 : ADDRESS_INET);
	CU_ASSERT_EQUAL(memcmp(v.addr.ip, s->is_ipv6 ? (const void *)ip6 : ip4, s->is_ipv6 ? 16 : 4), 0);
}

static void expect_ips(struct record *r, const struct sight *s)
{
	expect_ip(r, F_local, s, &s->local4, s->pair.local);
	expect_ip(r, F_peer, s, &s->peer4, s->pair.peer);
	CU_ASSERT_EQUAL(s->local_port, number_or(r, F_local_port, UINT64_MAX));
	CU_ASSERT_EQUAL(s->peer_port, number_or(r, F_peer_port, UINT64_MAX));
}

static void expect_unix(struct record *r, const struct sight *s)
{
	struct value v = built_get(r, F_local, 0);

	CU_ASSERT_EQUAL(s->name_len > 0, v.kind == VALUE_ADDR);
	if (v.kind != VALUE_ADDR)
		return;
	CU_ASSERT_EQUAL(s->name_len, v.addr.len);
	CU_ASSERT_EQUAL(memcmp(s->name, v.addr.name, v.addr.len), 0);
	CU_ASSERT_EQUAL(s->peer_inode, number_or(r, F_udiag_peer, 0));
}

static void expect_wide(struct record *r, const struct sight *s, enum message_kind kind)
{
	struct value v = built_get(r, F_local, 0);

	CU_ASSERT_EQUAL(s->wide.local_port,
			number_or(r, F_local_port, kind == KIND_VSOCK ? UINT32_MAX /* VMADDR_PORT_ANY */ : 0));
	CU_ASSERT_EQUAL(s->wide.peer_port, number_or(r, F_peer_port, kind == KIND_VSOCK ? UINT32_MAX : 0));
	if (kind == KIND_NETLINK)
		return;
	CU_ASSERT_EQUAL(s->wide.local, v.addr.number);
	v = built_get(r, F_peer, 0);
	CU_ASSERT_EQUAL(s->wide.peer, v.kind == VALUE_ADDR ? v.addr.number : 0);
}

static void expect_counters(struct record *r, const struct sight *s)
{
	bool is_tcp = s->source == SOURCE_tcp4 || s->source == SOURCE_tcp6;

	CU_ASSERT_EQUAL(s->has_counters, is_tcp && !s->is_brief && number_or(r, F_tcpi_segs_in, UINT64_MAX) != UINT64_MAX);
	if (!s->has_counters)
		return;
	n_counters++;
	CU_ASSERT_EQUAL(s->bytes_acked, number_or(r, F_tcpi_bytes_acked, UINT64_MAX));
	CU_ASSERT_EQUAL(s->bytes_received, number_or(r, F_tcpi_bytes_received, UINT64_MAX));
	CU_ASSERT_EQUAL(s->segs_out, number_or(r, F_tcpi_segs_out, UINT64_MAX));
	CU_ASSERT_EQUAL(s->segs_in, number_or(r, F_tcpi_segs_in, UINT64_MAX));
	CU_ASSERT_EQUAL(s->retrans, number_or(r, F_tcpi_total_retrans, UINT64_MAX));
}

static uint64_t ifindex_of(struct record *r, enum message_kind kind)
{
	switch (kind) {
	case KIND_PACKET:
		return number_or(r, F_pdi_index, 0);
	case KIND_XDP:
		return number_or(r, F_xdiag_ifindex, 0);
	case KIND_INET:
		return number_or(r, F_sk_bound_dev_if, 0);
	default:
		return 0;
	}
}

/* Everything that both know. SMC's device has no field but its name. */
static void expect_agreement(struct record *r, const struct sight *s)
{
	enum message_kind kind = r->def->kind;
	bool is_tcp = r->def->protocol == IPPROTO_TCP && kind == KIND_INET;

	CU_ASSERT_EQUAL(s->cookie, number_or(r, F_cookie, 0));
	CU_ASSERT_EQUAL(s->inode, (uint32_t)number_or(r, F_inode, 0)); /* SMC tells 64 bits of it; there are 32 */
	CU_ASSERT_EQUAL(s->state, number_or(r, F_state, 0));
	CU_ASSERT_EQUAL(s->uid, number_or(r, F_uid, UINT32_MAX));
	CU_ASSERT_EQUAL(s->type, number_or(r, F_type, 0));
	if (kind != KIND_SMC)
		CU_ASSERT_EQUAL(s->ifindex, ifindex_of(r, kind));
	if (kind == KIND_INET || kind == KIND_NETLINK || kind == KIND_PROC_INET)
		CU_ASSERT_EQUAL(s->protocol, number_or(r, F_sk_protocol, UINT64_MAX));
	CU_ASSERT_STRING_EQUAL(source_def_get(s->source)->name, built_text(r, F_source, 0));
	if (is_tcp && s->state == STATE_TIME_WAIT)
		CU_ASSERT_TRUE(s->is_brief);
	if (s->inode != 0 || (kind == KIND_INET && !is_tcp && r->def->protocol != IPPROTO_DCCP))
		CU_ASSERT_FALSE(s->is_brief);
	switch (kind) {
	case KIND_INET:
	case KIND_SMC:
	case KIND_PROC_INET:
		expect_ips(r, s);
		break;
	case KIND_UNIX:
		expect_unix(r, s);
		break;
	case KIND_NETLINK:
	case KIND_VSOCK:
	case KIND_TIPC:
		expect_wide(r, s, kind);
		break;
	case KIND_PACKET:
		CU_ASSERT_EQUAL(s->protocol, built_get(r, F_local, 0).addr.number);
		break;
	case KIND_XDP:
		CU_ASSERT_EQUAL(s->wide.local_port, number_or(r, F_local_port, 0));
		break;
	case KIND_MODULE:
	case KIND_COUNT:
		break;
	}
	expect_counters(r, s);
	n_kinds[kind]++;
}

/* The endpoints as text, which must be the same of a message that was put together. */
static void endpoints(struct record *r, char *ret, size_t size)
{
	char local[512], peer[512];

	snprintf(local, sizeof(local), "%s", built_text(r, F_local, 0));
	snprintf(peer, sizeof(peer), "%s", built_text(r, F_peer, 0));
	snprintf(ret, size, "%s %s %s:%llu %s:%llu %llu", built_text(r, F_netid, 0), built_text(r, F_protocol, 0), local,
		 (unsigned long long)number_or(r, F_local_port, 0), peer,
		 (unsigned long long)number_or(r, F_peer_port, 0), (unsigned long long)number_or(r, F_state, 0));
}

static void expect_same_sight(const struct sight *was, const struct sight *is)
{
	CU_ASSERT_EQUAL(is->cookie, was->cookie);
	CU_ASSERT_EQUAL(is->inode, was->inode);
	CU_ASSERT_EQUAL(is->twin, was->twin);
	CU_ASSERT_EQUAL(is->uid, was->uid);
	CU_ASSERT_EQUAL(is->ifindex, was->ifindex);
	CU_ASSERT_EQUAL(is->source, was->source);
	CU_ASSERT_EQUAL(is->state, was->state);
	CU_ASSERT_EQUAL(is->protocol, was->protocol);
	CU_ASSERT_EQUAL(is->local_port, was->local_port);
	CU_ASSERT_EQUAL(is->peer_port, was->peer_port);
	CU_ASSERT_EQUAL(is->is_ipv6, was->is_ipv6);
	CU_ASSERT_EQUAL(is->is_brief, was->is_brief);
	CU_ASSERT_EQUAL(is->local4, was->local4);
	CU_ASSERT_EQUAL(is->peer4, was->peer4);
	CU_ASSERT_EQUAL(is->peer_inode, was->peer_inode);
	CU_ASSERT_EQUAL(memcmp(&is->pair, &was->pair, sizeof(is->pair)), 0);
	CU_ASSERT_EQUAL(memcmp(&is->wide, &was->wide, sizeof(is->wide)), 0);
	CU_ASSERT_EQUAL(is->name_len, was->name_len > 39 ? 39 : was->name_len);
	if (is->name_len > 0)
		CU_ASSERT_EQUAL(memcmp(is->name, was->name, is->name_len), 0);
	/* SCTP's is in its sctp_info only. */
	if (was->source != SOURCE_sctp4 && was->source != SOURCE_sctp6)
		CU_ASSERT_EQUAL(is->type, was->type);
}

static void expect_rebuilt(struct record *r, const struct sight *s)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	uint8_t buf[SIGHT_MESSAGE_MAX];
	char before[1600], after[1600];
	struct track_entry *e;
	struct message m;
	struct nlmsghdr head;
	struct record again;
	struct sight is;
	size_t len, line;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	e = track_table_add(t, s->source, s->cookie, s->twin, s->inode, NULL);
	CU_ASSERT_EQUAL_FATAL(sight_store(s, t, e), 0);
	memset(buf, 0xff, sizeof(buf));
	len = sight_rebuild(t, e, buf);
	if (r->def->kind == KIND_PROC_INET) {
		CU_ASSERT_EQUAL(len, 0);
		line = sight_rebuild_line(t, e, (char *)buf);
		CU_ASSERT_TRUE_FATAL(line > 0 && line < sizeof(buf));
		m = (struct message){ .data = buf, .len = (uint32_t)line, .source = e->source };
	} else {
		memcpy(&head, buf, sizeof(head));
		CU_ASSERT_EQUAL_FATAL(head.nlmsg_len, len);
		CU_ASSERT_EQUAL(len % 8, 0);
		CU_ASSERT_TRUE_FATAL(len <= sizeof(buf));
		m = (struct message){ .data = buf + NLMSG_HDRLEN, .len = (uint32_t)(len - NLMSG_HDRLEN), .source = e->source };
	}
	CU_ASSERT_EQUAL_FATAL(sight_read(&m, &is), 0);
	expect_same_sight(s, &is);
	CU_ASSERT_EQUAL_FATAL(record_open(&again, &m, NULL), 0);
	endpoints(&again, after, sizeof(after));
	endpoints(r, before, sizeof(before));
	if (e->flags & TRACK_NAME_CUT) {
		CU_ASSERT_TRUE(s->name_len > 39);
	} else {
		CU_ASSERT_STRING_EQUAL(before, after);
	}
}

static void expect_all(const struct message *m)
{
	struct record r;
	struct sight s;
	uint64_t cookie = 0, inode = 0;
	int k = sight_read(m, &s);

	CU_ASSERT_EQUAL_FATAL(record_open(&r, m, NULL), 0);
	if (k == -ENODATA) {
		CU_ASSERT_TRUE(record_cookie(&r, &cookie) == -ENODATA && record_inode(&r, &inode) == -ENODATA);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(k, 0);
	expect_agreement(&r, &s);
	expect_rebuilt(&r, &s);
}

/* Dumps tell some rows twice, netlink's with groups and SCTP's associations: but no two sockets are one. */
static void expect_unique(struct track_table *seen, const struct message *m)
{
	struct track_entry *e;
	struct sight s;

	if (sight_read(m, &s) < 0 || s.cookie == 0)
		return;
	e = track_table_find(seen, s.source, s.cookie, s.twin);
	if (!e) {
		e = track_table_add(seen, s.source, s.cookie, s.twin, s.inode, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(sight_store(&s, seen, e), 0);
		return;
	}
	CU_ASSERT_TRUE(m->source == SOURCE_netlink || s.twin != 0);
	CU_ASSERT_EQUAL(e->inode, s.inode);
	CU_ASSERT_EQUAL(e->state, s.state);
	CU_ASSERT_EQUAL(e->local_port, s.local_port);
	CU_ASSERT_EQUAL(e->peer_port, s.peer_port);
}

static void test_recording(const char *path)
{
	CLEANUP(track_table_free) struct track_table *seen = NULL;
	CLEANUP(fd_input_free) struct fd_input *f = NULL;
	CLEANUP(context_free) struct context *c = NULL;
	struct messages messages;
	struct message m;
	struct reader reader;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	unsigned n = 0;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(track_table_new(&seen), 0);
	CU_ASSERT_EQUAL_FATAL(fd_input_new(&f, fd), 0);
	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&reader, fd_input_input(f));
	messages_init(&messages, &reader, c);
	while ((r = messages_next(&messages, &m)) > 0) {
		expect_all(&m);
		expect_unique(seen, &m);
		n++;
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_TRUE(n > 20);
}

static void test_recordings(void)
{
	memset(n_kinds, 0, sizeof(n_kinds));
	n_counters = 0;
	test_recording(SOCKETD_FIXTURES "/linux-6.1.skd");
	test_recording(SOCKETD_FIXTURES "/linux-6.12.skd");
	test_recording(SOCKETD_FIXTURES "/linux-6.18.skd");
	/* Passes do not read the kernel module. */
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		CU_ASSERT_TRUE(n_kinds[kind] > 0 || kind == KIND_MODULE);
	CU_ASSERT_TRUE(n_counters > 0);
}

static void test_built(void)
{
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		struct built b;
		struct message m;

		if (id == SOURCE_module)
			continue;
		/* The joined reading has rows of both families. */
		built_full(&b, id == SOURCE_tcp ? SOURCE_tcp6 : id);
		m = (struct message){ .data = b.data, .len = (uint32_t)b.len, .source = (uint8_t)id };
		expect_all(&m);
	}
}

/* Every length: the sanitizer sees a read behind the end, and what is too short for the decoder's header is for us. */
static void test_cut(void)
{
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		struct built b;

		built_full(&b, id);
		for (uint32_t len = 0; len < b.len; len++) {
			uint8_t *copy = malloc(len + 1); /* what malloc(0) gives is nobody's */
			struct message m = { .data = copy + 1, .len = len, .source = (uint8_t)id };
			struct record r;
			struct sight s = { .cookie = 4711 };

			memcpy(copy + 1, b.data, len);
			if (sight_read(&m, &s) < 0) {
				CU_ASSERT_EQUAL(s.cookie, 4711);
			} else if (record_open(&r, &m, NULL) == 0) {
				CU_ASSERT_EQUAL(s.cookie, number_or(&r, F_cookie, 0));
			}
			free(copy);
		}
	}
}

/* NETLINK_UNCONNECTED is 0, and to people that is no state of its own. */
static void test_netlink_state(void)
{
	struct netlink_diag_msg n = { .ndiag_family = AF_NETLINK, .ndiag_ino = 5, .ndiag_cookie = { 6, 0 } };
	struct message m = { .data = (const uint8_t *)&n, .len = sizeof(n), .source = SOURCE_netlink };

	expect_all(&m);
	n.ndiag_state = 1;
	expect_all(&m);
}

static void test_no_identity(void)
{
	struct built b;
	struct sight s = { .cookie = 4711 };
	struct message m;

	built_inet(&b, SOURCE_tcp, STATE_TIME_WAIT);
	m = (struct message){ .data = b.data, .len = (uint32_t)b.len, .source = SOURCE_tcp };
	CU_ASSERT_EQUAL(sight_read(&m, &s), 0);
	CU_ASSERT_EQUAL(s.cookie, UINT64_C(0x200000001));
	CU_ASSERT_EQUAL(s.source, SOURCE_tcp4);
	memset(b.data + 44, 0xff, 8); /* INET_DIAG_NOCOOKIE */
	memset(b.data + 68, 0, 4);    /* and no inode */
	CU_ASSERT_EQUAL(sight_read(&m, &s), -ENODATA);
	CU_ASSERT_EQUAL(s.cookie, UINT64_C(0x200000001));
	m.source = 0;
	CU_ASSERT_EQUAL(sight_read(&m, &s), -EBADMSG);
	m.source = SOURCE_COUNT;
	CU_ASSERT_EQUAL(sight_read(&m, &s), -EBADMSG);
}

/* A request sock has no inode; the socket that comes of it has, and a holder to be looked for. */
static void test_store(void)
{
	CLEANUP(track_table_free) struct track_table *t = NULL;
	struct sight s = { .source = SOURCE_tcp6, .cookie = 9, .uid = UINT32_MAX, .is_ipv6 = true, .pair.local = { 1 } };
	struct track_entry *e;

	CU_ASSERT_EQUAL_FATAL(track_table_new(&t), 0);
	e = track_table_add(t, s.source, s.cookie, 0, 0, &s.pair);
	e->flags |= TRACK_OWNER_SOUGHT;
	e->uid = 5;
	CU_ASSERT_EQUAL(sight_store(&s, t, e), 0);
	CU_ASSERT_TRUE(e->flags & TRACK_OWNER_SOUGHT);
	CU_ASSERT_EQUAL(e->uid, 5);
	s.inode = 44;
	s.pair.peer[15] = 7;
	CU_ASSERT_EQUAL(sight_store(&s, t, e), 0);
	CU_ASSERT_FALSE(e->flags & TRACK_OWNER_SOUGHT);
	CU_ASSERT_PTR_EQUAL(track_table_find_inode(t, 44), e);
	CU_ASSERT_EQUAL(track_table_pair6(t, e)->peer[15], 7);
	/* Its last message has no inode. */
	s.inode = 0;
	CU_ASSERT_EQUAL(sight_store(&s, t, e), 0);
	CU_ASSERT_EQUAL(e->inode, 44);
}

void suite_track_sight(void)
{
	CU_pSuite s = CU_add_suite("track sight", NULL, NULL);

	CU_add_test(s, "as the decoder has it: recordings", test_recordings);
	CU_add_test(s, "as the decoder has it: every source", test_built);
	CU_add_test(s, "messages that are cut", test_cut);
	CU_add_test(s, "netlink without a state", test_netlink_state);
	CU_add_test(s, "messages without an identity", test_no_identity);
	CU_add_test(s, "into an entry", test_store);
}
