/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block stream: one format for live answers, recordings, fixtures and fuzzing */

#ifndef SOCKETD_STREAM_H
#define SOCKETD_STREAM_H

#include <stdint.h>

/*
 * stream  := header block*
 * header  := struct socketd_stream_header, 16 bytes
 * block   := struct socketd_block, then length bytes, then zeros up to a multiple of 8
 *
 * Integers are in the byte order of the host that wrote the stream, as the
 * kernel's messages inside are; byte_order tells a reader which that is.
 * The payload of most blocks is a row of netlink attributes (struct nlattr,
 * aligned to 4) of the enum below; MESSAGES, LINES and OWNERS have a fixed head
 * and bulk data behind it. Unknown blocks and attributes are skipped. A block's
 * attributes may come in any order, and one that is missing is not known.
 *
 * Order: HOST first; NETNS, LINK and CGROUP before the messages that need them;
 * SOURCE before the MESSAGES or LINES of its id, SOURCE_END after them; PROCESS
 * before the OWNERS of its pid; PROCESS and OWNERS before the MESSAGES that need
 * them; TRACKS right before the MESSAGES or LINES that it is about; END last. A
 * stream without END was cut short.
 *
 * The kernel module's source, when there is one, comes before all others (minor
 * version 2). Its messages add to those of the same socket of other sources, found
 * by cookie and inode, and are sockets of their own where there is no such. A
 * reader that does not know the source skips it, as any it does not know.
 *
 * With more than one network namespace (minor version 3) the pairs of SOURCE and
 * SOURCE_END are there once for each, one after another: the head of MESSAGES and
 * LINES says of which they are. The kernel module is asked once, of all.
 *
 * A stream of events (OpenMonitor) has no SOURCE_END. After an EVENT come the
 * PROCESS and OWNERS of its socket, those before are forgotten; its TRACKS; and
 * its MESSAGES, with one message. That message is the kernel's last word on the
 * socket or, where the kernel said none, put together from what was known of it.
 */

/* The line ends in the magic show a transfer that rewrote them (as in PNG). */
#define SOCKETD_STREAM_MAGIC "\x89SKD\r\n\x1a\n"
#define SOCKETD_STREAM_MAJOR 1 /* a reader refuses another one */
#define SOCKETD_STREAM_MINOR 3 /* additions only */
#define SOCKETD_STREAM_BYTE_ORDER 0x01020304u

/* A reader refuses a longer block; a writer never makes one. */
#define SOCKETD_BLOCK_MAX (1024u * 1024u)

struct socketd_stream_header {
	uint8_t magic[8];
	uint16_t major;
	uint16_t minor;
	uint32_t byte_order;
};

struct socketd_block {
	uint32_t type;   /* enum socketd_block_type */
	uint32_t length; /* of the payload, without the padding */
};

enum socketd_block_type {
	SOCKETD_BLOCK_HOST = 1,   /* where and when: SOCKETD_HOST_* */
	SOCKETD_BLOCK_NETNS,      /* a network namespace: SOCKETD_NETNS_* */
	SOCKETD_BLOCK_SOURCE,     /* a reading that begins: SOCKETD_SOURCE_* */
	SOCKETD_BLOCK_SOURCE_END, /* how it ended: SOCKETD_SOURCE_END_* */
	SOCKETD_BLOCK_LINK,       /* a device: SOCKETD_LINK_* */
	SOCKETD_BLOCK_CGROUP,     /* a control group: SOCKETD_CGROUP_* */
	SOCKETD_BLOCK_PROCESS,    /* a process: SOCKETD_PROCESS_* */
	SOCKETD_BLOCK_OWNERS,     /* struct socketd_owner, one after another */
	SOCKETD_BLOCK_MESSAGES,   /* struct socketd_messages, then netlink messages as the kernel sent them */
	SOCKETD_BLOCK_LINES,      /* struct socketd_messages, then whole lines of a /proc/net file */
	SOCKETD_BLOCK_END,        /* totals: SOCKETD_END_* */
	SOCKETD_BLOCK_TRACKS,     /* struct socketd_track, one for each message or line of the next block, in order */
	SOCKETD_BLOCK_EVENT,      /* something happened: SOCKETD_EVENT_* */
	SOCKETD_BLOCK_UNIT,       /* an address that a .socket unit of systemd listens on: SOCKETD_UNIT_* */
};

/* Head of MESSAGES and LINES. */
struct socketd_messages {
	uint32_t source; /* SOCKETD_SOURCE_ID of a SOURCE block before */
	uint32_t netns;  /* SOCKETD_NETNS_INO of a NETNS block before (minor version 3); 0: that of the last SOURCE block of the id */
};

/* One descriptor of one socket. */
struct socketd_owner {
	uint64_t inode; /* in a stream of events 0 where the event's socket has none (minor version 3) */
	uint32_t pid;
	uint32_t fd;    /* SOCKETD_OWNER_NO_FD where it is not known (minor version 3) */
};

#define SOCKETD_OWNER_NO_FD UINT32_MAX

/* What the daemon remembers of a socket. */
struct socketd_track {
	uint64_t age;       /* µs since it was first seen */
	uint64_t state_age; /* µs since it was first seen in its present state */
	/* Between the last two readings of its counters; with SOCKETD_TRACK_RATES. */
	uint64_t tx_rate, rx_rate; /* bytes a second: acknowledged, received */
	uint32_t tx_segs_rate, rx_segs_rate, retrans_rate; /* segments: thousandths a second */
	uint32_t flags; /* SOCKETD_TRACK_* */
};

#define SOCKETD_TRACK_KNOWN 1u              /* without it all the rest is 0: nothing is remembered of this row */
#define SOCKETD_TRACK_AGE_AT_LEAST 2u       /* it was there before the daemon looked first: it is older */
#define SOCKETD_TRACK_STATE_AGE_AT_LEAST 4u /* likewise of its state */
#define SOCKETD_TRACK_RATES 8u              /* there are rates */

enum {
	SOCKETD_HOST_REALTIME = 1, /* u64 µs since 1970, when the reading began */
	SOCKETD_HOST_BOOTTIME,     /* u64 µs since boot, likewise */
	SOCKETD_HOST_BOOT_ID,      /* string, /proc/sys/kernel/random/boot_id */
	SOCKETD_HOST_NAME,         /* string, uname -n */
	SOCKETD_HOST_RELEASE,      /* string, uname -r */
	SOCKETD_HOST_VERSION,      /* string, version of the program that read */
	SOCKETD_HOST_UID,          /* u32, user that the reading was made for: others' owners are hidden unless 0 */
	SOCKETD_HOST_TABLE_AGE,    /* u64 µs: TCP connections were found in a table of this age; those opened since are not told */
};

enum {
	SOCKETD_NETNS_INO = 1, /* u64, inode number of the namespace */
	SOCKETD_NETNS_COOKIE,  /* u64, SO_NETNS_COOKIE */
	SOCKETD_NETNS_NAME,    /* string, absent when it has none: of ip-netns(8), else its container or unit; "host": that of PID 1 */
	SOCKETD_NETNS_OWN,     /* u32 1: the one that the reader of the kernel is in */
	SOCKETD_NETNS_PID,     /* u32, a process in it; absent when none is known */
};

enum {
	SOCKETD_SOURCE_ID = 1,   /* u32, enum source_id of model/source_id.h; stable */
	SOCKETD_SOURCE_NAME,     /* string, for people: "tcp4" */
	SOCKETD_SOURCE_FAMILY,   /* u32, AF_* */
	SOCKETD_SOURCE_PROTOCOL, /* u32, IPPROTO_* for inet */
	SOCKETD_SOURCE_NETNS,    /* u64, SOCKETD_NETNS_INO of a NETNS block before */
};

enum {
	SOCKETD_SOURCE_END_ID = 1,      /* u32 */
	SOCKETD_SOURCE_END_ERROR,       /* u32, errno; 0 when all was read */
	SOCKETD_SOURCE_END_INTERRUPTED, /* u32, times that the kernel said NLM_F_DUMP_INTR; the last try stands */
	SOCKETD_SOURCE_END_MESSAGES,    /* u64, messages or lines read */
	SOCKETD_SOURCE_END_NETNS,       /* u64, as in SOURCE */
};

enum {
	SOCKETD_LINK_IFINDEX = 1, /* u32 */
	SOCKETD_LINK_NAME,        /* string */
	SOCKETD_LINK_NETNS,       /* u64 */
};

enum {
	SOCKETD_CGROUP_ID = 1, /* u64 */
	SOCKETD_CGROUP_PATH,   /* string, from the root of the cgroup2 mount, "/" first */
};

enum {
	SOCKETD_PROCESS_PID = 1, /* u32, thread group id */
	SOCKETD_PROCESS_UID,     /* u32, effective user id */
	SOCKETD_PROCESS_COMM,    /* bytes, as the kernel has them: not always UTF-8 */
	SOCKETD_PROCESS_USER,    /* string, name of the uid on the host that read; absent when it has none */
	SOCKETD_PROCESS_START,   /* u64, starttime of /proc/PID/stat: tells a pid that was used again */
	SOCKETD_PROCESS_N_FDS,   /* u32, descriptors it had when it was read */
	SOCKETD_PROCESS_SAME,    /* u32 1: as when it was last read; its OWNERS are not repeated. Not in a stream that leaves the daemon */
	SOCKETD_PROCESS_CGROUP,  /* string, its cgroup v2, as SOCKETD_CGROUP_PATH; absent where it is not known */
};

enum {
	SOCKETD_END_MESSAGES = 1, /* u64, messages and lines of all sources */
	SOCKETD_END_DURATION,     /* u64 µs from HOST to END */
	SOCKETD_END_OWNERS_ERROR, /* u32, errno of the owner scan; 0 when all was read; absent when not asked */
	SOCKETD_END_HIDDEN_PIDS,  /* u32, processes whose descriptors could not be read */
	SOCKETD_END_OWNERS_MODULE, /* u32 1: the kernel module told the owners to this reading's own scan */
	SOCKETD_END_NETNS_HIDDEN, /* u32, network namespaces that are known and could not be read; absent when all others than the own were not asked for */
};

enum {
	SOCKETD_UNIT_SOCKET = 1, /* string, "ssh.socket" */
	SOCKETD_UNIT_SERVICE,    /* string, the unit that it starts: "ssh.service" */
	SOCKETD_UNIT_LISTEN,     /* bytes, the name of a UNIX socket as the kernel has it: a path, or NUL and the abstract name */
};

enum {
	SOCKETD_EVENT_KIND = 1,   /* u32, enum socketd_event_kind */
	SOCKETD_EVENT_TIME,       /* u64 µs since 1970, when it was noticed */
	SOCKETD_EVENT_OLD_STATE,  /* u32, state before; absent when it was never seen in another */
	SOCKETD_EVENT_LOST,       /* u64, events not told here: a queue was full, or (told two passes later) the kernel dropped notices */
	SOCKETD_EVENT_GENERATION, /* u64, the pass that noticed it, or the last one before */
};

enum socketd_event_kind {
	SOCKETD_EVENT_OPENED = 1, /* seen for the first time */
	SOCKETD_EVENT_CHANGED,    /* its state is another one */
	SOCKETD_EVENT_CLOSED,     /* gone; the message has its last counters where the kernel told them */
	SOCKETD_EVENT_OVERFLOW,   /* without a message: SOCKETD_EVENT_LOST */
	SOCKETD_EVENT_PRESENT,    /* there when the monitor began */
	SOCKETD_EVENT_SYNCED,     /* without a message: all that were present are told */
};

#endif
