/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One reading: the sources of a request one after another, in each namespace, as a block stream; long, for it is one state machine */

#include "source/acquire.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "snapshot/writer.h"
#include "socketd/uapi.h"
#include "source/cgroups.h"
#include "source/dump.h"
#include "source/gets.h"
#include "source/host.h"
#include "source/links.h"
#include "source/netlink.h"
#include "source/netns.h"
#include "source/netns_tour.h"
#include "source/procfs.h"
#include "source/reading_owners.h"
#include "source/reading_request.h"

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
	uint64_t begin_usec;

	/*
	 * The namespace that is read: ours first, then each of the tour. What is asked of
	 * each is the same; what the kernel has no handler for is asked once.
	 */
	struct netns own;
	struct netns_tour tour;
	struct source_request asked[SOURCE_COUNT]; /* as in req at first: of each namespace; owns nothing */
	uint64_t wanted, todo, unsupported;        /* SOURCE_BIT: of each, of this one still, of none */

	int epoll_fd;
	struct netlink nl;
	unsigned int generation; /* of nl, as epoll_fd has it */
	bool nl_unwatched;       /* while paused: its next batch is there, and must not wake anybody */
	struct reading_owners owners;

	struct cgroups cgroups;
	unsigned int fallback; /* to be read next, SOURCE_none otherwise */
	unsigned int current;  /* that is read now */
	struct dump dump;
	struct gets gets;
	uint32_t states; /* that the source was asked for, while it is asked for less */
	uint64_t n_before;             /* messages of this source before the dump that runs now */
	uint32_t n_interrupted_before; /* likewise */
	struct procfs procfs;
	uint64_t n_lines;
	uint64_t n_messages; /* of all sources */
};

static const struct netns *here(const struct acquire *a)
{
	return a->tour.fd >= 0 ? &a->tour.here : &a->own;
}

/* Where sources write: behind the owners, so beside them until these are whole. */
static struct arena *target(struct acquire *a)
{
	return a->owners.runs ? &a->held : a->out;
}

static int watch(struct acquire *a, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Before it is closed: a child that was just forked can have a copy, and the set would go on telling of it. */
static void unwatch_netlink(struct acquire *a)
{
	if (a->nl.fd >= 0 && !a->nl_unwatched)
		(void)epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, a->nl.fd, NULL);
}

/* A socket that was closed left the set by itself. */
static int watch_netlink(struct acquire *a)
{
	a->generation = a->nl.generation;
	a->nl_unwatched = false;
	return a->nl.fd >= 0 ? watch(a, a->nl.fd) : 0;
}

static int write_host(struct acquire *a)
{
	if (reading_is_by_gets(&a->req, SOURCE_tcp4) || reading_is_by_gets(&a->req, SOURCE_tcp6))
		return host_write_of_table(a->out, a->req.uid, a->req.table_age_usec);
	return host_write(a->out, a->req.uid);
}

/* Without a list of devices rows show numbers. */
static int write_own_links(struct acquire *a)
{
	return links_write_once(a->out, a->own.ino, -1) == -ENOMEM ? -ENOMEM : 0;
}

/* What is to be read of which namespace. */
static int begin_tour(struct acquire *a)
{
	bool reads_own;

	a->own = (struct netns){ .ino = netns_own_ino(), .own = true };
	reads_own = netns_tour_plan(&a->req.netns, a->own.ino, a->req.uid);
	for (unsigned int id = 1; id < SOURCE_COUNT; id++)
		if (a->req.sources[id].wanted && id != SOURCE_module)
			a->wanted |= SOURCE_BIT(id);
	a->todo = reads_own ? a->wanted : 0;
	/* Asked in ours, once, whichever are read. */
	if (a->req.sources[SOURCE_module].wanted)
		a->todo |= SOURCE_BIT(SOURCE_module);
	if (netns_tour_is_needed(&a->req.netns))
		a->req.module.flags |= SOCKETD_FLAG_ALL_NETNS;
	memcpy(a->asked, a->req.sources, sizeof(a->asked));
	return netns_tour_begin(&a->tour, &a->req.netns);
}

static void begin_owners(struct acquire *a, const struct acquire_owners *owners)
{
	int r;

	reading_owners_begin(&a->owners, a->req.uid, owners, a->begin_usec);
	r = a->owners.runs ? watch(a, a->owners.child.fd) : 0;
	if (r < 0)
		reading_owners_stop(&a->owners, r);
}

static int begin(struct acquire *a, const struct acquire_owners *owners)
{
	int r;

	r = begin_tour(a);
	if (r < 0)
		return r;
	r = netlink_open(&a->nl, a->req.uid == 0);
	if (r < 0)
		return r;
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll_fd < 0)
		return -errno;
	r = watch_netlink(a);
	if (r >= 0)
		r = writer_header(a->out);
	if (r >= 0)
		r = write_host(a);
	if (r >= 0)
		r = netns_tour_write_list(&a->req.netns, a->own.ino, a->nl.fd, a->out);
	if (r >= 0)
		r = write_own_links(a);
	if (r < 0)
		return r;
	a->nl.netns = (uint32_t)a->own.ino;
	if (a->req.groups & GROUP_BIT(GROUP_owner))
		begin_owners(a, owners);
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
	a->epoll_fd = a->nl.fd = a->owners.child.fd = a->procfs.fd = a->tour.fd = -1;
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
	reading_owners_stop(&a->owners, -ECANCELED);
	netlink_close(&a->nl);
	procfs_close(&a->procfs);
	cgroups_close(&a->cgroups);
	netns_tour_end(&a->tour);
	arena_deinit(&a->held);
	request_deinit(&a->req);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
	free(a);
	return NULL;
}

/* The owners are whole, or will not be: what waited goes behind them. */
static void owners_ended(struct acquire *a)
{
	arena_splice(a->out, &a->held);
	if (a->phase == PHASE_DUMP)
		dump_keep(&a->dump);
}

/* The namespace that the current source is of; 0 for the module, asked of all, which tells it of each socket. */
static uint64_t netns_of_source(const struct acquire *a)
{
	return a->current == SOURCE_module && a->req.module.flags & SOCKETD_FLAG_ALL_NETNS ? 0 : here(a)->ino;
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
	if (netns_of_source(a))
		attr_block_u64(&b, SOCKETD_SOURCE_NETNS, netns_of_source(a));
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
	if (netns_of_source(a))
		attr_block_u64(&b, SOCKETD_SOURCE_END_NETNS, netns_of_source(a));
	return attr_block_write(&b, target(a));
}

static int begin_lines(struct acquire *a, unsigned int id, bool is_fallback)
{
	int r, opened = procfs_open_in(&a->procfs, a->tour.door, here(a), source_def_get(id)->proc, id);

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
			gets_begin(&a->gets, id, &a->req, &a->nl, (uint32_t)a->own.ino, now);
			a->phase = PHASE_GETS;
			return 0;
		}
	}
	dump_begin(&a->dump, id, &a->req, &a->nl, target(a), now);
	a->phase = PHASE_DUMP;
	return 0;
}

/* The next one that is to be read here: the module first, for what it tells is added to the rows of the others as they come. */
static unsigned int next_source(struct acquire *a)
{
	static const unsigned int before[] = { SOURCE_module, SOURCE_tcp };
	unsigned int id = SOURCE_none;

	for (size_t i = 0; i < ARRAY_SIZE(before) && id == SOURCE_none; i++)
		if (a->todo & SOURCE_BIT(before[i]))
			id = before[i];
	if (id == SOURCE_none && a->todo)
		id = (unsigned int)__builtin_ctzll(a->todo);
	a->todo &= ~SOURCE_BIT(id);
	return id;
}

static int begin_next_netns(struct acquire *a)
{
	int r;

	unwatch_netlink(a);
	netlink_close(&a->nl);
	r = netns_tour_next(&a->tour, &a->nl);
	if (r <= 0) {
		a->phase = PHASE_OWNERS;
		return r;
	}
	a->todo = a->wanted;
	memcpy(a->req.sources, a->asked, sizeof(a->asked));
	r = watch_netlink(a);
	return r < 0 ? r : netns_tour_write_links(&a->tour, target(a));
}

static int step_next(struct acquire *a, uint64_t now)
{
	unsigned int fallback = a->fallback, id;

	if (fallback != SOURCE_none) {
		a->fallback = SOURCE_none;
		return begin_lines(a, fallback, true);
	}
	id = next_source(a);
	if (id == SOURCE_none)
		return begin_next_netns(a);
	if (a->unsupported & SOURCE_BIT(id)) {
		a->fallback = source_def_get(id)->fallback;
		return 0;
	}
	if (source_def_get(id)->kind == KIND_PROC_INET)
		return begin_lines(a, id, false);
	return begin_dump(a, id, now);
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
		gets_begin(&a->gets, a->current, &a->req, &a->nl, (uint32_t)a->own.ino, now);
		a->phase = PHASE_GETS;
		return 0;
	}
	if (dump_is_unsupported(&a->dump)) {
		a->fallback = source_def_get(a->current)->fallback;
		a->unsupported |= SOURCE_BIT(a->current);
	} else if (a->current == SOURCE_tcp) {
		a->todo &= ~(SOURCE_BIT(SOURCE_tcp4) | SOURCE_BIT(SOURCE_tcp6));
	}
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
	if (a->owners.runs && a->n_messages > 0)
		return -EAGAIN;
	/* Nobody to find owners for. */
	if (a->owners.runs) {
		reading_owners_stop(&a->owners, 0);
		owners_ended(a);
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
	reading_owners_put(&a->owners, &b);
	if (a->req.netns.n > 0)
		attr_block_u32(&b, SOCKETD_END_NETNS_HIDDEN, a->req.netns.n_hidden + a->tour.n_hidden);
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
	return a->owners.runs && a->held_max > 0 && arena_pending(&a->held) >= a->held_max;
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

	if (a->owners.runs) {
		r = reading_owners_step(&a->owners, a->out, now);
		if (!a->owners.runs)
			owners_ended(a);
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
	if (a->owners.runs && a->owners.deadline_usec < due)
		due = a->owners.deadline_usec;
	if (due == UINT64_MAX)
		return UINT64_MAX;
	return due > now ? due - now : 0;
}
