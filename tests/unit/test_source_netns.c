/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Namespaces that are found: by a process, by a mount, by a descriptor; names, bounds, and what is hidden */

#include "source/netns.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "source/netlink.h"
#include "source/netns_door.h"
#include "source/netns_mounts.h"
#include "unit/netns_rig.h"
#include "unit/suites.h"

static struct netns_list list;

static const struct netns *discover(uint64_t ino)
{
	netns_list_deinit(&list);
	CU_ASSERT_EQUAL_FATAL(netns_discover(&list, NETNS_MAX), 0);
	return netns_list_find(&list, ino);
}

static void own_is_first(void)
{
	struct stat st;

	CU_ASSERT_EQUAL_FATAL(stat("/proc/self/ns/net", &st), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(discover(st.st_ino));
	CU_ASSERT_EQUAL(netns_own_ino(), st.st_ino);
	CU_ASSERT_TRUE(list.rows[0].own);
	CU_ASSERT_EQUAL(list.rows[0].ino, st.st_ino);
	CU_ASSERT_PTR_NULL(list.rows[0].path);
	CU_ASSERT_TRUE(list.rows[0].pid > 0);
	for (size_t i = 1; i < list.n; i++) {
		CU_ASSERT_FALSE(list.rows[i].own);
		CU_ASSERT_TRUE(i == 1 || list.rows[i].ino > list.rows[i - 1].ino);
	}
	netns_list_deinit(&list);
}

/* What leads to it is what we are told. */
static void check_leads_there(const struct netns *ns)
{
	int fd = netns_enter_fd(ns);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(rig_ino(fd), ns->ino);
	close(fd);
}

static void found_by_process(void)
{
	int fd = rig_netns_new();
	uint64_t ino = rig_ino(fd);
	pid_t first = rig_process_in(fd), second = rig_process_in(fd);
	struct netns remembered;
	const struct netns *ns;
	char path[64];

	close(fd);
	ns = discover(ino);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ns);
	CU_ASSERT_EQUAL(ns->pid, (uint32_t)first);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)first);
	CU_ASSERT_STRING_EQUAL(ns->path, path);
	check_leads_there(ns);

	/* The process that it was known by ends, the other goes on. */
	remembered = *ns;
	remembered.path = strdup(ns->path);
	rig_process_end(first);
	CU_ASSERT_EQUAL(netns_enter_fd(&remembered), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(netns_find_paths(&remembered, 1), 0);
	CU_ASSERT_EQUAL(remembered.pid, (uint32_t)second);
	check_leads_there(&remembered);

	rig_process_end(second);
	CU_ASSERT_EQUAL(netns_enter_fd(&remembered), -ENOENT);
	CU_ASSERT_EQUAL(netns_find_paths(&remembered, 1), -ENOENT);
	CU_ASSERT_PTR_NULL(discover(ino));
	free(remembered.path);
	netns_list_deinit(&list);
}

static void found_by_descriptor(void)
{
	int fd = rig_netns_new();
	uint64_t ino = rig_ino(fd);
	const struct netns *ns = discover(ino);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ns);
	CU_ASSERT_EQUAL(ns->pid, 0);
	check_leads_there(ns);
	close(fd);
	CU_ASSERT_PTR_NULL(discover(ino));
	netns_list_deinit(&list);
}

static void bound_hides_the_rest(void)
{
	int fds[3];

	for (unsigned int i = 0; i < 3; i++)
		fds[i] = rig_netns_new();
	CU_ASSERT_EQUAL_FATAL(netns_discover(&list, 1), 0);
	CU_ASSERT_EQUAL(list.n, 2);
	CU_ASSERT_TRUE(list.n_hidden >= 2);
	netns_list_deinit(&list);
	CU_ASSERT_EQUAL_FATAL(netns_discover(&list, 0), 0);
	CU_ASSERT_EQUAL(list.n, 1);
	CU_ASSERT_TRUE(list.rows[0].own);
	CU_ASSERT_TRUE(list.n_hidden >= 3);
	netns_list_deinit(&list);
	for (unsigned int i = 0; i < 3; i++)
		close(fds[i]);
}

/* A namespace with a process of this user. */
static pid_t process_in_new(uid_t uid, uint64_t *ret_ino)
{
	int fd = rig_netns_new();
	pid_t pid = rig_process_of(fd, uid);

	*ret_ino = rig_ino(fd);
	close(fd);
	return pid;
}

/* An ordinary user's are the first to be left out, though they were there first. */
static void those_of_root_first(void)
{
	uint64_t ino, theirs[3];
	pid_t users[3], root;
	bool found = false;

	for (unsigned int i = 0; i < 3; i++)
		users[i] = process_in_new(65534, &theirs[i]);
	root = process_in_new(0, &ino);
	/* Other tests may make some meanwhile; seldom ten times in a row. */
	for (unsigned int i = 0; i < 10 && !found; i++) {
		size_t n;

		CU_ASSERT_PTR_NOT_NULL_FATAL(discover(ino));
		n = list.n - 1;
		netns_list_deinit(&list);
		CU_ASSERT_EQUAL_FATAL(netns_discover(&list, n - 3), 0);
		CU_ASSERT_TRUE(list.n <= n - 2);
		found = netns_list_find(&list, ino) != NULL;
	}
	CU_ASSERT_TRUE(found);
	netns_list_deinit(&list);
	for (unsigned int i = 0; i < 3; i++)
		rig_process_end(users[i]);
	rig_process_end(root);
}

static bool mount_at(int ns_fd, const char *path)
{
	char from[48];
	int fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	close(fd);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", ns_fd);
	return mount(from, path, NULL, MS_BIND, NULL) == 0;
}

/* As ip-netns(8) and others mount, in a mount namespace of our own. What failed. */
static int with_mounts(void *ctx)
{
	int fds[3];
	uint64_t inos[3];
	const struct netns *ns;

	(void)ctx;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	if (mount("none", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/netns", 0755) < 0 || mkdir("/run/other", 0755) < 0)
		return 2;
	for (unsigned int i = 0; i < 3; i++) {
		fds[i] = unshare(CLONE_NEWNET) < 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			return 3;
		inos[i] = rig_ino(fds[i]);
	}
	if (unshare(CLONE_NEWNET) < 0)
		return 4;
	/* The last one is mounted over: it is known, and cannot be reached that way. */
	if (!mount_at(fds[0], "/run/netns/with space\nand \\line") || !mount_at(fds[1], "/run/other/b") ||
	    !mount_at(fds[2], "/run/other/c") || !mount_at(fds[1], "/run/other/c"))
		return 5;
	for (unsigned int i = 0; i < 3; i++)
		close(fds[i]);

	ns = discover(inos[0]);
	if (!ns || !ns->name || strcmp(ns->name, "with space\nand \\line") || ns->pid != 0)
		return 6;
	if (!ns->path || strcmp(ns->path, "/run/netns/with space\nand \\line") || netns_enter_fd(ns) < 0)
		return 7;
	ns = netns_list_find(&list, inos[1]);
	if (!ns || ns->name || !ns->path || strncmp(ns->path, "/run/other/", 11) || netns_enter_fd(ns) < 0)
		return 8;
	ns = netns_list_find(&list, inos[2]);
	if (!ns || ns->path || netns_enter_fd(ns) != -EACCES)
		return 9;
	netns_list_deinit(&list);
	return 0;
}

static void found_by_mount(void)
{
	CU_ASSERT_EQUAL(rig_in_child(with_mounts, NULL), 0);
}

/* Somebody who may look into no other process than his own. */
static int as_nobody(void *ctx)
{
	uint64_t before = *(uint64_t *)ctx;

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (netns_discover(&list, NETNS_MAX) < 0)
		return 2;
	if (netns_list_find(&list, before))
		return 3;
	/* That of the sleeping process is another than ours, and more is not to be known. */
	return list.n_hidden >= 1 ? 0 : 4;
}

static int hidden_as_nobody(void *ctx)
{
	(void)ctx;
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 255;
	return netns_discover(&list, NETNS_MAX) < 0 ? 255 : (int)list.n_hidden;
}

static void hidden_is_counted_once(void)
{
	int fd = rig_netns_new();
	uint64_t ino = rig_ino(fd);
	pid_t first = rig_process_in(fd), second = rig_process_in(fd);

	close(fd);
	CU_ASSERT_EQUAL(rig_in_child(as_nobody, &ino), 0);
	/* Other tests may have namespaces of their own meanwhile; seldom ten times in a row. */
	for (unsigned int i = 0; i < 10; i++) {
		int with = rig_in_child(hidden_as_nobody, NULL), one, without;

		rig_process_end(first);
		one = rig_in_child(hidden_as_nobody, NULL);
		rig_process_end(second);
		without = rig_in_child(hidden_as_nobody, NULL);
		if (with == one && one == without + 1)
			return;
		fd = rig_netns_new();
		first = rig_process_in(fd);
		second = rig_process_in(fd);
		close(fd);
	}
	CU_FAIL("two processes of one namespace are not one that is hidden");
}

/* Another socket in the place of the first is one of the same namespace, or none. */
static void netlink_reopens_there(void)
{
	CLEANUP(netns_door_free) struct netns_door *door = NULL;
	CLEANUP(netlink_close) struct netlink nl = { .fd = -1 };
	int fd = rig_netns_new(), inside = rig_socket_in(fd, AF_INET, SOCK_DGRAM, 0);
	uint64_t cookie = rig_netns_cookie(inside);
	pid_t pid = rig_process_in(fd);
	unsigned int n_fds;
	struct netns ns = { .ino = rig_ino(fd), .pid = (uint32_t)pid };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	ns.path = path;
	CU_ASSERT_EQUAL_FATAL(netns_door_new(&door), 0);
	n_fds = rig_n_fds();
	CU_ASSERT_EQUAL_FATAL(netlink_open_in(&nl, door, &ns), 0);
	CU_ASSERT_EQUAL(rig_n_fds(), n_fds + 1);
	CU_ASSERT_EQUAL(nl.netns, ns.ino);
	CU_ASSERT_EQUAL(rig_netns_cookie(nl.fd), cookie);
	/* What it was told of need not stay. */
	memset(path, 'x', sizeof(path) - 1);
	CU_ASSERT_EQUAL(netlink_reopen(&nl), 0);
	CU_ASSERT_EQUAL(rig_netns_cookie(nl.fd), cookie);
	CU_ASSERT_EQUAL(nl.netns, ns.ino);

	rig_process_end(pid);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(netlink_reopen(&nl), -ESTALE);
		CU_ASSERT_EQUAL(nl.fd, -1);
	}
	CU_ASSERT_EQUAL(netlink_open_in(&nl, door, &ns), -ENOENT);
	CU_ASSERT_EQUAL(rig_n_fds(), n_fds);
	close(inside);
	close(fd);
}

static struct {
	unsigned int n;
	uint64_t ino;
	bool leads_there, has_path;
	char name[300], path[600];
} mount_seen;

static int note_mount(void *ctx, uint64_t ino, const char *path, const char *name, bool leads_there)
{
	(void)ctx;
	mount_seen.n++;
	mount_seen.ino = ino;
	mount_seen.leads_there = leads_there;
	mount_seen.has_path = path != NULL;
	snprintf(mount_seen.name, sizeof(mount_seen.name), "%s", name ? name : "(none)");
	snprintf(mount_seen.path, sizeof(mount_seen.path), "%s", path ? path : "(none)");
	return 0;
}

/* How many were seen in a line. */
static unsigned int look_at(const char *text)
{
	char line[2048];

	snprintf(line, sizeof(line), "%s", text);
	memset(&mount_seen, 0, sizeof(mount_seen));
	CU_ASSERT_EQUAL(netns_mounts_line(line, "/prefix", note_mount, NULL), 0);
	return mount_seen.n;
}

static void lines_of_mountinfo(void)
{
	static const char *const none[] = {
		"", " ", "36 35 0:4", "36 35 0:4 net:[1] /a rw", "36 35 0:4 net:[1] /a rw -", "36 35 0:4 net:[1] /a rw - ",
		"36 35 0:4 net:[1] /a rw - tmpfs none rw", "36 35 0:4 mnt:[1] /a rw - nsfs nsfs rw",
		"36 35 0:4 net:[] /a rw - nsfs nsfs rw", "36 35 0:4 net:[0] /a rw - nsfs nsfs rw",
		"36 35 0:4 net:[4294967296] /a rw - nsfs nsfs rw", "36 35 0:4 net:[99999999999999999999999] /a rw - nsfs n rw",
		"36 35 0:4 net:[12x] /a rw - nsfs nsfs rw", "36 35 0:4 / /a rw - nsfs nsfs rw",
	};
	char line[2048];

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		CU_ASSERT_EQUAL(look_at(none[i]), 0);
	CU_ASSERT_EQUAL(look_at("36 35 0:4 net:[4026532177] /run/netns/blue\\040sky\\134\\12 rw shared:5 master:1 - nsfs nsfs rw"), 1);
	CU_ASSERT_EQUAL(mount_seen.ino, 4026532177);
	CU_ASSERT_STRING_EQUAL(mount_seen.name, "blue sky\\\\12");
	CU_ASSERT_STRING_EQUAL(mount_seen.path, "/prefix/run/netns/blue sky\\\\12");
	CU_ASSERT_FALSE(mount_seen.leads_there);
	CU_ASSERT_EQUAL(look_at("36 35 0:4 net:[7] /var/run/netns/x rw - nsfs nsfs rw"), 1);
	CU_ASSERT_STRING_EQUAL(mount_seen.name, "x");
	/* A container runtime's key is no name; nor is a folder. */
	CU_ASSERT_EQUAL(look_at("36 35 0:4 net:[7] /run/docker/netns/1a2b3c rw - nsfs nsfs rw"), 1);
	CU_ASSERT_STRING_EQUAL(mount_seen.name, "(none)");
	CU_ASSERT_EQUAL(look_at("36 35 0:4 net:[7] /run/netns/a/b rw - nsfs nsfs rw"), 1);
	CU_ASSERT_STRING_EQUAL(mount_seen.name, "(none)");
	CU_ASSERT_EQUAL(look_at("36 35 0:4 net:[7] /run/netns/ rw - nsfs nsfs rw"), 1);
	CU_ASSERT_STRING_EQUAL(mount_seen.name, "(none)");
	/* A longer path than we keep: it is known, and has none. */
	snprintf(line, sizeof(line), "36 35 0:4 net:[8] /%01000d rw - nsfs nsfs rw", 1);
	CU_ASSERT_EQUAL(look_at(line), 1);
	CU_ASSERT_EQUAL(mount_seen.ino, 8);
	CU_ASSERT_FALSE(mount_seen.has_path);
}

void suite_source_netns(void)
{
	CU_pSuite s = CU_add_suite("namespaces that are found", NULL, NULL);

	CU_add_test(s, "our own is the first", own_is_first);
	CU_add_test(s, "by a process, and by another when that ends", found_by_process);
	CU_add_test(s, "by a descriptor alone", found_by_descriptor);
	CU_add_test(s, "by a mount, with any bytes in its name", found_by_mount);
	CU_add_test(s, "past the bound they are hidden", bound_hides_the_rest);
	CU_add_test(s, "past the bound those of root stay", those_of_root_first);
	CU_add_test(s, "what may not be looked into is counted once", hidden_is_counted_once);
	CU_add_test(s, "lines of mountinfo", lines_of_mountinfo);
	CU_add_test(s, "a socket that is opened again is of the same one", netlink_reopens_there);
}
