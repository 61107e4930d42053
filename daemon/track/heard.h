/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel module says of TCP sockets as it happens goes into the table and to listeners */

#ifndef SOCKETD_TRACK_HEARD_H
#define SOCKETD_TRACK_HEARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "track/callers.h"
#include "track/heard_queue.h"
#include "track/sight.h"

struct tracker;
struct track_netns;

#define HEARD_CHANGES_MAX 512          /* in one step: about a millisecond */
#define HEARD_DRAIN_MAX 32768           /* at once */
#define HEARD_OPENING_USEC (500u * 1000) /* that an opening waits for its local port */
#define HEARD_CLOSING_USEC (1000u * 1000) /* that a closing waits for the kernel's last word */
#define HEARD_ROW_TICKS 10u            /* so long a pass does not overrule what was heard: its rows were read before */

/*
 *   change -> CLOSE to SYN_SENT: an entry; told when it has its local port: with its next change, or a little later
 *          -> other first change: an entry, told as opened
 *          -> later ones: told as changed
 *          -> to CLOSE: waits for the destroy groups' message, which has the last counters, or a second: told as closed
 *
 * An entry of TCP that is in CLOSE and not TRACK_REPORTED was told as closed by the
 * second: it stays until the destroy groups tell of it, so that it is not told again.
 * MPTCP connections, SCTP and DCCP are left to the passes; subflows of MPTCP are TCP.
 */
struct heard {
	struct callers callers;
	struct heard_queue openings, closings;
	struct track_netns *ns;   /* whose changes are taken in */
	unsigned int n_open;      /* namespaces that are heard */
	unsigned int n_unsure;    /* passes for which closed entries are not kept: notices of their ends were dropped */
	uint64_t n_dropped;       /* of the status, when that was last looked at */
};

void heard_deinit(struct tracker *t);

/* Somebody listens to events, or nobody does any more: without one the module need not say anything. */
void heard_want(struct tracker *t, bool want);

/* In a namespace, when a pass comes to it; nothing when it is open, or nobody listens. -ENOMEM; the status says what else failed. */
int heard_open(struct tracker *t, struct track_netns *ns);
void heard_close(struct tracker *t, struct track_netns *ns);

/*
 * Takes in changes, HEARD_CHANGES_MAX at most. 1 when there may be more, 0 when all
 * are taken in; -ENOMEM.
 */
int heard_receive(struct tracker *t);
/* All of one namespace: before messages of the destroy groups, and rows of a pass, that came behind them are looked at. */
void heard_drain(struct tracker *t, struct track_netns *ns);

/* Tells what has waited long enough. */
void heard_flush(struct tracker *t, uint64_t now_usec);
/* CLOCK_MONOTONIC; UINT64_MAX for never. */
uint64_t heard_deadline(const struct tracker *t);

/* Whether it was told as closed, and its destroy message is to come. */
bool heard_is_over(const struct track_entry *e);
/* Of such: whether a sweep leaves it where it is. */
bool heard_keeps(const struct tracker *t, const struct track_entry *e);
/* Whether the row of a pass is older than what was heard of the socket. */
bool heard_overrules(const struct tracker *t, const struct track_entry *e, const struct sight *s);

/* A pass saw a socket that listens: for the owners of what it will accept. */
void heard_listener(struct tracker *t, const struct track_entry *e);

/* Who it was that made the last change that a process made, or accepted it. False when nothing was heard of that. */
bool heard_owner(const struct tracker *t, const struct track_entry *e, struct caller *ret);

#endif
