#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that mean harm, or do not think: the daemon keeps its name, its memory is bounded, and nobody else waits

Usage: test_abuse.py SOCKETD SOCKCTL CALL
Figures go to standard error: growth of the daemon, and the times of a second client's small call meanwhile.
"""

import os
import pathlib
import pwd
import random
import socket
import struct
import sys
import time

from test_bus import SANITIZER_FACTOR, Case, own_network, run_tests, until
from wire import Wire

NOBODY = pwd.getpwnam("nobody").pw_uid
PROPERTIES = "org.freedesktop.DBus.Properties"
VERSION = ("Get", "ss", ["org.socketd1.Manager", "Version"])
ERROR = "org.freedesktop.DBus.Error."
MIB = 1 << 20


class Prober:
    """
    A second client in a process of its own: a small call every 5 ms, and the times they took at the end. The same
    call to the bus itself, in turn, is the reference: on a busy machine that waits too.
    """

    def __init__(self, path):
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                ours.close()
                self.probe(path, theirs)
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        self.socket = ours
        self.socket.recv(1)

    @staticmethod
    def probe(path, stop):
        times, reference = [], []
        stop.settimeout(0.005)
        with Wire(path, bus=True, uid=NOBODY) as wire:
            wire.socket.settimeout(120)
            stop.send(b"!")
            while True:
                begin = time.monotonic()
                if wire.ask(*VERSION, interface=PROPERTIES).error:
                    raise AssertionError("a small call failed")
                times.append(time.monotonic() - begin)
                begin = time.monotonic()
                wire.ask("GetId", interface="org.freedesktop.DBus", path="/org/freedesktop/DBus", destination="org.freedesktop.DBus")
                reference.append(time.monotonic() - begin)
                try:
                    stop.recv(1)
                    break
                except TimeoutError:
                    pass
        times.sort()
        reference.sort()
        stop.settimeout(None)
        last = len(times) * 99 // 100
        stop.send(struct.pack("ddddI", times[len(times) // 2], times[last], times[-1], reference[last], len(times)))

    def end(self):
        self.socket.send(b".")
        data = self.socket.recv(64)
        os.waitpid(self.pid, 0)
        self.socket.close()
        return struct.unpack("ddddI", data)


class Abuse(Case):
    """Each test is one abuse between begin() and the checks that all of them share."""

    def setUp(self):
        super().setUp()
        # A sanitizer keeps what was freed; with less of that, growth says something there too.
        options = os.environ.get("ASAN_OPTIONS", "")
        os.environ["ASAN_OPTIONS"] = options + ":quarantine_size_mb=16"
        self.addCleanup(os.environ.__setitem__, "ASAN_OPTIONS", options)
        self.start_bus()
        self.daemon = self.start_daemon()
        self.watch = Wire(self.bus_path, bus=True)
        rule = "type='signal',member='NameOwnerChanged',arg0='org.socketd1'"
        self.watch.ask("AddMatch", "s", [rule], interface="org.freedesktop.DBus", path="/org/freedesktop/DBus",
                       destination="org.freedesktop.DBus")
        self.wires, self.prober = [], None
        self.begin_memory, self.peak = self.memory(), 0
        # With one core of two for the abuser; a lone call takes 0.2 ms.
        self.p99_max = 0.15 * SANITIZER_FACTOR

    def tearDown(self):
        if self.prober:
            self.prober.end()
        self.watch.close()
        for wire in self.wires:
            wire.close()
        super().tearDown()

    def memory(self):
        text = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        rss = int(text.split("VmRSS:")[1].split()[0]) * 1024
        self.peak = max(getattr(self, "peak", 0), int(text.split("VmHWM:")[1].split()[0]) * 1024)
        return rss

    def begin(self):
        self.prober = Prober(self.bus_path)

    def finish(self, most):
        """The daemon grew by so many bytes at most; all else is as it was before."""
        p50, p99, worst, reference, n = self.prober.end()
        self.prober = None
        after = self.memory()
        print(f"\n  {self._testMethodName[5:]}: grew {(self.peak - self.begin_memory) / MIB:.1f} MiB at the peak, "
              f"{(after - self.begin_memory) / MIB:.1f} at the end; a small call: p50 {p50 * 1e3:.1f}, p99 {p99 * 1e3:.1f}, "
              f"worst {worst * 1e3:.1f} ms of {n}; to the bus itself: p99 {reference * 1e3:.1f}", file=sys.stderr)
        self.assertLess(self.peak - self.begin_memory, most * SANITIZER_FACTOR)
        self.assertLess(p99, self.p99_max + 10 * reference)
        self.assertIsNone(self.daemon.poll(), self.log())
        # The name never had another owner, nor none.
        self.watch.socket.settimeout(0.2)
        try:
            while True:
                self.assertNotEqual(self.watch.read().member, "NameOwnerChanged")
        except TimeoutError:
            pass
        for wire in self.wires:
            wire.close()
        self.assertIsNone(self.wire().ask("ListSockets", "a{sv}tu", [[("expression", ("s", "netlink"))], 0, 10]).error)
        self.assertLessEqual(len([line for line in self.log().splitlines() if "private socket" in line]), 2, self.log())

    def wire(self, uid=0):
        self.wires.append(Wire(self.bus_path, bus=True, uid=uid))
        return self.wires[-1]

    def peer(self):
        self.wires.append(Wire(self.private))
        return self.wires[-1]

    @staticmethod
    def pour(wire, data):
        """Sends until all is taken, the peer closes, or it takes nothing for two seconds. How much it took."""
        wire.socket.settimeout(2)
        view, sent = memoryview(data), 0
        try:
            while sent < len(view):
                sent += wire.socket.send(view[sent:sent + 65536])
        except OSError:
            pass
        return sent

    def test_never_reads_from_the_private_socket(self):
        self.hold_pairs(2000)
        self.begin()
        wire = self.peer()
        data = b"".join(wire.message("ListFields") for _ in range(20000))
        self.assertLess(self.pour(wire, data), len(data))
        until(lambda: "does not read its answers" in self.log(), "a line in the log")
        wire = self.peer()
        data = b"".join(wire.message("ListSockets", "a{sv}tu", [[], 0, 1000]) for _ in range(5000))
        self.pour(wire, data)
        self.finish(100 * MIB)

    def test_never_reads_from_the_bus(self):
        self.hold_pairs(2000)
        self.begin()
        wire = self.wire(NOBODY)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.pour(wire, b"".join(wire.message("ListFields") for _ in range(1000)))
            self.pour(wire, b"".join(wire.message("ListSockets", "a{sv}tu", [[], 0, 1000]) for _ in range(1000)))
        self.finish(100 * MIB)

    def test_five_hundred_streams(self):
        self.hold_pairs(3000)
        self.begin()
        errors = []
        for uid in (0, NOBODY):
            wire = self.wire(uid)
            for member in ("OpenSockets", "OpenMonitor"):
                for _ in range(250):
                    errors.append(wire.ask(member, "a{sv}a{sv}", [[("expression", ("s", ""))], []]).error)
        self.assertEqual(errors.count(None), 64 + 64)
        self.assertEqual(set(errors), {None, "org.socketd1.TooManyStreams"})
        time.sleep(1)
        # Each 256 KiB of text, a block, and the messages of 6000 sockets that wait for the owners.
        self.finish(64 * 5 * MIB)

    def test_ten_thousand_subscriptions(self):
        self.begin()
        wire = self.wire(NOBODY)
        for _ in range(10):
            serials = [wire.send("Subscribe") for _ in range(1000)]
            wire.replies(serials)
        options = {"interface": "org.freedesktop.DBus", "path": "/org/freedesktop/DBus", "destination": "org.freedesktop.DBus"}
        rules = [wire.send("AddMatch", "s", [f"type='signal',interface='org.socketd1.Manager',arg0='{i}'"], **options) for i in range(10000)]
        refused = sum(r.error is not None for r in wire.replies(rules))
        self.assertGreater(refused, 9000)
        for _ in range(60):
            other = self.wire(NOBODY)
            other.ask("Subscribe")
        # Something to tell them all, whom nobody reads.
        for _ in range(20):
            pairs = [socket.socketpair() for _ in range(100)]
            time.sleep(0.05)
            for pair in pairs:
                for end in pair:
                    end.close()
        self.finish(32 * MIB)

    def test_long_filter(self):
        self.begin()
        wire = self.wire(NOBODY)
        for text in (b"x" * 5 * MIB, b"(" * 5 * MIB, b"sport = 1 or " * (5 * MIB // 13), b" " * 5 * MIB):
            for member, rest in (("ListSockets", (0, 10)), ("OpenSockets", ([],)), ("OpenMonitor", ([],)), ("GetSummary", (["state"],))):
                signature = {"ListSockets": "a{sv}tu", "GetSummary": "a{sv}as"}.get(member, "a{sv}a{sv}")
                reply = wire.ask(member, signature, [[("expression", ("s", text))], *rest])
                self.assertEqual(reply.error, "org.socketd1.InvalidFilter", (member, text[:10]))
                self.assertLess(len(reply.body[0]), 1000)
        many = [("families", ("as", ["inet"] * 300000))]
        self.assertIsNotNone(wire.ask("ListSockets", "a{sv}tu", [many, 0, 10]).error)
        names = wire.ask("DescribeSocket", "tas", [1, ["inode"] * 300000])
        self.assertIsNotNone(names.error)
        self.finish(64 * MIB)

    def test_junk_on_the_private_socket(self):
        self.begin()
        source = random.Random(7)
        # Valid calls of what is not there.
        wire, n = self.peer(), 0
        for _ in range(200):
            serials = [wire.send(f"No{i}", "s", ["x" * (i % 50)], path=f"/org/socketd1/{'a' * (i % 7 + 1)}") for i in range(500)]
            replies = wire.replies(serials)
            n += sum(r.error is not None for r in replies)
        self.assertEqual(n, 100000)
        # Calls that are damaged: each ends its connection, or is an error.
        for _ in range(500):
            with Wire(self.private) as damaged:
                data = bytearray(damaged.message("ListSockets", "a{sv}tu", [[("expression", ("s", "tcp"))], 0, 10]))
                for _ in range(source.randrange(1, 4)):
                    data[source.randrange(len(data))] = source.randrange(256)
                self.pour(damaged, bytes(data) * 20)
        # Bytes that are nothing, before and after the greeting.
        for i in range(400):
            with socket.socket(socket.AF_UNIX) as junk:
                junk.settimeout(2)
                junk.connect(str(self.private))
                try:
                    junk.sendall(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n" * (i % 2) + source.randbytes(50 * (i % 20) + 1000))
                except OSError:
                    pass
        self.finish(64 * MIB)

    def test_announced_messages(self):
        """Messages of 100 MiB that begin and never end: the library makes room at once. Their connections pay, then it is given back."""
        self.p99_max *= 4
        self.begin()
        for _ in range(4):
            self.pour(self.peer(), struct.pack("<BBBBIII", ord("l"), 1, 0, 1, 100 * MIB, 1, 0) + bytes(MIB))
        time.sleep(1)
        for wire in self.wires:
            wire.close()
        until(lambda: self.memory() - self.begin_memory < 32 * MIB or SANITIZER_FACTOR > 1, "memory given back")
        self.finish(4 * 128 * MIB)

    def test_large_answers(self):
        self.hold_pairs(12000)
        self.begin()
        wire = self.wire()
        rows, cursor, pages = 0, 0, 0
        while True:
            reply = wire.ask("ListSockets", "a{sv}tu", [[("expression", ("s", "unix"))], cursor, 0xffffffff])
            self.assertIsNone(reply.error, reply.body)
            self.assertLessEqual(len(reply.body[0]), 1000)
            self.assertLessEqual(reply.data, MIB + 4096)
            rows, cursor, pages = rows + len(reply.body[0]), reply.body[1], pages + 1
            if cursor == 0:
                break
        self.assertGreaterEqual(rows, 24000)
        self.assertGreaterEqual(pages, 24)
        reply = wire.ask("ListFields")
        self.assertLess(reply.data, MIB)
        # As many groups as sockets.
        reply = wire.ask("GetSummary", "a{sv}as", [[("expression", ("s", "unix"))], ["inode", "cookie"]])
        self.assertLess(reply.data, 16 * MIB)
        print(f"\n  {rows} rows in {pages} pages; a summary of as many groups: {reply.error or reply.data}", file=sys.stderr)
        self.finish(128 * MIB)


if __name__ == "__main__":
    own_network()
    run_tests()
