/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests of NETLINK_SOCK_DIAG, one builder for each family */

#ifndef SOCKETD_SOURCE_DIAG_H
#define SOCKETD_SOURCE_DIAG_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/request.h"

/* The bytecode, and fixed parts that are far below 512 bytes. */
#define DIAG_REQUEST_MAX (REQUEST_BYTECODE_MAX + 512)

/* How a source is asked; each is a superset of the one before. */
enum diag_form {
	DIAG_EXACT,     /* one socket, no dump */
	DIAG_DUMP,      /* all that the request's states and bytecode let through */
	DIAG_DUMP_WIDE, /* the same without bytecode, storage and pid, for a kernel that refuses them */
};

/* The first form to try. */
enum diag_form diag_first_form(enum source_id id, const struct request *req);

/*
 * Builds the request of a source. Returns its header in buf, which must be
 * aligned to 4 and DIAG_REQUEST_MAX long; NULL for a source that has none.
 */
struct nlmsghdr *diag_request(void *buf, enum source_id id, const struct request *req, enum diag_form form);

/* A get is far smaller than this, with all attributes it can have. */
#define DIAG_GET_MAX 128

/* Builds the request for one TCP socket of source_request.gets, as diag_request does; buf is DIAG_GET_MAX long. */
struct nlmsghdr *diag_get(void *buf, enum source_id id, const struct request *req, const struct exact_key *key);

/* Whether DIAG_DUMP asks for BPF storage, which takes CAP_BPF: without it the kernel refuses all with EPERM. */
bool diag_asks_storages(enum source_id id, const struct request *req);

/* Whether messages of this source can have INET_DIAG_MD5SIG. */
bool diag_can_have_md5(enum source_id id, const struct request *req);

#endif
