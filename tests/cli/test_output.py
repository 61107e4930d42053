#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sockctl prints: which sockets, in which formats, tables and details, against sockets that this test makes

Usage: test_output.py SOCKCTL    (all by --direct and --file: no daemon is needed)
"""

import collections
import csv
import io
import json
import os
import pathlib
import re
import socket
import unittest

from sockctl_case import ROOT, Case, cookie, inode, lines, run


class Selecting(Case):
    """Letters, targets, filters: which sockets there are in the answer."""

    def test_a_filter_needs_no_verb(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            for args in ([f":{port}"], ["-tan", "state", "listening", f"sport = :{port}"], ["-l", f"tcp:{port}"], [f"sport=:{port}"]):
                shown = run("-H", *args)
                self.assertEqual(shown.returncode, 0, shown.stderr)
                self.assertEqual(len(lines(shown.stdout)), 1, args)
                self.assertIn(f"127.0.0.1:{port}".encode(), shown.stdout)

    def test_letters_count_all_states(self):
        with socket.create_server(("127.0.0.1", 0)):
            counts = json.loads(run("stat", "-t", "--json").stdout)["counts"]
            self.assertGreater([row for row in counts if row["netid"] == "tcp"][0]["LISTEN"], 0)

    def test_all_without_letters(self):
        self.assertEqual(self.ours(), set(self.sockets.all()))

    def test_letters(self):
        s = self.sockets
        connected = {s.client, s.accepted}
        listening = {s.listener, s.listener6, s.only6}
        unix_all = {s.unix, s.abstract, *s.pair}
        for args, expected in [
            ("-t", connected), ("-ta", connected | listening), ("-tl", listening), ("-l", listening | {s.udp, s.unix, s.abstract}),
            ("-u", set()), ("-ua", {s.udp}), ("-ul", {s.udp}), ("-x", set(s.pair)), ("-xa", unix_all), ("-xl", {s.unix, s.abstract}),
            ("-tua4", connected | {s.listener, s.udp}), ("-ta6", {s.listener6, s.only6}), ("-4a", connected | {s.listener, s.udp}),
            ("-46a", connected | listening | {s.udp}), ("-xta6", unix_all | {s.listener6, s.only6}), ("-ta46", connected | listening),
            ("-a -A unix_dgram", {s.abstract}), ("-a -A u_seq,udp", {*s.pair, s.udp}), ("-a -A all,!unix,!tcp", {s.udp}),
            ("-a -f inet6", {s.listener6, s.only6}), ("-a -f unix", unix_all), ("-wa", set()), ("--tcp --listening", listening),
            ("-t state listen", listening), ("-t state all exclude established", listening),
            (f"-t :{s.port}", connected | {s.listener}), ("-B", set()),
        ]:
            with self.subTest(args=args):
                self.assertEqual(self.ours(*args.split()), expected)

    def test_packet_sockets_have_no_other_state(self):
        """As with ss, -0 alone lists them though they are not connected."""
        try:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            self.skipTest("packet sockets need root")
        with s:
            listed = json.loads(self.good("--direct", "show", "-0", "--json"))["sockets"]
        self.assertIn("p_raw", {row["netid"] for row in listed})
        self.assertEqual({row["family"] for row in listed}, {"packet"})

    def test_targets(self):
        s = self.sockets
        for text, expected in [
            (f":{s.port}", {s.listener, s.client, s.accepted}), (f"tcp:{s.port}", {s.listener, s.client, s.accepted}),
            (f"127.0.0.1:{s.port}", {s.listener, s.client, s.accepted}), (f"@{s.abstract_name}", {s.abstract}),
            (f"pid:{os.getpid()}", set(s.all())), (f"ino:{inode(s.udp)}", {s.udp}), (f"sk:{cookie(s.client):x}", {s.client}),
            (f"sport = :{s.port}", {s.listener, s.accepted}), (f"dport = :{s.port}", {s.client}),
            (f"pid:{os.getpid()} and (recv_q = 321 or state listen) and netid = tcp", {s.accepted, s.listener, s.listener6, s.only6}),
        ]:
            with self.subTest(text=text):
                self.assertEqual(self.ours(text), expected)

    def test_names_with_quotes(self):
        """docs/filter.md: the other quote, or the byte's number, in both ways with all else as printed."""
        path = os.path.join(self.folder, "a'b\" c\\d")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            found = run("--direct", "record", "-").stdout
        single, double, both = (self.folder + name for name in (r'/a\x27b" c\\d', r"/a'b\x22 c\\d", r"/a\x27b\x22 c\\d"))
        for text in (f"local = '{single}'", f"'{single}'", f"unix:'{single}'", f'local = "{double}"', f'"{double}"',
                     f"local = '{both}'", f'local = "{both}"', f"local ~ '{both}'"):
            with self.subTest(text=text):
                shown = json.loads(self.good("--file", "-", "show", "--json", text, stdin=None, input=found))["sockets"]
                self.assertEqual([row["local"] for row in shown], [path.replace("\\", "\\\\")])

    def test_words_are_joined(self):
        s = self.sockets
        self.assertEqual(self.ours("state", "established", "sport", "=", f":{s.port}"), {s.accepted})

    def test_target_that_is_not_there(self):
        r = self.fails(1, "no socket matches ino:1", "--file", self.recording, "show", "ino:1")
        self.assertEqual(r.stdout, b"")
        self.fails(1, "no socket", "--file", self.recording, "show", "-t", "pid:4194303")
        # A filter without a target that matches nothing is an answer.
        self.assertEqual(lines(self.show("recv_q > 4000000000"))[0].split()[:2], ["Netid", "State"])

    def test_exists_and_quiet(self):
        port = self.sockets.port
        for args, code in [(["-q", f":{port}"], 0), (["-q", "recv_q > 4000000000"], 1), (["-q", "ino:1"], 1),
                           (["--exists", f":{port}"], 0), (["--exists", "recv_q > 4000000000"], 1)]:
            with self.subTest(args=args):
                r = run("--file", self.recording, "show", *args)
                self.assertEqual((r.returncode, r.stderr), (code, b""))
                if "-q" in args:
                    self.assertEqual(r.stdout, b"")


class Formats(Case):
    """All say the same as JSON does, and JSON what the kernel says by other ways."""

    def test_json_against_the_kernel(self):
        by_inode = {row["inode"]: row for row in self.rows() if "inode" in row}
        s = self.sockets
        for sock in s.all():
            row = by_inode[inode(sock)]
            self.assertEqual(int(row["cookie"], 16), cookie(sock))
            owner = {"pid": os.getpid(), "fd": sock.fileno()}
            self.assertTrue(any(owner.items() <= o.items() for o in row["owners"]), row["owners"])
        row = by_inode[inode(s.accepted)]
        self.assertEqual((row["netid"], row["state"], row["recv_q"], row["tcpi_bytes_received"]), ("tcp", "ESTAB", 321, 321))
        self.assertEqual((row["local"], row["local_port"], row["peer_port"]), ("127.0.0.1", s.port, s.client.getsockname()[1]))
        self.assertEqual(row["sk_rcvbuf"], s.accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
        self.assertEqual(by_inode[inode(s.listener)]["sk_max_ack_backlog"], 7)
        self.assertEqual(by_inode[inode(s.abstract)]["local"], "@" + s.abstract_name)

    def test_json_layouts_agree(self):
        short = json.loads(self.show("--json"))
        self.assertEqual(self.show("--json").count(b"\n"), 1)
        self.assertEqual(json.loads(self.show("--json=pretty")), short)
        self.assertEqual(json.loads(self.show("--output=json")), short)
        self.assertEqual(json.loads(self.show("-j")), short)
        self.assertEqual(short["schema"], "socketd/1")
        self.assertIs(short["partial"], False)
        seq = [json.loads(line) for line in lines(self.show("--json=seq"))]
        self.assertEqual(seq[:-1], short["sockets"])
        self.assertEqual(seq[-1], {"reading": {k: v for k, v in short.items() if k not in ("schema", "sockets")}})
        self.assertEqual(self.show("--json=off"), self.show())
        self.assertNotIn(b"\x1e", self.show("--json=seq"))
        # RFC 7464: RS before each text, a line feed behind it.
        texts = self.show("--output=json-seq").split(b"\x1e")
        self.assertEqual(texts[0], b"")
        self.assertEqual(b"".join(texts), self.show("--json=seq"))
        self.assertEqual([json.loads(text) for text in texts[1:]], seq)
        self.assertEqual({text[-1:] for text in texts[1:]}, {b"\n"})

    def test_json_of_nothing(self):
        self.assertEqual(self.rows("recv_q > 4000000000"), [])
        self.assertEqual(json.loads(self.show("--json=pretty", "recv_q > 4000000000"))["sockets"], [])

    def test_json_columns(self):
        rows = self.rows("-ta", "-C", "netid,local:port,rtt")
        for row in rows:
            self.assertLessEqual(set(row), {"netid", "local", "local_port", "tcpi_rtt"})
        self.assertTrue(any("tcpi_rtt" in row for row in rows))
        self.assertFalse(any("owners" in row or "no_owner" in row for row in self.rows("--no-owners")))

    def test_csv_and_its_like(self):
        names = "netid,state,recv_q,local,local_port,inode,pid,users"
        table = list(csv.DictReader(io.StringIO(self.show("--output=csv", "-C", names).decode())))
        rows = self.rows()
        self.assertEqual(len(table), len(rows))
        for line, row in zip(table, rows):
            for key in ("netid", "state", "recv_q", "local", "local_port", "inode"):
                self.assertEqual(line[key], str(row.get(key, "")))
            self.assertEqual(line["pid"], ",".join(str(o["pid"]) for o in row.get("owners", [])))
        tsv = [line.split("\t") for line in lines(self.show("--output=tsv", "-C", names))]
        self.assertEqual(tsv, [list(table[0])] + [list(line.values()) for line in table])
        kv = lines(self.show("--output=kv", "-C", "inode,local,recv_q"))
        self.assertEqual(len(kv), len(rows))
        for line, row in zip(kv, rows):
            pairs = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line))
            self.assertEqual(set(pairs), {"inode", "local", "recv_q"} & set(row))
            self.assertEqual(pairs.get("inode"), str(row["inode"]) if "inode" in row else None)

    def test_csv_of_nothing_has_its_header(self):
        self.assertEqual(self.show("--output=csv", "-C", "pid,fd", "recv_q > 4000000000"), b"pid,fd\n")
        self.assertEqual(self.show("--output=csv", "-H", "-C", "pid,fd", "recv_q > 4000000000"), b"")

    def test_template(self):
        s = self.sockets
        self.assertEqual(self.show("--format", r"{netid}\t{local:port} {{{recv_q}}} {tcpi_rtt}", f"ino:{inode(s.udp)}").decode(),
                         f"udp\t127.0.0.1:{s.udp.getsockname()[1]} {{0}} -\n")

    def test_names_are_escaped_everywhere(self):
        escaped = r'nasty\x1b[31m\xff\xc2\x9b"quote, comma\x0a'
        target = f"ino:{inode(self.sockets.unix)}"
        for args in ([], ["--json"], ["--json=pretty"], ["--json=seq"], ["--output=csv"], ["--output=tsv"], ["--output=kv"],
                     ["--format", "{local}"], ["-eim"], ["--group-by=local"], ["-C", "local"], ["--sort=local", "-C", "local:port"]):
            with self.subTest(args=args):
                shown = self.show(target, *args)
                self.assertNotRegex(shown, rb"[\x00-\x08\x0b-\x1f\x7f\xff]|\xc2[\x80-\x9f]")
                shown.decode()
                if "--json" in " ".join(args):
                    document = json.loads(lines(shown)[0]) if "--json=seq" in args else json.loads(shown)
                    row = document["sockets"][0] if "sockets" in document else document
                    self.assertTrue(row["local"].endswith(escaped), row["local"])
                elif "--output=csv" in args:
                    self.assertTrue(next(csv.DictReader(io.StringIO(shown.decode())))["local"].endswith(escaped))
                elif "--output=kv" in args:
                    self.assertIn(escaped.replace('"', '\\"'), shown.decode())
                else:
                    self.assertIn(escaped, shown.decode())


class Tables(Case):
    def test_familiar_table(self):
        s = self.sockets
        table = lines(self.show("-tulpn"))
        self.assertRegex(table[0], r"^Netid +State +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port +Process$")
        rows = {row.split()[4]: row.split() for row in table[1:]}
        row = rows[f"127.0.0.1:{s.port}"]
        self.assertEqual(row[:6], ["tcp", "LISTEN", "0", "7", f"127.0.0.1:{s.port}", "0.0.0.0:*"])
        comm = pathlib.Path("/proc/self/comm").read_text().strip()
        self.assertEqual(row[6], f'users:(("{comm}",pid={os.getpid()},fd={s.listener.fileno()}))')
        self.assertEqual(rows[f"*:{s.listener6.getsockname()[1]}"][5], "*:*")
        self.assertEqual(rows[f"[::]:{s.only6.getsockname()[1]}"][5], "[::]:*")

    def test_columns_stand_below_each_other(self):
        table = lines(self.show("-tua"))
        colon = table[0].index("Local Address:Port") + len("Local Address")
        for row in table[1:]:
            self.assertEqual(row[colon], ":", row)
            self.assertEqual(row, row.rstrip())

    def test_unix_endpoints(self):
        a, b = self.sockets.pair
        row = lines(self.show("-H", "-x", f"inode = {inode(a)}"))[0].split()
        self.assertEqual(row[:8], ["u_seq", "ESTAB", "0", "0", "*", str(inode(a)), "*", str(inode(b))])

    def test_columns(self):
        def header(*args):
            return lines(self.show("-t", *args))[0].split()
        self.assertEqual(header("-C", "rtt,netid,pid"), ["tcpi_rtt", "Netid", "pid"])
        self.assertEqual(header("-Q", "-C", "+inode,-users,-netid"), ["State", "Local", "Address:Port", "Peer", "Address:Port", "inode"])
        self.assertNotIn("Process", header("--no-owners"))
        self.assertNotIn("Netid", lines(self.show("-H"))[0])
        self.assertNotIn("Netid", lines(self.show("--no-legend"))[0])
        known = [line.split()[0] for line in lines(self.good("--columns=help"))[1:]]
        self.assertLessEqual({"local:port", "peer:port", "users", "netid", "tcpi_rtt", "sk_mark"}, set(known))
        for name in known:
            if name not in ("local:port", "peer:port", "users"):
                self.assertEqual(self.show("--output=csv", "-C", name, "-wl").decode().splitlines()[0], name)

    def test_sort(self):
        for field in ("inode", "local_port", "recv_q", "netid"):
            up = [row.get(field) for row in self.rows("-tuxa", f"--sort={field}")]
            down = [row.get(field) for row in self.rows("-tuxa", f"--sort=-{field}")]
            there = [v for v in up if v is not None]
            self.assertEqual(there, sorted(there))
            self.assertEqual([v for v in down if v is not None], sorted(there, reverse=True))
            # Those without come last, either way.
            self.assertEqual(up[len(there):], [None] * (len(up) - len(there)))
            self.assertEqual(down[len(there):], [None] * (len(up) - len(there)))
        self.assertEqual(len(self.rows("-C", "netid", "--sort=inode")), len(self.rows()))

    def test_limit(self):
        self.assertEqual(self.rows("--limit=2"), self.rows()[:2])
        self.assertEqual(len(lines(self.show("-H", "--limit=3"))), 3)
        self.assertEqual(lines(self.show("-H", "--limit=0")), [])
        self.assertEqual(self.rows("--sort=-inode", "--limit=1"), self.rows("--sort=-inode")[:1])

    def test_counts(self):
        rows = self.rows()
        expected = collections.Counter((row["netid"], row.get("state")) for row in rows)
        groups = json.loads(self.show("--json", "--group-by=netid,state"))["groups"]
        self.assertEqual({(g["netid"], g.get("state")): g["sockets"] for g in groups}, dict(expected))
        by = json.loads(self.good("--file", self.recording, "stat", "--by=netid,state", "--json"))["groups"]
        self.assertEqual(by, groups)
        self.assertEqual([g["sockets"] for g in groups], sorted((g["sockets"] for g in groups), reverse=True))
        ordered = json.loads(self.good("--file", self.recording, "stat", "--by=netid,state", "--sort=netid,-sockets", "--json"))["groups"]
        self.assertEqual([(g["netid"], -g["sockets"]) for g in ordered], sorted((g["netid"], -g["sockets"]) for g in groups))
        queues = json.loads(self.good("--file", self.recording, "stat", "--by=netid", "--sort=-send_q", "--json"))["groups"]
        self.assertEqual([g["send_q"] for g in queues], sorted((g["send_q"] for g in queues), reverse=True))
        self.assertGreater(queues[0]["send_q"] + queues[0]["sockets"], 0)
        counts = json.loads(self.good("--file", self.recording, "stat", "--json"))["counts"]
        families = collections.Counter((row["netid"], row["family"]) for row in rows)
        for c in counts:
            for family in ("inet", "inet6"):
                self.assertEqual(c.get(family, 0), families[(c["netid"], family)])
            self.assertEqual(c["total"], sum(n for (netid, _), n in expected.items() if netid == c["netid"]))
            for (netid, state), n in expected.items():
                if netid == c["netid"] and state:
                    self.assertEqual(c[state], n)
        table = [line.split() for line in lines(self.good("--file", self.recording, "stat"))]
        self.assertEqual(table[-1][:2], ["total", str(len(rows))])
        self.assertEqual(run("--file", self.recording, "-s").stdout, self.good("--file", self.recording, "stat"))

    def test_details(self):
        s = self.sockets
        text = self.show("-tnaoeim", f"sport = :{s.port} and state established").decode()
        first, second = text.splitlines()[1:]
        self.assertIn(f" uid:{os.getuid()} ino:{inode(s.accepted)} sk:{cookie(s.accepted):x} ", first)
        self.assertTrue(first.endswith(" <->"), first)
        self.assertRegex(second, r"^\t skmem:\(r\d+,rb%d,t\d+,tb%d,f-?\d+,w\d+,o\d+,bl\d+,d\d+\) " % (
            s.accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), s.accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)))
        mss = s.accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        for item in (f" mss:{mss} ", " bytes_sent:0 ", " bytes_received:321 ", " data_segs_in:1 ", " lastsnd:", " snd_wnd:"):
            self.assertIn(item, second + " ")
        one = lines(self.show("-tnaoeimO", "-H", f"sport = :{s.port} and state established"))
        self.assertEqual(len(one), 1)
        self.assertEqual(one[0].split(), (first + second).split())
        s.accepted.shutdown(socket.SHUT_WR)
        live = self.good("--direct", "show", "-tneH", f"sport = :{s.port}", "state fin-wait-1 state fin-wait-2").decode()
        self.assertIn(" <--", live)

    def test_whole(self):
        s = self.sockets
        target = f"sk:{cookie(s.client):x}"
        row = self.rows(target)[0]
        text = self.show(target).decode()
        shown = dict(re.findall(r"^ +(\w+)  (.*)$", text, re.M))
        expected = {k for k in row if not k.endswith("_raw")} - {"owners"} | ({"pid", "fd", "comm", "user"} if "owners" in row else set())
        self.assertEqual(set(shown), expected)
        self.assertEqual(shown["inode"], str(inode(s.client)))
        self.assertRegex(shown["tcpi_rtt"], r"^\d+(\.\d+)? (µs|ms|s)")
        self.assertRegex(shown["sk_sndbuf"], r"\(%d B\)$" % s.client.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        self.assertRegex(shown["tcpi_snd_cwnd"], r"^\d+ packets$")
        self.assertIn("\nTCP (struct tcp_info)\n", text)
        # Asked for as a table, it is one.
        self.assertRegex(self.show(target, "-e").decode(), r"^Netid ")

    def test_describe(self):
        text = self.good("describe", "rtt", "state").decode()
        self.assertRegex(text, r"(?m)^tcpi_rtt, rtt$")
        self.assertIn("ESTAB (1)", text)
        self.assertRegex(text, r"told by +tcp4 tcp6")
        everything = json.loads(self.good("describe", "--json"))["fields"]
        catalogue = (ROOT / "include/socketd/fields.def").read_text()
        rows = re.findall(r"^FIELD\((\d+), (\w+), (\w+), (\w+), (\w+),", catalogue, re.M)
        self.assertEqual([(str(f["id"]), f["name"], f["group"], f["access"]) for f in everything],
                         [(i, name, group, access) for i, name, _, group, access in rows])
        self.assertEqual(len(lines(self.good("describe"))), len(rows) + 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
