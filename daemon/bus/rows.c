/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reading as JSON text */

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "bus/queue.h"
#include "bus/readings.h"
#include "bus/rows.h"
#include "query/dedupe.h"
#include "query/json.h"
#include "snapshot/messages.h"

/* Rows decoded in one step: about a millisecond. */
#define ROWS_STEP 64

struct rows {
	const struct query *query;
	enum field_id *fields;
	size_t n_fields;
	bool record_separator, done;
	struct reader reader;
	struct messages messages;
	struct context *context;
	struct reading_walk *walk; /* NULL: rows come from the arena */
	struct record record;
	struct dedupe dedupe;
	struct queue text;
};

int rows_new(struct rows **ret, struct arena *in, const struct query *q, const enum field_id *fields, size_t n_fields,
	     bool record_separator)
{
	CLEANUP(rows_free) struct rows *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	e = context_new(&r->context);
	if (e < 0)
		return e;
	if (fields) {
		r->fields = calloc(n_fields + 1, sizeof(*fields));
		if (!r->fields)
			return -ENOMEM;
		memcpy(r->fields, fields, n_fields * sizeof(*fields));
		r->n_fields = n_fields;
	}
	r->query = q;
	dedupe_init(&r->dedupe);
	r->record_separator = record_separator;
	reader_init(&r->reader, arena_input(in));
	messages_init(&r->messages, &r->reader, r->context);
	*ret = STEAL_PTR(r);
	return 0;
}

struct rows *rows_free(struct rows *r)
{
	if (!r)
		return NULL;
	context_free(r->context);
	reading_walk_free(r->walk);
	free(r->fields);
	queue_deinit(&r->text);
	free(r);
	return NULL;
}

int rows_take_reading(struct rows *r, struct reading *reading)
{
	return reading_walk_new(&r->walk, reading);
}

static const struct context *context_of(const struct rows *r)
{
	return r->walk ? reading_walk_context(r->walk) : r->context;
}

/* One object, one line. */
static int append_object(struct rows *r, struct json_object *o)
{
	size_t len;
	const char *text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	int e = 0;

	if (!text)
		return -ENOMEM;
	if (r->record_separator)
		e = queue_append(&r->text, "\x1e", 1);
	if (e == 0)
		e = queue_append(&r->text, text, len);
	return e < 0 ? e : queue_append(&r->text, "\n", 1);
}

static int append_reading(struct rows *r)
{
	struct json_object *outer = json_object_new_object(), *reading = NULL;
	int e;

	if (!outer)
		return -ENOMEM;
	e = json_reading(context_of(r), NULL, &reading);
	if (e == 0 && json_object_object_add(outer, "reading", reading) < 0) {
		json_object_put(reading);
		e = -ENOMEM;
	}
	if (e == 0)
		e = append_object(r, outer);
	json_object_put(outer);
	return e;
}

static int append_row(struct rows *r, const struct message *m)
{
	struct json_object *o;
	int e;

	/* A row that does not decode is left out; a packed reading shows it. */
	if (record_open(&r->record, m, context_of(r)) < 0)
		return 0;
	if (r->walk)
		reading_walk_attach(r->walk, &r->record);
	if (!query_match(r->query, &r->record) || dedupe_is_twin(&r->dedupe, &r->record))
		return 0;
	e = json_record(&r->record, r->fields, r->n_fields, &o);
	if (e < 0)
		return e;
	e = append_object(r, o);
	json_object_put(o);
	return e;
}

int rows_step(struct rows *r)
{
	if (r->done)
		return 0;
	for (unsigned n = 0; n < ROWS_STEP; n++) {
		struct message m;
		int e;

		e = r->walk ? reading_walk_next(r->walk, &m) : messages_next(&r->messages, &m);
		if (e == -ENODATA)
			return -EAGAIN; /* no more for now: the reading goes on */
		if (e == 0) {
			r->done = true;
			return append_reading(r);
		}
		if (e == 1)
			e = append_row(r, &m);
		if (e < 0)
			return e;
	}
	return 1;
}

const char *rows_text(const struct rows *r, size_t *ret_len)
{
	*ret_len = queue_pending(&r->text);
	return (const char *)r->text.data + r->text.start;
}

void rows_sent(struct rows *r, size_t n)
{
	queue_consume(&r->text, n);
}
