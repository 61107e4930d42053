/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel module: what it is asked, and whether it is there */

#ifndef SOCKETD_SOURCE_MODULE_H
#define SOCKETD_SOURCE_MODULE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/request.h"
#include "snapshot/arena.h"

/* Fixed part and attributes, of any request of ours. */
#define MODULE_REQUEST_MAX 128

/* The request of a reading, into a message that has its header. wide: without the pid, which takes CAP_SYS_PTRACE, or where none is asked for without the other namespaces. */
void module_put_request(struct nlmsghdr *h, const struct module_request *req, bool wide);
/* Who holds which socket. buf is MODULE_REQUEST_MAX long and aligned to 4. */
struct nlmsghdr *module_tasks_request(void *buf);

/* What the module says of itself. */
struct module_info {
	char version[16];      /* "" when it is not there */
	uint32_t uapi_version;
	uint32_t flags;        /* SOCKETD_META_* */
	int error;             /* negative errno of one that is there and does not answer; 0 else */
};

/*
 * Asks it: a handful of system calls, without a walk. 0, whatever it says: that
 * it is not loaded (ENOENT) is no error of it. What keeps us from asking, errors
 * of opening netlink, -ENOMEM and -ENOBUFS, leaves *ret as it was.
 */
int module_probe(struct module_info *ret);

#endif
