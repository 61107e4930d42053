/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the flow model: adding steps to a path, and the layers that many protocols share */

#ifndef SOCKETD_CLI_FLOW_BUILD_H
#define SOCKETD_CLI_FLOW_BUILD_H

#include <stdint.h>

#include "cli/flow.h"

struct flow_build {
	struct flow *flow;
	struct flow_path *path; /* the one that is being made */
	const struct flow_source *source;
	char netid[16];
	char ulp[16]; /* "" without */
	uint32_t state; /* enum tcp_state, 0 when there is none */
	uint32_t holding; /* enum socketd_holding */
	bool ip6; /* packets are IPv6's */
};

void flow_build_init(struct flow_build *b, struct flow *f, const struct flow_source *s);
void flow_path_begin(struct flow_build *b, enum flow_direction d);

/* What the socket says. false when it says nothing; text is cut at size - 1. */
bool flow_number(struct flow_build *b, enum field_id id, uint64_t *ret);
bool flow_text(struct flow_build *b, enum field_id id, char *buf, size_t size);
bool flow_text_is(struct flow_build *b, enum field_id id, const char *text);

/*
 * A step whose name the kernel's source gives; never NULL: where a path is full, its
 * last step is overwritten.
 */
struct flow_step *flow_fixed(struct flow_build *b, const char *function);
struct flow_step *flow_step(struct flow_build *b, enum flow_kind kind, const char *name);

/* A function that a field names; NULL when it is absent. */
struct flow_step *flow_table(struct flow_build *b, enum field_id id);
/* In want of it, the one that it is by the kernel's source. */
struct flow_step *flow_table_or(struct flow_build *b, enum field_id id, const char *function);

/* A value beside a step, where the socket has it. */
void flow_add(struct flow_build *b, struct flow_step *s, enum field_id id);

/* A queue with the values that there are, the first of which is its own length. */
#define flow_queue(b, name, ...) flow_queue_ids(b, name, (const enum field_id[]){ __VA_ARGS__, F_none })
struct flow_step *flow_queue_ids(struct flow_build *b, const char *name, const enum field_id *ids);

/* From the process into the protocol, and from the protocol's queue to the process. Returns false where it ends there. */
bool flow_enter(struct flow_build *b);
void flow_leave(struct flow_build *b);

/* Queues of struct sock. */
void flow_write_queue(struct flow_build *b);
void flow_receive_queue(struct flow_build *b);
void flow_datagram_queue(struct flow_build *b);
void flow_backlog(struct flow_build *b); /* packets that wait for whoever holds the socket's lock */

/* Who is told that there is something, and who sleeps; with flow_leave; or, of a listener, behind its queue. */
void flow_wake(struct flow_build *b);
void flow_to_process(struct flow_build *b);
void flow_to_mapping(struct flow_build *b); /* a ring that the process reads itself: it only waits */
void flow_accept_queue(struct flow_build *b);

/* sk_filter, where the socket has one. */
void flow_filter(struct flow_build *b);

/*
 * From IP's output (its function before the route's) to the device; from the device to the
 * protocol's function (in want of the field, this one or NULL).
 */
void flow_ip_output(struct flow_build *b, const char *out4, const char *out6);
void flow_ip_input(struct flow_build *b, const char *handler4, const char *handler6);

/* __dev_queue_xmit and what is behind it; device: the field with its name. */
void flow_device_output(struct flow_build *b, enum field_id device);
void flow_device_input(struct flow_build *b, enum field_id device);

/* A kind of socket. accept: NULL where there are no listeners. */
struct flow_way {
	const char *kind;
	const char *netid; /* of IP; of the others the family says it */
	uint32_t family;
	void (*send)(struct flow_build *b);
	void (*receive)(struct flow_build *b);
	void (*accept)(struct flow_build *b);
};

extern const struct flow_way flow_inet_ways[], flow_other_ways[];
extern const size_t n_flow_inet_ways, n_flow_other_ways;

#endif
