/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The field catalogue in C */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "model/cleanup.h"
#include "model/field.h"
#include "model/words.h"

/* Every unit that a row of fields.def can name. */
#define UNITS(NUMBER, PARTS, ENUM, FLAGS) \
	NUMBER(none, "")                \
	NUMBER(usec, "µs")              \
	NUMBER(nsec, "ns")              \
	NUMBER(bytes, "B")              \
	NUMBER(packets, "")             \
	NUMBER(count, "")               \
	NUMBER(bytes_per_second, "B/s") \
	PARTS(per_second, "/s", 1000)   \
	NUMBER(hex, "")                 \
	NUMBER(uid, "")                 \
	NUMBER(by_state, "")            \
	ENUM(family)                    \
	ENUM(type)                      \
	ENUM(state)                     \
	ENUM(timer)                     \
	ENUM(tcp_ca_state)              \
	ENUM(tcp_fastopen_fail)         \
	ENUM(tls_version)               \
	ENUM(tls_cipher)                \
	ENUM(tls_conf)                  \
	ENUM(sctp_state)                \
	ENUM(sctp_path)                 \
	ENUM(sctp_type)                 \
	ENUM(smc_mode)                  \
	ENUM(tipc_state)                \
	ENUM(tipc_scope)                \
	ENUM(ss)                        \
	ENUM(pacing)                    \
	ENUM(errno)                     \
	ENUM(holding)                   \
	FLAGS(tcpi_options)             \
	FLAGS(mptcp_subflow)            \
	FLAGS(mptcpi)                   \
	FLAGS(ndiag)                    \
	FLAGS(pdi)                      \
	FLAGS(shutdown)                 \
	FLAGS(xdu)                      \
	FLAGS(socket)                   \
	FLAGS(open)                     \
	FLAGS(sk)                       \
	FLAGS(tsq)                      \
	FLAGS(userlocks)                \
	FLAGS(tsflags)

#define NUMBER_UNIT(n, s) static const struct field_unit unit_##n = { #n, s, UNIT_NUMBER, NULL, 1 };
#define PARTS_UNIT(n, s, parts) static const struct field_unit unit_##n = { #n, s, UNIT_NUMBER, NULL, parts };
#define ENUM_UNIT(n) static const struct field_unit unit_enum_##n = { "enum_" #n, "", UNIT_ENUM, &words_##n, 1 };
#define FLAGS_UNIT(n) static const struct field_unit unit_flags_##n = { "flags_" #n, "", UNIT_FLAGS, &words_##n, 1 };
UNITS(NUMBER_UNIT, PARTS_UNIT, ENUM_UNIT, FLAGS_UNIT)

static const struct field fields[FIELD_COUNT] = {
#define FIELD(id_, name_, wire_, group_, access_, source_, unit_name, doc_) \
	[id_] = {                                                           \
		.name = #name_,                                             \
		.source = source_,                                          \
		.doc = doc_,                                                \
		.unit = &unit_##unit_name,                                  \
		.id = id_,                                                  \
		.wire = WIRE_##wire_,                                       \
		.group = GROUP_##group_,                                    \
		.access = ACCESS_##access_,                                 \
	},
#include "socketd/fields.def"
};

/* Short words for filters and columns. The first alias of a field is the one that help shows. */
static const struct {
	const char *alias;
	enum field_id id;
} aliases[] = {
	{ "proto", F_protocol },
	{ "lport", F_local_port },
	{ "sport", F_local_port },
	{ "src", F_local },
	{ "rport", F_peer_port },
	{ "dport", F_peer_port },
	{ "dst", F_peer },
	{ "remote", F_peer },
	{ "ino", F_inode },
	{ "sk", F_cookie },
	{ "rq", F_recv_q },
	{ "recvq", F_recv_q },
	{ "sq", F_send_q },
	{ "sendq", F_send_q },
	{ "timer", F_idiag_timer },
	{ "expires", F_idiag_expires },
	{ "process", F_comm },
	{ "command", F_comm },
	{ "rmem", F_sk_rmem_alloc },
	{ "rcvbuf", F_sk_rcvbuf },
	{ "wmem", F_sk_wmem_alloc },
	{ "sndbuf", F_sk_sndbuf },
	{ "drops", F_sk_drops },
	{ "backlog", F_sk_backlog },
	{ "mark", F_sk_mark },
	{ "fwmark", F_sk_mark },
	{ "ifindex", F_sk_bound_dev_if },
	{ "shutdown", F_sk_shutdown },
	{ "cc", F_icsk_ca_ops },
	{ "congestion", F_icsk_ca_ops },
	{ "ulp", F_ulp_name },
	{ "rtt", F_tcpi_rtt },
	{ "rttvar", F_tcpi_rttvar },
	{ "minrtt", F_tcpi_min_rtt },
	{ "rto", F_tcpi_rto },
	{ "ato", F_tcpi_ato },
	{ "mss", F_tcpi_snd_mss },
	{ "rcvmss", F_tcpi_rcv_mss },
	{ "advmss", F_tcpi_advmss },
	{ "pmtu", F_tcpi_pmtu },
	{ "cwnd", F_tcpi_snd_cwnd },
	{ "ssthresh", F_tcpi_snd_ssthresh },
	{ "retrans", F_tcpi_total_retrans },
	{ "lost", F_tcpi_lost },
	{ "unacked", F_tcpi_unacked },
	{ "notsent", F_tcpi_notsent_bytes },
	{ "bytes_sent", F_tcpi_bytes_sent },
	{ "bytes_acked", F_tcpi_bytes_acked },
	{ "bytes_received", F_tcpi_bytes_received },
	{ "bytes_retrans", F_tcpi_bytes_retrans },
	{ "segs_out", F_tcpi_segs_out },
	{ "segs_in", F_tcpi_segs_in },
	{ "lastsnd", F_tcpi_last_data_sent },
	{ "lastrcv", F_tcpi_last_data_recv },
	{ "lastack", F_tcpi_last_ack_recv },
	{ "delivery_rate", F_tcpi_delivery_rate },
	{ "pacing_rate", F_tcpi_pacing_rate },
	{ "backoff", F_tcpi_backoff },
	{ "snd_wnd", F_tcpi_snd_wnd },
	{ "token", F_mptcpi_token },
};

const struct field *field_get(enum field_id id)
{
	if (id <= F_none || id >= FIELD_COUNT || !fields[id].name)
		return NULL;
	return &fields[id];
}

const struct field *field_find(const char *name, size_t len)
{
	for (size_t i = 1; i < FIELD_COUNT; i++)
		if (fields[i].name && strlen(fields[i].name) == len && strncasecmp(fields[i].name, name, len) == 0)
			return &fields[i];
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strlen(aliases[i].alias) == len && strncasecmp(aliases[i].alias, name, len) == 0)
			return &fields[aliases[i].id];
	return NULL;
}

const char *field_alias(enum field_id id)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (aliases[i].id == id)
			return aliases[i].alias;
	return NULL;
}

/* Longest name that is compared; the catalogue's longest is shorter (a test says so). */
#define NAME_MAX_LEN 48

/* Letters to add, drop, change or swap with a neighbour to get from one name to the other. */
static unsigned edit_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned rows[3][NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
			unsigned best = above[j - 1] + (ca != cb);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    tolower((unsigned char)a[i - 2]) == cb && two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[n % 3][m];
}

const char *field_suggest(const char *name, size_t len)
{
	const char *best = NULL;
	unsigned best_distance = len < 4 ? 2 : 4; /* farther is no help */

	if (len == 0 || len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < FIELD_COUNT + ARRAY_SIZE(aliases); i++) {
		const char *candidate = i < FIELD_COUNT ? fields[i].name : aliases[i - FIELD_COUNT].alias;
		const char *tail;
		unsigned d;

		if (!candidate || strlen(candidate) > NAME_MAX_LEN)
			continue;
		d = edit_distance(name, len, candidate, strlen(candidate));
		/* "rcvbuff" is nearer to sk_rcvbuf than the count of letters says. */
		tail = strchr(candidate, '_');
		if (tail && tail[1]) {
			unsigned t = edit_distance(name, len, tail + 1, strlen(tail + 1)) + 1;

			if (t < d)
				d = t;
		}
		if (d < best_distance) {
			best_distance = d;
			best = candidate;
		}
	}
	return best;
}

const char *field_group_name(enum field_group g)
{
	static const char *const names[GROUP_COUNT] = {
		[GROUP_base] = "base", [GROUP_owner] = "owner", [GROUP_skmem] = "skmem",
		[GROUP_meminfo] = "meminfo", [GROUP_tos] = "tos", [GROUP_inet] = "inet",
		[GROUP_tcp_info] = "tcp_info", [GROUP_cong] = "cong", [GROUP_ulp] = "ulp",
		[GROUP_bpf] = "bpf", [GROUP_mptcp_info] = "mptcp_info", [GROUP_sctp_info] = "sctp_info",
		[GROUP_af_unix] = "af_unix", [GROUP_af_netlink] = "af_netlink",
		[GROUP_af_packet] = "af_packet", [GROUP_af_vsock] = "af_vsock", [GROUP_af_xdp] = "af_xdp",
		[GROUP_af_smc] = "af_smc", [GROUP_af_tipc] = "af_tipc", [GROUP_socket] = "socket",
		[GROUP_sock] = "sock", [GROUP_track] = "track", [GROUP_flow] = "flow",
		[GROUP_unit] = "unit", [GROUP_peer] = "peer",
	};

	return names[g];
}

const char *field_group_title(enum field_group g)
{
	static const char *const titles[GROUP_COUNT] = {
		[GROUP_base] = "Socket", [GROUP_owner] = "Owners", [GROUP_skmem] = "Memory",
		[GROUP_meminfo] = "Memory, older attribute", [GROUP_tos] = "Traffic class",
		[GROUP_inet] = "IP options", [GROUP_tcp_info] = "TCP (struct tcp_info)",
		[GROUP_cong] = "Congestion control", [GROUP_ulp] = "Upper layer protocol and keys",
		[GROUP_bpf] = "BPF storage", [GROUP_mptcp_info] = "MPTCP (struct mptcp_info)",
		[GROUP_sctp_info] = "SCTP (struct sctp_info)", [GROUP_af_unix] = "UNIX",
		[GROUP_af_netlink] = "Netlink", [GROUP_af_packet] = "Packet", [GROUP_af_vsock] = "VSOCK",
		[GROUP_af_xdp] = "XDP", [GROUP_af_smc] = "SMC", [GROUP_af_tipc] = "TIPC",
		[GROUP_socket] = "struct socket", [GROUP_sock] = "struct sock", [GROUP_track] = "Remembered by socketd",
		[GROUP_flow] = "Way through the kernel", [GROUP_unit] = "Unit and container",
		[GROUP_peer] = "Other end",
	};

	return titles[g];
}

const char *field_wire_name(enum field_wire w)
{
	static const char *const names[] = {
		[WIRE_bool] = "bool", [WIRE_u8] = "u8", [WIRE_u16] = "u16", [WIRE_u32] = "u32",
		[WIRE_u64] = "u64", [WIRE_s32] = "s32", [WIRE_s64] = "s64", [WIRE_str] = "str",
		[WIRE_addr] = "addr", [WIRE_u32_list] = "u32 list", [WIRE_str_list] = "str list",
		[WIRE_addr_list] = "addr list",
	};

	return names[w];
}

const char *field_access_name(enum field_access a)
{
	static const char *const names[] = {
		[ACCESS_public] = "public", [ACCESS_owner] = "owner", [ACCESS_privileged] = "privileged",
	};

	return names[a];
}
