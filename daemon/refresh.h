/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When to poll: passes and owner scans on the event loop, within the CPU quota */

#ifndef SOCKETD_REFRESH_H
#define SOCKETD_REFRESH_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "model/cleanup.h"
#include "track/tracker.h"

struct refresh;

/* Told after steps that may have made events, and after each pass. */
struct refresh_listener {
	void (*stepped)(struct refresh_listener *l);
	void (*passed)(struct refresh_listener *l);
};

/* The first pass begins with the loop. The config is borrowed: what changes in it holds from the next pass. */
int refresh_new(struct refresh **ret, sd_event *event, const struct config *config, struct refresh_listener *listener);
struct refresh *refresh_free(struct refresh *r);
DEFINE_CLEANUP_PTR(struct refresh, refresh_free)

struct tracker *refresh_tracker(struct refresh *r);

/*
 * A pass that somebody asks for may cost so many times the quota; the CPU it
 * takes is made up for by longer intervals afterwards.
 */
#define REFRESH_ASKED_FACTOR 10

/*
 * A pass as soon as may be: the one under way does not count, and IntervalMinSec
 * holds. *ret_generation is what tracker_status()->generation will be when it is
 * done. Called at most once between two passes: a second caller shares the pass.
 */
int refresh_now(struct refresh *r, uint64_t *ret_generation);

/* From the beginning of the last pass to that of the next: what PollIntervalUSec says. */
uint64_t refresh_interval_usec(const struct refresh *r);

/*
 * When the next pass begins after the last: cost µs of CPU are paid off at quota
 * thousandths of a core, within the bounds of the interval.
 */
uint64_t refresh_interval_of(const struct config *config, uint64_t cost_usec);

/* The configuration was read again. */
void refresh_config_changed(struct refresh *r);

#endif
