/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the streams that fuzz_stream begins with and no recording gives: one with TRACKS, one of events */

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
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
	return make(argv[1], "tracks", write_tracks) < 0 || make(argv[1], "events", write_events) < 0;
}
