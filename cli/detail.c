/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The details of -e -i -m -o, in the words of ss */

#include <netinet/in.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/detail.h"
#include "cli/tcp_line.h"

static bool get(struct record *r, enum field_id id, struct value *v)
{
	return record_get(r, id, 0, v) >= 0;
}

void detail_fields(const struct arguments *arg, struct field_set *s)
{
	static const enum field_id timers[] = { F_idiag_timer, F_idiag_expires, F_idiag_retrans };
	static const enum field_id extended[] = { F_uid, F_inode, F_cookie, F_cgroup, F_cgroup_id,
						  F_sk_mark, F_ipv6only, F_sk_shutdown };
	static const enum field_group families[] = { GROUP_af_unix, GROUP_af_netlink, GROUP_af_packet, GROUP_af_vsock,
						     GROUP_af_xdp, GROUP_af_smc, GROUP_af_tipc };
	static const enum field_group info[] = { GROUP_tcp_info, GROUP_cong, GROUP_ulp, GROUP_mptcp_info, GROUP_sctp_info };

	for (size_t i = 0; arg->timers && i < ARRAY_SIZE(timers); i++)
		field_set_add(s, timers[i]);
	for (size_t i = 0; arg->extended && i < ARRAY_SIZE(extended); i++)
		field_set_add(s, extended[i]);
	for (size_t i = 0; (arg->extended || arg->info) && i < ARRAY_SIZE(families); i++)
		field_set_add_group(s, families[i]);
	for (size_t i = 0; arg->info && i < ARRAY_SIZE(info); i++)
		field_set_add_group(s, info[i]);
	if (arg->memory)
		field_set_add_group(s, GROUP_skmem);
}

static void put_text(struct buffer *b, const char *text)
{
	buffer_put(b, text, strlen(text));
}

/* 1min, 12sec, 3.200ms, 204ms: three digits or so, as ss writes it. */
static void put_time(struct buffer *b, uint64_t usec)
{
	uint64_t msec = usec / 1000, sec = msec / 1000, min = sec / 60;

	msec %= 1000;
	sec %= 60;
	if (min) {
		buffer_number(b, min);
		buffer_put(b, "min", 3);
		msec = 0;
		if (min > 9)
			sec = 0;
	}
	if (sec) {
		if (sec > 9)
			msec = 0;
		buffer_number(b, sec);
		put_text(b, msec ? "." : "sec");
	}
	if (!min && !sec && !msec)
		buffer_put(b, "0ms", 3);
	if (msec) {
		char digits[3] = { (char)('0' + msec / 100), (char)('0' + msec / 10 % 10), (char)('0' + msec % 10) };

		buffer_put(b, digits, 3);
		buffer_put(b, "ms", 2);
	}
}

/* timer:(keepalive,1min,0) */
static void put_timer(struct buffer *b, struct record *r)
{
	/* By idiag_timer; 5 is newer than ss. */
	static const char *const names[] = { "off", "on", "keepalive", "timewait", "persist", "delack" };
	struct value timer, v;

	if (!get(r, F_idiag_timer, &timer) || timer.u == 0)
		return;
	put_text(b, " timer:(");
	put_text(b, timer.u < ARRAY_SIZE(names) ? names[timer.u] : "unknown");
	buffer_char(b, ',');
	if (get(r, F_idiag_expires, &v))
		put_time(b, v.u);
	buffer_char(b, ',');
	buffer_number(b, get(r, F_idiag_retrans, &v) ? v.u : 0);
	buffer_char(b, ')');
}

static void put_number(struct buffer *b, struct record *r, enum field_id id, const char *label)
{
	struct value v;

	if (!get(r, id, &v))
		return;
	put_text(b, label);
	buffer_number(b, v.u);
}

static void put_hex(struct buffer *b, uint64_t u)
{
	static const char digits[] = "0123456789abcdef";
	int shift = u ? (63 - __builtin_clzll(u)) & ~3 : 0;

	for (; shift >= 0; shift -= 4)
		buffer_char(b, digits[(u >> shift) & 15]);
}

static void put_cgroup(struct buffer *b, struct record *r)
{
	struct value v;

	if (get(r, F_cgroup, &v)) {
		put_text(b, " cgroup:");
		cell_value(b, field_get(F_cgroup), &v, VALUE_PLAIN);
	} else if (get(r, F_cgroup_id, &v)) {
		put_text(b, " cgroup:unreachable:");
		put_hex(b, v.u);
	}
}

static void put_extended(struct buffer *b, struct record *r)
{
	struct value v;

	put_number(b, r, F_uid, " uid:");
	put_text(b, " ino:");
	buffer_number(b, get(r, F_inode, &v) ? v.u : 0);
	if (get(r, F_cookie, &v)) {
		put_text(b, " sk:");
		put_hex(b, v.u);
	}
	if (get(r, F_sk_mark, &v) && v.u) {
		put_text(b, " fwmark:0x");
		put_hex(b, v.u);
	}
	put_cgroup(b, r);
	if (get(r, F_ipv6only, &v))
		put_text(b, v.u ? " v6only:1" : " v6only:0");
	if (get(r, F_sk_shutdown, &v)) {
		/* Which ways are open: receiving on the left, sending on the right. */
		const char arrows[4] = { ' ', v.u & 1 ? '-' : '<', '-', v.u & 2 ? '-' : '>' };

		buffer_put(b, arrows, sizeof(arrows));
	}
}

void detail_first(struct buffer *b, struct record *r, const struct arguments *arg)
{
	if (arg->timers)
		put_timer(b, r);
	if (arg->extended)
		put_extended(b, r);
}

/* skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0) */
static void put_memory(struct buffer *b, struct record *r)
{
	static const struct {
		enum field_id field;
		const char *label;
	} rows[] = {
		{ F_sk_rmem_alloc, " skmem:(r" }, { F_sk_rcvbuf, ",rb" },      { F_sk_wmem_alloc, ",t" },
		{ F_sk_sndbuf, ",tb" },		  { F_sk_forward_alloc, ",f" }, { F_sk_wmem_queued, ",w" },
		{ F_sk_omem_alloc, ",o" },	  { F_sk_backlog, ",bl" },     { F_sk_drops, ",d" },
	};
	struct value v;

	if (!get(r, F_sk_rcvbuf, &v))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* Kernels before 4.3 and 4.15 do not tell the last ones. */
		if (!get(r, rows[i].field, &v))
			continue;
		put_text(b, rows[i].label);
		if (v.kind == VALUE_S64 && v.s < 0) {
			buffer_char(b, '-');
			v.u = -(uint64_t)v.s;
		}
		buffer_number(b, v.u);
	}
	buffer_char(b, ')');
}

/* Every field of a group that is there, as name:value with the name's prefix left out. */
static void put_group(struct buffer *b, struct record *r, enum field_group g)
{
	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);
		size_t before = b->len, start;
		const char *name;

		if (!f || f->group != g)
			continue;
		name = strchr(f->name, '_');
		buffer_char(b, ' ');
		put_text(b, name ? name + 1 : f->name);
		buffer_char(b, ':');
		start = b->len;
		if (cell_field(b, f, r) < 0) {
			b->len = before;
		} else if (memchr(b->data + start, ' ', b->len - start)) {
			/* Several words are one value. */
			buffer_char(b, '(');
			memmove(b->data + start + 1, b->data + start, b->len - 1 - start);
			b->data[start] = '(';
			buffer_char(b, ')');
		}
	}
}

static void put_ulp(struct buffer *b, struct record *r)
{
	struct value v;

	if (!get(r, F_ulp_name, &v))
		return;
	put_text(b, " tcp-ulp-");
	cell_value(b, field_get(F_ulp_name), &v, VALUE_PLAIN);
	put_group(b, r, GROUP_ulp);
}

static void put_inet_info(struct buffer *b, struct record *r)
{
	switch (r->def->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_DCCP:
		tcp_line_write(b, r);
		put_ulp(b, r);
		break;
	case IPPROTO_SCTP:
		put_group(b, r, GROUP_sctp_info);
		break;
	case IPPROTO_MPTCP:
		put_group(b, r, GROUP_mptcp_info);
		break;
	}
}

/* The group of a family's own fields; GROUP_COUNT when it has none. */
static enum field_group family_group(const struct record *r)
{
	switch ((enum message_kind)r->def->kind) {
	case KIND_UNIX:
		return GROUP_af_unix;
	case KIND_NETLINK:
		return GROUP_af_netlink;
	case KIND_PACKET:
		return GROUP_af_packet;
	case KIND_VSOCK:
		return GROUP_af_vsock;
	case KIND_XDP:
		return GROUP_af_xdp;
	case KIND_SMC:
		return GROUP_af_smc;
	case KIND_TIPC:
		return GROUP_af_tipc;
	case KIND_INET:
	case KIND_PROC_INET:
	case KIND_MODULE:
	case KIND_COUNT:
		break;
	}
	return GROUP_COUNT;
}

void detail_second(struct buffer *b, struct record *r, const struct arguments *arg)
{
	enum field_group g = family_group(r);

	if (arg->memory)
		put_memory(b, r);
	if (arg->info && r->def->kind == KIND_INET)
		put_inet_info(b, r);
	if ((arg->info || arg->extended) && g != GROUP_COUNT)
		put_group(b, r, g);
}
