/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where sockctl's answers come from */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "cli/direct.h"
#include "cli/feed.h"
#include "model/value.h"

struct feed {
	struct client *client;   /* keeps the connection while the answer comes */
	struct direct *direct;
	struct fd_input *stream; /* a daemon's stream, or a recording */
	int fd;                  /* of stream, which owns it */
	char note[FEED_MESSAGE_MAX];
};

static int open_file(struct feed *f, const char *path, char *message)
{
	CLEANUP(close) int fd = -1;
	struct stat st;
	char safe[256];
	int r;

	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		r = fd < 0 || !S_ISDIR(st.st_mode) ? errno : EISDIR;
		text_escape(safe, sizeof(safe), path, strlen(path));
		snprintf(message, FEED_MESSAGE_MAX, "cannot open the recording %s: %s", safe, strerror(r));
		return -r;
	}
	r = fd_input_new(&f->stream, fd);
	if (r == 0)
		f->fd = steal_fd(&fd);
	return r;
}

static int open_live(struct feed *f, const struct feed_request *req, char *message)
{
	CLEANUP(close) int fd = -1;
	int r;

	r = client_open(&f->client, req, &fd, message);
	if (r == 0) {
		r = fd_input_new(&f->stream, fd);
		if (r == 0)
			f->fd = steal_fd(&fd);
		if (client_is_substitute(f->client))
			snprintf(f->note, sizeof(f->note), "a socketd is there but does not answer (is it stopped?); "
				 "this answer is of another one, which remembers nothing");
		return r;
	}
	/* Without any daemon a table is still better than none; but what the user asked for by name must be there. */
	if (r != -EHOSTUNREACH || req->bus || req->events)
		return r;
	r = direct_open(&f->direct, req, message);
	if (r == 0)
		snprintf(f->note, sizeof(f->note), "no socketd answers and none could be started; reading the kernel directly");
	return r;
}

int feed_open(struct feed **ret, const struct feed_request *req, char ret_message[FEED_MESSAGE_MAX])
{
	CLEANUP(feed_free) struct feed *f = calloc(1, sizeof(*f));
	int r;

	snprintf(ret_message, FEED_MESSAGE_MAX, "out of memory");
	if (!f)
		return -ENOMEM;
	f->fd = -1;
	if (req->file)
		r = open_file(f, req->file, ret_message);
	else if (req->direct)
		r = direct_open(&f->direct, req, ret_message);
	else
		r = open_live(f, req, ret_message);
	if (r < 0)
		return r;
	ret_message[0] = '\0';
	*ret = STEAL_PTR(f);
	return 0;
}

struct feed *feed_free(struct feed *f)
{
	if (!f)
		return NULL;
	fd_input_free(f->stream);
	client_free(f->client);
	direct_free(f->direct);
	free(f);
	return NULL;
}

struct input feed_input(struct feed *f)
{
	return f->direct ? direct_input(f->direct) : fd_input_input(f->stream);
}

const char *feed_note(const struct feed *f)
{
	return f->note[0] ? f->note : NULL;
}

struct client *feed_client(const struct feed *f)
{
	return f->client;
}

int feed_fd(const struct feed *f)
{
	return f->fd;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int64_t feed_copy(struct feed *f, int fd)
{
	struct input input = feed_input(f);
	const uint8_t *data = NULL;
	size_t len = 0, taken = 0;
	int64_t total = 0;
	int r;

	for (;;) {
		r = input.more(input.ctx, taken, &data, &len);
		if (r < 0)
			return r;
		if (len == 0)
			return total;
		r = write_all(fd, data, len);
		if (r < 0)
			return r;
		total += (int64_t)len;
		taken = len;
	}
}
