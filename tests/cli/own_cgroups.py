# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cgroup tree of a test's own: its root is a group of ours, so that its paths can be those of any host"""

import ctypes
import os
import pathlib
import subprocess
import sys

CLONE_NEWNS, CLONE_NEWCGROUP = 0x00020000, 0x02000000


def mount_point():
    """Of the first cgroup2 tree, or None."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, right = line.split(" - ", 1)
        if right.startswith("cgroup2 "):
            return pathlib.Path(left.split()[4])
    return None


def remove(group):
    for folder in sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True):
        folder.rmdir()
    group.rmdir()


def enter():
    """
    Runs this program again inside such a tree and ends as that does; returns in
    there, with the folder that is its root. None where there can be none.
    """
    if os.environ.get("SOCKETD_OWN_CGROUPS"):
        libc, point = ctypes.CDLL(None, use_errno=True), mount_point()
        if libc.unshare(CLONE_NEWNS | CLONE_NEWCGROUP) < 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        # The same file system is not mounted twice at one place.
        subprocess.run(["umount", "--lazy", str(point)], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "none", str(point)], check=True)
        return point
    point = mount_point()
    group = point / f"socketd-test-{os.getpid()}" if point else None
    try:
        group.mkdir()
    except (OSError, AttributeError):
        return None
    try:
        status = subprocess.run(sys.orig_argv, env={**os.environ, "SOCKETD_OWN_CGROUPS": "1"}, check=False,
                                preexec_fn=lambda: (group / "cgroup.procs").write_text("0", encoding="ascii")).returncode
    finally:
        remove(group)
    sys.exit(status if status >= 0 else 1)
