/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program that shows a long answer page by page */

#ifndef SOCKETD_CLI_PAGER_H
#define SOCKETD_CLI_PAGER_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the environment asks for none: an empty name, or "cat". */
bool pager_disabled(void);

/*
 * Starts it. What is written to *ret_fd is shown. 0, or a negative errno: then
 * the answer goes out without. ^C belongs to the pager from then on.
 */
int pager_start(int *ret_fd, pid_t *ret_pid);

/* Waits until the user has left it. The descriptor must be closed. */
void pager_wait(pid_t pid);

#endif
