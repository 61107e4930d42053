/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where sockctl's answers come from: a daemon, the kernel itself, or a recording */

#ifndef SOCKETD_CLI_FEED_H
#define SOCKETD_CLI_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/field.h"
#include "snapshot/reader.h"

struct feed;

/* What is asked. Strings are borrowed for the call. */
struct feed_request {
	const char *file;       /* --file: a recording; NULL for live */
	bool direct;            /* --direct: no daemon */
	const char *bus;        /* --bus=: "system", "session" or an address; NULL to search */
	const char *expression; /* the whole filter as text, "" for all; it must parse */
	const enum field_id *fields; /* what will be shown; NULL for everything (GROUPS_DETAIL) */
	size_t n_fields;
	uint64_t max_age_usec; /* UINT64_MAX: the daemon's to say */
	bool events;           /* a stream of events, which only a daemon has */
	bool initial;          /* events: first what is there */
	bool authorize;        /* polkit may ask the user for a password, to see all */
};

/*
 * Opens a feed; on failure ret_message (NULL-terminated, safe to print, one
 * line) says what failed, on what, why and what to do. -ENOENT etc. for a file,
 * -EHOSTUNREACH no daemon, -EACCES not allowed, -EINVAL refused filter.
 */
#define FEED_MESSAGE_MAX 512
int feed_open(struct feed **ret, const struct feed_request *req, char ret_message[FEED_MESSAGE_MAX]);
struct feed *feed_free(struct feed *f);
DEFINE_CLEANUP_PTR(struct feed, feed_free)

/* The block stream of the answer, from its header on. */
struct input feed_input(struct feed *f);

/* A remark for stderr, or NULL: "no daemon, reading directly". */
const char *feed_note(const struct feed *f);

/* The descriptor to wait at, or -1 when there is none (--direct). */
int feed_fd(const struct feed *f);

/* The daemon that answers, while the feed lives; NULL where there is none. */
struct client;
struct client *feed_client(const struct feed *f);

/* The raw bytes go to fd instead (record). Number of bytes, or a negative errno. */
int64_t feed_copy(struct feed *f, int fd);

#endif
