/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the kernel module's group: what it would send, and what nobody should */

#include "source/events.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socketd/uapi.h"
#include "unit/changes.h"
#include "unit/suites.h"

#define NETNS 4026531840u

static struct events_source *source;
static int kernel = -1; /* the end that messages come from */
static struct state_change last;
static char last_comm[64];
static unsigned int n_changes;

static const struct sockaddr_in local4 = { .sin_family = AF_INET, .sin_port = 0x5000, .sin_addr.s_addr = 0x0100007f };
static const struct sockaddr_in peer4 = { .sin_family = AF_INET, .sin_port = 0x1234, .sin_addr.s_addr = 0x0200007f };
static const struct sockaddr_in6 local6 = { .sin6_family = AF_INET6, .sin6_port = 0x5000, .sin6_addr = IN6ADDR_LOOPBACK_INIT,
					    .sin6_scope_id = 3 };

static const struct change full = {
	.cookie = 0x1122334455667788, .inode = 77, .lost = 5, .old_state = TCP_CLOSE, .new_state = TCP_SYN_SENT,
	.local = (const struct sockaddr *)&local4, .peer = (const struct sockaddr *)&peer4, .uid = 1000, .pid = 4242, .comm = "curl",
};

static void take(void *ctx, const struct state_change *c)
{
	CU_ASSERT_PTR_EQUAL(ctx, &last);
	last = *c;
	CU_ASSERT_PTR_NOT_NULL_FATAL(c->comm);
	snprintf(last_comm, sizeof(last_comm), "%s", c->comm);
	n_changes++;
}

static void begin(void)
{
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	CU_ASSERT_EQUAL_FATAL(events_source_adopt(&source, NETNS, ends[0], CHANGES_FAMILY), 0);
	CU_ASSERT_EQUAL(events_source_fd(source), ends[0]);
	kernel = ends[1];
	n_changes = 0;
}

static void finish(void)
{
	source = events_source_free(source);
	close(kernel);
}

/* What one receive makes of the bytes. */
static int receive(const void *data, size_t len, uint64_t *lost)
{
	*lost = 0;
	CU_ASSERT_EQUAL_FATAL(send(kernel, data, len, 0), (ssize_t)len);
	return events_source_receive(source, take, &last, lost);
}

static int receive_one(const struct change_message *m)
{
	uint64_t lost;

	return receive(m->data, m->len, &lost);
}

static void test_change(void)
{
	struct change_message m;
	struct change c = full;
	uint64_t lost = 99;

	begin();
	CU_ASSERT_EQUAL(events_source_receive(source, take, &last, &lost), -EAGAIN);
	change_build(&m, &c);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_EQUAL(n_changes, 1);
	CU_ASSERT_EQUAL(last.netns, NETNS);
	CU_ASSERT_EQUAL(last.cookie, c.cookie);
	CU_ASSERT_EQUAL(last.inode, 77);
	CU_ASSERT_EQUAL(last.family, AF_INET);
	CU_ASSERT_EQUAL(last.protocol, IPPROTO_TCP);
	CU_ASSERT_EQUAL(last.old_state, TCP_CLOSE);
	CU_ASSERT_EQUAL(last.new_state, TCP_SYN_SENT);
	CU_ASSERT_TRUE(last.has_local && last.has_peer && last.has_uid && last.time_nsec > 0);
	CU_ASSERT_EQUAL(memcmp(&last.local.in, &local4, sizeof(local4)), 0);
	CU_ASSERT_EQUAL(memcmp(&last.peer.in, &peer4, sizeof(peer4)), 0);
	CU_ASSERT_EQUAL(last.uid, 1000);
	CU_ASSERT_EQUAL(last.pid, 4242);
	CU_ASSERT_STRING_EQUAL(last_comm, "curl");
	CU_ASSERT_EQUAL(last.n_lost, 5);

	c.local = (const struct sockaddr *)&local6;
	c.peer = NULL;
	c.pid = 0;
	c.inode = 0;
	change_build(&m, &c);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_EQUAL(last.family, AF_INET6);
	CU_ASSERT_EQUAL(memcmp(&last.local.in6, &local6, sizeof(local6)), 0);
	CU_ASSERT_FALSE(last.has_peer);
	CU_ASSERT_EQUAL(last.pid, 0);
	CU_ASSERT_STRING_EQUAL(last_comm, "");
	CU_ASSERT_EQUAL(last.inode, 0);
	finish();
}

/* Cut anywhere, with a header that says so and one that does not: either all that is needed is there, or nothing is told. */
static void test_cut(void)
{
	struct change_message whole, m;
	uint64_t lost;

	begin();
	change_build(&whole, &full);
	for (size_t len = 1; len < whole.len; len++) {
		struct nlmsghdr *h = (void *)m.data;
		int r;

		memcpy(&m, &whole, sizeof(m));
		CU_ASSERT_EQUAL(receive(m.data, len, &lost), -EBADMSG);
		if (len < sizeof(*h))
			continue;
		h->nlmsg_len = (uint32_t)len;
		n_changes = 0;
		r = receive(m.data, len, &lost);
		CU_ASSERT_TRUE(r == 1 || r == -EBADMSG);
		CU_ASSERT_EQUAL(n_changes, r == 1);
		if (r == 1)
			CU_ASSERT_EQUAL(last.new_state, TCP_SYN_SENT);
	}
	CU_ASSERT_EQUAL(receive(whole.data, whole.len, &lost), 1);
	finish();
}

/* Each number one byte short. */
static void test_short_attributes(void)
{
	static const struct {
		uint16_t type, size;
	} rows[] = {
		{ SOCKETD_CHANGE_TIME, 8 }, { SOCKETD_CHANGE_COOKIE, 8 }, { SOCKETD_CHANGE_INODE, 8 }, { SOCKETD_CHANGE_FAMILY, 2 },
		{ SOCKETD_CHANGE_PROTOCOL, 2 }, { SOCKETD_CHANGE_OLD_STATE, 1 }, { SOCKETD_CHANGE_NEW_STATE, 1 },
		{ SOCKETD_CHANGE_LOCAL, 16 }, { SOCKETD_CHANGE_PEER, 16 }, { SOCKETD_CHANGE_IFINDEX, 4 }, { SOCKETD_CHANGE_UID, 4 },
		{ SOCKETD_CHANGE_PID, 4 }, { SOCKETD_CHANGE_LOST, 8 },
	};
	static const uint8_t zeros[16];
	struct change_message m;

	begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		change_build(&m, &full);
		/* A later one of a type takes the place of the first. */
		change_attr(&m, rows[i].type, zeros, rows[i].size - 1u);
		CU_ASSERT_EQUAL(receive_one(&m), -EBADMSG);
	}
	CU_ASSERT_EQUAL(n_changes, 0);
	finish();
}

static void test_odd(void)
{
	struct sockaddr_in6 wrong = local6;
	struct change_message m;
	struct change c = full;
	char name[200];

	begin();
	/* An address of another family than the socket's, and one that is too short for its family. */
	change_build(&m, &c);
	change_attr(&m, SOCKETD_CHANGE_LOCAL, &wrong, sizeof(wrong));
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_FALSE(last.has_local);
	c.local = (const struct sockaddr *)&local6;
	c.peer = NULL;
	change_build(&m, &c);
	change_attr(&m, SOCKETD_CHANGE_LOCAL, &wrong, sizeof(wrong) - 1);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_FALSE(last.has_local);

	/* A name without an end, too long; none at all. */
	memset(name, 'x', sizeof(name));
	change_build(&m, &full);
	change_attr(&m, SOCKETD_CHANGE_COMM, name, sizeof(name));
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_STRING_EQUAL(last_comm, "xxxxxxxxxxxxxxx");
	change_build(&m, &full);
	change_attr(&m, SOCKETD_CHANGE_COMM, name, 0);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_STRING_EQUAL(last_comm, "");

	/* What a later module may add, and a command of its. */
	change_build(&m, &full);
	change_attr(&m, SOCKETD_CHANGE_MAX + 1, name, 20);
	change_attr(&m, 300, name, 3);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_EQUAL(n_changes, 5);
	change_begin(&m, CHANGES_FAMILY, SOCKETD_CMD_STATE + 1);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	CU_ASSERT_EQUAL(n_changes, 5);

	/* No cookie; another family's message; nothing in it. */
	c = full;
	c.cookie = 0;
	change_build(&m, &c);
	CU_ASSERT_EQUAL(receive_one(&m), -EBADMSG);
	change_build(&m, &full);
	((struct nlmsghdr *)m.data)->nlmsg_type = CHANGES_FAMILY + 1;
	CU_ASSERT_EQUAL(receive_one(&m), -EBADMSG);
	change_begin(&m, CHANGES_FAMILY, SOCKETD_CMD_STATE);
	CU_ASSERT_EQUAL(receive_one(&m), -EBADMSG);
	m.len = NLMSG_HDRLEN;
	((struct nlmsghdr *)m.data)->nlmsg_len = NLMSG_HDRLEN;
	CU_ASSERT_EQUAL(receive_one(&m), -EBADMSG);
	CU_ASSERT_EQUAL(n_changes, 5);
	finish();
}

static void test_several(void)
{
	struct change_message m, other;
	struct change c = full;
	uint8_t both[2048];
	uint64_t lost;

	begin();
	change_build(&m, &full);
	c.new_state = TCP_ESTABLISHED;
	change_build(&other, &c);
	memcpy(both, m.data, m.len);
	memcpy(both + m.len, other.data, other.len);
	CU_ASSERT_EQUAL(receive(both, m.len + other.len, &lost), 1);
	CU_ASSERT_EQUAL(n_changes, 2);
	CU_ASSERT_EQUAL(last.new_state, TCP_ESTABLISHED);
	finish();
}

/* What the module counts as lost: from the first message on. */
static void test_lost(void)
{
	struct change_message m;
	struct change c = full;
	uint64_t lost;

	begin();
	change_build(&m, &c);
	CU_ASSERT_EQUAL(receive(m.data, m.len, &lost), 1);
	c.lost += 7;
	change_build(&m, &c);
	CU_ASSERT_EQUAL(receive(m.data, m.len, &lost), -ENOBUFS);
	CU_ASSERT_EQUAL(lost, 7);
	CU_ASSERT_EQUAL(n_changes, 2);
	CU_ASSERT_EQUAL(receive(m.data, m.len, &lost), 1);
	CU_ASSERT_EQUAL(n_changes, 3);
	finish();
}

static void test_farewell(void)
{
	struct change_message m;
	uint16_t other = CHANGES_FAMILY + 1, own = CHANGES_FAMILY;

	begin();
	change_begin(&m, GENL_ID_CTRL, CTRL_CMD_DELFAMILY);
	change_attr(&m, CTRL_ATTR_FAMILY_ID, &other, sizeof(other));
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	change_begin(&m, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
	change_attr(&m, CTRL_ATTR_FAMILY_ID, &own, sizeof(own));
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	change_begin(&m, GENL_ID_CTRL, CTRL_CMD_DELFAMILY);
	change_attr(&m, CTRL_ATTR_FAMILY_ID, &own, 1);
	CU_ASSERT_EQUAL(receive_one(&m), 1);
	change_begin(&m, GENL_ID_CTRL, CTRL_CMD_DELFAMILY);
	change_attr(&m, CTRL_ATTR_FAMILY_ID, &own, sizeof(own));
	CU_ASSERT_EQUAL(receive_one(&m), -ENOENT);
	finish();
}

/* A real netlink socket whose queue is small: what does not fit is counted, and what another process sends is not believed. */
static void test_overrun(void)
{
	CLEANUP(close) int from = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);
	int to = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK), size = 8192, group = 5, r;
	struct sockaddr_nl any = { .nl_family = AF_NETLINK }, all = { .nl_family = AF_NETLINK, .nl_groups = 1 << 4 };
	unsigned int n_sent = 200, n_came = 0, n_overruns = 0;
	uint64_t lost, n_lost = 0;
	struct change_message m;

	CU_ASSERT_EQUAL_FATAL(setsockopt(to, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	CU_ASSERT_EQUAL_FATAL(bind(to, (struct sockaddr *)&any, sizeof(any)), 0);
	CU_ASSERT_EQUAL_FATAL(setsockopt(to, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	CU_ASSERT_EQUAL_FATAL(events_source_adopt(&source, NETNS, to, CHANGES_FAMILY), 0);
	n_changes = 0;
	change_build(&m, &full);
	for (unsigned int i = 0; i < n_sent; i++)
		(void)sendto(from, m.data, m.len, 0, (struct sockaddr *)&all, sizeof(all));
	while ((r = events_source_receive(source, take, &last, &lost)) != -EAGAIN) {
		CU_ASSERT_TRUE_FATAL(r == -EBADMSG || r == -ENOBUFS);
		n_came += r == -EBADMSG;
		n_overruns += r == -ENOBUFS;
		n_lost += r == -ENOBUFS ? lost : 0;
	}
	CU_ASSERT_TRUE(n_came > 0 && n_overruns > 0);
	CU_ASSERT_EQUAL(n_came + n_lost, n_sent);
	CU_ASSERT_EQUAL(n_changes, 0);
	source = events_source_free(source);
}

static unsigned int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* With the module it is joined, without it is said to be absent; a descriptor that was given is gone either way. */
static void test_open(void)
{
	bool loaded = access("/sys/module/socketd_diag", F_OK) == 0;
	struct events_source *none = (void *)&last;
	unsigned int before = count_fds();
	int fd;

	source = none;
	CU_ASSERT_EQUAL(events_source_open(&source, NETNS, -1), loaded ? 0 : -ENOENT);
	if (loaded)
		events_source_free(source);
	else
		CU_ASSERT_PTR_EQUAL(source, none);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	CU_ASSERT_EQUAL(events_source_open(&source, NETNS, fd), loaded ? 0 : -ENOENT);
	if (loaded)
		events_source_free(source);
	/* Not netlink at all. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_TRUE(events_source_open(&source, NETNS, fd) < 0);
	CU_ASSERT_EQUAL(count_fds(), before);
	source = NULL;
}

void suite_source_events(void)
{
	CU_pSuite s = CU_add_suite("source/events", NULL, NULL);

	CU_add_test(s, "a change", test_change);
	CU_add_test(s, "cut anywhere", test_cut);
	CU_add_test(s, "attributes that are too short", test_short_attributes);
	CU_add_test(s, "odd ones", test_odd);
	CU_add_test(s, "two in a datagram", test_several);
	CU_add_test(s, "what the module counts as lost", test_lost);
	CU_add_test(s, "the module goes", test_farewell);
	CU_add_test(s, "a queue that is full", test_overrun);
	CU_add_test(s, "opening", test_open);
}
