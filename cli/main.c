/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl: asks for the sockets of a host */

#include <locale.h>
#include <signal.h>

#include "cli/options.h"
#include "cli/verbs.h"

int main(int argc, char **argv)
{
	const struct verb *verb;
	struct arguments arg;
	int r;

	/* For the widths of characters; numbers and messages stay as they are. */
	setlocale(LC_CTYPE, "");
	/* A reader that goes away is an error of write(), for output_finish to judge. */
	signal(SIGPIPE, SIG_IGN);

	r = options_parse(&arg, &verb, argc, argv);
	return r >= 0 ? r : verb->run(&arg);
}
