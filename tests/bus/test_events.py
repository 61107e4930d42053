#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events on the bus: monitors and subscribers, what they are told, what they are not, and what they may cost

Usage: test_events.py SOCKETD SOCKCTL CALL
"""

import collections
import json
import os
import pathlib
import pwd
import select
import signal
import socket
import struct
import subprocess
import sys
import time

from test_bus import Case, SANITIZER_FACTOR, own_network, run_tests, until
from wire import Wire

# AddressSanitizer keeps freed memory for a while: that would be all there is to see.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"

SIGNAL = 4
CHANGED = "ta({0})a({0})a(tt)t".format("ttyuyayqayquuuus")
NOBODY = pwd.getpwnam("nobody").pw_uid


def cookie(s):
    return struct.unpack("=Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]  # SO_COOKIE


def connect(server):
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    return client, accepted


def short_connections(n, port=0):
    """Opens and closes n connections: 2n sockets. Resets, so that no TIME-WAIT is left."""
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        for _ in range(n):
            client, accepted = connect(server)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            accepted.close()


def drops():
    """What the kernel dropped of all netlink sockets in this network namespace: ours are the daemon's."""
    with open("/proc/net/netlink", encoding="ascii") as f:
        return sum(int(line.split()[8]) for line in f.readlines()[1:])


def close_and_hear(sockets):
    """Until the kernel told of their ends, which it does later, from a work queue: a listener of our own hears it too."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as ear:  # NETLINK_SOCK_DIAG
        ear.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        ear.settimeout(30)
        ear.bind((0, 1 << 1))  # SKNLGRP_INET_UDP_DESTROY
        for s in sockets:
            s.close()
        for _ in sockets:
            ear.recv(4096)


class Lines:
    """What a monitor sends, read as it comes."""

    def __init__(self, fd):
        self.fd, self.data = fd, b""

    def read(self, seconds):
        """Events of so many seconds; None at the end of the stream."""
        events, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            data = os.read(self.fd, 1 << 20)
            if not data:
                return None
            self.data += data
            *lines, self.data = self.data.split(b"\n")
            events += [json.loads(line.lstrip(b"\x1e")) for line in lines]
        return events

    def until(self, condition, what, seconds=10):
        events, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            events += self.read(0.1) or []
            if condition(events):
                return events
        raise AssertionError(f"in {seconds} s: {what}: {events}")

    def close(self):
        os.close(self.fd)


def kinds(events, s):
    """What was told of a socket, in order."""
    return [e["event"] for e in events if e.get("socket", {}).get("cookie") == f"{cookie(s) if isinstance(s, socket.socket) else s:x}"]


class Monitored(Case):
    def begin(self, *lines, bus=True):
        self.write("IntervalMinSec=100ms", "CPUQuota=100%", *lines)
        if bus:
            self.bus = self.start_bus()
        self.daemon = self.start_daemon(bus=bus)

    def memory(self):
        text = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        return int(text.split("VmRSS:")[1].split()[0]) * 1024

    def wire(self, uid=0, bus=True):
        wire = Wire(self.bus_path if bus else self.private, bus=bus, uid=uid)
        self.addCleanup(wire.close)
        return wire

    def server(self):
        """A listener, which is known already and not told to open."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        self.settle(self.wire(bus=self.bus_path.exists()))
        return server

    def open(self, expression="", uid=0, wire=None, **options):
        wire = wire or self.wire(uid)
        signatures = {"format": "s", "fields": "as", "initial": "b"}
        reply = wire.ask("OpenMonitor", "a{sv}a{sv}", [[("expression", ("s", expression))],
                                                       [(k, (signatures[k], v)) for k, v in options.items()]])
        self.assertIsNone(reply.error, reply.body)
        lines = Lines(wire.fds.pop(0))
        self.addCleanup(lines.close)
        return lines

    def settle(self, wire):
        """All that is there now is known: two passes from now."""
        generation = lambda: dict(wire.ask("GetStatus").body[0]).get("generation", 0)
        now = generation()
        until(lambda: generation() >= now + 2, "two passes")


class Monitors(Monitored):
    def test_open_change_close(self):
        self.begin()
        with self.server() as server:
            port = server.getsockname()[1]
            lines = self.open(f"sport = :{port} or dport = :{port}")
            client, accepted = connect(server)
            events = lines.until(lambda e: kinds(e, client) and kinds(e, accepted), "both opened")
            self.assertEqual({e["socket"]["state"] for e in events}, {"ESTAB"})
            self.assertEqual({o["pid"] for e in events for o in e["socket"]["owners"]}, {os.getpid()})
            # Half closed: the other end sees CLOSE-WAIT in the next pass.
            client.shutdown(socket.SHUT_WR)
            events = lines.until(lambda e: "changed" in kinds(e, accepted), "a change of state")
            change = next(e for e in events if kinds([e], accepted))
            self.assertEqual((change["old_state"], change["socket"]["state"]), ("ESTAB", "CLOSE-WAIT"))
            accepted.sendall(b"x" * 5000)
            client.recv(5000, socket.MSG_WAITALL)
            gone = cookie(client), cookie(accepted)
            accepted.close()
            client.close()
            events = lines.until(lambda e: all(kinds(e, g)[-1:] == ["closed"] for g in gone), "both closed")
            last = next(e["socket"] for e in events if e["event"] == "closed" and e["socket"]["cookie"] == f"{gone[1]:x}")
            # The counter has the FIN too, and the SYN of the accepting side.
            self.assertIn(last["tcpi_bytes_acked"], range(5000, 5003))
            self.assertGreater(last["age"] if "age" in last else 1, 0)
            self.assertEqual(lines.read(0.5), [])

    def test_filter_with_a_state_matches_what_was(self):
        self.begin()
        with self.server() as other, self.server() as server:
            lines = self.open(f"state established and sport = :{server.getsockname()[1]}")
            client, accepted = connect(server)
            others = connect(other)
            lines.until(lambda e: kinds(e, accepted), "opened")
            gone = cookie(accepted)
            for s in (client, accepted, *others):
                s.close()
            events = lines.until(lambda e: "closed" in kinds(e, gone), "closed, though it is not established then")
            events += lines.read(0.5)
            self.assertEqual({e["socket"]["cookie"] for e in events}, {f"{gone:x}"})

    def test_initial(self):
        self.begin()
        with self.server() as server:
            port = server.getsockname()[1]
            pairs = [connect(server) for _ in range(50)]
            self.settle(self.wire())
            expected = {f"{cookie(s):x}" for s in [server] + [p for pair in pairs for p in pair]}
            lines = self.open(f"sport = :{port} or dport = :{port}", initial=1, fields=["cookie", "state", "pid"])
            events = lines.until(lambda e: "synced" in [x["event"] for x in e], "synced")
            present = [e["socket"]["cookie"] for e in events if e["event"] == "present"]
            self.assertEqual((set(present), len(present)), (expected, len(expected)))
            self.assertEqual([e["event"] for e in events if "socket" in e and e["event"] != "present"], [])
            self.assertEqual({o["pid"] for e in events if "socket" in e for o in e["socket"]["owners"]}, {os.getpid()})
            for pair in pairs:
                for s in pair:
                    s.close()
            events = lines.until(lambda e: sum(x["event"] == "closed" for x in e) >= 100, "all closed")
            self.assertEqual({e["socket"]["cookie"] for e in events if e["event"] == "closed"} | {f"{cookie(server):x}"}, expected)

    def test_device_that_came_later(self):
        """Its name is told, to all, and filters know it."""
        self.begin()
        with self.server():
            root, user = self.open("udp"), self.open("udp", uid=NOBODY)
            named, packed = self.open("udp and dev = later0"), self.open("udp", format="packed")
            if subprocess.run(["ip", "link", "add", "later0", "type", "bridge"], check=False, stderr=subprocess.DEVNULL).returncode:
                self.skipTest("no bridges here")
            self.addCleanup(subprocess.run, ["ip", "link", "del", "later0"], check=False, stderr=subprocess.DEVNULL)
            time.sleep(1.1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"later0")
                s.bind(("0.0.0.0", 0))
                for who, lines in (("root", root), ("user", user), ("named", named)):
                    events = lines.until(lambda e: kinds(e, s), f"opened, to {who}")
                    self.assertEqual({e["socket"]["dev"] for e in events if kinds([e], s)}, {"later0"})
            time.sleep(0.5)
            self.assertIn(b"later0", os.read(packed.fd, 1 << 20))

    def test_formats(self):
        self.begin()
        with self.server() as server:
            seq, packed = self.open("tcp", format="json-seq"), self.open("tcp", format="packed")
            client, accepted = connect(server)
            client.close()
            accepted.close()
            time.sleep(0.5)
            data = os.read(seq.fd, 1 << 20)
            self.assertEqual(data[:1], b"\x1e")
            self.assertEqual({json.loads(r)["event"] for r in data[1:].split(b"\x1e")}, {"opened", "closed"})
            self.assertEqual(os.read(packed.fd, 8), b"\x89SKD\r\n\x1a\n")

    def test_refusals(self):
        self.begin()
        wire = self.wire()
        ask = lambda filter_, options: wire.ask("OpenMonitor", "a{sv}a{sv}", [filter_, options])
        invalid = "org.freedesktop.DBus.Error.InvalidArgs"
        self.assertEqual(ask([("expression", ("s", "state nowhere"))], []).error, "org.socketd1.InvalidFilter")
        for options in ([("format", ("s", "xml"))], [("initial", ("s", "yes"))], [("max-age-usec", ("t", 1))],
                        [("fields", ("as", ["nope"]))], [("fields", ("as", ["pid"])), ("fields", ("as", ["pid"]))]):
            self.assertEqual(ask([], options).error, invalid, options)
        self.assertEqual(dict(wire.ask("GetStatus").body[0])["monitors"], 0)

    def test_ends_when_the_reader_does(self):
        self.begin()
        wire = self.wire()
        monitors = lambda: dict(wire.ask("GetStatus").body[0])["monitors"]
        for options in ([], [("initial", ("b", 1))]):
            replies = [wire.ask("OpenMonitor", "a{sv}a{sv}", [[], options]) for _ in range(5)]
            self.assertEqual([r.error for r in replies], [None] * 5)
            until(lambda: monitors() == 5 and len(wire.fds) == 5, "five monitors")
            for fd in wire.fds:
                os.close(fd)
            wire.fds = []
            until(lambda: monitors() == 0, "none of them")


class Privacy(Monitored):
    """Who is not root learns of events what the kernel would have told, and no more."""

    def test_owners_and_marks_of_others(self):
        self.begin()
        with self.server() as server:
            port = server.getsockname()[1]
            where = f"dport = :{port}"
            root, user = self.open(where), self.open(where, uid=NOBODY)
            guess, initial = self.open(f"{where} and pid = {os.getpid()}", uid=NOBODY), self.open(where, uid=NOBODY, initial=1)
            packed = self.open(where, uid=NOBODY, format="packed")
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x5eed)
            client.connect(server.getsockname())
            accepted, _ = server.accept()
            seen = root.until(lambda e: kinds(e, client), "opened, to root")
            self.assertEqual([o["pid"] for o in seen[-1]["socket"]["owners"]], [os.getpid()])
            gone = cookie(client)
            told = user.until(lambda e: kinds(e, client), "opened, to nobody")
            accepted.close()  # TIME-WAIT is its, so that the client's end is seen at once
            client.close()
            root_told = root.until(lambda e: "closed" in kinds(e, gone), "closed, to root")
            told += user.until(lambda e: "closed" in kinds(e, gone), "closed, to nobody")
            told += initial.until(lambda e: "closed" in kinds(e, gone), "closed")
            self.assertIn("tcpi_rtt", told[-1]["socket"])
            self.assertEqual(root_told[-1]["socket"].get("owners", [{}])[0].get("pid"), os.getpid())
            for e in told:
                self.assertFalse({"owners", "sk_mark", "ulp_name", "md5sig_peers"} & set(e.get("socket", {})), e)
            self.assertEqual(guess.read(0.2), [])
            data = os.read(packed.fd, 1 << 20)
            self.assertIn(struct.pack("=Q", gone), data)
            self.assertNotIn(b"python", data)
            self.assertNotIn(struct.pack("=I", 0x5eed), data)

    def test_signals_name_no_owners(self):
        self.begin()
        wire = self.wire(NOBODY)
        wire.ask("AddMatch", "s", ["type='signal',interface='org.socketd1.Manager'"], interface="org.freedesktop.DBus",
                 path="/org/freedesktop/DBus", destination="org.freedesktop.DBus")
        self.assertIsNone(wire.ask("Subscribe").error)
        peer = self.wire(bus=False)
        self.assertIsNone(peer.ask("Subscribe").error)
        self.settle(peer)
        with socket.create_server(("127.0.0.1", 0)) as server:
            for w, pid in ((wire, 0), (peer, os.getpid())):
                row = next(r for signal in signals(w) for r in signal[1] if r[0] == cookie(server))
                self.assertEqual((row[6], row[12]), (server.getsockname()[1], pid))
                self.assertEqual(bool(row[13]), pid != 0)


def signals(wire, n=50):
    """Bodies of SocketsChanged as they come."""
    for _ in range(n):
        message = wire.read()
        if message.kind == SIGNAL and message.signature == CHANGED:
            yield message.body


class Subscribers(Monitored):
    def begin(self, *lines, bus=True):
        super().begin(*lines, bus=bus)
        self.status = self.wire(bus=bus)
        self.settle(self.status)

    def subscribe(self, bus=True):
        wire = self.wire(bus=bus)
        if bus:
            wire.ask("AddMatch", "s", ["type='signal',interface='org.socketd1.Manager'"], interface="org.freedesktop.DBus",
                     path="/org/freedesktop/DBus", destination="org.freedesktop.DBus")
        self.assertIsNone(wire.ask("Subscribe").error)
        self.assertIsNone(wire.ask("Subscribe").error)
        return wire

    def count(self):
        return dict(self.status.ask("GetStatus").body[0])["subscribers"]

    def check_rows(self, bus):
        wire = self.subscribe(bus)
        self.assertEqual(self.count(), 1)
        with socket.create_server(("127.0.0.1", 0)) as server:
            client, accepted = connect(server)
            wanted = {cookie(client): "added", cookie(accepted): "added"}
            for _, added, _, _, lost in signals(wire):
                self.assertEqual(lost, 0)
                for row in added:
                    wanted.pop(row[0], None)
                    if row[0] == cookie(client):
                        self.assertEqual((row[2], row[3], row[4]), (socket.AF_INET, 6, 1))
                        self.assertEqual((row[5], row[7]), (socket.inet_aton("127.0.0.1"),) * 2)
                        self.assertEqual(row[6], client.getsockname()[1])
                if not wanted:
                    break
            client.shutdown(socket.SHUT_WR)
            states = next({r[0]: r[4] for r in changed} for _, _, changed, _, _ in signals(wire)
                          if cookie(accepted) in [r[0] for r in changed])
            self.assertEqual(states[cookie(accepted)], 8)  # CLOSE-WAIT
            gone = {cookie(client), cookie(accepted)}
            client.close()
            accepted.close()
            for _, _, _, removed, _ in signals(wire):
                self.assertEqual({netns for netns, _ in removed} - {os.stat("/proc/self/ns/net").st_ino}, set())
                gone -= {c for _, c in removed}
                if not gone:
                    break
        self.assertIsNone(wire.ask("Unsubscribe").error)
        until(lambda: self.count() == 0, "nobody subscribes")
        self.assertEqual(wire.ask("Unsubscribe").error, "org.freedesktop.DBus.Error.InvalidArgs")

    def test_on_a_bus(self):
        self.begin()
        self.check_rows(True)

    def test_of_a_peer(self):
        self.begin(bus=False)
        self.check_rows(False)

    def test_who_leaves_is_forgotten(self):
        self.begin()
        a, b = self.subscribe(), self.subscribe()
        peer = self.subscribe(bus=False)
        self.assertEqual(self.count(), 3)
        a.close()
        b.close()
        until(lambda: self.count() == 1, "the peer alone")
        peer.close()
        # A peer is missed when there is something to tell, or at once.
        short_connections(5)
        until(lambda: self.count() == 0, "nobody")

    def test_bus_that_hangs(self):
        """Who subscribes is watched for, and nobody else waits for that."""
        self.begin()
        peer, wire = self.wire(bus=False), self.wire()
        # So that it is known already whose call it is.
        self.assertEqual([wire.ask(member).error for member in ("Subscribe", "Unsubscribe")], [None, None])
        self.daemon.send_signal(signal.SIGSTOP)
        serial = wire.send("Subscribe")
        time.sleep(0.5)
        self.bus.send_signal(signal.SIGSTOP)
        self.daemon.send_signal(signal.SIGCONT)
        try:
            time.sleep(0.1)
            begin = time.monotonic()
            self.assertEqual(dict(peer.ask("GetStatus").body[0])["subscribers"], 1)
            self.assertLess(time.monotonic() - begin, 2)
        finally:
            self.bus.send_signal(signal.SIGCONT)
        self.assertIsNone(wire.reply(serial).error)
        # Who left before that is missed likewise.
        self.daemon.send_signal(signal.SIGSTOP)
        late = self.wire()
        late.send("Subscribe")
        time.sleep(0.5)
        late.close()
        wire.close()
        self.daemon.send_signal(signal.SIGCONT)
        until(lambda: self.count() == 0, "nobody")

    def test_ticks_and_sums(self):
        """Signals come a quarter of a second apart, at most 500 rows each, and all rows are told or counted."""
        self.begin(bus=False)
        wire = self.subscribe(bus=False)
        self.settle(self.status)
        n = 1000
        short_connections(n)
        rows, lost, times = 0, 0, []
        # Two sockets a connection that open and close, the listener likewise, and our own connection to the daemon.
        for _, added, changed, removed, missing in signals(wire, 1000):
            times.append(time.monotonic())
            self.assertLessEqual(len(added) + len(changed) + len(removed), 500)
            rows += len(added) + len(removed)
            lost += missing
            if rows + lost >= 4 * n + 4:
                break
        self.assertEqual(rows + lost, 4 * n + 4)
        self.assertGreaterEqual(len(times), 8)
        # The reader is not always awake in time, but on the whole.
        self.assertGreater(times[-1] - times[0], 0.25 * (len(times) - 1) * 0.8)

    def test_slow_subscriber(self):
        """Who does not read costs a bounded queue, and is told later how much it missed."""
        self.begin(bus=False)
        wire = self.subscribe(bus=False)
        self.settle(self.status)
        before = self.memory()
        n = 6000
        short_connections(n)
        time.sleep(2)
        self.assertLess(self.memory() - before, 24 * 1024 * 1024 * SANITIZER_FACTOR)
        rows = lost = 0
        for _, added, _, removed, missing in signals(wire, 1000):
            rows += len(added) + len(removed)
            lost += missing
            if rows + lost >= 4 * n + 4:
                break
        self.assertEqual(rows + lost, 4 * n + 4)
        self.assertGreater(lost, 0)


class Costs(Monitored):
    def test_reader_that_stops(self):
        """Its queue is bounded, what it misses is counted, and what it gets later adds up."""
        self.begin("MonitorQueueMax=64K")
        fast, slow = self.open("tcp"), self.open("tcp")
        self.settle(self.wire())
        before, n, port = self.memory(), 5000, 4321
        counts = collections.Counter()

        def take(lines, events):
            for e in events:
                counts[lines, "lost" if e["event"] == "overflow" else e["event"]] += e.get("lost", 1)

        with socket.create_server(("127.0.0.1", port), backlog=64) as server:
            for i in range(n):
                client, accepted = connect(server)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                accepted.close()
                if i % 10 == 0:
                    take("fast", fast.read(0.001))
        # On a busy machine more than a second's worth waits.
        while events := fast.read(1):
            take("fast", events)
        grown = self.memory() - before
        while events := slow.read(1):
            take("slow", events)
        for who in ("fast", "slow"):
            total = sum(counts[who, kind] for kind in ("opened", "closed", "lost"))
            # Twice two sockets a connection, and the listener, which lived long enough to be seen or not.
            self.assertIn(total - 4 * n, (0, 1, 2), (who, counts))
        self.assertGreater(counts["slow", "lost"], n)
        self.assertGreater(counts["slow", "opened"], 10)
        # The queue, its doubling, and what the allocator keeps of it.
        self.assertLess(grown, 16 * 1024 * 1024 * SANITIZER_FACTOR)

    def test_dropped_by_the_kernel(self):
        """It drops notices of sockets that passes saw and of others: what is told and what is lost make up the whole."""
        self.begin("MonitorQueueMax=64M", bus=False)
        wire = self.wire(bus=False)
        lines = self.open("udp", wire=wire, fields=["cookie"])
        self.settle(wire)
        n_seen, n_unseen = 500, 0
        seen = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n_seen)]
        for s in seen:
            s.bind(("127.0.0.1", 0))
        cookies = {f"{cookie(s):x}" for s in seen}
        counts = collections.Counter()
        opened, closed = [], []

        def sum_of(events):
            for e in events:
                counts[e["event"]] += e["lost"] if e["event"] == "overflow" else 1
                where = {"opened": opened, "closed": closed}.get(e["event"], [])
                where += {e["socket"]["cookie"]} & cookies if "socket" in e else []
            return sum(counts.values())

        until(lambda: sum_of(lines.read(0.2)) == n_seen, "all opened")
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            while drops() < 1000:
                close_and_hear([socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(300)])
                n_unseen += 300
            close_and_hear(seen)
            time.sleep(0.1)
            dropped = drops()
        finally:
            self.daemon.send_signal(signal.SIGCONT)
        whole = 2 * (n_seen + n_unseen)
        until(lambda: sum_of(lines.read(0.2)) >= whole, f"all of {whole} told or lost", 30)
        sum_of(lines.read(1))
        print(f"the kernel dropped {dropped}: {dict(counts)}", file=sys.stderr)
        self.assertGreaterEqual(dropped, n_seen)
        self.assertEqual(sum(counts.values()), whole)
        self.assertGreaterEqual(counts["overflow"], 2 * (dropped - n_seen))
        self.assertEqual((len(opened), set(opened)), (n_seen, cookies))
        self.assertEqual((len(closed), set(closed)), (n_seen, cookies))

    def test_stalled_reader_is_closed_and_a_quiet_one_is_not(self):
        self.begin("MonitorQueueMax=16K", "StreamStallSec=500ms")
        wire = self.wire()
        quiet, stalled = self.open("udp", wire=wire), self.open("tcp", wire=wire)
        monitors = lambda: dict(wire.ask("GetStatus").body[0])["monitors"]
        self.settle(wire)
        self.assertEqual(monitors(), 2)
        short_connections(500)
        until(lambda: monitors() == 1, "the stalled one to be closed", 5)
        time.sleep(0.7)
        self.assertEqual(monitors(), 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            quiet.until(lambda e: kinds(e, s), "an event")
        self.assertIsNone(stalled.read(1))

    def test_events_are_made_for_listeners_only(self):
        """Without one nothing is put together, and so nothing can be lost."""
        self.begin()
        wire = self.wire()
        self.settle(wire)
        short_connections(3000)
        time.sleep(0.3)
        status = dict(wire.ask("GetStatus").body[0])
        self.assertEqual(status["events-lost"], 0)
        self.assertGreaterEqual(status["closed"], 6000)


if __name__ == "__main__":
    own_network()
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("1024 65000", encoding="ascii")
    run_tests()
