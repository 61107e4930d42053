/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hears the module's state changes and compares them with what it did: which, of which socket, and by whom */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "socketd/uapi.h"

#define CHANGES_MAX 20000

struct change {
	uint64_t time, cookie, inode, lost;
	uint32_t pid, uid;
	uint16_t family, protocol;
	uint8_t old, new;
	char comm[16];
	struct sockaddr_in6 local, peer;
	bool has_pid, has_peer, has_local, has_inode, has_uid;
};

static struct change changes[CHANGES_MAX];
static unsigned int n_changes, n_failed, n_overruns;
static struct nl_sock *ear;

static bool say(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool say(bool ok, const char *format, ...)
{
	va_list ap;

	n_failed += !ok;
	fputs(ok ? "ok   events: " : "FAIL events: ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return ok;
}

static int heard(struct nl_msg *msg, void *unused)
{
	struct nlattr *tb[SOCKETD_CHANGE_MAX + 1];
	struct change *c = &changes[n_changes];

	(void)unused;
	if (n_changes == CHANGES_MAX || genlmsg_parse(nlmsg_hdr(msg), 0, tb, SOCKETD_CHANGE_MAX, NULL) < 0 ||
	    !tb[SOCKETD_CHANGE_TIME] || !tb[SOCKETD_CHANGE_COOKIE] || !tb[SOCKETD_CHANGE_FAMILY] || !tb[SOCKETD_CHANGE_PROTOCOL] ||
	    !tb[SOCKETD_CHANGE_OLD_STATE] || !tb[SOCKETD_CHANGE_NEW_STATE] || !tb[SOCKETD_CHANGE_LOST]) {
		say(false, "a malformed message");
		return NL_SKIP;
	}
	*c = (struct change){
		.time = nla_get_u64(tb[SOCKETD_CHANGE_TIME]),
		.cookie = nla_get_u64(tb[SOCKETD_CHANGE_COOKIE]),
		.lost = nla_get_u64(tb[SOCKETD_CHANGE_LOST]),
		.family = nla_get_u16(tb[SOCKETD_CHANGE_FAMILY]),
		.protocol = nla_get_u16(tb[SOCKETD_CHANGE_PROTOCOL]),
		.old = nla_get_u8(tb[SOCKETD_CHANGE_OLD_STATE]),
		.new = nla_get_u8(tb[SOCKETD_CHANGE_NEW_STATE]),
		.has_pid = tb[SOCKETD_CHANGE_PID],
		.has_inode = tb[SOCKETD_CHANGE_INODE],
		.has_local = tb[SOCKETD_CHANGE_LOCAL],
		.has_peer = tb[SOCKETD_CHANGE_PEER],
		.has_uid = tb[SOCKETD_CHANGE_UID],
	};
	if (c->has_pid)
		c->pid = nla_get_u32(tb[SOCKETD_CHANGE_PID]);
	if (tb[SOCKETD_CHANGE_COMM])
		nla_strlcpy(c->comm, tb[SOCKETD_CHANGE_COMM], sizeof(c->comm));
	if (c->has_inode)
		c->inode = nla_get_u64(tb[SOCKETD_CHANGE_INODE]);
	if (c->has_uid)
		c->uid = nla_get_u32(tb[SOCKETD_CHANGE_UID]);
	if (c->has_local)
		nla_memcpy(&c->local, tb[SOCKETD_CHANGE_LOCAL], sizeof(c->local));
	if (c->has_peer)
		nla_memcpy(&c->peer, tb[SOCKETD_CHANGE_PEER], sizeof(c->peer));
	n_changes++;
	return NL_OK;
}

/* 0 or a negative code of libnl. */
static int start_hearing(void)
{
	int group, r;

	ear = nl_socket_alloc();
	if (!ear)
		return -NLE_NOMEM;
	r = genl_connect(ear);
	if (r == 0) {
		group = genl_ctrl_resolve_grp(ear, SOCKETD_GENL_NAME, SOCKETD_GENL_GROUP);
		r = group < 0 ? group : nl_socket_add_membership(ear, group);
	}
	nl_socket_set_buffer_size(ear, 4 << 20, 0);
	nl_socket_disable_seq_check(ear);
	nl_socket_set_nonblocking(ear);
	nl_socket_modify_cb(ear, NL_CB_VALID, NL_CB_CUSTOM, heard, NULL);
	return r;
}

static void stop_hearing(void)
{
	nl_socket_free(ear);
	ear = NULL;
}

/* All there is, until nothing came for so long: the last segments of a connection take their time. */
static void hear(unsigned int msec)
{
	unsigned int quiet = 0;

	while (quiet < msec) {
		unsigned int before = n_changes;
		int r = nl_recvmsgs_default(ear);

		if (r == -NLE_NOMEM)
			n_overruns++;
		if (n_changes == before && r != -NLE_NOMEM) {
			usleep(20000);
			quiet += 20;
		} else {
			quiet = 0;
		}
	}
}

static void forget(void)
{
	hear(100);
	n_changes = 0;
	n_overruns = 0;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = { "?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
					     "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

struct step {
	uint8_t old, new;
	bool named;
};

/* The changes of one socket against the steps; pid is that of the named ones. What differs goes to stdout. */
static bool matches(uint64_t cookie, const struct step *steps, unsigned int n_steps, pid_t pid)
{
	unsigned int n = 0;
	bool ok = true;

	for (unsigned int i = 0; i < n_changes; i++) {
		const struct change *c = &changes[i];

		if (c->cookie != cookie)
			continue;
		if (n >= n_steps || c->old != steps[n].old || c->new != steps[n].new || c->has_pid != steps[n].named ||
		    (c->has_pid && c->pid != (uint32_t)pid))
			ok = false;
		n++;
	}
	if (ok && n == n_steps)
		return true;
	printf("     socket %llx of process %d, %u changes:\n", (unsigned long long)cookie, pid, n);
	for (unsigned int i = 0; i < n_changes; i++)
		if (changes[i].cookie == cookie)
			printf("     %s -> %s, pid %u %s\n", state_name(changes[i].old), state_name(changes[i].new), changes[i].pid, changes[i].comm);
	return false;
}

#define STEPS(steps) steps, sizeof(steps) / sizeof((steps)[0])

static const struct step client_steps[] = {
	{ TCP_CLOSE, TCP_SYN_SENT, true }, { TCP_SYN_SENT, TCP_ESTABLISHED, false }, { TCP_ESTABLISHED, TCP_FIN_WAIT1, true },
	{ TCP_FIN_WAIT1, TCP_FIN_WAIT2, false }, { TCP_FIN_WAIT2, TCP_CLOSE, false },
};
static const struct step server_steps[] = {
	{ TCP_SYN_RECV, TCP_ESTABLISHED, false }, { TCP_ESTABLISHED, TCP_CLOSE_WAIT, false },
	{ TCP_CLOSE_WAIT, TCP_LAST_ACK, true }, { TCP_LAST_ACK, TCP_CLOSE, false },
};
static const struct step listener_steps[] = {
	{ TCP_CLOSE, TCP_LISTEN, true }, { TCP_LISTEN, TCP_CLOSE, true },
};

/* A process that accepts, waits for the end, and closes; it tells its sockets by a pipe. */
struct server {
	pid_t pid;
	int from;
	uint64_t listener;
	struct sockaddr_in6 address;
};

struct accepted {
	uint64_t cookie, inode;
};

static int listen_on(int family, struct sockaddr_in6 *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(*ret);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, family == AF_INET ? (void *)&v4 : (void *)&v6, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0 ||
	    listen(fd, 128) < 0 || getsockname(fd, (struct sockaddr *)ret, &len) < 0)
		return -1;
	return fd;
}

static void serve(int to, int family, unsigned int n, bool unread)
{
	struct server self = { .pid = getpid() };
	int fd = listen_on(family, &self.address);

	self.listener = cookie_of(fd);
	if (fd < 0 || write(to, &self, sizeof(self)) != sizeof(self))
		_exit(1);
	while (n--) {
		int one = accept(fd, NULL, NULL);
		struct accepted a = { cookie_of(one), inode_of(one) };
		char byte;

		if (one < 0 || write(to, &a, sizeof(a)) != sizeof(a))
			_exit(1);
		/* With unread data the close is a reset. */
		while (recv(one, &byte, 1, unread ? MSG_PEEK : 0) > 0 && !unread)
			;
		close(one);
	}
	close(fd);
	_exit(0);
}

static bool start_server(struct server *ret, int family, unsigned int n, bool unread)
{
	int ends[2], from;

	if (pipe(ends) < 0)
		return false;
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "serve");
		stop_hearing();
		serve(ends[1], family, n, unread);
	}
	close(ends[1]);
	from = ends[0];
	if (read(from, ret, sizeof(*ret)) != sizeof(*ret))
		return say(false, "no server");
	ret->from = from;
	return true;
}

static void end_server(const struct server *s)
{
	close(s->from);
	waitpid(s->pid, NULL, 0);
}

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int connect_to(const struct sockaddr_in6 *address)
{
	int fd = socket(address->sin6_family, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Details of a change that matches() does not look at. */
static bool details(const struct change *c, uint64_t since, uint64_t inode, int family, const struct sockaddr_in6 *peer)
{
	size_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(*peer);
	struct sockaddr_in6 wanted = *peer;

	if (family == AF_INET)
		memset((uint8_t *)&wanted + 8, 0, 8);
	return c->time >= since && c->time <= boottime() && c->inode == inode && c->family == family && c->protocol == IPPROTO_TCP &&
	       c->has_uid && c->uid == getuid() && c->has_local && c->local.sin6_family == family && c->lost == 0 &&
	       (!peer->sin6_port || (c->has_peer && !memcmp(&c->peer, &wanted, size)));
}

static void connections(int family, unsigned int n)
{
	const char *name = family == AF_INET ? "IPv4" : "IPv6";
	unsigned int clients = 0, servers = 0, rest = 0, bad_details = 0;
	struct accepted a;
	struct server s;
	uint64_t since;

	forget();
	since = boottime();
	if (!start_server(&s, family, n, false))
		return;
	for (unsigned int i = 0; i < n; i++) {
		int fd = connect_to(&s.address);
		uint64_t cookie = cookie_of(fd), inode = inode_of(fd), times = 0;

		if (fd < 0 || read(s.from, &a, sizeof(a)) != sizeof(a)) {
			say(false, "%s: connection %u: %m", name, i);
			break;
		}
		shutdown(fd, SHUT_WR);
		recv(fd, &times, 1, 0);
		hear(40);
		close(fd);
		hear(20);
		clients += matches(cookie, STEPS(client_steps), getpid());
		servers += matches(a.cookie, STEPS(server_steps), s.pid);
		for (unsigned int k = 0; k < n_changes; k++) {
			const struct change *c = &changes[k];

			if (c->cookie == cookie) {
				bad_details += !details(c, since, inode, family, &s.address) || c->time < times;
				bad_details += c->has_pid && strcmp(c->comm, "module_events");
				times = c->time;
			} else if (c->cookie == a.cookie && c->has_pid) {
				bad_details += strcmp(c->comm, "serve") || c->inode != a.inode;
			} else if (c->cookie == a.cookie && c->new == TCP_ESTABLISHED) {
				/* Nobody has accepted it. */
				bad_details += c->has_inode;
			} else if (c->cookie != a.cookie && c->cookie != s.listener) {
				rest++;
			}
		}
		/* The listener's first change stays. */
		if (i + 1 < n && n_changes) {
			for (unsigned int k = 0; k < n_changes; k++)
				if (changes[k].cookie == s.listener)
					changes[0] = changes[k];
			n_changes = 1;
		}
	}
	end_server(&s);
	hear(100);
	say(clients == n, "%s: %u of %u clients: their changes, pid at connect and shutdown alone", name, clients, n);
	say(servers == n, "%s: %u of %u accepted: their changes, pid of the server at close alone", name, servers, n);
	say(matches(s.listener, STEPS(listener_steps), s.pid), "%s: the listener", name);
	say(!rest && !bad_details, "%s: %u changes of unknown sockets, %u with wrong time, inode, uid, name or address", name, rest, bad_details);
}

/* A refused connect(): the reset comes in while connect() has the socket, and is not connect()'s doing. */
static void refused(unsigned int n)
{
	static const struct step steps[] = { { TCP_CLOSE, TCP_SYN_SENT, true }, { TCP_SYN_SENT, TCP_CLOSE, false } };
	struct sockaddr_in6 nobody;
	unsigned int good = 0;
	int fd = listen_on(AF_INET, &nobody);

	close(fd);
	forget();
	for (unsigned int i = 0; i < n; i++) {
		uint64_t cookie;

		fd = socket(AF_INET, SOCK_STREAM, 0);
		cookie = cookie_of(fd);
		if (connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) == 0 || errno != ECONNREFUSED)
			say(false, "refused: %m");
		close(fd);
		hear(20);
		good += matches(cookie, STEPS(steps), getpid());
		n_changes = 0;
	}
	say(good == n, "%u of %u refused: no pid at the reset", good, n);
}

/* close() of what has unread data: the closer is named, the other end, which gets a reset, is not. */
static void resets(unsigned int n)
{
	static const struct step client[] = {
		{ TCP_CLOSE, TCP_SYN_SENT, true }, { TCP_SYN_SENT, TCP_ESTABLISHED, false }, { TCP_ESTABLISHED, TCP_CLOSE, false },
	};
	static const struct step server[] = { { TCP_SYN_RECV, TCP_ESTABLISHED, false }, { TCP_ESTABLISHED, TCP_CLOSE, true } };
	unsigned int clients = 0, servers = 0;
	struct accepted a;
	struct server s;

	forget();
	if (!start_server(&s, AF_INET, n, true))
		return;
	for (unsigned int i = 0; i < n; i++) {
		int fd = connect_to(&s.address);
		uint64_t cookie = cookie_of(fd);
		char byte = 0;

		if (fd < 0 || read(s.from, &a, sizeof(a)) != sizeof(a) || send(fd, "xyz", 3, MSG_NOSIGNAL) != 3)
			break;
		/* Blocks until the reset is there. */
		recv(fd, &byte, 1, 0);
		hear(40);
		close(fd);
		clients += matches(cookie, STEPS(client), getpid());
		servers += matches(a.cookie, STEPS(server), s.pid);
		n_changes = 0;
	}
	end_server(&s);
	say(clients == n && servers == n, "resets: %u of %u that get one, %u that send one by close()", clients, n, servers);
}

/* A full queue lets a SYN lie: who closes before an answer is named. */
static void unanswered(void)
{
	static const struct step steps[] = { { TCP_CLOSE, TCP_SYN_SENT, true }, { TCP_SYN_SENT, TCP_CLOSE, true } };
	struct sockaddr_in6 address;
	int listening = listen_on(AF_INET, &address), fds[8];
	uint64_t last;

	listen(listening, 0);
	forget();
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	last = cookie_of(fds[7]);
	close(fds[7]);
	hear(60);
	say(matches(last, STEPS(steps), getpid()), "close() before an answer");
	for (int i = 0; i < 7; i++)
		close(fds[i]);
	close(listening);
}

/* A process that ends, or is killed, closes what it has: it is named, though it made no call. */
static void ends_of_processes(void)
{
	static const struct step steps[] = {
		{ TCP_CLOSE, TCP_SYN_SENT, true }, { TCP_SYN_SENT, TCP_ESTABLISHED, false }, { TCP_ESTABLISHED, TCP_FIN_WAIT1, true },
		{ TCP_FIN_WAIT1, TCP_FIN_WAIT2, false }, { TCP_FIN_WAIT2, TCP_CLOSE, false },
	};
	struct accepted a;
	struct server s;
	bool ok = true;

	forget();
	if (!start_server(&s, AF_INET, 2, false))
		return;
	for (int i = 0; i < 2; i++) {
		uint64_t cookie = 0;
		int ends[2];
		pid_t child;

		if (pipe(ends) < 0)
			return;
		child = fork();
		if (child == 0) {
			int fd = connect_to(&s.address);

			cookie = cookie_of(fd);
			if (write(ends[1], &cookie, sizeof(cookie)) != sizeof(cookie))
				_exit(1);
			if (i)
				pause();
			_exit(0);
		}
		if (read(ends[0], &cookie, sizeof(cookie)) != sizeof(cookie) || read(s.from, &a, sizeof(a)) != sizeof(a))
			say(false, "no child");
		if (i)
			kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(ends[0]);
		close(ends[1]);
		hear(60);
		ok &= matches(cookie, STEPS(steps), child);
	}
	end_server(&s);
	say(ok, "ends of processes, by exit and by signal");
}

/* A connection, by this process alone: nine changes that are told, and two of the listener. */
static void one_cycle(int listening, const struct sockaddr_in6 *address)
{
	int fd = connect_to(address), other = accept(listening, NULL, NULL);
	char byte;

	shutdown(fd, SHUT_WR);
	recv(other, &byte, 1, 0);
	close(other);
	recv(fd, &byte, 1, 0);
	close(fd);
}

/* A queue that is too small: the reader is told by ENOBUFS, and when it asked for that LOST counts. */
static void overrun(unsigned int n)
{
	struct sockaddr_in6 address;
	int listening = listen_on(AF_INET, &address), one = 1;
	uint64_t lost;

	forget();
	nl_socket_set_buffer_size(ear, 16384, 0);
	if (setsockopt(nl_socket_get_fd(ear), SOL_NETLINK, NETLINK_BROADCAST_ERROR, &one, sizeof(one)) < 0)
		say(false, "NETLINK_BROADCAST_ERROR: %m");
	for (unsigned int i = 0; i < n; i++)
		one_cycle(listening, &address);
	usleep(300000);
	hear(100);
	say(n_overruns > 0, "overrun: ENOBUFS, %u times, after %u changes", n_overruns, n_changes);
	lost = n_changes;
	n_changes = 0;
	one_cycle(listening, &address);
	hear(100);
	say(n_changes == 9 && changes[0].lost + lost == 9ull * n, "overrun: of %u changes %llu came and %llu are told as lost", 9 * n,
	    (unsigned long long)lost, (unsigned long long)changes[0].lost);
	close(listening);
}

static bool lo_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

	close(fd);
	return ok;
}

/* Children: another namespace is not heard here, and hears itself; with an inner user namespace nobody is named. */
static int in_namespace(bool inner_user)
{
	struct sockaddr_in6 address;
	unsigned int named = 0;
	int listening;

	n_changes = 0;
	n_failed = 0;
	if (inner_user) {
		if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			return 1;
	}
	if (unshare(CLONE_NEWNET | (inner_user ? CLONE_NEWUSER : 0)) < 0 || !lo_up())
		return say(false, "a namespace: %m"), 1;
	if (start_hearing() < 0)
		return say(false, "no hearing in a namespace"), 1;
	listening = listen_on(AF_INET, &address);
	one_cycle(listening, &address);
	hear(100);
	for (unsigned int i = 0; i < n_changes; i++)
		named += changes[i].has_pid;
	say(n_changes == 10 && named == (inner_user ? 0 : 4), "in %s: %u changes, %u named", inner_user ? "an inner user namespace" : "a namespace",
	    n_changes, named);
	return n_failed;
}

static void namespaces(void)
{
	unsigned int foreign = 0;

	forget();
	for (int inner = 0; inner < 2; inner++) {
		int status = 1;

		if (fork() == 0) {
			stop_hearing();
			_exit(in_namespace(inner));
		}
		wait(&status);
		n_failed += status != 0;
	}
	hear(60);
	/* The last changes of connections that others left behind may come at any time. */
	for (unsigned int i = 0; i < n_changes; i++)
		foreign += changes[i].has_pid || changes[i].old == TCP_CLOSE || changes[i].new == TCP_ESTABLISHED;
	say(foreign == 0, "other namespaces: %u of their changes heard here", foreign);
}

static void unprivileged(void)
{
	int status = 1;

	if (fork() == 0) {
		int r;

		stop_hearing();
		if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		r = start_hearing();
		_exit(!say(r == -NLE_PERM, "nobody joins: %s", nl_geterror(r)));
	}
	wait(&status);
	n_failed += status != 0;
}

/* usage: module_events [hold] */
int main(int argc, char **argv)
{
	int r = start_hearing();

	if (!say(r == 0, "family %s, group %s: %s", SOCKETD_GENL_NAME, SOCKETD_GENL_GROUP, r ? nl_geterror(r) : "joined"))
		return 1;
	if (argc > 1 && !strcmp(argv[1], "hold")) {
		puts("holding");
		fflush(stdout);
		pause();
	}
	connections(AF_INET, 100);
	connections(AF_INET6, 30);
	refused(50);
	resets(50);
	unanswered();
	ends_of_processes();
	namespaces();
	unprivileged();
	overrun(300);
	stop_hearing();
	return n_failed != 0;
}
