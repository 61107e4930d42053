/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon remembers of the socket: a record beside the message, not an attribute of it */

#include "decode/slot.h"

static int get_age(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct socketd_track *t = r->track;

	(void)n;
	if (!t)
		return -ENODATA;
	switch (id) {
	case F_age:
		value_set_u64(ret, t->age);
		return 0;
	case F_age_at_least:
		value_set_bool(ret, t->flags & SOCKETD_TRACK_AGE_AT_LEAST);
		return 0;
	case F_state_age:
		value_set_u64(ret, t->state_age);
		return 0;
	case F_state_age_at_least:
		value_set_bool(ret, t->flags & SOCKETD_TRACK_STATE_AGE_AT_LEAST);
		return 0;
	default:
		return -ENODATA;
	}
}

/* Only TCP has counters that are read (decode_source_has() says so to plans): whatever a stream claims of others is not told. */
static int get_rate(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	const struct socketd_track *t = r->track;

	(void)n;
	if (!t || !(t->flags & SOCKETD_TRACK_RATES) || !track_has_rates(r->source))
		return -ENODATA;
	switch (id) {
	case F_tx_rate:
		value_set_u64(ret, t->tx_rate);
		return 0;
	case F_rx_rate:
		value_set_u64(ret, t->rx_rate);
		return 0;
	case F_tx_segs_rate:
		value_set_u64(ret, t->tx_segs_rate);
		return 0;
	case F_rx_segs_rate:
		value_set_u64(ret, t->rx_segs_rate);
		return 0;
	case F_retrans_rate:
		value_set_u64(ret, t->retrans_rate);
		return 0;
	default:
		return -ENODATA;
	}
}

bool track_has_rates(enum source_id source)
{
	return source == SOURCE_tcp4 || source == SOURCE_tcp6 || source == SOURCE_tcp;
}

static const struct slot track_slots[] = {
	[F_age] = SLOT_FN(get_age),
	[F_age_at_least] = SLOT_FN(get_age),
	[F_state_age] = SLOT_FN(get_age),
	[F_state_age_at_least] = SLOT_FN(get_age),
	[F_tx_rate] = SLOT_FN(get_rate),
	[F_rx_rate] = SLOT_FN(get_rate),
	[F_tx_segs_rate] = SLOT_FN(get_rate),
	[F_rx_segs_rate] = SLOT_FN(get_rate),
	[F_retrans_rate] = SLOT_FN(get_rate),
};

const struct slot_table track_table = SLOT_TABLE(track_slots);
