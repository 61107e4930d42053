/* SPDX-License-Identifier: GPL-2.0-only */
/* One look at a socket: what needs a lock is copied once, everything else is read from the sock */

#ifndef SOCKETD_LOOK_H
#define SOCKETD_LOOK_H

#include <linux/module.h>
#include <linux/uidgid.h>

#include "socketd.h"

/**
 * struct socketd_look - a socket that is being told
 * @f: what the walk found; it holds the references
 * @q: for whom
 * @sk: of @f
 * @has_socket: there is a struct socket behind it: @inode, @uid and @socket are filled
 * @has_file: likewise an open file
 * @has_peer: somebody's credentials are kept: @peer is filled
 * @inode: in sockfs
 * @uid: of the inode: who made it, or was given it by fchown()
 * @packet_ifindex: AF_PACKET: the device it is bound to, 0 for all
 * @packet_protocol: AF_PACKET: ethertype, host order
 * @socket: copied from struct socket; the functions are addresses to be named, never called
 * @peer: in the caller's namespaces; @peer.pid is 0 when it is in none of them
 */
struct socketd_look {
	const struct socketd_found *f;
	const struct socketd_query *q;
	struct sock *sk;
	bool has_socket;
	bool has_file;
	bool has_peer;
	u64 inode;
	kuid_t uid;
	u32 packet_ifindex;
	u16 packet_protocol;
	struct {
		u32 state;
		u16 type;
		bool has_waiters;
		bool has_fasync;
		u32 file_flags;
		u32 file_count;
		u64 flags;
		u64 wq_flags;
		u64 cookie;
		const void *sendmsg;
		const void *recvmsg;
		const void *poll;
		char owner[MODULE_NAME_LEN];
	} socket;
	struct {
		u32 pid;
		u32 uid;
		u32 gid;
	} peer;
};

/* A text field. The kernel's longest function names are shorter. */
struct socketd_text {
	char buf[160];
};

/* look.c. Of a mini socket nothing is copied. */
void socketd_look(struct socketd_look *ret, const struct socketd_query *q, const struct socketd_found *f);
void socketd_read_head(struct socketd_message *ret, const struct socketd_look *l);
/* Local and peer as sockaddr: length, 0 when there is none to tell. */
int socketd_read_local(const struct socketd_look *l, struct sockaddr_storage *ret);
int socketd_read_peer(const struct socketd_look *l, struct sockaddr_storage *ret);

/* groups.c: fields of a full socket, into zeroed memory. Values are as the catalogue says, in its units. */
void socketd_read_socket(struct socketd_socket_fields *ret, const struct socketd_look *l);
void socketd_read_sock(struct socketd_sock_fields *ret, const struct socketd_look *l);
void socketd_read_flow(struct socketd_flow_fields *ret, const struct socketd_look *l);

/* names.c. Text fields of the groups of the query, one call each; a put that fails ends it. */
int socketd_read_names(const struct socketd_look *l, int (*put)(void *ctx, u16 id, const char *text), void *ctx);
/* Name of a kernel function; false when there is none, or it has no name: an address is never told. */
bool socketd_text_function(struct socketd_text *ret, const void *function);
/* A name from a kernel object; false when it is empty. */
bool socketd_text_name(struct socketd_text *ret, const char *name);

#endif
