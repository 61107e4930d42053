/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel that says what a test wants: the other end of a netlink socket that is none */

#ifndef SOCKETD_TESTS_FAKE_KERNEL_H
#define SOCKETD_TESTS_FAKE_KERNEL_H

#include <CUnit/CUnit.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socketd/stream.h"
#include "source/netlink.h"

#define KERNEL_PORTID 4711

/* Datagrams with borders, like netlink's. */
struct kernel {
	int fd;
	struct netlink nl; /* what is tested talks here */
	size_t n;
	_Alignas(8) uint8_t batch[160 * 1024];
};

static inline void kernel_start(struct kernel *k)
{
	int fds[2] = { -1, -1 };

	k->n = 0;
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	k->fd = fds[1];
	CU_ASSERT_EQUAL_FATAL(netlink_adopt(&k->nl, fds[0], KERNEL_PORTID), 0);
	k->nl.seq = 1;
}

static inline void kernel_stop(struct kernel *k)
{
	netlink_close(&k->nl);
	close(k->fd);
}

/* Adds a message with this payload to the batch; its header, for a test to spoil. */
static inline struct nlmsghdr *kernel_put(struct kernel *k, uint16_t type, uint16_t flags, const void *payload,
					  size_t len)
{
	struct nlmsghdr *h = (void *)(k->batch + k->n);

	memset(h, 0, NLMSG_SPACE(len));
	h->nlmsg_len = NLMSG_LENGTH(len);
	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	h->nlmsg_seq = k->nl.seq;
	h->nlmsg_pid = KERNEL_PORTID;
	if (len > 0)
		memcpy(NLMSG_DATA(h), payload, len);
	k->n += NLMSG_SPACE(len);
	return h;
}

/* An inet row that is told by its inode. */
static inline struct nlmsghdr *kernel_put_row(struct kernel *k, uint16_t flags, uint32_t inode)
{
	struct inet_diag_msg msg = { .idiag_family = AF_INET, .idiag_state = 1, .idiag_inode = inode };

	return kernel_put(k, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI | flags, &msg, sizeof(msg));
}

static inline void kernel_put_done(struct kernel *k, uint16_t flags, int error)
{
	kernel_put(k, NLMSG_DONE, NLM_F_MULTI | flags, &error, sizeof(error));
}

static inline void kernel_put_error(struct kernel *k, int error)
{
	struct nlmsgerr e = { .error = error };

	kernel_put(k, NLMSG_ERROR, 0, &e, sizeof(e));
}

static inline void kernel_send(struct kernel *k)
{
	CU_ASSERT_EQUAL_FATAL(send(k->fd, k->batch, k->n, 0), (ssize_t)k->n);
	k->n = 0;
}

/* The last request that was sent; its length, or 0 when there is none. */
static inline size_t kernel_request(struct kernel *k, void *buf, size_t size)
{
	ssize_t n = recv(k->fd, buf, size, MSG_DONTWAIT);

	return n > 0 ? (size_t)n : 0;
}

/* The rows of all blocks in an arena, by inode, in order; consumes them. Returns how many there are. */
static inline unsigned int kernel_rows(struct arena *a, uint32_t *inodes, unsigned int max)
{
	const uint8_t *data;
	unsigned int n = 0;
	size_t len;

	while ((len = arena_peek(a, &data)) > 0) {
		for (size_t i = 0; i < len;) {
			const struct socketd_block *b = (const void *)(data + i);
			size_t end = i + sizeof(*b) + b->length;

			CU_ASSERT_EQUAL(b->type, SOCKETD_BLOCK_MESSAGES);
			i += sizeof(*b) + sizeof(struct socketd_messages);
			while (i < end) {
				const struct nlmsghdr *h = (const void *)(data + i);
				const struct inet_diag_msg *m = NLMSG_DATA(h);

				CU_ASSERT_EQUAL(h->nlmsg_type, SOCK_DIAG_BY_FAMILY);
				if (n < max)
					inodes[n] = m->idiag_inode;
				n++;
				i += NLMSG_ALIGN(h->nlmsg_len);
			}
			i = (end + 7) & ~(size_t)7;
		}
		arena_consume(a, len);
	}
	return n;
}

#endif
