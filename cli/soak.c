/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream's input that takes what has come before it is needed */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/soak.h"

#define READ_SIZE ((size_t)128 * 1024)

void soak_deinit(struct soak *s)
{
	free(s->now);
	free(s->next);
	s->now = s->next = NULL;
}

static int make_room(struct soak *s)
{
	size_t size = s->next_size ? s->next_size * 2 : 2 * READ_SIZE;
	uint8_t *more;

	if (s->next_size - s->next_len >= READ_SIZE)
		return 0;
	more = realloc(s->next, size);
	if (!more)
		return -ENOMEM;
	s->next = more;
	s->next_size = size;
	return 0;
}

int soak_up(struct soak *s)
{
	while (!s->at_end && s->next_len < SOAK_MAX) {
		ssize_t n;
		int r;

		r = make_room(s);
		if (r < 0)
			return r;
		n = recv(s->fd, s->next + s->next_len, READ_SIZE, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		s->at_end = n == 0;
		s->next_len += (size_t)n;
	}
	return 0;
}

/* What is left of the old piece, and behind it all that came since. */
static int join(struct soak *s)
{
	size_t rest = s->now_end - s->now_start;
	uint8_t *piece;

	if (s->next_len == 0)
		return 0;
	if (rest == 0) {
		piece = s->next;
		s->next = NULL;
	} else {
		piece = malloc(rest + s->next_len);
		if (!piece)
			return -ENOMEM;
		memcpy(piece, s->now + s->now_start, rest);
		memcpy(piece + rest, s->next, s->next_len);
		free(s->next);
		s->next = NULL;
	}
	free(s->now);
	s->now = piece;
	s->now_start = 0;
	s->now_end = rest + s->next_len;
	s->next_len = s->next_size = 0;
	return 0;
}

static int soak_more(void *ctx, size_t taken, const uint8_t **ret, size_t *ret_len)
{
	struct soak *s = ctx;
	int r;

	s->now_start += taken;
	r = soak_up(s);
	if (r == 0 && s->next_len == 0 && !s->at_end) {
		r = s->wait(s->ctx);
		if (r == 0)
			r = soak_up(s);
	}
	if (r == 0)
		r = join(s);
	*ret = s->now + s->now_start;
	*ret_len = s->now_end - s->now_start;
	return r;
}

struct input soak_input(struct soak *s)
{
	return (struct input){ .more = soak_more, .ctx = s };
}
