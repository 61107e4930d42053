/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller may use of the daemon, beside what socketd.conf sets (daemon/config.h) */

#ifndef SOCKETD_QUOTA_H
#define SOCKETD_QUOTA_H

/* Bytes that wait in a stream for its reader before the reading pauses, beside what the kernel's socket holds. */
#define LIMIT_STREAM_PENDING (256u * 1024)
/* Bytes of messages that wait in a stream for the owner scan to end. */
#define LIMIT_STREAM_HELD (16u * 1024 * 1024)
#define LIMIT_STREAM_SOCKET_BUFFER (512 * 1024)

/* Work done for one stream before the event loop has its turn. */
#define LIMIT_STREAM_SLICE_STEPS 16

/* Names in the option "fields". */
#define LIMIT_FIELDS 1024

#endif
