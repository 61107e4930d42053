/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of the kernel: the plan of a query, which the sources carry out */

#ifndef SOCKETD_MODEL_REQUEST_H
#define SOCKETD_MODEL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "model/field.h"
#include "model/netns.h"
#include "model/source_id.h"
#include "model/words.h"

/* inet_diag refuses nothing below 64 KiB; ours never get near it. */
#define REQUEST_BYTECODE_MAX 4096

/*
 * A request is a superset of what the query wants: what comes back is matched
 * again by the query. So an answer may hold more, never less.
 */
/* One TCP socket that is asked for by its name: no walk over the kernel's table. */
struct exact_key {
	uint64_t cookie;
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port; /* host order */
	uint32_t ifindex;
	uint32_t netns; /* inode number of its namespace; 0 for the reader's own */
	bool may_end; /* TIME-WAIT when it was last seen: that it is not found is an answer */
};

/* Past so many a dump is cheaper. */
#define REQUEST_GETS_MAX 512

struct source_request {
	bool wanted;
	uint32_t states;       /* mask of STATE_BIT; STATES_ALL for all */
	uint16_t bytecode_len; /* inet_diag_bc_op of KIND_INET; 0 for all rows */
	uint8_t *bytecode;     /* owned */
	bool exact;            /* one socket is asked for, by what follows; where the kernel cannot, a dump is made */
	uint64_t cookie;       /* with exact, 0 for any */
	uint32_t inode;        /* KIND_UNIX */
	uint32_t token;        /* MPTCP */
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port; /* host order; with exact, KIND_INET */
	uint32_t ifindex;
	/*
	 * TCP: of the states beside LISTEN only these sockets are asked for, one at
	 * a time. When one of them is not found the whole dump is made after all.
	 */
	bool by_gets;
	struct exact_key *gets; /* owned */
	uint32_t n_gets;
};

/* What the kernel module is asked for, when SOURCE_module is wanted (socketd/uapi.h). */
struct module_request {
	uint32_t walks;    /* SOCKETD_WALK_* */
	uint32_t groups;   /* SOCKETD_GROUP_* */
	uint32_t states;   /* 1 << sk_state */
	uint32_t flags;    /* SOCKETD_FLAG_* */
	uint64_t families; /* 1 << AF_* */
	/* 0 for any: */
	uint64_t cookie, inode;
	uint32_t pid;      /* only what it holds */
};

struct request {
	uint32_t groups; /* mask of GROUP_BIT; GROUP_owner asks for the owner scan */
	uint32_t uid;    /* the reading is made for this user; 0 sees all */
	uint64_t table_age_usec; /* of the table that the gets come from; it goes into HOST */
	struct source_request sources[SOURCE_COUNT];
	struct module_request module;
	/*
	 * The namespaces to read (owned copies). None: the reader's own alone. The own
	 * one is read through our own sockets, wherever it stands in the list.
	 */
	struct netns_list netns;
};

/* All sources but the module, all states, these groups. */
void request_init(struct request *r, uint32_t groups);
void request_deinit(struct request *r);

#endif
