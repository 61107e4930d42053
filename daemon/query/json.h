/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows as JSON (json-c): the one place where JSON is made and read */

#ifndef SOCKETD_QUERY_JSON_H
#define SOCKETD_QUERY_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "decode/record.h"

struct json_object;

#define JSON_SCHEMA "socketd/1"

/* One socket as an object (json_object_put frees it). fields NULL: every field that is present. -ENOMEM. */
int json_record(struct record *r, const enum field_id *fields, size_t n_fields, struct json_object **ret);

/* The document around them: what the reading says of itself (host, time, sources, partial and why). -ENOMEM. */
int json_reading(const struct context *c, struct json_object **ret);

/* A row of the catalogue, for `describe` and ListFields. -ENOMEM. */
int json_field(const struct field *f, struct json_object **ret);

#endif
