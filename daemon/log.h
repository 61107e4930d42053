/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon says: to the journal where it listens, else to stderr */

#ifndef SOCKETD_LOG_H
#define SOCKETD_LOG_H

#include <syslog.h>

/*
 * Chooses the target once: sd_journal_send() returns 0 also where no journald
 * listens, and the message is lost. max_level is LOG_ERR .. LOG_DEBUG.
 */
void log_open(int max_level);

/* One line at a level of syslog(3). Without a newline at its end. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
