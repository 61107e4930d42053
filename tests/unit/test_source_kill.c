/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is never sent to the kernel, and what the kernel says of what is; tests/cli/test_kill.py has the deed in all its kinds */

#include "source/kill.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "model/cleanup.h"
#include "model/words.h"
#include "unit/suites.h"

/* A UDP socket of the loopback, and the message that sock_diag would send of it. */
static int udp_open(struct inet_diag_msg *ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(a), size = sizeof(uint64_t);
	uint64_t cookie;

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	CU_ASSERT_EQUAL_FATAL(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	*ret = (struct inet_diag_msg){
		.idiag_family = AF_INET,
		.idiag_state = STATE_CLOSE,
		.id = {
			.idiag_sport = a.sin_port,
			.idiag_src = { a.sin_addr.s_addr },
			.idiag_cookie = { (uint32_t)cookie, (uint32_t)(cookie >> 32) },
		},
	};
	return fd;
}

static bool lives(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) < 0 && errno == EAGAIN;
}

static void test_exact_cookies_only(void)
{
	CLEANUP(close) int netlink = kill_open(0);
	struct inet_diag_msg m;
	CLEANUP(close) int fd = udp_open(&m);
	const struct inet_diag_msg right = m;

	CU_ASSERT_TRUE_FATAL(netlink >= 0);
	m.id.idiag_cookie[0] = m.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m)), -EINVAL);
	m.id.idiag_cookie[0] = m.id.idiag_cookie[1] = 0;
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m)), -EINVAL);
	/* One half alone is some socket's, and not this one's. */
	m = right;
	m.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m)), -ENOENT);
	m = right;
	m.id.idiag_cookie[0] ^= 1u << 30;
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m)), -ENOENT);
	CU_ASSERT_TRUE(lives(fd));
	/* The very one, with a port that leads elsewhere: it is there, and is not come to. */
	m = right;
	m.id.idiag_sport ^= htons(1);
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m)), -EADDRINUSE);
	CU_ASSERT_TRUE(lives(fd));
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &right, sizeof(right)), 0);
	CU_ASSERT_FALSE(lives(fd));
}

static void test_other_messages(void)
{
	CLEANUP(close) int netlink = kill_open(0);
	struct inet_diag_msg m;
	CLEANUP(close) int fd = udp_open(&m);

	CU_ASSERT_TRUE_FATAL(netlink >= 0);
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m) - 1), -EBADMSG);
	CU_ASSERT_EQUAL(kill_socket(netlink, 262, &m, sizeof(m)), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(kill_socket(netlink, 0, &m, sizeof(m)), -EOPNOTSUPP);
	m.idiag_family = AF_UNIX;
	CU_ASSERT_EQUAL(kill_socket(netlink, IPPROTO_UDP, &m, sizeof(m)), -EOPNOTSUPP);
	CU_ASSERT_TRUE(lives(fd));
}

/* Of the same protocol and ends; the kernel takes the first that it comes to, whatever the cookie. */
static void test_raw(void)
{
	CLEANUP(close) int netlink = kill_open(0);
	int fds[3], n_killed = 0;

	CU_ASSERT_TRUE_FATAL(netlink >= 0);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 200);
		CU_ASSERT_TRUE_FATAL(fds[i] >= 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		struct inet_diag_msg m = { .idiag_family = AF_INET, .idiag_state = STATE_CLOSE, .id.idiag_sport = htons(200) };
		socklen_t size = sizeof(m.id.idiag_cookie);
		int r;

		CU_ASSERT_EQUAL(getsockopt(fds[i], SOL_SOCKET, SO_COOKIE, m.id.idiag_cookie, &size), 0);
		r = kill_socket(netlink, IPPROTO_RAW, &m, sizeof(m));
		/* A kernel without raw_diag finds none. */
		CU_ASSERT_TRUE(r == 0 || r == -EADDRINUSE || (r == -ENOENT && n_killed == 0));
		n_killed += r == 0;
		CU_ASSERT_EQUAL(lives(fds[i]), r != 0);
		for (unsigned k = 0; k < ARRAY_SIZE(fds); k++)
			CU_ASSERT_TRUE(k == i || lives(fds[k]));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_no_such_namespace(void)
{
	/* No nsfs inode has this number: they are allotted from 0xF0000000 on. */
	CU_ASSERT_EQUAL(kill_open(12345), -ENOENT);
}

void suite_source_kill(void)
{
	CU_pSuite s = CU_add_suite("source/kill", NULL, NULL);

	CU_add_test(s, "exact cookies only", test_exact_cookies_only);
	CU_add_test(s, "other messages", test_other_messages);
	CU_add_test(s, "raw sockets, which the kernel does not tell apart", test_raw);
	CU_add_test(s, "no such namespace", test_no_such_namespace);
}
