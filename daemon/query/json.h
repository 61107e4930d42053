/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows as JSON (json-c): the one place where JSON is made and read */

#ifndef SOCKETD_QUERY_JSON_H
#define SOCKETD_QUERY_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "decode/record.h"
#include "model/cleanup.h"

struct json_object;

void json_put_cleanup(struct json_object **o);
#define CLEANUP_JSON CLEANUP(json_put)

#define JSON_SCHEMA "socketd/1"

/* One socket as an object (json_object_put frees it). fields NULL: every field that is present. -ENOMEM. */
int json_record(struct record *r, const enum field_id *fields, size_t n_fields, struct json_object **ret);

/*
 * The document around them: what the reading says of itself (host, time,
 * sources, partial and why). error: what kept it from being read to its end, or
 * whole, for people; NULL when nothing did. -ENOMEM.
 */
int json_reading(const struct context *c, const char *error, struct json_object **ret);

/*
 * An event as an object. socket: of json_record, taken over in any case; NULL
 * for an event without one. -ENOMEM.
 */
int json_event(const struct event_info *event, struct json_object *socket, struct json_object **ret);

/* How many values a list of a row has from the n-th on: what who shows no more than n leaves out. */
unsigned record_list_rest(struct record *r, enum field_id id, unsigned n);

/* A row of the catalogue, for `describe` and ListFields. -ENOMEM. */
int json_field(const struct field *f, struct json_object **ret);

#endif
