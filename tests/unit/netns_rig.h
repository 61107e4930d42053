/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces of a test's own: kept by a descriptor, by a process, with sockets in them */

#ifndef SOCKETD_TESTS_NETNS_RIG_H
#define SOCKETD_TESTS_NETNS_RIG_H

#include <stdint.h>
#include <sys/types.h>

/* A new one, its loopback up, that this descriptor alone keeps. Fatal where that is not allowed. */
int rig_netns_new(void);
uint64_t rig_ino(int ns_fd);
/* SO_NETNS_COOKIE: of a socket, so told by the kernel and not by us. */
uint64_t rig_netns_cookie(int socket_fd);
uint64_t rig_socket_cookie(int socket_fd);

/* A socket inside; the caller's own namespace is the same before and after. */
int rig_socket_in(int ns_fd, int family, int type, int protocol);

/* A process in the namespace that does nothing until it is told to end. */
pid_t rig_process_in(int ns_fd);
/* The same, of this user. */
pid_t rig_process_of(int ns_fd, uid_t uid);
void rig_process_end(pid_t pid);

/* Runs it in a child process, which may change what is a process's own. What it returned. */
int rig_in_child(int (*fn)(void *ctx), void *ctx);

/* Open descriptors of this process. */
unsigned int rig_n_fds(void);

#endif
