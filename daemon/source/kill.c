/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Having the kernel destroy a socket */

/*
 * The kernel finds the socket by its ends, as it would for a packet, and then
 * compares the cookie (inet_diag_find_one_icsk(), __udp_diag_destroy()). Of a
 * SO_REUSEPORT group the packet's sender decides which socket it is: another
 * remote port is tried until the cookie fits. Raw sockets are destroyed without a
 * look at the cookie (raw_diag_destroy()), so it is asked first which one it
 * would be. Should that one close in between, and another of the same ends stand
 * behind it, it is the other's end: the kernel gives no way to rule that out.
 */

#include "source/kill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "model/cleanup.h"
#include "model/words.h"
#include "source/netns.h"
#include "source/netns_door.h"

/* Of a group of so many sockets each is found but for one time in 10^7. */
#define TRIES_MAX 4096u

/* INET_DIAG_NOCOOKIE in both words: any. */
#define ANY_COOKIE UINT64_MAX

/* A reply to a single request; a dump comes in batches of 32 KiB at most. */
#define ANSWER_MAX (32u * 1024)

struct exchange {
	int fd;
	uint32_t seq;
	_Alignas(8) uint8_t request[MNL_ALIGN(sizeof(struct nlmsghdr)) + sizeof(struct inet_diag_req_v2)];
	_Alignas(8) uint8_t answer[ANSWER_MAX];
};

static struct inet_diag_req_v2 *body(struct exchange *x)
{
	return mnl_nlmsg_get_payload((struct nlmsghdr *)x->request);
}

static uint64_t cookie_of(const struct inet_diag_sockid *id)
{
	return (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0];
}

static int send_request(struct exchange *x, uint16_t type, uint16_t flags)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h = (struct nlmsghdr *)x->request;

	h->nlmsg_len = sizeof(x->request);
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++x->seq;
	if (sendto(x->fd, h, h->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* What one message of an answer says: 1 go on, 0 the end, or what the kernel said. */
static int read_message(const struct nlmsghdr *h, uint64_t cookie, bool *found)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
		return mnl_nlmsg_get_payload_len(h) < sizeof(*e) ? -EBADMSG : e->error;
	case NLMSG_DONE:
		return 0;
	case SOCK_DIAG_BY_FAMILY:
		if (mnl_nlmsg_get_payload_len(h) >= sizeof(*m) && cookie_of(&m->id) == cookie)
			*found = true;
		return 1;
	}
	return 1;
}

/*
 * The answer to the last request: 0 or what the kernel said, and whether the
 * socket of this cookie was in it. The kernel works while it is sent to: what
 * there is of an answer is there, and the next part of a dump with each receive.
 */
static int receive(struct exchange *x, uint64_t cookie, bool *found)
{
	*found = false;
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(x->fd, x->answer, sizeof(x->answer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
		const struct nlmsghdr *h = (const struct nlmsghdr *)x->answer;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid != 0)
			continue;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			int r = h->nlmsg_seq == x->seq ? read_message(h, cookie, found) : 1;

			if (r <= 0)
				return r;
		}
	}
}

/* Whether the socket is there, wherever: a dump is of the ports that its request names. */
static bool is_there(struct exchange *x, uint64_t cookie)
{
	bool found = false;

	body(x)->id = (struct inet_diag_sockid){ 0 };
	return send_request(x, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP) >= 0 && receive(x, cookie, &found) >= 0 && found;
}

static int destroy(struct exchange *x)
{
	bool found;
	int r = send_request(x, SOCK_DESTROY, NLM_F_ACK);

	return r < 0 ? r : receive(x, 0, &found);
}

/* What is at these ends is another one: TCP says ESTALE, UDP the same as if nothing were there. */
static bool is_miss(int r)
{
	return r == -ENOENT || r == -ESTALE;
}

/* A socket that takes packets from any sender: who sends decides which of a group it is. */
static int destroy_of_group(struct exchange *x)
{
	int r = -ENOENT;

	for (unsigned i = 1; i <= TRIES_MAX && is_miss(r); i++) {
		body(x)->id.idiag_dport = htons((uint16_t)(i * 13));
		r = destroy(x);
	}
	body(x)->id.idiag_dport = 0;
	return r;
}

/* Neither here nor there: the kernel's lookup does not lead to it. */
static int gone_or_hidden(struct exchange *x, uint64_t cookie)
{
	return is_there(x, cookie) ? -EADDRINUSE : -ENOENT;
}

static int destroy_raw(struct exchange *x, uint64_t cookie)
{
	bool found;
	int r;

	r = send_request(x, SOCK_DIAG_BY_FAMILY, NLM_F_ACK);
	if (r >= 0)
		r = receive(x, cookie, &found);
	if (r < 0 && !is_miss(r))
		return r;
	if (r < 0 || !found)
		return gone_or_hidden(x, cookie);
	return destroy(x);
}

static void put_request(struct exchange *x, uint16_t protocol, const struct inet_diag_msg *m)
{
	struct inet_diag_req_v2 *r = body(x);

	r->sdiag_family = m->idiag_family;
	r->sdiag_protocol = (uint8_t)protocol;
	/* struct inet_diag_req_raw: the protocol of a raw socket is its port. */
	if (protocol == IPPROTO_RAW)
		r->pad = (uint8_t)ntohs(m->id.idiag_sport);
	r->idiag_states = STATES_ALL;
	r->id = m->id;
}

static bool takes_from_any(uint16_t protocol, const struct inet_diag_msg *m)
{
	if (protocol == IPPROTO_TCP)
		return m->idiag_state == STATE_LISTEN;
	return (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE) && m->id.idiag_dport == 0;
}

int kill_socket(int fd, uint16_t protocol, const void *message, size_t len)
{
	struct exchange x = { .fd = fd };
	struct inet_diag_msg m;
	uint64_t cookie;
	int r;

	if (len < sizeof(m))
		return -EBADMSG;
	memcpy(&m, message, sizeof(m));
	cookie = cookie_of(&m.id);
	if (cookie == 0 || cookie == ANY_COOKIE)
		return -EINVAL;
	if ((m.idiag_family != AF_INET && m.idiag_family != AF_INET6) || protocol == 0 || protocol > UINT8_MAX)
		return -EOPNOTSUPP;
	put_request(&x, protocol, &m);
	if (protocol == IPPROTO_RAW)
		return destroy_raw(&x, cookie);
	r = destroy(&x);
	if (is_miss(r) && takes_from_any(protocol, &m))
		r = destroy_of_group(&x);
	return is_miss(r) ? gone_or_hidden(&x, cookie) : r;
}

static int open_here(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

int kill_open(uint64_t netns)
{
	CLEANUP(netns_list_deinit) struct netns_list list = { 0 };
	CLEANUP(netns_door_free) struct netns_door *door = NULL;
	CLEANUP(close) int ns = -1;
	const struct netns *place;
	int r;

	if (netns == 0 || netns == netns_own_ino())
		return open_here();
	r = netns_discover(&list, NETNS_MAX);
	if (r < 0)
		return r;
	place = netns_list_find(&list, netns);
	if (!place)
		return -ENOENT;
	ns = netns_enter_fd(place);
	if (ns < 0)
		return ns == -ESTALE ? -ENOENT : ns;
	r = netns_door_new(&door);
	return r < 0 ? r : netns_door_open(door, ns, NETNS_SOCK_DIAG, NULL);
}
