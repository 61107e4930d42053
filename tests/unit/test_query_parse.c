/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter language: what texts mean. Over 500 lines: it is one table, a line for each form of the language. */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/words.h"
#include "query/tree.h"
#include "suites.h"

struct text {
	char data[65536];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	t->len += (size_t)vsnprintf(t->data + t->len, sizeof(t->data) - t->len, format, ap);
	va_end(ap);
	if (t->len >= sizeof(t->data))
		t->len = sizeof(t->data) - 1;
}

static const char *const compares[] = { "=", "<", "<=", ">", ">=" };

static void put_numbers(struct text *t, const struct node *n)
{
	bool is_signed = tree_is_signed(n->field);

	put(t, "{");
	for (size_t i = 0; i < n->n_ranges; i++) {
		uint64_t ends[2] = { n->ranges[i].lo, n->ranges[i].hi };

		for (unsigned e = 0; e < (ends[0] == ends[1] ? 1 : 2); e++) {
			put(t, "%s", e ? "-" : i ? "," : "");
			if (is_signed)
				put(t, "%lld", (long long)(ends[e] ^ ORDINAL_SIGN));
			else if (ends[e] == UINT64_MAX)
				put(t, "max");
			else
				put(t, "%llu", (unsigned long long)ends[e]);
		}
	}
	put(t, "}");
}

static void put_states(struct text *t, uint32_t states)
{
	unsigned n = 0;

	put(t, "state[");
	for (unsigned s = 0; s <= STATE_BOUND_INACTIVE; s++)
		if (states & STATE_BIT(s))
			put(t, "%s%u", n++ ? " " : "", s);
	put(t, "]");
}

static void put_leaf(struct text *t, const struct node *n)
{
	const struct field *f = field_get(n->field);
	const char *name = f ? f->name : "?", *not = n->invert ? "!" : "";
	char text[1024];

	switch ((enum node_kind)n->kind) {
	case LEAF_STATE:
		put_states(t, n->states);
		break;
	case LEAF_HAS:
		put(t, "has(%s)", name);
		break;
	case LEAF_TRUTH:
		put(t, "is(%s)", name);
		break;
	case LEAF_NUMBER:
		put(t, "%s%s", name, not );
		put_numbers(t, n);
		break;
	case LEAF_MASKED:
		put(t, "%s%s&0x%llx=0x%llx", name, not, (unsigned long long)n->mask, (unsigned long long)n->value);
		break;
	case LEAF_TEXT:
		text_escape(text, sizeof(text), n->text, n->len);
		put(t, "%s%s%s'%s'", name, not, compares[n->compare], text);
		break;
	case LEAF_GLOB:
		put(t, "%s%s~", name, not );
		break;
	case LEAF_ADDRESS:
		address_format(&n->address, text, sizeof(text));
		put(t, "%s%s%s%s/%u", name, not, compares[n->compare], text, n->bits);
		break;
	case LEAF_RATIO:
		put(t, "%s/%s%s%s%g", name, field_get(n->divisor)->name, not, compares[n->compare], n->ratio);
		break;
	case LEAF_COMPONENT:
		put(t, "%s has '%.*s'", name, (int)n->len, n->text);
		break;
	case LEAF_AUTOBOUND:
		put(t, "%sautobound", not );
		break;
	default:
		put(t, "?");
	}
}

static void put_node(struct text *t, const struct query *q, node_ref ref)
{
	const struct node *n = tree_node(q, ref);

	switch (n->kind) {
	case NODE_ALL:
		put(t, "all");
		break;
	case NODE_AND:
	case NODE_OR:
		put(t, "(");
		for (node_ref c = n->child; c; c = tree_node(q, c)->next) {
			if (c != n->child)
				put(t, n->kind == NODE_AND ? " & " : " | ");
			put_node(t, q, c);
		}
		put(t, ")");
		break;
	case NODE_NOT:
		put(t, "!");
		put_node(t, q, n->child);
		break;
	default:
		put_leaf(t, n);
	}
}

static void expect(const char *filter, const char *want)
{
	CLEANUP(query_free) struct query *q = NULL;
	struct query_error e = { .message = "" };
	static struct text t;
	int r = query_parse(&q, filter, strlen(filter), &e);

	t.len = 0;
	if (r >= 0)
		put_node(&t, q, q->root);
	else
		put(&t, "error %d at %zu: %s", r, e.column, e.message);
	if (strcmp(t.data, want) != 0)
		printf("\n  %s\n    is   %s\n    want %s\n", filter, t.data, want);
	CU_ASSERT_STRING_EQUAL(t.data, want);
}

/* shown: the name as it is printed of a text. */
static void expect_unit(const char *filter, const char *name, const char *shown)
{
	static struct text want;

	want.len = 0;
	put(&want, "(cgroup has '%s'", name);
	put(&want, " | unit='%s' | slice='%s' | user_unit='%s' | activates='%s')", shown, shown, shown, shown);
	expect(filter, want.data);
}

static void test_grammar(void)
{
	expect("", "all");
	expect(" \t\n", "all");
	expect("tcp", "netid='tcp'");
	expect("TCP", "netid='tcp'");
	/* Precedence as people expect it, not as ss has it. */
	expect("sport = 1 or sport = 2 and sport = 3", "(local_port{1} | (local_port{2} & local_port{3}))");
	expect("sport = 1 and sport = 2 or sport = 3", "((local_port{1} & local_port{2}) | local_port{3})");
	expect("(sport = 1 or sport = 2) and sport = 3", "((local_port{1} | local_port{2}) & local_port{3})");
	expect("not sport = 1 and sport = 2", "(!local_port{1} & local_port{2})");
	expect("not (sport = 1 and sport = 2)", "!(local_port{1} & local_port{2})");
	expect("!tcp", "!netid='tcp'");
	expect("! ! tcp", "!!netid='tcp'");
	expect("not not tcp", "!!netid='tcp'");
	expect("tcp&udp", "(netid='tcp' & netid='udp')");
	expect("tcp&&udp||raw", "((netid='tcp' & netid='udp') | netid='raw')");
	expect("tcp | udp", "(netid='tcp' | netid='udp')");
	expect("tcp AND udp OR raw", "((netid='tcp' & netid='udp') | netid='raw')");
	/* Chains do not nest. */
	expect("rtt or rto or ato or mss", "(is(tcpi_rtt) | is(tcpi_rto) | is(tcpi_ato) | is(tcpi_snd_mss))");
	/* Parentheses need no blanks; nothing between terms is "and". */
	expect("(sport=:22)(dport=:23)", "(local_port{22} & peer_port{23})");
	expect("tcp(sport=:22 or dport=:22)rtt>20ms",
	       "(netid='tcp' & (local_port{22} | peer_port{22}) & tcpi_rtt{20001-max})");
	expect("((((tcp))))", "netid='tcp'");
	expect("sport=22 dport!=23", "(local_port{22} & peer_port!{23})");
}

static void test_unions(void)
{
	expect("state listen", "state[10]");
	expect("state LISTEN state estab", "state[1 10]");
	expect("state established state close-wait sport = 1", "(state[1 8] & local_port{1})");
	/* Order does not matter, unlike in ss. */
	expect("sport = 1 state syn_sent", "(local_port{1} & state[2])");
	expect("state listen and state established", "(state[10] & state[1])");
	expect("state listen or state established", "(state[10] | state[1])");
	expect("exclude listen", "state[0 1 2 3 4 5 6 7 8 9 11 12 13]");
	expect("excl listen exclude established", "state[0 2 3 4 5 6 7 8 9 11 12 13]");
	expect("state connected exclude time-wait", "state[1 2 3 4 5 8 9 11 12]");
	expect("exclude time-wait state connected", "state[1 2 3 4 5 8 9 11 12]");
	expect("state all", "state[0 1 2 3 4 5 6 7 8 9 10 11 12 13]");
	expect("not state listen", "!state[10]");
	expect("not exclude listen", "!state[0 1 2 3 4 5 6 7 8 9 11 12 13]");
	expect(":80 :443", "((family{2,10,43} & (local_port{80} | peer_port{80})) | (family{2,10,43} & "
			   "(local_port{443} | peer_port{443})))");
	expect("pid:1 pid:2 tcp", "((pid{1} | pid{2}) & netid='tcp')");
	expect("pid:1 and pid:2", "(pid{1} & pid{2})");
	expect("pid:1 tcp pid:2", "(pid{1} & netid='tcp' & pid{2})");
	expect("pid:1 or pid:2 tcp", "(pid{1} | (pid{2} & netid='tcp'))");
	expect("tcp udp", "(netid='tcp' | netid='udp')");
	expect("tcp unix", "(netid='tcp' | family{1})");
	expect("inet inet6 tcp", "((family{2} | family{10}) & netid='tcp')");
	expect("not pid:1 pid:2", "(!pid{1} & pid{2})");
}

static void test_ss_terms(void)
{
	expect("src 10.0.0.1", "local=10.0.0.1/32");
	expect("dst = 10.0.0.0/8", "peer=10.0.0.0/8");
	expect("dst == 10/8", "peer=10.0.0.0/8");
	expect("dst eq 192.168/16:443", "(peer=192.168.0.0/16 & peer_port{443})");
	expect("dst 10.0.0.1:443", "(peer=10.0.0.1/32 & peer_port{443})");
	expect("dst 10.0.0.1:*", "peer=10.0.0.1/32");
	expect("dst != 10.0.0.1", "peer!=10.0.0.1/32");
	expect("dst != 10.0.0.1:443", "(has(peer) & !(peer=10.0.0.1/32 & peer_port{443}))");
	expect("src *", "has(local)");
	expect("src *:22", "local_port{22}");
	expect("src :22", "local_port{22}");
	expect("src ::1", "local=::1/128");
	expect("src [::1]:22", "(local=::1/128 & local_port{22})");
	expect("src [fe80::]/10:22", "(local=fe80::/10 & local_port{22})");
	expect("src fe80::/10", "local=fe80::/10");
	expect("src [fe80::1%eth0]:22", "(local=fe80::1/128 & local_port{22} & dev='eth0')");
	expect("src ::ffff:10.0.0.1", "local=10.0.0.1/32");
	expect("src inet:10.0.0.1:80", "(family{2} & local=10.0.0.1/32 & local_port{80})");
	expect("src inet6:[::1]", "(family{10} & local=::1/128)");
	expect("src inet:*", "family{2}");
	expect("src unix:*", "family{1}");
	expect("src unix:/run/*", "(family{1} & local~)");
	expect("src unix:name", "(family{1} & local~)");
	expect("src /run/x.sock", "local=/run/x.sock/0");
	expect("src /run/*", "local~");
	expect("src '/run/*'", "local=/run/*/0");
	expect("src @abc", "local=@abc/0");
	expect("src ./@abc", "local=./@abc/0");
	expect("src netlink:rtnl", "(family{16} & local=rtnl/0)");
	expect("src netlink:*:1234", "(family{16} & local_port{1234})");
	expect("src netlink:0:7", "(family{16} & local=0/0 & local_port{7})");
	expect("dst vsock:2:1024", "(family{40} & peer=2/0 & peer_port{1024})");
	expect("src link:ip:eth0", "(family{17} & local=ip/0 & dev='eth0')");
	expect("sport = :22", "local_port{22}");
	expect("sport :22", "local_port{22}");
	expect("sport=22", "local_port{22}");
	expect("sport == ssh", "local_port{22}");
	expect("sport eq inet:ssh", "(family{2} & local_port{22})");
	expect("sport = inet6::22", "(family{10} & local_port{22})");
	expect("sport = 8000-8100", "local_port{8000-8100}");
	expect("sport != 22", "local_port!{22}");
	expect("sport ne 22", "local_port!{22}");
	expect("sport neq 22", "local_port!{22}");
	expect("sport < 22", "local_port{0-21}");
	expect("sport lt 22", "local_port{0-21}");
	expect("sport <= 22", "local_port{0-22}");
	expect("sport leq :22", "local_port{0-22}");
	expect("sport le 22", "local_port{0-22}");
	expect("dport > 22", "peer_port{23-max}");
	expect("dport gt 22", "peer_port{23-max}");
	expect("dport >= 22", "peer_port{22-max}");
	expect("dport geq 22", "peer_port{22-max}");
	expect("dport ge 22", "peer_port{22-max}");
	expect("dport", "is(peer_port)");
	expect("dev eth0", "dev='eth0'");
	expect("dev = eth0", "dev='eth0'");
	expect("dev != eth0", "dev!='eth0'");
	expect("dev", "is(dev)");
	expect("fwmark 1", "sk_mark{1}");
	expect("fwmark = 0x10/0xff", "sk_mark&0xff=0x10");
	expect("fwmark != 0x10/0xff", "sk_mark!&0xff=0x10");
	expect("cgroup /a/b/", "cgroup='/a/b'");
	expect("cgroup = /sys/fs/cgroup/a", "cgroup='/a'");
	expect("cgroup = /sys/fs/cgroup", "cgroup='/'");
	expect("cgroup != /a", "cgroup!='/a'");
	expect("autobound", "autobound");
	expect("not autobound and tcp", "(!autobound & netid='tcp')");
	expect("not not autobound", "autobound");
}

static void test_fields(void)
{
	expect("has pid", "has(pid)");
	expect("pid", "is(pid)");
	expect("tcpi_rtt", "is(tcpi_rtt)");
	expect("not has pid", "!has(pid)");
	expect("dst in 10.0.0.0/8", "peer=10.0.0.0/8");
	expect("dst in (10.0.0.0/8, ::1)", "(peer=10.0.0.0/8 | peer=::1/128)");
	expect("dst not in (10.0.0.0/8, ::1)", "(peer!=10.0.0.0/8 & peer!=::1/128)");
	expect("sport in 8000-8100", "local_port{8000-8100}");
	expect("sport in (443,80, 8000-8100 ,8050-8200,81)", "local_port{80-81,443,8000-8200}");
	expect("sport = (1,2,4)", "local_port{1-2,4}");
	expect("sport != (1,4)", "local_port!{1,4}");
	expect("sport not in (:1,4)", "local_port!{1,4}");
	expect("not sport in (1,4)", "!local_port{1,4}");
	expect("sport in (ssh,http)", "local_port{22,80}");
	expect("pid = 123", "pid{123}");
	expect("comm = curl", "comm='curl'");
	expect("comm = 'a b'", "comm='a b'");
	expect("comm = \"a'b\"", "comm='a'b'");
	expect("comm = 'a\\x1bb\\\\'", "comm='a\\x1bb\\\\'");
	expect("comm = a\\x20b", "comm='a b'");
	expect("comm ~ 'curl*'", "comm~");
	expect("comm !~ curl*", "comm!~");
	expect("comm in (a, 'b c')", "(comm='a' | comm='b c')");
	expect("comm != (a, b)", "(comm!='a' & comm!='b')");
	expect("comm > m", "comm>'m'");
	expect("local ~ 10.*", "local~");
	expect("local = @x", "local=@x/0");
	expect("local < 10.0.0.1", "local<10.0.0.1/32");
	expect("state = listen", "state[10]");
	expect("state != listen", "state[1 2 3 4 5 6 7 8 9 11 12 13]");
	expect("state in (listen, close-wait)", "(state[10] | state[8])");
	expect("tcpi_ca_state = loss", "tcpi_ca_state{4}");
	expect("tcpi_ca_state != Loss", "tcpi_ca_state!{4}");
	expect("tcpi_ca_state > 2", "tcpi_ca_state{3-max}");
	expect("tcpi_ca_state in (loss, recovery)", "tcpi_ca_state{3-4}");
	expect("sk_shutdown = RCV_SHUTDOWN", "sk_shutdown&0x1=0x1");
	expect("sk_shutdown != send-shutdown", "sk_shutdown!&0x2=0x2");
	expect("sk_shutdown = 3", "sk_shutdown{3}");
	expect("uid = root", "uid{0}");
	expect("uid = 1000", "uid{1000}");
	expect("inet_freebind", "is(inet_freebind)");
	expect("inet_freebind = yes", "inet_freebind{1}");
	expect("inet_freebind = FALSE", "inet_freebind{0}");
	expect("inet_freebind != true", "inet_freebind!{1}");
	expect("family = inet6", "family{10}");
	expect("retrans/segs_out > 1%", "tcpi_total_retrans/tcpi_segs_out>0.01");
	expect("tcpi_total_retrans / tcpi_segs_out >= 0.5", "tcpi_total_retrans/tcpi_segs_out>=0.5");
	expect("sk_err = ECONNRESET", "sk_err{104}");
	expect("sk_peek_off < 0", "sk_peek_off{-9223372036854775808--1}");
	expect("sk_peek_off = -1", "sk_peek_off{-1}");
	expect("sk_forward_alloc in -5--3", "sk_forward_alloc{-5--3}");
	expect("sk = 1a2b", "cookie{6699}");
	expect("cookie = 0x10", "cookie{16}");
	expect("cookie = 10", "cookie{16}");
	expect("netns = 4026531840", "netns{4026531840}");
	expect("netns = blue", "netns_name='blue'");
	expect("netns = '7'", "netns_name='7'");
	expect("netns != blue", "(has(netns) & !netns_name='blue')");
	expect("netns in (blue, 5, 3-4)", "(netns_name='blue' | netns{3-5})");
	expect("netns != (blue, 5)", "((has(netns) & !netns_name='blue') & netns!{5})");
	expect("netns ~ b*", "netns_name~");
	expect("netns !~ b*", "(has(netns) & !netns_name~)");
}

static void test_units(void)
{
	expect("rtt > 20ms", "tcpi_rtt{20001-max}");
	expect("rtt > 20", "tcpi_rtt{21-max}");
	expect("rtt >= 1.5ms", "tcpi_rtt{1500-max}");
	expect("rtt = 1s", "tcpi_rtt{1000000}");
	expect("rtt = 2us", "tcpi_rtt{2}");
	expect("rtt = 2\xc2\xb5s", "tcpi_rtt{2}");
	expect("rtt = 2\xce\xbcs", "tcpi_rtt{2}");
	expect("rtt = 3m", "tcpi_rtt{180000000}");
	expect("rtt = 2h", "tcpi_rtt{7200000000}");
	expect("rtt = 1d", "tcpi_rtt{86400000000}");
	/* What is between two numbers of the field is neither. */
	expect("rtt > 1500ns", "tcpi_rtt{2-max}");
	expect("rtt >= 1500ns", "tcpi_rtt{2-max}");
	expect("rtt < 1500ns", "tcpi_rtt{0-1}");
	expect("rtt <= 1500ns", "tcpi_rtt{0-1}");
	expect("rtt = 1500ns", "tcpi_rtt{}");
	expect("rtt != 1500ns", "tcpi_rtt!{}");
	expect("rtt < 0", "tcpi_rtt{}");
	expect("rtt in 1ms-2ms", "tcpi_rtt{1000-2000}");
	expect("sk_stamp > 1s", "sk_stamp{1000000001-9223372036854775807}");
	expect("rcvbuf = 1K", "sk_rcvbuf{1024}");
	expect("rcvbuf = 1k", "sk_rcvbuf{1024}");
	expect("rcvbuf = 1KiB", "sk_rcvbuf{1024}");
	expect("rcvbuf = 1kB", "sk_rcvbuf{1000}");
	expect("rcvbuf = 1.5M", "sk_rcvbuf{1572864}");
	expect("rcvbuf = 2MB", "sk_rcvbuf{2000000}");
	expect("rcvbuf = 1G", "sk_rcvbuf{1073741824}");
	expect("rcvbuf = 100B", "sk_rcvbuf{100}");
	expect("recv_q > 64KiB", "recv_q{65537-max}");
	expect("tcpi_delivery_rate > 8mbit", "tcpi_delivery_rate{1000001-max}");
	expect("tcpi_delivery_rate = 8", "tcpi_delivery_rate{8}");
	expect("tcpi_delivery_rate = 8bit", "tcpi_delivery_rate{1}");
	expect("tcpi_delivery_rate = 1gbit", "tcpi_delivery_rate{125000000}");
	expect("tcpi_delivery_rate = 1Mbps", "tcpi_delivery_rate{125000}");
	expect("tcpi_delivery_rate = 2MB/s", "tcpi_delivery_rate{2000000}");
	expect("tcpi_delivery_rate = 2KiB/s", "tcpi_delivery_rate{2048}");
	expect("tcpi_pacing_rate = 0xffffffffffffffff", "tcpi_pacing_rate{max}");
	expect("bytes_acked = 18446744073709551615", "tcpi_bytes_acked{max}");
	expect("bytes_acked > 18446744073709551615", "tcpi_bytes_acked{}");
	expect("bytes_acked >= 1844674407370955161.5", "tcpi_bytes_acked{1844674407370955162-max}");
}

static void test_targets(void)
{
	expect(":443", "(family{2,10,43} & (local_port{443} | peer_port{443}))");
	expect("*:443", "(family{2,10,43} & (local_port{443} | peer_port{443}))");
	expect(":https", "(family{2,10,43} & (local_port{443} | peer_port{443}))");
	expect(":8000-8100", "(family{2,10,43} & (local_port{8000-8100} | peer_port{8000-8100}))");
	expect("tcp:443", "(netid='tcp' & (local_port{443} | peer_port{443}))");
	expect("udp:domain", "(netid='udp' & (local_port{53} | peer_port{53}))");
	expect("tcp:10.0.0.1:443",
	       "(netid='tcp' & ((local=10.0.0.1/32 & local_port{443}) | (peer=10.0.0.1/32 & peer_port{443})))");
	expect("10.0.0.1:443", "((local=10.0.0.1/32 & local_port{443}) | (peer=10.0.0.1/32 & peer_port{443}))");
	expect("10.0.0.1", "(local=10.0.0.1/32 | peer=10.0.0.1/32)");
	expect("10.0.0.0/8", "(local=10.0.0.0/8 | peer=10.0.0.0/8)");
	expect("::1", "(local=::1/128 | peer=::1/128)");
	expect("[::1]:22", "((local=::1/128 & local_port{22}) | (peer=::1/128 & peer_port{22}))");
	expect("/run/x.sock", "local=/run/x.sock/0");
	expect("/run/[x]*", "local=/run/[x]*/0");
	expect("'/run/a b'", "local=/run/a b/0");
	expect("@abstract", "local=@abstract/0");
	expect("unix:/run/x", "(family{1} & local=/run/x/0)");
	expect("unix:'/run/a b'", "(family{1} & local=/run/a b/0)");
	expect("pid:123", "pid{123}");
	expect("ino:123", "inode{123}");
	expect("sk:1a2b", "cookie{6699}");
	expect("SK:1A2B", "cookie{6699}");
	expect("uid:0", "uid{0}");
	expect("uid:root", "uid{0}");
	expect("dev:lo", "dev='lo'");
	expect("cgroup:/a", "cgroup='/a'");
	expect("netns:4026531840", "netns{4026531840}");
	expect("netns:blue", "netns_name='blue'");
	expect("netns:docker:0123456789ab", "netns_name='docker:0123456789ab'");
	expect("netns:a\\x20b", "netns_name='a b'");
	expect("container:docker:0123456789ab", "container has 'docker:0123456789ab'");
	expect_unit("nginx.service", "nginx.service", "nginx.service");
	expect_unit("'nginx.service'", "nginx.service", "nginx.service");
	expect_unit("unit:nginx.service", "nginx.service", "nginx.service");
	expect_unit("unit:foo@host:1.service", "foo@host:1.service", "foo@host:1.service");
	expect_unit("'unit:dev-disk-by\\x2dpath-0:0.device'", "dev-disk-by\\x2dpath-0:0.device", "dev-disk-by\\\\x2dpath-0:0.device");
	expect_unit("UNIT:odd", "odd", "odd");
	expect_unit("a-b.socket", "a-b.socket", "a-b.socket");
	expect_unit("dev-a\\x2db.socket", "dev-a\\x2db.socket", "dev-a\\\\x2db.socket");
	expect_unit("dev-a\\\\x2db.socket", "dev-a\\x2db.socket", "dev-a\\\\x2db.socket");
	expect_unit("user.slice", "user.slice", "user.slice");
	expect_unit("session-1.scope", "session-1.scope", "session-1.scope");
}

static bool fact(const char *filter, bool (*get)(const struct query *))
{
	CLEANUP(query_free) struct query *q = NULL;
	struct query_error e;

	CU_ASSERT_EQUAL_FATAL(query_parse(&q, filter, strlen(filter), &e), 0);
	return get(q);
}

static void test_facts(void)
{
	CLEANUP(query_free) struct query *q = NULL;
	struct query_error e;

	CU_ASSERT_TRUE(fact("tcp state listen", query_has_state));
	CU_ASSERT_TRUE(fact("tcp state = listen", query_has_state));
	CU_ASSERT_FALSE(fact("tcp :80", query_has_state));
	CU_ASSERT_TRUE(fact("tcp :80", query_has_target));
	CU_ASSERT_FALSE(fact("tcp sport = 80", query_has_target));
	CU_ASSERT_TRUE(fact("sk:1", query_is_exact));
	CU_ASSERT_TRUE(fact("ino:1", query_is_exact));
	CU_ASSERT_TRUE(fact("(ino:1)", query_is_exact));
	CU_ASSERT_FALSE(fact("ino:1-2", query_is_exact));
	CU_ASSERT_FALSE(fact("ino:1 ino:2", query_is_exact));
	CU_ASSERT_FALSE(fact("sk:1 tcp", query_is_exact));
	CU_ASSERT_FALSE(fact("not sk:1", query_is_exact));
	CU_ASSERT_FALSE(fact("pid:1", query_is_exact));
	CU_ASSERT_FALSE(fact("", query_is_exact));
	CU_ASSERT_TRUE(fact("tcp autobound", query_wants_kernel));
	CU_ASSERT_FALSE(fact("tcp", query_wants_kernel));
	CU_ASSERT_EQUAL_FATAL(query_parse(&q, "rtt > 1 or retrans/recv_q > 1 pid:1", 35, &e), 0);
	CU_ASSERT_EQUAL(query_groups(q), GROUP_BIT(GROUP_base) | GROUP_BIT(GROUP_tcp_info) | GROUP_BIT(GROUP_owner));
}

static bool glob(const char *pattern, const char *text)
{
	_Alignas(8) char memory[8192];
	struct glob *g = (struct glob *)memory;

	CU_ASSERT_TRUE_FATAL(glob_size(strlen(pattern)) <= sizeof(memory));
	CU_ASSERT_EQUAL_FATAL(glob_compile(g, pattern, strlen(pattern)), 0);
	return glob_match(g, text, strlen(text));
}

static void test_glob(void)
{
	char text[4096];

	CU_ASSERT_TRUE(glob("curl*", "curl"));
	CU_ASSERT_TRUE(glob("curl*", "CURL-7"));
	CU_ASSERT_FALSE(glob("curl*", "xcurl"));
	CU_ASSERT_TRUE(glob("*", ""));
	CU_ASSERT_TRUE(glob("", ""));
	CU_ASSERT_FALSE(glob("", "a"));
	CU_ASSERT_FALSE(glob("?", ""));
	CU_ASSERT_TRUE(glob("a?c", "abc"));
	CU_ASSERT_TRUE(glob("*.sock", "/run/x.sock"));
	CU_ASSERT_TRUE(glob("*a*b*c*", "xxaxxbxxcxx"));
	CU_ASSERT_FALSE(glob("*a*b*c*", "xxaxxcxxbxx"));
	CU_ASSERT_TRUE(glob("*ab", "aab"));
	CU_ASSERT_TRUE(glob("[a-c]x[!0-9]", "Bxz"));
	CU_ASSERT_FALSE(glob("[a-c]x[!0-9]", "bx5"));
	CU_ASSERT_TRUE(glob("[]x]", "]"));
	CU_ASSERT_TRUE(glob("[a-]", "-"));
	CU_ASSERT_TRUE(glob("a\\x2ab", "a*b"));
	CU_ASSERT_FALSE(glob("a\\x2ab", "axb"));
	CU_ASSERT_TRUE(glob("a\\\\b", "a\\b"));
	/* Many stars against a text that all but matches: steps are counted in thousands, not in billions. */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	CU_ASSERT_FALSE(glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

void suite_query_parse(void)
{
	CU_pSuite s = CU_add_suite("query: parse", NULL, NULL);

	CU_add_test(s, "precedence, operators, neighbours", test_grammar);
	CU_add_test(s, "runs that are unions", test_unions);
	CU_add_test(s, "the terms of ss", test_ss_terms);
	CU_add_test(s, "fields and their literals", test_fields);
	CU_add_test(s, "units", test_units);
	CU_add_test(s, "targets", test_targets);
	CU_add_test(s, "facts for front ends", test_facts);
	CU_add_test(s, "patterns", test_glob);
}
