/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: which sources, which states, which exact lookups */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "model/words.h"
#include "query/ask.h"
#include "query/sort.h"
#include "query_rows.h"
#include "socketd/uapi.h"
#include "suites.h"

static void plan(const char *filter, struct request *req)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);

	request_init(req, GROUPS_DETAIL);
	CU_ASSERT_EQUAL_FATAL(query_plan(q, &rows_names, req), 0);
}

static void expect_sources(const char *filter, const char *want)
{
	char is[1024] = "";
	struct request req;
	size_t n = 0;

	plan(filter, &req);
	for (unsigned id = 1; id < SOURCE_COUNT; id++)
		if (req.sources[id].wanted)
			n += (size_t)snprintf(is + n, sizeof(is) - n, "%s%s", n ? " " : "", source_def_get(id)->name);
	request_deinit(&req);
	if (strcmp(is, want) != 0)
		printf("\n  %s\n    is   %s\n    want %s\n", filter, is, want);
	CU_ASSERT_STRING_EQUAL(is, want);
}

#define INET_SOURCES "tcp4 tcp6 udp4 udp6 udplite4 udplite6 raw4 raw6 dccp4 dccp6 sctp4 sctp6 mptcp4 mptcp6"
#define ALL_SOURCES INET_SOURCES " unix netlink packet vsock xdp smc tipc proc_icmp proc_icmp6 module"

static void test_sources(void)
{
	expect_sources("", ALL_SOURCES);
	expect_sources("tcp", "tcp4 tcp6 module");
	expect_sources("tcp inet6", "tcp6 module");
	expect_sources("inet", "tcp4 udp4 udplite4 raw4 dccp4 sctp4 mptcp4 proc_icmp module");
	expect_sources("tcp or unix", "tcp4 tcp6 unix module");
	expect_sources("tcp and unix", "");
	expect_sources("not (tcp or udp or inet or inet6)", "unix netlink packet vsock xdp smc tipc module");
	expect_sources("u_str", "unix");
	expect_sources("p_raw", "packet");
	expect_sources("nl", "netlink module");
	expect_sources("age > 10m", ALL_SOURCES);
	expect_sources("tx_rate > 10mbit", "tcp4 tcp6");
	expect_sources("retrans_rate/tx_segs_rate > 1%", "tcp4 tcp6");
	expect_sources("icmp", "proc_icmp proc_icmp6 module");
	expect_sources("raw", "raw4 raw6 module");
	expect_sources("netid ~ 'udp*'", "udp4 udp6 udplite4 udplite6 module");
	expect_sources("protocol = udp", "udp4 udp6 raw4 raw6 netlink packet module");
	expect_sources("source = tcp4", "tcp4");
	/* What others list are no rows of the module's: they are read to tell; UNLISTED leaves some out by itself. */
	expect_sources("source = module", "dccp4 dccp6 sctp4 sctp6 mptcp4 mptcp6 netlink vsock xdp smc tipc proc_icmp proc_icmp6 module");
	expect_sources("source = module netid = nl", "netlink module");
	/* Its rows may come from the fallback, and do say so. */
	expect_sources("source = proc_raw", "raw4");
	expect_sources("tcpi_rtt > 20ms", "tcp4 tcp6 dccp4 dccp6");
	expect_sources("not tcpi_rtt > 20ms", ALL_SOURCES);
	expect_sources("mptcpi_token = 5", "mptcp4 mptcp6");
	expect_sources("ndiag_flags = cap-ack", "netlink");
	expect_sources("src /run/x.sock", "unix");
	expect_sources("/run/x.sock", "unix");
	expect_sources("src unix:*", "unix");
	expect_sources("dst ::1", "tcp6 udp6 udplite6 raw6 dccp6 sctp6 mptcp6 smc proc_icmp6");
	expect_sources("dst 10.0.0.1", INET_SOURCES " smc proc_icmp proc_icmp6");
	expect_sources(":443", INET_SOURCES " smc proc_icmp proc_icmp6");
	expect_sources("tcp:443", "tcp4 tcp6");
	expect_sources("pid:1", ALL_SOURCES);
	expect_sources("tcp and state listen and state established", "");
	expect_sources("autobound", "tcp4 tcp6 udp4 udp6 udplite4 udplite6 raw4 raw6 dccp4 dccp6 mptcp4 mptcp6");
	expect_sources("tcp not autobound", "tcp4 tcp6 module");
	expect_sources("unix not autobound", "unix");
}

/* What the module is asked, with these groups beside those of the filter. */
static void plan_groups(const char *filter, uint32_t groups, struct request *req)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);

	request_init(req, groups | query_groups(q));
	CU_ASSERT_EQUAL_FATAL(query_plan(q, &rows_names, req), 0);
}

#define FAMILY(f) (UINT64_C(1) << (f))

/* A listing asks it for what nobody else lists. */
static void test_module_unlisted(void)
{
	struct request req;

	plan_groups("", GROUPS_DETAIL, &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_module].wanted);
	CU_ASSERT_EQUAL(req.module.walks, SOCKETD_WALK_TASKS);
	CU_ASSERT_EQUAL(req.module.flags, SOCKETD_FLAG_UNLISTED);
	CU_ASSERT_EQUAL(req.module.groups, SOCKETD_GROUP_SKMEM);
	CU_ASSERT_EQUAL(req.module.states, SOCKETD_STATES_ALL);
	CU_ASSERT_TRUE((req.module.families & FAMILY(AF_ALG)) != 0);
	CU_ASSERT_TRUE((req.module.families & FAMILY(AF_INET)) != 0);
	CU_ASSERT_FALSE((req.module.families & (FAMILY(AF_UNIX) | FAMILY(AF_PACKET))) != 0);
	CU_ASSERT_TRUE((req.module.families & FAMILY(AF_XDP)) != 0);
	request_deinit(&req);

	plan_groups("udp", GROUP_BIT(GROUP_base), &req);
	CU_ASSERT_EQUAL(req.module.families, FAMILY(AF_INET) | FAMILY(AF_INET6));
	CU_ASSERT_EQUAL(req.module.groups, 0);
	request_deinit(&req);

	plan_groups("netid = can", GROUPS_DETAIL, &req);
	CU_ASSERT_EQUAL(req.module.families, FAMILY(AF_CAN));
	request_deinit(&req);

	/* What is in no table is closed; other families have states as well. */
	plan_groups("tcp state established", GROUPS_DETAIL, &req);
	CU_ASSERT_FALSE(req.sources[SOURCE_module].wanted);
	request_deinit(&req);
	plan_groups("state established", GROUPS_DETAIL, &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_module].wanted);
	CU_ASSERT_FALSE((req.module.families & FAMILY(AF_INET)) != 0);
	CU_ASSERT_TRUE((req.module.families & FAMILY(AF_BLUETOOTH)) != 0);
	CU_ASSERT_EQUAL(req.module.states, SOCKETD_STATES_ALL);
	request_deinit(&req);

	static const char *const not_asked[] = {
		":443", "sport = 443", "src 10.0.0.1", "unix", "p_raw", "tcpi_rtt > 1", "source = tcp4", "dst /run/x",
		"tcp state listening", "mptcpi_token = 5", "local_port != 5", "sk_mark = 5", "cgroup = /x",
	};
	for (size_t i = 0; i < ARRAY_SIZE(not_asked); i++) {
		plan_groups(not_asked[i], GROUPS_DETAIL, &req);
		CU_ASSERT_FALSE(req.sources[SOURCE_module].wanted);
		request_deinit(&req);
	}
}

/* Fields that it alone has: then all sockets are asked for, as far as the filter lets be. */
static void test_module_internals(void)
{
	struct request req;

	plan_groups(":443", GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_module].wanted);
	CU_ASSERT_EQUAL(req.module.walks, SOCKETD_WALKS_ALL);
	CU_ASSERT_EQUAL(req.module.flags, 0);
	CU_ASSERT_EQUAL(req.module.groups, SOCKETD_GROUP_SOCK);
	CU_ASSERT_TRUE((req.module.families & FAMILY(AF_INET)) != 0);
	CU_ASSERT_FALSE((req.module.families & FAMILY(AF_UNIX)) != 0);
	request_deinit(&req);

	plan_groups("holding = orphan and tcp", GROUPS_DETAIL, &req);
	CU_ASSERT_EQUAL(req.module.walks, SOCKETD_WALKS_ALL);
	CU_ASSERT_EQUAL(req.module.groups, SOCKETD_GROUP_SOCK | SOCKETD_GROUP_SKMEM);
	CU_ASSERT_EQUAL(req.module.families, FAMILY(AF_INET) | FAMILY(AF_INET6));
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_unix].wanted);
	request_deinit(&req);

	/* Texts cost as much as all the rest. */
	plan_groups("sk_prot = TCP", GROUP_BIT(GROUP_base), &req);
	CU_ASSERT_EQUAL(req.module.groups, SOCKETD_GROUP_SOCK | SOCKETD_GROUP_NAMES);
	request_deinit(&req);
	plan_groups("", GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_flow), &req);
	CU_ASSERT_EQUAL(req.module.groups, SOCKETD_GROUP_FLOW | SOCKETD_GROUP_NAMES);
	CU_ASSERT_EQUAL(req.module.families, UINT64_MAX);
	request_deinit(&req);
	plan_groups("", GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_socket) | GROUP_NAMES, &req);
	CU_ASSERT_EQUAL(req.module.groups, SOCKETD_GROUP_SOCKET | SOCKETD_GROUP_NAMES);
	request_deinit(&req);

	plan_groups("sk:1a2b", GROUPS_DETAIL | GROUPS_INTERNAL, &req);
	CU_ASSERT_EQUAL(req.module.cookie, 0x1a2b);
	CU_ASSERT_EQUAL(req.module.inode, 0);
	request_deinit(&req);
	plan_groups("ino:77", GROUPS_DETAIL | GROUPS_INTERNAL, &req);
	CU_ASSERT_EQUAL(req.module.inode, 77);
	request_deinit(&req);
	plan_groups("pid:7 tcp", GROUPS_DETAIL | GROUPS_INTERNAL, &req);
	CU_ASSERT_EQUAL(req.module.pid, 7);
	request_deinit(&req);
	plan_groups("pid:7 or tcp", GROUPS_DETAIL | GROUPS_INTERNAL, &req);
	CU_ASSERT_EQUAL(req.module.pid, 0);
	request_deinit(&req);
	plan_groups("tcp state syn-recv", GROUPS_INTERNAL, &req);
	CU_ASSERT_EQUAL(req.module.states, STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV));
	request_deinit(&req);
}

/* What the module tells goes with the rows of others: its own need not match for that. */
static void test_module_joins(void)
{
	struct request req;

	plan_groups("ulp_name = tls", GROUPS_DETAIL | GROUP_BIT(GROUP_flow), &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_module].wanted);
	CU_ASSERT_EQUAL(req.module.families, FAMILY(AF_INET) | FAMILY(AF_INET6));
	request_deinit(&req);
	plan_groups("udiag_vfs_ino = 5", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_EQUAL(req.module.families, FAMILY(AF_UNIX));
	request_deinit(&req);
	plan_groups("tcp and unix", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_FALSE(req.sources[SOURCE_module].wanted);
	request_deinit(&req);

	/* An association is established, its endpoint listens. */
	plan_groups("netid = sctp state established", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_EQUAL(req.module.states, SOCKETD_STATES_ALL);
	request_deinit(&req);
	plan_groups("netid = mptcp state established", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_EQUAL(req.module.states, SOCKETD_STATES_ALL);
	request_deinit(&req);
	plan_groups("smc state established", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_EQUAL(req.module.states, SOCKETD_STATES_ALL);
	request_deinit(&req);
	plan_groups("ulp_name = tls tcp state established", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_EQUAL(req.module.states, STATE_BIT(STATE_ESTABLISHED));
	request_deinit(&req);
	plan_groups("(tcp or udp or unix) state established", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_EQUAL(req.module.states, STATE_BIT(STATE_ESTABLISHED));
	request_deinit(&req);

	/* Rows that join must be there to be joined, whole. */
	plan_groups("source = module", GROUP_BIT(GROUP_sock), &req);
	for (unsigned id = 1; id < SOURCE_COUNT; id++)
		CU_ASSERT_EQUAL(req.sources[id].wanted, id != SOURCE_tcp && (id < SOURCE_proc_tcp || id >= SOURCE_proc_icmp));
	request_deinit(&req);
	plan_groups("source = module or sport = 443", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_unix].wanted);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].bytecode_len, 0);
	request_deinit(&req);
	plan_groups("source = module udp", GROUP_BIT(GROUP_sock), &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_udp4].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].wanted);
	request_deinit(&req);
}

static void expect_states(const char *filter, enum source_id source, uint32_t want)
{
	struct request req;

	plan(filter, &req);
	if (req.sources[source].states != want)
		printf("\n  %s: %x, want %x\n", filter, req.sources[source].states, want);
	CU_ASSERT_TRUE(req.sources[source].wanted);
	CU_ASSERT_EQUAL(req.sources[source].states, want);
	request_deinit(&req);
}

#define LISTEN_BIT STATE_BIT(STATE_LISTEN)
#define ESTAB_BIT STATE_BIT(STATE_ESTABLISHED)
#define SYN_RECV_BITS (STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV))

static void test_states(void)
{
	expect_states("", SOURCE_tcp4, STATES_ALL);
	expect_states("state all", SOURCE_tcp4, STATES_ALL);
	expect_states("state listen", SOURCE_tcp4, LISTEN_BIT);
	expect_states("state listen", SOURCE_unix, LISTEN_BIT);
	expect_states("state listen state established", SOURCE_tcp4, LISTEN_BIT | ESTAB_BIT);
	expect_states("not state listen", SOURCE_tcp4, STATES_ALL & ~LISTEN_BIT);
	expect_states("exclude listen", SOURCE_tcp6, STATES_ALL & ~LISTEN_BIT);
	expect_states("state != listen", SOURCE_tcp6, STATES_ALL & ~LISTEN_BIT);
	expect_states("not (state listen or state established)", SOURCE_udp4, STATES_ALL & ~(LISTEN_BIT | ESTAB_BIT));
	expect_states("state listen or sport = 1", SOURCE_tcp4, STATES_ALL);
	expect_states("state listen and sport = 1", SOURCE_tcp4, LISTEN_BIT);
	expect_states("not (not state listen or sport = 1)", SOURCE_tcp4, LISTEN_BIT);
	expect_states("(state listen and sport = 1) or (state established and dport = 1)", SOURCE_tcp4,
		      LISTEN_BIT | ESTAB_BIT);
	/* What is certain of a source counts. */
	expect_states("(tcp and state listen) or (udp and state established)", SOURCE_tcp4, LISTEN_BIT);
	expect_states("(tcp and state listen) or (udp and state established)", SOURCE_udp4, ESTAB_BIT);
	/* One state, two numbers in the kernel. */
	expect_states("state syn-recv", SOURCE_tcp4, SYN_RECV_BITS);
	expect_states("state new-syn-recv", SOURCE_tcp4, SYN_RECV_BITS);
	expect_states("state listen state new-syn-recv", SOURCE_tcp6, SYN_RECV_BITS | LISTEN_BIT);
	/* SCTP's rows have numbers of their own, TIPC's too. */
	expect_states("state listen", SOURCE_sctp4, STATES_ALL);
	expect_states("state listen", SOURCE_tipc, STATES_ALL);
}

static void test_exact(void)
{
	uint8_t local[16] = { 10, 0, 0, 1 }, peer[16] = { 10, 0, 0, 2 };
	const struct source_request *s;
	struct request req;

	plan("tcp sk:1a2b src 10.0.0.1:80 dst 10.0.0.2:90 dev lo", &req);
	s = &req.sources[SOURCE_tcp4];
	CU_ASSERT_TRUE(s->exact);
	CU_ASSERT_EQUAL(s->cookie, 0x1a2b);
	CU_ASSERT_EQUAL(memcmp(s->local, local, 16), 0);
	CU_ASSERT_EQUAL(memcmp(s->peer, peer, 16), 0);
	CU_ASSERT_EQUAL(s->local_port, 80);
	CU_ASSERT_EQUAL(s->peer_port, 90);
	CU_ASSERT_EQUAL(s->ifindex, 1);
	/* The address may be a mapped one there: that is not the key. */
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp6].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp6].exact);
	request_deinit(&req);

	plan("sk:1a2b src [::1]:80 dst [::2]:90 dev = lo", &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp6].exact);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_udp6].exact);
	request_deinit(&req);

	/* No device: where the kernel does not find it so, the source makes a dump. */
	plan("sk:1a2b src 10.0.0.1:80 dst 10.0.0.2:90", &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].exact);
	CU_ASSERT_EQUAL(req.sources[SOURCE_tcp4].ifindex, 0);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].bytecode_len > 0);
	request_deinit(&req);

	static const char *const inexact[] = {
		"sk:1a2b",
		"sk:1a2b src 10.0.0.1:80",
		"src 10.0.0.1:80 dst 10.0.0.2:90",
		"sk:1a2b src 10.0.0.1:80 dst 10.0.0.0/8:90",
		"not sk:1a2b src 10.0.0.1:80 dst 10.0.0.2:90",
		"sk:1a2b or (src 10.0.0.1:80 dst 10.0.0.2:90)",
		"sk:1a2b src 10.0.0.1:80 dst != 10.0.0.2 dport = 90",
	};
	for (size_t i = 0; i < ARRAY_SIZE(inexact); i++) {
		plan(inexact[i], &req);
		for (unsigned id = 1; id < SOURCE_COUNT; id++)
			CU_ASSERT_FALSE(req.sources[id].exact);
		request_deinit(&req);
	}

	plan("ino:123", &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_unix].exact);
	CU_ASSERT_EQUAL(req.sources[SOURCE_unix].inode, 123);
	CU_ASSERT_EQUAL(req.sources[SOURCE_unix].cookie, 0);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp4].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].exact);
	CU_ASSERT_TRUE(req.sources[SOURCE_netlink].wanted);
	request_deinit(&req);

	plan("ino:1 ino:2", &req);
	CU_ASSERT_FALSE(req.sources[SOURCE_unix].exact);
	request_deinit(&req);

	plan("token = 0xabc", &req);
	CU_ASSERT_TRUE(req.sources[SOURCE_mptcp6].exact);
	CU_ASSERT_EQUAL(req.sources[SOURCE_mptcp4].token, 0xabc);
	request_deinit(&req);
}

/* What was not asked for stays so. */
static void test_narrowing(void)
{
	CLEANUP(query_free) struct query *q = rows_query("tcp or unix");
	struct request req;

	request_init(&req, GROUPS_DETAIL);
	req.sources[SOURCE_tcp4].wanted = false;
	CU_ASSERT_EQUAL(query_plan(q, NULL, &req), 0);
	CU_ASSERT_FALSE(req.sources[SOURCE_tcp4].wanted);
	CU_ASSERT_TRUE(req.sources[SOURCE_tcp6].wanted);
	CU_ASSERT_FALSE(req.sources[SOURCE_proc_tcp].wanted);
	request_deinit(&req);
}

static void expect_groups(const char *filter, const enum field_id *fields, size_t n, uint32_t want)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);
	struct request req;

	CU_ASSERT_EQUAL_FATAL(ask_request(q, fields, n, 0, NULL, &req), 0);
	if (req.groups != want)
		printf("\n  %s: groups %x, want %x\n", filter, req.groups, want);
	CU_ASSERT_EQUAL(req.groups, want);
	request_deinit(&req);
}

/* Every place that names a field of the daemon's memory asks for it, and for nothing of the kernel. */
static void test_groups(void)
{
	static const enum field_id base[] = { F_state, F_local }, track[] = { F_age, F_tx_rate, F_retrans_rate };
	const uint32_t with_track = GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_track);
	const enum field_id *sums;
	size_t n;

	expect_groups("", base, 2, GROUP_BIT(GROUP_base));
	expect_groups("", track, 3, with_track);
	expect_groups("state close-wait and state_age > 10m", base, 2, with_track);
	expect_groups("tcp and (tx_rate > 5 or not has age)", base, 2, with_track);
	expect_groups("dport/retrans_rate > 5", base, 2, with_track);
	expect_groups("", NULL, 0, GROUPS_DETAIL);
	CU_ASSERT_TRUE(GROUPS_DETAIL & GROUP_BIT(GROUP_track));
	/* What sock_diag tells too is no reason to ask the module; what it alone has is, and its texts are asked for apart. */
	static const enum field_id told[] = { F_sk_mark, F_sk_shutdown, F_sk_state, F_sk_type }, alone[] = { F_sk_reuse },
				   lines[] = { F_sk_refcnt }, texts[] = { F_sk_prot };

	expect_groups("", told, 4, GROUP_BIT(GROUP_base));
	expect_groups("sk_mark = 5 and sk_mark/sk_shutdown > 1", base, 2, GROUP_BIT(GROUP_base));
	expect_groups("", alone, 1, GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_sock));
	expect_groups("sk_reuse = 1", base, 2, GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_sock));
	expect_groups("", lines, 1, GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_sock));
	expect_groups("", texts, 1, GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_sock) | GROUP_NAMES);
	expect_groups("sk_prot = TCP", base, 2, GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_sock) | GROUP_NAMES);
	/* The rates are the last three of the sums. */
	sums = grouping_fields(&n);
	expect_groups("", sums, n, with_track);
	expect_groups("", sums, n - 3, GROUP_BIT(GROUP_base));
}

/* The texts that the bus makes of its short words. */
static void test_shorthands(void)
{
	static const char *const families[] = { "inet",	 "inet6", "unix", "netlink", "packet", "vsock", "xdp", "smc", "tipc",
						"udp",	 "tcp",	  "raw",  "icmp",    "dccp",   "sctp",	"mptcp", "udplite",
						"u_str", "p_raw", "v_seq" };
	static const char *const texts[] = {
		"(tcp) and (inet or unix)", "state in (listen, close-wait)", "state = syn-recv", "netns = 4026531840",
		"netns:4026531840", "pid = 5", "pid:5", "unit:nginx.service", "'unit:foo@a:b.service'",
	};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		CLEANUP(query_free) struct query *q = rows_query(families[i]);
		struct request req;
		unsigned n_wanted = 0;

		request_init(&req, GROUP_BIT(GROUP_base));
		CU_ASSERT_EQUAL_FATAL(query_plan(q, NULL, &req), 0);
		for (unsigned id = 1; id < SOURCE_COUNT; id++)
			n_wanted += req.sources[id].wanted;
		CU_ASSERT(n_wanted >= 1 && n_wanted < 15);
		request_deinit(&req);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		query_free(rows_query(texts[i]));
}

void suite_query_plan(void)
{
	CU_pSuite s = CU_add_suite("query: plan", NULL, NULL);

	CU_add_test(s, "sources", test_sources);
	CU_add_test(s, "states", test_states);
	CU_add_test(s, "the module: what nobody else lists", test_module_unlisted);
	CU_add_test(s, "the module: fields that it alone has", test_module_internals);
	CU_add_test(s, "the module: what joins", test_module_joins);
	CU_add_test(s, "exact lookups", test_exact);
	CU_add_test(s, "a plan only narrows", test_narrowing);
	CU_add_test(s, "groups that are asked for", test_groups);
	CU_add_test(s, "short words of the bus", test_shorthands);
}
