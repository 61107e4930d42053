/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cli/flow_text.c, flow_dot.c, flow_json.c: the three forms of a flow */

#include <CUnit/CUnit.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/flow_draw.h"
#include "model/cleanup.h"
#include "unit/flow_rig.h"
#include "unit/suites.h"

static void test_json(void)
{
	struct json_object *o = NULL, *paths, *steps, *step, *v;
	struct flow flow;
	struct fake f;

	fake_tcp(&f);
	fake_text(&f, F_ops_sendmsg, "odd\"\x1b[31m\n");
	fake_flow(&flow, &f);
	CU_ASSERT_EQUAL_FATAL(flow_json(&flow, json_object_new_object(), &o), 0);
	CU_ASSERT_FATAL(json_object_object_get_ex(o, "paths", &paths));
	CU_ASSERT_EQUAL(json_object_array_length(paths), 2);
	json_object_object_get_ex(json_object_array_get_idx(paths, 0), "steps", &steps);
	step = json_object_array_get_idx(steps, 0);
	json_object_object_get_ex(step, "from", &v);
	CU_ASSERT_STRING_EQUAL(json_object_get_string(v), "source");
	CU_ASSERT_FALSE(json_object_object_get_ex(step, "field", NULL));
	step = json_object_array_get_idx(steps, 2);
	json_object_object_get_ex(step, "name", &v);
	CU_ASSERT_STRING_EQUAL(json_object_get_string(v), "odd\"\\x1b[31m\\x0a");
	json_object_object_get_ex(step, "from", &v);
	CU_ASSERT_STRING_EQUAL(json_object_get_string(v), "table");
	json_object_object_get_ex(step, "field", &v);
	CU_ASSERT_STRING_EQUAL(json_object_get_string(v), "ops_sendmsg");
	step = json_object_array_get_idx(steps, 4);
	json_object_object_get_ex(step, "values", &v);
	CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN),
			       "{\"sk_write_queue\":5,\"sk_wmem_queued\":6400,\"sk_sndbuf\":87040}");
	json_object_put(o);
}

/* Graphviz's own grammar as far as we use it: quotes end, braces match, every node of an edge is there. */
static void test_dot(void)
{
	CLEANUP(buffer_deinit) struct buffer b = { 0 };
	struct flow flow;
	struct fake f;
	int depth = 0;
	bool quoted = false;

	fake_tcp(&f);
	fake_text(&f, F_ops_sendmsg, "odd\"}{\\ \x1b");
	fake_flow(&flow, &f);
	flow_dot_begin(&b);
	flow_dot_write(&b, &flow, "tcp \"title\" →", 0);
	flow_dot_write(&b, &flow, "another", 1);
	flow_dot_end(&b);
	buffer_char(&b, '\0');
	for (const char *p = b.data; *p; p++) {
		CU_ASSERT((unsigned char)*p >= ' ' || *p == '\n' || *p == '\t');
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '{' || *p == '}'))
			depth += *p == '{' ? 1 : -1;
		CU_ASSERT(depth >= 0);
	}
	CU_ASSERT_FALSE(quoted);
	CU_ASSERT_EQUAL(depth, 0);
	for (const char *p = b.data; (p = strstr(p, " -> ")); p++) {
		char id[64], node[80];

		CU_ASSERT_EQUAL_FATAL(sscanf(p + 4, "%63[a-z0-9_]", id), 1);
		snprintf(node, sizeof(node), "\t%s [label=", id);
		CU_ASSERT_PTR_NOT_NULL(strstr(b.data, node));
	}
	/* From the last step of the main way before it, and back to the next. */
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, "f0_send_5 -> f0_send_6 [style=dashed, label=\"until it is acknowledged\"]"));
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, "f0_send_6 -> f0_send_7 [style=dashed]"));
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, "f0_send_5 -> f0_send_7 []"));
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, "f1_receive_1 -> f1_receive_0 [dir=back]"));
}

static char *text_of(const struct flow *f, unsigned columns)
{
	struct output o = { .fd = -1, .undecided = true, .screen_lines = 1000 };

	flow_text_write(&o, f, columns);
	buffer_char(&o.buffer, '\0');
	return o.buffer.data;
}

static void test_text(void)
{
	struct flow flow;
	struct fake f;
	char *narrow, *wide;

	fake_tcp(&f);
	fake_flow(&flow, &f);
	narrow = text_of(&flow, 0);
	wide = text_of(&flow, 300);
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "Send ↓\n  ○ send(2)\n  │ sock_sendmsg\n  ● inet_sendmsg\n  ● tcp_sendmsg\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "▒ sk_write_queue            5 packets, sk_wmem_queued 6400 B, sk_sndbuf 87040 B\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "  ▼ eth0\n"));
	/* Up: the process stands above the device. */
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "Receive ↑\n  ▲ recv(2)\n  │ sock_recvmsg\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "  ○ eth1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "│ ├╴● tcp_v4_do_rcv"));
	CU_ASSERT(strstr(narrow, "Send ↓") < strstr(narrow, "Receive ↑"));
	CU_ASSERT_PTR_NULL(strstr(narrow, "\033["));
	/* Side by side, both ends at one height. */
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(wide, "Send ↓"));
	CU_ASSERT(strchr(strstr(wide, "Send ↓"), '\n') > strstr(wide, "Receive ↑"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(wide, "▼ eth0"));
	CU_ASSERT(strchr(strstr(wide, "▼ eth0"), '\n') > strstr(wide, "○ eth1"));
	free(narrow);
	narrow = text_of(&flow, 50);
	CU_ASSERT_PTR_NOT_NULL(strstr(narrow, "  ▒ sk_write_queue\n  │     5 packets, sk_wmem_queued 6400 B, sk_sndbuf 87040 B\n"));
	/* What has room stays beside. */
	CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(narrow, "  ● ip_output"));
	CU_ASSERT(strchr(strstr(narrow, "  ● ip_output"), '\n') > strstr(narrow, "dst_mtu 1500 B"));
	free(narrow);
	free(wide);
}

void suite_cli_flow_draw(void)
{
	CU_pSuite s = CU_add_suite("cli_flow_draw", NULL, NULL);

	CU_add_test(s, "JSON", test_json);
	CU_add_test(s, "Graphviz", test_dot);
	CU_add_test(s, "text", test_text);
}
