#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units and containers of real processes in real cgroups, named as systemd and the runtimes of containers name them

Usage: test_units.py SOCKCTL
"""

import json
import os
import socket
import subprocess
import sys
import unittest

import own_cgroups
from sockctl_case import run

ID = "0123456789abcdef" * 4
POD = "7f2e9d11-0c3a-4f0b-9b57-3c1f0e2d4a5b"
NGINX = "system.slice/nginx.service"
DOCKER = f"system.slice/docker-{ID}.scope"

FIELDS = ("unit", "slice", "session", "user_unit", "container", "activates")

# The cgroup, and what is to be said of every socket that is made in it.
PLACES = {
    NGINX: {"unit": "nginx.service", "slice": "system.slice"},
    "system.slice/system-getty.slice/getty@tty1.service/sub": {"unit": "getty@tty1.service", "slice": "system-getty.slice"},
    "system.slice/foo.socket": {"unit": "foo.socket", "slice": "system.slice", "activates": "foo.service"},
    "init.scope": {"unit": "init.scope"},
    "user.slice/user-1000.slice/session-7.scope": {"unit": "session-7.scope", "slice": "user-1000.slice", "session": "7"},
    "user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service": {
        "unit": "user@1000.service", "slice": "user-1000.slice", "user_unit": "pipewire.service"},
    DOCKER: {"unit": f"docker-{ID}.scope", "slice": "system.slice", "container": f"docker:{ID[:12]}"},
    f"docker/{ID}": {"container": f"docker:{ID[:12]}"},
    f"machine.slice/libpod-{ID}.scope/container": {"unit": f"libpod-{ID}.scope", "slice": "machine.slice",
                                                   "container": f"podman:{ID[:12]}"},
    f"machine.slice/libpod-conmon-{ID}.scope": {"unit": f"libpod-conmon-{ID}.scope", "slice": "machine.slice"},
    f"kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-{ID}.scope": {
        "unit": f"cri-containerd-{ID}.scope", "slice": f"kubepods-pod{POD.replace('-', '_')}.slice",
        "container": f"kubernetes:{POD}/{ID[:12]}"},
    f"kubepods/burstable/pod{POD}/{ID}": {"container": f"kubernetes:{POD}/{ID[:12]}"},
    "machine.slice/systemd-nspawn@web.service/payload": {"unit": "systemd-nspawn@web.service", "slice": "machine.slice",
                                                         "container": "nspawn:web"},
    "machine.slice/machine-deb\\x2d12.scope": {"unit": "machine-deb\\\\x2d12.scope", "slice": "machine.slice",
                                               "container": "machine:deb-12"},
    "lxc.payload.web/system.slice/x.service": {"container": "lxc:web"},
    "odd \x1b[31m.service": {},
}

# Every kind whose cgroup the kernel tells, and two whose it does not.
HOLDER = """
import os, socket, sys
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
accepted, _ = listener.accept()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
pair = socket.socketpair()
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
netlink.bind((0, 0))
held = [listener, client, accepted, udp, *pair, netlink]
print(*(os.fstat(s.fileno()).st_ino for s in held), flush=True)
sys.stdin.read()
"""


class Holder:
    """A process in a cgroup; inodes of its sockets, the first four of which have a cgroup of their own."""

    def __init__(self, group):
        group.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen([sys.executable, "-c", HOLDER, str(group)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.inodes = [int(word) for word in self.process.stdout.readline().split()]

    def move(self, group):
        group.mkdir(parents=True, exist_ok=True)
        (group / "cgroup.procs").write_text(str(self.process.pid), encoding="ascii")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Units(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.holders = {}
        for place in PLACES:
            holder = cls.holders[place] = Holder(ROOT / place)
            cls.addClassCleanup(holder.close)

    def rows(self, *args):
        """By inode, of what `show` lists."""
        r = run("show", "--json", *args)
        # Of namespaces that others make meanwhile one may not be readable: none of ours is in them.
        if r.returncode != 5 or "network namespaces" not in r.stderr.decode():
            self.assertEqual((r.returncode, r.stderr.decode()), (0, ""), args)
        return {row["inode"]: row for row in json.loads(r.stdout)["sockets"] if "inode" in row}

    def check(self, row, want):
        self.assertEqual({k: row[k] for k in FIELDS if k in row}, want, row)

    def test_every_place(self):
        for how in ([], ["--direct"]):
            rows = self.rows("-a", *how)
            for place, want in PLACES.items():
                holder = self.holders[place]
                self.assertEqual(len(holder.inodes), 7)
                for inode in holder.inodes:
                    with self.subTest(how=how, place=place, inode=inode):
                        self.check(rows[inode], want)

    def test_a_process_that_moves(self):
        """What the kernel tells a cgroup of stays with that; the rest is where its holder is."""
        holder = Holder(ROOT / NGINX)
        self.addCleanup(holder.close)
        holder.move(ROOT / DOCKER)
        rows = self.rows("-a", "--direct", f"pid:{holder.process.pid}")
        self.assertEqual(set(rows), set(holder.inodes))
        for i, inode in enumerate(holder.inodes):
            self.check(rows[inode], PLACES[NGINX if i < 4 else DOCKER])

    def test_a_socket_of_pid_1s_making(self):
        """Made in init.scope, held by a service."""
        code = "import sys, time; open(sys.argv[1], 'w').write('0'); print(flush=True); time.sleep(60)"
        (ROOT / "init.scope/cgroup.procs").write_text("0", encoding="ascii")
        try:
            kept = socket.create_server(("127.0.0.1", 0))
            handed = socket.create_server(("127.0.0.1", 0))
        finally:
            (ROOT / "cgroup.procs").write_text("0", encoding="ascii")
        with kept:
            inode, mine = os.fstat(handed.fileno()).st_ino, os.fstat(kept.fileno()).st_ino
            taken = subprocess.Popen([sys.executable, "-c", code, str(ROOT / NGINX / "cgroup.procs")], stdin=handed,
                                     stdout=subprocess.PIPE)
            handed.close()
            taken.stdout.readline()
            try:
                rows = self.rows("-a", "--direct")
                self.check(rows[inode], PLACES[NGINX])
                self.check(rows[mine], {})
            finally:
                taken.kill()
                taken.wait()
                taken.stdout.close()

    def test_filters(self):
        cases = [
            ("unit:nginx.service", [NGINX]),
            ("nginx.service", [NGINX]),
            ("unit = nginx.service", [NGINX]),
            ("session = 7", ["user.slice/user-1000.slice/session-7.scope"]),
            ("user_unit = pipewire.service", ["user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service"]),
            ("activates = foo.service", ["system.slice/foo.socket"]),
            (f'container = "docker:{ID[:12]}"', [DOCKER, f"docker/{ID}"]),
            ("container ~ kubernetes:*", [p for p, want in PLACES.items() if "kubernetes" in want.get("container", "")]),
            ("slice = machine.slice", [p for p, want in PLACES.items() if want.get("slice") == "machine.slice"]),
        ]
        for text, places in cases:
            wanted = {inode for place in places for inode in self.holders[place].inodes}
            for how in ([], ["--direct"]):
                with self.subTest(text=text, how=how):
                    self.assertEqual(set(self.rows("-a", *how, text)), wanted)

    def test_groups(self):
        r = run("stat", "--json", "--by=container", "--direct", 'slice = machine.slice')
        self.assertIn(r.returncode, (0, 5), r.stderr)
        counts = {g.get("container"): g["sockets"] for g in json.loads(r.stdout)["groups"]}
        for name in (f"podman:{ID[:12]}", "nspawn:web", "machine:deb-12"):
            self.assertEqual(counts.get(name), 7, counts)


if __name__ == "__main__":
    ROOT = own_cgroups.enter()
    if not ROOT:
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    unittest.main(argv=sys.argv[:1])
