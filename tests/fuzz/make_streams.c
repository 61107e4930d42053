/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the streams that fuzz_stream begins with and no recording gives: with TRACKS, of events, of several namespaces */

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/cleanup.h"
#include "model/source_id.h"
#include "snapshot/writer.h"

static int put_source(struct arena *a, enum source_id source)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE);
	attr_block_u32(&b, SOCKETD_SOURCE_ID, source);
	attr_block_string(&b, SOCKETD_SOURCE_NAME, source_def_get(source)->name);
	return attr_block_write(&b, a);
}

static int put_bytes(struct arena *a, uint32_t type, const void *data, size_t len)
{
	struct bulk_block b;
	int r;

	r = bulk_block_begin(&b, a, type, len);
	if (r < 0)
		return r;
	memcpy(b.payload, data, len);
	bulk_block_end(&b, a, len);
	return 0;
}

/* Established rows of TCP with inode 77 and up. */
static int put_messages(struct arena *a, unsigned n)
{
	struct {
		struct socketd_messages head;
		struct {
			struct nlmsghdr h;
			struct inet_diag_msg m;
		} rows[4];
	} all = { .head.source = SOURCE_tcp4 };

	for (unsigned i = 0; i < n; i++) {
		all.rows[i].h.nlmsg_len = sizeof(all.rows[i]);
		all.rows[i].m = (struct inet_diag_msg){ .idiag_family = 2, .idiag_state = 1, .idiag_inode = 77 + i };
		all.rows[i].m.id.idiag_cookie[0] = i + 1;
	}
	return put_bytes(a, SOCKETD_BLOCK_MESSAGES, &all, sizeof(all.head) + n * sizeof(all.rows[0]));
}

static int put_tracks(struct arena *a, unsigned n)
{
	struct socketd_track tracks[4] = { 0 };

	for (unsigned i = 0; i < n; i++)
		tracks[i] = (struct socketd_track){
			.age = 5000000, .state_age = 90000000, .tx_rate = 1000, .retrans_rate = 1500,
			.flags = SOCKETD_TRACK_KNOWN | SOCKETD_TRACK_RATES | SOCKETD_TRACK_AGE_AT_LEAST,
		};
	return put_bytes(a, SOCKETD_BLOCK_TRACKS, tracks, n * sizeof(tracks[0]));
}

static int put_end(struct arena *a)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_END);
	attr_block_u64(&b, SOCKETD_END_MESSAGES, 3);
	return attr_block_write(&b, a);
}

static int write_tracks(struct arena *a)
{
	struct attr_block b;
	int r;

	attr_block_begin(&b, SOCKETD_BLOCK_HOST);
	attr_block_u64(&b, SOCKETD_HOST_REALTIME, 1700000000000000);
	attr_block_u64(&b, SOCKETD_HOST_TABLE_AGE, 400000);
	r = attr_block_write(&b, a);
	if (r >= 0)
		r = put_source(a, SOURCE_tcp4);
	if (r >= 0)
		r = put_tracks(a, 3);
	if (r >= 0)
		r = put_messages(a, 4);
	if (r >= 0)
		r = put_tracks(a, 4);
	if (r >= 0)
		r = put_messages(a, 2);
	return r < 0 ? r : put_end(a);
}

#define OWN_NETNS 4026531840u
#define OTHER_NETNS 4026532201u

static int put_netns(struct arena *a, uint64_t ino, const char *name, bool own)
{
	struct attr_block b;
	int r;

	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_u64(&b, SOCKETD_NETNS_INO, ino);
	attr_block_string(&b, SOCKETD_NETNS_NAME, name);
	attr_block_u32(&b, SOCKETD_NETNS_PID, 100);
	if (own)
		attr_block_u32(&b, SOCKETD_NETNS_OWN, 1);
	r = attr_block_write(&b, a);
	if (r < 0)
		return r;
	attr_block_begin(&b, SOCKETD_BLOCK_LINK);
	attr_block_u32(&b, SOCKETD_LINK_IFINDEX, 1);
	attr_block_string(&b, SOCKETD_LINK_NAME, "lo");
	attr_block_u64(&b, SOCKETD_LINK_NETNS, ino);
	return attr_block_write(&b, a);
}

static int put_unit(struct arena *a)
{
	struct attr_block b;
	int r;

	attr_block_begin(&b, SOCKETD_BLOCK_UNIT);
	attr_block_string(&b, SOCKETD_UNIT_SOCKET, "dbus.socket");
	attr_block_string(&b, SOCKETD_UNIT_SERVICE, "dbus.service");
	attr_block_bytes(&b, SOCKETD_UNIT_LISTEN, "/run/dbus", 9);
	r = attr_block_write(&b, a);
	if (r < 0)
		return r;
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, 1);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, "systemd");
	attr_block_string(&b, SOCKETD_PROCESS_CGROUP, "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope");
	return attr_block_write(&b, a);
}

/* Two sockets of AF_UNIX that are each other's end, and one that waits: what joins ends. */
static int put_unix(struct arena *a, uint32_t netns)
{
	struct {
		struct socketd_messages head;
		struct {
			struct nlmsghdr h;
			struct unix_diag_msg m;
			struct nlattr peer_head;
			uint32_t peer;
			struct nlattr name_head;
			char name[12];
		} rows[2];
	} all = { .head = { .source = SOURCE_unix, .netns = netns } };

	for (uint32_t i = 0; i < 2; i++) {
		all.rows[i].h.nlmsg_len = sizeof(all.rows[i]);
		all.rows[i].m = (struct unix_diag_msg){ .udiag_family = 1, .udiag_type = 1, .udiag_state = 1, .udiag_ino = 77 + i };
		all.rows[i].m.udiag_cookie[0] = 500 + i;
		all.rows[i].peer_head = (struct nlattr){ 8, UNIX_DIAG_PEER };
		all.rows[i].peer = 78 - i;
		all.rows[i].name_head = (struct nlattr){ 13, UNIX_DIAG_NAME };
		memcpy(all.rows[i].name, "/run/dbus", 9);
	}
	return put_bytes(a, SOCKETD_BLOCK_MESSAGES, &all, sizeof(all));
}

static int put_source_end(struct arena *a, enum source_id source, uint64_t netns, uint32_t error)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_SOURCE_END);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ID, source);
	attr_block_u32(&b, SOCKETD_SOURCE_END_ERROR, error);
	attr_block_u64(&b, SOCKETD_SOURCE_END_NETNS, netns);
	return attr_block_write(&b, a);
}

static int write_namespaces(struct arena *a)
{
	const struct socketd_owner owners[] = { { .inode = 77, .pid = 1, .fd = 3 }, { .inode = 78, .pid = 100, .fd = 4 } };
	int r = put_netns(a, OWN_NETNS, "host", true);

	if (r >= 0)
		r = put_netns(a, OTHER_NETNS, "docker:0123456789ab", false);
	if (r >= 0)
		r = put_unit(a);
	if (r >= 0)
		r = put_bytes(a, SOCKETD_BLOCK_OWNERS, owners, sizeof(owners));
	for (unsigned i = 0; i < 2 && r >= 0; i++) {
		uint32_t netns = i ? OTHER_NETNS : OWN_NETNS;

		r = put_source(a, SOURCE_unix);
		if (r >= 0)
			r = put_unix(a, netns);
		if (r >= 0)
			r = put_source_end(a, SOURCE_unix, netns, i);
	}
	return r < 0 ? r : put_end(a);
}

static int write_event(struct arena *a, uint32_t kind)
{
	const struct socketd_owner owner = { .inode = 77, .pid = 100, .fd = 3 };
	struct attr_block b;
	int r;

	attr_block_begin(&b, SOCKETD_BLOCK_EVENT);
	attr_block_u32(&b, SOCKETD_EVENT_KIND, kind);
	attr_block_u64(&b, SOCKETD_EVENT_TIME, 1700000000000000);
	attr_block_u32(&b, SOCKETD_EVENT_OLD_STATE, 1);
	attr_block_u64(&b, SOCKETD_EVENT_LOST, 2);
	attr_block_u64(&b, SOCKETD_EVENT_GENERATION, 3);
	r = attr_block_write(&b, a);
	if (r < 0 || kind == SOCKETD_EVENT_OVERFLOW || kind == SOCKETD_EVENT_SYNCED)
		return r;
	attr_block_begin(&b, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&b, SOCKETD_PROCESS_PID, 100);
	attr_block_string(&b, SOCKETD_PROCESS_COMM, "curl");
	r = attr_block_write(&b, a);
	if (r >= 0)
		r = put_bytes(a, SOCKETD_BLOCK_OWNERS, &owner, sizeof(owner));
	attr_block_begin(&b, SOCKETD_BLOCK_LINK);
	attr_block_u32(&b, SOCKETD_LINK_IFINDEX, kind);
	attr_block_string(&b, SOCKETD_LINK_NAME, "lo");
	if (r >= 0)
		r = attr_block_write(&b, a);
	if (r >= 0)
		r = put_netns(a, OTHER_NETNS + kind, "web", false);
	if (r >= 0)
		r = put_unit(a);
	if (r >= 0)
		r = put_tracks(a, 1);
	return r < 0 ? r : put_messages(a, 1);
}

static int write_events(struct arena *a)
{
	int r = put_source(a, SOURCE_tcp4);

	for (uint32_t kind = SOCKETD_EVENT_OPENED; r >= 0 && kind <= SOCKETD_EVENT_SYNCED; kind++)
		r = write_event(a, kind);
	return r < 0 ? r : put_end(a);
}

static int make(const char *folder, const char *name, int (*write_blocks)(struct arena *a))
{
	CLEANUP(arena_deinit) struct arena a;
	char path[4096];
	const uint8_t *p;
	ssize_t n = -1;
	size_t len;
	int fd;

	arena_init(&a);
	if (writer_header(&a) < 0 || write_blocks(&a) < 0)
		return -1;
	len = arena_peek(&a, &p);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0) {
		n = write(fd, p, len);
		close(fd);
	}
	if (n != (ssize_t)len)
		perror(path);
	return n == (ssize_t)len ? 0 : -1;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_streams FOLDER\n");
		return 2;
	}
	return make(argv[1], "tracks", write_tracks) < 0 || make(argv[1], "events", write_events) < 0 ||
	       make(argv[1], "namespaces", write_namespaces) < 0;
}
