/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which network namespaces there are; long, for each place to look adds to one list */

#include "source/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "model/unit.h"
#include "source/netns_mounts.h"
#include "source/process.h"

/* More than any host has; those beyond are not even counted. */
#define FOUND_MAX 65536u

/*
 * Descriptors that are looked at for namespaces which nothing else shows: of a
 * process with at most so many, of at most so many processes (the oldest: daemons
 * that keep such things), and at most so many in all. Without a bound a discovery
 * would cost what a scan of all owners does.
 */
#define FDS_OF_PROCESS_MAX 256u
#define FDS_PROCESSES_MAX 512u
#define FDS_MAX 4096u

struct found {
	struct netns ns;
	bool ip_netns; /* ns.name is a file's of ip-netns(8) */
	bool mounted;  /* ns.path is a mount's, which outlives processes */
	bool gone;     /* was a mount that led nowhere, and is none any more */
	bool chosen;   /* to be handed out */
};

/* Sorted by inode number. */
struct discovery {
	struct found *rows;
	size_t n, n_room;
	size_t last; /* that was found: processes of one namespace have pids beside each other */
	int proc_fd;
	uint64_t own_ino;
	unsigned int n_fds_left, n_fd_tables_left;
	bool tells_n_fds; /* /proc/PID/fd has the number of descriptors as its size: Linux 6.2 */
	/* Directories of /proc/PID/net of processes whose namespace may not be read, each once. */
	uint64_t *unread;
	size_t n_unread, n_unread_room;
};

static void discovery_deinit(struct discovery *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->rows[i].ns.name);
		free(d->rows[i].ns.path);
	}
	free(d->rows);
	free(d->unread);
	if (d->proc_fd >= 0)
		close(d->proc_fd);
}
DEFINE_CLEANUP(struct discovery, discovery_deinit)

uint64_t netns_own_ino(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

/* Where it is, or where it belongs. */
static size_t found_place(const struct discovery *d, uint64_t ino)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (d->rows[middle].ns.ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The row of a namespace, a new one where there is none yet. NULL when memory is short (*ret_error), or over the bound. */
static struct found *found_get(struct discovery *d, uint64_t ino, int *ret_error)
{
	size_t at;

	if (d->last < d->n && d->rows[d->last].ns.ino == ino)
		return &d->rows[d->last];
	at = found_place(d, ino);
	if (at == d->n || d->rows[at].ns.ino != ino) {
		if (d->n == FOUND_MAX)
			return NULL;
		if (d->n == d->n_room) {
			size_t room = d->n_room ? d->n_room * 2 : 16;
			struct found *rows = reallocarray(d->rows, room, sizeof(*rows));

			if (!rows) {
				*ret_error = -ENOMEM;
				return NULL;
			}
			d->rows = rows;
			d->n_room = room;
		}
		memmove(&d->rows[at + 1], &d->rows[at], (d->n - at) * sizeof(d->rows[0]));
		d->rows[at] = (struct found){ .ns = { .ino = ino, .own = ino == d->own_ino } };
		d->n++;
	}
	d->last = at;
	return &d->rows[at];
}

static int set_path(struct found *f, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(f->ns.path);
	f->ns.path = copy;
	return 0;
}

static int set_name(struct found *f, const char *name, size_t len)
{
	char *copy = strndup(name, len < NETNS_NAME_MAX ? len : NETNS_NAME_MAX - 1);

	if (!copy)
		return -ENOMEM;
	free(f->ns.name);
	f->ns.name = copy;
	return 0;
}

/* The number in "net:[4026531840]"; 0 for another text. */
static uint64_t link_ino(int dir_fd, const char *name)
{
	char text[64];
	uint64_t ino = 0;
	ssize_t n = readlinkat(dir_fd, name, text, sizeof(text) - 1);

	if (n < 6)
		return 0;
	text[n] = '\0';
	return netns_text_ino(text, &ino) ? ino : 0;
}

static int found_by(struct discovery *d, uint64_t ino, uint32_t pid, const char *path)
{
	int r = 0;
	struct found *f = found_get(d, ino, &r);

	if (!f)
		return r;
	/* By its first process; a descriptor's holder is in another one. */
	if (f->ns.pid == 0 && pid > 0)
		f->ns.pid = pid;
	return f->ns.path || f->ns.own ? 0 : set_path(f, path);
}

/*
 * A process whose namespace we may not look at. Its /proc/PID/net we may, and the
 * files in it have inode numbers of their own in each namespace: so it is known
 * whether it is in another than those that are read.
 */
static uint64_t net_file_ino(int proc_fd, const char *pid)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "%.16s/net/dev", pid);
	return fstatat(proc_fd, path, &st, 0) == 0 ? st.st_ino : 0;
}

static int add_unread(struct discovery *d, const char *pid)
{
	uint64_t ino = net_file_ino(d->proc_fd, pid);

	if (ino == 0)
		return 0;
	/* From the end: neighbours are mostly in the same one. */
	for (size_t i = d->n_unread; i-- > 0;)
		if (d->unread[i] == ino)
			return 0;
	if (d->n_unread == NETNS_MAX)
		return 0;
	if (d->n_unread == d->n_unread_room) {
		size_t room = d->n_unread_room ? d->n_unread_room * 2 : 16;
		uint64_t *unread = reallocarray(d->unread, room, sizeof(*unread));

		if (!unread)
			return -ENOMEM;
		d->unread = unread;
		d->n_unread_room = room;
	}
	d->unread[d->n_unread++] = ino;
	return 0;
}

static int look_at_process(struct discovery *d, const char *pid)
{
	char link[32], path[40];
	uint64_t ino;

	snprintf(link, sizeof(link), "%.16s/ns/net", pid);
	errno = 0;
	ino = link_ino(d->proc_fd, link);
	/* ENOENT, ESRCH: it is gone. */
	if (ino == 0)
		return errno == EACCES || errno == EPERM ? add_unread(d, pid) : 0;
	snprintf(path, sizeof(path), "/proc/%s", link);
	return found_by(d, ino, (uint32_t)strtoul(pid, NULL, 10), path);
}

/* Whether they are worth a look: kernel threads have none, and who has many has sockets. */
static bool has_few_fds(const struct discovery *d, const char *name)
{
	struct stat st;

	if (!d->tells_n_fds)
		return true;
	return fstatat(d->proc_fd, name, &st, 0) == 0 && st.st_size > 0 && st.st_size <= FDS_OF_PROCESS_MAX;
}

/* Namespaces that this process holds by a descriptor. */
static int look_at_fds(struct discovery *d, const char *pid)
{
	char name[32], path[64];
	struct dirent *e;
	unsigned int n = 0;
	DIR *dir;
	int fd, r = 0;

	snprintf(name, sizeof(name), "%.16s/fd", pid);
	if (d->n_fds_left == 0 || d->n_fd_tables_left == 0 || !has_few_fds(d, name))
		return 0;
	fd = openat(d->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	d->n_fd_tables_left--;
	while (r >= 0 && n < FDS_OF_PROCESS_MAX && d->n_fds_left > 0 && (e = readdir(dir))) {
		uint64_t ino;

		if (e->d_name[0] == '.')
			continue;
		n++;
		d->n_fds_left--;
		ino = link_ino(fd, e->d_name);
		if (ino == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, e->d_name);
		r = found_by(d, ino, 0, path);
	}
	closedir(dir);
	return r;
}

/* Calls look for each process, in the order of their numbers. */
static int each_process(struct discovery *d, int (*look)(struct discovery *d, const char *pid))
{
	int fd = openat(d->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r >= 0 && (e = readdir(dir)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			r = look(d, e->d_name);
	closedir(dir);
	return r;
}

static int on_mount(void *ctx, uint64_t ino, const char *path, const char *name, bool leads_there)
{
	struct discovery *d = ctx;
	int r = 0;
	struct found *f = found_get(d, ino, &r);

	if (!f)
		return r;
	f->gone = false;
	if (name && !f->ip_netns) {
		r = set_name(f, name, strlen(name));
		f->ip_netns = r >= 0;
	}
	if (r >= 0 && leads_there && !f->mounted && !f->ns.own) {
		r = set_path(f, path);
		f->mounted = r >= 0;
	}
	return r;
}

/*
 * A mount that leads nowhere is out of our sight, or was taken away while we
 * looked: the latter is not there when we look again.
 */
static int look_again(struct discovery *d)
{
	bool needed = false;

	for (size_t i = 0; i < d->n; i++) {
		struct found *f = &d->rows[i];

		f->gone = !f->ns.own && !f->ns.path;
		needed |= f->gone;
	}
	return needed ? netns_mounts_walk(on_mount, d) : 0;
}

/* Of what its first process belongs to. */
static int name_by_cgroup(struct found *f, int proc_fd)
{
	char text[8192], pid[16], container[UNIT_CONTAINER_MAX], *path, *end;
	struct unit_path unit;
	ssize_t n;
	size_t len;

	snprintf(pid, sizeof(pid), "%" PRIu32, f->ns.pid);
	n = process_read(proc_fd, pid, "cgroup", text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* The line of cgroup v2; there may be others before it, of v1. */
	path = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!path)
		return 0;
	path = strchr(path, '/');
	end = path ? strchr(path, '\n') : NULL;
	if (!end)
		return 0;
	len = unit_container(path, end - path, container);
	if (len > 0)
		return set_name(f, container, len);
	if (unit_path_parse(path, end - path, &unit) && unit.unit.len > 0)
		return set_name(f, unit.unit.text, unit.unit.len);
	return 0;
}

/* The directory /proc/PID/net of a process in the namespace, as net_file_ino(). 0 when none is known. */
static uint64_t net_file_of(const struct discovery *d, const struct found *f)
{
	char pid[16];

	if (f->ns.own)
		return net_file_ino(d->proc_fd, "self");
	snprintf(pid, sizeof(pid), "%" PRIu32, f->ns.pid);
	return f->ns.pid > 0 ? net_file_ino(d->proc_fd, pid) : 0;
}

/* That of PID 1, whether or not it may be looked into; 0 when it is none of those found. */
static uint64_t host_ino(const struct discovery *d)
{
	uint64_t ino = link_ino(d->proc_fd, "1/ns/net"), net = ino ? 0 : net_file_ino(d->proc_fd, "1");

	for (size_t i = 0; net && i < d->n; i++)
		if (net_file_of(d, &d->rows[i]) == net)
			return d->rows[i].ns.ino;
	return ino;
}

static int give_names(struct discovery *d)
{
	uint64_t host = host_ino(d);

	for (size_t i = 0; i < d->n; i++) {
		struct found *f = &d->rows[i];
		int r = 0;

		if (f->ns.name)
			continue;
		if (f->ns.ino == host)
			r = set_name(f, "host", 4);
		else if (f->ns.pid > 0)
			r = name_by_cgroup(f, d->proc_fd);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Namespaces of processes that may not be read, and which no process that may is in. */
static uint32_t count_hidden(const struct discovery *d)
{
	uint32_t n = d->n_unread;

	for (size_t i = 0; n > 0 && i < d->n; i++) {
		uint64_t net = net_file_of(d, &d->rows[i]);

		for (size_t k = 0; net && k < d->n_unread; k++) {
			if (d->unread[k] == net) {
				n--;
				break;
			}
		}
	}
	return n;
}

/* Whether root made it: it is mounted where we can see it, or its first process is root's. */
static bool is_roots(const struct discovery *d, const struct found *f)
{
	char pid[16];
	struct stat st;

	snprintf(pid, sizeof(pid), "%" PRIu32, f->ns.pid);
	return f->mounted || f->ip_netns || (f->ns.pid > 0 && fstatat(d->proc_fd, pid, &st, 0) == 0 && st.st_uid == 0);
}

/* Any user can make namespaces, and is not to push out those of containers with them. */
static void choose(struct discovery *d, size_t max)
{
	size_t n = 0, bound = max < NETNS_MAX - 1 ? max : NETNS_MAX - 1;
	bool all = d->n <= bound;

	for (unsigned int round = all ? 1 : 0; round < 2; round++) {
		for (size_t i = 0; i < d->n; i++) {
			struct found *f = &d->rows[i];

			if (n == bound || f->ns.own || f->gone || f->chosen || (round == 0 && !is_roots(d, f)))
				continue;
			f->chosen = true;
			n++;
		}
	}
}

/* The own one first. What is over the bound is hidden. */
static int hand_out(struct discovery *d, size_t max, struct netns_list *ret)
{
	CLEANUP(netns_list_deinit) struct netns_list list = { .n_hidden = count_hidden(d) };

	choose(d, max);
	for (int own = 1; own >= 0; own--) {
		for (size_t i = 0; i < d->n; i++) {
			int r;

			if (d->rows[i].ns.own != own || d->rows[i].gone)
				continue;
			if (!own && !d->rows[i].chosen) {
				list.n_hidden++;
				continue;
			}
			r = netns_list_add(&list, &d->rows[i].ns);
			if (r < 0)
				return r;
		}
	}
	*ret = list;
	list = (struct netns_list){};
	return 0;
}

int netns_discover(struct netns_list *ret, size_t max)
{
	CLEANUP(discovery_deinit) struct discovery d = { .proc_fd = -1, .n_fds_left = FDS_MAX, .n_fd_tables_left = FDS_PROCESSES_MAX };
	struct stat st;
	int r = 0;

	d.own_ino = netns_own_ino();
	d.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.proc_fd < 0 || d.own_ino == 0)
		return -ENOENT;
	d.tells_n_fds = fstatat(d.proc_fd, "self/fd", &st, 0) == 0 && st.st_size > 0;
	if (!found_get(&d, d.own_ino, &r))
		return r;
	r = each_process(&d, look_at_process);
	if (r >= 0)
		r = netns_mounts_walk(on_mount, &d);
	if (r >= 0)
		r = each_process(&d, look_at_fds);
	if (r >= 0)
		r = look_again(&d);
	if (r >= 0)
		r = give_names(&d);
	return r < 0 ? r : hand_out(&d, max, ret);
}

int netns_find_paths(struct netns *rows, size_t n)
{
	CLEANUP(discovery_deinit) struct discovery d = { .proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	int r;

	if (d.proc_fd < 0)
		return -ENOENT;
	r = each_process(&d, look_at_process);
	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; i < n; i++) {
		size_t at = found_place(&d, rows[i].ino);

		if (rows[i].own || at == d.n || d.rows[at].ns.ino != rows[i].ino)
			continue;
		free(rows[i].path);
		rows[i].path = STEAL_PTR(d.rows[at].ns.path);
		rows[i].pid = d.rows[at].ns.pid;
		if (i == 0)
			r = 0;
	}
	return r;
}
