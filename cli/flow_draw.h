/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A flow for people, for Graphviz, and as JSON */

#ifndef SOCKETD_CLI_FLOW_DRAW_H
#define SOCKETD_CLI_FLOW_DRAW_H

#include "cli/flow.h"
#include "cli/output.h"

struct json_object;

/* As text; columns: of the screen, 0 for no bound. Paths stand beside each other where there is room. */
void flow_text_write(struct output *o, const struct flow *f, unsigned columns);

/* What the marks of the text mean. */
void flow_text_legend(struct output *o);

/* Graphviz: one digraph of all flows, a cluster each, with the socket's title. n: its number, from 0. */
void flow_dot_begin(struct buffer *b);
void flow_dot_write(struct buffer *b, const struct flow *f, const char *title, size_t n);
void flow_dot_end(struct buffer *b);

/* {"kind":…,"note":…,"paths":[{"direction":…,"steps":[…]}]}; json_object_put frees it. socket: taken over. -ENOMEM. */
int flow_json(const struct flow *f, struct json_object *socket, struct json_object **ret);

/* "sk_wmem_queued 2.5 MiB", or, where the step is called so, "3 packets". */
void flow_value_write(struct buffer *b, const struct flow_step *s, const struct flow_value *v);

#endif
