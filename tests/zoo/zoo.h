/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The zoo of sockets: one real socket of every kind, and what is known of each without asking socketd */

#ifndef SOCKETD_TESTS_ZOO_H
#define SOCKETD_TESTS_ZOO_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/*
 * An entry is a socket with expectations, field by field. Values are what the
 * zoo set itself, or what getsockopt, getsockname, getpeername, ioctl, fstat
 * and stat say at the end, when all is quiet.
 *
 * An expected value is plain JSON, or an object with one operator:
 *   {"absent":true}     the key must not be there
 *   {"any":[...]}       one of these
 *   {"set":[...]}       a list with these members in any order
 *   {"contains":[...]}  a string with all of these in it
 *   {"some-contain":[...]}  a list of strings; each of these is in one of them, whatever the case
 *   {"min":N}           a number that is not less
 *   {"count":N}         a list of this length
 *   {"comm":"..."}      owners, one of which has this command name
 *   {"max":N}           a number that is not more
 *   {"has":[...]}       a list that has these among others; {"lacks":[...]} none of these
 *   {"function":[...]}  one of these, whatever module stands behind it in brackets
 *   {"low16":N}         a number whose low 16 bits are these
 *   {"bits":N}          a number that has these bits, among others
 *   {"or-absent":V}     this, or the key is not there
 *   {"each-mod8":[...]} a list of numbers, whose low three bits are these
 *   {"as":{"cookie":"...","field":"..."}}  the value of another socket's field
 * Several in one object must all hold.
 *
 * Beside "expect" an entry has "deep": what only the kernel module can tell.
 */
enum entry_reads {
	READ_INET = 1 << 0,         /* addresses, flags and marks of an inet socket */
	READ_TCP = 1 << 1,          /* tcp_info (what stands still), congestion control, queues */
	READ_MPTCP = 1 << 2,        /* mptcp_info */
	READ_MEMORY = 1 << 3,       /* all of SO_MEMINFO */
	READ_QUIET = 1 << 4,        /* nothing moves any more: whole tcp_info, all of SO_MEMINFO */
	READ_NO_PEER = 1 << 5,      /* getpeername says less than the kernel's table */
	READ_NO_DIAG = 1 << 6,      /* the only source is /proc/net: no options, no memory, no cookie */
	READ_ADDRESS_ONLY = 1 << 7, /* of READ_INET only the addresses: no inet_diag attributes */
	READ_SHALLOW = 1 << 8,      /* the descriptor leads to another struct sock than the row shows */
	READ_BUSY = 1 << 9,         /* somebody is in a call on it: it may be locked, woken, polled */
};

/* MAYBE: by some kernels' diag modules. With the kernel module there are no sockets it must not show. */
enum entry_listed { LISTED_YES, LISTED_MAYBE };

struct entry {
	struct entry *next;
	char *name;
	const char *kind; /* the expected netid; NULL when families without sock_diag have the say */
	const char *why;
	int fd; /* -1: closed, in flight, or held by somebody else */
	unsigned reads;
	enum entry_listed listed;
	uint64_t inode;  /* 0: has none */
	uint64_t cookie; /* 0: not to be known */
	bool uid_known;
	json_object *pids;
	json_object *expect;
	json_object *deep;
};

/*
 * Adds an entry. Inode and cookie are taken at once, the rest when the zoo is
 * complete. fd may be -1: then the caller says all there is to say.
 */
struct entry *zoo_add(const char *kind, int fd, unsigned reads, const char *why, const char *name, ...)
	__attribute__((format(printf, 5, 6)));

void zoo_skip(const char *name, int error, const char *why);
void zoo_secret(const char *text);
void zoo_cleanup_path(const char *path);

/* The socket has no descriptor any more (the caller closed it): no owner, no inode. */
void entry_closed(struct entry *e);
/* The socket has no owner, but lives on with its inode. */
void entry_unowned(struct entry *e);
void entry_pid(struct entry *e, pid_t pid);

void expect_str(struct entry *e, const char *field, const char *value);
void expect_u64(struct entry *e, const char *field, uint64_t value);
void expect_s64(struct entry *e, const char *field, int64_t value);
void expect_bool(struct entry *e, const char *field, bool value);
void expect_hex(struct entry *e, const char *field, uint64_t value);
void expect_absent(struct entry *e, const char *field);
void expect_min(struct entry *e, const char *field, uint64_t value);
/* {op: [words...]}; op NULL: the list itself. Ends with NULL. */
void expect_words(struct entry *e, const char *field, const char *op, ...) __attribute__((sentinel));
void expect_json(struct entry *e, const char *field, json_object *value);
/* sk_shutdown, words and number. */
void expect_shutdown(struct entry *e, unsigned how);
/* The address and port of a sockaddr as two fields, such as "local" and "local_port". */
void expect_sockaddr(struct entry *e, const char *address, const char *port, const struct sockaddr_storage *ss);
/* The name of a UNIX socket as sockctl writes it: "@" for abstract, odd bytes as \xHH. */
void expect_unix_name(struct entry *e, const char *field, const char *name, size_t len);

/*
 * What only the kernel module tells, and where it is known from: a system call,
 * what the zoo did, a place of the kernel's source (know.c). The document
 * counts the origins of each field.
 */
void know_json(struct entry *e, const char *field, const char *via, json_object *value);
void know_str(struct entry *e, const char *field, const char *via, const char *value);
void know_u64(struct entry *e, const char *field, const char *via, uint64_t value);
void know_s64(struct entry *e, const char *field, const char *via, int64_t value);
void know_bool(struct entry *e, const char *field, const char *via, bool value);
void know_hex(struct entry *e, const char *field, const char *via, uint64_t value);
void know_absent(struct entry *e, const char *field, const char *via);
void know_range(struct entry *e, const char *field, const char *via, int64_t min, int64_t max);
void know_op(struct entry *e, const char *field, const char *via, const char *op, uint64_t operand);
/* The words that must and must not be among those of a field of flags, separated by spaces. */
void know_flags(struct entry *e, const char *field, const char *via, const char *has, const char *lacks);
/* One of the names, separated by "|"; NULL or "" for a pointer that is not set. */
void know_function(struct entry *e, const char *field, const char *via, const char *names);
void know_same(struct entry *e, const char *field, const char *via, uint64_t cookie, const char *other);
void know_bind2(struct entry *e, const char *via, bool bound);
json_object *know_truths(void);
/* From here on what is known already stands: see entry_read(). */
void know_reading(void);

/* Reads of a live descriptor (reading.c); which ones, by e->reads. */
void entry_read(struct entry *e);
const char *state_word(unsigned state);

/* All below end the program with a message when the kernel refuses what every kernel has. */
#define must(call) must_((call), #call, __FILE__, __LINE__)
long must_(long result, const char *what, const char *file, int line);

void set_int(int fd, int level, int option, int value);
int get_int(int fd, int level, int option);
void drop_all_input(int fd); /* a filter that drops whatever arrives, unanswered */
int set_nonblock(int fd);
void wait_for_state(int fd, unsigned state);
void write_exactly(int fd, size_t n);
/* Whether the kernel dumps this family (and protocol) by sock_diag. */
bool kernel_dumps(int family, int protocol);
bool kernel_at_least(unsigned major, unsigned minor);

/* 127.x.y.z:port or [::1]:port. */
socklen_t make_address(int family, const char *text, uint16_t port, struct sockaddr_storage *ret);
int listen_on(int family, const char *address, int backlog); /* TCP, any port */
uint64_t socket_inode(int fd);
uint64_t socket_cookie(int fd);

struct tcp_pair {
	int listener; /* -1 when not kept */
	int client;
	int server;
};

/* A TCP connection on loopback; prepare (may be NULL) is called with the listener and the client before they start. */
struct tcp_pair make_tcp_pair(int family, const char *address, void (*prepare)(int fd, bool listener));

/* The houses of the zoo, each a file. Order matters: see main. */
void zoo_holders(void); /* forks: first, with few descriptors open */
void zoo_tcp_states(void);
void zoo_tcp_closing(void); /* states that time out: last */
void zoo_tcp_options(void);
void zoo_tcp_crypto(void);
void zoo_mptcp(void);
void zoo_udp(void);
void zoo_unix(void);
void zoo_raw(void);
void zoo_netlink(void);
void zoo_packet(void);
void zoo_xdp(void);
void zoo_sctp(void);
void zoo_dccp(void);
void zoo_vsock(void);
void zoo_smc(void);
void zoo_tipc(void);
void zoo_undumped(void); /* families without sock_diag: ALG, CAN, Bluetooth */
void zoo_options(void);  /* one option of SOL_SOCKET each */
void zoo_traffic(void);  /* counters, queues, errors, filters: what data leaves behind in struct sock */
void zoo_bpf(void);      /* what programs and maps leave behind */
void zoo_waiters(void);  /* processes asleep, sockets nobody holds, groups and cgroups */
void zoo_waiters_stop(void);

/* Stops what zoo_holders() started. */
void zoo_holders_stop(void);

extern const char *zoo_dir; /* a directory of our own under /tmp */

#endif
