#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""socketd on a bus of its own, on the private socket, and as a child: answers, refusals, limits; test_faults.py and test_abuse.py have more of them

Usage: test_bus.py SOCKETD SOCKCTL CALL    (CALL is tests/bus/call.c)
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

SOCKETD, SOCKCTL, CALL = (os.path.abspath(p) for p in sys.argv[1:4])

# AddressSanitizer keeps freed memory for a while, 256 MiB by default.
SANITIZER_FACTOR = 5 if b"__asan_init" in pathlib.Path(SOCKETD).read_bytes() else 1

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>
"""


def until(condition, what, seconds=10):
    """Waits for something that must come; fails by name when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"in {seconds} s: {what}")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="socketd-bus-"))
        self.dir.chmod(0o755)
        self.children = []
        self.bus_path = self.dir / "bus"
        self.address = f"unix:path={self.bus_path}"
        self.private = self.dir / "private"
        self.file = self.dir / "socketd.conf"

    def write_text(self, text):
        self.file.write_text(text, encoding="utf-8")

    def write(self, *lines):
        """A configuration for the daemons of this test."""
        self.write_text("\n".join(["[Socketd]", *lines, ""]))

    def tearDown(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            for f in (child.stdin, child.stdout, child.stderr):
                if f:
                    f.close()
        shutil.rmtree(self.dir)

    def start(self, *command, **options):
        child = subprocess.Popen([str(c) for c in command], **options)
        self.children.append(child)
        return child

    def start_bus(self):
        config = self.dir / "bus.conf"
        config.write_text(BUS_CONFIG.format(path=self.bus_path))
        bus = self.start("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", stderr=subprocess.DEVNULL)
        until(self.bus_path.exists, "the bus's socket")
        return bus

    def start_daemon(self, bus=True, wait=True, **options):
        log = open(self.dir / "log", "a", encoding="utf-8")
        command = [SOCKETD, f"--bus={self.address if bus else 'none'}", f"--private={self.private}", f"--config={self.file}"]
        # Other namespaces of this host are nobody's whose sockets a test counts.
        text = self.file.read_text() if self.file.exists() else "[Socketd]\n"
        if "NamespacesMax=" not in text:
            self.file.write_text(text + "NamespacesMax=0\n")
        daemon = self.start(*command, **options, stderr=log)
        log.close()
        if wait:
            until(lambda: self.is_listening(daemon), "the private socket")
            if bus:
                self.wait_for_name()
        return daemon

    def is_listening(self, daemon):
        """That the file exists is not enough: the daemon binds it before it listens. Not by a connection, which it would log."""
        try:
            lines = pathlib.Path(f"/proc/{daemon.pid}/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False  # it is gone
        # A name may hold the end of a line.
        words = [line.split(maxsplit=7) for line in lines[1:]]
        return any(len(w) > 7 and w[3] == "00010000" and w[7:] == [str(self.private)] for w in words)  # __SO_ACCEPTCON

    def hold_pairs(self, n):
        """UNIX stream pairs, 2n sockets, until the test ends; in processes of their own, for one may not have so many."""
        code = ("import resource,socket,sys; h=resource.getrlimit(resource.RLIMIT_NOFILE)[1]; "
                "resource.setrlimit(resource.RLIMIT_NOFILE,(h,h)); "
                "p=[socket.socketpair() for _ in range(int(sys.argv[1]))]; print(len(p),flush=True); sys.stdin.read()")
        holders = []
        while n > 0:
            holders.append(self.start(sys.executable, "-c", code, min(n, 2000), stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            n -= 2000
        for holder in holders:
            if not holder.stdout.readline():
                self.skipTest("no descriptors for so many sockets")
        return holders

    def log(self):
        return (self.dir / "log").read_text(encoding="utf-8")

    def names(self):
        run = subprocess.run(["dbus-send", f"--bus={self.address}", "--print-reply", "--dest=org.freedesktop.DBus",
                              "/", "org.freedesktop.DBus.ListNames"], capture_output=True, text=True, check=False)
        return run.stdout

    def wait_for_name(self):
        until(lambda: "org.socketd1" in self.names(), "the name on the bus")

    def call(self, *arguments, user=None, peer=False):
        command = [CALL, f"unix:path={self.private}" if peer else self.address]
        command += ["--peer"] if peer else []
        if user:
            command = ["setpriv", f"--reuid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"] + command
        return subprocess.run(command + list(arguments), capture_output=True, check=False, timeout=60)

    def rows(self, *arguments, **options):
        run = self.call(*arguments, **options)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = [json.loads(line) for line in run.stdout.decode().splitlines()]
        self.assertIn("reading", lines[-1])
        return lines[:-1], lines[-1]["reading"]

    def refusal(self, *arguments, **options):
        run = self.call(*arguments, **options)
        self.assertEqual(run.returncode, 1)
        return run.stderr.decode().strip()


class Answers(Case):
    def test_ndjson_has_the_sockets_that_match(self):
        self.start_bus()
        self.start_daemon()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            rows, reading = self.rows(f"sport = :{port}")
            self.assertEqual(len(rows), 1)
            self.assertEqual(rows[0]["state"], "LISTEN")
            self.assertEqual(rows[0]["local"], "127.0.0.1")
            self.assertEqual(rows[0]["inode"], os.fstat(server.fileno()).st_ino)
            self.assertEqual([o["pid"] for o in rows[0]["owners"]], [os.getpid()])
            self.assertFalse(reading["partial"])

    def test_fields_are_those_asked_for(self):
        self.start_bus()
        self.start_daemon()
        with socket.create_server(("127.0.0.1", 0)) as server:
            rows, _ = self.rows("--field", "inode", "--field", "rcvbuf", f"sport = :{server.getsockname()[1]}")
            self.assertEqual(set(rows[0]), {"inode", "sk_rcvbuf"})

    def test_json_seq_has_separators(self):
        self.start_bus()
        self.start_daemon()
        run = self.call("--option", "format=json-seq", "netlink")
        records = run.stdout.split(b"\x1e")
        self.assertEqual(records[0], b"")
        self.assertGreater(len(records), 2)
        for record in records[1:]:
            json.loads(record)

    def test_packed_is_a_recording(self):
        self.start_bus()
        self.start_daemon()
        run = self.call("--option", "format=packed", "tcp")
        self.assertEqual(run.returncode, 0)
        (self.dir / "x.skd").write_bytes(run.stdout)
        shown = subprocess.run([SOCKCTL, f"--file={self.dir}/x.skd", "show", "-a", "--json"], capture_output=True, check=False)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(json.loads(shown.stdout)["schema"], "socketd/1")

    def test_list_fields_is_the_catalogue(self):
        self.start_bus()
        self.start_daemon()
        run = subprocess.run(["busctl", f"--address={self.address}", "--json=short", "call", "org.socketd1", "/org/socketd1",
                              "org.socketd1.Manager", "ListFields"], capture_output=True, text=True, check=True)
        fields = json.loads(run.stdout)["data"][0]
        described = json.loads(subprocess.run([SOCKCTL, "describe", "--json"], capture_output=True, check=True).stdout)
        self.assertEqual([f[0] for f in fields], [d["name"] for d in described["fields"]])

    def test_version(self):
        self.start_bus()
        self.start_daemon()
        run = subprocess.run(["busctl", f"--address={self.address}", "get-property", "org.socketd1", "/org/socketd1",
                              "org.socketd1.Manager", "Version"], capture_output=True, text=True, check=True)
        version = subprocess.run([SOCKETD, "--version"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(run.stdout.split('"')[1], version.split()[1])

    def test_sockctl_asks_the_bus_it_is_told(self):
        self.start_bus()
        self.start_daemon()
        with socket.create_server(("127.0.0.1", 0)) as server:
            run = subprocess.run([SOCKCTL, f"--bus={self.address}", "show", f"sport = :{server.getsockname()[1]}"],
                                 capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn(f"pid={os.getpid()}", run.stdout)


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.start_bus()
        self.start_daemon()

    def test_bad_filter_names_the_column(self):
        self.assertEqual(self.refusal("state established and inodee = 1").split(":")[0], "org.socketd1.InvalidFilter")
        self.assertIn("column 23", self.refusal("state established and inodee = 1"))

    def test_long_filter(self):
        self.assertIn("org.socketd1.InvalidFilter", self.refusal("x" * 5000))

    def test_deep_filter(self):
        self.assertIn("org.socketd1.InvalidFilter", self.refusal("(" * 1000 + "tcp" + ")" * 1000))

    def test_unknown_words(self):
        invalid = "org.freedesktop.DBus.Error.InvalidArgs"
        self.assertIn(invalid, self.refusal("--option", "format=xml"))
        self.assertIn(invalid, self.refusal("--option", "colour=red"))
        self.assertIn(invalid, self.refusal("--filter-key", "expresion"))
        self.assertIn("did you mean \"tcpi_rttvar\"", self.refusal("--field", "tcpi_rttva"))

    def test_wrong_type(self):
        self.assertIn("wrong type", self.refusal("--number", "format"))

    def test_daemon_is_well_after_all_that(self):
        for bad in ("(", "state nowhere", "a = ", "\\", "'"):
            self.refusal(bad)
        self.rows("netlink")


class Limits(Case):
    def setUp(self):
        super().setUp()
        self.start_bus()
        self.daemon = self.start_daemon()

    def hold(self, n, user=None):
        command = [CALL, self.address, "--hold", n, "--option", "format=ndjson"]
        if user:
            command = ["setpriv", f"--reuid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"] + command
        holder = self.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return holder, int(holder.stdout.readline())

    def memory(self):
        text = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
        return int(text.split("VmRSS:")[1].split()[0]) * 1024

    def test_streams_of_a_user(self):
        # More than a socket's buffer must wait in each stream, else it is complete and counts no more.
        pairs = [socket.socketpair() for _ in range(1000)]
        holder, n = self.hold(10, user="nobody")
        self.assertEqual(n, 4)
        self.assertIn(b"org.socketd1.TooManyStreams", holder.stderr.readline())
        # Nobody else is hurt, and the places are free again when the holder is gone.
        self.rows("netlink")
        holder.stdin.close()
        holder.wait()
        until(lambda: self.call("netlink", user="nobody").returncode == 0, "a free place")
        for pair in pairs:
            for end in pair:
                end.close()

    def test_slow_readers_cost_bounded_memory(self):
        pairs = [socket.socketpair() for _ in range(1500)]
        before = self.memory()
        holder, n = self.hold(100)
        self.assertEqual(n, 64)
        time.sleep(1)
        # 64 streams: 256 KiB of text each, what waited for the owners (3000 rows here), and the names.
        self.assertLess(self.memory() - before, 64 * 4 * 1024 * 1024 * SANITIZER_FACTOR)
        self.assertIn(b"org.socketd1.TooManyStreams", holder.stderr.readline())
        holder.kill()
        holder.wait()
        until(lambda: self.call("netlink").returncode == 0, "a free place")
        for pair in pairs:
            for end in pair:
                end.close()

    def test_private_connections(self):
        peers = []
        for _ in range(20):
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(str(self.private))
            peers.append(peer)
        until(lambda: "one more is refused" in self.log(), "a refusal in the log")
        for peer in peers:
            peer.close()
        until(lambda: self.call("netlink", peer=True).returncode == 0, "a free place")

    def test_junk_on_the_private_socket(self):
        for i in range(50):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(str(self.private))
                try:
                    peer.sendall(bytes((i * j) & 255 for j in range(4000)))
                except OSError:
                    pass
        self.rows("netlink", peer=True)


class Privacy(Case):
    """A caller who is not root learns what the kernel tells that user, and no more."""

    def setUp(self):
        super().setUp()
        self.start_bus()
        self.start_daemon()

    def test_other_users_owners(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            where = f"sport = :{server.getsockname()[1]}"
            rows, _ = self.rows(where)
            self.assertIn("owners", rows[0])
            rows, _ = self.rows(where, user="nobody")
            self.assertEqual(len(rows), 1)
            self.assertNotIn("owners", rows[0])

    def test_own_sockets_owners(self):
        code = "import socket,sys; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()"
        child = self.start("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                           "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable, "-c", code,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = child.stdout.readline()
        if not line:
            self.skipTest("no python that nobody may run")
        rows, _ = self.rows(f"sport = :{int(line)}", user="nobody")
        self.assertEqual([o["pid"] for o in rows[0]["owners"]], [child.pid])

    def test_marks(self):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x1234)
            s.bind(("127.0.0.1", 0))
            s.listen()
            where = f"sport = :{s.getsockname()[1]}"
            rows, _ = self.rows(where)
            self.assertEqual(rows[0]["sk_mark"], 0x1234)
            rows, _ = self.rows(where, user="nobody")
            self.assertNotIn("sk_mark", rows[0])

    def test_private_socket_is_ours(self):
        self.assertEqual(stat.S_IMODE(self.private.stat().st_mode), 0o600)
        self.assertEqual(self.call("netlink", peer=True, user="nobody").returncode, 1)


class Faults(Case):
    def test_second_daemon(self):
        self.start_daemon(bus=False)
        second = subprocess.run([SOCKETD, "--bus=none", f"--private={self.private}"], capture_output=True, text=True, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another socketd listens there", second.stderr)
        self.rows("netlink", peer=True)

    def test_socket_of_a_dead_daemon(self):
        first = self.start_daemon(bus=False)
        first.kill()
        first.wait()
        self.assertTrue(self.private.exists())
        self.start_daemon(bus=False)
        until(lambda: self.call("netlink", peer=True).returncode == 0, "an answer")

    def test_other_files_are_left_alone(self):
        self.private.write_text("keep")
        run = subprocess.run([SOCKETD, "--bus=none", f"--private={self.private}"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("is no socket", run.stderr)
        self.assertEqual(self.private.read_text(), "keep")

    def test_folder_of_the_socket_is_made(self):
        self.private = self.dir / "run" / "private"
        self.start_daemon(bus=False)
        self.rows("netlink", peer=True)

    def test_second_daemon_takes_the_name_later(self):
        self.start_bus()
        first = self.start_daemon()
        self.private = self.dir / "private2"
        second = self.start_daemon(wait=False)
        until(lambda: "cannot take the name org.socketd1: another daemon has it" in self.log(), "a line in the log")
        self.rows("netlink")
        first.kill()
        first.wait()
        self.wait_for_name()
        self.rows("netlink")
        self.assertIsNone(second.poll())

    def test_client_of_a_stopped_daemon(self):
        daemon = self.start_daemon(bus=False)
        daemon.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        run = subprocess.run([SOCKCTL, f"--bus=unix:path={self.private}", "show", "netlink"], capture_output=True, text=True,
                             check=False, timeout=30)
        self.assertEqual(run.returncode, 3, run.stderr)
        self.assertLess(time.monotonic() - start, 15)
        daemon.send_signal(signal.SIGCONT)
        self.rows("netlink", peer=True)

    def test_client_finds_a_private_socket_by_address(self):
        self.start_daemon(bus=False)
        run = subprocess.run([SOCKCTL, f"--bus=unix:path={self.private}", "show", "netlink"], capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("sock_diag", run.stdout)

    def test_bpf_storage_without_the_right_to_it(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            command = ["setpriv", "--reuid=nobody", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", SOCKCTL, "--direct",
                       "show", "--json", "-C", "local_port,bpf_map_ids", f"sport = :{server.getsockname()[1]}"]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(json.loads(run.stdout)["sockets"], [{"local_port": server.getsockname()[1]}])

    def test_end_removes_the_socket(self):
        daemon = self.start_daemon(bus=False)
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(timeout=10), 0)
        self.assertFalse(self.private.exists())

    def test_child_ends_with_its_parent(self):
        ours, theirs = socket.socketpair()
        child = self.start(SOCKETD, "--stdio", stdin=theirs, stdout=theirs)
        theirs.close()
        time.sleep(0.2)
        self.assertIsNone(child.poll())
        ours.close()
        self.assertEqual(child.wait(timeout=10), 0)

    def test_reader_that_hangs_up(self):
        daemon = self.start_daemon(bus=False)
        self.rows("netlink", peer=True)  # the event loop opens what it needs
        before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        for _ in range(20):
            command = f"{CALL} unix:path={self.private} --peer | head -c 100 >/dev/null"
            subprocess.run(["sh", "-c", command], check=False, stderr=subprocess.DEVNULL)
        until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= before, "all descriptors given back")
        self.assertEqual([], [p for p in pathlib.Path("/proc").glob("[0-9]*/stat") if is_child(p, daemon.pid)])

    def test_usage(self):
        for arguments, code in ((["--nonsense"], 2), (["extra"], 2), (["--help"], 0), (["--version"], 0)):
            run = subprocess.run([SOCKETD] + arguments, capture_output=True, check=False)
            self.assertEqual(run.returncode, code)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_child(path, parent):
    try:
        return int(path.read_text().rsplit(")", 1)[1].split()[1]) == parent
    except OSError:
        return False


def own_network():
    """A network namespace for this process and all it starts: nobody else's sockets are counted, and nobody sees ours."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) < 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def run_tests():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed, {len(result.skipped)} skipped")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    run_tests()
