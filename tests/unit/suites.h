/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The suites of the unit tests: one a file, test_X.c registers suite_X */

#ifndef SOCKETD_TESTS_SUITES_H
#define SOCKETD_TESTS_SUITES_H

#define SUITES(SUITE)    \
	SUITE(address)   \
	SUITE(arena)     \
	SUITE(context)   \
	SUITE(field)     \
	SUITE(reader)    \
	SUITE(value)     \
	SUITE(words)

#define DECLARE_SUITE(name) void suite_##name(void);
SUITES(DECLARE_SUITE)
#undef DECLARE_SUITE

#endif
