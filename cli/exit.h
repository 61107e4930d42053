/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sockctl's exit status says; sockctl(1) has the same list */

#ifndef SOCKETD_CLI_EXIT_H
#define SOCKETD_CLI_EXIT_H

enum exit_code {
	EXIT_OK = 0,          /* also for a list without rows */
	EXIT_NOT_FOUND = 1,   /* TARGETs were named and none is there; --exists or -q matched nothing */
	EXIT_USAGE = 2,       /* options, filter, a file that is no recording */
	EXIT_UNREACHABLE = 3, /* no daemon answers, or the module that a field needs is not there */
	EXIT_DENIED = 4,      /* not allowed, or the filter needs what is told to CAP_NET_ADMIN only */
	EXIT_PARTIAL = 5,     /* rows are missing or could not be written; the rest was printed */
	EXIT_INTERRUPTED = 130,
};

#endif
