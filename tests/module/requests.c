/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each wrong request and its error, said by name; right ones about sockets that are known */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"

static uint8_t buffer[ASK_BUFFER] __attribute__((aligned(8)));

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* A wrong value at a place of the request's head. */
struct wrong {
	const char *name;
	size_t offset;
	uint8_t size;
	uint32_t value;
	int error;
};

static const struct wrong wrongs[] = {
	{ "version", offsetof(struct socketd_request, version), 1, 99, -EPROTONOSUPPORT },
	{ "version 0", offsetof(struct socketd_request, version), 1, 0, -EPROTONOSUPPORT },
	{ "magic", offsetof(struct socketd_request, magic), 4, 0x12345678, -EINVAL },
	{ "what 0", offsetof(struct socketd_request, what), 1, 0, -EINVAL },
	{ "what 200", offsetof(struct socketd_request, what), 1, 200, -EINVAL },
	{ "sdiag_protocol", offsetof(struct socketd_request, sdiag_protocol), 1, 6, -EINVAL },
	{ "walks", offsetof(struct socketd_request, walks), 4, 0x80000001, -EINVAL },
	{ "groups", offsetof(struct socketd_request, groups), 4, 0x20, -EINVAL },
	{ "flags", offsetof(struct socketd_request, flags), 4, 0x100, -EINVAL },
};

static void wrong_heads(struct ask *a)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		struct nlmsghdr *nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALK_TABLES, 0, 0);
		struct answer answer = { .admin = true, .tasks = true };
		int r;

		memcpy((uint8_t *)ask_request(nlh) + w->offset, &w->value, w->size);
		r = ask(a, nlh, &answer);
		say(r == w->error && answer.text[0], "wrong %s: %s: %s", w->name, strerror(-r), answer.text);
	}
}

struct wrong_attribute {
	const char *name;
	uint16_t type;
	uint16_t size;
	uint64_t value;
	int error;
};

static const struct wrong_attribute wrong_attributes[] = {
	{ "unknown attribute", 99, 4, 0, -EINVAL },
	{ "next attribute", SOCKETD_REQ_MAX + 1, 4, 0, -EINVAL },
	{ "families of 4 bytes", SOCKETD_REQ_FAMILIES, 4, 1, -EINVAL },
	{ "cookies of 0 bytes", SOCKETD_REQ_COOKIES, 0, 0, -EINVAL },
	{ "cookies of 12 bytes", SOCKETD_REQ_COOKIES, 12, 0, -EINVAL },
	{ "513 cookies", SOCKETD_REQ_COOKIES, (SOCKETD_KEYS_MAX + 1) * 8, 0, -EINVAL },
	{ "513 inodes", SOCKETD_REQ_INODES, (SOCKETD_KEYS_MAX + 1) * 8, 0, -EINVAL },
	{ "inodes of 7 bytes", SOCKETD_REQ_INODES, 7, 0, -EINVAL },
	{ "pid of 2 bytes", SOCKETD_REQ_PID, 2, 1, -EINVAL },
	{ "fd without pid", SOCKETD_REQ_FD, 4, 1, -EINVAL },
};

static void wrong_attribute_list(struct ask *a)
{
	static const uint8_t nothing[8192];

	for (size_t i = 0; i < sizeof(wrong_attributes) / sizeof(wrong_attributes[0]); i++) {
		const struct wrong_attribute *w = &wrong_attributes[i];
		struct nlmsghdr *nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALK_TABLES, 0, 0);
		struct answer answer = { .admin = true, .tasks = true };
		int r;

		ask_put(nlh, w->type, w->size > sizeof(w->value) ? (const void *)nothing : &w->value, w->size);
		r = ask(a, nlh, &answer);
		/* netlink's own check of lengths has another error since Linux 6.3. */
		say((r == w->error || r == -ERANGE) && answer.text[0], "wrong %s: %s: %s", w->name, strerror(-r), answer.text);
	}
}

static void wrong_lengths(struct ask *a)
{
	static const size_t lengths[] = { 2, 4, 8, sizeof(struct socketd_request) - 4, sizeof(struct socketd_request) - 1 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct nlmsghdr *nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALK_TABLES, 0, 0);
		struct answer answer = { .admin = true, .tasks = true };
		int r;

		nlh->nlmsg_len = NLMSG_LENGTH(lengths[i]);
		r = ask(a, nlh, &answer);
		say(r == -EINVAL, "request of %zu bytes: %s", lengths[i], strerror(-r));
	}
}

static int get(struct ask *a, uint32_t pid, uint32_t fd, const uint64_t *cookie, struct answer *ret)
{
	struct nlmsghdr *nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, 0, SOCKETD_GROUPS_ALL, 0);

	*ret = (struct answer){ .admin = true, .tasks = true, .socket = ret->socket, .ctx = ret->ctx };
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ask_put(nlh, SOCKETD_REQ_PID, &pid, sizeof(pid));
	ask_put(nlh, SOCKETD_REQ_FD, &fd, sizeof(fd));
	if (cookie)
		ask_put(nlh, SOCKETD_REQ_COOKIES, cookie, sizeof(*cookie));
	return ask(a, nlh, ret);
}

static void keep_message(const struct socketd_message *m, void *ctx)
{
	memcpy(ctx, m, sizeof(*m));
}

static void exact(struct ask *a)
{
	struct socketd_message m = { 0 };
	struct answer answer = { .socket = keep_message, .ctx = &m };
	int fd = socket(AF_INET, SOCK_STREAM, 0), file = open("/dev/null", O_RDONLY), r;
	uint64_t cookie = cookie_of(fd), other = cookie + 12345;

	r = get(a, getpid(), fd, NULL, &answer);
	say(r == 0 && answer.n_sockets == 1 && m.cookie == cookie && m.inode == inode_of(fd) && m.pid == (uint32_t)getpid() &&
	    m.fd == (uint32_t)fd, "get by pid and fd: %s%s", strerror(-r), answer.fault);
	r = get(a, getpid(), fd, &cookie, &answer);
	say(r == 0 && answer.n_sockets == 1, "get by pid, fd and cookie: %s", strerror(-r));
	r = get(a, getpid(), fd, &other, &answer);
	say(r == -ESTALE, "get, another cookie: %s", strerror(-r));
	r = get(a, getpid(), file, NULL, &answer);
	say(r == -ENOENT, "get, no socket: %s", strerror(-r));
	r = get(a, getpid(), 1000, NULL, &answer);
	say(r == -ENOENT, "get, no descriptor: %s", strerror(-r));
	r = get(a, 0x3ffffff, 3, NULL, &answer);
	say(r == -ESRCH, "get, no process: %s", strerror(-r));
	close(file);
	close(fd);
	ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALK_TABLES, 0, 0)->nlmsg_flags = NLM_F_REQUEST;
	answer = (struct answer){ .admin = true, .tasks = true };
	r = ask(a, (struct nlmsghdr *)buffer, &answer);
	say(r == -EOPNOTSUPP && answer.text[0], "get without pid and fd: %s: %s", strerror(-r), answer.text);
}

static int select_by(struct ask *a, uint16_t type, const void *data, size_t size, struct answer *ret)
{
	struct nlmsghdr *nlh = ask_start(buffer, SOCKETD_WHAT_SOCKETS, SOCKETD_WALKS_ALL, SOCKETD_GROUPS_ALL, 0);

	*ret = (struct answer){ .admin = true, .tasks = true };
	ask_put(nlh, type, data, size);
	return ask(a, nlh, ret);
}

static void selections(struct ask *a)
{
	uint64_t keys[SOCKETD_KEYS_MAX] = { 0 }, families = 1ull << AF_UNIX, none = 1ull << AF_APPLETALK;
	struct answer answer;
	int fds[50], r;
	uint32_t pid = getpid();

	for (int i = 0; i < 50; i++) {
		fds[i] = socket(i % 2 ? AF_UNIX : AF_INET, i % 3 ? SOCK_DGRAM : SOCK_STREAM, 0);
		/* Larger first: the module has to sort. */
		keys[49 - i] = cookie_of(fds[i]);
	}
	r = select_by(a, SOCKETD_REQ_COOKIES, keys, 50 * sizeof(keys[0]), &answer);
	say(r == 0 && answer.n_sockets == 50, "50 cookies: %u sockets %s", answer.n_sockets, answer.fault);
	for (int i = 0; i < 50; i++)
		keys[i] = inode_of(fds[i]);
	for (int i = 50; i < SOCKETD_KEYS_MAX; i++)
		keys[i] = 1ull << 60 | i;
	r = select_by(a, SOCKETD_REQ_INODES, keys, sizeof(keys), &answer);
	say(r == 0 && answer.n_sockets == 50, "512 inodes: %u sockets %s", answer.n_sockets, answer.fault);
	r = select_by(a, SOCKETD_REQ_PID, &pid, sizeof(pid), &answer);
	say(r == 0 && answer.n_sockets == 51, "by pid: %u sockets %s", answer.n_sockets, answer.fault);
	r = select_by(a, SOCKETD_REQ_FAMILIES, &families, sizeof(families), &answer);
	say(r == 0 && answer.n_sockets >= 25, "family AF_UNIX: %u sockets %s", answer.n_sockets, answer.fault);
	r = select_by(a, SOCKETD_REQ_FAMILIES, &none, sizeof(none), &answer);
	say(r == 0 && answer.n_sockets == 0, "family nobody uses: %u sockets %s", answer.n_sockets, answer.fault);
	for (int i = 0; i < 50; i++)
		close(fds[i]);
}

/* A listener made between two dumps is a change that the second one's meta has counted. */
static void generations(struct ask *a)
{
	struct answer before = { .admin = true, .tasks = true }, after = before;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ask_dump(a, SOCKETD_WHAT_SOCKETS, 0, 0, 0, &before);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		say(false, "a listener: %m");
	close(fd);
	ask_dump(a, SOCKETD_WHAT_SOCKETS, 0, 0, 0, &after);
	say(after.first.generation == before.first.generation + 2, "generation: %llu, then %llu",
	    (unsigned long long)before.first.generation, (unsigned long long)after.first.generation);
	say(before.first.version == SOCKETD_UAPI_VERSION && before.first.flags == (SOCKETD_META_ADMIN | SOCKETD_META_TASKS) &&
	    before.n_messages == 2, "meta and totals alone: version %u, flags %u, %u messages", before.first.version,
	    before.first.flags, before.n_messages);
}

int run_requests(int argc, char **argv)
{
	struct answer answer = { .admin = true, .tasks = true };
	struct ask a;
	int r;

	(void)argc;
	(void)argv;
	r = ask_open(&a);
	if (r < 0)
		return !say(false, "ask_open: %s", strerror(-r));
	wrong_heads(&a);
	wrong_attribute_list(&a);
	wrong_lengths(&a);
	exact(&a);
	selections(&a);
	generations(&a);
	r = ask_dump(&a, SOCKETD_WHAT_SOCKETS, SOCKETD_WALKS_ALL, SOCKETD_GROUPS_ALL, SOCKETD_FLAG_ALL_NETNS, &answer);
	say_answer(&answer, r, "all of all");
	answer = (struct answer){ .admin = true, .tasks = true };
	r = ask_dump(&a, SOCKETD_WHAT_TASKS, 0, 0, 0, &answer);
	say_answer(&answer, r, "tasks");
	/* This one at least, with the socket it asks by. */
	say(answer.n_tasks >= 1 && answer.n_fds >= 1 && answer.last.n_tasks > answer.n_tasks, "tasks: %u told of %llu, %u descriptors",
	    answer.n_tasks, (unsigned long long)answer.last.n_tasks, answer.n_fds);
	ask_close(&a);
	return 0;
}
