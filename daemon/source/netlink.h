/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sock_diag socket: sending a request, receiving batches straight into an arena */

#ifndef SOCKETD_SOURCE_NETLINK_H
#define SOCKETD_SOURCE_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "model/netns.h"
#include "snapshot/arena.h"

struct mnl_socket;
struct netns_door;

/* The kernel fills at most 32 KiB of a dump at a time; a single message can be larger. */
#define NETLINK_BATCH_MAX (128u * 1024)

struct netlink {
	struct mnl_socket *socket;
	int fd;
	uint32_t portid;
	uint32_t seq; /* of the request that is being answered */
	bool privileged;
	unsigned int generation; /* grows when fd is another one, though maybe of the same number */
	/* Of netlink_open_in: */
	uint32_t netns;          /* inode number of the socket's namespace; 0 where it was not said */
	struct netns_door *door; /* NULL for our own namespace */
	char *path;              /* that leads to it, for another socket */
};

/*
 * Opens NETLINK_SOCK_DIAG in the calling thread's network namespace. Without
 * privileged the socket is made without CAP_NET_ADMIN: the kernel asks for it
 * of the one who opened as well as of the one who sends, so it leaves out of
 * the answers what an ordinary user must not see (marks, ULP, MD5 keys, filters).
 */
int netlink_open(struct netlink *ret, bool privileged);

/*
 * Opens it inside a namespace, privileged:
 *	r = netlink_open_in(&nl, door, ns);
 *	dump_begin(&dump, id, &req, &nl, arena, now);    its blocks say ns->ino
 *	...
 *	netlink_close(&nl);
 * The door outlives it, ns need not. Such a socket keeps the namespace: it is closed
 * when no process and no mount of it is left (netns_discover), or at once after a
 * reading. -ENOENT and -ESTALE: it is gone, or its path leads elsewhere by now; else
 * errors of netns_enter_fd and netns_door_open. The own one is opened as by netlink_open.
 */
int netlink_open_in(struct netlink *ret, struct netns_door *d, const struct netns *ns);

/* As netlink_open, over a socket that there is already. Takes fd, also on failure. */
int netlink_adopt(struct netlink *ret, int fd, uint32_t portid);

/*
 * Another socket of the same namespace in place of this one: what the old one may still answer is
 * lost. On failure it is closed (fd < 0); -ESTALE: its path does not lead there any more.
 */
int netlink_reopen(struct netlink *nl);
void netlink_close(struct netlink *nl);
DEFINE_CLEANUP(struct netlink, netlink_close)

/* Sends a request; its nlmsg_seq is set here, and only answers to it are received from now on. */
int netlink_send(struct netlink *nl, struct nlmsghdr *request);

/* The same for several in a row, len bytes in all. All have one nlmsg_seq: the kernel answers in their order. */
int netlink_send_all(struct netlink *nl, void *requests, size_t len);

/* What one receive brought. */
struct netlink_batch {
	uint32_t n_messages;
	bool interrupted; /* NLM_F_DUMP_INTR */
	bool done;        /* the answer ends here */
	int error;        /* with done: 0 or the negative errno that the kernel said */
};

/* Which messages of a batch are kept, and how. */
struct netlink_keep {
	uint32_t source;    /* enum source_id, for the block's head */
	uint32_t netns;     /* inode number for it; 0 for that of the SOURCE block */
	uint8_t family;     /* drop messages whose first byte is another one; 0 keeps all */
	bool wipe_md5_keys; /* inet_diag messages that can have INET_DIAG_MD5SIG: the keys are zeroed */
	bool module_sockets; /* of the kernel module's messages those of sockets; what it says of itself is no row */
};

/*
 * Receives one batch as a MESSAGES block, or nothing where no message is for
 * us: answers to another request or port, and what did not come from the
 * kernel, are dropped. -EAGAIN nothing there; -ENOBUFS the kernel lost answers;
 * -EMSGSIZE cut short; -EBADMSG a broken chain; -ENOMEM. After the middle three
 * the socket is of no use until it is reopened.
 */
int netlink_receive(struct netlink *nl, struct arena *a, const struct netlink_keep *keep,
		    struct netlink_batch *ret);

/*
 * Zeroes the keys of TCP_MD5SIG in an inet_diag message: they stand in the clear
 * in what CAP_NET_ADMIN is told. No block ever has them.
 */
void netlink_wipe_md5_keys(struct nlmsghdr *h);

#endif
