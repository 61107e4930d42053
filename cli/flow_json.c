/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A flow as JSON */

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "cli/flow_draw.h"
#include "query/json.h"

/* Takes value over. */
static int add(struct json_object *o, const char *key, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_object_add(o, key, value) < 0) {
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

static int add_text(struct json_object *o, const char *key, const char *text)
{
	char safe[4 * FLOW_NAME_MAX + 1];
	size_t len;

	if (!text)
		return 0;
	len = text_escape(safe, sizeof(safe), text, strlen(text));
	return add(o, key, json_object_new_string_len(safe, (int)len));
}

static struct json_object *new_value(const struct flow_value *v)
{
	char text[VALUE_TEXT_MAX];

	switch (v->value.kind) {
	case VALUE_BOOL:
		return json_object_new_boolean(v->value.u != 0);
	case VALUE_U64:
		/* Words and hexadecimal identities have their own form, as in a SOCKET. */
		if (field_get(v->field)->unit->kind == UNIT_NUMBER && strcmp(field_get(v->field)->unit->name, "hex"))
			return json_object_new_uint64(v->value.u);
		break;
	case VALUE_S64:
		return json_object_new_int64(v->value.s);
	default:
		break;
	}
	return json_object_new_string_len(text, (int)value_format(field_get(v->field), &v->value, VALUE_PLAIN, text, sizeof(text)));
}

static int add_values(struct json_object *o, const struct flow_step *s)
{
	CLEANUP_JSON struct json_object *values = json_object_new_object();
	int r = values ? 0 : -ENOMEM;

	if (s->n_values == 0)
		return r;
	for (size_t i = 0; r >= 0 && i < s->n_values; i++)
		r = add(values, field_get(s->values[i].field)->name, new_value(&s->values[i]));
	return r < 0 ? r : add(o, "values", STEAL_PTR(values));
}

static int step_json(const struct flow_step *s, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	int r = o ? 0 : -ENOMEM;

	if (r >= 0)
		r = add_text(o, "name", s->name);
	if (r >= 0)
		r = add_text(o, "kind", flow_kind_name(s->kind));
	if (r >= 0)
		r = add_text(o, "from", s->field ? "table" : "source");
	if (r >= 0 && s->field)
		r = add_text(o, "field", field_get(s->field)->name);
	if (r >= 0)
		r = add_text(o, "when", s->when);
	if (r >= 0)
		r = add_text(o, "note", s->note);
	if (r >= 0)
		r = add_values(o, s);
	if (r >= 0)
		*ret = STEAL_PTR(o);
	return r;
}

static int path_json(const struct flow_path *p, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	CLEANUP_JSON struct json_object *steps = json_object_new_array();
	int r = o && steps ? 0 : -ENOMEM;

	if (r >= 0)
		r = add_text(o, "direction", flow_direction_name(p->direction));
	if (r >= 0)
		r = add_text(o, "note", p->note);
	for (size_t i = 0; r >= 0 && i < p->n_steps; i++) {
		struct json_object *step = NULL;

		r = step_json(&p->steps[i], &step);
		if (r >= 0)
			r = append(steps, step);
	}
	if (r >= 0)
		r = add(o, "steps", STEAL_PTR(steps));
	if (r >= 0)
		*ret = STEAL_PTR(o);
	return r;
}

int flow_json(const struct flow *f, struct json_object *socket, struct json_object **ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	CLEANUP_JSON struct json_object *paths = json_object_new_array();
	int r = add(o, "socket", socket);

	if (r >= 0 && !paths)
		r = -ENOMEM;
	if (r >= 0)
		r = add_text(o, "kind", f->kind);
	if (r >= 0)
		r = add_text(o, "note", f->note);
	for (size_t i = 0; r >= 0 && i < f->n_paths; i++) {
		struct json_object *path = NULL;

		r = path_json(&f->paths[i], &path);
		if (r >= 0)
			r = append(paths, path);
	}
	if (r >= 0)
		r = add(o, "paths", STEAL_PTR(paths));
	if (r >= 0)
		*ret = STEAL_PTR(o);
	return r;
}
