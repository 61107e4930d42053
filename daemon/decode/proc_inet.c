/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of /proc/net/{tcp,udp,udplite,raw,icmp}[6]: where the kernel has no diag handler */

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "decode/slot.h"

/* The kernel prints clock_t, which is USER_HZ: 100 a second on all of Debian's architectures. */
#define USEC_PER_TICK 10000

/* A cursor over the line: every step fails once one has failed. */
struct text {
	const char *at, *end;
	bool bad;
};

static void skip_spaces(struct text *t)
{
	while (t->at < t->end && *t->at == ' ')
		t->at++;
}

static void take_char(struct text *t, char c)
{
	if (t->at >= t->end || *t->at != c)
		t->bad = true;
	else
		t->at++;
}

static int digit(char c, unsigned base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (base == 16 && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (base == 16 && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static uint64_t take_number(struct text *t, unsigned base, uint64_t max)
{
	uint64_t v = 0;
	unsigned n = 0;
	int d;

	for (; t->at < t->end && (d = digit(*t->at, base)) >= 0; t->at++, n++) {
		if (v > (max - (unsigned)d) / base) {
			t->bad = true;
			return 0;
		}
		v = v * base + (unsigned)d;
	}
	if (!n)
		t->bad = true;
	return v;
}

static uint32_t take_word(struct text *t, unsigned base)
{
	skip_spaces(t);
	return (uint32_t)take_number(t, base, UINT32_MAX);
}

/* "0100007F:0016": the words of an address in the byte order of the host, the port as a number. */
static uint16_t take_address(struct text *t, unsigned n_words, uint8_t *ret_ip)
{
	skip_spaces(t);
	for (unsigned i = 0; i < n_words; i++) {
		uint32_t word = 0;

		for (unsigned k = 0; k < 8; k++) {
			int d = t->at < t->end ? digit(*t->at, 16) : -1;

			if (d < 0) {
				t->bad = true;
				return 0;
			}
			word = word << 4 | (uint32_t)d;
			t->at++;
		}
		memcpy(ret_ip + 4 * i, &word, sizeof(word));
	}
	take_char(t, ':');
	return (uint16_t)take_number(t, 16, UINT16_MAX);
}

/* "ref pointer drops" behind the inode; TCP has other things there. */
static void take_drops(struct text *t, struct proc_words *w)
{
	skip_spaces(t);
	while (t->at < t->end && *t->at != ' ') /* the pointer, hashed or not */
		t->at++;
	w->drops = take_word(t, 10);
	w->has_drops = !t->bad;
	t->bad = false; /* older kernels end before it */
}

static int proc_inet_open(struct record *r)
{
	struct text t = { (const char *)r->data, (const char *)r->data + r->len, false };
	unsigned n_words = r->def->family == AF_INET6 ? 4 : 1;
	struct proc_words *w = &r->proc;

	memset(w, 0, sizeof(*w));
	take_word(&t, 10); /* the bucket */
	take_char(&t, ':');
	w->local_port = take_address(&t, n_words, w->local);
	w->peer_port = take_address(&t, n_words, w->peer);
	w->state = take_word(&t, 16);
	w->tx_queue = take_word(&t, 16);
	take_char(&t, ':');
	w->rx_queue = take_word(&t, 16);
	w->timer = take_word(&t, 16);
	take_char(&t, ':');
	skip_spaces(&t);
	/* Printed as a long: one that is overdue is longer than 8 digits on some kernels. */
	w->expires = (uint32_t)take_number(&t, 16, UINT64_MAX);
	w->retransmits = take_word(&t, 16);
	w->uid = take_word(&t, 10);
	skip_spaces(&t);
	take_number(&t, 10, UINT64_MAX); /* unanswered probes */
	skip_spaces(&t);
	w->inode = take_number(&t, 10, UINT64_MAX);
	if (t.bad)
		return -EBADMSG;

	w->refcnt = take_word(&t, 10);
	if (!t.bad && r->def->protocol != IPPROTO_TCP)
		take_drops(&t, w);
	return 0;
}

static int get_family(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	value_set_u64(ret, r->def->family);
	return 0;
}

static int get_address(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned family = r->def->family;

	(void)n;
	switch (id) {
	case F_local:
		return slot_value_ip(ret, family, r->proc.local);
	case F_peer:
		return slot_value_ip(ret, family, r->proc.peer);
	case F_sk_rcv_saddr:
		return family == AF_INET ? slot_value_ip(ret, family, r->proc.local) : -ENODATA;
	case F_sk_daddr:
		return family == AF_INET ? slot_value_ip(ret, family, r->proc.peer) : -ENODATA;
	case F_sk_v6_rcv_saddr:
		return family == AF_INET6 ? slot_value_ip(ret, family, r->proc.local) : -ENODATA;
	case F_sk_v6_daddr:
		return family == AF_INET6 ? slot_value_ip(ret, family, r->proc.peer) : -ENODATA;
	default:
		return -ENODATA;
	}
}

static int get_type(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	switch (r->def->protocol) {
	case IPPROTO_TCP:
		value_set_u64(ret, SOCK_STREAM);
		return 0;
	case IPPROTO_RAW:
		value_set_u64(ret, SOCK_RAW);
		return 0;
	}
	value_set_u64(ret, SOCK_DGRAM); /* ping sockets are datagram sockets, too */
	return 0;
}

/* The port of a raw socket is its protocol. */
static int get_protocol(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	unsigned protocol = r->def->protocol == IPPROTO_RAW ? r->proc.local_port : r->def->protocol;

	(void)n;
	if (id == F_protocol)
		return slot_value_word(r, &words_ipproto, protocol, ret);
	value_set_u64(ret, protocol);
	return 0;
}

static int get_expires(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	int32_t ticks = (int32_t)r->proc.expires;

	(void)id, (void)n;
	if (!r->proc.timer)
		return -ENODATA;
	value_set_u64(ret, ticks > 0 ? (uint64_t)ticks * USEC_PER_TICK : 0);
	return 0;
}

/* Of a listener the file tells the queue, but not its limit. */
static int get_queue(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	bool listens = r->proc.state == STATE_LISTEN;

	(void)n;
	if (id == F_send_q ? listens : !listens)
		return -ENODATA;
	value_set_u64(ret, id == F_send_q ? r->proc.tx_queue : r->proc.rx_queue);
	return 0;
}

static int get_drops(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	(void)id, (void)n;
	if (!r->proc.has_drops)
		return -ENODATA;
	value_set_u64(ret, r->proc.drops);
	return 0;
}

#define WORD(op, member) SLOT(op, SLOT_PROC, offsetof(struct proc_words, member))

static const struct slot proc_inet_slots[] = {
	[F_family] = SLOT_FN(get_family),
	[F_type] = SLOT_FN(get_type),
	[F_protocol] = SLOT_FN(get_protocol),
	[F_state] = WORD(NZ32, state),
	[F_local] = SLOT_FN(get_address),
	[F_local_port] = WORD(U16, local_port),
	[F_peer] = SLOT_FN(get_address),
	[F_peer_port] = WORD(U16, peer_port),
	[F_inode] = WORD(NZ64, inode),
	[F_uid] = WORD(UID, uid),
	[F_recv_q] = WORD(U32, rx_queue),
	[F_send_q] = SLOT_FN(get_queue),
	[F_idiag_timer] = WORD(U32, timer),
	[F_idiag_expires] = SLOT_FN(get_expires),
	[F_idiag_retrans] = WORD(U32, retransmits),
	[F_sk_drops] = SLOT_FN(get_drops),
	[F_sk_refcnt] = WORD(U32, refcnt),
	[F_sk_num] = WORD(U16, local_port),
	[F_sk_dport] = WORD(U16, peer_port),
	[F_sk_daddr] = SLOT_FN(get_address),
	[F_sk_rcv_saddr] = SLOT_FN(get_address),
	[F_sk_v6_daddr] = SLOT_FN(get_address),
	[F_sk_v6_rcv_saddr] = SLOT_FN(get_address),
	[F_sk_family] = SLOT_FN(get_family),
	[F_sk_state] = WORD(NZ32, state),
	[F_sk_protocol] = SLOT_FN(get_protocol),
	[F_sk_type] = SLOT_FN(get_type),
	[F_sk_ack_backlog] = SLOT_FN(get_queue),
	[F_sk_socket] = WORD(NZ64, inode),
};

static const struct slot_table proc_inet_table = SLOT_TABLE(proc_inet_slots);

const struct decoder proc_inet_decoder = {
	.header = 0,
	.open = proc_inet_open,
	.tables = { &proc_inet_table, &owner_table },
};
