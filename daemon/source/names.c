/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that a query may hold */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "source/cgroups.h"
#include "source/names.h"

int names_ifindex(const char *name, size_t len, uint32_t *ret)
{
	char copy[IF_NAMESIZE];
	unsigned index;

	if (len == 0 || len >= sizeof(copy))
		return -ENODEV;
	memcpy(copy, name, len);
	copy[len] = '\0';
	index = if_nametoindex(copy);
	if (index == 0)
		return -ENODEV;
	*ret = index;
	return 0;
}

/* Whether a path has ".." in it, and so may lead out of the tree. */
static bool leads_up(const char *path)
{
	for (const char *p = strstr(path, ".."); p; p = strstr(p + 1, ".."))
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

int names_cgroup(const char *path, size_t len, uint64_t *ret)
{
	CLEANUP(close) int root = cgroups_open_root();
	char copy[CGROUPS_PATH_MAX];
	struct stat st;

	while (len > 0 && *path == '/') {
		path++;
		len--;
	}
	if (root < 0 || len >= sizeof(copy))
		return -ENOENT;
	memcpy(copy, path, len);
	copy[len] = '\0';
	if (leads_up(copy))
		return -ENOENT;
	/* A group's id is the inode number of its directory (fs/kernfs). */
	if (fstatat(root, len ? copy : ".", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return -ENOENT;
	*ret = st.st_ino;
	return 0;
}
