/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network namespaces that are tracked: found, opened, let go of */

#ifndef SOCKETD_TRACK_NAMESPACES_H
#define SOCKETD_TRACK_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/netns.h"
#include "snapshot/arena.h"
#include "source/destroy.h"
#include "source/links.h"
#include "source/netlink.h"
#include "source/netns_door.h"
#include "track/dropped.h"
#include "track/table.h"

struct events_source;
struct tracker;

#define NETNS_ADOPT_STEP 8   /* namespaces that are opened in one step of a pass: about a millisecond by the helper */
#define NETNS_READY_MAX 64   /* that are listened to in one step */
/* Of the time between two discoveries so much is their cost at most: one in fifty. */
#define NETNS_DISCOVER_SHARE 50

#define CENSUS_FILES 2

#define SOURCE_BIT(id) (UINT64_C(1) << (id))

/* What tells by itself, in each namespace: an epoll set for each kind, so that one wait says where to look. */
enum track_ear {
	EAR_DESTROY,
	EAR_LINKS,
	EAR_HEARD, /* the kernel module's changes (heard.c) */
	EAR_COUNT
};

/* Our sockets in a namespace. */
enum track_socket {
	SOCKET_DUMPS,
	SOCKET_CLOSINGS,
	SOCKET_LINKS,
	SOCKET_LINK_EVENTS,
	SOCKET_HEARD,
	SOCKET_COUNT
};

/*
 * One namespace. Our sockets in it keep it alive; so when nobody else has it any
 * more (discovery does not find it, and no other process holds a socket of it but netlink's) they are closed.
 */
struct track_netns {
	struct netns id;     /* as discovery last said; slot 0 is our own */
	uint16_t slot;       /* track_entry.netns */
	bool found;          /* by the discovery that this pass began with; ours always */
	bool leaving;        /* nobody else has it: its sockets go with this pass's sweep */
	bool told;           /* listeners know of it */
	bool destroy_tried, backlog; /* backlog: closings were left in destroy when its turn was over */
	struct netlink nl;   /* for dumps; fd -1: it cannot be read */
	struct destroy destroy;
	struct links *links; /* while somebody listens */
	struct events_source *heard; /* heard.c; NULL while there is no module, or nobody listens */
	bool hides_uids;     /* what is heard of uids is of an inner user namespace */
	uint64_t sockets[SOCKET_COUNT]; /* inodes of ours */
	struct dropped dropped;
	uint64_t known;      /* SOURCE_BIT: read whole in an earlier pass: what is new was opened since */
	uint64_t read_whole; /* in this pass */
	uint64_t whole;      /* in the last pass */
	uint64_t n_sockets;  /* entries */
	uint32_t n_of[SOURCE_COUNT]; /* of each source */
	int census_fds[CENSUS_FILES]; /* census.c */
	uint64_t n_held;     /* that this pass saw and another process holds; counted where discovery did not find it */
	uint32_t n_passes;   /* that it was read in to the end */
	int error;           /* why it cannot be read; 0 when it can */
};

struct namespaces {
	struct track_netns **rows; /* by slot; NULL for a free one; row 0 is ours */
	unsigned int n_rows, n;
	struct netns_door *door;
	int ears[EAR_COUNT];       /* epoll sets, each in the tracker's */
	unsigned int n_backlog;

	struct netns_list found;   /* of the discovery, until all are taken in */
	size_t next_found;
	uint64_t next_discovery_usec, last_discovery_usec;
	bool discovered;           /* there was a discovery before, and it told all that this one does */
	uint32_t n_hidden;
	int error;                 /* why others are not read: -EHOSTDOWN we may not */
	struct arena news;
	void (*tell)(void *ctx, const struct netns *ns, bool added);
	void *tell_ctx;
};

int namespaces_init(struct tracker *t);
void namespaces_deinit(struct tracker *t);

/* Never NULL: an entry's namespace outlives it. */
static inline struct track_netns *namespaces_at(const struct namespaces *n, uint16_t slot)
{
	return n->rows[slot];
}

/* The next of all, from *slot on; NULL behind the last. */
struct track_netns *namespaces_next(const struct namespaces *n, unsigned int *slot);
struct track_netns *namespaces_find(const struct namespaces *n, uint64_t ino);

/* An entry is of it from now on, or is to be removed. */
static inline void namespaces_count_in(struct track_netns *ns, struct track_entry *e)
{
	e->netns = ns->slot;
	ns->n_sockets++;
	ns->n_of[e->source]++;
}

static inline void namespaces_count_out(struct track_netns *ns, const struct track_entry *e)
{
	ns->n_sockets--;
	ns->n_of[e->source]--;
}

/* A pass begins: looks for namespaces. -ENOMEM; without /proc ours is all. */
int namespaces_discover(struct tracker *t, uint64_t now);
/* Opens some of those found, and what is not open of those there are. 1 more to do, 0 all are; -ENOMEM. */
int namespaces_adopt(struct tracker *t);
/* Before the sweep: which are to go. */
void namespaces_decide(struct tracker *t);
/* Behind it: lets go of them. */
void namespaces_let_go(struct tracker *t);

/*
 * A descriptor for something inside (enum netns_thing), the caller's. Of our own
 * namespace -1: open it as ever. Else as netns_door_open.
 */
int namespaces_open_thing(struct tracker *t, const struct track_netns *ns, enum netns_thing thing, const char *name);
/* A socket of ours is in it: no event is made of it. */
void namespaces_note_socket(struct track_netns *ns, enum track_socket which, int fd);
/* Whether a socket is one of those. */
bool namespaces_is_ours(const struct track_netns *ns, uint64_t inode);

/*
 * Listens to a descriptor, until namespaces_unwatch() before it is closed: an owner scan's child can
 * have a copy, and the set would go on telling of it.
 */
int namespaces_watch(struct tracker *t, const struct track_netns *ns, enum track_ear ear, int fd);
void namespaces_unwatch(struct tracker *t, enum track_ear ear, int fd);
/* Those that have something to tell. How many; at most NETNS_READY_MAX. */
unsigned int namespaces_ready(struct tracker *t, enum track_ear ear, struct track_netns *ret[static NETNS_READY_MAX]);

/* Devices: on while somebody listens. */
void namespaces_want_links(struct tracker *t, bool want);
/* Takes in what the kernel says of them. */
void namespaces_receive_links(struct tracker *t);

#endif
