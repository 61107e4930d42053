#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong around the daemon: each fault ends in service resumed, and in one line of the log at most

Usage: test_faults.py SOCKETD SOCKCTL CALL CLOCK_JUMP    (tests/bus/clock_jump.c)
SOCKETD_SLOW_TESTS=1: the daemon is stopped for a minute, not for five seconds.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from test_bus import SANITIZER_FACTOR, SOCKETD, Case, cpu_seconds, own_network, run_tests, until
from wire import Wire

CLOCK_JUMP = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else ""
STOPPED_SECONDS = 60 if os.environ.get("SOCKETD_SLOW_TESTS") else 5
PROPERTIES = "org.freedesktop.DBus.Properties"


class Fault(Case):
    """A daemon that looks ten times a second, on its private socket."""

    def setUp(self):
        super().setUp()
        self.write("IntervalMinSec=100ms", "CPUQuota=100%", "ReadingsPerSecond=1000")

    def get(self, name):
        with Wire(self.private) as wire:
            reply = wire.ask("Get", "ss", ["org.socketd1.Manager", name], interface=PROPERTIES)
            self.assertIsNone(reply.error, reply.body)
            return reply.body[0]

    def status(self):
        with Wire(self.private) as wire:
            return dict(wire.ask("GetStatus").body[0])

    def list(self, expression="netlink"):
        with Wire(self.private) as wire:
            return wire.ask("ListSockets", "a{sv}tu", [[("expression", ("s", expression))], 0, 100])

    def assert_served(self, seconds=10):
        """Answers come, and passes go on."""
        until(lambda: self.quiet(lambda: self.list().error is None), "an answer", seconds)
        first = self.get("Generation")
        until(lambda: self.get("Generation") >= first + 2, "two more passes", seconds)

    @staticmethod
    def quiet(ask):
        try:
            return ask()
        except (ConnectionError, OSError):
            return None

    def lines(self, without=("listening at", "serving org.socketd1")):
        return [line for line in self.log().splitlines() if not any(w in line for w in without)]


class Bus(Fault):
    def test_goes_and_comes_back(self):
        bus = self.start_bus()
        self.start_daemon()
        bus.kill()
        bus.wait()
        until(lambda: self.lines(), "a line in the log")
        self.assert_served()
        self.bus_path.unlink()
        self.start_bus()
        self.wait_for_name()
        self.rows("netlink")
        self.assertEqual(len(self.lines()), 1, self.log())
        self.assertIn("the bus is gone", self.lines()[0])

    def test_goes_again_and_again(self):
        for _ in range(3):
            bus = self.start_bus()
            if not self.private.exists():
                self.start_daemon()
            self.wait_for_name()
            bus.kill()
            bus.wait()
            self.bus_path.unlink()
        self.start_bus()
        self.wait_for_name()
        self.rows("netlink")
        self.assertEqual(len(self.lines()), 1, self.log())

    def test_a_bus_that_hangs_up(self):
        """It takes the connection and closes it, for as long as it lasts."""
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self.bus_path))
            server.listen(64)
            self.start_daemon(wait=False)
            until(self.private.exists, "the private socket")
            end, n = time.monotonic() + 4, 0
            while (left := end - time.monotonic()) > 0:
                if select.select([server], [], [], left)[0]:
                    server.accept()[0].close()
                    n += 1
        # Back-off: after 1 s, then 2 s.
        self.assertIn(n, (2, 3))
        self.assertEqual(len(self.lines()), 1, self.log())
        self.bus_path.unlink()
        self.start_bus()
        self.wait_for_name()

    def test_daemon_before_bus(self):
        self.start_daemon(wait=False)
        until(self.private.exists, "the private socket")
        self.assert_served()
        self.start_bus()
        self.wait_for_name()
        self.rows("netlink")
        self.assertEqual(self.lines(), [])


class Kernel(Fault):
    @staticmethod
    def drops():
        """What the kernel dropped of all netlink sockets in this network namespace: ours are the daemon's."""
        with open("/proc/net/netlink", encoding="ascii") as f:
            return sum(int(line.split()[8]) for line in f.readlines()[1:])

    def test_no_buffer_space(self):
        """The daemon stands still while more closes than its netlink buffer holds: the kernel says ENOBUFS."""
        daemon = self.start_daemon(bus=False)
        self.assert_served()
        before = self.status()
        with Wire(self.private) as listener:
            self.assertIsNone(listener.ask("Subscribe").error)
            daemon.send_signal(signal.SIGSTOP)
            total = 0
            while self.drops() < 1000 and total < 1000000:
                for _ in range(2000):
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
                total += 2000
            # The kernel tells from a work queue, later; on a busy machine seconds later.
            until(self.drops, "a buffer that is full", 20)
            dropped, before_that = self.drops(), None
            while dropped != before_that:
                time.sleep(0.5)
                dropped, before_that = self.drops(), dropped
            daemon.send_signal(signal.SIGCONT)
            told = lambda: {k: v - before[k] for k, v in self.status().items() if k in ("opened", "closed", "lost")}
            # No pass saw them: of each an opening and a closing are lost, which is known two passes later.
            until(lambda: told()["lost"], "losses that are told")
            try:
                until(lambda: sum(told().values()) >= 2 * total, "all of them", 3)
            except AssertionError:
                pass
        print(f"{total} closed, the kernel dropped {dropped}: {told()}", file=sys.stderr)
        self.assertGreaterEqual(sum(told().values()), 2 * total)
        self.assertEqual(told()["lost"], 2 * dropped)
        self.assertLessEqual(sum(told().values()), 2 * total + 1000)
        self.assert_served()
        self.assertEqual(len(self.lines()), 1, self.log())
        self.assertIn("the kernel dropped notices", self.log())

    def test_table_that_changes_all_the_time(self):
        """Two thousand connections a second during passes: dumps are interrupted, none of it for ever."""
        self.start_daemon(bus=False)
        self.assert_served()
        stop = threading.Event()
        made = [0]

        def churn():
            with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
                while not stop.is_set():
                    begin = time.monotonic()
                    for _ in range(20):
                        with socket.create_connection(server.getsockname()):
                            server.accept()[0].close()
                        made[0] += 1
                    time.sleep(max(0, 0.01 - (time.monotonic() - begin)))

        thread = threading.Thread(target=churn)
        first, start = self.get("Generation"), time.monotonic()
        thread.start()
        try:
            time.sleep(4)
            self.assertIsNone(self.list("tcp").error)
            seconds = time.monotonic() - start
            passes = self.get("Generation") - first
        finally:
            stop.set()
            thread.join()
        print(f"{made[0] / seconds:.0f} connections a second, {passes} passes in {seconds:.1f} s", file=sys.stderr)
        self.assertGreater(made[0] / seconds, 500)
        self.assertGreater(passes, seconds * 2)
        self.assert_served()
        # What opened closed: of both ends of each connection nothing is left but TIME-WAIT.
        rows = self.list("tcp and not state time-wait and not state listening").body[0]
        self.assertEqual(rows, [])
        self.assertEqual(self.lines(), [])


class Shortage(Fault):
    def test_memory(self):
        if SANITIZER_FACTOR > 1:
            self.skipTest("the sanitizers map terabytes")
        daemon = self.start_daemon(bus=False)
        self.assert_served()
        few = self.get("NSockets")
        size = int(open(f"/proc/{daemon.pid}/statm", encoding="ascii").read().split()[0]) * 4096
        subprocess.run(["prlimit", f"--pid={daemon.pid}", f"--as={size + (1 << 20)}:"], check=True)
        holders = self.hold_pairs(12000)
        refused = set()
        for _ in range(30):
            reply = self.quiet(lambda: self.list("unix"))
            refused.add(reply.error if reply else "closed")
            time.sleep(0.1)
        print(f"with 1 MiB to grow in, 24000 sockets: {refused}, log: {self.lines()}", file=sys.stderr)
        self.assertIsNone(daemon.poll(), self.log())
        self.assertNotEqual(refused, {None})
        subprocess.run(["prlimit", f"--pid={daemon.pid}", "--as=unlimited:"], check=True)
        self.assert_served()
        until(lambda: self.get("NSockets") > 24000, "all sockets remembered")
        for holder in holders:
            holder.stdin.close()
        self.assertLessEqual(len(self.lines()), 2, self.log())
        until(lambda: self.get("NSockets") < few + 1000, "all sockets forgotten")

    def test_descriptors(self):
        daemon = self.start_daemon(bus=False)
        self.assert_served()
        n = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        subprocess.run(["prlimit", f"--pid={daemon.pid}", f"--nofile={n + 2}:"], check=True)
        peers = []
        for _ in range(12):
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(str(self.private))
            peers.append(peer)
        until(lambda: self.lines(), "a line in the log")
        before = cpu_seconds(daemon.pid)
        time.sleep(2)
        used = cpu_seconds(daemon.pid) - before
        self.assertLess(used, 0.6 * SANITIZER_FACTOR)
        for peer in peers:
            peer.close()
        subprocess.run(["prlimit", f"--pid={daemon.pid}", "--nofile=1024:"], check=True)
        self.assert_served()
        print(f"descriptors: {used:.2f} s of CPU in 2 s, log: {self.lines()}", file=sys.stderr)
        # One for connections that wait; one for a pass that could not open its sockets.
        self.assertLessEqual(len(self.lines()), 2, self.log())


class Time(Fault):
    def test_stopped(self):
        daemon = self.start_daemon(bus=False)
        self.assert_served()
        first = self.get("Generation")
        daemon.send_signal(signal.SIGSTOP)
        with socket.create_server(("127.0.0.1", 0)) as server:
            time.sleep(STOPPED_SECONDS)
            daemon.send_signal(signal.SIGCONT)
            start = time.monotonic()
            self.assert_served()
            took = time.monotonic() - start
            until(lambda: len(self.list(f"sport = :{server.getsockname()[1]}").body[0]) == 1, "the new socket")
        # What was missed is not made up for, pass by pass.
        self.assertLess(self.get("Generation") - first, 10 * (time.monotonic() - start) + 12)
        print(f"stopped for {STOPPED_SECONDS} s, served again after {took:.2f} s", file=sys.stderr)
        self.assertEqual(self.lines(), [])

    def ages(self, where):
        rows, _ = self.rows("--field", "age", where, peer=True)
        self.assertEqual(len(rows), 1)
        return rows[0]["age"] / 1e6

    def test_clock_is_set(self):
        """A day ahead, two days back. The kernel's own clock is left alone: the daemon's calls see another one."""
        if not CLOCK_JUMP:
            self.skipTest("no clock_jump was given")
        jump = self.dir / "jump"
        jump.write_bytes(struct.pack("q", 0))
        environment = dict(os.environ, LD_PRELOAD=CLOCK_JUMP, CLOCK_JUMP_FILE=str(jump))
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.start_daemon(bus=False, env=environment)
        self.assert_served()
        with Wire(self.private) as wire, socket.create_server(("127.0.0.1", 0)) as server:
            where = f"sport = :{server.getsockname()[1]}"
            until(lambda: len(self.list(where).body[0]) == 1 and self.rows("--field", "age", where, peer=True)[0][0].get("age"),
                  "an age")
            self.assertIsNone(wire.ask("OpenMonitor", "a{sv}a{sv}", [[("expression", ("s", "udp"))], []]).error)
            with os.fdopen(os.dup(wire.fds[0]), "rb") as events:
                for ahead in (86400, -86400):
                    with open(jump, "r+b") as f:
                        f.write(struct.pack("q", ahead))
                    age, generation, start = self.ages(where), self.get("Generation"), time.monotonic()
                    until(lambda: self.get("Generation") >= generation + 5, "five more passes")
                    seconds = time.monotonic() - start
                    # The rate of before, and ages that grow by the time that went by.
                    self.assertGreater(seconds, 0.3)
                    self.assertLess(seconds, 3 * SANITIZER_FACTOR)
                    self.assertAlmostEqual(self.ages(where) - age, time.monotonic() - start, delta=0.7 * SANITIZER_FACTOR)
                    # That it did see the other clock: an event has its time.
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                        s.bind(("127.0.0.1", 0))
                        time.sleep(0.5)
                    event = json.loads(events.readline())
                    moment = event.get("time") or event.get("event", {}).get("time")
                    self.assertIsNotNone(moment, event)
                    while select.select([events], [], [], 1)[0]:
                        events.readline()
        self.assertEqual(self.lines(), [])

    def test_long_after_boot(self):
        """In a time namespace that is twelve years old."""
        log = open(self.dir / "log", "a", encoding="utf-8")
        command = ["unshare", "--time", "--boottime", "378432000", "--monotonic", "378432000", "--fork", "--kill-child", SOCKETD, "--bus=none",
                   f"--private={self.private}", f"--config={self.file}"]
        self.start(*command, stderr=log)
        log.close()
        until(lambda: self.private.exists() or "unshare" in self.log(), "the private socket")
        if not self.private.exists():
            self.skipTest(self.log())
        self.assert_served()
        with socket.create_server(("127.0.0.1", 0)) as server:
            where = f"sport = :{server.getsockname()[1]}"
            until(lambda: len(self.list(where).body[0]) == 1, "the new socket")
            until(lambda: self.rows("--field", "age", where, peer=True)[0][0].get("age") is not None, "its age")
            self.assertLess(self.ages(where), 10)
        self.assertEqual(self.lines(), [])


if __name__ == "__main__":
    own_network()
    run_tests()
