/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was seen of a socket goes into its entry, and what tells entries of one cookie apart */

#include <string.h>

#include "track/sight.h"

static uint32_t mix(uint32_t h, const void *data, size_t n_words)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n_words; i++) {
		uint32_t word;

		memcpy(&word, p + 4 * i, sizeof(word));
		h = (h ^ word) * UINT32_C(0x9e3779b1) ^ h >> 15;
	}
	return h;
}

uint32_t sight_twin(const struct sight *s)
{
	uint32_t h;

	switch (s->source) {
	case SOURCE_mptcp4:
	case SOURCE_mptcp6:
	case SOURCE_sctp4:
	case SOURCE_sctp6:
		break;
	default:
		return 0;
	}
	if (s->peer_port == 0)
		return 0;
	h = (uint32_t)s->local_port << 16 | s->peer_port;
	h = mix(h, &h, 1);
	if (s->is_ipv6)
		h = mix(h, &s->pair, sizeof(s->pair) / 4);
	else
		h = mix(mix(h, &s->local4, 1), &s->peer4, 1);
	return h != 0 ? h : 1;
}

static void store_name(const struct sight *s, struct track_entry *e)
{
	bool is_cut = s->name_len > sizeof(e->name);

	e->name_len = is_cut ? sizeof(e->name) : s->name_len;
	if (e->name_len > 0)
		memcpy(e->name, s->name, e->name_len);
	e->flags = is_cut ? e->flags | TRACK_NAME_CUT : e->flags & ~TRACK_NAME_CUT;
}

int sight_store(const struct sight *s, struct track_table *t, struct track_entry *e)
{
	e->state = s->state;
	e->ifindex = s->ifindex;
	e->protocol = s->protocol;
	e->local_port = s->local_port;
	e->peer_port = s->peer_port;
	if (s->type != 0)
		e->type = s->type;
	if (s->uid != UINT32_MAX)
		e->uid = s->uid;
	if (s->inode != 0 && s->inode != e->inode) {
		track_table_set_inode(t, e, s->inode);
		e->flags &= (uint8_t)~TRACK_OWNER_SOUGHT;
	}
	switch (source_def_get(s->source)->kind) {
	case KIND_UNIX:
		e->addr.peer_inode = s->peer_inode;
		store_name(s, e);
		return 0;
	case KIND_NETLINK:
	case KIND_VSOCK:
	case KIND_XDP:
	case KIND_TIPC:
		e->wide = s->wide;
		return 0;
	}
	if (s->is_ipv6)
		return track_table_set_pair6(t, e, &s->pair);
	/* SMC's listener on :: looks like one of IPv4: an entry that has IPv6 addresses keeps the place. */
	if (e->flags & TRACK_IPV6)
		return track_table_set_pair6(t, e, &(struct track_pair6){});
	e->addr.local4 = s->local4;
	e->addr.peer4 = s->peer4;
	return 0;
}
