/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Passes over real network namespaces: each socket in its own, those that come and go, what keeps one in view, what is dropped in one */

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "snapshot/reader.h"
#include "track/census.h"
#include "track/state.h"
#include "unit/netns.h"
#include "unit/suites.h"
#include "unit/track_rig.h"

/* The host has namespaces that are none of ours, and they change: all that is looked at is in those made here. */
static const struct tracker_limits limits = { .memory_max = 256 << 20, .events_max = 16 << 20, .namespaces_max = NETNS_MAX };

#define PORT 4711
#define N_TCP 3 /* of a room: listener, client, accepted */

enum { LISTENER, CLIENT, ACCEPTED, UDP, UNIX, N_SOCKETS };

/* A process that is alone in a namespace; it does what it is told. */
struct room {
	pid_t pid;
	int control; /* its end: orders one way, an answer of a byte the other */
	uint64_t ino;
	uint64_t cookies[N_SOCKETS];
};

/* What a room's process tells when it is ready. */
struct told {
	uint64_t ino, cookies[N_SOCKETS];
};

enum { ORDER_LEAVE = 'l', ORDER_CLOSE = 'c', ORDER_MANY = 'm', ORDER_CLOSE_MANY = 'n', ORDER_EMPTY = 'e', ORDER_TCP = 't' };
#define MANY 400

static int tcp_socket(bool listens)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Resets: no TIME-WAIT is left. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	if ((listens ? bind(fd, (void *)&in, sizeof(in)) : connect(fd, (void *)&in, sizeof(in))) < 0 || (listens && listen(fd, 8) < 0))
		_exit(3);
	return fd;
}

static int udp_socket(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (void *)&in, sizeof(in)) < 0)
		_exit(4);
	return fd;
}

static void open_sockets(int fds[static N_SOCKETS])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "\0socketd-room" };

	fds[LISTENER] = tcp_socket(true);
	fds[CLIENT] = tcp_socket(false);
	fds[ACCEPTED] = accept4(fds[LISTENER], NULL, NULL, SOCK_CLOEXEC);
	fds[UDP] = udp_socket(PORT);
	fds[UNIX] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fds[ACCEPTED] < 0 || bind(fds[UNIX], (void *)&un, sizeof(un)) < 0)
		_exit(5);
}

static uint64_t ino_here(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : st.st_ino;
}

static void obey(int control, int back, int fds[static N_SOCKETS])
{
	static int many[2 * MANY];
	char order;

	while (read(control, &order, 1) == 1) {
		if (order == ORDER_LEAVE && setns(back, CLONE_NEWNET) < 0)
			_exit(6);
		for (unsigned int i = 0; order == ORDER_EMPTY && i < N_SOCKETS; i++)
			close(fds[i]);
		if (order == ORDER_TCP)
			open_sockets(fds);
		/* Half of them now, for a pass to see; the others with the closings, which none sees. */
		for (unsigned int i = 0; order == ORDER_MANY && i < MANY; i++)
			many[i] = udp_socket(0);
		for (unsigned int i = MANY; order == ORDER_CLOSE_MANY && i < 2 * MANY; i++)
			many[i] = udp_socket(0);
		for (unsigned int i = 0; order == ORDER_CLOSE_MANY && i < 2 * MANY; i++)
			close(many[i]);
		if (order == ORDER_CLOSE)
			_exit(0);
		if (write(control, "", 1) != 1)
			_exit(7);
	}
	_exit(0);
}

static struct room room_open(void)
{
	struct told told = {};
	struct room room;
	int pair[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	room.pid = fork();
	CU_ASSERT_TRUE_FATAL(room.pid >= 0);
	if (room.pid == 0) {
		int fds[N_SOCKETS], back;

		/* What the parent has open would keep its other rooms. */
		(void)dup2(pair[1], 3);
		(void)close_range(4, UINT32_MAX, 0);
		back = netns_enter();
		if (back < 0)
			_exit(2);
		open_sockets(fds);
		told.ino = ino_here();
		for (unsigned int i = 0; i < N_SOCKETS; i++)
			told.cookies[i] = rig_cookie_of(fds[i]);
		if (write(3, &told, sizeof(told)) != sizeof(told))
			_exit(2);
		obey(3, back, fds);
	}
	close(pair[1]);
	CU_ASSERT_EQUAL_FATAL(read(pair[0], &told, sizeof(told)), sizeof(told));
	room.control = pair[0];
	room.ino = told.ino;
	memcpy(room.cookies, told.cookies, sizeof(room.cookies));
	return room;
}

static void room_order(const struct room *room, char order)
{
	CU_ASSERT_EQUAL_FATAL(write(room->control, &order, 1), 1);
	if (order != ORDER_CLOSE)
		CU_ASSERT_EQUAL_FATAL(read(room->control, &order, 1), 1);
}

static void room_close(struct room *room)
{
	int status;

	room_order(room, ORDER_CLOSE);
	CU_ASSERT_EQUAL(waitpid(room->pid, &status, 0), room->pid);
	CU_ASSERT_EQUAL(status, 0);
	close(room->control);
}

/* What was said of namespaces. */
static uint64_t added[NETNS_MAX], removed[NETNS_MAX];
static unsigned int n_added, n_removed;

static void on_netns(void *ctx, const struct netns *ns, bool is_added)
{
	(void)ctx;
	if (is_added && n_added < NETNS_MAX)
		added[n_added++] = ns->ino;
	else if (!is_added && n_removed < NETNS_MAX)
		removed[n_removed++] = ns->ino;
}

static unsigned int count_in(const uint64_t *list, unsigned int n, uint64_t ino)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++)
		found += list[i] == ino;
	return found;
}

static void begin(bool events)
{
	rig_begin(false);
	tracker_set_limits(rig_tracker, &limits);
	tracker_on_netns(rig_tracker, on_netns, NULL);
	tracker_want_events(rig_tracker, events);
	rig_tracker->pass.retry[SOURCE_netlink] = 0;
	n_added = n_removed = 0;
}

/* Discovery is not made more often than its cost allows: here each pass has one. */
static void run_pass(void)
{
	rig_tracker->namespaces.next_discovery_usec = 0;
	rig_run_pass(false);
}

static const struct track_entry *entry_of(uint64_t cookie)
{
	static const uint8_t sources[] = { SOURCE_tcp4, SOURCE_udp4, SOURCE_unix };

	for (unsigned int i = 0; i < ARRAY_SIZE(sources); i++) {
		const struct track_entry *e = track_table_find(tracker_table(rig_tracker), sources[i], cookie, 0);

		if (e)
			return e;
	}
	return NULL;
}

/* All its sockets are there, in its namespace and once. */
static void check_room(const struct room *room)
{
	unsigned int n_tcp = 0, n_udp = 0;
	const struct track_entry *e;
	size_t cursor = 0;

	for (unsigned int i = 0; i < N_SOCKETS; i++) {
		e = entry_of(room->cookies[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(track_table_netns(tracker_table(rig_tracker), e), room->ino);
		CU_ASSERT_EQUAL(e->owner_pid, (uint32_t)room->pid);
	}
	while ((e = track_table_next(tracker_table(rig_tracker), &cursor))) {
		if (track_table_netns(tracker_table(rig_tracker), e) != room->ino)
			continue;
		n_tcp += e->source == SOURCE_tcp4;
		n_udp += e->source == SOURCE_udp4;
	}
	CU_ASSERT_EQUAL(n_tcp, N_TCP);
	CU_ASSERT_EQUAL(n_udp, 1);
}

static void check_room_gone(const struct room *room)
{
	for (unsigned int i = 0; i < N_SOCKETS; i++)
		CU_ASSERT_PTR_NULL(entry_of(room->cookies[i]));
	CU_ASSERT_PTR_NULL(namespaces_find(&rig_tracker->namespaces, room->ino));
	CU_ASSERT_EQUAL(count_in(removed, n_removed, room->ino), 1);
}

/* Until it is let go of: owners are looked for behind a pass, and what is gone is seen by the next. */
static void await_gone(const struct room *room)
{
	for (unsigned int i = 0; i < 20 && namespaces_find(&rig_tracker->namespaces, room->ino); i++)
		run_pass();
}

static unsigned int n_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Ten with the same addresses and ports. */
static void test_ten(void)
{
	struct tracker_netns ns;
	struct room rooms[10];
	unsigned int before, cursor = 0, n_found = 0;

	begin(false);
	run_pass();
	before = n_descriptors();
	for (unsigned int i = 0; i < ARRAY_SIZE(rooms); i++)
		rooms[i] = room_open();
	run_pass();
	for (unsigned int i = 0; i < ARRAY_SIZE(rooms); i++) {
		check_room(&rooms[i]);
		CU_ASSERT_EQUAL(count_in(added, n_added, rooms[i].ino), 1);
	}
	while (tracker_netns_next(rig_tracker, &cursor, &ns))
		for (unsigned int i = 0; i < ARRAY_SIZE(rooms); i++) {
			if (ns.id->ino != rooms[i].ino)
				continue;
			n_found++;
			CU_ASSERT_EQUAL(ns.error, 0);
			CU_ASSERT_TRUE(ns.n_sockets >= N_SOCKETS);
		}
	CU_ASSERT_EQUAL(n_found, ARRAY_SIZE(rooms));
	CU_ASSERT_TRUE(rig_status()->n_netns > ARRAY_SIZE(rooms));
	CU_ASSERT_EQUAL(rig_status()->netns_error, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(rooms); i++)
		room_close(&rooms[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(rooms); i++) {
		await_gone(&rooms[i]);
		check_room_gone(&rooms[i]);
	}
	/* Others' namespaces come and go meanwhile: four descriptors each. */
	CU_ASSERT_TRUE(n_descriptors() <= before + 4 * (n_added - ARRAY_SIZE(rooms)));
	rig_finish();
}

/* Two vanish and two come while a pass is under way, at each point of it. */
static void test_come_and_go_in_a_pass(void)
{
	struct room rooms[6];
	unsigned int n_steps = 0;

	begin(false);
	for (unsigned int i = 0; i < 4; i++)
		rooms[i] = room_open();
	run_pass();
	for (unsigned int stop = 1; stop < 40; stop += 7) {
		rig_tracker->namespaces.next_discovery_usec = 0;
		CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(rig_tracker, false), 0);
		for (unsigned int i = 0; i < stop && rig_tracker->pass.phase != PASS_NONE; i++, n_steps++)
			CU_ASSERT_TRUE_FATAL(tracker_step(rig_tracker) >= 0);
		rooms[4] = room_open();
		rooms[5] = room_open();
		room_close(&rooms[0]);
		room_close(&rooms[1]);
		rig_settle();
		run_pass();
		for (unsigned int i = 2; i < 6; i++)
			check_room(&rooms[i]);
		for (unsigned int i = 0; i < 2; i++) {
			await_gone(&rooms[i]);
			/* The number of one that is let go of may be another's by now. */
			if (!namespaces_find(&rig_tracker->namespaces, rooms[i].ino))
				check_room_gone(&rooms[i]);
		}
		n_removed = 0;
		memmove(&rooms[0], &rooms[2], 4 * sizeof(rooms[0]));
	}
	CU_ASSERT_TRUE(n_steps > 20);
	for (unsigned int i = 0; i < 4; i++)
		room_close(&rooms[i]);
	rig_finish();
}

static unsigned int count_tcp(uint64_t ino)
{
	const struct track_entry *e;
	unsigned int n = 0;
	size_t cursor = 0;

	while ((e = track_table_next(tracker_table(rig_tracker), &cursor)))
		n += e->source == SOURCE_tcp4 && track_table_netns(tracker_table(rig_tracker), e) == ino;
	return n;
}

/* Where there is no TCP socket the kernel's table is not walked over; where there is one again it is seen at once. */
static void test_empty(void)
{
	const struct track_netns *ns;
	struct room room;

	begin(false);
	room = room_open();
	run_pass();
	CU_ASSERT_EQUAL(count_tcp(room.ino), N_TCP);
	room_order(&room, ORDER_EMPTY);
	for (unsigned int i = 0; i < 3; i++)
		run_pass();
	CU_ASSERT_EQUAL(count_tcp(room.ino), 0);
	ns = namespaces_find(&rig_tracker->namespaces, room.ino);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ns);
	/* Not in a pass that looks anyhow. */
	while ((rig_status()->generation + ns->slot) % CENSUS_PASSES == 0)
		run_pass();
	CU_ASSERT_FALSE(census_has_tcp(rig_tracker, ns));
	CU_ASSERT_FALSE(census_has_mptcp(rig_tracker, ns, false));
	CU_ASSERT_TRUE(census_has_mptcp(rig_tracker, ns, true));
	room_order(&room, ORDER_TCP);
	run_pass();
	CU_ASSERT_EQUAL(count_tcp(room.ino), N_TCP);
	CU_ASSERT_TRUE(census_has_tcp(rig_tracker, ns));
	room_close(&room);
	rig_finish();
}

/* The only process leaves and keeps its sockets: discovery has nothing to go by. */
static void test_kept_by_sockets(void)
{
	struct room room;

	begin(false);
	room = room_open();
	run_pass();
	check_room(&room);
	room_order(&room, ORDER_LEAVE);
	for (unsigned int i = 0; i < 4; i++)
		run_pass();
	check_room(&room);
	CU_ASSERT_FALSE(namespaces_find(&rig_tracker->namespaces, room.ino)->found);
	CU_ASSERT_EQUAL(count_in(removed, n_removed, room.ino), 0);
	room_close(&room);
	await_gone(&room);
	check_room_gone(&room);
	rig_finish();
}

/* The blocks of news of one namespace; where NETNS stands among them, 0 for nowhere. */
static unsigned int take_news(uint64_t ino)
{
	unsigned int n = 0, at = 0;
	struct reader reader;
	struct block b;

	reader_init(&reader, arena_input(tracker_news(rig_tracker)));
	reader.header_seen = true;
	while (reader_next(&reader, &b) > 0) {
		const struct nlattr *a = (const void *)b.payload;

		n++;
		if (b.type == SOCKETD_BLOCK_NETNS && a->nla_type == SOCKETD_NETNS_INO && memcmp(a + 1, &ino, sizeof(ino)) == 0)
			at = n;
	}
	return at;
}

/* Of the sockets that we listen with nobody is told. */
static void check_silence(const struct room *room)
{
	const struct track_netns *ns = namespaces_find(&rig_tracker->namespaces, room->ino);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ns);
	for (unsigned int i = 0; i < rig_n_told; i++) {
		CU_ASSERT_FALSE(rig_told[i].inode != 0 && namespaces_is_ours(ns, rig_told[i].inode));
		CU_ASSERT_FALSE(rig_told[i].pid == (uint32_t)getpid() && rig_told[i].netns == room->ino);
	}
}

/* One that came since the last pass is told before what opened in it, and each event says where. */
static void test_events(void)
{
	struct room room;

	begin(true);
	run_pass();
	take_news(0);
	rig_take_events();
	room = room_open();
	run_pass();
	CU_ASSERT_TRUE(take_news(room.ino) > 0);
	rig_take_events();
	check_silence(&room);
	for (unsigned int i = 0; i < N_SOCKETS; i++) {
		const struct rig_told *told = rig_find_told(SOCKETD_EVENT_OPENED, room.cookies[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(told);
		CU_ASSERT_EQUAL(told->netns, room.ino);
		CU_ASSERT_EQUAL(told->pid, (uint32_t)room.pid);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_OPENED, room.cookies[i]), 1);
	}
	room_close(&room);
	await_gone(&room);
	rig_take_events();
	for (unsigned int i = 0; i < N_SOCKETS; i++) {
		const struct rig_told *told = rig_find_told(SOCKETD_EVENT_CLOSED, room.cookies[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(told);
		CU_ASSERT_EQUAL(told->netns, room.ino);
		CU_ASSERT_EQUAL(rig_count_told(SOCKETD_EVENT_CLOSED, room.cookies[i]), 1);
	}
	rig_finish();
}

/* In one namespace the kernel drops notices: the sum is right. */
static void test_dropped_in_one(void)
{
	unsigned int n_closed = 0;
	struct track_netns *ns;
	struct room room;

	begin(true);
	room = room_open();
	run_pass();
	room_order(&room, ORDER_MANY);
	run_pass();
	ns = namespaces_find(&rig_tracker->namespaces, room.ino);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ns);
	CU_ASSERT_EQUAL(setsockopt(ns->destroy.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 8192 }, sizeof(int)), 0);
	room_order(&room, ORDER_CLOSE_MANY);
	/* The kernel tells from a work queue. */
	(void)poll(NULL, 0, 500);
	for (unsigned int i = 0; i < 4; i++)
		run_pass();
	CU_ASSERT_TRUE(ns->destroy.n_lost > MANY);
	rig_take_events();
	for (unsigned int i = 0; i < rig_n_told; i++)
		n_closed += rig_told[i].kind == SOCKETD_EVENT_CLOSED && rig_told[i].netns == room.ino && rig_told[i].source == SOURCE_udp4;
	CU_ASSERT_TRUE(n_closed >= MANY);
	CU_ASSERT_EQUAL(n_closed + rig_status()->n_lost / 2, 2 * MANY);
	room_close(&room);
	rig_finish();
}

static int set_effective(uint32_t cap, bool on)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	data[CAP_TO_INDEX(cap)].effective = on ? data[CAP_TO_INDEX(cap)].effective | CAP_TO_MASK(cap) :
						 data[CAP_TO_INDEX(cap)].effective & ~CAP_TO_MASK(cap);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* Without the right, and without the helper: our own, and it is said why. */
static void test_not_allowed(void)
{
	struct room room;

	if (access("/run/socketd-netns", F_OK) == 0)
		return;
	begin(false);
	room = room_open();
	CU_ASSERT_EQUAL_FATAL(set_effective(CAP_SYS_ADMIN, false), 0);
	run_pass();
	CU_ASSERT_EQUAL(rig_status()->n_netns, 1);
	CU_ASSERT_TRUE(rig_status()->n_netns_hidden >= 1);
	CU_ASSERT_EQUAL(rig_status()->netns_error, -EHOSTDOWN);
	CU_ASSERT_EQUAL(set_effective(CAP_SYS_ADMIN, true), 0);
	run_pass();
	CU_ASSERT_EQUAL(rig_status()->netns_error, 0);
	check_room(&room);
	room_close(&room);
	rig_finish();
}

/* One more than may be is counted; with none at all those that are tracked are let go of. */
static void test_bounds(void)
{
	struct tracker_limits few = limits;
	struct room rooms[2];

	begin(false);
	rooms[0] = room_open();
	rooms[1] = room_open();
	few.namespaces_max = 1;
	tracker_set_limits(rig_tracker, &few);
	run_pass();
	CU_ASSERT_EQUAL(rig_status()->n_netns, 2);
	CU_ASSERT_TRUE(rig_status()->n_netns_hidden >= 1);
	tracker_set_limits(rig_tracker, &limits);
	run_pass();
	check_room(&rooms[0]);
	check_room(&rooms[1]);
	few.namespaces_max = 0;
	tracker_set_limits(rig_tracker, &few);
	run_pass();
	CU_ASSERT_EQUAL(rig_status()->n_netns, 1);
	CU_ASSERT_EQUAL(rig_status()->n_netns_hidden, 0);
	CU_ASSERT_PTR_NULL(entry_of(rooms[0].cookies[LISTENER]));
	room_close(&rooms[0]);
	room_close(&rooms[1]);
	rig_finish();
}

/* A place in the table costs what it did before it knew namespaces. */
static void test_size(void)
{
	struct track_entry e = { .source = SOURCE_COUNT - 1, .state = 27, .type = 10, .missed = 1, .netns = NETNS_MAX };

	CU_ASSERT_EQUAL(sizeof(struct track_entry), 104);
	CU_ASSERT_EQUAL(e.source, SOURCE_COUNT - 1);
	CU_ASSERT_EQUAL(e.state, 27);
	CU_ASSERT_EQUAL(e.type, 10);
	CU_ASSERT_EQUAL(e.netns, NETNS_MAX);
}

void suite_track_namespaces(void)
{
	CU_pSuite s = CU_add_suite("track: network namespaces", NULL, NULL);

	CU_add_test(s, "ten with the same addresses", test_ten);
	CU_add_test(s, "two vanish and two appear in a pass", test_come_and_go_in_a_pass);
	CU_add_test(s, "without TCP sockets", test_empty);
	CU_add_test(s, "kept in view by sockets", test_kept_by_sockets);
	CU_add_test(s, "events", test_events);
	CU_add_test(s, "notices dropped in one", test_dropped_in_one);
	CU_add_test(s, "not allowed", test_not_allowed);
	CU_add_test(s, "bounds", test_bounds);
	CU_add_test(s, "size of an entry", test_size);
}
