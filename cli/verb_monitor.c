/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl monitor: what opens, changes and closes, a line each */

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "cli/cell.h"
#include "cli/columns.h"
#include "cli/exit.h"
#include "cli/internals.h"
#include "cli/message.h"
#include "cli/namespaces.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/soak.h"
#include "cli/verbs.h"
#include "model/words.h"
#include "query/ask.h"
#include "query/json.h"

/* Events that are printed between two looks at what else there is. */
#define LOOK_AROUND_EVENTS 16

struct monitor {
	const struct arguments *arg;
	struct rows rows;
	struct output out;
	struct columns columns; /* -C */
	struct names *names;    /* -r */
	struct field_set fields;
	struct soak soak;       /* of the daemon's events */
	struct input file;      /* or those of a recording */
	struct pollfd waits[3]; /* the daemon, signals, the reader of our output */
	bool interrupted;
	uint64_t n_counted; /* for --count: printed, or with -q passed over */
	uint64_t n[SOCKETD_EVENT_SYNCED + 1]; /* by kind */
	uint64_t n_lost;
	int year, day; /* of the last line; 0 before the first */
};

static void monitor_deinit(struct monitor *m)
{
	names_free(m->names);
	output_deinit(&m->out);
	soak_deinit(&m->soak);
	rows_deinit(&m->rows);
	if (m->waits[1].fd >= 0)
		close(m->waits[1].fd);
}
DEFINE_CLEANUP(struct monitor, monitor_deinit)

/* What the line of an event is made of. */
static const enum field_id line_fields[] = {
	F_netid, F_state, F_local, F_local_port, F_peer, F_peer_port, F_inode, F_dev, F_pid, F_fd, F_comm, F_udiag_peer,
	F_ipv6only, F_tcpi_bytes_acked, F_tcpi_bytes_received, F_tcpi_total_retrans, F_age, F_age_at_least,
};

/* Nothing is there to print: what was printed is shown, and then there is time to be told to stop. */
static int wait_more(void *ctx)
{
	struct monitor *m = ctx;
	int n;

	output_flush(&m->out);
	if (output_failed(&m->out))
		return -EPIPE;
	do
		n = poll(m->waits, ARRAY_SIZE(m->waits), -1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (m->waits[1].revents) {
		m->interrupted = true;
		return -EINTR;
	}
	if (m->waits[2].revents & (POLLERR | POLLHUP | POLLNVAL) && !m->waits[0].revents) {
		m->out.error = EPIPE;
		return -EPIPE;
	}
	return 0;
}

/* So that ^C counts in a long batch too; and the daemon gets rid of what it has. */
static void look_around(struct monitor *m)
{
	if (m->soak.fd >= 0)
		(void)soak_up(&m->soak); /* what fails here fails again when it is waited for */
	if (poll(m->waits + 1, 1, 0) > 0)
		m->interrupted = true;
}

static int file_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct monitor *m = ctx;
	int r = wait_more(m);

	return r < 0 ? r : m->file.more(m->file.ctx, taken, ret, ret_len);
}

/* The day has a line of its own, when it is not that of the line before. */
static void put_time(struct monitor *m, uint64_t usec)
{
	struct buffer *b = &m->out.buffer;
	time_t seconds = (time_t)(usec / 1000000);
	struct tm tm = { 0 };

	localtime_r(&seconds, &tm);
	if (m->year && (m->year != tm.tm_year || m->day != tm.tm_yday))
		buffer_printf(b, "%04d-%02d-%02d\n", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	m->year = tm.tm_year;
	m->day = tm.tm_yday;
	buffer_printf(b, "%02d:%02d:%02d.%03u ", tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(usec % 1000000) / 1000);
}

static const char *state_word(uint32_t state)
{
	const char *word = state ? words_find(&words_state, state) : NULL;

	return word ? word : "-";
}

static void pad(struct buffer *b, size_t from, size_t width)
{
	size_t len = b->len - from;

	buffer_fill(b, ' ', len < width ? width - len : 1);
}

/* "ESTAB→CLOSE-WAIT" is as wide as it looks: the arrow has three bytes. */
static void put_states(struct monitor *m, const struct event_info *e, struct record *r)
{
	struct buffer *b = &m->out.buffer;
	uint32_t state = record_state(r);
	enum colour colour = m->out.colours ? colour_of_state(state, false) : COLOUR_NONE;
	size_t from = b->len, width = 22, codes;

	if (e->old_state && e->old_state != state) {
		buffer_string(b, state_word(e->old_state));
		buffer_string(b, "→");
		width += strlen("→") - 1;
	}
	codes = b->len;
	buffer_string(b, colour_code(colour));
	codes = b->len - codes;
	buffer_string(b, state_word(state));
	if (codes) {
		buffer_string(b, COLOUR_END);
		codes += strlen(COLOUR_END);
	}
	pad(b, from, width + codes);
}

static void put_human(struct buffer *b, const char *title, struct record *r, enum field_id id)
{
	struct value v;

	if (record_get(r, id, 0, &v) < 0 || (id == F_age && v.u == 0))
		return;
	buffer_string(b, title);
	cell_short(b, field_get(id), r);
}

/* tx 12.3KiB rx 4.5MiB retrans 2 age 3m12s */
static void put_last_words(struct buffer *b, struct record *r)
{
	put_human(b, " tx ", r, F_tcpi_bytes_acked);
	put_human(b, " rx ", r, F_tcpi_bytes_received);
	put_human(b, " retrans ", r, F_tcpi_total_retrans);
	put_human(b, " age ", r, F_age);
}

static void put_columns(struct monitor *m, struct record *r)
{
	struct buffer *b = &m->out.buffer;
	size_t split;

	for (size_t i = 0; i < m->columns.n; i++) {
		const struct column *c = &m->columns.rows[i];
		bool track = c->kind == COLUMN_FIELD && c->field->group == GROUP_track;

		buffer_char(b, ' ');
		if ((track ? cell_short(b, c->field, r) : cell_write(b, c, r, m->names, &split)) < 0)
			buffer_char(b, '-');
	}
}

static void put_netid(struct monitor *m, struct record *r)
{
	struct buffer *b = &m->out.buffer;
	size_t from = b->len;
	struct value v;

	if (record_get(r, F_netid, 0, &v) >= 0)
		cell_value(b, field_get(F_netid), &v, VALUE_PLAIN);
	pad(b, from, 6);
}

static void put_text(struct monitor *m, const struct event_info *e, struct record *r)
{
	struct buffer *b = &m->out.buffer;
	const char *word = words_find(&words_event, e->kind);
	size_t from;

	put_time(m, e->realtime_usec);
	from = b->len;
	buffer_string(b, word ? word : "?");
	if (e->kind == SOCKETD_EVENT_OVERFLOW) {
		buffer_printf(b, " %llu events lost\n", (unsigned long long)e->n_lost);
		return;
	}
	if (m->arg->columns) {
		put_columns(m, r);
		buffer_char(b, '\n');
		return;
	}
	pad(b, from, 9);
	put_netid(m, r);
	put_states(m, e, r);
	from = b->len;
	cell_endpoint(b, r, false, m->names);
	pad(b, from, 22);
	cell_endpoint(b, r, true, m->names);
	buffer_char(b, ' ');
	if (!cell_users(b, r))
		b->len--;
	if (record_netns(r) && record_netns(r) != context_netns_own(m->rows.context)) {
		buffer_string(b, " netns:");
		namespaces_put(b, m->rows.context, record_netns(r));
	}
	if (e->kind == SOCKETD_EVENT_CLOSED)
		put_last_words(b, r);
	buffer_char(b, '\n');
}

static void put_json(struct monitor *m, const struct event_info *e, struct record *r)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *socket = NULL;
	struct buffer *b = &m->out.buffer;
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text;
	size_t len;

	flags |= m->arg->format == FORMAT_JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN;
	if (r && json_record(r, m->arg->columns ? m->fields.ids : NULL, m->fields.n, &socket) < 0)
		message_no_memory();
	if (json_event(e, socket, &o) < 0)
		message_no_memory();
	text = json_object_to_json_string_length(o, flags, &len);
	if (!text)
		message_no_memory();
	if (m->arg->format == FORMAT_JSON_SEQ)
		buffer_char(b, '\x1e');
	buffer_put(b, text, len);
	buffer_char(b, '\n');
}

static bool is_wanted(const struct monitor *m, uint32_t kind)
{
	const struct arguments *a = m->arg;

	switch (kind) {
	case SOCKETD_EVENT_OPENED:
		return a->only_open || !(a->only_close || a->only_state);
	case SOCKETD_EVENT_CHANGED:
		return a->only_state || !(a->only_open || a->only_close);
	case SOCKETD_EVENT_CLOSED:
		return a->only_close || !(a->only_open || a->only_state);
	case SOCKETD_EVENT_SYNCED:
		return format_is_json(a->format);
	}
	return true;
}

static void put_event(struct monitor *m, const struct event_info *e, struct record *r)
{
	bool counts = e->kind != SOCKETD_EVENT_OVERFLOW && e->kind != SOCKETD_EVENT_SYNCED;

	m->n_lost += e->kind == SOCKETD_EVENT_OVERFLOW ? e->n_lost : 0;
	if (!is_wanted(m, e->kind))
		return;
	if (e->kind < ARRAY_SIZE(m->n))
		m->n[e->kind]++;
	m->n_counted += counts;
	if (m->arg->quiet)
		return;
	if (format_is_json(m->arg->format))
		put_json(m, e, r);
	else
		put_text(m, e, r);
	output_lines(&m->out, 1);
}

/* Events until something ends them: 0 is the user's will, or a negative errno. */
static int run(struct monitor *m)
{
	struct rows *rows = &m->rows;
	uint64_t n = 0;

	while (m->n_counted < m->arg->count) {
		const struct event_info *e;
		int r;

		if (n++ % LOOK_AROUND_EVENTS == LOOK_AROUND_EVENTS - 1)
			look_around(m);
		r = m->interrupted ? -EINTR : messages_next(&rows->messages, &rows->message);
		if (r <= 0)
			return m->interrupted ? 0 : r < 0 ? r : -ENODATA;
		e = context_event(rows->context);
		if (!e)
			return -EBADMSG;
		/* The daemon matched already, by what the socket was before too. */
		if (rows->message.len == 0)
			put_event(m, e, NULL);
		else if (record_open(&rows->record, &rows->message, rows->context) == 0)
			put_event(m, e, &rows->record);
		else
			rows->n_damaged++;
		if (output_failed(&m->out))
			return -EPIPE;
	}
	return 0;
}

static int finish(struct monitor *m, int error)
{
	int r = output_finish(&m->out);

	if (r != EXIT_OK)
		return r;
	if (!m->arg->quiet)
		message_note("%llu opened, %llu changed, %llu closed, %llu lost", (unsigned long long)m->n[SOCKETD_EVENT_OPENED],
			     (unsigned long long)m->n[SOCKETD_EVENT_CHANGED], (unsigned long long)m->n[SOCKETD_EVENT_CLOSED],
			     (unsigned long long)m->n_lost);
	/* A recording of events ends where it ends. */
	if (error == -ENODATA && m->arg->file)
		error = 0;
	if (error == -ENODATA)
		message("the daemon ended the stream: it was stopped, or this reader was too slow for too long");
	else if (error < 0)
		message("the stream of events: %s", error == -EBADMSG ? "it is damaged, or holds none" : strerror(-error));
	return error < 0 || m->n_lost || m->rows.n_damaged ? EXIT_PARTIAL : EXIT_OK;
}

static int watch_signals(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static int init_fields(struct monitor *m)
{
	int r;

	if (!m->arg->columns) {
		for (size_t i = 0; i < ARRAY_SIZE(line_fields); i++)
			field_set_add(&m->fields, line_fields[i]);
		return -1;
	}
	columns_default(&m->columns, m->arg);
	r = columns_change(&m->columns, m->arg->columns);
	if (r >= 0)
		return r;
	columns_settle(&m->columns, m->rows.query, /* context= */ NULL);
	for (size_t i = 0; i < m->columns.n; i++)
		columns_fields(&m->columns.rows[i], !format_is_json(m->arg->format), &m->fields);
	return -1;
}

/* What events do not carry would be a wait without end. -1, or an exit code. */
static int check_fields(const struct monitor *m)
{
	enum field_id id = query_module_field(m->rows.query);

	for (size_t i = 0; !id && m->arg->columns && i < m->fields.n; i++)
		if (decode_module_only(m->fields.ids[i]))
			id = m->fields.ids[i];
	if (!id)
		return -1;
	message("monitor cannot tell %s: only the kernel module knows it, and events do not carry it", field_get(id)->name);
	return EXIT_USAGE;
}

int verb_monitor(const struct arguments *arg)
{
	CLEANUP(monitor_deinit) struct monitor m = { .arg = arg, .waits[1].fd = -1 };
	bool whole = format_is_json(arg->format) && !arg->columns;
	int r;

	if (arg->columns && !strcmp(arg->columns, "help"))
		return columns_help(arg);
	r = rows_init(&m.rows, arg, 0, false);
	if (r < 0)
		r = init_fields(&m);
	if (r < 0)
		r = check_fields(&m);
	if (r >= 0)
		return r;
	if (arg->resolve)
		m.names = names_new();
	output_init(&m.out, arg->colours, false);
	m.rows.events = true;
	r = rows_open(&m.rows, whole ? NULL : m.fields.ids, m.fields.n);
	if (r >= 0)
		return r;
	m.file = m.rows.reader.input;
	m.soak = (struct soak){ .fd = arg->file ? -1 : feed_fd(m.rows.feed), .wait = wait_more, .ctx = &m };
	m.rows.reader.input = arg->file ? (struct input){ .more = file_more, .ctx = &m } : soak_input(&m.soak);
	m.waits[0] = (struct pollfd){ .fd = feed_fd(m.rows.feed), .events = POLLIN };
	m.waits[1] = (struct pollfd){ .fd = watch_signals(), .events = POLLIN };
	m.waits[2] = (struct pollfd){ .fd = STDOUT_FILENO };
	if (m.waits[1].fd < 0) {
		message("signals: %s", strerror(errno));
		return EXIT_PARTIAL;
	}
	return finish(&m, run(&m));
}
