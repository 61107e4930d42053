/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs all unit suites, or those named on the command line */

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "unit/suites.h"

static const struct {
	const char *name;
	void (*add)(void);
} suites[] = {
#define SUITE_ROW(name) { #name, suite_##name },
	SUITES(SUITE_ROW)
};

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	unsigned failed, n_added = 0;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		if (wanted(suites[i].name, argc, argv)) {
			suites[i].add();
			n_added++;
		}
	}
	if (n_added == 0 || CU_get_error() != CUE_SUCCESS) {
		fprintf(stderr, "no such suite, or it cannot be registered\n");
		return 1;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
