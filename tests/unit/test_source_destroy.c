/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel tells of sockets that close, against their cookies; what it drops, against its own count */

#include "source/destroy.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "model/source_id.h"
#include "socketd/stream.h"
#include "unit/netns.h"
#include "unit/suites.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

#define N_PAIRS 40
#define N_UDP 60

static struct arena arena;

/* What was told. */
static struct {
	uint64_t cookie;
	uint32_t source;
	uint8_t family;
	bool has_info;
} told[4096];
static unsigned int n_told;

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	CU_ASSERT_EQUAL(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	return cookie;
}

static void take_message(uint32_t source, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	size_t i = NLMSG_SPACE(sizeof(*m));

	CU_ASSERT_TRUE_FATAL(n_told < sizeof(told) / sizeof(told[0]));
	told[n_told].cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	told[n_told].source = source;
	told[n_told].family = m->idiag_family;
	told[n_told].has_info = false;
	while (i + NLA_HDRLEN <= h->nlmsg_len) {
		const struct nlattr *a = (const void *)((const uint8_t *)h + i);

		told[n_told].has_info |= a->nla_type == INET_DIAG_INFO && a->nla_len > 100;
		i += NLA_ALIGN(a->nla_len);
	}
	n_told++;
}

/* Takes the blocks of the arena; one message each. */
static void take_blocks(void)
{
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(&arena, &data)) > 0) {
		for (size_t i = 0; i < len;) {
			const struct socketd_block *b = (const void *)(data + i);
			const struct socketd_messages *head = (const void *)(b + 1);
			const struct nlmsghdr *h = (const void *)(head + 1);

			CU_ASSERT_EQUAL(b->type, SOCKETD_BLOCK_MESSAGES);
			CU_ASSERT_EQUAL(b->length, sizeof(*head) + NLMSG_ALIGN(h->nlmsg_len));
			take_message(head->source, h);
			i += sizeof(*b) + ((b->length + 7) & ~7u);
		}
		arena_consume(&arena, len);
	}
}

/* Receives until so many were told, or nothing more comes for a while. Sum of what was said to be lost. */
static uint64_t receive(struct destroy *d, unsigned int n, int wait_msec)
{
	uint64_t lost = 0;

	while (n_told < n) {
		struct pollfd p = { .fd = d->fd, .events = POLLIN };
		uint64_t now = 0;
		int r = destroy_receive(d, &arena, &now);

		CU_ASSERT_TRUE_FATAL(r == 1 || r == -EAGAIN || r == -ENOBUFS);
		if (r == -ENOBUFS)
			CU_ASSERT_TRUE(now >= 1);
		lost += now;
		take_blocks();
		if (r == -EAGAIN && poll(&p, 1, wait_msec) == 0)
			break;
	}
	return lost;
}

static unsigned int count_told(uint64_t cookie, uint32_t source, uint8_t family, bool has_info)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_told; i++)
		n += told[i].cookie == cookie && told[i].source == source && told[i].family == family &&
		     told[i].has_info == has_info;
	return n;
}

/* A listener, and both ends of connections to it, with their cookies. */
struct pairs {
	int listener, client[N_PAIRS], server[N_PAIRS];
	uint64_t cookie[2 * N_PAIRS + 1];
};

static void pairs_open(struct pairs *p, int family)
{
	struct sockaddr_in6 in6 = { .sin6_family = family, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = family, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *address = family == AF_INET ? (void *)&in : (void *)&in6;
	socklen_t len = family == AF_INET ? sizeof(in) : sizeof(in6);

	p->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(p->listener, address, len), 0);
	CU_ASSERT_EQUAL_FATAL(listen(p->listener, N_PAIRS), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(p->listener, address, &len), 0);
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		p->client[i] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CU_ASSERT_EQUAL_FATAL(connect(p->client[i], address, len), 0);
		p->server[i] = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
		CU_ASSERT_TRUE_FATAL(p->server[i] >= 0);
		p->cookie[2 * i] = cookie_of(p->client[i]);
		p->cookie[2 * i + 1] = cookie_of(p->server[i]);
	}
	p->cookie[2 * N_PAIRS] = cookie_of(p->listener);
}

static void pairs_close(struct pairs *p)
{
	for (unsigned int i = 0; i < N_PAIRS; i++) {
		close(p->client[i]);
		close(p->server[i]);
	}
	close(p->listener);
}

static void expect_pairs(const struct pairs *p, enum source_id source, int family)
{
	for (unsigned int i = 0; i < sizeof(p->cookie) / sizeof(p->cookie[0]); i++)
		CU_ASSERT_EQUAL(count_told(p->cookie[i], source, family, true), 1);
}

static void test_each_closing_is_told_once(void)
{
	static const int udp_families[] = { AF_INET, AF_INET6 };
	uint64_t udp_cookies[2][N_UDP];
	int back = netns_enter(), udp[2][N_UDP];
	struct pairs v4, v6;
	struct destroy d;
	unsigned int n = 2 * (2 * N_PAIRS + 1) + 2 * N_UDP;

	if (back < 0)
		return;
	n_told = 0;
	CU_ASSERT_EQUAL_FATAL(destroy_open(&d), 0);
	pairs_open(&v4, AF_INET);
	pairs_open(&v6, AF_INET6);
	for (unsigned int f = 0; f < 2; f++) {
		for (unsigned int i = 0; i < N_UDP; i++) {
			udp[f][i] = socket(udp_families[f], SOCK_DGRAM | SOCK_CLOEXEC, 0);
			udp_cookies[f][i] = cookie_of(udp[f][i]);
		}
	}
	CU_ASSERT_EQUAL(receive(&d, 1, 20), 0);
	CU_ASSERT_EQUAL(n_told, 0);
	pairs_close(&v4);
	pairs_close(&v6);
	for (unsigned int f = 0; f < 2; f++)
		for (unsigned int i = 0; i < N_UDP; i++)
			close(udp[f][i]);
	CU_ASSERT_EQUAL(receive(&d, n, 2000), 0);
	CU_ASSERT_EQUAL(receive(&d, n + 1, 20), 0);
	CU_ASSERT_EQUAL(n_told, n);
	expect_pairs(&v4, SOURCE_tcp4, AF_INET);
	expect_pairs(&v6, SOURCE_tcp6, AF_INET6);
	for (unsigned int i = 0; i < N_UDP; i++) {
		CU_ASSERT_EQUAL(count_told(udp_cookies[0][i], SOURCE_udp4, AF_INET, false), 1);
		CU_ASSERT_EQUAL(count_told(udp_cookies[1][i], SOURCE_udp6, AF_INET6, false), 1);
	}
	destroy_close(&d);
	arena_deinit(&arena);
	netns_leave(back);
}

/* The Drops column of /proc/net/netlink for the socket of this inode; -1 when it is not there. */
static long drops_in_proc(int fd)
{
	CLEANUP(fclose) FILE *f = fopen("/proc/thread-self/net/netlink", "r");
	char line[256];
	struct stat st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fstat(fd, &st), 0);
	while (fgets(line, sizeof(line), f)) {
		unsigned long inode;
		long drops;

		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %ld %lu", &drops, &inode) == 2 && inode == st.st_ino)
			return drops;
	}
	return -1;
}

static void close_some(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(socket(i % 2 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/* Closes so many, and waits until the kernel has told of them: it does so later, from a queue of its own. */
static void close_and_wait(struct destroy *witness, unsigned int n)
{
	n_told = 0;
	close_some(n);
	CU_ASSERT_EQUAL(receive(witness, n, 5000), 0);
	CU_ASSERT_EQUAL(n_told, n);
	/* The other listener's turn can come after this one's. */
	usleep(5000);
	n_told = 0;
}

static void test_what_is_lost_is_counted(void)
{
	struct destroy d, witness;
	int back = netns_enter(), small = 8192;
	uint64_t lost, first;
	unsigned int received;

	if (back < 0)
		return;
	CU_ASSERT_EQUAL_FATAL(destroy_open(&d), 0);
	CU_ASSERT_EQUAL_FATAL(destroy_open(&witness), 0);
	CU_ASSERT_EQUAL(setsockopt(d.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);

	/* 2000 closings, nobody reads. */
	close_and_wait(&witness, 2000);
	lost = receive(&d, 4000, 50);
	received = n_told;
	CU_ASSERT_TRUE(received > 0 && lost > 1000);
	CU_ASSERT_EQUAL(received + lost, 2000);
	CU_ASSERT_EQUAL(d.n_lost, lost);
	CU_ASSERT_EQUAL(drops_in_proc(d.fd), (long)lost);

	/* More are dropped after ENOBUFS was said, before all is read: the kernel does not say it again. */
	close_and_wait(&witness, 500);
	CU_ASSERT_EQUAL(destroy_receive(&d, &arena, &first), -ENOBUFS);
	CU_ASSERT_EQUAL(destroy_receive(&d, &arena, &lost), 1);
	take_blocks();
	received = n_told;
	close_and_wait(&witness, 300);
	lost = receive(&d, 4000, 50);
	received += n_told;
	CU_ASSERT_TRUE(lost > 0);
	CU_ASSERT_EQUAL(received + first + lost, 800);
	CU_ASSERT_EQUAL(drops_in_proc(d.fd), (long)d.n_lost);

	/* And then it is well again. */
	close_and_wait(&witness, 3);
	CU_ASSERT_EQUAL(receive(&d, 3, 50), 0);
	CU_ASSERT_EQUAL(n_told, 3);
	destroy_close(&d);
	destroy_close(&witness);
	arena_deinit(&arena);
	netns_leave(back);
}

/* Twenty thousand at once fit the buffer, where we may have the one we ask for. */
static void test_a_burst_fits(void)
{
	struct destroy d;
	int back = netns_enter(), size = 0;
	socklen_t len = sizeof(size);
	uint64_t lost = 0;
	unsigned int n = 0;

	if (back < 0)
		return;
	CU_ASSERT_EQUAL_FATAL(destroy_open(&d), 0);
	CU_ASSERT_EQUAL(getsockopt(d.fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	if (size >= (int)DESTROY_BUFFER) {
		close_some(20000);
		for (unsigned int i = 0; i < 30 && n + lost < 20000; i++) {
			n_told = 0;
			lost += receive(&d, 1000, 500);
			n += n_told;
		}
		CU_ASSERT_EQUAL(lost, 0);
		CU_ASSERT_EQUAL(n, 20000);
	}
	destroy_close(&d);
	arena_deinit(&arena);
	netns_leave(back);
}

/* A message as the kernel would send it, with keys of TCP_MD5SIG. */
static struct {
	struct nlmsghdr h;
	struct inet_diag_msg msg;
	struct nlattr protocol;
	uint32_t protocol_value;
	struct nlattr md5;
	struct tcp_diag_md5sig key;
} __attribute__((packed, aligned(8))) fake;

static void fake_fill(uint8_t family, uint8_t protocol)
{
	memset(&fake, 0, sizeof(fake));
	fake.h = (struct nlmsghdr){ .nlmsg_len = sizeof(fake), .nlmsg_type = SOCK_DIAG_BY_FAMILY };
	fake.msg.idiag_family = family;
	fake.msg.id.idiag_cookie[0] = 7;
	fake.protocol = (struct nlattr){ .nla_len = NLA_HDRLEN + 1, .nla_type = INET_DIAG_PROTOCOL };
	fake.protocol_value = protocol;
	fake.md5 = (struct nlattr){ .nla_len = NLA_HDRLEN + sizeof(fake.key), .nla_type = INET_DIAG_MD5SIG };
	memcpy(fake.key.tcpm_key, "secret", 6);
	fake.key.tcpm_keylen = 6;
}

static int receive_fake(struct destroy *d, int from, size_t len)
{
	uint64_t lost = 0;

	CU_ASSERT_EQUAL(send(from, &fake, len, 0), (ssize_t)len);
	return destroy_receive(d, &arena, &lost);
}

static void test_what_is_taken(void)
{
	struct destroy d;
	uint64_t lost;
	const uint8_t *data;
	size_t len;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(destroy_adopt(&d, fds[0], 1), 0);
	CU_ASSERT_EQUAL(destroy_receive(&d, &arena, &lost), -EAGAIN);
	fake_fill(AF_INET6, IPPROTO_UDPLITE);
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], sizeof(fake)), 1);
	len = arena_peek(&arena, &data);
	CU_ASSERT_TRUE(len > sizeof(fake));
	CU_ASSERT_PTR_NULL(memmem(data, len, "secret", 6));
	n_told = 0;
	take_blocks();
	CU_ASSERT_EQUAL(count_told(7, SOURCE_udplite6, AF_INET6, false), 1);

	/* No protocol or family of ours; no such message; lengths that are none. */
	fake_fill(AF_INET, IPPROTO_SCTP);
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], sizeof(fake)), -EBADMSG);
	fake_fill(AF_UNIX, IPPROTO_TCP);
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], sizeof(fake)), -EBADMSG);
	fake_fill(AF_INET, IPPROTO_TCP);
	fake.h.nlmsg_type = NLMSG_ERROR;
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], sizeof(fake)), -EBADMSG);
	fake_fill(AF_INET, IPPROTO_TCP);
	fake.h.nlmsg_len = NLMSG_LENGTH(sizeof(struct inet_diag_msg)) - 1;
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], sizeof(fake)), -EBADMSG);
	fake_fill(AF_INET, IPPROTO_TCP);
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], sizeof(fake) - 1), -EBADMSG);
	CU_ASSERT_EQUAL(receive_fake(&d, fds[1], 5), -EBADMSG);
	CU_ASSERT_EQUAL(arena_pending(&arena), 0);
	destroy_close(&d);
	close(fds[1]);
	arena_deinit(&arena);
}

/* A process that says it were the kernel. */
static void test_forged(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct destroy d;
	uint64_t lost;

	CU_ASSERT_EQUAL_FATAL(destroy_open(&d), 0);
	to.nl_pid = d.portid;
	fake_fill(AF_INET, IPPROTO_TCP);
	fake.msg.id.idiag_cookie[1] = 0xabcdef01;
	if (sendto(other, &fake, sizeof(fake), 0, (void *)&to, sizeof(to)) == sizeof(fake)) {
		int r;

		/* Others of this namespace may close some meanwhile. */
		while ((r = destroy_receive(&d, &arena, &lost)) == 1)
			;
		CU_ASSERT_EQUAL(r, -EBADMSG);
		n_told = 0;
		take_blocks();
		CU_ASSERT_EQUAL(count_told(UINT64_C(0xabcdef0100000007), SOURCE_tcp4, AF_INET, false), 0);
	}
	close(other);
	destroy_close(&d);
	arena_deinit(&arena);
}

void suite_source_destroy(void)
{
	CU_pSuite s = CU_add_suite("source/destroy", NULL, NULL);

	CU_add_test(s, "each closing is told once, by its cookie", test_each_closing_is_told_once);
	CU_add_test(s, "what is lost is counted, to one", test_what_is_lost_is_counted);
	CU_add_test(s, "a burst of 20 000 fits", test_a_burst_fits);
	CU_add_test(s, "what is taken, and without keys", test_what_is_taken);
	CU_add_test(s, "a forged message is dropped", test_forged);
}
