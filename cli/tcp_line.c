/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct tcp_info and congestion control in one line, in the words of ss */

#include <stdbool.h>
#include <string.h>

#include "cli/tcp_line.h"
#include "model/words.h"

/* Room for the whole line: 60 items of a label (16) and two numbers (20 each), and names that are cut at NAME_MAX_TEXT. */
#define LINE_MAX_TEXT 8192
#define NAME_MAX_TEXT 128

enum item_kind {
	ITEM_NUMBER,
	ITEM_MSEC,       /* µs as ms with a fraction */
	ITEM_WHOLE_MSEC, /* µs as ms, cut */
	ITEM_BUSY,       /* the same, with its unit */
	ITEM_BITS,       /* bytes a second as bits */
};

struct item {
	char label[20]; /* blank, name, colon */
	uint8_t label_len;
	uint8_t kind;
	bool zero; /* 0 is a value like others */
	uint16_t field;
};

#define ITEM(l, k, z, f) { l, sizeof(l) - 1, ITEM_##k, z, F_##f }

static inline char *put(char *p, const char *text, size_t len)
{
	memcpy(p, text, len);
	return p + len;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static inline char *put_u64(char *p, uint64_t u)
{
	return p + text_u64(p, u);
}

/* n digits of u with zeros in front, trailing zeros of the whole cut: a fraction. */
static char *put_fraction(char *p, unsigned u, unsigned n)
{
	char *end;

	if (u == 0)
		return p;
	*p++ = '.';
	end = p + n;
	for (unsigned i = n; i > 0; i--) {
		p[i - 1] = (char)('0' + u % 10);
		u /= 10;
	}
	while (end[-1] == '0')
		end--;
	return end;
}

/* µs as ms with six digits that count, as %g has it. */
static char *put_msec(char *p, uint64_t usec)
{
	unsigned digits = 3, step = 1;

	for (uint64_t limit = 1000000; usec >= limit && digits > 0; limit *= 10) {
		digits--;
		step *= 10;
	}
	if (step > 1)
		usec = (usec + step / 2) / step * step;
	p = put_u64(p, usec / 1000);
	return put_fraction(p, (unsigned)(usec % 1000) / step, digits);
}

static char *put_bits(char *p, uint64_t bytes)
{
	p = put_u64(p, bytes > UINT64_MAX / 8 ? UINT64_MAX : bytes * 8);
	return PUT(p, "bps");
}

static inline bool get(struct record *r, enum field_id id, uint64_t *ret)
{
	struct value v;

	if (record_get(r, id, 0, &v) < 0)
		return false;
	*ret = v.u;
	return true;
}

static char *put_items(char *p, struct record *r, const struct item *items, size_t n, bool listener)
{
	for (size_t i = 0; i < n; i++) {
		const struct item *it = &items[i];
		uint64_t u;

		if (!get(r, it->field, &u) || (u == 0 && (!it->zero || listener)))
			continue;
		memcpy(p, it->label, sizeof(it->label));
		p += it->label_len;
		switch ((enum item_kind)it->kind) {
		case ITEM_NUMBER:
			p = put_u64(p, u);
			break;
		case ITEM_MSEC:
			p = put_msec(p, u);
			break;
		case ITEM_WHOLE_MSEC:
			p = put_u64(p, u / 1000);
			break;
		case ITEM_BUSY:
			p = put_u64(p, u / 1000);
			p = PUT(p, "ms");
			break;
		case ITEM_BITS:
			p = put_bits(p, u);
			break;
		}
	}
	return p;
}

static char *put_name(char *p, struct record *r, enum field_id id)
{
	struct value v;

	if (record_get(r, id, 0, &v) < 0)
		return p;
	*p++ = ' ';
	return p + text_escape(p, NAME_MAX_TEXT, v.str.data, v.str.len);
}

static char *put_options(char *p, struct record *r)
{
	/* TCPI_OPT_*; window scaling comes later, with its numbers. */
	static const struct {
		unsigned bit;
		const char *text;
	} rows[] = {
		{ 1, " ts" }, { 64, " usec_ts" }, { 2, " sack" }, { 8, " ecn" }, { 16, " ecnseen" }, { 32, " fastopen" },
	};
	uint64_t options = 0, snd, rcv;

	get(r, F_tcpi_options, &options);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (options & rows[i].bit)
			p = put(p, rows[i].text, strlen(rows[i].text));
	p = put_name(p, r, F_icsk_ca_ops);
	if (options & 4 && get(r, F_tcpi_snd_wscale, &snd) && get(r, F_tcpi_rcv_wscale, &rcv)) {
		p = PUT(p, " wscale:");
		p = put_u64(p, snd);
		*p++ = ',';
		p = put_u64(p, rcv);
	}
	return p;
}

static char *put_rtt(char *p, struct record *r)
{
	uint64_t rtt, var;

	if (!get(r, F_tcpi_rtt, &rtt) || rtt == 0)
		return p;
	p = PUT(p, " rtt:");
	p = put_msec(p, rtt);
	if (get(r, F_tcpi_rttvar, &var)) {
		*p++ = '/';
		p = put_msec(p, var);
	}
	return p;
}

/* A gain in 256ths, to five places as %g shows it. */
static char *put_gain(char *p, const char *label, size_t len, uint64_t gain)
{
	if (gain == 0)
		return p;
	p = put(p, label, len);
	p = put_u64(p, gain / 256);
	return put_fraction(p, (unsigned)((gain % 256 * 100000 + 128) / 256), 5);
}

static char *put_congestion(char *p, struct record *r)
{
	static const struct item dctcp[] = {
		ITEM(" dctcp:(ce_state:", NUMBER, true, dctcp_ce_state),
		ITEM(",alpha:", NUMBER, true, dctcp_alpha),
		ITEM(",ab_ecn:", NUMBER, true, dctcp_ab_ecn),
		ITEM(",ab_tot:", NUMBER, true, dctcp_ab_tot),
	};
	uint64_t u;

	if (get(r, F_bbr_bw, &u)) {
		p = PUT(p, " bbr:(bw:");
		p = put_bits(p, u);
		if (get(r, F_bbr_min_rtt, &u)) {
			p = PUT(p, ",mrtt:");
			p = put_msec(p, u);
		}
		if (get(r, F_bbr_pacing_gain, &u))
			p = put_gain(p, ",pacing_gain:", 13, u);
		if (get(r, F_bbr_cwnd_gain, &u))
			p = put_gain(p, ",cwnd_gain:", 11, u);
		*p++ = ')';
	} else if (get(r, F_dctcp_enabled, &u)) {
		if (!u)
			return PUT(p, " dctcp:fallback_mode");
		p = put_items(p, r, dctcp, ARRAY_SIZE(dctcp), false);
		*p++ = ')';
	}
	return p;
}

/* What the window lets through in a round trip: ss's own figure, not the kernel's. */
static char *put_send(char *p, struct record *r)
{
	uint64_t rtt, mss, cwnd;
	unsigned __int128 bits;

	if (!get(r, F_tcpi_rtt, &rtt) || !get(r, F_tcpi_snd_mss, &mss) || !get(r, F_tcpi_snd_cwnd, &cwnd))
		return p;
	if (!rtt || !mss || !cwnd)
		return p;
	bits = ((unsigned __int128)cwnd * mss * 8000000 + rtt / 2) / rtt;
	p = PUT(p, " send ");
	p = put_u64(p, bits > UINT64_MAX ? UINT64_MAX : (uint64_t)bits);
	return PUT(p, "bps");
}

/* All ones is no limit. */
static char *put_rates(char *p, struct record *r)
{
	uint64_t rate, max;

	if (get(r, F_tcpi_pacing_rate, &rate) && rate && rate != UINT64_MAX) {
		p = PUT(p, " pacing_rate ");
		p = put_bits(p, rate);
		if (get(r, F_tcpi_max_pacing_rate, &max) && max && max != UINT64_MAX) {
			*p++ = '/';
			p = put_bits(p, max);
		}
	}
	if (get(r, F_tcpi_delivery_rate, &rate) && rate) {
		p = PUT(p, " delivery_rate ");
		p = put_bits(p, rate);
	}
	return p;
}

/* Part of the busy time that something else was waited for: rwnd_limited:12ms(3.4%). */
static char *put_limited(char *p, struct record *r, enum field_id id, const char *label, size_t len, uint64_t busy)
{
	uint64_t u, permille;

	if (!get(r, id, &u) || !u)
		return p;
	p = put(p, label, len);
	p = put_u64(p, u / 1000);
	p = PUT(p, "ms");
	if (!busy)
		return p;
	permille = (uint64_t)((unsigned __int128)u * 1000 / busy);
	*p++ = '(';
	p = put_u64(p, permille / 10);
	*p++ = '.';
	*p++ = (char)('0' + permille % 10);
	return PUT(p, "%)");
}

static char *put_limits(char *p, struct record *r, bool listener)
{
	static const struct item busy_item[] = { ITEM(" busy:", BUSY, true, tcpi_busy_time) };
	uint64_t busy = 0, limited;

	if (get(r, F_tcpi_delivery_rate_app_limited, &limited) && limited)
		p = PUT(p, " app_limited");
	get(r, F_tcpi_busy_time, &busy);
	p = put_items(p, r, busy_item, 1, listener);
	p = put_limited(p, r, F_tcpi_rwnd_limited, " rwnd_limited:", 14, busy);
	return put_limited(p, r, F_tcpi_sndbuf_limited, " sndbuf_limited:", 16, busy);
}

static char *put_retrans(char *p, struct record *r)
{
	uint64_t now = 0, total = 0;

	get(r, F_tcpi_retrans, &now);
	get(r, F_tcpi_total_retrans, &total);
	if (!now && !total)
		return p;
	p = PUT(p, " retrans:");
	p = put_u64(p, now);
	*p++ = '/';
	return put_u64(p, total);
}

/* The kernel's "none yet": TCP_INFINITE_SSTHRESH, an empty minimum, and a reordering that nobody has changed. */
static char *put_unless(char *p, struct record *r, const struct item *it, uint64_t from)
{
	uint64_t u;

	return get(r, it->field, &u) && u < from ? put_items(p, r, it, 1, false) : p;
}

static const struct item timeouts[] = {
	ITEM(" rto:", MSEC, false, tcpi_rto),
	ITEM(" backoff:", NUMBER, false, tcpi_backoff),
};

static const struct item sizes[] = {
	ITEM(" ato:", MSEC, false, tcpi_ato),
	ITEM(" mss:", NUMBER, false, tcpi_snd_mss),
	ITEM(" pmtu:", NUMBER, false, tcpi_pmtu),
	ITEM(" rcvmss:", NUMBER, false, tcpi_rcv_mss),
	ITEM(" advmss:", NUMBER, false, tcpi_advmss),
	ITEM(" cwnd:", NUMBER, true, tcpi_snd_cwnd),
};

static const struct item ssthresh = ITEM(" ssthresh:", NUMBER, true, tcpi_snd_ssthresh);

static const struct item traffic[] = {
	ITEM(" bytes_sent:", NUMBER, true, tcpi_bytes_sent),
	ITEM(" bytes_retrans:", NUMBER, false, tcpi_bytes_retrans),
	ITEM(" bytes_acked:", NUMBER, true, tcpi_bytes_acked),
	ITEM(" bytes_received:", NUMBER, true, tcpi_bytes_received),
	ITEM(" segs_out:", NUMBER, true, tcpi_segs_out),
	ITEM(" segs_in:", NUMBER, true, tcpi_segs_in),
	ITEM(" data_segs_out:", NUMBER, true, tcpi_data_segs_out),
	ITEM(" data_segs_in:", NUMBER, true, tcpi_data_segs_in),
};

static const struct item ages[] = {
	ITEM(" lastsnd:", WHOLE_MSEC, true, tcpi_last_data_sent),
	ITEM(" lastrcv:", WHOLE_MSEC, true, tcpi_last_data_recv),
	ITEM(" lastack:", WHOLE_MSEC, true, tcpi_last_ack_recv),
};

static const struct item delivered[] = {
	ITEM(" delivered:", NUMBER, false, tcpi_delivered),
	ITEM(" delivered_ce:", NUMBER, false, tcpi_delivered_ce),
};

/* On a listener these two are its accept queue, which has columns of its own. */
static const struct item unacked = ITEM(" unacked:", NUMBER, false, tcpi_unacked);
static const struct item losses[] = {
	ITEM(" lost:", NUMBER, false, tcpi_lost),
	ITEM(" sacked:", NUMBER, false, tcpi_sacked),
	ITEM(" dsack_dups:", NUMBER, false, tcpi_dsack_dups),
	ITEM(" fackets:", NUMBER, false, tcpi_fackets),
};

static const struct item reordering = ITEM(" reordering:", NUMBER, false, tcpi_reordering);

static const struct item receiving[] = {
	ITEM(" reord_seen:", NUMBER, false, tcpi_reord_seen),
	ITEM(" rcv_rtt:", MSEC, false, tcpi_rcv_rtt),
	ITEM(" rcv_space:", NUMBER, true, tcpi_rcv_space),
	ITEM(" rcv_ssthresh:", NUMBER, true, tcpi_rcv_ssthresh),
	ITEM(" notsent:", NUMBER, false, tcpi_notsent_bytes),
};

static const struct item min_rtt = ITEM(" minrtt:", MSEC, false, tcpi_min_rtt);

static const struct item windows[] = {
	ITEM(" rcv_ooopack:", NUMBER, false, tcpi_rcv_ooopack),
	ITEM(" snd_wnd:", NUMBER, true, tcpi_snd_wnd),
	ITEM(" rcv_wnd:", NUMBER, true, tcpi_rcv_wnd),
	ITEM(" rehash:", NUMBER, false, tcpi_rehash),
	ITEM(" total_rto:", NUMBER, false, tcpi_total_rto),
};

void tcp_line_write(struct buffer *b, struct record *r)
{
	bool listener = record_state(r) == STATE_LISTEN;
	char *p = buffer_room(b, LINE_MAX_TEXT);
	uint64_t reorder;

	p = put_options(p, r);
	p = put_items(p, r, timeouts, ARRAY_SIZE(timeouts), listener);
	p = put_rtt(p, r);
	p = put_items(p, r, sizes, ARRAY_SIZE(sizes), listener);
	if (!listener)
		p = put_unless(p, r, &ssthresh, 0xffff);
	p = put_items(p, r, traffic, ARRAY_SIZE(traffic), listener);
	p = put_congestion(p, r);
	p = put_send(p, r);
	p = put_items(p, r, ages, ARRAY_SIZE(ages), listener);
	p = put_rates(p, r);
	p = put_items(p, r, delivered, ARRAY_SIZE(delivered), listener);
	p = put_limits(p, r, listener);
	if (!listener)
		p = put_items(p, r, &unacked, 1, false);
	p = put_retrans(p, r);
	if (!listener)
		p = put_items(p, r, losses, ARRAY_SIZE(losses), false);
	if (get(r, F_tcpi_reordering, &reorder) && reorder != 3) /* sysctl tcp_reordering's default */
		p = put_items(p, r, &reordering, 1, listener);
	p = put_items(p, r, receiving, ARRAY_SIZE(receiving), listener);
	p = put_unless(p, r, &min_rtt, UINT32_MAX);
	p = put_items(p, r, windows, ARRAY_SIZE(windows), listener);
	buffer_used(b, p);
}
