/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Receiving batches: what is kept of them, and what is refused */

#include <linux/capability.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/syscall.h>

#include "source/diag.h"
#include "unit/fake_kernel.h"
#include "unit/suites.h"

static const struct netlink_keep keep_tcp = { .source = SOURCE_tcp4 };

static struct kernel kernel; /* too large for a stack */
static struct arena arena;
static struct netlink_batch batch;

static void begin(void)
{
	kernel_start(&kernel);
	arena_init(&arena);
	memset(&batch, 0xff, sizeof(batch));
}

static void finish(void)
{
	arena_deinit(&arena);
	kernel_stop(&kernel);
}

static void test_bytes_are_the_kernels(void)
{
	const struct socketd_messages *head;
	const struct socketd_block *block;
	_Alignas(8) uint8_t sent[1024];
	const uint8_t *data;
	size_t n_rows;

	begin();
	kernel_put_row(&kernel, 0, 1);
	kernel_put_row(&kernel, 0, 2);
	n_rows = kernel.n;
	kernel_put_done(&kernel, 0, 0);
	memcpy(sent, kernel.batch, n_rows);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_EQUAL(batch.n_messages, 2);
	CU_ASSERT_TRUE(batch.done);
	CU_ASSERT_FALSE(batch.interrupted);
	CU_ASSERT_EQUAL(batch.error, 0);

	CU_ASSERT_EQUAL_FATAL(arena_peek(&arena, &data), sizeof(*block) + sizeof(*head) + n_rows);
	block = (const void *)data;
	head = (const void *)(block + 1);
	CU_ASSERT_EQUAL(block->type, SOCKETD_BLOCK_MESSAGES);
	CU_ASSERT_EQUAL(block->length, sizeof(*head) + n_rows);
	CU_ASSERT_EQUAL(head->source, SOURCE_tcp4);
	CU_ASSERT_EQUAL(memcmp(head + 1, sent, n_rows), 0);

	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), -EAGAIN);
	finish();
}

static void test_ends(void)
{
	static const int errors[] = { 0, -ENOENT, -EINVAL, -EPERM, -4095 };

	begin();
	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		kernel_put_done(&kernel, 0, errors[i]);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
		CU_ASSERT_TRUE(batch.done);
		CU_ASSERT_EQUAL(batch.error, errors[i]);

		kernel_put_error(&kernel, errors[i]);
		kernel_send(&kernel);
		CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
		CU_ASSERT_TRUE(batch.done);
		CU_ASSERT_EQUAL(batch.error, errors[i]);
	}
	/* Numbers that are no errno, and an error without one. */
	kernel_put_done(&kernel, 0, 7);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_EQUAL(batch.error, -EBADMSG);
	kernel_put(&kernel, NLMSG_ERROR, 0, NULL, 0);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_EQUAL(batch.error, -EBADMSG);
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
	finish();
}

static void test_interruption(void)
{
	begin();
	kernel_put_row(&kernel, 0, 1);
	kernel_put_row(&kernel, NLM_F_DUMP_INTR, 2);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_TRUE(batch.interrupted);
	CU_ASSERT_FALSE(batch.done);
	CU_ASSERT_EQUAL(batch.n_messages, 2);
	kernel_put_done(&kernel, NLM_F_DUMP_INTR, 0);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_TRUE(batch.interrupted);
	CU_ASSERT_TRUE(batch.done);
	finish();
}

static void test_strangers_are_dropped(void)
{
	uint32_t inodes[8];

	begin();
	kernel.nl.seq = 9;
	kernel_put_row(&kernel, 0, 1)->nlmsg_seq = 8;
	kernel_put_row(&kernel, 0, 2);
	kernel_put_row(&kernel, 0, 3)->nlmsg_pid = KERNEL_PORTID + 1;
	kernel_put_row(&kernel, NLM_F_DUMP_INTR, 4)->nlmsg_seq = 8;
	kernel_put_row(&kernel, 0, 5)->nlmsg_type = NLMSG_NOOP;
	kernel_put_row(&kernel, 0, 6);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_EQUAL(batch.n_messages, 2);
	CU_ASSERT_FALSE(batch.interrupted);
	CU_ASSERT_EQUAL(kernel_rows(&arena, inodes, ARRAY_SIZE(inodes)), 2);
	CU_ASSERT_EQUAL(inodes[0], 2);
	CU_ASSERT_EQUAL(inodes[1], 6);

	/* The rest of a dump that was given up must not end the new one. */
	kernel.nl.seq = 8;
	kernel_put_row(&kernel, 0, 7);
	kernel_put_done(&kernel, 0, -ENOENT);
	kernel.nl.seq = 9;
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), 0);
	CU_ASSERT_FALSE(batch.done);
	CU_ASSERT_EQUAL(batch.n_messages, 0);
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
	finish();
}

static void test_other_family_is_dropped(void)
{
	struct netlink_keep keep = { .source = SOURCE_tcp6, .family = AF_INET6 };

	begin();
	kernel_put_row(&kernel, 0, 1);
	kernel_put_error(&kernel, 0);
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep, &batch), 0);
	CU_ASSERT_TRUE(batch.done);
	CU_ASSERT_EQUAL(batch.n_messages, 0);
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
	finish();
}

static void expect_refused(int error)
{
	kernel_send(&kernel);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), error);
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
}

static void test_broken_batches(void)
{
	static const uint8_t large[NETLINK_BATCH_MAX + 4096];

	begin();
	kernel_put_row(&kernel, 0, 1);
	kernel_put_row(&kernel, 0, 2)->nlmsg_len = NLMSG_HDRLEN - 1;
	expect_refused(-EBADMSG);
	kernel_put_row(&kernel, 0, 1);
	kernel_put_row(&kernel, 0, 2)->nlmsg_len += 4;
	expect_refused(-EBADMSG);
	kernel_put_row(&kernel, 0, 1)->nlmsg_len = UINT32_MAX;
	expect_refused(-EBADMSG);
	kernel_put_row(&kernel, 0, 1);
	kernel.n += 4;
	expect_refused(-EBADMSG);
	kernel_put(&kernel, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, large, sizeof(large));
	expect_refused(-EMSGSIZE);
	close(kernel.fd);
	kernel.fd = -1;
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep_tcp, &batch), -EBADMSG);
	finish();
}

/* A row with an attribute before and behind the keys. */
static void put_keys(struct tcp_diag_md5sig *keys, size_t len)
{
	struct {
		struct inet_diag_msg msg;
		struct nlattr shutdown;
		uint8_t shutdown_value[4];
		struct nlattr md5;
		uint8_t rest[600];
	} row = {
		.msg = { .idiag_family = AF_INET },
		.shutdown = { .nla_len = NLA_HDRLEN + 1, .nla_type = INET_DIAG_SHUTDOWN },
		.shutdown_value = { 3 },
		.md5 = { .nla_len = NLA_HDRLEN + len, .nla_type = INET_DIAG_MD5SIG },
	};
	struct nlattr mark = { .nla_len = NLA_HDRLEN + 4, .nla_type = INET_DIAG_MARK };
	uint32_t value = 0x5a5a5a5a;
	size_t aligned = NLA_ALIGN(len);

	memcpy(row.rest, keys, len);
	memcpy(row.rest + aligned, &mark, sizeof(mark));
	memcpy(row.rest + aligned + NLA_HDRLEN, &value, sizeof(value));
	kernel_put(&kernel, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, &row,
		   offsetof(typeof(row), rest) + aligned + NLA_HDRLEN + 4);
	kernel_send(&kernel);
}

static bool arena_has(const char *text)
{
	const uint8_t *data;
	size_t len = arena_peek(&arena, &data);

	return memmem(data, len, text, strlen(text)) != NULL;
}

static void test_md5_keys_are_wiped(void)
{
	struct netlink_keep keep = { .source = SOURCE_tcp4, .wipe_md5_keys = true };
	struct tcp_diag_md5sig keys[3] = {}, *kept;
	const uint8_t *data, *found;
	size_t len;

	for (unsigned int i = 0; i < 3; i++) {
		keys[i].tcpm_family = AF_INET;
		keys[i].tcpm_prefixlen = 24 + i;
		keys[i].tcpm_keylen = 6;
		keys[i].tcpm_addr[0] = htonl(0x0a000001 + i);
		memcpy(keys[i].tcpm_key, "secret", 6);
	}
	begin();
	put_keys(keys, 2 * sizeof(keys[0]));
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep, &batch), 0);
	CU_ASSERT_FALSE(arena_has("secret"));
	CU_ASSERT_TRUE(arena_has("ZZZZ"));

	len = arena_peek(&arena, &data);
	found = memmem(data, len, &keys[1].tcpm_addr[0], 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	kept = (void *)(found - offsetof(struct tcp_diag_md5sig, tcpm_addr));
	CU_ASSERT_EQUAL(kept->tcpm_prefixlen, 25);
	CU_ASSERT_EQUAL(kept->tcpm_keylen, 0);
	arena_consume(&arena, len);

	/* A length that is not a multiple: a struct that we do not know. All of it goes. */
	put_keys(keys, 2 * sizeof(keys[0]) + 40);
	CU_ASSERT_EQUAL(netlink_receive(&kernel.nl, &arena, &keep, &batch), 0);
	CU_ASSERT_FALSE(arena_has("secret"));
	CU_ASSERT_TRUE(arena_has("ZZZZ"));
	len = arena_peek(&arena, &data);
	CU_ASSERT_PTR_NULL(memmem(data, len, &keys[1].tcpm_addr[0], 4));
	finish();
}

/* Anyone with CAP_NET_ADMIN can send to our port. */
static void test_sender_must_be_the_kernel(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	CLEANUP(close) int stranger = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct nlmsghdr h = { .nlmsg_len = sizeof(h) + 4, .nlmsg_type = NLMSG_DONE, .nlmsg_seq = 5 };
	struct iovec iov[2] = { { &h, sizeof(h) }, { "\0\0\0\0", 4 } };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = iov, .msg_iovlen = 2 };
	int r;

	arena_init(&arena);
	CU_ASSERT_EQUAL_FATAL(netlink_open(&nl, true), 0);
	nl.seq = 5;
	h.nlmsg_pid = to.nl_pid = nl.portid;
	if (sendmsg(stranger, &msg, 0) < 0) {
		CU_ASSERT_NOT_EQUAL(geteuid(), 0);
	} else {
		batch.done = true;
		r = netlink_receive(&nl, &arena, &keep_tcp, &batch);
		CU_ASSERT_EQUAL(r, 0);
		CU_ASSERT_FALSE(batch.done);
	}
	arena_deinit(&arena);
}

static bool dump_shows_mark(bool privileged)
{
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	_Alignas(8) uint8_t buf[DIAG_REQUEST_MAX];
	struct request req;
	bool found;

	arena_init(&arena);
	request_init(&req, GROUP_BIT(GROUP_base));
	CU_ASSERT_EQUAL_FATAL(netlink_open(&nl, privileged), 0);
	CU_ASSERT_EQUAL_FATAL(netlink_send(&nl, diag_request(buf, SOURCE_tcp4, &req, DIAG_DUMP)), 0);
	batch.done = false;
	while (!batch.done && netlink_receive(&nl, &arena, &keep_tcp, &batch) >= 0)
		;
	CU_ASSERT_TRUE(batch.done);
	CU_ASSERT_EQUAL(batch.error, 0);
	found = arena_has("\xf1\xf2\xf3\xf4");
	arena_deinit(&arena);
	request_deinit(&req);
	return found;
}

/* The kernel itself leaves out what a user must not see, and our own capabilities come back. */
static void test_unprivileged_socket(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	CLEANUP(close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct __user_cap_data_struct before[2] = {}, after[2] = {};
	uint32_t mark;

	memcpy(&mark, "\xf1\xf2\xf3\xf4", 4);
	if (geteuid() != 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return;
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	CU_ASSERT_EQUAL(syscall(SYS_capget, &head, before), 0);
	CU_ASSERT_TRUE(dump_shows_mark(true));
	CU_ASSERT_FALSE(dump_shows_mark(false));
	CU_ASSERT_EQUAL(syscall(SYS_capget, &head, after), 0);
	CU_ASSERT_EQUAL(memcmp(before, after, sizeof(before)), 0);
}

void suite_source_netlink(void)
{
	CU_pSuite s = CU_add_suite("source/netlink", NULL, NULL);

	CU_add_test(s, "messages are kept as the kernel sent them", test_bytes_are_the_kernels);
	CU_add_test(s, "DONE and ERROR end an answer and say how", test_ends);
	CU_add_test(s, "NLM_F_DUMP_INTR is seen on any message", test_interruption);
	CU_add_test(s, "answers to others and to older requests are dropped", test_strangers_are_dropped);
	CU_add_test(s, "rows of another family are dropped when one is asked", test_other_family_is_dropped);
	CU_add_test(s, "cut and broken batches are refused whole", test_broken_batches);
	CU_add_test(s, "MD5 keys are wiped, what surrounds them is not", test_md5_keys_are_wiped);
	CU_add_test(s, "what a process sent is not taken for the kernel's", test_sender_must_be_the_kernel);
	CU_add_test(s, "an unprivileged socket shows no mark", test_unprivileged_socket);
}
