/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Malformed and random requests: the answer is an error or a well-formed dump, whatever comes in */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sock_diag.h>

#include "ask.h"

struct fuzz {
	uint64_t state;
	uint8_t bytes[16 * 1024] __attribute__((aligned(8)));
	size_t len;
	uint32_t pid;
};

static struct {
	unsigned int dumps, gets, errors, silent, messages, cut;
} counts;

/* xorshift: the same seed, the same requests. */
static uint64_t any(struct fuzz *f)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 7;
	f->state ^= f->state << 17;
	return f->state;
}

static uint32_t below(struct fuzz *f, uint32_t n)
{
	return (any(f) >> 16) % n;
}

static bool once_in(struct fuzz *f, uint32_t n)
{
	return below(f, n) == 0;
}

static uint64_t odd_number(struct fuzz *f)
{
	static const uint64_t odd[] = { 0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
					0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff };

	return once_in(f, 3) ? any(f) : odd[below(f, sizeof(odd) / sizeof(odd[0]))];
}

/* Mostly what the attribute wants, sometimes anything. */
static void put_attribute(struct fuzz *f, struct nlmsghdr *nlh)
{
	uint8_t data[8 * (SOCKETD_KEYS_MAX + 2)] = { 0 };
	uint16_t type = once_in(f, 12) ? (uint16_t)any(f) : below(f, SOCKETD_REQ_MAX + 2);
	size_t size = 4;
	uint64_t value = odd_number(f);

	switch (type) {
	case SOCKETD_REQ_FAMILIES:
		size = 8;
		if (!once_in(f, 4))
			value = 1ull << below(f, 46) | 1ull << below(f, 46);
		break;
	case SOCKETD_REQ_COOKIES:
	case SOCKETD_REQ_INODES:
		size = 8 * (once_in(f, 8) ? below(f, SOCKETD_KEYS_MAX + 3) : 1 + below(f, 4));
		for (size_t i = 0; i + 8 <= size; i += 8)
			data[i] = any(f);
		break;
	case SOCKETD_REQ_PID:
		if (!once_in(f, 4))
			value = once_in(f, 2) ? f->pid : 1 + below(f, 200);
		break;
	case SOCKETD_REQ_FD:
		if (!once_in(f, 4))
			value = below(f, 20);
		break;
	}
	if (once_in(f, 10))
		size = below(f, 20);
	if (size <= sizeof(value))
		memcpy(data, &value, sizeof(value));
	ask_put(nlh, type, data, size);
}

static void make_valid(struct fuzz *f)
{
	struct nlmsghdr *nlh = ask_start(f->bytes, 1 + below(f, 2), below(f, 4), below(f, 32), below(f, 4));
	unsigned int n = below(f, 4);

	ask_request(nlh)->states = once_in(f, 2) ? SOCKETD_STATES_ALL : (uint32_t)any(f);
	while (n--)
		put_attribute(f, nlh);
	if (once_in(f, 3)) {
		uint32_t fd = below(f, 12);

		nlh->nlmsg_flags = NLM_F_REQUEST;
		if (once_in(f, 2)) {
			ask_put(nlh, SOCKETD_REQ_PID, &f->pid, sizeof(f->pid));
			ask_put(nlh, SOCKETD_REQ_FD, &fd, sizeof(fd));
		}
	}
	if (once_in(f, 4))
		nlh->nlmsg_flags |= NLM_F_ACK;
	f->len = nlh->nlmsg_len;
}

static void mutate(struct fuzz *f)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)f->bytes;
	unsigned int n = 1 + below(f, 4);

	while (n--) {
		size_t at = sizeof(*nlh) + below(f, f->len - sizeof(*nlh));

		switch (below(f, 7)) {
		case 0: f->bytes[at] ^= 1u << below(f, 8); break;
		case 1: f->bytes[at] = any(f); break;
		case 2: {
			uint32_t value = odd_number(f);

			at = at / 4 * 4;
			memcpy(f->bytes + at, &value, sizeof(value));
			break;
		}
		case 3: nlh->nlmsg_flags ^= 1u << below(f, 16); break;
		/* The first byte of the payload is the family, which must stay ours, or others are tested. */
		case 4: f->len = sizeof(*nlh) + 2 + below(f, f->len - sizeof(*nlh)); break;
		case 5: nlh->nlmsg_len = once_in(f, 2) ? odd_number(f) : below(f, f->len + 8); break;
		case 6:
			for (size_t i = sizeof(*nlh) + sizeof(struct socketd_request); i < f->len; i++)
				f->bytes[i] = any(f);
			break;
		}
		if (f->len > sizeof(f->bytes) - 64)
			f->len = sizeof(f->bytes) - 64;
		if (f->len <= sizeof(*nlh) + 2)
			f->len = sizeof(*nlh) + 2;
	}
	if (!once_in(f, 4))
		nlh->nlmsg_len = f->len;
}

/* No answer is right only where netlink itself ignores the message. */
static bool may_be_silent(const struct fuzz *f)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)f->bytes;

	return nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > f->len || !(nlh->nlmsg_flags & NLM_F_REQUEST) ||
	       nlh->nlmsg_type < NLMSG_MIN_TYPE;
}

static void describe(const struct fuzz *f, uint64_t seed, uint64_t number, const char *what)
{
	say(false, "fuzz: seed %llu, request %llu: %s; %zu bytes:", (unsigned long long)seed, (unsigned long long)number,
	    what, f->len);
	for (size_t i = 0; i < f->len && i < 256; i++)
		printf("%02x%s", f->bytes[i], i % 32 == 31 ? "\n" : "");
	putchar('\n');
}

/* 0 the next one; 1 with a new socket, for this one is in a dump; a negative errno is a fault that was described. */
static int one(struct fuzz *f, struct ask *a, uint64_t seed, uint64_t number)
{
	struct answer answer = { .admin = true, .tasks = true };
	int r;

	make_valid(f);
	/* Some stay as they are, or nothing but errors would be tested. */
	if (!once_in(f, 4))
		mutate(f);
	f->bytes[sizeof(struct nlmsghdr)] = AF_UNSPEC;
	if (once_in(f, 200))
		((struct nlmsghdr *)f->bytes)->nlmsg_type = SOCK_DESTROY;
	r = ask_send(a, f->bytes, f->len);
	if (r < 0) {
		describe(f, seed, number, strerror(-r));
		return r;
	}
	/* One in 50 is left in the middle: the socket closes with the dump. */
	if (once_in(f, 50)) {
		ask_receive_some(a, &answer, MSG_DONTWAIT);
		counts.cut++;
		return 1;
	}
	r = ask_receive(a, &answer, MSG_DONTWAIT);
	counts.messages += answer.n_messages;
	if (answer.fault[0] || r == -EBADMSG) {
		describe(f, seed, number, answer.fault);
		return -EBADMSG;
	}
	if (r == -EAGAIN && !answer.done && !answer.acknowledged && answer.n_messages == 0) {
		counts.silent++;
		if (may_be_silent(f))
			return 0;
		describe(f, seed, number, "no answer");
		return -EBADMSG;
	}
	if (r < 0)
		counts.errors++;
	else if (answer.done)
		counts.dumps++;
	else
		counts.gets++;
	return 0;
}

/* usage: fuzz SEED COUNT */
int run_fuzz(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, n = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000, i;
	struct fuzz *f = calloc(1, sizeof(*f));
	struct ask a;
	int r = 0, fds[8];

	if (!f || ask_open(&a) < 0)
		return !say(false, "fuzz: cannot start");
	f->state = seed * 0x9e3779b97f4a7c15ull | 1;
	f->pid = getpid();
	for (int k = 0; k < 8; k++)
		fds[k] = socket(k % 2 ? AF_UNIX : AF_INET, k % 4 < 2 ? SOCK_STREAM : SOCK_DGRAM, 0);
	for (i = 0; i < n && r >= 0; i++) {
		uint8_t rest[256];

		r = one(f, &a, seed, i);
		/* An acknowledgement may follow an exact answer. */
		while (r == 0 && recv(a.fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
			;
		if (r == 1) {
			ask_close(&a);
			if (ask_open(&a) < 0)
				break;
		}
	}
	for (int k = 0; k < 8; k++)
		close(fds[k]);
	ask_close(&a);
	say(i == n && r >= 0 && counts.dumps > n / 50 && counts.errors > n / 10,
	    "fuzz: seed %llu, %llu requests: %u dumps, %u exact, %u errors, %u silent, %u left, %u messages",
	    (unsigned long long)seed, (unsigned long long)i, counts.dumps, counts.gets, counts.errors, counts.silent,
	    counts.cut, counts.messages);
	free(f);
	return 0;
}
