#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both ends joined: sockctl peers and the fields of group peer, against processes and sockets that this test makes

Usage: test_peers.py SOCKCTL

The network that the tests across namespaces make (as root), in namespaces named after this process:

    a (10.77.9.1) --- veth --- b (10.77.9.2)      c (10.77.9.1) --- veth --- d (10.77.9.2)
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from sockctl_case import SOCKCTL, cookie, inode, lines, on_terminal, run

NAME = f"peers-test-{os.getpid()}"

# A process of its own for one side: makes sockets by the lines it reads, and says their inodes.
SIDE = r"""
import os, socket, sys
held = []
for line in sys.stdin:
    verb, *words = line.split()
    if verb == "listen":
        s = socket.create_server((words[0], int(words[1])), family=socket.AF_INET6 if ":" in words[0] else socket.AF_INET)
    elif verb == "connect":
        s = socket.create_connection((words[0], int(words[1])), source_address=(words[2], int(words[3])) if words[2:] else None)
    elif verb == "accept":
        s, _ = held[int(words[0])].accept()
    elif verb == "udp":
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((words[0], int(words[1])))
        s.connect((words[2], int(words[3])))
    elif verb == "unix":
        s = socket.socket(socket.AF_UNIX)
        s.connect("\0" + words[0] if words[0][0] != "/" else words[0])
    held.append(s)
    print(os.fstat(s.fileno()).st_ino, flush=True)
"""


class Side:
    def __init__(self, *prefix):
        self.process = subprocess.Popen([*prefix, sys.executable, "-c", SIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"{words}: the side has ended")
        return int(answer)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Peers(unittest.TestCase):
    MODE = ("--direct",)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sockctl-peers-")
        self.addCleanup(shutil.rmtree, self.folder)

    def keep(self, s):
        self.addCleanup(s.close)
        return s

    def side(self, *prefix):
        return self.keep(Side(*prefix))

    def check(self, r, status=0):
        """All namespaces are read: one of others may change too fast, which is said."""
        if r.returncode != 5 or b"missing" not in r.stderr:
            self.assertEqual(r.returncode, status, (r.args, r.stderr.decode()))
        return r.stdout

    def answer(self, *args, status=0):
        return self.check(run(*self.MODE, *args), status)

    def pairs(self, *words):
        return json.loads(self.answer("peers", "--json", *words))["pairs"]

    def between(self, *inodes, words=()):
        """Pairs with one of these sockets at either end, as (inode, inode, kind)."""
        return sorted((p["a"].get("inode"), p["b"].get("inode"), "pending" if p["pending"] else "one way" if p["one_way"] else "both")
                      for p in self.pairs(*words) if {p["a"].get("inode"), p["b"].get("inode")} & set(inodes))

    def row(self, ino, *fields):
        rows = json.loads(self.answer("show", "--json", "-C", ",".join(("inode", *fields)), f"inode = {ino}"))["sockets"]
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def peer(self, ino):
        row = self.row(ino, "peer_inode", "peer_pid", "peer_comm", "peer_name", "peer_pending", "peer_cookie", "peer_netns")
        return {k[5:]: v for k, v in row.items() if k.startswith("peer_")}


class Within(Peers):
    def test_socketpair(self):
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
            a, b = map(self.keep, socket.socketpair(socket.AF_UNIX, kind))
            found = self.between(inode(a), inode(b), words=("-x",))
            self.assertIn(found, ([(inode(a), inode(b), "both")], [(inode(b), inode(a), "both")]))
            told = self.peer(inode(a))
            self.assertEqual((told["inode"], told["pid"], told["pending"]), (inode(b), [os.getpid()], False))
            self.assertEqual(told["cookie"], f"{cookie(b):x}")
            self.assertEqual(told["netns"], os.stat("/proc/self/ns/net").st_ino)
            self.assertNotIn("name", told)

    def clients(self, name, bound):
        listener = self.keep(socket.socket(socket.AF_UNIX))
        listener.bind(bound)
        listener.listen(8)
        client = self.side()
        waiting = [client("unix", name) for _ in range(4)]
        accepted = self.keep(listener.accept()[0])
        return listener, accepted, client, waiting

    def check_clients(self, name, bound):
        listener, accepted, client, inodes = self.clients(name, bound)
        first, rest = inodes[0], inodes[1:]
        shown = "@" + name if name[0] != "/" else name
        want = [(first, inode(accepted), "both"), *((i, inode(listener), "pending") for i in rest)]
        self.assertEqual(self.between(inode(listener), inode(accepted), *inodes), sorted(want))
        # The name is a target of its own, and so is either process.
        for words in ((shown,), (f"pid:{client.pid}",), (f"inode = {inode(listener)} or inode = {first}",)):
            self.assertEqual(self.between(inode(listener), inode(accepted), *inodes, words=words), sorted(want), words)
        self.assertEqual(self.between(inode(accepted), words=(f"inode = {inode(accepted)}",)), want[:1])
        told = self.peer(first)
        self.assertEqual((told["inode"], told["pid"], told["name"], told["pending"]), (inode(accepted), [os.getpid()], shown, False))
        for i in rest:
            told = self.peer(i)
            self.assertEqual((told["inode"], told["pid"], told["name"], told["pending"]), (inode(listener), [os.getpid()], shown, True))
        told = self.peer(inode(accepted))
        self.assertEqual((told["inode"], told["pid"]), (first, [client.pid]))
        self.assertEqual(self.peer(inode(listener)), {})
        return listener, accepted, client, inodes

    def test_abstract(self):
        self.check_clients(NAME, "\0" + NAME)

    def test_path(self):
        path = self.folder + "/s"
        listener, accepted, client, inodes = self.check_clients(path, path)
        # lsof's own words for the same, where it is installed: "->INO=..." (its +E).
        if shutil.which("lsof"):
            text = subprocess.run(["lsof", "+E", "-a", "-p", str(client.pid), "-U"], capture_output=True, text=True, check=False).stdout
            self.assertRegex(text, rf"{inodes[0]}.*->INO={inode(accepted)} {os.getpid()},")
        ss = subprocess.run(["ss", "-xH"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(ss, rf"(?m) {inodes[0]} +\* {inode(accepted)}$")
        # The table calls the peer by its name where ss has "*".
        shown = [line.split() for line in lines(self.answer("show", "-xa"))]
        for i, peer in ((inodes[0], inode(accepted)), (inodes[1], 0)):
            row = next(words for words in shown if words[5] == str(i))
            self.assertEqual(row[4:8], ["*", str(i), path, str(peer)])

    def test_datagrams(self):
        server = self.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        server.bind("\0" + NAME + "-log")
        client = self.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        client.connect("\0" + NAME + "-log")
        want = [(inode(client), inode(server), "one way")]
        self.assertEqual(self.between(inode(client), inode(server)), want)
        self.assertEqual(self.between(inode(client), words=(f"@{NAME}-log",)), want)
        self.assertEqual(self.peer(inode(client))["name"], f"@{NAME}-log")
        self.assertEqual(self.peer(inode(server)), {})

    def check_tcp(self, family, listen, connect, shown):
        server = self.side()
        listener = self.keep(socket.socket(family))
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((listen, 0))
        listener.listen()
        port = listener.getsockname()[1]
        client = server("connect", connect, port)
        accepted = self.keep(listener.accept()[0])
        self.assertEqual(self.between(client, inode(accepted), inode(listener)), [(client, inode(accepted), "both")])
        told = self.peer(client)
        self.assertEqual((told["inode"], told["pid"], told["name"]), (inode(accepted), [os.getpid()], shown.format(port)))
        self.assertNotIn("pending", told)
        self.assertEqual(self.peer(inode(accepted))["pid"], [server.pid])
        self.assertEqual(self.peer(inode(listener)), {})

    def test_tcp4(self):
        self.check_tcp(socket.AF_INET, "127.0.0.1", "127.0.0.1", "127.0.0.1:{}")

    def test_tcp6(self):
        self.check_tcp(socket.AF_INET6, "::1", "::1", "[::1]:{}")

    def test_mapped(self):
        self.check_tcp(socket.AF_INET6, "::", "127.0.0.1", "[::ffff:127.0.0.1]:{}")

    def test_not_accepted(self):
        """What a process has not accepted is an end without an owner; the state says what it is."""
        listener = self.keep(socket.create_server(("127.0.0.1", 0)))
        client = self.keep(socket.create_connection(listener.getsockname()))
        pairs = [p for p in self.pairs("-t") if p["a"].get("inode") == inode(client)]
        self.assertEqual(len(pairs), 1)
        self.assertEqual((pairs[0]["b"]["state"], pairs[0]["b"]["local_port"]), ("ESTAB", listener.getsockname()[1]))
        self.assertNotIn("owners", pairs[0]["b"])

    def test_time_wait(self):
        listener = self.keep(socket.create_server(("127.0.0.1", 0)))
        client = self.keep(socket.create_connection(listener.getsockname()))
        accepted = self.keep(listener.accept()[0])
        accepted.shutdown(socket.SHUT_WR)
        self.assertEqual(client.recv(1), b"")
        # The acknowledgement of the end may be on its way yet.
        deadline = time.monotonic() + 5
        while True:
            states = {p["a"]["inode"]: (p["a"]["state"], p["b"]["state"]) for p in self.pairs("-t") if "inode" in p["a"]}
            if states[inode(client)] == ("CLOSE-WAIT", "FIN-WAIT-2") or time.monotonic() > deadline:
                break
        self.assertEqual(states[inode(client)], ("CLOSE-WAIT", "FIN-WAIT-2"))

    def test_whole_of_each_kind(self):
        """One exact socket has its end as well, whatever kind it is; where there can be none nothing is told."""
        listener = self.keep(socket.create_server(("127.0.0.1", 0)))
        client = self.keep(socket.create_connection(listener.getsockname()))
        accepted = self.keep(listener.accept()[0])
        a, b = map(self.keep, socket.socketpair())
        six = self.keep(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
        mapped = self.keep(socket.create_connection(("127.0.0.1", six.getsockname()[1])))
        over_six = self.keep(six.accept()[0])
        for s, other in ((client, accepted), (accepted, client), (a, b), (over_six, mapped), (mapped, over_six), (listener, None)):
            text = self.answer("show", f"sk:{cookie(s):x}").decode()
            found = [line.split()[1] for line in text.splitlines() if line.split()[:1] == ["peer_cookie"]]
            self.assertEqual(found, [f"{cookie(other):#x}"] if other else [], text)
            row = json.loads(self.answer("show", "--json", f"sk:{cookie(s):x}"))["sockets"][0]
            self.assertEqual((row.get("peer_cookie"), row.get("peer_pid")),
                             (f"{cookie(other):x}", [os.getpid()]) if other else (None, None))

    def udp(self, local, peer, reuse=False):
        s = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        if reuse:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(local)
        s.connect(peer)
        return s

    def free_ports(self, n):
        held = [self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(n)]
        for s in held:
            s.bind(("127.0.0.1", 0))
        ports = [s.getsockname()[1] for s in held]
        for s in held:
            s.close()
        return ports

    def test_udp(self):
        x, y = self.free_ports(2)
        a, b = self.udp(("127.0.0.1", x), ("127.0.0.1", y)), self.udp(("127.0.0.1", y), ("127.0.0.1", x))
        self.assertEqual(len(self.between(inode(a), inode(b))), 1)
        self.assertEqual(self.peer(inode(a))["inode"], inode(b))
        # A socket that is not connected is nobody's end, though the other's datagrams reach it.
        server = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        server.bind(("0.0.0.0", 0))
        c = self.udp(("127.0.0.1", 0), ("127.0.0.1", server.getsockname()[1]))
        self.assertEqual(self.between(inode(c), inode(server)), [])

    def test_reuseport(self):
        """Of two that could be the other end none is said to be."""
        x, y = self.free_ports(2)
        two = [self.udp(("127.0.0.1", x), ("127.0.0.1", y), reuse=True) for _ in range(2)]
        one = self.udp(("127.0.0.1", y), ("127.0.0.1", x))
        self.assertEqual(self.peer(inode(one)), {})
        self.assertEqual([self.peer(inode(s))["inode"] for s in two], [inode(one)] * 2)

    def test_filters_and_order(self):
        a, b = map(self.keep, socket.socketpair())
        client = self.side()
        listener = self.keep(socket.socket(socket.AF_UNIX))
        listener.bind("\0" + NAME + "-f")
        listener.listen()
        pending = client("unix", NAME + "-f")
        own = os.getpid()
        found = {r["inode"] for r in json.loads(self.answer("show", "--json", f"peer_pid = {own}"))["sockets"]}
        self.assertLessEqual({inode(a), inode(b), pending}, found)
        self.assertNotIn(inode(listener), found)
        found = {r["inode"] for r in json.loads(self.answer("show", "--json", "-x", f"peer_pending and peer_name = @{NAME}-f"))["sockets"]}
        self.assertEqual(found, {pending})
        rows = json.loads(self.answer("show", "--json", "-C", "inode,peer_inode", "--sort", "-peer_inode", f"peer_pid = {own}"))["sockets"]
        order = [r["peer_inode"] for r in rows]
        self.assertEqual(order, sorted(order, reverse=True))
        counted = json.loads(self.answer("stat", "--json", "--by", "peer_pid", "-x"))["groups"]
        self.assertGreaterEqual(next(g["sockets"] for g in counted if g.get("peer_pid") == str(own)), 3)

    def test_one_whole(self):
        a, b = map(self.keep, socket.socketpair())
        text = self.answer("show", f"ino:{inode(a)}").decode()
        self.assertIn("\nOther end\n", text)
        self.assertRegex(text, rf"peer_inode  {inode(b)}\n")
        self.assertRegex(text, rf"peer_pid  {os.getpid()}\n")

    def test_refused(self):
        r = run(*self.MODE, "show", "autobound", "and", "peer_pid = 1")
        self.assertEqual(r.returncode, 2)
        self.assertIn("autobound", r.stderr.decode())
        r = run("monitor", "peer_pid = 1")
        self.assertEqual(r.returncode, 2)
        self.assertIn("other end", r.stderr.decode())

    def test_none(self):
        listener = self.keep(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        r = run(*self.MODE, "peers", f":{port}")
        self.assertEqual((r.returncode, r.stdout), (1, b""))
        self.assertIn("not on this host", r.stderr.decode())
        self.assertEqual(run(*self.MODE, "peers", "-q", f":{port}").returncode, 1)
        self.keep(socket.create_connection(listener.getsockname()))
        self.assertEqual(run(*self.MODE, "peers", "-q", f":{port}").returncode, 0)
        self.assertEqual(len(lines(self.answer("peers", "-H", "--limit", "1"))), 1)

    def test_table(self):
        listener, accepted, client, inodes = self.clients(NAME + "-t", "\0" + NAME + "-t")
        status, shown = on_terminal("--direct", "--no-pager", "peers", f"@{NAME}-t", columns=300)
        self.assertEqual(status, 0)
        text = shown.decode()
        self.assertRegex(text, rf"u_str +ESTAB +\* {inodes[0]} +\w+\({client.pid}\) .*↔ +@{NAME}-t {inode(accepted)} +\w+\({os.getpid()}\)")
        self.assertRegex(text, rf"u_str +ESTAB/LISTEN +\* {inodes[1]} +\w+\({client.pid}\) .*→ waits for +@{NAME}-t {inode(listener)} ")
        self.assertIn("4 pairs listed.", text)


class Recorded(Within):
    """The same out of a recording: each answer is of one made just before."""

    def answer(self, *args, status=0):
        path = self.folder + "/r.skd"
        self.check(run("--direct", "record", path))
        return self.check(run("--file", path, *args), status)


class Spawned(Within):
    """The same from a daemon, which sockctl has for a child."""

    MODE = ()

    def answer(self, *args, status=0):
        return self.check(run(*args, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}), status)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@unittest.skipIf(os.geteuid() != 0 or not shutil.which("ip"), "needs root, and ip")
class Across(Peers):
    def network(self, x, y):
        """Two namespaces joined by a pair of devices, with the same addresses every time."""
        names = [f"t-peers-{os.getpid()}-{n}" for n in (x, y)]
        for name in names:
            ip("netns", "add", name)
            self.addCleanup(ip, "netns", "del", name)
        ip("link", "add", "v0", "netns", names[0], "type", "veth", "peer", "name", "v0", "netns", names[1])
        for n, name in enumerate(names, 1):
            ip("-n", name, "addr", "add", f"10.77.9.{n}/24", "dev", "v0")
            for dev in ("v0", "lo"):
                ip("-n", name, "link", "set", dev, "up")
        return [self.side("ip", "netns", "exec", name) for name in names], names

    def connect(self, server, client, port, local=6000):
        server("listen", "10.77.9.1", port)
        connected = client("connect", "10.77.9.1", port, "10.77.9.2", local)
        return server("accept", 0), connected

    def test_veth(self):
        (a, b), names = self.network("a", "b")
        accepted, connected = self.connect(a, b, 7001)
        self.assertEqual(self.between(accepted, connected), [(connected, accepted, "both")])
        netns = os.stat(f"/run/netns/{names[1]}").st_ino
        told = self.peer(accepted)
        self.assertEqual((told["inode"], told["pid"], told["netns"], told["name"]), (connected, [b.pid], netns, "10.77.9.2:6000"))
        # However narrow what is asked for: the other end is in a namespace that the filter does not name.
        self.assertEqual(self.between(accepted, connected, words=(f"netns:{names[0]}",)), [(connected, accepted, "both")])
        rows = json.loads(self.answer("show", "--json", "-C", "inode,peer_pid", "-t", f"netns:{names[0]} and state established"))["sockets"]
        self.assertEqual(rows, [{"inode": accepted, "peer_pid": [b.pid]}])
        text = self.answer("peers", f"netns:{names[0]}").decode()
        self.assertRegex(text, rf"10\.77\.9\.2:6000 +{names[1]} +\S+ .*↔ +10\.77\.9\.1:7001 +{names[0]} ")

    def test_same_addresses(self):
        """Two connections that are the same to whoever sees addresses alone: none is said; what is in one namespace is."""
        (a, b), _ = self.network("a", "b")
        (c, d), _ = self.network("c", "d")
        first, second = self.connect(a, b, 7002), self.connect(c, d, 7002)
        for i in (*first, *second):
            self.assertEqual(self.peer(i), {})
        for side in (a, c):
            server = side("listen", "127.0.0.1", 7003)
            client = side("connect", "127.0.0.1", 7003, "127.0.0.1", 6003)
            self.assertEqual(self.peer(client)["name"], "127.0.0.1:7003", server)
            self.assertEqual(self.peer(client)["netns"], os.stat(f"/proc/{side.pid}/ns/net").st_ino)

    def test_loopback_is_of_one(self):
        (a, b), _ = self.network("a", "b")
        x = a("udp", "127.0.0.1", 7004, "127.0.0.1", 7005)
        y = b("udp", "127.0.0.1", 7005, "127.0.0.1", 7004)
        self.assertEqual(self.between(x, y), [])

    def test_unix(self):
        """A path leads from one namespace into another."""
        (a, _), _ = self.network("a", "b")
        path = self.folder + "/s"
        listener = self.keep(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen()
        client = a("unix", path)
        told = self.peer(client)
        self.assertEqual((told["pid"], told["name"], told["pending"]), ([os.getpid()], path, True))
        accepted = self.keep(listener.accept()[0])
        self.assertEqual(self.between(client, inode(accepted)), [(client, inode(accepted), "both")])
        self.assertEqual(self.peer(inode(accepted))["pid"], [a.pid])


del Peers

if __name__ == "__main__":
    unittest.main(verbosity=2)
