/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's state: connections, and the answers that are on their way */

#ifndef SOCKETD_MANAGER_H
#define SOCKETD_MANAGER_H

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus/stream.h"
#include "quota.h"
#include "model/cleanup.h"

struct connection;

struct manager {
	sd_event *event;
	sd_event_source *private_listener, *listen_timer, *retry_timer;
	struct connection *connections; /* the bus, private peers, the parent of --stdio */
	unsigned n_private;
	char *private_path;             /* to unlink at the end */
	const char *bus_address;        /* of arg: "system", "session", an address; NULL for none */
	unsigned retry_delay_sec;
	bool stdio;
	struct stream_owner stream_owner;
	struct stream *streams[LIMIT_STREAMS];
	unsigned n_streams;
};

/* The event loop with SIGTERM and SIGINT; nothing is listened to yet. */
int manager_new(struct manager **ret);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP_PTR(struct manager, manager_free)

/*
 * Opens a stream for a caller. 0 and *ret_fd; -EUSERS all places are taken,
 * -EDQUOT all of this user's; else as stream_new.
 */
int manager_open_stream(struct manager *m, struct stream_request *req, int *ret_fd);

/* A daemon that serves one parent ends when that is gone and nothing is on its way. */
void manager_maybe_exit(struct manager *m);

#endif
