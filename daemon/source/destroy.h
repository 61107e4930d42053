/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel says by itself: TCP and UDP sockets that are destroyed */

#ifndef SOCKETD_SOURCE_DESTROY_H
#define SOCKETD_SOURCE_DESTROY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/cleanup.h"
#include "snapshot/arena.h"
#include "source/multicast.h"

struct mnl_socket;

/*
 * The multicast groups SKNLGRP_INET{,6}_{TCP,UDP}_DESTROY of sock_diag
 * (net/core/sock_diag.c, sock_diag_broadcast_destroy()). Each message is the
 * socket's last inet_diag_msg with its tcp_info; the socket has left its file,
 * so there is no inode. No right is needed to listen. TIME-WAIT and request
 * socks are not told; the socket that a TIME-WAIT stands for was told before.
 */
struct destroy {
	struct mnl_socket *socket;
	int fd; /* -1 when it is closed */
	uint32_t portid;
	uint64_t n_lost;      /* that the kernel dropped because we were slow, since it was opened */
	struct multicast group;
};

/* Receive buffer that is asked for: at about 850 bytes a message, 20 000 closings. SO_RCVBUFFORCE where we may. */
#define DESTROY_BUFFER (32u * 1024 * 1024)

/*
 * Joins the groups. Errors of opening and of joining: a kernel without
 * CONFIG_INET_DIAG_DESTROY still has them; one before 4.2 does not (-ENOENT).
 */
int destroy_open(struct destroy *ret);
/* As destroy_open, over an unbound netlink socket of another namespace (source/netns_door.h). Takes fd, also on failure. */
int destroy_join(struct destroy *ret, int fd);
/* As destroy_open, over a socket that there is already: for tests. Takes fd, also on failure. */
int destroy_adopt(struct destroy *ret, int fd, uint32_t portid);
void destroy_close(struct destroy *d);
DEFINE_CLEANUP(struct destroy, destroy_close)

/*
 * Takes what one receive brings as a MESSAGES block of its source (tcp4, tcp6,
 * udp4, udp6, udplite4, udplite6). 1 when there was something; -EAGAIN nothing
 * is there; -ENOMEM; -EBADMSG for a message that is none (it is dropped).
 * -ENOBUFS when the kernel dropped messages: *ret_lost is how many since the
 * last time (SO_MEMINFO, Linux 4.12; else 1 for one or more); go on receiving.
 * Once -EAGAIN has been seen, what was received and lost is all that there was.
 * TCP keys (INET_DIAG_MD5SIG) are wiped as in dumps.
 */
int destroy_receive(struct destroy *d, struct arena *a, uint64_t *ret_lost);

#endif
