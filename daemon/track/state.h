/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker from inside: what its parts share */

#ifndef SOCKETD_TRACK_STATE_H
#define SOCKETD_TRACK_STATE_H

#include "model/request.h"
#include "source/destroy.h"
#include "source/dump.h"
#include "source/owner_child.h"
#include "source/procfs.h"
#include "track/cookie_set.h"
#include "track/dropped.h"
#include "track/events.h"
#include "track/heard.h"
#include "track/holders.h"
#include "track/namespaces.h"
#include "track/sight.h"
#include "track/tracker.h"

#define PASS_RECEIVES 4          /* in one step: about a millisecond */
#define PASS_SWEEP 16384         /* entries in one step, likewise */
#define PASS_RETRY 60            /* a source that this kernel has not is tried again every so many passes */
#define CLOSINGS_MAX 256         /* destroy messages in one step */
#define GONE_MAX (64u * 1024)    /* cookies that are remembered as gone until the pass ends */
#define COUNTER_PASSES 32        /* whose begin is remembered, for rates */
#define SCAN_TIMEOUT_USEC (30u * 1000 * 1000) /* without a block from the child */
#define SCAN_SLICE 16384         /* inodes looked for in one step */
#define SCAN_UNOWNED_MAX 32768   /* inodes that are kept between scans; past it the whole table is looked at */

enum pass_phase {
	PASS_NONE,
	PASS_ADOPT, /* namespaces that were found are opened */
	PASS_NETNS, /* the next namespace, or none left */
	PASS_NEXT,  /* its next source, or none left */
	PASS_DUMP,  /* a source of sock_diag */
	PASS_LINES, /* a source of /proc/net */
	PASS_SWEPT, /* all were read: what was not seen is looked for */
};

struct pass {
	enum pass_phase phase;
	bool counters;
	uint8_t byte;         /* its number as track_entry.pass has it */
	struct request req;
	struct track_netns *ns;    /* that is read now */
	unsigned int next_slot;    /* of the one behind it */
	bool wanted[SOURCE_COUNT]; /* of it, as request_init() wants them */
	unsigned int generation;   /* of its netlink socket, as the epoll set has it */
	bool is_watched;           /* that socket is in the set */
	unsigned int source, fallback, current; /* as in source/acquire.c */
	struct dump dump;
	struct procfs procfs;
	uint64_t begin_usec, begin_boottime_usec, source_begin_usec;
	uint64_t cpu_usec, tcp_cpu_usec;
	uint64_t n_unremembered;
	uint64_t n_seen[SOURCE_COUNT];  /* in this namespace */
	uint64_t retry[SOURCE_COUNT];   /* the pass that tries it again; 0 for one that is there: what a kernel lacks it lacks everywhere */
	size_t cursor;                  /* of the sweep */
	/* Begin of the passes with counters, CLOCK_MONOTONIC; the last one's number. */
	uint64_t counters_begin_usec[COUNTER_PASSES];
	uint32_t counters_number;
};

enum scan_phase {
	SCAN_NONE,
	SCAN_READ,    /* the child writes, into holders */
	SCAN_FILTER,  /* which of those without an owner are still there and without one */
	SCAN_ASSIGN,  /* those are looked for in all that is held */
};

/* Inodes of sockets without an owner, in the order they were found. */
struct unowned {
	uint32_t *inodes;
	size_t n, n_allocated; /* allocated: a power of two */
	bool all; /* more than are kept: the table tells them, and there is no list */
};

struct scan {
	enum scan_phase phase;
	bool wanted;         /* another one, when it may begin */
	struct owner_child child;
	struct owner_sink sink;
	struct arena out;    /* stays empty: the sink takes all */
	uint64_t deadline_usec, next_usec;
	uint64_t holders_seen; /* their generation when owners were last assigned */
	int error;
	struct unowned unowned;  /* for the next scan */
	struct unowned sought;   /* found before this one began, or lost in it: its end looks for them */
	bool spared;             /* the last one left out processes that seemed the same */
	bool whole;              /* the next one leaves out none */
	bool is_own;             /* this tracker's scan, begun at begin_ticks; else a reading brought owners */
	uint32_t begin_ticks;
	size_t filter_at, filter_n;
	struct cookie_set inodes;
};

struct tracker {
	struct tracker_limits limits;
	struct tracker_status status;
	struct track_table *table;
	struct holders *holders;
	struct namespaces namespaces;
	struct track_netns *telling;  /* whose closings are taken in */
	unsigned int n_backlog_steps; /* in a row that the pass waited for the destroy groups */
	struct cookie_set gone; /* cookies whose end was told during the pass under way, or seen by the last sweep: they are unique over all namespaces */
	struct pass pass;
	struct scan scan;
	struct events events;
	struct heard heard;
	struct arena scratch; /* one receive, consumed before the next */
	int epoll_fd;
	struct tracker_waiter *waiters, *next_waiter;
	uint64_t boottime_usec, step_usec; /* CLOCK_BOOTTIME and CLOCK_MONOTONIC of the step under way, or of its last receive */
};

/* Of a boottime. */
static inline uint32_t track_ticks(uint64_t boottime_usec)
{
	return (uint32_t)(boottime_usec / TRACK_TICK_USEC);
}

/* Whether a source has destroy groups. */
static inline bool track_is_told(uint8_t source)
{
	return source >= SOURCE_tcp4 && source <= SOURCE_udplite6;
}

/* A descriptor of a pass or a scan; what tells by itself has sets of its own (namespaces.h). */
int tracker_watch(struct tracker *t, int fd);
struct track_entry *tracker_find(struct tracker *t, const struct sight *s);
/* Whatever memory it takes is counted against memory_max. */
bool tracker_is_full(const struct tracker *t);

/* pass.c: what a pass reads, and from where. */
int pass_begin(struct tracker *t, bool counters, uint64_t now);
/* 1 more to do, 0 it ended, -EAGAIN the kernel is waited for, -ENOMEM. */
int pass_step(struct tracker *t, uint64_t now);
void pass_stop(struct tracker *t);
bool pass_reads_tcp(const struct pass *p);

/* seen.c: a message of a pass goes into the table. */
int seen_message(void *ctx, const struct message *m, const struct sight *s);

/* gone.c: the ends of sockets, told by the kernel or found by a sweep. */
/* Joins the groups in a namespace, unless that was done. -ENOMEM; without them the sweeps find what is gone. */
int gone_open(struct tracker *t, struct track_netns *ns);
void gone_close(struct tracker *t, struct track_netns *ns);
/* 1 when there may be more, 0 when all was taken in; -ENOMEM. */
int gone_receive(struct tracker *t);
/* A slice of the table. 1 more to do, 0 at its end. */
int gone_sweep(struct tracker *t);

/* scan.c: the owner scan, and what comes of it. */
/* A socket without an owner. */
void scan_unowned(struct tracker *t, uint32_t inode);
/* One whose owner has it no more; another may. */
void scan_lost(struct tracker *t, uint32_t inode);
/* Begins one if one is wanted and may be. */
void scan_maybe_begin(struct tracker *t, uint64_t now);
int scan_begin(struct tracker *t, uint64_t now);
/* 1 there was something to do, 0 nothing; -ENOMEM. */
int scan_step(struct tracker *t, uint64_t now);
void scan_stop(struct tracker *t);

#endif
