#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What PID 1 tells of its .socket units: asked, bounded, kept, and written into streams

The systemd of these tests is one of ours, on a bus of our own: they hold us to the
contract of org.freedesktop.systemd1(5), and ask what becomes of answers that no
systemd would give. The real one is asked in the guest of tests/vm. This process is
PID 1 of a namespace of its own: it holds the sockets, as systemd does.

Usage: test_units.py SOCKETD SOCKCTL CALL
"""

import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time

from test_bus import Case, run_tests, until
from wire import Wire, pack, unpack

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import own_cgroups

NAME, PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
ROWS = "a(ssssssouso)"
BUS = {"interface": "org.freedesktop.DBus", "path": "/org/freedesktop/DBus", "destination": "org.freedesktop.DBus"}


class Systemd(Wire):
    """
    units: name -> (active, triggers, [(kind, address)...]), or a function that
    makes the raw answer (signature, values) of a property, None for an error.
    """

    def __init__(self, path, units):
        super().__init__(path, bus=True)
        self.units, self.calls, self.waiting, self.most_waiting = units, [], [], 0
        self.hold, self.list_answer, self.flags = False, None, set()
        self.lock = threading.Lock()
        self.ask("RequestName", "su", [NAME, 0], **BUS)
        self.socket.settimeout(None)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def read_call(self):
        while len(self.buffer) < 16:
            self.fill()
        n_body, serial, n_fields = struct.unpack_from("<III", self.buffer, 4)
        begin = 16 + n_fields + -n_fields % 8
        while len(self.buffer) < begin + n_body:
            self.fill()
        fields = dict(unpack(self.buffer, 12, "a(yv)")[0][0])
        kind, flags, body = self.buffer[1], self.buffer[2], bytes(self.buffer[begin:begin + n_body])
        values = unpack(body, 0, fields[8])[0] if fields.get(8) else []
        del self.buffer[:begin + n_body]
        return kind, flags, serial, fields, values

    def answer(self, serial, to, signature, values):
        body, head = bytearray(), bytearray()
        fields = [(5, ("u", serial)), (6, ("s", to))]
        kind = 3 if signature is None else 2
        if signature is None:
            fields.append((4, ("s", "org.freedesktop.DBus.Error.Failed")))
        else:
            pack(body, signature, values)
            fields.append((8, ("g", signature)))
        with self.lock:
            self.serial += 1
            pack(head, "yyyyuua(yv)", [ord("l"), kind, 1, 1, len(body), self.serial, fields])
            self.socket.sendall(bytes(head) + bytes(-len(head) % 8) + bytes(body))

    def unit_path(self, name):
        return PATH + "/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)

    def answer_of(self, fields, values):
        if fields[3] == "ListUnitsByPatterns":
            if self.list_answer:
                return self.list_answer
            rows = [(name, "x", "loaded", u[0] if isinstance(u, tuple) else "active", "listening", "", self.unit_path(name), 0, "", "/")
                    for name, u in self.units.items()]
            return ROWS, [rows]
        name = next(n for n in self.units if self.unit_path(n) == fields[1])
        unit = self.units[name]
        if callable(unit):
            return unit(values[1]) or (None, None)
        triggers, listen = unit[1], unit[2]
        return "v", [("as", triggers) if values[1] == "Triggers" else ("a(ss)", listen)]

    def serve(self):
        try:
            while True:
                kind, flags, serial, fields, values = self.read_call()
                if kind != 1:
                    continue
                self.calls.append((fields[3], values))
                self.flags.add(flags)
                answer = (serial, fields[7], *self.answer_of(fields, values))
                self.waiting.append(answer)
                self.most_waiting = max(self.most_waiting, len(self.waiting))
                if not self.hold:
                    self.release()
        except (OSError, ConnectionError):
            pass

    def release(self):
        while self.waiting:
            self.answer(*self.waiting.pop(0))

    def signal(self, member, signature, values):
        body, head = bytearray(), bytearray()
        pack(body, signature, values)
        with self.lock:
            self.serial += 1
            pack(head, "yyyyuua(yv)", [ord("l"), 4, 1, 1, len(body), self.serial, [
                (1, ("o", PATH)), (2, ("s", NAME + ".Manager")), (3, ("s", member)), (8, ("g", signature))]])
            self.socket.sendall(bytes(head) + bytes(-len(head) % 8) + bytes(body))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        super().close()


class Units(Case):
    def setUp(self):
        super().setUp()
        self.start_bus()
        self.path = str(self.dir / "web.sock")
        self.stream = self.listen(socket.SOCK_STREAM, self.path)
        self.abstract = f"units-{os.getpid()}-{time.monotonic_ns()}"
        self.dgram = self.listen(socket.SOCK_DGRAM, "\0" + self.abstract)
        self.units = {
            "web.socket": ("active", ["web.service"], [("Stream", self.path), ("Stream", "[::]:80"), ("FIFO", "/run/fifo")]),
            "abs.socket": ("active", ["other@1.service"], [("Datagram", "@" + self.abstract)]),
            "off.socket": ("inactive", ["off.service"], [("Stream", self.path)]),
        }
        self.systemd = None

    def tearDown(self):
        if self.systemd:
            self.systemd.close()
        super().tearDown()

    def listen(self, kind, name):
        s = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(s.close)
        s.bind(name)
        if kind != socket.SOCK_DGRAM:
            s.listen()
        return s

    def start_systemd(self, units=None):
        self.systemd = Systemd(self.bus_path, self.units if units is None else units)
        return self.systemd

    def of(self, s):
        """What a reading says of a socket."""
        rows, _ = self.rows("--field", "unit", "--field", "slice", "--field", "activates", f"ino = {os.fstat(s.fileno()).st_ino}")
        self.assertEqual(len(rows), 1)
        return rows[0].get("unit"), rows[0].get("activates")

    def until_of(self, s, want):
        until(lambda: self.of(s) == want, f"{want}, not {self.of(s)}")

    def n_lists(self):
        return sum(member == "ListUnitsByPatterns" for member, _ in self.systemd.calls)

    def test_names_of_unix_sockets(self):
        self.start_systemd()
        self.start_daemon()
        self.until_of(self.stream, ("web.socket", "web.service"))
        self.assertEqual(self.of(self.dgram), ("abs.socket", "other@1.service"))
        # Not of a connection that was accepted there, nor of another name, nor of what PID 1 does not have.
        with socket.socket(socket.AF_UNIX) as client, self.listen(socket.SOCK_STREAM, "\0" + self.abstract + "x") as other:
            client.connect(self.path)
            accepted, _ = self.stream.accept()
            with accepted:
                self.assertEqual(self.of(accepted), (None, None))
            self.assertEqual(self.of(other), (None, None))
        # Asked once, without a start of what is not there, and nothing of a unit that does not listen.
        self.assertEqual(self.n_lists(), 1)
        self.assertEqual(self.systemd.calls[0], ("ListUnitsByPatterns", [[], ["*.socket"]]))
        self.assertEqual(len(self.systemd.calls), 1 + 2 * 2)
        self.assertEqual({f & 2 for f in self.systemd.flags}, {2})  # NO_AUTO_START

    def test_a_stranger_of_the_same_name(self):
        """A name is another one's in a container: only PID 1's socket is the unit's."""
        self.start_systemd()
        self.start_daemon()
        self.until_of(self.stream, ("web.socket", "web.service"))
        inode = os.fstat(self.dgram.fileno()).st_ino
        child = self.start(sys.executable, "-c", "import sys; sys.stdin.read()", stdin=-1, pass_fds=[self.dgram.fileno()])
        self.assertEqual(self.of(self.dgram)[0], "abs.socket")
        self.dgram.close()

        def unit_of():
            rows, _ = self.rows("--field", "unit", "--field", "pid", f"ino = {inode}")
            return [o["pid"] for o in rows[0].get("owners", [])], rows[0].get("unit")

        until(lambda: unit_of() == ([child.pid], None), "the child alone, without a unit")

    def test_inet_by_the_unit_of_the_cgroup(self):
        group = ROOT / "system.slice/tcp.socket"
        group.mkdir(parents=True)
        # As systemd does it: a child in the unit's cgroup makes the socket, and hands it over.
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
            with socket.create_server(("127.0.0.1", 0)) as s:
                socket.send_fds(theirs, [b"x"], [s.fileno()])
            os._exit(0)
        _, (fd,), _, _ = socket.recv_fds(ours, 1, 1)
        os.waitpid(child, 0)
        with socket.socket(fileno=fd) as tcp, ours, theirs:
            self.start_daemon()
            self.assertEqual(self.of(tcp), ("tcp.socket", "tcp.service"))  # by its name, while nobody tells
            self.start_systemd({"tcp.socket": ("active", ["told.service"], [("Stream", "127.0.0.1:80")])})
            self.systemd.signal("UnitNew", "so", ["tcp.socket", self.systemd.unit_path("tcp.socket")])
            self.until_of(tcp, ("tcp.socket", "told.service"))

    def test_events(self):
        """Monitors filter and show by them too: those that began before anything was known, and those that come later."""
        self.start_systemd()
        self.systemd.hold = True
        self.start_daemon()
        wire = Wire(self.bus_path, bus=True)
        self.addCleanup(wire.close)

        def monitor():
            reply = wire.ask("OpenMonitor", "a{sv}a{sv}", [
                [("expression", ("s", "activates = web.service"))],
                [("format", ("s", "ndjson")), ("fields", ("as", ["inode", "unit", "activates"]))]])
            self.assertIsNone(reply.error, reply.body)
            return wire.fds.pop(0)

        fds = [monitor()]
        self.systemd.hold = False
        self.systemd.release()
        self.until_of(self.stream, ("web.socket", "web.service"))
        fds.append(monitor())
        inode = os.fstat(self.stream.fileno()).st_ino
        generation = lambda: dict(wire.ask("GetStatus").body[0]).get("generation", 0)
        # Known with its owner, then closed.
        now = generation()
        until(lambda: generation() >= now + 2, "two passes")
        self.stream.close()
        for fd in fds:
            with socket.socket(fileno=fd) as stream:
                stream.settimeout(20)
                with stream.makefile(encoding="utf-8") as lines:
                    event = next(e for e in map(json.loads, lines) if e.get("event") == "closed")
            self.assertEqual((event["socket"]["unit"], event["socket"]["activates"], event["socket"]["inode"]),
                             ("web.socket", "web.service", inode))

    def test_no_systemd_and_one_that_comes(self):
        daemon = self.start_daemon()
        self.assertEqual(self.of(self.stream), (None, None))
        self.start_systemd()
        self.systemd.signal("UnitNew", "so", ["some.service", PATH])
        time.sleep(1.2)
        self.assertEqual(self.of(self.stream), (None, None))
        self.assertEqual(self.n_lists(), 0)
        self.systemd.signal("UnitNew", "so", ["web.socket", PATH])
        self.until_of(self.stream, ("web.socket", "web.service"))
        # Reloaded, it has another.
        self.units["web.socket"] = ("active", ["new.service"], self.units["web.socket"][2])
        self.systemd.signal("Reloading", "b", [False])
        self.until_of(self.stream, ("web.socket", "new.service"))
        # It says so all the time: it is asked once a second at most, and by those who want units.
        before = self.n_lists()
        for _ in range(200):
            self.systemd.signal("Reloading", "b", [False])
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.of(self.stream)
        self.assertLessEqual(self.n_lists() - before, 3)
        self.assertIsNone(daemon.poll())

    def test_bounds(self):
        units = {f"u{i}.socket": ("active", [f"u{i}.service"], [("Stream", f"/nowhere/{i}/{k}") for k in range(8)])
                 for i in range(400)}
        units["u0.socket"] = ("active", ["u0.service"], [("Stream", self.path)])
        self.start_systemd(units)
        self.systemd.hold = True
        self.start_daemon()
        until(lambda: self.n_lists() == 1, "a list")
        self.systemd.release()
        # Answers are asked for a few at a time; what is asked of us meanwhile is answered.
        until(lambda: self.systemd.waiting, "questions")
        self.assertEqual(self.of(self.stream), (None, None))
        time.sleep(0.2)
        self.assertLessEqual(self.systemd.most_waiting, 4)
        self.systemd.hold = False
        self.systemd.release()
        self.until_of(self.stream, ("u0.socket", "u0.service"))
        self.assertEqual(len(self.systemd.calls), 1 + 2 * 256)

    def test_answers_that_no_systemd_gives(self):
        long = "x" * 5000
        hostile = {
            "a.socket": lambda p: ("v", [("s", "no list")]),
            "b.socket": lambda p: None,
            "c.socket": lambda p: ("s", ["no variant"]),
            "d.socket": lambda p: ("v", [("as", []) if p == "Triggers" else ("a(ss)", [])]),
            "e.socket": ("active", [long], [("Stream", "/" + long), ("Stream", "@" + long), ("Stream", ""), ("", "/x"),
                                            ("Stream", "/back\\slash"), ("Stream", "relative")]),
            long + ".socket": ("active", ["x"], []),
            "\x1b[31m.socket": ("active", ["\x1b[31m"], [("Stream", self.path)]),
        }
        self.start_systemd(hostile)
        daemon = self.start_daemon()
        escaped = ("\\x1b[31m.socket", "\\x1b[31m")
        until(lambda: ("Get", ["org.freedesktop.systemd1.Socket", "Listen"]) in self.systemd.calls[-3:], "the last question")
        self.until_of(self.stream, escaped)
        # A list that is none: what was known is known no more, for it may not hold.
        self.systemd.list_answer = ("s", ["nothing"])
        self.systemd.signal("Reloading", "b", [False])
        self.until_of(self.stream, (None, None))
        self.systemd.list_answer = None
        self.systemd.signal("Reloading", "b", [False])
        self.until_of(self.stream, escaped)
        # An error is no answer: systemd has no time, and its sockets are as they were.
        self.systemd.list_answer = (None, None)
        n = self.n_lists()
        self.systemd.signal("Reloading", "b", [False])
        until(lambda: self.of(self.stream) and self.n_lists() > n, "another list")
        self.assertEqual(self.of(self.stream), escaped)
        self.assertIsNone(daemon.poll())

    def test_the_bus_goes_while_answers_are_due(self):
        self.start_systemd()
        self.systemd.hold = True
        daemon = self.start_daemon()
        until(lambda: self.systemd.waiting, "a question")
        bus = self.children[0]
        bus.kill()
        bus.wait()
        self.systemd.close()
        self.systemd = None
        time.sleep(0.2)
        self.assertIsNone(daemon.poll())
        self.bus_path.unlink()
        self.start_bus()
        self.start_systemd()
        self.wait_for_name()
        self.until_of(self.stream, ("web.socket", "web.service"))

    def test_the_daemon_ends_while_answers_are_due(self):
        self.start_systemd()
        self.systemd.hold = True
        daemon = self.start_daemon()
        until(lambda: self.systemd.waiting, "a list is asked for")
        self.systemd.release()
        until(lambda: len(self.systemd.waiting) == 2, "its units are asked about")
        daemon.terminate()
        self.assertEqual(daemon.wait(20), 0, self.log())


if __name__ == "__main__":
    if os.getpid() != 1:
        if os.geteuid() != 0 or not own_cgroups.enter():
            print("0 passed, 0 failed, 1 skipped")
            sys.exit(0)
        os.execvp("unshare", ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", *sys.orig_argv])
    ROOT = own_cgroups.mount_point()
    run_tests()
