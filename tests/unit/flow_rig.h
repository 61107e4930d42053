/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that are made of the fields that a test sets, for the flow model */

#ifndef SOCKETD_TESTS_FLOW_RIG_H
#define SOCKETD_TESTS_FLOW_RIG_H

#include <stdint.h>

#include "cli/flow.h"

struct fake {
	struct value values[FIELD_COUNT];
};

void fake_text(struct fake *f, enum field_id id, const char *s);
void fake_number(struct fake *f, enum field_id id, uint64_t u);
void fake_none(struct fake *f, enum field_id id);
void fake_address6(struct fake *f, enum field_id id, const char *ip);

void fake_sock(struct fake *f); /* the queues of struct sock */
void fake_tcp(struct fake *f);  /* a whole one: established, IPv4, by eth0 out and by eth1 in */

/* What the model makes of it. */
void fake_flow(struct flow *flow, struct fake *f);

/* A step of a path by its name, or NULL. */
const struct flow_step *fake_step(const struct flow *f, size_t path, const char *name);

#endif
