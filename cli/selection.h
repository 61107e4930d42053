/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The letters of ss that choose sockets, and the filter text that says the same */

#ifndef SOCKETD_CLI_SELECTION_H
#define SOCKETD_CLI_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* KIND(name, filter): a table of ss; filter is what its rows are in our language. */
#define SELECTION_KINDS(KIND)                      \
	KIND(tcp, "netid = tcp")                    \
	KIND(udp, "netid = udp")                    \
	KIND(raw, "netid = raw")                    \
	KIND(mptcp, "netid = mptcp")                \
	KIND(dccp, "netid = dccp")                  \
	KIND(sctp, "netid = sctp")                  \
	KIND(unix_stream, "netid = u_str")          \
	KIND(unix_dgram, "netid = u_dgr")           \
	KIND(unix_seqpacket, "netid = u_seq")       \
	KIND(packet_raw, "netid = p_raw")           \
	KIND(packet_dgram, "netid = p_dgr")         \
	KIND(netlink, "netid = nl")                 \
	KIND(vsock_stream, "netid = v_str")         \
	KIND(vsock_dgram, "netid = v_dgr")          \
	KIND(tipc, "family = tipc")                 \
	KIND(xdp, "family = xdp")                   \
	KIND(smc, "family = smc")

enum selection_kind {
#define KIND_ENUM(name, filter) SELECT_##name,
	SELECTION_KINDS(KIND_ENUM)
#undef KIND_ENUM
	SELECT_COUNT
};

#define SELECT_BIT(k) (UINT32_C(1) << SELECT_##k)
#define SELECT_INET (SELECT_BIT(tcp) | SELECT_BIT(udp) | SELECT_BIT(raw) | SELECT_BIT(mptcp) | SELECT_BIT(dccp) | SELECT_BIT(sctp))
#define SELECT_UNIX (SELECT_BIT(unix_stream) | SELECT_BIT(unix_dgram) | SELECT_BIT(unix_seqpacket))
#define SELECT_PACKET (SELECT_BIT(packet_raw) | SELECT_BIT(packet_dgram))
#define SELECT_VSOCK (SELECT_BIT(vsock_stream) | SELECT_BIT(vsock_dgram))

enum selection_states {
	STATES_UNSAID,
	STATES_SHOW_ALL,       /* -a */
	STATES_SHOW_LISTENING, /* -l */
	STATES_SHOW_BOUND,     /* -B */
};

struct selection {
	uint32_t kinds;    /* mask of enum selection_kind */
	bool inet4, inet6; /* -4, -6 */
	uint64_t families; /* a bit for each that none of kinds is of */
	enum selection_states states;
};

static inline bool selection_has_families(const struct selection *s)
{
	return s->kinds || s->inet4 || s->inet6 || s->families;
}

/* -A LIST. 0, or -EINVAL with the word that is none. */
int selection_add_query(struct selection *s, const char *list, const char **ret_bad, size_t *ret_bad_len);

/* -f FAMILY: a word of words_family, or "link". 0 or -EINVAL. */
int selection_add_family(struct selection *s, const char *family);

/* Names for messages and completion. */
extern const char selection_query_names[];

/*
 * The filter that says the same; "" for all. default_states: where families are
 * selected and no letter speaks of states, those that ss lists by itself; for a
 * text that names neither states nor a target. Returns the length.
 */
#define SELECTION_TEXT_MAX 3072
size_t selection_text(const struct selection *s, bool default_states, char buf[SELECTION_TEXT_MAX]);

#endif
