/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing the block stream (include/socketd/stream.h) into an arena */

#ifndef SOCKETD_SNAPSHOT_WRITER_H
#define SOCKETD_SNAPSHOT_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot/arena.h"
#include "socketd/stream.h"

/* The stream's header. All return 0 or -ENOMEM; nothing is written then. */
int writer_header(struct arena *a);

/*
 * A block of attributes is put together on the stack and then written:
 *	struct attr_block b;
 *	attr_block_begin(&b, SOCKETD_BLOCK_LINK);
 *	attr_block_u32(&b, SOCKETD_LINK_IFINDEX, 1);
 *	r = attr_block_write(&b, a);
 */
#define ATTR_BLOCK_MAX 8192

struct attr_block {
	uint32_t type;
	size_t length;
	_Alignas(8) uint8_t data[ATTR_BLOCK_MAX];
};

void attr_block_begin(struct attr_block *b, uint32_t type);
void attr_block_u32(struct attr_block *b, uint16_t attr, uint32_t v);
void attr_block_u64(struct attr_block *b, uint16_t attr, uint64_t v);
/* Cut at 4096 bytes. */
void attr_block_bytes(struct attr_block *b, uint16_t attr, const void *data, size_t len);
void attr_block_string(struct attr_block *b, uint16_t attr, const char *s);
int attr_block_write(const struct attr_block *b, struct arena *a);

/*
 * A bulk block that is filled in place: begin gives room for size bytes of
 * payload, end says how many were used (0 takes the block back).
 */
struct bulk_block {
	struct socketd_block *head;
	uint8_t *payload;
};

int bulk_block_begin(struct bulk_block *b, struct arena *a, uint32_t type, size_t size);
void bulk_block_end(struct bulk_block *b, struct arena *a, size_t used);

#endif
