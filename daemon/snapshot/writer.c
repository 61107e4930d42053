/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing the block stream */

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "snapshot/writer.h"

#define PAD8(n) (((n) + 7) & ~(size_t)7)

int writer_header(struct arena *a)
{
	struct socketd_stream_header *h = arena_reserve(a, sizeof(*h));

	if (!h)
		return -ENOMEM;
	memcpy(h->magic, SOCKETD_STREAM_MAGIC, sizeof(h->magic));
	h->major = SOCKETD_STREAM_MAJOR;
	h->minor = SOCKETD_STREAM_MINOR;
	h->byte_order = SOCKETD_STREAM_BYTE_ORDER;
	arena_commit(a, sizeof(*h));
	return 0;
}

void attr_block_begin(struct attr_block *b, uint32_t type)
{
	b->type = type;
	b->length = 0;
}

void attr_block_bytes(struct attr_block *b, uint16_t attr, const void *data, size_t len)
{
	struct nlattr *nla = (struct nlattr *)(b->data + b->length);
	size_t space;

	if (len > 4096)
		len = 4096;
	space = NLA_HDRLEN + NLA_ALIGN(len);
	assert(b->length + space <= sizeof(b->data)); /* our own blocks are few and short */
	nla->nla_type = attr;
	nla->nla_len = (uint16_t)(NLA_HDRLEN + len);
	if (len)
		memcpy(b->data + b->length + NLA_HDRLEN, data, len);
	memset(b->data + b->length + NLA_HDRLEN + len, 0, NLA_ALIGN(len) - len);
	b->length += space;
}

void attr_block_u32(struct attr_block *b, uint16_t attr, uint32_t v)
{
	attr_block_bytes(b, attr, &v, sizeof(v));
}

void attr_block_u64(struct attr_block *b, uint16_t attr, uint64_t v)
{
	attr_block_bytes(b, attr, &v, sizeof(v));
}

void attr_block_string(struct attr_block *b, uint16_t attr, const char *s)
{
	attr_block_bytes(b, attr, s, strlen(s));
}

int attr_block_write(const struct attr_block *b, struct arena *a)
{
	struct bulk_block bulk;
	int r;

	r = bulk_block_begin(&bulk, a, b->type, b->length);
	if (r < 0)
		return r;
	memcpy(bulk.payload, b->data, b->length);
	bulk.head->length = (uint32_t)b->length;
	memset(bulk.payload + b->length, 0, PAD8(b->length) - b->length);
	arena_commit(a, sizeof(*bulk.head) + PAD8(b->length));
	return 0;
}

int bulk_block_begin(struct bulk_block *b, struct arena *a, uint32_t type, size_t size)
{
	assert(size <= SOCKETD_BLOCK_MAX);
	b->head = arena_reserve(a, sizeof(*b->head) + PAD8(size));
	if (!b->head)
		return -ENOMEM;
	b->head->type = type;
	b->head->length = 0;
	b->payload = (uint8_t *)(b->head + 1);
	return 0;
}

void bulk_block_end(struct bulk_block *b, struct arena *a, size_t used)
{
	if (used == 0)
		return;
	b->head->length = (uint32_t)used;
	memset(b->payload + used, 0, PAD8(used) - used);
	arena_commit(a, sizeof(*b->head) + PAD8(used));
}
