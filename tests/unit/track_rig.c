/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker in a namespace of its own, sockets to watch, and what it told of them */

#include "unit/track_rig.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>

#include "source/destroy.h"
#include "track/state.h"
#include "unit/netns.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

struct tracker *rig_tracker;
int rig_listener = -1;
struct rig_told rig_told[RIG_EVENTS_MAX];
unsigned int rig_n_told;
const struct tracker_limits rig_limits = { .memory_max = 64 << 20, .events_max = 16 << 20 };

static int back = -1; /* the namespace that we came from */

const struct tracker_status *rig_status(void)
{
	return tracker_status(rig_tracker);
}

struct destroy *rig_destroy(void)
{
	return &namespaces_at(&rig_tracker->namespaces, 0)->destroy;
}

/* Until nothing is under way: passes, scans and events that wait. */
void rig_settle(void)
{
	int r;

	while ((r = tracker_step(rig_tracker)) > 0) {
		struct pollfd p = { .fd = tracker_fd(rig_tracker), .events = POLLIN };

		uint64_t usec = tracker_timeout_usec(rig_tracker);

		if (r == TRACKER_WAIT)
			CU_ASSERT_TRUE_FATAL(usec <= 30000000 && poll(&p, 1, (int)(usec / 1000) + 1) >= 0);
	}
	CU_ASSERT_EQUAL_FATAL(r, TRACKER_IDLE);
}

/* What the kernel tells of its own accord comes a moment after the close (a work queue). */
void rig_settle_closings(uint64_t n_closed)
{
	struct pollfd p = { .fd = tracker_fd(rig_tracker), .events = POLLIN };

	for (unsigned int i = 0; i < 50 && rig_status()->n_closed < n_closed;) {
		i += poll(&p, 1, 20) == 0;
		rig_settle();
	}
}

void rig_run_pass(bool counters)
{
	uint64_t generation = rig_status()->generation;

	CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(rig_tracker, counters), 0);
	CU_ASSERT_EQUAL(tracker_begin_pass(rig_tracker, counters), -EBUSY);
	rig_settle();
	CU_ASSERT_EQUAL(rig_status()->generation, generation + 1);
}

uint64_t rig_cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	CU_ASSERT_EQUAL(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

uint32_t rig_inode_of(int fd)
{
	struct stat st = {};

	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

uint8_t rig_tcp_state_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	CU_ASSERT_EQUAL(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_state;
}

struct track_entry *rig_entry_of(uint8_t source, int fd)
{
	return track_table_find(tracker_table(rig_tracker), source, rig_cookie_of(fd), 0);
}

void rig_open_listener(int family)
{
	struct sockaddr_in6 in6 = { .sin6_family = family, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = family, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	rig_listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(family == AF_INET ? bind(rig_listener, (void *)&in, sizeof(in)) : bind(rig_listener, (void *)&in6, sizeof(in6)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(rig_listener, 512), 0);
}

int rig_open_client(void)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd;

	CU_ASSERT_EQUAL_FATAL(getsockname(rig_listener, (void *)&address, &len), 0);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (void *)&address, len), 0);
	return fd;
}

int rig_accept_one(void)
{
	int fd = accept4(rig_listener, NULL, NULL, SOCK_CLOEXEC);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	return fd;
}

void rig_open_pair(int fds[2])
{
	fds[0] = rig_open_client();
	fds[1] = rig_accept_one();
}

/* An attribute's number, whatever its width. */
static uint64_t number(const struct nlattr *a)
{
	uint64_t v = 0;

	memcpy(&v, a + 1, a->nla_len - sizeof(*a) < sizeof(v) ? a->nla_len - sizeof(*a) : sizeof(v));
	return v;
}

static void take_event(const uint8_t *p, size_t len)
{
	CU_ASSERT_TRUE_FATAL(rig_n_told < RIG_EVENTS_MAX);
	rig_told[rig_n_told] = (struct rig_told){};
	for (size_t i = 0; i < len;) {
		const struct nlattr *a = (const void *)(p + i);

		if (a->nla_type == SOCKETD_EVENT_KIND)
			rig_told[rig_n_told].kind = (uint32_t)number(a);
		else if (a->nla_type == SOCKETD_EVENT_OLD_STATE)
			rig_told[rig_n_told].old_state = (uint32_t)number(a);
		else if (a->nla_type == SOCKETD_EVENT_LOST)
			rig_told[rig_n_told].lost = number(a);
		else if (a->nla_type == SOCKETD_EVENT_GENERATION)
			rig_told[rig_n_told].generation = number(a);
		i += NLA_ALIGN(a->nla_len);
	}
	rig_n_told++;
}

static void take_message(struct rig_told *e, const uint8_t *p)
{
	const struct socketd_messages *head = (const void *)p;
	const struct nlmsghdr *h = (const void *)(head + 1);
	const struct inet_diag_msg *inet = NLMSG_DATA(h);
	const struct unix_diag_msg *un = NLMSG_DATA(h);

	e->source = (uint8_t)head->source;
	e->netns = head->netns;
	if (head->source == SOURCE_unix) {
		e->cookie = (uint64_t)un->udiag_cookie[1] << 32 | un->udiag_cookie[0];
		e->inode = un->udiag_ino;
		e->state = un->udiag_state;
	} else if (head->source <= SOURCE_mptcp6) {
		e->cookie = (uint64_t)inet->id.idiag_cookie[1] << 32 | inet->id.idiag_cookie[0];
		e->inode = inet->idiag_inode;
		e->state = inet->idiag_state;
		e->local_port = ntohs(inet->id.idiag_sport);
		e->peer_port = ntohs(inet->id.idiag_dport);
		e->uid = inet->idiag_uid;
	}
}

/*
 * A namespace is entered with a socket that is closed again, and the kernel
 * tells of that in its own time. When it tells of a later one, that is over.
 */
static void await_silence(void)
{
	struct rig_told e = {};
	struct arena arena;
	struct destroy d;
	uint64_t lost, cookie;
	const uint8_t *data;
	int fd;

	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(destroy_open(&d), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cookie = rig_cookie_of(fd);
	close(fd);
	while (e.cookie != cookie) {
		struct pollfd p = { .fd = d.fd, .events = POLLIN };

		CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
		if (destroy_receive(&d, &arena, &lost) < 0)
			continue;
		(void)arena_peek(&arena, &data);
		take_message(&e, data + sizeof(struct socketd_block));
		arena_consume(&arena, arena_pending(&arena));
	}
	destroy_close(&d);
	arena_deinit(&arena);
}

void rig_begin(bool events)
{
	back = netns_enter();
	CU_ASSERT_TRUE_FATAL(back >= 0);
	await_silence();
	CU_ASSERT_EQUAL_FATAL(tracker_new(&rig_tracker, &rig_limits), 0);
	tracker_want_events(rig_tracker, events);
	/* Whoever reads all namespaces of this host opens netlink sockets in ours: they are left alone here. */
	rig_tracker->pass.retry[SOURCE_netlink] = UINT64_MAX;
	rig_n_told = 0;
}

void rig_finish(void)
{
	rig_tracker = tracker_free(rig_tracker);
	if (rig_listener >= 0)
		close(steal_fd(&rig_listener));
	netns_leave(steal_fd(&back));
}

void rig_take_events(void)
{
	struct arena *a = tracker_events(rig_tracker);
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(a, &data)) > 0) {
		for (size_t i = 0; i < len;) {
			const struct socketd_block *b = (const void *)(data + i);
			const uint8_t *p = (const uint8_t *)(b + 1);
			struct rig_told *last = rig_n_told > 0 ? &rig_told[rig_n_told - 1] : NULL;

			if (b->type == SOCKETD_BLOCK_EVENT) {
				take_event(p, b->length);
			} else if (b->type == SOCKETD_BLOCK_OWNERS) {
				last->pid = ((const struct socketd_owner *)p)->pid;
				last->fd = ((const struct socketd_owner *)p)->fd;
			} else if (b->type == SOCKETD_BLOCK_TRACKS) {
				CU_ASSERT_EQUAL(b->length, sizeof(last->track));
				memcpy(&last->track, p, sizeof(last->track));
			} else if (b->type == SOCKETD_BLOCK_MESSAGES) {
				take_message(last, p);
			} else if (b->type == SOCKETD_BLOCK_LINES) {
				last->source = (uint8_t)((const struct socketd_messages *)p)->source;
			} else {
				CU_ASSERT_EQUAL(b->type, SOCKETD_BLOCK_PROCESS);
			}
			i += sizeof(*b) + ((b->length + 7) & ~7u);
		}
		arena_consume(a, len);
	}
}

const struct rig_told *rig_find_told(uint32_t kind, uint64_t cookie)
{
	for (unsigned int i = 0; i < rig_n_told; i++)
		if (rig_told[i].kind == kind && rig_told[i].cookie == cookie)
			return &rig_told[i];
	return NULL;
}

unsigned int rig_count_told(uint32_t kind, uint64_t cookie)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < rig_n_told; i++)
		n += rig_told[i].kind == kind && (cookie == 0 || rig_told[i].cookie == cookie);
	return n;
}

/* A socket of the table against what getsockopt and fstat say. */
void rig_check_entry(uint8_t source, int fd, uint8_t state)
{
	const struct track_entry *e = rig_entry_of(source, fd);

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->state, state);
	CU_ASSERT_EQUAL(e->inode, rig_inode_of(fd));
	CU_ASSERT_EQUAL(e->uid, geteuid());
	CU_ASSERT_PTR_EQUAL(track_table_find_inode(tracker_table(rig_tracker), rig_inode_of(fd)), e);
	CU_ASSERT_EQUAL(e->owner_pid, (uint32_t)getpid());
	CU_ASSERT_FALSE(e->flags & TRACK_OWNER_SOUGHT);
}
