#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: every kind of caller, every method, every access class of the catalogue, with a real polkitd and without

Usage: test_privilege.py SOCKETD SOCKCTL CALL
"""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

import polkit
from test_bus import SOCKCTL, SOCKETD, Case, own_network, run_tests, until
from wire import ALLOW_PROMPT, Wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534
DAEMON = 1  # a user that is no root, for the service
SO_COOKIE, SO_MARK = 57, 36
MARK = 77
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
PROMPT = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
NO_SOCKET = "org.socketd1.NoSuchSocket"
PROPERTIES = "org.freedesktop.DBus.Properties"
LOG = ("org.freedesktop.LogControl1", "/org/freedesktop/LogControl1")

# What is told to whom. The mark is the kernel's own secret (INET_DIAG_MARK); the pid that of /proc/PID/fd.
ALL, PUBLIC = {"public", "owner", "privileged"}, {"public"}

# Methods of the Manager by what they ask of a caller; a test holds it against introspection.
SHOWS = {"ListSockets", "OpenSockets", "OpenMonitor", "DescribeSocket", "GetSummary", "LookupSocket", "GetSocket", "ListNamespaces"}
FOR_ALL = {"ListFields", "GetStatus", "Subscribe", "Unsubscribe", "Refresh"}
MANAGES = {"Reload"}
DESTROYS = {"DestroySocket"}

HOLDER = """
import socket, struct, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, 36, int(sys.argv[1]))
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0], flush=True)
sys.stdin.read()
"""


def cookie_of(s):
    return struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]


class Privilege(Case):
    """A root process holds a marked listener; callers ask about it."""

    def setUp(self):
        super().setUp()
        self.wires = []
        self.daemon = None
        self.holder = self.start(sys.executable, "-c", HOLDER, MARK, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port, self.cookie = map(int, self.holder.stdout.readline().split())
        self.expression = f"sport = :{self.port}"

    def tearDown(self):
        for wire in self.wires:
            wire.close()
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            self.daemon.wait(timeout=20)
        code, log = self.daemon.returncode if self.daemon else 0, self.log() if self.daemon else ""
        super().tearDown()
        self.assertEqual(code, 0, log)
        self.assertNotIn("runtime error", log)

    def begin(self, uid=0, config=("ReadingsPerSecond=1000",)):
        """The daemon; as a service where uid is not root: with the capabilities of systemd/socketd.service."""
        self.write(*config, "StreamsPerUser=64", "MonitorsPerUser=64")
        self.start_bus()
        if uid == 0:
            self.daemon = self.start_daemon()
            return
        caps = "+net_admin,+sys_ptrace,+dac_read_search"
        folder = self.dir / "run"
        folder.mkdir()
        os.chown(folder, uid, uid)
        self.private = folder / "private"
        with open(self.dir / "log", "a", encoding="utf-8") as log:
            self.daemon = self.start("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", f"--inh-caps={caps}",
                                     f"--ambient-caps={caps}", "--bounding-set=-all," + caps, SOCKETD, f"--config={self.file}",
                                     f"--bus={self.address}", f"--private={self.private}", stderr=log)
        until(lambda: self.is_listening(self.daemon), "the private socket")
        self.wait_for_name()

    def wire(self, uid):
        self.wires.append(Wire(self.bus_path, bus=True, uid=uid))
        return self.wires[-1]

    def filter(self, text):
        return [("expression", ("s", f"{self.expression} and {text}" if text else self.expression))]

    def ask(self, wire, *arguments, **options):
        reply = wire.ask(*arguments, **options)
        self.assertIsNone(reply.error, reply.body)
        return reply.body

    # What each method tells: the access classes that come out of it.

    def classes(self, inode, pids, mark):
        found = {"public"} if inode else set()
        found |= {"owner"} if self.holder.pid in pids else set()
        return found | ({"privileged"} if mark == MARK else set())

    def objects(self, fd, enough):
        """JSON objects of a stream until one is enough for us."""
        with os.fdopen(fd, encoding="utf-8") as f:
            for line in f:
                o = json.loads(line)
                if enough(o):
                    return o
        raise AssertionError("the stream ended before")

    def of_object(self, o):
        return self.classes(o.get("inode"), [h["pid"] for h in o.get("owners", [])], o.get("sk_mark"))

    def list_sockets(self, wire):
        rows = self.ask(wire, "ListSockets", "a{sv}tu", [self.filter(""), 0, 0])[0]
        found = self.classes(rows[0][11], [rows[0][12]], None)
        # A row has no mark, but a filter can ask for it: that is told no less than a field.
        for text, name in ((f"pid = {self.holder.pid}", "owner"), (f"sk_mark = {MARK}", "privileged")):
            matches = self.ask(wire, "ListSockets", "a{sv}tu", [self.filter(text), 0, 0])[0]
            mirrored = self.ask(wire, "ListSockets", "a{sv}tu", [self.filter(f"not ({text})"), 0, 0])[0]
            self.assertEqual(len(matches), name in found or (name == "privileged" and "owner" in found))
            # Nor does its contrary tell: for one who may not know there is no value, whatever is asked of it.
            other = text.replace(str(self.holder.pid), "1").replace(str(MARK), "78")
            self.assertEqual(self.ask(wire, "ListSockets", "a{sv}tu", [self.filter(other), 0, 0])[0], [])
            negated = self.ask(wire, "ListSockets", "a{sv}tu", [self.filter(f"not ({other})"), 0, 0])[0]
            if not matches:
                self.assertEqual(len(negated), len(mirrored), text)
            found |= {name} if matches else set()
        return found

    def open_sockets(self, wire):
        self.ask(wire, "OpenSockets", "a{sv}a{sv}", [self.filter(""), []])
        found = self.of_object(self.objects(wire.fds.pop(), lambda o: "inode" in o))
        self.ask(wire, "OpenSockets", "a{sv}a{sv}", [self.filter(""), [("format", ("s", "packed"))]])
        with os.fdopen(wire.fds.pop(), "rb") as f:
            packed = f.read()
        # A packed stream may hold more rows than the filter wants: of none of them more.
        (self.dir / "x.skd").write_bytes(packed)
        run = subprocess.run([SOCKCTL, f"--file={self.dir}/x.skd", "show", "--json", self.expression], capture_output=True,
                             check=False)
        self.assertEqual(self.of_object(json.loads(run.stdout)["sockets"][0]), found)
        self.assertEqual("owner" in found, struct.pack("<I", self.holder.pid) in packed)
        return found

    def open_monitor(self, wire):
        found = None
        for options in ([], [("format", ("s", "packed"))]):
            self.ask(wire, "OpenMonitor", "a{sv}a{sv}", [self.filter(""), options + [("initial", ("b", True))]])
            if options:
                found_now = self.of_packed_events(wire.fds.pop())
            else:
                o = self.objects(wire.fds.pop(), lambda o: "socket" in o or "inode" in o)
                found_now = self.of_object(o.get("socket", o))
            self.assertIn(found, (None, found_now))
            found = found_now
        return found

    def of_packed_events(self, fd):
        """Until the reader has seen our socket; what it says of it is what is in there."""
        os.set_blocking(fd, False)
        path, end = self.dir / "events.skd", time.monotonic() + 10
        with open(path, "wb") as f:
            while time.monotonic() < end:
                try:
                    f.write(os.read(fd, 1 << 20))
                    f.flush()
                except BlockingIOError:
                    time.sleep(0.02)
                run = subprocess.run([SOCKCTL, f"--file={path}", "monitor", "--json", self.expression], capture_output=True,
                                     check=False)
                rows = [json.loads(line) for line in run.stdout.splitlines()]
                for row in rows:
                    if row.get("socket", row).get("inode"):
                        os.close(fd)
                        return self.of_object(row.get("socket", row))
        raise AssertionError("no event of our socket")

    def describe_socket(self, wire):
        v = dict(self.ask(wire, "DescribeSocket", "tas", [self.cookie, []])[0])
        chosen = dict(self.ask(wire, "DescribeSocket", "tas", [self.cookie, ["inode", "pid", "sk_mark"]])[0])
        self.assertEqual(chosen, {k: v[k] for k in chosen})
        found = self.classes(v.get("inode"), v.get("pid", []), v.get("sk_mark"))
        path = {"path": f"/org/socketd1/socket/_{self.cookie}"}
        same = dict(self.ask(wire, "Describe", "as", [[]], interface="org.socketd1.Socket", **path)[0])
        self.assertEqual(self.classes(same.get("inode"), same.get("pid", []), same.get("sk_mark")), found)
        # Properties have no mark.
        pids = self.ask(wire, "Get", "ss", ["org.socketd1.Socket", "Pids"], interface=PROPERTIES, **path)[0]
        everything = dict(self.ask(wire, "GetAll", "s", ["org.socketd1.Socket"], interface=PROPERTIES, **path)[0])
        self.assertEqual(everything["Pids"], pids)
        self.assertEqual(bool(everything["Comm"]), bool(pids))
        self.assertEqual(self.classes(everything["Inode"], pids, None), found - {"privileged"})
        return found

    def get_summary(self, wire):
        groups = [dict(g) for g in self.ask(wire, "GetSummary", "a{sv}as", [self.filter(""), ["inode", "pid", "sk_mark"]])[0]]
        self.assertEqual(len(groups), 1)
        g = groups[0]
        return self.classes(g.get("inode"), [int(g.get("pid") or 0)], int(g.get("sk_mark") or "0", 0))

    def lookup_socket(self, wire):
        self.assertEqual(self.ask(wire, "LookupSocket", "a{sv}", [[("protocol", ("s", "tcp")), ("local-port", ("u", self.port))]]),
                         [self.cookie])
        self.assertEqual(self.ask(wire, "GetSocket", "t", [self.cookie]), [f"/org/socketd1/socket/_{self.cookie}"])

    def sees(self, wire):
        """The access classes that a caller is told; every method must tell the same."""
        found = self.list_sockets(wire)
        for method in (self.open_sockets, self.open_monitor, self.describe_socket, self.get_summary):
            self.assertEqual(method(wire), found, method.__name__)
        self.lookup_socket(wire)
        namespaces = self.ask(wire, "ListNamespaces")[0]
        status = dict(self.ask(wire, "GetStatus")[0])
        if found == PUBLIC:
            self.assertEqual([n[0] for n in namespaces], [os.stat("/proc/self/ns/net").st_ino])
        self.assertEqual("namespaces" in status, found == ALL)
        for member in ("ListFields", "Subscribe", "Unsubscribe", "Refresh"):
            self.ask(wire, member)
        return found

    # Methods that change something: what they answer, None for done.

    def manages(self, wire, **options):
        errors = {wire.ask("Reload", **options).error,
                  wire.ask("Set", "ssv", [LOG[0], "LogLevel", ("s", "info")], interface=PROPERTIES, path=LOG[1], **options).error}
        self.assertEqual(len(errors), 1)
        return errors.pop()

    def destroys(self, wire, **options):
        """A connection of this process; what became of it is the truth."""
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            reply = wire.ask("DestroySocket", "tt", [0, cookie_of(client)], **options)
            client.settimeout(0.3)
            try:
                client.recv(1)
                self.fail("it was closed by its peer")
            except TimeoutError:
                self.assertIsNotNone(reply.error)
            except ConnectionAbortedError:
                self.assertIsNone(reply.error, reply.body)
        return reply.error


class Table(Privilege):
    def test_no_method_is_forgotten(self):
        self.begin()
        xml = self.ask(self.wire(0), "Introspect", interface="org.freedesktop.DBus.Introspectable")[0]
        manager = xml[xml.index('"org.socketd1.Manager"'):]
        manager = manager[:manager.index("</interface>")]
        self.assertEqual(set(re.findall(r'<method name="(\w+)"', manager)), SHOWS | FOR_ALL | MANAGES | DESTROYS)

    def test_root_and_others_without_polkit(self):
        self.begin()
        root, nobody = self.wire(0), self.wire(NOBODY)
        self.assertEqual((self.sees(root), self.manages(root), self.destroys(root)), (ALL, None, None))
        self.assertEqual((self.sees(nobody), self.manages(nobody), self.destroys(nobody)), (PUBLIC, DENIED, DENIED))
        self.assertEqual(self.destroys(nobody, flags=ALLOW_PROMPT), DENIED)

    def test_own_processes_are_told(self):
        """Owner class, of the caller's own uid: polkit is not needed."""
        self.begin()
        mine = self.start("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3", "-c",
                          HOLDER.replace("s.setsockopt(socket.SOL_SOCKET, 36, int(sys.argv[1]))\n", ""),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port, cookie = map(int, mine.stdout.readline().split())
        v = dict(self.ask(self.wire(NOBODY), "DescribeSocket", "tas", [cookie, []])[0])
        self.assertEqual((v["local_port"], v["pid"]), (port, [mine.pid]))
        self.assertNotIn("sk_mark", v)
        # Its own socket, but that of another uid's table: to destroy it takes the right all the same.
        self.assertEqual(self.wire(NOBODY).ask("DestroySocket", "tt", [0, cookie]).error, DENIED)

    def check_all(self, daemon_uid, owner=None):
        """Every verdict of polkit, one after the other, told to one daemon."""
        self.begin(daemon_uid)
        root, other = self.wire(0), self.wire(NOBODY)
        polkitd = polkit.start(self, owner=owner)
        password = {a: polkit.PASSWORD for a in ("inspect-all", "destroy", "manage", "bypass-ratelimit")}
        for verdict, sees, error in ((polkit.NO, PUBLIC, DENIED), (polkit.YES, ALL, None), (polkit.PASSWORD, PUBLIC, PROMPT)):
            with self.subTest(polkit=verdict):
                verdicts = dict.fromkeys(password, verdict)
                self.settle(root, other, verdicts)
                self.assertEqual((self.sees(other), self.manages(other), self.destroys(other)), (sees, error, error))
                # Nobody is there who could type: it is asked in vain, and the same comes of it.
                self.assertEqual(self.destroys(other, flags=ALLOW_PROMPT), error)
        # Each action is one of its own.
        for action in ("inspect-all", "manage", "destroy"):
            with self.subTest(only=action):
                self.settle(root, other, {a: polkit.YES if a == action else polkit.NO for a in password})
                self.assertEqual(self.sees(other), ALL if action == "inspect-all" else PUBLIC)
                self.assertEqual(self.manages(other), None if action == "manage" else DENIED)
                self.assertEqual(self.destroys(other), None if action == "destroy" else DENIED)
        # Root is not asked about; nor is our own uid.
        self.settle(root, other, dict.fromkeys(password, polkit.NO))
        self.assertEqual((self.sees(root), self.manages(root), self.destroys(root)), (ALL, None, None))
        if daemon_uid:
            own = self.wire(daemon_uid)
            self.assertEqual((self.sees(own), self.manages(own), self.destroys(own)), (ALL, None, None))
        polkitd.terminate()
        polkitd.wait(timeout=10)
        self.assertNotIn("polkit does not tell", self.log())

    def settle(self, root, about, verdicts):
        """Until polkitd says so to us, who ask it ourselves; and a moment for it to tell the daemon that it changed."""
        polkit.put_rule("nobody", verdicts)
        expected = {polkit.YES: [True, False], polkit.NO: [False, False], polkit.PASSWORD: [False, True]}
        until(lambda: all(list(polkit.check(root, about.name, a) or ()) == [bool(x) for x in expected[v]]
                          for a, v in verdicts.items()), "polkitd knows the rule")
        time.sleep(0.1)

    def test_daemon_of_root(self):
        self.check_all(0)

    def test_daemon_of_its_own_user(self):
        """As the service: polkit answers to a user who is not root, for it owns the actions."""
        self.check_all(DAEMON, owner="daemon")

    def test_daemon_that_does_not_own_the_actions(self):
        """polkit refuses to answer: that is a no, and is said in the log."""
        self.begin(DAEMON)
        polkit.start(self, verdicts={"inspect-all": polkit.YES, "destroy": polkit.YES}, owner="games")
        nobody = self.wire(NOBODY)
        self.assertEqual(self.list_sockets(nobody), PUBLIC)
        self.assertEqual(self.destroys(nobody), DENIED)
        self.assertIn("polkit does not tell who may", self.log())

    def test_events(self):
        """What opens and closes while a monitor listens, to root, to one whom polkit lets and to one whom it does not."""
        self.begin(config=("IntervalMinSec=100ms", "CPUQuota=100%", "ReadingsPerSecond=1000"))
        polkit.start(self, verdicts={"inspect-all": polkit.YES})
        wires = {"root": self.wire(0), "allowed": self.wire(NOBODY), "other": self.wire(DAEMON)}
        streams = {}
        for who, wire in wires.items():
            self.ask(wire, "OpenMonitor", "a{sv}a{sv}", [[("expression", ("s", "tcp"))], []])
            streams[who] = os.fdopen(wire.fds.pop(), encoding="utf-8")
        time.sleep(0.5)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, SO_MARK, MARK)
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            time.sleep(1)
        self.holder.pid, holder = os.getpid(), self.holder.pid
        found, kinds = {}, {}
        for who, stream in streams.items():
            found[who], kinds[who] = set(), []
            while "closed" not in kinds[who]:
                event = json.loads(stream.readline())
                if event.get("socket", {}).get("local_port") == port:
                    kinds[who].append(event["event"])
                    found[who] |= self.of_object(event["socket"])
            stream.close()
        self.holder.pid = holder
        self.assertEqual({who: k[0] for who, k in kinds.items()}, dict.fromkeys(wires, "opened"))
        self.assertEqual(found, {"root": ALL, "allowed": ALL, "other": PUBLIC})

    def test_private_socket_has_no_polkit(self):
        """It is for our own user; one of another uid who gets there (the mode was changed) is an ordinary user."""
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.YES, "destroy": polkit.YES, "manage": polkit.YES})
        self.private.chmod(0o666)
        for uid, sees, error in ((0, ALL, None), (NOBODY, PUBLIC, DENIED)):
            wire = Wire(self.private, uid=uid)
            self.wires.append(wire)
            self.assertEqual((self.list_sockets(wire), self.manages(wire), self.destroys(wire)), (sees, error, error))


class Asking(Privilege):
    """How often polkit is asked, and what holds how long."""

    def watch(self):
        """A monitor of the bus: what the daemon says to polkit."""
        monitor = self.wire(0)
        self.ask(monitor, "BecomeMonitor", "asu", [[], 0], interface="org.freedesktop.DBus.Monitoring",
                 path="/org/freedesktop/DBus", destination="org.freedesktop.DBus")
        return monitor

    def questions(self, monitor):
        """(action, interactive) of the CheckAuthorization calls so far."""
        found = []
        monitor.socket.settimeout(0.3)
        try:
            while True:
                m = monitor.read()
                if m.kind == 1 and m.member == "CheckAuthorization":
                    found.append((m.body[1].removeprefix("org.socketd1."), bool(m.body[3] & 1)))
        except TimeoutError:
            return found

    def list(self, wire, **options):
        rows = self.ask(wire, "ListSockets", "a{sv}tu", [self.filter(""), 0, 0], **options)[0]
        return [r[12] for r in rows]

    def test_a_verdict_holds_for_a_moment(self):
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.YES, "destroy": polkit.YES, "manage": polkit.YES})
        nobody, monitor = self.wire(NOBODY), self.watch()
        for _ in range(5):
            self.assertEqual(self.list(nobody), [self.holder.pid])
        self.assertEqual(self.questions(monitor), [("inspect-all", False)])
        # Another connection is another question, of the same user or not; many at one time are one.
        other = self.wire(NOBODY)
        other.replies([other.send("ListSockets", "a{sv}tu", [self.filter(""), 0, 0]) for _ in range(8)])
        self.assertEqual(self.questions(monitor), [("inspect-all", False)])
        # To destroy is asked for each time.
        for _ in range(3):
            self.assertIsNone(self.destroys(nobody))
        self.assertEqual(self.questions(monitor), [("destroy", False)] * 3)
        self.assertIsNone(self.manages(nobody))
        self.assertEqual(self.questions(monitor), [("manage", False)])
        # Nobody asks about root.
        self.assertEqual((self.list(self.wire(0)), self.manages(self.wire(0)), self.destroys(self.wire(0))),
                         ([self.holder.pid], None, None))
        self.assertEqual(self.questions(monitor), [])

    def test_it_is_forgotten_after_five_seconds(self):
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.YES})
        nobody, monitor = self.wire(NOBODY), self.watch()
        self.list(nobody)
        time.sleep(5.1)
        self.list(nobody)
        self.assertEqual(self.questions(monitor), [("inspect-all", False)] * 2)

    def test_a_changed_rule_holds_at_once(self):
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.YES})
        root, nobody = self.wire(0), self.wire(NOBODY)
        for verdict, sees in ((polkit.NO, [0]), (polkit.YES, [self.holder.pid]), (polkit.NO, [0])):
            begin = time.monotonic()
            self.list(nobody)
            polkit.put_rule("nobody", {"inspect-all": verdict})
            until(lambda: polkit.check(root, nobody.name, "inspect-all")[0] == (verdict == polkit.YES), "polkitd knows the rule", 3)
            until(lambda: self.list(nobody) == sees, "the daemon knows it", 1)
            self.assertLess(time.monotonic() - begin, 4.5, "the verdict only became old")

    def test_without_polkit_nobody_is_asked_for_long(self):
        self.begin()
        monitor = self.watch()
        for wire in [self.wire(NOBODY) for _ in range(4)]:
            for _ in range(3):
                self.assertEqual(self.list(wire), [0])
            self.assertEqual((self.manages(wire), self.destroys(wire)), (DENIED, DENIED))
        self.assertEqual(self.questions(monitor), [("inspect-all", False)])
        # When it comes it is asked, after the moment.
        polkit.start(self, verdicts={"inspect-all": polkit.YES})
        until(lambda: self.list(self.wires[-1]) == [self.holder.pid], "polkit is asked again", 8)

    def test_who_may_see_all_counts_as_himself(self):
        self.begin(config=("ReadingsPerSecond=1", "StreamsMax=64"))
        polkit.start(self, verdicts={"inspect-all": polkit.YES, "bypass-ratelimit": polkit.NO})
        nobody = self.wire(NOBODY)
        errors = [nobody.ask("ListSockets", "a{sv}tu", [self.filter(""), 0, 0]).error for _ in range(4)]
        self.assertIn(LIMITS, errors)
        self.assertIsNone(errors[0])

    def test_streams_count_as_his(self):
        self.file.unlink(missing_ok=True)
        self.start_bus()
        self.daemon = self.start_daemon()
        polkit.start(self, verdicts={"inspect-all": polkit.YES, "bypass-ratelimit": polkit.YES})
        nobody = self.wire(NOBODY)
        replies = [nobody.ask("OpenMonitor", "a{sv}a{sv}", [[], []]).error for _ in range(6)]
        self.assertEqual(replies, [None] * 4 + ["org.socketd1.TooManyStreams"] * 2)

    def test_rate_limit(self):
        self.begin(config=("ReadingsPerSecond=2",))
        polkit.start(self, verdicts={"bypass-ratelimit": polkit.YES})
        nobody, monitor = self.wire(NOBODY), self.watch()
        for i in range(12):
            self.assertEqual(len(self.ask(nobody, "ListSockets", "a{sv}tu", [self.filter(f"state != {'listen' if i % 2 else 'close'}"), 0, 0])[0]),
                             0 if i % 2 else 1)
        for _ in range(4):
            self.ask(nobody, "OpenSockets", "a{sv}a{sv}", [self.filter(""), []])
            os.close(nobody.fds.pop())
        # Seldom, and never so that somebody would have to type.
        self.assertEqual(self.questions(monitor), [("inspect-all", False), ("bypass-ratelimit", False)])
        # It does not let him see more.
        self.assertEqual(self.list(nobody), [0])

    def test_prompt_is_asked_for_only_where_the_message_allows_it(self):
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.PASSWORD, "destroy": polkit.PASSWORD})
        nobody, monitor = self.wire(NOBODY), self.watch()
        self.assertEqual(self.list(nobody), [0])
        self.assertEqual(self.list(nobody), [0])
        self.assertEqual(self.destroys(nobody), PROMPT)
        self.assertEqual(self.questions(monitor), [("inspect-all", False), ("destroy", False)])
        # What polkit said to a question without a prompt is no answer to one with it.
        self.assertEqual(self.list(nobody, flags=ALLOW_PROMPT), [0])
        self.assertEqual(self.destroys(nobody, flags=ALLOW_PROMPT), PROMPT)
        self.assertEqual(self.questions(monitor), [("inspect-all", True), ("destroy", True)])

    def test_a_caller_who_is_gone_is_no_absent_polkit(self):
        """What polkit cannot say of one holds for that one alone."""
        self.begin()
        polkitd = polkit.start(self, verdicts={"inspect-all": polkit.YES, "destroy": polkit.YES})
        nobody = self.wire(NOBODY)
        for _ in range(5):
            gone = self.wire(NOBODY)
            # The daemon has asked polkit; polkit looks when he is gone.
            polkitd.send_signal(signal.SIGSTOP)
            gone.send("ListSockets", "a{sv}tu", [self.filter(""), 0, 0])
            gone.send("DestroySocket", "tt", [0, self.cookie])
            time.sleep(0.2)
            gone.close()
            polkitd.send_signal(signal.SIGCONT)
            self.assertEqual(self.list(nobody), [self.holder.pid])
            self.assertIsNone(self.destroys(nobody))
        with socket.create_connection(("127.0.0.1", self.port)):
            pass

    def test_a_polkit_that_hangs_holds_up_nobody_else(self):
        self.begin()
        polkitd = polkit.start(self, verdicts={"inspect-all": polkit.YES})
        polkitd.send_signal(signal.SIGSTOP)
        nobody, root = self.wire(NOBODY), self.wire(0)
        begin = time.monotonic()
        serial = nobody.send("ListSockets", "a{sv}tu", [self.filter(""), 0, 0])
        for _ in range(20):
            self.assertEqual(self.list(root), [self.holder.pid])
        self.assertLess(time.monotonic() - begin, 5)
        # A caller who leaves meanwhile leaves nothing behind.
        gone = self.wire(NOBODY)
        gone.send("DestroySocket", "tt", [0, self.cookie])
        gone.close()
        self.assertEqual(nobody.reply(serial).body[0][0][12], 0)
        self.assertLess(time.monotonic() - begin, 15)
        polkitd.send_signal(signal.SIGCONT)
        # The listener is there: who asks later destroys nothing.
        self.assertEqual(self.list(root), [self.holder.pid])


# Of another user, in a process of its own, as polkit wants it: an agent for this process, and a caller who would be asked.
AGENT = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from wire import ALLOW_PROMPT, Wire
address, cookie, leaves = sys.argv[2], int(sys.argv[3]), sys.argv[4] == "leave"
uid = os.geteuid()
os.seteuid = lambda _: None
agent, caller = Wire(address, bus=True, uid=uid), Wire(address, bus=True, uid=uid)
start = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19])
P = {"interface": "org.freedesktop.PolicyKit1.Authority", "path": "/org/freedesktop/PolicyKit1/Authority",
     "destination": "org.freedesktop.PolicyKit1"}
subject = ("unix-process", [("pid", ("u", os.getpid())), ("start-time", ("t", start)), ("uid", ("i", uid))])
print("registered", agent.ask("RegisterAuthenticationAgent", "(sa{sv})ss", [subject, "C", "/agent"], **P).error, flush=True)
serial = caller.send("DestroySocket", "tt", [0, cookie], flags=ALLOW_PROMPT)
agent.socket.settimeout(15)
while True:
    m = agent.read()
    if m.member == "BeginAuthentication":
        print(m.member, m.body[0], m.body[4], flush=True)
        if leaves:
            caller.close()
            continue
        sys.stdin.readline()
        agent.answer(m)
        print("answer", caller.reply(serial).error, flush=True)
        break
    if m.member == "CancelAuthentication":
        print(m.member, flush=True)
        break
"""


class Prompt(Privilege):
    def agent(self, what, cookie):
        # It reads modules of this tree: from a place where it may.
        (self.dir / "wire.py").write_text((ROOT / "tests/bus/wire.py").read_text(encoding="utf-8"), encoding="utf-8")
        child = self.start("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3", "-c", AGENT,
                           self.dir, self.bus_path, cookie, what, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(child.stdout.readline(), "registered None\n")
        words = child.stdout.readline().split()
        self.assertEqual(words[:2], ["BeginAuthentication", "org.socketd1.destroy"])
        return child, words[2]

    def test_a_prompt_is_taken_back_when_the_caller_leaves(self):
        self.begin()
        polkit.start(self, verdicts={"destroy": polkit.PASSWORD})
        child, _ = self.agent("leave", self.cookie)
        self.assertEqual(child.stdout.readline(), "CancelAuthentication\n")
        with socket.create_connection(("127.0.0.1", self.port)):
            pass  # the listener lives

    def test_a_password_gives_the_right(self):
        """The agent's helper, which runs as root, tells polkit that it was right."""
        self.begin()
        polkit.start(self, verdicts={"destroy": polkit.PASSWORD})
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            child, prompt = self.agent("stay", cookie_of(client))
            # Longer than any other call may take: people type slowly. Others are served meanwhile.
            for _ in range(12):
                self.ask(self.wire(0), "ListSockets", "a{sv}tu", [self.filter(""), 0, 0])
                time.sleep(1)
            reply = self.wire(0).ask("AuthenticationAgentResponse2", "us(sa{sv})",
                                     [NOBODY, prompt, ("unix-user", [("uid", ("u", 0))])],
                                     interface=polkit.INTERFACE, path=polkit.PATH, destination=polkit.NAME)
            self.assertIsNone(reply.error, reply.body)
            child.stdin.write("\n")
            child.stdin.flush()
            self.assertEqual(child.stdout.readline(), "answer None\n")
            with self.assertRaises(ConnectionAbortedError):
                client.recv(1)


class Client(Privilege):
    """sockctl of a user."""

    def sockctl(self, *arguments):
        copy = self.dir / "sockctl"
        if not copy.exists():
            copy.write_bytes(pathlib.Path(SOCKCTL).read_bytes())
            copy.chmod(0o755)
        return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", copy, f"--bus={self.address}",
                               *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)

    def pids(self, *arguments):
        run = self.sockctl("show", "--json", *arguments, self.expression)
        return [o["pid"] for o in json.loads(run.stdout)["sockets"][0].get("owners", [])]

    def test_rights(self):
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.YES, "destroy": polkit.PASSWORD})
        asked = Asking.watch(self)
        self.assertEqual(self.pids(), [self.holder.pid])
        self.assertEqual(self.pids("--authorize"), [self.holder.pid])
        run = self.sockctl("kill", "--yes", self.expression)
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertRegex(run.stdout, "^denied .* polkit")
        run = self.sockctl("kill", "--yes", "--json", self.expression)
        self.assertEqual([(r["result"], int(r["cookie"], 16)) for r in json.loads(run.stdout)["sockets"]], [("denied", self.cookie)])
        # Whom sockctl lets be asked for a password: with --authorize, and to kill; never else.
        self.assertEqual(Asking.questions(self, asked), [("inspect-all", False), ("inspect-all", True)] +
                         [("inspect-all", False), ("destroy", True)] * 2)
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        polkit.put_rule("nobody", {"destroy": polkit.YES})
        self.sockctl("kill", "--yes", self.expression)
        until(lambda: self.sockctl("kill", "--yes", self.expression).stdout == "", "it is killed", 5)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port))

    @unittest.skipUnless(shutil.which("pkttyagent"), "pkttyagent(1) is not there")
    def test_password_on_the_terminal(self):
        """sockctl brings somebody who asks; a wrong password is a no."""
        self.begin()
        polkit.start(self, verdicts={"destroy": polkit.PASSWORD})
        self.sockctl("--version")
        master, slave = pty.openpty()
        child = self.start("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "setsid", "--ctty", "--wait",
                           self.dir / "sockctl", f"--bus={self.address}", "kill", "--yes", self.expression, stdin=slave,
                           stdout=slave, stderr=slave, env={k: v for k, v in os.environ.items() if k != "XDG_SESSION_ID"} |
                           {"DBUS_SYSTEM_BUS_ADDRESS": self.address})
        os.close(slave)
        shown = b""
        try:
            while True:
                # What is typed before the echo is off is thrown away.
                if select.select([master], [], [], 0.5)[0]:
                    shown += os.read(master, 4096)
                elif shown.endswith(b"Password: "):
                    os.write(master, b"no such password\n")
        except OSError:
            pass  # the terminal is closed by its last user
        os.close(master)
        self.assertEqual(child.wait(10), 4, shown)
        self.assertIn(b"AUTHENTICATING FOR org.socketd1.destroy", shown)
        self.assertRegex(shown, rb"denied +tcp")
        with socket.create_connection(("127.0.0.1", self.port)):
            pass

    def test_without_the_right(self):
        self.begin()
        polkit.start(self, verdicts={"inspect-all": polkit.PASSWORD})
        self.assertEqual(self.pids(), [])
        self.assertEqual(self.pids("--authorize"), [])


class BusPolicy(Privilege):
    """systemd/org.socketd1.conf on a bus that forbids what is not allowed, as a system's does."""

    def test_who_may_own_the_name(self):
        text = (ROOT / "systemd/org.socketd1.conf").read_text(encoding="utf-8").replace('user="socketd"', 'user="daemon"')
        (self.dir / "org.socketd1.conf").write_text(text, encoding="utf-8")
        (self.dir / "bus.conf").write_text(f"""<busconfig><type>system</type><listen>unix:path={self.bus_path}</listen>
            <auth>EXTERNAL</auth><policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
            <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
            <allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
            <allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
            <allow send_destination="org.freedesktop.DBus"/></policy>
            <include>{self.dir}/org.socketd1.conf</include></busconfig>""", encoding="utf-8")
        self.start("dbus-daemon", f"--config-file={self.dir}/bus.conf", "--nofork", "--nopidfile")
        until(self.bus_path.exists, "the bus's socket")
        own = lambda uid: self.wire(uid).ask("RequestName", "su", ["org.socketd1", 0], **polkit.BUS)
        self.assertEqual(own(NOBODY).error, DENIED)
        self.assertEqual(own(2).error, DENIED)
        for uid in (0, DAEMON):
            reply = own(uid)
            self.assertEqual((reply.error, reply.body), (None, [1]))
            self.wires.pop().close()
        self.daemon = self.start_daemon()
        for uid in (0, DAEMON, NOBODY):
            self.ask(self.wire(uid), "ListSockets", "a{sv}tu", [self.filter(""), 0, 0])


class Journal(Privilege):
    def test_fields(self):
        """What the journal is told: a journal of our own, over which nobody else's is."""
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/run"], check=True)
        os.makedirs("/run/systemd/journal")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.bind("/run/systemd/journal/socket")
            journal.settimeout(5)
            self.file.write_text("[Socketd]\n", encoding="utf-8")
            self.start_bus()
            self.daemon = self.start_daemon()
            wire = self.wire(0)
            self.ask(wire, "Set", "ssv", [LOG[0], "LogTarget", ("s", "journal")], interface=PROPERTIES, path=LOG[1])
            with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
                name, peer, cookie = client.getsockname(), client.getpeername(), cookie_of(client)
                self.ask(wire, "DestroySocket", "tt", [0, cookie])
            while True:
                fields = dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines() if "=" in line)
                if fields.get("MESSAGE_ID") == "ce8090792c7a484fa2702a271f919d69":
                    break
        comm = pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        expected = {
            "PRIORITY": "5", "SOCKETD_COOKIE": str(cookie), "SOCKETD_NETNS": str(os.stat("/proc/self/ns/net").st_ino),
            "SOCKETD_NETID": "tcp", "SOCKETD_LOCAL": f"127.0.0.1 port {name[1]}", "SOCKETD_PEER": f"127.0.0.1 port {peer[1]}",
            "SOCKETD_OWNER_PID": str(os.getpid()), "SOCKETD_OWNER_COMM": comm, "SOCKETD_CALLER_UID": "0",
            "SOCKETD_CALLER_PID": str(os.getpid()), "SOCKETD_CALLER_COMM": comm, "SOCKETD_RESULT": "killed",
        }
        self.assertEqual({k: fields.get(k) for k in expected}, expected)
        self.assertIn("MESSAGE", fields)


if __name__ == "__main__":
    if not polkit.POLKITD.exists():
        print(f"{polkit.POLKITD} is not there (Debian's package polkitd)", file=sys.stderr)
        sys.exit(77)
    own_network()
    polkit.own_folders()
    run_tests()
