/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON of rows, events and readings, read back */

#include <json-c/json.h>

#include "query/json.h"
#include "snapshot/writer.h"
#include "unit/build_message.h"
#include "unit/suites.h"

/* As others read it. */
static struct json_object *read_back(struct json_object *o)
{
	struct json_object *again = json_tokener_parse(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));

	json_object_put(o);
	CU_ASSERT_PTR_NOT_NULL_FATAL(again);
	return again;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN) : "absent";
}

#define EXPECT(o, key, want) CU_ASSERT_STRING_EQUAL(text_of(o, key), want)

static struct json_object *tracked_row(const struct socketd_track *t)
{
	struct json_object *o = NULL;
	struct record r;
	struct message m;
	struct built b;

	built_inet(&b, SOURCE_tcp4, 1);
	m = (struct message){ .data = b.data, .len = (uint32_t)b.len, .source = SOURCE_tcp4, .track = t };
	CU_ASSERT_EQUAL_FATAL(record_open(&r, &m, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(json_record(&r, NULL, 0, &o), 0);
	return o;
}

static void test_track(void)
{
	struct socketd_track t = { .age = 90000000, .state_age = 5, .tx_rate = 1000, .tx_segs_rate = 12300, .rx_segs_rate = 1001,
				   .retrans_rate = 4000, .flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES | SOCKETD_TRACK_AGE_AT_LEAST };
	CLEANUP_JSON struct json_object *o = read_back(tracked_row(&t)), *without = NULL;
	struct json_object *v;

	EXPECT(o, "age", "90000000");
	EXPECT(o, "age_at_least", "true");
	EXPECT(o, "state_age", "5");
	EXPECT(o, "state_age_at_least", "false");
	EXPECT(o, "tx_rate", "1000");
	EXPECT(o, "rx_rate", "0");
	EXPECT(o, "tx_segs_rate", "12.3");
	EXPECT(o, "rx_segs_rate", "1.001");
	EXPECT(o, "retrans_rate", "4");
	CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(o, "tx_segs_rate", &v));
	CU_ASSERT_EQUAL(json_object_get_double(v), 12.3);
	without = read_back(tracked_row(NULL));
	EXPECT(without, "age", "absent");
	EXPECT(without, "retrans_rate", "absent");
	EXPECT(without, "state", "\"ESTAB\"");
}

static struct json_object *event(const struct event_info *e, struct json_object *socket)
{
	struct json_object *o = NULL;

	CU_ASSERT_EQUAL_FATAL(json_event(e, socket, &o), 0);
	return read_back(o);
}

static void test_events(void)
{
	const struct event_info changed = { .kind = SOCKETD_EVENT_CHANGED, .realtime_usec = 1700000000000001, .generation = 7,
					    .old_state = 1 };
	const struct event_info overflow = { .kind = SOCKETD_EVENT_OVERFLOW, .realtime_usec = 5, .n_lost = 12 };
	const struct event_info silent = { .kind = SOCKETD_EVENT_OVERFLOW };
	const struct event_info unknown = { .kind = 99, .old_state = 77 };
	CLEANUP_JSON struct json_object *o = event(&changed, tracked_row(NULL)), *lost = event(&overflow, NULL),
					*zero = event(&silent, NULL), *newer = event(&unknown, NULL);
	struct json_object *socket;

	EXPECT(o, "event", "\"changed\"");
	EXPECT(o, "time", "1700000000000001");
	EXPECT(o, "generation", "7");
	EXPECT(o, "old_state", "\"ESTAB\"");
	EXPECT(o, "lost", "absent");
	CU_ASSERT_TRUE_FATAL(json_object_object_get_ex(o, "socket", &socket));
	EXPECT(socket, "local_port", "443");
	EXPECT(lost, "event", "\"overflow\"");
	EXPECT(lost, "lost", "12");
	EXPECT(lost, "socket", "absent");
	EXPECT(lost, "old_state", "absent");
	EXPECT(lost, "generation", "absent");
	EXPECT(zero, "lost", "0");
	EXPECT(newer, "event", "\"99\"");
	EXPECT(newer, "old_state", "\"77\"");
}

static void test_table_age(void)
{
	CLEANUP(context_free) struct context *c = NULL;
	CLEANUP_JSON struct json_object *before = NULL, *after = NULL;
	struct attr_block b;
	struct block block;

	CU_ASSERT_EQUAL_FATAL(context_new(&c), 0);
	CU_ASSERT_EQUAL_FATAL(json_reading(c, NULL, &before), 0);
	EXPECT(before, "table_age", "absent");
	attr_block_begin(&b, SOCKETD_BLOCK_HOST);
	attr_block_u64(&b, SOCKETD_HOST_TABLE_AGE, 1500000);
	block = (struct block){ b.type, (uint32_t)b.length, b.data };
	CU_ASSERT_EQUAL_FATAL(context_apply(c, &block), 0);
	CU_ASSERT_EQUAL(context_host(c)->table_age_usec, 1500000);
	CU_ASSERT_EQUAL_FATAL(json_reading(c, NULL, &after), 0);
	EXPECT(after, "table_age", "1500000");
}

void suite_query_json(void)
{
	CU_pSuite s = CU_add_suite("query: JSON", NULL, NULL);

	CU_add_test(s, "ages and rates", test_track);
	CU_add_test(s, "events", test_events);
	CU_add_test(s, "the age of the table", test_table_age);
}
