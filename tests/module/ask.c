/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests out, answers in */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sock_diag.h>

#include "ask.h"

unsigned int n_failed;

bool say(bool ok, const char *format, ...)
{
	va_list ap;

	if (!ok)
		n_failed++;
	fputs(ok ? "ok   " : "FAIL ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return ok;
}

bool say_answer(const struct answer *a, int r, const char *name)
{
	return say(r == 0 && !a->fault[0], "%s: %s, %u sockets, %u tasks%s%s", name, r ? strerror(-r) : "answered",
		   a->n_sockets, a->n_tasks, a->fault[0] ? ": " : "", a->fault);
}

int ask_open(struct ask *ret)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(address);
	struct timeval limit = { .tv_sec = 60 };
	int one = 1, r;

	*ret = (struct ask){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG) };
	if (ret->fd < 0)
		return -errno;
	ret->buffer = malloc(ASK_BUFFER);
	if (!ret->buffer) {
		close(ret->fd);
		return -ENOMEM;
	}
	if (bind(ret->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(ret->fd, (struct sockaddr *)&address, &len) < 0 ||
	    setsockopt(ret->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(ret->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(ret->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		r = -errno;
		ask_close(ret);
		return r;
	}
	ret->portid = address.nl_pid;
	return 0;
}

void ask_close(struct ask *a)
{
	close(a->fd);
	free(a->buffer);
	a->buffer = NULL;
	a->fd = -1;
}

struct nlmsghdr *ask_start(void *buffer, uint8_t what, uint32_t walks, uint32_t groups, uint32_t flags)
{
	struct nlmsghdr *nlh = buffer;
	struct socketd_request *request = ask_request(nlh);

	memset(nlh, 0, NLMSG_SPACE(sizeof(*request)));
	nlh->nlmsg_len = NLMSG_LENGTH(sizeof(*request));
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*request = (struct socketd_request){
		.version = SOCKETD_UAPI_VERSION,
		.what = what,
		.magic = SOCKETD_UAPI_MAGIC,
		.walks = walks,
		.groups = groups,
		.states = SOCKETD_STATES_ALL,
		.flags = flags,
	};
	return nlh;
}

struct socketd_request *ask_request(struct nlmsghdr *nlh)
{
	return NLMSG_DATA(nlh);
}

void ask_put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t size)
{
	struct nlattr *a = (struct nlattr *)((uint8_t *)nlh + NLMSG_ALIGN(nlh->nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + size;
	memset((uint8_t *)a + NLA_HDRLEN, 0, NLA_ALIGN(size));
	memcpy((uint8_t *)a + NLA_HDRLEN, data, size);
	nlh->nlmsg_len = NLMSG_ALIGN(nlh->nlmsg_len) + NLA_ALIGN(a->nla_len);
}

int ask_send(struct ask *a, const void *bytes, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(a->fd, bytes, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
}

/* The text of an extended acknowledgement, when there is one; with CAP_ACK only the head is repeated. */
static void read_ack(struct answer *ret, const struct nlmsghdr *nlh, size_t skip)
{
	const uint8_t *p = (const uint8_t *)NLMSG_DATA(nlh) + skip, *end = (const uint8_t *)nlh + nlh->nlmsg_len;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const struct nlattr *)p;

		if (a->nla_len < NLA_HDRLEN || p + a->nla_len > end)
			break;
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			snprintf(ret->text, sizeof(ret->text), "%.*s", (int)(a->nla_len - NLA_HDRLEN), (const char *)p + NLA_HDRLEN);
		p += NLA_ALIGN(a->nla_len);
	}
}

static int take(struct ask *a, struct answer *ret, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *error = NLMSG_DATA(nlh);
	const int *done = NLMSG_DATA(nlh);

	if (nlh->nlmsg_pid != a->portid)
		snprintf(ret->fault, sizeof(ret->fault), "nlmsg_pid %u, not %u", nlh->nlmsg_pid, a->portid);
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		ret->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
			return -EBADMSG;
		ret->error = error->error;
		ret->acknowledged = true;
		if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
			read_ack(ret, nlh, sizeof(*error));
		return 1;
	case NLMSG_DONE:
		ret->done = true;
		ret->error = nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(*done)) ? *done : 0;
		if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
			read_ack(ret, nlh, sizeof(*done));
		return 1;
	default:
		check_message(ret, nlh);
		/* An exact answer is one message. */
		return nlh->nlmsg_flags & NLM_F_MULTI ? 0 : 1;
	}
}

int ask_receive_some(struct ask *a, struct answer *ret, int flags)
{
	ssize_t n = recv(a->fd, a->buffer, ASK_BUFFER, flags | MSG_TRUNC);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)a->buffer;
	int r = 0;

	if (n < 0)
		return -errno;
	if (n > ASK_BUFFER) {
		snprintf(ret->fault, sizeof(ret->fault), "a datagram of %zd bytes", n);
		return -EBADMSG;
	}
	for (; n > 0; n -= NLMSG_ALIGN(nlh->nlmsg_len), nlh = (const struct nlmsghdr *)((const uint8_t *)nlh + NLMSG_ALIGN(nlh->nlmsg_len))) {
		int taken;

		if (n < NLMSG_HDRLEN || nlh->nlmsg_len < NLMSG_HDRLEN || nlh->nlmsg_len > (size_t)n) {
			snprintf(ret->fault, sizeof(ret->fault), "message of %u bytes in %zd", nlh->nlmsg_len, n);
			return -EBADMSG;
		}
		taken = take(a, ret, nlh);
		if (taken < 0)
			return taken;
		r |= taken;
		if (NLMSG_ALIGN(nlh->nlmsg_len) >= (size_t)n)
			break;
	}
	return r;
}

int ask_receive(struct ask *a, struct answer *ret, int flags)
{
	int r;

	do
		r = ask_receive_some(a, ret, flags);
	while (r == 0);
	if (r < 0)
		return r;
	if (ret->fault[0])
		return -EBADMSG;
	return ret->error;
}

int ask(struct ask *a, struct nlmsghdr *nlh, struct answer *ret)
{
	int r;

	nlh->nlmsg_seq = ++a->seq;
	r = ask_send(a, nlh, nlh->nlmsg_len);
	if (r < 0)
		return r;
	r = ask_receive(a, ret, 0);
	if (r == 0 && ret->done && (!ret->meta || !ret->totals)) {
		snprintf(ret->fault, sizeof(ret->fault), "a dump without %s", ret->meta ? "totals" : "meta");
		return -EBADMSG;
	}
	return r;
}

int ask_dump(struct ask *a, uint8_t what, uint32_t walks, uint32_t groups, uint32_t flags, struct answer *ret)
{
	uint8_t buffer[256] __attribute__((aligned(8)));

	return ask(a, ask_start(buffer, what, walks, groups, flags), ret);
}
