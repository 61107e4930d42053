/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner scan in a process of its own, so that it runs beside the dumps */

#include "source/owner_child.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "snapshot/writer.h"
#include "source/module_owners.h"

#define PIPE_SIZE (1024 * 1024) /* the most that anyone may ask for by default */
#define BUFFER_SIZE (2 * OWNER_CHILD_BLOCK_MAX)
#define PIPE_FD 3
#define EXIT_WAIT_MSEC 5 /* between the end of its pipe and its death: it has nothing left to do */

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

static int child_scan(uint32_t uid, const struct owners_known *known)
{
	CLEANUP(arena_deinit) struct arena arena;
	struct owners_result result = {};
	struct attr_block end;
	int fd = PIPE_FD, r;
	struct owners_sink sink = { .flush = write_all, .ctx = &fd };

	arena_init(&arena);
	/* What it may tell is root's. */
	r = uid == 0 ? module_owners_scan(&arena, &sink, &result) : -EPERM;
	if (r < 0 && !result.by_module)
		r = owners_scan(uid, known, &arena, &sink, &result);

	attr_block_begin(&end, SOCKETD_BLOCK_END);
	attr_block_u32(&end, SOCKETD_END_OWNERS_ERROR, r < 0 ? -r : 0);
	attr_block_u32(&end, SOCKETD_END_HIDDEN_PIDS, result.n_hidden);
	attr_block_u32(&end, SOCKETD_END_OWNERS_MODULE, result.by_module);
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
static void __attribute__((noreturn)) child_main(pid_t parent, int fd, uint32_t uid,
						 const struct owners_known *known)
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
	_exit(child_scan(uid, known) < 0);
}

/* In the parent from here on. */

/* Children that were left while they lived: theirs is the one thing that outlasts a struct owner_child. */
static pid_t lingering[OWNER_CHILDREN_MAX];
static unsigned int n_lingering, n_running;
static int last_by_module = -ENODATA;

int owner_child_last_by_module(void)
{
	return last_by_module;
}

unsigned int owner_child_reap(void)
{
	for (unsigned int i = 0; i < n_lingering;) {
		/* ECHILD: another has reaped it, or SIGCHLD is ignored in this program. */
		if (waitpid(lingering[i], NULL, WNOHANG) == 0)
			i++;
		else
			lingering[i] = lingering[--n_lingering];
	}
	return n_lingering;
}

static uint64_t timeval_usec(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + t.tv_usec;
}

/* By its pid only: the service's other children are their own affair. */
static bool reap(struct owner_child *c)
{
	struct rusage usage;
	struct timespec cpu;
	clockid_t clock;
	pid_t r = wait4(c->pid, NULL, WNOHANG, &usage);

	if (r > 0)
		c->cpu_usec = timeval_usec(usage.ru_utime) + timeval_usec(usage.ru_stime);
	else if (r == 0 && clock_getcpuclockid(c->pid, &clock) == 0 && clock_gettime(clock, &cpu) == 0)
		c->cpu_usec = (uint64_t)cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000;
	return r != 0;
}

/* Nobody asks for its exit status: what it had to say ended with an END block, or was cut short. */
static void leave(struct owner_child *c)
{
	if (c->pid <= 0)
		return;
	n_running--;
	if (!reap(c) && n_lingering < OWNER_CHILDREN_MAX)
		lingering[n_lingering++] = c->pid;
	c->pid = 0;
}

/* A child whose pipe ended is about to be dead, so that it need not linger; but it is not believed. */
static void wait_a_moment(pid_t pid)
{
	CLEANUP(close) int fd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd >= 0)
		(void)poll(&p, 1, EXIT_WAIT_MSEC);
}

int owner_child_adopt(struct owner_child *ret, pid_t pid, int fd)
{
	struct owner_child c = { .pid = pid, .fd = fd };

	n_running += pid > 0;
	c.buffer = malloc(BUFFER_SIZE);
	if (!c.buffer || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		int r = c.buffer ? -errno : -ENOMEM;

		owner_child_stop(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int owner_child_start(struct owner_child *ret, uint32_t uid, const struct owners_known *known)
{
	CLEANUP(close) int reader = -1, writer = -1;
	pid_t pid, parent = getpid();
	int fds[2], r;

	if (owner_child_reap() + n_running >= OWNER_CHILDREN_MAX)
		return -EBUSY;
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
		child_main(parent, writer, uid, known);
	r = owner_child_adopt(ret, pid, steal_fd(&reader));
	if (r >= 0)
		ret->for_root = uid == 0;
	return r;
}

void owner_child_stop(struct owner_child *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		leave(c);
	}
	owner_child_reap();
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
			else if (mnl_attr_get_type(attr) == SOCKETD_END_OWNERS_MODULE)
				c->by_module = v != 0;
		}
		left -= MNL_ALIGN(attr->nla_len);
		attr = mnl_attr_next(attr);
	}
}

/* A block that was checked goes to the sink, or as it is. */
static int take_block(struct owner_child *c, const struct socketd_block *head, size_t size, struct arena *out)
{
	struct block block = { .type = head->type, .length = head->length, .payload = (const uint8_t *)(head + 1) };
	void *room;

	if (c->sink)
		return c->sink->block(c->sink->ctx, &block, out);
	room = arena_reserve(out, size);
	if (!room)
		return -ENOMEM;
	memcpy(room, head, size);
	arena_commit(out, size);
	return 0;
}

/* Takes the whole blocks of the buffer. -EBADMSG, -ENOMEM. */
static int take_blocks(struct owner_child *c, struct arena *out)
{
	size_t offset = 0;
	int r = 0;

	while (r == 0 && c->n_buffered - offset >= sizeof(struct socketd_block)) {
		struct socketd_block head;
		size_t size;

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
		r = take_block(c, (void *)(c->buffer + offset), size, out);
		if (r == 0)
			offset += size;
	}
	c->n_buffered -= offset;
	memmove(c->buffer, c->buffer + offset, c->n_buffered);
	return r;
}

/* As owner_child_read, for what is in the buffer. */
static int take_buffer(struct owner_child *c, struct arena *out)
{
	int r = take_blocks(c, out);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		child_failed(c, r);
		return 0;
	}
	return 1;
}

int owner_child_read(struct owner_child *c, struct arena *out)
{
	ssize_t n;
	int r;

	if (c->fd < 0)
		return 0;
	/* A block that found no room before. */
	r = take_buffer(c, out);
	if (r <= 0)
		return r;
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
		return take_buffer(c, out);
	}

	/* The end of the pipe: the child has left, or is about to. */
	if (c->pid > 0)
		wait_a_moment(c->pid);
	if (!c->ended || c->n_buffered > 0) {
		child_failed(c, -EIO);
	} else {
		/* Those for a user never ask it, and say nothing of how the others go. */
		if (c->for_root)
			last_by_module = c->by_module;
		owner_child_stop(c);
	}
	return 0;
}
