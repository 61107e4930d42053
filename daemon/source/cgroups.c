/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control groups of the host, as blocks: id and path of each */

#include "source/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "snapshot/writer.h"

/* mountinfo writes blanks and backslashes of a path as \ooo. */
static void unescape_octal(char *text)
{
	char *out = text;

	for (const char *in = text; *in != '\0'; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out++ = (in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0');
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* The mount point of a mountinfo line of a cgroup2 tree: its fifth word. NULL for other lines. */
static char *cgroup2_mount_point(char *line)
{
	char *type = strstr(line, " - "), *word = line, *end;

	if (!type || strncmp(type, " - cgroup2 ", strlen(" - cgroup2 ")) != 0)
		return NULL;
	for (int i = 0; i < 4; i++) {
		word = strchr(word, ' ');
		if (!word)
			return NULL;
		word++;
	}
	end = strchr(word, ' ');
	if (!end)
		return NULL;
	*end = '\0';
	unescape_octal(word);
	return word;
}

int cgroups_open_root(void)
{
	CLEANUP(fclose) FILE *f = fopen("/proc/thread-self/mountinfo", "re");
	CLEANUP(free) char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		const char *point = cgroup2_mount_point(line);
		int fd;

		if (!point)
			continue;
		fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

static int write_group(struct cgroups *c, struct arena *a, uint64_t id)
{
	struct attr_block b;

	attr_block_begin(&b, SOCKETD_BLOCK_CGROUP);
	attr_block_u64(&b, SOCKETD_CGROUP_ID, id);
	attr_block_string(&b, SOCKETD_CGROUP_PATH, c->path[0] != '\0' ? c->path : "/");
	c->n_groups++;
	return attr_block_write(&b, a);
}

/* Takes fd. A group that cannot be entered only keeps those below it from view. */
static void push(struct cgroups *c, int fd, size_t path_len)
{
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return;
	}
	c->level[c->depth].dir = dir;
	c->level[c->depth].path_len = path_len;
	c->depth++;
}

static void pop(struct cgroups *c)
{
	closedir(c->level[--c->depth].dir);
}

int cgroups_open(struct cgroups *ret, struct arena *a)
{
	struct stat st;
	int fd;

	ret->depth = 0;
	ret->n_groups = 0;
	ret->path[0] = '\0';
	fd = cgroups_open_root();
	if (fd < 0)
		return 0;
	push(ret, fd, 0);
	/* A group's id is the inode number of its directory (kernfs on 64 bits; the kernel hands out no other). */
	if (ret->depth > 0 && fstat(fd, &st) == 0)
		return write_group(ret, a, st.st_ino);
	return 0;
}

void cgroups_close(struct cgroups *c)
{
	while (c->depth > 0)
		pop(c);
}

/* One directory below the innermost. Two links mean that there is none below it, which saves opening most. */
static int enter(struct cgroups *c, struct arena *a, const char *name)
{
	size_t old_len = c->level[c->depth - 1].path_len, len = old_len + 1 + strlen(name);
	int parent = dirfd(c->level[c->depth - 1].dir), fd, r;
	struct stat st;

	if (len >= sizeof(c->path) || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	c->path[old_len] = '/';
	memcpy(c->path + old_len + 1, name, strlen(name) + 1);
	r = write_group(c, a, st.st_ino);
	if (r < 0 || st.st_nlink <= 2 || c->depth == CGROUPS_DEPTH_MAX)
		return r;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		push(c, fd, len);
	return 0;
}

int cgroups_step(struct cgroups *c, struct arena *a)
{
	unsigned int until = c->n_groups + CGROUPS_SLICE;

	while (c->depth > 0) {
		struct dirent *d;
		int r;

		if (c->n_groups >= CGROUPS_MAX)
			return 0;
		if (c->n_groups >= until)
			return 1;
		d = readdir(c->level[c->depth - 1].dir);
		if (!d) {
			pop(c);
			continue;
		}
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		r = enter(c, a, d->d_name);
		if (r < 0)
			return r;
	}
	return 0;
}
