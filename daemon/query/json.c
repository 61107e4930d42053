/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows as JSON */

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "model/words.h"
#include "query/json.h"

/* No list of a socket is longer; a hostile recording's is cut here, and how much is said. */
#define LIST_MAX 65536

void json_put_cleanup(struct json_object **o)
{
	json_object_put(*o);
}

/* Takes the value over in any case; a NULL value is memory that ran out. */
static int add(struct json_object *o, const char *key, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	/* Keys are the catalogue's and ours: constant, and each is added once. */
	if (json_object_object_add_ex(o, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

static int append(struct json_object *array, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_array_add(array, value) < 0) {
		json_object_put(value);
		return -ENOMEM;
	}
	return 0;
}

static struct json_object *new_text(const struct field *f, const struct value *v)
{
	char text[4 * 4096 + 1]; /* the longest name of a stream, all escaped */
	size_t n = value_format(f, v, VALUE_PLAIN, text, sizeof(text));

	return json_object_new_string_len(text, (int)n);
}

static struct json_object *new_flags(const struct words *w, uint64_t flags)
{
	CLEANUP_JSON struct json_object *array = json_object_new_array();

	if (!array)
		return NULL;
	for (size_t i = 0; i < w->n_rows; i++) {
		if ((flags & w->rows[i].value) != w->rows[i].value)
			continue;
		flags &= ~w->rows[i].value;
		if (append(array, json_object_new_string(w->rows[i].word)) < 0)
			return NULL;
	}
	if (flags) {
		char rest[24];

		snprintf(rest, sizeof(rest), "0x%llx", (unsigned long long)flags);
		if (append(array, json_object_new_string(rest)) < 0)
			return NULL;
	}
	return STEAL_PTR(array);
}

/* 64-bit identities do not fit a double, which many readers of JSON use for numbers. */
static bool is_wide_id(const struct field *f)
{
	return f->wire == WIRE_u64 && !strcmp(f->unit->name, "hex");
}

/* A number with decimals, as exact as it is. */
static struct json_object *new_parts(const struct field *f, const struct value *v)
{
	char text[VALUE_TEXT_MAX];

	value_format(f, v, VALUE_PLAIN, text, sizeof(text));
	return json_object_new_double_s((double)v->u / f->unit->scale, text);
}

static struct json_object *new_value(const struct field *f, const struct value *v)
{
	char text[24];

	switch (v->kind) {
	case VALUE_NONE:
		return json_object_new_null();
	case VALUE_BOOL:
		return json_object_new_boolean(v->u != 0);
	case VALUE_U64:
		if (f->unit->kind == UNIT_FLAGS)
			return new_flags(f->unit->words, v->u);
		if (f->unit->kind == UNIT_ENUM)
			return new_text(f, v);
		if (is_wide_id(f)) {
			snprintf(text, sizeof(text), "%llx", (unsigned long long)v->u);
			return json_object_new_string(text);
		}
		if (f->unit->scale > 1)
			return new_parts(f, v);
		return json_object_new_uint64(v->u);
	case VALUE_S64:
		if (f->unit->kind == UNIT_ENUM)
			return new_text(f, v);
		return json_object_new_int64(v->s);
	case VALUE_STR:
	case VALUE_ADDR:
		return new_text(f, v);
	}
	return NULL;
}

/* The keys NAME_raw, made once: json-c keeps the pointer. */
static const char *raw_key(const struct field *f)
{
	static const char *const keys[FIELD_COUNT] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) [id] = #name "_raw",
#include "socketd/fields.def"
	};

	return keys[f->id];
}

static const char *omitted_key(const struct field *f)
{
	static const char *const keys[FIELD_COUNT] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) [id] = #name "_omitted",
#include "socketd/fields.def"
	};

	return keys[f->id];
}

unsigned record_list_rest(struct record *r, enum field_id id, unsigned n)
{
	unsigned there = n, beyond = n + 1; /* by halves: there may be millions */
	struct value v;

	if (record_get(r, id, n, &v) < 0)
		return 0;
	while (record_get(r, id, beyond, &v) == 0) {
		there = beyond;
		beyond = n + (beyond - n) * 2;
	}
	while (beyond - there > 1) {
		unsigned middle = there + (beyond - there) / 2;

		if (record_get(r, id, middle, &v) == 0)
			there = middle;
		else
			beyond = middle;
	}
	return beyond - n;
}

/* The array, if there is one, and how many values it lacks. */
static int add_array(struct json_object *o, struct record *r, enum field_id id, const char *key, const char *omitted,
		     struct json_object *array)
{
	unsigned rest;
	int e;

	if (!array)
		return 0;
	e = add(o, key, array);
	rest = e == 0 ? record_list_rest(r, id, LIST_MAX) : 0;
	return rest ? add(o, omitted, json_object_new_uint64(rest)) : e;
}

static int add_list(struct json_object *o, struct record *r, const struct field *f)
{
	CLEANUP_JSON struct json_object *array = NULL;
	struct value v;
	int e;

	for (unsigned n = 0; n < LIST_MAX && record_get(r, f->id, n, &v) == 0; n++) {
		if (!array)
			array = json_object_new_array();
		if (!array)
			return -ENOMEM;
		e = append(array, new_value(f, &v));
		if (e < 0)
			return e;
	}
	return add_array(o, r, f->id, f->name, omitted_key(f), STEAL_PTR(array));
}

static int add_field(struct json_object *o, struct record *r, const struct field *f)
{
	struct value v;
	int e;

	if (field_is_list(f))
		return add_list(o, r, f);
	if (record_get(r, f->id, 0, &v) < 0)
		return 0;
	e = add(o, f->name, new_value(f, &v));
	if (e < 0 || f->unit->kind == UNIT_NUMBER)
		return e;
	if (v.kind == VALUE_U64)
		return add(o, raw_key(f), json_object_new_uint64(v.u));
	if (v.kind == VALUE_S64)
		return add(o, raw_key(f), json_object_new_int64(v.s));
	return 0;
}

/* pid, fd, comm and user are four lists of one length: one object for each owner says it better. */
static int add_owners(struct json_object *o, struct record *r)
{
	static const enum field_id members[] = { F_pid, F_fd, F_comm, F_user };
	CLEANUP_JSON struct json_object *array = NULL;
	struct value v;
	int e;

	for (unsigned n = 0; n < LIST_MAX && record_get(r, F_pid, n, &v) == 0; n++) {
		struct json_object *owner;

		if (!array)
			array = json_object_new_array();
		owner = array ? json_object_new_object() : NULL;
		if (!owner)
			return -ENOMEM;
		e = append(array, owner);
		for (size_t i = 0; e == 0 && i < ARRAY_SIZE(members); i++)
			if (record_get(r, members[i], n, &v) == 0 && v.kind != VALUE_NONE)
				e = add(owner, field_get(members[i])->name, new_value(field_get(members[i]), &v));
		if (e < 0)
			return e;
	}
	return add_array(o, r, F_pid, "owners", "owners_omitted", STEAL_PTR(array));
}

static bool is_owner_member(enum field_id id)
{
	return id == F_pid || id == F_fd || id == F_comm || id == F_user;
}

int json_record(struct record *r, const enum field_id *fields, size_t n_fields, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	size_t n = fields ? n_fields : FIELD_COUNT;
	bool owners_done = false;
	int e = 0;

	if (!o)
		return -ENOMEM;
	for (size_t i = 0; i < n && e == 0; i++) {
		enum field_id id = fields ? fields[i] : (enum field_id)i;
		const struct field *f = field_get(id);

		if (!f)
			continue;
		if (!is_owner_member(id)) {
			e = add_field(o, r, f);
		} else if (!owners_done) {
			e = add_owners(o, r);
			owners_done = true;
		}
	}
	if (e < 0)
		return e;
	*ret = STEAL_PTR(o);
	return 0;
}

static int add_source(struct json_object *array, const struct source_def *def, const struct source_state *s, bool *partial)
{
	struct json_object *o = json_object_new_object();
	bool lacking = !s->ended || (s->error && !source_is_absent(s->error));
	int e;

	e = append(array, o);
	if (e == 0)
		e = add(o, "name", json_object_new_string(def->name));
	if (e == 0)
		e = add(o, "messages", json_object_new_uint64(s->n_messages));
	if (e == 0 && s->error)
		e = add(o, "error", json_object_new_string(source_is_absent(s->error) ? "not in this kernel" : strerror(s->error)));
	if (e == 0 && s->error)
		e = add(o, "errno", json_object_new_int(s->error));
	if (e == 0 && s->interrupted)
		e = add(o, "interrupted", json_object_new_uint64(s->interrupted));
	if (lacking)
		*partial = true;
	return e;
}

static int add_host(struct json_object *o, const struct host_info *h)
{
	struct json_object *host = json_object_new_object();
	int e;

	e = add(o, "host", host);
	if (e == 0)
		e = add(host, "name", json_object_new_string(h->name));
	if (e == 0)
		e = add(host, "kernel", json_object_new_string(h->release));
	if (e == 0)
		e = add(host, "boot_id", json_object_new_string(h->boot_id));
	if (e == 0)
		e = add(host, "socketd", json_object_new_string(h->version));
	if (e == 0)
		e = add(o, "time_usec", json_object_new_uint64(h->realtime_usec));
	if (e == 0 && h->table_age_usec)
		e = add(o, "table_age", json_object_new_uint64(h->table_age_usec));
	return e;
}

static int add_namespace(struct json_object *array, const struct netns_info *ns)
{
	struct json_object *o = json_object_new_object();
	struct value v;
	int e;

	e = append(array, o);
	if (e == 0)
		e = add(o, "netns", json_object_new_uint64(ns->ino));
	if (e == 0 && ns->name) {
		value_set_str(&v, ns->name, strlen(ns->name));
		e = add(o, "netns_name", new_text(field_get(F_netns_name), &v));
	}
	if (e == 0 && ns->own)
		e = add(o, "own", json_object_new_boolean(true));
	return e;
}

static int add_failure(struct json_object *array, const struct source_failure *f)
{
	struct json_object *o = json_object_new_object();
	int e;

	e = append(array, o);
	if (e == 0)
		e = add(o, "netns", json_object_new_uint64(f->netns));
	if (e == 0)
		e = add(o, "source", json_object_new_string(source_def_get(f->source)->name));
	if (e == 0)
		e = add(o, "error", json_object_new_string(strerror(f->error)));
	if (e == 0)
		e = add(o, "errno", json_object_new_int(f->error));
	return e;
}

/* Which were read, where they are more than the reader's own, and where a source failed. */
static int add_namespaces(struct json_object *o, const struct context *c)
{
	struct json_object *namespaces = json_object_new_array(), *failed;
	const struct source_failure *failures;
	const struct netns_info *ns;
	size_t n;
	int e;

	e = add(o, "namespaces", namespaces);
	for (size_t i = 0; e == 0 && (ns = context_netns_at(c, i)); i++)
		e = add_namespace(namespaces, ns);
	failures = context_failures(c, &n);
	if (e < 0 || n == 0)
		return e;
	failed = json_object_new_array();
	e = add(o, "failures", failed);
	for (size_t i = 0; e == 0 && i < n; i++)
		e = add_failure(failed, &failures[i]);
	return e;
}

/* How many there are that were not read. */
static int add_hidden(struct json_object *o, const struct context *c, bool *partial)
{
	uint32_t hidden;

	if (!context_hidden_netns(c, &hidden))
		return 0;
	*partial |= hidden > 0;
	return add(o, "hidden_namespaces", json_object_new_uint64(hidden));
}

int json_reading(const struct context *c, const char *error, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *sources;
	bool partial = error != NULL;
	int owners_error, e;
	uint32_t hidden;

	if (!o)
		return -ENOMEM;
	e = add_host(o, context_host(c));
	sources = json_object_new_array();
	if (e == 0)
		e = add(o, "sources", sources);
	for (unsigned id = 1; id < SOURCE_COUNT && e == 0; id++)
		if (context_source(c, id)->seen)
			e = add_source(sources, source_def_get(id), context_source(c, id), &partial);
	if (e == 0 && context_n_netns(c) > 1)
		e = add_namespaces(o, c);
	if (e == 0)
		e = add_hidden(o, c, &partial);
	if (e == 0 && context_owners_known(c, &owners_error, &hidden)) {
		e = add(o, "hidden_processes", json_object_new_uint64(hidden));
		if (e == 0 && owners_error) {
			partial = true;
			e = add(o, "owners_error", json_object_new_string(strerror(owners_error)));
		}
	}
	if (e == 0 && error)
		e = add(o, "error", json_object_new_string(error));
	if (e == 0)
		e = add(o, "partial", json_object_new_boolean(partial));
	if (e < 0)
		return e;
	*ret = STEAL_PTR(o);
	return 0;
}

static struct json_object *new_word(const struct words *w, uint64_t number)
{
	const char *word = words_find(w, number);
	char digits[24];

	return word ? json_object_new_string(word) : json_object_new_string_len(digits, (int)text_u64(digits, number));
}

int json_event(const struct event_info *event, struct json_object *socket, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *rest = socket;
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	int e;

	if (!o)
		return -ENOMEM;
	e = add(o, "event", new_word(&words_event, event->kind));
	if (e == 0)
		e = add(o, "time", json_object_new_uint64(event->realtime_usec));
	if (e == 0 && event->generation)
		e = add(o, "generation", json_object_new_uint64(event->generation));
	if (e == 0 && event->old_state)
		e = add(o, "old_state", new_word(&words_state, event->old_state));
	if (e == 0 && (event->n_lost || event->kind == SOCKETD_EVENT_OVERFLOW))
		e = add(o, "lost", json_object_new_uint64(event->n_lost));
	if (e == 0 && rest)
		e = add(o, "socket", STEAL_PTR(rest));
	if (e < 0)
		return e;
	*ret = STEAL_PTR(o);
	return 0;
}

static int add_words(struct json_object *o, const struct words *w)
{
	struct json_object *words = json_object_new_object();
	int e;

	e = add(o, "words", words);
	for (size_t i = 0; i < w->n_rows && e == 0; i++)
		e = add(words, w->rows[i].word, json_object_new_uint64(w->rows[i].value));
	return e;
}

int json_field(const struct field *f, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	const struct {
		const char *key, *text;
	} rows[] = {
		{ "name", f->name },
		{ "alias", field_alias(f->id) },
		{ "type", field_wire_name(f->wire) },
		{ "unit", f->unit->name },
		{ "group", field_group_name(f->group) },
		{ "access", field_access_name(f->access) },
		{ "source", f->source },
		{ "doc", f->doc },
	};
	int e;

	if (!o)
		return -ENOMEM;
	e = add(o, "id", json_object_new_int(f->id));
	for (size_t i = 0; i < ARRAY_SIZE(rows) && e == 0; i++)
		if (rows[i].text)
			e = add(o, rows[i].key, json_object_new_string(rows[i].text));
	if (e == 0 && f->unit->words)
		e = add_words(o, f->unit->words);
	if (e < 0)
		return e;
	*ret = STEAL_PTR(o);
	return 0;
}
