#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sockctl kill and DestroySocket: what the victim is told by its next system call is the truth

Usage: test_kill.py SOCKCTL SOCKETD
"""

import errno
import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SOCKETD = os.path.abspath(sys.argv.pop(2))

from sockctl_case import ENV, ROOT, SOCKCTL, TIMEOUT, cookie, run  # noqa: E402 it takes its own argument

sys.path.insert(0, str(ROOT / "tests/bus"))
from wire import Wire  # noqa: E402

NOBODY = 65534
ABORTED = errno.ECONNABORTED
NO_SOCKET = "org.socketd1.NoSuchSocket"
INVALID = "org.freedesktop.DBus.Error.InvalidArgs"
UNSUPPORTED = "org.freedesktop.DBus.Error.NotSupported"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"

# In another network namespace: a connection, its cookie and what becomes of it.
ELSEWHERE = """
import socket, struct, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
print(struct.unpack("Q", client.getsockopt(socket.SOL_SOCKET, 57, 8))[0], client.getsockname()[1], flush=True)
try:
    client.recv(1)
    print(0, flush=True)
except OSError as e:
    print(e.errno, flush=True)
"""


def fate(s):
    """errno of the next call on a socket; 0 when nothing happened to it."""
    s.settimeout(0.2)
    try:
        if s.type == socket.SOCK_STREAM and s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            s.accept()
        else:
            s.recv(1)
    except TimeoutError:
        return 0
    except OSError as e:
        return e.errno
    return None


def udp(host, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((host, 0))
    return s


def connected(host="127.0.0.1", family=socket.AF_INET):
    """(listener, client, accepted)"""
    server = socket.create_server((host, 0), family=family)
    client = socket.create_connection(server.getsockname()[:2])
    return server, client, server.accept()[0]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sockctl-kill-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.private = self.folder / "private"
        self.log = self.folder / "log"
        self.held = []

    def tearDown(self):
        for s in self.held:
            s.close()

    def hold(self, *sockets):
        self.held += sockets
        return sockets if len(sockets) > 1 else sockets[0]

    def begin(self, *config):
        path = self.folder / "socketd.conf"
        path.write_text("\n".join(["[Socketd]", *config, ""]), encoding="utf-8")
        with open(self.log, "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen([SOCKETD, "--bus=none", f"--private={self.private}", f"--config={path}"], stderr=log)
        self.addCleanup(self.end)
        end = time.monotonic() + 10
        while "listening" not in self.log.read_text(encoding="utf-8"):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        return f"--bus=unix:path={self.private}"

    def end(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(TIMEOUT), 0, self.log.read_text(encoding="utf-8"))

    def ways(self):
        """Through a daemon, and by sockctl itself."""
        return self.begin(), "--direct"

    def kill(self, way, *args, code=0, **more):
        r = run(way, "kill", *args, **more)
        self.assertEqual(r.returncode, code, r.stdout + r.stderr)
        return r.stdout.decode()

    def told(self, way, *args, code=0):
        """cookie -> (result, reason)"""
        rows = json.loads(self.kill(way, "--yes", "--json", *args, code=code))["sockets"]
        return {int(r["cookie"], 16): (r["result"], r.get("reason")) for r in rows}

    def by_cookie(self, way, s, code=0):
        """Kills one, by its name; nothing else is told of."""
        told = self.told(way, f"sk:{cookie(s):x}", code=code)
        self.assertEqual(list(told), [cookie(s)])
        return told[cookie(s)]


class Kinds(Case):
    def test_connections(self):
        for way in self.ways():
            for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
                server, client, accepted = self.hold(*connected(host, family))
                other = self.hold(*connected(host, family))
                self.assertEqual(self.by_cookie(way, client), ("killed", None))
                self.assertEqual(fate(client), ABORTED)
                self.assertEqual(fate(accepted), errno.ECONNRESET)
                self.assertEqual([fate(s) for s in (server, *other)], [0, 0, 0, 0])

    def test_mapped_addresses(self):
        for way in self.ways():
            server = self.hold(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
            client = self.hold(socket.create_connection(("127.0.0.1", server.getsockname()[1])))
            accepted = self.hold(server.accept()[0])
            self.assertEqual(accepted.getpeername()[0], "::ffff:127.0.0.1")
            self.assertEqual(self.by_cookie(way, accepted), ("killed", None))
            self.assertEqual((fate(accepted), fate(client), fate(server)), (ABORTED, errno.ECONNRESET, 0))

    def test_listener_and_connecting(self):
        for way in self.ways():
            server = self.hold(socket.create_server(("127.0.0.1", 0), backlog=0))
            self.hold(socket.create_connection(server.getsockname()))
            waits = self.hold(socket.socket())
            waits.setblocking(False)
            self.assertEqual(waits.connect_ex(server.getsockname()), errno.EINPROGRESS)
            ss = subprocess.run(["ss", "-Htn", "state", "syn-sent", "sport", f":{waits.getsockname()[1]}"], capture_output=True, check=True)
            self.assertTrue(ss.stdout, "it connects")
            self.assertEqual(self.by_cookie(way, waits), ("killed", None))
            self.assertEqual(waits.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), ABORTED)
            server.accept()[0].close()
            self.assertEqual(self.by_cookie(way, server), ("killed", None))
            self.assertEqual((fate(server), server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)), (ABORTED, 0))

    def test_datagrams(self):
        for way in self.ways():
            one, two, six = self.hold(udp("127.0.0.1"), udp("127.0.0.1"), udp("::1", socket.AF_INET6))
            peer = self.hold(udp("127.0.0.1"))
            peer.connect(two.getsockname())
            for s in (one, six, peer):
                self.assertEqual(self.by_cookie(way, s), ("killed", None))
                self.assertEqual(fate(s), ABORTED)
            self.assertEqual(fate(two), 0)

    def test_one_of_many_at_one_port(self):
        """SO_REUSEPORT: the kernel would take whichever its hash says."""
        def stream():
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            return s

        def datagram():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            return s

        for way in self.ways():
            for make in (stream, datagram):
                first = make()
                first.bind(("127.0.0.1", 0))
                group = [first]
                for _ in range(15):
                    group.append(make())
                    group[-1].bind(first.getsockname())
                self.hold(*group)
                if make is stream:
                    for s in group:
                        s.listen()
                for n in (11, 0, 7):
                    self.assertEqual(self.by_cookie(way, group[n]), ("killed", None))
                    self.assertIn(fate(group.pop(n)), (ABORTED, errno.EINVAL))
                self.assertEqual([fate(s) for s in group], [0] * 13)

    def test_raw(self):
        """The kernel has no look at the cookie of raw sockets."""
        made = [socket.socket(socket.AF_INET, socket.SOCK_RAW, 200) for _ in range(3)]
        self.hold(*made)
        listed = json.loads(run("--direct", "show", "--json", "raw and protocol = 200").stdout)["sockets"]
        if not all("cookie" in s for s in listed):
            self.skipTest("this kernel has no raw_diag: raw sockets are lines of /proc, without cookies")
        for way in self.ways():
            killed = set()
            for s in made:
                if self.told_any(way, s) == "killed":
                    killed.add(s)
                self.assertEqual({x for x in made if fate(x) == ABORTED} - killed, set(), "another one was hit")

    def told_any(self, way, s):
        r = run(way, "kill", "--yes", "--json", f"sk:{cookie(s):x}")
        row = json.loads(r.stdout)["sockets"][0]
        self.assertEqual(r.returncode, 0 if row["result"] == "killed" else 5)
        return row["result"]

    def test_what_cannot_be(self):
        for way in self.ways():
            a, b = self.hold(*socket.socketpair())
            result, reason = self.by_cookie(way, a, code=5)
            self.assertEqual(result, "not supported")
            self.assertIn("TCP, UDP and raw", reason)
            b.send(b"x")
            self.assertEqual(a.recv(1), b"x")
            # Listens no more, but has its descriptor: nothing leads to it.
            free = socket.create_server(("127.0.0.1", 0))
            name = free.getsockname()
            free.close()
            server = self.hold(socket.create_server(name))
            self.assertEqual(self.by_cookie(way, server), ("killed", None))
            self.assertEqual(self.by_cookie(way, server, code=5)[0], "not supported")

    def test_in_another_namespace(self):
        for way in self.ways():
            mine, other, accepted = self.hold(*connected())
            child = subprocess.Popen(["unshare", "-n", sys.executable, "-c", ELSEWHERE], stdout=subprocess.PIPE, text=True)
            try:
                there, port = map(int, child.stdout.readline().split())
                ino = os.stat(f"/proc/{child.pid}/ns/net").st_ino
                if way != "--direct":
                    with Wire(self.private) as wire:
                        own = os.stat("/proc/self/ns/net").st_ino
                        for netns in (0, own, ino + 12345):
                            self.assertEqual(wire.ask("DestroySocket", "tt", [netns, there]).error, NO_SOCKET)
                        self.assertEqual(wire.ask("DestroySocket", "tt", [ino, cookie(other)]).error, NO_SOCKET)
                told = self.told(way, f"netns:{ino} and sport = :{port}")
                self.assertEqual(told, {there: ("killed", None)})
                self.assertEqual(int(child.stdout.readline()), ABORTED)
            finally:
                child.kill()
                child.wait()
                child.stdout.close()
            self.assertEqual([fate(s) for s in (mine, other, accepted)], [0, 0, 0])


class Bus(Case):
    def test_cookies(self):
        self.begin()
        _, client, _ = self.hold(*connected())
        with Wire(self.private) as wire:
            for bad in (0, 2**64 - 1):
                self.assertEqual(wire.ask("DestroySocket", "tt", [0, bad]).error, INVALID)
            self.assertEqual(wire.ask("DestroySocket", "tt", [0, cookie(client) + 2**40]).error, NO_SOCKET)
            self.assertEqual(wire.ask("DestroySocket", "tt", [1, cookie(client)]).error, NO_SOCKET)
            self.assertEqual(fate(client), 0)
            self.assertIsNone(wire.ask("DestroySocket", "tt", [os.stat("/proc/self/ns/net").st_ino, cookie(client)]).error)
            self.assertEqual(fate(client), ABORTED)
            self.assertEqual(wire.ask("DestroySocket", "tt", [0, cookie(client)]).error, NO_SOCKET)
            a, _ = self.hold(*socket.socketpair())
            self.assertEqual(wire.ask("DestroySocket", "tt", [0, cookie(a)]).error, UNSUPPORTED)

    def test_each_attempt_is_in_the_log(self):
        way = self.begin()
        server, client, _ = self.hold(*connected())
        r = subprocess.Popen([SOCKCTL, way, "kill", "--yes", f"sk:{cookie(client):x}"], stdout=subprocess.DEVNULL, env=ENV)
        self.assertEqual(r.wait(TIMEOUT), 0)
        comm = pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        lines = self.log.read_text(encoding="utf-8").splitlines()
        line = next(x for x in lines if "wants a socket destroyed" in x)
        for part in (f"uid 0 (sockctl[{r.pid}]", "tcp", f"local 127.0.0.1 port {client.getsockname()[1]}",
                     f"peer 127.0.0.1 port {server.getsockname()[1]}", f"cookie {cookie(client):x}", f"{comm}[{os.getpid()}]"):
            self.assertIn(part, line)
        self.assertTrue(line.endswith(": killed"), line)
        with Wire(self.private) as wire:
            wire.ask("DestroySocket", "tt", [0, cookie(client)])
        self.assertTrue(self.log.read_text(encoding="utf-8").splitlines()[-1].endswith(f"cookie {cookie(client):x}: gone"))

    def test_no_level_hides_an_attempt(self):
        """Who may change what is logged (polkit's manage) may not leave others unseen who destroy."""
        self.begin()
        with Wire(self.private) as wire:
            reply = wire.ask("Set", "ssv", ["org.freedesktop.LogControl1", "LogLevel", ("s", "emerg")],
                             path="/org/freedesktop/LogControl1", interface="org.freedesktop.DBus.Properties")
            self.assertIsNone(reply.error, reply.body)
            wire.ask("DestroySocket", "tt", [0, 4711])
        self.assertIn("wants a socket destroyed: cookie 1267: gone", self.log.read_text(encoding="utf-8"))

    def test_allow_destroy(self):
        """Root neither, and at once after a reload."""
        way = self.begin("AllowDestroy=no")
        server, client, _ = self.hold(*connected())
        with Wire(self.private) as wire:
            reply = wire.ask("DestroySocket", "tt", [0, cookie(client)])
        self.assertEqual(reply.error, DENIED)
        self.assertIn("AllowDestroy=no", reply.body[0])
        result, reason = self.by_cookie(way, client, code=4)
        self.assertEqual(result, "denied")
        self.assertIn("AllowDestroy=no", reason)
        self.assertEqual(fate(client), 0)
        (self.folder / "socketd.conf").write_text("[Socketd]\nAllowDestroy=yes\n", encoding="utf-8")
        self.daemon.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertEqual(self.by_cookie(way, client), ("killed", None))
        self.assertEqual(fate(client), ABORTED)

    def test_as_nobody(self):
        """The kernel says it, of one's own socket too."""
        shutil.copy(SOCKCTL, self.folder)
        server, client, _ = self.hold(*connected())
        r = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", self.folder / "sockctl", "--direct", "kill",
                            "--yes", f"sk:{cookie(client):x}"], capture_output=True, text=True, env=ENV, check=False, timeout=TIMEOUT)
        self.assertEqual(r.returncode, 4, r.stderr)
        self.assertRegex(r.stdout, "^denied .*CAP_NET_ADMIN")
        self.assertEqual(fate(client), 0)


class Asks(Case):
    def on_terminal(self, way, *args, answer=None, between=None):
        """(status, output, what was asked); answer None is the end of the input."""
        master, slave = pty.openpty()
        p = subprocess.Popen([SOCKCTL, way, *args], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
        os.close(slave)
        asked = b""
        while not asked.endswith(b"[y/N] "):
            piece = os.read(p.stderr.fileno(), 4096)
            self.assertTrue(piece, asked)
            asked += piece
        if between:
            between()
        os.write(master, answer if answer is not None else b"\x04")
        out, err = p.communicate(timeout=TIMEOUT)
        os.close(master)
        return p.returncode, out.decode(), (asked + err).decode()

    def test_question(self):
        for way in self.ways():
            for answer in (b"n\n", b"\n", None, b"ys\n", b"nonsense, much longer than a yes could be y\ny\n"):
                server, client, accepted = self.hold(*connected())
                port = server.getsockname()[1]
                code, out, asked = self.on_terminal(way, "kill", f":{port}", answer=answer)
                self.assertIn("Kill these 3 sockets? [y/N] ", asked)
                self.assertEqual((code, out.count(f":{port}")), (0, 3), out)
                self.assertEqual([fate(s) for s in (server, client, accepted)], [0, 0, 0], answer)
            code, out, asked = self.on_terminal(way, "show", "-K", f"dport = :{port}", answer=b"y\n")
            self.assertIn("Kill this socket? [y/N] ", asked)
            self.assertEqual((code, fate(client), fate(server)), (0, ABORTED, 0))
            self.assertRegex(out.splitlines()[-1], rf"^killed +tcp 127.0.0.1:\d+ 127.0.0.1:{port}  sk:{cookie(client):x}$")

    def test_it_closed_meanwhile(self):
        """What is killed is what was listed, not what is there now."""
        for way in self.ways():
            server, client, accepted = self.hold(*connected())
            port, again = client.getsockname()[1], []

            def swap():
                for s in (client, accepted):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.close()
                s = socket.socket()
                s.bind(("127.0.0.1", port))
                s.connect(server.getsockname())
                again.append(self.hold(s))

            code, out, _ = self.on_terminal(way, "kill", f"sport = :{port}", answer=b"y\n", between=swap)
            self.assertEqual((code, fate(again[0])), (1, 0))
            self.assertRegex(out.splitlines()[-1], "^gone ")

    def test_refusals(self):
        way = self.begin()
        server, client, _ = self.hold(*connected())
        port = f":{server.getsockname()[1]}"
        for args in (["kill"], ["kill", "--yes"], ["kill", "-t", "--yes"], ["kill", port], ["show", "-K", port], ["kill", "--json", port],
                     ["kill", "--yes", "--dry-run", port], ["show", "--yes", port], ["kill", "--yes", "sport = x y"],
                     ["kill", "--file=/dev/null", "--yes", port], ["show", "-K", "-s", port], ["kill", "--limit=1", "--yes", port]):
            r = run(way, *args)
            self.assertEqual((r.returncode, r.stdout), (2, b""), args)
            self.assertNotEqual(r.stderr, b"", args)
        self.assertIn(b"--yes", run(way, "kill", port).stderr)
        # A variable that is not set. (Never without --dry-run here: it would be all sockets of the host.)
        for empty in ([""], [" \t"], [port, ""]):
            r = run(way, "kill", "--dry-run", *empty)
            self.assertEqual((r.returncode, r.stdout), (2, b""), empty)
            self.assertIn(b"that is not empty", r.stderr)
        self.assertEqual([fate(s) for s in (server, client)], [0, 0])

    def test_dry_run(self):
        for way in self.ways():
            server, client, accepted = self.hold(*connected())
            port = server.getsockname()[1]
            self.assertEqual(self.kill(way, "--dry-run", f":{port}").count(f":{port}"), 3)
            rows = json.loads(self.kill(way, "--dry-run", "--json", f":{port}"))["sockets"]
            self.assertEqual({int(r["cookie"], 16) for r in rows}, {cookie(s) for s in (server, client, accepted)})
            self.assertFalse(any("result" in r for r in rows))
            self.assertEqual([fate(s) for s in (server, client, accepted)], [0, 0, 0])

    def test_codes(self):
        for way in self.ways():
            gone = self.hold(socket.create_server(("127.0.0.1", 0)))
            port = gone.getsockname()[1]
            gone.close()
            self.assertEqual(self.kill(way, "--yes", f":{port}", code=1), "")
            self.assertEqual(self.kill(way, "--yes", f"sport = :{port}"), "")
            # Partly: one of two.
            a, _ = self.hold(*socket.socketpair())
            _, client, _ = self.hold(*connected())
            told = self.told(way, f"sk:{cookie(a):x} or sk:{cookie(client):x}", code=5)
            self.assertEqual({k: v[0] for k, v in told.items()}, {cookie(a): "not supported", cookie(client): "killed"})
            # Both ends of one connection: the first takes the second with it.
            server, client, accepted = self.hold(*connected())
            told = self.told(way, f"state established and :{server.getsockname()[1]}")
            self.assertEqual(sorted(v[0] for v in told.values()), ["gone", "killed"])
            self.assertNotEqual(0, fate(client) * fate(accepted))


def own_network():
    if os.environ.get("SOCKCTL_KILL_INSIDE"):
        return
    os.environ["SOCKCTL_KILL_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", sys.executable, __file__, SOCKCTL,
                          SOCKETD, *sys.argv[1:]])


if __name__ == "__main__":
    own_network()
    unittest.main()
