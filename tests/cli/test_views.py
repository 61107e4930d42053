#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sockctl shows of several namespaces, of units and of containers

Usage: test_views.py SOCKCTL    (of recordings that are made here: what a reading of many namespaces is
tells test_namespaces.py)
"""

import csv
import io
import json
import os
import struct
import subprocess
import unittest

import sockctl_case
from sockctl_case import Case, lines, run
from test_recordings import attribute, stream

HOST, NETNS, SOURCE, SOURCE_END, LINK, CGROUP, PROCESS, OWNERS, MESSAGES, END = 1, 2, 3, 4, 5, 6, 7, 8, 9, 11
UNIT = 14
TCP, UNIX = 1, 15
INO = {"host": 4026531840, "blue": 4026532201, "docker:0123456789ab": 4026532301, None: 4026532401}
HEADER = b"\x89SKD\r\n\x1a\n" + struct.pack("=HHI", 1, 3, 0x01020304)


def u32(kind, value):
    return attribute(kind, struct.pack("=I", value))


def u64(kind, value):
    return attribute(kind, struct.pack("=Q", value))


def text(kind, value):
    return attribute(kind, os.fsencode(value) + b"\0")


def netlink(payload):
    return struct.pack("=IHHII", 16 + len(payload), 20, 0, 0, 0) + payload


def tcp(port, number, device=0, cgroup=0):
    """A listener; its inode and its cookie are the number."""
    row = struct.pack("=BBBB", 2, 10, 0, 0)
    row += struct.pack("!HH16s16s", port, 0, bytes([127, 0, 0, 1]), b"") + struct.pack("=III", device, number, 0)
    row += struct.pack("=IIIII", 0, 0, 128, 0, number)
    return netlink(row + (u64(21, cgroup) if cgroup else b""))


def unix(name, number):
    return netlink(struct.pack("=BBBBIII", 1, 1, 10, 0, number, number, 0) + attribute(0, name))


def messages(source, netns, *rows):
    return MESSAGES, struct.pack("=II", source, netns) + b"".join(rows)


def source(number, netns, error=0):
    return [(SOURCE, u32(1, number) + u64(5, netns)), (SOURCE_END, u32(1, number) + u32(2, error) + u64(5, netns))]


def namespace(name, own=False):
    return NETNS, u64(1, INO[name]) + (text(3, name) if name else b"") + (u32(4, 1) if own else b"")


def host(uid=0):
    return HOST, u32(7, uid)


def reading(*pieces, end=b""):
    return stream(HEADER, [host(), namespace("host", own=True), *pieces, (END, u64(1, 0) + end)])


# The same port in four namespaces, and the same device's number in two.
SEVERAL = [
    *[namespace(name) for name in INO if name != "host"],
    (LINK, u32(1, 2) + text(2, "eth0") + u64(3, INO["host"])), (LINK, u32(1, 2) + text(2, "veth1") + u64(3, INO["blue"])),
    (PROCESS, u32(1, 50) + text(3, "server") + text(8, "/")), (OWNERS, struct.pack("=QII", 12, 50, 3)),
    (SOURCE, u32(1, TCP) + u64(5, INO["host"])),
    messages(TCP, 0, tcp(80, 11, device=2)),
    (SOURCE_END, u32(1, TCP) + u64(5, INO["host"])),
    *[piece for i, name in enumerate(list(INO)[1:], 12) for piece in
      (source(TCP, INO[name])[0], messages(TCP, INO[name], tcp(80, i, device=2)), source(TCP, INO[name])[1])],
]

UNITS = [
    (CGROUP, u64(1, 5) + text(2, "/system.slice/nginx.service")),
    (CGROUP, u64(1, 6) + text(2, "/system.slice/ssh.socket")),
    (UNIT, text(1, "ssh.socket") + text(2, "sshd@.service")),
    (PROCESS, u32(1, 1) + text(3, "systemd") + text(8, "/init.scope")),
    (PROCESS, u32(1, 60) + text(3, "worker") +
     text(8, "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope")),
    (PROCESS, u32(1, 70) + text(3, "pipewire") + text(8, "/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service")),
    (OWNERS, struct.pack("=QIIQIIQII", 32, 1, 3, 33, 60, 4, 34, 70, 5)),
    (SOURCE, u32(1, TCP)), messages(TCP, 0, tcp(80, 31, cgroup=5), tcp(22, 32, cgroup=6), tcp(99, 35)), (SOURCE_END, u32(1, TCP)),
    (SOURCE, u32(1, UNIX)), messages(UNIX, 0, unix(b"/run/docker.sock", 33), unix(b"/run/pw", 34)), (SOURCE_END, u32(1, UNIX)),
]


class Views(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, data in (("several", reading(*SEVERAL)), ("units", reading(*UNITS)),
                           ("hidden", reading(*SEVERAL, end=u32(6, 2))),
                           ("failed", reading(*SEVERAL, *source(UNIX, INO["host"]), *source(UNIX, INO["blue"], 1),
                                              *source(UNIX, INO[None], 1)))):
            path = os.path.join(cls.folder, name)
            with open(path, "wb") as f:
                f.write(data)
            setattr(cls, name, path)

    def of(self, path, *args):
        return lines(self.good("--file", path, *args))

    def ports(self, path, *args):
        """Namespace by inode of a row."""
        found = json.loads(self.good("--file", path, "show", "--json", *args))["sockets"]
        return {row["inode"]: row.get("netns_name") for row in found}


class Namespaces(Views):
    ALL = {11: "host", 12: "blue", 13: "docker:0123456789ab", 14: None}

    def test_column_of_several(self):
        for args in ([], ["-lt"], ["-tulpn"], ["tcp", ":80"]):
            table = self.of(self.several, "show", *args)
            self.assertEqual(table[0].split()[-1], "Netns", args)
            self.assertEqual([row.split()[-1] for row in table[1:]], ["host", "blue", "docker:0123456789ab", str(INO[None])], args)

    def test_no_column_of_one(self):
        for args in (["netns:blue"], ["-N", "blue"], ["netns = 4026532201"], ["-N", "blue", "-lt"]):
            table = self.of(self.several, "show", *args)
            self.assertNotIn("Netns", table[0])
            self.assertEqual(len(table), 2)
        self.assertNotIn("Netns", self.of(self.units, "show")[0])
        self.assertNotIn("Netns", self.of(self.several, "show", "-C", "inode,local:port")[0])
        self.assertEqual(self.of(self.several, "show", "-C", "+inode,-netns:name", "netns != blue")[0].split()[-1], "inode")
        self.assertEqual(self.of(self.units, "show", "-C", "+netns:name")[0].split()[-1], "Netns")

    def test_targets_and_terms(self):
        for want, *args in [
            ({12}, "netns:blue"), ({12}, "netns = blue"), ({12}, "-N", "blue"), ({14}, f"netns:{INO[None]}"),
            ({13}, "netns:docker:0123456789ab"), ({13}, "netns ~ 'docker:*'"), ({12, 13, 14}, "netns != host"),
            ({13, 14}, "netns not in (host, 4026532201)"), ({11, 12}, "netns:blue netns:host"), ({11}, "-N", "host", ":80"),
            ({14}, "not has netns_name"), ({11, 12, 13, 14}, ":80"),
        ]:
            with self.subTest(args=args):
                self.assertEqual(self.ports(self.several, *args), {i: self.ALL[i] for i in want})

    def test_none_such(self):
        for args in (["netns:nosuch"], ["-N", "nosuch"], ["-N", "no'such\\x"], ["netns = nosuch"], ["netns:17"], ["-N", "nosuch", ":80"]):
            with self.subTest(args=args):
                r = self.fails(1, r"^sockctl: there is no network namespace (no'?such|17).*; known: host, blue, ", "--file", self.several, "show", *args)
                self.assertEqual((r.stdout, r.stderr.count(b"\n")), (b"", 1))
        # Of one that is there an empty table is an answer; a TARGET that is not there is still an error.
        self.assertEqual(len(self.of(self.several, "show", "-N", "blue", "sport = 1")), 1)
        self.fails(1, "no socket matches", "--file", self.several, "show", "netns:blue", "udp")
        self.fails(1, "^$", "--file", self.several, "show", "-q", "netns:nosuch")

    def test_devices_of_each(self):
        table = self.of(self.several, "show", "-lt")
        self.assertEqual([row.split()[4] for row in table[1:]],
                         ["127.0.0.1%eth0:80", "127.0.0.1%veth1:80", "127.0.0.1:80", "127.0.0.1:80"])
        self.assertEqual(set(self.ports(self.several, "dev:veth1")), {12})

    def test_counts(self):
        self.assertEqual({row.split()[0] for row in self.of(self.several, "stat", "--by=netns")[1:]},
                         {"host", "blue", "docker:0123456789ab", str(INO[None])})
        found = json.loads(self.good("--file", self.several, "stat", "--by=netns,netns_name", "--json"))["groups"]
        self.assertEqual({(row["netns"], row.get("netns_name")) for row in found}, {(str(ino), name) for name, ino in INO.items()})

    def test_machines(self):
        rows = list(csv.DictReader(io.StringIO(self.good("--file", self.several, "show", "--output=csv").decode())))
        self.assertEqual([int(row["netns"]) for row in rows], list(INO.values()))
        document = json.loads(self.good("--file", self.several, "show", "--json"))
        self.assertEqual(document["namespaces"], [
            {"netns": ino, **({"netns_name": name} if name else {}), **({"own": True} if name == "host" else {})}
            for name, ino in INO.items()])
        self.assertFalse(document["partial"])
        self.assertNotIn("hidden_namespaces", document)
        self.assertNotIn("namespaces", json.loads(self.good("--file", self.units, "show", "--json")))

    def test_hidden(self):
        r = self.fails(5, "^sockctl: 2 network namespaces could not be looked into", "--file", self.hidden, "show")
        self.assertEqual(len(lines(r.stdout)), 5)
        document = json.loads(run("--file", self.hidden, "show", "--json").stdout)
        self.assertEqual((document["hidden_namespaces"], document["partial"]), (2, True))

    def test_failures_say_where(self):
        r = self.fails(5, rf"^sockctl: unix \(in blue, {INO[None]}\): Operation not permitted: sockets may be missing\n$",
                       "--file", self.failed, "show")
        self.assertEqual(len(lines(r.stdout)), 5)
        document = json.loads(run("--file", self.failed, "show", "--json").stdout)
        self.assertEqual([(row["netns"], row["source"], row["errno"]) for row in document["failures"]],
                         [(INO["blue"], "unix", 1), (INO[None], "unix", 1)])


class Units(Views):
    def test_column(self):
        table = self.of(self.units, "show")
        self.assertEqual(table[0].split()[-2:], ["Process", "Unit"])
        self.assertEqual({row.split()[-1] for row in table[1:]},
                         {"nginx.service", "ssh.socket→sshd@.service", "docker:0123456789ab", "pipewire.service", "-"})

    def test_the_table_of_ss_has_none(self):
        for args in (["-tulpn"], ["-l"], ["-e"], ["-H", "-a"], ["-O"]):
            self.assertNotIn("nginx.service", "".join(row.split("(")[0] for row in self.of(self.units, "show", *args)[:1]))
            self.assertNotIn("Unit", self.of(self.units, "show", *args)[0])
        self.assertNotIn("Unit", self.of(self.units, "show", "--no-owners")[0])
        # Nor where there are no units.
        self.assertNotIn("Unit", self.of(self.several, "show")[0])
        self.assertIn("Unit", self.of(self.units, "show", "-t", "-C", "+unit:container")[0])

    def test_targets(self):
        for want, *args in [
            ({31}, "nginx.service"), ({31}, "unit = nginx.service"), ({31, 32, 33}, "system.slice"), ({32}, "ssh.socket"),
            ({32}, "unit:sshd@.service"), ({33}, "container:docker:0123456789ab"), ({33}, "container:0123456789ab"),
            ({34}, "pipewire.service"), ({34}, "user@1000.service"), ({34}, "unit:app.slice"), ({33}, "has container"),
            ({35}, "tcp and not has unit"),
        ]:
            with self.subTest(args=args):
                self.assertEqual(set(self.ports(self.units, *args)), want)
        for missing in ("gone.service", "container:gone", "unit:nginx"):
            self.fails(1, "no socket matches", "--file", self.units, "show", missing)

    def test_counts(self):
        for option in ("show --group-by", "stat --by"):
            verb, name = option.split()
            groups = {row.split()[0]: row.split()[1] for row in self.of(self.units, verb, f"{name}=unit")[1:]}
            self.assertEqual(groups.pop("-"), "1")
            self.assertEqual({k: v for k, v in groups.items() if not k.startswith("docker")},
                             {"nginx.service": "1", "ssh.socket": "1", "user@1000.service": "1"})
        self.assertEqual(self.of(self.units, "stat", "--by=container")[2].split()[:2], ["docker:0123456789ab", "1"])

    def test_one_whole(self):
        shown = "\n".join(self.of(self.units, "show", "ino:32"))
        for name, value in (("unit", "ssh.socket"), ("slice", "system.slice"), ("activates", "sshd@.service")):
            self.assertRegex(shown, rf"(?m)^ +{name} +{value}$")
        self.assertIn("Unit and container", shown)


@unittest.skipUnless(os.geteuid() == 0, "root gives up its rights")
class OrdinaryUser(Case):
    def test_is_told_once(self):
        os.chmod(self.folder, 0o755)
        program = os.path.join(self.folder, "sockctl")
        with open(sockctl_case.SOCKCTL, "rb") as f, open(program, "wb") as copy:
            copy.write(f.read())
        os.chmod(program, 0o755)
        master, slave = os.openpty()
        told = subprocess.run([program, "--direct", "show", "-lt"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave,
                              env=sockctl_case.ENV, cwd="/", user=65534, group=65534, extra_groups=[], check=True, timeout=60)
        os.close(slave)
        said = os.read(master, 4096).decode()
        os.close(master)
        self.assertEqual(told.returncode, 0)
        self.assertRegex(said, r"^sockctl: root would also see [^\n]*other users[^\n]*other network namespaces\r\n$")


if __name__ == "__main__":
    unittest.main()
