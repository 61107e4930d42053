/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line on stderr: what failed, on what, why, and what to do */

#ifndef SOCKETD_CLI_MESSAGE_H
#define SOCKETD_CLI_MESSAGE_H

#include <stddef.h>

/* "sockctl: …" and a line end. Text that others wrote goes through message_safe first. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text as a terminal may have it; one of four static buffers, for the arguments of one message. */
const char *message_safe(const char *text);
const char *message_safe_n(const char *text, size_t len);

/*
 * A remark that is not the answer, such as "no daemon, reading directly": it
 * goes to stderr without changing the exit status.
 */
void message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory is short: says so and exits. */
void message_no_memory(void) __attribute__((noreturn));

/* Shows where in a text a mistake is: the text, and carets under length bytes from column. */
void message_point(const char *text, size_t len, size_t column, size_t length);

#endif
