/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One answer on its way to a caller */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bus/feed.h"
#include "bus/readings.h"
#include "bus/rows.h"
#include "bus/stream.h"
#include "manager.h"

/*
 * feed -> arena -> [rows ->] socket. Two things wake a stream: its feed, which
 * has more or thinks that it is its turn again, and the reader, who took
 * something (output). Only what can help is switched on.
 */
struct stream {
	struct manager *manager;
	struct stream_owner *owner;
	struct query *query;
	char *text;
	struct feed *feed;
	bool feed_done;
	struct arena arena;
	struct rows *rows; /* NULL for STREAM_PACKED */
	bool rows_done;
	bool joined, taken; /* rows come from the feed's reading, which has their other ends; they do by now */
	uint32_t uid;
	int fd;
	sd_event_source *output, *stall_timer;
};

struct stream *stream_free(struct stream *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->output);
	sd_event_source_disable_unref(s->stall_timer);
	rows_free(s->rows); /* whose reading may be the feed's */
	feed_free(s->feed);
	arena_deinit(&s->arena);
	query_free(s->query);
	free(s->text);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}
DEFINE_CLEANUP_PTR(struct stream, stream_free)

uint32_t stream_uid(const struct stream *s)
{
	return s->uid;
}

/* Sends what waits. 0 all is sent, -EAGAIN the reader is slow, others: the stream is over. */
static int send_pending(struct stream *s, bool *progress)
{
	for (;;) {
		const uint8_t *data = NULL;
		size_t len = 0;
		ssize_t n;

		if (s->rows)
			data = (const uint8_t *)rows_text(s->rows, &len);
		else
			len = arena_peek(&s->arena, &data);
		if (len == 0)
			return 0;
		n = send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		*progress = true;
		if (s->rows)
			rows_sent(s->rows, (size_t)n);
		else
			arena_consume(&s->arena, (size_t)n);
	}
}

/* Bytes that wait to be sent and were not, so that reading on would only fill memory. */
static bool is_full(const struct stream *s)
{
	size_t len = 0;

	if (s->rows)
		rows_text(s->rows, &len);
	return len + arena_pending(&s->arena) > LIMIT_STREAM_PENDING;
}

/* One step of the reading. enum feed_result or a negative errno. */
static int read_step(struct stream *s)
{
	int r;

	if (s->feed_done)
		return FEED_DONE;
	r = feed_step(s->feed);
	s->feed_done = r == FEED_DONE;
	return r;
}

/* Turns what was read into text. 1 there is more to turn, 0 not now or never again. */
static int rows_work(struct stream *s)
{
	int r;

	if (!s->rows || s->rows_done || (s->joined && !s->feed_done))
		return 0;
	if (s->joined && !s->taken) {
		r = rows_take_reading(s->rows, feed_reading(s->feed));
		if (r < 0)
			return r;
		s->taken = true;
	}
	r = rows_step(s->rows);
	if (r == -EAGAIN)
		return s->feed_done ? -EBADMSG : 0;
	if (r == 0)
		s->rows_done = true;
	return r;
}

static bool is_complete(const struct stream *s)
{
	size_t len = 0;

	if (!s->feed_done || (s->rows && !s->rows_done))
		return false;
	if (s->rows)
		rows_text(s->rows, &len);
	return len == 0 && (s->rows || arena_pending(&s->arena) == 0);
}

/* Switches on what can wake the stream. */
static int arm(struct stream *s, bool wait_input, bool wait_output)
{
	int r;

	/* EPOLLHUP and EPOLLERR come anyhow: a reader that hangs up is noticed at once. */
	r = sd_event_source_set_io_events(s->output, wait_output ? EPOLLOUT : 0);
	if (r < 0)
		return r;
	return feed_arm(s->feed, wait_input ? FEED_INPUT : wait_output ? FEED_NOTHING : FEED_TURN);
}

static int restart_stall_timer(struct stream *s)
{
	uint64_t now;
	int r;

	r = sd_event_now(s->manager->event, CLOCK_MONOTONIC, &now);
	if (r < 0)
		return r;
	r = sd_event_source_set_time(s->stall_timer, now + s->manager->config.stream_stall_usec);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(s->stall_timer, SD_EVENT_ONESHOT);
}

/* Whether something is left to read or to turn into text. */
static bool has_work(const struct stream *s)
{
	return !s->feed_done || (s->rows && !s->rows_done);
}

/* A slice of work. 0, or a negative errno when the stream cannot go on. */
static int pump(struct stream *s)
{
	bool wait_input = false, wait_output = false, progress = false;
	uint64_t end = feed_clock_usec() + FEED_SLICE_USEC;

	do {
		int sent, more, r;

		more = rows_work(s);
		if (more < 0)
			return more;
		sent = send_pending(s, &progress);
		if (sent < 0 && sent != -EAGAIN)
			return sent;
		wait_output = sent == -EAGAIN;
		wait_input = false;
		if (is_complete(s))
			break;
		if (wait_output && (is_full(s) || !has_work(s)))
			break;
		if (more == 1)
			continue;
		r = read_step(s);
		if (r < 0)
			return r;
		wait_input = r == FEED_WAIT;
	} while (!wait_input && feed_clock_usec() < end);
	if (progress && restart_stall_timer(s) < 0)
		return -ENOMEM;
	/* The reader is slow, but there is room to read on: that is work, not waiting. */
	if (wait_output && !wait_input && !is_full(s) && has_work(s))
		wait_output = false;
	return arm(s, wait_input, wait_output);
}

/* Ends the stream when it is complete or cannot go on; the reader tells the two apart by the END block. */
static void drive(struct stream *s)
{
	if (pump(s) < 0 || is_complete(s)) {
		s->owner->closed(s->owner, s);
		stream_free(s);
	}
}

static void on_feed(void *ctx)
{
	drive(ctx);
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct stream *s = userdata;

	(void)source;
	(void)fd;
	if (revents & (EPOLLHUP | EPOLLERR)) {
		s->owner->closed(s->owner, s);
		stream_free(s);
	} else {
		drive(s);
	}
	return 0;
}

static int on_stall_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct stream *s = userdata;

	(void)source;
	(void)usec;
	/* Silence while the kernel or the owner scan is at work is not the reader's. */
	if (!s->feed_done && !is_full(s)) {
		restart_stall_timer(s);
	} else {
		s->owner->closed(s->owner, s);
		stream_free(s);
	}
	return 0;
}

static int add_event_sources(struct stream *s)
{
	int r;

	r = sd_event_add_io(s->manager->event, &s->output, s->fd, 0, on_output, s);
	if (r < 0)
		return r;
	/* Calls of other clients go first. */
	r = sd_event_source_set_priority(s->output, SD_EVENT_PRIORITY_IDLE);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(s->manager->event, &s->stall_timer, CLOCK_MONOTONIC,
					  s->manager->config.stream_stall_usec, 0, on_stall_timer, s);
}

static int start_feed(struct stream *s, const struct stream_request *req)
{
	bool kept = req->max_age_usec > 0 && req->max_age_usec != UINT64_MAX;
	struct feed_ask ask = {
		.query = req->query,
		.caller = req->caller,
		.table_age_usec = req->max_age_usec,
		.max_age_usec = req->max_age_usec,
	};
	int r = feed_groups(req->query, req->fields, req->n_fields, &ask.groups);

	if (r < 0)
		return r;
	/* Of packed ones the reader joins the ends himself. */
	s->joined = req->format != STREAM_PACKED && ask.groups & GROUP_BIT(GROUP_peer);
	ask.joined = s->joined;
	if (s->joined && !kept) {
		kept = true;
		ask.max_age_usec = 0;
	}
	if (!kept && !readings_take_token(s->manager->readings, &req->caller))
		return -EBUSY;
	if (kept) {
		s->text = strdup(req->text);
		if (!s->text)
			return -ENOMEM;
		ask.text = s->text;
	}
	r = feed_new(&s->feed, s->manager, &ask, &s->arena, on_feed, s);
	return r == -EDQUOT ? -EBUSY : r;
}

int stream_format_from_name(const char *name, enum stream_format *ret)
{
	static const char *const names[] = {
		[STREAM_PACKED] = "packed", [STREAM_NDJSON] = "ndjson", [STREAM_JSON_SEQ] = "json-seq",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], name)) {
			*ret = (enum stream_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

int stream_new(struct stream **ret, int *ret_fd, struct stream_owner *owner, struct stream_request *req)
{
	CLEANUP(stream_free) struct stream *s = calloc(1, sizeof(*s));
	CLEANUP(close) int theirs = -1;
	int pair[2], size = LIMIT_STREAM_SOCKET_BUFFER, r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->uid = req->caller.uid;
	s->manager = req->manager;
	s->owner = owner;
	arena_init(&s->arena);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->fd = pair[0];
	theirs = pair[1];
	/* A hint; the kernel's own default works too. The reader has nothing to say to us. */
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	shutdown(theirs, SHUT_WR);

	r = start_feed(s, req);
	if (r < 0)
		return r;
	if (req->format != STREAM_PACKED) {
		r = rows_new(&s->rows, &s->arena, req->query, req->fields, req->n_fields,
			     req->format == STREAM_JSON_SEQ);
		if (r < 0)
			return r;
	}
	r = add_event_sources(s);
	if (r < 0)
		return r;
	s->query = STEAL_PTR(req->query);
	*ret = STEAL_PTR(s);
	*ret_fd = steal_fd(&theirs);
	return 0;
}
