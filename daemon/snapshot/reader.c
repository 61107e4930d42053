/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the block stream: the framing, and nothing of what is in the blocks */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "snapshot/reader.h"

#define PAD8(n) (((n) + 7) & ~(size_t)7)

void reader_init(struct reader *r, struct input input)
{
	memset(r, 0, sizeof(*r));
	r->input = input;
}

static void advance(struct reader *r, size_t n)
{
	r->data += n;
	r->len -= n;
	r->taken += n;
	r->offset += n;
}

/* Sees to it that size bytes lie at r->data. 1, 0 at the end of the input, or an error. */
static int need(struct reader *r, size_t size)
{
	while (r->len < size) {
		const uint8_t *data = NULL;
		size_t len = 0;
		int e;

		e = r->input.more(r->input.ctx, r->taken, &data, &len);
		r->taken = 0;
		if (data)
			r->data = data;
		if (e < 0)
			return e;
		if (len == r->len)
			return 0;
		r->len = len;
	}
	return 1;
}

static int read_header(struct reader *r)
{
	struct socketd_stream_header h;
	int e;

	e = need(r, sizeof(h));
	if (e < 0)
		return e;
	/* Short input with the wrong start is no stream at all, which is the better message. */
	if (e == 0 && (r->len == 0 || memcmp(r->data, SOCKETD_STREAM_MAGIC, r->len < 8 ? r->len : 8) == 0))
		return -ENODATA;
	if (e == 0)
		return -EBADMSG;
	memcpy(&h, r->data, sizeof(h));
	if (memcmp(h.magic, SOCKETD_STREAM_MAGIC, sizeof(h.magic)) != 0)
		return -EBADMSG;
	if (h.byte_order != SOCKETD_STREAM_BYTE_ORDER || h.major != SOCKETD_STREAM_MAJOR)
		return -EPROTONOSUPPORT;
	advance(r, sizeof(h));
	r->header_seen = true;
	return 1;
}

int reader_next(struct reader *r, struct block *ret)
{
	struct socketd_block head;
	int e;

	if (!r->header_seen) {
		e = read_header(r);
		if (e < 0)
			return e;
	}
	if (r->ended)
		return 0;
	e = need(r, sizeof(head));
	if (e < 0)
		return e;
	if (e == 0)
		return -ENODATA;
	memcpy(&head, r->data, sizeof(head));
	if (head.length > SOCKETD_BLOCK_MAX || head.type == 0)
		return -EBADMSG;
	e = need(r, sizeof(head) + PAD8(head.length));
	if (e < 0)
		return e;
	if (e == 0)
		return -ENODATA;
	*ret = (struct block){ .type = head.type, .length = head.length, .payload = r->data + sizeof(head) };
	advance(r, sizeof(head) + PAD8(head.length));
	if (head.type == SOCKETD_BLOCK_END)
		r->ended = true;
	return 1;
}

const char *reader_problem(const struct reader *r, int error)
{
	switch (-error) {
	case EBADMSG:
		return r->header_seen ? "it is damaged" : "it is not a recording of socketd";
	case ENODATA:
		return r->offset == 0 && r->len == 0 ? "it is empty" : "it was cut short";
	case EPROTONOSUPPORT:
		return "it was written by another version of socketd, or on a machine of the other byte order";
	case E2BIG:
		return "it holds more processes, owners, names or fields of sockets than are allowed";
	default:
		return strerror(-error);
	}
}

static int arena_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct arena *a = ctx;

	arena_consume(a, taken);
	*ret_len = arena_peek(a, ret);
	return 0;
}

struct input arena_input(struct arena *a)
{
	return (struct input){ .more = arena_more, .ctx = a };
}

static int memory_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct memory *m = ctx;

	m->data += taken;
	m->len -= taken;
	*ret = m->data;
	*ret_len = m->len;
	return 0;
}

struct input memory_input(struct memory *m)
{
	return (struct input){ .more = memory_more, .ctx = m };
}

/* Blocks of a live stream are below 64 KiB; the buffer grows only for a stream with larger ones. */
#define FD_BUFFER_MIN (256u * 1024)
#define FD_BUFFER_MAX (2 * (size_t)SOCKETD_BLOCK_MAX)

struct fd_input {
	int fd;
	size_t start, end, size;
	uint8_t *buffer;
};

int fd_input_new(struct fd_input **ret, int fd)
{
	struct fd_input *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->buffer = malloc(FD_BUFFER_MIN);
	if (!f->buffer) {
		free(f);
		return -ENOMEM;
	}
	f->size = FD_BUFFER_MIN;
	f->fd = fd;
	*ret = f;
	return 0;
}

struct fd_input *fd_input_free(struct fd_input *f)
{
	if (!f)
		return NULL;
	close(f->fd);
	free(f->buffer);
	free(f);
	return NULL;
}

/* Makes room behind what is left: at least a quarter of the buffer. */
static int fd_make_room(struct fd_input *f)
{
	if (f->start == f->end) {
		f->start = f->end = 0;
	} else if (f->size - f->end < f->size / 4) {
		memmove(f->buffer, f->buffer + f->start, f->end - f->start);
		f->end -= f->start;
		f->start = 0;
	}
	if (f->end > f->size / 2 && f->start == 0 && f->size < FD_BUFFER_MAX) {
		uint8_t *more = realloc(f->buffer, f->size * 2);

		if (!more)
			return -ENOMEM;
		f->buffer = more;
		f->size *= 2;
	}
	return 0;
}

static int fd_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct fd_input *f = ctx;
	ssize_t n;
	int r;

	f->start += taken;
	r = fd_make_room(f);
	if (r < 0)
		return r;
	do {
		n = read(f->fd, f->buffer + f->end, f->size - f->end);
	} while (n < 0 && errno == EINTR);
	/* Also on an error, for what is left may have moved. */
	f->end += n > 0 ? (size_t)n : 0;
	*ret = f->buffer + f->start;
	*ret_len = f->end - f->start;
	return n < 0 ? -errno : 0;
}

struct input fd_input_input(struct fd_input *f)
{
	return (struct input){ .more = fd_more, .ctx = f };
}
