/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the administrator may set: socketd.conf(5) */

#ifndef SOCKETD_CONFIG_H
#define SOCKETD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * KEY(type, name, member, default, min, max, unit): the one list of keys. The
 * parser, `socketd --print-config`, the manual page's check and the tests are
 * made of it. type: time (µs), size (bytes), count, share (thousandths of a core), level, yesno (1, 0).
 */
#define CONFIG_KEYS(KEY) \
	/* Tracking */ \
	KEY(time, IntervalMinSec, interval_min_usec, 1000000ull, 100000ull, 86400000000ull) \
	KEY(time, IntervalMaxSec, interval_max_usec, 300000000ull, 100000ull, 86400000000ull) \
	KEY(time, CountersIntervalSec, counters_interval_usec, 10000000ull, 100000ull, 86400000000ull) \
	KEY(share, CPUQuota, cpu_quota, 20, 1, 1000) \
	KEY(size, TableMemoryMax, table_memory_max, 512ull << 20, 1ull << 20, 1ull << 40) \
	KEY(count, NamespacesMax, namespaces_max, 1024, 0, 4096) \
	/* Limits per caller and in all; root has the whole, other users their share */ \
	KEY(count, StreamsMax, streams_max, 64, 1, 1024) \
	KEY(count, StreamsPerUser, streams_user_max, 4, 1, 1024) \
	KEY(count, MonitorsMax, monitors_max, 64, 1, 1024) \
	KEY(count, MonitorsPerUser, monitors_user_max, 4, 1, 1024) \
	KEY(count, SubscribersMax, subscribers_max, 256, 1, 65536) \
	KEY(count, ConnectionsMax, connections_max, 16, 1, 1024) \
	KEY(count, CallsPerSender, calls_sender_max, 16, 1, 1024) \
	KEY(count, CursorsMax, cursors_max, 64, 1, 1024) \
	KEY(count, ReadingsPerSecond, readings_user_rate, 10, 1, 1000) \
	KEY(size, ReadingMemoryMax, reading_memory_max, 256ull << 20, 8ull << 20, 1ull << 40) \
	KEY(size, MonitorQueueMax, monitor_queue_max, 1ull << 20, 4096, 1ull << 30) \
	KEY(time, StreamStallSec, stream_stall_usec, 30000000ull, 100000ull, 86400000000ull) \
	/* Rights */ \
	KEY(yesno, AllowDestroy, allow_destroy, 1, 0, 1) \
	KEY(level, LogLevel, log_level, 6, 3, 7)

struct config {
#define CONFIG_MEMBER(type, name, member, def, min, max) uint64_t member;
	CONFIG_KEYS(CONFIG_MEMBER)
#undef CONFIG_MEMBER
};

void config_defaults(struct config *ret);

/* What was wrong: "/etc/socketd/socketd.conf:12: CPUQuota=200%: ..."; safe to print. */
#define CONFIG_ERROR_MAX 512

/*
 * Reads the main file and the drop-ins beside it. path NULL: the system's
 * places (CONFIG_FILE, and *.conf of CONFIG_DIRS, sorted by name, where one in
 * /etc hides one of the same name in /run, that one in /usr/lib); else that file
 * and the *.conf of that name with ".d" behind it; then the file must be there.
 * *ret starts from the defaults. -EINVAL with ret_error filled for the first
 * mistake; nothing is written to *ret then. Files that cannot be read are errors, missing ones not.
 */
int config_load(struct config *ret, const char *path, char ret_error[static CONFIG_ERROR_MAX]);

#define CONFIG_FILE "/etc/socketd/socketd.conf"
#define CONFIG_DIRS "/etc/socketd/socketd.conf.d", "/run/socketd/socketd.conf.d", "/usr/lib/socketd/socketd.conf.d"

/* The values in force, one KEY=value a line, as the parser reads them. Calls back for each line. */
void config_print(const struct config *c, void (*line)(void *ctx, const char *text), void *ctx);

#endif
