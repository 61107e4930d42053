/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files in /proc/net/socketd: in pieces of odd sizes, closed early, by several readers, across an unload */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"

#define SOCKETS "/proc/net/socketd/sockets"
#define FIELDS "/proc/net/socketd/fields"
#define TEXT_MAX (32u * 1024 * 1024)

static char text[TEXT_MAX + 1], other[TEXT_MAX + 1];

/* The whole file, so many bytes a read; a negative errno. */
static ssize_t read_in_pieces(const char *path, size_t piece, char *into)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0)
		return -errno;
	while (n + piece <= TEXT_MAX && (got = read(fd, into + n, piece)) > 0)
		n += got;
	if (got < 0)
		n = -errno;
	close(fd);
	if ((ssize_t)n >= 0)
		into[n] = '\0';
	return n;
}

static unsigned int lines_of(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* No line without a name and a value, none of an address, and the last one ends. */
static bool sound(const char *s, ssize_t n)
{
	return n > 0 && s[n - 1] == '\n' && strlen(s) == (size_t)n && !strstr(s, "ffff8") && !strstr(s, "ffffffff8") &&
	       !strstr(s, "(____ptrval") && !strstr(s, "\n\n") && strchr(s, '=');
}

static void pieces(void)
{
	static const size_t sizes[] = { 1, 7, 100, 4095, 4096, 4097, 65536, 1 << 20 };
	ssize_t whole = read_in_pieces(FIELDS, 65536, text);

	say(whole > 0 && text[whole - 1] == '\n', "proc: fields: %zd bytes, %u lines", whole, lines_of(text));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ssize_t n = read_in_pieces(FIELDS, sizes[i], other);

		if (n != whole || memcmp(text, other, n))
			say(false, "proc: fields by %zu bytes: %zd bytes, other than by 65536", sizes[i], n);
		n = read_in_pieces(SOCKETS, sizes[i], other);
		say(sound(other, n) && lines_of(other) >= 100, "proc: sockets by %zu bytes: %zd bytes, %u lines", sizes[i], n, lines_of(other));
	}
}

/* Every socket that stays is there once in each reading, however it is cut. */
static void complete(const int *fds, unsigned int n_fds, size_t piece)
{
	unsigned int once = 0, more = 0;
	ssize_t n = read_in_pieces(SOCKETS, piece, text);

	for (unsigned int i = 0; i < n_fds && n > 0; i++) {
		uint64_t cookie = 0;
		socklen_t len = sizeof(cookie);
		char word[40];
		const char *found;

		getsockopt(fds[i], SOL_SOCKET, SO_COOKIE, &cookie, &len);
		snprintf(word, sizeof(word), " cookie=%#llx ", (unsigned long long)cookie);
		found = strstr(text, word);
		once += found != NULL;
		more += found && strstr(found + 1, word);
	}
	say(once == n_fds && !more, "proc: %u of %u sockets by %zu bytes, %u more than once", once, n_fds, piece, more);
}

static void closed_early(void)
{
	unsigned int bad = 0;
	char some[16];

	for (int i = 0; i < 500; i++) {
		int fd = open(i % 2 ? SOCKETS : FIELDS, O_RDONLY);

		if (fd < 0 || (i % 3 && read(fd, some, i % 16 + 1) <= 0))
			bad++;
		close(fd);
	}
	say(!bad, "proc: 500 readings that end early, %u bad", bad);
}

static void seeks(void)
{
	int fd = open(FIELDS, O_RDONLY);
	ssize_t whole = read_in_pieces(FIELDS, 65536, text), bad = 0;
	char some[64];

	for (off_t at = 0; at < whole; at += 97) {
		ssize_t n = pread(fd, some, sizeof(some), at);

		if (n <= 0 || memcmp(some, text + at, n))
			bad++;
	}
	say(!bad && lseek(fd, 0, SEEK_SET) == 0 && read(fd, some, 10) == 10 && !memcmp(some, text, 10), "proc: pread anywhere: %zd bad", bad);
	close(fd);
	fd = open(SOCKETS, O_RDONLY);
	bad = pread(fd, some, sizeof(some), 1ll << 40);
	say(bad == 0 || (bad < 0 && errno == ESPIPE), "proc: pread far behind the end: %zd", bad);
	close(fd);
}

/* One open file, four readers. */
static void together(void)
{
	int fd = open(SOCKETS, O_RDONLY), failed = 0;

	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			ssize_t n;

			while ((n = read(fd, other, 333)) > 0)
				;
			_exit(n < 0);
		}
	for (int i = 0; i < 4; i++) {
		int status = 1;

		wait(&status);
		failed += status != 0;
	}
	say(!failed, "proc: four readers of one open file, %d failed", failed);
	close(fd);
}

static void nobody(void)
{
	static const char *const secrets[] = { " pid=", " sk_mark=", " sk_refcnt=", " socket_flags=", " sk_peer_pid=", " sk_flags=", " prot_sendmsg=" };
	ssize_t n;

	if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	n = read_in_pieces(SOCKETS, 65536, text);
	say(sound(text, n), "proc: nobody reads %zd bytes, %u lines", n, lines_of(text));
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (n > 0 && strstr(text, secrets[i]))
			say(false, "proc: nobody is told%s", secrets[i]);
	_exit(n_failed != 0);
}

/* usage: proc | proc hold: opens, reads, waits for a line of stdin, and reads on: the module is gone. */
static int hold(void)
{
	int fd = open(SOCKETS, O_RDONLY);
	char some[16];
	ssize_t n, first = read(fd, some, sizeof(some));

	puts("holding");
	fflush(stdout);
	if (!fgets(text, sizeof(text), stdin))
		return !say(false, "proc: no line");
	n = read(fd, text, TEXT_MAX);
	say(first > 0 && n < 0 && errno == EIO, "proc: read across an unload: %zd, then %s", first, n < 0 ? strerror(errno) : "bytes");
	close(fd);
	fd = open(SOCKETS, O_RDONLY);
	say(fd < 0 && errno == ENOENT, "proc: the file is gone: %s", fd < 0 ? strerror(errno) : "it is not");
	return 0;
}

int run_proc(int argc, char **argv)
{
	int fds[200], status = 1;

	if (argc > 1 && !strcmp(argv[1], "hold"))
		return hold();
	for (int i = 0; i < 200; i++)
		fds[i] = socket(i % 2 ? AF_UNIX : AF_INET, i % 3 ? SOCK_STREAM : SOCK_DGRAM, 0);
	pieces();
	complete(fds, 200, 65536);
	complete(fds, 200, 61);
	closed_early();
	seeks();
	together();
	if (fork() == 0)
		nobody();
	wait(&status);
	n_failed += status != 0;
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	return 0;
}
