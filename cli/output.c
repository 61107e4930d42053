/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Standard output */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/exit.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/pager.h"

/* Bytes that are written at once. */
#define WRITE_SIZE ((size_t)128 * 1024)

static unsigned env_number(const char *name)
{
	const char *env = getenv(name);

	return env ? (unsigned)strtoul(env, NULL, 10) : 0;
}

void output_init(struct output *o, enum colour_mode colours, bool use_pager)
{
	struct winsize w = { 0 };

	*o = (struct output){ .fd = STDOUT_FILENO };
	o->terminal = isatty(STDOUT_FILENO);
	o->colours = colour_wanted(colours, o->terminal);
	if (!o->terminal)
		return;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	o->screen_lines = env_number("LINES");
	if (!o->screen_lines)
		o->screen_lines = w.ws_row ? w.ws_row : 24;
	o->undecided = use_pager && !pager_disabled();
}

unsigned output_columns(const struct output *o)
{
	struct winsize w = { 0 };
	unsigned columns = env_number("COLUMNS");

	if (!o->terminal)
		return 0;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	return columns ? columns : w.ws_col ? w.ws_col : 80;
}

void output_deinit(struct output *o)
{
	buffer_deinit(&o->buffer);
}

void output_flush(struct output *o)
{
	const char *data = o->buffer.data;
	size_t left = o->buffer.len;

	o->buffer.len = 0;
	while (left && !o->error) {
		ssize_t n = write(o->fd, data, left);

		if (n >= 0) {
			data += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			/* Somebody gave us a non-blocking descriptor: wait, as for a blocking one. */
			struct pollfd p = { .fd = o->fd, .events = POLLOUT };

			poll(&p, 1, -1);
		} else if (errno != EINTR) {
			o->error = errno;
		}
	}
}

void output_lines(struct output *o, unsigned n)
{
	if (o->undecided) {
		o->n_lines += n;
		if (o->n_lines < o->screen_lines)
			return;
		o->undecided = false;
		pager_start(&o->fd, &o->pager); /* without one the text just scrolls by */
	}
	if (o->buffer.len >= WRITE_SIZE)
		output_flush(o);
}

void output_lines_from(struct output *o, size_t place)
{
	unsigned n = 0;

	for (size_t i = place; i < o->buffer.len; i++)
		n += o->buffer.data[i] == '\n';
	output_lines(o, n);
}

int output_finish(struct output *o)
{
	output_flush(o);
	if (o->pager) {
		close(o->fd);
		o->fd = STDOUT_FILENO;
		pager_wait(o->pager);
		o->pager = 0;
		return EXIT_OK;
	}
	if (o->error == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (o->error) {
		message("standard output: %s: the answer is not whole", strerror(o->error));
		return EXIT_PARTIAL;
	}
	return EXIT_OK;
}
