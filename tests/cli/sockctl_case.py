# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of sockctl share: running it, sockets of known make, a recording of them"""

import fcntl
import json
import os
import pathlib
import pty
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

SOCKCTL = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "sockctl"
ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 60
# What would change an answer if the caller had it set.
ENV = {k: v for k, v in os.environ.items()
       if k not in ("SOCKCTL_PAGER", "SYSTEMD_PAGER", "PAGER", "SYSTEMD_COLORS", "NO_COLOR", "SYSTEMD_LESS", "LINES")}


def without_leak_check(env):
    """
    For a sockctl that has a daemon as its child. sd-bus ends it with SIGTERM and
    SIGCONT, and the latter takes away the SIGSTOP that LeakSanitizer waits for at
    the child's end: one in ten never ends. Both are checked where they are alone.
    """
    return {**env, "ASAN_OPTIONS": env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def environment(args, env):
    env = {**ENV, **(env or {})}
    return env if any(os.fsdecode(a).startswith(("--bus", "--direct", "--file")) for a in args) else without_leak_check(env)


def run(*args, env=None, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([SOCKCTL, *args], capture_output=True, timeout=TIMEOUT, env=environment(args, env), **more)


def lines(data):
    return data.decode().splitlines()


def on_terminal(*args, env=None, rows=24, columns=200):
    """Standard output is a terminal; returns (status, what it showed)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    p = subprocess.Popen([SOCKCTL, *args], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
                         env=environment(args, {"TERM": "xterm", **(env or {})}))
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    p.stderr.read()
    p.stderr.close()
    return p.wait(TIMEOUT), shown.replace(b"\r\n", b"\n")


class Sockets:
    """Sockets of known make; what the kernel says of them by other ways."""

    NASTY = b"nasty\x1b[31m\xff\xc2\x9b\"quote, comma\n"

    def __init__(self, folder):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=7)
        self.port = self.listener.getsockname()[1]
        self.client = socket.create_connection(("127.0.0.1", self.port))
        self.accepted, _ = self.listener.accept()
        self.client.sendall(b"x" * 321)
        self.listener6 = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.only6 = socket.create_server(("::", 0), family=socket.AF_INET6)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path = os.fsencode(folder) + b"/" + self.NASTY
        self.unix.bind(self.path)
        self.unix.listen(3)
        self.abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.abstract_name = f"sockctl-test-{os.getpid()}"
        self.abstract.bind("\0" + self.abstract_name)
        self.pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def all(self):
        return [self.listener, self.client, self.accepted, self.listener6, self.only6, self.udp, self.unix,
                self.abstract, *self.pair]

    def close(self):
        for s in self.all():
            s.close()


def inode(s):
    return os.fstat(s.fileno()).st_ino


def cookie(s):
    return struct.unpack("=Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sockctl-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.sockets = Sockets(cls.folder)
        cls.addClassCleanup(cls.sockets.close)
        cls.recording = os.path.join(cls.folder, "r.skd")
        # Others may be there, too.
        r = run("--direct", "record", cls.recording, f"netns = {os.stat('/proc/self/ns/net').st_ino}")
        if r.returncode:
            raise SystemExit(f"record: {r.stderr.decode()}")

    def good(self, *args, **more):
        r = run(*args, **more)
        self.assertEqual((r.returncode, r.stderr.decode()), (0, ""), args)
        return r.stdout

    def fails(self, code, pattern, *args, **more):
        r = run(*args, **more)
        self.assertEqual(r.returncode, code, (args, r.stderr.decode()))
        self.assertRegex(r.stderr.decode(), pattern, args)
        return r

    def show(self, *args):
        return self.good("--file", self.recording, "show", *args)

    def rows(self, *args):
        return json.loads(self.show("--json", *args))["sockets"]

    def inodes(self, *args):
        return {row["inode"] for row in self.rows(*args) if "inode" in row}

    def ours(self, *args):
        """Which of our sockets are in the answer."""
        found = self.inodes(*args)
        return {s for s in self.sockets.all() if inode(s) in found}
