/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields as entries of an a{sv} */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/row.h"
#include "bus/variant.h"
#include "model/words.h"

/* The longest name of a stream, all escaped. */
#define TEXT_MAX (4 * 4096 + 1)

static int append_text(sd_bus_message *m, const struct field *f, const struct value *v)
{
	char text[TEXT_MAX];

	value_format(f, v, VALUE_PLAIN, text, sizeof(text));
	return sd_bus_message_append_basic(m, 's', text);
}

static int append_flags(sd_bus_message *m, const struct words *w, uint64_t flags)
{
	int r = sd_bus_message_open_container(m, 'a', "s");

	for (size_t i = 0; r >= 0 && i < w->n_rows; i++) {
		if ((flags & w->rows[i].value) != w->rows[i].value)
			continue;
		flags &= ~w->rows[i].value;
		r = sd_bus_message_append_basic(m, 's', w->rows[i].word);
	}
	if (r >= 0 && flags) {
		char rest[24];

		snprintf(rest, sizeof(rest), "0x%llx", (unsigned long long)flags);
		r = sd_bus_message_append_basic(m, 's', rest);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Segments a second are held in thousandths. */
static bool is_per_second(const struct field *f)
{
	return !strcmp(f->unit->name, "per_second");
}

/* The type of one value: a field has the same in every row, but for addresses. */
static const char *type_of(const struct field *f, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		return "s"; /* an owner without a name, in a list */
	case VALUE_BOOL:
		return "b";
	case VALUE_U64:
		if (f->unit->kind == UNIT_FLAGS)
			return "as";
		if (f->unit->kind == UNIT_ENUM)
			return "s";
		if (is_per_second(f))
			return "d";
		return f->wire == WIRE_u64 ? "t" : "u";
	case VALUE_S64:
		if (f->unit->kind == UNIT_ENUM)
			return "s";
		return f->wire == WIRE_s32 ? "i" : "x";
	case VALUE_STR:
		return "s";
	case VALUE_ADDR:
		return v->addr.kind == ADDRESS_UNIX && !field_is_list(f) ? "ay" : "s";
	}
	return NULL;
}

static int append_bytes(sd_bus_message *m, const struct address *a)
{
	uint8_t buf[ROW_ADDRESS_MAX];
	size_t len = row_address(a, buf);

	return sd_bus_message_append_array(m, 'y', buf, len);
}

static int append_value(sd_bus_message *m, const char *type, const struct field *f, const struct value *v)
{
	switch (type[0]) {
	case 'b': {
		int b = v->u != 0;

		return sd_bus_message_append_basic(m, 'b', &b);
	}
	case 'u': {
		uint32_t u = (uint32_t)v->u;

		return sd_bus_message_append_basic(m, 'u', &u);
	}
	case 'i': {
		int32_t i = (int32_t)v->s;

		return sd_bus_message_append_basic(m, 'i', &i);
	}
	case 't':
		return sd_bus_message_append_basic(m, 't', &v->u);
	case 'x':
		return sd_bus_message_append_basic(m, 'x', &v->s);
	case 'd': {
		double d = (double)v->u / 1000;

		return sd_bus_message_append_basic(m, 'd', &d);
	}
	case 'a':
		return v->kind == VALUE_ADDR ? append_bytes(m, &v->addr) : append_flags(m, f->unit->words, v->u);
	default:
		return v->kind == VALUE_NONE ? sd_bus_message_append_basic(m, 's', "") : append_text(m, f, v);
	}
}

/* An element without a value keeps its place: pid, fd, comm and user are lists of one length. */
static int append_list(sd_bus_message *m, struct record *rec, const struct field *f, struct value *v)
{
	const char *type = f->wire == WIRE_u32_list && f->unit->kind == UNIT_NUMBER ? "u" : "s";
	int r = sd_bus_message_open_container(m, 'a', type);

	for (unsigned n = 0; r >= 0 && n < VARIANT_LIST_MAX; n++) {
		if (n > 0 && record_get(rec, f->id, n, v) < 0)
			break;
		r = append_value(m, type, f, v);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int variant_append_field(sd_bus_message *m, struct record *rec, enum field_id id)
{
	const struct field *f = field_get(id);
	const char *type;
	char list[3] = "a";
	struct value v;
	int r;

	if (!f || record_get(rec, id, 0, &v) < 0)
		return 0;
	type = type_of(f, &v);
	if (field_is_list(f)) {
		list[1] = f->wire == WIRE_u32_list && f->unit->kind == UNIT_NUMBER ? 'u' : 's';
		type = list;
	}
	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', f->name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0)
		r = field_is_list(f) ? append_list(m, rec, f, &v) : append_value(m, type, f, &v);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int variant_append_string(sd_bus_message *m, const char *key, const char *s)
{
	return sd_bus_message_append(m, "{sv}", key, "s", s);
}

int variant_append_u64(sd_bus_message *m, const char *key, uint64_t v)
{
	return sd_bus_message_append(m, "{sv}", key, "t", v);
}

int variant_append_u32(sd_bus_message *m, const char *key, uint32_t v)
{
	return sd_bus_message_append(m, "{sv}", key, "u", v);
}

int variant_append_bool(sd_bus_message *m, const char *key, bool v)
{
	return sd_bus_message_append(m, "{sv}", key, "b", (int)v);
}

int variant_append_strv(sd_bus_message *m, const char *key, const char *const *words, size_t n)
{
	int r;

	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append_basic(m, 's', words[i]);
	for (unsigned i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}
