/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One message as the table sees it: who the socket is, and the few facts that are remembered */

#ifndef SOCKETD_TRACK_SIGHT_H
#define SOCKETD_TRACK_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/messages.h"
#include "track/table.h"

struct sight {
	uint64_t cookie;
	uint32_t inode, twin, ifindex; /* twin: sight_twin() */
	uint32_t uid; /* UINT32_MAX: not told */
	uint8_t source; /* enum source_id; TCP by its address family, never SOURCE_tcp */
	uint8_t state;  /* enum tcp_state, as the decoder tells it */
	uint8_t type;   /* SOCK_*; 0 for not told */
	uint16_t protocol;
	uint16_t local_port, peer_port; /* host order; 0 where wide has them */
	bool is_ipv6;
	bool is_brief; /* TIME-WAIT and request socks: no socket of a process, no event is made of them alone */
	uint32_t local4, peer4, peer_inode;
	struct track_pair6 pair; /* with is_ipv6 */
	struct track_wide wide;
	bool has_counters; /* tcp_info was there and the state is one that counts */
	uint64_t bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, retrans;
	const char *name; /* UNIX, in the message, without the NUL behind a path */
	uint8_t name_len;
};

/*
 * Reads a message without the decoder's tables: this runs for every socket in
 * every pass. 0; -EBADMSG when it is too short; -ENODATA when it names no
 * identity (no cookie and no inode), so that nothing can be remembered of it.
 */
int sight_read(const struct message *m, struct sight *ret);

/*
 * Tells sockets apart that share a cookie: MPTCP's accepted ones carry their
 * listener's, SCTP's associations their endpoint's. A hash of the endpoints for
 * rows of those that have a peer, 0 for all others. Not of the inode: a socket
 * that is closed loses it and lives on for a while. sight_read() fills it in.
 */
uint32_t sight_twin(const struct sight *s);

/*
 * Writes what was seen into an entry: endpoints, state, inode, uid, device, type,
 * protocol, name and the flags that go with them. Not the counters, nor anything
 * that has to do with time: those are the tracker's. -ENOMEM when an IPv6
 * pair finds no place; the entry is whole then, with the addresses it had.
 * What a message does not tell (inode 0, uid UINT32_MAX) leaves the entry's as it
 * is. A socket that gets an inode has an owner to be found: TRACK_OWNER_SOUGHT goes.
 */
int sight_store(const struct sight *s, struct track_table *t, struct track_entry *e);

/*
 * The message that an entry's kernel would have sent, put together from what is
 * remembered: for a socket that is gone without a last word. Netlink's header,
 * the family's, and the attributes that name the endpoints. Returns its length in
 * buf, a multiple of 8; 0 for sources of /proc.
 */
#define SIGHT_MESSAGE_MAX 256
size_t sight_rebuild(const struct track_table *t, const struct track_entry *e, uint8_t buf[static SIGHT_MESSAGE_MAX]);

/* The same for sources of /proc: the line, without its end. Returns its length; 0 for all other sources. */
size_t sight_rebuild_line(const struct track_table *t, const struct track_entry *e, char buf[static SIGHT_MESSAGE_MAX]);

#endif
