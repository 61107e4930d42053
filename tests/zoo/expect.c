/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expectations: one field's value each, as sockctl --json spells it */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zoo.h"

void expect_json(struct entry *e, const char *field, json_object *value)
{
	json_object_object_add(e->expect, field, value);
}

void expect_str(struct entry *e, const char *field, const char *value)
{
	expect_json(e, field, json_object_new_string(value));
}

void expect_u64(struct entry *e, const char *field, uint64_t value)
{
	expect_json(e, field, json_object_new_uint64(value));
}

void expect_s64(struct entry *e, const char *field, int64_t value)
{
	expect_json(e, field, json_object_new_int64(value));
}

void expect_bool(struct entry *e, const char *field, bool value)
{
	expect_json(e, field, json_object_new_boolean(value));
}

void expect_hex(struct entry *e, const char *field, uint64_t value)
{
	char text[17];

	snprintf(text, sizeof(text), "%llx", (unsigned long long)value);
	expect_str(e, field, text);
}

static void expect_op(struct entry *e, const char *field, const char *op, json_object *operand)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, op, operand);
	expect_json(e, field, o);
}

void expect_absent(struct entry *e, const char *field)
{
	expect_op(e, field, "absent", json_object_new_boolean(true));
}

void expect_min(struct entry *e, const char *field, uint64_t value)
{
	expect_op(e, field, "min", json_object_new_uint64(value));
}

void expect_words(struct entry *e, const char *field, const char *op, ...)
{
	json_object *list = json_object_new_array();
	const char *word;
	va_list ap;

	va_start(ap, op);
	while ((word = va_arg(ap, const char *)))
		json_object_array_add(list, json_object_new_string(word));
	va_end(ap);
	if (op)
		expect_op(e, field, op, list);
	else
		expect_json(e, field, list);
}

void expect_shutdown(struct entry *e, unsigned how)
{
	json_object *list = json_object_new_array();

	/* RCV_SHUTDOWN 1, SEND_SHUTDOWN 2 (include/net/sock.h) */
	if (how & 1)
		json_object_array_add(list, json_object_new_string("RCV_SHUTDOWN"));
	if (how & 2)
		json_object_array_add(list, json_object_new_string("SEND_SHUTDOWN"));
	expect_json(e, "sk_shutdown", list);
	expect_u64(e, "sk_shutdown_raw", how);
}

void expect_sockaddr(struct entry *e, const char *address, const char *port, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in = (const void *)ss;
	char text[INET6_ADDRSTRLEN];

	if (ss->ss_family == AF_INET) {
		expect_str(e, address, inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)));
		expect_u64(e, port, ntohs(in->sin_port));
	} else if (ss->ss_family == AF_INET6) {
		expect_str(e, address, inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)));
		expect_u64(e, port, ntohs(in6->sin6_port));
	}
}

/* Length of the valid UTF-8 character at p, 0 when there is none. Enough for the names of the zoo. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t len = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe1 && *p < 0xed ? 3 : 0;

	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

void expect_unix_name(struct entry *e, const char *field, const char *name, size_t len)
{
	char text[512], *out = text;
	size_t i = 0;

	if (len > 0 && name[0] == 0) {
		*out++ = '@';
		i = 1;
	}
	while (i < len) {
		const unsigned char *p = (const unsigned char *)name + i;
		size_t n = utf8_length(p, len - i);
		bool control = *p < 0x20 || *p == 0x7f || (n == 2 && *p == 0xc2 && p[1] < 0xa0);

		if (*p == '\\') {
			*out++ = '\\';
			*out++ = '\\';
			n = 1;
		} else if (n == 0 || control) {
			n = n ? n : 1;
			for (size_t k = 0; k < n; k++)
				out += snprintf(out, 5, "\\x%02x", p[k]);
		} else {
			memcpy(out, p, n);
			out += n;
		}
		i += n;
	}
	*out = 0;
	expect_str(e, field, text);
}
