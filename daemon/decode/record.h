/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message as a socket: fields are decoded when they are asked for */

#ifndef SOCKETD_DECODE_RECORD_H
#define SOCKETD_DECODE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/field.h"
#include "model/source_id.h"
#include "model/value.h"
#include "snapshot/messages.h"

#define RECORD_ATTR_MAX 32
#define RECORD_SCRATCH 512

struct decoder;
struct nlattr;

/* A cursor over one message. Nothing is copied: it borrows the message and the context. */
struct record {
	const uint8_t *data;
	uint32_t len;
	enum source_id source;
	uint32_t netns; /* as the message or its block says; 0: that of its source */
	const struct source_def *def;
	const struct decoder *decoder;
	const struct context *context;
	const struct socketd_track *track; /* NULL when nothing is remembered of it */
	/* Attributes by number, NULL when absent; only the first of a number counts. */
	const struct nlattr *attr[RECORD_ATTR_MAX];
	/* The kernel module's message of this socket: it adds what the row's own lacks. NULL when there is none. */
	const uint8_t *module;
	const struct nlattr *module_attr[RECORD_ATTR_MAX]; /* of it; not set without */
	/* KIND_PROC_INET: the line's words, parsed when the record is opened. */
	struct proc_words {
		uint8_t local[16], peer[16];
		uint16_t local_port, peer_port;
		uint32_t state, tx_queue, rx_queue, timer, expires, retransmits, uid, refcnt, drops;
		uint64_t inode;
		uint8_t has_drops;
	} proc;
	/* The other end, for the fields of group peer: who joins ends sets it (query/pairs.h). NULL: there is none, or nobody looked. */
	const struct record_peer *peer;
	char scratch[RECORD_SCRATCH]; /* text that record_get made; valid until the next record_get */
};

/* What the fields of group peer are read from. */
struct record_peer {
	struct record *end; /* the other end's row, open */
	bool pending;       /* UNIX: the row is a client that end, a listener, has not accepted yet */
};

/*
 * Looks at a message. 0; -EBADMSG when it is shorter than its family's header,
 * when an attribute overruns it, or when a line does not parse: such a row is
 * counted and left out, it does not end the reading. On failure *ret is not
 * to be used. Nothing is read of c until a field asks for it; it may be NULL.
 */
int record_open(struct record *ret, const struct message *m, const struct context *c);

/*
 * The n-th value of a field; n is 0 but for lists. -ENODATA when the message
 * does not have it (which is not zero). The value borrows from the message,
 * the context or the record's scratch.
 */
int record_get(struct record *r, enum field_id id, unsigned n, struct value *ret);

/* Shortcuts of what every reader of rows needs. */
uint32_t record_state(struct record *r); /* enum tcp_state, 0 when there is none */
int record_cookie(struct record *r, uint64_t *ret);
int record_inode(struct record *r, uint64_t *ret);

/* Inode number of the socket's network namespace, 0 when it is not known. */
uint64_t record_netns(const struct record *r);

/*
 * Whether a source's own messages can have a field at all: for plans, help and
 * "why is this empty". SOURCE_module has the rows of its groups; these it adds to the rows of the others.
 */
bool decode_source_has(enum source_id source, enum field_id id);

/* Whether the kernel module adds a field to the rows of other sources. */
bool decode_module_adds(enum field_id id);

/* Whether no other source than the kernel module has a field. */
bool decode_module_only(enum field_id id);

/*
 * The groups that a field is asked for with, GROUP_NAMES for the module's texts. What a dump of
 * another source tells as well is not worth the module's walks: it has none of the module's groups.
 */
uint32_t decode_groups(enum field_id id);

/* The i-th word that netid can have in the module's rows of a family, some of them twice; NULL past the last, or for none. */
const char *module_netid(unsigned family, unsigned i);

#endif
