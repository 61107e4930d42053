/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl status: how the daemon is, and what it lacks */

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/cell.h"
#include "cli/client.h"
#include "cli/exit.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "query/json.h"

static uint64_t number(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_uint64(v) : 0;
}

/* Safe to print; "" for none. */
static const char *text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? message_safe(json_object_get_string(v)) : "";
}

static bool flag(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

static void put_as(struct buffer *b, enum field_id like, uint64_t u)
{
	const struct value v = { .kind = VALUE_U64, .u = u };

	cell_value(b, field_get(like), &v, VALUE_SHORT);
}

static void put_time(struct buffer *b, struct json_object *o, const char *key)
{
	put_as(b, F_age, number(o, key));
}

static void put_size(struct buffer *b, struct json_object *o, const char *key)
{
	put_as(b, F_tcpi_bytes_acked, number(o, key));
}

static void put_label(struct buffer *b, const char *label)
{
	buffer_fill(b, ' ', 12 - strlen(label));
	buffer_printf(b, "%s: ", label);
}

/* Tracking: 1234 sockets, a pass every 1s (last 12ms, CPU 0.3 % of 2.0 %), 42 so far */
static void put_tracking(struct buffer *b, struct json_object *s)
{
	uint64_t interval = number(s, "interval_usec") + number(s, "pass_duration_usec"), cpu = number(s, "pass_cpu_usec");

	put_label(b, "Tracking");
	if (!flag(s, "tracking")) {
		buffer_string(b, "no; this daemon remembers nothing\n");
		return;
	}
	buffer_printf(b, "%llu sockets, a pass every ", (unsigned long long)number(s, "sockets"));
	put_time(b, s, "interval_usec");
	buffer_string(b, " (last ");
	put_time(b, s, "pass_duration_usec");
	if (interval) {
		uint64_t share = cpu * 1000 / interval; /* thousandths of a core, as cpu_quota */

		buffer_printf(b, ", CPU %llu.%llu %% of %llu.%llu %%", (unsigned long long)share / 10, (unsigned long long)share % 10,
			      (unsigned long long)number(s, "cpu_quota") / 10, (unsigned long long)number(s, "cpu_quota") % 10);
	}
	buffer_printf(b, "), %llu so far\n", (unsigned long long)number(s, "generation"));
	if (number(s, "unremembered")) {
		put_label(b, "");
		buffer_printf(b, "%llu more did not fit into TableMemoryMax\n", (unsigned long long)number(s, "unremembered"));
	}
}

static void put_owners(struct buffer *b, struct json_object *s)
{
	put_label(b, "Owners");
	if (!number(s, "scans")) {
		buffer_string(b, "not looked for yet\n");
		return;
	}
	buffer_string(b, "last scan ");
	put_time(b, s, "scan_age_usec");
	buffer_string(b, " ago, ");
	put_time(b, s, "scan_cpu_usec");
	buffer_printf(b, " of CPU, %llu so far", (unsigned long long)number(s, "scans"));
	if (*text(s, "owners"))
		buffer_printf(b, ", by %s", !strcmp(text(s, "owners"), "module") ? "the kernel module" : text(s, "owners"));
	if (*text(s, "scan_error"))
		buffer_printf(b, "; it failed: %s", text(s, "scan_error"));
	buffer_char(b, '\n');
}

/* state changes of TCP sockets are heard in 3 namespaces */
static void put_heard(struct buffer *b, struct json_object *s)
{
	put_label(b, "");
	if (!flag(s, "changes_heard")) {
		buffer_printf(b, "state changes are not heard: %s\n", text(s, "changes_error"));
		return;
	}
	buffer_string(b, "state changes are heard as they happen");
	if (number(s, "namespaces_heard"))
		buffer_printf(b, ", in %llu namespace%s", (unsigned long long)number(s, "namespaces_heard"),
			      number(s, "namespaces_heard") == 1 ? "" : "s");
	if (number(s, "changes_lost"))
		buffer_printf(b, "; %llu lost so far", (unsigned long long)number(s, "changes_lost"));
	buffer_char(b, '\n');
}

static void put_events(struct buffer *b, struct json_object *s)
{
	put_label(b, "Events");
	buffer_printf(b, "%llu opened, %llu changed, %llu closed; %llu lived between two passes; %llu lost, %llu not told\n",
		      (unsigned long long)number(s, "opened"), (unsigned long long)number(s, "changed"),
		      (unsigned long long)number(s, "closed"), (unsigned long long)number(s, "brief"),
		      (unsigned long long)number(s, "lost"), (unsigned long long)number(s, "events_lost"));
	if (*text(s, "events_error")) {
		put_label(b, "");
		buffer_printf(b, "closings are seen by passes only: %s\n", text(s, "events_error"));
	}
	put_heard(b, s);
}

static void put_memory(struct buffer *b, struct json_object *s)
{
	put_label(b, "Memory");
	put_size(b, s, "memory");
	buffer_string(b, " (table ");
	put_size(b, s, "table_memory");
	buffer_string(b, ", owners ");
	put_size(b, s, "owners_memory");
	buffer_string(b, ", readings ");
	put_size(b, s, "readings_memory");
	buffer_string(b, ")\n");
}

static void put_clients(struct buffer *b, struct json_object *s)
{
	put_label(b, "Clients");
	buffer_printf(b, "%llu streams, %llu monitors, %llu subscribers, %llu cursors\n",
		      (unsigned long long)number(s, "streams"), (unsigned long long)number(s, "monitors"),
		      (unsigned long long)number(s, "subscribers"), (unsigned long long)number(s, "cursors"));
}

/* Module: socketd_diag 0.1.0, tells all fields, and owners */
static void put_module(struct buffer *b, struct json_object *s)
{
	put_label(b, "Module");
	if (*text(s, "kernel_module")) {
		buffer_printf(b, "socketd_diag %s", text(s, "kernel_module"));
		if (*text(s, "kernel_module_tells"))
			buffer_printf(b, ", tells %s", text(s, "kernel_module_tells"));
	} else if (*text(s, "kernel_module_error")) {
		buffer_printf(b, "socketd_diag does not answer: %s", text(s, "kernel_module_error"));
	} else {
		buffer_string(b, "socketd_diag is not loaded");
		if (*text(s, "kernel_module_gives"))
			buffer_printf(b, "; it gives %s", text(s, "kernel_module_gives"));
	}
	buffer_char(b, '\n');
}

/* Namespaces: 12, 3 more hidden: NamespacesMax is reached */
static void put_namespaces(struct buffer *b, struct json_object *s)
{
	/* Root alone is told. */
	if (!number(s, "namespaces"))
		return;
	put_label(b, "Namespaces");
	buffer_printf(b, "%llu", (unsigned long long)number(s, "namespaces"));
	if (number(s, "namespaces_hidden"))
		buffer_printf(b, ", %llu more hidden", (unsigned long long)number(s, "namespaces_hidden"));
	if (*text(s, "namespaces_error"))
		buffer_printf(b, "%s%s", number(s, "namespaces_hidden") ? ": " : "; other namespaces: ", text(s, "namespaces_error"));
	buffer_char(b, '\n');
}

static void put_daemon(struct output *o, struct json_object *s)
{
	struct buffer *b = &o->buffer;

	if (o->colours)
		buffer_string(b, colour_code(COLOUR_GREEN));
	buffer_string(b, "●");
	if (o->colours)
		buffer_string(b, COLOUR_END);
	buffer_printf(b, " socketd %s, running for ", text(s, "version"));
	put_time(b, s, "uptime_usec");
	buffer_char(b, '\n');
	put_tracking(b, s);
	if (flag(s, "tracking")) {
		put_owners(b, s);
		put_events(b, s);
		put_namespaces(b, s);
	}
	put_memory(b, s);
	put_clients(b, s);
	put_label(b, "Kernel");
	buffer_printf(b, "%s\n", text(s, "kernel"));
	put_module(b, s);
	if (*text(s, "config_file")) {
		put_label(b, "Config");
		buffer_printf(b, "%s\n", text(s, "config_file"));
	}
	buffer_char(b, '\n');
	output_lines_from(o, 0);
}

static enum colour state_colour(const char *state)
{
	if (!strcmp(state, "ok"))
		return COLOUR_GREEN;
	return !strcmp(state, "absent") || !strcmp(state, "pending") ? COLOUR_NONE : COLOUR_RED;
}

static void put_source(struct table *t, struct json_object *s)
{
	const char *state = text(s, "state");

	table_cell_text(t, text(s, "name"));
	buffer_string(&t->row, state);
	table_cell_end(t, 0, t->out.colours ? state_colour(state) : COLOUR_NONE);
	if (json_object_object_get_ex(s, "sockets", NULL) && strcmp(state, "absent") && strcmp(state, "pending")) {
		table_cell_number(t, number(s, "sockets"));
		put_time(&t->row, s, "duration_usec");
		table_cell_end(t, 0, COLOUR_NONE);
	} else {
		table_cell_absent(t);
		table_cell_absent(t);
	}
	if (*text(s, "error"))
		buffer_printf(&t->row, "%s. ", text(s, "error"));
	buffer_string(&t->row, text(s, "gives"));
	table_cell_end(t, 0, COLOUR_NONE);
	table_row_end(t);
}

static int show_text(const struct arguments *arg, struct json_object *answer)
{
	static const struct table_column columns[] = {
		{ "Source", "source", false }, { "State", "state", false },     { "Sockets", "sockets", true },
		{ "Took", "took", true },      { "Missing", "missing", false },
	};
	CLEANUP(table_deinit) struct table t = { 0 };
	struct json_object *sources = NULL, *status = NULL;

	json_object_object_get_ex(answer, "status", &status);
	json_object_object_get_ex(answer, "sources", &sources);
	table_init(&t, arg, columns, ARRAY_SIZE(columns));
	if (arg->format == FORMAT_TABLE)
		put_daemon(&t.out, status);
	for (size_t i = 0; i < json_object_array_length(sources); i++)
		put_source(&t, json_object_array_get_idx(sources, i));
	return table_finish(&t, NULL);
}

static int show_json(const struct arguments *arg, struct json_object *answer)
{
	const int pretty = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	CLEANUP(output_deinit) struct output o;
	CLEANUP_JSON struct json_object *document = json_object_new_object();
	struct json_object *part;
	const char *text;

	output_init(&o, COLOUR_NEVER, !arg->no_pager);
	json_object_object_add(document, "schema", json_object_new_string(JSON_SCHEMA));
	json_object_object_foreach(answer, key, value)
	{
		part = json_object_get(value);
		json_object_object_add(document, key, part);
	}
	text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_NOSLASHESCAPE |
					      (arg->format == FORMAT_JSON_PRETTY ? pretty : JSON_C_TO_STRING_PLAIN));
	if (!text)
		message_no_memory();
	if (arg->format == FORMAT_JSON_SEQ)
		buffer_char(&o.buffer, '\x1e');
	buffer_string(&o.buffer, text);
	buffer_char(&o.buffer, '\n');
	output_lines_from(&o, 0);
	return output_finish(&o);
}

int verb_status(const struct arguments *arg)
{
	CLEANUP_JSON struct json_object *answer = NULL;
	char why[FEED_MESSAGE_MAX] = "";
	int r;

	r = client_status(arg->bus, &answer, why);
	if (r < 0) {
		if (!arg->quiet)
			message("%s", *why ? why : strerror(-r));
		return rows_exit_code(arg, r);
	}
	if (arg->quiet)
		return EXIT_OK;
	return format_is_json(arg->format) ? show_json(arg, answer) : show_text(arg, answer);
}
