/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of data through the kernel for one socket, as steps: a record in, paths out, nothing printed */

#ifndef SOCKETD_CLI_FLOW_H
#define SOCKETD_CLI_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "model/value.h"

#define FLOW_NAME_MAX 96
#define FLOW_VALUES_MAX 4
#define FLOW_STEPS_MAX 40
#define FLOW_PATHS_MAX 2

enum flow_direction { FLOW_SEND, FLOW_RECEIVE, FLOW_ACCEPT };

enum flow_kind {
	FLOW_SYSCALL,
	FLOW_FUNCTION,
	FLOW_QUEUE,  /* where data waits: packets, connections, sleepers */
	FLOW_DEVICE,
	FLOW_BEYOND, /* another socket, or a part of the kernel that the data goes on in */
};

struct flow_value {
	enum field_id field;
	struct value value; /* a number or an IP address: nothing is borrowed */
};

struct flow_step {
	enum flow_kind kind;
	enum field_id field; /* what told the name, or that the queue is there; F_none: the kernel's source gives it */
	char name[FLOW_NAME_MAX]; /* any bytes but NUL: escape it */
	const char *when; /* a side way, and when it is taken ("while …", "for …"); NULL on the main one */
	const char *note; /* or NULL */
	struct flow_value values[FLOW_VALUES_MAX];
	size_t n_values;
};

/* In the order in which the data goes: from the process down, or up to it. */
struct flow_path {
	enum flow_direction direction;
	const char *note; /* or NULL */
	struct flow_step steps[FLOW_STEPS_MAX];
	size_t n_steps;
};

struct flow {
	const char *kind; /* "tcp", "tls", "mptcp", ... */
	const char *note; /* what is to be known of all of it, or NULL */
	struct flow_path paths[FLOW_PATHS_MAX];
	size_t n_paths;
};

/* Where the fields come from: a record, or a test. 0, or -ENODATA. What is returned is borrowed until the next call. */
struct flow_source {
	int (*get)(void *ctx, enum field_id id, struct value *ret);
	void *ctx;
};

/* Absent fields are left out, not guessed. A TIME-WAIT and its like have no path, and a note that says why. */
void flow_make(struct flow *ret, const struct flow_source *s);

/* The fields that it looks at. */
extern const enum field_id flow_fields[];
extern const size_t n_flow_fields;

const char *flow_direction_name(enum flow_direction d); /* "send" */
const char *flow_kind_name(enum flow_kind k);           /* "function" */

#endif
