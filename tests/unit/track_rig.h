/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tracker in a namespace of its own, sockets to watch, and what it told of them */

#ifndef SOCKETD_TESTS_TRACK_RIG_H
#define SOCKETD_TESTS_TRACK_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "socketd/stream.h"
#include "source/destroy.h"
#include "track/tracker.h"

#define RIG_EVENTS_MAX 65536

/* What was told, in order. */
struct rig_told {
	uint32_t kind, old_state, inode, pid, fd;
	uint8_t source, state;
	uint32_t netns;
	uint16_t local_port, peer_port;
	uint32_t uid;
	uint64_t cookie, lost, generation;
	struct socketd_track track;
};

extern struct tracker *rig_tracker;
extern int rig_listener;
extern struct rig_told rig_told[RIG_EVENTS_MAX];
extern unsigned int rig_n_told;
extern const struct tracker_limits rig_limits;

void rig_begin(bool events);
void rig_finish(void);
const struct tracker_status *rig_status(void);

/* The tracker's destroy groups in its own namespace. */
struct destroy *rig_destroy(void);

/* Until nothing is under way: passes, scans and events that wait. */
void rig_settle(void);
/* And until so many ends were told, or in all for a second nothing came. */
void rig_settle_closings(uint64_t n_closed);
void rig_run_pass(bool counters);

uint64_t rig_cookie_of(int fd);
uint32_t rig_inode_of(int fd);
uint8_t rig_tcp_state_of(int fd);
struct track_entry *rig_entry_of(uint8_t source, int fd);
/* A socket of the table against what getsockopt and fstat say. */
void rig_check_entry(uint8_t source, int fd, uint8_t state);

/* rig_listener is opened, at an address of the loopback; the others connect to it. */
void rig_open_listener(int family);
int rig_open_client(void);
int rig_accept_one(void);
void rig_open_pair(int fds[2]);

/* Takes the events that there are behind those told. */
void rig_take_events(void);
const struct rig_told *rig_find_told(uint32_t kind, uint64_t cookie);
/* Of any cookie with 0. */
unsigned int rig_count_told(uint32_t kind, uint64_t cookie);

#endif
