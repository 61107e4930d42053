/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket table from pass to pass: what opened, changed and closed, ages, rates, owners */

#ifndef SOCKETD_TRACK_TRACKER_H
#define SOCKETD_TRACK_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "query/query.h"
#include "snapshot/arena.h"
#include "track/table.h"

/*
 * A state machine that a loop drives, as acquire is: tracker_step() does a
 * bounded piece of work and never blocks. When a pass is due is not known here
 * (daemon/refresh.c).
 *
 *   destroy groups ---------> closed ----------+
 *   dump, one buffer -> sight -> table --------+--> events (an arena, when somebody listens)
 *   owner scan (child) -> holders -> table ----+
 *
 * A socket is gone when the kernel says so (destroy groups, subscribed to before
 * the first dump) or when two passes in a row did not have it: a dump is no
 * atomic picture, rows can slip through one.
 *
 * Every network namespace is read in turn in each pass, through sockets that were
 * opened inside it (namespaces.h); cookies and inodes are unique over all of them.
 */
struct tracker;

struct tracker_limits {
	uint64_t memory_max; /* of table and holders; sockets past it are counted, not remembered */
	size_t events_max;   /* bytes that wait to be taken; past it events are counted as lost */
	uint32_t scan_share; /* CPU of owner scans in thousandths of a core, unless somebody waits for one; 0: no bound */
	uint32_t namespaces_max; /* network namespaces beside our own that are tracked, too */
};

int tracker_new(struct tracker **ret, const struct tracker_limits *limits);
struct tracker *tracker_free(struct tracker *t);
DEFINE_CLEANUP_PTR(struct tracker, tracker_free)
void tracker_set_limits(struct tracker *t, const struct tracker_limits *limits);

/*
 * Begins a pass. counters: with TCP's counters, so that rates come of it: the
 * kernel takes half as long again. The first pass opens the destroy groups
 * before it dumps. -EBUSY when one is under way; errors of opening netlink.
 */
int tracker_begin_pass(struct tracker *t, bool counters);

enum tracker_result {
	TRACKER_IDLE = 0, /* nothing is under way; events may come on the descriptor */
	TRACKER_MORE = 1, /* call again when you like */
	TRACKER_WAIT = 2, /* call again when the descriptor is readable, or after tracker_timeout_usec */
};

/* A piece of work: destroy events first, then the pass, then the owner scan that follows it. enum tracker_result or -ENOMEM. */
int tracker_step(struct tracker *t);
int tracker_fd(const struct tracker *t);
uint64_t tracker_timeout_usec(const struct tracker *t);

struct tracker_source {
	bool tried;
	int error;             /* of the last pass; -ENOENT and the like: this kernel has no such family */
	uint32_t interrupted;
	uint64_t n_sockets;
	uint64_t duration_usec;
};

struct tracker_status {
	uint64_t generation;   /* passes that came to their end */
	uint64_t n_sockets;    /* remembered */
	uint64_t n_unremembered; /* of the last pass, because of memory_max */
	uint64_t n_opened, n_changed, n_closed; /* since the tracker began, brief ones too */
	uint64_t n_brief;      /* of those: opened and closed between two passes, known from their closing only */
	uint64_t n_dropped;    /* notices of closings that the kernel dropped */
	uint64_t n_lost;       /* openings and closings that are not counted because of it; known two passes later */
	uint64_t n_events_lost; /* that were not told because nobody took them in time */
	size_t table_memory, holders_memory;
	int destroy_error;     /* why there are no destroy groups; 0 when there are */
	bool in_pass, in_scan;
	/* The last pass that came to its end: */
	uint64_t begin_boottime_usec, end_boottime_usec; /* CLOCK_BOOTTIME */
	uint64_t cpu_usec;     /* of this process, in its steps */
	uint64_t tcp_cpu_usec; /* of its TCP dump: what a walk over the kernel's table costs */
	bool had_counters;
	uint64_t counters_boottime_usec; /* of the last pass with counters */
	/* The last owner scan: */
	uint64_t scan_boottime_usec, scan_cpu_usec; /* CPU of the child */
	int scan_error;
	uint64_t n_scans;
	struct tracker_source sources[SOURCE_COUNT]; /* outcomes in our own namespace, sockets of all */
	/* Network namespaces: those that are tracked, ours among them; those that are known of and are not; why. */
	uint32_t n_netns, n_netns_hidden;
	int netns_error;       /* -EHOSTDOWN: we may not look into others, and nobody does it for us */
	/* State changes that the kernel module tells, while somebody listens: */
	uint32_t n_netns_heard;
	int heard_error;       /* why there are none: -ENOTCONN nobody listens; -ENOENT no module */
	uint64_t n_unheard;    /* changes that were lost on their way */
};

const struct tracker_status *tracker_status(const struct tracker *t);

/* CLOCK_BOOTTIME in µs: now, for times of the status to be compared with. */
uint64_t tracker_boottime_usec(void);

/*
 * Finds the owners of new sockets: begins a scan, or another behind the one that
 * is under way. A pass that finds sockets without an owner does so by itself, as
 * scan_share allows. Errors of owner_child_start.
 */
int tracker_begin_scan(struct tracker *t);

/*
 * Whether events are made; off, the default, costs nothing. The arena holds
 * EVENT blocks and what belongs to them (include/socketd/stream.h), whole
 * events only, ordered: a socket is opened before it closes. Openings of a pass
 * wait for the owner scan behind it. The taker consumes. Overflows are said in
 * their place by EVENT blocks of the kind SOCKETD_EVENT_OVERFLOW; those of
 * notices that the kernel dropped two passes later (track/dropped.h).
 */
void tracker_want_events(struct tracker *t, bool want);
struct arena *tracker_events(struct tracker *t);

/*
 * Namespaces. Listeners of events are told of them, and of their devices, by NETNS
 * and LINK blocks: those there are by tracker_write_namespaces() (all, or ours alone;
 * -ENOMEM), and what is new by the arena of news, which is to be taken before the events:
 * a namespace is in it before the first event of one of its sockets.
 */
int tracker_write_namespaces(struct tracker *t, bool all, struct arena *a);
struct arena *tracker_news(struct tracker *t);

struct netns;

struct tracker_netns {
	const struct netns *id; /* until the next step */
	uint64_t n_sockets;     /* remembered */
	int error;              /* why it was not read; 0 when it was */
};

/* All of them, ours first: *cursor is 0 first. False behind the last. */
bool tracker_netns_next(const struct tracker *t, unsigned int *cursor, struct tracker_netns *ret);
uint64_t tracker_own_netns(const struct tracker *t);
/* Called back when one comes and when it is let go of. Not of ours. */
void tracker_on_netns(struct tracker *t, void (*tell)(void *ctx, const struct netns *ns, bool added), void *ctx);
/* Whether the last pass read a source of a namespace (0: ours) to its end and remembers all: what it did not see is newer. */
bool tracker_saw_all(const struct tracker *t, uint8_t source, uint64_t netns);

/* Told when a scan is over, for those who wait for owners; removes itself by tracker_unwait. */
struct tracker_waiter {
	void (*scan_done)(struct tracker_waiter *w);
	struct tracker_waiter *next;
};
void tracker_wait(struct tracker *t, struct tracker_waiter *w);
void tracker_unwait(struct tracker *t, struct tracker_waiter *w);

/* The table, to be looked at between steps. */
const struct track_table *tracker_table(const struct tracker *t);
struct holders *tracker_holders(struct tracker *t);

/* What is remembered of an entry, as it goes into a stream. */
struct socketd_track;
void tracker_fill(const struct tracker *t, const struct track_entry *e, struct socketd_track *ret);

#endif
