/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One reading: the sources of a request one after another, written as a block stream */

#include "source/acquire.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "snapshot/writer.h"
#include "source/cgroups.h"
#include "source/dump.h"
#include "source/gets.h"
#include "source/host.h"
#include "source/netlink.h"
#include "source/owner_child.h"
#include "source/procfs.h"
#include "source/reading_request.h"

#define OWNERS_TIMEOUT_USEC (30u * 1000 * 1000) /* without a block from the child */

enum phase {
	PHASE_CGROUPS,
	PHASE_NEXT,   /* the next source, or none left */
	PHASE_DUMP,   /* a source of sock_diag */
	PHASE_GETS,   /* single sockets of it */
	PHASE_LINES,  /* a source of /proc/net */
	PHASE_OWNERS, /* the sources are read, the owners not yet */
	PHASE_END,
	PHASE_DONE,
};

/*
 *                    +--> held: while the child runs --+
 *   netlink, procfs -+                                 +--> out
 *                    +--> directly: else               |
 *   child -------- PROCESS and OWNERS -----------------+
 */
struct acquire {
	struct request req;
	struct arena *out;
	struct arena held;
	size_t held_max; /* 0 for no bound */
	enum phase phase;
	uint64_t begin_usec, netns_ino;

	int epoll_fd;
	struct netlink nl;
	unsigned int generation; /* of nl, as epoll_fd has it */
	bool nl_unwatched;       /* while paused: its next batch is there, and must not wake anybody */
	struct owner_child child;
	bool owners_wanted, child_runs;
	const struct acquire_owners *owners; /* NULL when no memory is fed, or no more */
	struct owner_sink sink;              /* into it */
	uint64_t child_deadline_usec;
	int owners_error;

	struct cgroups cgroups;
	unsigned int source;   /* the last one that was begun */
	unsigned int fallback; /* to be read next, SOURCE_none otherwise */
	unsigned int current;  /* that is read now: source or its fallback */
	struct dump dump;
	struct gets gets;
	uint32_t states; /* that the source was asked for, while it is asked for less */
	uint64_t n_before;             /* messages of this source before the dump that runs now */
	uint32_t n_interrupted_before; /* likewise */
	struct procfs procfs;
	uint64_t n_lines;
	uint64_t n_messages; /* of all sources */
};

/* Where sources write: behind the owners, so beside them until these are whole. */
static struct arena *target(struct acquire *a)
{
	return a->child_runs ? &a->held : a->out;
}

static int watch(struct acquire *a, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* A socket that was closed left the set by itself. */
static int watch_netlink(struct acquire *a)
{
	a->generation = a->nl.generation;
	a->nl_unwatched = false;
	return a->nl.fd >= 0 ? watch(a, a->nl.fd) : 0;
}

/* Once for each begin: the memory's scan is over, whichever way. */
static void end_feeding(struct acquire *a, int error)
{
	const struct acquire_owners *owners = STEAL_PTR(a->owners);

	a->child.sink = NULL;
	if (owners)
		owners->end(owners->ctx, error);
}

/* Whatever keeps the scan from running, the sockets are still read. */
static void start_owners(struct acquire *a, const struct acquire_owners *owners, uint64_t now)
{
	struct owners_known known = {};
	int r;

	a->owners_wanted = true;
	a->child_deadline_usec = now + OWNERS_TIMEOUT_USEC;
	if (owners && a->req.uid == 0 && owners->begin(owners->ctx, &known) == 0) {
		a->owners = owners;
		a->sink = (struct owner_sink){ .block = owners->block, .ctx = owners->ctx };
	}
	r = owner_child_start(&a->child, a->req.uid, a->owners ? &known : NULL);
	if (r >= 0) {
		a->child.sink = a->owners ? &a->sink : NULL;
		r = watch(a, a->child.fd);
		if (r < 0)
			owner_child_stop(&a->child);
	}
	a->child_runs = r >= 0;
	a->owners_error = r < 0 ? r : 0;
	if (r < 0)
		end_feeding(a, r);
}

static int write_host(struct acquire *a)
{
	if (reading_is_by_gets(&a->req, SOURCE_tcp4) || reading_is_by_gets(&a->req, SOURCE_tcp6))
		return host_write_of_table(a->out, a->req.uid, a->req.table_age_usec);
	return host_write(a->out, a->req.uid);
}

static int begin(struct acquire *a, const struct acquire_owners *owners)
{
	int r;

	r = netlink_open(&a->nl, a->req.uid == 0);
	if (r < 0)
		return r;
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll_fd < 0)
		return -errno;
	r = watch_netlink(a);
	if (r < 0)
		return r;
	r = writer_header(a->out);
	if (r < 0)
		return r;
	r = write_host(a);
	if (r < 0)
		return r;
	r = host_write_netns(a->out, a->nl.fd, &a->netns_ino);
	if (r < 0)
		return r;
	r = host_write_links(a->out, a->netns_ino);
	if (r < 0)
		return r;
	if (a->req.groups & GROUP_BIT(GROUP_owner))
		start_owners(a, owners, a->begin_usec);
	return cgroups_open(&a->cgroups, a->out);
}

int acquire_new(struct acquire **ret, const struct request *req, struct arena *out, const struct acquire_owners *owners)
{
	CLEANUP(acquire_free) struct acquire *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->out = out;
	a->begin_usec = host_now_usec();
	a->epoll_fd = a->nl.fd = a->child.fd = a->procfs.fd = -1;
	arena_init(&a->held);
	r = reading_request_copy(&a->req, req);
	if (r < 0)
		return r;
	r = begin(a, owners);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(a);
	return 0;
}

void acquire_limit_held(struct acquire *a, size_t max)
{
	a->held_max = max;
}

struct acquire *acquire_free(struct acquire *a)
{
	if (!a)
		return NULL;
	owner_child_stop(&a->child);
	end_feeding(a, -ECANCELED);
	netlink_close(&a->nl);
	procfs_close(&a->procfs);
	cgroups_close(&a->cgroups);
	arena_deinit(&a->held);
	request_deinit(&a->req);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
	free(a);
	return NULL;
}

/* The owners are whole, or will not be: what waited goes behind them. */
static void owners_ended(struct acquire *a, int error)
{
	a->owners_error = a->child.error;
	end_feeding(a, error);
	a->child_runs = false;
	arena_splice(a->out, &a->held);
	if (a->phase == PHASE_DUMP)
		dump_keep(&a->dump);
}

/* 1 when the child said something or ended, -EAGAIN when it is silent, -ENOMEM. */
static int step_child(struct acquire *a, uint64_t now)
{
	int r = owner_child_read(&a->child, a->out);

	if (r > 0) {
		a->child_deadline_usec = now + OWNERS_TIMEOUT_USEC;
	} else if (r == 0) {
		owners_ended(a, a->child.error);
		r = 1;
	} else if (r == -EAGAIN && now >= a->child_deadline_usec) {
		owner_child_stop(&a->child);
		a->child.error = -ETIMEDOUT;
		owners_ended(a, -ETIMEDOUT);
		r = 1;
	}
	return r;
}

static int write_source(struct acquire *a, unsigned int id)
{
	const struct source_def *def = source_def_get(id);
	struct attr_block b;

	a->current = id;
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, id);
	attr_block_string(&b, SOCKETD_SOURCE_NAME, def->name);
	attr_block_u32(&b, SOCKETD_SOURCE_FAMILY, def->family);
	attr_block_u32(&b, SOCKETD_SOURCE_PROTOCOL, def->protocol);
	attr_block_u64(&b, SOCKETD_SOURCE_NETNS, a->netns_ino);
	return attr_block_write(&b, target(a));
}

static int write_source_end(struct acquire *a, int error, uint32_t n_interrupted, uint64_t n_messages)
{
	struct attr_block b;

	a->n_messages += n_messages;
	a->phase = PHASE_NEXT;
	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ID, a->current);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ERROR, -error);
	attr_block_u32(&b, SOCKETD_SOURCE_END_INTERRUPTED, n_interrupted);
	attr_block_u64(&b, SOCKETD_SOURCE_END_MESSAGES, n_messages);
	return attr_block_write(&b, target(a));
}

static int begin_lines(struct acquire *a, unsigned int id, bool is_fallback)
{
	int r, opened = procfs_open(&a->procfs, source_def_get(id)->proc, id);

	/* Of a fallback that is not there the failed source has said enough. */
	if (opened < 0 && is_fallback)
		return 0;
	r = write_source(a, id);
	if (r < 0)
		return r;
	if (opened < 0)
		return write_source_end(a, opened, 0, 0);
	a->n_lines = 0;
	a->phase = PHASE_LINES;
	return 0;
}

static int begin_dump(struct acquire *a, unsigned int id, uint64_t now)
{
	struct source_request *s = &a->req.sources[id];
	int r = write_source(a, id);

	if (r < 0)
		return r;
	a->n_before = a->n_interrupted_before = 0;
	a->states = s->states;
	if (reading_is_by_gets(&a->req, id)) {
		s->states &= STATE_BIT(STATE_LISTEN);
		if (s->states == 0) {
			a->dump.error = 0;
			gets_begin(&a->gets, id, &a->req, &a->nl, now);
			a->phase = PHASE_GETS;
			return 0;
		}
	}
	dump_begin(&a->dump, id, &a->req, &a->nl, target(a), now);
	a->phase = PHASE_DUMP;
	return 0;
}

static int step_next(struct acquire *a, uint64_t now)
{
	unsigned int fallback = a->fallback;

	if (fallback != SOURCE_none) {
		a->fallback = SOURCE_none;
		return begin_lines(a, fallback, true);
	}
	/* First: what it tells is added to the rows of the others as they come. */
	if (a->source == SOURCE_none && a->req.sources[SOURCE_module].wanted) {
		a->req.sources[SOURCE_module].wanted = false;
		return begin_dump(a, SOURCE_module, now);
	}
	if (a->source == SOURCE_none && a->req.sources[SOURCE_tcp].wanted) {
		a->req.sources[SOURCE_tcp].wanted = false;
		return begin_dump(a, SOURCE_tcp, now);
	}
	while (++a->source < SOURCE_COUNT) {
		if (!a->req.sources[a->source].wanted)
			continue;
		if (source_def_get(a->source)->kind == KIND_PROC_INET)
			return begin_lines(a, a->source, false);
		return begin_dump(a, a->source, now);
	}
	a->phase = PHASE_OWNERS;
	return 0;
}

/* A step can have left another socket. */
static int watch_if_reopened(struct acquire *a)
{
	return a->generation != a->nl.generation ? watch_netlink(a) : 0;
}

static int step_dump(struct acquire *a, uint64_t now)
{
	int r = dump_step(&a->dump, target(a), now), w = watch_if_reopened(a);

	if (w < 0)
		return w;
	if (r != 0)
		return r;
	a->n_before += a->dump.n_messages;
	a->n_interrupted_before += a->dump.n_interrupted;
	if (reading_is_by_gets(&a->req, a->current) && !dump_is_unsupported(&a->dump)) {
		gets_begin(&a->gets, a->current, &a->req, &a->nl, now);
		a->phase = PHASE_GETS;
		return 0;
	}
	if (dump_is_unsupported(&a->dump))
		a->fallback = source_def_get(a->current)->fallback;
	else if (a->current == SOURCE_tcp)
		a->req.sources[SOURCE_tcp4].wanted = a->req.sources[SOURCE_tcp6].wanted = false;
	return write_source_end(a, a->dump.error, a->n_interrupted_before, a->n_before);
}

/* Not all were found by their names: what the table said is not so, or no more. Then the kernel's own is read after all. */
static int step_gets(struct acquire *a, uint64_t now)
{
	struct source_request *s = &a->req.sources[a->current];
	int r = gets_step(&a->gets, target(a), now), w = watch_if_reopened(a);

	if (w < 0)
		return w;
	if (r != 0)
		return r;
	a->n_before += a->gets.n_messages;
	s->by_gets = false;
	s->states = a->states;
	if (!a->gets.missed)
		return write_source_end(a, a->dump.error, a->n_interrupted_before, a->n_before);
	dump_begin(&a->dump, a->current, &a->req, &a->nl, target(a), now);
	a->phase = PHASE_DUMP;
	return 0;
}

static int step_lines(struct acquire *a)
{
	uint32_t n = 0;
	int r = procfs_read(&a->procfs, target(a), &n);

	if (r == -ENOMEM)
		return r;
	a->n_lines += n;
	if (r > 0)
		return 0;
	procfs_close(&a->procfs);
	return write_source_end(a, r, 0, a->n_lines);
}

/* 0 to go on, -EAGAIN while the child works. */
static int step_owners(struct acquire *a)
{
	if (a->child_runs && a->n_messages > 0)
		return -EAGAIN;
	/* Nobody to find owners for. */
	if (a->child_runs) {
		owner_child_stop(&a->child);
		a->child.error = 0;
		owners_ended(a, -ECANCELED);
	}
	a->phase = PHASE_END;
	return 0;
}

static int write_end(struct acquire *a)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_END);
	attr_block_u64(&b, SOCKETD_END_MESSAGES, a->n_messages);
	attr_block_u64(&b, SOCKETD_END_DURATION, host_now_usec() - a->begin_usec);
	if (a->owners_wanted) {
		attr_block_u32(&b, SOCKETD_END_OWNERS_ERROR, -a->owners_error);
		attr_block_u32(&b, SOCKETD_END_HIDDEN_PIDS, a->child.n_hidden);
		attr_block_u32(&b, SOCKETD_END_OWNERS_MODULE, a->child.by_module);
	}
	a->phase = PHASE_DONE;
	return attr_block_write(&b, a->out);
}

static int step_phase(struct acquire *a, uint64_t now)
{
	int r;

	switch (a->phase) {
	case PHASE_CGROUPS:
		r = cgroups_step(&a->cgroups, a->out);
		if (r == 0)
			a->phase = PHASE_NEXT;
		return r;
	case PHASE_NEXT:
		return step_next(a, now);
	case PHASE_DUMP:
		return step_dump(a, now);
	case PHASE_GETS:
		return step_gets(a, now);
	case PHASE_LINES:
		return step_lines(a);
	case PHASE_OWNERS:
		return step_owners(a);
	case PHASE_END:
		return write_end(a);
	case PHASE_DONE:
		break;
	}
	return 0;
}

/* Enough waits for the owners: the rest of the dump stays where it is until they are there. */
static bool is_paused(const struct acquire *a)
{
	return a->child_runs && a->held_max > 0 && arena_pending(&a->held) >= a->held_max;
}

/* Keeps the netlink socket out of the set that is waited on while there is a pause, and in it else. */
static int watch_for_pause(struct acquire *a, bool paused)
{
	if (paused == a->nl_unwatched || a->nl.fd < 0)
		return 0;
	if (!paused)
		return watch_netlink(a);
	a->nl_unwatched = true;
	return epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, a->nl.fd, NULL) < 0 ? -errno : 0;
}

int acquire_step(struct acquire *a)
{
	uint64_t now = host_now_usec();
	bool child_spoke = false, paused;
	int r;

	if (a->child_runs) {
		r = step_child(a, now);
		if (r < 0 && r != -EAGAIN)
			return r;
		child_spoke = r > 0;
	}
	paused = is_paused(a);
	r = watch_for_pause(a, paused);
	if (r < 0)
		return r;
	r = paused ? -EAGAIN : step_phase(a, now);
	if (r == -EAGAIN)
		return child_spoke ? ACQUIRE_MORE : ACQUIRE_WAIT;
	if (r < 0)
		return r;
	return a->phase == PHASE_DONE ? ACQUIRE_DONE : ACQUIRE_MORE;
}

int acquire_fd(const struct acquire *a)
{
	return a->epoll_fd;
}

uint64_t acquire_timeout_usec(const struct acquire *a)
{
	uint64_t now = host_now_usec(), due = UINT64_MAX;

	if (a->phase == PHASE_DUMP && !is_paused(a))
		due = a->dump.deadline_usec;
	else if (a->phase == PHASE_GETS && !is_paused(a))
		due = a->gets.deadline_usec;
	if (a->child_runs && a->child_deadline_usec < due)
		due = a->child_deadline_usec;
	if (due == UINT64_MAX)
		return UINT64_MAX;
	return due > now ? due - now : 0;
}
