/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitors: callers who are told of events over a stream (OpenMonitor) */

#ifndef SOCKETD_BUS_MONITOR_H
#define SOCKETD_BUS_MONITOR_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "bus/filter.h"
#include "bus/stream.h"
#include "manager.h"

/* OpenMonitor(a{sv} filter, a{sv} options) -> h; a handler for the vtable, userdata is the manager. */
int method_open_monitor(sd_bus_message *m, void *userdata, sd_bus_error *error);

/*
 * How many are open. They are listeners of the hub: hub_free() ends them all,
 * and must come before readings_free().
 */
unsigned monitors_count(const struct manager *m);
unsigned monitors_count_user(const struct manager *m, uint32_t uid);

struct monitor_request {
	struct filter filter;  /* taken over in any case, with the fields */
	enum field_id *fields; /* NULL: all */
	size_t n_fields;
	enum stream_format format;
	struct caller caller;
	bool initial;          /* what is there now comes first, then SYNCED */
};

/*
 * Opens one. *ret_fd is the reader's end, the caller's to close. It ends by
 * itself: when the reader hangs up, or takes nothing for StreamStallSec though
 * its queue is full. -ENOMEM, -EMFILE, errors of starting to track and of
 * readings_get.
 */
int monitor_open(struct manager *m, struct monitor_request *req, int *ret_fd);

#endif
