#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sockctl record and --file: whole, cut short, damaged, partial

Usage: test_recordings.py SOCKCTL    (all by --direct and --file: no daemon is needed)
"""

import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import unittest

from sockctl_case import ENV, SOCKCTL, TIMEOUT, Case, inode, lines, on_terminal, run


# The block stream (include/socketd/stream.h), as far as it is changed here.
HEADER, BLOCK = struct.Struct("=8sHHI"), struct.Struct("=II")
SOURCE_END, MESSAGES = 4, 9


def blocks(data):
    at = HEADER.size
    while at < len(data):
        kind, length = BLOCK.unpack_from(data, at)
        at += BLOCK.size
        yield kind, data[at:at + length]
        at += length + -length % 8


def stream(data, pieces):
    out = data[:HEADER.size]
    for kind, payload in pieces:
        out += BLOCK.pack(kind, len(payload)) + payload + bytes(-len(payload) % 8)
    return out


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


class Recordings(Case):
    def file(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def data(self):
        return pathlib.Path(self.recording).read_bytes()

    def test_record(self):
        path = os.path.join(self.folder, "new.skd")
        with open(path, "w") as f:
            f.write("old")
        r = run("--direct", "record", path)
        self.assertEqual(r.returncode, 0)
        size = os.stat(path).st_size
        self.assertIn(str(size), r.stdout.decode())
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertFalse(os.path.exists(path + ".tmp"))
        self.assertIn(inode(self.sockets.udp), {row.get("inode") for row in json.loads(run("--file", path, "--json").stdout)["sockets"]})

    def test_record_with_a_filter(self):
        path = os.path.join(self.folder, "udp.skd")
        self.assertEqual(run("--direct", "record", path, "-ua", "-q").stdout, b"")
        rows = json.loads(run("--file", path, "show", "--json").stdout)["sockets"]
        self.assertIn(inode(self.sockets.udp), {row["inode"] for row in rows})
        self.assertNotIn(inode(self.sockets.listener), {row.get("inode") for row in rows})

    def test_record_through_pipes(self):
        data = self.good("--direct", "record", "-")
        rows = json.loads(self.good("--file", "-", "show", "--json", stdin=None, input=data))["sockets"]
        self.assertIn(inode(self.sockets.udp), {row.get("inode") for row in rows})
        code, _ = on_terminal("--direct", "record", "-")
        self.assertEqual(code, 2)

    def test_record_that_is_stopped(self):
        """^C leaves the old file, and nothing beside it."""
        path = self.file("stopped.skd", b"old")
        before = set(os.listdir(self.folder))
        p = subprocess.Popen([SOCKCTL, "--file", "-", "record", path], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
        p.stdin.write(self.data()[:-16])
        p.stdin.flush()
        with self.assertRaises(subprocess.TimeoutExpired):
            p.wait(0.3)
        p.send_signal(signal.SIGINT)
        p.stdin.close()
        p.stderr.close()
        self.assertEqual(p.wait(TIMEOUT), -signal.SIGINT)
        self.assertEqual(pathlib.Path(path).read_bytes(), b"old")
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_record_of_half_an_answer(self):
        path = self.file("half.skd", b"old")
        self.fails(5, "not whole", "--file", "-", "record", path, stdin=None, input=self.data()[:-24])
        self.assertEqual(pathlib.Path(path).read_bytes(), b"old")

    def test_record_where_it_may_not(self):
        for path in ("/nonexistent/x", self.folder):
            self.fails(2, re.escape(path), "--direct", "record", path)

    def test_no_recording(self):
        for name, data in [("empty", b""), ("text", b"hello, world, this is not a recording\n" * 10),
                           ("magic", b"\x89SKD\n\n\x1a\n" + self.data()[8:]), ("order", self.data()[:12] + b"\1\2\3\4" + self.data()[16:])]:
            with self.subTest(name):
                r = self.fails(2, ".", "--file", self.file(name, data), "show")
                self.assertEqual(len(lines(r.stderr)), 1)
                self.fails(2, ".", "--file", self.file(name, data), "stat")

    def test_cut_short(self):
        data = self.data()
        for cut in range(20, len(data) - 1, max(1, len(data) // 40)):
            r = run("--file", self.file("cut", data[:cut]), "show", "-H")
            self.assertEqual(r.returncode, 5 if r.stdout else 2, cut)
            self.assertEqual(len(lines(r.stderr)), 1)

    def test_damaged_anywhere(self):
        """No byte that is changed makes it crash, and what it prints is text."""
        data = self.data()
        for at in range(16, len(data), max(1, len(data) // 150)):
            broken = bytearray(data)
            broken[at] ^= 0xff
            r = run("--file", self.file("broken", bytes(broken)), "show", "-aeim")
            self.assertIn(r.returncode, (0, 2, 5), at)
            self.assertNotRegex(r.stdout, rb"[\x00-\x08\x0b-\x1f\x7f\xff]")
            r.stdout.decode()

    def failed_source(self, name, error, interrupted=0):
        data = self.data()
        pieces = list(blocks(data))
        i = next(i for i, (kind, _) in enumerate(pieces) if kind == SOURCE_END)
        pieces[i] = (SOURCE_END, pieces[i][1][:8] + attribute(2, struct.pack("=I", error)) + attribute(3, struct.pack("=I", interrupted)))
        return self.file(name, stream(data, pieces))

    def test_partial(self):
        for error, interrupted, pattern in [(13, 0, "Permission denied: sockets may be missing"),
                                            (11, 3, "changed while it was read, 3 times")]:
            path = self.failed_source("partial", error, interrupted)
            r = self.fails(5, pattern, "--file", path, "show", "-H")
            self.assertEqual(len(lines(r.stdout)), len(self.rows()))
            self.assertIs(json.loads(run("--file", path, "--json").stdout)["partial"], True)
            self.assertEqual(run("--file", path, "stat").returncode, 5)
        # A family that the kernel does not have is no lack, nor is a reading that was made again.
        for name, error, interrupted in [("absent", 2, 0), ("again", 0, 2)]:
            r = run("--file", self.failed_source(name, error, interrupted), "show")
            self.assertEqual((r.returncode, r.stderr), (0, b""), name)

    def test_damaged_row(self):
        data = self.data()
        pieces = list(blocks(data))
        i = next(i for i, (kind, payload) in enumerate(pieces) if kind == MESSAGES)
        # A netlink message of four bytes: shorter than any family's header.
        pieces[i] = (MESSAGES, pieces[i][1] + struct.pack("=IHHII", 20, 20, 0, 0, 0) + b"abcd")
        r = self.fails(5, "1 rows are damaged", "--file", self.file("row", stream(data, pieces)), "show", "-H")
        self.assertEqual(len(lines(r.stdout)), len(self.rows()))


if __name__ == "__main__":
    unittest.main(verbosity=1)
