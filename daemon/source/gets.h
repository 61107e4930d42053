/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single TCP sockets that are asked for by name, many in one request */

#ifndef SOCKETD_SOURCE_GETS_H
#define SOCKETD_SOURCE_GETS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/request.h"
#include "snapshot/arena.h"
#include "source/netlink.h"

#define GETS_AT_ONCE 32                      /* in one send; their answers fit any receive buffer */
#define GETS_TIMEOUT_USEC (2u * 1000 * 1000) /* without a word from the kernel, which needs no walk for them */

/*
 * Each get is answered by a message and an acknowledgement, or by an error.
 * What one lookup does not find may be gone, or another has its ports, or no
 * lookup leads to it: the caller then makes a dump.
 */
struct gets {
	enum source_id id;
	const struct request *req;
	struct netlink *nl;
	struct netlink_keep keep;
	uint32_t n_asked;        /* of source_request.gets those in this namespace */
	uint32_t own_netns;      /* what netns 0 of a key stands for */
	uint32_t n_sent, n_answered;
	uint32_t next, answering; /* places in source_request.gets: to be sent, and to be answered */
	bool has_row;                /* of the one that is being answered */
	uint64_t deadline_usec;
	/* The outcome, once gets_step returned 0: */
	uint64_t n_messages;
	bool missed; /* not all were found, or the kernel was not to be understood */
};

/*
 * Arguments as those of dump_begin. Only those of the namespace of nl are asked for (netlink.netns; 0 for the own
 * one, whose number may be known as own_netns).
 */
void gets_begin(struct gets *g, enum source_id id, const struct request *req, struct netlink *nl, uint32_t own_netns,
		uint64_t now_usec);

/*
 * One receive: as dump_step. What the socket still holds after a miss has the
 * number of an older request for the next one, or the socket is another.
 */
int gets_step(struct gets *g, struct arena *a, uint64_t now_usec);

#endif
