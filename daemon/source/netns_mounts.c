/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces that are mounted somewhere: nsfs in mountinfo */

#include "source/netns_mounts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "model/cleanup.h"
#include "model/netns.h"

#define PREFIX_OF_INIT "/proc/1/root"

bool netns_text_ino(const char *text, uint64_t *ret)
{
	uint64_t ino = 0;

	if (strncmp(text, "net:[", 5))
		return false;
	for (text += 5; *text >= '0' && *text <= '9'; text++) {
		/* The kernel's are of 32 bits. */
		if (ino > UINT32_MAX)
			return false;
		ino = ino * 10 + (uint64_t)(*text - '0');
	}
	if (ino == 0 || ino > UINT32_MAX || strcmp(text, "]"))
		return false;
	*ret = ino;
	return true;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* "\040" and the like (mangle_path in fs/seq_file.c), in place. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* Of /run/netns/NAME, where ip-netns(8) puts them. */
static const char *ip_netns_name(const char *mount_point)
{
	static const char *const folders[] = { "/run/netns/", "/var/run/netns/" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t len = strlen(folders[i]);

		if (!strncmp(mount_point, folders[i], len) && mount_point[len] && !strchr(mount_point + len, '/'))
			return mount_point + len;
	}
	return NULL;
}

/* Another mount can lie over it. */
static bool leads_to(const char *path, uint64_t ino)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == ino;
}

int netns_mounts_line(char *line, const char *prefix, netns_mount_found found, void *ctx)
{
	char *fields[6], *type, path[NETNS_PATH_MAX], *rest = line;
	uint64_t ino;
	int n;

	/* "id parent major:minor root point options optional... - type source options" (proc_pid_mountinfo(5)). */
	for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!rest)
			return 0;
	}
	type = !strncmp(rest, "- ", 2) ? rest + 2 : strstr(rest, " - ");
	if (!type || strncmp(type + (type == rest + 2 ? 0 : 3), "nsfs ", 5) || !netns_text_ino(fields[3], &ino))
		return 0;
	unescape(fields[4]);
	n = snprintf(path, sizeof(path), "%s%s", prefix, fields[4]);
	if (n < 0 || (size_t)n >= sizeof(path))
		return found(ctx, ino, NULL, NULL, false);
	return found(ctx, ino, path, ip_netns_name(fields[4]), leads_to(path, ino));
}

static int walk_file(const char *file, const char *prefix, netns_mount_found found, void *ctx)
{
	CLEANUP(fclose) FILE *f = fopen(file, "re");
	CLEANUP(free) char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r = 0;

	if (!f)
		return 0;
	while (r >= 0 && (n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		r = netns_mounts_line(line, prefix, found, ctx);
	}
	return r < 0 ? r : 0;
}

/* Whether PID 1 sees other mounts than we. Where it cannot be told they are not to be read either. */
static bool is_init_elsewhere(void)
{
	struct stat ours, its;

	return stat("/proc/self/ns/mnt", &ours) == 0 && stat("/proc/1/ns/mnt", &its) == 0 && ours.st_ino != its.st_ino;
}

int netns_mounts_walk(netns_mount_found found, void *ctx)
{
	int r = walk_file("/proc/self/mountinfo", "", found, ctx);

	if (r < 0 || !is_init_elsewhere())
		return r;
	return walk_file("/proc/1/mountinfo", PREFIX_OF_INIT, found, ctx);
}
