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
 * before the OWNERS of its pid; PROCESS and OWNERS before the first MESSAGES;
 * END last. A stream without END was cut short.
 */

/* The line ends in the magic show a transfer that rewrote them (as in PNG). */
#define SOCKETD_STREAM_MAGIC "\x89SKD\r\n\x1a\n"
#define SOCKETD_STREAM_MAJOR 1 /* a reader refuses another one */
#define SOCKETD_STREAM_MINOR 0 /* additions only */
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
};

/* Head of MESSAGES and LINES. */
struct socketd_messages {
	uint32_t source; /* SOCKETD_SOURCE_ID of a SOURCE block before */
	uint32_t reserved;
};

/* One descriptor of one socket. */
struct socketd_owner {
	uint64_t inode;
	uint32_t pid;
	uint32_t fd;
};

enum {
	SOCKETD_HOST_REALTIME = 1, /* u64 µs since 1970, when the reading began */
	SOCKETD_HOST_BOOTTIME,     /* u64 µs since boot, likewise */
	SOCKETD_HOST_BOOT_ID,      /* string, /proc/sys/kernel/random/boot_id */
	SOCKETD_HOST_NAME,         /* string, uname -n */
	SOCKETD_HOST_RELEASE,      /* string, uname -r */
	SOCKETD_HOST_VERSION,      /* string, version of the program that read */
	SOCKETD_HOST_UID,          /* u32, user that the reading was made for: others' owners are hidden unless 0 */
};

enum {
	SOCKETD_NETNS_INO = 1, /* u64, inode number of the namespace */
	SOCKETD_NETNS_COOKIE,  /* u64, SO_NETNS_COOKIE */
	SOCKETD_NETNS_NAME,    /* string, absent when it has none */
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
};

enum {
	SOCKETD_END_MESSAGES = 1, /* u64, messages and lines of all sources */
	SOCKETD_END_DURATION,     /* u64 µs from HOST to END */
	SOCKETD_END_OWNERS_ERROR, /* u32, errno of the owner scan; 0 when all was read; absent when not asked */
	SOCKETD_END_HIDDEN_PIDS,  /* u32, processes whose descriptors could not be read */
};

#endif
