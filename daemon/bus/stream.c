/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One answer on its way to a caller */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bus/rows.h"
#include "bus/stream.h"
#include "quota.h"
#include "query/ask.h"
#include "source/acquire.h"
#include "source/names.h"

/*
 * kernel -> acquire -> arena -> [rows ->] socket. Three things wake a stream:
 * the kernel has an answer (input), the reader took something (output), or it
 * is simply its turn again (turn). Only those that can help are switched on.
 */
struct stream {
	struct stream_owner *owner;
	struct query *query;
	struct acquire *acquire; /* NULL when the reading is complete */
	struct arena arena;
	struct rows *rows; /* NULL for STREAM_PACKED */
	bool rows_done;
	uint32_t uid;
	int fd;
	sd_event *event;
	sd_event_source *input, *output, *turn, *answer_timer, *stall_timer;
};

struct stream *stream_free(struct stream *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->input);
	sd_event_source_disable_unref(s->output);
	sd_event_source_disable_unref(s->turn);
	sd_event_source_disable_unref(s->answer_timer);
	sd_event_source_disable_unref(s->stall_timer);
	sd_event_unref(s->event);
	acquire_free(s->acquire);
	rows_free(s->rows);
	arena_deinit(&s->arena);
	query_free(s->query);
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

/* One step of the reading. enum acquire_result or a negative errno. */
static int read_step(struct stream *s)
{
	int r;

	if (!s->acquire)
		return ACQUIRE_DONE;
	r = acquire_step(s->acquire);
	if (r == ACQUIRE_DONE)
		s->acquire = acquire_free(s->acquire);
	return r;
}

/* Turns what was read into text. 1 there is more to turn, 0 not now or never again. */
static int rows_work(struct stream *s)
{
	int r;

	if (!s->rows || s->rows_done)
		return 0;
	r = rows_step(s->rows);
	if (r == -EAGAIN)
		return s->acquire ? 0 : -EBADMSG;
	if (r == 0)
		s->rows_done = true;
	return r;
}

static bool is_complete(const struct stream *s)
{
	size_t len = 0;

	if (s->acquire || (s->rows && !s->rows_done))
		return false;
	if (s->rows)
		rows_text(s->rows, &len);
	return len == 0 && (s->rows || arena_pending(&s->arena) == 0);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* The descriptor changes from the netlink socket to the owner scan's pipe and back. */
static int watch_input(struct stream *s)
{
	int fd = acquire_fd(s->acquire), r;

	if (!s->input)
		return sd_event_add_io(s->event, &s->input, fd, EPOLLIN, on_input, s);
	r = sd_event_source_set_enabled(s->input, SD_EVENT_OFF);
	if (r >= 0 && sd_event_source_get_io_fd(s->input) != fd)
		r = sd_event_source_set_io_fd(s->input, fd);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(s->input, SD_EVENT_ON);
}

/* Switches on what can wake the stream. */
static int arm(struct stream *s, bool wait_input, bool wait_output)
{
	uint64_t now;
	int r;

	r = sd_event_source_set_enabled(s->turn, wait_input || wait_output ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	if (r < 0)
		return r;
	/* EPOLLHUP and EPOLLERR come anyhow: a reader that hangs up is noticed at once. */
	r = sd_event_source_set_io_events(s->output, wait_output ? EPOLLOUT : 0);
	if (r < 0)
		return r;
	if (!wait_input) {
		sd_event_source_set_enabled(s->input, SD_EVENT_OFF);
	} else {
		r = watch_input(s);
		if (r < 0)
			return r;
		r = sd_event_now(s->event, CLOCK_MONOTONIC, &now);
		if (r < 0)
			return r;
		r = sd_event_source_set_time(s->answer_timer, now + acquire_timeout_usec(s->acquire));
		if (r < 0)
			return r;
	}
	return sd_event_source_set_enabled(s->answer_timer, wait_input ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int restart_stall_timer(struct stream *s)
{
	uint64_t now;
	int r;

	r = sd_event_now(s->event, CLOCK_MONOTONIC, &now);
	if (r < 0)
		return r;
	r = sd_event_source_set_time(s->stall_timer, now + LIMIT_STREAM_STALL_USEC);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(s->stall_timer, SD_EVENT_ONESHOT);
}

/* Whether something is left to read or to turn into text. */
static bool has_work(const struct stream *s)
{
	return s->acquire || (s->rows && !s->rows_done);
}

/* A slice of work. 0, or a negative errno when the stream cannot go on. */
static int pump(struct stream *s)
{
	bool wait_input = false, wait_output = false, progress = false;

	for (unsigned i = 0; i < LIMIT_STREAM_SLICE_STEPS; i++) {
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
		wait_input = r == ACQUIRE_WAIT;
		if (wait_input)
			break;
	}
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

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	drive(userdata);
	return 0;
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

static int on_turn(sd_event_source *source, void *userdata)
{
	(void)source;
	drive(userdata);
	return 0;
}

static int on_answer_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	drive(userdata);
	return 0;
}

static int on_stall_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct stream *s = userdata;

	(void)source;
	(void)usec;
	/* Silence while the kernel or the owner scan is at work is not the reader's. */
	if (s->acquire && !is_full(s)) {
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

	r = sd_event_add_io(s->event, &s->output, s->fd, 0, on_output, s);
	if (r < 0)
		return r;
	r = sd_event_add_defer(s->event, &s->turn, on_turn, s);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT);
	if (r < 0)
		return r;
	/* Calls of other clients go first. */
	r = sd_event_source_set_priority(s->turn, SD_EVENT_PRIORITY_IDLE);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(s->event, &s->answer_timer, CLOCK_MONOTONIC, 0, 0, on_answer_timer, s);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(s->answer_timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	return sd_event_add_time_relative(s->event, &s->stall_timer, CLOCK_MONOTONIC, LIMIT_STREAM_STALL_USEC, 0,
					  on_stall_timer, s);
}

int stream_new(struct stream **ret, int *ret_fd, sd_event *event, struct stream_owner *owner,
	       struct stream_request *req)
{
	static const struct plan_names names = { .ifindex = names_ifindex, .cgroup = names_cgroup };
	CLEANUP(stream_free) struct stream *s = calloc(1, sizeof(*s));
	CLEANUP(close) int theirs = -1;
	struct request request;
	int pair[2], size = LIMIT_STREAM_SOCKET_BUFFER, r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->uid = req->uid;
	s->owner = owner;
	s->event = sd_event_ref(event);
	arena_init(&s->arena);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->fd = pair[0];
	theirs = pair[1];
	/* A hint; the kernel's own default works too. The reader has nothing to say to us. */
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	shutdown(theirs, SHUT_WR);

	r = ask_request(req->query, req->fields, req->n_fields, req->uid, &names, &request);
	if (r < 0)
		return r;
	r = acquire_new(&s->acquire, &request, &s->arena, NULL);
	request_deinit(&request);
	if (r < 0)
		return r;
	acquire_limit_held(s->acquire, LIMIT_STREAM_HELD);
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
