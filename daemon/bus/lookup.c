/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LookupSocket: the one socket of a tuple */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bus/error.h"
#include "bus/feed.h"
#include "bus/lookup.h"
#include "bus/survey.h"
#include "model/address.h"
#include "socketd/dbus.h"

/* Matches are counted so far, to say how many there are. */
#define COUNT_MAX 1000u

struct lookup {
	uint64_t cookie;
	unsigned n_matches;
};

static int lookup_row(void *state, struct record *r)
{
	struct lookup *l = state;
	uint64_t cookie;

	/* What has no cookie (a line of /proc) cannot be told. */
	if (record_cookie(r, &cookie) < 0)
		return 0;
	if (l->n_matches == 0 || cookie != l->cookie)
		l->n_matches++;
	l->cookie = cookie;
	return l->n_matches >= COUNT_MAX;
}

static int lookup_end(void *state, struct survey *s, bool more, sd_bus_error *error)
{
	struct lookup *l = state;
	int r;

	if (l->n_matches != 1 && survey_is_narrowed(s)) {
		l->n_matches = 0;
		return SURVEY_AGAIN;
	}
	if (l->n_matches == 0)
		return bus_error_no_such_socket(error, "with these ends");
	if (l->n_matches > 1)
		return bus_error_invalid_args(error, "%s%u sockets match; name more of the tuple", more ? "at least " : "",
					      l->n_matches);
	r = sd_bus_reply_method_return(survey_message(s), "t", l->cookie);
	return r < 0 ? r : SURVEY_OVER;
}

static const struct survey_ops lookup_ops = {
	.row = lookup_row,
	.end = lookup_end,
	.free = free,
};

enum tuple_key { KEY_PROTOCOL, KEY_LOCAL, KEY_LOCAL_PORT, KEY_REMOTE, KEY_REMOTE_PORT, KEY_NETNS, KEY_COUNT };

static const char *const keys[KEY_COUNT] = {
	[KEY_PROTOCOL] = SOCKETD_TUPLE_PROTOCOL,     [KEY_LOCAL] = SOCKETD_TUPLE_LOCAL,
	[KEY_LOCAL_PORT] = SOCKETD_TUPLE_LOCAL_PORT, [KEY_REMOTE] = SOCKETD_TUPLE_REMOTE,
	[KEY_REMOTE_PORT] = SOCKETD_TUPLE_REMOTE_PORT, [KEY_NETNS] = SOCKETD_TUPLE_NETNS,
};

/* Kinds of the filter language that have such ends. */
static int add_protocol(FILE *f, sd_bus_message *m, sd_bus_error *error)
{
	static const char *const protocols[] = { "tcp", "udp", "udplite", "raw", "icmp", "dccp", "sctp", "mptcp" };
	const char *word;
	int r;

	r = sd_bus_message_read(m, "v", "s", &word);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!strcmp(protocols[i], word)) {
			fputs(word, f);
			return 0;
		}
	}
	return bus_error_invalid_args(error, "there is no protocol \"%.64s\" that has addresses and ports; say tcp, udp, ...", word);
}

static int add_address(FILE *f, sd_bus_message *m, const char *field, sd_bus_error *error)
{
	char text[ADDRESS_TEXT_MAX];
	struct address a = { .kind = ADDRESS_INET };
	const char *type, *word = "";
	const void *bytes;
	size_t len;
	int r;

	r = sd_bus_message_peek_type(m, NULL, &type);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(m, 'v', type);
	if (r < 0)
		return r;
	if (!strcmp(type, "s")) {
		r = sd_bus_message_read_basic(m, 's', &word);
		if (r >= 0 && address_parse_ip(word, strlen(word), &a) < 0)
			return bus_error_invalid_args(error, "\"%.64s\" is no IP address", word);
	} else if (!strcmp(type, "ay")) {
		r = sd_bus_message_read_array(m, 'y', &bytes, &len);
		if (r >= 0 && len != 4 && len != 16)
			return bus_error_invalid_args(error, "an address has 4 or 16 bytes, not %zu", len);
		if (r >= 0) {
			a.kind = len == 4 ? ADDRESS_INET : ADDRESS_INET6;
			memcpy(a.ip, bytes, len);
		}
	} else {
		return -ENXIO;
	}
	if (r < 0)
		return r;
	address_format(&a, text, sizeof(text));
	fprintf(f, "%s = %s", field, text);
	return sd_bus_message_exit_container(m);
}

static int add_port(FILE *f, sd_bus_message *m, const char *field, sd_bus_error *error)
{
	const char *type;
	uint32_t port = 0;
	uint16_t q = 0;
	int r;

	r = sd_bus_message_peek_type(m, NULL, &type);
	if (r < 0)
		return r;
	if (!strcmp(type, "q"))
		r = sd_bus_message_read(m, "v", "q", &q);
	else
		r = sd_bus_message_read(m, "v", "u", &port);
	if (r < 0)
		return r;
	port += q;
	if (port > UINT16_MAX)
		return bus_error_invalid_args(error, "a port is at most 65535, not %" PRIu32, port);
	fprintf(f, "%s = %" PRIu32, field, port);
	return 0;
}

static int add_netns(FILE *f, sd_bus_message *m)
{
	uint64_t netns;
	int r;

	r = sd_bus_message_read(m, "v", "t", &netns);
	if (r < 0)
		return r;
	fprintf(f, "netns:%" PRIu64, netns);
	return 0;
}

static int add_value(FILE *f, enum tuple_key key, sd_bus_message *m, sd_bus_error *error)
{
	switch (key) {
	case KEY_PROTOCOL:
		return add_protocol(f, m, error);
	case KEY_LOCAL:
		return add_address(f, m, "local", error);
	case KEY_LOCAL_PORT:
		return add_port(f, m, "local_port", error);
	case KEY_REMOTE:
		return add_address(f, m, "peer", error);
	case KEY_REMOTE_PORT:
		return add_port(f, m, "peer_port", error);
	case KEY_NETNS:
		return add_netns(f, m);
	case KEY_COUNT:
		break;
	}
	return -EINVAL;
}

/* Both ends: there is one such connection, and the table may be asked for it. Of part of a tuple it may lack the newest. */
#define KEYS_WHOLE (1u << KEY_LOCAL | 1u << KEY_LOCAL_PORT | 1u << KEY_REMOTE | 1u << KEY_REMOTE_PORT)

/* The tuple as a filter's text, and which keys it has. */
static int read_tuple(FILE *f, sd_bus_message *m, unsigned *ret_seen, sd_bus_error *error)
{
	unsigned seen = 0;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		unsigned key = 0;
		const char *name;

		r = sd_bus_message_read_basic(m, 's', &name);
		if (r < 0)
			return r;
		while (key < KEY_COUNT && strcmp(keys[key], name))
			key++;
		if (key == KEY_COUNT || (seen & (1u << key)))
			return bus_error_invalid_args(error, key == KEY_COUNT ? "there is no tuple key \"%.64s\"" :
							     "tuple key \"%.64s\" is given twice", name);
		fputs(seen ? " and " : "", f);
		seen |= 1u << key;
		r = add_value(f, key, m, error);
		if (r == -ENXIO && !sd_bus_error_is_set(error))
			return bus_error_invalid_args(error, "\"%s\" has a value of the wrong type", name);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	if (r >= 0 && !seen)
		return bus_error_invalid_args(error, "an empty tuple names no socket");
	*ret_seen = seen;
	return r;
}

static int lookup_socket(sd_bus_message *m, struct manager *manager, const struct caller *caller, sd_bus_error *error)
{
	static const enum field_id fields[] = { F_cookie };
	CLEANUP(filter_deinit) struct filter filter = { 0 };
	struct survey_ask ask = { .filter = &filter, .caller = *caller };
	CLEANUP(free) char *text = NULL;
	unsigned seen = 0;
	struct lookup *l;
	size_t size;
	FILE *f;
	int r;

	f = open_memstream(&text, &size);
	if (!f)
		return -ENOMEM;
	r = read_tuple(f, m, &seen, error);
	if (fclose(f) != 0 && r >= 0)
		r = -ENOMEM;
	if (r >= 0)
		r = filter_of_text(&filter, text, error);
	if (r >= 0)
		r = feed_groups(filter.query, fields, ARRAY_SIZE(fields), &ask.groups);
	if (r < 0)
		return r;
	if ((seen & KEYS_WHOLE) == KEYS_WHOLE)
		ask.table_age_usec = UINT64_MAX;
	l = calloc(1, sizeof(*l));
	return l ? survey_start(manager, m, &ask, &lookup_ops, l, error) : -ENOMEM;
}

int method_lookup_socket(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return call_run(m, userdata, lookup_socket, error);
}
