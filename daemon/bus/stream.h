/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One answer on its way to a caller: a reading, pumped into a socket from the event loop */

#ifndef SOCKETD_BUS_STREAM_H
#define SOCKETD_BUS_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "bus/caller.h"
#include "model/field.h"
#include "query/query.h"

enum stream_format {
	STREAM_PACKED,   /* the block stream of include/socketd/stream.h; may hold more rows than the filter wants */
	STREAM_NDJSON,   /* one JSON object a line, exactly the filter's rows; last {"reading":{...}} */
	STREAM_JSON_SEQ, /* the same with RS before each (RFC 7464) */
};

/* "packed", "ndjson", "json-seq". -EINVAL for others. */
int stream_format_from_name(const char *name, enum stream_format *ret);

struct manager;
struct stream;

/* Who keeps count of the streams; told when one is over. */
struct stream_owner {
	void (*closed)(struct stream_owner *o, struct stream *s);
};

struct stream_request {
	struct manager *manager;
	struct query *query; /* taken over when stream_new succeeds */
	const char *text;    /* the filter that it was made of */
	const enum field_id *fields; /* NULL: all */
	size_t n_fields;
	enum stream_format format;
	struct caller caller;
	/*
	 * How old the answer may be. UINT64_MAX: the caller did not say; it is read
	 * anew, but connections may be found in the tracker's table. 0: all is read
	 * anew. Else a kept reading will do that is not older.
	 */
	uint64_t max_age_usec;
};

/*
 * Starts a reading. *ret_fd is the reader's end, the caller's to close. Errors:
 * -ENOMEM, -EMFILE, -EBUSY over ReadingsPerSecond of this user, and those of feed_new. The stream ends by itself:
 * when all is sent, when the reader hangs up, or when it stalls.
 */
int stream_new(struct stream **ret, int *ret_fd, struct stream_owner *owner, struct stream_request *req);
struct stream *stream_free(struct stream *s);

uint32_t stream_uid(const struct stream *s);

#endif
