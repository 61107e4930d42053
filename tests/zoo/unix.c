/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UNIX sockets: three types, three kinds of name, and names that no terminal should see */

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "reading.h"
#include "zoo.h"

#define READS (READ_MEMORY | READ_QUIET)
#define OTHER_UID 23456

static const struct {
	int type;
	const char *kind;
	const char *prefix;
} types[] = {
	{ SOCK_STREAM, "u_str", "unix-stream" },
	{ SOCK_DGRAM, "u_dgr", "unix-dgram" },
	{ SOCK_SEQPACKET, "u_seq", "unix-seqpacket" },
};

static socklen_t make_name(const char *name, size_t len, struct sockaddr_un *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, name, len);
	return offsetof(struct sockaddr_un, sun_path) + len;
}

/* Binds to a path or, with a first NUL byte, to an abstract name. A path is removed at the end. */
static int make_bound(int type, const char *name, size_t len)
{
	int fd = must(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
	struct sockaddr_un sun;
	socklen_t sun_len = make_name(name, len, &sun);

	must(bind(fd, (void *)&sun, sun_len));
	if (name[0])
		zoo_cleanup_path(sun.sun_path);
	return fd;
}

/* The name, and for a path the file that stands for it. */
static void expect_name(struct entry *e, const char *name, size_t len)
{
	struct sockaddr_un sun;
	struct stat st;

	expect_unix_name(e, "local", name, len);
	make_name(name, len, &sun);
	if (name[0] && stat(sun.sun_path, &st) == 0) {
		expect_u64(e, "udiag_vfs_ino", st.st_ino);
		/* The kernel's own dev_t: twelve bits of major over twenty of minor. */
		expect_u64(e, "udiag_vfs_dev", (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev));
	} else {
		expect_absent(e, "udiag_vfs_ino");
	}
}

static void expect_queues(struct entry *e)
{
	int in = 0, out = 0;

	must(ioctl(e->fd, SIOCINQ, &in));
	must(ioctl(e->fd, SIOCOUTQ, &out));
	expect_u64(e, "recv_q", in);
	expect_u64(e, "send_q", out);
}

static void add_bound(size_t t)
{
	char path[64], abstract[64];
	struct entry *e;
	size_t len;
	int fd;

	len = snprintf(path, sizeof(path), "%s/%s", zoo_dir, types[t].prefix);
	fd = make_bound(types[t].type, path, len);
	e = zoo_add(types[t].kind, fd, READS, "bound to a path", "%s-path", types[t].prefix);
	expect_name(e, path, len);
	expect_str(e, "state", "UNCONN");
	expect_absent(e, "udiag_peer");

	len = snprintf(abstract, sizeof(abstract), "%czoo/%d/%s", 0, getpid(), types[t].prefix);
	fd = make_bound(types[t].type, abstract, len);
	e = zoo_add(types[t].kind, fd, READS, "bound to an abstract name", "%s-abstract", types[t].prefix);
	expect_name(e, abstract, len);

	fd = must(socket(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0));
	e = zoo_add(types[t].kind, fd, READS, "unnamed, not connected", "%s-unnamed", types[t].prefix);
	expect_str(e, "state", "UNCONN");
	expect_absent(e, "udiag_peer");
}

static void add_pair(size_t t)
{
	struct entry *a, *b;
	int sv[2];

	must(socketpair(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0, sv));
	must(send(sv[0], "hello", 5, 0));
	a = zoo_add(types[t].kind, sv[0], READS, "one of a pair, 5 bytes sent", "%s-pair-sender", types[t].prefix);
	b = zoo_add(types[t].kind, sv[1], READS, "one of a pair, 5 bytes unread", "%s-pair-unread", types[t].prefix);
	expect_u64(a, "udiag_peer", b->inode);
	expect_u64(b, "udiag_peer", a->inode);
	expect_queues(a);
	expect_queues(b);
	expect_u64(b, "recv_q", 5);
	if (types[t].type != SOCK_DGRAM) {
		expect_str(a, "state", "ESTAB");
		expect_str(b, "state", "ESTAB");
	}
	expect_shutdown(a, 0);

	for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
		static const char *const names[] = { "read", "write", "both" };

		must(socketpair(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0, sv));
		must(shutdown(sv[0], how));
		a = zoo_add(types[t].kind, sv[0], READS, "shut down", "%s-shutdown-%s", types[t].prefix, names[how]);
		expect_shutdown(a, how + 1);
		b = zoo_add(types[t].kind, sv[1], READS, "the other one was shut down", "%s-shutdown-%s-peer",
			    types[t].prefix, names[how]);
		/* A pair of a connection learns of it mirrored; datagram sockets do not. */
		expect_shutdown(b, types[t].type == SOCK_DGRAM ? 0 : how == SHUT_RD ? 2 : how == SHUT_WR ? 1 : 3);
	}
}

static void add_listener(size_t t)
{
	json_object *icons = json_object_new_array();
	struct sockaddr_un sun;
	socklen_t sun_len;
	struct entry *e, *peer;
	char path[64];
	int fd, client, server;
	size_t len;

	len = snprintf(path, sizeof(path), "%s/%s-listen", zoo_dir, types[t].prefix);
	fd = make_bound(types[t].type, path, len);
	must(listen(fd, 6));
	sun_len = make_name(path, len, &sun);

	client = must(socket(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0));
	must(connect(client, (void *)&sun, sun_len));
	server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	e = zoo_add(types[t].kind, client, READS, "connected to a path", "%s-client", types[t].prefix);
	expect_str(e, "state", "ESTAB");
	peer = zoo_add(types[t].kind, server, READS, "accepted: has its listener's name", "%s-server", types[t].prefix);
	expect_name(peer, path, len);
	expect_u64(e, "udiag_peer", peer->inode);
	expect_u64(peer, "udiag_peer", e->inode);

	for (int i = 0; i < 3; i++) {
		client = must(socket(AF_UNIX, types[t].type | SOCK_CLOEXEC, 0));
		must(connect(client, (void *)&sun, sun_len));
		json_object_array_add(icons, json_object_new_uint64(socket_inode(client)));
		e = zoo_add(types[t].kind, client, READS, "waits for accept", "%s-pending-%d", types[t].prefix, i);
		/* The other end exists, and has no inode before accept. */
		expect_str(e, "state", "ESTAB");
	}
	e = zoo_add(types[t].kind, fd, READS, "3 clients wait, backlog 6", "%s-listen", types[t].prefix);
	expect_str(e, "state", "LISTEN");
	expect_name(e, path, len);
	expect_u64(e, "recv_q", 3);
	expect_u64(e, "send_q", 6);
	expect_json(e, "udiag_icons", icons);
}

static void add_gone_client(void)
{
	struct sockaddr_un sun;
	socklen_t sun_len = make_name("gone.sock", 9, &sun);
	int fd = make_bound(SOCK_STREAM, "gone.sock", 9), client[2];
	json_object *icons = json_object_new_array();
	struct entry *e;

	must(listen(fd, 9));
	for (int i = 0; i < 2; i++) {
		client[i] = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		must(connect(client[i], (void *)&sun, sun_len));
	}
	zoo_add("u_str", client[1], READS, "waits for accept", "unix-pending-not-gone");
	json_object_array_add(icons, json_object_new_uint64(0));
	json_object_array_add(icons, json_object_new_uint64(socket_inode(client[1])));
	close(client[0]);
	e = zoo_add("u_str", fd, READS, "of two clients that wait, the first has closed", "unix-listen-gone");
	expect_json(e, "udiag_icons", icons);
	expect_u64(e, "recv_q", 2);
	expect_u64(e, "send_q", 9);
}

static void add_dgram_clients(void)
{
	char name[64];
	struct sockaddr_un sun;
	size_t len = snprintf(name, sizeof(name), "%czoo/%d/log", 0, getpid());
	int server = make_bound(SOCK_DGRAM, name, len), client;
	socklen_t sun_len = make_name(name, len, &sun);
	struct entry *e, *s;

	s = zoo_add("u_dgr", server, READS, "many send to it, it is connected to none", "unix-dgram-server");
	expect_absent(s, "udiag_peer");
	for (int i = 0; i < 2; i++) {
		client = must(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		must(connect(client, (void *)&sun, sun_len));
		must(send(client, "line", 4, 0));
		e = zoo_add("u_dgr", client, READS, "connected one way", "unix-dgram-client-%d", i);
		expect_u64(e, "udiag_peer", s->inode);
	}
	expect_queues(s);
}

static void add_names(void)
{
	/* A first NUL is an abstract name; "%p" stands for the directory or a prefix of our own. */
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		const char *why;
	} names[] = {
#define NAME(name, bytes, why) { name, bytes, sizeof(bytes) - 1, why }
		NAME("not-utf8", "bad-\xff\xfe\x80-bytes", "bytes that are not UTF-8"),
		NAME("utf8", "na\xc3\xafve-\xe2\x82\xac", "UTF-8 that is printable"),
		NAME("c1",
		     "c1-\xc2\x9b"
		     "31m",
		     "a C1 control (CSI) in valid UTF-8"),
		NAME("escape", "\x1b[31mred\x1b[0m\x07", "escape sequences and a bell"),
		NAME("newline", "two\nlines\r\tand a tab", "control characters"),
		NAME("backslash", "back\\slash\\x41", "backslashes, one of which looks like an escape"),
		NAME("quote", "\"quoted\" 'and' spaces ", "quotes and spaces"),
		NAME("at", "@inside@", "a literal @"),
		NAME("delete", "del\x7f", "DEL"),
		NAME("abstract-nul", "\0nul\0inside", "NUL inside an abstract name"),
		NAME("abstract-trailing-nul", "\0trailing\0\0\0", "NULs at the end belong to an abstract name"),
		NAME("abstract-at", "\0@at", "an abstract name that begins with @"),
		NAME("abstract-not-utf8", "\0\xff\x1b]0;title\x07", "abstract, not UTF-8, sets a terminal's title"),
		NAME("abstract-slash", "\0/run/looks.like.a.path", "an abstract name that looks like a path"),
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool abstract = names[i].bytes[0] == 0;
		char name[108];
		struct entry *e;
		size_t len;
		int fd;

		if (abstract) {
			memcpy(name, names[i].bytes, names[i].len);
			len = names[i].len;
			/* Unique, but where the first bytes matter: those first. */
			len += snprintf(name + len, sizeof(name) - len, ".%d", getpid());
			if (strstr(names[i].name, "trailing"))
				memset(name + len++, 0, 1);
		} else {
			len = snprintf(name, sizeof(name), "%s/", zoo_dir);
			memcpy(name + len, names[i].bytes, names[i].len);
			len += names[i].len;
		}
		fd = make_bound(SOCK_STREAM, name, len);
		e = zoo_add("u_str", fd, READS, names[i].why, "unix-name-%s", names[i].name);
		expect_name(e, name, len);
	}
}

static void add_special(void)
{
	struct sockaddr_un sun;
	struct entry *e;
	char longest[109] = "";
	size_t len;
	int fd;

	fd = must(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	must(bind(fd, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)));
	e = zoo_add("u_dgr", fd, READS, "autobound: the kernel chose five hexadecimal digits", "unix-autobind");
	len = sizeof(sun);
	must(getsockname(fd, (void *)&sun, (socklen_t *)&len));
	expect_unix_name(e, "local", sun.sun_path, len - offsetof(struct sockaddr_un, sun_path));

	/* All 108 bytes, no NUL at the end. */
	memset(longest, 'x', 108);
	longest[0] = 0;
	snprintf(longest + 1, 20, "longest.%d.", getpid());
	longest[strlen(longest + 1) + 1] = 'x';
	fd = make_bound(SOCK_STREAM, longest, 108);
	e = zoo_add("u_str", fd, READS, "an abstract name of 107 bytes", "unix-longest-abstract");
	expect_unix_name(e, "local", longest, 108);

	/* A relative path: the kernel keeps what was given to bind. */
	fd = make_bound(SOCK_STREAM, "relative.sock", 13);
	e = zoo_add("u_str", fd, READS, "a path that is relative", "unix-relative");
	expect_name(e, "relative.sock", 13);

	/* Looks like an abstract name and is none: the file's inode tells. */
	fd = make_bound(SOCK_STREAM, "@relative", 9);
	e = zoo_add("u_str", fd, READS, "a relative path that begins with @", "unix-relative-at");
	expect_name(e, "@relative", 9);
	json_object_object_del(e->expect, "local");

	fd = make_bound(SOCK_STREAM, "unlinked.sock", 13);
	e = zoo_add("u_str", fd, READS, "its path was unlinked", "unix-unlinked");
	expect_name(e, "unlinked.sock", 13);
	must(unlink("unlinked.sock"));

	fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (fchown(fd, OTHER_UID, -1) == 0) {
		e = zoo_add("u_str", fd, READS, "given to another user by fchown", "unix-chowned");
		expect_u64(e, "uid", OTHER_UID);
	}
}

void zoo_unix(void)
{
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		add_bound(t);
		add_pair(t);
		if (types[t].type != SOCK_DGRAM)
			add_listener(t);
	}
	add_gone_client();
	add_dgram_clients();
	add_names();
	add_special();
}
