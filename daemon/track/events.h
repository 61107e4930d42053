/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events on their way to listeners: in order, bounded, openings held back until their owners are known */

#ifndef SOCKETD_TRACK_EVENTS_H
#define SOCKETD_TRACK_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/inet_diag.h>

#include "snapshot/arena.h"
#include "snapshot/messages.h"
#include "socketd/stream.h"
#include "track/former.h"
#include "track/holders.h"

#define EVENTS_WAIT_USEC (2u * 1000 * 1000) /* that an opening waits for its owner */
#define EVENTS_OWNERS_MAX 64                /* descriptors that are told of one socket */
#define EVENTS_RELEASES 256                 /* in one step: for each all processes are searched */

/*
 *   event --+--> held: behind an opening whose owner is looked for --+
 *           |                                                        +--> out
 *           +--> directly: while nothing is held --------------------+
 */
struct events {
	bool wanted;
	const struct holders *holders;
	struct arena held, out;
	struct arena piece; /* one event that is put together */
	struct former former;
	size_t max;
	uint64_t n_lost_now; /* since the last overflow that was said */
	uint64_t n_lost;
	uint32_t scans_begun, scans_ended;
};

struct event {
	uint32_t kind; /* enum socketd_event_kind */
	uint8_t old_state;
	uint64_t generation;
	uint32_t inode;          /* whose holders are told; 0 for none */
	bool waits;              /* for the next scan that begins */
	/*
	 * With the kernel's last word: the socket has left its file, and after a reset
	 * (tcp_disconnect()) its ends are cleared, so that inode, uid and ends are put
	 * in as they were. NULL: the message is whole.
	 */
	const struct inet_diag_msg *remembered;
	/* Who it is, where the module has told and no scan has found the holders: 0 for nobody. The descriptor is not known. */
	uint32_t owner_pid, owner_uid;
	const char *owner_comm;
	bool is_scanned;         /* a scan has found some: they are told, and that one only where they are not known any more */
	uint64_t boottime_usec;  /* CLOCK_BOOTTIME when it happened; 0: now */
	const struct message *m; /* payload, or a line */
	const struct socketd_track *track; /* NULL: nothing was remembered */
};

void events_init(struct events *e, const struct holders *h, size_t max);
void events_deinit(struct events *e);
void events_want(struct events *e, bool want);

/* Past the bound an event is counted as lost. -ENOMEM likewise: it never fails. */
void events_put(struct events *e, const struct event *event, uint64_t now_usec);

/* Openings and closings that nobody will know of: the kernel dropped the notices (track/dropped.h). */
void events_put_lost(struct events *e, uint64_t n);

/*
 * Lets go what waited long enough or whose scan is over, EVENTS_RELEASES at most:
 * true when there may be more. Says what was lost when there is room.
 */
bool events_flush(struct events *e, uint64_t now_usec);

/* CLOCK_MONOTONIC when what waits may go though no scan ended; UINT64_MAX for never. */
uint64_t events_deadline(const struct events *e);

#endif
