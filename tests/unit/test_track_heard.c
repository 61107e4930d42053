/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of real sockets, told as the kernel module tells them: each opened and closed once, whatever else is heard and seen */

#include "track/heard.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "source/events.h"
#include "track/state.h"
#include "unit/changes.h"
#include "unit/suites.h"
#include "unit/track_rig.h"

#define STRANGER 4194303u /* a pid that nobody has */

static int kernel = -1; /* the end that changes come from */

/* A socket as it was when it was looked at. */
struct end {
	uint64_t cookie;
	uint32_t inode;
	struct sockaddr_in6 local, peer;
	bool has_peer;
};

static struct end look(int fd)
{
	struct end e = { .cookie = rig_cookie_of(fd), .inode = rig_inode_of(fd) };
	socklen_t len = sizeof(e.local);

	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&e.local, &len), 0);
	len = sizeof(e.peer);
	e.has_peer = getpeername(fd, (struct sockaddr *)&e.peer, &len) == 0;
	return e;
}

static void hear(void)
{
	struct track_netns *own = namespaces_at(&rig_tracker->namespaces, 0);
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	CU_ASSERT_EQUAL_FATAL(events_source_adopt(&own->heard, own->id.ino, ends[0], CHANGES_FAMILY), 0);
	CU_ASSERT_EQUAL_FATAL(namespaces_watch(rig_tracker, own, EAR_HEARD, ends[0]), 0);
	rig_tracker->heard.n_open++;
	kernel = ends[1];
}

static void begin(int family)
{
	rig_begin(true);
	hear();
	rig_open_listener(family);
}

static void finish(void)
{
	rig_finish();
	close(steal_fd(&kernel));
}

static void tell(const struct end *e, uint8_t old_state, uint8_t new_state, uint32_t pid)
{
	struct change c = {
		.cookie = e->cookie,
		.inode = old_state == TCP_SYN_RECV ? 0 : e->inode,
		.old_state = old_state,
		.new_state = new_state,
		.local = (const struct sockaddr *)&e->local,
		.peer = e->has_peer ? (const struct sockaddr *)&e->peer : NULL,
		.pid = pid,
		.comm = "told",
	};
	struct change_message m;

	change_build(&m, &c);
	CU_ASSERT_EQUAL_FATAL(send(kernel, m.data, m.len, 0), (ssize_t)m.len);
}

/* connect() has no port yet when it changes the state. */
static void tell_client(const struct end *e, uint32_t pid)
{
	struct end early = *e;

	early.local.sin6_port = 0;
	tell(&early, TCP_CLOSE, TCP_SYN_SENT, pid);
	tell(e, TCP_SYN_SENT, TCP_ESTABLISHED, 0);
}

static void tell_server(const struct end *e)
{
	tell(e, TCP_SYN_RECV, TCP_ESTABLISHED, 0);
}

/* The client closes first. */
static void tell_ends(const struct end *client, uint32_t client_pid, const struct end *server, uint32_t server_pid)
{
	tell(client, TCP_ESTABLISHED, TCP_FIN_WAIT1, client_pid);
	tell(server, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 0);
	tell(client, TCP_FIN_WAIT1, TCP_FIN_WAIT2, 0);
	tell(server, TCP_CLOSE_WAIT, TCP_LAST_ACK, server_pid);
	tell(client, TCP_FIN_WAIT2, TCP_CLOSE, 0);
	tell(server, TCP_LAST_ACK, TCP_CLOSE, 0);
}

/* One opening and one closing, in this order, and so many changes. */
static void check_once(uint64_t cookie, unsigned int n_changed)
{
	const struct rig_told *opened = rig_find_told(SOCKETD_EVENT_OPENED, cookie);
	const struct rig_told *closed = rig_find_told(SOCKETD_EVENT_CLOSED, cookie);

	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, cookie), 1);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CHANGED, cookie), n_changed);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, cookie), 1);
	CU_ASSERT_TRUE(opened && closed && opened < closed);
}

static void close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* A connection that no pass sees; its end is told by the kernel before, or after, its changes are read. */
static void short_connection(int family, bool late)
{
	const struct rig_told *told;
	struct end client, server;
	uint64_t n_closed;
	int fds[2];

	begin(family);
	rig_run_pass(false);
	n_closed = rig_status()->n_closed;
	rig_open_pair(fds);
	client = look(fds[0]);
	server = look(fds[1]);
	tell_client(&client, STRANGER);
	tell_server(&server);
	if (!late) {
		rig_settle();
		rig_take_events();
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, client.cookie), 1);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, server.cookie), 1);
	}
	close_pair(fds);
	/* The destroy groups' messages are there by then. */
	if (late)
		(void)poll(NULL, 0, 100);
	tell_ends(&client, STRANGER, &server, STRANGER - 1);
	rig_settle_closings(n_closed + 2);
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 2 + 3 + 2 + 2);
	check_once(client.cookie, 3);
	check_once(server.cookie, 2);
	told = rig_find_told(SOCKETD_EVENT_OPENED, client.cookie);
	CU_ASSERT_EQUAL(told->state, TCP_SYN_SENT);
	CU_ASSERT_EQUAL(told->pid, STRANGER);
	CU_ASSERT_EQUAL(told->fd, SOCKETD_OWNER_NO_FD);
	CU_ASSERT_EQUAL(told->local_port, ntohs(client.local.sin6_port));
	CU_ASSERT_EQUAL(told->peer_port, ntohs(client.peer.sin6_port));
	CU_ASSERT_EQUAL(told->inode, client.inode);
	CU_ASSERT_EQUAL(told->source, family == AF_INET ? SOURCE_tcp4 : SOURCE_tcp6);
	told = rig_find_told(SOCKETD_EVENT_CHANGED, client.cookie);
	CU_ASSERT_EQUAL(told->old_state, TCP_SYN_SENT);
	CU_ASSERT_EQUAL(told->state, TCP_ESTABLISHED);
	told = rig_find_told(SOCKETD_EVENT_CLOSED, client.cookie);
	CU_ASSERT_EQUAL(told->pid, STRANGER);
	CU_ASSERT_EQUAL(told->old_state, TCP_FIN_WAIT2);
	CU_ASSERT_EQUAL(told->state, TCP_CLOSE);
	/* Accepted by whoever listens, as the first scan found; closed by whoever is said to have. */
	told = rig_find_told(SOCKETD_EVENT_OPENED, server.cookie);
	CU_ASSERT_EQUAL(told->state, TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(told->pid, (uint32_t)getpid());
	told = rig_find_told(SOCKETD_EVENT_CLOSED, server.cookie);
	CU_ASSERT_EQUAL(told->pid, STRANGER - 1);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 2);
	CU_ASSERT_EQUAL(rig_status()->n_changed, 5);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2);
	CU_ASSERT_EQUAL(rig_status()->n_brief, 0);
	CU_ASSERT_PTR_NULL(track_table_find(tracker_table(rig_tracker), told->source, server.cookie, 0));
	finish();
}

static void test_short_connections(void)
{
	short_connection(AF_INET, false);
	short_connection(AF_INET, true);
	short_connection(AF_INET6, false);
	short_connection(AF_INET6, true);
}

/* A pass in between sees the same sockets: as new with one who is heard late, and as they are with the others. */
static void test_with_passes(void)
{
	struct end client, server;
	int fds[2];

	begin(AF_INET);
	rig_run_pass(false);
	rig_open_pair(fds);
	client = look(fds[0]);
	server = look(fds[1]);
	tell_client(&client, (uint32_t)getpid());
	rig_run_pass(false);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 2);
	rig_check_entry(SOURCE_tcp4, fds[0], TCP_ESTABLISHED);
	rig_check_entry(SOURCE_tcp4, fds[1], TCP_ESTABLISHED);
	/* Late: the pass was before. */
	tell_server(&server);
	rig_settle();
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, server.cookie), 1);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CHANGED, server.cookie), 0);
	close_pair(fds);
	tell_ends(&client, 0, &server, 0);
	rig_settle_closings(2);
	for (unsigned int i = 0; i < 3; i++)
		rig_run_pass(false);
	rig_take_events();
	check_once(client.cookie, 3);
	check_once(server.cookie, 2);
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_CLOSED, client.cookie)->pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_CLOSED, client.cookie)->fd, (uint32_t)fds[0]);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 2);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2);
	finish();
}

/*
 * A refused socket is in CLOSE and stays open: its closing is told when the kernel has said nothing
 * for a while, and what the kernel says at last is no second one. Connected anew it is opened anew.
 */
static void test_stays_open(void)
{
	struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(1) };
	int fd = -1;
	struct end e;

	begin(AF_INET);
	rig_run_pass(false);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_TRUE(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) < 0);
	e = look(fd);
	memcpy(&e.peer, &nobody, sizeof(nobody));
	e.has_peer = true;
	for (unsigned int i = 0; i < 2; i++) {
		tell(&e, TCP_CLOSE, TCP_SYN_SENT, STRANGER);
		tell(&e, TCP_SYN_SENT, TCP_CLOSE, 0);
	}
	/* The second connect() ended what waited. */
	CU_ASSERT_EQUAL(tracker_step(rig_tracker), TRACKER_WAIT);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 2);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 1);
	CU_ASSERT_TRUE(tracker_timeout_usec(rig_tracker) <= HEARD_CLOSING_USEC);
	rig_settle_closings(2);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, e.cookie), 2);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, e.cookie), 2);
	CU_ASSERT_EQUAL(rig_told[3].state, TCP_CLOSE);
	CU_ASSERT_EQUAL(rig_told[3].old_state, TCP_SYN_SENT);
	CU_ASSERT_EQUAL(rig_told[3].pid, STRANGER);

	/* Sweeps leave it; the kernel's word takes it away. */
	for (unsigned int i = 0; i < 3; i++)
		rig_run_pass(false);
	CU_ASSERT_PTR_NOT_NULL(track_table_find(tracker_table(rig_tracker), SOURCE_tcp4, e.cookie, 0));
	close(fd);
	for (unsigned int i = 0; i < 100 && track_table_find(tracker_table(rig_tracker), SOURCE_tcp4, e.cookie, 0); i++) {
		(void)poll(NULL, 0, 20);
		rig_settle();
	}
	CU_ASSERT_PTR_NULL(track_table_find(tracker_table(rig_tracker), SOURCE_tcp4, e.cookie, 0));
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 4);
	CU_ASSERT_EQUAL(rig_status()->n_brief, 0);
	CU_ASSERT_EQUAL(rig_status()->n_closed, 2);
	finish();
}

/* It has no port until the answer comes: it is not waited for longer than a moment. */
static void test_no_answer(void)
{
	struct end e = {
		.cookie = 0x7fffffff, .inode = 0x7ffffff1, .has_peer = true,
		.local.sin6_family = AF_INET, .peer.sin6_family = AF_INET, .peer.sin6_port = htons(443),
	};

	begin(AF_INET);
	rig_run_pass(false);
	tell(&e, TCP_CLOSE, TCP_SYN_SENT, STRANGER);
	CU_ASSERT_EQUAL(tracker_step(rig_tracker), TRACKER_WAIT);
	CU_ASSERT_EQUAL(rig_status()->n_opened, 0);
	rig_settle();
	rig_take_events();
	CU_ASSERT_EQUAL(rig_n_told, 1);
	CU_ASSERT_EQUAL(rig_told[0].kind, SOCKETD_EVENT_OPENED);
	CU_ASSERT_EQUAL(rig_told[0].local_port, 0);
	CU_ASSERT_EQUAL(rig_told[0].peer_port, 443);
	/* No pass sees it, as there is no such socket: it is gone. */
	rig_run_pass(false);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, e.cookie), 1);
	CU_ASSERT_EQUAL(rig_n_told, 2);
	finish();
}

/* Who listens is told by the change itself, before any scan; and not where two processes may accept. */
static void test_listeners(void)
{
	struct end listener, one = {}, other;
	int fds[2];

	begin(AF_INET6);
	listener = look(rig_listener);
	tell(&listener, TCP_CLOSE, TCP_LISTEN, STRANGER);
	rig_open_pair(fds);
	one = look(fds[1]);
	tell_server(&one);
	rig_settle();
	rig_take_events();
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_OPENED, listener.cookie)->pid, STRANGER);
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_OPENED, one.cookie)->pid, STRANGER);
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_OPENED, one.cookie)->inode, 0);
	/* Another listener at the same place, of somebody else. */
	other = listener;
	other.cookie = 0x7ffffffe;
	other.inode = 0;
	tell(&other, TCP_CLOSE, TCP_LISTEN, STRANGER - 1);
	close_pair(fds);
	rig_open_pair(fds);
	one = look(fds[1]);
	tell_server(&one);
	rig_settle();
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, one.cookie), 1);
	CU_ASSERT_EQUAL(rig_find_told(SOCKETD_EVENT_OPENED, one.cookie)->pid, 0);
	close_pair(fds);
	finish();
}

/* Lost changes are said; the next pass finds what they were. */
static void test_lost(void)
{
	struct change_message m;
	struct end client, server;
	struct change c = {};
	int fds[2];

	begin(AF_INET);
	rig_run_pass(false);
	rig_open_pair(fds);
	client = look(fds[0]);
	server = look(fds[1]);
	tell_client(&client, STRANGER);
	tell_server(&server);
	rig_settle();
	/* FIN_WAIT1 and FIN_WAIT2 of the client, CLOSE_WAIT of the server. */
	CU_ASSERT_EQUAL(shutdown(fds[0], SHUT_WR), 0);
	for (unsigned int i = 0; i < 200 && rig_tcp_state_of(fds[0]) != TCP_FIN_WAIT2; i++)
		(void)poll(NULL, 0, 10);
	c = (struct change){ .cookie = 0x7ffffffd, .old_state = TCP_CLOSE, .new_state = TCP_SYN_SENT, .lost = 3, .protocol = IPPROTO_SCTP,
			     .local = (const struct sockaddr *)&client.local };
	change_build(&m, &c);
	CU_ASSERT_EQUAL(send(kernel, m.data, m.len, 0), (ssize_t)m.len);
	rig_settle();
	/* No longer than what was heard stands against a pass. */
	(void)poll(NULL, 0, (HEARD_ROW_TICKS + 1) * TRACK_TICK_USEC / 1000);
	rig_run_pass(false);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_status()->n_unheard, 3);
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OVERFLOW, 0), 1);
	CU_ASSERT_EQUAL(rig_entry_of(SOURCE_tcp4, fds[0])->state, TCP_FIN_WAIT2);
	CU_ASSERT_EQUAL(rig_entry_of(SOURCE_tcp4, fds[1])->state, TCP_CLOSE_WAIT);
	close_pair(fds);
	rig_settle_closings(2);
	rig_take_events();
	CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, 0), 2);
	finish();
}

/* The module goes, and nobody listens any more. */
static void test_goes(void)
{
	struct track_netns *own;

	begin(AF_INET);
	own = namespaces_at(&rig_tracker->namespaces, 0);
	rig_run_pass(false);
	CU_ASSERT_PTR_NOT_NULL(own->heard);
	close(steal_fd(&kernel));
	rig_settle();
	CU_ASSERT_PTR_NULL(own->heard);
	CU_ASSERT_EQUAL(rig_status()->n_netns_heard, 0);
	CU_ASSERT_EQUAL(rig_status()->heard_error, -ENOENT);
	hear();
	CU_ASSERT_EQUAL(rig_tracker->heard.n_open, 1);
	tracker_want_events(rig_tracker, false);
	CU_ASSERT_PTR_NULL(own->heard);
	CU_ASSERT_EQUAL(rig_tracker->heard.n_open, 0);
	CU_ASSERT_EQUAL(rig_status()->heard_error, -ENOTCONN);
	rig_run_pass(false);
	CU_ASSERT_PTR_NULL(own->heard);
	finish();
}

void suite_track_heard(void)
{
	CU_pSuite s = CU_add_suite("track/heard", NULL, NULL);

	CU_add_test(s, "short connections", test_short_connections);
	CU_add_test(s, "passes see them too", test_with_passes);
	CU_add_test(s, "closed and still open", test_stays_open);
	CU_add_test(s, "no answer", test_no_answer);
	CU_add_test(s, "who listens", test_listeners);
	CU_add_test(s, "changes that are lost", test_lost);
	CU_add_test(s, "the module goes", test_goes);
}
