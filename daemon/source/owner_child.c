/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan in a process of its own, so that it runs beside the dumps */

#include "source/owner_child.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "snapshot/writer.h"
#include "source/owners.h"

#define PIPE_SIZE (1024 * 1024) /* the most that anyone may ask for by default */
#define BUFFER_SIZE (2 * OWNER_CHILD_BLOCK_MAX)
#define PIPE_FD 3

/* In the child from here on. */

static int write_all(void *ctx, struct arena *a)
{
	int fd = *(int *)ctx;
	const uint8_t *data;
	size_t len;

	while ((len = arena_peek(a, &data)) > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		arena_consume(a, n);
	}
	return 0;
}

static int child_scan(uint32_t uid)
{
	CLEANUP(arena_deinit) struct arena arena;
	struct owners_result result = {};
	struct attr_block end;
	int fd = PIPE_FD, r;
	struct owners_sink sink = { .flush = write_all, .ctx = &fd };

	arena_init(&arena);
	r = owners_scan(uid, &arena, &sink, &result);

	attr_block_begin(&end, SOCKETD_BLOCK_END);
	attr_block_u32(&end, SOCKETD_END_OWNERS_ERROR, r < 0 ? -r : 0);
	attr_block_u32(&end, SOCKETD_END_HIDDEN_PIDS, result.n_hidden);
	r = attr_block_write(&end, &arena);
	if (r < 0)
		return r;
	return write_all(&fd, &arena);
}

/*
 * The parent is a service with an event loop: nothing of its signals, masks,
 * descriptors, or exit handlers may act in here. The pipe becomes descriptor 3,
 * 0 to 2 become /dev/null, and all others are closed.
 */
static void __attribute__((noreturn)) child_main(pid_t parent, int fd, uint32_t uid)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	/* The parent may have died before the first of these two. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);

	/* First up and away from 0 to 3, which the service may have closed. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, PIPE_FD + 1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || null < 0)
		_exit(1);
	for (int i = 0; i < PIPE_FD; i++)
		if (null != i && dup2(null, i) < 0)
			_exit(1);
	if (dup3(fd, PIPE_FD, O_CLOEXEC) < 0)
		_exit(1);
	if (syscall(SYS_close_range, PIPE_FD + 1, UINT32_MAX, 0) < 0)
		for (int i = PIPE_FD + 1; i < sysconf(_SC_OPEN_MAX); i++)
			close(i);
	_exit(child_scan(uid) < 0);
}

/* In the parent from here on. */

int owner_child_adopt(struct owner_child *ret, pid_t pid, int fd)
{
	struct owner_child c = { .pid = pid, .fd = fd };

	c.buffer = malloc(BUFFER_SIZE);
	if (!c.buffer || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		int r = c.buffer ? -errno : -ENOMEM;

		owner_child_stop(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int owner_child_start(struct owner_child *ret, uint32_t uid)
{
	CLEANUP(close) int reader = -1, writer = -1;
	pid_t pid, parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	reader = fds[0];
	writer = fds[1];
	/* A smaller one only makes the child wait more often. */
	(void)fcntl(reader, F_SETPIPE_SZ, PIPE_SIZE);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_main(parent, writer, uid);
	return owner_child_adopt(ret, pid, steal_fd(&reader));
}

/* By its pid only: the service's other children are its own affair. */
static int reap(struct owner_child *c)
{
	int status = 0;
	pid_t r;

	if (c->pid <= 0)
		return 0;
	do
		r = waitpid(c->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	c->pid = 0;
	/* ECHILD: SIGCHLD is ignored in this program, so the status is lost, which is no failure. */
	if (r < 0)
		return errno == ECHILD ? 0 : -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

void owner_child_stop(struct owner_child *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		reap(c);
	}
	free(c->buffer);
	c->buffer = NULL;
	c->n_buffered = 0;
}

static void child_failed(struct owner_child *c, int error)
{
	owner_child_stop(c);
	c->ended = true;
	c->error = error;
}

static void take_end(struct owner_child *c, const struct socketd_block *head)
{
	const struct nlattr *attr = (const void *)(head + 1);
	int left = head->length;

	/* Nothing may follow it; that is seen when the pipe ends. */
	c->ended = true;
	c->error = -EIO;
	while (mnl_attr_ok(attr, left)) {
		if (mnl_attr_get_payload_len(attr) == sizeof(uint32_t)) {
			uint32_t v = mnl_attr_get_u32(attr);

			if (mnl_attr_get_type(attr) == SOCKETD_END_OWNERS_ERROR)
				c->error = v <= 4095 ? -(int)v : -EIO;
			else if (mnl_attr_get_type(attr) == SOCKETD_END_HIDDEN_PIDS)
				c->n_hidden = v;
		}
		left -= MNL_ALIGN(attr->nla_len);
		attr = mnl_attr_next(attr);
	}
}

/* Moves the whole blocks of the buffer into the arena. -EBADMSG, -ENOMEM. */
static int take_blocks(struct owner_child *c, struct arena *out)
{
	size_t offset = 0;
	int r = 0;

	while (c->n_buffered - offset >= sizeof(struct socketd_block)) {
		struct socketd_block head;
		size_t size;
		void *room;

		memcpy(&head, c->buffer + offset, sizeof(head));
		if (c->ended || head.length > OWNER_CHILD_BLOCK_MAX ||
		    (head.type != SOCKETD_BLOCK_PROCESS && head.type != SOCKETD_BLOCK_OWNERS &&
		     head.type != SOCKETD_BLOCK_END)) {
			r = -EBADMSG;
			break;
		}
		size = sizeof(head) + ((head.length + 7) & ~(size_t)7);
		if (c->n_buffered - offset < size)
			break;
		if (head.type == SOCKETD_BLOCK_END) {
			take_end(c, (void *)(c->buffer + offset));
			offset += size;
			continue;
		}
		if (head.type == SOCKETD_BLOCK_OWNERS && head.length % sizeof(struct socketd_owner) != 0) {
			r = -EBADMSG;
			break;
		}
		room = arena_reserve(out, size);
		if (!room)
			return -ENOMEM;
		memcpy(room, c->buffer + offset, size);
		arena_commit(out, size);
		offset += size;
	}
	c->n_buffered -= offset;
	memmove(c->buffer, c->buffer + offset, c->n_buffered);
	return r;
}

int owner_child_read(struct owner_child *c, struct arena *out)
{
	ssize_t n;
	int r;

	if (c->fd < 0)
		return 0;
	do
		n = read(c->fd, c->buffer + c->n_buffered, BUFFER_SIZE - c->n_buffered);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n < 0) {
		child_failed(c, -errno);
		return 0;
	}
	if (n > 0) {
		c->n_buffered += n;
		r = take_blocks(c, out);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			child_failed(c, r);
			return 0;
		}
		return 1;
	}

	/* The end of the pipe: the child has left, or is about to. */
	r = reap(c);
	if (!c->ended || c->n_buffered > 0)
		child_failed(c, r < 0 ? r : -EIO);
	else
		owner_child_stop(c);
	return 0;
}
