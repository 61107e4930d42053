/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytecode against query_match, and against the kernel */

/*
 * The machine of bytecode_machine.h runs what was planned, on rows whose kernel
 * side is known; and the kernel itself is asked.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytecode_machine.h"
#include "model/words.h"
#include "query_rows.h"
#include "suites.h"

static struct context *context;

static int end(void)
{
	context = context_free(context);
	return 0;
}

/* Numbers that are the same at every run. */
static uint64_t state = 88172645463325252u;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static const char *const v4[] = { "0.0.0.0", "127.0.0.1", "10.0.0.1", "10.1.2.3", "255.255.255.255" };
static const char *const v6[] = { "::", "::1", "fe80::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2001:db8::7" };
static const uint16_t ports[] = { 0, 1, 22, 80, 443, 8000, 8050, 8100, 65535 };

/* A row and its kernel side. */
static void random_row(struct row *row, struct machine_entry *e, enum source_id source)
{
	bool is_v6 = source_def_get(source)->family == AF_INET6;
	unsigned s = 1 + pick(13);

	*row = (struct row){
		.source = source,
		.state = s,
		.local = is_v6 ? v6[pick(ARRAY_SIZE(v6))] : v4[pick(ARRAY_SIZE(v4))],
		.peer = is_v6 ? v6[pick(ARRAY_SIZE(v6))] : v4[pick(ARRAY_SIZE(v4))],
		.local_port = ports[pick(ARRAY_SIZE(ports))],
		.peer_port = ports[pick(ARRAY_SIZE(ports))],
		.ifindex = pick(4),
		.mark = pick(4),
		.inode = pick(3) ? 77 : 88,
		.cgroup = 4 + pick(4),
	};
	/* A row that is no full socket has no group, and no locks. */
	if (s == STATE_TIME_WAIT || s == STATE_SYN_RECV)
		row->cgroup = 0;
	*e = (struct machine_entry){ .family = is_v6 ? AF_INET6 : AF_INET,
				     .sport = row->local_port,
				     .dport = row->peer_port,
				     .ifindex = row->ifindex,
				     .mark = row->mark,
				     .cgroup = row->cgroup,
				     .port_locked = pick(2) };
	inet_pton(e->family, row->local, e->saddr);
	inet_pton(e->family, row->peer, e->daddr);
}

struct text {
	char data[4000];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	t->len += (size_t)vsnprintf(t->data + t->len, sizeof(t->data) - t->len, format, ap);
	va_end(ap);
}

/* What the kernel can tell without any doubt. */
static void put_known(struct text *t)
{
	static const char *const ops[] = { "=", "!=", "<", "<=", ">", ">=" };
	static const char *const prefixes[] = { "10.0.0.0/8", "10.0.0.1",  "0.0.0.0/0", "127.0.0.1",
						"::1",        "fe80::/10", "::/0",      "::ffff:10.0.0.1" };
	const char *end = pick(2) ? "s" : "d";

	switch (pick(7)) {
	case 0:
	case 1:
		put(t, "%sport %s %u", end, ops[pick(6)], ports[pick(9)]);
		break;
	case 2:
		put(t, "%sport %s (22, 80, 8000-8100, %u)", end, pick(2) ? "in" : "not in", pick(65536));
		break;
	case 3:
		put(t, "%sport %s 80-%u", end, pick(2) ? "=" : "!=", 80 + pick(65456));
		break;
	case 4:
		put(t, "%s %s %s", *end == 's' ? "src" : "dst",
		    pick(2) ? "=" : "!=", prefixes[pick(ARRAY_SIZE(prefixes))]);
		break;
	case 5:
		put(t, "%s", pick(2) ? "tcp" : "inet6");
		break;
	case 6:
		put(t, "fwmark = %u/%u", pick(4), pick(4));
		break;
	}
}

/* What it can tell in part, or not at all. */
static void put_unknown(struct text *t)
{
	static const char *const terms[] = {
		"dev = lo",
		"dev != lo",
		"dev = eth0",
		"dev in (lo, eth0)",
		"dev = nosuch",
		"cgroup = /user.slice",
		"cgroup != /user.slice",
		"cgroup_id = 5",
		"cgroup_id != 6",
		"cgroup = /nosuch",
		"fwmark = 1",
		"fwmark != 2",
		"fwmark != 1/1",
		"state listen",
		"state established",
		"exclude time-wait",
		"state != close-wait",
		"pid:100",
		"comm ~ w*",
		"has dev",
		"dev",
		"nginx.service",
		"src ~ '10*'",
		"sport",
		"inode = 77",
		"src > 10.0.0.0",
		"rtt > 1ms",
		"family = inet6",
		"netid ~ t*",
		":80",
		"tcp:443",
		"10.0.0.1:443",
		"dst 10.0.0.1:443",
		"dst != 10.0.0.1:443",
		"src *",
	};

	put(t, "%s", terms[pick(ARRAY_SIZE(terms))]);
}

static void put_tree(struct text *t, unsigned depth, bool known)
{
	unsigned n = 2 + pick(3);

	if (pick(4) == 0)
		put(t, "not ");
	if (depth == 0 || pick(3) == 0) {
		/* In parentheses, so that neighbours are no unions. */
		put(t, "(");
		if (known || pick(2))
			put_known(t);
		else
			put_unknown(t);
		put(t, ")");
		return;
	}
	put(t, "(");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			put(t, "%s", pick(2) ? " and " : " or ");
		put_tree(t, depth - 1, known);
	}
	put(t, ")");
}

static void check_rows(const struct query *q, const struct source_request *s, enum source_id source, const char *text,
		       bool known)
{
	for (unsigned i = 0; i < 40; i++) {
		bool kernel, match;
		struct opened o;
		struct machine_entry e;
		struct built b;
		struct row row;

		random_row(&row, &e, source);
		row_build(&b, &row);
		opened_init(&o, &b, context);
		match = query_match(q, &o.r);
		opened_deinit(&o);
		kernel = s->wanted && s->states >> row.state & 1 &&
			 (!s->bytecode_len || machine_run(s->bytecode, s->bytecode_len, &e));
		if (known ? kernel != match : match && !kernel)
			printf("\n  %s\n    %s state %u %s:%u %s:%u if %u mark %u: kernel %d, match %d\n", text,
			       source_def_get(source)->name, row.state, row.local, row.local_port, row.peer,
			       row.peer_port, row.ifindex, row.mark, kernel, match);
		CU_ASSERT_FALSE(match && !kernel);
		if (known)
			CU_ASSERT_EQUAL(kernel, match);
	}
}

static void check_trees(unsigned n, bool known)
{
	static const enum source_id sources[] = { SOURCE_tcp4, SOURCE_tcp6, SOURCE_udp6, SOURCE_raw4, SOURCE_mptcp6 };
	unsigned n_programs = 0;

	if (!context)
		context = rows_context();
	for (unsigned i = 0; i < n; i++) {
		CLEANUP(query_free) struct query *q = NULL;
		struct text t = { .len = 0 };
		struct query_error error;
		struct request req;

		put_tree(&t, 3, known);
		/* Too many terms are not what is looked at here. */
		if (query_parse(&q, t.data, t.len, &error) == -E2BIG)
			continue;
		CU_ASSERT_PTR_NOT_NULL_FATAL(q);
		request_init(&req, GROUPS_DETAIL);
		CU_ASSERT_EQUAL_FATAL(query_plan(q, &rows_names, &req), 0);
		for (size_t k = 0; k < ARRAY_SIZE(sources); k++) {
			const struct source_request *s = &req.sources[sources[k]];

			if (s->bytecode_len) {
				n_programs++;
				CU_ASSERT_TRUE(machine_audit(s->bytecode, s->bytecode_len));
			}
			check_rows(q, s, sources[k], t.data, known);
		}
		request_deinit(&req);
	}
	/* Most of the trees are programs: else nothing was looked at. */
	CU_ASSERT_TRUE(n_programs > n);
}

static void test_equal(void)
{
	check_trees(2000, true);
}

static void test_superset(void)
{
	check_trees(3000, false);
}

static size_t program(const char *filter, uint32_t uid, uint8_t *code)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);
	struct request req;
	size_t len;

	request_init(&req, GROUPS_DETAIL);
	req.uid = uid;
	CU_ASSERT_EQUAL_FATAL(query_plan(q, &rows_names, &req), 0);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].wanted);
	len = req.sources[SOURCE_tcp4].bytecode_len;
	if (len)
		memcpy(code, req.sources[SOURCE_tcp4].bytecode, len);
	request_deinit(&req);
	return len;
}

static void test_programs(void)
{
	uint8_t code[REQUEST_BYTECODE_MAX];
	char text[QUERY_TEXT_MAX + 1];
	size_t n = 0;

	CU_ASSERT_EQUAL(program("", 0, code), 0);
	CU_ASSERT_EQUAL(program("comm = x", 0, code), 0);
	CU_ASSERT_EQUAL(program("comm = x or sport = 1", 0, code), 0);
	CU_ASSERT_EQUAL(program("comm = x and sport = 1", 0, code), 8);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_S_EQ);
	CU_ASSERT_EQUAL(program("tcp dport >= 1", 0, code), 8);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_D_GE);
	CU_ASSERT_EQUAL(program("dev lo", 0, code), 8);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_DEV_COND);
	CU_ASSERT_EQUAL(program("dev nosuch", 0, code), 0);
	CU_ASSERT_EQUAL(program("cgroup = /user.slice", 0, code), 12);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_CGROUP_COND);
	CU_ASSERT_EQUAL(program("autobound", 0, code), 4);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_AUTO);
	/* A mark may be asked for by root alone: others get EPERM for the whole dump. */
	CU_ASSERT_EQUAL(program("fwmark 1", 0, code), 12);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_MARK_COND);
	CU_ASSERT_EQUAL(program("fwmark 1", 1000, code), 0);
	CU_ASSERT_EQUAL(program("fwmark 1 sport = 1", 1000, code), 8);

	/* A program that does not fit is not sent, but for what the kernel alone can tell. */
	n = (size_t)snprintf(text, sizeof(text), "sport in (1");
	for (unsigned p = 3; p < 1400 && n < 3900; p += 2)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",%u", p);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ")");
	CU_ASSERT_EQUAL(program(text, 0, code), 0);
	snprintf(text + n, sizeof(text) - n, " not autobound dport = 1");
	CU_ASSERT_EQUAL(program(text, 0, code), 8);
	CU_ASSERT_EQUAL(code[0], INET_DIAG_BC_AUTO);
	CU_ASSERT_TRUE(machine_audit(code, 8));
	/* One that just fits is. */
	n = (size_t)snprintf(text, sizeof(text), "sport in (1");
	for (unsigned p = 3; p < 600; p += 2)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",%u", p);
	snprintf(text + n, sizeof(text) - n, ")");
	n = program(text, 0, code);
	CU_ASSERT_TRUE(n > 3000);
	CU_ASSERT_TRUE(machine_audit(code, (long)n));
}

static void test_autobound(void)
{
	static const char *const filters[] = { "autobound", "not autobound", "autobound sport = 80",
					       "not autobound (sport = 80 or comm = x)" };
	uint8_t code[REQUEST_BYTECODE_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(filters); i++) {
		long len = (long)program(filters[i], 0, code);
		struct machine_entry e = { .family = AF_INET, .sport = 80 };

		CU_ASSERT_TRUE(machine_audit(code, len));
		CU_ASSERT_EQUAL(machine_run(code, len, &e), i % 2 == 0);
		e.port_locked = true;
		CU_ASSERT_EQUAL(machine_run(code, len, &e), i % 2 == 1);
	}
}

/* Dumps TCP sockets with a program: how many came, or a negative errno. ports: those whose local port is one of n. */
static int dump(const uint8_t *code, size_t len, const uint16_t *wanted, size_t n_wanted, unsigned *ret_found)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
		struct nlattr attr;
		uint8_t code[REQUEST_BYTECODE_MAX];
	} request = {
		.head = { .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u },
		.attr = { .nla_type = INET_DIAG_REQ_BYTECODE, .nla_len = (uint16_t)(NLA_HDRLEN + len) },
	};
	_Alignas(8) static char buf[65536];
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), count = 0;

	memcpy(request.code, code, len);
	request.head.nlmsg_len = (uint32_t)(offsetof(typeof(request), code) + len);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(send(fd, &request, request.head.nlmsg_len, 0), request.head.nlmsg_len);
	*ret_found = 0;
	for (;;) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);
		size_t left = got > 0 ? (size_t)got : 0;

		CU_ASSERT_TRUE_FATAL(got > 0);
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			const struct inet_diag_msg *m = NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				int error = *(const int *)NLMSG_DATA(h);

				close(fd);
				return error ? error : count;
			}
			count++;
			for (size_t i = 0; i < n_wanted; i++)
				*ret_found += ntohs(m->id.idiag_sport) == wanted[i];
		}
	}
}

static int listen_on_loopback(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_TRUE_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0 &&
			     getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* What the machine of this test says, the kernel says: it takes the programs, and they choose what they should. */
static void test_kernel(void)
{
	uint8_t code[REQUEST_BYTECODE_MAX];
	unsigned found, refused = 0;
	uint16_t port[2];
	int fd[2] = { listen_on_loopback(&port[0]), listen_on_loopback(&port[1]) };
	const struct {
		const char *format; /* %1$u is the first port, %2$u the second */
		unsigned found;
	} filters[] = {
		{ "sport = %1$u", 1 },
		{ "sport = %1$u or sport = %2$u", 2 },
		{ "sport in (%1$u, %2$u, 1)", 2 },
		{ "sport != %1$u", 1 },
		{ "not (sport = %1$u or sport = %2$u)", 0 },
		{ "src 127.0.0.1 and not sport = %1$u", 1 },
		{ "src 127.0.0.0/8:%1$u", 1 },
		{ "src 10.0.0.0/8 sport in (%1$u, %2$u)", 0 },
		{ "not src 10.0.0.0/8 sport in (%1$u, %2$u)", 2 },
		{ "(dport = 0 and sport >= %1$u and sport <= %1$u) or (dport > 0 and sport = %2$u)", 1 },
		{ "dev = lo sport in (%1$u, %2$u)", 0 },
		{ "not dev = lo sport in (%1$u, %2$u)", 2 },
	};
	static const char *const more[] = { "autobound", "not autobound", "cgroup = /user.slice", "fwmark = 1/1" };

	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		char text[256];
		size_t len;
		int r;

		snprintf(text, sizeof(text), filters[i].format, port[0], port[1]);
		len = program(text, 0, code);
		CU_ASSERT_TRUE(len > 0);
		r = dump(code, len, port, 2, &found);
		if (r < 0 || found != filters[i].found)
			printf("\n  %s: kernel says %d, found %u\n", text, r, found);
		CU_ASSERT_TRUE(r >= 0);
		CU_ASSERT_EQUAL(found, filters[i].found);
	}
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		size_t len = program(more[i], 0, code);
		int r = dump(code, len, port, 2, &found);

		/* Marks need CAP_NET_ADMIN, groups a kernel with them. */
		if (i < 2)
			CU_ASSERT_TRUE(r >= 0);
		CU_ASSERT_TRUE(r >= 0 || r == -EPERM || r == -EINVAL);
		refused += r < 0;
		/* bind() to port 0 leaves the choice to the kernel. */
		if (i < 2)
			CU_ASSERT_EQUAL(found, i == 0 ? 2 : 0);
	}
	CU_ASSERT_TRUE(refused <= 2);

	/* Random programs pass the kernel's own audit. */
	for (unsigned i = 0; i < 300; i++) {
		CLEANUP(query_free) struct query *q = NULL;
		struct text t = { .len = 0 };
		struct query_error error;
		struct request req;
		const struct source_request *s;

		put_tree(&t, 3, true);
		if (query_parse(&q, t.data, t.len, &error) < 0)
			continue;
		request_init(&req, GROUPS_DETAIL);
		req.uid = 1; /* no marks */
		CU_ASSERT_EQUAL_FATAL(query_plan(q, &rows_names, &req), 0);
		s = &req.sources[SOURCE_tcp4];
		if (s->wanted && s->bytecode_len)
			CU_ASSERT_TRUE(dump(s->bytecode, s->bytecode_len, port, 2, &found) >= 0);
		request_deinit(&req);
	}
	close(fd[0]);
	close(fd[1]);
}

void suite_query_bytecode(void)
{
	CU_pSuite s = CU_add_suite("query: bytecode", NULL, end);

	CU_add_test(s, "programs", test_programs);
	CU_add_test(s, "what the kernel can tell, it tells as query_match does", test_equal);
	CU_add_test(s, "no row that matches is left out", test_superset);
	CU_add_test(s, "autobound", test_autobound);
	CU_add_test(s, "the kernel takes the programs", test_kernel);
}
