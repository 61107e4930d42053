#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sockctl with a daemon that runs: monitor, status, ages and rates, and what is said where they are not to be had

Usage: test_monitor.py SOCKCTL SOCKETD
"""

import collections
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOCKETD = os.path.abspath(sys.argv.pop(2))

from sockctl_case import ENV, ROOT, SOCKCTL, TIMEOUT, cookie, lines, on_terminal, run, without_leak_check  # noqa: E402 it takes its own argument

sys.path.insert(0, str(ROOT / "tests/bus"))
from wire import pack  # noqa: E402

# AddressSanitizer keeps freed memory for a while: that would be all there is to see.
os.environ["ASAN_OPTIONS"] = ENV["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
SANITIZER_FACTOR = 5 if b"__asan_init" in pathlib.Path(SOCKETD).read_bytes() else 1
NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
TIME = r"\d\d:\d\d:\d\d\.\d{3} "


def connect(server):
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    return client, accepted


class OldDaemon(threading.Thread):
    """Listens as a socketd does that knows none of the methods."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as f:
                self.serve(f)

    def serve(self, f):
        for line in iter(f.readline, b""):
            words = line.strip(b"\0\r\n").split()
            if words == [b"BEGIN"]:
                break
            f.write({b"AUTH": b"DATA", b"DATA": b"OK " + b"1" * 32}.get(words[0], b"AGREE_UNIX_FD") + b"\r\n")
            f.flush()
        while head := f.read(16):
            length, serial, fields = struct.unpack_from("<III", head, 4)
            f.read((fields + 7 & ~7) + length)
            answer, text = bytearray(), bytearray()
            pack(text, "s", ["Unknown method"])
            pack(answer, "yyyyuua(yv)", [ord("l"), 3, 0, 1, len(text), 1, [
                (4, ("s", "org.freedesktop.DBus.Error.UnknownMethod")), (5, ("u", serial)), (8, ("g", "s"))]])
            f.write(answer + bytes(-len(answer) % 8) + text)
            f.flush()


class Daemon(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sockctl-monitor-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.private = os.path.join(self.folder, "private")
        self.bus = f"--bus=unix:path={self.private}"

    def begin(self, *config, interval="100ms"):
        path = os.path.join(self.folder, "socketd.conf")
        pathlib.Path(path).write_text("\n".join(["[Socketd]", f"IntervalMinSec={interval}", "CPUQuota=100%", "NamespacesMax=0", *config, ""]), encoding="utf-8")
        self.daemon = subprocess.Popen([SOCKETD, "--bus=none", f"--private={self.private}", f"--config={path}"],
                                       stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, self.daemon)
        self.wait(lambda: os.path.exists(self.private), "the private socket")
        self.settle()

    def end(self, child):
        if child.poll() is None:
            child.kill()
        child.wait()
        for f in (child.stdout, child.stderr):
            if f:
                f.close()

    def wait(self, condition, what, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        self.fail(f"in {seconds} s: {what}")

    def status(self):
        return json.loads(run(self.bus, "status", "--json").stdout)

    def settle(self):
        """All that is there now is known: two passes from now."""
        generation = lambda: self.status()["status"].get("generation", 0)
        now = generation()
        self.wait(lambda: generation() >= now + 2, "two passes")

    def memory(self):
        text = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        return int(text.split("VmRSS:")[1].split()[0]) * 1024

    def monitor(self, *args, stdout=subprocess.PIPE):
        """A monitor that is listening."""
        before = self.status()["status"]["monitors"]
        child = subprocess.Popen([SOCKCTL, self.bus, "monitor", *args], stdin=subprocess.DEVNULL, stdout=stdout,
                                 stderr=subprocess.PIPE, env=ENV)
        self.addCleanup(self.end, child)
        self.wait(lambda: self.status()["status"]["monitors"] > before, "one more monitor")
        return child

    def stop(self, child, code=0):
        """Its output, and the counts of its last words."""
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=TIMEOUT)
        self.assertEqual(child.returncode, code, err)
        words = re.search(r"(\d+) opened, (\d+) changed, (\d+) closed, (\d+) lost", err.decode())
        return (out or b"").decode().splitlines(), [int(n) for n in words.groups()]


class Monitor(Daemon):
    def test_lines(self):
        # On a busy machine the kernel's last words may come late: not before two passes missed the socket.
        self.begin(interval="500ms")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.settle()
            monitor = self.monitor(f":{port}")
            client, accepted = connect(server)
            self.settle()
            client.shutdown(socket.SHUT_WR)
            accepted.sendall(b"x" * 20000)
            client.recv(20000, socket.MSG_WAITALL)
            self.settle()
            accepted.close()
            client.close()
            time.sleep(0.5)
            shown, counts = self.stop(monitor)
        here, there = f"127.0.0.1:{port}", f"127.0.0.1:{port_of(shown, port)}"
        owner = rf'users:\(\("\S+",pid={os.getpid()},fd=\d+\)\)'
        for pattern in (rf"{TIME}opened +tcp +ESTAB +{there} +{here} +{owner}$",
                        rf"{TIME}opened +tcp +ESTAB +{here} +{there} +{owner}$",
                        rf"{TIME}changed +tcp +ESTAB→CLOSE-WAIT +{here} +{there} +{owner}$",
                        rf"{TIME}changed +tcp +ESTAB→FIN-WAIT-2 +{there} +{here} +{owner}$",
                        rf"{TIME}closed +tcp +(CLOSE-WAIT|LAST-ACK)→UNCONN +{here} +{there} +{owner} tx 19\.5\d*KiB rx \d+B retrans 0 age [\d.]+m?s$"):
            self.assertEqual(len([s for s in shown if re.match(pattern, s)]), 1, (pattern, shown))
        self.assertEqual(counts[0], 2)
        self.assertEqual(counts[3], 0)
        self.assertEqual(len(shown), sum(counts))

    def test_kinds_and_columns(self):
        self.begin()
        monitors = {kind: self.monitor("-u", f"--{kind}", "-C", "inode,local_port") for kind in ("open", "close", "state")}
        both = self.monitor("-u", "--open", "--close", "--json=seq", "-C", "cookie")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            said = f"{os.fstat(s.fileno()).st_ino} {s.getsockname()[1]}"
            name = f"{cookie(s):x}"
            self.settle()
        time.sleep(0.3)
        shown = {kind: self.stop(monitor)[0] for kind, monitor in monitors.items()}
        self.assertEqual([s[13:] for s in shown["open"]], [f"opened {said}"])
        self.assertEqual(len(shown["close"]), 1)
        self.assertRegex(shown["close"][0], rf"{TIME}closed ")
        self.assertEqual(shown["state"], [])
        events = [json.loads(s) for s in self.stop(both)[0]]
        self.assertEqual([(e["event"], e["socket"]) for e in events], [(k, {"cookie": name}) for k in ("opened", "closed")])

    def test_initial_and_count(self):
        self.begin()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            pairs = [connect(server) for _ in range(20)]
            expected = {f"{cookie(s):x}" for s in [server] + [p for pair in pairs for p in pair]}
            self.settle()
            shown = run(self.bus, "monitor", f":{port}", "--initial", "--count=41", "--json")
            self.assertEqual(shown.returncode, 0, shown.stderr)
            events = [json.loads(s) for s in lines(shown.stdout)]
            self.assertEqual({e["event"] for e in events}, {"present"})
            self.assertEqual({e["socket"]["cookie"] for e in events}, expected)
            self.assertEqual(len(lines(run(self.bus, "monitor", "-t", "--initial", "--count=5").stdout)), 5)
            for pair in pairs:
                for s in pair:
                    s.close()

    def test_quiet_counts(self):
        self.begin()
        with socket.create_server(("127.0.0.1", 0)):
            self.settle()
            r = run(self.bus, "monitor", "-t", "-q", "--initial", "--count=1")
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, b"", b""))

    def test_columns_for_people(self):
        """Ages have units, as in the table of show; and -C help is no field."""
        self.begin()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.settle()
            shown = run(self.bus, "monitor", "--initial", "--count=1", "-C", "cookie,age", f"sk:{cookie(server):x}")
            self.assertRegex(shown.stdout.decode(), rf"^{TIME}present {cookie(server):x} [\d.]+m?s$")
        self.assertEqual(run("monitor", "-C", "help").stdout, run("show", "-C", "help").stdout)

    def test_reader_that_leaves(self):
        """A pipe whose reader is gone ends the monitor, though nothing happens."""
        self.begin()
        monitor = self.monitor("-u")
        monitor.stdout.close()
        monitor.stdout = None
        self.assertEqual(monitor.wait(TIMEOUT), -signal.SIGPIPE)
        self.wait(lambda: self.status()["status"]["monitors"] == 0, "no monitor")

    def test_daemon_that_leaves(self):
        self.begin()
        monitor = self.monitor("-u")
        self.daemon.terminate()
        _, err = monitor.communicate(timeout=TIMEOUT)
        self.assertEqual(monitor.returncode, 5)
        self.assertIn(b"the daemon ended the stream", err)

    def test_daemon_of_its_own(self):
        """Where none runs one is started, and gone behind it."""
        if run("status", env=NO_BUS).returncode == 0:
            self.skipTest("a daemon runs at its usual place")
        # It sees all network namespaces; what happens in others is not ours.
        own = f"netns:{os.stat('/proc/self/ns/net').st_ino}"
        monitor = subprocess.Popen([SOCKCTL, "monitor", "-u", "--count=1", "--open", own], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=without_leak_check({**ENV, **NO_BUS}))
        self.addCleanup(self.end, monitor)
        sockets = []
        end = time.monotonic() + 15
        while monitor.poll() is None and time.monotonic() < end:
            sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[-1].bind(("127.0.0.1", 0))
            time.sleep(0.3)
        out, err = monitor.communicate(timeout=TIMEOUT)
        self.assertEqual(monitor.returncode, 0, err)
        self.assertRegex(out.decode(), rf"{TIME}opened +udp .* users:.*pid={os.getpid()}")
        for s in sockets:
            s.close()

    def test_mistakes(self):
        for code, pattern, *args in [(2, "not an option of the verb monitor", "--direct", "monitor"), (2, "--count: \"x\" is not", "monitor", "--count=x"),
                                     (2, "the filter: ", "monitor", "state nowhere"), (2, "no such field: nope", "monitor", "-C", "nope"),
                                     (2, "not an option of the verb show", "show", "--initial"), (2, "do not go together", "show", "--fresh", "--max-age=1s"),
                                     (2, "not a time", "show", "--max-age=soon"),
                                     (2, "not a time", "show", "--max-age= -5"), (2, "--limit: \" -5\" is not a number", "show", "--limit= -5"),
                                     (2, "do not go together", "--file=x", "show", "--fresh"), (2, "do not go together", "--file=x", "show", "--max-age=1s"),
                                     (3, "cannot reach the bus", self.bus, "monitor")]:
            with self.subTest(args=args):
                r = run(*args)
                self.assertEqual(r.returncode, code, r.stderr)
                self.assertRegex(r.stderr.decode(), pattern)


class Many(Daemon):
    N = 20000

    def connections(self, n):
        with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
            for _ in range(n):
                client, accepted = connect(server)
                client.close()
                accepted.close()

    def test_short_connections(self):
        """Each of 40 000 sockets opens once and closes once, or is counted as lost; nothing is told twice."""
        self.begin()
        with open(os.path.join(self.folder, "events"), "w+b") as f:
            monitor = self.monitor("-t", "--json=seq", "-C", "cookie,state", stdout=f)
            self.connections(self.N)
            self.settle()
            time.sleep(0.5)
            monitor.send_signal(signal.SIGINT)
            err = monitor.communicate(timeout=TIMEOUT)[1].decode()
            f.seek(0)
            events = [json.loads(line) for line in f]
        lost = sum(e["lost"] for e in events if e["event"] == "overflow")
        opened, closed = ([e["socket"]["cookie"] for e in events if e["event"] == kind] for kind in ("opened", "closed"))
        # And the listener, which opens and closes too.
        self.assertEqual(len(opened) + len(closed) + lost, 2 * (2 * self.N + 1))
        self.assertEqual((len(set(opened)), len(set(closed))), (len(opened), len(closed)))
        self.assertIn(f"{len(opened)} opened, ", err)
        self.assertIn(f"{len(closed)} closed, {lost} lost", err)
        self.assertEqual(monitor.returncode, 5 if lost else 0)
        self.assertGreater(len(opened) + len(closed), self.N)
        print(f"{self.N} connections: {len(opened)} opened, {len(closed)} closed, {lost} lost", file=sys.stderr)

    def test_reader_that_stops(self):
        self.begin("MonitorQueueMax=64K")
        monitor = self.monitor("-t")
        before = self.memory()
        monitor.send_signal(signal.SIGSTOP)
        n = 5000
        self.connections(n)
        grown = self.memory() - before
        out = bytearray()
        monitor.send_signal(signal.SIGCONT)
        os.set_blocking(monitor.stdout.fileno(), False)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            out += monitor.stdout.read() or b""
            time.sleep(0.02)
        os.set_blocking(monitor.stdout.fileno(), True)
        rest, counts = self.stop(monitor, code=5)
        text = out.decode() + "\n".join(rest)
        self.assertEqual(counts[0] + counts[2] + counts[3], 2 * (2 * n + 1))
        self.assertGreater(counts[3], n)
        self.assertEqual(sum(int(k) for k in re.findall(r"overflow (\d+) events lost", text)), counts[3])
        # The queue, the table of what is left in TIME-WAIT, and two pieces of memory that events pass through.
        self.assertLess(grown, 16 * 1024 * 1024 * SANITIZER_FACTOR)


class Status(Daemon):
    def test_text(self):
        self.begin()
        r = run(self.bus, "status")
        self.assertEqual((r.returncode, r.stderr), (0, b""))
        text = r.stdout.decode()
        self.assertRegex(text, r"^● socketd \d+\.\d+\.\d+, running for ")
        if not os.path.exists("/sys/module/socketd_diag"):
            self.assertRegex(text, r"\n      Module: socketd_diag is not loaded; it gives .*modprobe socketd_diag\n")
            self.assertRegex(text, r"\n      Owners: .*(not looked for yet|, by /proc)\n")
        self.assertRegex(text, r"\n    Tracking: \d+ sockets, a pass every \d+\S* \(last \S+, CPU \d+\.\d % of 100\.0 %\), \d+ so far\n")
        self.assertRegex(text, r"\n +Memory: [\d.]+MiB \(table ")
        self.assertRegex(text, r"\ntcp4 +ok +\d+ ")
        self.assertRegex(run(self.bus, "status", "--no-legend", "--output=csv").stdout.decode(), r"(?m)^tcp4,ok,\d+,")

    def test_json_tells_what_there_is(self):
        self.begin()
        count = lambda: next(s for s in self.status()["sources"] if s["name"] == "udp4")["sockets"]
        before = count()
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(7)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        self.settle()
        self.assertEqual(count() - before, 7)
        status = self.status()
        self.assertEqual(status["schema"], "socketd/1")
        self.assertTrue(status["status"]["tracking"])
        self.assertEqual(status["status"]["monitors"], 0)
        for source in status["sources"]:
            if source["state"] in ("absent", "denied"):
                self.assertTrue(source["gives"], source)
        for s in sockets:
            s.close()

    def test_long_answer_has_a_pager(self):
        self.begin()
        for args in (["status"], ["status", "--json=pretty"]):
            _, shown = on_terminal(self.bus, *args, env={"SOCKCTL_PAGER": "sed s/^/paged/"}, rows=10)
            self.assertTrue(shown.startswith(b"paged"), (args, shown))

    def test_daemon_that_hangs(self):
        self.begin()
        self.daemon.send_signal(signal.SIGSTOP)
        r = run(self.bus, "status")
        self.assertEqual(r.returncode, 3)
        self.assertRegex(r.stderr, b"nobody answers on the bus .*: is socketd stopped")

    def test_older_daemon(self):
        old = OldDaemon(self.private)
        self.addCleanup(old.socket.close)
        old.start()
        for verb, method in (("status", "GetStatus"), ("monitor", "OpenMonitor")):
            r = run(self.bus, verb)
            self.assertEqual(r.returncode, 3, r.stderr)
            self.assertIn(f"older than this sockctl: it has no {method}; restart it", r.stderr.decode())

    def test_daemon_of_others(self):
        self.begin()
        os.chmod(self.folder, 0o700)
        with tempfile.TemporaryDirectory() as folder:
            # Where the project lies is not for everybody to read.
            os.chmod(folder, 0o755)
            program = shutil.copy(SOCKCTL, folder)
            r = subprocess.run([program, self.bus, "status"], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                               env=ENV, cwd="/", user=65534, group=65534, extra_groups=[], check=False)
        self.assertEqual(r.returncode, 4, r.stderr)
        self.assertIn(b"not allowed", r.stderr)

    def test_answer_of_a_substitute_is_said(self):
        """A bus where nobody ever answers, as with a daemon that is stopped: the answer is of another one."""
        with socket.socket(socket.AF_UNIX) as hung:
            hung.bind(os.path.join(self.folder, "hung"))
            hung.listen()
            r = run("show", "-u", env=without_leak_check({"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder}/hung"}))
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stderr.decode(), r"^sockctl: a socketd is there but does not answer \(is it stopped\?\); this answer is of another")
        self.assertEqual(run("show", "-u", env=without_leak_check(NO_BUS)).stderr, b"")

    def test_no_daemon(self):
        r = run("status", env=NO_BUS)
        if r.returncode == 0:
            self.skipTest("a daemon runs at its usual place")
        self.assertEqual(r.returncode, 3)
        self.assertIn(b"no socketd is running", r.stderr)
        self.assertEqual(run(self.bus, "status").returncode, 3)
        self.assertEqual(run("--direct", "status").returncode, 2)


class Remembered(Daemon):
    def test_ages(self):
        """A socket from before the daemon is older than its age; a newer one is as old as it says."""
        with socket.create_server(("127.0.0.1", 0)) as old:
            self.begin()
            begin = time.monotonic()
            with socket.create_server(("127.0.0.1", 0)) as new:
                self.settle()
                time.sleep(1)
                ask = lambda s: run(self.bus, "show", "--json", f"sk:{cookie(s):x}", "--max-age=1m")
                age = json.loads(ask(new).stdout)["sockets"][0]
                least = json.loads(ask(old).stdout)["sockets"][0]
                real = (time.monotonic() - begin) * 1e6
                self.assertEqual((age["age_at_least"], least["age_at_least"]), (False, True))
                # The pass that saw it can have begun a little before it was made.
                self.assertLess(age["age"], real + 50e3)
                self.assertGreater(age["age"], 1e6)
                text = run(self.bus, "show", "-C", "cookie,age", f"sk:{cookie(old):x} or sk:{cookie(new):x}").stdout.decode()
                self.assertRegex(text, rf"(?m)^{cookie(old):x} +>[\d.]+m?s *$")
                self.assertRegex(text, rf"(?m)^{cookie(new):x} +[\d.]+m?s *$")
                some = run(self.bus, "show", "-C", "cookie", "-H", f"(sk:{cookie(old):x} or sk:{cookie(new):x}) and age > 1d")
                self.assertEqual((some.returncode, some.stdout), (1, b""))
                self.assertNotIn(b"ages and rates", some.stderr)

    def test_rates(self):
        """Two seconds of traffic, and sums of it by owner."""
        self.begin("CountersIntervalSec=300ms")
        with socket.create_server(("127.0.0.1", 0)) as server:
            client, accepted = connect(server)
            done, row, sent, begin = threading.Event(), {}, 0, time.monotonic()

            def talk():
                nonlocal sent
                while not done.wait(0.02):
                    client.sendall(b"x" * 50000)
                    accepted.recv(50000, socket.MSG_WAITALL)
                    sent += 50000

            thread = threading.Thread(target=talk)
            thread.start()
            self.addCleanup(thread.join)
            self.addCleanup(done.set)
            while row.get("tx_rate", 0) == 0:
                row = json.loads(run(self.bus, "show", "--json", f"sk:{cookie(client):x}").stdout)["sockets"][0]
                self.assertLess(time.monotonic() - begin, 10)
                time.sleep(0.1)
            time.sleep(1)
            row = json.loads(run(self.bus, "show", "--json", f"sk:{cookie(client):x}").stdout)["sockets"][0]
            real = sent / (time.monotonic() - begin)
            self.assertGreater(row["tx_rate"], real / 4)
            self.assertLess(row["tx_rate"], real * 4)
            text = run(self.bus, "stat", "--by=pid", "--output=csv", f"sk:{cookie(client):x}").stdout.decode()
            self.assertEqual(text.splitlines()[0], "pid,sockets,recv_q,send_q,tx_rate,rx_rate,retrans_rate")
            self.assertRegex(text.splitlines()[1], rf"^{os.getpid()},1,\d+,\d+,[1-9]\d*,")
            again = run(self.bus, "stat", "--group-by=pid", "--output=csv", f"sk:{cookie(client):x}").stdout.decode()
            self.assertEqual(again.splitlines()[0], text.splitlines()[0])
            groups = json.loads(run(self.bus, "stat", "--by=pid", "--json", f"sk:{cookie(client):x}").stdout)["groups"]
            self.assertIsInstance(groups[0]["tx_rate"], int)
            done.set()
            thread.join()
            client.close()
            accepted.close()

    def test_notes_where_nothing_is_remembered(self):
        note = b"ages and rates need a running socketd"
        for args in (["-C", "age"], ["--sort=-tx_rate"], ["age > 1s"], ["--group-by=age"], ["--format={state_age}"]):
            with self.subTest(args=args):
                r = run("--direct", "show", "-u", "-x", *args)
                # A column can be empty; a filter that nobody can decide is no empty table.
                self.assertEqual(r.returncode, 3 if args == ["age > 1s"] else 0)
                self.assertEqual(r.stderr.count(note), 1, r.stderr)
        for args in ([], ["--json"], ["--group-by=state"], ["-C", "+inode"]):
            self.assertEqual(run("--direct", "show", "-u", *args).stderr, b"", args)
        self.begin()
        self.assertEqual(run(self.bus, "show", "-C", "age").stderr, b"")
        # Of a running daemon, and without a row.
        self.assertNotIn(note, run(self.bus, "show", "--sctp", "age > 1m").stderr)


def port_of(shown, port):
    """The other port of the first line."""
    return next(p for p in re.findall(r"127\.0\.0\.1:(\d+)", shown[0]) if int(p) != port)


if __name__ == "__main__":
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) < 0:  # CLONE_NEWNET: nobody else's sockets are counted
        sys.exit("this test needs root: it makes a network namespace")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("1024 65000", encoding="ascii")
    unittest.main()
