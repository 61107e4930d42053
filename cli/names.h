/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of hosts and services, remembered: -r */

#ifndef SOCKETD_CLI_NAMES_H
#define SOCKETD_CLI_NAMES_H

#include <stdint.h>

#include "model/address.h"
#include "model/cleanup.h"

struct names;

/* Exits when memory is short. */
struct names *names_new(void);
struct names *names_free(struct names *n);
DEFINE_CLEANUP_PTR(struct names, names_free)

/* Safe to print, valid until the next call; NULL when there is none. This asks the network. */
const char *names_host(struct names *n, const struct address *a);

/* netid: "tcp" or "udp" as services(5) has them. */
const char *names_service(struct names *n, uint16_t port, const char *netid);

#endif
