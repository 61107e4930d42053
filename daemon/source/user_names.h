/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of users, each looked up once */

#ifndef SOCKETD_SOURCE_USER_NAMES_H
#define SOCKETD_SOURCE_USER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define USER_NAMES_MAX 256 /* that are remembered, by uid modulo */

struct user_name {
	bool known;
	uint32_t uid;
	uint32_t gid; /* login group; UINT32_MAX when there is none */
	char name[64]; /* "" when there is none */
};

struct user_names {
	struct user_name rows[USER_NAMES_MAX]; /* zeros at first */
};

/* Valid until the next call. */
const struct user_name *user_names_find(struct user_names *u, uint32_t uid);

#endif
