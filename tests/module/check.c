/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a message of the module is as include/socketd/uapi.h says, and tells nothing that it may not */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/sock_diag.h>

#include "ask.h"

/* A row of a packed group. */
struct row {
	uint16_t id;
	uint16_t bit;
	uint16_t offset;
	uint8_t size; /* 0: text */
	bool public;
	const char *name;
};

#define PUBLIC_public true
#define PUBLIC_owner false
#define PUBLIC_privileged false

#define WHERE(group, n) offsetof(struct socketd_##group##_fields, x_##n)
#define SPACE(group, n) sizeof(((struct socketd_##group##_fields *)0)->x_##n)
#define IN_bool(group, n) WHERE(group, n), SPACE(group, n)
#define IN_u8(group, n) WHERE(group, n), SPACE(group, n)
#define IN_u16(group, n) WHERE(group, n), SPACE(group, n)
#define IN_u32(group, n) WHERE(group, n), SPACE(group, n)
#define IN_u64(group, n) WHERE(group, n), SPACE(group, n)
#define IN_s32(group, n) WHERE(group, n), SPACE(group, n)
#define IN_s64(group, n) WHERE(group, n), SPACE(group, n)
#define IN_addr(group, n) WHERE(group, n), SPACE(group, n)
#define IN_u32_list(group, n) WHERE(group, n), SPACE(group, n)
#define IN_addr_list(group, n) 0, 0
#define IN_str(group, n) 0, 0
#define IN_str_list(group, n) 0, 0

static const struct row socket_rows[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, socket, { id, SOCKETD_BIT_##name, IN_##wire(socket, name), PUBLIC_##access, #name },)
#include "socketd/fields.def"
};

static const struct row sock_rows[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, sock, { id, SOCKETD_BIT_##name, IN_##wire(sock, name), PUBLIC_##access, #name },)
#include "socketd/fields.def"
};

static const struct row flow_rows[] = {
#define FIELD(id, name, wire, group, access, source, unit, doc) \
	SOCKETD_ONLY(group, flow, { id, SOCKETD_BIT_##name, IN_##wire(flow, name), PUBLIC_##access, #name },)
#include "socketd/fields.def"
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void fault(struct answer *ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first one counts. */
static void fault(struct answer *ret, const char *format, ...)
{
	va_list ap;

	if (ret->fault[0])
		return;
	va_start(ap, format);
	vsnprintf(ret->fault, sizeof(ret->fault), format, ap);
	va_end(ap);
}

/* A number that lies where this architecture keeps its data; small negative numbers do not. */
static bool is_address(const uint8_t *bytes, size_t size)
{
	uint64_t n;

	if (size != sizeof(n))
		return false;
	memcpy(&n, bytes, sizeof(n));
	return n >> 48 == 0xffff && n >> 40 < 0xfffffe;
}

static void check_group(struct answer *ret, const char *group, const struct row *rows, size_t n_rows,
			const uint8_t *bytes, size_t size, size_t wanted)
{
	static const uint8_t nothing[32];

	if (size != wanted) {
		fault(ret, "group %s has %zu bytes, not %zu", group, size, wanted);
		return;
	}
	for (size_t i = 0; i < n_rows; i++) {
		const struct row *row = &rows[i];
		uint64_t word;
		bool present;

		memcpy(&word, bytes + row->bit / 64 * sizeof(word), sizeof(word));
		present = word & 1ull << row->bit % 64;
		if (present && !row->public && !ret->admin)
			fault(ret, "%s is told to one without privilege", row->name);
		if (!present && row->size && memcmp(bytes + row->offset, nothing, row->size))
			fault(ret, "%s is absent and not nought", row->name);
		/* A mask or a rate without a limit is all ones. */
		if (present && is_address(bytes + row->offset, row->size))
			fault(ret, "%s looks like an address", row->name);
	}
}

static const struct row *row_of(uint16_t id)
{
	static const struct { const struct row *rows; size_t n; } groups[] = {
		{ socket_rows, N(socket_rows) }, { sock_rows, N(sock_rows) }, { flow_rows, N(flow_rows) },
	};

	for (size_t g = 0; g < N(groups); g++)
		for (size_t i = 0; i < groups[g].n; i++)
			if (groups[g].rows[i].id == id)
				return &groups[g].rows[i];
	return NULL;
}

static void check_name(struct answer *ret, const struct nlattr *a)
{
	const char *text = (const char *)a + NLA_HDRLEN;
	size_t len = a->nla_len - NLA_HDRLEN;
	const struct row *row = row_of(a->nla_type);

	if (!row) {
		fault(ret, "a name of field %u", a->nla_type);
		return;
	}
	if (!row->public && !ret->admin)
		fault(ret, "%s is told to one without privilege", row->name);
	if (len == 0 || len > 200)
		fault(ret, "%s is text of %zu bytes", row->name, len);
	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)text[i])) {
			fault(ret, "%s has the byte %#x", row->name, (unsigned char)text[i]);
			return;
		}
	if ((len >= 2 && !memcmp(text, "0x", 2)) || memmem(text, len, "ffff8", 5) || memmem(text, len, "ffffffff", 8))
		fault(ret, "%s is an address: %.*s", row->name, (int)len, text);
}

/* Calls one for each attribute; a fault when they do not fill the space. */
static void each(struct answer *ret, const uint8_t *bytes, size_t len,
		 void (*one)(struct answer *ret, const struct nlattr *a))
{
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)bytes;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len) {
			fault(ret, "attribute %u of %u bytes in %zu", a->nla_type, a->nla_len, len);
			return;
		}
		one(ret, a);
		if ((size_t)NLA_ALIGN(a->nla_len) >= len)
			return;
		bytes += NLA_ALIGN(a->nla_len);
		len -= NLA_ALIGN(a->nla_len);
	}
	if (len)
		fault(ret, "%zu bytes after the attributes", len);
}

static void check_sized(struct answer *ret, const char *what, size_t size, size_t wanted)
{
	if (size != wanted)
		fault(ret, "%s has %zu bytes, not %zu", what, size, wanted);
}

static void check_attribute(struct answer *ret, const struct nlattr *a)
{
	const uint8_t *bytes = (const uint8_t *)a + NLA_HDRLEN;
	size_t size = a->nla_len - NLA_HDRLEN;

	switch (a->nla_type & NLA_TYPE_MASK) {
	case SOCKETD_A_META:
		check_sized(ret, "meta", size, sizeof(ret->first));
		if (size == sizeof(ret->first))
			memcpy(&ret->first, bytes, size);
		break;
	case SOCKETD_A_TOTALS:
		check_sized(ret, "totals", size, sizeof(ret->last));
		if (size == sizeof(ret->last))
			memcpy(&ret->last, bytes, size);
		break;
	case SOCKETD_A_TASK:
		check_sized(ret, "task", size, sizeof(struct socketd_task));
		if (!memchr(bytes + offsetof(struct socketd_task, comm), 0, 16))
			fault(ret, "a name of a task without an end");
		break;
	case SOCKETD_A_FDS:
		if (!size || size % sizeof(struct socketd_fd))
			fault(ret, "descriptors of %zu bytes", size);
		ret->n_fds += size / sizeof(struct socketd_fd);
		break;
	case SOCKETD_A_LOCAL:
	case SOCKETD_A_PEER:
		if (size < 2 || size > 128)
			fault(ret, "an address of %zu bytes", size);
		break;
	case SOCKETD_A_SKMEMINFO:
		check_sized(ret, "skmeminfo", size, SK_MEMINFO_VARS * sizeof(uint32_t));
		break;
	case SOCKETD_A_SOCKET:
		check_group(ret, "socket", socket_rows, N(socket_rows), bytes, size, sizeof(struct socketd_socket_fields));
		break;
	case SOCKETD_A_SOCK:
		check_group(ret, "sock", sock_rows, N(sock_rows), bytes, size, sizeof(struct socketd_sock_fields));
		break;
	case SOCKETD_A_FLOW:
		check_group(ret, "flow", flow_rows, N(flow_rows), bytes, size, sizeof(struct socketd_flow_fields));
		break;
	case SOCKETD_A_NAMES:
		each(ret, bytes, size, check_name);
		break;
	default:
		fault(ret, "attribute %u", a->nla_type);
	}
}

static void check_socket(struct answer *ret, const struct socketd_message *m)
{
	ret->n_sockets++;
	if (m->flags & ~(SOCKETD_MSG_UID | SOCKETD_MSG_HELD | SOCKETD_MSG_MINI))
		fault(ret, "flags %#x", m->flags);
	if (m->flags & SOCKETD_MSG_HELD) {
		ret->n_held++;
		if (!ret->tasks)
			fault(ret, "a pid is told to one without privilege");
		if (!m->pid)
			fault(ret, "held by pid 0");
	} else if (m->pid || m->fd) {
		fault(ret, "pid %u and descriptor %u without the flag", m->pid, m->fd);
	}
	/* The cookie of a request sock may be nought: only the socket that comes of it gets one. */
	if (!m->cookie && !(m->flags & SOCKETD_MSG_MINI))
		fault(ret, "no cookie");
	if (m->holding > SOCKETD_HOLDING_MINI)
		fault(ret, "holding %u", m->holding);
	if (ret->socket)
		ret->socket(m, ret->ctx);
}

void check_message(struct answer *ret, const struct nlmsghdr *nlh)
{
	const struct socketd_message *m = NLMSG_DATA(nlh);

	ret->n_messages++;
	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY) {
		fault(ret, "a message of type %u", nlh->nlmsg_type);
		return;
	}
	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(*m))) {
		fault(ret, "a message of %u bytes", nlh->nlmsg_len);
		return;
	}
	if (m->kind != SOCKETD_KIND_META && nlh->nlmsg_flags & NLM_F_MULTI && !ret->meta)
		fault(ret, "kind %u before meta", m->kind);
	if (ret->totals)
		fault(ret, "kind %u after totals", m->kind);
	switch (m->kind) {
	case SOCKETD_KIND_META:
		if (ret->meta)
			fault(ret, "meta twice");
		ret->meta = true;
		break;
	case SOCKETD_KIND_SOCKET:
		check_socket(ret, m);
		break;
	case SOCKETD_KIND_TASK:
		ret->n_tasks++;
		if (!ret->tasks)
			fault(ret, "a task is told to one without privilege");
		break;
	case SOCKETD_KIND_TOTALS:
		ret->totals = true;
		break;
	case SOCKETD_KIND_PROGRESS:
		if (nlh->nlmsg_len != NLMSG_LENGTH(sizeof(*m)))
			fault(ret, "progress with more than a head");
		break;
	default:
		fault(ret, "kind %u", m->kind);
	}
	each(ret, (const uint8_t *)m + NLMSG_ALIGN(sizeof(*m)), nlh->nlmsg_len - NLMSG_SPACE(sizeof(*m)), check_attribute);
}
