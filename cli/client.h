/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking a socketd: finding one, starting one, opening a stream, how it is */

#ifndef SOCKETD_CLI_CLIENT_H
#define SOCKETD_CLI_CLIENT_H

#include "cli/feed.h"

struct client;
struct json_object;

/*
 * Opens a stream at the first daemon that there is: --bus=, else the system
 * bus, else the private socket, else a daemon of our own as a child. *ret_fd is
 * the caller's. -EHOSTUNREACH there is none and none can be started; -EACCES,
 * -EINVAL (a refused filter or field) and others as the daemon answers.
 */
int client_open(struct client **ret, const struct feed_request *req, int *ret_fd, char ret_message[FEED_MESSAGE_MAX]);

/*
 * GetStatus of the daemon that runs, as {"status":{...},"sources":[{...}]}
 * (json_object_put frees it). None is started for it. Errors as above.
 */
int client_status(const char *bus, struct json_object **ret, char ret_message[FEED_MESSAGE_MAX]);

/*
 * DestroySocket, of the daemon that a stream was opened at; polkit may ask the
 * user for a password meanwhile. 0; -ENOENT it is gone, -EOPNOTSUPP, -EACCES, or
 * -EIO for all else; ret_why is then what the daemon says, safe to print.
 */
int client_destroy(struct client *c, uint64_t netns, uint64_t cookie, char ret_why[FEED_MESSAGE_MAX]);

/* Over a message bus, not a connection of our own. */
bool client_is_on_bus(const struct client *c);

/* A daemon is there and did not answer in time: another one, which began for it, does. */
bool client_is_substitute(const struct client *c);

struct client *client_free(struct client *c);
DEFINE_CLEANUP_PTR(struct client, client_free)

#endif
