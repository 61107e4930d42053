/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes from the context: owners, reasons for none, names of devices, groups and namespaces */

#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include "snapshot/writer.h"
#include "unit/build_message.h"
#include "unit/suites.h"

static void apply(struct context *c, const struct attr_block *b)
{
	struct block block = { .type = b->type, .length = (uint32_t)b->length, .payload = b->data };

	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
}

static void add_process(struct context *c, uint32_t pid, uint32_t uid, const char *comm, const char *user)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, pid);
	attr_block_u32(&b, SOCKETD_PROCESS_UID, uid);
	attr_block_bytes(&b, SOCKETD_PROCESS_COMM, comm, strlen(comm));
	if (user)
		attr_block_string(&b, SOCKETD_PROCESS_USER, user);
	apply(c, &b);
}

/* Inode 77 is held by nginx twice, by a process without a user's name, and by one that was not told of. */
static struct context *make_context(bool owners)
{
	_Alignas(8) static const struct socketd_owner rows[] = {
		{ 77, 100, 6 }, { 77, 100, 7 }, { 77, 200, 3 }, { 77, 300, 9 },
	};
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(rows), (const uint8_t *)rows };
	struct context *c = NULL;
	struct attr_block b;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);

	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_u64(&b, SOCKETD_NETNS_INO, 4026531840u);
	apply(c, &b);
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, SOURCE_tcp4);
	attr_block_u64(&b, SOCKETD_SOURCE_NETNS, 4026531840u);
	apply(c, &b);
	attr_block_begin(&b, SOCKETD_BLOCK_LINK);
	attr_block_u32(&b, SOCKETD_LINK_IFINDEX, 3);
	attr_block_string(&b, SOCKETD_LINK_NAME, "eth0");
	apply(c, &b);
	attr_block_begin(&b, SOCKETD_BLOCK_LINK);
	attr_block_u32(&b, SOCKETD_LINK_IFINDEX, 2);
	attr_block_string(&b, SOCKETD_LINK_NAME, "xdp0");
	apply(c, &b);
	attr_block_begin(&b, SOCKETD_BLOCK_CGROUP);
	attr_block_u64(&b, SOCKETD_CGROUP_ID, 4242);
	attr_block_string(&b, SOCKETD_CGROUP_PATH, "/system.slice/nginx.service");
	apply(c, &b);

	if (owners) {
		add_process(c, 100, 0, "nginx", "root");
		add_process(c, 200, 4711, "worker", NULL);
		CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
	}
	return c;
}

static void test_names(void)
{
	CLEANUP(context_free) struct context *c = make_context(false);
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, c);
	EXPECT_U64(&o.r, F_netns, 4026531840u);
	EXPECT_TEXT(&o.r, F_dev, "eth0");
	EXPECT_TEXT(&o.r, F_cgroup, "/system.slice/nginx.service");
	opened_deinit(&o);

	built_full(&b, SOURCE_udp4);
	memset(b.data + offsetof(struct inet_diag_msg, id.idiag_if), 0, 4);
	opened_init(&o, &b, c);
	EXPECT_ABSENT(&o.r, F_netns); /* its source was not told of */
	EXPECT_ABSENT(&o.r, F_dev);
	EXPECT_U64(&o.r, F_sk_bound_dev_if, 0);
	opened_deinit(&o);

	built_full(&b, SOURCE_xdp);
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_local, "xdp0");
	EXPECT_TEXT(&o.r, F_dev, "xdp0");
	opened_deinit(&o);

	built_full(&b, SOURCE_packet);
	opened_init(&o, &b, c);
	EXPECT_ABSENT(&o.r, F_dev); /* device 1 has no name here */
	opened_deinit(&o);
}

static void test_owners(void)
{
	CLEANUP(context_free) struct context *c = make_context(true);
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, c);
	EXPECT_U64_N(&o.r, F_pid, 0, 100);
	EXPECT_U64_N(&o.r, F_fd, 0, 6);
	EXPECT_TEXT_N(&o.r, F_comm, 0, "nginx");
	EXPECT_TEXT_N(&o.r, F_user, 0, "root");
	EXPECT_U64_N(&o.r, F_pid, 1, 100);
	EXPECT_U64_N(&o.r, F_fd, 1, 7);
	EXPECT_U64_N(&o.r, F_pid, 2, 200);
	EXPECT_TEXT_N(&o.r, F_comm, 2, "worker");
	EXPECT_TEXT_N(&o.r, F_user, 2, "4711");
	/* The lists stay side by side. */
	EXPECT_U64_N(&o.r, F_pid, 3, 300);
	EXPECT_U64_N(&o.r, F_fd, 3, 9);
	CU_ASSERT_EQUAL(built_get(&o.r, F_comm, 3).kind, VALUE_STR);
	EXPECT_TEXT_N(&o.r, F_comm, 3, "");
	CU_ASSERT_EQUAL(built_get(&o.r, F_user, 3).kind, VALUE_STR);
	EXPECT_ABSENT_N(&o.r, F_pid, 4);
	EXPECT_ABSENT_N(&o.r, F_fd, 4);
	EXPECT_ABSENT_N(&o.r, F_comm, 4);
	EXPECT_ABSENT_N(&o.r, F_user, 4);
	EXPECT_ABSENT(&o.r, F_no_owner);
	opened_deinit(&o);
}

/* In an event the owner is known before the socket has an inode, and its descriptor is not. */
static void test_of_an_event(void)
{
	_Alignas(8) static const struct socketd_owner told = { 0, 100, SOCKETD_OWNER_NO_FD };
	struct block block = { SOCKETD_BLOCK_OWNERS, sizeof(told), (const uint8_t *)&told };
	CLEANUP(context_free) struct context *c = make_context(true);
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, STATE_ESTABLISHED);
	memset(b.data + offsetof(struct inet_diag_msg, idiag_inode), 0, 4);
	opened_init(&o, &b, c);
	EXPECT_ABSENT_N(&o.r, F_pid, 0);
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
	EXPECT_U64_N(&o.r, F_pid, 0, 100);
	EXPECT_TEXT_N(&o.r, F_comm, 0, "nginx");
	EXPECT_ABSENT_N(&o.r, F_fd, 0);
	EXPECT_ABSENT_N(&o.r, F_pid, 1);
	EXPECT_ABSENT(&o.r, F_no_owner);
	opened_deinit(&o);
}

/* Owners that were not asked for are not owners that are missing. */
static void test_not_asked(void)
{
	CLEANUP(context_free) struct context *c = make_context(false);
	struct opened o;
	struct built b;

	built_full(&b, SOURCE_tcp4);
	opened_init(&o, &b, c);
	EXPECT_ABSENT(&o.r, F_pid);
	EXPECT_ABSENT(&o.r, F_no_owner);
	opened_deinit(&o);
}

static void expect_reason(const struct context *c, unsigned state, uint32_t inode, const char *text)
{
	struct opened o;
	struct built b;

	built_inet(&b, SOURCE_tcp4, state);
	memcpy(b.data + offsetof(struct inet_diag_msg, idiag_inode), &inode, 4);
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_no_owner, text);
	EXPECT_ABSENT(&o.r, F_pid);
	opened_deinit(&o);
}

static void test_reasons(void)
{
	static const char closed[] = "orphan: closed by its process, the kernel finishes it";
	static const char either[] = "not accepted yet, or closed by its process";
	CLEANUP(context_free) struct context *c = make_context(true);
	struct netlink_diag_msg nl = { .ndiag_family = AF_NETLINK, .ndiag_ino = 4 };
	struct unix_diag_msg un = { .udiag_family = AF_UNIX, .udiag_type = SOCK_STREAM, .udiag_state = 1 };
	struct opened o;
	struct built b;
	size_t ulp;

	expect_reason(c, STATE_TIME_WAIT, 0, "time-wait: no process holds it any more");
	expect_reason(c, STATE_SYN_RECV, 0, "not accepted yet");
	expect_reason(c, STATE_NEW_SYN_RECV, 0, "not accepted yet");
	expect_reason(c, STATE_ESTABLISHED, 0, either);
	expect_reason(c, STATE_CLOSE_WAIT, 0, either);
	expect_reason(c, STATE_FIN_WAIT1, 0, closed);
	expect_reason(c, STATE_FIN_WAIT2, 0, closed);
	expect_reason(c, STATE_LAST_ACK, 0, closed);
	expect_reason(c, STATE_CLOSING, 0, closed);
	expect_reason(c, STATE_ESTABLISHED, 78,
		      "no process found: in flight in a message, held by the kernel, or hidden");

	built_inet(&b, SOURCE_tcp4, STATE_ESTABLISHED);
	memset(b.data + offsetof(struct inet_diag_msg, idiag_inode), 0, 4);
	ulp = built_nest(&b, INET_DIAG_ULP_INFO);
	built_str(&b, INET_ULP_INFO_NAME, "mptcp");
	built_nest_end(&b, ulp);
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_no_owner, "subflow: its MPTCP connection is what a process holds");
	opened_deinit(&o);

	built_begin(&b, SOURCE_netlink, &nl, sizeof(nl));
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_no_owner, "kernel socket");
	opened_deinit(&o);

	built_begin(&b, SOURCE_unix, &un, sizeof(un));
	opened_init(&o, &b, c);
	EXPECT_TEXT(&o.r, F_no_owner, either);
	opened_deinit(&o);
}

void suite_decode_owner(void)
{
	CU_pSuite s = CU_add_suite("Owners and names of a row", NULL, NULL);

	CU_add_test(s, "Names of devices, groups and namespaces", test_names);
	CU_add_test(s, "Owners", test_owners);
	CU_add_test(s, "Of an event", test_of_an_event);
	CU_add_test(s, "Not asked for", test_not_asked);
	CU_add_test(s, "Why there is none", test_reasons);
}
