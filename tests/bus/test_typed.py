#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The typed calls: rows, fields, objects, look-ups and sums against what the kernel tells of sockets that this test holds

Usage: test_typed.py SOCKETD SOCKCTL CALL
"""

import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import textwrap
import time
import unittest

from test_bus import Case, own_network, run_tests, until
from wire import Wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534
SO_COOKIE = 57
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NO_SOCKET = "org.socketd1.NoSuchSocket"
EXPIRED = "org.socketd1.CursorExpired"
BAD_FILTER = "org.socketd1.InvalidFilter"
PROPERTIES = "org.freedesktop.DBus.Properties"
ROW = ("cookie", "netns", "family", "protocol", "state", "local", "local_port", "remote", "remote_port", "ifindex", "uid",
       "inode", "pid", "comm")
UID_NONE = 0xffffffff
NETNS = 0  # of this process, once it has its own


def cookie_of(s):
    return struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]


def inode_of(s):
    return os.fstat(s.fileno()).st_ino


def values(pairs):
    """An a{sv}, without the types."""
    return dict(pairs)


class Typed(Case):
    def setUp(self):
        super().setUp()
        self.wires = []
        self.daemon = None

    def tearDown(self):
        for wire in self.wires:
            wire.close()
        # Whatever was under way: it ends in order, and (with a sanitizer) has given everything back.
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(timeout=20)
        code, log = self.daemon.returncode if self.daemon else 0, self.log() if self.daemon else ""
        super().tearDown()
        self.assertEqual(code, 0, log)
        self.assertNotIn("runtime error", log)

    def begin(self, *config):
        if config:
            self.write(*config)
        self.start_bus()
        self.daemon = self.start_daemon()
        self.bus = self.wire()

    def wire(self, uid=0):
        self.wires.append(Wire(self.bus_path, bus=True, uid=uid))
        return self.wires[-1]

    def busctl(self, *arguments):
        return subprocess.run(["busctl", f"--address={self.address}", *arguments], capture_output=True, text=True, check=False)

    def listed(self, filter_, cursor=0, limit=0, wire=None):
        """Rows, next, and generation."""
        reply = (wire or self.bus).ask("ListSockets", "a{sv}tu", [filter_, cursor, limit])
        self.assertIsNone(reply.error, reply.body)
        rows, following, generation = reply.body
        return [dict(zip(ROW, r)) for r in rows], following, generation

    def expression(self, text):
        return [("expression", ("s", text))]

    def refused(self, error, member, signature, arguments, wire=None, **options):
        reply = (wire or self.bus).ask(member, signature, arguments, **options)
        self.assertEqual(reply.error, error, reply.body)
        return reply.body[0]

    def describe(self, cookie, *fields, wire=None):
        reply = (wire or self.bus).ask("DescribeSocket", "tas", [cookie, list(fields)])
        self.assertIsNone(reply.error, reply.body)
        return values(reply.body[0])


class Rows(Typed):
    def setUp(self):
        super().setUp()
        self.begin()

    def row(self, s):
        rows, following, _ = self.listed(self.expression(f"sk:{cookie_of(s):x}"))
        self.assertEqual((len(rows), following), (1, 0))
        row = rows[0]
        self.assertEqual(row["cookie"], cookie_of(s))
        self.assertEqual(row["netns"], NETNS)
        self.assertEqual(row["family"], s.family)
        if s.family != socket.AF_NETLINK:
            self.assertEqual(row["uid"], os.geteuid())
        self.assertEqual(row["inode"], inode_of(s))
        self.assertEqual(row["pid"], os.getpid())
        self.assertEqual(row["comm"], pathlib.Path("/proc/self/comm").read_text().strip())
        return row

    def test_tcp(self):
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.create_server((host, 0), family=family) as server:
                row = self.row(server)
                self.assertEqual((row["state"], row["protocol"]), (10, socket.IPPROTO_TCP))
                self.assertEqual(row["local"], socket.inet_pton(family, host))
                self.assertEqual(row["local_port"], server.getsockname()[1])
                self.assertEqual((row["remote"], row["remote_port"]), (bytes(len(row["local"])), 0))
                with socket.create_connection(server.getsockname()[:2]) as client, server.accept()[0] as accepted:
                    for end in (client, accepted):
                        row = self.row(end)
                        self.assertEqual(row["state"], 1)
                        self.assertEqual((row["local_port"], row["remote_port"]), (end.getsockname()[1], end.getpeername()[1]))
                        self.assertEqual(row["remote"], socket.inet_pton(family, end.getpeername()[0]))

    def test_udp_on_a_device(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
            s.bind(("0.0.0.0", 0))
            row = self.row(s)
            self.assertEqual((row["protocol"], row["state"]), (socket.IPPROTO_UDP, 7))
            self.assertEqual(row["ifindex"], socket.if_nametoindex("lo"))

    def test_unix_names_of_any_bytes(self):
        path = os.fsencode(self.dir / "s") + b"\xff\x1b[31m\n"
        for name, told in ((path, path), (b"\0abs\xfe\x80", b"@abs\xfe\x80")):
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(name)
                s.listen()
                row = self.row(s)
                self.assertEqual((row["local"], row["local_port"], row["remote"]), (told, 0, b""))
                self.assertEqual(self.describe(cookie_of(s), "local"), {"local": told})

    def test_netlink(self):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
            s.bind((os.getpid() | 1 << 22, 0))
            row = self.row(s)
            # Its port is no 16-bit one; DescribeSocket has it.
            self.assertEqual((row["local"], row["local_port"]), (b"route", 0))
            self.assertEqual(self.describe(cookie_of(s), "local_port"), {"local_port": os.getpid() | 1 << 22})

    def test_comm_of_any_bytes(self):
        code = ("import ctypes,socket,sys; ctypes.CDLL(None).prctl(15, b'co\\xff\\n\\x1b[31m'); "
                "s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()")
        child = self.start("/usr/bin/python3", "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = int(child.stdout.readline())
        rows, _, _ = self.listed(self.expression(f"sport = {port}"))
        self.assertEqual([(r["pid"], r["comm"]) for r in rows], [(child.pid, "co\\xff\\x0a\\x1b[31m")])

    def test_same_rows_as_ss(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            rows, _, _ = self.listed(self.expression("tcp exclude time-wait"))
            ours = {(r["local_port"], r["remote_port"], r["inode"]) for r in rows}
            text = subprocess.run(["ss", "-Htane", "exclude", "time-wait"], capture_output=True, text=True, check=True).stdout
            theirs = set()
            for line in text.splitlines():
                words = line.split()
                ino = re.search(r"\bino:(\d+)", line)
                peer = words[4].rsplit(":", 1)[1]
                theirs.add((int(words[3].rsplit(":", 1)[1]), 0 if peer == "*" else int(peer), int(ino.group(1)) if ino else 0))
            self.assertEqual(ours, theirs)
            self.assertIn((client.getsockname()[1], client.getpeername()[1], inode_of(client)), ours)

    def test_others_see_no_owners(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            rows, _, _ = self.listed(self.expression(f"sk:{cookie_of(s):x}"), wire=self.wire(NOBODY))
            self.assertEqual([(r["inode"], r["pid"], r["comm"]) for r in rows], [(inode_of(s), 0, "")])


class Pages(Typed):
    def setUp(self):
        super().setUp()
        self.begin()

    def sockets(self, n):
        pairs = [socket.socketpair() for _ in range(n // 2)]
        self.addCleanup(lambda: [end.close() for pair in pairs for end in pair])
        return {cookie_of(end) for pair in pairs for end in pair}

    def test_pages_have_each_row_once(self):
        cookies = self.sockets(100)
        filter_ = self.expression(f"u_str and pid:{os.getpid()}")
        seen, cursor, pages = [], 0, 0
        while True:
            rows, cursor, _ = self.listed(filter_, cursor, 7)
            self.assertLessEqual(len(rows), 7)
            seen += [r["cookie"] for r in rows]
            pages += 1
            if not cursor:
                break
        self.assertGreaterEqual(pages, 100 // 7)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(cookies - set(seen), set())

    def test_a_page_is_a_thousand_rows_at_most(self):
        cookies = self.sockets(2400)
        seen, cursor = set(), 0
        for limit in (0, 5000, 1000000):
            reply = self.bus.ask("ListSockets", "a{sv}tu", [self.expression("u_str"), cursor, limit])
            self.assertIsNone(reply.error, reply.body)
            rows, cursor, _ = reply.body
            self.assertLessEqual(len(rows), 1000)
            self.assertLess(reply.data, 1 << 20)
            seen |= {r[0] for r in rows}
        self.assertEqual(cookies - seen, set())
        self.assertEqual(cursor, 0)

    def test_a_page_of_the_longest_names(self):
        names = [b"\0" + b"%06d" % i + b"\xff" * 100 for i in range(1100)]
        held = []
        for name in names:
            s = socket.socket(socket.AF_UNIX)
            s.bind(name)
            held.append(s)
        reply = self.bus.ask("ListSockets", "a{sv}tu", [self.expression(f"pid:{os.getpid()} and u_str"), 0, 0])
        self.assertEqual(len(reply.body[0]), 1000)
        self.assertLess(reply.data, 1 << 20)
        for s in held:
            s.close()

    def test_cursors(self):
        self.sockets(40)
        filter_ = self.expression("u_str")
        arguments = lambda cursor: [filter_, cursor, 5]
        _, cursor, _ = self.listed(filter_, 0, 5)
        # Another user's is no cursor at all; it is not spent by trying.
        self.refused(EXPIRED, "ListSockets", "a{sv}tu", arguments(cursor), wire=self.wire(NOBODY))
        _, following, _ = self.listed(filter_, cursor, 5, wire=self.wire())
        self.refused(EXPIRED, "ListSockets", "a{sv}tu", arguments(cursor))
        self.refused(EXPIRED, "ListSockets", "a{sv}tu", arguments(following ^ 1))
        self.listed(filter_, following, 5)

    def test_cursor_dies(self):
        if not os.environ.get("SOCKETD_SLOW_TESTS"):
            self.skipTest("takes 32 s; SOCKETD_SLOW_TESTS=1 runs it")
        self.sockets(40)
        _, cursor, _ = self.listed(self.expression("u_str"), 0, 5)
        time.sleep(31)
        self.refused(EXPIRED, "ListSockets", "a{sv}tu", [[], cursor, 5])
        self.assertEqual(values(self.bus.ask("GetStatus").body[0])["cursors"], 0)
        until(lambda: values(self.bus.ask("GetStatus").body[0])["readings-memory"] == 0, "no reading that is kept", 5)

    def test_a_reading_is_let_go_of(self):
        self.sockets(900)
        self.assertEqual(self.listed(self.expression(f"u_str and pid:{os.getpid()}"), 0, 0)[1], 0)
        until(lambda: values(self.bus.ask("GetStatus").body[0])["readings-memory"] == 0, "no reading that is kept", 5)

    def test_callers_of_the_moment_share(self):
        self.sockets(2000)
        memory = lambda: values(self.bus.ask("GetStatus").body[0])["readings-memory"]
        self.assertIsNone(self.bus.ask("ListSockets", "a{sv}tu", [self.expression("u_str"), 0, 1]).error)
        one = memory()
        self.assertGreater(one, 2000 * 50)
        serials = [self.bus.send("ListSockets", "a{sv}tu", [self.expression("u_str"), 0, 1]) for _ in range(12)]
        replies = {}
        while len(replies) < len(serials):
            m = self.bus.read()
            if m.serial in serials:
                replies[m.serial] = m
        self.assertEqual({r.error for r in replies.values()}, {None})
        # The first has its own; while that is read the others come, and have one together.
        self.assertLess(memory(), 5 * one)


class Filters(Typed):
    def setUp(self):
        super().setUp()
        self.begin()

    def cookies(self, *filter_):
        return {r["cookie"] for r in self.listed(list(filter_))[0]}

    def test_shorthands(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unbound:
            ours = {cookie_of(server), cookie_of(unbound)}
            mine = ("pid", ("u", os.getpid()))
            self.assertEqual(self.cookies(mine) & ours, ours)
            self.assertEqual(self.cookies(mine, ("families", ("as", ["inet", "inet6"]))) & ours, {cookie_of(server)})
            self.assertEqual(self.cookies(mine, ("families", ("as", ["unix"]))) & ours, {cookie_of(unbound)})
            self.assertEqual(self.cookies(mine, ("families", ("as", []))) & ours, ours)
            self.assertEqual(self.cookies(mine, ("states", ("as", ["LISTEN"]))) & ours, {cookie_of(server)})
            self.assertEqual(self.cookies(mine, ("states", ("as", ["listening", "UNCONN"]))) & ours, ours)
            self.assertEqual(self.cookies(mine, ("netns", ("t", NETNS))) & ours, ours)
            self.assertEqual(self.cookies(mine, ("netns", ("t", NETNS + 1))), set())
            self.assertEqual(self.cookies(("pid", ("u", 1 << 30))), set())
            self.assertEqual(self.cookies(("unit", ("s", "no-such-unit.service"))), set())
            text = f"sport = {server.getsockname()[1]} or unix"
            self.assertEqual(self.cookies(mine, ("expression", ("s", text))) & ours, ours)
            # All must hold, "or" in the expression or not.
            self.assertEqual(self.cookies(mine, ("states", ("as", ["LISTEN"])), ("expression", ("s", text))) & ours,
                             {cookie_of(server)})

    def test_unit(self):
        groups = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
        path = next((line[3:] for line in groups if line.startswith("0::")), "")
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        root = next((m[1] for m in mounts if m[2] == "cgroup2"), None)
        if not root:
            self.skipTest("no cgroup2")
        folder = pathlib.Path(root) / path.lstrip("/") / "socketd-test.service"
        try:
            folder.mkdir()
        except OSError as e:
            self.skipTest(f"no control group can be made: {e}")
        code = "import socket,sys; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()"
        try:
            child = self.start("sh", "-c", 'echo $$ >"$1" && exec /usr/bin/python3 -c "$2"', "sh", folder / "cgroup.procs", code,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            line = child.stdout.readline()
            if not line:
                self.skipTest("no process can be put into the control group")
            rows, _, _ = self.listed([("unit", ("s", "socketd-test.service"))])
            self.assertEqual([(r["local_port"], r["pid"]) for r in rows], [(int(line), child.pid)])
            child.kill()
            child.wait()
        finally:
            until(lambda: not self.rmdir(folder), "the control group is gone")

    @staticmethod
    def rmdir(folder):
        try:
            folder.rmdir()
        except OSError:
            return True
        return False

    def test_mistakes(self):
        refuse = lambda error, *filter_: self.refused(error, "ListSockets", "a{sv}tu", [list(filter_), 0, 1])
        # The column is that of the caller's own text.
        self.assertIn("column 5:", refuse(BAD_FILTER, ("pid", ("u", 1)), ("expression", ("s", "tcp ) or (udp"))))
        self.assertIn("column 1:", refuse(BAD_FILTER, ("expression", ("s", "inodee = 1")), ("pid", ("u", 1))))
        self.assertIn('"pidd"', refuse(INVALID, ("pidd", ("u", 1))))
        self.assertIn("twice", refuse(INVALID, ("pid", ("u", 1)), ("pid", ("u", 1))))
        self.assertIn("wrong type", refuse(INVALID, ("pid", ("t", 1))))
        self.assertIn("wrong type", refuse(INVALID, ("families", ("s", "inet"))))
        self.assertIn("wrong type", refuse(INVALID, ("netns", ("u", 1))))
        self.assertIn('"ipx9"', refuse(INVALID, ("families", ("as", ["inet", "ipx9"]))))
        self.assertIn('"OPEN"', refuse(INVALID, ("states", ("as", ["OPEN"]))))
        for unit in ("nginx", "x y.service", "@x.service", "a:b.service", "a) or (b.service", ".service", "x" * 300 + ".service"):
            refuse(INVALID, ("unit", ("s", unit)))
        refuse(INVALID, ("families", ("as", ["inet"] * 65)))
        # A quotation that is cut within a character is told all the same.
        for word in ("\u00e9" * 40, "x" + "\u00e9" * 40, "xx" + "\u20ac" * 40, "x" + "\U0001f600" * 40):
            refuse(INVALID, ("families", ("as", [word])))
            refuse(BAD_FILTER, ("expression", ("s", word * 9)))
        refuse(BAD_FILTER, ("expression", ("s", "x" * 5000)))
        longest = "tcp" + " " * (4096 - 3)
        self.assertIsNone(self.bus.ask("ListSockets", "a{sv}tu", [self.expression(longest), 0, 1]).error)
        refuse(BAD_FILTER, ("expression", ("s", longest)), ("pid", ("u", 1)))
        self.listed([])


class OneSocket(Typed):
    def setUp(self):
        super().setUp()
        self.begin()

    def path(self, cookie):
        return f"/org/socketd1/socket/_{cookie}"

    def test_describe(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50000)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x77)
            cookie = cookie_of(s)
            told = self.describe(cookie)
            self.assertEqual(told["cookie"], cookie)
            self.assertEqual(told["inode"], inode_of(s))
            self.assertEqual(told["state"], "LISTEN")
            self.assertEqual(told["local"], "127.0.0.1")
            self.assertEqual(told["local_port"], s.getsockname()[1])
            self.assertEqual(told["sk_rcvbuf"], s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
            self.assertEqual(told["sk_mark"], 0x77)
            self.assertEqual((told["pid"], told["fd"]), ([os.getpid()], [s.fileno()]))
            self.assertEqual(told["netns"], NETNS)
            self.assertEqual(set(self.describe(cookie, "inode", "state", "inode")), {"inode", "state"})
            # Absent is not zero.
            self.assertEqual(set(self.describe(cookie, "state", "udiag_peer", "ndiag_flags")), {"state"})
            nobody = self.describe(cookie, wire=self.wire(NOBODY))
            self.assertEqual(nobody["inode"], inode_of(s))
            self.assertEqual(nobody.keys() & {"pid", "fd", "comm", "user", "sk_mark"}, set())
        self.assertIn(str(cookie), self.refused(NO_SOCKET, "DescribeSocket", "tas", [cookie, []]))
        self.assertIn("did you mean", self.refused(INVALID, "DescribeSocket", "tas", [cookie, ["tcpi_rttva"]]))

    def test_describe_types(self):
        """Each field has one type, the catalogue's: ListFields says which."""
        kinds = {"bool": "b", "u8": "u", "u16": "u", "u32": "u", "u64": "t", "s32": "i", "s64": "x", "str": "s",
                 "u32 list": "au", "str list": "as", "addr list": "as"}
        fields = {f[0]: f for f in self.bus.ask("ListFields").body[0]}
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            run = self.busctl("--json=short", "call", "org.socketd1", "/org/socketd1", "org.socketd1.Manager", "DescribeSocket",
                              "tas", str(cookie_of(client)), "0")
            told = json.loads(run.stdout)["data"][0]
            self.assertGreater(len(told), 80)
            for name, value in told.items():
                _, wire, unit, _ = fields[name]
                expected = kinds.get(wire, "s")
                if unit.startswith("enum_"):
                    expected = "s"
                elif unit.startswith("flags_"):
                    expected = "as"
                elif unit == "per_second":
                    expected = "d"
                self.assertEqual(value["type"], expected, name)
            info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 200)
            self.assertEqual(told["tcpi_snd_mss"]["data"], struct.unpack_from("I", info, 16)[0])
            self.assertEqual(told["tcpi_pmtu"]["data"], struct.unpack_from("I", info, 60)[0])

    def test_object(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            cookie = cookie_of(s)
            path = self.bus.ask("GetSocket", "t", [cookie]).body[0]
            self.assertEqual(path, self.path(cookie))
            told = values(self.bus.ask("GetAll", "s", ["org.socketd1.Socket"], interface=PROPERTIES, path=path).body[0])
            expected = {"Cookie": cookie, "Netns": NETNS, "Family": "inet", "Protocol": "tcp", "State": "LISTEN",
                        "LocalAddress": bytes((127, 0, 0, 1)), "LocalPort": s.getsockname()[1], "RemoteAddress": bytes(4),
                        "RemotePort": 0, "InterfaceIndex": 0, "Uid": 0, "Inode": inode_of(s), "Pids": [os.getpid()],
                        "Comm": [pathlib.Path("/proc/self/comm").read_text().strip()]}
            self.assertEqual(told, expected)
            for name, value in expected.items():
                reply = self.bus.ask("Get", "ss", ["org.socketd1.Socket", name], interface=PROPERTIES, path=path)
                self.assertEqual(reply.body, [value], name)
            fields = self.bus.ask("Describe", "as", [["inode"]], interface="org.socketd1.Socket", path=path).body[0]
            self.assertEqual(values(fields), {"inode": inode_of(s)})
            reply = self.bus.ask("Get", "ss", ["org.socketd1.Socket", "Colour"], interface=PROPERTIES, path=path)
            self.assertEqual(reply.error, "org.freedesktop.DBus.Error.UnknownProperty")
            reply = self.bus.ask("Set", "ssv", ["org.socketd1.Socket", "Uid", ("u", 1)], interface=PROPERTIES, path=path)
            self.assertEqual(reply.error, "org.freedesktop.DBus.Error.PropertyReadOnly")
        self.refused(NO_SOCKET, "GetSocket", "t", [cookie])
        self.refused(NO_SOCKET, "GetAll", "s", ["org.socketd1.Socket"], interface=PROPERTIES, path=path)
        self.refused(NO_SOCKET, "Describe", "as", [[]], interface="org.socketd1.Socket", path=path)
        for bad in ("_", "_0", "_x", "_01", "_1_", "_99999999999999999999999", "x"):
            reply = self.bus.ask("Describe", "as", [[]], interface="org.socketd1.Socket", path=f"/org/socketd1/socket/{bad}")
            self.assertIn("Unknown", reply.error, bad)

    def test_objects_are_not_enumerated(self):
        run = self.busctl("tree", "--list", "org.socketd1")
        self.assertNotIn("socket/_", run.stdout)

    def test_lookup(self):
        lookup = lambda *pairs: self.bus.ask("LookupSocket", "a{sv}", [list(pairs)])
        tcp = ("protocol", ("s", "tcp"))
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client, \
                server.accept()[0] as accepted:
            port = server.getsockname()[1]
            ends = (("local", ("s", "127.0.0.1")), ("local-port", ("q", client.getsockname()[1])),
                    ("remote", ("ay", bytes((127, 0, 0, 1)))), ("remote-port", ("u", port)))
            self.assertEqual(lookup(tcp, *ends).body, [cookie_of(client)])
            self.assertEqual(lookup(tcp, *ends, ("netns", ("t", NETNS))).body, [cookie_of(client)])
            self.assertEqual(lookup(tcp, *ends, ("netns", ("t", NETNS + 1))).error, NO_SOCKET)
            self.assertEqual(lookup(("protocol", ("s", "udp")), *ends).error, NO_SOCKET)
            self.assertEqual(lookup(("remote-port", ("q", client.getsockname()[1]))).body, [cookie_of(accepted)])
            # The listener and what it accepted.
            reply = lookup(tcp, ("local-port", ("u", port)))
            self.assertEqual(reply.error, INVALID)
            self.assertIn("2 sockets match", reply.body[0])
            found = cookie_of(client)
        until(lambda: lookup(tcp, ("local-port", ("q", 1))).error == NO_SOCKET, "no such socket")
        self.assertNotEqual(lookup(tcp, *ends).body, [found])
        for bad in ((), (("protocol", ("s", "ip")),), (("local", ("s", "localhost")),), (("local", ("ay", b"abc")),),
                    (("local", ("u", 1)),), (("local-port", ("u", 65536)),), (("local-port", ("s", "80")),),
                    (("port", ("q", 80)),), (tcp, tcp), (("netns", ("s", "x")),)):
            self.assertEqual(lookup(*bad).error, INVALID, bad)

    def test_opened_since_the_last_pass(self):
        """What the table does not have yet is found all the same."""
        for _ in range(20):
            with socket.create_server(("127.0.0.1", 0)) as s:
                self.assertEqual(self.describe(cookie_of(s), "inode"), {"inode": inode_of(s)})


class LargeTable(Typed):
    """Where a walk over the kernel's table is slow, the tracker's says whom to ask for."""

    N = 9000

    def setUp(self):
        super().setUp()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=self.N)
        self.ends = []
        for _ in range(self.N):
            self.ends.append(socket.create_connection(self.server.getsockname()))
            self.ends.append(self.server.accept()[0])
        self.begin("IntervalMinSec=60", "IntervalMaxSec=60")
        until(lambda: self.generation() >= 1, "the first pass")
        # Until its scan for owners is over too.
        until(lambda: values(self.bus.ask("GetStatus").body[0]).get("scans"), "the first scan")

    def tearDown(self):
        for end in self.ends:
            end.close()
        self.server.close()
        super().tearDown()

    def generation(self):
        return self.bus.ask("Get", "ss", ["org.socketd1.Manager", "Generation"], interface=PROPERTIES).body[0]

    def test_point_queries(self):
        fields = ("--field", "inode", "--field", "pid", "--field", "age", "--field", "age_at_least")
        one = self.ends[5000]
        where = f"sport = {one.getsockname()[1]} and dport = {one.getpeername()[1]}"
        rows, reading = self.rows(*fields, where)
        self.assertEqual([(r["inode"], [o["pid"] for o in r["owners"]]) for r in rows], [(inode_of(one), [os.getpid()])])
        self.assertTrue(rows[0]["age_at_least"])
        self.assertGreater(rows[0]["age"], 0)
        if "table_age" not in reading:
            self.skipTest(f"the walk was quick: {reading}")
        # Nobody learns of owners in this way either.
        rows, _ = self.rows(*fields, where, user="nobody")
        self.assertEqual([(r["inode"], "owners" in r) for r in rows], [(inode_of(one), False)])
        # A connection since the last pass is not in the table; who wants all says so.
        with socket.create_connection(self.server.getsockname()) as late:
            where = f"sport = {late.getsockname()[1]} and dport = {late.getpeername()[1]} and state established"
            self.assertEqual(self.rows(*fields, where)[0], [])
            rows, _ = self.rows("--option-u64", "max-age-usec=0", *fields, where)
            self.assertEqual([(r["inode"], [o["pid"] for o in r["owners"]]) for r in rows], [(inode_of(late), [os.getpid()])])
            # The typed calls never leave it out.
            self.assertEqual(self.describe(cookie_of(late), "inode"), {"inode": inode_of(late)})
            self.assertEqual([r["inode"] for r in self.listed(self.expression(where))[0]], [inode_of(late)])
            tuple_ = [("protocol", ("s", "tcp")), ("local-port", ("q", late.getsockname()[1])),
                      ("remote-port", ("q", late.getpeername()[1])), ("local", ("s", "127.0.0.1")), ("remote", ("s", "127.0.0.1"))]
            self.assertEqual(self.bus.ask("LookupSocket", "a{sv}", [tuple_]).body, [cookie_of(late)])
        # One that is gone is not told of, by no call.
        cookie, port = cookie_of(one), one.getsockname()[1]
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
        self.refused(NO_SOCKET, "DescribeSocket", "tas", [cookie, []])
        rows, _ = self.rows("--field", "cookie", f"sport = {port}")
        self.assertNotIn(f"{cookie:x}", [r["cookie"] for r in rows])

    def test_all_pages(self):
        seen, cursor = set(), 0
        while True:
            rows, cursor, _ = self.listed(self.expression("tcp and state established"), cursor)
            seen |= {(r["cookie"], r["pid"]) for r in rows}
            if not cursor:
                break
        self.assertEqual({(cookie_of(end), os.getpid()) for end in self.ends} - seen, set())


class Sums(Typed):
    def setUp(self):
        super().setUp()
        self.begin("CountersIntervalSec=100ms", "IntervalMinSec=100ms")

    def groups(self, filter_, *keys):
        reply = self.bus.ask("GetSummary", "a{sv}as", [filter_, list(keys)])
        self.assertIsNone(reply.error, reply.body)
        return [values(g) for g in reply.body[0]]

    def test_summary(self):
        pairs = [socket.socketpair() for _ in range(25)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            mine = [("pid", ("u", os.getpid()))]
            told = {g["netid"]: g["count"] for g in self.groups(mine, "netid")}
            self.assertEqual((told["u_str"], told["udp"]), (len(own(socket.AF_UNIX)), 1))
            self.assertEqual(sum(told.values()), len(self.listed(mine)[0]))
            self.assertEqual(self.groups(mine)[0]["count"], sum(told.values()))
            pairs[0][0].send(b"x" * 1000)
            queued = next(g for g in self.groups(mine, "netid") if g["netid"] == "u_str")
            self.assertGreaterEqual(queued["recv_q"] + queued["send_q"], 1000)
            by_two = self.groups(mine, "netid", "state")
            self.assertIn(("udp", "UNCONN", 1), {(g["netid"], g["state"], g["count"]) for g in by_two})
        for pair in pairs:
            for end in pair:
                end.close()

    def test_rates(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client, \
                server.accept()[0] as accepted:
            end = time.monotonic() + 15
            where = self.expression(f"dport = {server.getsockname()[1]}")
            while time.monotonic() < end:
                client.send(b"x" * 1000)
                accepted.recv(1000)
                group = self.groups(where, "netid")[0]
                if group.get("tx_rate"):
                    break
                self.bus.ask("Refresh")
                time.sleep(0.2)
            self.assertGreater(group["tx_rate"], 0)

    def test_too_many_groups(self):
        pairs = [socket.socketpair() for _ in range(2200)]
        self.assertIn("4096 groups", self.refused(LIMITS, "GetSummary", "a{sv}as", [self.expression("u_str"), ["cookie"]]))
        self.assertEqual(self.groups(self.expression("u_str"), "netid")[0]["netid"], "u_str")
        for pair in pairs:
            for end in pair:
                end.close()

    def test_keys(self):
        self.refused(INVALID, "GetSummary", "a{sv}as", [[], ["netid", "netid"]])
        self.refused(INVALID, "GetSummary", "a{sv}as", [[], ["colour"]])
        keys = ["netid", "family", "type", "protocol", "state", "local", "local_port", "peer", "peer_port"]
        self.refused(INVALID, "GetSummary", "a{sv}as", [[], keys])

    def test_namespaces(self):
        (ino, name, n), = self.bus.ask("ListNamespaces").body[0]
        self.assertEqual((ino, name), (NETNS, ""))
        self.assertLess(n, 100000)


class Daemon(Typed):
    def status(self, wire=None):
        status, sources = (wire or self.bus).ask("GetStatus").body
        return values(status), [values(s) for s in sources]

    def property(self, name, wire=None):
        return (wire or self.bus).ask("Get", "ss", ["org.socketd1.Manager", name], interface=PROPERTIES).body[0]

    def test_refresh(self):
        self.begin()
        until(lambda: self.property("Generation") >= 1, "the first pass")
        before = self.property("NSockets")
        pairs = [socket.socketpair() for _ in range(50)]
        generation = self.bus.ask("Refresh").body[0]
        self.assertGreater(generation, 1)
        until(lambda: self.property("Generation") >= generation, "the pass")
        self.assertGreaterEqual(self.property("NSockets"), before + 90)
        self.assertGreaterEqual(self.property("PollIntervalUSec"), 1000000)
        for pair in pairs:
            for end in pair:
                end.close()

    def test_interval_is_announced(self):
        self.begin("IntervalMinSec=60", "IntervalMaxSec=60")
        self.assertEqual(self.property("PollIntervalUSec"), 60000000)
        ear = self.wire()
        ear.ask("AddMatch", "s", ["type='signal',interface='org.freedesktop.DBus.Properties'"], interface="org.freedesktop.DBus",
                path="/org/freedesktop/DBus", destination="org.freedesktop.DBus")
        time.sleep(0.1)
        while select.select([ear.socket], [], [], 20)[0]:
            m = ear.read()
            if m.kind == 4 and m.body[:1] == ["org.socketd1.Manager"]:
                self.assertEqual(m.body, ["org.socketd1.Manager", [("PollIntervalUSec", 60000000)], []])
                return
        self.fail("no signal")

    def test_reload(self):
        self.begin("IntervalMinSec=1")
        self.refused(DENIED, "Reload", "", [], wire=self.wire(NOBODY))
        self.assertIsNone(self.bus.ask("Reload").error)
        self.write("IntervalMinSec=1", "Colour=red")
        message = self.refused(INVALID, "Reload", "", [])
        self.assertIn(f"{self.file}:3:", message)
        self.assertIsNone(self.bus.ask("ListFields").error)

    def test_status_is_as_documented(self):
        self.begin()
        until(lambda: self.property("Generation") >= 2, "two passes")
        page = (ROOT / "docs/org.socketd1.5.scd").read_text(encoding="utf-8")
        tables = page.split("## Status\n")[1].split("\n# ")[0].split("A source:\n")
        documented = []
        for table in tables:
            kinds = {}
            for keys, kind in re.findall(r"^(?:\[\[|\|)\s+(\S.*)\n:- (\S+)$", table, re.M):
                kinds.update({key.strip(): kind for key in keys.split(",")})
            kinds.pop("*Key*", None)
            documented.append(kinds)
        run = self.busctl("--json=short", "call", "org.socketd1", "/org/socketd1", "org.socketd1.Manager", "GetStatus")
        status, sources = json.loads(run.stdout)["data"]
        self.assertEqual({k: v["type"] for k, v in status.items()}, documented[0])
        told = {}
        for source in sources:
            told.update({k: v["type"] for k, v in source.items()})
        self.assertLessEqual(set(told.items()), set(documented[1].items()))

    def test_status_of_what_is(self):
        self.begin()
        until(lambda: self.property("Generation") >= 1, "a pass")
        status, sources = self.status()
        self.assertEqual(status["kernel"], os.uname().release)
        self.assertTrue(status["tracking"])
        self.assertLess(status["uptime-usec"], 60000000)
        rss = int(pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text().split("VmRSS:")[1].split()[0]) * 1024
        self.assertLess(abs(status["memory"] - rss), 2 << 20)
        by_name = {s["name"]: s for s in sources}
        self.assertEqual(by_name["unix"]["state"], "ok")
        with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
            n = len(f.readlines()) - 1
        self.assertLess(abs(by_name["unix"]["sockets"] - n), 30)
        for s in sources:
            self.assertIn(s["state"], ("ok", "absent", "denied", "error"))
            self.assertEqual("gives" in s, s["state"] != "ok", s)
        self.assertEqual(self.status(self.wire(NOBODY))[0]["tracking"], True)

    def test_log_control(self):
        self.begin()
        where = {"path": "/org/freedesktop/LogControl1"}
        interface = "org.freedesktop.LogControl1"
        get = lambda name: self.bus.ask("Get", "ss", [interface, name], interface=PROPERTIES, **where).body[0]
        put = lambda name, value, wire=None: (wire or self.bus).ask("Set", "ssv", [interface, name, ("s", value)],
                                                                     interface=PROPERTIES, **where).error
        self.assertEqual((get("LogLevel"), get("SyslogIdentifier")), ("info", "socketd"))
        self.assertIsNone(put("LogLevel", "debug"))
        self.assertEqual(get("LogLevel"), "debug")
        self.assertEqual(put("LogLevel", "info", self.wire(NOBODY)), DENIED)
        self.assertEqual(put("LogLevel", "loud"), INVALID)
        self.assertEqual(put("LogTarget", "printer"), INVALID)
        self.assertEqual(put("Colour", "red"), "org.freedesktop.DBus.Error.UnknownProperty")
        self.assertEqual(get("LogLevel"), "debug")
        self.assertIn(get("LogTarget"), ("journal", "console"))
        self.assertIsNone(put("LogTarget", "console"))

    def test_kept_answer_of_a_stream(self):
        self.begin()
        ask = lambda age: self.rows("--option-u64", f"max-age-usec={age}", f"pid:{os.getpid()} and tcp")[0]
        first = ask(60000000)
        with socket.create_server(("127.0.0.1", 0)) as s:
            # Not older than a minute: the reading that there is; zero: a new one.
            self.assertEqual([r["cookie"] for r in ask(60000000)], [r["cookie"] for r in first])
            self.assertIn(inode_of(s), [r["inode"] for r in ask(0)])
            packed = self.call("--option", "format=packed", "--option-u64", "max-age-usec=60000000", "tcp")
            self.assertEqual(packed.returncode, 0)
            self.assertTrue(packed.stdout.startswith(b"\x89SKD\r\n\x1a\n"))

    def test_stream_that_is_too_large_to_keep(self):
        """A user's share of what is kept is a quarter; what is larger is read for that caller alone."""
        pairs = [socket.socketpair() for _ in range(9500)]
        self.begin("ReadingMemoryMax=8M")
        self.refused(LIMITS, "GetSummary", "a{sv}as", [self.expression("unix"), ["sk_rcvbuf", "age", "cgroup"]], wire=self.wire(NOBODY))
        rows = self.rows("--option-u64", "max-age-usec=1000000", "--field", "inode", "--field", "sk_rcvbuf", "--field", "age",
                         "--field", "cgroup", "unix", user="nobody")[0]
        self.assertGreaterEqual(len(rows), 19000)
        for pair in pairs:
            for end in pair:
                end.close()

    def test_streams_in_a_second(self):
        self.begin("ReadingsPerSecond=2")
        refusals = [r for r in (self.call("netlink", user="nobody") for _ in range(12)) if r.returncode != 0]
        self.assertTrue(refusals)
        for r in refusals:
            self.assertIn(LIMITS, r.stderr.decode())
        for _ in range(4):
            self.rows("netlink")

    def test_private_peer(self):
        self.daemon = self.start_daemon(bus=False)
        peer = Wire(self.private)
        self.wires.append(peer)
        with socket.create_server(("127.0.0.1", 0)) as s:
            rows, _, _ = self.listed(self.expression(f"sk:{cookie_of(s):x}"), wire=peer)
            self.assertEqual([r["pid"] for r in rows], [os.getpid()])
            self.assertIsNone(peer.ask("Reload").error)

    def test_caller_goes_while_it_is_answered(self):
        pairs = [socket.socketpair() for _ in range(2000)]
        self.begin()
        for bus in (True, False):
            for _ in range(10):
                wire = Wire(self.bus_path, bus=True) if bus else Wire(self.private)
                for i in range(5):
                    wire.send("ListSockets", "a{sv}tu", [self.expression(f"inode > {i}"), 0, 5])
                wire.close()
        self.listed(self.expression("netlink"))
        self.assertIsNone(self.daemon.poll())
        for pair in pairs:
            for end in pair:
                end.close()

    def test_gdbus(self):
        self.begin()
        run = subprocess.run(["gdbus", "call", "--address", self.address, "-d", "org.socketd1", "-o", "/org/socketd1", "-m",
                              "org.socketd1.Manager.ListNamespaces"], capture_output=True, text=True, check=False)
        if "not a bus" in run.stderr or "Hello" in run.stderr:
            self.skipTest(run.stderr)
        self.assertEqual(run.returncode, 0, run.stderr)


    def test_python_of_the_readme(self):
        """The lines that are printed there, on our bus."""
        self.begin()
        readme = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
        text = re.search(r"^    import dbus[^\n]*\n(?:    .*\n)+", readme, re.MULTILINE).group(0)
        with socket.create_server(("127.0.0.1", 0)) as server:
            run = subprocess.run(["/usr/bin/python3", "-c", textwrap.dedent(text)], capture_output=True, text=True, check=False,
                                 env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address})
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn(f"127.0.0.1 {server.getsockname()[1]} {os.getpid()} python3", run.stdout)


def own(family):
    """Descriptors of this process that are sockets of a family."""
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            copy = socket.socket(fileno=os.dup(int(fd)))
        except OSError:
            continue
        with copy:
            if copy.family == family:
                found.append(inode_of(copy))
    return set(found)


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    own_network()
    NETNS = os.stat("/proc/self/ns/net").st_ino
    run_tests()
