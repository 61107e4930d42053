/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Make every socket that this kernel can make, say what is known of each as JSON, and hold them until stdin ends */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "zoo.h"

/* Longer than the delayed-ACK timer (200 ms) and the smallest retransmission timeout. */
#define SETTLE_MSEC 900

static struct entry *entries, **entries_tail = &entries;
static json_object *skipped, *secrets;
static char *paths[64];
static size_t n_paths;
static char dir_template[] = "/tmp/zoo.XXXXXX";
const char *zoo_dir;

struct entry *zoo_add(const char *kind, int fd, unsigned reads, const char *why, const char *name, ...)
{
	struct entry *e = calloc(1, sizeof(*e));
	va_list ap;

	must(e ? 0 : -1);
	va_start(ap, name);
	must(vasprintf(&e->name, name, ap));
	va_end(ap);
	e->kind = kind;
	e->why = why;
	e->fd = fd;
	e->reads = reads;
	e->pids = json_object_new_array();
	e->expect = json_object_new_object();
	e->deep = json_object_new_object();
	if (fd >= 0) {
		e->inode = socket_inode(fd);
		e->cookie = socket_cookie(fd);
		e->uid_known = true;
		entry_pid(e, getpid());
	}
	*entries_tail = e;
	entries_tail = &e->next;
	return e;
}

void zoo_skip(const char *name, int error, const char *why)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "errno", json_object_new_int(error));
	json_object_object_add(o, "error", json_object_new_string(strerror(error)));
	json_object_object_add(o, "why", json_object_new_string(why));
	json_object_array_add(skipped, o);
}

void zoo_secret(const char *text)
{
	json_object_array_add(secrets, json_object_new_string(text));
}

void zoo_cleanup_path(const char *path)
{
	must(n_paths < sizeof(paths) / sizeof(paths[0]) ? 0 : -1);
	paths[n_paths++] = strdup(path);
}

void entry_closed(struct entry *e)
{
	entry_unowned(e);
	e->inode = 0;
	e->uid_known = false;
	expect_absent(e, "inode");
}

void entry_unowned(struct entry *e)
{
	e->fd = -1;
	json_object_put(e->pids);
	e->pids = json_object_new_array();
}

void entry_pid(struct entry *e, pid_t pid)
{
	json_object_array_add(e->pids, json_object_new_int(pid));
}

static json_object *entry_to_json(struct entry *e)
{
	json_object *o = json_object_new_object();
	char hex[17];

	json_object_object_add(o, "name", json_object_new_string(e->name));
	json_object_object_add(o, "kind", e->kind ? json_object_new_string(e->kind) : NULL);
	json_object_object_add(o, "inode", e->inode ? json_object_new_uint64(e->inode) : NULL);
	snprintf(hex, sizeof(hex), "%llx", (unsigned long long)e->cookie);
	json_object_object_add(o, "cookie", e->cookie ? json_object_new_string(hex) : NULL);
	json_object_object_add(o, "listed", json_object_new_string(e->listed == LISTED_YES ? "yes" : "maybe"));
	json_object_object_add(o, "pids", json_object_get(e->pids));
	json_object_object_add(o, "expect", json_object_get(e->expect));
	json_object_object_add(o, "deep", json_object_get(e->deep));
	json_object_object_add(o, "why", json_object_new_string(e->why));
	return o;
}

static void print_document(void)
{
	json_object *doc = json_object_new_object(), *list = json_object_new_array();
	struct utsname u;

	for (struct entry *e = entries; e; e = e->next)
		json_object_array_add(list, entry_to_json(e));
	must(uname(&u));
	json_object_object_add(doc, "kernel", json_object_new_string(u.release));
	json_object_object_add(doc, "pid", json_object_new_int(getpid()));
	json_object_object_add(doc, "secrets", json_object_get(secrets));
	json_object_object_add(doc, "entries", list);
	json_object_object_add(doc, "skipped", json_object_get(skipped));
	json_object_object_add(doc, "truths", know_truths());
	puts(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
	json_object_put(doc);
}

static void build(void)
{
	zoo_holders();
	zoo_unix();
	zoo_udp();
	zoo_raw();
	zoo_netlink();
	zoo_packet();
	zoo_xdp();
	zoo_sctp();
	zoo_dccp();
	zoo_vsock();
	zoo_smc();
	zoo_tipc();
	zoo_undumped();
	zoo_options();
	zoo_traffic();
	zoo_bpf();
	zoo_waiters();
	zoo_mptcp();
	zoo_tcp_options();
	zoo_tcp_crypto();
	zoo_tcp_states();
	zoo_tcp_closing();
}

static void settle(void)
{
	struct timespec ts = { .tv_sec = SETTLE_MSEC / 1000, .tv_nsec = SETTLE_MSEC % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static void cleanup(void)
{
	struct linger reset = { .l_onoff = 1 };

	zoo_holders_stop();
	zoo_waiters_stop();
	/* Reset instead of close: nothing stays behind in FIN-WAIT and TIME-WAIT. */
	for (struct entry *e = entries; e; e = e->next)
		if (e->fd >= 0)
			setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	for (size_t i = 0; i < n_paths; i++) {
		unlink(paths[i]);
		free(paths[i]);
	}
	if (chdir("/") == 0)
		rmdir(zoo_dir);
	while (entries) {
		struct entry *e = entries;

		entries = e->next;
		json_object_put(e->pids);
		json_object_put(e->expect);
		json_object_put(e->deep);
		free(e->name);
		free(e);
	}
	json_object_put(skipped);
	json_object_put(secrets);
}

int main(void)
{
	char buf[64];
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	must(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 1024, 1024 }));
	skipped = json_object_new_array();
	secrets = json_object_new_array();
	zoo_dir = mkdtemp(dir_template);
	must(zoo_dir ? 0 : -1);
	must(chdir(zoo_dir));

	build();
	settle();
	know_reading();
	for (struct entry *e = entries; e; e = e->next)
		entry_read(e);
	print_document();

	do {
		n = read(STDIN_FILENO, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && errno == EINTR));
	cleanup();
	return 0;
}
