/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compact table: one entry a socket, found by cookie and by inode */

#ifndef SOCKETD_TRACK_TABLE_H
#define SOCKETD_TRACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/source_id.h"

/* Ages are kept in tenths of a second of CLOCK_BOOTTIME: 13 years in 32 bits. */
#define TRACK_TICK_USEC 100000u

enum {
	TRACK_AGE_AT_LEAST = 1 << 0,       /* was there in the first pass */
	TRACK_STATE_AGE_AT_LEAST = 1 << 1, /* was in this state then */
	TRACK_COUNTERS = 1 << 2,           /* tcp.* were read at least once */
	TRACK_RATES = 1 << 3,              /* and twice */
	TRACK_IPV6 = 1 << 4,               /* addr.pair6 */
	TRACK_OWNER_SOUGHT = 1 << 5,       /* a scan looked for its owner since it was first seen */
	TRACK_NAME_CUT = 1 << 6,           /* name[] is not the whole name */
	TRACK_REPORTED = 1 << 7,           /* its opening was told to listeners */
};

/*
 * Rates are kept as logarithms in 16 bits: 0 is 0, else 2^((v - 1) / 1200 - 14),
 * within 0.03 %: from one in five hours to 1.6 TB a second.
 */
uint16_t track_rate_pack(double per_second);
double track_rate_unpack(uint16_t packed);

/* Endpoints of families whose numbers have 32 bits. */
struct track_wide {
	uint32_t local, peer;           /* vsock: cid; TIPC: node */
	uint32_t local_port, peer_port; /* vsock, netlink, TIPC; XDP: queue */
};

/*
 * At most 104 bytes, so that with the heads of the two hashes an IPv4 socket
 * takes less than 128. IPv6 addresses are in a pool beside.
 */
struct track_entry {
	uint64_t cookie; /* 0 where the source has none: then the inode is the identity */
	uint32_t inode;  /* 0 for none */
	uint32_t twin;   /* tells sockets apart that share a cookie (sight_twin()); 0 for all others */
	uint32_t first_seen, state_since; /* ticks */
	uint32_t owner_pid; /* 0 for none known; the first of them when there are several */
	uint32_t ifindex;
	uint32_t next_by_cookie, next_by_inode; /* the table's: index + 1 in its chains */
	uint16_t local_port, peer_port;
	union {
		struct {
			uint32_t local4, peer4; /* network order */
		};
		uint32_t pair6; /* index in the pool */
		uint32_t peer_inode; /* UNIX */
	} addr;
	uint32_t uid;   /* UINT32_MAX: not told */
	uint16_t source : 6; /* enum source_id; TCP by its address family, never SOURCE_tcp */
	uint16_t state : 5;  /* enum tcp_state; SMC has some of its own up to 27 */
	uint16_t type : 4;   /* SOCK_* */
	uint16_t missed : 1; /* the last pass did not have it */
	uint16_t netns; /* slot of its namespace; 0 is the own one */
	uint8_t flags;  /* TRACK_* */
	uint8_t pass;   /* low byte of the last pass that had it */
	uint16_t protocol; /* netlink family, ethertype, raw protocol */
	union {
		struct {
			uint64_t bytes_acked, bytes_received;
			uint32_t segs_out, segs_in, retrans;
			uint16_t tx, rx, tx_segs, rx_segs, retrans_rate; /* track_rate_pack() */
			uint16_t reading; /* when the counters were read: pass modulo 32, and 4 ms steps into it (seen.c) */
		} tcp;
		struct {
			char name[39]; /* UNIX: sun_path as bound, as much as fits */
			uint8_t name_len;
		};
		struct track_wide wide; /* vsock, netlink, TIPC, XDP */
	};
};

struct track_pair6 {
	uint8_t local[16], peer[16];
};

struct track_table;

int track_table_new(struct track_table **ret);
struct track_table *track_table_free(struct track_table *t);
DEFINE_CLEANUP_PTR(struct track_table, track_table_free)

/* Entries keep their place until they are removed; a pointer stays valid as long. */
struct track_entry *track_table_find(const struct track_table *t, uint8_t source, uint64_t cookie, uint32_t twin);
/* Of SCTP associations, which share their endpoint's inode, one of them is found. */
struct track_entry *track_table_find_inode(const struct track_table *t, uint32_t inode);
/* Another one of the same inode, as the subflows of an MPTCP connection have; NULL behind the last. */
struct track_entry *track_table_next_of_inode(const struct track_table *t, const struct track_entry *e);

/*
 * Adds an entry with these; all else is 0, uid UINT32_MAX. Not when there is one
 * already, and with a cookie or an inode. NULL when memory is short. IPv6
 * addresses are given place when pair is not NULL.
 */
struct track_entry *track_table_add(struct track_table *t, uint8_t source, uint64_t cookie, uint32_t twin, uint32_t inode,
				    const struct track_pair6 *pair);
void track_table_remove(struct track_table *t, struct track_entry *e);

/* A request sock becomes a socket of the same cookie: it gets its inode. 0 takes it away. */
void track_table_set_inode(struct track_table *t, struct track_entry *e, uint32_t inode);

/* Gives it IPv6 addresses, or other ones: connect() changes them. -ENOMEM. */
int track_table_set_pair6(struct track_table *t, struct track_entry *e, const struct track_pair6 *pair);
/* NULL when it has none. */
const struct track_pair6 *track_table_pair6(const struct track_table *t, const struct track_entry *e);

/*
 * Which namespace a slot stands for, by inode number; 0 for none. A socket never
 * moves to another one. -ENOMEM.
 */
int track_table_set_netns(struct track_table *t, uint16_t slot, uint64_t ino);
/* That of an entry; 0 when it is not known (the own one, where /proc does not tell). */
uint64_t track_table_netns(const struct track_table *t, const struct track_entry *e);

/* Walks all: *cursor is 0 first; NULL at the end. Removing the entry just given is allowed. */
struct track_entry *track_table_next(const struct track_table *t, size_t *cursor);

/* Starts loading what a find will touch, for batches: the cost of a find is memory that is not in the cache. */
void track_table_prefetch(const struct track_table *t, uint64_t cookie);

size_t track_table_count(const struct track_table *t);
/* Bytes that are held for it, free places and hashes included. */
size_t track_table_memory(const struct track_table *t);

#endif
