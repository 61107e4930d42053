/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reading that sockctl takes itself, without a daemon */

#ifndef SOCKETD_CLI_DIRECT_H
#define SOCKETD_CLI_DIRECT_H

#include "cli/feed.h"

struct direct;

int direct_open(struct direct **ret, const struct feed_request *req, char ret_message[FEED_MESSAGE_MAX]);
struct direct *direct_free(struct direct *d);
DEFINE_CLEANUP_PTR(struct direct, direct_free)

struct input direct_input(struct direct *d);

#endif
