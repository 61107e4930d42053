#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sockctl where the kernel module is not loaded: what is said, and with which status; flow and internals; what is not told without rights

Usage: test_internals.py SOCKCTL    (by --direct and --file: no daemon is needed; with the module the tests are skipped)
"""

import json
import os
import re
import shutil
import subprocess
import unittest

import sockctl_case
from sockctl_case import Case, cookie, lines, run

HINT = "sockctl: struct sock and struct socket need the kernel module: modprobe socketd_diag\n"


@unittest.skipIf(os.path.exists("/sys/module/socketd_diag"), "the module is loaded: tests/vm looks at what it gives")
class WithoutModule(Case):
    def target(self):
        return f"sk:{cookie(self.sockets.client):x}"

    def test_whole_has_one_note(self):
        """It is no failure, and there is no empty heading."""
        r = run("--direct", "show", self.target())
        self.assertEqual((r.returncode, r.stderr.decode()), (0, HINT))
        self.assertIn(b"\nMemory\n", r.stdout)
        self.assertNotIn(b"Way through the kernel", r.stdout)
        self.assertEqual(run("--direct", "-q", "show", self.target()).stderr, b"")
        # Nothing matched: that is what is to be said.
        r = run("--direct", "show", "sk:fffffffffffffff")
        self.assertEqual((r.returncode, r.stderr.count(b"\n")), (1, 1))
        self.assertIn(b"no socket matches", r.stderr)

    def test_listings_say_nothing(self):
        for args in ([], ["-e"], ["-tai"], ["-C", "+sk_rcvbuf,sk_mark,sk_shutdown"], ["fwmark = 0x1"], ["--json", self.target()]):
            with self.subTest(args=args):
                self.assertEqual(run("--direct", "show", *args).stderr, b"")

    def test_families_that_nobody_else_lists(self):
        for args in (["family = can"], ["-f", "can"]):
            r = run("--direct", "show", *args)
            self.assertEqual((r.returncode, r.stderr.decode()),
                             (0, "sockctl: no handler of this kernel lists such sockets; the kernel module does: modprobe socketd_diag\n"))
        # Where another handler is missing, it is that one that is named.
        self.assertNotIn(b"module: this kernel", run("--direct", "show", "netid = sctp").stderr)

    def test_fields_that_were_asked_for(self):
        for args in (["-C", "+sk_priority"], ["--sort=sk_rcvlowat"], ["--format={sk_data_ready}"], ["-C", "holding", self.target()],
                     ["--group-by=sk_prot"]):
            with self.subTest(args=args):
                r = run("--direct", "show", *args)
                self.assertEqual((r.returncode, r.stderr.decode()), (3, HINT))
                self.assertGreater(len(lines(r.stdout)), 1 if args != ["--format={sk_data_ready}"] else 0)

    def test_filters(self):
        """Known before the first row: no header, and one sentence."""
        for text, field in (("sk_rcvlowat > 1", "sk_rcvlowat"), ("not has sk_prot", "sk_prot"),
                            ("sk_state_change = x and sk_refcnt/sk_rcvlowat > 1", "sk_state_change"),
                            ("state listening or holding = orphan", "holding")):
            for options in ([], ["-q"], ["--json"], ["--sort=rtt"], ["--group-by=comm"]):
                with self.subTest(text=text, options=options):
                    r = run("--direct", "show", *options, text)
                    self.assertEqual((r.returncode, r.stdout, r.stderr.decode()),
                                     (3, b"", f"sockctl: the filter needs the kernel module, for {field}: modprobe socketd_diag\n"))
        self.fails(3, "^sockctl: the filter needs sk_prot, and the recording was made without the kernel module",
                   "--file", self.recording, "show", "has sk_prot")

    def test_monitor(self):
        """Events carry no such field: a filter would wait without end."""
        for args, field in ((["sk_flags = SOCK_ZAPPED"], "sk_flags"), (["-C", "+sk_prot"], "sk_prot"), (["not has holding"], "holding")):
            for way in ([], ["--file", self.recording]):
                with self.subTest(args=args, way=way):
                    r = run(*way, "monitor", *args)
                    self.assertEqual((r.returncode, r.stdout, r.stderr.decode()),
                                     (2, b"", f"sockctl: monitor cannot tell {field}: only the kernel module knows it, and events do "
                                              "not carry it\n"))

    def test_internals(self):
        r = run("--direct", "internals", self.target())
        self.assertEqual((r.returncode, r.stdout, r.stderr.decode()), (3, b"", HINT))
        for args in (["--json"], ["-q"]):
            r = run("--direct", "internals", *args, self.target())
            self.assertEqual((r.returncode, r.stdout, r.stderr.decode()), (3, b"", HINT))
        self.fails(2, "internals takes an argument: TARGET", "internals")
        self.fails(3, "it was made without the kernel module", "--file", self.recording, "internals", self.target())

    def test_flow(self):
        for args in ([], ["--dot"], ["--json"], ["--json=pretty"], ["-q"]):
            with self.subTest(args=args):
                r = run("--direct", "flow", *args, self.target())
                self.assertEqual((r.returncode, r.stdout, r.stderr.decode()), (3, b"", HINT))
        self.fails(2, "flow takes an argument: TARGET", "flow")
        self.fails(2, "--dot: not an option of the verb show", "show", "--dot")
        self.fails(2, "--dot and --json do not go together", "flow", "--dot", "--json", self.target())
        self.fails(2, "the filter: ", "flow", "nosuchfield = 1")
        self.fails(3, "it was made without the kernel module", "--file", self.recording, "flow", self.target())
        # Not many sockets are what is wrong here.
        self.fails(3, "modprobe socketd_diag", "--direct", "flow", "family = unix or family = inet")

    def test_targets_that_are_not_there(self):
        """Status 1 is of all of them."""
        r = run("--direct", "show", self.target(), "or", "sk:fffffffffffffff")
        self.assertEqual((r.returncode, r.stderr), (0, b""))
        self.assertEqual(len(lines(r.stdout)), 2)

    def test_recordings_have_what_they_have(self):
        self.assertEqual(self.show("-C", "sk_refcnt", "--output=csv", self.target()).decode().split(), ["sk_refcnt"])
        self.show("-C", "cookie,sk_refcnt", "--output=csv", self.target())

    def test_documents_say_what_was_read(self):
        reading = json.loads(run("--direct", "show", "--json", self.target()).stdout)
        self.assertFalse(reading["partial"])
        row = reading["sockets"][0]
        self.assertFalse([k for k in row if re.match(r"ops_|prot_|socket_|holding", k)])

    def test_help_has_options_of_the_verb_only(self):
        text = self.good("help", "flow").decode()
        self.assertIn("--dot", text)
        self.assertNotIn("--sort", text)
        self.assertNotIn("--dot", self.good("help", "show").decode())


@unittest.skipUnless(os.geteuid() == 0, "root gives up its rights")
class WithoutRights(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Where the project lies is not for everybody to read.
        os.chmod(cls.folder, 0o755)
        cls.program = shutil.copy(sockctl_case.SOCKCTL, cls.folder)

    def nobody(self, *args):
        r = subprocess.run([self.program, "--direct", *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd="/",
                           env=sockctl_case.ENV, user=65534, group=65534, extra_groups=[], check=False)
        return r.returncode, r.stdout, r.stderr.decode()

    def test_filter(self):
        """An empty table would say that no socket has this mark."""
        for options in ([], ["-q"], ["--json"], ["--sort=rtt"], ["--group-by=comm"]):
            for text in ("mark = 7", "tcp and not has sk_mark", "state listening or fwmark > 1"):
                with self.subTest(options=options, text=text):
                    self.assertEqual(self.nobody("show", *options, text),
                                     (4, b"", "sockctl: the filter needs sk_mark, which is told to CAP_NET_ADMIN only: run as root\n"))
        self.assertEqual(self.nobody("stat", "mark = 7")[0], 4)

    def test_columns(self):
        note = "sockctl: told to CAP_NET_ADMIN only: sk_mark; run as root\n"
        for args in (["show", "-C", "+mark,inode", "--limit=1"], ["show", "--sort=-mark"], ["show", "--format={fwmark}"],
                     ["show", "--group-by=mark,state"], ["stat", "--by=state,mark"], ["show", "--json", "-C", "cookie,mark"]):
            with self.subTest(args=args):
                status, out, told = self.nobody(*args)
                self.assertEqual((status, told), (0, note))
                self.assertTrue(out)
                self.assertEqual(run("--direct", *args).stderr, b"")
        self.assertEqual(self.nobody("show", "-q", "-C", "mark")[2], "")

    def test_what_was_not_named(self):
        for args in (["show"], ["show", "-tae"], ["show", "--json"], ["stat"], ["show", "--output=csv"]):
            self.assertEqual(self.nobody(*args)[::2], (0, ""), args)


if __name__ == "__main__":
    unittest.main()
