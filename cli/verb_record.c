/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockctl record: an answer as a file, for --file */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cli/exit.h"
#include "cli/internals.h"
#include "query/ask.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/verbs.h"
#include "socketd/stream.h"

static int open_feed(struct feed **ret, const struct arguments *arg, const char *expression)
{
	const struct feed_request req = {
		.file = arg->file,
		.direct = arg->direct,
		.bus = arg->bus,
		.expression = expression,
		.max_age_usec = arg->max_age_usec,
		.authorize = arg->authorize,
	};
	char text[FEED_MESSAGE_MAX] = "";
	const char *note;
	int e;

	e = feed_open(ret, &req, text);
	if (e < 0) {
		message("%s", *text ? text : strerror(-e));
		return rows_exit_code(arg, e);
	}
	note = feed_note(*ret);
	if (note && !arg->quiet)
		message_note("%s", note);
	return -1;
}

static int to_stdout(struct feed *f)
{
	int64_t n = feed_copy(f, STDOUT_FILENO);

	if (n < 0) {
		message("standard output: %s", strerror((int)-n));
		return EXIT_PARTIAL;
	}
	return EXIT_OK;
}

/* What was written is read again, block by block: a daemon that died midway must not leave half a table for a whole one. */
static int check(int fd, const char *path, struct context *context)
{
	CLEANUP(fd_input_free) struct fd_input *input = NULL;
	CLEANUP(close) int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct reader reader;
	struct block b;
	int r;

	if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0)
		return -errno;
	r = fd_input_new(&input, copy);
	if (r < 0)
		return r;
	steal_fd(&copy);
	reader_init(&reader, fd_input_input(input));
	do {
		r = reader_next(&reader, &b);
		/* Of what was written only which sources there are is of interest. */
		if (r > 0 && (b.type == SOCKETD_BLOCK_SOURCE || b.type == SOCKETD_BLOCK_SOURCE_END))
			r = context_apply(context, &b) < 0 ? -EBADMSG : 1;
	} while (r > 0);
	if (r < 0)
		message("%s: the answer was not whole: %s", message_safe(path), reader_problem(&reader, r));
	return r;
}

/* What takes the place of SUFFIX in a name: 32 letters, so every byte gives one as likely. */
#define SUFFIX ".XXXXXX"
#define NAMES_MAX 100

/* A name that nobody has: of a new file (fd -1; returns its descriptor), or one more of an open file. */
static int make_name(char *tmp, int fd)
{
	static const char letters[32] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char bytes[sizeof(SUFFIX) - 2];
	char self[32];
	int r;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	for (unsigned n = 0; n < NAMES_MAX; n++) {
		if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
			return -EIO;
		for (size_t i = 0; i < sizeof(bytes); i++)
			tmp[strlen(tmp) - sizeof(bytes) + i] = letters[bytes[i] % sizeof(letters)];
		if (fd < 0)
			r = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		else
			r = linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW);
		if (r >= 0 || errno != EEXIST)
			return r < 0 ? -errno : r;
	}
	return -EEXIST;
}

/*
 * A file without a name, which is gone by itself if we are stopped (^C); where
 * the file system has none, FILE.XXXXXX. *ret_named: there is a file tmp, made by us.
 */
static int open_new(const char *path, char *tmp, bool *ret_named)
{
	CLEANUP(free) char *copy = strdup(path);
	int fd;

	if (!copy)
		message_no_memory();
	*ret_named = false;
	/* Owners and addresses of all users are in it: for the one who asked. */
	fd = open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	fd = make_name(tmp, -1);
	*ret_named = fd >= 0;
	return fd;
}

/* The new file takes the old one's place when it is whole and on the disk. */
static int replace(int fd, bool *named, char *tmp, const char *path)
{
	int r;

	if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
		return -errno;
	if (!*named) {
		r = make_name(tmp, fd);
		if (r < 0)
			return r;
		*named = true;
	}
	return rename(tmp, path) < 0 ? -errno : 0;
}

static int say_done(const char *path, int64_t n)
{
	CLEANUP(output_deinit) struct output o;

	output_init(&o, COLOUR_NEVER, false);
	buffer_printf(&o.buffer, "%s: %" PRId64 " bytes; to look into it: sockctl --file %s show\n", message_safe(path),
		      n, message_safe(path));
	return output_finish(&o);
}

/* has_internals: they were asked for. */
static int to_file(const struct arguments *arg, struct feed *f, const char *path, bool has_internals)
{
	CLEANUP(context_free) struct context *context = NULL;
	CLEANUP(free) char *tmp = NULL;
	CLEANUP(close) int fd = -1;
	bool named;
	int64_t n;
	int r;

	if (asprintf(&tmp, "%s" SUFFIX, path) < 0) {
		tmp = NULL;
		message_no_memory();
	}
	if (context_new(&context) < 0)
		message_no_memory();
	fd = open_new(path, tmp, &named);
	if (fd < 0) {
		message("%s: cannot be written: %s", message_safe(path), strerror(-fd));
		return fd == -EACCES || fd == -EPERM ? EXIT_DENIED : EXIT_USAGE;
	}
	n = feed_copy(f, fd);
	r = n < 0 ? (int)n : check(fd, path, context);
	if (r == 0)
		r = replace(fd, &named, tmp, path);
	if (r < 0) {
		if (named)
			unlink(tmp);
		message("%s: %s: nothing was recorded", message_safe(path), strerror(-r));
		return EXIT_PARTIAL;
	}
	if (arg->quiet)
		return EXIT_OK;
	if (!has_internals && internals_present(context))
		message_note("%s: without struct sock and struct socket: record a TARGET (sk:COOKIE) for these", message_safe(path));
	return say_done(path, n);
}

int verb_record(const struct arguments *arg)
{
	CLEANUP(rows_deinit) struct rows rows = { 0 };
	CLEANUP(feed_free) struct feed *f = NULL;
	const char *path = arg->words[0];
	bool is_stdout = !strcmp(path, "-");
	struct stat st;
	int r;

	if (is_stdout && isatty(STDOUT_FILENO)) {
		message("a recording is not for a terminal: name a file, or put it in a pipe");
		return EXIT_USAGE;
	}
	if (!is_stdout && stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		message("%s: not a regular file; - is standard output", message_safe(path));
		return EXIT_USAGE;
	}
	r = rows_init(&rows, arg, 1, false);
	if (r >= 0)
		return r;
	r = open_feed(&f, arg, rows.expression);
	if (r >= 0)
		return r;
	return is_stdout ? to_stdout(f) : to_file(arg, f, path, arg->file || query_is_exact(rows.query) || query_module_field(rows.query));
}
