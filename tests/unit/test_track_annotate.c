/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real readings with what a real tracker remembers: ages, owners, and the wait for a scan */

#include "track/annotate.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "snapshot/messages.h"
#include "snapshot/writer.h"
#include "socketd/uapi.h"
#include "source/acquire.h"
#include "track/sight.h"
#include "unit/suites.h"

static const struct tracker_limits limits = { .memory_max = 256u << 20, .events_max = 1u << 20 };

/* Steps until nothing is under way. */
static void run(struct tracker *t)
{
	int r;

	while ((r = tracker_step(t)) != TRACKER_IDLE) {
		uint64_t usec = tracker_timeout_usec(t);

		CU_ASSERT_TRUE_FATAL(r >= 0);
		if (r == TRACKER_WAIT)
			poll(&(struct pollfd){ .fd = tracker_fd(t), .events = POLLIN }, 1, usec < 1000000 ? (int)(usec / 1000) + 1 : 1000);
	}
}

static void pass(struct tracker *t)
{
	CU_ASSERT_EQUAL_FATAL(tracker_begin_pass(t, true), 0);
	run(t);
}

static void pass_and_scan(struct tracker *t)
{
	pass(t);
	CU_ASSERT_EQUAL_FATAL(tracker_begin_scan(t), 0);
	run(t);
}

static int udp_socket(uint16_t *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&in, len), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* A reading of these sources, whole, in an arena. */
static void take(uint64_t sources, struct arena *ret)
{
	CLEANUP(acquire_free) struct acquire *a = NULL;
	struct request req;
	int r;

	arena_init(ret);
	request_init(&req, 0);
	for (unsigned id = 0; id < SOURCE_COUNT; id++)
		req.sources[id].wanted = (sources & SOURCE_BIT(id)) != 0;
	CU_ASSERT_EQUAL_FATAL(acquire_new(&a, &req, ret, NULL), 0);
	request_deinit(&req);
	while ((r = acquire_step(a)) != ACQUIRE_DONE) {
		CU_ASSERT_TRUE_FATAL(r >= 0);
		if (r == ACQUIRE_WAIT)
			poll(&(struct pollfd){ .fd = acquire_fd(a), .events = POLLIN }, 1, 1000);
	}
}

/* Steps to the end; the tracker runs while the stage waits. How often it did. */
static unsigned move_all(struct annotate *a, struct tracker *t, struct arena *in, struct arena *out)
{
	unsigned waits = 0;
	int r;

	while ((r = annotate_step(a, in, out)) != 0) {
		CU_ASSERT_TRUE_FATAL(r == 1 || r == -EAGAIN);
		if (r == -EAGAIN) {
			waits++;
			CU_ASSERT_EQUAL(annotate_step(a, in, out), -EAGAIN);
			run(t);
		}
	}
	CU_ASSERT_EQUAL(arena_pending(in), 0);
	return waits;
}

/* What a reader of the stream sees of one port. */
struct found {
	uint16_t port;
	bool found, has_track;
	struct socketd_track track;
	uint64_t inode;
	uint32_t pid, fd;
	unsigned n_owners;
	char comm[32];
	bool owners_known;
	int owners_error;
};

static void look_at(const struct message *m, const struct context *c, struct found *f)
{
	const struct process *p = NULL;
	struct sight s;
	uint32_t pid, fd;

	if (sight_read(m, &s) < 0 || s.local_port != f->port)
		return;
	f->found = true;
	f->has_track = m->track != NULL;
	if (m->track)
		f->track = *m->track;
	f->inode = s.inode;
	for (f->n_owners = 0; context_owner(c, s.inode, f->n_owners, &p, &pid, &fd); f->n_owners++) {
		if (f->n_owners > 0)
			continue;
		f->pid = pid;
		f->fd = fd;
		if (p && p->comm_len < sizeof(f->comm))
			memcpy(f->comm, p->comm, p->comm_len);
	}
}

static void look_up(struct arena *arena, struct found *found, size_t n)
{
	CLEANUP(context_free) struct context *c = NULL;
	struct messages messages;
	struct reader reader;
	struct message m;
	uint32_t hidden;
	int r;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&reader, arena_input(arena));
	messages_init(&messages, &reader, c);
	while ((r = messages_next(&messages, &m)) > 0)
		for (size_t i = 0; i < n; i++)
			look_at(&m, c, &found[i]);
	CU_ASSERT_EQUAL(r, 0);
	for (size_t i = 0; i < n; i++)
		found[i].owners_known = context_owners_known(c, &found[i].owners_error, &hidden);
}

static void annotated(struct tracker *t, bool tracks, bool owners, uint64_t sources, struct found *found, size_t n,
		      unsigned *ret_waits)
{
	CLEANUP(annotate_free) struct annotate *a = NULL;
	CLEANUP(arena_deinit) struct arena in, out;

	arena_init(&out);
	take(sources, &in);
	CU_ASSERT_EQUAL_FATAL(annotate_new(&a, t, tracks, owners), 0);
	*ret_waits = move_all(a, t, &in, &out);
	look_up(&out, found, n);
}

static void test_tracks(void)
{
	CLEANUP(tracker_free) struct tracker *t = NULL;
	struct found f[3] = {};
	unsigned waits;
	int fds[3];

	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	fds[0] = udp_socket(&f[0].port);
	/* Without a pass nothing is known. */
	annotated(t, true, false, SOURCE_BIT(SOURCE_udp4), f, 1, &waits);
	CU_ASSERT_TRUE(f[0].found && f[0].has_track);
	CU_ASSERT_EQUAL(f[0].track.flags, 0);
	pass(t);
	fds[1] = udp_socket(&f[1].port);
	pass(t);
	usleep(250000);
	fds[2] = udp_socket(&f[2].port);
	annotated(t, true, false, SOURCE_BIT(SOURCE_udp4) | SOURCE_BIT(SOURCE_tcp4) | SOURCE_BIT(SOURCE_unix), f, 3, &waits);
	CU_ASSERT_EQUAL(waits, 0);
	CU_ASSERT_TRUE(f[0].has_track && f[1].has_track && f[2].has_track);
	CU_ASSERT_EQUAL(f[0].track.flags,
			SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_AGE_AT_LEAST | SOCKETD_TRACK_STATE_AGE_AT_LEAST);
	CU_ASSERT_EQUAL(f[1].track.flags, SOCKETD_TRACK_KNOWN);
	CU_ASSERT_TRUE(f[1].track.age >= 100000 && f[1].track.age < 60000000);
	CU_ASSERT_EQUAL(f[2].track.flags, SOCKETD_TRACK_KNOWN);
	CU_ASSERT_EQUAL(f[2].track.age, 0);
	CU_ASSERT_FALSE(f[0].owners_known);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

/* The pass does not read /proc where the kernel has diag: of its rows nothing is remembered, and none is called new. */
static void test_lines(void)
{
	CLEANUP(tracker_free) struct tracker *t = NULL;
	struct found f = {};
	unsigned waits;
	int fd = udp_socket(&f.port);

	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	pass(t);
	annotated(t, true, false, SOURCE_BIT(SOURCE_proc_udp), &f, 1, &waits);
	CU_ASSERT_TRUE(f.found && f.has_track);
	CU_ASSERT_EQUAL(f.track.flags, 0);
	close(fd);
}

/* A process of another name with a socket at descriptor 40. */
static pid_t other_process(uint16_t *ret_port)
{
	int ready[2];
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		uint16_t port;
		int fd = udp_socket(&port);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "other \xff");
		if (dup2(fd, 40) < 0 || close(fd) < 0 || write(ready[1], &port, sizeof(port)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL_FATAL(read(ready[0], ret_port, sizeof(*ret_port)), sizeof(*ret_port));
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_owners(void)
{
	CLEANUP(tracker_free) struct tracker *t = NULL;
	struct found f[3] = {};
	uint64_t n_scans;
	unsigned waits;
	pid_t pid = other_process(&f[0].port);
	int fds[2], other;

	fds[0] = udp_socket(&f[1].port);
	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	pass_and_scan(t);
	n_scans = tracker_status(t)->n_scans;
	annotated(t, true, true, SOURCE_BIT(SOURCE_udp4), f, 2, &waits);
	CU_ASSERT_EQUAL(waits, 0);
	CU_ASSERT_EQUAL(tracker_status(t)->n_scans, n_scans);
	CU_ASSERT_EQUAL(f[0].pid, (uint32_t)pid);
	CU_ASSERT_EQUAL(f[0].fd, 40);
	CU_ASSERT_EQUAL(f[0].n_owners, 1);
	CU_ASSERT_STRING_EQUAL(f[0].comm, "other \xff");
	CU_ASSERT_EQUAL(f[1].pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(f[1].fd, (uint32_t)fds[0]);
	CU_ASSERT_EQUAL(f[1].inode, inode_of(fds[0]));
	CU_ASSERT_TRUE(f[0].has_track);
	CU_ASSERT_TRUE(f[0].owners_known);
	CU_ASSERT_EQUAL(f[0].owners_error, 0);

	/* A socket that is newer than the scan is waited for, once. */
	fds[1] = udp_socket(&f[2].port);
	annotated(t, false, true, SOURCE_BIT(SOURCE_udp4) | SOURCE_BIT(SOURCE_unix), f, 3, &waits);
	CU_ASSERT_EQUAL(waits, 1);
	CU_ASSERT_EQUAL(tracker_status(t)->n_scans, n_scans + 1);
	CU_ASSERT_EQUAL(f[2].pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(f[2].fd, (uint32_t)fds[1]);
	CU_ASSERT_FALSE(f[2].has_track);

	/* One that is at another descriptor now is not told where it was. */
	other = fcntl(fds[0], F_DUPFD_CLOEXEC, 300);
	close(fds[0]);
	annotated(t, false, true, SOURCE_BIT(SOURCE_udp4), f, 2, &waits);
	CU_ASSERT_EQUAL(waits, 1);
	CU_ASSERT_EQUAL(f[1].fd, (uint32_t)other);
	CU_ASSERT_EQUAL(f[1].n_owners, 1);
	close(other);
	close(fds[1]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static unsigned count_processes(struct arena *arena, uint32_t pid)
{
	struct reader reader;
	struct block b;
	unsigned n = 0;

	reader_init(&reader, arena_input(arena));
	while (reader_next(&reader, &b) > 0) {
		uint32_t first;

		if (b.type != SOCKETD_BLOCK_PROCESS)
			continue;
		memcpy(&first, b.payload + 4, sizeof(first)); /* PID is written first */
		n += first == pid;
	}
	return n;
}

/* Of a family that no pass sees: only the kernel module tells of it. */
static void test_module(void)
{
	struct { struct socketd_messages head; struct nlmsghdr h; struct socketd_message m; } row = {
		.head = { .source = SOURCE_module },
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof(row.m)) },
		.m = { .family = AF_ALG, .kind = SOCKETD_KIND_SOCKET, .holding = SOCKETD_HOLDING_FILE, .cookie = 1 },
	};
	const struct process *p = NULL;
	struct tracker *t = NULL;
	struct annotate *a = NULL;
	struct context *c = NULL;
	struct arena in, out;
	struct bulk_block bulk;
	struct reader reader;
	struct block b;
	uint32_t pid = 0, fd = 0;
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	row.m.inode = inode_of(s);
	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	arena_init(&in);
	arena_init(&out);
	CU_ASSERT_EQUAL_FATAL(writer_header(&in), 0);
	CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&bulk, &in, SOCKETD_BLOCK_MESSAGES, sizeof(row)), 0);
	memcpy(bulk.payload, &row, sizeof(row));
	bulk_block_end(&bulk, &in, sizeof(row));
	CU_ASSERT_EQUAL_FATAL(annotate_new(&a, t, false, true), 0);
	CU_ASSERT_EQUAL(move_all(a, t, &in, &out), 1);

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	reader_init(&reader, arena_input(&out));
	while (reader_next(&reader, &b) > 0)
		if (b.type != SOCKETD_BLOCK_MESSAGES)
			CU_ASSERT_EQUAL(context_apply(c, &b), 0);
	CU_ASSERT_TRUE(context_owner(c, row.m.inode, 0, &p, &pid, &fd));
	CU_ASSERT_EQUAL(pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(fd, (uint32_t)s);
	CU_ASSERT_PTR_NOT_NULL(p);
	context_free(c);
	annotate_free(a);
	arena_deinit(&in);
	arena_deinit(&out);
	tracker_free(t);
	close(s);
}

/* Whoever holds sockets of several sources is introduced once. */
static void test_process_once(void)
{
	CLEANUP(annotate_free) struct annotate *a = NULL;
	CLEANUP(tracker_free) struct tracker *t = NULL;
	CLEANUP(arena_deinit) struct arena in, out;
	uint16_t port;
	int pair[2], fd = udp_socket(&port);

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	pass_and_scan(t);
	arena_init(&out);
	take(SOURCE_BIT(SOURCE_udp4) | SOURCE_BIT(SOURCE_unix), &in);
	CU_ASSERT_EQUAL_FATAL(annotate_new(&a, t, false, true), 0);
	move_all(a, t, &in, &out);
	CU_ASSERT_EQUAL(count_processes(&out, (uint32_t)getpid()), 1);
	close(pair[0]), close(pair[1]), close(fd);
}

static void on_ready(void *ctx)
{
	++*(unsigned *)ctx;
}

/* Whoever gives up while it waits is not told, and one that waits is told once. */
static void test_ready(void)
{
	CLEANUP(annotate_free) struct annotate *stays = NULL;
	CLEANUP(tracker_free) struct tracker *t = NULL;
	CLEANUP(arena_deinit) struct arena in, in2, out;
	struct annotate *goes = NULL;
	unsigned n_stays = 0, n_goes = 0;
	uint16_t port;
	int fd, r;

	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	pass_and_scan(t);
	fd = udp_socket(&port);
	arena_init(&out);
	take(SOURCE_BIT(SOURCE_udp4), &in);
	take(SOURCE_BIT(SOURCE_udp4), &in2);
	CU_ASSERT_EQUAL_FATAL(annotate_new(&stays, t, false, true), 0);
	CU_ASSERT_EQUAL_FATAL(annotate_new(&goes, t, false, true), 0);
	annotate_on_ready(stays, on_ready, &n_stays);
	annotate_on_ready(goes, on_ready, &n_goes);
	while ((r = annotate_step(goes, &in2, &out)) > 0)
		;
	CU_ASSERT_EQUAL(r, -EAGAIN);
	while ((r = annotate_step(stays, &in, &out)) > 0)
		;
	CU_ASSERT_EQUAL(r, -EAGAIN);
	annotate_free(goes);
	run(t);
	CU_ASSERT_EQUAL(n_stays, 1);
	CU_ASSERT_EQUAL(n_goes, 0);
	move_all(stays, t, &in, &out);
	close(fd);
}

/* A scan that was under way when a socket was opened may be past its holder: another one follows. */
static void test_scan_under_way(void)
{
	CLEANUP(tracker_free) struct tracker *t = NULL;
	struct found f = {};
	unsigned waits;
	int fd;

	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	pass_and_scan(t);
	CU_ASSERT_EQUAL_FATAL(tracker_begin_scan(t), 0);
	usleep(300000); /* the child is through, but nobody has heard it */
	fd = udp_socket(&f.port);
	CU_ASSERT_TRUE(tracker_status(t)->in_scan);
	annotated(t, false, true, SOURCE_BIT(SOURCE_udp4), &f, 1, &waits);
	CU_ASSERT_TRUE(waits == 1 || waits == 2);
	CU_ASSERT_EQUAL(f.pid, (uint32_t)getpid());
	CU_ASSERT_EQUAL(f.fd, (uint32_t)fd);
	close(fd);
}

static void test_damage(void)
{
	CLEANUP(tracker_free) struct tracker *t = NULL;
	static const struct socketd_messages head = { .source = SOURCE_udp4 };
	static const uint32_t lengths[] = { 0, 15, 17, 5000, UINT32_MAX };

	CU_ASSERT_EQUAL_FATAL(tracker_new(&t, &limits), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		CLEANUP(annotate_free) struct annotate *a = NULL;
		CLEANUP(arena_deinit) struct arena in, out;
		struct bulk_block b;

		arena_init(&in);
		arena_init(&out);
		CU_ASSERT_EQUAL_FATAL(annotate_new(&a, t, true, false), 0);
		CU_ASSERT_EQUAL(annotate_step(a, &in, &out), 0);
		CU_ASSERT_EQUAL_FATAL(writer_header(&in), 0);
		CU_ASSERT_EQUAL_FATAL(bulk_block_begin(&b, &in, SOCKETD_BLOCK_MESSAGES, 24), 0);
		memset(b.payload, 0, 24);
		memcpy(b.payload, &head, sizeof(head));
		memcpy(b.payload + sizeof(head), &lengths[i], 4);
		bulk_block_end(&b, &in, 24);
		CU_ASSERT_EQUAL(annotate_step(a, &in, &out), -EBADMSG);
	}
}

void suite_track_annotate(void)
{
	CU_pSuite s = CU_add_suite("track annotate", NULL, NULL);

	CU_add_test(s, "ages", test_tracks);
	CU_add_test(s, "lines of /proc", test_lines);
	CU_add_test(s, "owners, known and new and moved", test_owners);
	CU_add_test(s, "owners of what only the module tells", test_module);
	CU_add_test(s, "a process once", test_process_once);
	CU_add_test(s, "who waits for a scan", test_ready);
	CU_add_test(s, "a scan that is under way", test_scan_under_way);
	CU_add_test(s, "damage", test_damage);
}
