/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request of one reading: a copy of its own, with both families of TCP in one where they can be */

#ifndef SOCKETD_SOURCE_READING_REQUEST_H
#define SOCKETD_SOURCE_READING_REQUEST_H

#include <stdbool.h>

#include "model/request.h"

/* -ENOMEM; -E2BIG for more bytecode or gets than a request may have. ret is to be given back then, too. */
int reading_request_copy(struct request *ret, const struct request *req);

/* Whether a source is read by single gets. */
bool reading_is_by_gets(const struct request *req, unsigned int id);

#endif
