#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""socketd.conf at work: every key makes a difference, every limit is gone over, a mistake changes nothing

Usage: test_config.py SOCKETD SOCKCTL CALL
"""

import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

from test_bus import SOCKETD, Case, own_network, run_tests, until
from wire import Wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY, OTHER, THIRD = (pwd.getpwnam(name).pw_uid for name in ("nobody", "daemon", "bin"))
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"
TOO_MANY = "org.socketd1.TooManyStreams"


def print_config(*arguments, prefix=()):
    return subprocess.run([*prefix, SOCKETD, "--print-config", *arguments], capture_output=True, text=True, check=False)


def values(text):
    lines = text.splitlines()
    assert lines[0] == "[Socketd]"
    return dict(line.split("=", 1) for line in lines[1:])


class Files(Case):
    def test_manual_has_every_key(self):
        manual = (ROOT / "docs/socketd.conf.5.scd").read_text(encoding="utf-8")
        defaults = values(print_config("--config=/dev/null").stdout)
        paragraphs = {}
        for paragraph in re.split(r"\n\n", manual):
            head = paragraph.strip("\n").splitlines()[0] if paragraph.strip() else ""
            if head.startswith("*"):
                for key in re.findall(r"\*(\w+)=\*", head):
                    paragraphs[key] = paragraph
        self.assertEqual(set(paragraphs), set(defaults))
        for key, default in defaults.items():
            text = " ".join(paragraphs[key].split())
            told = re.search(r"Defaults?: ([^.]+(?:\.\d[^.]*)?)\.", text).group(1).split(", ")
            self.assertIn(default, told, key)
            self.write(f"{key}=0")
            wrong = print_config(f"--config={self.file}").stderr
            limits = re.search(r"from (\S+) to (\S+)$", wrong.strip())
            if limits:
                self.assertIn(f"rom {limits.group(1)} to {limits.group(2)}.", text, key)

    def test_example_is_the_defaults(self):
        example = (ROOT / "systemd/socketd.conf").read_text(encoding="utf-8")
        self.write_text(example)
        self.assertEqual(print_config(f"--config={self.file}").stdout, print_config("--config=/dev/null").stdout)
        self.write_text(re.sub(r"^#(\w+=)", r"\1", example, flags=re.M))
        lines = [line for line in self.file.read_text().splitlines() if "=" in line and not line.startswith("#")]
        self.assertEqual(["[Socketd]"] + lines, print_config("--config=/dev/null").stdout.splitlines())

    def test_what_is_printed_is_read_back(self):
        self.write("IntervalMinSec=1500ms", "CPUQuota=0.7%", "TableMemoryMax=100000K", "StreamsMax=9", "LogLevel=err")
        first = print_config(f"--config={self.file}")
        self.assertEqual(first.returncode, 0)
        self.write_text(first.stdout)
        self.assertEqual(print_config(f"--config={self.file}").stdout, first.stdout)
        self.assertEqual(values(first.stdout)["CPUQuota"], "0.7%")

    def test_mistake_names_file_and_line(self):
        self.write("StreamsMax=0")
        run = print_config(f"--config={self.file}")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr, f"socketd: {self.file}:2: StreamsMax=0: it must be a number from 1 to 1024\n")

    def test_daemon_does_not_start_with_a_mistake_in_a_named_file(self):
        self.write("Streams=1")
        run = subprocess.run([SOCKETD, f"--config={self.file}", "--bus=none", f"--private={self.private}"], capture_output=True,
                             text=True, check=False, timeout=10)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stderr.count("\n"), 1)
        self.assertIn(f"{self.file}:2:", run.stderr)

    def test_system_places(self):
        """/etc before /run before /usr/lib, sorted by name: on copies of these folders in a mount namespace of its own."""
        script = """
            set -e
            mount -t tmpfs none "$1"
            for d in etc run usr-lib; do mkdir -p "$1/$d" "$1/$d.work"; done
            mount -t overlay none -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/etc.work" /etc
            mount -t overlay none -o "lowerdir=/usr/lib,upperdir=$1/usr-lib,workdir=$1/usr-lib.work" /usr/lib
            mount -t tmpfs none /run
            rm -rf /etc/socketd
            mkdir -p /etc/socketd/socketd.conf.d /run/socketd/socketd.conf.d /usr/lib/socketd/socketd.conf.d
            put() { f=$1; shift; { echo '[Socketd]'; for l; do echo "$l"; done; } >"$f"; }
            put /etc/socketd/socketd.conf StreamsMax=1 MonitorsMax=1 CursorsMax=1 ConnectionsMax=1
            put /etc/socketd/socketd.conf.d/20-a.conf StreamsMax=20
            put /run/socketd/socketd.conf.d/20-a.conf StreamsMax=21 SubscribersMax=21
            put /run/socketd/socketd.conf.d/30-b.conf MonitorsMax=30 CursorsMax=30
            put /usr/lib/socketd/socketd.conf.d/30-b.conf MonitorsMax=31 CallsPerSender=31
            put /usr/lib/socketd/socketd.conf.d/10-c.conf StreamsMax=10 CursorsMax=10
            put /usr/lib/socketd/socketd.conf.d/40-d.conf ConnectionsMax=40
            ln -s /dev/null /etc/socketd/socketd.conf.d/40-d.conf
            "$2" --print-config
            echo 'StreamsMax=x' >>/etc/socketd/socketd.conf.d/20-a.conf
            "$2" --bus=none --private="$1/private" --version >/dev/null
            exec timeout -s INT 1 "$2" --bus=none --private="$1/private"
        """
        run = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(self.dir), SOCKETD], capture_output=True, text=True,
                             check=False, timeout=20)
        # In a chroot, where / is no mount, unshare cannot keep its mounts to itself.
        if run.stderr.startswith(("unshare:", "mount:")):
            self.skipTest(f"no mounts of one's own here: {run.stderr.strip()}")
        got = values(run.stdout)
        want = {"StreamsMax": "20", "MonitorsMax": "30", "CursorsMax": "30", "ConnectionsMax": "1", "SubscribersMax": "256",
                "CallsPerSender": "16"}
        self.assertEqual({k: got[k] for k in want}, want)
        # A daemon of the system starts all the same.
        self.assertIn("20-a.conf:3: StreamsMax=x: it must be a number from 1 to 1024; the defaults hold", run.stderr)
        self.assertIn("listening at", run.stderr)


class Reload(Case):
    def notifications(self):
        received = []
        while True:
            try:
                text = self.notify.recv(4096).decode()
                if not text.startswith("STATUS="):
                    received.append(text)
            except BlockingIOError:
                return received

    def test_hangup(self):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.addCleanup(self.notify.close)
        self.notify.bind(str(self.dir / "notify"))
        os.environ["NOTIFY_SOCKET"] = str(self.dir / "notify")
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
        self.write("ConnectionsMax=2")
        daemon = self.start_daemon(bus=False)
        until(lambda: any("READY=1" in n for n in self.notifications()), "READY=1")
        self.assertEqual(self.open_connections(4), 2)
        self.write("ConnectionsMax=3")
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "configuration read again" in self.log(), "a line in the log")
        told = self.notifications()
        self.assertRegex(told[0], r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        self.assertEqual(told[1], "READY=1")
        self.assertEqual(self.open_connections(4), 3)
        self.write("ConnectionsMax=4", "CPUQuota=7")
        daemon.send_signal(signal.SIGHUP)
        until(lambda: f"{self.file}:3: CPUQuota=7: it must be a share" in self.log(), "the mistake in the log")
        self.assertIn("the old values stay", self.log())
        self.assertEqual(self.open_connections(5), 3)
        self.file.unlink()
        daemon.send_signal(signal.SIGHUP)
        until(lambda: f"{self.file}: cannot read it: No such file" in self.log(), "the missing file in the log")
        self.assertIsNone(daemon.poll())

    def open_connections(self, n):
        """How many of so many connections are served."""
        peers, served = [], 0
        for _ in range(n):
            try:
                peers.append(Wire(self.private))
                served += peers[-1].ask("Get", "ss", ["org.socketd1.Manager", "Version"],
                                        interface="org.freedesktop.DBus.Properties").kind == 2
            except (ConnectionError, OSError):
                pass
        for peer in peers:
            peer.close()
        time.sleep(0.1)
        return served

    def test_log_level(self):
        self.write("LogLevel=err")
        daemon = self.start_daemon(bus=False)
        self.assertEqual(self.log(), "")
        self.write("LogLevel=info")
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "configuration read again" in self.log(), "a line in the log")


class Limits(Case):
    """Each over its bound by one, with small bounds."""

    def begin(self, *lines):
        self.write("IntervalMinSec=100ms", *lines)
        self.start_bus()
        self.daemon = self.start_daemon()
        self.wires = []

    def tearDown(self):
        for wire in getattr(self, "wires", []):
            wire.close()
        super().tearDown()

    def wire(self, uid=0):
        wire = Wire(self.bus_path, bus=True, uid=uid)
        self.wires.append(wire)
        return wire

    def hold(self, member, n, uid=0, options=()):
        """Opens n streams and reads none. The replies."""
        wire = self.wire(uid)
        return [wire.ask(member, "a{sv}a{sv}", [[("expression", ("s", ""))], list(options)]) for _ in range(n)]

    def status(self):
        return dict(self.wire().ask("GetStatus").body[0])

    def assert_over(self, replies, n, error):
        self.assertEqual([r.error for r in replies], [None] * n + [error] * (len(replies) - n))
        self.assertIn(str(n), replies[-1].body[0])

    def test_streams(self):
        self.hold_pairs(1500)
        self.begin("StreamsMax=8", "StreamsPerUser=3")
        self.assert_over(self.hold("OpenSockets", 5, NOBODY), 3, TOO_MANY)
        # Of eight places users have six together.
        self.assertEqual([r.error for r in self.hold("OpenSockets", 4, OTHER)], [None] * 3 + [TOO_MANY])
        self.assertEqual([r.error for r in self.hold("OpenSockets", 1, THIRD)], [TOO_MANY])
        replies = self.hold("OpenSockets", 3)
        self.assertEqual([r.error for r in replies], [None, None, TOO_MANY])
        self.assertIn("8", replies[2].body[0])

    def test_monitors(self):
        self.begin("MonitorsMax=4", "MonitorsPerUser=2")
        self.assert_over(self.hold("OpenMonitor", 3, NOBODY), 2, TOO_MANY)
        replies = self.hold("OpenMonitor", 3)
        self.assertEqual([r.error for r in replies], [None, None, TOO_MANY])

    def test_subscribers(self):
        self.begin("SubscribersMax=2")
        replies = [self.wire(NOBODY).ask("Subscribe") for _ in range(3)] + [self.wire().ask("Subscribe")]
        self.assertEqual(replies[0].error, None)
        self.assertIn(LIMITS, [r.error for r in replies])
        # The same one again is not one more.
        self.assertNotEqual(self.wires[0].ask("Subscribe").error, LIMITS)

    def test_connections(self):
        self.begin("ConnectionsMax=2")
        peers = [Wire(self.private), Wire(self.private)]
        with self.assertRaises((ConnectionError, OSError)):
            peers.append(Wire(self.private))
            peers[-1].ask("ListNamespaces")
        until(lambda: "2 connections are open already, one more is refused" in self.log(), "a line in the log")
        for peer in peers:
            peer.close()

    def test_calls(self):
        self.hold_pairs(1000)
        self.begin("CallsPerSender=2")
        wire = self.wire()
        serials = [wire.send("ListSockets", "a{sv}tu", [[("expression", ("s", f"inode > {i}"))], 0, 10]) for i in range(20)]
        replies = wire.replies(serials)
        errors = [r.error for r in replies if r.error]
        self.assertEqual(set(errors), {LIMITS})
        self.assertGreaterEqual(len(replies) - len(errors), 2)
        self.assertEqual(wire.ask("ListSockets", "a{sv}tu", [[], 0, 10]).error, None)

    def test_cursors(self):
        self.hold_pairs(30)
        self.begin("CursorsMax=3", "ReadingsPerSecond=1000")
        wire = self.wire()
        replies = [wire.ask("ListSockets", "a{sv}tu", [[("expression", ("s", f"unix and inode > {i}"))], 0, 5]) for i in range(6)]
        # The oldest one gives way, or the newest is refused: three can go on.
        alive = [r for r in replies if not r.error and
                 not wire.ask("ListSockets", "a{sv}tu", [[], r.body[1], 5]).error]
        self.assertEqual(len(alive), 3)

    def test_readings(self):
        self.begin("ReadingsPerSecond=2")
        wire = self.wire(NOBODY)
        replies = [wire.ask("ListSockets", "a{sv}tu", [[("expression", ("s", f"inode > {i}"))], 0, 10]) for i in range(12)]
        self.assertEqual({r.error for r in replies}, {None, LIMITS})
        root = self.wire()
        for i in range(6):
            self.assertEqual(root.ask("ListSockets", "a{sv}tu", [[("expression", ("s", f"inode > {i}"))], 0, 1]).error, None)
        time.sleep(1.1)
        self.assertEqual(wire.ask("ListSockets", "a{sv}tu", [[("expression", ("s", "inode > 99"))], 0, 10]).error, None)

    def test_reading_memory(self):
        self.hold_pairs(12000)
        self.begin("ReadingMemoryMax=8M")
        ask = lambda wire, text: wire.ask("ListSockets", "a{sv}tu", [[("expression", ("s", text))], 0, 10])
        user, root = self.wire(NOBODY), self.wire()
        # A quarter of it for one user.
        refused = [r for r in [ask(user, f"unix and inode > {i}") for i in range(3)] if r.error]
        self.assertEqual([r.error for r in refused], [LIMITS] * 2)
        self.assertIn("OpenSockets", refused[0].body[0])
        # Lists that are not at their end keep their readings.
        replies = [ask(root, f"unix and inode > {i}") for i in range(10, 18)]
        self.assertEqual({r.error for r in replies}, {None, LIMITS})
        self.assertIsNone(ask(user, "netlink").error)

    def test_monitor_queue(self):
        self.begin("MonitorQueueMax=4K")
        reply = self.hold("OpenMonitor", 1)[0]
        self.assertEqual(reply.error, None)
        reader = socket.socket(fileno=os.dup(self.wires[-1].fds[0]))
        self.addCleanup(reader.close)
        # The kernel's buffer takes some hundred KiB before our queue begins.
        for _ in range(12):
            with socket.create_server(("127.0.0.1", 0)) as server:
                for _ in range(250):
                    with socket.create_connection(server.getsockname()):
                        server.accept()[0].close()
            time.sleep(0.3)
        reader.settimeout(0.5)
        text = b""
        try:
            while b'"overflow"' not in text:
                text += reader.recv(1 << 20)
        except TimeoutError:
            pass
        self.assertIn(b'"overflow"', text)

    def test_stall(self):
        self.hold_pairs(1500)
        self.begin("StreamStallSec=300ms")
        self.assertEqual(self.hold("OpenSockets", 1)[0].error, None)
        streams = lambda: self.wire().ask("Get", "ss", ["org.socketd1.Manager", "NStreams"],
                                          interface="org.freedesktop.DBus.Properties").body[0]
        start = time.monotonic()
        self.assertEqual(streams(), 1)
        until(lambda: streams() == 0, "the stream closed")
        self.assertGreater(time.monotonic() - start, 0.2)

    def test_table_memory(self):
        self.hold_pairs(9000)
        self.begin("TableMemoryMax=1M", "CPUQuota=100%")
        status = until(lambda: (s := self.status())["generation"] > 1 and s, "a pass")
        print(f"table {status.get('table-memory')} bytes, holders {status.get('owners-memory')}, "
              f"{status['sockets']} remembered, {status.get('unremembered')} not", file=sys.stderr)
        self.assertLess(status["sockets"], 18000)
        self.assertGreater(status["unremembered"], 1000)
        # Growth doubles at most once past the bound.
        self.assertLess(status["table-memory"] + status["owners-memory"], 2 << 20)
        self.assertIn("are not remembered: TableMemoryMax= is reached", self.log())
        # It is remembered again when there is room.
        self.file.write_text("[Socketd]\nIntervalMinSec=100ms\nCPUQuota=100%\n")
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: self.status()["sockets"] > 18000, "all remembered")

    def generations(self, seconds, interval=None):
        """Passes in this time; never more than the interval allows, whatever else the machine does."""
        get = lambda: self.wire().ask("Get", "ss", ["org.socketd1.Manager", "Generation"],
                                      interface="org.freedesktop.DBus.Properties").body[0]
        first, start = until(get, "a pass"), time.monotonic()
        time.sleep(seconds)
        n, took = get() - first, time.monotonic() - start
        if interval:
            self.assertLessEqual(n, took / interval + 1)
        return n

    def test_interval(self):
        self.begin("CPUQuota=100%")
        self.assertGreaterEqual(self.generations(1, 0.1), 3)
        self.file.write_text("[Socketd]\nIntervalMinSec=5s\nCPUQuota=100%\n")
        self.daemon.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertLessEqual(self.generations(1), 1)

    def test_longest_interval(self):
        self.hold_pairs(500)
        self.begin("IntervalMaxSec=200ms", "CPUQuota=0.1%")
        self.assertGreaterEqual(self.generations(1.5, 0.2), 3)

    def test_quota(self):
        self.hold_pairs(500)
        self.begin("CPUQuota=0.1%")
        self.assertLessEqual(self.generations(1.5), 2)

    def test_counters(self):
        age = lambda: self.status().get("counters-age-usec", 0) / 1e6
        self.begin("CountersIntervalSec=1h", "CPUQuota=100%")
        until(age, "a pass with counters")
        time.sleep(1.5)
        self.assertGreater(age(), 1.4)
        self.file.write_text("[Socketd]\nIntervalMinSec=100ms\nCPUQuota=100%\nCountersIntervalSec=200ms\n")
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: age() < 0.5, "counters read again", 3)

    def test_namespaces(self):
        """With two of its own the host has more than one beside ours."""
        children = [self.start("unshare", "-n", "cat", stdin=subprocess.PIPE) for _ in range(2)]
        own = os.stat("/proc/self/ns/net").st_ino
        until(lambda: all(os.stat(f"/proc/{c.pid}/ns/net").st_ino != own for c in children), "two namespaces")
        listed = lambda: self.wire().ask("ListNamespaces").body[0]
        self.begin("NamespacesMax=1", "CPUQuota=100%")
        until(lambda: len(listed()) == 2, "one more than ours")
        self.assertEqual(self.status()["namespaces-error"], "NamespacesMax is reached")
        self.assertGreaterEqual(self.status()["namespaces-hidden"], 1)
        self.write("IntervalMinSec=100ms", "CPUQuota=100%", "NamespacesMax=4096")
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: len(listed()) > 2, "all")

    def test_allow_destroy(self):
        """Read, and read again; what comes of it is of tests/cli/test_kill.py."""
        destroy = lambda: self.wire().ask("DestroySocket", "tt", [0, 1 << 60])
        self.begin("AllowDestroy=no")
        self.assertEqual(destroy().error, "org.freedesktop.DBus.Error.AccessDenied")
        self.write("AllowDestroy=yes")
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: destroy().error == "org.socketd1.NoSuchSocket", "it is allowed")


class Complete(unittest.TestCase):
    def test_every_key_is_tested(self):
        text = pathlib.Path(__file__).read_text(encoding="utf-8")
        tests = text[text.index("class Reload"):]
        for key in values(print_config("--config=/dev/null").stdout):
            self.assertRegex(tests, rf"\b{key}=", f"no test sets {key}")


if __name__ == "__main__":
    own_network()
    run_tests()
