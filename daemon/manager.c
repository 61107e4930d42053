/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's state: its parts are built, wired and taken down here */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "bus/announce.h"
#include "bus/call.h"
#include "bus/feed.h"
#include "bus/hub.h"
#include "bus/kernel_module.h"
#include "bus/monitor.h"
#include "bus/readings.h"
#include "bus/server.h"
#include "bus/socket_units.h"
#include "manager.h"
#include "model/netns.h"
#include "model/value.h"

/* STATUS= is for people: often enough for them. */
#define STATUS_EVERY_USEC (10 * 1000000ull)

#define DESCRIPTORS_MAX 65536u

static void on_stream_closed(struct stream_owner *o, struct stream *s)
{
	struct manager *m = (struct manager *)((char *)o - offsetof(struct manager, stream_owner));

	for (unsigned i = 0; i < m->n_streams; i++) {
		if (m->streams[i] == s) {
			m->streams[i] = m->streams[--m->n_streams];
			break;
		}
	}
	manager_maybe_exit(m);
}

static void on_stepped(struct refresh_listener *l)
{
	struct manager *m = (struct manager *)((char *)l - offsetof(struct manager, refresh_listener));

	hub_drain(m->hub);
}

static void on_netns(void *ctx, const struct netns *ns, bool added)
{
	struct manager *m = ctx;
	char name[NETNS_NAME_MAX * 4] = "";

	if (ns->name)
		text_escape(name, sizeof(name), ns->name, strlen(ns->name));
	log_line(LOG_DEBUG, "network namespace %" PRIu64 "%s%s is %s", ns->ino, *name ? " " : "", name,
		 added ? "tracked" : "let go of");
	announce_netns(m, ns->ino, added);
}

static void on_passed(struct refresh_listener *l)
{
	struct manager *m = (struct manager *)((char *)l - offsetof(struct manager, refresh_listener));
	const struct tracker_status *status = tracker_status(manager_tracker(m));

	kernel_module_look(m);
	if (status->end_boottime_usec < m->next_status_usec)
		return;
	m->next_status_usec = status->end_boottime_usec + STATUS_EVERY_USEC;
	sd_notifyf(0, "STATUS=%" PRIu64 " sockets, %u streams; the last pass took %" PRIu64 " ms of CPU",
		   status->n_sockets, m->n_streams, status->cpu_usec / 1000);
}

/* What holds at once; all else is looked at when it is used. */
static void apply_config(struct manager *m)
{
	int level = (int)m->config.log_level;

	/* A child of sockctl speaks on the terminal of somebody who asked something else. */
	if (m->stdio && level > LOG_WARNING)
		level = LOG_WARNING;
	log_set_level(m->verbose ? LOG_DEBUG : level);
	if (m->refresh)
		refresh_config_changed(m->refresh);
}

int manager_reload(struct manager *m, char ret_error[static CONFIG_ERROR_MAX])
{
	struct config config;
	int r;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, feed_clock_usec());
	r = config_load(&config, m->config_path, ret_error);
	if (r == -EINVAL) {
		log_event(LOG_ID_CONFIG_BAD, LOG_ERR, "%s; the old values stay", ret_error);
	} else if (r < 0) {
		log_line(LOG_ERR, "the configuration cannot be read: %s; the old values stay", strerror(-r));
	} else {
		m->config = config;
		apply_config(m);
		log_event(LOG_ID_CONFIG_READ, LOG_INFO, "configuration read again");
	}
	sd_notify(0, "READY=1");
	return r;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	char error[CONFIG_ERROR_MAX];

	(void)source;
	(void)si;
	manager_reload(userdata, error);
	return 0;
}

static int add_signals(struct manager *m)
{
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	/* Whoever reads our stderr may go away; that is no reason to die. */
	signal(SIGPIPE, SIG_IGN);
	/* A signal ends the loop with its default callback. */
	r = sd_event_add_signal(m->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(m->event, NULL, SIGHUP, on_hangup, m);
	return r;
}

/* A service that is down helps less than one with its defaults; but who names a file means it. */
static int first_config(struct manager *m)
{
	char error[CONFIG_ERROR_MAX];
	int r = config_load(&m->config, m->config_path, error);

	if (r == -EINVAL)
		log_event(LOG_ID_CONFIG_BAD, LOG_ERR, "%s%s", error, m->config_path ? "" : "; the defaults hold");
	if (r == -EINVAL && m->config_path)
		return -EBADMSG;
	if (r == -EINVAL) {
		config_defaults(&m->config);
		r = 0;
	}
	if (r >= 0)
		apply_config(m);
	return r;
}

/* Each network namespace takes some (track/namespaces.h); the soft limit is low for the sake of select(2), which nobody here uses. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int manager_new(struct manager **ret, const struct manager_options *options)
{
	CLEANUP(manager_free) struct manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->config_path = options->config_path;
	m->stdio = options->stdio;
	m->verbose = options->verbose;
	m->begin_boottime_usec = tracker_boottime_usec();
	m->bus_log.message_id = LOG_ID_BUS_GONE;
	m->destroy_log.message_id = LOG_ID_DESTROY;
	m->stream_owner.closed = on_stream_closed;
	m->refresh_listener = (struct refresh_listener){ .stepped = on_stepped, .passed = on_passed };
	allow_descriptors();
	r = first_config(m);
	if (r < 0)
		return r;
	r = kernel_module_new(&m->kernel_module);
	if (r >= 0)
		r = socket_units_new(&m->socket_units, m);
	if (r < 0)
		return r;
	r = sd_event_new(&m->event);
	if (r < 0)
		return r;
	r = add_signals(m);
	if (r < 0)
		return r;
	r = sd_event_set_watchdog(m->event, 1);
	if (r >= 0)
		r = calls_new(&m->calls);
	if (r >= 0)
		r = readings_new(&m->readings, m);
	if (r >= 0 && !options->stdio)
		r = manager_start_tracking(m);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(m);
	return 0;
}

struct manager *manager_free(struct manager *m)
{
	if (!m)
		return NULL;
	/* Those who listen before those they listen to. */
	while (m->n_streams > 0)
		stream_free(m->streams[--m->n_streams]);
	free(m->streams);
	server_close(m);
	calls_free(m->calls);
	hub_free(m->hub);
	kernel_module_free(m->kernel_module);
	socket_units_free(m->socket_units);
	readings_free(m->readings);
	refresh_free(m->refresh);
	sd_event_unref(m->event);
	free(m);
	return NULL;
}

int manager_start_tracking(struct manager *m)
{
	CLEANUP(refresh_free) struct refresh *refresh = NULL;
	int r;

	if (m->refresh)
		return 0;
	r = refresh_new(&refresh, m->event, &m->config, &m->refresh_listener);
	if (r < 0)
		return r;
	r = hub_new(&m->hub, refresh_tracker(refresh));
	if (r < 0)
		return r;
	tracker_on_netns(refresh_tracker(refresh), on_netns, m);
	m->refresh = STEAL_PTR(refresh);
	return 0;
}

struct tracker *manager_tracker(struct manager *m)
{
	return m->refresh ? refresh_tracker(m->refresh) : NULL;
}

unsigned manager_share(uint64_t max)
{
	return (unsigned)(max - max / 4);
}

static int make_place(struct manager *m)
{
	unsigned n = m->n_streams_allocated ? m->n_streams_allocated * 2 : 16;
	struct stream **streams;

	if (m->n_streams < m->n_streams_allocated)
		return 0;
	streams = reallocarray(m->streams, n, sizeof(*streams));
	if (!streams)
		return -ENOMEM;
	m->streams = streams;
	m->n_streams_allocated = n;
	return 0;
}

int manager_open_stream(struct manager *m, struct stream_request *req, int *ret_fd)
{
	unsigned n_user = 0, n_others = 0;
	int r;

	for (unsigned i = 0; i < m->n_streams; i++) {
		n_user += stream_uid(m->streams[i]) == req->caller.uid;
		n_others += stream_uid(m->streams[i]) != 0;
	}
	if (m->n_streams >= m->config.streams_max)
		return -EUSERS;
	if (req->caller.uid != 0 && n_user >= m->config.streams_user_max)
		return -EDQUOT;
	if (req->caller.uid != 0 && n_others >= manager_share(m->config.streams_max))
		return -EUSERS;
	r = make_place(m);
	if (r < 0)
		return r;
	r = stream_new(&m->streams[m->n_streams], ret_fd, &m->stream_owner, req);
	if (r < 0)
		return r;
	m->n_streams++;
	return 0;
}

void manager_maybe_exit(struct manager *m)
{
	if (m->stdio && !m->connections && m->n_streams == 0 && monitors_count(m) == 0)
		sd_event_exit(m->event, 0);
}
