/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The summary row S of the D-Bus interface */

#include <errno.h>
#include <string.h>

#include "bus/row.h"
#include "model/words.h"

/* A comm of 15 bytes, each escaped, and the NUL; the kernel's own threads have longer ones. */
#define COMM_TEXT_MAX 260

static uint64_t number_of(struct record *r, enum field_id id, uint64_t absent)
{
	struct value v;

	if (record_get(r, id, 0, &v) < 0 || (v.kind != VALUE_U64 && v.kind != VALUE_BOOL))
		return absent;
	return v.u;
}

/* Packet sockets have theirs as a word alone. */
static uint32_t protocol_of(struct record *r)
{
	uint64_t number = number_of(r, F_sk_protocol, UINT64_MAX);
	struct value v;

	if (number != UINT64_MAX)
		return (uint32_t)number;
	if (record_get(r, F_protocol, 0, &v) < 0 || v.kind != VALUE_STR ||
	    words_value(&words_ethertype, v.str.data, v.str.len, &number) < 0)
		return 0;
	return (uint32_t)number;
}

size_t row_address(const struct address *a, uint8_t buf[static ROW_ADDRESS_MAX])
{
	size_t len = 0;

	switch (a->kind) {
	case ADDRESS_INET:
	case ADDRESS_INET6:
		len = a->kind == ADDRESS_INET ? 4 : 16;
		memcpy(buf, a->ip, len);
		break;
	case ADDRESS_UNIX:
	case ADDRESS_WORD:
		len = a->len < ROW_ADDRESS_MAX ? a->len : ROW_ADDRESS_MAX;
		if (len)
			memcpy(buf, a->name, len);
		if (a->kind == ADDRESS_UNIX && len && buf[0] == '\0')
			buf[0] = '@';
		break;
	case ADDRESS_NUMBER:
		len = text_u64((char *)buf, a->number);
		break;
	}
	return len;
}

static int append_end(sd_bus_message *m, struct record *r, enum field_id address, enum field_id port)
{
	uint8_t buf[ROW_ADDRESS_MAX];
	struct value v;
	size_t len = 0;
	uint64_t number;
	int e;

	if (record_get(r, address, 0, &v) == 0 && v.kind == VALUE_ADDR)
		len = row_address(&v.addr, buf);
	e = sd_bus_message_append_array(m, 'y', buf, len);
	if (e < 0)
		return e;
	/* Netlink's ports are as wide as a pid. */
	number = number_of(r, port, 0);
	return sd_bus_message_append(m, "q", number <= UINT16_MAX ? (unsigned)number : 0);
}

static int append_owner(sd_bus_message *m, struct record *r)
{
	uint32_t pid = (uint32_t)number_of(r, F_pid, 0);
	char comm[COMM_TEXT_MAX];
	struct value v;

	comm[0] = '\0';
	if (pid && record_get(r, F_comm, 0, &v) == 0 && v.kind == VALUE_STR)
		text_escape(comm, sizeof(comm), v.str.data, v.str.len);
	return sd_bus_message_append(m, "us", pid, comm);
}

int row_append(sd_bus_message *m, struct record *r)
{
	int e;

	e = sd_bus_message_open_container(m, 'r', ROW_SIGNATURE);
	if (e < 0)
		return e;
	e = sd_bus_message_append(m, "ttyuy", number_of(r, F_cookie, 0), number_of(r, F_netns, 0),
				  (unsigned)number_of(r, F_family, 0), protocol_of(r), (unsigned)number_of(r, F_state, 0));
	if (e >= 0)
		e = append_end(m, r, F_local, F_local_port);
	if (e >= 0)
		e = append_end(m, r, F_peer, F_peer_port);
	if (e >= 0)
		e = sd_bus_message_append(m, "uuu", (uint32_t)number_of(r, F_sk_bound_dev_if, 0),
					  (uint32_t)number_of(r, F_uid, ROW_UID_NONE), (uint32_t)number_of(r, F_inode, 0));
	if (e >= 0)
		e = append_owner(m, r);
	return e < 0 ? e : sd_bus_message_close_container(m);
}
