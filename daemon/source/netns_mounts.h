/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces that are mounted somewhere: nsfs in mountinfo */

#ifndef SOCKETD_SOURCE_NETNS_MOUNTS_H
#define SOCKETD_SOURCE_NETNS_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A mount. path can be opened by us when leads_there; name is that of ip-netns(8),
 * of a file in /run/netns, else NULL. Both are any bytes. A negative errno ends the walk.
 */
typedef int (*netns_mount_found)(void *ctx, uint64_t ino, const char *path, const char *name, bool leads_there);

/*
 * Those of our mount namespace, and then those of PID 1's where it is another
 * and may be read. What the callback said, or 0: no mountinfo is no error.
 */
int netns_mounts_walk(netns_mount_found found, void *ctx);

/* One text of mountinfo, without its end; prefix goes before the path. Changes the text. */
int netns_mounts_line(char *line, const char *prefix, netns_mount_found found, void *ctx);

/* "net:[4026531840]". */
bool netns_text_ino(const char *text, uint64_t *ret);

#endif
