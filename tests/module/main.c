/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the kernel module in ways that should not hurt it: one command a kind of trouble */

#include <stdio.h>
#include <string.h>

#include "ask.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "requests", run_requests },
	{ "fuzz", run_fuzz },
	{ "hold", run_hold },
	{ "churn", run_churn },
	{ "forks", run_forks },
	{ "namespaces", run_namespaces },
	{ "callers", run_callers },
	{ "proc", run_proc },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1) || n_failed;
	fputs("usage: module_test requests|fuzz SEED COUNT|hold|churn SOCKETS DUMPS SECONDS|forks DUMPS|namespaces COUNT|callers|proc [hold]\n", stderr);
	return 2;
}
