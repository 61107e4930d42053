/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One socket whole */

#include <string.h>

#include "cli/cell.h"
#include "cli/whole.h"
#include "cli/width.h"
#include "model/cleanup.h"
#include "model/words.h"
#include "socketd/uapi.h"

/* Values of a list that are shown here. */
#define LIST_SHOWN_MAX 256
/* Where values begin: behind the longest name that is usual. */
#define NAME_WIDTH 31

static void put_coloured(struct buffer *b, bool colours, enum colour c, const char *text)
{
	if (colours)
		buffer_string(b, colour_code(c));
	buffer_string(b, text);
	if (colours)
		buffer_string(b, COLOUR_END);
}

void whole_title(struct buffer *b, bool colours, struct record *r, struct names *names)
{
	struct value v;
	uint32_t state = record_state(r);
	const char *word = words_find(&words_state, state);

	if (colours)
		buffer_string(b, colour_code(COLOUR_BOLD));
	if (record_get(r, F_netid, 0, &v) >= 0)
		cell_value(b, field_get(F_netid), &v, VALUE_PLAIN);
	if (colours)
		buffer_string(b, COLOUR_END);
	if (state && word) {
		buffer_char(b, ' ');
		put_coloured(b, colours, colour_of_state(state, false), word);
	}
	buffer_char(b, ' ');
	cell_endpoint(b, r, false, names);
	if (state != STATE_LISTEN) {
		buffer_string(b, " → ");
		cell_endpoint(b, r, true, names);
	}
	buffer_char(b, ' ');
	if (!cell_users(b, r))
		b->len--;
	buffer_char(b, '\n');
}

/* What holds a socket that no process holds, in a sentence. */
static void put_holding(struct output *o, struct record *r, bool hidden)
{
	static const char *const sentences[] = {
		[SOCKETD_HOLDING_FILE] = "It has an open file, but no process shows a descriptor of it: io_uring holds it, or a "
					 "message that was not received, or a process that cannot be looked into.",
		[SOCKETD_HOLDING_KERNEL] = "The kernel made it for itself; no process holds it.",
		[SOCKETD_HOLDING_UNACCEPTED] = "It waits in its listener's queue; no process holds it until it is accepted.",
		[SOCKETD_HOLDING_ORPHAN] = "Its process has closed it; the kernel sends what is left and ends the connection.",
		[SOCKETD_HOLDING_IN_FLIGHT] = "Its descriptor is in a message that was not received (SCM_RIGHTS).",
		[SOCKETD_HOLDING_MINI] = "A TIME-WAIT or a handshake: no struct sock stands behind it, and no descriptor.",
	};
	struct value v, none;

	/* no_owner: owners were looked for, and there are none. */
	if (record_get(r, F_no_owner, 0, &none) < 0 || record_get(r, F_holding, 0, &v) < 0)
		return;
	if (v.u >= ARRAY_SIZE(sentences) || !sentences[v.u])
		return;
	if (hidden && v.u == SOCKETD_HOLDING_FILE)
		buffer_string(&o->buffer, "Processes of other users are not shown: run as root. ");
	buffer_string(&o->buffer, sentences[v.u]);
	buffer_char(&o->buffer, '\n');
	output_lines(o, 1);
}

/* What a plain number counts, where its unit has no sign. */
static const char *unit_word(const struct field *f, struct record *r)
{
	const char *unit = f->unit->name;

	if (!strcmp(unit, "packets"))
		return " packets";
	if (!strcmp(unit, "by_state"))
		return record_state(r) == STATE_LISTEN ? " connections" : " B";
	if (!strcmp(unit, "nsec"))
		return " ns";
	return "";
}

static void put_value(struct buffer *b, const struct field *f, const struct value *v, struct record *r)
{
	size_t start = b->len;
	bool scaled;

	cell_value(b, f, v, VALUE_HUMAN);
	if (v->kind != VALUE_U64 || f->unit->kind != UNIT_NUMBER)
		return;
	/* 1.23 MiB is for the eye; the number itself is what other tools say. */
	scaled = memchr(b->data + start, '.', b->len - start) || memchr(b->data + start, 'm', b->len - start) ||
		 memchr(b->data + start, 'i', b->len - start) || memchr(b->data + start, 'd', b->len - start);
	if (scaled && f->unit->scale == 1 && *f->unit->suffix && v->u != UINT64_MAX) {
		buffer_string(b, " (");
		buffer_number(b, v->u);
		buffer_char(b, ' ');
		buffer_string(b, f->unit->suffix);
		buffer_char(b, ')');
	}
	buffer_string(b, unit_word(f, r));
}

static void put_field(struct output *o, const struct field *f, struct record *r, const struct value *first)
{
	struct buffer *b = &o->buffer;
	size_t width = width_of(f->name, strlen(f->name));
	struct value v;

	buffer_fill(b, ' ', width < NAME_WIDTH ? NAME_WIDTH - width : 2);
	buffer_string(b, f->name);
	buffer_string(b, "  ");
	put_value(b, f, first, r);
	if (field_is_list(f)) {
		for (unsigned n = 1; n < LIST_SHOWN_MAX && record_get(r, f->id, n, &v) >= 0; n++) {
			buffer_string(b, ", ");
			put_value(b, f, &v, r);
		}
		cell_rest(b, r, f->id, LIST_SHOWN_MAX);
	}
	buffer_char(b, '\n');
	output_lines(o, 1);
}

void whole_write(struct output *o, struct record *r, struct names *names, uint32_t groups, bool hidden, bool first)
{
	if (!first) {
		buffer_char(&o->buffer, '\n');
		output_lines(o, 1);
	}
	whole_title(&o->buffer, o->colours, r, names);
	output_lines(o, 1);
	put_holding(o, r, hidden);
	for (unsigned g = 0; g < GROUP_COUNT; g++) {
		bool titled = false;

		for (unsigned id = 1; id < FIELD_COUNT; id++) {
			const struct field *f = field_get(id);
			struct value v;

			if (!f || f->group != g || !(groups & GROUP_BIT(g)) || record_get(r, id, 0, &v) < 0)
				continue;
			if (!titled) {
				buffer_char(&o->buffer, '\n');
				put_coloured(&o->buffer, o->colours, COLOUR_BOLD, field_group_title(g));
				buffer_char(&o->buffer, '\n');
				output_lines(o, 2);
				titled = true;
			}
			put_field(o, f, r, &v);
		}
	}
}
