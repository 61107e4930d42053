/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker's memory of owners, for the scans of readings: they are spared by it, and feed it */

#ifndef SOCKETD_BUS_OWNER_MEMORY_H
#define SOCKETD_BUS_OWNER_MEMORY_H

#include "source/acquire.h"
#include "track/tracker.h"

/* For acquire_new() of a reading for root; the tracker outlives it. */
void owner_memory_init(struct acquire_owners *ret, struct tracker *t);

#endif
