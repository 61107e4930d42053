/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of one block, by number */

#ifndef SOCKETD_SNAPSHOT_ATTRS_H
#define SOCKETD_SNAPSHOT_ATTRS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/reader.h"

/* Those of higher numbers are of a newer version, and left out. */
#define ATTRS_MAX 16

struct attrs {
	const struct nlattr *row[ATTRS_MAX];
};

/* Of one number the last counts. -EBADMSG when one overruns the block. */
int attrs_parse(struct attrs *a, const struct block *b);

/* An integer; false when it is absent or of another size. */
bool attrs_u32(const struct attrs *a, unsigned type, uint32_t *ret);
bool attrs_u64(const struct attrs *a, unsigned type, uint64_t *ret);

/* Cut to size, ended by NUL. Left as it is where there is none. */
void attrs_text(const struct attrs *a, unsigned type, char *buf, size_t size);

/* A copy that ends in NUL, to be freed; left as it is where there is none. 0 or -ENOMEM. */
int attrs_string(const struct attrs *a, unsigned type, char **ret);

#endif
