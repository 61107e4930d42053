/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The letters of ss that choose sockets, and the filter text that says the same */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/selection.h"
#include "model/cleanup.h"
#include "model/words.h"

/* Of families that are never connected. */
#define CLOSED_KINDS (SELECT_PACKET | SELECT_BIT(netlink) | SELECT_BIT(xdp) | SELECT_BIT(vsock_dgram))
/* SS_CONN of ss: no listeners, no TIME-WAIT, no SYN-RECV. */
#define CONNECTED "(state connected exclude time-wait exclude syn-recv)"

const char selection_query_names[] =
	"all inet tcp udp raw mptcp dccp sctp unix unix_stream unix_dgram unix_seqpacket packet packet_raw "
	"packet_dgram netlink vsock vsock_stream vsock_dgram tipc xdp smc";

/* Words of -A; the short ones are those ss takes too. */
static const struct {
	const char *name;
	uint32_t kinds;
} query_words[] = {
	{ "all", (UINT32_C(1) << SELECT_COUNT) - 1 },
	{ "inet", SELECT_INET },
	{ "tcp", SELECT_BIT(tcp) },
	{ "udp", SELECT_BIT(udp) },
	{ "raw", SELECT_BIT(raw) },
	{ "mptcp", SELECT_BIT(mptcp) },
	{ "dccp", SELECT_BIT(dccp) },
	{ "sctp", SELECT_BIT(sctp) },
	{ "unix", SELECT_UNIX },
	{ "u", SELECT_UNIX },
	{ "unix_stream", SELECT_BIT(unix_stream) },
	{ "u_str", SELECT_BIT(unix_stream) },
	{ "unix_dgram", SELECT_BIT(unix_dgram) },
	{ "u_dgr", SELECT_BIT(unix_dgram) },
	{ "unix_seqpacket", SELECT_BIT(unix_seqpacket) },
	{ "u_seq", SELECT_BIT(unix_seqpacket) },
	{ "packet", SELECT_PACKET },
	{ "p", SELECT_PACKET },
	{ "packet_raw", SELECT_BIT(packet_raw) },
	{ "p_raw", SELECT_BIT(packet_raw) },
	{ "packet_dgram", SELECT_BIT(packet_dgram) },
	{ "p_dgr", SELECT_BIT(packet_dgram) },
	{ "netlink", SELECT_BIT(netlink) },
	{ "nl", SELECT_BIT(netlink) },
	{ "vsock", SELECT_VSOCK },
	{ "vsock_stream", SELECT_BIT(vsock_stream) },
	{ "v_str", SELECT_BIT(vsock_stream) },
	{ "vsock_dgram", SELECT_BIT(vsock_dgram) },
	{ "v_dgr", SELECT_BIT(vsock_dgram) },
	{ "tipc", SELECT_BIT(tipc) },
	{ "xdp", SELECT_BIT(xdp) },
	{ "smc", SELECT_BIT(smc) },
};

static int query_word(const char *word, size_t len, uint32_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(query_words); i++) {
		if (strlen(query_words[i].name) == len && !strncmp(query_words[i].name, word, len)) {
			*ret = query_words[i].kinds;
			return 0;
		}
	}
	return -EINVAL;
}

int selection_add_query(struct selection *s, const char *list, const char **ret_bad, size_t *ret_bad_len)
{
	const char *word = list;
	uint32_t kinds = 0;

	for (;;) {
		size_t len = strcspn(word, ",");
		bool exclude = len && *word == '!';

		if (query_word(word + exclude, len - exclude, &kinds) < 0) {
			*ret_bad = word;
			*ret_bad_len = len;
			return -EINVAL;
		}
		/* "!tcp" alone is all but TCP. */
		if (exclude && !s->kinds)
			s->kinds = (UINT32_C(1) << SELECT_COUNT) - 1;
		s->kinds = exclude ? s->kinds & ~kinds : s->kinds | kinds;
		if (!word[len])
			return 0;
		word += len + 1;
	}
}

int selection_add_family(struct selection *s, const char *family)
{
	static const char *const names[] = { "unix", "netlink", "packet", "vsock", "tipc", "xdp", "smc" };
	uint32_t kinds;
	uint64_t number;

	/* As ss has it. */
	if (!strcmp(family, "link"))
		family = "packet";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(family, names[i]) && query_word(family, strlen(family), &kinds) == 0) {
			s->kinds |= kinds;
			return 0;
		}
	}
	if (words_value(&words_family, family, strlen(family), &number) < 0)
		return -EINVAL;
	if (number == AF_INET)
		s->inet4 = true;
	else if (number == AF_INET6)
		s->inet6 = true;
	else
		s->families |= UINT64_C(1) << number;
	return 0;
}

/* Terms joined by or; what they are in is put in parentheses by the caller. */
struct terms {
	char *buf;
	size_t len;
	bool any;
};

static void add_text(struct terms *t, const char *text)
{
	size_t len = strlen(text);

	/* SELECTION_TEXT_MAX is twice what all kinds and states take together. */
	if (t->len + len >= SELECTION_TEXT_MAX)
		return;
	memcpy(t->buf + t->len, text, len + 1);
	t->len += len;
}

static void add_term(struct terms *t, const char *text)
{
	if (t->any)
		add_text(t, " or ");
	add_text(t, text);
	t->any = true;
}

static void add_kinds(struct terms *t, uint32_t kinds)
{
	static const char *const filters[SELECT_COUNT] = {
#define KIND_FILTER(name, filter) [SELECT_##name] = filter,
		SELECTION_KINDS(KIND_FILTER)
#undef KIND_FILTER
	};
	/* A family as a whole has rows that its kinds do not name: vsock seqpacket. */
	static const struct {
		uint32_t kinds;
		const char *filter;
	} wholes[] = {
		{ SELECT_UNIX, "family = unix" },
		{ SELECT_PACKET, "family = packet" },
		{ SELECT_VSOCK, "family = vsock" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wholes); i++) {
		if ((kinds & wholes[i].kinds) == wholes[i].kinds) {
			add_term(t, wholes[i].filter);
			kinds &= ~wholes[i].kinds;
		}
	}
	for (unsigned k = 0; k < SELECT_COUNT; k++)
		if (kinds & (UINT32_C(1) << k))
			add_term(t, filters[k]);
}

/* Those that no kind stands for. */
static void add_families(struct terms *t, const struct selection *s)
{
	for (size_t i = 0; i < words_family.n_rows; i++) {
		if (!(s->families & (UINT64_C(1) << words_family.rows[i].value)))
			continue;
		add_term(t, "family = ");
		add_text(t, words_family.rows[i].word);
	}
}

/*
 * ss's own default: what is connected; of families that never are, what is closed. And all of
 * those that ss does not know: their states are their own.
 */
static void add_default_states(struct terms *t, const struct selection *s)
{
	struct terms inner = { .buf = t->buf, .len = t->len };

	if (!(s->kinds & CLOSED_KINDS) && !s->families) {
		add_text(t, CONNECTED);
		return;
	}
	add_text(&inner, "(");
	add_term(&inner, CONNECTED);
	if (s->kinds & CLOSED_KINDS)
		add_term(&inner, "family = packet or family = netlink or family = xdp or netid = v_dgr");
	add_families(&inner, s);
	add_text(&inner, ")");
	t->len = inner.len;
}

/* As ss has it: -4 without a protocol is all of them, -t without -4 and -6 is both. */
static void add_inet(struct terms *t, const struct selection *s)
{
	uint32_t kinds = s->kinds & SELECT_INET;
	struct terms inner;

	if (!kinds && !s->inet4 && !s->inet6)
		return;
	if (!kinds || s->inet4 == s->inet6) {
		if (kinds) {
			add_kinds(t, kinds);
		} else {
			if (s->inet4)
				add_term(t, "family = inet");
			if (s->inet6)
				add_term(t, "family = inet6");
		}
		return;
	}
	add_term(t, s->inet4 ? "family = inet and (" : "family = inet6 and (");
	inner = (struct terms){ .buf = t->buf, .len = t->len };
	add_kinds(&inner, kinds);
	t->len = inner.len;
	add_text(t, ")");
}

size_t selection_text(const struct selection *s, bool default_states, char buf[SELECTION_TEXT_MAX])
{
	struct terms t = { .buf = buf };
	const char *states = NULL;
	bool defaults = false;

	buf[0] = '\0';
	switch (s->states) {
	case STATES_UNSAID:
		defaults = default_states && selection_has_families(s);
		break;
	case STATES_SHOW_ALL:
		break;
	case STATES_SHOW_LISTENING:
		states = "(state listening state closed)";
		break;
	case STATES_SHOW_BOUND:
		states = "(state bound-inactive)";
		break;
	}
	if (selection_has_families(s)) {
		add_text(&t, "(");
		add_inet(&t, s);
		add_kinds(&t, s->kinds & ~SELECT_INET);
		add_families(&t, s);
		add_text(&t, ")");
	}
	if (t.len && (states || defaults))
		add_text(&t, " and ");
	if (states)
		add_text(&t, states);
	if (defaults)
		add_default_states(&t, s);
	return t.len;
}
