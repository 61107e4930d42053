#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every network namespace in one view: each socket once and in its own, whoever reads and whatever comes and goes

Usage: test_namespaces.py SOCKCTL SOCKETD SOCKETD_NETNS ZOO
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOCKETD, SOCKETD_NETNS, ZOO = (os.path.abspath(sys.argv.pop(2)) for _ in range(3))

from sockctl_case import ROOT, SOCKCTL, TIMEOUT, environment  # noqa: E402 it takes its own argument

sys.path.insert(0, str(ROOT / "tests/cli"))
import zoo_compare  # noqa: E402

N_NETNS = 10
PREFIX = f"socketd-test-{os.getpid()}-"
NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
# The same ends in each; prints the cookies that the kernel gave, and holds all until its input ends.
HOLDER = r"""
import json, socket, struct, sys
def cookie(s):
    return "%x" % struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
sockets = [socket.create_server(("127.0.0.1", 8080)), socket.create_server(("::1", 8080), family=socket.AF_INET6)]
for port in range(9000, 9003):
    sockets.append(socket.create_connection(("127.0.0.1", 8080), source_address=("127.0.0.1", port)))
    sockets.append(sockets[0].accept()[0])
for family, kind, address in ((socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 53)), (socket.AF_INET6, socket.SOCK_DGRAM, ("::1", 53)),
                              (socket.AF_UNIX, socket.SOCK_DGRAM, "\0everywhere"), (socket.AF_UNIX, socket.SOCK_STREAM, "\0everywhere")):
    sockets.append(socket.socket(family, kind))
    sockets[-1].bind(address)
print(json.dumps([cookie(s) for s in sockets]), flush=True)
sys.stdin.read()
"""


def must(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, timeout=TIMEOUT, **more)


class Place:
    """A namespace with its sockets: those that are the same in each, and a zoo."""

    def __init__(self, name):
        self.name = name
        self.children = []
        must("ip", "netns", "add", name)
        must("ip", "-n", name, "link", "set", "lo", "up")
        self.ino = os.stat(f"/run/netns/{name}").st_ino

    def start(self, *command):
        child = subprocess.Popen(["ip", "netns", "exec", self.name, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.children.append(child)
        return child

    def begin(self):
        self.start(sys.executable, "-c", HOLDER)
        self.start(ZOO)

    def await_all(self):
        lines = [child.stdout.readline() for child in self.children]
        assert all(lines), f"{self.name}: a holder of sockets said nothing"
        self.cookies, self.zoo = (json.loads(line) for line in lines)

    def ss(self):
        """What the kernel tells inside: cookie, state and ends of each TCP socket."""
        out = must("ip", "netns", "exec", self.name, "ss", "-Htane", capture_output=True, text=True).stdout
        rows = []
        for line in out.splitlines():
            words = line.split()
            # Bound and no more (Linux 6.8) are known to newer ones of it alone.
            if words[0] != "UNCONN":
                rows.append((re.search(r" sk:([0-9a-f]+)", line).group(1), words[0],
                             words[3].rpartition(":")[2], words[4].rpartition(":")[2]))
        return collections.Counter(rows)

    def remove(self):
        for child in self.children:
            child.stdin.close()
            child.wait(TIMEOUT)
            child.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], check=False)


class Namespaces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.places = []
        cls.addClassCleanup(lambda: [p.remove() for p in cls.places])
        for i in range(N_NETNS):
            # Names are any bytes but a slash.
            name = PREFIX + ("a b\\c" if i == 3 else "\xe9\"<" if i == 4 else str(i))
            cls.places.append(Place(name))
            cls.places[-1].begin()
        for place in cls.places:
            place.await_all()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="socketd-netns-")
        self.addCleanup(shutil.rmtree, self.folder)

    def start_daemon(self, *before, env=None):
        private = os.path.join(self.folder, "private")
        log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")
        daemon = subprocess.Popen([*before, SOCKETD, "--bus=none", f"--private={private}"], stdin=subprocess.DEVNULL, stderr=log,
                                  env={**os.environ, **(env or {})})
        log.close()

        def stop():
            daemon.terminate()
            daemon.wait(TIMEOUT)
        self.addCleanup(stop)
        for _ in range(1000):
            if os.path.exists(private):
                break
            time.sleep(0.02)
        self.daemon = daemon
        return f"--bus=unix:path={private}"

    def show(self, *args, before=(), env=None, status=0):
        command = [*before, SOCKCTL, *args]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                              env=environment(args, {**NO_BUS, **(env or {})}))
        self.assertEqual(done.returncode, status, done.stderr.decode(errors="replace"))
        return json.loads(done.stdout)

    def ways(self):
        """To the same answer: by sockctl itself, by a daemon of its own, and by one that runs."""
        yield "direct", ("--direct",)
        yield "spawned", ()
        yield "daemon", (self.start_daemon(),)

    def check_places(self, document):
        by_cookie = collections.defaultdict(list)
        for row in document["sockets"]:
            by_cookie[row.get("cookie")].append(row)
        for place in self.places:
            for cookie in place.cookies:
                rows = by_cookie[cookie]
                self.assertEqual([r["netns"] for r in rows], [place.ino], place.name)
                # As it is shown: a backslash is not left alone.
                self.assertEqual(rows[0].get("netns_name"), place.name.replace("\\", "\\\\"))

    def test_all_in_one_view(self):
        for way, args in self.ways():
            with self.subTest(way):
                document = self.show(*args, "show", "-a", "--json")
                self.assertFalse(document["partial"])
                self.check_places(document)
                for place in self.places:
                    ours = collections.Counter((r["cookie"], r["state"], str(r["local_port"]), "*" if r["peer_port"] == 0 else str(r["peer_port"]))
                                               for r in document["sockets"] if r["netns"] == place.ino and r["netid"] == "tcp"
                                               and r["state"] != "UNCONN")
                    self.assertEqual(ours, place.ss(), place.name)

    def test_zoo_in_each(self):
        for way, args in self.ways():
            document = self.show(*args, "show", "-a", "--json")
            for place in self.places:
                result = zoo_compare.Result()
                index = zoo_compare.Index([r for r in document["sockets"] if r["netns"] == place.ino])
                for entry in place.zoo["entries"]:
                    # TIME-WAIT lasts a minute, and this test may begin later.
                    if entry["expect"].get("state") in ("TIME-WAIT", "FIN-WAIT-2"):
                        continue
                    zoo_compare.compare_entry(result, f"{way} {place.name}: ", entry, index, True)
                self.assertGreater(result.passed, 500)
                self.assertEqual(result.failed, 0)

    def test_one_by_name(self):
        place = self.places[3]
        for way, args in self.ways():
            with self.subTest(way):
                quoted = place.name.replace("\\", "\\\\")
                for words in ((f'netns_name = "{quoted}"',), (f"netns = {place.ino}",)):
                    document = self.show(*args, "show", "-a", "--json", *words)
                    self.assertEqual({r["netns"] for r in document["sockets"]}, {place.ino}, words)
                    self.assertLessEqual(set(place.cookies), {r.get("cookie") for r in document["sockets"]})

    def test_come_and_go(self):
        """Namespaces appear and vanish while others are read; none of those that stay loses a row."""
        stop = threading.Event()
        errors = []

        def churn():
            i = 0
            while not stop.is_set():
                names = [f"{PREFIX}x{i}-{k}" for k in range(2)]
                i += 1
                try:
                    for name in names:
                        must("ip", "netns", "add", name)
                    for name in names:
                        must("ip", "netns", "del", name)
                except subprocess.SubprocessError as error:
                    errors.append(error)
                    return

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for way, args in self.ways():
                for _ in range(5):
                    document = self.show(*args, "show", "-a", "--json")
                    self.assertFalse(document["partial"], way)
                    self.check_places(document)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(errors, [])

    def test_daemon_lets_go(self):
        """What a daemon has open in a namespace keeps it: when it is gone, so are those."""
        args = (self.start_daemon(),)

        def count(good):
            for _ in range(200):
                n = len(os.listdir(f"/proc/{self.daemon.pid}/fd"))
                if good(n):
                    break
                self.show(*args, "show", "-a", "--json", "netid = raw")
                time.sleep(0.1)
            return n

        # Others may come and go meanwhile: what is looked for is more than they make.
        names = [f"{PREFIX}y{i}" for i in range(12)]
        last = []
        before = count(lambda n: last.append(n) or len(last) > 20 and max(last[-20:]) - min(last[-20:]) <= 2)
        for name in names:
            must("ip", "netns", "add", name)
        try:
            self.assertGreaterEqual(count(lambda n: n >= before + len(names)), before + len(names), "they are not tracked")
        finally:
            for name in names:
                must("ip", "netns", "del", name)
        self.assertLessEqual(count(lambda n: n <= before + len(names) / 3), before + len(names) / 3)

    def test_monitor_begins_with_names(self):
        """What was there is told with its namespace's name, also by a daemon that was just started for it."""
        command = [SOCKCTL, "monitor", "--initial", "-t", "sport = :8080 and state listen and family inet"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              env=environment(command[1:], NO_BUS)) as monitor:
            watchdog = threading.Timer(TIMEOUT, monitor.kill)
            watchdog.start()
            names = set()
            wanted = {f" netns:{p.name}" for p in self.places if re.fullmatch(r"[!-\[\]-~]+", p.name)}
            for line in monitor.stdout:
                self.assertNotRegex(line, r" netns:[0-9]+$")
                names |= {name for name in wanted if name in line + " "}
                if names == wanted:
                    break
            monitor.terminate()
            watchdog.cancel()
        self.assertEqual(names, wanted)

    def test_an_ordinary_user(self):
        """Sees the namespace that he is in, as from ss."""
        own = os.stat("/proc/self/ns/net").st_ino
        nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
        if subprocess.run([*nobody, "test", "-x", SOCKCTL], check=False).returncode != 0:
            self.skipTest("nobody may not run sockctl where it is")
        document = self.show("--direct", "show", "-a", "--json", before=nobody)
        self.assertEqual({r["netns"] for r in document["sockets"]}, {own})
        inside = self.places[5]
        document = self.show("--direct", "show", "-a", "--json", before=("ip", "netns", "exec", inside.name, *nobody))
        self.assertEqual({r["netns"] for r in document["sockets"]}, {inside.ino})

    def test_by_the_helper(self):
        """Without CAP_SYS_ADMIN, as the service is."""
        script = r"""
            names=$(mktemp -d) && mount --rbind /run/netns "$names" && mount -t tmpfs none /run &&
            mkdir /run/netns && mount --rbind "$names" /run/netns && umount -l "$names" && rmdir "$names" && "$1" --listen=/run/socketd-netns & helper=$!
            for i in $(seq 500); do test -S /run/socketd-netns && break; sleep 0.01; done
            test "$2" = with || { kill $helper; wait $helper; }
            shift 2
            setpriv --inh-caps=-sys_admin --bounding-set=-sys_admin "$@"
            status=$?
            kill $helper 2>/dev/null
            exit $status
        """

        def before(with_helper):
            return ("unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh", SOCKETD_NETNS, with_helper)

        document = self.show("--direct", "show", "-a", "--json", before=before("with"))
        self.check_places(document)
        self.assertEqual(document["hidden_namespaces"], 0)
        document = self.show("--direct", "show", "-a", "--json", before=before("without"), status=5)
        self.assertEqual({r["netns"] for r in document["sockets"]}, {os.stat("/proc/self/ns/net").st_ino})
        self.assertGreaterEqual(document["hidden_namespaces"], N_NETNS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
