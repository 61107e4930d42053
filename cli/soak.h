/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream's input that takes what has come before it is needed, so that the sender's queue does not run over */

#ifndef SOCKETD_CLI_SOAK_H
#define SOCKETD_CLI_SOAK_H

#include <stdbool.h>

#include "snapshot/reader.h"

/* What is taken beforehand and no more. */
#define SOAK_MAX ((size_t)64 * 1024 * 1024)

struct soak {
	int fd; /* a socket */
	int (*wait)(void *ctx); /* nothing is there: waits until something is; its errors end the input */
	void *ctx;
	uint8_t *now, *next; /* what the reader has, and what has come since */
	size_t now_start, now_end, next_len, next_size;
	bool at_end;
};

void soak_deinit(struct soak *s);
DEFINE_CLEANUP(struct soak, soak_deinit)

/* Takes what is there, without waiting. A negative errno. */
int soak_up(struct soak *s);

struct input soak_input(struct soak *s);

#endif
