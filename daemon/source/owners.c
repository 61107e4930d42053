/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds which socket: a scan of /proc, written as PROCESS and OWNERS blocks */

#include "source/owners.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "snapshot/writer.h"
#include "source/process.h"
#include "source/user_names.h"

/*
 * The kernel makes a dentry and an inode for each descriptor that it lists, and
 * the link is read out of them: with few at a time they are still in the
 * processor's caches then (measured: 4 KiB is a tenth faster than 256 KiB).
 */
#define DIRENTS_SIZE 4096
#define FLUSH_BYTES (128 * 1024)
#define TABLES_MAX 16  /* descriptor tables of one process that are told apart */

struct scan {
	int proc_fd;
	uint32_t uid;
	const struct owners_known *known; /* NULL unless something is */
	struct arena *arena;
	struct owners_result result;
	bool sizes_known; /* the size of an fd directory is its number of descriptors */
	/* Of the process that is scanned now: */
	uint32_t pid;
	char pid_text[12];
	int leader_fd;  /* its fd directory while a thread's own table is read, else -1 */
	bool announced; /* its PROCESS block is written */
	uint64_t start;   /* its start time; 0 while it was not read */
	uint32_t n_fds;   /* descriptors before they were read; 0 where the kernel does not tell */
	unsigned int n_owners; /* gathered and not written */
	struct socketd_owner owners[OWNERS_BLOCK_MAX];
	struct user_names names;
	_Alignas(8) char processes[64 * 1024]; /* entries of /proc */
	_Alignas(8) char tasks[64 * 1024];     /* entries of task */
	_Alignas(8) char descriptors[DIRENTS_SIZE];
	char cgroup[PROCESS_CGROUP_SIZE];
};

static void scan_free(struct scan *s)
{
	if (s->proc_fd >= 0)
		close(s->proc_fd);
	free(s);
}

DEFINE_CLEANUP_PTR(struct scan, scan_free)

/* A process or thread that went away while it was looked at. */
static bool is_gone(int error)
{
	return error == -ENOENT || error == -ESRCH || error == -ENOTDIR;
}

static bool is_denied(int error)
{
	return error == -EACCES || error == -EPERM;
}

/* A name that is a decimal number. */
static bool parse_number(const char *name, uint32_t *ret)
{
	uint32_t n = 0;

	if (*name == '\0')
		return false;
	for (; *name != '\0'; name++) {
		if (*name < '0' || *name > '9')
			return false;
		n = n * 10 + (*name - '0');
	}
	*ret = n;
	return true;
}

/* comm may hold any bytes, newlines too; one newline ends the file and is not of it. */
static int write_process(struct scan *s, bool same)
{
	struct attr_block block;
	struct stat st;
	const char *cgroup;
	size_t cgroup_len;
	char comm[128];
	ssize_t n;

	attr_block_begin(&block, SOCKETD_BLOCK_PROCESS);
	attr_block_u32(&block, SOCKETD_PROCESS_PID, s->pid);
	/* The owner of the directory is the effective user, dumpable or not (task_dump_owner in fs/proc/base.c). */
	if (fstatat(s->proc_fd, s->pid_text, &st, 0) == 0) {
		const struct user_name *u = user_names_find(&s->names, st.st_uid);

		attr_block_u32(&block, SOCKETD_PROCESS_UID, st.st_uid);
		if (u->name[0] != '\0')
			attr_block_string(&block, SOCKETD_PROCESS_USER, u->name);
	}
	n = process_read(s->proc_fd, s->pid_text, "comm", comm, sizeof(comm));
	if (n > 0 && comm[n - 1] == '\n')
		n--;
	if (n >= 0)
		attr_block_bytes(&block, SOCKETD_PROCESS_COMM, comm, n);
	/* Of a process that is read anew each time the moment does not matter; most hold no socket, and are not asked. */
	if (s->start == 0)
		s->start = process_start(s->proc_fd, s->pid_text);
	if (s->start != 0)
		attr_block_u64(&block, SOCKETD_PROCESS_START, s->start);
	attr_block_u32(&block, SOCKETD_PROCESS_N_FDS, s->n_fds);
	cgroup = process_cgroup(s->proc_fd, s->pid_text, s->cgroup, sizeof(s->cgroup), &cgroup_len);
	if (cgroup)
		attr_block_bytes(&block, SOCKETD_PROCESS_CGROUP, cgroup, cgroup_len);
	if (same)
		attr_block_u32(&block, SOCKETD_PROCESS_SAME, 1);
	return attr_block_write(&block, s->arena);
}

static int write_owners(struct scan *s)
{
	struct bulk_block block;
	size_t size = s->n_owners * sizeof(s->owners[0]);
	int r;

	if (s->n_owners == 0)
		return 0;
	if (!s->announced) {
		r = write_process(s, false);
		if (r < 0)
			return r;
		s->announced = true;
	}
	r = bulk_block_begin(&block, s->arena, SOCKETD_BLOCK_OWNERS, size);
	if (r < 0)
		return r;
	memcpy(block.payload, s->owners, size);
	bulk_block_end(&block, s->arena, size);
	s->result.n_owners += s->n_owners;
	s->n_owners = 0;
	return 0;
}

/* "socket:[4026531992]", not ended by a NUL. */
static bool parse_link(const char *link, size_t len, uint64_t *ret_inode)
{
	static const char prefix[] = "socket:[";
	uint64_t inode = 0;
	size_t i;

	if (len < sizeof(prefix) || memcmp(link, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (i = sizeof(prefix) - 1; i < len && link[i] >= '0' && link[i] <= '9'; i++)
		inode = inode * 10 + (link[i] - '0');
	if (i != len - 1 || link[i] != ']')
		return false;
	*ret_inode = inode;
	return true;
}

/* 1 for a socket, 0 for anything else. */
static int read_link(int dir_fd, const char *name, uint64_t *ret_inode)
{
	char link[40]; /* holds any socket's; a longer one is something else and may be cut */
	ssize_t n = readlinkat(dir_fd, name, link, sizeof(link));

	if (n < 0)
		return -errno;
	return parse_link(link, n, ret_inode);
}

static int add_descriptor(struct scan *s, int dir_fd, const char *name)
{
	struct socketd_owner *o = &s->owners[s->n_owners];
	uint64_t other = 0;
	int r;

	r = read_link(dir_fd, name, &o->inode);
	if (r <= 0)
		return r;
	if (!parse_number(name, &o->fd))
		return 0;
	/* A table that was copied has most of it in common: said once. */
	if (s->leader_fd >= 0 && read_link(s->leader_fd, name, &other) > 0 && other == o->inode)
		return 0;
	o->pid = s->pid;
	if (++s->n_owners < OWNERS_BLOCK_MAX)
		return 0;
	return write_owners(s);
}

/* All descriptors of one table. Errors are of the directory; a descriptor that was closed meanwhile is none. */
static int scan_table(struct scan *s, int dir_fd)
{
	ssize_t n;

	while ((n = getdents64(dir_fd, s->descriptors, sizeof(s->descriptors))) > 0) {
		for (ssize_t i = 0; i < n;) {
			struct dirent64 *d = (struct dirent64 *)(s->descriptors + i);
			int r;

			i += d->d_reclen;
			if (d->d_name[0] == '.')
				continue;
			r = add_descriptor(s, dir_fd, d->d_name);
			if (r < 0 && !is_gone(r))
				return r;
		}
	}
	return n < 0 ? -errno : 0;
}

/* Path is of an fd directory, from /proc. */
static int open_table(struct scan *s, const char *path, int *ret)
{
	int fd;

	fd = openat(s->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

/* The tables of one process that were read: a thread's is compared with each. */
struct tables {
	uint32_t tid[TABLES_MAX];
	off_t size[TABLES_MAX];
	unsigned int n;
};

/* Whether two tasks have one descriptor table; asked only of threads of one process. */
static bool shares_table(struct scan *s, const struct tables *t, uint32_t tid, off_t size)
{
	for (unsigned int i = 0; i < t->n; i++) {
		long r = syscall(SYS_kcmp, t->tid[i], tid, KCMP_FILES, 0, 0);

		if (r == 0 || (r < 0 && errno == ESRCH))
			return true;
		/* Not built in, or not allowed: equal sizes are taken for one table. */
		if (r < 0 && (!s->sizes_known || size == t->size[i]))
			return true;
	}
	return false;
}

/* 1 when the thread has a table of its own, which is read unless only that is asked. */
static int scan_thread(struct scan *s, struct tables *t, const char *name, bool only_ask)
{
	CLEANUP(close) int fd = -1;
	struct stat st = {};
	uint32_t tid;
	char path[48];
	int r;

	if (!parse_number(name, &tid) || tid == s->pid || t->n == TABLES_MAX)
		return 0;
	snprintf(path, sizeof(path), "%s/task/%u/fd", s->pid_text, tid);
	/* None: it is about to end. */
	if (s->sizes_known && (fstatat(s->proc_fd, path, &st, 0) < 0 || st.st_size == 0))
		return 0;
	if (shares_table(s, t, tid, st.st_size))
		return 0;
	if (only_ask)
		return 1;
	r = open_table(s, path, &fd);
	if (r < 0)
		return is_gone(r) ? 0 : r;
	t->tid[t->n] = tid;
	t->size[t->n++] = st.st_size;
	r = scan_table(s, fd);
	return r < 0 ? r : 1;
}

/* The threads' own tables: whether there are any; they are read unless only that is asked. */
static int scan_threads(struct scan *s, int leader_fd, off_t leader_size, bool only_ask)
{
	struct tables tables = { .tid = { s->pid }, .size = { leader_size }, .n = 1 };
	unsigned int n_threads = 0;
	CLEANUP(close) int fd = -1;
	bool found = false;
	struct stat st;
	char path[32];
	ssize_t n;

	/* Two links and one for each thread (proc_task_getattr in fs/proc/base.c). */
	snprintf(path, sizeof(path), "%s/task", s->pid_text);
	if (fstatat(s->proc_fd, path, &st, 0) < 0 || st.st_nlink <= 3)
		return 0;
	fd = openat(s->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return is_gone(-errno) ? 0 : -errno;
	s->leader_fd = leader_fd;
	while ((n = getdents64(fd, s->tasks, sizeof(s->tasks))) > 0) {
		for (ssize_t i = 0; i < n;) {
			struct dirent64 *d = (struct dirent64 *)(s->tasks + i);
			int r;

			i += d->d_reclen;
			if (n_threads++ == OWNERS_THREADS_MAX)
				return found;
			r = scan_thread(s, &tables, d->d_name, only_ask);
			if (r < 0 || (r > 0 && only_ask))
				return r;
			found |= r > 0;
		}
	}
	return found;
}

/*
 * Whether the kernel would let a process of the user look at this one's
 * descriptors. The fd directory of one that is not dumpable belongs to root, so
 * its owner tells that. Of the asking user only the uid is known here; his
 * group is taken to be his login group, which is narrower than the kernel where
 * he has changed it.
 */
static bool user_may_read(struct scan *s, const struct stat *fd_dir)
{
	unsigned long long ids[4], groups[4], permitted[4];
	const struct user_name *u;
	char status[16 * 1024]; /* a long list of groups stands before CapPrm */
	ssize_t n;

	if (fd_dir->st_uid != s->uid)
		return false;
	n = process_read(s->proc_fd, s->pid_text, "status", status, sizeof(status) - 1);
	if (n <= 0)
		return false;
	status[n] = '\0';
	/* Headings are looked for behind a newline: the name comes first, and its newlines are escaped. */
	if (process_numbers(status, "\nUid:", 10, ids) < 3 ||
	    process_numbers(status, "\nGid:", 10, groups) < 3 ||
	    process_numbers(status, "\nCapPrm:", 16, permitted) < 1)
		return false;
	u = user_names_find(&s->names, s->uid);
	for (unsigned int i = 0; i < 3; i++)
		if (ids[i] != s->uid || groups[i] != groups[0])
			return false;
	return permitted[0] == 0 && (u->gid == UINT32_MAX || groups[0] == u->gid);
}

/* Counts a process that may not be looked at, unless it has nothing to hide: a kernel thread has no descriptors. */
static void count_hidden(struct scan *s)
{
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "%s/fd", s->pid_text);
	if (s->sizes_known && fstatat(s->proc_fd, path, &st, 0) == 0 && st.st_size == 0)
		return;
	s->result.n_hidden++;
}

/*
 * Whether the process is as it was in an earlier scan. What a thread has opened
 * in a table of its own the count of the leader's does not tell.
 */
static bool is_same(struct scan *s, int fd, const struct stat *fd_dir)
{
	/* What is remembered is what root was shown. */
	if (s->uid != 0 || s->n_fds <= OWNERS_SAME_MIN)
		return false;
	/* Before its descriptors are read, as their number was: what changes meanwhile shows next time. */
	s->start = process_start(s->proc_fd, s->pid_text);
	return s->known && s->start != 0 && s->known->same(s->known->ctx, s->pid, s->start, s->n_fds) &&
	       scan_threads(s, fd, fd_dir->st_size, true) == 0;
}

/* One process. What it may not be asked is counted; only what ends the whole scan is an error. */
static int scan_process(struct scan *s)
{
	struct arena_mark mark = arena_mark(s->arena);
	uint64_t n_owners = s->result.n_owners;
	CLEANUP(close) int fd = -1;
	struct stat st = {};
	char path[32];
	int r;

	s->leader_fd = -1;
	s->announced = false;
	s->n_owners = 0;
	s->start = 0;
	s->n_fds = 0;
	snprintf(path, sizeof(path), "%s/fd", s->pid_text);
	r = open_table(s, path, &fd);
	if (r >= 0 && (s->uid != 0 || s->sizes_known) && fstat(fd, &st) < 0)
		r = -errno;
	if (r >= 0 && s->uid != 0 && !user_may_read(s, &st)) {
		count_hidden(s);
		return 0;
	}
	if (r >= 0 && s->sizes_known)
		s->n_fds = st.st_size;
	if (r >= 0 && is_same(s, fd, &st)) {
		s->result.n_processes++;
		return write_process(s, true);
	}
	/* Asking the threads may have set it. */
	s->leader_fd = -1;
	if (r >= 0)
		r = scan_table(s, fd);
	if (r >= 0)
		r = scan_threads(s, fd, st.st_size, false);
	if (is_denied(r))
		count_hidden(s);
	if (is_denied(r) || is_gone(r))
		r = 0;
	if (r >= 0)
		r = write_owners(s);
	/* It may have become another's meanwhile, by running a set-user-id program: then nothing of it is told. */
	if (r >= 0 && s->announced && s->uid != 0 && (fstat(fd, &st) < 0 || !user_may_read(s, &st))) {
		s->result.n_hidden++;
		s->result.n_owners = n_owners;
		return arena_rewind(s->arena, mark);
	}
	if (r >= 0 && s->announced)
		s->result.n_processes++;
	return r;
}

static int scan_all(struct scan *s, const struct owners_sink *sink)
{
	ssize_t n;
	int r;

	while ((n = getdents64(s->proc_fd, s->processes, sizeof(s->processes))) > 0) {
		for (ssize_t i = 0; i < n;) {
			struct dirent64 *d = (struct dirent64 *)(s->processes + i);

			i += d->d_reclen;
			if (!parse_number(d->d_name, &s->pid) || strlen(d->d_name) >= sizeof(s->pid_text))
				continue;
			memcpy(s->pid_text, d->d_name, strlen(d->d_name) + 1);
			r = scan_process(s);
			if (r < 0)
				return r;
			if (sink && arena_pending(s->arena) >= FLUSH_BYTES) {
				r = sink->flush(sink->ctx, s->arena);
				if (r < 0)
					return r;
			}
		}
	}
	if (n < 0)
		return -errno;
	return sink ? sink->flush(sink->ctx, s->arena) : 0;
}

int owners_scan(uint32_t uid, const struct owners_known *known, struct arena *a, const struct owners_sink *sink,
		struct owners_result *ret)
{
	CLEANUP(scan_free) struct scan *s = NULL;
	struct stat st;
	int r;

	/* Left as it comes: the buffers are of no use zeroed, and pages that are not touched cost nothing. */
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	memset(&s->names, 0, sizeof(s->names));
	s->uid = uid;
	s->known = known && known->same ? known : NULL;
	s->arena = a;
	s->result = (struct owners_result){};
	s->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_fd < 0)
		return -errno;
	s->sizes_known = fstatat(s->proc_fd, "self/fd", &st, 0) == 0 && st.st_size > 0;

	r = scan_all(s, sink);
	if (r < 0)
		return r;
	*ret = s->result;
	return 0;
}
