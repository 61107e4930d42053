/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words for the kernel's numbers: enumerations and flags */

#ifndef SOCKETD_MODEL_WORDS_H
#define SOCKETD_MODEL_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct word {
	uint64_t value; /* a number of an enumeration; a mask of one bit of flags */
	const char *word;
};

struct words {
	const char *name; /* as in fields.def behind enum_ or flags_ */
	const struct word *rows;
	size_t n_rows;
};

extern const struct words words_family, words_type, words_state, words_timer, words_tcp_ca_state,
	words_tcp_fastopen_fail, words_tcpi_options, words_tls_version, words_tls_cipher,
	words_tls_conf, words_mptcp_subflow, words_mptcpi, words_sctp_state, words_sctp_path,
	words_sctp_type, words_ndiag, words_pdi, words_shutdown, words_xdu, words_smc_mode,
	words_tipc_state, words_tipc_scope, words_ss, words_socket, words_open, words_sk, words_tsq,
	words_pacing, words_userlocks, words_tsflags, words_errno, words_event, words_netlink,
	words_ethertype, words_ipproto, words_holding;

/* The word of a number, or NULL. */
const char *words_find(const struct words *w, uint64_t value);

/* The number of a word, any case, "_" and "-" alike. -ENOENT when there is none. */
int words_value(const struct words *w, const char *word, size_t len, uint64_t *ret);

/* TCP states, as bits of a mask (include/net/tcp_states.h; the numbers are ABI through inet_diag). */
enum tcp_state {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_FIN_WAIT1,
	STATE_FIN_WAIT2,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING,
	STATE_NEW_SYN_RECV,
	STATE_BOUND_INACTIVE,
};

#define STATE_BIT(s) (UINT32_C(1) << (s))
#define STATES_ALL (STATE_BIT(STATE_BOUND_INACTIVE + 1) - 2)

/*
 * States by any word that people use: those of words_state, and established,
 * unconnected, closed, listening, and the sets all, connected, synchronized,
 * bucket, big of ss(8). Any case, "_" and "-" alike. -ENOENT when there is none.
 */
int states_parse(const char *word, size_t len, uint32_t *ret_mask);

#endif
