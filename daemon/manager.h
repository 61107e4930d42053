/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's state: what it remembers, who is connected, and the answers that are on their way */

#ifndef SOCKETD_MANAGER_H
#define SOCKETD_MANAGER_H

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus/stream.h"
#include "config.h"
#include "log.h"
#include "model/cleanup.h"
#include "quota.h"
#include "refresh.h"

struct announcer;
struct connection;
struct readings;
struct calls;
struct hub;
struct kernel_module;
struct socket_units;
struct monitor;

/* How the daemon was started. */
struct manager_options {
	const char *config_path; /* --config=; NULL for the system's places */
	bool stdio, verbose;
};

struct manager {
	sd_event *event;
	struct config config;
	const char *config_path;  /* --config=; NULL for the system's places */
	bool stdio, verbose;
	uint64_t begin_boottime_usec;

	/* What is remembered. NULL with --stdio until somebody monitors: such a daemon lives for one call. */
	struct refresh *refresh;
	struct refresh_listener refresh_listener;
	struct hub *hub; /* events on their way to listeners */
	uint64_t next_status_usec;
	struct kernel_module *kernel_module; /* as it was when it was looked at last (bus/kernel_module.h) */
	struct socket_units *socket_units;   /* of systemd (bus/socket_units.h) */

	/* Who is connected. */
	sd_event_source *private_listener, *listen_timer, *retry_timer;
	struct announcer *announcers;   /* of their properties */
	struct connection *connections; /* the bus, private peers, the parent of --stdio */
	unsigned n_private;
	char *private_path;             /* to unlink at the end */
	const char *bus_address;        /* of arg: "system", "session", an address; NULL for none */
	unsigned retry_delay_sec;
	struct log_limit accept_log, connections_log, flood_log, name_log, bus_log, destroy_log;

	/* What is on its way. */
	struct stream_owner stream_owner;
	struct stream **streams;
	unsigned n_streams, n_streams_allocated;
	struct readings *readings; /* kept, and shared by callers (bus/readings.h) */
	struct calls *calls;       /* that wait for their caller's uid, or for a reading (bus/call.h) */
};

/*
 * The event loop with SIGTERM, SIGINT and SIGHUP, and the parts; nothing is
 * listened to yet. A mistake in the configuration is logged; -EBADMSG when it is
 * in a file that was named, else the defaults hold.
 */
int manager_new(struct manager **ret, const struct manager_options *options);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP_PTR(struct manager, manager_free)

/* Starts to remember, when it is not done already. */
int manager_start_tracking(struct manager *m);

/* What is remembered, or NULL. */
struct tracker *manager_tracker(struct manager *m);

/*
 * Opens a stream for a caller. 0 and *ret_fd; -EUSERS all places are taken,
 * -EDQUOT all of this user's; else as stream_new.
 */
int manager_open_stream(struct manager *m, struct stream_request *req, int *ret_fd);

/* Of so many places, those that users who are not root may take together: root finds one when it is needed. */
unsigned manager_share(uint64_t max);

/*
 * Reads the configuration again, lets it hold, and logs so. With a mistake
 * nothing changes: -EINVAL, and ret_error says what and where.
 */
int manager_reload(struct manager *m, char ret_error[static CONFIG_ERROR_MAX]);

/* A daemon that serves one parent ends when that is gone and nothing is on its way. */
void manager_maybe_exit(struct manager *m);

#endif
