/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a stream tells beside the messages: host, namespaces, devices, groups, processes, owners, sources */

#ifndef SOCKETD_SNAPSHOT_CONTEXT_H
#define SOCKETD_SNAPSHOT_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/source_id.h"
#include "snapshot/module_rows.h"
#include "snapshot/reader.h"

/* Bounds on what a stream may make us keep; past them, and MODULE_ROWS_MAX, context_apply says -E2BIG. */
#define CONTEXT_PROCESSES_MAX (4u * 1024 * 1024)
#define CONTEXT_OWNERS_MAX (64u * 1024 * 1024)
#define CONTEXT_NAMES_MAX (1024u * 1024)

struct process {
	uint32_t pid;
	uint32_t uid;
	const char *comm; /* any bytes */
	size_t comm_len;
	const char *user; /* NULL when the uid has no name */
};

struct source_state {
	bool seen;   /* a SOURCE block named it */
	bool ended;  /* a SOURCE_END block closed it */
	int error;   /* errno of the reading, 0 when whole */
	uint32_t interrupted;
	uint64_t n_messages;
	uint64_t netns; /* inode of its namespace */
};

struct host_info {
	uint64_t realtime_usec, boottime_usec;
	uint64_t table_age_usec; /* 0: no table was used */
	uint32_t uid;
	char name[256], release[256], version[64], boot_id[40];
};

/* What happened, in a stream of events. */
struct event_info {
	uint32_t kind; /* enum socketd_event_kind */
	uint64_t realtime_usec, generation, n_lost;
	uint32_t old_state; /* 0 when it was never seen in another */
};

struct context;

int context_new(struct context **ret);
struct context *context_free(struct context *c);
DEFINE_CLEANUP_PTR(struct context, context_free)

/*
 * Takes in a block; unknown ones are skipped, and so are MESSAGES and LINES but
 * for the kernel module's, which are kept in context_module().
 * -EBADMSG, -E2BIG, -ENOMEM. Strings are copied. After an EVENT nothing is known
 * of owners until the blocks behind it tell; an OWNERS block without a row tells
 * that they are known, and none.
 */
int context_apply(struct context *c, const struct block *b);

/* What the kernel module told so far. */
struct module_rows *context_module(struct context *c);

/* A byte for each of n rows of a module's messages, 0 at first, of this context's reader. NULL when memory is short. */
uint8_t *context_marks(struct context *c, size_t n);

/* The last EVENT block; NULL in a stream that has had none. */
const struct event_info *context_event(const struct context *c);

/* The rows of the last TRACKS block, once: they are of the next messages only. Valid until the next TRACKS block. */
const struct socketd_track *context_take_tracks(struct context *c, size_t *ret_n);

const struct host_info *context_host(const struct context *c);
const struct source_state *context_source(const struct context *c, enum source_id id); /* never NULL */
const char *context_link_name(const struct context *c, uint32_t ifindex);           /* or NULL */
const char *context_cgroup_path(const struct context *c, uint64_t id);              /* or NULL */

/* Owners were asked for, and (ret_error) how the scan went: 0, or errno. Valid once END is read. */
bool context_owners_known(const struct context *c, int *ret_error, uint32_t *ret_hidden);

/* Whether the stream has OWNERS or PROCESS blocks so far (since its last EVENT): the scan was made. */
bool context_has_owners(const struct context *c);

/*
 * The n-th owner of an inode, in order of pid and fd: true and both results
 * (process may be NULL: its block is missing), or false when there are fewer.
 */
bool context_owner(const struct context *c, uint64_t inode, unsigned n, const struct process **ret_process,
		   uint32_t *ret_pid, uint32_t *ret_fd);

#endif
