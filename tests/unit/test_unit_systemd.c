/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What we read in a cgroup's path, against what libsystemd says of a process that is in it */

#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

#include "model/unit.h"
#include "source/cgroups.h"
#include "source/process.h"
#include "unit/suites.h"

/* Such as systemd makes, and such as it would not take for its own. */
static const char *const paths[] = {
	"system.slice/nginx.service",
	"system.slice/nginx.service/worker",
	"system.slice/ssh.socket",
	"system.slice/system-getty.slice/getty@tty1.service",
	"system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service",
	"init.scope",
	"user.slice/user-1000.slice/session-2.scope",
	"user.slice/user-1000.slice/session-c3.scope",
	"user.slice/user-1000.slice/session-.scope",
	"user.slice/user-1000.slice/session-a_b.scope",
	"user.slice/user-1000.slice/session-4.scope/app.slice/below.service",
	"user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service",
	"user.slice/user-1000.slice/user@1000.service/init.scope",
	"user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/vte-spawn-x.scope/deep",
	"user.slice/user-1000.slice/user@1000.service",
	"system.slice/user@evil.service/app.slice/x.service",
	"system.slice/_cpu.service",
	"_user.slice/_tasks.service",
	"system.slice",
	"system.slice/notaunit",
	"docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	"machine.slice/libpod-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope/container",
	"machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service",
	"machine.slice/machine-deb\\x2d12.scope",
	"lxc.payload.web/system.slice/x.service",
	"kubepods/burstable/pod7f2e9d11-0c3a-4f0b-9b57-3c1f0e2d4a5b/x",
	"x y.service",
	"@x.service",
	"x.service.d",
	"a.mount",
	"a.automount",
	"a.swap/b",
	"a.timer",
	"a.device",
	"a.nothing",
	"x\xff.service",
};

struct verdict {
	unsigned n_asked, n_same;
};

/* Each folder of a path below root; and away with them again, the innermost first. */
static int make_path(int root, const char *path, bool away)
{
	char copy[512];
	size_t len = strlen(path);

	memcpy(copy, path, len + 1);
	for (size_t i = 0; !away && i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		copy[i] = '\0';
		if (mkdirat(root, copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		copy[i] = path[i];
	}
	while (away && copy[0]) {
		char *slash = strrchr(copy, '/');

		(void)unlinkat(root, copy, AT_REMOVEDIR);
		if (!slash)
			break;
		*slash = '\0';
	}
	return 0;
}

static bool move_to(int root, const char *path, pid_t pid)
{
	CLEANUP(close) int group = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(close) int fd = group < 0 ? -1 : openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && dprintf(fd, "%d", pid) > 0;
}

static bool is_same(const char *path, const char *what, int r, char **answer, struct unit_piece ours)
{
	CLEANUP(free) char *theirs = r < 0 ? NULL : *answer;
	/* "-.slice" is what systemd calls it where no slice is said. */
	bool none = r < 0 || !strcmp(theirs, "-.slice");
	bool same = none ? ours.len == 0 : ours.len == strlen(theirs) && !memcmp(ours.text, theirs, ours.len);

	if (!same)
		fprintf(stderr, "%s: %s: libsystemd says %s, we \"%.*s\"\n", path, what, r < 0 ? strerror(-r) : theirs,
			(int)ours.len, ours.len ? ours.text : "");
	return same;
}

static void compare(pid_t pid, const char *path, struct verdict *v)
{
	char *unit = NULL, *slice = NULL, *session = NULL, *user_unit = NULL;
	CLEANUP(close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[PROCESS_CGROUP_SIZE], text[12];
	struct unit_path u = {};
	size_t len = 0;
	const char *ours;
	int same;

	snprintf(text, sizeof(text), "%d", pid);
	ours = process_cgroup(proc, text, buf, sizeof(buf), &len);
	if (!ours || len != strlen(path) + 1 || memcmp(ours + 1, path, len - 1) != 0)
		return; /* the namespace is not what it should be */
	(void)unit_path_parse(ours, len, &u);
	same = is_same(path, "unit", sd_pid_get_unit(pid, &unit), &unit, u.unit);
	same += is_same(path, "slice", sd_pid_get_slice(pid, &slice), &slice, u.slice);
	same += is_same(path, "session", sd_pid_get_session(pid, &session), &session, u.session);
	same += is_same(path, "user unit", sd_pid_get_user_unit(pid, &user_unit), &user_unit, u.user_unit);
	v->n_asked++;
	v->n_same += same == 4;
}

/* In a cgroup namespace whose root is our own group, so that paths are what systemd's would be. */
static void compare_all(int root, int out)
{
	struct verdict v = {};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		pid_t pid;

		if (make_path(root, paths[i], false) == 0) {
			pid = fork();
			if (pid == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				pause();
				_exit(0);
			}
			if (move_to(root, paths[i], pid))
				compare(pid, paths[i], &v);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		make_path(root, paths[i], true);
	}
	if (write(out, &v, sizeof(v)) != sizeof(v))
		_exit(1);
}

static void test_libsystemd(void)
{
	CLEANUP(close) int root = cgroups_open_root(), group = -1;
	struct verdict v = {};
	char name[32];
	int out[2];
	pid_t pid;

	snprintf(name, sizeof(name), "socketd-u%d", getpid());
	if (root < 0 || mkdirat(root, name, 0755) < 0) /* not allowed here */
		return;
	group = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (move_to(root, name, getpid()) && unshare(CLONE_NEWCGROUP) == 0)
			compare_all(group, out[1]);
		_exit(0);
	}
	close(out[1]);
	if (read(out[0], &v, sizeof(v)) == sizeof(v)) {
		CU_ASSERT_EQUAL(v.n_asked, ARRAY_SIZE(paths));
		CU_ASSERT_EQUAL(v.n_same, v.n_asked);
	}
	close(out[0]);
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL(unlinkat(root, name, AT_REMOVEDIR), 0);
}

void suite_unit_systemd(void)
{
	CU_pSuite s = CU_add_suite("unit_systemd", NULL, NULL);

	CU_add_test(s, "as libsystemd reads it", test_libsystemd);
}
