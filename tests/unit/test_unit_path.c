/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of cgroups as systemd and the runtimes of containers make them, and as an adversary would */

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "model/cleanup.h"
#include "model/unit.h"
#include "unit/suites.h"

#define ID1 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID_ "7f2e9d11_0c3a_4f0b_9b57_3c1f0e2d4a5b"
#define UID "7f2e9d11-0c3a-4f0b-9b57-3c1f0e2d4a5b"

/* NULL for none. Where a path can be made, test_unit_systemd.c has libsystemd look at it. */
static const struct {
	const char *path, *unit, *slice, *session, *user_unit;
} units[] = {
	{ "/system.slice/nginx.service", "nginx.service", "system.slice", NULL, NULL },
	{ "/system.slice/ssh.socket", "ssh.socket", "system.slice", NULL, NULL },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "system-getty.slice", NULL, NULL },
	{ "/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service", "serial-getty@ttyS0.service",
	  "system-serial\\x2dgetty.slice", NULL, NULL },
	{ "/system.slice/nginx.service/worker", "nginx.service", "system.slice", NULL, NULL },
	{ "/system.slice/a.service/b.service", "a.service", "system.slice", NULL, NULL },
	{ "/init.scope", "init.scope", NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/session-2.scope", "session-2.scope", "user-1000.slice", "2", NULL },
	{ "/user.slice/user-1000.slice/session-c3.scope", "session-c3.scope", "user-1000.slice", "c3", NULL },
	{ "/user.slice/user-1000.slice/session-.scope", "session-.scope", "user-1000.slice", NULL, NULL },
	{ "/user.slice/user-1000.slice/session-a_b.scope", "session-a_b.scope", "user-1000.slice", NULL, NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service", "user@1000.service", "user-1000.slice",
	  NULL, "pipewire.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", "user-1000.slice", NULL, "init.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-x.scope",
	  "user@1000.service", "user-1000.slice", NULL, "vte-spawn-x.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service", "user@1000.service", "user-1000.slice", NULL, NULL },
	/* Only a user's manager has units below it. */
	{ "/system.slice/user@evil.service/app.slice/x.service", "user@evil.service", "system.slice", NULL, NULL },
	/* Names that begin as the kernel's files do are escaped by "_". */
	{ "/system.slice/_cpu.service", "cpu.service", "system.slice", NULL, NULL },
	{ "/_user.slice/_tasks.service", "tasks.service", "user.slice", NULL, NULL },
	{ "/system.slice", NULL, "system.slice", NULL, NULL },
	{ "/system.slice/notaunit", NULL, "system.slice", NULL, NULL },
	{ "//system.slice///x.service/", "x.service", "system.slice", NULL, NULL },
	{ "system.slice/x.service", "x.service", "system.slice", NULL, NULL },
	{ "/docker/" ID1, NULL, NULL, NULL, NULL },
	{ "/system.slice/docker-" ID1 ".scope", "docker-" ID1 ".scope", "system.slice", NULL, NULL },
	{ "/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service", "systemd-nspawn@web.service",
	  "machine.slice", NULL, NULL },
	{ "", NULL, NULL, NULL, NULL },
	{ "/", NULL, NULL, NULL, NULL },
	{ "x", NULL, NULL, NULL, NULL },
	{ "/..", NULL, NULL, NULL, NULL },
	{ "/../../system.slice/x.service", NULL, NULL, NULL, NULL },
	{ "/.service", NULL, NULL, NULL, NULL },
	{ "/@x.service", NULL, NULL, NULL, NULL },
	{ "/_/x.service", NULL, NULL, NULL, NULL },
	{ "/x y.service", NULL, NULL, NULL, NULL },
	{ "/x\x1b[31m.service", NULL, NULL, NULL, NULL },
	{ "/\xff.service", NULL, NULL, NULL, NULL },
	{ "/system.slice/x.service (deleted)", NULL, "system.slice", NULL, NULL },
};

/* What runc, crun, containerd, CRI-O, systemd-nspawn, libvirt and LXC name their groups. */
static const struct {
	const char *path, *container;
} containers[] = {
	{ "/system.slice/docker-" ID1 ".scope", "docker:0123456789ab" },
	{ "/docker/" ID1, "docker:0123456789ab" },
	{ "/docker/" ID1 "/init", "docker:0123456789ab" },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID1 ".scope", "docker:0123456789ab" },
	{ "/machine.slice/libpod-" ID1 ".scope/container", "podman:0123456789ab" },
	{ "/machine.slice/libpod-" ID1 ".scope", "podman:0123456789ab" },
	{ "/machine.slice/libpod-conmon-" ID1 ".scope", NULL },
	{ "/libpod_parent/libpod-" ID1, "podman:0123456789ab" },
	{ "/libpod_parent/conmon", NULL },
	{ "/system.slice/web.service/libpod-payload-" ID1, "podman:0123456789ab" },
	{ "/system.slice/web.service/runtime", NULL },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" ID1 ".scope",
	  "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID1 ".scope", "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID1 ".scope/container", "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID1 ".scope", NULL },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/docker-" ID1 ".scope",
	  "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods/burstable/pod" UID "/" ID1, "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods/pod" UID "/" ID1 "/sub", "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods/pod0123456789abcdef0123456789abcdef/" ID1, "kubernetes:0123456789abcdef0123456789abcdef/0123456789ab" },
	{ "/kubepods/pod" UID "/crio-" ID1, "kubernetes:" UID "/0123456789ab" },
	{ "/kubepods/pod" UID, NULL },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID1,
	  "kubernetes:" UID "/0123456789ab" },
	/* kind: a node that is a container itself. */
	{ "/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" ID1 ".scope",
	  "kubernetes:" UID "/0123456789ab" },
	{ "/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_ ".slice", "docker:fedcba987654" },
	{ "/kubepods/pod" UID "/" ID1 "/docker/" ID2, "docker:fedcba987654" },
	{ "/system.slice/cri-containerd-" ID1 ".scope", "containerd:0123456789ab" },
	{ "/system.slice/nerdctl-" ID1 ".scope", "containerd:0123456789ab" },
	{ "/default/" ID1, "containerd:0123456789ab" },
	{ "/system.slice/crio-" ID1 ".scope", "crio:0123456789ab" },
	{ "/machine.slice/systemd-nspawn@web.service/payload", "nspawn:web" },
	{ "/machine.slice/systemd-nspawn@web\\x2d1.service", "nspawn:web-1" },
	{ "/machine.slice/systemd-nspawn@web.service/supervisor", NULL },
	{ "/machine.slice/systemd-nspawn@web.service/payload/system.slice/supervisor", "nspawn:web" },
	{ "/machine.slice/systemd-nspawn@a.service/payload/machine.slice/systemd-nspawn@b.service/payload/x", "nspawn:b" },
	{ "/machine.slice/systemd-nspawn@a.service/payload/machine.slice/systemd-nspawn@b.service/supervisor", "nspawn:a" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator", "machine:qemu-1-vm" },
	{ "/machine.slice/machine-deb.scope/supervisor", NULL },
	{ "/system.slice/machine-deb.scope", NULL },
	{ "/lxc.payload.web", "lxc:web" },
	{ "/lxc.payload.web/system.slice/nginx.service", "lxc:web" },
	{ "/lxc.payload/web/x", "lxc:web" },
	{ "/lxc/web", "lxc:web" },
	{ "/lxc/web/ns/lxc/inner/init.scope", "lxc:inner" },
	{ "/lxc.monitor.web", NULL },
	{ "/lxc.monitor/web", NULL },
	{ "/lxc", NULL },
	/* What only looks like one. */
	{ "/system.slice/docker.service", NULL },
	{ "/docker/short", NULL },
	{ "/docker/" ID1 "0", NULL },
	{ "/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", NULL },
	{ "/system.slice/docker-" ID1 ".scope.d", NULL },
	{ "/system.slice/docker_" ID1 ".scope", NULL },
	{ "/" ID1, NULL },
	{ "/-" ID1, NULL },
	{ "/:" ID1, NULL },
	{ "/::" ID1, NULL },
	{ "/pod" UID "/" ID1, NULL },
	{ "/kubepods/podnothex!/" ID1, NULL },
	{ "/machine.slice/systemd-nspawn@.service", NULL },
	{ "/lxc.payload.", NULL },
	{ "/machine.slice/machine-a\\x00b\\x2\\xg1\\x.scope", "machine:a\\x00b\\x2\\xg1\\x" },
	{ "/lxc.payload.\x1b[31m\xff", "lxc:\x1b[31m\xff" },
	{ "/docker/../" ID1, NULL },
	{ "", NULL },
	{ "/", NULL },
	{ "////", NULL },
};

static void check_piece(const char *path, const char *what, struct unit_piece p, const char *want)
{
	bool right = want ? p.len == strlen(want) && !memcmp(p.text, want, p.len) : p.len == 0;

	if (!right)
		fprintf(stderr, "%s: %s is \"%.*s\", not \"%s\"\n", path, what, (int)p.len, p.len ? p.text : "", want ? want : "");
	CU_ASSERT(right);
}

/* A copy without a NUL behind it: a byte too many is one that the sanitizers see. */
static char *exact_copy(const char *path, size_t len)
{
	char *copy = malloc(len ? len : 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	if (len)
		memcpy(copy, path, len);
	return copy;
}

static void test_units(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t len = strlen(units[i].path);
		CLEANUP(free) char *path = exact_copy(units[i].path, len);
		struct unit_path u = {};
		bool found = unit_path_parse(path, len, &u);

		CU_ASSERT_EQUAL(found, units[i].unit || units[i].slice);
		check_piece(units[i].path, "unit", u.unit, units[i].unit);
		check_piece(units[i].path, "slice", u.slice, units[i].slice);
		check_piece(units[i].path, "session", u.session, units[i].session);
		check_piece(units[i].path, "user_unit", u.user_unit, units[i].user_unit);
	}
}

static void test_containers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		size_t len = strlen(containers[i].path), n;
		CLEANUP(free) char *path = exact_copy(containers[i].path, len);
		char buf[UNIT_CONTAINER_MAX] = "";

		n = unit_container(path, len, buf);
		check_piece(containers[i].path, "container", (struct unit_piece){ buf, n }, containers[i].container);
		CU_ASSERT(n == 0 || buf[n] == '\0');
	}
}

/* The longest path that the kernel has, as one component, as many, as many units. */
static void test_long(void)
{
	static const char *const parts[] = { "a", "/", "/a", "/a.slice", "/../", "/kubepods-pod", "-pod", "/machine.slice/lxc/",
					     "\\x", "/docker-", ":", "_", "/session-" };
	char path[4096], buf[UNIT_CONTAINER_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t n = strlen(parts[i]);
		struct unit_path u;

		for (size_t at = 0; at < sizeof(path); at++)
			path[at] = parts[i][at % n];
		(void)unit_path_parse(path, sizeof(path), &u);
		CU_ASSERT(unit_container(path, sizeof(path), buf) < sizeof(buf));
	}
	/* A name longer than any is cut, whatever it is. */
	memset(path, 'x', sizeof(path));
	memcpy(path, "/lxc.payload.", 13);
	CU_ASSERT_EQUAL(unit_container(path, sizeof(path), buf), UNIT_CONTAINER_MAX - 1);
	/* One byte less than is allowed of a unit, and one more. */
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	memcpy(path + 1 + 247, ".service", 8);
	CU_ASSERT(unit_path_parse(path, 1 + 255, &(struct unit_path){}));
	memset(path + 1, 'x', 255);
	memcpy(path + 1 + 248, ".service", 8);
	CU_ASSERT(!unit_path_parse(path, 1 + 256, &(struct unit_path){}));
}

/* Every path of the tables cut anywhere and with any byte in it: nothing is read behind its end. */
static void test_damaged(void)
{
	char buf[UNIT_CONTAINER_MAX];
	unsigned seed = 1;

	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		size_t whole = strlen(containers[i].path);

		for (size_t len = 0; len <= whole; len++) {
			CLEANUP(free) char *path = exact_copy(containers[i].path, len);
			struct unit_path u;

			seed = seed * 1103515245 + 12345;
			if (len)
				path[seed % len] = (char)(seed >> 16);
			(void)unit_path_parse(path, len, &u);
			CU_ASSERT(unit_container(path, len, buf) < sizeof(buf));
		}
	}
}

void suite_unit_path(void)
{
	CU_pSuite s = CU_add_suite("unit_path", NULL, NULL);

	CU_add_test(s, "units, slices, sessions", test_units);
	CU_add_test(s, "containers of each runtime", test_containers);
	CU_add_test(s, "long paths", test_long);
	CU_add_test(s, "damaged paths", test_damaged);
}
