#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fields of the other end over D-Bus: in every kind of answer, for whoever asks, and where they are refused

Usage: test_joined.py SOCKETD SOCKCTL CALL
"""

import json
import os
import socket
import subprocess
import sys

from test_bus import own_network, run_tests
from test_typed import INVALID, LIMITS, NOBODY, Typed, cookie_of, inode_of

# Processes of another user, so that there are owners whom one may not know.
CONNECTOR = r"""
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
print(os.fstat(s.fileno()).st_ino, flush=True)
sys.stdin.read()
"""


class Joined(Typed):
    def setUp(self):
        super().setUp()
        self.begin()
        self.held = []

    def tearDown(self):
        for s in self.held:
            s.close()
        super().tearDown()

    def hold(self, *sockets):
        self.held += sockets
        return sockets

    def pair(self):
        return self.hold(*socket.socketpair())

    def pending(self, name):
        listener = self.hold(socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX))
        listener[0].bind("\0" + name)
        listener[0].listen()
        listener[1].connect("\0" + name)
        return listener

    def test_describe(self):
        a, b = self.pair()
        told = self.describe(cookie_of(a), "peer_inode", "peer_pid", "peer_cookie", "peer_pending", "peer_name")
        self.assertEqual(told["peer_inode"], inode_of(b))
        self.assertEqual(told["peer_cookie"], cookie_of(b))
        self.assertEqual(told["peer_pid"], [os.getpid()])
        self.assertEqual(told["peer_pending"], 0)
        self.assertNotIn("peer_name", told)
        # All fields are those of a point query: these are told by name.
        self.assertFalse([k for k in self.describe(cookie_of(a)) if k.startswith("peer_pid")])

    def test_describe_tcp(self):
        server = self.hold(socket.create_server(("127.0.0.1", 0)))[0]
        client = self.hold(socket.create_connection(server.getsockname()))[0]
        accepted = self.hold(server.accept()[0])[0]
        told = self.describe(cookie_of(client), "peer_inode", "peer_name")
        self.assertEqual(told["peer_inode"], inode_of(accepted))
        self.assertEqual(told["peer_name"], "127.0.0.1:%d" % server.getsockname()[1])
        self.assertEqual(self.describe(cookie_of(server), "peer_inode"), {})

    def test_list(self):
        name = f"joined-{os.getpid()}"
        _, client = self.pending(name)
        rows, following, _ = self.listed(self.expression(f"peer_pending and peer_name = @{name}"))
        self.assertEqual(([r["inode"] for r in rows], following), ([inode_of(client)], 0))
        # In pages: the reading and its pairs are kept meanwhile.
        pairs = [self.pair() for _ in range(20)]
        want = {inode_of(s) for p in pairs for s in p}
        found, cursor = [], 0
        while True:
            rows, cursor, _ = self.listed(self.expression(f"family = unix and peer_pid = {os.getpid()}"), cursor=cursor, limit=7)
            found += [r["inode"] for r in rows]
            if not cursor:
                break
        self.assertLessEqual(want, set(found))
        self.assertEqual(len(found), len(set(found)))

    def test_stream(self):
        a, b = self.pair()
        for format_ in ("ndjson", "json-seq"):
            for more in ((), ("--option-u64", "max-age-usec=0"), ("--option-u64", "max-age-usec=1000000")):
                run = self.call("--option", f"format={format_}", *more, "--field", "inode", "--field", "peer_inode", "--field", "peer_pid",
                                f"inode = {inode_of(a)}")
                self.assertEqual(run.returncode, 0, run.stderr)
                lines = [json.loads(line.strip(b"\x1e")) for line in run.stdout.split(b"\n") if line]
                self.assertEqual(lines[0], {"inode": inode_of(a), "peer_inode": inode_of(b), "peer_pid": [os.getpid()]})
                self.assertEqual(len(lines), 2)
                self.assertIn("reading", lines[1])

    def test_sockctl(self):
        a, b = self.pair()
        run = subprocess.run([os.path.abspath(sys.argv[2]), f"--bus={self.address}", "show", "--json", "-C", "peer_inode",
                              f"inode = {inode_of(a)}"], capture_output=True, check=False)
        # 5: a namespace that others made changed too fast.
        self.assertIn(run.returncode, (0, 5), run.stderr)
        self.assertEqual(json.loads(run.stdout)["sockets"], [{"peer_inode": inode_of(b)}])

    def test_summary(self):
        self.pair()
        reply = self.bus.ask("GetSummary", "a{sv}as", [self.expression("family = unix"), ["peer_pid"]])
        self.assertIsNone(reply.error, reply.body)
        self.assertIn(str(os.getpid()), repr(reply.body))

    def test_many_at_once(self):
        """One reading is joined while others are: everybody has his answer."""
        pairs = [self.pair() for _ in range(300)]
        serials = [self.bus.send("DescribeSocket", "tas", [cookie_of(a), ["peer_inode"]]) for a, _ in pairs[:6]]
        serials += [self.bus.send("ListSockets", "a{sv}tu", [self.expression(f"peer_inode = {inode_of(b)}"), 0, 0]) for _, b in pairs[:6]]
        replies = self.bus.replies(serials)
        for (a, b), reply in zip(pairs, replies[:6]):
            self.assertEqual(dict(reply.body[0])["peer_inode"], inode_of(b))
        for (a, b), reply in zip(pairs, replies[6:]):
            self.assertEqual([r[11] for r in reply.body[0]], [inode_of(a)])

    def test_another_users(self):
        """Who is not root learns of the other end what he would learn of it as a socket: that it is there, not whose."""
        path = str(self.dir / "listener")
        listener = self.hold(socket.socket(socket.AF_UNIX))[0]
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        child = self.start("setpriv", f"--reuid={NOBODY}", "--regid=nogroup", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", python, "-c", CONNECTOR, path,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client = int(child.stdout.readline())
        accepted = self.hold(listener.accept()[0])[0]
        nobody = self.wire(NOBODY)
        told = self.describe(cookie_of(accepted), "peer_inode", "peer_pid", "pid")
        self.assertEqual((told["peer_inode"], told["peer_pid"], told["pid"]), (client, [child.pid], [os.getpid()]))
        # His own process at the other end of our socket; our process at the other end of his.
        told = self.describe(cookie_of(accepted), "peer_inode", "peer_pid", "pid", wire=nobody)
        self.assertEqual((told["peer_inode"], told["peer_pid"]), (client, [child.pid]))
        self.assertNotIn("pid", told)
        rows, _, _ = self.listed(self.expression(f"inode = {client} and has peer_inode and not has peer_pid"), wire=nobody)
        self.assertEqual([r["inode"] for r in rows], [client])
        self.assertEqual(self.listed(self.expression(f"peer_pid = {os.getpid()}"), wire=nobody)[0], [])
        # A reading of root's that is kept is not his.
        self.listed(self.expression(f"inode = {client} and has peer_pid"))
        self.assertEqual(self.listed(self.expression(f"inode = {client} and has peer_pid"), wire=nobody)[0], [])

    def test_refused(self):
        for filter_, options in (("peer_pid = 1", []), ("tcp", [("fields", ("as", ["peer_name"]))])):
            reply = self.bus.ask("OpenMonitor", "a{sv}a{sv}", [self.expression(filter_), options])
            self.assertEqual(reply.error, INVALID, reply.body)
            self.assertIn("other end", reply.body[0])
        self.assertIn("autobound", self.refused(INVALID, "ListSockets", "a{sv}tu", [self.expression("autobound and peer_pid = 1"), 0, 0]))
        reply = self.bus.ask("OpenSockets", "a{sv}a{sv}", [self.expression("autobound"), [("fields", ("as", ["peer_pid"]))]])
        self.assertEqual(reply.error, INVALID, reply.body)


class Bounds(Typed):
    def test_memory(self):
        """Pairs count with the reading that they are of."""
        self.begin("ReadingMemoryMax=8M")
        self.hold_pairs(9500)
        nobody = self.wire(NOBODY)
        self.refused(LIMITS, "ListSockets", "a{sv}tu", [self.expression("family = unix and has peer_inode"), 0, 1], wire=nobody)
        rows, _, _ = self.listed(self.expression("family = unix and has peer_inode"), limit=1)
        self.assertEqual(len(rows), 1)
        # A stream of them cannot be had either; it ends before its end.
        run = self.call("--field", "peer_inode", "unix", user="nobody")
        self.assertNotIn(b"reading", run.stdout)


del Typed

if __name__ == "__main__":
    own_network()
    run_tests()
