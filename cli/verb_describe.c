/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl describe: what fields mean */

#include <string.h>

#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/message.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "model/words.h"

static void put_words(struct buffer *b, const struct field *f)
{
	const struct words *w = f->unit->words;

	buffer_printf(b, "  %-8s  ", f->unit->kind == UNIT_FLAGS ? "flags" : "words");
	for (size_t i = 0; i < w->n_rows; i++)
		buffer_printf(b, "%s%s (%llu)", i ? ", " : "", w->rows[i].word, (unsigned long long)w->rows[i].value);
	buffer_char(b, '\n');
}

/* What gives the row: sources whose messages can carry the field. */
static void put_sources(struct buffer *b, const struct field *f)
{
	bool any = false;

	buffer_printf(b, "  %-8s  ", "told by");
	for (unsigned id = 1; id < SOURCE_COUNT; id++) {
		if (id == SOURCE_tcp || !decode_source_has(id, f->id)) /* its rows are of tcp4 and tcp6 */
			continue;
		buffer_printf(b, "%s%s", any ? " " : "", source_def_get(id)->name);
		any = true;
	}
	buffer_string(b, any ? "\n" : "the kernel module alone\n");
}

static void put_block(struct buffer *b, const struct field *f, bool first)
{
	const char *alias = field_alias(f->id);

	buffer_printf(b, "%s%s%s%s\n  %s.\n", first ? "" : "\n", f->name, alias ? ", " : "", alias ? alias : "", f->doc);
	buffer_printf(b, "  %-8s  %s%s%s\n", "type", field_wire_name(f->wire),
		      f->unit->kind == UNIT_NUMBER && strcmp(f->unit->name, "none") ? ", " : "",
		      f->unit->kind == UNIT_NUMBER && strcmp(f->unit->name, "none") ? f->unit->name : "");
	if (f->unit->words)
		put_words(b, f);
	buffer_printf(b, "  %-8s  %s (%s)\n", "group", field_group_name(f->group), field_group_title(f->group));
	buffer_printf(b, "  %-8s  %s\n", "source", f->source);
	buffer_printf(b, "  %-8s  %s\n", "access", field_access_name(f->access));
	put_sources(b, f);
}

static void put_row(struct table *t, const struct field *f)
{
	const char *alias = field_alias(f->id);

	table_cell_text(t, f->name);
	if (alias)
		table_cell_text(t, alias);
	else
		table_cell_absent(t);
	table_cell_text(t, field_wire_name(f->wire));
	table_cell_text(t, f->unit->name);
	table_cell_text(t, field_group_name(f->group));
	table_cell_text(t, field_access_name(f->access));
	table_cell_text(t, f->doc);
	table_row_end(t);
}

/* One field: a block for people by name, a row of a table without, an object for JSON. */
static void put_field(struct table *t, const struct field *f, bool blocks)
{
	if (format_is_json(t->arg->format)) {
		document_field(&t->document, f);
	} else if (blocks) {
		size_t before = t->out.buffer.len;

		put_block(&t->out.buffer, f, t->n_rows++ == 0);
		output_lines_from(&t->out, before);
	} else {
		put_row(t, f);
	}
}

int verb_describe(const struct arguments *arg)
{
	static const struct table_column columns[] = {
		{ "Name", "name", false },   { "Alias", "alias", false },   { "Type", "type", false }, { "Unit", "unit", false },
		{ "Group", "group", false }, { "Access", "access", false }, { "Meaning", "doc", false },
	};
	CLEANUP(table_deinit) struct table t = { 0 };
	bool blocks = arg->n_words && arg->format == FORMAT_TABLE;

	/* All names first: half an answer would hide the mistake. */
	for (int i = 0; i < arg->n_words; i++) {
		if (!field_find(arg->words[i], strlen(arg->words[i]))) {
			columns_unknown("describe", arg->words[i], strlen(arg->words[i]));
			return EXIT_USAGE;
		}
	}
	table_init(&t, arg, columns, ARRAY_SIZE(columns));
	table_name(&t, "fields");
	for (int i = 0; i < arg->n_words; i++)
		put_field(&t, field_find(arg->words[i], strlen(arg->words[i])), blocks);
	for (unsigned id = 1; id < FIELD_COUNT && !arg->n_words; id++)
		if (field_get(id))
			put_field(&t, field_get(id), false);
	return blocks ? output_finish(&t.out) : table_finish(&t, NULL);
}
