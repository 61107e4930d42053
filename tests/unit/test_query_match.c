/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filters against rows: every comparison, lists, and what is absent */

#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "model/words.h"
#include "query_rows.h"
#include "suites.h"

static struct context *context;

static int end(void)
{
	context = context_free(context);
	return 0;
}

static void expect(const struct built *b, const char *filter, bool want)
{
	CLEANUP(query_free) struct query *q = rows_query(filter);
	struct opened o;
	bool is;

	if (!context)
		context = rows_context();
	opened_init(&o, b, context);
	CU_ASSERT_EQUAL_FATAL(o.error, 0);
	is = query_match(q, &o.r);
	opened_deinit(&o);
	if (is != want)
		printf("\n  %s: %s\n", filter, is ? "matches" : "does not match");
	CU_ASSERT_EQUAL(is, want);
}

static void expect_all(const struct built *b, const char *const *filters, bool want)
{
	for (; *filters; filters++)
		expect(b, *filters, want);
}

#define MATCHES(b, ...) expect_all(b, (const char *const[]){ __VA_ARGS__, NULL }, true)
#define MATCHES_NOT(b, ...) expect_all(b, (const char *const[]){ __VA_ARGS__, NULL }, false)

static void build_tcp(struct built *b)
{
	static struct tcp_info info = { .tcpi_rtt = 20400,
					.tcpi_total_retrans = 3,
					.tcpi_segs_out = 200,
					.tcpi_ca_state = 4,
					.tcpi_options = 3,
					.tcpi_delivery_rate = 1250000,
					.tcpi_snd_mss = 1448 };
	const struct row row = {
		.source = SOURCE_tcp4,
		.state = STATE_ESTABLISHED,
		.local = "10.0.0.1",
		.local_port = 443,
		.peer = "192.168.7.9",
		.peer_port = 50000,
		.ifindex = 2,
		.inode = 77,
		.uid = 1000,
		.mark = 0x12,
		.cookie = 0x1a2b,
		.cgroup = 5,
		.info = &info,
		.info_len = sizeof(info),
		.recv_q = 100,
		.send_q = 70000,
	};

	row_build(b, &row);
	built_u8(b, INET_DIAG_SHUTDOWN, 1);
}

static void test_tcp(void)
{
	struct built b;

	build_tcp(&b);
	MATCHES(&b, "", "tcp", "inet", "not udp", "not inet6", "tcp state established", "state ESTAB", "exclude listen",
		"state connected", "state all", "sport = 443", "sport = https", "dport = 50000", "src 10.0.0.1",
		"src 10.0.0.1:443", "dst 192.168/16", "dst 192.168.7.9:50000", "src *:443", "src inet:10.0.0.1:443",
		"sport in (80, 443)", "sport in 400-500", "sport != 80", "sport > 442 and sport < 444",
		"dport >= 50000", "src != 10.0.0.2", "src != 10.0.0.1:444", "src >= 10.0.0.1", "src < 10.0.0.2",
		"src ~ '10.*'");
	MATCHES(&b, ":443", ":50000", "tcp:443", "10.0.0.1", "192.168.7.9", "10.0.0.1:443", "192.168.7.9:50000",
		"10.0.0.0/8", ":1 :443", "sk:1a2b", "sk = 1A2B", "ino:77", "uid:1000", "uid = 1000", "dev:eth0",
		"dev eth0", "dev != lo", "cgroup:/system.slice/nginx.service",
		"cgroup = /sys/fs/cgroup/system.slice/nginx.service", "nginx.service", "system.slice",
		"cgroup ~ '*/NGINX.*'", "fwmark = 0x12", "fwmark 18", "fwmark = 0x10/0xf0", "fwmark != 1",
		"fwmark != 0x20/0xf0");
	MATCHES_NOT(&b, "udp", "inet6", "unix", "not tcp", "state listen", "exclude established", "sport = 80",
		    "sport != 443", "src 10.0.0.2", "src 10.0.0.1:80", "src inet6:::1", "src unix:*", "src /x",
		    "src != 10.0.0.1", "src != 10.0.0.1:443", "10.0.0.1:50000", ":80", "udp:443", "sk:1a2c", "ino:78",
		    "dev lo", "dev != eth0", "cgroup:/system.slice", "fwmark = 0x20/0xf0", "fwmark != 0x12",
		    "sport = 443 and dport = 443", "sport not in (1,443)", "inx.service");
	MATCHES(&b, "rtt > 20ms", "rtt < 20.5ms", "rtt = 20400us", "rtt != 20ms", "rtt in 20ms-21ms",
		"retrans/segs_out > 1%", "retrans/segs_out = 1.5%", "retrans/segs_out < 0.02", "retrans/segs_out != 1%",
		"tcpi_ca_state = loss", "tcpi_ca_state = LOSS", "tcpi_ca_state = 4", "tcpi_options = sack",
		"tcpi_options in (ecn, sack)", "tcpi_options != ecn", "tcpi_options = 3", "delivery_rate = 10mbit",
		"recv_q = 100", "sendq > 64K", "rtt", "has rtt", "sk_shutdown = RCV_SHUTDOWN",
		"sk_shutdown != SEND_SHUTDOWN", "source = tcp4", "protocol = tcp");
	MATCHES_NOT(&b, "rtt > 20.4ms", "rtt = 20ms", "retrans/segs_out > 1.5%", "tcpi_ca_state != loss",
		    "tcpi_options = ecn", "tcpi_options != sack", "tcpi_options != (ecn, sack)",
		    "sk_shutdown = SEND_SHUTDOWN", "rto", "tcpi_rto", "lost/unacked > 0", "lost/unacked <= 0",
		    "lost/unacked = 0", "lost/unacked != 0");
}

static void test_lists(void)
{
	struct built b;

	build_tcp(&b);
	MATCHES(&b, "pid:100", "pid:200", "pid = 200", "pid > 150", "pid in (1, 200)", "pid != 300",
		"pid not in (1, 300)", "comm = curl", "comm = 'wget 2'", "comm ~ 'CUR*'", "comm ~ w*", "comm !~ x*",
		"comm in (a, curl)", "user = root", "user = user", "fd = 9", "has pid", "pid",
		"comm = curl comm = 'wget 2'");
	/* "!=" is that none is. */
	MATCHES_NOT(&b, "pid:1", "pid != 100", "pid != 200", "pid not in (1, 200)", "comm != curl", "comm !~ w*",
		    "comm = wget", "comm = Curl", "user = nobody", "pid = 1 or comm = x", "comm != (a, curl)");
}

static void test_absent(void)
{
	const struct row row = {
		.source = SOURCE_tcp4, .state = STATE_TIME_WAIT, .local = "10.0.0.1", .local_port = 443
	};
	struct built b;

	row_build(&b, &row);
	/* Nothing holds of what is absent, not even "!="; what is not so may still be asked. */
	MATCHES_NOT(&b, "dev = lo", "dev != lo", "rtt > 0", "rtt = 0", "rtt != 0", "rtt", "has rtt", "cgroup = /a",
		    "cgroup != /a", "cgroup !~ x", "pid != 1", "has pid", "ino:0", "inode != 1", "cookie != 1",
		    "nginx.service", "retrans/segs_out >= 0", "retrans/segs_out != 5", "has dev");
	MATCHES(&b, "not dev = lo", "not dev != lo", "not rtt > 0", "not has pid", "not inode = 1", "not cgroup = /a",
		"not retrans/segs_out > 1%", "dport = 0", "dst 0.0.0.0", "has dport", "state time-wait", "fwmark = 0");
	/* Zero is there, though a test for truth says no. */
	MATCHES_NOT(&b, "dport", "fwmark");
}

static void test_mapped(void)
{
	const struct row row = { .source = SOURCE_tcp6,
				 .state = STATE_ESTABLISHED,
				 .local = "::ffff:10.0.0.1",
				 .local_port = 22,
				 .peer = "::ffff:10.9.9.9",
				 .peer_port = 9 };
	const struct row v6 = {
		.source = SOURCE_tcp6, .state = STATE_LISTEN, .local = "fe80::1", .local_port = 22, .ifindex = 2
	};
	struct built b;

	row_build(&b, &row);
	MATCHES(&b, "src 10.0.0.1", "10.0.0.1:22", "dst 10/8", "src ::ffff:10.0.0.1", "src ::ffff:10.0.0.0/104",
		"inet6", "src ::/0", "src 0.0.0.0/0", "src ::ffff:0:0/95");
	MATCHES_NOT(&b, "src 10.0.0.2", "inet", "src ::1", "src fe80::/10", "src inet:10.0.0.1");
	row_build(&b, &v6);
	MATCHES(&b, "src fe80::1", "[fe80::1]:22", "src fe80::/10", "src [fe80::1%eth0]:22", "fe80::1%eth0");
	MATCHES_NOT(&b, "src 0.0.0.0/0", "src [fe80::1%lo]:22", "fe80::1%lo", "src fe80::2");
}

static void test_unix(void)
{
	static const char abstract[] = "\0my\x1bname", path[] = "/run/a b.sock";
	struct built b;

	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, path, sizeof(path), 88);
	MATCHES(&b, "unix", "u_str", "'/run/a b.sock'", "/run/a\\x20b.sock", "unix:'/run/a b.sock'",
		"src '/run/a b.sock'", "src unix:*.SOCK", "src /run/*.sock", "local ~ '*A B*'",
		"local = '/run/a b.sock'", "local != /run/x", "pid:200", "ino:88", "state listen", "has local",
		"src unix:*");
	MATCHES_NOT(&b, "u_dgr", "tcp", "/run/a", "'/run/A b.sock'", "src /RUN/x", "dst /run/*", "has peer", ":88",
		    "src 0.0.0.0/0", "dst = /run/x", "dst != /run/x", "sport = 0", "sport != 0");
	row_build_unix(&b, SOCK_DGRAM, STATE_CLOSE, abstract, sizeof(abstract) - 1, 89);
	MATCHES(&b, "u_dgr", "@my\\x1bname", "src @my*", "local ~ '@MY?name'", "local = '@my\\x1bname'",
		"state unconnected");
	MATCHES_NOT(&b, "@my", "/my*", "src unix:my*");
	row_build_unix(&b, SOCK_SEQPACKET, STATE_ESTABLISHED, NULL, 0, 90);
	MATCHES(&b, "u_seq", "not has local", "not src /x");
	MATCHES_NOT(&b, "has local", "src *", "src ~ *", "local != /x");
	/* A path that begins with @ is printed with ./ before it. */
	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, "@x", 3, 91);
	MATCHES(&b, "./@x", "src ./@x");
	MATCHES_NOT(&b, "@x");
}

static void test_every_source(void)
{
	static const char *const filters[] = {
		"rtt > 1 or pid > 1", "local ~ *",   "peer != 10.0.0.1", "sport in (1,2)",
		"comm ~ '*x*'",       "netid = tcp", "state listen",     "autobound",
		"not autobound",      "cgroup ~ a*", "sk_mark = 1/1",    "retrans/segs_out > 1",
	};

	/* Whatever a source gives, nothing goes wrong, and a filter and its negation are never of one mind. */
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		struct opened o;
		struct built b;

		built_full(&b, id);
		opened_init(&o, &b, context);
		CU_ASSERT_EQUAL_FATAL(o.error, 0);
		for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
			CLEANUP(query_free) struct query *q = rows_query(filters[i]), *not = NULL;
			char text[128];

			if (strstr(filters[i], "autobound")) {
				(void)query_match(q, &o.r);
				continue;
			}
			snprintf(text, sizeof(text), "not (%s)", filters[i]);
			not = rows_query(text);
			CU_ASSERT_NOT_EQUAL(query_match(q, &o.r), query_match(not, &o.r));
		}
		opened_deinit(&o);
	}
}

/* The kernel left the others out: what came is right either way, and what no kernel filter saw is not. */
static void test_autobound(void)
{
	struct built b;

	build_tcp(&b);
	MATCHES(&b, "autobound", "not autobound", "tcp autobound");
	MATCHES_NOT(&b, "udp autobound");
	row_build_unix(&b, SOCK_STREAM, STATE_LISTEN, "/x", 3, 88);
	MATCHES_NOT(&b, "autobound");
	MATCHES(&b, "not autobound");
	built_full(&b, SOURCE_proc_raw);
	MATCHES_NOT(&b, "autobound");
}

static void expect_tracked(const struct built *b, const struct socketd_track *t, const char *filter, bool want)
{
	const struct message m = { .data = b->data, .len = (uint32_t)b->len, .source = (uint8_t)b->source, .track = t };
	CLEANUP(query_free) struct query *q = rows_query(filter);
	struct record r;

	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	if (query_match(q, &r) != want)
		printf("\n  %s: %s\n", filter, want ? "does not match" : "matches");
	CU_ASSERT_EQUAL(query_match(q, &r), want);
}

static void test_tracked(void)
{
	static const char *const yes[] = {
		"age > 10m", "age >= 1h", "age < 2h", "age = 3600s", "age = 3600000000", "age in 30m-90m", "age_at_least",
		"age_at_least = yes", "state established and state_age > 10m", "state_age < 1h", "not state_age_at_least",
		"state_age_at_least = no", "has age", "tx_rate > 10mbit", "tx_rate = 2000000", "tx_rate >= 2MB/s", "rx_rate = 0",
		"has rx_rate", "retrans_rate > 0.5", "retrans_rate > 0.5/s", "retrans_rate = 0.75", "retrans_rate = 0.75/s",
		"retrans_rate < 0.751", "retrans_rate > 0.7499", "retrans_rate <= 0.7501", "retrans_rate in 0.5-1",
		"retrans_rate in (1, 0.75)", "retrans_rate < 0x1", "retrans_rate", "tx_segs_rate = 1500", "tx_segs_rate = 1500/s",
		"rx_segs_rate != 1", "retrans_rate/tx_segs_rate = 0.05%", "tx_rate/tx_segs_rate > 1333",
		"tx_rate/tx_segs_rate < 1334",
	};
	static const char *const no[] = {
		"age > 60m", "age_at_least = no", "state close-wait and state_age > 10m", "state_age > 20m", "tx_rate > 16mbit",
		"rx_rate", "retrans_rate > 0.75", "retrans_rate = 0.7501", "retrans_rate > 0x1", "retrans_rate > 750",
		"retrans_rate > 1/s", "tx_segs_rate > 1500", "tx_rate/tx_segs_rate > 1334",
	};
	const struct socketd_track t = {
		.age = UINT64_C(3600) * 1000000, .state_age = UINT64_C(900) * 1000000, .tx_rate = 2000000,
		.tx_segs_rate = 1500000, .retrans_rate = 750,
		.flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES | SOCKETD_TRACK_AGE_AT_LEAST,
	};
	struct built b;

	built_inet(&b, SOURCE_tcp4, STATE_ESTABLISHED);
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		expect_tracked(&b, &t, yes[i], true);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		expect_tracked(&b, &t, no[i], false);
	/* Where nothing is remembered no comparison holds. */
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		expect_tracked(&b, NULL, yes[i], strncmp(yes[i], "not", 3) == 0);
	built_inet(&b, SOURCE_tcp4, STATE_CLOSE_WAIT);
	expect_tracked(&b, &t, "state close-wait and state_age > 10m", true);
}

void suite_query_match(void)
{
	CU_pSuite s = CU_add_suite("query: match", NULL, end);

	CU_add_test(s, "a TCP row", test_tcp);
	CU_add_test(s, "lists", test_lists);
	CU_add_test(s, "what is absent", test_absent);
	CU_add_test(s, "IPv4-mapped and scoped addresses", test_mapped);
	CU_add_test(s, "UNIX names", test_unix);
	CU_add_test(s, "rows of every source", test_every_source);
	CU_add_test(s, "autobound", test_autobound);
	CU_add_test(s, "what is remembered", test_tracked);
}
