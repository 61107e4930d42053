/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of the fields that only the kernel module tells, and where it is known from */

#include <stdio.h>
#include <string.h>

#include "zoo.h"

static json_object *truths;
static bool reading;

/* A program of the zoo forks and ends in a child; there is nothing to free. */
json_object *know_truths(void)
{
	if (!truths)
		truths = json_object_new_object();
	return truths;
}

void know_reading(void)
{
	reading = true;
}

/* Counts under the field without "_raw", which is the same field's number. */
static void count(const char *field, const char *via)
{
	json_object *all = know_truths(), *of, *n;
	size_t len = strlen(field);
	char name[64];

	if (len > 4 && !strcmp(field + len - 4, "_raw") && strcmp(field, "sk_wq_raw") != 0)
		len -= 4;
	snprintf(name, sizeof(name), "%.*s", (int)len, field);
	if (!json_object_object_get_ex(all, name, &of)) {
		of = json_object_new_object();
		json_object_object_add(all, name, of);
	}
	if (json_object_object_get_ex(of, via, &n))
		json_object_int_inc(n, 1);
	else
		json_object_object_add(of, via, json_object_new_int(1));
}

/* Words that are told and words that are read add up. */
static bool merge(json_object *known, json_object *read)
{
	static const char *const lists[] = { "has", "lacks" };

	for (size_t i = 0; i < 2; i++) {
		json_object *to, *from;

		if (!json_object_object_get_ex(known, lists[i], &to) || !json_object_object_get_ex(read, lists[i], &from))
			return false;
		for (size_t k = 0; k < json_object_array_length(from); k++)
			json_object_array_add(to, json_object_get(json_object_array_get_idx(from, k)));
	}
	return true;
}

void know_json(struct entry *e, const char *field, const char *via, json_object *value)
{
	json_object *known;

	if (reading && json_object_object_get_ex(e->deep, field, &known)) {
		if (merge(known, value))
			count(field, via);
		json_object_put(value);
		return;
	}
	json_object_object_add(e->deep, field, value);
	count(field, via);
}

void know_str(struct entry *e, const char *field, const char *via, const char *value)
{
	know_json(e, field, via, json_object_new_string(value));
}

void know_u64(struct entry *e, const char *field, const char *via, uint64_t value)
{
	know_json(e, field, via, json_object_new_uint64(value));
}

void know_s64(struct entry *e, const char *field, const char *via, int64_t value)
{
	know_json(e, field, via, json_object_new_int64(value));
}

void know_bool(struct entry *e, const char *field, const char *via, bool value)
{
	know_json(e, field, via, json_object_new_boolean(value));
}

void know_hex(struct entry *e, const char *field, const char *via, uint64_t value)
{
	char text[17];

	snprintf(text, sizeof(text), "%llx", (unsigned long long)value);
	know_str(e, field, via, text);
}

void know_absent(struct entry *e, const char *field, const char *via)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "absent", json_object_new_boolean(true));
	know_json(e, field, via, o);
}

void know_range(struct entry *e, const char *field, const char *via, int64_t min, int64_t max)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "min", json_object_new_int64(min));
	json_object_object_add(o, "max", json_object_new_int64(max));
	know_json(e, field, via, o);
}

void know_op(struct entry *e, const char *field, const char *via, const char *op, uint64_t operand)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, op, json_object_new_uint64(operand));
	know_json(e, field, via, o);
}

static json_object *split(const char *text, char separator)
{
	json_object *list = json_object_new_array();

	while (text && *text) {
		size_t n = strcspn(text, (char[]){ separator, 0 });

		if (n > 0)
			json_object_array_add(list, json_object_new_string_len(text, (int)n));
		text += n + (text[n] != 0);
	}
	return list;
}

void know_flags(struct entry *e, const char *field, const char *via, const char *has, const char *lacks)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "has", split(has, ' '));
	json_object_object_add(o, "lacks", split(lacks, ' '));
	know_json(e, field, via, o);
}

void know_function(struct entry *e, const char *field, const char *via, const char *names)
{
	json_object *o;

	if (!names || !*names) {
		know_absent(e, field, via);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "function", split(names, '|'));
	know_json(e, field, via, o);
}

void know_same(struct entry *e, const char *field, const char *via, uint64_t cookie, const char *other)
{
	json_object *o = json_object_new_object(), *as = json_object_new_object();
	char text[17];

	snprintf(text, sizeof(text), "%llx", (unsigned long long)cookie);
	json_object_object_add(as, "cookie", json_object_new_string(text));
	json_object_object_add(as, "field", json_object_new_string(other));
	json_object_object_add(o, "as", as);
	know_json(e, field, via, o);
}

/* Since Linux 6.8 the second bind table has the link of the first. */
void know_bind2(struct entry *e, const char *via, bool bound)
{
	if (!kernel_at_least(6, 8))
		know_bool(e, "sk_bind2_node", via, bound);
}
