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
SOURCE_END, OWNERS, MESSAGES = 4, 8, 9
OWNER = struct.Struct("=QII")  # inode, pid, fd


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
        self.assertIn(inode(self.sockets.udp), {row.get("inode") for row in json.loads(run("--file", path, "--json").stdout)["sockets"]})

    def test_record_with_a_filter(self):
        path = os.path.join(self.folder, "udp.skd")
        self.assertEqual(run("--direct", "record", path, "-ua", "-q").stdout, b"")
        rows = json.loads(run("--file", path, "show", "--json").stdout)["sockets"]
        self.assertIn(inode(self.sockets.udp), {row["inode"] for row in rows})
        self.assertNotIn(inode(self.sockets.listener), {row.get("inode") for row in rows})

    def test_record_leaves_other_files_alone(self):
        """Also those with the name of the file that it writes to first, in whatever way it makes one."""
        path = os.path.join(self.folder, "beside.skd")
        others = [self.file("beside.skd" + end, b"mine") for end in (".tmp", "~", ".part", ".XXXXXX")]
        before = set(os.listdir(self.folder))
        for _ in range(2):
            self.assertEqual(run("--direct", "record", path).returncode, 0)
        self.assertEqual([pathlib.Path(p).read_bytes() for p in others], [b"mine"] * len(others))
        self.assertEqual(set(os.listdir(self.folder)), before | {"beside.skd"})

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

    def test_nothing_is_printed_of_what_is_none(self):
        for path in ("/dev/zero", "/dev/null"):
            for args in (["show"], ["show", "--output=csv"], ["show", "--group-by=pid"], ["stat"], ["stat", "--output=tsv"]):
                with self.subTest(path=path, args=args):
                    self.assertEqual(self.fails(2, path, "--file", path, *args).stdout, b"")

    def json_styles(self, path):
        """The reading as each verb and style tells it."""
        for args in (["show"], ["show", "--sort=inode"], ["show", "--limit=1"], ["stat"], ["show", "--group-by=netid"]):
            for style in ("--json", "--json=pretty", "-j", "--json=seq", "--output=json-seq"):
                shown = run("--file", path, *args, style).stdout.decode()
                if "seq" in style:
                    yield (*args, style), json.loads(shown.splitlines()[-1].lstrip("\x1e"))["reading"]
                else:
                    yield (*args, style), json.loads(shown)

    def test_json_says_that_it_is_not_whole(self):
        data = self.data()
        cut = self.file("cut.json", data[:len(data) * 3 // 4])
        no_end = self.file("end.json", stream(data, list(blocks(data))[:-1]))
        pieces = list(blocks(data))
        i = [i for i, (kind, _) in enumerate(pieces) if kind == MESSAGES][-1]
        at = HEADER.size + sum(BLOCK.size + len(payload) + -len(payload) % 8 for _, payload in pieces[:i])
        damaged = self.file("damaged.json", data[:at] + BLOCK.pack(MESSAGES, 0xffffffff) + data[at + BLOCK.size:])
        for path, why in [(cut, "cut short"), (no_end, "cut short"), (damaged, "damaged"), ("/dev/null", "empty")]:
            for args, document in self.json_styles(path):
                with self.subTest(path=path, args=args):
                    self.assertIs(document["partial"], True)
                    self.assertIn(why, document["error"])
        for args, document in self.json_styles(self.recording):
            with self.subTest(args=args):
                self.assertIs(document["partial"], False)
                self.assertNotIn("error", document)

    def test_owners_that_are_left_out_are_counted(self):
        data, target = self.data(), inode(self.sockets.udp)
        row = next(row for row in self.rows() if row.get("inode") == target)
        more = 70001
        pieces = list(blocks(data))
        i = next(i for i, (kind, _) in enumerate(pieces) if kind == MESSAGES)
        owners = [OWNER.pack(target, 4194303, fd) for fd in range(more)]
        pieces[i:i] = [(OWNERS, b"".join(owners[at:at + 50000])) for at in range(0, more, 50000)]
        path, total = self.file("owners", stream(data, pieces)), more + len(row["owners"])

        def show(*args):
            return self.good("--file", path, "show", f"inode = {target}", *args).decode()
        found = json.loads(show("--json"))["sockets"][0]
        self.assertEqual(len(found["owners"]) + found["owners_omitted"], total)
        self.assertEqual(found["owners"][0], row["owners"][0])
        self.assertNotIn("owners_omitted", row)
        for shown, count in [(show("-H"), r"pid="), (show("-H", "-C", "pid"), r"\d+(?=,)"),
                             (re.search(r"(?m)^ +fd +(.*)$", self.good("--file", path, "show", f"ino:{target}").decode())[1], r"\d+(?=,)")]:
            listed, rest = re.fullmatch(r"(.*),…\+(\d+) more\)?\n?", shown).groups()
            self.assertEqual(len(re.findall(count, listed + ",")) + int(rest), total)
        self.assertNotIn("…", self.show("-H").decode())

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
