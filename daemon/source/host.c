/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where and when a reading is made: host, network namespace and its devices, as blocks */

#include "source/host.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "snapshot/writer.h"

#ifndef SOCKETD_VERSION
#define SOCKETD_VERSION "0" /* the build defines it */
#endif

static uint64_t clock_usec(clockid_t clock)
{
	struct timespec ts = {};

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint64_t host_now_usec(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}

static void put_boot_id(struct attr_block *b)
{
	CLEANUP(close) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char buf[64];
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf)) : -1;

	if (n > 0 && buf[n - 1] == '\n')
		n--;
	if (n > 0)
		attr_block_bytes(b, SOCKETD_HOST_BOOT_ID, buf, n);
}

static void put_host(struct attr_block *b, uint32_t uid)
{
	struct utsname names;

	attr_block_begin(b, SOCKETD_BLOCK_HOST);
	attr_block_u64(b, SOCKETD_HOST_REALTIME, clock_usec(CLOCK_REALTIME));
	attr_block_u64(b, SOCKETD_HOST_BOOTTIME, clock_usec(CLOCK_BOOTTIME));
	put_boot_id(b);
	if (uname(&names) == 0) {
		attr_block_string(b, SOCKETD_HOST_NAME, names.nodename);
		attr_block_string(b, SOCKETD_HOST_RELEASE, names.release);
	}
	attr_block_string(b, SOCKETD_HOST_VERSION, SOCKETD_VERSION);
	attr_block_u32(b, SOCKETD_HOST_UID, uid);
}

int host_write(struct arena *a, uint32_t uid)
{
	struct attr_block b;

	put_host(&b, uid);
	return attr_block_write(&b, a);
}

int host_write_of_table(struct arena *a, uint32_t uid, uint64_t table_age_usec)
{
	struct attr_block b;

	put_host(&b, uid);
	/* 0 is what a reader has for none. */
	attr_block_u64(&b, SOCKETD_HOST_TABLE_AGE, table_age_usec > 0 ? table_age_usec : 1);
	return attr_block_write(&b, a);
}

int host_write_netns_of(struct arena *a, const struct netns *ns, int fd)
{
	struct attr_block b;
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	attr_block_begin(&b, SOCKETD_BLOCK_NETNS);
	attr_block_u64(&b, SOCKETD_NETNS_INO, ns->ino);
	/* Linux 5.14. */
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) == 0 && len == sizeof(cookie))
		attr_block_u64(&b, SOCKETD_NETNS_COOKIE, cookie);
	if (ns->name)
		attr_block_string(&b, SOCKETD_NETNS_NAME, ns->name);
	if (ns->own)
		attr_block_u32(&b, SOCKETD_NETNS_OWN, 1);
	if (ns->pid > 0)
		attr_block_u32(&b, SOCKETD_NETNS_PID, ns->pid);
	return attr_block_write(&b, a);
}

/* Everybody may look at the files of /proc/PID/net, which have inode numbers of their own in each namespace. */
static bool is_inits(void)
{
	struct stat ours, inits;

	return stat("/proc/thread-self/net/dev", &ours) == 0 && stat("/proc/1/net/dev", &inits) == 0 &&
	       ours.st_dev == inits.st_dev && ours.st_ino == inits.st_ino;
}

int host_write_netns(struct arena *a, int fd, uint64_t *ret_ino)
{
	static char host[] = "host";
	struct netns ns = { .own = true };
	struct stat st;
	int r;

	if (stat("/proc/thread-self/ns/net", &st) == 0)
		ns.ino = st.st_ino;
	if (is_inits())
		ns.name = host;
	r = host_write_netns_of(a, &ns, fd);
	if (r < 0)
		return r;
	*ret_ino = ns.ino;
	return 0;
}

int host_write_links(struct arena *a, uint64_t netns_ino)
{
	struct if_nameindex *links = if_nameindex();
	int r = 0;

	for (struct if_nameindex *l = links; l && l->if_index != 0 && r >= 0; l++) {
		struct attr_block b;

		attr_block_begin(&b, SOCKETD_BLOCK_LINK);
		attr_block_u32(&b, SOCKETD_LINK_IFINDEX, l->if_index);
		attr_block_string(&b, SOCKETD_LINK_NAME, l->if_name);
		attr_block_u64(&b, SOCKETD_LINK_NETNS, netns_ino);
		r = attr_block_write(&b, a);
	}
	if (links)
		if_freenameindex(links);
	return r;
}
