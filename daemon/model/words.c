/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words for the kernel's numbers */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "model/words.h"
#include "socketd/stream.h"
#include "socketd/uapi.h"

/*
 * The numbers are the kernel's ABI, named at each table; they are written out
 * because the headers of an older system lack the newer ones.
 */
#define WORDS(table, name_, ...)                                   \
	static const struct word table##_rows[] = { __VA_ARGS__ }; \
	const struct words words_##table = {                       \
		.name = name_,                                     \
		.rows = table##_rows,                              \
		.n_rows = sizeof(table##_rows) / sizeof(table##_rows[0]), \
	}

#define BIT(n) (UINT64_C(1) << (n))

/* include/linux/socket.h */
WORDS(family, "family", { 1, "unix" }, { 2, "inet" }, { 3, "ax25" }, { 4, "ipx" }, { 5, "appletalk" },
      { 9, "x25" }, { 10, "inet6" }, { 15, "key" }, { 16, "netlink" }, { 17, "packet" }, { 21, "rds" },
      { 24, "pppox" }, { 26, "llc" }, { 29, "can" }, { 30, "tipc" }, { 31, "bluetooth" }, { 33, "rxrpc" },
      { 35, "phonet" }, { 36, "ieee802154" }, { 38, "alg" }, { 39, "nfc" }, { 40, "vsock" }, { 41, "kcm" },
      { 42, "qipcrtr" }, { 43, "smc" }, { 44, "xdp" }, { 45, "mctp" });

/* include/linux/net.h, enum sock_type */
WORDS(type, "type", { 1, "stream" }, { 2, "dgram" }, { 3, "raw" }, { 4, "rdm" }, { 5, "seqpacket" },
      { 6, "dccp" }, { 10, "packet" });

/* include/net/tcp_states.h; the words are those of ss */
WORDS(state, "state", { 1, "ESTAB" }, { 2, "SYN-SENT" }, { 3, "SYN-RECV" }, { 4, "FIN-WAIT-1" },
      { 5, "FIN-WAIT-2" }, { 6, "TIME-WAIT" }, { 7, "UNCONN" }, { 8, "CLOSE-WAIT" }, { 9, "LAST-ACK" },
      { 10, "LISTEN" }, { 11, "CLOSING" }, { 12, "NEW-SYN-RECV" }, { 13, "BOUND-INACTIVE" });

/* net/ipv4/inet_diag.c, inet_sk_diag_fill() */
WORDS(timer, "timer", { 0, "off" }, { 1, "retransmit" }, { 2, "keepalive" }, { 3, "time-wait" },
      { 4, "probe" }, { 5, "delayed-ack" });

/* include/uapi/linux/tcp.h, enum tcp_ca_state */
WORDS(tcp_ca_state, "tcp_ca_state", { 0, "open" }, { 1, "disorder" }, { 2, "cwr" }, { 3, "recovery" },
      { 4, "loss" });

/* include/uapi/linux/tcp.h, enum tcp_fastopen_client_fail */
WORDS(tcp_fastopen_fail, "tcp_fastopen_fail", { 0, "unspecified" }, { 1, "cookie-unavailable" },
      { 2, "data-not-acked" }, { 3, "syn-retransmitted" });

/* include/uapi/linux/tcp.h, TCPI_OPT_* */
WORDS(tcpi_options, "tcpi_options", { 1, "timestamps" }, { 2, "sack" }, { 4, "wscale" }, { 8, "ecn" },
      { 16, "ecn-seen" }, { 32, "fastopen-syn-data" }, { 64, "usec-timestamps" }, { 128, "fastopen-child" });

/* include/uapi/linux/tls.h */
WORDS(tls_version, "tls_version", { 0x0303, "1.2" }, { 0x0304, "1.3" });
WORDS(tls_cipher, "tls_cipher", { 51, "aes-gcm-128" }, { 52, "aes-gcm-256" }, { 53, "aes-ccm-128" },
      { 54, "chacha20-poly1305" }, { 55, "sm4-gcm" }, { 56, "sm4-ccm" }, { 57, "aria-gcm-128" },
      { 58, "aria-gcm-256" });
WORDS(tls_conf, "tls_conf", { 1, "base" }, { 2, "software" }, { 3, "device" }, { 4, "device-record" });

/* include/uapi/linux/mptcp.h, MPTCP_SUBFLOW_FLAG_* */
WORDS(mptcp_subflow, "mptcp_subflow", { BIT(0), "mpc-remote" }, { BIT(1), "mpc-local" },
      { BIT(2), "join-remote" }, { BIT(3), "join-local" }, { BIT(4), "backup-remote" },
      { BIT(5), "backup-local" }, { BIT(6), "fully-established" }, { BIT(7), "connected" },
      { BIT(8), "map-valid" });
/* include/uapi/linux/mptcp.h, MPTCP_INFO_FLAG_* */
WORDS(mptcpi, "mptcpi", { BIT(0), "fallback" }, { BIT(1), "remote-key-received" });

/* include/uapi/linux/sctp.h, enum sctp_sstat_state; the kernel's enum sctp_state has no EMPTY, inet_diag sends that one */
WORDS(sctp_state, "sctp_state", { 0, "closed" }, { 1, "cookie-wait" }, { 2, "cookie-echoed" },
      { 3, "established" }, { 4, "shutdown-pending" }, { 5, "shutdown-sent" }, { 6, "shutdown-received" },
      { 7, "shutdown-ack-sent" });
/* include/net/sctp/constants.h, enum sctp_transport_state as userspace numbers it (SCTP_INACTIVE ...) */
WORDS(sctp_path, "sctp_path", { 0, "inactive" }, { 1, "potentially-failed" }, { 2, "active" },
      { 3, "unconfirmed" }, { 0xffff, "unknown" });
/* include/net/sctp/structs.h, enum sctp_socket_type */
WORDS(sctp_type, "sctp_type", { 0, "udp-style" }, { 1, "high-bandwidth" }, { 2, "tcp-style" });

/* include/uapi/linux/netlink_diag.h, NDIAG_FLAG_* */
WORDS(ndiag, "ndiag", { BIT(0), "cb-running" }, { BIT(1), "pktinfo" }, { BIT(2), "broadcast-error" },
      { BIT(3), "no-enobufs" }, { BIT(4), "listen-all-nsid" }, { BIT(5), "cap-ack" },
      { BIT(6), "ext-ack" }, { BIT(7), "strict-check" });

/* include/uapi/linux/packet_diag.h, PDI_* */
WORDS(pdi, "pdi", { BIT(0), "running" }, { BIT(1), "auxdata" }, { BIT(2), "origdev" },
      { BIT(3), "vnet-header" }, { BIT(4), "loss" });

/* include/net/sock.h */
WORDS(shutdown, "shutdown", { 1, "RCV_SHUTDOWN" }, { 2, "SEND_SHUTDOWN" });

/* include/uapi/linux/xdp_diag.h */
WORDS(xdu, "xdu", { 1, "zero-copy" });

/* include/uapi/linux/smc_diag.h */
WORDS(smc_mode, "smc_mode", { 0, "smc-r" }, { 1, "fallback-tcp" }, { 2, "smc-d" });

/* net/tipc/socket.c: TIPC's states are TCP's numbers with names of its own */
WORDS(tipc_state, "tipc_state", { 1, "established" }, { 2, "connecting" }, { 7, "disconnecting" },
      { 8, "disconnecting" }, { 10, "listen" }, { 16, "open" });
WORDS(tipc_scope, "tipc_scope", { 0, "none" }, { 2, "cluster" }, { 3, "node" });

/* include/uapi/linux/net.h, socket_state */
WORDS(ss, "ss", { 0, "SS_FREE" }, { 1, "SS_UNCONNECTED" }, { 2, "SS_CONNECTING" }, { 3, "SS_CONNECTED" },
      { 4, "SS_DISCONNECTING" });

/* include/linux/net.h, SOCK_* and SOCKWQ_*: the same numbers space */
WORDS(socket, "socket", { BIT(0), "SOCKWQ_ASYNC_NOSPACE" }, { BIT(1), "SOCKWQ_ASYNC_WAITDATA" },
      { BIT(2), "SOCK_NOSPACE" }, { BIT(3), "SOCK_PASSCRED" }, { BIT(4), "SOCK_PASSSEC" },
      { BIT(5), "SOCK_SUPPORT_ZC" }, { BIT(6), "SOCK_CUSTOM_SOCKOPT" }, { BIT(7), "SOCK_PASSPIDFD" });

/* include/uapi/asm-generic/fcntl.h */
WORDS(open, "open", { 02, "O_RDWR" }, { 01, "O_WRONLY" }, { 04000, "O_NONBLOCK" }, { 020000, "O_ASYNC" },
      { 02000000, "O_CLOEXEC" });

/* include/net/sock.h, enum sock_flags: identical in 6.1 and 6.12 */
WORDS(sk, "sk", { BIT(0), "SOCK_DEAD" }, { BIT(1), "SOCK_DONE" }, { BIT(2), "SOCK_URGINLINE" },
      { BIT(3), "SOCK_KEEPOPEN" }, { BIT(4), "SOCK_LINGER" }, { BIT(5), "SOCK_DESTROY" },
      { BIT(6), "SOCK_BROADCAST" }, { BIT(7), "SOCK_TIMESTAMP" }, { BIT(8), "SOCK_ZAPPED" },
      { BIT(9), "SOCK_USE_WRITE_QUEUE" }, { BIT(10), "SOCK_DBG" }, { BIT(11), "SOCK_RCVTSTAMP" },
      { BIT(12), "SOCK_RCVTSTAMPNS" }, { BIT(13), "SOCK_LOCALROUTE" }, { BIT(14), "SOCK_MEMALLOC" },
      { BIT(15), "SOCK_TIMESTAMPING_RX_SOFTWARE" }, { BIT(16), "SOCK_FASYNC" }, { BIT(17), "SOCK_RXQ_OVFL" },
      { BIT(18), "SOCK_ZEROCOPY" }, { BIT(19), "SOCK_WIFI_STATUS" }, { BIT(20), "SOCK_NOFCS" },
      { BIT(21), "SOCK_FILTER_LOCKED" }, { BIT(22), "SOCK_SELECT_ERR_QUEUE" }, { BIT(23), "SOCK_RCU_FREE" },
      { BIT(24), "SOCK_TXTIME" }, { BIT(25), "SOCK_XDP" }, { BIT(26), "SOCK_TSTAMP_NEW" },
      { BIT(27), "SOCK_RCVMARK" });

/* include/linux/tcp.h, enum tsq_flags */
WORDS(tsq, "tsq", { BIT(0), "TSQF_THROTTLED" }, { BIT(1), "TSQF_QUEUED" }, { BIT(2), "TCPF_TSQ_DEFERRED" },
      { BIT(3), "TCPF_WRITE_TIMER_DEFERRED" }, { BIT(4), "TCPF_DELACK_TIMER_DEFERRED" },
      { BIT(5), "TCPF_MTU_REDUCED_DEFERRED" }, { BIT(6), "TCPF_ACK_DEFERRED" });

/* include/net/sock.h, enum sk_pacing */
WORDS(pacing, "pacing", { 0, "SK_PACING_NONE" }, { 1, "SK_PACING_NEEDED" }, { 2, "SK_PACING_FQ" });

/* include/uapi/linux/socket.h and include/net/sock.h, SOCK_*_LOCK */
WORDS(userlocks, "userlocks", { 1, "SOCK_SNDBUF_LOCK" }, { 2, "SOCK_RCVBUF_LOCK" },
      { 4, "SOCK_BINDADDR_LOCK" }, { 8, "SOCK_BINDPORT_LOCK" });

/* include/uapi/linux/net_tstamp.h, SOF_TIMESTAMPING_* */
WORDS(tsflags, "tsflags", { BIT(0), "TX_HARDWARE" }, { BIT(1), "TX_SOFTWARE" }, { BIT(2), "RX_HARDWARE" },
      { BIT(3), "RX_SOFTWARE" }, { BIT(4), "SOFTWARE" }, { BIT(5), "SYS_HARDWARE" },
      { BIT(6), "RAW_HARDWARE" }, { BIT(7), "OPT_ID" }, { BIT(8), "TX_SCHED" }, { BIT(9), "TX_ACK" },
      { BIT(10), "OPT_CMSG" }, { BIT(11), "OPT_TSONLY" }, { BIT(12), "OPT_STATS" },
      { BIT(13), "OPT_PKTINFO" }, { BIT(14), "OPT_TX_SWHW" }, { BIT(15), "BIND_PHC" },
      { BIT(16), "OPT_ID_TCP" }, { BIT(17), "OPT_RX_FILTER" });

/* include/socketd/uapi.h, enum socketd_holding */
WORDS(holding, "holding", { SOCKETD_HOLDING_FILE, "file" }, { SOCKETD_HOLDING_KERNEL, "kernel" },
      { SOCKETD_HOLDING_UNACCEPTED, "unaccepted" }, { SOCKETD_HOLDING_ORPHAN, "orphan" },
      { SOCKETD_HOLDING_IN_FLIGHT, "in-flight" }, { SOCKETD_HOLDING_MINI, "no-socket" });

/* include/uapi/asm-generic/errno*.h: what a socket can hold in sk_err */
WORDS(errno, "errno", { 0, "none" }, { 1, "EPERM" }, { 4, "EINTR" }, { 5, "EIO" }, { 11, "EAGAIN" },
      { 12, "ENOMEM" }, { 13, "EACCES" }, { 19, "ENODEV" }, { 22, "EINVAL" }, { 32, "EPIPE" },
      { 71, "EPROTO" }, { 74, "EBADMSG" }, { 90, "EMSGSIZE" }, { 92, "ENOPROTOOPT" }, { 95, "EOPNOTSUPP" },
      { 98, "EADDRINUSE" }, { 99, "EADDRNOTAVAIL" }, { 100, "ENETDOWN" }, { 101, "ENETUNREACH" },
      { 102, "ENETRESET" }, { 103, "ECONNABORTED" }, { 104, "ECONNRESET" }, { 105, "ENOBUFS" },
      { 106, "EISCONN" }, { 107, "ENOTCONN" }, { 108, "ESHUTDOWN" }, { 110, "ETIMEDOUT" },
      { 111, "ECONNREFUSED" }, { 112, "EHOSTDOWN" }, { 113, "EHOSTUNREACH" }, { 114, "EALREADY" },
      { 115, "EINPROGRESS" });

/* include/socketd/stream.h, enum socketd_event_kind */
WORDS(event, "event", { SOCKETD_EVENT_OPENED, "opened" }, { SOCKETD_EVENT_CHANGED, "changed" },
      { SOCKETD_EVENT_CLOSED, "closed" }, { SOCKETD_EVENT_OVERFLOW, "overflow" }, { SOCKETD_EVENT_PRESENT, "present" },
      { SOCKETD_EVENT_SYNCED, "synced" });

/* include/uapi/linux/netlink.h, NETLINK_* */
WORDS(netlink, "netlink", { 0, "route" }, { 2, "usersock" }, { 3, "firewall" }, { 4, "sock_diag" },
      { 5, "nflog" }, { 6, "xfrm" }, { 7, "selinux" }, { 8, "iscsi" }, { 9, "audit" }, { 10, "fiblookup" },
      { 11, "connector" }, { 12, "netfilter" }, { 13, "ip6_fw" }, { 14, "dnrtmsg" }, { 15, "uevent" },
      { 16, "genl" }, { 18, "scsitrans" }, { 19, "ecryptfs" }, { 20, "rdma" }, { 21, "crypto" },
      { 22, "smc" });

/* include/uapi/linux/if_ether.h, ETH_P_* */
WORDS(ethertype, "ethertype", { 0x0001, "802.3" }, { 0x0003, "all" }, { 0x0004, "802.2" }, { 0x000c, "can" },
      { 0x000d, "canfd" }, { 0x0800, "ip" }, { 0x0806, "arp" }, { 0x8035, "rarp" }, { 0x8100, "802.1q" },
      { 0x86dd, "ipv6" }, { 0x8808, "pause" }, { 0x8809, "slow" }, { 0x8847, "mpls" }, { 0x8863, "pppoe-disc" },
      { 0x8864, "pppoe" }, { 0x888e, "eapol" }, { 0x88a8, "802.1ad" }, { 0x88cc, "lldp" }, { 0x88e5, "macsec" },
      { 0x88f7, "1588" });

/* include/uapi/linux/in.h, IPPROTO_* */
WORDS(ipproto, "ipproto", { 0, "ip" }, { 1, "icmp" }, { 2, "igmp" }, { 4, "ipip" }, { 6, "tcp" },
      { 8, "egp" }, { 12, "pup" }, { 17, "udp" }, { 22, "idp" }, { 33, "dccp" }, { 41, "ipv6" },
      { 46, "rsvp" }, { 47, "gre" }, { 50, "esp" }, { 51, "ah" }, { 58, "ipv6-icmp" }, { 89, "ospf" },
      { 94, "beetph" }, { 98, "encap" }, { 103, "pim" }, { 108, "comp" }, { 112, "vrrp" }, { 115, "l2tp" },
      { 132, "sctp" }, { 136, "udplite" }, { 137, "mpls" }, { 143, "ethernet" }, { 255, "raw" },
      { 256, "smc" }, { 262, "mptcp" });

const char *words_find(const struct words *w, uint64_t value)
{
	/* Rows of enumerations are often numbered from 0 or 1 without gaps. */
	if (value < w->n_rows && w->rows[value].value == value)
		return w->rows[value].word;
	if (value - 1 < w->n_rows && w->rows[value - 1].value == value)
		return w->rows[value - 1].word;
	for (size_t i = 0; i < w->n_rows; i++)
		if (w->rows[i].value == value)
			return w->rows[i].word;
	return NULL;
}

/* Case and "_" against "-" do not matter in what people type. */
static bool same_word(const char *word, const char *typed, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char a = word[i] == '_' ? '-' : (char)tolower((unsigned char)word[i]);
		char b = typed[i] == '_' ? '-' : (char)tolower((unsigned char)typed[i]);

		if (a != b || a == '\0')
			return false;
	}
	return word[len] == '\0';
}

int words_value(const struct words *w, const char *word, size_t len, uint64_t *ret)
{
	for (size_t i = 0; i < w->n_rows; i++) {
		if (same_word(w->rows[i].word, word, len)) {
			*ret = w->rows[i].value;
			return 0;
		}
	}
	return -ENOENT;
}

int states_parse(const char *word, size_t len, uint32_t *ret_mask)
{
	/* The sets of ss(8), and the other spellings of single states. */
	static const struct {
		const char *word;
		uint32_t mask;
	} sets[] = {
		{ "all", STATES_ALL },
		{ "connected", STATES_ALL & ~(STATE_BIT(STATE_CLOSE) | STATE_BIT(STATE_LISTEN) | STATE_BIT(STATE_BOUND_INACTIVE)) },
		{ "synchronized", STATES_ALL & ~(STATE_BIT(STATE_CLOSE) | STATE_BIT(STATE_LISTEN) |
						 STATE_BIT(STATE_SYN_SENT) | STATE_BIT(STATE_BOUND_INACTIVE)) },
		{ "bucket", STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV) | STATE_BIT(STATE_TIME_WAIT) },
		{ "big", STATES_ALL & ~(STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV) | STATE_BIT(STATE_TIME_WAIT)) },
		{ "established", STATE_BIT(STATE_ESTABLISHED) },
		{ "syn-recv", STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV) },
		{ "syn-rcv", STATE_BIT(STATE_SYN_RECV) | STATE_BIT(STATE_NEW_SYN_RECV) },
		{ "fin-wait1", STATE_BIT(STATE_FIN_WAIT1) },
		{ "fin-wait2", STATE_BIT(STATE_FIN_WAIT2) },
		{ "closed", STATE_BIT(STATE_CLOSE) },
		{ "close", STATE_BIT(STATE_CLOSE) },
		{ "unconnected", STATE_BIT(STATE_CLOSE) },
		{ "listening", STATE_BIT(STATE_LISTEN) },
		{ "bound", STATE_BIT(STATE_BOUND_INACTIVE) },
	};
	uint64_t number;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (same_word(sets[i].word, word, len)) {
			*ret_mask = sets[i].mask;
			return 0;
		}
	}
	if (words_value(&words_state, word, len, &number) < 0)
		return -ENOENT;
	*ret_mask = STATE_BIT(number);
	return 0;
}
