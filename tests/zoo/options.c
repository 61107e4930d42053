/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One option of SOL_SOCKET each, so that a field that shows another's value is found */

#include <errno.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define READS (READ_INET | READ_MEMORY | READ_QUIET)

#ifndef SO_TXREHASH
#define SO_TXREHASH 74
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif

/* Any port of loopback: in the kernel's table, so that its diag modules list it. */
static int make_bound(int family, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(family, family == AF_INET ? "127.0.0.1" : "::1", 0, &ss);
	int fd = must(socket(family, type | SOCK_CLOEXEC, 0));

	must(bind(fd, (void *)&ss, len));
	if (type == SOCK_STREAM)
		must(listen(fd, 3));
	return fd;
}

static struct entry *add(int family, int type, int fd, const char *name)
{
	bool tcp = type == SOCK_STREAM;

	return zoo_add(tcp ? "tcp" : "udp", fd, READS | (tcp ? READ_TCP : 0), "one option", "%s-%s",
		       tcp ? "tcp" : family == AF_INET ? "udp4" : "udp6", name);
}

/* Bits of sk_flags that the option sets, and numbers that it becomes. */
static void add_numbers(void)
{
	static const struct {
		const char *name;
		int family, type, level, option, value;
		const char *field;
		int64_t told;
		const char *flag;
	} rows[] = {
		{ "debug", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_DEBUG, 1, NULL, 0, "SOCK_DBG" },
		{ "dontroute", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_DONTROUTE, 1, NULL, 0, "SOCK_LOCALROUTE" },
		{ "broadcast", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_BROADCAST, 1, NULL, 0, "SOCK_BROADCAST" },
		{ "keepalive", AF_INET, SOCK_STREAM, SOL_SOCKET, SO_KEEPALIVE, 1, NULL, 0, "SOCK_KEEPOPEN" },
		{ "oobinline", AF_INET, SOCK_STREAM, SOL_SOCKET, SO_OOBINLINE, 1, NULL, 0, "SOCK_URGINLINE" },
		{ "rxq-ovfl", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RXQ_OVFL, 1, NULL, 0, "SOCK_RXQ_OVFL" },
		{ "wifi-status", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_WIFI_STATUS, 1, NULL, 0, "SOCK_WIFI_STATUS" },
		{ "nofcs", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_NOFCS, 1, NULL, 0, "SOCK_NOFCS" },
		{ "lock-filter", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_LOCK_FILTER, 1, NULL, 0, "SOCK_FILTER_LOCKED" },
		{ "select-err-queue", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1, NULL, 0, "SOCK_SELECT_ERR_QUEUE" },
		{ "zerocopy", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_ZEROCOPY, 1, NULL, 0, "SOCK_ZEROCOPY" },
		{ "rcvmark", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RCVMARK, 1, NULL, 0, "SOCK_RCVMARK" },
		{ "timestamp", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_TIMESTAMP, 1, NULL, 0, "SOCK_RCVTSTAMP SOCK_TIMESTAMP" },
		{ "timestampns", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_TIMESTAMPNS, 1, NULL, 0,
		  "SOCK_RCVTSTAMP SOCK_RCVTSTAMPNS SOCK_TIMESTAMP" },
		{ "timestamp-new", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_TIMESTAMP_NEW, 1, NULL, 0, "SOCK_RCVTSTAMP SOCK_TSTAMP_NEW" },
		{ "priority", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_PRIORITY, 5, "sk_priority", 5, NULL },
		{ "mark", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_MARK, 0x5a5a, "sk_mark", 0x5a5a, NULL },
		{ "rcvlowat", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_RCVLOWAT, 77, "sk_rcvlowat", 77, NULL },
		{ "reuseaddr", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_REUSEADDR, 1, "sk_reuse", 1, NULL },
		{ "incoming-cpu", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_INCOMING_CPU, 1, "sk_incoming_cpu", 1, NULL },
		{ "busy-poll", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_BUSY_POLL, 50, "sk_ll_usec", 50, NULL },
		{ "busy-poll-budget", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_BUSY_POLL_BUDGET, 16, "sk_busy_poll_budget", 16, NULL },
		{ "max-pacing-rate", AF_INET, SOCK_STREAM, SOL_SOCKET, SO_MAX_PACING_RATE, 1234567, "sk_max_pacing_rate", 1234567,
		  NULL },
		{ "peek-off", AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_PEEK_OFF, 42, "sk_peek_off", 42, NULL },
		{ "txrehash", AF_INET, SOCK_STREAM, SOL_SOCKET, SO_TXREHASH, 0, "sk_txrehash", 0, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = make_bound(rows[i].family, rows[i].type);
		struct entry *e;

		if (setsockopt(fd, rows[i].level, rows[i].option, &rows[i].value, sizeof(int)) < 0) {
			zoo_skip(rows[i].name, errno, "the kernel refuses the option");
			close(fd);
			continue;
		}
		e = add(rows[i].family, rows[i].type, fd, rows[i].name);
		if (rows[i].field)
			know_s64(e, rows[i].field, "set", rows[i].told);
		if (rows[i].flag)
			know_flags(e, "sk_flags", "set", rows[i].flag, "SOCK_DEAD SOCK_MEMALLOC SOCK_XDP");
		if (rows[i].option == SO_MAX_PACING_RATE)
			know_str(e, "sk_pacing_status", "set", "SK_PACING_NEEDED");
	}
}

static void add_bools(void)
{
	static const struct {
		const char *name;
		int family, option;
		const char *field;
		int level;
	} rows[] = {
		{ "reuseport", AF_INET, SO_REUSEPORT, "sk_reuseport", SOL_SOCKET },
		{ "prefer-busy-poll", AF_INET, SO_PREFER_BUSY_POLL, "sk_prefer_busy_poll", SOL_SOCKET },
		{ "no-check", AF_INET, SO_NO_CHECK, "sk_no_check_tx", SOL_SOCKET },
		{ "v6only-alone", AF_INET6, IPV6_V6ONLY, "sk_ipv6only", IPPROTO_IPV6 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = must(socket(rows[i].family, SOCK_DGRAM | SOCK_CLOEXEC, 0)), one = 1;
		struct sockaddr_storage ss;
		socklen_t len = make_address(rows[i].family, rows[i].family == AF_INET ? "127.0.0.1" : "::1", 0, &ss);

		if (setsockopt(fd, rows[i].level, rows[i].option, &one, sizeof(one)) < 0) {
			zoo_skip(rows[i].name, errno, "the kernel refuses the option");
			close(fd);
			continue;
		}
		must(bind(fd, (void *)&ss, len));
		know_bool(add(rows[i].family, SOCK_DGRAM, fd, rows[i].name), rows[i].field, "set", true);
	}
}

/* Options that are structs. */
static void add_structs(void)
{
	/* Whole ticks at 100, 250, 300 and 1000 Hz. */
	static const struct timeval receive = { .tv_sec = 3, .tv_usec = 200000 }, transmit = { .tv_usec = 700000 };
	struct sock_txtime tx = { .clockid = CLOCK_TAI, .flags = SOF_TXTIME_DEADLINE_MODE };
	struct linger linger = { .l_onoff = 1, .l_linger = 7 };
	int fd = make_bound(AF_INET, SOCK_DGRAM), flags;
	struct entry *e;

	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive)));
	must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &transmit, sizeof(transmit)));
	e = add(AF_INET, SOCK_DGRAM, fd, "timeouts");
	know_u64(e, "sk_rcvtimeo", "set", 3200000);
	know_u64(e, "sk_sndtimeo", "set", 700000);

	fd = make_bound(AF_INET, SOCK_STREAM);
	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	e = add(AF_INET, SOCK_STREAM, fd, "linger");
	know_u64(e, "sk_lingertime", "set", 7000000);
	know_flags(e, "sk_flags", "set", "SOCK_LINGER", "SOCK_DEAD SOCK_KEEPOPEN");

	fd = make_bound(AF_INET, SOCK_DGRAM);
	flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_CMSG;
	must(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)));
	e = add(AF_INET, SOCK_DGRAM, fd, "timestamping");
	know_flags(e, "sk_tsflags", "set", "RX_SOFTWARE SOFTWARE OPT_CMSG", "TX_HARDWARE TX_SOFTWARE OPT_ID BIND_PHC");
	know_flags(e, "sk_flags", "set", "SOCK_TIMESTAMPING_RX_SOFTWARE", "SOCK_RCVTSTAMP");

	fd = make_bound(AF_INET, SOCK_DGRAM);
	if (setsockopt(fd, SOL_SOCKET, SO_TXTIME, &tx, sizeof(tx)) == 0) {
		e = add(AF_INET, SOCK_DGRAM, fd, "txtime");
		know_u64(e, "sk_clockid", "set", CLOCK_TAI);
		know_bool(e, "sk_txtime_deadline_mode", "set", true);
		know_bool(e, "sk_txtime_report_errors", "set", false);
		know_flags(e, "sk_flags", "set", "SOCK_TXTIME", "SOCK_ZEROCOPY");
	} else {
		zoo_skip("txtime", errno, "the kernel refuses SO_TXTIME");
		close(fd);
	}

	fd = make_bound(AF_INET, SOCK_DGRAM);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 30000);
	e = add(AF_INET, SOCK_DGRAM, fd, "rcvbuf-lock");
	know_flags(e, "sk_userlocks", "set; bound to an address", "SOCK_RCVBUF_LOCK SOCK_BINDADDR_LOCK", "SOCK_SNDBUF_LOCK");
	fd = make_bound(AF_INET, SOCK_DGRAM);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 30000);
	e = add(AF_INET, SOCK_DGRAM, fd, "sndbuf-lock");
	know_flags(e, "sk_userlocks", "set; bound to an address", "SOCK_SNDBUF_LOCK SOCK_BINDADDR_LOCK", "SOCK_RCVBUF_LOCK");
}

/* Options that read before they are set: what tells of a socket that nothing was set on. */
static void add_default(void)
{
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct entry *e;

	e = zoo_add("udp", fd, READS, "made and left alone", "udp4-default");
	e->listed = LISTED_MAYBE;
	know_bool(e, "sk_node", "bound to no port", false);
	know_u64(e, "sk_busy_poll_budget", "never set", 0);
	know_str(e, "sk_pacing_status", "never set", "SK_PACING_NONE");
	know_absent(e, "sk_filter", "no filter");
	know_absent(e, "sk_stamp", "no packet");
	know_absent(e, "sk_dst_cache", "not connected");
	know_absent(e, "sk_rx_dst", "nothing came");
	know_absent(e, "sk_reuseport_cb", "in no group");
	know_absent(e, "sk_policy", "no policy");
	know_absent(e, "sk_timer", "no timer runs");
	know_absent(e, "sk_tx_queue_mapping", "nothing was sent");
	know_u64(e, "sk_error_queue", "no error", 0);
	know_u64(e, "sk_receive_queue", "nothing came", 0);
	know_u64(e, "sk_write_queue", "nothing was sent", 0);
	know_u64(e, "sk_tskey", "never set", 0);
	know_u64(e, "sk_zckey", "nothing was sent", 0);
	know_u64(e, "sk_disconnects", "never connected", 0);
	know_u64(e, "sk_txhash", "never connected", 0);
	know_u64(e, "sk_rxhash", "nothing came", 0);
	know_bool(e, "sk_gso_disabled", "never asked for", false);
	know_bool(e, "sk_dst_pending_confirm", "nothing came", false);
	know_bool(e, "sk_bpf_storage", "no map", false);
	know_absent(e, "sk_frag", "nothing was sent");
	know_absent(e, "sk_frag_size", "nothing was sent");
	know_u64(e, "sk_state", "TCP_CLOSE", 7);
	know_str(e, "socket_state", "not connected", "SS_UNCONNECTED");

	fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	e = zoo_add("tcp", fd, READ_INET, "made and left alone", "tcp4-default");
	e->listed = LISTED_MAYBE;
	know_bool(e, "sk_node", "in no table", false);
	know_bool(e, "sk_nulls_node", "in no table", false);
	know_bool(e, "sk_bind_node", "not bound", false);
	know_bind2(e, "not bound", false);
	know_str(e, "socket_state", "not connected", "SS_UNCONNECTED");

	fd = make_bound(AF_INET, SOCK_STREAM);
	e = add(AF_INET, SOCK_STREAM, fd, "default-listen");
	know_bool(e, "sk_node", "in the table of listeners", true);
	know_bool(e, "sk_bind_node", "bound", true);
	know_bind2(e, "bound", true);
	know_flags(e, "sk_userlocks", "bound to an address, any port", "SOCK_BINDADDR_LOCK",
		   "SOCK_BINDPORT_LOCK SOCK_RCVBUF_LOCK");
	know_flags(e, "sk_flags", "a listener is freed by RCU", "SOCK_RCU_FREE", "SOCK_DEAD SOCK_DONE");
	know_str(e, "socket_state", "listen(2) leaves it", "SS_UNCONNECTED");
	know_u64(e, "syn_queue", "nobody called", 0);
	know_absent(e, "sk_timer", "no timer runs");
}

/* What fcntl sets: flags of the open file, and who is told by a signal. */
static void add_file_flags(void)
{
	int fd = make_bound(AF_INET, SOCK_DGRAM);
	struct entry *e;

	set_nonblock(fd);
	e = add(AF_INET, SOCK_DGRAM, fd, "nonblock");
	know_flags(e, "socket_file", "fcntl", "O_RDWR O_NONBLOCK", "O_ASYNC O_WRONLY");

	/* A signal would end the zoo. */
	signal(SIGIO, SIG_IGN);
	fd = make_bound(AF_INET, SOCK_DGRAM);
	must(fcntl(fd, F_SETOWN, getpid()));
	must(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
	e = add(AF_INET, SOCK_DGRAM, fd, "async");
	know_flags(e, "socket_file", "fcntl", "O_RDWR O_ASYNC", "O_NONBLOCK");
	know_flags(e, "sk_flags", "fcntl(O_ASYNC)", "SOCK_FASYNC", "SOCK_DEAD");
	know_bool(e, "socket_wq_has_fasync", "fcntl(O_ASYNC)", true);

	fd = make_bound(AF_INET, SOCK_DGRAM);
	must(dup(fd));
	e = add(AF_INET, SOCK_DGRAM, fd, "dup");
	know_op(e, "socket_file_count", "two descriptors", "min", 2);
}

static void add_unix(void)
{
	static const struct {
		const char *name;
		int option;
		const char *flag;
	} rows[] = {
		{ "passcred", SO_PASSCRED, "SOCK_PASSCRED" },
		{ "passsec", SO_PASSSEC, "SOCK_PASSSEC" },
		{ "passpidfd", SO_PASSPIDFD, "SOCK_PASSPIDFD" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int sv[2], one = 1;
		struct entry *e;

		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
		if (setsockopt(sv[0], SOL_SOCKET, rows[i].option, &one, sizeof(one)) < 0) {
			zoo_skip(rows[i].name, errno, "the kernel refuses the option");
			close(sv[0]);
			close(sv[1]);
			continue;
		}
		e = zoo_add("u_str", sv[0], READ_MEMORY | READ_QUIET, "one option", "unix-%s", rows[i].name);
		know_flags(e, "socket_flags", "set", rows[i].flag, "SOCKWQ_ASYNC_NOSPACE SOCK_CUSTOM_SOCKOPT");
		know_u64(e, "sk_peer_pid", "made by this process", getpid());
		know_u64(e, "sk_peer_cred", "made by this process", geteuid());
		know_u64(e, "sk_peer_gid", "made by this process", getegid());
		know_str(e, "socket_state", "socketpair(2)", "SS_CONNECTED");
		know_bool(e, "sk_node", "in the table of UNIX sockets", true);
		know_absent(e, "sk_tx_queue_mapping", "UNIX has no device");
		zoo_add("u_str", sv[1], READ_MEMORY | READ_QUIET, "its other end", "unix-%s-peer", rows[i].name);
	}
}

void zoo_options(void)
{
	add_default();
	add_numbers();
	add_bools();
	add_structs();
	add_file_flags();
	add_unix();
}
