/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When to poll: the tracker on the event loop, within the CPU quota */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "log.h"
#include "refresh.h"

#define TIMEOUT_ACCURACY_USEC 10000u

/* After a step that failed for want of memory: by then others may have given some back. */
#define MEMORY_RETRY_USEC 1000000u

/* Events that wait for listeners to be handed them: they are, after each step, so this is one step's harvest. */
#define EVENTS_MAX (8u << 20)

/*
 * Three things call the tracker: its descriptor (input), a time that it asked
 * for (timeout), and its turn, when it has more to do and nobody else has (turn).
 * All times are CLOCK_BOOTTIME: it neither jumps nor stands still in suspend.
 */
struct refresh {
	sd_event *event;
	const struct config *config;
	struct refresh_listener *listener;
	struct tracker *tracker;
	sd_event_source *input, *timeout, *turn, *pass_timer;
	uint64_t pass_begin_usec;     /* 0: there was none */
	uint64_t counters_begin_usec; /* of the last pass with counters */
	uint64_t generation, n_scans, n_dropped, n_unheard; /* that were seen already */
	/* CPU that was used and is not paid for yet: at the beginning of the pass, and since. */
	uint64_t debt_usec, cost_usec;
	bool asked; /* for a pass that has not begun */
	struct log_limit memory_log, begin_log, table_log, lost_log, scan_log, destroy_log, unheard_log;
};

static int on_turn(sd_event_source *source, void *userdata);
static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata);
static int on_pass_timer(sd_event_source *source, uint64_t usec, void *userdata);

static uint64_t cpu_usec(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_usec(const struct refresh *r)
{
	uint64_t now;

	return sd_event_now(r->event, CLOCK_BOOTTIME, &now) < 0 ? r->pass_begin_usec : now;
}

struct refresh *refresh_free(struct refresh *r)
{
	if (!r)
		return NULL;
	sd_event_source_disable_unref(r->input);
	sd_event_source_disable_unref(r->timeout);
	sd_event_source_disable_unref(r->turn);
	sd_event_source_disable_unref(r->pass_timer);
	sd_event_unref(r->event);
	tracker_free(r->tracker);
	free(r);
	return NULL;
}

uint64_t refresh_interval_of(const struct config *config, uint64_t cost_usec)
{
	uint64_t usec;

	if (__builtin_mul_overflow(cost_usec, 1000u, &usec))
		usec = UINT64_MAX;
	usec /= config->cpu_quota;
	if (usec > config->interval_max_usec)
		usec = config->interval_max_usec;
	return usec < config->interval_min_usec ? config->interval_min_usec : usec;
}

uint64_t refresh_interval_usec(const struct refresh *r)
{
	return refresh_interval_of(r->config, r->debt_usec + r->cost_usec);
}

/* When the next pass is due. */
static uint64_t next_pass_usec(const struct refresh *r)
{
	uint64_t debt = r->debt_usec + r->cost_usec;

	if (r->pass_begin_usec == 0)
		return 0;
	return r->pass_begin_usec + refresh_interval_of(r->config, r->asked ? debt / REFRESH_ASKED_FACTOR : debt);
}

/* sd-event would wake up with other timers, up to 250 ms late: a long interval does not mind, a short one does. */
static int schedule_pass(struct refresh *r)
{
	uint64_t next = next_pass_usec(r), slack = (next - r->pass_begin_usec) / 20;
	int e = sd_event_source_set_time_accuracy(r->pass_timer, slack > 250000 ? 250000 : slack + 1);

	if (e >= 0)
		e = sd_event_source_set_time(r->pass_timer, next);
	return e < 0 ? e : sd_event_source_set_enabled(r->pass_timer, SD_EVENT_ONESHOT);
}

static int timer_after(sd_event_source *timer, uint64_t usec)
{
	int e = sd_event_source_set_time_relative(timer, usec);

	return e < 0 ? e : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* The descriptor may be another one than before, or none. */
static int watch_input(struct refresh *r, bool on)
{
	int fd = tracker_fd(r->tracker), e;

	if (fd < 0 || !on)
		return r->input ? sd_event_source_set_enabled(r->input, SD_EVENT_OFF) : 0;
	if (!r->input)
		return sd_event_add_io(r->event, &r->input, fd, EPOLLIN, on_input, r);
	if (sd_event_source_get_io_fd(r->input) != fd) {
		e = sd_event_source_set_io_fd(r->input, fd);
		if (e < 0)
			return e;
	}
	return sd_event_source_set_enabled(r->input, SD_EVENT_ON);
}

static int arm(struct refresh *r, enum tracker_result result)
{
	int e = watch_input(r, result != TRACKER_MORE);

	if (e >= 0)
		e = sd_event_source_set_enabled(r->turn, result == TRACKER_MORE ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (e >= 0 && result == TRACKER_WAIT)
		e = timer_after(r->timeout, tracker_timeout_usec(r->tracker));
	else if (e >= 0)
		e = sd_event_source_set_enabled(r->timeout, SD_EVENT_OFF);
	return e;
}

/* What an administrator should know of a pass or a scan that came to its end. */
static void log_faults(struct refresh *r, const struct tracker_status *status)
{
	if (status->n_unremembered > 0)
		log_limited(&r->table_log, LOG_WARNING,
			    "%" PRIu64 " sockets are not remembered: TableMemoryMax= is reached, or memory is short",
			    status->n_unremembered);
	if (status->n_dropped != r->n_dropped)
		log_limited(&r->lost_log, LOG_NOTICE,
			    "the kernel dropped notices of %" PRIu64 " closed sockets: too many at once", status->n_dropped - r->n_dropped);
	r->n_dropped = status->n_dropped;
	if (status->scan_error)
		log_limited(&r->scan_log, LOG_WARNING, "the owners of sockets cannot be read: %s",
			    strerror(abs(status->scan_error)));
	/* Why does not change while the daemon runs: once is enough. */
	if (status->destroy_error && !r->destroy_log.next_usec)
		log_limited(&r->destroy_log, LOG_NOTICE, "the kernel does not tell what closes, passes find it: %s",
			    strerror(abs(status->destroy_error)));
}

/* What the step finished: a pass, an owner scan. */
static void take_note(struct refresh *r)
{
	const struct tracker_status *status = tracker_status(r->tracker);

	if (status->n_scans != r->n_scans) {
		r->n_scans = status->n_scans;
		r->cost_usec += status->scan_cpu_usec;
		/* The scan came after its pass: the next one is due later now. */
		if (!status->in_pass)
			schedule_pass(r);
	}
	if (status->generation != r->generation) {
		r->generation = status->generation;
		schedule_pass(r);
		log_faults(r, status);
		r->listener->passed(r->listener);
	}
	/* What the changes were is in the sockets' states now: a pass finds it. */
	if (status->n_unheard != r->n_unheard) {
		uint64_t generation;

		log_limited(&r->unheard_log, LOG_NOTICE, "%" PRIu64 " state changes that the kernel module told were lost: too many at once",
			    status->n_unheard - r->n_unheard);
		r->n_unheard = status->n_unheard;
		(void)refresh_now(r, &generation);
	}
}

static void drive(struct refresh *r)
{
	uint64_t begin = cpu_usec();
	int result = tracker_step(r->tracker), e;

	r->cost_usec += cpu_usec() - begin;
	r->listener->stepped(r->listener);
	if (result < 0) {
		log_limited(&r->memory_log, LOG_WARNING, "tracking pauses: %s; trying again every second",
			    strerror(-result));
		watch_input(r, false);
		e = timer_after(r->timeout, MEMORY_RETRY_USEC);
	} else {
		take_note(r);
		e = arm(r, (enum tracker_result)result);
	}
	/* Nothing would call us again: try once more with what there is. */
	if (e < 0)
		timer_after(r->timeout, MEMORY_RETRY_USEC);
}

/* Time pays for CPU at the rate of the quota; what the longest interval cannot pay is forgiven. */
static void settle(struct refresh *r, uint64_t now)
{
	uint64_t most = r->config->interval_max_usec / 1000 * r->config->cpu_quota;
	uint64_t paid = (now - r->pass_begin_usec) / 1000 * r->config->cpu_quota;
	uint64_t debt = r->debt_usec + r->cost_usec;

	debt = debt > paid ? debt - paid : 0;
	r->debt_usec = debt < most ? debt : most;
	r->cost_usec = 0;
}

static int on_pass_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct refresh *r = userdata;
	uint64_t now = now_usec(r), begin;
	bool counters = now + r->config->interval_min_usec / 2 >= r->counters_begin_usec + r->config->counters_interval_usec;
	int e;

	(void)source;
	(void)usec;
	if (tracker_status(r->tracker)->in_pass)
		return 0; /* its end schedules the next */
	settle(r, now);
	r->pass_begin_usec = now;
	r->asked = false;
	begin = cpu_usec();
	e = tracker_begin_pass(r->tracker, counters || r->counters_begin_usec == 0);
	r->cost_usec += cpu_usec() - begin;
	if (e < 0) {
		log_limited(&r->begin_log, LOG_WARNING, "the sockets cannot be read now: %s", strerror(-e));
		schedule_pass(r);
		return 0;
	}
	if (counters || r->counters_begin_usec == 0)
		r->counters_begin_usec = now;
	drive(r);
	return 0;
}

static int on_turn(sd_event_source *source, void *userdata)
{
	(void)source;
	drive(userdata);
	return 0;
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	drive(userdata);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	drive(userdata);
	return 0;
}

static struct tracker_limits limits_of(const struct config *config)
{
	return (struct tracker_limits){
		.memory_max = config->table_memory_max,
		.events_max = EVENTS_MAX,
		.scan_share = (uint32_t)(config->cpu_quota > 1 ? config->cpu_quota / 2 : 1),
		.namespaces_max = (uint32_t)config->namespaces_max,
	};
}

static int add_event_sources(struct refresh *r)
{
	int e;

	e = sd_event_add_defer(r->event, &r->turn, on_turn, r);
	if (e >= 0)
		e = sd_event_source_set_enabled(r->turn, SD_EVENT_OFF);
	/* Calls of clients go first. */
	if (e >= 0)
		e = sd_event_source_set_priority(r->turn, SD_EVENT_PRIORITY_IDLE);
	if (e >= 0)
		e = sd_event_add_time(r->event, &r->timeout, CLOCK_BOOTTIME, 0, TIMEOUT_ACCURACY_USEC, on_timeout, r);
	if (e >= 0)
		e = sd_event_source_set_enabled(r->timeout, SD_EVENT_OFF);
	if (e >= 0)
		e = sd_event_add_time(r->event, &r->pass_timer, CLOCK_BOOTTIME, 0, 0, on_pass_timer, r);
	return e;
}

int refresh_new(struct refresh **ret, sd_event *event, const struct config *config, struct refresh_listener *listener)
{
	CLEANUP(refresh_free) struct refresh *r = calloc(1, sizeof(*r));
	struct tracker_limits limits = limits_of(config);
	int e;

	if (!r)
		return -ENOMEM;
	r->event = sd_event_ref(event);
	r->config = config;
	r->listener = listener;
	e = tracker_new(&r->tracker, &limits);
	if (e < 0)
		return e;
	e = add_event_sources(r);
	if (e < 0)
		return e;
	*ret = STEAL_PTR(r);
	return 0;
}

struct tracker *refresh_tracker(struct refresh *r)
{
	return r->tracker;
}

int refresh_now(struct refresh *r, uint64_t *ret_generation)
{
	const struct tracker_status *status = tracker_status(r->tracker);

	r->asked = true;
	/* The one under way has read a part of the table already; its end schedules the next. */
	if (!status->in_pass) {
		int e = schedule_pass(r);

		if (e < 0)
			return e;
	}
	*ret_generation = status->generation + (status->in_pass ? 2 : 1);
	return 0;
}

void refresh_config_changed(struct refresh *r)
{
	struct tracker_limits limits = limits_of(r->config);

	tracker_set_limits(r->tracker, &limits);
	if (!tracker_status(r->tracker)->in_pass)
		schedule_pass(r);
}
