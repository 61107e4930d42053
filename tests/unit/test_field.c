/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The catalogue: complete rows, names that find their field, aliases that stand for one */

#include <CUnit/CUnit.h>
#include <ctype.h>
#include <string.h>

#include "model/field.h"
#include "model/words.h"
#include "unit/suites.h"

static void test_rows_are_complete(void)
{
	unsigned n = 0;

	for (unsigned id = 1; id < FIELD_COUNT; id++) {
		const struct field *f = field_get(id);

		if (!f)
			continue;
		n++;
		CU_ASSERT_EQUAL(f->id, id);
		CU_ASSERT(strlen(f->doc) > 3);
		CU_ASSERT(isupper((unsigned char)f->doc[0]) || isdigit((unsigned char)f->doc[0]));
		CU_ASSERT_NOT_EQUAL(f->doc[strlen(f->doc) - 1], '.');
		CU_ASSERT(strlen(f->source) > 0);
		CU_ASSERT(f->group < GROUP_COUNT);
		CU_ASSERT_PTR_NOT_NULL(field_group_name(f->group));
		CU_ASSERT_PTR_NOT_NULL(field_group_title(f->group));
		CU_ASSERT_PTR_NOT_NULL(field_wire_name(f->wire));
		CU_ASSERT_EQUAL(f->unit->scale, strcmp(f->unit->name, "per_second") ? 1 : 1000);
		if (f->unit->kind != UNIT_NUMBER)
			CU_ASSERT(f->unit->words->n_rows > 0);
		/* A name finds its own row, so no two rows share one, and no alias hides a name. */
		CU_ASSERT_PTR_EQUAL(field_find(f->name, strlen(f->name)), f);
		CU_ASSERT(strlen(f->name) < 48);
	}
	CU_ASSERT(n > 400);
	CU_ASSERT_PTR_NULL(field_get(F_none));
	CU_ASSERT_PTR_NULL(field_get(FIELD_COUNT));
}

static void test_find(void)
{
	CU_ASSERT_EQUAL(field_find("rtt", 3)->id, F_tcpi_rtt);
	CU_ASSERT_EQUAL(field_find("SPORT", 5)->id, F_local_port);
	CU_ASSERT_EQUAL(field_find("tcpi_rttvar", 8)->id, F_tcpi_rtt);
	CU_ASSERT_PTR_NULL(field_find("", 0));
	CU_ASSERT_PTR_NULL(field_find("no_such_field", 13));
	CU_ASSERT_STRING_EQUAL(field_alias(F_cookie), "sk");
	CU_ASSERT_PTR_NULL(field_alias(F_sk_rcu));
}

static void test_suggest(void)
{
	CU_ASSERT_STRING_EQUAL(field_suggest("tcpi_rttt", 9), "tcpi_rtt");
	CU_ASSERT_STRING_EQUAL(field_suggest("inoed", 5), "inode");
	CU_ASSERT_STRING_EQUAL(field_suggest("rcvbuff", 7), "rcvbuf");
	CU_ASSERT_PTR_NULL(field_suggest("qqqqqqqqqqqq", 12));
	CU_ASSERT_PTR_NULL(field_suggest("", 0));
}

void suite_field(void)
{
	CU_pSuite s = CU_add_suite("field", NULL, NULL);

	CU_add_test(s, "every row of the catalogue is complete", test_rows_are_complete);
	CU_add_test(s, "names and aliases find their field", test_find);
	CU_add_test(s, "a misspelt name is answered with the likeliest", test_suggest);
}
