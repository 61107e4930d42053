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
#include "snapshot/netns_table.h"
#include "snapshot/process_table.h"
#include "snapshot/reader.h"
#include "snapshot/unit_table.h"

/* Bounds on what a stream may make us keep; past them, and those of the tables, context_apply says -E2BIG. */
#define CONTEXT_NAMES_MAX (1024u * 1024)
#define CONTEXT_FAILURES_MAX 1024u /* those past it are not listed; the source's state has the first */

/* Of all namespaces that it was read in: counts are sums. */
struct source_state {
	bool seen;   /* a SOURCE block named it */
	bool ended;  /* each SOURCE block was closed by a SOURCE_END */
	int error;   /* 0 when all was read; else errno of the first that failed, before those that the kernel lacks */
	uint32_t interrupted;
	uint64_t n_messages;
	uint64_t netns; /* inode of the last SOURCE's namespace: of messages whose head names none */
	uint32_t n_open;
};

/* A reading that failed, in one namespace. Not of a source that the kernel lacks. */
struct source_failure {
	uint64_t netns;
	enum source_id source;
	int error;
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

/* Whether a source was read to its end in a namespace, without an error. */
bool context_source_is_whole(const struct context *c, enum source_id id, uint64_t netns);

/* A source's error that only says that this kernel has no such family: nothing is missing from the answer. */
bool source_is_absent(int error);

/* The readings that failed, as they came. */
const struct source_failure *context_failures(const struct context *c, size_t *ret_n);

/*
 * Namespaces that the stream told of so far. context_netns: by inode number, or NULL.
 * context_netns_at: the i-th by inode number, or NULL behind the last. context_netns_own:
 * the reader's own; 0 when that is not known.
 */
const struct netns_info *context_netns(const struct context *c, uint64_t ino);
const struct netns_info *context_netns_at(const struct context *c, size_t i);
size_t context_n_netns(const struct context *c);
uint64_t context_netns_own(const struct context *c);

/* How many namespaces are known of and were not read. False where others than the own were not asked for; valid once END is read. */
bool context_hidden_netns(const struct context *c, uint32_t *ret_hidden);

/* Of a device; netns 0 is the reader's own. NULL for none. */
const char *context_link_name(const struct context *c, uint64_t netns, uint32_t ifindex);

/*
 * The .socket unit that listens on the UNIX socket of a name (bytes as the kernel has them: a path,
 * or NUL and the abstract name), and the first told of by the unit's own name. NULL for none.
 */
const struct socket_unit *context_socket_unit(const struct context *c, const char *name, size_t len);
const struct socket_unit *context_unit(const struct context *c, const char *unit, size_t len);

/* Whether a process or a socket's cgroup told of so far is in a unit or a container. */
bool context_has_units(const struct context *c);

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
