#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon that tracks every network namespace: what it tells of them, to whom, and what it holds on to

Usage: test_namespaces.py SOCKETD SOCKCTL CALL CLOCK_JUMP SOCKETD_NETNS

The host has namespaces that are none of ours, and they change meanwhile: all
that is looked at is in those made here.
"""

import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import time

from test_bus import SOCKCTL, SOCKETD, own_network, run_tests, until
from test_events import CHANGED, NOBODY, SIGNAL, Monitored, connect, cookie, kinds

SOCKETD_NETNS = os.path.abspath(sys.argv[5])
PREFIX = f"t-{os.getpid()}-"
# The same ends in each: prints the kernel's cookies; with each line it reads it opens one more pair, or a
# socket that is bound to the device that the line names, and prints theirs.
HOLDER = r"""
import json, socket, struct, sys
def cookie(s):
    return struct.unpack("=Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
server = socket.create_server(("127.0.0.1", 8080))
def pair():
    return [socket.create_connection(("127.0.0.1", 8080)), server.accept()[0]]
sockets = [server, *pair(), socket.socket(type=socket.SOCK_DGRAM)]
sockets[-1].bind(("127.0.0.1", 5353))
print(json.dumps([cookie(s) for s in sockets]), flush=True)
for line in sys.stdin:
    if line.strip():
        sockets.append(socket.socket(type=socket.SOCK_DGRAM))
        sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, line.strip().encode())
        sockets[-1].bind(("0.0.0.0", 0))
        print(json.dumps([cookie(sockets[-1])]), flush=True)
        continue
    sockets += pair()
    print(json.dumps([cookie(s) for s in sockets[-2:]]), flush=True)
"""


def must(*command):
    subprocess.run([str(c) for c in command], check=True, timeout=30)


class Place:
    """A namespace by name, and a process with sockets in it."""
    made = 0

    def __init__(self, name=None):
        Place.made += 1
        self.name = name or f"{PREFIX}{Place.made}"
        must("ip", "netns", "add", self.name)
        must("ip", "-n", self.name, "link", "set", "lo", "up")
        self.ino = os.stat(f"/run/netns/{self.name}").st_ino
        self.child = subprocess.Popen(["ip", "netns", "exec", self.name, sys.executable, "-c", HOLDER], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.cookies = json.loads(self.child.stdout.readline())

    def connect(self, device=""):
        self.child.stdin.write(f"{device}\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def close(self):
        if self.child:
            self.child.stdin.close()
            self.child.wait(timeout=30)
            self.child.stdout.close()
            self.child = None
            must("ip", "netns", "del", self.name)


class Namespaces(Monitored):
    def begin(self, *lines, **options):
        super().begin("NamespacesMax=4096", *lines, **options)
        self.root = self.wire()

    def places(self, n):
        made = [Place() for _ in range(n)]
        for place in made:
            self.addCleanup(place.close)
        return made

    def listed(self, wire=None):
        """{inode number: (name, sockets)} of ListNamespaces."""
        return {ino: (name, n) for ino, name, n in (wire or self.root).ask("ListNamespaces").body[0]}

    def status_of(self, wire):
        return dict(wire.ask("GetStatus").body[0])

    def ear(self, uid=0):
        """Hears all signals of the Manager."""
        wire = self.wire(uid)
        wire.ask("AddMatch", "s", ["type='signal',interface='org.socketd1.Manager'"], interface="org.freedesktop.DBus",
                 path="/org/freedesktop/DBus", destination="org.freedesktop.DBus")
        return wire

    def hear(self, wire, done, what, seconds=20):
        """[(member, inode number)] until it is enough."""
        heard, end = [], time.monotonic() + seconds
        while not done(heard):
            self.assertLess(time.monotonic(), end, f"{what}: {heard}")
            # What it has read already waits in its buffer.
            if not wire.buffer and not select.select([wire.socket], [], [], 0.1)[0]:
                continue
            message = wire.read()
            if message.kind == SIGNAL and message.member in ("NamespaceAdded", "NamespaceRemoved"):
                self.assertEqual(message.signature, "t")
                heard.append((message.member, message.body[0]))
        return heard

    def rows(self, text):
        """What root is shown, by cookie."""
        run = subprocess.run([SOCKCTL, f"--bus=unix:path={self.private}", "show", "--json=short", "--columns=cookie,netns,netns_name,age,pid",
                              "--fresh", text], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        return {int(r["cookie"], 16): r for r in json.loads(run.stdout)["sockets"]}

    def has_all(self, places):
        told = self.listed()
        return all(p.ino in told and told[p.ino][1] >= len(p.cookies) for p in places)

    def descriptors(self):
        """Those that the daemon has beside the four that each other namespace takes."""
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd")) - 4 * (len(self.listed()) - 1)


class Following(Namespaces):
    def test_ten(self):
        """With the same addresses in each; and all is given back."""
        self.begin()
        before = until(self.descriptors, "descriptors")
        ear = self.ear(NOBODY)
        begin = time.monotonic()
        places = self.places(10)
        until(lambda: self.has_all(places), "all ten")
        wanted = {p.ino for p in places}
        heard = self.hear(ear, lambda h: wanted <= {ino for member, ino in h if member == "NamespaceAdded"}, "all are announced")
        for ino in wanted:
            # The number may have been that of another, which was let go of before.
            said = [member for member, i in heard if i == ino]
            self.assertEqual(said[-1], "NamespaceAdded")
            self.assertTrue(all(a != b for a, b in zip(said, said[1:])), said)
        told = self.listed()
        for p in places:
            self.assertEqual(told[p.ino][0], p.name)
        status = self.status_of(self.root)
        self.assertGreaterEqual(status["namespaces"], 11)
        self.assertEqual(status["namespaces-error"], "")
        self.settle(self.root)
        rows = self.rows("sport = :8080 or dport = :8080 or sport = :5353")
        for p in places:
            for c in p.cookies:
                self.assertEqual((rows[c]["netns"], rows[c]["netns_name"]), (p.ino, p.name))
                self.assertLessEqual(rows[c]["age"], (time.monotonic() - begin) * 1e6)
                # Remembered from a pass, not of this very reading.
                self.assertGreater(rows[c]["age"], 0)
        self.assertEqual(sum(r["netns"] in wanted for r in rows.values()), sum(len(p.cookies) for p in places))
        for p in places:
            p.close()
        until(lambda: not wanted & set(self.listed()), "all are let go of", 30)
        until(lambda: self.descriptors() <= before, "descriptors are given back")
        self.hear(ear, lambda h: {("NamespaceRemoved", ino) for ino in wanted} <= set(h), "all are told as gone")

    def test_come_and_go(self):
        """Two vanish and two appear, again and again while passes run: no row is lost, none doubled, each in its own."""
        self.begin("IntervalMinSec=100ms")
        places = self.places(4)
        for _ in range(6):
            for p in places[:2]:
                p.close()
            places = places[2:] + self.places(2)
            time.sleep(0.07)
        until(lambda: self.has_all(places), "those there are")
        self.settle(self.root)
        rows = self.rows("sport = :8080 or dport = :8080 or sport = :5353")
        for p in places:
            self.assertEqual({c for c, r in rows.items() if r["netns"] == p.ino}, set(p.cookies))
            self.assertTrue(all(rows[c]["age"] > 0 for c in p.cookies))
        made = {f"{PREFIX}{i + 1}" for i in range(Place.made)}
        left = {p.name for p in places}
        until(lambda: made & {name for name, _ in self.listed().values()} == left, "the others are let go of", 30)

    def test_who_is_told(self):
        """Root of all, others of their own: by ListNamespaces, GetStatus, monitors and signals."""
        self.begin()
        places = self.places(3)
        until(lambda: self.has_all(places), "all three")
        self.settle(self.root)
        own = os.stat("/proc/self/ns/net").st_ino
        nobody = self.wire(NOBODY)
        self.assertEqual(set(self.listed(nobody)), {own})
        self.assertNotIn("namespaces", self.status_of(nobody))
        with self.server() as server:
            port = server.getsockname()[1]
            text = f"sport = :8080 or dport = :8080 or sport = :{port} or dport = :{port}"
            lines, theirs = self.open(text), self.open(text, uid=NOBODY)
            subscriber = self.ear()
            self.assertIsNone(subscriber.ask("Subscribe").error)
            opened = {p.ino: p.connect() for p in places}
            client, accepted = connect(server)
            opened[own] = [cookie(client), cookie(accepted)]
            events = lines.until(lambda e: all(kinds(e, c) for pair in opened.values() for c in pair), "all opened")
            for ino, pair in opened.items():
                for c in pair:
                    self.assertEqual(kinds(events, c), ["opened"])
                    row = next(e["socket"] for e in events if e.get("socket", {}).get("cookie") == f"{c:x}")
                    self.assertEqual(row["netns"], ino)
            for p in places:
                self.assertIn(p.name, {e["socket"].get("netns_name") for e in events if "socket" in e})
            seen = theirs.until(lambda e: kinds(e, client) and kinds(e, accepted), "their own") + theirs.read(0.5)
            self.assertEqual({e["socket"]["netns"] for e in seen if "socket" in e}, {own})
            # Signals on a bus are for anybody.
            rows = []
            while not {c for pair in [opened[own]] for c in pair} <= {r[0] for r in rows}:
                message = subscriber.read()
                if message.kind == SIGNAL and message.signature == CHANGED:
                    rows += message.body[1] + message.body[2]
            self.assertEqual({r[1] for r in rows}, {own})
            client.close()
            accepted.close()

    def test_monitor_sees_one_that_comes(self):
        """Its sockets are told as opened, with its name, and as closed when it goes."""
        self.begin()
        lines = self.open("sport = :8080 or dport = :8080")
        self.settle(self.root)
        place = self.places(1)[0]
        pair = place.cookies[1:3]
        events = lines.until(lambda e: all(kinds(e, c) for c in pair), "opened")
        for c in pair:
            row = next(e["socket"] for e in events if e["socket"]["cookie"] == f"{c:x}")
            self.assertEqual((row["netns"], row["netns_name"]), (place.ino, place.name))
            self.assertIn(place.child.pid, [o["pid"] for o in row["owners"]])
        place.close()
        lines.until(lambda e: all("closed" in kinds(e, c) for c in pair), "closed", 20)

    def test_devices(self):
        """A device of another namespace is named, though it came since, and by its new name when it has one."""
        self.begin()
        place = self.places(1)[0]
        until(lambda: self.has_all([place]), "the namespace")
        lines = self.open("udp")
        for name, command in (("va0", ["add", "va0", "type", "veth", "peer", "name", "vb0"]), ("vc9", ["set", "va0", "name", "vc9"])):
            must("ip", "-n", place.name, "link", *command)
            bound = place.connect(name)[0]
            events = lines.until(lambda e: kinds(e, bound), "opened")
            row = next(e["socket"] for e in events if e["socket"]["cookie"] == f"{bound:x}")
            self.assertEqual((row["netns"], row["dev"]), (place.ino, name))

    def test_reload(self):
        """NamespacesMax is read again: none are left, and all come back."""
        self.begin()
        place = self.places(1)[0]
        until(lambda: self.has_all([place]), "the namespace")
        self.write("IntervalMinSec=100ms", "CPUQuota=100%", "NamespacesMax=0")
        self.daemon.send_signal(1)
        until(lambda: len(self.listed()) == 1, "its own alone")
        self.assertEqual(self.status_of(self.root)["namespaces-error"], "NamespacesMax=0")
        self.write("IntervalMinSec=100ms", "CPUQuota=100%", "NamespacesMax=4096")
        self.daemon.send_signal(1)
        until(lambda: self.has_all([place]), "all again")


class Rights(Namespaces):
    """As the service is: root here, but without CAP_SYS_ADMIN, and with a /run of its own for the helper's socket."""

    def start_without(self, helper):
        self.write("IntervalMinSec=100ms", "CPUQuota=100%", "NamespacesMax=4096")
        self.bus = self.start_bus()
        script = "mount -t tmpfs none /run || exit 1\n"
        if helper:
            script += f"'{SOCKETD_NETNS}' --listen=/run/socketd-netns --user=root & sleep 0.3\n"
        script += (f"exec setpriv --bounding-set=-sys_admin '{SOCKETD}' --bus={self.address} --private={self.private} "
                   f"--config={self.file}")
        with open(self.dir / "log", "a", encoding="utf-8") as log:
            self.daemon = self.start("unshare", "-m", "sh", "-c", script, stderr=log, start_new_session=True)
        self.addCleanup(self.end_group, self.daemon.pid)
        self.wait_for_name()
        self.root = self.wire()

    @staticmethod
    def end_group(pid):
        """The daemon and, where there is one, the helper."""
        try:
            os.killpg(pid, 9)
        except ProcessLookupError:
            pass

    def test_not_allowed(self):
        self.start_without(helper=False)
        place = self.places(1)[0]
        status = until(lambda: (s := self.status_of(self.root)).get("namespaces-hidden") and s, "it is said")
        self.assertEqual(status["namespaces"], 1)
        self.assertRegex(status["namespaces-error"], "not allowed")
        self.assertNotIn(place.ino, self.listed())
        text = subprocess.run([SOCKCTL, f"--bus=unix:path={self.private}", "status"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(text, r"Namespaces: 1, \d+ more hidden: not allowed")

    def test_helper(self):
        self.start_without(helper=True)
        before = until(self.descriptors, "descriptors")
        places = self.places(3)
        until(lambda: self.has_all(places), "all three")
        self.assertEqual(self.status_of(self.root)["namespaces-error"], "")
        caps = int(pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii").split("CapEff:")[1].split()[0], 16)
        self.assertFalse(caps & 1 << 21)  # CAP_SYS_ADMIN
        for p in places:
            p.close()
        until(lambda: not {p.ino for p in places} & set(self.listed()), "all are let go of", 30)
        until(lambda: self.descriptors() <= before, "descriptors are given back")


if __name__ == "__main__":
    own_network()
    run_tests()
