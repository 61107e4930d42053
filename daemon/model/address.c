/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An address of any family */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/address.h"
#include "model/value.h"

static size_t copy_text(char *buf, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (size == 0)
		return 0;
	if (len >= size)
		len = size - 1;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return len;
}

static size_t format_ip4(const uint8_t *ip, char *buf, size_t size)
{
	char text[16];
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			text[n++] = '.';
		n += text_u64(text + n, ip[i]);
	}
	text[n] = '\0';
	return copy_text(buf, size, text);
}

static size_t format_unix(const struct address *a, char *buf, size_t size)
{
	size_t n = 0;

	if (a->len == 0)
		return copy_text(buf, size, "*");
	if (a->name[0] != '\0') {
		/* A path that begins with @ must not look like an abstract name. */
		if (a->name[0] == '@')
			n = copy_text(buf, size, "./");
		return n + text_escape(buf + n, size - n, a->name, a->len);
	}
	n = copy_text(buf, size, "@");
	return n + text_escape(buf + n, size - n, a->name + 1, a->len - 1);
}

size_t address_format(const struct address *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (size == 0)
		return 0;
	switch (a->kind) {
	case ADDRESS_INET:
		return format_ip4(a->ip, buf, size);
	case ADDRESS_INET6:
		if (!inet_ntop(AF_INET6, a->ip, text, sizeof(text)))
			text[0] = '\0';
		return copy_text(buf, size, text);
	case ADDRESS_UNIX:
		return format_unix(a, buf, size);
	case ADDRESS_WORD:
		return text_escape(buf, size, a->name, a->len);
	case ADDRESS_NUMBER:
		text[text_u64(text, a->number)] = '\0';
		return copy_text(buf, size, text);
	}
	return copy_text(buf, size, "");
}

int address_parse_ip(const char *text, size_t len, struct address *ret)
{
	struct address a = { .kind = ADDRESS_INET };
	char copy[INET6_ADDRSTRLEN];

	if (len == 0 || len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, a.ip) != 1) {
		a.kind = ADDRESS_INET6;
		if (inet_pton(AF_INET6, copy, a.ip) != 1)
			return -EINVAL;
	}
	*ret = a;
	return 0;
}

static size_t ip_length(const struct address *a)
{
	return a->kind == ADDRESS_INET ? 4 : a->kind == ADDRESS_INET6 ? 16 : 0;
}

bool address_is_any(const struct address *a)
{
	static const uint8_t zero[16];

	switch (a->kind) {
	case ADDRESS_INET:
	case ADDRESS_INET6:
		return memcmp(a->ip, zero, ip_length(a)) == 0;
	case ADDRESS_UNIX:
		return a->len == 0;
	case ADDRESS_WORD:
		return a->len == 1 && a->name[0] == '*';
	case ADDRESS_NUMBER:
		return false;
	}
	return false;
}

static bool is_v4_mapped(const uint8_t *ip)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

bool address_in_prefix(const struct address *a, const struct address *prefix, unsigned bits)
{
	const uint8_t *ip = a->ip;
	unsigned bytes = bits / 8, rest = bits % 8;

	if (!ip_length(a) || !ip_length(prefix) || bits > ip_length(prefix) * 8)
		return false;
	if (a->kind != prefix->kind) {
		if (a->kind != ADDRESS_INET6 || !is_v4_mapped(ip))
			return false;
		ip += 12;
	}
	if (memcmp(ip, prefix->ip, bytes) != 0)
		return false;
	return rest == 0 || ((ip[bytes] ^ prefix->ip[bytes]) >> (8 - rest)) == 0;
}

int address_compare(const struct address *a, const struct address *b)
{
	size_t n;
	int r;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	switch (a->kind) {
	case ADDRESS_INET:
	case ADDRESS_INET6:
		return memcmp(a->ip, b->ip, ip_length(a));
	case ADDRESS_UNIX:
	case ADDRESS_WORD:
		n = a->len < b->len ? a->len : b->len;
		r = n ? memcmp(a->name, b->name, n) : 0;
		return r ? r : a->len < b->len ? -1 : a->len > b->len;
	case ADDRESS_NUMBER:
		return a->number < b->number ? -1 : a->number > b->number;
	}
	return 0;
}
