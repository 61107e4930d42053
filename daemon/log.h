/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon says: to the journal where it listens, else to stderr */

#ifndef SOCKETD_LOG_H
#define SOCKETD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/*
 * Chooses the target once: sd_journal_send() returns 0 also where no journald
 * listens, and the message is lost. max_level is LOG_ERR .. LOG_DEBUG.
 */
void log_open(int max_level);

void log_set_level(int max_level);
int log_level(void);
/* "err" .. "debug", as in socketd.conf and LogControl1; more of syslog's words are known. -EINVAL for others. */
int log_level_from_name(const char *name, int *ret);
const char *log_level_name(int level);

/* "auto", "journal" or "console". -EINVAL for others, -ENOENT when no journal listens. */
int log_set_target(const char *name);
const char *log_target(void); /* where lines go now: "journal" or "console" */

/* One line at a level of syslog(3). Without a newline at its end. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Messages that an administrator searches for: journalctl MESSAGE_ID=... */
#define LOG_ID_CONFIG_READ "36d590e6767a406eb598271ed3d281e3" /* the configuration was read again */
#define LOG_ID_CONFIG_BAD "1bdd78d398cc4962ad13e1b05b3941e3"  /* it has a mistake, the old values stay */
#define LOG_ID_BUS_GONE "a536585b725b4956a73e872bc8df8b62"    /* the bus went away */
#define LOG_ID_DESTROY "ce8090792c7a484fa2702a271f919d69"     /* somebody had a socket destroyed, or wanted to */

/* The same with a MESSAGE_ID, which stderr does not show. */
void log_event(const char *message_id, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with more fields for the journal, each "NAME=value"; an audit, which is written whatever the level. */
void log_fields(const char *message_id, int level, const char *const *fields, size_t n, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A line that a fault would repeat for as long as it lasts. Zeroed at first, or with a MESSAGE_ID. */
struct log_limit {
	const char *message_id;
	uint64_t next_usec;
	unsigned n_left_out;
};
#define LOG_LIMIT_USEC (60 * 1000000ull)

/* At most one line a minute of each limit; it says how many were left out. */
void log_limited(struct log_limit *l, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
